/*
 * Inner loops of normalization, and bias with activation.
 *
 * Channels lie innermost, so the vectors run over channels and the per-channel values repeat with a period. The
 * element type and the activation are chosen outside the loops: each loop is compiled for each.
 */
#include "activation.h"

/* Deviations are taken from the first row, which makes their sums small enough for f32 whatever the mean is: that
 * row is at most sqrt(rows) standard deviations of this block away from the block's mean. */
#define GAN__MOMENTS(T)                                                                                                \
    static void moments_##T(const void *data, int64_t rows, int64_t period, double before, float *scratch,             \
                            double *mean, double *m2)                                                                  \
    {                                                                                                                  \
        const T *x = data;                                                                                             \
        float *sum = scratch, *square = scratch + period;                                                              \
        memset(scratch, 0, (size_t)(2 * period) * sizeof *scratch);                                                    \
        for (int64_t r = 1; r < rows; r++) {                                                                           \
            const T *row = x + r * period;                                                                             \
            _Pragma("omp simd") for (int64_t j = 0; j < period; j++)                                                   \
            {                                                                                                          \
                float d = GAN__LOAD_##T(row[j]) - GAN__LOAD_##T(x[j]);                                                 \
                sum[j] += d;                                                                                           \
                square[j] += d * d;                                                                                    \
            }                                                                                                          \
        }                                                                                                              \
        double n = (double)rows, share = n / (before + n), weight = before * share, inverse = 1.0 / n;                 \
        _Pragma("omp simd") for (int64_t j = 0; j < period; j++)                                                       \
        {                                                                                                              \
            double d = (double)sum[j], delta = (double)GAN__LOAD_##T(x[j]) + d * inverse - mean[j];                    \
            mean[j] += delta * share;                                                                                  \
            m2[j] += (double)square[j] - d * d * inverse + delta * delta * weight;                                     \
        }                                                                                                              \
    }
GAN__MOMENTS(f32)
GAN__MOMENTS(bf16)

/* The runs [i, i + m) of one period each that make up n elements. */
#define GAN__PERIODS(n, period) for (int64_t i = 0, m; m = (n)-i < (period) ? (n)-i : (period), i < (n); i += m)

