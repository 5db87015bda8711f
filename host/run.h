/* run.h - the folder of one run: its number, its lock, and the names of the files in it. */
#ifndef HOST_RUN_H
#define HOST_RUN_H

#include <stdint.h>

#include "text.h"

typedef struct run {
    char path[PATH_SIZE]; /* as a user would write it: "runs/00003-gan-mnist" */
    int lock;             /* descriptor of the folder, locked; -1: none */
} run;

/* Make and lock the next numbered folder in `out`, "<out>/00003-<name>". Two processes that do this at once get
 * different numbers. */
gan_status run_create(const char *out, const char *name, run *r, gan_message *message);
/* Lock an existing run. Errors: GAN_ERROR_NOT_FOUND if it is none; GAN_ERROR_STATE if another process writes it. */
gan_status run_open(const char *path, run *r, gan_message *message);
void run_close(run *r);
/* The run with the highest number in `out`. */
gan_status run_latest(const char *out, char path[PATH_SIZE], gan_message *message);

/* How a count of images is written in file names: in thousands, "000200", and "000200_064" between them. */
const char *run_stamp(int64_t images, char out[32]);
/* The inverse; -1 if `name` does not begin with a stamp. *end is behind it. */
int64_t run_parse_stamp(const char *name, const char **end);

/* Files named <prefix><stamp><suffix> in `folder`, with the counts of images in their names, ascending. The list is
 * the caller's (free). A folder that is not there has none. */
int run_list_stamped(const char *folder, const char *prefix, const char *suffix, int64_t **images);

/* Remove what a run wrote after it had shown `images` images: sample grids, and lines of stats.jsonl. A torn last
 * line goes too, and temporary files of a process that was killed. */
gan_status run_truncate(const run *r, int64_t images, gan_message *message);

#endif
