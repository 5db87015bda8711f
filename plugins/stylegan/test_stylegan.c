/* The plugin through its table: growth, styles, what is trained when. Its steps are compared with PyTorch's in
 * tests/steps/test_stylegan_golden.c. */
#include "plugin_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 16, PIXELS = SIDE * SIDE, LAYERS = 6, LATENT = 6, WIDTH = 5, BATCH = 4 };

static plugin_fixture f;

static void setup(void)
{
    f = fixture_open(SIDE, 5);
    fixture_set(&f, "fmap_base", "32");
    fixture_set(&f, "fmap_max", "8");
    fixture_set(&f, "latent", "6");
    fixture_set(&f, "w_width", "5");
    fixture_set(&f, "mapping_layers", "2");
    fixture_set(&f, "mapping_lr", "1"); /* so that w is not nearly constant */
    fixture_set(&f, "stable_kimg", "1");
    fixture_set(&f, "fade_kimg", "2");
}

static void teardown(void)
{
    fixture_close(&f);
}

static const void *extension(const char *name)
{
    const void *found = f.plugin->get_extension(f.model, name);
    ck_assert_ptr_nonnull(found);
    return found;
}

static gan_batch batch_of(double kimg, int64_t side)
{
    return (gan_batch){.struct_size = sizeof(gan_batch),
                       .n = BATCH,
                       .kimg = kimg,
                       .images = gan_rand(f.ctx, GAN_SHAPE(BATCH, side, side, f.data.channels), -1, 1)};
}

/* Grown as far as after so many images, with nothing trained; the kind of the steps there. */
static uint64_t grow_to(double kimg, int64_t side)
{
    const gan_capture_extension *capture = extension(GAN_CAPTURE_EXTENSION);
    gan_batch batch = batch_of(kimg, side);
    return capture->prepare(f.model, GAN_STEP_DISCRIMINATOR, &batch);
}

static void train_at(double kimg, int64_t side, int steps)
{
    for (int i = 0; i < steps; i++) {
        gan_batch batch = batch_of(kimg, side);
        ck_assert_msg(f.plugin->d_step(f.model, &batch, f.metrics) == GAN_OK, "%s", gan_status_message(f.ctx));
        ck_assert_msg(f.plugin->g_step(f.model, &batch, f.metrics) == GAN_OK, "%s", gan_status_message(f.ctx));
    }
    gan_metrics_collect(f.metrics, NULL, NULL);
}

static float *values_of(gan_tensor *t)
{
    float *values = malloc((size_t)gan_count(t) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ck_assert_msg(gan_read_f32(t, values) == GAN_OK, "%s", gan_status_message(f.ctx));
    return values;
}

/* The largest difference of two tensors of one shape. */
static double difference(gan_tensor *a, gan_tensor *b)
{
    ck_assert(gan_shape_equal(gan_shape_of(a), gan_shape_of(b)));
    float *x = values_of(a), *y = values_of(b);
    double most = 0;
    for (int64_t i = 0; i < gan_count(a); i++)
        most = fmax(most, fabs((double)x[i] - y[i]));
    free(x);
    free(y);
    return most;
}

static gan_tensor *samples(void)
{
    float *values = malloc(2 * PIXELS * sizeof *values);
    fixture_sample(&f, 3, NULL, 2, values);
    gan_tensor *images = gan_from_f32(f.ctx, GAN_SHAPE(2, SIDE, SIDE, 1), values);
    free(values);
    return images;
}

/* ---- networks and options ---- */

START_TEST(networks_fit_the_data)
{
    static const struct {
        int64_t side, channels;
        const char *grow, *start;
    } cases[] = {{8, 1, "on", "8"}, {16, 3, "on", "4"}, {32, 3, "off", "8"}, {4, 1, "off", "8"}, {64, 1, "on", "32"}};
    f.data.height = f.data.width = cases[_i].side, f.data.channels = cases[_i].channels;
    fixture_set(&f, "grow", cases[_i].grow);
    fixture_set(&f, "start", cases[_i].start);
    fixture_build(&f);
    float *images = fixture_noise(&f, BATCH);
    fixture_train(&f, images, NULL, BATCH, 1, 1);
    fixture_sample(&f, 1, NULL, BATCH, images);
    for (int64_t i = 0; i < BATCH * cases[_i].side * cases[_i].side * cases[_i].channels; i++)
        ck_assert(isfinite(images[i]));
    free(images);
}
END_TEST

START_TEST(the_widths_are_those_of_the_paper)
{
    f.data.height = f.data.width = 256, f.data.channels = 3;
    fixture_set(&f, "fmap_base", "8192");
    fixture_set(&f, "fmap_max", "512");
    fixture_set(&f, "w_width", "512");
    fixture_set(&f, "batches", "[]");
    fixture_build(&f);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "generator.synthesis.constant"), 3), 512);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "generator.synthesis.32.conv.weight"), 0), 512);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "generator.synthesis.256.conv.weight"), 0), 64);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "generator.synthesis.256.up.0.weight"), 0), 128);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "generator.synthesis.64.epilogue0.affine.weight"), 0), 2 * 256);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "discriminator.4.block.1.weight"), 3), 513);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "discriminator.4.block.4.weight"), 1), 16 * 512);
}
END_TEST

