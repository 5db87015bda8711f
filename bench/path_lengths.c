/*
 * path_lengths.c - how the path lengths of trained style-based generators are distributed (Karras et al. 2020, section
 * 3.2): |Jᵀ y|, where J is the derivative of the image with respect to its style w, and y a random image. Their penalty
 * makes them alike, so the ratio of deviation and mean is what it lowers.
 *
 *     path_lengths RUN [RUN...] [--samples N] [--seed N] [--out FILE.png]
 *
 * The generator is that of `ganhost sample`: the newest checkpoint's moving averages, noise inputs const, w not
 * truncated. Every run gets the same seeds, and the same y where images have the same shape. Prints a line for each run
 * and draws their histograms.
 */
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../host/report.h"
#include "../host/styles.h"
#include "../host/values.h"

#define RUNS_MAX    8
#define SAMPLES_MAX 1000000
/* Images that are differentiated at once, whose activations are kept for it: half of a usual batch, as in training. */
#define BATCH       8
#define BINS_MAX    200
#define PLOT_WIDTH  900
#define PLOT_HEIGHT 340

typedef struct measured {
    char path[PATH_SIZE];
    const char *name; /* the folder's, within `path` */
    int64_t n;
    double *length; /* [n], ascending */
    double mean, deviation;
    int64_t points; /* of the histogram's outline */
    double x[2 * BINS_MAX + 2], density[2 * BINS_MAX + 2];
    double relative_x[2 * BINS_MAX + 2], relative_density[2 * BINS_MAX + 2]; /* of lengths in units of the mean */
} measured;

typedef struct comparison {
    const char *folders[RUNS_MAX];
    measured *runs; /* [n_runs] */
    int n_runs;
    int64_t samples, seed;
    const char *out;
} comparison;

/* ---- a run's generator ---- */

static gan_status open_generator(const char *folder, bool quiet, arguments *args, opened *o, styles *st,
                                 gan_message *message)
{
    *args = (arguments){.value[CLI_RUN] = folder, .value[CLI_QUIET] = quiet ? "" : NULL};
    opened_begin(o, args);
    gan_status status = styles_options(st, args, message);
    if (!status)
        status = opened_load(o, message);
    return status ? status : styles_begin(st, o, "path_lengths", message);
}

/* All runs can be measured: what is wrong with the last one is said before the first has taken its minutes. */
static gan_status check_runs(const comparison *c, gan_message *message)
{
    gan_status status = GAN_OK;
    for (int i = 0; i < c->n_runs && !status; i++) {
        arguments args;
        opened o;
        styles st;
        status = open_generator(c->folders[i], true, &args, &o, &st, message);
        opened_close(&o);
    }
    return status;
}

/* ---- lengths ---- */

/* Styles of the seeds from `first` on; classes take turns. */
static gan_status map_seeds(styles *st, int64_t seed, int64_t first, int64_t n, float *w, gan_message *message)
{
    int64_t classes = session_classes(st->s);
    uint64_t seeds[BATCH];
    int32_t labels[BATCH];
    for (int64_t i = 0; i < n; i++) {
        seeds[i] = (uint64_t)(seed + first + i);
        labels[i] = classes > 0 ? (int32_t)((first + i) % classes) : 0;
    }
    float *z = calloc((size_t)(n * st->info.latent), sizeof *z);
    if (!z)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for latents");
    gan_status status = styles_latents(st, seeds, n, z, message);
    if (!status)
        status = styles_map(st, z, n, classes > 0 ? labels : NULL, w, message);
    free(z);
    return status;
}

static gan_status differentiate(styles *st, const float *w, int64_t n, double *length, gan_message *message)
{
    gan_context *ctx = st->s->ctx;
    float found[BATCH];
    gan_scope_begin(ctx);
    gan_tensor *at = gan_variable(gan_from_f32(ctx, GAN_SHAPE(n, st->info.layers, st->info.width), w));
    gan_tensor *lengths = gan_path_lengths(styles_synthesize(st, at), at);
    gan_status status = gan_status_of(ctx) ? gan_status_of(ctx) : gan_read_f32(lengths, found);
    gan_scope_end(ctx, NULL);
    if (status)
        return session_error(st->s, status, "cannot measure path lengths", message);
    for (int64_t i = 0; i < n; i++) {
        length[i] = (double)found[i];
        if (!isfinite(length[i]))
            return gan_fail(message, GAN_ERROR_NON_FINITE, "a path length is not finite");
    }
    return GAN_OK;
}

