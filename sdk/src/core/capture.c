#include "capture.h"

#include <gan/graph.h>

#include <stdlib.h>

struct gan__capture {
    gan_context *ctx;
    gan__graph *graph;
    gan_random_state random; /* as recording began */
    uint64_t drawn;          /* blocks of random numbers that a replay takes */
    bool fresh;              /* not launched yet: the host's state has moved on already */
    int n_updates, n_numbers;
    gan__update_args update[GAN__REPLAY_UPDATES];
    gan__next_update next[GAN__REPLAY_UPDATES];
    void *user[GAN__REPLAY_UPDATES];
    const double *number[GAN__REPLAY_NUMBERS];
};

static gan_status failed(gan_context *ctx, gan_status status, const char *what)
{
    gan__poison_backend(ctx, status, what, 0, NULL);
    return ctx->status;
}

gan_status gan__capture_begin(gan_context *ctx)
{
    gan__backend *be = ctx->backend;
    gan__capture *c = calloc(1, sizeof *c);
    if (!c)
        return gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for a recorded step");
    *c = (gan__capture){.ctx = ctx, .random = ctx->random, .fresh = true};
    gan_status status = be->ops->capture_begin(be);
    if (status != GAN_OK) {
        free(c);
        return failed(ctx, status, "recording a step");
    }
    ctx->capture = c;
    ctx->pack_epoch++; /* copies made before are not remade by a replay, and those made now are not there before one */
    return GAN_OK;
}

gan__capture *gan__capture_end(gan_context *ctx, bool keep)
{
    gan__backend *be = ctx->backend;
    gan__capture *c = ctx->capture;
    gan_status status = be->ops->capture_end(be, keep ? &c->graph : NULL);
    ctx->capture = NULL;
    ctx->pack_epoch++;
    if (status != GAN_OK && keep)
        failed(ctx, status, "recording a step");
    if (status != GAN_OK || !keep) {
        free(c);
        return NULL;
    }
    c->drawn = ctx->random.counter - c->random.counter;
    ctx->graphs++;
    return c;
}

gan_status gan__capture_launch(gan__capture *c)
{
    gan_context *ctx = c->ctx;
    float numbers[GAN__REPLAY_NUMBERS];
    if (ctx->status != GAN_OK)
        return ctx->status;
    if (ctx->random.seed != c->random.seed)
        return gan_raise(ctx, GAN_ERROR_STATE, "a step was recorded with another seed");
    for (int i = 0; i < c->n_numbers; i++)
        numbers[i] = (float)*c->number[i];
    gan__replay replay = {.random_shift = c->fresh ? 0 : ctx->random.counter - c->random.counter,
                          .update = c->update,
                          .number = numbers,
                          .n_updates = c->n_updates,
                          .n_numbers = c->n_numbers};
    for (int i = 0; i < c->n_updates && !c->fresh; i++)
        if (c->next[i])
            c->next[i](c->user[i], &c->update[i]);
    gan_status status = ctx->backend->ops->graph_launch(ctx->backend, c->graph, &replay);
    ctx->pack_epoch++; /* weights have changed */
    if (!c->fresh)
        ctx->random.counter += c->drawn;
    c->fresh = false;
    return status == GAN_OK ? GAN_OK : failed(ctx, status, "replaying a step");
}

void gan__capture_destroy(gan__capture *c)
{
    if (!c)
        return;
    c->ctx->backend->ops->graph_destroy(c->ctx->backend, c->graph);
    c->ctx->graphs--;
    free(c);
}

void gan__capture_update(gan_context *ctx, gan__next_update next, void *user, const gan__update_args *args)
{
    gan__capture *c = ctx->capture;
    if (!c || c->n_updates == GAN__REPLAY_UPDATES) /* the backend refuses one more */
        return;
    c->update[c->n_updates] = *args;
    c->next[c->n_updates] = next;
    c->user[c->n_updates++] = user;
}

gan_tensor *gan_number(gan_context *ctx, const double *number)
{
    gan_tensor *out = gan__tensor_new(ctx, GAN_SCALAR, GAN_F32);
    if (out->poison)
        return out;
    gan__capture *c = ctx->capture;
    if (c && c->n_numbers < GAN__REPLAY_NUMBERS)
        c->number[c->n_numbers++] = number;
    gan_status status = ctx->backend->ops->number(ctx->backend, (float)*number, out->storage->data);
    return status == GAN_OK ? out : gan__poison_backend(ctx, status, "number", 1, &out);
}
