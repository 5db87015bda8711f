/*
 * projection.h - the w whose image is nearest to a target (Karras et al. 2020, appendix D, with the distance of pixels
 * in the place of LPIPS, so that no trained network is needed).
 */
#ifndef HOST_PROJECTION_H
#define HOST_PROJECTION_H

#include "styles.h"

typedef struct projection {
    styles *st;
    int64_t steps, step; /* in all; taken */
    bool each_layer;     /* a w for each layer; false: one for all of them */
    double deviation;    /* of w from its average: what the noise is scaled by */
    gan_layer *layer;    /* holds the parameter "w" [1 or layers, width], which the optimizer trains */
    gan_tensor *w;
    gan_optimizer *optimizer;
    gan_tensor *target; /* [1, H, W, C] */
} projection;

/* Starts at the average w. `target` has the size and channels of the generator's images. Takes the noise of w from the
 * context's random numbers. projection_close in any case. */
gan_status projection_open(projection *p, styles *st, const gan_image *target, int64_t steps, bool each_layer,
                           gan_message *message);
gan_status projection_step(projection *p, gan_message *message);
/* The w so far, [layers, width], and how far its image is from the target. */
gan_status projection_read(projection *p, float *w, double *loss, gan_message *message);
void projection_close(projection *p);

#endif
