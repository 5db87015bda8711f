/*
 * loader.c - threads that make batches ahead.
 *
 * A ring of slots. Batches are given to threads in order, under the lock, together with the sample numbers that they
 * consist of; so there is one permutation at a time, and what a batch holds does not depend on who fills it. Only the
 * filling runs outside the lock.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "data/shuffle.h"
#include "data/source.h"

#define DEFAULT_PREFETCH 4
#define MAX_PREFETCH     1024
#define MAX_THREADS      256
#define MAX_POSITION     (UINT64_MAX / 4) /* far from wrapping round */
#define MAX_SHIFT        12               /* sums of squares of 4096 x 4096 bytes are below 2^32 */

typedef struct slot {
    uint8_t *pixels;
    uint8_t *whole;    /* a sample before it is reduced; NULL: none is */
    uint32_t *sums;    /* of a row of squares */
    int32_t *labels;   /* NULL: the data set has none */
    uint32_t *index;   /* [batch] samples of the data set */
    uint64_t position; /* of the first in the sequence */
    bool ready;
    gan_status status;
    gan_message message;
} slot;

struct gan_loader {
    const gan_dataset *dataset;
    int64_t batch;
    uint64_t seed;
    bool shuffle;
    int shift;           /* samples are given out smaller by 2^shift */
    size_t sample_bytes; /* as given out */

    pthread_mutex_t lock;
    pthread_cond_t filled, freed;
    bool stopping;
    slot *slots;
    int n_slots;
    uint64_t claimed;  /* batches given to threads */
    uint64_t consumed; /* batches handed out */
    uint64_t start;    /* position of the first */

    uint32_t *order; /* of the current epoch; NULL: in order */
    uint64_t epoch;
    int64_t within; /* samples of the epoch that were given to threads */

    pthread_t *threads;
    int n_threads;
};

static void begin_epoch(gan_loader *loader, uint64_t epoch)
{
    loader->epoch = epoch;
    if (loader->order)
        gan__shuffle(loader->seed, epoch, loader->order, loader->dataset->info.count);
}

/* The next `batch` sample numbers of the sequence. Under the lock. */
static void claim_samples(gan_loader *loader, slot *s)
{
    s->position = loader->start + (loader->claimed - 1) * (uint64_t)loader->batch;
    for (int64_t i = 0; i < loader->batch; i++) {
        if (loader->within == loader->dataset->info.count) {
            begin_epoch(loader, loader->epoch + 1);
            loader->within = 0;
        }
        s->index[i] = loader->order ? loader->order[loader->within] : (uint32_t)loader->within;
        loader->within++;
    }
}

static size_t whole_bytes(const gan_data_info *info)
{
    return (size_t)(info->height * info->width * info->channels) * (info->scaled ? 1 : sizeof(float));
}

static void reduce(const gan_data_info *info, int shift, const uint8_t *whole, uint32_t *sums, uint8_t *out)
{
    int64_t side = (int64_t)1 << shift, channels = info->channels, row = info->width * channels;
    uint32_t half = (uint32_t)((uint64_t)1 << (2 * shift)) / 2;
    for (int64_t y = 0; y < info->height; y += side) {
        memset(sums, 0, (size_t)row * sizeof *sums);
        for (int64_t k = 0; k < side; k++, whole += row)
            for (int64_t i = 0; i < row; i++)
                sums[i] += whole[i];
        for (int64_t x = 0; x < row; x += side * channels)
            for (int64_t c = 0; c < channels; c++) {
                uint32_t sum = half;
                for (int64_t k = 0; k < side; k++)
                    sum += sums[x + k * channels + c];
                *out++ = (uint8_t)(sum >> (2 * shift));
            }
    }
}

static void fill(const gan_loader *loader, slot *s)
{
    const gan_data_info *info = &loader->dataset->info;
    s->status = GAN_OK;
    for (int64_t i = 0; i < loader->batch && s->status == GAN_OK; i++) {
        uint8_t *pixels = s->pixels + (size_t)i * loader->sample_bytes, *whole = s->whole ? s->whole : pixels;
        int32_t *label = s->labels ? s->labels + i : NULL;
        if (loader->shuffle)
            s->status = gan__dataset_draw(loader->dataset, s->index[i], loader->seed, s->position + (uint64_t)i, whole,
                                          label, &s->message);
        else
            s->status = gan_dataset_get(loader->dataset, s->index[i], whole, label, &s->message);
        if (s->whole && s->status == GAN_OK)
            reduce(info, loader->shift, s->whole, s->sums, pixels);
    }
}

