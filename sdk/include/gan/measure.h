/*
 * measure.h - how far generated images are from real ones. Nothing here needs a context, or a network that was trained
 * on other images.
 *
 * Sliced Wasserstein distance (Karras et al. 2018, section 5; Rabin et al. 2011). Each image becomes a Laplacian
 * pyramid down to 16x16, filtered by the binomial kernel [1, 4, 6, 4, 1] / 16 in both directions and reflected at its
 * borders. On each level 128 patches of 7x7 are cut out at random places, and their values standardized per channel
 * over the set. What is measured is the mean, over 4 x 128 random directions, of the Wasserstein-1 distance between the
 * two sets' projections: the mean absolute difference once both are sorted. The finest level compares the smallest
 * structures, 16x16 the large ones.
 */
#ifndef GAN_MEASURE_H
#define GAN_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GAN_SWD_LEVELS_MAX 9 /* 16x16 to 4096x4096 */
#define GAN_SWD_IMAGES_MAX 1048576

/* A set of images: their patches, as 16-bit numbers of 1/64 grey level, which take 12.25 KiB per image, level and
 * channel. A comparison takes 16 KiB per image in addition. */
typedef struct gan_swd gan_swd;

typedef struct gan_swd_options {
    uint32_t struct_size;
    int64_t resolution; /* of the square images: a power of two, 16 to 4096 */
    int64_t channels;   /* 1 or 3 */
    int64_t count;      /* images that there will be; published results are those of 16384 */
    uint64_t seed;      /* of places and directions: image i of every set is cut at the same places */
    int threads;        /* 0: as many as there are cores; results do not depend on it */
} gan_swd_options;

typedef struct gan_swd_result {
    int levels;
    int64_t resolution[GAN_SWD_LEVELS_MAX]; /* finest first */
    double distance[GAN_SWD_LEVELS_MAX];    /* times 1000, as results are published */
    double mean;                            /* of these */
} gan_swd_result;

/* Errors: GAN_ERROR_ARGUMENT with what was expected, GAN_ERROR_MEMORY. */
GAN_API gan_status gan_swd_create(const gan_swd_options *options, gan_swd **out, gan_message *message);
GAN_API void gan_swd_destroy(gan_swd *set);
/* The next n images of the set, [n, H, W, C] bytes, which are not needed afterwards. */
GAN_API gan_status gan_swd_add(gan_swd *set, const uint8_t *images, int64_t n, gan_message *message);
/* The distance between two sets that were made with the same options, and have all their images. */
GAN_API gan_status gan_swd_compare(const gan_swd *a, const gan_swd *b, gan_swd_result *out, gan_message *message);

#ifdef __cplusplus
}
#endif
#endif
