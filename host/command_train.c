/* command_train.c - `ganhost train`: from the command line to a run, new or resumed. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "distance.h"
#include "dry_run.h"
#include "interrupt.h"
#include "plan.h"
#include "train.h"

/* What may differ between a run and its resumption: how long and how it is reported, and where things are. */
static const char *const changeable[] = {"plugin",
                                         "device",
                                         "threads",
                                         "data.source",
                                         "data.source_b",
                                         "train.kimg",
                                         "train.minutes",
                                         "train.report_kimg",
                                         "train.snapshot_kimg",
                                         "train.checkpoint_kimg",
                                         "train.keep",
                                         "train.grid",
                                         NULL};

typedef struct start {
    const arguments *args;
    session s;
    run r;
    console out;
    yaml_file file; /* the config file; the run's own on resumption */
    progress_state at;
    char checkpoint[PATH_SIZE];
    bool resumed, complete;
} start;

/* ---- options ---- */

static const char *plugin_name(const start *st)
{
    const char *name = st->args->value[CLI_PLUGIN];
    for (int i = 0; i < st->args->n_sets && !name; i++)
        if (strncmp(st->args->sets[i], "plugin=", 7) == 0)
            name = st->args->sets[i] + 7;
    for (int i = 0; i < st->file.count && !name; i++)
        if (strcmp(st->file.entries[i].name, "plugin") == 0 && st->file.entries[i].kind == YAML_VALUE)
            name = st->file.entries[i].value;
    return name && *name ? name : NULL;
}

static gan_status set_from_arguments(start *st, gan_message *message)
{
    static const struct {
        cli_option option;
        const char *name;
    } same[] = {{CLI_DEVICE, "device"}, {CLI_PRECISION, "precision"}, {CLI_SEED, "seed"}, {CLI_OUT, "out"}};
    config *c = &st->s.config;
    gan_status status = GAN_OK;
    for (int i = 0; i < st->args->n_sets && !status; i++)
        status = config_set_pair(c, st->args->sets[i], message);
    for (int i = 0; i < 4 && !status; i++)
        if (st->args->value[same[i].option] && !(st->resumed && same[i].option == CLI_OUT))
            status = config_set(c, same[i].name, st->args->value[same[i].option], message);
    return status;
}

/* The resolved config is used again from other folders: paths in it are absolute. */
static gan_status set_paths(start *st, gan_message *message)
{
    config *c = &st->s.config;
    char name[PATH_SIZE], full[PATH_MAX];
    const plugin *p = st->s.plugin;
    static const char *const sources[] = {"data.source", "data.source_b"};
    gan_status status = config_set(c, "plugin", p->bare ? p->table.id : p->path, message);
    for (int i = 0; i < 2 && !status; i++) {
        const char *source = config_string(c, sources[i]);
        if (!*source || strncmp(source, "builtin:", 8) == 0 || !realpath(source, full))
            continue;
        status = path_format(name, message, "%s", full);
        if (!status)
            status = config_set(c, sources[i], name, message);
    }
    return status;
}

static gan_status resolve(start *st, gan_message *message)
{
    const char *name = plugin_name(st);
    if (!name)
        return gan_fail(
            message, GAN_ERROR_OPTION,
            "which plugin? Give --plugin NAME, or \"plugin: NAME\" in the config file; `ganhost list` shows "
            "those that can be found");
    gan_status status = plugin_open(name, &st->s.plugin, message);
    if (!status)
        status = config_create(st->s.plugin, &st->s.config, message);
    if (!status)
        status = config_apply(&st->s.config, &st->file, message);
    if (!status)
        status = set_from_arguments(st, message);
    if (!status)
        status = config_check(&st->s.config, message);
    if (!status)
        status = set_paths(st, message);
    return status;
}

static gan_status open_session(start *st, gan_message *message)
{
    gan_status status = session_open_data(&st->s, &st->out, message);
    if (!status)
        status = session_open_context(&st->s, message);
    if (!status)
        status = session_build(&st->s, message);
    return status;
}

/* A batch that is larger than the data, or data that cannot be measured, would otherwise be found only after the run's
 * folder was made. */
static gan_status check_data_use(const start *st, gan_message *message)
{
    plan configured = plan_configured(&st->s);
    loaders tried;
    gan_status status = plan_open_loaders(&st->s, &configured, 0, &tried, message);
    plan_close_loaders(&tried);
    return status ? status : distance_check(&st->s, message);
}

/* ---- the folder ---- */

static gan_status write_config(const start *st, gan_message *message)
{
    char path[PATH_SIZE];
    text out = {0};
    gan_status status = path_format(path, message, "%s/config.yaml", st->r.path);
    text_add(&out, "# Every option of this run, as resolved by ganhost %s.\n", GAN_VERSION_STRING);
    config_write(&st->s.config, false, &out);
    if (!status && out.failed)
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory to write %s", path);
    if (!status)
        status = file_replace(path, out.data, out.size, message);
    free(out.data);
    return status;
}

