/*
 * SN-GAN, step by step: the compiled `sngan` plugin against PyTorch in float64: scripts/make-golden-sngan. u and v of
 * every weight are compared too, as state.
 *
 * Tolerances as in golden.h, for a learning rate of 2e-4 and at most three steps.
 */
#include "golden.h"

static const struct {
    const char *name;
    double metric;
} cases[] = {{"resnet-hinge", 5e-05},
             {"resnet-conditional", 0.0001},
             {"resnet-64", 0.0001},
             {"dcgan-nonsaturating", 1e-05},
             {"dcgan-conditional", 1e-05}};

START_TEST(steps_are_those_of_the_paper)
{
    golden g;
    golden_tolerance tolerance = {.metric = cases[_i].metric, .weight = 4e-6, .mean_weight = 1e-7, .state = 1e-4};
    golden_open(&g, cases[_i].name);
    golden_run(&g, &tolerance);
    golden_close(&g);
}
END_TEST

START_TEST(a_step_without_memory_changes_nothing)
{
    golden g;
    golden_open(&g, "dcgan-conditional");
    golden_steps_without_memory(&g, _i == 1);
    golden_close(&g);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("golden steps of sngan");
    TCase *t = tcase_create("steps");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, steps_are_those_of_the_paper, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, a_step_without_memory_changes_nothing, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
