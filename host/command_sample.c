/* command_sample.c - `ganhost sample`: pictures from a checkpoint; the data is not needed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "styles.h"
#include "values.h"

#define SAMPLES_MAX 65536
/* Of samples that go to files of their own: so many, and about so many bytes, are in memory at a time. */
#define WINDOW       1024
#define WINDOW_BYTES ((int64_t)128 << 20)

typedef struct sampling {
    const arguments *args;
    opened o;
    styles st;
    char target[PATH_SIZE];
    uint64_t *seeds;
    int32_t *labels; /* NULL: without classes */
    float *w;        /* NULL: of seeds */
    bool by_class;   /* the samples are each seed once for every class */
    int64_t n, columns;
    void *samples; /* [window] */
    double started;
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
    bool chosen = p->args->value[CLI_CLASS];
    if (classes == 0)
        return GAN_OK;
    if (!chosen && !p->args->value[CLI_GRID])
        return every_class(p, classes, message);
    p->labels = calloc((size_t)p->n, sizeof *p->labels);
    if (!p->labels)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for labels");
    for (int64_t i = 0; i < p->n; i++)
        p->labels[i] = chosen ? wanted : (int32_t)(i % classes);
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
    gan_status status = opened_load_generator(&p->o, message);
    const char *asked = styles_asked(p->args);
    if (!status && (asked || styles_offered(&p->o.s)))
        status = styles_begin(&p->st, &p->o, asked, message);
    if (!status)
        status = p->args->value[CLI_W] ? styles_read(&p->st, p->args->value[CLI_W], &p->w, &p->n, message)
                                       : choose_classes(p, message);
    return status;
}

/* Samples from `first` on, into p->samples. */
static gan_status draw(sampling *p, int64_t first, int64_t n, gan_message *message)
{
    const int32_t *labels = p->labels ? p->labels + first : NULL;
    gan_status status;
    if (p->w)
        status = styles_render(&p->st, p->w + first * styles_size(&p->st), n, p->samples, message);
    else if (p->st.table)
        status = styles_sample(&p->st, p->seeds + first, n, labels, p->samples, message);
    else
        status = session_sample(&p->o.s, p->seeds + first, n, labels, p->samples, message);
    console_progress(&p->o.out, p->started, first + n, p->n, "samples", "");
    return status;
}

/* ---- output ---- */

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

/* Sample i, which is the one at `pixels`, in a file of its own. */
static gan_status write_one(const sampling *p, int64_t i, const void *pixels, gan_message *message)
{
    char folder[PATH_SIZE], path[PATH_SIZE];
    gan_status status;
    if (p->by_class) /* the classes are sub-folders, as in a labelled data set */
        status = path_format(folder, message, "%s/%d", p->target, p->labels[i]);
    else
        status = path_format(folder, message, "%s", p->target);
    if (!status && (i == 0 || (p->by_class && i % p->columns == 0)))
        status = folder_make(folder, message);
    if (!status)
        status = path_format(path, message, "%s/%s%06" PRIu64 ".png", folder, p->w ? "w" : "seed",
                             p->w ? (uint64_t)i : p->seeds[i]);
    return status ? status : report_grid(&p->o.s.info, pixels, 1, 1, path, message);
}

static gan_status write_each(sampling *p, int64_t window, gan_message *message)
{
    size_t bytes = session_sample_bytes(&p->o.s.info);
    gan_status status = GAN_OK;
    for (int64_t first = 0; first < p->n && !status; first += window) {
        int64_t n = p->n - first < window ? p->n - first : window;
        status = draw(p, first, n, message);
        for (int64_t i = 0; i < n && !status; i++)
            status = write_one(p, first + i, (const char *)p->samples + (size_t)i * bytes, message);
    }
    return status;
}

static gan_status write_together(sampling *p, gan_message *message)
{
    const gan_data_info *info = &p->o.s.info;
    gan_status status = draw(p, 0, p->n, message);
    if (status)
        return status;
    if (info->scaled)
        return report_grid(info, p->samples, p->n, p->columns, p->target, message);
    if (text_ends_with(p->target, ".csv"))
        return write_csv(p, message);
    return report_scatter(info, NULL, 0, p->samples, p->n, "samples", p->target, message);
}

/* How many samples are in memory at a time: all of them, or as many as WINDOW says. */
static gan_status choose_window(const sampling *p, int64_t *window, gan_message *message)
{
    const gan_data_info *info = &p->o.s.info;
    int64_t fit = WINDOW_BYTES / (int64_t)session_sample_bytes(info);
    bool png = text_ends_with(p->target, ".png"), csv = text_ends_with(p->target, ".csv");
    *window = p->n;
    if (!info->scaled && !png && !csv)
        return gan_fail(message, GAN_ERROR_OPTION, "samples of vectors go to a .png or a .csv file, not to %.200s",
                        p->target);
    if (info->scaled && png && p->n > GAN_IMAGE_MAX_PIXELS / (info->height * info->width))
        return gan_fail(message, GAN_ERROR_LIMIT,
                        "%" PRId64 " images of %" PRId64 "x%" PRId64
                        " are more than one picture holds; --out FOLDER writes a file for each",
                        p->n, info->width, info->height);
    if (info->scaled && !png) {
        fit = fit < 1 ? 1 : fit > WINDOW ? WINDOW : fit;
        *window = p->n < fit ? p->n : fit;
    }
    return GAN_OK;
}

static gan_status generate(sampling *p, gan_message *message)
{
    int64_t window = 0;
    gan_status status = parse_arguments(p, message);
    if (!status)
        status = prepare(p, message);
    if (!status)
        status = opened_target(&p->o, "samples.png", p->target, message);
    if (!status)
        status = choose_window(p, &window, message);
    if (status)
        return status;
    p->started = clock_seconds();
    p->samples = calloc((size_t)window, session_sample_bytes(&p->o.s.info));
    if (!p->samples)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for %" PRId64 " samples", window);
    bool each = p->o.s.info.scaled && !text_ends_with(p->target, ".png");
    return each ? write_each(p, window, message) : write_together(p, message);
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
