/*
 * Upsampling, filtering and downsampling of NHWC images.
 *
 * The filter is separable. Each output row is made in pieces that fit into the first-level cache: the input rows under
 * the vertical taps are added with their weights, whole runs at a time; then the horizontal taps are applied to that
 * sum. Where an axis is enlarged by `up`, an output has only every up-th tap: which ones depends on its position modulo
 * up, its phase, so that the zeros between the samples are never touched.
 */
#include "cpu.h"

/* Values of a piece's sum; the filter's reach comes on top. */
#define PIECE 4096
/* Below this a pixel's channels are too short a run. */
#define FEW_CHANNELS 16

typedef struct fir_plan {
    float w[GAN_FIR_MAX]; /* from the first to the last sample */
    int n, up, down, before;
    float gain;
    int64_t period, step; /* the phases repeat after `period` output pixels, `step` input pixels */
    bool dealt;           /* few channels: to have long runs, pixels are dealt out by their position modulo step */
    int64_t piece;        /* output pixels made at once */
    int64_t sum_pixels;   /* of the sum of a piece */
    int64_t line_pixels;  /* of one line of them */
    int64_t height, width, channels, out_height, out_width;
    gan_dtype dtype;
    const char *x;
    char *y;
} fir_plan;

/* What one output takes along an axis: samples first, first + 1, ..., with the weights w[offset], w[offset + up], ...
 */
typedef struct taps {
    int64_t first;
    int offset, count;
} taps;

static taps taps_at(const fir_plan *p, int64_t out)
{
    int64_t begin = out * p->down - p->before, rest = begin % p->up; /* of the enlarged input */
    int offset = (int)(rest > 0 ? p->up - rest : -rest);
    return (taps){(begin + offset) / p->up, offset, offset < p->n ? (p->n - 1 - offset) / p->up + 1 : 0};
}

