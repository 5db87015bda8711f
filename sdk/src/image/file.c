/* file.c - image files of any kind: which kind it is, and the reader for it. */
#include "image/formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/regular_file.h"

#define FILE_MAX ((uint64_t)1 << 31) /* bytes; the largest picture of 16-bit RGBA, not compressed */

gan__image_kind gan__image_kind_of(const void *bytes, size_t size)
{
    static const struct {
        size_t at, length;
        const char *bytes;
        gan__image_kind kind;
    } kinds[] = {
        {0, 8, "\x89PNG\r\n\x1a\n", GAN__IMAGE_PNG},
        {0, 3, "\xff\xd8\xff", GAN__IMAGE_JPEG},
        {0, 4, "GIF8", GAN__IMAGE_GIF},
        {0, 2, "BM", GAN__IMAGE_BMP},
        {0, 4, "II*\0", GAN__IMAGE_TIFF},
        {0, 4, "MM\0*", GAN__IMAGE_TIFF},
        {8, 4, "WEBP", GAN__IMAGE_WEBP},
    };
    if (size == 0)
        return GAN__IMAGE_EMPTY;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (size >= kinds[i].at + kinds[i].length &&
            memcmp((const char *)bytes + kinds[i].at, kinds[i].bytes, kinds[i].length) == 0)
            return kinds[i].kind;
    return GAN__IMAGE_OTHER;
}

const char *gan__image_kind_text(gan__image_kind kind)
{
    static const char *const texts[] = {"an empty file", "a PNG file",  "a JPEG file", "a GIF file",
                                        "a BMP file",    "a TIFF file", "a WebP file", "something else"};
    return texts[kind];
}

gan_status gan__image_check_size(const char *name, int64_t width, int64_t height, gan_message *message)
{
    if (width > GAN_IMAGE_MAX_SIDE || height > GAN_IMAGE_MAX_SIDE)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: it is %" PRId64 "x%" PRId64 ", sides of at most %d are read",
                        name, width, height, GAN_IMAGE_MAX_SIDE);
    if (width * height > GAN_IMAGE_MAX_PIXELS)
        return gan_fail(message, GAN_ERROR_LIMIT,
                        "%s: it is %" PRId64 "x%" PRId64 ", at most %" PRId64 " pixels are read", name, width, height,
                        GAN_IMAGE_MAX_PIXELS);
    return GAN_OK;
}

static gan_status read_all(int fd, const char *path, uint8_t *bytes, size_t *size, gan_message *message)
{
    size_t have = 0;
    while (have < *size) {
        ssize_t got = read(fd, bytes + have, *size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return gan_fail(message, GAN_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
        if (got == 0)
            break; /* it has become shorter; the decoder says so */
        have += (size_t)got;
    }
    *size = have;
    return GAN_OK;
}

gan_status gan__image_load(const char *path, uint8_t **bytes, size_t *size, gan_message *message)
{
    int fd;
    uint64_t length;
    gan_status status = gan__open_regular(path, &fd, &length, message);
    if (status != GAN_OK)
        return status;
    uint8_t *data = NULL;
    size_t have = (size_t)length;
    if (length > FILE_MAX)
        status = gan_fail(message, GAN_ERROR_LIMIT, "%s: it has %" PRIu64 " bytes, at most %" PRIu64 " are read", path,
                          length, FILE_MAX);
    else if (!(data = malloc(length ? have : 1)))
        status = gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for its %" PRIu64 " bytes", path, length);
    else
        status = read_all(fd, path, data, &have, message);
    close(fd);
    if (status != GAN_OK) {
        free(data);
        return status;
    }
    *bytes = data;
    *size = have;
    return GAN_OK;
}

/* `image` NULL: the header alone. */
static gan_status decode(const void *bytes, size_t size, const char *name, gan_image_header *header, gan_image *image,
                         gan_message *message)
{
    if (!name || (!bytes && size > 0))
        return gan_fail(message, GAN_ERROR_ARGUMENT, "an image to read has no name or no bytes");
    gan__image_kind kind = gan__image_kind_of(bytes, size);
    if (kind == GAN__IMAGE_PNG)
        return gan__png_decode(bytes, size, name, header, image, message);
    if (kind == GAN__IMAGE_JPEG)
        return gan__jpeg_decode(bytes, size, name, header, image, message);
    return gan_fail(message, GAN_ERROR_FORMAT, "%s: expected a PNG or JPEG file, found %s", name,
                    gan__image_kind_text(kind));
}

gan_status gan_image_probe(const void *bytes, size_t size, const char *name, gan_image_header *out,
                           gan_message *message)
{
    return decode(bytes, size, name, out, NULL, message);
}

gan_status gan_image_decode(const void *bytes, size_t size, const char *name, gan_image *out, gan_message *message)
{
    gan_image_header header;
    return decode(bytes, size, name, &header, out, message);
}

gan_status gan_image_read(const char *path, gan_image *out, gan_message *message)
{
    uint8_t *bytes;
    size_t size;
    gan_status status = gan__image_load(path, &bytes, &size, message);
    if (status != GAN_OK)
        return status;
    status = gan_image_decode(bytes, size, path, out, message);
    free(bytes);
    return status;
}
