/* shuffle.h - the order of an epoch. Internal to data/. */
#ifndef GAN_DATA_SHUFFLE_H
#define GAN_DATA_SHUFFLE_H

#include <stdint.h>

/* A permutation of 0 ... n-1 that depends only on the seed and the epoch's number. n is at most 2^32. */
void gan__shuffle(uint64_t seed, uint64_t epoch, uint32_t *order, int64_t n);

#endif
