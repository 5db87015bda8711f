/*
 * philox.h - the Philox 4x32-10 block function and the maps from its words to numbers. Internal.
 *
 * J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Shared by
 * gan_philox, the CPU kernels and the CUDA kernels, so that all draw the same numbers.
 *
 * The 64-bit key is `key` (low word first); the 128-bit counter is `counter` in its low half and `stream` in its
 * high half.
 */
#ifndef GAN__PHILOX_H
#define GAN__PHILOX_H

#include "backend/vecmath.h"

#define GAN__PHILOX_M0     0xD2511F53u
#define GAN__PHILOX_M1     0xCD9E8D57u
#define GAN__PHILOX_W0     0x9E3779B9u
#define GAN__PHILOX_W1     0xBB67AE85u
#define GAN__PHILOX_ROUNDS 10

/* One block: the state is held in four separate words, so that a loop over blocks vectorises. */
GAN__MATH void gan__philox(uint64_t key, uint64_t stream, uint64_t counter, uint32_t *w0, uint32_t *w1, uint32_t *w2,
                           uint32_t *w3)
{
    uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < GAN__PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)GAN__PHILOX_M0 * c0;
        uint64_t p1 = (uint64_t)GAN__PHILOX_M1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += GAN__PHILOX_W0;
        k1 += GAN__PHILOX_W1;
    }
    *w0 = c0;
    *w1 = c1;
    *w2 = c2;
    *w3 = c3;
}

/* Uniform in [0, 1), a multiple of 2^-24. */
GAN__MATH float gan__uniform_of_word(uint32_t word)
{
    return (float)(int32_t)(word >> 8) * 5.96046448e-8f;
}

/* Uniform in [0, bound). */
GAN__MATH int32_t gan__int_of_word(uint32_t word, uint32_t bound)
{
    return (int32_t)(((uint64_t)word * bound) >> 32);
}

/* Two standard normal numbers from two words (Box and Muller 1958): sqrt(-2 ln u) (cos, sin)(2 pi v), with u in
 * (0, 1] so that the logarithm is finite. The angle is v turns: two bits of v name the quadrant, the rest the angle
 * within it, centred. */
GAN__MATH void gan__normal_of_words(uint32_t a, uint32_t b, float *first, float *second)
{
    float u = (float)(int32_t)((a >> 8) + 1u) * 5.96046448e-8f;
    float radius = gan__sqrtf(-2.0f * gan__logf(u));
    uint32_t quadrant = b >> 30;
    float within = (float)((int32_t)((b >> 6) & 0x00ffffffu) - 0x00800000) * 2.98023224e-8f; /* [-1/4, 1/4) */
    float s = gan__sinpi_quarter(within), c = gan__cospi_quarter(within);
    /* Rotate by the quadrant: (c, s), (-s, c), (-c, -s), (s, -c). */
    float x = quadrant & 1u ? -s : c;
    float y = quadrant & 1u ? c : s;
    uint32_t sign = (quadrant & 2u) << 30;
    *first = radius * gan__of_bits(gan__bits_of(x) ^ sign);
    *second = radius * gan__of_bits(gan__bits_of(y) ^ sign);
}

#endif
