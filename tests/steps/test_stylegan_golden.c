/*
 * StyleGAN, step by step: the compiled `stylegan` plugin against PyTorch in float64: scripts/make-golden-stylegan.
 *
 * Tolerances as in golden.h, for a learning rate of 1e-3 and at most four steps. Weights of the mapping are a hundred
 * times as large as others and their rounding with them.
 */
#include "golden.h"

const golden_tolerance golden_within = {.metric = 2e-5, .weight = 5e-5, .mean_weight = 5e-7, .state = 2e-4};

const int golden_seconds = 180;

const golden_case golden_cases[] = {
    {.name = "growing"},      {.name = "fading"},
    {.name = "fading-twice"}, {.name = "stable"},
    {.name = "all-at-once"},  {.name = "smallest", .memory = true},
    {.name = "plain"},        {0},
};
