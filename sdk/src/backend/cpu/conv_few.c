/*
 * Convolutions where one side has only a few channels (an image's 3, a critic's 1) and the other many.
 *
 * oneDNN fills its vectors with channels, and reaches a tenth of the processor's rate here. Instead, with
 * T = KH KW few taps (kernel position and few-sided channel):
 *
 *   result has few channels (forward with few outputs and stride 1, data with few inputs):
 *     q [positions, T] = source [positions, many] taps [many, T], one matrix product at full rate; then each row of q,
 *     a window of the result, is added to where it belongs.
 *   weight gradient where y has few channels and the stride is 1:
 *     g [T, positions of x] holds y shifted by each tap's offset; w [T, many] = g x.
 */
#include "conv.h"

#define GAN__FEW  4
#define GAN__MANY 16
#define GAN__SLAB ((int64_t)1 << 18) /* elements of q or g that are made at a time, whole images: they stay cached */

bool gan__conv_few_fits(gan__direction d, const gan__conv_args *a)
{
    int64_t in = a->x.dim[3], out = a->y.dim[3];
    if (d == GAN__DATA)
        return in <= GAN__FEW && out >= GAN__MANY;
    return out <= GAN__FEW && in >= GAN__MANY && a->stride == 1;
}

/* The few-channel image (result, or y of the weight gradient) and the grid of the other side, whose positions are
 * the columns of q or g. */
typedef struct few {
    gan__direction direction;
    const gan__conv_args *a;
    const gan__array *image, *grid;
    int64_t n, height, width, channels; /* of the image */
    int64_t rows, columns, many;        /* of the grid */
    int64_t kh, kw, taps, stride, pad;
} few;

static few describe(gan__direction d, const gan__conv_args *a)
{
    const gan__array *image = d == GAN__DATA ? &a->x : &a->y, *grid = d == GAN__DATA ? &a->y : &a->x;
    few f = {d,
             a,
             image,
             grid,
             image->dim[0],
             image->dim[1],
             image->dim[2],
             image->dim[3],
             grid->dim[1],
             grid->dim[2],
             grid->dim[3],
             a->w.dim[1],
             a->w.dim[2],
             0,
             a->stride,
             a->pad};
    f.taps = f.kh * f.kw * f.channels;
    return f;
}

/* The grid row that image row y meets through kernel row k, or -1. In the data gradient y = row * stride - pad + k;
 * else row = y - pad + k. */
static int64_t grid_row(const few *f, int64_t y, int64_t k)
{
    int64_t row;
    if (f->direction == GAN__DATA) {
        if ((y + f->pad - k) % f->stride != 0)
            return -1;
        row = (y + f->pad - k) / f->stride;
    } else {
        row = y - f->pad + k;
    }
    return row >= 0 && row < f->rows ? row : -1;
}

/* ---- few results ---- */

/* The weights as [many, (ky, kx, channel)], kx running along the image: as they are for the data gradient; for the
 * forward direction rearranged, and kx turned round. */
static void arrange_taps(const few *f, const void *weights, gan_dtype dtype, void *taps)
{
    int64_t at = 0;
    for (int64_t i = 0; i < f->many; i++) {
        for (int64_t t = 0; t < f->taps; t++, at++) {
            int64_t c = t % f->channels, kx = f->kw - 1 - t / f->channels % f->kw, ky = t / f->channels / f->kw;
            int64_t from = ((c * f->kh + ky) * f->kw + kx) * f->many + i;
            if (dtype == GAN_F32)
                ((float *)taps)[at] = ((const float *)weights)[from];
            else
                ((uint16_t *)taps)[at] = ((const uint16_t *)weights)[from];
        }
    }
}

/* Where windows lie in a row of the image: that of grid column j begins at column j * stride + left. `acc` is the row
 * with room for the windows that hang over its ends. */
typedef struct line {
    int64_t left, before, columns; /* columns of acc before the image's, and in all */
} line;

static line make_line(const few *f)
{
    line l = {.left = f->direction == GAN__DATA ? -f->pad : f->pad - (f->kw - 1)};
    l.before = l.left < 0 ? -l.left : 0;
    int64_t last = (f->columns - 1) * f->stride + l.left + f->kw;
    l.columns = l.before + (last > f->width ? last : f->width);
    return l;
}

