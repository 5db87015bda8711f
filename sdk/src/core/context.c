#define _GNU_SOURCE
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static int usable_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? n : 1;
}

gan_status gan_context_create(const gan_context_options *options, gan_context **out, gan_message *message)
{
    gan_context_options o = {0};
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    if (o.threads < 0 || o.threads > 4096)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "threads must be from 0 to 4096, but is %d", o.threads);
    if (o.precision != GAN_PRECISION_F32 && o.precision != GAN_PRECISION_TF32 && o.precision != GAN_PRECISION_BF16)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "precision must be f32, tf32 or bf16");
    gan_context *ctx = calloc(1, sizeof *ctx);
    gan_tensor *poison = calloc(1, sizeof *poison);
    if (!ctx || !poison) {
        free(ctx);
        free(poison);
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for a context");
    }
    *poison = (gan_tensor){.ctx = ctx, .refs = 1, .scope = -1, .poison = true};
    ctx->poison = poison;
    ctx->precision = o.precision;
    ctx->random.seed = o.seed;
    ctx->allocator.limit = o.memory_limit;
    gan_status status = gan__device_open(ctx, o.device, o.threads ? o.threads : usable_cores(), message);
    if (status != GAN_OK) {
        free(poison);
        free(ctx);
        return status;
    }
    *out = ctx;
    return GAN_OK;
}

void gan_context_destroy(gan_context *ctx)
{
    if (!ctx)
        return;
    while (ctx->scope_count > 0)
        gan_scope_end(ctx, NULL);
    while (ctx->live_count > 0) /* made outside any scope */
        gan__drop(ctx->live[ctx->live_count - 1]);
    gan_release(ctx->counting);
    ctx->counting = NULL;
    gan__allocator_finish(ctx);
    ctx->backend->ops->destroy(ctx->backend);
    free(ctx->live);
    free(ctx->scopes);
    free(ctx->poison);
    free(ctx);
}

gan_status gan_status_of(const gan_context *ctx)
{
    return ctx->status;
}

const char *gan_status_message(const gan_context *ctx)
{
    return ctx->status == GAN_OK ? "" : ctx->message.text;
}

void gan_clear_status(gan_context *ctx)
{
    ctx->status = GAN_OK;
    ctx->message.text[0] = '\0';
}

static void raise_v(gan_context *ctx, gan_status status, const char *op, const char *format, va_list args)
{
    if (ctx->status != GAN_OK)
        return;
    ctx->status = status == GAN_OK ? GAN_ERROR_STATE : status;
    size_t used = 0;
    if (op)
        used = (size_t)snprintf(ctx->message.text, sizeof ctx->message.text, "%s: ", op);
    vsnprintf(ctx->message.text + used, sizeof ctx->message.text - used, format, args);
}

gan_status gan_raise(gan_context *ctx, gan_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    raise_v(ctx, status, NULL, format, args);
    va_end(args);
    return ctx->status;
}

gan_tensor *gan__poison(gan_context *ctx, gan_status status, const char *op, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    raise_v(ctx, status, op, format, args);
    va_end(args);
    return ctx->poison;
}

gan_tensor *gan__poison_backend(gan_context *ctx, gan_status status, const char *op, int n, gan_tensor *const *in)
{
    char shapes[400] = "";
    for (int i = 0, used = 0; i < n && in[i] && used < (int)sizeof shapes - 90; i++)
        used += snprintf(shapes + used, sizeof shapes - (size_t)used, "%s%s %s", i ? ", " : "", GAN__TEXT(in[i]->shape),
                         gan_dtype_name(in[i]->dtype));
    return gan__poison(ctx, status, op, "%s (%s)",
                       ctx->backend->error.text[0] ? ctx->backend->error.text : gan_status_text(status), shapes);
}

gan_precision gan_context_precision(const gan_context *ctx)
{
    return ctx->precision;
}

int gan_context_threads(const gan_context *ctx)
{
    return ctx->backend->threads;
}

/* ---- scopes ---- */

void gan_scope_begin(gan_context *ctx)
{
    if (ctx->scope_count == ctx->scope_capacity) {
        int capacity = ctx->scope_capacity ? 2 * ctx->scope_capacity : 64;
        size_t *scopes = realloc(ctx->scopes, (size_t)capacity * sizeof *scopes);
        if (!scopes) {
            /* The scope is then part of the enclosing one; its end must not close that. */
            gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for a scope");
            ctx->lost_scopes++;
            return;
        }
        ctx->allocator.stats.system_allocations++;
        ctx->scopes = scopes;
        ctx->scope_capacity = capacity;
    }
    ctx->scopes[ctx->scope_count++] = ctx->live_count;
}

/* Put t into the innermost scope's list. False when memory is short. */
static bool hold(gan_context *ctx, gan_tensor *t)
{
    if (ctx->live_count == ctx->live_capacity) {
        size_t capacity = ctx->live_capacity ? 2 * ctx->live_capacity : 256;
        gan_tensor **live = realloc(ctx->live, capacity * sizeof *live);
        if (!live)
            return false;
        ctx->allocator.stats.system_allocations++;
        ctx->live = live;
        ctx->live_capacity = capacity;
    }
    t->scope = ctx->scope_count;
    t->live_index = ctx->live_count;
    ctx->live[ctx->live_count++] = t;
    return true;
}

bool gan__hold(gan_tensor *t)
{
    return hold(t->ctx, t);
}

gan_tensor *gan_scope_end(gan_context *ctx, gan_tensor *result)
{
    if (ctx->lost_scopes > 0) {
        ctx->lost_scopes--;
        return result;
    }
    if (ctx->scope_count == 0) {
        gan_raise(ctx, GAN_ERROR_STATE, "gan_scope_end without gan_scope_begin");
        return result;
    }
    bool pass = result && result->scope == ctx->scope_count;
    size_t begin = ctx->scopes[ctx->scope_count - 1];
    if (pass)
        ctx->live[result->live_index] = NULL;
    while (ctx->live_count > begin) {
        gan_tensor *t = ctx->live[--ctx->live_count];
        if (t) {
            t->scope = -1;
            gan__tensor_release(t);
        }
    }
    ctx->scope_count--;
    if (pass)
        hold(ctx, result); /* cannot fail: its own place, at least, has just become free */
    return result;
}

void gan_no_grad_begin(gan_context *ctx)
{
    gan_scope_begin(ctx);
    ctx->no_grad++;
}

gan_tensor *gan_no_grad_end(gan_context *ctx, gan_tensor *result)
{
    if (ctx->no_grad > 0)
        ctx->no_grad--;
    return gan_scope_end(ctx, result);
}
