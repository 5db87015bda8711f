/* Winograd convolutions against the definition, summed in double. */
#include <math.h>
#include <stdlib.h>

#include "../support.h"
#include "backend/cpu/winograd.h"

/* Tiles that stick out at the bottom and right, channels of several vectors, more images than threads or fewer. */
typedef struct geometry {
    int64_t images, height, width, in, out;
    int kernel, stride, pad;
} geometry;

static const geometry cases[] = {
    {3, 19, 22, 32, 64, 3, 1, 1},   {1, 34, 34, 64, 80, 3, 1, 0}, {2, 17, 30, 48, 64, 3, 1, 2},
    {4, 16, 16, 256, 256, 3, 1, 1}, {5, 32, 30, 32, 48, 4, 2, 1}, {4, 32, 34, 64, 256, 4, 2, 0},
    {64, 8, 8, 64, 64, 4, 2, 1},    {7, 31, 28, 64, 64, 4, 2, 1}, {5, 64, 64, 64, 48, 3, 2, 1},
    {22, 33, 33, 64, 64, 3, 2, 0},
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static gan_context *ctx;
static gan_precision precision;
static double tolerance; /* in standard deviations of the result */
static gan_tensor *x, *w, *y;
static gan_conv p;
static int64_t out_height, out_width;

static void setup_case(const geometry *g, int threads)
{
    tolerance = precision == GAN_PRECISION_BF16 ? 0.04 : 3e-5;
    gan_context_options options = {
        .struct_size = sizeof(options), .precision = precision, .threads = threads, .seed = 1};
    ck_assert_int_eq(gan_context_create(&options, &ctx, NULL), GAN_OK);
    p = (gan_conv){.stride = g->stride, .pad = g->pad};
    out_height = (g->height + 2 * g->pad - g->kernel) / g->stride + 1;
    out_width = (g->width + 2 * g->pad - g->kernel) / g->stride + 1;
    x = gan_randn(ctx, GAN_SHAPE(g->images, g->height, g->width, g->in));
    w = gan_randn(ctx, GAN_SHAPE(g->out, g->kernel, g->kernel, g->in));
    y = gan_randn(ctx, GAN_SHAPE(g->images, out_height, out_width, g->out));
    if (precision == GAN_PRECISION_BF16) {
        x = gan_cast(x, GAN_BF16);
        y = gan_cast(y, GAN_BF16);
    }
}

static float *values(gan_tensor *t)
{
    float *out = malloc(sizeof(float) * (size_t)gan_count(t));
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(gan_read_f32(t, out), GAN_OK);
    return out;
}

/* Call `visit` with the flat positions of every (x, w, y) element triple that meets in the product of channels
 * (i, o) = (0, 0), in a convolution of one input and one output channel. */
typedef void (*visitor)(int64_t at_x, int64_t at_w, int64_t at_y);
static void for_each_tap(const geometry *g, visitor visit)
{
    for (int64_t n = 0; n < g->images; n++)
        for (int64_t oh = 0; oh < out_height; oh++)
            for (int64_t ow = 0; ow < out_width; ow++)
                for (int64_t k = 0; k < (int64_t)g->kernel * g->kernel; k++) {
                    int64_t h = oh * g->stride - g->pad + k / g->kernel, v = ow * g->stride - g->pad + k % g->kernel;
                    if (h >= 0 && h < g->height && v >= 0 && v < g->width)
                        visit((n * g->height + h) * g->width + v, k, (n * out_height + oh) * out_width + ow);
                }
}

static const float *X, *W, *Y;
static double *sum; /* the result of one channel (or channel pair) */
static int64_t in_channels, out_channels, channel, taps, other;

static void add_forward(int64_t at_x, int64_t at_w, int64_t at_y)
{
    for (int64_t i = 0; i < in_channels; i++)
        sum[at_y] += (double)X[at_x * in_channels + i] * (double)W[(channel * taps + at_w) * in_channels + i];
}

static void add_data(int64_t at_x, int64_t at_w, int64_t at_y)
{
    for (int64_t o = 0; o < out_channels; o++)
        sum[at_x] += (double)Y[at_y * out_channels + o] * (double)W[(o * taps + at_w) * in_channels + channel];
}

static void add_weight(int64_t at_x, int64_t at_w, int64_t at_y)
{
    sum[at_w] += (double)X[at_x * in_channels + other] * (double)Y[at_y * out_channels + channel];
}

/* One channel of `got` [n, channels] against sum[n] + bias, under a LeakyReLU if there is a bias. */
static void compare(const float *got, int64_t n, int64_t channels, const float *bias)
{
    double square = 0, worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double expected = sum[i] + (bias ? (double)bias[channel] : 0);
        expected = bias && expected < 0 ? expected * 0.2 : expected;
        worst = fmax(worst, fabs(expected - (double)got[i * channels + channel]));
        square += expected * expected;
    }
    ck_assert_msg(worst < tolerance * sqrt(square / (double)n), "off by %g of the standard deviation",
                  worst / sqrt(square / (double)n));
}

