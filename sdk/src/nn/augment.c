/*
 * augment.c - adaptive discriminator augmentation.
 *
 * Every image gets a matrix of coordinates, made of the transformations that chance gives it, and is sampled once; its
 * colours are mixed once. Matrices are multiplied element by element: products of gan_matmul may be rounded to bf16 or
 * TF32, which would move whole pixels. Transformations that are not taken leave exact ones and zeros, so that an image
 * without any stays what it is.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <gan/augment.h>

#include "core/internal.h"
#include "layer.h"

/* Karras et al. 2020, appendix B. */
#define SHIFT      0.125f /* of the side: the most in whole pixels, the deviation of fractions */
#define SCALE      0.2f   /* deviations of log2 */
#define CONTRAST   0.5f
#define SATURATION 1.0f
#define BRIGHTNESS 0.2f

/* Matrices in terms of coefficients: a fixed part, and for each coefficient what it is multiplied with. */
enum { FIXED, FIRST, SECOND, PARTS };
#define MATRIX 9

/* Coordinates are columns (u, v, 1). */
static const float scaling[PARTS][MATRIX] = {
    {0, 0, 0, 0, 0, 0, 0, 0, 1}, {1, 0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 1, 0, 0, 0, 0}};
static const float rotation[PARTS][MATRIX] = {
    {0, 0, 0, 0, 0, 0, 0, 0, 1}, {1, 0, 0, 0, 1, 0, 0, 0, 0}, {0, 1, 0, -1, 0, 0, 0, 0, 0}};
static const float translation[PARTS][MATRIX] = {
    {1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 1, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 1, 0, 0, 0}};
static const float quarters[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};

/* Constants in the device's memory: a step that is recorded must not bring values from the host. */
typedef enum constant {
    SCALING,
    ROTATION = SCALING + PARTS,
    TRANSLATION = ROTATION + PARTS,
    QUARTERS = TRANSLATION + PARTS,
    CONSTANTS
} constant;

struct gan_augment {
    gan_context *ctx;
    gan_augment_args args;
    gan_tensor *constant[CONSTANTS];
    gan_tensor *p, *signs, *seen, *sign; /* scalars, the model's: p, what was counted, the last mean */
};

/* ---- making and ending ---- */

static bool in_range(gan_context *ctx, const char *what, double value, double low, double high)
{
    if (value >= low && value <= high)
        return true;
    gan_raise(ctx, GAN_ERROR_ARGUMENT, "augmentation: %s is %g, but must be %g to %g", what, value, low, high);
    return false;
}

static gan_tensor *matrix_constant(gan_context *ctx, const float *values)
{
    return gan_keep(gan_from_f32(ctx, GAN_SHAPE(1, 3, 3), values));
}

static void make_constants(gan_augment *a)
{
    for (int i = 0; i < PARTS; i++) {
        a->constant[SCALING + i] = matrix_constant(a->ctx, scaling[i]);
        a->constant[ROTATION + i] = matrix_constant(a->ctx, rotation[i]);
        a->constant[TRANSLATION + i] = matrix_constant(a->ctx, translation[i]);
    }
    a->constant[QUARTERS] = gan_keep(gan_from_f32(a->ctx, GAN_SHAPE(4, 2), quarters[0]));
}

/* A scalar that the model saves as name.part. */
static gan_tensor *state(gan_model *model, const char *name, const char *part, double value)
{
    char full[GAN__NAME_MAX];
    gan_tensor *t = gan_keep(gan_full(model->ctx, GAN_SCALAR, (float)value));
    if ((size_t)snprintf(full, sizeof full, "%s.%s", name, part) >= sizeof full)
        gan_raise(model->ctx, GAN_ERROR_LIMIT, "augmentation: the name \"%.80s\" is too long", name);
    gan_model_tensor(model, full, t);
    return t;
}

