/* networks.c - StyleGAN's generator (Karras et al. 2019, section 2 and appendix C). */
#include "networks.h"

#include <math.h>
#include <stdio.h>

int64_t stylegan_layers(int64_t resolution)
{
    int64_t layers = 2;
    for (int64_t side = 4; side < resolution; side *= 2)
        layers += 2;
    return layers;
}

/* ---- running ---- */

static gan_tensor *epilogue(const stylegan_generator *g, int i, int half, gan_tensor *x, gan_tensor *w)
{
    return gan_style_epilogue(g->block[i].epilogue[half], x, gan_style_at(w, 2 * i + half), g->noise);
}

/* Features at the i-th resolution from those of the one before it; in a scope of its own, so that what is not needed
 * for derivatives is let go of at once. */
static gan_tensor *features(const stylegan_generator *g, int i, gan_tensor *x, gan_tensor *w)
{
    gan_context *ctx = gan_context_of(w);
    gan_scope_begin(ctx);
    if (i > 0)
        x = gan_forward(g->block[i].up, x);
    x = epilogue(g, i, 0, x, w);
    x = epilogue(g, i, 1, gan_forward(g->block[i].conv, x), w);
    return gan_scope_end(ctx, x);
}

static gan_tensor *synthesis_forward(gan_layer *self, gan_tensor *w, void *user)
{
    const stylegan_generator *g = user;
    (void)self;
    if (gan_ndim(w) == 2)
        w = gan_style_repeat(w, g->layers);
    gan_shape shape = gan_shape_of(g->constant);
    shape.dim[0] = gan_dim(w, 0);
    gan_tensor *before = NULL, *x = gan_broadcast_to(g->constant, shape);
    int i = 0;
    for (int64_t side = 4; side <= g->side; side *= 2, i++) {
        before = x;
        x = features(g, i, before, w);
    }
    gan_tensor *images = gan_forward(g->block[i - 1].to_rgb, x);
    if (g->alpha)
        images = gan_fade(gan_resize_nearest(gan_forward(g->block[i - 2].to_rgb, before), 2), images, g->alpha);
    return images;
}

gan_tensor *stylegan_synthesize(stylegan_generator *g, gan_tensor *w, int64_t side, gan_tensor *alpha,
                                gan_style_noise noise)
{
    g->side = side, g->alpha = alpha, g->noise = noise;
    gan_tensor *images = gan_forward(g->synthesis, w);
    g->side = g->resolution, g->alpha = NULL, g->noise = GAN_NOISE_CONST;
    return images;
}

/* ---- building ---- */

/* The epilogue has the bias. */
static const gan_nn_args equalized = {.weight = {GAN_INIT_EQUALIZED, (float)M_SQRT2, 0.0f}, .no_bias = true};

static gan_layer *named(gan_layer *layer, const char *name)
{
    gan_layer_rename(layer, name);
    return layer;
}

static void make_block(stylegan_generator *g, stylegan_block *b, const gan_growing_args *sizes, int64_t width,
                       int64_t side)
{
    gan_context *ctx = gan_layer_context(g->network);
    int64_t in = gan_growing_features(sizes, side / 2), out = gan_growing_features(sizes, side);
    char name[24];
    snprintf(name, sizeof name, "%lld", (long long)side);
    gan_layer *at = named(gan_sequential(ctx, g->synthesis), name);
    if (side > 4) {
        b->up = named(gan_sequential(ctx, at), "up");
        gan_nn_conv2d_up(b->up, in, out, &equalized);
        gan_nn_blur(b->up);
    }
    b->epilogue[0] = named(gan_nn_style_epilogue(at, out, width, side), "epilogue0");
    b->conv = named(gan_nn_conv2d(at, out, out, 3, (gan_conv){.stride = 1, .pad = 1}, &equalized), "conv");
    b->epilogue[1] = named(gan_nn_style_epilogue(at, out, width, side), "epilogue1");
    if (side >= sizes->first) {
        gan_nn_args linear = {.weight = {GAN_INIT_EQUALIZED, 1.0f, 0.0f}, .bias = {GAN_INIT_CONSTANT, 0.0f, 0.0f}};
        b->to_rgb = named(gan_nn_conv2d(at, out, sizes->channels, 1, (gan_conv){0}, &linear), "to_rgb");
    }
}

void stylegan_generator_make(stylegan_generator *g, gan_context *ctx, const gan_growing_args *sizes,
                             const gan_mapping_args *mapping)
{
    *g = (stylegan_generator){.resolution = sizes->resolution,
                              .layers = stylegan_layers(sizes->resolution),
                              .side = sizes->resolution,
                              .noise = GAN_NOISE_CONST};
    g->network = gan_sequential(ctx, NULL);
    g->mapping = named(gan_nn_mapping(ctx, g->network, mapping), "mapping");
    g->synthesis = named(gan_nn_custom(g->network, "synthesis", synthesis_forward, g, NULL), "synthesis");
    g->constant = gan_layer_parameter(g->synthesis, "constant", GAN_SHAPE(1, 4, 4, gan_growing_features(sizes, 4)),
                                      (gan_init){GAN_INIT_CONSTANT, 1.0f, 0.0f});
    int i = 0;
    for (int64_t side = 4; side <= sizes->resolution; side *= 2)
        make_block(g, &g->block[i++], sizes, mapping->width, side);
}
