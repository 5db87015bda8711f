/*
 * Element-wise loops, one per row of GAN__MAP_OPS, and conversions between f32 and the other element types.
 *
 * `omp simd` states what the callers guarantee: out overlaps an input only where it is the same run.
 */
#include "../isa.h"

#define GAN__LOAD_0
#define GAN__LOAD_1 const float a = pa[i];
#define GAN__LOAD_2 GAN__LOAD_1 const float b = pb[i];
#define GAN__LOAD_3 GAN__LOAD_2 const float c = pc[i];

#define GAN__LOOP(name, arity, formula)                                                                                \
    static void map_##name(const float *pa, const float *pb, const float *pc, const float *constants, float *out,      \
                           int64_t n)                                                                                  \
    {                                                                                                                  \
        const float p[2] = {constants[0], constants[1]};                                                               \
        (void)pa, (void)pb, (void)pc, (void)p;                                                                         \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++)                                                            \
        {                                                                                                              \
            GAN__LOAD_##arity out[i] = (formula);                                                                      \
        }                                                                                                              \
    }
GAN__MAP_OPS(GAN__LOOP)

static void widen_f32(const void *from, float *to, int64_t n)
{
    memcpy(to, from, (size_t)n * sizeof *to);
}

static void widen_bf16(const void *from, float *to, int64_t n)
{
    const uint16_t *x = from;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] = gan__of_bf16(x[i]);
}

static void widen_i32(const void *from, float *to, int64_t n)
{
    const int32_t *x = from;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] = (float)x[i];
}

static void widen_u8(const void *from, float *to, int64_t n)
{
    const uint8_t *x = from;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] = (float)x[i];
}

static void narrow_f32(const float *from, void *to, int64_t n)
{
    memcpy(to, from, (size_t)n * sizeof *from);
}

static void narrow_bf16(const float *from, void *to, int64_t n)
{
    uint16_t *y = to;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = gan__to_bf16(from[i]);
}

static void narrow_i32(const float *from, void *to, int64_t n)
{
    int32_t *y = to;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = gan__to_i32(from[i]);
}

static void narrow_u8(const float *from, void *to, int64_t n)
{
    uint8_t *y = to;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = gan__to_u8(from[i]);
}

void GAN__ISA_NAME(gan__isa_map)(gan__isa *t)
{
#define GAN__ENTRY(name, arity, formula) t->map[GAN__MAP_##name] = map_##name;
    GAN__MAP_OPS(GAN__ENTRY)
#undef GAN__ENTRY
    t->widen[GAN_F32] = widen_f32;
    t->widen[GAN_BF16] = widen_bf16;
    t->widen[GAN_I32] = widen_i32;
    t->widen[GAN_U8] = widen_u8;
    t->narrow[GAN_F32] = narrow_f32;
    t->narrow[GAN_BF16] = narrow_bf16;
    t->narrow[GAN_I32] = narrow_i32;
    t->narrow[GAN_U8] = narrow_u8;
}