/* The constant is of ones, noise begins without strength, styles without a shift and with a scale of 1. */
START_TEST(initial_values_are_those_of_the_paper)
{
    fixture_build(&f);
    gan_tensor *ones = fixture_tensor(&f, "generator.synthesis.constant");
    ck_assert_double_eq(difference(ones, gan_full(f.ctx, gan_shape_of(ones), 1)), 0);
    for (int i = 0; i < 2; i++) {
        gan_tensor *zeros = fixture_tensor(&f, i ? "generator.synthesis.16.epilogue1.noise_strength"
                                                 : "generator.synthesis.8.epilogue0.affine.bias");
        ck_assert_double_eq(difference(zeros, gan_zeros(f.ctx, gan_shape_of(zeros))), 0);
    }
}
END_TEST

START_TEST(what_cannot_work_is_refused)
{
    f.data.height = f.data.width = 28;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "28x28");
    f.data.height = f.data.width = 2;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "2x2");
    f.data.height = f.data.width = SIDE;
    fixture_set(&f, "start", "32");
    fixture_refused(&f, GAN_ERROR_OPTION, "model.start: expected a power of two from 4 to the data's 16, but found 32");
    fixture_set(&f, "start", "12");
    fixture_refused(&f, GAN_ERROR_OPTION, "but found 12");
    fixture_set(&f, "start", "8");
    fixture_set(&f, "batches", "[8, 8]");
    fixture_refused(&f, GAN_ERROR_OPTION, "model.batches has 2 values");
    fixture_set(&f, "batches", "[8, 8, 6]"); /* train.batch is 8 */
    fixture_refused(&f, GAN_ERROR_OPTION, "the batch of 6 at 16x16");
    fixture_set(&f, "batches", "[6, 8, 3]"); /* 4x4 is not of this run; 3 are one group */
    fixture_set(&f, "lr_at", "8: 0.001, 16");
    fixture_refused(&f, GAN_ERROR_OPTION, "model.lr_at");
    fixture_set(&f, "lr_at", "8: 0.001");
    fixture_build(&f);
}
END_TEST

/* ---- growth ---- */

START_TEST(batches_follow_the_plan)
{
    static const struct {
        double kimg;
        int64_t batch, resolution;
    } cases[] = {{0, 8, 8}, {0.999, 8, 8}, {1, 4, 16}, {2.5, 4, 16}, {1000, 4, 16}};
    fixture_set(&f, "batches", "[16, 16, 4]"); /* train.batch is 8 */
    fixture_build(&f);
    const gan_schedule_extension *schedule = extension(GAN_SCHEDULE_EXTENSION);
    int64_t batch = 8, resolution = SIDE;
    schedule->batches(f.model, cases[_i].kimg, &batch, &resolution);
    ck_assert_int_eq(batch, cases[_i].batch);
    ck_assert_int_eq(resolution, cases[_i].resolution);
    ck_assert_ptr_null(schedule->d_steps);
}
END_TEST

