/* The plugin through its table: architectures, lazy regularization, styles. Its steps are compared with PyTorch's in
 * tests/steps/test_stylegan2_golden.c. */
#include "plugin_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8, PIXELS = SIDE * SIDE, LAYERS = 4, LATENT = 6, WIDTH = 5 };

static plugin_fixture f;

static void setup(void)
{
    f = fixture_open(SIDE, 5);
    fixture_set(&f, "fmap_base", "64");
    fixture_set(&f, "fmap_max", "8");
    fixture_set(&f, "latent", "6");
    fixture_set(&f, "w_width", "5");
    fixture_set(&f, "mapping_layers", "2");
    fixture_set(&f, "mapping_lr", "1"); /* so that w is not nearly constant */
}

static void teardown(void)
{
    fixture_close(&f);
}

static void use_labels(int64_t classes)
{
    f.data.classes = classes;
    fixture_set(&f, "conditional", "true");
}

/* ---- networks and options ---- */

START_TEST(networks_fit_the_data)
{
    static const struct {
        const char *g, *d;
        int64_t side, channels, classes;
    } cases[] = {{"skip", "residual", 8, 1, 0},      {"skip", "residual", 32, 3, 4}, {"residual", "skip", 16, 3, 0},
                 {"residual", "residual", 16, 1, 4}, {"plain", "plain", 8, 3, 0},    {"skip", "skip", 16, 3, 0}};
    int32_t labels[4] = {3, 1, 0, 2};
    fixture_set(&f, "g_architecture", cases[_i].g);
    fixture_set(&f, "d_architecture", cases[_i].d);
    f.data.height = f.data.width = cases[_i].side, f.data.channels = cases[_i].channels;
    if (cases[_i].classes)
        use_labels(cases[_i].classes);
    fixture_build(&f);
    ck_assert_int_eq(gan_model_classes(f.model), cases[_i].classes);
    float *images = fixture_noise(&f, 4);
    fixture_train(&f, images, f.data.classes ? labels : NULL, 4, 1, 1);
    fixture_sample(&f, 1, NULL, 4, images);
    free(images);
}
END_TEST

START_TEST(the_widths_are_those_of_the_paper)
{
    f.data.height = f.data.width = 256, f.data.channels = 3;
    fixture_set(&f, "fmap_base", "16384"); /* config E */
    fixture_set(&f, "fmap_max", "512");
    fixture_build(&f);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "generator.synthesis.conv256.weight"), 0), 64);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "generator.synthesis.up64.weight"), 0), 512);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "generator.synthesis.up64.weight"), 3), 256);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "generator.synthesis.const"), 3), 512);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "discriminator.block64.path.down.weight"), 0), 512);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "discriminator.conv4.weight"), 3), 513);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "discriminator.dense.weight"), 1), 16 * 512);
}
END_TEST

/* Parameters of config F at 1024x1024 as the authors' program prints them; nothing is computed. */
START_TEST(config_f_is_as_large_as_the_papers)
{
    gan_context_options options = {.struct_size = sizeof options, .device = "measure"};
    gan_context *ctx = NULL;
    gan_model *model = NULL;
    ck_assert_int_eq(gan_context_create(&options, &ctx, NULL), GAN_OK);
    fixture_set(&f, "fmap_base", "32768");
    fixture_set(&f, "fmap_max", "512");
    fixture_set(&f, "latent", "512");
    fixture_set(&f, "w_width", "512");
    fixture_set(&f, "mapping_layers", "8");
    f.data.height = f.data.width = 1024, f.data.channels = 3;
    gan_build b = {.struct_size = sizeof b, .ctx = ctx, .options = f.options, .data = &f.data, .batch = 8};
    gan_scope_begin(ctx);
    ck_assert_int_eq(f.plugin->build(&b, &model), GAN_OK);
    ck_assert_int_eq(gan_layer_parameter_count(gan_model_find_network(model, "generator")), 30370060);
    ck_assert_int_eq(gan_layer_parameter_count(gan_model_find_network(model, "discriminator")), 29012513);
    f.plugin->destroy(model);
    gan_scope_end(ctx, NULL);
    gan_context_destroy(ctx);
}
END_TEST

