/*
 * share.cuh - matrices whose rows are divided among blocks, a thread keeping to its columns: who has what; activations.
 * Included by .cu files only.
 *
 * A group is a matrix [rows, columns]. A block has `across` vectors of columns of one and a part of its rows, which go
 * round the threads that have the same columns.
 */
#ifndef GAN__SHARE_CUH
#define GAN__SHARE_CUH

#include "lanes.cuh"

#define GAN__THREADS 256
#define GAN__LONG    512 /* rows of a thread at most, where it can be chosen: the length of chains of additions */

typedef struct matrix {
    int64_t groups, rows, columns, channels;
    bool merged; /* the columns are one channel */
    /* the division among blocks */
    int across;
    int64_t tiles, parts, per_part, tasks;
} matrix;

/* One thread's share of a task. */
typedef struct share {
    int64_t group, part, column; /* column: the first one, perhaps none of the matrix */
    int64_t begin, end;          /* rows of the part */
    int x, y, down;
    bool inside;
} share;

static __device__ __forceinline__ share share_of(const matrix &m, int64_t task, int width)
{
    share s;
    int64_t slice = task / m.tiles;
    s.x = (int)threadIdx.x % m.across;
    s.y = (int)threadIdx.x / m.across;
    s.down = (int)blockDim.x / m.across;
    s.group = slice / m.parts;
    s.part = slice - s.group * m.parts;
    s.column = ((task - slice * m.tiles) * m.across + s.x) * width;
    s.inside = s.column < m.columns;
    s.begin = s.part * m.per_part;
    s.end = m.rows - s.begin < m.per_part ? m.rows : s.begin + m.per_part;
    return s;
}

/* Where row `row` of the thread's columns lies. */
static __device__ __forceinline__ int64_t element(const matrix &m, const share &s, int64_t row)
{
    return (s.group * m.rows + row) * m.columns + s.column;
}

/* ---- activations ---- */

template <int W> static __device__ __forceinline__ void activate(const gan_activation &act, gan__lanes<W> *v)
{
    switch (act.kind) {
    case GAN_LINEAR:
        break;
    case GAN_RELU:
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            v->value[w] = gan__reluf(v->value[w]);
        break;
    case GAN_LEAKY_RELU:
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            v->value[w] = gan__leakyf(v->value[w], act.slope);
        break;
    case GAN_TANH:
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            v->value[w] = gan__tanhf(v->value[w]);
        break;
    case GAN_SIGMOID:
        GAN__UNROLL
        for (int w = 0; w < W; w++)
            v->value[w] = gan__sigmoidf(v->value[w]);
        break;
    }
}

/* g activation', by the result y. */
static __device__ __forceinline__ float before_activation(const gan_activation &act, float g, float y)
{
    switch (act.kind) {
    case GAN_RELU:
        return y > 0.0f ? g : 0.0f;
    case GAN_LEAKY_RELU:
        return y > 0.0f ? g : g * act.slope;
    case GAN_TANH:
        return g * (1.0f - y * y);
    case GAN_SIGMOID:
        return g * y * (1.0f - y);
    default:
        return g;
    }
}

/* ---- the division of the work ---- */

static inline int64_t tiles_of(const matrix *m, int width)
{
    return gan__ceil_div(gan__ceil_div(m->columns, width), m->across);
}

static inline void set_parts(matrix *m, int width, int64_t parts, int64_t multiple)
{
    m->tiles = tiles_of(m, width);
    m->per_part = gan__ceil_div(gan__ceil_div(m->rows, parts < 1 ? 1 : parts), multiple) * multiple;
    m->parts = gan__ceil_div(m->rows, m->per_part);
    m->tasks = m->groups * m->tiles * m->parts;
}

static inline unsigned threads_of(const matrix *m, int64_t rows, int most)
{
    int threads = m->across * gan__power_of_two(rows, most / m->across);
    return (unsigned)(threads < GAN__WARP ? GAN__WARP : threads);
}

static inline unsigned plan_parts(matrix *m, int width)
{
    m->across = gan__power_of_two(gan__ceil_div(m->columns, width), GAN__WARP);
    unsigned threads = threads_of(m, m->rows, GAN__THREADS);
    int64_t down = (int64_t)threads / m->across, blocks = m->groups * tiles_of(m, width);
    int64_t parts = gan__ceil_div(GAN__FULL_GRID, blocks), longest = gan__ceil_div(m->rows, GAN__LONG * down);
    int64_t shortest = gan__ceil_div(m->rows, 8 * down);
    parts = parts < shortest ? parts : shortest;
    set_parts(m, width, parts > longest ? parts : longest, down);
    return threads;
}

#endif
