/*
 * Convolutions of the sizes of real networks against the definition, summed in double. The cases of the operator
 * registry are too small for the CPU backend's other ways of computing a convolution (Winograd's transforms, few
 * channels, one matrix product); these take each of them.
 */
#include "../support.h"

#include <math.h>
#include <stdlib.h>

typedef struct layer {
    int n, h, w, in, out, kernel, stride, pad;
} layer;

static const layer layers[] = {
    {4, 24, 24, 32, 32, 3, 1, 1},                                /* 3x3 */
    {2, 33, 31, 32, 48, 3, 1, 1},                                /* whose tiles do not fit */
    {3, 26, 30, 48, 32, 3, 1, 0},                                /* without padding */
    {2, 29, 30, 64, 64, 3, 1, 2},                                /* with more than usual */
    {48, 16, 16, 64, 64, 3, 1, 1},                               /* a large batch */
    {1, 64, 64, 64, 64, 3, 1, 1},                                /* one large image */
    {4, 32, 32, 32, 64, 4, 2, 1},                                /* DCGAN's 4x4 */
    {2, 35, 37, 64, 32, 4, 2, 1},                                /* with a row and a column that no window takes */
    {8, 16, 16, 128, 64, 4, 2, 1}, {4, 33, 33, 32, 64, 3, 2, 1}, /* CycleGAN's 3x3 stride 2 */
    {4, 32, 32, 32, 64, 3, 2, 1},  {2, 21, 23, 17, 35, 3, 1, 1}, /* odd numbers of channels */
    {4, 32, 32, 3, 64, 4, 2, 1},                                 /* from an image */
    {1, 38, 38, 64, 3, 7, 1, 0},                                 /* to an image */
    {1, 38, 38, 3, 64, 7, 1, 0},   {2, 31, 33, 1, 32, 3, 1, 1},
    {2, 16, 16, 256, 1, 4, 1, 1},                                /* a patch discriminator's last */
    {16, 4, 4, 256, 1, 4, 1, 0},                                 /* DCGAN's last, and the generator's first */
    {16, 4, 4, 64, 100, 4, 1, 0},  {2, 16, 16, 64, 32, 1, 1, 0}, /* 1x1 */
    {2, 17, 15, 32, 64, 1, 2, 0},
};
enum { LAYERS = sizeof layers / sizeof *layers, CHECKED = 3000 };

typedef struct tensors {
    const layer *l;
    int oh, ow;
    gan_tensor *x, *w, *y; /* as given, rounded to bf16 where that is the precision */
    float *xv, *wv, *yv;
} tensors;

static float *values(gan_tensor *t)
{
    float *out = malloc((size_t)gan_count(t) * sizeof *out);
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(gan_read_f32(t, out), GAN_OK);
    return out;
}

/* Weights stay f32, as parameters do, but with values that bf16 can hold. */
static gan_tensor *draw(gan_context *ctx, gan_shape shape, bool parameter)
{
    gan_tensor *t = gan_randn(ctx, shape);
    if (gan_context_precision(ctx) == GAN_PRECISION_F32)
        return t;
    t = gan_cast(t, GAN_BF16);
    return parameter ? gan_cast(t, GAN_F32) : t;
}

static tensors make(gan_context *ctx, const layer *l)
{
    tensors t = {.l = l, .oh = (l->h + 2 * l->pad - l->kernel) / l->stride + 1};
    t.ow = (l->w + 2 * l->pad - l->kernel) / l->stride + 1;
    t.x = draw(ctx, GAN_SHAPE(l->n, l->h, l->w, l->in), false);
    t.w = draw(ctx, GAN_SHAPE(l->out, l->kernel, l->kernel, l->in), true);
    t.y = draw(ctx, GAN_SHAPE(l->n, t.oh, t.ow, l->out), false);
    t.xv = values(t.x);
    t.wv = values(t.w);
    t.yv = values(t.y);
    return t;
}

static void drop(tensors *t)
{
    free(t->xv);
    free(t->wv);
    free(t->yv);
}

/* ---- the definition: y[n,i,j,o] = sum over k, m, c of x[n, i s - p + k, j s - p + m, c] w[o,k,m,c] ---- */

static double forward_at(const tensors *t, int64_t at)
{
    const layer *l = t->l;
    int64_t o = at % l->out, j = at / l->out % t->ow, i = at / l->out / t->ow % t->oh, n = at / l->out / t->ow / t->oh;
    double sum = 0;
    for (int64_t k = 0; k < l->kernel; k++)
        for (int64_t m = 0; m < l->kernel; m++) {
            int64_t r = i * l->stride - l->pad + k, c = j * l->stride - l->pad + m;
            if (r < 0 || r >= l->h || c < 0 || c >= l->w)
                continue;
            const float *x = t->xv + ((n * l->h + r) * l->w + c) * l->in;
            const float *w = t->wv + ((o * l->kernel + k) * l->kernel + m) * l->in;
            for (int q = 0; q < l->in; q++)
                sum += (double)x[q] * w[q];
        }
    return sum;
}

