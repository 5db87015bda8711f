#include <math.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

/* ---- shapes and types ---- */

gan_shape gan_shape_make(int ndim, const int64_t *dim)
{
    gan_shape s = {.ndim = ndim};
    for (int i = 0; i < ndim && i < GAN_MAX_DIMS; i++)
        s.dim[i] = dim[i];
    return s;
}

int64_t gan_shape_count(gan_shape shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape.ndim; i++)
        n *= shape.dim[i];
    return n;
}

bool gan_shape_equal(gan_shape a, gan_shape b)
{
    if (a.ndim != b.ndim)
        return false;
    for (int i = 0; i < a.ndim; i++)
        if (a.dim[i] != b.dim[i])
            return false;
    return true;
}

const char *gan_shape_text(gan_shape shape, char *out, size_t size)
{
    int used = snprintf(out, size, "[");
    for (int i = 0; i < shape.ndim && i < GAN_MAX_DIMS && used < (int)size; i++)
        used += snprintf(out + used, size - (size_t)used, "%s%lld", i ? ", " : "", (long long)shape.dim[i]);
    if (used < (int)size)
        snprintf(out + used, size - (size_t)used, "]");
    return out;
}

/* Whether a shape is one that a tensor can have: dimensions not negative, bytes in range. */
static bool shape_valid(gan_shape shape, gan_dtype dtype)
{
    if (shape.ndim < 0 || shape.ndim > GAN_MAX_DIMS)
        return false;
    int64_t bytes = (int64_t)gan_dtype_size(dtype);
    for (int i = 0; i < shape.ndim; i++)
        if (shape.dim[i] < 0 || __builtin_mul_overflow(bytes, shape.dim[i] ? shape.dim[i] : 1, &bytes))
            return false;
    return bytes <= (int64_t)1 << 46;
}

size_t gan_dtype_size(gan_dtype dtype)
{
    static const size_t size[] = {4, 2, 4, 1};
    return size[dtype];
}

const char *gan_dtype_name(gan_dtype dtype)
{
    static const char *const name[] = {"f32", "bf16", "i32", "u8"};
    return name[dtype];
}

gan_context *gan_context_of(const gan_tensor *t)
{
    return t->ctx;
}

gan_shape gan_shape_of(const gan_tensor *t)
{
    return t->shape;
}

int gan_ndim(const gan_tensor *t)
{
    return t->shape.ndim;
}

int64_t gan_dim(const gan_tensor *t, int axis)
{
    if (axis < 0)
        axis += t->shape.ndim;
    return axis >= 0 && axis < t->shape.ndim ? t->shape.dim[axis] : 1;
}

int64_t gan_count(const gan_tensor *t)
{
    return gan_shape_count(t->shape);
}

gan_dtype gan_dtype_of(const gan_tensor *t)
{
    return t->dtype;
}

bool gan_is_poison(const gan_tensor *t)
{
    return t->poison;
}

/* ---- life ---- */

gan_tensor *gan__tensor_of_storage(gan_context *ctx, gan__storage *s, gan_shape shape, gan_dtype dtype)
{
    gan_tensor *t = gan__record_new(ctx, &ctx->free_tensors, sizeof *t);
    if (!t)
        return gan__poison(ctx, GAN_ERROR_MEMORY, "tensor", "no memory for a handle");
    t->ctx = ctx;
    t->shape = shape;
    t->dtype = dtype;
    t->refs = 1;
    t->scope = -1;
    if (!gan__hold(t)) {
        gan__record_free(&ctx->free_tensors, t);
        return gan__poison(ctx, GAN_ERROR_MEMORY, "tensor", "no memory for a scope's list");
    }
    gan__storage_retain(s);
    t->storage = s;
    return t;
}

static double mebibytes(size_t bytes)
{
    return (double)bytes / 1048576;
}

