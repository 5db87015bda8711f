#include "walk.h"

static void add(gan__walk *w, const gan__array *a, const gan__array *shape)
{
    int k = w->n_arrays++;
    w->dtype[k] = a->dtype;
    w->data[k] = a->data;
    for (int i = 0, d = 0; i < shape->ndim; i++) {
        if (shape->dim[i] != 1)
            w->stride[k][d++] = a->stride[i];
    }
}

static void swap(gan__walk *w, int i, int j)
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
static void sort(gan__walk *w)
{
    const int64_t *stride = w->stride[w->n_arrays - 1];
    for (int i = 1; i < w->ndim; i++) {
        for (int j = i; j > 0 && stride[j - 1] < stride[j]; j--)
            swap(w, j - 1, j);
    }
}

/* Join a dimension with the one before it where, in every array, a step along the one is a whole walk along the
 * other. */
static void merge(gan__walk *w)
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

static void pad_to_two(gan__walk *w)
{
    int missing = 2 - w->ndim;
    if (missing <= 0)
        return;
    w->dim[1] = missing == 1 ? w->dim[0] : 1;
    w->dim[0] = 1;
    for (int k = 0; k < w->n_arrays; k++) {
        w->stride[k][1] = missing == 1 ? w->stride[k][0] : 1;
        w->stride[k][0] = w->stride[k][1] * w->dim[1];
    }
    w->ndim = 2;
}

gan__walk gan__walk_make(int n_in, const gan__array *in, const gan__array *out)
{
    gan__walk w = {.n_arrays = 0};
    for (int i = 0; i < out->ndim; i++) {
        if (out->dim[i] != 1)
            w.dim[w.ndim++] = out->dim[i];
    }
    for (int k = 0; k < n_in; k++)
        add(&w, &in[k], out);
    add(&w, out, out);
    sort(&w);
    merge(&w);
    pad_to_two(&w);
    return w;
}

int64_t gan__walk_outer(const gan__walk *w)
{
    int64_t n = 1;
    for (int i = 0; i < w->ndim - 2; i++)
        n *= w->dim[i];
    return n;
}

char *gan__walk_at(const gan__walk *w, int k, int64_t index)
{
    int64_t offset = 0;
    for (int i = w->ndim - 3; i >= 0; i--) {
        offset += index % w->dim[i] * w->stride[k][i];
        index /= w->dim[i];
    }
    return w->data[k] + offset * (int64_t)gan__cpu_dtype_size(w->dtype[k]);
}
