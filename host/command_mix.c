/*
 * command_mix.c - `ganhost mix`: the table of style mixing (Karras et al. 2019, figure 3). The first row and the first
 * column show the sources; the image in row i and column j has the styles of row source i, but in the layers of
 * --layers those of column source j.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "styles.h"
#include "values.h"

#define SOURCES_MAX 1000
#define PAPER       255
#define INK         0x202020
/* The height of capital letters: a part of an image's side, within bounds. */
#define TEXT_PART  12
#define TEXT_LEAST 6
#define TEXT_MOST  24

typedef struct sources {
    uint64_t *seeds;
    int64_t n;
    float *w;        /* [n, layers, width] */
    uint8_t *images; /* [n, H, W, C] */
} sources;

/* Where things are, in pixels. Images are at the right and at the bottom, so that a table begins where its labels
 * end. */
typedef struct layout {
    int64_t gap;   /* between images */
    int64_t aside; /* between the sources and the table */
    double text;   /* height of letters */
    int64_t line;  /* height of a line of text */
    int64_t left;  /* of the row sources */
    int64_t top;   /* of the column sources */
    int64_t group; /* height of a range's part of the figure, its title included */
} layout;

typedef struct mixing {
    const arguments *args;
    opened o;
    styles st;
    sources rows, columns;
    layer_range ranges[VALUE_RANGES_MAX];
    int n_ranges;
    int32_t label;
    layout at;
    gan_image figure;
    char target[PATH_SIZE];
} mixing;

/* ---- sources ---- */

static gan_status parse_sources(sources *s, const char *option, const char *list, gan_message *message)
{
    if (!list)
        return gan_fail(message, GAN_ERROR_OPTION, "which images are mixed? Give --%s SEEDS, such as --%s 1,5,9",
                        option, option);
    return value_seeds(option, list, SOURCES_MAX, &s->seeds, &s->n, message);
}

static gan_status make_sources(mixing *p, sources *s, gan_message *message)
{
    float *z = calloc((size_t)(s->n * p->st.info.latent), sizeof *z);
    int32_t *labels = calloc((size_t)s->n, sizeof *labels);
    s->w = calloc((size_t)(s->n * styles_size(&p->st)), sizeof *s->w);
    s->images = calloc((size_t)s->n, session_sample_bytes(&p->o.s.info));
    gan_status status = GAN_OK;
    if (!z || !labels || !s->w || !s->images)
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory for %" PRId64 " images", s->n);
    for (int64_t i = 0; i < s->n && labels; i++)
        labels[i] = p->label;
    if (!status)
        status = styles_latents(&p->st, s->seeds, s->n, z, message);
    if (!status)
        status = styles_map(&p->st, z, s->n, session_classes(&p->o.s) > 0 ? labels : NULL, s->w, message);
    if (!status)
        status = styles_render(&p->st, s->w, s->n, s->images, message);
    free(z);
    free(labels);
    return status;
}

static void free_sources(sources *s)
{
    free(s->seeds);
    free(s->w);
    free(s->images);
}

/* ---- the figure ---- */

static void seed_text(uint64_t seed, char out[32])
{
    snprintf(out, 32, "%" PRIu64, seed);
}

/* Text that is at most `room` wide: smaller where it would not be. */
static double fit_text(double size, double room, const char *label)
{
    double width = gan_text_width(size, label);
    return width > room ? size * room / width : size;
}

