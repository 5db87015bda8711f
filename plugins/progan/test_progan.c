/* The plugin through its table: growth, its plan, and what is in use when. Its steps are compared with PyTorch's in
 * tests/steps/test_progan_golden.c, and resumed in the middle of a fade in tests/host/variants.sh. */
#include "plugin_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static plugin_fixture f;

/* 4x4 is stable until 1 kimg, 8x8 fades in until 3 and is stable until 4, 16x16 fades in until 6. */
static void setup(void)
{
    f = fixture_open(16, 5);
    fixture_set(&f, "latent", "6");
    fixture_set(&f, "fmap_base", "32");
    fixture_set(&f, "fmap_max", "8");
    fixture_set(&f, "stable_kimg", "1");
    fixture_set(&f, "fade_kimg", "2");
}

static void teardown(void)
{
    fixture_close(&f);
}

static const gan_schedule_extension *schedule(void)
{
    return f.plugin->get_extension(f.model, GAN_SCHEDULE_EXTENSION);
}

static uint64_t prepare(gan_step_kind kind, const gan_batch *batch)
{
    const gan_capture_extension *capture = f.plugin->get_extension(f.model, GAN_CAPTURE_EXTENSION);
    return capture->prepare(f.model, kind, batch);
}

static void note(const char *name, double value, void *user)
{
    (void)user;
    snprintf(f.last[f.n_last].name, sizeof f.last[f.n_last].name, "%s", name);
    f.last[f.n_last++].value = value;
}

/* A step of each network as the host has it done: on n of these images, of that side. Returns prepare's kind. */
static uint64_t step_on(double kimg, int64_t side, int64_t n, const float *pixels)
{
    uint64_t kind = 0;
    f.n_last = 0;
    gan_scope_begin(f.ctx);
    gan_batch batch = {.struct_size = sizeof batch, .n = n, .kimg = kimg};
    batch.images = gan_from_f32(f.ctx, GAN_SHAPE(n, side, side, f.data.channels), pixels);
    for (int i = 0; i < 2; i++) {
        kind = prepare(i ? GAN_STEP_GENERATOR : GAN_STEP_DISCRIMINATOR, &batch);
        ck_assert_msg((i ? f.plugin->g_step : f.plugin->d_step)(f.model, &batch, f.metrics) == GAN_OK, "%s",
                      gan_status_message(f.ctx));
    }
    gan_scope_end(f.ctx, NULL);
    gan_metrics_collect(f.metrics, note, NULL);
    return kind;
}

/* On noise, at the side that is planned. */
static uint64_t step_at(double kimg)
{
    int64_t n = 8, side = f.data.height;
    schedule()->batches(f.model, kimg, &n, &side);
    float *pixels = fixture_noise(&f, n);
    uint64_t kind = step_on(kimg, side, n, pixels);
    free(pixels);
    return kind;
}

static double mean_of(const char *name)
{
    return gan_item(gan_mean(fixture_tensor(&f, name)));
}

/* ---- networks and options ---- */

START_TEST(networks_fit_the_data)
{
    static const struct {
        int64_t side, channels;
        const char *grow;
    } cases[] = {{4, 1, "on"}, {8, 3, "on"}, {16, 3, "off"}, {64, 1, "on"}};
    f.data.height = f.data.width = cases[_i].side, f.data.channels = cases[_i].channels;
    fixture_set(&f, "grow", cases[_i].grow);
    fixture_build(&f);
    float *images = fixture_noise(&f, 2);
    fixture_train(&f, images, NULL, 2, 1, 1); /* whole images, as of a host without plans: all layers */
    ck_assert_double_eq(fixture_metric(&f, "resolution"), (double)cases[_i].side);
    fixture_sample(&f, 1, NULL, 2, images);
    free(images);
}
END_TEST

