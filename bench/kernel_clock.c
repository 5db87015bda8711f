#include "kernel_clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"
#include "harness.h"

enum { MAX_ROWS = 1024, LABEL = 112 };

typedef struct row {
    char label[LABEL];
    uint64_t calls;
    double seconds, least, flops, bytes; /* `least` of one call */
} row;

/* One context is measured at a time, by one thread. */
static struct {
    const gan__backend_ops *real;
    gan__backend_ops timed;
    row rows[MAX_ROWS];
    int n;
    double seconds, flops;
} meter;

/* ---- what a call works on ---- */

static double bytes_of(const gan__array *a)
{
    double bytes = (double)gan_dtype_size(a->dtype);
    for (int i = 0; i < a->ndim; i++) {
        bytes *= a->stride[i] == 0 ? 1 : (double)a->dim[i];
    }
    return bytes;
}

static const char *shape_of(const gan__array *a)
{
    static char text[4][80]; /* a label shows at most that many */
    static int next;
    return gan_shape_text(gan_shape_make(a->ndim, a->dim), text[next++ % 4], sizeof(text[0]));
}

static row *row_of(const char *label)
{
    for (int i = 0; i < meter.n; i++) {
        if (strcmp(meter.rows[i].label, label) == 0) {
            return &meter.rows[i];
        }
    }
    row *r = &meter.rows[meter.n < MAX_ROWS ? meter.n++ : MAX_ROWS - 1];
    snprintf(r->label, LABEL, "%s", label);
    return r;
}

static gan_status note(double begin, gan_status status, double flops, double bytes, const char *format, ...)
    GAN_PRINTF(5, 6);

/* `begin` is when the call began; it has just returned `status`. */
static gan_status note(double begin, gan_status status, double flops, double bytes, const char *format, ...)
{
    double seconds = bench_now() - begin;
    char label[LABEL];
    va_list args;
    va_start(args, format);
    vsnprintf(label, LABEL, format, args);
    va_end(args);
    row *r = row_of(label);
    r->least = r->calls == 0 || seconds < r->least ? seconds : r->least;
    r->calls++;
    r->seconds += seconds;
    r->flops += flops;
    r->bytes += bytes;
    meter.seconds += seconds;
    meter.flops += flops;
    return status;
}

/* ---- the timed table ---- */

static gan_status timed_copy(gan__backend *be, void *to, const void *from, size_t bytes)
{
    double begin = bench_now();
    return note(begin, meter.real->copy(be, to, from, bytes), 0, 2.0 * (double)bytes, "copy");
}

static const char *map_name(gan__map_op op)
{
#define NAME(name, arity, formula) #name,
    static const char *const names[] = {GAN__MAP_OPS(NAME)};
#undef NAME
    return op >= 0 && op < GAN__MAP_COUNT ? names[op] : "?";
}

static gan_status timed_map(gan__backend *be, gan__map_op op, const float params[4], int n_in, const gan__array *in,
                            const gan__array *out)
{
    double bytes = bytes_of(out);
    for (int i = 0; i < n_in; i++) {
        bytes += bytes_of(&in[i]);
    }
    double begin = bench_now();
    gan_status status = meter.real->map(be, op, params, n_in, in, out);
    return note(begin, status, 0, bytes, "map %s %s %s", map_name(op), shape_of(out), gan_dtype_name(out->dtype));
}

static gan_status timed_reduce(gan__backend *be, gan__reduce_op op, const gan__array *in, float scale,
                               const gan__array *out)
{
    double begin = bench_now();
    gan_status status = meter.real->reduce(be, op, in, scale, out);
    return note(begin, status, 0, bytes_of(&in[0]) * (op == GAN__REDUCE_DOT ? 2 : 1), "reduce %d %s to %s", (int)op,
                shape_of(&in[0]), shape_of(out));
}

static gan_status timed_matmul(gan__backend *be, const gan__matmul_args *a)
{
    double begin = bench_now();
    gan_status status = meter.real->matmul(be, a);
    return note(begin, status, 2.0 * (double)(a->batch * a->m * a->n) * (double)a->k, 0,
                "matmul %lldx %lldx%lldx%lld%s%s %s", (long long)a->batch, (long long)a->m, (long long)a->n,
                (long long)a->k, a->transpose_a ? " aT" : "", a->transpose_b ? " bT" : "", gan_dtype_name(a->compute));
}

static gan_status timed_conv(gan_status (*kernel)(gan__backend *, const gan__conv_args *), const char *name,
                             gan__backend *be, const gan__conv_args *a)
{
    double taps = (double)a->w.dim[1] * (double)a->w.dim[2] * (double)a->w.dim[3];
    double rows = (double)a->y.dim[0] * (double)a->y.dim[1] * (double)a->y.dim[2];
    double begin = bench_now();
    gan_status status = kernel(be, a);
    return note(begin, status, 2 * taps * rows * (double)a->w.dim[0], 0, "%s x %s w %s s%d p%d %s", name,
                shape_of(&a->x), shape_of(&a->w), a->stride, a->pad, gan_dtype_name(a->compute));
}

