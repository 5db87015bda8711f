/* norm.c - normalization layers. */
#include "layer.h"

/* PyTorch's defaults; pixel norm's is that of Karras et al. 2018. */
static const float EPS = 1e-5f, MOMENTUM = 0.1f, PIXEL_EPS = 1e-8f;

gan_tensor *gan__batch_norm(gan_layer *layer, gan_tensor *x, gan_tensor *gamma, gan_tensor *beta,
                            gan_activation activation)
{
    return gan_batch_norm(x, &(gan_batch_norm_args){.gamma = gamma,
                                                    .beta = beta,
                                                    .running_mean = layer->mean,
                                                    .running_var = layer->variance,
                                                    .momentum = MOMENTUM,
                                                    .eps = EPS,
                                                    .training = layer->training,
                                                    .activation = activation});
}

static gan_tensor *batch_norm_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    return gan__batch_norm(layer, x, layer->weight, layer->bias, activation);
}

static gan_tensor *instance_norm_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    return gan_instance_norm(x, layer->weight, layer->bias, EPS, activation);
}

static gan_tensor *layer_norm_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    return gan_layer_norm(x, layer->weight, layer->bias, EPS);
}

static gan_tensor *pixel_norm_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)layer;
    (void)activation;
    return gan_pixel_norm(x, PIXEL_EPS);
}

static const gan__layer_kind batch_norm_kind = {.name = "batch_norm", .forward = batch_norm_forward, .fuses = true};
static const gan__layer_kind instance_norm_kind = {
    .name = "instance_norm", .forward = instance_norm_forward, .fuses = true};
static const gan__layer_kind layer_norm_kind = {.name = "layer_norm", .forward = layer_norm_forward, .fuses = false};
static const gan__layer_kind pixel_norm_kind = {.name = "pixel_norm", .forward = pixel_norm_forward, .fuses = false};

static void affine(gan_layer *layer, gan_shape shape, const gan_init *gamma)
{
    gan_init ones = {GAN_INIT_CONSTANT, 1.0f, 0.0f}, zeros = {GAN_INIT_CONSTANT, 0.0f, 0.0f};
    layer->weight =
        gan_layer_parameter(layer, "weight", shape, gamma && gamma->kind != GAN_INIT_DEFAULT ? *gamma : ones);
    layer->bias = gan_layer_parameter(layer, "bias", shape, zeros);
}

void gan__running_statistics(gan_layer *layer, int64_t channels)
{
    layer->mean = gan_layer_state(layer, "running_mean", GAN_SHAPE(channels), 0.0f);
    layer->variance = gan_layer_state(layer, "running_var", GAN_SHAPE(channels), 1.0f);
}

gan_layer *gan_nn_batch_norm(gan_layer *parent, int64_t channels, const gan_init *gamma)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &batch_norm_kind);
    affine(layer, GAN_SHAPE(channels), gamma);
    gan__running_statistics(layer, channels);
    return layer;
}

gan_layer *gan_nn_instance_norm(gan_layer *parent, int64_t channels, bool with_affine)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &instance_norm_kind);
    if (with_affine)
        affine(layer, GAN_SHAPE(channels), NULL);
    return layer;
}

gan_layer *gan_nn_layer_norm(gan_layer *parent, gan_shape shape)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &layer_norm_kind);
    affine(layer, shape, NULL);
    return layer;
}

gan_layer *gan_nn_pixel_norm(gan_layer *parent)
{
    return gan__layer_new(parent->ctx, parent, &pixel_norm_kind);
}
