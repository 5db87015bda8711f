/* Sliced Wasserstein distance: the values of our NumPy version, and what follows from its definition. */
#include "../support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gan_message message;

static gan_swd *create(int64_t count, int64_t resolution, int64_t channels, int threads)
{
    gan_swd_options options = {.struct_size = sizeof options,
                               .resolution = resolution,
                               .channels = channels,
                               .count = count,
                               .seed = 5,
                               .threads = threads};
    gan_swd *set = NULL;
    ck_assert_msg(gan_swd_create(&options, &set, &message) == GAN_OK, "%s", message.text);
    return set;
}

/* A set of images that come `part` at a time. */
static gan_swd *describe(const uint8_t *images, int64_t count, int64_t resolution, int64_t channels, int64_t part,
                         int threads)
{
    gan_swd *set = create(count, resolution, channels, threads);
    for (int64_t i = 0; i < count; i += part) {
        int64_t n = count - i < part ? count - i : part;
        ck_assert_msg(gan_swd_add(set, images + i * resolution * resolution * channels, n, &message) == GAN_OK, "%s",
                      message.text);
    }
    return set;
}

static gan_swd_result compare(const uint8_t *a, const uint8_t *b, int64_t count, int64_t resolution, int64_t channels)
{
    gan_swd_result result;
    gan_swd *x = describe(a, count, resolution, channels, count, 2),
            *y = describe(b, count, resolution, channels, 3, 1);
    ck_assert_msg(gan_swd_compare(x, y, &result, &message) == GAN_OK, "%s", message.text);
    gan_swd_destroy(x);
    gan_swd_destroy(y);
    return result;
}

static void golden(const char *name)
{
    gan_file *file;
    gan_shape shape, levels;
    const char *dtype;
    size_t bytes;
    char real[32], fake[32], distance[32];
    snprintf(real, sizeof real, "%s.real", name);
    snprintf(fake, sizeof fake, "%s.fake", name);
    snprintf(distance, sizeof distance, "%s.distance", name);
    ck_assert_msg(gan_file_open(TEST_SOURCE_DIR "/golden/measure/swd.safetensors", &file, &message) == GAN_OK, "%s",
                  message.text);
    ck_assert(gan_file_info(file, real, &shape, &dtype) && gan_file_info(file, distance, &levels, &dtype));
    gan_swd_result found = compare(gan_file_data(file, real, &bytes), gan_file_data(file, fake, &bytes), shape.dim[0],
                                   shape.dim[1], shape.dim[3]);
    const double *expected = gan_file_data(file, distance, &bytes);
    double mean = 0;
    ck_assert_int_eq(found.levels, levels.dim[0]);
    for (int i = 0; i < found.levels; i++) {
        ck_assert_int_eq(found.resolution[i], shape.dim[1] >> i);
        ck_assert_msg(fabs(found.distance[i] / expected[i] - 1) < 1e-5, "%s, level %d: %.9g, expected %.9g", name, i,
                      found.distance[i], expected[i]);
        mean += expected[i] / found.levels;
    }
    ck_assert_int_eq(found.resolution[found.levels - 1], 16);
    ck_assert_double_lt(fabs(found.mean / mean - 1), 1e-5);
    gan_file_close(file);
}

START_TEST(golden_values)
{
    golden("colour");
    golden("grey");
}
END_TEST

enum { N = 20, SIDE = 64, PIXELS = SIDE * SIDE };
static uint8_t a[N * PIXELS], b[N * PIXELS];

/* Waves and noise; `noise` in grey levels. */
static void draw(uint8_t *out, uint64_t seed, double noise)
{
    for (int i = 0; i < N * PIXELS; i++) {
        uint32_t w[4], turn[4];
        gan_philox(seed, 0, (uint64_t)i, w);
        gan_philox(seed, 1, (uint64_t)(i / PIXELS), turn);
        double x = i % SIDE, y = i / SIDE % SIDE, t = turn[0] * 0x1p-32, phase = 6.28 * turn[1] * 0x1p-32;
        double wave = 60 * sin(0.2 * (x * cos(6.28 * t) + y * sin(6.28 * t)) + phase);
        out[i] = (uint8_t)(110 + wave + noise * (w[0] * 0x1p-32 - 0.5));
    }
}

START_TEST(sets_at_no_distance)
{
    draw(a, 1, 20);
    gan_swd_result same = compare(a, a, N, SIDE, 1);
    for (int i = 0; i < same.levels; i++)
        ck_assert_double_eq(same.distance[i], 0);
    for (int i = 0; i < N * PIXELS; i++) /* what standardizing takes out */
        b[i] = (uint8_t)(a[i] + 17);
    same = compare(a, b, N, SIDE, 1);
    for (int i = 0; i < same.levels; i++)
        ck_assert_double_lt(same.distance[i], 1e-3);
    memset(a, 3, sizeof a); /* nothing that could be scaled */
    memset(b, 200, sizeof b);
    same = compare(a, b, N, SIDE, 1);
    ck_assert_double_eq(same.mean, 0);
}
END_TEST