static gan_status open_log(start *st, gan_message *message)
{
    char path[PATH_SIZE];
    gan_status status = path_format(path, message, "%s/log.txt", st->r.path);
    return status ? status : console_log_to(&st->out, path, message);
}

static void say_what(start *st)
{
    const session *s = &st->s;
    char data[SESSION_TEXT];
    console_say(&st->out, "plugin  %s %s: %s", s->plugin->table.id, s->plugin->table.version, plugin_title(s->plugin));
    console_say(&st->out, "data    %s: %s", s->info.name, session_both_text(s, data));
    gan_data_domains domains;
    if (!s->data_b && gan_data_find_domains(config_string(&s->config, "data.source"), &domains, NULL) == GAN_OK) {
        console_say(&st->out,
                    "note    this folder has two domains, which the plugin %s takes as one; to learn one of "
                    "them, give %s",
                    s->plugin->table.id, domains.train[0]);
        gan_data_domains_free(&domains);
    }
    console_say(&st->out, "device  %s, %s", gan_context_device(s->ctx), config_string(&s->config, "precision"));
    if (*gan_context_device_note(s->ctx))
        console_say(&st->out, "note    %s", gan_context_device_note(s->ctx));
    console_say(&st->out, "run     %s", st->r.path);
}

static gan_status begin_new(start *st, gan_message *message)
{
    char name[256];
    const char *wanted = config_string(&st->s.config, "name");
    snprintf(name, sizeof name, "%s-%s", st->s.plugin->table.id, st->s.info.name);
    gan_status status = check_data_use(st, message);
    if (!status)
        status = run_create(config_string(&st->s.config, "out"), *wanted ? wanted : name, &st->r, message);
    if (!status)
        status = write_config(st, message);
    if (!status)
        status = open_log(st, message);
    if (!status)
        say_what(st);
    return status;
}

/* ---- resumption ---- */

static void say_note(void *user, const char *sentence)
{
    console_say(user, "%s", sentence);
}

static gan_status check_unchanged(const start *st, const gan_file *file, gan_message *message)
{
    const char *yaml = gan_file_text(file, "ganhost.config"), *different;
    yaml_file parsed = {0};
    config saved = {0};
    char name[160];
    gan_status status = yaml_file_parse(st->checkpoint, yaml ? yaml : "", yaml ? strlen(yaml) : 0, &parsed, message);
    if (!status)
        status = config_create(st->s.plugin, &saved, message);
    if (!status)
        status = config_apply(&saved, &parsed, message);
    if (!status && (different = config_difference(&st->s.config, &saved, changeable, name)))
        status = gan_fail(message, GAN_ERROR_OPTION,
                          "%s cannot be changed when a run is resumed: start a new run for it", different);
    config_free(&saved);
    yaml_file_free(&parsed);
    return status;
}

static gan_status check_second(const start *st, const gan_file *file, gan_message *message)
{
    int64_t saved;
    gan_status status = checkpoint_count_b(file, st->checkpoint, &saved, message);
    if (status || saved == st->s.count_b)
        return status;
    return gan_fail(message, GAN_ERROR_ARGUMENT,
                    "the second domain has %" PRId64 " samples, but this run was begun on %" PRId64, st->s.count_b,
                    saved);
}

/* Another file of the same data is welcome; other data is not. */
static gan_status check_data(const start *st, const gan_file *file, gan_message *message)
{
    gan_data_info saved;
    char now[128], then[128];
    const gan_data_info *info = &st->s.info;
    gan_status status = checkpoint_data_info(file, st->checkpoint, &saved, message);
    if (status)
        return status;
    bool same = saved.count == info->count && saved.height == info->height && saved.width == info->width &&
                saved.channels == info->channels && saved.classes == info->classes && saved.scaled == info->scaled;
    if (!same)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s has %s, but this run was begun on %s",
                        config_string(&st->s.config, "data.source"), session_data_text(info, now),
                        session_data_text(&saved, then));
    return st->s.data_b ? check_second(st, file, message) : GAN_OK;
}

/* A run that was stopped before its first checkpoint starts again with the options that it had. */
static gan_status check_unchanged_file(const start *st, gan_message *message)
{
    config saved = {0};
    char name[160];
    const char *different;
    gan_status status = config_create(st->s.plugin, &saved, message);
    if (!status)
        status = config_apply(&saved, &st->file, message);
    if (!status && (different = config_difference(&st->s.config, &saved, changeable, name)))
        status = gan_fail(message, GAN_ERROR_OPTION,
                          "%s cannot be changed when a run is resumed: start a new run for it", different);
    config_free(&saved);
    return status;
}

