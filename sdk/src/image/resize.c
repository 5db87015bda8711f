/*
 * resize.c - resampling with antialiasing, as Pillow defines it: a horizontal pass, then a vertical one, each a sum of
 * bytes times weights of 22 fractional bits, rounded and cut to a byte.
 */
#include <gan/image.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* For each output position: where its window begins in the input, how long it is, and its weights. */
typedef struct windows {
    int64_t *begin, *length;
    int32_t *weights; /* [out, longest] */
    int64_t longest;
} windows;

static void windows_free(windows *w)
{
    free(w->begin);
    free(w->length);
    free(w->weights);
}

static bool windows_make(windows *w, int64_t in, int64_t out, gan_filter filter)
{
    double scale = (double)in / (double)out, stretch = scale > 1 ? scale : 1;
    double support = filters[filter].support * stretch;
    w->longest = (int64_t)ceil(support) * 2 + 1;
    w->begin = malloc((size_t)out * sizeof *w->begin);
    w->length = malloc((size_t)out * sizeof *w->length);
    w->weights = calloc((size_t)(out * w->longest), sizeof *w->weights);
    double *exact = malloc((size_t)w->longest * sizeof *exact);
    if (!w->begin || !w->length || !w->weights || !exact) {
        free(exact);
        return false;
    }
    for (int64_t i = 0; i < out; i++) {
        double centre = ((double)i + 0.5) * scale, sum = 0;
        int64_t from = (int64_t)(centre - support + 0.5), to = (int64_t)(centre + support + 0.5);
        from = from < 0 ? 0 : from;
        to = to > in ? in : to;
        for (int64_t k = 0; k < to - from; k++)
            sum += exact[k] = filters[filter].weight(((double)(from + k) - centre + 0.5) / stretch);
        w->begin[i] = from, w->length[i] = to - from;
        for (int64_t k = 0; k < to - from; k++) {
            double value = (sum != 0 ? exact[k] / sum : exact[k]) * (1 << FRACTION);
            w->weights[i * w->longest + k] = (int32_t)(value < 0 ? value - 0.5 : value + 0.5);
        }
    }
    free(exact);
    return true;
}

static inline uint8_t to_byte(int32_t sum)
{
    sum >>= FRACTION;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void horizontal(const windows *w, const uint8_t *in, uint8_t *out, int64_t width, int channels)
{
    for (int64_t x = 0; x < width; x++, out += channels) {
        const int32_t *weight = w->weights + x * w->longest;
        const uint8_t *from = in + w->begin[x] * channels;
        for (int c = 0; c < channels; c++) {
            int32_t sum = 1 << (FRACTION - 1);
            for (int64_t k = 0; k < w->length[x]; k++)
                sum += from[k * channels + c] * weight[k];
            out[c] = to_byte(sum);
        }
    }
}

static void vertical(const int32_t *weight, int64_t length, const uint8_t *in, int64_t line, uint8_t *out)
{
    for (int64_t x = 0; x < line; x++) {
        int32_t sum = 1 << (FRACTION - 1);
        for (int64_t k = 0; k < length; k++)
            sum += in[k * line + x] * weight[k];
        out[x] = to_byte(sum);
    }
}

static gan_status pass_across(const gan_image *in, gan_image *out, gan_filter filter, gan_message *message)
{
    windows w = {0};
    if (!windows_make(&w, in->width, out->width, filter)) {
        windows_free(&w);
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory to resize an image");
    }
    for (int64_t y = 0; y < in->height; y++)
        horizontal(&w, in->pixels + y * in->width * in->channels, out->pixels + y * out->width * out->channels,
                   out->width, out->channels);
    windows_free(&w);
    return GAN_OK;
}

static gan_status pass_down(const gan_image *in, gan_image *out, gan_filter filter, gan_message *message)
{
    windows w = {0};
    if (!windows_make(&w, in->height, out->height, filter)) {
        windows_free(&w);
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory to resize an image");
    }
    int64_t line = in->width * in->channels;
    for (int64_t y = 0; y < out->height; y++)
        vertical(w.weights + y * w.longest, w.length[y], in->pixels + w.begin[y] * line, line, out->pixels + y * line);
    windows_free(&w);
    return GAN_OK;
}

gan_status gan_image_resize(const gan_image *image, int64_t width, int64_t height, gan_filter filter, gan_image *out,
                            gan_message *message)
{
    if ((unsigned)filter > GAN_FILTER_LANCZOS)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "resampling filter %d was asked for, expected 0 to %d",
                        (int)filter, GAN_FILTER_LANCZOS);
    gan_image wide = {0}, made;
    gan_status status = gan_image_create(&made, width, height, image->channels, message);
    if (status != GAN_OK)
        return status;
    bool across = width != image->width, down = height != image->height;
    if (across && down)
        status = gan_image_create(&wide, width, image->height, image->channels, message);
    if (status == GAN_OK && across)
        status = pass_across(image, down ? &wide : &made, filter, message);
    if (status == GAN_OK && down)
        status = pass_down(across ? &wide : image, &made, filter, message);
    if (!across && !down)
        memcpy(made.pixels, image->pixels, (size_t)(width * height * image->channels));
    gan_image_free(&wide);
    if (status == GAN_OK)
        *out = made;
    else
        gan_image_free(&made);
    return status;
}
