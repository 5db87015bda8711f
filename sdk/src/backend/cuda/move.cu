/*
 * Copies between strided arrays of one element type: slices, concatenation, permutation, broadcasting. Bits are moved,
 * in the widest unit of up to 16 bytes that both arrays allow; where the input is contiguous along another dimension
 * than the output, tiles are transposed in shared memory.
 */
#include "map.cuh"

enum { IN, OUT };

/* ---- units ---- */

#define UNITS 4

/* out[...] = in[...], units of type T, UNITS of them in flight in each thread. Blocks of 256 threads, a grid that
 * strides over the units. */
template <typename T> static __global__ void __launch_bounds__(GAN__MAP_THREADS) move_units(gan__map_strided x)
{
    const T *from = static_cast<const T *>(x.data[IN]);
    T *to = static_cast<T *>(x.data[OUT]);
    uint32_t threads = gridDim.x * blockDim.x;
    for (uint32_t first = blockIdx.x * blockDim.x + threadIdx.x; first < x.n; first += threads * UNITS) {
        int64_t offset[UNITS][2];
        T value[UNITS];
        GAN__UNROLL
        for (int u = 0; u < UNITS; u++) {
            uint32_t index = first + (uint32_t)u * threads;
            offset[u][IN] = offset[u][OUT] = 0;
            gan__map_locate(x, 2, index < x.n ? index : x.n - 1, offset[u]);
            value[u] = from[offset[u][IN]];
        }
        GAN__UNROLL
        for (int u = 0; u < UNITS; u++) {
            if (first + (uint32_t)u * threads < x.n)
                to[offset[u][OUT]] = value[u];
        }
    }
}

/* The widest unit, in bytes, that runs of both arrays consist of. */
static int64_t widest(const gan__walk *w)
{
    int last = w->ndim - 1;
    int64_t size = (int64_t)gan__cuda_dtype_size(w->dtype[OUT]), unit = 16;
    if (w->stride[IN][last] != 1 || w->stride[OUT][last] != 1)
        return size;
    uint64_t all = (uint64_t)(w->dim[last] * size) | (uintptr_t)w->data[IN] | (uintptr_t)w->data[OUT];
    for (int i = 0; i < last; i++)
        all |= (uint64_t)(w->stride[IN][i] * size) | (uint64_t)(w->stride[OUT][i] * size);
    while (unit > size && all % (uint64_t)unit != 0)
        unit /= 2;
    return unit;
}

/* `w` counts elements of `unit` bytes. */
static gan_status move_in_units(gan__cuda *cu, const gan__walk *w, int64_t unit)
{
    int d = gan__map_to_split(w, 1);
    if (d >= 0) {
        int64_t half = w->dim[d] / 2;
        gan__walk low = *w, high = *w;
        low.dim[d] = half;
        high.dim[d] = w->dim[d] - half;
        for (int k = 0; k < 2; k++)
            high.data[k] += half * w->stride[k][d] * unit;
        gan_status status = move_in_units(cu, &low, unit);
        return status == GAN_OK ? move_in_units(cu, &high, unit) : status;
    }
    gan__map_strided x = gan__map_strided_of(w, 1);
    unsigned grid = gan__grid_for(cu, x.n, GAN__MAP_THREADS, 1);
    switch (unit) {
    case 1:
        return GAN__LAUNCH(cu, move_units<uint8_t>, grid, GAN__MAP_THREADS, 0, x);
    case 2:
        return GAN__LAUNCH(cu, move_units<uint16_t>, grid, GAN__MAP_THREADS, 0, x);
    case 4:
        return GAN__LAUNCH(cu, move_units<uint32_t>, grid, GAN__MAP_THREADS, 0, x);
    case 8:
        return GAN__LAUNCH(cu, move_units<uint2>, grid, GAN__MAP_THREADS, 0, x);
    default:
        return GAN__LAUNCH(cu, move_units<uint4>, grid, GAN__MAP_THREADS, 0, x);
    }
}

/* ---- transposition ---- */

/* to[i * to_row + j] = from[j * from_row + i], i < m, j < n, for each of the outer indices. */
typedef struct transposition {
    const void *from;
    void *to;
    int64_t m, n, from_row, to_row;
    int log_m, log_n;          /* of a tile */
    gan__divisor across, down; /* tiles along n and along m */
    uint32_t tiles;            /* in all */
    int outer;                 /* dimensions */
    gan__divisor dim[GAN_MAX_DIMS];
    int64_t stride[2][GAN_MAX_DIMS];
} transposition;

/* A tile has 32 x 32 elements of 4 bytes or 64 x 64 smaller ones, or as many in another shape where m or n is short, so
 * that a few channels cost no idle threads. */
template <typename T> struct tile_of {
    static const int log_side = sizeof(T) == 4 ? 5 : 6;
    static const int elements = 1 << 2 * log_side;
    static const int each = elements / GAN__MAP_THREADS;
};

/* A tile is read along i, where the input is contiguous, and written along j; rows of the tile in shared memory are one
 * element longer than the tile, so that columns of it lie in different banks. One block for a tile at a time. */
