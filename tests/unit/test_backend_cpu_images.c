/* The CPU backend's normalizations and image kernels, on every instruction set and with one and two threads, against
 * naive loops in double precision. */
#include "backend_cases.h"

/* ---- normalization ---- */

typedef struct norm_case {
    gan__norm_args a;
    int64_t n;
    double *mean, *rstd; /* references */
} norm_case;

static norm_case random_norm(int round)
{
    static const int64_t channels[] = {1, 1, 2, 3, 5, 16, 63, 64, 65, 130, 512};
    norm_case c = {.a = {.groups = pick(0, 1) ? 1 : pick(1, 5),
                         .rows = pick(1, round % 5 ? 60 : 2500),
                         .channels = channels[pick(0, 10)],
                         .eps = 1e-5f,
                         .activation = random_activation(),
                         .dtype = (gan_dtype)pick(0, 1)}};
    gan__norm_args *a = &c.a;
    if (round == 0) { /* wider than a block */
        a->channels = 9000;
        a->rows = 7;
    }
    if (round == 1) { /* instance norm of a CycleGAN layer, on all threads */
        a->groups = 1;
        a->rows = 4096;
        a->channels = 64;
    }
    c.n = a->groups * a->rows * a->channels;
    a->x = random_buffer(a->dtype, c.n);
    a->y = random_buffer(a->dtype, c.n);
    a->dy = random_buffer(a->dtype, c.n);
    a->dx = random_buffer(a->dtype, c.n);
    bool affine = pick(0, 1);
    a->gamma = affine ? random_buffer(GAN_F32, a->channels) : NULL;
    a->beta = affine ? random_buffer(GAN_F32, a->channels) : NULL;
    a->mean = random_buffer(GAN_F32, a->groups * a->channels);
    a->rstd = random_buffer(GAN_F32, a->groups * a->channels);
    a->dgamma = random_buffer(GAN_F32, a->channels);
    a->dbeta = random_buffer(GAN_F32, a->channels);
    if (a->dtype == GAN_F32 && pick(0, 1)) { /* a mean that is large against the deviations */
        for (int64_t i = 0; i < c.n; i++)
            ((float *)a->x)[i] += 1000.0f;
    }
    c.mean = calloc((size_t)(a->groups * a->channels), sizeof(double));
    c.rstd = calloc((size_t)(a->groups * a->channels), sizeof(double));
    return c;
}

static void free_norm(norm_case *c)
{
    gan__norm_args *a = &c->a;
    void *of[] = {(void *)a->x, a->y,    (void *)a->dy, a->dx,    (void *)a->gamma, (void *)a->beta,
                  a->mean,      a->rstd, a->dgamma,     a->dbeta, c->mean,          c->rstd};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        free(of[i]);
}

static int64_t index_of(const gan__norm_args *a, int64_t g, int64_t r, int64_t c)
{
    return (g * a->rows + r) * a->channels + c;
}

static void reference_statistics(norm_case *c)
{
    const gan__norm_args *a = &c->a;
    for (int64_t g = 0; g < a->groups; g++)
        for (int64_t k = 0; k < a->channels; k++) {
            double mean = 0, square = 0;
            for (int64_t r = 0; r < a->rows; r++)
                mean += get(a->x, a->dtype, index_of(a, g, r, k)) / (double)a->rows;
            for (int64_t r = 0; r < a->rows; r++)
                square += pow(get(a->x, a->dtype, index_of(a, g, r, k)) - mean, 2) / (double)a->rows;
            c->mean[g * a->channels + k] = mean;
            c->rstd[g * a->channels + k] = 1 / sqrt(square + (double)a->eps);
        }
}

