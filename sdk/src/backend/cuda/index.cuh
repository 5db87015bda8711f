/*
 * index.cuh - taking the position of an element apart, for kernels whose threads own single elements of images.
 *
 * Most indices are below 2^31 and are divided by a multiplication; the others, of very large tensors, by the 64-bit
 * division, which costs some hundred instructions. Which of them it is is the same for the whole launch.
 */
#ifndef GAN__INDEX_CUH
#define GAN__INDEX_CUH

#include "kernel.cuh"

typedef struct gan__extent {
    int64_t value;
    gan__divisor fast;
    bool wide;
} gan__extent;

/* To divide numbers up to `most` by. */
static inline gan__extent gan__extent_of(int64_t value, int64_t most)
{
    gan__extent out = {value, {1, 1, 0}, value > INT32_MAX || most > INT32_MAX};
    if (!out.wide)
        out.fast = gan__divisor_of((uint32_t)value);
    return out;
}

/* The quotient; what is left goes to *rest. */
static __device__ __forceinline__ int64_t gan__split(int64_t index, const gan__extent &by, int64_t *rest)
{
    int64_t quotient = by.wide ? index / by.value : (int64_t)gan__divide((uint32_t)index, by.fast);
    *rest = index - quotient * by.value;
    return quotient;
}

#endif
