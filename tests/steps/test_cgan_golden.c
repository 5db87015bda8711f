/* The chapter's training loop with the third term of its algorithm, dropout's masks included; its discriminator of two
 * stages; conditional batch norm with its running statistics, and a projection discriminator. */
#include "golden.h"

static const golden_tolerance tolerance = {.metric = 2e-6, .weight = 2e-6, .mean_weight = 1e-7, .state = 1e-5};

static const char *const cases[] = {"joint", "joint-2", "no-mismatch", "two_stage", "conv"};

START_TEST(steps_are_those_of_pytorch)
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
    golden_open(&g, cases[_i / 2]);
    golden_steps_without_memory(&g, _i % 2 == 1);
    golden_close(&g);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("golden steps of cgan");
    TCase *t = tcase_create("steps");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, steps_are_those_of_pytorch, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, a_step_without_memory_changes_nothing, 0, 2 * (sizeof cases / sizeof *cases));
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
