/*
 * Convolutions as matrix products, where there is no library to do them: row p of `columns` [positions of y, KH KW I]
 * is the window of x that output position p sees, zeros where it reaches over the edge. Then
 *     y = columns wᵀ,   w = yᵀ columns,   columns = y w, whose rows are added up to x.
 *
 * The columns are KH KW / stride² times as large as x, so they are made in slabs of a limited size: of rows of y for
 * the first two, of images (or, where one is too large, of rows of x with the rows of y that they need) for the third.
 * Both kernels own what they write, 16 bytes or one element for each thread in blocks of 256; they are deterministic,
 * and bound by writing and reading the columns.
 */
#include "index.cuh"

#define GAN__COLUMNS_THREADS 256
/* Bytes of columns at a time: enough to fill the device. The emulation has less, so that the small shapes of tests take
 * several slabs too. */
#ifdef GAN__EMULATED
#define GAN__COLUMNS_MOST ((int64_t)1 << 10)
#else
#define GAN__COLUMNS_MOST ((int64_t)256 << 20)
#endif

/* What both kernels divide their items by: `channels` in items. */
typedef struct places {
    int64_t items;
    gan__extent channels, kw, kh, width, height; /* of y to write columns, of x to write x */
} places;

static places places_of(const gan__cuda_conv *c, int64_t items, int64_t channels, int64_t width, int64_t height,
                        int64_t most)
{
    return places{items,
                  gan__extent_of(channels, most),
                  gan__extent_of(c->kw, most),
                  gan__extent_of(c->kh, most),
                  gan__extent_of(width, most),
                  gan__extent_of(height, most)};
}

/* ---- x to columns ---- */

/* The columns of y's rows from `first_row` (counted through all images) on. A Word is as many bytes of a pixel as can
 * be moved at once; their values do not matter. */
template <typename Word>
static __global__ void __launch_bounds__(GAN__COLUMNS_THREADS)
    unfold(const Word *__restrict__ x, Word *__restrict__ columns, places p, int64_t first_row, int64_t x_height,
           int64_t x_width, int64_t stride, int64_t pad)
{
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < p.items; i += step) {
        int64_t channel, kx, ky, ox, oy;
        int64_t pixel = gan__split(gan__split(gan__split(i, p.channels, &channel), p.kw, &kx), p.kh, &ky);
        int64_t n = gan__split(gan__split(pixel, p.width, &ox) + first_row, p.height, &oy);
        int64_t at_y = oy * stride - pad + ky, at_x = ox * stride - pad + kx;
        Word word = {};
        if (at_y >= 0 && at_y < x_height && at_x >= 0 && at_x < x_width)
            word = x[((n * x_height + at_y) * x_width + at_x) * p.channels.value + channel];
        columns[i] = word;
    }
}

template <typename Word>
static gan_status launch_unfold(gan__cuda *cu, const gan__cuda_conv *c, int64_t first_row, int64_t rows, void *columns)
{
    int64_t words = c->in * (int64_t)gan__cuda_dtype_size(c->compute) / (int64_t)sizeof(Word);
    int64_t items = rows * c->ow * c->kh * c->kw * words, all = c->n * c->oh;
    places p = places_of(c, items, words, c->ow, c->oh, items > all ? items : all);
    return GAN__LAUNCH(cu, (unfold<Word>), gan__grid_for(cu, items, GAN__COLUMNS_THREADS, 1), GAN__COLUMNS_THREADS, 0,
                       (const Word *)c->x, (Word *)columns, p, first_row, c->h, c->w, (int64_t)c->stride,
                       (int64_t)c->pad);
}

static gan_status unfold_rows(gan__cuda *cu, const gan__cuda_conv *c, int64_t first_row, int64_t rows, void *columns)
{
    uint64_t together = (uint64_t)c->in * gan__cuda_dtype_size(c->compute) | (uintptr_t)c->x | (uintptr_t)columns;
    if (together % 16 == 0)
        return launch_unfold<uint4>(cu, c, first_row, rows, columns);
    if (together % 8 == 0)
        return launch_unfold<uint2>(cu, c, first_row, rows, columns);
    if (together % 4 == 0)
        return launch_unfold<uint32_t>(cu, c, first_row, rows, columns);
    return launch_unfold<uint16_t>(cu, c, first_row, rows, columns);
}

