/*
 * zip_source.c - images in a zip archive, stored or deflated.
 *
 * libzip's handles are for one thread at a time. Each load takes one from a stack of open ones, or opens another; so
 * there come to be as many as threads ever loaded at once.
 */
#define _GNU_SOURCE
#include "data/zip_source.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "data/pictures.h"
#include "data/regular_file.h"

#define MAX_ENTRY     ((uint64_t)1 << 29) /* bytes of one file, decompressed */
#define DEFLATE_RATIO 1032                /* no deflated byte can become more than that */

typedef struct handle {
    zip_t *zip;
    struct handle *next;
} handle;

typedef struct archive {
    const void *bytes; /* of an archive in memory; NULL: a file */
    size_t size;
    char top[256]; /* "folder/", which all files lie in and which is no part of their names here */
    char separator[260];
    pthread_mutex_t lock;
    handle *idle;
} archive;

/* libzip says "not a zip archive", too, of one that memory was short for. Whoever calls it sets errno to 0 before. */
static gan_status fail(const char *name, zip_error_t *error, gan_message *message)
{
    int code = zip_error_code_zip(error);
    gan_status status = GAN_ERROR_FORMAT;
    if (code == ZIP_ER_MEMORY || zip_error_code_system(error) == ENOMEM || errno == ENOMEM)
        status = GAN_ERROR_MEMORY;
    else if (code == ZIP_ER_CRC)
        status = GAN_ERROR_CHECKSUM;
    else if (code == ZIP_ER_READ || code == ZIP_ER_OPEN)
        status = GAN_ERROR_IO;
    return gan_fail(message, status, "%s: %s", name, zip_error_strerror(error));
}

/* ---- handles ---- */

static gan_status open_file(const char *path, zip_t **out, gan_message *message)
{
    int fd, code;
    uint64_t size;
    gan_status status = gan__open_regular(path, &fd, &size, message);
    if (status != GAN_OK)
        return status;
    errno = 0;
    *out = zip_fdopen(fd, 0, &code); /* closes the descriptor when it succeeds */
    if (*out)
        return GAN_OK;
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    status = fail(path, &error, message);
    zip_error_fini(&error);
    close(fd);
    return status;
}

static gan_status open_memory(const archive *a, const char *name, zip_t **out, gan_message *message)
{
    zip_error_t error;
    errno = 0;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(a->bytes, a->size, 0, &error);
    *out = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    gan_status status = GAN_OK;
    if (!*out) {
        zip_source_free(source);
        status = fail(name, &error, message);
    }
    zip_error_fini(&error);
    return status;
}

static gan_status take_handle(const gan__pictures *pictures, handle **out, gan_message *message)
{
    archive *a = pictures->store;
    pthread_mutex_lock(&a->lock);
    handle *h = a->idle;
    if (h)
        a->idle = h->next;
    pthread_mutex_unlock(&a->lock);
    if (h) {
        *out = h;
        return GAN_OK;
    }
    h = calloc(1, sizeof *h);
    if (!h)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to open it", pictures->source);
    gan_status status =
        a->bytes ? open_memory(a, pictures->source, &h->zip, message) : open_file(pictures->source, &h->zip, message);
    if (status == GAN_OK)
        *out = h;
    else
        free(h);
    return status;
}

static void give_handle(const gan__pictures *pictures, handle *h)
{
    archive *a = pictures->store;
    pthread_mutex_lock(&a->lock);
    h->next = a->idle;
    a->idle = h;
    pthread_mutex_unlock(&a->lock);
}