static double data_at(const tensors *t, int64_t at)
{
    const layer *l = t->l;
    int64_t q = at % l->in, c = at / l->in % l->w, r = at / l->in / l->w % l->h, n = at / l->in / l->w / l->h;
    double sum = 0;
    for (int64_t k = 0; k < l->kernel; k++)
        for (int64_t m = 0; m < l->kernel; m++) {
            int64_t i = r + l->pad - k, j = c + l->pad - m;
            if (i < 0 || j < 0 || i % l->stride || j % l->stride || i / l->stride >= t->oh || j / l->stride >= t->ow)
                continue;
            const float *y = t->yv + ((n * t->oh + i / l->stride) * t->ow + j / l->stride) * l->out;
            for (int64_t o = 0; o < l->out; o++)
                sum += (double)y[o] * t->wv[((o * l->kernel + k) * l->kernel + m) * l->in + q];
        }
    return sum;
}

static double weight_at(const tensors *t, int64_t at)
{
    const layer *l = t->l;
    int64_t q = at % l->in, m = at / l->in % l->kernel, k = at / l->in / l->kernel % l->kernel;
    int64_t o = at / l->in / l->kernel / l->kernel;
    double sum = 0;
    for (int64_t n = 0; n < l->n; n++)
        for (int64_t i = 0; i < t->oh; i++)
            for (int64_t j = 0; j < t->ow; j++) {
                int64_t r = i * l->stride - l->pad + k, c = j * l->stride - l->pad + m;
                if (r >= 0 && r < l->h && c >= 0 && c < l->w)
                    sum += (double)t->xv[((n * l->h + r) * l->w + c) * l->in + q] *
                           t->yv[((n * t->oh + i) * t->ow + j) * l->out + o];
            }
    return sum;
}

/* ---- comparing ---- */

/* Each element is a sum of `terms` products of standard normal numbers, so sqrt(terms) is its size, and errors are
 * measured in that. All elements, or as many as CHECKED spread over the tensor. */
static void compare(const tensors *t, gan_tensor *found, double (*at)(const tensors *, int64_t), double terms,
                    double allowed, const char *what)
{
    int64_t count = gan_count(found), checked = count < CHECKED ? count : CHECKED;
    float *value = values(found);
    for (int64_t i = 0; i < checked; i++) {
        /* a large step that shares no factor with most sizes reaches every row, column and channel */
        int64_t e = count <= CHECKED ? i : (int64_t)((uint64_t)i * 2654435761u % (uint64_t)count);
        double expected = at(t, e), d = fabs(value[e] - expected) / sqrt(terms);
        ck_assert_msg(d <= allowed,
                      "%s of %dx%dx%dx%d, %d channels, kernel %d, stride %d, pad %d: element %lld is %g, should be %g",
                      what, t->l->n, t->l->h, t->l->w, t->l->in, t->l->out, t->l->kernel, t->l->stride, t->l->pad,
                      (long long)e, (double)value[e], expected);
    }
    free(value);
}

static void check_layer(gan_context *ctx, const layer *l, double allowed)
{
    const gan_activation none = {GAN_LINEAR, 0};
    gan_scope_begin(ctx);
    tensors t = make(ctx, l);
    gan_conv p = {.stride = l->stride, .pad = l->pad};
    double window = (double)l->kernel * l->kernel;
    compare(&t, gan_conv2d(t.x, t.w, NULL, p, none), forward_at, window * l->in, allowed, "convolution");
    compare(&t, gan_conv2d_weight(t.x, t.y, l->kernel, l->kernel, p), weight_at, (double)l->n * t.oh * t.ow, allowed,
            "weight gradient");
    p.output_pad = l->h - ((t.oh - 1) * l->stride - 2 * l->pad + l->kernel);
    if (p.output_pad == l->w - ((t.ow - 1) * l->stride - 2 * l->pad + l->kernel))
        compare(&t, gan_conv2d_transpose(t.y, t.w, NULL, p, none), data_at, window * l->out, allowed, "data gradient");
    ck_assert_msg(gan_status_of(ctx) == GAN_OK, "%s", gan_status_message(ctx));
    drop(&t);
    gan_scope_end(ctx, NULL);
}

static void check_all(gan_precision precision, int threads, double allowed)
{
    gan_context *ctx = NULL;
    gan_context_options options = {
        .struct_size = sizeof options, .precision = precision, .threads = threads, .seed = 5};
    ck_assert_int_eq(gan_context_create(&options, &ctx, NULL), GAN_OK);
    for (int i = 0; i < LAYERS; i++)
        check_layer(ctx, &layers[i], allowed);
    gan_context_destroy(ctx);
}

/* 2^-24 times the growth of Winograd's F(4x4, 3x3), whose transforms have coefficients up to 8. */
START_TEST(f32_is_near_the_definition)
{
    check_all(GAN_PRECISION_F32, _i, 4e-5);
}
END_TEST

/* 2^-9, some of them: results are rounded, and in Winograd's form the transformed operands too. */
START_TEST(bf16_is_near_the_definition)
{
    check_all(GAN_PRECISION_BF16, _i, 3e-2);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("convolutions against the definition");
    TCase *t = tcase_create("layers");
    tcase_set_timeout(t, 240);
    tcase_add_loop_test(t, f32_is_near_the_definition, 1, 4);
    tcase_add_loop_test(t, bf16_is_near_the_definition, 1, 3);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
