/*
 * Reductions.
 *
 * Kept and reduced dimensions are merged until they alternate; nearly every case is then [kept, reduced, kept'] (a
 * bias gradient: [1, rows, C]; instance statistics: [N, HW, C]) or [kept, reduced] (rows; everything: [1, n]).
 * Rarer patterns are taken apart into these by an outer loop over the leading dimensions. Sums of blocks are f32,
 * sums over blocks double.
 */
#include "cpu.h"

#define GAN__BLOCK 2048 /* elements of a staging buffer */
#define GAN__ROWS  64   /* rows that are added up in f32 before they go to double */

typedef struct dimension {
    int64_t n, stride[2];
    bool kept;
} dimension;

typedef struct reduction {
    gan__reduce_op op;
    int n_in, ndim;
    gan_dtype dtype[2];
    const char *data[2];
    dimension dim[GAN_MAX_DIMS];
} reduction;

static bool joins(const dimension *a, const dimension *b)
{
    return a->kept == b->kept && a->stride[0] == b->stride[0] * b->n && a->stride[1] == b->stride[1] * b->n;
}

static reduction describe(gan__reduce_op op, const gan__array *in, const gan__array *out)
{
    reduction r = {.op = op, .n_in = op == GAN__REDUCE_DOT ? 2 : 1};
    for (int k = 0; k < r.n_in; k++) {
        r.dtype[k] = in[k].dtype;
        r.data[k] = in[k].data;
    }
    for (int i = 0; i < in[0].ndim; i++) {
        if (in[0].dim[i] == 1)
            continue;
        dimension d = {in[0].dim[i], {in[0].stride[i], r.n_in == 2 ? in[1].stride[i] : 0}, out->dim[i] != 1};
        if (r.ndim > 0 && joins(&r.dim[r.ndim - 1], &d)) {
            d.n *= r.dim[r.ndim - 1].n;
            r.dim[r.ndim - 1] = d;
        } else {
            r.dim[r.ndim++] = d;
        }
    }
    return r;
}

/* n elements of operand k from `offset` on, `stride` apart, as contiguous f32. */
static const float *load(const gan__cpu *cpu, const reduction *r, int k, int64_t offset, int64_t stride, int64_t n,
                         float *buffer)
{
    if (k >= r->n_in)
        return NULL;
    if (stride == 1)
        return gan__cpu_widen(cpu, r->dtype[k], r->data[k], offset, n, buffer);
    int64_t size = (int64_t)gan__cpu_dtype_size(r->dtype[k]);
    for (int64_t i = 0; i < n; i++)
        cpu->isa.widen[r->dtype[k]](r->data[k] + (offset + i * stride) * size, buffer + i, 1);
    return buffer;
}

static double combine(gan__reduce_op op, double a, double b)
{
    if (op == GAN__REDUCE_MAX)
        return a > b || a != a ? a : b;
    return a + b;
}

static double start(gan__reduce_op op)
{
    return op == GAN__REDUCE_MAX ? -(double)INFINITY : 0.0;
}

/* One run of n elements. */
static double reduce_run(const gan__cpu *cpu, const reduction *r, const int64_t offset[2], const int64_t stride[2],
                         int64_t n)
{
    float buffer[2][GAN__BLOCK];
    bool direct = true;
    for (int k = 0; k < r->n_in; k++)
        direct = direct && stride[k] == 1 && r->dtype[k] == GAN_F32;
    double total = start(r->op);
    int64_t block = direct ? n : GAN__BLOCK;
    for (int64_t i = 0; i < n; i += block) {
        int64_t m = n - i < block ? n - i : block;
        const float *a = load(cpu, r, 0, offset[0] + i * stride[0], stride[0], m, buffer[0]);
        const float *b = load(cpu, r, 1, offset[1] + i * stride[1], stride[1], m, buffer[1]);
        total = combine(r->op, total, cpu->isa.run[r->op](a, b, m));
    }
    return total;
}

/* Columns [c, c + n) over rows [begin, end): total[j] gets their reduction. n <= GAN__BLOCK. Operands that cannot be
 * read in place are staged, several rows at a time where they are dense. */
