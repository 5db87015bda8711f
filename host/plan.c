#include "plan.h"

#include <inttypes.h>
#include <stdio.h>

static const gan_schedule_extension *schedule_of(const session *s)
{
    const gan_plugin *table = &s->plugin->table;
    return table->get_extension ? table->get_extension(s->model, GAN_SCHEDULE_EXTENSION) : NULL;
}

/* Whether a plugin was compiled with that member, and uses it. */
#define HAS(schedule_, member_)                                                                                        \
    ((schedule_) &&                                                                                                    \
     (schedule_)->struct_size >= offsetof(gan_schedule_extension, member_) + sizeof((schedule_)->member_) &&           \
     (schedule_)->member_)

int64_t plan_d_steps(const session *s, int64_t g_steps)
{
    int64_t configured = config_int(&s->config, "train.d_steps");
    const gan_schedule_extension *schedule = schedule_of(s);
    if (!HAS(schedule, d_steps))
        return configured;
    int64_t planned = schedule->d_steps(s->model, g_steps, configured);
    return planned > 0 ? planned : 1;
}

plan plan_configured(const session *s)
{
    return (plan){config_int(&s->config, "train.batch"), s->info.height};
}

bool plan_equal(const plan *a, const plan *b)
{
    return a->batch == b->batch && a->resolution == b->resolution;
}

/* By what the data's images are larger than those of the plan: a power of two, or 0 if there is none. */
static int64_t factor_of(const gan_data_info *info, int64_t resolution)
{
    int64_t factor = resolution > 0 ? info->height / resolution : 0;
    bool good = factor > 0 && factor * resolution == info->height && (factor & (factor - 1)) == 0 &&
                info->width % factor == 0 && (info->scaled || factor == 1);
    return good ? factor : 0;
}

gan_status plan_at(const session *s, double kimg, plan *out, gan_message *message)
{
    const gan_schedule_extension *schedule = schedule_of(s);
    const gan_data_info *info = &s->info;
    plan configured = plan_configured(s);
    *out = configured;
    if (!HAS(schedule, batches))
        return GAN_OK;
    schedule->batches(s->model, kimg, &out->batch, &out->resolution);
    if (out->batch < 1 || out->batch > configured.batch)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "the plugin %s plans batches of %" PRId64 " samples at kimg %.3f, expected 1 to %" PRId64
                        " (train.batch)",
                        s->plugin->table.id, out->batch, kimg, configured.batch);
    if (factor_of(info, out->resolution) == 0)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "the plugin %s plans a resolution of %" PRId64
                        " at kimg %.3f, expected a power of two part of the data's %s%" PRId64 "x%" PRId64,
                        s->plugin->table.id, out->resolution, kimg, info->scaled ? "" : "vectors, ", info->width,
                        info->height);
    return GAN_OK;
}

gan_data_info plan_info(const session *s, const plan *p)
{
    gan_data_info info = s->info;
    info.width /= info.height / p->resolution;
    info.height = p->resolution;
    return info;
}

const char *plan_text(const session *s, const plan *p, char out[96])
{
    gan_data_info info = plan_info(s, p);
    if (info.scaled)
        snprintf(out, 96, "images of %" PRId64 "x%" PRId64 ", batches of %" PRId64, info.width, info.height, p->batch);
    else
        snprintf(out, 96, "batches of %" PRId64 " vectors", p->batch);
    return out;
}

/* ---- batches ---- */

gan_status plan_open_loaders(const session *s, const plan *p, uint64_t position, loaders *out, gan_message *message)
{
    const gan_dataset *data[] = {s->data, s->data_b};
    gan_status status = GAN_OK;
    *out = (loaders){{NULL}};
    for (int i = 0; i < 2 && data[i] && !status; i++) {
        gan_loader_options options = {
            .struct_size = sizeof options,
            .batch = p->batch,
            .seed = session_domain_seed((uint64_t)config_int(&s->config, "seed"), i, false),
            .position = position,
            .resolution = p->resolution,
        };
        status = gan_loader_create(data[i], &options, &out->of[i], message);
    }
    if (status)
        plan_close_loaders(out);
    return status;
}

void plan_close_loaders(loaders *l)
{
    for (int i = 0; i < 2; i++)
        gan_loader_destroy(l->of[i]);
    *l = (loaders){{NULL}};
}

uint64_t plan_position(const loaders *l)
{
    return gan_loader_position(l->of[0]);
}

gan_status plan_next_batch(const session *s, const loaders *l, gan_feed *feed, gan_batch *out, gan_message *message)
{
    gan_host_batch a, b;
    gan_status status = gan_loader_next(l->of[0], &a, message);
    if (!status && l->of[1])
        status = gan_loader_next(l->of[1], &b, message);
    if (!status && (l->of[1] ? gan_feed_pair(feed, &a, &b, out) : gan_feed_batch(feed, &a, out)))
        status = session_error(s, GAN_OK, "cannot make a batch", message);
    return status;
}
