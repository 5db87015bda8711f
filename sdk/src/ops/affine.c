/* affine.c - images warped by matrices. */
#include "core/internal.h"

/* Sides up to which positions between pixels are found in f32. */
#define LARGEST_SIDE (1 << 16)

static gan_tensor *warp(gan_tensor *x, gan_tensor *theta, gan_border border, bool adjoint);

static void warp_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    grads[0] = warp(g, n->saved[0], (gan_border)n->i[0], !n->i[1]);
}

static gan_tensor *warp(gan_tensor *x, gan_tensor *theta, gan_border border, bool adjoint)
{
    static const gan__op op = {"affine_sample", warp_backward, 0, false};
    gan__backend *be = x->ctx->backend;
    if (x->poison)
        return x;
    gan_tensor *y = gan__tensor_new(x->ctx, x->shape, x->dtype);
    if (y->poison || gan_count(y) == 0)
        return y;
    gan__array in = gan__array_of(x), out = gan__array_of(y);
    gan_status status =
        (adjoint ? be->ops->affine_adjoint : be->ops->affine_sample)(be, gan__array_of(theta).data, border, &in, &out);
    if (status != GAN_OK)
        return gan__poison_backend(x->ctx, status, op.name, 2, (gan_tensor *const[]){x, theta});
    gan__node *n = gan__record(&op, y, 1, &x);
    if (n) {
        n->i[0] = border;
        n->i[1] = adjoint;
        n->saved[0] = gan_keep(theta);
    }
    return y;
}

gan_tensor *gan_affine_sample(gan_tensor *x, gan_tensor *theta, gan_border border)
{
    const char *name = "affine_sample";
    gan_tensor *bad;
    if (!gan__floating(name, x, &bad) || !gan__floating(name, theta, &bad))
        return bad;
    gan_shape s = x->shape, t = theta->shape;
    if (x->ctx != theta->ctx)
        return gan__poison(x->ctx, GAN_ERROR_ARGUMENT, name, "its inputs belong to different contexts");
    if (s.ndim != 4 || s.dim[1] > LARGEST_SIDE || s.dim[2] > LARGEST_SIDE)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "needs images (N, H, W, C) with sides up to %d, but got %s",
                           LARGEST_SIDE, GAN__TEXT(s));
    if (theta->dtype != GAN_F32 || t.ndim != 3 || t.dim[0] != s.dim[0] || t.dim[1] != 2 || t.dim[2] != 3)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "needs an f32 matrix (%lld, 2, 3) for %s, but got %s %s",
                           (long long)s.dim[0], GAN__TEXT(s), gan_dtype_name(theta->dtype), GAN__TEXT(t));
    if (border != GAN_BORDER_ZERO && border != GAN_BORDER_REFLECT)
        return gan__poison(x->ctx, GAN_ERROR_ARGUMENT, name, "there is no border %d", (int)border);
    return warp(x, theta, border, false);
}