START_TEST(steps_of_a_level_are_of_one_kind_until_it_is_stable)
{
    fixture_build(&f);
    uint64_t first = grow_to(0, 8), fading = grow_to(1, 16), stable = grow_to(3, 16);
    ck_assert_uint_ne(first, fading);
    ck_assert_uint_ne(first, stable);
    ck_assert_uint_ne(fading, stable);
    ck_assert_uint_eq(grow_to(0.5, 8), first);
    ck_assert_uint_eq(grow_to(2.9, 16), fading);
    ck_assert_uint_eq(grow_to(9, 16), stable);
}
END_TEST

/* With alpha at 0 the larger networks are the smaller ones; near 1 they are what they will be. */
START_TEST(a_new_level_begins_as_the_old_one_and_ends_as_itself)
{
    fixture_build(&f);
    grow_to(0.5, 8);
    gan_tensor *smaller = samples();
    grow_to(1, 16);
    gan_tensor *beginning = samples();
    grow_to(2, 16);
    gan_tensor *between = samples();
    grow_to(3 - 1e-9, 16);
    gan_tensor *end = samples();
    grow_to(3, 16);
    gan_tensor *larger = samples();
    ck_assert_double_eq(difference(smaller, beginning), 0);
    ck_assert_double_le(difference(end, larger), 1e-5);
    ck_assert_double_gt(difference(smaller, larger), 0.1);
    ck_assert_double_le(difference(between, gan_lerp(smaller, larger, 0.5f)), 1e-5);
}
END_TEST

START_TEST(only_layers_in_use_are_trained)
{
    static const char *const unused[] = {"generator.synthesis.16.conv.weight", "generator.synthesis.16.to_rgb.weight",
                                         "discriminator.16.from_rgb.0.weight", "discriminator.16.block.3.weight"};
    static const char *const used[] = {"generator.synthesis.8.conv.weight", "generator.mapping.dense.0.weight",
                                       "discriminator.8.from_rgb.0.weight", "discriminator.4.block.1.weight"};
    gan_tensor *before[2][4];
    fixture_build(&f);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 2; j++)
            before[j][i] = gan_add_scalar(gan_detach(fixture_tensor(&f, j ? used[i] : unused[i])), 0);
    train_at(0.5, 8, 1);
    for (int i = 0; i < 4; i++) {
        ck_assert_double_eq(difference(before[0][i], fixture_tensor(&f, unused[i])), 0);
        ck_assert_double_gt(difference(before[1][i], fixture_tensor(&f, used[i])), 0);
    }
}
END_TEST

START_TEST(a_new_level_has_its_own_rate_and_new_moments)
{
    fixture_set(&f, "lr", "0.003");
    fixture_set(&f, "lr_at", "16: 0.0005");
    fixture_build(&f);
    train_at(0.5, 8, 3);
    gan_optimizer *optimizers[] = {gan_model_optimizer_at(f.model, 0, NULL), gan_model_optimizer_at(f.model, 1, NULL)};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(gan_optimizer_steps(optimizers[i]), 3);
        ck_assert_double_eq(gan_optimizer_lr(optimizers[i]), 0.003);
    }
    train_at(1, 16, 2);
    train_at(3, 16, 2); /* stable: the same level */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(gan_optimizer_steps(optimizers[i]), 4);
        ck_assert_double_eq(gan_optimizer_lr(optimizers[i]), 0.0005);
    }
}
END_TEST

/* ---- styles ---- */

static const gan_style_extension *style;

static gan_tensor *latents(uint64_t seed, int64_t n)
{
    uint64_t seeds[BATCH];
    for (int64_t i = 0; i < n; i++)
        seeds[i] = seed + (uint64_t)i;
    return gan_randn_of_seeds(f.ctx, seeds, n, LATENT);
}

static gan_tensor *styles(uint64_t seed, int64_t n)
{
    gan_tensor *w = NULL;
    ck_assert_int_eq(style->map(f.model, latents(seed, n), NULL, &w), GAN_OK);
    return w;
}

static gan_tensor *images_of(gan_tensor *w, gan_style_noise noise)
{
    gan_tensor *images = NULL;
    ck_assert_msg(style->synthesize(f.model, w, noise, &images) == GAN_OK, "%s", gan_status_message(f.ctx));
    return images;
}

static void build_with_styles(void)
{
    fixture_build(&f);
    style = extension(GAN_STYLE_EXTENSION);
}

