/*
 * lanes.cuh - what reductions and normalization share: neighbouring elements by one access, powers of two, grids.
 * Included by .cu files only.
 */
#ifndef GAN__LANES_CUH
#define GAN__LANES_CUH

#include "kernel.cuh"

/* Before a loop over a thread's own array: unless it is unrolled the array lies in memory. */
#ifdef GAN__EMULATED
#define GAN__UNROLL
#else
#define GAN__UNROLL _Pragma("unroll")
#endif

/* W neighbouring elements, widened. Loaded and stored by one access, to which the address is aligned: W is 1 or fills
 * 16 bytes, or is 4 for bf16 that goes along with f32. */
template <int W> struct gan__lanes {
    float value[W];
};

static __device__ __forceinline__ void gan__load_lanes(const float *p, gan__lanes<1> *x)
{
    x->value[0] = *p;
}

static __device__ __forceinline__ void gan__load_lanes(const gan__bf16 *p, gan__lanes<1> *x)
{
    x->value[0] = gan__load(p);
}

static __device__ __forceinline__ void gan__load_lanes(const float *p, gan__lanes<4> *x)
{
    float4 q = *reinterpret_cast<const float4 *>(p);
    x->value[0] = q.x, x->value[1] = q.y, x->value[2] = q.z, x->value[3] = q.w;
}

static __device__ __forceinline__ void gan__load_lanes(const gan__bf16 *p, gan__lanes<4> *x)
{
    uint2 q = *reinterpret_cast<const uint2 *>(p);
    x->value[0] = gan__of_bits(q.x << 16), x->value[1] = gan__of_bits(q.x & 0xffff0000u);
    x->value[2] = gan__of_bits(q.y << 16), x->value[3] = gan__of_bits(q.y & 0xffff0000u);
}

static __device__ __forceinline__ void gan__load_lanes(const gan__bf16 *p, gan__lanes<8> *x)
{
    gan__pack16<gan__bf16> pack = gan__load16(p);
    for (int w = 0; w < 8; w++)
        x->value[w] = pack.value[w];
}

static __device__ __forceinline__ void gan__store_lanes(float *p, const gan__lanes<1> &x)
{
    *p = x.value[0];
}

static __device__ __forceinline__ void gan__store_lanes(gan__bf16 *p, const gan__lanes<1> &x)
{
    gan__store(p, x.value[0]);
}

static __device__ __forceinline__ void gan__store_lanes(float *p, const gan__lanes<4> &x)
{
    *reinterpret_cast<float4 *>(p) = make_float4(x.value[0], x.value[1], x.value[2], x.value[3]);
}

static __device__ __forceinline__ void gan__store_lanes(gan__bf16 *p, const gan__lanes<8> &x)
{
    gan__pack16<gan__bf16> pack;
    for (int w = 0; w < 8; w++)
        pack.value[w] = x.value[w];
    gan__store16(p, pack);
}

/* Blocks that are in flight together on a large device: a constant, so that the order of sums, and with it every bit
 * of them, is the same on all devices. */
#define GAN__FULL_GRID 1024
/* Blocks of one launch; kernels loop over what is more. */
#define GAN__MOST_BLOCKS (1 << 20)

static inline unsigned gan__grid_of(int64_t tasks)
{
    return (unsigned)(tasks < GAN__MOST_BLOCKS ? tasks : GAN__MOST_BLOCKS);
}

static inline int64_t gan__ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* The least power of two that is not below n, but `most` (a power of two) at most. */
static inline int gan__power_of_two(int64_t n, int most)
{
    int p = 1;
    while (p < n && p < most)
        p *= 2;
    return p;
}

static inline bool gan__aligned(const void *p, size_t bytes)
{
    return (uintptr_t)p % bytes == 0;
}

#endif
