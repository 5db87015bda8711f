/* command_sample.c - `ganhost sample`: pictures from a checkpoint; the data is not needed. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "checkpoint.h"
#include "cli.h"

#define SAMPLES_MAX 65536

typedef struct sampling {
    const arguments *args;
    session s;
    console out;
    gan_file *file;
    char checkpoint[PATH_SIZE];
    char target[PATH_SIZE];
    uint64_t *seeds;
    int32_t *labels; /* NULL: the plugin's choice */
    bool by_class;   /* the samples are each seed once for every class */
    int64_t n, columns;
    void *samples;
} sampling;

/* ---- arguments ---- */

static gan_status fail_seeds(const char *list, gan_message *message)
{
    return gan_fail(message, GAN_ERROR_OPTION,
                    "--seeds takes numbers and ranges such as 0-63 or 1,5,9-12, at most %d, but is \"%.100s\"",
                    SAMPLES_MAX, list);
}

static bool parse_seed(const char **at, uint64_t *out)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    *out = strtoull(*at, &end, 10);
    *at = end;
    return errno == 0;
}

static gan_status parse_seeds(sampling *p, const char *list, gan_message *message)
{
    p->seeds = calloc(SAMPLES_MAX, sizeof *p->seeds);
    if (!p->seeds)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for seeds");
    for (const char *at = list;; at++) {
        uint64_t first, last;
        if (!parse_seed(&at, &first))
            return fail_seeds(list, message);
        last = first;
        if (*at == '-' && (at++, !parse_seed(&at, &last)))
            return fail_seeds(list, message);
        if (last < first || last - first >= (uint64_t)(SAMPLES_MAX - p->n))
            return fail_seeds(list, message);
        for (uint64_t seed = first; seed <= last && p->n < SAMPLES_MAX; seed++) {
            p->seeds[p->n++] = seed;
            if (seed == UINT64_MAX)
                break;
        }
        if (*at == '\0')
            return GAN_OK;
        if (*at != ',')
            return fail_seeds(list, message);
    }
}

/* --grid 8x4 is 8 columns of 4; without --seeds it also says how many samples there are. */
static gan_status parse_grid(sampling *p, gan_message *message)
{
    const char *grid = p->args->value[CLI_GRID], *list = p->args->value[CLI_SEEDS];
    char range[32];
    int columns = 0, rows = 0, used = 0;
    if (grid && (sscanf(grid, "%5dx%5d%n", &columns, &rows, &used) != 2 || grid[used] || columns < 1 || rows < 1 ||
                 columns * (int64_t)rows > SAMPLES_MAX))
        return gan_fail(message, GAN_ERROR_OPTION,
                        "--grid takes columns and rows such as 8x8, at most %d images, but is \"%.64s\"", SAMPLES_MAX,
                        grid);
    snprintf(range, sizeof range, "0-%d", grid ? columns * rows - 1 : 63);
    gan_status status = parse_seeds(p, list ? list : range, message);
    if (!status && grid && list && p->n > columns * (int64_t)rows)
        return gan_fail(message, GAN_ERROR_OPTION, "--seeds names %" PRId64 " samples, more than --grid %s holds", p->n,
                        grid);
    p->columns = columns;
    return status;
}

/* Without --class and --grid, a row per class: each seed once for every class. Ten seeds, unless --seeds says more. */
static gan_status every_class(sampling *p, int64_t classes, gan_message *message)
{
    uint64_t *seeds;
    int64_t n = p->args->value[CLI_SEEDS] ? p->n : 10;
    if (n * classes > SAMPLES_MAX)
        return gan_fail(message, GAN_ERROR_OPTION,
                        "%" PRId64 " seeds for each of %" PRId64 " classes are more than %d samples; give --class", n,
                        classes, SAMPLES_MAX);
    int64_t all = session_every_class(classes, p->seeds, n, &seeds, &p->labels);
    if (all == 0)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for labels");
    free(p->seeds);
    p->seeds = seeds;
    p->n = all;
    p->columns = n;
    p->by_class = true;
    return GAN_OK;
}

