/* reduce.c - sums, means, squared norms; broadcasting and its adjoint. */
#include "core/internal.h"

/* Shape with the axes of the set as 1. False if the set names an axis that is not there. */
static bool reduced_shape(gan_shape in, unsigned axes, gan_shape *out)
{
    *out = in;
    if (axes == GAN_ALL_AXES)
        axes = (1u << in.ndim) - 1;
    if (axes >> in.ndim)
        return false;
    for (int i = 0; i < in.ndim; i++)
        if (axes & GAN_AXIS(i))
            out->dim[i] = 1;
    return true;
}

/* The same without the reduced dimensions. */
static gan_shape squeezed(gan_shape in, unsigned axes)
{
    gan_shape out = GAN_SCALAR;
    for (int i = 0; i < in.ndim; i++)
        if (!(axes & GAN_AXIS(i)))
            out.dim[out.ndim++] = in.dim[i];
    return out;
}

/* scale * reduction of in[0] (and in[1], which broadcasts to it, for products) to `shape`, which has ones along the
 * reduced axes; not recorded. */
static gan_tensor *reduce(const char *name, gan__reduce_op f, int n, gan_tensor *const *in, gan_shape shape,
                          float scale)
{
    gan_context *ctx = in[0]->ctx;
    if (gan_count(in[0]) == 0)
        return gan__map(name, GAN__MAP_FILL, 0, 0, 0, in, shape, GAN_F32);
    gan_tensor *out = gan__tensor_new(ctx, shape, GAN_F32);
    if (out->poison)
        return out;
    gan__array arrays[2], target = gan__array_of(out);
    for (int i = 0; i < n; i++)
        arrays[i] = gan__array_broadcast(in[i], in[0]->shape);
    gan_status status = ctx->backend->ops->reduce(ctx->backend, f, arrays, scale, &target);
    return status == GAN_OK ? out : gan__poison_backend(ctx, status, name, n, in);
}

/* The incoming gradient with the reduced dimensions as 1 again; n->i[0] is the set of axes. */
static gan_tensor *with_kept_axes(gan__node *n, gan_tensor *grad)
{
    gan_shape shape;
    reduced_shape(n->in[0].shape, (unsigned)n->i[0], &shape);
    return gan_reshape(grad, shape);
}

static void sum_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    gan_tensor *g = with_kept_axes(n, grad);
    if (n->f[0] != 1.0f)
        g = gan_scale(g, n->f[0]);
    grads[0] = gan_broadcast_to(g, n->in[0].shape);
}

static void sqnorm_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    grads[0] = gan_mul(gan__input(n, 0), gan_scale(with_kept_axes(n, grad), 2.0f));
}

static gan_tensor *reduction(const gan__op *op, gan__reduce_op f, gan_tensor *x, unsigned axes, bool keep, bool mean)
{
    gan_shape shape;
    gan_tensor *bad;
    if (!gan__floating(op->name, x, &bad))
        return bad;
    if (!reduced_shape(x->shape, axes, &shape))
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, op->name, "%s has no axis %d", GAN__TEXT(x->shape),
                           31 - __builtin_clz(axes));
    if (axes == GAN_ALL_AXES)
        axes = (1u << x->shape.ndim) - 1;
    float scale = mean && gan_count(x) > 0 ? (float)((double)gan_shape_count(shape) / (double)gan_count(x)) : 1.0f;
    gan_tensor *out = reduce(op->name, f, 1, &x, shape, scale);
    if (!keep && !out->poison)
        out->shape = squeezed(x->shape, axes);
    gan__node *n = op->backward ? gan__record(op, out, 1, &x) : NULL;
    if (n) {
        n->i[0] = axes;
        n->f[0] = scale;
    }
    return out;
}

gan_tensor *gan_sum_over(gan_tensor *x, unsigned axes, bool keep)
{
    static const gan__op op = {"sum", sum_backward, 0, false};
    return reduction(&op, GAN__REDUCE_SUM, x, axes, keep, false);
}

gan_tensor *gan_mean_over(gan_tensor *x, unsigned axes, bool keep)
{
    static const gan__op op = {"mean", sum_backward, 0, false};
    return reduction(&op, GAN__REDUCE_SUM, x, axes, keep, true);
}

gan_tensor *gan_sqnorm_over(gan_tensor *x, unsigned axes, bool keep)
{
    static const gan__op op = {"sqnorm", sqnorm_backward, 1, false};
    return reduction(&op, GAN__REDUCE_SUMSQ, x, axes, keep, false);
}