/* The batch depends on the images' size alone, and so do rounding and the random images. */
static gan_status measure_all(const comparison *c, styles *st, console *out, double *length, gan_message *message)
{
    int64_t most = session_sample_batch(st->s), batch = most < BATCH ? most : BATCH;
    double started = clock_seconds();
    float *w = calloc((size_t)(batch * styles_size(st)), sizeof *w);
    gan_status status = w ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for styles");
    gan_random_set(st->s->ctx, (gan_random_state){.seed = (uint64_t)c->seed});
    for (int64_t first = 0; first < c->samples && !status; first += batch) {
        int64_t n = c->samples - first < batch ? c->samples - first : batch;
        status = map_seeds(st, c->seed, first, n, w, message);
        if (!status)
            status = differentiate(st, w, n, length + first, message);
        console_progress(out, started, first + n, c->samples, "samples", "");
    }
    free(w);
    return status;
}

static gan_status measure(const comparison *c, const char *folder, measured *m, gan_message *message)
{
    arguments args;
    opened o;
    styles st;
    gan_status status = path_format(m->path, message, "%s", folder);
    if (status)
        return status;
    m->name = basename(m->path);
    m->n = c->samples;
    m->length = calloc((size_t)m->n, sizeof *m->length);
    if (!m->length)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for %" PRId64 " path lengths", m->n);
    status = open_generator(folder, false, &args, &o, &st, message);
    if (!status)
        status = measure_all(c, &st, &o.out, m->length, message);
    if (!status)
        console_say(&o.out, "%" PRId64 " path lengths of %s", m->n, o.checkpoint);
    opened_close(&o);
    return status;
}

/* ---- statistics ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Between the two lengths that are next to it, linearly. */
static double percentile(const measured *m, double percent)
{
    double at = percent / 100 * (double)(m->n - 1);
    int64_t below = (int64_t)at, above = below + 1 < m->n ? below + 1 : below;
    return m->length[below] + (at - (double)below) * (m->length[above] - m->length[below]);
}

static void summarize(measured *m)
{
    double sum = 0, squares = 0;
    qsort(m->length, (size_t)m->n, sizeof *m->length, ascending);
    for (int64_t i = 0; i < m->n; i++)
        sum += m->length[i];
    m->mean = sum / (double)m->n;
    for (int64_t i = 0; i < m->n; i++)
        squares += (m->length[i] - m->mean) * (m->length[i] - m->mean);
    m->deviation = m->n > 1 ? sqrt(squares / (double)(m->n - 1)) : 0;
}

/* Width by D. Freedman and P. Diaconis, "On the histogram as a density estimator: L2 theory", 1981. */
static int64_t choose_bins(const measured *m)
{
    double range = m->length[m->n - 1] - m->length[0];
    double width = 2 * (percentile(m, 75) - percentile(m, 25)) / cbrt((double)m->n);
    return range < width ? 1 : !(range < width * BINS_MAX) ? BINS_MAX : (int64_t)ceil(range / width);
}

/* The outline: up and down at each bin's edges, 0 at both ends. */
static void draw_outline(measured *m)
{
    int64_t bins = choose_bins(m), count[BINS_MAX] = {0};
    double low = m->length[0], width = (m->length[m->n - 1] - low) / (double)bins;
    if (!(width > 1e-6 * m->mean)) { /* as good as one length */
        width = 1e-3 * m->mean;
        bins = 1;
        low -= width / 2;
    }
    for (int64_t i = 0; i < m->n; i++) {
        int64_t at = (int64_t)((m->length[i] - low) / width);
        count[at < bins ? at : bins - 1]++;
    }
    m->points = 2 * bins + 2;
    for (int64_t i = 0; i < m->points; i++) {
        int64_t bin = (i - 1) / 2;
        bool outside = i == 0 || i == m->points - 1;
        m->x[i] = low + (double)(i / 2) * width;
        m->density[i] = outside ? 0 : (double)count[bin] / ((double)m->n * width);
        m->relative_x[i] = m->x[i] / m->mean;
        m->relative_density[i] = m->density[i] * m->mean;
    }
}

/* ---- output ---- */

