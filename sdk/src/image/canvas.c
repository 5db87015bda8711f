#include "image/canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/font.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void clean(gan__canvas *c)
{
    c->dirty_x0 = c->dirty_y0 = INT64_MAX;
    c->dirty_x1 = c->dirty_y1 = INT64_MIN;
}

bool gan__canvas_open(gan__canvas *canvas, gan_image *image, int64_t x0, int64_t y0, int64_t x1, int64_t y1)
{
    *canvas = (gan__canvas){.image = image};
    canvas->x0 = least(most(x0, 0), image->width);
    canvas->y0 = least(most(y0, 0), image->height);
    canvas->x1 = most(least(x1, image->width), canvas->x0);
    canvas->y1 = most(least(y1, image->height), canvas->y0);
    gan__canvas_clip(canvas, x0, y0, x1, y1);
    clean(canvas);
    size_t area = (size_t)(canvas->x1 - canvas->x0) * (size_t)(canvas->y1 - canvas->y0);
    canvas->mask = calloc(area ? area : 1, 1);
    return canvas->mask != NULL;
}

void gan__canvas_close(gan__canvas *canvas)
{
    free(canvas->mask);
    canvas->mask = NULL;
}

void gan__canvas_clip(gan__canvas *canvas, int64_t x0, int64_t y0, int64_t x1, int64_t y1)
{
    canvas->clip_x0 = most(x0, canvas->x0);
    canvas->clip_y0 = most(y0, canvas->y0);
    canvas->clip_x1 = least(x1, canvas->x1);
    canvas->clip_y1 = least(y1, canvas->y1);
}

/* Raise the mask's pixel to a coverage of 0 to 1. The pixel is inside the clip. */
static void cover(gan__canvas *c, int64_t x, int64_t y, double coverage)
{
    uint8_t *at = c->mask + (size_t)((y - c->y0) * (c->x1 - c->x0) + (x - c->x0));
    uint8_t value = (uint8_t)(255 * (coverage < 1 ? coverage : 1) + 0.5);
    if (value > *at)
        *at = value;
}

static void mark(gan__canvas *c, int64_t x0, int64_t y0, int64_t x1, int64_t y1)
{
    c->dirty_x0 = least(c->dirty_x0, x0), c->dirty_x1 = most(c->dirty_x1, x1);
    c->dirty_y0 = least(c->dirty_y0, y0), c->dirty_y1 = most(c->dirty_y1, y1);
}

/* Cut a-b to the clip widened by `reach`, after Liang and Barsky, ACM Transactions on Graphics, 1984. False: nothing
 * of it is inside. */
