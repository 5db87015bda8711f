/*
 * pyramid.c - images reduced and enlarged by two with the kernel [1, 4, 6, 4, 1] / 16.
 *
 * Borders are reflected about the outermost pixel, which is not repeated. To enlarge is to put zeros between pixels and
 * to filter with twice the kernel: even pixels get (1, 6, 1) / 8 of three neighbours, odd ones the mean of two. The
 * reflection of that row of 2n pixels and zeros, seen from its n pixels, takes pixel 1 for pixel -1 and n - 1 for n.
 */
#include "measure/pyramid.h"

static int64_t reflect(int64_t i, int64_t n)
{
    return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
}

/* out [r / 2, r / 2, c] from in [r, r, c]; `row` [r, c] is room to work. */
static void reduce(const float *in, int64_t r, int64_t c, float *row, float *out)
{
    int64_t half = r / 2, width = r * c;
    for (int64_t y = 0; y < half; y++) {
        const float *at[5];
        for (int k = 0; k < 5; k++)
            at[k] = in + reflect(2 * y + k - 2, r) * width;
        for (int64_t x = 0; x < width; x++)
            row[x] = (at[0][x] + at[4][x] + 4 * (at[1][x] + at[3][x]) + 6 * at[2][x]) * 0.0625f;
        for (int64_t x = 0; x < half; x++) {
            for (int k = 0; k < 5; k++)
                at[k] = row + reflect(2 * x + k - 2, r) * c;
            for (int64_t k = 0; k < c; k++)
                *out++ = (at[0][k] + at[4][k] + 4 * (at[1][k] + at[3][k]) + 6 * at[2][k]) * 0.0625f;
        }
    }
}

/* from [2 n, 2 n, c] -= small [n, n, c], enlarged; `row` [n, c] is room to work. */
static void subtract_enlarged(const float *small, int64_t n, int64_t c, float *row, float *from)
{
    int64_t width = n * c;
    for (int64_t y = 0; y < 2 * n; y++) {
        int64_t i = y / 2;
        const float *here = small + i * width, *above = small + (i > 0 ? i - 1 : 1) * width;
        const float *below = small + (i + 1 < n ? i + 1 : i) * width;
        for (int64_t x = 0; x < width; x++)
            row[x] = y % 2 ? 0.5f * (here[x] + below[x]) : 0.125f * (above[x] + 6 * here[x] + below[x]);
        for (int64_t x = 0; x < n; x++, from += 2 * c) {
            const float *at = row + x * c, *left = x > 0 ? at - c : row + c, *right = x + 1 < n ? at + c : at;
            for (int64_t k = 0; k < c; k++) {
                from[k] -= 0.125f * (left[k] + 6 * at[k] + right[k]);
                from[c + k] -= 0.5f * (at[k] + right[k]);
            }
        }
    }
}

/* 1 + 1/4 + 1/16 ... */
static int64_t size_of_levels(int64_t resolution, int64_t channels)
{
    return 4 * resolution * resolution * channels / 3;
}

size_t gan__pyramid_size(int64_t resolution, int64_t channels)
{
    return (size_t)(size_of_levels(resolution, channels) + resolution * channels);
}

void gan__pyramid(const uint8_t *image, int64_t resolution, int64_t channels, int levels, float *pyramid)
{
    int64_t pixels = resolution * resolution * channels, r = resolution;
    float *row = pyramid + size_of_levels(resolution, channels);
    for (int64_t i = 0; i < pixels; i++)
        pyramid[i] = image[i];
    for (int level = 0; level + 1 < levels; level++, r /= 2) {
        float *next = pyramid + r * r * channels;
        reduce(pyramid, r, channels, row, next);
        subtract_enlarged(next, r / 2, channels, row, pyramid);
        pyramid = next;
    }
}
