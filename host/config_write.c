/* config_write.c - options as text: config files, and Markdown. */
#include "config.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- YAML ---- */

/* A plain scalar needs no quotes if it cannot be taken for anything else. */
static bool is_plain(const char *s)
{
    if (!isalnum((unsigned char)*s) && *s != '/' && *s != '.' && *s != '_')
        return false;
    if (!strcmp(s, "null") || !strcmp(s, "~") || s[strlen(s) - 1] == ':')
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("_./:@+-", *s))
            return false;
    return true;
}

static void add_string(text *out, const char *s)
{
    if (is_plain(s)) {
        text_add(out, "%s", s);
        return;
    }
    text_add(out, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            text_add(out, "\\%c", *s);
        else
            text_add_bytes(out, s, 1);
    }
    text_add(out, "\"");
}

static void add_value(text *out, const gan_options *options, const gan_option *row)
{
    char value[YAML_VALUE_MAX + 1];
    if (row->type == GAN_OPTION_STRING || row->type == GAN_OPTION_CHOICE)
        add_string(out, gan_options_string(options, row->name));
    else
        text_add(out, "%s", gan_options_text(options, row->name, value, sizeof value));
}

static void add_number(text *out, double value)
{
    if (value == floor(value) && fabs(value) < 1e15)
        text_add(out, "%.0f", value);
    else
        text_add(out, "%g", value);
}

static void add_range(text *out, const gan_option *row)
{
    if (row->min == 0 && row->max == 0)
        return;
    if (isinf(row->max)) {
        text_add(out, ", at least ");
        add_number(out, row->min);
        return;
    }
    text_add(out, ", ");
    add_number(out, row->min);
    text_add(out, " to ");
    add_number(out, row->max);
}

void config_type_text(const gan_option *row, text *out)
{
    switch (row->type) {
    case GAN_OPTION_INT:
        text_add(out, "whole number");
        break;
    case GAN_OPTION_FLOAT:
        text_add(out, "number");
        break;
    case GAN_OPTION_BOOL:
        text_add(out, "true or false");
        return;
    case GAN_OPTION_STRING:
        text_add(out, "text");
        return;
    case GAN_OPTION_INT_LIST:
        text_add(out, "list of whole numbers");
        break;
    case GAN_OPTION_CHOICE:
        text_add(out, "one of ");
        for (const char *c = row->choices; *c; c++)
            text_add_bytes(out, *c == '|' ? ", " : c, *c == '|' ? 2 : 1);
        return;
    }
    add_range(out, row);
}

/* The part of a full name after its section; NULL if it is not of that section ("" for the top). */
static const char *name_in(const char *section, const char *name)
{
    size_t length = strlen(section);
    if (length == 0)
        return strchr(name, '.') ? NULL : name;
    return strncmp(name, section, length) == 0 && name[length] == '.' ? name + length + 1 : NULL;
}

static void write_option(const gan_options *options, const gan_option *row, const char *name, bool top, bool comments,
                         text *out)
{
    const char *indent = top ? "" : "  ";
    if (comments) {
        char prefix[8];
        text about = {0};
        snprintf(prefix, sizeof prefix, "%s# ", indent);
        text_add(&about, "%s (", row->help ? row->help : "");
        config_type_text(row, &about);
        text_add(&about, ")");
        if (about.data)
            text_wrap(out, prefix, 100, about.data);
        out->failed |= about.failed;
        free(about.data);
    }
    text_add(out, "%s%s: ", indent, name);
    add_value(out, options, row);
    text_add(out, "\n");
}

static void write_section(const config *c, const char *section, bool comments, text *out)
{
    bool top = *section == '\0', model = strcmp(section, "model") == 0;
    const gan_options *options = model ? c->model : c->host;
    if (!top)
        text_add(out, "%s%s:\n", comments ? "\n" : "", section);
    for (const gan_option *row = gan_options_table(options); row->name; row++) {
        const char *name = model ? row->name : name_in(section, row->name);
        if (name)
            write_option(options, row, name, top, comments, out);
    }
}

void config_write(const config *c, bool comments, text *out)
{
    if (comments)
        text_add(out, "# %s\n# Train with: ganhost --config THIS_FILE\n\n",
                 c->plugin->title ? c->plugin->title : c->plugin->id);
    write_section(c, "", comments, out);
    for (int i = 0; config_sections[i]; i++)
        write_section(c, config_sections[i], comments, out);
}

/* ---- Markdown ---- */

/* '|' ends a cell even inside code, and line breaks end a row. */
static void add_cell(text *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '|')
            text_add(out, "\\|");
        else
            text_add_bytes(out, *s == '\n' ? " " : s, 1);
    }
}

static void markdown_row(const gan_option *row, const char *section, text *out)
{
    text type = {0};
    text_add(out, "| `%s%s%s` | ", section, *section ? "." : "", row->name);
    config_type_text(row, &type);
    add_cell(out, type.data ? type.data : "");
    out->failed |= type.failed;
    free(type.data);
    if (*row->value) {
        text_add(out, " | `");
        add_cell(out, row->value);
        text_add(out, "` | ");
    } else {
        text_add(out, " | | ");
    }
    add_cell(out, row->help ? row->help : "");
    text_add(out, " |\n");
}

static const char table_head[] = "\n| option | type | default | |\n| --- | --- | --- | --- |\n";

void config_markdown_host(text *out)
{
    text_add(out,
             "# Options\n\n"
             "<!-- Made by `ganhost describe --markdown gan` from the option tables; do not edit. -->\n\n"
             "A config file is YAML: options at the top, and the sections `data`, `train`, `cuda` and `model`. Every\n"
             "option can be set on the command line as well: `--set train.batch=32`. A plugin may bring other\n"
             "defaults than these; `ganhost init PLUGIN` writes a config file with all options of a plugin.\n");
    static const char *const sections[] = {"", "data", "train", "cuda"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        text_add(out, "\n## %s\n\n%s\n", *sections[i] ? sections[i] : "Top level", config_section_help(sections[i]));
        text_add(out, "%s", table_head);
        for (const gan_option *row = config_host_table; row->name; row++)
            if (name_in(sections[i], row->name))
                markdown_row(row, "", out);
    }
}

void config_markdown_plugin(const plugin *p, text *out)
{
    text_add(out, "\n## model: `%s`\n\n%s", p->table.id, plugin_title(p));
    if (p->table.paper)
        text_add(out, " (%s)", p->table.paper);
    text_add(out, ".\n");
    if (p->table.defaults && p->table.defaults->option) {
        text_add(out, "\nIts defaults for the host's options:");
        for (const gan_default *row = p->table.defaults; row->option; row++)
            text_add(out, "%s `%s: %s`", row == p->table.defaults ? "" : ",", row->option, row->value);
        text_add(out, ".\n");
    }
    if (!p->table.options || !p->table.options->name)
        return;
    text_add(out, "%s", table_head);
    for (const gan_option *row = p->table.options; row->name; row++)
        markdown_row(row, "model", out);
}