static bool print_table(const comparison *c)
{
    static const double percents[] = {5, 25, 50, 75, 95};
    int width = 3;
    for (int i = 0; i < c->n_runs; i++)
        width = (int)fmax(width, (double)strlen(c->runs[i].name));
    printf("%-*s  samples        mean   deviation  deviation/mean         5 %%        25 %%        50 %%        75 %%"
           "        95 %%\n",
           width, "run");
    for (int i = 0; i < c->n_runs; i++) {
        const measured *m = &c->runs[i];
        printf("%-*s  %7" PRId64 "  %10.6g  %10.6g  %14.6g", width, m->name, m->n, m->mean, m->deviation,
               m->deviation / m->mean);
        for (size_t k = 0; k < sizeof percents / sizeof percents[0]; k++)
            printf("  %10.6g", percentile(m, percents[k]));
        printf("\n");
    }
    return fflush(stdout) == 0;
}

static gan_status draw(comparison *c, gan_message *message)
{
    gan_series relative[RUNS_MAX], absolute[RUNS_MAX];
    double most_relative = 0, most_absolute = 0;
    for (int i = 0; i < c->n_runs; i++) {
        measured *m = &c->runs[i];
        relative[i] = (gan_series){.name = m->name, .x = m->relative_x, .y = m->relative_density, .n = m->points};
        absolute[i] = (gan_series){.name = m->name, .x = m->x, .y = m->density, .n = m->points};
        most_relative = fmax(most_relative, m->relative_x[m->points - 1]);
        most_absolute = fmax(most_absolute, m->x[m->points - 1]);
    }
    gan_axes axes[] = {{.title = "Path lengths, by their mean",
                        .x_label = "length / mean",
                        .y_label = "density",
                        .series = relative,
                        .x_max = 1.02 * most_relative,
                        .n_series = c->n_runs},
                       {.title = "Path lengths",
                        .x_label = "length",
                        .y_label = "density",
                        .series = absolute,
                        .x_max = 1.02 * most_absolute,
                        .n_series = c->n_runs}};
    return report_plot(axes, 2, PLOT_WIDTH, PLOT_HEIGHT, c->out, message);
}

/* ---- the program ---- */

static gan_status parse(int argc, char **argv, comparison *c, gan_message *message)
{
    static const struct option options[] = {{"samples", required_argument, NULL, 'n'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"out", required_argument, NULL, 'o'},
                                            {0}};
    gan_status status = GAN_OK;
    opterr = 0; /* said below */
    for (int k; !status && (k = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (k == 'n')
            status = value_int("samples", optarg, 1, SAMPLES_MAX, &c->samples, message);
        else if (k == 's')
            status = value_int("seed", optarg, 0, INT64_MAX - SAMPLES_MAX, &c->seed, message);
        else if (k == 'o')
            c->out = optarg;
        else
            status = gan_fail(message, GAN_ERROR_OPTION,
                              "%.64s is no option, or lacks its value; usage: path_lengths RUN [RUN...] [--samples N] "
                              "[--seed N] [--out FILE.png]",
                              argv[optind - 1]);
    }
    if (status)
        return status;
    c->n_runs = argc - optind;
    if (c->n_runs < 1 || c->n_runs > RUNS_MAX)
        return gan_fail(message, GAN_ERROR_OPTION, "expected the folders of 1 to %d runs, but %d are given", RUNS_MAX,
                        c->n_runs);
    if (!text_ends_with(c->out, ".png"))
        return gan_fail(message, GAN_ERROR_OPTION, "the figure goes to a .png file, not to %.200s", c->out);
    for (int i = 0; i < c->n_runs; i++)
        c->folders[i] = argv[optind + i];
    return GAN_OK;
}

static gan_status compare(comparison *c, gan_message *message)
{
    gan_status status = check_runs(c, message);
    if (!status && !(c->runs = calloc((size_t)c->n_runs, sizeof *c->runs)))
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory to compare runs");
    for (int i = 0; i < c->n_runs && !status; i++) {
        status = measure(c, c->folders[i], &c->runs[i], message);
        if (!status) {
            summarize(&c->runs[i]);
            draw_outline(&c->runs[i]);
        }
    }
    if (status)
        return status;
    if (!print_table(c))
        return gan_fail(message, GAN_ERROR_IO, "cannot write to standard output");
    return draw(c, message);
}

int main(int argc, char **argv)
{
    comparison c = {.samples = 1024, .out = "path_lengths.png"};
    gan_message message = {{0}};
    gan_status status = parse(argc, argv, &c, &message);
    if (!status)
        status = compare(&c, &message);
    for (int i = 0; i < c.n_runs && c.runs; i++)
        free(c.runs[i].length);
    free(c.runs);
    if (status)
        fprintf(stderr, "path_lengths: %s\n", message.text);
    return status == GAN_ERROR_OPTION ? EXIT_USAGE : status ? EXIT_RUN : EXIT_SUCCESS;
}
