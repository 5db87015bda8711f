/* loss.c - losses, composed of operators. Logits are widened to f32 first: a mean over few values deserves it. */
#include <math.h>

#include "core/internal.h"

#include <gan/autograd.h>
#include <gan/loss.h>
#include <gan/random.h>

gan_tensor *gan_bce_with_logits(gan_tensor *logits, float target)
{
    gan_tensor *bad;
    if (!gan__floating("bce_with_logits", logits, &bad))
        return bad;
    gan_context *ctx = logits->ctx;
    if (!(target >= 0.0f && target <= 1.0f))
        return gan__poison(ctx, GAN_ERROR_ARGUMENT, "bce_with_logits", "the target must be in [0, 1], but is %g",
                           (double)target);
    gan_scope_begin(ctx);
    gan_tensor *x = gan_cast(logits, GAN_F32), *loss = NULL;
    if (target == 0.0f)
        loss = gan_softplus(x);
    else if (target == 1.0f)
        loss = gan_softplus(gan_neg(x));
    else
        loss = gan_sub(gan_softplus(x), gan_scale(x, target));
    return gan_scope_end(ctx, gan_mean(loss));
}

gan_tensor *gan_loss_d_logistic(gan_tensor *real, gan_tensor *fake)
{
    gan_tensor *bad;
    if (!gan__floating("loss_d_logistic", real, &bad) || !gan__floating("loss_d_logistic", fake, &bad))
        return bad;
    gan_context *ctx = real->ctx;
    return GAN_SCOPED(ctx, gan_add(gan_bce_with_logits(real, 1.0f), gan_bce_with_logits(fake, 0.0f)));
}

gan_tensor *gan_loss_g_nonsaturating(gan_tensor *fake)
{
    gan_tensor *bad;
    if (!gan__floating("loss_g_nonsaturating", fake, &bad))
        return bad;
    return gan_bce_with_logits(fake, 1.0f);
}

/* log(1 - D) = -softplus(x) */
gan_tensor *gan_loss_g_minimax(gan_tensor *fake)
{
    gan_tensor *bad;
    if (!gan__floating("loss_g_minimax", fake, &bad))
        return bad;
    return GAN_SCOPED(fake->ctx, gan_neg(gan_bce_with_logits(fake, 0.0f)));
}

/* mean(max(0, 1 + sign * x)) */
static gan_tensor *hinge(gan_tensor *x, float sign)
{
    return gan_mean(gan_relu(gan_add_scalar(gan_scale(gan_cast(x, GAN_F32), sign), 1.0f)));
}

gan_tensor *gan_loss_d_hinge(gan_tensor *real, gan_tensor *fake)
{
    gan_tensor *bad;
    if (!gan__floating("loss_d_hinge", real, &bad) || !gan__floating("loss_d_hinge", fake, &bad))
        return bad;
    return GAN_SCOPED(real->ctx, gan_add(hinge(real, -1.0f), hinge(fake, 1.0f)));
}

gan_tensor *gan_loss_g_hinge(gan_tensor *fake)
{
    gan_tensor *bad;
    if (!gan__floating("loss_g_hinge", fake, &bad))
        return bad;
    return GAN_SCOPED(fake->ctx, gan_neg(gan_mean(fake)));
}

gan_tensor *gan_loss_d_wasserstein(gan_tensor *real, gan_tensor *fake)
{
    gan_tensor *bad;
    if (!gan__floating("loss_d_wasserstein", real, &bad) || !gan__floating("loss_d_wasserstein", fake, &bad))
        return bad;
    return GAN_SCOPED(real->ctx, gan_sub(gan_mean(fake), gan_mean(real)));
}

gan_tensor *gan_loss_g_wasserstein(gan_tensor *fake)
{
    gan_tensor *bad;
    if (!gan__floating("loss_g_wasserstein", fake, &bad))
        return bad;
    return GAN_SCOPED(fake->ctx, gan_neg(gan_mean(fake)));
}

/* mean((x - target)²) */
static gan_tensor *squared_distance(gan_tensor *x, float target)
{
    return gan_mean(gan_square(gan_add_scalar(gan_cast(x, GAN_F32), -target)));
}

gan_tensor *gan_loss_d_least_squares(gan_tensor *real, gan_tensor *fake)
{
    gan_tensor *bad;
    if (!gan__floating("loss_d_least_squares", real, &bad) || !gan__floating("loss_d_least_squares", fake, &bad))
        return bad;
    return GAN_SCOPED(real->ctx, gan_add(squared_distance(real, 1.0f), squared_distance(fake, 0.0f)));
}

gan_tensor *gan_loss_g_least_squares(gan_tensor *fake)
{
    gan_tensor *bad;
    if (!gan__floating("loss_g_least_squares", fake, &bad))
        return bad;
    return GAN_SCOPED(fake->ctx, squared_distance(fake, 1.0f));
}

/* a - b in f32; both of the same shape. */
static gan_tensor *difference(const char *name, gan_tensor *a, gan_tensor *b)
{
    if (!a->poison && !b->poison && !gan_shape_equal(a->shape, b->shape))
        return gan__poison(a->ctx, GAN_ERROR_SHAPE, name, "%s and %s differ", GAN__TEXT(a->shape), GAN__TEXT(b->shape));
    return gan_sub(gan_cast(a, GAN_F32), gan_cast(b, GAN_F32));
}

gan_tensor *gan_l1(gan_tensor *a, gan_tensor *b)
{
    return GAN_SCOPED(a->ctx, gan_mean(gan_abs(difference("l1", a, b))));
}

gan_tensor *gan_mse(gan_tensor *a, gan_tensor *b)
{
    return GAN_SCOPED(a->ctx, gan_mean(gan_square(difference("mse", a, b))));
}

