/* The plugin through its table: networks, losses, options, training. Its steps are compared with PyTorch's in
 * tests/steps/test_gan_golden.c. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan/plugin.h>

static gan_context *ctx;
static gan_options *options;
static gan_model *model;
static gan_data_info data;

static void open_context(void)
{
    gan_context_options o = {.struct_size = sizeof o, .threads = 2, .seed = 11};
    gan_message message = {{0}};
    ck_assert_int_eq(gan_context_create(&o, &ctx, NULL), GAN_OK);
    options = gan_options_create(gan_plugin_entry()->options, &message);
    ck_assert_msg(options != NULL, "%s", message.text);
    data = (gan_data_info){
        .struct_size = sizeof data, .count = 60000, .height = 28, .width = 28, .channels = 1, .scaled = true};
}

static void close_context(void)
{
    if (model)
        gan_plugin_entry()->destroy(model);
    model = NULL;
    gan_options_destroy(options);
    ck_assert_msg(gan_memory(ctx).bytes_in_use == 0, "%zu bytes are left behind", gan_memory(ctx).bytes_in_use);
    gan_context_destroy(ctx);
}

static void set(const char *name, const char *value)
{
    gan_message message = {{0}};
    ck_assert_msg(gan_options_set(options, name, value, &message) == GAN_OK, "%s", message.text);
}

static void build(void)
{
    gan_build b = {.struct_size = sizeof b, .ctx = ctx, .options = options, .data = &data, .batch = 100};
    gan_scope_begin(ctx);
    gan_status status = gan_plugin_entry()->build(&b, &model);
    gan_scope_end(ctx, NULL);
    ck_assert_msg(status == GAN_OK, "%s", gan_status_message(ctx));
}

/* ---- steps ---- */

typedef struct report {
    double d_loss, g_loss, d_x, d_g_z;
    int n;
} report;

static void note(const char *name, double value, void *user)
{
    report *r = user;
    r->n++;
    if (!strcmp(name, "d_loss"))
        r->d_loss = value;
    else if (!strcmp(name, "g_loss"))
        r->g_loss = value;
    else if (!strcmp(name, "D(x)"))
        r->d_x = value;
    else if (!strcmp(name, "D(G(z))"))
        r->d_g_z = value;
    else
        ck_abort_msg("there is a metric \"%s\"", name);
}

/* K discriminator steps on `values`, n samples, then a generator step, as the host calls them. */
static report train(const float *values, int64_t n, int d_steps)
{
    const gan_plugin *plugin = gan_plugin_entry();
    gan_metrics *metrics = gan_metrics_create();
    report r = {.n = 0};
    gan_scope_begin(ctx);
    gan_batch batch = {.struct_size = sizeof batch, .n = n};
    batch.images = gan_from_f32(ctx, GAN_SHAPE(n, data.height, data.width, data.channels), values);
    for (int i = 0; i < d_steps; i++) {
        gan_scope_begin(ctx);
        ck_assert_msg(plugin->d_step(model, &batch, metrics) == GAN_OK, "%s", gan_status_message(ctx));
        gan_scope_end(ctx, NULL);
    }
    gan_scope_begin(ctx);
    ck_assert_msg(plugin->g_step(model, &batch, metrics) == GAN_OK, "%s", gan_status_message(ctx));
    gan_scope_end(ctx, NULL);
    gan_scope_end(ctx, NULL);
    gan_metrics_collect(metrics, note, &r);
    gan_metrics_destroy(metrics);
    ck_assert_int_eq(r.n, 3 * d_steps + 1);
    return r;
}

/* Images whose pixels are eight bits of a Philox word each. */
static float *noise_images(int64_t n)
{
    float *values = malloc((size_t)n * sizeof *values);
    for (int64_t p = 0; p < n; p += 4) {
        uint32_t words[4];
        gan_philox(1, 7, (uint64_t)p / 4, words);
        for (int64_t i = 0; i < 4 && p + i < n; i++)
            values[p + i] = (float)(words[i] >> 24) / 127.5f - 1.0f;
    }
    return values;
}

/* ---- networks ---- */

typedef struct listing {
    char text[2048];
} listing;

static void list_slot(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    listing *l = user;
    char shape[80];
    size_t used = strlen(l->text);
    (void)layout;
    if (kind == GAN_SLOT_PARAMETER)
        snprintf(l->text + used, sizeof l->text - used, "%s %s\n", name,
                 gan_shape_text(gan_shape_of(tensor), shape, sizeof shape));
}

