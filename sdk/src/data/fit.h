/* fit.h - how an image of any size becomes one of a data set's. Internal to data/. */
#ifndef GAN_DATA_FIT_H
#define GAN_DATA_FIT_H

#include <gan/data.h>

typedef struct gan__fit {
    gan_fit how;
    gan_filter filter;
    int64_t side;   /* of the square that is given out; 0: images stay as they are */
    int64_t scaled; /* GAN_FIT_CROP: what the shorter side is made */
    bool uncut;     /* GAN_FIT_CROP: all that was scaled is kept, since each draw cuts elsewhere */
    bool grey;      /* colours are turned to grey */
} gan__fit;

/* From a user's options, which are checked; the sentence begins with the source. */
gan_status gan__fit_init(gan__fit *fit, const gan_data_options *options, gan_message *message);
/* Whether an image of this size can be fitted; `name` is whose size it is. */
gan_status gan__fit_check(const gan__fit *fit, int64_t width, int64_t height, const char *name, gan_message *message);
/* Scale, cut and convert in place an image that gan__fit_check lets pass. On error the image is as it was or partly
 * done, and still the caller's. */
gan_status gan__fit_apply(const gan__fit *fit, gan_image *image, gan_message *message);

#endif
