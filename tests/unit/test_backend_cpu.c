/* The CPU backend's element-wise maps, copies, reductions, normalizations, image kernels, table rows, random numbers
 * and updates, on every instruction set and with one and two threads, against naive loops in double precision. */
#include "backend_cases.h"

#include "core/philox.h"

/* ---- element-wise ---- */

static const int arity[] = {
#define ARITY(name, n, formula) [GAN__MAP_##name] = n,
    GAN__MAP_OPS(ARITY)
#undef ARITY
};

static double larger(double a, double b)
{
    return a > b || isnan(a) ? a : b;
}

static double smaller(double a, double b)
{
    return a < b || isnan(a) ? a : b;
}

static double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static double reference_map(gan__map_op op, double a, double b, double c, const float *p)
{
    gan_activation relu = {GAN_RELU, 0}, leaky = {GAN_LEAKY_RELU, p[0]}, sigmoid = {GAN_SIGMOID, 0};
    double p0 = (double)p[0], p1 = (double)p[1];
    switch (op) {
    case GAN__MAP_COPY:
        return a;
    case GAN__MAP_FILL:
        return p0;
    case GAN__MAP_ADD:
        return a + b;
    case GAN__MAP_SUB:
        return a - b;
    case GAN__MAP_MUL:
        return a * b;
    case GAN__MAP_DIV:
        return a / b;
    case GAN__MAP_MAXIMUM:
        return larger(a, b);
    case GAN__MAP_MINIMUM:
        return smaller(a, b);
    case GAN__MAP_AFFINE:
        return a * p0 + p1;
    case GAN__MAP_LERP:
        return a + p0 * (b - a);
    case GAN__MAP_GREATER:
        return a > b;
    case GAN__MAP_GREATER_EQUAL:
        return a >= b;
    case GAN__MAP_EQUAL:
        return a == b;
    case GAN__MAP_SELECT:
        return a != 0 ? b : c;
    case GAN__MAP_EXP:
        return exp(a);
    case GAN__MAP_LOG:
        return log(a);
    case GAN__MAP_SQRT:
        return sqrt(a);
    case GAN__MAP_RSQRT:
        return 1 / sqrt(a);
    case GAN__MAP_SQUARE:
        return a * a;
    case GAN__MAP_RECIPROCAL:
        return 1 / a;
    case GAN__MAP_POW:
        return pow(a, p0);
    case GAN__MAP_ABS:
        return fabs(a);
    case GAN__MAP_SIGN:
        return a > 0 ? 1 : a < 0 ? -1 : 0;
    case GAN__MAP_CLAMP:
        return a < p0 ? p0 : a > p1 ? p1 : a;
    case GAN__MAP_IN_RANGE:
        return a >= p0 && a <= p1;
    case GAN__MAP_TANH:
        return tanh(a);
    case GAN__MAP_SIGMOID:
        return activate(sigmoid, a);
    case GAN__MAP_SOFTPLUS:
        return softplus(a);
    case GAN__MAP_RELU:
        return activate(relu, a);
    case GAN__MAP_LEAKY_RELU:
        return activate(leaky, a);
    case GAN__MAP_ADD_RELU:
        return activate(relu, (double)((float)a + (float)b));
    case GAN__MAP_ADD_LEAKY_RELU:
        return activate(leaky, (double)((float)a + (float)b));
    case GAN__MAP_ADD_TANH:
        return tanh((double)((float)a + (float)b));
    case GAN__MAP_ADD_SIGMOID:
        return activate(sigmoid, (double)((float)a + (float)b));
    case GAN__MAP_RELU_GRAD:
        return b > 0 ? a : 0;
    case GAN__MAP_LEAKY_RELU_GRAD:
        return b > 0 ? a : a * p0;
    case GAN__MAP_TANH_GRAD:
        return a * (1 - b * b);
    case GAN__MAP_SIGMOID_GRAD:
        return a * b * (1 - b);
    case GAN__MAP_SOFTPLUS_GRAD:
        return a * activate(sigmoid, b);
    case GAN__MAP_NORMALIZE:
        return (a - b) * c;
    case GAN__MAP_MUL_ADD:
        return a * b + c;
    case GAN__MAP_DROP_MASK:
        return a >= p0 ? p1 : 0;
    case GAN__MAP_FROM_BYTES:
        return a / 127.5 - 1;
    case GAN__MAP_TO_BYTES:
        return (a + 1) * 127.5;
    default:
        ck_abort_msg("no reference for map op %d", op);
    }
    return 0;
}

