#define _GNU_SOURCE
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void console_open(console *c, bool quiet)
{
    const char *kind = getenv("TERM");
    *c = (console){.quiet = quiet, .log = -1};
    c->terminal = !quiet && isatty(STDERR_FILENO) && !(kind && strcmp(kind, "dumb") == 0);
}

gan_status console_log_to(console *c, const char *path, gan_message *message)
{
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log < 0)
        return gan_fail(message, GAN_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    if (c->log >= 0)
        close(c->log);
    c->log = log;
    return GAN_OK;
}

void console_clear(console *c)
{
    if (c->has_bar)
        write_all(STDERR_FILENO, "\r\033[K", 4);
    c->has_bar = false;
}

/* A log that cannot be written (a full disk) does not stop the training: checkpoints and statistics tell of it. */
static void write_log(console *c, const char *line)
{
    char stamped[2048 + 32];
    time_t now = time(NULL);
    struct tm local;
    if (c->log < 0 || !localtime_r(&now, &local))
        return;
    size_t used = strftime(stamped, sizeof stamped, "%Y-%m-%d %H:%M:%S  ", &local);
    int length = snprintf(stamped + used, sizeof stamped - used, "%s\n", line);
    if (length > 0)
        write_all(c->log, stamped, used + (size_t)length);
}

static void emit(console *c, bool show, const char *format, va_list args)
{
    char line[2048];
    vsnprintf(line, sizeof line - 1, format, args);
    text_plain(line, false);
    write_log(c, line);
    if (!show)
        return;
    console_clear(c);
    strcat(line, "\n");
    write_all(STDERR_FILENO, line, strlen(line));
}

void console_say(console *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(c, !c->quiet, format, args);
    va_end(args);
}

void console_error(console *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(c, true, format, args);
    va_end(args);
}

void console_note(console *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(c, false, format, args);
    va_end(args);
}

void console_close(console *c)
{
    console_clear(c);
    if (c->log >= 0)
        close(c->log);
    c->log = -1;
}

/* ---- the bar ---- */

#define BAR_CELLS       24
#define BAR_CELLS_LEAST 8

/* Cut to `limit` columns, if it can be between two values. */
static void cut(char *line, size_t limit)
{
    if (strlen(line) <= limit)
        return;
    line[limit] = '\0';
    for (size_t i = limit; i > limit / 2; i--) {
        if (line[i - 1] == ' ' && line[i] == ' ') {
            line[i - 1] = '\0';
            return;
        }
    }
}

void bar_format(const bar *b, int width, char *out, size_t size)
{
    char cells[BAR_CELLS + 1], left[32], total[32] = "", counts[100], rest[400];
    double fraction = b->fraction < 0 ? 0 : b->fraction > 1 ? 1 : b->fraction;
    if (b->kimg_total > 0)
        snprintf(total, sizeof total, "/%g", b->kimg_total);
    if (b->counts)
        snprintf(counts, sizeof counts, "%s", b->counts);
    else
        snprintf(counts, sizeof counts, "%.1f%s kimg  %.0f images/s", b->kimg, total, b->images_per_second);
    snprintf(rest, sizeof rest, "%3.0f %%  %s  %s left  %s", 100 * fraction, counts,
             text_duration(b->seconds_left, left), b->metrics);
    int room = width - 1 - (int)strlen(rest) - 3;
    int n = room > BAR_CELLS ? BAR_CELLS : room < BAR_CELLS_LEAST ? BAR_CELLS_LEAST : room;
    int full = (int)(fraction * n);
    memset(cells, ' ', (size_t)n);
    memset(cells, '=', (size_t)full);
    if (full < n)
        cells[full] = '>';
    cells[n] = '\0';
    snprintf(out, size, "[%s] %s", cells, rest);
    cut(out, width > 1 ? (size_t)width - 1 : 0);
}

void console_bar(console *c, const bar *b)
{
    struct winsize window = {0};
    char line[512], drawn[600];
    if (!c->terminal)
        return;
    int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
    bar_format(b, width, line, sizeof line);
    int length = snprintf(drawn, sizeof drawn, "\r%s\033[K", line);
    if (length > 0)
        write_all(STDERR_FILENO, drawn, (size_t)length);
    c->has_bar = true;
}

/* Seconds between two bars, and between two lines where no bar can be drawn. */
#define BAR_INTERVAL  0.1
#define LINE_INTERVAL 30.0

void console_progress(console *c, double started, int64_t done, int64_t total, const char *unit, const char *metrics)
{
    double now = clock_seconds(), taken = now - started, last = c->drawn > started ? c->drawn : started;
    char counts[100], left[32];
    if (now - last < (c->terminal ? BAR_INTERVAL : LINE_INTERVAL))
        return;
    c->drawn = now;
    snprintf(counts, sizeof counts, "%lld/%lld %s  %.1f %s/s", (long long)done, (long long)total, unit,
             (double)done / taken, unit);
    bar b = {.fraction = total > 0 ? (double)done / (double)total : 0,
             .seconds_left = done > 0 ? taken * (double)(total - done) / (double)done : -1,
             .metrics = metrics,
             .counts = counts};
    if (c->terminal)
        console_bar(c, &b);
    else
        console_say(c, "%s  %s left  %s", counts, text_duration(b.seconds_left, left), metrics);
}
