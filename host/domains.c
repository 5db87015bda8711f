#include "domains.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BUILTIN "builtin:"
/* Builtin images that are held out, at least: enough for snapshots. */
#define HELD_OUT 64

/* ---- where they are ---- */

typedef struct sources {
    const char *train[2], *test[2]; /* test: NULL, or held out; of builtin sources the same as train */
    gan_data_domains found;         /* owns what was found in a folder */
} sources;

static bool is_builtin(const char *source)
{
    return strncmp(source, BUILTIN, strlen(BUILTIN)) == 0;
}

/* Image i of the one and of the other are the same face. */
static bool shows_faces(const char *source)
{
    return strcmp(source, BUILTIN "faces") == 0 || strcmp(source, BUILTIN "sketches") == 0;
}

static gan_status find_in_folder(const session *s, const char *folder, sources *out, gan_message *message)
{
    gan_message why = {{0}};
    const char *id = s->plugin->table.id;
    if (is_builtin(folder))
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "the plugin %s needs data of two domains, but %.64s is one: give the second as data.source_b, "
                        "such as builtin:faces and builtin:sketches",
                        id, folder);
    gan_status status = gan_data_find_domains(folder, &out->found, &why);
    if (status)
        return gan_fail(message, status,
                        "the plugin %s needs data of two domains; %.750s (or give one as data.source and one as "
                        "data.source_b)",
                        id, why.text);
    for (int i = 0; i < 2; i++) {
        out->train[i] = out->found.train[i];
        out->test[i] = out->found.test[i];
    }
    return GAN_OK;
}

static gan_status find_sources(const session *s, sources *out, gan_message *message)
{
    const char *a = config_string(&s->config, "data.source"), *b = config_string(&s->config, "data.source_b");
    if (!*b && shows_faces(a))
        b = strcmp(a, BUILTIN "faces") == 0 ? BUILTIN "sketches" : BUILTIN "faces";
    *out = (sources){.train = {a, b}};
    if (!*b)
        return find_in_folder(s, a, out, message);
    for (int i = 0; i < 2 && is_builtin(a) && is_builtin(b); i++)
        out->test[i] = out->train[i];
    return GAN_OK;
}

/* ---- what is trained on ---- */

/* Labels are not read: what a plugin of two domains would do with those of one is not defined. */
static void options_of(const session *s, const char *source, int domain, bool held_out, gan_data_options *out)
{
    session_data_options(s->config.host, out);
    out->source = source;
    out->labels = false;
    out->seed = session_domain_seed(out->seed, domain, held_out);
}

static void close_both(gan_dataset *data[2])
{
    for (int i = 0; i < 2; i++) {
        gan_dataset_close(data[i]);
        data[i] = NULL;
    }
}

static gan_status open_domain(const session *s, const sources *from, int domain, int channels, console *out,
                              gan_dataset **data, gan_message *message)
{
    gan_data_options options;
    options_of(s, from->train[domain], domain, false, &options);
    options.keep = 0.5;
    if (channels)
        options.channels = channels;
    return session_open_dataset(&options, out, data, message);
}

static gan_status check_images(const session *s, const sources *from, gan_dataset *const data[2], gan_message *message)
{
    for (int i = 0; i < 2; i++)
        if (!gan_dataset_info(data[i])->scaled)
            return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                            "the plugin %s translates images, but %.300s holds vectors of %" PRId64 " values",
                            s->plugin->table.id, from->train[i], gan_dataset_info(data[i])->channels);
    return GAN_OK;
}

/* Grey images of the one are shown as colour where the other has colour. */
static gan_status match_channels(const session *s, const sources *from, console *out, gan_dataset *data[2],
                                 gan_message *message)
{
    const gan_data_info *a = gan_dataset_info(data[0]), *b = gan_dataset_info(data[1]);
    if (a->channels == b->channels)
        return GAN_OK;
    int grey = a->channels < b->channels ? 0 : 1;
    int64_t channels = gan_dataset_info(data[1 - grey])->channels;
    gan_dataset_close(data[grey]);
    data[grey] = NULL;
    return open_domain(s, from, grey, (int)channels, out, &data[grey], message);
}