static bool cut(const gan__canvas *c, double reach, double *x0, double *y0, double *x1, double *y1)
{
    double dx = *x1 - *x0, dy = *y1 - *y0, from = 0, to = 1;
    double step[4] = {-dx, dx, -dy, dy};
    double room[4] = {*x0 - ((double)c->clip_x0 - reach), (double)c->clip_x1 + reach - *x0,
                      *y0 - ((double)c->clip_y0 - reach), (double)c->clip_y1 + reach - *y0};
    for (int i = 0; i < 4; i++) {
        if (step[i] == 0) {
            if (room[i] < 0)
                return false;
            continue;
        }
        double t = room[i] / step[i];
        if (step[i] < 0)
            from = fmax(from, t);
        else
            to = fmin(to, t);
    }
    if (from > to)
        return false;
    *x1 = *x0 + to * dx, *y1 = *y0 + to * dy;
    *x0 += from * dx, *y0 += from * dy;
    return true;
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* A pixel is covered by what its centre's distance to the line leaves of the pen's half width and half a pixel. */
void gan__canvas_line(gan__canvas *c, double x0, double y0, double x1, double y1, double width)
{
    double far = 1e9; /* keeps the arithmetic finite; what is drawn is much nearer */
    if (!isfinite(x0) || !isfinite(y0) || !isfinite(x1) || !isfinite(y1) || c->clip_x0 >= c->clip_x1 ||
        c->clip_y0 >= c->clip_y1)
        return;
    x0 = clamp(x0, -far, far), y0 = clamp(y0, -far, far), x1 = clamp(x1, -far, far), y1 = clamp(y1, -far, far);
    double reach = width / 2 + 0.5;
    if (!cut(c, reach, &x0, &y0, &x1, &y1))
        return;
    double dx = x1 - x0, dy = y1 - y0, length2 = dx * dx + dy * dy, length = sqrt(length2);
    int64_t top = most(c->clip_y0, (int64_t)floor(fmin(y0, y1) - reach));
    int64_t bottom = least(c->clip_y1 - 1, (int64_t)ceil(fmax(y0, y1) + reach));
    double left_end = fmin(x0, x1) - reach, right_end = fmax(x0, x1) + reach;
    for (int64_t y = top; y <= bottom; y++) {
        double py = (double)y + 0.5 - y0, low = left_end, high = right_end;
        if (fabs(dy) > 1e-9) { /* the part of this row that is within reach of the endless line */
            double middle = x0 + py * dx / dy, half = reach * length / fabs(dy);
            low = fmax(low, middle - half), high = fmin(high, middle + half);
        }
        int64_t left = most(c->clip_x0, (int64_t)floor(low)), right = least(c->clip_x1 - 1, (int64_t)ceil(high));
        for (int64_t x = left; x <= right; x++) {
            double px = (double)x + 0.5 - x0;
            double t = length2 > 0 ? clamp((px * dx + py * dy) / length2, 0, 1) : 0;
            double distance = hypot(px - t * dx, py - t * dy);
            if (distance < reach)
                cover(c, x, y, reach - distance);
        }
    }
    mark(c, most(c->clip_x0, (int64_t)floor(left_end)), top, least(c->clip_x1 - 1, (int64_t)ceil(right_end)), bottom);
}

void gan__canvas_dot(gan__canvas *c, double x, double y, double radius)
{
    gan__canvas_line(c, x, y, x, y, 2 * radius);
}

void gan__canvas_column(gan__canvas *c, int64_t x, double y0, double y1)
{
    if (!(y0 <= y1) || x < c->clip_x0 || x >= c->clip_x1)
        return;
    y0 = clamp(y0, (double)c->clip_y0, (double)c->clip_y1), y1 = clamp(y1, (double)c->clip_y0, (double)c->clip_y1);
    int64_t top = (int64_t)floor(y0), bottom = least(c->clip_y1 - 1, (int64_t)floor(y1));
    for (int64_t y = top; y <= bottom; y++)
        cover(c, x, y, fmin(y1, (double)y + 1) - fmax(y0, (double)y));
    mark(c, x, top, x, bottom);
}

typedef struct placement {
    gan__canvas *canvas;
    double x, y, pen;
    bool up;
} placement;

static void text_line(void *to, double x0, double y0, double x1, double y1)
{
    const placement *p = to;
    if (p->up)
        gan__canvas_line(p->canvas, p->x - y0, p->y - x0, p->x - y1, p->y - x1, p->pen);
    else
        gan__canvas_line(p->canvas, p->x + x0, p->y - y0, p->x + x1, p->y - y1, p->pen);
}

void gan__canvas_text(gan__canvas *c, double x, double y, double size, double pen, bool up, const char *text)
{
    /* Pen strokes on the middle of pixels are sharp. */
    placement p = {.canvas = c, .x = floor(x) + 0.5, .y = floor(y) + 0.5, .pen = pen, .up = up};
    gan__font_walk(text, size, text_line, &p);
}

void gan__canvas_paint(gan__canvas *c, uint32_t colour, double alpha)
{
    int channels = c->image->channels;
    unsigned part[3] = {colour >> 16 & 255, colour >> 8 & 255, colour & 255};
    if (channels == 1) /* luma of ITU-R BT.601 */
        part[0] = (299 * part[0] + 587 * part[1] + 114 * part[2] + 500) / 1000;
    unsigned strength = (unsigned)(clamp(alpha, 0, 1) * 256 + 0.5);
    for (int64_t y = c->dirty_y0; y <= c->dirty_y1; y++) {
        uint8_t *mask = c->mask + (size_t)((y - c->y0) * (c->x1 - c->x0)) + (c->dirty_x0 - c->x0);
        uint8_t *pixel = c->image->pixels + (size_t)((y * c->image->width + c->dirty_x0) * channels);
        for (int64_t x = c->dirty_x0; x <= c->dirty_x1; x++, mask++, pixel += channels) {
            unsigned a = *mask * strength; /* of 255 * 256 */
            for (int k = 0; k < channels && a; k++)
                pixel[k] = (uint8_t)((part[k] * a + pixel[k] * (65280 - a) + 32640) / 65280);
            *mask = 0;
        }
    }
    clean(c);
}

double gan_text_width(double size, const char *text)
{
    if (!text || !(size > 0) || size > GAN_IMAGE_MAX_SIDE)
        return 0;
    return gan__font_walk(text, size, NULL, NULL);
}

void gan_image_text(gan_image *image, double x, double y, double size, uint32_t colour, const char *text)
{
    if (!image || !image->pixels || !text || !(size > 0) || size > GAN_IMAGE_MAX_SIDE || !(fabs(x) < 1e6) ||
        !(fabs(y) < 1e6))
        return;
    double width = fmin(gan_text_width(size, text), GAN_IMAGE_MAX_SIDE), pen = gan__font_pen(size);
    gan__canvas canvas;
    if (!gan__canvas_open(&canvas, image, (int64_t)(x - 0.3 * size - pen), (int64_t)(y - 1.3 * size - pen),
                          (int64_t)(x + width + 0.3 * size + pen), (int64_t)(y + 0.5 * size + pen)))
        return; /* no memory for a label: the figure goes without */
    gan__canvas_text(&canvas, x, y, size, pen, false, text);
    gan__canvas_paint(&canvas, colour, 1);
    gan__canvas_close(&canvas);
}
