/*
 * jpeg_read.c - JPEG files from outside.
 *
 * libjpeg leaves a failed call with longjmp. Everything that is needed afterwards lives in a `reader` whose address
 * does not change, so no local variable is used across the jump.
 */
#include "image/formats.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it */
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/* A progressive file of a few hundred bytes can ask for any number of passes over the whole picture. Encoders write
 * about 10; the finest script that is of use, each of three components bit by bit, has fewer than this. */
#define SCANS_MAX 100

/* What libjpeg may hold of a progressive picture: coefficients of two bytes for three components at full size, and room
 * for components that are padded to whole blocks. */
#define MEMORY_MAX (GAN_IMAGE_MAX_PIXELS * 7 + (16 << 20))

typedef struct reader {
    const char *name;
    const uint8_t *bytes;
    size_t size;
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    int orientation;
    gan_image_header header;
    gan_image image;
    uint8_t *line; /* of CMYK */
    bool short_file, too_many_scans;
    char reason[JMSG_LENGTH_MAX]; /* libjpeg's */
} reader;

static void on_error(j_common_ptr jpeg)
{
    reader *r = jpeg->client_data;
    jpeg->err->format_message(jpeg, r->reason);
    longjmp(r->jump, 1);
}

/* libjpeg goes on with a made-up picture where the data is damaged, and warns. Nobody looks at thousands of warnings:
 * the file is refused. What does not change the picture is let through. */
static void on_message(j_common_ptr jpeg, int level)
{
    int code = jpeg->err->msg_code;
    if (level >= 0 || code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR ||
        code == JWRN_BOGUS_PROGRESSION)
        return;
    on_error(jpeg);
}

static void on_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void on_source(j_decompress_ptr jpeg)
{
    (void)jpeg; /* all of it is there from the beginning */
}

static boolean on_fill(j_decompress_ptr jpeg)
{
    reader *r = jpeg->client_data;
    r->short_file = true;
    longjmp(r->jump, 1);
}

static void on_skip(j_decompress_ptr jpeg, long count)
{
    if (count <= 0)
        return;
    if ((size_t)count > jpeg->src->bytes_in_buffer)
        on_fill(jpeg);
    jpeg->src->next_input_byte += count;
    jpeg->src->bytes_in_buffer -= (size_t)count;
}

static void on_progress(j_common_ptr jpeg)
{
    reader *r = jpeg->client_data;
    if (r->jpeg.input_scan_number > SCANS_MAX) {
        r->too_many_scans = true;
        longjmp(r->jump, 1);
    }
}

static gan_status check_header(reader *r, gan_message *message)
{
    const struct jpeg_decompress_struct *j = &r->jpeg;
    gan_status status = gan__image_check_size(r->name, j->image_width, j->image_height, message);
    if (status != GAN_OK)
        return status;
    if (j->arith_code) /* it has no least size per block, and hardly anything else reads it */
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "%s: expected Huffman coding, found arithmetic coding; save it again as a usual JPEG or as PNG",
                        r->name);
    /* A block of 8x8 takes a bit for its first coefficient and, except in progressive files, one for its end. */
    uint64_t blocks = 0;
    for (int i = 0; i < j->num_components; i++)
        blocks += (uint64_t)j->comp_info[i].width_in_blocks * j->comp_info[i].height_in_blocks;
    uint64_t least = blocks * (j->progressive_mode ? 1 : 2) / 8;
    if (least > r->size)
        return gan_fail(message, GAN_ERROR_FORMAT,
                        "%s: header says %ux%u, which takes at least %" PRIu64 " bytes, but the file has only %zu",
                        r->name, j->image_width, j->image_height, least, r->size);
    r->orientation = gan__exif_orientation(r->bytes, r->size);
    bool turned = r->orientation >= 5;
    r->header = (gan_image_header){.width = turned ? j->image_height : j->image_width,
                                   .height = turned ? j->image_width : j->image_height,
                                   .channels = j->num_components == 1 ? 1 : 3};
    return GAN_OK;
}