START_TEST(widths_are_halved_towards_the_image)
{
    static const struct {
        const char *name;
        int64_t in, out;
    } cases[] = {
        {"8.block.1", 8, 8}, {"16.block.1", 8, 4}, {"32.block.4", 2, 2}, {"64.block.1", 2, 1}, {"64.to_rgb", 1, 1}};
    f.data.height = f.data.width = 64;
    fixture_build(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        snprintf(name, sizeof name, "generator.%s.weight", cases[i].name);
        ck_assert_int_eq(gan_dim(fixture_tensor(&f, name), 3), cases[i].in);
        ck_assert_int_eq(gan_dim(fixture_tensor(&f, name), 0), cases[i].out);
    }
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "discriminator.32.block.2.weight"), 0), 4);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "discriminator.4.block.1.weight"), 3), 9); /* and the deviation */
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    f.data.height = f.data.width = 28;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "28x28");
    f.data.height = 16, f.data.width = 32;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "32x16");
    f.data.height = f.data.width = 2048;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "2048x2048");
    f.data.height = f.data.width = 1, f.data.scaled = false;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "1x1");
    f.data.height = f.data.width = 16, f.data.scaled = true;
    fixture_set(&f, "batches", "[8, 6, 8]");
    fixture_refused(&f, GAN_ERROR_OPTION, "groups of 4 do not divide the batch of 6 at 8x8");
    fixture_set(&f, "batches", "[8, 8]");
    fixture_refused(&f, GAN_ERROR_OPTION, "2 values, but from 4x4 to 16x16 there are 3");
    fixture_set(&f, "batches", "[8, 3, 2, 6]"); /* a small batch is a group, and 32x32 is not reached */
    fixture_build(&f);
    fixture_set(&f, "lr_at", "8: 0.1, 9: 0.1");
    fixture_refused(&f, GAN_ERROR_OPTION, "found \"8: 0.1, 9: 0.1\"");
}
END_TEST

START_TEST(a_fixed_network_needs_only_its_own_batch)
{
    fixture_set(&f, "grow", "off");
    fixture_set(&f, "batches", "[6, 6, 4]");
    fixture_build(&f);
    int64_t n = 8, side = 16;
    schedule()->batches(f.model, 0, &n, &side);
    ck_assert_int_eq(n, 4);
    ck_assert_int_eq(side, 16);
    fixture_tensor(&f, "generator.16.to_rgb.weight");
    ck_assert_ptr_null(gan_layer_find(gan_model_find_network(f.model, "generator"), "8.to_rgb.weight"));
    ck_assert_ptr_null(gan_layer_find(gan_model_find_network(f.model, "discriminator"), "8.from_rgb.0.weight"));
}
END_TEST

/* ---- the plan ---- */

START_TEST(the_plan_follows_the_images_shown)
{
    static const struct {
        double kimg, alpha, lr;
        int64_t side, n;
    } cases[] = {{0, 1, 0.001, 4, 8},      {0.999, 1, 0.001, 4, 8}, {1, 0, 0.004, 8, 6},
                 {2.5, 0.75, 0.004, 8, 6}, {3.5, 1, 0.004, 8, 6},   {4, 0, 0.001, 16, 4},
                 {5, 0.5, 0.001, 16, 4},   {6, 1, 0.001, 16, 4},    {1000, 1, 0.001, 16, 4}};
    fixture_set(&f, "batches", "[128, 6, 4]");
    fixture_set(&f, "stddev_group", "2");
    fixture_set(&f, "lr_at", "8: 0.004, 512: 0.1");
    fixture_build(&f);
    uint64_t kinds[16], before = 0;
    int different = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t n = 8, side = 16;
        schedule()->batches(f.model, cases[i].kimg, &n, &side);
        ck_assert_int_eq(side, cases[i].side);
        ck_assert_int_eq(n, cases[i].n);
        kinds[i] = step_at(cases[i].kimg);
        ck_assert_double_eq(fixture_metric(&f, "resolution"), (double)cases[i].side);
        ck_assert_double_eq_tol(fixture_metric(&f, "alpha"), cases[i].alpha, 1e-6);
        for (int j = 0; j < 2; j++)
            ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(f.model, j, NULL)), cases[i].lr);
        different += i == 0 || kinds[i] != before;
        before = kinds[i];
    }
    ck_assert_int_eq(different, 5); /* 4x4, 8x8 fading and stable, 16x16 fading and stable */
    ck_assert_uint_eq(kinds[0], kinds[1]);
    ck_assert_uint_eq(kinds[7], kinds[8]);
}
END_TEST

