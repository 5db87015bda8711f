/* style_cases.h - what the tests of styles share: a context, and values in double. */
#ifndef TEST_STYLE_CASES_H
#define TEST_STYLE_CASES_H

#include "../support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static gan_context *ctx; /* of each test */

static inline void open_context(void)
{
    ctx = test_context_open(2, 11);
}

static inline void close_context(void)
{
    test_context_close(ctx);
}

static inline void check_ok(void)
{
    ck_assert_msg(gan_status_of(ctx) == GAN_OK, "%s", gan_status_message(ctx));
}

/* The values of a tensor in double, freed by the caller. */
static inline double *values_of(const gan_tensor *t)
{
    int64_t n = gan_count(t);
    float *f = malloc((size_t)n * sizeof *f);
    double *values = malloc((size_t)n * sizeof *values);
    ck_assert_int_eq(gan_read_f32(t, f), GAN_OK);
    for (int64_t i = 0; i < n; i++)
        values[i] = f[i];
    free(f);
    return values;
}

static inline void check_values(const gan_tensor *t, const double *want, double tolerance)
{
    check_ok();
    double *got = values_of(t);
    for (int64_t i = 0; i < gan_count(t); i++)
        ck_assert_msg(fabs(got[i] - want[i]) <= tolerance, "element %lld is %.9g, should be %.9g", (long long)i, got[i],
                      want[i]);
    free(got);
}

static inline bool same(const gan_tensor *a, const gan_tensor *b)
{
    check_ok();
    ck_assert(gan_shape_equal(gan_shape_of(a), gan_shape_of(b)));
    double *x = values_of(a), *y = values_of(b);
    bool equal = memcmp(x, y, (size_t)gan_count(a) * sizeof *x) == 0;
    free(x);
    free(y);
    return equal;
}

/* Random values for a parameter that begins with constant ones. */
static inline double *randomize(gan_layer *layer, const char *name)
{
    gan_tensor *t = gan_layer_find(layer, name);
    ck_assert_msg(t != NULL, "there is no \"%s\"", name);
    gan_assign(t, gan_randn(ctx, gan_shape_of(t)));
    return values_of(t);
}

static inline double *found(gan_layer *layer, const char *name)
{
    gan_tensor *t = gan_layer_find(layer, name);
    ck_assert_msg(t != NULL, "there is no \"%s\"", name);
    return values_of(t);
}

static inline double leaky(double x)
{
    return sqrt(2) * (x < 0 ? 0.2 * x : x);
}

static inline void check_refused(gan_status status, const char *word)
{
    ck_assert_int_eq(gan_status_of(ctx), status);
    ck_assert_msg(strstr(gan_status_message(ctx), word) != NULL, "%s", gan_status_message(ctx));
    gan_clear_status(ctx);
}

enum { WIDTH = 5 }; /* of styles */

#endif
