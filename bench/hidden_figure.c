#include "hidden_figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE_LEAST  96 /* small images are enlarged by a whole factor */
#define GAP         1
#define MARGIN      10
#define TEXT_SIZE   9
#define INK         0x202020
#define PLOT_WIDTH  720 /* at least */
#define PLOT_HEIGHT 380

const hidden_case hidden_cases[HIDDEN_CASES] = {
    {"left as it is", {DISTURB_NOTHING, 0}, HIDDEN_FROM_FLOAT},
    {"8 bits", {DISTURB_BITS, 8}, HIDDEN_FROM_BYTES},
    {"6 bits", {DISTURB_BITS, 6}, HIDDEN_NO_ROW},
    {"5 bits", {DISTURB_BITS, 5}, HIDDEN_NO_ROW},
    {"4 bits", {DISTURB_BITS, 4}, HIDDEN_NO_ROW},
    {"blur of sigma 0.5", {DISTURB_BLUR, 0.5}, HIDDEN_NO_ROW},
    {"blur of sigma 1", {DISTURB_BLUR, 1}, HIDDEN_FROM_BLUR},
    {"blur of sigma 2", {DISTURB_BLUR, 2}, HIDDEN_NO_ROW},
    {"noise of sigma 1", {DISTURB_NOISE, 1}, HIDDEN_NO_ROW},
    {"noise of sigma 2", {DISTURB_NOISE, 2}, HIDDEN_NO_ROW},
    {"noise of sigma 4", {DISTURB_NOISE, 4}, HIDDEN_NO_ROW},
    {"noise of sigma 8", {DISTURB_NOISE, 8}, HIDDEN_NO_ROW},
    {"JPEG of quality 90", {DISTURB_JPEG, 90}, HIDDEN_NO_ROW},
};

hidden_result hidden_result_of(const hidden_sum *sum, int64_t n)
{
    double count = (double)n, mean = sum->error / count;
    double variance = n > 1 ? fmax(0, sum->squares - count * mean * mean) / (count - 1) : 0;
    return (hidden_result){.change = sum->change / count, .error = mean, .standard_error = sqrt(variance / count)};
}

/* ---- images ---- */

static size_t image_bytes(const hidden_pictures *p)
{
    return (size_t)(p->info.height * p->info.width * p->info.channels);
}

gan_status hidden_pictures_create(hidden_pictures *p, const gan_data_info *info, int64_t of, gan_message *message)
{
    *p = (hidden_pictures){.info = *info, .of = of, .n = of < HIDDEN_COLUMNS ? of : HIDDEN_COLUMNS};
    p->bytes = calloc((size_t)(HIDDEN_ROWS * p->n), image_bytes(p));
    return p->bytes ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for images");
}

void hidden_pictures_free(hidden_pictures *p)
{
    free(p->bytes);
    free(p->chunk);
    *p = (hidden_pictures){0};
}

gan_status hidden_pictures_take(hidden_pictures *p, hidden_row row, gan_tensor *images, int64_t first)
{
    gan_context *ctx = gan_context_of(images);
    size_t size = image_bytes(p), needed = (size_t)gan_count(images);
    int64_t n = gan_dim(images, 0);
    if (row == HIDDEN_NO_ROW)
        return GAN_OK;
    if (needed > p->chunk_size) {
        free(p->chunk);
        p->chunk = malloc(needed);
        p->chunk_size = p->chunk ? needed : 0;
    }
    if (!p->chunk)
        return gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for images");
    gan_status status = gan_read_u8(gan_images_to_u8(images), p->chunk);
    for (int64_t i = 0; i < p->n && !status; i++) {
        int64_t at = i * p->of / p->n - first;
        if (at >= 0 && at < n)
            memcpy(p->bytes + (size_t)(row * p->n + i) * size, p->chunk + (size_t)at * size, size);
    }
    return status;
}

/* ---- the figure ---- */

static const char *const labels[2][HIDDEN_ROWS] = {
    {"A", "A to B", "back to A", "from 8 bits", "from blur 1"},
    {"B", "B to A", "back to B", "from 8 bits", "from blur 1"},
};

/* All rows of images, in colour and enlarged. */
static gan_status make_grid(const hidden_pictures *p, gan_image *out, gan_message *message)
{
    gan_image small = {0};
    int64_t factor = (SIDE_LEAST + p->info.width - 1) / p->info.width;
    gan_status status = gan_image_grid(p->bytes, HIDDEN_ROWS * p->n, p->info.height, p->info.width,
                                       (int)p->info.channels, p->n, GAP, &small, message);
    if (!status)
        status = gan_image_convert(&small, 3, message);
    if (!status)
        status = gan_image_resize(&small, factor * small.width, factor * small.height, GAN_FILTER_AREA, out, message);
    gan_image_free(&small);
    return status;
}

