/*
 * norm.cu - normalization of x [G, R, C] over R.
 *
 * All kernels see a group as a matrix [rows, columns] and give a block `across` vectors of W columns and a share of the
 * rows: thread x of a row of threads keeps its columns' constants in registers, and rows go round the rest of the
 * block. With one channel (layer norm) a group is the matrix [R / W, W], whose columns are joined at the end, so that
 * loads are of 16 bytes there too.
 *
 * Statistics: deviations from a thread's first row are summed in f32, which gives mean and sum of squared deviations
 * without cancellation whatever the mean is; threads and blocks, with means counted from the group's first row, are
 * joined by the formula of Chan, Golub and LeVeque
 * ("Updating formulae and a pairwise algorithm for computing sample variances", 1979).
 *
 * Where few rows fall to a thread, or groups and columns alone fill the device, one launch does all, and x is read the
 * second time from a cache. Else partial results of blocks go to a workspace, a small launch joins them and a third
 * one applies them, from the last block to the first: what was read last is still in the cache. No atomics. All
 * kernels are bound by memory.
 */
#include "norm.cuh"

/* ---- statistics ---- */

template <typename T, int W, int U>
static __device__ __forceinline__ void add_deviations(const T *x, int64_t stride, const gan__lanes<W> &first,
                                                      pairs<W> *p)
{
    gan__lanes<W> v[U];
    GAN__UNROLL
    for (int u = 0; u < U; u++)
        gan__load_lanes(x + u * stride, &v[u]);
    GAN__UNROLL
    for (int u = 0; u < U; u++) {
        GAN__UNROLL
        for (int w = 0; w < W; w++) {
            float d = v[u].value[w] - first.value[w];
            p->a[w] += d;
            p->b[w] += d * d;
        }
    }
}

/* What the means of a thread's columns are counted from while they are joined: the group's first row, so that they
 * keep their digits where the mean is large. */
template <typename T, int W> static __device__ __forceinline__ gan__lanes<W> origin_of(const problem &a, const share &s)
{
    gan__lanes<W> origin = {};
    const T *x = (const T *)a.x + element(a.m, s, 0);
    if (a.m.merged) {
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            origin.value[w] = gan__load(x);
    } else if (s.inside) {
        gan__load_lanes(x, &origin);
    }
    return origin;
}

/* The moments of the thread's rows of its part. */
template <typename T, int W>
static __device__ __forceinline__ pairs<W> moments_of(const problem &a, const share &s, const gan__lanes<W> &origin)
{
    pairs<W> p = {};
    int64_t row = s.begin + s.y;
    if (!s.inside || row >= s.end)
        return p;
    const int64_t stride = s.down * a.m.columns;
    const T *x = (const T *)a.x + element(a.m, s, row);
    gan__lanes<W> first;
    gan__load_lanes(x, &first);
    float n = 0.0f;
    for (; row + 3 * s.down < s.end; row += 4 * s.down, x += 4 * stride, n += 4.0f)
        add_deviations<T, W, 4>(x, stride, first, &p);
    for (; row < s.end; row += s.down, x += stride, n += 1.0f)
        add_deviations<T, W, 1>(x, stride, first, &p);
    GAN__UNROLL
    for (int w = 0; w < W; w++) {
        float d = p.a[w] / n;
        float square = p.b[w] - p.a[w] * d;
        p.a[w] = (first.value[w] - origin.value[w]) + d;
        p.b[w] = square < 0.0f ? 0.0f : square;
    }
    p.n = n;
    return p;
}

static __device__ __forceinline__ float rstd_of(const problem &a, float m2)
{
    return 1.0f / sqrtf(m2 / a.count + a.eps);
}

/* ---- y ---- */

template <typename T, int W, int U>
static __device__ __forceinline__ void normalize(const problem &a, int64_t at, int64_t stride, const float *mean,
                                                 const float *scale, const float *shift)
{
    gan__lanes<W> v[U];
    GAN__UNROLL
    for (int u = 0; u < U; u++)
        gan__load_lanes((const T *)a.x + at + u * stride, &v[u]);
    GAN__UNROLL
    for (int u = 0; u < U; u++) {
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            v[u].value[w] = (v[u].value[w] - mean[w]) * scale[w] + shift[w];
        activate(a.activation, &v[u]);
        gan__store_lanes((T *)a.out + at + u * stride, v[u]);
    }
}

