/* command_data.c - `ganhost data check` and `ganhost data pack`: sources of images without a network. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "session.h"

#define PROBLEMS_SHOWN 100
#define CLASSES_SHOWN  100

typedef struct look {
    const arguments *args;
    console out;
    gan_options *host;
    gan_data_options options; /* from `host` */
    session_progress progress;
    int64_t shown; /* problems */
} look;

/* Of one source: of two, each is looked at by itself. */
static bool is_about_data(const char *name)
{
    return (strncmp(name, "data.", 5) == 0 && strcmp(name, "data.source_b") != 0) || strcmp(name, "seed") == 0 ||
           strcmp(name, "threads") == 0;
}

static gan_status set_pair(look *l, const char *pair, gan_message *message)
{
    char name[64];
    size_t length = strcspn(pair, "=");
    if (!pair[length] || length >= sizeof name)
        return gan_fail(message, GAN_ERROR_OPTION,
                        "--set takes name=value, such as data.mirror=true, but is \"%.100s\"", pair);
    snprintf(name, sizeof name, "%.*s", (int)length, pair);
    if (!is_about_data(name))
        return gan_fail(message, GAN_ERROR_OPTION,
                        "%s says nothing about one source of data; here --set takes data.*, seed, threads", name);
    return gan_options_set(l->host, name, pair + length + 1, message);
}

static gan_status read_options(look *l, gan_message *message)
{
    static const struct {
        cli_option option;
        const char *name;
    } same[] = {{CLI_RESOLUTION, "data.resolution"}, {CLI_FIT, "data.fit"}, {CLI_FILTER, "data.filter"}};
    l->host = gan_options_create(config_host_table, message);
    if (!l->host)
        return GAN_ERROR_MEMORY;
    gan_status status = GAN_OK;
    for (int i = 0; i < l->args->n_sets && !status; i++)
        status = set_pair(l, l->args->sets[i], message);
    for (size_t i = 0; i < sizeof same / sizeof same[0] && !status; i++)
        if (l->args->value[same[i].option])
            status = gan_options_set(l->host, same[i].name, l->args->value[same[i].option], message);
    if (!status)
        status = gan_options_set(l->host, "data.source", l->args->words[1], message);
    if (status)
        return status;
    session_data_options(l->host, &l->options);
    l->progress = (session_progress){&l->out, "", clock_seconds()};
    l->options.progress = session_show_progress;
    l->options.progress_user = &l->progress;
    return GAN_OK;
}

/* ---- check ---- */

static void show_problem(const char *sentence, void *user)
{
    look *l = user;
    if (l->shown++ < PROBLEMS_SHOWN)
        console_error(&l->out, "%s", sentence);
}

static void add_range(text *out, const char *what, int64_t least, int64_t most)
{
    if (least == most)
        text_add(out, "%s %" PRId64, what, least);
    else
        text_add(out, "%s %" PRId64 " to %" PRId64, what, least, most);
}

static void add_classes(const gan_data_summary *found, text *out)
{
    char count[32];
    if (found->n_classes == 0) {
        text_add(out, "classes   none\n");
        return;
    }
    text_add(out, "classes   %" PRId64 "\n", found->n_classes);
    for (int64_t i = 0; i < found->n_classes && i < CLASSES_SHOWN; i++)
        text_add(out, "  %5" PRId64 "   %-24s %12s\n", i, found->classes[i].name,
                 text_grouped(found->classes[i].count, count));
    if (found->n_classes > CLASSES_SHOWN)
        text_add(out, "          and %" PRId64 " more\n", found->n_classes - CLASSES_SHOWN);
}

/* Of one source, or of a part of two domains, which has no classes. */
static void add_summary(const look *l, const gan_data_options *options, const gan_data_summary *found, text *out)
{
    char count[32], grey[32];
    bool images = found->grey + found->colour > 0;
    text_add(out, "source    %s\n", options->source);
    text_add(out, "samples   %s\n", text_grouped(found->count, count));
    if (found->bad > 0)
        text_add(out, "wrong     %s\n", text_grouped(found->bad, count));
    if (found->skipped > 0)
        text_add(out, "skipped   %s files that are no PNG or JPEG by their names, or hidden\n",
                 text_grouped(found->skipped, count));
    if (images) {
        add_range(out, "size      width", found->width_min, found->width_max);
        add_range(out, ", height", found->height_min, found->height_max);
        bool varied = found->width_min != found->width_max || found->height_min != found->height_max;
        text_add(out, "%s\n", varied && !l->options.resolution ? "; training needs data.resolution" : "");
        text_add(out, "channels  %s colour, %s grey\n", text_grouped(found->colour, count),
                 text_grouped(found->grey, grey));
    }
    if (options->labels)
        add_classes(found, out);
}

