/*
 * Normalization of x [G, R, C] over R.
 *
 * Statistics are taken in one pass over memory: sums of deviations from a block's first row give the block's mean and
 * variance, and blocks are joined by the formula of Chan, Golub and LeVeque ("Updating formulae and a pairwise
 * algorithm for computing sample variances", 1979) in double precision. So there is neither a second pass over memory
 * nor the cancellation of E[x²] - E[x]².
 *
 * The loops run over channels. Where there are few, several rows are seen as one longer row (a period), with the
 * channels' values repeated; the sums of the columns of a period are folded into channels at the end.
 */
#include "cpu.h"

#define GAN__BLOCK   8192 /* elements of a block: few enough for sums in f32 */
#define GAN__PERIOD  128  /* rows are joined up to this length */
#define GAN__SMALL_C 64   /* below this many channels */

/* How x is divided: groups into `parts` of whole periods each. Vectors of `period` values belong to a group. */
typedef struct layout {
    int64_t groups, rows, channels;
    int64_t repeat, period; /* rows per period, elements per period */
    int64_t group;          /* elements per group */
    int64_t parts;
    int threads;
    int64_t block; /* elements worked on at a time: whole periods */
} layout;

static layout make_layout(const gan__cpu *cpu, const gan__norm_args *a)
{
    layout l = {.groups = a->groups, .rows = a->rows, .channels = a->channels, .repeat = 1};
    if (l.channels < GAN__SMALL_C)
        l.repeat = GAN__PERIOD / l.channels < l.rows ? GAN__PERIOD / l.channels : l.rows;
    l.period = l.repeat * l.channels;
    l.group = l.rows * l.channels;
    l.block = l.period < GAN__BLOCK ? GAN__BLOCK / l.period * l.period : l.period;
    l.threads = gan__cpu_threads(cpu, l.groups * l.group);
    l.parts = l.groups >= l.threads ? 1 : (l.threads + l.groups - 1) / l.groups;
    return l;
}

/* Task `task` of groups * parts: its group, and its elements within the group. */
static int64_t task_range(const layout *l, int64_t task, int64_t *begin, int64_t *end)
{
    gan__cpu_part(l->group, l->period, l->parts, task % l->parts, begin, end);
    return task / l->parts;
}

/* out[j] = in[j % channels], a period long. */
static void repeat(const layout *l, const float *in, float otherwise, float *out)
{
    for (int64_t j = 0; j < l->period; j++)
        out[j] = in ? in[j % l->channels] : otherwise;
}

/* gamma or beta of a group. */
static const float *affine_of(const gan__norm_args *a, const float *table, int64_t group)
{
    return table && a->affine_each ? table + group * a->channels : table;
}

static const void *element(gan_dtype dtype, const void *data, int64_t at)
{
    return (const char *)data + at * (int64_t)gan__cpu_dtype_size(dtype);
}

/* ---- statistics ---- */

/* Mean and sum of squared deviations of each column of a period, and how many values that was. */
typedef struct moments {
    double *mean, *m2;
    int64_t n;
} moments;

/* Join `mean`, `m2` of n values to those of *into. */
static void join(double *mean, double *m2, double n, double other_mean, double other_m2, double other_n)
{
    if (other_n <= 0.0)
        return;
    double all = n + other_n, delta = other_mean - *mean;
    *mean += delta * (other_n / all);
    *m2 += other_m2 + delta * delta * (n * other_n / all);
}

/* The moments of elements [begin, end) of one group; the first (end - begin) % period columns have one value more
 * than `n`. */
