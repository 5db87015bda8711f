/* folder_source.c - images in a folder and its sub-folders. Links are followed, but not back into a folder above. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/pictures.h"
#include "image/formats.h"

#define MAX_DEPTH   64
#define MAX_ENTRIES 200000000 /* links can make of a few folders a tree without end */

typedef struct walk {
    gan__pictures *pictures;
    char path[PATH_MAX]; /* of what is looked at */
    size_t root;         /* characters of it before the relative name */
    int64_t entries;
    struct {
        dev_t device;
        ino_t inode;
    } above[MAX_DEPTH];
    int depth;
} walk;

static gan_status visit_folder(walk *w, size_t length, gan_message *message);

static bool is_above(const walk *w, const struct stat *info)
{
    for (int i = 0; i < w->depth; i++)
        if (w->above[i].device == info->st_dev && w->above[i].inode == info->st_ino)
            return true;
    return false;
}

static gan_status visit_entry(walk *w, size_t length, const char *name, gan_message *message)
{
    struct stat info;
    if (++w->entries > MAX_ENTRIES)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: more than %d files and folders", w->pictures->source,
                        MAX_ENTRIES);
    size_t used = length + strlen(name) + 1;
    if (used + 1 > sizeof w->path)
        return gan_fail(message, GAN_ERROR_LIMIT, "%.300s/...: a path of more than %d bytes", w->path, PATH_MAX);
    w->path[length] = '/';
    strcpy(w->path + length + 1, name);
    /* What cannot be examined, such as a link that leads nowhere, goes to the list if it is called an image: then it is
     * told of with the others that are wrong. */
    if (stat(w->path, &info) == 0 && S_ISDIR(info.st_mode)) {
        if (gan__picture_is_hidden(name) || is_above(w, &info)) {
            w->pictures->skipped++;
            return GAN_OK;
        }
        return visit_folder(w, used, message);
    }
    return gan__pictures_add(w->pictures, w->path + w->root, 0, message);
}

static gan_status cannot_list(const walk *w, gan_message *message)
{
    return gan_fail(message, errno == ENOMEM ? GAN_ERROR_MEMORY : GAN_ERROR_IO, "%s: the folder cannot be read: %s",
                    w->path, strerror(errno));
}

/* The folder w->path, of `length` characters. */
static gan_status visit_folder(walk *w, size_t length, gan_message *message)
{
    struct stat info;
    if (w->depth == MAX_DEPTH)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: folders lie more than %d deep", w->pictures->source, MAX_DEPTH);
    DIR *folder = opendir(w->path);
    if (!folder || fstat(dirfd(folder), &info) != 0) {
        gan_status status = cannot_list(w, message);
        if (folder)
            closedir(folder);
        return status;
    }
    w->above[w->depth].device = info.st_dev;
    w->above[w->depth++].inode = info.st_ino;
    gan_status status = GAN_OK;
    struct dirent *entry;
    while (errno = 0, status == GAN_OK && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = visit_entry(w, length, entry->d_name, message);
        w->path[length] = '\0';
    }
    if (status == GAN_OK && errno != 0)
        status = cannot_list(w, message);
    closedir(folder);
    w->depth--;
    return status;
}

static gan_status load_file(const gan__pictures *pictures, const gan__picture *item, uint8_t **bytes, size_t *size,
                            gan_message *message)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", pictures->source, gan__picture_name(pictures, item)) >= (int)sizeof path)
        return gan_fail(message, GAN_ERROR_LIMIT, "%.300s...: the path is too long", path);
    return gan__image_load(path, bytes, size, message);
}

/* `expected` is for the sentence that says that there are no images. */
static gan_status list_folder(gan__pictures *pictures, bool labels, const char *expected, gan_message *message)
{
    size_t length = strlen(pictures->source);
    if (length + 1 >= PATH_MAX)
        return gan_fail(message, GAN_ERROR_LIMIT, "%.300s...: the path is too long", pictures->source);
    walk *w = calloc(1, sizeof *w);
    if (!w)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to open it", pictures->source);
    w->pictures = pictures;
    strcpy(w->path, pictures->source);
    w->root = length + 1;
    gan_status status = visit_folder(w, length, message);
    free(w);
    return status == GAN_OK ? gan__pictures_finish(pictures, labels, expected, message) : status;
}

gan_status gan__folder_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    gan__pictures *pictures = gan__pictures_new(options->source, "/");
    if (!pictures)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to open it", options->source);
    pictures->load = load_file;
    gan__source_name(options->source, false, dataset->info.name);
    gan_status status = list_folder(pictures, options->labels,
                                    "PNG or JPEG images in this folder, or train-images-idx3-ubyte[.gz], or "
                                    "data_batch_1.bin",
                                    message);
    if (status == GAN_OK)
        return gan__pictures_open(dataset, options, pictures, message);
    gan__pictures_free(pictures);
    return status;
}

gan_status gan_data_list(const char *folder, gan_data_files *out, gan_message *message)
{
    if (!folder || !*folder || !out)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "no folder of images was named, or no place for their list");
    gan__pictures *pictures = gan__pictures_new(folder, "/");
    if (!pictures)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to open it", folder);
    gan_status status = list_folder(pictures, false, "PNG or JPEG images in this folder", message);
    const char **name = NULL;
    if (status == GAN_OK && !(name = calloc((size_t)pictures->count, sizeof *name)))
        status = gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for the list of its images", folder);
    if (status == GAN_OK) {
        for (int64_t i = 0; i < pictures->count; i++)
            name[i] = gan__picture_name(pictures, &pictures->item[i]);
        *out = (gan_data_files){pictures->count, pictures->skipped, name, pictures->text};
        pictures->text = NULL;
    }
    gan__pictures_free(pictures);
    return status;
}

void gan_data_files_free(gan_data_files *files)
{
    free(files->name);
    free(files->text);
    *files = (gan_data_files){0};
}
