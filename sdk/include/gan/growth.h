/*
 * growth.h - progressive growing (Karras et al. 2018): when a network of several resolutions has which of them.
 *
 * Training begins at the resolution `first`, which is stable for stable_kimg; each next one is faded in over fade_kimg
 * and then stable for stable_kimg, the last one to the end of the run. The stage is a function of the images shown, so
 * a resumed run needs no state for it.
 */
#ifndef GAN_GROWTH_H
#define GAN_GROWTH_H

#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gan_growth {
    int64_t first, last;           /* resolutions, powers of two; first == last does not grow */
    double stable_kimg, fade_kimg; /* thousands of images */
} gan_growth;

typedef struct gan_stage {
    int64_t resolution;
    int level;    /* 0 at `first`, 1 at twice that, ... */
    double alpha; /* share of the newest level: from 0 to 1 while it is faded in, then 1 */
} gan_stage;

GAN_API gan_stage gan_growth_at(const gan_growth *growth, double kimg);
/* Thousands of images after which the last resolution is stable. */
GAN_API double gan_growth_kimg(const gan_growth *growth);

/* new_images alpha + old_images (1 - alpha), alpha being a scalar tensor (gan_number): what both networks do with two
 * levels. */
GAN_API gan_tensor *gan_fade(gan_tensor *old_images, gan_tensor *new_images, gan_tensor *alpha);
/* Real images of a level that is being faded in: their reduced form, enlarged again (2x2 means, repeated), gives way to
 * them as alpha grows. */
GAN_API gan_tensor *gan_fade_reals(gan_tensor *images, gan_tensor *alpha);

#ifdef __cplusplus
}
#endif
#endif
