/*
 * ProGAN, step by step: the compiled `progan` plugin against PyTorch in float64: scripts/make-golden-progan. Among the
 * steps are those of a level that is stable, of one that is being faded in, from alpha 0 on, and the first ones of a
 * new level, for which Adam begins anew.
 *
 * Tolerances as in golden.h, for a learning rate of 1e-3. With beta1 = 0 Adam's first step at a level is the rate times
 * the gradient's sign. Some of the thousands of activations are within rounding of the kink of a leaky ReLU, where the
 * gradient jumps: hence the tolerance of moments.
 */
#include "golden.h"

const golden_tolerance golden_within = {.metric = 1e-4, .weight = 4e-5, .mean_weight = 2e-6, .state = 2e-3};

const int golden_seconds = 120;

const golden_case golden_cases[] = {
    {.name = "growing"},
    {.name = "fading"},
    {.name = "stable"},
    {.name = "one-group"},
    {.name = "all-at-once"},
    {.name = "smallest", .memory = true},
    {0},
};
