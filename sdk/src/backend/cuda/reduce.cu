/*
 * reduce.cu - reductions.
 *
 * Kept and reduced dimensions are merged until they alternate, as on the CPU. Three kernels then do all:
 *   columns  [G, R, C] -> [G, C]: neighbouring threads take neighbouring columns, rows go round the rest of the block
 *   rows     [K, R] -> [K], R contiguous: 1 to 32 lanes or a block for each row
 *   small    many short sums, a thread for each
 * A reduction with too few outputs to fill the device, or over dimensions that cannot be merged, leaves partial
 * results, [G, parts, C], in a workspace, and a second launch reduces those. No atomics: the order of additions follows
 * from the shape alone. Runs of
 * GAN__RUN terms are added up in f32, runs and threads in double. All kernels are bound by memory.
 */
#include "lanes.cuh"

#define GAN__THREADS 256 /* of a block, at most */
#define GAN__RUN     64  /* terms added up before they go to the total */

/* ---- operations ---- */

struct add {
    static __device__ __forceinline__ float start()
    {
        return 0.0f;
    }
    template <typename F> static __device__ __forceinline__ F join(F a, F b)
    {
        return a + b;
    }
};

struct sum : add {
    static const bool two = false;
    static __device__ __forceinline__ float term(float a, float)
    {
        return a;
    }
};

struct sumsq : add {
    static const bool two = false;
    static __device__ __forceinline__ float term(float a, float)
    {
        return a * a;
    }
};

struct dot : add {
    static const bool two = true;
    static __device__ __forceinline__ float term(float a, float b)
    {
        return a * b;
    }
};

/* A NaN stays. */
struct most {
    static const bool two = false;
    static __device__ __forceinline__ float start()
    {
        return -INFINITY;
    }
    template <typename F> static __device__ __forceinline__ F join(F a, F b)
    {
        return (b > a) | (b != b) ? b : a;
    }
    static __device__ __forceinline__ float term(float a, float)
    {
        return a;
    }
};

/* ---- what kernels are told ---- */

/* Dimensions whose index is taken apart, outermost first. */
typedef struct index_list {
    int n;
    int64_t count[GAN_MAX_DIMS], stride[GAN_MAX_DIMS][2];
} index_list;

/* A reduction of [groups, folds, reduced, columns]: groups are the indices of `kept`, folds those of `folded`. */
typedef struct reduction {
    const void *data[2];
    gan_dtype dtype[2];
    index_list kept, folded;
    int64_t groups, folds, reduced, columns;
    int64_t row[2], column[2]; /* strides of reduced and columns */
    bool wide[2];              /* the operand can be loaded a vector at a time */
    /* the division among blocks */
    int64_t parts, per_part, tiles, tasks;
    int across; /* threads of a block along the columns, or of one output */
    float scale;
} reduction;

/* 64-bit division is slow, and seldom needed. */
static __device__ __forceinline__ int64_t quotient(int64_t a, int64_t b)
{
    return (a | b) <= 0xffffffff ? (int64_t)((uint32_t)a / (uint32_t)b) : a / b;
}

static __device__ __forceinline__ void add_offset(const index_list &list, int64_t index, int64_t offset[2])
{
    for (int i = list.n - 1; i >= 0; i--) {
        int64_t rest = i > 0 ? quotient(index, list.count[i]) : 0, at = index - rest * list.count[i];
        offset[0] += at * list.stride[i][0];
        offset[1] += at * list.stride[i][1];
        index = rest;
    }
}

/* Where slice `slice` of [groups, folds, parts] begins. Returns its part. */
static __device__ __forceinline__ int64_t add_slice(const reduction &p, int64_t slice, int64_t offset[2])
{
    int64_t fold = quotient(slice, p.parts), group = fold, part = slice - fold * p.parts;
    if (p.folded.n > 0) {
        group = quotient(fold, p.folds);
        add_offset(p.folded, fold - group * p.folds, offset);
    }
    add_offset(p.kept, group, offset);
    return part;
}

/* ---- columns ---- */