static void close_archive(gan__pictures *pictures)
{
    archive *a = pictures->store;
    while (a->idle) {
        handle *h = a->idle;
        a->idle = h->next;
        zip_discard(h->zip);
        free(h);
    }
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* ---- files ---- */

static gan_status read_entry(zip_t *zip, const zip_stat_t *info, const char *title, uint8_t **bytes, size_t *size,
                             gan_message *message)
{
    errno = 0;
    zip_file_t *file = zip_fopen_index(zip, info->index, 0);
    if (!file)
        return fail(title, zip_get_error(zip), message);
    gan_status status = GAN_OK;
    uint8_t *data = malloc((size_t)info->size + 1);
    /* One byte more than there should be: reaching the end is what makes libzip compare the checksum. */
    zip_int64_t got = data ? zip_fread(file, data, info->size + 1) : 0;
    if (!data)
        status =
            gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for its %" PRIu64 " bytes", title, (uint64_t)info->size);
    else if (got < 0)
        status = fail(title, zip_file_get_error(file), message);
    else if ((uint64_t)got != info->size)
        status = gan_fail(message, GAN_ERROR_FORMAT, "%s: expected %" PRIu64 " bytes, found %s", title,
                          (uint64_t)info->size, (uint64_t)got < info->size ? "fewer" : "more");
    else if (zip_fread(file, data + got, 1) < 0)
        status = fail(title, zip_file_get_error(file), message);
    zip_fclose(file);
    if (status != GAN_OK) {
        free(data);
        return status;
    }
    *bytes = data;
    *size = (size_t)got;
    return GAN_OK;
}

static bool is_the_same(const archive *a, const char *stored, const char *name)
{
    size_t top = strlen(a->top), length = strlen(stored), n = strlen(name);
    return length >= top + n && strcmp(stored + length - n, name) == 0;
}

static gan_status load_entry(const gan__pictures *pictures, const gan__picture *item, uint8_t **bytes, size_t *size,
                             gan_message *message)
{
    char title[GAN__PICTURE_TITLE];
    zip_stat_t info;
    handle *h;
    gan_status status = take_handle(pictures, &h, message);
    if (status != GAN_OK)
        return status;
    gan__picture_title(pictures, item, title);
    if (zip_stat_index(h->zip, item->key, 0, &info) != 0 ||
        !is_the_same(pictures->store, info.name, gan__picture_name(pictures, item)))
        status = gan_fail(message, GAN_ERROR_FORMAT, "%s: the archive has changed while it was in use", title);
    else if (info.size > MAX_ENTRY)
        status = gan_fail(message, GAN_ERROR_LIMIT, "%s: it has %" PRIu64 " bytes, at most %" PRIu64 " are read", title,
                          (uint64_t)info.size, MAX_ENTRY);
    else if (info.size / DEFLATE_RATIO > info.comp_size)
        status = gan_fail(message, GAN_ERROR_FORMAT,
                          "%s: it claims %" PRIu64 " bytes, but %" PRIu64 " compressed ones cannot hold them", title,
                          (uint64_t)info.size, (uint64_t)info.comp_size);
    else
        status = read_entry(h->zip, &info, title, bytes, size, message);
    give_handle(pictures, h);
    return status;
}

/* ---- the list ---- */

/* The name as it is used here: without "./" or "/" before it, which some programs write. */
static const char *plain_name(const char *name)
{
    while (name[0] == '/' || (name[0] == '.' && name[1] == '/'))
        name += name[0] == '/' ? 1 : 2;
    return name;
}

static bool is_folder(const char *name)
{
    size_t length = strlen(name);
    return length == 0 || name[length - 1] == '/';
}

/* Archives of a folder hold its name before everything: "pets/cats/1.png", "pets/dogs/1.png". That is no class. */
static void find_top(archive *a, zip_t *zip, zip_int64_t count)
{
    for (zip_int64_t i = 0; i < count; i++) {
        const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
        if (!name || is_folder(name = plain_name(name)) || gan__picture_is_hidden(name) ||
            strncmp(name, "__MACOSX/", 9) == 0)
            continue;
        size_t length = strcspn(name, "/") + 1;
        bool inside = name[length - 1] == '/' && length < sizeof a->top;
        if (!inside || (a->top[0] && (strncmp(a->top, name, length) != 0 || a->top[length]))) {
            a->top[0] = '\0';
            return;
        }
        memcpy(a->top, name, length);
        a->top[length] = '\0';
    }
}

/* What cannot be read by anyone is refused at once, not file by file. */
static gan_status check_entry(const gan__pictures *pictures, const zip_stat_t *info, gan_message *message)
{
    if (info->encryption_method != ZIP_EM_NONE)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "%s: %.200s is encrypted; unpack the archive, and pack it again without a password",
                        pictures->source, info->name);
    if (info->comp_method != ZIP_CM_STORE && info->comp_method != ZIP_CM_DEFLATE)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "%s: %.200s is compressed by method %d, expected stored or deflated files", pictures->source,
                        info->name, info->comp_method);
    return GAN_OK;
}

static gan_status list_entries(gan__pictures *pictures, zip_t *zip, gan_message *message)
{
    archive *a = pictures->store;
    zip_int64_t count = zip_get_num_entries(zip, 0);
    find_top(a, zip, count);
    snprintf(a->separator, sizeof a->separator, ": %s", a->top);
    size_t top = strlen(a->top);
    gan_status status = GAN_OK;
    for (zip_int64_t i = 0; i < count && status == GAN_OK; i++) {
        zip_stat_t info;
        errno = 0;
        if (zip_stat_index(zip, (zip_uint64_t)i, 0, &info) != 0)
            return fail(pictures->source, zip_get_error(zip), message);
        const char *name = plain_name(info.name);
        if (is_folder(name))
            continue;
        int64_t before = pictures->count;
        status = gan__pictures_add(pictures, strncmp(name, a->top, top) == 0 ? name + top : name, (uint64_t)i, message);
        if (status == GAN_OK && pictures->count > before)
            status = check_entry(pictures, &info, message);
    }
    return status;
}

static gan_status open_archive(gan_dataset *dataset, const gan_data_options *options, gan__pictures *pictures,
                               gan_message *message)
{
    handle *h;
    gan_status status = take_handle(pictures, &h, message);
    if (status != GAN_OK)
        return status;
    status = list_entries(pictures, h->zip, message);
    give_handle(pictures, h);
    if (status == GAN_OK)
        status = gan__pictures_finish(pictures, options->labels, "PNG or JPEG images in this archive", message);
    gan__source_name(options->source, true, dataset->info.name);
    return status;
}

gan_status gan__zip_open_memory(gan_dataset *dataset, const gan_data_options *options, const void *bytes, size_t size,
                                gan_message *message)
{
    gan__pictures *pictures = gan__pictures_new(options->source, ": ");
    archive *a = calloc(1, sizeof *a);
    if (!pictures || !a) {
        gan__pictures_free(pictures);
        free(a);
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to open it", options->source);
    }
    a->bytes = bytes;
    a->size = size;
    pthread_mutex_init(&a->lock, NULL);
    pictures->store = a;
    pictures->separator = a->separator;
    pictures->load = load_entry;
    pictures->close = close_archive;
    gan_status status = open_archive(dataset, options, pictures, message);
    if (status == GAN_OK)
        return gan__pictures_open(dataset, options, pictures, message);
    gan__pictures_free(pictures);
    return status;
}

gan_status gan__zip_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    return gan__zip_open_memory(dataset, options, NULL, 0, message);
}
