/* series.c - lines, bands and scattered points. */
#include <math.h>
#include <stdlib.h>

#include "image/frame.h"

#define LINE_WIDTH  1.6
#define BAND_ALPHA  0.22
#define BUCKET      3.0 /* pixels across that one mean of a long line stands for */
#define DOT_RADIUS  1.8
#define LONE_RADIUS 2.6 /* a line of one point */

typedef struct bucket {
    int64_t n;
    double least, most, sum; /* of y */
} bucket;

static bool drawable(const gan_series *s, int64_t i)
{
    return isfinite(s->x[i]) && isfinite(s->y[i]);
}

static void draw_short(gan__canvas *canvas, const gan__frame *f, const gan_series *s, uint32_t colour)
{
    double last_x = 0, last_y = 0;
    int64_t drawn = 0;
    for (int64_t i = 0; i < s->n; i++) {
        if (!drawable(s, i))
            continue;
        double x = gan__frame_x(f, s->x[i]), y = gan__frame_y(f, s->y[i]);
        if (drawn++ > 0)
            gan__canvas_line(canvas, last_x, last_y, x, y, LINE_WIDTH);
        last_x = x, last_y = y;
    }
    if (drawn == 1)
        gan__canvas_dot(canvas, last_x, last_y, LONE_RADIUS);
    gan__canvas_paint(canvas, colour, 1);
}

static void collect(const gan__frame *f, const gan_series *s, bucket *buckets, int n)
{
    for (int64_t i = 0; i < s->n; i++) {
        double at = drawable(s, i) ? (gan__frame_x(f, s->x[i]) - f->left) / BUCKET : -1;
        if (!(at >= 0 && at <= n)) /* what is beside the frame is not shown */
            continue;
        bucket *b = &buckets[at < n ? (int)at : n - 1];
        b->least = b->n ? fmin(b->least, s->y[i]) : s->y[i];
        b->most = b->n ? fmax(b->most, s->y[i]) : s->y[i];
        b->n++;
        b->sum += s->y[i] / 1024; /* sums of huge values stay finite */
    }
}

/* The columns between the middles of two neighbouring buckets, or of one bucket alone. */
static void draw_band(gan__canvas *canvas, const gan__frame *f, double x0, const bucket *a, double x1, const bucket *b)
{
    for (int64_t x = (int64_t)floor(x0); x < (int64_t)floor(x1); x++) {
        double t = (double)(x - (int64_t)floor(x0)) / (floor(x1) - floor(x0));
        double low = a->least + t * (b->least - a->least), high = a->most + t * (b->most - a->most);
        gan__canvas_column(canvas, x, gan__frame_y(f, high), gan__frame_y(f, low));
    }
}

static bool draw_long(gan__canvas *canvas, const gan__frame *f, const gan_series *s, uint32_t colour, bool band)
{
    int n = (int)ceil((f->right - f->left) / BUCKET), last = -1;
    bucket *buckets = calloc((size_t)n, sizeof *buckets);
    if (!buckets)
        return false;
    collect(f, s, buckets, n);
    int used = 0;
    for (int i = 0; i < n; i++) {
        const bucket *b = &buckets[i];
        if (b->n == 0)
            continue;
        double x = f->left + (i + 0.5) * BUCKET, mean = gan__frame_y(f, b->sum / (double)b->n * 1024);
        if (last >= 0) {
            double last_x = f->left + (last + 0.5) * BUCKET;
            double last_mean = gan__frame_y(f, buckets[last].sum / (double)buckets[last].n * 1024);
            if (band)
                draw_band(canvas, f, last_x, &buckets[last], x, b);
            else
                gan__canvas_line(canvas, last_x, last_mean, x, mean, LINE_WIDTH);
        }
        last = i;
        used++;
    }
    if (used == 1 && band)
        draw_band(canvas, f, f->left + last * BUCKET, &buckets[last], f->left + (last + 1) * BUCKET, &buckets[last]);
    else if (used == 1)
        gan__canvas_dot(canvas, f->left + (last + 0.5) * BUCKET,
                        gan__frame_y(f, buckets[last].sum / (double)buckets[last].n * 1024), LONE_RADIUS);
    free(buckets);
    gan__canvas_paint(canvas, colour, band ? BAND_ALPHA : 1);
    return true;
}

/* Many points are paler, so that dense places show. */
static void draw_scatter(gan__canvas *canvas, const gan__frame *f, const gan_series *s, uint32_t colour)
{
    double alpha = fmin(0.9, fmax(0.25, 30 / sqrt((double)s->n)));
    for (int64_t i = 0; i < s->n; i++) {
        if (!drawable(s, i))
            continue;
        gan__canvas_dot(canvas, gan__frame_x(f, s->x[i]), gan__frame_y(f, s->y[i]), DOT_RADIUS);
        gan__canvas_paint(canvas, colour, alpha);
    }
}

bool gan__series_draw(gan__canvas *canvas, const gan__frame *frame, const gan_series *series, uint32_t colour,
                      bool band)
{
    if (series->n <= 0 || !series->x || !series->y)
        return true;
    if (series->kind == GAN_PLOT_LINE && (double)series->n > frame->right - frame->left)
        return draw_long(canvas, frame, series, colour, band);
    if (band)
        return true;
    if (series->kind == GAN_PLOT_LINE)
        draw_short(canvas, frame, series, colour);
    else
        draw_scatter(canvas, frame, series, colour);
    return true;
}
