/*
 * norm.c - normalizations.
 *
 * Batch, instance and layer norm are one operator on x seen as [G, R, C]: normalize over R for each of G x C, scale and
 * shift by channel, activate. When nothing is recorded its gradient is one kernel; otherwise it is composed.
 */
#include "core/internal.h"

/* What the kernels get, without data. i: groups, rows, channels, whether gamma and beta are each group's own; f[0]:
 * eps. */
static gan__norm_args args_of(const int64_t *view, float eps, gan_activation activation, gan_dtype dtype)
{
    return (gan__norm_args){.groups = view[0],
                            .rows = view[1],
                            .channels = view[2],
                            .affine_each = view[3],
                            .eps = eps,
                            .activation = activation,
                            .dtype = dtype};
}

static float *data_of(gan_tensor *t)
{
    return t ? t->storage->data : NULL;
}

/* dx, dgamma, dbeta by the kernel. in: x, gamma, beta; saved: mean, rstd */
static void fused_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_context *ctx = n->ctx;
    gan_tensor *x = gan__input(n, 0);
    gan__norm_args args = args_of(n->i, n->f[0], n->activation, n->dtype);
    bool affine = n->n_in > 1;
    gan_shape channels = n->i[3] ? GAN_SHAPE(n->i[0], n->i[2]) : GAN_SHAPE(n->i[2]);
    g = gan_cast(g, n->dtype);
    grads[0] = gan__wants(n, 0) ? gan__tensor_new(ctx, x->shape, n->dtype) : NULL;
    gan_tensor *dgamma = affine ? gan__tensor_new(ctx, channels, GAN_F32) : NULL;
    gan_tensor *dbeta = affine ? gan__tensor_new(ctx, channels, GAN_F32) : NULL;
    if (ctx->status != GAN_OK)
        return;
    args.x = data_of(x);
    args.gamma = affine ? data_of(gan__input(n, 1)) : NULL;
    args.beta = affine ? data_of(gan__input(n, 2)) : NULL;
    args.mean = data_of(n->saved[0]);
    args.rstd = data_of(n->saved[1]);
    args.y = n->output ? n->output->data : NULL;
    args.dy = data_of(g);
    args.dx = data_of(grads[0]);
    args.dgamma = data_of(dgamma);
    args.dbeta = data_of(dbeta);
    gan_status status = ctx->backend->ops->norm_backward(ctx->backend, &args);
    if (status != GAN_OK)
        gan__poison_backend(ctx, status, n->op->name, 1, &x);
    if (affine) {
        grads[1] = dgamma;
        grads[2] = dbeta;
    }
}

/* The same of operators. With xh = (x - mean) rstd and gz the gradient before the activation,
 *     dx = gamma rstd (gz - mean(gz) - xh mean(gz xh))   (Ioffe & Szegedy 2015, section 3)
 * where mean and rstd are functions of x again. */
static void composed_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_shape view = GAN_SHAPE(n->i[0], n->i[1], n->i[2]);
    gan_tensor *x = gan_reshape(gan__input(n, 0), view);
    gan_tensor *gz = n->op->saves_output ? gan__activation_grad(g, gan__output(n), n->activation) : g;
    gz = gan_reshape(gz, view);
    gan_tensor *centred = gan_sub(x, gan_mean_over(x, GAN_AXIS(1), true));
    gan_tensor *rstd = gan_rsqrt(gan_add_scalar(gan_mean_over(gan_square(centred), GAN_AXIS(1), true), n->f[0]));
    gan_tensor *xh = gan_mul(centred, rstd);
    gan_tensor *gz_xh = gan_mul(gz, xh);
    if (gan__wants(n, 0)) {
        gan_tensor *inner = gan_sub(gan_sub(gz, gan_mean_over(gz, GAN_AXIS(1), true)),
                                    gan_mul(xh, gan_mean_over(gz_xh, GAN_AXIS(1), true)));
        gan_tensor *gamma = n->n_in > 1 ? gan__input(n, 1) : NULL;
        if (gamma && n->i[3])
            gamma = gan_reshape(gamma, GAN_SHAPE(n->i[0], 1, n->i[2]));
        gan_tensor *scale = gamma ? gan_mul(gamma, rstd) : rstd;
        grads[0] = gan_reshape(gan_mul(inner, scale), n->in[0].shape);
    }
    unsigned summed = (n->i[3] ? 0 : GAN_AXIS(0)) | GAN_AXIS(1);
    if (n->n_in > 1 && gan__wants(n, 1))
        grads[1] = gan_sum_over(gz_xh, summed, false);
    if (n->n_in > 1 && gan__wants(n, 2))
        grads[2] = gan_sum_over(gz, summed, false);
}