static void check_forward(norm_case *c, int round)
{
    const gan__norm_args *a = &c->a;
    for (int64_t g = 0; g < a->groups; g++)
        for (int64_t k = 0; k < a->channels; k++) {
            int64_t gk = g * a->channels + k;
            double scale = 1 + fabs(c->mean[gk]);
            ASSERT_NEAR((double)a->mean[gk], c->mean[gk], 1e-6 * scale, "round %d, mean %lld: %.9g, not %.9g", round,
                        (long long)k);
            ASSERT_NEAR((double)a->rstd[gk], c->rstd[gk], 2e-5 * c->rstd[gk], "round %d, rstd: %g, not %g", round);
            for (int64_t r = 0; r < a->rows; r++) {
                int64_t i = index_of(a, g, r, k);
                double xhat = (get(a->x, a->dtype, i) - c->mean[gk]) * c->rstd[gk];
                double v = a->gamma ? xhat * (double)a->gamma[k] + (double)a->beta[k] : xhat;
                double tolerance = a->dtype == GAN_BF16 ? 0.01 * (fabs(v) + 1) : 3e-6 * scale * (1 + c->rstd[gk]);
                ASSERT_NEAR(get(a->y, a->dtype, i), activate(a->activation, v), tolerance, "round %d, y: %g, not %g",
                            round);
            }
        }
}

static void check_backward(norm_case *c, int round)
{
    const gan__norm_args *a = &c->a;
    double *dgamma = calloc((size_t)a->channels, sizeof(double)), *dbeta = calloc((size_t)a->channels, sizeof(double));
    double size = 0;
    for (int64_t g = 0; g < a->groups; g++)
        for (int64_t k = 0; k < a->channels; k++) {
            int64_t gk = g * a->channels + k;
            double sum = 0, dot = 0, mean = (double)a->mean[gk], rstd = (double)a->rstd[gk];
            for (int64_t r = 0; r < a->rows; r++) {
                int64_t i = index_of(a, g, r, k);
                double d = get(a->dy, a->dtype, i) * slope_of(a->activation, get(a->y, a->dtype, i));
                sum += d;
                dot += d * (get(a->x, a->dtype, i) - mean) * rstd;
                size = fmax(size, fabs(d * (get(a->x, a->dtype, i) - mean) * rstd));
            }
            dgamma[k] += dot;
            dbeta[k] += sum;
            for (int64_t r = 0; r < a->rows; r++) {
                int64_t i = index_of(a, g, r, k);
                double d = get(a->dy, a->dtype, i) * slope_of(a->activation, get(a->y, a->dtype, i));
                double xhat = (get(a->x, a->dtype, i) - mean) * rstd;
                double want = (a->gamma ? (double)a->gamma[k] : 1) * rstd *
                              (d - sum / (double)a->rows - xhat * dot / (double)a->rows);
                double tolerance = (a->dtype == GAN_BF16 ? 0.005 : 3e-6) * (fabs(want) + (1 + fabs(xhat)) * rstd * 4);
                ASSERT_NEAR(get(a->dx, a->dtype, i), want, tolerance, "round %d, dx: %g, not %g", round);
            }
        }
    for (int64_t k = 0; k < a->channels; k++) {
        double tolerance = 2e-6 * (double)(a->rows * a->groups) * (size + 1);
        ASSERT_NEAR((double)a->dgamma[k], dgamma[k], tolerance, "round %d, dgamma: %g, not %g", round);
        ASSERT_NEAR((double)a->dbeta[k], dbeta[k], tolerance, "round %d, dbeta: %g, not %g", round);
    }
    free(dgamma);
    free(dbeta);
}

START_TEST(every_normalization)
{
    if (!open_variant(_i))
        return;
    for (int round = 0; round < 60; round++) {
        norm_case c = random_norm(round);
        reference_statistics(&c);
        ck_assert_int_eq(be->ops->norm_forward(be, &c.a), GAN_OK);
        check_forward(&c, round);
        memset(c.a.y, 0, (size_t)c.n * size_of(c.a.dtype));
        ck_assert_int_eq(be->ops->norm_apply(be, &c.a), GAN_OK);
        check_forward(&c, round);
        ck_assert_int_eq(be->ops->norm_backward(be, &c.a), GAN_OK);
        check_backward(&c, round);
        free_norm(&c);
    }
    close_variant();
}
END_TEST

