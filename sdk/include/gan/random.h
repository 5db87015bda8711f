/*
 * random.h - counter-based random numbers.
 *
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011), keyed by the
 * context's seed. Element i of a draw depends only on the seed, the stream, the counter at which the draw began,
 * and i: the numbers are the same on any number of threads and on every device. The whole state is one counter.
 */
#ifndef GAN_RANDOM_H
#define GAN_RANDOM_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* f32 tensors in the current scope: uniform in [low, high), or normal. Never recorded. */
GAN_API gan_tensor *gan_rand(gan_context *ctx, gan_shape shape, float low, float high);
GAN_API gan_tensor *gan_randn(gan_context *ctx, gan_shape shape);
/* I32, uniform in [0, high); high from 1 to 2^24. */
GAN_API gan_tensor *gan_randint(gan_context *ctx, gan_shape shape, int32_t high);
/* For each of values (I32, in [0, high)) another value, uniform in [0, high) without it: (value + 1 + r) mod high with
 * r from gan_randint(high - 1). high from 2 to 2^23. For wrong labels. */
GAN_API gan_tensor *gan_randint_other(gan_tensor *values, int32_t high);

/* Standard normal rows [n, width]: row i is drawn from seeds[i] alone, whatever the context's seed and state. The
 * latents behind `ganhost sample --seeds`. */
GAN_API gan_tensor *gan_randn_of_seeds(gan_context *ctx, const uint64_t *seeds, int64_t n, int64_t width);

typedef struct gan_random_state {
    uint64_t seed;
    uint64_t counter; /* blocks of four numbers drawn so far */
} gan_random_state;

GAN_API gan_random_state gan_random_get(const gan_context *ctx);
GAN_API void gan_random_set(gan_context *ctx, gan_random_state state);

/* One Philox block on the host: four words from (key, counter). For shuffling, drawing and tests. */
GAN_API void gan_philox(uint64_t key, uint64_t stream, uint64_t counter, uint32_t out[4]);

#ifdef __cplusplus
}
#endif
#endif
