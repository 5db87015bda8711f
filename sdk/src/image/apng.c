/*
 * apng.c - animated PNG files (PNG specification, third edition, section 11.3.6: acTL, fcTL and fdAT).
 *
 * An animation is a PNG file of its first image with chunks that other programs pass over: "acTL" says how many images
 * there are, "fcTL" stands before each, and "fdAT" is what "IDAT" is for the later ones. Each image is encoded as a PNG
 * file of its own in memory, whose chunks are taken over. How many there will be is not known at the beginning: acTL is
 * written again at the end.
 */
#include <gan/image.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/atomic.h"

#define SIGNATURE_SIZE 8
#define IHDR_SIZE      13
#define ACTL_SIZE      8
#define FCTL_SIZE      26
/* Length and type in front of a chunk's data, its sum behind it. */
#define CHUNK_HEAD       8
#define CHUNK_SIZE(data) (CHUNK_HEAD + (data) + 4)
#define ACTL_OFFSET      (SIGNATURE_SIZE + CHUNK_SIZE(IHDR_SIZE))
/* Of images; the numbers of fcTL and fdAT chunks, two for each, are of 31 bits. */
#define IMAGES_MAX 1000000000

struct gan_apng {
    gan__atomic file;
    int64_t width, height;
    int channels;
    int64_t images, plays;
    uint32_t sequence; /* of the next fcTL or fdAT chunk */
    uint16_t delay[2]; /* of an image: numerator and denominator, in seconds */
    bool broken;       /* a write failed: the file is not whole */
};

static void put32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* ---- chunks ---- */

/* A chunk of at most FCTL_SIZE bytes of data, as it stands in a file; its size. */
static size_t make_chunk(uint8_t out[CHUNK_SIZE(FCTL_SIZE)], const char *type, const uint8_t *data, size_t size)
{
    put32(out, (uint32_t)size);
    memcpy(out + 4, type, 4);
    memcpy(out + CHUNK_HEAD, data, size);
    put32(out + CHUNK_HEAD + size, (uint32_t)crc32(0, out + 4, (uInt)(4 + size)));
    return CHUNK_SIZE(size);
}

static size_t make_control(const gan_apng *a, uint8_t out[CHUNK_SIZE(FCTL_SIZE)])
{
    uint8_t data[ACTL_SIZE];
    put32(data, (uint32_t)a->images);
    put32(data + 4, (uint32_t)a->plays);
    return make_chunk(out, "acTL", data, sizeof data);
}

/* Every image is drawn over the whole of the one before: dispose and blend are 0. */
static gan_status write_frame_control(gan_apng *a, gan_message *message)
{
    uint8_t data[FCTL_SIZE] = {0}, chunk[CHUNK_SIZE(FCTL_SIZE)];
    put32(data, a->sequence++);
    put32(data + 4, (uint32_t)a->width);
    put32(data + 8, (uint32_t)a->height);
    for (int i = 0; i < 2; i++) {
        data[20 + 2 * i] = (uint8_t)(a->delay[i] >> 8);
        data[21 + 2 * i] = (uint8_t)a->delay[i];
    }
    return gan__atomic_write(&a->file, chunk, make_chunk(chunk, "fcTL", data, sizeof data), message);
}

/* The data of an IDAT chunk behind a sequence number. */
static gan_status write_frame_data(gan_apng *a, const uint8_t *idat, uint32_t size, gan_message *message)
{
    uint8_t head[CHUNK_HEAD + 4], sum[4];
    put32(head, size + 4);
    memcpy(head + 4, "fdAT", 4);
    put32(head + CHUNK_HEAD, a->sequence++);
    put32(sum, (uint32_t)crc32(crc32(0, head + 4, 8), idat, size));
    gan_status status = gan__atomic_write(&a->file, head, sizeof head, message);
    if (status == GAN_OK)
        status = gan__atomic_write(&a->file, idat, size, message);
    return status == GAN_OK ? gan__atomic_write(&a->file, sum, sizeof sum, message) : status;
}

/* ---- images ---- */

/* Signature and header of the first image's file, and room for acTL. */
static gan_status write_head(gan_apng *a, const uint8_t *png, gan_message *message)
{
    uint8_t chunk[CHUNK_SIZE(FCTL_SIZE)];
    gan_status status = gan__atomic_write(&a->file, png, ACTL_OFFSET, message);
    return status == GAN_OK ? gan__atomic_write(&a->file, chunk, make_control(a, chunk), message) : status;
}

