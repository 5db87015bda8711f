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
