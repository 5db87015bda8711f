/*
 * StyleGAN2, step by step: the compiled `stylegan2` plugin against PyTorch in float64: scripts/make-golden-stylegan2.
 *
 * Tolerances as in golden.h, for a learning rate of 2e-3 and at most three whole steps, each of up to two steps of G's
 * optimizer and six of D's. The regularizations' derivatives go through each network four times. R1's with respect to a
 * bias in front of minibatch standard deviation is 0, since deviations do not change when all values do, but not
 * exactly.
 */
#include "golden.h"

const golden_tolerance golden_within = {
    .metric = 1e-4, .weight = 8e-5, .mean_weight = 1e-6, .state = 1e-3, .floor = 1e-7};

const int golden_seconds = 300;

const golden_case golden_cases[] = {
    {.name = "skip-residual"},
    {.name = "residual-skip"},
    {.name = "plain-plain"},
    {.name = "every-step"},
    {.name = "batch-below-a-group"},
    {.name = "no-regularization", .memory = true},
    {.name = "conditional"},
    {.name = "augmented"},
    {.name = "augmented-adaptive"},
    {.name = "augmented-geometry"},
    {0},
};
