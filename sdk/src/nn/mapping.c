/* mapping.c - from latents to styles (Karras et al. 2019). */
#include <gan/style.h>

#include <math.h>

#include "layer.h"

static const float PIXEL_EPS = 1e-8f, SLOPE = 0.2f;

/* Children: 0 the dense layers, 1 the embedding, if there are classes. In f32 whatever the run's precision: an error in
 * w is one of all pixels, and this network is small. */
static gan_tensor *mapping_forward(gan_layer *layer, gan_tensor *z, gan_activation activation)
{
    gan_context *ctx = layer->ctx;
    gan_tensor *labels = NULL, *bad;
    (void)activation;
    if (layer->n_children > 1 && !(labels = gan__labels_for(layer, z, &bad)))
        return bad;
    gan_scope_begin(ctx);
    gan_precision before = ctx->precision;
    ctx->precision = GAN_PRECISION_F32;
    gan_tensor *x = gan_pixel_norm(gan_cast(z, GAN_F32), PIXEL_EPS);
    if (labels) {
        gan_tensor *embedded = gan_pixel_norm(gan_forward(layer->children[1], labels), PIXEL_EPS);
        x = gan_concat((gan_tensor *[]){x, embedded}, 2, 1);
    }
    gan_tensor *w = gan_forward(layer->children[0], x);
    ctx->precision = before;
    return gan_scope_end(ctx, w);
}

static const gan__layer_kind mapping_kind = {
    .name = "mapping", .forward = mapping_forward, .container = true, .labelled = true};

/* The gain of the activation, a factor of both weight and bias because LeakyReLU(g x) = g LeakyReLU(x). */
static void dense(gan_layer *parent, int64_t in, int64_t out, float lr_multiplier)
{
    const float gain = sqrtf(2.0f);
    gan_layer *linear = gan_nn_linear(parent, in, out,
                                      &(gan_nn_args){.weight = {GAN_INIT_EQUALIZED, gain, 0.0f},
                                                     .bias = {GAN_INIT_CONSTANT, 0.0f, 0.0f},
                                                     .lr_multiplier = lr_multiplier});
    if (!linear->dead)
        linear->bias_scale *= gain;
    gan_nn_leaky_relu(parent, SLOPE);
}

gan_layer *gan_nn_mapping(gan_context *ctx, gan_layer *parent, const gan_mapping_args *args)
{
    gan_layer *layer = gan__layer_new(ctx, parent, &mapping_kind);
    if (layer->kind != &mapping_kind || layer->dead)
        return layer;
    if (args->latent < 1 || args->width < 1 || args->classes < 0 || args->layers < 1 || args->layers > 64 ||
        !(args->lr_multiplier >= 0.0f))
        return gan__layer_fail(layer, GAN_ERROR_ARGUMENT,
                               "a mapping network of %d layers from %lld latents and %lld classes to %lld numbers, "
                               "with a learning rate times %g, is not possible",
                               args->layers, (long long)args->latent, (long long)args->classes, (long long)args->width,
                               (double)args->lr_multiplier);
    gan_layer *layers = gan_sequential(ctx, layer);
    gan_layer_rename(layers, "dense");
    int64_t in = args->latent + (args->classes > 0 ? args->width : 0);
    for (int i = 0; i < args->layers; i++)
        dense(layers, i == 0 ? in : args->width, args->width, args->lr_multiplier);
    if (args->classes > 0) /* normalized when it is used, so that no scale at run time would change a thing */
        gan_layer_rename(gan_nn_embedding(layer, args->classes, args->width, NULL), "embed");
    layer->mean = gan_layer_state(layer, "w_avg", GAN_SHAPE(args->width), 0.0f);
    for (int i = 0; i < layer->n_children; i++)
        layer->dead = layer->dead || layer->children[i]->dead;
    return layer;
}

gan_tensor *gan_mapping_average(gan_layer *mapping)
{
    if (mapping->kind == &mapping_kind && !mapping->dead)
        return mapping->mean;
    return gan__poison(mapping->ctx, GAN_ERROR_ARGUMENT, "mapping_average", "a %s layer%s has no average style",
                       mapping->kind->name, mapping->dead ? " that could not be made" : "");
}

void gan_mapping_track(gan_layer *mapping, gan_tensor *w, float decay)
{
    gan_context *ctx = mapping->ctx;
    gan_tensor *average = gan_mapping_average(mapping);
    if (average->poison || w->poison)
        return;
    if (w->shape.ndim != 2 || w->shape.dim[0] < 1 || w->shape.dim[1] != average->shape.dim[0] ||
        !(decay >= 0.0f && decay <= 1.0f)) {
        gan_raise(ctx, GAN_ERROR_ARGUMENT, "mapping_track: styles %s with a decay of %g do not fit an average %s",
                  GAN__TEXT(w->shape), (double)decay, GAN__TEXT(average->shape));
        return;
    }
    gan_no_grad_begin(ctx);
    gan_assign(average, gan_lerp(gan_mean_over(w, GAN_AXIS(0), false), average, decay));
    gan_no_grad_end(ctx, NULL);
}
