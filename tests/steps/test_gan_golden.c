/*
 * The chapter's training loop, step by step: the compiled `gan` plugin, from the weights, images and noise of
 * scripts/make-golden-gan, against PyTorch in float64.
 *
 * Tolerances. A loss is a mean of terms near 1 after a few hundred f32 roundings each: 2e-6. A weight moves by at most
 * about lr = 2e-4 in each step of Adam, in the direction m / sqrt(v), whose relative error is that of the gradient;
 * where the gradient nearly cancels, that is a few thousandths of lr after three steps, so 2e-6 is allowed (1 % of a
 * step; a wrong sign, moment or bias correction is a whole step), and 1e-7 on average, the rounding of the weights
 * themselves.
 */
#include "../support.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHTS = 11, IMAGES = 12, NOISE = 13, STEPS = 3 }; /* seeds, and whole steps, of scripts/make-golden-gan */
static const double LOSS_TOLERANCE = 2e-6, WEIGHT_TOLERANCE = 2e-6, MEAN_WEIGHT_TOLERANCE = 1e-7;

static const char *const cases[] = {"small-nonsaturating", "small-minimax",         "small-nonsaturating-2",
                                    "small-minimax-2",     "chapter-nonsaturating", "chapter-minimax-2"};

typedef struct fixture {
    const char *name;
    gan_file *file;
    gan_context *ctx;
    const gan_plugin *plugin;
    gan_options *options;
    gan_model *model;
    gan_metrics *metrics;
    int64_t side, batch;
    int k;
    uint64_t image_counter;
    int d_count, g_count; /* updates done */
} fixture;

/* ---- making the model ---- */

static const gan_plugin *load_plugin(void)
{
    void *library = dlopen(TEST_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library, "%s", dlerror());
    gan_plugin_entry_fn entry;
    *(void **)&entry = dlsym(library, GAN_PLUGIN_ENTRY_NAME);
    ck_assert_ptr_nonnull(entry);
    ck_assert_uint_eq(entry()->magic, GAN_PLUGIN_MAGIC);
    return entry();
}

static void set_option(fixture *f, const char *name, const char *format, const char *key)
{
    char text[128];
    gan_message message;
    snprintf(text, sizeof text, format, gan_file_text(f->file, key));
    ck_assert_msg(gan_options_set(f->options, name, text, &message) == GAN_OK, "%s", message.text);
}

/* 2^round(log2(1/sqrt(fan_in))): a power of two, so that scaling a draw is exact. */
static float bound_of(int64_t fan_in)
{
    return (float)exp2(nearbyint(log2(1 / sqrt((double)fan_in))));
}

typedef struct initial {
    fixture *f;
    gan_random_state state;
    const char *network;
    float bound;
} initial;

/* Weights come before their biases, which have the same bound. */
static void draw_weight(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    initial *in = user;
    gan_context *ctx = in->f->ctx;
    (void)layout;
    ck_assert_int_eq(kind, GAN_SLOT_PARAMETER);
    if (gan_ndim(tensor) == 2)
        in->bound = bound_of(gan_dim(tensor, 1));
    gan_random_set(ctx, in->state);
    gan_tensor *drawn = gan_rand(ctx, gan_shape_of(tensor), -in->bound, in->bound);
    in->state = gan_random_get(ctx);

    char full[160];
    snprintf(full, sizeof full, "initial.%s.%s", in->network, name);
    if (gan_file_has(in->f->file, full)) { /* the small networks */
        gan_message message;
        gan_tensor *stored = gan_zeros(ctx, gan_shape_of(tensor));
        gan_status status = gan_file_read(in->f->file, full, stored, GAN_LAYOUT_PLAIN, &message);
        ck_assert_msg(status == GAN_OK, "%s", message.text);
        ck_assert_float_eq(gan_item(gan_sqnorm(gan_sub(stored, drawn))), 0.0f);
    }
    ck_assert_int_eq(gan_assign(tensor, drawn), GAN_OK);
}

static void set_weights(fixture *f)
{
    initial in = {.f = f, .state = {.seed = WEIGHTS}};
    gan_role role;
    ck_assert_int_eq(gan_model_network_count(f->model), 2);
    for (int i = 0; i < 2; i++) {
        gan_layer *network = gan_model_network_at(f->model, i, &in.network, &role);
        gan_layer_visit(network, draw_weight, &in);
    }
}

static void build_model(fixture *f)
{
    gan_data_info data = {
        .struct_size = sizeof data, .count = 1000, .height = f->side, .width = f->side, .channels = 1};
    data.scaled = true;
    f->plugin = load_plugin();
    f->options = gan_options_create(f->plugin->options, NULL);
    set_option(f, "latent", "%s", "latent");
    set_option(f, "g_widths", "[%s]", "g_widths");
    set_option(f, "d_widths", "[%s]", "d_widths");
    set_option(f, "loss", "%s", "loss");
    gan_build b = {.struct_size = sizeof b, .ctx = f->ctx, .options = f->options, .data = &data, .batch = f->batch};
    ck_assert_msg(f->plugin->build(&b, &f->model) == GAN_OK, "%s", gan_status_message(f->ctx));
    set_weights(f);
}

