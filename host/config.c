#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 512
#define MODEL     "model."

static const gan_option *find_row(const gan_option *table, const char *name)
{
    for (int i = 0; table[i].name; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* The options that a full name belongs to, and its name in their table. */
static gan_options *table_of(const config *c, const char *name, const char **inner)
{
    bool model = strncmp(name, MODEL, strlen(MODEL)) == 0;
    *inner = model ? name + strlen(MODEL) : name;
    return model ? c->model : c->host;
}

void config_free(config *c)
{
    gan_options_destroy(c->host);
    gan_options_destroy(c->model);
    *c = (config){0};
}

static gan_status apply_defaults(config *c, const plugin *p, gan_message *message)
{
    for (const gan_default *row = p->table.defaults; row && row->option; row++) {
        gan_message why = {{0}};
        gan_status status = gan_options_set(c->host, row->option, row->value, &why);
        if (status)
            return gan_fail(message, GAN_ERROR_NOT_A_PLUGIN, "%s has a wrong table of defaults: %.900s", p->path,
                            why.text);
    }
    return GAN_OK;
}

gan_status config_create(const plugin *p, config *out, gan_message *message)
{
    gan_message why = {{0}};
    config c = {.plugin = &p->table};
    gan_status status = GAN_OK;
    c.host = gan_options_create(config_host_table, message);
    if (!c.host)
        return GAN_ERROR_MEMORY;
    c.model = gan_options_create(p->table.options, &why);
    if (!c.model)
        status = gan_fail(message, GAN_ERROR_NOT_A_PLUGIN, "%s has a wrong option table: %.900s", p->path, why.text);
    if (!status)
        status = apply_defaults(&c, p, message);
    if (status)
        config_free(&c);
    else
        *out = c;
    return status;
}

/* ---- setting ---- */

/* A sentence for a name that is in neither table. A name without its section ("batch") is looked for in all. */
static gan_status unknown_name(const config *c, const char *name, gan_message *message)
{
    char(*full)[160] = calloc(NAMES_MAX, sizeof *full);
    const char **names = calloc(NAMES_MAX + 1, sizeof *names);
    const gan_option *model = gan_options_table(c->model);
    const char *near = NULL;
    int count = 0;
    if (full && names) {
        for (int i = 0; config_host_table[i].name; i++)
            snprintf(full[count++], sizeof *full, "%s", config_host_table[i].name);
        for (int i = 0; model[i].name && count < NAMES_MAX; i++)
            snprintf(full[count++], sizeof *full, MODEL "%s", model[i].name);
        for (int i = 0; i < count; i++) {
            const char *dot = strchr(full[i], '.');
            names[i] = full[i];
            if (dot && strcmp(dot + 1, name) == 0)
                near = full[i];
        }
        if (!near)
            near = gan_nearest_name(name, names);
    }
    bool of_model = strncmp(name, MODEL, strlen(MODEL)) == 0;
    gan_status status = gan_fail(message, GAN_ERROR_OPTION, "there is no option \"%.128s\"%s%s%s%s%s", name,
                                 of_model ? " of the plugin " : "", of_model ? c->plugin->id : "",
                                 near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    free(full);
    free(names);
    return status;
}

gan_status config_set(config *c, const char *name, const char *value, gan_message *message)
{
    const char *inner;
    gan_options *options = table_of(c, name, &inner);
    if (!find_row(gan_options_table(options), inner))
        return unknown_name(c, name, message);
    if (!text_is_utf8(value))
        return gan_fail(message, GAN_ERROR_OPTION, "%s is not UTF-8 text", name);
    return gan_options_set(options, inner, value, message);
}

gan_status config_set_pair(config *c, const char *pair, gan_message *message)
{
    char name[2 * YAML_NAME_MAX];
    size_t length = strcspn(pair, "=");
    if (pair[length] != '=' || length == 0 || length >= sizeof name)
        return gan_fail(message, GAN_ERROR_OPTION, "--set takes name=value, such as train.batch=32, but is \"%.100s\"",
                        pair);
    snprintf(name, sizeof name, "%.*s", (int)length, pair);
    return config_set(c, name, pair + length + 1, message);
}

static bool is_section(const char *name)
{
    for (int i = 0; config_sections[i]; i++)
        if (strcmp(config_sections[i], name) == 0)
            return true;
    return false;
}

static gan_status apply_section(const config *c, const yaml_entry *entry, gan_message *message)
{
    if (is_section(entry->name))
        return GAN_OK;
    if (find_row(config_host_table, entry->name))
        return gan_fail(message, GAN_ERROR_OPTION, "%s is an option, not a section", entry->name);
    const char *near = gan_nearest_name(entry->name, config_sections);
    if (!near)
        return unknown_name(c, entry->name, message);
    return gan_fail(message, GAN_ERROR_OPTION, "there is no section \"%s\"; did you mean \"%s\"?", entry->name, near);
}

static gan_status apply_entry(config *c, const yaml_entry *entry, bool *at_value, gan_message *message)
{
    const char *inner;
    gan_options *options = table_of(c, entry->name, &inner);
    *at_value = false;
    if (entry->kind == YAML_SECTION || (entry->kind == YAML_EMPTY && is_section(entry->name)))
        return apply_section(c, entry, message);
    if (is_section(entry->name))
        return gan_fail(message, GAN_ERROR_OPTION, "%s is a section: its options go below it, indented", entry->name);
    if (!find_row(gan_options_table(options), inner))
        return unknown_name(c, entry->name, message);
    if (entry->kind == YAML_EMPTY)
        return gan_fail(message, GAN_ERROR_OPTION, "%s has no value", entry->name);
    *at_value = true;
    return config_set(c, entry->name, entry->value, message);
}

gan_status config_apply(config *c, const yaml_file *file, gan_message *message)
{
    for (int i = 0; i < file->count; i++) {
        const yaml_entry *entry = &file->entries[i];
        gan_message why = {{0}};
        bool at_value;
        /* A section's own row comes before its options: an unknown section is told of once, at its name. */
        gan_status status = apply_entry(c, entry, &at_value, &why);
        if (status)
            return gan_fail(message, status, "%.300s:%d:%d: %.700s", file->name,
                            at_value ? entry->value_line : entry->line, at_value ? entry->value_column : entry->column,
                            why.text);
    }
    return GAN_OK;
}

gan_status config_check(const config *c, gan_message *message)
{
    const char *device = config_string(c, "device");
    if (strcmp(device, "auto") && strcmp(device, "cpu") && strcmp(device, "cuda") && strncmp(device, "cuda:", 5))
        return gan_fail(message, GAN_ERROR_OPTION, "device must be auto, cpu, cuda or cuda:N, but is \"%.100s\"",
                        device);
    if (!*config_string(c, "out"))
        return gan_fail(message, GAN_ERROR_OPTION, "out must name a folder, but is empty");
    if (!*config_string(c, "data.source"))
        return gan_fail(message, GAN_ERROR_OPTION, "data.source must name a data set, but is empty");
    return GAN_OK;
}

/* ---- comparing ---- */

static bool listed(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static const char *table_difference(const gan_options *a, const gan_options *b, const char *prefix,
                                    const char *const *allowed, char out[160])
{
    for (const gan_option *row = gan_options_table(a); row->name; row++) {
        char text_a[YAML_VALUE_MAX + 1], text_b[YAML_VALUE_MAX + 1];
        gan_options_text(a, row->name, text_a, sizeof text_a);
        gan_options_text(b, row->name, text_b, sizeof text_b);
        snprintf(out, 160, "%s%s", prefix, row->name);
        if (strcmp(text_a, text_b) != 0 && !listed(out, allowed))
            return out;
    }
    return NULL;
}

const char *config_difference(const config *a, const config *b, const char *const *allowed, char out[160])
{
    const char *name = table_difference(a->host, b->host, "", allowed, out);
    return name ? name : table_difference(a->model, b->model, MODEL, allowed, out);
}

/* ---- values ---- */

int64_t config_int(const config *c, const char *name)
{
    return gan_options_int(c->host, name);
}

double config_float(const config *c, const char *name)
{
    return gan_options_float(c->host, name);
}

const char *config_string(const config *c, const char *name)
{
    return gan_options_string(c->host, name);
}