START_TEST(networks_are_those_of_the_chapter)
{
    build();
    listing l = {{0}};
    gan_model_visit(model, list_slot, NULL, &l);
    ck_assert_str_eq(l.text, "generator.0.weight [256, 64]\ngenerator.0.bias [256]\n"
                             "generator.2.weight [256, 256]\ngenerator.2.bias [256]\n"
                             "generator.4.weight [784, 256]\ngenerator.4.bias [784]\n"
                             "discriminator.0.weight [256, 784]\ndiscriminator.0.bias [256]\n"
                             "discriminator.2.weight [256, 256]\ndiscriminator.2.bias [256]\n"
                             "discriminator.4.weight [1, 256]\ndiscriminator.4.bias [1]\n");
    gan_role role;
    ck_assert_ptr_nonnull(gan_model_network_at(model, 0, NULL, &role));
    ck_assert_int_eq(role, GAN_ROLE_GENERATOR);
    ck_assert_int_eq(gan_model_optimizer_count(model), 2);
    ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(model, 0, NULL)), 0.0002);
}
END_TEST

START_TEST(options_and_data_shape_the_networks)
{
    set("latent", "3");
    set("g_widths", "[8]");
    set("d_widths", "[7, 6, 5]");
    set("g_lr", "0.01");
    set("d_lr", "0.02");
    data.height = 4, data.width = 5, data.channels = 3;
    build();
    listing l = {{0}};
    gan_model_visit(model, list_slot, NULL, &l);
    ck_assert_str_eq(l.text, "generator.0.weight [8, 3]\ngenerator.0.bias [8]\n"
                             "generator.2.weight [60, 8]\ngenerator.2.bias [60]\n"
                             "discriminator.0.weight [7, 60]\ndiscriminator.0.bias [7]\n"
                             "discriminator.2.weight [6, 7]\ndiscriminator.2.bias [6]\n"
                             "discriminator.4.weight [5, 6]\ndiscriminator.4.bias [5]\n"
                             "discriminator.6.weight [1, 5]\ndiscriminator.6.bias [1]\n");
    ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(model, 0, NULL)), 0.01);
    ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(model, 1, NULL)), 0.02);
    float *values = noise_images(9 * 60);
    train(values, 9, 1);
    free(values);
}
END_TEST

static void draw(const uint64_t *seeds, int64_t n, float *out)
{
    gan_sample_request request = {.struct_size = sizeof request, .n = n, .seeds = seeds};
    gan_tensor *images = NULL;
    gan_no_grad_begin(ctx);
    ck_assert_int_eq(gan_plugin_entry()->sample(model, &request, &images), GAN_OK);
    ck_assert(gan_shape_equal(gan_shape_of(images), GAN_SHAPE(n, data.height, data.width, data.channels)));
    gan_read_f32(images, out);
    gan_no_grad_end(ctx, NULL);
}

START_TEST(a_sample_depends_on_its_seed_alone)
{
    static float first[3 * 784], second[2 * 784];
    build();
    draw((uint64_t[]){7, 8, 9}, 3, first);
    draw((uint64_t[]){9, 7}, 2, second);
    for (int i = 0; i < 784; i++) {
        ck_assert_float_eq_tol(second[i], first[2 * 784 + i], 1e-6f);
        ck_assert_float_eq_tol(second[784 + i], first[i], 1e-6f);
        ck_assert_float_le(fabsf(first[i]), 1); /* tanh */
    }
    ck_assert_int_ne(memcmp(first, first + 784, 784 * sizeof *first), 0);
}
END_TEST

START_TEST(vectors_have_a_linear_output)
{
    float values[2 * 64];
    uint64_t seeds[64];
    for (int i = 0; i < 64; i++)
        seeds[i] = (uint64_t)i;
    data.height = data.width = 1, data.channels = 2, data.scaled = false;
    set("latent", "2");
    build();
    gan_tensor *bias = gan_layer_find(gan_model_find_network(model, "generator"), "4.bias");
    gan_assign_f32(bias, (float[]){4, -4});
    draw(seeds, 64, values);
    double mean[2] = {0, 0};
    for (int i = 0; i < 128; i++)
        mean[i % 2] += values[i] / 64.0;
    ck_assert_double_eq_tol(mean[0], 4, 1);
    ck_assert_double_eq_tol(mean[1], -4, 1);
}
END_TEST

/* ---- losses ---- */

/* With a last layer of zeros every logit is 0 and every probability 1/2. */
static void silence(void)
{
    gan_layer *d = gan_model_find_network(model, "discriminator");
    gan_scope_begin(ctx);
    gan_assign(gan_layer_find(d, "4.weight"), gan_zeros(ctx, GAN_SHAPE(1, 256)));
    gan_assign(gan_layer_find(d, "4.bias"), gan_zeros(ctx, GAN_SHAPE(1)));
    gan_scope_end(ctx, NULL);
}

