#include "golden.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct golden {
    const char *name;
    gan_file *file;
    gan_context *ctx;
    const gan_plugin *plugin;
    gan_options *options;
    gan_model *model;
    gan_metrics *metrics;
    gan_data_info data;
    int64_t batch;
    int64_t batch_side;                    /* of its images: the data's, unless a network has to grow to it */
    double kimg;                           /* of the batch */
    uint64_t image_counter, label_counter; /* of the draws that make batches */
} golden;

enum { WEIGHTS = 11, IMAGES = 12, NOISE = 13, LABELS = 14 }; /* seeds of scripts/golden_steps.py */

#define KEY_SIZE 256

/* ---- making the model ---- */

static const gan_plugin *load_plugin(void)
{
    char moved[4096];
    const char *folder = getenv("GAN_TEST_PLUGINS"); /* where the plugins are when they are not where they were built */
    snprintf(moved, sizeof moved, "%s/" TEST_PLUGIN_NAME ".so", folder ? folder : "");
    void *library = dlopen(folder ? moved : TEST_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library, "%s", dlerror());
    gan_plugin_entry_fn entry;
    *(void **)&entry = dlsym(library, GAN_PLUGIN_ENTRY_NAME);
    ck_assert_ptr_nonnull(entry);
    ck_assert_uint_eq(entry()->magic, GAN_PLUGIN_MAGIC);
    return entry();
}

static const char *text_of(const golden *g, const char *key)
{
    const char *text = gan_file_text(g->file, key);
    ck_assert_msg(text, "%s: the file does not say its %s", g->name, key);
    return text;
}

static void set_options(golden *g)
{
    char key[KEY_SIZE];
    gan_message message;
    g->options = gan_options_create(g->plugin->options, &message);
    ck_assert_msg(g->options, "%s", message.text);
    for (const gan_option *o = g->plugin->options; o->name; o++) {
        snprintf(key, sizeof key, "option.%s", o->name);
        const char *text = gan_file_text(g->file, key);
        if (text)
            ck_assert_msg(gan_options_set(g->options, o->name, text, &message) == GAN_OK, "%s", message.text);
    }
}

/* The initial values of the parameters; those of large networks are not stored, but drawn as the script does: by
 * 2^round(log2(1/sqrt(fan_in))), a bias as the weight before it. */
typedef struct initial {
    golden *g;
    gan_random_state state;
    const char *network;
    float bound;
    int stored;
} initial;

static gan_tensor *drawn(initial *in, gan_tensor *like)
{
    gan_context *ctx = in->g->ctx;
    if (gan_ndim(like) > 1)
        in->bound = (float)exp2(nearbyint(log2(1 / sqrt((double)gan_count(like) / (double)gan_dim(like, 0)))));
    gan_random_set(ctx, in->state);
    gan_tensor *values = gan_rand(ctx, gan_shape_of(like), -in->bound, in->bound);
    in->state = gan_random_get(ctx);
    return values;
}

static void set_initial(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    initial *in = user;
    char key[KEY_SIZE];
    gan_message message;
    snprintf(key, sizeof key, "initial.%s.%s", in->network, name);
    if (gan_file_has(in->g->file, key)) {
        in->stored++;
        ck_assert_msg(gan_file_read(in->g->file, key, tensor, layout, &message) == GAN_OK, "%s", message.text);
        return;
    }
    ck_assert_msg(in->stored == 0 && kind == GAN_SLOT_PARAMETER && layout == GAN_LAYOUT_PLAIN,
                  "%s: nothing is stored for %s", in->g->name, key);
    ck_assert_int_eq(gan_assign(tensor, drawn(in, tensor)), GAN_OK);
}

static int count_with_prefix(const golden *g, const char *prefix)
{
    int n = 0;
    for (int i = 0; i < gan_file_count(g->file); i++)
        n += strncmp(gan_file_name_at(g->file, i), prefix, strlen(prefix)) == 0;
    return n;
}

