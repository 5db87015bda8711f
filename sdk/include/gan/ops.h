/*
 * ops.h - the differentiable operators.
 *
 * Every operator returns a new tensor in the current scope, in the context of its inputs, and never NULL; a failed
 * one returns poison and records the error (context.h). Every operator here that has a derivative has derivatives
 * of any order, unless its comment says otherwise.
 *
 * Types. Values are f32 or bf16. An element-wise operator gives bf16 if all its tensor inputs are bf16, f32
 * otherwise; arithmetic is in f32. Reductions and losses give f32. Under GAN_PRECISION_BF16, matrix products and
 * convolutions take and give bf16.
 *
 * Broadcasting is NumPy's: shapes are aligned at their last dimension, and a dimension of 1 is repeated.
 * Axes are given as a set: GAN_AXIS(0) | GAN_AXIS(2).
 */
#ifndef GAN_OPS_H
#define GAN_OPS_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- element-wise arithmetic, with broadcasting ---- */
GAN_API gan_tensor *gan_add(gan_tensor *a, gan_tensor *b);
GAN_API gan_tensor *gan_sub(gan_tensor *a, gan_tensor *b);
GAN_API gan_tensor *gan_mul(gan_tensor *a, gan_tensor *b);
GAN_API gan_tensor *gan_div(gan_tensor *a, gan_tensor *b);
/* Where a == b the derivative goes half to each, as in PyTorch. */
GAN_API gan_tensor *gan_maximum(gan_tensor *a, gan_tensor *b);
GAN_API gan_tensor *gan_minimum(gan_tensor *a, gan_tensor *b);
GAN_API gan_tensor *gan_neg(gan_tensor *x);
GAN_API gan_tensor *gan_add_scalar(gan_tensor *x, float value);      /* x + value */
GAN_API gan_tensor *gan_scale(gan_tensor *x, float factor);          /* x * factor */
GAN_API gan_tensor *gan_lerp(gan_tensor *a, gan_tensor *b, float t); /* a + t (b - a) */

/* ---- comparisons: 1 where true, else 0; no derivative ---- */
GAN_API gan_tensor *gan_greater(gan_tensor *a, gan_tensor *b);
GAN_API gan_tensor *gan_greater_equal(gan_tensor *a, gan_tensor *b);
GAN_API gan_tensor *gan_less(gan_tensor *a, gan_tensor *b);
GAN_API gan_tensor *gan_less_equal(gan_tensor *a, gan_tensor *b);
GAN_API gan_tensor *gan_equal(gan_tensor *a, gan_tensor *b);
/* a where condition != 0, b elsewhere; no derivative with respect to the condition. */
GAN_API gan_tensor *gan_select(gan_tensor *condition, gan_tensor *a, gan_tensor *b);

/* ---- functions of one value ---- */
GAN_API gan_tensor *gan_exp(gan_tensor *x);
GAN_API gan_tensor *gan_log(gan_tensor *x);
GAN_API gan_tensor *gan_sqrt(gan_tensor *x);
GAN_API gan_tensor *gan_rsqrt(gan_tensor *x);
GAN_API gan_tensor *gan_square(gan_tensor *x);
GAN_API gan_tensor *gan_reciprocal(gan_tensor *x);
GAN_API gan_tensor *gan_pow(gan_tensor *x, float exponent);
GAN_API gan_tensor *gan_abs(gan_tensor *x);                          /* derivative at 0 is 0 */
GAN_API gan_tensor *gan_sign(gan_tensor *x);                         /* no derivative */
GAN_API gan_tensor *gan_clamp(gan_tensor *x, float low, float high); /* derivative 1 inside and on the bounds */
GAN_API gan_tensor *gan_tanh(gan_tensor *x);
GAN_API gan_tensor *gan_sigmoid(gan_tensor *x);
GAN_API gan_tensor *gan_softplus(gan_tensor *x); /* log(1 + e^x), without overflow */
GAN_API gan_tensor *gan_relu(gan_tensor *x);     /* derivative at 0 is 0 */
GAN_API gan_tensor *gan_leaky_relu(gan_tensor *x, float slope);

