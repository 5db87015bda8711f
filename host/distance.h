/* distance.h - train.swd: how far the samples of a run are from its data, by the sliced Wasserstein distance. */
#ifndef HOST_DISTANCE_H
#define HOST_DISTANCE_H

#include "session.h"

typedef struct distance distance;

/* Whether the data is such that train.swd can be measured, unless it is off. */
gan_status distance_check(const session *s, gan_message *message);

/* *out is NULL where train.swd is 0. */
gan_status distance_create(const session *s, distance **out, gan_message *message);
void distance_destroy(distance *d);

/* Between samples of the data, spread over all of it and described once, and as many of the generator's, of the seeds
 * from 0 on. */
gan_status distance_measure(distance *d, session *s, gan_swd_result *out, gan_message *message);

#endif
