/* pictures.h - what a run shows of its data and of its generator. */
#ifndef HOST_PICTURES_H
#define HOST_PICTURES_H

#include "session.h"

/* n samples of the data, n at most its count; the caller frees them. */
gan_status pictures_real_samples(const session *s, int64_t n, void **out, gan_message *message);

/* A grid of images, or a scatter plot of vectors, into a PNG file: of the data; of samples, `kimg` being how far the
 * training is. What there is to say about vectors goes to `out`. Of two domains: translations.h. */
gan_status pictures_reals(const session *s, const char *path, gan_message *message);
gan_status pictures_fakes(session *s, console *out, double kimg, const char *path, gan_message *message);

#endif
