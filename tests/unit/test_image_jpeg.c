/* JPEG files: every form reads as another program reads it, upright, and hostile files are refused with a sentence. */
#include "../support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/formats.h"

#define FIXTURES TEST_SOURCE_DIR "/fixtures/jpeg"
#define GOLDEN   TEST_SOURCE_DIR "/golden/images/jpeg.safetensors"
#define NAME     "photo.jpg"

/* Other versions of libjpeg may round in another way where colours are converted. */
#define TOLERANCE 2

static gan_message message;

static uint8_t *fixture(const char *name, size_t *size)
{
    char path[1024];
    uint8_t *bytes = NULL;
    snprintf(path, sizeof path, "%s/%s.jpg", FIXTURES, name);
    ck_assert_msg(gan__image_load(path, &bytes, size, &message) == GAN_OK, "%s", message.text);
    return bytes;
}

/* Give each fixture to `use`. */
static void each_fixture(void (*use)(const char *name, uint8_t *bytes, size_t size))
{
    gan_file *golden;
    ck_assert_msg(gan_file_open(GOLDEN, &golden, &message) == GAN_OK, "%s", message.text);
    ck_assert_int_gt(gan_file_count(golden), 30);
    for (int i = 0; i < gan_file_count(golden); i++) {
        size_t size;
        uint8_t *bytes = fixture(gan_file_name_at(golden, i), &size);
        use(gan_file_name_at(golden, i), bytes, size);
        free(bytes);
    }
    gan_file_close(golden);
}

/* ---- reading ---- */

START_TEST(every_form_reads)
{
    gan_file *golden;
    ck_assert_msg(gan_file_open(GOLDEN, &golden, &message) == GAN_OK, "%s", message.text);
    for (int i = 0; i < gan_file_count(golden); i++) {
        const char *name = gan_file_name_at(golden, i), *dtype;
        size_t size, n;
        gan_shape shape;
        gan_image image;
        gan_image_header header;
        uint8_t *bytes = fixture(name, &size);
        const uint8_t *want = gan_file_data(golden, name, &n);
        ck_assert(gan_file_info(golden, name, &shape, &dtype) && shape.ndim == 3 && strcmp(dtype, "U8") == 0);
        ck_assert_msg(gan_image_probe(bytes, size, name, &header, &message) == GAN_OK, "%s", message.text);
        ck_assert_msg(gan_image_decode(bytes, size, name, &image, &message) == GAN_OK, "%s", message.text);
        ck_assert(header.width == image.width && header.height == image.height && header.channels == image.channels);
        ck_assert_msg(image.height == shape.dim[0] && image.width == shape.dim[1] && image.channels == shape.dim[2],
                      "%s: %dx%dx%d", name, (int)image.height, (int)image.width, image.channels);
        for (size_t k = 0; k < n; k++)
            ck_assert_msg(abs(image.pixels[k] - want[k]) <= TOLERANCE, "%s: byte %zu is %d, expected %d", name, k,
                          image.pixels[k], want[k]);
        gan_image_free(&image);
        free(bytes);
    }
    gan_file_close(golden);
}
END_TEST

START_TEST(files_are_read_by_path)
{
    gan_image image = {0};
    ck_assert_msg(gan_image_read(FIXTURES "/rgb_420.jpg", &image, &message) == GAN_OK, "%s", message.text);
    ck_assert(image.width == 37 && image.height == 29 && image.channels == 3);
    gan_image_free(&image);
    ck_assert_msg(gan_image_read(TEST_SOURCE_DIR "/fixtures/png/grey.png", &image, &message) == GAN_OK, "%s",
                  message.text);
    ck_assert(image.width == 11 && image.height == 7 && image.channels == 1);
    gan_image_free(&image);
    ck_assert_int_eq(gan_image_read(FIXTURES, &image, &message), GAN_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(message.text, "found a folder"));
    ck_assert_int_eq(gan_image_read("/nowhere/a.jpg", &image, &message), GAN_ERROR_NOT_FOUND);
    ck_assert_int_eq(gan_image_read(FIXTURES "/../png/grey.pgm", &image, &message), GAN_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(message.text, "grey.pgm: expected a PNG or JPEG file, found something else"));
    ck_assert_ptr_null(image.pixels);
}
END_TEST