/* Drawn from N(0, 1), whatever they are multiplied by when they are used; the mapping's from N(0, 1 / mapping_lr²). */
START_TEST(weights_are_equalized)
{
    static const struct {
        const char *name;
        double deviation;
    } cases[] = {{"discriminator.block8.path.conv.weight", 1},
                 {"discriminator.dense.weight", 1},
                 {"discriminator.score.map.dense3.weight", 100},
                 {"generator.synthesis.conv8.weight", 1},
                 {"generator.mapping.dense.2.weight", 100}};
    fixture_set(&f, "fmap_base", "256");
    fixture_set(&f, "fmap_max", "32");
    fixture_set(&f, "w_width", "32");
    fixture_set(&f, "mapping_lr", "0.01");
    use_labels(3);
    fixture_build(&f);
    gan_tensor *weight = fixture_tensor(&f, cases[_i].name);
    double deviation = sqrt((double)gan_item(gan_mean(gan_square(weight))));
    ck_assert_double_eq_tol(deviation, cases[_i].deviation, 0.1 * cases[_i].deviation);
}
END_TEST

START_TEST(data_that_do_not_fit_are_refused)
{
    f.data.height = f.data.width = 28;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "28x28");
    f.data.height = f.data.width = 4;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "4x4");
    f.data.height = 8, f.data.width = 16;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "16x8");
    f.data.width = 8;
    fixture_set(&f, "conditional", "true");
    fixture_refused(&f, GAN_ERROR_OPTION, "\"test\" has none");
}
END_TEST

START_TEST(groups_divide_the_batch)
{
    fixture_set(&f, "stddev_group", "3"); /* batches hold 8 */
    fixture_refused(&f, GAN_ERROR_OPTION, "model.stddev_group: a batch of 8 samples");
    fixture_set(&f, "stddev_group", "16"); /* all of it is one group */
    fixture_build(&f);
    fixture_set(&f, "stddev_group", "1");
    fixture_build(&f);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "discriminator.conv4.weight"), 3), 8); /* no additional feature */
}
END_TEST

/* ---- lazy regularization ---- */

START_TEST(the_optimizers_are_corrected_for_their_additional_steps)
{
    fixture_build(&f);
    ck_assert_double_eq_tol(gan_optimizer_lr(gan_model_optimizer_at(f.model, 0, NULL)), 0.002 * 4 / 5, 1e-12);
    ck_assert_double_eq_tol(gan_optimizer_lr(gan_model_optimizer_at(f.model, 1, NULL)), 0.002 * 16 / 17, 1e-12);
    fixture_set(&f, "path_weight", "0");
    fixture_set(&f, "r1_interval", "0");
    fixture_build(&f);
    for (int i = 0; i < 2; i++)
        ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(f.model, i, NULL)), 0.002);
}
END_TEST

/* `prepare` says, before a step, whether it will be regularized. */
START_TEST(every_kth_step_is_regularized)
{
    static const bool due[2][7] = {{true, false, false, true, false, false, true},
                                   {true, false, true, false, true, false, true}};
    bool generator = _i == 1;
    fixture_set(&f, "r1_interval", "3");
    fixture_set(&f, "path_interval", "2");
    fixture_build(&f);
    const gan_capture_extension *capture = f.plugin->get_extension(f.model, GAN_CAPTURE_EXTENSION);
    gan_optimizer *optimizer = gan_model_optimizer_at(f.model, generator ? 0 : 1, NULL);
    float *images = fixture_noise(&f, 4);
    for (int i = 0; i < 7; i++) {
        int64_t before = gan_optimizer_steps(optimizer);
        uint64_t key = capture->prepare(f.model, generator ? GAN_STEP_GENERATOR : GAN_STEP_DISCRIMINATOR, NULL);
        fixture_train(&f, images, NULL, 4, !generator, generator);
        ck_assert_int_eq(gan_optimizer_steps(optimizer) - before, due[generator][i] ? 2 : 1);
        ck_assert_uint_eq(key & 1, due[generator][i]);
    }
    free(images);
}
END_TEST

/* The gradient of the last step of an optimizer that has no momentum, of one step of a new model whose weights do not
 * move. Its numbers are drawn from `counter` on, which becomes where they end. */
