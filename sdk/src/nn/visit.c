/* visit.c - modes, walking over parameters and state, describing networks. */
#include <stdio.h>
#include <string.h>

#include "layer.h"

gan_context *gan_layer_context(const gan_layer *layer)
{
    return layer->ctx;
}

void gan_layer_train(gan_layer *layer, bool training)
{
    layer->training = training;
    for (int i = 0; i < layer->n_children; i++)
        gan_layer_train(layer->children[i], training);
}

bool gan_layer_is_training(const gan_layer *layer)
{
    return layer->training;
}

/* ---- slots ---- */

/* `path` holds the name so far, `used` bytes of it. Every name fits, but for layers that were refused because they
 * are nested too deep. */
static void visit(gan_layer *layer, char *path, size_t used, gan_slot_visitor visitor, void *user)
{
    if (layer->depth > GAN__LAYER_DEPTH)
        return;
    for (int i = 0; i < layer->n_slots; i++) {
        const gan__slot *slot = &layer->slots[i];
        snprintf(path + used, GAN__PATH_MAX - used, "%s", slot->name);
        visitor(path, slot->tensor, slot->kind, slot->layout, user);
    }
    for (int i = 0; i < layer->n_children; i++) {
        gan_layer *child = layer->children[i];
        int n = snprintf(path + used, GAN__PATH_MAX - used, "%s.", child->name);
        visit(child, path, used + (size_t)n, visitor, user);
    }
}

void gan_layer_visit(gan_layer *layer, gan_slot_visitor visitor, void *user)
{
    char path[GAN__PATH_MAX];
    visit(layer, path, 0, visitor, user);
}

int gan__layer_slot_count(const gan_layer *layer)
{
    int n = layer->n_slots;
    for (int i = 0; i < layer->n_children; i++)
        n += gan__layer_slot_count(layer->children[i]);
    return n;
}

int64_t gan_layer_parameter_count(gan_layer *layer)
{
    int64_t n = 0;
    for (int i = 0; i < layer->n_slots; i++)
        n += layer->slots[i].kind == GAN_SLOT_PARAMETER ? gan_count(layer->slots[i].tensor) : 0;
    for (int i = 0; i < layer->n_children; i++)
        n += gan_layer_parameter_count(layer->children[i]);
    return n;
}

typedef struct search {
    const char *name;
    gan_tensor *found;
} search;

static void compare_name(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    search *s = user;
    (void)kind;
    (void)layout;
    if (!s->found && !strcmp(name, s->name))
        s->found = tensor;
}

gan_tensor *gan_layer_find(gan_layer *layer, const char *name)
{
    search s = {name, NULL};
    gan_layer_visit(layer, compare_name, &s);
    return s.found;
}

/* ---- describing ---- */

/* Evaluation mode and a trace, or back to how each layer was. */
static void set_trace(gan_layer *layer, gan__trace *trace)
{
    if (trace) {
        layer->was_training = layer->training;
        layer->training = false;
    } else {
        layer->training = layer->was_training;
    }
    layer->trace = trace;
    for (int i = 0; i < layer->n_children; i++)
        set_trace(layer->children[i], trace);
}

static bool takes_labels(const gan_layer *layer)
{
    while (layer->kind->container && layer->n_children > 0)
        layer = layer->children[0];
    return layer->kind == &gan__embedding_layer;
}

/* Labels of zero. */
static gan_tensor *first_class(gan_context *ctx, gan_shape shape)
{
    gan_tensor *zeros = gan_zeros(ctx, shape), *labels = gan__tensor_new(ctx, shape, GAN_I32);
    if (!labels->poison && !zeros->poison)
        gan_assign(labels, zeros);
    return labels;
}

/* A forward pass over zeros tells the shapes of custom layers too. */
gan_status gan_layer_describe(gan_layer *layer, gan_shape input, gan_layer_line line, void *user)
{
    gan_context *ctx = layer->ctx;
    if (ctx->status != GAN_OK)
        return ctx->status;
    gan__trace trace = {line, user, layer};
    gan_random_state random = gan_random_get(ctx);
    gan_no_grad_begin(ctx);
    set_trace(layer, &trace);
    gan_tensor *x = gan_zeros(ctx, input);
    if (takes_labels(layer) && !x->poison)
        x = first_class(ctx, input);
    gan_forward_given(layer, x, first_class(ctx, GAN_SHAPE(input.ndim > 0 ? input.dim[0] : 1)));
    set_trace(layer, NULL);
    gan_no_grad_end(ctx, NULL);
    gan_random_set(ctx, random);
    return ctx->status;
}
