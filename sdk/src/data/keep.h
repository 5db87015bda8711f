/*
 * keep.h - images that stay in memory once they are decoded and fitted, as many as a budget allows, so that epochs
 * after the first cost nothing. Internal to data/.
 */
#ifndef GAN_DATA_KEEP_H
#define GAN_DATA_KEEP_H

#include <gan/image.h>
#include <stdatomic.h>

typedef struct gan__kept {
    gan_image image;
    int32_t label;
} gan__kept;

typedef struct gan__keep {
    _Atomic(gan__kept *) *slots; /* [count]; NULL: nothing is kept */
    int64_t count;
    _Atomic int64_t left; /* bytes of the budget */
} gan__keep;

/* Room for `count` images, in `part` of the budget. Memory is taken as images come. */
gan_status gan__keep_open(gan__keep *keep, int64_t count, double part, const char *source, gan_message *message);
void gan__keep_close(gan__keep *keep);

/* The functions below may be called by several threads at once. */
const gan__kept *gan__keep_find(const gan__keep *keep, int64_t index); /* NULL: not kept */
bool gan__keep_is_full(const gan__keep *keep);
bool gan__keep_has_room(const gan__keep *keep, int64_t bytes); /* for all its images, if each takes so many */
/* True: the image's memory is the keep's from now on, and stays where it is until the keep is closed. */
bool gan__keep_put(gan__keep *keep, int64_t index, const gan_image *image, int32_t label);

#endif
