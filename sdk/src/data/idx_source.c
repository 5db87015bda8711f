/* idx_source.c - a data set of an IDX images file and the labels file beside it. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/idx.h"
#include "data/source.h"

typedef struct idx_source {
    gan__idx images;
    gan__idx labels; /* data NULL: none */
} idx_source;

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

/* The original names, and those with a dot that some archives of MNIST use. */
static const char *const train_images[] = {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz",
                                           "train-images.idx3-ubyte", "train-images.idx3-ubyte.gz"};

static bool find_in_folder(const char *folder, char path[PATH_MAX])
{
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    for (size_t i = 0; i < sizeof train_images / sizeof train_images[0]; i++)
        if (snprintf(path, PATH_MAX, "%s%s%s", folder, slash, train_images[i]) < PATH_MAX && exists(path))
            return true;
    return false;
}

bool gan__idx_is_folder(const char *path)
{
    char found[PATH_MAX];
    return find_in_folder(path, found);
}

/* ".../train-images-idx3-ubyte.gz" to ".../train-labels-idx1-ubyte[.gz]": the same form first. False: no such file, or
 * a name that says nothing about labels. */
static bool find_labels(const char *images, char path[PATH_MAX])
{
    const char *base = strrchr(images, '/');
    base = base ? base + 1 : images;
    const char *images_word = strstr(base, "images"), *idx_word = strstr(base, "idx3");
    if (!images_word || !idx_word || strlen(images) >= PATH_MAX - 4)
        return false;
    strcpy(path, images);
    memcpy(path + (images_word - images), "labels", 6);
    path[idx_word - images + 3] = '1';
    if (exists(path))
        return true;
    size_t length = strlen(path);
    if (length > 3 && strcmp(path + length - 3, ".gz") == 0)
        path[length - 3] = '\0';
    else
        strcpy(path + length, ".gz");
    return exists(path);
}

static void close_idx(gan_dataset *dataset)
{
    idx_source *source = dataset->state;
    gan__idx_free(&source->images);
    gan__idx_free(&source->labels);
    free(source);
}

static gan_status get_idx(const gan_dataset *dataset, int64_t index, uint8_t *pixels, size_t stride, int32_t *label,
                          gan_message *message)
{
    (void)message;
    const idx_source *source = dataset->state;
    size_t height = (size_t)source->images.height, width = (size_t)source->images.width;
    const uint8_t *image = source->images.data + (size_t)index * height * width;
    if (stride == width)
        memcpy(pixels, image, height * width);
    else
        for (size_t y = 0; y < height; y++)
            memcpy(pixels + y * stride, image + y * width, width);
    *label = source->labels.data ? source->labels.data[index] : -1;
    return GAN_OK;
}

/* That of the folder for a folder and for files with MNIST's names, else the file's name. */
static void name_source(const char *path, bool folder, char out[64])
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    bool standard = !folder && (strstr(base, "-images-idx3") || strstr(base, "-images.idx3"));
    if (!standard) {
        gan__source_name(path, !folder, out);
        return;
    }
    char of_folder[PATH_MAX];
    snprintf(of_folder, sizeof of_folder, "%.*s", base > path ? (int)(base - path) : 1, base > path ? path : ".");
    gan__source_name(of_folder, false, out);
}

static gan_status load_labels(idx_source *source, const char *images_path, const char *path, int64_t *classes,
                              gan_message *message)
{
    gan_status status = gan__idx_load(path, GAN__IDX_LABELS, &source->labels, message);
    if (status != GAN_OK)
        return status;
    if (source->labels.count != source->images.count)
        return gan_fail(message, GAN_ERROR_FORMAT,
                        "%s: holds %" PRId64 " labels, expected %" PRId64 ", the number of images in %s", path,
                        source->labels.count, source->images.count, images_path);
    int highest = 0;
    for (int64_t i = 0; i < source->labels.count; i++)
        if (source->labels.data[i] > highest)
            highest = source->labels.data[i];
    *classes = highest + 1;
    return GAN_OK;
}

gan_status gan__idx_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    char images[PATH_MAX], labels[PATH_MAX];
    bool folder = find_in_folder(options->source, images);
    if (!folder && snprintf(images, sizeof images, "%s", options->source) >= (int)sizeof images)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%.100s...: the path is too long", options->source);
    idx_source *source = calloc(1, sizeof *source);
    if (!source)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to open it", options->source);
    dataset->state = source;
    dataset->close = close_idx;
    dataset->get = get_idx;
    gan_status status = gan__idx_load(images, GAN__IDX_IMAGES, &source->images, message);
    if (status != GAN_OK)
        return status;
    dataset->info.count = source->images.count;
    dataset->info.height = source->images.height;
    dataset->info.width = source->images.width;
    dataset->info.channels = 1;
    dataset->info.scaled = true;
    name_source(folder ? options->source : images, folder, dataset->info.name);
    if (options->labels && find_labels(images, labels))
        return load_labels(source, images, labels, &dataset->info.classes, message);
    return GAN_OK;
}
