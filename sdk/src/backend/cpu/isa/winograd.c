/*
 * Winograd tiles: from pixels to the points of winograd.h and back, 16 channels at a time.
 *
 * Each scheme is three matrices, written out as functions of one line of a tile (stride s in, t out):
 *     C^T  x_in      C    x_out      windows of x, and back by adding where they overlap
 *     A    y_in      A^T  y_out      tiles of y
 *     G    w_in      G^T  w_out      taps of w
 * They follow from the points at which the polynomials are taken (Toom-Cook): A and G hold their powers, C
 * interpolates; columns of C are scaled to small integers, rows of G by the inverse. A two-dimensional transform is the
 * same function on columns and then on rows.
 */
#include "../isa.h"

typedef float vec __attribute__((vector_size(64), may_alias));
typedef uint32_t word __attribute__((vector_size(64)));
/* in memory, anywhere */
typedef float vec_at __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t half_at __attribute__((vector_size(32), aligned(2), may_alias));

enum { LANES = GAN__WINOGRAD_LANES };

/* Loops over a tile are unrolled with AVX-512, where its values then stay in registers; elsewhere a vector takes
 * several registers, and the code for plain SSE2 would take a third of a megabyte. */
#if defined(__AVX512F__)
#define ROLLED
#elif defined(__clang__)
#define ROLLED _Pragma("clang loop unroll(disable)")
#else
#define ROLLED _Pragma("GCC unroll 1")
#endif

#define INLINE static inline __attribute__((always_inline))

/* Channels from and to memory, where they are f32 or, if `half`, bf16 (rounded to nearest even). */
INLINE void load(vec *to, const void *from, bool half)
{
    *to = half ? (vec)(__builtin_convertvector(*(const half_at *)from, word) << 16) : (vec) * (const vec_at *)from;
}

INLINE void store(void *to, const vec *from, bool half)
{
    if (!half) {
        *(vec_at *)to = *from;
        return;
    }
    word bits = (word)*from, rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    word nan = (word)(*from != *from);
    rounded = (nan & (bits >> 16 | 0x40)) | (~nan & rounded);
    *(half_at *)to = __builtin_convertvector(rounded, half_at);
}

/* ---- F(2, 2): points 0, 1, infinity ---- */

INLINE void x_in_22(const vec *d, int s, vec *v, int t)
{
    v[0] = d[0] - d[s];
    v[t] = d[s];
    v[2 * t] = d[2 * s] - d[s];
}

INLINE void x_out_22(const vec *v, int s, vec *d, int t)
{
    d[0] = v[0];
    d[t] = v[s] - v[0] - v[2 * s];
    d[2 * t] = v[2 * s];
}

INLINE void y_in_22(const vec *y, int s, vec *z, int t)
{
    z[0] = y[0];
    z[t] = y[0] + y[s];
    z[2 * t] = y[s];
}

INLINE void y_out_22(const vec *z, int s, vec *y, int t)
{
    y[0] = z[0] + z[s];
    y[t] = z[s] + z[2 * s];
}

#define w_in_22  y_in_22
#define w_out_22 y_out_22

/* ---- F(2, 3): points 0, 1, -1, infinity ---- */

INLINE void x_in_23(const vec *d, int s, vec *v, int t)
{
    v[0] = d[0] - d[2 * s];
    v[t] = d[s] + d[2 * s];
    v[2 * t] = d[2 * s] - d[s];
    v[3 * t] = d[3 * s] - d[s];
}

INLINE void x_out_23(const vec *v, int s, vec *d, int t)
{
    d[0] = v[0];
    d[t] = v[s] - v[2 * s] - v[3 * s];
    d[2 * t] = v[s] + v[2 * s] - v[0];
    d[3 * t] = v[3 * s];
}

INLINE void y_in_23(const vec *y, int s, vec *z, int t)
{
    z[0] = y[0];
    z[t] = y[0] + y[s];
    z[2 * t] = y[0] - y[s];
    z[3 * t] = y[s];
}

INLINE void y_out_23(const vec *z, int s, vec *y, int t)
{
    y[0] = z[0] + z[s] + z[2 * s];
    y[t] = z[s] - z[2 * s] + z[3 * s];
}

INLINE void w_in_23(const vec *g, int s, vec *u, int t)
{
    vec even = 0.5f * (g[0] + g[2 * s]), odd = 0.5f * g[s];
    u[0] = g[0];
    u[t] = even + odd;
    u[2 * t] = even - odd;
    u[3 * t] = g[2 * s];
}