template <typename T, int W>
static __device__ __forceinline__ void normalize_rows(const problem &a, const share &s, const float *mean,
                                                      const float *rstd)
{
    float scale[W], shift[W];
    GAN__UNROLL
    for (int w = 0; w < W; w++) {
        int64_t c = affine_at(a, s, w);
        scale[w] = a.gamma ? a.gamma[c] * rstd[w] : rstd[w];
        shift[w] = a.beta ? a.beta[c] : 0.0f;
    }
    int64_t row = s.begin + s.y, at = element(a.m, s, row);
    const int64_t stride = s.down * a.m.columns;
    for (; row + 3 * s.down < s.end; row += 4 * s.down, at += 4 * stride)
        normalize<T, W, 4>(a, at, stride, mean, scale, shift);
    for (; row < s.end; row += s.down, at += stride)
        normalize<T, W, 1>(a, at, stride, mean, scale, shift);
}

/* ---- kernels of the forward pass ---- */

/* Floats of join_block's scratch. */
static inline size_t scratch_bytes(const matrix &m, int width, unsigned threads)
{
    return (threads / GAN__WARP + 1) * (size_t)(2 * width * m.across + 1) * sizeof(float);
}

static __device__ __forceinline__ void store_moments(const problem &a, int64_t at, float mean, float m2)
{
    a.mean[at] = mean;
    a.rstd[at] = rstd_of(a, m2);
}

/* Statistics and y of whole columns. */
template <typename T, int W> static __global__ void __launch_bounds__(GAN__SMALL_THREADS) norm_forward(problem a)
{
    GAN__DYNAMIC_SHARED(float, scratch);
    for (int64_t task = blockIdx.x; task < a.m.tasks; task += gridDim.x) {
        share s = share_of(a.m, task, W);
        gan__lanes<W> origin = origin_of<T, W>(a, s);
        pairs<W> p = moments_of<T, W>(a, s, origin);
        join_block<moments, W>(&p, s, a.m, scratch);
        if (!s.inside)
            continue;
        float rstd[W];
        GAN__UNROLL
        for (int w = 0; w < W; w++) {
            p.a[w] += origin.value[w];
            rstd[w] = rstd_of(a, p.b[w]);
            if (s.y == 0 && (w == 0 || !a.m.merged))
                store_moments(a, s.group * a.m.channels + channel(a.m, s, w), p.a[w], p.b[w]);
        }
        normalize_rows<T, W>(a, s, p.a, rstd);
    }
}

/* p as the partial result of its group, part and columns. */
template <int W> static __device__ __forceinline__ void store_part(const problem &a, const share &s, const pairs<W> &p)
{
    float *to = a.part + (s.group * a.m.parts + s.part) * 2 * a.m.channels;
    GAN__UNROLL
    for (int w = 0; w < W; w++) {
        if (s.inside && s.y == 0 && (w == 0 || !a.m.merged)) {
            to[channel(a.m, s, w)] = p.a[w];
            to[a.m.channels + channel(a.m, s, w)] = p.b[w];
        }
    }
}

template <typename T, int W> static __global__ void __launch_bounds__(GAN__THREADS) norm_moments(problem a)
{
    GAN__DYNAMIC_SHARED(float, scratch);
    for (int64_t task = blockIdx.x; task < a.m.tasks; task += gridDim.x) {
        share s = share_of(a.m, task, W);
        pairs<W> p = moments_of<T, W>(a, s, origin_of<T, W>(a, s));
        join_block<moments, W>(&p, s, a.m, scratch);
        store_part(a, s, p);
    }
}