static void build_model(golden *g)
{
    gan_role role;
    g->data = (gan_data_info){.struct_size = sizeof g->data, .count = 1000, .scaled = true};
    g->data.height = g->data.width = atoi(text_of(g, "side"));
    g->data.channels = atoi(text_of(g, "channels"));
    g->data.classes = atoi(text_of(g, "classes"));
    g->batch = atoi(text_of(g, "batch"));
    gan_build b = {.struct_size = sizeof b, .ctx = g->ctx, .options = g->options, .data = &g->data, .batch = g->batch};
    ck_assert_msg(g->plugin->build(&b, &g->model) == GAN_OK, "%s", gan_status_message(g->ctx));
    initial in = {.g = g, .state = {.seed = WEIGHTS}};
    for (int i = 0; i < gan_model_network_count(g->model); i++) {
        gan_layer *network = gan_model_network_at(g->model, i, &in.network, &role);
        gan_layer_visit(network, set_initial, &in);
    }
    ck_assert_int_eq(in.stored, count_with_prefix(g, "initial."));
}

static const void *extension(golden *g, const char *name)
{
    return g->plugin->get_extension ? g->plugin->get_extension(g->model, name) : NULL;
}

/* The value of a list such as "0,0.5,1" at that place, from 0; of a shorter list the last. */
static double value_at(const char *list, int place)
{
    char *next = (char *)list;
    double value = strtod(next, &next);
    while (place-- > 0 && *next == ',')
        value = strtod(next + 1, &next);
    return value;
}

/* What batches look like in the i-th whole step, from 0: as the plugin plans it. */
static void plan_batches(golden *g, int i)
{
    const gan_schedule_extension *plan = extension(g, GAN_SCHEDULE_EXTENSION);
    const char *kimg = gan_file_text(g->file, "kimg");
    g->kimg = kimg ? value_at(kimg, i) : 0;
    g->batch = atoi(text_of(g, "batch"));
    g->batch_side = g->data.height;
    if (plan && plan->batches)
        plan->batches(g->model, g->kimg, &g->batch, &g->batch_side);
}

/* A scope is open until golden_close. */
static void golden_open(golden *g, const char *name)
{
    char path[4096];
    gan_message message;
    gan_context_options options = {.struct_size = sizeof options, .device = test_device(), .threads = 2};
    *g = (golden){.name = name, .plugin = load_plugin()};
    snprintf(path, sizeof path, "%s/golden/%s/%s.safetensors", TEST_SOURCE_DIR, TEST_PLUGIN_NAME, name);
    ck_assert_msg(gan_file_open(path, &g->file, &message) == GAN_OK, "%s", message.text);
    ck_assert_int_eq(gan_context_create(&options, &g->ctx, &message), GAN_OK);
    gan_scope_begin(g->ctx);
    g->metrics = gan_metrics_create();
    set_options(g);
    build_model(g);
    plan_batches(g, 0);
    gan_random_set(g->ctx, (gan_random_state){.seed = NOISE});
}

static void golden_close(golden *g)
{
    gan_metrics_destroy(g->metrics);
    g->plugin->destroy(g->model);
    gan_options_destroy(g->options);
    gan_scope_end(g->ctx, NULL);
    gan_memory_trim(g->ctx);
    ck_assert_uint_eq(gan_memory(g->ctx).bytes_in_use, 0);
    gan_context_destroy(g->ctx);
    gan_file_close(g->file);
}

/* ---- comparing ---- */

typedef struct comparison {
    golden *g;
    const golden_tolerance *tolerance;
    int step;
    int found;
    double sum; /* of the weights' differences */
    int64_t count;
    int seen[GAN_METRICS_MAX]; /* how often each metric was reported */
    char metric[GAN_METRICS_MAX][64];
} comparison;

static int *times_seen(comparison *c, const char *name)
{
    int i = 0;
    while (i < GAN_METRICS_MAX - 1 && c->metric[i][0] && strcmp(c->metric[i], name) != 0)
        i++;
    snprintf(c->metric[i], sizeof c->metric[i], "%s", name);
    return &c->seen[i];
}

