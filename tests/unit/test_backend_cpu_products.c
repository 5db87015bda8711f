/* The CPU backend's matrix products and convolutions, on every instruction set of our own loops and with one and two
 * threads, against naive loops in double precision. */
#include "backend_cases.h"

/* ---- matrix products ---- */

typedef struct product {
    gan__matmul_args a;
    int64_t spans[3];
} product;

static product random_product(void)
{
    product p = {.a = {.compute = (gan_dtype)pick(0, 1),
                       .transpose_a = pick(0, 1),
                       .transpose_b = pick(0, 1),
                       .batch = pick(0, 2) ? 1 : pick(2, 5),
                       .m = pick(1, 70),
                       .n = pick(1, 70),
                       .k = pick(0, 9) ? pick(1, 90) : 0,
                       .activation = random_activation()}};
    gan__matmul_args *a = &p.a;
    a->stride_a = a->batch > 1 && pick(0, 3) == 0 ? 0 : a->m * a->k;
    a->stride_b = a->batch > 1 && pick(0, 3) == 0 ? 0 : a->k * a->n;
    a->stride_c = a->m * a->n;
    p.spans[0] = (a->batch - 1) * a->stride_a + a->m * a->k;
    p.spans[1] = (a->batch - 1) * a->stride_b + a->k * a->n;
    p.spans[2] = a->batch * a->m * a->n;
    gan__array *of[] = {&a->a, &a->b, &a->c};
    for (int i = 0; i < 3; i++) {
        gan_dtype dtype = pick(0, 2) == 0 ? GAN_BF16 : GAN_F32;
        *of[i] = DENSE(random_buffer(dtype, p.spans[i] + 1), dtype, p.spans[i]);
    }
    a->bias = pick(0, 1) ? random_buffer(GAN_F32, a->n) : NULL;
    return p;
}

