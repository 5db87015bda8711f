/* translator.h - a model of two domains ("gan.translate/1") that translates pictures of any size. */
#ifndef HOST_TRANSLATOR_H
#define HOST_TRANSLATOR_H

#include "opened.h"
#include "tiles.h"

typedef struct translator {
    session *s;
    gan_direction direction;
    tile_rule rule;
    int64_t batch; /* pictures or tiles at once; 0: as many as are few pixels */
    session_evaluation evaluation;
} translator;

/* --direction, --tile, --overlap and --batch. */
gan_status translator_options(translator *t, const arguments *args, gan_message *message);
/* Make a loaded model ready. A plugin that does not translate is refused by name. */
gan_status translator_begin(translator *t, opened *o, gan_message *message);
void translator_end(translator *t); /* takes one that was not begun, too */

const char *translator_direction(const translator *t); /* "AtoB" */
/* The form in which a picture goes to the networks: sides with their padding, and the tiles in both directions. */
void translator_plan(const translator *t, const gan_image *image, tile_axis *y, tile_axis *x);
/* Pictures or tiles of that size that are translated at once. */
int64_t translator_batch(const translator *t, int64_t height, int64_t width);

/* Pictures with the channels of the model to pictures of the same sizes, which are the caller's; `back`, which may be
 * NULL, gets what the other direction makes of the results before they are rounded to bytes. On error there is nothing
 * to free. */
/* n of one padded size, at most translator_batch, none of which needs tiles; nothing is shared but the call. */
gan_status translator_whole(translator *t, const gan_image *images, int64_t n, gan_image *out, gan_image *back,
                            gan_message *message);
/* One in tiles. `progress`, which may be NULL, is called after each batch of them; false stops with
 * GAN_INTERRUPTED. */
gan_status translator_tiled(translator *t, const gan_image *image, gan_image *out, gan_image *back,
                            gan_data_progress progress, void *user, gan_message *message);

#endif