/* An f32 result may differ from the exact one by a few roundings of the terms that went into it. */
static double map_tolerance(double want, double a, double b, double c)
{
    double scale = fabs(want);
    scale = isfinite(a * b) ? fmax(scale, fabs(a * b)) : scale;
    scale = fmax(scale, fmax(isfinite(a) ? fabs(a) : 0, fmax(isfinite(b) ? fabs(b) : 0, isfinite(c) ? fabs(c) : 0)));
    return 1e-44 + 3e-7 * (scale < 0x1p126 ? scale : fabs(want));
}

static double special(void)
{
    static const double value[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1.0, -1.0, 1e-42, -1e-42, 88.5, -104.5, 3e38};
    return value[pick(0, (int64_t)(sizeof value / sizeof *value) - 1)];
}

START_TEST(every_map_op)
{
    if (!open_variant(_i))
        return;
    for (gan__map_op op = 0; op < GAN__MAP_COUNT; op++) {
        int64_t n = op % 3 ? pick(1, 3000) : 70001; /* the longer ones on two threads */
        gan__array in[3], out = DENSE(random_buffer(GAN_F32, n), GAN_F32, n);
        for (int k = 0; k < 3; k++) {
            in[k] = DENSE(random_buffer(GAN_F32, n), GAN_F32, n);
            for (int64_t i = 0; i < n; i += pick(1, 5))
                put(in[k].data, GAN_F32, i, i % 2 ? special() : (unit() - 0.5) * 40);
        }
        float p[4] = {0.25f, 1.5f, 0, 0};
        ck_assert_int_eq(be->ops->map(be, op, p, arity[op], in, &out), GAN_OK);
        for (int64_t i = 0; i < n; i++) {
            double a = at(&in[0], i), b = at(&in[1], i), c = at(&in[2], i), want = reference_map(op, a, b, c, p);
            double got = at(&out, i);
            a = arity[op] > 0 ? a : 0, b = arity[op] > 1 ? b : 0, c = arity[op] > 2 ? c : 0;
            /* Sums of opposite infinities, and products that leave f32's range, differ in the order of operations. */
            bool limit = !isfinite((float)want) || fabs(want) > 1e38 || !isfinite(a + b + c) || fabs(a * b) > 1e37 ||
                         fabs(b) > 1e18;
            if (limit && arity[op] > 1)
                continue;
            if (arity[op] == 1 && !isfinite((float)want)) {
                ck_assert_msg(isnan(want) ? isnan(got) : got == (double)(float)want, "op %d of %g: %g, not %g", op, a,
                              got, want);
                continue;
            }
            bool sum = op == GAN__MAP_AFFINE || op == GAN__MAP_TO_BYTES || op == GAN__MAP_FROM_BYTES;
            double tolerance = arity[op] == 1 && !sum ? 4e-7 * fabs(want) + 1.5e-45 : map_tolerance(want, a, b, c);
            ASSERT_NEAR(got, want, tolerance, "op %d of %g %g %g (variant %d): %.9g, not %.9g", op, a, b, c, _i);
        }
        for (int k = 0; k < 3; k++)
            free(in[k].data);
        free(out.data);
    }
    close_variant();
}
END_TEST

/* NaN must pass through what a network applies to activations, or a broken run looks healthy. */
START_TEST(nan_passes)
{
    static const gan__map_op op[] = {GAN__MAP_RELU,     GAN__MAP_LEAKY_RELU, GAN__MAP_TANH,    GAN__MAP_SIGMOID,
                                     GAN__MAP_SOFTPLUS, GAN__MAP_CLAMP,      GAN__MAP_EXP,     GAN__MAP_LOG,
                                     GAN__MAP_POW,      GAN__MAP_MAXIMUM,    GAN__MAP_MINIMUM, GAN__MAP_ADD_RELU,
                                     GAN__MAP_ADD_TANH};
    if (!open_variant(_i))
        return;
    for (size_t k = 0; k < sizeof op / sizeof *op; k++) {
        float x[40], zero[40] = {0}, y[40], p[4] = {0.5f, 2.0f, 0, 0};
        for (int i = 0; i < 40; i++)
            x[i] = NAN;
        gan__array in[] = {DENSE(x, GAN_F32, 40), DENSE(zero, GAN_F32, 40)}, out = DENSE(y, GAN_F32, 40);
        ck_assert_int_eq(be->ops->map(be, op[k], p, arity[op[k]], in, &out), GAN_OK);
        for (int i = 0; i < 40; i++)
            ck_assert_msg(isnan(y[i]), "op %d gives %g for NaN at %d", op[k], (double)y[i], i);
    }
    close_variant();
}
END_TEST

