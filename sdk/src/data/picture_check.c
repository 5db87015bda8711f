/* picture_check.c - every image of a list is decoded and fitted once, before anything is trained on them. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/parallel.h"
#include "data/pictures.h"

#define MAX_PROBLEMS 1000 /* sentences that are kept */
#define MAX_SIDE     4096 /* of images that are given out as they are */

typedef struct problem {
    int64_t index;
    gan_status status;
    gan_message message;
} problem;

typedef struct check {
    gan_dataset *dataset;
    const gan__pictures *pictures;
    bool same_size;         /* every image must have that of the first */
    int64_t width, height;  /* of the first; 0: it is not known yet */
    pthread_mutex_t lock;   /* of all below */
    gan_data_summary found; /* without classes */
    int64_t first_bad;
    problem **problems; /* [MAX_PROBLEMS]; NULL: no more memory was had */
    int n_problems;
} check;

/* Of several files that are wrong, the one that is told of is the first in order, whatever thread found it. */
static void note_problem(check *c, int64_t index, gan_status status, const gan_message *message)
{
    bool all = c->dataset->survey != NULL;
    pthread_mutex_lock(&c->lock);
    c->found.bad++;
    bool first = c->first_bad < 0 || index < c->first_bad;
    if (first)
        c->first_bad = index;
    int at = all ? c->n_problems : 0;
    if (at < MAX_PROBLEMS && (all || first)) {
        problem *p = c->problems[at] ? c->problems[at] : malloc(sizeof *p);
        if (p) {
            *p = (problem){index, status, *message};
            c->problems[at] = p;
            c->n_problems = at + 1;
        }
    }
    pthread_mutex_unlock(&c->lock);
}

static void widen(int64_t *least, int64_t *most, int64_t value)
{
    if (*least == 0 || value < *least)
        *least = value;
    if (value > *most)
        *most = value;
}

static void note_image(check *c, const gan_image *image)
{
    pthread_mutex_lock(&c->lock);
    gan_data_summary *found = &c->found;
    found->count++;
    widen(&found->width_min, &found->width_max, image->width);
    widen(&found->height_min, &found->height_max, image->height);
    found->grey += image->channels == 1;
    found->colour += image->channels == 3;
    pthread_mutex_unlock(&c->lock);
}

static gan_status check_size(const check *c, const gan_image *image, const gan__picture *item, gan_message *message)
{
    char title[GAN__PICTURE_TITLE], first[GAN__PICTURE_TITLE];
    gan__picture_title(c->pictures, item, title);
    if (c->same_size && (image->width > MAX_SIDE || image->height > MAX_SIDE))
        return gan_fail(message, GAN_ERROR_LIMIT,
                        "%s: %" PRId64 "x%" PRId64 " is larger than %dx%d; give a resolution, to which it is scaled",
                        title, image->width, image->height, MAX_SIDE, MAX_SIDE);
    if (c->same_size && c->width > 0 && (image->width != c->width || image->height != c->height))
        return gan_fail(message, GAN_ERROR_FORMAT,
                        "%s: expected %" PRId64 "x%" PRId64 " as %s, found %" PRId64 "x%" PRId64
                        "; give a resolution, to which all are scaled",
                        title, c->width, c->height, gan__picture_title(c->pictures, &c->pictures->item[0], first),
                        image->width, image->height);
    return gan__fit_check(&c->dataset->fit, image->width, image->height, title, message);
}

/* Decode one image and see that it fits; keep what it becomes. */
static bool check_picture(int64_t index, void *user)
{
    check *c = user;
    gan_dataset *dataset = c->dataset;
    const gan__picture *item = &c->pictures->item[index];
    gan_image image = {0};
    gan_message why;
    bool kept = false;
    gan_status status = gan__picture_decode(c->pictures, item, &image, &why);
    if (status == GAN_OK)
        status = check_size(c, &image, item, &why);
    if (status == GAN_OK) {
        note_image(c, &image);
        if (!gan__keep_is_full(&dataset->keep)) {
            status = gan__fit_apply(&dataset->fit, &image, &why);
            kept = status == GAN_OK && gan__keep_put(&dataset->keep, index, &image, item->label);
        }
    }
    if (index == 0 && status == GAN_OK)
        c->width = c->found.width_min, c->height = c->found.height_min;
    if (!kept)
        gan_image_free(&image);
    if (status != GAN_OK)
        note_problem(c, index, status, &why);
    return status == GAN_OK || dataset->survey != NULL;
}

