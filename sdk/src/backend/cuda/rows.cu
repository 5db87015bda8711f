/*
 * Rows of tables: embedding look-up and its gradient, and single values gathered to be read together.
 *
 * Indices are checked where they are used: a row outside the table is not touched, and the context is told
 * (gan__cuda_check_index).
 */
#include "kernel.cuh"

#define THREADS 256
#define STAGED  1024 /* indices in shared memory at a time */

static __device__ __forceinline__ bool check_index(int32_t index, int64_t rows, volatile int *bad)
{
    if (index >= 0 && index < rows)
        return true;
    bad[1] = index;
    bad[2] = rows < 0x7fffffff ? (int)rows : 0x7fffffff;
    __threadfence_system(); /* the host reads the others after this one */
    bad[0] = 1;
    return false;
}

/* ---- gathering ---- */

/* out[i, j] = table[index[i], j], in units of T. Threads lie along j first, then along i, as many as the width asks;
 * blocks along i, and along j if the row is long. */
template <typename T>
static __global__ void __launch_bounds__(THREADS)
    gather(const T *table, int64_t rows, int64_t width, const int32_t *index, int64_t n, T *out, T zero, int *bad)
{
    for (int64_t i = (int64_t)blockIdx.x * blockDim.y + threadIdx.y; i < n; i += (int64_t)gridDim.x * blockDim.y) {
        int32_t row = index[i];
        bool valid = check_index(row, rows, bad);
        for (int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x; j < width;
             j += (int64_t)gridDim.y * blockDim.x)
            out[i * width + j] = valid ? table[row * width + j] : zero;
    }
}

/* Blocks of w x h threads, for rows of `width` units: w is a power of two. */
static dim3 block_for(int64_t width)
{
    unsigned w = 1;
    while (w < THREADS && w < width)
        w *= 2;
    return dim3(w, THREADS / w);
}

static dim3 grid_for(const gan__cuda *cu, int64_t n, int64_t width, dim3 block)
{
    int64_t most = (int64_t)cu->properties.multiProcessorCount * 32, down = (n + block.y - 1) / block.y;
    int64_t across = (width + block.x - 1) / block.x;
    return dim3((unsigned)(down < most ? down : most), (unsigned)(across < 64 ? across : 64));
}

gan_status gan__cuda_gather_rows(gan__backend *be, const float *table, int64_t table_rows, int64_t width,
                                 const int32_t *index, int64_t n, float *out)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (n <= 0 || width <= 0)
        return GAN_OK;
    if (width % 4 == 0 && ((uintptr_t)table | (uintptr_t)out) % 16 == 0) {
        dim3 block = block_for(width / 4), grid = grid_for(cu, n, width / 4, block);
        return GAN__LAUNCH(cu, gather<float4>, grid, block, 0, reinterpret_cast<const float4 *>(table), table_rows,
                           width / 4, index, n, reinterpret_cast<float4 *>(out), make_float4(0, 0, 0, 0),
                           cu->bad_index);
    }
    dim3 block = block_for(width), grid = grid_for(cu, n, width, block);
    return GAN__LAUNCH(cu, gather<float>, grid, block, 0, table, table_rows, width, index, n, out, 0.0f, cu->bad_index);
}

/* ---- scattering ---- */

typedef struct scattering {
    const float *rows;
    const int32_t *index;
    int64_t n, width, out_rows;
    float *out;
    int *bad;
    bool by_row; /* a block for each row of out; else one for each index */
} scattering;

/* Whether an index before position `end` is `row`. Every thread of the block gets the answer. */
static __device__ __forceinline__ bool occurs_before(const int32_t *index, int64_t end, int32_t row, int *found)
{
    for (int64_t first = 0; first < end; first += STAGED) {
        __syncthreads();
        if (threadIdx.x == 0)
            *found = 0;
        __syncthreads();
        int64_t last = first + STAGED < end ? first + STAGED : end;
        for (int64_t i = first + threadIdx.x; i < last; i += blockDim.x)
            if (index[i] == row)
                atomicExch(found, 1);
        __syncthreads();
        if (*found)
            return true;
    }
    return false;
}

