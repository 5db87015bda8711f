/* networks.c - the families of networks of networks.h. */
#include <math.h>

#include <gan/networks.h>

#include "core/internal.h"

static bool power_of_two(int64_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

/* `least` to `most`, square, a power of two. */
static gan_status check_size(gan_context *ctx, const char *family, int64_t height, int64_t width, int64_t least,
                             int64_t most)
{
    if (height == width && power_of_two(height) && height >= least && height <= most)
        return GAN_OK;
    return gan_raise(ctx, GAN_ERROR_UNSUPPORTED,
                     "%s networks make square images whose side is a power of two from %lld to %lld, but the data is "
                     "%lldx%lld; set data.resolution",
                     family, (long long)least, (long long)most, (long long)width, (long long)height);
}

gan_status gan_dcgan_check(gan_context *ctx, int64_t height, int64_t width)
{
    return check_size(ctx, "DCGAN", height, width, 8, 1024);
}

gan_status gan_resnet_check(gan_context *ctx, int64_t height, int64_t width)
{
    return check_size(ctx, "residual", height, width, 32, 256);
}

/* A network for which the arguments do not do: gives poison, and the error is in the context. */
static gan_layer *refused(gan_context *ctx, const gan_image_network *n)
{
    if (gan_status_of(ctx) == GAN_OK)
        gan_raise(ctx, GAN_ERROR_ARGUMENT, "a network of width %lld, latent %lld, for %lld channels and %lld classes",
                  (long long)n->width, (long long)n->latent, (long long)n->channels, (long long)n->classes);
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_dropout(net, -1.0f);
    return net;
}

static bool sizes_valid(const gan_image_network *n, bool generator)
{
    return n->width >= 1 && n->width <= 65536 && n->channels >= 1 && n->classes >= 0 && (!generator || n->latent >= 1);
}

/* ---- multi-layer perceptron ---- */

void gan_nn_mlp(gan_layer *parent, int64_t in, const int64_t *widths, int n, int64_t out, gan_activation hidden,
                float dropout)
{
    for (int i = 0; i < n; i++) {
        gan_nn_linear(parent, in, widths[i], NULL);
        gan_nn_activation(parent, hidden);
        if (dropout > 0.0f)
            gan_nn_dropout(parent, dropout);
        in = widths[i];
    }
    gan_nn_linear(parent, in, out, NULL);
}

gan_layer *gan_mlp(gan_context *ctx, int64_t in, const int64_t *widths, int n, int64_t out, gan_activation hidden,
                   float dropout)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_mlp(net, in, widths, n, out, hidden, dropout);
    return net;
}

/* ---- what both families share ---- */

static void generator_norm(gan_layer *net, const gan_image_network *n, int64_t channels, const gan_init *gamma)
{
    if (n->classes > 0)
        gan_nn_conditional_batch_norm(net, channels, n->classes);
    else
        gan_nn_batch_norm(net, channels, gamma);
}

static gan_layer *normalized(const gan_image_network *n, gan_layer *layer)
{
    return n->spectral_norm ? gan_nn_spectral_norm(layer) : layer;
}

/* ---- DCGAN ---- */

static const gan_init dcgan_weight = {GAN_INIT_NORMAL, 0.0f, 0.02f}, dcgan_gamma = {GAN_INIT_NORMAL, 1.0f, 0.02f};
static const gan_conv from_4x4 = {.stride = 1, .pad = 0}, half = {.stride = 2, .pad = 1};

