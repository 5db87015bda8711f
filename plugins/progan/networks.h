/*
 * networks.h - ProGAN's generator (Karras et al. 2018, table 2). The discriminator, gan_growing_discriminator, is its
 * mirror image.
 */
#ifndef PROGAN_NETWORKS_H
#define PROGAN_NETWORKS_H

#include <gan/gan.h>

/* Every layer is there from the start; which of them are in use, generate says. */
typedef struct progan_generator {
    gan_layer *network;                                              /* by itself it makes the last resolution */
    gan_layer *block[GAN_GROWTH_LEVELS], *to_rgb[GAN_GROWTH_LEVELS]; /* at 4x4, 8x8, ... */
    int64_t resolution;                                              /* that is asked for */
    gan_tensor *alpha;
} progan_generator;

/* z [N, latent] to images [N, R, R, channels], not bounded. At each resolution R it has "<R>.block", two 3x3
 * convolutions of enlarged features, LeakyReLU 0.2 and pixel norm behind each, and, from the first resolution of the
 * run on, "<R>.to_rgb", a 1x1 convolution; "4.block" begins with a 4x4 convolution of the latent. `g` outlives the
 * network, which is the caller's. */
void progan_generator_make(progan_generator *g, gan_context *ctx, int64_t latent, const gan_growing_args *sizes);

/* Images of that resolution. alpha: of the level that is being faded in, whose images give way to those of the level
 * before as it falls; NULL: it is stable. */
gan_tensor *progan_generate(progan_generator *g, gan_tensor *z, int64_t resolution, gan_tensor *alpha);

#endif
