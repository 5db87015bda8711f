#include "session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domains.h"

/* Sampling draws its further random numbers (noise inputs) from here, apart from the training's. */
#define SAMPLE_STREAM_SEED 0x73616d706c657321ull
/* Combined with a run's seed, which has 32 bits. */
#define SECOND_DOMAIN_SEED 0x646f6d61696e4200ull
#define HELD_OUT_SEED      0x68656c646f757400ull
/* Images that are generated at once: enough to keep the device busy, few enough to need less memory than training. */
#define SAMPLE_CHUNK        64
#define SAMPLE_CHUNK_PIXELS (64 * 128 * 128)

gan_status session_error(const session *s, gan_status status, const char *doing, gan_message *message)
{
    const char *why = s->ctx ? gan_status_message(s->ctx) : "";
    if (s->ctx && gan_status_of(s->ctx))
        status = gan_status_of(s->ctx);
    return gan_fail(message, status, "%s: %.900s", doing, *why ? why : gan_status_text(status));
}

/* ---- opening ---- */

static gan_status check_needs(const session *s, gan_message *message)
{
    const char *id = s->plugin->table.id, *source = config_string(&s->config, "data.source");
    unsigned needs = s->plugin->table.needs;
    if ((needs & GAN_NEEDS_IMAGES) && !s->info.scaled)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "the plugin %s needs images, but %s holds vectors of %lld values", id, source,
                        (long long)s->info.channels);
    if ((needs & GAN_NEEDS_LABELS) && s->info.classes == 0)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED, "the plugin %s needs labels, but %s has none%s", id, source,
                        gan_options_bool(s->config.host, "data.labels") ? "" : ", because data.labels is off");
    return GAN_OK;
}

/* The place of an option's value among the names of an enumeration. */
static int choice_of(const gan_options *host, const char *option, const char *const *names)
{
    int i = 0;
    while (names[i + 1] && !gan_options_is(host, option, names[i]))
        i++;
    return i;
}

void session_data_options(const gan_options *host, gan_data_options *out)
{
    static const char *const fits[] = {"crop", "pad", "stretch", NULL};
    static const char *const filters[] = {"area", "bilinear", "bicubic", "lanczos", NULL};
    *out = (gan_data_options){
        .struct_size = sizeof *out,
        .source = gan_options_string(host, "data.source"),
        .resolution = gan_options_int(host, "data.resolution"),
        .labels = gan_options_bool(host, "data.labels"),
        .seed = (uint64_t)gan_options_int(host, "seed"),
        .builtin_count = gan_options_int(host, "data.count"),
        .fit = (gan_fit)choice_of(host, "data.fit", fits),
        .filter = (gan_filter)choice_of(host, "data.filter", filters),
        .enlarge = gan_options_float(host, "data.enlarge"),
        .random_crop = gan_options_is(host, "data.crop", "random"),
        .mirror = gan_options_bool(host, "data.mirror"),
        .channels = atoi(gan_options_string(host, "data.channels")),
        .threads = (int)gan_options_int(host, "threads"),
    };
}

bool session_show_progress(int64_t done, int64_t total, void *user)
{
    session_progress *p = user;
    double taken = clock_seconds() - p->started;
    if (!p->out || taken < 0.2) /* most are done before one could read it */
        return true;
    bar b = {.fraction = (double)done / (double)total,
             .kimg = (double)done / 1000,
             .kimg_total = (double)total / 1000,
             .images_per_second = (double)done / taken,
             .seconds_left = done > 0 ? taken * (double)(total - done) / (double)done : -1,
             .metrics = p->what};
    console_bar(p->out, &b);
    return true;
}

gan_status session_open_dataset(const gan_data_options *options, console *out, gan_dataset **dataset,
                                gan_message *message)
{
    gan_data_options shown = *options;
    session_progress progress = {out, "checking the images", clock_seconds()};
    shown.progress = session_show_progress;
    shown.progress_user = &progress;
    gan_message why = {{0}};
    gan_status status = gan_dataset_open(&shown, dataset, &why);
    if (out)
        console_clear(out);
    if (status == GAN_ERROR_FORMAT || status == GAN_ERROR_CHECKSUM)
        return gan_fail(message, status, "%.800s (ganhost data check lists all that is wrong)", why.text);
    return status ? gan_fail(message, status, "%s", why.text) : GAN_OK;
}

static gan_status open_one_domain(session *s, console *out, gan_message *message)
{
    gan_data_options options;
    const char *second = config_string(&s->config, "data.source_b");
    if (*second)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "data.source_b is %.300s, but the plugin %s learns from one domain: leave data.source_b empty",
                        second, s->plugin->table.id);
    session_data_options(s->config.host, &options);
    gan_status status = session_open_dataset(&options, out, &s->data, message);
    if (!status)
        s->info = *gan_dataset_info(s->data);
    return status;
}

