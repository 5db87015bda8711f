/*
 * norm.cuh - what a thread of the normalization kernels knows of its share, activations, and joining a block's results.
 * Included by norm.cu only, which tells how the kernels see their data.
 */
#ifndef GAN__NORM_CUH
#define GAN__NORM_CUH

#include "lanes.cuh"

#define GAN__SMALL_THREADS 512 /* of a block that does all */
#define GAN__THREADS       256
#define GAN__LONG          512 /* rows of a thread at most, where it can be chosen: the length of chains of additions */

typedef struct matrix {
    int64_t groups, rows, columns, channels;
    bool merged; /* the columns are one channel */
    /* the division among blocks */
    int across;
    int64_t tiles, parts, per_part, tasks;
} matrix;

typedef struct problem {
    matrix m;
    float eps, count; /* of values of a channel */
    gan_activation activation;
    const void *x, *y, *dy;
    void *out; /* y, or dx */
    const float *gamma, *beta;
    float *mean, *rstd, *dgamma, *dbeta;
    float *part; /* [G, parts, 2, C] */
    float *sums; /* [G, 2, C]: of dy' xhat and of dy' */
} problem;

/* One thread's share of a task. */
typedef struct share {
    int64_t group, part, column; /* column: the first one, perhaps none of the matrix */
    int64_t begin, end;          /* rows of the part */
    int x, y, down;
    bool inside;
} share;

static __device__ __forceinline__ share share_of(const matrix &m, int64_t task, int width)
{
    share s;
    int64_t slice = task / m.tiles;
    s.x = (int)threadIdx.x % m.across;
    s.y = (int)threadIdx.x / m.across;
    s.down = (int)blockDim.x / m.across;
    s.group = slice / m.parts;
    s.part = slice - s.group * m.parts;
    s.column = ((task - slice * m.tiles) * m.across + s.x) * width;
    s.inside = s.column < m.columns;
    s.begin = s.part * m.per_part;
    s.end = m.rows - s.begin < m.per_part ? m.rows : s.begin + m.per_part;
    return s;
}

/* Where row `row` of the thread's columns lies. */
static __device__ __forceinline__ int64_t element(const matrix &m, const share &s, int64_t row)
{
    return (s.group * m.rows + row) * m.columns + s.column;
}

static __device__ __forceinline__ int64_t channel(const matrix &m, const share &s, int w)
{
    return m.merged ? 0 : s.column + w;
}

/* ---- activations ---- */

template <int W> static __device__ __forceinline__ void activate(const gan_activation &act, gan__lanes<W> *v)
{
    switch (act.kind) {
    case GAN_LINEAR:
        break;
    case GAN_RELU:
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            v->value[w] = gan__reluf(v->value[w]);
        break;
    case GAN_LEAKY_RELU:
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            v->value[w] = gan__leakyf(v->value[w], act.slope);
        break;
    case GAN_TANH:
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            v->value[w] = gan__tanhf(v->value[w]);
        break;
    case GAN_SIGMOID:
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            v->value[w] = gan__sigmoidf(v->value[w]);
        break;
    }
}

/* g activation', by the result y. */
static __device__ __forceinline__ float before_activation(const gan_activation &act, float g, float y)
{
    switch (act.kind) {
    case GAN_RELU:
        return y > 0.0f ? g : 0.0f;
    case GAN_LEAKY_RELU:
        return y > 0.0f ? g : g * act.slope;
    case GAN_TANH:
        return g * (1.0f - y * y);
    case GAN_SIGMOID:
        return g * y * (1.0f - y);
    default:
        return g;
    }
}

/* ---- pairs of sums, joined over a block ---- */

/* Mean and sum of squared deviations, of n values. */
struct moments {
    static __device__ __forceinline__ void join(float *a, float *b, float *n, float other_a, float other_b,
                                                float other_n)
    {
        float all = *n + other_n, share = all > 0.0f ? other_n / all : 0.0f, delta = other_a - *a;
        *a += delta * share;
        *b += other_b + delta * delta * (*n * share);
        *n = all;
    }
};

struct plain_sums {
    static __device__ __forceinline__ void join(float *a, float *b, float *, float other_a, float other_b, float)
    {
        *a += other_a;
        *b += other_b;
    }
};

template <int W> struct pairs {
    float a[W], b[W], n; /* n: values in each */
};

template <typename Join, int W> static __device__ __forceinline__ void join_lanes(pairs<W> *p, int offset)
{
    float n = __shfl_xor_sync(GAN__FULL, p->n, offset), all = p->n;
    GAN__UNROLL
    for (int w = 0; w < W; w++) {
        float a = __shfl_xor_sync(GAN__FULL, p->a[w], offset), b = __shfl_xor_sync(GAN__FULL, p->b[w], offset);
        all = p->n;
        Join::join(&p->a[w], &p->b[w], &all, a, b, n);
    }
    p->n += n;
}

/* Over the threads of a block that have the same columns, and all W columns of `merged` ones; every thread gets the
 * result. `scratch` has floats for every warp and for one more: 2 W across + 1 of each. */
template <typename Join, int W>
static __device__ __forceinline__ void join_block(pairs<W> *p, const share &s, const matrix &m, float *scratch)
{
    if (m.merged) {
        float n = p->n;
        GAN__UNROLL
        for (int w = 1; w < W; w++)
            Join::join(&p->a[0], &p->b[0], &p->n, p->a[w], p->b[w], n);
    }
    for (int offset = GAN__WARP / 2; offset >= m.across; offset /= 2)
        join_lanes<Join, W>(p, offset);
    const int warps = (int)blockDim.x / GAN__WARP, each = 2 * W * m.across + 1;
    if (warps > 1) {
        const int lane = (int)threadIdx.x % GAN__WARP;
        float *mine = scratch + (int)threadIdx.x / GAN__WARP * each;
        __syncthreads(); /* whoever read scratch before is done */
        if (lane < m.across) {
            GAN__UNROLL
            for (int w = 0; w < W; w++) {
                mine[w * m.across + lane] = p->a[w];
                mine[(W + w) * m.across + lane] = p->b[w];
            }
            if (lane == 0)
                mine[2 * W * m.across] = p->n;
        }
        __syncthreads();
        float *all = scratch + warps * each;
        for (int j = (int)threadIdx.x; j < W * m.across; j += (int)blockDim.x) {
            float a = scratch[j], b = scratch[W * m.across + j], n = scratch[2 * W * m.across];
            for (int warp = 1; warp < warps; warp++) {
                const float *other = scratch + warp * each;
                Join::join(&a, &b, &n, other[j], other[W * m.across + j], other[2 * W * m.across]);
            }
            all[j] = a;
            all[W * m.across + j] = b;
        }
        __syncthreads();
        GAN__UNROLL
        for (int w = 0; w < W; w++) {
            p->a[w] = all[w * m.across + s.x];
            p->b[w] = all[(W + w) * m.across + s.x];
        }
    } else { /* lanes have joined in different orders: take those of the first */
        GAN__UNROLL
        for (int w = 0; w < W; w++) {
            p->a[w] = __shfl_sync(GAN__FULL, p->a[w], s.x);
            p->b[w] = __shfl_sync(GAN__FULL, p->b[w], s.x);
        }
    }
    if (m.merged) {
        GAN__UNROLL
        for (int w = 1; w < W; w++) {
            p->a[w] = p->a[0];
            p->b[w] = p->b[0];
        }
    }
}

#endif
