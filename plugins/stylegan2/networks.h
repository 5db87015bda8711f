/*
 * networks.h - StyleGAN2's generator and discriminator, each in three architectures (Karras et al. 2020, figure 7).
 *
 *     skip      G: images of all resolutions, each from its features, are enlarged and added up; D: features of the
 *               image, reduced, are added at each resolution
 *     residual  blocks of two convolutions with a 1x1 convolution around them, the sum divided by sqrt(2)
 *     plain     neither
 *
 * Features have min(fmap_base / resolution, fmap_max) channels. Every enlargement and reduction is filtered with [1, 3,
 * 3, 1], every weight has an equalized learning rate, every LeakyReLU (0.2) a gain of sqrt(2).
 */
#ifndef STYLEGAN2_NETWORKS_H
#define STYLEGAN2_NETWORKS_H

#include <gan/gan.h>

#define STYLEGAN2_BLOCKS 9 /* resolutions from 4 to 1024 */

typedef enum stylegan2_architecture {
    STYLEGAN2_SKIP = 0,
    STYLEGAN2_RESIDUAL = 1,
    STYLEGAN2_PLAIN = 2
} stylegan2_architecture;

typedef struct stylegan2_size {
    int64_t resolution; /* a power of two from 8 to 1024 */
    int64_t channels;   /* of images */
    int64_t fmap_base, fmap_max;
    int64_t classes; /* 0: not conditional */
} stylegan2_size;

/* The layers of one resolution of the generator; NULL where the architecture has none. */
typedef struct stylegan2_block {
    gan_layer *up, *conv, *rgb, *skip;
} stylegan2_block;

typedef struct stylegan2_generator {
    gan_layer *network; /* z to images: the children "mapping" and "synthesis" */
    gan_layer *mapping, *synthesis;
    stylegan2_architecture architecture;
    gan_style_noise noise; /* of the next synthesis */
    int64_t layers;        /* that take a style, 2 log2(resolution) - 2 */
    int n_blocks;
    stylegan2_block block[STYLEGAN2_BLOCKS]; /* from 4x4 on */
    gan_tensor *constant;
    gan_fir up;
} stylegan2_generator;

typedef struct stylegan2_discriminator {
    gan_layer *network; /* images to scores [N, 1] */
    stylegan2_architecture architecture;
    int stddev_group; /* 0: no minibatch standard deviation */
    gan_fir blur, down;
    int n_blocks;                        /* of the skip architecture, from the image down to 4x4 */
    gan_layer *path[STYLEGAN2_BLOCKS];   /* two convolutions */
    gan_layer *rgb[STYLEGAN2_BLOCKS];    /* features of an image */
    gan_layer *class_vector, *class_map; /* of a conditional one */
} stylegan2_discriminator;

/* Each is filled in and lives as long as its network. `noise`: layers have noise at all. */
void stylegan2_generator_make(stylegan2_generator *g, gan_context *ctx, const stylegan2_size *size,
                              stylegan2_architecture architecture, const gan_mapping_args *mapping, bool noise);
/* `stddev_group` is set before. */
void stylegan2_discriminator_make(stylegan2_discriminator *d, gan_context *ctx, const stylegan2_size *size,
                                  stylegan2_architecture architecture);

/* w [N, layers, width] to images. */
gan_tensor *stylegan2_synthesize(stylegan2_generator *g, gan_tensor *w, gan_style_noise noise);

#endif