START_TEST(any_view_and_type)
{
    static const gan__map_op ops[] = {GAN__MAP_COPY, GAN__MAP_ADD, GAN__MAP_MUL_ADD};
    if (!open_variant(_i))
        return;
    for (int round = 0; round < 600; round++) {
        gan__map_op op = ops[pick(0, 2)];
        int ndim = (int)pick(0, 5);
        int64_t dim[GAN_MAX_DIMS], n = 1;
        for (int i = 0; i < ndim; i++)
            n *= dim[i] = pick(1, round % 20 ? 7 : 60 / ndim);
        if (round % 50 == 7)
            dim[0] = ndim ? pick(1000, 4000) : 1;
        void *buffers[4];
        gan__array in[3];
        for (int k = 0; k < 3; k++)
            in[k] = random_view((gan_dtype)pick(0, 3), ndim, dim, true, &buffers[k]);
        gan__array out = random_view((gan_dtype)pick(0, 3), ndim, dim, false, &buffers[3]);
        ck_assert_int_eq(be->ops->map(be, op, NULL, arity[op], in, &out), GAN_OK);
        n = count_of(&out);
        for (int64_t i = 0; i < n; i++) {
            double want = reference_map(op, at(&in[0], i), at(&in[1], i), at(&in[2], i), (float[4]){0});
            double tolerance = out.dtype == GAN_F32    ? 1e-6 * fabs(want) + 1e-5
                               : out.dtype == GAN_BF16 ? fabs(want) / 200
                                                       : 0.501;
            want = out.dtype == GAN_U8 ? fmin(fmax(want, 0), 255) : want;
            ASSERT_NEAR(at(&out, i), want, tolerance + 1e-6, "op %d, round %d, element %lld: %g, not %g", op, round,
                        (long long)i);
        }
        for (int k = 0; k < 4; k++)
            free(buffers[k]);
    }
    close_variant();
}
END_TEST

/* Shapes that the dense and staged paths meet in practice, on both sides of the tile sizes. */
START_TEST(bias_shapes)
{
    static const int64_t shape[][3] = {{64, 49, 128},  {3, 1, 5000}, {2, 40000, 3},
                                       {16, 1000, 10}, {7, 1, 1},    {1, 3, 1030}};
    if (!open_variant(_i))
        return;
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
        int64_t n = shape[s][0], r = shape[s][1], c = shape[s][2];
        gan__array x = DENSE(random_buffer(GAN_F32, n * r * c), GAN_F32, n, r, c);
        gan__array out = DENSE(random_buffer(GAN_F32, n * r * c), GAN_F32, n, r, c);
        for (int form = 0; form < 4; form++) {
            gan__array b =
                DENSE(random_buffer(form % 2 ? GAN_BF16 : GAN_F32, n * r * c), form % 2 ? GAN_BF16 : GAN_F32, n, r, c);
            b.stride[0] = form == 0 ? 0 : form == 1 ? c : form == 2 ? r : 0;
            b.stride[1] = form == 2 ? 1 : 0;
            b.stride[2] = form < 2 ? 1 : 0;
            gan__array in[] = {x, b};
            ck_assert_int_eq(be->ops->map(be, GAN__MAP_ADD, NULL, 2, in, &out), GAN_OK);
            for (int64_t i = 0; i < n * r * c; i++)
                ASSERT_NEAR(at(&out, i), (double)(float)(at(&x, i) + at(&b, i)), 0, "form %d: %g, not %g", form);
            free(b.data);
        }
        free(x.data);
        free(out.data);
    }
    close_variant();
}
END_TEST

START_TEST(bf16_rounds_to_even)
{
    if (!open_variant(_i))
        return;
    uint32_t from[] = {0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff, 0x7f7fffff, 0x7f800000,
                       0xff800000, 0x7f800001, 0xffc00000, 0x00018000, 0x80008000, 0x00000001};
    uint16_t want[] = {0x3f80, 0x3f82, 0x3f81, 0x3f80, 0x7f80, 0x7f80, 0xff80, 0x7fc0, 0xffc0, 0x0002, 0x8000, 0x0000};
    uint16_t got[12];
    gan__array in = DENSE(from, GAN_F32, 12), out = DENSE(got, GAN_BF16, 12);
    ck_assert_int_eq(be->ops->map(be, GAN__MAP_COPY, NULL, 1, &in, &out), GAN_OK);
    for (int i = 0; i < 12; i++)
        ck_assert_msg(got[i] == want[i], "%08x: %04x, not %04x", from[i], got[i], want[i]);
    close_variant();
}
END_TEST

