/*
 * checkpoint.h - everything that a run needs to go on, in one safetensors file.
 *
 * Tensors: networks, optimizers and state under the names that the plugin gave them ("generator.0.weight",
 * "d_optim.exp_avg.0.weight"); moving averages as "ema.<network>.<name>"; numbers of the host as "host.<name>".
 * Metadata: "ganhost.format", "ganhost.plugin", "ganhost.plugin_version", "ganhost.abi", "ganhost.config" (the text of
 * config.yaml), "ganhost.random" (seed and counter), "ganhost.data" (the data set's name).
 */
#ifndef HOST_CHECKPOINT_H
#define HOST_CHECKPOINT_H

#include "report.h"
#include "run.h"
#include "session.h"

#define CHECKPOINT_FORMAT "1"

/* Where a run is: always between two iterations. */
typedef struct progress_state {
    int64_t images, steps;    /* real images shown; iterations */
    double seconds;           /* of training */
    uint64_t loader_position; /* samples taken */
    averages pending;         /* what was measured since the last report */
} progress_state;

/* Save to <run>/checkpoints/<stamp>.safetensors, then delete all but the newest `keep`. Refuses values that are not
 * finite (GAN_ERROR_NON_FINITE). An error leaves the older checkpoints as they are. `path` (may be NULL) gets the
 * file's name. */
gan_status checkpoint_save(const session *s, const progress_state *state, const run *r, const char *stamp, int keep,
                           char path[PATH_SIZE], gan_message *message);

typedef void (*checkpoint_note)(void *user, const char *sentence);
/* Open the newest checkpoint of a run that is whole. Damaged ones are renamed to "*.damaged" if `set_aside`, and told
 * of through `note`. Errors: GAN_ERROR_NOT_FOUND if there is none at all; that of the newest if all are damaged. */
gan_status checkpoint_newest(const char *run_path, bool set_aside, checkpoint_note note, void *user, gan_file **out,
                             char path[PATH_SIZE], gan_message *message);

/* Check that a file is a checkpoint of ours, of a format that this version reads. */
gan_status checkpoint_check(const gan_file *file, const char *path, gan_message *message);
/* Check that it is of this plugin, version-wise readable. */
gan_status checkpoint_check_plugin(const gan_file *file, const plugin *p, const char *path, gan_message *message);
/* What the data looked like, to build a model for sampling without the data. */
gan_status checkpoint_data_info(const gan_file *file, const char *path, gan_data_info *out, gan_message *message);
/* The size of the second domain, of a run of two. */
gan_status checkpoint_count_b(const gan_file *file, const char *path, int64_t *out, gan_message *message);
/* Everything into a session that was built with the same options, and `state`, which may be NULL for sampling. */
gan_status checkpoint_load(const gan_file *file, session *s, progress_state *state, const char *path,
                           gan_message *message);

#endif
