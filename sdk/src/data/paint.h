/*
 * paint.h - shapes and strokes with exact coverage, for the sources that draw pictures. Internal to data/.
 *
 * A drawing is a list of polygons, made from smooth paths in a scene whose sides run from -1 to 1 (y down), so that the
 * same paths are the same picture at every resolution. A pixel takes of a polygon's colour the share of its area that
 * the polygon covers.
 */
#ifndef GAN_DATA_PAINT_H
#define GAN_DATA_PAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GAN__PATH_POINTS    64
#define GAN__DRAWING_ITEMS  320
#define GAN__DRAWING_POINTS 32768
#define GAN__DRAWING_SIDE   1024 /* pixels, at most */

typedef struct gan__point {
    float x, y;
} gan__point;

/* fminf and fmaxf are calls where NaNs count; these are single instructions. */
static inline float gan__lesser(float a, float b)
{
    return a < b ? a : b;
}

static inline float gan__greater(float a, float b)
{
    return a > b ? a : b;
}

/* Between b (t = 0) and c (t = 1) on the Catmull-Rom spline through a, b, c, d. */
static inline gan__point gan__catmull_rom(gan__point a, gan__point b, gan__point c, gan__point d, float t)
{
    float w0 = t * (-0.5f + t * (1.0f - 0.5f * t)), w1 = 1.0f + t * t * (-2.5f + 1.5f * t);
    float w2 = t * (0.5f + t * (2.0f - 1.5f * t)), w3 = t * t * (-0.5f + 0.5f * t);
    return (gan__point){w0 * a.x + w1 * b.x + w2 * c.x + w3 * d.x, w0 * a.y + w1 * b.y + w2 * c.y + w3 * d.y};
}

typedef struct gan__colour {
    float r, g, b; /* 0 to 255 */
} gan__colour;

/* A smooth curve through points (Catmull-Rom splines); at a corner the curve may turn. */
typedef struct gan__path {
    int n;
    bool closed;
    gan__point at[GAN__PATH_POINTS];
    bool corner[GAN__PATH_POINTS];
} gan__path;

/* How a line is drawn. `wobble` shakes the hand by about that much, `pressure` (0 to 1) lets the width vary; both
 * follow from `grain` and the length along the line. */
typedef struct gan__nib {
    float width, taper; /* taper 0: even; 1: pointed ends */
    float wobble, pressure;
    uint32_t grain;
} gan__nib;

/* How a polygon is coloured: from `top` to `bottom` of the picture. `clip` is the item that it stays within, or -1. */
typedef struct gan__paint {
    gan__colour top, bottom;
    float opacity;
    int clip;
} gan__paint;

typedef struct gan__item {
    int first, n; /* points of the closed polygon */
    gan__point low, high;
    gan__paint paint;
} gan__item;

typedef struct gan__drawing {
    int side; /* pixels */
    int n_items, n_points;
    bool full; /* something found no room and was left out */
    gan__item items[GAN__DRAWING_ITEMS];
    gan__point points[GAN__DRAWING_POINTS]; /* in pixels */
} gan__drawing;

/* Add a point; beyond GAN__PATH_POINTS nothing is added. */
void gan__path_add(gan__path *path, gan__point at, bool corner);

void gan__drawing_begin(gan__drawing *drawing, int side);
/* Both give the number of the new item, for clipping, or -1. */
int gan__drawing_fill(gan__drawing *drawing, const gan__path *path, gan__paint paint);
int gan__drawing_stroke(gan__drawing *drawing, const gan__path *path, gan__nib nib, gan__paint paint);

/* All items, the first lowest, on white: side x side RGB bytes, rows `stride` bytes apart. */
void gan__drawing_paint(const gan__drawing *drawing, uint8_t *pixels, size_t stride);

#endif
