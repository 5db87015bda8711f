/*
 * networks.h - the families of networks that several variants are made of, from the layers of nn.h.
 *
 * Every function gives a network that the caller owns, never NULL (nn.h). Generators map latents z [N, latent] to
 * images [N, R, R, channels] in [-1, 1]; discriminators map images to one score each, [N, 1], with no sigmoid. Where
 * `classes` is not 0 a network is conditional and applied with gan_forward_given(network, x, labels): a generator's
 * batch norms have a scale and a shift for each class (de Vries et al. 2017), a discriminator adds the projection of
 * its last features on a vector of the class (Miyato & Koyama 2018).
 */
#ifndef GAN_NETWORKS_H
#define GAN_NETWORKS_H

#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* in - widths - out with `hidden` behind every layer but the last, and dropout of that probability behind it (0: no
 * dropout). */
GAN_API gan_layer *gan_mlp(gan_context *ctx, int64_t in, const int64_t *widths, int n, int64_t out,
                           gan_activation hidden, float dropout);
/* The same layers as the next children of a container. */
GAN_API void gan_nn_mlp(gan_layer *parent, int64_t in, const int64_t *widths, int n, int64_t out, gan_activation hidden,
                        float dropout);

typedef enum gan_norm {
    GAN_NORM_NONE = 0,
    GAN_NORM_BATCH = 1,
    GAN_NORM_LAYER = 2 /* of every sample by itself: for critics with a gradient penalty */
} gan_norm;

typedef struct gan_image_network {
    int64_t resolution; /* R: see each family */
    int64_t channels;   /* 1 or 3 */
    int64_t width;      /* channels of the layer nearest the image */
    int64_t latent;     /* of generators */
    int64_t classes;    /* 0: not conditional */
    gan_norm norm;      /* of discriminators; generators have batch norm */
    bool spectral_norm; /* on every weight of a discriminator (gan_nn_spectral_norm) */
    bool mean_pool;     /* residual discriminators: the last features are averaged over the image instead of summed */
} gan_image_network;

/* DCGAN (Radford et al. 2016), R a power of two from 8 to 1024: z - 4x4 - ... - R, transposed
 * convolutions 4x4 of stride 2 with batch norm and ReLU, channels halved each time down to `width`; tanh. The
 * discriminator is the mirror image with LeakyReLU 0.2. Weights from N(0, 0.02), batch norm's scale from N(1, 0.02), no
 * bias where a norm follows. */
GAN_API gan_layer *gan_dcgan_generator(gan_context *ctx, const gan_image_network *n);
GAN_API gan_layer *gan_dcgan_discriminator(gan_context *ctx, const gan_image_network *n);

/* The residual networks of Miyato et al. 2018 (and, with mean_pool, Gulrajani et al. 2017), R a power of two from 32 to
 * 256. R = 32: three blocks up of `width` channels each; a discriminator of two blocks down and two flat ones. Larger:
 * one more block for each doubling, channels halved each time down to `width`, and blocks down only, channels doubled.
 */
GAN_API gan_layer *gan_resnet_generator(gan_context *ctx, const gan_image_network *n);
GAN_API gan_layer *gan_resnet_discriminator(gan_context *ctx, const gan_image_network *n);

/* GAN_ERROR_UNSUPPORTED with a sentence that says which sizes the family takes, or GAN_OK; recorded in ctx. */
GAN_API gan_status gan_dcgan_check(gan_context *ctx, int64_t height, int64_t width);
GAN_API gan_status gan_resnet_check(gan_context *ctx, int64_t height, int64_t width);

#ifdef __cplusplus
}
#endif
#endif