/* Row y of an image into acc, from q of this image; returns where it begins. */
static float *fold_row(const gan__cpu *cpu, const few *f, const line *l, const float *q, int64_t y, float *acc)
{
    const float *bias = f->a->bias;
    float *row = acc + l->before * f->channels;
    int64_t n = f->width * f->channels;
    memset(acc, 0, (size_t)(l->columns * f->channels) * sizeof *acc);
    for (int64_t ky = 0; ky < f->kh; ky++) {
        int64_t at = grid_row(f, y, ky), window = f->kw * f->channels;
        if (at >= 0)
            cpu->isa.fold(q + at * f->columns * f->taps + ky * window, f->columns, f->taps, window,
                          acc + (l->before + l->left) * f->channels, f->stride * f->channels);
    }
    if (bias || f->a->activation.kind != GAN_LINEAR) {
        for (int64_t j = 0; bias && j < n; j++)
            row[j] += bias[j % f->channels];
        cpu->isa.bias_act[GAN_F32](row, 1, n, NULL, f->a->activation);
    }
    return row;
}

/* Images [first, first + count) of the result from their q. */
static void fold(const gan__cpu *cpu, const few *f, const float *q, int64_t first, int64_t count, float *scratch)
{
    int64_t row = f->width * f->channels, total = count * f->height;
    size_t size = gan__cpu_dtype_size(f->image->dtype);
    line l = make_line(f);
    int threads = gan__cpu_threads(cpu, f->taps * count * f->rows * f->columns);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        int64_t begin, end;
        gan__cpu_part(total, 1, threads, i, &begin, &end);
        for (int64_t r = begin; r < end; r++) {
            const float *of_image = q + r / f->height * f->rows * f->columns * f->taps;
            const float *from = fold_row(cpu, f, &l, of_image, r % f->height, scratch + i * l.columns * f->channels);
            cpu->isa.narrow[f->image->dtype](
                from, (char *)f->image->data + (size_t)((first * f->height + r) * row) * size, row);
        }
    }
}

static gan_status few_results(gan__cpu *cpu, const few *f)
{
    gan_dtype compute = f->a->compute;
    int64_t positions = f->rows * f->columns, slab = GAN__SLAB / (f->taps * positions);
    slab = slab < 1 ? 1 : slab < f->n ? slab : f->n;
    int64_t q_size = slab * positions * f->taps, t_size = f->many * f->taps;
    size_t floats = (size_t)(q_size + t_size + cpu->base.threads * make_line(f).columns * f->channels);
    const void *grid, *weights;
    void *grid_copy = NULL, *weights_copy = NULL;
    float *q = gan__workspace(cpu->base.ctx, floats * sizeof *q), *taps = q + q_size;
    gan_status status = q ? GAN_OK : gan__cpu_no_memory(cpu, floats * sizeof *q);
    if (status == GAN_OK)
        status = gan__cpu_with_dtype(cpu, f->grid, compute, &grid, &grid_copy);
    if (status == GAN_OK)
        status = gan__cpu_with_dtype(cpu, &f->a->w, compute, &weights, &weights_copy);
    if (status == GAN_OK && f->direction == GAN__FORWARD) {
        arrange_taps(f, weights, compute, taps);
        weights = taps;
    }
    for (int64_t first = 0; first < f->n && status == GAN_OK; first += slab) {
        int64_t count = f->n - first < slab ? f->n - first : slab;
        const char *from = (const char *)grid + (size_t)(first * positions * f->many) * gan__cpu_dtype_size(compute);
        status =
            gan__cpu_gemm(cpu, compute, false, false, count * positions, f->taps, f->many, from, weights, false, q);
        if (status == GAN_OK)
            fold(cpu, f, q, first, count, taps + t_size);
    }
    gan__workspace_free(cpu->base.ctx, weights_copy);
    gan__workspace_free(cpu->base.ctx, grid_copy);
    gan__workspace_free(cpu->base.ctx, q);
    return status;
}

/* ---- weight gradient ---- */

