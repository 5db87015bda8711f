/* common.c - what operators share: checks, broadcasting, the element-wise call. */
#include <string.h>

#include "core/internal.h"

bool gan__floating(const char *op, gan_tensor *x, gan_tensor **bad)
{
    *bad = x;
    if (x->poison)
        return false;
    if (x->dtype == GAN_F32 || x->dtype == GAN_BF16)
        return true;
    *bad = gan__poison(x->ctx, GAN_ERROR_DTYPE, op, "needs f32 or bf16 values, but got %s %s", gan_dtype_name(x->dtype),
                       GAN__TEXT(x->shape));
    return false;
}

static bool broadcast_shape(gan_shape a, gan_shape b, gan_shape *out)
{
    gan_shape s = {.ndim = a.ndim > b.ndim ? a.ndim : b.ndim};
    for (int i = 1; i <= s.ndim; i++) {
        int64_t da = i <= a.ndim ? a.dim[a.ndim - i] : 1, db = i <= b.ndim ? b.dim[b.ndim - i] : 1;
        if (da != db && da != 1 && db != 1)
            return false;
        s.dim[s.ndim - i] = da == 1 ? db : da;
    }
    *out = s;
    return true;
}

bool gan__broadcast(const char *op, gan_tensor *a, gan_tensor *b, gan_shape *shape, gan_tensor **bad)
{
    if (a->poison || b->poison) {
        *bad = a->poison ? a : b;
        return false;
    }
    if (a->ctx != b->ctx) {
        *bad = gan__poison(a->ctx, GAN_ERROR_ARGUMENT, op, "its inputs belong to different contexts");
        return false;
    }
    if (!broadcast_shape(a->shape, b->shape, shape)) {
        *bad = gan__poison(a->ctx, GAN_ERROR_SHAPE, op, "%s and %s do not broadcast", GAN__TEXT(a->shape),
                           GAN__TEXT(b->shape));
        return false;
    }
    return true;
}

gan_dtype gan__promote(const gan_tensor *a, const gan_tensor *b)
{
    return a->dtype == GAN_BF16 && b->dtype == GAN_BF16 ? GAN_BF16 : GAN_F32;
}

gan_dtype gan__compute_dtype(const gan_context *ctx)
{
    return ctx->precision == GAN_PRECISION_BF16 ? GAN_BF16 : GAN_F32;
}

gan_tensor *gan__map(const char *op, gan__map_op f, float p0, float p1, int n, gan_tensor *const *in, gan_shape shape,
                     gan_dtype dtype)
{
    gan_context *ctx = in[0]->ctx;
    for (int i = 0; i < n; i++)
        if (in[i]->poison)
            return in[i];
    gan_tensor *out = gan__tensor_new(ctx, shape, dtype);
    if (out->poison || gan_count(out) == 0)
        return out;
    gan__array arrays[3], target = gan__array_of(out);
    for (int i = 0; i < n; i++)
        arrays[i] = gan__array_broadcast(in[i], shape);
    const float params[4] = {p0, p1, 0, 0};
    gan_status status = ctx->backend->ops->map(ctx->backend, f, params, n, arrays, &target);
    return status == GAN_OK ? out : gan__poison_backend(ctx, status, op, n, in);
}
