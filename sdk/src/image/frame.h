/* frame.h - the rectangle that a plot's data is drawn in, and how values map to its pixels. Internal to image/. */
#ifndef GAN_IMAGE_FRAME_H
#define GAN_IMAGE_FRAME_H

#include "image/canvas.h"

typedef struct gan__frame {
    double left, top, right, bottom; /* pixels, whole numbers */
    double x_min, x_max, y_min, y_max;
} gan__frame;

static inline double gan__frame_x(const gan__frame *f, double x)
{
    return f->left + (x - f->x_min) / (f->x_max - f->x_min) * (f->right - f->left);
}

static inline double gan__frame_y(const gan__frame *f, double y)
{
    return f->bottom - (y - f->y_min) / (f->y_max - f->y_min) * (f->bottom - f->top);
}

/* Draw a series into the frame (series.c). `band` draws only the part that lies below all lines. False: no memory. */
bool gan__series_draw(gan__canvas *canvas, const gan__frame *frame, const gan_series *series, uint32_t colour,
                      bool band);

#endif
