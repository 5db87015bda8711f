/*
 * networks.c - CycleGAN's networks. A convolution that instance norm follows has no bias: the norm, which takes the
 * mean away, would take the bias away with it.
 */
#include "networks.h"

#include <inttypes.h>

/* At 16x16 nothing would be left for the last layer to judge; at 24x24 it is 1x1, and the norm before it sees 2x2. */
enum { LEAST_TO_TRAIN = 24 };

static gan_nn_args weights(const cyclegan_network *n, bool bias)
{
    gan_nn_args args = {.no_bias = !bias};
    if (n->normal) {
        args.weight = (gan_init){GAN_INIT_NORMAL, 0.0f, 0.02f};
        args.bias = (gan_init){GAN_INIT_CONSTANT, 0.0f, 0.0f};
    }
    return args;
}

static void conv(gan_layer *parent, const cyclegan_network *n, int64_t in, int64_t out, int kernel, gan_conv p)
{
    const gan_nn_args args = weights(n, false);
    gan_nn_conv2d(parent, in, out, kernel, p, &args);
    gan_nn_instance_norm(parent, out, n->affine);
}

static void conv_up(gan_layer *parent, const cyclegan_network *n, int64_t in, int64_t out)
{
    const gan_nn_args args = weights(n, false);
    gan_nn_conv2d_transpose(parent, in, out, 3, (gan_conv){.stride = 2, .pad = 1, .output_pad = 1}, &args);
    gan_nn_instance_norm(parent, out, n->affine);
    gan_nn_relu(parent);
}

static void residual_block(gan_layer *parent, const cyclegan_network *n, int64_t width)
{
    gan_layer *block = gan_residual(parent, 1.0f);
    gan_nn_reflect_pad2d(block, 1);
    conv(block, n, width, width, 3, (gan_conv){.stride = 1});
    gan_nn_relu(block);
    gan_nn_reflect_pad2d(block, 1);
    conv(block, n, width, width, 3, (gan_conv){.stride = 1});
}

gan_layer *cyclegan_generator(gan_context *ctx, const cyclegan_network *n)
{
    const gan_nn_args last = weights(n, true);
    const int64_t w = n->width;
    gan_layer *g = gan_sequential(ctx, NULL);
    gan_nn_reflect_pad2d(g, 3);
    conv(g, n, n->channels, w, 7, (gan_conv){.stride = 1});
    gan_nn_relu(g);
    for (int64_t in = w; in < 4 * w; in *= 2) {
        conv(g, n, in, 2 * in, 3, (gan_conv){.stride = 2, .pad = 1});
        gan_nn_relu(g);
    }
    for (int64_t i = 0; i < n->blocks; i++)
        residual_block(g, n, 4 * w);
    for (int64_t in = 4 * w; in > w; in /= 2)
        conv_up(g, n, in, in / 2);
    gan_nn_reflect_pad2d(g, 3);
    gan_nn_conv2d(g, w, n->channels, 7, (gan_conv){.stride = 1}, &last);
    gan_nn_tanh(g);
    return g;
}

gan_layer *cyclegan_discriminator(gan_context *ctx, const cyclegan_network *n)
{
    const gan_nn_args outer = weights(n, true);
    const int64_t w = n->width;
    gan_layer *d = gan_sequential(ctx, NULL);
    gan_nn_conv2d(d, n->channels, w, 4, (gan_conv){.stride = 2, .pad = 1}, &outer);
    gan_nn_leaky_relu(d, 0.2f);
    for (int64_t in = w; in < 8 * w; in *= 2) {
        conv(d, n, in, 2 * in, 4, (gan_conv){.stride = in < 4 * w ? 2 : 1, .pad = 1});
        gan_nn_leaky_relu(d, 0.2f);
    }
    gan_nn_conv2d(d, 8 * w, 1, 4, (gan_conv){.stride = 1, .pad = 1}, &outer);
    return d;
}

gan_status cyclegan_check(gan_context *ctx, int64_t height, int64_t width)
{
    const bool fits = height % CYCLEGAN_MULTIPLE == 0 && width % CYCLEGAN_MULTIPLE == 0 && height >= LEAST_TO_TRAIN &&
                      width >= LEAST_TO_TRAIN;
    if (fits)
        return GAN_OK;
    return gan_raise(
        ctx, GAN_ERROR_UNSUPPORTED,
        "these networks are trained on images whose sides are multiples of %d from %d on, but the data has "
        "%" PRId64 "x%" PRId64 "; set data.resolution to such a number",
        CYCLEGAN_MULTIPLE, LEAST_TO_TRAIN, width, height);
}
