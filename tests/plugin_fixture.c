#include "plugin_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

plugin_fixture fixture_open(int64_t side, uint64_t seed)
{
    gan_message message = {{0}};
    plugin_fixture f = {.plugin = gan_plugin_entry(), .ctx = test_context_open(2, seed)};
    f.options = gan_options_create(f.plugin->options, &message);
    ck_assert_msg(f.options != NULL, "%s", message.text);
    f.metrics = gan_metrics_create();
    f.data = (gan_data_info){.struct_size = sizeof f.data,
                             .count = 1000,
                             .height = side,
                             .width = side,
                             .channels = 1,
                             .scaled = true,
                             .name = "test"};
    return f;
}

static void drop_model(plugin_fixture *f)
{
    if (f->model)
        f->plugin->destroy(f->model);
    f->model = NULL;
}

void fixture_close(plugin_fixture *f)
{
    drop_model(f);
    gan_metrics_destroy(f->metrics);
    gan_options_destroy(f->options);
    test_context_close(f->ctx);
}

void fixture_set(plugin_fixture *f, const char *option, const char *value)
{
    gan_message message = {{0}};
    ck_assert_msg(gan_options_set(f->options, option, value, &message) == GAN_OK, "%s", message.text);
}

gan_status fixture_try_build(plugin_fixture *f)
{
    gan_build b = {.struct_size = sizeof b, .ctx = f->ctx, .options = f->options, .data = &f->data, .batch = 8};
    drop_model(f);
    gan_scope_begin(f->ctx);
    gan_status status = f->plugin->build(&b, &f->model);
    gan_scope_end(f->ctx, NULL);
    ck_assert_int_eq(status == GAN_OK, f->model != NULL);
    return status;
}

void fixture_build(plugin_fixture *f)
{
    ck_assert_msg(fixture_try_build(f) == GAN_OK, "%s", gan_status_message(f->ctx));
}

void fixture_refused(plugin_fixture *f, gan_status status, const char *text)
{
    ck_assert_int_eq(fixture_try_build(f), status);
    ck_assert_msg(strstr(gan_status_message(f->ctx), text) != NULL, "\"%s\" does not say \"%s\"",
                  gan_status_message(f->ctx), text);
    gan_clear_status(f->ctx);
}

static int64_t pixels_of(const plugin_fixture *f)
{
    return f->data.height * f->data.width * f->data.channels;
}

float *fixture_noise(const plugin_fixture *f, int64_t n)
{
    int64_t count = n * pixels_of(f);
    float *values = malloc((size_t)count * sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t p = 0; p < count; p += 4) {
        uint32_t words[4];
        gan_philox(1, 7, (uint64_t)p / 4, words);
        for (int64_t i = 0; i < 4 && p + i < count; i++)
            values[p + i] = (float)(words[i] >> 8) / 8388608.0f - 1.0f;
    }
    return values;
}

static void note(const char *name, double value, void *user)
{
    plugin_fixture *f = user;
    int i = 0;
    while (i < f->n_last && strcmp(f->last[i].name, name) != 0)
        i++;
    ck_assert_int_lt(i, GAN_METRICS_MAX);
    snprintf(f->last[i].name, sizeof f->last[i].name, "%s", name);
    f->last[i].value = value;
    f->n_last = i < f->n_last ? f->n_last : i + 1;
    ck_assert_msg(isfinite(value), "%s is %g", name, value);
}

static void prepare(plugin_fixture *f, gan_step_kind kind, const gan_batch *batch)
{
    const gan_capture_extension *capture =
        f->plugin->get_extension ? f->plugin->get_extension(f->model, GAN_CAPTURE_EXTENSION) : NULL;
    if (capture && capture->prepare)
        capture->prepare(f->model, kind, batch);
}

void fixture_train(plugin_fixture *f, const float *samples, const int32_t *labels, int64_t n, int d_steps, int g_steps)
{
    f->n_last = 0;
    gan_scope_begin(f->ctx);
    gan_batch batch = {.struct_size = sizeof batch, .n = n};
    gan_shape shape = GAN_SHAPE(n, f->data.height, f->data.width, f->data.channels);
    batch.images = gan_from_f32(f->ctx, shape, samples);
    if (f->plugin->needs & GAN_NEEDS_TWO_DOMAINS)
        batch.images_b = gan_from_f32(f->ctx, shape, samples + n * pixels_of(f));
    batch.labels = labels ? gan_from_i32(f->ctx, GAN_SHAPE(n), labels) : NULL;
    for (int i = 0; i < d_steps + g_steps; i++) {
        prepare(f, i < d_steps ? GAN_STEP_DISCRIMINATOR : GAN_STEP_GENERATOR, &batch);
        gan_scope_begin(f->ctx);
        gan_status status = (i < d_steps ? f->plugin->d_step : f->plugin->g_step)(f->model, &batch, f->metrics);
        gan_scope_end(f->ctx, NULL);
        ck_assert_msg(status == GAN_OK, "%s", gan_status_message(f->ctx));
    }
    gan_scope_end(f->ctx, NULL);
    gan_metrics_collect(f->metrics, note, f);
}

