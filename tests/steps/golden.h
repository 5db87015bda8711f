/*
 * golden.h - training steps of a compiled plugin against PyTorch in float64.
 *
 * A case is a file tests/golden/<plugin>/<case>.safetensors, written by scripts/make-golden-<plugin> and described in
 * scripts/golden_steps.py. The plugin is built with the file's options for data of the file's shape, gets the file's
 * initial weights, draws the script's random numbers from the same seeds, and is then compared after every step: the
 * metrics, and every tensor and number that a checkpoint would hold, none missing on either side.
 * test_<plugin>_golden.c is the list of a plugin's cases; golden.c has the rest, main too.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "../support.h"

/* How far f32 may be from float64. A metric is a mean of terms near 1 after a few hundred roundings each. A weight
 * moves by about lr in each step of Adam, in the direction m / sqrt(v), whose relative error is that of the gradient:
 * large only where the gradient nearly cancels. So `weight`, for any one of them, is some hundredths of lr (a wrong
 * sign, moment or bias correction is a whole lr), and `mean_weight`, over all of them, near the rounding of the weights
 * themselves. Moments, running statistics and other state are compared relative to the largest element of their
 * tensor; `floor`, usually 0, is what they may differ by where a derivative is 0 but for rounding. */
typedef struct golden_tolerance {
    double metric, weight, mean_weight, state, floor;
} golden_tolerance;

typedef struct golden_case {
    const char *name;
    double metric; /* 0: that of golden_within */
    bool memory;   /* steps without memory are tried too */
} golden_case;

/* What a plugin's list says: the plugin is TEST_PLUGIN_NAME, in the file TEST_PLUGIN. */
extern const golden_tolerance golden_within;
extern const golden_case golden_cases[]; /* the last has no name */
extern const int golden_seconds;         /* that a case may take, times CK_TIMEOUT_MULTIPLIER */

#endif
