#define _GNU_SOURCE
#include "judge_images.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static gan_status cut_out(const gan_image *image, const char *name, gan_image *out, gan_message *message)
{
    if (image->width < JUDGE_SIDE || image->height < JUDGE_SIDE || image->width > JUDGE_CROP_MAX ||
        image->height > JUDGE_CROP_MAX)
        return gan_fail(
            message, GAN_ERROR_SHAPE,
            "%s: expected an image of %dx%d, or larger by a padding to cut off, at most %dx%d, found %" PRId64
            "x%" PRId64 "; --scale resamples any size",
            name, JUDGE_SIDE, JUDGE_SIDE, JUDGE_CROP_MAX, JUDGE_CROP_MAX, image->width, image->height);
    return gan_image_crop(image, (image->width - JUDGE_SIDE) / 2, (image->height - JUDGE_SIDE) / 2, JUDGE_SIDE,
                          JUDGE_SIDE, out, message);
}

gan_status judge_prepare(gan_image *image, bool scale, const char *name, uint8_t out[JUDGE_PIXELS],
                         gan_message *message)
{
    gan_image fitted = {0};
    gan_status status = gan_image_convert(image, 1, message);
    if (status)
        return status;
    if (!scale)
        status = cut_out(image, name, &fitted, message);
    else if (image->width != image->height)
        status = gan_fail(message, GAN_ERROR_SHAPE, "%s: expected a square image, found %" PRId64 "x%" PRId64, name,
                          image->width, image->height);
    else
        status = gan_image_resize(image, JUDGE_SIDE, JUDGE_SIDE, GAN_FILTER_LANCZOS, &fitted, message);
    if (!status)
        memcpy(out, fitted.pixels, JUDGE_PIXELS);
    gan_image_free(&fitted);
    return status;
}

static int is_png(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".png") == 0;
}

/* Names of one folder, in order, so that the first bad file is always the same. */
typedef struct listing {
    struct dirent **entries;
    int count;
} listing;

static gan_status list(const char *folder, listing *out, gan_message *message)
{
    out->count = scandir(folder, &out->entries, is_png, alphasort);
    if (out->count >= 0)
        return GAN_OK;
    out->count = 0;
    return gan_fail(message, errno == ENOENT ? GAN_ERROR_NOT_FOUND : GAN_ERROR_IO, "%s: cannot be listed: %s", folder,
                    strerror(errno));
}

static void free_listing(listing *names)
{
    for (int i = 0; i < names->count; i++)
        free(names->entries[i]);
    free(names->entries);
}

static gan_status read_one(const char *folder, const char *name, bool scale, uint8_t out[JUDGE_PIXELS],
                           gan_message *message)
{
    char path[PATH_MAX];
    gan_image image;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%.100s...: the path is too long", folder);
    gan_status status = gan_png_read(path, &image, message);
    if (status)
        return status;
    status = judge_prepare(&image, scale, path, out, message);
    gan_image_free(&image);
    return status;
}

static gan_status count_files(gan_layer *network, const char *folder, const listing *names, int32_t label, bool scale,
                              judge_tally *tally, gan_message *message)
{
    judge_batch *batch = malloc(sizeof *batch);
    gan_status status = batch ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for a batch");
    for (int done = 0; done < names->count && !status; done += JUDGE_BATCH) {
        for (batch->n = 0; batch->n < JUDGE_BATCH && done + batch->n < names->count && !status; batch->n++) {
            batch->labels[batch->n] = label;
            status = read_one(folder, names->entries[done + batch->n]->d_name, scale, batch->images[batch->n], message);
        }
        if (!status)
            status = judge_classify(network, batch, message);
        if (!status)
            judge_count(tally, batch->probabilities[0], batch->labels, batch->n);
    }
    free(batch);
    return status;
}

static gan_status count_folder(gan_layer *network, const char *folder, int32_t label, bool scale, judge_tally *tally,
                               gan_message *message)
{
    listing names = {0};
    gan_status status = list(folder, &names, message);
    if (!status)
        status = count_files(network, folder, &names, label, scale, tally, message);
    free_listing(&names);
    return status;
}

gan_status judge_folder(gan_layer *network, const char *folder, int32_t label, bool scale, judge_tally *tally,
                        gan_message *message)
{
    int64_t before = tally->images;
    gan_status status = count_folder(network, folder, label, scale, tally, message);
    for (int c = 0; c < JUDGE_CLASSES && !status; c++) {
        char path[PATH_MAX];
        struct stat info;
        if (snprintf(path, sizeof path, "%s/%d", folder, c) >= (int)sizeof path)
            return gan_fail(message, GAN_ERROR_ARGUMENT, "%.100s...: the path is too long", folder);
        if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            status = count_folder(network, path, c, scale, tally, message);
    }
    if (!status && tally->images == before)
        return gan_fail(message, GAN_ERROR_NOT_FOUND,
                        "%s: expected PNG files here or in sub-folders named 0 to %d, found none", folder,
                        JUDGE_CLASSES - 1);
    return status;
}
