/*
 * norm.cuh - what the normalization kernels get, and joining a block's results.
 * Included by norm.cu only, which tells how the kernels see their data.
 */
#ifndef GAN__NORM_CUH
#define GAN__NORM_CUH

#include "share.cuh"

#define GAN__SMALL_THREADS 512 /* of a block that does all */

typedef struct problem {
    matrix m;
    float eps, count; /* of values of a channel */
    bool affine_each;
    gan_activation activation;
    const void *x, *y, *dy;
    void *out; /* y, or dx */
    const float *gamma, *beta;
    float *mean, *rstd, *dgamma, *dbeta;
    float *part; /* [G, parts, 2, C] */
    float *sums; /* [G, 2, C]: of dy' xhat and of dy' */
} problem;

static __device__ __forceinline__ int64_t channel(const matrix &m, const share &s, int w)
{
    return m.merged ? 0 : s.column + w;
}

/* Where gamma and beta of the thread's w-th column lie. */
static __device__ __forceinline__ int64_t affine_at(const problem &a, const share &s, int w)
{
    return (a.affine_each ? s.group * a.m.channels : 0) + channel(a.m, s, w);
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
