/* Builtin sources: digits that a reader of MNIST reads, mixtures with the moments that they claim, and samples that
 * depend on nothing but seed and index. */
#include "../support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gan_message message;

static gan_dataset *open_source(const char *source, uint64_t seed, int64_t count)
{
    gan_data_options options = {
        .struct_size = sizeof options, .source = source, .labels = true, .seed = seed, .builtin_count = count};
    gan_dataset *dataset = NULL;
    ck_assert_msg(gan_dataset_open(&options, &dataset, &message) == GAN_OK, "%s", message.text);
    return dataset;
}

/* ---- digits ---- */

START_TEST(digits_are_described)
{
    gan_dataset *dataset = open_source("builtin:digits", 1, 0);
    const gan_data_info *info = gan_dataset_info(dataset);
    ck_assert_int_eq(info->count, 60000);
    ck_assert_int_eq(info->height, 28);
    ck_assert_int_eq(info->width, 28);
    ck_assert_int_eq(info->channels, 1);
    ck_assert_int_eq(info->classes, 10);
    ck_assert(info->scaled);
    ck_assert_str_eq(info->name, "digits");
    const float *centres;
    float sigma;
    ck_assert(!gan_dataset_mixture(dataset, &centres, &sigma));
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(digits_depend_on_seed_and_index_alone)
{
    gan_dataset *a = open_source("builtin:digits", 7, 100), *b = open_source("builtin:digits", 7, 5000);
    gan_dataset *c = open_source("builtin:digits", 8, 100);
    int different = 0;
    for (int i = 99; i >= 0; i--) {
        uint8_t first[784], second[784], other[784];
        int32_t first_label, second_label;
        gan_dataset_get(b, 99 - i, second, &second_label, NULL); /* another sample in between */
        ck_assert_int_eq(gan_dataset_get(a, i, first, &first_label, &message), GAN_OK);
        ck_assert_int_eq(gan_dataset_get(b, i, second, &second_label, &message), GAN_OK);
        ck_assert_int_eq(gan_dataset_get(c, i, other, NULL, &message), GAN_OK);
        ck_assert_mem_eq(first, second, 784);
        ck_assert_int_eq(first_label, second_label);
        different += memcmp(first, other, 784) != 0;
    }
    ck_assert_int_eq(different, 100);
    gan_dataset_close(a);
    gan_dataset_close(b);
    gan_dataset_close(c);
}
END_TEST

/* Mean image of each class over the first n samples. */
static void class_means(const gan_dataset *dataset, int64_t n, double means[10][784], int64_t counts[10])
{
    memset(means, 0, 10 * sizeof means[0]);
    memset(counts, 0, 10 * sizeof counts[0]);
    for (int64_t i = 0; i < n; i++) {
        uint8_t pixels[784];
        int32_t label;
        ck_assert_int_eq(gan_dataset_get(dataset, i, pixels, &label, &message), GAN_OK);
        ck_assert(label >= 0 && label < 10);
        counts[label]++;
        for (int k = 0; k < 784; k++)
            means[label][k] += pixels[k];
    }
    for (int c = 0; c < 10; c++)
        for (int k = 0; k < 784; k++)
            means[c][k] /= (double)counts[c];
}

/* Share of the first n samples whose nearest class mean is that of their label. */
static double read_share(const gan_dataset *dataset, int64_t n, double means[10][784])
{
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++) {
        uint8_t pixels[784];
        int32_t label;
        ck_assert_int_eq(gan_dataset_get(dataset, i, pixels, &label, &message), GAN_OK);
        int best = 0;
        double best_distance = INFINITY;
        for (int c = 0; c < 10; c++) {
            double distance = 0;
            for (int k = 0; k < 784; k++)
                distance += (pixels[k] - means[c][k]) * (pixels[k] - means[c][k]);
            if (distance < best_distance)
                best_distance = distance, best = c;
        }
        right += best == label;
    }
    return (double)right / (double)n;
}

START_TEST(digits_are_told_apart)
{
    static double means[10][784];
    int64_t counts[10];
    gan_dataset *a = open_source("builtin:digits", 1, 0), *b = open_source("builtin:digits", 2, 0);
    class_means(a, 4000, means, counts);
    double ink = 0;
    for (int c = 0; c < 10; c++) {
        ck_assert_int_gt(counts[c], 320); /* of 400 expected; sigma 19 */
        ck_assert_int_lt(counts[c], 480);
        for (int k = 0; k < 784; k++)
            ink += means[c][k] / 7840;
    }
    ck_assert_double_gt(ink, 25); /* MNIST: 33.3 */
    ck_assert_double_lt(ink, 42);
    double share = read_share(b, 1000, means);
    ck_assert_msg(share > 0.9, "only %.1f %% of the digits are nearest to their class", 100 * share);
    gan_dataset_close(a);
    gan_dataset_close(b);
}
END_TEST

