/*
 * networks.h - StyleGAN's generator (Karras et al. 2019, figure 1b): mapping and synthesis. Its discriminator is
 * gan_growing_discriminator.
 */
#ifndef STYLEGAN_NETWORKS_H
#define STYLEGAN_NETWORKS_H

#include <gan/gan.h>

/* The layers at one resolution. */
typedef struct stylegan_block {
    gan_layer *up; /* enlarging convolution, then the blur; NULL at 4x4, which begins with the constant */
    gan_layer *conv, *epilogue[2];
    gan_layer *to_rgb; /* NULL below the first resolution of the run */
} stylegan_block;

typedef struct stylegan_generator {
    gan_layer *network; /* z to images: the children "mapping" and "synthesis" */
    gan_layer *mapping, *synthesis;
    int64_t resolution;                      /* the last */
    int64_t layers;                          /* that take a style: two at each resolution from 4x4 on */
    stylegan_block block[GAN_GROWTH_LEVELS]; /* 4x4, 8x8, ... */
    gan_tensor *constant;
    /* of the next synthesis: side of the images; how far it has been faded in (NULL: entirely) */
    int64_t side;
    gan_tensor *alpha;
    gan_style_noise noise;
} stylegan_generator;

/* Filled in; lives as long as its network, which is the caller's. `sizes` are the discriminator's too. */
void stylegan_generator_make(stylegan_generator *g, gan_context *ctx, const gan_growing_args *sizes,
                             const gan_mapping_args *mapping);

int64_t stylegan_layers(int64_t resolution);

/* Images [N, side, side, channels], without bounds, from the styles w [N, L, width] of at least stylegan_layers(side)
 * layers. */
gan_tensor *stylegan_synthesize(stylegan_generator *g, gan_tensor *w, int64_t side, gan_tensor *alpha,
                                gan_style_noise noise);

#endif
