/* swd.c - sliced Wasserstein distance (measure.h). */
#include <gan/measure.h>

#include <assert.h>
#include <dnnl.h>
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/philox.h"
#include "measure/pyramid.h"

#define COARSEST    16
#define PATCH       7
#define PATCHES     128 /* per image and level */
#define DIRECTIONS  512
#define AT_ONCE     16  /* directions: the projections onto them are in memory together */
#define BLOCK       512 /* descriptors that are multiplied at once */
#define UNITS       64  /* of a descriptor's number in a grey level; the largest, 2 * 255 of them, are below 2^15 */
#define LENGTH_MAX  (PATCH * PATCH * 3)
#define THREADS_MAX 1024

/* Streams of Philox, plus the level's logarithm; the counter is that of the image's or of the direction's words. */
#define STREAM_PLACES     UINT64_C(0x6d65617300000100)
#define STREAM_DIRECTIONS UINT64_C(0x6d65617300000200)

struct gan_swd {
    gan_swd_options options;
    int levels, threads;
    int64_t added;                      /* images */
    int64_t length;                     /* of a descriptor: PATCH, PATCH, channels */
    int16_t *level[GAN_SWD_LEVELS_MAX]; /* [count, PATCHES, length] */
};

/* ---- sets ---- */

static gan_status check_options(const gan_swd_options *o, gan_message *message)
{
    if (o->resolution < COARSEST || o->resolution > COARSEST << (GAN_SWD_LEVELS_MAX - 1) ||
        (o->resolution & (o->resolution - 1)) != 0)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "the sliced Wasserstein distance is one of square images whose side is a power of two from %d "
                        "to %d, but it is %" PRId64,
                        COARSEST, COARSEST << (GAN_SWD_LEVELS_MAX - 1), o->resolution);
    if (o->channels != 1 && o->channels != 3)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "the sliced Wasserstein distance is one of images of 1 or 3 channels, but there are %" PRId64,
                        o->channels);
    if (o->count < 1 || o->count > GAN_SWD_IMAGES_MAX)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "the sliced Wasserstein distance is one of 1 to %d images, but it was asked for %" PRId64,
                        GAN_SWD_IMAGES_MAX, o->count);
    if (o->threads < 0 || o->threads > THREADS_MAX)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "threads are %d, expected 0 to %d", o->threads, THREADS_MAX);
    return GAN_OK;
}

gan_status gan_swd_create(const gan_swd_options *options, gan_swd **out, gan_message *message)
{
    if (!options || !out || options->struct_size < sizeof *options)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "gan_swd_create: no options, no place for the result, or struct_size is not set");
    gan_status status = check_options(options, message);
    if (status)
        return status;
    gan_swd *set = calloc(1, sizeof *set);
    if (!set)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for the descriptors of images");
    set->options = *options;
    set->threads = options->threads > 0 ? options->threads : omp_get_num_procs();
    set->length = PATCH * PATCH * options->channels;
    size_t bytes = (size_t)(options->count * PATCHES * set->length) * sizeof(int16_t);
    for (int64_t r = options->resolution; r >= COARSEST && !status; r /= 2)
        if (!(set->level[set->levels++] = malloc(bytes)))
            status = gan_fail(message, GAN_ERROR_MEMORY,
                              "no memory for the descriptors of %" PRId64 " images, %.1f MiB for each level",
                              options->count, (double)bytes / (1 << 20));
    if (status)
        gan_swd_destroy(set);
    else
        *out = set;
    return status;
}

void gan_swd_destroy(gan_swd *set)
{
    if (!set)
        return;
    for (int i = 0; i < set->levels; i++)
        free(set->level[i]);
    free(set);
}

static int log2_of(int64_t power)
{
    int log = 0;
    while (power >> (log + 1))
        log++;
    return log;
}