/* What was asked, what is taken, and what there would be. */
static gan_tensor *no_memory(gan_context *ctx, gan_shape shape, gan_dtype dtype)
{
    gan_memory_stats m = gan_memory(ctx);
    char rest[160] = "";
    size_t available, total, limit = ctx->allocator.limit;
    if (limit)
        snprintf(rest, sizeof rest, ", %.1f MiB are allowed", mebibytes(limit));
    else if (ctx->backend->ops->memory_free(ctx->backend, &available, &total) == GAN_OK)
        snprintf(rest, sizeof rest, ", %.1f MiB of %.1f MiB are free on the device", mebibytes(available),
                 mebibytes(total));
    return gan__poison(
        ctx, GAN_ERROR_MEMORY, "tensor", "no memory for %s %s (%.1f MiB); %.1f MiB are in use and %.1f MiB reserved%s",
        gan_dtype_name(dtype), GAN__TEXT(shape), mebibytes((size_t)gan_shape_count(shape) * gan_dtype_size(dtype)),
        mebibytes(m.bytes_in_use), mebibytes(m.bytes_reserved), rest);
}

gan_tensor *gan__tensor_new(gan_context *ctx, gan_shape shape, gan_dtype dtype)
{
    if (!shape_valid(shape, dtype))
        return gan__poison(ctx, GAN_ERROR_SHAPE, "tensor", "%s is no shape of a tensor", GAN__TEXT(shape));
    size_t bytes = (size_t)gan_shape_count(shape) * gan_dtype_size(dtype);
    gan__storage *s = gan__storage_new(ctx, bytes);
    if (!s)
        return no_memory(ctx, shape, dtype);
    gan_tensor *t = gan__tensor_of_storage(ctx, s, shape, dtype);
    gan__storage_release(ctx, s);
    return t;
}

gan_tensor *gan__tensor_view(gan_tensor *t, gan_shape shape)
{
    return gan__tensor_of_storage(t->ctx, t->storage, shape, t->dtype);
}

void gan__tensor_retain(gan_tensor *t)
{
    if (!t->poison)
        t->refs++;
}

void gan__tensor_release(gan_tensor *t)
{
    if (!t || t->poison || --t->refs > 0)
        return;
    gan_context *ctx = t->ctx;
    gan__node *node = t->node;
    gan__storage_release(ctx, t->storage);
    gan__record_free(&ctx->free_tensors, t);
    if (node)
        gan__node_release(node);
}

void gan__drop(gan_tensor *t)
{
    if (t->poison || t->scope < 0)
        return;
    gan_context *ctx = t->ctx;
    ctx->live[t->live_index] = NULL;
    while (ctx->live_count > 0 && !ctx->live[ctx->live_count - 1] &&
           (ctx->scope_count == 0 || ctx->live_count > ctx->scopes[ctx->scope_count - 1]))
        ctx->live_count--;
    t->scope = -1;
    gan__tensor_release(t);
}

gan_tensor *gan_keep(gan_tensor *t)
{
    gan__tensor_retain(t);
    return t;
}

void gan_release(gan_tensor *t)
{
    gan__tensor_release(t);
}

void *gan_data_pointer(gan_tensor *t)
{
    return t->storage ? t->storage->data : NULL;
}

/* ---- views for backends ---- */

gan__array gan__array_of(const gan_tensor *t)
{
    gan__array a = {
        .data = t->storage ? t->storage->data : NULL, .dtype = t->dtype, .ndim = t->shape.ndim, .storage = t->storage};
    int64_t stride = 1;
    for (int i = t->shape.ndim - 1; i >= 0; i--) {
        a.dim[i] = t->shape.dim[i];
        a.stride[i] = stride;
        stride *= t->shape.dim[i];
    }
    return a;
}

gan__array gan__array_broadcast(const gan_tensor *t, gan_shape shape)
{
    gan__array own = gan__array_of(t), a = own;
    int lead = shape.ndim - own.ndim;
    a.ndim = shape.ndim;
    for (int i = 0; i < shape.ndim; i++) {
        a.dim[i] = shape.dim[i];
        a.stride[i] = i < lead || (own.dim[i - lead] == 1 && shape.dim[i] != 1) ? 0 : own.stride[i - lead];
    }
    return a;
}

/* ---- making ---- */

gan_tensor *gan_full(gan_context *ctx, gan_shape shape, float value)
{
    return gan__map("full", GAN__MAP_FILL, value, 0, 0, (gan_tensor *[]){ctx->poison}, shape, GAN_F32);
}

gan_tensor *gan_zeros(gan_context *ctx, gan_shape shape)
{
    return gan_full(ctx, shape, 0.0f);
}

