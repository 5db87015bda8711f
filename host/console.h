/* console.h - what a person sees while a run goes on: lines, and one line of progress on a terminal. */
#ifndef HOST_CONSOLE_H
#define HOST_CONSOLE_H

#include <stdint.h>

#include "text.h"

/* Lines go to standard error and to the run's log; nothing is shown with `quiet`, errors apart. The bar is drawn only
 * where standard error is a terminal. Standard output is left to what commands print as their result. */
typedef struct console {
    bool quiet, terminal;
    int log;      /* descriptor of log.txt; -1: none yet */
    bool has_bar; /* the cursor is on the bar's line */
    double drawn; /* when console_progress last did (clock_seconds) */
} console;

void console_open(console *c, bool quiet);
gan_status console_log_to(console *c, const char *path, gan_message *message);
void console_say(console *c, const char *format, ...) GAN_PRINTF(2, 3);
void console_error(console *c, const char *format, ...) GAN_PRINTF(2, 3);
/* Into the log alone. */
void console_note(console *c, const char *format, ...) GAN_PRINTF(2, 3);
void console_close(console *c);

typedef struct bar {
    double fraction;         /* done, 0 to 1 */
    double kimg, kimg_total; /* total 0: limited by time */
    double images_per_second;
    double seconds_left; /* negative: not known yet */
    const char *metrics; /* "d_loss 1.234  g_loss 0.876" */
    const char *counts;  /* "12/60 frames  3.1 frames/s" in the place of kimg and images/s; NULL: those */
} bar;

void console_bar(console *c, const bar *b);
void console_clear(console *c); /* take the bar away */
/* A bar of work that is no training, now and then a line where there is no terminal: `done` of `total` such as
 * "frames", begun at `started` (clock_seconds). Called as often as one likes. */
void console_progress(console *c, double started, int64_t done, int64_t total, const char *unit, const char *metrics);
/* The bar's line, at most `width` columns. */
void bar_format(const bar *b, int width, char *out, size_t size);

/* Seconds of a clock that only goes forward. */
double clock_seconds(void);

#endif
