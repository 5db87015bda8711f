/*
 * augment.h - adaptive discriminator augmentation (Karras et al. 2020, "Training generative adversarial networks with
 * limited data").
 *
 * The discriminator only ever sees augmented images, real and generated; each transformation is done to an image with
 * probability p, which grows while the discriminator tells its training images apart too well: while the mean of
 * sign(D(real)) is above the target. p is on the device and no step waits for it.
 *
 * Transformations, their order and their strengths are the paper's. All that move pixels become one matrix, and an
 * image is sampled once, bilinearly, at its own resolution, with its borders reflected; the paper's filters around
 * that, which enlarge the image to twice its size for sampling, are left out: with them p = 0 would cost as much as p =
 * 1, and an image that nothing happens to would not stay exactly what it is.
 */
#ifndef GAN_AUGMENT_H
#define GAN_AUGMENT_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gan_augment gan_augment;

typedef struct gan_augment_args {
    bool flip;      /* left and right */
    bool rotate;    /* by multiples of 90 degrees */
    bool translate; /* by whole pixels, up to 1/8 of the side */
    bool geometry;  /* scaling of both axes together and of each, any rotation, translation by fractions of a pixel */
    bool colour;    /* brightness, contrast, luma flip, hue, saturation; the first two and the flip on grey images */
    double target;  /* of the mean of sign(D(real)), 0.6 */
    double kimg;    /* thousands of images in which p can go from 0 to 1, 500 */
    double p;       /* where it starts; with kimg 0 it stays */
} gan_augment_args;

/* Registered with the model under `name`: p and what is counted are in its checkpoints. NULL when memory is short or a
 * setting is out of range; the error is in the model's context, and every function takes such a NULL. */
GAN_API gan_augment *gan_augment_create(gan_model *model, const char *name, const gan_augment_args *args);
GAN_API void gan_augment_destroy(gan_augment *augment); /* before the model is freed */
/* Images [N, H, W, C] (1 or 3 channels) transformed, each by random numbers of its own; can be differentiated with
 * respect to them, to any order. */
GAN_API gan_tensor *gan_augmented(gan_augment *augment, gan_tensor *images);
/* Count the signs of the scores of real images, once in each discriminator step. */
GAN_API void gan_augment_observe(gan_augment *augment, gan_tensor *real_scores);
/* Move p by what has been counted since the last time, `images` images: called in every fourth step in the paper. */
GAN_API void gan_augment_adjust(gan_augment *augment, double images);
/* p, a scalar on the device, and the mean sign at the last adjustment, for metrics. NULL for a NULL augmentation. */
GAN_API gan_tensor *gan_augment_p(gan_augment *augment);
GAN_API gan_tensor *gan_augment_sign(gan_augment *augment);

#ifdef __cplusplus
}
#endif
#endif
