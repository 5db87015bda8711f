/* image_list.h - images to be worked through one by one: those of a folder, one file, or built-in ones. */
#ifndef HOST_IMAGE_LIST_H
#define HOST_IMAGE_LIST_H

#include "session.h"

typedef struct image_list {
    char source[PATH_SIZE];
    int64_t count;
    bool single;          /* one file */
    gan_data_files files; /* of a folder */
    gan_dataset *drawn;   /* built-in images */
    int64_t *by_stem;     /* [count]: places in the order of their stems */
} image_list;

/* `source` is a folder, a file, or as in "builtin:faces"; of built-in images the first `drawn` that are held out from
 * the run of `s`, at its resolution. Two files of a folder that differ by nothing but their endings are refused.
 * `option` ("--input") is for sentences. On error the list is zeroed. */
gan_status image_list_open(image_list *list, const char *option, const char *source, int64_t drawn, const session *s,
                           gan_message *message);
void image_list_close(image_list *list); /* and zero it */

/* An image's name below the source without its ending: "sub/cat"; "000012" of a built-in one. */
gan_status image_list_stem(const image_list *list, int64_t i, char out[PATH_SIZE], gan_message *message);
/* The image of that stem, -1 if there is none. */
int64_t image_list_find(const image_list *list, const char *stem);
/* Where it lies; false for what is built-in. */
bool image_list_path(const image_list *list, int64_t i, char out[PATH_SIZE]);
/* Errors name the file. */
gan_status image_list_read(const image_list *list, int64_t i, gan_image *out, gan_message *message);

#endif
