/* activation.c - activations and dropout. */
#include "layer.h"

static gan_tensor *activation_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    return gan_activate(x, layer->activation);
}

static gan_tensor *dropout_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    return layer->training ? gan_dropout(x, layer->value) : x;
}

const gan__layer_kind gan__activation_layer = {.name = "activation", .forward = activation_forward};
static const gan__layer_kind dropout_kind = {.name = "dropout", .forward = dropout_forward};

gan_layer *gan_nn_activation(gan_layer *parent, gan_activation activation)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &gan__activation_layer);
    layer->activation = activation;
    if (!(activation.slope >= 0.0f))
        gan__layer_fail(layer, GAN_ERROR_ARGUMENT, "an activation's slope must not be negative, but is %g",
                        (double)activation.slope);
    return layer;
}

gan_layer *gan_nn_relu(gan_layer *parent)
{
    return gan_nn_activation(parent, (gan_activation){GAN_RELU, 0.0f});
}

gan_layer *gan_nn_leaky_relu(gan_layer *parent, float slope)
{
    return gan_nn_activation(parent, (gan_activation){GAN_LEAKY_RELU, slope});
}

gan_layer *gan_nn_tanh(gan_layer *parent)
{
    return gan_nn_activation(parent, (gan_activation){GAN_TANH, 0.0f});
}

gan_layer *gan_nn_sigmoid(gan_layer *parent)
{
    return gan_nn_activation(parent, (gan_activation){GAN_SIGMOID, 0.0f});
}

gan_layer *gan_nn_dropout(gan_layer *parent, float p)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &dropout_kind);
    layer->value = p;
    if (!(p >= 0.0f && p < 1.0f))
        gan__layer_fail(layer, GAN_ERROR_ARGUMENT, "a dropout probability must be in [0, 1), but is %g", (double)p);
    return layer;
}
