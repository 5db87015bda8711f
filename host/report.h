/* report.h - stats.jsonl, the plots of what it holds, and sample grids. */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include <gan/gan.h>

#include "session.h"
#include "text.h"
#include "translations.h"

#define METRIC_NAME_SIZE 64
#define HISTORY_MAX                                                                                                    \
    (GAN_METRICS_MAX + GAN_SWD_LEVELS_MAX + 1) /* what plugins report, and distances or, fewer, errors */
#define STATS_FILE_MAX ((size_t)1 << 30)

/* ---- averages between two reports ---- */
typedef struct average {
    char name[METRIC_NAME_SIZE];
    double sum, count;
} average;

typedef struct averages {
    average of[GAN_METRICS_MAX];
    int n;
} averages;

/* Names beyond GAN_METRICS_MAX are left out. */
void averages_add(averages *a, const char *name, double value);
void averages_reset(averages *a); /* names and their order stay */

/* ---- stats.jsonl ---- */
typedef struct stats_line {
    int64_t images, step;
    double seconds, images_per_second, lr, memory_peak;
    int n;
    struct {
        char name[METRIC_NAME_SIZE];
        double value;
    } metric[GAN_METRICS_MAX];
} stats_line;

/* One line of JSON, with its line feed; and back, false if it is not such a line. */
void stats_format(const stats_line *line, text *out);
bool stats_parse(const char *json, stats_line *out);

/* ---- the history that plots are drawn from ---- */
typedef struct history {
    int64_t rows, capacity;
    int n;
    char name[HISTORY_MAX][METRIC_NAME_SIZE];
    double *kimg, *seconds;
    double *value[HISTORY_MAX]; /* [rows]; NaN where a report lacks the metric */
} history;

bool history_add(history *h, const stats_line *line); /* false: out of memory */
gan_status history_read(history *h, const char *path, gan_message *message);
void history_free(history *h);

/* Adds the metrics "swd", the mean, and "swd_64" and so on, the distance at each level. */
void stats_add_distance(stats_line *line, const gan_swd_result *distance);

/* Adds the metrics "test_cycle_a" and "test_cycle_b", and "test_error_ab" and "test_error_ba" if there are
 * counterparts.
 */
void stats_add_translations(stats_line *line, const translation_errors *errors);

/* Axes into a PNG file, each width x height pixels. */
gan_status report_plot(const gan_axes *axes, int n, int64_t width, int64_t height, const char *path,
                       gan_message *message);
/* losses.png: the plugin's charts, or one of all its metrics if it has none, and one of the distance from the data if
 * that was measured; of many values the values are pale and their running median is drawn over them. Nothing is drawn
 * from fewer than two rows. */
gan_status report_losses(const history *h, const gan_plugin *table, const char *path, gan_message *message);

/* At each of x[n], ascending, the median of the finite v whose x is within `reach` of it; NaN where there are none.
 * False: out of memory. */
bool report_median(const double *x, const double *v, int64_t n, double reach, double *out);

/* ---- samples ---- */
/* n samples of `info`'s kind as a grid of images (`columns` wide, 0: square), or as a scatter plot of vectors over
 * the real ones. */
gan_status report_grid(const gan_data_info *info, const void *samples, int64_t n, int64_t columns, const char *path,
                       gan_message *message);
gan_status report_scatter(const gan_data_info *info, const float *real, int64_t n_real, const float *fake,
                          int64_t n_fake, const char *title, const char *path, gan_message *message);

#endif