static void *work(void *argument)
{
    gan_loader *loader = argument;
    pthread_mutex_lock(&loader->lock);
    for (;;) {
        /* The slot handed out last stays the caller's until the next call: one is always left alone. */
        while (!loader->stopping && loader->claimed - loader->consumed >= (uint64_t)loader->n_slots - 1)
            pthread_cond_wait(&loader->freed, &loader->lock);
        if (loader->stopping)
            break;
        slot *s = &loader->slots[loader->claimed++ % (uint64_t)loader->n_slots];
        claim_samples(loader, s);
        pthread_mutex_unlock(&loader->lock);
        fill(loader, s);
        pthread_mutex_lock(&loader->lock);
        s->ready = true;
        pthread_cond_signal(&loader->filled);
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

static gan_status check_options(const gan_dataset *dataset, const gan_loader_options *options, gan_message *message)
{
    const gan_data_info *info = &dataset->info;
    if (options->batch < 1)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "batch is %" PRId64 ", expected at least 1", options->batch);
    if (options->batch > info->count)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "batch of %" PRId64 " is larger than the data set %s, which has %" PRId64 " samples",
                        options->batch, info->name, info->count);
    if (options->threads < 0 || options->threads > MAX_THREADS)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "loader threads are %d, expected 0 to %d", options->threads,
                        MAX_THREADS);
    if (options->prefetch < 0 || options->prefetch > MAX_PREFETCH)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "prefetch is %d batches, expected 0 to %d", options->prefetch,
                        MAX_PREFETCH);
    if (options->position > MAX_POSITION)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "position is %" PRIu64 ", expected at most %" PRIu64,
                        options->position, MAX_POSITION);
    return GAN_OK;
}

/* By which power of two images are to be reduced. */
static gan_status find_shift(const gan_data_info *info, int64_t resolution, int *shift, gan_message *message)
{
    *shift = 0;
    if (resolution == 0)
        return GAN_OK;
    while (*shift < MAX_SHIFT && resolution <= info->height >> (*shift + 1))
        ++*shift;
    if (resolution < 0 || resolution > info->height || resolution << *shift != info->height ||
        (info->width >> *shift) << *shift != info->width || (!info->scaled && *shift > 0))
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "a loader's resolution is %" PRId64 ", expected a power of two part of %s's %s%" PRId64
                        "x%" PRId64,
                        resolution, info->name, info->scaled ? "" : "vectors, ", info->width, info->height);
    return GAN_OK;
}

static bool allocate(gan_loader *loader, int threads)
{
    const gan_data_info *info = &loader->dataset->info;
    size_t batch = (size_t)loader->batch;
    loader->slots = calloc((size_t)loader->n_slots, sizeof *loader->slots);
    loader->threads = calloc((size_t)threads, sizeof *loader->threads);
    if (loader->shuffle)
        loader->order = malloc((size_t)info->count * sizeof *loader->order);
    if (!loader->slots || !loader->threads || (loader->shuffle && !loader->order) ||
        batch > SIZE_MAX / loader->sample_bytes)
        return false;
    for (int i = 0; i < loader->n_slots; i++) {
        slot *s = &loader->slots[i];
        s->pixels = malloc(batch * loader->sample_bytes);
        s->index = malloc(batch * sizeof *s->index);
        if (loader->shift > 0) {
            s->whole = malloc(whole_bytes(info));
            s->sums = malloc((size_t)(info->width * info->channels) * sizeof *s->sums);
        }
        s->labels = info->classes > 0 ? malloc(batch * sizeof *s->labels) : NULL;
        if (!s->pixels || !s->index || (info->classes > 0 && !s->labels) ||
            (loader->shift > 0 && (!s->whole || !s->sums)))
            return false;
    }
    return true;
}

