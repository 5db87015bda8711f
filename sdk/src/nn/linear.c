/* linear.c - y = x wᵀ + bias. */
#include "layer.h"

static gan_tensor *linear_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    gan_tensor *made;
    gan_tensor *weight = gan__weight(layer), *bias = gan__scaled(layer->bias, layer->bias_scale, &made);
    gan_tensor *y = gan_linear(x, weight, bias, activation);
    if (weight != layer->weight && !weight->poison)
        gan__drop(weight);
    if (made && !made->poison)
        gan__drop(made);
    return y;
}

static const gan__layer_kind linear_kind = {
    .name = "linear", .forward = linear_forward, .fuses = true, .spectral = true};

gan_layer *gan_nn_linear(gan_layer *parent, int64_t in, int64_t out, const gan_nn_args *args)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &linear_kind);
    gan__weights(layer, GAN_SHAPE(out, in), GAN_LAYOUT_PLAIN, out, args);
    return layer;
}
