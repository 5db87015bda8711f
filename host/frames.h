/* frames.h - the images of an animation: frame0000.png, frame0001.png ... in a folder, and animation.png of all. */
#ifndef HOST_FRAMES_H
#define HOST_FRAMES_H

#include <gan/image.h>

#include "text.h"

#define FRAMES_MAX 10000 /* their names have four digits */

typedef struct frames {
    char folder[PATH_SIZE];
    gan_apng *animation;
    int64_t n;
} frames;

gan_status frames_open(frames *f, const char *folder, double fps, gan_message *message); /* makes the folder */
gan_status frames_add(frames *f, const gan_image *image, gan_message *message);
/* Write animation.png with what there is, and remove what an earlier, longer animation left in the folder. */
gan_status frames_finish(frames *f, gan_message *message);
void frames_close(frames *f); /* in any case, at last; without frames_finish there is no animation.png */

#endif
