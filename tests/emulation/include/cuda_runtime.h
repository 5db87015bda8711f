/*
 * cuda_runtime.h - CUDA's language on the host, for tests without a device: qualifiers, vector types and, in C++, what
 * kernels call. ../emulation.h says how kernels run.
 */
#ifndef GAN_EMULATED_CUDA_RUNTIME_H
#define GAN_EMULATED_CUDA_RUNTIME_H

#include "cuda_runtime_api.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
/* Blocks run one after another, so one copy is enough. */
#define __shared__ static

#define GAN_EMULATED_VECTORS(type, name)                                                                               \
    typedef struct name##1                                                                                             \
    {                                                                                                                  \
        type x;                                                                                                        \
    }                                                                                                                  \
    name##1;                                                                                                           \
    typedef struct __attribute__((aligned(2 * sizeof(type)))) name##2                                                  \
    {                                                                                                                  \
        type x, y;                                                                                                     \
    }                                                                                                                  \
    name##2;                                                                                                           \
    typedef struct name##3                                                                                             \
    {                                                                                                                  \
        type x, y, z;                                                                                                  \
    }                                                                                                                  \
    name##3;                                                                                                           \
    typedef struct __attribute__((aligned(sizeof(type) < 8 ? 4 * sizeof(type) : 16))) name##4                          \
    {                                                                                                                  \
        type x, y, z, w;                                                                                               \
    }                                                                                                                  \
    name##4;                                                                                                           \
    static inline name##2 make_##name##2(type x, type y)                                                               \
    {                                                                                                                  \
        name##2 v = {x, y};                                                                                            \
        return v;                                                                                                      \
    }                                                                                                                  \
    static inline name##3 make_##name##3(type x, type y, type z)                                                       \
    {                                                                                                                  \
        name##3 v = {x, y, z};                                                                                         \
        return v;                                                                                                      \
    }                                                                                                                  \
    static inline name##4 make_##name##4(type x, type y, type z, type w)                                               \
    {                                                                                                                  \
        name##4 v = {x, y, z, w};                                                                                      \
        return v;                                                                                                      \
    }

GAN_EMULATED_VECTORS(signed char, char)
GAN_EMULATED_VECTORS(unsigned char, uchar)
GAN_EMULATED_VECTORS(short, short)
GAN_EMULATED_VECTORS(unsigned short, ushort)
GAN_EMULATED_VECTORS(int, int)
GAN_EMULATED_VECTORS(unsigned int, uint)
GAN_EMULATED_VECTORS(long long, longlong)
GAN_EMULATED_VECTORS(unsigned long long, ulonglong)
GAN_EMULATED_VECTORS(float, float)
GAN_EMULATED_VECTORS(double, double)

typedef struct dim3 {
    unsigned int x, y, z;
#ifdef __cplusplus
    constexpr dim3(unsigned int x_ = 1, unsigned int y_ = 1, unsigned int z_ = 1) : x(x_), y(y_), z(z_) {}
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
    constexpr operator uint3() const
    {
        return uint3{x, y, z};
    }
#endif
} dim3;

#ifdef __cplusplus
#include "../emulation.h"
#endif
#endif