/* ---- reductions ---- */

START_TEST(every_reduction)
{
    if (!open_variant(_i))
        return;
    for (int round = 0; round < 400; round++) {
        gan__reduce_op op = (gan__reduce_op)pick(0, 3);
        int ndim = (int)pick(0, 5);
        int64_t dim[GAN_MAX_DIMS], kept[GAN_MAX_DIMS];
        for (int i = 0; i < ndim; i++) {
            dim[i] = pick(1, 9);
            if (round % 8 == 0)
                dim[i] = ndim == 1 ? pick(1, 90000) : ndim == 2 ? pick(1, 400) : pick(1, 40 / ndim);
            kept[i] = pick(0, 1) ? dim[i] : 1;
        }
        gan__array in[2];
        for (int k = 0; k < 2; k++) {
            gan_dtype dtype = (gan_dtype)pick(0, 1);
            in[k] = dense(NULL, dtype, ndim, dim);
            in[k].data = random_buffer(dtype, count_of(&in[k]));
            for (int i = 0; i < ndim; i++)
                in[k].stride[i] *= pick(0, 5) != 0;
        }
        gan__array out = dense(NULL, GAN_F32, ndim, kept);
        int64_t n = count_of(&in[0]), outputs = count_of(&out);
        out.data = random_buffer(GAN_F32, outputs);
        double *want = calloc((size_t)outputs, sizeof *want), *size = calloc((size_t)outputs, sizeof *size);
        for (int64_t o = 0; o < outputs && op == GAN__REDUCE_MAX; o++)
            want[o] = -INFINITY;
        gan__array index = out;
        for (int i = 0; i < ndim; i++) {
            index.dim[i] = dim[i];
            index.stride[i] = kept[i] == 1 ? 0 : index.stride[i];
        }
        for (int64_t i = 0; i < n; i++) {
            double a = at(&in[0], i), b = at(&in[1], i), *to = &want[offset_of(&index, i)];
            double term = op == GAN__REDUCE_SUM ? a : op == GAN__REDUCE_SUMSQ ? a * a : a * b;
            *to = op == GAN__REDUCE_MAX ? fmax(*to, a) : *to + term;
            size[offset_of(&index, i)] += fabs(term);
        }
        ck_assert_int_eq(be->ops->reduce(be, op, in, 0.5f, &out), GAN_OK);
        for (int64_t o = 0; o < outputs; o++)
            ASSERT_NEAR(get(out.data, GAN_F32, o), 0.5 * want[o], 4e-7 * size[o], "op %d, round %d: %g, not %g",
                        (int)op, round);
        free(want);
        free(size);
        free(in[0].data);
        free(in[1].data);
        free(out.data);
    }
    close_variant();
}
END_TEST

