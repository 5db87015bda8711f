/*
 * kernels.c - rates of the backend's kernels on the shapes that GANs use.
 *
 *     bench_kernels [FILTER] [SECONDS] [THREADS] [--device NAME] [--precision f32|tf32|bf16] [--small]
 *
 * Prints a line per kernel whose name contains FILTER: the fastest time seen in SECONDS (default 0.3) of repetition,
 * GFLOP/s and share of the machine's peak (sgemm of 2048³, its bf16 counterpart for bf16), or GB/s of compulsory
 * traffic and share of the rate of a large copy. One thread is timed by its own clock, so that a machine
 * that does other work as well can be measured too.
 *
 * On a CUDA device arrays are 64 times as large, from 64 MB to 1 GB, and what is timed is many repetitions enqueued
 * between two synchronisations; the peak is that of products of 8192³ (with --precision tf32, f32 products are TF32's),
 * the copy a device-to-device copy. --precision leaves out the other types; --small takes tiny arrays, to try it out.
 */
#include "core/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static gan_context *ctx;
static gan__backend *be;
static const char *filter = "";
static double seconds = 0.3, peak[2], bandwidth;
static bool device, small;
static gan_dtype first_dtype = GAN_F32, last_dtype = GAN_BF16;

static double now(void)
{
    struct timespec t;
    clock_gettime(be->threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check(gan_status status)
{
    if (status != GAN_OK) {
        fprintf(stderr, "%s\n", be->error.text);
        exit(EXIT_FAILURE);
    }
}

/* The count of rows of a large array. */
static int64_t rows_of(int64_t rows)
{
    return small ? (rows + 255) / 256 : device ? rows * 64 : rows;
}

/* Small numbers, read as f32 or as bf16. */
static void *buffer(size_t bytes)
{
    enum { PIECE = 1 << 20 };
    static uint16_t halves[PIECE / 2];
    char *data = be->ops->allocate(be, bytes);
    if (!data) {
        fprintf(stderr, "out of memory\n");
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; halves[0] == 0 && i < PIECE / 2; i++)
        halves[i] = (uint16_t)(0x3c00 + (i * 2 * 2654435761u >> 20) % 0x180);
    for (size_t at = 0; at < bytes; at += PIECE)
        check(be->ops->copy_in(be, data + at, halves, bytes - at < PIECE ? bytes - at : PIECE));
    return data;
}

static gan__array array(gan_dtype dtype, int ndim, const int64_t *dim)
{
    gan__array a = {.dtype = dtype, .ndim = ndim};
    int64_t n = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        a.dim[i] = dim[i];
        a.stride[i] = n;
        n *= dim[i];
    }
    a.data = buffer((size_t)n * gan_dtype_size(dtype));
    return a;
}

#define ARRAY(dtype, ...)                                                                                              \
    array((dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static void release(gan__array *a)
{
    be->ops->deallocate(be, a->data, 0);
}

typedef void (*work)(void *args);

/* Seconds of each of `n` runs, until the device has done them. */
static double time_of(work run, void *args, int n)
{
    double begin = now();
    for (int i = 0; i < n; i++)
        run(args);
    check(be->ops->synchronize(be));
    return (now() - begin) / n;
}

/* The fastest of the runs that fit into `seconds`; on a device of some twenty groups of runs. */
static double fastest(work run, void *args)
{
    enum { MOST = 1000 };
    double best = time_of(run, args, 1), begin = now(); /* the first one chooses algorithms */
    int n = 1;
    if (device) {
        double groups = seconds / 20 / time_of(run, args, 3);
        n = groups < 1 ? 1 : groups > MOST ? MOST : (int)groups;
    }
    do {
        double t = time_of(run, args, n);
        best = t < best ? t : best;
    } while (now() - begin < seconds);
    return best;
}

static void report_flops(const char *name, double t, double flop, gan_dtype dtype)
{
    printf("%-44s %9.1f us %8.1f GFLOP/s %5.0f %%\n", name, t * 1e6, flop / t * 1e-9,
           peak[dtype] > 0 ? 100 * flop / t / peak[dtype] : 0);
    fflush(stdout);
}

static void report_bytes(const char *name, double t, double bytes)
{
    printf("%-44s %9.1f us %8.1f GB/s    %5.0f %%\n", name, t * 1e6, bytes / t * 1e-9,
           bandwidth > 0 ? 100 * bytes / t / bandwidth : 0);
    fflush(stdout);
}

/* ---- matrix products ---- */

static void run_matmul(void *args)
{
    check(be->ops->matmul(be, args));
}

static double time_matmul(const char *name, gan_dtype dtype, int64_t m, int64_t n, int64_t k, bool ta, bool tb,
                          gan_activation activation, bool show)
{
    gan__matmul_args a = {.compute = dtype, .transpose_a = ta, .transpose_b = tb, .batch = 1, .m = m, .n = n, .k = k};
    a.a = ta ? ARRAY(dtype, k, m) : ARRAY(dtype, m, k);
    a.c = ta ? ARRAY(GAN_F32, m, n) : ARRAY(dtype, m, n); /* weight gradients are f32 */
    gan_tensor *w = gan_keep(gan_zeros(ctx, tb ? GAN_SHAPE(n, k) : GAN_SHAPE(k, n)));
    gan__array b = ta ? ARRAY(dtype, k, n) : gan__array_of(w), bias = ARRAY(GAN_F32, n);
    a.b = b;
    a.bias = activation.kind == GAN_LINEAR ? NULL : bias.data;
    a.activation = activation;
    double t = fastest(run_matmul, &a), flop = 2.0 * (double)m * (double)n * (double)k;
    if (show)
        report_flops(name, t, flop, dtype);
    release(&a.a);
    release(&a.c);
    release(&bias);
    if (ta)
        release(&b);
    gan_release(w);
    return flop / t;
}

static void matmuls(void)
{
    static const int64_t shape[][3] = {{100, 256, 784}, {100, 784, 256}, {100, 256, 256}, {100, 256, 64},
                                       {100, 1, 256},   {64, 8192, 100}, {4096, 64, 1024}};
    for (gan_dtype dtype = first_dtype; dtype <= last_dtype; dtype++) {
        for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
            for (int form = 0; form < 3; form++) {
                static const char *const what[] = {"x wT + b, leaky", "dy w", "dyT x"};
                int64_t m = shape[i][0], n = shape[i][1], k = shape[i][2];
                char name[100];
                snprintf(name, sizeof name, "matmul %s %lldx%lldx%lld %s", gan_dtype_name(dtype), (long long)m,
                         (long long)n, (long long)k, what[form]);
                if (!strstr(name, filter))
                    continue;
                gan_activation leaky = {GAN_LEAKY_RELU, 0.2f}, linear = {GAN_LINEAR, 0};
                if (form == 0)
                    time_matmul(name, dtype, m, n, k, false, true, leaky, true);
                else if (form == 1)
                    time_matmul(name, dtype, m, k, n, false, false, linear, true);
                else
                    time_matmul(name, dtype, n, k, m, true, false, linear, true);
            }
        }
    }
}

/* ---- convolutions ---- */

typedef struct conv_run {
    gan__conv_args a;
    gan_status (*kernel)(gan__backend *, const gan__conv_args *);
} conv_run;

static void run_conv(void *args)
{
    conv_run *r = args;
    check(r->kernel(be, &r->a));
}

typedef struct conv_shape {
    const char *name;
    int64_t n, h, i, o, k;
    int stride, pad;
} conv_shape;

static const conv_shape conv_shapes[] = {{"dcgan 64 3-64", 64, 64, 3, 64, 4, 2, 1},
                                         {"dcgan 32 64-128", 64, 32, 64, 128, 4, 2, 1},
                                         {"dcgan 16 128-256", 64, 16, 128, 256, 4, 2, 1},
                                         {"dcgan 8 256-512", 64, 8, 256, 512, 4, 2, 1},
                                         {"dcgan 4 512-1", 64, 4, 512, 1, 4, 1, 0},
                                         {"dcgan 4 512-100", 64, 4, 512, 100, 4, 1, 0},
                                         {"cyclegan 134 3-64 k7", 1, 134, 3, 64, 7, 1, 0},
                                         {"cyclegan 134 64-3 k7", 1, 134, 64, 3, 7, 1, 0},
                                         {"cyclegan 128 64-128 k3", 1, 128, 64, 128, 3, 2, 1},
                                         {"cyclegan 64 128-256 k3", 1, 64, 128, 256, 3, 2, 1},
                                         {"cyclegan 34 256-256 k3", 1, 34, 256, 256, 3, 1, 0},
                                         {"cyclegan D 128 3-64", 1, 128, 3, 64, 4, 2, 1},
                                         {"cyclegan D 64 64-128", 1, 64, 64, 128, 4, 2, 1},
                                         {"cyclegan D 32 128-256", 1, 32, 128, 256, 4, 2, 1},
                                         {"cyclegan D 16 256-512", 1, 16, 256, 512, 4, 1, 1},
                                         {"cyclegan D 15 512-1", 1, 15, 512, 1, 4, 1, 1}};

static void convolution(const conv_shape *s, gan_dtype dtype, int direction)
{
    static const char *const what[] = {"forward", "data", "weight"};
    char name[100];
    snprintf(name, sizeof name, "conv %s %s %s", gan_dtype_name(dtype), s->name, what[direction]);
    if (!strstr(name, filter))
        return;
    int64_t out = (s->h + 2 * s->pad - s->k) / s->stride + 1;
    gan_tensor *w = gan_keep(gan_zeros(ctx, GAN_SHAPE(s->o, s->k, s->k, s->i)));
    conv_run r = {.a = {.compute = dtype, .stride = s->stride, .pad = s->pad}};
    r.kernel = direction == 0 ? be->ops->conv_forward : direction == 1 ? be->ops->conv_data : be->ops->conv_weight;
    r.a.x = ARRAY(dtype, s->n, s->h, s->h, s->i);
    r.a.w = gan__array_of(w);
    r.a.y = ARRAY(dtype, s->n, out, out, s->o);
    double flop = 2.0 * (double)(s->n * out * out * s->o * s->k * s->k * s->i);
    report_flops(name, fastest(run_conv, &r), flop, dtype);
    release(&r.a.x);
    release(&r.a.y);
    gan_release(w);
}

static void convolutions(void)
{
    for (gan_dtype dtype = first_dtype; dtype <= last_dtype; dtype++) {
        for (size_t i = 0; i < sizeof conv_shapes / sizeof *conv_shapes; i++) {
            for (int direction = 0; direction < 3; direction++)
                convolution(&conv_shapes[i], dtype, direction);
        }
    }
}

/* ---- what moves memory ---- */

typedef struct map_run {
    gan__map_op op;
    int n_in;
    gan__array in[3], out;
    float params[4];
} map_run;

static void run_map(void *args)
{
    map_run *r = args;
    check(be->ops->map(be, r->op, r->params, r->n_in, r->in, &r->out));
}

static void map(const char *what, gan__map_op op, int n_in, gan_dtype dtype, int64_t n, bool bias)
{
    char name[100];
    snprintf(name, sizeof name, "map %s %s %lldx64", what, gan_dtype_name(dtype), (long long)n);
    if (!strstr(name, filter))
        return;
    map_run r = {.op = op, .n_in = n_in, .params = {0.2f, 1.0f, 0, 0}, .out = ARRAY(dtype, n, 64)};
    for (int k = 0; k < n_in; k++)
        r.in[k] = ARRAY(dtype, n, 64);
    if (bias)
        r.in[1].stride[0] = 0;
    double elements = (double)(n * 64) * (n_in + 1 - bias);
    report_bytes(name, fastest(run_map, &r), elements * (double)gan_dtype_size(dtype));
    for (int k = 0; k < n_in; k++)
        release(&r.in[k]);
    release(&r.out);
}

static void permute(gan_dtype dtype)
{
    char name[100];
    int64_t n = rows_of(64) / (device && !small ? 16 : 1);
    snprintf(name, sizeof name, "map NHWC to NCHW %s %lldx32x32x128", gan_dtype_name(dtype), (long long)n);
    if (!strstr(name, filter))
        return;
    map_run r = {.op = GAN__MAP_COPY, .n_in = 1, .out = ARRAY(dtype, n, 128, 32, 32)};
    r.in[0] = ARRAY(dtype, n, 128, 32, 32);
    r.in[0].stride[0] = 32 * 32 * 128;
    r.in[0].stride[1] = 1;
    r.in[0].stride[2] = 32 * 128;
    r.in[0].stride[3] = 128;
    report_bytes(name, fastest(run_map, &r), 2.0 * (double)n * 128 * 32 * 32 * (double)gan_dtype_size(dtype));
    release(&r.in[0]);
    release(&r.out);
}

static void maps(void)
{
    const int64_t rows[] = {device ? rows_of(4096) : 400, rows_of(65536)};
    for (size_t i = 0; i < 2; i++) {
        for (gan_dtype dtype = first_dtype; dtype <= last_dtype; dtype++) {
            map("copy", GAN__MAP_COPY, 1, dtype, rows[i], false);
            map("add", GAN__MAP_ADD, 2, dtype, rows[i], false);
            map("add bias, leaky", GAN__MAP_ADD_LEAKY_RELU, 2, dtype, rows[i], true);
            map("leaky gradient", GAN__MAP_LEAKY_RELU_GRAD, 2, dtype, rows[i], false);
            map("multiply-add", GAN__MAP_MUL_ADD, 3, dtype, rows[i], false);
            map("exp", GAN__MAP_EXP, 1, dtype, rows[i], false);
            map("log", GAN__MAP_LOG, 1, dtype, rows[i], false);
            map("tanh", GAN__MAP_TANH, 1, dtype, rows[i], false);
            map("sigmoid", GAN__MAP_SIGMOID, 1, dtype, rows[i], false);
            map("softplus", GAN__MAP_SOFTPLUS, 1, dtype, rows[i], false);
            map("pow", GAN__MAP_POW, 1, dtype, rows[i], false);
        }
    }
    for (gan_dtype dtype = first_dtype; dtype <= last_dtype; dtype++)
        permute(dtype);
}

typedef struct reduce_run {
    gan__reduce_op op;
    gan__array in, out;
} reduce_run;

static void run_reduce(void *args)
{
    reduce_run *r = args;
    check(be->ops->reduce(be, r->op, &r->in, 1.0f, &r->out));
}

static void reduces(void)
{
    const int64_t large = rows_of(65536), middle = rows_of(4096), part = rows_of(1024);
    const struct {
        int64_t in[3], out[3];
    } form[] = {{{1, large, 64}, {1, 1, 1}},      {{1, large, 64}, {1, 1, 64}},    {{1, 100, 256}, {1, 1, 256}},
                {{1, 100, 1}, {1, 1, 1}},         {{1, large, 64}, {1, large, 1}}, {{64, part, 64}, {64, 1, 64}},
                {{1, middle, 1024}, {1, 1, 1024}}};
    for (gan_dtype dtype = first_dtype; dtype <= last_dtype; dtype++) {
        for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
            char name[100];
            const int64_t *from = form[i].in, *to = form[i].out;
            snprintf(name, sizeof name, "sum %s %lldx%lldx%lld to %lldx%lldx%lld", gan_dtype_name(dtype),
                     (long long)from[0], (long long)from[1], (long long)from[2], (long long)to[0], (long long)to[1],
                     (long long)to[2]);
            if (!strstr(name, filter))
                continue;
            reduce_run r = {GAN__REDUCE_SUM, array(dtype, 3, form[i].in), array(GAN_F32, 3, form[i].out)};
            double n = (double)(form[i].in[0] * form[i].in[1] * form[i].in[2]);
            report_bytes(name, fastest(run_reduce, &r), n * (double)gan_dtype_size(dtype));
            release(&r.in);
            release(&r.out);
        }
    }
}

static void run_norm_forward(void *args)
{
    check(be->ops->norm_forward(be, args));
}

static void run_norm_backward(void *args)
{
    check(be->ops->norm_backward(be, args));
}

static void norms(void)
{
    const int64_t shape[][3] = {{1, rows_of(65536), 64}, {1, rows_of(16384), 128}, {1, rows_of(4096), 256},
                                {1, rows_of(1024), 512}, {1, rows_of(16384), 64},  {64, rows_of(1024), 64},
                                {64, rows_of(65536), 1}};
    for (gan_dtype dtype = first_dtype; dtype <= last_dtype; dtype++) {
        for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
            int64_t n = shape[i][0] * shape[i][1] * shape[i][2], c = shape[i][2];
            double bytes = (double)n * (double)gan_dtype_size(dtype);
            gan__array of[4], vector[6];
            for (int k = 0; k < 4; k++)
                of[k] = ARRAY(dtype, n);
            for (int k = 0; k < 6; k++)
                vector[k] = ARRAY(GAN_F32, shape[i][0] * c);
            gan__norm_args a = {.groups = shape[i][0],
                                .rows = shape[i][1],
                                .channels = c,
                                .eps = 1e-5f,
                                .dtype = dtype,
                                .activation = {GAN_LEAKY_RELU, 0.2f},
                                .x = of[0].data,
                                .y = of[1].data,
                                .dy = of[2].data,
                                .dx = of[3].data,
                                .gamma = vector[0].data,
                                .beta = vector[1].data,
                                .mean = vector[2].data,
                                .rstd = vector[3].data,
                                .dgamma = vector[4].data,
                                .dbeta = vector[5].data};
            char name[100];
            snprintf(name, sizeof name, "norm %s %lldx%lldx%lld forward", gan_dtype_name(dtype), (long long)shape[i][0],
                     (long long)shape[i][1], (long long)c);
            if (strstr(name, filter))
                report_bytes(name, fastest(run_norm_forward, &a), 3 * bytes);
            snprintf(name, sizeof name, "norm %s %lldx%lldx%lld backward", gan_dtype_name(dtype),
                     (long long)shape[i][0], (long long)shape[i][1], (long long)c);
            if (strstr(name, filter))
                report_bytes(name, fastest(run_norm_backward, &a), 7 * bytes);
            for (int k = 0; k < 4; k++)
                release(&of[k]);
            for (int k = 0; k < 6; k++)
                release(&vector[k]);
        }
    }
}

