/* The judge of generated digits: its arithmetic in closed form, what it reads, and a small training. */
#include "../tests/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "judge_images.h"

/* ---- counting ---- */

/* A probability of `p` for class c; the others share the rest. */
static void opinion(float *out, int c, float p)
{
    for (int i = 0; i < JUDGE_CLASSES; i++)
        out[i] = i == c ? p : (1.0f - p) / (JUDGE_CLASSES - 1);
}

START_TEST(test_counts)
{
    float p[5][JUDGE_CLASSES];
    const int32_t labels[5] = {3, 3, 4, -1, 3};
    opinion(p[0], 3, 0.95f);
    opinion(p[1], 7, 0.91f); /* asked for 3 */
    opinion(p[2], 4, 0.89f); /* right, but not recognised */
    opinion(p[3], 3, 0.99f); /* nothing was asked for */
    opinion(p[4], 3, 0.99f);
    p[4][8] = NAN;
    judge_tally t = {0};
    judge_count(&t, p[0], labels, 5);
    ck_assert_int_eq(t.images, 5);
    ck_assert_int_eq(t.recognised, 3);
    ck_assert_int_eq(t.of[3].images, 2);
    ck_assert_int_eq(t.of[3].asked, 3);
    ck_assert_int_eq(t.of[3].right, 1);
    ck_assert_int_eq(t.of[4].images, 1);
    ck_assert_int_eq(t.of[4].recognised, 0);
    ck_assert_int_eq(t.of[7].images, 1);
    ck_assert_int_eq(t.of[7].asked, 0);
    ck_assert_int_eq(judge_asked(&t), 4);
    ck_assert_int_eq(judge_right(&t), 2);
    ck_assert_double_eq_tol(t.confidence, 0.95 + 0.91 + 0.89 + 0.99, 1e-6);
}
END_TEST

START_TEST(test_spread_over_classes)
{
    judge_tally none = {0}, one = {0}, all = {0}, two = {0};
    one.of[2].images = 7;
    for (int c = 0; c < JUDGE_CLASSES; c++)
        all.of[c].images = 100;
    two.of[0].images = 1;
    two.of[9].images = 3;
    ck_assert_double_eq(judge_kl(&none), 0.0);
    ck_assert_double_eq(judge_entropy(&one), 0.0);
    ck_assert_double_eq_tol(judge_kl(&one), log(10.0), 1e-12);
    ck_assert_double_eq_tol(judge_entropy(&all), log(10.0), 1e-12);
    ck_assert_double_eq_tol(judge_kl(&all), 0.0, 1e-12);
    /* 1/4 log(10/4) + 3/4 log(30/4) */
    ck_assert_double_eq_tol(judge_kl(&two), 0.25 * log(2.5) + 0.75 * log(7.5), 1e-12);
}
END_TEST

START_TEST(test_report)
{
    float p[JUDGE_CLASSES];
    const int32_t label = 6;
    judge_tally t = {0};
    opinion(p, 6, 0.95f);
    judge_count(&t, p, &label, 1);
    json_t *json = judge_json(&t, "images");
    ck_assert_ptr_nonnull(json);
    ck_assert_str_eq(json_string_value(json_object_get(json, "images_of")), "images");
    ck_assert_double_eq(json_real_value(json_object_get(json, "recognised_share")), 1.0);
    ck_assert_double_eq(json_real_value(json_object_get(json, "right_share")), 1.0);
    json_t *six = json_array_get(json_object_get(json, "classes"), 6);
    ck_assert_int_eq(json_integer_value(json_object_get(six, "right")), 1);
    json_decref(json);

    char text[4096] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    judge_print(&t, "images", out);
    fclose(out);
    ck_assert_msg(strstr(text, "| 6 | 1 | 100.00 % | 100.00 % | 1 | 100.00 % |\n"), "%s", text);
}
END_TEST

/* ---- images ---- */

START_TEST(test_shift)
{
    uint8_t image[JUDGE_PIXELS] = {0}, out[JUDGE_PIXELS];
    image[0] = 200;                               /* the upper left corner */
    image[5 * JUDGE_SIDE + JUDGE_SIDE - 1] = 100; /* at the right edge */
    judge_shift(image, out, 2, 1);
    ck_assert_int_eq(out[JUDGE_SIDE + 2], 200);
    int sum = 0;
    for (int i = 0; i < JUDGE_PIXELS; i++)
        sum += out[i];
    ck_assert_int_eq(sum, 200); /* the other has gone, and not come in at the left */
    judge_shift(image, out, -2, -2);
    ck_assert_int_eq(out[3 * JUDGE_SIDE + JUDGE_SIDE - 3], 100);
}
END_TEST

