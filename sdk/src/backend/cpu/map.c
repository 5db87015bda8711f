/*
 * Element-wise maps over strided arrays.
 *
 * After merging (walk.h) most calls end as one dense run. Everything is seen as [outer..., rows, columns] and cut
 * into tiles: some whole rows, or a part of one row. Within a tile an operand is used in place if it is dense f32,
 * else staged into a buffer that stays in the first-level cache: widened, gathered or repeated. An operand that is
 * the same for the next tile, as a bias is, is staged once.
 */
#include "walk.h"

#define GAN__STAGE     1024  /* elements of a staging buffer: four of them fit the first-level cache */
#define GAN__LONG_TILE 32768 /* of a tile that needs no staging */

/* The buffers of one thread, and which part of an operand each holds. */
typedef struct stage {
    _Alignas(64) float buffer[GAN__WALK_ARRAYS][GAN__STAGE];
    const char *held[GAN__WALK_ARRAYS];
    int64_t held_rows[GAN__WALK_ARRAYS], held_columns[GAN__WALK_ARRAYS];
} stage;

typedef struct tiling {
    int64_t rows, columns; /* of the last two dimensions */
    int64_t tile_rows, tile_columns;
    int64_t across, down; /* tiles per plane */
    int64_t n;
} tiling;

static tiling make_tiles(const gan__walk *w, int threads)
{
    tiling t = {.rows = w->dim[w->ndim - 2], .columns = w->dim[w->ndim - 1]};
    bool direct = true;
    for (int k = 0; k < w->n_arrays; k++)
        direct = direct && w->dtype[k] == GAN_F32 && w->stride[k][w->ndim - 1] == 1;
    int64_t longest = GAN__STAGE;
    if (direct && t.columns > GAN__STAGE) {
        longest = (t.columns / threads + 15) / 16 * 16;
        longest = longest < GAN__LONG_TILE ? longest : GAN__LONG_TILE;
        longest = longest > GAN__STAGE ? longest : GAN__STAGE;
    }
    t.tile_columns = t.columns < longest ? t.columns : longest;
    t.tile_rows = t.columns <= GAN__STAGE ? GAN__STAGE / t.columns : 1;
    t.across = (t.columns + t.tile_columns - 1) / t.tile_columns;
    t.down = (t.rows + t.tile_rows - 1) / t.tile_rows;
    t.n = gan__walk_outer(w) * t.across * t.down;
    return t;
}

static void load_run(const gan__cpu *cpu, gan_dtype dtype, const char *from, int64_t stride, int64_t n, float *to)
{
    if (stride == 1) {
        cpu->isa.widen[dtype](from, to, n);
        return;
    }
    int64_t step = stride * (int64_t)gan__cpu_dtype_size(dtype);
    if (stride == 0) {
        float value;
        cpu->isa.widen[dtype](from, &value, 1);
        for (int64_t i = 0; i < n; i++)
            to[i] = value;
    } else if (dtype == GAN_F32) {
        for (int64_t i = 0; i < n; i++, from += step)
            to[i] = *(const float *)from;
    } else if (dtype == GAN_BF16) {
        for (int64_t i = 0; i < n; i++, from += step)
            to[i] = gan__of_bf16(*(const uint16_t *)from);
    } else {
        for (int64_t i = 0; i < n; i++, from += step)
            cpu->isa.widen[dtype](from, &to[i], 1);
    }
}

/* Operand k over a tile, as rows * columns contiguous f32. */
static const float *load(const gan__cpu *cpu, const gan__walk *w, stage *s, int k, const char *from, int64_t rows,
                         int64_t columns)
{
    int64_t row = w->stride[k][w->ndim - 2], column = w->stride[k][w->ndim - 1];
    gan_dtype dtype = w->dtype[k];
    bool dense = column == 1 && (rows == 1 || row == columns);
    if (dense && dtype == GAN_F32)
        return (const float *)from;
    float *to = s->buffer[k];
    if (s->held[k] == from && s->held_columns[k] == columns && s->held_rows[k] >= rows)
        return to;
    if (dense) {
        cpu->isa.widen[dtype](from, to, rows * columns);
    } else if (row == 0) {
        load_run(cpu, dtype, from, column, columns, to);
        for (int64_t have = 1; have < rows; have *= 2)
            memcpy(to + have * columns, to, (size_t)((have < rows - have ? have : rows - have) * columns) * sizeof *to);
    } else if (column == 0 && dtype == GAN_F32) {
        for (int64_t r = 0; r < rows; r++) {
            float value = *((const float *)from + r * row);
            for (int64_t i = 0; i < columns; i++)
                to[r * columns + i] = value;
        }
    } else {
        int64_t step = row * (int64_t)gan__cpu_dtype_size(dtype);
        for (int64_t r = 0; r < rows; r++)
            load_run(cpu, dtype, from + r * step, column, columns, to + r * columns);
    }
    s->held[k] = from;
    s->held_rows[k] = rows;
    s->held_columns[k] = columns;
    return to;
}

