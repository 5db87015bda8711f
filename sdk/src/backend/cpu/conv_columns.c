/*
 * The weight gradient of a convolution as one matrix product, w = yᵀ columns, where row p of `columns`
 * [positions of y, KH KW I] holds the window of x that output position p sees.
 *
 * Writing the columns costs KH KW / stride² times the size of x, once; the product then runs at full rate, where
 * oneDNN's own weight gradients for NHWC reach half of it.
 */
#include "conv.h"

/* Above this the columns go out of the cache, and what the product gains is lost on memory. */
#define GAN__COLUMNS_MOST ((int64_t)24 << 20)

typedef struct columns {
    int64_t n, height, width, in; /* of x */
    int64_t rows, cols, out;      /* of y */
    int64_t kh, kw, window;       /* window: elements of a row of the columns */
    int64_t stride, pad;
} columns;

static columns describe(const gan__conv_args *a)
{
    columns c = {a->x.dim[0], a->x.dim[1], a->x.dim[2], a->x.dim[3], a->y.dim[1], a->y.dim[2],
                 a->y.dim[3], a->w.dim[1], a->w.dim[2], 0,           a->stride,   a->pad};
    c.window = c.kh * c.kw * c.in;
    return c;
}

/* The windows of row `row` of y, from image x; `size` bytes per element. */
static void unfold_row(const columns *c, const char *x, int64_t row, size_t size, char *to)
{
    size_t pixel = (size_t)c->in * size, line = (size_t)c->kw * pixel;
    for (int64_t col = 0; col < c->cols; col++) {
        int64_t left = col * c->stride - c->pad;
        int64_t begin = left < 0 ? -left : 0, end = c->width - left < c->kw ? c->width - left : c->kw;
        for (int64_t k = 0; k < c->kh; k++, to += line) {
            int64_t y = row * c->stride - c->pad + k;
            if (y < 0 || y >= c->height || begin >= end) {
                memset(to, 0, line);
                continue;
            }
            memset(to, 0, (size_t)begin * pixel);
            memcpy(to + (size_t)begin * pixel, x + (size_t)(y * c->width + left + begin) * pixel,
                   (size_t)(end - begin) * pixel);
            memset(to + (size_t)end * pixel, 0, (size_t)(c->kw - end) * pixel);
        }
    }
}

static void unfold(const gan__cpu *cpu, const columns *c, const char *x, int64_t images, size_t size, char *to)
{
    int64_t rows = images * c->rows;
    int threads = gan__cpu_threads(cpu, rows * c->cols * c->window);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t r = 0; r < rows; r++)
        unfold_row(c, x + (size_t)(r / c->rows * c->height * c->width * c->in) * size, r % c->rows, size,
                   to + (size_t)(r * c->cols * c->window) * size);
}

/* Measured with oneDNN 2.6 on a Zen 5 core, GFLOP/s of oneDNN and of this: f32 4x4 256-512 160, 197; 3x3 stride 2
 * 128-256 166, 174; bf16 the same 228, 404 and 292, 387; 4x4 stride 2 256-512 171, 336; 64-128 317, 390. With fewer
 * channels it is the other way round. */
bool gan__conv_columns_fits(const gan__conv_args *a)
{
    columns c = describe(a);
    int64_t bytes = c.n * c.rows * c.cols * c.window * (int64_t)gan__cpu_dtype_size(a->compute);
    return c.in >= (a->compute == GAN_F32 ? 128 : 64) && c.out >= 64 && bytes <= GAN__COLUMNS_MOST;
}

gan_status gan__conv_columns(gan__cpu *cpu, const gan__conv_args *a)
{
    columns c = describe(a);
    size_t size = gan__cpu_dtype_size(a->compute), bytes = (size_t)(c.n * c.rows * c.cols * c.window) * size;
    const void *x, *y;
    void *x_copy = NULL, *y_copy = NULL, *cols = gan__workspace(cpu->base.ctx, bytes);
    gan_status status = cols ? GAN_OK : gan__cpu_no_memory(cpu, bytes);
    if (status == GAN_OK)
        status = gan__cpu_with_dtype(cpu, &a->x, a->compute, &x, &x_copy);
    if (status == GAN_OK)
        status = gan__cpu_with_dtype(cpu, &a->y, a->compute, &y, &y_copy);
    if (status == GAN_OK) {
        unfold(cpu, &c, x, c.n, size, cols);
        status = gan__cpu_gemm(cpu, a->compute, true, false, c.out, c.window, c.n * c.rows * c.cols, y, cols, false,
                               a->w.data);
    }
    gan__workspace_free(cpu->base.ctx, y_copy);
    gan__workspace_free(cpu->base.ctx, x_copy);
    gan__workspace_free(cpu->base.ctx, cols);
    return status;
}
