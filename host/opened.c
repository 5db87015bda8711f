#include "opened.h"

#include <string.h>

#include "checkpoint.h"
#include "values.h"

void opened_begin(opened *o, const arguments *args)
{
    *o = (opened){.args = args};
    console_open(&o->out, args->value[CLI_QUIET] != NULL);
}

void opened_close(opened *o)
{
    session_close(&o->s);
    gan_file_close(o->file);
    console_close(&o->out);
}

static void say_note(void *user, const char *sentence)
{
    console_say(user, "%s", sentence);
}

static gan_status open_checkpoint(opened *o, gan_message *message)
{
    const char *file = o->args->value[CLI_CHECKPOINT], *folder = o->args->value[CLI_RUN];
    gan_status status;
    if (!file && !folder)
        return gan_fail(message, GAN_ERROR_OPTION, "which run? Give --run RUN, or --checkpoint FILE");
    if (!file)
        return checkpoint_newest(folder, false, say_note, &o->out, &o->file, o->checkpoint, message);
    status = path_format(o->checkpoint, message, "%s", file);
    if (!status)
        status = gan_file_open(file, &o->file, message);
    return status ? status : checkpoint_check(o->file, file, message);
}

static gan_status configure(opened *o, const yaml_file *yaml, gan_message *message)
{
    const char *const *value = o->args->value, *name = value[CLI_PLUGIN];
    for (int i = 0; i < yaml->count && !name; i++)
        if (strcmp(yaml->entries[i].name, "plugin") == 0)
            name = yaml->entries[i].value;
    if (!name)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s does not name its plugin; give --plugin", o->checkpoint);
    gan_status status = plugin_open(name, &o->s.plugin, message);
    if (!status)
        status = checkpoint_check_plugin(o->file, o->s.plugin, o->checkpoint, message);
    if (!status)
        status = config_create(o->s.plugin, &o->s.config, message);
    if (!status)
        status = config_apply(&o->s.config, yaml, message);
    /* The device of the training need not be there: the best that there is, unless one is asked for. */
    if (!status)
        status = config_set(&o->s.config, "device", value[CLI_DEVICE] ? value[CLI_DEVICE] : "auto", message);
    if (!status && value[CLI_PRECISION])
        status = config_set(&o->s.config, "precision", value[CLI_PRECISION], message);
    return status ? status : config_check(&o->s.config, message);
}

static gan_status load_model(opened *o, gan_message *message)
{
    yaml_file yaml = {0};
    const char *options = gan_file_text(o->file, "ganhost.config");
    gan_status status =
        yaml_file_parse(o->checkpoint, options ? options : "", options ? strlen(options) : 0, &yaml, message);
    if (!status)
        status = configure(o, &yaml, message);
    yaml_file_free(&yaml);
    if (!status)
        status = checkpoint_data_info(o->file, o->checkpoint, &o->s.info, message);
    if (!status)
        status = session_open_context(&o->s, message);
    if (!status)
        status = session_build(&o->s, message);
    return status ? status : checkpoint_load(o->file, &o->s, NULL, o->checkpoint, message);
}

gan_status opened_load(opened *o, gan_message *message)
{
    gan_status status = open_checkpoint(o, message);
    return status ? status : load_model(o, message);
}

gan_status opened_load_generator(opened *o, gan_message *message)
{
    gan_status status = opened_load(o, message);
    if (status || o->s.plugin->table.sample)
        return status;
    return gan_fail(message, GAN_ERROR_OPTION,
                    "the plugin %s translates images and generates none of its own: use ganhost translate",
                    o->s.plugin->table.id);
}

gan_status opened_target(const opened *o, const char *name, char path[PATH_SIZE], gan_message *message)
{
    if (o->args->value[CLI_OUT])
        return path_format(path, message, "%s", o->args->value[CLI_OUT]);
    if (o->args->value[CLI_RUN])
        return path_format(path, message, "%s/%s", o->args->value[CLI_RUN], name);
    return path_format(path, message, "%s", name);
}

gan_status opened_class(const opened *o, int32_t *out, gan_message *message)
{
    const char *value = o->args->value[CLI_CLASS];
    int64_t classes = session_classes(&o->s), wanted = 0;
    if (!value)
        return GAN_OK;
    if (classes == 0)
        return gan_fail(message, GAN_ERROR_OPTION, "the plugin %s does not use labels, so --class says nothing to it",
                        o->s.plugin->table.id);
    gan_status status = value_int("class", value, 0, classes - 1, &wanted, message);
    if (!status)
        *out = (int32_t)wanted;
    return status;
}
