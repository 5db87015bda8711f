/*
 * CycleGAN, step by step: the compiled `cyclegan` plugin against PyTorch in float64: scripts/make-golden-cyclegan. Both
 * discriminators' steps and the generators' with all terms; pools that exchange images; maps of scores and their means.
 */
#include "golden.h"

const golden_tolerance golden_within = {.metric = 1e-5, .weight = 2e-6, .mean_weight = 1e-7, .state = 1e-4};

const int golden_seconds = 400;

const golden_case golden_cases[] = {
    {.name = "map"},        {.name = "mean"},
    {.name = "affine"},     {.name = "no-identity", .memory = true},
    {.name = "two-blocks"}, {0},
};
