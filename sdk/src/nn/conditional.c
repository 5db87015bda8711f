/* conditional.c - layers that depend on labels, and how the labels get to them. */
#include "layer.h"

gan_tensor *gan_forward_given(gan_layer *layer, gan_tensor *x, gan_tensor *labels)
{
    gan_tensor *before = layer->labels;
    layer->labels = labels;
    gan_tensor *y = gan_forward(layer, x);
    layer->labels = before;
    return y;
}

gan_tensor *gan_layer_labels(const gan_layer *layer)
{
    for (; layer; layer = layer->parent)
        if (layer->labels)
            return layer->labels;
    return NULL;
}

gan_tensor *gan__labels_for(gan_layer *layer, gan_tensor *x, gan_tensor **bad)
{
    gan_tensor *labels = gan_layer_labels(layer);
    if (labels && labels->poison)
        *bad = labels;
    else if (!labels)
        *bad = gan__poison(layer->ctx, GAN_ERROR_STATE, layer->kind->name,
                           "it needs labels, but the network was applied without (see gan_forward_given)");
    else if (gan_ndim(labels) != 1 || gan_ndim(x) < 2 || gan_dim(labels, 0) != gan_dim(x, 0))
        *bad = gan__poison(layer->ctx, GAN_ERROR_SHAPE, layer->kind->name, "labels %s do not fit an input %s",
                           GAN__TEXT(labels->shape), GAN__TEXT(x->shape));
    else
        return labels;
    return NULL;
}

/* ---- conditional batch norm ---- */

/* The rows of a table [classes, C] that the labels name, [N, 1, ..., C], in x's type. */
static gan_tensor *rows_for(gan_tensor *table, gan_tensor *labels, gan_tensor *x)
{
    gan_shape shape = {.ndim = gan_ndim(x)};
    for (int i = 0; i < shape.ndim; i++)
        shape.dim[i] = i == 0 || i == shape.ndim - 1 ? gan_dim(x, i) : 1;
    return gan_cast(gan_reshape(gan_embedding(table, labels), shape), x->dtype);
}

static gan_tensor *conditional_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    gan_tensor *bad;
    gan_tensor *labels = gan__labels_for(layer, x, &bad);
    if (!labels)
        return bad;
    gan_scope_begin(layer->ctx);
    gan_tensor *y = gan__batch_norm(layer, x, NULL, NULL, GAN__NO_ACTIVATION);
    if (y->poison)
        return gan_scope_end(layer->ctx, y);
    gan_tensor *scaled = gan_mul(y, rows_for(layer->weight, labels, y));
    gan__drop(y);
    gan_tensor *shifted = gan_add(scaled, rows_for(layer->bias, labels, scaled));
    if (!scaled->poison)
        gan__drop(scaled);
    return gan_scope_end(layer->ctx, gan_activate(shifted, activation));
}

static const gan__layer_kind conditional_kind = {
    .name = "conditional_batch_norm", .forward = conditional_forward, .fuses = true, .labelled = true};

gan_layer *gan_nn_conditional_batch_norm(gan_layer *parent, int64_t channels, int64_t classes)
{
    gan_init ones = {GAN_INIT_CONSTANT, 1.0f, 0.0f}, zeros = {GAN_INIT_CONSTANT, 0.0f, 0.0f};
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &conditional_kind);
    layer->weight = gan_layer_parameter(layer, "weight", GAN_SHAPE(classes, channels), ones);
    layer->bias = gan_layer_parameter(layer, "bias", GAN_SHAPE(classes, channels), zeros);
    gan__running_statistics(layer, channels);
    return layer;
}

/* ---- projection ---- */

static gan_tensor *projection_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    gan_tensor *bad;
    gan_tensor *labels = gan__labels_for(layer, x, &bad);
    (void)activation;
    if (!labels)
        return bad;
    gan_scope_begin(layer->ctx);
    gan_tensor *vector = gan_embedding(gan__weight(layer), labels);
    return gan_scope_end(layer->ctx, gan_sum_over(gan_mul(gan_flatten(x), vector), GAN_AXIS(1), true));
}

static const gan__layer_kind projection_kind = {
    .name = "projection", .forward = projection_forward, .spectral = true, .labelled = true};

gan_layer *gan_nn_projection(gan_layer *parent, int64_t features, int64_t classes, const gan_init *weight)
{
    gan_init init = {GAN_INIT_NORMAL, 0.0f, 1.0f};
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &projection_kind);
    if (weight && weight->kind != GAN_INIT_DEFAULT)
        init = *weight;
    layer->weight = gan_layer_parameter(layer, "weight", GAN_SHAPE(classes, features), init);
    return layer;
}

/* ---- a joined label ---- */

static gan_tensor *join_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    gan_tensor *bad;
    gan_tensor *labels = gan__labels_for(layer, x, &bad);
    (void)activation;
    if (!labels)
        return bad;
    gan_scope_begin(layer->ctx);
    gan_tensor *vector = gan_cast(gan_embedding(layer->weight, labels), x->dtype);
    return gan_scope_end(layer->ctx, gan_concat((gan_tensor *[]){gan_flatten(x), vector}, 2, 1));
}

static const gan__layer_kind join_kind = {.name = "join_label", .forward = join_forward, .labelled = true};

gan_layer *gan_nn_join_label(gan_layer *parent, int64_t classes, int64_t width)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &join_kind);
    layer->weight =
        gan_layer_parameter(layer, "weight", GAN_SHAPE(classes, width), (gan_init){GAN_INIT_NORMAL, 0.0f, 1.0f});
    return layer;
}
