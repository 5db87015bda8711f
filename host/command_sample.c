/* command_sample.c - `ganhost sample`: pictures from a checkpoint; the data is not needed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "styles.h"
#include "values.h"

#define SAMPLES_MAX 65536

typedef struct sampling {
    const arguments *args;
    opened o;
    styles st;
    char target[PATH_SIZE];
    uint64_t *seeds;
    int32_t *labels; /* NULL: the plugin's choice */
    float *w;        /* NULL: of seeds */
    bool by_class;   /* the samples are each seed once for every class */
    int64_t n, columns;
    void *samples;
} sampling;

/* ---- arguments ---- */

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
    gan_status status = value_seeds("seeds", list ? list : range, SAMPLES_MAX, &p->seeds, &p->n, message);
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

static gan_status choose_classes(sampling *p, gan_message *message)
{
    int64_t classes = session_classes(&p->o.s);
    int32_t wanted = 0;
    gan_status status = opened_class(&p->o, &wanted, message);
    if (status)
        return status;
    if (!p->args->value[CLI_CLASS])
        return classes > 0 && !p->args->value[CLI_GRID] ? every_class(p, classes, message) : GAN_OK;
    p->labels = calloc((size_t)p->n, sizeof *p->labels);
    if (!p->labels)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for labels");
    for (int64_t i = 0; i < p->n; i++)
        p->labels[i] = wanted;
    return GAN_OK;
}

/* ---- samples ---- */

static gan_status parse_arguments(sampling *p, gan_message *message)
{
    const char *const *value = p->args->value;
    gan_status status = styles_options(&p->st, p->args, message);
    if (!status && value[CLI_W] && (value[CLI_SEEDS] || value[CLI_CLASS]))
        return gan_fail(message, GAN_ERROR_OPTION, "--w is drawn instead of --%s; give one of them",
                        value[CLI_SEEDS] ? "seeds" : "class");
    return status ? status : parse_grid(p, message);
}

/* The model, and seeds and labels of what is drawn. */
static gan_status prepare(sampling *p, gan_message *message)
{
    gan_status status = opened_load(&p->o, message);
    const char *asked = styles_asked(p->args);
    if (!status && (asked || styles_offered(&p->o.s)))
        status = styles_begin(&p->st, &p->o, asked, message);
    if (!status)
        status = p->args->value[CLI_W] ? styles_read(&p->st, p->args->value[CLI_W], &p->w, &p->n, message)
                                       : choose_classes(p, message);
    return status;
}

static gan_status draw(sampling *p, gan_message *message)
{
    if (p->w)
        return styles_render(&p->st, p->w, p->n, p->samples, message);
    if (p->st.table)
        return styles_sample(&p->st, p->seeds, p->n, p->labels, p->samples, message);
    return session_sample(&p->o.s, p->seeds, p->n, p->labels, p->samples, message);
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
        for (int64_t j = 0; j < p->o.s.info.channels; j++)
            text_add(&out, "%.9g%c", (double)*value++, j + 1 < p->o.s.info.channels ? ',' : '\n');
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
            status = path_format(path, message, "%s/%s%06" PRIu64 ".png", folder, p->w ? "w" : "seed",
                                 p->w ? (uint64_t)i : p->seeds[i]);
        if (!status)
            status = report_grid(&p->o.s.info, (char *)p->samples + (size_t)i * session_sample_bytes(&p->o.s.info), 1,
                                 1, path, message);
    }
    return status;
}

static gan_status write_samples(const sampling *p, gan_message *message)
{
    bool png = ends_with(p->target, ".png");
    if (!p->o.s.info.scaled) {
        if (ends_with(p->target, ".csv"))
            return write_csv(p, message);
        if (!png)
            return gan_fail(message, GAN_ERROR_OPTION, "samples of vectors go to a .png or a .csv file, not to %.200s",
                            p->target);
        return report_scatter(&p->o.s.info, NULL, 0, p->samples, p->n, "samples", p->target, message);
    }
    if (!png)
        return write_each(p, message);
    return report_grid(&p->o.s.info, p->samples, p->n, p->columns, p->target, message);
}

static gan_status generate(sampling *p, gan_message *message)
{
    gan_status status = parse_arguments(p, message);
    if (!status)
        status = prepare(p, message);
    if (!status)
        status = opened_target(&p->o, "samples.png", p->target, message);
    if (status)
        return status;
    p->samples = calloc((size_t)p->n, session_sample_bytes(&p->o.s.info));
    if (!p->samples)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for %" PRId64 " samples", p->n);
    status = draw(p, message);
    return status ? status : write_samples(p, message);
}

int command_sample(const arguments *args)
{
    sampling p = {.args = args};
    gan_message message = {{0}};
    opened_begin(&p.o, args);
    gan_status status = generate(&p, &message);
    if (!status)
        console_say(&p.o.out, "%" PRId64 " samples of %s: %s", p.n, p.o.checkpoint, p.target);
    free(p.samples);
    free(p.labels);
    free(p.seeds);
    free(p.w);
    opened_close(&p.o);
    return status ? cli_fail(status, &message) : EXIT_SUCCESS;
}
