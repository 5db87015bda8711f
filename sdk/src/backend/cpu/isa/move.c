/* Rows of images, and transposition. */
#include "../isa.h"

static void scale_row(float w, const float *in, float *out, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        out[i] = w * in[i];
}

static void add_scaled_row(float w, const float *in, float *out, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        out[i] += w * in[i];
}

/* Windows that overlap are added in turns such that none meets one written just before: a vector that is loaded
 * while part of it is still on its way to memory waits for it. */
#define GAN__FOLD(name, length)                                                                                        \
    static void name(const float *q, int64_t n, int64_t ld, int64_t len, float *acc, int64_t step)                     \
    {                                                                                                                  \
        (void)len;                                                                                                     \
        int64_t turns = ((length) + step - 1) / step;                                                                  \
        for (int64_t turn = 0; turn < turns; turn++) {                                                                 \
            for (int64_t j = turn; j < n; j += turns) {                                                                \
                const float *from = q + j * ld;                                                                        \
                float *to = acc + j * step;                                                                            \
                _Pragma("omp simd") for (int64_t t = 0; t < (length); t++)                                             \
                {                                                                                                      \
                    to[t] += from[t];                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
GAN__FOLD(fold_12, 12)
GAN__FOLD(fold_21, 21)
GAN__FOLD(fold_any, len)

/* acc[j * step + t] += q[j * ld + t], j < n, t < len. Lengths that images of 3 channels give are known to the
 * compiler: 4x4 and 7x7 kernels. */
static void fold(const float *q, int64_t n, int64_t ld, int64_t len, float *acc, int64_t step)
{
    (len == 12 ? fold_12 : len == 21 ? fold_21 : fold_any)(q, n, ld, len, acc, step);
}

/* In tiles, so that the lines read by columns stay in the first-level cache until they are used up. */
#define GAN__TILE 16
#define GAN__TRANSPOSE(type)                                                                                           \
    static void transpose_##type(const void *from, int64_t ldf, void *to, int64_t ldt, int64_t m, int64_t n)           \
    {                                                                                                                  \
        const type *x = from;                                                                                          \
        type *y = to;                                                                                                  \
        for (int64_t j0 = 0; j0 < n; j0 += GAN__TILE) {                                                                \
            int64_t j1 = j0 + GAN__TILE < n ? j0 + GAN__TILE : n;                                                      \
            for (int64_t i0 = 0; i0 < m; i0 += GAN__TILE) {                                                            \
                int64_t i1 = i0 + GAN__TILE < m ? i0 + GAN__TILE : m;                                                  \
                for (int64_t j = j0; j < j1; j++) {                                                                    \
                    for (int64_t i = i0; i < i1; i++)                                                                  \
                        y[j * ldt + i] = x[i * ldf + j];                                                               \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
GAN__TRANSPOSE(uint8_t)
GAN__TRANSPOSE(uint16_t)
GAN__TRANSPOSE(uint32_t)

void GAN__ISA_NAME(gan__isa_move)(gan__isa *t)
{
    t->scale_row = scale_row;
    t->add_scaled_row = add_scaled_row;
    t->fold = fold;
    t->transpose[0] = transpose_uint8_t;
    t->transpose[1] = transpose_uint16_t;
    t->transpose[2] = transpose_uint32_t;
}