template <typename T, int W> static __global__ void __launch_bounds__(GAN__THREADS) norm_apply(problem a)
{
    for (int64_t task = blockIdx.x; task < a.m.tasks; task += gridDim.x) {
        share s = share_of(a.m, a.m.tasks - 1 - task, W);
        if (!s.inside)
            continue;
        float mean[W], rstd[W];
        GAN__UNROLL
        for (int w = 0; w < W; w++) {
            int64_t c = s.group * a.m.channels + channel(a.m, s, w);
            mean[w] = a.mean[c];
            rstd[w] = a.rstd[c];
        }
        normalize_rows<T, W>(a, s, mean, rstd);
    }
}

/* ---- joining parts ---- */

/* `m` is a matrix [groups, parts, channels] here, of pairs; `full` values lie in each part but the last of a group. */
typedef struct joining {
    problem a;
    const float *from; /* [groups, rows, 2, channels] */
    float full, last;
    gan_dtype dtype; /* of x */
    int64_t group;   /* elements of x in a group */
} joining;

template <typename Join> static __device__ __forceinline__ pairs<1> parts_of(const joining &j, const share &s)
{
    pairs<1> p = {};
    const matrix &m = j.a.m;
    for (int64_t row = s.y; s.inside && row < m.rows; row += s.down) {
        const float *from = j.from + (s.group * m.rows + row) * 2 * m.channels + s.column;
        Join::join(&p.a[0], &p.b[0], &p.n, from[0], from[m.channels], row + 1 < m.rows ? j.full : j.last);
    }
    return p;
}

static __global__ void __launch_bounds__(GAN__THREADS) norm_join_moments(joining j)
{
    GAN__DYNAMIC_SHARED(float, scratch);
    for (int64_t task = blockIdx.x; task < j.a.m.tasks; task += gridDim.x) {
        share s = share_of(j.a.m, task, 1);
        pairs<1> p = parts_of<moments>(j, s);
        join_block<moments, 1>(&p, s, j.a.m, scratch);
        if (s.inside && s.y == 0) {
            int64_t at = s.group * j.group + s.column;
            float origin =
                j.dtype == GAN_BF16 ? gan__load((const gan__bf16 *)j.a.x + at) : gan__load((const float *)j.a.x + at);
            store_moments(j.a, s.group * j.a.m.channels + s.column, origin + p.a[0], p.b[0]);
        }
    }
}

/* Sums over rows; dgamma and dbeta are given where there is one group, or where they are each group's own. */
static __global__ void __launch_bounds__(GAN__THREADS) norm_join_sums(joining j)
{
    GAN__DYNAMIC_SHARED(float, scratch);
    for (int64_t task = blockIdx.x; task < j.a.m.tasks; task += gridDim.x) {
        share s = share_of(j.a.m, task, 1);
        pairs<1> p = parts_of<plain_sums>(j, s);
        join_block<plain_sums, 1>(&p, s, j.a.m, scratch);
        if (!s.inside || s.y > 0)
            continue;
        if (j.a.sums) {
            j.a.sums[s.group * 2 * j.a.m.channels + s.column] = p.a[0];
            j.a.sums[(s.group * 2 + 1) * j.a.m.channels + s.column] = p.b[0];
        }
        if (j.a.dgamma)
            j.a.dgamma[s.group * j.a.m.channels + s.column] = p.a[0];
        if (j.a.dbeta)
            j.a.dbeta[s.group * j.a.m.channels + s.column] = p.b[0];
    }
}

/* ---- gradients ---- */

/* x and the gradient before the activation of U rows. */
template <typename T, int W, int U>
static __device__ __forceinline__ void load_gradient(const problem &a, int64_t at, int64_t stride, gan__lanes<W> x[U],
                                                     gan__lanes<W> g[U])
{
    gan__lanes<W> y[U];
    GAN__UNROLL
    for (int u = 0; u < U; u++) {
        gan__load_lanes((const T *)a.x + at + u * stride, &x[u]);
        gan__load_lanes((const T *)a.dy + at + u * stride, &g[u]);
        if (a.activation.kind != GAN_LINEAR)
            gan__load_lanes((const T *)a.y + at + u * stride, &y[u]);
        else
            y[u] = g[u];
    }
    GAN__UNROLL
    for (int u = 0; u < U; u++)
        GAN__UNROLL
    for (int w = 0; w < W; w++)
        g[u].value[w] = before_activation(a.activation, g[u].value[w], y[u].value[w]);
}