template <int W, typename T>
static __device__ __forceinline__ gan__lanes<W> load_columns(const T *p, int64_t stride, bool wide)
{
    gan__lanes<W> x;
    if (W == 1 || wide) {
        gan__load_lanes(p, &x);
    } else {
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            x.value[w] = gan__load(p + w * stride);
    }
    return x;
}

/* `U` rows, `step` elements apart, into acc: all loads come before the first use. */
template <typename Op, typename A, typename B, int W, int U>
static __device__ __forceinline__ void add_rows(const reduction &p, const A *x, const B *y, const int64_t step[2],
                                                float acc[W])
{
    gan__lanes<W> a[U], b[U];
    GAN__UNROLL
    for (int u = 0; u < U; u++) {
        a[u] = load_columns<W>(x + u * step[0], p.column[0], p.wide[0]);
        if (Op::two)
            b[u] = load_columns<W>(y + u * step[1], p.column[1], p.wide[1]);
        else
            b[u] = a[u];
    }
    GAN__UNROLL
    for (int w = 0; w < W; w++) {
        float term[U];
        GAN__UNROLL
        for (int u = 0; u < U; u++)
            term[u] = Op::term(a[u].value[w], b[u].value[w]);
        GAN__UNROLL
        for (int n = U / 2; n > 0; n /= 2)
            GAN__UNROLL
        for (int u = 0; u < n; u++)
            term[u] = Op::join(term[u], term[u + n]);
        acc[w] = Op::join(acc[w], term[0]);
    }
}

/* A block takes across * W columns of one group and one part of its rows. Thread x of a row of threads has W columns;
 * loads of a warp are contiguous along the columns. */
template <typename Op, typename A, typename B, int W>
static __global__ void __launch_bounds__(GAN__THREADS) reduce_columns(reduction p, float *out)
{
    __shared__ double scratch[GAN__THREADS * W];
    const int x = (int)threadIdx.x % p.across, y = (int)threadIdx.x / p.across, down = (int)blockDim.x / p.across;
    for (int64_t task = blockIdx.x; task < p.tasks; task += gridDim.x) {
        int64_t slice = quotient(task, p.tiles), c = ((task - slice * p.tiles) * p.across + x) * W;
        int64_t base[2] = {c * p.column[0], c * p.column[1]};
        int64_t part = add_slice(p, slice, base), row = part * p.per_part + y;
        int64_t end = p.reduced - part * p.per_part < p.per_part ? p.reduced : (part + 1) * p.per_part;
        const A *a = (const A *)p.data[0] + base[0] + row * p.row[0];
        const B *b = (const B *)p.data[1] + base[1] + row * p.row[1];
        const int64_t step[2] = {down * p.row[0], down * p.row[1]};
        double total[W];
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            total[w] = Op::start();
        while (c < p.columns && row < end) {
            float run[W];
            GAN__UNROLL
            for (int w = 0; w < W; w++)
                run[w] = Op::start();
            int64_t stop = end - row < (int64_t)GAN__RUN * down ? end : row + (int64_t)GAN__RUN * down;
            for (; row + 3 * down < stop; row += 4 * down, a += 4 * step[0], b += 4 * step[1])
                add_rows<Op, A, B, W, 4>(p, a, b, step, run);
            for (; row < stop; row += down, a += step[0], b += step[1])
                add_rows<Op, A, B, W, 1>(p, a, b, step, run);
            GAN__UNROLL
            for (int w = 0; w < W; w++)
                total[w] = Op::join(total[w], (double)run[w]);
        }
        for (int half = down / 2; half > 0; half /= 2) {
            __syncthreads();
            if (y >= half && y < 2 * half) {
                GAN__UNROLL
                for (int w = 0; w < W; w++)
                    scratch[w * GAN__THREADS + (y - half) * p.across + x] = total[w];
            }
            __syncthreads();
            if (y < half) {
                GAN__UNROLL
                for (int w = 0; w < W; w++)
                    total[w] = Op::join(total[w], scratch[w * GAN__THREADS + y * p.across + x]);
            }
        }
        if (y == 0 && c < p.columns) {
            GAN__UNROLL
            for (int w = 0; w < W; w++)
                out[slice * p.columns + c + w] = (float)((double)p.scale * total[w]);
        }
    }
}

