/* The plugin through its table. Its steps are compared with PyTorch's in tests/steps/test_dcgan_golden.c. */
#include "plugin_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static plugin_fixture f;

static void open_small(void)
{
    f = fixture_open(16, 11);
    f.data.channels = 3;
    fixture_set(&f, "latent", "6");
    fixture_set(&f, "g_width", "4");
    fixture_set(&f, "d_width", "3");
}

static void open_default(void)
{
    f = fixture_open(64, 11);
    f.data.channels = 3;
}

static void close_fixture(void)
{
    fixture_close(&f);
}

static void train(int64_t n, int d_steps, int g_steps)
{
    float *noise = fixture_noise(&f, n);
    fixture_train(&f, noise, NULL, n, d_steps, g_steps);
    free(noise);
}

static double sum_of(const char *name)
{
    gan_scope_begin(f.ctx);
    double sum = (double)gan_item(gan_sum(fixture_tensor(&f, name)));
    gan_scope_end(f.ctx, NULL);
    return sum;
}

/* ---- networks ---- */

static void check_shape(const char *name, gan_shape shape)
{
    ck_assert_msg(gan_shape_equal(gan_shape_of(fixture_tensor(&f, name)), shape), "%s", name);
}

START_TEST(networks_are_those_of_the_chapter)
{
    fixture_build(&f);
    check_shape("generator.1.weight", GAN_SHAPE(100, 4, 4, 512));
    check_shape("generator.4.weight", GAN_SHAPE(512, 4, 4, 256));
    check_shape("generator.7.weight", GAN_SHAPE(256, 4, 4, 128));
    check_shape("generator.10.weight", GAN_SHAPE(128, 4, 4, 64));
    check_shape("generator.13.weight", GAN_SHAPE(64, 4, 4, 3));
    check_shape("discriminator.0.weight", GAN_SHAPE(64, 4, 4, 3));
    check_shape("discriminator.2.weight", GAN_SHAPE(128, 4, 4, 64));
    check_shape("discriminator.5.weight", GAN_SHAPE(256, 4, 4, 128));
    check_shape("discriminator.8.weight", GAN_SHAPE(512, 4, 4, 256));
    check_shape("discriminator.11.weight", GAN_SHAPE(1, 4, 4, 512));
    /* and batch norms between them, no bias elsewhere */
    const int64_t g_norms = 512 + 256 + 128 + 64, d_norms = 128 + 256 + 512;
    const int64_t g_weights = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3);
    const int64_t d_weights = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512);
    ck_assert_int_eq(gan_layer_parameter_count(gan_model_find_network(f.model, "generator")), g_weights + 2 * g_norms);
    ck_assert_int_eq(gan_layer_parameter_count(gan_model_find_network(f.model, "discriminator")),
                     d_weights + 2 * d_norms);
    for (int i = 0; i < 2; i++)
        ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(f.model, i, NULL)), 0.0002);
}
END_TEST

START_TEST(every_resolution_has_its_depth)
{
    static const int64_t sides[] = {8, 32, 128};
    static const char *const last[][2] = {{"generator.4.weight", "discriminator.2.weight"},
                                          {"generator.10.weight", "discriminator.8.weight"},
                                          {"generator.16.weight", "discriminator.14.weight"}};
    f.data.height = f.data.width = sides[_i];
    f.data.channels = _i == 1 ? 1 : 3;
    fixture_build(&f);
    check_shape(last[_i][0], GAN_SHAPE(4, 4, 4, f.data.channels));
    check_shape(last[_i][1], GAN_SHAPE(1, 4, 4, 3 * sides[_i] / 8));
    train(3, 1, 1);
    check_samples_depend_on_their_seed_alone(&f);
}
END_TEST

START_TEST(sizes_that_do_not_fit_are_refused)
{
    f.data.height = f.data.width = 28;
    ck_assert_int_eq(fixture_try_build(&f), GAN_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(gan_status_message(f.ctx), "28x28"));
    ck_assert_ptr_nonnull(strstr(gan_status_message(f.ctx), "data.resolution"));
    gan_clear_status(f.ctx);
    f.data.height = 32, f.data.width = 64;
    ck_assert_int_eq(fixture_try_build(&f), GAN_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(gan_status_message(f.ctx), "64x32"));
    gan_clear_status(f.ctx);
}
END_TEST

/* ---- steps ---- */

