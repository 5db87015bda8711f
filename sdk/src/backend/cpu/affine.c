/*
 * Images warped by matrices, and the adjoint.
 *
 * Rows of the output are divided among the threads. The adjoint goes through the output in the same way and adds to the
 * input's pixels: a thread has a band of rows of one image for itself, and adds what falls into it in the order of the
 * output, so that results do not depend on the number of threads.
 */
#include "cpu.h"

#include "backend/affine.h"

/* From here on a pixel's channels are a run that is worth a call. */
#define LONG_RUN 16

#define INLINE static inline __attribute__((always_inline))

typedef struct warp {
    const float *theta;
    bool reflect;
    int64_t n, channels;
    int height, width;
    gan_dtype dtype;
    const char *from;
    char *to;
} warp;

/* The pixels of the input, at most four, that an output pixel is made of. */
typedef struct corners {
    int64_t at[4]; /* row * width + column */
    float w[4];
    int n;
} corners;

INLINE void find_corners(const warp *p, const gan__affine *t, int row, int column, corners *c)
{
    float v = (float)row - 0.5f * (float)(p->height - 1), u = (float)column - 0.5f * (float)(p->width - 1), x, y;
    int left = gan__affine_at(t, 0, u, v, p->width, &x), top = gan__affine_at(t, 1, u, v, p->height, &y);
    const float wx[2] = {1.0f - x, x}, wy[2] = {1.0f - y, y};
    c->n = 0;
    if (left >= 0 && left < p->width - 1 && top >= 0 && top < p->height - 1) {
        int64_t at = (int64_t)top * p->width + left;
        *c = (corners){{at, at + 1, at + p->width, at + p->width + 1},
                       {wy[0] * wx[0], wy[0] * wx[1], wy[1] * wx[0], wy[1] * wx[1]},
                       4};
        return;
    }
    for (int i = 0; i < 2; i++) {
        int at = gan__affine_pixel(top + i, p->height, p->reflect);
        for (int j = 0; at >= 0 && j < 2; j++) {
            int beside = gan__affine_pixel(left + j, p->width, p->reflect);
            if (beside < 0)
                continue;
            c->at[c->n] = (int64_t)at * p->width + beside;
            c->w[c->n++] = wy[i] * wx[j];
        }
    }
}

/* ---- forward ---- */

INLINE float load(gan_dtype dtype, const void *data, int64_t i)
{
    return dtype == GAN_BF16 ? gan__of_bf16(((const uint16_t *)data)[i]) : ((const float *)data)[i];
}

/* A pixel of few channels; the type and usual counts of channels are constants in each call. */
INLINE void mix(const corners *c, gan_dtype dtype, const void *const *in, int64_t channels, float *out)
{
    if (c->n == 4) {
        for (int64_t i = 0; i < channels; i++)
            out[i] = (c->w[0] * load(dtype, in[0], i) + c->w[1] * load(dtype, in[1], i)) +
                     (c->w[2] * load(dtype, in[2], i) + c->w[3] * load(dtype, in[3], i));
        return;
    }
    for (int64_t i = 0; i < channels; i++) {
        float sum = 0.0f;
        for (int k = 0; k < c->n; k++)
            sum += c->w[k] * load(dtype, in[k], i);
        out[i] = sum;
    }
}

static void mix_few(const corners *c, gan_dtype dtype, const void *const *in, int64_t channels, float *out)
{
    if (dtype == GAN_F32 && channels == 3)
        mix(c, GAN_F32, in, 3, out);
    else if (dtype == GAN_F32)
        mix(c, GAN_F32, in, channels, out);
    else if (channels == 3)
        mix(c, GAN_BF16, in, 3, out);
    else
        mix(c, GAN_BF16, in, channels, out);
}

/* Row `row` of an image, in f32. */
static void warp_row(const gan__cpu *cpu, const warp *p, const gan__affine *matrix, const char *image, int row,
                     float *out)
{
    int64_t channels = p->channels, pixel = channels * (int64_t)gan__cpu_dtype_size(p->dtype);
    const gan__affine t = *matrix; /* which no store through `out` can change */
    for (int j = 0; j < p->width; j++, out += channels) {
        corners c;
        const void *in[4];
        find_corners(p, &t, row, j, &c);
        for (int k = 0; k < c.n; k++)
            in[k] = image + c.at[k] * pixel;
        if (channels >= LONG_RUN && c.n > 0)
            cpu->isa.weighted_runs[p->dtype](in, c.w, c.n, out, channels);
        else
            mix_few(&c, p->dtype, in, channels, out);
    }
}

static void warp_rows(const gan__cpu *cpu, const warp *p, int64_t begin, int64_t end, float *line)
{
    int64_t row_bytes = p->width * p->channels * (int64_t)gan__cpu_dtype_size(p->dtype), image = -1;
    gan__affine t = {.shown = false};
    for (int64_t row = begin; row < end; row++) {
        char *to = p->to + row * row_bytes;
        if (row / p->height != image) {
            image = row / p->height;
            t = gan__affine_of(p->theta + 6 * image, p->height, p->width, p->reflect);
        }
        if (!t.shown) {
            memset(to, 0, (size_t)row_bytes);
            continue;
        }
        warp_row(cpu, p, &t, p->from + image * p->height * row_bytes, (int)(row % p->height),
                 p->dtype == GAN_F32 ? (float *)to : line);
        if (p->dtype != GAN_F32)
            cpu->isa.narrow[p->dtype](line, to, p->width * p->channels);
    }
}