/* Every 13th channel, so that the definition does not take all day. */
static void check_channels(const geometry *g, gan_tensor *result, visitor add, int64_t n, int64_t channels,
                           gan_tensor *bias)
{
    ck_assert_msg(!gan_is_poison(result), "%s", gan_status_message(ctx));
    float *got = values(result), *b = bias ? values(bias) : NULL;
    sum = malloc(sizeof(double) * (size_t)n);
    ck_assert_ptr_nonnull(sum);
    for (channel = 0; channel < channels; channel += 13) {
        for (int64_t i = 0; i < n; i++)
            sum[i] = 0;
        for_each_tap(g, add);
        compare(got, n, channels, b);
    }
    free(sum);
    free(got);
    free(b);
}

static void check_weights(const geometry *g, gan_tensor *result)
{
    ck_assert_msg(!gan_is_poison(result), "%s", gan_status_message(ctx));
    float *got = values(result);
    double expected[16];
    sum = expected;
    double scale = sqrt((double)(g->images * out_height * out_width));
    for (channel = 0; channel < g->out; channel += 17)
        for (other = 0; other < g->in; other += 7) {
            for (int64_t k = 0; k < taps; k++)
                expected[k] = 0;
            for_each_tap(g, add_weight);
            for (int64_t k = 0; k < taps; k++)
                ck_assert_double_eq_tol(got[(channel * taps + k) * g->in + other], expected[k], tolerance * scale);
        }
    free(got);
}

static bool fits(gan__direction direction, const geometry *g)
{
    gan_dtype dtype = precision == GAN_PRECISION_BF16 ? GAN_BF16 : GAN_F32;
    gan__conv_args a = {.compute = dtype,
                        .stride = g->stride,
                        .pad = g->pad,
                        .x = {.dtype = dtype, .ndim = 4, .dim = {g->images, g->height, g->width, g->in}},
                        .w = {.dtype = GAN_F32, .ndim = 4, .dim = {g->out, g->kernel, g->kernel, g->in}},
                        .y = {.dtype = dtype, .ndim = 4, .dim = {g->images, out_height, out_width, g->out}}};
    return gan__winograd_fits(direction, &a);
}

