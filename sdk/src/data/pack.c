/* pack.c - a data set as one archive, in the form of StyleGAN2-ADA's data sets: gan_data_pack. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/parallel.h"
#include "data/source.h"
#include "data/zip_writer.h"

#define MAX_COUNT   100000000 /* eight digits */
#define CHUNK       1024      /* images that are encoded before they are written */
#define CHUNK_BYTES ((int64_t)256 << 20)
#define NAME_SIZE   32
#define LABEL_SIZE  (NAME_SIZE + 16) /* of one entry in dataset.json */

typedef struct encoded {
    void *bytes;
    size_t size;
    int32_t label;
    gan_status status;
    gan_message message;
} encoded;

typedef struct packing {
    const gan_dataset *dataset;
    gan__zip_writer writer;
    encoded *chunk; /* [per_chunk] */
    int64_t per_chunk, first;
    char *labels; /* dataset.json as far as it is known */
    size_t labels_used;
} packing;

static void name_image(int64_t index, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "%05d/img%08d.png", (int)(index / 1000), (int)index);
}

/* Work of a thread. */
static bool encode(int64_t index, void *user)
{
    packing *p = user;
    const gan_data_info *info = &p->dataset->info;
    encoded *e = &p->chunk[index - p->first];
    gan_image image = {0};
    e->status = gan_image_create(&image, info->width, info->height, (int)info->channels, &e->message);
    if (e->status == GAN_OK)
        e->status = gan_dataset_get(p->dataset, index, image.pixels, &e->label, &e->message);
    if (e->status == GAN_OK)
        e->status = gan_png_encode(&image, &e->bytes, &e->size, &e->message);
    gan_image_free(&image);
    return e->status == GAN_OK;
}

static void note_label(packing *p, const char *name, int64_t index, int32_t label)
{
    p->labels_used += (size_t)snprintf(p->labels + p->labels_used, LABEL_SIZE + 16, "%s[\"%s\", %" PRId32 "]",
                                       index == 0 ? "{\"labels\": [" : ", ", name, label);
}

static gan_status write_chunk(packing *p, int64_t end, gan_message *message)
{
    char name[NAME_SIZE];
    for (int64_t i = p->first; i < end; i++) {
        encoded *e = &p->chunk[i - p->first];
        if (e->status != GAN_OK)
            return gan_fail(message, e->status, "%s", e->message.text);
        name_image(i, name);
        gan_status status = gan__zip_writer_add(&p->writer, name, e->bytes, e->size, message);
        if (status != GAN_OK)
            return status;
        if (p->labels)
            note_label(p, name, i, e->label);
        free(e->bytes);
        e->bytes = NULL;
    }
    return GAN_OK;
}

static gan_status write_images(packing *p, gan__parallel *job, gan_message *message)
{
    int64_t count = p->dataset->info.count;
    gan_status status = GAN_OK;
    for (p->first = 0; p->first < count && status == GAN_OK; p->first = job->end) {
        job->first = p->first;
        job->end = p->first + p->per_chunk < count ? p->first + p->per_chunk : count;
        status = gan__parallel_run(job, message);
        if (status == GAN_OK)
            status = write_chunk(p, job->end, message);
        for (int64_t i = 0; i < p->per_chunk; i++) {
            free(p->chunk[i].bytes);
            p->chunk[i].bytes = NULL;
        }
    }
    return status;
}

static gan_status write_labels(packing *p, gan_message *message)
{
    static const char none[] = "{\"labels\": null}\n";
    if (!p->labels)
        return gan__zip_writer_add(&p->writer, "dataset.json", none, strlen(none), message);
    strcpy(p->labels + p->labels_used, "]}\n");
    return gan__zip_writer_add(&p->writer, "dataset.json", p->labels, p->labels_used + 3, message);
}

static gan_status write_archive(packing *p, gan__parallel *job, const char *path, gan_message *message)
{
    gan_status status = gan__zip_writer_open(&p->writer, path, message);
    if (status != GAN_OK)
        return status;
    status = write_images(p, job, message);
    if (status == GAN_OK)
        status = write_labels(p, message);
    if (status == GAN_OK)
        return gan__zip_writer_commit(&p->writer, message);
    gan__zip_writer_discard(&p->writer);
    return status;
}

gan_status gan_data_pack(const gan_dataset *dataset, const char *path, int threads, gan_data_progress progress,
                         void *user, gan_message *message)
{
    if (!dataset || !path)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "gan_data_pack: no data set or no path");
    const gan_data_info *info = &dataset->info;
    if (!info->scaled || info->count > MAX_COUNT)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: %s", info->name,
                        info->scaled ? "more than 100000000 images" : "its samples are points, not images");
    packing p = {.dataset = dataset};
    int64_t fit = CHUNK_BYTES / (info->height * info->width * info->channels);
    p.per_chunk = fit < 1 ? 1 : fit > CHUNK ? CHUNK : fit;
    p.chunk = calloc((size_t)p.per_chunk, sizeof *p.chunk);
    if (info->classes > 0)
        p.labels = malloc((size_t)info->count * LABEL_SIZE + 64);
    gan__parallel job = {.threads = threads,
                         .work = encode,
                         .user = &p,
                         .total = info->count,
                         .progress = progress,
                         .progress_user = user};
    gan_status status;
    if (!p.chunk || (info->classes > 0 && !p.labels))
        status = gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to write it", path);
    else
        status = write_archive(&p, &job, path, message);
    free(p.chunk);
    free(p.labels);
    return status;
}