static float *last_gradient(const char *interval, bool generator, const char *weight, uint64_t *counter, int64_t *n)
{
    char name[128];
    gan_random_set(f.ctx, (gan_random_state){.seed = 3});
    fixture_set(&f, generator ? "path_interval" : "r1_interval", interval);
    fixture_build(&f);
    float *images = fixture_noise(&f, 4);
    gan_random_set(f.ctx, (gan_random_state){.seed = 4, .counter = *counter});
    fixture_train(&f, images, NULL, 4, !generator, generator);
    *counter = gan_random_get(f.ctx).counter;
    snprintf(name, sizeof name, "%c_optim.exp_avg.%s", generator ? 'g' : 'd', weight);
    gan_tensor *moment = fixture_tensor(&f, name);
    *n = gan_count(moment);
    float *values = malloc((size_t)*n * sizeof *values);
    gan_read_f32(moment, values);
    free(images);
    return values;
}

/* Over k steps the term's gradient is added once, times k, or k times. A step of which the term is part draws its
 * numbers first. */
START_TEST(a_lazy_term_is_as_large_as_that_of_every_step)
{
    static const struct {
        bool generator;
        const char *weight;
    } cases[] = {{false, "conv4.weight"},
                 {false, "block8.path.conv.weight"},
                 {true, "synthesis.conv8.weight"},
                 {true, "mapping.dense.0.weight"},
                 {true, "synthesis.up8.affine.weight"}};
    bool generator = cases[_i].generator;
    const char *weight = cases[_i].weight;
    int64_t n;
    uint64_t start = 1000, both = start, end = 0;
    fixture_set(&f, "g_lr", "0");
    fixture_set(&f, "d_lr", "0");
    free(last_gradient("0", generator, weight, &end, &n));
    uint64_t of_main = end;
    float *sum = last_gradient("1", generator, weight, &both, &n);
    uint64_t main_start = both - of_main, lazy_start = start - of_main;
    float *alone = last_gradient("0", generator, weight, &main_start, &n);
    float *lazy = last_gradient("5", generator, weight, &lazy_start, &n);
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)lazy[i] / 5));
    ck_assert_double_gt(largest, 1e-4);
    for (int64_t i = 0; i < n; i++)
        ck_assert_double_eq_tol(lazy[i] / 5.0, (double)sum[i] - alone[i], 1e-4 * fmax(largest, fabs((double)sum[i])));
    free(sum);
    free(alone);
    free(lazy);
}
END_TEST

START_TEST(the_mean_length_follows_the_lengths)
{
    fixture_set(&f, "path_decay", "0.25");
    fixture_set(&f, "path_interval", "1");
    fixture_set(&f, "g_lr", "0");
    fixture_build(&f);
    float *images = fixture_noise(&f, 4);
    double mean = 0;
    for (int i = 0; i < 3; i++) {
        fixture_train(&f, images, NULL, 4, 0, 1);
        mean += 0.25 * (fixture_metric(&f, "path_length") - mean);
        ck_assert_double_eq_tol(gan_item(fixture_tensor(&f, "path_mean")), mean, 1e-6);
    }
    ck_assert_double_gt(mean, 0.01);
    free(images);
}
END_TEST

/* ---- augmentation ---- */

/* D is made to tell all real images from all others, or none: its last bias is its score. */
START_TEST(p_follows_the_signs_of_scores)
{
    bool above = _i == 0;
    fixture_set(&f, "augment", "adaptive");
    fixture_set(&f, "augment_p", "0.5");
    fixture_set(&f, "augment_kimg", "0.064"); /* 16 images, those of four steps, move p by a quarter */
    fixture_set(&f, "d_lr", "0");
    fixture_set(&f, "r1_interval", "3");
    fixture_build(&f);
    gan_assign_f32(fixture_tensor(&f, "discriminator.score.bias"), (float[]){above ? 100.0f : -100.0f});
    float *images = fixture_noise(&f, 4);
    for (int i = 0; i < 8; i++) {
        fixture_train(&f, images, NULL, 4, 1, 0);
        double moved = i < 3 ? 0 : i < 7 ? 0.25 : 0.5;
        ck_assert_double_eq_tol(fixture_metric(&f, "augment_p"), 0.5 + (above ? moved : -moved), 1e-6);
    }
    ck_assert_double_eq(fixture_metric(&f, "augment_sign"), above ? 1 : -1);
    free(images);
}
END_TEST

