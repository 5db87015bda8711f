/*
 * canvas.h - anti-aliased lines, dots and text on an image. Internal to image/.
 *
 * Shapes are first collected in a mask, each pixel holding how much of it is covered, and then painted at once: parts
 * of one line that overlap do not darken each other.
 */
#ifndef GAN_IMAGE_CANVAS_H
#define GAN_IMAGE_CANVAS_H

#include <gan/image.h>

typedef struct gan__canvas {
    gan_image *image;
    uint8_t *mask;          /* [y1 - y0, x1 - x0] */
    int64_t x0, y0, x1, y1; /* the part of the image that can be drawn on */
    int64_t clip_x0, clip_y0, clip_x1, clip_y1;
    int64_t dirty_x0, dirty_y0, dirty_x1, dirty_y1;
} gan__canvas;

/* Draw on [x0, x1) x [y0, y1) of the image, cut to the image. False: no memory; true with an empty part is possible. */
bool gan__canvas_open(gan__canvas *canvas, gan_image *image, int64_t x0, int64_t y0, int64_t x1, int64_t y1);
void gan__canvas_close(gan__canvas *canvas);
/* Until the next call, leave out what is outside this part. */
void gan__canvas_clip(gan__canvas *canvas, int64_t x0, int64_t y0, int64_t x1, int64_t y1);

/* Add shapes to the mask. Pixel (i, j) covers [i, i + 1) x [j, j + 1), y down. Coordinates that are not finite are
 * left out. */
void gan__canvas_line(gan__canvas *canvas, double x0, double y0, double x1, double y1, double width);
void gan__canvas_dot(gan__canvas *canvas, double x, double y, double radius);
/* Column x from y0 to y1. */
void gan__canvas_column(gan__canvas *canvas, int64_t x, double y0, double y1);
/* The left end of the baseline is at (x, y); `up` turns the text so that it reads from below. */
void gan__canvas_text(gan__canvas *canvas, double x, double y, double size, double pen, bool up, const char *text);

/* Paint what was collected, 0xRRGGBB, and clear the mask. */
void gan__canvas_paint(gan__canvas *canvas, uint32_t colour, double alpha);

#endif