static gan_status lay_out(mixing *p, gan_message *message)
{
    const gan_data_info *info = &p->o.s.info;
    layout *at = &p->at;
    double widest = 0;
    char label[32];
    at->gap = info->width >= 64 ? 2 : 1;
    at->aside = 3 * at->gap;
    at->text = fmin(fmax((double)info->height / TEXT_PART, TEXT_LEAST), TEXT_MOST);
    at->line = (int64_t)ceil(1.8 * at->text);
    for (int64_t i = 0; i < p->rows.n; i++) {
        seed_text(p->rows.seeds[i], label);
        widest = fmax(widest, gan_text_width(at->text, label));
    }
    at->left = (int64_t)ceil(widest + at->text);
    at->top = at->line;
    at->group = at->line + p->rows.n * (info->height + at->gap);
    /* Sources and sides are few enough that nothing overflows before gan_image_create judges the size. */
    int64_t width = at->left + info->width + at->aside + p->columns.n * (info->width + at->gap) - at->gap;
    int64_t height = at->top + info->height + p->n_ranges * at->group - at->gap;
    gan_status status = gan_image_create(&p->figure, width, height, (int)info->channels, message);
    if (!status)
        memset(p->figure.pixels, PAPER, (size_t)(width * height * info->channels));
    return status;
}

static int64_t column_x(const mixing *p, int64_t column)
{
    int64_t side = p->o.s.info.width;
    return p->at.left + side + p->at.aside + column * (side + p->at.gap);
}

static int64_t row_y(const mixing *p, int range, int64_t row)
{
    int64_t side = p->o.s.info.height;
    return p->at.top + side + range * p->at.group + p->at.line + row * (side + p->at.gap);
}

static void paste(mixing *p, const uint8_t *image, int64_t x, int64_t y)
{
    const gan_data_info *info = &p->o.s.info;
    size_t row = (size_t)(info->width * info->channels);
    for (int64_t i = 0; i < info->height; i++)
        memcpy(p->figure.pixels + (size_t)(((y + i) * p->figure.width + x) * info->channels), image + (size_t)i * row,
               row);
}

static void draw_columns(mixing *p)
{
    const gan_data_info *info = &p->o.s.info;
    for (int64_t i = 0; i < p->columns.n; i++) {
        char label[32];
        seed_text(p->columns.seeds[i], label);
        double size = fit_text(p->at.text, (double)info->width, label), width = gan_text_width(size, label);
        double x = (double)column_x(p, i) + ((double)info->width - width) / 2;
        gan_image_text(&p->figure, x, 1.4 * p->at.text, size, INK, label);
        paste(p, p->columns.images + (size_t)i * session_sample_bytes(info), column_x(p, i), p->at.top);
    }
}

/* The title of a range, and its row sources. */
static void draw_rows(mixing *p, int range)
{
    const gan_data_info *info = &p->o.s.info;
    layer_range layers = p->ranges[range];
    char label[64];
    snprintf(label, sizeof label, layers.first == layers.last ? "layer %" PRId64 : "layers %" PRId64 "-%" PRId64,
             layers.first, layers.last);
    double title = fit_text(p->at.text, (double)(p->figure.width - p->at.left), label);
    double up = (double)p->at.line - 1.4 * p->at.text; /* from the images' upper edge to the baseline */
    gan_image_text(&p->figure, (double)p->at.left, (double)row_y(p, range, 0) - up, title, INK, label);
    for (int64_t i = 0; i < p->rows.n; i++) {
        int64_t y = row_y(p, range, i);
        seed_text(p->rows.seeds[i], label);
        gan_image_text(&p->figure, p->at.text / 2, (double)y + ((double)info->height + p->at.text) / 2, p->at.text, INK,
                       label);
        paste(p, p->rows.images + (size_t)i * session_sample_bytes(info), p->at.left, y);
    }
}

/* ---- mixtures ---- */

/* Cell `index` of all: by range, row, column. */
static void cell(const mixing *p, int64_t index, int *range, int64_t *row, int64_t *column)
{
    *column = index % p->columns.n;
    *row = index / p->columns.n % p->rows.n;
    *range = (int)(index / p->columns.n / p->rows.n);
}

