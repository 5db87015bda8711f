#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "image/font.h"
#include "image/frame.h"
#include "image/ticks.h"

#define MIN_WIDTH  120
#define MIN_HEIGHT 90

/* Sizes in pixels; text by the height of a capital. */
#define TITLE_SIZE   11.0
#define LABEL_SPACE  22.0 /* of the y axis */
#define LABEL_SIZE   9.0
#define TICK_SIZE    8.0
#define MARGIN       14.0
#define TITLE_ROW    22.0
#define LEGEND_ROW   18.0
#define SWATCH       18.0
#define SWATCH_GAP   6.0
#define LEGEND_GAP   18.0
#define TICK_GAP     7.0
#define TICK_SPACE_X 90.0
#define TICK_SPACE_Y 44.0
#define TICK_SPACE   60.0 /* of both axes where they have one scale, so that they get one step */

#define TEXT_COLOUR 0x333333u
#define SOFT_COLOUR 0x595959u
#define GRID_COLOUR 0xe4e4e4u
#define AXIS_COLOUR 0x8c8c8cu

/* Told apart by people with any colour vision: M. Okabe and K. Ito, "Color universal design", 2008; the last two
 * changed to be seen on white. */
static const uint32_t palette[] = {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x4d4d4d, 0x8c6d31};

static uint32_t colour_of(const gan_axes *axes, int i)
{
    uint32_t colour = axes->series[i].colour;
    return colour ? colour : palette[i % (int)(sizeof palette / sizeof palette[0])];
}

static bool has_text(const char *text)
{
    return text && text[0];
}

/* ---- ranges ---- */

/* The least and greatest finite value of one coordinate over all series; false: there is none. */
static bool extent(const gan_axes *axes, bool of_y, double *low, double *high)
{
    bool any = false;
    for (int s = 0; s < axes->n_series; s++) {
        const gan_series *series = &axes->series[s];
        for (int64_t i = 0; series->x && series->y && i < series->n; i++) {
            if (!isfinite(series->x[i]) || !isfinite(series->y[i]))
                continue;
            double value = of_y ? series->y[i] : series->x[i];
            *low = any ? fmin(*low, value) : value;
            *high = any ? fmax(*high, value) : value;
            any = true;
        }
    }
    return any;
}

static bool any_scatter(const gan_axes *axes)
{
    for (int s = 0; s < axes->n_series; s++)
        if (axes->series[s].kind == GAN_PLOT_SCATTER)
            return true;
    return false;
}

static void choose_range(const gan_axes *axes, bool of_y, double *low, double *high)
{
    double asked_low = of_y ? axes->y_min : axes->x_min, asked_high = of_y ? axes->y_max : axes->x_max;
    const double huge = 1e300, tiny = 1e-290; /* differences stay finite and normal */
    if (isfinite(asked_low) && isfinite(asked_high) && asked_low < asked_high) {
        *low = fmax(asked_low, -huge);
        *high = fmin(asked_high, huge);
    } else if (extent(axes, of_y, low, high)) {
        *low = fmax(*low, -huge);
        *high = fmin(*high, huge);
        double pad = of_y || any_scatter(axes) ? 0.05 * (*high - *low) : 0;
        *low -= pad, *high += pad;
    } else {
        *low = 0, *high = 1;
    }
    double size = fmax(fabs(*low), fabs(*high));
    if (*high - *low <= 1e-9 * size || *high - *low < tiny) { /* as good as constant */
        double pad = size > tiny ? 0.1 * size : 1;
        *low -= pad, *high += pad;
    }
}

/* ---- layout ---- */

typedef struct layout {
    gan__frame frame;
    gan__ticks x_ticks, y_ticks;
    double edge_left, edge_right; /* of title and legend */
    double title_y, legend_y;     /* baselines; the legend's first row */
    bool legend_beside_title;
} layout;

static double item_width(const gan_series *series)
{
    return SWATCH + SWATCH_GAP + gan_text_width(LABEL_SIZE, series->name);
}

