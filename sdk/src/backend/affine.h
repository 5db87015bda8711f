/*
 * affine.h - where gan_affine_sample takes its samples, for C loops and CUDA kernels alike. Internal.
 *
 * Output pixel (column j, row i) lies at u = j - (W - 1) / 2, v = i - (H - 1) / 2 from the centre, and shows the input
 * at column m[0][0] u + m[0][1] v + m[0][2] and row m[1][0] u + m[1][1] v + m[1][2], between four of its pixels. With
 * reflected borders the input goes on in tiles, every other one mirrored.
 */
#ifndef GAN__AFFINE_H
#define GAN__AFFINE_H

#include "vecmath.h"

#include <stdbool.h>

/* The largest factor by which an axis is enlarged or reduced, and how many tiles away from the image samples may lie:
 * they bound what an adjoint has to search through. */
#define GAN__AFFINE_MOST  64.0
#define GAN__AFFINE_TILES 64.0

typedef struct gan__affine {
    float m[2][3];
    float inverse[2][2]; /* of the first two columns */
    float reach[2];      /* columns and rows around a sample's own place in the output within which it is shown */
    int low[2], high[2]; /* the tiles that are shown, of columns and of rows */
    bool shown;          /* false: the output is 0 */
} gan__affine;

/* Of one image of h rows and w columns, and its theta [2, 3]. */
GAN__MATH gan__affine gan__affine_of(const float *theta, int64_t h, int64_t w, bool reflect)
{
    gan__affine out = {{{0}}, {{0}}, {0}, {0}, {0}, false};
    const double side[2] = {(double)w, (double)h}, centre[2] = {(side[0] - 1) / 2, (side[1] - 1) / 2};
    const double a = (double)theta[0], b = (double)theta[1], c = (double)theta[3], d = (double)theta[4];
    const double det = a * d - b * c;
    const double inverse[2][2] = {{d / det, -b / det}, {-c / det, a / det}};
    double largest = side[0] + side[1];
    for (int k = 0; k < 2; k++) {
        const double p = (double)theta[3 * k], q = (double)theta[3 * k + 1], r = centre[k] + (double)theta[3 * k + 2];
        const double extent = fabs(p) * centre[0] + fabs(q) * centre[1], from = r - extent - 1, to = r + extent + 1;
        const double low = reflect ? floor(from / side[k]) : 0, high = reflect ? floor(to / side[k]) : 0;
        /* written so that a NaN fails */
        if (!(fabs(p) <= GAN__AFFINE_MOST && fabs(q) <= GAN__AFFINE_MOST && fabs(inverse[k][0]) <= GAN__AFFINE_MOST &&
              fabs(inverse[k][1]) <= GAN__AFFINE_MOST))
            return out;
        if (reflect ? !(low >= -GAN__AFFINE_TILES && high <= GAN__AFFINE_TILES) : !(from < side[k] && to > -1))
            return out;
        out.m[k][0] = (float)p, out.m[k][1] = (float)q, out.m[k][2] = (float)r;
        out.inverse[k][0] = (float)inverse[k][0], out.inverse[k][1] = (float)inverse[k][1];
        out.low[k] = (int)low, out.high[k] = (int)high;
        largest += fabs(from) + fabs(to);
    }
    /* A sample is shown by what lies less than one pixel of the input from it, and positions are rounded. */
    for (int k = 0; k < 2; k++)
        out.reach[k] = (float)((fabs(inverse[k][0]) + fabs(inverse[k][1])) * (1 + largest * 0x1p-20) + 1e-3);
    out.shown = true;
    return out;
}

/* Along axis k (0: columns), of n pixels: the sample at or before the position and how far behind it the position is.
 */
GAN__MATH int gan__affine_at(const gan__affine *t, int k, float u, float v, int n, float *behind)
{
    float at = t->m[k][0] * u + (t->m[k][1] * v + t->m[k][2]);
    /* Farther outside than that only where borders are zero: all the same there. */
    const float least = (float)t->low[k] * (float)n - 4.0f, most = ((float)t->high[k] + 1.0f) * (float)n + 4.0f;
    at = at < least ? least : at > most ? most : at;
    int below = (int)at;
    below -= (float)below > at;
    *behind = at - (float)below;
    return below;
}

/* The pixel that is at position i, which may be outside of the n pixels; -1: none, it is 0. */
GAN__MATH int gan__affine_pixel(int i, int n, bool reflect)
{
    if (i >= 0 && i < n)
        return i;
    if (!reflect)
        return -1;
    int rest = i % (2 * n);
    rest = rest < 0 ? rest + 2 * n : rest;
    return rest < n ? rest : 2 * n - 1 - rest;
}

#endif