static gan_status parse_class(sampling *p, gan_message *message)
{
    const char *value = p->args->value[CLI_CLASS];
    int64_t classes = session_classes(&p->s);
    char *end;
    if (!value && classes > 0 && !p->args->value[CLI_GRID])
        return every_class(p, classes, message);
    if (!value)
        return GAN_OK;
    if (classes == 0)
        return gan_fail(message, GAN_ERROR_OPTION, "the plugin %s does not use labels, so --class says nothing to it",
                        p->s.plugin->table.id);
    errno = 0;
    long wanted = strtol(value, &end, 10);
    if (errno || end == value || *end || wanted < 0 || wanted >= classes)
        return gan_fail(message, GAN_ERROR_OPTION, "--class must be from 0 to %" PRId64 ", but is \"%.64s\"",
                        classes - 1, value);
    p->labels = calloc((size_t)p->n, sizeof *p->labels);
    if (!p->labels)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for labels");
    for (int64_t i = 0; i < p->n; i++)
        p->labels[i] = (int32_t)wanted;
    return GAN_OK;
}

/* ---- the model ---- */

static void say_note(void *user, const char *sentence)
{
    console_say(user, "%s", sentence);
}

static gan_status open_checkpoint(sampling *p, gan_message *message)
{
    const char *file = p->args->value[CLI_CHECKPOINT], *folder = p->args->value[CLI_RUN];
    gan_status status;
    if (!file && !folder)
        return gan_fail(message, GAN_ERROR_OPTION, "which run? Give --run RUN, or --checkpoint FILE");
    if (!file)
        return checkpoint_newest(folder, false, say_note, &p->out, &p->file, p->checkpoint, message);
    status = path_format(p->checkpoint, message, "%s", file);
    if (!status)
        status = gan_file_open(file, &p->file, message);
    return status ? status : checkpoint_check(p->file, file, message);
}

static gan_status configure(sampling *p, const yaml_file *yaml, gan_message *message)
{
    const char *name = p->args->value[CLI_PLUGIN];
    for (int i = 0; i < yaml->count && !name; i++)
        if (strcmp(yaml->entries[i].name, "plugin") == 0)
            name = yaml->entries[i].value;
    if (!name)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s does not name its plugin; give --plugin", p->checkpoint);
    gan_status status = plugin_open(name, &p->s.plugin, message);
    if (!status)
        status = checkpoint_check_plugin(p->file, p->s.plugin, p->checkpoint, message);
    if (!status)
        status = config_create(p->s.plugin, &p->s.config, message);
    if (!status)
        status = config_apply(&p->s.config, yaml, message);
    /* The device of the training need not be there: the best that there is, unless one is asked for. */
    if (!status)
        status = config_set(&p->s.config, "device", p->args->value[CLI_DEVICE] ? p->args->value[CLI_DEVICE] : "auto",
                            message);
    if (!status && p->args->value[CLI_PRECISION])
        status = config_set(&p->s.config, "precision", p->args->value[CLI_PRECISION], message);
    return status ? status : config_check(&p->s.config, message);
}

static gan_status load_model(sampling *p, gan_message *message)
{
    yaml_file yaml = {0};
    const char *options = gan_file_text(p->file, "ganhost.config");
    gan_status status =
        yaml_file_parse(p->checkpoint, options ? options : "", options ? strlen(options) : 0, &yaml, message);
    if (!status)
        status = configure(p, &yaml, message);
    yaml_file_free(&yaml);
    if (!status)
        status = checkpoint_data_info(p->file, p->checkpoint, &p->s.info, message);
    if (!status)
        status = session_open_context(&p->s, message);
    if (!status)
        status = session_build(&p->s, message);
    return status ? status : checkpoint_load(p->file, &p->s, NULL, p->checkpoint, message);
}