gan_status session_open_data(session *s, console *out, gan_message *message)
{
    gan_status status = session_two_domains(s) ? domains_open(s, out, message) : open_one_domain(s, out, message);
    return status ? status : check_needs(s, message);
}

bool session_two_domains(const session *s)
{
    return s->plugin->table.needs & GAN_NEEDS_TWO_DOMAINS;
}

uint64_t session_domain_seed(uint64_t seed, int domain, bool held_out)
{
    return seed ^ (held_out ? HELD_OUT_SEED : domain == 1 ? SECOND_DOMAIN_SEED : 0);
}

static gan_precision precision_of(const config *c)
{
    return gan_options_is(c->host, "precision", "bf16")   ? GAN_PRECISION_BF16
           : gan_options_is(c->host, "precision", "tf32") ? GAN_PRECISION_TF32
                                                          : GAN_PRECISION_F32;
}

gan_status session_open_context(session *s, gan_message *message)
{
    gan_context_options options = {
        .struct_size = sizeof options,
        .device = config_string(&s->config, "device"),
        .precision = precision_of(&s->config),
        .threads = (int)config_int(&s->config, "threads"),
        .seed = (uint64_t)config_int(&s->config, "seed"),
    };
    gan_status status = gan_context_create(&options, &s->ctx, message);
    if (status)
        return status;
    if ((s->plugin->table.flags & GAN_PLUGIN_NEEDS_CUDA) && strncmp(gan_context_device(s->ctx), "CPU", 3) == 0)
        return gan_fail(message, GAN_ERROR_DEVICE_REFUSED,
                        "the plugin %s runs on CUDA devices only, but this run would use the %s", s->plugin->table.id,
                        gan_context_device(s->ctx));
    return GAN_OK;
}

static gan_status make_averages(session *s, gan_message *message)
{
    if (config_float(&s->config, "train.ema_kimg") == 0)
        return GAN_OK;
    for (int i = 0; i < gan_model_network_count(s->model); i++) {
        const char *name;
        gan_role role;
        gan_layer *network = gan_model_network_at(s->model, i, &name, &role);
        if (role != GAN_ROLE_GENERATOR)
            continue;
        if (s->n_ema == SESSION_EMA_MAX)
            return gan_fail(message, GAN_ERROR_LIMIT, "the plugin %s has more than %d generators", s->plugin->table.id,
                            SESSION_EMA_MAX);
        gan_ema *average = gan_ema_create(network);
        if (!average)
            return gan_fail(message, GAN_ERROR_MEMORY, "no memory for a moving average of %s", name);
        s->ema[s->n_ema].network = name;
        s->ema[s->n_ema++].average = average;
    }
    return GAN_OK;
}

/* ---- translation ---- */

const gan_translate_extension *session_translation(const session *s)
{
    const gan_plugin *table = &s->plugin->table;
    const gan_translate_extension *translation =
        session_two_domains(s) && table->get_extension ? table->get_extension(s->model, GAN_TRANSLATE_EXTENSION) : NULL;
    bool whole = translation && translation->struct_size >= sizeof *translation && translation->translate;
    return whole ? translation : NULL;
}

static gan_status check_translation(const session *s, gan_message *message)
{
    const char *id = s->plugin->table.id;
    const gan_data_info *info = &s->info;
    if (!session_two_domains(s))
        return GAN_OK;
    const gan_translate_extension *t = session_translation(s);
    if (!t)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "the plugin %s needs two domains, but its model does not offer " GAN_TRANSLATE_EXTENSION
                        " as this ganhost knows it",
                        id);
    if (t->multiple < 1 || t->least < 1)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "the plugin %s translates images whose sides are multiples of %" PRId64 " and at least %" PRId64
                        ", expected numbers of 1 or more",
                        id, t->multiple, t->least);
    if (info->height % t->multiple || info->width % t->multiple || info->height < t->least || info->width < t->least)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "the plugin %s translates images whose sides are multiples of %" PRId64 " and at least %" PRId64
                        ", but the data's are %" PRId64 "x%" PRId64 ": set data.resolution",
                        id, t->multiple, t->least, info->width, info->height);
    return GAN_OK;
}

