/*
 * intrinsics.h - the functions that kernels may call beside those of <math.h>: barriers, shuffles, atomics, bits.
 * Included by cuda_runtime.h, in C++ only.
 */
#ifndef GAN_EMULATED_INTRINSICS_H
#define GAN_EMULATED_INTRINSICS_H

#include <math.h>
#include <string.h>

/* ---- barriers, shuffles, votes ---- */

#define GAN_EMULATED_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

static inline void __syncthreads(GAN_EMULATED_HERE)
{
    gan_emulated_barrier(file, line);
}

static inline void __syncwarp(unsigned mask = 0xffffffffu, GAN_EMULATED_HERE)
{
    gan_emulated_warp(GAN_EMULATED_SYNC, mask, 0, 0, GAN_EMULATED_WARP, nullptr, file, line);
}

template <typename T>
static inline T gan_emulated_shuffle(gan_emulated_exchange exchange, unsigned mask, T value, int operand, int width,
                                     const char *file, int line)
{
    static_assert(sizeof(T) <= sizeof(uint64_t), "shuffles move up to 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = gan_emulated_warp(exchange, mask, bits, operand, width, nullptr, file, line);
    memcpy(&value, &bits, sizeof value);
    return value;
}

template <typename T>
static inline T __shfl_sync(unsigned mask, T value, int lane, int width = GAN_EMULATED_WARP, GAN_EMULATED_HERE)
{
    return gan_emulated_shuffle(GAN_EMULATED_INDEX, mask, value, lane, width, file, line);
}

template <typename T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = GAN_EMULATED_WARP, GAN_EMULATED_HERE)
{
    return gan_emulated_shuffle(GAN_EMULATED_UP, mask, value, (int)delta, width, file, line);
}

template <typename T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = GAN_EMULATED_WARP,
                                 GAN_EMULATED_HERE)
{
    return gan_emulated_shuffle(GAN_EMULATED_DOWN, mask, value, (int)delta, width, file, line);
}

template <typename T>
static inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = GAN_EMULATED_WARP, GAN_EMULATED_HERE)
{
    return gan_emulated_shuffle(GAN_EMULATED_XOR, mask, value, lanes, width, file, line);
}

static inline unsigned __ballot_sync(unsigned mask, int predicate, GAN_EMULATED_HERE)
{
    return (unsigned)gan_emulated_warp(GAN_EMULATED_BALLOT, mask, predicate != 0, 0, GAN_EMULATED_WARP, nullptr, file,
                                       line);
}

static inline int __any_sync(unsigned mask, int predicate, GAN_EMULATED_HERE)
{
    return __ballot_sync(mask, predicate, file, line) != 0;
}

static inline int __all_sync(unsigned mask, int predicate, GAN_EMULATED_HERE)
{
    unsigned lanes = 0;
    return gan_emulated_warp(GAN_EMULATED_BALLOT, mask, predicate != 0, 0, GAN_EMULATED_WARP, &lanes, file, line) ==
           lanes;
}

/* ---- atomics: relaxed, as the device's ---- */

template <typename T> struct gan_emulated_integer {
    static_assert(std::is_integral<T>::value && sizeof(T) >= 4, "sums of floats depend on the order of the threads");
    typedef T type;
};

template <typename T> static inline T atomicAdd(T *address, typename gan_emulated_integer<T>::type value)
{
    return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}

template <typename T> static inline T atomicSub(T *address, typename gan_emulated_integer<T>::type value)
{
    return __atomic_fetch_sub(address, value, __ATOMIC_RELAXED);
}

template <typename T> static inline T atomicOr(T *address, typename gan_emulated_integer<T>::type value)
{
    return __atomic_fetch_or(address, value, __ATOMIC_RELAXED);
}

template <typename T> static inline T atomicAnd(T *address, typename gan_emulated_integer<T>::type value)
{
    return __atomic_fetch_and(address, value, __ATOMIC_RELAXED);
}

template <typename T> static inline T atomicExch(T *address, typename gan_emulated_integer<T>::type value)
{
    return __atomic_exchange_n(address, value, __ATOMIC_RELAXED);
}