/* A square with a different byte at each place. */
static gan_image pattern(int64_t side, int channels)
{
    gan_image image;
    ck_assert_int_eq(gan_image_create(&image, side, side, channels, NULL), GAN_OK);
    for (int64_t y = 0; y < side; y++)
        for (int64_t x = 0; x < side; x++)
            for (int c = 0; c < channels; c++)
                image.pixels[(y * side + x) * channels + c] = (uint8_t)(7 * y + 3 * x);
    return image;
}

START_TEST(test_padding_is_cut_off)
{
    for (int channels = 1; channels <= 3; channels += 2) {
        uint8_t out[JUDGE_PIXELS];
        gan_image image = pattern(32, channels);
        ck_assert_int_eq(judge_prepare(&image, false, "image", out, NULL), GAN_OK);
        for (int y = 0; y < JUDGE_SIDE; y++)
            for (int x = 0; x < JUDGE_SIDE; x++)
                ck_assert_int_eq(out[y * JUDGE_SIDE + x], (uint8_t)(7 * (y + 2) + 3 * (x + 2)));
        gan_image_free(&image);
    }
}
END_TEST

START_TEST(test_other_sizes)
{
    uint8_t out[JUDGE_PIXELS];
    gan_message message;
    const int64_t wrong[] = {27, JUDGE_CROP_MAX + 1};
    for (int i = 0; i < 2; i++) {
        gan_image image = pattern(wrong[i], 1);
        ck_assert_int_eq(judge_prepare(&image, false, "image", out, &message), GAN_ERROR_SHAPE);
        ck_assert_msg(strstr(message.text, "--scale"), "%s", message.text);
        memset(image.pixels, 77, (size_t)(wrong[i] * wrong[i]));
        ck_assert_int_eq(judge_prepare(&image, true, "image", out, &message), GAN_OK);
        for (int at = 0; at < JUDGE_PIXELS; at++)
            ck_assert_int_eq(out[at], 77);
        gan_image_free(&image);
    }
}
END_TEST

static void write_pattern(const char *folder, const char *name, int64_t side)
{
    char path[4096];
    gan_image image = pattern(side, 1);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(gan_png_write(path, &image, NULL), GAN_OK);
    gan_image_free(&image);
}

START_TEST(test_folders)
{
    char sub[4096];
    const char *folder = test_folder("judge");
    gan_message message;
    judge_tally t = {0};
    gan_context *ctx = test_context_open(1, 1);
    gan_layer *network = judge_network(ctx);
    ck_assert_int_eq(judge_folder(network, folder, 5, false, &t, &message), GAN_ERROR_NOT_FOUND);
    write_pattern(folder, "a.png", 28);
    write_pattern(folder, "b.png", 32);
    write_pattern(folder, "grid.txt", 512); /* not by its name */
    ck_assert_int_eq(judge_folder(network, folder, 5, false, &t, &message), GAN_OK);
    ck_assert_int_eq(t.images, 2);
    ck_assert_int_eq(t.of[5].asked, 2);

    snprintf(sub, sizeof sub, "%s/3", folder);
    ck_assert_int_eq(mkdir(sub, 0777), 0);
    write_pattern(sub, "a.png", 28);
    t = (judge_tally){0};
    ck_assert_int_eq(judge_folder(network, folder, -1, false, &t, &message), GAN_OK);
    ck_assert_int_eq(t.images, 3);
    ck_assert_int_eq(t.of[3].asked, 1);
    ck_assert_int_eq(judge_asked(&t), 1);

    write_pattern(folder, "c.png", 512);
    ck_assert_int_eq(judge_folder(network, folder, -1, false, &t, &message), GAN_ERROR_SHAPE);
    ck_assert_msg(strstr(message.text, "c.png"), "%s", message.text);
    gan_layer_destroy(network);
    test_context_close(ctx);
}
END_TEST

/* ---- training, and the file ---- */

