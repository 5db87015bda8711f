#include <gan/image.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BORDER 40 /* of a grid: dark, and still to be told from black images */

gan_status gan_image_create(gan_image *out, int64_t width, int64_t height, int channels, gan_message *message)
{
    if (channels != 1 && channels != 3)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "an image of %d channels was asked for, expected 1 or 3",
                        channels);
    if (width < 1 || height < 1 || width > GAN_IMAGE_MAX_SIDE || height > GAN_IMAGE_MAX_SIDE ||
        width * height > GAN_IMAGE_MAX_PIXELS)
        return gan_fail(message, GAN_ERROR_LIMIT,
                        "an image of %" PRId64 "x%" PRId64 " was asked for, expected sides of 1 to %d and at most "
                        "%" PRId64 " pixels",
                        width, height, GAN_IMAGE_MAX_SIDE, GAN_IMAGE_MAX_PIXELS);
    uint8_t *pixels = calloc((size_t)(width * height), (size_t)channels);
    if (!pixels)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for an image of %" PRId64 "x%" PRId64, width, height);
    *out = (gan_image){.width = width, .height = height, .channels = channels, .pixels = pixels};
    return GAN_OK;
}

void gan_image_free(gan_image *image)
{
    if (!image)
        return;
    free(image->pixels);
    *image = (gan_image){0};
}

/* The least c with c*c >= n. */
static int64_t square_columns(int64_t n)
{
    int64_t c = 1;
    while (c < GAN_IMAGE_MAX_SIDE && c * c < n)
        c++;
    return c;
}

gan_status gan_image_grid(const uint8_t *images, int64_t n, int64_t height, int64_t width, int channels,
                          int64_t columns, int gap, gan_image *out, gan_message *message)
{
    if (n < 1 || height < 1 || width < 1 || columns < 0 || gap < 0 || height > GAN_IMAGE_MAX_SIDE ||
        width > GAN_IMAGE_MAX_SIDE || gap > GAN_IMAGE_MAX_SIDE)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "a grid of %" PRId64 " images of %" PRId64 "x%" PRId64 " in %" PRId64
                        " columns with a gap of %d cannot be made",
                        n, width, height, columns, gap);
    if (columns == 0)
        columns = square_columns(n);
    if (columns > n)
        columns = n;
    int64_t rows = n / columns + (n % columns != 0);
    if (columns > GAN_IMAGE_MAX_SIDE || rows > GAN_IMAGE_MAX_SIDE)
        return gan_fail(message, GAN_ERROR_LIMIT, "a grid of %" PRId64 " rows and %" PRId64 " columns is too large",
                        rows, columns);
    gan_image grid;
    gan_status status =
        gan_image_create(&grid, columns * (width + gap) - gap, rows * (height + gap) - gap, channels, message);
    if (status != GAN_OK)
        return status;
    memset(grid.pixels, BORDER, (size_t)(grid.width * grid.height * channels));
    size_t line = (size_t)(width * channels), grid_line = (size_t)(grid.width * channels);
    for (int64_t i = 0; i < n; i++) {
        int64_t top = i / columns * (height + gap), left = i % columns * (width + gap);
        for (int64_t y = 0; y < height; y++)
            memcpy(grid.pixels + (size_t)(top + y) * grid_line + (size_t)(left * channels),
                   images + (size_t)(i * height + y) * line, line);
    }
    *out = grid;
    return GAN_OK;
}
