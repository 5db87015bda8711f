/* plugin.h - finding, loading and accepting plugins. */
#ifndef HOST_PLUGIN_H
#define HOST_PLUGIN_H

#include <gan/plugin.h>

#include "text.h"

typedef struct plugin {
    void *handle;
    char path[PATH_SIZE]; /* of the file; absolute */
    bool bare;            /* found by its name in the plugin folders */
    gan_plugin table;     /* the host's own copy: members that the plugin's table is too short for are zero */
} plugin;

/* Load a plugin by its name ("gan", looked for in plugin_folders) or by its path (with a '/' or ending in ".so").
 * Errors, each with one sentence: GAN_ERROR_NOT_FOUND; GAN_ERROR_PLUGIN_LOAD with the loader's text;
 * GAN_ERROR_NOT_A_PLUGIN; GAN_ERROR_ABI. On success *out is for plugin_close. */
gan_status plugin_open(const char *name, plugin **out, gan_message *message);
void plugin_close(plugin *p);

/* Accept or refuse what a plugin's entry returned; `path` is for messages. Only the identity prefix is read before
 * it is accepted. */
gan_status plugin_accept(const gan_plugin *raw, const char *path, gan_plugin *out, gan_message *message);

/* The folders that names are looked up in, in order: GAN_PLUGIN_PATH, beside the executable, where it was
 * installed. Returns how many. */
#define PLUGIN_FOLDERS_MAX 32
int plugin_folders(char folders[][PATH_SIZE]);

/* Every "*.so" in those folders, sorted within each folder. */
typedef void (*plugin_visitor)(const char *path, void *user);
void plugin_each(plugin_visitor visit, void *user);

/* Texts of the table, never NULL. */
const char *plugin_title(const plugin *p);

#endif
