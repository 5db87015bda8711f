/*
 * golden.h - training steps of a compiled plugin against PyTorch in float64.
 *
 * A case is a file tests/golden/<plugin>/<case>.safetensors, written by scripts/make-golden-<plugin> and described in
 * scripts/golden_steps.py. The plugin is built with the file's options for data of the file's shape, gets the file's
 * initial weights, draws the script's random numbers from the same seeds, and is then compared after every step: the
 * metrics, and every tensor and number that a checkpoint would hold, none missing on either side.
 *
 *     golden g;
 *     golden_open(&g, "small-minimax");
 *     golden_run(&g, &tolerance);
 *     golden_close(&g);
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "../support.h"

typedef struct golden {
    const char *name;
    gan_file *file;
    gan_context *ctx;
    const gan_plugin *plugin;
    gan_options *options;
    gan_model *model;
    gan_metrics *metrics;
    gan_data_info data;
    int64_t batch;
    int64_t batch_side;                    /* of its images: the data's, unless a network has to grow to it */
    double kimg;                           /* of the batch */
    uint64_t image_counter, label_counter; /* of the draws that make batches */
} golden;

/* How far f32 may be from float64. A metric is a mean of terms near 1 after a few hundred roundings each. A weight
 * moves by about lr in each step of Adam, in the direction m / sqrt(v), whose relative error is that of the gradient:
 * large only where the gradient nearly cancels. So `weight`, for any one of them, is some hundredths of lr (a wrong
 * sign, moment or bias correction is a whole lr), and `mean_weight`, over all of them, near the rounding of the weights
 * themselves. Moments, running statistics and other state are compared relative to the largest element of their
 * tensor; `floor`, usually 0, is what they may differ by where a derivative is 0 but for rounding. */
typedef struct golden_tolerance {
    double metric, weight, mean_weight, state, floor;
} golden_tolerance;

/* Open a case of the plugin TEST_PLUGIN_NAME in the file TEST_PLUGIN. A scope is open until golden_close. */
void golden_open(golden *g, const char *name);
void golden_close(golden *g);

/* All steps of the file, and its samples. */
void golden_run(golden *g, const golden_tolerance *tolerance);

/* The next batch of images and labels. */
gan_batch golden_batch(golden *g);

/* Steps of the generator, or of the discriminator, of the case's model in which one allocation after the other fails:
 * each says so and leaves parameters and optimizers as they were, unless it failed after the update (while reporting
 * metrics), or does without and is good; and no memory is lost. */
void golden_steps_without_memory(golden *g, bool generator);

#endif
