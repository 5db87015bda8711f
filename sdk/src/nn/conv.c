/* conv.c - convolution and transposed convolution. */
#include "layer.h"

static gan_tensor *apply(gan_layer *layer, gan_tensor *x, gan_activation activation,
                         gan_tensor *(*op)(gan_tensor *, gan_tensor *, gan_tensor *, gan_conv, gan_activation))
{
    gan_tensor *made;
    gan_tensor *weight = gan__weight(layer), *bias = gan__scaled(layer->bias, layer->bias_scale, &made);
    gan_tensor *y = op(x, weight, bias, layer->conv, activation);
    if (weight != layer->weight && !weight->poison)
        gan__drop(weight);
    if (made && !made->poison)
        gan__drop(made);
    return y;
}

static gan_tensor *conv_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    return apply(layer, x, activation, gan_conv2d);
}

static gan_tensor *transpose_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    return apply(layer, x, activation, gan_conv2d_transpose);
}

static const gan__layer_kind conv_kind = {.name = "conv2d", .forward = conv_forward, .fuses = true, .spectral = true};
static const gan__layer_kind transpose_kind = {.name = "conv2d_transpose", .forward = transpose_forward, .fuses = true};

gan_layer *gan_nn_conv2d(gan_layer *parent, int64_t in, int64_t out, int kernel, gan_conv p, const gan_nn_args *args)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &conv_kind);
    layer->conv = p;
    gan__weights(layer, GAN_SHAPE(out, kernel, kernel, in), GAN_LAYOUT_CONV_WEIGHT, out, args);
    return layer;
}

/* The weight is [in, K, K, out], so fan_in is out K²: PyTorch counts it so for nn.ConvTranspose2d too. */
gan_layer *gan_nn_conv2d_transpose(gan_layer *parent, int64_t in, int64_t out, int kernel, gan_conv p,
                                   const gan_nn_args *args)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &transpose_kind);
    layer->conv = p;
    gan__weights(layer, GAN_SHAPE(in, kernel, kernel, out), GAN_LAYOUT_CONV_WEIGHT, out, args);
    return layer;
}
