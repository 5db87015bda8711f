/* geometry.c - rectangles cut out, images mirrored and turned, grey to RGB and back. */
#include "image/formats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

gan_status gan_image_crop(const gan_image *image, int64_t x, int64_t y, int64_t width, int64_t height, gan_image *out,
                          gan_message *message)
{
    /* Written so that no sum can overflow. */
    if (x < 0 || y < 0 || width < 1 || height < 1 || width > image->width || height > image->height ||
        x > image->width - width || y > image->height - height)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "a rectangle of %" PRId64 "x%" PRId64 " at (%" PRId64 ", %" PRId64
                        ") was asked for, expected one within %" PRId64 "x%" PRId64,
                        width, height, x, y, image->width, image->height);
    gan_image part;
    gan_status status = gan_image_create(&part, width, height, image->channels, message);
    if (status != GAN_OK)
        return status;
    size_t line = (size_t)(width * image->channels), step = (size_t)(image->width * image->channels);
    const uint8_t *from = image->pixels + (size_t)y * step + (size_t)(x * image->channels);
    for (int64_t row = 0; row < height; row++)
        memcpy(part.pixels + (size_t)row * line, from + (size_t)row * step, line);
    *out = part;
    return GAN_OK;
}

void gan_image_mirror(gan_image *image)
{
    int channels = image->channels;
    size_t line = (size_t)(image->width * channels);
    for (int64_t y = 0; y < image->height; y++) {
        uint8_t *left = image->pixels + (size_t)y * line, *right = left + line - (size_t)channels;
        for (; left < right; left += channels, right -= channels)
            for (int c = 0; c < channels; c++) {
                uint8_t kept = left[c];
                left[c] = right[c];
                right[c] = kept;
            }
    }
}

gan_status gan_image_convert(gan_image *image, int channels, gan_message *message)
{
    if (channels != 1 && channels != 3)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "an image of %d channels was asked for, expected 1 or 3",
                        channels);
    if (image->channels == channels)
        return GAN_OK;
    gan_image made;
    gan_status status = gan_image_create(&made, image->width, image->height, channels, message);
    if (status != GAN_OK)
        return status;
    const uint8_t *in = image->pixels;
    uint8_t *out = made.pixels;
    int64_t n = image->width * image->height;
    if (channels == 3)
        for (int64_t i = 0; i < n; i++)
            out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = in[i];
    else /* 0.299 R + 0.587 G + 0.114 B in 16 fractional bits; the three add up to 1 */
        for (int64_t i = 0; i < n; i++)
            out[i] = (uint8_t)((19595u * in[3 * i] + 38470u * in[3 * i + 1] + 7471u * in[3 * i + 2] + 32768u) >> 16);
    gan_image_free(image);
    *image = made;
    return GAN_OK;
}

/* Pixel (x, y) of the upright image is at first + x * across + y * down of the stored one, in pixels. */
gan_status gan__image_upright(gan_image *image, int orientation, gan_message *message)
{
    if (orientation < 2 || orientation > 8)
        return GAN_OK;
    if (orientation == 2) {
        gan_image_mirror(image);
        return GAN_OK;
    }
    /* EXIF 2.32, section 4.6.4 A, tag Orientation: where the stored image's row 0 and column 0 are to be seen. From 5
     * on, stored rows are seen as columns. */
    int64_t w = image->width, h = image->height, c = image->channels;
    bool turned = orientation >= 5;
    bool from_right = orientation == 3 || orientation == 7 || orientation == 8;
    bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    int64_t first = (from_right ? w - 1 : 0) + (from_bottom ? (h - 1) * w : 0);
    int64_t along_x = from_right ? -1 : 1, along_y = from_bottom ? -w : w;
    int64_t across = turned ? along_y : along_x, down = turned ? along_x : along_y;
    gan_image upright;
    gan_status status = gan_image_create(&upright, turned ? h : w, turned ? w : h, image->channels, message);
    if (status != GAN_OK)
        return status;
    uint8_t *out = upright.pixels;
    for (int64_t y = 0; y < upright.height; y++) {
        int64_t at = (first + y * down) * c;
        for (int64_t x = 0; x < upright.width; x++, at += across * c, out += c)
            for (int64_t k = 0; k < c; k++)
                out[k] = image->pixels[at + k];
    }
    gan_image_free(image);
    *image = upright;
    return GAN_OK;
}
