/* ema.c - exponential moving average of a layer's parameters. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/capture.h"
#include "nn/layer.h"

#include <gan/optim.h>

typedef struct average {
    char *name;
    gan_slot_kind kind;
    gan_layout layout;
    gan_tensor *current; /* the layer's */
    gan_tensor *value;
} average;

struct gan_ema {
    gan_layer *layer;
    average *averages;
    gan__update *updates; /* for one update; as long as `averages` */
    int n, capacity;
    bool swapped;
};

static void add_average(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    gan_ema *ema = user;
    gan_context *ctx = ema->layer->ctx;
    for (int i = 0; i < ema->n; i++)
        if (ema->averages[i].current == tensor)
            return;
    char *copy = strdup(name);
    gan_no_grad_begin(ctx);
    gan_tensor *value = gan_keep(gan__tensor_new(ctx, tensor->shape, tensor->dtype));
    gan_no_grad_end(ctx, NULL);
    if (!copy || value->poison || ema->n == ema->capacity || gan_assign(value, tensor) != GAN_OK) {
        gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for the moving average of %s", name);
        gan_release(value);
        free(copy);
        return;
    }
    ema->averages[ema->n++] = (average){copy, kind, layout, tensor, value};
}

/* Take up the slots that the layer has and the average has not: all at first, later those of a growing network. */
static bool take_up_slots(gan_ema *ema)
{
    int count = gan__layer_slot_count(ema->layer);
    if (count == ema->n)
        return true;
    average *averages = realloc(ema->averages, (size_t)(count + 1) * sizeof *averages);
    ema->averages = averages ? averages : ema->averages;
    gan__update *updates = realloc(ema->updates, (size_t)(count + 1) * sizeof *updates);
    ema->updates = updates ? updates : ema->updates;
    if (averages && updates)
        ema->capacity = count;
    else
        gan_raise(ema->layer->ctx, GAN_ERROR_MEMORY, "no memory for a moving average of %d tensors", count);
    gan_layer_visit(ema->layer, add_average, ema);
    return ema->n == count;
}

gan_ema *gan_ema_create(gan_layer *layer)
{
    gan_ema *ema = calloc(1, sizeof *ema);
    if (!ema) {
        gan_raise(layer->ctx, GAN_ERROR_MEMORY, "no memory for a moving average");
        return NULL;
    }
    ema->layer = layer;
    if (take_up_slots(ema))
        return ema;
    gan_ema_destroy(ema);
    return NULL;
}

void gan_ema_destroy(gan_ema *ema)
{
    if (!ema)
        return;
    for (int i = 0; i < ema->n; i++) {
        gan_release(ema->averages[i].value);
        free(ema->averages[i].name);
    }
    free(ema->averages);
    free(ema->updates);
    free(ema);
}

gan_status gan_ema_update(gan_ema *ema, double beta)
{
    gan_context *ctx = ema->layer->ctx;
    if (ctx->status != GAN_OK)
        return ctx->status;
    if (ema->swapped)
        return gan_raise(ctx, GAN_ERROR_STATE, "gan_ema_update between two calls of gan_ema_swap");
    if (!(beta >= 0.0 && beta <= 1.0))
        return gan_raise(ctx, GAN_ERROR_ARGUMENT, "gan_ema_update: beta must be in [0, 1], but is %g", beta);
    if (!take_up_slots(ema))
        return ctx->status;
    int n = 0;
    for (int i = 0; i < ema->n; i++) {
        average *a = &ema->averages[i];
        if (a->kind == GAN_SLOT_STATE) {
            gan_assign(a->value, a->current);
            continue;
        }
        gan__storage_touch(ctx, a->value->storage);
        ema->updates[n++] =
            (gan__update){.p = a->value->storage->data, .g = a->current->storage->data, .n = gan_count(a->current)};
    }
    gan__update_args args = {.kind = GAN__UPDATE_EMA, .b1 = beta, .step = 1};
    gan__capture_update(ctx, NULL, NULL, &args);
    gan_status status = ctx->backend->ops->update(ctx->backend, &args, ema->updates, n);
    if (status != GAN_OK)
        gan__poison_backend(ctx, status, "moving average", 0, NULL);
    return ctx->status;
}

/* Storages change places, with the packed copies that belong to them: no value is copied. */
void gan_ema_swap(gan_ema *ema)
{
    for (int i = 0; i < ema->n; i++) {
        average *a = &ema->averages[i];
        gan__storage *storage = a->current->storage;
        a->current->storage = a->value->storage;
        a->value->storage = storage;
    }
    ema->swapped = !ema->swapped;
}

void gan_ema_visit(gan_ema *ema, gan_slot_visitor visit, void *user)
{
    for (int i = 0; i < ema->n; i++) {
        average *a = &ema->averages[i];
        visit(a->name, a->value, a->kind, a->layout, user);
    }
}

double gan_ema_beta(double images, double halflife)
{
    return halflife > 0.0 ? pow(0.5, images / halflife) : 0.0;
}
