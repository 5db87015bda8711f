/*
 * Inner loops of scaling by sample: rows of channels, whose scales lie beside them.
 *
 * In the gradient four rows go together: a quarter of the traffic on the sums of columns. What is asked for beside dx
 * and dbias is a constant of each loop.
 */
#include "activation.h"

#define GAN__INLINE static inline __attribute__((always_inline))

#define GAN__SCALE_ROWS(ACT, T)                                                                                        \
    static void rows_##ACT##_##T(const gan__isa_scale *p, const T *x, T *y, int64_t rows, float slope)                 \
    {                                                                                                                  \
        const float *scale = p->scale, *strength = p->strength, *bias = p->bias;                                       \
        const int64_t n = p->n;                                                                                        \
        (void)slope;                                                                                                   \
        for (int64_t r = 0; r < rows; r++, x += n, y += n) {                                                           \
            const float noise = p->noise ? p->noise[r] : 0.0f;                                                         \
            _Pragma("omp simd") for (int64_t j = 0; j < n; j++)                                                        \
            {                                                                                                          \
                float v = GAN__LOAD_##T(x[j]) * scale[j] + (noise * strength[j] + bias[j]);                            \
                y[j] = GAN__STORE_##T(GAN__ACT_##ACT(v));                                                              \
            }                                                                                                          \
        }                                                                                                              \
    }
GAN__ACTIVATIONS(GAN__SCALE_ROWS, f32)
GAN__ACTIVATIONS(GAN__SCALE_ROWS, bf16)

