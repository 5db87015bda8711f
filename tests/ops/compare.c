#include "compare.h"

#include <math.h>
#include <stdio.h>

void fail(run *r, const char *what)
{
    printf("FAIL %s.%s (%s): %s\n", r->c->group, r->c->name, r->device, what);
    r->failures++;
}

void fail_status(run *r, gan_context *ctx, const char *what)
{
    char text[1200];
    snprintf(text, sizeof text, "%s: %s", what, gan_status_message(ctx));
    fail(r, text);
    gan_clear_status(ctx);
}

/* The error of got, `want` NULL being zeros, as `allowed` says. Infinite when a value that should be finite is not.
 * *where becomes the index of the largest difference. */
static double difference(const float *got, const float *want, int64_t n, limits allowed, int64_t *where)
{
    double largest = 0, worst = 0, squares = 0, errors = 0;
    *where = 0;
    for (int64_t i = 0; want && i < n; i++) {
        if (!isfinite(want[i]))
            continue;
        largest = fmax(largest, fabs(want[i]));
        squares += (double)want[i] * want[i];
    }
    for (int64_t i = 0; i < n; i++) {
        double target = want ? want[i] : 0, d = got[i] == target ? 0 : fabs(got[i] - target);
        if (d <= allowed.least)
            continue;
        errors += d * d;
        if (!(d <= worst)) {
            worst = isfinite(d) ? d : INFINITY;
            *where = i;
        }
    }
    if (allowed.norm && isfinite(worst))
        return squares > 0 ? sqrt(errors / squares) : sqrt(errors);
    return largest > 0 ? worst / largest : worst;
}

static void compare(run *r, const char *what, const char *tensor, const float *got, const float *want, int64_t n,
                    limits allowed, int kind, double *worst)
{
    if (!got) {
        fail(r, what);
        return;
    }
    int64_t at;
    double d = difference(got, want, n, allowed, &at), tolerance = allowed.factor * allowed.tolerance[kind];
    if (worst && isfinite(tolerance))
        worst[kind] = fmax(worst[kind], d);
    if (d <= tolerance)
        return;
    char text[256];
    snprintf(text, sizeof text, "%s: %s differs by %.3g (allowed %.3g) at element %lld of %lld: %.9g, should be %.9g",
             what, tensor, d, tolerance, (long long)at, (long long)n, (double)got[at], want ? (double)want[at] : 0.0);
    fail(r, text);
}

void compare_results(run *r, const char *what, const op_data *data, const op_result *got, const op_result *want,
                     bool second, limits allowed, double *worst)
{
    if (got->n_y != want->n_y) {
        fail(r, "the value has another size");
        return;
    }
    compare(r, what, "value", got->y, want->y, got->n_y, allowed, VALUE, worst);
    for (int i = 0; i < data->n_in; i++) {
        if (!data->spec[i].differentiated)
            continue;
        int64_t n = gan_shape_count(data->spec[i].shape);
        char name[48];
        snprintf(name, sizeof name, "gradient of input %d", i);
        compare(r, what, name, got->g[i], want->g[i], n, allowed, GRADIENT, worst);
        snprintf(name, sizeof name, "second derivative of input %d", i);
        if (second)
            compare(r, what, name, got->h[i], want->h[i], n, allowed, SECOND, worst);
    }
}

static bool agrees(const float *got, const float *want, int64_t n, limits allowed, int kind)
{
    int64_t at;
    return got && difference(got, want, n, allowed, &at) <= allowed.factor * allowed.tolerance[kind];
}

bool results_agree(const op_data *data, const op_result *got, const op_result *want, bool second, limits allowed)
{
    bool same = got->n_y == want->n_y && agrees(got->y, want->y, got->n_y, allowed, VALUE);
    for (int i = 0; i < data->n_in && same; i++) {
        if (!data->spec[i].differentiated)
            continue;
        int64_t n = gan_shape_count(data->spec[i].shape);
        same = agrees(got->g[i], want->g[i], n, allowed, GRADIENT) &&
               (!second || agrees(got->h[i], want->h[i], n, allowed, SECOND));
    }
    return same;
}
