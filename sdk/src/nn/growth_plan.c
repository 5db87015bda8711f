/* growth_plan.c - resolutions, batches and learning rates of a run that grows, from a plugin's options. */
#include <math.h>
#include <stdlib.h>

#include <gan/growth.h>

#include "core/internal.h"

enum { LEAST = 4, MOST = 1024 };

static bool is_resolution(int64_t n)
{
    return n >= LEAST && n <= MOST && (n & (n - 1)) == 0;
}

/* How often `first` doubles to that resolution. */
static int level_of(int64_t first, int64_t resolution)
{
    int level = 0;
    while (first << level < resolution)
        level++;
    return level;
}

static gan_status read_growth(gan_context *ctx, const gan_options *o, const gan_data_info *data, int64_t start,
                              gan_growth *out)
{
    int64_t side = data->height;
    if (!data->scaled || side != data->width || !is_resolution(side))
        return gan_raise(ctx, GAN_ERROR_UNSUPPORTED,
                         "networks that grow make square images whose side is a power of two from %d to %d, but the "
                         "data is %lldx%lld; set data.resolution",
                         LEAST, MOST, (long long)data->width, (long long)side);
    bool grows = gan_options_bool(o, "grow");
    if (grows && (!is_resolution(start) || start > side))
        return gan_raise(ctx, GAN_ERROR_OPTION,
                         "model.start: expected a power of two from %d to the data's %lld, but found %lld", LEAST,
                         (long long)side, (long long)start);
    *out = (gan_growth){.first = grows ? start : side,
                        .last = side,
                        .stable_kimg = gan_options_float(o, "stable_kimg"),
                        .fade_kimg = gan_options_float(o, "fade_kimg")};
    return GAN_OK;
}

/* Minibatch standard deviation must be able to deal each batch into groups. */
static gan_status read_batches(gan_context *ctx, const gan_options *o, int64_t batch, int64_t group,
                               gan_growth_plan *plan)
{
    const int64_t *values;
    int64_t last = plan->growth.last;
    int n = gan_options_int_list(o, "batches", &values), resolutions = level_of(LEAST, last) + 1;
    if (n > 0 && n < resolutions)
        return gan_raise(ctx, GAN_ERROR_OPTION,
                         "model.batches has %d values, but from 4x4 to %lldx%lld there are %d resolutions", n,
                         (long long)last, (long long)last, resolutions);
    for (int64_t side = plan->growth.first, i = 0; side <= last; side *= 2, i++) {
        int64_t wanted = n > 0 ? values[level_of(LEAST, side)] : batch;
        plan->batch[i] = wanted < batch ? wanted : batch;
        if (plan->batch[i] > group && plan->batch[i] % group != 0)
            return gan_raise(ctx, GAN_ERROR_OPTION,
                             "model.stddev_group: groups of %lld do not divide the batch of %lld at %lldx%lld "
                             "(model.batches, at most train.batch)",
                             (long long)group, (long long)plan->batch[i], (long long)side, (long long)side);
    }
    return GAN_OK;
}

/* "512: 0.002, 1024: 0.003"; `lr` at all other resolutions. */
static gan_status read_rates(gan_context *ctx, const gan_options *o, gan_growth_plan *plan)
{
    const char *text = gan_options_string(o, "lr_at"), *at = text;
    bool given[GAN_GROWTH_LEVELS] = {false};
    for (int i = 0; i < GAN_GROWTH_LEVELS; i++)
        plan->lr[i] = gan_options_float(o, "lr");
    while (*at) {
        char *colon, *end = NULL;
        long side = strtol(at, &colon, 10);
        int index = is_resolution(side) ? level_of(LEAST, side) : -1;
        double rate = *colon == ':' ? strtod(colon + 1, &end) : 0.0;
        bool good = index >= 0 && !given[index] && end && end > colon + 1 && isfinite(rate) && rate > 0.0 &&
                    rate <= 10.0 && (*end == '\0' || (*end == ',' && end[1] != '\0'));
        if (!good)
            return gan_raise(ctx, GAN_ERROR_OPTION,
                             "model.lr_at: expected resolutions from %d to %d, each once, with rates up to 10, such as "
                             "\"512: 0.002, 1024: 0.003\", but found \"%.100s\"",
                             LEAST, MOST, text);
        given[index] = true;
        if (side >= plan->growth.first)
            plan->lr[level_of(plan->growth.first, side)] = rate;
        at = *end ? end + 1 : end;
    }
    return GAN_OK;
}

gan_status gan_growth_plan_read(gan_context *ctx, const gan_options *options, const gan_data_info *data, int64_t start,
                                int64_t batch, int64_t group, gan_growth_plan *out)
{
    gan_growth_plan plan = {0};
    if (read_growth(ctx, options, data, start, &plan.growth) == GAN_OK &&
        read_batches(ctx, options, batch, group, &plan) == GAN_OK && read_rates(ctx, options, &plan) == GAN_OK)
        *out = plan;
    return gan_status_of(ctx);
}

gan_stage gan_growth_stage(const gan_growth_plan *plan, double kimg, int64_t resolution)
{
    gan_stage stage = gan_growth_at(&plan->growth, kimg);
    if (stage.resolution == resolution)
        return stage;
    return (gan_stage){.resolution = resolution, .level = level_of(plan->growth.first, resolution), .alpha = 1.0};
}

void gan_growth_batches(const gan_growth_plan *plan, double kimg, int64_t *batch, int64_t *resolution)
{
    gan_stage stage = gan_growth_at(&plan->growth, kimg);
    *resolution = stage.resolution;
    if (plan->batch[stage.level] < *batch)
        *batch = plan->batch[stage.level];
}

void gan_growth_enter(const gan_growth_plan *plan, const gan_stage *stage, double *resolution,
                      gan_optimizer *const *optimizers, int n)
{
    for (int i = 0; i < n; i++) {
        gan_optimizer_set_lr(optimizers[i], plan->lr[stage->level]);
        if (*resolution != (double)stage->resolution)
            gan_optimizer_reset(optimizers[i]);
    }
    *resolution = (double)stage->resolution;
}
