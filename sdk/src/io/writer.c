/*
 * writer.c - writing safetensors files.
 *
 * Tensors are written in the order of falling element size, so that each is aligned to its elements, as other writers
 * of the format do; among equals in the order in which they were added.
 */
#include "safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <zlib.h>

#include "atomic.h"
#include "core/internal.h"

#define CRC_DIGITS 8
/* How each header begins, so that the place of the checksum's digits is known. */
#define HEADER_START "{\"" GAN__FILE_TEXT_KEY "\":{\"" GAN__FILE_CRC_KEY "\":\""

typedef struct entry {
    char *name;
    const gan_tensor *tensor; /* NULL: the number */
    double number;
    gan_layout layout;
    int order;
} entry;

struct gan_file_writer {
    entry *entries;
    int count, capacity;
    json_t *names; /* a set */
    json_t *text;
};

gan_file_writer *gan_file_writer_create(void)
{
    gan_file_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return NULL;
    writer->names = json_object();
    writer->text = json_object();
    if (!writer->names || !writer->text ||
        json_object_set_new(writer->text, GAN__FILE_CRC_KEY, json_string("00000000")) < 0 ||
        json_object_set_new(writer->text, GAN__FILE_VERSION_KEY, json_string(GAN_VERSION_STRING)) < 0) {
        gan_file_writer_destroy(writer);
        return NULL;
    }
    return writer;
}

void gan_file_writer_destroy(gan_file_writer *writer)
{
    if (!writer)
        return;
    for (int i = 0; i < writer->count; i++)
        free(writer->entries[i].name);
    free(writer->entries);
    json_decref(writer->names);
    json_decref(writer->text);
    free(writer);
}

/* ---- collecting ---- */

/* UTF-8 as JSON takes it (Unicode, table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const char *text)
{
    static const struct {
        unsigned char first, last, low, high; /* of the first byte; of the second */
        int more;
    } forms[] = {{0x01, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 0x80, 0xbf, 1}, {0xe0, 0xe0, 0xa0, 0xbf, 2},
                 {0xe1, 0xec, 0x80, 0xbf, 2}, {0xed, 0xed, 0x80, 0x9f, 2}, {0xee, 0xef, 0x80, 0xbf, 2},
                 {0xf0, 0xf0, 0x90, 0xbf, 3}, {0xf1, 0xf3, 0x80, 0xbf, 3}, {0xf4, 0xf4, 0x80, 0x8f, 3}};
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        int form = 0;
        while (form < 9 && (*at < forms[form].first || *at > forms[form].last))
            form++;
        if (form == 9 || (forms[form].more && (at[1] < forms[form].low || at[1] > forms[form].high)))
            return false;
        for (int i = 2; i <= forms[form].more; i++)
            if ((at[i] & 0xc0) != 0x80)
                return false;
        at += 1 + forms[form].more;
    }
    return true;
}

static gan_status add_entry(gan_file_writer *writer, const char *name, entry item, gan_message *message)
{
    if (!name || !*name || strlen(name) > GAN__FILE_NAME_MAX || strcmp(name, GAN__FILE_TEXT_KEY) == 0 || !is_utf8(name))
        return gan_fail(message, GAN_ERROR_ARGUMENT, "\"%.100s\" is no name of a tensor in a file", name ? name : "");
    if (writer->count == GAN_FILE_TENSORS_MAX)
        return gan_fail(message, GAN_ERROR_LIMIT, "a file holds at most %d tensors", GAN_FILE_TENSORS_MAX);
    if (json_object_get(writer->names, name))
        return gan_fail(message, GAN_ERROR_ARGUMENT, "the tensor \"%.200s\" is already in the file", name);
    if (writer->count == writer->capacity) {
        int capacity = writer->capacity ? writer->capacity * 2 : 64;
        entry *entries = realloc(writer->entries, (size_t)capacity * sizeof *entries);
        if (!entries)
            return gan_fail(message, GAN_ERROR_MEMORY, "out of memory for the tensor \"%.200s\"", name);
        writer->entries = entries;
        writer->capacity = capacity;
    }
    item.name = strdup(name);
    if (!item.name || json_object_set_new(writer->names, name, json_true()) < 0) {
        free(item.name);
        return gan_fail(message, GAN_ERROR_MEMORY, "out of memory for the tensor \"%.200s\"", name);
    }
    item.order = writer->count;
    writer->entries[writer->count++] = item;
    return GAN_OK;
}

