/* networks.c - the architectures of StyleGAN2 (Karras et al. 2020, section 4.1 and figure 7). */
#include "networks.h"

#include <math.h>
#include <stdio.h>

static const gan_activation leaky = {GAN_LEAKY_RELU, 0.2f};
static const double sqrt_half = 0.70710678118654752, sqrt_two = 1.41421356237309505;

static int64_t channels_at(const stylegan2_size *size, int64_t resolution)
{
    int64_t channels = size->fmap_base / resolution;
    return channels < 1 ? 1 : channels < size->fmap_max ? channels : size->fmap_max;
}

static gan_layer *named(gan_layer *layer, const char *kind, int64_t resolution)
{
    char name[32];
    snprintf(name, sizeof name, "%s%lld", kind, (long long)resolution);
    gan_layer_rename(layer, name);
    return layer;
}

/* ---- generator ---- */

static gan_layer *styled(gan_layer *parent, const char *kind, const gan_styled_conv_args *args)
{
    return named(gan_nn_styled_conv(parent, args), kind, args->resolution);
}

static void make_block(stylegan2_generator *g, stylegan2_block *b, const stylegan2_size *size, int64_t resolution,
                       const gan_styled_conv_args *common)
{
    gan_styled_conv_args conv = *common;
    int64_t in = channels_at(size, resolution / 2), out = channels_at(size, resolution);
    conv.resolution = resolution;
    conv.out = out;
    if (resolution > 4) {
        conv.in = in;
        conv.up = true;
        b->up = styled(g->synthesis, "up", &conv);
    }
    conv.in = out;
    conv.up = false;
    b->conv = styled(g->synthesis, "conv", &conv);
    if (g->architecture == STYLEGAN2_RESIDUAL && resolution > 4) {
        gan_nn_args no_bias = {.weight = {GAN_INIT_EQUALIZED, 1.0f, 0.0f}, .no_bias = true};
        b->skip = named(gan_nn_conv2d(g->synthesis, in, out, 1, (gan_conv){0}, &no_bias), "skip", resolution);
    }
    if (g->architecture == STYLEGAN2_SKIP || resolution == size->resolution) {
        gan_styled_conv_args rgb = {.in = out,
                                    .out = size->channels,
                                    .width = common->width,
                                    .kernel = 1,
                                    .resolution = resolution,
                                    .no_demodulation = true,
                                    .no_noise = true};
        b->rgb = styled(g->synthesis, "rgb", &rgb);
    }
}

/* Features of one resolution from those of the one before. Layer 0 is at 4x4; resolution 4 2^i has the layers 2 i - 1
 * and 2 i. */
static gan_tensor *features(const stylegan2_generator *g, int i, gan_tensor *x, gan_tensor *w)
{
    const stylegan2_block *b = &g->block[i];
    if (i == 0)
        return gan_styled_conv(b->conv, x, gan_style_at(w, 0), g->noise);
    gan_tensor *y = gan_styled_conv(b->up, x, gan_style_at(w, 2 * i - 1), g->noise);
    y = gan_styled_conv(b->conv, y, gan_style_at(w, 2 * i), g->noise);
    if (!b->skip)
        return y;
    gan_tensor *around = gan_upfirdn2d(gan_forward(b->skip, x), &g->up);
    return gan_scale(gan_add(y, around), (float)sqrt_half);
}

/* The image so far, from the features of resolution 4 2^i and the image before; its style is that of the next
 * resolution's first layer, or of a last layer of its own. */
static gan_tensor *image(const stylegan2_generator *g, int i, gan_tensor *x, gan_tensor *before, gan_tensor *w)
{
    gan_tensor *rgb = gan_styled_conv(g->block[i].rgb, x, gan_style_at(w, 2 * i + 1), GAN_NOISE_NONE);
    return before ? gan_add(gan_upfirdn2d(before, &g->up), rgb) : rgb;
}

/* w [N, layers, width], or [N, width] for all layers alike. */
static gan_tensor *synthesis_forward(gan_layer *self, gan_tensor *w, void *user)
{
    stylegan2_generator *g = user;
    gan_context *ctx = gan_layer_context(self);
    w = gan_ndim(w) == 2 ? gan_style_repeat(w, g->layers) : w;
    gan_shape shape = gan_shape_of(g->constant);
    shape.dim[0] = gan_dim(w, 0);
    gan_tensor *x = gan_broadcast_to(g->constant, shape), *y = NULL;
    for (int i = 0; i < g->n_blocks; i++) {
        x = GAN_SCOPED(ctx, features(g, i, x, w));
        if (g->block[i].rgb)
            y = GAN_SCOPED(ctx, image(g, i, x, y, w));
    }
    return y;
}

