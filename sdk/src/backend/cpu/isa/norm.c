/*
 * Inner loops of normalization, and bias with activation.
 *
 * Channels lie innermost, so the vectors run over channels and the per-channel values repeat with a period. The
 * activation is chosen outside the loops: each loop is compiled for each activation.
 */
#include "../isa.h"

/* Deviations are taken from the first row, which makes their sums small enough for f32 whatever the mean is: that
 * row is at most sqrt(rows) standard deviations of this block away from the block's mean. */
static void moments(const float *x, int64_t rows, int64_t period, double before, float *scratch, double *mean, double *m2)
{
    float *sum = scratch, *square = scratch + period;
    memset(scratch, 0, (size_t)(2 * period) * sizeof *scratch);
    for (int64_t r = 1; r < rows; r++) {
        const float *row = x + r * period;
#pragma omp simd
        for (int64_t j = 0; j < period; j++) {
            float d = row[j] - x[j];
            sum[j] += d;
            square[j] += d * d;
        }
    }
    double n = (double)rows, share = n / (before + n), weight = before * share, inverse = 1.0 / n;
#pragma omp simd
    for (int64_t j = 0; j < period; j++) {
        double d = (double)sum[j], delta = (double)x[j] + d * inverse - mean[j];
        mean[j] += delta * share;
        m2[j] += (double)square[j] - d * d * inverse + delta * delta * weight;
    }
}

#define GAN__ACT_LINEAR(v) (v)
#define GAN__ACT_RELU(v) gan__reluf(v)
#define GAN__ACT_LEAKY(v) gan__leakyf(v, slope)
#define GAN__ACT_TANH(v) gan__tanhf(v)
#define GAN__ACT_SIGMOID(v) gan__sigmoidf(v)
/* dy activation'(y), from the result y */
#define GAN__SLOPE_LINEAR(dy, y) (dy)
#define GAN__SLOPE_RELU(dy, y) ((y) > 0.0f ? (dy) : 0.0f)
#define GAN__SLOPE_LEAKY(dy, y) ((y) > 0.0f ? (dy) : (dy)*slope)
#define GAN__SLOPE_TANH(dy, y) ((dy) * (1.0f - (y) * (y)))
#define GAN__SLOPE_SIGMOID(dy, y) ((dy) * (y) * (1.0f - (y)))

#define GAN__ACTIVATIONS(X) X(LINEAR) X(RELU) X(LEAKY) X(TANH) X(SIGMOID)

/* The runs [i, i + m) of one period each that make up n elements. */
#define GAN__PERIODS(n, period)                                                                                        \
    for (int64_t i = 0, m; m = (n)-i < (period) ? (n)-i : (period), i < (n); i += m)