/* ---- scaling by sample ---- */

static void run_scale_forward(void *args)
{
    check(be->ops->scale_forward(be, args));
}

static void run_scale_backward(void *args)
{
    check(be->ops->scale_backward(be, args));
}

static void scale(gan_dtype dtype, int64_t samples, int64_t side, int64_t channels)
{
    int64_t pixels = side * side, count = samples * pixels * channels;
    gan__array large[] = {ARRAY(dtype, count), ARRAY(dtype, count), ARRAY(dtype, count), ARRAY(dtype, count)};
    gan__array of_scale[] = {ARRAY(GAN_F32, samples, channels), ARRAY(GAN_F32, samples, channels)};
    gan__array of_noise[] = {ARRAY(GAN_F32, samples, pixels), ARRAY(GAN_F32, samples, pixels)};
    gan__array of_bias[] = {ARRAY(GAN_F32, channels), ARRAY(GAN_F32, channels)};
    gan__scale_args a = {.n = samples,
                         .pixels = pixels,
                         .channels = channels,
                         .dtype = dtype,
                         .activation = {GAN_LEAKY_RELU, 0.2f},
                         .x = large[0].data,
                         .y = large[1].data,
                         .dy = large[2].data,
                         .dx = large[3].data,
                         .scale = of_scale[0].data,
                         .dscale = of_scale[1].data,
                         .noise = of_noise[0].data,
                         .dnoise = of_noise[1].data,
                         .bias = of_bias[0].data,
                         .dbias = of_bias[1].data};
    double bytes = (double)count * (double)gan_dtype_size(dtype);
    char name[100];
    snprintf(name, sizeof name, "scale %s %lldx%lldx%lldx%lld forward", gan_dtype_name(dtype), (long long)samples,
             (long long)side, (long long)side, (long long)channels);
    if (strstr(name, filter))
        report_bytes(name, fastest(run_scale_forward, &a), 2 * bytes);
    snprintf(name, sizeof name, "scale %s %lldx%lldx%lldx%lld backward", gan_dtype_name(dtype), (long long)samples,
             (long long)side, (long long)side, (long long)channels);
    if (strstr(name, filter))
        report_bytes(name, fastest(run_scale_backward, &a), 4 * bytes);
    for (int k = 0; k < 4; k++)
        release(&large[k]);
    for (int k = 0; k < 2; k++) {
        release(&of_scale[k]);
        release(&of_noise[k]);
        release(&of_bias[k]);
    }
}

