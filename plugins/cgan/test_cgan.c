/* The plugin through its table. Its steps are compared with PyTorch's in tests/steps/test_cgan_golden.c. */
#include "plugin_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static plugin_fixture f;

static void open_default(void)
{
    f = fixture_open(28, 11);
    f.data.classes = 10;
}

static void open_small(void)
{
    f = fixture_open(8, 11);
    f.data.classes = 4;
    fixture_set(&f, "latent", "6");
    fixture_set(&f, "embedding", "3");
    fixture_set(&f, "g_widths", "[16]");
    fixture_set(&f, "d_widths", "[16, 12]");
    fixture_set(&f, "g_width", "4");
    fixture_set(&f, "d_width", "4");
}

static void close_fixture(void)
{
    fixture_close(&f);
}

static void choose(int kind)
{
    fixture_set(&f, "discriminator", kind == 1 ? "two_stage" : "joint");
    fixture_set(&f, "networks", kind == 2 ? "conv" : "mlp");
}

enum { KINDS = 3, N = 16 };

static const int32_t labels[N] = {0, 1, 2, 3, 0, 1, 2, 3, 3, 2, 1, 0, 0, 0, 1, 1};

static void train(int d_steps, int g_steps)
{
    float *noise = fixture_noise(&f, N);
    fixture_train(&f, noise, labels, N, d_steps, g_steps);
    free(noise);
}

static void check_shape(const char *name, gan_shape shape)
{
    ck_assert_msg(gan_shape_equal(gan_shape_of(fixture_tensor(&f, name)), shape), "%s", name);
}

static void set_zero(const char *name)
{
    gan_tensor *t = fixture_tensor(&f, name);
    gan_scope_begin(f.ctx);
    gan_assign(t, gan_zeros(f.ctx, gan_shape_of(t)));
    gan_scope_end(f.ctx, NULL);
}

/* ---- networks ---- */

START_TEST(networks_are_those_of_the_chapter)
{
    fixture_build(&f);
    check_shape("generator.0.weight", GAN_SHAPE(10, 10));
    check_shape("generator.1.weight", GAN_SHAPE(256, 110));
    check_shape("generator.3.weight", GAN_SHAPE(512, 256));
    check_shape("generator.5.weight", GAN_SHAPE(1024, 512));
    check_shape("generator.7.weight", GAN_SHAPE(784, 1024));
    check_shape("discriminator.0.weight", GAN_SHAPE(10, 10));
    check_shape("discriminator.1.weight", GAN_SHAPE(1024, 794));
    check_shape("discriminator.4.weight", GAN_SHAPE(512, 1024));
    check_shape("discriminator.7.weight", GAN_SHAPE(256, 512));
    check_shape("discriminator.10.weight", GAN_SHAPE(1, 256));
    ck_assert_int_eq(gan_model_classes(f.model), 10);
    for (int i = 0; i < 2; i++)
        ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(f.model, i, NULL)), 0.0001);
}
END_TEST

START_TEST(two_stages_are_three_networks)
{
    fixture_set(&f, "discriminator", "two_stage");
    fixture_build(&f);
    check_shape("embedding.1.weight", GAN_SHAPE(1024, 784));
    check_shape("embedding.7.weight", GAN_SHAPE(256, 512));
    check_shape("realness.0.weight", GAN_SHAPE(1, 256));
    check_shape("match.0.weight", GAN_SHAPE(10, 10));
    check_shape("match.1.weight", GAN_SHAPE(256, 266));
    check_shape("match.4.weight", GAN_SHAPE(1, 256));
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    f.data.classes = 0;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "two classes");
    f.data.classes = 4;
    fixture_set(&f, "networks", "conv");
    fixture_set(&f, "discriminator", "two_stage");
    fixture_refused(&f, GAN_ERROR_OPTION, "model.networks");
    fixture_set(&f, "discriminator", "joint");
    f.data.height = f.data.width = 28;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "28x28");
    fixture_set(&f, "networks", "mlp");
    fixture_set(&f, "discriminator", "two_stage");
    fixture_set(&f, "mismatch", "false");
    fixture_refused(&f, GAN_ERROR_OPTION, "model.mismatch");
}
END_TEST

START_TEST(vectors_have_a_linear_output)
{
    f.data.height = f.data.width = 1, f.data.channels = 2, f.data.scaled = false;
    fixture_build(&f);
    ck_assert_int_eq(gan_assign_f32(fixture_tensor(&f, "generator.3.bias"), (float[]){40, -40}), GAN_OK);
    float values[2];
    fixture_sample(&f, 1, (int32_t[]){2}, 1, values);
    ck_assert_float_eq_tol(values[0], 40, 5);
    ck_assert_float_eq_tol(values[1], -40, 5);
    train(1, 1);
}
END_TEST

/* ---- steps ---- */

/* Of a last layer of zeros every logit is 0 and every probability 1/2. */
START_TEST(losses_at_one_half_have_their_closed_form)
{
    for (int mismatch = 0; mismatch < 2; mismatch++) {
        fixture_set(&f, "mismatch", mismatch ? "true" : "false");
        fixture_set(&f, "d_lr", "0");
        fixture_build(&f);
        set_zero("discriminator.7.weight");
        set_zero("discriminator.7.bias");
        train(1, 1);
        ck_assert_double_eq_tol(fixture_metric(&f, "d_loss"), (2 + mismatch) * log(2), 1e-6);
        ck_assert_double_eq_tol(fixture_metric(&f, "g_loss"), log(2), 1e-6);
        ck_assert_int_eq(f.n_last, 4 + mismatch);
    }
}
END_TEST

