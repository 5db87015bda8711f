/* spectral.c - spectral normalization (Miyato et al. 2018, algorithm 1), and weight clipping. */
#include "layer.h"

#define EPS         1e-12f /* PyTorch's, of a vector's length */
#define FIRST_STEPS 15     /* power iterations when a layer is made; PyTorch does as many */

/* sigma and what leads to it are computed in f32 whatever the run's precision: it scales every weight. */
static gan_precision begin_f32(gan_context *ctx)
{
    gan_precision before = ctx->precision;
    ctx->precision = GAN_PRECISION_F32;
    return before;
}

static gan_tensor *matrix(gan_layer *layer)
{
    return gan_reshape(layer->weight, GAN_SHAPE(gan_dim(layer->weight, 0), -1));
}

/* u as a row, v as a column. */
static gan_tensor *row(gan_tensor *u)
{
    return gan_reshape(u, GAN_SHAPE(1, gan_count(u)));
}

static gan_tensor *column(gan_tensor *v)
{
    return gan_reshape(v, GAN_SHAPE(gan_count(v), 1));
}

gan_tensor *gan__weight(gan_layer *layer)
{
    if (!layer->u)
        return layer->weight_scale == 1.0f ? layer->weight : gan_scale(layer->weight, layer->weight_scale);
    gan_context *ctx = layer->ctx;
    gan_scope_begin(ctx);
    gan_precision before = begin_f32(ctx);
    gan_tensor *wv = gan_matmul(matrix(layer), column(layer->v), 0);
    gan_tensor *sigma = gan_reshape(gan_matmul(row(layer->u), wv, 0), GAN_SHAPE(1));
    gan_tensor *weight = gan_div(layer->weight, sigma);
    if (layer->weight_scale != 1.0f)
        weight = gan_scale(weight, layer->weight_scale);
    ctx->precision = before;
    return gan_scope_end(ctx, weight);
}

/* target = t / |t| */
static void assign_direction(gan_tensor *target, gan_tensor *t)
{
    gan_tensor *length = gan_maximum(gan_sqrt(gan_sqnorm(t)), gan_full(t->ctx, GAN_SHAPE(1), EPS));
    gan_assign(target, gan_reshape(gan_div(t, length), target->shape));
}

static void power_iteration(gan_layer *layer)
{
    gan_context *ctx = layer->ctx;
    gan_no_grad_begin(ctx);
    gan_precision before = begin_f32(ctx);
    gan_tensor *w = matrix(layer);
    assign_direction(layer->v, gan_matmul(row(layer->u), w, 0));
    assign_direction(layer->u, gan_matmul(w, column(layer->v), 0));
    ctx->precision = before;
    gan_no_grad_end(ctx, NULL);
}

gan_status gan_spectral_norm_step(gan_layer *layer)
{
    if (layer->u && !layer->dead)
        power_iteration(layer);
    for (int i = 0; i < layer->n_children; i++)
        gan_spectral_norm_step(layer->children[i]);
    return layer->ctx->status;
}

/* A random direction as state. */
static gan_tensor *direction(gan_layer *layer, const char *name, gan_shape shape, gan_layout layout)
{
    gan_context *ctx = layer->ctx;
    gan_no_grad_begin(ctx);
    gan_tensor *state = gan_keep(gan_zeros(ctx, shape));
    if (!state->poison)
        assign_direction(state, gan_randn(ctx, shape));
    gan_no_grad_end(ctx, NULL);
    return gan__layer_slot(layer, name, state, GAN_SLOT_STATE, layout);
}

gan_layer *gan_nn_spectral_norm(gan_layer *layer)
{
    if (layer->dead)
        return layer;
    if (!layer->kind->spectral)
        return gan__layer_fail(layer, GAN_ERROR_UNSUPPORTED, "spectral normalization is not for %s layers",
                               layer->kind->name);
    if (layer->u)
        return gan__layer_fail(layer, GAN_ERROR_ARGUMENT, "the %s layer is spectrally normalized already",
                               layer->kind->name);
    gan_shape v = layer->weight->shape;
    gan_layout layout = v.ndim == 4 ? GAN_LAYOUT_CONV_WEIGHT : GAN_LAYOUT_PLAIN;
    gan_tensor *u = direction(layer, "weight_u", GAN_SHAPE(v.dim[0]), GAN_LAYOUT_PLAIN);
    v.dim[0] = 1;
    layer->v = direction(layer, "weight_v", v, layout);
    layer->u = u;
    for (int i = 0; i < FIRST_STEPS && !layer->dead; i++)
        power_iteration(layer);
    return layer;
}

static void clip(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *limit)
{
    (void)name;
    (void)layout;
    float c = *(float *)limit;
    if (kind == GAN_SLOT_PARAMETER)
        gan_assign(tensor, gan_clamp(tensor, -c, c));
}

gan_status gan_clip_parameters(gan_layer *layer, float limit)
{
    gan_context *ctx = layer->ctx;
    if (!(limit > 0.0f))
        return gan_raise(ctx, GAN_ERROR_ARGUMENT, "clip_parameters: the limit must be positive, but is %g",
                         (double)limit);
    gan_no_grad_begin(ctx);
    gan_layer_visit(layer, clip, &limit);
    gan_no_grad_end(ctx, NULL);
    return ctx->status;
}
