/*
 * walk.h - the walk through several arrays (backend/walk.h) as planes of rows and columns. Internal.
 */
#ifndef GAN__CPU_WALK_H
#define GAN__CPU_WALK_H

#include "cpu.h"
#include "backend/walk.h"

/* There are always two dimensions at least: dim[ndim - 2] rows of dim[ndim - 1] columns. */
gan__walk gan__walk_make(int n_in, const gan__array *in, const gan__array *out);
/* Product of the dimensions before the last two; and the address of array k at entry `index` of those. */
int64_t gan__walk_outer(const gan__walk *w);
char *gan__walk_at(const gan__walk *w, int k, int64_t index);

#endif
