#include "data/zip_writer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LOCAL_SIZE    30
#define ENTRY_SIZE    (46 + 12) /* of the directory, with a 64-bit offset */
#define MAX_NAME      256
#define FIRST_DAY     0x0021 /* 1980-01-01: the same images give the same bytes */
#define VERSION       20
#define VERSION_64    45
#define MADE_ON_UNIX  (3 << 8)
#define FILE_MODE     (0100644u << 16)
#define NOT_IN_32_BIT 0xffffffffu
#define NOT_IN_16_BIT 0xffffu

/* Little-endian numbers, one after another. */
typedef struct bytes {
    uint8_t *at;
} bytes;

static void put(bytes *b, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        *b->at++ = (uint8_t)(value >> (8 * i));
}

gan_status gan__zip_writer_open(gan__zip_writer *writer, const char *path, gan_message *message)
{
    *writer = (gan__zip_writer){0};
    return gan__atomic_open(&writer->file, path, message);
}

void gan__zip_writer_discard(gan__zip_writer *writer)
{
    free(writer->directory);
    writer->directory = NULL;
    gan__atomic_discard(&writer->file);
}

static gan_status write_bytes(gan__zip_writer *writer, const void *data, size_t size, gan_message *message)
{
    writer->offset += size;
    return gan__atomic_write(&writer->file, data, size, message);
}

/* What the local header and the directory both say. */
static void put_common(bytes *b, uint32_t crc, size_t size, size_t name_length, bool wide)
{
    put(b, wide ? VERSION_64 : VERSION, 2);
    put(b, 0, 2); /* flags */
    put(b, 0, 2); /* stored */
    put(b, 0, 2); /* midnight */
    put(b, FIRST_DAY, 2);
    put(b, crc, 4);
    put(b, size, 4);
    put(b, size, 4);
    put(b, name_length, 2);
}

static gan_status note_entry(gan__zip_writer *writer, const char *name, uint32_t crc, size_t size, gan_message *message)
{
    size_t length = strlen(name);
    if (writer->used + ENTRY_SIZE + length > writer->room) {
        size_t room = 2 * writer->room + ENTRY_SIZE + MAX_NAME;
        uint8_t *grown = realloc(writer->directory, room);
        if (!grown)
            return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for its directory", writer->file.path);
        writer->directory = grown;
        writer->room = room;
    }
    bytes b = {writer->directory + writer->used};
    bool wide = writer->offset >= NOT_IN_32_BIT;
    put(&b, 0x02014b50, 4);
    put(&b, MADE_ON_UNIX | VERSION_64, 2);
    put_common(&b, crc, size, length, wide);
    put(&b, wide ? 12 : 0, 2); /* extra */
    put(&b, 0, 2);             /* comment */
    put(&b, 0, 2);             /* disk */
    put(&b, 0, 2);             /* internal attributes */
    put(&b, FILE_MODE, 4);
    put(&b, wide ? NOT_IN_32_BIT : writer->offset, 4);
    memcpy(b.at, name, length);
    b.at += length;
    if (wide) {
        put(&b, 1, 2); /* 64-bit numbers follow: */
        put(&b, 8, 2);
        put(&b, writer->offset, 8);
    }
    writer->used = (size_t)(b.at - writer->directory);
    writer->count++;
    return GAN_OK;
}

gan_status gan__zip_writer_add(gan__zip_writer *writer, const char *name, const void *data, size_t size,
                               gan_message *message)
{
    uint8_t header[LOCAL_SIZE];
    bytes b = {header};
    size_t length = strlen(name);
    if (size >= NOT_IN_32_BIT || length > MAX_NAME)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: %.100s is too large for an archive", writer->file.path, name);
    uint32_t crc = (uint32_t)crc32_z(0, data, size);
    put(&b, 0x04034b50, 4);
    put_common(&b, crc, size, length, false);
    put(&b, 0, 2); /* extra */
    gan_status status = note_entry(writer, name, crc, size, message);
    if (status == GAN_OK)
        status = write_bytes(writer, header, sizeof header, message);
    if (status == GAN_OK)
        status = write_bytes(writer, name, length, message);
    return status == GAN_OK ? write_bytes(writer, data, size, message) : status;
}

static gan_status write_end(gan__zip_writer *writer, uint64_t start, gan_message *message)
{
    uint8_t record[56 + 20 + 22];
    bytes b = {record};
    uint64_t count = writer->count, size = writer->used;
    bool wide = count >= NOT_IN_16_BIT || start >= NOT_IN_32_BIT || size >= NOT_IN_32_BIT;
    if (wide) {
        put(&b, 0x06064b50, 4);
        put(&b, 44, 8); /* bytes of this record that follow */
        put(&b, MADE_ON_UNIX | VERSION_64, 2);
        put(&b, VERSION_64, 2);
        put(&b, 0, 4); /* disks */
        put(&b, 0, 4);
        put(&b, count, 8);
        put(&b, count, 8);
        put(&b, size, 8);
        put(&b, start, 8);
        put(&b, 0x07064b50, 4);
        put(&b, 0, 4);
        put(&b, start + size, 8);
        put(&b, 1, 4); /* disks in all */
    }
    put(&b, 0x06054b50, 4);
    put(&b, 0, 4); /* disks */
    put(&b, wide ? NOT_IN_16_BIT : count, 2);
    put(&b, wide ? NOT_IN_16_BIT : count, 2);
    put(&b, wide ? NOT_IN_32_BIT : size, 4);
    put(&b, wide ? NOT_IN_32_BIT : start, 4);
    put(&b, 0, 2); /* comment */
    return write_bytes(writer, record, (size_t)(b.at - record), message);
}

gan_status gan__zip_writer_commit(gan__zip_writer *writer, gan_message *message)
{
    uint64_t start = writer->offset;
    gan_status status = write_bytes(writer, writer->directory, writer->used, message);
    if (status == GAN_OK)
        status = write_end(writer, start, message);
    if (status != GAN_OK) {
        gan__zip_writer_discard(writer);
        return status;
    }
    free(writer->directory);
    writer->directory = NULL;
    return gan__atomic_commit(&writer->file, message);
}
