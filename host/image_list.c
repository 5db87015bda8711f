#define _GNU_SOURCE
#include "image_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- stems ---- */

static int compare_to_stem(const char *name, const char *stem, size_t length)
{
    size_t own = text_stem(name), common = own < length ? own : length;
    int order = memcmp(name, stem, common);
    return order ? order : (own > length) - (own < length);
}

static int compare_stems(const void *a, const void *b, void *user)
{
    const char *const *name = user, *second = name[*(const int64_t *)b];
    return compare_to_stem(name[*(const int64_t *)a], second, text_stem(second));
}

static gan_status sort_stems(image_list *list, const char *option, gan_message *message)
{
    const char **name = list->files.name;
    list->by_stem = calloc((size_t)list->count, sizeof *list->by_stem);
    if (!list->by_stem)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for the list of its images", list->source);
    for (int64_t i = 0; i < list->count; i++)
        list->by_stem[i] = i;
    qsort_r(list->by_stem, (size_t)list->count, sizeof *list->by_stem, compare_stems, name);
    for (int64_t i = 1; i < list->count; i++)
        if (compare_stems(&list->by_stem[i - 1], &list->by_stem[i], name) == 0)
            return gan_fail(message, GAN_ERROR_OPTION,
                            "%s %.300s: %.300s and %.300s have one name but for their endings; rename one of them",
                            option, list->source, name[list->by_stem[i - 1]], name[list->by_stem[i]]);
    return GAN_OK;
}

/* ---- opening ---- */

static gan_status open_drawn(image_list *list, const char *option, int64_t count, const session *s,
                             gan_message *message)
{
    uint64_t seed = (uint64_t)config_int(&s->config, "seed");
    gan_data_options options = {
        .struct_size = sizeof options,
        .source = list->source,
        .resolution = s->info.height,
        .seed = session_domain_seed(seed, 0, true),
        .builtin_count = count,
        .threads = (int)config_int(&s->config, "threads"),
    };
    gan_status status = gan_dataset_open(&options, &list->drawn, message);
    if (status)
        return status;
    if (!gan_dataset_info(list->drawn)->scaled)
        return gan_fail(message, GAN_ERROR_OPTION, "%s takes images, but %s holds none", option, list->source);
    list->count = gan_dataset_info(list->drawn)->count;
    return GAN_OK;
}

static gan_status open_files(image_list *list, const char *option, gan_message *message)
{
    struct stat info;
    if (stat(list->source, &info) != 0)
        return gan_fail(message, errno == ENOENT || errno == ENOTDIR ? GAN_ERROR_NOT_FOUND : GAN_ERROR_IO,
                        "%s %.2000s: %s", option, list->source, strerror(errno));
    if (!S_ISDIR(info.st_mode)) {
        list->single = true;
        list->count = 1;
        return GAN_OK;
    }
    gan_status status = gan_data_list(list->source, &list->files, message);
    list->count = list->files.count;
    return status ? status : sort_stems(list, option, message);
}

gan_status image_list_open(image_list *list, const char *option, const char *source, int64_t drawn, const session *s,
                           gan_message *message)
{
    *list = (image_list){0};
    gan_status status = path_format(list->source, message, "%s", source);
    if (!status && strncmp(source, "builtin:", 8) == 0)
        status = open_drawn(list, option, drawn, s, message);
    else if (!status)
        status = open_files(list, option, message);
    if (status)
        image_list_close(list);
    return status;
}

void image_list_close(image_list *list)
{
    gan_data_files_free(&list->files);
    gan_dataset_close(list->drawn);
    free(list->by_stem);
    *list = (image_list){0};
}

/* ---- images ---- */

gan_status image_list_stem(const image_list *list, int64_t i, char out[PATH_SIZE], gan_message *message)
{
    if (list->drawn)
        return path_format(out, message, "%06" PRId64, i);
    const char *slash = strrchr(list->source, '/');
    const char *name = !list->single ? list->files.name[i] : slash ? slash + 1 : list->source;
    return path_format(out, message, "%.*s", (int)text_stem(name), name);
}

int64_t image_list_find(const image_list *list, const char *stem)
{
    gan_message message;
    char first[PATH_SIZE];
    if (list->drawn) {
        size_t digits = strspn(stem, "0123456789");
        int64_t i = digits >= 6 && digits < 16 && !stem[digits] ? strtoll(stem, NULL, 10) : -1;
        return i < list->count ? i : -1;
    }
    if (list->single)
        return image_list_stem(list, 0, first, &message) == GAN_OK && strcmp(first, stem) == 0 ? 0 : -1;
    int64_t low = 0, high = list->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = compare_to_stem(list->files.name[list->by_stem[middle]], stem, strlen(stem));
        if (order == 0)
            return list->by_stem[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

bool image_list_path(const image_list *list, int64_t i, char out[PATH_SIZE])
{
    gan_message message;
    if (list->drawn)
        return false;
    if (list->single)
        return path_format(out, &message, "%s", list->source) == GAN_OK;
    return path_format(out, &message, "%s/%s", list->source, list->files.name[i]) == GAN_OK;
}

static gan_status draw(const image_list *list, int64_t i, gan_image *out, gan_message *message)
{
    const gan_data_info *info = gan_dataset_info(list->drawn);
    gan_image image = {0};
    gan_status status = gan_image_create(&image, info->width, info->height, (int)info->channels, message);
    if (!status)
        status = gan_dataset_get(list->drawn, i, image.pixels, NULL, message);
    if (status)
        gan_image_free(&image);
    else
        *out = image;
    return status;
}

gan_status image_list_read(const image_list *list, int64_t i, gan_image *out, gan_message *message)
{
    char path[PATH_SIZE];
    if (list->drawn)
        return draw(list, i, out, message);
    if (!image_list_path(list, i, path))
        return gan_fail(message, GAN_ERROR_LIMIT, "%.300s/...%.300s: the path is longer than %d characters",
                        list->source, list->files.name[i], PATH_SIZE - 1);
    return gan_image_read(path, out, message);
}
