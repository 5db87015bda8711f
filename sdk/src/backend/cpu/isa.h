/*
 * isa.h - the serial inner loops of the CPU backend, one table per instruction set. Internal.
 *
 * isa/ *.c are compiled once for each of generic, avx2 and avx512 with GAN__ISA set to that word; gan__isa_select
 * picks a table at run time. The loops work on short contiguous runs of f32 that lie in the first-level cache or
 * stream through it; threads, strides and element types are the callers' business.
 */
#ifndef GAN__CPU_ISA_H
#define GAN__CPU_ISA_H

#include "backend/backend.h"
#include "backend/elementwise.h"

typedef void (*gan__map_kernel)(const float *a, const float *b, const float *c, const float *p, float *out, int64_t n);

/* How an activation acts inside a fused loop. */
typedef struct gan__isa_norm {
    int64_t period;            /* length of the per-channel vectors; element i uses entry i % period */
    const float *mean, *scale; /* apply: y = act((x - mean) scale + shift); gradient: xhat = (x - mean) scale */
    const float *shift;
    const float *k0, *k1, *k2; /* gradient: dx = k0 dy' - k1 - (x - mean) k2 */
    gan_activation activation;
} gan__isa_norm;

/* y = activation(x scale + noise strength + bias), rows of n channels; noise is one number for each row, or NULL. */
typedef struct gan__isa_scale {
    int64_t n;
    const float *scale, *strength, *bias, *noise;
    gan_activation activation;
} gan__isa_scale;

/* Its gradient, with g = dy activation'(y): dx = g scale, and added to what is there dbias[j] += g, dscale[j] += g x,
 * dstrength[j] += g noise; dots[r] = sum over j of g strength. */
typedef struct gan__isa_gradient {
    int64_t n;
    const void *x, *y, *dy; /* y is read if there is an activation */
    void *dx;
    const float *scale, *strength, *noise;
    float *dscale, *dbias, *dstrength, *dots; /* dots NULL: none */
    bool strengths;                           /* whether dstrength is asked for; then dots has to be there too */
    gan_activation activation;
} gan__isa_gradient;

typedef struct gan__isa_update {
    float lr, b1, b2, eps;
    float c1, c2; /* 1 - b1, 1 - b2 */
    float root;   /* 1 / sqrt(1 - b2^t) */
} gan__isa_update;

/* One tile of a Winograd convolution (winograd.h): a window of `image` [height, width, channels] whose first pixel is
 * (row, col), perhaps outside, channels [from, to); and its values at the points, `stride` elements from one to the
 * next. All are f32; in the schemes of bf16, pixels of x and y and the points that are gathered are bf16. */
typedef struct gan__isa_tile {
    void *image;
    int64_t height, width, channels;
    int64_t row, col, from, to;
    void *tile;
    int64_t stride;
    bool add; /* scatter to w: add to what is there */
} gan__isa_tile;

/* Taps along a row of pixels, see weighted_pixels. */
typedef struct gan__isa_pixels {
    const float *in, *w;
    float *out;
    int taps;
    int64_t in_step, tap, out_step;
    int64_t pixels, channels;
} gan__isa_pixels;

#define GAN__WINOGRAD_LANES 16 /* channels come in multiples of this */
enum {
    GAN__WINOGRAD_43,
    GAN__WINOGRAD_42,
    GAN__WINOGRAD_22,
    GAN__WINOGRAD_23_BF16,
    GAN__WINOGRAD_22_BF16,
    GAN__WINOGRAD_SCHEMES
};
enum { GAN__TILE_X, GAN__TILE_Y, GAN__TILE_W, GAN__TILE_KINDS };

