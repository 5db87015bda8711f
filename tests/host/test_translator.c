/* Pictures through networks: in tiles and whole, alone and several at once, there and back; networks that look at one
 * pixel, for which all ways are the same, and one with instance norm, for which tiles differ. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "translator.h"

static gan_context *ctx;
static session s;
static gan_message message;
static plugin variant;
static gan_translate_extension table; /* its function is the test's */
static gan_layer *generator;          /* of `normed` */

/* ---- networks ---- */

static gan_status inverted(gan_model *model, gan_direction direction, gan_tensor *images, gan_tensor **out)
{
    (void)model;
    (void)direction;
    *out = gan_scale(images, -1);
    return gan_status_of(ctx);
}

/* What one way darkens the other way brightens. */
static gan_status shifted(gan_model *model, gan_direction direction, gan_tensor *images, gan_tensor **out)
{
    (void)model;
    *out = gan_add_scalar(images, direction == GAN_A_TO_B ? -0.1f : 0.1f);
    return gan_status_of(ctx);
}

static gan_status normed(gan_model *model, gan_direction direction, gan_tensor *images, gan_tensor **out)
{
    (void)model;
    (void)direction;
    *out = gan_forward(generator, images);
    return gan_status_of(ctx);
}

static gan_status shrunk(gan_model *model, gan_direction direction, gan_tensor *images, gan_tensor **out)
{
    (void)model;
    (void)direction;
    *out = gan_avg_pool2d(images, 2);
    return gan_status_of(ctx);
}

static gan_status failing(gan_model *model, gan_direction direction, gan_tensor *images, gan_tensor **out)
{
    (void)model;
    (void)direction;
    (void)images;
    (void)out;
    return gan_raise(ctx, GAN_ERROR_STATE, "trouble was asked for");
}

/* A generator in small, with random weights: reflection, two scales, instance norm, tanh. */
static void make_generator(void)
{
    generator = gan_sequential(ctx, NULL);
    gan_nn_reflect_pad2d(generator, 3);
    gan_nn_conv2d(generator, 3, 8, 7, (gan_conv){.stride = 1}, NULL);
    gan_nn_instance_norm(generator, 8, false);
    gan_nn_relu(generator);
    gan_nn_conv2d(generator, 8, 16, 3, (gan_conv){.stride = 2, .pad = 1}, NULL);
    gan_nn_instance_norm(generator, 16, false);
    gan_nn_relu(generator);
    gan_nn_conv2d_transpose(generator, 16, 8, 4, (gan_conv){.stride = 2, .pad = 1}, NULL);
    gan_nn_instance_norm(generator, 8, false);
    gan_nn_relu(generator);
    gan_nn_reflect_pad2d(generator, 3);
    gan_nn_conv2d(generator, 8, 3, 7, (gan_conv){.stride = 1}, NULL);
    gan_nn_tanh(generator);
}

static const void *get_extension(gan_model *model, const char *name)
{
    (void)model;
    return strcmp(name, GAN_TRANSLATE_EXTENSION) == 0 ? &table : NULL;
}

static void setup(void)
{
    gan_context_options options = {.struct_size = sizeof options, .threads = 1, .seed = 5};
    ck_assert_int_eq(gan_context_create(&options, &ctx, &message), GAN_OK);
    gan_scope_begin(ctx);
    make_generator();
    table = (gan_translate_extension){.struct_size = sizeof table, .multiple = 2, .least = 8};
    variant.table = (gan_plugin){.needs = GAN_NEEDS_TWO_DOMAINS, .get_extension = get_extension};
    s = (session){.ctx = ctx, .plugin = &variant};
}

static void teardown(void)
{
    gan_layer_destroy(generator);
    gan_scope_end(ctx, NULL);
    gan_context_destroy(ctx);
}

/* ---- pictures ---- */

/* Soft waves, quiet at the left and lively at the right, with a little noise: parts of it have different means and
 * deviations. */
static gan_image picture(int64_t width, int64_t height, int channels)
{
    gan_image image;
    uint32_t noise = 1;
    ck_assert_int_eq(gan_image_create(&image, width, height, channels, &message), GAN_OK);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) {
                double right = (double)x / (double)width, wave = sin(0.11 * (double)x + c) * cos(0.07 * (double)y);
                noise = noise * 1664525u + 1013904223u;
                image.pixels[(y * width + x) * channels + c] =
                    (uint8_t)(60 + 100 * right + (15 + 60 * right) * wave + (noise >> 24) / 32.0);
            }
    return image;
}