START_TEST(styles_are_as_many_at_every_level)
{
    gan_style_info info = {.struct_size = sizeof info};
    build_with_styles();
    grow_to(0, _i ? 16 : 8);
    style->info(f.model, &info);
    ck_assert_int_eq(info.latent, LATENT);
    ck_assert_int_eq(info.width, WIDTH);
    ck_assert_int_eq(info.layers, LAYERS);
    gan_tensor *w = styles(3, 2);
    ck_assert(gan_shape_equal(gan_shape_of(w), GAN_SHAPE(2, LAYERS, WIDTH)));
    ck_assert_double_le(difference(images_of(w, GAN_NOISE_CONST), samples()), 1e-6);
}
END_TEST

START_TEST(truncation_pulls_to_one_image)
{
    build_with_styles();
    train_at(5, 16, 2);
    gan_tensor *average = NULL, *w = styles(3, 3);
    ck_assert_int_eq(style->average(f.model, &average), GAN_OK);
    ck_assert(gan_shape_equal(gan_shape_of(average), GAN_SHAPE(WIDTH)));
    gan_tensor *whole = images_of(gan_style_truncate(w, average, 1, -1), GAN_NOISE_CONST);
    ck_assert_double_eq(difference(whole, images_of(w, GAN_NOISE_CONST)), 0);
    gan_tensor *one = images_of(gan_style_truncate(w, average, 0, -1), GAN_NOISE_CONST);
    ck_assert_double_le(difference(gan_slice(one, 0, 0, 1), gan_slice(one, 0, 2, 1)), 1e-6);
    ck_assert_double_gt(difference(gan_slice(whole, 0, 0, 1), gan_slice(whole, 0, 2, 1)), 1e-3);
}
END_TEST

/* All layers of b make b's image; those of resolutions to which the networks have not grown make no difference, all
 * others do. */
START_TEST(each_layer_in_use_has_its_style)
{
    int in_use = _i ? 6 : 4;
    build_with_styles();
    grow_to(_i ? 5 : 0, _i ? 16 : 8);
    gan_tensor *a = styles(3, 2), *b = styles(8, 2), *image = images_of(a, GAN_NOISE_CONST);
    gan_tensor *all = images_of(gan_style_join(a, b, 0, in_use - 1), GAN_NOISE_CONST);
    ck_assert_double_eq(difference(all, images_of(b, GAN_NOISE_CONST)), 0);
    for (int i = 0; i < LAYERS; i++) {
        double changed = difference(images_of(gan_style_join(a, b, i, i), GAN_NOISE_CONST), image);
        ck_assert(i < in_use ? changed > 1e-3 : changed == 0);
    }
}
END_TEST

START_TEST(noise_is_none_constant_or_random)
{
    build_with_styles();
    grow_to(5, 16);
    gan_tensor *w = styles(3, 2), *none = images_of(w, GAN_NOISE_NONE);
    ck_assert_double_eq(difference(none, images_of(w, GAN_NOISE_RANDOM)), 0); /* it has no strength yet */
    gan_tensor *strength = fixture_tensor(&f, "generator.synthesis.16.epilogue0.noise_strength");
    gan_assign(strength, gan_full(f.ctx, gan_shape_of(strength), 0.5f));
    gan_tensor *constant = images_of(w, GAN_NOISE_CONST), *random = images_of(w, GAN_NOISE_RANDOM);
    ck_assert_double_eq(difference(none, images_of(w, GAN_NOISE_NONE)), 0);
    ck_assert_double_eq(difference(constant, images_of(w, GAN_NOISE_CONST)), 0);
    ck_assert_double_gt(difference(constant, none), 1e-3);
    ck_assert_double_gt(difference(random, constant), 1e-3);
    ck_assert_double_gt(difference(random, images_of(w, GAN_NOISE_RANDOM)), 1e-3);
}
END_TEST

START_TEST(images_have_derivatives_with_respect_to_styles)
{
    build_with_styles();
    grow_to(0, 8);
    gan_tensor *w = gan_variable(styles(3, 2)), *gradient = NULL;
    gan_tensor *sum = gan_sum(gan_square(images_of(w, GAN_NOISE_CONST)));
    ck_assert_int_eq(gan_grad(sum, &w, 1, &gradient, 0), GAN_OK);
    ck_assert_float_gt(gan_item(gan_sqnorm(gan_slice(gradient, 1, 0, 4))), 0);
    ck_assert_float_eq(gan_item(gan_sqnorm(gan_slice(gradient, 1, 4, 2))), 0); /* not in use */
}
END_TEST