template <typename T> static __global__ void __launch_bounds__(GAN__MAP_THREADS, 4) transpose_tiles(transposition x)
{
    __shared__ T tile[tile_of<T>::elements + (tile_of<T>::elements >> 1)];
    int side_m = 1 << x.log_m, side_n = 1 << x.log_n;
    for (uint32_t index = blockIdx.x; index < x.tiles; index += gridDim.x) {
        uint32_t rest = gan__divide(index, x.across), plane = gan__divide(rest, x.down);
        int64_t j0 = (int64_t)(index - rest * x.across.value) << x.log_n;
        int64_t i0 = (int64_t)(rest - plane * x.down.value) << x.log_m;
        int64_t in = 0, out = 0;
        for (int d = x.outer - 1; d >= 0; d--) {
            uint32_t next = gan__divide(plane, x.dim[d]), at = plane - next * x.dim[d].value;
            in += (int64_t)at * x.stride[IN][d];
            out += (int64_t)at * x.stride[OUT][d];
            plane = next;
        }
        const T *from = static_cast<const T *>(x.from) + in;
        T *to = static_cast<T *>(x.to) + out;
        GAN__UNROLL
        for (int u = 0; u < tile_of<T>::each; u++) {
            int e = (int)threadIdx.x + u * GAN__MAP_THREADS, i = e & (side_m - 1), j = e >> x.log_m;
            if (i0 + i < x.m && j0 + j < x.n)
                tile[j * (side_m + 1) + i] = from[(j0 + j) * x.from_row + i0 + i];
        }
        __syncthreads();
        GAN__UNROLL
        for (int u = 0; u < tile_of<T>::each; u++) {
            int e = (int)threadIdx.x + u * GAN__MAP_THREADS, j = e & (side_n - 1), i = e >> x.log_n;
            if (i0 + i < x.m && j0 + j < x.n)
                to[(i0 + i) * x.to_row + j0 + j] = tile[j * (side_m + 1) + i];
        }
        __syncthreads();
    }
}

static int log2_above(int64_t n, int most)
{
    int log = 1;
    while (log < most && (int64_t)1 << log < n)
        log++;
    return log;
}

template <typename T> static gan_status transpose(gan__cuda *cu, const transposition *x)
{
    unsigned most = (unsigned)cu->properties.multiProcessorCount * 64;
    return GAN__LAUNCH(cu, transpose_tiles<T>, x->tiles < most ? x->tiles : most, GAN__MAP_THREADS, 0, *x);
}

/* The dimension along which the input is contiguous where it is not the last, and the output is along the last; or -1.
 */
static int contiguous_along(const gan__walk *w)
{
    int last = w->ndim - 1;
    if (w->stride[OUT][last] != 1 || w->stride[IN][last] == 1 || w->stride[IN][last] == 0)
        return -1;
    for (int i = 0; i < last; i++)
        if (w->stride[IN][i] == 1)
            return i;
    return -1;
}

/* False where tiles would be nearly empty, or too many to count. */
static bool transposition_of(const gan__walk *w, int along, transposition *x)
{
    int last = w->ndim - 1,
        side = gan__cuda_dtype_size(w->dtype[OUT]) == 4 ? tile_of<uint32_t>::log_side : tile_of<uint16_t>::log_side;
    memset(x, 0, sizeof *x);
    x->from = w->data[IN];
    x->to = w->data[OUT];
    x->m = w->dim[along];
    x->n = w->dim[last];
    x->from_row = w->stride[IN][last];
    x->to_row = w->stride[OUT][along];
    x->log_m = log2_above(x->m, side);
    x->log_n = x->log_m < side ? 2 * side - x->log_m : log2_above(x->n, side);
    x->log_m = 2 * side - x->log_n;
    int64_t across = ((x->n - 1) >> x->log_n) + 1, down = ((x->m - 1) >> x->log_m) + 1, planes = 1;
    for (int i = 0; i < last; i++) {
        if (i == along)
            continue;
        planes *= w->dim[i];
        x->dim[x->outer] = gan__divisor_of((uint32_t)w->dim[i]);
        x->stride[IN][x->outer] = w->stride[IN][i];
        x->stride[OUT][x->outer++] = w->stride[OUT][i];
    }
    if (across > GAN__MAP_UNITS / down || planes > GAN__MAP_UNITS / (across * down) ||
        (x->m < GAN__MAP_THREADS && x->m * x->n < GAN__MAP_THREADS))
        return false;
    x->across = gan__divisor_of((uint32_t)across);
    x->down = gan__divisor_of((uint32_t)down);
    x->tiles = (uint32_t)(across * down * planes);
    return true;
}

static gan_status move_transposed(gan__cuda *cu, gan_dtype dtype, const transposition *x)
{
    switch (gan__cuda_dtype_size(dtype)) {
    case 1:
        return transpose<uint8_t>(cu, x);
    case 2:
        return transpose<uint16_t>(cu, x);
    default:
        return transpose<uint32_t>(cu, x);
    }
}

gan_status gan__cuda_move(gan__cuda *cu, const gan__walk *w)
{
    int64_t size = (int64_t)gan__cuda_dtype_size(w->dtype[OUT]), unit = widest(w);
    int last = w->ndim - 1;
    if (last == 0 && w->stride[IN][0] == 1 && w->stride[OUT][0] == 1)
        return gan__cuda_copy(&cu->base, w->data[OUT], w->data[IN], (size_t)(w->dim[0] * size));
    int along = contiguous_along(w);
    transposition x;
    if (along >= 0 && transposition_of(w, along, &x))
        return move_transposed(cu, w->dtype[OUT], &x);
    gan__walk in_units = *w;
    if (unit > size) {
        in_units.dim[last] /= unit / size;
        for (int i = 0; i < last; i++) {
            in_units.stride[IN][i] /= unit / size;
            in_units.stride[OUT][i] /= unit / size;
        }
    }
    return move_in_units(cu, &in_units, unit);
}
