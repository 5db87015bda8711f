/*
 * path_slopes.c - path_slopes RUN SAMPLES SEED: mean and deviation of the path lengths that bench/path_lengths.c finds
 * by differentiation, from differences of images: with phi(w) = the sum of image(w) times y, the length is the root of
 * the sum over all values of w of ((phi(w + h) - phi(w - h)) / 2h)², divided by the layers. An image at a time.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "styles.h"
#include "values.h"

#define STEP       1e-3f
#define VALUES_MAX 4096 /* of a w, and in an image */

static double phi(styles *st, const float *w, const float *y)
{
    const gan_data_info *info = &st->s->info;
    gan_context *ctx = st->s->ctx;
    float image[VALUES_MAX] = {0};
    double sum = 0;
    gan_no_grad_begin(ctx);
    gan_read_f32(styles_synthesize(st, gan_from_f32(ctx, GAN_SHAPE(1, st->info.layers, st->info.width), w)), image);
    gan_no_grad_end(ctx, NULL);
    for (int64_t i = 0; i < info->height * info->width * info->channels; i++)
        sum += (double)image[i] * (double)y[i];
    return sum / sqrt((double)(info->height * info->width));
}

static double length(styles *st, float *w, const float *y)
{
    double squares = 0;
    for (int64_t i = 0; i < styles_size(st); i++) {
        float at = w[i];
        w[i] = at + STEP;
        double above = phi(st, w, y);
        w[i] = at - STEP;
        double slope = (above - phi(st, w, y)) / (2 * (double)STEP);
        w[i] = at;
        squares += slope * slope;
    }
    return sqrt(squares / (double)st->info.layers);
}

static gan_status measure(styles *st, int64_t n, int64_t seed, gan_message *message)
{
    const gan_data_info *info = &st->s->info;
    gan_context *ctx = st->s->ctx;
    int64_t pixels = info->height * info->width * info->channels, classes = session_classes(st->s);
    float z[VALUES_MAX], w[VALUES_MAX], y[VALUES_MAX];
    double sum = 0, squares = 0;
    if (styles_size(st) > VALUES_MAX || st->info.latent > VALUES_MAX || pixels > VALUES_MAX)
        return gan_fail(message, GAN_ERROR_LIMIT, "more than %d values", VALUES_MAX);
    gan_random_set(ctx, (gan_random_state){.seed = (uint64_t)seed});
    for (int64_t i = 0; i < n; i++) {
        uint64_t of = (uint64_t)(seed + i);
        int32_t label = classes > 0 ? (int32_t)(i % classes) : 0;
        gan_status status = styles_latents(st, &of, 1, z, message);
        if (!status)
            status = styles_map(st, z, 1, classes > 0 ? &label : NULL, w, message);
        if (status)
            return status;
        gan_scope_begin(ctx);
        gan_read_f32(gan_randn(ctx, GAN_SHAPE(pixels)), y);
        gan_scope_end(ctx, NULL);
        double found = length(st, w, y);
        sum += found;
        squares += found * found;
    }
    double mean = sum / (double)n;
    printf("%.9g %.9g\n", mean, n > 1 ? sqrt((squares - sum * mean) / (double)(n - 1)) : 0);
    return gan_status_of(ctx) ? session_error(st->s, GAN_ERROR_STATE, "path_slopes", message) : GAN_OK;
}

int main(int argc, char **argv)
{
    arguments args = {.value[CLI_RUN] = argv[1]};
    opened o;
    styles st;
    int64_t n = 0, seed = 0;
    gan_message message = {"usage: path_slopes RUN SAMPLES SEED"};
    opened_begin(&o, &args);
    gan_status status = argc == 4 ? styles_options(&st, &args, &message) : GAN_ERROR_ARGUMENT;
    if (!status)
        status = value_int("samples", argv[2], 1, 1000, &n, &message);
    if (!status)
        status = value_int("seed", argv[3], 0, 1000, &seed, &message);
    if (!status)
        status = opened_load(&o, &message);
    if (!status)
        status = styles_begin(&st, &o, "path_slopes", &message);
    if (!status)
        status = measure(&st, n, seed, &message);
    opened_close(&o);
    if (status)
        fprintf(stderr, "%s\n", message.text);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
