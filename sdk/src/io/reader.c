/*
 * reader.c - reading safetensors files, which may come from anywhere: nothing in them is believed before it is checked.
 *
 * The file is read, not mapped: a file that another process cuts short while it is mapped would kill this one. The
 * header is read and checked against the file's size first, so that no memory is taken for data that is not there.
 */
#include "safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <zlib.h>

#include "core/internal.h"

#define PREFIX            8 /* bytes of the header's length */
#define HEADER_DEPTH      3 /* object, tensor, shape */
#define HEADER_VALUES_MAX (16u * GAN_FILE_TENSORS_MAX)

typedef struct entry {
    const char *name; /* owned by the header's JSON, as is type */
    const char *type;
    gan__file_dtype dtype;
    gan_shape shape;
    size_t begin, end; /* in data */
} entry;

struct gan_file {
    char *path; /* for messages */
    char *header;
    size_t header_size;
    json_t *json;
    json_t *text; /* borrowed from json; may be NULL */
    char *data;
    size_t data_size;
    entry *entries; /* in the order of their data */
    entry **by_name;
    int count;
};

/* Every sentence begins with the path. */
#define REFUSE(file, status, ...) refuse((file)->path, message, status, __VA_ARGS__)

static gan_status refuse(const char *path, gan_message *message, gan_status status, const char *format, ...)
    GAN_PRINTF(4, 5);

static gan_status refuse(const char *path, gan_message *message, gan_status status, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return gan_fail(message, status, "%.400s: %s", path, text);
}

/* ---- the header ---- */

/* The header must be flat and not have more values than the most tensors need: a parser's tree takes many times the
 * memory of its text. */
