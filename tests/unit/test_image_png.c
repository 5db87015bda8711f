/* PNG files: every form that another program writes reads as that program reads it, what is written reads back, hostile
 * files are refused with a sentence, and a failed write leaves the old file and nothing else. */
#include "../support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#define FIXTURES TEST_SOURCE_DIR "/fixtures/png/"

static gan_message message;
static char folder[512], path[1024];

static void setup(void)
{
    snprintf(folder, sizeof folder, "%s", test_folder("png"));
    snprintf(path, sizeof path, "%s/a.png", folder);
}

static void teardown(void)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static uint8_t *slurp(const char *name, size_t *size)
{
    FILE *f = fopen(name, "rb");
    ck_assert_msg(f, "%s: %s", name, strerror(errno));
    uint8_t *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

/* Without truncating to nothing first, which some file systems answer with a flush to the disk each time. */
static void put(const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

static int files_in_folder(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; (e = readdir(dir));)
        count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* ---- reading ---- */

/* The image in fixtures/png/<name>.pgm or .ppm, the other program's reading. */
static gan_image expected(const char *name, int channels)
{
    char file[600];
    snprintf(file, sizeof file, FIXTURES "%s.%s", name, channels == 3 ? "ppm" : "pgm");
    size_t size;
    uint8_t *bytes = slurp(file, &size);
    int width, height, start = 0;
    ck_assert_int_eq(
        sscanf((char *)bytes, channels == 3 ? "P6 %d %d 255%n" : "P5 %d %d 255%n", &width, &height, &start), 2);
    gan_image image;
    ck_assert_int_eq(gan_image_create(&image, width, height, channels, &message), GAN_OK);
    ck_assert_uint_eq(size, (size_t)(start + 1 + width * height * channels));
    memcpy(image.pixels, bytes + start + 1, (size_t)(width * height * channels));
    free(bytes);
    return image;
}

static const struct {
    const char *name;
    int channels;
    int tolerance; /* composing over white may round the other way */
} fixtures[] = {
    {"grey", 1, 0},
    {"rgb", 3, 0},
    {"bits", 1, 0},
    {"grey2", 1, 0},
    {"grey4", 1, 0},
    {"palette", 3, 0},
    {"palette1", 3, 0},
    {"palette2", 3, 0},
    {"palette4", 3, 0},
    {"palette8", 3, 0},
    {"grey16", 1, 0},
    {"grey16_between", 1, 0},
    {"rgb16", 3, 0},
    {"interlaced", 3, 0},
    {"grey_key", 1, 0},
    {"rgb_key", 3, 0},
    {"rgb16_key", 3, 0},
    {"rgba", 3, 1},
    {"grey_alpha", 1, 1},
    {"rgba16", 3, 1},
    {"grey_alpha16", 1, 1},
    {"palette_alpha", 3, 1},
    {"palette1_alpha", 3, 1},
    {"palette2_alpha", 3, 1},
    {"palette4_alpha", 3, 1},
    {"palette8_alpha", 3, 1},
    {"interlaced_grey_alpha", 1, 1},
    {"interlaced_rgba16", 3, 1},
};

START_TEST(every_form_reads)
{
    char file[600];
    snprintf(file, sizeof file, FIXTURES "%s.png", fixtures[_i].name);
    gan_image have, want = expected(fixtures[_i].name, fixtures[_i].channels);
    ck_assert_msg(gan_png_read(file, &have, &message) == GAN_OK, "%s", message.text);
    ck_assert_int_eq(have.channels, want.channels);
    ck_assert_int_eq(have.width, want.width);
    ck_assert_int_eq(have.height, want.height);
    for (int64_t i = 0; i < want.width * want.height * want.channels; i++)
        ck_assert_msg(abs(have.pixels[i] - want.pixels[i]) <= fixtures[_i].tolerance, "%s: byte %d is %d, expected %d",
                      fixtures[_i].name, (int)i, have.pixels[i], want.pixels[i]);
    gan_image_free(&have);
    gan_image_free(&want);
}
END_TEST

START_TEST(what_is_in_memory_reads_too)
{
    char file[600];
    snprintf(file, sizeof file, FIXTURES "%s.png", fixtures[_i].name);
    size_t size;
    uint8_t *bytes = slurp(file, &size);
    gan_image from_file, from_memory;
    gan_image_header header;
    ck_assert_int_eq(gan_png_read(file, &from_file, &message), GAN_OK);
    ck_assert_msg(gan_image_probe(bytes, size, "x", &header, &message) == GAN_OK, "%s", message.text);
    ck_assert_msg(gan_image_decode(bytes, size, "x", &from_memory, &message) == GAN_OK, "%s", message.text);
    ck_assert(header.width == 11 && header.height == 7 && header.channels == fixtures[_i].channels);
    ck_assert(from_memory.width == 11 && from_memory.height == 7 && from_memory.channels == fixtures[_i].channels);
    ck_assert_mem_eq(from_memory.pixels, from_file.pixels, (size_t)(77 * fixtures[_i].channels));
    gan_image_free(&from_file);
    gan_image_free(&from_memory);
    free(bytes);
}
END_TEST

/* Cut and flipped anywhere, a file gives an image of its size or a sentence with its name, and never more. */
START_TEST(no_torn_file_does_harm)
{
    char file[600];
    snprintf(file, sizeof file, FIXTURES "%s.png", fixtures[_i].name);
    size_t size;
    uint8_t *bytes = slurp(file, &size);
    for (size_t cut = 0; cut < size; cut++) {
        gan_image image = {0};
        put(bytes, cut);
        gan_status status = gan_png_read(path, &image, &message);
        ck_assert_msg(status == GAN_ERROR_FORMAT, "%s cut at %zu: %s", file, cut, gan_status_name(status));
        ck_assert_int_eq(strncmp(message.text, path, strlen(path)), 0);
        ck_assert_ptr_null(image.pixels);
    }
    for (size_t at = 0; at < size; at++)
        for (int bit = 0; bit < 8; bit += 3) {
            gan_image image = {0};
            bytes[at] ^= (uint8_t)(1 << bit);
            put(bytes, size);
            if (gan_png_read(path, &image, &message) == GAN_OK) {
                ck_assert(image.width == 11 && image.height == 7);
                gan_image_free(&image);
            } else {
                ck_assert_ptr_null(image.pixels);
            }
            bytes[at] ^= (uint8_t)(1 << bit);
        }
    free(bytes);
}
END_TEST

static void refused(const uint8_t *bytes, size_t size, gan_status status, const char *text)
{
    gan_image image = {.width = 77};
    put(bytes, size);
    gan_status got = gan_png_read(path, &image, &message);
    ck_assert_msg(got == status, "%s, expected %s: %s", gan_status_name(got), gan_status_name(status), message.text);
    ck_assert_int_eq(strncmp(message.text, path, strlen(path)), 0);
    ck_assert_msg(strstr(message.text, text) != NULL, "expected \"%s\" in: %s", text, message.text);
    ck_assert_int_eq(image.width, 77);
}

static void number(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The grey fixture with another size in its header, checksum in order. */
static void resized(uint32_t width, uint32_t height, gan_status status, const char *text)
{
    size_t size;
    uint8_t *bytes = slurp(FIXTURES "grey.png", &size);
    number(bytes + 16, width), number(bytes + 20, height);
    number(bytes + 29, (uint32_t)crc32(0, bytes + 12, 17));
    refused(bytes, size, status, text);
    free(bytes);
}

START_TEST(headers_that_lie)
{
    resized(16384, 16384, GAN_ERROR_FORMAT, "header says 16384x16384 (268435456 bytes) but the file has only");
    resized(65536, 65536, GAN_ERROR_LIMIT, "at most 268435456 pixels");
    resized(65537, 1, GAN_ERROR_LIMIT, "it is 65537x1, sides of at most 65536");
    resized(0, 7, GAN_ERROR_FORMAT, "damaged");
    resized(11, 9, GAN_ERROR_FORMAT, "Not enough image data");
}
END_TEST

START_TEST(other_kinds_of_files)
{
    refused((const uint8_t *)"", 0, GAN_ERROR_FORMAT, "expected a PNG file, found an empty file");
    refused((const uint8_t *)"\xff\xd8\xff\xe0JFIF..", 10, GAN_ERROR_FORMAT, "found a JPEG file");
    refused((const uint8_t *)"GIF89a....", 10, GAN_ERROR_FORMAT, "found a GIF file");
    refused((const uint8_t *)"plain text", 10, GAN_ERROR_FORMAT, "found something else");
    gan_image image;
    ck_assert_int_eq(gan_png_read(folder, &image, &message), GAN_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(message.text, "found a folder"));
    ck_assert_int_eq(gan_png_read("/nowhere/at/all.png", &image, &message), GAN_ERROR_NOT_FOUND);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0666), 0);
    ck_assert_int_eq(gan_png_read(path, &image, &message), GAN_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(message.text, "found a pipe"));
}
END_TEST

/* ---- writing ---- */

static gan_image noise(int64_t width, int64_t height, int channels)
{
    gan_image image;
    ck_assert_int_eq(gan_image_create(&image, width, height, channels, &message), GAN_OK);
    uint32_t state = 1;
    for (int64_t i = 0; i < width * height * channels; i++)
        image.pixels[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
    return image;
}

START_TEST(what_is_written_reads_back)
{
    static const int64_t sizes[][2] = {{1, 1}, {37, 5}, {300, 200}, {1, 999}};
    for (int channels = 1; channels <= 3; channels += 2)
        for (int s = 0; s < 4; s++) {
            gan_image out = noise(sizes[s][0], sizes[s][1], channels), in;
            ck_assert_msg(gan_png_write(path, &out, &message) == GAN_OK, "%s", message.text);
            ck_assert_msg(gan_png_read(path, &in, &message) == GAN_OK, "%s", message.text);
            ck_assert(in.width == out.width && in.height == out.height && in.channels == channels);
            ck_assert_mem_eq(in.pixels, out.pixels, (size_t)(out.width * out.height * channels));
            gan_image_free(&in);
            gan_image_free(&out);
        }
    ck_assert_int_eq(files_in_folder(), 1); /* nothing temporary is left */
}
END_TEST

START_TEST(the_same_file_in_memory)
{
    for (int channels = 1; channels <= 3; channels += 2) {
        gan_image image = noise(300, 200, channels), in;
        void *bytes;
        size_t size, file_size;
        ck_assert_msg(gan_png_encode(&image, &bytes, &size, &message) == GAN_OK, "%s", message.text);
        ck_assert_int_eq(gan_png_write(path, &image, &message), GAN_OK);
        uint8_t *file = slurp(path, &file_size);
        ck_assert_uint_eq(size, file_size);
        ck_assert_mem_eq(bytes, file, size);
        ck_assert_int_eq(gan_image_decode(bytes, size, "memory", &in, &message), GAN_OK);
        ck_assert_mem_eq(in.pixels, image.pixels, (size_t)(300 * 200 * channels));
        gan_image_free(&in);
        gan_image_free(&image);
        free(bytes);
        free(file);
    }
    void *bytes = &message;
    size_t size = 5;
    uint8_t pixel = 0;
    ck_assert_int_eq(gan_png_encode(&(gan_image){0}, &bytes, &size, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_png_encode(&(gan_image){1, 1, 4, &pixel}, &bytes, &size, &message), GAN_ERROR_ARGUMENT);
    ck_assert(bytes == &message && size == 5);
}
END_TEST

START_TEST(modes_follow_the_umask)
{
    gan_image image = noise(3, 3, 1);
    struct stat info;
    mode_t before = umask(027);
    ck_assert_int_eq(gan_png_write(path, &image, &message), GAN_OK);
    umask(before);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0640);
    gan_image_free(&image);
}
END_TEST

/* A limit on the size of files stands for a full disk: write() fails half way. */
START_TEST(a_failed_write_leaves_the_old_file)
{
    gan_image old = noise(20, 20, 3), large = noise(500, 500, 3), in;
    ck_assert_int_eq(gan_png_write(path, &old, &message), GAN_OK);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){.rlim_cur = 100000, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    gan_status status = gan_png_write(path, &large, &message);
    setrlimit(RLIMIT_FSIZE, &before);
    ck_assert_int_eq(status, GAN_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(message.text, path));
    ck_assert_ptr_nonnull(strstr(message.text, "File too large"));
    ck_assert_int_eq(files_in_folder(), 1);
    ck_assert_int_eq(gan_png_read(path, &in, &message), GAN_OK);
    ck_assert_mem_eq(in.pixels, old.pixels, 1200);
    gan_image_free(&in);
    gan_image_free(&old);
    gan_image_free(&large);
}
END_TEST

START_TEST(places_that_cannot_be_written)
{
    gan_image image = noise(3, 3, 1);
    ck_assert_int_eq(gan_png_write("/nowhere/at/all.png", &image, &message), GAN_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(message.text, "cannot write /nowhere/at/all.png: No such file or directory"));
    ck_assert_int_eq(mkdir(path, 0777), 0);
    ck_assert_int_eq(gan_png_write(path, &image, &message), GAN_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(message.text, "Is a directory"));
    ck_assert_int_eq(files_in_folder(), 1);
    image.channels = 2;
    ck_assert_int_eq(gan_png_write(path, &image, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_png_write(path, &(gan_image){0}, &message), GAN_ERROR_ARGUMENT);
    gan_image_free(&image);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("image_png");
    TCase *t = tcase_create("png");
    int forms = (int)(sizeof fixtures / sizeof fixtures[0]);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, every_form_reads, 0, forms);
    tcase_add_loop_test(t, what_is_in_memory_reads_too, 0, forms);
    tcase_add_loop_test(t, no_torn_file_does_harm, 0, forms);
    tcase_add_test(t, headers_that_lie);
    tcase_add_test(t, other_kinds_of_files);
    tcase_add_test(t, what_is_written_reads_back);
    tcase_add_test(t, the_same_file_in_memory);
    tcase_add_test(t, modes_follow_the_umask);
    tcase_add_test(t, a_failed_write_leaves_the_old_file);
    tcase_add_test(t, places_that_cannot_be_written);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