gan_status gan_file_add(gan_file_writer *writer, const char *name, const gan_tensor *tensor, gan_layout layout,
                        gan_message *message)
{
    if (!tensor || gan_is_poison(tensor))
        return gan_fail(message, GAN_ERROR_ARGUMENT, "the tensor \"%.200s\" has no value to write", name ? name : "");
    if (layout == GAN_LAYOUT_CONV_WEIGHT && gan_ndim(tensor) != 4)
        return gan_fail(message, GAN_ERROR_SHAPE,
                        "the tensor \"%.200s\" has %d dimensions; a convolution's weight has 4", name ? name : "",
                        gan_ndim(tensor));
    return add_entry(writer, name, (entry){.tensor = tensor, .layout = layout}, message);
}

gan_status gan_file_add_number(gan_file_writer *writer, const char *name, double value, gan_message *message)
{
    return add_entry(writer, name, (entry){.number = value}, message);
}

gan_status gan_file_add_text(gan_file_writer *writer, const char *key, const char *value, gan_message *message)
{
    if (!key || !value || strcmp(key, GAN__FILE_CRC_KEY) == 0 || strcmp(key, GAN__FILE_VERSION_KEY) == 0)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "\"%.100s\" is no key of a file's metadata", key ? key : "");
    if (!is_utf8(key) || !is_utf8(value))
        return gan_fail(message, GAN_ERROR_ARGUMENT, "the metadata \"%.100s\" is not UTF-8", key);
    if (json_object_set_new(writer->text, key, json_string(value)) < 0)
        return gan_fail(message, GAN_ERROR_MEMORY, "out of memory for the metadata \"%.100s\"", key);
    return GAN_OK;
}

/* ---- the header ---- */

static size_t element_size(const entry *e)
{
    return e->tensor ? gan_dtype_size(gan_dtype_of(e->tensor)) : sizeof(double);
}

static size_t entry_bytes(const entry *e)
{
    return e->tensor ? (size_t)gan_count(e->tensor) * element_size(e) : sizeof(double);
}

static int by_element_size(const void *pa, const void *pb)
{
    const entry *a = pa, *b = pb;
    if (element_size(a) != element_size(b))
        return element_size(a) > element_size(b) ? -1 : 1;
    return a->order - b->order;
}

static json_t *entry_json(const entry *e, size_t begin)
{
    gan_shape shape = e->tensor ? gan__file_shape(gan_shape_of(e->tensor), e->layout) : GAN_SCALAR;
    json_t *dims = json_array();
    for (int i = 0; i < shape.ndim; i++)
        json_array_append_new(dims, json_integer(shape.dim[i]));
    gan__file_dtype dtype = e->tensor ? gan__file_dtype_of(gan_dtype_of(e->tensor)) : GAN__FILE_F64;
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", gan__file_dtype_name(dtype), "shape", dims, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + entry_bytes(e)));
}

/* The header's text, padded with spaces to a multiple of 8 bytes; NULL when memory is short. */
static char *header_text(const gan_file_writer *writer, size_t *size)
{
    json_t *root = json_object();
    size_t offset = 0;
    int failed = json_object_set(root, GAN__FILE_TEXT_KEY, writer->text);
    for (int i = 0; i < writer->count; i++) {
        failed |= json_object_set_new(root, writer->entries[i].name, entry_json(&writer->entries[i], offset));
        offset += entry_bytes(&writer->entries[i]);
    }
    size_t length = failed ? 0 : json_dumpb(root, NULL, 0, JSON_COMPACT);
    *size = (length + 7) / 8 * 8;
    char *text = length ? malloc(*size) : NULL;
    if (text) {
        memset(text, ' ', *size);
        if (json_dumpb(root, text, length, JSON_COMPACT) != length) { /* it may want memory again */
            free(text);
            text = NULL;
        }
    }
    json_decref(root);
    return text;
}

