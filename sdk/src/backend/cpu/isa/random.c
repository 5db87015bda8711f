/*
 * Random numbers: Philox blocks, GAN__BATCH at a time, held as four arrays of words so that each step of the rounds
 * is one vector operation.
 */
#include "../isa.h"
#include "core/philox.h"

#define GAN__BATCH 64

typedef struct words {
    uint32_t w[4][GAN__BATCH];
} words;

static void draw(uint64_t seed, uint64_t stream, uint64_t counter, words *out)
{
#pragma omp simd
    for (int i = 0; i < GAN__BATCH; i++)
        gan__philox(seed, stream, counter + (uint64_t)i, &out->w[0][i], &out->w[1][i], &out->w[2][i], &out->w[3][i]);
}

/* Four arrays of numbers into the order of their elements. */
static void interleave(float from[4][GAN__BATCH], float *out, int64_t blocks)
{
    for (int64_t i = 0; i < blocks; i++) {
        for (int k = 0; k < 4; k++)
            out[4 * i + k] = from[k][i];
    }
}

static void uniform(uint64_t seed, uint64_t stream, uint64_t counter, float a, float b, int64_t blocks, float *out)
{
    words batch;
    float value[4][GAN__BATCH];
    for (int64_t at = 0; at < blocks; at += GAN__BATCH) {
        draw(seed, stream, counter + (uint64_t)at, &batch);
        for (int k = 0; k < 4; k++) {
#pragma omp simd
            for (int i = 0; i < GAN__BATCH; i++)
                value[k][i] = a + (b - a) * gan__uniform_of_word(batch.w[k][i]);
        }
        interleave(value, out + 4 * at, blocks - at < GAN__BATCH ? blocks - at : GAN__BATCH);
    }
}

static void normal(uint64_t seed, uint64_t stream, uint64_t counter, float a, float b, int64_t blocks, float *out)
{
    words batch;
    float value[4][GAN__BATCH];
    for (int64_t at = 0; at < blocks; at += GAN__BATCH) {
        draw(seed, stream, counter + (uint64_t)at, &batch);
        for (int k = 0; k < 4; k += 2) {
#pragma omp simd
            for (int i = 0; i < GAN__BATCH; i++) {
                float first, second;
                gan__normal_of_words(batch.w[k][i], batch.w[k + 1][i], &first, &second);
                value[k][i] = a + b * first;
                value[k + 1][i] = a + b * second;
            }
        }
        interleave(value, out + 4 * at, blocks - at < GAN__BATCH ? blocks - at : GAN__BATCH);
    }
}

static void integer(uint64_t seed, uint64_t stream, uint64_t counter, uint32_t bound, int64_t blocks, int32_t *out)
{
    words batch;
    for (int64_t at = 0; at < blocks; at += GAN__BATCH) {
        draw(seed, stream, counter + (uint64_t)at, &batch);
        int64_t count = blocks - at < GAN__BATCH ? blocks - at : GAN__BATCH;
        for (int64_t i = 0; i < count; i++) {
            for (int k = 0; k < 4; k++)
                out[4 * (at + i) + k] = gan__int_of_word(batch.w[k][i], bound);
        }
    }
}

void GAN__ISA_NAME(gan__isa_random)(gan__isa *t)
{
    t->uniform = uniform;
    t->normal = normal;
    t->integer = integer;
}
