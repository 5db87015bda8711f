/*
 * Pooling windows, bilinear resizing and reflection padding of NHWC images, and their adjoints.
 *
 * All are linear maps that treat the channels alike. One kernel serves them: each thread owns an output element, or
 * the 16 bytes of neighbouring channels where the tensors allow it, and gathers what it is made of; the adjoints gather
 * as well, so that no two threads add to one element and the results do not depend on their order. Neighbouring threads
 * read neighbouring channels; what several of them read again comes from the caches, so that each map moves little more
 * than its input and its output once. Blocks of 256 threads, as many as the device holds a few times over.
 */
#include "index.cuh"

#define GAN__IMAGE_THREADS 256

/* V neighbouring channels of a pixel. */
template <int V> struct channels {
    float value[V];
};

template <typename T, int V>
static __device__ __forceinline__ void add(channels<V> &sum, float weight, const T *__restrict__ from)
{
    if constexpr (V == 1) {
        sum.value[0] += weight * gan__load(from);
    } else {
        gan__pack16<T> x = gan__load16(from);
        for (int i = 0; i < V; i++)
            sum.value[i] += weight * x.value[i];
    }
}

template <int V> static __device__ __forceinline__ void add(channels<V> &sum, float weight, const channels<V> &x)
{
    for (int i = 0; i < V; i++)
        sum.value[i] += weight * x.value[i];
}

template <typename T, int V> static __device__ __forceinline__ void store(T *to, const channels<V> &x)
{
    if constexpr (V == 1) {
        gan__store(to, x.value[0]);
    } else {
        gan__pack16<T> out;
        for (int i = 0; i < V; i++)
            out.value[i] = x.value[i];
        gan__store16(to, out);
    }
}

/* The image that is read: `height` rows of `row` elements, pixels of `channels`. */
typedef struct source {
    int64_t height, width, channels, row;
} source;

/* The image that is written, in items of V channels. */
typedef struct target {
    int64_t items;
    gan__extent height, width, channels;
} target;

/* `how` adds to a sum what the pixel at (y, x) is made of; the image that it reads begins at the item's channels. */
template <typename T, int V, typename How>
static __global__ void __launch_bounds__(GAN__IMAGE_THREADS)
    gather(const T *__restrict__ from, T *__restrict__ to, source in, target out, How how)
{
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < out.items; i += step) {
        int64_t channel, x, y;
        int64_t n = gan__split(gan__split(gan__split(i, out.channels, &channel), out.width, &x), out.height, &y);
        channels<V> sum = {};
        how.at(from + n * in.height * in.row + channel * V, in, y, x, sum);
        store(to + i * V, sum);
    }
}

template <typename T, int V, typename How>
static gan_status launch(gan__cuda *cu, const gan__array *from, const gan__array *to, const How &how)
{
    int64_t items = gan__cuda_count(to) / V;
    source in = {from->dim[1], from->dim[2], from->dim[3], from->dim[2] * from->dim[3]};
    target out = {items, gan__extent_of(to->dim[1], items), gan__extent_of(to->dim[2], items),
                  gan__extent_of(to->dim[3] / V, items)};
    return GAN__LAUNCH(cu, (gather<T, V, How>), gan__grid_for(cu, items, GAN__IMAGE_THREADS, 1), GAN__IMAGE_THREADS, 0,
                       (const T *)from->data, (T *)to->data, in, out, how);
}

template <typename T, typename How>
static gan_status launch_typed(gan__cuda *cu, const gan__array *from, const gan__array *to, const How &how)
{
    const int width = gan__pack16<T>::width;
    bool whole = to->dim[3] % width == 0 && (uintptr_t)from->data % 16 == 0 && (uintptr_t)to->data % 16 == 0;
    return whole ? launch<T, gan__pack16<T>::width>(cu, from, to, how) : launch<T, 1>(cu, from, to, how);
}

