/*
 * map.cuh - what the files behind gan__cuda_map share: map.cu chooses, map_flat.cu and map_strided.cu compute, move.cu
 * moves bits.
 */
#ifndef GAN__MAP_CUH
#define GAN__MAP_CUH

#include "kernel.cuh"
#include "backend/walk.h"

#define GAN__MAP_THREADS 256

/* Before a loop whose arrays are to lie in registers. */
#ifdef GAN__EMULATED
#define GAN__UNROLL
#else
#define GAN__UNROLL _Pragma("unroll")
#endif

/* ---- the functions of GAN__MAP_OPS: gan__map_ADD::at(a, b, c, p) ---- */

#define GAN__MAP_FUNCTION(name, arity, formula)                                                                        \
    struct gan__map_##name {                                                                                           \
        static const int inputs = arity;                                                                               \
        static __device__ __forceinline__ float at(float a, float b, float c, const float *p)                          \
        {                                                                                                              \
            (void)a, (void)b, (void)c, (void)p;                                                                        \
            return formula;                                                                                            \
        }                                                                                                              \
    };
GAN__MAP_OPS(GAN__MAP_FUNCTION)
#undef GAN__MAP_FUNCTION

/* ---- one element of any type ---- */

static __device__ __forceinline__ float gan__load_any(const void *data, gan_dtype dtype, int64_t i)
{
    switch (dtype) {
    case GAN_F32:
        return static_cast<const float *>(data)[i];
    case GAN_BF16:
        return gan__of_bf16(static_cast<const gan__bf16 *>(data)[i]);
    case GAN_I32:
        return (float)static_cast<const int32_t *>(data)[i];
    default:
        return (float)static_cast<const uint8_t *>(data)[i];
    }
}

static __device__ __forceinline__ void gan__store_any(void *data, gan_dtype dtype, int64_t i, float x)
{
    switch (dtype) {
    case GAN_F32:
        static_cast<float *>(data)[i] = x;
        break;
    case GAN_BF16:
        static_cast<gan__bf16 *>(data)[i] = gan__to_bf16(x);
        break;
    case GAN_I32:
        static_cast<int32_t *>(data)[i] = gan__to_i32(x);
        break;
    default:
        static_cast<uint8_t *>(data)[i] = gan__to_u8(x);
    }
}

/* ---- calls ---- */

/* out[i] = f(in[0][i], ...), i < n: all dense, of one type, aligned to 16 bytes; or an input that is one element of any
 * type. */
typedef struct gan__map_flat {
    const void *in[3];
    void *out;
    int64_t n;
    gan_dtype dtype[3];
    bool scalar[3];
    float p[4];
} gan__map_flat;

/* Strided arrays, the output last, in units of `width` elements along the last dimension. With width 4 an array is
 * contiguous along it and aligned to 4 elements, or has one value there (`repeats`). Offsets are in elements. */
typedef struct gan__map_strided {
    int ndim;
    uint32_t n; /* units: the product of the dimensions */
    gan__divisor dim[GAN_MAX_DIMS];
    int64_t stride[GAN__WALK_ARRAYS][GAN_MAX_DIMS];
    void *data[GAN__WALK_ARRAYS];
    gan_dtype dtype[GAN__WALK_ARRAYS];
    bool repeats[GAN__WALK_ARRAYS];
    float p[4];
} gan__map_strided;

/* The offset in array k of unit `index`. */
static __device__ __forceinline__ void gan__map_locate(const gan__map_strided &x, int arrays, uint32_t index,
                                                       int64_t *offset)
{
    for (int d = x.ndim - 1; d > 0; d--) {
        uint32_t rest = gan__divide(index, x.dim[d]), at = index - rest * x.dim[d].value;
        GAN__UNROLL
        for (int k = 0; k < arrays; k++)
            offset[k] += (int64_t)at * x.stride[k][d];
        index = rest;
    }
    GAN__UNROLL
    for (int k = 0; k < arrays; k++)
        offset[k] += (int64_t)index * x.stride[k][0];
}

/* Units that one launch takes: their numbers are divided in 32 bits (gan__divide). */
#define GAN__MAP_UNITS 0x7fffffff

gan_status gan__map_launch_flat(gan__cuda *cu, gan__map_op op, gan_dtype dtype, const gan__map_flat *x);
gan_status gan__map_launch_strided(gan__cuda *cu, gan__map_op op, int width, const gan__map_strided *x);

/* move.cu: the output is the input's bits; equal types. */
gan_status gan__cuda_move(gan__cuda *cu, const gan__walk *w);

/* map.cu: make a call of a walk of at most GAN__MAP_UNITS units of `width` elements. */
gan__map_strided gan__map_strided_of(const gan__walk *w, int width);
/* The dimension to halve when a walk has more; -1 when it has not. */
int gan__map_to_split(const gan__walk *w, int width);
/* The entries [begin, end) of dimension d. */
gan__walk gan__walk_part(const gan__walk *w, int d, int64_t begin, int64_t end);

#endif