static const double *metric_values(const golden *g, const char *name, int *n)
{
    char key[KEY_SIZE];
    size_t bytes;
    snprintf(key, sizeof key, "metric.%s", name);
    const double *stored = gan_file_data(g->file, key, &bytes);
    ck_assert_msg(stored, "%s: nothing is stored for %s", g->name, key);
    *n = (int)(bytes / sizeof *stored);
    return stored;
}

static void check_metric(const char *name, double value, void *user)
{
    comparison *c = user;
    int n, at = (*times_seen(c, name))++;
    const double *stored = metric_values(c->g, name, &n);
    ck_assert_msg(at < n, "%s: %s is reported more than %d times", c->g->name, name, n);
    ck_assert_msg(fabs(value - stored[at]) <= c->tolerance->metric, "%s: report %d of %s is %.9g, should be %.9g",
                  c->g->name, at, name, value, stored[at]);
}

static void check_metric_counts(comparison *c)
{
    int names = 0;
    for (int i = 0; i < GAN_METRICS_MAX && c->metric[i][0]; i++, names++) {
        int n;
        metric_values(c->g, c->metric[i], &n);
        ck_assert_msg(c->seen[i] == n, "%s: %s was reported %d times, should be %d", c->g->name, c->metric[i],
                      c->seen[i], n);
    }
    ck_assert_int_eq(names, count_with_prefix(c->g, "metric."));
}

static float *read_values(const gan_tensor *tensor)
{
    float *values = malloc((size_t)gan_count(tensor) * sizeof *values);
    ck_assert_int_eq(gan_read_f32(tensor, values), GAN_OK);
    return values;
}

/* Some elements of a plain tensor, or all of it in its layout in memory; malloc'd. */
static float *stored_values(golden *g, const char *key, const gan_tensor *like, gan_layout layout, const int32_t *index,
                            size_t bytes)
{
    gan_message message;
    if (index) {
        size_t stored_bytes;
        const float *stored = gan_file_data(g->file, key, &stored_bytes);
        ck_assert_msg(layout == GAN_LAYOUT_PLAIN && stored && stored_bytes == bytes, "%s: %s", g->name, key);
        return memcpy(malloc(bytes), stored, bytes);
    }
    gan_scope_begin(g->ctx);
    gan_tensor *tensor = gan_zeros(g->ctx, gan_shape_of(like));
    ck_assert_msg(gan_file_read(g->file, key, tensor, layout, &message) == GAN_OK, "%s", message.text);
    float *values = read_values(tensor);
    gan_scope_end(g->ctx, NULL);
    return values;
}

static double largest(const float *values, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)values[i]));
    return most;
}

/* An optimizer's counter. */
static void check_counter(comparison *c, const char *key, const gan_tensor *tensor)
{
    size_t bytes;
    int32_t value;
    const int32_t *stored = gan_file_data(c->g->file, key, &bytes);
    ck_assert_msg(stored && bytes == sizeof value, "%s: nothing is stored for %s", c->g->name, key);
    ck_assert_int_eq(gan_read_i32(tensor, &value), GAN_OK);
    ck_assert_int_eq(value, *stored);
}

static void check_tensor(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    comparison *c = user;
    char key[KEY_SIZE], index_key[KEY_SIZE];
    size_t bytes = 0;
    snprintf(key, sizeof key, "after%d.%s", c->step, name);
    snprintf(index_key, sizeof index_key, "index.%s", name);
    c->found++;
    if (gan_dtype_of(tensor) == GAN_I32) {
        check_counter(c, key, tensor);
        return;
    }
    const int32_t *index = gan_file_data(c->g->file, index_key, &bytes);
    int64_t n = index ? (int64_t)(bytes / sizeof *index) : gan_count(tensor);
    float *stored = stored_values(c->g, key, tensor, layout, index, bytes), *values = read_values(tensor);
    double allowed = c->tolerance->weight;
    if (kind != GAN_SLOT_PARAMETER)
        allowed = fmax(c->tolerance->state * largest(stored, n), c->tolerance->floor);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = index ? index[i] : i;
        double difference = fabs((double)values[at] - stored[i]);
        ck_assert_msg(difference <= allowed, "%s: %s, element %lld is %.9g, should be %.9g within %.2g", c->g->name,
                      key, (long long)at, (double)values[at], (double)stored[i], allowed);
        if (kind == GAN_SLOT_PARAMETER) {
            c->sum += difference;
            c->count++;
        }
    }
    free(stored);
    free(values);
}

