/*
 * SN-GAN, step by step: the compiled `sngan` plugin against PyTorch in float64: scripts/make-golden-sngan. u and v of
 * every weight are compared too, as state.
 *
 * Tolerances as in golden.h, for a learning rate of 2e-4 and at most three steps.
 */
#include "golden.h"

const golden_tolerance golden_within = {.weight = 4e-6, .mean_weight = 1e-7, .state = 1e-4};

const int golden_seconds = 60;

const golden_case golden_cases[] = {
    {.name = "resnet-hinge", .metric = 5e-5},
    {.name = "resnet-conditional", .metric = 1e-4},
    {.name = "resnet-64", .metric = 1e-4},
    {.name = "dcgan-nonsaturating", .metric = 1e-5},
    {.name = "dcgan-conditional", .metric = 1e-5, .memory = true},
    {0},
};
