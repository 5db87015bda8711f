/* growth.c - progressive growing: the schedule, and the mixture of two levels. */
#include <gan/growth.h>

#include "core/internal.h"

/* How often `first` doubles to `last`. */
static int levels_of(const gan_growth *g)
{
    int levels = 0;
    while (levels < 30 && g->first >= 1 && g->first << levels < g->last)
        levels++;
    return levels;
}

/* When level `level` >= 1 begins to be faded in. */
static double beginning(const gan_growth *g, int level)
{
    return level * g->stable_kimg + (level - 1) * g->fade_kimg;
}

gan_stage gan_growth_at(const gan_growth *growth, double kimg)
{
    int level = 0, levels = levels_of(growth);
    while (level < levels && kimg >= beginning(growth, level + 1))
        level++;
    double alpha = 1.0;
    if (level > 0 && growth->fade_kimg > 0.0)
        alpha = (kimg - beginning(growth, level)) / growth->fade_kimg;
    return (gan_stage){growth->first << level, level, alpha < 1.0 ? alpha : 1.0};
}

double gan_growth_kimg(const gan_growth *growth)
{
    return levels_of(growth) * (growth->stable_kimg + growth->fade_kimg);
}

static bool fade_inputs(const char *name, gan_tensor *a, gan_tensor *b, gan_tensor *alpha, gan_tensor **bad)
{
    if (!gan__floating(name, a, bad) || !gan__floating(name, b, bad) || !gan__floating(name, alpha, bad))
        return false;
    if (gan_count(alpha) != 1)
        *bad = gan__poison(a->ctx, GAN_ERROR_SHAPE, name, "alpha is one number, but has the shape %s",
                           GAN__TEXT(alpha->shape));
    else if (!gan_shape_equal(a->shape, b->shape))
        *bad = gan__poison(a->ctx, GAN_ERROR_SHAPE, name, "the old images are %s, the new ones %s", GAN__TEXT(a->shape),
                           GAN__TEXT(b->shape));
    else
        return true;
    return false;
}

/* In this form, and not as old + alpha (new - old), both ends are exact. */
gan_tensor *gan_fade(gan_tensor *old_images, gan_tensor *new_images, gan_tensor *alpha)
{
    gan_tensor *bad;
    if (!fade_inputs("fade", old_images, new_images, alpha, &bad))
        return bad;
    gan_context *ctx = old_images->ctx;
    gan_dtype dtype = gan__promote(old_images, new_images);
    gan_scope_begin(ctx);
    gan_tensor *rest = gan_add_scalar(gan_neg(alpha), 1.0f);
    gan_tensor *mixed = gan_add(gan_mul(new_images, gan_cast(gan_reshape(alpha, GAN_SCALAR), dtype)),
                                gan_mul(old_images, gan_cast(gan_reshape(rest, GAN_SCALAR), dtype)));
    return gan_scope_end(ctx, mixed);
}

gan_tensor *gan_fade_reals(gan_tensor *images, gan_tensor *alpha)
{
    gan_tensor *bad;
    if (!fade_inputs("fade_reals", images, images, alpha, &bad))
        return bad;
    if (images->shape.ndim == 4 && (images->shape.dim[1] % 2 || images->shape.dim[2] % 2))
        return gan__poison(images->ctx, GAN_ERROR_SHAPE, "fade_reals", "%s cannot be halved", GAN__TEXT(images->shape));
    gan_context *ctx = images->ctx;
    gan_scope_begin(ctx);
    gan_tensor *coarse = gan_resize_nearest(gan_avg_pool2d(images, 2), 2);
    return gan_scope_end(ctx, gan_fade(coarse, images, alpha));
}