/* Rows that the legend needs in `width`, and the width of the widest. */
static int legend_rows(const gan_axes *axes, double width, double *widest)
{
    int rows = 0;
    double x = 0;
    *widest = 0;
    for (int i = 0; i < axes->n_series; i++) {
        if (!has_text(axes->series[i].name))
            continue;
        double item = item_width(&axes->series[i]);
        if (rows == 0 || x + LEGEND_GAP + item > width) {
            rows++;
            x = item;
        } else {
            x += LEGEND_GAP + item;
        }
        *widest = fmax(*widest, x);
    }
    return rows;
}

static double widest_tick(const gan__ticks *ticks)
{
    double widest = 0;
    char text[GAN__TICK_TEXT];
    for (int i = 0; i < ticks->n; i++) {
        gan__tick_text(ticks, i, text);
        widest = fmax(widest, gan_text_width(TICK_SIZE, text));
    }
    return widest;
}

static int wanted_ticks(double pixels, double space)
{
    int n = (int)(pixels / space);
    return n < 2 ? 2 : n;
}

/* Same pixels per unit on both axes: make the longer side of the frame shorter, keeping its middle. */
static void equalize(gan__frame *f)
{
    double width = f->right - f->left, height = f->bottom - f->top;
    double across = width / (f->x_max - f->x_min), down = height / (f->y_max - f->y_min);
    if (across > down) {
        double less = floor((width - fmax(40, (f->x_max - f->x_min) * down)) / 2);
        f->left += less, f->right -= less;
    } else {
        double less = floor((height - fmax(40, (f->y_max - f->y_min) * across)) / 2);
        f->top += less, f->bottom -= less;
    }
}

static layout lay_out(const gan_axes *axes, double top, double width, double height)
{
    layout l = {0};
    gan__frame *f = &l.frame;
    choose_range(axes, false, &f->x_min, &f->x_max);
    choose_range(axes, true, &f->y_min, &f->y_max);
    double y = top + MARGIN, widest;
    l.edge_left = MARGIN;
    l.edge_right = width - MARGIN;
    int rows = legend_rows(axes, l.edge_right - l.edge_left, &widest);
    double title = has_text(axes->title) ? gan_text_width(TITLE_SIZE, axes->title) : 0;
    l.legend_beside_title = rows == 1 && title + 2 * LEGEND_GAP + widest < l.edge_right - l.edge_left;
    l.title_y = y + TITLE_SIZE;
    l.legend_y = l.title_y - 1;
    if (has_text(axes->title) || (rows > 0 && l.legend_beside_title))
        y += TITLE_ROW;
    if (rows > 0 && !l.legend_beside_title) {
        l.legend_y = y + LABEL_SIZE + 1;
        y += rows * LEGEND_ROW;
    }
    f->top = floor(y + 4);
    f->bottom =
        floor(top + height - MARGIN + 4 - TICK_GAP - TICK_SIZE - (has_text(axes->x_label) ? 2 * LABEL_SIZE : 0));
    f->bottom = fmax(f->bottom, f->top + 20);
    l.y_ticks = gan__ticks_find(f->y_min, f->y_max, wanted_ticks(f->bottom - f->top, TICK_SPACE_Y));
    f->left =
        MARGIN + (has_text(axes->y_label) ? LABEL_SPACE : 0) + fmin(widest_tick(&l.y_ticks), width / 3) + TICK_GAP;
    f->left = floor(f->left);
    f->right = floor(fmax(width - MARGIN - 6, f->left + 20));
    if (axes->equal)
        equalize(f);
    double space_x = axes->equal ? TICK_SPACE : TICK_SPACE_X, space_y = axes->equal ? TICK_SPACE : TICK_SPACE_Y;
    l.x_ticks = gan__ticks_find(f->x_min, f->x_max, wanted_ticks(f->right - f->left, space_x));
    if (widest_tick(&l.x_ticks) > 0.8 * space_x) /* long labels: fewer */
        l.x_ticks = gan__ticks_find(f->x_min, f->x_max, wanted_ticks(f->right - f->left, 2 * space_x));
    if (axes->equal)
        l.y_ticks = gan__ticks_find(f->y_min, f->y_max, wanted_ticks(f->bottom - f->top, space_y));
    return l;
}