template <typename T, int W, int U>
static __device__ __forceinline__ void add_gradients(const problem &a, int64_t at, int64_t stride, const float *mean,
                                                     pairs<W> *p)
{
    gan__lanes<W> x[U], g[U];
    load_gradient<T, W, U>(a, at, stride, x, g);
    GAN__UNROLL
    for (int u = 0; u < U; u++) {
        GAN__UNROLL
        for (int w = 0; w < W; w++) {
            p->a[w] += g[u].value[w] * (x[u].value[w] - mean[w]);
            p->b[w] += g[u].value[w];
        }
    }
}

/* Rows of three arrays that are loaded before the first is used. */
template <typename T> struct gradient_rows {
    static const int count = sizeof(T) == 4 ? 4 : 2;
};

/* The sums of g xhat and g over the thread's rows of its part. */
template <typename T, int W>
static __device__ __forceinline__ pairs<W> sums_of(const problem &a, const share &s, const float *mean,
                                                   const float *rstd)
{
    const int u = gradient_rows<T>::count;
    pairs<W> p = {};
    int64_t row = s.begin + s.y, at = element(a.m, s, row);
    const int64_t stride = s.down * a.m.columns;
    for (; s.inside && row + (u - 1) * s.down < s.end; row += u * s.down, at += u * stride)
        add_gradients<T, W, u>(a, at, stride, mean, &p);
    for (; s.inside && row < s.end; row += s.down, at += stride)
        add_gradients<T, W, 1>(a, at, stride, mean, &p);
    GAN__UNROLL
    for (int w = 0; w < W; w++)
        p.a[w] *= rstd[w];
    return p;
}

template <typename T, int W, int U>
static __device__ __forceinline__ void give_gradient(const problem &a, int64_t at, int64_t stride, const float *mean,
                                                     const float *k0, const float *k1, const float *k2)
{
    gan__lanes<W> x[U], g[U];
    load_gradient<T, W, U>(a, at, stride, x, g);
    GAN__UNROLL
    for (int u = 0; u < U; u++) {
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            g[u].value[w] = k0[w] * g[u].value[w] - k1[w] - (x[u].value[w] - mean[w]) * k2[w];
        gan__store_lanes((T *)a.out + at + u * stride, g[u]);
    }
}

/* dx = gamma rstd (g - mean(g) - xhat mean(g xhat)), as k0 g - k1 - (x - mean) k2, from the sums. */
template <typename T, int W>
static __device__ __forceinline__ void give_gradients(const problem &a, const share &s, const float *mean,
                                                      const float *rstd, const float *sum_gx, const float *sum_g)
{
    const int u = gradient_rows<T>::count;
    float k0[W], k1[W], k2[W];
    GAN__UNROLL
    for (int w = 0; w < W; w++) {
        k0[w] = a.gamma ? a.gamma[affine_at(a, s, w)] * rstd[w] : rstd[w];
        k1[w] = k0[w] * (sum_g[w] / a.count);
        k2[w] = k0[w] * rstd[w] * (sum_gx[w] / a.count);
    }
    int64_t row = s.begin + s.y, at = element(a.m, s, row);
    const int64_t stride = s.down * a.m.columns;
    for (; row + (u - 1) * s.down < s.end; row += u * s.down, at += u * stride)
        give_gradient<T, W, u>(a, at, stride, mean, k0, k1, k2);
    for (; row < s.end; row += s.down, at += stride)
        give_gradient<T, W, 1>(a, at, stride, mean, k0, k1, k2);
}

template <int W>
static __device__ __forceinline__ void load_statistics(const problem &a, const share &s, float mean[W], float rstd[W])
{
    GAN__UNROLL
    for (int w = 0; w < W; w++) {
        int64_t c = s.group * a.m.channels + channel(a.m, s, w);
        mean[w] = s.inside ? a.mean[c] : 0.0f;
        rstd[w] = s.inside ? a.rstd[c] : 0.0f;
    }
}