static int largest_difference(const gan_image *a, const gan_image *b)
{
    int most = 0;
    ck_assert(a->width == b->width && a->height == b->height && a->channels == b->channels);
    for (int64_t i = 0; i < a->width * a->height * a->channels; i++)
        most = abs(a->pixels[i] - b->pixels[i]) > most ? abs(a->pixels[i] - b->pixels[i]) : most;
    return most;
}

/* The picture through the networks, in tiles where the rule says so. */
static gan_image through(tile_rule rule, int64_t batch, const gan_image *image, gan_image *back)
{
    translator t = {.s = &s, .rule = rule, .batch = batch};
    tile_axis y, x;
    gan_image out = {0};
    translator_plan(&t, image, &y, &x);
    gan_status status = y.n * x.n == 1 ? translator_whole(&t, image, 1, &out, back, &message)
                                       : translator_tiled(&t, image, &out, back, NULL, NULL, &message);
    ck_assert_msg(status == GAN_OK, "%s", message.text);
    return out;
}

START_TEST(tiles_of_a_network_of_one_pixel_do_not_show)
{
    table.translate = inverted;
    static const int64_t sizes[][2] = {{1, 1}, {3, 9}, {9, 3}, {16, 16}, {33, 70}, {101, 20}, {90, 91}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            gan_image image = picture(sizes[i][0], sizes[i][1], channels);
            gan_image whole = through((tile_rule){2, 8, 0, 0}, 1, &image, NULL);
            gan_image tiled = through((tile_rule){2, 8, 16, 7}, 1 + (int64_t)i % 4, &image, NULL);
            ck_assert_int_eq(largest_difference(&whole, &tiled), 0);
            for (int64_t j = 0; j < image.width * image.height * channels; j++)
                ck_assert_int_eq(whole.pixels[j], 255 - image.pixels[j]);
            gan_image_free(&image);
            gan_image_free(&whole);
            gan_image_free(&tiled);
        }
}
END_TEST

/* Back comes from what was translated before it is rounded and clamped: from darker than black, too. */
START_TEST(there_and_back)
{
    table.translate = shifted;
    gan_image image = picture(50, 40, 3), back;
    memset(image.pixels, 3, 300);
    for (int tiled = 0; tiled < 2; tiled++) {
        gan_image out = through((tile_rule){2, 8, tiled ? 16 : 0, 4}, 2, &image, &back);
        ck_assert_int_eq(out.pixels[0], 0);
        ck_assert_int_eq(out.pixels[900], (int)lrint(image.pixels[900] - 12.75));
        ck_assert_int_eq(largest_difference(&image, &back), 0);
        gan_image_free(&out);
        gan_image_free(&back);
    }
    gan_image_free(&image);
}
END_TEST

START_TEST(several_at_once_are_as_one_alone)
{
    table.translate = normed;
    translator t = {.s = &s, .rule = {2, 8, 0, 0}};
    static const int64_t sizes[][2] = {{40, 32}, {39, 32}, {40, 31}, {39, 31}, {40, 32}};
    gan_image images[5], out[5], back[5];
    for (int i = 0; i < 5; i++)
        images[i] = picture(sizes[i][0], sizes[i][1], 3);
    gan_image_mirror(&images[4]);
    ck_assert_int_eq(translator_whole(&t, images, 5, out, back, &message), GAN_OK);
    for (int i = 0; i < 5; i++) {
        gan_image own_back, own = through(t.rule, 1, &images[i], &own_back);
        ck_assert_int_le(largest_difference(&own, &out[i]), 1);
        ck_assert_int_le(largest_difference(&own_back, &back[i]), 1);
        ck_assert_int_gt(largest_difference(&own, &images[i]), 20);
        gan_image_free(&own);
        gan_image_free(&own_back);
    }
    for (int i = 0; i < 5; i++) {
        gan_image_free(&images[i]);
        gan_image_free(&out[i]);
        gan_image_free(&back[i]);
    }
}
END_TEST

/* ---- seams ---- */

/* How far the columns x - 1 and x are from x + 1 and x + 2, of which transposed convolutions make each second one by
 * other weights: at a seam they are far apart all along, in one direction. */
static double jump(const gan_image *image, int64_t x)
{
    double sum[3] = {0};
    for (int64_t y = 0; y < image->height; y++)
        for (int c = 0; c < 3; c++) {
            const uint8_t *at = image->pixels + (y * image->width + x) * 3 + c;
            sum[c] += (at[6] + at[3] - at[0] - at[-3]) / 2.0;
        }
    return (fabs(sum[0]) + fabs(sum[1]) + fabs(sum[2])) / (3.0 * (double)image->height);
}