static int64_t steps_of(int optimizer)
{
    return gan_optimizer_steps(gan_model_optimizer_at(f.model, optimizer, NULL));
}

static void set_number(const char *name, double *number, void *user)
{
    if (strcmp(name, "resolution") == 0)
        *number = *(const double *)user;
}

START_TEST(optimizers_begin_anew_at_each_resolution_and_only_there)
{
    static const struct {
        double kimg;
        int64_t steps; /* of Adam, afterwards */
    } cases[] = {{0, 1}, {0.5, 2}, {1, 1}, {2, 2}, {3.5, 3}, {4, 1}, {7, 2}, {8, 3}};
    fixture_build(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        step_at(cases[i].kimg);
        for (int j = 0; j < 2; j++)
            ck_assert_int_eq(steps_of(j), cases[i].steps);
    }
    /* It is the saved number that says of which resolution the moments are. */
    gan_model_visit(f.model, NULL, set_number, &(double){8});
    step_at(9);
    ck_assert_int_eq(steps_of(0), 1);
}
END_TEST

START_TEST(layers_that_are_not_in_use_stay_as_they_are)
{
    static const char *const above[] = {"generator.16.block.1.weight", "generator.16.to_rgb.weight",
                                        "discriminator.16.block.0.weight", "discriminator.16.from_rgb.0.weight"};
    static const char *const below[] = {"generator.4.to_rgb.weight", "discriminator.4.from_rgb.0.weight"};
    double before[4], old[2];
    fixture_build(&f);
    for (int i = 0; i < 4; i++)
        before[i] = mean_of(above[i]);
    for (int i = 0; i < 2; i++)
        old[i] = mean_of(below[i]);
    step_at(2); /* both ways to and from colours are in use */
    for (int i = 0; i < 2; i++) {
        ck_assert_double_ne(mean_of(below[i]), old[i]);
        old[i] = mean_of(below[i]);
    }
    step_at(3.5); /* the old ones are not any more */
    for (int i = 0; i < 2; i++)
        ck_assert_double_eq(mean_of(below[i]), old[i]);
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq(mean_of(above[i]), before[i]);
    step_at(5);
    for (int i = 0; i < 4; i++)
        ck_assert_double_ne(mean_of(above[i]), before[i]);
}
END_TEST

/* ---- fading ---- */

/* Samples at that point of the run, with a learning rate that changes nothing. */
static float *samples_at(double kimg)
{
    step_at(kimg);
    float *images = fixture_noise(&f, 3);
    fixture_sample(&f, 7, NULL, 3, images);
    return images;
}

static float difference(const float *a, const float *b)
{
    float most = 0;
    for (int64_t i = 0; i < 3 * f.data.height * f.data.width; i++)
        most = fmaxf(most, fabsf(a[i] - b[i]));
    return most;
}

static void hold_still(void)
{
    fixture_set(&f, "lr", "1e-9");
    fixture_build(&f);
}

START_TEST(generated_images_go_from_the_smaller_to_the_larger_network)
{
    hold_still();
    float *before = samples_at(0.5), *begin = samples_at(1), *middle = samples_at(2), *end = samples_at(2.9999999999),
          *after = samples_at(3.5);
    ck_assert_float_le(difference(before, begin), 1e-5f);
    ck_assert_float_le(difference(end, after), 1e-5f);
    ck_assert_float_ge(difference(begin, end), 0.1f);
    for (int64_t i = 0; i < 3 * 256; i++) /* 8x8: the mean of both */
        ck_assert_float_eq_tol(middle[i], (begin[i] + end[i]) / 2, 1e-5f);
    free(before), free(begin), free(middle), free(end), free(after);
}
END_TEST

