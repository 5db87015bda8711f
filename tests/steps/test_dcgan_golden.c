/* The chapter's training loop with two batches and the kept fake one, batch norm's running statistics included. */
#include "golden.h"

const golden_tolerance golden_within = {.metric = 2e-6, .weight = 2e-6, .mean_weight = 1e-7, .state = 1e-5};

const int golden_seconds = 60;

const golden_case golden_cases[] = {
    {.name = "grey8", .memory = true},
    {.name = "colour16"},
    {.name = "colour16-2"},
    {0},
};
