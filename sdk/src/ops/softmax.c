/* softmax.c - over the last dimension; composed of operators, with the greatest value taken off for range. */
#include "core/internal.h"

static gan_tensor *minus_greatest(const char *name, gan_tensor *x, unsigned *last)
{
    gan_tensor *bad;
    if (!gan__floating(name, x, &bad))
        return bad;
    if (x->shape.ndim < 1 || gan_count(x) == 0)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "%s has no last dimension to normalize", GAN__TEXT(x->shape));
    *last = GAN_AXIS(x->shape.ndim - 1);
    return gan_sub(x, gan_max_over(x, *last, true));
}

gan_tensor *gan_softmax(gan_tensor *x)
{
    unsigned last = 0;
    gan_scope_begin(x->ctx);
    gan_tensor *e = gan_exp(minus_greatest("softmax", x, &last));
    return gan_scope_end(x->ctx, gan_div(e, gan_sum_over(e, last, true)));
}

gan_tensor *gan_log_softmax(gan_tensor *x)
{
    unsigned last = 0;
    gan_scope_begin(x->ctx);
    gan_tensor *shifted = minus_greatest("log_softmax", x, &last);
    return gan_scope_end(x->ctx, gan_sub(shifted, gan_log(gan_sum_over(gan_exp(shifted), last, true))));
}
