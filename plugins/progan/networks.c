/*
 * networks.c - ProGAN's generator. Weights are drawn from N(0, 1) and multiplied at run time by gain / sqrt(fan_in), so
 * that Adam, whose steps do not depend on a gradient's size, changes all of them at one rate (section 4.1).
 */
#include "networks.h"

#include <math.h>
#include <stdio.h>

/* ---- running ---- */

static gan_tensor *forward(gan_layer *self, gan_tensor *z, void *user)
{
    const progan_generator *g = user;
    gan_tensor *x = gan_forward(g->block[0], z), *before = x;
    int i = 0;
    (void)self;
    for (int64_t side = 4; side < g->resolution; side *= 2) {
        before = x;
        x = gan_forward(g->block[++i], before);
    }
    gan_tensor *images = gan_forward(g->to_rgb[i], x);
    if (g->alpha)
        images = gan_fade(gan_resize_nearest(gan_forward(g->to_rgb[i - 1], before), 2), images, g->alpha);
    return images;
}

gan_tensor *progan_generate(progan_generator *g, gan_tensor *z, int64_t resolution, gan_tensor *alpha)
{
    int64_t last = g->resolution;
    g->resolution = resolution;
    g->alpha = alpha;
    gan_tensor *images = gan_forward(g->network, z);
    g->resolution = last;
    g->alpha = NULL;
    return images;
}

/* ---- building ---- */

static const float GAIN = 1.41421356f; /* of a layer that a leaky ReLU follows (He et al. 2015) */

static gan_nn_args equalized(float gain)
{
    return (gan_nn_args){.weight = {GAN_INIT_EQUALIZED, gain, 0.0f}, .bias = {GAN_INIT_CONSTANT, 0.0f, 0.0f}};
}

static void activate(gan_layer *block)
{
    gan_nn_leaky_relu(block, 0.2f);
    gan_nn_pixel_norm(block);
}

static void conv3(gan_layer *block, int64_t in, int64_t out)
{
    const gan_nn_args args = equalized(GAIN);
    gan_nn_conv2d(block, in, out, 3, (gan_conv){.stride = 1, .pad = 1}, &args);
    activate(block);
}

/* Of the latent, a 1x1 image. Its gain is sqrt(2) / 4 in the authors' code, where fan_in is `latent`; here 16 `out` are
 * counted, as of every transposed convolution. */
static void conv4_of_latent(gan_layer *block, int64_t latent, int64_t out)
{
    const gan_nn_args args = equalized(GAIN * sqrtf((float)out / (float)latent));
    gan_nn_pixel_norm(block);
    gan_nn_reshape(block, GAN_SHAPE(1, 1, latent));
    gan_nn_conv2d_transpose(block, latent, out, 4, (gan_conv){.stride = 1}, &args);
    activate(block);
}

static gan_layer *named(gan_layer *layer, const char *name)
{
    gan_layer_rename(layer, name);
    return layer;
}

void progan_generator_make(progan_generator *g, gan_context *ctx, int64_t latent, const gan_growing_args *sizes)
{
    const gan_nn_args linear = equalized(1.0f);
    *g = (progan_generator){.resolution = sizes->resolution};
    g->network = gan_custom(ctx, NULL, "generator", forward, g, NULL);
    int i = 0;
    for (int64_t side = 4; side <= sizes->resolution; side *= 2, i++) {
        char name[24];
        int64_t out = gan_growing_features(sizes, side);
        snprintf(name, sizeof name, "%lld", (long long)side);
        gan_layer *at = named(gan_sequential(ctx, g->network), name);
        g->block[i] = named(gan_sequential(ctx, at), "block");
        if (side == 4) {
            conv4_of_latent(g->block[i], latent, out);
        } else {
            gan_nn_resize_nearest(g->block[i], 2);
            conv3(g->block[i], gan_growing_features(sizes, side / 2), out);
        }
        conv3(g->block[i], out, out);
        if (side >= sizes->first)
            g->to_rgb[i] = named(gan_nn_conv2d(at, out, sizes->channels, 1, (gan_conv){0}, &linear), "to_rgb");
    }
}
