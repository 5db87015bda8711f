/*
 * networks.h - CycleGAN's networks (Zhu et al. 2017, section 7.2): residual generators that translate images (Johnson
 * et al. 2016), and discriminators of overlapping patches.
 */
#ifndef CYCLEGAN_NETWORKS_H
#define CYCLEGAN_NETWORKS_H

#include <gan/gan.h>

typedef struct cyclegan_network {
    int64_t channels; /* of images */
    int64_t width;    /* of the layer nearest the image */
    int64_t blocks;   /* residual blocks of a generator */
    bool affine;      /* instance norm with a scale and a shift for each channel */
    bool normal;      /* weights from N(0, 0.02) and biases 0; otherwise PyTorch's initial values */
} cyclegan_network;

/* Sides of the images that a generator takes: multiples of this, and at least that. */
#define CYCLEGAN_MULTIPLE 4
#define CYCLEGAN_LEAST    8

/* Images [N, H, W, channels] to images of the same shape in (-1, 1). The caller owns it. */
gan_layer *cyclegan_generator(gan_context *ctx, const cyclegan_network *n);
/* Images [N, H, W, channels] to scores [N, H / 8 - 2, W / 8 - 2, 1] (of whole numbers), one for each patch of 70x70
 * pixels. The caller owns it. */
gan_layer *cyclegan_discriminator(gan_context *ctx, const cyclegan_network *n);

/* GAN_ERROR_UNSUPPORTED with a sentence that says which sizes both networks can be trained on, or GAN_OK; recorded in
 * ctx. */
gan_status cyclegan_check(gan_context *ctx, int64_t height, int64_t width);

#endif
