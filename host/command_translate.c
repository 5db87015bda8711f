/* command_translate.c - `ganhost translate`: images of one domain to images of the other, of any size and number. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image_list.h"
#include "interrupt.h"
#include "png_queue.h"
#include "translator.h"
#include "values.h"

#define DRAWN     64 /* built-in images, unless --count says more */
#define DRAWN_MAX 1000000
#define GROUPS    8 /* sizes of which pictures wait for each other */

/* Pictures of one padded size that are to go through the networks together. */
typedef struct group {
    int64_t height, width, n, room;
    gan_image *image, *out, *back; /* [room] */
    int64_t *index;                /* [room]: where they are in the list */
} group;

/* A file, as the system knows it. */
typedef struct identity {
    dev_t device;
    ino_t inode;
} identity;

typedef struct translation {
    const arguments *args;
    opened o;
    translator t;
    image_list input, target;
    char out[PATH_SIZE], recover[PATH_SIZE]; /* recover: empty if it is not asked for */
    int64_t resize, drawn;
    group groups[GROUPS];
    png_queue *files;
    int64_t next_group;   /* the one that goes first where all are taken */
    int64_t done, failed; /* inputs translated, and those that could not be read */
    int64_t compared, failed_targets;
    double before, after, cycle; /* sums of mean absolute errors, in grey levels */
    double started;
} translation;

/* ---- arguments ---- */

static gan_status parse_arguments(translation *p, gan_message *message)
{
    const char *const *value = p->args->value, *input = value[CLI_INPUT];
    p->drawn = DRAWN;
    gan_status status = translator_options(&p->t, p->args, message);
    if (!status && !input)
        return gan_fail(message, GAN_ERROR_OPTION, "what is translated? Give --input FOLDER, FILE or builtin:faces");
    if (!status && value[CLI_RESIZE])
        status = value_int("resize", value[CLI_RESIZE], 1, GAN_IMAGE_MAX_SIDE, &p->resize, message);
    if (!status && value[CLI_COUNT] && strncmp(input, "builtin:", 8) != 0)
        return gan_fail(message, GAN_ERROR_OPTION, "--count is for built-in images, but --input is %.300s", input);
    if (!status && value[CLI_COUNT])
        status = value_int("count", value[CLI_COUNT], 1, DRAWN_MAX, &p->drawn, message);
    return status;
}

/* ---- where to ---- */

/* One picture may go to a file of its own; all else goes to a folder, under the names of the inputs. */
static gan_status output_path(const translation *p, const char *base, int64_t i, char path[PATH_SIZE],
                              gan_message *message)
{
    char stem[PATH_SIZE];
    if (p->input.single && text_ends_with(base, ".png"))
        return path_format(path, message, "%s", base);
    gan_status status = image_list_stem(&p->input, i, stem, message);
    return status ? status : path_format(path, message, "%s/%s.png", base, stem);
}

/* Takes the image. */
static gan_status write_output(const translation *p, const char *base, int64_t i, gan_image *image,
                               gan_message *message)
{
    char path[PATH_SIZE], folder[PATH_SIZE];
    gan_status status = output_path(p, base, i, path, message);
    if (!status)
        status = path_format(folder, message, "%s", path);
    char *slash = status ? NULL : strrchr(folder, '/');
    if (slash && slash > folder) {
        *slash = '\0';
        status = folder_make(folder, message);
    }
    return status ? status : png_queue_add(p->files, path, image, message);
}

