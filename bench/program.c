#include "program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#ifdef GAN_BENCH_KERNEL_CLOCK
#include "kernel_clock.h"
#endif

enum { MAX_STEPS = 100000, MAX_LOSSES = GAN_METRICS_MAX };

typedef struct measurement {
    double *ms;
    size_t n;
    size_t rss_baseline;
    double kernel_seconds; /* negative: not measured */
    struct {
        char name[32];
        double value;
    } losses[MAX_LOSSES];
    int n_losses;
    bool finite;
} measurement;

gan_tensor *bench_images(gan_context *ctx, int64_t n, int64_t size, int64_t channels)
{
    float *pixels = malloc(sizeof(float) * (size_t)(n * size * size * channels));
    if (pixels == NULL) {
        gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for %lld images", (long long)n);
        return gan_keep(gan_zeros(ctx, GAN_SHAPE(n, size, size, channels)));
    }
    float *out = pixels;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t at = 0; at < size * size * channels; at++) {
            uint32_t draw[4];
            int64_t c = at % channels, x = at / channels % size, y = at / channels / size;
            gan_philox(1, (uint64_t)size, (uint64_t)(i * channels + c), draw);
            double turn = 6.28318530717958647692 / 4294967296.0;
            double phase = draw[0] * turn + (draw[1] * turn * (double)x + draw[2] * turn * (double)y) / (double)size;
            *out++ = (float)sin(phase);
        }
    }
    gan_tensor *images = gan_keep(gan_from_f32(ctx, GAN_SHAPE(n, size, size, channels), pixels));
    free(pixels);
    return images;
}

static void record_loss(const char *name, double value, void *user)
{
    measurement *m = user;
    m->finite = m->finite && isfinite(value);
    if (m->n_losses < MAX_LOSSES) {
        snprintf(m->losses[m->n_losses].name, sizeof(m->losses[0].name), "%s", name);
        m->losses[m->n_losses++].value = value;
    }
}

/* One step in a scope of its own, as the host runs it; its time in milliseconds, negative on error. */
static double timed_step(gan_context *ctx, const bench_program *program, void *model, gan_metrics *metrics,
                         measurement *m)
{
#ifdef GAN_BENCH_KERNEL_CLOCK
    double before = bench_clock_seconds();
#endif
    double begin = bench_now();
    gan_scope_begin(ctx);
    gan_status status = program->step(model, metrics);
    gan_scope_end(ctx, NULL);
    double ms = (bench_now() - begin) * 1e3;
#ifdef GAN_BENCH_KERNEL_CLOCK
    m->kernel_seconds += bench_clock_seconds() - before;
#endif
    m->n_losses = 0;
    gan_metrics_collect(metrics, record_loss, m);
    return status == GAN_OK ? ms : -1;
}

static gan_status measure(gan_context *ctx, const bench_program *program, const bench_options *options, measurement *m)
{
    void *model = program->create(ctx);
    gan_metrics *metrics = gan_metrics_create();
    m->ms = malloc(sizeof(double) * MAX_STEPS);
    if (model == NULL || metrics == NULL || m->ms == NULL) {
        gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for the benchmark");
    }
    for (int i = 0; gan_status_of(ctx) == GAN_OK && i < options->warmup; i++) {
        timed_step(ctx, program, model, metrics, m);
    }
#ifdef GAN_BENCH_KERNEL_CLOCK
    bench_clock_start(ctx);
    m->kernel_seconds = 0;
#endif
    gan_memory_reset_peak(ctx);
    double end = bench_now() + options->seconds;
    while (gan_status_of(ctx) == GAN_OK && m->n < MAX_STEPS &&
           (options->steps > 0 ? m->n < (size_t)options->steps : m->n < 3 || bench_now() < end)) {
        m->ms[m->n++] = timed_step(ctx, program, model, metrics, m);
    }
#ifdef GAN_BENCH_KERNEL_CLOCK
    bench_clock_stop(ctx);
#endif
    gan_metrics_destroy(metrics);
    if (model != NULL) {
        program->destroy(model);
    }
    return gan_status_of(ctx);
}

static void print_line(gan_context *ctx, const bench_program *program, const bench_options *options, measurement *m)
{
    const double mb = 1024.0 * 1024.0;
    double total = 0;
    for (size_t i = 0; i < m->n; i++) {
        total += m->ms[i];
    }
    double median = bench_median(m->ms, m->n);
    printf(
        "{\"program\": \"%s\", \"side\": \"ganhost\", \"version\": \"%s\", \"mode\": \"sdk\", \"precision\": \"%s\", "
        "\"device\": \"%s\", \"threads\": %d, \"steps\": %zu, \"median_ms\": %.4f, \"min_ms\": %.4f, "
        "\"max_ms\": %.4f, \"images_per_s\": %.2f, \"gflop\": %.4f, ",
        program->name, gan_version(), options->precision, gan_context_device(ctx), gan_context_threads(ctx), m->n,
        median, m->ms[0], m->ms[m->n - 1], program->images / median * 1e3, program->flops * 1e-9);
    printf("\"rss_peak_mb\": %.1f, \"rss_baseline_mb\": %.1f, \"tensors_peak_mb\": %.1f, ", bench_rss_peak() / mb,
           m->rss_baseline / mb, gan_memory(ctx).bytes_peak / mb);
    if (m->kernel_seconds >= 0) {
        printf("\"outside_kernels\": %.4f, ", 1 - m->kernel_seconds * 1e3 / total);
    }
    printf("\"losses\": {");
    for (int i = 0; i < m->n_losses; i++) {
        printf("%s\"%s\": %.6g", i == 0 ? "" : ", ", m->losses[i].name, m->losses[i].value);
    }
    printf("}}\n");
}

static const bench_program *choose(const bench_program *programs, int n, const char *part)
{
    for (int i = 0; i < n; i++) {
        if (part == NULL || strcmp(programs[i].name, part) == 0) {
            return &programs[i];
        }
    }
    return NULL;
}

int bench_program_main(int argc, char **argv, const bench_program *programs, int n)
{
    measurement m = {.kernel_seconds = -1, .finite = true, .rss_baseline = bench_rss()};
    bench_options options = {.precision = "f32", .warmup = 3, .seconds = 10};
    if (!bench_parse(argc, argv, &options)) {
        return 2;
    }
    const bench_program *program = choose(programs, n, options.part);
    if (program == NULL) {
        fprintf(stderr, "%s: no part is named %s\n", argv[0], options.part);
        return 2;
    }
    gan_context *ctx;
    gan_message message;
    gan_context_options made = {.struct_size = sizeof(made),
                                .device = "cpu",
                                .precision =
                                    strcmp(options.precision, "bf16") == 0 ? GAN_PRECISION_BF16 : GAN_PRECISION_F32,
                                .threads = options.threads,
                                .seed = 1};
    if (gan_context_create(&made, &ctx, &message) != GAN_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], message.text);
        return 1;
    }
    gan_status status = measure(ctx, program, &options, &m);
    if (status != GAN_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], gan_status_message(ctx));
    } else if (!m.finite) {
        fprintf(stderr, "%s: a loss is not finite\n", argv[0]);
    } else {
        print_line(ctx, program, &options, &m);
    }
#ifdef GAN_BENCH_KERNEL_CLOCK
    if (options.profile) {
        bench_clock_report(m.n);
    }
#endif
    free(m.ms);
    gan_context_destroy(ctx);
    return status == GAN_OK && m.finite ? 0 : 1;
}
