/* shape.c - reshaping, permuting, joining and cutting. */
#include "core/internal.h"

/* ---- reshape ---- */

static void reshape_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    grads[0] = gan_reshape(g, n->in[0].shape);
}

/* Put the dimension given as -1, and say whether `shape` then has `count` elements. */
static bool fits(gan_shape *shape, int64_t count)
{
    int64_t known = 1;
    int unknown = -1;
    for (int i = 0; i < shape->ndim && i < GAN_MAX_DIMS; i++) {
        int64_t dim = shape->dim[i];
        if (dim == -1 && unknown < 0)
            unknown = i;
        else if (dim < 0 || __builtin_mul_overflow(known, dim, &known))
            return false;
    }
    if (unknown >= 0)
        shape->dim[unknown] = known > 0 ? count / known : 0;
    return shape->ndim <= GAN_MAX_DIMS && gan_shape_count(*shape) == count;
}

gan_tensor *gan_reshape(gan_tensor *x, gan_shape shape)
{
    static const gan__op op = {"reshape", reshape_backward, 0, false};
    if (x->poison || gan_shape_equal(x->shape, shape))
        return x;
    gan_shape resolved = shape;
    if (!fits(&resolved, gan_count(x)))
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "reshape", "%s does not have the elements of %s", GAN__TEXT(shape),
                           GAN__TEXT(x->shape));
    gan_tensor *out = gan__tensor_view(x, resolved);
    gan__record(&op, out, 1, &x);
    return out;
}

gan_tensor *gan_flatten(gan_tensor *x)
{
    if (x->poison)
        return x;
    if (x->shape.ndim < 1)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "flatten", "a scalar has no first dimension");
    int64_t n = x->shape.dim[0];
    return gan_reshape(x, GAN_SHAPE(n, n > 0 ? gan_count(x) / n : 0));
}

/* ---- permute ---- */

static void permute_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    int inverse[GAN_MAX_DIMS] = {0};
    for (int i = 0; i < n->shape.ndim; i++)
        inverse[n->i[i]] = i;
    grads[0] = gan_permute(g, inverse);
}

gan_tensor *gan_permute(gan_tensor *x, const int *order)
{
    static const gan__op op = {"permute", permute_backward, 0, false};
    if (x->poison)
        return x;
    gan_context *ctx = x->ctx;
    gan_shape shape = x->shape;
    unsigned seen = 0;
    for (int i = 0; i < shape.ndim; i++) {
        if (order[i] < 0 || order[i] >= shape.ndim || (seen & GAN_AXIS(order[i])))
            return gan__poison(ctx, GAN_ERROR_ARGUMENT, "permute", "the order does not name each axis of %s once",
                               GAN__TEXT(x->shape));
        seen |= GAN_AXIS(order[i]);
        shape.dim[i] = x->shape.dim[order[i]];
    }
    gan_tensor *out = gan__tensor_new(ctx, shape, x->dtype);
    if (out->poison || gan_count(out) == 0)
        return out;
    gan__array own = gan__array_of(x), in = own, target = gan__array_of(out);
    for (int i = 0; i < shape.ndim; i++) {
        in.dim[i] = own.dim[order[i]];
        in.stride[i] = own.stride[order[i]];
    }
    const float params[4] = {0};
    gan_status status = ctx->backend->ops->map(ctx->backend, GAN__MAP_COPY, params, 1, &in, &target);
    if (status != GAN_OK)
        return gan__poison_backend(ctx, status, "permute", 1, &x);
    gan__node *n = gan__record(&op, out, 1, &x);
    if (n)
        for (int i = 0; i < shape.ndim; i++)
            n->i[i] = order[i];
    return out;
}

gan_tensor *gan_transpose(gan_tensor *x)
{
    if (!x->poison && x->shape.ndim != 2)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "transpose", "needs a matrix, but got %s", GAN__TEXT(x->shape));
    return gan_permute(x, (const int[]){1, 0});
}

/* ---- shift: slicing, cropping and zero padding in one ---- */

