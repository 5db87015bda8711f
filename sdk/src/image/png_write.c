/* png_write.c - PNG files: to memory, or written whole or not at all (io/atomic.h). */
#include <gan/image.h>

#include <inttypes.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "io/atomic.h"

#define FIRST_ALLOCATION ((size_t)16 << 10)

typedef struct writer {
    const char *name; /* for messages */
    const gan_image *image;
    gan__atomic *file; /* NULL: to `bytes` */
    uint8_t *bytes;
    size_t size, capacity;
    png_structp png;
    png_infop info;
    gan_message *message;
    gan_status status; /* of a failed write; its sentence is written */
    char reason[160];
} writer;

static void on_error(png_structp png, png_const_charp text)
{
    writer *w = png_get_error_ptr(png);
    snprintf(w->reason, sizeof w->reason, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

static gan_status append(writer *w, const uint8_t *data, size_t size)
{
    if (size > w->capacity - w->size) {
        size_t capacity = w->capacity ? w->capacity : FIRST_ALLOCATION;
        while (capacity - w->size < size)
            capacity *= 2;
        uint8_t *bytes = realloc(w->bytes, capacity);
        if (!bytes)
            return gan_fail(w->message, GAN_ERROR_MEMORY, "%s: no memory to write it", w->name);
        w->bytes = bytes, w->capacity = capacity;
    }
    memcpy(w->bytes + w->size, data, size);
    w->size += size;
    return GAN_OK;
}

static void on_write(png_structp png, png_bytep data, size_t size)
{
    writer *w = png_get_io_ptr(png);
    w->status = w->file ? gan__atomic_write(w->file, data, size, w->message) : append(w, data, size);
    if (w->status != GAN_OK)
        png_error(png, "write failed");
}

static void on_flush(png_structp png)
{
    (void)png;
}

static gan_status encode(writer *w)
{
    const gan_image *image = w->image;
    if (setjmp(png_jmpbuf(w->png))) {
        if (w->status != GAN_OK)
            return w->status;
        return gan_fail(w->message, GAN_ERROR_MEMORY, "%s: cannot be encoded: %s", w->name, w->reason);
    }
    png_set_write_fn(w->png, w, on_write, on_flush);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    for (int64_t y = 0; y < image->height; y++)
        png_write_row(w->png, image->pixels + (size_t)(y * image->width * image->channels));
    png_write_end(w->png, w->info);
    return GAN_OK;
}

static gan_status check_image(const char *name, const gan_image *image, gan_message *message)
{
    if (!name || !image || !image->pixels)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "a PNG file to write has no path or no image");
    if ((image->channels != 1 && image->channels != 3) || image->width < 1 || image->height < 1 ||
        image->width > GAN_IMAGE_MAX_SIDE || image->height > GAN_IMAGE_MAX_SIDE)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: an image of %" PRId64 "x%" PRId64 " with %d channels", name,
                        image->width, image->height, image->channels);
    return GAN_OK;
}

static gan_status run(writer *w)
{
    gan_status status;
    w->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, w, on_error, on_warning);
    w->info = w->png ? png_create_info_struct(w->png) : NULL;
    if (w->info)
        status = encode(w);
    else
        status = gan_fail(w->message, GAN_ERROR_MEMORY, "%s: no memory to write it", w->name);
    png_destroy_write_struct(&w->png, &w->info);
    return status;
}

gan_status gan_png_write(const char *path, const gan_image *image, gan_message *message)
{
    gan_status status = check_image(path, image, message);
    if (status != GAN_OK)
        return status;
    gan__atomic file;
    status = gan__atomic_open(&file, path, message);
    if (status != GAN_OK)
        return status;
    status = run(&(writer){.name = path, .image = image, .file = &file, .message = message});
    if (status == GAN_OK)
        return gan__atomic_commit(&file, message);
    gan__atomic_discard(&file);
    return status;
}

gan_status gan_png_encode(const gan_image *image, void **bytes, size_t *size, gan_message *message)
{
    gan_status status = check_image("a PNG file in memory", image, message);
    if (status != GAN_OK)
        return status;
    writer w = {.name = "a PNG file in memory", .image = image, .message = message};
    status = run(&w);
    if (status != GAN_OK) {
        free(w.bytes);
        return status;
    }
    *bytes = w.bytes;
    *size = w.size;
    return GAN_OK;
}
