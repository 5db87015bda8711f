/*
 * WGAN-GP and W-GAN, step by step: the compiled `wgan_gp` plugin against PyTorch in float64:
 * scripts/make-golden-wgan_gp.
 *
 * Tolerances as in golden.h, for a learning rate of 1e-4 (2e-4 of the residual networks) and at most three steps. The
 * penalty's derivative goes through the network four times, and RMSprop's first steps are ten times its lr of 5e-5.
 */
#include "golden.h"

const golden_tolerance golden_within = {.weight = 4e-6, .mean_weight = 1e-7, .state = 1e-4};

const int golden_seconds = 60;

const golden_case golden_cases[] = {
    {.name = "mlp-penalty", .metric = 1e-5, .memory = true},
    {.name = "mlp-clip", .metric = 1e-5},
    {.name = "dcgan-penalty", .metric = 2e-5},
    {.name = "dcgan-one-sided", .metric = 2e-5},
    {.name = "dcgan-layer-norm", .metric = 1e-5},
    {.name = "dcgan-clip", .metric = 1e-5},
    {.name = "resnet-penalty", .metric = 5e-5},
    {0},
};
