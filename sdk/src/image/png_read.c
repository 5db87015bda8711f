/*
 * png_read.c - PNG files from outside.
 *
 * libpng leaves a failed call with longjmp. Everything that is needed afterwards lives in a `reader` whose address
 * does not change, so no local variable is used across the jump.
 */
#include "image/formats.h"

#include <inttypes.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MAX     (8u << 20) /* bytes of one ancillary chunk that libpng may hold */
#define DEFLATE_RATIO 1032       /* the most that deflate can expand, zlib's manual */

typedef struct reader {
    const char *name;
    const uint8_t *bytes;
    size_t size, used;
    png_structp png;
    png_infop info;
    uint8_t *rows;       /* [height, width, channels with alpha], if there is alpha */
    png_bytep *row_list; /* pointers into it or into the image */
    gan_image_header header;
    gan_image image;
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
    if (want > r->size - r->used) {
        r->short_file = true;
        png_error(png, "read failed");
    }
    memcpy(out, r->bytes + r->used, want);
    r->used += want;
}

static gan_status check_header(reader *r, gan_message *message)
{
    png_uint_32 width = png_get_image_width(r->png, r->info), height = png_get_image_height(r->png, r->info);
    gan_status status = gan__image_check_size(r->name, width, height, message);
    if (status != GAN_OK)
        return status;
    /* What the file holds bounds what it can expand to: a small file with a large header gets no memory. */
    uint64_t stored = (uint64_t)png_get_rowbytes(r->png, r->info) * height;
    if (stored / DEFLATE_RATIO > r->size)
        return gan_fail(message, GAN_ERROR_FORMAT,
                        "%s: header says %ux%u (%" PRIu64 " bytes) but the file has only %zu bytes, too few even when "
                        "compressed",
                        r->name, width, height, stored, r->size);
    bool colour = png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_COLOR;
    r->header = (gan_image_header){.width = width, .height = height, .channels = colour ? 3 : 1};
    return GAN_OK;
}

/* Ask for 8 bits, no palette: grey, grey+alpha, RGB or RGBA. */
static void transform(reader *r)
{
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
}

/* Memory for the image and, where there is alpha, for the rows with it. */
static gan_status prepare(reader *r, gan_message *message)
{
    gan_image_header h = r->header;
    gan_status status = gan_image_create(&r->image, h.width, h.height, h.channels, message);
    if (status != GAN_OK)
        return status;
    size_t line = png_get_rowbytes(r->png, r->info);
    bool alpha = png_get_channels(r->png, r->info) != h.channels;
    r->rows = alpha ? malloc(line * (size_t)h.height) : NULL;
    r->row_list = malloc((size_t)h.height * sizeof *r->row_list);
    if ((alpha && !r->rows) || !r->row_list)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for its %" PRId64 "x%" PRId64 " pixels", r->name,
                        h.width, h.height);
    uint8_t *rows = alpha ? r->rows : r->image.pixels;
    for (int64_t y = 0; y < h.height; y++)
        r->row_list[y] = rows + (size_t)y * line;
    return GAN_OK;
}

/* in / 255, rounded, for 0 <= in <= 255 * 255. */
static inline uint8_t over_255(unsigned in)
{
    in += 128;
    return (uint8_t)((in + (in >> 8)) >> 8);
}

/* n pixels of `colours` bytes and alpha, over white. Inlined, so that the compiler knows their number. */
static inline __attribute__((always_inline)) void over_white(const uint8_t *in, uint8_t *out, int64_t n, int colours)
{
    for (; n > 0; n--, in += colours + 1, out += colours) {
        unsigned alpha = in[colours];
        for (int c = 0; c < colours; c++)
            out[c] = over_255(in[c] * alpha + 255 * (255 - alpha));
    }
}

/* Rows with alpha to the image. */
static void flatten(reader *r)
{
    int64_t n = r->image.width * r->image.height;
    if (r->image.channels == 3)
        over_white(r->rows, r->image.pixels, n, 3);
    else
        over_white(r->rows, r->image.pixels, n, 1);
}

static gan_status broken(const reader *r, gan_message *message)
{
    if (r->no_memory)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to read it", r->name);
    if (r->short_file)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: the PNG data breaks off after %zu bytes", r->name, r->size);
    return gan_fail(message, GAN_ERROR_FORMAT, "%s: the PNG data is damaged (%s)", r->name, r->reason);
}

static gan_status decode(reader *r, bool pixels, gan_message *message)
{
    if (setjmp(png_jmpbuf(r->png)))
        return broken(r, message);
    png_set_read_fn(r->png, r, on_read);
    png_set_user_limits(r->png, GAN_IMAGE_MAX_SIDE, GAN_IMAGE_MAX_SIDE);
    png_set_chunk_malloc_max(r->png, CHUNK_MAX);
    png_set_chunk_cache_max(r->png, 64);
#ifdef PNG_IGNORE_ADLER32 /* every chunk has a CRC of its own, which is checked */
    png_set_option(r->png, PNG_IGNORE_ADLER32, PNG_OPTION_ON);
#endif
    png_read_info(r->png, r->info);
    gan_status status = check_header(r, message);
    if (status != GAN_OK || !pixels)
        return status;
    transform(r);
    status = prepare(r, message);
    if (status != GAN_OK)
        return status;
    png_read_image(r->png, r->row_list);
    png_read_end(r->png, NULL);
    if (r->rows)
        flatten(r);
    return GAN_OK;
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

gan_status gan__png_decode(const void *bytes, size_t size, const char *name, gan_image_header *header, gan_image *image,
                           gan_message *message)
{
    reader r = {.name = name, .bytes = bytes, .size = size};
    gan_status status = GAN_OK;
    if (size >= 24) /* signature, length, "IHDR", width, height: libpng says less clearly that a side is too long */
        status = gan__image_check_size(name, big_endian(r.bytes + 16), big_endian(r.bytes + 20), message);
    if (status != GAN_OK)
        return status;
    r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning, &r, on_malloc, on_free);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    if (r.info)
        status = decode(&r, image != NULL, message);
    else
        status = gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to read it", name);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    free(r.row_list);
    free(r.rows);
    if (status != GAN_OK) {
        gan_image_free(&r.image);
        return status;
    }
    *header = r.header;
    if (image)
        *image = r.image;
    return GAN_OK;
}

gan_status gan_png_read(const char *path, gan_image *out, gan_message *message)
{
    uint8_t *bytes;
    size_t size;
    gan_status status = gan__image_load(path, &bytes, &size, message);
    if (status != GAN_OK)
        return status;
    gan__image_kind kind = gan__image_kind_of(bytes, size);
    gan_image_header header;
    if (kind == GAN__IMAGE_PNG)
        status = gan__png_decode(bytes, size, path, &header, out, message);
    else
        status =
            gan_fail(message, GAN_ERROR_FORMAT, "%s: expected a PNG file, found %s", path, gan__image_kind_text(kind));
    free(bytes);
    return status;
}