/* ---- refusing ---- */

static void refused(const void *bytes, size_t size, gan_status status, const char *text)
{
    gan_image image = {.width = 77};
    gan_status got = gan_image_decode(bytes, size, NAME, &image, &message);
    ck_assert_msg(got == status, "%s, expected %s: %s", gan_status_name(got), gan_status_name(status), message.text);
    ck_assert_msg(strncmp(message.text, NAME ": ", strlen(NAME) + 2) == 0, "%s", message.text);
    ck_assert_msg(strstr(message.text, text) != NULL, "expected \"%s\" in: %s", text, message.text);
    ck_assert_int_eq(image.width, 77);
}

/* In a block of its own, so that a sanitizer sees reads past the end. */
static void cut(const char *name, uint8_t *bytes, size_t size)
{
    size_t whole = strcmp(name, "rgb_trailing") == 0 ? size - strlen("after the end") : size;
    for (size_t length = 0; length < whole; length++) {
        uint8_t *part = malloc(length + 1);
        memcpy(part, bytes, length);
        refused(part, length, GAN_ERROR_FORMAT, length >= 3 ? "breaks off" : "expected a PNG or JPEG file");
        free(part);
    }
}

START_TEST(files_that_break_off)
{
    each_fixture(cut);
}
END_TEST

static void flip(const char *name, uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        gan_image image = {0};
        gan_image_header header = {0};
        uint8_t kept = bytes[at];
        bytes[at] ^= (uint8_t)(1 << at % 8);
        bool probed = gan_image_probe(bytes, size, name, &header, &message) == GAN_OK;
        message.text[0] = '\0';
        if (probed && header.width * header.height > 100000) {
            ck_assert_int_lt(header.width * header.height, (int64_t)size * 64 * 8);
        } else if (gan_image_decode(bytes, size, name, &image, &message) == GAN_OK) {
            ck_assert(probed && image.width == header.width && image.height == header.height);
            gan_image_free(&image);
        } else {
            ck_assert_msg(strncmp(message.text, name, strlen(name)) == 0, "%s", message.text);
            ck_assert_ptr_null(image.pixels);
        }
        bytes[at] = kept;
    }
}

START_TEST(flipped_bits_do_no_harm)
{
    each_fixture(flip);
}
END_TEST

/* Where a segment begins: its 0xff. */
static size_t segment(const uint8_t *bytes, size_t size, uint8_t marker)
{
    for (size_t at = 2; at + 4 < size; at += 2 + (size_t)(bytes[at + 2] << 8 | bytes[at + 3]))
        if (bytes[at + 1] == marker)
            return at;
    ck_abort_msg("no segment %02x", marker);
    return 0;
}

static void resized(const char *name, uint8_t start_of_frame, int width, int height, gan_status status,
                    const char *text)
{
    size_t size;
    uint8_t *bytes = fixture(name, &size), *frame = bytes + segment(bytes, size, start_of_frame);
    frame[5] = (uint8_t)(height >> 8), frame[6] = (uint8_t)height;
    frame[7] = (uint8_t)(width >> 8), frame[8] = (uint8_t)width;
    refused(bytes, size, status, text);
    free(bytes);
}

START_TEST(headers_that_lie)
{
    resized("rgb_420", 0xc0, 65500, 65500, GAN_ERROR_LIMIT, "it is 65500x65500, at most 268435456 pixels are read");
    resized("rgb_420", 0xc0, 16000, 16000, GAN_ERROR_FORMAT,
            "header says 16000x16000, which takes at least 1500000 bytes, but the file has only 1211");
    resized("rgb_progressive", 0xc2, 16000, 16000, GAN_ERROR_FORMAT, "takes at least 750000 bytes");
    resized("rgb_420", 0xc0, 0, 29, GAN_ERROR_FORMAT, "damaged");
    resized("rgb_420", 0xc0, 37, 0, GAN_ERROR_FORMAT, "damaged");
    resized("rgb_420", 0xc0, 37, 129, GAN_ERROR_FORMAT, "damaged (Corrupt JPEG data: premature end of data segment)");
}
END_TEST

