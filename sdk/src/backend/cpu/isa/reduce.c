/*
 * Sums of one run and of columns.
 *
 * A run is summed in blocks of at most GAN__RUN_BLOCK values: f32 in 64 lanes, at most 32 additions deep, then in
 * double. So the error does not grow with the count in practice. Column sums are plain f32: callers keep `rows`
 * short and add up blocks in double.
 */
#include "../isa.h"

#define GAN__LANES     64
#define GAN__RUN_BLOCK (32 * GAN__LANES)

/* The sum of n lanes, in a tree: short chains of additions. */
static double fold(float *lane, int n)
{
    for (; n > 16; n /= 2) {
#pragma omp simd
        for (int j = 0; j < n / 2; j++)
            lane[j] += lane[j + n / 2];
    }
    double wide[8];
    for (int j = 0; j < 8; j++)
        wide[j] = (double)lane[j] + (double)lane[j + 8];
    return ((wide[0] + wide[4]) + (wide[1] + wide[5])) + ((wide[2] + wide[6]) + (wide[3] + wide[7]));
}

#define GAN__RUN(name, term)                                                                                           \
    static double run_##name(const float *pa, const float *pb, int64_t n)                                              \
    {                                                                                                                  \
        (void)pb;                                                                                                      \
        double total = 0.0;                                                                                            \
        int64_t i = 0;                                                                                                 \
        while (n - i >= GAN__LANES) {                                                                                  \
            int64_t end = i + (n - i < GAN__RUN_BLOCK ? (n - i) / GAN__LANES * GAN__LANES : GAN__RUN_BLOCK);           \
            float lane[GAN__LANES] = {0.0f};                                                                           \
            for (; i < end; i += GAN__LANES) {                                                                         \
                _Pragma("omp simd") for (int j = 0; j < GAN__LANES; j++)                                               \
                {                                                                                                      \
                    GAN__TERM_##name(i + j) lane[j] += (term);                                                         \
                }                                                                                                      \
            }                                                                                                          \
            total += fold(lane, GAN__LANES);                                                                           \
        }                                                                                                              \
        float rest[16] = {0.0f};                                                                                       \
        for (; n - i >= 16; i += 16) {                                                                                 \
            _Pragma("omp simd") for (int j = 0; j < 16; j++)                                                           \
            {                                                                                                          \
                GAN__TERM_##name(i + j) rest[j] += (term);                                                             \
            }                                                                                                          \
        }                                                                                                              \
        for (int j = 0; i < n; i++, j++) {                                                                             \
            GAN__TERM_##name(i) rest[j] += (term);                                                                     \
        }                                                                                                              \
        return total + fold(rest, 16);                                                                                 \
    }

#define GAN__TERM_sum(index)   const float a = pa[index];
#define GAN__TERM_sumsq(index) const float a = pa[index];
#define GAN__TERM_dot(index)   const float a = pa[index], b = pb[index];
GAN__RUN(sum, a)
GAN__RUN(sumsq, a *a)
GAN__RUN(dot, a *b)

#define GAN__LARGER(a, b) ((((a) > (b)) | ((a) != (a))) ? (a) : (b))

static double run_max(const float *a, const float *b, int64_t n)
{
    (void)b;
    float lane[GAN__LANES];
    for (int j = 0; j < GAN__LANES; j++)
        lane[j] = -INFINITY;
    int64_t i = 0;
    for (; i + GAN__LANES <= n; i += GAN__LANES) {
#pragma omp simd
        for (int j = 0; j < GAN__LANES; j++)
            lane[j] = GAN__LARGER(a[i + j], lane[j]);
    }
    float most = -INFINITY;
    for (int j = 0; j < GAN__LANES; j++)
        most = GAN__LARGER(lane[j], most);
    for (; i < n; i++)
        most = GAN__LARGER(a[i], most);
    return (double)most;
}

/* Four rows at a time: a quarter of the traffic on acc, and shorter chains of additions. */
#define GAN__COLUMNS(name, term)                                                                                       \
    static void columns_##name(const float *pa, int64_t lda, const float *pb, int64_t ldb, int64_t rows, int64_t n,    \
                               float *acc)                                                                             \
    {                                                                                                                  \
        (void)pb, (void)ldb;                                                                                           \
        int64_t r = 0;                                                                                                 \
        for (; r + 4 <= rows; r += 4) {                                                                                \
            const float *a0 = pa + r * lda, *a1 = a0 + lda, *a2 = a1 + lda, *a3 = a2 + lda;                            \
            GAN__COLUMN_ROWS_##name _Pragma("omp simd") for (int64_t j = 0; j < n; j++)                                \
            {                                                                                                          \
                acc[j] += (term(0, j) + term(1, j)) + (term(2, j) + term(3, j));                                       \
            }                                                                                                          \
        }                                                                                                              \
        for (; r < rows; r++) {                                                                                        \
            const float *a0 = pa + r * lda;                                                                            \
            GAN__COLUMN_ROW_##name _Pragma("omp simd") for (int64_t j = 0; j < n; j++)                                 \
            {                                                                                                          \
                acc[j] += term(0, j);                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }

#define GAN__COLUMN_ROWS_sum
#define GAN__COLUMN_ROW_sum
#define GAN__COLUMN_ROWS_sumsq
#define GAN__COLUMN_ROW_sumsq
#define GAN__COLUMN_ROWS_dot    const float *b0 = pb + r * ldb, *b1 = b0 + ldb, *b2 = b1 + ldb, *b3 = b2 + ldb;
#define GAN__COLUMN_ROW_dot     const float *b0 = pb + r * ldb;
#define GAN__COLUMN_SUM(k, j)   a##k[j]
#define GAN__COLUMN_SUMSQ(k, j) a##k[j] * a##k[j]
#define GAN__COLUMN_DOT(k, j)   a##k[j] * b##k[j]
GAN__COLUMNS(sum, GAN__COLUMN_SUM)
GAN__COLUMNS(sumsq, GAN__COLUMN_SUMSQ)
GAN__COLUMNS(dot, GAN__COLUMN_DOT)

static void columns_max(const float *a, int64_t lda, const float *b, int64_t ldb, int64_t rows, int64_t n, float *acc)
{
    (void)b, (void)ldb;
    for (int64_t r = 0; r < rows; r++, a += lda) {
#pragma omp simd
        for (int64_t j = 0; j < n; j++)
            acc[j] = GAN__LARGER(a[j], acc[j]);
    }
}

void GAN__ISA_NAME(gan__isa_reduce)(gan__isa *t)
{
    t->run[GAN__REDUCE_SUM] = run_sum;
    t->run[GAN__REDUCE_SUMSQ] = run_sumsq;
    t->run[GAN__REDUCE_DOT] = run_dot;
    t->run[GAN__REDUCE_MAX] = run_max;
    t->columns[GAN__REDUCE_SUM] = columns_sum;
    t->columns[GAN__REDUCE_SUMSQ] = columns_sumsq;
    t->columns[GAN__REDUCE_DOT] = columns_dot;
    t->columns[GAN__REDUCE_MAX] = columns_max;
}