/* The descriptors of image `index` on a level [r, r, channels]. A block of random words has the places of two. */
static void cut_patches(const gan_swd *set, int level, int64_t index, const float *image, int64_t r)
{
    int64_t channels = set->options.channels, row = PATCH * channels;
    int16_t *out = set->level[level] + index * PATCHES * set->length;
    for (int patch = 0; patch < PATCHES; patch++) {
        uint32_t w[4];
        gan__philox(set->options.seed, STREAM_PLACES + (uint64_t)log2_of(r), (uint64_t)(index * PATCHES + patch) / 2,
                    &w[0], &w[1], &w[2], &w[3]);
        int64_t x = gan__int_of_word(w[patch % 2 * 2], (uint32_t)(r - PATCH + 1));
        int64_t y = gan__int_of_word(w[patch % 2 * 2 + 1], (uint32_t)(r - PATCH + 1));
        for (int64_t k = 0; k < PATCH; k++)
            for (int64_t i = 0; i < row; i++)
                *out++ = (int16_t)lrintf(UNITS * image[((y + k) * r + x) * channels + i]);
    }
}

gan_status gan_swd_add(gan_swd *set, const uint8_t *images, int64_t n, gan_message *message)
{
    int64_t resolution = set->options.resolution, channels = set->options.channels;
    if (n < 0 || n > set->options.count - set->added)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "gan_swd_add: %" PRId64 " images, but %" PRId64 " of %" PRId64 " are missing", n,
                        set->options.count - set->added, set->options.count);
    int threads = n < set->threads ? (int)n : set->threads;
    size_t size = gan__pyramid_size(resolution, channels);
    float *pyramids = malloc((size_t)(threads > 0 ? threads : 1) * size * sizeof *pyramids);
    if (!pyramids)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for the pyramids of %d images", threads);
#pragma omp parallel for num_threads(threads > 0 ? threads : 1) schedule(static)
    for (int64_t i = 0; i < n; i++) {
        float *pyramid = pyramids + (size_t)omp_get_thread_num() * size;
        gan__pyramid(images + i * resolution * resolution * channels, resolution, channels, set->levels, pyramid);
        int64_t r = resolution;
        for (int level = 0; level < set->levels; level++, r /= 2) {
            cut_patches(set, level, set->added + i, pyramid, r);
            pyramid += r * r * channels;
        }
    }
    free(pyramids);
    set->added += n;
    return GAN_OK;
}

/* ---- comparison ---- */

/* What standardizes each number of a descriptor. */
typedef struct standard {
    float mean[LENGTH_MAX], scale[LENGTH_MAX];
} standard;

/* Sums of integers: exact, and the same in every order. */
static void find_standard(const gan_swd *set, int level, standard *out)
{
    int64_t channels = set->options.channels, total = set->options.count * PATCHES * PATCH * PATCH;
    const int16_t *values = set->level[level];
    int64_t sum[3] = {0}, squares[3] = {0};
#pragma omp parallel for num_threads(set->threads) schedule(static) reduction(+ : sum[:3], squares[:3])
    for (int64_t i = 0; i < total; i++)
        for (int64_t c = 0; c < channels; c++) {
            int32_t v = values[i * channels + c];
            sum[c] += v;
            squares[c] += v * v;
        }
    for (int64_t i = 0; i < set->length; i++) {
        double mean = (double)sum[i % channels] / (double)total;
        double variance = (double)squares[i % channels] / (double)total - mean * mean;
        out->mean[i] = (float)mean;
        out->scale[i] = variance > 0 ? (float)(1 / sqrt(variance)) : 0;
    }
}

