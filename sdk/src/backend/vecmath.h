/*
 * vecmath.h - the elementary functions behind elementwise.h, for C loops and CUDA kernels alike. Internal.
 *
 * Each is a polynomial or rational form without branches or tables, so that a loop over it vectorises; the
 * coefficients are our own Chebyshev interpolations. Errors are a few units in the last place over the whole range;
 * infinities, NaN and subnormal arguments behave as in <math.h>. tests/unit/test_backend_cpu.c states the bounds.
 *
 * The functions need IEEE arithmetic: never compile them with -ffast-math.
 */
#ifndef GAN__VECMATH_H
#define GAN__VECMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define GAN__MATH static __host__ __device__ __forceinline__
#else
#define GAN__MATH static inline __attribute__((always_inline, unused))
#endif

GAN__MATH uint32_t gan__bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

GAN__MATH float gan__of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

GAN__MATH float gan__of_bf16(uint16_t x)
{
    return gan__of_bits((uint32_t)x << 16);
}

/* Round to nearest even by adding half of the last kept place, less one where that place is even. A NaN would be
 * carried into the exponent by that, so it is cut and made quiet instead. */
GAN__MATH uint16_t gan__to_bf16(float x)
{
    uint32_t bits = gan__bits_of(x);
    uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    uint32_t quiet = (bits >> 16) | 0x40u;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

/* Rounded to nearest and clamped; NaN gives 0. */
GAN__MATH uint8_t gan__to_u8(float x)
{
    float y = x > 0.0f ? x : 0.0f;
    y = y < 255.0f ? y : 255.0f;
    return (uint8_t)(gan__bits_of(y + 8388608.0f) & 0xffu);
}

GAN__MATH int32_t gan__to_i32(float x)
{
    float y = x + (x < 0.0f ? -0.5f : 0.5f);
    y = y > -2147483648.0f ? y : -2147483648.0f;
    return (int32_t)(y < 2147483520.0f ? y : 2147483520.0f);
}

GAN__MATH uint64_t gan__bits_of_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

GAN__MATH double gan__of_bits_double(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

GAN__MATH float gan__absf(float x)
{
    return gan__of_bits(gan__bits_of(x) & 0x7fffffffu);
}

GAN__MATH float gan__sqrtf(float x)
{
    return sqrtf(x);
}

/* NaN passes through the activations: a training run that went wrong must be seen. */
GAN__MATH float gan__reluf(float x)
{
    return x < 0.0f ? 0.0f : x;
}

GAN__MATH float gan__leakyf(float x, float slope)
{
    return x < 0.0f ? x * slope : x;
}

/* e^x = 2^n e^r with |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
 * 2^n is applied in two factors, so that results below the normal range are reached by gradual underflow. */
GAN__MATH float gan__expf(float x)
{
    const float shift = 12582912.0f;
    float y = x > 89.0f ? 89.0f : x;
    y = y < -104.0f ? -104.0f : y;
    float t = y * 1.44269504f + shift;
    uint32_t n = gan__bits_of(t) - 0x4b400000u;
    t -= shift;
    float r = y - t * 0.693359375f; /* ln 2 = 0.693359375 - 2.12194440e-4; the first product is exact */
    r = r + t * 2.12194440e-4f;
    float q = 0.00139262509f;
    q = q * r + 0.00836323288f;
    q = q * r + 0.0416665542f;
    q = q * r + 0.166665767f;
    q = q * r + 0.5f;
    float e = q * (r * r) + r + 1.0f;
    uint32_t half = (uint32_t)((int32_t)n >> 1);
    e *= gan__of_bits((half + 127u) << 23);
    return e * gan__of_bits((n - half + 127u) << 23);
}

/* x = 2^n m with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(s), s = (m-1)/(m+1), written so that m - 1, which is
 * exact, carries the leading digits: log(1+f) = f - (f²/2 - s (f²/2 + s² Q(s²))). */
GAN__MATH float gan__logf(float x)
{
    int tiny = x < 1.17549435e-38f;
    float y = tiny ? x * 8388608.0f : x;
    uint32_t bits = gan__bits_of(y) - 0x3f3504f3u;
    int32_t n = ((int32_t)bits >> 23) - (tiny ? 23 : 0);
    float m = gan__of_bits((bits & 0x007fffffu) + 0x3f3504f3u);
    float f = m - 1.0f;
    float s = f / (2.0f + f);
    float z = s * s;
    float q = 0.233309641f;
    q = q * z + 0.285508026f;
    q = q * z + 0.400001220f;
    q = q * z + 0.666666666f;
    float h = 0.5f * f * f;
    float e = (float)n;
    float low = s * (h + z * q) + e * -2.12194440e-4f;
    float value = e * 0.693359375f - ((h - low) - f);
    value = x > 3.40282347e38f ? x : value;
    value = x == 0.0f ? -INFINITY : value;
    return x >= 0.0f ? value : NAN;
}

/* log(1 + e) for e in [0, 1]: 2 atanh(e / (2 + e)). */
GAN__MATH float gan__log1p_unit(float e)
{
    float s = e / (2.0f + e);
    float z = s * s;
    float q = 0.207876168f;
    q = q * z + 0.174647025f;
    q = q * z + 0.222647112f;
    q = q * z + 0.285703057f;
    q = q * z + 0.400000108f;
    q = q * z + 0.666666667f;
    return 2.0f * s + s * z * q;
}

GAN__MATH float gan__tanhf(float x)
{
    float a = gan__absf(x);
    float z = x * x;
    float q = 0.00229255770f;
    q = q * z - 0.00834378037f;
    q = q * z + 0.0217688682f;
    q = q * z - 0.0539592534f;
    q = q * z + 0.133333035f;
    q = q * z - 0.333333332f;
    float small = x + x * z * q;
    float large = 1.0f - 2.0f / (gan__expf(a + a) + 1.0f);
    large = gan__of_bits(gan__bits_of(large) | (gan__bits_of(x) & 0x80000000u));
    return a < 0.625f ? small : large;
}

GAN__MATH float gan__sigmoidf(float x)
{
    float e = gan__expf(-gan__absf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

GAN__MATH float gan__softplusf(float x)
{
    return (x < 0.0f ? 0.0f : x) + gan__log1p_unit(gan__expf(-gan__absf(x)));
}

/* All ones if the condition holds: choices made so stay free of branches where compilers would make some. */
GAN__MATH uint32_t gan__mask(int condition)
{
    return 0u - (uint32_t)(condition != 0);
}

/* |x|^p through double precision: log x to 1e-16, so that the product with p keeps a float's digits. */
GAN__MATH float gan__powf(float x, float p)
{
    const double shift =
        6755399441055744.0; /* 1.5 * 2^52 rounds to the nearest integer and leaves it in the low bits */
    double a = (double)gan__absf(x);
    uint64_t bits = gan__bits_of_double(a) - 0x3fe6a09e00000000u;
    double n = (double)((int32_t)(bits >> 32) >> 20);
    double m = gan__of_bits_double((bits & 0x000fffffffffffffu) + 0x3fe6a09e00000000u);
    double s = (m - 1.0) / (m + 1.0);
    double z = s * s;
    double q = 0.130872361966596223;
    q = q * z + 0.132687147923480967;
    q = q * z + 0.153862418819385955;
    q = q * z + 0.181817956000607924;
    q = q * z + 0.222222223920890079;
    q = q * z + 0.285714285708019569;
    q = q * z + 0.400000000000008797;
    q = q * z + 0.666666666666666665;
    double log_a = n * 0.693147180559945309 + (2.0 * s + s * z * q);
    uint64_t end = 0u - (uint64_t)((a == 0.0) | (a > 3.5e38)); /* log a is infinite */
    uint64_t infinite = 0x7ff0000000000000u | ((uint64_t)(a == 0.0) << 63);
    double y = (double)p * gan__of_bits_double((gan__bits_of_double(log_a) & ~end) | (infinite & end));
    double t = y * 1.44269504088896341 + shift;
    uint64_t k = gan__bits_of_double(t);
    t -= shift;
    double r = y - t * 0.693147180559945309;
    double w = 2.51004724725e-8;
    w = w * r + 2.76202015910e-7;
    w = w * r + 2.75572682769057e-6;
    w = w * r + 0.0000248015210578682;
    w = w * r + 0.000198412698631716;
    w = w * r + 0.00138888889173670806;
    w = w * r + 0.0083333333333300382;
    w = w * r + 0.0416666666666238205;
    w = w * r + 0.166666666666666675;
    w = w * r + 0.5;
    double e = (w * r * r + r + 1.0) * gan__of_bits_double((k + 1023u) << 52);
    uint32_t value = gan__bits_of((float)e);
    value = (value & gan__mask((y >= -106.0) & (y <= 90.0))) | (gan__mask(y > 90.0) & 0x7f800000u);
    /* The sign of x stays for odd p; a negative x has no other power than whole ones. */
    float big = gan__absf(p);
    double whole = (double)p + shift;
    int integer = (big >= 8388608.0f) | (whole - shift == (double)p);
    int odd = (big < 16777216.0f) & integer & (int)(gan__bits_of_double(whole) & 1u);
    value |= gan__bits_of(x) & gan__mask(odd) & 0x80000000u;
    int no_root = (x < 0.0f) & !integer & (x >= -3.40282347e38f) & (big <= 3.40282347e38f);
    int one = (x == 1.0f) | (p == 0.0f) | ((x == -1.0f) & (big > 3.40282347e38f));
    int nan = ((x != x) & (p != 0.0f)) | ((p != p) & (x != 1.0f));
    value = (value & ~gan__mask(one)) | (0x3f800000u & gan__mask(one));
    return gan__of_bits(value | (gan__mask(no_root | nan) & 0x7fc00000u));
}

/* sin(pi x), cos(pi x) for |x| <= 1/4. */
GAN__MATH float gan__sinpi_quarter(float x)
{
    float z = x * x;
    float q = 0.0812295746f;
    q = q * z - 0.599228796f;
    q = q * z + 2.55016359f;
    q = q * z - 5.16771278f;
    return x * 3.14159265f + x * z * q;
}

GAN__MATH float gan__cospi_quarter(float x)
{
    float z = x * x;
    float q = 0.232125414f;
    q = q * z - 1.33513781f;
    q = q * z + 4.05871057f;
    q = q * z - 4.93480220f;
    return 1.0f + z * q;
}

#endif