/* ---- rows ---- */

/* Over `lanes` neighbouring threads (a power of two; of a warp, or the whole block); the first has the result. */
template <typename Op> static __device__ __forceinline__ double join_threads(double x, int lanes, double *scratch)
{
    for (int offset = (lanes < GAN__WARP ? lanes : GAN__WARP) / 2; offset > 0; offset /= 2)
        x = Op::join(x, __shfl_xor_sync(GAN__FULL, x, offset));
    if (lanes <= GAN__WARP)
        return x;
    int lane = (int)threadIdx.x % GAN__WARP, warp = (int)threadIdx.x / GAN__WARP;
    __syncthreads(); /* whoever read scratch before is done */
    if (lane == 0)
        scratch[warp] = x;
    __syncthreads();
    x = lane < (int)blockDim.x / GAN__WARP ? scratch[lane] : (double)Op::start();
    for (int offset = GAN__WARP / 2; offset > 0; offset /= 2)
        x = Op::join(x, __shfl_xor_sync(GAN__FULL, x, offset));
    return x;
}

/* Elements before `a` reaches a multiple of 16 bytes, if b is aligned to as many elements there; else n. */
template <typename Op, typename A, typename B, int W>
static __device__ __forceinline__ int64_t head_of(const A *a, const B *b, int64_t n)
{
    int64_t head = (int64_t)((0 - (uintptr_t)a) % (W * sizeof(A)) / sizeof(A));
    if (head > n || (Op::two && (uintptr_t)(b + head) % (W * sizeof(B)) != 0))
        return n;
    return head;
}

template <typename Op, typename A, typename B>
static __device__ __forceinline__ double reduce_scalars(const A *a, int64_t step_a, const B *b, int64_t step_b,
                                                        int64_t first, int64_t n, int lanes)
{
    double total = Op::start();
    for (int64_t i = first; i < n;) {
        float run = Op::start();
        for (int k = 0; k < GAN__RUN && i < n; k += 4) {
            float term[4];
            GAN__UNROLL
            for (int u = 0; u < 4; u++, i += lanes) {
                term[u] = Op::start();
                if (i < n)
                    term[u] = Op::term(gan__load(a + i * step_a), Op::two ? gan__load(b + i * step_b) : 0.0f);
            }
            run = Op::join(run, Op::join(Op::join(term[0], term[1]), Op::join(term[2], term[3])));
        }
        total = Op::join(total, (double)run);
    }
    return total;
}

/* U vectors, `lanes` apart. */
template <typename Op, typename A, typename B, int W, int U>
static __device__ __forceinline__ void add_vectors(const A *a, const B *b, int lanes, float acc[W])
{
    gan__lanes<W> x[U], y[U];
    GAN__UNROLL
    for (int u = 0; u < U; u++) {
        gan__load_lanes(a + (int64_t)u * lanes * W, &x[u]);
        if (Op::two)
            gan__load_lanes(b + (int64_t)u * lanes * W, &y[u]);
        else
            y[u] = x[u];
    }
    GAN__UNROLL
    for (int w = 0; w < W; w++) {
        float term[U];
        GAN__UNROLL
        for (int u = 0; u < U; u++)
            term[u] = Op::term(x[u].value[w], y[u].value[w]);
        GAN__UNROLL
        for (int n = U / 2; n > 0; n /= 2)
            GAN__UNROLL
        for (int u = 0; u < n; u++)
            term[u] = Op::join(term[u], term[u + n]);
        acc[w] = Op::join(acc[w], term[0]);
    }
}

