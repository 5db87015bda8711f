#include "yaml_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "text.h"

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    const char *data;
    size_t size;
    yaml_file *file;
    gan_message *message;
} reader;

static gan_status fail_at(reader *r, yaml_mark_t at, const char *what)
{
    return gan_fail(r->message, GAN_ERROR_OPTION, "%s:%zu:%zu: %s", r->file->name, at.line + 1, at.column + 1, what);
}

/* libyaml tells the place of bytes that are not UTF-8 as an offset only. */
static yaml_mark_t mark_of_offset(const reader *r, size_t offset)
{
    yaml_mark_t at = {0};
    for (size_t i = 0; i < offset && i < r->size; i++) {
        at.column = r->data[i] == '\n' ? 0 : at.column + 1;
        at.line += r->data[i] == '\n';
    }
    return at;
}

static gan_status fail_parser(reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "cannot be parsed";
    char what[512];
    if (p->error == YAML_MEMORY_ERROR)
        return gan_fail(r->message, GAN_ERROR_MEMORY, "no memory to read %s", r->file->name);
    if (p->error == YAML_READER_ERROR) {
        snprintf(what, sizeof what, "not valid YAML text: %s", problem);
        return fail_at(r, mark_of_offset(r, p->problem_offset), what);
    }
    if (p->context)
        snprintf(what, sizeof what, "not valid YAML: %s, %s", problem, p->context);
    else
        snprintf(what, sizeof what, "not valid YAML: %s", problem);
    return fail_at(r, p->problem_mark, what);
}

static gan_status next(reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->parser, &r->event) != 0;
    if (!r->has_event)
        return fail_parser(r);
    const yaml_event_t *e = &r->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (e->type == YAML_ALIAS_EVENT)
        return fail_at(r, e->start_mark, "aliases (*name) are not used in config files");
    if (e->type == YAML_SCALAR_EVENT) {
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
    }
    if (anchor)
        return fail_at(r, e->start_mark, "anchors (&name) are not used in config files");
    if (tag)
        return fail_at(r, e->start_mark, "tags (!name) are not used in config files");
    return GAN_OK;
}

static const char *scalar_text(const reader *r)
{
    return (const char *)r->event.data.scalar.value;
}

static gan_status check_scalar(reader *r)
{
    if (memchr(scalar_text(r), '\0', r->event.data.scalar.length))
        return fail_at(r, r->event.start_mark, "a zero byte in a value");
    if (r->event.data.scalar.length >= YAML_VALUE_MAX)
        return fail_at(r, r->event.start_mark, "a value of more than 4095 bytes");
    return GAN_OK;
}

/* "a: ~", "a: null" and "a:" say nothing; "a: ''" is an empty text. */
static bool is_null(const reader *r)
{
    const char *s = scalar_text(r);
    return r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!*s || !strcmp(s, "~") || !strcmp(s, "null"));
}