START_TEST(samples_are_enlarged_to_the_data)
{
    hold_still();
    float *images = samples_at(0.5);
    for (int64_t y = 0; y < 16; y++)
        for (int64_t x = 0; x < 16; x++)
            ck_assert_float_eq(images[16 * y + x], images[16 * (y / 4 * 4) + x / 4 * 4]);
    ck_assert_float_ne(images[0], images[4]);
    free(images);
}
END_TEST

/* Scores of the same images in both networks: with alpha 0, those of 8x8 are judged by their 2x2 means, with alpha 1 by
 * the new layers alone. Generated ones are the same too, as the test before shows. */
START_TEST(scores_go_from_the_smaller_to_the_larger_network)
{
    static const double kimg[] = {0.5, 1, 2.9999999999, 3.5};
    double wasserstein[4], g_loss[4];
    float small[8 * 4 * 4], large[8 * 8 * 8];
    fixture_set(&f, "drift", "0");
    hold_still();
    float *noise = fixture_noise(&f, 8);
    memcpy(large, noise, sizeof large);
    free(noise);
    for (int i = 0; i < 8 * 16; i++) {
        const float *at = large + i / 16 * 64 + i % 16 / 4 * 16 + i % 4 * 2;
        small[i] = (at[0] + at[1] + at[8] + at[9]) / 4;
    }
    for (int i = 0; i < 4; i++) {
        gan_random_set(f.ctx, (gan_random_state){.seed = 3});
        step_on(kimg[i], i ? 8 : 4, 8, i ? large : small);
        wasserstein[i] = fixture_metric(&f, "wasserstein");
        g_loss[i] = fixture_metric(&f, "g_loss");
    }
    for (int i = 0; i < 4; i += 2) {
        ck_assert_double_eq_tol(wasserstein[i], wasserstein[i + 1], 1e-5);
        ck_assert_double_eq_tol(g_loss[i], g_loss[i + 1], 1e-5);
    }
    ck_assert(fabs(wasserstein[1] - wasserstein[2]) > 1e-3);
}
END_TEST

/* ---- files that say anything ---- */

static void set_stage(const char *name, double *number, void *user)
{
    const double *stage = user;
    *number = stage[strcmp(name, "alpha") == 0];
}

START_TEST(a_stage_that_cannot_be_is_survived)
{
    static const double stages[][2] = {{1e300, 0.5}, {-3, 0.5}, {4, 0}, {NAN, NAN}, {16, -1e30}, {7, 0.5}, {0, 2}};
    float *images = fixture_noise(&f, 2);
    fixture_build(&f);
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        double stage[2] = {stages[i][0], stages[i][1]};
        gan_model_visit(f.model, NULL, set_stage, stage);
        fixture_sample(&f, 1, NULL, 2, images);
        step_at(2);
        ck_assert_double_eq(fixture_metric(&f, "resolution"), 8);
        ck_assert_double_eq(fixture_metric(&f, "alpha"), 0.5);
    }
    free(images);
}
END_TEST

/* ---- the loss ---- */

/* With all weights 0 but the last bias b, D(x) = b everywhere: no distance, a slope of 0, and a drift of b². */
START_TEST(the_loss_of_a_constant_discriminator_has_its_closed_form)
{
    fixture_set(&f, "lambda", "7");
    fixture_set(&f, "gamma", "3");
    fixture_set(&f, "drift", "0.5");
    fixture_build(&f);
    gan_assign(fixture_tensor(&f, "discriminator.4.block.6.weight"), gan_zeros(f.ctx, GAN_SHAPE(1, 8)));
    gan_assign_f32(fixture_tensor(&f, "discriminator.4.block.6.bias"), (float[]){-2});
    step_at(0);
    ck_assert_double_eq_tol(fixture_metric(&f, "wasserstein"), 0, 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "penalty"), 1, 1e-5); /* (0 - gamma)² / gamma² */
    ck_assert_double_eq_tol(fixture_metric(&f, "d_loss"), 7 + 0.5 * 4, 1e-4);
}
END_TEST

/* ---- z as a style ---- */

