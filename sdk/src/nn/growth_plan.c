/* growth_plan.c - resolutions, batches and learning rates of a run that grows, from a plugin's options. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gan/growth.h>

#include "core/internal.h"

enum { LEAST = 4, MOST = 1024 };

static bool is_resolution(int64_t n)
{
    return n >= LEAST && n <= MOST && (n & (n - 1)) == 0;
}

static int level_of(const gan_growth *growth, int64_t resolution)
{
    int level = 0;
    for (int64_t side = growth->first; side < resolution; side *= 2)
        level++;
    return level;
}

/* ---- lists by resolution ---- */

typedef struct list {
    const char *name; /* of the option */
    double least, most;
    bool whole;
} list;

static gan_status list_error(gan_context *ctx, const list *l, const char *text)
{
    return gan_raise(ctx, GAN_ERROR_OPTION,
                     "model.%s: \"%.100s\" is not a list of resolutions, powers of two from %d to %d in rising order, "
                     "with %s from %g to %g, such as \"4: %g, 64: %g\", nor one of these alone",
                     l->name, text, LEAST, MOST, l->whole ? "whole numbers" : "numbers", l->least, l->most, l->least,
                     l->least);
}

/* A number at *at, behind which *at is afterwards. */
static bool number(const char **at, double *value)
{
    char *end;
    *value = strtod(*at, &end);
    bool found = end != *at && isfinite(*value);
    *at = end + strspn(end, " ");
    return found;
}

/* "8: 128, 32: 64": values[level] is that of the last resolution that is not above the level's; where there is none,
 * the first value. */
static gan_status read_list(gan_context *ctx, const list *l, const char *text, const gan_growth *growth, int levels,
                            double values[GAN_GROWTH_LEVELS])
{
    const char *at = text;
    double before = 0, value;
    for (bool first = true; first || *at; first = false) {
        double resolution = LEAST;
        if (!number(&at, &value))
            return list_error(ctx, l, text);
        if (*at == ':') {
            at++;
            resolution = value;
            if (!number(&at, &value))
                return list_error(ctx, l, text);
        } else if (!first || *at) {
            return list_error(ctx, l, text);
        }
        bool wrong = value < l->least || value > l->most || (l->whole && value != floor(value));
        if (wrong || resolution <= before || resolution > MOST || !is_resolution((int64_t)resolution) ||
            (*at && *at != ','))
            return list_error(ctx, l, text);
        for (int i = first ? 0 : level_of(growth, (int64_t)resolution); i < levels; i++)
            values[i] = value;
        if (*at && !*++at)
            return list_error(ctx, l, text);
        before = resolution;
    }
    return GAN_OK;
}

/* ---- the plan ---- */

static gan_status read_growth(gan_context *ctx, const gan_options *o, const gan_data_info *data, gan_growth *out)
{
    int64_t start = gan_options_int(o, "start"), side = data->height;
    if (!data->scaled || data->height != data->width || !is_resolution(side))
        return gan_raise(ctx, GAN_ERROR_UNSUPPORTED,
                         "networks that grow make square images whose side is a power of two from %d to %d, but the "
                         "data is %lldx%lld; set data.resolution",
                         LEAST, MOST, (long long)data->width, (long long)data->height);
    *out = (gan_growth){.first = side,
                        .last = side,
                        .stable_kimg = gan_options_float(o, "stable_kimg"),
                        .fade_kimg = gan_options_float(o, "fade_kimg")};
    if (!gan_options_bool(o, "grow"))
        return GAN_OK;
    if (!is_resolution(start) || start > side)
        return gan_raise(ctx, GAN_ERROR_OPTION, "model.start: %lld is not a power of two from %d to the data's %lld",
                         (long long)start, LEAST, (long long)side);
    out->first = start;
    return GAN_OK;
}

/* Minibatch standard deviation takes whole groups, or one that is the whole batch. */
static gan_status check_group(gan_context *ctx, int64_t batch, int64_t group, int64_t resolution)
{
    if (group <= 0 || batch % group == 0 || batch < group)
        return GAN_OK;
    return gan_raise(ctx, GAN_ERROR_OPTION,
                     "batches at %lldx%lld hold %lld images, which do not divide into groups of %lld for minibatch "
                     "standard deviation; set train.batch and model.batches to multiples of %lld",
                     (long long)resolution, (long long)resolution, (long long)batch, (long long)group,
                     (long long)group);
}

gan_status gan_growth_plan_read(gan_context *ctx, const gan_options *options, const gan_data_info *data, int64_t batch,
                                int64_t group, gan_growth_plan *out)
{
    static const list batches = {"batches", 1, 65536, true}, rates = {"lr", 0, 10, false};
    gan_growth_plan plan = {0};
    double wanted[GAN_GROWTH_LEVELS];
    if (read_growth(ctx, options, data, &plan.growth) != GAN_OK)
        return gan_status_of(ctx);
    int levels = level_of(&plan.growth, plan.growth.last) + 1;
    if (read_list(ctx, &batches, gan_options_string(options, "batches"), &plan.growth, levels, wanted) != GAN_OK ||
        read_list(ctx, &rates, gan_options_string(options, "lr"), &plan.growth, levels, plan.lr) != GAN_OK)
        return gan_status_of(ctx);
    for (int i = 0; i < levels; i++) {
        plan.batch[i] = wanted[i] < (double)batch ? (int64_t)wanted[i] : batch;
        if (check_group(ctx, plan.batch[i], group, plan.growth.first << i) != GAN_OK)
            return gan_status_of(ctx);
    }
    *out = plan;
    return GAN_OK;
}

gan_stage gan_growth_stage(const gan_growth_plan *plan, double kimg, int64_t resolution)
{
    gan_stage stage = gan_growth_at(&plan->growth, kimg);
    if (stage.resolution == resolution)
        return stage;
    return (gan_stage){.resolution = resolution, .level = level_of(&plan->growth, resolution), .alpha = 1};
}

void gan_growth_batches(const gan_growth_plan *plan, double kimg, int64_t *batch, int64_t *resolution)
{
    gan_stage stage = gan_growth_at(&plan->growth, kimg);
    *resolution = stage.resolution;
    if (plan->batch[stage.level] < *batch)
        *batch = plan->batch[stage.level];
}

void gan_growth_enter(const gan_growth_plan *plan, const gan_stage *stage, double *level,
                      gan_optimizer *const *optimizers, int n)
{
    for (int i = 0; i < n; i++) {
        gan_optimizer_set_lr(optimizers[i], plan->lr[stage->level]);
        if (*level != stage->level)
            gan_optimizer_reset(optimizers[i]);
    }
    *level = stage->level;
}
