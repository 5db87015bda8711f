/* embedding.c - a table of vectors, one per label. */
#include "layer.h"

static gan_tensor *embedding_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    return gan_embedding(gan__weight(layer), x);
}

const gan__layer_kind gan__embedding_layer = {.name = "embedding", .forward = embedding_forward, .spectral = true};

gan_layer *gan_nn_embedding(gan_layer *parent, int64_t entries, int64_t width, const gan_init *weight)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &gan__embedding_layer);
    gan_init init = {GAN_INIT_NORMAL, 0.0f, 1.0f}; /* PyTorch's of nn.Embedding */
    if (weight && weight->kind != GAN_INIT_DEFAULT)
        init = *weight;
    layer->weight = gan_layer_parameter(layer, "weight", GAN_SHAPE(entries, width), init);
    return layer;
}
