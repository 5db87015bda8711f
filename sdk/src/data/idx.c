#include "data/idx.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "data/regular_file.h"

#define CHUNK            (256u << 10)
#define FIRST_ALLOCATION ((size_t)1 << 20)
#define GZIP_WINDOW      (15 + 16) /* zlib: the largest window, and a gzip header */

/* A source of bytes, plain or gzip, from a file or from memory. */
typedef struct input {
    const char *name;
    int fd;              /* -1: all of it is in `next` already */
    uint8_t *buffer;     /* [CHUNK] that the file is read into */
    const uint8_t *next; /* what was read and not yet used */
    size_t left;
    uint64_t size; /* of the file, as stored */
    bool gzip;
    bool between_members; /* of a gzip file: at its end, or before a further member */
    bool broke_off;       /* the gzip stream ended inside a member */
    z_stream z;
} input;

/* Make left > 0 unless the file has ended. */
static gan_status refill(input *in, gan_message *message)
{
    if (in->left > 0 || in->fd < 0)
        return GAN_OK;
    ssize_t got;
    do {
        got = read(in->fd, in->buffer, CHUNK);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return gan_fail(message, GAN_ERROR_IO, "%s: cannot be read: %s", in->name, strerror(errno));
    in->next = in->buffer;
    in->left = (size_t)got;
    return GAN_OK;
}

static gan_status input_begin(input *in, gan_message *message)
{
    gan_status status = refill(in, message);
    if (status != GAN_OK)
        return status;
    in->gzip = in->left >= 2 && in->next[0] == 0x1f && in->next[1] == 0x8b;
    if (in->gzip && inflateInit2(&in->z, GZIP_WINDOW) != Z_OK) {
        in->gzip = false;
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to decompress it", in->name);
    }
    return GAN_OK;
}

static void input_end(input *in)
{
    if (in->gzip)
        inflateEnd(&in->z);
    free(in->buffer);
    if (in->fd >= 0)
        close(in->fd);
}

static gan_status inflate_error(const input *in, int code, gan_message *message)
{
    if (code == Z_MEM_ERROR)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to decompress it", in->name);
    const char *what = in->z.msg ? in->z.msg : "malformed";
    bool checksum = strstr(what, "check") != NULL && strstr(what, "header") == NULL;
    return gan_fail(message, checksum ? GAN_ERROR_CHECKSUM : GAN_ERROR_FORMAT,
                    "%s: the gzip data is damaged (%s) after %" PRIu64 " decompressed bytes", in->name, what,
                    (uint64_t)in->z.total_out);
}

static gan_status read_gzip(input *in, uint8_t *out, size_t want, size_t *got, gan_message *message)
{
    *got = 0;
    while (*got < want) {
        gan_status status = refill(in, message);
        if (status != GAN_OK)
            return status;
        if (in->left == 0) {
            in->broke_off = !in->between_members;
            return GAN_OK;
        }
        if (in->between_members) {
            if (in->next[0] != 0x1f)
                return gan_fail(message, GAN_ERROR_FORMAT, "%s: bytes follow the end of the gzip data", in->name);
            inflateReset(&in->z);
            in->between_members = false;
        }
        size_t room = want - *got;
        in->z.next_in = (Bytef *)(uintptr_t)in->next; /* zlib's type; it does not write there */
        in->z.avail_in = in->left > CHUNK ? CHUNK : (uInt)in->left;
        in->z.next_out = out + *got;
        in->z.avail_out = room > CHUNK ? CHUNK : (uInt)room;
        uInt offered_in = in->z.avail_in, offered_out = in->z.avail_out;
        int code = inflate(&in->z, Z_NO_FLUSH);
        in->next += offered_in - in->z.avail_in;
        in->left -= offered_in - in->z.avail_in;
        *got += offered_out - in->z.avail_out;
        if (code == Z_STREAM_END)
            in->between_members = true;
        else if (code != Z_OK)
            return inflate_error(in, code, message);
    }
    return GAN_OK;
}

static gan_status read_plain(input *in, uint8_t *out, size_t want, size_t *got, gan_message *message)
{
    *got = 0;
    while (*got < want) {
        gan_status status = refill(in, message);
        if (status != GAN_OK)
            return status;
        if (in->left == 0)
            return GAN_OK;
        size_t n = want - *got < in->left ? want - *got : in->left;
        memcpy(out + *got, in->next, n);
        in->next += n;
        in->left -= n;
        *got += n;
    }
    return GAN_OK;
}

/* Up to `want` bytes; *got is less only where the data ends. */
static gan_status input_read(input *in, uint8_t *out, size_t want, size_t *got, gan_message *message)
{
    return in->gzip ? read_gzip(in, out, want, got, message) : read_plain(in, out, want, got, message);
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static const char *kind_name(gan__idx_kind kind)
{
    return kind == GAN__IDX_IMAGES ? "images" : "labels";
}

static gan_status wrong_magic(const char *name, gan__idx_kind kind, uint32_t magic, gan_message *message)
{
    const char *found = "no IDX file";
    if (magic == 0x803)
        found = "IDX images";
    else if (magic == 0x801)
        found = "IDX labels";
    else if (magic >> 16 == 0)
        found = "IDX data of another type or shape";
    else if (magic == 0x89504e47)
        found = "a PNG file";
    else if (magic >> 8 == 0xffd8ff)
        found = "a JPEG file";
    else if (magic == 0x504b0304)
        found = "a zip archive, whose name must end in .zip";
    return gan_fail(message, GAN_ERROR_FORMAT, "%s: expected IDX %s (magic 0x%08x), found %s (magic 0x%08x)", name,
                    kind_name(kind), 0x800u + (unsigned)kind, found, magic);
}

static gan_status read_header(input *in, gan__idx_kind kind, gan__idx *idx, gan_message *message)
{
    uint8_t header[16];
    size_t length = 4 + 4 * (size_t)kind, got;
    gan_status status = input_read(in, header, length, &got, message);
    if (status != GAN_OK)
        return status;
    if (got >= 4 && big_endian(header) != 0x800u + (unsigned)kind)
        return wrong_magic(in->name, kind, big_endian(header), message);
    if (got < length)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: expected a header of %zu bytes, found %zu bytes%s", in->name,
                        length, got, in->broke_off ? " before the gzip data breaks off" : "");
    idx->count = big_endian(header + 4);
    idx->height = kind == GAN__IDX_IMAGES ? big_endian(header + 8) : 1;
    idx->width = kind == GAN__IDX_IMAGES ? big_endian(header + 12) : 1;
    if (idx->count == 0)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: header says 0 %s, expected at least 1", in->name,
                        kind_name(kind));
    if (idx->height == 0 || idx->width == 0)
        return gan_fail(message, GAN_ERROR_FORMAT,
                        "%s: header says images of %" PRId64 "x%" PRId64 ", expected at least 1x1", in->name,
                        idx->height, idx->width);
    if (idx->height > GAN__IDX_MAX_SIDE || idx->width > GAN__IDX_MAX_SIDE)
        return gan_fail(message, GAN_ERROR_LIMIT,
                        "%s: header says images of %" PRId64 "x%" PRId64 ", at most %dx%d are read", in->name,
                        idx->height, idx->width, GAN__IDX_MAX_SIDE, GAN__IDX_MAX_SIDE);
    return GAN_OK;
}

