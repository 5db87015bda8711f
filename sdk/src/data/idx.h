/*
 * idx.h - IDX files, the format of MNIST (http://yann.lecun.com/exdb/mnist/): four bytes of magic (two zeros, the
 * element type, the number of dimensions), each dimension as a big-endian 32-bit number, then the elements. Only
 * unsigned bytes are read, with one dimension (labels) or three (images). Files may be gzip-compressed.
 */
#ifndef GAN_DATA_IDX_H
#define GAN_DATA_IDX_H

#include <gan/status.h>
#include <stddef.h>
#include <stdint.h>

#define GAN__IDX_MAX_SIDE  4096                /* pixels */
#define GAN__IDX_MAX_BYTES ((uint64_t)4 << 30) /* of one file, uncompressed */

typedef enum gan__idx_kind {
    GAN__IDX_LABELS = 1, /* the number of dimensions */
    GAN__IDX_IMAGES = 3
} gan__idx_kind;

typedef struct gan__idx {
    int64_t count;
    int64_t height, width; /* 1 for labels */
    uint8_t *data;         /* [count, height, width]; free with gan__idx_free */
} gan__idx;

/* Read and check a whole file. Memory grows with what the file really holds, never with what its header claims.
 * Errors: GAN_ERROR_NOT_FOUND, _IO, _FORMAT, _CHECKSUM (gzip), _LIMIT, _MEMORY; the sentence begins with the path. */
gan_status gan__idx_load(const char *path, gan__idx_kind kind, gan__idx *out, gan_message *message);

/* The same from memory, for tests and fuzzing. `name` stands for the path in messages. */
gan_status gan__idx_load_memory(const void *data, size_t size, const char *name, gan__idx_kind kind, gan__idx *out,
                                gan_message *message);

void gan__idx_free(gan__idx *idx);

#endif