static void scales(void)
{
    const int64_t n = rows_of(16) / (device && !small ? 4 : 1);
    for (gan_dtype dtype = first_dtype; dtype <= last_dtype; dtype++) {
        scale(dtype, n, 64, 64);
        scale(dtype, n, 32, 128);
        scale(dtype, n, 4, 512);
    }
}

/* ---- images ---- */

typedef struct image_run {
    int form;
    gan__array large, small;
} image_run;

static const char *const image_forms[] = {"window sum 2",     "window spread 2", "bilinear by 2",
                                          "bilinear adjoint", "reflect pad 3",   "reflect pad adjoint"};

static void run_image(void *args)
{
    image_run *r = args;
    switch (r->form) {
    case 0:
        check(be->ops->window_sum(be, &r->large, 2, 0.25f, &r->small));
        break;
    case 1:
        check(be->ops->window_spread(be, &r->small, 2, 0.25f, &r->large));
        break;
    case 2:
        check(be->ops->bilinear(be, &r->small, &r->large));
        break;
    case 3:
        check(be->ops->bilinear_adjoint(be, &r->large, &r->small));
        break;
    case 4:
        check(be->ops->reflect_pad(be, &r->small, 3, &r->large));
        break;
    default:
        check(be->ops->reflect_pad_adjoint(be, &r->large, 3, &r->small));
    }
}

