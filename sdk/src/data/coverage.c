/* coverage.c - mode coverage of two-dimensional mixtures. */
#include <math.h>

#include <gan/data.h>

enum { MAX_MODES = 4096 };

static double squared_distance(const float *a, const float *b)
{
    double dx = (double)a[0] - (double)b[0], dy = (double)a[1] - (double)b[1];
    return dx * dx + dy * dy;
}

/* The nearest centre; *distance is the squared distance to it, not finite for a point that is not. */
static int64_t nearest(const float *point, const float *centres, int64_t modes, double *distance)
{
    int64_t best = 0;
    *distance = squared_distance(point, centres);
    for (int64_t k = 1; k < modes; k++) {
        double d = squared_distance(point, centres + 2 * k);
        if (d < *distance) {
            *distance = d;
            best = k;
        }
    }
    return best;
}

gan_coverage gan_mode_coverage(const float *points, int64_t n, const float *centres, int64_t modes, float sigma)
{
    int64_t share[MAX_MODES] = {0}, good[MAX_MODES] = {0}, good_total = 0;
    gan_coverage c = {0};
    if (n < 1 || modes < 1 || modes > MAX_MODES)
        return c;
    for (int64_t i = 0; i < n; i++) {
        double d, limit = 9.0 * (double)sigma * (double)sigma;
        int64_t k = nearest(points + 2 * i, centres, modes, &d);
        share[k]++;
        good[k] += d <= limit;
        good_total += d <= limit;
    }
    for (int64_t k = 0; k < modes; k++) {
        double p = (double)share[k] / (double)n;
        c.modes += good[k] > 0;
        if (p > 0.0)
            c.reverse_kl += p * log(p * (double)modes);
    }
    c.high_quality = (double)good_total / (double)n;
    return c;
}
