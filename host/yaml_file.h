/* yaml_file.h - a config file as a list of named values with their places. */
#ifndef HOST_YAML_FILE_H
#define HOST_YAML_FILE_H

#include <gan/status.h>
#include <stdbool.h>
#include <stddef.h>

#define YAML_FILE_MAX    (256u << 10) /* bytes of a config file */
#define YAML_ENTRIES_MAX 1024         /* options and sections in it */
#define YAML_VALUE_MAX   4096         /* bytes of one value, lists included */
#define YAML_NAME_MAX    128

typedef enum yaml_kind {
    YAML_VALUE = 0,
    YAML_EMPTY = 1,  /* "name:" and nothing after it */
    YAML_SECTION = 2 /* "name:" with options below it, which follow in the list as "name.option" */
} yaml_kind;

/* Lines and columns count from 1. */
typedef struct yaml_entry {
    yaml_kind kind;
    char *name;  /* "seed", "train.batch" */
    char *value; /* as text; lists as "[1, 2]" */
    int line, column;
    int value_line, value_column;
} yaml_entry;

typedef struct yaml_file {
    char *name; /* for messages: the path */
    yaml_entry *entries;
    int count;
} yaml_file;

/* Read a file, or text in memory. Options may lie at the top or in one level of sections; a value is a scalar or a
 * list of scalars. Anchors, aliases, tags, deeper levels, several documents and names given twice are refused.
 * Errors are GAN_ERROR_OPTION with "file:line:column: message", or those of file_read. *out is for yaml_file_free. */
gan_status yaml_file_read(const char *path, yaml_file *out, gan_message *message);
gan_status yaml_file_parse(const char *name, const char *data, size_t size, yaml_file *out, gan_message *message);
void yaml_file_free(yaml_file *file);

#endif
