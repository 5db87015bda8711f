#include "core/internal.h"

gan_tensor *gan_dropout(gan_tensor *x, float p)
{
    gan_tensor *bad;
    if (!gan__floating("dropout", x, &bad))
        return bad;
    if (!(p >= 0.0f && p < 1.0f))
        return gan__poison(x->ctx, GAN_ERROR_ARGUMENT, "dropout", "the probability must be in [0, 1), but is %g",
                           (double)p);
    if (p == 0.0f)
        return x;
    gan_scope_begin(x->ctx);
    gan_tensor *u = gan_rand(x->ctx, x->shape, 0.0f, 1.0f);
    gan_tensor *mask = gan__map("dropout", GAN__MAP_DROP_MASK, p, 1.0f / (1.0f - p), 1, &u, x->shape, x->dtype);
    return gan_scope_end(x->ctx, gan_mul(x, mask));
}
