/*
 * kernel_clock.h - the time inside a backend's kernels, and the rest of a step.
 *
 * Puts a table of its own between the operators and the backend, that reads the clock around every call. Needs the
 * layout of the SDK's internal structures (sdk/src), and a backend whose kernels have finished when they return, as the
 * CPU's have.
 */
#ifndef GAN_BENCH_KERNEL_CLOCK_H
#define GAN_BENCH_KERNEL_CLOCK_H

#include <gan/context.h>

/* Until the device has done all that was enqueued. */
gan_status bench_wait(gan_context *ctx);

void bench_clock_start(gan_context *ctx);
void bench_clock_stop(gan_context *ctx);
/* Since the start: time inside kernels; multiplications and additions of convolutions and matrix products. */
double bench_clock_seconds(void);
double bench_clock_flops(void);
/* A table of kernels by shape, the slowest first, on standard error: milliseconds and calls in each of `steps`, and the
 * fastest single call. */
void bench_clock_report(size_t steps);

#endif