typedef enum gan_activation_kind {
    GAN_LINEAR = 0, /* no activation */
    GAN_RELU = 1,
    GAN_LEAKY_RELU = 2,
    GAN_TANH = 3,
    GAN_SIGMOID = 4
} gan_activation_kind;

typedef struct gan_activation {
    gan_activation_kind kind;
    float slope; /* of GAN_LEAKY_RELU for x < 0, not negative */
} gan_activation;

GAN_API gan_tensor *gan_activate(gan_tensor *x, gan_activation activation);
/* activation(x + bias), bias of [C] along the last dimension of x; one kernel. `bias` may be NULL. */
GAN_API gan_tensor *gan_bias_act(gan_tensor *x, gan_tensor *bias, gan_activation activation);

/* ---- reductions ---- */
#define GAN_AXIS(i)  (1u << (i))
#define GAN_ALL_AXES (~0u)

GAN_API gan_tensor *gan_sum(gan_tensor *x); /* of all elements, a scalar */
GAN_API gan_tensor *gan_mean(gan_tensor *x);
GAN_API gan_tensor *gan_sqnorm(gan_tensor *x); /* sum of squares */
/* Over a set of axes; those dimensions stay as 1 if `keep`, else they go. */
GAN_API gan_tensor *gan_sum_over(gan_tensor *x, unsigned axes, bool keep);
GAN_API gan_tensor *gan_mean_over(gan_tensor *x, unsigned axes, bool keep);
GAN_API gan_tensor *gan_sqnorm_over(gan_tensor *x, unsigned axes, bool keep);
GAN_API gan_tensor *gan_max_over(gan_tensor *x, unsigned axes, bool keep); /* no derivative */
/* The inverse of broadcasting: sum x down to `shape`, to which x's shape could be broadcast from. */
GAN_API gan_tensor *gan_sum_to(gan_tensor *x, gan_shape shape);
GAN_API gan_tensor *gan_broadcast_to(gan_tensor *x, gan_shape shape);

/* ---- products ---- */
typedef enum gan_transpose_flags { GAN_NO_TRANSPOSE = 0, GAN_TRANSPOSE_A = 1, GAN_TRANSPOSE_B = 2 } gan_transpose_flags;

/* op(a) op(b) of the last two dimensions; a and b are [M, K] and [K, N] after transposition, or [B, M, K] and
 * [B, K, N], or one of each (the matrix is then used for every batch element). */
GAN_API gan_tensor *gan_matmul(gan_tensor *a, gan_tensor *b, unsigned transpose);
/* activation(x wᵀ + bias): x [N, I], w [O, I], bias [O] or NULL; gives [N, O]. x may have more than two
 * dimensions: all but its first are taken together. */
GAN_API gan_tensor *gan_linear(gan_tensor *x, gan_tensor *w, gan_tensor *bias, gan_activation activation);

/* ---- convolution: x [N, H, W, I], w [O, KH, KW, I] ---- */
typedef struct gan_conv {
    int stride;     /* 0 is taken as 1 */
    int pad;        /* zeros on every side */
    int output_pad; /* transposed convolution only: rows and columns added at the bottom and right; < stride */
} gan_conv;

/* activation(conv(x, w) + bias), [N, (H + 2 pad - KH) / stride + 1, ..., O]. Cross-correlation, as in every
 * framework. `bias` [O] may be NULL. */
GAN_API gan_tensor *gan_conv2d(gan_tensor *x, gan_tensor *w, gan_tensor *bias, gan_conv p, gan_activation activation);
/* The data gradient of gan_conv2d as an operator: x [N, H, W, O], w [O, KH, KW, I] gives
 * [N, (H - 1) stride - 2 pad + KH + output_pad, ..., I]. `bias` [I] may be NULL. */
GAN_API gan_tensor *gan_conv2d_transpose(gan_tensor *x, gan_tensor *w, gan_tensor *bias, gan_conv p,
                                         gan_activation activation);
/* The weight gradient of gan_conv2d as an operator: x [N, H, W, I] and y [N, OH, OW, O] give [O, kh, kw, I]. */
GAN_API gan_tensor *gan_conv2d_weight(gan_tensor *x, gan_tensor *y, int kh, int kw, gan_conv p);