typedef struct gan__isa {
    const char *name;
    gan__map_kernel map[GAN__MAP_COUNT];

    /* Conversions of n contiguous elements to f32 and back; indexed by gan_dtype. */
    void (*widen[4])(const void *from, float *to, int64_t n);
    void (*narrow[4])(const float *from, void *to, int64_t n);

    /* Reductions of one run, and of columns: acc[j] (+)= sum over rows of term(a[r * lda + j], b[r * ldb + j]). */
    double (*run[4])(const float *a, const float *b, int64_t n);
    void (*columns[4])(const float *a, int64_t lda, const float *b, int64_t ldb, int64_t rows, int64_t n, float *acc);

    /* Normalization, by element type (GAN_F32, GAN_BF16). moments joins `rows` rows of `period` values to the mean and
     * the sum of squared deviations of `before` earlier rows, column by column; scratch has 2 * period values. */
    void (*moments[2])(const void *x, int64_t rows, int64_t period, double before, float *scratch, double *mean,
                       double *m2);
    void (*norm_apply[2])(const gan__isa_norm *p, const void *x, void *y, int64_t n);
    /* dbeta[j] += dy', dgamma[j] += dy' xhat, with dy' = dy * activation'(y) */
    void (*norm_sums[2])(const gan__isa_norm *p, const void *x, const void *y, const void *dy, int64_t n, float *dgamma,
                         float *dbeta);
    void (*norm_gradient[2])(const gan__isa_norm *p, const void *x, const void *y, const void *dy, void *dx, int64_t n);

    /* x[r, j] = activation(x[r, j] + bias[j]), rows of n; bias may be NULL; by element type */
    void (*bias_act[2])(void *x, int64_t rows, int64_t n, const float *bias, gan_activation activation);

    /* Scaling by sample, by element type. */
    void (*scale_rows[2])(const gan__isa_scale *p, const void *x, void *y, int64_t rows);
    void (*scale_gradient[2])(const gan__isa_gradient *p, int64_t rows);

    void (*update[4])(const gan__isa_update *u, float *p, float *m, float *v, const float *g, int64_t n);

    /* 4 * blocks numbers; see gan__backend_ops.random. */
    void (*uniform)(uint64_t seed, uint64_t stream, uint64_t counter, float a, float b, int64_t blocks, float *out);
    void (*normal)(uint64_t seed, uint64_t stream, uint64_t counter, float a, float b, int64_t blocks, float *out);
    void (*integer)(uint64_t seed, uint64_t stream, uint64_t counter, uint32_t bound, int64_t blocks, int32_t *out);

    /* Rows of images: out[i] (+)= w * in[i] */
    void (*scale_row)(float w, const float *in, float *out, int64_t n);
    void (*add_scaled_row)(float w, const float *in, float *out, int64_t n);

    /* Pixels (zero where outside) to points; and back, x added (always in f32), y stored, outside not written. */
    void (*gather[GAN__WINOGRAD_SCHEMES][GAN__TILE_KINDS])(const gan__isa_tile *t);
    void (*scatter[GAN__WINOGRAD_SCHEMES][GAN__TILE_KINDS])(const gan__isa_tile *t);

    /* Filters, by element type of the input: out[i] = sum over k of w[k] * in[k][i], k < n. */
    void (*weighted_runs[2])(const void *const *in, const float *w, int n, float *out, int64_t count);
    /* The same for `pixels` runs of `channels`: out[j * out_step + i] = sum of w[k] * in[j * in_step + k * tap + i]. */
    void (*weighted_pixels)(const gan__isa_pixels *p);
    /* out[j * out_step + i] = in[j * in_step + i], j < pixels, i < channels, few channels */
    void (*copy_pixels)(const float *in, int64_t in_step, float *out, int64_t out_step, int64_t pixels,
                        int64_t channels);

    /* acc[j * step + t] += q[j * ld + t], j < n, t < len */
    void (*fold)(const float *q, int64_t n, int64_t ld, int64_t len, float *acc, int64_t step);

    /* to[j * ldt + i] = from[i * ldf + j], i < m, j < n, elements of 1, 2 or 4 bytes (index: log2 of the size) */
    void (*transpose[3])(const void *from, int64_t ldf, void *to, int64_t ldt, int64_t m, int64_t n);
} gan__isa;

#define GAN__ISA_PASTE(a, b)  a##_##b
#define GAN__ISA_PASTE2(a, b) GAN__ISA_PASTE(a, b)
/* name_generic, name_avx2 or name_avx512: inside isa/, the functions that cross files. */
#define GAN__ISA_NAME(name) GAN__ISA_PASTE2(name, GAN__ISA)

/* Each file of isa/ fills its part of a table. */
#define GAN__ISA_DECLARE(isa)                                                                                          \
    void gan__isa_map_##isa(gan__isa *t);                                                                              \
    void gan__isa_reduce_##isa(gan__isa *t);                                                                           \
    void gan__isa_norm_##isa(gan__isa *t);                                                                             \
    void gan__isa_update_##isa(gan__isa *t);                                                                           \
    void gan__isa_random_##isa(gan__isa *t);                                                                           \
    void gan__isa_move_##isa(gan__isa *t);                                                                             \
    void gan__isa_fir_##isa(gan__isa *t);                                                                              \
    void gan__isa_style_##isa(gan__isa *t);                                                                            \
    void gan__isa_winograd_##isa(gan__isa *t);

GAN__ISA_DECLARE(generic)
GAN__ISA_DECLARE(avx2)
GAN__ISA_DECLARE(avx512)

/* Fill `t` for the best instruction set of this machine, or the one that GAN_ISA names if it is lower. */
void gan__isa_select(gan__isa *t);

#endif