static gan_status timed_conv_forward(gan__backend *be, const gan__conv_args *args)
{
    return timed_conv(meter.real->conv_forward, "conv_forward", be, args);
}

static gan_status timed_conv_data(gan__backend *be, const gan__conv_args *args)
{
    return timed_conv(meter.real->conv_data, "conv_data", be, args);
}

static gan_status timed_conv_weight(gan__backend *be, const gan__conv_args *args)
{
    return timed_conv(meter.real->conv_weight, "conv_weight", be, args);
}

/* `passes`: how often a kernel must read or write x's size. */
static gan_status timed_norm(gan_status (*kernel)(gan__backend *, const gan__norm_args *), const char *name,
                             double passes, gan__backend *be, const gan__norm_args *a)
{
    double bytes = passes * (double)(a->groups * a->rows * a->channels) * (double)gan_dtype_size(a->dtype);
    double begin = bench_now();
    return note(begin, kernel(be, a), 0, bytes, "%s %lldx%lldx%lld %s", name, (long long)a->groups, (long long)a->rows,
                (long long)a->channels, gan_dtype_name(a->dtype));
}

static gan_status timed_norm_forward(gan__backend *be, const gan__norm_args *args)
{
    return timed_norm(meter.real->norm_forward, "norm_forward", 3, be, args);
}

static gan_status timed_norm_apply(gan__backend *be, const gan__norm_args *args)
{
    return timed_norm(meter.real->norm_apply, "norm_apply", 2, be, args);
}

static gan_status timed_norm_backward(gan__backend *be, const gan__norm_args *args)
{
    return timed_norm(meter.real->norm_backward, "norm_backward", args->activation.kind == GAN_LINEAR ? 5 : 7, be,
                      args);
}

static gan_status timed_reflect_pad(gan__backend *be, const gan__array *x, int p, const gan__array *y)
{
    double begin = bench_now();
    return note(begin, meter.real->reflect_pad(be, x, p, y), 0, bytes_of(x) + bytes_of(y), "reflect_pad %s",
                shape_of(x));
}

static gan_status timed_reflect_pad_adjoint(gan__backend *be, const gan__array *y, int p, const gan__array *x)
{
    double begin = bench_now();
    return note(begin, meter.real->reflect_pad_adjoint(be, y, p, x), 0, bytes_of(x) + bytes_of(y),
                "reflect_pad_adjoint %s", shape_of(x));
}

static gan_status timed_affine_sample(gan__backend *be, const float *theta, gan_border border, const gan__array *x,
                                      const gan__array *y)
{
    double begin = bench_now();
    return note(begin, meter.real->affine_sample(be, theta, border, x, y), 0, bytes_of(x) + bytes_of(y),
                "affine_sample %s", shape_of(x));
}

static gan_status timed_affine_adjoint(gan__backend *be, const float *theta, gan_border border, const gan__array *y,
                                       const gan__array *x)
{
    double begin = bench_now();
    return note(begin, meter.real->affine_adjoint(be, theta, border, y, x), 0, bytes_of(x) + bytes_of(y),
                "affine_adjoint %s", shape_of(x));
}

static gan_status timed_window_sum(gan__backend *be, const gan__array *x, int k, float scale, const gan__array *y)
{
    double begin = bench_now();
    return note(begin, meter.real->window_sum(be, x, k, scale, y), 0, bytes_of(x) + bytes_of(y), "window_sum %d %s", k,
                shape_of(x));
}

static gan_status timed_window_spread(gan__backend *be, const gan__array *y, int k, float scale, const gan__array *x)
{
    double begin = bench_now();
    return note(begin, meter.real->window_spread(be, y, k, scale, x), 0, bytes_of(x) + bytes_of(y),
                "window_spread %d to %s", k, shape_of(x));
}

static gan_status timed_upfirdn(gan__backend *be, const gan_fir *fir, const gan__array *x, const gan__array *y)
{
    double begin = bench_now();
    return note(begin, meter.real->upfirdn(be, fir, x, y), 0, bytes_of(x) + bytes_of(y), "upfirdn %d up %d down %d %s",
                fir->n, fir->up, fir->down, shape_of(x));
}

/* In units of x. */
static gan_status note_scale(double begin, gan_status status, const gan__scale_args *a, int reads_and_writes,
                             const char *name)
{
    double bytes = (double)(a->n * a->pixels * a->channels) * (double)gan_dtype_size(a->dtype) * reads_and_writes;
    return note(begin, status, 0, bytes, "%s %lldx%lldx%lld", name, (long long)a->n, (long long)a->pixels,
                (long long)a->channels);
}

static gan_status timed_scale_forward(gan__backend *be, const gan__scale_args *args)
{
    double begin = bench_now();
    return note_scale(begin, meter.real->scale_forward(be, args), args, 2, "scale_forward");
}