static void shift_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    int64_t back[GAN_MAX_DIMS] = {0};
    for (int i = 0; i < n->shape.ndim; i++)
        back[i] = -n->i[i];
    grads[0] = gan__shift(n->op->name, g, back, n->in[0].shape);
}

gan_tensor *gan__shift(const char *name, gan_tensor *x, const int64_t *start, gan_shape shape)
{
    static const gan__op op = {"shift", shift_backward, 0, false};
    gan_context *ctx = x->ctx;
    if (x->poison)
        return x;
    /* The part of the result that lies inside x. */
    gan__array in = gan__array_of(x), part;
    bool whole = true, empty = false;
    int64_t from = 0, to = 0, dim[GAN_MAX_DIMS] = {0};
    gan_tensor *out = gan__tensor_new(ctx, shape, x->dtype);
    if (out->poison || gan_count(out) == 0)
        return out;
    part = gan__array_of(out);
    for (int i = 0; i < shape.ndim; i++) {
        int64_t first = start[i] < 0 ? -start[i] : 0; /* in the result */
        int64_t last = x->shape.dim[i] - start[i];
        last = last < shape.dim[i] ? last : shape.dim[i];
        dim[i] = last - first;
        whole = whole && dim[i] == shape.dim[i];
        empty = empty || dim[i] <= 0;
        to += first * part.stride[i];
        from += (first + start[i]) * in.stride[i];
    }
    gan__backend *be = ctx->backend;
    const float params[4] = {0};
    gan_status status = GAN_OK;
    if (!whole || empty)
        status = be->ops->map(be, GAN__MAP_FILL, params, 0, NULL, &part);
    if (status == GAN_OK && !empty) {
        for (int i = 0; i < shape.ndim; i++)
            in.dim[i] = part.dim[i] = dim[i];
        in.data = (char *)in.data + from * (int64_t)gan_dtype_size(x->dtype);
        part.data = (char *)part.data + to * (int64_t)gan_dtype_size(x->dtype);
        status = be->ops->map(be, GAN__MAP_COPY, params, 1, &in, &part);
    }
    if (status != GAN_OK)
        return gan__poison_backend(ctx, status, name, 1, &x);
    gan__node *n = gan__record(&op, out, 1, &x);
    if (n)
        for (int i = 0; i < shape.ndim; i++)
            n->i[i] = start[i];
    return out;
}

gan_tensor *gan_slice(gan_tensor *x, int axis, int64_t start, int64_t length)
{
    if (x->poison)
        return x;
    if (axis < 0)
        axis += x->shape.ndim;
    if (axis < 0 || axis >= x->shape.ndim || start < 0 || length < 0 || length > x->shape.dim[axis] - start)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "slice", "%lld elements from %lld of axis %d are not in %s",
                           (long long)length, (long long)start, axis, GAN__TEXT(x->shape));
    int64_t at[GAN_MAX_DIMS] = {0};
    gan_shape shape = x->shape;
    at[axis] = start;
    shape.dim[axis] = length;
    return gan__shift("slice", x, at, shape);
}

gan_tensor *gan_pad2d(gan_tensor *x, int top, int bottom, int left, int right)
{
    gan_tensor *bad;
    if (!gan__floating("pad2d", x, &bad))
        return bad;
    gan_shape shape = x->shape;
    if (shape.ndim == 4) {
        shape.dim[1] += (int64_t)top + bottom;
        shape.dim[2] += (int64_t)left + right;
    }
    if (shape.ndim != 4 || shape.dim[1] < 1 || shape.dim[2] < 1)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "pad2d", "%s cannot be padded by %d, %d, %d, %d",
                           GAN__TEXT(x->shape), top, bottom, left, right);
    return gan__shift("pad2d", x, (const int64_t[GAN_MAX_DIMS]){0, -top, -left, 0}, shape);
}

/* ---- concatenation ---- */

static void concat_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    int axis = (int)n->i[0];
    int64_t start = 0;
    for (int i = 0; i < n->n_in; i++) {
        int64_t length = n->in[i].shape.dim[axis];
        if (gan__wants(n, i))
            grads[i] = gan_cast(gan_slice(g, axis, start, length), n->in[i].dtype);
        start += length;
    }
}

