/* capture.h - a recorded step: what of the host's state its replays take along. Internal. */
#ifndef GAN__CAPTURE_H
#define GAN__CAPTURE_H

#include "internal.h"

/* The next call's settings of an optimizer, which counts the call. */
typedef void (*gan__next_update)(void *user, gan__update_args *out);

typedef struct gan__capture gan__capture;

/* Begin and end recording what is enqueued in ctx; nothing of it runs. gan__capture_end gives NULL when recording
 * failed, with the error in ctx, or when it is not to `keep` it. */
gan_status gan__capture_begin(gan_context *ctx);
gan__capture *gan__capture_end(gan_context *ctx, bool keep);
gan_status gan__capture_launch(gan__capture *capture);
void gan__capture_destroy(gan__capture *capture);

/* Called for each update that is enqueued: while recording, `next` is asked for its settings at each later replay
 * (NULL: they stay). */
void gan__capture_update(gan_context *ctx, gan__next_update next, void *user, const gan__update_args *args);

#endif