/* One plane of g: a channel of one image of y, shifted by tap (ky, kx): grid column j meets column j + shift. */
static void shift_plane(const few *f, const float *y, int64_t ky, int64_t kx, float *g)
{
    int64_t shift = f->pad - kx;
    int64_t begin = shift < 0 ? -shift : 0, end = f->width - shift < f->columns ? f->width - shift : f->columns;
    end = end > begin ? end : begin;
    for (int64_t r = 0; r < f->rows; r++, g += f->columns) {
        int64_t from = r + f->pad - ky;
        if (from < 0 || from >= f->height) {
            memset(g, 0, (size_t)f->columns * sizeof *g);
            continue;
        }
        memset(g, 0, (size_t)begin * sizeof *g);
        memcpy(g + begin, y + from * f->width + begin + shift, (size_t)(end - begin) * sizeof *g);
        memset(g + end, 0, (size_t)(f->columns - end) * sizeof *g);
    }
}

/* y of images [first, first + count), [pixels, channels] each, to planes [count, channels, pixels] of f32. */
static gan_status to_planes(gan__cpu *cpu, const few *f, int64_t first, int64_t count, float *planes)
{
    int64_t pixels = f->height * f->width, image = pixels * f->channels;
    gan__array in = {
        .dtype = f->image->dtype, .ndim = 3, .dim = {count, f->channels, pixels}, .stride = {image, 1, f->channels}};
    gan__array out = {
        .data = planes, .dtype = GAN_F32, .ndim = 3, .dim = {count, f->channels, pixels}, .stride = {image, pixels, 1}};
    in.data = (char *)f->image->data + (size_t)(first * image) * gan__cpu_dtype_size(in.dtype);
    return gan__cpu_map(&cpu->base, GAN__MAP_COPY, NULL, 1, &in, &out);
}

static void shift_planes(const gan__cpu *cpu, const few *f, int64_t count, const float *planes, float *g)
{
    int64_t positions = f->rows * f->columns, pixels = f->height * f->width;
    int threads = gan__cpu_threads(cpu, f->taps * count * positions);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t t = 0; t < f->taps * count; t++) {
        int64_t plane = t / count, n = t % count;
        int64_t c = plane / (f->kh * f->kw), ky = plane / f->kw % f->kh, kx = plane % f->kw;
        shift_plane(f, planes + (n * f->channels + c) * pixels, ky, kx, g + (plane * count + n) * positions);
    }
}

/* In f32 for both precisions: the product is no longer what takes the time. */
static gan_status few_weights(gan__cpu *cpu, const few *f)
{
    int64_t positions = f->rows * f->columns, slab = GAN__SLAB / (f->taps * positions);
    slab = slab < 1 ? 1 : slab < f->n ? slab : f->n;
    size_t g_size = (size_t)(slab * positions * f->taps);
    size_t bytes = (g_size + (size_t)(slab * f->height * f->width * f->channels)) * sizeof(float);
    const void *grid;
    void *grid_copy = NULL;
    float *g = gan__workspace(cpu->base.ctx, bytes);
    gan_status status = g ? GAN_OK : gan__cpu_no_memory(cpu, bytes);
    if (status == GAN_OK)
        status = gan__cpu_with_dtype(cpu, f->grid, GAN_F32, &grid, &grid_copy);
    for (int64_t first = 0; first < f->n && status == GAN_OK; first += slab) {
        int64_t count = f->n - first < slab ? f->n - first : slab;
        status = to_planes(cpu, f, first, count, g + g_size);
        if (status != GAN_OK)
            break;
        shift_planes(cpu, f, count, g + g_size, g);
        status = gan__cpu_gemm(cpu, GAN_F32, false, false, f->taps, f->many, count * positions, g,
                               (const float *)grid + first * positions * f->many, first > 0, f->a->w.data);
    }
    gan__workspace_free(cpu->base.ctx, grid_copy);
    gan__workspace_free(cpu->base.ctx, g);
    return status;
}

gan_status gan__conv_few(gan__cpu *cpu, gan__direction d, const gan__conv_args *a)
{
    few f = describe(d, a);
    return d == GAN__WEIGHT ? few_weights(cpu, &f) : few_results(cpu, &f);
}