/* y = columns wᵀ, or w = yᵀ columns, the sum over the slabs. */
static gan_status over_rows(gan__cuda *cu, const gan__cuda_conv *c)
{
    int64_t window = c->kh * c->kw * c->in, rows = c->n * c->oh;
    int64_t row_bytes = c->ow * window * (int64_t)gan__cuda_dtype_size(c->compute);
    int64_t each = row_bytes < GAN__COLUMNS_MOST ? GAN__COLUMNS_MOST / row_bytes : 1;
    each = each < rows ? each : rows;
    void *columns = gan__cuda_workspace(cu, (size_t)(each * row_bytes));
    if (!columns)
        return gan__cuda_no_memory(cu, (size_t)(each * row_bytes));

    bool forward = c->kind == GAN__CONV_FORWARD;
    gan_status status = GAN_OK;
    for (int64_t row = 0; row < rows && status == GAN_OK; row += each) {
        int64_t count = rows - row < each ? rows - row : each;
        size_t y_size = gan__cuda_dtype_size(forward ? c->result : c->compute);
        char *y = (char *)c->y + (size_t)(row * c->ow * c->out) * y_size;
        gan__cuda_product p = {};
        p.compute = c->compute;
        p.c_dtype = c->result;
        p.batch = 1;
        p.transpose_a = !forward;
        p.transpose_b = forward;
        p.m = forward ? count * c->ow : c->out;
        p.n = forward ? c->out : window;
        p.k = forward ? window : count * c->ow;
        p.a = forward ? columns : y;
        p.b = forward ? c->weight : columns;
        p.c = forward ? y : c->weight;
        p.beta = !forward && row > 0 ? 1.0f : 0.0f;
        status = unfold_rows(cu, c, row, count, columns);
        if (status == GAN_OK)
            status = gan__cuda_gemm(cu, &p);
    }
    gan__cuda_workspace_free(cu, columns);
    return status;
}

/* ---- columns to x ---- */

/* Some rows of x of some images, and the rows of y whose columns are there: [first_y, first_y + rows_y) of each. */
typedef struct band {
    int64_t image, images, first_x, rows_x, first_y, rows_y;
} band;

/* Pixel (y, x) is the sum of what the kernel positions (ky, kx) hold for it at ((y + pad - ky) / stride, ...), where
 * that is a whole number and in the band: KH KW / stride² of them. None: zero. */
template <typename T, int V>
static __global__ void __launch_bounds__(GAN__COLUMNS_THREADS)
    fold(const T *__restrict__ columns, T *__restrict__ x, places p, gan__extent stride, int64_t pad, int64_t y_width,
         int64_t x_height, band b)
{
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    int64_t channels = p.channels.value * V, line = p.kw.value * channels, window = p.kh.value * line;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < p.items; i += step) {
        int64_t channel, at_x, at_y, kx_first, ky_first;
        int64_t pixel = gan__split(i, p.channels, &channel);
        int64_t n = gan__split(gan__split(pixel, p.width, &at_x), p.height, &at_y);
        int64_t oy = gan__split(at_y + b.first_x + pad, stride, &ky_first) - b.first_y;
        int64_t ox_first = gan__split(at_x + pad, stride, &kx_first);
        const T *from = columns + n * b.rows_y * y_width * window + channel * V;
        float sum[V] = {};
        for (int64_t ky = ky_first; ky < p.kh.value; ky += stride.value, oy--) {
            if (oy < 0 || oy >= b.rows_y)
                continue;
            int64_t ox = ox_first;
            for (int64_t kx = kx_first; kx < p.kw.value; kx += stride.value, ox--) {
                if (ox < 0 || ox >= y_width)
                    continue;
                const T *at = from + (oy * y_width + ox) * window + ky * line + kx * channels;
                if constexpr (V == 1) {
                    sum[0] += gan__load(at);
                } else {
                    gan__pack16<T> part = gan__load16(at);
                    for (int v = 0; v < V; v++)
                        sum[v] += part.value[v];
                }
            }
        }
        T *to = x + ((b.image + n) * x_height + b.first_x) * p.width.value * channels +
                (at_y * p.width.value + at_x) * channels + channel * V;
        if constexpr (V == 1) {
            gan__store(to, sum[0]);
        } else {
            gan__pack16<T> out;
            for (int v = 0; v < V; v++)
                out.value[v] = sum[v];
            gan__store16(to, out);
        }
    }
}