static void open_case(fixture *f, const char *name)
{
    char path[4096];
    gan_message message;
    gan_context_options options = {.struct_size = sizeof options, .threads = 2};
    *f = (fixture){.name = name};
    snprintf(path, sizeof path, "%s/golden/gan/%s.safetensors", TEST_SOURCE_DIR, name);
    ck_assert_msg(gan_file_open(path, &f->file, &message) == GAN_OK, "%s", message.text);
    f->side = atoi(gan_file_text(f->file, "side"));
    f->batch = atoi(gan_file_text(f->file, "batch"));
    f->k = atoi(gan_file_text(f->file, "k"));
    ck_assert_int_eq(gan_context_create(&options, &f->ctx, &message), GAN_OK);
    gan_scope_begin(f->ctx);
    f->metrics = gan_metrics_create();
    build_model(f);
    gan_random_set(f->ctx, (gan_random_state){.seed = NOISE});
}

static void close_case(fixture *f)
{
    gan_metrics_destroy(f->metrics);
    f->plugin->destroy(f->model);
    gan_options_destroy(f->options);
    gan_scope_end(f->ctx, NULL);
    gan_context_destroy(f->ctx);
    gan_file_close(f->file);
}

/* ---- comparing ---- */

static void check_metric(const char *name, double value, void *user)
{
    fixture *f = user;
    size_t bytes;
    const double *stored = gan_file_data(f->file, name, &bytes);
    int at = strcmp(name, "g_loss") == 0 ? f->g_count : f->d_count;
    ck_assert_msg(stored && (size_t)at < bytes / sizeof *stored, "%s: nothing is stored for %s", f->name, name);
    ck_assert_msg(fabs(value - stored[at]) <= LOSS_TOLERANCE, "%s: %s of update %d is %.9g, should be %.9g", f->name,
                  name, at, value, stored[at]);
}

typedef struct weights {
    fixture *f;
    const char *network;
    int step;
    double sum;
    int64_t count;
} weights;

static void check_weight(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    weights *w = user;
    fixture *f = w->f;
    char key[160], index_key[160];
    size_t bytes, index_bytes;
    (void)kind, (void)layout;
    snprintf(key, sizeof key, "after%d.%s.%s", w->step, w->network, name);
    snprintf(index_key, sizeof index_key, "index.%s.%s", w->network, name);
    const float *stored = gan_file_data(f->file, key, &bytes);
    const int32_t *index = gan_file_data(f->file, index_key, &index_bytes);
    ck_assert_msg(stored, "%s: nothing is stored for %s", f->name, key);
    int64_t n = (int64_t)(bytes / sizeof *stored);
    ck_assert_int_eq(n, index ? (int64_t)(index_bytes / sizeof *index) : gan_count(tensor));
    float *value = malloc((size_t)gan_count(tensor) * sizeof *value);
    ck_assert_int_eq(gan_read_f32(tensor, value), GAN_OK);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = index ? index[i] : i;
        double d = fabs((double)value[at] - stored[i]);
        ck_assert_msg(d <= WEIGHT_TOLERANCE, "%s: %s, element %lld is %.9g, should be %.9g", f->name, key,
                      (long long)at, (double)value[at], (double)stored[i]);
        w->sum += d;
    }
    w->count += n;
    free(value);
}

static void check_weights(fixture *f, int step)
{
    weights w = {.f = f, .step = step};
    gan_role role;
    for (int i = 0; i < 2; i++)
        gan_layer_visit(gan_model_network_at(f->model, i, &w.network, &role), check_weight, &w);
    ck_assert_msg(w.sum / (double)w.count <= MEAN_WEIGHT_TOLERANCE,
                  "%s: after step %d weights differ by %.3g on average", f->name, step, w.sum / (double)w.count);
}

/* ---- running ---- */

static gan_tensor *next_images(fixture *f)
{
    gan_random_state noise = gan_random_get(f->ctx);
    gan_random_set(f->ctx, (gan_random_state){.seed = IMAGES, .counter = f->image_counter});
    gan_tensor *images = gan_rand(f->ctx, GAN_SHAPE(f->batch, f->side, f->side, 1), -1.0f, 1.0f);
    f->image_counter = gan_random_get(f->ctx).counter;
    gan_random_set(f->ctx, noise);
    return images;
}

static void run_step(fixture *f, int step)
{
    gan_batch batch = {.struct_size = sizeof batch, .n = f->batch};
    for (int update = 0; update < f->k; update++) {
        batch.images = next_images(f);
        ck_assert_msg(f->plugin->d_step(f->model, &batch, f->metrics) == GAN_OK, "%s", gan_status_message(f->ctx));
        ck_assert_int_eq(gan_metrics_collect(f->metrics, check_metric, f), 3);
        f->d_count++;
    }
    ck_assert_msg(f->plugin->g_step(f->model, &batch, f->metrics) == GAN_OK, "%s", gan_status_message(f->ctx));
    ck_assert_int_eq(gan_metrics_collect(f->metrics, check_metric, f), 1);
    f->g_count++;
    check_weights(f, step);
}