static gan_status check_structure(const gan_file *file, gan_message *message)
{
    unsigned depth = 0, values = 0;
    bool in_string = false;
    for (size_t i = 0; i < file->header_size; i++) {
        char c = file->header[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        in_string = c == '"';
        values += c == ',' || c == '[' || c == '{';
        if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        if (depth > HEADER_DEPTH)
            return REFUSE(file, GAN_ERROR_FORMAT, "the header is nested deeper than a safetensors header");
        if (values > HEADER_VALUES_MAX)
            return REFUSE(file, GAN_ERROR_FORMAT, "the header has more than %u values", HEADER_VALUES_MAX);
    }
    return GAN_OK;
}

static gan_status parse_header(gan_file *file, gan_message *message)
{
    if (file->header_size == 0 || file->header[0] != '{')
        return REFUSE(file, GAN_ERROR_FORMAT, "not a safetensors file: the header does not begin with {");
    gan_status status = check_structure(file, message);
    if (status != GAN_OK)
        return status;
    json_error_t error;
    errno = 0; /* the parser calls the text wrong when memory ran out; only malloc tells */
    file->json = json_loadb(file->header, file->header_size, JSON_REJECT_DUPLICATES, &error);
    if (!file->json && errno == ENOMEM)
        return REFUSE(file, GAN_ERROR_MEMORY, "out of memory for the header");
    if (!file->json)
        return REFUSE(file, GAN_ERROR_FORMAT, "the header is not valid JSON at byte %d: %s", error.position,
                      error.text);
    return GAN_OK;
}

static gan_status check_text(gan_file *file, json_t *text, gan_message *message)
{
    const char *key;
    json_t *value;
    if (!json_is_object(text))
        return REFUSE(file, GAN_ERROR_FORMAT, "the metadata is not a table of texts");
    json_object_foreach(text, key, value) if (!json_is_string(value)) return REFUSE(
        file, GAN_ERROR_FORMAT, "the metadata \"%.100s\" is not text", key);
    file->text = text;
    return GAN_OK;
}

static gan_status read_shape(gan_file *file, entry *e, const json_t *dims, gan_message *message)
{
    if (json_array_size(dims) > GAN_MAX_DIMS)
        return REFUSE(file, GAN_ERROR_FORMAT, "the tensor \"%.200s\" has %zu dimensions; at most %d are supported",
                      e->name, json_array_size(dims), GAN_MAX_DIMS);
    e->shape.ndim = (int)json_array_size(dims);
    for (int i = 0; i < e->shape.ndim; i++) {
        const json_t *dim = json_array_get(dims, (size_t)i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return REFUSE(file, GAN_ERROR_FORMAT,
                          "the shape of the tensor \"%.200s\" is not of whole numbers of at least 0", e->name);
        e->shape.dim[i] = json_integer_value(dim);
    }
    return GAN_OK;
}

/* Elements of a shape. A zero does not excuse other dimensions whose product overflows. */
static bool count_elements(gan_shape shape, uint64_t *count)
{
    uint64_t product = 1;
    bool empty = false;
    for (int i = 0; i < shape.ndim; i++) {
        empty |= shape.dim[i] == 0;
        if (shape.dim[i] && __builtin_mul_overflow(product, (uint64_t)shape.dim[i], &product))
            return false;
    }
    *count = empty ? 0 : product;
    return product <= (uint64_t)INT64_MAX / sizeof(double);
}

static gan_status read_offsets(gan_file *file, entry *e, const json_t *offsets, size_t element, gan_message *message)
{
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
        return REFUSE(file, GAN_ERROR_FORMAT, "the offsets of the tensor \"%.200s\" are not two rising whole numbers",
                      e->name);
    if ((uint64_t)json_integer_value(end) > file->data_size)
        return REFUSE(file, GAN_ERROR_FORMAT,
                      "the tensor \"%.200s\" ends at byte %" JSON_INTEGER_FORMAT " of the data, but there are %zu",
                      e->name, json_integer_value(end), file->data_size);
    e->begin = (size_t)json_integer_value(begin);
    e->end = (size_t)json_integer_value(end);
    uint64_t count;
    char text[160];
    if (!count_elements(e->shape, &count))
        return REFUSE(file, GAN_ERROR_FORMAT, "the tensor \"%.200s\" has too many elements: %s", e->name,
                      gan_shape_text(e->shape, text, sizeof text));
    if (element && count * element != e->end - e->begin)
        return REFUSE(file, GAN_ERROR_FORMAT,
                      "the tensor \"%.200s\" is %s %s, %" PRIu64 " bytes, but has %zu in the file", e->name, e->type,
                      gan_shape_text(e->shape, text, sizeof text), count * element, e->end - e->begin);
    return GAN_OK;
}

static gan_status read_entry(gan_file *file, entry *e, json_t *json, gan_message *message)
{
    if (!*e->name || strlen(e->name) > GAN__FILE_NAME_MAX)
        return REFUSE(file, GAN_ERROR_FORMAT, "a tensor's name has %zu bytes; 1 to %d are supported", strlen(e->name),
                      GAN__FILE_NAME_MAX);
    const json_t *dtype = json_object_get(json, "dtype"), *shape = json_object_get(json, "shape");
    const json_t *offsets = json_object_get(json, "data_offsets");
    if (json_object_size(json) != 3 || !json_is_string(dtype) || !json_is_array(shape) || !json_is_array(offsets))
        return REFUSE(file, GAN_ERROR_FORMAT,
                      "the tensor \"%.200s\" does not have exactly dtype, shape and data_offsets", e->name);
    size_t element;
    e->type = json_string_value(dtype);
    if (json_string_length(dtype) == 0 || json_string_length(dtype) > 16)
        return REFUSE(file, GAN_ERROR_FORMAT, "the dtype of the tensor \"%.200s\" is no name of a type", e->name);
    e->dtype = gan__file_dtype_find(e->type, &element);
    gan_status status = read_shape(file, e, shape, message);
    return status == GAN_OK ? read_offsets(file, e, offsets, element, message) : status;
}

static int by_offset(const void *pa, const void *pb)
{
    const entry *a = pa, *b = pb;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int by_name(const void *pa, const void *pb)
{
    const entry *const *a = pa, *const *b = pb;
    return strcmp((*a)->name, (*b)->name);
}

/* Each byte of the data belongs to exactly one tensor. */
static gan_status check_cover(const gan_file *file, gan_message *message)
{
    size_t at = 0;
    for (int i = 0; i < file->count; i++) {
        const entry *e = &file->entries[i];
        if (e->begin < at)
            return REFUSE(file, GAN_ERROR_FORMAT, "the tensor \"%.200s\" overlaps the one before it", e->name);
        if (e->begin > at)
            return REFUSE(file, GAN_ERROR_FORMAT, "%zu bytes before the tensor \"%.200s\" belong to no tensor",
                          e->begin - at, e->name);
        at = e->end;
    }
    if (at != file->data_size)
        return REFUSE(file, GAN_ERROR_FORMAT, "%zu bytes after the last tensor belong to none", file->data_size - at);
    return GAN_OK;
}

static gan_status read_entries(gan_file *file, gan_message *message)
{
    size_t most = json_object_size(file->json);
    if (most > GAN_FILE_TENSORS_MAX + 1)
        return REFUSE(file, GAN_ERROR_FORMAT, "the file has more than %d tensors", GAN_FILE_TENSORS_MAX);
    file->entries = calloc(most + 1, sizeof *file->entries);
    file->by_name = calloc(most + 1, sizeof *file->by_name);
    if (!file->entries || !file->by_name)
        return REFUSE(file, GAN_ERROR_MEMORY, "out of memory for %zu tensors", most);
    const char *name;
    json_t *value;
    gan_status status = GAN_OK;
    json_object_foreach(file->json, name, value)
    {
        if (strcmp(name, GAN__FILE_TEXT_KEY) == 0) {
            status = check_text(file, value, message);
        } else {
            file->entries[file->count].name = name;
            status = read_entry(file, &file->entries[file->count++], value, message);
        }
        if (status != GAN_OK)
            return status;
    }
    qsort(file->entries, (size_t)file->count, sizeof *file->entries, by_offset);
    for (int i = 0; i < file->count; i++)
        file->by_name[i] = &file->entries[i];
    qsort(file->by_name, (size_t)file->count, sizeof *file->by_name, by_name);
    return check_cover(file, message);
}

/* ---- the checksum ---- */

/* Where in the header the digits of the checksum are; NULL if they are not written plainly. Inside a string each quote
 * is escaped, and no other value of a checked header is a string under this key, so the first match is the one. */
static char *find_digits(const gan_file *file, const char *digits)
{
    static const char key[] = "\"" GAN__FILE_CRC_KEY "\"";
    const size_t length = sizeof key - 1, tail = 8 + 1;
    char *end = file->header + file->header_size;
    for (char *at = file->header; (size_t)(end - at) > length + tail; at++) {
        at = memchr(at, '"', (size_t)(end - at) - length - tail);
        if (!at)
            return NULL;
        if (memcmp(at, key, length) != 0)
            continue;
        char *value = at + length;
        while (value < end && strchr(" \t\r\n:", *value))
            value++;
        if ((size_t)(end - value) > tail && value[0] == '"' && memcmp(value + 1, digits, 8) == 0 && value[9] == '"')
            return value + 1;
    }
    return NULL;
}

static gan_status check_sum(gan_file *file, gan_message *message)
{
    const char *digits = gan_file_text(file, GAN__FILE_CRC_KEY);
    if (!digits && gan_file_text(file, GAN__FILE_VERSION_KEY))
        return REFUSE(file, GAN_ERROR_CHECKSUM, "the checksum is missing; the file was altered");
    if (!digits)
        return GAN_OK;
    char *place = strlen(digits) == 8 ? find_digits(file, digits) : NULL;
    if (!place)
        return REFUSE(file, GAN_ERROR_CHECKSUM,
                      "the checksum is not of eight hexadecimal digits; the file was altered");
    uint64_t length = file->header_size;
    char found[9];
    memcpy(place, "00000000", 8);
    uLong crc = crc32_z(0, (const Bytef *)&length, PREFIX);
    crc = crc32_z(crc, (const Bytef *)file->header, file->header_size);
    if (file->data_size)
        crc = crc32_z(crc, (const Bytef *)file->data, file->data_size);
    memcpy(place, digits, 8);
    snprintf(found, sizeof found, "%08" PRIx32, (uint32_t)crc);
    if (memcmp(found, digits, 8) != 0)
        return REFUSE(file, GAN_ERROR_CHECKSUM,
                      "the checksum is %s, but the file's bytes have %s; it is torn or was altered", digits, found);
    return GAN_OK;
}

/* ---- opening ---- */

/* Where the bytes come from: a descriptor, or memory. */
typedef struct source {
    int fd;
    const char *memory;
    size_t size;
} source;

static gan_status read_bytes(gan_file *file, source *from, void *out, size_t size, gan_message *message)
{
    if (from->memory) {
        memcpy(out, from->memory, size);
        from->memory += size;
        return GAN_OK;
    }
    for (size_t done = 0; done < size;) {
        ssize_t n = read(from->fd, (char *)out + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return REFUSE(file, GAN_ERROR_IO, "cannot be read: %m");
        if (n == 0)
            return REFUSE(file, GAN_ERROR_IO, "became shorter while it was read");
        done += (size_t)n;
    }
    return GAN_OK;
}

static gan_status read_header(gan_file *file, source *from, gan_message *message)
{
    uint64_t length;
    if (from->size < PREFIX)
        return REFUSE(file, GAN_ERROR_FORMAT, "not a safetensors file: it has only %zu bytes", from->size);
    gan_status status = read_bytes(file, from, &length, PREFIX, message);
    if (status != GAN_OK)
        return status;
    if (length > from->size - PREFIX)
        return REFUSE(file, GAN_ERROR_FORMAT,
                      "not a safetensors file, or cut short: a header of %" PRIu64 " bytes, but the file has %zu",
                      length, from->size);
    if (length > GAN_FILE_HEADER_MAX)
        return REFUSE(file, GAN_ERROR_FORMAT, "a header of %" PRIu64 " bytes; at most %u are accepted", length,
                      GAN_FILE_HEADER_MAX);
    file->header_size = (size_t)length;
    file->data_size = from->size - PREFIX - file->header_size;
    file->header = malloc(file->header_size + 1);
    if (!file->header)
        return REFUSE(file, GAN_ERROR_MEMORY, "out of memory for a header of %zu bytes", file->header_size);
    return read_bytes(file, from, file->header, file->header_size, message);
}

static gan_status read_file(gan_file *file, source *from, gan_message *message)
{
    gan_status status = read_header(file, from, message);
    if (status == GAN_OK)
        status = parse_header(file, message);
    if (status == GAN_OK)
        status = read_entries(file, message);
    if (status != GAN_OK)
        return status;
    file->data = malloc(file->data_size + 1);
    if (!file->data)
        return REFUSE(file, GAN_ERROR_MEMORY, "out of memory for %zu bytes", file->data_size);
    status = read_bytes(file, from, file->data, file->data_size, message);
    return status == GAN_OK ? check_sum(file, message) : status;
}

static gan_status open_source(source *from, const char *path, gan_file **out, gan_message *message)
{
    gan_file *file = calloc(1, sizeof *file);
    if (file)
        file->path = strdup(path);
    if (!file || !file->path) {
        free(file);
        return gan_fail(message, GAN_ERROR_MEMORY, "%.400s: out of memory", path);
    }
    gan_status status = read_file(file, from, message);
    if (status == GAN_OK)
        *out = file;
    else
        gan_file_close(file);
    return status;
}

gan_status gan_file_open(const char *path, gan_file **out, gan_message *message)
{
    if (!path || !out)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "gan_file_open: path and out must not be NULL");
    /* Not blocking: opening a pipe would wait for a writer. It changes nothing for files. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse(path, message, errno == ENOENT || errno == ENOTDIR ? GAN_ERROR_NOT_FOUND : GAN_ERROR_IO,
                      "cannot be opened: %m");
    struct stat info;
    gan_status status;
    if (fstat(fd, &info) < 0)
        status = refuse(path, message, GAN_ERROR_IO, "cannot be read: %m");
    else if (!S_ISREG(info.st_mode))
        status = refuse(path, message, GAN_ERROR_IO, "is not a file");
    else
        status = open_source(&(source){.fd = fd, .size = (size_t)info.st_size}, path, out, message);
    close(fd);
    return status;
}

gan_status gan_file_open_memory(const void *data, size_t size, const char *name, gan_file **out, gan_message *message)
{
    if (!data || !out)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "gan_file_open_memory: data and out must not be NULL");
    return open_source(&(source){.fd = -1, .memory = data, .size = size}, name ? name : "memory", out, message);
}

void gan_file_close(gan_file *file)
{
    if (!file)
        return;
    json_decref(file->json);
    free(file->by_name);
    free(file->entries);
    free(file->data);
    free(file->header);
    free(file->path);
    free(file);
}

/* ---- looking ---- */

int gan_file_count(const gan_file *file)
{
    return file->count;
}

const char *gan_file_name_at(const gan_file *file, int index)
{
    return index >= 0 && index < file->count ? file->entries[index].name : NULL;
}

static const entry *find(const gan_file *file, const char *name)
{
    if (!name || file->count == 0)
        return NULL;
    const entry key = {.name = name}, *key_pointer = &key;
    entry **found = bsearch(&key_pointer, file->by_name, (size_t)file->count, sizeof *file->by_name, by_name);
    return found ? *found : NULL;
}

bool gan_file_has(const gan_file *file, const char *name)
{
    return find(file, name) != NULL;
}

bool gan_file_info(const gan_file *file, const char *name, gan_shape *shape, const char **dtype)
{
    const entry *e = find(file, name);
    if (e && shape)
        *shape = e->shape;
    if (e && dtype)
        *dtype = e->type;
    return e != NULL;
}

const void *gan_file_data(const gan_file *file, const char *name, size_t *bytes)
{
    const entry *e = find(file, name);
    if (e && bytes)
        *bytes = e->end - e->begin;
    return e ? file->data + e->begin : NULL;
}

const char *gan_file_text(const gan_file *file, const char *key)
{
    return key ? json_string_value(json_object_get(file->text, key)) : NULL;
}

/* ---- reading tensors ---- */

/* The tensor's value from the file's bytes, in the file's order and the tensor's element type; `out` has room for
 * it as f32. */
static bool convert(const gan_file *file, const entry *e, gan_dtype dtype, void *out)
{
    const char *bytes = file->data + e->begin;
    size_t count = (size_t)gan_shape_count(e->shape);
    if (e->dtype == gan__file_dtype_of(dtype)) {
        memcpy(out, bytes, e->end - e->begin);
        return true;
    }
    bool number = e->dtype == GAN__FILE_F64 || e->dtype == GAN__FILE_F32 || e->dtype == GAN__FILE_F16 ||
                  e->dtype == GAN__FILE_BF16;
    if (!number || (dtype != GAN_F32 && dtype != GAN_BF16))
        return false;
    gan__file_widen(e->dtype, bytes, out, count);
    if (dtype == GAN_BF16)
        gan__file_narrow(out, out, count);
    return true;
}

static gan_status store(const gan_file *file, const entry *e, gan_tensor *tensor, const void *value,
                        gan_message *message)
{
    gan_context *ctx = tensor->ctx;
    size_t bytes = (size_t)gan_count(tensor) * gan_dtype_size(tensor->dtype);
    gan__storage_touch(ctx, tensor->storage);
    gan_status status = bytes ? ctx->backend->ops->copy_in(ctx->backend, tensor->storage->data, value, bytes) : GAN_OK;
    if (status != GAN_OK)
        return REFUSE(file, status, "the tensor \"%.200s\" cannot be copied to the device", e->name);
    return GAN_OK;
}

static gan_status check_target(const gan_file *file, const char *name, const gan_tensor *tensor, gan_layout layout,
                               gan_message *message)
{
    const entry *e = find(file, name);
    char have[160], want[160];
    if (!tensor || gan_is_poison(tensor))
        return REFUSE(file, GAN_ERROR_ARGUMENT, "no tensor to read \"%.200s\" into", name ? name : "");
    if (!e)
        return REFUSE(file, GAN_ERROR_NOT_FOUND, "there is no tensor \"%.200s\"", name ? name : "");
    if (layout == GAN_LAYOUT_CONV_WEIGHT && gan_ndim(tensor) != 4)
        return REFUSE(file, GAN_ERROR_SHAPE,
                      "the tensor \"%.200s\" is to be read as a convolution's weight, which has 4 "
                      "dimensions, not %d",
                      name, gan_ndim(tensor));
    gan_shape shape = gan__file_shape(gan_shape_of(tensor), layout);
    if (!gan_shape_equal(shape, e->shape))
        return REFUSE(file, GAN_ERROR_SHAPE, "the tensor \"%.200s\" is %s, but %s is needed", name,
                      gan_shape_text(e->shape, have, sizeof have), gan_shape_text(shape, want, sizeof want));
    return GAN_OK;
}

gan_status gan_file_read(const gan_file *file, const char *name, gan_tensor *tensor, gan_layout layout,
                         gan_message *message)
{
    gan_status status = check_target(file, name, tensor, layout, message);
    if (status != GAN_OK)
        return status;
    const entry *e = find(file, name);
    const int64_t *dim = tensor->shape.dim;
    size_t room = (size_t)gan_count(tensor) * sizeof(float) + sizeof(float);
    bool permuted = layout == GAN_LAYOUT_CONV_WEIGHT;
    char *value = malloc(room), *turned = permuted ? malloc(room) : NULL;
    if (!value || (permuted && !turned))
        status = REFUSE(file, GAN_ERROR_MEMORY, "out of memory for the tensor \"%.200s\"", name);
    else if (!convert(file, e, tensor->dtype, value))
        status = REFUSE(file, GAN_ERROR_DTYPE, "the tensor \"%.200s\" is %s, but %s is needed", name, e->type,
                        gan_dtype_name(tensor->dtype));
    else if (permuted)
        gan__file_permute(value, turned, dim[0], dim[3], dim[1] * dim[2], gan_dtype_size(tensor->dtype));
    if (status == GAN_OK)
        status = store(file, e, tensor, permuted ? turned : value, message);
    free(value);
    free(turned);
    return status;
}

gan_status gan_file_read_number(const gan_file *file, const char *name, double *value, gan_message *message)
{
    const entry *e = find(file, name);
    if (!e)
        return REFUSE(file, GAN_ERROR_NOT_FOUND, "there is no number \"%.200s\"", name ? name : "");
    char text[160];
    if (gan_shape_count(e->shape) != 1)
        return REFUSE(file, GAN_ERROR_SHAPE, "\"%.200s\" is not a number but a tensor %s", name,
                      gan_shape_text(e->shape, text, sizeof text));
    if (e->dtype != GAN__FILE_F64)
        return REFUSE(file, GAN_ERROR_DTYPE, "the number \"%.200s\" is %s, but F64 is needed", name, e->type);
    memcpy(value, file->data + e->begin, sizeof *value);
    return GAN_OK;
}
