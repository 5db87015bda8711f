/* custom.c - layers of the caller's own. */
#include <stdio.h>

#include "layer.h"

/* In a scope of its own, so that what a forward function makes on its way is released behind it. */
static gan_tensor *custom_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    gan_scope_begin(layer->ctx);
    gan_tensor *y = layer->custom(layer, x, layer->user);
    return gan_scope_end(
        layer->ctx,
        y ? y : gan__poison(layer->ctx, GAN_ERROR_STATE, layer->custom_name, "the forward function returned NULL"));
}

const gan__layer_kind gan__custom_layer = {
    .name = "custom", .forward = custom_forward, .container = true, .labelled = true};

gan_layer *gan_custom(gan_context *ctx, gan_layer *parent, const char *kind, gan_forward_fn forward, void *user,
                      void (*destroy)(void *user))
{
    gan_layer *layer = gan__layer_new(ctx, parent, &gan__custom_layer);
    if (layer->kind != &gan__custom_layer)
        return layer; /* no memory: `user` stays the caller's, who may go on using it */
    snprintf(layer->custom_name, sizeof layer->custom_name, "%s", kind ? kind : "custom");
    layer->custom = forward;
    layer->user = user;
    layer->destroy = destroy;
    return layer;
}

gan_layer *gan_nn_custom(gan_layer *parent, const char *kind, gan_forward_fn forward, void *user,
                         void (*destroy)(void *user))
{
    return gan_custom(parent->ctx, parent, kind, forward, user, destroy);
}
