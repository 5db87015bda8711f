/*
 * image.h - images in memory, PNG files, grids, and plots. Nothing here needs a context.
 */
#ifndef GAN_IMAGE_H
#define GAN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes, row-major, 1 (grey) or 3 (RGB) channels. */
typedef struct gan_image {
    int64_t width, height;
    int channels;
    uint8_t *pixels; /* [height, width, channels]; owned; free with gan_image_free */
} gan_image;

#define GAN_IMAGE_MAX_SIDE   65536
#define GAN_IMAGE_MAX_PIXELS ((int64_t)1 << 28)

GAN_API gan_status gan_image_create(gan_image *out, int64_t width, int64_t height, int channels, gan_message *message);
GAN_API void gan_image_free(gan_image *image); /* and zero it */

/* PNG files; written under a temporary name, synced and renamed. Reading converts palettes, 16-bit and
 * grey+alpha/RGBA (over white) to grey or RGB. */
GAN_API gan_status gan_png_write(const char *path, const gan_image *image, gan_message *message);
GAN_API gan_status gan_png_read(const char *path, gan_image *out, gan_message *message);

/* ---- image files from anywhere: PNG and JPEG, known by their first bytes, not by their names ---- */

/* What a file says of itself before it is decoded; width and height are those of the picture as it is looked at, with
 * the EXIF orientation of a JPEG applied. */
typedef struct gan_image_header {
    int64_t width, height;
    int channels; /* after decoding: 1 or 3 */
} gan_image_header;

/* `name` stands for the file in messages. GAN_ERROR_FORMAT names what is wrong with it. */
GAN_API gan_status gan_image_probe(const void *bytes, size_t size, const char *name, gan_image_header *out,
                                   gan_message *message);
/* The whole picture: grey, grey+alpha, RGB, RGBA, palette, 16-bit PNG; grey, YCbCr, RGB, CMYK JPEG, turned upright.
 * Alpha is laid over white. */
GAN_API gan_status gan_image_decode(const void *bytes, size_t size, const char *name, gan_image *out,
                                    gan_message *message);
GAN_API gan_status gan_image_read(const char *path, gan_image *out, gan_message *message);
/* A PNG file in memory; *bytes is the caller's (free). */
GAN_API gan_status gan_png_encode(const gan_image *image, void **bytes, size_t *size, gan_message *message);

/* ---- animated PNG files, which browsers play and other programs show the first image of ---- */

typedef struct gan_apng_options {
    uint32_t struct_size;
    double fps;    /* images per second, 0.1 to 1000; 0: 30 */
    int64_t plays; /* 0: again and again */
} gan_apng_options;

/* An animation in the making: a temporary file beside `path`, in which each image is written as it comes, so that
 * memory stays that of one. `options` may be NULL. */
typedef struct gan_apng gan_apng;
GAN_API gan_status gan_apng_create(const char *path, const gan_apng_options *options, gan_apng **out,
                                   gan_message *message);
/* The next image. All must have the first one's size and channels (GAN_ERROR_SHAPE). After an error of writing the
 * animation can only be ended. */
GAN_API gan_status gan_apng_add(gan_apng *animation, const gan_image *image, gan_message *message);
GAN_API int64_t gan_apng_count(const gan_apng *animation); /* images so far */
/* Sync and rename. GAN_ERROR_STATE if there is no image, or if one could not be written; nothing is left then. Ends the
 * animation in any case. */
GAN_API gan_status gan_apng_commit(gan_apng *animation, gan_message *message);
/* Remove the temporary file; NULL is allowed. */
GAN_API void gan_apng_discard(gan_apng *animation);

/* ---- geometry ---- */

/* Resampling with antialiasing: when an image is made smaller, the filter grows with the factor. Each is Pillow's
 * filter of that name (area is its BOX), equal to it within one grey level. */
typedef enum gan_filter {
    GAN_FILTER_AREA = 0,
    GAN_FILTER_BILINEAR = 1,
    GAN_FILTER_BICUBIC = 2, /* a = -0.5 (Keys 1981) */
    GAN_FILTER_LANCZOS = 3  /* three lobes */
} gan_filter;

GAN_API gan_status gan_image_resize(const gan_image *image, int64_t width, int64_t height, gan_filter filter,
                                    gan_image *out, gan_message *message);
/* The rectangle with its upper left corner at (x, y), which must lie within the image. */
GAN_API gan_status gan_image_crop(const gan_image *image, int64_t x, int64_t y, int64_t width, int64_t height,
                                  gan_image *out, gan_message *message);
GAN_API void gan_image_mirror(gan_image *image); /* left and right exchanged, in place */
/* To 1 or 3 channels: luma of ITU-R BT.601, or grey repeated. In place. */
GAN_API gan_status gan_image_convert(gan_image *image, int channels, gan_message *message);

/* A grid of n images [n, height, width, channels] of bytes, `columns` wide (0: as square as can be), with `gap`
 * pixels of dark border between. *out is the caller's. */
GAN_API gan_status gan_image_grid(const uint8_t *images, int64_t n, int64_t height, int64_t width, int channels,
                                  int64_t columns, int gap, gan_image *out, gan_message *message);

/* ---- plots ---- */

typedef enum gan_plot_kind { GAN_PLOT_LINE = 0, GAN_PLOT_SCATTER = 1 } gan_plot_kind;

typedef struct gan_series {
    const char *name;    /* in the legend; NULL: not in it */
    const double *x, *y; /* [n]; points that are not finite are left out */
    int64_t n;
    gan_plot_kind kind;
    uint32_t colour; /* 0xRRGGBB; 0: the next of the palette */
} gan_series;

/* One set of axes. Ranges are found from the data where min == max. */
typedef struct gan_axes {
    const char *title, *x_label, *y_label;
    const gan_series *series;
    int n_series;
    double x_min, x_max, y_min, y_max;
    bool equal; /* same scale on both axes, for scatter plots */
} gan_axes;

/* Draw `n` sets of axes one under another, each width x height pixels, with ticks, tick labels, titles and legend.
 * Lines of more points than pixels are drawn as a band between the least and the greatest value and a mean. */
GAN_API gan_status gan_plot(const gan_axes *axes, int n, int64_t width, int64_t height, gan_image *out,
                            gan_message *message);

/* Text in the SDK's own stroke font, from the left end of the baseline at (x, y); `size` is the height of a capital
 * letter in pixels. For labels on figures. */
GAN_API void gan_image_text(gan_image *image, double x, double y, double size, uint32_t colour, const char *text);
GAN_API double gan_text_width(double size, const char *text);

#ifdef __cplusplus
}
#endif
#endif