static void check_number(const char *name, double *number, void *user)
{
    comparison *c = user;
    char key[KEY_SIZE];
    double stored;
    gan_message message;
    snprintf(key, sizeof key, "after%d.%s", c->step, name);
    c->found++;
    ck_assert_msg(gan_file_read_number(c->g->file, key, &stored, &message) == GAN_OK, "%s", message.text);
    ck_assert_msg(fabs(*number - stored) <= c->tolerance->state * fabs(stored), "%s: %s is %.9g, should be %.9g",
                  c->g->name, key, *number, stored);
}

static void check_state(comparison *c)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "after%d.", c->step);
    c->found = 0;
    gan_model_visit(c->g->model, check_tensor, check_number, c);
    ck_assert_int_eq(c->found, count_with_prefix(c->g, prefix));
    ck_assert_msg(c->sum / (double)c->count <= c->tolerance->mean_weight,
                  "%s: after step %d weights differ by %.3g on average", c->g->name, c->step,
                  c->sum / (double)c->count);
}

/* ---- running ---- */

/* The next batch of images and labels. */
static gan_batch golden_batch(golden *g)
{
    gan_batch batch = {.struct_size = sizeof batch, .n = g->batch, .kimg = g->kimg};
    gan_shape shape = GAN_SHAPE(g->batch, g->batch_side, g->batch_side, g->data.channels);
    gan_random_state noise = gan_random_get(g->ctx);
    gan_random_set(g->ctx, (gan_random_state){.seed = IMAGES, .counter = g->image_counter});
    batch.images = gan_rand(g->ctx, shape, -1.0f, 1.0f);
    if (g->plugin->needs & GAN_NEEDS_TWO_DOMAINS)
        batch.images_b = gan_rand(g->ctx, shape, -1.0f, 1.0f);
    g->image_counter = gan_random_get(g->ctx).counter;
    if (g->data.classes > 0) {
        gan_random_set(g->ctx, (gan_random_state){.seed = LABELS, .counter = g->label_counter});
        batch.labels = gan_randint(g->ctx, GAN_SHAPE(g->batch), (int32_t)g->data.classes);
        g->label_counter = gan_random_get(g->ctx).counter;
    }
    gan_random_set(g->ctx, noise);
    return batch;
}

/* Each in a scope of its own, as the host calls them. */
static gan_status run_step(golden *g, bool generator, const gan_batch *batch)
{
    const gan_capture_extension *capture = extension(g, GAN_CAPTURE_EXTENSION);
    if (capture && capture->prepare)
        capture->prepare(g->model, generator ? GAN_STEP_GENERATOR : GAN_STEP_DISCRIMINATOR, batch);
    gan_scope_begin(g->ctx);
    gan_status status = (generator ? g->plugin->g_step : g->plugin->d_step)(g->model, batch, g->metrics);
    gan_scope_end(g->ctx, NULL);
    return status;
}

/* Metrics are read after each part, as the host does: they may be state that the next one changes. */
static void run_part(comparison *c, bool generator, const gan_batch *batch)
{
    ck_assert_msg(run_step(c->g, generator, batch) == GAN_OK, "%s", gan_status_message(c->g->ctx));
    gan_metrics_collect(c->g->metrics, check_metric, c);
}

static void run_whole_step(comparison *c, int d_steps)
{
    golden *g = c->g;
    gan_scope_begin(g->ctx);
    gan_batch batch = {0};
    for (int i = 0; i < d_steps; i++) {
        batch = golden_batch(g);
        run_part(c, false, &batch);
    }
    run_part(c, true, &batch);
    gan_scope_end(g->ctx, NULL);
    check_state(c);
}

