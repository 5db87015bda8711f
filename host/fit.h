/* fit.h - which batch a device's memory has room for. */
#ifndef HOST_FIT_H
#define HOST_FIT_H

#include "session.h"

enum { FIT_UNKNOWN = -1 };

/* The largest batch, `most` or less, whose training fits about into the memory that the session's device has; 0 if not
 * even one of 1 does, FIT_UNKNOWN if that cannot be told. Nothing is computed: the plugin builds its networks and makes
 * steps on a device that only counts. `kimg` and `progress` are where the training is (gan_batch). */
int64_t fit_batch(session *s, int64_t most, double kimg, double progress);

/* If `status` is GAN_ERROR_MEMORY, let the message of steps that failed end in the batch that would fit. Returns the
 * status. */
gan_status fit_explain(session *s, gan_status status, double kimg, double progress, gan_message *message);

#endif
