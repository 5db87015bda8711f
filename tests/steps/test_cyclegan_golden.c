/*
 * CycleGAN, step by step: the compiled `cyclegan` plugin against PyTorch in float64: scripts/make-golden-cyclegan. Both
 * discriminators' steps and the generators' with all terms; pools that exchange images; maps of scores and their means.
 */
#include "golden.h"

static const char *const cases[] = {"map", "mean", "affine", "no-identity", "two-blocks"};

static const golden_tolerance tolerance = {.metric = 1e-5, .weight = 2e-6, .mean_weight = 1e-7, .state = 1e-4};

START_TEST(steps_are_those_of_the_paper)
{
    golden g;
    golden_open(&g, cases[_i]);
    golden_run(&g, &tolerance);
    golden_close(&g);
}
END_TEST

START_TEST(a_step_without_memory_changes_nothing)
{
    golden g;
    golden_open(&g, "no-identity");
    golden_steps_without_memory(&g, _i == 1);
    golden_close(&g);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("golden steps of cyclegan");
    TCase *t = tcase_create("steps"), *memory = tcase_create("memory");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, steps_are_those_of_the_paper, 0, sizeof cases / sizeof *cases);
    tcase_set_timeout(memory, 400);
    tcase_add_loop_test(memory, a_step_without_memory_changes_nothing, 0, 2);
    suite_add_tcase(s, t);
    suite_add_tcase(s, memory);
    return s;
}

int main(void)
{
    return test_main(suite());
}