gan_augment *gan_augment_create(gan_model *model, const char *name, const gan_augment_args *args)
{
    gan_context *ctx = model->ctx;
    if (!in_range(ctx, "p", args->p, 0, 1) || !in_range(ctx, "the target", args->target, -1, 1) ||
        !in_range(ctx, "kimg", args->kimg, 0, 1e9))
        return NULL;
    gan_augment *a = calloc(1, sizeof *a);
    if (!a) {
        gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for augmentation");
        return NULL;
    }
    a->ctx = ctx;
    a->args = *args;
    make_constants(a);
    a->p = state(model, name, "p", args->p);
    a->signs = state(model, name, "signs", 0);
    a->seen = state(model, name, "seen", 0);
    a->sign = state(model, name, "sign", 0);
    if (gan_status_of(ctx) == GAN_OK)
        return a;
    gan_augment_destroy(a);
    return NULL;
}

void gan_augment_destroy(gan_augment *a)
{
    if (!a)
        return;
    for (int i = 0; i < CONSTANTS; i++)
        gan_release(a->constant[i]);
    free(a);
}

/* ---- chance ---- */

/* [n, 1]: 1 with probability `p`, a scalar, else 0. */
static gan_tensor *chance(gan_tensor *p, int64_t n)
{
    return gan_less(gan_rand(gan_context_of(p), GAN_SHAPE(n, 1), 0.0f, 1.0f), p);
}

/* [n, 1]: 2 to the power of N(0, deviation²) where taken, else 1. */
static gan_tensor *random_factor(gan_tensor *taken, float deviation)
{
    gan_context *ctx = gan_context_of(taken);
    gan_tensor *z = gan_randn(ctx, gan_shape_of(taken));
    return gan_exp(gan_mul(taken, gan_scale(z, deviation * 0.69314718f))); /* ln 2 */
}

/* [n, 1]: -1 with probability p / 2, else 1. */
static gan_tensor *random_sign(gan_tensor *p, int64_t n)
{
    return gan_add_scalar(gan_scale(chance(gan_scale(p, 0.5f), n), -2.0f), 1.0f);
}

/* Cosine and sine [n, 2] of an angle, any equally likely, where taken, else of 0: a pair of normal numbers has a
 * direction that is exactly uniform. */
static gan_tensor *random_angle(const gan_augment *a, gan_tensor *taken)
{
    int64_t n = gan_dim(taken, 0);
    gan_tensor *unmoved = gan_slice(a->constant[QUARTERS], 0, 0, 1);
    gan_tensor *z = gan_randn(a->ctx, GAN_SHAPE(n, 2));
    z = gan_add(z, gan_scale(unmoved, 1e-12f)); /* a pair of zeros can come, and has no direction */
    z = gan_mul(z, gan_rsqrt(gan_sqnorm_over(z, GAN_AXIS(1), true)));
    return gan_select(taken, z, unmoved);
}

/* ---- matrices, [N, 3, 3] ---- */

/* The fixed part, and two others times x and y [N, 1]. */
static gan_tensor *matrix(const gan_augment *a, constant kind, gan_tensor *x, gan_tensor *y)
{
    gan_shape each = GAN_SHAPE(-1, 1, 1);
    gan_tensor *moved = gan_add(gan_mul(gan_reshape(x, each), a->constant[kind + FIRST]),
                                gan_mul(gan_reshape(y, each), a->constant[kind + SECOND]));
    return gan_add(moved, a->constant[kind + FIXED]);
}

/* The same from [N, 2]. */
static gan_tensor *matrix_of(const gan_augment *a, constant kind, gan_tensor *xy)
{
    return matrix(a, kind, gan_slice(xy, 1, 0, 1), gan_slice(xy, 1, 1, 1));
}

/* x NULL: the identity. */
static gan_tensor *product(gan_tensor *x, gan_tensor *y)
{
    if (!x)
        return y;
    gan_tensor *terms = gan_mul(gan_reshape(x, GAN_SHAPE(-1, 3, 3, 1)), gan_reshape(y, GAN_SHAPE(-1, 1, 3, 3)));
    return gan_sum_over(terms, GAN_AXIS(2), false);
}

/* ---- geometry ---- */

/* To the nearest whole number, for less than 2^22: there f32 has no fractions. */
static gan_tensor *rounded(gan_tensor *x)
{
    const float whole = 12582912.0f; /* 1.5 * 2^23 */
    return gan_add_scalar(gan_add_scalar(x, whole), -whole);
}