gan_layer *gan_dcgan_generator(gan_context *ctx, const gan_image_network *n)
{
    const gan_nn_args args = {.weight = dcgan_weight, .no_bias = true};
    if (!sizes_valid(n, true) || gan_dcgan_check(ctx, n->resolution, n->resolution) != GAN_OK)
        return refused(ctx, n);
    gan_layer *net = gan_sequential(ctx, NULL);
    int64_t in = n->latent, out = n->width * n->resolution / 8;
    gan_nn_reshape(net, GAN_SHAPE(1, 1, in));
    for (int64_t side = 4; side < n->resolution; side *= 2, in = out, out /= 2) {
        gan_nn_conv2d_transpose(net, in, out, 4, side == 4 ? from_4x4 : half, &args);
        generator_norm(net, n, out, &dcgan_gamma);
        gan_nn_relu(net);
    }
    gan_nn_conv2d_transpose(net, in, n->channels, 4, half, &args);
    gan_nn_tanh(net);
    return net;
}

/* Batch norm makes every bias idle but the first's and the last's, which the networks of the paper's authors lack
 * too. */
static void dcgan_conv(gan_layer *net, const gan_image_network *n, int64_t in, int64_t out, gan_conv p, gan_norm norm)
{
    const gan_nn_args args = {.weight = dcgan_weight,
                              .bias = {GAN_INIT_CONSTANT, 0.0f, 0.0f},
                              .no_bias = n->norm == GAN_NORM_BATCH || norm != GAN_NORM_NONE};
    normalized(n, gan_nn_conv2d(net, in, out, 4, p, &args));
}

gan_layer *gan_dcgan_discriminator(gan_context *ctx, const gan_image_network *n)
{
    if (!sizes_valid(n, false) || gan_dcgan_check(ctx, n->resolution, n->resolution) != GAN_OK)
        return refused(ctx, n);
    gan_layer *net = gan_sequential(ctx, NULL);
    int64_t in = n->channels, out = n->width;
    for (int64_t side = n->resolution / 2; side >= 4; side /= 2, in = out, out *= 2) {
        gan_norm norm = in == n->channels && out == n->width ? GAN_NORM_NONE : n->norm; /* not behind the first */
        dcgan_conv(net, n, in, out, half, norm);
        if (norm == GAN_NORM_BATCH)
            gan_nn_batch_norm(net, out, &dcgan_gamma);
        else if (norm == GAN_NORM_LAYER)
            gan_nn_layer_norm(net, GAN_SHAPE(side, side, out));
        gan_nn_leaky_relu(net, 0.2f);
    }
    if (n->classes == 0) {
        dcgan_conv(net, n, in, 1, from_4x4, GAN_NORM_NONE);
        gan_nn_flatten(net);
        return net;
    }
    gan_layer *sum = gan_nn_sum(net), *score = gan_sequential(ctx, sum), *match = gan_sequential(ctx, sum);
    dcgan_conv(score, n, in, 1, from_4x4, GAN_NORM_NONE);
    gan_nn_flatten(score);
    gan_nn_sum_pool(match);
    normalized(n, gan_nn_projection(match, in, n->classes, &dcgan_weight));
    return net;
}

/* ---- residual networks ---- */

static const gan_init xavier = {GAN_INIT_XAVIER_UNIFORM, 1.0f, 0.0f}, zero = {GAN_INIT_CONSTANT, 0.0f, 0.0f};

static gan_layer *conv3(gan_layer *net, int64_t in, int64_t out, bool residual, bool bias)
{
    const gan_nn_args args = {
        .weight = {GAN_INIT_XAVIER_UNIFORM, residual ? sqrtf(2.0f) : 1.0f, 0.0f}, .bias = zero, .no_bias = !bias};
    return gan_nn_conv2d(net, in, out, 3, (gan_conv){.stride = 1, .pad = 1}, &args);
}

static gan_layer *conv1(gan_layer *net, int64_t in, int64_t out, bool bias)
{
    const gan_nn_args args = {.weight = xavier, .bias = zero, .no_bias = !bias};
    return gan_nn_conv2d(net, in, out, 1, (gan_conv){0}, &args);
}

/* The 1x1 convolution of a shortcut commutes with resizing, and runs at the smaller of the two sizes. No biases: what
 * they would add to a channel, the next batch norms take away again, the network's last one from the shortcuts; and
 * Adam would make whole steps of the rounding errors that are their gradients. */