/* ---- images: x [N, H, W, C] ---- */
GAN_API gan_tensor *gan_avg_pool2d(gan_tensor *x, int size);       /* windows of size x size, stride = size */
GAN_API gan_tensor *gan_resize_nearest(gan_tensor *x, int factor); /* H * factor, W * factor */
/* To any size; sample positions as with PyTorch's align_corners=False. */
GAN_API gan_tensor *gan_resize_bilinear(gan_tensor *x, int64_t height, int64_t width);
GAN_API gan_tensor *gan_pad2d(gan_tensor *x, int top, int bottom, int left, int right); /* zeros; negative crops */
GAN_API gan_tensor *gan_reflect_pad2d(gan_tensor *x, int pad); /* without repeating the edge; pad < H, W */
/* Upsample, filter, downsample (Karras et al. 2020): behind every row and column of x, up - 1 of zeros; then `before`
 * and `after` zeros on both axes (negative crops); then a convolution with the outer product of `taps`, times `gain`;
 * then every down-th row and column. Height and width become (H up + before + after - n) / down + 1. */
#define GAN_FIR_MAX 24
typedef struct gan_fir {
    float taps[GAN_FIR_MAX];
    int n;             /* taps, 1 to GAN_FIR_MAX */
    int up, down;      /* 0 is taken as 1 */
    int before, after; /* zeros on the top and left, on the bottom and right */
    float gain;        /* 0 is taken as 1 */
    bool flip;         /* correlate with the taps instead */
} gan_fir;
GAN_API gan_tensor *gan_upfirdn2d(gan_tensor *x, const gan_fir *fir);
/* The filters of StyleGAN2: taps [n] divided by their sum, padded so that pixels stay where they are. gan_fir_up
 * enlarges by `factor` and keeps the brightness, gan_fir_down reduces, gan_fir_blur keeps the size. taps NULL: [1, 3,
 * 3, 1]. */
GAN_API gan_fir gan_fir_up(const float *taps, int n, int factor);
GAN_API gan_fir gan_fir_down(const float *taps, int n, int factor);
GAN_API gan_fir gan_fir_blur(const float *taps, int n);

typedef enum gan_border { GAN_BORDER_ZERO = 0, GAN_BORDER_REFLECT = 1 } gan_border;
/* Each image warped by a matrix of its own, bilinear: x [N, H, W, C], theta [N, 2, 3] (f32; no derivative with respect
 * to it). The pixel of the result at (u, v), in pixels to the right of and below the image's centre, is x at theta (u,
 * v, 1). Outside of it x is 0, or reflected with the edge repeated. A theta that is not finite, or that enlarges or
 * reduces by more than 64, gives zeros; so does, with reflection, one that takes samples more than 64 images away. */
GAN_API gan_tensor *gan_affine_sample(gan_tensor *x, gan_tensor *theta, gan_border border);
/* Bytes [N, H, W, C] 0..255 to f32 -1..1: x / 127.5 - 1. */
GAN_API gan_tensor *gan_images_from_u8(gan_tensor *bytes);
/* The inverse, rounded and clamped; bytes [N, H, W, C]. */
GAN_API gan_tensor *gan_images_to_u8(gan_tensor *images);

/* ---- shape ---- */
GAN_API gan_tensor *gan_reshape(gan_tensor *x, gan_shape shape);  /* shares storage; one dimension may be -1 */
GAN_API gan_tensor *gan_flatten(gan_tensor *x);                   /* [N, rest] */
GAN_API gan_tensor *gan_permute(gan_tensor *x, const int *order); /* out.dim[i] = x.dim[order[i]] */
GAN_API gan_tensor *gan_transpose(gan_tensor *x);                 /* [M, N] to [N, M] */
/* Joined along an axis; f32 and bf16 parts give f32. */
GAN_API gan_tensor *gan_concat(gan_tensor *const *parts, int n, int axis);
GAN_API gan_tensor *gan_slice(gan_tensor *x, int axis, int64_t start, int64_t length);
GAN_API gan_tensor *gan_cast(gan_tensor *x, gan_dtype dtype); /* between f32 and bf16 */

/* ---- labels ---- */
GAN_API gan_tensor *gan_embedding(gan_tensor *table, gan_tensor *labels); /* [V, D], I32 [N] -> [N, D] */
/* I32 [N] -> [N, classes]; a label outside [0, classes) gives a row of zeros. */
GAN_API gan_tensor *gan_one_hot(gan_tensor *labels, int64_t classes);

