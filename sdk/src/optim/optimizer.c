/* optimizer.c - what all optimizers share: their parameters, moments, and saved state. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "optimizer.h"

/* ---- the kinds ---- */

static gan_optimizer *create(gan_context *ctx, gan_optimizer settings)
{
    if (!(settings.lr >= 0.0) || !(settings.eps >= 0.0) || !(settings.b1 >= 0.0 && settings.b1 < 1.0) ||
        !(settings.b2 >= 0.0 && settings.b2 < 1.0)) {
        gan_raise(
            ctx, GAN_ERROR_ARGUMENT,
            "optimizer: lr and eps must not be negative, betas, alpha and momentum must be in [0, 1); they are lr "
            "%g, eps %g, %g and %g",
            settings.lr, settings.eps, settings.b1, settings.b2);
        return NULL;
    }
    gan_optimizer *optimizer = malloc(sizeof *optimizer);
    gan_no_grad_begin(ctx);
    gan_tensor *step = gan_keep(gan__tensor_new(ctx, GAN_SCALAR, GAN_I32));
    gan_no_grad_end(ctx, NULL);
    if (!optimizer || step->poison) {
        gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for an optimizer");
        gan_release(step);
        free(optimizer);
        return NULL;
    }
    *optimizer = settings;
    optimizer->ctx = ctx;
    optimizer->scale = 1.0;
    optimizer->step_tensor = step;
    return optimizer;
}

gan_optimizer *gan_adam(gan_context *ctx, gan_adam_args args)
{
    return create(ctx, (gan_optimizer){.kind = GAN__UPDATE_ADAM,
                                       .lr = args.lr,
                                       .b1 = args.beta1,
                                       .b2 = args.beta2,
                                       .eps = args.eps == 0.0 ? 1e-8 : args.eps,
                                       .first_name = "exp_avg",
                                       .second_name = "exp_avg_sq"});
}

gan_optimizer *gan_rmsprop(gan_context *ctx, gan_rmsprop_args args)
{
    return create(ctx, (gan_optimizer){.kind = GAN__UPDATE_RMSPROP,
                                       .lr = args.lr,
                                       .b2 = args.alpha == 0.0 ? 0.99 : args.alpha,
                                       .eps = args.eps == 0.0 ? 1e-8 : args.eps,
                                       .second_name = "square_avg"});
}

gan_optimizer *gan_sgd(gan_context *ctx, gan_sgd_args args)
{
    return create(ctx, (gan_optimizer){.kind = GAN__UPDATE_SGD,
                                       .lr = args.lr,
                                       .b1 = args.momentum,
                                       .first_name = args.momentum > 0.0 ? "momentum_buffer" : NULL});
}

void gan_optimizer_destroy(gan_optimizer *optimizer)
{
    if (!optimizer)
        return;
    for (int i = 0; i < optimizer->n_trained; i++) {
        gan__trained *t = &optimizer->trained[i];
        gan_release(t->first);
        gan_release(t->second);
        gan_release(t->accumulated);
        free(t->name);
    }
    gan_release(optimizer->step_tensor);
    free(optimizer->layers);
    free(optimizer->trained);
    free(optimizer->inputs);
    free(optimizer->grads);
    free(optimizer->updates);
    free(optimizer);
}

/* ---- parameters ---- */

/* `array` points to a pointer; it gets room for `count` elements. False when memory is short, and all is as before. */
static bool resize(void *array, int count, size_t size)
{
    void *moved;
    memcpy(&moved, array, sizeof moved);
    moved = realloc(moved, (size_t)count * size);
    if (!moved)
        return false;
    memcpy(array, &moved, sizeof moved);
    return true;
}

static bool has_room(gan_optimizer *o)
{
    if (o->n_trained < o->capacity)
        return true;
    int capacity = o->capacity ? 2 * o->capacity : 16;
    if (!resize(&o->trained, capacity, sizeof *o->trained) || !resize(&o->inputs, capacity, sizeof *o->inputs) ||
        !resize(&o->grads, capacity, sizeof *o->grads) || !resize(&o->updates, capacity, sizeof *o->updates))
        return false;
    o->capacity = capacity;
    return true;
}

static gan_tensor *new_moment(gan_optimizer *o, const char *name, gan_shape shape)
{
    if (!name)
        return NULL;
    gan_no_grad_begin(o->ctx);
    gan_tensor *moment = gan_keep(gan_zeros(o->ctx, shape));
    gan_no_grad_end(o->ctx, NULL);
    return moment;
}

