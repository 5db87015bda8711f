/*
 * program.h - training steps as a benchmark: runs them, times them, and prints one JSON line.
 *
 * A program gives its networks and one iteration of training as phases; bench_program_run does the rest. The fields of
 * the line are described in bench/README.md. On a CUDA device iterations are enqueued in blocks and only their end is
 * waited for; a phase's own time is that of a run which is waited for. On the CPU: after the times and the memory have
 * been taken, some more iterations run under a clock between operators and backend (kernel_clock.h), which counts FLOPs
 * and tells the time outside kernels.
 */
#ifndef GAN_BENCH_PROGRAM_H
#define GAN_BENCH_PROGRAM_H

#include <gan/gan.h>

#include "harness.h"

enum { BENCH_PHASES = 2 };

typedef struct bench_phase {
    const char *name; /* "d_step" */
    gan_status (*run)(void *model, gan_metrics *losses);
    int times; /* in each iteration */
} bench_phase;

typedef struct bench_program {
    const char *name;
    int images;          /* real images that one iteration is shown */
    const void *setting; /* for create */
    /* Make networks, optimizers and real images; NULL only when out of memory, other errors stay in the context. */
    void *(*create)(gan_context *ctx, const void *setting);
    void (*destroy)(void *model);
    int (*graphs)(const void *model); /* how many steps were recorded; may be NULL */
    bench_phase phases[BENCH_PHASES]; /* in order; one with no name is not there */
} bench_program;

/* Returns what main should. */
int bench_program_run(const bench_program *program, const bench_options *options);

/* Kept images [n, size, size, channels] in [-1, 1]: waves of a random frequency, direction and phase each. Real
 * enough that losses move, and made without a data set. */
gan_tensor *bench_images(gan_context *ctx, int64_t n, int64_t size, int64_t channels);

#endif