static void norm_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    if (gan__recording(n->ctx))
        composed_backward(n, g, grads);
    else
        fused_backward(n, g, grads);
}

/* activation(gamma (x - mean) rstd + beta), x as [G, R, C]. *mean and *rstd, [G, C], are left in the current scope. */
static gan_tensor *normalize(const char *name, gan_tensor *x, const int64_t view[4], gan_tensor *gamma,
                             gan_tensor *beta, float eps, gan_activation activation, gan_tensor **mean,
                             gan_tensor **rstd)
{
    static const gan__op op = {"normalize", norm_backward, 3, true}, plain = {"normalize", norm_backward, 3, false};
    gan_context *ctx = x->ctx;
    gan_tensor *y = gan__tensor_new(ctx, x->shape, x->dtype);
    *mean = gan__tensor_new(ctx, GAN_SHAPE(view[0], view[2]), GAN_F32);
    *rstd = gan__tensor_new(ctx, GAN_SHAPE(view[0], view[2]), GAN_F32);
    if (ctx->status != GAN_OK)
        return ctx->poison;
    gan__norm_args args = args_of(view, eps, activation, x->dtype);
    args.x = data_of(x);
    args.gamma = data_of(gamma);
    args.beta = data_of(beta);
    args.mean = data_of(*mean);
    args.rstd = data_of(*rstd);
    args.y = data_of(y);
    gan_status status = ctx->backend->ops->norm_forward(ctx->backend, &args);
    if (status != GAN_OK)
        return gan__poison_backend(ctx, status, name, 1, &x);
    gan__node *n =
        gan__record(activation.kind == GAN_LINEAR ? &plain : &op, y, gamma ? 3 : 1, (gan_tensor *[]){x, gamma, beta});
    if (n) {
        for (int i = 0; i < 4; i++)
            n->i[i] = view[i];
        n->f[0] = eps;
        n->activation = activation;
        n->saved[0] = gan_keep(*mean);
        n->saved[1] = gan_keep(*rstd);
    }
    return y;
}

/* gamma and beta: both or neither, of that shape. */
static bool affine_valid(const char *name, gan_tensor *x, gan_tensor *gamma, gan_tensor *beta, gan_shape shape,
                         gan_tensor **bad)
{
    if (!gan__floating(name, x, bad) || (gamma && !gan__floating(name, gamma, bad)) ||
        (beta && !gan__floating(name, beta, bad)))
        return false;
    if (!gamma && !beta)
        return true;
    if (gamma && beta && gan_shape_equal(gamma->shape, shape) && gan_shape_equal(beta->shape, shape) &&
        gamma->dtype == GAN_F32 && beta->dtype == GAN_F32)
        return true;
    *bad = gan__poison(x->ctx, GAN_ERROR_SHAPE, name,
                       "scale and shift must both be given as f32 %s for an input %s, or neither", GAN__TEXT(shape),
                       GAN__TEXT(x->shape));
    return false;
}

static bool norm_input(const char *name, gan_tensor *x, int least_dims, float eps, gan_tensor **bad)
{
    if (!gan__floating(name, x, bad))
        return false;
    if (x->shape.ndim >= least_dims && gan_count(x) > 0 && eps >= 0.0f)
        return true;
    *bad = gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "%s cannot be normalized with eps %g", GAN__TEXT(x->shape),
                       (double)eps);
    return false;
}

/* running = (1 - momentum) running + momentum batch; the variance unbiased. */
static void update_running(const gan_batch_norm_args *a, gan_tensor *mean, gan_tensor *rstd, int64_t rows)
{
    gan_shape c = a->running_mean->shape;
    gan_no_grad_begin(mean->ctx);
    gan_tensor *variance = gan_add_scalar(gan_reciprocal(gan_square(rstd)), -a->eps);
    if (rows > 1)
        variance = gan_scale(variance, (float)((double)rows / (double)(rows - 1)));
    gan_assign(a->running_mean, gan_lerp(a->running_mean, gan_reshape(mean, c), a->momentum));
    gan_assign(a->running_var, gan_lerp(a->running_var, gan_reshape(variance, c), a->momentum));
    gan_no_grad_end(mean->ctx, NULL);
}

/* With given statistics the layer is a scale and a shift by channel. */
static gan_tensor *apply_running(gan_tensor *x, const gan_batch_norm_args *a)
{
    gan_tensor *scale = gan_rsqrt(gan_add_scalar(a->running_var, a->eps));
    if (a->gamma)
        scale = gan_mul(scale, a->gamma);
    gan_tensor *shift = gan_neg(gan_mul(a->running_mean, scale));
    if (a->beta)
        shift = gan_add(shift, a->beta);
    return gan_bias_act(gan_mul(x, scale), shift, a->activation);
}