static void reduce_columns(const gan__cpu *cpu, const reduction *r, const int64_t offset[2], const dimension *rows,
                           const dimension *columns, int64_t begin, int64_t end, int64_t c, int64_t n, double *total)
{
    float buffer[2][GAN__BLOCK], acc[GAN__BLOCK];
    bool direct = true, dense = true;
    for (int k = 0; k < r->n_in; k++) {
        direct = direct && columns->stride[k] == 1 && r->dtype[k] == GAN_F32;
        dense = dense && columns->stride[k] == 1 && rows->stride[k] == n;
    }
    int64_t step = direct ? GAN__ROWS : dense ? GAN__BLOCK / n : 1;
    for (int64_t j = 0; j < n; j++)
        total[j] = start(r->op);
    for (int64_t i = begin; i < end; i += GAN__ROWS) {
        int64_t last = end - i < GAN__ROWS ? end : i + GAN__ROWS;
        for (int64_t j = 0; j < n; j++)
            acc[j] = (float)start(r->op);
        for (int64_t row = i, m; row < last; row += m) {
            m = last - row < step ? last - row : step;
            const float *in[2];
            for (int k = 0; k < 2; k++)
                in[k] = load(cpu, r, k, offset[k] + row * rows->stride[k] + c * columns->stride[k], columns->stride[k],
                             direct ? 1 : m * n, buffer[k]);
            cpu->isa.columns[r->op](in[0], rows->stride[0], in[1], rows->stride[1], m, n, acc);
        }
        for (int64_t j = 0; j < n; j++)
            total[j] = combine(r->op, total[j], (double)acc[j]);
    }
}

/* How a reduction is divided: `length` runs along the innermost reduced dimension, `columns` along the innermost
 * kept one (1 if the innermost dimension of all is reduced); the other dimensions are `leading`. A task reduces one
 * block of columns at one leading kept entry, over one of `parts` of what is reduced. */
typedef struct division {
    const reduction *r;
    int leading;
    bool by_columns;
    dimension length, columns;
    int64_t kept, reduced; /* entries of the leading dimensions, by kind */
    int64_t blocks, parts;
} division;

static int64_t leading_count(const reduction *r, int leading, bool kept)
{
    int64_t n = 1;
    for (int i = 0; i < leading; i++)
        n *= r->dim[i].kept == kept ? r->dim[i].n : 1;
    return n;
}

static void add_offset(const division *d, bool kept, int64_t index, int64_t offset[2])
{
    for (int i = d->leading - 1; i >= 0; i--) {
        const dimension *dim = &d->r->dim[i];
        if (dim->kept != kept)
            continue;
        for (int k = 0; k < 2; k++)
            offset[k] += index % dim->n * dim->stride[k];
        index /= dim->n;
    }
}

static division divide(const reduction *r, int threads)
{
    static const dimension one = {.n = 1};
    division d = {.r = r, .length = one, .columns = one, .leading = r->ndim};
    d.by_columns = r->ndim > 0 && r->dim[r->ndim - 1].kept;
    if (d.by_columns)
        d.columns = r->dim[--d.leading];
    if (d.leading > 0 && !r->dim[d.leading - 1].kept)
        d.length = r->dim[--d.leading];
    d.kept = leading_count(r, d.leading, true);
    d.reduced = leading_count(r, d.leading, false);
    d.blocks = (d.columns.n + GAN__BLOCK - 1) / GAN__BLOCK;
    int64_t tasks = d.kept * d.blocks;
    d.parts = tasks >= threads ? 1 : (threads + tasks - 1) / tasks;
    return d;
}

/* Reduce one task's share into total, d->columns or one block of them. Returns the first column. */
static int64_t reduce_task(const gan__cpu *cpu, const division *d, int64_t task, int64_t *n, double *total)
{
    int64_t part = task % d->parts, block = task / d->parts % d->blocks, kept = task / d->parts / d->blocks;
    int64_t column = block * GAN__BLOCK;
    *n = d->columns.n - column < GAN__BLOCK ? d->columns.n - column : GAN__BLOCK;
    int64_t first = 0, last = d->reduced, begin = 0, end = d->length.n;
    if (d->reduced >= d->parts)
        gan__cpu_part(d->reduced, 1, d->parts, part, &first, &last);
    else
        gan__cpu_part(d->length.n, d->by_columns ? 1 : 16, d->parts, part, &begin, &end);
    for (int64_t j = 0; j < *n; j++)
        total[j] = start(d->r->op);
    for (int64_t q = first; q < last; q++) {
        int64_t offset[2] = {0, 0};
        add_offset(d, true, kept, offset);
        add_offset(d, false, q, offset);
        if (d->by_columns) {
            double sum[GAN__BLOCK];
            reduce_columns(cpu, d->r, offset, &d->length, &d->columns, begin, end, column, *n, sum);
            for (int64_t j = 0; j < *n; j++)
                total[j] = combine(d->r->op, total[j], sum[j]);
        } else {
            for (int k = 0; k < 2; k++)
                offset[k] += begin * d->length.stride[k];
            total[0] = combine(d->r->op, total[0], reduce_run(cpu, d->r, offset, d->length.stride, end - begin));
        }
    }
    return kept * d->columns.n + column;
}