/* 30 million times 0.1: a single running f32 sum would be off by a tenth. */
START_TEST(long_sums_are_accurate)
{
    if (!open_variant(_i))
        return;
    int64_t n = 30000000;
    float *x = malloc((size_t)n * sizeof *x), sum, columns[3];
    ck_assert_ptr_nonnull(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = 0.1f;
    gan__array all = DENSE(x, GAN_F32, n), one = DENSE(&sum, GAN_F32, 1);
    gan__array rows = DENSE(x, GAN_F32, n / 3, 3), three = DENSE(columns, GAN_F32, 1, 3);
    ck_assert_int_eq(be->ops->reduce(be, GAN__REDUCE_SUM, &all, 1.0f, &one), GAN_OK);
    ck_assert_int_eq(be->ops->reduce(be, GAN__REDUCE_SUM, &rows, 1.0f, &three), GAN_OK);
    ASSERT_NEAR((double)sum, (double)0.1f * (double)n, 2.0, "%g, not %g");
    for (int i = 0; i < 3; i++)
        ASSERT_NEAR((double)columns[i], (double)0.1f * (double)n / 3, 1.0, "%g, not %g");
    free(x);
    close_variant();
}
END_TEST

START_TEST(maximum_keeps_nan)
{
    if (!open_variant(_i))
        return;
    float x[500], y;
    for (int i = 0; i < 500; i++)
        x[i] = (float)i;
    x[77] = NAN;
    gan__array in = DENSE(x, GAN_F32, 500), out = DENSE(&y, GAN_F32, 1);
    ck_assert_int_eq(be->ops->reduce(be, GAN__REDUCE_MAX, &in, 1.0f, &out), GAN_OK);
    ck_assert(isnan(y));
    close_variant();
}
END_TEST

/* ---- table rows ---- */

START_TEST(table_rows)
{
    if (!open_variant(_i))
        return;
    int64_t width = 37, rows = 11, n = 900;
    float *table = random_buffer(GAN_F32, rows * width), *out = random_buffer(GAN_F32, n * width);
    float *sum = random_buffer(GAN_F32, rows * width);
    int32_t *index = random_buffer(GAN_I32, n);
    for (int64_t i = 0; i < n; i++)
        index[i] = (int32_t)pick(0, rows - 1);
    ck_assert_int_eq(be->ops->gather_rows(be, table, rows, width, index, n, out), GAN_OK);
    for (int64_t i = 0; i < n * width; i++)
        ck_assert(out[i] == table[index[i / width] * width + i % width]);
    ck_assert_int_eq(be->ops->scatter_rows(be, out, index, n, width, rows, sum), GAN_OK);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < width; c++) {
            double want = 0;
            for (int64_t i = 0; i < n; i++)
                want += index[i] == r ? (double)out[i * width + c] : 0;
            ASSERT_NEAR((double)sum[r * width + c], want, 1e-3, "%g, not %g");
        }
    }
    index[5] = 11;
    ck_assert_int_eq(be->ops->gather_rows(be, table, rows, width, index, n, out), GAN_ERROR_ARGUMENT);
    ck_assert_str_eq(be->error.text, "index 11 at position 5 is outside [0, 11)");
    index[5] = -1;
    ck_assert_int_eq(be->ops->scatter_rows(be, out, index, n, width, rows, sum), GAN_ERROR_ARGUMENT);
    free(table);
    free(out);
    free(sum);
    free(index);
    close_variant();
}
END_TEST

/* ---- random numbers ---- */

/* Known answers of the authors' Random123 distribution. */
START_TEST(philox_known_answers)
{
    uint32_t w[4];
    gan_philox(0, 0, 0, w);
    ck_assert(w[0] == 0x6627e8d5 && w[1] == 0xe169c58d && w[2] == 0xbc57ac4c && w[3] == 0x9b00dbd8);
    gan_philox(~0ull, ~0ull, ~0ull, w);
    ck_assert(w[0] == 0x408f276d && w[1] == 0x41c83b0e && w[2] == 0xa20bc7c6 && w[3] == 0x6d5451fd);
    gan_philox(0x299f31d0a4093822ull, 0x0370734413198a2eull, 0x85a308d3243f6a88ull, w);
    ck_assert(w[0] == 0xd16cfe09 && w[1] == 0x94fdcceb && w[2] == 0x5001e420 && w[3] == 0x24126ea1);
}
END_TEST

START_TEST(numbers_come_from_their_blocks)
{
    if (!open_variant(_i))
        return;
    int64_t n = 40003;
    float *u = random_buffer(GAN_F32, n), *z = random_buffer(GAN_F32, n);
    int32_t *k = random_buffer(GAN_I32, n);
    uint64_t seed = 0x123456789abcdefull, stream = 5, counter = 0xfffffff0ull; /* the counter's low word wraps */
    ck_assert_int_eq(be->ops->random(be, GAN__RANDOM_UNIFORM, seed, stream, counter, -1.0f, 3.0f, n, u), GAN_OK);
    ck_assert_int_eq(be->ops->random(be, GAN__RANDOM_NORMAL, seed, stream, counter, 0.0f, 1.0f, n, z), GAN_OK);
    ck_assert_int_eq(be->ops->random(be, GAN__RANDOM_INT, seed, stream, counter, 0.0f, 10.0f, n, k), GAN_OK);
    double mean = 0, square = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t w[4];
        gan_philox(seed, stream, counter + (uint64_t)i / 4, w);
        ASSERT_NEAR((double)u[i], -1 + 4 * (double)(w[i % 4] >> 8) * 0x1p-24, 3e-7, "%g, not %g");
        ck_assert_int_eq(k[i], (int32_t)(((uint64_t)w[i % 4] * 10) >> 32));
        float first, second;
        gan__normal_of_words(w[i % 4 / 2 * 2], w[i % 4 / 2 * 2 + 1], &first, &second);
        ASSERT_NEAR((double)z[i], (double)(i % 2 ? second : first), 1e-6, "%g, not %g");
        mean += (double)z[i] / (double)n;
        square += (double)z[i] * (double)z[i] / (double)n;
    }
    ck_assert(fabs(mean) < 0.02 && fabs(square - 1) < 0.03);
    free(u);
    free(z);
    free(k);
    close_variant();
}
END_TEST

