/* images.c - pooling, resizing and reflection padding of [N, H, W, C]; bytes to values and back. */
#include "core/internal.h"

static bool image(const char *name, gan_tensor *x, gan_tensor **bad)
{
    if (!gan__floating(name, x, bad))
        return false;
    if (x->shape.ndim == 4)
        return true;
    *bad = gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "needs images (N, H, W, C), but got %s", GAN__TEXT(x->shape));
    return false;
}

/* The result tensor of shape [N, h, w, C], or poison. */
static gan_tensor *resized(gan_tensor *x, int64_t h, int64_t w)
{
    return gan__tensor_new(x->ctx, GAN_SHAPE(x->shape.dim[0], h, w, x->shape.dim[3]), x->dtype);
}

static gan_tensor *finish(const char *name, gan_status status, gan_tensor *x, gan_tensor *out)
{
    return status == GAN_OK ? out : gan__poison_backend(x->ctx, status, name, 1, &x);
}

/* ---- windows: sum of k x k windows, and its adjoint, repetition ---- */

static gan_tensor *window_spread(const char *name, gan_tensor *y, int k, float scale);

static void window_sum_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_shape x = n->in[0].shape;
    gan_tensor *gx = window_spread(n->op->name, g, (int)n->i[0], n->f[0]);
    /* rows and columns that did not fill a window */
    grads[0] = gan_pad2d(gx, 0, (int)(x.dim[1] - gan_dim(gx, 1)), 0, (int)(x.dim[2] - gan_dim(gx, 2)));
}

static gan_tensor *window_sum(const char *name, gan_tensor *x, int k, float scale)
{
    static const gan__op op = {"window_sum", window_sum_backward, 0, false};
    gan_tensor *bad;
    if (!image(name, x, &bad))
        return bad;
    gan_shape s = x->shape;
    if (k < 1 || k > s.dim[1] || k > s.dim[2])
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "windows of %d x %d do not fit %s", k, k, GAN__TEXT(s));
    if (s.dim[1] % k || s.dim[2] % k) {
        x = gan_pad2d(x, 0, -(int)(s.dim[1] % k), 0, -(int)(s.dim[2] % k));
        if (x->poison)
            return x;
    }
    gan_tensor *y = resized(x, s.dim[1] / k, s.dim[2] / k);
    if (y->poison || gan_count(y) == 0)
        return y;
    gan__array in = gan__array_of(x), out = gan__array_of(y);
    gan__backend *be = x->ctx->backend;
    y = finish(name, be->ops->window_sum(be, &in, k, scale, &out), x, y);
    gan__node *n = gan__record(&op, y, 1, &x);
    if (n) {
        n->i[0] = k;
        n->f[0] = scale;
    }
    return y;
}

static void window_spread_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    grads[0] = window_sum(n->op->name, g, (int)n->i[0], n->f[0]);
}

static gan_tensor *window_spread(const char *name, gan_tensor *y, int k, float scale)
{
    static const gan__op op = {"window_spread", window_spread_backward, 0, false};
    gan_tensor *bad;
    if (!image(name, y, &bad))
        return bad;
    if (k < 1 || k > 65536)
        return gan__poison(y->ctx, GAN_ERROR_ARGUMENT, name, "the factor is %d", k);
    gan_tensor *x = resized(y, y->shape.dim[1] * k, y->shape.dim[2] * k);
    if (x->poison || gan_count(x) == 0)
        return x;
    gan__array in = gan__array_of(y), out = gan__array_of(x);
    gan__backend *be = y->ctx->backend;
    x = finish(name, be->ops->window_spread(be, &in, k, scale, &out), y, x);
    gan__node *n = gan__record(&op, x, 1, &y);
    if (n) {
        n->i[0] = k;
        n->f[0] = scale;
    }
    return x;
}

gan_tensor *gan_avg_pool2d(gan_tensor *x, int size)
{
    return window_sum("avg_pool2d", x, size, size > 0 ? 1.0f / ((float)size * (float)size) : 0.0f);
}

gan_tensor *gan_resize_nearest(gan_tensor *x, int factor)
{
    return window_spread("resize_nearest", x, factor, 1.0f);
}

/* ---- bilinear resizing and reflection padding: each with its adjoint, whose derivative is the first again ---- */

