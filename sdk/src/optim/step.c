/* step.c - one step down a gradient. */
#include <string.h>

#include "core/capture.h"
#include "optimizer.h"

/* The derivatives of `loss`, in the current scope, into o->grads. */
static gan_status derive(gan_optimizer *o, gan_tensor *loss, const char *what)
{
    gan_context *ctx = o->ctx;
    if (ctx->status != GAN_OK)
        return ctx->status;
    if (o->dead || loss->poison)
        return gan_raise(ctx, GAN_ERROR_STATE, "%s: the %s", what,
                         o->dead ? "optimizer could not be made whole" : "loss is the result of a failed operator");
    if (gan_count(loss) != 1)
        return gan_raise(ctx, GAN_ERROR_SHAPE, "%s: the loss must have one element, but is %s", what,
                         GAN__TEXT(loss->shape));
    for (int i = 0; i < o->n_trained; i++) {
        o->inputs[i] = o->trained[i].parameter;
        o->grads[i] = NULL;
    }
    gan_status status = gan__grad(loss, NULL, o->inputs, o->n_trained, o->grads, GAN_GRAD_DEFAULT);
    if (status != GAN_OK)
        return status;
    for (int i = 0; i < o->n_trained; i++)
        if (o->grads[i])
            return GAN_OK;
    return gan_raise(ctx, GAN_ERROR_STATE,
                     "%s: the loss depends on none of the optimizer's %d parameters; was it detached, or made without "
                     "recording?",
                     what, o->n_trained);
}

static gan__update_args settings(const gan_optimizer *o)
{
    return (gan__update_args){
        .kind = o->kind, .lr = o->lr * o->scale, .b1 = o->b1, .b2 = o->b2, .eps = o->eps, .step = o->steps + 1};
}

/* For a replay of a recorded step. */
static void next_settings(void *user, gan__update_args *out)
{
    gan_optimizer *o = user;
    *out = settings(o);
    o->steps++;
}

/* Step with o->grads; NULL where a parameter stays as it is. */
static gan_status update(gan_optimizer *o)
{
    gan_context *ctx = o->ctx;
    int n = 0;
    for (int i = 0; i < o->n_trained; i++) {
        gan__trained *t = &o->trained[i];
        if (!o->grads[i])
            continue;
        if (o->grads[i]->poison)
            return gan_raise(ctx, GAN_ERROR_STATE, "optimizer: the derivative of %s failed", t->name);
        gan__storage_touch(ctx, t->parameter->storage);
        o->updates[n++] = (gan__update){.p = t->parameter->storage->data,
                                        .m = t->first ? t->first->storage->data : NULL,
                                        .v = t->second ? t->second->storage->data : NULL,
                                        .g = o->grads[i]->storage->data,
                                        .n = gan_count(t->parameter)};
    }
    gan__update_args args = settings(o);
    gan__capture_update(ctx, next_settings, o, &args);
    gan_status status = ctx->backend->ops->update(ctx->backend, &args, o->updates, n);
    if (status != GAN_OK)
        gan__poison_backend(ctx, status, "optimizer", 0, NULL);
    else
        o->steps++;
    return ctx->status;
}

gan_status gan_accumulate(gan_optimizer *optimizer, gan_tensor *loss)
{
    gan_optimizer *o = optimizer;
    if (!o)
        return loss->ctx->status;
    gan_context *ctx = o->ctx;
    gan_scope_begin(ctx);
    gan_status status = derive(o, loss, "gan_accumulate");
    gan_no_grad_begin(ctx);
    for (int i = 0; i < o->n_trained && status == GAN_OK; i++) {
        gan__trained *t = &o->trained[i];
        if (!o->grads[i])
            continue;
        gan_tensor *sum = gan_keep(t->accumulated ? gan_add(t->accumulated, o->grads[i]) : o->grads[i]);
        gan_release(t->accumulated);
        t->accumulated = sum;
    }
    gan_no_grad_end(ctx, NULL);
    gan_scope_end(ctx, NULL);
    return ctx->status;
}

/* What is accumulated is dropped in any case: after an error it is not whole. */
gan_status gan_optimizer_step(gan_optimizer *optimizer)
{
    gan_optimizer *o = optimizer;
    if (!o)
        return GAN_ERROR_STATE;
    bool any = false;
    for (int i = 0; i < o->n_trained; i++) {
        o->grads[i] = o->trained[i].accumulated;
        any = any || o->grads[i];
    }
    if (o->ctx->status == GAN_OK && any)
        update(o);
    for (int i = 0; i < o->n_trained; i++) {
        gan_release(o->trained[i].accumulated);
        o->trained[i].accumulated = NULL;
    }
    return o->ctx->status;
}

gan_status gan_minimize(gan_optimizer *optimizer, gan_tensor *loss)
{
    gan_optimizer *o = optimizer;
    if (!o)
        return loss->ctx->status;
    for (int i = 0; i < o->n_trained; i++) {
        if (o->trained[i].accumulated) {
            gan_accumulate(o, loss);
            return gan_optimizer_step(o);
        }
    }
    gan_scope_begin(o->ctx);
    if (derive(o, loss, "gan_minimize") == GAN_OK)
        update(o);
    gan_scope_end(o->ctx, NULL);
    return o->ctx->status;
}