/* Noise is what the finest level sees, and the coarsest hardly. */
START_TEST(levels_are_scales)
{
    draw(a, 1, 2);
    draw(b, 1, 40);
    gan_swd_result noisy = compare(a, b, N, SIDE, 1);
    ck_assert_int_eq(noisy.levels, 3);
    ck_assert_double_gt(noisy.distance[0], 5 * noisy.distance[2]);
    draw(b, 2, 2);
    gan_swd_result other = compare(a, b, N, SIDE, 1);
    ck_assert_double_lt(other.distance[0], noisy.distance[0] / 5);
    ck_assert_double_gt(other.distance[2], 10);
}
END_TEST

START_TEST(threads_and_parts_change_nothing)
{
    draw(a, 1, 20);
    draw(b, 2, 30);
    gan_swd *other = describe(b, N, SIDE, 1, N, 1);
    gan_swd_result first = {0};
    static const int threads[] = {1, 2, 5, 0}, parts[] = {N, 1, 7, 2};
    for (int i = 0; i < 4; i++) {
        gan_swd_result result = {0};
        gan_swd *set = describe(a, N, SIDE, 1, parts[i], threads[i]);
        ck_assert_int_eq(gan_swd_compare(set, other, &result, &message), GAN_OK);
        if (i == 0)
            first = result;
        ck_assert_mem_eq(&result, &first, sizeof first);
        gan_swd_destroy(set);
    }
    gan_swd_destroy(other);
}
END_TEST

static void refused(gan_swd_options options, const char *text)
{
    gan_swd *set = (gan_swd *)&message;
    options.struct_size = sizeof options;
    ck_assert_int_eq(gan_swd_create(&options, &set, &message), GAN_ERROR_ARGUMENT);
    ck_assert_msg(strstr(message.text, text) != NULL, "expected \"%s\" in: %s", text, message.text);
    ck_assert_ptr_eq(set, (gan_swd *)&message);
}

START_TEST(wrong_use)
{
    static const int64_t sides[] = {INT64_MIN, -16, 0, 8, 17, 28, 96, 8192, INT64_MAX};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        char text[96];
        snprintf(text, sizeof text, "a power of two from 16 to 4096, but it is %lld", (long long)sides[i]);
        refused((gan_swd_options){.resolution = sides[i], .channels = 1, .count = 1}, text);
    }
    refused((gan_swd_options){.resolution = 16, .channels = 2, .count = 1}, "there are 2");
    refused((gan_swd_options){.resolution = 16, .channels = 1, .count = 0}, "asked for 0");
    refused((gan_swd_options){.resolution = 16, .channels = 1, .count = INT64_MAX}, "1 to 1048576 images");
    refused((gan_swd_options){.resolution = 16, .channels = 1, .count = 1, .threads = -1}, "threads are -1");
    gan_swd *set;
    gan_swd_result result;
    ck_assert_int_eq(gan_swd_create(&(gan_swd_options){.resolution = 16}, &set, NULL), GAN_ERROR_ARGUMENT);
    gan_swd *x = describe(a, 4, 16, 1, 4, 1), *y = create(4, 16, 1, 1), *z = describe(a, 4, 32, 1, 4, 1);
    ck_assert_int_eq(gan_swd_add(y, a, 3, &message), GAN_OK);
    ck_assert_int_eq(gan_swd_add(y, a, 2, &message), GAN_ERROR_ARGUMENT);
    ck_assert(strstr(message.text, "2 images, but 1 of 4 are missing"));
    ck_assert_int_eq(gan_swd_add(y, a, -1, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_swd_compare(x, y, &result, &message), GAN_ERROR_STATE);
    ck_assert(strstr(message.text, "a set has 3 of its 4 images"));
    ck_assert_int_eq(gan_swd_add(y, a, 1, &message), GAN_OK);
    ck_assert_int_eq(gan_swd_add(y, NULL, 0, &message), GAN_OK);
    ck_assert_int_eq(gan_swd_compare(x, y, &result, &message), GAN_OK);
    ck_assert_int_eq(gan_swd_compare(x, z, &result, &message), GAN_ERROR_ARGUMENT);
    ck_assert(strstr(message.text, "4 images of 16x16x1 and 4 of 32x32x1 cannot be compared"));
    gan_swd_destroy(x);
    gan_swd_destroy(y);
    gan_swd_destroy(z);
    gan_swd_destroy(NULL);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("swd");
    TCase *t = tcase_create("swd");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, golden_values);
    tcase_add_test(t, sets_at_no_distance);
    tcase_add_test(t, levels_are_scales);
    tcase_add_test(t, threads_and_parts_change_nothing);
    tcase_add_test(t, wrong_use);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