/* ---- output ---- */

static bool ends_with(const char *s, const char *end)
{
    size_t length = strlen(s), tail = strlen(end);
    return length > tail && strcmp(s + length - tail, end) == 0;
}

static gan_status write_csv(const sampling *p, gan_message *message)
{
    text out = {0};
    const float *value = p->samples;
    for (int64_t i = 0; i < p->n; i++)
        for (int64_t j = 0; j < p->s.info.channels; j++)
            text_add(&out, "%.9g%c", (double)*value++, j + 1 < p->s.info.channels ? ',' : '\n');
    gan_status status = out.failed ? gan_fail(message, GAN_ERROR_MEMORY, "no memory to write %s", p->target)
                                   : file_replace(p->target, out.data, out.size, message);
    free(out.data);
    return status;
}

static gan_status write_each(const sampling *p, gan_message *message)
{
    gan_status status = folder_make(p->target, message);
    for (int64_t i = 0; i < p->n && !status; i++) {
        char folder[PATH_SIZE], path[PATH_SIZE];
        if (p->by_class) /* the classes are sub-folders, as in a labelled data set */
            status = path_format(folder, message, "%s/%d", p->target, p->labels[i]);
        else
            status = path_format(folder, message, "%s", p->target);
        if (!status && p->by_class && i % p->columns == 0)
            status = folder_make(folder, message);
        if (!status)
            status = path_format(path, message, "%s/seed%06" PRIu64 ".png", folder, p->seeds[i]);
        if (!status)
            status = report_grid(&p->s.info, (char *)p->samples + (size_t)i * session_sample_bytes(&p->s.info), 1, 1,
                                 path, message);
    }
    return status;
}

static gan_status write_samples(const sampling *p, gan_message *message)
{
    bool png = ends_with(p->target, ".png");
    if (!p->s.info.scaled) {
        if (ends_with(p->target, ".csv"))
            return write_csv(p, message);
        if (!png)
            return gan_fail(message, GAN_ERROR_OPTION, "samples of vectors go to a .png or a .csv file, not to %.200s",
                            p->target);
        return report_scatter(&p->s.info, NULL, 0, p->samples, p->n, "samples", p->target, message);
    }
    if (!png)
        return write_each(p, message);
    return report_grid(&p->s.info, p->samples, p->n, p->columns, p->target, message);
}

static gan_status choose_target(sampling *p, gan_message *message)
{
    if (p->args->value[CLI_OUT])
        return path_format(p->target, message, "%s", p->args->value[CLI_OUT]);
    if (p->args->value[CLI_RUN])
        return path_format(p->target, message, "%s/samples.png", p->args->value[CLI_RUN]);
    return path_format(p->target, message, "samples.png");
}

static gan_status generate(sampling *p, gan_message *message)
{
    gan_status status = parse_grid(p, message);
    if (!status)
        status = open_checkpoint(p, message);
    if (!status)
        status = load_model(p, message);
    if (!status)
        status = parse_class(p, message);
    if (!status)
        status = choose_target(p, message);
    if (status)
        return status;
    p->samples = calloc((size_t)p->n, session_sample_bytes(&p->s.info));
    if (!p->samples)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for %" PRId64 " samples", p->n);
    status = session_sample(&p->s, p->seeds, p->n, p->labels, p->samples, message);
    return status ? status : write_samples(p, message);
}

int command_sample(const arguments *args)
{
    sampling p = {.args = args};
    gan_message message = {{0}};
    console_open(&p.out, args->value[CLI_QUIET] != NULL);
    gan_status status = generate(&p, &message);
    if (!status)
        console_say(&p.out, "%" PRId64 " samples of %s: %s", p.n, p.checkpoint, p.target);
    free(p.samples);
    free(p.labels);
    free(p.seeds);
    session_close(&p.s);
    gan_file_close(p.file);
    console_close(&p.out);
    return status ? cli_fail(status, &message) : EXIT_SUCCESS;
}
