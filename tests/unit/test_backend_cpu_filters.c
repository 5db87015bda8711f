/* The CPU backend's filters and warps, on every instruction set and with one and two threads, against naive loops in
 * double precision. */
#include "backend_cases.h"

typedef struct image_case {
    gan__array x, y;
    double *want; /* of y; of x for an adjoint */
} image_case;

static image_case random_images(gan_dtype dtype, int64_t n, int64_t h, int64_t w, int64_t c, int64_t h2, int64_t w2)
{
    image_case k = {.x = DENSE(random_buffer(dtype, n * h * w * c), dtype, n, h, w, c),
                    .y = DENSE(random_buffer(dtype, n * h2 * w2 * c), dtype, n, h2, w2, c)};
    k.want = calloc((size_t)(n * c * (h * w > h2 * w2 ? h * w : h2 * w2)), sizeof *k.want);
    return k;
}

static void free_images(image_case *k)
{
    free(k->x.data);
    free(k->y.data);
    free(k->want);
}

static int64_t element(const gan__array *a, int64_t n, int64_t i, int64_t j, int64_t c)
{
    return ((n * a->dim[1] + i) * a->dim[2] + j) * a->dim[3] + c;
}

static void check_images(const image_case *k, const gan__array *got, double scale, const char *what)
{
    int64_t n = count_of(got);
    for (int64_t i = 0; i < n; i++)
        ASSERT_NEAR(at(got, i), k->want[i], (got->dtype == GAN_BF16 ? 0.005 : 4e-6) * (fabs(k->want[i]) + scale),
                    "%s, element %lld: %g, not %g", what, (long long)i);
}

/* ---- filters ---- */

static gan_fir random_fir(int round)
{
    static const int usual[][2] = {{1, 1}, {2, 1}, {1, 2}};
    gan_fir fir = {.n = (int)(round % 2 ? 4 : pick(1, GAN_FIR_MAX)), .gain = (float)pick(1, 8) / 4, .flip = pick(0, 1)};
    fir.up = round % 2 ? usual[round / 2 % 3][0] : (int)pick(1, 5);
    fir.down = round % 2 ? usual[round / 2 % 3][1] : (int)pick(1, 5);
    fir.before = (int)pick(-3, 2 * fir.n);
    for (int i = 0; i < fir.n; i++)
        fir.taps[i] = (float)pick(-8, 8) / 16;
    return fir;
}

/* One output element, by the definition: zeros between the samples are there. */
static double filtered(const gan_fir *fir, const gan__array *x, int64_t n, int64_t i, int64_t j, int64_t c)
{
    double sum = 0;
    for (int s = 0; s < fir->n; s++) {
        for (int t = 0; t < fir->n; t++) {
            int64_t row = i * fir->down + s - fir->before, column = j * fir->down + t - fir->before;
            if (row < 0 || column < 0 || row % fir->up || column % fir->up || row / fir->up >= x->dim[1] ||
                column / fir->up >= x->dim[2])
                continue;
            float ws = fir->taps[fir->flip ? s : fir->n - 1 - s], wt = fir->taps[fir->flip ? t : fir->n - 1 - t];
            sum += (double)ws * (double)wt * at(x, element(x, n, row / fir->up, column / fir->up, c));
        }
    }
    return sum * (double)fir->gain;
}

START_TEST(filters)
{
    static const int64_t channels[] = {1, 2, 3, 4, 15, 16, 17, 32, 40};
    if (!open_variant(_i))
        return;
    for (int round = 0; round < 60; round++) {
        gan_fir fir = random_fir(round);
        bool wide = round % 20 == 1; /* several pieces, on all threads */
        int64_t c = channels[pick(0, 8)], h2 = pick(1, wide ? 40 : 14), w2 = wide ? 9000 / c + pick(1, 9) : pick(1, 14);
        image_case k = random_images((gan_dtype)pick(0, 1), pick(1, 2), pick(1, 12),
                                     wide ? w2 * fir.down / fir.up : pick(1, 12), c, h2, w2);
        for (int64_t n = 0; n < k.y.dim[0]; n++)
            for (int64_t i = 0; i < h2; i++)
                for (int64_t j = 0; j < w2; j++)
                    for (int64_t ch = 0; ch < c; ch++)
                        k.want[element(&k.y, n, i, j, ch)] = filtered(&fir, &k.x, n, i, j, ch);
        ck_assert_int_eq(be->ops->upfirdn(be, &fir, &k.x, &k.y), GAN_OK);
        check_images(&k, &k.y, 4, "filter");
        free_images(&k);
    }
    close_variant();
}
END_TEST

/* ---- warps ---- */

static int64_t source_pixel(int64_t i, int64_t n, bool reflect)
{
    if (!reflect)
        return i < 0 || i >= n ? -1 : i;
    while (i < 0 || i >= n)
        i = i < 0 ? -1 - i : 2 * n - 1 - i;
    return i;
}

