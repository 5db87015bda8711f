/*
 * gan__backend_ops.map: dimensions are merged (backend/walk.h), then the call goes to the kernel that its arrays allow.
 */
#include "map.cuh"

gan__map_strided gan__map_strided_of(const gan__walk *w, int width)
{
    gan__map_strided x;
    memset(&x, 0, sizeof x);
    x.ndim = w->ndim;
    x.n = 1;
    int last = w->ndim - 1;
    for (int i = 0; i < w->ndim; i++) {
        uint32_t dim = (uint32_t)(i == last ? w->dim[i] / width : w->dim[i]);
        x.dim[i] = gan__divisor_of(dim);
        x.n *= dim;
    }
    for (int k = 0; k < w->n_arrays; k++) {
        for (int i = 0; i < w->ndim; i++)
            x.stride[k][i] = i == last ? w->stride[k][i] * width : w->stride[k][i];
        x.data[k] = w->data[k];
        x.dtype[k] = w->dtype[k];
        x.repeats[k] = w->stride[k][last] == 0;
    }
    return x;
}

int gan__map_to_split(const gan__walk *w, int width)
{
    int64_t n = 1;
    int longest = 0;
    for (int i = 0; i < w->ndim; i++) {
        n *= i == w->ndim - 1 ? w->dim[i] / width : w->dim[i];
        longest = w->dim[i] > w->dim[longest] ? i : longest;
    }
    return n > GAN__MAP_UNITS ? longest : -1;
}

gan__walk gan__walk_part(const gan__walk *w, int d, int64_t begin, int64_t end)
{
    gan__walk part = *w;
    part.dim[d] = end - begin;
    for (int k = 0; k < w->n_arrays; k++)
        part.data[k] += begin * w->stride[k][d] * (int64_t)gan__cuda_dtype_size(w->dtype[k]);
    return part;
}

static gan_status map_strided(gan__cuda *cu, gan__map_op op, const float *params, const gan__walk *w, int width)
{
    int d = gan__map_to_split(w, width);
    if (d >= 0) {
        int64_t half = w->dim[d] / 2 / width * width;
        gan__walk low = gan__walk_part(w, d, 0, half), high = gan__walk_part(w, d, half, w->dim[d]);
        gan_status status = map_strided(cu, op, params, &low, width);
        return status == GAN_OK ? map_strided(cu, op, params, &high, width) : status;
    }
    gan__map_strided x = gan__map_strided_of(w, width);
    memcpy(x.p, params, sizeof x.p);
    return gan__map_launch_strided(cu, op, width, &x);
}

/* Whether array k may be read and written 4 elements at a time along the last dimension. */
static bool takes_four(const gan__walk *w, int k)
{
    int last = w->ndim - 1, out = w->n_arrays - 1;
    if (w->stride[k][last] == 0 && k != out)
        return true;
    if (w->stride[k][last] != 1 || (uintptr_t)w->data[k] % (4 * gan__cuda_dtype_size(w->dtype[k])) != 0)
        return false;
    for (int i = 0; i < last; i++)
        if (w->stride[k][i] % 4 != 0)
            return false;
    return true;
}

static bool in_fours(const gan__walk *w)
{
    bool fours = w->dim[w->ndim - 1] % 4 == 0;
    for (int k = 0; k < w->n_arrays; k++)
        fours = fours && takes_four(w, k);
    return fours;
}

static bool is_flat(const gan__walk *w)
{
    int out = w->n_arrays - 1;
    gan_dtype dtype = w->dtype[out];
    if (w->ndim != 1 || (dtype != GAN_F32 && dtype != GAN_BF16))
        return false;
    for (int k = 0; k <= out; k++) {
        bool dense = w->stride[k][0] == 1 && w->dtype[k] == dtype && (uintptr_t)w->data[k] % 16 == 0;
        if (!dense && (k == out || w->stride[k][0] != 0))
            return false;
    }
    return true;
}

static gan_status map_flat(gan__cuda *cu, gan__map_op op, const float *params, const gan__walk *w)
{
    gan__map_flat x;
    memset(&x, 0, sizeof x);
    int out = w->n_arrays - 1;
    for (int k = 0; k < out; k++) {
        x.in[k] = w->data[k];
        x.dtype[k] = w->dtype[k];
        x.scalar[k] = w->stride[k][0] == 0;
    }
    x.out = w->data[out];
    x.n = w->dim[0];
    memcpy(x.p, params, sizeof x.p);
    return gan__map_launch_flat(cu, op, w->dtype[out], &x);
}

gan_status gan__cuda_map(gan__backend *be, gan__map_op op, const float params[4], int n_in, const gan__array *in,
                         const gan__array *out)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (gan__cuda_count(out) == 0)
        return GAN_OK;
    static const float none[4] = {0, 0, 0, 0};
    const float *constants = params ? params : none;
    gan__walk w = gan__walk_joined(n_in, in, out);
    if (w.ndim == 0) { /* one element */
        w.ndim = 1;
        w.dim[0] = 1;
        for (int k = 0; k < w.n_arrays; k++)
            w.stride[k][0] = 1;
    }
    if (op == GAN__MAP_COPY && in[0].dtype == out->dtype)
        return gan__cuda_move(cu, &w);
    if (is_flat(&w))
        return map_flat(cu, op, constants, &w);
    return map_strided(cu, op, constants, &w, in_fours(&w) ? 4 : 1);
}

gan_status gan__cuda_convert(gan__cuda *cu, gan_dtype from, const void *x, gan_dtype to, void *y, int64_t n)
{
    gan__array in, out;
    memset(&in, 0, sizeof in);
    in.data = const_cast<void *>(x);
    in.dtype = from;
    in.ndim = 1;
    in.dim[0] = n;
    in.stride[0] = 1;
    out = in;
    out.data = y;
    out.dtype = to;
    return gan__cuda_map(&cu->base, GAN__MAP_COPY, NULL, 1, &in, &out);
}

gan_status gan__cuda_bias_act(gan__cuda *cu, gan_dtype dtype, void *x, int64_t rows, int64_t n, const float *bias,
                              gan_activation activation)
{
    static const gan__map_op with_bias[] = {GAN__MAP_ADD, GAN__MAP_ADD_RELU, GAN__MAP_ADD_LEAKY_RELU, GAN__MAP_ADD_TANH,
                                            GAN__MAP_ADD_SIGMOID};
    static const gan__map_op alone[] = {GAN__MAP_COPY, GAN__MAP_RELU, GAN__MAP_LEAKY_RELU, GAN__MAP_TANH,
                                        GAN__MAP_SIGMOID};
    if (!bias && activation.kind == GAN_LINEAR)
        return GAN_OK;
    gan__array in[2];
    memset(in, 0, sizeof in);
    in[0].data = x;
    in[0].dtype = dtype;
    in[0].ndim = 2;
    in[0].dim[0] = rows;
    in[0].dim[1] = n;
    in[0].stride[0] = n;
    in[0].stride[1] = 1;
    in[1] = in[0];
    in[1].data = const_cast<float *>(bias);
    in[1].dtype = GAN_F32;
    in[1].stride[0] = 0;
    const float params[4] = {activation.slope, 0, 0, 0};
    return gan__cuda_map(&cu->base, bias ? with_bias[activation.kind] : alone[activation.kind], params, bias ? 2 : 1,
                         in, &in[0]);
}
