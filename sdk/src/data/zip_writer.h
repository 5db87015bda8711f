/*
 * zip_writer.h - archives of stored files, written one after another. Internal to data/.
 *
 * libzip holds every file until it closes an archive; here each goes to the disk as it comes. The format is that of
 * PKWARE's APPNOTE.TXT 6.3.3, with its 64-bit records where the numbers need them.
 */
#ifndef GAN_DATA_ZIP_WRITER_H
#define GAN_DATA_ZIP_WRITER_H

#include <stdint.h>

#include "io/atomic.h"

typedef struct gan__zip_writer {
    gan__atomic file;
    uint64_t offset; /* bytes written */
    uint64_t count;  /* files */
    uint8_t *directory;
    size_t used, room;
} gan__zip_writer;

/* After success end with gan__zip_writer_commit or gan__zip_writer_discard. */
gan_status gan__zip_writer_open(gan__zip_writer *writer, const char *path, gan_message *message);
/* A file of less than 4 GiB; the name is ASCII. */
gan_status gan__zip_writer_add(gan__zip_writer *writer, const char *name, const void *bytes, size_t size,
                               gan_message *message);
/* Write the directory, sync, rename. Ends the writer in any case. */
gan_status gan__zip_writer_commit(gan__zip_writer *writer, gan_message *message);
void gan__zip_writer_discard(gan__zip_writer *writer);

#endif