double fixture_metric(const plugin_fixture *f, const char *name)
{
    for (int i = 0; i < f->n_last; i++)
        if (strcmp(f->last[i].name, name) == 0)
            return f->last[i].value;
    ck_abort_msg("no metric \"%s\" was reported", name);
}

void fixture_sample(plugin_fixture *f, uint64_t first, const int32_t *labels, int64_t n, float *out)
{
    uint64_t *seeds = malloc((size_t)n * sizeof *seeds);
    ck_assert_ptr_nonnull(seeds);
    for (int64_t i = 0; i < n; i++)
        seeds[i] = first + (uint64_t)i;
    for (int i = 0; i < gan_model_network_count(f->model); i++)
        gan_layer_train(gan_model_network_at(f->model, i, NULL, NULL), false);
    gan_no_grad_begin(f->ctx);
    gan_sample_request request = {.struct_size = sizeof request, .n = n, .seeds = seeds};
    request.labels = labels ? gan_from_i32(f->ctx, GAN_SHAPE(n), labels) : NULL;
    gan_tensor *images = NULL;
    ck_assert_msg(f->plugin->sample(f->model, &request, &images) == GAN_OK, "%s", gan_status_message(f->ctx));
    ck_assert(gan_shape_equal(gan_shape_of(images), GAN_SHAPE(n, f->data.height, f->data.width, f->data.channels)));
    ck_assert_int_eq(gan_read_f32(images, out), GAN_OK);
    gan_no_grad_end(f->ctx, NULL);
    for (int i = 0; i < gan_model_network_count(f->model); i++)
        gan_layer_train(gan_model_network_at(f->model, i, NULL, NULL), true);
    free(seeds);
}

typedef struct wanted {
    const char *name;
    gan_tensor *found;
} wanted;

static void find(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    wanted *w = user;
    (void)kind, (void)layout;
    if (strcmp(w->name, name) == 0)
        w->found = tensor;
}

gan_tensor *fixture_tensor(plugin_fixture *f, const char *name)
{
    wanted w = {.name = name};
    gan_model_visit(f->model, find, NULL, &w);
    ck_assert_msg(w.found != NULL, "the model has no tensor \"%s\"", name);
    return w.found;
}

/* ---- what holds for every plugin ---- */

void check_samples_depend_on_their_seed_alone(plugin_fixture *f)
{
    int64_t pixels = pixels_of(f);
    float *three = malloc((size_t)(4 * pixels) * sizeof *three), *last = three + 3 * pixels;
    fixture_sample(f, 7, NULL, 3, three);
    fixture_sample(f, 9, (int32_t[]){f->data.classes > 0 ? (int32_t)(2 % f->data.classes) : 0}, 1, last);
    for (int64_t i = 0; i < pixels; i++)
        ck_assert_float_eq_tol(last[i], three[2 * pixels + i], 1e-5f);
    ck_assert_int_ne(memcmp(three, last, (size_t)pixels * sizeof *three), 0);
    free(three);
}

void check_steady_memory(plugin_fixture *f, const float *samples, const int32_t *labels, int64_t n)
{
    for (int i = 0; i < 3; i++)
        fixture_train(f, samples, labels, n, 1, 1);
    gan_memory_stats before = gan_memory(f->ctx);
    for (int i = 0; i < 3; i++)
        fixture_train(f, samples, labels, n, 1, 1);
    ck_assert_uint_eq(gan_memory(f->ctx).system_allocations, before.system_allocations);
    ck_assert_uint_eq(gan_memory(f->ctx).bytes_in_use, before.bytes_in_use);
}

void check_build_survives_failed_allocations(plugin_fixture *f)
{
    enum { ENOUGH = 20 }; /* so many builds in a row that succeed: the failure lies behind their end */
    int failures = 0, successes = 0;
    size_t in_use = gan_memory(f->ctx).bytes_in_use;
    for (uint64_t nth = 1; successes < ENOUGH; nth++) {
        gan_memory_fail_after(f->ctx, nth);
        gan_status status = fixture_try_build(f);
        gan_memory_fail_after(f->ctx, 0);
        ck_assert_msg(status == GAN_OK || status == GAN_ERROR_MEMORY, "allocation %llu: %s", (unsigned long long)nth,
                      gan_status_message(f->ctx));
        failures += status != GAN_OK;
        successes = status == GAN_OK ? successes + 1 : 0;
        drop_model(f);
        ck_assert_uint_eq(gan_memory(f->ctx).bytes_in_use, in_use);
        gan_clear_status(f->ctx);
    }
    ck_assert_int_gt(failures, 50);
}