#define GAN__NORM_LOOPS(ACT)                                                                                           \
    static void apply_##ACT(const gan__isa_norm *p, const float *x, float *y, int64_t n)                              \
    {                                                                                                                  \
        const float *mean = p->mean, *scale = p->scale, *shift = p->shift, slope = p->activation.slope;               \
        (void)slope;                                                                                                   \
        GAN__PERIODS(n, p->period)                                                                                     \
        {                                                                                                              \
            _Pragma("omp simd") for (int64_t j = 0; j < m; j++)                                                        \
            {                                                                                                          \
                float v = (x[i + j] - mean[j]) * scale[j] + shift[j];                                                  \
                y[i + j] = GAN__ACT_##ACT(v);                                                                          \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void sums_##ACT(const gan__isa_norm *p, const float *x, const float *y, const float *dy, int64_t n,        \
                           float *dgamma, float *dbeta)                                                                \
    {                                                                                                                  \
        const float *mean = p->mean, *scale = p->scale, slope = p->activation.slope;                                  \
        (void)slope, (void)y;                                                                                          \
        GAN__PERIODS(n, p->period)                                                                                     \
        {                                                                                                              \
            _Pragma("omp simd") for (int64_t j = 0; j < m; j++)                                                        \
            {                                                                                                          \
                float g = GAN__SLOPE_##ACT(dy[i + j], y[i + j]);                                                       \
                dbeta[j] += g;                                                                                         \
                dgamma[j] += g * ((x[i + j] - mean[j]) * scale[j]);                                                    \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void gradient_##ACT(const gan__isa_norm *p, const float *x, const float *y, const float *dy, float *dx,    \
                               int64_t n)                                                                              \
    {                                                                                                                  \
        const float *mean = p->mean, *k0 = p->k0, *k1 = p->k1, *k2 = p->k2, slope = p->activation.slope;              \
        (void)slope, (void)y;                                                                                          \
        GAN__PERIODS(n, p->period)                                                                                     \
        {                                                                                                              \
            _Pragma("omp simd") for (int64_t j = 0; j < m; j++)                                                        \
            {                                                                                                          \
                float g = GAN__SLOPE_##ACT(dy[i + j], y[i + j]);                                                       \
                dx[i + j] = k0[j] * g - k1[j] - (x[i + j] - mean[j]) * k2[j];                                          \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void bias_##ACT(float *x, int64_t rows, int64_t n, int64_t ld, const float *bias, float slope)             \
    {                                                                                                                  \
        (void)slope;                                                                                                   \
        for (int64_t r = 0; r < rows; r++, x += ld) {                                                                  \
            if (bias) {                                                                                                \
                _Pragma("omp simd") for (int64_t j = 0; j < n; j++)                                                    \
                {                                                                                                      \
                    float v = x[j] + bias[j];                                                                          \
                    x[j] = GAN__ACT_##ACT(v);                                                                          \
                }                                                                                                      \
            } else {                                                                                                   \
                _Pragma("omp simd") for (int64_t j = 0; j < n; j++)                                                    \
                {                                                                                                      \
                    x[j] = GAN__ACT_##ACT(x[j]);                                                                       \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
GAN__ACTIVATIONS(GAN__NORM_LOOPS)

/* The rows of GAN__ACTIVATIONS are in gan_activation_kind's order. */
#define GAN__APPLY_ENTRY(ACT) apply_##ACT,
#define GAN__SUMS_ENTRY(ACT) sums_##ACT,
#define GAN__GRADIENT_ENTRY(ACT) gradient_##ACT,
#define GAN__BIAS_ENTRY(ACT) bias_##ACT,

static void norm_apply(const gan__isa_norm *p, const float *x, float *y, int64_t n)
{
    static void (*const kernel[])(const gan__isa_norm *, const float *, float *, int64_t) = {
        GAN__ACTIVATIONS(GAN__APPLY_ENTRY)};
    kernel[p->activation.kind](p, x, y, n);
}

static void norm_sums(const gan__isa_norm *p, const float *x, const float *y, const float *dy, int64_t n, float *dgamma,
                      float *dbeta)
{
    static void (*const kernel[])(const gan__isa_norm *, const float *, const float *, const float *, int64_t, float *,
                                  float *) = {GAN__ACTIVATIONS(GAN__SUMS_ENTRY)};
    kernel[p->activation.kind](p, x, y, dy, n, dgamma, dbeta);
}

static void norm_gradient(const gan__isa_norm *p, const float *x, const float *y, const float *dy, float *dx, int64_t n)
{
    static void (*const kernel[])(const gan__isa_norm *, const float *, const float *, const float *, float *,
                                  int64_t) = {GAN__ACTIVATIONS(GAN__GRADIENT_ENTRY)};
    kernel[p->activation.kind](p, x, y, dy, dx, n);
}

static void bias_act(float *x, int64_t rows, int64_t n, int64_t ld, const float *bias, gan_activation activation)
{
    static void (*const kernel[])(float *, int64_t, int64_t, int64_t, const float *, float) = {
        GAN__ACTIVATIONS(GAN__BIAS_ENTRY)};
    kernel[activation.kind](x, rows, n, ld, bias, activation.slope);
}

void GAN__ISA_NAME(gan__isa_norm)(gan__isa *t)
{
    t->moments = moments;
    t->norm_apply = norm_apply;
    t->norm_sums = norm_sums;
    t->norm_gradient = norm_gradient;
    t->bias_act = bias_act;
}