/* The data ends early but the end is marked: libjpeg would make up the rest and only warn. */
START_TEST(pictures_with_a_part_missing)
{
    size_t size;
    uint8_t *bytes = fixture("rgb_444", &size);
    for (size_t length = size - 200; length < size - 20; length += 20) {
        uint8_t *part = malloc(length + 2);
        memcpy(part, bytes, length);
        part[length] = 0xff, part[length + 1] = 0xd9;
        refused(part, length + 2, GAN_ERROR_FORMAT, "damaged");
        free(part);
    }
    free(bytes);
}
END_TEST

START_TEST(forms_that_are_not_read)
{
    size_t size;
    uint8_t *bytes = fixture("rgb_420", &size);
    bytes[segment(bytes, size, 0xc0) + 1] = 0xc9;
    refused(bytes, size, GAN_ERROR_UNSUPPORTED, "expected Huffman coding, found arithmetic coding");
    free(bytes);
    bytes = fixture("rgb_420", &size);
    bytes[segment(bytes, size, 0xc0) + 4] = 12; /* bits */
    refused(bytes, size, GAN_ERROR_FORMAT, "damaged (Unsupported JPEG data precision 12)");
    free(bytes);
    refused("", 0, GAN_ERROR_FORMAT, "expected a PNG or JPEG file, found an empty file");
    refused("GIF89a....", 10, GAN_ERROR_FORMAT, "found a GIF file");
    refused("BM........", 10, GAN_ERROR_FORMAT, "found a BMP file");
    refused("II*\0......", 10, GAN_ERROR_FORMAT, "found a TIFF file");
    refused("MM\0*......", 10, GAN_ERROR_FORMAT, "found a TIFF file");
    refused("RIFF....WEBPVP8 ", 16, GAN_ERROR_FORMAT, "found a WebP file");
    refused("RIFF....WEB", 11, GAN_ERROR_FORMAT, "found something else");
    ck_assert_int_eq(gan_image_decode(NULL, 5, NAME, &(gan_image){0}, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_image_decode("abc", 3, NULL, &(gan_image){0}, NULL), GAN_ERROR_ARGUMENT);
}
END_TEST

/* The scan of a grey picture's first coefficients, `times` times, each of a few bytes but a pass over all of it. */
static uint8_t *repeated(int times, size_t *size)
{
    size_t length;
    uint8_t *bytes = fixture("grey_progressive", &length);
    size_t begin = segment(bytes, length, 0xda), end = begin + 2;
    while (!(bytes[end] == 0xff && bytes[end + 1] != 0))
        end++;
    uint8_t *out = malloc(length + (size_t)times * (end - begin)), *at = out;
    memcpy(at, bytes, begin), at += begin;
    for (int i = 0; i < times; i++)
        memcpy(at, bytes + begin, end - begin), at += end - begin;
    memcpy(at, bytes + end, length - end), at += length - end;
    free(bytes);
    *size = (size_t)(at - out);
    return out;
}

START_TEST(scans_without_end)
{
    size_t size;
    gan_image image;
    uint8_t *bytes = repeated(50, &size);
    ck_assert_msg(gan_image_decode(bytes, size, NAME, &image, &message) == GAN_OK, "%s", message.text);
    gan_image_free(&image);
    free(bytes);
    bytes = repeated(2000, &size);
    refused(bytes, size, GAN_ERROR_LIMIT, "it has more than 100 scans");
    free(bytes);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("image_jpeg");
    TCase *t = tcase_create("jpeg");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_form_reads);
    tcase_add_test(t, files_are_read_by_path);
    tcase_add_test(t, files_that_break_off);
    tcase_add_test(t, flipped_bits_do_no_harm);
    tcase_add_test(t, headers_that_lie);
    tcase_add_test(t, pictures_with_a_part_missing);
    tcase_add_test(t, forms_that_are_not_read);
    tcase_add_test(t, scans_without_end);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
