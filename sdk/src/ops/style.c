/* style.c - what each sample's own scales do to its features: modulation, AdaIN, minibatch standard deviation. */
#include <string.h>

#include "core/internal.h"

/* Karras et al. 2020, equation 3, and Karras et al. 2018, section 3: what keeps a root's derivative finite. */
#define DEMODULATION_EPS 1e-8f
#define STDDEV_EPS       1e-8f

static bool image(const char *name, gan_tensor *x, gan_tensor **bad)
{
    if (!gan__floating(name, x, bad))
        return false;
    if (x->shape.ndim == 4)
        return true;
    *bad = gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "needs images (N, H, W, C), but got %s", GAN__TEXT(x->shape));
    return false;
}

/* An input beside x: NULL, or floating and of x's context. */
static bool beside(const char *name, gan_tensor *x, gan_tensor *other, gan_tensor **bad)
{
    if (!other)
        return true;
    if (!gan__floating(name, other, bad))
        return false;
    if (other->ctx == x->ctx)
        return true;
    *bad = gan__poison(x->ctx, GAN_ERROR_ARGUMENT, name, "its inputs belong to different contexts");
    return false;
}

/* ---- scale, noise, bias, activation ---- */

/* What y = activation(scale x + strength noise + bias) is made of. A node has as inputs those that there are, in this
 * order; i[role] is the input's number, or -1. */
enum { X, SCALE, NOISE, STRENGTH, BIAS, ROLES };

static gan_tensor *role(gan__node *n, int which)
{
    return n->i[which] < 0 ? NULL : gan__input(n, (int)n->i[which]);
}

static bool wants(gan__node *n, int which)
{
    return n->i[which] >= 0 && gan__wants(n, (int)n->i[which]);
}

static float *data_of(gan_tensor *t)
{
    return t ? t->storage->data : NULL;
}

/* What the kernels get of x's shape and the other tensors. */
static gan__scale_args args_of(gan_shape x, gan_dtype dtype, gan_tensor *const *in, gan_activation activation)
{
    return (gan__scale_args){.n = x.dim[0],
                             .pixels = x.dim[1] * x.dim[2],
                             .channels = x.dim[3],
                             .dtype = dtype,
                             .activation = activation,
                             .noise_shared = in[NOISE] && in[NOISE]->shape.dim[0] == 1,
                             .bias_each = in[BIAS] && in[BIAS]->shape.ndim == 2,
                             .x = data_of(in[X]),
                             .scale = data_of(in[SCALE]),
                             .noise = data_of(in[NOISE]),
                             .strength = data_of(in[STRENGTH]),
                             .bias = data_of(in[BIAS])};
}

/* All derivatives by the kernel, in one pass over the images. */
static void fused_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_context *ctx = n->ctx;
    gan_tensor *in[ROLES] = {NULL}, *made[ROLES] = {NULL};
    for (int r = X; r < ROLES; r++) {
        if (r == X ? wants(n, SCALE) : r != BIAS)
            in[r] = role(n, r);
        if (wants(n, r))
            made[r] = gan__tensor_new(ctx, n->in[n->i[r]].shape, r == X ? n->dtype : GAN_F32);
    }
    g = gan_cast(g, n->dtype);
    if (ctx->status != GAN_OK)
        return;
    gan__scale_args args = args_of(n->shape, n->dtype, in, n->activation);
    args.bias_each = n->i[BIAS] >= 0 && n->in[n->i[BIAS]].shape.ndim == 2;
    args.y = n->output ? n->output->data : NULL;
    args.dy = data_of(g);
    args.dx = data_of(made[X]);
    args.dscale = data_of(made[SCALE]);
    args.dnoise = data_of(made[NOISE]);
    args.dstrength = data_of(made[STRENGTH]);
    args.dbias = data_of(made[BIAS]);
    gan_status status = ctx->backend->ops->scale_backward(ctx->backend, &args);
    if (status != GAN_OK)
        gan__poison_backend(ctx, status, n->op->name, 1, &g);
    for (int r = X; r < ROLES; r++)
        if (made[r])
            grads[n->i[r]] = made[r];
}

