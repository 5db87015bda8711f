/*
 * WGAN-GP and W-GAN, step by step: the compiled `wgan_gp` plugin against PyTorch in float64:
 * scripts/make-golden-wgan_gp.
 *
 * Tolerances as in golden.h, for a learning rate of 1e-4 (2e-4 of the residual networks) and at most three steps. The
 * penalty's derivative goes through the network four times, and RMSprop's first steps are ten times its lr of 5e-5.
 */
#include "golden.h"

static const struct {
    const char *name;
    double metric;
} cases[] = {{"mlp-penalty", 1e-05},      {"mlp-clip", 1e-05},   {"dcgan-penalty", 2e-05}, {"dcgan-one-sided", 2e-05},
             {"dcgan-layer-norm", 1e-05}, {"dcgan-clip", 1e-05}, {"resnet-penalty", 5e-05}};

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
    golden_open(&g, "mlp-penalty");
    golden_steps_without_memory(&g, _i == 1);
    golden_close(&g);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("golden steps of wgan_gp");
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
