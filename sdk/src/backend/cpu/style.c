/*
 * y = activation(scale x + strength noise + bias), scale being each sample's own, and its gradient.
 *
 * Samples are divided into parts, one after the other for each thread, and in the backward pass those into blocks,
 * whose sums over pixels are taken in f32 and added up in double.
 */
#include "cpu.h"

#define BLOCK 4096 /* elements */
#define EVEN  4    /* parts for each thread, so that they come out even */

enum { DSCALE, DBIAS, DSTRENGTH, SUMS };

typedef struct scaling {
    const gan__scale_args *a;
    int threads;
    int64_t parts, block; /* of a sample; pixels */
    const float *ones, *zeros;
    float *scratch; /* of each thread: SUMS [channels], one for each pixel of a block, and the block */
    int64_t each;
    double *sums;  /* [tasks][SUMS][channels] */
    float *pixels; /* [n, pixels]: sums over channels */
} scaling;

static scaling divide(const gan__cpu *cpu, const gan__scale_args *a)
{
    int64_t c = a->channels;
    scaling s = {
        .a = a, .threads = gan__cpu_threads(cpu, a->n * a->pixels * c), .block = BLOCK / c > 0 ? BLOCK / c : 1};
    s.parts = a->n >= EVEN * s.threads || s.threads == 1 ? 1 : (EVEN * s.threads + a->n - 1) / a->n;
    return s;
}

/* Element `at` of an array of x's type. */
static void *element(const gan__scale_args *a, const void *data, int64_t at)
{
    return (char *)data + at * (int64_t)gan__cpu_dtype_size(a->dtype);
}

static const float *scale_of(const scaling *s, int64_t sample)
{
    return s->a->scale ? s->a->scale + sample * s->a->channels : s->ones;
}

static const float *noise_of(const scaling *s, int64_t sample)
{
    return s->a->noise ? s->a->noise + (s->a->noise_shared ? 0 : sample * s->a->pixels) : NULL;
}

static void for_tasks(const gan__cpu *cpu, const scaling *s,
                      void (*work)(const gan__cpu *, const scaling *, int64_t task, int64_t begin, int64_t end,
                                   float *scratch))
{
#pragma omp parallel for num_threads(s->threads) schedule(static) if (s->threads > 1)
    for (int i = 0; i < s->threads; i++) {
        int64_t first, last, begin, end;
        gan__cpu_part(s->a->n * s->parts, 1, s->threads, i, &first, &last);
        for (int64_t task = first; task < last; task++) {
            gan__cpu_part(s->a->pixels, s->block, s->parts, task % s->parts, &begin, &end);
            work(cpu, s, task, begin, end, s->scratch + i * s->each);
        }
    }
}

/* ---- y ---- */

static void forward_task(const gan__cpu *cpu, const scaling *s, int64_t task, int64_t begin, int64_t end,
                         float *scratch)
{
    const gan__scale_args *a = s->a;
    int64_t sample = task / s->parts, at = (sample * a->pixels + begin) * a->channels;
    const float *noise = noise_of(s, sample), *each = a->strength ? a->strength : s->ones;
    (void)scratch;
    gan__isa_scale p = {.n = a->channels,
                        .scale = scale_of(s, sample),
                        .noise = noise ? noise + begin : NULL,
                        .strength = noise ? each : s->zeros,
                        .bias = a->bias ? a->bias + (a->bias_each ? sample * a->channels : 0) : s->zeros,
                        .activation = a->activation};
    cpu->isa.scale_rows[a->dtype](&p, element(a, a->x, at), element(a, a->y, at), end - begin);
}

/* s->ones and s->zeros at `memory`, of two vectors of channels. */
static void constants(scaling *s, float *memory)
{
    int64_t c = s->a->channels;
    for (int64_t j = 0; j < c; j++) {
        memory[j] = 1.0f;
        memory[c + j] = 0.0f;
    }
    s->ones = memory;
    s->zeros = memory + c;
}

gan_status gan__cpu_scale_forward(gan__backend *be, const gan__scale_args *a)
{
    gan__cpu *cpu = gan__cpu_of(be);
    scaling s = divide(cpu, a);
    size_t bytes = (size_t)(2 * a->channels) * sizeof(float);
    float *memory = gan__workspace(be->ctx, bytes);
    if (!memory)
        return gan__cpu_no_memory(cpu, bytes);
    constants(&s, memory);
    for_tasks(cpu, &s, forward_task);
    gan__workspace_free(be->ctx, memory);
    return GAN_OK;
}

