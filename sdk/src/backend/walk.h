/*
 * walk.h - several strided arrays walked through together, their dimensions merged and put in the output's order.
 * Internal; the CPU and CUDA backends share it.
 */
#ifndef GAN__WALK_H
#define GAN__WALK_H

#include "backend.h"

#include <string.h>

#define GAN__WALK_ARRAYS 4

/* The last array is the output. No dimension is 1, and none can be joined with the one before it. */
typedef struct gan__walk {
    int n_arrays, ndim;
    int64_t dim[GAN_MAX_DIMS];
    gan_dtype dtype[GAN__WALK_ARRAYS];
    char *data[GAN__WALK_ARRAYS];
    int64_t stride[GAN__WALK_ARRAYS][GAN_MAX_DIMS]; /* in elements */
} gan__walk;

static inline void gan__walk_add(gan__walk *w, const gan__array *a, const gan__array *shape)
{
    int k = w->n_arrays++;
    w->dtype[k] = a->dtype;
    w->data[k] = (char *)a->data;
    for (int i = 0, d = 0; i < shape->ndim; i++) {
        if (shape->dim[i] != 1)
            w->stride[k][d++] = a->stride[i];
    }
}

static inline void gan__walk_swap(gan__walk *w, int i, int j)
{
    int64_t dim = w->dim[i];
    w->dim[i] = w->dim[j];
    w->dim[j] = dim;
    for (int k = 0; k < w->n_arrays; k++) {
        int64_t stride = w->stride[k][i];
        w->stride[k][i] = w->stride[k][j];
        w->stride[k][j] = stride;
    }
}

/* The output's longest strides first, so that it is written in the order in which it lies in memory. */
static inline void gan__walk_sort(gan__walk *w)
{
    const int64_t *stride = w->stride[w->n_arrays - 1];
    for (int i = 1; i < w->ndim; i++) {
        for (int j = i; j > 0 && stride[j - 1] < stride[j]; j--)
            gan__walk_swap(w, j - 1, j);
    }
}

/* Join a dimension with the one before it where, in every array, a step along the one is a whole walk along the
 * other. */
static inline void gan__walk_merge(gan__walk *w)
{
    int last = 0;
    for (int i = 1; i < w->ndim; i++) {
        bool joined = true;
        for (int k = 0; k < w->n_arrays && joined; k++)
            joined = w->stride[k][last] == w->stride[k][i] * w->dim[i];
        if (joined)
            w->dim[last] *= w->dim[i];
        else
            w->dim[++last] = w->dim[i];
        for (int k = 0; k < w->n_arrays; k++)
            w->stride[k][last] = w->stride[k][i];
    }
    w->ndim = w->ndim > 0 ? last + 1 : 0;
}

static inline gan__walk gan__walk_joined(int n_in, const gan__array *in, const gan__array *out)
{
    gan__walk w;
    memset(&w, 0, sizeof w);
    for (int i = 0; i < out->ndim; i++) {
        if (out->dim[i] != 1)
            w.dim[w.ndim++] = out->dim[i];
    }
    for (int k = 0; k < n_in; k++)
        gan__walk_add(&w, &in[k], out);
    gan__walk_add(&w, out, out);
    gan__walk_sort(&w);
    gan__walk_merge(&w);
    return w;
}

#endif