START_TEST(a_fixed_p_stays)
{
    fixture_set(&f, "augment", "fixed");
    fixture_set(&f, "augment_p", "0.75");
    fixture_set(&f, "r1_interval", "1");
    f.data.channels = _i ? 3 : 1;
    fixture_build(&f);
    float *images = fixture_noise(&f, 4);
    fixture_train(&f, images, NULL, 4, 9, 1);
    ck_assert_double_eq_tol(fixture_metric(&f, "augment_p"), 0.75, 1e-7);
    free(images);
}
END_TEST

/* `prepare` tells the steps that adjust p from the others: each fourth one, whatever is regularized. */
START_TEST(every_fourth_step_adjusts)
{
    fixture_set(&f, "augment", "adaptive");
    fixture_set(&f, "r1_interval", _i == 0 ? "0" : _i == 1 ? "1" : "3");
    fixture_build(&f);
    const gan_capture_extension *capture = f.plugin->get_extension(f.model, GAN_CAPTURE_EXTENSION);
    float *images = fixture_noise(&f, 4);
    for (int i = 0; i < 12; i++) {
        ck_assert_uint_eq(capture->prepare(f.model, GAN_STEP_DISCRIMINATOR, NULL) / 2, i % 4 == 3);
        fixture_train(&f, images, NULL, 4, 1, 0);
    }
    free(images);
}
END_TEST

/* ---- styles ---- */

static const gan_style_extension *style_extension(void)
{
    const gan_style_extension *style = f.plugin->get_extension(f.model, GAN_STYLE_EXTENSION);
    ck_assert_ptr_nonnull(style);
    ck_assert_uint_eq(style->struct_size, sizeof *style);
    return style;
}

/* Noise matters only where its strength is not 0, as it is before training. */
static void strengthen_noise(void)
{
    gan_assign_f32(fixture_tensor(&f, "generator.synthesis.conv8.noise_strength"), (float[]){0.5f});
}

static gan_tensor *mapped(uint64_t first, int64_t n)
{
    uint64_t seeds[4] = {first, first + 1, first + 2, first + 3};
    gan_tensor *w = NULL;
    gan_tensor *z = gan_randn_of_seeds(f.ctx, seeds, n, LATENT);
    ck_assert_int_eq(style_extension()->map(f.model, z, NULL, &w), GAN_OK);
    ck_assert(gan_shape_equal(gan_shape_of(w), GAN_SHAPE(n, LAYERS, WIDTH)));
    return w;
}

static void synthesized(gan_tensor *w, gan_style_noise noise, float *out)
{
    gan_tensor *images = NULL;
    ck_assert_msg(style_extension()->synthesize(f.model, w, noise, &images) == GAN_OK, "%s", gan_status_message(f.ctx));
    ck_assert(gan_shape_equal(gan_shape_of(images), GAN_SHAPE(gan_dim(w, 0), SIDE, SIDE, 1)));
    ck_assert_int_eq(gan_read_f32(images, out), GAN_OK);
}

static double difference(const float *a, const float *b, int n)
{
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, fabs((double)a[i] - b[i]));
    return most;
}

START_TEST(a_sample_is_its_style_with_constant_noise)
{
    gan_style_info info = {.struct_size = sizeof info};
    float samples[3 * PIXELS], images[3 * PIXELS], others[3 * PIXELS];
    fixture_build(&f);
    strengthen_noise();
    style_extension()->info(f.model, &info);
    ck_assert_int_eq(info.latent, LATENT);
    ck_assert_int_eq(info.width, WIDTH);
    ck_assert_int_eq(info.layers, LAYERS);
    fixture_sample(&f, 7, NULL, 3, samples);
    gan_tensor *w = mapped(7, 3);
    synthesized(w, GAN_NOISE_CONST, images);
    ck_assert_double_le(difference(samples, images, 3 * PIXELS), 1e-6);
    synthesized(w, GAN_NOISE_NONE, others);
    ck_assert_double_gt(difference(samples, others, 3 * PIXELS), 1e-2);
    synthesized(w, GAN_NOISE_RANDOM, images);
    synthesized(w, GAN_NOISE_RANDOM, others);
    ck_assert_double_gt(difference(images, others, 3 * PIXELS), 1e-2);
}
END_TEST

