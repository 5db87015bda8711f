/*
 * program.h - a training step as a benchmark: runs it, times it, and prints one JSON line.
 *
 * A program gives its networks' step; bench_program_main does the rest. The fields of the line are described in
 * bench/README.md. Built with GAN_BENCH_KERNEL_CLOCK, a program also measures the time inside the backend's kernels
 * (kernel_clock.h).
 */
#ifndef GAN_BENCH_PROGRAM_H
#define GAN_BENCH_PROGRAM_H

#include <gan/gan.h>

typedef struct bench_program {
    const char *name;
    int images;   /* real images that one step is shown */
    double flops; /* of the convolutions and matrix products that one step needs, and no others */
    /* Make networks, optimizers and real images; NULL only when out of memory, other errors stay in the context. */
    void *(*create)(gan_context *ctx);
    gan_status (*step)(void *model, gan_metrics *losses);
    void (*destroy)(void *model);
} bench_program;

/* `programs` are the parts that --part chooses from; the first is the default. */
int bench_program_main(int argc, char **argv, const bench_program *programs, int n);

/* Kept images [n, size, size, channels] in [-1, 1]: waves of a random frequency, direction and phase each. Real
 * enough that losses move, and made without a data set. */
gan_tensor *bench_images(gan_context *ctx, int64_t n, int64_t size, int64_t channels);

/* FLOPs (multiplications and additions) of one pass of a convolution or a linear layer: forward, data gradient and
 * weight gradient take the same. `rows` is the number of output positions, `taps` the inputs that each one reads.
 * For a transposed convolution: the input positions, and kernel area times output channels. */
static inline double bench_flops(double rows, double taps, double channels)
{
    return 2 * rows * taps * channels;
}

#endif