/* The weights of `t`, times `gain`. */
static void weights(const fir_plan *p, taps t, float gain, float *w)
{
    for (int k = 0; k < t.count; k++)
        w[k] = p->w[t.offset + k * p->up] * gain;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The rows of one image that are added to an output row. */
typedef struct fir_rows {
    const char *row[GAN_FIR_MAX];
    float w[GAN_FIR_MAX];
    int n;
} fir_rows;

static void find_rows(const fir_plan *p, int64_t image, int64_t out_row, fir_rows *rows)
{
    taps t = taps_at(p, out_row);
    float w[GAN_FIR_MAX];
    weights(p, t, p->gain, w);
    int64_t bytes = p->width * p->channels * (int64_t)gan__cpu_dtype_size(p->dtype);
    rows->n = 0;
    for (int k = 0; k < t.count; k++) {
        if (t.first + k < 0 || t.first + k >= p->height)
            continue;
        rows->row[rows->n] = p->x + (image * p->height + t.first + k) * bytes;
        rows->w[rows->n++] = w[k];
    }
}

/* sum = the weighted rows between pixels `from` and `to`, zero outside of the image. */
static void add_rows(const gan__cpu *cpu, const fir_plan *p, const fir_rows *rows, int64_t from, int64_t to, float *sum)
{
    int64_t c = p->channels, begin = least(most(from, 0), to), end = most(least(to, p->width), begin);
    const void *in[GAN_FIR_MAX];
    for (int k = 0; k < rows->n; k++)
        in[k] = rows->row[k] + begin * c * (int64_t)gan__cpu_dtype_size(p->dtype);
    memset(sum, 0, (size_t)((begin - from) * c) * sizeof *sum);
    if (end > begin)
        cpu->isa.weighted_runs[p->dtype](in, rows->w, rows->n, sum + (begin - from) * c, (end - begin) * c);
    memset(sum + (end - from) * c, 0, (size_t)((to - end) * c) * sizeof *sum);
}

/* What a thread works with: the sum of a piece, the same with its pixels dealt out to `step` lines, one phase of the
 * result, and the result before it is narrowed. */
typedef struct fir_memory {
    float *sum, *lines, *phase, *result;
} fir_memory;

/* Output pixels first, first + period, ... below `end` of a row, from the sum that begins at pixel `from`. */
static void filter_phase(const gan__cpu *cpu, const fir_plan *p, const fir_memory *m, int64_t from, int64_t first,
                         int64_t end, float *out)
{
    int64_t c = p->channels, count = (end - first + p->period - 1) / p->period;
    taps t = taps_at(p, first);
    float w[GAN_FIR_MAX];
    weights(p, t, 1.0f, w);
    if (t.count == 0) {
        for (int64_t j = 0; j < count; j++)
            memset(out + j * p->period * c, 0, (size_t)c * sizeof *out);
        return;
    }
    if (!p->dealt) {
        cpu->isa.weighted_pixels(&(gan__isa_pixels){.in = m->sum + (t.first - from) * c,
                                                    .w = w,
                                                    .out = out,
                                                    .taps = t.count,
                                                    .in_step = p->step * c,
                                                    .tap = c,
                                                    .out_step = p->period * c,
                                                    .pixels = count,
                                                    .channels = c});
        return;
    }
    const void *in[GAN_FIR_MAX];
    for (int k = 0; k < t.count; k++) {
        int64_t at = t.first - from + k;
        in[k] = m->lines + (at % p->step * p->line_pixels + at / p->step) * c;
    }
    float *to = p->period > 1 ? m->phase : out;
    cpu->isa.weighted_runs[GAN_F32](in, w, t.count, to, count * c);
    if (p->period > 1)
        cpu->isa.copy_pixels(to, c, out, p->period * c, count, c);
}

/* Output pixels begin .. end - 1 of a row. */
static void filter_piece(const gan__cpu *cpu, const fir_plan *p, const fir_rows *rows, int64_t begin, int64_t end,
                         const fir_memory *m, float *out)
{
    taps last = taps_at(p, end - 1);
    int64_t from = taps_at(p, begin).first, to = last.first + most(last.count, 1), c = p->channels;
    add_rows(cpu, p, rows, from, to, m->sum);
    for (int64_t i = 0; p->dealt && p->step > 1 && i < least(p->step, to - from); i++)
        cpu->isa.copy_pixels(m->sum + i * c, p->step * c, m->lines + i * p->line_pixels * c, c,
                             (to - from - i + p->step - 1) / p->step, c);
    for (int64_t phase = begin; phase < least(begin + p->period, end); phase++)
        filter_phase(cpu, p, m, from, phase, end, out + (phase - begin) * c);
}

static void filter_row(const gan__cpu *cpu, const fir_plan *p, int64_t row, const fir_memory *m)
{
    int64_t size = (int64_t)gan__cpu_dtype_size(p->dtype), c = p->channels;
    char *to = p->y + row * p->out_width * c * size;
    fir_rows rows;
    find_rows(p, row / p->out_height, row % p->out_height, &rows);
    if (rows.n == 0) {
        memset(to, 0, (size_t)(p->out_width * c * size));
        return;
    }
    for (int64_t begin = 0; begin < p->out_width; begin += p->piece) {
        int64_t end = least(begin + p->piece, p->out_width);
        float *out = p->dtype == GAN_F32 ? (float *)to + begin * c : m->result;
        filter_piece(cpu, p, &rows, begin, end, m, out);
        if (p->dtype != GAN_F32)
            cpu->isa.narrow[p->dtype](m->result, to + begin * c * size, (end - begin) * c);
    }
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b > 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void plan(fir_plan *p, const gan_fir *fir, const gan__array *x, const gan__array *y)
{
    *p = (fir_plan){.n = fir->n,
                    .up = fir->up,
                    .down = fir->down,
                    .before = fir->before,
                    .gain = fir->gain,
                    .height = x->dim[1],
                    .width = x->dim[2],
                    .channels = x->dim[3],
                    .out_height = y->dim[1],
                    .out_width = y->dim[2],
                    .dtype = x->dtype,
                    .x = x->data,
                    .y = y->data};
    for (int k = 0; k < fir->n; k++)
        p->w[k] = fir->taps[fir->flip ? k : fir->n - 1 - k];
    int64_t common = common_divisor(p->up, p->down);
    p->period = p->up / common;
    p->step = p->down / common;
    p->dealt = p->channels < FEW_CHANNELS || (p->period == 1 && p->step == 1);
    int64_t pixels = most(PIECE / p->channels, 1) * p->up / p->down; /* of the output, that so many of the sum give */
    p->piece = least(most(pixels / p->period, 1) * p->period, p->out_width);
    p->sum_pixels = (p->piece - 1) * p->down / p->up + p->n + 2;
    p->line_pixels = (p->sum_pixels + p->step - 1) / p->step;
}

/* In values: the sizes of a thread's parts, those that the plan does not need 0, and of them all. */
static int64_t memory_sizes(const fir_plan *p, int64_t size[4])
{
    int64_t c = p->channels;
    size[0] = p->sum_pixels * c;
    size[1] = p->dealt && p->step > 1 ? p->step * p->line_pixels * c : 0;
    size[2] = p->dealt && p->period > 1 ? (p->piece / p->period + 1) * c : 0;
    size[3] = p->dtype == GAN_F32 ? 0 : p->piece * c;
    return (size[0] + size[1] + size[2] + size[3] + 15) / 16 * 16;
}

static fir_memory place(const fir_plan *p, float *memory)
{
    int64_t size[4];
    memory_sizes(p, size);
    fir_memory m = {.sum = memory, .lines = size[1] ? memory + size[0] : memory};
    m.phase = memory + size[0] + size[1];
    m.result = m.phase + size[2];
    return m;
}

gan_status gan__cpu_upfirdn(gan__backend *be, const gan_fir *fir, const gan__array *x, const gan__array *y)
{
    gan__cpu *cpu = gan__cpu_of(be);
    fir_plan p;
    plan(&p, fir, x, y);
    int64_t rows = y->dim[0] * p.out_height;
    int threads = gan__cpu_threads(cpu, most(gan__cpu_count(x), gan__cpu_count(y)));
    int64_t size[4], each = memory_sizes(&p, size);
    size_t bytes = (size_t)(threads * each) * sizeof(float);
    float *memory = gan__workspace(be->ctx, bytes);
    if (!memory)
        return gan__cpu_no_memory(cpu, bytes);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        fir_memory m = place(&p, memory + i * each);
        int64_t begin, end;
        gan__cpu_part(rows, 1, threads, i, &begin, &end);
        for (int64_t row = begin; row < end; row++)
            filter_row(cpu, &p, row, &m);
    }
    gan__workspace_free(be->ctx, memory);
    return GAN_OK;
}
