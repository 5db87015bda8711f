/*
 * cifar_source.c - CIFAR-10's binary files (https://www.cs.toronto.edu/~kriz/cifar.html): records of one label, 0 to 9,
 * and 32x32 bytes each of red, green and blue.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/regular_file.h"
#include "data/source.h"

#define SIDE      32
#define PLANE     (SIDE * SIDE)
#define RECORD    (1 + 3 * PLANE)
#define CLASSES   10
#define BATCHES   5
#define MAX_BYTES ((uint64_t)4 << 30) /* of all files */

typedef struct cifar {
    uint8_t *records; /* [count, RECORD] */
    uint64_t size;
    bool labels;
} cifar;

static gan_status get_record(const gan_dataset *dataset, int64_t index, uint8_t *pixels, size_t stride, int32_t *label,
                             gan_message *message)
{
    (void)message;
    const cifar *c = dataset->state;
    const uint8_t *record = c->records + (size_t)index * RECORD, *from = record + 1;
    *label = c->labels ? record[0] : -1;
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < SIDE; x++, from++)
            for (size_t channel = 0; channel < 3; channel++)
                pixels[y * stride + 3 * x + channel] = from[channel * PLANE];
    return GAN_OK;
}

static void close_cifar(gan_dataset *dataset)
{
    cifar *c = dataset->state;
    free(c->records);
    free(c);
}

static gan_status check_labels(const char *path, const uint8_t *records, uint64_t size, gan_message *message)
{
    for (uint64_t at = 0; at < size; at += RECORD)
        if (records[at] >= CLASSES)
            return gan_fail(message, GAN_ERROR_FORMAT,
                            "%s: image %" PRIu64 " has the label %d, expected 0 to %d; is it a CIFAR-10 file?", path,
                            at / RECORD, records[at], CLASSES - 1);
    return GAN_OK;
}

static gan_status read_records(cifar *c, int fd, const char *path, uint64_t size, gan_message *message)
{
    if (size == 0 || size % RECORD != 0)
        return gan_fail(message, GAN_ERROR_FORMAT,
                        "%s: expected CIFAR-10 records of %d bytes each, found %" PRIu64
                        " bytes, which are no multiple",
                        path, RECORD, size);
    if (size > MAX_BYTES - c->size)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: more than %" PRIu64 " bytes of CIFAR-10 records", path,
                        MAX_BYTES);
    uint8_t *grown = realloc(c->records, (size_t)(c->size + size));
    if (!grown)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for its %" PRIu64 " bytes", path, size);
    c->records = grown;
    for (uint64_t have = 0; have < size;) {
        ssize_t got = read(fd, grown + c->size + have, (size_t)(size - have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return gan_fail(message, GAN_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
        if (got == 0)
            return gan_fail(message, GAN_ERROR_IO, "%s: became shorter while it was read", path);
        have += (uint64_t)got;
    }
    c->size += size;
    return check_labels(path, grown + c->size - size, size, message);
}

static gan_status load(cifar *c, const char *path, gan_message *message)
{
    int fd;
    uint64_t size;
    gan_status status = gan__open_regular(path, &fd, &size, message);
    if (status != GAN_OK)
        return status;
    status = read_records(c, fd, path, size, message);
    close(fd);
    return status;
}

static gan_status load_folder(cifar *c, const char *folder, gan_message *message)
{
    char path[PATH_MAX];
    gan_status status = GAN_OK;
    for (int i = 1; i <= BATCHES && status == GAN_OK; i++) {
        if (snprintf(path, sizeof path, "%s/data_batch_%d.bin", folder, i) >= (int)sizeof path)
            return gan_fail(message, GAN_ERROR_LIMIT, "%.300s...: the path is too long", folder);
        status = load(c, path, message);
    }
    return status;
}

gan_status gan__cifar_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    struct stat info;
    cifar *c = calloc(1, sizeof *c);
    if (!c)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to open it", options->source);
    c->labels = options->labels;
    dataset->state = c;
    dataset->close = close_cifar;
    dataset->get = get_record;
    bool folder = stat(options->source, &info) == 0 && S_ISDIR(info.st_mode);
    gan_status status = (folder ? load_folder : load)(c, options->source, message);
    if (status != GAN_OK)
        return status;
    gan__source_name(options->source, !folder, dataset->info.name);
    dataset->info.count = (int64_t)(c->size / RECORD);
    dataset->info.height = dataset->info.width = SIDE;
    dataset->info.channels = 3;
    dataset->info.classes = options->labels ? CLASSES : 0;
    dataset->info.scaled = true;
    return GAN_OK;
}
