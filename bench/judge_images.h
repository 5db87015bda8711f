/*
 * judge_images.h - generated images of a folder, as the classifier of judge_network.h takes them.
 */
#ifndef GAN_BENCH_JUDGE_IMAGES_H
#define GAN_BENCH_JUDGE_IMAGES_H

#include "judge_network.h"

enum { JUDGE_CROP_MAX = 2 * JUDGE_SIDE };

/* To grey and to JUDGE_SIDE: by resampling if `scale`, otherwise by cutting out the centre, for images of up to
 * JUDGE_CROP_MAX, whose padding is cut off. Changes `image`; `name` stands for it in messages. */
gan_status judge_prepare(gan_image *image, bool scale, const char *name, uint8_t out[JUDGE_PIXELS],
                         gan_message *message);

/* Count all PNG files (*.png) of a folder, with `label` (-1: none). If it has sub-folders named by a class, 0 to 9,
 * their files are counted too, with that class as label. Errors: GAN_ERROR_NOT_FOUND if there are none. */
gan_status judge_folder(gan_layer *network, const char *folder, int32_t label, bool scale, judge_tally *tally,
                        gan_message *message);

#endif