static void add_parameter(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    gan_optimizer *o = user;
    if (kind != GAN_SLOT_PARAMETER)
        return;
    for (int i = 0; i < o->n_trained; i++)
        if (o->trained[i].parameter == tensor)
            return;
    gan__trained t = {.layout = layout, .parameter = tensor, .name = malloc(strlen(name) + 16)};
    t.first = new_moment(o, o->first_name, tensor->shape);
    t.second = new_moment(o, o->second_name, tensor->shape);
    if (!t.name || (t.first && t.first->poison) || (t.second && t.second->poison) || !has_room(o)) {
        gan_raise(o->ctx, GAN_ERROR_MEMORY, "no memory for the optimizer's state of %s", name);
        o->dead = true;
        gan_release(t.first);
        gan_release(t.second);
        free(t.name);
        return;
    }
    /* Names stay distinct when one optimizer trains several networks. */
    if (o->adding > 0)
        sprintf(t.name, "%d.%s", o->adding, name);
    else
        strcpy(t.name, name);
    o->trained[o->n_trained++] = t;
}

/* A layer that is there already is looked through again, for parameters that are new. */
void gan_optimizer_add(gan_optimizer *optimizer, gan_layer *layer)
{
    gan_optimizer *o = optimizer;
    if (!o)
        return;
    if (o->ctx != layer->ctx) {
        gan_raise(o->ctx, GAN_ERROR_ARGUMENT, "gan_optimizer_add: the layer belongs to another context");
        return;
    }
    for (o->adding = 0; o->adding < o->n_layers && o->layers[o->adding] != layer;)
        o->adding++;
    if (o->adding == o->n_layers) {
        if (!resize(&o->layers, o->n_layers + 1, sizeof(gan_layer *))) {
            gan_raise(o->ctx, GAN_ERROR_MEMORY, "no memory for an optimizer's layer");
            o->dead = true;
            return;
        }
        o->layers[o->n_layers++] = layer;
    }
    gan_layer_visit(layer, add_parameter, o);
}

/* ---- settings and state ---- */

gan_adam_args gan_adam_lazy(gan_adam_args args, int64_t interval)
{
    if (interval <= 1)
        return args;
    double c = (double)interval / ((double)interval + 1.0);
    args.lr *= c;
    args.beta1 = pow(args.beta1, c);
    args.beta2 = pow(args.beta2, c);
    return args;
}

void gan_optimizer_set_lr(gan_optimizer *optimizer, double lr)
{
    if (!optimizer)
        return;
    if (lr >= 0.0)
        optimizer->lr = lr;
    else
        gan_raise(optimizer->ctx, GAN_ERROR_ARGUMENT, "optimizer: lr must not be negative, but is %g", lr);
}

void gan_optimizer_scale_lr(gan_optimizer *optimizer, double scale)
{
    if (optimizer)
        optimizer->scale = scale;
}

double gan_optimizer_lr(const gan_optimizer *optimizer)
{
    return optimizer ? optimizer->lr * optimizer->scale : 0.0;
}

int64_t gan_optimizer_steps(const gan_optimizer *optimizer)
{
    return optimizer ? optimizer->steps : 0;
}

static void zero(gan_tensor *t)
{
    if (!t)
        return;
    gan_no_grad_begin(t->ctx);
    gan_assign(t, gan_zeros(t->ctx, t->shape));
    gan_no_grad_end(t->ctx, NULL);
}

void gan_optimizer_reset(gan_optimizer *optimizer)
{
    if (!optimizer)
        return;
    optimizer->steps = 0;
    for (int i = 0; i < optimizer->n_trained; i++) {
        gan__trained *t = &optimizer->trained[i];
        zero(t->first);
        zero(t->second);
        gan_release(t->accumulated);
        t->accumulated = NULL;
    }
}

static void visit_moment(const char *prefix, gan_tensor *moment, const gan__trained *t, gan_slot_visitor visit,
                         void *user)
{
    char name[GAN__PATH_MAX + 64];
    if (!moment)
        return;
    snprintf(name, sizeof name, "%s.%s", prefix, t->name);
    visit(name, moment, GAN_SLOT_STATE, t->layout, user);
}

/* The counter lives on the host. It is written to its tensor before the visit and read back after it, so that a
 * visitor may save it as well as load it. */
void gan_optimizer_visit(gan_optimizer *optimizer, gan_slot_visitor visit, void *user)
{
    gan_optimizer *o = optimizer;
    if (!o)
        return;
    gan__backend *be = o->ctx->backend;
    int32_t before = o->steps < INT32_MAX ? (int32_t)o->steps : INT32_MAX, after = before;
    gan_status status = be->ops->copy_in(be, o->step_tensor->storage->data, &before, sizeof before);
    if (status != GAN_OK) {
        gan__poison_backend(o->ctx, status, "optimizer state", 0, NULL);
        return;
    }
    for (int i = 0; i < o->n_trained; i++) {
        const gan__trained *t = &o->trained[i];
        visit_moment(o->first_name, t->first, t, visit, user);
        visit_moment(o->second_name, t->second, t, visit, user);
    }
    visit("step", o->step_tensor, GAN_SLOT_STATE, GAN_LAYOUT_PLAIN, user);
    if (gan_read_i32(o->step_tensor, &after) == GAN_OK && after != before && after >= 0)
        o->steps = after;
}
