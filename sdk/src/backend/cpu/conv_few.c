/*
 * Convolutions where one side has only a few channels (an image's 3, a critic's 1) and the other many.
 *
 * oneDNN fills its vectors with channels, and reaches a tenth of the processor's rate here. Instead, with
 * T = KH KW few taps (kernel position and few-sided channel):
 *
 *   result has few channels (forward with few outputs and stride 1, data with few inputs):
 *     q [T, positions] = weights [T, many] source [positions, many]ᵀ, one matrix product at full rate,
 *     and each row of the result is the sum of rows of q, shifted by their tap's offset. With a stride s, columns of
 *     the result are held by their remainder modulo s until the end, so that these sums run over contiguous memory.
 *   weight gradient where y has few channels and the stride is 1:
 *     g [T, positions of x] holds y shifted by each tap's offset; w [T, many] = g x.
 *
 * In the data gradient taps are ordered (ky, kx, channel), in the others (channel, ky, kx): as w lies in memory.
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

static int64_t plane_of(const few *f, int64_t ky, int64_t kx, int64_t c)
{
    return f->direction == GAN__DATA ? (ky * f->kw + kx) * f->channels + c : (c * f->kh + ky) * f->kw + kx;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -((b - 1 - a) / b);
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

/* Kernel column k couples grid column j with image column (j + shift) * stride + phase. */
static void column_shift(const few *f, int64_t k, int64_t *phase, int64_t *shift)
{
    int64_t offset = f->direction == GAN__DATA ? k - f->pad : f->pad - k;
    *shift = floor_div(offset, f->stride);
    *phase = offset - *shift * f->stride;
}

/* ---- few results ---- */

/* Row y of image n into `row` [width, channels], from q of this image. acc is [stride][channels][columns per phase],
 * started at the bias. */
static void gather_row(const gan__cpu *cpu, const few *f, const float *q, int64_t plane, int64_t y, const float *bias,
                       float *acc, float *row)
{
    int64_t per_phase = (f->width + f->stride - 1) / f->stride;
    for (int64_t p = 0; p < f->stride * f->channels; p++) {
        for (int64_t j = 0; j < per_phase; j++)
            acc[p * per_phase + j] = bias ? bias[p % f->channels] : 0.0f;
    }
    for (int64_t ky = 0; ky < f->kh; ky++) {
        int64_t at = grid_row(f, y, ky);
        if (at < 0)
            continue;
        for (int64_t kx = 0; kx < f->kw; kx++) {
            int64_t phase, shift;
            column_shift(f, kx, &phase, &shift);
            int64_t of_phase = (f->width - phase + f->stride - 1) / f->stride;
            int64_t begin = shift > 0 ? shift : 0, end = f->columns + shift < of_phase ? f->columns + shift : of_phase;
            for (int64_t c = 0; c < f->channels && begin < end; c++)
                cpu->isa.add_scaled_row(1.0f, q + plane_of(f, ky, kx, c) * plane + at * f->columns + begin - shift,
                                        acc + (phase * f->channels + c) * per_phase + begin, end - begin);
        }
    }
    if (f->a->activation.kind != GAN_LINEAR)
        cpu->isa.bias_act[GAN_F32](acc, 1, f->stride * f->channels * per_phase, NULL, f->a->activation);
    for (int64_t p = 0; p < f->stride; p++) {
        for (int64_t c = 0; c < f->channels; c++) {
            const float *from = acc + (p * f->channels + c) * per_phase;
            for (int64_t j = 0, x = p; x < f->width; j++, x += f->stride)
                row[x * f->channels + c] = from[j];
        }
    }
}

/* Images [first, first + count) of the result from q [taps, count * positions]. */
static void gather(const gan__cpu *cpu, const few *f, const float *q, int64_t first, int64_t count, float *scratch,
                   int64_t each)
{
    int64_t positions = f->rows * f->columns, row = f->width * f->channels, total = count * f->height;
    size_t size = gan__cpu_dtype_size(f->image->dtype);
    int threads = gan__cpu_threads(cpu, f->taps * count * positions);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        float *acc = scratch + i * each, *line = acc + each - row;
        int64_t begin, end;
        gan__cpu_part(total, 1, threads, i, &begin, &end);
        for (int64_t r = begin; r < end; r++) {
            int64_t n = r / f->height, y = r % f->height;
            gather_row(cpu, f, q + n * positions, count * positions, y, f->a->bias, acc, line);
            cpu->isa.narrow[f->image->dtype](
                line, (char *)f->image->data + (size_t)((first * f->height + r) * row) * size, row);
        }
    }
}

static gan_status few_results(gan__cpu *cpu, const few *f)
{
    gan_dtype compute = f->a->compute;
    int64_t positions = f->rows * f->columns, slab = GAN__SLAB / (f->taps * positions);
    slab = slab < 1 ? 1 : slab < f->n ? slab : f->n;
    int64_t per_phase = (f->width + f->stride - 1) / f->stride;
    int64_t each = (f->stride * per_phase + f->width) * f->channels;
    size_t bytes = (size_t)(slab * positions * f->taps + cpu->base.threads * each) * sizeof(float);
    const void *grid, *weights;
    void *grid_copy = NULL, *weights_copy = NULL, *q = gan__workspace(cpu->base.ctx, bytes);
    gan_status status = q ? GAN_OK : gan__cpu_no_memory(cpu, bytes);
    if (status == GAN_OK)
        status = gan__cpu_with_dtype(cpu, f->grid, compute, &grid, &grid_copy);
    if (status == GAN_OK)
        status = gan__cpu_with_dtype(cpu, &f->a->w, compute, &weights, &weights_copy);
    for (int64_t first = 0; first < f->n && status == GAN_OK; first += slab) {
        int64_t count = f->n - first < slab ? f->n - first : slab;
        const char *from = (const char *)grid + (size_t)(first * positions * f->many) * gan__cpu_dtype_size(compute);
        status = gan__cpu_gemm(cpu, compute, f->direction == GAN__DATA, true, f->taps, count * positions, f->many,
                               weights, from, false, q);
        if (status == GAN_OK)
            gather(cpu, f, q, first, count, (float *)q + slab * positions * f->taps, each);
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
    int64_t phase, shift;
    column_shift(f, kx, &phase, &shift);
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