/* "header says 60000 images of 28x28 (47040000 bytes) but <found>" */
static gan_status wrong_length(const input *in, gan__idx_kind kind, const gan__idx *idx, gan_message *message,
                               const char *found)
{
    int64_t bytes = idx->count * idx->height * idx->width;
    if (kind == GAN__IDX_LABELS)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: header says %" PRId64 " labels but %s", in->name, idx->count,
                        found);
    return gan_fail(message, GAN_ERROR_FORMAT,
                    "%s: header says %" PRId64 " images of %" PRId64 "x%" PRId64 " (%" PRId64 " bytes) but %s",
                    in->name, idx->count, idx->height, idx->width, bytes, found);
}

static gan_status too_short(const input *in, gan__idx_kind kind, const gan__idx *idx, uint64_t found,
                            gan_message *message)
{
    char text[96];
    snprintf(text, sizeof text,
             in->broke_off ? "the gzip data breaks off after %" PRIu64 " of them"
                           : "the file holds only %" PRIu64 " bytes after it",
             found);
    return wrong_length(in, kind, idx, message, text);
}

static gan_status check_end(input *in, gan__idx_kind kind, const gan__idx *idx, gan_message *message)
{
    uint8_t beyond;
    size_t got;
    /* For gzip this also reads the trailer and compares its checksum and length. */
    gan_status status = input_read(in, &beyond, 1, &got, message);
    if (status != GAN_OK)
        return status;
    if (got > 0)
        return wrong_length(in, kind, idx, message, "more bytes than that follow it");
    if (in->broke_off)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: the gzip data breaks off before its checksum", in->name);
    return GAN_OK;
}