typedef gan_status (*image_kernel)(gan__backend *be, const gan__array *in, int p, const gan__array *out);

static gan_status bilinear_kernel(gan__backend *be, const gan__array *in, int p, const gan__array *out)
{
    return p ? be->ops->bilinear_adjoint(be, in, out) : be->ops->bilinear(be, in, out);
}

/* A linear map of images: forward when `adjoint` is false. */
static gan_tensor *linear_map(const gan__op *op, image_kernel kernel, gan_tensor *x, int p, int64_t h, int64_t w)
{
    gan_tensor *y = resized(x, h, w);
    if (y->poison || gan_count(y) == 0)
        return y;
    gan__array in = gan__array_of(x), out = gan__array_of(y);
    y = finish(op->name, kernel(x->ctx->backend, &in, p, &out), x, y);
    gan__node *n = gan__record(op, y, 1, &x);
    if (n)
        n->i[0] = p;
    return y;
}

static gan_tensor *bilinear(gan_tensor *x, bool adjoint, int64_t h, int64_t w);

static void bilinear_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    grads[0] = bilinear(g, !n->i[0], n->in[0].shape.dim[1], n->in[0].shape.dim[2]);
}

static gan_tensor *bilinear(gan_tensor *x, bool adjoint, int64_t h, int64_t w)
{
    static const gan__op op = {"resize_bilinear", bilinear_backward, 0, false};
    return x->poison ? x : linear_map(&op, bilinear_kernel, x, adjoint, h, w);
}

gan_tensor *gan_resize_bilinear(gan_tensor *x, int64_t height, int64_t width)
{
    gan_tensor *bad;
    if (!image("resize_bilinear", x, &bad))
        return bad;
    if (height < 1 || width < 1 || x->shape.dim[1] < 1 || x->shape.dim[2] < 1)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "resize_bilinear", "%s cannot become %lld x %lld",
                           GAN__TEXT(x->shape), (long long)height, (long long)width);
    return bilinear(x, false, height, width);
}

static gan_status reflect_kernel(gan__backend *be, const gan__array *in, int p, const gan__array *out)
{
    return p < 0 ? be->ops->reflect_pad_adjoint(be, in, -p, out) : be->ops->reflect_pad(be, in, p, out);
}

static gan_tensor *reflect(gan_tensor *x, int p);

static void reflect_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    grads[0] = reflect(g, -(int)n->i[0]);
}

/* p > 0 pads, p < 0 is the adjoint. */
static gan_tensor *reflect(gan_tensor *x, int p)
{
    static const gan__op op = {"reflect_pad2d", reflect_backward, 0, false};
    if (x->poison)
        return x;
    return linear_map(&op, reflect_kernel, x, p, x->shape.dim[1] + 2 * p, x->shape.dim[2] + 2 * p);
}

gan_tensor *gan_reflect_pad2d(gan_tensor *x, int pad)
{
    gan_tensor *bad;
    if (!image("reflect_pad2d", x, &bad))
        return bad;
    if (pad < 0 || pad >= x->shape.dim[1] || pad >= x->shape.dim[2])
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "reflect_pad2d", "%s has no %d rows and columns to reflect",
                           GAN__TEXT(x->shape), pad);
    return pad == 0 ? x : reflect(x, pad);
}

/* ---- bytes ---- */

gan_tensor *gan_images_from_u8(gan_tensor *bytes)
{
    if (bytes->poison)
        return bytes;
    if (bytes->dtype != GAN_U8)
        return gan__poison(bytes->ctx, GAN_ERROR_DTYPE, "images_from_u8", "needs u8, but got %s %s",
                           gan_dtype_name(bytes->dtype), GAN__TEXT(bytes->shape));
    return gan__map("images_from_u8", GAN__MAP_FROM_BYTES, 0, 0, 1, &bytes, bytes->shape, GAN_F32);
}

gan_tensor *gan_images_to_u8(gan_tensor *images)
{
    gan_tensor *bad;
    if (!gan__floating("images_to_u8", images, &bad))
        return bad;
    return gan__map("images_to_u8", GAN__MAP_TO_BYTES, 0, 0, 1, &images, images->shape, GAN_U8);
}
