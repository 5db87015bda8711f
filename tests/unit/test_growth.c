/* Progressive growing: the stage at every boundary, and the mixture of two levels. */
#include "../support.h"

#include <math.h>
#include <string.h>

static gan_context *ctx;

static void open_context(void)
{
    ctx = test_context_open(1, 5);
}

static void close_context(void)
{
    test_context_close(ctx);
}

static void check_stage(const gan_growth *growth, double kimg, int64_t resolution, int level, double alpha)
{
    gan_stage s = gan_growth_at(growth, kimg);
    ck_assert_msg(s.resolution == resolution && s.level == level && fabs(s.alpha - alpha) < 1e-9,
                  "at %g kimg: %lld, level %d, alpha %g; should be %lld, %d, %g", kimg, (long long)s.resolution,
                  s.level, s.alpha, (long long)resolution, level, alpha);
}

/* Karras et al. 2018: 600 thousand images stable, 600 faded in. */
START_TEST(stages_follow_each_other)
{
    const gan_growth g = {.first = 4, .last = 32, .stable_kimg = 600, .fade_kimg = 400};
    check_stage(&g, 0, 4, 0, 1);
    check_stage(&g, 599.999, 4, 0, 1);
    check_stage(&g, 600, 8, 1, 0);
    check_stage(&g, 700, 8, 1, 0.25);
    check_stage(&g, 1000, 8, 1, 1);
    check_stage(&g, 1599.999, 8, 1, 1);
    check_stage(&g, 1600, 16, 2, 0);
    check_stage(&g, 1900, 16, 2, 0.75);
    check_stage(&g, 2600, 32, 3, 0);
    check_stage(&g, 2999, 32, 3, 0.9975);
    check_stage(&g, 3000, 32, 3, 1);
    check_stage(&g, 1e9, 32, 3, 1);
    ck_assert_double_eq(gan_growth_kimg(&g), 3000);
}
END_TEST

/* Where sums of decimal fractions are rounded, a level must neither be late nor have an alpha beyond its range. */
START_TEST(boundaries_of_fractions_are_met)
{
    const gan_growth g = {.first = 8, .last = 1024, .stable_kimg = 0.3, .fade_kimg = 0.1};
    for (int level = 1; level <= 7; level++) {
        double begin = level * g.stable_kimg + (level - 1) * g.fade_kimg;
        gan_stage s = gan_growth_at(&g, begin);
        ck_assert_int_eq(s.level, level);
        ck_assert_double_eq(s.alpha, 0);
        s = gan_growth_at(&g, nextafter(begin, 0));
        ck_assert_int_eq(s.level, level - 1);
        ck_assert_double_eq(s.alpha, 1);
    }
    ck_assert_double_eq_tol(gan_growth_kimg(&g), 2.8, 1e-12);
}
END_TEST

START_TEST(without_growth_there_is_one_stage)
{
    const gan_growth g = {.first = 64, .last = 64, .stable_kimg = 600, .fade_kimg = 600};
    check_stage(&g, 0, 64, 0, 1);
    check_stage(&g, 1e6, 64, 0, 1);
    ck_assert_double_eq(gan_growth_kimg(&g), 0);
}
END_TEST

START_TEST(a_fade_may_take_no_time)
{
    const gan_growth g = {.first = 4, .last = 16, .stable_kimg = 10};
    check_stage(&g, 9, 4, 0, 1);
    check_stage(&g, 10, 8, 1, 1);
    check_stage(&g, 20, 16, 2, 1);
    const gan_growth at_once = {.first = 4, .last = 16};
    check_stage(&at_once, 0, 16, 2, 1);
}
END_TEST

static bool same_bits(const gan_tensor *a, const gan_tensor *b)
{
    float x[256], y[256];
    size_t n = (size_t)gan_count(a);
    ck_assert(n <= 256 && gan_shape_equal(gan_shape_of(a), gan_shape_of(b)));
    ck_assert_int_eq(gan_read_f32(a, x), GAN_OK);
    ck_assert_int_eq(gan_read_f32(b, y), GAN_OK);
    return memcmp(x, y, n * sizeof *x) == 0;
}