/* What is wrong is told at once; the rest goes to `out`, and *bad is set if anything is wrong. */
static gan_status check_source(look *l, const gan_data_options *options, gan_data_summary *found, text *out, bool *bad,
                               gan_message *message)
{
    *found = (gan_data_summary){.struct_size = sizeof *found};
    l->progress.what = "checking the images";
    l->shown = 0;
    gan_status status = gan_data_check(options, show_problem, l, found, message);
    console_clear(&l->out);
    if (status)
        return status;
    if (found->bad > l->shown || l->shown > PROBLEMS_SHOWN)
        console_error(&l->out, "and %" PRId64 " more", found->bad - PROBLEMS_SHOWN);
    add_summary(l, options, found, out);
    *bad |= found->bad > 0;
    return GAN_OK;
}

static gan_status check_one(look *l, text *out, bool *bad, gan_message *message)
{
    gan_data_summary found;
    gan_status status = check_source(l, &l->options, &found, out, bad, message);
    if (!status)
        gan_data_summary_free(&found);
    return status;
}

static bool same_size(const gan_data_summary *a, const gan_data_summary *b)
{
    return a->width_min == b->width_min && a->width_max == b->width_max && a->height_min == b->height_min &&
           a->height_max == b->height_max;
}

/* A folder of two domains, part by part. */
static gan_status check_domains(look *l, const gan_data_domains *domains, text *out, bool *bad, gan_message *message)
{
    const struct {
        const char *what, *source;
    } parts[] = {{"A, to train on", domains->train[0]},
                 {"B, to train on", domains->train[1]},
                 {"A, held out", domains->test[0]},
                 {"B, held out", domains->test[1]}};
    gan_data_summary first = {0};
    bool differ = false;
    gan_status status = GAN_OK;
    text_add(out, "folder    %s\ndomains   two%s\n", l->options.source,
             domains->test[0] ? "" : "; nothing is held out (test/A and test/B, or testA and testB)");
    for (int i = 0; i < 4 && parts[i].source && !status; i++) {
        gan_data_options options = l->options;
        gan_data_summary found;
        options.source = parts[i].source;
        options.labels = false;
        text_add(out, "\ndomain    %s\n", parts[i].what);
        status = check_source(l, &options, &found, out, bad, message);
        if (status)
            break;
        differ |= i > 0 && !same_size(&first, &found);
        first = i == 0 ? found : first;
        gan_data_summary_free(&found); /* of which `first` keeps numbers only */
    }
    if (differ && !l->options.resolution)
        text_add(out, "\nThe parts differ in size; training needs data.resolution.\n");
    return status;
}

static int check(look *l)
{
    text out = {0};
    gan_message message = {{0}};
    gan_data_domains domains;
    bool bad = false;
    gan_status status;
    if (gan_data_find_domains(l->options.source, &domains, NULL) == GAN_OK) {
        status = check_domains(l, &domains, &out, &bad, &message);
        gan_data_domains_free(&domains);
    } else {
        status = check_one(l, &out, &bad, &message);
    }
    if (status) {
        free(out.data);
        return cli_fail(status, &message);
    }
    int printed = cli_print(&out);
    if (bad)
        console_error(&l->out, "ganhost: %s: some files are wrong; replace them or take them out", l->options.source);
    return bad ? EXIT_RUN : printed;
}

/* ---- pack ---- */

static int pack(look *l)
{
    const char *path = l->args->words[2];
    gan_message message = {{0}};
    gan_dataset *data = NULL;
    char data_text[128];
    gan_status status = GAN_OK;
    if (access(path, F_OK) == 0 && !l->args->value[CLI_FORCE])
        status = gan_fail(&message, GAN_ERROR_IO, "%s is there already; --force replaces it", path);
    l->progress.what = "checking the images";
    if (!status)
        status = gan_dataset_open(&l->options, &data, &message);
    l->progress = (session_progress){&l->out, "packing", clock_seconds()};
    if (!status)
        status = gan_data_pack(data, path, l->options.threads, session_show_progress, &l->progress, &message);
    console_clear(&l->out);
    if (!status)
        console_say(&l->out, "%s: %s", path, session_data_text(gan_dataset_info(data), data_text));
    gan_dataset_close(data);
    return status ? cli_fail(status, &message) : EXIT_SUCCESS;
}

int command_data(const arguments *args)
{
    static const char *const actions[] = {"check", "pack", NULL};
    look l = {.args = args};
    gan_message message = {{0}};
    bool packs = strcmp(args->words[0], "pack") == 0;
    gan_status status = GAN_OK;
    if (!packs && strcmp(args->words[0], "check") != 0) {
        const char *near = gan_nearest_name(args->words[0], actions);
        status = gan_fail(&message, GAN_ERROR_OPTION, "ganhost data does check and pack, not \"%.64s\"%s%s%s",
                          args->words[0], near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    } else if (args->n_words != (packs ? 3 : 2)) {
        status = gan_fail(&message, GAN_ERROR_OPTION, "expected ganhost data %s",
                          packs ? "pack SOURCE OUT.zip" : "check SOURCE");
    }
    if (!status)
        status = read_options(&l, &message);
    console_open(&l.out, args->value[CLI_QUIET] != NULL);
    int result = status ? cli_fail(status, &message) : packs ? pack(&l) : check(&l);
    gan_options_destroy(l.host);
    console_close(&l.out);
    return result;
}