/* Thread `lane` of `lanes`: its share of n contiguous elements. */
template <typename Op, typename A, typename B, int W>
static __device__ __forceinline__ double reduce_run(const A *a, const B *b, int64_t n, int lane, int lanes)
{
    int64_t head = head_of<Op, A, B, W>(a, b, n), vectors = (n - head) / W, i = lane;
    double total = reduce_scalars<Op>(a, 1, b, 1, lane, head, lanes);
    while (i < vectors) {
        float acc[W];
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            acc[w] = Op::start();
        int64_t stop = vectors - i < (int64_t)GAN__RUN * lanes ? vectors : i + (int64_t)GAN__RUN * lanes;
        for (; i + 3 * lanes < stop; i += 4 * lanes)
            add_vectors<Op, A, B, W, 4>(a + head + i * W, b + head + i * W, lanes, acc);
        for (; i < stop; i += lanes)
            add_vectors<Op, A, B, W, 1>(a + head + i * W, b + head + i * W, lanes, acc);
        GAN__UNROLL
        for (int step = W / 2; step > 0; step /= 2)
            GAN__UNROLL
        for (int w = 0; w < step; w++)
            acc[w] = Op::join(acc[w], acc[w + step]);
        total = Op::join(total, (double)acc[0]);
    }
    return Op::join(total, reduce_scalars<Op>(a, 1, b, 1, head + vectors * W + lane, n, lanes));
}

/* `across` threads take one part of one row: up to 32, with several rows in a block, or all of the block. */
template <typename Op, typename A, typename B, int W>
static __global__ void __launch_bounds__(GAN__THREADS) reduce_rows(reduction p, float *out)
{
    __shared__ double scratch[GAN__WARP];
    const int lane = (int)threadIdx.x % p.across, slot = (int)threadIdx.x / p.across;
    const int64_t slots = (int64_t)blockDim.x / p.across;
    for (int64_t first = blockIdx.x * slots; first < p.tasks; first += gridDim.x * slots) {
        int64_t task = first + slot;
        double x = Op::start();
        if (task < p.tasks) {
            int64_t at[2] = {0, 0}, begin = add_slice(p, task, at) * p.per_part;
            int64_t n = p.reduced - begin < p.per_part ? p.reduced - begin : p.per_part;
            at[0] += begin * p.row[0];
            at[1] += begin * p.row[1];
            const A *a = (const A *)p.data[0] + at[0];
            const B *b = (const B *)p.data[1] + at[1];
            if (p.wide[0])
                x = reduce_run<Op, A, B, W>(a, b, n, lane, p.across);
            else
                x = reduce_scalars<Op>(a, p.row[0], b, p.row[1], lane, n, p.across);
        }
        x = join_threads<Op>(x, p.across, scratch);
        if (lane == 0 && task < p.tasks)
            out[task] = (float)((double)p.scale * x);
    }
}

/* ---- the rest ---- */

static __device__ __forceinline__ float load_any(const reduction &p, int k, int64_t at)
{
    return p.dtype[k] == GAN_BF16 ? gan__load((const gan__bf16 *)p.data[k] + at)
                                  : gan__load((const float *)p.data[k] + at);
}

/* One column of one slice for each thread: many small reductions. */
template <typename Op> static __global__ void __launch_bounds__(GAN__THREADS) reduce_small(reduction p, float *out)
{
    const int64_t threads = (int64_t)gridDim.x * blockDim.x;
    for (int64_t task = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; task < p.tasks; task += threads) {
        int64_t slice = quotient(task, p.columns), c = task - slice * p.columns;
        int64_t at[2] = {c * p.column[0], c * p.column[1]};
        add_slice(p, slice, at);
        float total = Op::start();
        for (int64_t i = 0; i < p.reduced; i++, at[0] += p.row[0], at[1] += p.row[1])
            total = Op::join(total, Op::term(load_any(p, 0, at[0]), Op::two ? load_any(p, 1, at[1]) : 0.0f));
        out[task] = p.scale * total;
    }
}

/* ---- launching ---- */

typedef enum method { COLUMNS, ROWS, SMALL } method;

typedef struct launch {
    gan__cuda *cu;
    method by;
    int width; /* of COLUMNS: elements of a vector, or 1 */
    unsigned grid, threads;
    float *out;
} launch;

