/*
 * StyleGAN2, step by step: the compiled `stylegan2` plugin against PyTorch in float64: scripts/make-golden-stylegan2.
 *
 * Tolerances as in golden.h, for a learning rate of 2e-3 and at most three whole steps, each of up to two steps of G's
 * optimizer and six of D's. The regularizations' derivatives go through each network four times. R1's with respect to a
 * bias in front of minibatch standard deviation is 0, since deviations do not change when all values do, but not
 * exactly.
 */
#include "golden.h"

static const char *const cases[] = {"skip-residual",       "residual-skip",     "plain-plain", "every-step",
                                    "batch-below-a-group", "no-regularization", "conditional", "augmented",
                                    "augmented-adaptive",  "augmented-geometry"};

START_TEST(steps_are_those_of_the_paper)
{
    golden g;
    golden_tolerance tolerance = {.metric = 1e-4, .weight = 8e-5, .mean_weight = 1e-6, .state = 1e-3, .floor = 1e-7};
    golden_open(&g, cases[_i]);
    golden_run(&g, &tolerance);
    golden_close(&g);
}
END_TEST

START_TEST(a_step_without_memory_changes_nothing)
{
    golden g;
    golden_open(&g, "no-regularization");
    golden_steps_without_memory(&g, _i == 1);
    golden_close(&g);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("golden steps of stylegan2");
    TCase *t = tcase_create("steps");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, steps_are_those_of_the_paper, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, a_step_without_memory_changes_nothing, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