template <typename T>
static inline T atomicCAS(T *address, typename gan_emulated_integer<T>::type compare,
                          typename gan_emulated_integer<T>::type value)
{
    T expected = compare;
    __atomic_compare_exchange_n(address, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return expected;
}

template <typename T> static inline T atomicMax(T *address, typename gan_emulated_integer<T>::type value)
{
    T old = __atomic_load_n(address, __ATOMIC_RELAXED);
    while (old < value && !__atomic_compare_exchange_n(address, &old, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
    return old;
}

template <typename T> static inline T atomicMin(T *address, typename gan_emulated_integer<T>::type value)
{
    T old = __atomic_load_n(address, __ATOMIC_RELAXED);
    while (value < old && !__atomic_compare_exchange_n(address, &old, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
    return old;
}

/* One thread runs at a time, and each keeps its order. */
static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}

/* ---- bits ---- */

template <typename To, typename From> static inline To gan_emulated_as(From from)
{
    static_assert(sizeof(To) == sizeof(From), "the same bits");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}

static inline unsigned __float_as_uint(float x)
{
    return gan_emulated_as<unsigned>(x);
}

static inline int __float_as_int(float x)
{
    return gan_emulated_as<int>(x);
}

static inline float __uint_as_float(unsigned x)
{
    return gan_emulated_as<float>(x);
}

static inline float __int_as_float(int x)
{
    return gan_emulated_as<float>(x);
}

static inline long long __double_as_longlong(double x)
{
    return gan_emulated_as<long long>(x);
}

static inline double __longlong_as_double(long long x)
{
    return gan_emulated_as<double>(x);
}

static inline unsigned __umulhi(unsigned a, unsigned b)
{
    return (unsigned)(((unsigned long long)a * b) >> 32);
}

static inline int __mulhi(int a, int b)
{
    return (int)(((long long)a * b) >> 32);
}

static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}

static inline int __popc(unsigned x)
{
    return __builtin_popcount(x);
}

static inline int __popcll(unsigned long long x)
{
    return __builtin_popcountll(x);
}

static inline int __clz(int x)
{
    return x ? __builtin_clz((unsigned)x) : 32;
}

static inline int __clzll(long long x)
{
    return x ? __builtin_clzll((unsigned long long)x) : 64;
}

static inline int __ffs(int x)
{
    return __builtin_ffs(x);
}

template <typename T> static inline T __ldg(const T *address)
{
    return *address;
}

/* ---- arithmetic ---- */

#define GAN_EMULATED_MIN_MAX(type)                                                                                     \
    static inline type min(type a, type b)                                                                             \
    {                                                                                                                  \
        return b < a ? b : a;                                                                                          \
    }                                                                                                                  \
    static inline type max(type a, type b)                                                                             \
    {                                                                                                                  \
        return a < b ? b : a;                                                                                          \
    }
GAN_EMULATED_MIN_MAX(int)
GAN_EMULATED_MIN_MAX(unsigned)
GAN_EMULATED_MIN_MAX(long)
GAN_EMULATED_MIN_MAX(unsigned long)
GAN_EMULATED_MIN_MAX(long long)
GAN_EMULATED_MIN_MAX(unsigned long long)

/* Of a number and a NaN, the number. */
static inline float min(float a, float b)
{
    return fminf(a, b);
}

static inline float max(float a, float b)
{
    return fmaxf(a, b);
}

static inline double min(double a, double b)
{
    return fmin(a, b);
}

static inline double max(double a, double b)
{
    return fmax(a, b);
}

static inline float rsqrtf(float x)
{
    return 1.0f / sqrtf(x);
}

static inline float __fdividef(float a, float b)
{
    return a / b;
}

static inline float __fmaf_rn(float a, float b, float c)
{
    return fmaf(a, b, c);
}

static inline float __fadd_rn(float a, float b)
{
    return a + b;
}

static inline float __fmul_rn(float a, float b)
{
    return a * b;
}

static inline float __saturatef(float x)
{
    return x > 0.0f ? fminf(x, 1.0f) : 0.0f;
}

static inline void sincospif(float x, float *sine, float *cosine)
{
    *sine = (float)sin(M_PI * (double)x);
    *cosine = (float)cos(M_PI * (double)x);
}

#endif