/* [N, C] or [C] as [N or 1, 1, 1, C]. */
static gan_shape by_channel(gan_shape s)
{
    return GAN_SHAPE(s.ndim == 2 ? s.dim[0] : 1, 1, 1, s.dim[s.ndim - 1]);
}

static gan_tensor *spread(gan_tensor *t)
{
    return gan_reshape(t, by_channel(t->shape));
}

/* gan_sum_to(a * b, shape of input `which`), b NULL: 1. */
static gan_tensor *sum_for(gan__node *n, int which, gan_tensor *a, gan_tensor *b)
{
    gan_shape shape = n->in[n->i[which]].shape, by_pixel = which == NOISE ? shape : by_channel(shape);
    return gan_reshape(b ? gan__sum_product_to(a, b, by_pixel) : gan_sum_to(a, by_pixel), shape);
}

/* The same of operators. */
static void composed_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_tensor *gz = n->op->saves_output ? gan__activation_grad(g, gan__output(n), n->activation) : g;
    gan_tensor *scale = role(n, SCALE), *strength = role(n, STRENGTH);
    if (wants(n, X))
        grads[0] = scale ? gan__scale_bias_act(gz, scale, NULL, NULL, NULL, GAN__NO_ACTIVATION) : gz;
    if (wants(n, SCALE))
        grads[n->i[SCALE]] = sum_for(n, SCALE, gz, role(n, X));
    if (wants(n, NOISE))
        grads[n->i[NOISE]] = sum_for(n, NOISE, gz, strength ? spread(strength) : NULL);
    if (wants(n, STRENGTH))
        grads[n->i[STRENGTH]] = sum_for(n, STRENGTH, gz, role(n, NOISE));
    if (wants(n, BIAS))
        grads[n->i[BIAS]] = sum_for(n, BIAS, gz, NULL);
}

static void scale_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    if (gan__recording(n->ctx) || gan_shape_count(n->shape) == 0)
        composed_backward(n, g, grads);
    else
        fused_backward(n, g, grads);
}

/* x itself is needed for the derivative with respect to the scale only. */
static const gan__op *op_of(bool scaled, bool activated)
{
#define OP(inputs, output)                                                                                             \
    {                                                                                                                  \
        "scale_bias_act", scale_backward, inputs, output                                                               \
    }
    static const gan__op ops[2][2] = {{OP(0xe, false), OP(0xe, true)}, {OP(0xf, false), OP(0xf, true)}};
#undef OP
    return &ops[scaled][activated];
}

gan_tensor *gan__scale_bias_act(gan_tensor *x, gan_tensor *scale, gan_tensor *noise, gan_tensor *strength,
                                gan_tensor *bias, gan_activation activation)
{
    gan_context *ctx = x->ctx;
    gan_tensor *in[ROLES] = {x, scale, noise, strength, bias}, *inputs[ROLES];
    int64_t at[ROLES];
    int n_in = 0;
    if (!scale && !noise && (!bias || bias->shape.ndim == 1))
        return gan_bias_act(x, bias, activation);
    if (!gan__activation_valid(ctx, activation))
        return ctx->poison;
    for (int r = X; r < ROLES; r++) {
        if (r > X && in[r])
            in[r] = gan_cast(in[r], GAN_F32);
        at[r] = in[r] ? n_in : -1;
        if (in[r])
            inputs[n_in++] = in[r];
        if (in[r] && in[r]->poison)
            return in[r];
    }
    gan_tensor *y = gan__tensor_new(ctx, x->shape, x->dtype);
    if (y->poison || gan_count(y) == 0)
        return y;
    gan__scale_args args = args_of(x->shape, x->dtype, in, activation);
    args.y = data_of(y);
    gan_status status = ctx->backend->ops->scale_forward(ctx->backend, &args);
    if (status != GAN_OK)
        return gan__poison_backend(ctx, status, "scale_bias_act", n_in, inputs);
    gan__node *n = gan__record(op_of(scale, activation.kind != GAN_LINEAR), y, n_in, inputs);
    if (n) {
        memcpy(n->i, at, sizeof at);
        n->activation = activation;
    }
    return y;
}