/* ---- the data ---- */

/* The value as bytes in the file's layout; the caller frees it. NULL when memory is short or the device failed. */
static void *entry_data(const entry *e)
{
    size_t bytes = entry_bytes(e);
    char *data = malloc(bytes ? bytes : 1);
    if (!data)
        return NULL;
    if (!e->tensor) {
        memcpy(data, &e->number, sizeof e->number);
        return data;
    }
    gan_context *ctx = e->tensor->ctx;
    if (bytes && ctx->backend->ops->copy_out(ctx->backend, data, e->tensor->storage->data, bytes) != GAN_OK) {
        free(data);
        return NULL;
    }
    if (e->layout != GAN_LAYOUT_CONV_WEIGHT)
        return data;
    const int64_t *dim = e->tensor->shape.dim;
    char *permuted = malloc(bytes ? bytes : 1);
    if (permuted)
        gan__file_permute(data, permuted, dim[0], dim[1] * dim[2], dim[3], element_size(e));
    free(data);
    return permuted;
}

static gan_status write_bytes(gan__atomic *file, uLong *crc, const void *data, size_t size, gan_message *message)
{
    *crc = crc32_z(*crc, data, size);
    return gan__atomic_write(file, data, size, message);
}

static gan_status write_all(const gan_file_writer *writer, gan__atomic *file, const char *header, size_t size,
                            gan_message *message)
{
    uint64_t length = size; /* the machine is little-endian, see safetensors.h */
    uLong crc = 0;
    gan_status status = write_bytes(file, &crc, &length, sizeof length, message);
    if (status == GAN_OK)
        status = write_bytes(file, &crc, header, size, message);
    for (int i = 0; i < writer->count && status == GAN_OK; i++) {
        const entry *e = &writer->entries[i];
        void *data = entry_data(e);
        if (!data)
            return gan_fail(message, GAN_ERROR_MEMORY, "cannot write %.500s: no memory to read the tensor \"%.200s\"",
                            file->path, e->name);
        status = write_bytes(file, &crc, data, entry_bytes(e), message);
        free(data);
    }
    if (status != GAN_OK)
        return status;
    char digits[CRC_DIGITS + 1];
    snprintf(digits, sizeof digits, "%08" PRIx32, (uint32_t)crc);
    return gan__atomic_patch(file, (off_t)(sizeof length + strlen(HEADER_START)), digits, CRC_DIGITS, message);
}

gan_status gan_file_commit(gan_file_writer *writer, const char *path, gan_message *message)
{
    if (!path)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "a file to write has no name");
    if (writer->count)
        qsort(writer->entries, (size_t)writer->count, sizeof *writer->entries, by_element_size);
    size_t size;
    char *header = header_text(writer, &size);
    if (!header)
        return gan_fail(message, GAN_ERROR_MEMORY, "cannot write %.700s: no memory for its header", path);
    gan__atomic file;
    gan_status status;
    if (size > GAN_FILE_HEADER_MAX)
        status =
            gan_fail(message, GAN_ERROR_LIMIT, "cannot write %.700s: its header would have %zu bytes, more than %u",
                     path, size, GAN_FILE_HEADER_MAX);
    else
        status = gan__atomic_open(&file, path, message);
    if (status == GAN_OK) {
        status = write_all(writer, &file, header, size, message);
        if (status == GAN_OK)
            status = gan__atomic_commit(&file, message);
        else
            gan__atomic_discard(&file);
    }
    free(header);
    return status;
}