START_TEST(losses_at_one_half_have_their_closed_form)
{
    float *values = noise_images(20 * 784);
    for (int minimax = 0; minimax < 2; minimax++) {
        set("loss", minimax ? "minimax" : "nonsaturating");
        set("d_lr", "0");
        build();
        silence();
        report r = train(values, 20, 1);
        ck_assert_double_eq_tol(r.d_loss, 2 * log(2), 1e-6);
        ck_assert_double_eq_tol(r.d_x, 0.5, 1e-6);
        ck_assert_double_eq_tol(r.d_g_z, 0.5, 1e-6);
        ck_assert_double_eq_tol(r.g_loss, minimax ? -log(2) : log(2), 1e-6);
        gan_plugin_entry()->destroy(model);
        model = NULL;
    }
    free(values);
}
END_TEST

/* Adam's first moment after one step is (1 - beta1) times the gradient. */
static void read_moment(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    (void)kind;
    (void)layout;
    if (!strcmp(name, "g_optim.exp_avg.4.bias"))
        gan_read_f32(tensor, user);
}

static void gradient_where_d_is_sure(const char *loss, float gradient[784])
{
    float *values = noise_images(20 * 784);
    set("loss", loss);
    set("d_lr", "0");
    gan_random_set(ctx, (gan_random_state){11, 0});
    build();
    gan_layer *d = gan_model_find_network(model, "discriminator");
    gan_assign_f32(gan_layer_find(d, "4.bias"), (float[]){-10});
    train(values, 20, 1);
    gan_model_visit(model, read_moment, NULL, gradient);
    gan_plugin_entry()->destroy(model);
    model = NULL;
    free(values);
}

/* d/dx -log s(x) = -(1 - s(x)) and d/dx log(1 - s(x)) = -s(x): the same direction, but at x = -10, where D is sure that
 * a sample is generated, the minimax gradient is e^10 times smaller. */
START_TEST(the_minimax_gradient_vanishes_where_d_is_sure)
{
    float a[784] = {0}, b[784] = {0};
    double size_a = 0, size_b = 0, dot = 0;
    gradient_where_d_is_sure("nonsaturating", a);
    gradient_where_d_is_sure("minimax", b);
    for (int i = 0; i < 784; i++) {
        size_a += (double)a[i] * a[i];
        size_b += (double)b[i] * b[i];
        dot += (double)a[i] * b[i];
    }
    ck_assert_double_gt(dot / sqrt(size_a * size_b), 0.99);
    ck_assert_double_eq_tol(log(sqrt(size_a / size_b)), 10, 0.5);
}
END_TEST

START_TEST(the_discriminator_may_step_more_often)
{
    float *values = noise_images(20 * 784);
    build();
    train(values, 20, 5);
    const char *name;
    gan_optimizer *g = gan_model_optimizer_at(model, 0, &name), *d = gan_model_optimizer_at(model, 1, NULL);
    ck_assert_str_eq(name, "g_optim");
    ck_assert_int_eq(gan_optimizer_steps(g), 1);
    ck_assert_int_eq(gan_optimizer_steps(d), 5);
    free(values);
}
END_TEST

/* ---- training ---- */

typedef struct ring {
    double distance[2]; /* of the samples' radius from 1: before and after training */
    double last_loss;
} ring;

static double distance_from_ring(void)
{
    float values[2 * 256];
    uint64_t seeds[256];
    double sum = 0;
    for (int i = 0; i < 256; i++)
        seeds[i] = (uint64_t)i;
    draw(seeds, 256, values);
    for (int i = 0; i < 256; i++)
        sum += fabs(hypot(values[2 * i], values[2 * i + 1]) - 1) / 256;
    return sum;
}

static ring train_on_ring(int steps)
{
    gan_message message = {{0}};
    gan_data_options o = {.struct_size = sizeof o, .source = "builtin:ring8", .seed = 4};
    gan_dataset *set_of_points = NULL;
    ck_assert_msg(gan_dataset_open(&o, &set_of_points, &message) == GAN_OK, "%s", message.text);
    data = *gan_dataset_info(set_of_points);
    gan_random_set(ctx, (gan_random_state){2, 0});
    set("latent", "2");
    set("g_widths", "[64, 64]");
    set("d_widths", "[64, 64]");
    set("g_lr", "0.001");
    set("d_lr", "0.001");
    set("beta1", "0.5");
    build();
    ring r = {.distance = {distance_from_ring()}};
    for (int i = 0; i < steps; i++) {
        float batch[2 * 64];
        for (int64_t k = 0; k < 64; k++)
            gan_dataset_get(set_of_points, (i * 64 + k) % data.count, &batch[2 * k], NULL, NULL);
        report metrics = train(batch, 64, 1);
        ck_assert_msg(isfinite(metrics.d_loss) && isfinite(metrics.g_loss), "step %d", i);
        r.last_loss = metrics.d_loss;
    }
    r.distance[1] = distance_from_ring();
    gan_plugin_entry()->destroy(model);
    model = NULL;
    gan_dataset_close(set_of_points);
    return r;
}