static void paste(gan_image *onto, const gan_image *image, int64_t x, int64_t y)
{
    for (int64_t row = 0; row < image->height; row++)
        memcpy(onto->pixels + (size_t)(((y + row) * onto->width + x) * 3),
               image->pixels + (size_t)(row * image->width * 3), (size_t)(image->width * 3));
}

/* A line for each kind of disturbance, from the image that is left as it is. */
typedef struct curves {
    double x[HIDDEN_CASES][HIDDEN_CASES + 1], y[HIDDEN_CASES][HIDDEN_CASES + 1];
    gan_series series[HIDDEN_CASES];
    int n;
} curves;

static void make_curves(const hidden_result *results, curves *c)
{
    static const char *const names[] = {[DISTURB_NOTHING] = "left as it is",
                                        [DISTURB_BITS] = "fewer bits",
                                        [DISTURB_BLUR] = "blur",
                                        [DISTURB_NOISE] = "noise",
                                        [DISTURB_JPEG] = "JPEG"};
    c->n = 0;
    for (int i = 0; i < HIDDEN_CASES; i++) {
        disturbance_kind kind = hidden_cases[i].with.kind;
        if (i == 0 || kind != hidden_cases[i - 1].with.kind) {
            gan_series *s = &c->series[c->n];
            *s = (gan_series){.name = names[kind], .x = c->x[c->n], .y = c->y[c->n]};
            s->kind = i == 0 ? GAN_PLOT_SCATTER : GAN_PLOT_LINE;
            c->x[c->n][0] = 0;
            c->y[c->n][0] = HIDDEN_GREY_LEVELS * results[0].error;
            s->n = 1;
            c->n++;
        }
        gan_series *s = &c->series[c->n - 1];
        c->x[c->n - 1][s->n] = HIDDEN_GREY_LEVELS * results[i].change;
        c->y[c->n - 1][s->n++] = HIDDEN_GREY_LEVELS * results[i].error;
    }
}

static gan_status draw_plot(const hidden_result *results, int64_t width, gan_image *out, gan_message *message)
{
    curves c;
    double most = 0;
    make_curves(results, &c);
    for (int i = 0; i < HIDDEN_CASES; i++)
        most = fmax(most, HIDDEN_GREY_LEVELS * results[i].error);
    gan_axes axes = {.title = "Recovered from disturbed translations",
                     .x_label = "change of the translated image, grey levels",
                     .y_label = "error of the recovered image, grey levels",
                     .series = c.series,
                     .n_series = c.n,
                     .y_max = 1.05 * most};
    return gan_plot(&axes, 1, width, PLOT_HEIGHT, out, message);
}

static double label_width(int domain)
{
    double most = 0;
    for (int i = 0; i < HIDDEN_ROWS; i++)
        most = fmax(most, gan_text_width(TEXT_SIZE, labels[domain][i]));
    return most;
}

static gan_status compose(const gan_image *grid, const gan_image *plot, int domain, gan_image *out,
                          gan_message *message)
{
    int64_t left = (int64_t)label_width(domain) + 2 * MARGIN;
    gan_status status = gan_image_create(out, plot->width, MARGIN + grid->height + plot->height, 3, message);
    if (status)
        return status;
    memset(out->pixels, 255, (size_t)(out->width * out->height * 3));
    paste(out, grid, left, MARGIN);
    paste(out, plot, 0, MARGIN + grid->height);
    for (int i = 0; i < HIDDEN_ROWS; i++) {
        double middle = MARGIN + (i + 0.5) * (double)grid->height / HIDDEN_ROWS;
        gan_image_text(out, MARGIN, middle + TEXT_SIZE / 2.0, TEXT_SIZE, INK, labels[domain][i]);
    }
    return GAN_OK;
}

gan_status hidden_figure_write(const hidden_pictures *p, const hidden_result results[HIDDEN_CASES], int domain,
                               const char *path, gan_message *message)
{
    gan_image grid = {0}, plot = {0}, figure = {0};
    gan_status status = make_grid(p, &grid, message);
    int64_t width = grid.width + (int64_t)label_width(domain) + 3 * MARGIN;
    if (!status)
        status = draw_plot(results, width > PLOT_WIDTH ? width : PLOT_WIDTH, &plot, message);
    if (!status)
        status = compose(&grid, &plot, domain, &figure, message);
    if (!status)
        status = gan_png_write(path, &figure, message);
    gan_image_free(&grid);
    gan_image_free(&plot);
    gan_image_free(&figure);
    return status;
}
