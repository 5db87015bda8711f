/* resample.c - layers that blur, enlarge or reduce features, and minibatch standard deviation. */
#include <math.h>

#include "layer.h"

/* ---- blur ---- */

static gan_tensor *blur_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    static const float taps[] = {1.0f, 2.0f, 1.0f};
    gan_fir fir = gan_fir_blur(taps, 3);
    (void)layer;
    (void)activation;
    return gan_upfirdn2d(x, &fir);
}

static const gan__layer_kind blur_kind = {.name = "blur", .forward = blur_forward};

gan_layer *gan_nn_blur(gan_layer *parent)
{
    return gan__layer_new(parent->ctx, parent, &blur_kind);
}

/* ---- convolutions that resize ---- */

/* Enlarging by repeated pixels and then a 3x3 convolution, or one whose results are averaged in squares of 2x2, adds up
 * the same values under several taps. With each tap spread over a square of 2x2, hence 4x4 taps, both are one
 * convolution of stride 2, in less than half the multiplications. */
static gan_tensor *spread(gan_layer *layer, float share)
{
    const gan_fir square = {.taps = {1.0f, 1.0f}, .n = 2, .before = 1, .after = 1, .gain = layer->weight_scale * share};
    return gan_upfirdn2d(layer->weight, &square);
}

static const gan_conv by_two = {.stride = 2, .pad = 1};

static gan_tensor *up_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    gan_tensor *bias;
    gan_scope_begin(layer->ctx);
    gan_tensor *scaled = gan__scaled(layer->bias, layer->bias_scale, &bias);
    return gan_scope_end(layer->ctx, gan_conv2d_transpose(x, spread(layer, 1.0f), scaled, by_two, activation));
}

static gan_tensor *down_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    gan_tensor *bias;
    gan_scope_begin(layer->ctx);
    gan_tensor *scaled = gan__scaled(layer->bias, layer->bias_scale, &bias);
    return gan_scope_end(layer->ctx, gan_conv2d(x, spread(layer, 0.25f), scaled, by_two, activation));
}

static const gan__layer_kind up_kind = {.name = "conv2d_up", .forward = up_forward, .fuses = true};
static const gan__layer_kind down_kind = {.name = "conv2d_down", .forward = down_forward, .fuses = true};

gan_layer *gan_nn_conv2d_up(gan_layer *parent, int64_t in, int64_t out, const gan_nn_args *args)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &up_kind);
    gan__weights(layer, GAN_SHAPE(in, 3, 3, out), GAN_LAYOUT_CONV_WEIGHT, out, args);
    /* A pixel of the result is a sum over 3x3 pixels of `in` channels, though `in` is the weight's first dimension. */
    if (args && args->weight.kind == GAN_INIT_EQUALIZED && in > 0)
        layer->weight_scale *= sqrtf((float)out / (float)in);
    return layer;
}

gan_layer *gan_nn_conv2d_down(gan_layer *parent, int64_t in, int64_t out, const gan_nn_args *args)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &down_kind);
    gan__weights(layer, GAN_SHAPE(out, 3, 3, in), GAN_LAYOUT_CONV_WEIGHT, out, args);
    return layer;
}

/* ---- minibatch standard deviation ---- */

static gan_tensor *stddev_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    return gan_minibatch_stddev(x, layer->size, 1);
}

static const gan__layer_kind stddev_kind = {.name = "minibatch_stddev", .forward = stddev_forward};

gan_layer *gan_nn_minibatch_stddev(gan_layer *parent, int group)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &stddev_kind);
    layer->size = group;
    return layer;
}
