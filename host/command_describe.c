/* command_describe.c - `ganhost describe`, `init` and `list`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"

#define WIDTH 96

static void add_table(const gan_option *table, text *out)
{
    for (; table && table->name; table++) {
        text type = {0};
        config_type_text(table, &type);
        text_add(out, "  %s: %s    (%s)\n", table->name, *table->value ? table->value : "\"\"",
                 type.data ? type.data : "");
        if (table->help)
            text_wrap(out, "      ", WIDTH, table->help);
        out->failed |= type.failed;
        free(type.data);
    }
}

static void add_needs(unsigned needs, text *out)
{
    text_add(out, "needs    %s%s%s\n", needs & GAN_NEEDS_IMAGES ? "images" : "images or vectors",
             needs & GAN_NEEDS_LABELS ? " with labels" : "", needs & GAN_NEEDS_TWO_DOMAINS ? " of two domains" : "");
}

static void describe(const plugin *p, text *out)
{
    const gan_plugin *t = &p->table;
    text_add(out, "%s %s\n%s\n", t->id, t->version, plugin_title(p));
    if (t->paper)
        text_add(out, "%s\n", t->paper);
    if (t->summary) {
        text_add(out, "\n");
        text_wrap(out, "", WIDTH, t->summary);
    }
    text_add(out, "\nfile     %s\nbuilt    %s, plugin interface %u.%u\n", p->path,
             t->built_with ? t->built_with : "unknown", t->abi_major, t->abi_minor);
    add_needs(t->needs, out);
    text_add(out, "runs on  %s\n", t->flags & GAN_PLUGIN_NEEDS_CUDA ? "CUDA devices only" : "every device");
    if (t->defaults && t->defaults->option) {
        text_add(out, "\nIts defaults for the host's options:\n");
        for (const gan_default *row = t->defaults; row->option; row++)
            text_add(out, "  %s: %s\n", row->option, row->value);
    }
    if (t->options && t->options->name) {
        text_add(out, "\nIts options, in the section \"model\":\n");
        add_table(t->options, out);
    }
    text_add(out, "\n`ganhost init %s` writes a config file with these and the host's options.\n", t->id);
}

/* Open a plugin and check its tables. */
static gan_status open_checked(const char *name, plugin **p, config *c, gan_message *message)
{
    gan_status status = plugin_open(name, p, message);
    if (!status && (status = config_create(*p, c, message))) {
        plugin_close(*p);
        *p = NULL;
    }
    return status;
}

int command_describe(const arguments *args)
{
    text out = {0};
    gan_message message;
    bool markdown = args->value[CLI_MARKDOWN] != NULL;
    if (args->n_words == 0 && !markdown) {
        gan_fail(&message, GAN_ERROR_OPTION, "an argument is missing: ganhost %s", args->command->synopsis);
        return cli_fail(GAN_ERROR_OPTION, &message);
    }
    if (markdown)
        config_markdown_host(&out);
    for (int i = 0; i < args->n_words; i++) {
        plugin *p;
        config c;
        gan_status status = open_checked(args->words[i], &p, &c, &message);
        if (status) {
            free(out.data);
            return cli_fail(status, &message);
        }
        if (markdown)
            config_markdown_plugin(p, &out);
        else
            describe(p, &out);
        config_free(&c);
        plugin_close(p);
    }
    return cli_print(&out);
}

int command_init(const arguments *args)
{
    text out = {0};
    gan_message message;
    plugin *p;
    config c;
    gan_status status = open_checked(args->words[0], &p, &c, &message);
    if (status)
        return cli_fail(status, &message);
    status = config_set(&c, "plugin", p->bare ? p->table.id : p->path, &message);
    if (!status)
        config_write(&c, true, &out);
    config_free(&c);
    plugin_close(p);
    return status ? cli_fail(status, &message) : cli_print(&out);
}

/* ---- list ---- */

static void list_one(const char *path, void *user)
{
    text *out = user;
    plugin *p = NULL;
    gan_message message;
    if (plugin_open(path, &p, &message))
        text_add(out, "(refused)        %s\n", message.text);
    else
        text_add(out, "%-16s %-8s %s\n", p->table.id, p->table.version, plugin_title(p));
    plugin_close(p);
}

int command_list(const arguments *args)
{
    text out = {0};
    (void)args;
    plugin_each(list_one, &out);
    if (out.size > 0)
        return cli_print(&out);
    char(*folders)[PATH_SIZE] = calloc(PLUGIN_FOLDERS_MAX, PATH_SIZE);
    int count = folders ? plugin_folders(folders) : 0;
    text_add(&out, "There is no plugin in");
    for (int i = 0; i < count; i++)
        text_add(&out, "%s %s", i ? "," : "", folders[i]);
    text_add(&out, "%s (GAN_PLUGIN_PATH names further folders).\n", count ? "" : " any plugin folder");
    free(folders);
    return cli_print(&out);
}
