/*
 * options.h - option tables.
 *
 * A plugin (and the host) declares each option once, in a table. From the table come validation of the config file,
 * `ganhost describe`, the commented starter config, and docs/config.md.
 */
#ifndef GAN_OPTIONS_H
#define GAN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum gan_option_type {
    GAN_OPTION_INT = 1,
    GAN_OPTION_FLOAT = 2,
    GAN_OPTION_BOOL = 3, /* true, false, yes, no, on, off */
    GAN_OPTION_STRING = 4,
    GAN_OPTION_CHOICE = 5,  /* one of `choices` */
    GAN_OPTION_INT_LIST = 6 /* [256, 256]; at most GAN_OPTION_LIST_MAX */
} gan_option_type;

#define GAN_OPTION_LIST_MAX 64

/* One row. A table ends with a row whose name is NULL. All strings are static. */
typedef struct gan_option {
    const char *name;
    gan_option_type type;
    const char *value;   /* the default, written as in a config file */
    double min, max;     /* inclusive range of numbers and of each list element; both 0: no range */
    const char *choices; /* GAN_OPTION_CHOICE: "minimax|nonsaturating" */
    const char *help;    /* one sentence; units in it */
} gan_option;

/* A set of values for one table. */
typedef struct gan_options gan_options;

/* All defaults. The table must outlive the result. NULL and a message if the table itself is wrong (a default that
 * does not parse, a name twice) or memory is short. */
GAN_API gan_options *gan_options_create(const gan_option *table, gan_message *message);
GAN_API void gan_options_destroy(gan_options *options);

/* Set one option from its text. The message says what was expected, and for an unknown name the nearest valid one.
 * Errors: GAN_ERROR_OPTION. */
GAN_API gan_status gan_options_set(gan_options *options, const char *name, const char *text, gan_message *message);

/* The value of an option; the name and type must be of the table (the type's zero value otherwise). Strings and
 * lists are owned by the options. */
GAN_API int64_t gan_options_int(const gan_options *options, const char *name);
GAN_API double gan_options_float(const gan_options *options, const char *name);
GAN_API bool gan_options_bool(const gan_options *options, const char *name);
GAN_API const char *gan_options_string(const gan_options *options, const char *name); /* strings and choices */
GAN_API int gan_options_int_list(const gan_options *options, const char *name, const int64_t **values);
GAN_API bool gan_options_is(const gan_options *options, const char *name, const char *choice);

/* The option's current value as config-file text, into out; returns out. */
GAN_API const char *gan_options_text(const gan_options *options, const char *name, char *out, size_t size);
GAN_API const gan_option *gan_options_table(const gan_options *options);

/* The name among `names` (ends with NULL) nearest to `name` by edit distance; NULL if none is near. */
GAN_API const char *gan_nearest_name(const char *name, const char *const *names);

#ifdef __cplusplus
}
#endif
#endif