/* What was learned from our digits must hold for real ones: means of builtin digits read MNIST. */
START_TEST(digits_look_like_handwriting)
{
    const char *path = test_data("mnist/t10k-images-idx3-ubyte.gz");
    if (!path) {
        printf("digits_look_like_handwriting: skipped, no MNIST (see support.h, test_data)\n");
        return;
    }
    static double means[10][784];
    int64_t counts[10];
    gan_dataset *digits = open_source("builtin:digits", 1, 0), *mnist = open_source(path, 0, 0);
    class_means(digits, 4000, means, counts);
    double share = read_share(mnist, 2000, means);
    ck_assert_msg(share > 0.55, "only %.1f %% of MNIST is read by the means of builtin:digits", 100 * share);
    gan_dataset_close(digits);
    gan_dataset_close(mnist);
}
END_TEST

START_TEST(digits_keep_to_their_box)
{
    gan_dataset *dataset = open_source("builtin:digits", 3, 0);
    for (int i = 0; i < 3000; i++) {
        uint8_t pixels[784];
        gan_dataset_get(dataset, i, pixels, NULL, &message);
        int most = 0;
        for (int k = 0; k < 28; k++) {
            ck_assert_msg(pixels[k] == 0 && pixels[756 + k] == 0 && pixels[28 * k] == 0 && pixels[28 * k + 27] == 0,
                          "digit %d touches the border", i);
            for (int x = 0; x < 28; x++)
                most = pixels[28 * k + x] > most ? pixels[28 * k + x] : most;
        }
        ck_assert_int_ge(most, 150);
    }
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(digits_on_a_larger_square)
{
    gan_data_options options = {.struct_size = sizeof options,
                                .source = "builtin:digits",
                                .seed = 1,
                                .resolution = 32,
                                .fit = GAN_FIT_PAD,
                                .builtin_count = 10};
    gan_dataset *large = NULL, *small = open_source("builtin:digits", 1, 10);
    ck_assert_int_eq(gan_dataset_open(&options, &large, &message), GAN_OK);
    ck_assert_int_eq(gan_dataset_info(large)->height, 32);
    ck_assert_int_eq(gan_dataset_info(large)->classes, 0); /* not asked for */
    uint8_t have[1024], want[784];
    int32_t label;
    memset(have, 9, sizeof have);
    gan_dataset_get(large, 4, have, &label, NULL);
    gan_dataset_get(small, 4, want, NULL, NULL);
    ck_assert_int_eq(label, -1);
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 32; x++) {
            bool inside = y >= 2 && y < 30 && x >= 2 && x < 30;
            ck_assert_int_eq(have[32 * y + x], inside ? want[28 * (y - 2) + x - 2] : 0);
        }
    gan_dataset_close(large);
    gan_dataset_close(small);
}
END_TEST

/* ---- mixtures ---- */

/* Centres as the papers give them, moments of the samples, and the mode as label. */
static void check_mixture(const char *source, int modes, const double (*centre_of)[2], double sigma)
{
    enum { N = 50000 };
    gan_dataset *dataset = open_source(source, 5, N);
    const gan_data_info *info = gan_dataset_info(dataset);
    ck_assert_int_eq(info->count, N);
    ck_assert_int_eq(info->classes, modes);
    ck_assert(info->height == 1 && info->width == 1 && info->channels == 2 && !info->scaled);
    const float *centres = NULL;
    float width = 0;
    ck_assert(gan_dataset_mixture(dataset, &centres, &width));
    ck_assert_float_eq_tol(width, (float)sigma, 1e-7f);
    for (int k = 0; k < modes; k++) {
        bool found = false;
        for (int j = 0; j < modes; j++)
            found |=
                hypot(centre_of[k][0] - (double)centres[2 * j], centre_of[k][1] - (double)centres[2 * j + 1]) < 1e-6;
        ck_assert_msg(found, "%s: no mode at (%g, %g)", source, centre_of[k][0], centre_of[k][1]);
    }
    double squares[2] = {0, 0}, sums[2] = {0, 0}, product = 0;
    int counts[25] = {0};
    for (int i = 0; i < N; i++) {
        float p[2];
        int32_t label;
        ck_assert_int_eq(gan_dataset_get(dataset, i, p, &label, &message), GAN_OK);
        ck_assert(label >= 0 && label < modes);
        counts[label]++;
        double x = ((double)p[0] - (double)centres[2 * label]) / sigma;
        double y = ((double)p[1] - (double)centres[2 * label + 1]) / sigma;
        sums[0] += x, sums[1] += y, squares[0] += x * x, squares[1] += y * y, product += x * y;
        ck_assert(fabs(x) < 6 && fabs(y) < 6);
    }
    for (int c = 0; c < 2; c++) { /* five standard errors */
        ck_assert_double_lt(fabs(sums[c] / N), 5 / sqrt(N));
        ck_assert_double_lt(fabs(squares[c] / N - 1), 5 * sqrt(2.0 / N));
    }
    ck_assert_double_lt(fabs(product / N), 5 / sqrt(N));
    double expected = (double)N / modes;
    for (int k = 0; k < modes; k++)
        ck_assert_double_lt(fabs(counts[k] - expected), 5 * sqrt(expected));
    gan_dataset_close(dataset);
}

