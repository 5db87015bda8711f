/*
 * style.cu - y = activation(scale x + strength noise + bias) of x [n, pixels, channels], scale being each sample's own,
 * and its gradient.
 *
 * A sample is a group of share.cuh: a thread keeps the constants of its channels in registers and goes down the pixels.
 * Backward, with g = dy activation'(y): dx = g scale is written as x, y and dy are read, once each; sums over pixels
 * (dscale, dbias, dstrength) stay in registers, are joined over the block in shared memory, and over blocks by a
 * reduction; sums over channels (dnoise) are joined by the lanes of a warp that have the same pixel, and over tiles by
 * a reduction. No atomics. Bound by memory: 4 arrays of x's size backward, 2 forward.
 */
#include "share.cuh"

enum { DSCALE, DBIAS, DSTRENGTH, SUMS };

typedef struct scaling {
    matrix m;
    gan_activation activation;
    bool noise_shared, bias_each;
    const void *x, *y, *dy;
    void *out; /* y, or dx */
    const float *scale, *noise, *strength, *bias;
    float *part[SUMS]; /* [groups, parts, channels] */
    float *dots;       /* [tiles, groups, rows] */
} scaling;

/* The W values of the thread's columns from row `row` of a table, or `otherwise`. */
template <int W>
static __device__ __forceinline__ void constants(const float *table, int64_t row, float otherwise, const scaling &a,
                                                 const share &s, float out[W])
{
    GAN__UNROLL
    for (int w = 0; w < W; w++)
        out[w] = table && s.inside ? table[row * a.m.columns + s.column + w] : otherwise;
}

static __device__ __forceinline__ float noise_at(const scaling &a, const share &s, int64_t row)
{
    return a.noise ? a.noise[(a.noise_shared ? 0 : s.group * a.m.rows) + row] : 0.0f;
}

/* ---- y ---- */

template <typename T, int W, int U>
static __device__ __forceinline__ void scale_some(const scaling &a, const share &s, int64_t row, const float scale[W],
                                                  const float strength[W], const float bias[W])
{
    gan__lanes<W> v[U];
    float noise[U];
    GAN__UNROLL
    for (int u = 0; u < U; u++) {
        gan__load_lanes((const T *)a.x + element(a.m, s, row + u * s.down), &v[u]);
        noise[u] = noise_at(a, s, row + u * s.down);
    }
    GAN__UNROLL
    for (int u = 0; u < U; u++) {
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            v[u].value[w] = v[u].value[w] * scale[w] + (noise[u] * strength[w] + bias[w]);
        activate(a.activation, &v[u]);
        gan__store_lanes((T *)a.out + element(a.m, s, row + u * s.down), v[u]);
    }
}

template <typename T, int W> static __global__ void __launch_bounds__(GAN__THREADS) scale_forward(scaling a)
{
    for (int64_t task = blockIdx.x; task < a.m.tasks; task += gridDim.x) {
        share s = share_of(a.m, task, W);
        if (!s.inside)
            continue;
        float scale[W], strength[W], bias[W];
        constants<W>(a.scale, s.group, 1.0f, a, s, scale);
        constants<W>(a.strength, 0, 1.0f, a, s, strength);
        constants<W>(a.bias, a.bias_each ? s.group : 0, 0.0f, a, s, bias);
        int64_t row = s.begin + s.y;
        for (; row + 3 * s.down < s.end; row += 4 * s.down)
            scale_some<T, W, 4>(a, s, row, scale, strength, bias);
        for (; row < s.end; row += s.down)
            scale_some<T, W, 1>(a, s, row, scale, strength, bias);
    }
}

/* ---- gradients ---- */

/* What a thread knows of its columns. */
template <int W> struct columns {
    float scale[W], strength[W], sum[SUMS][W];
};

/* Over the lanes that have the same row. */
static __device__ __forceinline__ float sum_of_row(const matrix &m, float v)
{
    for (int offset = m.across / 2; offset > 0; offset /= 2)
        v += __shfl_xor_sync(GAN__FULL, v, offset);
    return v;
}

/* The pixels row, row + down, ... `whole`: all of them are there, for every thread of the block. */
template <typename T, int W, int U, bool DOTS>
static __device__ __forceinline__ void gradient_of_some(const scaling &a, const share &s, int64_t tile, int64_t row,
                                                        bool whole, columns<W> *c)
{
    gan__lanes<W> g[U] = {}, y[U] = {}, x[U] = {};
    bool here[U];
    GAN__UNROLL
    for (int u = 0; u < U; u++) {
        int64_t at = element(a.m, s, row + u * s.down);
        here[u] = s.inside && (whole || row + u * s.down < s.end);
        if (!here[u])
            continue;
        gan__load_lanes((const T *)a.dy + at, &g[u]);
        if (a.activation.kind != GAN_LINEAR)
            gan__load_lanes((const T *)a.y + at, &y[u]);
        if (a.part[DSCALE])
            gan__load_lanes((const T *)a.x + at, &x[u]);
    }
    GAN__UNROLL
    for (int u = 0; u < U; u++) {
        int64_t at = row + u * s.down;
        float noise = a.part[DSTRENGTH] && here[u] ? noise_at(a, s, at) : 0.0f, dot = 0.0f;
        GAN__UNROLL
        for (int w = 0; w < W; w++) {
            float v = before_activation(a.activation, g[u].value[w], y[u].value[w]);
            c->sum[DSCALE][w] += v * x[u].value[w];
            c->sum[DBIAS][w] += v;
            c->sum[DSTRENGTH][w] += v * noise;
            dot += v * c->strength[w];
            g[u].value[w] = v * c->scale[w];
        }
        if (here[u] && a.out)
            gan__store_lanes((T *)a.out + element(a.m, s, at), g[u]);
        if (DOTS) {
            dot = sum_of_row(a.m, dot);
            if (here[u] && s.x == 0)
                a.dots[(tile * a.m.groups + s.group) * a.m.rows + at] = dot;
        }
    }
}