gan_tensor *gan_cross_entropy(gan_tensor *logits, gan_tensor *labels)
{
    if (logits->poison || labels->poison)
        return logits->poison ? logits : labels;
    if (logits->shape.ndim != 2 || labels->shape.ndim != 1 || logits->shape.dim[0] != labels->shape.dim[0] ||
        logits->shape.dim[0] == 0)
        return gan__poison(logits->ctx, GAN_ERROR_SHAPE, "cross_entropy", "logits %s do not fit labels %s",
                           GAN__TEXT(logits->shape), GAN__TEXT(labels->shape));
    gan_context *ctx = logits->ctx;
    gan_scope_begin(ctx);
    gan_tensor *one_hot = gan_one_hot(labels, logits->shape.dim[1]);
    gan_tensor *picked = gan_sum(gan_mul(gan_log_softmax(gan_cast(logits, GAN_F32)), one_hot));
    return gan_scope_end(ctx, gan_scale(picked, -1.0f / (float)logits->shape.dim[0]));
}

gan_tensor *gan_between(gan_tensor *real, gan_tensor *fake)
{
    gan_tensor *bad;
    if (!gan__floating("between", real, &bad) || !gan__floating("between", fake, &bad))
        return bad;
    gan_context *ctx = real->ctx;
    if (!gan_shape_equal(real->shape, fake->shape) || real->shape.ndim < 1)
        return gan__poison(ctx, GAN_ERROR_SHAPE, "between", "real samples are %s, fakes are %s", GAN__TEXT(real->shape),
                           GAN__TEXT(fake->shape));
    gan_shape per_sample = {.ndim = real->shape.ndim};
    for (int i = 0; i < per_sample.ndim; i++)
        per_sample.dim[i] = i == 0 ? real->shape.dim[0] : 1;
    gan_no_grad_begin(ctx);
    gan_tensor *alpha = gan_rand(ctx, per_sample, 0.0f, 1.0f);
    gan_tensor *x = gan_add(fake, gan_mul(alpha, gan_sub(real, fake)));
    return gan_variable(gan_no_grad_end(ctx, x));
}

/* A norm of 0 has no derivative; this keeps it finite, and changes a norm of 1 by 5e-13. */
#define NORM_EPS 1e-12f

/* |d score / d x|² of each sample, [N], which can be differentiated again; in the caller's scope. */
static gan_tensor *squared_slopes(const char *name, gan_tensor *scores, gan_tensor *x)
{
    gan_tensor *bad, *gradient;
    if (!gan__floating(name, scores, &bad) || !gan__floating(name, x, &bad))
        return bad;
    if (x->shape.ndim < 1 || gan_count(scores) != x->shape.dim[0])
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "%s are not one score for each sample of %s",
                           GAN__TEXT(scores->shape), GAN__TEXT(x->shape));
    if (gan_grad(scores, &x, 1, &gradient, GAN_CREATE_GRAPH) != GAN_OK)
        return x->ctx->poison;
    return gan_sqnorm_over(gan_flatten(gradient), GAN_AXIS(1), false);
}

gan_tensor *gan_gradient_penalty(gan_tensor *scores, gan_tensor *x, gan_penalty penalty)
{
    gan_context *ctx = x->ctx;
    gan_scope_begin(ctx);
    gan_tensor *squares = squared_slopes("gradient_penalty", scores, x);
    if (squares->poison)
        return gan_scope_end(ctx, squares);
    gan_tensor *excess = gan_add_scalar(gan_sqrt(gan_add_scalar(squares, NORM_EPS)), -1.0f);
    return gan_scope_end(ctx, gan_mean(penalty == GAN_PENALTY_ONE_SIDED ? gan_relu(excess) : gan_square(excess)));
}

gan_tensor *gan_r1_penalty(gan_tensor *scores, gan_tensor *x)
{
    gan_context *ctx = x->ctx;
    gan_scope_begin(ctx);
    gan_tensor *squares = squared_slopes("r1_penalty", scores, x);
    return gan_scope_end(ctx, squares->poison ? squares : gan_mean(squares));
}

/* The random image is divided so that lengths do not depend on the resolution. */
gan_tensor *gan_path_lengths(gan_tensor *images, gan_tensor *w)
{
    gan_tensor *bad, *gradient;
    if (!gan__floating("path_lengths", images, &bad) || !gan__floating("path_lengths", w, &bad))
        return bad;
    gan_context *ctx = images->ctx;
    gan_shape s = images->shape;
    bool layered = w->shape.ndim == 3;
    if (s.ndim != 4 || (!layered && w->shape.ndim != 2) || s.dim[0] != w->shape.dim[0] || gan_count(images) == 0)
        return gan__poison(ctx, GAN_ERROR_SHAPE, "path_lengths",
                           "images %s (N, H, W, C) do not fit styles %s (N, L, width) or (N, width)", GAN__TEXT(s),
                           GAN__TEXT(w->shape));
    gan_scope_begin(ctx);
    gan_tensor *y = gan_scale(gan_randn(ctx, s), (float)(1.0 / sqrt((double)(s.dim[1] * s.dim[2]))));
    if (gan_grad_weighted(images, y, &w, 1, &gradient, GAN_CREATE_GRAPH) != GAN_OK)
        return gan_scope_end(ctx, ctx->poison);
    gan_tensor *squares = gan_sqnorm_over(gan_flatten(gradient), GAN_AXIS(1), false);
    if (layered)
        squares = gan_scale(squares, 1.0f / (float)w->shape.dim[1]);
    return gan_scope_end(ctx, gan_sqrt(gan_add_scalar(squares, NORM_EPS)));
}