/* want (of y, or for the adjoint of x) += each output pixel's share in the four pixels around its place. */
static void warp(const float *theta, bool reflect, bool adjoint, image_case *k)
{
    int64_t h = k->x.dim[1], w = k->x.dim[2], channels = k->x.dim[3];
    for (int64_t p = 0; p < k->x.dim[0] * h * w; p++) {
        int64_t n = p / (h * w), i = p / w % h, j = p % w;
        const float *m = theta + 6 * n;
        double cx = (double)(w - 1) / 2, cy = (double)(h - 1) / 2, u = (double)j - cx, v = (double)i - cy;
        double x = (double)m[0] * u + (double)m[1] * v + (double)m[2] + cx;
        double y = (double)m[3] * u + (double)m[4] * v + (double)m[5] + cy;
        for (int corner = 0; corner < 4; corner++) {
            double left = floor(x) + corner % 2, top = floor(y) + corner / 2;
            double weight = (1 - fabs(x - left)) * (1 - fabs(y - top));
            int64_t row = source_pixel((int64_t)top, h, reflect), column = source_pixel((int64_t)left, w, reflect);
            for (int64_t c = 0; row >= 0 && column >= 0 && c < channels; c++) {
                int64_t from = element(&k->x, n, row, column, c), to = p * channels + c;
                if (adjoint)
                    k->want[from] += weight * at(&k->y, to);
                else
                    k->want[to] += weight * at(&k->x, from);
            }
        }
    }
}

START_TEST(warps)
{
    if (!open_variant(_i))
        return;
    for (int round = 0; round < 40; round++) {
        bool large = round % 10 == 0, reflect = round % 2;
        int64_t n = pick(1, 3), h = pick(1, large ? 50 : 9), w = pick(1, large ? 70 : 9), c = pick(1, 20);
        float theta[3 * 6], zoom = pick(0, 1) ? 1.0f : 0.0625f;
        for (int64_t i = 0; i < 6 * n; i++)
            theta[i] = zoom * ((float)pick(-60, 60) / 32 + (i % 6 == 0 || i % 6 == 4 ? 4.0f : 0.0f)); /* invertible */
        image_case k = random_images((gan_dtype)pick(0, 1), n, h, w, c, h, w);
        gan_border border = reflect ? GAN_BORDER_REFLECT : GAN_BORDER_ZERO;
        warp(theta, reflect, false, &k);
        ck_assert_int_eq(be->ops->affine_sample(be, theta, border, &k.x, &k.y), GAN_OK);
        check_images(&k, &k.y, 20, "warp"); /* positions are rounded */
        memset(k.want, 0, (size_t)(n * h * w * c) * sizeof *k.want);
        warp(theta, reflect, true, &k);
        ck_assert_int_eq(be->ops->affine_adjoint(be, theta, border, &k.y, &k.x), GAN_OK);
        check_images(&k, &k.x, 40, "adjoint");
        free_images(&k);
    }
    close_variant();
}
END_TEST

/* What cannot be searched through gives zeros: no such theta may hang or be read outside of the image for. */
START_TEST(wild_matrices_give_zeros)
{
    static const float wild[][6] = {{NAN, 0, 0, 0, 1, 0},   {1, 0, 0, 0, 1, INFINITY},  {0, 0, 0, 0, 0, 0},
                                    {1, 1, 0, 1, 1, 0},     {1e30f, 0, 0, 0, 1e30f, 0}, {1e-30f, 0, 0, 0, 1e-30f, 0},
                                    {1, 0, 1e30f, 0, 1, 0}, {1, 0, 0, 0, 1, -3.4e38f},  {65, 0, 0, 0, 1, 0}};
    if (!open_variant(_i))
        return;
    for (size_t i = 0; i < 2 * sizeof wild / sizeof *wild; i++) {
        gan_border border = i % 2 ? GAN_BORDER_REFLECT : GAN_BORDER_ZERO;
        image_case k = random_images(GAN_F32, 1, 5, 4, 3, 5, 4);
        ck_assert_int_eq(be->ops->affine_sample(be, wild[i / 2], border, &k.x, &k.y), GAN_OK);
        check_images(&k, &k.y, 0, "warp");
        k.y.data = memcpy(k.y.data, k.x.data, 60 * sizeof(float));
        ck_assert_int_eq(be->ops->affine_adjoint(be, wild[i / 2], border, &k.y, &k.x), GAN_OK);
        check_images(&k, &k.x, 0, "adjoint");
        free_images(&k);
    }
    close_variant();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cpu backend: filters and warps");
    TCase *t = tcase_create("images");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, filters, 0, VARIANTS);
    tcase_add_loop_test(t, warps, 0, VARIANTS);
    tcase_add_loop_test(t, wild_matrices_give_zeros, 0, VARIANTS);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