static void moments_of_range(const gan__cpu *cpu, const layout *l, gan_dtype dtype, const void *x, int64_t begin,
                             int64_t end, float *scratch, moments *out)
{
    int64_t period = l->period, block = l->block;
    memset(out->mean, 0, (size_t)period * sizeof *out->mean);
    memset(out->m2, 0, (size_t)period * sizeof *out->m2);
    out->n = 0;
    for (int64_t i = begin; i < end; i += block) {
        int64_t n = end - i < block ? end - i : block, rows = n / period, tail = n % period;
        if (rows > 0)
            cpu->isa.moments[dtype](element(dtype, x, i), rows, period, (double)out->n, scratch, out->mean, out->m2);
        out->n += rows;
        for (int64_t j = 0; j < tail; j++) {
            float last;
            cpu->isa.widen[dtype](element(dtype, x, i + rows * period + j), &last, 1);
            join(&out->mean[j], &out->m2[j], (double)out->n, (double)last, 0.0, 1.0);
        }
    }
}

/* The moments of all parts of all groups into mean and rstd. */
static void finish_moments(const layout *l, const moments *part, float eps, float *mean, float *rstd)
{
    for (int64_t g = 0; g < l->groups; g++) {
        for (int64_t c = 0; c < l->channels; c++) {
            double m = 0.0, m2 = 0.0, n = 0.0;
            for (int64_t p = 0; p < l->parts; p++) {
                const moments *s = &part[g * l->parts + p];
                int64_t begin, end;
                task_range(l, g * l->parts + p, &begin, &end);
                int64_t tail = (end - begin) % l->period;
                for (int64_t j = c; j < l->period; j += l->channels) {
                    double count = (double)(s->n + (j < tail));
                    join(&m, &m2, n, s->mean[j], s->m2[j], count);
                    n += count;
                }
            }
            mean[g * l->channels + c] = (float)m;
            rstd[g * l->channels + c] = (float)(1.0 / sqrt(m2 / n + (double)eps));
        }
    }
}

static gan_status statistics(gan__cpu *cpu, const layout *l, const gan__norm_args *a)
{
    int64_t tasks = l->groups * l->parts;
    size_t doubles = (size_t)(tasks * 2 * l->period), floats = (size_t)(l->threads * 2 * l->period);
    size_t bytes = doubles * sizeof(double) + (size_t)tasks * sizeof(moments) + floats * sizeof(float);
    double *memory = gan__workspace(cpu->base.ctx, bytes);
    if (!memory)
        return gan__cpu_no_memory(cpu, bytes);
    moments *part = (moments *)(memory + doubles);
    float *scratch = (float *)(part + tasks);
#pragma omp parallel for num_threads(l->threads) schedule(static) if (l->threads > 1)
    for (int i = 0; i < l->threads; i++) {
        int64_t first, last;
        gan__cpu_part(tasks, 1, l->threads, i, &first, &last);
        for (int64_t task = first; task < last; task++) {
            int64_t begin, end, g = task_range(l, task, &begin, &end);
            part[task].mean = memory + task * 2 * l->period;
            part[task].m2 = part[task].mean + l->period;
            moments_of_range(cpu, l, a->dtype, element(a->dtype, a->x, g * l->group), begin, end,
                             scratch + i * 2 * l->period, &part[task]);
        }
    }
    finish_moments(l, part, a->eps, a->mean, a->rstd);
    gan__workspace_free(cpu->base.ctx, memory);
    return GAN_OK;
}

/* ---- y ---- */