/* ---- drawing ---- */

static void draw_text(gan__canvas *c, double x, double y, double size, uint32_t colour, bool up, const char *text)
{
    gan__canvas_text(c, x, y, size, gan__font_pen(size), up, text);
    gan__canvas_paint(c, colour, 1);
}

static void draw_x_axis(gan__canvas *c, const layout *l, const gan_axes *axes)
{
    const gan__frame *f = &l->frame;
    char text[GAN__TICK_TEXT];
    for (int i = 0; i < l->x_ticks.n; i++) {
        double x = floor(gan__frame_x(f, gan__tick_value(&l->x_ticks, i))) + 0.5;
        gan__canvas_line(c, x, f->top + 0.5, x, f->bottom + 0.5, 1);
        gan__canvas_paint(c, GRID_COLOUR, 1);
        gan__canvas_line(c, x, f->bottom + 0.5, x, f->bottom + 4, 1);
        gan__canvas_paint(c, AXIS_COLOUR, 1);
        gan__tick_text(&l->x_ticks, i, text);
        double width = gan_text_width(TICK_SIZE, text), last = (double)c->image->width - width - 2;
        draw_text(c, fmin(x - width / 2, last), f->bottom + TICK_GAP + TICK_SIZE, TICK_SIZE, SOFT_COLOUR, false, text);
    }
    if (has_text(axes->x_label))
        draw_text(c, (f->left + f->right - gan_text_width(LABEL_SIZE, axes->x_label)) / 2,
                  f->bottom + TICK_GAP + TICK_SIZE + 2 * LABEL_SIZE, LABEL_SIZE, TEXT_COLOUR, false, axes->x_label);
}

static void draw_y_axis(gan__canvas *c, const layout *l, const gan_axes *axes)
{
    const gan__frame *f = &l->frame;
    char text[GAN__TICK_TEXT];
    for (int i = 0; i < l->y_ticks.n; i++) {
        double y = floor(gan__frame_y(f, gan__tick_value(&l->y_ticks, i))) + 0.5;
        gan__canvas_line(c, f->left + 0.5, y, f->right + 0.5, y, 1);
        gan__canvas_paint(c, GRID_COLOUR, 1);
        gan__canvas_line(c, f->left - 3, y, f->left + 0.5, y, 1);
        gan__canvas_paint(c, AXIS_COLOUR, 1);
        gan__tick_text(&l->y_ticks, i, text);
        draw_text(c, f->left - TICK_GAP - gan_text_width(TICK_SIZE, text), y + TICK_SIZE / 2, TICK_SIZE, SOFT_COLOUR,
                  false, text);
    }
    if (has_text(axes->y_label)) {
        double x = f->left - TICK_GAP - widest_tick(&l->y_ticks) - (LABEL_SPACE - LABEL_SIZE);
        double y = (f->top + f->bottom + gan_text_width(LABEL_SIZE, axes->y_label)) / 2;
        draw_text(c, fmax(x, LABEL_SIZE + 4), y, LABEL_SIZE, TEXT_COLOUR, true, axes->y_label);
    }
}

static void draw_legend(gan__canvas *c, const layout *l, const gan_axes *axes)
{
    double widest, width = l->edge_right - l->edge_left, x = 0, y = l->legend_y;
    if (legend_rows(axes, width, &widest) == 0)
        return;
    double start = l->legend_beside_title ? l->edge_right - widest - 6 : l->edge_left;
    bool first = true;
    for (int i = 0; i < axes->n_series; i++) {
        const gan_series *series = &axes->series[i];
        if (!has_text(series->name))
            continue;
        double item = item_width(series);
        if (!first && x + item > width) {
            x = 0;
            y += LEGEND_ROW;
        }
        double middle = floor(y - LABEL_SIZE / 2) + 0.5;
        if (series->kind == GAN_PLOT_SCATTER)
            gan__canvas_dot(c, start + x + SWATCH / 2, middle, 4);
        else
            gan__canvas_line(c, start + x + 1, middle, start + x + SWATCH - 1, middle, 3);
        gan__canvas_paint(c, colour_of(axes, i), 1);
        draw_text(c, start + x + SWATCH + SWATCH_GAP, y, LABEL_SIZE, TEXT_COLOUR, false, series->name);
        x += item + LEGEND_GAP;
        first = false;
    }
}

