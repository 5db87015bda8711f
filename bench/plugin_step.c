/*
 * plugin_step.c - a plugin's d_step and g_step on made-up images.
 *
 *     plugin_step dcgan data.resolution=64 train.batch=64 width=64
 *
 * The first word is a plugin, by name or path, as ganhost takes it. The others are settings: data.resolution,
 * data.channels, data.classes, train.batch, train.d_steps and train.shown_kimg, whose defaults may be the plugin's, and
 * its own options. A plugin of two domains gets as many images of either.
 * One iteration is train.d_steps discriminator steps and a generator step.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../host/plugin.h"
#include "program.h"

enum { BATCHES = 4 };

typedef struct setup {
    plugin *plugin;
    gan_options *data, *model;
    bool no_graphs;
} setup;

typedef struct training {
    const setup *with;
    gan_model *model;
    gan_runner *runner;
    gan_batch batch[BATCHES];
    int batches; /* that take turns: 1 where steps are recorded, which need the same tensors every time */
    int at;      /* of the last d_step */
    int64_t images, d_count;
} training;

static const gan_option data_table[] = {
    {"data.resolution", GAN_OPTION_INT, "64", 1, 1024, NULL, "Side of the images in pixels."},
    {"data.channels", GAN_OPTION_INT, "3", 1, 3, NULL, "1 or 3."},
    {"data.classes", GAN_OPTION_INT, "0", 0, 10000, NULL, "Classes of the labels; 0: no labels."},
    {"train.batch", GAN_OPTION_INT, "64", 1, 65536, NULL, "Real images per discriminator step."},
    {"train.d_steps", GAN_OPTION_INT, "1", 1, 1000, NULL, "Discriminator steps per generator step."},
    {"train.shown_kimg", GAN_OPTION_FLOAT, "0", 0, 1e9, NULL,
     "Thousands of images shown before the first step, for a network that grows."},
    {0},
};

/* ---- the training ---- */

static gan_tensor *make_labels(gan_context *ctx, int64_t n, int64_t classes, int first)
{
    int32_t *labels = malloc(sizeof(*labels) * (size_t)n);
    if (labels == NULL) {
        gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for labels");
        return NULL;
    }
    for (int64_t i = 0; i < n; i++) {
        labels[i] = (int32_t)((first + i) % classes);
    }
    gan_tensor *made = gan_keep(gan_from_i32(ctx, GAN_SHAPE(n), labels));
    free(labels);
    return made;
}

static int domains(const setup *with)
{
    return (with->plugin->table.needs & GAN_NEEDS_TWO_DOMAINS) != 0 ? 2 : 1;
}

static void make_batches(training *t, gan_context *ctx, const gan_data_info *info, int64_t n)
{
    int of = domains(t->with);
    gan_tensor *images = bench_images(ctx, of * n * BATCHES, info->height, info->channels);
    for (int i = 0; i < BATCHES; i++) {
        t->batch[i] = (gan_batch){.struct_size = sizeof(gan_batch), .n = n};
        t->batch[i].images = gan_keep(gan_slice(images, 0, of * i * n, n));
        t->batch[i].images_b = of == 2 ? gan_keep(gan_slice(images, 0, (of * i + 1) * n, n)) : NULL;
        if (info->classes > 0) {
            t->batch[i].labels = make_labels(ctx, n, info->classes, i);
        }
    }
    gan_release(images);
}

static gan_runner *make_runner(const training *t)
{
    const gan_plugin *table = &t->with->plugin->table;
    gan_runner_options options = {.struct_size = sizeof(options),
                                  .d_step = table->d_step,
                                  .g_step = table->g_step,
                                  .no_graphs = t->with->no_graphs || (table->flags & GAN_PLUGIN_NO_CAPTURE) != 0};
    const gan_capture_extension *capture =
        table->get_extension != NULL ? table->get_extension(t->model, GAN_CAPTURE_EXTENSION) : NULL;
    if (capture != NULL && capture->struct_size >= sizeof(*capture)) {
        options.prepare = capture->prepare;
    }
    return gan_runner_create(t->model, &options);
}

static void *create(gan_context *ctx, const void *setting)
{
    const setup *with = setting;
    training *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    int64_t side = gan_options_int(with->data, "data.resolution"), n = gan_options_int(with->data, "train.batch");
    gan_data_info info = {.struct_size = sizeof(info),
                          .count = n * BATCHES,
                          .height = side,
                          .width = side,
                          .channels = gan_options_int(with->data, "data.channels"),
                          .classes = gan_options_int(with->data, "data.classes"),
                          .scaled = true,
                          .name = "waves"};
    gan_build build = {.struct_size = sizeof(build), .ctx = ctx, .options = with->model, .data = &info, .batch = n};
    t->with = with;
    t->batches = gan_context_stream(ctx) != NULL ? 1 : BATCHES;
    gan_scope_begin(ctx);
    make_batches(t, ctx, &info, n);
    gan_status status = with->plugin->table.build(&build, &t->model);
    gan_scope_end(ctx, NULL);
    if (status != GAN_OK) {
        gan_raise(ctx, status, "the model could not be built");
    } else {
        t->runner = make_runner(t);
    }
    return t;
}

