/* opened.h - a checkpoint and the model in it, for the commands that draw from a generator; the data is not needed. */
#ifndef HOST_OPENED_H
#define HOST_OPENED_H

#include "cli.h"
#include "session.h"

typedef struct opened {
    const arguments *args;
    console out;
    session s;
    gan_file *file;
    char checkpoint[PATH_SIZE];
} opened;

/* The console alone, with --quiet. opened_close undoes this and what follows. */
void opened_begin(opened *o, const arguments *args);
/* The checkpoint that --run and --checkpoint name, its plugin (--plugin, if that is given), and the model, on --device
 * and with --precision. */
gan_status opened_load(opened *o, gan_message *message);
/* The same, of a plugin that generates samples; one that only translates is refused. */
gan_status opened_load_generator(opened *o, gan_message *message);
void opened_close(opened *o);

/* Where the command writes: --out; else `name` in the run's folder, or here where only a checkpoint is named. */
gan_status opened_target(const opened *o, const char *name, char path[PATH_SIZE], gan_message *message);
/* The class that --class names; *out is left as it is without it. For a model without classes it is refused. */
gan_status opened_class(const opened *o, int32_t *out, gan_message *message);

#endif