template <typename Op, typename A, typename B> static gan_status start_kernel(const launch &l, const reduction &p)
{
    const int w = 16 / (int)sizeof(A);
    if (l.by == ROWS)
        return GAN__LAUNCH(l.cu, (reduce_rows<Op, A, B, w>), l.grid, l.threads, 0, p, l.out);
    if (l.width > 1)
        return GAN__LAUNCH(l.cu, (reduce_columns<Op, A, B, w>), l.grid, l.threads, 0, p, l.out);
    return GAN__LAUNCH(l.cu, (reduce_columns<Op, A, B, 1>), l.grid, l.threads, 0, p, l.out);
}

template <typename Op> static gan_status start_op(const launch &l, const reduction &p)
{
    if (l.by == SMALL)
        return GAN__LAUNCH(l.cu, (reduce_small<Op>), l.grid, l.threads, 0, p, l.out);
    return p.dtype[0] == GAN_BF16 ? start_kernel<Op, gan__bf16, gan__bf16>(l, p) : start_kernel<Op, float, float>(l, p);
}

static gan_status start_reduction(gan__reduce_op op, const launch &l, const reduction &p)
{
    if (op == GAN__REDUCE_DOT && l.by != SMALL && p.dtype[0] != p.dtype[1]) /* f32 and bf16, in that order */
        return start_kernel<dot, float, gan__bf16>(l, p);
    switch (op) {
    case GAN__REDUCE_SUM:
        return start_op<sum>(l, p);
    case GAN__REDUCE_SUMSQ:
        return start_op<sumsq>(l, p);
    case GAN__REDUCE_DOT:
        return start_op<dot>(l, p);
    case GAN__REDUCE_MAX:
        return start_op<most>(l, p);
    }
    return gan__cuda_fail(l.cu, GAN_ERROR_ARGUMENT, "there is no reduction %d", (int)op);
}

/* ---- the division of the work ---- */