static gan_tensor *from_host(gan_context *ctx, gan_shape shape, gan_dtype dtype, const void *data)
{
    gan_tensor *t = gan__tensor_new(ctx, shape, dtype);
    size_t bytes = (size_t)gan_count(t) * gan_dtype_size(dtype);
    if (!t->poison && bytes > 0) {
        gan_status status = ctx->backend->ops->copy_in(ctx->backend, t->storage->data, data, bytes);
        if (status != GAN_OK)
            return gan__poison_backend(ctx, status, "copy to device", 1, &t);
    }
    return t;
}

gan_tensor *gan_from_f32(gan_context *ctx, gan_shape shape, const float *data)
{
    return from_host(ctx, shape, GAN_F32, data);
}

gan_tensor *gan_from_i32(gan_context *ctx, gan_shape shape, const int32_t *data)
{
    return from_host(ctx, shape, GAN_I32, data);
}

gan_tensor *gan_from_u8(gan_context *ctx, gan_shape shape, const uint8_t *data)
{
    return from_host(ctx, shape, GAN_U8, data);
}

/* ---- reading ---- */

static gan_status read_as(const gan_tensor *t, gan_dtype dtype, void *out)
{
    gan_context *ctx = t->ctx;
    if (t->poison)
        return ctx->status != GAN_OK ? ctx->status : GAN_ERROR_STATE;
    if (t->dtype != dtype)
        return gan_raise(ctx, GAN_ERROR_DTYPE, "read: the tensor is %s, not %s", gan_dtype_name(t->dtype),
                         gan_dtype_name(dtype));
    size_t bytes = (size_t)gan_count(t) * gan_dtype_size(dtype);
    gan_status status = bytes ? ctx->backend->ops->copy_out(ctx->backend, out, t->storage->data, bytes) : GAN_OK;
    if (status != GAN_OK)
        gan__poison_backend(ctx, status, "copy from device", 0, NULL);
    return status;
}

gan_status gan_read_f32(const gan_tensor *t, float *out)
{
    if (t->dtype != GAN_BF16 || t->poison)
        return read_as(t, GAN_F32, out);
    gan_context *ctx = t->ctx;
    gan_no_grad_begin(ctx);
    gan_tensor *wide = gan__map("read", GAN__MAP_COPY, 0, 0, 1, (gan_tensor *[]){(gan_tensor *)t}, t->shape, GAN_F32);
    gan_status status = read_as(wide, GAN_F32, out);
    gan_no_grad_end(ctx, NULL);
    return status;
}

gan_status gan_read_i32(const gan_tensor *t, int32_t *out)
{
    return read_as(t, GAN_I32, out);
}

gan_status gan_read_u8(const gan_tensor *t, uint8_t *out)
{
    return read_as(t, GAN_U8, out);
}

float gan_item(const gan_tensor *t)
{
    float value = NAN;
    if (!t->poison && gan_count(t) == 1 && gan_read_f32(t, &value) != GAN_OK)
        return NAN;
    return value;
}

/* ---- changing ---- */

gan_status gan_assign(gan_tensor *target, const gan_tensor *source)
{
    gan_context *ctx = target->ctx;
    if (target->poison || source->poison)
        return ctx->status != GAN_OK ? ctx->status : gan_raise(ctx, GAN_ERROR_STATE, "assign: a tensor is poison");
    if (!gan_shape_equal(target->shape, source->shape))
        return gan_raise(ctx, GAN_ERROR_SHAPE, "assign: the target is %s, the source %s", GAN__TEXT(target->shape),
                         GAN__TEXT(source->shape));
    gan__array in = gan__array_of(source), out = gan__array_of(target);
    gan__storage_touch(ctx, target->storage);
    const float params[4] = {0};
    gan_status status = ctx->backend->ops->map(ctx->backend, GAN__MAP_COPY, params, 1, &in, &out);
    if (status != GAN_OK)
        gan__poison_backend(ctx, status, "assign", 1, &target);
    return ctx->status;
}

gan_status gan_assign_f32(gan_tensor *target, const float *data)
{
    gan_context *ctx = target->ctx;
    gan_scope_begin(ctx);
    gan_tensor *source = gan_from_f32(ctx, target->shape, data);
    gan_status status = gan_assign(target, source);
    gan_scope_end(ctx, NULL);
    return status;
}
