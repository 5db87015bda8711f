/* command_compare.c - `ganhost compare`: metrics of several runs in one figure, over time and over images shown. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "report.h"

#define RUNS_MAX    8
#define METRICS_MAX 6
#define PARTS_MAX   4 /* folders that a run is called by */
#define PLOT_WIDTH  900
#define PLOT_HEIGHT 340
#define FILTER_ROWS 200 /* of more reports the running median is drawn, over this part of the run: */
#define WINDOWS     40

typedef struct compared {
    const char *path;
    char name[128];
    history h;
} compared;

/* A curve of one run. */
typedef struct curve {
    double *x, *y; /* [n] */
    int64_t n;
} curve;

typedef struct comparison {
    const arguments *args;
    compared runs[RUNS_MAX];
    int n_runs;
    char metrics[METRICS_MAX][METRIC_NAME_SIZE];
    int n_metrics;
    double time_unit; /* in seconds */
    curve curves[1 + 2 * METRICS_MAX][RUNS_MAX];
    gan_series series[1 + 2 * METRICS_MAX][RUNS_MAX];
    gan_axes axes[1 + 2 * METRICS_MAX];
    char titles[2 * METRICS_MAX][METRIC_NAME_SIZE + 32];
    int n_axes;
} comparison;

/* ---- runs ---- */

/* The last `parts` folders of a path. */
static void name_of(const char *path, int parts, char *out, size_t size)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    for (int i = 0; i < parts && start > 0; i++) {
        start -= i > 0; /* the slash */
        while (start > 0 && path[start - 1] != '/')
            start--;
    }
    snprintf(out, size, "%.*s", (int)(end - start), path + start);
}

static bool names_differ(const comparison *c)
{
    for (int i = 1; i < c->n_runs; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(c->runs[i].name, c->runs[j].name) == 0)
                return false;
    return true;
}

/* Runs are called by their folders; where two of these have one name, with as many of those above as tell them apart.
 */
static void name_runs(comparison *c)
{
    for (int parts = 1; parts == 1 || (parts <= PARTS_MAX && !names_differ(c)); parts++)
        for (int i = 0; i < c->n_runs; i++)
            name_of(c->runs[i].path, parts, c->runs[i].name, sizeof c->runs[i].name);
}

static gan_status read_run(compared *r, const char *path, gan_message *message)
{
    char stats[PATH_SIZE];
    r->path = path;
    gan_status status = path_format(stats, message, "%s/stats.jsonl", path);
    if (!status)
        status = history_read(&r->h, stats, message);
    if (!status && r->h.rows < 2)
        return gan_fail(message, GAN_ERROR_NOT_FOUND, "%.200s has no two reports to draw; expected a run's folder",
                        stats);
    return status;
}

static gan_status read_runs(comparison *c, gan_message *message)
{
    gan_status status = GAN_OK;
    if (c->args->n_words > RUNS_MAX)
        return gan_fail(message, GAN_ERROR_OPTION, "at most %d runs are compared, not %d", RUNS_MAX, c->args->n_words);
    for (; c->n_runs < c->args->n_words && !status; c->n_runs++)
        status = read_run(&c->runs[c->n_runs], c->args->words[c->n_runs], message);
    name_runs(c);
    double longest = 0;
    for (int i = 0; i < c->n_runs; i++)
        if (c->runs[i].h.rows > 0)
            longest = fmax(longest, c->runs[i].h.seconds[c->runs[i].h.rows - 1]);
    c->time_unit = longest > 7200 ? 3600 : longest > 120 ? 60 : 1;
    return status;
}

/* ---- metrics ---- */

static int find_metric(const history *h, const char *name)
{
    for (int i = 0; i < h->n; i++)
        if (strcmp(h->name[i], name) == 0)
            return i;
    return -1;
}