static void mix(const mixing *p, int64_t index, float *w)
{
    int range;
    int64_t row, column, size = styles_size(&p->st), width = p->st.info.width;
    cell(p, index, &range, &row, &column);
    layer_range layers = p->ranges[range];
    memcpy(w, p->rows.w + row * size, (size_t)size * sizeof *w);
    memcpy(w + layers.first * width, p->columns.w + column * size + layers.first * width,
           (size_t)((layers.last - layers.first + 1) * width) * sizeof *w);
}

static gan_status draw_mixtures(mixing *p, gan_message *message)
{
    int64_t batch = styles_batch(&p->st), cells = p->n_ranges * p->rows.n * p->columns.n, size = styles_size(&p->st);
    size_t bytes = session_sample_bytes(&p->o.s.info);
    float *w = calloc((size_t)(batch * size), sizeof *w);
    uint8_t *images = calloc((size_t)batch, bytes);
    double started = clock_seconds();
    gan_status status = w && images ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for mixtures");
    for (int64_t i = 0; i < cells && !status; i += batch) {
        int64_t n = cells - i < batch ? cells - i : batch;
        for (int64_t j = 0; j < n; j++)
            mix(p, i + j, w + j * size);
        status = styles_render(&p->st, w, n, images, message);
        for (int64_t j = 0; j < n && !status; j++) {
            int range;
            int64_t row, column;
            cell(p, i + j, &range, &row, &column);
            paste(p, images + (size_t)j * bytes, column_x(p, column), row_y(p, range, row));
        }
        console_progress(&p->o.out, started, i + n, cells, "images", "");
    }
    free(w);
    free(images);
    return status;
}

/* ---- the command ---- */

static gan_status parse_arguments(mixing *p, gan_message *message)
{
    const char *const *value = p->args->value;
    gan_status status = styles_options(&p->st, p->args, message);
    if (!status)
        status = parse_sources(&p->rows, "rows", value[CLI_ROWS], message);
    if (!status)
        status = parse_sources(&p->columns, "cols", value[CLI_COLS], message);
    if (!status && !value[CLI_LAYERS])
        status =
            gan_fail(message, GAN_ERROR_OPTION, "which layers are the column's? Give --layers, such as --layers 0-3");
    if (!status)
        status = opened_target(&p->o, "mix.png", p->target, message);
    if (!status && !text_ends_with(p->target, ".png"))
        status = gan_fail(message, GAN_ERROR_OPTION, "the figure goes to a .png file, not to %.200s", p->target);
    return status;
}

static gan_status open_model(mixing *p, gan_message *message)
{
    gan_status status = opened_load_generator(&p->o, message);
    if (!status)
        status = styles_begin(&p->st, &p->o, "ganhost mix", message);
    if (!status)
        status =
            value_layers("layers", p->args->value[CLI_LAYERS], p->st.info.layers, p->ranges, &p->n_ranges, message);
    return status ? status : opened_class(&p->o, &p->label, message);
}

static gan_status make_figure(mixing *p, gan_message *message)
{
    gan_status status = parse_arguments(p, message);
    if (!status)
        status = open_model(p, message);
    if (!status)
        status = lay_out(p, message);
    if (!status)
        status = make_sources(p, &p->rows, message);
    if (!status)
        status = make_sources(p, &p->columns, message);
    if (status)
        return status;
    draw_columns(p);
    for (int i = 0; i < p->n_ranges; i++)
        draw_rows(p, i);
    status = draw_mixtures(p, message);
    return status ? status : gan_png_write(p->target, &p->figure, message);
}

int command_mix(const arguments *args)
{
    mixing p = {.args = args};
    gan_message message = {{0}};
    opened_begin(&p.o, args);
    gan_status status = make_figure(&p, &message);
    if (!status)
        console_say(&p.o.out, "%" PRId64 " mixtures of %s: %s", p.n_ranges * p.rows.n * p.columns.n, p.o.checkpoint,
                    p.target);
    gan_image_free(&p.figure);
    free_sources(&p.rows);
    free_sources(&p.columns);
    opened_close(&p.o);
    return status ? cli_fail(status, &message) : EXIT_SUCCESS;
}