static void destroy(void *user)
{
    training *t = user;
    gan_runner_destroy(t->runner);
    if (t->model != NULL) {
        t->with->plugin->table.destroy(t->model);
    }
    for (int i = 0; i < BATCHES; i++) {
        gan_release(t->batch[i].images);
        gan_release(t->batch[i].images_b);
        gan_release(t->batch[i].labels);
    }
    free(t);
}

static gan_status d_step(void *user, gan_metrics *losses)
{
    training *t = user;
    gan_batch *batch = &t->batch[t->at = (t->at + 1) % t->batches];
    bool last = ++t->d_count % gan_options_int(t->with->data, "train.d_steps") == 0;
    batch->kimg = gan_options_float(t->with->data, "train.shown_kimg") + (double)t->images / 1000;
    t->images += batch->n;
    return gan_runner_step(t->runner, GAN_STEP_DISCRIMINATOR, last, batch, losses);
}

static gan_status g_step(void *user, gan_metrics *losses)
{
    training *t = user;
    return gan_runner_step(t->runner, GAN_STEP_GENERATOR, true, &t->batch[t->at], losses);
}

static int graphs(const void *user)
{
    const training *t = user;
    if (*gan_runner_note(t->runner) != '\0') {
        fprintf(stderr, "%s\n", gan_runner_note(t->runner));
    }
    return gan_runner_graphs(t->runner);
}

/* ---- the settings ---- */

static bool knows(const char *name)
{
    for (const gan_option *row = data_table; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static gan_status set_word(setup *with, const char *word, gan_message *message)
{
    const char *equals = strchr(word, '=');
    char name[64] = "";
    if (equals == NULL || (size_t)(equals - word) >= sizeof(name)) {
        return gan_fail(message, GAN_ERROR_OPTION, "\"%.80s\" is no setting: name=value", word);
    }
    memcpy(name, word, (size_t)(equals - word));
    return gan_options_set(strchr(name, '.') != NULL ? with->data : with->model, name, equals + 1, message);
}

static gan_status make_setup(setup *with, const bench_options *options, gan_message *message)
{
    if (options->n_words == 0) {
        return gan_fail(message, GAN_ERROR_ARGUMENT, "which plugin?");
    }
    gan_status status = plugin_open(options->word[0], &with->plugin, message);
    if (status == GAN_OK) {
        with->data = gan_options_create(data_table, message);
        with->model = gan_options_create(with->plugin->table.options, message);
        status = with->data != NULL && with->model != NULL ? GAN_OK : GAN_ERROR_OPTION;
    }
    const gan_default *own = status == GAN_OK ? with->plugin->table.defaults : NULL;
    for (; own != NULL && own->option != NULL && status == GAN_OK; own++) {
        if (knows(own->option)) {
            status = gan_options_set(with->data, own->option, own->value, message);
        }
    }
    for (int i = 1; i < options->n_words && status == GAN_OK; i++) {
        status = set_word(with, options->word[i], message);
    }
    return status;
}

static void end_setup(setup *with)
{
    gan_options_destroy(with->data);
    gan_options_destroy(with->model);
    if (with->plugin != NULL) {
        plugin_close(with->plugin);
    }
}

int main(int argc, char **argv)
{
    bench_options options = {.precision = "f32", .warmup = 1, .seconds = 10, .words = "PLUGIN [NAME=VALUE...] "};
    if (!bench_parse(argc, argv, &options)) {
        return 2;
    }
    setup with = {.no_graphs = options.no_graphs};
    gan_message message;
    int status = 2;
    if (make_setup(&with, &options, &message) == GAN_OK) {
        int d_steps = (int)gan_options_int(with.data, "train.d_steps");
        bench_program program = {
            .name = with.plugin->table.id,
            .images = d_steps * domains(&with) * (int)gan_options_int(with.data, "train.batch"),
            .setting = &with,
            .create = create,
            .destroy = destroy,
            .graphs = graphs,
            .phases = {{"d_step", d_step, d_steps}, {"g_step", g_step, 1}},
        };
        status = bench_program_run(&program, &options);
    } else {
        fprintf(stderr, "%s: %s\n", argv[0], message.text);
    }
    end_setup(&with);
    return status;
}
