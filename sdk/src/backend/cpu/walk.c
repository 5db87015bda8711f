#include "walk.h"

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
    gan__walk w = gan__walk_joined(n_in, in, out);
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