/* `a` and `b` tell what they are in the sentence. */
static gan_status check_alike(const gan_data_info *a, const gan_data_info *b, const char *a_name, const char *b_name,
                              gan_message *message)
{
    char first[128], second[128];
    if (a->height == b->height && a->width == b->width && a->channels == b->channels)
        return GAN_OK;
    return gan_fail(message, GAN_ERROR_UNSUPPORTED, "%.300s has %s, but %.300s has %s: set data.resolution", a_name,
                    session_data_text(a, first), b_name, session_data_text(b, second));
}

static gan_status open_training(const session *s, const sources *from, console *out, gan_dataset *data[2],
                                gan_message *message)
{
    gan_status status = GAN_OK;
    for (int i = 0; i < 2 && !status; i++)
        status = open_domain(s, from, i, 0, out, &data[i], message);
    if (!status)
        status = check_images(s, from, data, message);
    if (!status)
        status = match_channels(s, from, out, data, message);
    if (!status)
        status =
            check_alike(gan_dataset_info(data[0]), gan_dataset_info(data[1]), from->train[0], from->train[1], message);
    if (status)
        close_both(data);
    return status;
}

/* ---- what is held out ---- */

/* As training shows them, but for what is by chance. */
static gan_status open_held_out(const session *s, const sources *from, const gan_data_info *info, console *out,
                                gan_dataset *held[2], gan_message *message)
{
    int64_t wanted = config_int(&s->config, "train.test");
    gan_status status = GAN_OK;
    for (int i = 0; i < 2 && from->test[0] && !status; i++) {
        gan_data_options options;
        options_of(s, from->test[i], i, true, &options);
        options.builtin_count = wanted > HELD_OUT ? wanted : HELD_OUT;
        options.channels = (int)info->channels;
        options.enlarge = 1;
        options.keep = 1.0 / 16; /* few are looked at, and seldom */
        options.random_crop = options.mirror = false;
        status = session_open_dataset(&options, out, &held[i], message);
        if (!status)
            status = check_alike(info, gan_dataset_info(held[i]), from->train[i], from->test[i], message);
    }
    if (status)
        close_both(held);
    return status;
}

static bool same_stem(const char *a, const char *b)
{
    size_t length = a ? text_stem(a) : 0;
    return a && b && text_stem(b) == length && memcmp(a, b, length) == 0;
}

/* Of one folder of images each; the lists are in the order of the names. */
static bool same_names(gan_dataset *const held[2])
{
    int64_t n = gan_dataset_info(held[0])->count;
    bool same = gan_dataset_info(held[1])->count == n;
    for (int64_t i = 0; i < n && same; i++)
        same = same_stem(gan_dataset_name(held[0], i), gan_dataset_name(held[1], i));
    return same;
}

static bool are_counterparts(const sources *from, gan_dataset *const held[2])
{
    if (!held[0])
        return false;
    return is_builtin(from->test[0]) ? shows_faces(from->test[0]) && shows_faces(from->test[1]) : same_names(held);
}

/* ---- all of it ---- */

static void name_both(const sources *from, const char *a, const char *b, char out[64])
{
    if (*from->found.name)
        memcpy(out, from->found.name, sizeof from->found.name);
    else
        snprintf(out, 64, "%.31s-%.31s", a, b);
}

gan_status domains_open(session *s, console *out, gan_message *message)
{
    sources from;
    gan_dataset *data[2] = {NULL}, *held[2] = {NULL};
    gan_status status = find_sources(s, &from, message);
    if (!status)
        status = open_training(s, &from, out, data, message);
    if (!status)
        status = open_held_out(s, &from, gan_dataset_info(data[0]), out, held, message);
    if (status) {
        close_both(data);
    } else {
        const gan_data_info *b = gan_dataset_info(data[1]);
        s->info = *gan_dataset_info(data[0]);
        name_both(&from, gan_dataset_info(data[0])->name, b->name, s->info.name);
        s->info.classes = 0;
        s->count_b = b->count;
        s->data = data[0];
        s->data_b = data[1];
        memcpy(s->held, held, sizeof held);
        s->counterparts = are_counterparts(&from, held);
    }
    gan_data_domains_free(&from.found);
    return status;
}
