#include "translator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "translations.h"
#include "values.h"

#define TILE    512
#define OVERLAP 64
/* Pictures that are translated at once: enough to keep a device busy; one tile is as much. */
#define BATCH_PIXELS (512 * 512)
#define BATCH        16
#define BATCH_MAX    4096
/* Values of a blended picture that are turned to bytes at once. */
#define PART 4194304

/* ---- beginning ---- */

static const char *const directions[] = {[GAN_A_TO_B] = "AtoB", [GAN_B_TO_A] = "BtoA"};

static gan_status parse_direction(translator *t, const char *value, gan_message *message)
{
    if (!value)
        return gan_fail(message, GAN_ERROR_OPTION, "which way? Give --direction AtoB or --direction BtoA");
    for (int i = 0; i < 2; i++)
        if (strcasecmp(value, directions[i]) == 0) {
            t->direction = (gan_direction)i;
            return GAN_OK;
        }
    return gan_fail(message, GAN_ERROR_OPTION, "--direction is AtoB or BtoA, but not \"%.64s\"", value);
}

gan_status translator_options(translator *t, const arguments *args, gan_message *message)
{
    const char *tile = args->value[CLI_TILE], *overlap = args->value[CLI_OVERLAP], *batch = args->value[CLI_BATCH];
    *t = (translator){.rule = {.multiple = 1, .least = 1, .tile = TILE}};
    gan_status status = parse_direction(t, args->value[CLI_DIRECTION], message);
    if (!status && tile)
        status = value_int("tile", tile, 0, GAN_IMAGE_MAX_SIDE, &t->rule.tile, message);
    t->rule.overlap = t->rule.tile / 4 < OVERLAP ? t->rule.tile / 4 : OVERLAP;
    if (!status && overlap)
        status = value_int("overlap", overlap, 0, GAN_IMAGE_MAX_SIDE, &t->rule.overlap, message);
    if (!status && t->rule.tile > 0 && t->rule.overlap > t->rule.tile / 2)
        return gan_fail(message, GAN_ERROR_OPTION,
                        "--overlap is %" PRId64 ", but can be half of a tile of %" PRId64 " pixels at most",
                        t->rule.overlap, t->rule.tile);
    if (!status && batch)
        status = value_int("batch", batch, 1, BATCH_MAX, &t->batch, message);
    return status;
}

gan_status translator_begin(translator *t, opened *o, gan_message *message)
{
    const gan_translate_extension *table = session_translation(&o->s);
    if (!table)
        return gan_fail(message, GAN_ERROR_OPTION,
                        "ganhost translate is for plugins of two domains (" GAN_TRANSLATE_EXTENSION
                        "), which %s is not",
                        o->s.plugin->table.id);
    gan_status status = session_evaluate_begin(&o->s, &t->evaluation, message);
    if (status)
        return status;
    t->s = &o->s;
    t->rule.multiple = table->multiple;
    t->rule.least = table->least;
    return GAN_OK;
}

void translator_end(translator *t)
{
    if (t->s)
        session_evaluate_end(t->s, &t->evaluation);
    t->s = NULL;
}

const char *translator_direction(const translator *t)
{
    return directions[t->direction];
}

void translator_plan(const translator *t, const gan_image *image, tile_axis *y, tile_axis *x)
{
    tile_axis_plan(image->height, &t->rule, y);
    tile_axis_plan(image->width, &t->rule, x);
}

int64_t translator_batch(const translator *t, int64_t height, int64_t width)
{
    int64_t fit = BATCH_PIXELS / (height * width);
    return t->batch ? t->batch : fit < 1 ? 1 : fit > BATCH ? BATCH : fit;
}

/* ---- networks ---- */

static gan_status read_values(gan_tensor *images, bool as_bytes, void *out)
{
    return as_bytes ? gan_read_u8(gan_images_to_u8(images), out) : gan_read_f32(images, out);
}

/* Into `out` and, unless it is NULL, what comes back of it into `back`. */
static gan_status there_and_back(const translator *t, gan_tensor *images, bool as_bytes, void *out, void *back)
{
    int from = t->direction == GAN_A_TO_B ? 0 : 1;
    void *const into[] = {out, back};
    for (int way = 0; way < 2 && into[way]; way++) {
        images = gan_is_poison(images) ? NULL : translations_of(t->s, way == 0 ? from : 1 - from, images);
        gan_status status = images ? read_values(images, as_bytes, into[way]) : GAN_ERROR_STATE;
        if (status)
            return status;
    }
    return GAN_OK;
}