static gan_status read_elements(input *in, gan__idx_kind kind, gan__idx *idx, gan_message *message)
{
    uint64_t claim = (uint64_t)idx->count * (uint64_t)idx->height * (uint64_t)idx->width; /* below 2^56 */
    uint64_t header = 4 + 4 * (uint64_t)kind;
    if (!in->gzip && in->size - header < claim)
        return too_short(in, kind, idx, in->size - header, message);
    if (claim > GAN__IDX_MAX_BYTES)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s: header says %" PRIu64 " bytes, at most %" PRIu64 " are read",
                        in->name, claim, GAN__IDX_MAX_BYTES);
    uint64_t held = 0, room = 0;
    while (held < claim) {
        /* A plain file is known to be long enough; of a gzip file only what was decompressed is known. */
        uint64_t more = in->gzip ? (room ? room * 2 : FIRST_ALLOCATION) : claim;
        room = more < claim ? more : claim;
        uint8_t *grown = realloc(idx->data, (size_t)room);
        if (!grown)
            return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for its %" PRIu64 " bytes", in->name, claim);
        idx->data = grown;
        size_t got;
        gan_status status = input_read(in, idx->data + held, (size_t)(room - held), &got, message);
        if (status != GAN_OK)
            return status;
        held += got;
        if (held < room)
            return too_short(in, kind, idx, held, message);
    }
    return check_end(in, kind, idx, message);
}

static gan_status load(input *in, gan__idx_kind kind, gan__idx *out, gan_message *message)
{
    gan__idx idx = {0};
    gan_status status = input_begin(in, message);
    if (status == GAN_OK)
        status = read_header(in, kind, &idx, message);
    if (status == GAN_OK)
        status = read_elements(in, kind, &idx, message);
    input_end(in);
    if (status == GAN_OK)
        *out = idx;
    else
        free(idx.data);
    return status;
}

gan_status gan__idx_load(const char *path, gan__idx_kind kind, gan__idx *out, gan_message *message)
{
    input in = {.name = path, .fd = -1};
    gan_status status = gan__open_regular(path, &in.fd, &in.size, message);
    if (status != GAN_OK)
        return status;
    in.buffer = malloc(CHUNK);
    if (!in.buffer) {
        close(in.fd);
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to read it", path);
    }
    return load(&in, kind, out, message);
}

gan_status gan__idx_load_memory(const void *data, size_t size, const char *name, gan__idx_kind kind, gan__idx *out,
                                gan_message *message)
{
    input in = {.name = name, .fd = -1, .next = data, .left = size, .size = size};
    return load(&in, kind, out, message);
}

void gan__idx_free(gan__idx *idx)
{
    free(idx->data);
    *idx = (gan__idx){0};
}