gan_status session_build(session *s, gan_message *message)
{
    gan_build build = {
        .struct_size = sizeof build,
        .ctx = s->ctx,
        .options = s->config.model,
        .data = &s->info,
        .batch = config_int(&s->config, "train.batch"),
    };
    gan_model *model = NULL;
    gan_scope_begin(s->ctx);
    gan_status status = s->plugin->table.build(&build, &model);
    gan_scope_end(s->ctx, NULL);
    if (!status && !model)
        status = GAN_ERROR_STATE;
    if (!status)
        s->model = model;
    if (status || gan_status_of(s->ctx))
        return session_error(s, status, "cannot build the networks", message);
    status = check_translation(s, message);
    return status ? status : make_averages(s, message);
}

gan_runner_options session_runner_options(const session *s)
{
    const gan_plugin *table = &s->plugin->table;
    gan_runner_options options = {.struct_size = sizeof options, .d_step = table->d_step, .g_step = table->g_step};
    const gan_capture_extension *capture =
        table->get_extension ? table->get_extension(s->model, GAN_CAPTURE_EXTENSION) : NULL;
    if (capture && capture->struct_size >= sizeof *capture)
        options.prepare = capture->prepare;
    return options;
}

void session_close(session *s)
{
    for (int i = 0; i < s->n_ema; i++)
        gan_ema_destroy(s->ema[i].average);
    if (s->model)
        s->plugin->table.destroy(s->model);
    gan_context_destroy(s->ctx);
    gan_dataset_close(s->data);
    gan_dataset_close(s->data_b);
    for (int i = 0; i < 2; i++)
        gan_dataset_close(s->held[i]);
    config_free(&s->config);
    plugin_close(s->plugin);
    *s = (session){0};
}

/* ---- sampling ---- */

const char *session_data_text(const gan_data_info *info, char out[128])
{
    char count[32], classes[48] = "";
    text_grouped(info->count, count);
    if (info->classes > 0)
        snprintf(classes, sizeof classes, ", %" PRId64 " classes", info->classes);
    if (info->scaled)
        snprintf(out, 128, "%s images of %" PRId64 "x%" PRId64 "x%" PRId64 "%s", count, info->width, info->height,
                 info->channels, classes);
    else
        snprintf(out, 128, "%s vectors of %" PRId64 " values%s", count, info->channels, classes);
    return out;
}

const char *session_both_text(const session *s, char out[SESSION_TEXT])
{
    char a[128], b[32], held[2][32];
    session_data_text(&s->info, a);
    if (!s->data_b)
        snprintf(out, SESSION_TEXT, "%s", a);
    else if (!s->held[0])
        snprintf(out, SESSION_TEXT, "%s, and %s of the second domain; none are held out", a,
                 text_grouped(s->count_b, b));
    else
        snprintf(out, SESSION_TEXT, "%s, and %s of the second domain; %s and %s are held out%s", a,
                 text_grouped(s->count_b, b), text_grouped(gan_dataset_info(s->held[0])->count, held[0]),
                 text_grouped(gan_dataset_info(s->held[1])->count, held[1]),
                 s->counterparts ? ", as pairs that show the same" : "");
    return out;
}

size_t session_sample_bytes(const gan_data_info *info)
{
    return (size_t)(info->height * info->width * info->channels) * (info->scaled ? 1 : sizeof(float));
}

int64_t session_classes(const session *s)
{
    int64_t classes = gan_model_classes(s->model);
    if (classes == 0 && (s->plugin->table.needs & GAN_NEEDS_LABELS))
        classes = s->info.classes;
    return classes < s->info.classes ? classes : s->info.classes;
}

int64_t session_every_class(int64_t classes, const uint64_t *seeds, int64_t n, uint64_t **out_seeds,
                            int32_t **out_labels)
{
    uint64_t *all = calloc((size_t)(n * classes), sizeof *all);
    int32_t *labels = calloc((size_t)(n * classes), sizeof *labels);
    if (!all || !labels) {
        free(all);
        free(labels);
        return 0;
    }
    for (int64_t i = 0; i < n * classes; i++) {
        all[i] = seeds[i % n];
        labels[i] = (int32_t)(i / n);
    }
    *out_seeds = all;
    *out_labels = labels;
    return n * classes;
}

static gan_status check_samples(const session *s, const gan_tensor *images, int64_t n)
{
    gan_shape expected = GAN_SHAPE(n, s->info.height, s->info.width, s->info.channels);
    char found[96], wanted[96];
    if (!images)
        return gan_raise(s->ctx, GAN_ERROR_STATE, "the plugin gave no images");
    if (!gan_is_poison(images) && !gan_shape_equal(gan_shape_of(images), expected))
        return gan_raise(s->ctx, GAN_ERROR_SHAPE, "the plugin gave samples of shape %s instead of %s",
                         gan_shape_text(gan_shape_of(images), found, sizeof found),
                         gan_shape_text(expected, wanted, sizeof wanted));
    return gan_status_of(s->ctx);
}

