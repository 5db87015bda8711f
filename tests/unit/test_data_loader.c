/* Loaders: the sequence of samples depends on the seed and the position alone, each epoch shows every sample once, and
 * whatever threads do is not seen from outside. */
#include "../support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COUNT = 103 };

static gan_message message;
static char folder[512];
static gan_dataset *numbered; /* COUNT images of 1x2 whose bytes and labels are their number */

static void put(const char *name, const uint8_t *bytes, size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    ck_assert_msg(f, "%s", strerror(errno));
    ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static gan_dataset *open_source(const char *source, bool labels)
{
    gan_data_options options = {.struct_size = sizeof options, .source = source, .labels = labels};
    gan_dataset *dataset = NULL;
    ck_assert_msg(gan_dataset_open(&options, &dataset, &message) == GAN_OK, "%s", message.text);
    return dataset;
}

static void setup(void)
{
    snprintf(folder, sizeof folder, "%s", test_folder("loader"));
    uint8_t images[16 + 2 * COUNT] = {0, 0, 8, 3, 0, 0, 0, COUNT, 0, 0, 0, 1, 0, 0, 0, 2};
    uint8_t labels[8 + COUNT] = {0, 0, 8, 1, 0, 0, 0, COUNT};
    for (int i = 0; i < COUNT; i++)
        images[16 + 2 * i] = (uint8_t)i, images[17 + 2 * i] = (uint8_t)(255 - i), labels[8 + i] = (uint8_t)i;
    put("train-images-idx3-ubyte", images, sizeof images);
    put("train-labels-idx1-ubyte", labels, sizeof labels);
    numbered = open_source(folder, true);
}

static void teardown(void)
{
    gan_dataset_close(numbered);
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static gan_loader *start(const gan_dataset *dataset, gan_loader_options options)
{
    gan_loader *loader = NULL;
    options.struct_size = sizeof options;
    ck_assert_msg(gan_loader_create(dataset, &options, &loader, &message) == GAN_OK, "%s", message.text);
    return loader;
}

/* Sample numbers of the next `batches` batches, checked against what the batch holds. */
static void take(gan_loader *loader, int batches, int *numbers)
{
    int n = 0;
    for (int b = 0; b < batches; b++) {
        gan_host_batch batch;
        ck_assert_msg(gan_loader_next(loader, &batch, &message) == GAN_OK, "%s", message.text);
        const uint8_t *pixels = batch.pixels;
        for (int64_t i = 0; i < batch.n; i++) {
            ck_assert_int_eq(pixels[2 * i] + pixels[2 * i + 1], 255);
            ck_assert_int_eq(batch.labels[i], pixels[2 * i]);
            numbers[n++] = pixels[2 * i];
        }
    }
}

START_TEST(every_sample_once_per_epoch)
{
    enum { EPOCHS = 7, BATCH = 10, BATCHES = EPOCHS * COUNT / BATCH + 1 };
    static int numbers[BATCHES * BATCH];
    gan_loader *loader = start(numbered, (gan_loader_options){.batch = BATCH, .seed = 3, .threads = 3});
    take(loader, BATCHES, numbers); /* batches span the ends of epochs: 103 is no multiple of 10 */
    ck_assert_uint_eq(gan_loader_position(loader), BATCHES * BATCH);
    int in_place = 0;
    for (int e = 0; e < EPOCHS; e++) {
        bool seen[COUNT] = {false};
        for (int i = 0; i < COUNT; i++) {
            int number = numbers[e * COUNT + i];
            ck_assert_msg(!seen[number], "sample %d twice in epoch %d", number, e);
            seen[number] = true;
            in_place += number == i;
            for (int f = 0; f < e && i == 0; f++)
                ck_assert_msg(memcmp(numbers + e * COUNT, numbers + f * COUNT, COUNT * sizeof(int)) != 0,
                              "epochs %d and %d have the same order", e, f);
        }
    }
    /* Of a random permutation one place on average is unchanged. */
    ck_assert_int_lt(in_place, 25);
    gan_loader_destroy(loader);
}
END_TEST

/* The first place of an epoch over many epochs: each sample about equally often. */
START_TEST(orders_are_not_biased)
{
    enum { SIZE = 8, ROUNDS = 4000 };
    uint8_t images[16 + SIZE] = {0, 0, 8, 3, 0, 0, 0, SIZE, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7};
    put("small.idx", images, sizeof images);
    char path[1024];
    snprintf(path, sizeof path, "%s/small.idx", folder);
    gan_dataset *dataset = open_source(path, false);
    gan_loader *loader = start(dataset, (gan_loader_options){.batch = SIZE, .seed = 11});
    int at[SIZE][SIZE] = {{0}};
    for (int r = 0; r < ROUNDS; r++) {
        gan_host_batch batch;
        ck_assert_int_eq(gan_loader_next(loader, &batch, &message), GAN_OK);
        ck_assert_ptr_null(batch.labels);
        for (int i = 0; i < SIZE; i++)
            at[i][((const uint8_t *)batch.pixels)[i]]++;
    }
    double chi2 = 0, expected = (double)ROUNDS / SIZE;
    for (int i = 0; i < SIZE; i++)
        for (int k = 0; k < SIZE; k++)
            chi2 += (at[i][k] - expected) * (at[i][k] - expected) / expected;
    ck_assert_double_lt(chi2, 98); /* 49 degrees of freedom: mean 49, sigma 9.9 */
    ck_assert_double_gt(chi2, 15);
    gan_loader_destroy(loader);
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(threads_and_positions_change_nothing)
{
    enum { TOTAL = 600 };
    static int want[TOTAL], have[TOTAL];
    gan_loader *loader = start(numbered, (gan_loader_options){.batch = 1, .seed = 42, .threads = 1, .prefetch = 1});
    take(loader, TOTAL, want);
    gan_loader_destroy(loader);
    static const int threads[] = {1, 2, 5}, prefetches[] = {1, 2, 9}, batches[] = {1, 7, 64, COUNT};
    static const int positions[] = {0, 1, 63, 102, 103, 104, 206, 311};
    for (size_t t = 0; t < 3; t++)
        for (size_t b = 0; b < 4; b++)
            for (size_t p = 0; p < 8; p++) {
                gan_loader_options options = {.batch = batches[b],
                                              .seed = 42,
                                              .threads = threads[t],
                                              .prefetch = prefetches[t],
                                              .position = (uint64_t)positions[p]};
                loader = start(numbered, options);
                int n = (TOTAL - positions[p]) / batches[b];
                ck_assert_uint_eq(gan_loader_position(loader), positions[p]);
                take(loader, n, have);
                ck_assert_uint_eq(gan_loader_position(loader), positions[p] + n * batches[b]);
                ck_assert_msg(memcmp(have, want + positions[p], (size_t)(n * batches[b]) * sizeof(int)) == 0,
                              "%d threads, batch %d, position %d: another sequence", threads[t], batches[b],
                              positions[p]);
                gan_loader_destroy(loader);
            }
}
END_TEST

START_TEST(seeds_differ)
{
    static int a[COUNT], b[COUNT];
    gan_loader *loader = start(numbered, (gan_loader_options){.batch = COUNT, .seed = 1});
    take(loader, 1, a);
    gan_loader_destroy(loader);
    loader = start(numbered, (gan_loader_options){.batch = COUNT, .seed = 2});
    take(loader, 1, b);
    gan_loader_destroy(loader);
    ck_assert(memcmp(a, b, sizeof a) != 0);
}
END_TEST

START_TEST(in_order_on_request)
{
    static int numbers[4 * 50];
    gan_loader *loader =
        start(numbered, (gan_loader_options){.batch = 50, .seed = 1, .no_shuffle = true, .threads = 2, .position = 20});
    take(loader, 4, numbers);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(numbers[i], (20 + i) % COUNT);
    gan_loader_destroy(loader);
}
END_TEST

START_TEST(far_positions_are_found_at_once)
{
    static int a[30], b[30];
    uint64_t position = (uint64_t)COUNT * 1000000007u + 5;
    gan_loader *loader = start(numbered, (gan_loader_options){.batch = 15, .seed = 1, .position = position});
    take(loader, 2, a);
    gan_loader_destroy(loader);
    loader = start(numbered, (gan_loader_options){.batch = 15, .seed = 1, .position = position + 15});
    take(loader, 1, b);
    ck_assert_mem_eq(a + 15, b, 15 * sizeof(int));
    gan_loader_destroy(loader);
}
END_TEST

START_TEST(a_batch_stays_until_the_next_call)
{
    gan_loader *loader = start(numbered, (gan_loader_options){.batch = 64, .seed = 5, .threads = 4, .prefetch = 1});
    for (int i = 0; i < 50; i++) {
        gan_host_batch batch;
        uint8_t copy[128];
        ck_assert_int_eq(gan_loader_next(loader, &batch, &message), GAN_OK);
        memcpy(copy, batch.pixels, sizeof copy);
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL); /* the threads have all they can use by now */
        ck_assert_mem_eq(copy, batch.pixels, sizeof copy);
    }
    gan_loader_destroy(loader);
}
END_TEST

START_TEST(stopping_at_any_moment)
{
    gan_dataset *digits = open_source("builtin:digits", true);
    for (int i = 0; i < 60; i++) {
        gan_loader *loader =
            start(digits, (gan_loader_options){.batch = 32, .threads = 1 + i % 4, .prefetch = 1 + i % 3});
        for (int k = 0; k < i % 5; k++) {
            gan_host_batch batch;
            ck_assert_int_eq(gan_loader_next(loader, &batch, &message), GAN_OK);
        }
        gan_loader_destroy(loader);
    }
    gan_loader_destroy(NULL);
    gan_dataset_close(digits);
}
END_TEST

START_TEST(points_are_loaded_as_floats)
{
    gan_dataset *ring = open_source("builtin:ring8", true);
    gan_loader *loader =
        start(ring, (gan_loader_options){.batch = 16, .no_shuffle = true, .threads = 2, .position = 40});
    gan_host_batch batch;
    ck_assert_int_eq(gan_loader_next(loader, &batch, &message), GAN_OK);
    for (int i = 0; i < 16; i++) {
        float want[2];
        int32_t label;
        ck_assert_int_eq(gan_dataset_get(ring, 40 + i, want, &label, &message), GAN_OK);
        ck_assert_mem_eq((const float *)batch.pixels + 2 * i, want, sizeof want);
        ck_assert_int_eq(batch.labels[i], label);
    }
    gan_loader_destroy(loader);
    gan_dataset_close(ring);
}
END_TEST

/* Each pixel is the mean of its square, rounded half up; the sequence, its labels and its mirroring stay. */
static void reduced(const gan_dataset *dataset, int64_t resolution, int batch, int batches, uint64_t position)
{
    const gan_data_info *info = gan_dataset_info(dataset);
    int64_t f = info->height / resolution, w = info->width / f, channels = info->channels, row = info->width * channels;
    gan_loader_options options = {.batch = batch, .seed = 9, .threads = 2, .position = position};
    gan_loader *whole = start(dataset, options);
    options.resolution = resolution;
    gan_loader *part = start(dataset, options);
    for (int b = 0; b < batches; b++) {
        gan_host_batch a, r;
        ck_assert_int_eq(gan_loader_next(whole, &a, &message), GAN_OK);
        ck_assert_int_eq(gan_loader_next(part, &r, &message), GAN_OK);
        ck_assert(!a.labels == !r.labels);
        if (a.labels)
            ck_assert_mem_eq(a.labels, r.labels, sizeof(int32_t) * (size_t)batch);
        const uint8_t *from = a.pixels, *pixels = r.pixels;
        for (int64_t i = 0; i < batch * resolution * w * channels; i++) {
            int64_t c = i % channels, x = i / channels % w, y = i / channels / w % resolution,
                    n = i / channels / w / resolution;
            double sum = 0;
            for (int64_t k = 0; k < f * f; k++)
                sum += from[(n * info->height + y * f + k / f) * row + (x * f + k % f) * channels + c];
            ck_assert_int_eq(pixels[i], (int)(sum / (double)(f * f) + 0.5));
        }
    }
    ck_assert_uint_eq(gan_loader_position(part), position + (uint64_t)(batch * batches));
    gan_loader_destroy(whole);
    gan_loader_destroy(part);
}

START_TEST(reduced_images_are_means)
{
    gan_dataset *digits = open_source("builtin:digits", true);
    reduced(digits, 28, 5, 2, 3);
    reduced(digits, 14, 5, 3, 3);
    reduced(digits, 7, 64, 2, 59990);
    gan_dataset_close(digits);
    gan_data_options options = {.struct_size = sizeof options,
                                .source = "builtin:faces",
                                .resolution = 64,
                                .mirror = true,
                                .builtin_count = 40};
    gan_dataset *faces = NULL;
    ck_assert_msg(gan_dataset_open(&options, &faces, &message) == GAN_OK, "%s", message.text);
    for (int64_t resolution = 1; resolution <= 64; resolution *= 2)
        reduced(faces, resolution, 7, 3, 31);
    gan_dataset_close(faces);
}
END_TEST

/* The largest sums that there are. */
START_TEST(white_stays_white)
{
    enum { SIDE = 4096 };
    size_t size = 16 + (size_t)SIDE * SIDE;
    uint8_t *image = malloc(size);
    memset(image, 255, size);
    memcpy(image, (const uint8_t[]){0, 0, 8, 3, 0, 0, 0, 1, 0, 0, SIDE >> 8, 0, 0, 0, SIDE >> 8, 0}, 16);
    put("white.idx", image, size);
    char path[1024];
    snprintf(path, sizeof path, "%s/white.idx", folder);
    gan_dataset *white = open_source(path, false);
    gan_loader *loader = start(white, (gan_loader_options){.batch = 1, .resolution = 1, .prefetch = 1});
    gan_host_batch batch;
    ck_assert_int_eq(gan_loader_next(loader, &batch, &message), GAN_OK);
    ck_assert_int_eq(*(const uint8_t *)batch.pixels, 255);
    gan_loader_destroy(loader);
    gan_dataset_close(white);
    free(image);
}
END_TEST

static void refused_of(const gan_dataset *dataset, gan_loader_options options, const char *text)
{
    gan_loader *loader = (gan_loader *)&message;
    options.struct_size = sizeof options;
    ck_assert_int_eq(gan_loader_create(dataset, &options, &loader, &message), GAN_ERROR_ARGUMENT);
    ck_assert_msg(strstr(message.text, text) != NULL, "expected \"%s\" in: %s", text, message.text);
    ck_assert_ptr_eq(loader, (gan_loader *)&message);
}

static void refused(gan_loader_options options, const char *text)
{
    refused_of(numbered, options, text);
}

START_TEST(wrong_options)
{
    refused((gan_loader_options){.batch = COUNT + 1}, "batch of 104 is larger");
    refused((gan_loader_options){.batch = COUNT + 1}, "which has 103 samples");
    refused((gan_loader_options){.batch = INT64_MAX}, "which has 103 samples");
    refused((gan_loader_options){.batch = 0}, "batch is 0");
    refused((gan_loader_options){.batch = -1}, "batch is -1");
    refused((gan_loader_options){.batch = 1, .threads = -1}, "threads are -1");
    refused((gan_loader_options){.batch = 1, .threads = 100000}, "threads are 100000");
    refused((gan_loader_options){.batch = 1, .prefetch = -3}, "prefetch is -3");
    refused((gan_loader_options){.batch = 1, .position = UINT64_MAX}, "18446744073709551615");
    refused((gan_loader_options){.batch = 1, .resolution = 2}, "'s 2x1");
    gan_dataset *digits = open_source("builtin:digits", true), *ring = open_source("builtin:ring8", true);
    static const int64_t wrong[] = {-28, 1, 3, 6, 8, 13, 15, 27, 29, 56, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "resolution is %lld, expected a power of two part of digits's 28x28",
                 (long long)wrong[i]);
        refused_of(digits, (gan_loader_options){.batch = 1, .resolution = wrong[i]}, text);
    }
    refused_of(ring, (gan_loader_options){.batch = 1, .resolution = 2}, "of ring8's vectors, 1x1");
    gan_dataset_close(digits);
    gan_dataset_close(ring);
    gan_loader *loader;
    ck_assert_int_eq(gan_loader_create(numbered, &(gan_loader_options){.batch = 1}, &loader, NULL), GAN_ERROR_ARGUMENT);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("data_loader");
    TCase *t = tcase_create("loader");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_sample_once_per_epoch);
    tcase_add_test(t, orders_are_not_biased);
    tcase_add_test(t, threads_and_positions_change_nothing);
    tcase_add_test(t, seeds_differ);
    tcase_add_test(t, in_order_on_request);
    tcase_add_test(t, far_positions_are_found_at_once);
    tcase_add_test(t, a_batch_stays_until_the_next_call);
    tcase_add_test(t, stopping_at_any_moment);
    tcase_add_test(t, points_are_loaded_as_floats);
    tcase_add_test(t, reduced_images_are_means);
    tcase_add_test(t, white_stays_white);
    tcase_add_test(t, wrong_options);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
