/*
 * Images warped by matrices, and the adjoint.
 *
 * First a small kernel makes of each theta what the others need (affine.h), in double precision, once for each image.
 * Then a thread owns a pixel and V of its channels, so that positions are found once for them. The adjoint gathers: the
 * place of an input pixel in the output, and of its mirror images, follows from the inverse matrix; of the few output
 * pixels around it each is asked, by the forward formula, how much of the input pixel it shows. No two threads add to
 * one element, and the order of the sum is that of the output.
 */
#include "index.cuh"
#include "lanes.cuh"

#include "backend/affine.h"

#define THREADS 256

typedef struct warp {
    int64_t images, items, channels, row, image; /* elements of a row and of an image */
    gan__extent packs, width, height;            /* packs of channels in a pixel */
    bool reflect;
} warp;

static __global__ void __launch_bounds__(THREADS) prepare(const float *theta, gan__affine *out, warp p)
{
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t n = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; n < p.images; n += step)
        out[n] = gan__affine_of(theta + 6 * n, p.height.value, p.width.value, p.reflect);
}

/* V channels, loaded one by one: 3 of them have no common access. */
template <int V> struct some {
    float value[V];
};

template <typename T, int V>
static __device__ __forceinline__ void add(some<V> &sum, float weight, const T *__restrict__ from)
{
    if constexpr (V == gan__pack16<T>::width) {
        gan__pack16<T> x = gan__load16(from);
        for (int i = 0; i < V; i++)
            sum.value[i] += weight * x.value[i];
    } else {
        for (int i = 0; i < V; i++)
            sum.value[i] += weight * gan__load(from + i);
    }
}

template <typename T, int V> static __device__ __forceinline__ void store(T *to, const some<V> &x)
{
    if constexpr (V == gan__pack16<T>::width) {
        gan__pack16<T> out;
        for (int i = 0; i < V; i++)
            out.value[i] = x.value[i];
        gan__store16(to, out);
    } else {
        for (int i = 0; i < V; i++)
            gan__store(to + i, x.value[i]);
    }
}

/* What a thread works on: a pixel, its distance from the centre, and where its channels begin. */
struct place {
    int64_t n, channel;
    int row, column;
};

static __device__ __forceinline__ place place_of(int64_t i, const warp &p, int lanes)
{
    int64_t channel, column, row;
    int64_t n = gan__split(gan__split(gan__split(i, p.packs, &channel), p.width, &column), p.height, &row);
    return place{n, channel * lanes, (int)row, (int)column};
}

struct sample {
    template <typename T, int V>
    static __device__ void of(const T *__restrict__ image, const gan__affine &t, const warp &p, const place &at,
                              some<V> &sum)
    {
        int height = (int)p.height.value, width = (int)p.width.value;
        float v = (float)at.row - 0.5f * (float)(height - 1), u = (float)at.column - 0.5f * (float)(width - 1), x, y;
        int left = gan__affine_at(&t, 0, u, v, width, &x), top = gan__affine_at(&t, 1, u, v, height, &y);
        for (int i = 0; i < 2; i++) {
            int row = gan__affine_pixel(top + i, height, p.reflect);
            for (int j = 0; j < 2; j++) {
                int column = gan__affine_pixel(left + j, width, p.reflect);
                if (row >= 0 && column >= 0)
                    add(sum, (i ? y : 1.0f - y) * (j ? x : 1.0f - x), image + row * p.row + column * p.channels);
            }
        }
    }
};

/* With which weight the position between `below` and `below` + 1 shows sample i. */
static __device__ __forceinline__ float weight_of(int i, int below, float behind)
{
    return below == i ? 1.0f - behind : below == i - 1 ? behind : 0.0f;
}

struct adjoint {
    /* Outputs between *from and *to show the sample whose place along an axis is `at`. */
    static __device__ __forceinline__ void range(float at, float reach, int n, int *from, int *to)
    {
        float low = ceilf(at - reach), high = floorf(at + reach);
        *from = low > 0.0f ? (int)fminf(low, (float)n) : 0;
        *to = high < (float)(n - 1) ? (int)fmaxf(high, -1.0f) : n - 1;
    }

