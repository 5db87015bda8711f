/*
 * kernel.cuh - what kernels share: launching, loads and stores by type, reductions in a warp and a block, division.
 * Included by .cu files only; see cuda.h for the emulated build.
 */
#ifndef GAN__KERNEL_CUH
#define GAN__KERNEL_CUH

#include "cuda.h"

/* kernel<<<grid, block, shared bytes, the context's stream>>>(...), and its status. A kernel's name with template
 * arguments stands in parentheses: GAN__LAUNCH(cu, (copy<float, 4>), grid, block, 0, from, to). */
#ifdef GAN__EMULATED
#define GAN__LAUNCH(cu, kernel, grid, block, shared, ...)                                                              \
    (gan_emulated_launch(kernel, dim3(grid), dim3(block), (shared), (cu)->stream, __VA_ARGS__),                        \
     gan__cuda_launched((cu), #kernel))
/* Shared memory whose size the launch gives. */
#define GAN__DYNAMIC_SHARED(type, name) type *name = (type *)gan_emulated_dynamic_shared()
#else
#define GAN__LAUNCH(cu, kernel, grid, block, shared, ...)                                                              \
    (kernel<<<dim3(grid), dim3(block), (shared), (cu)->stream>>>(__VA_ARGS__), gan__cuda_launched((cu), #kernel))
#define GAN__DYNAMIC_SHARED(type, name)                                                                                \
    extern __shared__ __align__(16) unsigned char gan__dynamic_shared[];                                               \
    type *name = reinterpret_cast<type *>(gan__dynamic_shared)
#endif

#define GAN__WARP 32
#define GAN__FULL 0xffffffffu /* every lane of a warp */

typedef uint16_t gan__bf16;

/* ---- one element ---- */

static __device__ __forceinline__ float gan__load(const float *p)
{
    return *p;
}

static __device__ __forceinline__ float gan__load(const gan__bf16 *p)
{
    return gan__of_bf16(*p);
}

static __device__ __forceinline__ void gan__store(float *p, float x)
{
    *p = x;
}

static __device__ __forceinline__ void gan__store(gan__bf16 *p, float x)
{
    *p = gan__to_bf16(x);
}

/* ---- 16 bytes ---- */

/* As many elements of T as fit into 16 bytes, widened. `p` is aligned to 16 bytes. */
template <typename T> struct gan__pack16 {
    static const int width = 16 / (int)sizeof(T);
    float value[16 / sizeof(T)];
};

static __device__ __forceinline__ gan__pack16<float> gan__load16(const float *p)
{
    float4 q = *reinterpret_cast<const float4 *>(p);
    gan__pack16<float> x = {{q.x, q.y, q.z, q.w}};
    return x;
}

static __device__ __forceinline__ gan__pack16<gan__bf16> gan__load16(const gan__bf16 *p)
{
    uint4 q = *reinterpret_cast<const uint4 *>(p);
    gan__pack16<gan__bf16> x;
    const uint32_t words[4] = {q.x, q.y, q.z, q.w};
    for (int i = 0; i < 4; i++) {
        x.value[2 * i] = gan__of_bits(words[i] << 16);
        x.value[2 * i + 1] = gan__of_bits(words[i] & 0xffff0000u);
    }
    return x;
}

static __device__ __forceinline__ void gan__store16(float *p, const gan__pack16<float> &x)
{
    *reinterpret_cast<float4 *>(p) = make_float4(x.value[0], x.value[1], x.value[2], x.value[3]);
}

static __device__ __forceinline__ void gan__store16(gan__bf16 *p, const gan__pack16<gan__bf16> &x)
{
    uint32_t words[4];
    for (int i = 0; i < 4; i++)
        words[i] = (uint32_t)gan__to_bf16(x.value[2 * i]) | (uint32_t)gan__to_bf16(x.value[2 * i + 1]) << 16;
    *reinterpret_cast<uint4 *>(p) = make_uint4(words[0], words[1], words[2], words[3]);
}

/* ---- sums: the same order whenever they are taken ---- */

static __device__ __forceinline__ float gan__warp_sum(float x)
{
    for (int offset = GAN__WARP / 2; offset > 0; offset /= 2)
        x += __shfl_xor_sync(GAN__FULL, x, offset);
    return x;
}

static __device__ __forceinline__ float gan__warp_max(float x)
{
    for (int offset = GAN__WARP / 2; offset > 0; offset /= 2) {
        float other = __shfl_xor_sync(GAN__FULL, x, offset);
        x = (other > x) | (other != other) ? other : x;
    }
    return x;
}

/* Over a block of up to 1024 threads in one dimension, whole warps; every thread gets the sum. `scratch` is 32 floats
 * of shared memory, free again after the next barrier. */
static __device__ __forceinline__ float gan__block_sum(float x, float *scratch)
{
    int lane = (int)threadIdx.x % GAN__WARP, warp = (int)threadIdx.x / GAN__WARP, warps = (int)blockDim.x / GAN__WARP;
    x = gan__warp_sum(x);
    __syncthreads(); /* whoever read scratch before is done */
    if (lane == 0)
        scratch[warp] = x;
    __syncthreads();
    return gan__warp_sum(lane < warps ? scratch[lane] : 0.0f);
}

/* ---- division by a number that is known at the launch ---- */

/* Quotients of 32-bit numbers below 2^31 by one multiplication (Granlund and Montgomery, "Division by invariant
 * integers using multiplication", PLDI 1994). */
typedef struct gan__divisor {
    uint32_t value, multiplier, shift;
} gan__divisor;

static inline gan__divisor gan__divisor_of(uint32_t d)
{
    gan__divisor out = {d, 0, 0};
    while (out.shift < 32 && (1ull << out.shift) < d)
        out.shift++;
    out.multiplier = (uint32_t)(((1ull << 32) * ((1ull << out.shift) - d)) / d + 1);
    return out;
}

static __device__ __forceinline__ uint32_t gan__divide(uint32_t n, gan__divisor d)
{
    uint32_t high = (uint32_t)(((uint64_t)n * d.multiplier) >> 32);
    return (high + n) >> d.shift;
}

/* ---- grids ---- */

/* Blocks of `threads` for n elements of work each of `per_thread`, not more than a few for each multiprocessor: the
 * kernel's loop strides over the rest. */
static inline unsigned gan__grid_for(const gan__cuda *cu, int64_t n, int threads, int per_thread)
{
    int64_t each = (int64_t)threads * per_thread, blocks = (n + each - 1) / each;
    int64_t most = (int64_t)cu->properties.multiProcessorCount * (cu->properties.maxThreadsPerMultiProcessor / threads) * 4;
    return (unsigned)(blocks < 1 ? 1 : blocks > most ? most : blocks);
}

#endif