/* Bytes [n, height, width, channels] to such images, as bytes or as f32. */
static gan_status run(const translator *t, const uint8_t *bytes, gan_shape shape, bool as_bytes, void *out, void *back,
                      gan_message *message)
{
    gan_context *ctx = t->s->ctx;
    gan_no_grad_begin(ctx);
    gan_tensor *images = gan_images_from_u8(gan_from_u8(ctx, shape, bytes));
    gan_status status = there_and_back(t, images, as_bytes, out, back);
    gan_no_grad_end(ctx, NULL);
    if (!status)
        return GAN_OK;
    char doing[160];
    bool memory = gan_status_of(ctx) == GAN_ERROR_MEMORY;
    snprintf(doing, sizeof doing, "cannot translate %" PRId64 " image%s of %" PRId64 "x%" PRId64 "%s%s", shape.dim[0],
             shape.dim[0] == 1 ? "" : "s", shape.dim[2], shape.dim[1], shape.dim[0] == 1 ? "" : " at once",
             memory ? " (a smaller --tile or --batch needs less memory)" : "");
    return session_error(t->s, status, doing, message);
}

static void free_images(gan_image *images, int64_t n)
{
    for (int64_t i = 0; i < n && images; i++)
        gan_image_free(&images[i]);
}

/* Pictures of the same sizes; `out` may be NULL. */
static gan_status make_like(const gan_image *images, int64_t n, gan_image *out, gan_message *message)
{
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < n && out; i++)
        out[i] = (gan_image){0};
    for (int64_t i = 0; i < n && out && !status; i++)
        status = gan_image_create(&out[i], images[i].width, images[i].height, images[i].channels, message);
    if (status)
        free_images(out, n);
    return status;
}

static gan_status make_results(const gan_image *images, int64_t n, gan_image *out, gan_image *back,
                               gan_message *message)
{
    gan_status status = make_like(images, n, out, message);
    if (!status && (status = make_like(images, n, back, message)))
        free_images(out, n);
    return status;
}

/* ---- whole pictures ---- */

/* What is left of the padded picture without its padding. */
static void uncover(const uint8_t *padded, const tile_axis *y, const tile_axis *x, gan_image *out)
{
    int64_t row = out->width * out->channels;
    for (int64_t i = 0; i < out->height; i++)
        memcpy(out->pixels + i * row, padded + ((i + y->before) * x->padded + x->before) * out->channels, (size_t)row);
}

gan_status translator_whole(translator *t, const gan_image *images, int64_t n, gan_image *out, gan_image *back,
                            gan_message *message)
{
    tile_axis y, x;
    int channels = images[0].channels;
    translator_plan(t, &images[0], &y, &x);
    gan_shape shape = GAN_SHAPE(n, y.padded, x.padded, channels);
    int64_t size = y.padded * x.padded * channels;
    uint8_t *bytes = calloc((size_t)n, (size_t)size), *padded = calloc((size_t)n, (size_t)size);
    gan_status status = bytes && padded ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for pictures");
    if (!status)
        status = make_results(images, n, out, back, message);
    if (status) {
        free(bytes);
        free(padded);
        return status;
    }
    for (int64_t i = 0; i < n; i++) {
        translator_plan(t, &images[i], &y, &x);
        tile_cut(&images[i], &y, &x, 0, 0, bytes + i * size);
    }
    /* What comes back takes the place of what went in. */
    status = run(t, bytes, shape, true, padded, back ? bytes : NULL, message);
    for (int64_t i = 0; i < n && !status; i++) {
        translator_plan(t, &images[i], &y, &x);
        uncover(padded + i * size, &y, &x, &out[i]);
        if (back)
            uncover(bytes + i * size, &y, &x, &back[i]);
    }
    if (status) {
        free_images(out, n);
        free_images(back, back ? n : 0);
    }
    free(bytes);
    free(padded);
    return status;
}

/* ---- tiles ---- */

typedef struct tiled {
    translator *t;
    const gan_image *image;
    tile_axis y, x;
    int64_t batch, done; /* tiles */
    uint8_t *bytes;      /* [batch, tile, tile, channels] */
    float *values[2];    /* the same, of the translation and of its way back, which may be NULL */
    tile_blend blend[2];
    gan_image *out[2]; /* the second may be NULL */
} tiled;