template <typename T, int V>
static gan_status launch_fold(gan__cuda *cu, const gan__cuda_conv *c, const band &b, const void *columns)
{
    int64_t items = b.images * b.rows_x * c->w * (c->in / V);
    int64_t side = (c->h > c->w ? c->h : c->w) + c->pad; /* what is divided by the stride */
    places p = places_of(c, items, c->in / V, c->w, b.rows_x, items);
    return GAN__LAUNCH(cu, (fold<T, V>), gan__grid_for(cu, items, GAN__COLUMNS_THREADS, 1), GAN__COLUMNS_THREADS, 0,
                       (const T *)columns, (T *)c->x, p, gan__extent_of(c->stride, side), (int64_t)c->pad, c->ow, c->h,
                       b);
}

template <typename T>
static gan_status fold_band(gan__cuda *cu, const gan__cuda_conv *c, const band &b, const void *columns)
{
    const int width = gan__pack16<T>::width;
    bool whole = c->in % width == 0 && (uintptr_t)c->x % 16 == 0 && (uintptr_t)columns % 16 == 0;
    return whole ? launch_fold<T, gan__pack16<T>::width>(cu, c, b, columns) : launch_fold<T, 1>(cu, c, b, columns);
}

/* The columns of the band, and from them its rows of x. They have the type of the result. */
static gan_status run_band(gan__cuda *cu, const gan__cuda_conv *c, const band &b, void *columns)
{
    int64_t y_at = ((b.image * c->oh + b.first_y) * c->ow) * c->out;
    gan__cuda_product p = {};
    p.compute = c->compute;
    p.c_dtype = c->result;
    p.batch = 1;
    p.m = b.images * b.rows_y * c->ow;
    p.n = c->kh * c->kw * c->in;
    p.k = c->out;
    p.a = (const char *)c->y + (size_t)y_at * gan__cuda_dtype_size(c->compute);
    p.b = c->weight;
    p.c = columns;
    gan_status status = p.m > 0 ? gan__cuda_gemm(cu, &p) : GAN_OK;
    if (status != GAN_OK)
        return status;
    return c->result == GAN_BF16 ? fold_band<gan__bf16>(cu, c, b, columns) : fold_band<float>(cu, c, b, columns);
}

/* The rows of one image's y that its rows of x from first_x on take part in. */
static void rows_of_y(const gan__cuda_conv *c, band *b)
{
    int64_t below = b->first_x + c->pad - c->kh + c->stride; /* (first_x + pad - (kh - 1)) / stride, rounded up */
    int64_t last = (b->first_x + b->rows_x - 1 + c->pad) / c->stride;
    int64_t end = last + 1 < c->oh ? last + 1 : c->oh;
    b->first_y = below > 0 ? below / c->stride : 0;
    b->first_y = b->first_y < end ? b->first_y : end;
    b->rows_y = end - b->first_y;
}

static gan_status over_images(gan__cuda *cu, const gan__cuda_conv *c)
{
    int64_t row_bytes = c->ow * c->kh * c->kw * c->in * (int64_t)gan__cuda_dtype_size(c->result);
    int64_t rows = row_bytes < GAN__COLUMNS_MOST ? GAN__COLUMNS_MOST / row_bytes : 1;
    int64_t images = rows / c->oh < c->n ? rows / c->oh : c->n, most_y = images * c->oh, band_rows = c->h;
    bool whole = images > 0;
    if (!whole) { /* r rows of x need up to (r + kh - 1) / stride of y, rounded up */
        images = 1;
        band_rows = rows * c->stride - c->kh + 1;
        band_rows = band_rows < 1 ? 1 : band_rows < c->h ? band_rows : c->h;
        most_y = (band_rows + c->kh - 2 + c->stride) / c->stride;
        most_y = most_y < c->oh ? most_y : c->oh;
    }
    void *columns = gan__cuda_workspace(cu, (size_t)(most_y * row_bytes));
    if (!columns)
        return gan__cuda_no_memory(cu, (size_t)(most_y * row_bytes));

    gan_status status = GAN_OK;
    for (int64_t n = 0; n < c->n && status == GAN_OK; n += images)
        for (int64_t row = 0; row < c->h && status == GAN_OK; row += band_rows) {
            band b = {n,   c->n - n < images ? c->n - n : images,
                      row, c->h - row < band_rows ? c->h - row : band_rows,
                      0,   c->oh};
            if (!whole)
                rows_of_y(c, &b);
            status = run_band(cu, c, b, columns);
        }
    gan__cuda_workspace_free(cu, columns);
    return status;
}

gan_status gan__cuda_conv_columns(gan__cuda *cu, const gan__cuda_conv *conv)
{
    return conv->kind == GAN__CONV_DATA ? over_images(cu, conv) : over_rows(cu, conv);
}
