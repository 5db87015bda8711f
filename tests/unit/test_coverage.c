/* Mode coverage against cases that can be worked out by hand. */
#include "../support.h"

#include <math.h>

static const float square[8] = {-1, -1, -1, 1, 1, -1, 1, 1};

START_TEST(test_all_modes_equally)
{
    gan_coverage c = gan_mode_coverage(square, 4, square, 4, 0.01f);
    ck_assert_int_eq(c.modes, 4);
    ck_assert_double_eq_tol(c.high_quality, 1.0, 1e-12);
    ck_assert_double_eq_tol(c.reverse_kl, 0.0, 1e-12);
}
END_TEST

START_TEST(test_collapse_to_one_mode)
{
    const float points[4] = {1, 1, 1, 1};
    gan_coverage c = gan_mode_coverage(points, 2, square, 4, 0.01f);
    ck_assert_int_eq(c.modes, 1);
    ck_assert_double_eq_tol(c.reverse_kl, log(4.0), 1e-12);
}
END_TEST

/* A sample 2.9 sigma from a centre counts, one 3.1 sigma away does not, and neither does NaN. */
START_TEST(test_three_sigma)
{
    const float points[6] = {1.29f, 1, -1.31f, -1, NAN, 0};
    gan_coverage c = gan_mode_coverage(points, 3, square, 4, 0.1f);
    ck_assert_int_eq(c.modes, 1);
    ck_assert_double_eq_tol(c.high_quality, 1.0 / 3.0, 1e-12);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("coverage");
    TCase *t = tcase_create("mixtures");
    tcase_add_test(t, test_all_modes_equally);
    tcase_add_test(t, test_collapse_to_one_mode);
    tcase_add_test(t, test_three_sigma);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