START_TEST(truncation_pulls_to_the_average)
{
    float images[2 * PIXELS], truncated[2 * PIXELS], average[PIXELS];
    gan_tensor *w_avg = NULL;
    fixture_build(&f);
    float *data = fixture_noise(&f, 4);
    fixture_train(&f, data, NULL, 4, 0, 3);
    ck_assert_int_eq(style_extension()->average(f.model, &w_avg), GAN_OK);
    ck_assert_float_gt(gan_item(gan_sqnorm(w_avg)), 0);
    gan_tensor *w = mapped(1, 2);
    synthesized(w, GAN_NOISE_CONST, images);
    synthesized(gan_style_truncate(w, w_avg, 1.0f, -1), GAN_NOISE_CONST, truncated);
    ck_assert_double_eq(difference(images, truncated, 2 * PIXELS), 0);
    synthesized(gan_style_truncate(w, w_avg, 0.0f, -1), GAN_NOISE_CONST, truncated);
    synthesized(gan_style_repeat(gan_reshape(w_avg, GAN_SHAPE(1, WIDTH)), LAYERS), GAN_NOISE_CONST, average);
    ck_assert_double_le(difference(truncated, average, PIXELS), 1e-5);
    ck_assert_double_le(difference(truncated + PIXELS, average, PIXELS), 1e-5);
    synthesized(gan_style_truncate(w, w_avg, 0.0f, 2), GAN_NOISE_CONST, truncated);
    ck_assert_double_gt(difference(truncated, truncated + PIXELS, PIXELS), 1e-4); /* the finer layers are their own */
    free(data);
}
END_TEST

/* Every layer's style changes the image; all of them together are the other image. */
START_TEST(each_layer_has_its_style)
{
    float a[PIXELS], b[PIXELS], mixed[PIXELS];
    static const char *const architectures[] = {"skip", "residual", "plain"};
    fixture_set(&f, "g_architecture", architectures[_i]);
    fixture_build(&f);
    gan_tensor *of_a = mapped(1, 1), *of_b = mapped(2, 1);
    synthesized(of_a, GAN_NOISE_CONST, a);
    synthesized(of_b, GAN_NOISE_CONST, b);
    synthesized(gan_style_join(of_a, of_b, 0, LAYERS - 1), GAN_NOISE_CONST, mixed);
    ck_assert_double_eq(difference(mixed, b, PIXELS), 0);
    for (int64_t layer = 0; layer < LAYERS; layer++) {
        synthesized(gan_style_join(of_a, of_b, layer, layer), GAN_NOISE_CONST, mixed);
        ck_assert_double_gt(difference(mixed, a, PIXELS), 1e-4);
        ck_assert_double_gt(difference(mixed, b, PIXELS), 1e-4);
    }
}
END_TEST

START_TEST(an_image_has_a_derivative_with_respect_to_its_style)
{
    gan_tensor *images = NULL, *gradient = NULL;
    float slope[LAYERS * WIDTH];
    fixture_build(&f);
    gan_tensor *w = gan_variable(mapped(1, 1));
    ck_assert_int_eq(style_extension()->synthesize(f.model, w, GAN_NOISE_CONST, &images), GAN_OK);
    ck_assert_int_eq(gan_grad(gan_sqnorm(images), &w, 1, &gradient, 0), GAN_OK);
    ck_assert_int_eq(gan_read_f32(gradient, slope), GAN_OK);
    for (int layer = 0; layer < LAYERS; layer++) {
        double most = 0;
        for (int i = 0; i < WIDTH; i++)
            most = fmax(most, fabs((double)slope[layer * WIDTH + i]));
        ck_assert_double_gt(most, 1e-4);
    }
}
END_TEST

START_TEST(samples_are_of_the_class_that_was_asked_for)
{
    float in_turn[4 * PIXELS], chosen[PIXELS], other[PIXELS];
    use_labels(3);
    fixture_build(&f);
    fixture_sample(&f, 1, NULL, 4, in_turn); /* of classes 0, 1, 2, 0 */
    fixture_sample(&f, 3, (int32_t[]){2}, 1, chosen);
    fixture_sample(&f, 3, (int32_t[]){0}, 1, other);
    ck_assert_double_le(difference(chosen, in_turn + 2 * PIXELS, PIXELS), 1e-5);
    ck_assert_double_gt(difference(chosen, other, PIXELS), 1e-3);
}
END_TEST