/* The sum over the threads of a block that have the same columns, to the row of `part` that is the block's. `scratch`
 * has W across floats for each warp. */
template <int W>
static __device__ __forceinline__ void store_sums(const scaling &a, const share &s, int64_t tile, float *v, float *part,
                                                  float *scratch)
{
    const int lane = (int)threadIdx.x % GAN__WARP, warps = (int)blockDim.x / GAN__WARP, each = W * a.m.across;
    float *mine = scratch + (int)threadIdx.x / GAN__WARP * each;
    __syncthreads(); /* whoever read scratch before is done */
    GAN__UNROLL
    for (int w = 0; w < W; w++) {
        for (int offset = GAN__WARP / 2; offset >= a.m.across; offset /= 2)
            v[w] += __shfl_xor_sync(GAN__FULL, v[w], offset);
        if (lane < a.m.across)
            mine[lane * W + w] = v[w];
    }
    __syncthreads();
    float *to = part + (s.group * a.m.parts + s.part) * a.m.columns + tile * each;
    for (int j = (int)threadIdx.x; j < each && tile * each + j < a.m.columns; j += (int)blockDim.x) {
        float sum = scratch[j];
        for (int warp = 1; warp < warps; warp++)
            sum += scratch[warp * each + j];
        to[j] = sum;
    }
}

/* Pixels whose loads are under way together. */
template <typename T> struct gradient_pixels {
    static const int count = sizeof(T) == 4 ? 4 : 2;
};

/* All threads of a block go through the same loops: lanes meet in them. */
template <typename T, int W, bool DOTS> static __global__ void __launch_bounds__(GAN__THREADS) scale_backward(scaling a)
{
    GAN__DYNAMIC_SHARED(float, scratch);
    const int u = gradient_pixels<T>::count;
    for (int64_t task = blockIdx.x; task < a.m.tasks; task += gridDim.x) {
        share s = share_of(a.m, task, W);
        int64_t tile = task % a.m.tiles, base = s.begin;
        columns<W> c = {};
        constants<W>(a.scale, s.group, 1.0f, a, s, c.scale);
        constants<W>(a.strength, 0, 1.0f, a, s, c.strength);
        for (; base + u * s.down <= s.end; base += u * s.down)
            gradient_of_some<T, W, u, DOTS>(a, s, tile, base + s.y, true, &c);
        for (; base < s.end; base += s.down)
            gradient_of_some<T, W, 1, DOTS>(a, s, tile, base + s.y, false, &c);
        GAN__UNROLL
        for (int i = 0; i < SUMS; i++) {
            if (a.part[i])
                store_sums<W>(a, s, tile, c.sum[i], a.part[i], scratch);
        }
    }
}

/* ---- launches ---- */

static scaling scaling_of(const gan__scale_args *args)
{
    scaling a = {};
    a.m.groups = args->n;
    a.m.rows = args->pixels;
    a.m.columns = a.m.channels = args->channels;
    a.activation = args->activation;
    a.noise_shared = args->noise_shared;
    a.bias_each = args->bias_each;
    a.scale = args->scale;
    a.noise = args->noise;
    a.strength = args->strength;
    a.bias = args->bias;
    a.x = args->x;
    return a;
}

/* Elements in one access: a vector where shape and addresses (NULL counts as aligned) allow, else 1. */
static int width_of(const gan__scale_args *args)
{
    int width = 16 / (int)gan__cuda_dtype_size(args->dtype);
    bool fits = args->channels % width == 0 && gan__aligned(args->x, 16) && gan__aligned(args->y, 16) &&
                gan__aligned(args->dy, 16) && gan__aligned(args->dx, 16);
    return fits ? width : 1;
}

template <typename T, int W> static gan_status launch_forward(gan__cuda *cu, scaling a)
{
    unsigned threads = plan_parts(&a.m, W);
    return GAN__LAUNCH(cu, (scale_forward<T, W>), gan__grid_of(a.m.tasks), threads, 0, a);
}