gan_status gan__cpu_norm_apply(gan__backend *be, const gan__norm_args *a)
{
    gan__cpu *cpu = gan__cpu_of(be);
    layout l = make_layout(cpu, a);
    if (l.groups * l.group == 0)
        return GAN_OK;
    int64_t each = 3 * l.period;
    size_t bytes = (size_t)(l.threads * each) * sizeof(float);
    float *memory = gan__workspace(be->ctx, bytes);
    if (!memory)
        return gan__cpu_no_memory(cpu, bytes);
#pragma omp parallel for num_threads(l.threads) schedule(static) if (l.threads > 1)
    for (int i = 0; i < l.threads; i++) {
        float *mean = memory + i * each, *scale = mean + l.period, *shift = scale + l.period;
        gan__isa_norm p = {
            .period = l.period, .mean = mean, .scale = scale, .shift = shift, .activation = a->activation};
        int64_t first, last;
        gan__cpu_part(l.groups * l.parts, 1, l.threads, i, &first, &last);
        for (int64_t task = first; task < last; task++) {
            int64_t begin, end, g = task_range(&l, task, &begin, &end);
            repeat(&l, a->mean + g * l.channels, 0.0f, mean);
            repeat(&l, a->rstd + g * l.channels, 0.0f, scale);
            repeat(&l, affine_of(a, a->beta, g), 0.0f, shift);
            const float *gamma = affine_of(a, a->gamma, g);
            for (int64_t j = 0; gamma && j < l.period; j++)
                scale[j] *= gamma[j % l.channels];
            int64_t at = g * l.group + begin;
            cpu->isa.norm_apply[a->dtype](&p, element(a->dtype, a->x, at), (void *)element(a->dtype, a->y, at),
                                          end - begin);
        }
    }
    gan__workspace_free(be->ctx, memory);
    return GAN_OK;
}

gan_status gan__cpu_norm_forward(gan__backend *be, const gan__norm_args *a)
{
    gan__cpu *cpu = gan__cpu_of(be);
    layout l = make_layout(cpu, a);
    if (l.groups * l.group == 0)
        return GAN_OK;
    gan_status status = statistics(cpu, &l, a);
    return status == GAN_OK ? gan__cpu_norm_apply(be, a) : status;
}

/* ---- gradients ---- */

typedef struct backward {
    const gan__norm_args *a;
    layout l;
    double *part; /* [groups * parts][2][period]: sums of dy' xhat and of dy' */
    double *sums; /* [groups][2][channels] */
    float *scratch;
    int64_t each; /* floats of scratch per thread: vectors of a period */
} backward;

/* Element `at` of group g of one of the arrays. */
static const void *operand(const backward *b, const void *data, int64_t g, int64_t at)
{
    return element(b->a->dtype, data, g * b->l.group + at);
}

/* Of y, which is needed only for an activation's derivative and may be NULL otherwise. */
static const void *result(const backward *b, int64_t g, int64_t at)
{
    return operand(b, b->a->activation.kind == GAN_LINEAR ? b->a->dy : b->a->y, g, at);
}

static void sums_of_task(const gan__cpu *cpu, const backward *b, int64_t task, float *scratch)
{
    const layout *l = &b->l;
    int64_t period = l->period, block = l->block, begin, end, g = task_range(l, task, &begin, &end);
    float *mean = scratch, *scale = mean + period, *dgamma = scale + period, *dbeta = dgamma + period;
    double *total = b->part + task * 2 * period;
    memset(total, 0, (size_t)(2 * period) * sizeof *total);
    repeat(l, b->a->mean + g * l->channels, 0.0f, mean);
    repeat(l, b->a->rstd + g * l->channels, 0.0f, scale);
    gan__isa_norm p = {.period = period, .mean = mean, .scale = scale, .activation = b->a->activation};
    for (int64_t at = begin; at < end; at += block) {
        int64_t n = end - at < block ? end - at : block;
        memset(dgamma, 0, (size_t)(2 * period) * sizeof *dgamma);
        cpu->isa.norm_sums[b->a->dtype](&p, operand(b, b->a->x, g, at), result(b, g, at), operand(b, b->a->dy, g, at),
                                        n, dgamma, dbeta);
        for (int64_t j = 0; j < 2 * period; j++)
            total[j] += (double)dgamma[j];
    }
}