void stylegan2_generator_make(stylegan2_generator *g, gan_context *ctx, const stylegan2_size *size,
                              stylegan2_architecture architecture, const gan_mapping_args *mapping, bool noise)
{
    gan_styled_conv_args common = {.width = mapping->width, .kernel = 3, .no_noise = !noise, .activation = leaky};
    g->architecture = architecture;
    g->noise = GAN_NOISE_CONST;
    g->up = gan_fir_up(NULL, 0, 2);
    g->network = gan_sequential(ctx, NULL);
    g->mapping = gan_nn_mapping(ctx, g->network, mapping);
    gan_layer_rename(g->mapping, "mapping");
    g->synthesis = gan_nn_custom(g->network, "synthesis", synthesis_forward, g, NULL);
    gan_layer_rename(g->synthesis, "synthesis");
    g->constant = gan_layer_parameter(g->synthesis, "const", GAN_SHAPE(1, 4, 4, channels_at(size, 4)),
                                      (gan_init){GAN_INIT_NORMAL, 0.0f, 1.0f});
    for (int64_t resolution = 4; resolution <= size->resolution; resolution *= 2)
        make_block(g, &g->block[g->n_blocks++], size, resolution, &common);
    g->layers = 2 * g->n_blocks;
}

gan_tensor *stylegan2_synthesize(stylegan2_generator *g, gan_tensor *w, gan_style_noise noise)
{
    g->noise = noise;
    return gan_forward(g->synthesis, w);
}

/* ---- discriminator ---- */

/* Settings of a layer whose result is multiplied by `gain`: g LeakyReLU(x) = LeakyReLU(g x), so that a gain behind the
 * activation goes into weight and bias. */
static gan_nn_args with_gain(double gain, double lr_multiplier)
{
    return (gan_nn_args){.weight = {GAN_INIT_EQUALIZED, 1.0f, 0.0f},
                         .bias = {GAN_INIT_CONSTANT, 0.0f, 0.0f},
                         .lr_multiplier = (float)(gain * lr_multiplier)};
}

/* What is multiplied at run time was divided when it was drawn, but the gain is no learning rate: weights are from N(0,
 * 1 / lr_multiplier²). */
static gan_layer *drawn_without(double gain, gan_layer *layer)
{
    gan_tensor *weight = gan_layer_find(layer, "weight");
    if (weight && gain != 1.0)
        gan_assign(weight, GAN_NO_GRAD(gan_layer_context(layer), gan_scale(weight, (float)gain)));
    return layer;
}

static gan_layer *conv(gan_layer *parent, const char *name, int64_t in, int64_t out, int kernel, gan_conv p,
                       double gain)
{
    gan_nn_args args = with_gain(gain, 1.0);
    gan_layer *layer = drawn_without(gain, gan_nn_conv2d(parent, in, out, kernel, p, &args));
    gan_layer_rename(layer, name);
    gan_nn_leaky_relu(parent, leaky.slope);
    return layer;
}

static gan_layer *dense(gan_layer *parent, int64_t in, int64_t out, double gain, double lr_multiplier)
{
    gan_nn_args args = with_gain(gain, lr_multiplier);
    return drawn_without(gain, gan_nn_linear(parent, in, out, &args));
}

static gan_tensor *filter_forward(gan_layer *self, gan_tensor *x, void *user)
{
    (void)self;
    return gan_upfirdn2d(x, user);
}

static gan_layer *from_rgb(gan_layer *parent, const stylegan2_size *size, int64_t resolution)
{
    gan_layer *layer = named(gan_sequential(gan_layer_context(parent), parent), "rgb", resolution);
    conv(layer, "conv", size->channels, channels_at(size, resolution), 1, (gan_conv){0}, sqrt_two);
    return layer;
}

/* Two convolutions, the second of which halves the resolution; `gain` behind both. */
static gan_layer *halving(stylegan2_discriminator *d, gan_layer *parent, const stylegan2_size *size, int64_t resolution,
                          double gain)
{
    int64_t in = channels_at(size, resolution), out = channels_at(size, resolution / 2);
    gan_layer *path = gan_sequential(gan_layer_context(parent), parent);
    conv(path, "conv", in, in, 3, (gan_conv){.pad = 1}, sqrt_two);
    gan_nn_custom(path, "filter", filter_forward, &d->blur, NULL);
    conv(path, "down", in, out, 3, (gan_conv){.stride = 2}, gain * sqrt_two);
    return path;
}

static void residual_block(stylegan2_discriminator *d, gan_layer *parent, const stylegan2_size *size,
                           int64_t resolution)
{
    gan_nn_args no_bias = {.weight = {GAN_INIT_EQUALIZED, (float)sqrt_half, 0.0f}, .no_bias = true};
    gan_layer *sum = named(gan_nn_sum(parent), "block", resolution);
    gan_layer_rename(halving(d, sum, size, resolution, sqrt_half), "path");
    gan_layer *around = gan_sequential(gan_layer_context(parent), sum);
    gan_layer_rename(around, "skip");
    gan_nn_custom(around, "filter", filter_forward, &d->down, NULL);
    gan_layer_rename(gan_nn_conv2d(around, channels_at(size, resolution), channels_at(size, resolution / 2), 1,
                                   (gan_conv){0}, &no_bias),
                     "conv");
}

