/* train.h - the training loop. */
#ifndef HOST_TRAIN_H
#define HOST_TRAIN_H

#include "checkpoint.h"
#include "console.h"

/* Train a session that was built until its run's end, into the run's folder, from `at` on, which was loaded from the
 * file `checkpoint` (zeroed and "" for a new run). GAN_INTERRUPTED after Ctrl-C, with a checkpoint written; otherwise
 * an error's sentence in `message`. */
gan_status train(session *s, run *r, console *out, const progress_state *at, const char *checkpoint,
                 gan_message *message);

/* The moving average's beta in an iteration that begins at `before` images shown and ends at `now`. `halflife` is in
 * images; unless `rampup` is 0, it is at most that part of `before`, so that the initial weights are soon forgotten
 * (Karras et al. 2020, the implementation of StyleGAN2). */
double train_ema_beta(double halflife, double rampup, int64_t before, int64_t now);

#endif