/* Sums and dx of whole columns; the sums go to dgamma and dbeta if no other group adds to them, else to a.part. */
template <typename T, int W> static __global__ void __launch_bounds__(GAN__SMALL_THREADS) norm_backward(problem a)
{
    GAN__DYNAMIC_SHARED(float, scratch);
    for (int64_t task = blockIdx.x; task < a.m.tasks; task += gridDim.x) {
        share s = share_of(a.m, task, W);
        float mean[W], rstd[W];
        load_statistics<W>(a, s, mean, rstd);
        pairs<W> p = sums_of<T, W>(a, s, mean, rstd);
        join_block<plain_sums, W>(&p, s, a.m, scratch);
        if (a.part)
            store_part(a, s, p);
        GAN__UNROLL
        for (int w = 0; w < W; w++) {
            bool gives = s.inside && s.y == 0 && (w == 0 || !a.m.merged);
            if (gives && a.dgamma)
                a.dgamma[affine_at(a, s, w)] = p.a[w];
            if (gives && a.dbeta)
                a.dbeta[affine_at(a, s, w)] = p.b[w];
        }
        if (a.out && s.inside)
            give_gradients<T, W>(a, s, mean, rstd, p.a, p.b);
    }
}

template <typename T, int W> static __global__ void __launch_bounds__(GAN__THREADS) norm_sums(problem a)
{
    GAN__DYNAMIC_SHARED(float, scratch);
    for (int64_t task = blockIdx.x; task < a.m.tasks; task += gridDim.x) {
        share s = share_of(a.m, task, W);
        float mean[W], rstd[W];
        load_statistics<W>(a, s, mean, rstd);
        pairs<W> p = sums_of<T, W>(a, s, mean, rstd);
        join_block<plain_sums, W>(&p, s, a.m, scratch);
        store_part(a, s, p);
    }
}

template <typename T, int W> static __global__ void __launch_bounds__(GAN__THREADS) norm_gradient(problem a)
{
    for (int64_t task = blockIdx.x; task < a.m.tasks; task += gridDim.x) {
        share s = share_of(a.m, a.m.tasks - 1 - task, W);
        if (!s.inside)
            continue;
        float mean[W], rstd[W], sum_gx[W], sum_g[W];
        load_statistics<W>(a, s, mean, rstd);
        GAN__UNROLL
        for (int w = 0; w < W; w++) {
            const float *sums = a.sums + s.group * 2 * a.m.channels + channel(a.m, s, w);
            sum_gx[w] = sums[0];
            sum_g[w] = sums[a.m.channels];
        }
        give_gradients<T, W>(a, s, mean, rstd, sum_gx, sum_g);
    }
}

/* ---- the division of the work ---- */

/* Whole columns for a block, if that is the best; columns are taken in 128 bytes at least. */
static bool plan_whole(matrix *m, int width, unsigned *threads)
{
    int64_t vectors = gan__ceil_div(m->columns, width);
    m->across = gan__power_of_two(vectors, width == 1 ? 32 : 8);
    int64_t blocks = m->groups * tiles_of(m, width);
    *threads = threads_of(m, gan__ceil_div(m->rows, 4), blocks >= 512 ? GAN__THREADS : GAN__SMALL_THREADS);
    set_parts(m, width, 1, 1);
    int64_t each = gan__ceil_div(m->rows, *threads / (unsigned)m->across);
    return each <= 32 || (blocks >= 512 && each <= GAN__LONG);
}

/* Elements in one access: a vector where shape and addresses allow, else 1. */
static int width_of(const gan__norm_args *args, bool backward)
{
    int width = 16 / (int)gan__cuda_dtype_size(args->dtype);
    bool fits = (args->channels == 1 ? args->rows : args->channels) % width == 0 && gan__aligned(args->x, 16);
    if (!backward || args->activation.kind != GAN_LINEAR)
        fits = fits && gan__aligned(args->y, 16);
    if (backward)
        fits = fits && gan__aligned(args->dy, 16) && gan__aligned(args->dx, 16);
    return fits ? width : 1;
}

