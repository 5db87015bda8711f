/*
 * backend_cases.h - for tests that call a backend's kernels directly: contexts for each instruction set and thread
 * count, random arrays, and access to any element as a double. The references are naive loops in double precision.
 */
#ifndef TEST_BACKEND_CASES_H
#define TEST_BACKEND_CASES_H

#include "../support.h"
#include "core/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VARIANTS 6 /* generic, AVX2, AVX-512 with one and with two threads */

static gan_context *ctx;
static gan__backend *be;
static uint64_t state;

/* Open the context of variant `i`; false if this machine does not have the instructions. */
static inline bool open_variant(int i)
{
    static const char *const name[] = {"generic", "avx2", "avx512"}, *const shown[] = {"generic", "AVX2", "AVX-512"};
    static const char *const dnnl[] = {"SSE41", "AVX2", "ALL"}; /* what oneDNN may use: it asks once per process */
    setenv("GAN_ISA", name[i / 2], 1);
    setenv("ONEDNN_MAX_CPU_ISA", dnnl[i / 2], 1);
    gan_context_options options = {.struct_size = sizeof options, .device = "cpu", .threads = i % 2 + 1};
    gan_message message;
    ck_assert_msg(gan_context_create(&options, &ctx, &message) == GAN_OK, "%s", message.text);
    be = ctx->backend;
    state = 88172645463325252u;
    if (strstr(be->description, shown[i / 2]))
        return true;
    gan_context_destroy(ctx);
    return false;
}

static inline void close_variant(void)
{
    gan_context_destroy(ctx);
}

static inline uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static inline int64_t pick(int64_t low, int64_t high) /* both included */
{
    return low + (int64_t)(next_random() % (uint64_t)(high - low + 1));
}

static inline double unit(void)
{
    return (double)(next_random() >> 11) * 0x1p-53;
}

static inline size_t size_of(gan_dtype dtype)
{
    return gan_dtype_size(dtype);
}

static inline double get(const void *data, gan_dtype dtype, int64_t i)
{
    switch (dtype) {
    case GAN_F32:
        return (double)((const float *)data)[i];
    case GAN_BF16: {
        uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
        float x;
        memcpy(&x, &bits, sizeof x);
        return (double)x;
    }
    case GAN_I32:
        return (double)((const int32_t *)data)[i];
    default:
        return (double)((const uint8_t *)data)[i];
    }
}

static inline void put(void *data, gan_dtype dtype, int64_t i, double value)
{
    float x = (float)value;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    switch (dtype) {
    case GAN_F32:
        ((float *)data)[i] = x;
        break;
    case GAN_BF16: /* exact for the short numbers that the tests use; rounded to even otherwise */
        ((uint16_t *)data)[i] = (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
        break;
    case GAN_I32:
        ((int32_t *)data)[i] = (int32_t)lrint(value);
        break;
    default:
        ((uint8_t *)data)[i] = (uint8_t)lrint(value);
    }
}

/* A buffer of n elements, random in [-2, 2] (integers: [0, 200]); freed by the caller. */
static inline void *random_buffer(gan_dtype dtype, int64_t n)
{
    void *data = aligned_alloc(64, ((size_t)n * size_of(dtype) + 127) / 64 * 64);
    ck_assert_ptr_nonnull(data);
    for (int64_t i = 0; i < n; i++)
        put(data, dtype, i, dtype == GAN_F32 || dtype == GAN_BF16 ? 4.0 * unit() - 2.0 : (double)pick(0, 200));
    return data;
}

static inline gan__array dense(void *data, gan_dtype dtype, int ndim, const int64_t *dim)
{
    gan__array a = {.data = data, .dtype = dtype, .ndim = ndim};
    int64_t stride = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        a.dim[i] = dim[i];
        a.stride[i] = stride;
        stride *= dim[i];
    }
    return a;
}

#define DENSE(data, dtype, ...)                                                                                        \
    dense((data), (dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static inline int64_t count_of(const gan__array *a)
{
    int64_t n = 1;
    for (int i = 0; i < a->ndim; i++)
        n *= a->dim[i];
    return n;
}

/* The offset of element `index` in row-major order of the dimensions. */
static inline int64_t offset_of(const gan__array *a, int64_t index)
{
    int64_t offset = 0;
    for (int i = a->ndim - 1; i >= 0; i--) {
        offset += index % a->dim[i] * a->stride[i];
        index /= a->dim[i];
    }
    return offset;
}

static inline double at(const gan__array *a, int64_t index)
{
    return get(a->data, a->dtype, offset_of(a, index));
}

/* A view of random layout: dimensions in any order in memory, gaps between rows, offset, some repeated (stride 0). */
static inline gan__array random_view(gan_dtype dtype, int ndim, const int64_t *dim, bool may_repeat, void **buffer)
{
    gan__array a = {.dtype = dtype, .ndim = ndim};
    int order[GAN_MAX_DIMS];
    for (int i = 0; i < ndim; i++) {
        order[i] = i;
        a.dim[i] = dim[i];
    }
    bool shuffled = pick(0, 2) == 0;
    for (int i = ndim - 1; i > 0 && shuffled; i--) {
        int j = (int)pick(0, i), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    int64_t stride = pick(0, 4) == 0 ? 2 : 1;
    for (int i = ndim - 1; i >= 0; i--) {
        bool repeated = may_repeat && pick(0, 3) == 0;
        a.stride[order[i]] = repeated ? 0 : stride;
        if (!repeated)
            stride *= dim[order[i]] + (pick(0, 3) == 0);
    }
    int64_t offset = pick(0, 3);
    *buffer = random_buffer(dtype, stride + offset + 1);
    a.data = (char *)*buffer + (size_t)offset * size_of(dtype);
    return a;
}

static inline double activate(gan_activation a, double x)
{
    switch (a.kind) {
    case GAN_RELU:
        return x < 0 ? 0 : x;
    case GAN_LEAKY_RELU:
        return x < 0 ? x * (double)a.slope : x;
    case GAN_TANH:
        return tanh(x);
    case GAN_SIGMOID:
        return 1 / (1 + exp(-x));
    default:
        return x;
    }
}

/* activation'(x), from the result y */
static inline double slope_of(gan_activation a, double y)
{
    switch (a.kind) {
    case GAN_RELU:
        return y > 0 ? 1 : 0;
    case GAN_LEAKY_RELU:
        return y > 0 ? 1 : (double)a.slope;
    case GAN_TANH:
        return 1 - y * y;
    case GAN_SIGMOID:
        return y * (1 - y);
    default:
        return 1;
    }
}

static inline gan_activation random_activation(void)
{
    return (gan_activation){(gan_activation_kind)pick(0, 4), 0.2f};
}

#define ASSERT_NEAR(got, want, tolerance, ...)                                                                         \
    do {                                                                                                               \
        double got_ = (got), want_ = (want);                                                                           \
        if (!(fabs(got_ - want_) <= (tolerance)) && !(isnan(got_) && isnan(want_)) && got_ != want_)                   \
            ck_abort_msg(__VA_ARGS__, got_, want_);                                                                    \
    } while (0)

#endif