/* After one step of the generator w_avg has come from 0 a part of the way to the mean of that step's w. */
START_TEST(the_average_follows_w)
{
    gan_tensor *average = NULL;
    fixture_set(&f, "w_decay", "0.75");
    fixture_set(&f, "style_mixing", "0"); /* so that w are all that is drawn before the noise */
    build_with_styles();
    gan_batch batch = batch_of(5, 16);
    gan_random_state random = gan_random_get(f.ctx);
    gan_tensor *w = NULL, *z = gan_randn(f.ctx, GAN_SHAPE(BATCH, LATENT));
    ck_assert_int_eq(style->map(f.model, z, NULL, &w), GAN_OK);
    gan_tensor *expected = gan_scale(gan_mean_over(w, GAN_AXIS(0) | GAN_AXIS(1), false), 0.25f);
    gan_random_set(f.ctx, random);
    ck_assert_int_eq(f.plugin->g_step(f.model, &batch, f.metrics), GAN_OK);
    gan_metrics_collect(f.metrics, NULL, NULL);
    ck_assert_int_eq(style->average(f.model, &average), GAN_OK);
    ck_assert_double_le(difference(average, expected), 1e-6);
}
END_TEST

/* ---- as every plugin ---- */

/* D learns to tell dark images from G's. */
START_TEST(the_discriminator_learns)
{
    fixture_set(&f, "r1_gamma", "0.1");
    fixture_build(&f);
    float *dark = malloc(BATCH * PIXELS * sizeof *dark);
    for (int i = 0; i < BATCH * PIXELS; i++)
        dark[i] = -0.9f;
    fixture_train(&f, dark, NULL, BATCH, 40, 0);
    ck_assert_double_gt(fixture_metric(&f, "D(x)"), fixture_metric(&f, "D(G(z))") + 0.3);
    free(dark);
}
END_TEST

START_TEST(a_sample_depends_on_its_seed_alone)
{
    fixture_build(&f);
    check_samples_depend_on_their_seed_alone(&f);
}
END_TEST

START_TEST(a_step_that_has_run_before_takes_no_memory_from_the_system)
{
    fixture_build(&f);
    float *images = fixture_noise(&f, BATCH);
    check_steady_memory(&f, images, NULL, BATCH);
    free(images);
}
END_TEST

START_TEST(build_survives_every_failed_allocation)
{
    f.data.height = f.data.width = 4;
    fixture_set(&f, "grow", "off");
    check_build_survives_failed_allocations(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stylegan");
    TCase *t = tcase_create("stylegan");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, networks_fit_the_data, 0, 5);
    tcase_add_test(t, the_widths_are_those_of_the_paper);
    tcase_add_test(t, initial_values_are_those_of_the_paper);
    tcase_add_test(t, what_cannot_work_is_refused);
    tcase_add_loop_test(t, batches_follow_the_plan, 0, 5);
    tcase_add_test(t, steps_of_a_level_are_of_one_kind_until_it_is_stable);
    tcase_add_test(t, a_new_level_begins_as_the_old_one_and_ends_as_itself);
    tcase_add_test(t, only_layers_in_use_are_trained);
    tcase_add_test(t, a_new_level_has_its_own_rate_and_new_moments);
    tcase_add_loop_test(t, styles_are_as_many_at_every_level, 0, 2);
    tcase_add_test(t, truncation_pulls_to_one_image);
    tcase_add_loop_test(t, each_layer_in_use_has_its_style, 0, 2);
    tcase_add_test(t, noise_is_none_constant_or_random);
    tcase_add_test(t, images_have_derivatives_with_respect_to_styles);
    tcase_add_test(t, the_average_follows_w);
    tcase_add_test(t, the_discriminator_learns);
    tcase_add_test(t, a_sample_depends_on_its_seed_alone);
    tcase_add_test(t, a_step_that_has_run_before_takes_no_memory_from_the_system);
    tcase_add_test(t, build_survives_every_failed_allocation);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