INLINE void w_out_23(const vec *u, int s, vec *g, int t)
{
    vec even = 0.5f * (u[s] + u[2 * s]);
    g[0] = u[0] + even;
    g[t] = 0.5f * (u[s] - u[2 * s]);
    g[2 * t] = even + u[3 * s];
}

/* ---- F(4, 2): points 0, 1, -1, 2, infinity ---- */

INLINE void x_in_42(const vec *d, int s, vec *v, int t)
{
    v[0] = 2 * (d[0] - d[2 * s]) - (d[s] - d[3 * s]);
    v[t] = 2 * d[s] + d[2 * s] - d[3 * s];
    v[2 * t] = 3 * d[2 * s] - 2 * d[s] - d[3 * s];
    v[3 * t] = d[3 * s] - d[s];
    v[4 * t] = 2 * (d[s] - d[3 * s]) - (d[2 * s] - d[4 * s]);
}

INLINE void x_out_42(const vec *v, int s, vec *d, int t)
{
    d[0] = 2 * v[0];
    d[t] = 2 * (v[s] - v[2 * s] + v[4 * s]) - v[0] - v[3 * s];
    d[2 * t] = v[s] - 2 * v[0] + 3 * v[2 * s] - v[4 * s];
    d[3 * t] = v[0] - v[s] - v[2 * s] + v[3 * s] - 2 * v[4 * s];
    d[4 * t] = v[4 * s];
}

INLINE void y_in_42(const vec *y, int s, vec *z, int t)
{
    vec even = y[0] + y[2 * s], odd = y[s] + y[3 * s];
    z[0] = y[0];
    z[t] = even + odd;
    z[2 * t] = even - odd;
    z[3 * t] = y[0] + 2 * y[s] + 4 * y[2 * s] + 8 * y[3 * s];
    z[4 * t] = y[3 * s];
}

INLINE void y_out_42(const vec *z, int s, vec *y, int t)
{
    vec sum = z[s] + z[2 * s], difference = z[s] - z[2 * s];
    y[0] = z[0] + sum + z[3 * s];
    y[t] = difference + 2 * z[3 * s];
    y[2 * t] = sum + 4 * z[3 * s];
    y[3 * t] = difference + 8 * z[3 * s] + z[4 * s];
}

INLINE void w_in_42(const vec *g, int s, vec *u, int t)
{
    u[0] = 0.5f * g[0];
    u[t] = 0.5f * (g[0] + g[s]);
    u[2 * t] = (1.0f / 6) * (g[0] - g[s]);
    u[3 * t] = (1.0f / 6) * g[0] + (1.0f / 3) * g[s];
    u[4 * t] = g[s];
}

INLINE void w_out_42(const vec *u, int s, vec *g, int t)
{
    g[0] = 0.5f * (u[0] + u[s]) + (1.0f / 6) * (u[2 * s] + u[3 * s]);
    g[t] = 0.5f * u[s] - (1.0f / 6) * u[2 * s] + (1.0f / 3) * u[3 * s] + u[4 * s];
}

/* ---- F(4, 3): points 0, 1, -1, 2, -1/2, infinity; the reciprocal pair halves the error of 0, 1, -1, 2, -2 ---- */

INLINE void x_in_43(const vec *d, int s, vec *v, int t)
{
    vec odd = d[s] - d[3 * s], even = d[2 * s] - d[4 * s];
    v[0] = 2 * (d[0] + d[4 * s]) + 3 * odd - 4 * d[2 * s];
    v[t] = 2 * (d[s] - d[4 * s]) + 5 * d[2 * s] + d[3 * s];
    v[2 * t] = 2 * (d[s] + d[4 * s]) + d[2 * s] - 5 * d[3 * s];
    v[3 * t] = -odd - 2 * even;
    v[4 * t] = even - 2 * odd;
    v[5 * t] = 2 * (d[s] + d[5 * s]) + 3 * even - 4 * d[3 * s];
}

INLINE void x_out_43(const vec *v, int s, vec *d, int t)
{
    d[0] = 2 * v[0];
    d[t] = 3 * v[0] + 2 * (v[s] + v[2 * s] - v[4 * s] + v[5 * s]) - v[3 * s];
    d[2 * t] = 5 * v[s] - 4 * v[0] + v[2 * s] - 2 * v[3 * s] + v[4 * s] + 3 * v[5 * s];
    d[3 * t] = v[s] - 3 * v[0] - 5 * v[2 * s] + v[3 * s] + 2 * v[4 * s] - 4 * v[5 * s];
    d[4 * t] = 2 * (v[0] - v[s] + v[2 * s] + v[3 * s]) - v[4 * s] - 3 * v[5 * s];
    d[5 * t] = 2 * v[5 * s];
}