static gan_status load_newest(start *st, gan_message *message)
{
    gan_file *file = NULL;
    gan_message why = {{0}};
    gan_status status = checkpoint_newest(st->r.path, true, say_note, &st->out, &file, st->checkpoint, &why);
    if (status == GAN_ERROR_NOT_FOUND) {
        st->checkpoint[0] = '\0';
        status = check_unchanged_file(st, message);
        return status ? status : open_session(st, message);
    }
    if (status)
        return gan_fail(message, status, "%s has no checkpoint that can be used: %.800s", st->r.path, why.text);
    status = checkpoint_check_plugin(file, st->s.plugin, st->checkpoint, message);
    if (!status)
        status = check_unchanged(st, file, message);
    if (!status)
        status = open_session(st, message);
    if (!status)
        status = check_data(st, file, message);
    if (!status)
        status = checkpoint_load(file, &st->s, &st->at, st->checkpoint, message);
    gan_file_close(file);
    return status;
}

static gan_status open_run(start *st, gan_message *message)
{
    const char *wanted = st->args->value[CLI_RESUME];
    char path[PATH_SIZE];
    gan_status status;
    if (st->args->value[CLI_CONFIG] || st->args->value[CLI_DRY_RUN])
        return gan_fail(message, GAN_ERROR_OPTION, "--resume and --%s do not go together%s",
                        st->args->value[CLI_CONFIG] ? "config" : "dry-run",
                        st->args->value[CLI_CONFIG] ? ": a run has its own config.yaml" : "");
    if (strcmp(wanted, "latest") == 0)
        status = run_latest(st->args->value[CLI_OUT] ? st->args->value[CLI_OUT] : "runs", path, message);
    else
        status = path_format(path, message, "%s", wanted);
    if (!status)
        status = run_open(path, &st->r, message);
    if (!status)
        status = path_format(path, message, "%s/config.yaml", st->r.path);
    return status ? status : yaml_file_read(path, &st->file, message);
}

static bool is_complete(const start *st)
{
    const config *c = &st->s.config;
    double minutes = config_float(c, "train.minutes");
    return (double)st->at.images >= 1000 * config_float(c, "train.kimg") ||
           (minutes > 0 && st->at.seconds >= 60 * minutes);
}

static gan_status begin_resumed(start *st, gan_message *message)
{
    gan_status status = open_run(st, message);
    if (!status)
        status = resolve(st, message);
    if (!status)
        status = open_log(st, message);
    if (!status)
        status = load_newest(st, message);
    if (status)
        return status;
    if (is_complete(st)) {
        st->complete = true;
        console_say(&st->out,
                    "%s is complete at kimg %.1f; to go on, give more: --set train.kimg=N or --set train.minutes=N",
                    st->r.path, (double)st->at.images / 1000);
        return GAN_OK;
    }
    status = run_truncate(&st->r, st->at.images, message);
    if (!status)
        status = write_config(st, message);
    if (status)
        return status;
    say_what(st);
    if (*st->checkpoint)
        console_say(&st->out, "resumed from %s at kimg %.1f", st->checkpoint, (double)st->at.images / 1000);
    else
        console_say(&st->out, "there is no checkpoint yet, so the run begins again");
    return GAN_OK;
}

/* ---- the command ---- */

static gan_status run_dry(start *st, gan_message *message)
{
    text out = {0};
    char data[SESSION_TEXT];
    gan_status status = check_data_use(st, message);
    if (status)
        return status;
    text_add(&out, "data     %s: %s, checked\n\n", st->s.info.name, session_both_text(&st->s, data));
    status = dry_run(&st->s, &out, message);
    return status ? (free(out.data), status) : cli_print(&out) ? GAN_ERROR_IO : GAN_OK;
}

static gan_status begin(start *st, gan_message *message)
{
    gan_status status = GAN_OK;
    if (st->resumed)
        return begin_resumed(st, message);
    if (st->args->value[CLI_CONFIG])
        status = yaml_file_read(st->args->value[CLI_CONFIG], &st->file, message);
    if (!status)
        status = resolve(st, message);
    if (!status)
        status = open_session(st, message);
    if (status)
        return status;
    return st->args->value[CLI_DRY_RUN] ? run_dry(st, message) : begin_new(st, message);
}

int command_train(const arguments *args)
{
    start st = {.args = args, .r.lock = -1, .resumed = args->value[CLI_RESUME] != NULL};
    gan_message message = {{0}};
    console_open(&st.out, args->value[CLI_QUIET] != NULL);
    gan_status status = begin(&st, &message);
    if (!status && !args->value[CLI_DRY_RUN] && !st.complete) {
        interrupt_catch();
        status = train(&st.s, &st.r, &st.out, &st.at, st.checkpoint, &message);
    }
    if (status && status != GAN_INTERRUPTED)
        console_error(&st.out, "ganhost: %s", message.text);
    session_close(&st.s);
    run_close(&st.r);
    yaml_file_free(&st.file);
    console_close(&st.out);
    return status == GAN_OK             ? EXIT_SUCCESS
           : status == GAN_INTERRUPTED  ? EXIT_INTERRUPTED
           : status == GAN_ERROR_OPTION ? EXIT_USAGE
                                        : EXIT_RUN;
}