gan_tensor *gan_batch_norm(gan_tensor *x, const gan_batch_norm_args *a)
{
    gan_tensor *bad, *mean, *rstd;
    if (!norm_input("batch_norm", x, 2, a->eps, &bad))
        return bad;
    int64_t c = gan_dim(x, -1);
    if (!affine_valid("batch_norm", x, a->gamma, a->beta, GAN_SHAPE(c), &bad))
        return bad;
    bool running = a->running_mean && a->running_var;
    if (running && (!gan_shape_equal(a->running_mean->shape, GAN_SHAPE(c)) ||
                    !gan_shape_equal(a->running_var->shape, GAN_SHAPE(c))))
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "batch_norm", "running statistics %s and %s do not fit an input %s",
                           GAN__TEXT(a->running_mean->shape), GAN__TEXT(a->running_var->shape), GAN__TEXT(x->shape));
    if (!running && !a->training)
        return gan__poison(x->ctx, GAN_ERROR_ARGUMENT, "batch_norm", "outside training it needs running statistics");
    gan_scope_begin(x->ctx);
    if (!a->training)
        return gan_scope_end(x->ctx, apply_running(x, a));
    int64_t view[4] = {1, gan_count(x) / c, c, false};
    gan_tensor *y = normalize("batch_norm", x, view, a->gamma, a->beta, a->eps, a->activation, &mean, &rstd);
    if (running && !y->poison)
        update_running(a, mean, rstd, view[1]);
    return gan_scope_end(x->ctx, x->ctx->status == GAN_OK ? y : x->ctx->poison);
}

gan_tensor *gan_instance_norm(gan_tensor *x, gan_tensor *gamma, gan_tensor *beta, float eps, gan_activation activation)
{
    gan_tensor *bad, *mean, *rstd;
    if (!norm_input("instance_norm", x, 3, eps, &bad) ||
        !affine_valid("instance_norm", x, gamma, beta, GAN_SHAPE(gan_dim(x, -1)), &bad))
        return bad;
    int64_t n = gan_dim(x, 0), c = gan_dim(x, -1), view[4] = {n, gan_count(x) / (n * c), c, false};
    gan_scope_begin(x->ctx);
    return gan_scope_end(x->ctx, normalize("instance_norm", x, view, gamma, beta, eps, activation, &mean, &rstd));
}

gan_tensor *gan__instance_norm_each(const char *name, gan_tensor *x, gan_tensor *gamma, gan_tensor *beta, float eps)
{
    gan_tensor *bad, *mean, *rstd;
    if (!norm_input(name, x, 3, eps, &bad))
        return bad;
    int64_t n = gan_dim(x, 0), c = gan_dim(x, -1), view[4] = {n, gan_count(x) / (n * c), c, true};
    if (!affine_valid(name, x, gamma, beta, GAN_SHAPE(n, c), &bad))
        return bad;
    gan_scope_begin(x->ctx);
    return gan_scope_end(x->ctx, normalize(name, x, view, gamma, beta, eps, GAN__NO_ACTIVATION, &mean, &rstd));
}

gan_tensor *gan_layer_norm(gan_tensor *x, gan_tensor *gamma, gan_tensor *beta, float eps)
{
    gan_tensor *bad, *mean, *rstd;
    if (!norm_input("layer_norm", x, 2, eps, &bad))
        return bad;
    gan_shape inner = {.ndim = x->shape.ndim - 1};
    for (int i = 0; i < inner.ndim; i++)
        inner.dim[i] = x->shape.dim[i + 1];
    if (!affine_valid("layer_norm", x, gamma, beta, inner, &bad))
        return bad;
    int64_t n = gan_dim(x, 0), view[4] = {n, gan_count(x) / n, 1, false};
    gan_scope_begin(x->ctx);
    gan_tensor *y = normalize("layer_norm", x, view, NULL, NULL, eps, GAN__NO_ACTIVATION, &mean, &rstd);
    if (gamma)
        y = gan_add(gan_mul(y, gamma), beta);
    return gan_scope_end(x->ctx, y);
}

gan_tensor *gan_pixel_norm(gan_tensor *x, float eps)
{
    gan_tensor *bad;
    if (!norm_input("pixel_norm", x, 1, eps, &bad))
        return bad;
    gan_scope_begin(x->ctx);
    gan_tensor *mean = gan_scale(gan_sqnorm_over(x, GAN_AXIS(x->shape.ndim - 1), true), 1.0f / (float)gan_dim(x, -1));
    gan_tensor *factor = gan_rsqrt(gan_add_scalar(mean, eps));
    return gan_scope_end(x->ctx, gan_mul(x, gan_cast(factor, x->dtype))); /* of x's type, as other norms' results */
}