INLINE void y_in_43(const vec *y, int s, vec *z, int t)
{
    vec even = y[0] + y[2 * s], odd = y[s] + y[3 * s];
    z[0] = y[0];
    z[t] = even + odd;
    z[2 * t] = even - odd;
    z[3 * t] = y[0] + 2 * y[s] + 4 * y[2 * s] + 8 * y[3 * s];
    z[4 * t] = y[0] - 0.5f * y[s] + 0.25f * y[2 * s] - 0.125f * y[3 * s];
    z[5 * t] = y[3 * s];
}

INLINE void y_out_43(const vec *z, int s, vec *y, int t)
{
    vec sum = z[s] + z[2 * s], difference = z[s] - z[2 * s];
    y[0] = z[0] + sum + z[3 * s] + z[4 * s];
    y[t] = difference + 2 * z[3 * s] - 0.5f * z[4 * s];
    y[2 * t] = sum + 4 * z[3 * s] + 0.25f * z[4 * s];
    y[3 * t] = difference + 8 * z[3 * s] - 0.125f * z[4 * s] + z[5 * s];
}

INLINE void w_in_43(const vec *g, int s, vec *u, int t)
{
    vec even = g[0] + g[2 * s];
    u[0] = 0.5f * g[0];
    u[t] = (1.0f / 6) * (even + g[s]);
    u[2 * t] = (1.0f / 6) * (even - g[s]);
    u[3 * t] = (1.0f / 30) * (g[0] + 2 * g[s] + 4 * g[2 * s]);
    u[4 * t] = (4.0f / 15) * (4 * g[0] - 2 * g[s] + g[2 * s]);
    u[5 * t] = 0.5f * g[2 * s];
}

INLINE void w_out_43(const vec *u, int s, vec *g, int t)
{
    vec sum = (1.0f / 6) * (u[s] + u[2 * s]);
    g[0] = 0.5f * u[0] + sum + (1.0f / 30) * u[3 * s] + (16.0f / 15) * u[4 * s];
    g[t] = (1.0f / 6) * (u[s] - u[2 * s]) + (1.0f / 15) * u[3 * s] - (8.0f / 15) * u[4 * s];
    g[2 * t] = sum + (2.0f / 15) * u[3 * s] + (4.0f / 15) * u[4 * s] + 0.5f * u[5 * s];
}

/* ---- tiles ---- */

static const vec outside; /* zero */

/* Pixels of a window of side x side, `step` apart, to points x points; from elements of `in_size` bytes to `out_size`.
 */
