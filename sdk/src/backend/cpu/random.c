/* Philox random numbers: blocks are divided among threads; a last, partly used block is drawn apart. */
#include "cpu.h"

static void draw(const gan__cpu *cpu, gan__random_kind kind, uint64_t seed, uint64_t stream, uint64_t counter, float a,
                 float b, int64_t blocks, void *out)
{
    switch (kind) {
    case GAN__RANDOM_UNIFORM:
        cpu->isa.uniform(seed, stream, counter, a, b, blocks, out);
        break;
    case GAN__RANDOM_NORMAL:
        cpu->isa.normal(seed, stream, counter, a, b, blocks, out);
        break;
    case GAN__RANDOM_INT:
        cpu->isa.integer(seed, stream, counter, (uint32_t)b, blocks, out);
        break;
    }
}

gan_status gan__cpu_random(gan__backend *be, gan__random_kind kind, uint64_t seed, uint64_t stream, uint64_t counter,
                           float a, float b, int64_t n, void *out)
{
    gan__cpu *cpu = gan__cpu_of(be);
    int64_t blocks = n / 4;
    int threads = gan__cpu_threads(cpu, 4 * n); /* a number costs as much as several cheap elements */
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        int64_t begin, end;
        gan__cpu_part(blocks, 64, threads, i, &begin, &end);
        draw(cpu, kind, seed, stream, counter + (uint64_t)begin, a, b, end - begin, (char *)out + begin * 16);
    }
    if (n % 4) {
        uint32_t last[4];
        draw(cpu, kind, seed, stream, counter + (uint64_t)blocks, a, b, 1, last);
        memcpy((char *)out + blocks * 16, last, (size_t)(n % 4) * 4);
    }
    return GAN_OK;
}