/* ---- gradients ---- */

/* Results that nobody asked for go to the thread's scratch memory; an x that is not there is read from dy. */
static void backward_task(const gan__cpu *cpu, const scaling *s, int64_t task, int64_t begin, int64_t end,
                          float *scratch)
{
    const gan__scale_args *a = s->a;
    int64_t c = a->channels, sample = task / s->parts;
    float *sums = scratch, *dots = sums + SUMS * c;
    void *unused = dots + s->block;
    double *total = s->sums + task * SUMS * c;
    const float *noise = noise_of(s, sample);
    gan__isa_gradient p = {.n = c,
                           .scale = scale_of(s, sample),
                           .strength = a->strength ? a->strength : s->ones,
                           .dscale = sums + DSCALE * c,
                           .dbias = sums + DBIAS * c,
                           .dstrength = sums + DSTRENGTH * c,
                           .strengths = a->dstrength && noise,
                           .activation = a->activation};
    memset(total, 0, (size_t)(SUMS * c) * sizeof *total);
    for (int64_t row = begin; row < end; row += s->block) {
        int64_t rows = end - row < s->block ? end - row : s->block, at = (sample * a->pixels + row) * c;
        p.dy = element(a, a->dy, at);
        p.y = a->y ? element(a, a->y, at) : p.dy;
        p.x = a->dscale ? element(a, a->x, at) : p.dy;
        p.dx = a->dx ? element(a, a->dx, at) : unused;
        p.noise = noise ? noise + row : s->zeros;
        p.dots = a->dnoise ? s->pixels + sample * a->pixels + row : p.strengths ? dots : NULL;
        memset(sums, 0, (size_t)(SUMS * c) * sizeof *sums);
        cpu->isa.scale_gradient[a->dtype](&p, rows);
        for (int64_t j = 0; j < SUMS * c; j++)
            total[j] += (double)sums[j];
    }
}

/* out[i] = the sums of `which` over the i-th `count` tasks; `out` may be NULL. */
static void add_tasks(const scaling *s, int which, int64_t count, int64_t rows, float *out)
{
    int64_t c = s->a->channels;
    for (int64_t i = 0; out && i < rows; i++) {
        for (int64_t j = 0; j < c; j++) {
            double sum = 0.0;
            for (int64_t task = i * count; task < (i + 1) * count; task++)
                sum += s->sums[(task * SUMS + which) * c + j];
            out[i * c + j] = (float)sum;
        }
    }
}

static void finish(const scaling *s)
{
    const gan__scale_args *a = s->a;
    int64_t tasks = a->n * s->parts;
    add_tasks(s, DSCALE, s->parts, a->n, a->dscale);
    add_tasks(s, DBIAS, a->bias_each ? s->parts : tasks, a->bias_each ? a->n : 1, a->dbias);
    add_tasks(s, DSTRENGTH, tasks, 1, a->dstrength);
    for (int64_t i = 0; a->dnoise && a->noise_shared && i < a->pixels; i++) {
        double sum = 0.0;
        for (int64_t n = 0; n < a->n; n++)
            sum += (double)s->pixels[n * a->pixels + i];
        a->dnoise[i] = (float)sum;
    }
}

gan_status gan__cpu_scale_backward(gan__backend *be, const gan__scale_args *a)
{
    gan__cpu *cpu = gan__cpu_of(be);
    scaling s = divide(cpu, a);
    int64_t c = a->channels, doubles = a->n * s.parts * SUMS * c;
    int64_t pixels = a->dnoise && a->noise_shared ? a->n * a->pixels : 0;
    s.each = SUMS * c + s.block + s.block * c;
    size_t bytes = (size_t)doubles * sizeof(double) + (size_t)(2 * c + pixels + s.threads * s.each) * sizeof(float);
    s.sums = gan__workspace(be->ctx, bytes);
    if (!s.sums)
        return gan__cpu_no_memory(cpu, bytes);
    float *memory = (float *)(s.sums + doubles);
    constants(&s, memory);
    s.pixels = pixels ? memory + 2 * c : a->dnoise;
    s.scratch = memory + 2 * c + pixels;
    for_tasks(cpu, &s, backward_task);
    finish(&s);
    gan__workspace_free(be->ctx, s.sums);
    return GAN_OK;
}