static void run_case(const geometry *g, int threads)
{
    const gan_activation leaky = {GAN_LEAKY_RELU, 0.2f};
    setup_case(g, threads);
    float *xs = values(x), *ws = values(w), *ys = values(y);
    X = xs, W = ws, Y = ys;
    in_channels = g->in, out_channels = g->out, taps = (int64_t)g->kernel * g->kernel;

    if (fits(GAN__WEIGHT, g))
        check_weights(g, gan_conv2d_weight(x, y, g->kernel, g->kernel, p));
    if (fits(GAN__FORWARD, g)) {
        gan_tensor *bias = gan_randn(ctx, GAN_SHAPE(g->out));
        int64_t n = g->images * out_height * out_width;
        check_channels(g, gan_conv2d(x, w, NULL, p, (gan_activation){GAN_LINEAR, 0}), add_forward, n, g->out, NULL);
        check_channels(g, gan_conv2d(x, w, bias, p, leaky), add_forward, n, g->out, bias);
    }
    p.output_pad = (int)((g->height + 2 * g->pad - g->kernel) % g->stride);
    bool square = p.output_pad == (int)((g->width + 2 * g->pad - g->kernel) % g->stride);
    if (square && fits(GAN__DATA, g)) {
        gan_tensor *bias = gan_randn(ctx, GAN_SHAPE(g->in));
        int64_t n = g->images * g->height * g->width;
        check_channels(g, gan_conv2d_transpose(y, w, NULL, p, (gan_activation){GAN_LINEAR, 0}), add_data, n, g->in,
                       NULL);
        check_channels(g, gan_conv2d_transpose(y, w, bias, p, leaky), add_data, n, g->in, bias);
    }
    ck_assert_msg(gan_status_of(ctx) == GAN_OK, "%s", gan_status_message(ctx));
    free(xs);
    free(ws);
    free(ys);
    gan_context_destroy(ctx);
}

START_TEST(matches_the_definition)
{
    precision = GAN_PRECISION_F32;
    run_case(&cases[_i], 2);
    run_case(&cases[_i], 3);
}
END_TEST

START_TEST(matches_the_definition_in_bf16)
{
    precision = GAN_PRECISION_BF16;
    run_case(&cases[_i], 2);
    run_case(&cases[_i], 3);
}
END_TEST

/* How many of the cases are taken: or those above would test nothing. */
static int taken(gan__direction direction)
{
    int n = 0;
    for (int i = 0; i < CASES; i++) {
        const geometry *g = &cases[i];
        out_height = (g->height + 2 * g->pad - g->kernel) / g->stride + 1;
        out_width = (g->width + 2 * g->pad - g->kernel) / g->stride + 1;
        n += fits(direction, g);
    }
    return n;
}

START_TEST(is_taken)
{
    precision = GAN_PRECISION_F32;
    ck_assert_int_eq(taken(GAN__FORWARD), CASES - 2); /* 3x3 stride 2: weight gradient only */
    ck_assert_int_eq(taken(GAN__DATA), CASES - 2);
    ck_assert_int_eq(taken(GAN__WEIGHT), CASES);
    precision = GAN_PRECISION_BF16;
    ck_assert_int_eq(taken(GAN__FORWARD), 4);
    ck_assert_int_eq(taken(GAN__DATA), 2);
    ck_assert_int_eq(taken(GAN__WEIGHT), CASES - 2);
}
END_TEST

/* Small or thin convolutions, and operands of other types, stay direct. */
START_TEST(is_not_taken)
{
    gan__conv_args a = {.compute = GAN_F32, .stride = 1, .pad = 1};
    a.x = a.y = (gan__array){.dtype = GAN_F32, .ndim = 4, .dim = {8, 32, 32, 64}};
    a.w = (gan__array){.dtype = GAN_F32, .ndim = 4, .dim = {64, 3, 3, 64}};
    ck_assert(gan__winograd_fits(GAN__FORWARD, &a));
    a.compute = GAN_BF16;
    ck_assert(!gan__winograd_fits(GAN__WEIGHT, &a));
    a.compute = GAN_F32;
    a.w.dim[3] = a.x.dim[3] = 40;
    ck_assert(!gan__winograd_fits(GAN__FORWARD, &a));
    a.w.dim[3] = a.x.dim[3] = 64;
    a.x.dim[0] = a.y.dim[0] = 1;
    a.x.dim[1] = a.x.dim[2] = a.y.dim[1] = a.y.dim[2] = 4;
    ck_assert(!gan__winograd_fits(GAN__FORWARD, &a));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("winograd");
    TCase *t = tcase_create("winograd");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, matches_the_definition, 0, CASES);
    tcase_add_loop_test(t, matches_the_definition_in_bf16, 0, CASES);
    tcase_add_test(t, is_taken);
    tcase_add_test(t, is_not_taken);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
