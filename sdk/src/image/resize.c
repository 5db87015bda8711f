/*
 * resize.c - resampling with antialiasing, as Pillow defines it: a pass along each axis, in each a sum of bytes times
 * weights of 22 fractional bits, rounded and cut to a byte. What comes out is Pillow's to the bit.
 *
 * Both passes are one loop: a line of bytes is the weighted sum of lines. Down the image, its rows are these lines.
 * Across it, up to 32 rows at a time are transposed, so that a line holds the rows' values of one column.
 */
#include <gan/image.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define LOW  11 /* a weight's lower bits, for arithmetic in 16 bits */
#define ROWS 32 /* that are transposed at a time: a vector of AVX2 */

#define FRACTION 22 /* 255 times the sum of |weights|, at most about 1.6 for Lanczos, has to fit into 31 bits */

static double area(double x)
{
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Keys, "Cubic convolution interpolation for digital image processing", 1981, equation 15, a = -1/2 */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double sinc(double x)
{
    return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x);
}

static double lanczos(double x)
{
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct {
    double (*weight)(double x);
    double support;
} filters[] = {{area, 0.5}, {bilinear, 1}, {bicubic, 2}, {lanczos, 3}};

/* What one output position is the sum of: a window of the input, and the weights in it. */
typedef struct window {
    int64_t begin, length;
    int32_t *weights;
    int32_t *pairs; /* the same as 16-bit numbers: for k = 0, 2, ...: the upper bits of weights k (in the lower half)
                       and k+1, then the LOW lower bits of both */
} window;

typedef struct windows {
    int64_t in, out;
    window *list; /* [out] */
    int32_t *numbers;
} windows;

static void windows_free(windows *w)
{
    free(w->list);
    free(w->numbers);
}

static int32_t pair(int32_t first, int32_t second)
{
    return (int32_t)((uint32_t)second << 16 | ((uint32_t)first & 0xffff));
}

/* An output pixel's centre is where it lies in the input. Weights add up to 1. */
static void window_make(window *w, int64_t in, double scale, int64_t i, gan_filter filter, double *exact)
{
    double stretch = scale > 1 ? scale : 1, support = filters[filter].support * stretch;
    double centre = ((double)i + 0.5) * scale, sum = 0;
    int64_t from = (int64_t)(centre - support + 0.5), to = (int64_t)(centre + support + 0.5);
    from = from < 0 ? 0 : from;
    to = to > in ? in : to;
    w->begin = from, w->length = to - from;
    for (int64_t k = 0; k < w->length; k++)
        sum += exact[k] = filters[filter].weight(((double)(from + k) - centre + 0.5) * (1 / stretch));
    for (int64_t k = 0; k < w->length; k++) {
        double value = (sum != 0 ? exact[k] / sum : exact[k]) * (1 << FRACTION);
        w->weights[k] = (int32_t)(value < 0 ? value - 0.5 : value + 0.5);
    }
    w->weights[w->length] = 0; /* to be the second of the last pair */
    for (int64_t k = 0; k < w->length; k += 2) {
        int32_t first = w->weights[k], second = w->weights[k + 1], mask = (1 << LOW) - 1;
        w->pairs[k] = pair(first >> LOW, second >> LOW);
        w->pairs[k + 1] = pair(first & mask, second & mask);
    }
}

static gan_status windows_make(windows *w, int64_t in, int64_t out, gan_filter filter, gan_message *message)
{
    double scale = (double)in / (double)out;
    int64_t longest = (int64_t)ceil(filters[filter].support * (scale > 1 ? scale : 1)) * 2 + 2;
    *w = (windows){.in = in, .out = out};
    w->list = malloc((size_t)out * sizeof *w->list);
    w->numbers = malloc((size_t)(2 * out * longest) * sizeof *w->numbers);
    double *exact = malloc((size_t)longest * sizeof *exact);
    bool all = w->list && w->numbers && exact;
    for (int64_t i = 0; all && i < out; i++) {
        int32_t *numbers = w->numbers + 2 * i * longest;
        w->list[i] = (window){.weights = numbers, .pairs = numbers + longest};
        window_make(&w->list[i], in, scale, i, filter, exact);
    }
    free(exact);
    return all ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for the weights of a resized image");
}

/* ---- sums of lines ---- */

/*
 * Columns from x on of one line, a vector of bytes at a time; returns the first that is left. Two lines are taken at
 * once, their bytes side by side as 16-bit numbers, since there is an instruction that multiplies those and adds
 * neighbours: once for the upper bits of the weights, once for the lower ones. Sums wrap as unsigned numbers do, and
 * the last one fits. Packing restores the order that unpacking changed, and cuts to 0 to 255.
 */
#define GAN__SUM(name, attribute, vector, mm, si)                                                                      \
    attribute static int64_t name(const window *w, const uint8_t *in, int64_t line, uint8_t *out, int64_t x)           \
    {                                                                                                                  \
        const vector zero = mm##_setzero_##si();                                                                       \
        for (; x + (int64_t)sizeof(vector) <= line; x += (int64_t)sizeof(vector)) {                                    \
            vector high[4], low[4] = {zero, zero, zero, zero};                                                         \
            for (int v = 0; v < 4; v++)                                                                                \
                high[v] = mm##_set1_epi32(1 << (FRACTION - 1 - LOW));                                                  \
            for (int64_t k = 0; k < w->length; k += 2) {                                                               \
                const uint8_t *from = in + k * line + x, *next = k + 1 < w->length ? from + line : from;               \
                vector a = mm##_loadu_##si((const void *)from), b = mm##_loadu_##si((const void *)next);               \
                vector left = mm##_unpacklo_epi8(a, b), right = mm##_unpackhi_epi8(a, b);                              \
                vector pixels[4] = {mm##_unpacklo_epi8(left, zero), mm##_unpackhi_epi8(left, zero),                    \
                                    mm##_unpacklo_epi8(right, zero), mm##_unpackhi_epi8(right, zero)};                 \
                vector high_weights = mm##_set1_epi32(w->pairs[k]), low_weights = mm##_set1_epi32(w->pairs[k + 1]);    \
                for (int v = 0; v < 4; v++) {                                                                          \
                    high[v] = mm##_add_epi32(high[v], mm##_madd_epi16(pixels[v], high_weights));                       \
                    low[v] = mm##_add_epi32(low[v], mm##_madd_epi16(pixels[v], low_weights));                          \
                }                                                                                                      \
            }                                                                                                          \
            for (int v = 0; v < 4; v++)                                                                                \
                high[v] = mm##_srai_epi32(mm##_add_epi32(mm##_slli_epi32(high[v], LOW), low[v]), FRACTION);            \
            mm##_storeu_##si((void *)(out + x), mm##_packus_epi16(mm##_packs_epi32(high[0], high[1]),                  \
                                                                  mm##_packs_epi32(high[2], high[3])));                \
        }                                                                                                              \
        return x;                                                                                                      \
    }
#if defined(__x86_64__)
GAN__SUM(sum_sse2, , __m128i, _mm, si128)
GAN__SUM(sum_avx2, __attribute__((target("avx2"))), __m256i, _mm256, si256)
#endif

/* The same for whatever is left, on any processor. */
static void sum_plain(const window *w, const uint8_t *in, int64_t line, uint8_t *out, int64_t x)
{
    for (; x < line; x++) {
        int32_t sum = 1 << (FRACTION - 1);
        for (int64_t k = 0; k < w->length; k++)
            sum += in[k * line + x] * w->weights[k];
        sum >>= FRACTION;
        out[x] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

#if defined(__x86_64__)
/* GAN_ISA=generic turns it off, as in backend/cpu/isa.c. */
static bool have_avx2(void)
{
    const char *wanted = getenv("GAN_ISA");
    return __builtin_cpu_supports("avx2") && !(wanted && strcmp(wanted, "generic") == 0);
}
#endif

/* Every line of `out` [w->out, line] from its window of lines of `in` [w->in, line]. */
static void sum_lines(const windows *w, const uint8_t *in, int64_t line, uint8_t *out)
{
#if defined(__x86_64__)
    bool avx2 = have_avx2();
#endif
    for (int64_t i = 0; i < w->out; i++, out += line) {
        const window *one = &w->list[i];
        const uint8_t *from = in + one->begin * line;
        int64_t x = 0;
#if defined(__x86_64__)
        if (avx2)
            x = sum_avx2(one, from, line, out, x);
        x = sum_sse2(one, from, line, out, x);
        if (x < line && line >= 16) /* the last vector; it may overlap what is done already */
            x = sum_sse2(one, from, line, out, line - 16);
#endif
        sum_plain(one, from, line, out, x);
    }
}

/* ---- transposition ---- */

typedef uint8_t bytes_16 __attribute__((vector_size(16)));

/* 16x16 bytes: four times, the first and the second half of the rows are interleaved. */
static void transpose(const uint8_t *in, int64_t in_step, uint8_t *out, int64_t out_step)
{
    bytes_16 a[16], b[16];
    for (int i = 0; i < 16; i++)
        memcpy(&a[i], in + i * in_step, 16);
    for (int turn = 0; turn < 4; turn++) {
        for (int i = 0; i < 8; i++) {
            b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            b[2 * i + 1] =
                __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        memcpy(a, b, sizeof a);
    }
    for (int i = 0; i < 16; i++)
        memcpy(out + i * out_step, &a[i], 16);
}

/* in [rows, columns] to out [columns, rows], their rows `in_step` and `out_step` bytes apart. */
static void transpose_all(const uint8_t *in, int64_t in_step, int64_t rows, int64_t columns, uint8_t *out,
                          int64_t out_step)
{
    int64_t whole_rows = rows / 16 * 16, whole_columns = columns / 16 * 16;
    for (int64_t c = 0; c < columns; c += 16) {
        bool whole = c < whole_columns;
        for (int64_t r = 0; whole && r < whole_rows; r += 16)
            transpose(in + r * in_step + c, in_step, out + c * out_step + r, out_step);
        for (int64_t x = c; x < c + 16 && x < columns; x++)
            for (int64_t r = whole ? whole_rows : 0; r < rows; r++)
                out[x * out_step + r] = in[r * in_step + x];
    }
}

/* ---- the two passes ---- */

static void pass_down(const windows *w, const gan_image *in, gan_image *out)
{
    sum_lines(w, in->pixels, in->width * in->channels, out->pixels);
}

static gan_status pass_across(const windows *w, const gan_image *in, gan_image *out, gan_message *message)
{
    int64_t in_line = in->width * in->channels, out_line = out->width * out->channels;
    uint8_t *in_columns = calloc((size_t)(in_line + out_line), ROWS); /* [line, rows]; some rows may be missing */
    if (!in_columns)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory to resize an image");
    uint8_t *out_columns = in_columns + in_line * ROWS;
    for (int64_t y = 0; y < in->height; y += ROWS) {
        int64_t count = in->height - y < ROWS ? in->height - y : ROWS, rows = count <= 16 ? 16 : ROWS;
        transpose_all(in->pixels + y * in_line, in_line, count, in_line, in_columns, rows);
        sum_lines(w, in_columns, in->channels * rows, out_columns);
        transpose_all(out_columns, rows, out_line, count, out->pixels + y * out_line, out_line);
    }
    free(in_columns);
    return GAN_OK;
}

/* The image between the passes is rounded to bytes, so that their order shows. Pillow goes across first, except (since
 * version 13) where the height loses more than twice as many pixels as the width. */
static gan_status pass_both(const windows *x, const windows *y, const gan_image *in, gan_image *out,
                            gan_message *message)
{
    bool down_first = y->out < y->in && y->in - y->out > 2 * (x->in - x->out);
    gan_image between;
    gan_status status =
        gan_image_create(&between, down_first ? x->in : x->out, down_first ? y->out : y->in, in->channels, message);
    if (status != GAN_OK)
        return status;
    if (down_first) {
        pass_down(y, in, &between);
        status = pass_across(x, &between, out, message);
    } else {
        status = pass_across(x, in, &between, message);
        if (status == GAN_OK)
            pass_down(y, &between, out);
    }
    gan_image_free(&between);
    return status;
}

/* An axis that keeps its length needs no pass, and axes alike have the same windows. */
static gan_status resample(const gan_image *in, gan_image *out, gan_filter filter, gan_message *message)
{
    bool across = in->width != out->width, down = in->height != out->height;
    bool alike = in->width == in->height && out->width == out->height;
    windows x = {0}, y = {0};
    gan_status status = GAN_OK;
    if (across)
        status = windows_make(&x, in->width, out->width, filter, message);
    if (status == GAN_OK && down && !alike)
        status = windows_make(&y, in->height, out->height, filter, message);
    if (status == GAN_OK && across && down)
        status = pass_both(&x, alike ? &x : &y, in, out, message);
    else if (status == GAN_OK && across)
        status = pass_across(&x, in, out, message);
    else if (status == GAN_OK && down)
        pass_down(&y, in, out);
    else if (status == GAN_OK)
        memcpy(out->pixels, in->pixels, (size_t)(in->width * in->height * in->channels));
    windows_free(&x);
    windows_free(&y);
    return status;
}

gan_status gan_image_resize(const gan_image *image, int64_t width, int64_t height, gan_filter filter, gan_image *out,
                            gan_message *message)
{
    if ((unsigned)filter > GAN_FILTER_LANCZOS)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "resampling filter %d was asked for, expected 0 to %d",
                        (int)filter, GAN_FILTER_LANCZOS);
    gan_image made;
    gan_status status = gan_image_create(&made, width, height, image->channels, message);
    if (status != GAN_OK)
        return status;
    status = resample(image, &made, filter, message);
    if (status == GAN_OK)
        *out = made;
    else
        gan_image_free(&made);
    return status;
}
