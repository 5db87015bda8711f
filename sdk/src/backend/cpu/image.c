/*
 * Pooling windows, bilinear resizing and reflection padding of NHWC images, and their adjoints.
 *
 * Each kernel makes one output row of width * channels values from a few input rows: first along the height, where
 * whole rows are added with a weight, then along the width. Output rows are divided among the threads; the adjoints
 * are written from the output's side too, so that no two threads add to one element.
 */
#include "cpu.h"

typedef struct image {
    char *data;
    gan_dtype dtype;
    int64_t n, height, width, channels;
    int64_t row; /* elements of a row */
} image;

static image image_of(const gan__array *a)
{
    return (image){a->data, a->dtype, a->dim[0], a->dim[1], a->dim[2], a->dim[3], a->dim[2] * a->dim[3]};
}

/* One output row: sums of input rows in `sum`, the result in `result`; `buffer` holds a widened row. */
typedef struct rows {
    float *sum, *result, *buffer;
} rows;

typedef void (*row_kernel)(const gan__cpu *cpu, const image *from, const image *to, const void *how, int64_t n,
                           int64_t y, const rows *r);

/* sum += weight * row y of image n of `from`; set if it is the first. */
static void add_row(const gan__cpu *cpu, const image *from, int64_t n, int64_t y, float weight, bool first,
                    const rows *r)
{
    const float *row =
        gan__cpu_widen(cpu, from->dtype, from->data, (n * from->height + y) * from->row, from->row, r->buffer);
    (first ? cpu->isa.scale_row : cpu->isa.add_scaled_row)(weight, row, r->sum, from->row);
}

/* Run `kernel` for every row of `to`. */
static gan_status for_rows(gan__cpu *cpu, const gan__array *in, const gan__array *out, const void *how,
                           row_kernel kernel)
{
    image from = image_of(in), to = image_of(out);
    int64_t total = to.n * to.height, count = total * to.row;
    if (count == 0)
        return GAN_OK;
    int threads =
        gan__cpu_threads(cpu, count > from.n * from.height * from.row ? count : from.n * from.height * from.row);
    int64_t each = (2 * from.row + to.row + 15) / 16 * 16;
    size_t bytes = (size_t)(threads * each) * sizeof(float);
    float *memory = gan__workspace(cpu->base.ctx, bytes);
    if (!memory)
        return gan__cpu_no_memory(cpu, bytes);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        rows r = {.sum = memory + i * each};
        r.buffer = r.sum + from.row;
        float *line = r.buffer + from.row;
        int64_t begin, end;
        gan__cpu_part(total, 1, threads, i, &begin, &end);
        for (int64_t y = begin; y < end; y++) {
            char *row = to.data + y * to.row * (int64_t)gan__cpu_dtype_size(to.dtype);
            r.result = to.dtype == GAN_F32 ? (float *)row : line;
            kernel(cpu, &from, &to, how, y / to.height, y % to.height, &r);
            if (to.dtype != GAN_F32)
                cpu->isa.narrow[to.dtype](r.result, row, to.row);
        }
    }
    gan__workspace_free(cpu->base.ctx, memory);
    return GAN_OK;
}

/* ---- windows ---- */

typedef struct window {
    int64_t k;
    float scale;
} window;

static void window_sum_row(const gan__cpu *cpu, const image *x, const image *y, const void *how, int64_t n, int64_t row,
                           const rows *r)
{
    const window *w = how;
    for (int64_t i = 0; i < w->k; i++)
        add_row(cpu, x, n, row * w->k + i, w->scale, i == 0, r);
    int64_t channels = y->channels;
    for (int64_t j = 0; j < y->width; j++) {
        float *to = r->result + j * channels;
        const float *from = r->sum + j * w->k * channels;
        memcpy(to, from, (size_t)channels * sizeof *to);
        for (int64_t i = 1; i < w->k; i++)
            for (int64_t c = 0; c < channels; c++)
                to[c] += from[i * channels + c];
    }
}

gan_status gan__cpu_window_sum(gan__backend *be, const gan__array *x, int k, float scale, const gan__array *y)
{
    window w = {k, scale};
    return for_rows(gan__cpu_of(be), x, y, &w, window_sum_row);
}

/* One row of y, scaled, in x's type, in `line`. */
static const char *spread_source(const gan__cpu *cpu, const image *y, gan_dtype dtype, int64_t row, float scale,
                                 float *line)
{
    if (scale == 1.0f && y->dtype == dtype)
        return y->data + row * y->row * (int64_t)gan__cpu_dtype_size(dtype);
    float *wide = line + y->row, *scaled = wide + y->row;
    const float *source = gan__cpu_widen(cpu, y->dtype, y->data, row * y->row, y->row, wide);
    cpu->isa.scale_row(scale, source, dtype == GAN_F32 ? line : scaled, y->row);
    if (dtype != GAN_F32)
        cpu->isa.narrow[dtype](scaled, line, y->row);
    return (const char *)line;
}

