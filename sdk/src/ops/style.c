/* style.c - what each sample's own scales do to its features: modulation, AdaIN, minibatch standard deviation. */
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
    gan_scope_begin(ctx);
    gan_tensor *y = x;
    if (scale)
        y = gan_mul(y, gan_reshape(scale, GAN_SHAPE(gan_dim(x, 0), 1, 1, gan_dim(x, 3))));
    if (noise)
        y = gan_add(y, noise);
    return gan_scope_end(ctx, gan_cast(gan_bias_act(y, bias, activation), x->dtype));
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
    gan_shape per_sample = GAN_SHAPE(n, 1, 1, c);
    gan_tensor *scale = gan_add_scalar(gan_slice(style, 1, 0, c), 1.0f);
    gan_tensor *shift = gan_cast(gan_reshape(gan_slice(style, 1, c, c), per_sample), x->dtype);
    gan_tensor *y = gan_instance_norm(x, NULL, NULL, eps, GAN__NO_ACTIVATION);
    y = gan_scale_bias_act(y, scale, NULL, NULL, GAN__NO_ACTIVATION);
    return gan_scope_end(ctx, gan_add(y, shift));
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