/* Amounts of light, as CMYK is stored in JPEG files: Adobe's programs write it inverted, and everyone has followed. */
static void cmyk_to_rgb(const uint8_t *in, uint8_t *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++, in += 4, out += 3)
        for (int c = 0; c < 3; c++) {
            unsigned product = in[c] * in[3] + 128u;
            out[c] = (uint8_t)((product + (product >> 8)) >> 8); /* product / 255, rounded */
        }
}

static gan_status read_pixels(reader *r, gan_message *message)
{
    struct jpeg_decompress_struct *j = &r->jpeg;
    bool cmyk = j->num_components == 4;
    gan_status status = gan_image_create(&r->image, j->image_width, j->image_height, r->header.channels, message);
    if (status != GAN_OK)
        return status;
    r->line = cmyk ? malloc((size_t)j->image_width * 4) : NULL;
    if (cmyk && !r->line)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to read it", r->name);
    j->out_color_space = j->num_components == 1 ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(j);
    while (j->output_scanline < j->output_height) {
        uint8_t *to = r->image.pixels + (size_t)j->output_scanline * (size_t)(r->image.width * r->image.channels);
        JSAMPROW row = cmyk ? r->line : to;
        jpeg_read_scanlines(j, &row, 1);
        if (cmyk)
            cmyk_to_rgb(r->line, to, r->image.width);
    }
    jpeg_finish_decompress(j); /* up to the end of the file */
    return gan__image_upright(&r->image, r->orientation, message);
}

static gan_status broken(const reader *r, gan_message *message)
{
    if (r->too_many_scans)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: it has more than %d scans", r->name, SCANS_MAX);
    if (r->short_file)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: the JPEG data breaks off after %zu bytes", r->name, r->size);
    if (r->errors.msg_code == JERR_NO_BACKING_STORE) /* a file that libjpeg would write what is over MEMORY_MAX to */
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: reading it takes more than %" PRId64 " MB of memory", r->name,
                        MEMORY_MAX >> 20);
    if (r->errors.msg_code == JERR_OUT_OF_MEMORY)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to read it", r->name);
    return gan_fail(message, GAN_ERROR_FORMAT, "%s: the JPEG data is damaged (%s)", r->name, r->reason);
}

static gan_status decode(reader *r, bool pixels, gan_message *message)
{
    struct jpeg_decompress_struct *j = &r->jpeg;
    j->err = jpeg_std_error(&r->errors);
    r->errors.error_exit = on_error;
    r->errors.emit_message = on_message;
    r->errors.output_message = on_output;
    j->client_data = r;
    if (setjmp(r->jump))
        return broken(r, message);
    jpeg_create_decompress(j);
    j->mem->max_memory_to_use = MEMORY_MAX;
    r->source = (struct jpeg_source_mgr){.next_input_byte = r->bytes,
                                         .bytes_in_buffer = r->size,
                                         .init_source = on_source,
                                         .fill_input_buffer = on_fill,
                                         .skip_input_data = on_skip,
                                         .resync_to_restart = jpeg_resync_to_restart,
                                         .term_source = on_source};
    j->src = &r->source;
    r->progress.progress_monitor = on_progress;
    j->progress = &r->progress;
    jpeg_read_header(j, TRUE);
    gan_status status = check_header(r, message);
    return status == GAN_OK && pixels ? read_pixels(r, message) : status;
}

gan_status gan__jpeg_decode(const void *bytes, size_t size, const char *name, gan_image_header *header,
                            gan_image *image, gan_message *message)
{
    reader r = {.name = name, .bytes = bytes, .size = size};
    gan_status status = decode(&r, image != NULL, message);
    jpeg_destroy_decompress(&r.jpeg);
    free(r.line);
    if (status != GAN_OK) {
        gan_image_free(&r.image);
        return status;
    }
    *header = r.header;
    if (image)
        *image = r.image;
    return GAN_OK;
}