/* out[row, j] = sum over i >= begin with index[i] == row of rows[i, j], in the order of i: the same bits each time. The
 * indices are staged, so that a thread compares what all of its warp read at once. */
static __device__ __forceinline__ float sum_rows(const scattering &x, int32_t row, int64_t begin, int64_t j,
                                                 int32_t *staged)
{
    float sum = 0.0f;
    for (int64_t first = begin; first < x.n; first += STAGED) {
        int count = (int)(x.n - first < STAGED ? x.n - first : STAGED);
        __syncthreads();
        for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x)
            staged[i] = x.index[first + i];
        __syncthreads();
        for (int i = 0; i < count; i++)
            if (staged[i] == row && j < x.width)
                sum += x.rows[(first + i) * x.width + j];
    }
    return sum;
}

/* A block adds the rows of one row of out, in columns [256 y, 256 y + 256). When out has more rows than there are
 * indices, out was zeroed and blocks belong to indices; the block of the first of equal ones adds them all. */
static __global__ void __launch_bounds__(THREADS) scatter(scattering x)
{
    __shared__ int32_t staged[STAGED];
    __shared__ int found;
    int64_t j0 = (int64_t)blockIdx.y * blockDim.x;
    int32_t row = (int32_t)blockIdx.x;
    int64_t begin = 0;
    if (x.by_row) {
        if (blockIdx.x == 0 && blockIdx.y == 0)
            for (int64_t i = threadIdx.x; i < x.n; i += blockDim.x)
                check_index(x.index[i], x.out_rows, x.bad);
    } else {
        begin = blockIdx.x;
        row = x.index[begin];
        if (row < 0 || row >= x.out_rows) {
            if (threadIdx.x == 0)
                check_index(row, x.out_rows, x.bad);
            return;
        }
        if (occurs_before(x.index, begin, row, &found))
            return;
    }
    for (; j0 < x.width; j0 += (int64_t)gridDim.y * blockDim.x) {
        int64_t j = j0 + threadIdx.x;
        float sum = sum_rows(x, row, begin, j, staged);
        if (j < x.width)
            x.out[row * x.width + j] = sum;
    }
}

gan_status gan__cuda_scatter_rows(gan__backend *be, const float *rows, const int32_t *index, int64_t n, int64_t width,
                                  int64_t out_rows, float *out)
{
    gan__cuda *cu = gan__cuda_of(be);
    scattering x = {rows, index, n, width, out_rows, out, cu->bad_index, out_rows <= n};
    if (out_rows <= 0 || width <= 0)
        return GAN_OK;
    if (!x.by_row)
        GAN__CUDA_TRY(cu, cudaMemsetAsync(out, 0, (size_t)(out_rows * width) * sizeof *out, cu->stream));
    if (n <= 0)
        return GAN_OK;
    unsigned threads = width <= 64 ? 64 : width <= 128 ? 128 : THREADS;
    int64_t across = (width + threads - 1) / threads;
    dim3 grid((unsigned)(x.by_row ? out_rows : n), (unsigned)(across < 65535 ? across : 65535));
    return GAN__LAUNCH(cu, scatter, grid, threads, 0, x);
}

/* ---- single values ---- */

typedef struct value_table {
    const void *value[GAN__GATHER_MAX];
    bool bf16[GAN__GATHER_MAX];
} value_table;

static __global__ void gather_values(value_table x, int n, float *out)
{
    int i = (int)threadIdx.x;
    if (i < n)
        out[i] = x.bf16[i] ? gan__load(static_cast<const gan__bf16 *>(x.value[i]))
                           : gan__load(static_cast<const float *>(x.value[i]));
}

gan_status gan__cuda_gather_scalars(gan__backend *be, int n, const gan__array *scalars, float *out)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (n <= 0)
        return GAN_OK;
    value_table x;
    memset(&x, 0, sizeof x);
    for (int i = 0; i < n; i++) {
        x.value[i] = scalars[i].data;
        x.bf16[i] = scalars[i].dtype == GAN_BF16;
    }
    return GAN__LAUNCH(cu, gather_values, 1, GAN__GATHER_MAX, 0, x, n, out);
}
