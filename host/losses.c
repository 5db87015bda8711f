/* losses.c - losses.png: the metrics of a run over time. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define PLOT_WIDTH  900
#define PLOT_HEIGHT 340
#define CHARTS_MAX  8
#define X_LABEL     "thousands of real images"
#define FILTER_ROWS 40 /* runs of fewer reports are drawn as they are */
#define WINDOWS     40 /* a median is taken over this part of the run */

/* A metric's colours: of the filtered line, and of the values behind it. */
static const struct {
    uint32_t line, values;
} colours[] = {{0x0072b2, 0xb8d6ea}, {0xd55e00, 0xf6d0b5}, {0x009e73, 0xb5e0d4}, {0xcc79a7, 0xeed6e4},
               {0xe69f00, 0xf7dfae}, {0x56b4e9, 0xcfe8f8}, {0x4d4d4d, 0xcccccc}, {0x8c6d31, 0xdcd0b8}};
#define COLOURS ((int)(sizeof colours / sizeof colours[0]))

/* ---- running median ---- */

typedef struct sorted {
    double *v;
    int64_t n;
} sorted;

static int64_t find(const sorted *s, double value)
{
    int64_t low = 0, high = s->n;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (s->v[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(sorted *s, double value)
{
    if (!isfinite(value))
        return;
    int64_t at = find(s, value);
    memmove(s->v + at + 1, s->v + at, (size_t)(s->n - at) * sizeof *s->v);
    s->v[at] = value;
    s->n++;
}

static void take_out(sorted *s, double value)
{
    if (!isfinite(value))
        return;
    int64_t at = find(s, value);
    s->n--;
    memmove(s->v + at, s->v + at + 1, (size_t)(s->n - at) * sizeof *s->v);
}

bool report_median(const double *x, const double *v, int64_t n, double reach, double *out)
{
    sorted s = {.v = malloc((size_t)(n + 1) * sizeof *s.v)};
    if (!s.v)
        return false;
    int64_t first = 0, behind = 0; /* what is in the window */
    for (int64_t i = 0; i < n; i++) {
        while (behind < n && x[behind] <= x[i] + reach)
            insert(&s, v[behind++]);
        while (x[first] < x[i] - reach)
            take_out(&s, v[first++]);
        out[i] = s.n == 0 ? NAN : s.n % 2 ? s.v[s.n / 2] : 0.5 * (s.v[s.n / 2 - 1] + s.v[s.n / 2]);
    }
    free(s.v);
    return true;
}

/* ---- charts ---- */

/* A metric's values without the reports that lack it. */
typedef struct curve {
    double *x, *y, *median; /* [n]; the median NULL where it is not drawn */
    int64_t n;
} curve;

typedef struct charts {
    const history *h;
    double reach; /* of the running median to either side, in thousands of images; 0: values as they are */
    char x_label[96];
    gan_axes axes[CHARTS_MAX + 1];
    gan_series series[CHARTS_MAX + 1][2 * HISTORY_MAX]; /* all values, then all lines, so that lines are on top */
    curve curves[HISTORY_MAX];                          /* by metric; x NULL: not made yet */
    int n;
    bool no_memory;
} charts;

static const curve *curve_of(charts *c, int metric, bool filtered)
{
    const history *h = c->h;
    curve *out = &c->curves[metric];
    if (!out->x) {
        out->x = malloc((size_t)h->rows * sizeof(double));
        out->y = malloc((size_t)h->rows * sizeof(double));
        c->no_memory |= !out->x || !out->y;
        for (int64_t row = 0; row < h->rows && !c->no_memory; row++) {
            if (!isfinite(h->value[metric][row]))
                continue;
            out->x[out->n] = h->kimg[row];
            out->y[out->n++] = h->value[metric][row];
        }
    }
    if (filtered && !out->median && !c->no_memory) {
        out->median = malloc((size_t)(out->n + 1) * sizeof(double));
        c->no_memory |= !out->median || !report_median(out->x, out->y, out->n, c->reach, out->median);
    }
    return out;
}

/* One set of axes for the metrics at the indices `metric`. */
static void add_chart(charts *c, const char *title, const char *y_label, const int *metric, int n, bool filtered)
{
    gan_series *series = c->series[c->n];
    int used = 0;
    for (int i = 0; i < n && filtered; i++) {
        const curve *values = curve_of(c, metric[i], true);
        series[used++] = (gan_series){.x = values->x,
                                      .y = values->y,
                                      .n = values->n,
                                      .kind = GAN_PLOT_LINE,
                                      .colour = colours[i % COLOURS].values};
    }
    for (int i = 0; i < n; i++) {
        const curve *values = curve_of(c, metric[i], filtered);
        series[used++] = (gan_series){.name = c->h->name[metric[i]],
                                      .x = values->x,
                                      .y = filtered ? values->median : values->y,
                                      .n = values->n,
                                      .kind = GAN_PLOT_LINE,
                                      .colour = colours[i % COLOURS].line};
    }
    c->axes[c->n++] = (gan_axes){.title = title,
                                 .x_label = filtered ? c->x_label : X_LABEL,
                                 .y_label = y_label,
                                 .series = series,
                                 .n_series = used};
}

static int find_metric(const history *h, const char *name)
{
    for (int i = 0; i < h->n; i++)
        if (strcmp(h->name[i], name) == 0)
            return i;
    return -1;
}

/* See stats_add_distance. */
static bool is_distance(const char *name)
{
    return strcmp(name, "swd") == 0 || strncmp(name, "swd_", 4) == 0;
}

static void add_plugin_charts(charts *c, const gan_chart *chart)
{
    int metric[HISTORY_MAX], n = 0;
    for (; chart && chart->title && c->n < CHARTS_MAX; chart++) {
        n = 0;
        for (int i = 0; i < GAN_CHART_SERIES && chart->series[i]; i++)
            if ((metric[n] = find_metric(c->h, chart->series[i])) >= 0)
                n++;
        if (n > 0)
            add_chart(c, chart->title, chart->y_label, metric, n, c->reach > 0);
    }
    if (c->n > 0)
        return;
    n = 0;
    for (int i = 0; i < c->h->n; i++)
        if (!is_distance(c->h->name[i]))
            metric[n++] = i;
    if (n > 0)
        add_chart(c, "Metrics", NULL, metric, n, c->reach > 0);
}

static void add_distance_chart(charts *c)
{
    int metric[HISTORY_MAX], n = 0;
    for (int i = 0; i < c->h->n; i++)
        if (is_distance(c->h->name[i]))
            metric[n++] = i;
    if (n > 0 && curve_of(c, metric[0], false)->n > 1)
        add_chart(c, "Sliced Wasserstein distance x 1000, by level", NULL, metric, n, false);
}

gan_status report_losses(const history *h, const gan_plugin *table, const char *path, gan_message *message)
{
    if (h->rows < 2 || h->n == 0)
        return GAN_OK;
    charts *c = calloc(1, sizeof *c);
    if (!c)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for the plot %s", path);
    c->h = h;
    if (h->rows >= FILTER_ROWS)
        c->reach = (h->kimg[h->rows - 1] - h->kimg[0]) / WINDOWS / 2;
    snprintf(c->x_label, sizeof c->x_label, X_LABEL "; lines: median over %.3g", 2 * c->reach);
    add_plugin_charts(c, table->charts);
    add_distance_chart(c);
    gan_status status = c->no_memory ? gan_fail(message, GAN_ERROR_MEMORY, "no memory for the plot %s", path)
                        : c->n == 0  ? GAN_OK
                                     : report_plot(c->axes, c->n, PLOT_WIDTH, PLOT_HEIGHT, path, message);
    for (int i = 0; i < HISTORY_MAX; i++) {
        free(c->curves[i].x);
        free(c->curves[i].y);
        free(c->curves[i].median);
    }
    free(c);
    return status;
}