START_TEST(training_on_the_ring_moves_samples_to_it)
{
    ring r = train_on_ring(800);
    ck_assert_msg(r.distance[0] > 0.7 && r.distance[1] < 0.3, "the samples' distance from the ring went from %g to %g",
                  r.distance[0], r.distance[1]);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_numbers)
{
    ring first = train_on_ring(40), second = train_on_ring(40);
    ck_assert_double_eq(first.last_loss, second.last_loss);
    ck_assert_double_eq(first.distance[1], second.distance[1]);
}
END_TEST

START_TEST(a_step_that_has_run_before_takes_no_memory_from_the_system)
{
    float *values = noise_images(100 * 784);
    build();
    for (int i = 0; i < 3; i++)
        train(values, 100, 1);
    gan_memory_stats before = gan_memory(ctx);
    for (int i = 0; i < 10; i++)
        train(values, 100, 1);
    ck_assert_uint_eq(gan_memory(ctx).system_allocations, before.system_allocations);
    ck_assert_uint_eq(gan_memory(ctx).bytes_in_use, before.bytes_in_use);
    free(values);
}
END_TEST

/* ---- errors ---- */

START_TEST(a_batch_of_another_shape_is_an_error_and_changes_nothing)
{
    build();
    gan_metrics *metrics = gan_metrics_create();
    gan_tensor *w = gan_layer_find(gan_model_find_network(model, "discriminator"), "0.weight");
    gan_scope_begin(ctx);
    float before = gan_item(gan_sqnorm(w));
    gan_batch batch = {.struct_size = sizeof batch, .n = 4, .images = gan_zeros(ctx, GAN_SHAPE(4, 5, 5, 1))};
    ck_assert_int_eq(gan_plugin_entry()->d_step(model, &batch, metrics), GAN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(gan_status_message(ctx), "25"));
    gan_clear_status(ctx);
    ck_assert_float_eq(gan_item(gan_sqnorm(w)), before);
    gan_scope_end(ctx, NULL);
    gan_metrics_destroy(metrics);
}
END_TEST

START_TEST(build_survives_every_failed_allocation)
{
    int failures = 0, successes = 0;
    set("g_widths", "[8]");
    set("d_widths", "[8]");
    for (uint64_t nth = 1; successes < 20; nth++) {
        gan_build b = {.struct_size = sizeof b, .ctx = ctx, .options = options, .data = &data, .batch = 100};
        gan_model *made = NULL;
        gan_memory_fail_after(ctx, nth);
        gan_scope_begin(ctx);
        gan_status status = gan_plugin_entry()->build(&b, &made);
        gan_scope_end(ctx, NULL);
        gan_memory_fail_after(ctx, 0);
        ck_assert_int_eq(status == GAN_OK, made != NULL);
        ck_assert(status == GAN_OK || status == GAN_ERROR_MEMORY);
        failures += status != GAN_OK;
        successes = status == GAN_OK ? successes + 1 : 0;
        if (made)
            gan_plugin_entry()->destroy(made);
        ck_assert_uint_eq(gan_memory(ctx).bytes_in_use, 0);
        gan_clear_status(ctx);
    }
    ck_assert_int_gt(failures, 50);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("gan");
    TCase *t = tcase_create("gan");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, networks_are_those_of_the_chapter);
    tcase_add_test(t, options_and_data_shape_the_networks);
    tcase_add_test(t, a_sample_depends_on_its_seed_alone);
    tcase_add_test(t, vectors_have_a_linear_output);
    tcase_add_test(t, losses_at_one_half_have_their_closed_form);
    tcase_add_test(t, the_minimax_gradient_vanishes_where_d_is_sure);
    tcase_add_test(t, the_discriminator_may_step_more_often);
    tcase_add_test(t, training_on_the_ring_moves_samples_to_it);
    tcase_add_test(t, the_same_seed_gives_the_same_numbers);
    tcase_add_test(t, a_step_that_has_run_before_takes_no_memory_from_the_system);
    tcase_add_test(t, a_batch_of_another_shape_is_an_error_and_changes_nothing);
    tcase_add_test(t, build_survives_every_failed_allocation);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