START_TEST(a_style_is_the_latent)
{
    float images[3 * 256], same[3 * 256];
    fixture_build(&f);
    const gan_style_extension *style = f.plugin->get_extension(f.model, GAN_STYLE_EXTENSION);
    gan_style_info info = {.struct_size = sizeof info};
    style->info(f.model, &info);
    ck_assert(info.latent == 6 && info.width == 6 && info.layers == 1);
    step_at(2);
    fixture_sample(&f, 4, NULL, 3, images);
    gan_tensor *w, *made;
    gan_no_grad_begin(f.ctx);
    gan_tensor *z = gan_randn_of_seeds(f.ctx, (uint64_t[]){4, 5, 6}, 3, 6);
    ck_assert_int_eq(style->map(f.model, z, NULL, &w), GAN_OK);
    ck_assert(gan_shape_equal(gan_shape_of(w), GAN_SHAPE(3, 1, 6)));
    ck_assert_int_eq(style->synthesize(f.model, w, GAN_NOISE_CONST, &made), GAN_OK);
    gan_read_f32(made, same);
    ck_assert_int_eq(style->average(f.model, &w), GAN_OK);
    ck_assert(gan_shape_equal(gan_shape_of(w), GAN_SHAPE(6)));
    gan_no_grad_end(f.ctx, NULL);
    ck_assert_mem_eq(images, same, sizeof images);
    ck_assert_ptr_null(f.plugin->get_extension(f.model, "gan.style/2"));
}
END_TEST

/* ---- training ---- */

static double distance_from(float brightness)
{
    float *images = fixture_noise(&f, 32);
    double sum = 0;
    fixture_sample(&f, 1, NULL, 32, images);
    for (int i = 0; i < 32 * 256; i++)
        sum += fabs((double)images[i] - (double)brightness) / (32 * 256);
    free(images);
    return sum;
}

/* Through two growths, on images of one brightness. */
START_TEST(training_moves_samples_to_the_data)
{
    float pixels[8 * 256];
    for (int i = 0; i < 8 * 256; i++)
        pixels[i] = 0.8f;
    fixture_set(&f, "lr", "0.01");
    fixture_build(&f);
    step_on(0, 4, 8, pixels);
    double before = distance_from(0.8f);
    for (int i = 0; i < 240; i++)
        step_on(i / 30.0, i < 30 ? 4 : i < 120 ? 8 : 16, 8, pixels);
    double after = distance_from(0.8f);
    ck_assert_msg(before > 0.6 && after < 0.3, "the samples' distance from the data went from %g to %g", before, after);
}
END_TEST

START_TEST(a_sample_depends_on_its_seed_alone)
{
    fixture_build(&f);
    step_at(2);
    check_samples_depend_on_their_seed_alone(&f);
}
END_TEST

START_TEST(a_step_that_has_run_before_takes_no_memory_from_the_system)
{
    fixture_build(&f);
    float *images = fixture_noise(&f, 8);
    check_steady_memory(&f, images, NULL, 8);
    free(images);
}
END_TEST

START_TEST(build_survives_every_failed_allocation)
{
    f.data.height = f.data.width = 8;
    check_build_survives_failed_allocations(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("progan");
    TCase *t = tcase_create("progan");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, networks_fit_the_data, 0, 4);
    tcase_add_test(t, widths_are_halved_towards_the_image);
    tcase_add_test(t, what_does_not_fit_is_refused);
    tcase_add_test(t, a_fixed_network_needs_only_its_own_batch);
    tcase_add_test(t, the_plan_follows_the_images_shown);
    tcase_add_test(t, optimizers_begin_anew_at_each_resolution_and_only_there);
    tcase_add_test(t, layers_that_are_not_in_use_stay_as_they_are);
    tcase_add_test(t, generated_images_go_from_the_smaller_to_the_larger_network);
    tcase_add_test(t, samples_are_enlarged_to_the_data);
    tcase_add_test(t, scores_go_from_the_smaller_to_the_larger_network);
    tcase_add_test(t, a_stage_that_cannot_be_is_survived);
    tcase_add_test(t, the_loss_of_a_constant_discriminator_has_its_closed_form);
    tcase_add_test(t, a_style_is_the_latent);
    tcase_add_test(t, training_moves_samples_to_the_data);
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
