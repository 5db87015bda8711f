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

/* Blocks of 4 by 4 in vectors, eight columns of the input at a time: their lines and those of the eight rows that they
 * become stay in the first-level cache until they are used up. */
#define GAN__TRANSPOSE(type)                                                                                           \
    typedef type type##_4 __attribute__((vector_size(4 * sizeof(type))));                                              \
                                                                                                                       \
    static void block_##type(const type *x, int64_t ldf, type *y, int64_t ldt)                                         \
    {                                                                                                                  \
        type##_4 row[4], half[4];                                                                                      \
        for (int i = 0; i < 4; i++)                                                                                    \
            memcpy(&row[i], x + i * ldf, sizeof row[i]);                                                               \
        half[0] = __builtin_shufflevector(row[0], row[2], 0, 4, 1, 5);                                                 \
        half[1] = __builtin_shufflevector(row[1], row[3], 0, 4, 1, 5);                                                 \
        half[2] = __builtin_shufflevector(row[0], row[2], 2, 6, 3, 7);                                                 \
        half[3] = __builtin_shufflevector(row[1], row[3], 2, 6, 3, 7);                                                 \
        for (int i = 0; i < 4; i += 2) {                                                                               \
            row[i] = __builtin_shufflevector(half[i], half[i + 1], 0, 4, 1, 5);                                        \
            row[i + 1] = __builtin_shufflevector(half[i], half[i + 1], 2, 6, 3, 7);                                    \
        }                                                                                                              \
        for (int i = 0; i < 4; i++)                                                                                    \
            memcpy(y + i * ldt, &row[i], sizeof row[i]);                                                               \
    }                                                                                                                  \
                                                                                                                       \
    static void transpose_##type(const void *from, int64_t ldf, void *to, int64_t ldt, int64_t m, int64_t n)           \
    {                                                                                                                  \
        const type *x = from;                                                                                          \
        type *y = to;                                                                                                  \
        int64_t whole_m = m / 4 * 4, whole_n = n / 4 * 4;                                                              \
        for (int64_t j0 = 0; j0 < whole_n; j0 += 8) {                                                                  \
            for (int64_t i = 0; i < whole_m; i += 4) {                                                                 \
                for (int64_t j = j0; j < j0 + 8 && j < whole_n; j += 4)                                                \
                    block_##type(x + i * ldf + j, ldf, y + j * ldt + i, ldt);                                          \
            }                                                                                                          \
        }                                                                                                              \
        for (int64_t j = 0; j < n; j++) {                                                                              \
            for (int64_t i = j < whole_n ? whole_m : 0; i < m; i++)                                                    \
                y[j * ldt + i] = x[i * ldf + j];                                                                       \
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
