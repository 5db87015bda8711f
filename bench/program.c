#include "program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_clock.h"

enum { MAX_TIMES = 100000, MAX_LOSSES = GAN_METRICS_MAX };

/* What was measured of one phase, or of whole iterations. */
typedef struct figures {
    double *ms; /* one by one */
    size_t n;
    double median_ms, min_ms, max_ms;
    double gflop; /* of one run */
} figures;

typedef struct measurement {
    gan_context *ctx;
    const bench_program *program;
    void *model;
    gan_metrics *metrics;
    figures of[BENCH_PHASES + 1]; /* the phases; behind the last, iterations */
    int phases;
    bool device; /* steps only enqueue their work */
    int graphs;  /* steps that were recorded */
    size_t rss_baseline, rss_peak, tensors_peak;
    double outside_kernels; /* share of the time under the clock */
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
    for (int i = 0; i < m->n_losses; i++) {
        if (strcmp(m->losses[i].name, name) == 0) {
            m->losses[i].value = value;
            return;
        }
    }
    if (m->n_losses < MAX_LOSSES) {
        snprintf(m->losses[m->n_losses].name, sizeof(m->losses[0].name), "%s", name);
        m->losses[m->n_losses++].value = value;
    }
}

static void add_time(figures *f, double ms)
{
    if (f->n < MAX_TIMES) {
        f->ms[f->n++] = ms;
    }
}

static void run_phase(measurement *m, const bench_phase *phase)
{
    gan_scope_begin(m->ctx);
    gan_status status = phase->run(m->model, m->metrics);
    gan_scope_end(m->ctx, NULL);
    if (status != GAN_OK) {
        gan_raise(m->ctx, status, "%s failed", phase->name);
    }
}

/* Every run of a phase has a scope of its own, as in the host's loop, and is waited for. */
static void iterate(measurement *m)
{
    double start = bench_now(), start_flops = bench_clock_flops();
    for (int i = 0; i < m->phases; i++) {
        const bench_phase *phase = &m->program->phases[i];
        for (int k = 0; k < phase->times && gan_status_of(m->ctx) == GAN_OK; k++) {
            double begin = bench_now(), flops = bench_clock_flops();
            run_phase(m, phase);
            if (m->device) {
                bench_wait(m->ctx);
            }
            add_time(&m->of[i], (bench_now() - begin) * 1e3);
            m->of[i].gflop = fmax(m->of[i].gflop, (bench_clock_flops() - flops) * 1e-9); /* 0 without the clock */
        }
    }
    add_time(&m->of[m->phases], (bench_now() - start) * 1e3);
    m->of[m->phases].gflop = fmax(m->of[m->phases].gflop, (bench_clock_flops() - start_flops) * 1e-9);
    gan_metrics_collect(m->metrics, record_loss, m);
}

/* As many iterations as --steps says, or as `seconds` allow and at least two. */
static size_t iterate_for(measurement *m, int steps, double seconds)
{
    double end = bench_now() + seconds;
    size_t n = 0;
    for (int i = 0; i <= m->phases; i++) {
        m->of[i].n = 0;
    }
    while (gan_status_of(m->ctx) == GAN_OK && (steps > 0 ? n < (size_t)steps : n < 2 || bench_now() < end)) {
        iterate(m);
        n++;
    }
    return n;
}

/* Milliseconds of each of `n` iterations that the device is given without a pause. */
static double enqueue(measurement *m, int n)
{
    bench_wait(m->ctx);
    double begin = bench_now();
    for (int i = 0; i < n && gan_status_of(m->ctx) == GAN_OK; i++) {
        for (int k = 0; k < m->phases; k++) {
            for (int run = 0; run < m->program->phases[k].times; run++) {
                run_phase(m, &m->program->phases[k]);
            }
        }
        gan_metrics_poll(m->metrics, record_loss, m);
    }
    bench_wait(m->ctx);
    double ms = (bench_now() - begin) * 1e3 / n;
    gan_metrics_collect(m->metrics, record_loss, m);
    return ms;
}

/* Whole iterations on a device: in blocks of a tenth of the time, so that what the host does is hidden where training
 * hides it. */
static void iterate_in_blocks(measurement *m, const bench_options *options)
{
    figures *f = &m->of[m->phases];
    double end = bench_now() + options->seconds;
    int n = (int)fmin(fmax(options->seconds * 100 / enqueue(m, 3), 1), 10000);
    n = options->steps > 0 ? options->steps : n;
    f->n = 0;
    do {
        add_time(f, enqueue(m, n));
    } while (gan_status_of(m->ctx) == GAN_OK && (f->n < 2 || bench_now() < end));
}

static void take_times(measurement *m, const bench_options *options)
{
    for (int i = 0; i < options->warmup && gan_status_of(m->ctx) == GAN_OK; i++) {
        iterate(m);
    }
    gan_memory_reset_peak(m->ctx);
    iterate_for(m, options->steps, m->device ? options->seconds / 4 : options->seconds);
    if (m->device) {
        iterate_in_blocks(m, options);
    }
    for (int i = 0; i <= m->phases && gan_status_of(m->ctx) == GAN_OK; i++) {
        figures *f = &m->of[i];
        f->median_ms = bench_median(f->ms, f->n);
        f->min_ms = f->ms[0];
        f->max_ms = f->ms[f->n - 1];
    }
    m->rss_peak = bench_rss_peak();
    m->tensors_peak = gan_memory(m->ctx).bytes_peak;
}

