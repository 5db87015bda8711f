/* init.c - initial values of parameters. */
#include <math.h>
#include <string.h>

#include "layer.h"

gan__fan gan__fan_of(gan_shape shape)
{
    gan__fan fan = {1.0, 1.0};
    for (int i = 0; i < shape.ndim; i++) {
        fan.in *= i > 0 || shape.ndim == 1 ? (double)shape.dim[i] : 1.0;
        fan.out *= i < shape.ndim - 1 || shape.ndim == 1 ? (double)shape.dim[i] : 1.0;
    }
    return fan;
}

static gan_tensor *uniform(gan_context *ctx, gan_shape shape, double low, double high)
{
    return gan_rand(ctx, shape, (float)low, (float)high);
}

static gan_tensor *normal(gan_context *ctx, gan_shape shape, double mean, double deviation)
{
    gan_tensor *z = gan_randn(ctx, shape);
    if (deviation != 1.0)
        z = gan_scale(z, (float)deviation);
    return mean != 0.0 ? gan_add_scalar(z, (float)mean) : z;
}

static gan_tensor *initial_value(gan_context *ctx, gan_shape shape, gan_init init, gan__fan fan)
{
    double bound = 1.0 / sqrt(fan.in), sum = fan.in + fan.out;
    switch (init.kind) {
    case GAN_INIT_DEFAULT:
        return uniform(ctx, shape, -bound, bound);
    case GAN_INIT_CONSTANT:
        return gan_full(ctx, shape, init.a);
    case GAN_INIT_UNIFORM:
        return uniform(ctx, shape, init.a, init.b);
    case GAN_INIT_NORMAL:
        return normal(ctx, shape, init.a, init.b);
    case GAN_INIT_XAVIER_UNIFORM:
        bound = init.a * sqrt(6.0 / sum);
        return uniform(ctx, shape, -bound, bound);
    case GAN_INIT_XAVIER_NORMAL:
        return normal(ctx, shape, 0.0, init.a * sqrt(2.0 / sum));
    case GAN_INIT_KAIMING_UNIFORM:
        bound = init.a * sqrt(3.0 / fan.in);
        return uniform(ctx, shape, -bound, bound);
    case GAN_INIT_KAIMING_NORMAL:
        return normal(ctx, shape, 0.0, init.a / sqrt(fan.in));
    case GAN_INIT_EQUALIZED:
        return normal(ctx, shape, 0.0, 1.0);
    }
    return gan__poison(ctx, GAN_ERROR_ARGUMENT, "initialiser", "there is no kind %d", (int)init.kind);
}

gan_tensor *gan__parameter(gan_layer *layer, const char *name, gan_shape shape, gan_layout layout, gan_init init,
                           gan__fan fan, float divisor)
{
    gan_context *ctx = layer->ctx;
    bool empty = shape.ndim < 0 || shape.ndim > GAN_MAX_DIMS;
    for (int i = 0; i < shape.ndim && !empty; i++)
        empty = shape.dim[i] <= 0;
    if (empty) {
        gan__layer_fail(layer, GAN_ERROR_SHAPE, "parameter \"%s\" of a %s layer: a size is not positive (%s)", name,
                        layer->kind->name, GAN__TEXT(shape));
        return ctx->poison;
    }
    gan_no_grad_begin(ctx);
    gan_tensor *value = initial_value(ctx, shape, init, fan);
    if (divisor != 1.0f)
        value = gan_scale(value, 1.0f / divisor);
    gan_tensor *parameter = gan_keep(gan_variable(value));
    gan_no_grad_end(ctx, NULL);
    return gan__layer_slot(layer, name, parameter, GAN_SLOT_PARAMETER, layout);
}

void gan__weights(gan_layer *layer, gan_shape weight, gan_layout layout, int64_t bias, const gan_nn_args *args)
{
    const gan_nn_args a = args ? *args : (gan_nn_args){0};
    gan__fan fan = gan__fan_of(weight);
    bool equalized = a.weight.kind == GAN_INIT_EQUALIZED;
    float multiplier = equalized && a.lr_multiplier != 0.0f ? a.lr_multiplier : 1.0f;
    layer->weight = gan__parameter(layer, "weight", weight, layout, a.weight, fan, multiplier);
    if (!a.no_bias)
        layer->bias = gan__parameter(layer, "bias", GAN_SHAPE(bias), GAN_LAYOUT_PLAIN, a.bias, fan, multiplier);
    if (equalized) {
        layer->weight_scale = (float)(a.weight.a * multiplier / sqrt(fan.in));
        layer->bias_scale = multiplier;
    }
}

gan_tensor *gan__scaled(gan_tensor *t, float scale, gan_tensor **made)
{
    *made = NULL;
    if (!t || scale == 1.0f)
        return t;
    return *made = gan_scale(t, scale);
}

gan_tensor *gan_layer_parameter(gan_layer *layer, const char *name, gan_shape shape, gan_init init)
{
    return gan__parameter(layer, name, shape, GAN_LAYOUT_PLAIN, init, gan__fan_of(shape), 1.0f);
}

gan_tensor *gan_layer_state(gan_layer *layer, const char *name, gan_shape shape, float value)
{
    gan_context *ctx = layer->ctx;
    gan_no_grad_begin(ctx);
    gan_tensor *state = gan_keep(gan_full(ctx, shape, value));
    gan_no_grad_end(ctx, NULL);
    return gan__layer_slot(layer, name, state, GAN_SLOT_STATE, GAN_LAYOUT_PLAIN);
}