/* Every row of y becomes k rows of x: the first is made of its pixels, the others are copies of it. */
gan_status gan__cpu_window_spread(gan__backend *be, const gan__array *y_array, int k, float scale,
                                  const gan__array *x_array)
{
    gan__cpu *cpu = gan__cpu_of(be);
    image y = image_of(y_array), x = image_of(x_array);
    int64_t total = y.n * y.height, size = (int64_t)gan__cpu_dtype_size(x.dtype);
    int64_t pixel = y.channels * size, row_bytes = x.row * size;
    if (total * y.row == 0)
        return GAN_OK;
    int threads = gan__cpu_threads(cpu, total * y.row * k * k);
    size_t bytes = (size_t)(threads * 3 * y.row) * sizeof(float);
    float *memory = gan__workspace(cpu->base.ctx, bytes);
    if (!memory)
        return gan__cpu_no_memory(cpu, bytes);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        int64_t begin, end;
        gan__cpu_part(total, 1, threads, i, &begin, &end);
        for (int64_t row = begin; row < end; row++) {
            const char *from = spread_source(cpu, &y, x.dtype, row, scale, memory + i * 3 * y.row);
            char *first = x.data + row * k * row_bytes, *to = first;
            for (int64_t j = 0; j < y.width; j++, from += pixel)
                for (int copy = 0; copy < k; copy++, to += pixel)
                    memcpy(to, from, (size_t)pixel);
            for (int copy = 1; copy < k; copy++)
                memcpy(first + copy * row_bytes, first, (size_t)row_bytes);
        }
    }
    gan__workspace_free(cpu->base.ctx, memory);
    return GAN_OK;
}

/* ---- bilinear ---- */

/* Along one axis, output i is (1 - t[i]) in[low[i]] + t[i] in[high[i]]; and input j is used by the outputs
 * first[j] .. last[j] - 1. */
typedef struct axis {
    int64_t *low, *high, *first, *last;
    float *t;
} axis;

typedef struct bilinear_plan {
    axis y, x;
} bilinear_plan;

/* Output i lies at (i + 1/2) in/out - 1/2 between the input's samples, not before the first. */
static void plan_axis(axis *a, int64_t n_in, int64_t n_out)
{
    double ratio = (double)n_in / (double)n_out;
    for (int64_t j = 0; j < n_in; j++) {
        a->first[j] = n_out;
        a->last[j] = 0;
    }
    for (int64_t i = 0; i < n_out; i++) {
        double at = ((double)i + 0.5) * ratio - 0.5;
        at = at < 0.0 ? 0.0 : at;
        int64_t low = (int64_t)at < n_in - 1 ? (int64_t)at : n_in - 1;
        a->low[i] = low;
        a->high[i] = low + 1 < n_in ? low + 1 : low;
        a->t[i] = (float)(at - (double)low);
        for (int64_t j = low; j <= a->high[i]; j++) {
            a->first[j] = i < a->first[j] ? i : a->first[j];
            a->last[j] = i + 1;
        }
    }
}

static size_t axis_bytes(int64_t n_in, int64_t n_out)
{
    return (size_t)(2 * n_in + 3 * n_out) * sizeof(int64_t);
}

static char *axis_place(axis *a, char *memory, int64_t n_in, int64_t n_out)
{
    a->low = (int64_t *)memory;
    a->high = a->low + n_out;
    a->first = a->high + n_out;
    a->last = a->first + n_in;
    a->t = (float *)(a->last + n_in);
    plan_axis(a, n_in, n_out);
    return memory + axis_bytes(n_in, n_out);
}

static void bilinear_row(const gan__cpu *cpu, const image *x, const image *y, const void *how, int64_t n, int64_t row,
                         const rows *r)
{
    const bilinear_plan *p = how;
    float t = p->y.t[row];
    add_row(cpu, x, n, p->y.low[row], 1.0f - t, true, r);
    add_row(cpu, x, n, p->y.high[row], t, false, r);
    int64_t channels = x->channels;
    for (int64_t i = 0; i < y->width; i++) {
        const float *low = r->sum + p->x.low[i] * channels, *high = r->sum + p->x.high[i] * channels;
        float *to = r->result + i * channels, u = p->x.t[i];
        for (int64_t c = 0; c < channels; c++)
            to[c] = (1.0f - u) * low[c] + u * high[c];
    }
}

/* The weight with which output i uses input j. */
static float weight_of(const axis *a, int64_t i, int64_t j)
{
    return (a->low[i] == j ? 1.0f - a->t[i] : 0.0f) + (a->high[i] == j ? a->t[i] : 0.0f);
}