template <typename How>
static gan_status run(gan__backend *be, const gan__array *from, const gan__array *to, const How &how)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (gan__cuda_count(to) == 0)
        return GAN_OK;
    return to->dtype == GAN_BF16 ? launch_typed<gan__bf16>(cu, from, to, how) : launch_typed<float>(cu, from, to, how);
}

/* ---- windows ---- */

/* K: the size where it is known when compiling, so that the loads of the usual 2 x 2 go out together; else 0. */
template <int K> struct window_sum {
    int size;
    float scale;

    template <typename T, int V>
    __device__ void at(const T *__restrict__ from, const source &in, int64_t y, int64_t x, channels<V> &sum) const
    {
        const int k = K > 0 ? K : size;
        const T *corner = from + y * k * in.row + x * k * in.channels;
        for (int j = 0; j < k; j++) {
            channels<V> column = {}; /* summed by itself: a large window's error grows with its side only */
            for (int i = 0; i < k; i++)
                add(column, scale, corner + i * in.row + j * in.channels);
            add(sum, 1.0f, column);
        }
    }
};

struct window_spread {
    gan__extent k;
    float scale;

    template <typename T, int V>
    __device__ void at(const T *__restrict__ from, const source &in, int64_t y, int64_t x, channels<V> &sum) const
    {
        int64_t rest;
        add(sum, scale, from + gan__split(y, k, &rest) * in.row + gan__split(x, k, &rest) * in.channels);
    }
};

gan_status gan__cuda_window_sum(gan__backend *be, const gan__array *x, int k, float scale, const gan__array *y)
{
    return k == 2 ? run(be, x, y, window_sum<2>{k, scale}) : run(be, x, y, window_sum<0>{k, scale});
}

gan_status gan__cuda_window_spread(gan__backend *be, const gan__array *y, int k, float scale, const gan__array *x)
{
    int64_t most = x->dim[1] > x->dim[2] ? x->dim[1] : x->dim[2];
    return run(be, y, x, window_spread{gan__extent_of(k, most), scale});
}

/* ---- bilinear ---- */

/* Along one axis, output i lies at (i + 1/2) in/out - 1/2 = ((2i + 1) in - out) / (2 out) between the input's samples,
 * not before the first; in whole numbers, so that every device finds the same neighbours. */
struct axis {
    int64_t in, out;
    gan__extent by_in, by_out; /* twice each */

    /* Output i is (1 - t) of `low` and t of `high`. */
    __device__ __forceinline__ void neighbours(int64_t i, int64_t *low, int64_t *high, float *t) const
    {
        int64_t at = (2 * i + 1) * in - out, rest;
        *low = gan__split(at > 0 ? at : 0, by_out, &rest);
        *high = *low + 1 < in ? *low + 1 : *low;
        *t = (float)rest / (float)by_out.value;
    }

    /* The weight with which output i uses input j. */
    __device__ __forceinline__ float weight(int64_t i, int64_t j) const
    {
        int64_t low, high;
        float t;
        neighbours(i, &low, &high, &t);
        return (low == j ? 1.0f - t : 0.0f) + (high == j ? t : 0.0f);
    }

    /* The first output that lies at input j or behind it. */
    __device__ __forceinline__ int64_t first_from(int64_t j) const
    {
        int64_t at = (2 * j + 1) * out - in, rest;
        int64_t i = at > 0 ? gan__split(at + by_in.value - 1, by_in, &rest) : 0;
        return i < out ? i : out;
    }
};

static axis axis_of(int64_t in, int64_t out)
{
    /* of the numbers divided: (2 in + 1) out and 2 in more */
    int64_t most = in > INT32_MAX || out > INT32_MAX ? INT64_MAX : (2 * in + 1) * out + 2 * in;
    return axis{in, out, gan__extent_of(2 * in, most), gan__extent_of(2 * out, most)};
}

struct bilinear {
    axis vertical, horizontal;

