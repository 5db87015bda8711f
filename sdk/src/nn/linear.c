/* linear.c - y = x wᵀ + bias. */
#include "layer.h"

static gan_tensor *linear_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    gan_tensor *made[2];
    gan_tensor *weight = gan__scaled(layer->weight, layer->weight_scale, &made[0]);
    gan_tensor *bias = gan__scaled(layer->bias, layer->bias_scale, &made[1]);
    gan_tensor *y = gan_linear(x, weight, bias, activation);
    for (int i = 0; i < 2; i++)
        if (made[i])
            gan__drop(made[i]);
    return y;
}

static const gan__layer_kind linear_kind = {"linear", linear_forward, true, false};

gan_layer *gan_nn_linear(gan_layer *parent, int64_t in, int64_t out, const gan_nn_args *args)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &linear_kind);
    gan__weights(layer, GAN_SHAPE(out, in), GAN_LAYOUT_PLAIN, out, args);
    return layer;
}
