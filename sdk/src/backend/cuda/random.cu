/*
 * Random numbers: each thread computes one Philox block at a time, four numbers of 4 bytes, and writes them in 16
 * bytes. Blocks of 256 threads, a grid that strides over the Philox blocks. The numbers depend on seed, stream, counter
 * and position only.
 */
#include "kernel.cuh"
#include "core/philox.h"

#define THREADS 256

typedef struct numbers {
    gan__random_kind kind;
    uint64_t seed, stream, counter;
    const uint64_t *shift; /* of the counter, in device memory: replays change it */
    float a, b;
    int64_t n;
    uint32_t *out;
    bool aligned; /* to 16 bytes */
} numbers;

static __device__ __forceinline__ void draw(const numbers &x, uint64_t counter, uint32_t word[4])
{
    gan__philox(x.seed, x.stream, counter, &word[0], &word[1], &word[2], &word[3]);
    switch (x.kind) {
    case GAN__RANDOM_UNIFORM:
        for (int k = 0; k < 4; k++)
            word[k] = gan__bits_of(x.a + (x.b - x.a) * gan__uniform_of_word(word[k]));
        break;
    case GAN__RANDOM_NORMAL:
        for (int k = 0; k < 4; k += 2) {
            float first, second;
            gan__normal_of_words(word[k], word[k + 1], &first, &second);
            word[k] = gan__bits_of(x.a + x.b * first);
            word[k + 1] = gan__bits_of(x.a + x.b * second);
        }
        break;
    case GAN__RANDOM_INT:
        for (int k = 0; k < 4; k++)
            word[k] = (uint32_t)gan__int_of_word(word[k], (uint32_t)x.b);
        break;
    }
}

static __global__ void __launch_bounds__(THREADS) random_blocks(numbers x)
{
    uint64_t counter = x.counter + *x.shift;
    int64_t blocks = (x.n + 3) / 4, threads = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < blocks; i += threads) {
        uint32_t word[4];
        draw(x, counter + (uint64_t)i, word);
        if (x.aligned && 4 * i + 4 <= x.n) {
            *reinterpret_cast<uint4 *>(x.out + 4 * i) = make_uint4(word[0], word[1], word[2], word[3]);
        } else {
            for (int k = 0; k < 4; k++)
                if (4 * i + k < x.n)
                    x.out[4 * i + k] = word[k];
        }
    }
}

gan_status gan__cuda_random(gan__backend *be, gan__random_kind kind, uint64_t seed, uint64_t stream, uint64_t counter,
                            float a, float b, int64_t n, void *out)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (n <= 0)
        return GAN_OK;
    numbers x;
    memset(&x, 0, sizeof x);
    x.kind = kind;
    x.seed = seed;
    x.stream = stream;
    x.counter = counter;
    x.shift = gan__cuda_random_shift(cu);
    x.a = a;
    x.b = b;
    x.n = n;
    x.out = static_cast<uint32_t *>(out);
    x.aligned = (uintptr_t)out % 16 == 0;
    return GAN__LAUNCH(cu, random_blocks, gan__grid_for(cu, (n + 3) / 4, THREADS, 1), THREADS, 0, x);
}