/* Steps that a device replays make no calls that could be counted; the first ones do. */
static void count_first(measurement *m)
{
    bench_clock_start(m->ctx);
    iterate(m);
    bench_clock_stop(m->ctx);
}

/* A clock slows small kernels down, so no time of these iterations is reported. */
static void count(measurement *m, const bench_options *options)
{
    bench_clock_start(m->ctx);
    size_t n = iterate_for(m, options->steps, options->profile ? options->seconds : fmin(options->seconds, 0.5));
    bench_clock_stop(m->ctx);
    double ms = 0;
    for (size_t i = 0; i < m->of[m->phases].n; i++) {
        ms += m->of[m->phases].ms[i];
    }
    m->outside_kernels = ms > 0 ? 1 - bench_clock_seconds() * 1e3 / ms : 0;
    if (options->profile) {
        bench_clock_report(n);
    }
}

static gan_status measure(measurement *m, const bench_options *options)
{
    bool memory = true;
    for (m->phases = 0; m->phases < BENCH_PHASES && m->program->phases[m->phases].name != NULL; m->phases++)
        ;
    for (int i = 0; i <= m->phases; i++) {
        memory = (m->of[i].ms = malloc(sizeof(double) * MAX_TIMES)) != NULL && memory;
    }
    m->metrics = gan_metrics_create();
    m->model = m->program->create(m->ctx, m->program->setting);
    if (!memory || m->metrics == NULL || m->model == NULL) {
        gan_raise(m->ctx, GAN_ERROR_MEMORY, "no memory for the benchmark");
    }
    if (gan_status_of(m->ctx) == GAN_OK) {
        if (m->device) {
            count_first(m);
        }
        take_times(m, options);
        if (!m->device) {
            count(m, options);
        }
        m->graphs = m->program->graphs != NULL ? m->program->graphs(m->model) : 0;
    }
    if (m->model != NULL) {
        m->program->destroy(m->model);
    }
    gan_metrics_destroy(m->metrics);
    return gan_status_of(m->ctx);
}

static void print_line(const measurement *m, const bench_options *options)
{
    const double mb = 1024.0 * 1024.0;
    const figures *iteration = &m->of[m->phases];
    printf("{\"program\": \"%s\", \"side\": \"ganhost\", \"version\": \"%s\", \"mode\": \"sdk\", "
           "\"precision\": \"%s\", \"device\": \"%s\", \"threads\": %d, \"images_per_s\": %.2f, "
           "\"graphs\": %d, \"phases\": {",
           m->program->name, gan_version(), options->precision, gan_context_device(m->ctx), gan_context_threads(m->ctx),
           m->program->images / iteration->median_ms * 1e3, m->graphs);
    int first = m->phases > 1 ? 0 : m->phases; /* one phase is the iteration */
    for (int i = first; i <= m->phases; i++) {
        const figures *f = &m->of[i];
        printf("%s\"%s\": {\"median_ms\": %.4f, \"min_ms\": %.4f, \"max_ms\": %.4f, \"gflop\": %.4f}",
               i == first ? "" : ", ", i == m->phases ? "iteration" : m->program->phases[i].name, f->median_ms,
               f->min_ms, f->max_ms, f->gflop);
    }
    printf("}, \"rss_peak_mb\": %.1f, \"rss_baseline_mb\": %.1f, \"tensors_peak_mb\": %.1f, ", m->rss_peak / mb,
           m->rss_baseline / mb, m->tensors_peak / mb);
    if (!m->device) {
        printf("\"outside_kernels\": %.4f, ", m->outside_kernels);
    }
    printf("\"losses\": {");
    for (int i = 0; i < m->n_losses; i++) {
        printf("%s\"%s\": %.6g", i == 0 ? "" : ", ", m->losses[i].name, m->losses[i].value);
    }
    printf("}}\n");
}

static gan_precision precision_of(const char *name)
{
    if (strcmp(name, "tf32") == 0) {
        return GAN_PRECISION_TF32;
    }
    return strcmp(name, "bf16") == 0 ? GAN_PRECISION_BF16 : GAN_PRECISION_F32;
}

int bench_program_run(const bench_program *program, const bench_options *options)
{
    measurement m = {.program = program, .finite = true, .rss_baseline = bench_rss()};
    gan_message message;
    gan_context_options made = {.struct_size = sizeof(made),
                                .device = options->device,
                                .precision = precision_of(options->precision),
                                .threads = options->threads,
                                .seed = 1};
    if (gan_context_create(&made, &m.ctx, &message) != GAN_OK) {
        fprintf(stderr, "%s: %s\n", program->name, message.text);
        return 1;
    }
    m.device = gan_context_stream(m.ctx) != NULL;
    gan_status status = measure(&m, options);
    if (status != GAN_OK) {
        fprintf(stderr, "%s: %s\n", program->name, gan_status_message(m.ctx));
    } else if (!m.finite) {
        fprintf(stderr, "%s: a loss is not finite\n", program->name);
    } else {
        print_line(&m, options);
    }
    for (int i = 0; i <= m.phases; i++) {
        free(m.of[i].ms);
    }
    gan_context_destroy(m.ctx);
    return status == GAN_OK && m.finite ? 0 : 1;
}
