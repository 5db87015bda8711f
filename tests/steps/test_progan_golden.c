/*
 * ProGAN, step by step: the compiled `progan` plugin against PyTorch in float64: scripts/make-golden-progan. Among the
 * steps are those of a level that is stable, of one that is being faded in, from alpha 0 on, and the first ones of a
 * new level, for which Adam begins anew.
 *
 * Tolerances as in golden.h, for a learning rate of 1e-3. With beta1 = 0 Adam's first step at a level is the rate times
 * the gradient's sign. Some of the thousands of activations are within rounding of the kink of a leaky ReLU, where the
 * gradient jumps: hence the tolerance of moments.
 */
#include "golden.h"

static const char *const cases[] = {"growing", "fading", "stable", "one-group", "all-at-once", "smallest"};

START_TEST(steps_are_those_of_the_paper)
{
    golden g;
    golden_tolerance tolerance = {.metric = 1e-4, .weight = 4e-5, .mean_weight = 2e-6, .state = 2e-3};
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
    Suite *s = suite_create("golden steps of progan");
    TCase *t = tcase_create("steps");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, steps_are_those_of_the_paper, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, a_step_without_memory_changes_nothing, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