/* With the match's weight at 0 or 1 only the other score, or only the match, moves the generator. */
START_TEST(the_two_scores_are_weighted)
{
    static const char *const last[2][2] = {{"realness.0.weight", "realness.0.bias"},
                                           {"match.3.weight", "match.3.bias"}};
    fixture_set(&f, "discriminator", "two_stage");
    fixture_set(&f, "d_lr", "0");
    fixture_set(&f, "dropout", "0");
    for (int weight = 0; weight < 2; weight++) {
        fixture_set(&f, "match_weight", weight ? "1" : "0");
        fixture_build(&f);
        set_zero(last[weight][0]); /* the score that counts: 1/2 for every image, so that G's gradient is zero */
        ck_assert_int_eq(gan_assign_f32(fixture_tensor(&f, last[weight][1]), (float[]){1}), GAN_OK);
        train(0, 1);
        ck_assert_double_eq_tol(fixture_metric(&f, "g_loss"), log1p(exp(-1)), 1e-6);
        gan_scope_begin(f.ctx);
        ck_assert_float_eq(gan_item(gan_sqnorm(fixture_tensor(&f, "g_optim.exp_avg.1.weight"))), 0.0f);
        gan_scope_end(f.ctx, NULL);
    }
}
END_TEST

/* D is told the class of a real image by its pixels: a wrong class must come to be scored lower than the right one. */
START_TEST(the_third_term_teaches_the_match)
{
    choose(_i);
    fixture_set(&f, "d_lr", "0.005");
    fixture_set(&f, "dropout", "0.1");
    fixture_build(&f);
    float *images = fixture_noise(&f, N);
    int64_t pixels = f.data.height * f.data.width;
    for (int64_t i = 0; i < N * pixels; i++)
        images[i] = i % pixels / (pixels / 4) == labels[i / pixels] ? 1.0f : -1.0f; /* a bar, by class */
    for (int i = 0; i < 20; i++)
        fixture_train(&f, images, labels, N, 10, 1);
    free(images);
    const char *right = _i == 1 ? "match(x)" : "D(x)", *wrong = _i == 1 ? "match(x, wrong)" : "D(x, wrong)";
    ck_assert_msg(fixture_metric(&f, right) > fixture_metric(&f, wrong) + 0.3, "right classes %g, wrong ones %g",
                  fixture_metric(&f, right), fixture_metric(&f, wrong));
}
END_TEST

/* ---- samples ---- */

START_TEST(samples_are_of_the_class_that_is_asked_for)
{
    enum { PIXELS = 64 };
    float asked[4 * PIXELS], chosen[4 * PIXELS], other[4 * PIXELS];
    choose(_i);
    fixture_build(&f);
    train(2, 2);
    fixture_sample(&f, 5, (int32_t[]){0, 1, 2, 3}, 4, asked);
    fixture_sample(&f, 5, NULL, 4, chosen); /* i mod classes */
    fixture_sample(&f, 5, (int32_t[]){1, 1, 1, 1}, 4, other);
    ck_assert_mem_eq(asked, chosen, sizeof asked);
    ck_assert_mem_ne(asked, other, PIXELS * sizeof *asked);
    for (int i = 0; i < PIXELS; i++)
        ck_assert_float_eq_tol(asked[PIXELS + i], other[PIXELS + i], 1e-5f);
    check_samples_depend_on_their_seed_alone(&f);
}
END_TEST

/* ---- what holds for every plugin ---- */

START_TEST(the_same_seed_gives_the_same_numbers)
{
    double loss[2];
    choose(_i);
    for (int i = 0; i < 2; i++) {
        gan_random_set(f.ctx, (gan_random_state){2, 0});
        fixture_build(&f);
        train(4, 4);
        loss[i] = fixture_metric(&f, "g_loss");
    }
    ck_assert_double_eq(loss[0], loss[1]);
}
END_TEST

START_TEST(memory_is_steady)
{
    float *noise = fixture_noise(&f, N);
    choose(_i);
    fixture_build(&f);
    check_steady_memory(&f, noise, labels, N);
    free(noise);
}
END_TEST

START_TEST(build_survives_failed_allocations)
{
    choose(_i);
    check_build_survives_failed_allocations(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cgan");
    TCase *t = tcase_create("default"), *small = tcase_create("small");
    tcase_add_checked_fixture(t, open_default, close_fixture);
    tcase_add_test(t, networks_are_those_of_the_chapter);
    tcase_add_test(t, two_stages_are_three_networks);
    tcase_add_checked_fixture(small, open_small, close_fixture);
    tcase_set_timeout(small, 120);
    tcase_add_test(small, what_does_not_fit_is_refused);
    tcase_add_test(small, vectors_have_a_linear_output);
    tcase_add_test(small, losses_at_one_half_have_their_closed_form);
    tcase_add_test(small, the_two_scores_are_weighted);
    tcase_add_loop_test(small, the_third_term_teaches_the_match, 0, KINDS);
    tcase_add_loop_test(small, samples_are_of_the_class_that_is_asked_for, 0, KINDS);
    tcase_add_loop_test(small, the_same_seed_gives_the_same_numbers, 0, KINDS);
    tcase_add_loop_test(small, memory_is_steady, 0, KINDS);
    tcase_add_loop_test(small, build_survives_failed_allocations, 0, KINDS);
    suite_add_tcase(s, t);
    suite_add_tcase(s, small);
    return s;
}

int main(void)
{
    return test_main(suite());
}