/* ---- updates ---- */

static void reference_update(const gan__update_args *a, double *p, double *m, double *v, double g)
{
    switch (a->kind) {
    case GAN__UPDATE_ADAM:
        *m = a->b1 * *m + (1 - a->b1) * g;
        *v = a->b2 * *v + (1 - a->b2) * g * g;
        *p -= a->lr / (1 - pow(a->b1, (double)a->step)) * *m / (sqrt(*v / (1 - pow(a->b2, (double)a->step))) + a->eps);
        break;
    case GAN__UPDATE_RMSPROP:
        *v = a->b2 * *v + (1 - a->b2) * g * g;
        *p -= a->lr * g / (sqrt(*v) + a->eps);
        break;
    case GAN__UPDATE_SGD:
        *m = a->b1 * *m + g;
        *p -= a->lr * *m;
        break;
    case GAN__UPDATE_EMA:
        *p = a->b1 * *p + (1 - a->b1) * g;
        break;
    }
}

START_TEST(every_update)
{
    static const int64_t length[] = {1, 37, 70001, 16, 3};
    if (!open_variant(_i))
        return;
    for (int kind = 0; kind < 4; kind++) {
        gan__update t[5];
        double *reference[5];
        for (int k = 0; k < 5; k++) {
            float *x = random_buffer(GAN_F32, 4 * length[k]);
            t[k] = (gan__update){x, x + length[k], x + 2 * length[k], x + 3 * length[k], length[k]};
            reference[k] = malloc((size_t)(3 * length[k]) * sizeof(double));
            for (int64_t i = 0; i < length[k]; i++)
                t[k].m[i] = t[k].v[i] = 0.0f;
            for (int64_t i = 0; i < 3 * length[k]; i++)
                reference[k][i] = (double)x[i];
        }
        for (int64_t step = 1; step <= 3; step++) {
            gan__update_args a = {
                (gan__update_kind)kind, 0.01, kind == GAN__UPDATE_EMA ? 0.99 : 0.5, 0.999, 1e-8, step};
            ck_assert_int_eq(be->ops->update(be, &a, t, 5), GAN_OK);
            for (int k = 0; k < 5; k++) {
                int64_t n = length[k];
                for (int64_t i = 0; i < n; i++) {
                    double *r = reference[k] + i;
                    reference_update(&a, r, r + n, r + 2 * n, (double)t[k].g[i]);
                    ASSERT_NEAR((double)t[k].p[i], r[0], 2e-6, "kind %d, step %lld: %g, not %g", kind, (long long)step);
                }
            }
        }
        for (int k = 0; k < 5; k++) {
            free(t[k].p);
            free(reference[k]);
        }
    }
    float p[3] = {1, 2, 3}, g[3] = {1, 1, 1};
    gan__update plain = {p, NULL, NULL, g, 3};
    ck_assert_int_eq(be->ops->update(be, &(gan__update_args){GAN__UPDATE_SGD, 0.5, 0, 0, 0, 1}, &plain, 1), GAN_OK);
    ck_assert(p[0] == 0.5f && p[2] == 2.5f);
    close_variant();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cpu backend");
    TCase *t = tcase_create("kernels");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, every_map_op, 0, VARIANTS);
    tcase_add_loop_test(t, nan_passes, 0, VARIANTS);
    tcase_add_loop_test(t, any_view_and_type, 0, VARIANTS);
    tcase_add_loop_test(t, bias_shapes, 0, VARIANTS);
    tcase_add_loop_test(t, bf16_rounds_to_even, 0, VARIANTS);
    tcase_add_loop_test(t, every_reduction, 0, VARIANTS);
    tcase_add_loop_test(t, long_sums_are_accurate, 0, VARIANTS);
    tcase_add_loop_test(t, maximum_keeps_nan, 0, VARIANTS);
    tcase_add_loop_test(t, table_rows, 0, VARIANTS);
    tcase_add_test(t, philox_known_answers);
    tcase_add_loop_test(t, numbers_come_from_their_blocks, 0, VARIANTS);
    tcase_add_loop_test(t, every_update, 0, VARIANTS);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