typedef struct jumps {
    double borders, elsewhere; /* means */
} jumps;

/* Of the columns where a tile begins or ends, and of all others. */
static jumps measure(const gan_image *image, const tile_axis *x)
{
    jumps found = {0};
    int64_t n = 0;
    for (int64_t at = 1; at + 2 < image->width; at++) {
        bool border = false;
        for (int64_t i = 0; i < x->n; i++) {
            int64_t start = tile_axis_start(x, i);
            border = border || at + 1 == start || at + 1 == start + x->tile;
        }
        n += border;
        *(border ? &found.borders : &found.elsewhere) += jump(image, at);
    }
    found.borders /= (double)n;
    found.elsewhere /= (double)(image->width - 3 - n);
    return found;
}

START_TEST(tiles_of_a_network_with_norm_leave_no_seams)
{
    table.translate = normed;
    gan_image image = picture(256, 96, 3);
    tile_axis x;
    tile_rule hard = {2, 8, 64, 0}, soft = {2, 8, 64, 24};
    gan_image tiled = through(hard, 1, &image, NULL);
    tile_axis_plan(256, &hard, &x);
    jumps found = measure(&tiled, &x);
    ck_assert_int_eq(x.n, 4);
    ck_assert_double_gt(found.borders, 2 * found.elsewhere); /* without an overlap they are plain to see */
    gan_image_free(&tiled);
    tiled = through(soft, 3, &image, NULL);
    tile_axis_plan(256, &soft, &x);
    found = measure(&tiled, &x);
    ck_assert_int_eq(x.n, 6);
    ck_assert_double_le(found.borders, 1.1 * found.elsewhere);
    gan_image_free(&tiled);
    gan_image_free(&image);
}
END_TEST

/* ---- trouble ---- */

static bool stop_at_three(int64_t done, int64_t total, void *user)
{
    (void)total;
    *(int64_t *)user = done;
    return done < 3;
}

START_TEST(tiles_can_be_interrupted)
{
    table.translate = inverted;
    translator t = {.s = &s, .rule = {2, 8, 16, 4}, .batch = 1};
    gan_image image = picture(60, 60, 3), out, back;
    int64_t done = 0;
    ck_assert_int_eq(translator_tiled(&t, &image, &out, &back, stop_at_three, &done, &message), GAN_INTERRUPTED);
    ck_assert_int_eq(done, 3);
    ck_assert_ptr_null(out.pixels);
    ck_assert_ptr_null(back.pixels);
    gan_image_free(&image);
}
END_TEST

static void refused(const char *sentence)
{
    translator t = {.s = &s, .rule = {2, 8, 16, 4}};
    gan_image image = picture(60, 16, 3), out, back;
    for (int tiled = 0; tiled < 2; tiled++) {
        gan_status status = tiled ? translator_tiled(&t, &image, &out, &back, NULL, NULL, &message)
                                  : (t.rule.tile = 0, translator_whole(&t, &image, 1, &out, &back, &message));
        ck_assert_int_ne(status, GAN_OK);
        ck_assert_msg(strstr(message.text, sentence), "%s", message.text);
        ck_assert_ptr_null(out.pixels);
        ck_assert_ptr_null(back.pixels);
        gan_clear_status(ctx);
        t.rule.tile = 16;
    }
    gan_image_free(&image);
}

START_TEST(what_a_plugin_does_wrong_is_told)
{
    table.translate = shrunk;
    refused("the plugin gave translations of shape [");
    table.translate = failing;
    refused("trouble was asked for");
}
END_TEST

START_TEST(batches_are_chosen_by_pixels)
{
    translator t = {.batch = 0};
    ck_assert_int_eq(translator_batch(&t, 32, 32), 16);
    ck_assert_int_eq(translator_batch(&t, 256, 256), 4);
    ck_assert_int_eq(translator_batch(&t, 512, 512), 1);
    ck_assert_int_eq(translator_batch(&t, 4096, 4096), 1);
    t.batch = 7;
    ck_assert_int_eq(translator_batch(&t, 4096, 4096), 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("translator");
    TCase *tests = tcase_create("translator");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, tiles_of_a_network_of_one_pixel_do_not_show);
    tcase_add_test(tests, there_and_back);
    tcase_add_test(tests, several_at_once_are_as_one_alone);
    tcase_add_test(tests, tiles_of_a_network_with_norm_leave_no_seams);
    tcase_add_test(tests, tiles_can_be_interrupted);
    tcase_add_test(tests, what_a_plugin_does_wrong_is_told);
    tcase_add_test(tests, batches_are_chosen_by_pixels);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