/* dx and sums of `k` rows, 1 or 4, from row r on. */
#define GAN__SCALE_GRADIENT(name, T, SLOPE, simd)                                                                      \
    GAN__INLINE void name(const gan__isa_gradient *p, int64_t r, const int k, const bool dots, const bool strengths)   \
    {                                                                                                                  \
        const int64_t n = p->n, second = k > 1 ? n : 0, third = 2 * second, fourth = 3 * second;                       \
        const T *x = (const T *)p->x + r * n, *y = (const T *)p->y + r * n, *dy = (const T *)p->dy + r * n;            \
        T *dx = (T *)p->dx + r * n;                                                                                    \
        const float *scale = p->scale, *strength = p->strength, *noise = p->noise + (strengths ? r : 0);               \
        const float slope = p->activation.slope, e0 = noise[0], e1 = noise[strengths && k > 1 ? 1 : 0],                \
                    e2 = noise[strengths && k > 1 ? 2 : 0], e3 = noise[strengths && k > 1 ? 3 : 0];                    \
        float *dscale = p->dscale, *dbias = p->dbias, *dstrength = p->dstrength, d0 = 0, d1 = 0, d2 = 0, d3 = 0;       \
        (void)slope, (void)y;                                                                                          \
        _Pragma(simd) for (int64_t j = 0; j < n; j++)                                                                  \
        {                                                                                                              \
            float g0 = SLOPE(GAN__LOAD_##T(dy[j]), GAN__LOAD_##T(y[j])), g1 = 0, g2 = 0, g3 = 0;                       \
            if (k > 1) {                                                                                               \
                g1 = SLOPE(GAN__LOAD_##T(dy[second + j]), GAN__LOAD_##T(y[second + j]));                               \
                g2 = SLOPE(GAN__LOAD_##T(dy[third + j]), GAN__LOAD_##T(y[third + j]));                                 \
                g3 = SLOPE(GAN__LOAD_##T(dy[fourth + j]), GAN__LOAD_##T(y[fourth + j]));                               \
            }                                                                                                          \
            dbias[j] += k > 1 ? (g0 + g1) + (g2 + g3) : g0;                                                            \
            dscale[j] += k > 1 ? (g0 * GAN__LOAD_##T(x[j]) + g1 * GAN__LOAD_##T(x[second + j])) +                      \
                                     (g2 * GAN__LOAD_##T(x[third + j]) + g3 * GAN__LOAD_##T(x[fourth + j]))            \
                               : g0 * GAN__LOAD_##T(x[j]);                                                             \
            if (strengths)                                                                                             \
                dstrength[j] += k > 1 ? (g0 * e0 + g1 * e1) + (g2 * e2 + g3 * e3) : g0 * e0;                           \
            dx[j] = GAN__STORE_##T(g0 * scale[j]);                                                                     \
            if (dots)                                                                                                  \
                d0 += g0 * strength[j];                                                                                \
            if (k > 1) {                                                                                               \
                dx[second + j] = GAN__STORE_##T(g1 * scale[j]);                                                        \
                dx[third + j] = GAN__STORE_##T(g2 * scale[j]);                                                         \
                dx[fourth + j] = GAN__STORE_##T(g3 * scale[j]);                                                        \
            }                                                                                                          \
            if (k > 1 && dots) {                                                                                       \
                d1 += g1 * strength[j];                                                                                \
                d2 += g2 * strength[j];                                                                                \
                d3 += g3 * strength[j];                                                                                \
            }                                                                                                          \
        }                                                                                                              \
        const float d[4] = {d0, d1, d2, d3};                                                                           \
        for (int i = 0; dots && i < k; i++)                                                                            \
            p->dots[r + i] = d[i];                                                                                     \
    }

#define GAN__FOR_ROWS(some, dots, strengths)                                                                           \
    {                                                                                                                  \
        int64_t r = 0;                                                                                                 \
        for (; r + 4 <= rows; r += 4)                                                                                  \
            some(p, r, 4, dots, strengths);                                                                            \
        for (; r < rows; r++)                                                                                          \
            some(p, r, 1, dots, strengths);                                                                            \
    }

/* `few`: where sums along rows are asked for, the compiler leaves what its widest loop (of 32 bf16) does not cover to
 * scalars. */
#define GAN__SCALE_GRADIENTS(ACT, T)                                                                                   \
    GAN__SCALE_GRADIENT(some_##ACT##_##T, T, GAN__SLOPE_##ACT, "omp simd reduction(+ : d0, d1, d2, d3)")               \
    GAN__SCALE_GRADIENT(few_##ACT##_##T, T, GAN__SLOPE_##ACT, "omp simd simdlen(16) reduction(+ : d0, d1, d2, d3)")    \
    static void gradient_##ACT##_##T(const gan__isa_gradient *p, int64_t rows)                                         \
    {                                                                                                                  \
        if (p->strengths)                                                                                              \
            GAN__FOR_ROWS(some_##ACT##_##T, true, true)                                                                \
        else if (p->dots && p->n % 32)                                                                                 \
            GAN__FOR_ROWS(few_##ACT##_##T, true, false)                                                                \
        else if (p->dots)                                                                                              \
            GAN__FOR_ROWS(some_##ACT##_##T, true, false)                                                               \
        else                                                                                                           \
            GAN__FOR_ROWS(some_##ACT##_##T, false, false)                                                              \
    }
GAN__ACTIVATIONS(GAN__SCALE_GRADIENTS, f32)
GAN__ACTIVATIONS(GAN__SCALE_GRADIENTS, bf16)

#define GAN__ROWS_ENTRY(ACT, T)     rows_##ACT##_##T,
#define GAN__GRADIENT_ENTRY(ACT, T) gradient_##ACT##_##T,

/* The functions of the table: pick the loop of the activation. */
#define GAN__STYLE_TABLE(T)                                                                                            \
    static void scale_rows_##T(const gan__isa_scale *p, const void *x, void *y, int64_t rows)                          \
    {                                                                                                                  \
        static void (*const loop[])(const gan__isa_scale *, const T *, T *, int64_t,                                   \
                                    float) = {GAN__ACTIVATIONS(GAN__ROWS_ENTRY, T)};                                   \
        loop[p->activation.kind](p, x, y, rows, p->activation.slope);                                                  \
    }                                                                                                                  \
    static void scale_gradient_##T(const gan__isa_gradient *p, int64_t rows)                                           \
    {                                                                                                                  \
        static void (*const loop[])(const gan__isa_gradient *, int64_t) = {GAN__ACTIVATIONS(GAN__GRADIENT_ENTRY, T)};  \
        loop[p->activation.kind](p, rows);                                                                             \
    }
GAN__STYLE_TABLE(f32)
GAN__STYLE_TABLE(bf16)

void GAN__ISA_NAME(gan__isa_style)(gan__isa *t)
{
    t->scale_rows[GAN_F32] = scale_rows_f32;
    t->scale_rows[GAN_BF16] = scale_rows_bf16;
    t->scale_gradient[GAN_F32] = scale_gradient_f32;
    t->scale_gradient[GAN_BF16] = scale_gradient_bf16;
}