static problem problem_of(const gan__norm_args *args, int width)
{
    problem a = {};
    a.m.groups = args->groups;
    a.m.channels = args->channels;
    a.m.merged = args->channels == 1 && width > 1;
    a.m.rows = a.m.merged ? args->rows / width : args->rows;
    a.m.columns = a.m.merged ? width : args->channels;
    a.eps = args->eps;
    a.affine_each = args->affine_each;
    a.count = (float)args->rows;
    a.activation = args->activation;
    a.x = args->x;
    a.gamma = args->gamma;
    a.beta = args->beta;
    a.mean = args->mean;
    a.rstd = args->rstd;
    return a;
}

/* Launch `kernel` for a's element type and width. */
#define GAN__NORM_LAUNCH(cu, kernel, dtype, width, threads, shared, a)                                                 \
    ((dtype) == GAN_BF16                                                                                               \
         ? ((width) > 1                                                                                                \
                ? GAN__LAUNCH(cu, (kernel<gan__bf16, 8>), gan__grid_of((a).m.tasks), (threads), (shared), (a))         \
                : GAN__LAUNCH(cu, (kernel<gan__bf16, 1>), gan__grid_of((a).m.tasks), (threads), (shared), (a)))        \
         : ((width) > 1 ? GAN__LAUNCH(cu, (kernel<float, 4>), gan__grid_of((a).m.tasks), (threads), (shared), (a))     \
                        : GAN__LAUNCH(cu, (kernel<float, 1>), gan__grid_of((a).m.tasks), (threads), (shared), (a))))

/* Pairs [groups, rows, 2, channels] at `from`, joined over rows. */
static joining joining_of(const problem &a, int64_t groups, int64_t rows, const float *from, unsigned *threads)
{
    joining j = {};
    j.a = a;
    j.from = from;
    matrix *m = &j.a.m;
    m->groups = groups;
    m->rows = rows;
    m->columns = m->channels;
    m->merged = false;
    m->across = gan__power_of_two(m->channels, rows > 8 ? 8 : GAN__WARP);
    *threads = threads_of(m, rows, GAN__THREADS);
    set_parts(m, 1, 1, 1);
    return j;
}

/* Workspace for n floats into *out. */
static gan_status take(gan__cuda *cu, int64_t n, float **out)
{
    size_t bytes = (size_t)n * sizeof(float);
    *out = (float *)gan__cuda_workspace(cu, bytes);
    return *out ? GAN_OK : gan__cuda_no_memory(cu, bytes);
}

gan_status gan__cuda_norm_apply(gan__backend *be, const gan__norm_args *args)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (args->groups * args->rows * args->channels == 0)
        return GAN_OK;
    int width = width_of(args, false);
    problem a = problem_of(args, width);
    a.out = args->y;
    unsigned threads = plan_parts(&a.m, width);
    return GAN__NORM_LAUNCH(cu, norm_apply, args->dtype, width, threads, 0, a);
}

static gan_status moments_by_parts(gan__cuda *cu, gan_dtype dtype, int width, problem *a)
{
    unsigned threads = plan_parts(&a->m, width);
    gan_status status = take(cu, a->m.groups * a->m.parts * 2 * a->m.channels, &a->part);
    if (status != GAN_OK)
        return status;
    status = GAN__NORM_LAUNCH(cu, norm_moments, dtype, width, threads, scratch_bytes(a->m, width, threads), *a);
    if (status == GAN_OK) {
        joining j = joining_of(*a, a->m.groups, a->m.parts, a->part, &threads);
        int64_t per_row = a->m.merged ? width : 1;
        j.dtype = dtype;
        j.group = a->m.rows * a->m.columns;
        j.full = (float)(a->m.per_part * per_row);
        j.last = (float)((a->m.rows - (a->m.parts - 1) * a->m.per_part) * per_row);
        status =
            GAN__LAUNCH(cu, norm_join_moments, gan__grid_of(j.a.m.tasks), threads, scratch_bytes(j.a.m, 1, threads), j);
    }
    gan__cuda_workspace_free(cu, a->part);
    return status;
}

