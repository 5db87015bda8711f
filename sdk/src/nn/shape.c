/* shape.c - layers without parameters that change the shape. */
#include "layer.h"

static gan_tensor *flatten_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)layer;
    (void)activation;
    return gan_flatten(x);
}

static gan_tensor *reshape_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    gan_shape shape = {.ndim = layer->shape.ndim + 1, .dim = {gan_dim(x, 0)}};
    for (int i = 1; i < shape.ndim; i++)
        shape.dim[i] = layer->shape.dim[i - 1];
    return gan_reshape(x, shape);
}

static gan_tensor *reflect_pad_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    return gan_reflect_pad2d(x, layer->size);
}

static gan_tensor *avg_pool_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    return gan_avg_pool2d(x, layer->size);
}

static gan_tensor *resize_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    return gan_resize_nearest(x, layer->size);
}

static gan_tensor *sum_pool_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)layer;
    (void)activation;
    return gan_sum_over(x, GAN_AXIS(1) | GAN_AXIS(2), false);
}

static gan_tensor *mean_pool_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)layer;
    (void)activation;
    return gan_mean_over(x, GAN_AXIS(1) | GAN_AXIS(2), false);
}

static const gan__layer_kind flatten_kind = {.name = "flatten", .forward = flatten_forward};
static const gan__layer_kind reshape_kind = {.name = "reshape", .forward = reshape_forward};
static const gan__layer_kind reflect_pad_kind = {.name = "reflect_pad2d", .forward = reflect_pad_forward};
static const gan__layer_kind avg_pool_kind = {.name = "avg_pool2d", .forward = avg_pool_forward};
static const gan__layer_kind resize_kind = {.name = "resize_nearest", .forward = resize_forward};

static const gan__layer_kind sum_pool_kind = {.name = "sum_pool", .forward = sum_pool_forward};
static const gan__layer_kind mean_pool_kind = {.name = "mean_pool", .forward = mean_pool_forward};

static gan_layer *sized(gan_layer *parent, const gan__layer_kind *kind, int size)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, kind);
    layer->size = size;
    return layer;
}

gan_layer *gan_nn_flatten(gan_layer *parent)
{
    return gan__layer_new(parent->ctx, parent, &flatten_kind);
}

gan_layer *gan_nn_reshape(gan_layer *parent, gan_shape without_batch)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &reshape_kind);
    layer->shape = without_batch;
    if (without_batch.ndim < 0 || without_batch.ndim >= GAN_MAX_DIMS)
        gan__layer_fail(layer, GAN_ERROR_SHAPE,
                        "reshape: %d dimensions and the batch are more than the %d that a tensor has",
                        without_batch.ndim, GAN_MAX_DIMS);
    return layer;
}

gan_layer *gan_nn_reflect_pad2d(gan_layer *parent, int pad)
{
    return sized(parent, &reflect_pad_kind, pad);
}

gan_layer *gan_nn_avg_pool2d(gan_layer *parent, int size)
{
    return sized(parent, &avg_pool_kind, size);
}

gan_layer *gan_nn_resize_nearest(gan_layer *parent, int factor)
{
    return sized(parent, &resize_kind, factor);
}

gan_layer *gan_nn_sum_pool(gan_layer *parent)
{
    return gan__layer_new(parent->ctx, parent, &sum_pool_kind);
}

gan_layer *gan_nn_mean_pool(gan_layer *parent)
{
    return gan__layer_new(parent->ctx, parent, &mean_pool_kind);
}
