/* picture_files.h - a folder of image files for one test program, and data sets opened on it. */
#ifndef TEST_PICTURE_FILES_H
#define TEST_PICTURE_FILES_H

#include "../support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static gan_message message;
static char folder[512];

static void setup(void)
{
    snprintf(folder, sizeof folder, "%s", test_folder("pictures"));
}

static void teardown(void)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* A path in the folder; its sub-folders are made. Static, one of eight. */
static inline const char *at(const char *name)
{
    static char paths[8][1024];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ck_assert(mkdir(path, 0777) == 0 || errno == EEXIST);
        *slash = '/';
    }
    return path;
}

static inline void put(const char *name, const void *bytes, size_t size)
{
    FILE *f = fopen(at(name), "wb");
    ck_assert_msg(f, "%s: %s", name, strerror(errno));
    ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static inline void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

/* Every value of the image is `value`. The result is the caller's. */
static inline gan_image plain_image(int64_t width, int64_t height, int channels, uint8_t value)
{
    gan_image image;
    ck_assert_int_eq(gan_image_create(&image, width, height, channels, &message), GAN_OK);
    memset(image.pixels, value, (size_t)(width * height * channels));
    return image;
}

static inline void put_png(const char *name, int64_t width, int64_t height, int channels, uint8_t value)
{
    gan_image image = plain_image(width, height, channels, value);
    ck_assert_msg(gan_png_write(at(name), &image, &message) == GAN_OK, "%s", message.text);
    gan_image_free(&image);
}

static inline gan_dataset *open_with(gan_data_options options)
{
    gan_dataset *dataset = NULL;
    options.struct_size = sizeof options;
    if (!options.source)
        options.source = folder;
    ck_assert_msg(gan_dataset_open(&options, &dataset, &message) == GAN_OK, "%s", message.text);
    return dataset;
}

/* The first pixel of a sample, and its label. */
static inline int first_value(const gan_dataset *dataset, int64_t index, int32_t *label)
{
    static uint8_t pixels[1 << 16];
    const gan_data_info *info = gan_dataset_info(dataset);
    ck_assert_int_le(info->height * info->width * info->channels, sizeof pixels);
    ck_assert_msg(gan_dataset_get(dataset, index, pixels, label, &message) == GAN_OK, "%s", message.text);
    return pixels[0];
}

static inline void refused_with(gan_data_options options, gan_status status, const char *text)
{
    gan_dataset *dataset = (gan_dataset *)&message;
    options.struct_size = sizeof options;
    if (!options.source)
        options.source = folder;
    gan_status got = gan_dataset_open(&options, &dataset, &message);
    ck_assert_msg(got == status, "%s, expected %s: %s", gan_status_name(got), gan_status_name(status), message.text);
    ck_assert_msg(strstr(message.text, text) != NULL, "expected \"%s\" in: %s", text, message.text);
    ck_assert_ptr_eq(dataset, (gan_dataset *)&message);
}

/* Sentences of gan_data_check, one per line. */
static char problems[1 << 16];

static inline void note_problem(const char *sentence, void *user)
{
    (void)user;
    size_t used = strlen(problems);
    snprintf(problems + used, sizeof problems - used, "%s\n", sentence);
}

static inline gan_data_summary look_at(gan_data_options options)
{
    gan_data_summary out = {.struct_size = sizeof out};
    options.struct_size = sizeof options;
    if (!options.source)
        options.source = folder;
    problems[0] = '\0';
    ck_assert_msg(gan_data_check(&options, note_problem, NULL, &out, &message) == GAN_OK, "%s", message.text);
    return out;
}

static inline void said(const char *text)
{
    ck_assert_msg(strstr(problems, text) != NULL, "expected \"%s\" in:\n%s", text, problems);
}

#endif
