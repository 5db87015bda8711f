/* between.h - vectors between two others. */
#ifndef HOST_BETWEEN_H
#define HOST_BETWEEN_H

#include <stdint.h>

/* From a (t = 0) to b (t = 1), all of n values; at both ends exactly what is there. Spherical: at an even speed along
 * the great circle through them, as z of a Gaussian lie near a sphere and a straight line would leave it (White 2016,
 * arXiv:1609.04468). Vectors of one direction are joined by a straight line. */
void between_spherical(const float *a, const float *b, double t, int64_t n, float *out);
void between_linear(const float *a, const float *b, double t, int64_t n, float *out);

#endif