/* Of a last layer of zeros every logit is 0 and every probability 1/2. */
START_TEST(losses_at_one_half_have_their_closed_form)
{
    fixture_set(&f, "d_lr", "0");
    fixture_build(&f);
    gan_tensor *w = fixture_tensor(&f, "discriminator.5.weight");
    gan_scope_begin(f.ctx);
    gan_assign(w, gan_zeros(f.ctx, gan_shape_of(w)));
    gan_scope_end(f.ctx, NULL);
    train(4, 1, 1);
    ck_assert_double_eq_tol(fixture_metric(&f, "d_loss"), 2 * log(2), 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "g_loss"), log(2), 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "D(x)"), 0.5, 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "D(G(z)) before"), 0.5, 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "D(G(z)) after"), 0.5, 1e-6);
}
END_TEST

/* D's update lowers the score of the fakes that it was made with, which are those that G is given. */
START_TEST(the_score_of_the_same_fakes_falls_with_the_update)
{
    fixture_set(&f, "d_lr", "0.01");
    fixture_build(&f);
    for (int i = 0; i < 3; i++) {
        train(8, 2, 1);
        ck_assert_double_lt(fixture_metric(&f, "D(G(z)) after"), fixture_metric(&f, "D(G(z)) before"));
    }
    ck_assert_int_eq(gan_optimizer_steps(gan_model_optimizer_at(f.model, 0, NULL)), 3);
    ck_assert_int_eq(gan_optimizer_steps(gan_model_optimizer_at(f.model, 1, NULL)), 6);
}
END_TEST

/* The host may call steps in any order. */
START_TEST(a_step_of_the_generator_needs_none_of_the_discriminator)
{
    fixture_build(&f);
    double g = sum_of("generator.1.weight"), d = sum_of("discriminator.0.weight");
    train(4, 0, 2);
    ck_assert_double_ne(sum_of("generator.1.weight"), g);
    ck_assert_double_eq(sum_of("discriminator.0.weight"), d);
    ck_assert_int_eq(gan_optimizer_steps(gan_model_optimizer_at(f.model, 0, NULL)), 2);
}
END_TEST

/* Fakes that no step of the generator has used are held until the next step, or the end. */
START_TEST(unused_fakes_are_released)
{
    fixture_build(&f);
    train(4, 1, 1);
    size_t without = gan_memory(f.ctx).bytes_in_use;
    train(4, 1, 0);
    size_t with = gan_memory(f.ctx).bytes_in_use;
    ck_assert_uint_gt(with, without);
    train(4, 3, 0);
    ck_assert_uint_eq(gan_memory(f.ctx).bytes_in_use, with);
    train(4, 0, 1);
    ck_assert_uint_eq(gan_memory(f.ctx).bytes_in_use, without);
    train(4, 1, 0); /* the fixture's end finds what is left behind */
}
END_TEST

START_TEST(the_same_seed_gives_the_same_numbers)
{
    double loss[2];
    for (int i = 0; i < 2; i++) {
        gan_random_set(f.ctx, (gan_random_state){2, 0});
        fixture_build(&f);
        train(8, 4, 4);
        loss[i] = fixture_metric(&f, "g_loss");
    }
    ck_assert_double_eq(loss[0], loss[1]);
}
END_TEST

START_TEST(memory_is_steady)
{
    float *noise = fixture_noise(&f, 8);
    fixture_build(&f);
    check_steady_memory(&f, noise, NULL, 8);
    free(noise);
}
END_TEST

START_TEST(build_survives_failed_allocations)
{
    check_build_survives_failed_allocations(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("dcgan");
    TCase *t = tcase_create("default"), *small = tcase_create("small");
    tcase_add_checked_fixture(t, open_default, close_fixture);
    tcase_add_test(t, networks_are_those_of_the_chapter);
    tcase_add_checked_fixture(small, open_small, close_fixture);
    tcase_set_timeout(small, 120);
    tcase_add_loop_test(small, every_resolution_has_its_depth, 0, 3);
    tcase_add_test(small, sizes_that_do_not_fit_are_refused);
    tcase_add_test(small, losses_at_one_half_have_their_closed_form);
    tcase_add_test(small, the_score_of_the_same_fakes_falls_with_the_update);
    tcase_add_test(small, a_step_of_the_generator_needs_none_of_the_discriminator);
    tcase_add_test(small, unused_fakes_are_released);
    tcase_add_test(small, the_same_seed_gives_the_same_numbers);
    tcase_add_test(small, memory_is_steady);
    tcase_add_test(small, build_survives_failed_allocations);
    suite_add_tcase(s, t);
    suite_add_tcase(s, small);
    return s;
}

int main(void)
{
    return test_main(suite());
}