static gan_status sample_chunk(session *s, const uint64_t *seeds, int64_t n, const int32_t *labels, void *out)
{
    gan_sample_request request = {.struct_size = sizeof request, .n = n, .seeds = seeds};
    gan_tensor *images = NULL;
    gan_no_grad_begin(s->ctx);
    if (labels)
        request.labels = gan_from_i32(s->ctx, GAN_SHAPE(n), labels);
    gan_status status = s->plugin->table.sample(s->model, &request, &images);
    if (!status)
        status = check_samples(s, images, n);
    if (!status)
        status = s->info.scaled ? gan_read_u8(gan_images_to_u8(images), out) : gan_read_f32(images, out);
    gan_no_grad_end(s->ctx, NULL);
    return status;
}

/* Networks to evaluation mode and back; `was` holds one flag for each. */
static void set_training(session *s, bool *was, bool restore)
{
    for (int i = 0; i < gan_model_network_count(s->model); i++) {
        const char *name;
        gan_role role;
        gan_layer *network = gan_model_network_at(s->model, i, &name, &role);
        if (!restore)
            was[i] = gan_layer_is_training(network);
        gan_layer_train(network, restore && was[i]);
    }
}

gan_status session_evaluate_begin(session *s, session_evaluation *e, gan_message *message)
{
    e->was = calloc((size_t)gan_model_network_count(s->model) + 1, sizeof *e->was);
    if (!e->was)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for samples");
    e->random = gan_random_get(s->ctx);
    gan_random_set(s->ctx, (gan_random_state){.seed = SAMPLE_STREAM_SEED});
    for (int i = 0; i < s->n_ema; i++)
        gan_ema_swap(s->ema[i].average);
    set_training(s, e->was, false);
    return GAN_OK;
}

void session_evaluate_end(session *s, session_evaluation *e)
{
    set_training(s, e->was, true);
    for (int i = 0; i < s->n_ema; i++)
        gan_ema_swap(s->ema[i].average);
    gan_random_set(s->ctx, e->random);
    free(e->was);
    e->was = NULL;
}

int64_t session_sample_batch(const session *s)
{
    int64_t pixels = s->info.height * s->info.width, chunk = SAMPLE_CHUNK_PIXELS / (pixels > 0 ? pixels : 1);
    return chunk < 1 ? 1 : chunk > SAMPLE_CHUNK ? SAMPLE_CHUNK : chunk;
}

/* Into `out`, one after another or, with `take`, over one another. */
static gan_status sample_all(session *s, const uint64_t *seeds, int64_t n, const int32_t *labels, char *out,
                             session_take take, void *user)
{
    int64_t chunk = session_sample_batch(s);
    size_t bytes = session_sample_bytes(&s->info);
    int64_t classes = session_classes(s);
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < n && !status; i += chunk) {
        int64_t part = n - i < chunk ? n - i : chunk;
        int32_t own[SAMPLE_CHUNK];
        const int32_t *chosen = labels ? labels + i : NULL;
        /* The plugin chooses i mod classes by itself, but would begin at 0 in every chunk. */
        if (!labels && classes > 0 && n > chunk) {
            for (int64_t j = 0; j < part; j++)
                own[j] = (int32_t)((i + j) % classes);
            chosen = own;
        }
        status = sample_chunk(s, seeds + i, part, chosen, take ? out : out + (size_t)i * bytes);
        if (!status && take && !take(out, part, user))
            break;
    }
    return status;
}

static gan_status sample(session *s, const uint64_t *seeds, int64_t n, const int32_t *labels, void *out,
                         session_take take, void *user, gan_message *message)
{
    session_evaluation e;
    gan_status status = session_evaluate_begin(s, &e, message);
    if (status)
        return status;
    status = sample_all(s, seeds, n, labels, out, take, user);
    session_evaluate_end(s, &e);
    return status ? session_error(s, status, "cannot generate samples", message) : GAN_OK;
}

gan_status session_sample(session *s, const uint64_t *seeds, int64_t n, const int32_t *labels, void *out,
                          gan_message *message)
{
    return sample(s, seeds, n, labels, out, NULL, NULL, message);
}

gan_status session_sample_each(session *s, const uint64_t *seeds, int64_t n, const int32_t *labels, session_take take,
                               void *user, gan_message *message)
{
    char *out = malloc((size_t)session_sample_batch(s) * session_sample_bytes(&s->info));
    if (!out)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for samples");
    gan_status status = sample(s, seeds, n, labels, out, take, user, message);
    free(out);
    return status;
}