#define GATHER(name, transform, side, points, step, in_size, out_size)                                                 \
    static void name(const gan__isa_tile *t)                                                                           \
    {                                                                                                                  \
        vec in[side * side], mid[points * side], out[points * points];                                                 \
        for (int64_t c = t->from; c < t->to; c += LANES) {                                                             \
            for (int phase = 0; phase < step * step; phase++) {                                                        \
                ROLLED for (int i = 0; i < side; i++)                                                                  \
                {                                                                                                      \
                    int64_t row = t->row + step * i + phase / step, col = t->col + phase % step;                       \
                    bool in_rows = row >= 0 && row < t->height;                                                        \
                    const char *from = (char *)t->image + ((row * t->width + col) * t->channels + c) * in_size;        \
                    ROLLED for (int j = 0; j < side; j++, col += step, from += step * t->channels * in_size)           \
                    {                                                                                                  \
                        const void *pixel = in_rows && col >= 0 && col < t->width ? (void *)from : (void *)&outside;   \
                        load(&in[i * side + j], pixel, in_size == 2);                                                  \
                    }                                                                                                  \
                }                                                                                                      \
                ROLLED for (int j = 0; j < side; j++) transform(in + j, side, mid + j, side);                          \
                ROLLED for (int i = 0; i < points; i++) transform(mid + i * side, 1, out + i * points, 1);             \
                char *to = (char *)t->tile + (phase * t->channels + c) * out_size;                                     \
                ROLLED for (int i = 0; i < points * points; i++, to += t->stride * out_size)                           \
                    store(to, &out[i], out_size == 2);                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    }

/* The way back, from f32: stores the pixels, or adds to them. Pixels outside are left out. */
#define SCATTER(name, transform, side, points, step, add, out_size)                                                    \
    static void name(const gan__isa_tile *t)                                                                           \
    {                                                                                                                  \
        vec in[points * points], mid[side * points], out[side * side];                                                 \
        for (int64_t c = t->from; c < t->to; c += LANES) {                                                             \
            for (int phase = 0; phase < step * step; phase++) {                                                        \
                const float *from = (const float *)t->tile + phase * t->channels + c;                                  \
                ROLLED for (int i = 0; i < points * points; i++, from += t->stride) load(&in[i], from, false);         \
                ROLLED for (int j = 0; j < points; j++) transform(in + j, points, mid + j, points);                    \
                ROLLED for (int i = 0; i < side; i++) transform(mid + i * points, 1, out + i * side, 1);               \
                ROLLED for (int i = 0; i < side * side; i++)                                                           \
                {                                                                                                      \
                    int64_t row = t->row + step * (i / side) + phase / step;                                           \
                    int64_t col = t->col + step * (i % side) + phase % step;                                           \
                    if (row < 0 || row >= t->height || col < 0 || col >= t->width)                                     \
                        continue;                                                                                      \
                    char *pixel = (char *)t->image + ((row * t->width + col) * t->channels + c) * out_size;            \
                    if (add) {                                                                                         \
                        vec before;                                                                                    \
                        load(&before, pixel, out_size == 2);                                                           \
                        out[i] += before;                                                                              \
                    }                                                                                                  \
                    store(pixel, &out[i], out_size == 2);                                                              \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

/* m outputs, r taps, T = m + r - 1 points, phases of x and w `step` apart; pixels and points of f32 */
#define SCHEME(id, m, r, T, step)                                                                                      \
    GATHER(gather_x_##id, x_in_##id, T, T, step, 4, 4)                                                                 \
    GATHER(gather_y_##id, y_in_##id, m, T, 1, 4, 4)                                                                    \
    GATHER(gather_w_##id, w_in_##id, r, T, step, 4, 4)                                                                 \
    SCATTER(scatter_x_##id, x_out_##id, T, T, step, true, 4)                                                           \
    SCATTER(scatter_y_##id, y_out_##id, m, T, 1, false, 4)                                                             \
    SCATTER(scatter_w_##id, w_out_##id, r, T, step, t->add, 4)

/* The same where x and y, and what is multiplied, are bf16; x is added up in f32. */
#define SCHEME_BF16(id, m, r, T, step)                                                                                 \
    GATHER(gather_x_##id, x_in_##id, T, T, step, 2, 2)                                                                 \
    GATHER(gather_y_##id, y_in_##id, m, T, 1, 2, 2)                                                                    \
    GATHER(gather_w_##id, w_in_##id, r, T, step, 4, 2)                                                                 \
    SCATTER(scatter_x_##id, x_out_##id, T, T, step, true, 4)                                                           \
    SCATTER(scatter_y_##id, y_out_##id, m, T, 1, false, 2)                                                             \
    SCATTER(scatter_w_##id, w_out_##id, r, T, step, t->add, 4)

SCHEME(43, 4, 3, 6, 1)
SCHEME(42, 4, 2, 5, 2)
SCHEME(22, 2, 2, 3, 2)
SCHEME_BF16(23, 2, 3, 4, 1)

#define x_in_22h  x_in_22
#define x_out_22h x_out_22
#define y_in_22h  y_in_22
#define y_out_22h y_out_22
#define w_in_22h  w_in_22
#define w_out_22h w_out_22
SCHEME_BF16(22h, 2, 2, 3, 2)

#define FILL(t, scheme, id)                                                                                            \
    ((t)->gather[scheme][GAN__TILE_X] = gather_x_##id, (t)->gather[scheme][GAN__TILE_Y] = gather_y_##id,               \
     (t)->gather[scheme][GAN__TILE_W] = gather_w_##id, (t)->scatter[scheme][GAN__TILE_X] = scatter_x_##id,             \
     (t)->scatter[scheme][GAN__TILE_Y] = scatter_y_##id, (t)->scatter[scheme][GAN__TILE_W] = scatter_w_##id)

void GAN__ISA_NAME(gan__isa_winograd)(gan__isa *t)
{
    FILL(t, GAN__WINOGRAD_43, 43);
    FILL(t, GAN__WINOGRAD_42, 42);
    FILL(t, GAN__WINOGRAD_22, 22);
    FILL(t, GAN__WINOGRAD_23_BF16, 23);
    FILL(t, GAN__WINOGRAD_22_BF16, 22h);
}