START_TEST(ring_of_eight)
{
    double centres[8][2];
    for (int k = 0; k < 8; k++)
        centres[k][0] = cos(k * 0.78539816339744831), centres[k][1] = sin(k * 0.78539816339744831);
    check_mixture("builtin:ring8", 8, (const double(*)[2])centres, 0.01);
}
END_TEST

START_TEST(grid_of_twenty_five)
{
    double centres[25][2];
    for (int k = 0; k < 25; k++)
        centres[k][0] = 2 * (k % 5) - 4, centres[k][1] = 2 * (k / 5) - 4;
    check_mixture("builtin:grid25", 25, (const double(*)[2])centres, 0.05);
}
END_TEST

/* ---- what is refused ---- */

static void refused(gan_data_options options, gan_status status, const char *text)
{
    gan_dataset *dataset = (gan_dataset *)&message;
    options.struct_size = sizeof options;
    ck_assert_int_eq(gan_dataset_open(&options, &dataset, &message), status);
    ck_assert_msg(strstr(message.text, text) != NULL, "expected \"%s\" in: %s", text, message.text);
    ck_assert_ptr_eq(dataset, (gan_dataset *)&message);
}

START_TEST(wrong_options)
{
    refused((gan_data_options){.source = "builtin:digit"}, GAN_ERROR_NOT_FOUND,
            "builtin:digits, builtin:faces, builtin:sketches, builtin:ring8, builtin:grid25");
    refused((gan_data_options){.source = "builtin:"}, GAN_ERROR_NOT_FOUND, "builtin:digits");
    refused((gan_data_options){.source = NULL}, GAN_ERROR_ARGUMENT, "no data source");
    refused((gan_data_options){.source = ""}, GAN_ERROR_ARGUMENT, "no data source");
    refused((gan_data_options){.source = "builtin:digits", .builtin_count = -5}, GAN_ERROR_ARGUMENT, "-5");
    refused((gan_data_options){.source = "builtin:digits", .builtin_count = INT64_MAX}, GAN_ERROR_ARGUMENT,
            "9223372036854775807");
    refused((gan_data_options){.source = "builtin:digits", .resolution = 27, .fit = GAN_FIT_PAD}, GAN_ERROR_ARGUMENT,
            "28x28");
    refused((gan_data_options){.source = "builtin:digits", .resolution = 100000}, GAN_ERROR_ARGUMENT, "100000");
    refused((gan_data_options){.source = "builtin:ring8", .resolution = 32}, GAN_ERROR_ARGUMENT, "points");
    refused((gan_data_options){.source = "builtin:ring8", .mirror = true}, GAN_ERROR_ARGUMENT, "no mirror to set");
    refused((gan_data_options){.source = "builtin:ring8", .channels = 1}, GAN_ERROR_ARGUMENT, "no channels to set");
    refused((gan_data_options){.source = "builtin:ring8", .fit = GAN_FIT_PAD}, GAN_ERROR_ARGUMENT, "no fit to set");
    refused((gan_data_options){.source = "builtin:ring8", .random_crop = true}, GAN_ERROR_ARGUMENT,
            "random_crop needs a resolution");
    refused((gan_data_options){.source = "builtin:digits", .channels = 2}, GAN_ERROR_ARGUMENT, "channels are 2");
    refused((gan_data_options){.source = "builtin:digits", .fit = 9}, GAN_ERROR_ARGUMENT, "fit is 9");
    refused((gan_data_options){.source = "builtin:digits", .filter = 9}, GAN_ERROR_ARGUMENT, "filter is 9");
    refused((gan_data_options){.source = "builtin:digits", .enlarge = 0.5, .resolution = 28}, GAN_ERROR_ARGUMENT,
            "enlarge is 0.5");
    refused((gan_data_options){.source = "builtin:digits", .enlarge = 2}, GAN_ERROR_ARGUMENT,
            "enlarge needs a resolution");
    refused((gan_data_options){.source = "builtin:digits", .threads = -1}, GAN_ERROR_ARGUMENT, "threads are -1");
    gan_dataset *dataset;
    ck_assert_int_eq(gan_dataset_open(&(gan_data_options){.source = "builtin:digits"}, &dataset, NULL),
                     GAN_ERROR_ARGUMENT); /* struct_size forgotten */
    gan_dataset_close(NULL);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("data");
    TCase *t = tcase_create("builtin");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, digits_are_described);
    tcase_add_test(t, digits_depend_on_seed_and_index_alone);
    tcase_add_test(t, digits_are_told_apart);
    tcase_add_test(t, digits_look_like_handwriting);
    tcase_add_test(t, digits_keep_to_their_box);
    tcase_add_test(t, digits_on_a_larger_square);
    tcase_add_test(t, ring_of_eight);
    tcase_add_test(t, grid_of_twenty_five);
    tcase_add_test(t, wrong_options);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