static void store_run(const gan__cpu *cpu, gan_dtype dtype, const float *from, char *to, int64_t stride, int64_t n)
{
    if (stride == 1) {
        cpu->isa.narrow[dtype](from, to, n);
        return;
    }
    int64_t step = stride * (int64_t)gan__cpu_dtype_size(dtype);
    for (int64_t i = 0; i < n; i++)
        cpu->isa.narrow[dtype](from + i, to + i * step, 1);
}

static void store(const gan__cpu *cpu, const gan__walk *w, const float *from, char *to, int64_t rows, int64_t columns)
{
    int k = w->n_arrays - 1;
    int64_t row = w->stride[k][w->ndim - 2], column = w->stride[k][w->ndim - 1];
    if (column == 1 && (rows == 1 || row == columns)) {
        cpu->isa.narrow[w->dtype[k]](from, to, rows * columns);
        return;
    }
    int64_t step = row * (int64_t)gan__cpu_dtype_size(w->dtype[k]);
    for (int64_t r = 0; r < rows; r++)
        store_run(cpu, w->dtype[k], from + r * columns, to + r * step, column, columns);
}

/* The address of array k's element at the start of tile `index`. */
static char *tile_at(const gan__walk *w, int k, int64_t plane, int64_t row, int64_t column)
{
    int64_t offset = row * w->stride[k][w->ndim - 2] + column * w->stride[k][w->ndim - 1];
    char *base = w->ndim > 2 ? gan__walk_at(w, k, plane) : w->data[k];
    return base + offset * (int64_t)gan__cpu_dtype_size(w->dtype[k]);
}

static void run_tiles(const gan__cpu *cpu, gan__map_kernel kernel, const float *params, const gan__walk *w,
                      const tiling *t, int64_t begin, int64_t end)
{
    stage s;
    memset(s.held, 0, sizeof s.held);
    int out = w->n_arrays - 1;
    int64_t out_row = w->stride[out][w->ndim - 2], out_column = w->stride[out][w->ndim - 1];
    for (int64_t index = begin; index < end; index++) {
        int64_t plane = index / (t->across * t->down), rest = index - plane * (t->across * t->down);
        int64_t row = rest / t->across * t->tile_rows, column = rest % t->across * t->tile_columns;
        int64_t rows = t->rows - row < t->tile_rows ? t->rows - row : t->tile_rows;
        int64_t columns = t->columns - column < t->tile_columns ? t->columns - column : t->tile_columns;
        const float *in[GAN__WALK_ARRAYS] = {NULL};
        for (int k = 0; k < out; k++)
            in[k] = load(cpu, w, &s, k, tile_at(w, k, plane, row, column), rows, columns);
        char *to = tile_at(w, out, plane, row, column);
        if (w->dtype[out] == GAN_F32 && out_column == 1 && (rows == 1 || out_row == columns)) {
            kernel(in[0], in[1], in[2], params, (float *)to, rows * columns);
        } else {
            kernel(in[0], in[1], in[2], params, s.buffer[out], rows * columns);
            store(cpu, w, s.buffer[out], to, rows, columns);
        }
    }
}

gan_status gan__cpu_map(gan__backend *be, gan__map_op op, const float params[4], int n_in, const gan__array *in,
                        const gan__array *out)
{
    gan__cpu *cpu = gan__cpu_of(be);
    int64_t n = gan__cpu_count(out);
    if (n == 0)
        return GAN_OK;
    if (op == GAN__MAP_COPY && in[0].dtype == out->dtype)
        return gan__cpu_move(cpu, &in[0], out);
    static const float none[4];
    const float *constants = params ? params : none;
    gan__walk w = gan__walk_make(n_in, in, out);
    int threads = gan__cpu_threads(cpu, n);
    tiling t = make_tiles(&w, threads);
    gan__map_kernel kernel = cpu->isa.map[op];
    if (threads == 1 || t.n == 1) {
        run_tiles(cpu, kernel, constants, &w, &t, 0, t.n);
        return GAN_OK;
    }
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < threads; i++) {
        int64_t begin, end;
        gan__cpu_part(t.n, 1, threads, i, &begin, &end);
        run_tiles(cpu, kernel, constants, &w, &t, begin, end);
    }
    return GAN_OK;
}

void gan__cpu_convert(gan__cpu *cpu, gan_dtype from, const void *x, gan_dtype to, void *y, int64_t n)
{
    gan__array in = {.data = (void *)x, .dtype = from, .ndim = 1, .dim = {n}, .stride = {1}};
    gan__array out = {.data = y, .dtype = to, .ndim = 1, .dim = {n}, .stride = {1}};
    gan__cpu_map(&cpu->base, GAN__MAP_COPY, NULL, 1, &in, &out);
}

void gan__cpu_bias_act(gan__cpu *cpu, gan_dtype dtype, void *x, int64_t rows, int64_t n, const float *bias,
                       gan_activation activation)
{
    int threads = gan__cpu_threads(cpu, rows * n);
    size_t row = (size_t)n * gan__cpu_dtype_size(dtype);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        int64_t begin, end;
        gan__cpu_part(rows, 1, threads, i, &begin, &end);
        cpu->isa.bias_act[dtype]((char *)x + (size_t)begin * row, end - begin, n, bias, activation);
    }
}
