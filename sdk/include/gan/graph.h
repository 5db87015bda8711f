/*
 * graph.h - training steps, run as they are written or recorded once and replayed.
 *
 * A step on a GPU is hundreds of small kernels, which the host enqueues more slowly than a fast device computes them.
 * So a runner records a model's d_step and g_step into graphs (CUDA graphs) after a few iterations, and then replays
 * these: the plugin's function is not called again. What a replay computes is, bit for bit, what the function would
 * have computed, as long as
 *  - the step only enqueues work (operators, optimizers, metrics). One that reads a value or brings values from the
 *    host cannot be recorded: the runner notices, and runs the model's steps as they are from then on;
 *  - numbers of the host that differ from step to step come through gan_number. Random numbers, learning rates and the
 *    optimizers' own counters are taken care of;
 *  - steps that differ in what they compute (regularization in every 16th, a network that has grown) are told apart by
 *    `prepare`. The first of a kind is always run as it is;
 *  - if d_step leaves a tensor for g_step, it always does, and `prepare` tells no kinds of g_step apart.
 * On the CPU steps always run as they are.
 */
#ifndef GAN_GRAPH_H
#define GAN_GRAPH_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum gan_step_kind { GAN_STEP_DISCRIMINATOR = 0, GAN_STEP_GENERATOR = 1 } gan_step_kind;

typedef gan_status (*gan_step_function)(gan_model *model, const gan_batch *batch, gan_metrics *out);

/* Called before every step, replayed or not: brings the model's numbers up to date, and says by a number of its own
 * which kind of step comes next. */
typedef uint64_t (*gan_prepare_function)(gan_model *model, gan_step_kind kind, const gan_batch *batch);

typedef struct gan_runner_options {
    uint32_t struct_size; /* sizeof(gan_runner_options) */
    gan_step_function d_step, g_step;
    gan_prepare_function prepare; /* NULL: all steps of a kind are alike */
    bool no_graphs;               /* run every step as it is */
} gan_runner_options;

typedef struct gan_runner gan_runner;

/* NULL when memory is short; the error is in the model's context. Ended before the model is. */
GAN_API gan_runner *gan_runner_create(gan_model *model, const gan_runner_options *options);
GAN_API void gan_runner_destroy(gan_runner *runner);

/* One step. `last`: a discriminator step that a generator step follows (g_step's are always last). The batch's tensors
 * must be the same ones in every step for a recorded step to be of use (see gan_feed). What was reported is on its way
 * to `out` afterwards. Returns the context's status. */
GAN_API gan_status gan_runner_step(gan_runner *runner, gan_step_kind kind, bool last, const gan_batch *batch,
                                   gan_metrics *out);

/* Recorded steps that can be replayed, and why there are none ("" if they may still come): owned by the runner. */
GAN_API int gan_runner_graphs(const gan_runner *runner);
GAN_API const char *gan_runner_note(const gan_runner *runner);

/* A scalar f32 tensor of a number that the host changes between steps. In a recorded step it is read again at each
 * replay, so `number` must live as long as the model. */
GAN_API gan_tensor *gan_number(gan_context *ctx, const double *number);

/* ---- batches ---- */

/* Brings host batches to the device while it computes, always into the same tensors. */
typedef struct gan_feed gan_feed;

/* For data that looks like `info`. NULL when memory is short; the error is in ctx. */
GAN_API gan_feed *gan_feed_create(gan_context *ctx, const gan_data_info *info);
GAN_API void gan_feed_destroy(gan_feed *feed);
/* *out becomes a batch of what `host` holds, which is the caller's again afterwards. The tensors are the feed's and
 * hold these values until the next call. Returns the context's status. */
GAN_API gan_status gan_feed_batch(gan_feed *feed, const gan_host_batch *host, gan_batch *out);
/* The same of two domains, whose images look alike and come in the same number: images and images_b; labels are A's. */
GAN_API gan_status gan_feed_pair(gan_feed *feed, const gan_host_batch *a, const gan_host_batch *b, gan_batch *out);

#ifdef __cplusplus
}
#endif
#endif