static void images(void)
{
    for (gan_dtype dtype = first_dtype; dtype <= last_dtype; dtype++) {
        for (int form = 0; form < 6; form++) {
            int64_t n = rows_of(16), side = form < 4 ? 64 : 38, other = 32;
            char name[100];
            snprintf(name, sizeof name, "%s %s %lldx%lldx%lldx64", image_forms[form], gan_dtype_name(dtype),
                     (long long)n, (long long)side, (long long)side);
            if (!strstr(name, filter))
                continue;
            image_run r = {form, ARRAY(dtype, n, side, side, 64), ARRAY(dtype, n, other, other, 64)};
            double elements = 64 * (double)n * (double)(side * side + other * other);
            report_bytes(name, fastest(run_image, &r), elements * (double)gan_dtype_size(dtype));
            release(&r.large);
            release(&r.small);
        }
    }
}

/* ---- filters, and images turned by 30 degrees ---- */

typedef struct picture_run {
    const gan_fir *fir; /* NULL: turned by theta */
    const float *theta;
    bool adjoint;
    gan__array x, y;
} picture_run;

static void run_picture(void *args)
{
    picture_run *r = args;
    if (r->fir)
        check(be->ops->upfirdn(be, r->fir, &r->x, &r->y));
    else
        check((r->adjoint ? be->ops->affine_adjoint : be->ops->affine_sample)(be, r->theta, GAN_BORDER_REFLECT, &r->x,
                                                                              &r->y));
}