static void bilinear_adjoint_row(const gan__cpu *cpu, const image *y, const image *x, const void *how, int64_t n,
                                 int64_t row, const rows *r)
{
    const bilinear_plan *p = how;
    memset(r->sum, 0, (size_t)y->row * sizeof *r->sum);
    for (int64_t i = p->y.first[row]; i < p->y.last[row]; i++)
        add_row(cpu, y, n, i, weight_of(&p->y, i, row), false, r);
    int64_t channels = x->channels;
    memset(r->result, 0, (size_t)x->row * sizeof *r->result);
    for (int64_t i = 0; i < y->width; i++) {
        const float *from = r->sum + i * channels;
        float *low = r->result + p->x.low[i] * channels, *high = r->result + p->x.high[i] * channels, u = p->x.t[i];
        for (int64_t c = 0; c < channels; c++)
            low[c] += (1.0f - u) * from[c];
        for (int64_t c = 0; c < channels; c++)
            high[c] += u * from[c];
    }
}

/* x is the image that is resized to y; the kernel reads `from` and writes `to`. */
static gan_status resize(gan__backend *be, const gan__array *x, const gan__array *y, const gan__array *from,
                         const gan__array *to, row_kernel kernel)
{
    gan__cpu *cpu = gan__cpu_of(be);
    size_t bytes = axis_bytes(x->dim[1], y->dim[1]) + axis_bytes(x->dim[2], y->dim[2]);
    char *memory = gan__workspace(be->ctx, bytes);
    if (!memory)
        return gan__cpu_no_memory(cpu, bytes);
    bilinear_plan p;
    axis_place(&p.x, axis_place(&p.y, memory, x->dim[1], y->dim[1]), x->dim[2], y->dim[2]);
    gan_status status = for_rows(cpu, from, to, &p, kernel);
    gan__workspace_free(be->ctx, memory);
    return status;
}

gan_status gan__cpu_bilinear(gan__backend *be, const gan__array *x, const gan__array *y)
{
    return resize(be, x, y, x, y, bilinear_row);
}

gan_status gan__cpu_bilinear_adjoint(gan__backend *be, const gan__array *y, const gan__array *x)
{
    return resize(be, x, y, y, x, bilinear_adjoint_row);
}

/* ---- reflection ---- */

/* The input position that output position i shows: the image mirrored at its first and last sample. */
static int64_t reflect(int64_t i, int64_t pad, int64_t n)
{
    int64_t at = i - pad;
    at = at < 0 ? -at : at;
    return at < n ? at : 2 * (n - 1) - at;
}

/* The output positions that show input position i: at most three. Returns how many. */
static int shows(int64_t i, int64_t pad, int64_t n, int64_t at[3])
{
    int count = 0;
    at[count++] = pad + i;
    if (i >= 1 && i <= pad)
        at[count++] = pad - i;
    if (i <= n - 2 && i >= n - 1 - pad)
        at[count++] = pad + 2 * (n - 1) - i;
    return count;
}

static void reflect_row(const gan__cpu *cpu, const image *x, const image *y, const void *how, int64_t n, int64_t row,
                        const rows *r)
{
    int64_t pad = *(const int64_t *)how, channels = x->channels;
    const float *from = gan__cpu_widen(cpu, x->dtype, x->data, (n * x->height + reflect(row, pad, x->height)) * x->row,
                                       x->row, r->buffer);
    memcpy(r->result + pad * channels, from, (size_t)x->row * sizeof *from);
    for (int64_t i = 0; i < pad; i++) {
        int64_t right = y->width - 1 - i;
        memcpy(r->result + i * channels, from + reflect(i, pad, x->width) * channels, (size_t)channels * sizeof *from);
        memcpy(r->result + right * channels, from + reflect(right, pad, x->width) * channels,
               (size_t)channels * sizeof *from);
    }
}

static void reflect_adjoint_row(const gan__cpu *cpu, const image *y, const image *x, const void *how, int64_t n,
                                int64_t row, const rows *r)
{
    int64_t pad = *(const int64_t *)how, channels = x->channels, at[3];
    int count = shows(row, pad, x->height, at);
    for (int i = 0; i < count; i++)
        add_row(cpu, y, n, at[i], 1.0f, i == 0, r);
    memcpy(r->result, r->sum + pad * channels, (size_t)x->row * sizeof *r->result);
    for (int64_t i = 0; i < pad; i++) {
        int64_t right = y->width - 1 - i;
        cpu->isa.add_scaled_row(1.0f, r->sum + i * channels, r->result + reflect(i, pad, x->width) * channels,
                                channels);
        cpu->isa.add_scaled_row(1.0f, r->sum + right * channels, r->result + reflect(right, pad, x->width) * channels,
                                channels);
    }
}

gan_status gan__cpu_reflect_pad(gan__backend *be, const gan__array *x, int p, const gan__array *y)
{
    int64_t pad = p;
    return for_rows(gan__cpu_of(be), x, y, &pad, reflect_row);
}

gan_status gan__cpu_reflect_pad_adjoint(gan__backend *be, const gan__array *y, int p, const gan__array *x)
{
    int64_t pad = p;
    return for_rows(gan__cpu_of(be), y, x, &pad, reflect_adjoint_row);
}
