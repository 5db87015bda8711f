/* config.h - the options of a run: the host's table and the plugin's, from a config file and the command line. */
#ifndef HOST_CONFIG_H
#define HOST_CONFIG_H

#include <gan/options.h>

#include "plugin.h"
#include "yaml_file.h"

/* The host's own options under their full names ("seed", "train.batch"). */
extern const gan_option config_host_table[];
/* The sections of a config file ("data", "train", "model"), then NULL. */
extern const char *const config_sections[];
/* What a section holds, one sentence; "" names the options outside of sections. */
const char *config_section_help(const char *section);

typedef struct config {
    gan_options *host;  /* config_host_table */
    gan_options *model; /* the plugin's table */
    const gan_plugin *plugin;
} config;

/* The host's defaults, over which the plugin's defaults go. */
gan_status config_create(const plugin *p, config *out, gan_message *message);
void config_free(config *c);

/* Set one option by its full name. Errors: GAN_ERROR_OPTION, with the nearest valid name for an unknown one. */
gan_status config_set(config *c, const char *name, const char *value, gan_message *message);
/* "name=value", as --set takes it. */
gan_status config_set_pair(config *c, const char *pair, gan_message *message);
/* Everything in a config file; messages begin with "file:line:column: ". */
gan_status config_apply(config *c, const yaml_file *file, gan_message *message);
/* What single options cannot tell: kimg that is too small for a batch, and so on. */
gan_status config_check(const config *c, gan_message *message);

/* Every option as the text of a config file, which loads back without change; with `comments`, each with its help,
 * type, range and default. */
void config_write(const config *c, bool comments, text *out);
/* The tables as Markdown, for docs/config.md. */
void config_markdown_host(text *out);
void config_markdown_plugin(const plugin *p, text *out);
/* "whole number, 1 to 4096"; "one of a, b". */
void config_type_text(const gan_option *option, text *out);

/* The full name of the first option in which two configs differ, and which `allowed` (ends with NULL) does not
 * list; NULL if there is none. Both have the same plugin. */
const char *config_difference(const config *a, const config *b, const char *const *allowed, char out[160]);

/* ---- values ---- */
int64_t config_int(const config *c, const char *name);
double config_float(const config *c, const char *name);
const char *config_string(const config *c, const char *name);

#endif