/* Unit vectors [DIRECTIONS, length], of normally distributed numbers. */
static void draw_directions(const gan_swd *set, int level, float *out)
{
    uint64_t stream = STREAM_DIRECTIONS + (uint64_t)log2_of(set->options.resolution >> level);
    for (int64_t i = 0; i < DIRECTIONS * set->length; i += 4) {
        uint32_t w[4];
        gan__philox(set->options.seed, stream, (uint64_t)i / 4, &w[0], &w[1], &w[2], &w[3]);
        gan__normal_of_words(w[0], w[1], &out[i], &out[i + 1]);
        gan__normal_of_words(w[2], w[3], &out[i + 2], &out[i + 3]);
    }
    for (int64_t d = 0; d < DIRECTIONS; d++) {
        float *direction = out + d * set->length;
        double squares = 0;
        for (int64_t i = 0; i < set->length; i++)
            squares += (double)direction[i] * (double)direction[i];
        for (int64_t i = 0; i < set->length; i++)
            direction[i] = (float)(direction[i] / sqrt(squares));
    }
}

/* Projections of all descriptors onto AT_ONCE directions, by products of blocks in single threads, which come out the
 * same whatever their number. */
static bool project(const gan_swd *set, int level, const standard *by, const float *directions, float *blocks,
                    float *out)
{
    int64_t total = set->options.count * PATCHES, length = set->length;
    bool good = true;
#pragma omp parallel for num_threads(set->threads) schedule(static) reduction(&& : good)
    for (int64_t first = 0; first < total; first += BLOCK) {
        int64_t n = total - first < BLOCK ? total - first : BLOCK;
        const int16_t *in = set->level[level] + first * length;
        float *block = blocks + omp_get_thread_num() * BLOCK * length;
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = 0; i < length; i++)
                block[k * length + i] = ((float)in[k * length + i] - by->mean[i]) * by->scale[i];
        good = dnnl_sgemm('N', 'T', AT_ONCE, n, length, 1.0f, directions, length, block, length, 0.0f, out + first,
                          total) == dnnl_success &&
               good;
    }
    return good;
}

/* A number's bits in an order that is the numbers', and back: those of negative ones are inverted, of others the sign.
 */
static uint32_t key_of(float value)
{
    uint32_t bits = gan__bits_of(value);
    return bits ^ ((uint32_t)((int32_t)bits >> 31) | 0x80000000u);
}

static float of_key(uint32_t key)
{
    return gan__of_bits(key ^ (~(uint32_t)((int32_t)key >> 31) | 0x80000000u));
}

/* The numbers in memory become their keys in ascending order, sorted by digits of 11 bits, lowest first. `other` is
 * room for as many: three times keys go from one to the other. */