/* The chunks of a file that our encoder made: IHDR, then some of IDAT, then IEND. */
static gan_status write_image(gan_apng *a, const uint8_t *png, size_t size, gan_message *message)
{
    gan_status status = a->images == 0 ? write_head(a, png, message) : GAN_OK;
    if (status == GAN_OK)
        status = write_frame_control(a, message);
    for (size_t at = ACTL_OFFSET; at + CHUNK_SIZE(0) < size && status == GAN_OK;) {
        uint32_t length = get32(png + at);
        bool data = memcmp(png + at + 4, "IDAT", 4) == 0;
        if (data && a->images == 0)
            status = gan__atomic_write(&a->file, png + at, CHUNK_SIZE((size_t)length), message);
        else if (data)
            status = write_frame_data(a, png + at + CHUNK_HEAD, length, message);
        at += CHUNK_SIZE((size_t)length);
    }
    return status;
}

static gan_status check_image(const gan_apng *a, const gan_image *image, gan_message *message)
{
    if (a->broken)
        return gan_fail(message, GAN_ERROR_STATE, "%s: an image before this one could not be written", a->file.path);
    if (a->images == IMAGES_MAX)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: more than %d images", a->file.path, IMAGES_MAX);
    if (a->images > 0 && image &&
        (image->width != a->width || image->height != a->height || image->channels != a->channels))
        return gan_fail(
            message, GAN_ERROR_SHAPE,
            "%s: image %" PRId64 " is %" PRId64 "x%" PRId64 "x%d, but those before it are %" PRId64 "x%" PRId64 "x%d",
            a->file.path, a->images, image->width, image->height, image->channels, a->width, a->height, a->channels);
    return GAN_OK;
}

gan_status gan_apng_add(gan_apng *animation, const gan_image *image, gan_message *message)
{
    gan_apng *a = animation;
    void *png;
    size_t size;
    gan_status status = check_image(a, image, message);
    if (status == GAN_OK)
        status = gan_png_encode(image, &png, &size, message);
    if (status != GAN_OK)
        return status;
    if (a->images == 0)
        a->width = image->width, a->height = image->height, a->channels = image->channels;
    status = write_image(a, png, size, message);
    free(png);
    if (status == GAN_OK)
        a->images++;
    else
        a->broken = true;
    return status;
}

int64_t gan_apng_count(const gan_apng *animation)
{
    return animation->images;
}

/* ---- beginning and end ---- */

gan_status gan_apng_create(const char *path, const gan_apng_options *options, gan_apng **out, gan_message *message)
{
    gan_apng_options o = {.struct_size = sizeof o};
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    double fps = o.fps != 0 ? o.fps : 30;
    if (!path || !(fps >= 0.1 && fps <= 1000) || o.plays < 0 || o.plays > INT32_MAX)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "an animation has no path, %g images per second (0.1 to 1000) or %" PRId64 " plays (0 to %d)",
                        fps, o.plays, INT32_MAX);
    gan_apng *a = calloc(1, sizeof *a);
    if (!a)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to write it", path);
    gan_status status = gan__atomic_open(&a->file, path, message);
    if (status != GAN_OK) {
        free(a);
        return status;
    }
    /* A fraction of 16-bit numbers: exact where a second or a minute holds a whole number of images. */
    bool whole = fps == floor(fps);
    a->delay[0] = whole ? 1 : 60;
    a->delay[1] = (uint16_t)lround(whole ? fps : 60 * fps);
    a->plays = o.plays;
    *out = a;
    return GAN_OK;
}

gan_status gan_apng_commit(gan_apng *animation, gan_message *message)
{
    static const uint8_t nothing;
    gan_apng *a = animation;
    uint8_t chunk[CHUNK_SIZE(FCTL_SIZE)];
    gan_status status = GAN_OK;
    if (a->broken || a->images == 0)
        status = gan_fail(message, GAN_ERROR_STATE, "%s: an animation %s", a->file.path,
                          a->broken ? "of which an image could not be written" : "without an image");
    if (status == GAN_OK)
        status = gan__atomic_write(&a->file, chunk, make_chunk(chunk, "IEND", &nothing, 0), message);
    if (status == GAN_OK)
        status = gan__atomic_patch(&a->file, ACTL_OFFSET, chunk, make_control(a, chunk), message);
    if (status == GAN_OK)
        status = gan__atomic_commit(&a->file, message);
    else
        gan__atomic_discard(&a->file);
    free(a);
    return status;
}

void gan_apng_discard(gan_apng *animation)
{
    if (!animation)
        return;
    gan__atomic_discard(&animation->file);
    free(animation);
}