/* ---- training ---- */

/* Images that are all of one grey: G learns it. */
START_TEST(training_moves_samples_to_the_data)
{
    enum { N = 8 };
    static const char *const architectures[] = {"skip", "residual", "plain"};
    float images[N * PIXELS], samples[N * PIXELS];
    double before = 0, after = 0;
    for (int i = 0; i < N * PIXELS; i++)
        images[i] = 0.6f;
    fixture_set(&f, "g_architecture", architectures[_i]);
    fixture_set(&f, "d_architecture", architectures[(_i + 1) % 3]);
    fixture_set(&f, "r1_gamma", "0.1");
    fixture_build(&f);
    fixture_sample(&f, 1, NULL, N, samples);
    for (int i = 0; i < N * PIXELS; i++)
        before += fabs((double)samples[i] - 0.6) / (N * PIXELS);
    for (int i = 0; i < 150; i++)
        fixture_train(&f, images, NULL, N, 1, 1);
    fixture_sample(&f, 1, NULL, N, samples);
    for (int i = 0; i < N * PIXELS; i++)
        after += fabs((double)samples[i] - 0.6) / (N * PIXELS);
    ck_assert_msg(before > 0.5 && after < 0.3, "the samples' distance went from %g to %g", before, after);
}
END_TEST

START_TEST(a_sample_depends_on_its_seed_alone)
{
    if (_i)
        use_labels(3);
    fixture_build(&f);
    strengthen_noise();
    check_samples_depend_on_their_seed_alone(&f);
}
END_TEST

START_TEST(a_step_that_has_run_before_takes_no_memory_from_the_system)
{
    int32_t labels[8] = {0, 1, 2, 2, 1, 0, 0, 2};
    use_labels(3);
    fixture_set(&f, "augment", "adaptive");
    fixture_set(&f, "r1_interval", "1");
    fixture_set(&f, "path_interval", "2");
    fixture_build(&f);
    float *images = fixture_noise(&f, 8);
    check_steady_memory(&f, images, labels, 8);
    free(images);
}
END_TEST

START_TEST(build_survives_every_failed_allocation)
{
    use_labels(3);
    fixture_set(&f, "augment", "adaptive");
    check_build_survives_failed_allocations(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stylegan2");
    TCase *t = tcase_create("stylegan2");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, networks_fit_the_data, 0, 6);
    tcase_add_test(t, the_widths_are_those_of_the_paper);
    tcase_add_test(t, config_f_is_as_large_as_the_papers);
    tcase_add_loop_test(t, weights_are_equalized, 0, 5);
    tcase_add_test(t, data_that_do_not_fit_are_refused);
    tcase_add_test(t, groups_divide_the_batch);
    tcase_add_test(t, the_optimizers_are_corrected_for_their_additional_steps);
    tcase_add_loop_test(t, every_kth_step_is_regularized, 0, 2);
    tcase_add_loop_test(t, a_lazy_term_is_as_large_as_that_of_every_step, 0, 5);
    tcase_add_test(t, the_mean_length_follows_the_lengths);
    tcase_add_loop_test(t, p_follows_the_signs_of_scores, 0, 2);
    tcase_add_loop_test(t, a_fixed_p_stays, 0, 2);
    tcase_add_loop_test(t, every_fourth_step_adjusts, 0, 3);
    tcase_add_test(t, a_sample_is_its_style_with_constant_noise);
    tcase_add_test(t, truncation_pulls_to_the_average);
    tcase_add_loop_test(t, each_layer_has_its_style, 0, 3);
    tcase_add_test(t, an_image_has_a_derivative_with_respect_to_its_style);
    tcase_add_test(t, samples_are_of_the_class_that_was_asked_for);
    tcase_add_loop_test(t, training_moves_samples_to_the_data, 0, 3);
    tcase_add_loop_test(t, a_sample_depends_on_its_seed_alone, 0, 2);
    tcase_add_test(t, a_step_that_has_run_before_takes_no_memory_from_the_system);
    tcase_add_test(t, build_survives_every_failed_allocation);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
