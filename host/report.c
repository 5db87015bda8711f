#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- averages ---- */

void averages_add(averages *a, const char *name, double value)
{
    int i = 0;
    while (i < a->n && strcmp(a->of[i].name, name) != 0)
        i++;
    if (i == GAN_METRICS_MAX)
        return;
    if (i == a->n)
        snprintf(a->of[a->n++].name, METRIC_NAME_SIZE, "%s", name);
    a->of[i].sum += value;
    a->of[i].count += 1;
}

void averages_reset(averages *a)
{
    for (int i = 0; i < a->n; i++)
        a->of[i].sum = a->of[i].count = 0;
}

/* ---- stats.jsonl ---- */

static void add_json_string(text *out, const char *s)
{
    text_add(out, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            text_add(out, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            text_add(out, "\\u%04x", (unsigned)*s);
        else
            text_add_bytes(out, s, 1);
    }
    text_add(out, "\"");
}

void stats_format(const stats_line *line, text *out)
{
    text_add(out,
             "{\"kimg\": %.3f, \"step\": %" PRId64 ", \"seconds\": %.3f, \"images_per_second\": %.6g, \"lr\": %.9g, "
             "\"memory_peak\": %.0f, \"metrics\": {",
             (double)line->images / 1000, line->step, line->seconds, line->images_per_second, line->lr,
             line->memory_peak);
    for (int i = 0; i < line->n; i++) {
        text_add(out, i ? ", " : "");
        add_json_string(out, line->metric[i].name);
        text_add(out, ": %.9g", line->metric[i].value);
    }
    text_add(out, "}}\n");
}

static const char *skip(const char *s, const char *what)
{
    s += strspn(s, " ");
    size_t length = strlen(what);
    return strncmp(s, what, length) == 0 ? s + length : NULL;
}

/* A string of ours; escapes other than \" and \\ are those of control characters, of which names have none. */
static const char *parse_string(const char *s, char *out, size_t size)
{
    size_t used = 0;
    if (!(s = skip(s, "\"")))
        return NULL;
    for (; *s && *s != '"'; s++) {
        if (*s == '\\' && !*++s)
            return NULL;
        if (used + 1 < size)
            out[used++] = *s;
    }
    out[used] = '\0';
    return *s ? s + 1 : NULL;
}

static const char *parse_number(const char *s, double *out)
{
    char *end;
    *out = strtod(s, &end);
    return end != s && isfinite(*out) ? end : NULL;
}

static const char *parse_field(const char *s, const char *name, double *out)
{
    return (s = skip(s, name)) ? parse_number(s, out) : NULL;
}

bool stats_parse(const char *json, stats_line *out)
{
    stats_line line = {0};
    double kimg, step;
    const char *s = json;
    if (!(s = parse_field(s, "{\"kimg\":", &kimg)) || !(s = parse_field(s, ", \"step\":", &step)) ||
        !(s = parse_field(s, ", \"seconds\":", &line.seconds)) ||
        !(s = parse_field(s, ", \"images_per_second\":", &line.images_per_second)) ||
        !(s = parse_field(s, ", \"lr\":", &line.lr)) ||
        !(s = parse_field(s, ", \"memory_peak\":", &line.memory_peak)) || !(s = skip(s, ", \"metrics\": {")))
        return false;
    if (!(kimg >= 0 && kimg < 1e12 && step >= 0 && step < 1e15))
        return false;
    line.images = llround(kimg * 1000);
    line.step = llround(step);
    while (!skip(s, "}")) {
        if (line.n == GAN_METRICS_MAX || (line.n > 0 && !(s = skip(s, ","))) ||
            !(s = parse_string(s, line.metric[line.n].name, METRIC_NAME_SIZE)) ||
            !(s = parse_field(s, ":", &line.metric[line.n].value)))
            return false;
        line.n++;
    }
    s = skip(skip(s, "}"), "}");
    if (!s || *s)
        return false;
    *out = line;
    return true;
}

void stats_add_distance(stats_line *line, const gan_swd_result *distance)
{
    snprintf(line->metric[line->n].name, METRIC_NAME_SIZE, "swd");
    line->metric[line->n++].value = distance->mean;
    for (int i = 0; i < distance->levels; i++) {
        snprintf(line->metric[line->n].name, METRIC_NAME_SIZE, "swd_%" PRId64, distance->resolution[i]);
        line->metric[line->n++].value = distance->distance[i];
    }
}

/* JSON has no number for what is not finite. */
static void add_metric(stats_line *line, const char *name, double value)
{
    if (!isfinite(value) || line->n == GAN_METRICS_MAX)
        return;
    snprintf(line->metric[line->n].name, METRIC_NAME_SIZE, "%s", name);
    line->metric[line->n++].value = value;
}

void stats_add_translations(stats_line *line, const translation_errors *errors)
{
    add_metric(line, "test_cycle_a", errors->cycle[0]);
    add_metric(line, "test_cycle_b", errors->cycle[1]);
    if (!errors->counterparts)
        return;
    add_metric(line, "test_error_ab", errors->error[0]);
    add_metric(line, "test_error_ba", errors->error[1]);
}

/* ---- history ---- */

static bool grow(history *h)
{
    int64_t capacity = h->capacity ? 2 * h->capacity : 256;
    double *kimg = realloc(h->kimg, (size_t)capacity * sizeof *kimg);
    if (!kimg)
        return false;
    h->kimg = kimg;
    double *seconds = realloc(h->seconds, (size_t)capacity * sizeof *seconds);
    if (!seconds)
        return false;
    h->seconds = seconds;
    for (int i = 0; i < HISTORY_MAX; i++) {
        double *value = i < h->n ? realloc(h->value[i], (size_t)capacity * sizeof *value) : NULL;
        if (i < h->n && !value)
            return false;
        if (value)
            h->value[i] = value;
    }
    h->capacity = capacity;
    return true;
}

/* The series of that name; a new one has no value in the rows so far. -1: no memory, or too many. */
static int find_series(history *h, const char *name)
{
    for (int i = 0; i < h->n; i++)
        if (strcmp(h->name[i], name) == 0)
            return i;
    if (h->n == HISTORY_MAX)
        return -1;
    double *value = malloc((size_t)h->capacity * sizeof *value);
    if (!value)
        return -1;
    for (int64_t row = 0; row < h->rows; row++)
        value[row] = NAN;
    snprintf(h->name[h->n], METRIC_NAME_SIZE, "%s", name);
    h->value[h->n] = value;
    return h->n++;
}

bool history_add(history *h, const stats_line *line)
{
    if (h->rows == h->capacity && !grow(h))
        return false;
    int64_t row = h->rows;
    h->kimg[row] = (double)line->images / 1000;
    h->seconds[row] = line->seconds;
    for (int i = 0; i < h->n; i++)
        h->value[i][row] = NAN;
    for (int i = 0; i < line->n; i++) {
        int series = find_series(h, line->metric[i].name);
        if (series < 0)
            return false;
        h->value[series][row] = line->metric[i].value;
    }
    h->rows++;
    return true;
}

gan_status history_read(history *h, const char *path, gan_message *message)
{
    char *data;
    size_t size;
    gan_status status = file_read(path, STATS_FILE_MAX, &data, &size, message);
    if (status)
        return status == GAN_ERROR_NOT_FOUND ? GAN_OK : status;
    for (char *line = data, *end; !status && (end = strchr(line, '\n')); line = end + 1) {
        stats_line parsed;
        *end = '\0';
        if (stats_parse(line, &parsed) && !history_add(h, &parsed))
            status = gan_fail(message, GAN_ERROR_MEMORY, "no memory for what %s holds", path);
    }
    free(data);
    return status;
}

void history_free(history *h)
{
    free(h->kimg);
    free(h->seconds);
    for (int i = 0; i < h->n; i++)
        free(h->value[i]);
    *h = (history){0};
}

/* ---- plots ---- */

gan_status report_plot(const gan_axes *axes, int n, int64_t width, int64_t height, const char *path,
                       gan_message *message)
{
    gan_image image = {0};
    gan_status status = gan_plot(axes, n, width, height, &image, message);
    if (!status)
        status = gan_png_write(path, &image, message);
    gan_image_free(&image);
    return status;
}

/* ---- samples ---- */

gan_status report_grid(const gan_data_info *info, const void *samples, int64_t n, int64_t columns, const char *path,
                       gan_message *message)
{
    gan_image image = {0};
    gan_status status = gan_image_grid(samples, n, info->height, info->width, (int)info->channels, columns,
                                       info->width >= 64 ? 2 : 1, &image, message);
    if (!status)
        status = gan_png_write(path, &image, message);
    gan_image_free(&image);
    return status;
}

/* The first two values of each vector; a single one is drawn along the x axis. */
static void split(const float *points, int64_t n, int64_t width, double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) {
        x[i] = (double)points[i * width];
        y[i] = width > 1 ? (double)points[i * width + 1] : 0.0;
    }
}