    template <typename T, int V>
    __device__ void at(const T *__restrict__ from, const source &in, int64_t y, int64_t x, channels<V> &sum) const
    {
        int64_t top, bottom, left, right;
        float t, u;
        vertical.neighbours(y, &top, &bottom, &t);
        horizontal.neighbours(x, &left, &right, &u);
        channels<V> low = {}, high = {};
        add(low, 1.0f - t, from + top * in.row + left * in.channels);
        add(high, 1.0f - t, from + top * in.row + right * in.channels);
        add(low, t, from + bottom * in.row + left * in.channels);
        add(high, t, from + bottom * in.row + right * in.channels);
        add(sum, 1.0f - u, low);
        add(sum, u, high);
    }
};

/* Input j is used by the outputs behind j - 1 and before j + 1. */
struct bilinear_adjoint {
    axis vertical, horizontal;

    template <typename T, int V>
    __device__ void at(const T *__restrict__ from, const source &in, int64_t y, int64_t x, channels<V> &sum) const
    {
        int64_t top = vertical.first_from(y - 1), bottom = vertical.first_from(y + 1);
        int64_t left = horizontal.first_from(x - 1), right = horizontal.first_from(x + 1);
        for (int64_t j = left; j < right; j++) {
            channels<V> column = {};
            for (int64_t i = top; i < bottom; i++)
                add(column, vertical.weight(i, y), from + i * in.row + j * in.channels);
            add(sum, horizontal.weight(j, x), column);
        }
    }
};

gan_status gan__cuda_bilinear(gan__backend *be, const gan__array *x, const gan__array *y)
{
    return run(be, x, y, bilinear{axis_of(x->dim[1], y->dim[1]), axis_of(x->dim[2], y->dim[2])});
}

gan_status gan__cuda_bilinear_adjoint(gan__backend *be, const gan__array *y, const gan__array *x)
{
    return run(be, y, x, bilinear_adjoint{axis_of(x->dim[1], y->dim[1]), axis_of(x->dim[2], y->dim[2])});
}

/* ---- reflection ---- */

/* The input position that output position i shows: the image mirrored at its first and last sample. */
static __device__ __forceinline__ int64_t reflect(int64_t i, int64_t pad, int64_t n)
{
    int64_t at = i - pad;
    at = at < 0 ? -at : at;
    return at < n ? at : 2 * (n - 1) - at;
}

/* The output positions that show input position i: itself, and its mirror images in front of the first sample and
 * behind the last, -1 where there is none. */
static __device__ __forceinline__ void shows(int64_t i, int64_t pad, int64_t n, int64_t at[3])
{
    at[0] = pad + i;
    at[1] = i >= 1 && i <= pad ? pad - i : -1;
    at[2] = i <= n - 2 && i >= n - 1 - pad ? pad + 2 * (n - 1) - i : -1;
}

struct reflect_pad {
    int64_t pad;

    template <typename T, int V>
    __device__ void at(const T *__restrict__ from, const source &in, int64_t y, int64_t x, channels<V> &sum) const
    {
        add(sum, 1.0f, from + reflect(y, pad, in.height) * in.row + reflect(x, pad, in.width) * in.channels);
    }
};

struct reflect_pad_adjoint {
    int64_t pad;

    template <typename T, int V>
    __device__ void at(const T *__restrict__ from, const source &in, int64_t y, int64_t x, channels<V> &sum) const
    {
        int64_t rows[3], columns[3];
        shows(y, pad, in.height - 2 * pad, rows);
        shows(x, pad, in.width - 2 * pad, columns);
        for (int j = 0; j < 3; j++)
            for (int i = 0; i < 3; i++)
                if (rows[i] >= 0 && columns[j] >= 0)
                    add(sum, 1.0f, from + rows[i] * in.row + columns[j] * in.channels);
    }
};

gan_status gan__cuda_reflect_pad(gan__backend *be, const gan__array *x, int p, const gan__array *y)
{
    return run(be, x, y, reflect_pad{p});
}

gan_status gan__cuda_reflect_pad_adjoint(gan__backend *be, const gan__array *y, int p, const gan__array *x)
{
    return run(be, y, x, reflect_pad_adjoint{p});
}
