#include "distance.h"

#include <inttypes.h>
#include <stdlib.h>

struct distance {
    gan_swd_options options;
    gan_swd *real; /* NULL: not described yet */
};

/* What is random in the measure is the same in all runs, so that they can be compared. */
static gan_swd_options options_of(const session *s)
{
    int64_t count = config_int(&s->config, "train.swd");
    return (gan_swd_options){.struct_size = sizeof(gan_swd_options),
                             .resolution = s->info.height,
                             .channels = s->info.channels,
                             .count = count < s->info.count ? count : s->info.count,
                             .threads = (int)config_int(&s->config, "threads")};
}

gan_status distance_check(const session *s, gan_message *message)
{
    gan_swd_options options = options_of(s);
    gan_message why = {{0}};
    gan_swd *set = NULL;
    char data[128];
    if (options.count == 0)
        return GAN_OK;
    if (session_two_domains(s))
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "train.swd measures samples of a generator, but the plugin %s translates: set train.swd=0 "
                        "(train.test measures translations)",
                        s->plugin->table.id);
    if (!s->info.scaled || s->info.width != s->info.height)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "train.swd needs square images, but the data is %s: set train.swd=0",
                        session_data_text(&s->info, data));
    options.count = 1; /* the memory for one is there */
    gan_status status = gan_swd_create(&options, &set, &why);
    gan_swd_destroy(set);
    return status ? gan_fail(message, status, "%.900s: set train.swd=0", why.text) : GAN_OK;
}

gan_status distance_create(const session *s, distance **out, gan_message *message)
{
    gan_swd_options options = options_of(s);
    *out = NULL;
    if (options.count == 0)
        return GAN_OK;
    gan_status status = distance_check(s, message);
    if (!status && !(*out = calloc(1, sizeof **out)))
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory for train.swd");
    if (!status)
        (*out)->options = options;
    return status;
}

void distance_destroy(distance *d)
{
    if (!d)
        return;
    gan_swd_destroy(d->real);
    free(d);
}

static gan_status describe_real(distance *d, const session *s, gan_message *message)
{
    int64_t n = d->options.count;
    gan_swd *set = NULL;
    uint8_t *image = malloc(session_sample_bytes(&s->info));
    gan_status status = image ? gan_swd_create(&d->options, &set, message)
                              : gan_fail(message, GAN_ERROR_MEMORY, "no memory for an image");
    for (int64_t i = 0; i < n && !status; i++) {
        status = gan_dataset_get(s->data, i * s->info.count / n, image, NULL, message);
        if (!status)
            status = gan_swd_add(set, image, 1, message);
    }
    free(image);
    if (status)
        gan_swd_destroy(set);
    else
        d->real = set;
    return status;
}

/* Samples on their way into a set. */
typedef struct taking {
    gan_swd *set;
    gan_status status;
    gan_message *message;
} taking;

static bool take(const void *samples, int64_t n, void *user)
{
    taking *t = user;
    t->status = gan_swd_add(t->set, samples, n, t->message);
    return t->status == GAN_OK;
}

static gan_status describe_fake(const distance *d, session *s, gan_swd **out, gan_message *message)
{
    int64_t n = d->options.count;
    taking t = {.message = message};
    uint64_t *seeds = malloc((size_t)n * sizeof *seeds);
    gan_status status = seeds ? gan_swd_create(&d->options, &t.set, message)
                              : gan_fail(message, GAN_ERROR_MEMORY, "no memory for %" PRId64 " seeds", n);
    for (int64_t i = 0; i < n && !status; i++)
        seeds[i] = (uint64_t)i;
    if (!status)
        status = session_sample_each(s, seeds, n, NULL, take, &t, message);
    free(seeds);
    if (!status)
        status = t.status;
    if (status)
        gan_swd_destroy(t.set);
    else
        *out = t.set;
    return status;
}

gan_status distance_measure(distance *d, session *s, gan_swd_result *out, gan_message *message)
{
    gan_swd *fake = NULL;
    gan_status status = d->real ? GAN_OK : describe_real(d, s, message);
    if (!status)
        status = describe_fake(d, s, &fake, message);
    if (!status)
        status = gan_swd_compare(d->real, fake, out, message);
    gan_swd_destroy(fake);
    return status;
}