static gan_tensor *skip_forward(gan_layer *self, gan_tensor *y, void *user)
{
    const stylegan2_discriminator *d = user;
    gan_context *ctx = gan_layer_context(self);
    gan_tensor *x = gan_forward(d->rgb[0], y);
    for (int i = 0; i + 1 < d->n_blocks; i++) {
        x = gan_forward(d->path[i], x);
        y = gan_upfirdn2d(y, &d->down);
        x = GAN_SCOPED(ctx, gan_add(x, gan_forward(d->rgb[i + 1], y)));
    }
    return x;
}

static void make_skips(stylegan2_discriminator *d, const stylegan2_size *size)
{
    gan_layer *blocks = gan_nn_custom(d->network, "skip", skip_forward, d, NULL);
    gan_layer_rename(blocks, "blocks");
    for (int64_t resolution = size->resolution; resolution >= 4; resolution /= 2) {
        d->rgb[d->n_blocks] = from_rgb(blocks, size, resolution);
        if (resolution > 4)
            d->path[d->n_blocks] = named(halving(d, blocks, size, resolution, 1.0), "block", resolution);
        d->n_blocks++;
    }
}

static void make_blocks(stylegan2_discriminator *d, const stylegan2_size *size)
{
    from_rgb(d->network, size, size->resolution);
    for (int64_t resolution = size->resolution; resolution > 4; resolution /= 2) {
        if (d->architecture == STYLEGAN2_RESIDUAL)
            residual_block(d, d->network, size, resolution);
        else
            named(halving(d, d->network, size, resolution, 1.0), "block", resolution);
    }
}

/* The features' inner product with a vector that a mapping network makes of the label, over the root of its width
 * (Karras et al. 2020, "Training generative adversarial networks with limited data"). */
static gan_tensor *class_score_forward(gan_layer *self, gan_tensor *x, void *user)
{
    const stylegan2_discriminator *d = user;
    gan_tensor *labels = gan_layer_labels(self);
    if (!labels) {
        gan_raise(gan_layer_context(self), GAN_ERROR_STATE, "the discriminator of classes was given no labels");
        return NULL;
    }
    gan_tensor *score = gan_mul(gan_forward(d->class_vector, x), gan_forward(d->class_map, labels));
    return gan_scale(gan_sum_over(score, GAN_AXIS(1), true), (float)(1.0 / sqrt((double)gan_dim(score, 1))));
}

static void make_class_score(stylegan2_discriminator *d, const stylegan2_size *size, int64_t width)
{
    enum { LAYERS = 8 };
    const gan_init normal = {GAN_INIT_NORMAL, 0.0f, 1.0f};
    gan_layer *score = gan_nn_custom(d->network, "class_score", class_score_forward, d, NULL);
    gan_layer_rename(score, "score");
    d->class_vector = dense(score, width, width, 1.0, 1.0);
    gan_layer_rename(d->class_vector, "vector");
    d->class_map = gan_sequential(gan_layer_context(d->network), score);
    gan_layer_rename(d->class_map, "map");
    gan_layer_rename(gan_nn_embedding(d->class_map, size->classes, width, &normal), "embedding");
    gan_nn_pixel_norm(d->class_map);
    for (int i = 0; i < LAYERS; i++) {
        named(dense(d->class_map, width, width, sqrt_two, 0.01), "dense", i);
        gan_nn_leaky_relu(d->class_map, leaky.slope);
    }
}

void stylegan2_discriminator_make(stylegan2_discriminator *d, gan_context *ctx, const stylegan2_size *size,
                                  stylegan2_architecture architecture)
{
    int64_t width = channels_at(size, 4), in = width;
    d->architecture = architecture;
    d->down = gan_fir_down(NULL, 0, 2);
    d->blur = gan_fir_blur(NULL, 0); /* in front of a convolution 3x3 of stride 2 without padding of its own */
    d->blur.before = d->blur.after = 2;
    d->network = gan_sequential(ctx, NULL);
    if (architecture == STYLEGAN2_SKIP)
        make_skips(d, size);
    else
        make_blocks(d, size);
    if (d->stddev_group > 0) {
        gan_nn_minibatch_stddev(d->network, d->stddev_group);
        in++;
    }
    conv(d->network, "conv4", in, width, 3, (gan_conv){.pad = 1}, sqrt_two);
    gan_nn_flatten(d->network);
    gan_layer_rename(dense(d->network, 16 * width, width, sqrt_two, 1.0), "dense");
    gan_nn_leaky_relu(d->network, leaky.slope);
    if (size->classes > 0)
        make_class_score(d, size, width);
    else
        gan_layer_rename(dense(d->network, width, 1, 1.0, 1.0), "score");
}
