/*
 * Copies between strided arrays of one element type: slices, concatenation, permutation, broadcasting.
 *
 * Rows that are contiguous on both sides are copied whole. Where the input is contiguous along another dimension
 * than the output, the two dimensions are transposed tile by tile (isa.h); the rest is copied element by element.
 */
#include "walk.h"

enum { IN, OUT };

typedef struct move_plan {
    gan__walk w;
    size_t size;   /* bytes of an element */
    int along;     /* dimension in which the input is contiguous, or -1 */
    int64_t tasks; /* index of everything but the dimensions that a task covers */
    int64_t block; /* transposition: columns of the output that a task covers */
} move_plan;

static int log2_of(size_t size)
{
    return size == 1 ? 0 : size == 2 ? 1 : 2;
}

#define GAN__COPY_RUN(type)                                                                                            \
    for (int64_t i = 0; i < n; i++)                                                                                    \
        ((type *)to)[i * to_stride] = ((const type *)from)[i * from_stride];

static void copy_run(const char *from, int64_t from_stride, char *to, int64_t to_stride, int64_t n, size_t size)
{
    if (from_stride == 1 && to_stride == 1) {
        memcpy(to, from, (size_t)n * size);
        return;
    }
    switch (size) {
    case 1:
        GAN__COPY_RUN(uint8_t)
        break;
    case 2:
        GAN__COPY_RUN(uint16_t)
        break;
    default:
        GAN__COPY_RUN(uint32_t)
    }
}

/* The offsets of both arrays at entry `index` of the dimensions other than the last and `along`. */
static void locate(const move_plan *p, int64_t index, char **from, char **to)
{
    int64_t in = 0, out = 0;
    for (int i = p->w.ndim - 2; i >= 0; i--) {
        if (i == p->along)
            continue;
        int64_t at = index % p->w.dim[i];
        index /= p->w.dim[i];
        in += at * p->w.stride[IN][i];
        out += at * p->w.stride[OUT][i];
    }
    *from = p->w.data[IN] + in * (int64_t)p->size;
    *to = p->w.data[OUT] + out * (int64_t)p->size;
}

static void copy_rows(const move_plan *p, int64_t begin, int64_t end)
{
    int last = p->w.ndim - 1;
    for (int64_t index = begin; index < end; index++) {
        char *from, *to;
        locate(p, index, &from, &to);
        copy_run(from, p->w.stride[IN][last], to, p->w.stride[OUT][last], p->w.dim[last], p->size);
    }
}

static void transpose_blocks(const gan__cpu *cpu, const move_plan *p, int64_t begin, int64_t end)
{
    int last = p->w.ndim - 1;
    int64_t blocks = (p->w.dim[last] + p->block - 1) / p->block;
    for (int64_t task = begin; task < end; task++) {
        char *from, *to;
        locate(p, task / blocks, &from, &to);
        int64_t first = task % blocks * p->block;
        int64_t m = p->w.dim[last] - first < p->block ? p->w.dim[last] - first : p->block;
        from += first * p->w.stride[IN][last] * (int64_t)p->size;
        to += first * (int64_t)p->size;
        cpu->isa.transpose[log2_of(p->size)](from, p->w.stride[IN][last], to, p->w.stride[OUT][p->along], m,
                                             p->w.dim[p->along]);
    }
}

static void plan(move_plan *p, int threads)
{
    const gan__walk *w = &p->w;
    int last = w->ndim - 1;
    p->along = -1;
    p->tasks = 1;
    if (w->stride[IN][last] != 1 && w->stride[OUT][last] == 1) {
        for (int i = 0; i < last; i++) {
            if (w->stride[IN][i] == 1 && w->dim[i] > 1)
                p->along = i;
        }
    }
    for (int i = 0; i < last; i++)
        p->tasks *= i == p->along ? 1 : w->dim[i];
    if (p->along >= 0) {
        p->block = p->tasks >= threads ? w->dim[last] : (w->dim[last] / threads + 64) / 64 * 64;
        p->tasks *= (w->dim[last] + p->block - 1) / p->block;
    }
}

gan_status gan__cpu_move(gan__cpu *cpu, const gan__array *in, const gan__array *out)
{
    move_plan p = {.w = gan__walk_make(1, in, out), .size = gan__cpu_dtype_size(out->dtype)};
    int64_t n = gan__cpu_count(out);
    if (p.w.ndim == 2 && p.w.dim[0] == 1 && p.w.stride[IN][1] == 1 && p.w.stride[OUT][1] == 1)
        return cpu->base.ops->copy(&cpu->base, p.w.data[OUT], p.w.data[IN], (size_t)n * p.size);
    int threads = gan__cpu_threads(cpu, n);
    plan(&p, threads);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        int64_t begin, end;
        gan__cpu_part(p.tasks, 1, threads, i, &begin, &end);
        if (p.along >= 0)
            transpose_blocks(cpu, &p, begin, end);
        else
            copy_rows(&p, begin, end);
    }
    return GAN_OK;
}