static gan_dataset *drawn_digits(uint64_t seed, int64_t count)
{
    gan_dataset *data;
    gan_data_options options = {.struct_size = sizeof options,
                                .source = "builtin:digits",
                                .labels = true,
                                .seed = seed,
                                .builtin_count = count};
    ck_assert_int_eq(gan_dataset_open(&options, &data, NULL), GAN_OK);
    return data;
}

/* Drawn digits are easy: 40 steps get most of other ones right. The file gives the same opinions to a fresh network. */
START_TEST(test_training_and_file)
{
    char path[4096];
    gan_message message = {0};
    gan_dataset *train = drawn_digits(1, 4000), *other = drawn_digits(2, 1000);
    gan_context *ctx = test_context_open(2, 1);
    gan_layer *network = judge_network(ctx), *fresh = judge_network(ctx);
    judge_tally trained = {0}, untrained = {0}, loaded = {0};
    judge_origin origin;
    ck_assert_msg(judge_train(network, train, 1.0, 1, NULL, NULL, &message) == GAN_OK, "%s", message.text);
    ck_assert_int_eq(judge_dataset(network, other, &trained, &message), GAN_OK);
    ck_assert_int_eq(judge_dataset(fresh, other, &untrained, &message), GAN_OK);
    ck_assert_int_eq(judge_asked(&trained), 1000);
    ck_assert_int_gt(judge_right(&trained), 900);
    ck_assert_int_lt(judge_right(&untrained), 500);

    snprintf(path, sizeof path, "%s/classifier.safetensors", test_folder("judge-file"));
    ck_assert_int_eq(judge_save(network, path, "digits", 98.765, &message), GAN_OK);
    ck_assert_int_eq(judge_load(fresh, path, &origin, &message), GAN_OK);
    ck_assert_str_eq(origin.data, "digits");
    ck_assert_str_eq(origin.accuracy, "98.77");
    ck_assert_int_eq(judge_dataset(fresh, other, &loaded, &message), GAN_OK);
    ck_assert_int_eq(memcmp(&loaded, &trained, sizeof loaded), 0);
    gan_layer_destroy(fresh);
    gan_layer_destroy(network);
    test_context_close(ctx);
    gan_dataset_close(other);
    gan_dataset_close(train);
}
END_TEST

START_TEST(test_other_files_are_refused)
{
    char path[4096];
    gan_message message;
    judge_origin origin;
    gan_context *ctx = test_context_open(1, 1);
    gan_layer *network = judge_network(ctx);
    gan_file_writer *writer = gan_file_writer_create();
    snprintf(path, sizeof path, "%s/other.safetensors", test_folder("judge-other"));
    ck_assert_int_eq(gan_file_add_number(writer, "x", 1.0, &message), GAN_OK);
    ck_assert_int_eq(gan_file_commit(writer, path, &message), GAN_OK);
    gan_file_writer_destroy(writer);
    ck_assert_int_eq(judge_load(network, path, &origin, &message), GAN_ERROR_FORMAT);
    ck_assert_msg(strstr(message.text, "other.safetensors"), "%s", message.text);
    gan_layer_destroy(network);
    test_context_close(ctx);
}
END_TEST

START_TEST(test_other_data_is_refused)
{
    gan_message message;
    gan_dataset *data;
    gan_data_options options = {.struct_size = sizeof options, .source = "builtin:ring8", .builtin_count = 100};
    ck_assert_int_eq(gan_dataset_open(&options, &data, NULL), GAN_OK);
    ck_assert_int_eq(judge_check_data(data, "builtin:ring8", &message), GAN_ERROR_ARGUMENT);
    gan_dataset_close(data);
    data = drawn_digits(1, 100);
    ck_assert_int_eq(judge_check_data(data, "builtin:digits", &message), GAN_OK);
    gan_dataset_close(data);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("judge");
    TCase *t = tcase_create("counting");
    tcase_add_test(t, test_counts);
    tcase_add_test(t, test_spread_over_classes);
    tcase_add_test(t, test_report);
    suite_add_tcase(s, t);
    t = tcase_create("images");
    tcase_add_test(t, test_shift);
    tcase_add_test(t, test_padding_is_cut_off);
    tcase_add_test(t, test_other_sizes);
    tcase_add_test(t, test_folders);
    suite_add_tcase(s, t);
    t = tcase_create("network");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_training_and_file);
    tcase_add_test(t, test_other_files_are_refused);
    tcase_add_test(t, test_other_data_is_refused);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