static gan_tensor *draw_samples(golden *g, int64_t n)
{
    uint64_t *seeds = calloc((size_t)n, sizeof *seeds);
    for (int64_t i = 0; i < n; i++)
        seeds[i] = (uint64_t)i;
    gan_sample_request request = {.struct_size = sizeof request, .n = n, .seeds = seeds};
    gan_tensor *images = NULL;
    ck_assert_msg(g->plugin->sample(g->model, &request, &images) == GAN_OK, "%s", gan_status_message(g->ctx));
    free(seeds);
    return images;
}

static void check_images(comparison *c, const char *key, const gan_tensor *images)
{
    golden *g = c->g;
    gan_shape shape;
    size_t bytes;
    ck_assert_msg(gan_file_info(g->file, key, &shape, NULL), "%s: no %s are stored", g->name, key);
    ck_assert(gan_shape_equal(gan_shape_of(images), shape));
    const float *stored = gan_file_data(g->file, key, &bytes);
    float *values = read_values(images);
    for (int64_t i = 0; i < gan_shape_count(shape); i++)
        ck_assert_msg(fabs((double)values[i] - stored[i]) <= c->tolerance->metric,
                      "%s: value %lld of %s is %.9g, should be %.9g", g->name, (long long)i, key, (double)values[i],
                      (double)stored[i]);
    free(values);
}

static void check_samples(comparison *c)
{
    gan_shape shape = GAN_SCALAR;
    ck_assert_msg(gan_file_info(c->g->file, "sample.images", &shape, NULL), "%s: no samples are stored", c->g->name);
    check_images(c, "sample.images", draw_samples(c->g, shape.dim[0]));
}

static void check_translations(comparison *c)
{
    static const char *const keys[] = {"translated.ab", "translated.ba"}; /* by direction */
    golden *g = c->g;
    const gan_translate_extension *translation = extension(g, GAN_TRANSLATE_EXTENSION);
    ck_assert_ptr_nonnull(translation);
    const gan_batch batch = golden_batch(g);
    gan_tensor *const from[] = {batch.images, batch.images_b};
    for (int i = 0; i < 2; i++) {
        gan_tensor *images = NULL;
        ck_assert_msg(translation->translate(g->model, (gan_direction)i, from[i], &images) == GAN_OK, "%s",
                      gan_status_message(g->ctx));
        check_images(c, keys[i], images);
    }
}

/* In evaluation mode, what the model makes. */
static void check_results(comparison *c)
{
    golden *g = c->g;
    for (int i = 0; i < gan_model_network_count(g->model); i++)
        gan_layer_train(gan_model_network_at(g->model, i, NULL, NULL), false);
    gan_no_grad_begin(g->ctx);
    if (g->plugin->sample)
        check_samples(c);
    else
        check_translations(c);
    gan_no_grad_end(g->ctx, NULL);
}

/* All steps of the file, and its samples. */
static void golden_run(golden *g, const golden_tolerance *tolerance)
{
    comparison c = {.g = g, .tolerance = tolerance};
    char *next = (char *)text_of(g, "d_steps"); /* "1,1,1" */
    while (*next) {
        int d_steps = (int)strtol(next, &next, 10);
        next += *next == ',';
        plan_batches(g, c.step++);
        run_whole_step(&c, d_steps);
    }
    ck_assert_int_gt(c.step, 0);
    check_metric_counts(&c);
    check_results(&c);
}

/* ---- failed allocations ---- */

typedef struct sums {
    double sum, square;
    int64_t updates;
} sums;

static void add_up(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    sums *s = user;
    (void)layout;
    /* Running statistics may have followed the images already. */
    bool counted = kind == GAN_SLOT_PARAMETER || strstr(name, "exp_avg") || strstr(name, "square_avg");
    if (!counted)
        return;
    float *values = read_values(tensor);
    for (int64_t i = 0; i < gan_count(tensor); i++) {
        s->sum += values[i];
        s->square += (double)values[i] * values[i];
    }
    free(values);
}