START_TEST(steps_are_those_of_the_chapter)
{
    fixture f;
    open_case(&f, cases[_i]);
    for (int step = 1; step <= STEPS; step++)
        run_step(&f, step);
    close_case(&f);
}
END_TEST

/* The noise that the script took is the noise that the plugin draws. */
START_TEST(noise_is_that_of_the_script)
{
    fixture f;
    open_case(&f, "small-nonsaturating");
    static const char *const order[] = {"d_noise1.0", "g_noise1", "d_noise2.0", "g_noise2", "d_noise3.0", "g_noise3"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        gan_shape shape;
        size_t bytes;
        ck_assert(gan_file_info(f.file, order[i], &shape, NULL));
        const float *stored = gan_file_data(f.file, order[i], &bytes);
        float drawn[64];
        ck_assert_uint_le(bytes, sizeof drawn);
        ck_assert_int_eq(gan_read_f32(gan_randn(f.ctx, shape), drawn), GAN_OK);
        for (size_t k = 0; k < bytes / sizeof *drawn; k++)
            ck_assert_float_eq_tol(drawn[k], stored[k], 2e-6f);
    }
    close_case(&f);
}
END_TEST

typedef struct sums {
    double sum, square;
} sums;

static void add_up(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    sums *s = user;
    float value[256] = {0};
    int32_t steps = 0;
    (void)name, (void)kind, (void)layout;
    ck_assert_int_le(gan_count(tensor), 256);
    if (gan_dtype_of(tensor) == GAN_I32) { /* an optimizer's counter */
        ck_assert_int_eq(gan_read_i32(tensor, &steps), GAN_OK);
        value[0] = (float)steps;
    } else {
        ck_assert_int_eq(gan_read_f32(tensor, value), GAN_OK);
    }
    for (int i = 0; i < 256; i++) {
        s->sum += value[i];
        s->square += (double)value[i] * value[i];
    }
}

/* Every weight and moment, in two numbers. */
static sums state_of(fixture *f)
{
    sums s = {0};
    gan_model_visit(f->model, add_up, NULL, &s);
    return s;
}

static int64_t updates_of(fixture *f)
{
    int64_t n = 0;
    for (int i = 0; i < gan_model_optimizer_count(f->model); i++)
        n += gan_optimizer_steps(gan_model_optimizer_at(f->model, i, NULL));
    return n;
}

/* One step in which the nth allocation fails: it says so and leaves the model as it was, unless that was after the
 * update (while reporting metrics); or it could do without, and is good. */
static bool step_without_memory(fixture *f, uint64_t nth, bool generator)
{
    gan_batch batch = {.struct_size = sizeof batch, .n = f->batch};
    sums before = state_of(f);
    int64_t updates = updates_of(f);
    gan_scope_begin(f->ctx);
    batch.images = next_images(f);
    gan_memory_fail_after(f->ctx, nth);
    gan_status status = (generator ? f->plugin->g_step : f->plugin->d_step)(f->model, &batch, f->metrics);
    gan_memory_fail_after(f->ctx, 0);
    gan_scope_end(f->ctx, NULL);
    gan_metrics_collect(f->metrics, NULL, NULL);
    if (status == GAN_OK)
        return true;
    ck_assert_msg(status == GAN_ERROR_MEMORY, "allocation %llu: %s", (unsigned long long)nth,
                  gan_status_message(f->ctx));
    gan_clear_status(f->ctx);
    sums after = state_of(f);
    ck_assert_int_le(updates_of(f), updates + 1);
    ck_assert_msg(updates_of(f) > updates || (before.sum == after.sum && before.square == after.square),
                  "allocation %llu: the failed step changed the model", (unsigned long long)nth);
    return false;
}

START_TEST(a_step_without_memory_changes_nothing)
{
    enum { ENOUGH = 40 }; /* so many steps in a row that succeed: the failure lies behind the step's end */
    fixture f;
    open_case(&f, "small-nonsaturating");
    uint64_t nth = 1;
    size_t in_use = 0;
    for (int good = 0; good < ENOUGH && nth < 5000; nth++) {
        good = step_without_memory(&f, nth, _i == 1) ? good + 1 : 0;
        if (nth == 1)
            in_use = gan_memory(f.ctx).bytes_in_use;
    }
    ck_assert_uint_gt(nth, ENOUGH + 10);
    ck_assert_uint_lt(nth, 5000);
    ck_assert_uint_le(gan_memory(f.ctx).bytes_in_use, in_use + 4096); /* Adam's moments come with the first good step */
    close_case(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("golden steps of gan");
    TCase *t = tcase_create("steps");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, noise_is_that_of_the_script);
    tcase_add_loop_test(t, steps_are_those_of_the_chapter, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, a_step_without_memory_changes_nothing, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
