/*
 * pictures.h - data sets of image files, in a folder or in an archive: their list, their labels, and how they are
 * checked, decoded and fitted. Internal to data/.
 *
 * A store (folder_source.c, zip_source.c) lists its files with gan__pictures_add and supplies `load`; the rest is here,
 * in picture_labels.c and in picture_check.c.
 */
#ifndef GAN_DATA_PICTURES_H
#define GAN_DATA_PICTURES_H

#include "data/source.h"

typedef struct gan__picture {
    size_t name;  /* where it begins in `text` */
    uint64_t key; /* the store's own */
    int32_t label;
} gan__picture;

typedef struct gan__pictures {
    char *source;          /* its path */
    const char *separator; /* between it and a name: "/", ": " */
    char *text;            /* names one after another, each terminated: "00/a.png", without the source */
    size_t text_used, text_room;
    gan__picture *item;
    int64_t count, room;
    int64_t skipped; /* files that are no images by their names, and hidden ones */
    bool has_json;   /* a dataset.json at the top */
    gan__picture json;
    int64_t classes;
    size_t *class_name; /* [classes] in `text`; NULL: classes have numbers only */

    /* The bytes of one file; *bytes is the caller's (free). Called by several threads at once. */
    gan_status (*load)(const struct gan__pictures *pictures, const gan__picture *item, uint8_t **bytes, size_t *size,
                       gan_message *message);
    void (*close)(struct gan__pictures *pictures); /* release `store`; may be NULL */
    void *store;
} gan__pictures;

gan__pictures *gan__pictures_new(const char *source, const char *separator); /* NULL: no memory */
/* Note a file: an image by its name, the labels, or one to skip. `name` is relative, with '/' between its parts. */
gan_status gan__pictures_add(gan__pictures *pictures, const char *name, uint64_t key, gan_message *message);
/* Sort by name, byte for byte and folder for folder, and find the labels if `labels`. `expected` is for the sentence
 * that says that there are no images. Refuses two files of one name. */
gan_status gan__pictures_finish(gan__pictures *pictures, bool labels, const char *expected, gan_message *message);
/* Make the list the data set's source, which owns it from now on even on error, and check every image. */
gan_status gan__pictures_open(gan_dataset *dataset, const gan_data_options *options, gan__pictures *pictures,
                              gan_message *message);
void gan__pictures_free(gan__pictures *pictures);

/* A file or folder that is passed over: ".git", "__MACOSX". */
bool gan__picture_is_hidden(const char *name);
/* The order of the list. */
int gan__picture_compare(const char *a, const char *b);
const char *gan__picture_name(const gan__pictures *pictures, const gan__picture *item);
/* The file's name for messages: the source's path and its own, without control characters, and cut at the left where
 * it is very long. */
#define GAN__PICTURE_TITLE 512
const char *gan__picture_title(const gan__pictures *pictures, const gan__picture *item, char out[GAN__PICTURE_TITLE]);

gan_status gan__picture_decode(const gan__pictures *pictures, const gan__picture *item, gan_image *out,
                               gan_message *message);

/* picture_check.c: decode all of dataset->state and fill in what is known only then. */
gan_status gan__pictures_check(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
/* picture_labels.c */
gan_status gan__picture_labels(gan__pictures *pictures, gan_message *message);

#endif