/* Every parameter and moment, in two numbers, and the number of updates. */
static sums state_of(golden *g)
{
    sums s = {0};
    gan_model_visit(g->model, add_up, NULL, &s);
    for (int i = 0; i < gan_model_optimizer_count(g->model); i++)
        s.updates += gan_optimizer_steps(gan_model_optimizer_at(g->model, i, NULL));
    return s;
}

/* One step in which the nth allocation fails; whether it was good all the same. */
static bool step_without_memory(golden *g, uint64_t nth, bool generator)
{
    gan_scope_begin(g->ctx);
    gan_batch batch = golden_batch(g);
    if (generator)
        ck_assert_msg(run_step(g, false, &batch) == GAN_OK, "%s", gan_status_message(g->ctx));
    sums before = state_of(g);
    gan_memory_fail_after(g->ctx, nth);
    gan_status status = run_step(g, generator, &batch);
    gan_memory_fail_after(g->ctx, 0);
    gan_scope_end(g->ctx, NULL);
    gan_metrics_collect(g->metrics, NULL, NULL);
    if (status == GAN_OK)
        return true;
    ck_assert_msg(status == GAN_ERROR_MEMORY, "allocation %llu: %s", (unsigned long long)nth,
                  gan_status_message(g->ctx));
    gan_clear_status(g->ctx);
    sums after = state_of(g);
    ck_assert_int_le(after.updates, before.updates + 1);
    ck_assert_msg(after.updates > before.updates || (before.sum == after.sum && before.square == after.square),
                  "allocation %llu: the failed step changed the model", (unsigned long long)nth);
    return false;
}

/* A whole step in which nothing fails; afterwards a plugin holds no more than its model. */
static size_t memory_after_a_good_step(golden *g)
{
    gan_scope_begin(g->ctx);
    gan_batch batch = golden_batch(g);
    ck_assert_msg(run_step(g, false, &batch) == GAN_OK, "%s", gan_status_message(g->ctx));
    ck_assert_msg(run_step(g, true, &batch) == GAN_OK, "%s", gan_status_message(g->ctx));
    gan_scope_end(g->ctx, NULL);
    gan_metrics_collect(g->metrics, NULL, NULL);
    return gan_memory(g->ctx).bytes_in_use;
}

/* Steps of the generator, or of the discriminator, of the case's model in which one allocation after the other fails:
 * each says so and leaves parameters and optimizers as they were, unless it failed after the update (while reporting
 * metrics), or does without and is good; and no memory is lost. */
static void golden_steps_without_memory(golden *g, bool generator)
{
    enum { ENOUGH = 40, MOST = 20000 }; /* so many good steps in a row: the failure lies behind the step's end */
    size_t in_use = memory_after_a_good_step(g);
    uint64_t nth = 1;
    for (int good = 0; good < ENOUGH && nth < MOST; nth++)
        good = step_without_memory(g, nth, generator) ? good + 1 : 0;
    ck_assert_uint_gt(nth, ENOUGH + 10);
    ck_assert_uint_lt(nth, MOST);
    ck_assert_uint_eq(memory_after_a_good_step(g), in_use);
}

/* ---- tests ---- */

START_TEST(steps_are_those_of_pytorch)
{
    golden g;
    golden_tolerance tolerance = golden_within;
    if (golden_cases[_i].metric > 0)
        tolerance.metric = golden_cases[_i].metric;
    golden_open(&g, golden_cases[_i].name);
    golden_run(&g, &tolerance);
    golden_close(&g);
}
END_TEST

START_TEST(a_step_without_memory_changes_nothing)
{
    golden g;
    golden_open(&g, golden_cases[_i / 2].name);
    golden_steps_without_memory(&g, _i % 2 == 1);
    golden_close(&g);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("golden steps of " TEST_PLUGIN_NAME);
    TCase *t = tcase_create("steps");
    tcase_set_timeout(t, golden_seconds);
    for (int i = 0; golden_cases[i].name; i++) {
        tcase_add_loop_test(t, steps_are_those_of_pytorch, i, i + 1);
        if (golden_cases[i].memory)
            tcase_add_loop_test(t, a_step_without_memory_changes_nothing, 2 * i, 2 * i + 2);
    }
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