static void picture(int form, gan_dtype dtype, const int64_t shape[3])
{
    static const char *const what[] = {"filter blur", "filter up 2", "filter down 2", "warp", "warp adjoint"};
    static const float turn[6] = {0.8660254f, 0.5f, 0.0f, -0.5f, 0.8660254f, 0.0f};
    const gan_fir fir[] = {gan_fir_blur(NULL, 0), gan_fir_up(NULL, 0, 2), gan_fir_down(NULL, 0, 2)};
    int64_t n = rows_of(shape[0]), side = shape[1], c = shape[2];
    int64_t other = form < 3 ? side * fir[form].up / fir[form].down : side;
    char name[100];
    snprintf(name, sizeof name, "%s %s %lldx%lldx%lldx%lld", what[form], gan_dtype_name(dtype), (long long)n,
             (long long)side, (long long)side, (long long)c);
    if (!strstr(name, filter))
        return;
    gan__array theta = ARRAY(GAN_F32, n, 6);
    for (int64_t i = 0; i < n; i++)
        check(be->ops->copy_in(be, (float *)theta.data + 6 * i, turn, sizeof turn));
    picture_run r = {form < 3 ? &fir[form] : NULL, theta.data, form == 4, ARRAY(dtype, n, side, side, c),
                     ARRAY(dtype, n, other, other, c)};
    double elements = (double)(n * c) * (double)(side * side + other * other);
    report_bytes(name, fastest(run_picture, &r), elements * (double)gan_dtype_size(dtype));
    release(&theta);
    release(&r.x);
    release(&r.y);
}