static gan_status open_tiled(tiled *w, gan_message *message)
{
    const gan_image *image = w->image;
    translator_plan(w->t, image, &w->y, &w->x);
    w->batch = translator_batch(w->t, w->y.tile, w->x.tile);
    w->batch = w->batch < w->x.n ? w->batch : w->x.n;
    size_t size = (size_t)(w->y.tile * w->x.tile * image->channels);
    w->bytes = calloc((size_t)w->batch, size);
    gan_status status = w->bytes ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for tiles");
    for (int i = 0; i < 2 && w->out[i] && !status; i++) {
        w->values[i] = calloc((size_t)w->batch * size, sizeof(float));
        if (!w->values[i])
            status = gan_fail(message, GAN_ERROR_MEMORY, "no memory for tiles");
        else
            status = tile_blend_begin(&w->blend[i], &w->y, &w->x, image->channels, message);
    }
    return status ? status : make_results(image, 1, w->out[0], w->out[1], message);
}

static void close_tiled(tiled *w)
{
    for (int i = 0; i < 2; i++) {
        tile_blend_end(&w->blend[i]);
        free(w->values[i]);
    }
    free(w->bytes);
}

/* n tiles of the row, from `column` on. */
static gan_status translate_tiles(tiled *w, int64_t row, int64_t column, int64_t n, gan_message *message)
{
    int64_t size = w->y.tile * w->x.tile * w->image->channels;
    for (int64_t i = 0; i < n; i++)
        tile_cut(w->image, &w->y, &w->x, row, column + i, w->bytes + i * size);
    gan_shape shape = GAN_SHAPE(n, w->y.tile, w->x.tile, w->image->channels);
    gan_status status = run(w->t, w->bytes, shape, false, w->values[0], w->values[1], message);
    for (int i = 0; i < 2 && w->out[i] && !status; i++)
        for (int64_t j = 0; j < n; j++)
            tile_blend_add(&w->blend[i], column + j, w->values[i] + j * size);
    w->done += n;
    return status;
}

/* The rows that are done, as bytes, by the same rounding as elsewhere. */
static gan_status write_rows(tiled *w, int which, gan_message *message)
{
    gan_context *ctx = w->t->s->ctx;
    gan_image *out = w->out[which];
    int64_t first, n, row = out->width * out->channels, part = PART / row > 0 ? PART / row : 1;
    const float *rows = tile_blend_rows(&w->blend[which], &first, &n);
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < n && !status; i += part) {
        int64_t some = n - i < part ? n - i : part;
        gan_no_grad_begin(ctx);
        gan_tensor *values = gan_from_f32(ctx, GAN_SHAPE(1, some, out->width, out->channels), rows + i * row);
        status = read_values(values, true, out->pixels + (first + i) * row);
        gan_no_grad_end(ctx, NULL);
    }
    tile_blend_next(&w->blend[which]);
    return status ? session_error(w->t->s, status, "cannot put tiles together", message) : GAN_OK;
}

static gan_status work(tiled *w, gan_data_progress progress, void *user, gan_message *message)
{
    gan_status status = GAN_OK;
    for (int64_t row = 0; row < w->y.n && !status; row++) {
        for (int64_t column = 0; column < w->x.n && !status; column += w->batch) {
            int64_t left = w->x.n - column;
            status = translate_tiles(w, row, column, left < w->batch ? left : w->batch, message);
            if (!status && progress && !progress(w->done, w->y.n * w->x.n, user))
                status = gan_fail(message, GAN_INTERRUPTED, "interrupted");
        }
        for (int i = 0; i < 2 && w->out[i] && !status; i++)
            status = write_rows(w, i, message);
    }
    return status;
}

gan_status translator_tiled(translator *t, const gan_image *image, gan_image *out, gan_image *back,
                            gan_data_progress progress, void *user, gan_message *message)
{
    tiled w = {.t = t, .image = image, .out = {out, back}};
    gan_status status = open_tiled(&w, message);
    if (!status && (status = work(&w, progress, user, message))) {
        free_images(out, 1);
        free_images(back, back ? 1 : 0);
    }
    close_tiled(&w);
    return status;
}