/* ---- regularization and normalization ---- */
/* Zero each element with probability p and scale the rest by 1/(1-p); the identity when p is 0. */
GAN_API gan_tensor *gan_dropout(gan_tensor *x, float p);

/* activation(gamma (x - mean) / sqrt(var + eps) + beta) over all but the last dimension (Ioffe & Szegedy 2015).
 * gamma, beta [C] may be NULL. running_mean and running_var [C] may be NULL; in training they are updated as in
 * PyTorch, running = (1 - momentum) running + momentum batch, with the unbiased variance; otherwise they are used. */
typedef struct gan_batch_norm_args {
    gan_tensor *gamma, *beta;
    gan_tensor *running_mean, *running_var;
    float momentum; /* of the running statistics, 0.1 in PyTorch */
    float eps;
    bool training;
    gan_activation activation;
} gan_batch_norm_args;
GAN_API gan_tensor *gan_batch_norm(gan_tensor *x, const gan_batch_norm_args *args);
/* The same over H and W of each image and channel of [N, H, W, C]. gamma, beta [C] may be NULL. */
GAN_API gan_tensor *gan_instance_norm(gan_tensor *x, gan_tensor *gamma, gan_tensor *beta, float eps,
                                      gan_activation activation);
/* Over all but the first dimension; gamma, beta of x's shape without the first dimension, or NULL. */
GAN_API gan_tensor *gan_layer_norm(gan_tensor *x, gan_tensor *gamma, gan_tensor *beta, float eps);
/* x / sqrt(mean over the last dimension of x² + eps) (Karras et al. 2018). */
GAN_API gan_tensor *gan_pixel_norm(gan_tensor *x, float eps);

/* ---- styles: what each sample's own scales do to its features ---- */

/* activation(scale x + noise + bias): x [N, H, W, C], scale [N, C], noise [N, H, W, 1] or [1, H, W, 1], bias [C]; each
 * of them may be NULL. One kernel. */
GAN_API gan_tensor *gan_scale_bias_act(gan_tensor *x, gan_tensor *scale, gan_tensor *noise, gan_tensor *bias,
                                       gan_activation activation);
/* 1 / sqrt(sum over KH, KW, I of (w style)² + 1e-8): w [O, KH, KW, I], style [N, I] give [N, O]: what brings the result
 * of a convolution with a sample's modulated weights back to unit deviation (Karras et al. 2020, equation 3). */
GAN_API gan_tensor *gan_demodulation(gan_tensor *w, gan_tensor *style);
/* Convolution with weights of each sample's own, w_n = w style_n over the input channels, and, if `demodulate`, scaled
 * by gan_demodulation: x [N, H, W, I], w [O, KH, KW, I], style [N, I]. Computed by scaling x and the result, with the
 * same w for all samples, so that a batch stays one convolution. */
GAN_API gan_tensor *gan_modulated_conv2d(gan_tensor *x, gan_tensor *w, gan_tensor *style, bool demodulate, gan_conv p);
/* Adaptive instance normalization (Huang & Belongie 2017; Karras et al. 2019): instance norm of x [N, H, W, C], times
 * (style's first half + 1), plus its second half; style [N, 2 C]. */
GAN_API gan_tensor *gan_adain(gan_tensor *x, gan_tensor *style, float eps);
/* x [N, H, W, C] with `features` channels behind its own (Karras et al. 2018): the batch is dealt into N / group groups
 * (sample i into group i mod N/group), the channels into `features` parts; each new channel is the standard deviation
 * over the group, sqrt(variance + 1e-8), averaged over the pixels and the part's channels. N must be a multiple of
 * `group`, or smaller than it: then the whole batch is a group. C must be a multiple of `features`. */
GAN_API gan_tensor *gan_minibatch_stddev(gan_tensor *x, int64_t group, int64_t features);

/* ---- probabilities: over the last dimension ---- */
GAN_API gan_tensor *gan_softmax(gan_tensor *x);
GAN_API gan_tensor *gan_log_softmax(gan_tensor *x);

#ifdef __cplusplus
}
#endif
#endif