/* The first run that lacks it; NULL if there is none. */
static const compared *lacking(const comparison *c, const char *name)
{
    for (int i = 0; i < c->n_runs; i++)
        if (find_metric(&c->runs[i].h, name) < 0)
            return &c->runs[i];
    return NULL;
}

static gan_status add_metric(comparison *c, const char *name, size_t length, gan_message *message)
{
    char wanted[METRIC_NAME_SIZE];
    snprintf(wanted, sizeof wanted, "%.*s", (int)(length < sizeof wanted ? length : sizeof wanted - 1), name);
    const compared *without = lacking(c, wanted);
    if (without) {
        text names = {0};
        for (int i = 0; i < without->h.n; i++)
            text_add(&names, "%s%s", i > 0 ? ", " : "", without->h.name[i]);
        gan_fail(message, GAN_ERROR_OPTION, "%.200s has no metric \"%s\"; it has %.500s", without->path, wanted,
                 names.data ? names.data : "none");
        free(names.data);
        return GAN_ERROR_OPTION;
    }
    if (c->n_metrics == METRICS_MAX)
        return gan_fail(message, GAN_ERROR_OPTION, "--metrics takes at most %d names", METRICS_MAX);
    snprintf(c->metrics[c->n_metrics++], METRIC_NAME_SIZE, "%s", wanted);
    return GAN_OK;
}

/* What --metrics says; else the distance from the data, if all runs have it, or what they have in common. */
static gan_status choose_metrics(comparison *c, gan_message *message)
{
    const char *list = c->args->value[CLI_METRICS];
    gan_status status = GAN_OK;
    for (const char *at = list; at && !status; at = *at ? at + 1 : NULL) {
        size_t length = strcspn(at, ",");
        status = add_metric(c, at, length, message);
        at += length;
    }
    if (list)
        return status;
    if (!lacking(c, "swd"))
        return add_metric(c, "swd", 3, message);
    const history *first = &c->runs[0].h;
    for (int i = 0; i < first->n && c->n_metrics < METRICS_MAX && !status; i++)
        if (!lacking(c, first->name[i]))
            status = add_metric(c, first->name[i], strlen(first->name[i]), message);
    if (!status && c->n_metrics == 0)
        return gan_fail(message, GAN_ERROR_OPTION, "the runs have no metric in common");
    return status;
}

/* ---- the figure ---- */

/* The rows that have the metric (-1: all, their y being the images shown), over time or over images. */
static bool make_curve(const comparison *c, const history *h, int metric, bool over_time, curve *out)
{
    double *median = NULL;
    out->x = malloc((size_t)h->rows * sizeof *out->x);
    out->y = malloc((size_t)h->rows * sizeof *out->y);
    for (int64_t row = 0; row < h->rows && out->x && out->y; row++) {
        double y = metric < 0 ? h->kimg[row] : h->value[metric][row];
        if (!isfinite(y))
            continue;
        out->x[out->n] = over_time ? h->seconds[row] / c->time_unit : h->kimg[row];
        out->y[out->n++] = y;
    }
    if (!out->x || !out->y || metric < 0 || out->n <= FILTER_ROWS)
        return out->x && out->y;
    median = malloc((size_t)out->n * sizeof *median);
    double reach = (out->x[out->n - 1] - out->x[0]) / (2 * WINDOWS);
    bool made = median && report_median(out->x, out->y, out->n, reach, median);
    free(made ? out->y : median);
    out->y = made ? median : out->y;
    return made;
}

static bool add_axes(comparison *c, const char *title, const char *metric, bool over_time)
{
    int at = c->n_axes++;
    c->axes[at] = (gan_axes){.title = title,
                             .x_label = !over_time           ? "thousands of real images"
                                        : c->time_unit == 1  ? "seconds"
                                        : c->time_unit == 60 ? "minutes"
                                                             : "hours",
                             .y_label = metric ? metric : "thousands of real images",
                             .series = c->series[at],
                             .n_series = c->n_runs};
    for (int i = 0; i < c->n_runs; i++) {
        curve *k = &c->curves[at][i];
        const history *h = &c->runs[i].h;
        if (!make_curve(c, h, metric ? find_metric(h, metric) : -1, over_time, k))
            return false;
        c->series[at][i] =
            (gan_series){.name = c->runs[i].name, .x = k->x, .y = k->y, .n = k->n, .kind = GAN_PLOT_LINE};
    }
    return true;
}