/* Rows of one run each: the common case of many short ones. Those that cannot be read in place are staged, several at a
 * time where they are dense. */
static bool reduce_rows(const gan__cpu *cpu, const division *d, int64_t begin, int64_t end, double scale, float *out)
{
    const reduction *r = d->r;
    int64_t n = d->length.n, step[2] = {0, 0}, most = end - begin;
    float buffer[2][GAN__BLOCK];
    if (d->by_columns || d->parts > 1 || d->leading > 1 || d->reduced > 1)
        return false;
    for (int k = 0; k < r->n_in; k++) {
        step[k] = d->leading ? r->dim[0].stride[k] : 0;
        if (d->length.stride[k] != 1 || (r->dtype[k] != GAN_F32 && (step[k] != n || n > GAN__BLOCK)))
            return false;
        if (r->dtype[k] != GAN_F32)
            most = GAN__BLOCK / n;
    }
    for (int64_t i = begin, m; i < end; i += m) {
        m = end - i < most ? end - i : most;
        const float *a = load(cpu, r, 0, i * step[0], 1, m * n, buffer[0]);
        const float *b = load(cpu, r, 1, i * step[1], 1, m * n, buffer[1]);
        for (int64_t j = 0; j < m; j++)
            out[i + j] = (float)(scale * cpu->isa.run[r->op](a + j * step[0], b ? b + j * step[1] : NULL, n));
    }
    return true;
}

/* Tasks [begin, end) into out, or, when there are several parts, into their rows of `partial`. */
static void reduce_tasks(const gan__cpu *cpu, const division *d, int64_t begin, int64_t end, double scale, float *out,
                         double *partial)
{
    if (reduce_rows(cpu, d, begin, end, scale, out))
        return;
    double total[GAN__BLOCK];
    for (int64_t task = begin; task < end; task++) {
        int64_t n, at = reduce_task(cpu, d, task, &n, total);
        if (partial) {
            memcpy(partial + task % d->parts * d->kept * d->columns.n + at, total, (size_t)n * sizeof *total);
        } else {
            for (int64_t j = 0; j < n; j++)
                out[at + j] = (float)(scale * total[j]);
        }
    }
}

gan_status gan__cpu_reduce(gan__backend *be, gan__reduce_op op, const gan__array *in, float scale,
                           const gan__array *out)
{
    gan__cpu *cpu = gan__cpu_of(be);
    int64_t outputs = gan__cpu_count(out), n = gan__cpu_count(&in[0]);
    float *to = out->data;
    if (n == 0) {
        for (int64_t i = 0; i < outputs; i++)
            to[i] = (float)((double)scale * start(op));
        return GAN_OK;
    }
    reduction r = describe(op, in, out);
    int threads = gan__cpu_threads(cpu, n);
    division d = divide(&r, threads);
    double *partial = NULL;
    if (d.parts > 1) {
        size_t bytes = (size_t)(d.parts * outputs) * sizeof *partial;
        partial = gan__workspace(be->ctx, bytes);
        if (!partial)
            return gan__cpu_no_memory(cpu, bytes);
    }
    int64_t tasks = d.kept * d.blocks * d.parts;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        int64_t begin, end;
        gan__cpu_part(tasks, 1, threads, i, &begin, &end);
        reduce_tasks(cpu, &d, begin, end, (double)scale, to, partial);
    }
    if (partial) {
        for (int64_t i = 0; i < outputs; i++) {
            double total = partial[i];
            for (int64_t p = 1; p < d.parts; p++)
                total = combine(op, total, partial[p * outputs + i]);
            to[i] = (float)((double)scale * total);
        }
        gan__workspace_free(be->ctx, partial);
    }
    return GAN_OK;
}