/* A variance whose textbook formula E[x²] - E[x]² has no correct digit in f32. */
START_TEST(variance_survives_a_large_mean)
{
    if (!open_variant(_i))
        return;
    int64_t rows = 100000;
    float *x = malloc((size_t)rows * 2 * sizeof *x), *y = malloc((size_t)rows * 2 * sizeof *y), mean[2], rstd[2];
    for (int64_t r = 0; r < rows; r++) {
        x[2 * r] = r % 2 ? 100001.0f : 99999.0f;
        x[2 * r + 1] = r % 2 ? 1.0f : -1.0f;
    }
    gan__norm_args a = {
        .groups = 1, .rows = rows, .channels = 2, .dtype = GAN_F32, .x = x, .y = y, .mean = mean, .rstd = rstd};
    ck_assert_int_eq(be->ops->norm_forward(be, &a), GAN_OK);
    ASSERT_NEAR((double)mean[0], 100000.0, 0.01, "mean %g, not %g");
    ASSERT_NEAR((double)rstd[0], 1.0, 1e-6, "rstd %.9g, not %g");
    ASSERT_NEAR((double)mean[1], 0.0, 1e-9, "mean %g, not %g");
    ASSERT_NEAR((double)rstd[1], 1.0, 1e-6, "rstd %.9g, not %g");
    free(x);
    free(y);
    close_variant();
}
END_TEST

/* ---- images ---- */

typedef struct image_case {
    gan__array small, large; /* of width w and of what the kernel makes of it */
    double *want;
} image_case;

static image_case random_images(int64_t n, int64_t h, int64_t w, int64_t c, int64_t h2, int64_t w2)
{
    gan_dtype dtype = (gan_dtype)pick(0, 1);
    image_case k = {.small = DENSE(random_buffer(dtype, n * h * w * c), dtype, n, h, w, c),
                    .large = DENSE(random_buffer(dtype, n * h2 * w2 * c), dtype, n, h2, w2, c)};
    int64_t most = n * c * (h * w > h2 * w2 ? h * w : h2 * w2);
    k.want = calloc((size_t)most, sizeof *k.want);
    return k;
}

static int64_t pixel(const gan__array *a, int64_t n, int64_t y, int64_t x, int64_t c)
{
    return ((n * a->dim[1] + y) * a->dim[2] + x) * a->dim[3] + c;
}

static void check_images(image_case *k, const gan__array *got, const char *what)
{
    int64_t n = count_of(got);
    for (int64_t i = 0; i < n; i++) {
        ASSERT_NEAR(at(got, i), k->want[i], (got->dtype == GAN_BF16 ? 0.005 : 2e-6) * (fabs(k->want[i]) + 1),
                    "%s, element %lld: %g, not %g", what, (long long)i);
        k->want[i] = 0;
    }
}

static void free_images(image_case *k)
{
    free(k->small.data);
    free(k->large.data);
    free(k->want);
}

#define FOR_PIXELS(a)                                                                                                  \
    for (int64_t n = 0; n < (a)->dim[0]; n++)                                                                          \
        for (int64_t y = 0; y < (a)->dim[1]; y++)                                                                      \
            for (int64_t x = 0; x < (a)->dim[2]; x++)                                                                  \
                for (int64_t c = 0; c < (a)->dim[3]; c++)

START_TEST(windows)
{
    if (!open_variant(_i))
        return;
    for (int round = 0; round < 20; round++) {
        int64_t k = pick(1, 4), h = pick(1, 9), w = round ? pick(1, 9) : 300;
        image_case p = random_images(pick(1, 3), h, w, pick(1, 20), h * k, w * k);
        FOR_PIXELS(&p.large)
        p.want[pixel(&p.small, n, y / k, x / k, c)] += 0.25 * at(&p.large, pixel(&p.large, n, y, x, c));
        ck_assert_int_eq(be->ops->window_sum(be, &p.large, (int)k, 0.25f, &p.small), GAN_OK);
        check_images(&p, &p.small, "sum");
        FOR_PIXELS(&p.large)
        p.want[pixel(&p.large, n, y, x, c)] = 0.5 * at(&p.small, pixel(&p.small, n, y / k, x / k, c));
        ck_assert_int_eq(be->ops->window_spread(be, &p.small, (int)k, 0.5f, &p.large), GAN_OK);
        check_images(&p, &p.large, "spread");
        free_images(&p);
    }
    close_variant();
}
END_TEST

