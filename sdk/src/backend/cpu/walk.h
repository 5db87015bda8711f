/*
 * walk.h - several strided arrays walked through together, their dimensions merged and put in the output's order.
 * Internal.
 */
#ifndef GAN__CPU_WALK_H
#define GAN__CPU_WALK_H

#include "cpu.h"

#define GAN__WALK_ARRAYS 4

/* The last array is the output. There are always two dimensions at least: dim[ndim - 2] rows of dim[ndim - 1]
 * columns. */
typedef struct gan__walk {
    int n_arrays, ndim;
    int64_t dim[GAN_MAX_DIMS];
    gan_dtype dtype[GAN__WALK_ARRAYS];
    char *data[GAN__WALK_ARRAYS];
    int64_t stride[GAN__WALK_ARRAYS][GAN_MAX_DIMS]; /* in elements */
} gan__walk;

gan__walk gan__walk_make(int n_in, const gan__array *in, const gan__array *out);
/* Product of the dimensions before the last two; and the address of array k at entry `index` of those. */
int64_t gan__walk_outer(const gan__walk *w);
char *gan__walk_at(const gan__walk *w, int k, int64_t index);

#endif
