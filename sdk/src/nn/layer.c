/* layer.c - making, naming and ending layers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"

/* ---- layers that could not be made ---- */

static gan_tensor *dead_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)layer;
    (void)activation;
    return gan__poison(x->ctx, GAN_ERROR_STATE, "forward", "the layer could not be made");
}

static const gan__layer_kind dead_kind = {.name = "dead", .forward = dead_forward, .container = true};

/* What stands for a layer for which there is no memory at all. Contexts stay on one thread at a time, and the error
 * itself is in the context, so one per thread is enough. */
static _Thread_local gan_layer no_layer;

static gan_layer *no_memory(gan_context *ctx, gan_layer *parent)
{
    gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for a layer");
    if (parent)
        parent->dead = true;
    no_layer = (gan_layer){.kind = &dead_kind, .ctx = ctx, .dead = true};
    return &no_layer;
}

gan_layer *gan__layer_fail(gan_layer *layer, gan_status status, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    gan_raise(layer->ctx, status, "%s", text);
    layer->dead = true;
    return layer;
}

/* ---- making ---- */

/* `array` points to a pointer; it gets room for one more element. False when memory is short, and all is as before. */
static bool grow(void *array, int count, int *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    int larger = *capacity ? 2 * *capacity : 8;
    void *moved;
    memcpy(&moved, array, sizeof moved);
    moved = realloc(moved, (size_t)larger * size);
    if (!moved)
        return false;
    memcpy(array, &moved, sizeof moved);
    *capacity = larger;
    return true;
}

gan_layer *gan__layer_new(gan_context *ctx, gan_layer *parent, const gan__layer_kind *kind)
{
    if (parent == &no_layer)
        return parent;
    if (parent && !grow(&parent->children, parent->n_children, &parent->child_capacity, sizeof *parent->children))
        return no_memory(ctx, parent);
    gan_layer *layer = calloc(1, sizeof *layer);
    if (!layer)
        return no_memory(ctx, parent);
    *layer = (gan_layer){.kind = kind, .ctx = ctx, .parent = parent, .training = true};
    layer->weight_scale = layer->bias_scale = 1.0f;
    if (!parent)
        return layer;
    layer->training = parent->training;
    layer->depth = parent->depth + 1;
    snprintf(layer->name, sizeof layer->name, "%d", parent->n_children);
    parent->children[parent->n_children++] = layer;
    if (!parent->kind->container)
        return gan__layer_fail(layer, GAN_ERROR_ARGUMENT, "a %s layer cannot have children", parent->kind->name);
    if (layer->depth > GAN__LAYER_DEPTH)
        return gan__layer_fail(layer, GAN_ERROR_LIMIT, "layers are nested more than %d deep", GAN__LAYER_DEPTH);
    return layer;
}

gan_tensor *gan__layer_slot(gan_layer *layer, const char *name, gan_tensor *tensor, gan_slot_kind kind,
                            gan_layout layout)
{
    gan_context *ctx = layer->ctx;
    const char *wrong = NULL;
    if (tensor->poison || layer == &no_layer) {
        layer->dead = true;
        gan_release(tensor);
        return ctx->poison;
    }
    if (strlen(name) == 0 || strlen(name) >= GAN__NAME_MAX)
        wrong = "is empty or too long";
    for (int i = 0; i < layer->n_slots && !wrong; i++)
        if (!strcmp(layer->slots[i].name, name))
            wrong = "is taken";
    if (wrong)
        gan__layer_fail(layer, GAN_ERROR_ARGUMENT, "the parameter name \"%.80s\" %s", name, wrong);
    else if (!grow(&layer->slots, layer->n_slots, &layer->slot_capacity, sizeof *layer->slots))
        gan__layer_fail(layer, GAN_ERROR_MEMORY, "no memory for the parameter \"%s\"", name);
    else {
        gan__slot *slot = &layer->slots[layer->n_slots++];
        *slot = (gan__slot){.tensor = tensor, .kind = kind, .layout = layout};
        snprintf(slot->name, sizeof slot->name, "%s", name);
        return tensor;
    }
    gan_release(tensor);
    return ctx->poison;
}

void gan_layer_rename(gan_layer *layer, const char *name)
{
    if (layer == &no_layer)
        return;
    if (strlen(name) == 0 || strlen(name) >= GAN__NAME_MAX) {
        gan_raise(layer->ctx, GAN_ERROR_ARGUMENT, "the layer name \"%.80s\" is empty or longer than %d bytes", name,
                  GAN__NAME_MAX - 1);
        return;
    }
    for (int i = 0; layer->parent && i < layer->parent->n_children; i++) {
        gan_layer *other = layer->parent->children[i];
        if (other != layer && !strcmp(other->name, name)) {
            gan_raise(layer->ctx, GAN_ERROR_ARGUMENT, "the layer name \"%s\" is taken", name);
            return;
        }
    }
    snprintf(layer->name, sizeof layer->name, "%s", name);
}

/* ---- ending ---- */

static void layer_free(gan_layer *layer)
{
    for (int i = 0; i < layer->n_children; i++)
        layer_free(layer->children[i]);
    if (layer->destroy)
        layer->destroy(layer->user);
    for (int i = 0; i < layer->n_slots; i++)
        gan_release(layer->slots[i].tensor);
    free(layer->children);
    free(layer->slots);
    free(layer);
}

void gan_layer_destroy(gan_layer *layer)
{
    if (!layer || layer == &no_layer)
        return;
    if (layer->parent)
        gan_raise(layer->ctx, GAN_ERROR_STATE, "layer \"%s\" belongs to its parent, which ends it", layer->name);
    else
        layer_free(layer);
}