/* Signals are for the program's own threads: a Ctrl-C must not land in a loader. */
static gan_status start_threads(gan_loader *loader, int threads, gan_message *message)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    while (loader->n_threads < threads && error == 0) {
        error = pthread_create(&loader->threads[loader->n_threads], NULL, work, loader);
        loader->n_threads += error == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return gan_fail(message, GAN_ERROR_MEMORY, "loader thread %d of %d cannot be started: %s",
                        loader->n_threads + 1, threads, strerror(error));
    return GAN_OK;
}

gan_status gan_loader_create(const gan_dataset *dataset, const gan_loader_options *options, gan_loader **out,
                             gan_message *message)
{
    if (!dataset || !options || !out || options->struct_size < sizeof *options)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "gan_loader_create: no data set, no options, no place for the "
                        "result, or struct_size is not set");
    int shift;
    gan_status status = check_options(dataset, options, message);
    if (status == GAN_OK)
        status = find_shift(&dataset->info, options->resolution, &shift, message);
    if (status != GAN_OK)
        return status;
    gan_loader *loader = calloc(1, sizeof *loader);
    if (!loader)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for a data loader");
    const gan_data_info *info = &dataset->info;
    int threads = options->threads ? options->threads : gan__dataset_decodes(dataset) ? dataset->threads : 1;
    int prefetch = 2 * threads > DEFAULT_PREFETCH ? 2 * threads : DEFAULT_PREFETCH;
    loader->dataset = dataset;
    loader->batch = options->batch;
    loader->seed = options->seed;
    loader->shuffle = !options->no_shuffle;
    loader->start = options->position;
    loader->shift = shift;
    loader->sample_bytes = whole_bytes(info) >> (2 * shift);
    loader->n_slots = (options->prefetch ? options->prefetch : prefetch) + 1;
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->filled, NULL);
    pthread_cond_init(&loader->freed, NULL);
    if (allocate(loader, threads)) {
        begin_epoch(loader, options->position / (uint64_t)info->count);
        loader->within = (int64_t)(options->position % (uint64_t)info->count);
        status = start_threads(loader, threads, message);
    } else {
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory for %d batches of %" PRId64 " samples of %s",
                          loader->n_slots, loader->batch, info->name);
    }
    if (status != GAN_OK) {
        gan_loader_destroy(loader);
        return status;
    }
    *out = loader;
    return GAN_OK;
}

gan_status gan_loader_next(gan_loader *loader, gan_host_batch *out, gan_message *message)
{
    pthread_mutex_lock(&loader->lock);
    slot *s = &loader->slots[loader->consumed % (uint64_t)loader->n_slots];
    while (!s->ready)
        pthread_cond_wait(&loader->filled, &loader->lock);
    gan_status status = s->status;
    if (status == GAN_OK) {
        s->ready = false;
        loader->consumed++; /* which gives the slot before this one back to the threads */
        pthread_cond_signal(&loader->freed);
    }
    pthread_mutex_unlock(&loader->lock);
    if (status != GAN_OK)
        return gan_fail(message, status, "%s", s->message.text);
    *out = (gan_host_batch){.n = loader->batch, .pixels = s->pixels, .labels = s->labels};
    return GAN_OK;
}

uint64_t gan_loader_position(const gan_loader *loader)
{
    return loader->start + loader->consumed * (uint64_t)loader->batch;
}

void gan_loader_destroy(gan_loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    loader->stopping = true;
    pthread_cond_broadcast(&loader->freed);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->n_threads; i++)
        pthread_join(loader->threads[i], NULL);
    for (int i = 0; loader->slots && i < loader->n_slots; i++) {
        free(loader->slots[i].pixels);
        free(loader->slots[i].whole);
        free(loader->slots[i].sums);
        free(loader->slots[i].labels);
        free(loader->slots[i].index);
    }
    free(loader->slots);
    free(loader->threads);
    free(loader->order);
    pthread_cond_destroy(&loader->freed);
    pthread_cond_destroy(&loader->filled);
    pthread_mutex_destroy(&loader->lock);
    free(loader);
}