static gan_status add_entry(reader *r, const char *prefix, yaml_entry **out)
{
    yaml_file *file = r->file;
    yaml_mark_t at = r->event.start_mark;
    char name[2 * YAML_NAME_MAX + 2], what[3 * YAML_NAME_MAX + 64];
    if (r->event.data.scalar.length == 0 || r->event.data.scalar.length > YAML_NAME_MAX)
        return fail_at(r, at, "an option's name must have 1 to 128 characters");
    for (const char *c = scalar_text(r); *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return fail_at(r, at, "a control character in an option's name");
    snprintf(name, sizeof name, "%s%s%s", prefix ? prefix : "", prefix ? "." : "", scalar_text(r));
    for (int i = 0; i < file->count; i++) {
        if (strcmp(file->entries[i].name, name) == 0) {
            snprintf(what, sizeof what, "%s is given twice, first in line %d", name, file->entries[i].line);
            return fail_at(r, at, what);
        }
    }
    if (file->count == YAML_ENTRIES_MAX)
        return fail_at(r, at, "more than 1024 options");
    yaml_entry *grown = realloc(file->entries, (size_t)(file->count + 1) * sizeof *grown);
    char *copy = strdup(name);
    if (grown)
        file->entries = grown;
    if (!grown || !copy) {
        free(copy);
        return gan_fail(r->message, GAN_ERROR_MEMORY, "no memory to read %s", file->name);
    }
    *out = &file->entries[file->count++];
    **out = (yaml_entry){.name = copy, .line = (int)at.line + 1, .column = (int)at.column + 1};
    return GAN_OK;
}

static gan_status read_list(reader *r, text *list)
{
    text_add(list, "[");
    for (bool first = true;; first = false) {
        gan_status status = next(r);
        if (status)
            return status;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        if (r->event.type != YAML_SCALAR_EVENT)
            return fail_at(r, r->event.start_mark, "a list must hold plain values");
        if ((status = check_scalar(r)))
            return status;
        text_add(list, "%s%s", first ? "" : ", ", scalar_text(r));
        if (list->size >= YAML_VALUE_MAX)
            return fail_at(r, r->event.start_mark, "a list of more than 4095 bytes");
    }
    text_add(list, "]");
    return GAN_OK;
}

/* The value after an option's name; the current event is its first. */
static gan_status read_value(reader *r, yaml_entry *entry)
{
    gan_status status;
    if (r->event.type == YAML_SEQUENCE_START_EVENT) {
        text list = {0};
        status = read_list(r, &list);
        if (!status && list.failed)
            status = gan_fail(r->message, GAN_ERROR_MEMORY, "no memory to read %s", r->file->name);
        if (status)
            free(list.data);
        else
            entry->value = list.data;
        return status;
    }
    if ((status = check_scalar(r)))
        return status;
    if (is_null(r))
        entry->kind = YAML_EMPTY;
    entry->value = strdup(scalar_text(r));
    return entry->value ? GAN_OK : gan_fail(r->message, GAN_ERROR_MEMORY, "no memory to read %s", r->file->name);
}

/* The inside of a mapping; `section` is NULL at the top. There are two levels, so this recurses once at most. */
static gan_status read_mapping(reader *r, const char *section)
{
    for (;;) {
        gan_status status = next(r);
        if (status)
            return status;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return GAN_OK;
        if (r->event.type != YAML_SCALAR_EVENT)
            return fail_at(r, r->event.start_mark, "an option's name must be plain text");
        if ((status = check_scalar(r)))
            return status;
        yaml_entry *entry = NULL;
        if ((status = add_entry(r, section, &entry)) || (status = next(r)))
            return status;
        entry->value_line = (int)r->event.start_mark.line + 1;
        entry->value_column = (int)r->event.start_mark.column + 1;
        if (r->event.type == YAML_MAPPING_START_EVENT) {
            if (section)
                return fail_at(r, r->event.start_mark, "options lie in one level of sections, not deeper");
            entry->kind = YAML_SECTION;
            char name[YAML_NAME_MAX + 1];
            snprintf(name, sizeof name, "%s", entry->name);
            status = read_mapping(r, name);
        } else {
            status = read_value(r, entry);
        }
        if (status)
            return status;
    }
}

static gan_status read_stream(reader *r)
{
    gan_status status = next(r); /* the stream's start */
    if (status || (status = next(r)))
        return status;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return GAN_OK;
    if ((status = next(r)))
        return status;
    if (r->event.type == YAML_MAPPING_START_EVENT)
        status = read_mapping(r, NULL);
    else if (!(r->event.type == YAML_SCALAR_EVENT && is_null(r)))
        return fail_at(r, r->event.start_mark, "a config file holds lines such as \"seed: 1\"");
    if (status || (status = next(r)) || (status = next(r)))
        return status;
    if (r->event.type != YAML_STREAM_END_EVENT)
        return fail_at(r, r->event.start_mark, "a second document; a config file holds one");
    return GAN_OK;
}

gan_status yaml_file_parse(const char *name, const char *data, size_t size, yaml_file *out, gan_message *message)
{
    yaml_file file = {.name = strdup(name)};
    reader r = {.file = &file, .message = message, .data = data, .size = size};
    if (!file.name || !yaml_parser_initialize(&r.parser)) {
        free(file.name);
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory to read %s", name);
    }
    /* libyaml would guess UTF-16 from a byte order mark, which no other tool here reads; told that it is UTF-8, it does
     * not skip that mark. */
    size_t mark = size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)data + mark, size - mark);
    gan_status status = size > YAML_FILE_MAX
                            ? gan_fail(message, GAN_ERROR_LIMIT, "%s is larger than %u bytes", name, YAML_FILE_MAX)
                            : read_stream(&r);
    if (r.has_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (status)
        yaml_file_free(&file);
    else
        *out = file;
    return status;
}

gan_status yaml_file_read(const char *path, yaml_file *out, gan_message *message)
{
    char *data;
    size_t size;
    gan_status status = file_read(path, YAML_FILE_MAX, &data, &size, message);
    if (status)
        return status;
    status = yaml_file_parse(path, data, size, out, message);
    free(data);
    return status;
}

void yaml_file_free(yaml_file *file)
{
    for (int i = 0; i < file->count; i++) {
        free(file->entries[i].name);
        free(file->entries[i].value);
    }
    free(file->entries);
    free(file->name);
    *file = (yaml_file){0};
}