    /* Of the sample at (x, y), which may be a mirror image. */
    template <typename T, int V>
    static __device__ void of_tile(const T *__restrict__ image, const gan__affine &t, const warp &p, int x, int y,
                                   some<V> &sum)
    {
        int height = (int)p.height.value, width = (int)p.width.value, left, right, top, bottom;
        float cx = 0.5f * (float)(width - 1), cy = 0.5f * (float)(height - 1);
        float dx = (float)x - t.m[0][2], dy = (float)y - t.m[1][2];
        range(t.inverse[0][0] * dx + t.inverse[0][1] * dy + cx, t.reach[0], width, &left, &right);
        range(t.inverse[1][0] * dx + t.inverse[1][1] * dy + cy, t.reach[1], height, &top, &bottom);
        for (int i = top; i <= bottom; i++) {
            for (int j = left; j <= right; j++) {
                float bx, by;
                int column = gan__affine_at(&t, 0, (float)j - cx, (float)i - cy, width, &bx);
                int row = gan__affine_at(&t, 1, (float)j - cx, (float)i - cy, height, &by);
                float weight = weight_of(x, column, bx) * weight_of(y, row, by);
                if (weight != 0.0f)
                    add(sum, weight, image + i * p.row + j * p.channels);
            }
        }
    }

    template <typename T, int V>
    static __device__ void of(const T *__restrict__ image, const gan__affine &t, const warp &p, const place &at,
                              some<V> &sum)
    {
        int height = (int)p.height.value, width = (int)p.width.value;
        for (int m = t.low[1]; m <= t.high[1]; m++) {
            int y = m * height + (m & 1 ? height - 1 - at.row : at.row);
            for (int n = t.low[0]; n <= t.high[0]; n++)
                of_tile(image, t, p, n * width + (n & 1 ? width - 1 - at.column : at.column), y, sum);
        }
    }
};

template <typename T, int V, typename How>
static __global__ void __launch_bounds__(THREADS)
    gather(const T *__restrict__ from, const gan__affine *__restrict__ matrix, T *__restrict__ to, warp p)
{
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < p.items; i += step) {
        place at = place_of(i, p, V);
        gan__affine t = matrix[at.n];
        some<V> sum = {};
        if (t.shown)
            How::of(from + at.n * p.image + at.channel, t, p, at, sum);
        store(to + i * V, sum);
    }
}

template <typename T, int V, typename How>
static gan_status launch(gan__cuda *cu, const gan__array *from, const gan__affine *matrix, const gan__array *to, warp p)
{
    p.items = gan__cuda_count(to) / V;
    p.packs = gan__extent_of(p.channels / V, p.items);
    p.width = gan__extent_of(to->dim[2], p.items);
    p.height = gan__extent_of(to->dim[1], p.items);
    return GAN__LAUNCH(cu, (gather<T, V, How>), gan__grid_for(cu, p.items, THREADS, 1), THREADS, 0,
                       (const T *)from->data, matrix, (T *)to->data, p);
}

template <typename T, typename How>
static gan_status launch_typed(gan__cuda *cu, const gan__array *from, const gan__affine *matrix, const gan__array *to,
                               const warp &p)
{
    const int width = gan__pack16<T>::width;
    if (p.channels % width == 0 && gan__aligned(from->data, 16) && gan__aligned(to->data, 16))
        return launch<T, gan__pack16<T>::width, How>(cu, from, matrix, to, p);
    return p.channels % 3 == 0 ? launch<T, 3, How>(cu, from, matrix, to, p)
                               : launch<T, 1, How>(cu, from, matrix, to, p);
}

template <typename How>
static gan_status run(gan__backend *be, const float *theta, gan_border border, const gan__array *from,
                      const gan__array *to)
{
    gan__cuda *cu = gan__cuda_of(be);
    warp p = {};
    p.images = to->dim[0];
    p.channels = to->dim[3], p.row = to->dim[2] * to->dim[3], p.image = to->dim[1] * p.row;
    p.width.value = to->dim[2], p.height.value = to->dim[1];
    p.reflect = border == GAN_BORDER_REFLECT;
    size_t bytes = (size_t)p.images * sizeof(gan__affine);
    gan__affine *matrix = (gan__affine *)gan__cuda_workspace(cu, bytes);
    if (!matrix)
        return gan__cuda_no_memory(cu, bytes);
    gan_status status = GAN__LAUNCH(cu, prepare, gan__grid_for(cu, p.images, THREADS, 1), THREADS, 0, theta, matrix, p);
    if (status == GAN_OK)
        status = to->dtype == GAN_BF16 ? launch_typed<gan__bf16, How>(cu, from, matrix, to, p)
                                       : launch_typed<float, How>(cu, from, matrix, to, p);
    gan__cuda_workspace_free(cu, matrix);
    return status;
}

gan_status gan__cuda_affine_sample(gan__backend *be, const float *theta, gan_border border, const gan__array *x,
                                   const gan__array *y)
{
    return run<sample>(be, theta, border, x, y);
}

gan_status gan__cuda_affine_adjoint(gan__backend *be, const float *theta, gan_border border, const gan__array *y,
                                    const gan__array *x)
{
    return run<adjoint>(be, theta, border, y, x);
}