gan_status gan__cuda_norm_forward(gan__backend *be, const gan__norm_args *args)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (args->groups * args->rows * args->channels == 0)
        return GAN_OK;
    int width = width_of(args, false);
    problem a = problem_of(args, width);
    a.out = args->y;
    unsigned threads;
    if (plan_whole(&a.m, width, &threads))
        return GAN__NORM_LAUNCH(cu, norm_forward, args->dtype, width, threads, scratch_bytes(a.m, width, threads), a);
    gan_status status = moments_by_parts(cu, args->dtype, width, &a);
    return status == GAN_OK ? gan__cuda_norm_apply(be, args) : status;
}

/* dgamma and dbeta from `rows` pairs of sums, or from the parts of each group its sums. */
static gan_status join_sums(gan__cuda *cu, const problem *a, int64_t groups, int64_t rows, const float *from,
                            float *sums, float *dgamma, float *dbeta)
{
    unsigned threads;
    joining j = joining_of(*a, groups, rows, from, &threads);
    j.a.sums = sums;
    j.a.dgamma = dgamma;
    j.a.dbeta = dbeta;
    return GAN__LAUNCH(cu, norm_join_sums, gan__grid_of(j.a.m.tasks), threads, scratch_bytes(j.a.m, 1, threads), j);
}

static gan_status backward_whole(gan__cuda *cu, const gan__norm_args *args, int width, unsigned threads, problem *a)
{
    bool one = args->groups == 1 || args->affine_each, affine = args->dgamma || args->dbeta;
    if (one) {
        a->dgamma = args->dgamma;
        a->dbeta = args->dbeta;
    }
    gan_status status = GAN_OK;
    if (!one && affine && (status = take(cu, args->groups * 2 * args->channels, &a->part)) != GAN_OK)
        return status;
    status = GAN__NORM_LAUNCH(cu, norm_backward, args->dtype, width, threads, scratch_bytes(a->m, width, threads), *a);
    if (a->part) {
        if (status == GAN_OK)
            status = join_sums(cu, a, 1, args->groups, a->part, NULL, args->dgamma, args->dbeta);
        gan__cuda_workspace_free(cu, a->part);
    }
    return status;
}

static gan_status backward_by_parts(gan__cuda *cu, const gan__norm_args *args, int width, problem *a)
{
    bool one = args->groups == 1 || args->affine_each;
    unsigned threads = plan_parts(&a->m, width);
    int64_t pair = 2 * args->channels;
    gan_status status = take(cu, args->groups * (a->m.parts + 1) * pair, &a->part);
    if (status != GAN_OK)
        return status;
    a->sums = a->part + args->groups * a->m.parts * pair;
    status = GAN__NORM_LAUNCH(cu, norm_sums, args->dtype, width, threads, scratch_bytes(a->m, width, threads), *a);
    if (status == GAN_OK)
        status = join_sums(cu, a, args->groups, a->m.parts, a->part, a->sums, one ? args->dgamma : NULL,
                           one ? args->dbeta : NULL);
    if (status == GAN_OK && !one && (args->dgamma || args->dbeta))
        status = join_sums(cu, a, 1, args->groups, a->sums, NULL, args->dgamma, args->dbeta);
    if (status == GAN_OK && args->dx)
        status = GAN__NORM_LAUNCH(cu, norm_gradient, args->dtype, width, threads, 0, *a);
    gan__cuda_workspace_free(cu, a->part);
    return status;
}

gan_status gan__cuda_norm_backward(gan__backend *be, const gan__norm_args *args)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (args->groups * args->rows * args->channels == 0)
        return GAN_OK;
    int width = width_of(args, true);
    problem a = problem_of(args, width);
    a.y = args->y;
    a.dy = args->dy;
    a.out = args->dx;
    unsigned threads;
    if (plan_whole(&a.m, width, &threads))
        return backward_whole(cu, args, width, threads, &a);
    return backward_by_parts(cu, args, width, &a);
}
