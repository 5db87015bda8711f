/*
 * StyleGAN, step by step: the compiled `stylegan` plugin against PyTorch in float64: scripts/make-golden-stylegan.
 *
 * Tolerances as in golden.h, for a learning rate of 1e-3 and at most four steps. Weights of the mapping are a hundred
 * times as large as others and their rounding with them.
 */
#include "golden.h"

static const char *const cases[] = {"growing", "fading", "fading-twice", "stable", "all-at-once", "smallest", "plain"};

START_TEST(steps_are_those_of_the_paper)
{
    golden g;
    golden_tolerance tolerance = {.metric = 2e-5, .weight = 5e-5, .mean_weight = 5e-7, .state = 2e-4};
    golden_open(&g, cases[_i]);
    golden_run(&g, &tolerance);
    golden_close(&g);
}
END_TEST

START_TEST(a_step_without_memory_changes_nothing)
{
    golden g;
    golden_open(&g, "smallest");
    golden_steps_without_memory(&g, _i == 1);
    golden_close(&g);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("golden steps of stylegan");
    TCase *t = tcase_create("steps");
    tcase_set_timeout(t, 180);
    tcase_add_loop_test(t, steps_are_those_of_the_paper, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, a_step_without_memory_changes_nothing, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
