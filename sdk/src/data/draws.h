/*
 * draws.h - the random numbers of one drawn sample, one after another from a stream of Philox. Internal to data/.
 */
#ifndef GAN_DATA_DRAWS_H
#define GAN_DATA_DRAWS_H

#include "core/philox.h"

typedef struct gan__draws {
    uint64_t seed, stream, counter;
    uint32_t words[4];
    int used;
} gan__draws;

/* From block `counter` on. */
static inline gan__draws gan__draws_from(uint64_t seed, uint64_t stream, uint64_t counter)
{
    return (gan__draws){.seed = seed, .stream = stream, .counter = counter, .used = 4};
}

static inline uint32_t gan__draw_word(gan__draws *d)
{
    if (d->used == 4) {
        gan__philox(d->seed, d->stream, d->counter++, &d->words[0], &d->words[1], &d->words[2], &d->words[3]);
        d->used = 0;
    }
    return d->words[d->used++];
}

static inline float gan__draw_range(gan__draws *d, float low, float high)
{
    return low + (high - low) * gan__uniform_of_word(gan__draw_word(d));
}

#endif