#define GAN__NORM_LOOPS(ACT, T)                                                                                        \
    static void apply_##ACT##_##T(const gan__isa_norm *p, const T *x, T *y, int64_t n)                                 \
    {                                                                                                                  \
        const float *mean = p->mean, *scale = p->scale, *shift = p->shift, slope = p->activation.slope;                \
        (void)slope;                                                                                                   \
        GAN__PERIODS(n, p->period)                                                                                     \
        {                                                                                                              \
            _Pragma("omp simd") for (int64_t j = 0; j < m; j++)                                                        \
            {                                                                                                          \
                float v = (GAN__LOAD_##T(x[i + j]) - mean[j]) * scale[j] + shift[j];                                   \
                y[i + j] = GAN__STORE_##T(GAN__ACT_##ACT(v));                                                          \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void sums_##ACT##_##T(const gan__isa_norm *p, const T *x, const T *y, const T *dy, int64_t n,               \
                                 float *dgamma, float *dbeta)                                                          \
    {                                                                                                                  \
        const float *mean = p->mean, *scale = p->scale, slope = p->activation.slope;                                   \
        (void)slope, (void)y;                                                                                          \
        GAN__PERIODS(n, p->period)                                                                                     \
        {                                                                                                              \
            _Pragma("omp simd") for (int64_t j = 0; j < m; j++)                                                        \
            {                                                                                                          \
                float g = GAN__SLOPE_##ACT(GAN__LOAD_##T(dy[i + j]), GAN__LOAD_##T(y[i + j]));                         \
                dbeta[j] += g;                                                                                         \
                dgamma[j] += g * ((GAN__LOAD_##T(x[i + j]) - mean[j]) * scale[j]);                                     \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void gradient_##ACT##_##T(const gan__isa_norm *p, const T *x, const T *y, const T *dy, T *dx, int64_t n)    \
    {                                                                                                                  \
        const float *mean = p->mean, *k0 = p->k0, *k1 = p->k1, *k2 = p->k2, slope = p->activation.slope;               \
        (void)slope, (void)y;                                                                                          \
        GAN__PERIODS(n, p->period)                                                                                     \
        {                                                                                                              \
            _Pragma("omp simd") for (int64_t j = 0; j < m; j++)                                                        \
            {                                                                                                          \
                float g = GAN__SLOPE_##ACT(GAN__LOAD_##T(dy[i + j]), GAN__LOAD_##T(y[i + j]));                         \
                dx[i + j] = GAN__STORE_##T(k0[j] * g - k1[j] - (GAN__LOAD_##T(x[i + j]) - mean[j]) * k2[j]);           \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void bias_##ACT##_##T(T *x, int64_t rows, int64_t n, const float *bias, float slope)                        \
    {                                                                                                                  \
        (void)slope;                                                                                                   \
        if (!bias) {                                                                                                   \
            _Pragma("omp simd") for (int64_t j = 0; j < rows * n; j++)                                                 \
            {                                                                                                          \
                float v = GAN__LOAD_##T(x[j]);                                                                         \
                x[j] = GAN__STORE_##T(GAN__ACT_##ACT(v));                                                              \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t r = 0; r < rows; r++, x += n) {                                                                   \
            _Pragma("omp simd") for (int64_t j = 0; j < n; j++)                                                        \
            {                                                                                                          \
                float v = GAN__LOAD_##T(x[j]) + bias[j];                                                               \
                x[j] = GAN__STORE_##T(GAN__ACT_##ACT(v));                                                              \
            }                                                                                                          \
        }                                                                                                              \
    }
GAN__ACTIVATIONS(GAN__NORM_LOOPS, f32)
GAN__ACTIVATIONS(GAN__NORM_LOOPS, bf16)

#define GAN__APPLY_ENTRY(ACT, T)    apply_##ACT##_##T,
#define GAN__SUMS_ENTRY(ACT, T)     sums_##ACT##_##T,
#define GAN__GRADIENT_ENTRY(ACT, T) gradient_##ACT##_##T,
#define GAN__BIAS_ENTRY(ACT, T)     bias_##ACT##_##T,

/* The functions of the table: pick the loop of the activation. */
#define GAN__NORM_TABLE(T)                                                                                             \
    static void apply_##T(const gan__isa_norm *p, const void *x, void *y, int64_t n)                                   \
    {                                                                                                                  \
        static void (*const loop[])(const gan__isa_norm *, const T *, T *,                                             \
                                    int64_t) = {GAN__ACTIVATIONS(GAN__APPLY_ENTRY, T)};                                \
        loop[p->activation.kind](p, x, y, n);                                                                          \
    }                                                                                                                  \
    static void sums_##T(const gan__isa_norm *p, const void *x, const void *y, const void *dy, int64_t n,              \
                         float *dgamma, float *dbeta)                                                                  \
    {                                                                                                                  \
        static void (*const loop[])(const gan__isa_norm *, const T *, const T *, const T *, int64_t, float *,          \
                                    float *) = {GAN__ACTIVATIONS(GAN__SUMS_ENTRY, T)};                                 \
        loop[p->activation.kind](p, x, y, dy, n, dgamma, dbeta);                                                       \
    }                                                                                                                  \
    static void gradient_##T(const gan__isa_norm *p, const void *x, const void *y, const void *dy, void *dx,           \
                             int64_t n)                                                                                \
    {                                                                                                                  \
        static void (*const loop[])(const gan__isa_norm *, const T *, const T *, const T *, T *,                       \
                                    int64_t) = {GAN__ACTIVATIONS(GAN__GRADIENT_ENTRY, T)};                             \
        loop[p->activation.kind](p, x, y, dy, dx, n);                                                                  \
    }                                                                                                                  \
    static void bias_act_##T(void *x, int64_t rows, int64_t n, const float *bias, gan_activation activation)           \
    {                                                                                                                  \
        static void (*const loop[])(T *, int64_t, int64_t, const float *,                                              \
                                    float) = {GAN__ACTIVATIONS(GAN__BIAS_ENTRY, T)};                                   \
        loop[activation.kind](x, rows, n, bias, activation.slope);                                                     \
    }
GAN__NORM_TABLE(f32)
GAN__NORM_TABLE(bf16)

void GAN__ISA_NAME(gan__isa_norm)(gan__isa *t)
{
    t->moments[GAN_F32] = moments_f32;
    t->moments[GAN_BF16] = moments_bf16;
    t->norm_apply[GAN_F32] = apply_f32;
    t->norm_apply[GAN_BF16] = apply_bf16;
    t->norm_sums[GAN_F32] = sums_f32;
    t->norm_sums[GAN_BF16] = sums_bf16;
    t->norm_gradient[GAN_F32] = gradient_f32;
    t->norm_gradient[GAN_BF16] = gradient_bf16;
    t->bias_act[GAN_F32] = bias_act_f32;
    t->bias_act[GAN_BF16] = bias_act_bf16;
}