/* Rows per part, a multiple of `multiple`, so that there are about `parts`. */
static void split(reduction *p, int64_t parts, int64_t multiple)
{
    p->per_part = gan__ceil_div(gan__ceil_div(p->reduced, parts < 1 ? 1 : parts), multiple) * multiple;
    p->parts = gan__ceil_div(p->reduced, p->per_part);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void plan_rows(reduction *p, launch *l, bool may_split)
{
    int64_t rows = p->groups * p->folds;
    bool block = p->reduced >= 4096 || (rows < 1024 && p->reduced >= 1024);
    p->across = block ? GAN__THREADS : gan__power_of_two(gan__ceil_div(p->reduced, 8), GAN__WARP);
    bool more = may_split && block && rows < GAN__FULL_GRID && p->reduced > 16384;
    split(p, more ? least(GAN__FULL_GRID / rows, gan__ceil_div(p->reduced, 8192)) : 1, 1024);
    p->tasks = rows * p->parts;
    l->threads = GAN__THREADS;
    l->grid = gan__grid_of(gan__ceil_div(p->tasks, GAN__THREADS / p->across));
}

static void plan_columns(reduction *p, launch *l, bool may_split)
{
    int64_t vectors = p->columns / l->width, matrices = p->groups * p->folds;
    int down = gan__power_of_two(gan__ceil_div(p->reduced, 4), 8);
    p->across = gan__power_of_two(vectors, GAN__THREADS / down);
    /* Narrower tiles, not below 128 bytes, where there are few: more threads for the rows of each. */
    while (p->across > 8 && matrices * gan__ceil_div(vectors, p->across) < 128 &&
           p->reduced > 8 * (int64_t)(GAN__THREADS / p->across))
        p->across /= 2;
    down = gan__power_of_two(gan__ceil_div(p->reduced, 4), GAN__THREADS / p->across);
    l->threads = (unsigned)(p->across * down < GAN__WARP ? GAN__WARP : p->across * down);
    p->tiles = gan__ceil_div(vectors, p->across);
    int64_t blocks = matrices * p->tiles;
    bool more = may_split && blocks < GAN__FULL_GRID && p->reduced > 48 * down;
    split(p, more ? least(GAN__FULL_GRID / blocks, gan__ceil_div(p->reduced, 16 * down)) : 1, down);
    p->tasks = blocks * p->parts;
    l->grid = gan__grid_of(p->tasks);
}

static void plan_small(reduction *p, launch *l)
{
    p->parts = 1;
    p->per_part = p->reduced;
    p->tasks = p->groups * p->folds * p->columns;
    l->threads = GAN__THREADS;
    l->grid = gan__grid_of(gan__ceil_div(p->tasks, GAN__THREADS));
}

/* Whether operand k's vectors along the columns are aligned wherever they begin. */
static bool columns_aligned(const reduction *p, int k, int width)
{
    size_t bytes = (size_t)width * gan__cuda_dtype_size(p->dtype[k]);
    int64_t strides = p->row[k] | (p->columns % width);
    for (int i = 0; i < p->kept.n; i++)
        strides |= p->kept.stride[i][k];
    for (int i = 0; i < p->folded.n; i++)
        strides |= p->folded.stride[i][k];
    return p->column[k] == 1 && gan__aligned(p->data[k], bytes) && strides % width == 0;
}

/* Dense columns whose number is not a multiple of a vector: several rows are seen as one, [R / n, n C], whose sums are
 * n partial results for each column. Returns n. */
static int64_t join_rows(reduction *p, int n_in, int width)
{
    int64_t n = width;
    while (n > 1 && p->columns % 2 == 0 && n * p->columns / 2 % width == 0)
        n /= 2;
    bool fits = p->columns % width != 0 && p->columns < 64 && p->reduced % n == 0 && p->reduced * p->columns >= 65536;
    for (int k = 0; k < n_in; k++)
        fits = fits && p->column[k] == 1 && p->row[k] == p->columns;
    if (!fits)
        return 1;
    p->columns *= n;
    p->reduced /= n;
    p->row[0] *= n;
    p->row[1] *= n;
    return n;
}

static launch plan(gan__cuda *cu, reduction *p, int n_in, bool may_split, int64_t *joined)
{
    launch l = {cu, SMALL, 1, 0, 0, NULL};
    int width = p->dtype[0] == GAN_BF16 ? 8 : 4;
    *joined = 1;
    if (p->columns == 1) {
        l.by = ROWS;
        p->wide[0] = p->row[0] == 1 && (n_in == 1 || p->row[1] == 1);
        plan_rows(p, &l, may_split);
    } else if (p->columns * p->reduced >= 128 || p->groups * p->folds < GAN__FULL_GRID) {
        l.by = COLUMNS;
        *joined = may_split ? join_rows(p, n_in, width) : 1;
        bool any = false;
        for (int k = 0; k < n_in; k++) {
            p->wide[k] = columns_aligned(p, k, width);
            any = any || p->wide[k];
        }
        l.width = any ? width : 1;
        plan_columns(p, &l, may_split);
    } else {
        plan_small(p, &l);
    }
    return l;
}

/* The second launch's reduction: [groups, parts, columns] partial results. */
static reduction of_partials(const reduction *first, int64_t joined, const float *partial)
{
    reduction p = {};
    p.data[0] = p.data[1] = partial;
    p.columns = first->columns / joined;
    p.groups = first->groups;
    p.folds = 1;
    p.reduced = first->folds * first->parts * joined;
    if (p.groups > 1) {
        p.kept.n = 1;
        p.kept.count[0] = p.groups;
        p.kept.stride[0][0] = p.reduced * p.columns;
    }
    p.row[0] = p.columns;
    p.column[0] = 1;
    return p;
}

static gan_status reduce(gan__cuda *cu, gan__reduce_op op, reduction *p, float scale, float *out)
{
    int64_t joined;
    launch l = plan(cu, p, op == GAN__REDUCE_DOT ? 2 : 1, true, &joined);
    p->scale = scale;
    l.out = out;
    if (p->folds * p->parts * joined == 1)
        return start_reduction(op, l, *p);
    size_t bytes = (size_t)(p->groups * p->folds * p->parts * p->columns) * sizeof(float);
    float *partial = (float *)gan__cuda_workspace(cu, bytes);
    if (!partial)
        return gan__cuda_no_memory(cu, bytes);
    p->scale = 1.0f;
    l.out = partial;
    gan_status status = start_reduction(op, l, *p);
    if (status == GAN_OK) {
        reduction rest = of_partials(p, joined, partial);
        l = plan(cu, &rest, 1, false, &joined);
        rest.scale = scale;
        l.out = out;
        status = start_reduction(op == GAN__REDUCE_MAX ? op : GAN__REDUCE_SUM, l, rest);
    }
    gan__cuda_workspace_free(cu, partial);
    return status;
}

/* ---- from arrays ---- */

typedef struct dimension {
    int64_t n, stride[2];
    bool kept;
} dimension;

static bool joins(const dimension *a, const dimension *b)
{
    return a->kept == b->kept && a->stride[0] == b->stride[0] * b->n && a->stride[1] == b->stride[1] * b->n;
}

static int merge_dimensions(int n_in, const gan__array *in, const gan__array *out, dimension dim[GAN_MAX_DIMS])
{
    int n = 0;
    for (int i = 0; i < in[0].ndim; i++) {
        if (in[0].dim[i] == 1)
            continue;
        dimension d = {in[0].dim[i], {in[0].stride[i], n_in == 2 ? in[1].stride[i] : 0}, out->dim[i] != 1};
        if (n > 0 && joins(&dim[n - 1], &d)) {
            d.n *= dim[n - 1].n;
            dim[n - 1] = d;
        } else {
            dim[n++] = d;
        }
    }
    return n;
}

static reduction describe(int n_in, const gan__array *in, const gan__array *out)
{
    dimension dim[GAN_MAX_DIMS];
    int n = merge_dimensions(n_in, in, out, dim);
    reduction p = {};
    for (int k = 0; k < 2; k++) {
        p.data[k] = in[k < n_in ? k : 0].data;
        p.dtype[k] = in[k < n_in ? k : 0].dtype;
        p.row[k] = p.column[k] = 1;
    }
    p.columns = p.reduced = p.groups = p.folds = 1;
    if (n > 0 && dim[n - 1].kept) {
        n--;
        p.columns = dim[n].n;
        memcpy(p.column, dim[n].stride, sizeof p.column);
    }
    if (n > 0 && !dim[n - 1].kept) {
        n--;
        p.reduced = dim[n].n;
        memcpy(p.row, dim[n].stride, sizeof p.row);
    }
    for (int i = 0; i < n; i++) {
        index_list *list = dim[i].kept ? &p.kept : &p.folded;
        list->count[list->n] = dim[i].n;
        memcpy(list->stride[list->n++], dim[i].stride, sizeof dim[i].stride);
        *(dim[i].kept ? &p.groups : &p.folds) *= dim[i].n;
    }
    return p;
}

gan_status gan__cuda_reduce(gan__backend *be, gan__reduce_op op, const gan__array *in, float scale,
                            const gan__array *out)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (gan__cuda_count(out) == 0)
        return GAN_OK;
    if (gan__cuda_count(&in[0]) == 0) {
        const float value[4] = {op == GAN__REDUCE_MAX ? scale * -INFINITY : 0.0f * scale, 0.0f, 0.0f, 0.0f};
        return gan__cuda_map(be, GAN__MAP_FILL, value, 0, NULL, out);
    }
    int n_in = op == GAN__REDUCE_DOT ? 2 : 1;
    gan__array operand[2] = {in[0], in[n_in - 1]};
    if (operand[0].dtype == GAN_BF16 && operand[1].dtype == GAN_F32) { /* the kernels for two types know one order */
        operand[0] = in[1];
        operand[1] = in[0];
    }
    reduction p = describe(n_in, operand, out);
    return reduce(cu, op, &p, scale, (float *)out->data);
}