/* Output i takes (1 - t) of input `low` and t of `low` + 1, by the definition of align_corners=False. */
static void tap(int64_t i, int64_t n_in, int64_t n_out, int64_t *low, int64_t *high, double *t)
{
    double position = fmax(((double)i + 0.5) * (double)n_in / (double)n_out - 0.5, 0);
    *low = (int64_t)fmin(floor(position), (double)(n_in - 1));
    *high = *low + 1 < n_in ? *low + 1 : *low;
    *t = position - (double)*low;
}

static void each_tap(const gan__array *in, const gan__array *out, bool adjoint, double *want)
{
    FOR_PIXELS(out)
    {
        int64_t ly, hy, lx, hx;
        double ty, tx;
        tap(y, in->dim[1], out->dim[1], &ly, &hy, &ty);
        tap(x, in->dim[2], out->dim[2], &lx, &hx, &tx);
        int64_t o = pixel(out, n, y, x, c);
        int64_t corner[] = {pixel(in, n, ly, lx, c), pixel(in, n, ly, hx, c), pixel(in, n, hy, lx, c),
                            pixel(in, n, hy, hx, c)};
        double weight[] = {(1 - ty) * (1 - tx), (1 - ty) * tx, ty * (1 - tx), ty * tx};
        for (int i = 0; i < 4; i++) {
            if (adjoint)
                want[corner[i]] += weight[i] * at(out, o);
            else
                want[o] += weight[i] * at(in, corner[i]);
        }
    }
}

START_TEST(bilinear)
{
    if (!open_variant(_i))
        return;
    for (int round = 0; round < 30; round++) {
        image_case p =
            random_images(pick(1, 3), pick(1, 12), pick(1, round ? 12 : 400), pick(1, 20), pick(1, 25), pick(1, 25));
        each_tap(&p.small, &p.large, false, p.want);
        ck_assert_int_eq(be->ops->bilinear(be, &p.small, &p.large), GAN_OK);
        check_images(&p, &p.large, "bilinear");
        each_tap(&p.small, &p.large, true, p.want);
        ck_assert_int_eq(be->ops->bilinear_adjoint(be, &p.large, &p.small), GAN_OK);
        check_images(&p, &p.small, "adjoint");
        free_images(&p);
    }
    close_variant();
}
END_TEST

static int64_t mirrored(int64_t i, int64_t n)
{
    return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
}

START_TEST(reflection)
{
    if (!open_variant(_i))
        return;
    for (int round = 0; round < 30; round++) {
        int64_t h = pick(1, 12), w = pick(1, round ? 12 : 400), pad = pick(0, (h < w ? h : w) - 1);
        image_case p = random_images(pick(1, 3), h, w, pick(1, 20), h + 2 * pad, w + 2 * pad);
        FOR_PIXELS(&p.large)
        p.want[pixel(&p.large, n, y, x, c)] =
            at(&p.small, pixel(&p.small, n, mirrored(y - pad, h), mirrored(x - pad, w), c));
        ck_assert_int_eq(be->ops->reflect_pad(be, &p.small, (int)pad, &p.large), GAN_OK);
        check_images(&p, &p.large, "pad");
        FOR_PIXELS(&p.large)
        p.want[pixel(&p.small, n, mirrored(y - pad, h), mirrored(x - pad, w), c)] +=
            at(&p.large, pixel(&p.large, n, y, x, c));
        ck_assert_int_eq(be->ops->reflect_pad_adjoint(be, &p.large, (int)pad, &p.small), GAN_OK);
        check_images(&p, &p.small, "adjoint");
        free_images(&p);
    }
    close_variant();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cpu backend: normalization and images");
    TCase *t = tcase_create("images");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, every_normalization, 0, VARIANTS);
    tcase_add_loop_test(t, variance_survives_a_large_mean, 0, VARIANTS);
    tcase_add_loop_test(t, windows, 0, VARIANTS);
    tcase_add_loop_test(t, bilinear, 0, VARIANTS);
    tcase_add_loop_test(t, reflection, 0, VARIANTS);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
