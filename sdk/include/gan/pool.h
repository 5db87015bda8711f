/*
 * pool.h - a history of generated images, from which a discriminator is shown older ones too (Shrivastava et al.,
 * "Learning from Simulated and Unsupervised Images through Adversarial Training", 2017, section 2.3), as CycleGAN uses
 * it.
 */
#ifndef GAN_POOL_H
#define GAN_POOL_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gan_pool gan_pool;

/* A pool of at most `size` images [height, width, channels], empty at first, for batches of at most `batch`. Its images
 * and counters become part of the model's saved state under `name` ("fakes_a"); what it draws depends on the context's
 * seed, that name, and how many images it was given before. A pool of size 0 gives every image back. NULL when memory
 * is short or an argument is out of range; the error is in the context, and every function takes such a NULL and does
 * nothing. The pool is ended before the model is. */
GAN_API gan_pool *gan_pool_create(gan_model *model, const char *name, int64_t size, int64_t batch, int64_t height,
                                  int64_t width, int64_t channels);
GAN_API void gan_pool_destroy(gan_pool *pool);

/* Decide what becomes of the next n images: called once before every gan_pool_exchange, by `prepare` (graph.h), so that
 * a recorded step exchanges others at each replay. One image after another: while the pool is not full it is stored and
 * given back; afterwards it is given back with probability 1/2, or else takes the place of one of the pool, chosen
 * evenly, which is given instead. */
GAN_API void gan_pool_draw(gan_pool *pool, int64_t n);
/* images [n, height, width, channels] to the n images that the discriminator is shown, with no gradient. */
GAN_API gan_tensor *gan_pool_exchange(gan_pool *pool, gan_tensor *images);

#ifdef __cplusplus
}
#endif
#endif
