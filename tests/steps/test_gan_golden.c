/* The chapter's training loop, step by step. */
#include "golden.h"

const golden_tolerance golden_within = {.metric = 2e-6, .weight = 2e-6, .mean_weight = 1e-7, .state = 1e-5};

const int golden_seconds = 60;

const golden_case golden_cases[] = {
    {.name = "small-nonsaturating", .memory = true},
    {.name = "small-minimax"},
    {.name = "small-nonsaturating-2"},
    {.name = "small-minimax-2"},
    {.name = "chapter-nonsaturating"},
    {.name = "chapter-minimax-2"},
    {0},
};
