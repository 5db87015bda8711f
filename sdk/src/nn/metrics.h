/* metrics.h - how reported values get to the host. Internal. */
#ifndef GAN__METRICS_H
#define GAN__METRICS_H

#include <gan/model.h>

#include "core/internal.h"

/* Values gathered in one tensor on the device, with their names' numbers. */
typedef struct gan__packed {
    int n;
    int name[GAN__GATHER_MAX];
    gan_tensor *values; /* f32 [n], kept; NULL when n is 0 */
} gan__packed;

/* Take the values reported and not gathered yet, at most GAN__GATHER_MAX. False: *out is empty, and the error in the
 * values' context if there is one. */
bool gan__metrics_pack(gan_metrics *metrics, gan__packed *out);
/* Begin to read them as they are after the work enqueued so far. */
void gan__metrics_send(gan_metrics *metrics, const gan__packed *packed);
/* Forget what was reported and not gathered. */
void gan__metrics_drop(gan_metrics *metrics);

#endif
