/*
 * png_read.c - PNG files from outside.
 *
 * libpng leaves a failed call with longjmp. Everything that is needed afterwards lives in a `reader` whose address
 * does not change, so no local variable is used across the jump.
 */
#include <gan/image.h>

#include <errno.h>
#include <inttypes.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/regular_file.h"

#define CHUNK_MAX     (8u << 20) /* bytes of one ancillary chunk that libpng may hold */
#define DEFLATE_RATIO 1032       /* the most that deflate can expand, zlib's manual */

typedef struct reader {
    const char *path;
    int fd;
    uint64_t size;
    png_structp png;
    png_infop info;
    uint8_t *rows;       /* [height, width, channels with alpha] */
    png_bytep *row_list; /* pointers into it */
    gan_image image;
    int read_error; /* errno of a failed read */
    bool short_file, no_memory;
    char reason[160]; /* libpng's */
} reader;

static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);
    snprintf(r->reason, sizeof r->reason, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text; /* about chunks that the picture does not depend on */
}

/* libpng says that memory is short in several ways; this notices it for certain. */
static png_voidp on_malloc(png_structp png, png_alloc_size_t size)
{
    reader *r = png_get_mem_ptr(png);
    void *block = malloc(size);
    r->no_memory |= block == NULL;
    return block;
}

static void on_free(png_structp png, png_voidp block)
{
    (void)png;
    free(block);
}

static void on_read(png_structp png, png_bytep out, size_t want)
{
    reader *r = png_get_io_ptr(png);
    while (want > 0) {
        ssize_t got = read(r->fd, out, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            r->read_error = got < 0 ? errno : 0;
            r->short_file = got == 0;
            png_error(png, "read failed");
        }
        out += got;
        want -= (size_t)got;
    }
}

/* Ask for 8 bits, no palette: grey, grey+alpha, RGB or RGBA. False: the sentence is written. */
static gan_status prepare(reader *r, gan_message *message)
{
    png_uint_32 width = png_get_image_width(r->png, r->info), height = png_get_image_height(r->png, r->info);
    if ((int64_t)width * height > GAN_IMAGE_MAX_PIXELS)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: it is %ux%u, at most %" PRId64 " pixels are read", r->path,
                        width, height, GAN_IMAGE_MAX_PIXELS);
    /* What the file holds bounds what it can expand to: a small file with a large header gets no memory. */
    uint64_t stored = (uint64_t)png_get_rowbytes(r->png, r->info) * height;
    if (stored / DEFLATE_RATIO > r->size)
        return gan_fail(message, GAN_ERROR_FORMAT,
                        "%s: header says %ux%u (%" PRIu64 " bytes) but the file has only %" PRIu64
                        " bytes, too few even when compressed",
                        r->path, width, height, stored, r->size);
    int depth = png_get_bit_depth(r->png, r->info), type = png_get_color_type(r->png, r->info);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(r->png);
    else if (type == PNG_COLOR_TYPE_GRAY && depth < 8)
        png_set_expand_gray_1_2_4_to_8(r->png);
    if (png_get_valid(r->png, r->info, PNG_INFO_tRNS))
        png_set_tRNS_to_alpha(r->png);
    if (depth == 16)
        png_set_scale_16(r->png);
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);

    size_t line = png_get_rowbytes(r->png, r->info);
    r->rows = malloc(line * height);
    r->row_list = malloc(height * sizeof *r->row_list);
    if (!r->rows || !r->row_list)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for its %ux%u pixels", r->path, width, height);
    for (png_uint_32 y = 0; y < height; y++)
        r->row_list[y] = r->rows + y * line;
    return GAN_OK;
}

/* Rows of 1 to 4 channels to an image of 1 or 3, transparency over white. */
static gan_status flatten(reader *r, gan_message *message)
{
    int have = png_get_channels(r->png, r->info), colours = have >= 3 ? 3 : 1;
    gan_status status = gan_image_create(&r->image, png_get_image_width(r->png, r->info),
                                         png_get_image_height(r->png, r->info), colours, message);
    if (status != GAN_OK)
        return status;
    int64_t n = r->image.width * r->image.height;
    const uint8_t *in = r->rows;
    uint8_t *out = r->image.pixels;
    if (have == colours) {
        memcpy(out, in, (size_t)(n * have));
        return GAN_OK;
    }
    for (int64_t i = 0; i < n; i++, in += have, out += colours) {
        unsigned alpha = in[colours];
        for (int c = 0; c < colours; c++)
            out[c] = (uint8_t)((in[c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
    return GAN_OK;
}

static gan_status broken(const reader *r, gan_message *message)
{
    if (r->no_memory)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to read it", r->path);
    if (r->read_error)
        return gan_fail(message, GAN_ERROR_IO, "%s: cannot be read: %s", r->path, strerror(r->read_error));
    if (r->short_file)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: the PNG data breaks off after %" PRIu64 " bytes", r->path,
                        r->size);
    return gan_fail(message, GAN_ERROR_FORMAT, "%s: the PNG data is damaged (%s)", r->path, r->reason);
}

static gan_status decode(reader *r, gan_message *message)
{
    if (setjmp(png_jmpbuf(r->png)))
        return broken(r, message);
    png_set_read_fn(r->png, r, on_read);
    png_set_user_limits(r->png, GAN_IMAGE_MAX_SIDE, GAN_IMAGE_MAX_SIDE);
    png_set_chunk_malloc_max(r->png, CHUNK_MAX);
    png_set_chunk_cache_max(r->png, 64);
    png_read_info(r->png, r->info);
    gan_status status = prepare(r, message);
    if (status != GAN_OK)
        return status;
    png_read_image(r->png, r->row_list);
    png_read_end(r->png, NULL);
    return flatten(r, message);
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* What libpng would say less clearly: that it is no PNG file, or a very large one. */
static gan_status check_start(const reader *r, gan_message *message)
{
    uint8_t start[24] = {0}; /* signature, length, "IHDR", width, height */
    ssize_t got = pread(r->fd, start, sizeof start, 0);
    if (got < 0)
        return gan_fail(message, GAN_ERROR_IO, "%s: cannot be read: %s", r->path, strerror(errno));
    if (got < 8 || png_sig_cmp(start, 0, 8) != 0) {
        const char *found = "something else";
        if (got == 0)
            found = "an empty file";
        else if (start[0] == 0xff && start[1] == 0xd8)
            found = "a JPEG file";
        else if (memcmp(start, "GIF8", 4) == 0)
            found = "a GIF file";
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: expected a PNG file, found %s", r->path, found);
    }
    uint32_t width = big_endian(start + 16), height = big_endian(start + 20);
    if (width > GAN_IMAGE_MAX_SIDE || height > GAN_IMAGE_MAX_SIDE)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: it is %ux%u, sides of at most %d are read", r->path, width,
                        height, GAN_IMAGE_MAX_SIDE);
    return GAN_OK;
}

gan_status gan_png_read(const char *path, gan_image *out, gan_message *message)
{
    reader r = {.path = path, .fd = -1};
    gan_status status = gan__open_regular(path, &r.fd, &r.size, message);
    if (status != GAN_OK)
        return status;
    status = check_start(&r, message);
    if (status == GAN_OK) {
        r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning, &r, on_malloc, on_free);
        r.info = r.png ? png_create_info_struct(r.png) : NULL;
        status = r.info ? decode(&r, message) : gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to read it", path);
    }
    png_destroy_read_struct(&r.png, &r.info, NULL);
    close(r.fd);
    free(r.row_list);
    free(r.rows);
    if (status == GAN_OK)
        *out = r.image;
    else
        gan_image_free(&r.image);
    return status;
}