static double reference_product(const gan__matmul_args *a, int64_t i, int64_t row, int64_t column, double *size)
{
    double sum = a->bias ? (double)a->bias[column] : 0;
    *size = fabs(sum);
    for (int64_t k = 0; k < a->k; k++) {
        int64_t at_a = i * a->stride_a + (a->transpose_a ? k * a->m + row : row * a->k + k);
        int64_t at_b = i * a->stride_b + (a->transpose_b ? column * a->k + k : k * a->n + column);
        double term = get(a->a.data, a->a.dtype, at_a) * get(a->b.data, a->b.dtype, at_b);
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

START_TEST(every_product)
{
    if (!open_variant(_i))
        return;
    for (int round = 0; round < 150; round++) {
        product p = random_product();
        const gan__matmul_args *a = &p.a;
        ck_assert_msg(be->ops->matmul(be, a) == GAN_OK, "%s", be->error.text);
        bool rounded = a->compute == GAN_BF16 || a->c.dtype == GAN_BF16;
        for (int64_t i = 0; i < p.spans[2]; i++) {
            double size, sum = reference_product(a, i / (a->m * a->n), i / a->n % a->m, i % a->n, &size);
            ASSERT_NEAR(get(a->c.data, a->c.dtype, i), activate(a->activation, sum),
                        (rounded ? 0.008 : 3e-6) * (size + 1), "round %d (%lld x %lld x %lld, batch %lld): %g, not %g",
                        round, (long long)a->m, (long long)a->n, (long long)a->k, (long long)a->batch);
        }
        free(a->a.data);
        free(a->b.data);
        free(a->c.data);
        free((void *)a->bias);
    }
    close_variant();
}
END_TEST

/* Weights whose storage is known are packed; the copy must be dropped when their value changes. */
START_TEST(packed_weights_follow_their_value)
{
    if (!open_variant(_i))
        return;
    int64_t m = 32, n = 48, k = 64;
    gan_tensor *w = gan_keep(gan_zeros(ctx, GAN_SHAPE(n, k)));
    uint16_t *x = random_buffer(GAN_BF16, m * k);
    float *y = random_buffer(GAN_F32, m * n), *value = random_buffer(GAN_F32, n * k);
    for (int round = 0; round < 3; round++) {
        for (int64_t i = 0; i < n * k; i++)
            value[i] += 1.0f;
        ck_assert_int_eq(gan_assign_f32(w, value), GAN_OK);
        gan__matmul_args a = {.compute = GAN_BF16, .transpose_b = true, .batch = 1, .m = m, .n = n, .k = k};
        a.a = DENSE(x, GAN_BF16, m, k);
        a.b = gan__array_of(w);
        a.c = DENSE(y, GAN_F32, m, n);
        for (int twice = 0; twice < 2; twice++) {
            ck_assert_int_eq(be->ops->matmul(be, &a), GAN_OK);
            for (int64_t i = 0; i < m * n; i++) {
                double size, want = reference_product(&a, 0, i / n, i % n, &size);
                ASSERT_NEAR((double)y[i], want, 0.008 * size, "round %d: %g, not %g", round);
            }
        }
    }
    gan_release(w);
    free(x);
    free(y);
    free(value);
    close_variant();
}
END_TEST

START_TEST(nan_passes_fused_activations)
{
    if (!open_variant(_i))
        return;
    for (int kind = GAN_LINEAR; kind <= GAN_SIGMOID; kind++) {
        float x[64], w[64 * 32], y[32];
        for (int i = 0; i < 64; i++)
            x[i] = i == 3 ? NAN : 1.0f;
        for (int i = 0; i < 64 * 32; i++)
            w[i] = 0.01f;
        gan__matmul_args a = {
            .compute = kind % 2 ? GAN_BF16 : GAN_F32, .transpose_b = true, .batch = 1, .m = 1, .n = 32, .k = 64};
        a.activation = (gan_activation){(gan_activation_kind)kind, 0.2f};
        a.a = DENSE(x, GAN_F32, 1, 64);
        a.b = DENSE(w, GAN_F32, 32, 64);
        a.c = DENSE(y, GAN_F32, 1, 32);
        ck_assert_int_eq(be->ops->matmul(be, &a), GAN_OK);
        for (int i = 0; i < 32; i++)
            ck_assert_msg(isnan(y[i]), "activation %d gives %g", kind, (double)y[i]);
    }
    close_variant();
}
END_TEST

/* ---- convolutions ---- */

typedef struct geometry {
    int64_t n, h, w, i, o, kh, kw, oh, ow;
    int stride, pad;
} geometry;

static geometry make_geometry(int64_t n, int64_t h, int64_t w, int64_t i, int64_t o, int64_t kh, int64_t kw, int stride,
                              int pad)
{
    return (geometry){n,      h,  w, i, o, kh, kw, (h + 2 * pad - kh) / stride + 1, (w + 2 * pad - kw) / stride + 1,
                      stride, pad};
}

static geometry random_geometry(int round)
{
    static const int64_t channels[] = {1, 2, 3, 8, 16, 17, 32, 64};
    int64_t kh = pick(1, 5), kw = pick(0, 2) ? kh : pick(1, 5); /* the same numbers are drawn in any case */
    int pad = (int)pick(0, (kh < kw ? kh : kw) - 1);
    int64_t h = pick(kh, 12), w = pick(kw, 12), n = pick(1, 3);
    geometry g = make_geometry(n, h, w, channels[pick(0, 7)], channels[pick(0, 7)], kh, kw, (int)pick(1, 3), pad);
    switch (round) { /* the forms that GANs use */
    case 0:
        return make_geometry(2, 16, 16, 3, 64, 4, 4, 2, 1);
    case 1:
        return make_geometry(2, 8, 8, 64, 32, 4, 4, 2, 1);
    case 2:
        return make_geometry(3, 4, 4, 32, 1, 4, 4, 1, 0);
    case 3:
        return make_geometry(1, 12, 12, 3, 16, 7, 7, 1, 0);
    case 4:
        return make_geometry(1, 12, 12, 16, 3, 7, 7, 1, 0);
    case 5:
        return make_geometry(2, 10, 10, 32, 32, 3, 3, 1, 1);
    case 6:
        return make_geometry(1, 16, 16, 16, 32, 3, 3, 2, 1); /* with output padding as transposed */
    case 7:
        return make_geometry(2, 6, 6, 16, 8, 1, 1, 1, 0);
    case 8:
        return make_geometry(4, 4, 4, 64, 100, 4, 4, 1, 0);
    case 9:
        return make_geometry(2, 9, 9, 64, 64, 3, 3, 2, 1);
    case 10:
        return make_geometry(1, 6, 6, 128, 64, 3, 3, 2, 1);
    case 11:
        return make_geometry(2, 8, 8, 128, 64, 4, 4, 1, 1);
    default:
        return g;
    }
}

/* Call `visit` for every product of the convolution. */
static void accumulate(const geometry *g, const gan__conv_args *a, int direction, double *sum, double *size)
{
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t oy = 0; oy < g->oh; oy++)
            for (int64_t ox = 0; ox < g->ow; ox++)
                for (int64_t ky = 0; ky < g->kh; ky++)
                    for (int64_t kx = 0; kx < g->kw; kx++) {
                        int64_t y = oy * g->stride - g->pad + ky, x = ox * g->stride - g->pad + kx;
                        if (y < 0 || y >= g->h || x < 0 || x >= g->w)
                            continue;
                        for (int64_t o = 0; o < g->o; o++)
                            for (int64_t i = 0; i < g->i; i++) {
                                int64_t at_x = ((n * g->h + y) * g->w + x) * g->i + i;
                                int64_t at_w = ((o * g->kh + ky) * g->kw + kx) * g->i + i;
                                int64_t at_y = ((n * g->oh + oy) * g->ow + ox) * g->o + o;
                                double vx = direction == 1 ? 0 : get(a->x.data, a->x.dtype, at_x);
                                double vw = direction == 2 ? 0 : get(a->w.data, a->w.dtype, at_w);
                                double vy = direction == 0 ? 0 : get(a->y.data, a->y.dtype, at_y);
                                double term = direction == 0 ? vx * vw : direction == 1 ? vy * vw : vx * vy;
                                int64_t to = direction == 0 ? at_y : direction == 1 ? at_x : at_w;
                                sum[to] += term;
                                size[to] += fabs(term);
                            }
                    }
}

static void check_conv(const geometry *g, int direction, int round)
{
    gan__conv_args a = {.compute = (gan_dtype)pick(0, 1), .stride = g->stride, .pad = g->pad};
    gan_dtype type[3];
    for (int i = 0; i < 3; i++)
        type[i] = pick(0, 2) == 0 ? GAN_BF16 : GAN_F32;
    type[1] = direction == 2 ? GAN_F32 : type[1];
    int64_t nx = g->n * g->h * g->w * g->i, nw = g->o * g->kh * g->kw * g->i, ny = g->n * g->oh * g->ow * g->o;
    a.x = DENSE(random_buffer(type[0], nx), type[0], g->n, g->h, g->w, g->i);
    a.w = DENSE(random_buffer(type[1], nw), type[1], g->o, g->kh, g->kw, g->i);
    a.y = DENSE(random_buffer(type[2], ny), type[2], g->n, g->oh, g->ow, g->o);
    const gan__array *to = direction == 0 ? &a.y : direction == 1 ? &a.x : &a.w;
    int64_t n = count_of(to), channels = to->dim[3];
    double *sum = calloc((size_t)n, sizeof *sum), *size = calloc((size_t)n, sizeof *size);
    float *bias = random_buffer(GAN_F32, channels);
    if (direction != 2 && pick(0, 1))
        a.bias = bias;
    if (direction != 2)
        a.activation = random_activation();
    accumulate(g, &a, direction, sum, size);
    gan_status (*const run[])(gan__backend *, const gan__conv_args *) = {be->ops->conv_forward, be->ops->conv_data,
                                                                         be->ops->conv_weight};
    ck_assert_msg(run[direction](be, &a) == GAN_OK, "%s", be->error.text);
    bool rounded = a.compute == GAN_BF16 || to->dtype == GAN_BF16;
    for (int64_t i = 0; i < n; i++) {
        double b = a.bias ? (double)a.bias[i % channels] : 0;
        ASSERT_NEAR(get(to->data, to->dtype, i), activate(a.activation, sum[i] + b),
                    (rounded ? 0.008 : 3e-6) * (size[i] + fabs(b) + 1), "round %d, direction %d: %g, not %g", round,
                    direction);
    }
    free(a.x.data);
    free(a.w.data);
    free(a.y.data);
    free(sum);
    free(size);
    free(bias);
}

START_TEST(every_convolution)
{
    if (!open_variant(_i))
        return;
    for (int round = 0; round < 30; round++) {
        geometry g = random_geometry(round);
        for (int direction = 0; direction < 3; direction++)
            check_conv(&g, direction, round);
    }
    close_variant();
}
END_TEST

/* More problems than the cache of primitives holds, then the first ones again. */
START_TEST(primitives_are_forgotten_and_made_again)
{
    if (!open_variant(0))
        return;
    float x[600], w[600], y[600];
    for (int i = 0; i < 600; i++)
        x[i] = w[i] = 1.0f;
    for (int round = 0; round < 2; round++) {
        for (int64_t k = 1; k <= 560; k++) {
            gan__matmul_args a = {.compute = GAN_F32, .batch = 2, .m = 1, .n = 1, .k = k};
            a.a = DENSE(x, GAN_F32, 1, k);
            a.b = DENSE(w, GAN_F32, k, 1);
            a.c = DENSE(y, GAN_F32, 2, 1, 1);
            a.stride_c = 1;
            ck_assert_int_eq(be->ops->matmul(be, &a), GAN_OK);
            ck_assert(y[0] == (float)k && y[1] == (float)k);
        }
    }
    close_variant();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cpu backend: products");
    TCase *t = tcase_create("products");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, every_product, 0, VARIANTS);
    tcase_add_loop_test(t, packed_weights_follow_their_value, 0, VARIANTS);
    tcase_add_loop_test(t, nan_passes_fused_activations, 0, VARIANTS);
    tcase_add_loop_test(t, every_convolution, 0, VARIANTS);
    tcase_add_test(t, primitives_are_forgotten_and_made_again);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