static gan_status run_check(check *c, const gan_data_options *options, gan_message *message)
{
    gan__parallel job = {
        .end = 1, .threads = 1, .work = check_picture, .user = c, .progress_user = options->progress_user};
    /* The first alone: it says what size the others must have. */
    gan_status status = gan__parallel_run(&job, message);
    job.first = 1;
    job.end = c->pictures->count;
    job.threads = c->dataset->threads;
    job.progress = options->progress;
    gan_message why;
    if (status == GAN_OK && (c->first_bad < 0 || c->dataset->survey))
        status = gan__parallel_run(&job, &why);
    if (status == GAN_OK)
        return GAN_OK;
    return gan_fail(message, status, "%s: checking its images: %s", options->source, why.text);
}

static int compare_problems(const void *a, const void *b)
{
    int64_t x = (*(problem *const *)a)->index, y = (*(problem *const *)b)->index;
    return (x > y) - (x < y);
}

static gan_status count_classes(const gan__pictures *pictures, gan_data_summary *out, gan_message *message)
{
    gan_status status = gan__survey_classes(out, pictures->classes, message);
    for (int64_t i = 0; i < out->n_classes && pictures->class_name; i++) {
        const char *name = pictures->text + pictures->class_name[i];
        snprintf(out->classes[i].name, sizeof out->classes[i].name, "%.*s", (int)strcspn(name, "/"), name);
    }
    for (int64_t i = 0; i < pictures->count && out->classes; i++)
        out->classes[pictures->item[i].label].count++;
    return status;
}

/* What the check found, as an error or for the survey. */
static gan_status conclude(check *c, const gan_data_options *options, gan_message *message)
{
    const gan__survey *survey = c->dataset->survey;
    if (!survey && c->first_bad < 0)
        return GAN_OK;
    if (!survey && c->n_problems == 0)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to check it", options->source);
    if (!survey) {
        problem *p = c->problems[0];
        bool damaged = p->status == GAN_ERROR_FORMAT || p->status == GAN_ERROR_CHECKSUM;
        return gan_fail(message, p->status, "%s%s", p->message.text, damaged ? "; replace it or take it out" : "");
    }
    qsort(c->problems, (size_t)c->n_problems, sizeof *c->problems, compare_problems);
    for (int i = 0; i < c->n_problems && survey->problem; i++)
        survey->problem(c->problems[i]->message.text, survey->user);
    uint32_t size = survey->out->struct_size;
    *survey->out = c->found;
    survey->out->struct_size = size;
    survey->out->skipped = c->pictures->skipped;
    return count_classes(c->pictures, survey->out, message);
}

gan_status gan__pictures_check(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    check c = {.dataset = dataset, .pictures = dataset->state, .first_bad = -1};
    c.same_size = options->resolution == 0 && !dataset->survey;
    c.problems = calloc(MAX_PROBLEMS, sizeof *c.problems);
    if (!c.problems)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to check it", options->source);
    pthread_mutex_init(&c.lock, NULL);
    gan_status status = run_check(&c, options, message);
    if (status == GAN_OK)
        status = conclude(&c, options, message);
    pthread_mutex_destroy(&c.lock);
    for (int i = 0; i < c.n_problems; i++)
        free(c.problems[i]);
    free(c.problems);
    if (status != GAN_OK)
        return status;
    dataset->info.channels = c.found.colour > 0 ? 3 : 1;
    dataset->info.height = c.found.height_min;
    dataset->info.width = c.found.width_min;
    return GAN_OK;
}
