/*
 * Upsampling, filtering and downsampling of NHWC images.
 *
 * A thread owns a column of STRIP output pixels, V neighbouring channels of each. It goes down the input rows under
 * them: the horizontal taps of a row are applied once, and the result is added, with its vertical weight, to every
 * output of the strip that the row is part of. So the filter stays separable without memory between its halves, and a
 * pixel is read taps * (1 + taps / STRIP) times instead of taps² times, by neighbouring threads, from the caches.
 * Zeros between the samples are never touched: the samples under a tap are found from the position modulo `up`.
 * Factors and taps that are known when compiling make the loops short and straight; zeros there mean any.
 */
#include "index.cuh"
#include "lanes.cuh"

#define THREADS 256
#define STRIP   4

typedef struct filter {
    float along[GAN_FIR_MAX],
        down_weights[GAN_FIR_MAX]; /* from the first to the last sample; the second have the gain */
    int taps, up, down, before;
    int height, width, out_height;
    int64_t channels, row; /* elements of a pixel and of a row of the input */
    int64_t out_row;
} filter;

typedef struct strips {
    int64_t items;
    gan__extent channels, width, count; /* packs of channels, columns, strips of a column */
} strips;

/* Position `at` of the enlarged axis: the first tap that meets a sample, and that sample. */
static __device__ __forceinline__ int first_tap(int at, int up, int *sample)
{
    int rest = at % up;
    int tap = rest > 0 ? up - rest : -rest;
    *sample = (at + tap) / up;
    return tap;
}

template <typename T, int V, int UP, int DOWN, int TAPS>
static __global__ void __launch_bounds__(THREADS)
    upfirdn(const T *__restrict__ from, T *__restrict__ to, filter f, strips s)
{
    const int up = UP ? UP : f.up, down = DOWN ? DOWN : f.down, taps = TAPS ? TAPS : f.taps;
    /* The most that a strip and a tap's row may need; which of the last are not, the taps' positions tell. */
    const int rows = ((STRIP - 1) * down + taps - 1) / up + 1, columns = (taps - 1) / up + 1;
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < s.items; i += step) {
        int64_t channel, x, strip;
        int64_t n = gan__split(gan__split(gan__split(i, s.channels, &channel), s.width, &x), s.count, &strip);
        const T *image = from + n * f.height * f.row + channel * V;
        int first_column, first_row, y = (int)strip * STRIP;
        int column_tap = first_tap((int)x * down - f.before, up, &first_column);
        int row_tap = first_tap(y * down - f.before, up, &first_row);
        gan__lanes<V> sum[STRIP] = {};
        GAN__UNROLL
        for (int k = 0; k < rows; k++) {
            int row = first_row + k;
            if (row < 0 || row >= f.height)
                continue;
            gan__lanes<V> line = {};
            GAN__UNROLL
            for (int m = 0; m < columns; m++) {
                int column = first_column + m;
                if (column < 0 || column >= f.width || column_tap + m * up >= taps)
                    continue;
                gan__lanes<V> pixel;
                gan__load_lanes(image + row * f.row + column * f.channels, &pixel);
                for (int v = 0; v < V; v++)
                    line.value[v] += f.along[column_tap + m * up] * pixel.value[v];
            }
            GAN__UNROLL
            for (int r = 0; r < STRIP; r++) {
                int tap = row_tap + k * up - r * down;
                if (tap < 0 || tap >= taps)
                    continue; /* not a weight of 0: the row may have a NaN */
                for (int v = 0; v < V; v++)
                    sum[r].value[v] += f.down_weights[tap] * line.value[v];
            }
        }
        T *out = to + (n * f.out_height + y) * f.out_row + x * f.channels + channel * V;
        GAN__UNROLL
        for (int r = 0; r < STRIP; r++) {
            if (y + r < f.out_height)
                gan__store_lanes(out + r * f.out_row, sum[r]);
        }
    }
}

template <typename T, int V>
static gan_status launch(gan__cuda *cu, const gan__array *x, const gan__array *y, const filter &f)
{
    int64_t count = gan__ceil_div(y->dim[1], STRIP), packs = y->dim[3] / V;
    int64_t items = y->dim[0] * count * y->dim[2] * packs;
    strips s = {items, gan__extent_of(packs, items), gan__extent_of(y->dim[2], items), gan__extent_of(count, items)};
    unsigned grid = gan__grid_for(cu, items, THREADS, 1);
    const T *from = (const T *)x->data;
    T *to = (T *)y->data;
    if (f.taps == 4 && f.up == 1 && f.down == 1)
        return GAN__LAUNCH(cu, (upfirdn<T, V, 1, 1, 4>), grid, THREADS, 0, from, to, f, s);
    if (f.taps == 4 && f.up == 2 && f.down == 1)
        return GAN__LAUNCH(cu, (upfirdn<T, V, 2, 1, 4>), grid, THREADS, 0, from, to, f, s);
    if (f.taps == 4 && f.up == 1 && f.down == 2)
        return GAN__LAUNCH(cu, (upfirdn<T, V, 1, 2, 4>), grid, THREADS, 0, from, to, f, s);
    return GAN__LAUNCH(cu, (upfirdn<T, V, 0, 0, 0>), grid, THREADS, 0, from, to, f, s);
}

template <typename T>
static gan_status launch_typed(gan__cuda *cu, const gan__array *x, const gan__array *y, const filter &f)
{
    const int width = gan__pack16<T>::width;
    bool whole = y->dim[3] % width == 0 && gan__aligned(x->data, 16) && gan__aligned(y->data, 16);
    return whole ? launch<T, gan__pack16<T>::width>(cu, x, y, f) : launch<T, 1>(cu, x, y, f);
}

gan_status gan__cuda_upfirdn(gan__backend *be, const gan_fir *fir, const gan__array *x, const gan__array *y)
{
    gan__cuda *cu = gan__cuda_of(be);
    filter f = {};
    for (int k = 0; k < fir->n; k++) {
        f.along[k] = fir->taps[fir->flip ? k : fir->n - 1 - k];
        f.down_weights[k] = f.along[k] * fir->gain;
    }
    f.taps = fir->n, f.up = fir->up, f.down = fir->down, f.before = fir->before;
    f.height = (int)x->dim[1], f.width = (int)x->dim[2], f.out_height = (int)y->dim[1];
    f.channels = x->dim[3], f.row = x->dim[2] * x->dim[3], f.out_row = y->dim[2] * y->dim[3];
    return y->dtype == GAN_BF16 ? launch_typed<gan__bf16>(cu, x, y, f) : launch_typed<float>(cu, x, y, f);
}