static uint32_t *sort(void *numbers, uint32_t *other, int64_t n)
{
    enum { BITS = 11, DIGITS = 3, VALUES = 1 << BITS };
    static_assert(DIGITS % 2 == 1, "the last pass ends where the numbers were");
    const float *values = numbers;
    uint32_t *from = other, *to = numbers;
    int64_t place[DIGITS][VALUES] = {{0}};
    for (int64_t i = 0; i < n; i++) {
        from[i] = key_of(values[i]);
        for (int d = 0; d < DIGITS; d++)
            place[d][from[i] >> (d * BITS) & (VALUES - 1)]++;
    }
    for (int d = 0; d < DIGITS; d++) {
        int64_t before = 0;
        for (int v = 0; v < VALUES; v++) {
            int64_t count = place[d][v];
            place[d][v] = before;
            before += count;
        }
        for (int64_t i = 0; i < n; i++)
            to[place[d][from[i] >> (d * BITS) & (VALUES - 1)]++] = from[i];
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

/* Room to work. */
typedef struct room {
    float *directions;     /* [DIRECTIONS, length] */
    float *projections[2]; /* of either set, [AT_ONCE, count * PATCHES] */
    float *blocks;         /* [threads, BLOCK, length] */
    uint32_t *sorting;     /* [threads, count * PATCHES] */
} room;

/* The mean absolute difference of the sorted projections, for each of AT_ONCE directions. */
static void compare_sorted(const room *w, int threads, int64_t total, double distance[AT_ONCE])
{
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int d = 0; d < AT_ONCE; d++) {
        uint32_t *other = w->sorting + omp_get_thread_num() * total;
        const uint32_t *a = sort(w->projections[0] + d * total, other, total);
        const uint32_t *b = sort(w->projections[1] + d * total, other, total);
        double sum = 0;
        for (int64_t i = 0; i < total; i++)
            sum += fabs((double)of_key(a[i]) - (double)of_key(b[i]));
        distance[d] = sum / (double)total;
    }
}

static bool compare_level(const gan_swd *const sets[2], int level, const room *w, double *distance)
{
    const gan_swd *a = sets[0];
    int64_t total = a->options.count * PATCHES;
    standard by[2];
    double sum = 0;
    for (int i = 0; i < 2; i++)
        find_standard(sets[i], level, &by[i]);
    draw_directions(a, level, w->directions);
    for (int first = 0; first < DIRECTIONS; first += AT_ONCE) {
        double part[AT_ONCE];
        for (int i = 0; i < 2; i++)
            if (!project(sets[i], level, &by[i], w->directions + first * a->length, w->blocks, w->projections[i]))
                return false;
        compare_sorted(w, a->threads, total, part);
        for (int d = 0; d < AT_ONCE; d++)
            sum += part[d];
    }
    *distance = 1000 * sum / DIRECTIONS;
    return true;
}

static bool make_room(const gan_swd *set, room *w)
{
    size_t total = (size_t)set->options.count * PATCHES, length = (size_t)set->length, threads = (size_t)set->threads;
    w->directions = malloc(DIRECTIONS * length * sizeof *w->directions);
    w->blocks = malloc(threads * BLOCK * length * sizeof *w->blocks);
    w->sorting = malloc(threads * total * sizeof *w->sorting);
    for (int i = 0; i < 2; i++)
        w->projections[i] = malloc(AT_ONCE * total * sizeof *w->projections[i]);
    return w->directions && w->blocks && w->sorting && w->projections[0] && w->projections[1];
}

static gan_status check_sets(const gan_swd *a, const gan_swd *b, gan_message *message)
{
    const gan_swd_options *x = &a->options, *y = &b->options;
    if (x->resolution != y->resolution || x->channels != y->channels || x->count != y->count || x->seed != y->seed)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "gan_swd_compare: %" PRId64 " images of %" PRId64 "x%" PRId64 "x%" PRId64 " and %" PRId64
                        " of %" PRId64 "x%" PRId64 "x%" PRId64 " cannot be compared%s",
                        x->count, x->resolution, x->resolution, x->channels, y->count, y->resolution, y->resolution,
                        y->channels, x->seed != y->seed ? ": their seeds differ" : "");
    for (int i = 0; i < 2; i++) {
        const gan_swd *set = i == 0 ? a : b;
        if (set->added < set->options.count)
            return gan_fail(message, GAN_ERROR_STATE,
                            "gan_swd_compare: a set has %" PRId64 " of its %" PRId64 " images", set->added,
                            set->options.count);
    }
    return GAN_OK;
}

gan_status gan_swd_compare(const gan_swd *a, const gan_swd *b, gan_swd_result *out, gan_message *message)
{
    const gan_swd *const sets[2] = {a, b};
    gan_swd_result result = {.levels = a->levels};
    room w = {0};
    gan_status status = check_sets(a, b, message);
    if (status)
        return status;
    if (!make_room(a, &w))
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory to compare %" PRId64 " images", a->options.count);
    for (int level = 0; level < a->levels && !status; level++) {
        result.resolution[level] = a->options.resolution >> level;
        if (!compare_level(sets, level, &w, &result.distance[level]))
            status = gan_fail(message, GAN_ERROR_MEMORY, "oneDNN's sgemm failed");
        result.mean += result.distance[level] / a->levels;
    }
    free(w.directions);
    free(w.blocks);
    free(w.sorting);
    free(w.projections[0]);
    free(w.projections[1]);
    if (!status)
        *out = result;
    return status;
}