/* [N, 2] pixels from [N, 2] parts of the sides. */
static gan_tensor *in_pixels(gan_tensor *parts, int64_t height, int64_t width)
{
    gan_tensor *both[2] = {gan_scale(gan_slice(parts, 1, 0, 1), (float)width),
                           gan_scale(gan_slice(parts, 1, 1, 1), (float)height)};
    return gan_concat(both, 2, 1);
}

/* Scaling, and rotations before and after: each happens with probability 1 - sqrt(1 - p), so that one of the two does
 * with p. */
static gan_tensor *any_geometry(const gan_augment *a, gan_tensor *m, int64_t n, int64_t height, int64_t width)
{
    gan_tensor *rotate = gan_add_scalar(gan_neg(gan_sqrt(gan_add_scalar(gan_neg(a->p), 1.0f))), 1.0f);
    gan_tensor *all = random_factor(chance(a->p, n), SCALE);
    m = product(m, matrix(a, SCALING, all, all));
    m = product(m, matrix_of(a, ROTATION, random_angle(a, chance(rotate, n))));
    gan_tensor *wide = random_factor(chance(a->p, n), SCALE);
    m = product(m, matrix(a, SCALING, wide, gan_reciprocal(wide)));
    m = product(m, matrix_of(a, ROTATION, random_angle(a, chance(rotate, n))));
    gan_tensor *shift = gan_scale(gan_randn(a->ctx, GAN_SHAPE(n, 2)), SHIFT);
    shift = gan_mul(chance(a->p, n), in_pixels(shift, height, width));
    return product(m, matrix_of(a, TRANSLATION, shift));
}

/* The matrix [N, 3, 3] that takes coordinates of the result to those of the image; NULL: none was asked for. */
static gan_tensor *geometry(const gan_augment *a, int64_t n, int64_t height, int64_t width)
{
    const gan_augment_args *args = &a->args;
    gan_tensor *m = NULL;
    if (args->flip)
        m = product(m, matrix(a, SCALING, random_sign(a->p, n), gan_full(a->ctx, GAN_SHAPE(1, 1), 1.0f)));
    if (args->rotate) {
        gan_tensor *angle = gan_embedding(a->constant[QUARTERS], gan_randint(a->ctx, GAN_SHAPE(n), 4));
        angle = gan_select(chance(a->p, n), angle, gan_slice(a->constant[QUARTERS], 0, 0, 1));
        m = product(m, matrix_of(a, ROTATION, angle));
    }
    if (args->translate) {
        gan_tensor *shift = gan_rand(a->ctx, GAN_SHAPE(n, 2), -SHIFT, SHIFT);
        shift = gan_mul(chance(a->p, n), rounded(in_pixels(shift, height, width)));
        m = product(m, matrix_of(a, TRANSLATION, shift));
    }
    return args->geometry ? any_geometry(a, m, n, height, width) : m;
}

/* ---- colour ---- */

/* The part of a colour along the grey axis is multiplied by `along`, after `brighter` was added; the rest, of which
 * there is none on a grey image, is multiplied by `across` and turned around the axis. */
typedef struct colour {
    gan_tensor *brighter, *along, *across; /* [N, 1] */
    gan_tensor *angle;                     /* [N, 2] */
} colour;

static colour random_colour(const gan_augment *a, int64_t n, bool grey_image)
{
    colour c = {0};
    gan_tensor *contrast = random_factor(chance(a->p, n), CONTRAST);
    gan_tensor *brighten = chance(a->p, n); /* in a statement of its own: draws have an order, arguments have none */
    c.brighter = gan_scale(gan_mul(brighten, gan_randn(a->ctx, GAN_SHAPE(n, 1))), BRIGHTNESS);
    c.along = gan_mul(contrast, random_sign(a->p, n));
    if (grey_image)
        return c;
    c.angle = random_angle(a, chance(a->p, n));
    c.across = gan_mul(contrast, random_factor(chance(a->p, n), SATURATION));
    return c;
}

/* The channels moved up by `by`, the last ones to the front. */
static gan_tensor *rolled(gan_tensor *x, int by)
{
    gan_tensor *parts[2] = {gan_slice(x, 3, 3 - by, by), gan_slice(x, 3, 0, 3 - by)};
    return gan_concat(parts, 2, 3);
}