static void pictures(void)
{
    static const int64_t shape[3][3] = {{16, 64, 64}, {16, 64, 3}, {4, 128, 128}};
    for (gan_dtype dtype = first_dtype; dtype <= last_dtype; dtype++) {
        for (int i = 0; i < 15; i++)
            picture(i % 5, dtype, shape[i / 5]);
    }
}

typedef struct update_run {
    gan__update_args args;
    gan__update tensor;
} update_run;

static void run_update(void *args)
{
    update_run *r = args;
    check(be->ops->update(be, &r->args, &r->tensor, 1));
}

static void run_normal(void *args)
{
    gan__array *a = args;
    check(be->ops->random(be, GAN__RANDOM_NORMAL, 1, 0, 0, 0.0f, 1.0f, a->dim[0], a->data));
}

static void run_uniform(void *args)
{
    gan__array *a = args;
    check(be->ops->random(be, GAN__RANDOM_UNIFORM, 1, 0, 0, 0.0f, 1.0f, a->dim[0], a->data));
}

static void rest(void)
{
    const int64_t size[] = {25600, rows_of(4194304)};
    for (int i = 0; i < 2; i++) {
        char name[100];
        int64_t n = size[i];
        gan__array a[4];
        for (int k = 0; k < 4; k++)
            a[k] = ARRAY(GAN_F32, n);
        update_run u = {{GAN__UPDATE_ADAM, 2e-4, 0.5, 0.999, 1e-8, 3}, {a[0].data, a[1].data, a[2].data, a[3].data, n}};
        snprintf(name, sizeof name, "adam %lld", (long long)n);
        if (strstr(name, filter))
            report_bytes(name, fastest(run_update, &u), 28.0 * (double)n);
        snprintf(name, sizeof name, "random normal %lld", (long long)n);
        if (strstr(name, filter))
            report_bytes(name, fastest(run_normal, &a[0]), 4.0 * (double)n);
        snprintf(name, sizeof name, "random uniform %lld", (long long)n);
        if (strstr(name, filter))
            report_bytes(name, fastest(run_uniform, &a[0]), 4.0 * (double)n);
        for (int k = 0; k < 4; k++)
            release(&a[k]);
    }
}