static warp warp_of(const float *theta, gan_border border, const gan__array *from, const gan__array *to)
{
    return (warp){.theta = theta,
                  .reflect = border == GAN_BORDER_REFLECT,
                  .n = from->dim[0],
                  .height = (int)from->dim[1],
                  .width = (int)from->dim[2],
                  .channels = from->dim[3],
                  .dtype = from->dtype,
                  .from = from->data,
                  .to = to->data};
}

gan_status gan__cpu_affine_sample(gan__backend *be, const float *theta, gan_border border, const gan__array *x,
                                  const gan__array *y)
{
    gan__cpu *cpu = gan__cpu_of(be);
    warp p = warp_of(theta, border, x, y);
    int64_t rows = p.n * p.height, line = p.dtype == GAN_F32 ? 0 : (p.width * p.channels + 15) / 16 * 16;
    int threads = gan__cpu_threads(cpu, 4 * gan__cpu_count(y));
    size_t bytes = (size_t)(threads * line) * sizeof(float);
    float *memory = line ? gan__workspace(be->ctx, bytes) : NULL;
    if (line && !memory)
        return gan__cpu_no_memory(cpu, bytes);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        int64_t begin, end;
        gan__cpu_part(rows, 1, threads, i, &begin, &end);
        warp_rows(cpu, &p, begin, end, line ? memory + i * line : NULL);
    }
    gan__workspace_free(be->ctx, memory);
    return GAN_OK;
}

/* ---- adjoint ---- */

/* Rows `begin` .. `end` - 1 of the result, which are at `sum`. */
typedef struct band {
    int begin, end;
    float *sum;
} band;

INLINE void add_few(const corners *c, const float *from, int64_t first, int64_t last, int64_t channels, float *sum)
{
    for (int k = 0; k < c->n; k++) {
        if (c->at[k] < first || c->at[k] >= last)
            continue;
        float *to = sum + (c->at[k] - first) * channels;
        for (int64_t i = 0; i < channels; i++)
            to[i] += c->w[k] * from[i];
    }
}

static void spread_row(const gan__cpu *cpu, const warp *p, const gan__affine *matrix, int row, const float *from,
                       const band *b)
{
    int64_t first = (int64_t)b->begin * p->width, last = (int64_t)b->end * p->width, channels = p->channels;
    const gan__affine t = *matrix;
    for (int j = 0; j < p->width; j++, from += channels) {
        corners c;
        find_corners(p, &t, row, j, &c);
        if (channels == 3) {
            add_few(&c, from, first, last, 3, b->sum);
        } else if (channels < LONG_RUN) {
            add_few(&c, from, first, last, channels, b->sum);
        } else {
            for (int k = 0; k < c.n; k++)
                if (c.at[k] >= first && c.at[k] < last)
                    cpu->isa.add_scaled_row(c.w[k], from, b->sum + (c.at[k] - first) * channels, channels);
        }
    }
}

static void spread_band(const gan__cpu *cpu, const warp *p, int64_t image, int begin, int end, float *memory)
{
    int64_t row = p->width * p->channels, size = (int64_t)gan__cpu_dtype_size(p->dtype), n = (end - begin) * row;
    gan__affine t = gan__affine_of(p->theta + 6 * image, p->height, p->width, p->reflect);
    char *to = p->to + (image * p->height + begin) * row * size;
    band b = {begin, end, p->dtype == GAN_F32 ? (float *)to : memory + row};
    memset(b.sum, 0, (size_t)n * sizeof *b.sum);
    for (int i = 0; t.shown && i < p->height; i++)
        spread_row(cpu, p, &t, i, gan__cpu_widen(cpu, p->dtype, p->from, (image * p->height + i) * row, row, memory),
                   &b);
    if (p->dtype != GAN_F32)
        cpu->isa.narrow[p->dtype](b.sum, to, n);
}

gan_status gan__cpu_affine_adjoint(gan__backend *be, const float *theta, gan_border border, const gan__array *y,
                                   const gan__array *x)
{
    gan__cpu *cpu = gan__cpu_of(be);
    warp p = warp_of(theta, border, y, x);
    int threads = gan__cpu_threads(cpu, 4 * gan__cpu_count(x));
    int64_t bands = p.n >= threads ? 1 : (threads + p.n - 1) / p.n, row = p.width * p.channels;
    bands = bands < p.height ? bands : p.height;
    int64_t each = p.dtype == GAN_F32 ? 0 : (row + ((p.height + bands - 1) / bands + 1) * row + 15) / 16 * 16;
    size_t bytes = (size_t)(threads * each) * sizeof(float);
    float *memory = each ? gan__workspace(be->ctx, bytes) : NULL;
    if (each && !memory)
        return gan__cpu_no_memory(cpu, bytes);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        int64_t first, last;
        gan__cpu_part(p.n * bands, 1, threads, i, &first, &last);
        for (int64_t task = first; task < last; task++) {
            int64_t begin, end;
            gan__cpu_part(p.height, 1, bands, task % bands, &begin, &end);
            spread_band(cpu, &p, task / bands, (int)begin, (int)end, each ? memory + i * each : NULL);
        }
    }
    gan__workspace_free(be->ctx, memory);
    return GAN_OK;
}