static void range_of(const double *v, int64_t n, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        *low = fmin(*low, v[i]);
        *high = fmax(*high, v[i]);
    }
    double margin = *high > *low ? 0.35 * (*high - *low) : 1.0;
    *low -= margin;
    *high += margin;
}

gan_status report_scatter(const gan_data_info *info, const float *real, int64_t n_real, const float *fake,
                          int64_t n_fake, const char *title, const char *path, gan_message *message)
{
    double *v = malloc((size_t)(2 * (n_real + n_fake) + 1) * sizeof *v);
    if (!v)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for the plot %s", path);
    double *rx = v, *ry = rx + n_real, *fx = ry + n_real, *fy = fx + n_fake;
    split(real, n_real, info->channels, rx, ry);
    split(fake, n_fake, info->channels, fx, fy);
    gan_series series[] = {
        {.name = "real", .x = rx, .y = ry, .n = n_real, .kind = GAN_PLOT_SCATTER, .colour = 0x9aa5b1},
        {.name = "generated", .x = fx, .y = fy, .n = n_fake, .kind = GAN_PLOT_SCATTER, .colour = 0xd1495b},
    };
    gan_axes axes = {.title = title, .series = series, .n_series = n_fake > 0 ? 2 : 1, .equal = true};
    if (n_real > 0) { /* the same axes throughout a run, whatever the generator does */
        range_of(rx, n_real, &axes.x_min, &axes.x_max);
        range_of(ry, n_real, &axes.y_min, &axes.y_max);
    } else {
        axes.series = series + 1;
        axes.n_series = 1;
    }
    gan_status status = report_plot(&axes, 1, 640, 640, path, message);
    free(v);
    return status;
}
