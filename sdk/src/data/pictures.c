#define _GNU_SOURCE
#include "data/pictures.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_PICTURES 100000000

/* ---- the list ---- */

gan__pictures *gan__pictures_new(const char *source, const char *separator)
{
    gan__pictures *pictures = calloc(1, sizeof *pictures);
    size_t length = strlen(source);
    if (!pictures || !(pictures->source = strdup(source))) {
        free(pictures);
        return NULL;
    }
    while (length > 1 && source[length - 1] == '/')
        pictures->source[--length] = '\0';
    pictures->separator = separator;
    return pictures;
}

static bool is_image_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

bool gan__picture_is_hidden(const char *name)
{
    return name[0] == '.' || strcmp(name, "__MACOSX") == 0;
}

const char *gan__picture_name(const gan__pictures *pictures, const gan__picture *item)
{
    return pictures->text + item->name;
}

const char *gan__picture_title(const gan__pictures *pictures, const gan__picture *item, char out[GAN__PICTURE_TITLE])
{
    const char *parts[3] = {pictures->source, pictures->separator, gan__picture_name(pictures, item)};
    size_t length = strlen(parts[0]) + strlen(parts[1]) + strlen(parts[2]), n = 0;
    size_t cut = length < GAN__PICTURE_TITLE ? 0 : length - GAN__PICTURE_TITLE + 4, seen = 0;
    if (cut > 0) {
        memcpy(out, "...", 3);
        n = 3;
    }
    for (int i = 0; i < 3; i++)
        for (const char *c = parts[i]; *c; c++)
            if (seen++ >= cut)
                out[n++] = (unsigned char)*c < 32 || *c == 127 ? '?' : *c;
    out[n] = '\0';
    return out;
}

static gan_status no_memory(const gan__pictures *pictures, gan_message *message)
{
    return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for the list of its %" PRId64 " images", pictures->source,
                    pictures->count + 1);
}

static bool store_name(gan__pictures *pictures, const char *name, size_t *at)
{
    size_t size = strlen(name) + 1;
    if (pictures->text_used + size > pictures->text_room) {
        size_t room = 2 * pictures->text_room + size + 4096;
        char *grown = realloc(pictures->text, room);
        if (!grown)
            return false;
        pictures->text = grown;
        pictures->text_room = room;
    }
    *at = pictures->text_used;
    memcpy(pictures->text + pictures->text_used, name, size);
    pictures->text_used += size;
    return true;
}

static bool any_part_is_hidden(const char *name)
{
    char part[16];
    for (const char *at = name; *at;) {
        size_t length = strcspn(at, "/"), n = length < sizeof part - 1 ? length : sizeof part - 1;
        memcpy(part, at, n);
        part[n] = '\0';
        if (gan__picture_is_hidden(part))
            return true;
        at += length + (at[length] == '/');
    }
    return false;
}

gan_status gan__pictures_add(gan__pictures *pictures, const char *name, uint64_t key, gan_message *message)
{
    bool json = strcmp(name, "dataset.json") == 0;
    if (!json && (!is_image_name(name) || any_part_is_hidden(name))) {
        pictures->skipped++;
        return GAN_OK;
    }
    gan__picture item = {.key = key, .label = -1};
    if (!store_name(pictures, name, &item.name))
        return no_memory(pictures, message);
    if (json) {
        pictures->has_json = true;
        pictures->json = item;
        return GAN_OK;
    }
    if (pictures->count == MAX_PICTURES)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: it holds more than %d images", pictures->source, MAX_PICTURES);
    if (pictures->count == pictures->room) {
        int64_t room = 2 * pictures->room + 1024;
        gan__picture *grown = realloc(pictures->item, (size_t)room * sizeof *grown);
        if (!grown)
            return no_memory(pictures, message);
        pictures->item = grown;
        pictures->room = room;
    }
    pictures->item[pictures->count++] = item;
    return GAN_OK;
}

/* A folder's name ends before every other byte, so that its files stay together and folders come in their order. */
static int rank(char c)
{
    return c == '\0' ? 0 : c == '/' ? 1 : (unsigned char)c + 2;
}

int gan__picture_compare(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return rank(*a) - rank(*b);
}

static int compare_items(const void *a, const void *b, void *text)
{
    return gan__picture_compare((const char *)text + ((const gan__picture *)a)->name,
                                (const char *)text + ((const gan__picture *)b)->name);
}

gan_status gan__pictures_finish(gan__pictures *pictures, bool labels, const char *where, gan_message *message)
{
    char title[GAN__PICTURE_TITLE];
    if (pictures->count == 0)
        return gan_fail(message, GAN_ERROR_NOT_FOUND, "%s: expected %s, found none (%" PRId64 " other files)",
                        pictures->source, where, pictures->skipped);
    qsort_r(pictures->item, (size_t)pictures->count, sizeof *pictures->item, compare_items, pictures->text);
    for (int64_t i = 1; i < pictures->count; i++)
        if (compare_items(&pictures->item[i - 1], &pictures->item[i], pictures->text) == 0)
            return gan_fail(message, GAN_ERROR_FORMAT, "%s: there are two files of this name",
                            gan__picture_title(pictures, &pictures->item[i], title));
    return labels ? gan__picture_labels(pictures, message) : GAN_OK;
}

void gan__pictures_free(gan__pictures *pictures)
{
    if (!pictures)
        return;
    if (pictures->close)
        pictures->close(pictures);
    free(pictures->source);
    free(pictures->text);
    free(pictures->item);
    free(pictures->class_name);
    free(pictures);
}

/* ---- images ---- */

gan_status gan__picture_decode(const gan__pictures *pictures, const gan__picture *item, gan_image *out,
                               gan_message *message)
{
    char title[GAN__PICTURE_TITLE];
    uint8_t *bytes = NULL;
    size_t size;
    gan_status status = pictures->load(pictures, item, &bytes, &size, message);
    if (status == GAN_OK)
        status = gan_image_decode(bytes, size, gan__picture_title(pictures, item, title), out, message);
    free(bytes);
    for (char *c = message && status != GAN_OK ? message->text : ""; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) /* of a file's name; a terminal might obey it */
            *c = '?';
    return status;
}

static gan_status read_picture(const gan_dataset *dataset, int64_t index, gan_image *out, int32_t *label,
                               gan_message *message)
{
    const gan__pictures *pictures = dataset->state;
    *label = pictures->item[index].label;
    return gan__picture_decode(pictures, &pictures->item[index], out, message);
}

static const char *name_picture(const gan_dataset *dataset, int64_t index)
{
    const gan__pictures *pictures = dataset->state;
    return gan__picture_name(pictures, &pictures->item[index]);
}

static void close_pictures(gan_dataset *dataset)
{
    gan__pictures_free(dataset->state);
}

gan_status gan__pictures_open(gan_dataset *dataset, const gan_data_options *options, gan__pictures *pictures,
                              gan_message *message)
{
    dataset->state = pictures;
    dataset->close = close_pictures;
    dataset->read = read_picture;
    dataset->name = name_picture;
    dataset->info.count = pictures->count;
    dataset->info.classes = pictures->classes;
    dataset->info.scaled = true;
    gan_status status = GAN_OK;
    if (!dataset->survey)
        status = gan__keep_open(&dataset->keep, pictures->count, options->keep, options->source, message);
    return status == GAN_OK ? gan__pictures_check(dataset, options, message) : status;
}