gan_status gan__cuda_scale_forward(gan__backend *be, const gan__scale_args *args)
{
    gan__cuda *cu = gan__cuda_of(be);
    scaling a = scaling_of(args);
    a.out = args->y;
    bool vectors = width_of(args) > 1;
    if (args->dtype == GAN_BF16)
        return vectors ? launch_forward<gan__bf16, 8>(cu, a) : launch_forward<gan__bf16, 1>(cu, a);
    return vectors ? launch_forward<float, 4>(cu, a) : launch_forward<float, 1>(cu, a);
}

template <typename T, int W> static gan_status launch_backward(gan__cuda *cu, const scaling &a, unsigned threads)
{
    size_t shared = threads / GAN__WARP * (size_t)(W * a.m.across) * sizeof(float);
    if (a.dots)
        return GAN__LAUNCH(cu, (scale_backward<T, W, true>), gan__grid_of(a.m.tasks), threads, shared, a);
    return GAN__LAUNCH(cu, (scale_backward<T, W, false>), gan__grid_of(a.m.tasks), threads, shared, a);
}

/* to = the sum of `from` [a, b, c] over a and b, or over the axis that is not kept. */
static gan_status add_up(gan__backend *be, const float *from, const int64_t dim[3], bool keep_first, bool keep_second,
                         float *to)
{
    gan__array in = {}, out = {};
    in.data = (void *)from;
    out.data = to;
    in.dtype = out.dtype = GAN_F32;
    in.ndim = out.ndim = 3;
    for (int i = 0; i < 3; i++) {
        in.dim[i] = dim[i];
        out.dim[i] = (i == 0 && !keep_first) || (i == 1 && !keep_second) ? 1 : dim[i];
    }
    for (int i = 2; i >= 0; i--) {
        in.stride[i] = i == 2 ? 1 : in.stride[i + 1] * in.dim[i + 1];
        out.stride[i] = i == 2 ? 1 : out.stride[i + 1] * out.dim[i + 1];
    }
    return gan__cuda_reduce(be, GAN__REDUCE_SUM, &in, 1.0f, &out);
}

/* Where sums are kept until they are joined: a.part and a.dots of the results that are asked for. A result that one
 * block makes alone is written at once. */
static gan_status take_parts(gan__cuda *cu, const gan__scale_args *args, scaling *a, float **memory)
{
    float *const result[SUMS] = {args->dscale, args->dbias, args->noise ? args->dstrength : NULL};
    int64_t size = a->m.groups * a->m.parts * a->m.columns, dots = a->m.tiles * a->m.groups * a->m.rows, n = 0;
    bool one_tile = a->m.tiles == 1 && (!args->noise_shared || a->m.groups == 1);
    for (int i = 0; i < SUMS; i++)
        n += result[i] ? size : 0;
    n += args->dnoise && !one_tile ? dots : 0;
    size_t bytes = (size_t)n * sizeof(float);
    *memory = n > 0 ? (float *)gan__cuda_workspace(cu, bytes) : NULL;
    if (n > 0 && !*memory)
        return gan__cuda_no_memory(cu, bytes);
    float *next = *memory;
    for (int i = 0; i < SUMS; i++) {
        if (result[i]) {
            a->part[i] = next;
            next += size;
        }
    }
    a->dots = args->dnoise && !one_tile ? next : args->dnoise;
    return GAN_OK;
}

static gan_status join_parts(gan__backend *be, const gan__scale_args *args, const scaling &a)
{
    const int64_t sums[3] = {a.m.groups, a.m.parts, a.m.columns}, dots[3] = {a.m.tiles, a.m.groups, a.m.rows};
    gan_status status = GAN_OK;
    if (a.part[DSCALE])
        status = add_up(be, a.part[DSCALE], sums, true, false, args->dscale);
    if (status == GAN_OK && a.part[DBIAS])
        status = add_up(be, a.part[DBIAS], sums, args->bias_each, false, args->dbias);
    if (status == GAN_OK && a.part[DSTRENGTH])
        status = add_up(be, a.part[DSTRENGTH], sums, false, false, args->dstrength);
    if (status == GAN_OK && a.dots != args->dnoise)
        status = add_up(be, a.dots, dots, false, !args->noise_shared, args->dnoise);
    return status;
}

gan_status gan__cuda_scale_backward(gan__backend *be, const gan__scale_args *args)
{
    gan__cuda *cu = gan__cuda_of(be);
    scaling a = scaling_of(args);
    float *memory;
    int width = width_of(args);
    unsigned threads = plan_parts(&a.m, width);
    a.y = args->y;
    a.dy = args->dy;
    a.out = args->dx;
    gan_status status = take_parts(cu, args, &a, &memory);
    if (status != GAN_OK)
        return status;
    if (args->dtype == GAN_BF16)
        status =
            width > 1 ? launch_backward<gan__bf16, 8>(cu, a, threads) : launch_backward<gan__bf16, 1>(cu, a, threads);
    else
        status = width > 1 ? launch_backward<float, 4>(cu, a, threads) : launch_backward<float, 1>(cu, a, threads);
    if (status == GAN_OK)
        status = join_parts(be, args, a);
    if (memory)
        gan__cuda_workspace_free(cu, memory);
    return status;
}