/* Fold parts and columns of periods into channels. */
static void finish_sums(const backward *b)
{
    const layout *l = &b->l;
    memset(b->sums, 0, (size_t)(l->groups * 2 * l->channels) * sizeof *b->sums);
    for (int64_t task = 0; task < l->groups * l->parts; task++) {
        const double *from = b->part + task * 2 * l->period;
        double *to = b->sums + task / l->parts * 2 * l->channels;
        for (int64_t j = 0; j < l->period; j++) {
            to[j % l->channels] += from[j];
            to[l->channels + j % l->channels] += from[l->period + j];
        }
    }
    int64_t joined = b->a->affine_each ? 1 : l->groups; /* groups that have the same gamma and beta */
    for (int64_t i = 0; i < l->groups / joined * l->channels; i++) {
        double dgamma = 0.0, dbeta = 0.0;
        for (int64_t g = i / l->channels; g < i / l->channels + joined; g++) {
            dgamma += b->sums[g * 2 * l->channels + i % l->channels];
            dbeta += b->sums[(g * 2 + 1) * l->channels + i % l->channels];
        }
        if (b->a->dgamma)
            b->a->dgamma[i] = (float)dgamma;
        if (b->a->dbeta)
            b->a->dbeta[i] = (float)dbeta;
    }
}

/* dx = gamma rstd (dy' - mean(dy') - xhat mean(dy' xhat)), as k0 dy' - k1 - (x - mean) k2. */
static void gradient_of_task(const gan__cpu *cpu, const backward *b, int64_t task, float *scratch)
{
    const layout *l = &b->l;
    const gan__norm_args *a = b->a;
    int64_t period = l->period, begin, end, g = task_range(l, task, &begin, &end);
    float *mean = scratch, *k0 = mean + period, *k1 = k0 + period, *k2 = k1 + period;
    const float *gamma = affine_of(a, a->gamma, g);
    repeat(l, a->mean + g * l->channels, 0.0f, mean);
    for (int64_t j = 0; j < period; j++) {
        int64_t c = j % l->channels;
        double rstd = (double)a->rstd[g * l->channels + c], factor = gamma ? gamma[c] * rstd : rstd;
        const double *sums = b->sums + g * 2 * l->channels;
        k0[j] = (float)factor;
        k1[j] = (float)(factor * sums[l->channels + c] / (double)l->rows);
        k2[j] = (float)(factor * rstd * sums[c] / (double)l->rows);
    }
    gan__isa_norm p = {.period = period, .mean = mean, .k0 = k0, .k1 = k1, .k2 = k2, .activation = a->activation};
    cpu->isa.norm_gradient[a->dtype](&p, operand(b, a->x, g, begin), result(b, g, begin), operand(b, a->dy, g, begin),
                                     (void *)operand(b, a->dx, g, begin), end - begin);
}

static void for_tasks(const gan__cpu *cpu, const backward *b,
                      void (*work)(const gan__cpu *, const backward *, int64_t, float *))
{
    int threads = b->l.threads;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        int64_t first, last;
        gan__cpu_part(b->l.groups * b->l.parts, 1, threads, i, &first, &last);
        for (int64_t task = first; task < last; task++)
            work(cpu, b, task, b->scratch + i * b->each);
    }
}

gan_status gan__cpu_norm_backward(gan__backend *be, const gan__norm_args *a)
{
    gan__cpu *cpu = gan__cpu_of(be);
    backward b = {.a = a, .l = make_layout(cpu, a)};
    const layout *l = &b.l;
    if (l->groups * l->group == 0)
        return GAN_OK;
    size_t part = (size_t)(l->groups * l->parts * 2 * l->period), sums = (size_t)(l->groups * 2 * l->channels);
    b.each = 4 * l->period;
    size_t bytes = (part + sums) * sizeof(double) + (size_t)(l->threads * b.each) * sizeof(float);
    b.part = gan__workspace(be->ctx, bytes);
    if (!b.part)
        return gan__cpu_no_memory(cpu, bytes);
    b.sums = b.part + part;
    b.scratch = (float *)(b.sums + sums);
    for_tasks(cpu, &b, sums_of_task);
    finish_sums(&b);
    if (a->dx)
        for_tasks(cpu, &b, gradient_of_task);
    gan__workspace_free(be->ctx, b.part);
    return GAN_OK;
}