static void block_up(gan_layer *net, const gan_image_network *n, int64_t in, int64_t out)
{
    gan_context *ctx = gan_layer_context(net);
    gan_layer *sum = gan_nn_sum(net), *main = gan_sequential(ctx, sum), *shortcut = gan_sequential(ctx, sum);
    generator_norm(main, n, in, NULL);
    gan_nn_relu(main);
    gan_nn_resize_nearest(main, 2);
    conv3(main, in, out, true, false);
    generator_norm(main, n, out, NULL);
    gan_nn_relu(main);
    conv3(main, out, out, true, false);
    conv1(shortcut, in, out, false);
    gan_nn_resize_nearest(shortcut, 2);
}

/* The block at the image has no activation in front: its input is not a sum of features. */
static void block_down(gan_layer *net, const gan_image_network *n, int64_t in, int64_t out, bool first, bool down)
{
    gan_context *ctx = gan_layer_context(net);
    gan_layer *sum = gan_nn_sum(net), *main = gan_sequential(ctx, sum), *shortcut = gan_sequential(ctx, sum);
    int64_t hidden = first ? out : in;
    if (!first)
        gan_nn_relu(main);
    normalized(n, conv3(main, in, hidden, true, true));
    gan_nn_relu(main);
    normalized(n, conv3(main, hidden, out, true, true));
    if (down) {
        gan_nn_avg_pool2d(main, 2);
        gan_nn_avg_pool2d(shortcut, 2);
    }
    if (down || in != out)
        normalized(n, conv1(shortcut, in, out, true));
}

gan_layer *gan_resnet_generator(gan_context *ctx, const gan_image_network *n)
{
    if (!sizes_valid(n, true) || gan_resnet_check(ctx, n->resolution, n->resolution) != GAN_OK)
        return refused(ctx, n);
    gan_layer *net = gan_sequential(ctx, NULL);
    bool flat = n->resolution == 32; /* the same width throughout */
    int64_t in = flat ? n->width : n->width * n->resolution / 4;
    gan_nn_linear(net, n->latent, 4 * 4 * in, &(gan_nn_args){.weight = xavier, .bias = zero});
    gan_nn_reshape(net, GAN_SHAPE(4, 4, in));
    for (int64_t side = 4; side < n->resolution; side *= 2) {
        int64_t out = flat ? in : in / 2;
        block_up(net, n, in, out);
        in = out;
    }
    gan_nn_batch_norm(net, in, NULL);
    gan_nn_relu(net);
    conv3(net, in, n->channels, false, true);
    gan_nn_tanh(net);
    return net;
}

gan_layer *gan_resnet_discriminator(gan_context *ctx, const gan_image_network *n)
{
    if (!sizes_valid(n, false) || gan_resnet_check(ctx, n->resolution, n->resolution) != GAN_OK)
        return refused(ctx, n);
    gan_layer *net = gan_sequential(ctx, NULL);
    int64_t width = n->width;
    block_down(net, n, n->channels, width, true, true);
    if (n->resolution == 32) {
        block_down(net, n, width, width, false, true);
        block_down(net, n, width, width, false, false);
        block_down(net, n, width, width, false, false);
    } else {
        for (int64_t side = n->resolution / 2; side > 2; side /= 2, width *= 2)
            block_down(net, n, width, 2 * width, false, true);
    }
    gan_nn_relu(net);
    if (n->mean_pool)
        gan_nn_mean_pool(net);
    else
        gan_nn_sum_pool(net);
    gan_layer *head = n->classes > 0 ? gan_nn_sum(net) : net;
    normalized(n, gan_nn_linear(head, width, 1, &(gan_nn_args){.weight = xavier, .bias = zero}));
    if (n->classes > 0)
        normalized(n, gan_nn_projection(head, width, n->classes, &xavier));
    return net;
}