/* Red, green and blue are alike, so that each new channel is made in the same way of itself and of the two before it:
 * across (cos + sin turn) + (along - across cos) grey, where grey is 1/3 of all three channels, and turn, by 90
 * degrees, is 1/sqrt(3) of the channel before less as much of the one before that. */
static gan_tensor *coloured(const gan_augment *a, gan_tensor *x)
{
    int64_t n = gan_dim(x, 0);
    bool grey_image = gan_dim(x, 3) == 1;
    colour c = random_colour(a, n, grey_image);
    gan_shape each = GAN_SHAPE(n, 1, 1, 1);
    gan_tensor *along = gan_reshape(c.along, each), *bias = gan_reshape(gan_mul(c.along, c.brighter), each);
    if (grey_image)
        return gan_add(gan_mul(x, along), bias);
    gan_tensor *kept = gan_reshape(gan_mul(c.across, gan_slice(c.angle, 1, 0, 1)), each);
    gan_tensor *turned = gan_reshape(gan_mul(c.across, gan_slice(c.angle, 1, 1, 1)), each);
    gan_tensor *grey = gan_scale(gan_sub(along, kept), 1.0f / 3.0f);
    turned = gan_scale(turned, 0.57735027f); /* 1/sqrt(3) */
    gan_tensor *y = gan_add(gan_mul(x, gan_add(kept, grey)), bias);
    y = gan_add(y, gan_mul(rolled(x, 1), gan_add(grey, turned)));
    return gan_add(y, gan_mul(rolled(x, 2), gan_sub(grey, turned)));
}

gan_tensor *gan_augmented(gan_augment *a, gan_tensor *images)
{
    if (!a || images->poison)
        return images;
    gan_shape s = images->shape;
    if (s.ndim != 4 || (s.dim[3] != 1 && s.dim[3] != 3))
        return gan__poison(a->ctx, GAN_ERROR_SHAPE, "augmentation",
                           "needs images (N, H, W, C) with 1 or 3 channels, but got %s", GAN__TEXT(s));
    if (gan_shape_count(s) == 0)
        return images;
    gan_scope_begin(a->ctx);
    gan_tensor *m = geometry(a, s.dim[0], s.dim[1], s.dim[2]);
    if (m)
        images = gan_affine_sample(images, gan_slice(m, 1, 0, 2), GAN_BORDER_REFLECT);
    return gan_scope_end(a->ctx, a->args.colour ? coloured(a, images) : images);
}

/* ---- p ---- */

void gan_augment_observe(gan_augment *a, gan_tensor *real_scores)
{
    if (!a || real_scores->poison)
        return;
    gan_no_grad_begin(a->ctx);
    gan_assign(a->signs, gan_add(a->signs, gan_sum(gan_sign(gan_detach(real_scores)))));
    gan_assign(a->seen, gan_add_scalar(a->seen, (float)gan_count(real_scores)));
    gan_no_grad_end(a->ctx, NULL);
}

void gan_augment_adjust(gan_augment *a, double images)
{
    if (!a)
        return;
    gan_no_grad_begin(a->ctx);
    gan_tensor *any = gan_minimum(a->seen, gan_full(a->ctx, GAN_SCALAR, 1.0f));
    gan_tensor *mean = gan_div(a->signs, gan_maximum(a->seen, gan_full(a->ctx, GAN_SCALAR, 1.0f)));
    if (a->args.kimg > 0) {
        gan_tensor *way = gan_sign(gan_add_scalar(mean, -(float)a->args.target));
        gan_tensor *step = gan_scale(gan_mul(any, way), (float)(images / (a->args.kimg * 1000)));
        gan_assign(a->p, gan_clamp(gan_add(a->p, step), 0.0f, 1.0f));
    }
    gan_assign(a->sign, gan_select(any, mean, a->sign));
    gan_assign(a->signs, gan_zeros(a->ctx, GAN_SCALAR));
    gan_assign(a->seen, gan_zeros(a->ctx, GAN_SCALAR));
    gan_no_grad_end(a->ctx, NULL);
}

gan_tensor *gan_augment_p(gan_augment *a)
{
    return a ? a->p : NULL;
}

gan_tensor *gan_augment_sign(gan_augment *a)
{
    return a ? a->sign : NULL;
}
