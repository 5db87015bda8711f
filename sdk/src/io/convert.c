/*
 * convert.c - element types and layouts of safetensors files.
 */
#include "safetensors.h"

#include <string.h>

static const struct {
    const char *name;
    gan__file_dtype dtype;
    size_t size;
} dtypes[] = {
    {"F64", GAN__FILE_F64, 8},       {"F32", GAN__FILE_F32, 4},       {"F16", GAN__FILE_F16, 2},
    {"BF16", GAN__FILE_BF16, 2},     {"I32", GAN__FILE_I32, 4},       {"U8", GAN__FILE_U8, 1},
    {"I64", GAN__FILE_OTHER, 8},     {"U64", GAN__FILE_OTHER, 8},     {"U32", GAN__FILE_OTHER, 4},
    {"I16", GAN__FILE_OTHER, 2},     {"U16", GAN__FILE_OTHER, 2},     {"I8", GAN__FILE_OTHER, 1},
    {"BOOL", GAN__FILE_OTHER, 1},    {"F8_E5M2", GAN__FILE_OTHER, 1}, {"F8_E4M3", GAN__FILE_OTHER, 1},
    {"F8_E8M0", GAN__FILE_OTHER, 1}, {"C64", GAN__FILE_OTHER, 8},
};

#define DTYPES (sizeof dtypes / sizeof *dtypes)

gan__file_dtype gan__file_dtype_find(const char *name, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < DTYPES; i++) {
        if (strcmp(dtypes[i].name, name) == 0) {
            *size = dtypes[i].size;
            return dtypes[i].dtype;
        }
    }
    return GAN__FILE_OTHER;
}

const char *gan__file_dtype_name(gan__file_dtype dtype)
{
    for (size_t i = 0; i < DTYPES; i++)
        if (dtypes[i].dtype == dtype)
            return dtypes[i].name;
    return "";
}

gan__file_dtype gan__file_dtype_of(gan_dtype dtype)
{
    switch (dtype) {
    case GAN_F32:
        return GAN__FILE_F32;
    case GAN_BF16:
        return GAN__FILE_BF16;
    case GAN_I32:
        return GAN__FILE_I32;
    case GAN_U8:
        return GAN__FILE_U8;
    }
    return GAN__FILE_OTHER;
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15) and 10 fraction bits. */
static float widen_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = (half >> 10) & 0x1f, fraction = half & 0x3ff;
    if (exponent == 0) { /* zero and subnormals: fraction 2^-24 */
        float value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    if (exponent == 31) /* infinity and NaN */
        return float_of_bits(sign | 0x7f800000u | fraction << 13);
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

void gan__file_widen(gan__file_dtype from, const void *in, float *out, size_t count)
{
    const unsigned char *bytes = in;
    if (from == GAN__FILE_F32) {
        if (count)
            memcpy(out, in, count * sizeof *out);
    } else if (from == GAN__FILE_F64) {
        for (size_t i = 0; i < count; i++) {
            double value;
            memcpy(&value, bytes + i * sizeof value, sizeof value);
            out[i] = (float)value;
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            uint16_t bits;
            memcpy(&bits, bytes + i * sizeof bits, sizeof bits);
            out[i] = from == GAN__FILE_F16 ? widen_half(bits) : float_of_bits((uint32_t)bits << 16);
        }
    }
}

void gan__file_narrow(const float *in, uint16_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &in[i], sizeof bits);
        if ((bits & 0x7fffffffu) > 0x7f800000u) /* NaN stays one, whatever rounding would do to it */
            out[i] = (uint16_t)(bits >> 16 | 0x40);
        else
            out[i] = (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
    }
}

gan_shape gan__file_shape(gan_shape memory, gan_layout layout)
{
    if (layout != GAN_LAYOUT_CONV_WEIGHT || memory.ndim != 4)
        return memory;
    const int64_t *d = memory.dim;
    return GAN_SHAPE(d[0], d[3], d[1], d[2]);
}

void gan__file_permute(const void *in, void *out, int64_t a, int64_t p, int64_t b, size_t element)
{
    const char *from = in;
    for (int64_t i = 0; i < a; i++)
        for (int64_t j = 0; j < p; j++)
            for (int64_t k = 0; k < b; k++, from += element)
                memcpy((char *)out + (size_t)((i * b + k) * p + j) * element, from, element);
}