static bool scale_bias_fit(gan_tensor *x, gan_tensor *scale, gan_tensor *noise, gan_tensor *bias, gan_tensor **bad)
{
    const char *name = "scale_bias_act";
    gan_shape s = x->shape;
    gan_shape each = GAN_SHAPE(s.dim[0], s.dim[1], s.dim[2], 1), all = GAN_SHAPE(1, s.dim[1], s.dim[2], 1);
    if (scale && !gan_shape_equal(scale->shape, GAN_SHAPE(s.dim[0], s.dim[3])))
        *bad = gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "a scale %s does not fit %s; it is (N, C)",
                           GAN__TEXT(scale->shape), GAN__TEXT(s));
    else if (noise && !gan_shape_equal(noise->shape, each) && !gan_shape_equal(noise->shape, all))
        *bad =
            gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "noise %s does not fit %s; it is (N, H, W, 1) or (1, H, W, 1)",
                        GAN__TEXT(noise->shape), GAN__TEXT(s));
    else if (bias && !gan_shape_equal(bias->shape, GAN_SHAPE(s.dim[3])))
        *bad = gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "a bias %s does not fit the last dimension of %s",
                           GAN__TEXT(bias->shape), GAN__TEXT(s));
    else
        return true;
    return false;
}

gan_tensor *gan_scale_bias_act(gan_tensor *x, gan_tensor *scale, gan_tensor *noise, gan_tensor *bias,
                               gan_activation activation)
{
    const char *name = "scale_bias_act";
    gan_tensor *bad;
    if (!image(name, x, &bad) || !beside(name, x, scale, &bad) || !beside(name, x, noise, &bad) ||
        !beside(name, x, bias, &bad) || !scale_bias_fit(x, scale, noise, bias, &bad))
        return bad;
    gan_context *ctx = x->ctx;
    return GAN_SCOPED(ctx, gan__scale_bias_act(x, scale, noise, NULL, bias, activation));
}

/* ---- modulated convolution ---- */

/* Since style_n belongs to the input channels, the sum over the kernel is taken first: a product of [N, I] and [I, O].
 * In f32 whatever the run's precision: it scales every feature. */
gan_tensor *gan__demodulation(gan_tensor *w, gan_tensor *style, bool transposed)
{
    const char *name = "demodulation";
    gan_tensor *bad;
    if (!gan__floating(name, w, &bad) || !beside(name, w, style, &bad))
        return bad;
    gan_context *ctx = w->ctx;
    if (w->shape.ndim != 4 || style->shape.ndim != 2 || w->shape.dim[transposed ? 0 : 3] != style->shape.dim[1])
        return gan__poison(ctx, GAN_ERROR_SHAPE, name, "a weight %s (O, KH, KW, I) does not fit styles %s (N, I)",
                           GAN__TEXT(w->shape), GAN__TEXT(style->shape));
    gan_scope_begin(ctx);
    gan_precision before = ctx->precision;
    ctx->precision = GAN_PRECISION_F32;
    gan_tensor *squares = gan_sqnorm_over(w, GAN_AXIS(1) | GAN_AXIS(2), false);
    gan_tensor *sums =
        gan_matmul(gan_square(gan_cast(style, GAN_F32)), squares, transposed ? GAN_NO_TRANSPOSE : GAN_TRANSPOSE_B);
    gan_tensor *scale = gan_rsqrt(gan_add_scalar(sums, DEMODULATION_EPS));
    ctx->precision = before;
    return gan_scope_end(ctx, scale);
}

gan_tensor *gan_demodulation(gan_tensor *w, gan_tensor *style)
{
    return gan__demodulation(w, style, false);
}