/* Joined, f32 and bf16 are f32. */
static bool can_join(gan_dtype a, gan_dtype b)
{
    return a == b || ((a == GAN_F32 || a == GAN_BF16) && (b == GAN_F32 || b == GAN_BF16));
}

/* At most GAN__MAX_INPUTS parts, checked. */
static gan_tensor *concat_few(gan_tensor *const *parts, int n, int axis, gan_shape shape)
{
    static const gan__op op = {"concat", concat_backward, 0, false};
    gan_context *ctx = parts[0]->ctx;
    gan_dtype dtype = parts[0]->dtype;
    for (int i = 1; i < n; i++)
        dtype = parts[i]->dtype == GAN_F32 ? GAN_F32 : dtype;
    gan_tensor *out = gan__tensor_new(ctx, shape, dtype);
    if (out->poison)
        return out;
    gan__array all = gan__array_of(out), place = all;
    const float params[4] = {0};
    for (int i = 0; i < n; i++) {
        gan__array in = gan__array_of(parts[i]);
        place.dim[axis] = in.dim[axis];
        if (gan_count(parts[i]) > 0) {
            gan_status status = ctx->backend->ops->map(ctx->backend, GAN__MAP_COPY, params, 1, &in, &place);
            if (status != GAN_OK)
                return gan__poison_backend(ctx, status, "concat", n, parts);
        }
        place.data = (char *)place.data + in.dim[axis] * all.stride[axis] * (int64_t)gan_dtype_size(out->dtype);
    }
    gan__node *node = gan__record(&op, out, n, parts);
    if (node)
        node->i[0] = axis;
    return out;
}

gan_tensor *gan_concat(gan_tensor *const *parts, int n, int axis)
{
    for (int i = 0; i < n; i++)
        if (parts[i]->poison)
            return parts[i];
    gan_context *ctx = parts[0]->ctx;
    gan_shape shape = parts[0]->shape;
    if (axis < 0)
        axis += shape.ndim;
    if (n < 1 || axis < 0 || axis >= shape.ndim)
        return gan__poison(ctx, GAN_ERROR_SHAPE, "concat", "%s has no axis %d", GAN__TEXT(shape), axis);
    for (int i = 1; i < n; i++) {
        gan_shape s = parts[i]->shape;
        int64_t along = axis < s.ndim ? s.dim[axis] : 0;
        if (axis < s.ndim)
            s.dim[axis] = shape.dim[axis]; /* the dimension that may differ */
        if (!gan_shape_equal(s, shape) || !can_join(parts[0]->dtype, parts[i]->dtype))
            return gan__poison(ctx, GAN_ERROR_SHAPE, "concat", "%s %s and %s %s cannot be joined along axis %d",
                               gan_dtype_name(parts[0]->dtype), GAN__TEXT(parts[0]->shape),
                               gan_dtype_name(parts[i]->dtype), GAN__TEXT(parts[i]->shape), axis);
        shape.dim[axis] += along;
    }
    if (n == 1)
        return parts[0];
    if (n <= GAN__MAX_INPUTS)
        return concat_few(parts, n, axis, shape);
    gan_tensor *halves[2] = {gan_concat(parts, n / 2, axis), gan_concat(parts + n / 2, n - n / 2, axis)};
    return gan_concat(halves, 2, axis);
}

/* ---- cast ---- */

static void cast_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    grads[0] = gan_cast(g, n->in[0].dtype);
}

gan_tensor *gan_cast(gan_tensor *x, gan_dtype dtype)
{
    static const gan__op op = {"cast", cast_backward, 0, false};
    gan_tensor *bad;
    if (!gan__floating("cast", x, &bad))
        return bad;
    if (x->dtype == dtype)
        return x;
    if (dtype != GAN_F32 && dtype != GAN_BF16)
        return gan__poison(x->ctx, GAN_ERROR_DTYPE, "cast", "goes to f32 or bf16, not to %s", gan_dtype_name(dtype));
    gan_tensor *out = gan__map("cast", GAN__MAP_COPY, 0, 0, 1, &x, x->shape, dtype);
    gan__record(&op, out, 1, &x);
    return out;
}
