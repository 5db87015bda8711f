/* The chapter's training loop with the third term of its algorithm, dropout's masks included; its discriminator of two
 * stages; conditional batch norm with its running statistics, and a projection discriminator. */
#include "golden.h"

const golden_tolerance golden_within = {.metric = 2e-6, .weight = 2e-6, .mean_weight = 1e-7, .state = 1e-5};

const int golden_seconds = 60;

const golden_case golden_cases[] = {
    {.name = "joint", .memory = true},     {.name = "joint-2", .memory = true}, {.name = "no-mismatch", .memory = true},
    {.name = "two_stage", .memory = true}, {.name = "conv", .memory = true},    {0},
};