static int compare_identities(const void *a, const void *b)
{
    const identity *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

static bool identify(const char *path, bool follow_link, identity *out)
{
    struct stat info;
    if (fstatat(AT_FDCWD, path, &info, follow_link ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    *out = (identity){info.st_dev, info.st_ino};
    return true;
}

/* Of an image that is read through a link, both the link and what it leads to. */
static int64_t identify_all(const image_list *list, identity *out)
{
    char path[PATH_SIZE];
    int64_t n = 0;
    for (int64_t i = 0; i < list->count; i++)
        for (int follow = 0; follow < 2; follow++)
            if (image_list_path(list, i, path) && identify(path, follow, &out[n]))
                n++;
    return n;
}

/* No output in `base` may take the place of an image that is read. Where it would be, a link is not followed: the
 * output would take the place of the link, not of what it leads to. */
static gan_status check_outputs(const translation *p, const char *option, const char *base, const identity *known,
                                int64_t n, gan_message *message)
{
    char path[PATH_SIZE];
    identity found;
    gan_status status = GAN_OK;
    if (!p->input.single && text_ends_with(base, ".png"))
        return gan_fail(message, GAN_ERROR_OPTION, "%s is a folder where --input is not one file, but is %.300s",
                        option, base);
    for (int64_t i = 0; i < p->input.count && !status; i++) {
        status = output_path(p, base, i, path, message);
        if (!status && identify(path, false, &found) &&
            bsearch(&found, known, (size_t)n, sizeof *known, compare_identities))
            status = gan_fail(message, GAN_ERROR_OPTION,
                              "%.2000s is one of the images that are read, and would be overwritten; give another %s",
                              path, option);
    }
    return status;
}

/* The folder that outputs go to, which is made, or the one file, by a path with no links. */
static gan_status real_place(const translation *p, const char *base, char out[PATH_SIZE], gan_message *message)
{
    char path[PATH_SIZE], folder[PATH_SIZE], full[PATH_MAX];
    gan_status status =
        p->input.single ? output_path(p, base, 0, path, message) : path_format(path, message, "%s/", base);
    const char *slash = status ? NULL : strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (!status) /* with its slash, which "/" consists of */
        status = path_format(folder, message, "%.*s", (int)(name - path), path);
    if (!status && slash)
        status = folder_make(folder, message);
    if (!status && !realpath(slash ? folder : ".", full))
        status = gan_fail(message, GAN_ERROR_IO, "cannot find the folder %.2000s: %s", folder, strerror(errno));
    return status ? status : path_format(out, message, "%s/%s", full, name);
}

static gan_status check_recover(const translation *p, gan_message *message)
{
    char out[PATH_SIZE], recover[PATH_SIZE];
    gan_status status = real_place(p, p->out, out, message);
    if (!status)
        status = real_place(p, p->recover, recover, message);
    if (!status && strcmp(out, recover) == 0)
        status = gan_fail(message, GAN_ERROR_OPTION, "--recover and --out are one place, %.2000s", p->recover);
    return status;
}

static gan_status choose_outputs(translation *p, gan_message *message)
{
    char name[32];
    const char *recover = p->args->value[CLI_RECOVER];
    snprintf(name, sizeof name, "translated-%s", translator_direction(&p->t));
    gan_status status = opened_target(&p->o, name, p->out, message);
    if (!status && recover)
        status = path_format(p->recover, message, "%s", recover);
    if (status)
        return status;
    identity *known = calloc(2 * (size_t)(p->input.count + p->target.count), sizeof *known);
    if (!known)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for the list of images");
    int64_t n = identify_all(&p->input, known);
    n += identify_all(&p->target, known + n);
    qsort(known, (size_t)n, sizeof *known, compare_identities);
    status = check_outputs(p, "--out", p->out, known, n, message);
    if (!status && recover)
        status = check_outputs(p, "--recover", p->recover, known, n, message);
    free(known);
    return !status && recover ? check_recover(p, message) : status;
}

/* ---- counterparts ---- */

/* The counterpart of input i: that of its name, or the one file where both are one; -1 if there is none. */
static int64_t counterpart(const translation *p, int64_t i)
{
    char stem[PATH_SIZE];
    gan_message message;
    if (p->input.single && p->target.single)
        return 0;
    return image_list_stem(&p->input, i, stem, &message) == GAN_OK ? image_list_find(&p->target, stem) : -1;
}

static gan_status open_target(translation *p, gan_message *message)
{
    const char *target = p->args->value[CLI_TARGET];
    if (!target)
        return GAN_OK;
    int64_t drawn = p->input.drawn ? p->input.count : p->drawn;
    gan_status status = image_list_open(&p->target, "--target", target, drawn, &p->o.s, message);
    for (int64_t i = 0; i < p->input.count && !status; i++)
        if (counterpart(p, i) >= 0)
            return GAN_OK;
    return status
               ? status
               : gan_fail(message, GAN_ERROR_NOT_FOUND,
                          "no image of --target %.300s has the name of one of --input %.300s", target, p->input.source);
}

/* Of all channels of all pixels, in grey levels; the images have one shape. */
static double mean_absolute_error(const gan_image *a, const gan_image *b)
{
    int64_t n = a->width * a->height * a->channels, sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += abs(a->pixels[i] - b->pixels[i]);
    return (double)sum / (double)n;
}

/* To the size, in place. */
static gan_status resize(gan_image *image, int64_t width, int64_t height, gan_message *message)
{
    gan_image scaled;
    if (image->width == width && image->height == height)
        return GAN_OK;
    gan_status status = gan_image_resize(image, width, height, GAN_FILTER_BICUBIC, &scaled, message);
    if (!status) {
        gan_image_free(image);
        *image = scaled;
    }
    return status;
}

static void compare(translation *p, int64_t i, const gan_image *image, const gan_image *out)
{
    gan_image target = {0};
    gan_message message = {{0}};
    int64_t found = counterpart(p, i);
    if (found < 0)
        return;
    gan_status status = image_list_read(&p->target, found, &target, &message);
    if (!status)
        status = gan_image_convert(&target, image->channels, &message);
    if (!status)
        status = resize(&target, image->width, image->height, &message);
    if (status) {
        p->failed_targets++;
        console_error(&p->o.out, "ganhost: %s", message.text);
    } else {
        p->compared++;
        p->before += mean_absolute_error(image, &target);
        p->after += mean_absolute_error(out, &target);
    }
    gan_image_free(&target);
}

/* ---- pictures ---- */

/* Its shorter side to --resize, in place. */
static gan_status scale_input(const translation *p, int64_t i, gan_image *image, gan_message *message)
{
    char path[PATH_SIZE];
    gan_message why;
    int64_t least = image->width < image->height ? image->width : image->height;
    gan_status status = resize(image, (image->width * p->resize + least / 2) / least,
                               (image->height * p->resize + least / 2) / least, &why);
    return status ? gan_fail(message, status, "%.2000s: %.700s",
                             image_list_path(&p->input, i, path) ? path : p->input.source, why.text)
                  : GAN_OK;
}

/* Input i as the networks get it: channels of the model, scaled if that is asked for. */
static gan_status read_input(const translation *p, int64_t i, gan_image *out, gan_message *message)
{
    gan_image image = {0};
    gan_status status = image_list_read(&p->input, i, &image, message);
    if (!status)
        status = gan_image_convert(&image, (int)p->o.s.info.channels, message);
    if (!status && p->resize)
        status = scale_input(p, i, &image, message);
    if (status)
        gan_image_free(&image);
    else
        *out = image;
    return status;
}

static void show(translation *p, const char *what)
{
    console_progress(&p->o.out, p->started, p->done + p->failed, p->input.count, "images", what);
}

/* What became of input i, which is written. `back` is NULL where it is not asked for. */
static gan_status finish(translation *p, int64_t i, const gan_image *image, gan_image *out, gan_image *back,
                         gan_message *message)
{
    if (p->target.count > 0)
        compare(p, i, image, out);
    if (back)
        p->cycle += mean_absolute_error(image, back);
    gan_status status = write_output(p, p->out, i, out, message);
    if (!status && back)
        status = write_output(p, p->recover, i, back, message);
    if (status)
        return status;
    p->done++;
    show(p, "");
    return GAN_OK;
}

/* ---- groups ---- */

static void close_group(group *g)
{
    for (int64_t i = 0; i < g->n; i++)
        gan_image_free(&g->image[i]);
    free(g->image);
    free(g->out);
    free(g->back);
    free(g->index);
    *g = (group){0};
}

static gan_status open_group(translation *p, group *g, int64_t height, int64_t width, gan_message *message)
{
    int64_t room = translator_batch(&p->t, height, width);
    *g = (group){.height = height, .width = width, .room = room};
    g->image = calloc((size_t)room, sizeof *g->image);
    g->out = calloc((size_t)room, sizeof *g->out);
    g->back = calloc((size_t)room, sizeof *g->back);
    g->index = calloc((size_t)room, sizeof *g->index);
    if (g->image && g->out && g->back && g->index)
        return GAN_OK;
    close_group(g);
    return gan_fail(message, GAN_ERROR_MEMORY, "no memory for %" PRId64 " pictures", room);
}

/* Translate what waits in the group, and empty it. */
static gan_status flush(translation *p, group *g, gan_message *message)
{
    gan_image *back = *p->recover ? g->back : NULL;
    gan_status status = g->n > 0 ? translator_whole(&p->t, g->image, g->n, g->out, back, message) : GAN_OK;
    for (int64_t i = 0; i < g->n && g->out; i++) {
        if (!status)
            status = finish(p, g->index[i], &g->image[i], &g->out[i], back ? &back[i] : NULL, message);
        gan_image_free(&g->out[i]);
        gan_image_free(&g->back[i]);
    }
    close_group(g);
    return status;
}

/* The group of that size: an open one, a free one, or the next in turn. */
static gan_status find_group(translation *p, int64_t height, int64_t width, group **out, gan_message *message)
{
    group *unused = NULL;
    for (int i = 0; i < GROUPS; i++) {
        group *g = &p->groups[i];
        if (g->n > 0 && g->height == height && g->width == width) {
            *out = g;
            return GAN_OK;
        }
        if (g->n == 0 && !unused)
            unused = g;
    }
    gan_status status = GAN_OK;
    if (!unused) {
        unused = &p->groups[p->next_group++ % GROUPS];
        status = flush(p, unused, message);
    }
    *out = unused;
    return status ? status : open_group(p, unused, height, width, message);
}

/* Takes the image. */
static gan_status add_to_group(translation *p, int64_t i, const tile_axis *y, const tile_axis *x, gan_image *image,
                               gan_message *message)
{
    group *g;
    gan_status status = find_group(p, y->padded, x->padded, &g, message);
    if (status) {
        gan_image_free(image);
        return status;
    }
    g->image[g->n] = *image;
    g->index[g->n++] = i;
    return g->n == g->room ? flush(p, g, message) : GAN_OK;
}

/* ---- all of them ---- */

static bool show_tiles(int64_t done, int64_t total, void *user)
{
    translation *p = user;
    char what[64];
    snprintf(what, sizeof what, "tile %" PRId64 " of %" PRId64, done, total);
    if (p->input.count == 1)
        console_progress(&p->o.out, p->started, done, total, "tiles", "");
    else
        show(p, what);
    return !interrupt_requested();
}

static gan_status translate_tiled(translation *p, int64_t i, const gan_image *image, gan_message *message)
{
    gan_image out = {0}, back = {0}, *asked = *p->recover ? &back : NULL;
    gan_status status = translator_tiled(&p->t, image, &out, asked, show_tiles, p, message);
    if (!status)
        status = finish(p, i, image, &out, asked, message);
    gan_image_free(&out);
    gan_image_free(&back);
    return status;
}

static gan_status translate_one(translation *p, int64_t i, gan_message *message)
{
    gan_image image;
    gan_message why = {{0}};
    tile_axis y, x;
    if (read_input(p, i, &image, &why)) {
        p->failed++;
        console_error(&p->o.out, "ganhost: %s", why.text);
        return GAN_OK;
    }
    translator_plan(&p->t, &image, &y, &x);
    if (y.n == 1 && x.n == 1)
        return add_to_group(p, i, &y, &x, &image, message);
    gan_status status = translate_tiled(p, i, &image, message);
    gan_image_free(&image);
    return status;
}

static gan_status translate_all(translation *p, gan_message *message)
{
    gan_status status = GAN_OK;
    p->started = clock_seconds();
    p->files = png_queue_open();
    if (!p->files)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for pictures");
    for (int64_t i = 0; i < p->input.count && !status && !interrupt_requested(); i++)
        status = translate_one(p, i, message);
    for (int i = 0; i < GROUPS && !status && !interrupt_requested(); i++)
        status = flush(p, &p->groups[i], message);
    if (status == GAN_INTERRUPTED) /* between two tiles; what is done is kept */
        status = GAN_OK;
    gan_message of_files;
    gan_status written = png_queue_close(p->files, status ? &of_files : message);
    p->files = NULL;
    return status ? status : written;
}

static gan_status prepare(translation *p, gan_message *message)
{
    gan_status status = parse_arguments(p, message);
    if (!status)
        status = opened_load(&p->o, message);
    if (!status)
        status = translator_begin(&p->t, &p->o, message);
    if (!status)
        status = image_list_open(&p->input, "--input", p->args->value[CLI_INPUT], p->drawn, &p->o.s, message);
    if (!status)
        status = open_target(p, message);
    return status ? status : choose_outputs(p, message);
}

/* ---- results ---- */

static int print_errors(const translation *p)
{
    text lines = {0};
    char n[32];
    if (p->compared > 0)
        text_add(&lines,
                 "mean absolute error against the counterpart: before %.3f, after %.3f of 255 (%.5f, %.5f of the "
                 "range), of %s image%s\n",
                 p->before / (double)p->compared, p->after / (double)p->compared, p->before / (double)p->compared / 255,
                 p->after / (double)p->compared / 255, text_grouped(p->compared, n), p->compared == 1 ? "" : "s");
    if (*p->recover && p->done > 0)
        text_add(&lines, "cycle error: %.3f of 255 (%.5f of the range), of %s image%s\n", p->cycle / (double)p->done,
                 p->cycle / (double)p->done / 255, text_grouped(p->done, n), p->done == 1 ? "" : "s");
    return cli_print(&lines);
}

/* ", 3 files could not be read" after a result; nothing of none. */
static void add_count(text *line, int64_t n, const char *one, const char *many)
{
    char count[32];
    if (n > 0)
        text_add(line, ", %s %s", text_grouped(n, count), n == 1 ? one : many);
}

static void say_end(translation *p)
{
    text line = {0};
    char count[32];
    text_add(&line, "%s", text_grouped(p->done, count));
    if (interrupt_requested())
        text_add(&line, " of %s", text_grouped(p->input.count, count));
    text_add(&line, p->done == 1 && !interrupt_requested() ? " image" : " images");
    add_count(&line, p->failed, "could not be read", "could not be read");
    add_count(&line, p->failed_targets, "counterpart could not be read", "counterparts could not be read");
    add_count(&line, p->input.files.skipped, "other file ignored", "other files ignored");
    console_say(&p->o.out, "%stranslated %s: %s", interrupt_requested() ? "interrupted; " : "",
                line.failed ? "images" : line.data, p->out);
    free(line.data);
}

int command_translate(const arguments *args)
{
    translation p = {.args = args};
    gan_message message = {{0}};
    opened_begin(&p.o, args);
    interrupt_catch();
    gan_status status = prepare(&p, &message);
    if (!status)
        status = translate_all(&p, &message);
    if (!status)
        say_end(&p);
    console_clear(&p.o.out);
    bool failed = p.failed > 0 || p.failed_targets > 0;
    int result = status ? cli_fail(status, &message) : print_errors(&p);
    for (int i = 0; i < GROUPS; i++)
        close_group(&p.groups[i]);
    image_list_close(&p.target);
    image_list_close(&p.input);
    translator_end(&p.t);
    opened_close(&p.o);
    return result ? result : interrupt_requested() ? EXIT_INTERRUPTED : failed ? EXIT_RUN : EXIT_SUCCESS;
}