static gan_status timed_scale_backward(gan__backend *be, const gan__scale_args *args)
{
    double begin = bench_now();
    return note_scale(begin, meter.real->scale_backward(be, args), args, 4, "scale_backward");
}

static gan_status timed_gather_rows(gan__backend *be, const float *table, int64_t table_rows, int64_t width,
                                    const int32_t *index, int64_t n, float *out)
{
    double begin = bench_now();
    return note(begin, meter.real->gather_rows(be, table, table_rows, width, index, n, out), 0,
                8.0 * (double)(n * width), "gather_rows %lldx%lld", (long long)n, (long long)width);
}

static gan_status timed_scatter_rows(gan__backend *be, const float *rows, const int32_t *index, int64_t n,
                                     int64_t width, int64_t out_rows, float *out)
{
    double begin = bench_now();
    return note(begin, meter.real->scatter_rows(be, rows, index, n, width, out_rows, out), 0, 8.0 * (double)(n * width),
                "scatter_rows %lldx%lld", (long long)n, (long long)width);
}

static gan_status timed_random(gan__backend *be, gan__random_kind kind, uint64_t seed, uint64_t stream,
                               uint64_t counter, float a, float b, int64_t n, void *out)
{
    double begin = bench_now();
    return note(begin, meter.real->random(be, kind, seed, stream, counter, a, b, n, out), 0, 4.0 * (double)n,
                "random %lld", (long long)n);
}

static gan_status timed_update(gan__backend *be, const gan__update_args *args, const gan__update *tensors, int n)
{
    double count = 0;
    for (int i = 0; i < n; i++) {
        count += (double)tensors[i].n;
    }
    double begin = bench_now();
    return note(begin, meter.real->update(be, args, tensors, n), 0, 7 * 4 * count, "update of %d tensors", n);
}

/* ---- start, stop, report ---- */

gan_status bench_wait(gan_context *ctx)
{
    gan_status status = ctx->backend->ops->synchronize(ctx->backend);
    return status == GAN_OK ? status : gan_raise(ctx, status, "%s", ctx->backend->error.text);
}

void bench_clock_start(gan_context *ctx)
{
    meter.real = ctx->backend->ops;
    meter.timed = *meter.real;
    meter.timed.copy = timed_copy;
    meter.timed.map = timed_map;
    meter.timed.reduce = timed_reduce;
    meter.timed.matmul = timed_matmul;
    meter.timed.conv_forward = timed_conv_forward;
    meter.timed.conv_data = timed_conv_data;
    meter.timed.conv_weight = timed_conv_weight;
    meter.timed.norm_forward = timed_norm_forward;
    meter.timed.norm_apply = timed_norm_apply;
    meter.timed.norm_backward = timed_norm_backward;
    meter.timed.reflect_pad = timed_reflect_pad;
    meter.timed.reflect_pad_adjoint = timed_reflect_pad_adjoint;
    meter.timed.window_sum = timed_window_sum;
    meter.timed.window_spread = timed_window_spread;
    meter.timed.upfirdn = timed_upfirdn;
    meter.timed.affine_sample = timed_affine_sample;
    meter.timed.affine_adjoint = timed_affine_adjoint;
    meter.timed.scale_forward = timed_scale_forward;
    meter.timed.scale_backward = timed_scale_backward;
    meter.timed.gather_rows = timed_gather_rows;
    meter.timed.scatter_rows = timed_scatter_rows;
    meter.timed.random = timed_random;
    meter.timed.update = timed_update;
    meter.n = 0;
    meter.seconds = 0;
    meter.flops = 0;
    memset(meter.rows, 0, sizeof(meter.rows));
    ctx->backend->ops = &meter.timed;
}

void bench_clock_stop(gan_context *ctx)
{
    ctx->backend->ops = meter.real;
}

double bench_clock_seconds(void)
{
    return meter.seconds;
}

double bench_clock_flops(void)
{
    return meter.flops;
}

static int slower(const void *a, const void *b)
{
    double x = ((const row *)a)->seconds, y = ((const row *)b)->seconds;
    return (x < y) - (x > y);
}

void bench_clock_report(size_t steps)
{
    qsort(meter.rows, (size_t)meter.n, sizeof(row), slower);
    fprintf(stderr, "%10s %7s %8s %8s %8s  kernel\n", "ms", "calls", "least ms", "GFLOP/s", "GB/s");
    for (int i = 0; i < meter.n; i++) {
        const row *r = &meter.rows[i];
        fprintf(stderr, "%10.4f %7.1f %8.4f %8.1f %8.1f  %s\n", r->seconds * 1e3 / (double)steps,
                (double)r->calls / (double)steps, r->least * 1e3, r->flops / r->seconds * 1e-9,
                r->bytes / r->seconds * 1e-9, r->label);
    }
    fprintf(stderr, "%10.4f                                    in all\n", meter.seconds * 1e3 / (double)steps);
}