gan_tensor *gan_max_over(gan_tensor *x, unsigned axes, bool keep)
{
    static const gan__op op = {"max", NULL, 0, false};
    if (!x->poison && gan_count(x) == 0)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "max", "%s has no elements", GAN__TEXT(x->shape));
    return reduction(&op, GAN__REDUCE_MAX, x, axes, keep, false);
}

gan_tensor *gan_sum(gan_tensor *x)
{
    return gan_sum_over(x, GAN_ALL_AXES, false);
}

gan_tensor *gan_mean(gan_tensor *x)
{
    return gan_mean_over(x, GAN_ALL_AXES, false);
}

gan_tensor *gan_sqnorm(gan_tensor *x)
{
    return gan_sqnorm_over(x, GAN_ALL_AXES, false);
}

/* ---- broadcasting ---- */

/* Whether `from` broadcasts to `to`; *axes are those of `to` along which it is repeated. */
static bool broadcasts(gan_shape from, gan_shape to, unsigned *axes)
{
    *axes = 0;
    if (from.ndim > to.ndim || to.ndim > GAN_MAX_DIMS)
        return false;
    for (int i = 0; i < to.ndim; i++) {
        int j = i - (to.ndim - from.ndim);
        int64_t d = j < 0 ? 1 : from.dim[j];
        if (d == to.dim[i])
            continue;
        if (d != 1)
            return false;
        *axes |= GAN_AXIS(i);
    }
    return true;
}

static void broadcast_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    grads[0] = gan_sum_to(grad, n->in[0].shape);
}

gan_tensor *gan_broadcast_to(gan_tensor *x, gan_shape shape)
{
    static const gan__op op = {"broadcast_to", broadcast_backward, 0, false};
    gan_tensor *bad;
    unsigned axes;
    if (!gan__floating("broadcast_to", x, &bad))
        return bad;
    if (gan_shape_equal(x->shape, shape))
        return x;
    if (!broadcasts(x->shape, shape, &axes))
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "broadcast_to", "%s does not broadcast to %s", GAN__TEXT(x->shape),
                           GAN__TEXT(shape));
    gan_tensor *out = gan__map("broadcast_to", GAN__MAP_COPY, 0, 0, 1, &x, shape, x->dtype);
    gan__record(&op, out, 1, &x);
    return out;
}

static void sum_to_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    grads[0] = gan_broadcast_to(grad, n->in[0].shape);
}

gan_tensor *gan_sum_to(gan_tensor *x, gan_shape shape)
{
    static const gan__op op = {"sum_to", sum_to_backward, 0, false};
    gan_tensor *bad;
    unsigned axes;
    if (!gan__floating("sum_to", x, &bad))
        return bad;
    if (gan_shape_equal(x->shape, shape))
        return x;
    if (!broadcasts(shape, x->shape, &axes))
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "sum_to", "%s does not broadcast to %s", GAN__TEXT(shape),
                           GAN__TEXT(x->shape));
    gan_shape kept;
    reduced_shape(x->shape, axes, &kept);
    gan_tensor *out = reduce("sum_to", GAN__REDUCE_SUM, 1, &x, kept, 1.0f);
    if (!out->poison)
        out->shape = shape; /* leading ones go */
    gan__record(&op, out, 1, &x);
    return out;
}

/* in: a, b */
static void sum_product_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    gan_tensor *a = gan__input(n, 0), *b = gan__input(n, 1);
    if (gan__wants(n, 0))
        grads[0] = gan_broadcast_to(gan_mul(b, grad), n->in[0].shape);
    if (gan__wants(n, 1))
        grads[1] = gan__sum_product_to(a, grad, n->in[1].shape);
}

gan_tensor *gan__sum_product_to(gan_tensor *a, gan_tensor *b, gan_shape shape)
{
    static const gan__op op = {"sum_product", sum_product_backward, 3, false};
    unsigned axes;
    if (a->poison || b->poison || gan_shape_equal(a->shape, shape) || !broadcasts(shape, a->shape, &axes))
        return gan_sum_to(gan_mul(a, b), shape);
    gan_shape kept;
    reduced_shape(a->shape, axes, &kept);
    gan_tensor *in[2] = {a, b};
    gan_tensor *out = reduce("sum_to", GAN__REDUCE_DOT, 2, in, kept, 1.0f);
    if (!out->poison)
        out->shape = shape;
    gan__record(&op, out, 2, in);
    return out;
}
