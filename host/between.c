#include "between.h"

#include <math.h>

/* Below this the sine of the angle between two vectors tells no circle. */
#define LEAST_SINE 1e-6

static void weigh(const float *a, const float *b, double from, double to, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)(from * (double)a[i] + to * (double)b[i]);
}

void between_spherical(const float *a, const float *b, double t, int64_t n, float *out)
{
    double aa = 0, bb = 0, ab = 0;
    for (int64_t i = 0; i < n; i++) {
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
        ab += (double)a[i] * (double)b[i];
    }
    double cosine = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1, angle = acos(fmin(fmax(cosine, -1), 1)), s = sin(angle);
    if (s < LEAST_SINE)
        between_linear(a, b, t, n, out);
    else
        weigh(a, b, sin((1 - t) * angle) / s, sin(t * angle) / s, n, out);
}

void between_linear(const float *a, const float *b, double t, int64_t n, float *out)
{
    weigh(a, b, 1 - t, t, n, out);
}