static bool draw_data(gan__canvas *c, const layout *l, const gan_axes *axes)
{
    const gan__frame *f = &l->frame;
    bool drawn = true;
    gan__canvas_clip(c, (int64_t)f->left + 1, (int64_t)f->top, (int64_t)f->right + 2, (int64_t)f->bottom + 1);
    for (int band = 1; band >= 0; band--)
        for (int i = 0; i < axes->n_series; i++)
            drawn = gan__series_draw(c, f, &axes->series[i], colour_of(axes, i), band) && drawn;
    gan__canvas_clip(c, 0, 0, c->image->width, c->image->height);
    return drawn;
}

static bool draw_axes(gan__canvas *c, const gan_axes *axes, double top, double width, double height)
{
    layout l = lay_out(axes, top, width, height);
    const gan__frame *f = &l.frame;
    if (has_text(axes->title)) { /* heavier than the rest, and darker */
        gan__canvas_text(c, l.edge_left, l.title_y, TITLE_SIZE, 1.7, false, axes->title);
        gan__canvas_paint(c, 0x1a1a1a, 1);
    }
    draw_legend(c, &l, axes);
    draw_x_axis(c, &l, axes);
    draw_y_axis(c, &l, axes);
    bool drawn = draw_data(c, &l, axes);
    gan__canvas_line(c, f->left + 0.5, f->top + 0.5, f->left + 0.5, f->bottom + 0.5, 1);
    gan__canvas_line(c, f->left + 0.5, f->bottom + 0.5, f->right + 0.5, f->bottom + 0.5, 1);
    gan__canvas_paint(c, AXIS_COLOUR, 1);
    return drawn;
}

static gan_status check(const gan_axes *axes, int n, int64_t width, int64_t height, gan_message *message)
{
    if (!axes || n < 1 || n > 1024)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "a plot of %d axes was asked for, expected 1 to 1024", n);
    if (width < MIN_WIDTH || height < MIN_HEIGHT || width > GAN_IMAGE_MAX_SIDE || height > GAN_IMAGE_MAX_SIDE)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "a plot of %" PRId64 "x%" PRId64 " pixels was asked for, expected %dx%d to %dx%d", width,
                        height, MIN_WIDTH, MIN_HEIGHT, GAN_IMAGE_MAX_SIDE, GAN_IMAGE_MAX_SIDE);
    for (int i = 0; i < n; i++)
        if (axes[i].n_series < 0 || (axes[i].n_series > 0 && !axes[i].series))
            return gan_fail(message, GAN_ERROR_ARGUMENT, "axes %d of a plot have %d series but no place for them", i,
                            axes[i].n_series);
    return GAN_OK;
}

gan_status gan_plot(const gan_axes *axes, int n, int64_t width, int64_t height, gan_image *out, gan_message *message)
{
    gan_image image;
    gan_status status = check(axes, n, width, height, message);
    if (status == GAN_OK)
        status = gan_image_create(&image, width, n * height, 3, message);
    if (status != GAN_OK)
        return status;
    memset(image.pixels, 255, (size_t)(image.width * image.height * 3));
    gan__canvas canvas;
    bool drawn = gan__canvas_open(&canvas, &image, 0, 0, image.width, image.height);
    for (int i = 0; i < n && drawn; i++)
        drawn = draw_axes(&canvas, &axes[i], (double)(i * height), (double)width, (double)height);
    gan__canvas_close(&canvas);
    if (!drawn) {
        gan_image_free(&image);
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for a plot of %" PRId64 "x%" PRId64 " pixels", width,
                        n * height);
    }
    *out = image;
    return GAN_OK;
}