gan_tensor *gan_modulated_conv2d(gan_tensor *x, gan_tensor *w, gan_tensor *style, bool demodulate, gan_conv p)
{
    gan_tensor *bad;
    if (!image("modulated_conv2d", x, &bad) || !beside("modulated_conv2d", x, w, &bad) ||
        !beside("modulated_conv2d", x, style, &bad))
        return bad;
    gan_context *ctx = x->ctx;
    gan_scope_begin(ctx);
    gan_tensor *modulated = gan_scale_bias_act(x, style, NULL, NULL, GAN__NO_ACTIVATION);
    gan_tensor *y = gan_conv2d(modulated, w, NULL, p, GAN__NO_ACTIVATION);
    if (demodulate)
        y = gan_scale_bias_act(y, gan_demodulation(w, style), NULL, NULL, GAN__NO_ACTIVATION);
    return gan_scope_end(ctx, y);
}

/* ---- adaptive instance normalization ---- */

gan_tensor *gan_adain(gan_tensor *x, gan_tensor *style, float eps)
{
    gan_tensor *bad;
    if (!image("adain", x, &bad) || !beside("adain", x, style, &bad))
        return bad;
    gan_context *ctx = x->ctx;
    int64_t n = gan_dim(x, 0), c = gan_dim(x, 3);
    if (!gan_shape_equal(style->shape, GAN_SHAPE(n, 2 * c)))
        return gan__poison(ctx, GAN_ERROR_SHAPE, "adain", "styles %s do not fit %s; they are (N, 2 C)",
                           GAN__TEXT(style->shape), GAN__TEXT(x->shape));
    gan_scope_begin(ctx);
    style = gan_cast(style, GAN_F32);
    gan_tensor *scale = gan_add_scalar(gan_slice(style, 1, 0, c), 1.0f), *shift = gan_slice(style, 1, c, c);
    return gan_scope_end(ctx, gan__instance_norm_each("adain", x, scale, shift, eps));
}

/* ---- minibatch standard deviation ---- */

/* [N, H, W, C] is seen as [group, groups, pixels, features, C / features]: sample i = member * groups + group. */
gan_tensor *gan_minibatch_stddev(gan_tensor *x, int64_t group, int64_t features)
{
    gan_tensor *bad;
    if (!image("minibatch_stddev", x, &bad))
        return bad;
    gan_context *ctx = x->ctx;
    gan_shape s = x->shape;
    int64_t members = group < s.dim[0] ? group : s.dim[0];
    if (gan_count(x) == 0 || group < 1 || s.dim[0] % members)
        return gan__poison(ctx, GAN_ERROR_SHAPE, "minibatch_stddev", "groups of %lld do not divide the batch of %s",
                           (long long)group, GAN__TEXT(s));
    if (features < 1 || s.dim[3] % features)
        return gan__poison(ctx, GAN_ERROR_SHAPE, "minibatch_stddev", "%lld features do not divide the channels of %s",
                           (long long)features, GAN__TEXT(s));
    int64_t groups = s.dim[0] / members, pixels = s.dim[1] * s.dim[2];
    gan_scope_begin(ctx);
    gan_tensor *dealt =
        gan_reshape(gan_cast(x, GAN_F32), GAN_SHAPE(members, groups, pixels, features, s.dim[3] / features));
    gan_tensor *centred = gan_sub(dealt, gan_mean_over(dealt, GAN_AXIS(0), true));
    gan_tensor *variance = gan_mean_over(gan_square(centred), GAN_AXIS(0), true);
    gan_tensor *deviation = gan_sqrt(gan_add_scalar(variance, STDDEV_EPS));
    gan_tensor *mean = gan_mean_over(deviation, GAN_AXIS(2) | GAN_AXIS(4), true); /* [1, groups, 1, features, 1] */
    gan_tensor *spread = gan_broadcast_to(gan_reshape(mean, GAN_SHAPE(1, groups, 1, features)),
                                          GAN_SHAPE(members, groups, pixels, features));
    spread = gan_reshape(spread, GAN_SHAPE(s.dim[0], s.dim[1], s.dim[2], features));
    return gan_scope_end(ctx, gan_concat((gan_tensor *[]){x, gan_cast(spread, x->dtype)}, 2, 3));
}