static gan_tensor *number(float value)
{
    return gan_full(ctx, GAN_SCALAR, value);
}

START_TEST(a_fade_is_exact_at_both_ends)
{
    gan_tensor *old = gan_randn(ctx, GAN_SHAPE(2, 4, 4, 3)), *new = gan_randn(ctx, GAN_SHAPE(2, 4, 4, 3));
    ck_assert(same_bits(gan_fade(old, new, number(0)), old));
    ck_assert(same_bits(gan_fade(old, new, number(1)), new));
    gan_tensor *half = gan_scale(gan_add(old, new), 0.5f);
    ck_assert(same_bits(gan_fade(old, new, number(0.5f)), half));
    gan_tensor *grads[3], *alpha = gan_variable(number(0.25f));
    old = gan_variable(old);
    new = gan_variable(new);
    gan_grad(gan_sum(gan_fade(old, new, alpha)), (gan_tensor *[]){old, new, alpha}, 3, grads, 0);
    ck_assert_float_eq(gan_item(gan_mean(grads[0])), 0.75f);
    ck_assert_float_eq(gan_item(gan_mean(grads[1])), 0.25f);
    ck_assert_float_eq_tol(gan_item(grads[2]), gan_item(gan_sum(gan_sub(new, old))), 1e-4f);
}
END_TEST

START_TEST(images_of_a_new_level_come_out_of_their_means)
{
    static const float pixels[16] = {0, 1, 2, 3, 2, 5, 4, 7, 1, 1, 1, 1, 1, 1, 1, 1};
    static const float means[16] = {2, 2, 4, 4, 2, 2, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1};
    gan_tensor *x = gan_from_f32(ctx, GAN_SHAPE(1, 4, 4, 1), pixels);
    gan_tensor *coarse = gan_from_f32(ctx, GAN_SHAPE(1, 4, 4, 1), means);
    ck_assert(same_bits(gan_fade_reals(x, number(0)), coarse));
    ck_assert(same_bits(gan_fade_reals(x, number(1)), x));
    ck_assert(same_bits(gan_fade_reals(x, number(0.5f)), gan_scale(gan_add(x, coarse), 0.5f)));
}
END_TEST

static void check_refused(gan_tensor *result, gan_status status, const char *word)
{
    ck_assert(gan_is_poison(result));
    ck_assert_int_eq(gan_status_of(ctx), status);
    ck_assert_msg(strstr(gan_status_message(ctx), word) != NULL, "%s", gan_status_message(ctx));
    gan_clear_status(ctx);
}

START_TEST(wrong_arguments_are_refused)
{
    gan_tensor *a = gan_zeros(ctx, GAN_SHAPE(1, 4, 4, 3)), *b = gan_zeros(ctx, GAN_SHAPE(1, 2, 2, 3));
    check_refused(gan_fade(a, b, number(0)), GAN_ERROR_SHAPE, "[1, 2, 2, 3]");
    check_refused(gan_fade(a, a, gan_zeros(ctx, GAN_SHAPE(3))), GAN_ERROR_SHAPE, "alpha is one number");
    check_refused(gan_fade_reals(gan_zeros(ctx, GAN_SHAPE(1, 3, 4, 3)), number(0)), GAN_ERROR_SHAPE, "halved");
    check_refused(gan_fade_reals(gan_zeros(ctx, GAN_SHAPE(4, 4)), number(0)), GAN_ERROR_SHAPE, "[4, 4]");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("growth");
    TCase *plan = tcase_create("plan");
    tcase_add_test(plan, stages_follow_each_other);
    tcase_add_test(plan, boundaries_of_fractions_are_met);
    tcase_add_test(plan, without_growth_there_is_one_stage);
    tcase_add_test(plan, a_fade_may_take_no_time);
    suite_add_tcase(s, plan);
    TCase *fade = tcase_create("fade");
    tcase_add_checked_fixture(fade, open_context, close_context);
    tcase_add_test(fade, a_fade_is_exact_at_both_ends);
    tcase_add_test(fade, images_of_a_new_level_come_out_of_their_means);
    tcase_add_test(fade, wrong_arguments_are_refused);
    suite_add_tcase(s, fade);
    return s;
}

int main(void)
{
    return test_main(suite());
}
