/*
 * formats.h - image files as bytes in memory. Internal to image/.
 *
 * Every reader checks the header against GAN_IMAGE_MAX_SIDE, GAN_IMAGE_MAX_PIXELS and against what a file of this size
 * can hold before it allocates anything of the picture's size. `name` stands for the file in messages.
 */
#ifndef GAN_IMAGE_FORMATS_H
#define GAN_IMAGE_FORMATS_H

#include <gan/image.h>

typedef enum gan__image_kind {
    GAN__IMAGE_EMPTY,
    GAN__IMAGE_PNG,
    GAN__IMAGE_JPEG,
    GAN__IMAGE_GIF,
    GAN__IMAGE_BMP,
    GAN__IMAGE_TIFF,
    GAN__IMAGE_WEBP,
    GAN__IMAGE_OTHER
} gan__image_kind;

/* By the first bytes; and in words, "a PNG file". */
gan__image_kind gan__image_kind_of(const void *bytes, size_t size);
const char *gan__image_kind_text(gan__image_kind kind);

/* A whole file; *bytes is the caller's (free). */
gan_status gan__image_load(const char *path, uint8_t **bytes, size_t *size, gan_message *message);

/* Both begin with the format's own first bytes. `image` NULL: only the header is read. */
gan_status gan__png_decode(const void *bytes, size_t size, const char *name, gan_image_header *header, gan_image *image,
                           gan_message *message);
gan_status gan__jpeg_decode(const void *bytes, size_t size, const char *name, gan_image_header *header,
                            gan_image *image, gan_message *message);

/* The size that a header gives, checked. */
gan_status gan__image_check_size(const char *name, int64_t width, int64_t height, gan_message *message);

/* The orientation that a JPEG's EXIF data gives, 1 to 8; 1 where there is none or it cannot be read. */
int gan__exif_orientation(const uint8_t *jpeg, size_t size);
/* Turn an image with that orientation upright. */
gan_status gan__image_upright(gan_image *image, int orientation, gan_message *message);

#endif
