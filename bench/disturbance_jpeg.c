/* disturbance_jpeg.c - JPEG files in memory. Apart, because libjpeg reports errors by jumping. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "disturbance.h"

typedef struct encoder {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    char why[JMSG_LENGTH_MAX];
    unsigned char *bytes;
    unsigned long size;
} encoder;

static void fail(j_common_ptr jpeg)
{
    encoder *e = jpeg->client_data;
    jpeg->err->format_message(jpeg, e->why);
    longjmp(e->failed, 1);
}

/* What libjpeg only warns of goes nowhere. */
static void ignore(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void encode(encoder *e, const gan_image *image, int quality)
{
    jpeg_create_compress(&e->jpeg);
    jpeg_mem_dest(&e->jpeg, &e->bytes, &e->size);
    e->jpeg.image_width = (JDIMENSION)image->width;
    e->jpeg.image_height = (JDIMENSION)image->height;
    e->jpeg.input_components = image->channels;
    e->jpeg.in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&e->jpeg);
    jpeg_set_quality(&e->jpeg, quality, TRUE);
    jpeg_start_compress(&e->jpeg, TRUE);
    while (e->jpeg.next_scanline < e->jpeg.image_height) {
        JSAMPROW row = image->pixels + (size_t)e->jpeg.next_scanline * (size_t)(image->width * image->channels);
        jpeg_write_scanlines(&e->jpeg, &row, 1);
    }
    jpeg_finish_compress(&e->jpeg);
}

gan_status disturbance_jpeg_encode(const gan_image *image, int quality, void **bytes, size_t *size,
                                   gan_message *message)
{
    encoder *e = calloc(1, sizeof *e); /* on the heap: what changes after setjmp must not be in registers */
    if (!e)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for a JPEG file");
    e->jpeg.err = jpeg_std_error(&e->errors);
    e->errors.error_exit = fail;
    e->errors.output_message = ignore;
    e->jpeg.client_data = e;
    gan_status status = GAN_OK;
    if (setjmp(e->failed) == 0)
        encode(e, image, quality);
    else
        status = gan_fail(message, GAN_ERROR_IO, "cannot write a JPEG file: %s", e->why);
    jpeg_destroy_compress(&e->jpeg);
    if (status) {
        free(e->bytes);
    } else {
        *bytes = e->bytes;
        *size = e->size;
    }
    free(e);
    return status;
}