typedef struct copy_run {
    gan__array from, to;
    size_t bytes;
} copy_run;

static void run_copy(void *args)
{
    copy_run *r = args;
    check(be->ops->copy(be, r->to.data, r->from.data, r->bytes));
}

static void measure_peaks(void)
{
    gan_activation linear = {GAN_LINEAR, 0};
    int64_t side = small ? 64 : device ? 8192 : 2048, n = small ? 1 << 12 : device ? 1 << 28 : 32 << 20;
    for (gan_dtype dtype = first_dtype; dtype <= last_dtype; dtype++)
        peak[dtype] = time_matmul("", dtype, side, side, side, false, false, linear, false);
    copy_run r = {ARRAY(GAN_F32, n), ARRAY(GAN_F32, n), (size_t)n * sizeof(float)};
    bandwidth = 2.0 * (double)r.bytes / fastest(run_copy, &r);
    release(&r.from);
    release(&r.to);
    printf("%s\npeaks: f32 %.0f GFLOP/s, bf16 %.0f GFLOP/s (products of %lld), copy %.1f GB/s\n\n", be->description,
           peak[GAN_F32] * 1e-9, peak[GAN_BF16] * 1e-9, (long long)side, bandwidth * 1e-9);
}

/* False when they are not understood. */
static bool parse(int argc, char **argv, gan_context_options *options)
{
    int words = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--small") == 0) {
            small = true;
        } else if (strcmp(argv[i], "--device") == 0) {
            options->device = argv[++i];
        } else if (strcmp(argv[i], "--precision") == 0) {
            bool bf16 = strcmp(value, "bf16") == 0, tf32 = strcmp(value, "tf32") == 0;
            if (!bf16 && !tf32 && strcmp(value, "f32") != 0)
                return false;
            options->precision = tf32 ? GAN_PRECISION_TF32 : bf16 ? GAN_PRECISION_BF16 : GAN_PRECISION_F32;
            first_dtype = last_dtype = bf16 ? GAN_BF16 : GAN_F32;
            i++;
        } else if (words == 0) {
            filter = argv[i];
            words++;
        } else if (words == 1) {
            seconds = atof(argv[i]);
            words++;
        } else {
            options->threads = atoi(argv[i]);
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    gan_context_options options = {.struct_size = sizeof options};
    gan_message message;
    if (!parse(argc, argv, &options)) {
        fprintf(stderr, "bench_kernels: --precision takes f32, tf32 or bf16\n");
        return 2;
    }
    if (gan_context_create(&options, &ctx, &message) != GAN_OK) {
        fprintf(stderr, "%s\n", message.text);
        return EXIT_FAILURE;
    }
    be = ctx->backend;
    device = gan_context_stream(ctx) != NULL;
    measure_peaks();
    matmuls();
    convolutions();
    maps();
    reduces();
    norms();
    scales();
    images();
    pictures();
    rest();
    gan_context_destroy(ctx);
    return EXIT_SUCCESS;
}
