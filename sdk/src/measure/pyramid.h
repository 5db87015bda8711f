/* pyramid.h - the Laplacian pyramid (Burt & Adelson 1983) of one square image. Internal to measure/. */
#ifndef GAN_MEASURE_PYRAMID_H
#define GAN_MEASURE_PYRAMID_H

#include <stddef.h>
#include <stdint.h>

/* Floats that a pyramid of an image [resolution, resolution, channels] takes, room to work included. */
size_t gan__pyramid_size(int64_t resolution, int64_t channels);

/* `levels` levels into `pyramid`, one behind another, finest first: what each has more than the next one, enlarged; the
 * last level is the filtered image itself. */
void gan__pyramid(const uint8_t *image, int64_t resolution, int64_t channels, int levels, float *pyramid);

#endif
