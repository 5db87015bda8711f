/*
 * picture_labels.c - labels of images: from dataset.json as StyleGAN2-ADA's dataset_tool writes it,
 * {"labels": [["00000/img00000000.png", 6], ...]} or {"labels": null}; without it, from the folders at the top.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "data/pictures.h"

/* ---- folders ---- */

/* Length of the name of the folder at the top that holds an image; 0: it lies in none. */
static size_t folder_length(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash ? (size_t)(slash - name) : 0;
}

static gan_status note_class(gan__pictures *pictures, const gan__picture *item, gan_message *message)
{
    if (pictures->classes == GAN__DATA_MAX_CLASSES)
        return gan_fail(message, GAN_ERROR_LIMIT,
                        "%s: more than %d folders as classes; turn labels off if they are none", pictures->source,
                        GAN__DATA_MAX_CLASSES);
    if (!pictures->class_name)
        pictures->class_name = malloc(GAN__DATA_MAX_CLASSES * sizeof *pictures->class_name);
    if (!pictures->class_name)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for its labels", pictures->source);
    pictures->class_name[pictures->classes++] = item->name;
    return GAN_OK;
}

/* The list is sorted: the images of a class follow one another, and classes come in the order of their names. */
static gan_status labels_of_folders(gan__pictures *pictures, gan_message *message)
{
    char title[GAN__PICTURE_TITLE];
    const char *of = NULL; /* an image of the class */
    for (int64_t i = 0; i < pictures->count; i++) {
        const char *name = gan__picture_name(pictures, &pictures->item[i]);
        size_t length = folder_length(name);
        if (length == 0)
            continue;
        if (!of || strncmp(of, name, length + 1) != 0) {
            gan_status status = note_class(pictures, &pictures->item[i], message);
            if (status != GAN_OK)
                return status;
            of = name;
        }
        pictures->item[i].label = (int32_t)pictures->classes - 1;
    }
    for (int64_t i = 0; i < pictures->count && pictures->classes > 0; i++)
        if (pictures->item[i].label < 0)
            return gan_fail(message, GAN_ERROR_FORMAT,
                            "%s: it lies beside the %" PRId64
                            " folders that are the classes, and so has none; move it, or turn labels off",
                            gan__picture_title(pictures, &pictures->item[i], title), pictures->classes);
    return GAN_OK;
}

/* ---- dataset.json ---- */

typedef struct reader {
    gan__pictures *pictures;
    json_t *labels;
    char title[GAN__PICTURE_TITLE]; /* of the file */
} reader;

static gan__picture *find(const gan__pictures *pictures, const char *name)
{
    int64_t low = 0, high = pictures->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = gan__picture_compare(gan__picture_name(pictures, &pictures->item[middle]), name);
        if (order == 0)
            return &pictures->item[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const char *kind_of(const json_t *value)
{
    static const char *const names[] = {"an object", "a list",        "text", "a whole number",
                                        "a number",  "true or false", NULL,   "null"};
    if (!value)
        return "nothing";
    return json_is_boolean(value) ? names[5] : names[json_typeof(value)];
}

/* Text of the file in a message: without control characters, cut. */
static const char *shown(const char *text, char out[128])
{
    size_t n = 0;
    for (; text[n] && n < 127; n++)
        out[n] = (unsigned char)text[n] < 32 || text[n] == 127 ? '?' : text[n];
    out[n] = '\0';
    return out;
}

static gan_status read_entry(reader *r, size_t index, gan_message *message)
{
    const json_t *entry = json_array_get(r->labels, index), *name = json_array_get(entry, 0);
    const json_t *label = json_array_get(entry, 1);
    char text[128];
    if (!json_is_array(entry) || json_array_size(entry) != 2 || !json_is_string(name))
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: entry %zu of \"labels\": expected [\"path\", number], found %s",
                        r->title, index, json_is_array(entry) ? "a list of another form" : kind_of(entry));
    shown(json_string_value(name), text);
    if (!json_is_integer(label))
        return gan_fail(message, GAN_ERROR_FORMAT,
                        "%s: entry %zu of \"labels\", \"%s\": expected a whole number as label, found %s", r->title,
                        index, text, kind_of(label));
    json_int_t value = json_integer_value(label);
    if (value < 0 || value >= GAN__DATA_MAX_CLASSES)
        return gan_fail(message, GAN_ERROR_LIMIT,
                        "%s: entry %zu of \"labels\", \"%s\": the label is %" PRId64 ", expected 0 to %d", r->title,
                        index, text, (int64_t)value, GAN__DATA_MAX_CLASSES - 1);
    gan__picture *item = find(r->pictures, json_string_value(name));
    if (!item)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: entry %zu of \"labels\": there is no image \"%s\"", r->title,
                        index, text);
    if (item->label >= 0)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: entry %zu of \"labels\": \"%s\" has a label already", r->title,
                        index, text);
    item->label = (int32_t)value;
    if (value >= r->pictures->classes)
        r->pictures->classes = value + 1;
    return GAN_OK;
}

static gan_status read_entries(reader *r, gan_message *message)
{
    char title[GAN__PICTURE_TITLE];
    gan__pictures *pictures = r->pictures;
    if (!r->labels || json_is_null(r->labels))
        return GAN_OK;
    if (!json_is_array(r->labels))
        return gan_fail(message, GAN_ERROR_FORMAT, "%s: expected a list or null as \"labels\", found %s", r->title,
                        kind_of(r->labels));
    for (size_t i = 0; i < json_array_size(r->labels); i++) {
        gan_status status = read_entry(r, i, message);
        if (status != GAN_OK)
            return status;
    }
    for (int64_t i = 0; i < pictures->count; i++)
        if (pictures->item[i].label < 0)
            return gan_fail(message, GAN_ERROR_FORMAT, "%s: it has no entry in \"labels\" of dataset.json",
                            gan__picture_title(pictures, &pictures->item[i], title));
    return GAN_OK;
}

static gan_status labels_of_json(gan__pictures *pictures, gan_message *message)
{
    reader r = {.pictures = pictures};
    uint8_t *bytes = NULL;
    size_t size;
    json_error_t error;
    gan_status status = pictures->load(pictures, &pictures->json, &bytes, &size, message);
    if (status != GAN_OK)
        return status;
    gan__picture_title(pictures, &pictures->json, r.title);
    errno = 0;
    json_t *root = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, &error);
    free(bytes);
    if (!root && errno == ENOMEM) /* Jansson does not always say so */
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to read it", r.title);
    if (!root)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s:%d:%d: not valid JSON: %s", r.title, error.line, error.column,
                        error.text);
    r.labels = json_object_get(root, "labels");
    if (json_is_object(root))
        status = read_entries(&r, message);
    else
        status = gan_fail(message, GAN_ERROR_FORMAT, "%s: expected an object with \"labels\", found %s", r.title,
                          kind_of(root));
    json_decref(root);
    return status;
}

gan_status gan__picture_labels(gan__pictures *pictures, gan_message *message)
{
    return pictures->has_json ? labels_of_json(pictures, message) : labels_of_folders(pictures, message);
}
