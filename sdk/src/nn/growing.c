/*
 * growing.c - the discriminator of networks that grow (growth.h).
 *
 * T. Karras, T. Aila, S. Laine, J. Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability, and
 * Variation", ICLR 2018, arXiv:1710.10196, table 2; with `blur`, of T. Karras, S. Laine, T. Aila, "A Style-Based
 * Generator Architecture for Generative Adversarial Networks", CVPR 2019, arXiv:1812.04948.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <gan/growth.h>

#include "layer.h"

typedef struct growing {
    int64_t first, resolution;
    gan_layer *from_rgb[GAN_GROWTH_LEVELS], *block[GAN_GROWTH_LEVELS]; /* at 4x4, 8x8, ... */
    gan_tensor *alpha; /* during gan_growing_scores; NULL: nothing is faded in */
} growing;

int64_t gan_growing_features(const gan_growing_args *args, int64_t resolution)
{
    int64_t features = 2 * args->fmap_base / resolution;
    return features < 1 ? 1 : features > args->fmap_max ? args->fmap_max : features;
}

/* ---- running ---- */

static int index_of(int64_t side)
{
    int index = 0;
    while ((4 << index) < side)
        index++;
    return index;
}

static gan_tensor *from_rgb(const growing *g, int at, gan_tensor *images)
{
    return gan_forward(g->from_rgb[at], images);
}

static gan_tensor *scores(const growing *g, gan_tensor *images)
{
    int at = index_of(gan_dim(images, 1));
    gan_tensor *features = gan_forward(g->block[at], from_rgb(g, at, images));
    if (at > 0 && g->alpha)
        features = gan_fade(from_rgb(g, at - 1, gan_avg_pool2d(images, 2)), features, g->alpha);
    while (at-- > 0)
        features = gan_forward(g->block[at], features);
    return features;
}

static gan_tensor *growing_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    const growing *g = layer->user;
    int64_t side = x->shape.ndim == 4 ? x->shape.dim[1] : 0, least = g->alpha ? 2 * g->first : g->first;
    (void)activation;
    if (side < least || side > g->resolution || side != x->shape.dim[2] || (side & (side - 1)) != 0)
        return gan__poison(layer->ctx, GAN_ERROR_SHAPE, "growing discriminator",
                           "images %s, expected a power of two from %lld to %lld as both sides", GAN__TEXT(x->shape),
                           (long long)least, (long long)g->resolution);
    gan_scope_begin(layer->ctx);
    return gan_scope_end(layer->ctx, scores(g, x));
}

static const gan__layer_kind growing_kind = {
    .name = "growing discriminator", .forward = growing_forward, .container = true};

gan_tensor *gan_growing_scores(gan_layer *discriminator, gan_tensor *images, gan_tensor *alpha)
{
    growing *g = discriminator->kind == &growing_kind ? discriminator->user : NULL;
    if (!g) /* it could not be made */
        return gan_forward(discriminator, images);
    g->alpha = alpha;
    gan_tensor *result = gan_forward(discriminator, images);
    g->alpha = NULL;
    return result;
}

/* ---- building ---- */

static const gan_nn_args equalized = {.weight = {GAN_INIT_EQUALIZED, (float)M_SQRT2, 0.0f},
                                      .bias = {GAN_INIT_CONSTANT, 0.0f, 0.0f}},
                         last = {.weight = {GAN_INIT_EQUALIZED, 1.0f, 0.0f}, .bias = {GAN_INIT_CONSTANT, 0.0f, 0.0f}};

static gan_layer *part(gan_layer *parent, const char *name)
{
    gan_layer *layer = gan_sequential(parent->ctx, parent);
    gan_layer_rename(layer, name);
    return layer;
}

static void conv3(gan_layer *net, int64_t in, int64_t out)
{
    gan_nn_conv2d(net, in, out, 3, (gan_conv){.stride = 1, .pad = 1}, &equalized);
    gan_nn_leaky_relu(net, 0.2f);
}

static void block(gan_layer *net, const gan_growing_args *a, int64_t in, int64_t out)
{
    conv3(net, in, in);
    if (!a->blur) {
        conv3(net, in, out);
        gan_nn_avg_pool2d(net, 2);
        return;
    }
    gan_nn_blur(net);
    gan_nn_conv2d_down(net, in, out, &equalized);
    gan_nn_leaky_relu(net, 0.2f);
}

static void last_block(gan_layer *net, const gan_growing_args *a, int64_t in)
{
    int64_t hidden = gan_growing_features(a, 2);
    gan_nn_minibatch_stddev(net, a->group);
    conv3(net, in + 1, in);
    gan_nn_flatten(net);
    gan_nn_linear(net, 4 * 4 * in, hidden, &equalized);
    gan_nn_leaky_relu(net, 0.2f);
    gan_nn_linear(net, hidden, 1, &last);
}

static void build(gan_layer *layer, growing *g, const gan_growing_args *a)
{
    char name[24];
    for (int64_t side = 4, i = 0; side <= a->resolution; side *= 2, i++) {
        int64_t features = gan_growing_features(a, side);
        snprintf(name, sizeof name, "%lld", (long long)side);
        gan_layer *at = part(layer, name);
        if (side >= a->first) {
            g->from_rgb[i] = part(at, "from_rgb");
            gan_nn_conv2d(g->from_rgb[i], a->channels, features, 1, (gan_conv){0}, &equalized);
            gan_nn_leaky_relu(g->from_rgb[i], 0.2f);
        }
        g->block[i] = part(at, "block");
        if (side == 4)
            last_block(g->block[i], a, features);
        else
            block(g->block[i], a, features, gan_growing_features(a, side / 2));
    }
}

static bool power_of_two(int64_t n)
{
    return n >= 4 && n <= 1024 && (n & (n - 1)) == 0;
}

gan_layer *gan_growing_discriminator(gan_context *ctx, const gan_growing_args *args)
{
    gan_layer *layer = gan__layer_new(ctx, NULL, &growing_kind);
    if (layer->kind != &growing_kind)
        return layer;
    bool good = power_of_two(args->first) && power_of_two(args->resolution) && args->first <= args->resolution &&
                args->fmap_base >= 1 && args->fmap_base <= 1 << 24 && args->fmap_max >= 1 && args->fmap_max <= 65536 &&
                args->channels >= 1 && args->group >= 1;
    if (!good)
        return gan__layer_fail(layer, GAN_ERROR_ARGUMENT,
                               "a growing discriminator for %lldx%lld to %lldx%lld, %lld channels, fmap_base %lld, "
                               "fmap_max %lld, groups of %d",
                               (long long)args->first, (long long)args->first, (long long)args->resolution,
                               (long long)args->resolution, (long long)args->channels, (long long)args->fmap_base,
                               (long long)args->fmap_max, args->group);
    growing *g = calloc(1, sizeof *g);
    if (!g)
        return gan__layer_fail(layer, GAN_ERROR_MEMORY, "no memory for a growing discriminator");
    *g = (growing){.first = args->first, .resolution = args->resolution};
    layer->user = g;
    layer->destroy = free;
    build(layer, g, args);
    return layer;
}