static gan_status draw(comparison *c, gan_message *message)
{
    const char *path = c->args->value[CLI_OUT] ? c->args->value[CLI_OUT] : "compare.png";
    bool made = add_axes(c, "Images shown", NULL, true);
    if (!text_ends_with(path, ".png"))
        return gan_fail(message, GAN_ERROR_OPTION, "the figure goes to a .png file, not to %.200s", path);
    for (int i = 0; i < c->n_metrics && made; i++) {
        char(*title)[METRIC_NAME_SIZE + 32] = &c->titles[2 * i];
        snprintf(title[0], sizeof title[0], "%s over time", c->metrics[i]);
        snprintf(title[1], sizeof title[1], "%s over images", c->metrics[i]);
        made = add_axes(c, title[0], c->metrics[i], true) && add_axes(c, title[1], c->metrics[i], false);
    }
    if (!made)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for the figure");
    return report_plot(c->axes, c->n_axes, PLOT_WIDTH, PLOT_HEIGHT, path, message);
}

/* ---- the table ---- */

/* The last value of a metric, and the lowest with its place. */
static void describe_metric(const history *h, const char *name, text *out)
{
    const double *v = h->value[find_metric(h, name)];
    int64_t last = -1, least = -1;
    for (int64_t row = 0; row < h->rows; row++) {
        if (!isfinite(v[row]))
            continue;
        last = row;
        if (least < 0 || v[row] < v[least])
            least = row;
    }
    if (last >= 0)
        text_add(out, "  %s %.4g (lowest %.4g at kimg %.1f)", name, v[last], v[least], h->kimg[least]);
}

static void describe(const comparison *c, text *out)
{
    int width = 0;
    char taken[32];
    for (int i = 0; i < c->n_runs; i++)
        width = (int)fmax(width, (double)strlen(c->runs[i].name));
    for (int i = 0; i < c->n_runs; i++) {
        const history *h = &c->runs[i].h;
        double kimg = h->kimg[h->rows - 1], seconds = h->seconds[h->rows - 1];
        text_add(out, "%-*s  kimg %.1f in %s", width, c->runs[i].name, kimg, text_duration(seconds, taken));
        if (seconds > 0)
            text_add(out, ", %.0f kimg/hour", 3600 * kimg / seconds);
        for (int k = 0; k < c->n_metrics; k++)
            describe_metric(h, c->metrics[k], out);
        text_add(out, "\n");
    }
}

/* ---- the command ---- */

static void finish(comparison *c)
{
    for (int i = 0; i < c->n_runs; i++)
        history_free(&c->runs[i].h);
    for (int at = 0; at < c->n_axes; at++) {
        for (int i = 0; i < c->n_runs; i++) {
            free(c->curves[at][i].x);
            free(c->curves[at][i].y);
        }
    }
    free(c);
}

int command_compare(const arguments *args)
{
    gan_message message = {{0}};
    text table = {0};
    comparison *c = calloc(1, sizeof *c);
    if (!c) {
        gan_fail(&message, GAN_ERROR_MEMORY, "no memory to compare runs");
        return cli_fail(GAN_ERROR_MEMORY, &message);
    }
    c->args = args;
    gan_status status = read_runs(c, &message);
    if (!status)
        status = choose_metrics(c, &message);
    if (!status)
        status = draw(c, &message);
    if (!status)
        describe(c, &table);
    finish(c);
    return status ? cli_fail(status, &message) : cli_print(&table);
}
