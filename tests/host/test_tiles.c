/* Pictures in tiles: what the plan covers, that weights add up to one, that what is done to each pixel alone does not
 * show the tiles, and that where tiles disagree no edge is sharper than their overlap is wide. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tiles.h"

static const tile_rule rules[] = {
    {1, 1, 16, 4}, {4, 16, 16, 8}, {4, 16, 32, 3}, {8, 24, 40, 20}, {3, 7, 10, 5}, {4, 4, 4, 2}, {1, 1, 1, 0},
};
#define RULES (sizeof rules / sizeof rules[0])

START_TEST(tiles_cover_every_length)
{
    const tile_rule *rule = &rules[_i];
    for (int64_t length = 1; length < 250; length++) {
        tile_axis axis;
        tile_axis_plan(length, rule, &axis);
        ck_assert_int_eq(axis.padded % rule->multiple, 0);
        ck_assert_int_ge(axis.padded, rule->least);
        ck_assert_int_ge(axis.padded, length);
        ck_assert(axis.padded == length ||
                  axis.padded - rule->multiple < (length > rule->least ? length : rule->least));
        int64_t behind = axis.padded - axis.length - axis.before;
        ck_assert(behind == axis.before || behind == axis.before + 1);
        ck_assert_int_eq(axis.tile % rule->multiple, 0);
        ck_assert_int_ge(axis.tile, rule->least);
        ck_assert_int_eq(tile_axis_start(&axis, 0), 0);
        ck_assert_int_eq(tile_axis_start(&axis, axis.n - 1) + axis.tile, axis.padded);
        for (int64_t i = 1; i < axis.n; i++) {
            int64_t start = tile_axis_start(&axis, i), shared = tile_axis_start(&axis, i - 1) + axis.tile - start;
            ck_assert_int_eq(start % rule->multiple, 0);
            ck_assert_int_gt(start, tile_axis_start(&axis, i - 1));
            ck_assert(shared >= rule->overlap || axis.tile - shared == rule->multiple);
        }
    }
}
END_TEST

START_TEST(weights_add_up_to_one)
{
    for (int64_t length = 1; length < 160; length++) {
        tile_axis axis;
        tile_axis_plan(length, &rules[_i], &axis);
        for (int64_t at = 0; at < axis.padded; at++) {
            double sum = 0;
            int parts = 0;
            for (int64_t i = 0; i < axis.n; i++) {
                int64_t own = at - tile_axis_start(&axis, i);
                if (own < 0 || own >= axis.tile)
                    continue;
                float weight = tile_axis_weight(&axis, i, own);
                ck_assert(weight >= 0 && weight <= 1);
                parts += weight > 0;
                sum += (double)weight;
            }
            ck_assert_double_eq_tol(sum, 1, 1e-6);
            ck_assert_int_ge(parts, 1);
            ck_assert_int_le(parts, 2);
        }
    }
}
END_TEST

START_TEST(plans_by_hand)
{
    tile_axis axis;
    tile_axis_plan(512, &(tile_rule){4, 16, 512, 64}, &axis);
    ck_assert(axis.n == 1 && axis.tile == 512 && axis.before == 0);
    tile_axis_plan(1000, &(tile_rule){4, 16, 512, 64}, &axis); /* 1000 > 2 * 512 - 64 */
    ck_assert(axis.n == 3 && axis.padded == 1000 && axis.tile == 512);
    ck_assert(tile_axis_start(&axis, 1) == 244 && tile_axis_start(&axis, 2) == 488);
    ck_assert_int_eq(axis.ramp, 244); /* the overlap is 268, but the middles lie 244 apart */
    tile_axis_plan(960, &(tile_rule){4, 16, 512, 64}, &axis);
    ck_assert(axis.n == 2 && tile_axis_start(&axis, 1) == 448 && axis.ramp == 64);
    tile_axis_plan(5000, &(tile_rule){4, 16, 0, 64}, &axis);
    ck_assert(axis.n == 1 && axis.tile == 5000);
    tile_axis_plan(7, &(tile_rule){4, 16, 512, 64}, &axis);
    ck_assert(axis.padded == 16 && axis.before == 4 && axis.tile == 16);
    tile_axis_plan(100, &(tile_rule){32, 64, 20, 10}, &axis); /* no smaller than the network takes */
    ck_assert(axis.padded == 128 && axis.tile == 64 && axis.n == 3);
    /* Half a cosine: the weights of four pixels of overlap. */
    tile_axis_plan(12, &(tile_rule){1, 1, 8, 4}, &axis);
    ck_assert(axis.n == 2 && axis.ramp == 4);
    for (int i = 0; i < 8; i++) {
        double expected = i < 4 ? 1 : 0.5 + 0.5 * cos(M_PI * (i - 4 + 0.5) / 4);
        ck_assert_float_eq_tol(tile_axis_weight(&axis, 0, i), (float)expected, 1e-6f);
        ck_assert_float_eq_tol(tile_axis_weight(&axis, 1, 7 - i), (float)expected, 1e-6f);
    }
}
END_TEST

/* ---- padding ---- */

static gan_image picture(int64_t width, int64_t height, int channels)
{
    gan_image image;
    gan_message message;
    ck_assert_int_eq(gan_image_create(&image, width, height, channels, &message), GAN_OK);
    for (int64_t i = 0; i < width * height * channels; i++)
        image.pixels[i] = (uint8_t)(i * 37 + i / 11);
    return image;
}

START_TEST(padding_reflects)
{
    static const struct {
        int64_t length;
        int expected[8];
    } rows[] = {{1, {0, 0, 0, 0, 0, 0, 0, 0}}, {2, {1, 0, 1, 0, 1, 0, 1, 0}}, {3, {2, 1, 0, 1, 2, 1, 0, 1}},
                {4, {2, 1, 0, 1, 2, 3, 2, 1}}, {7, {0, 1, 2, 3, 4, 5, 6, 5}}, {8, {0, 1, 2, 3, 4, 5, 6, 7}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int upright = 0; upright < 2; upright++) {
            int64_t length = rows[i].length;
            gan_image image = picture(upright ? 1 : length, upright ? length : 1, 3);
            tile_axis along, across;
            uint8_t out[8 * 3];
            tile_axis_plan(length, &(tile_rule){8, 8, 0, 0}, &along);
            tile_axis_plan(1, &(tile_rule){1, 1, 0, 0}, &across);
            tile_cut(&image, upright ? &along : &across, upright ? &across : &along, 0, 0, out);
            for (int j = 0; j < 8; j++)
                for (int c = 0; c < 3; c++)
                    ck_assert_int_eq(out[3 * j + c], image.pixels[3 * rows[i].expected[j] + c]);
            gan_image_free(&image);
        }
}
END_TEST

/* ---- whole pictures ---- */

/* What a network makes of the byte `value` in the tile whose number is `tile`. */
typedef float (*network)(uint8_t value, int64_t tile);

static float inverted(uint8_t value, int64_t tile)
{
    (void)tile;
    return 1 - (float)value / 127.5f;
}

static float by_tile(uint8_t value, int64_t tile)
{
    (void)value;
    return tile % 2 == 0 ? -1 : 1;
}

/* The picture of what `f` makes of its tiles; every row comes out once. The caller's. */
static float *through_tiles(const gan_image *image, const tile_rule *rule, network f)
{
    tile_axis y, x;
    tile_blend blend;
    gan_message message;
    int channels = image->channels;
    tile_axis_plan(image->height, rule, &y);
    tile_axis_plan(image->width, rule, &x);
    int64_t size = y.tile * x.tile * channels, row = image->width * channels, expected = 0;
    float *out = calloc((size_t)(image->height * row), sizeof *out), *values = calloc((size_t)size, sizeof *values);
    uint8_t *bytes = malloc((size_t)size);
    ck_assert_int_eq(tile_blend_begin(&blend, &y, &x, channels, &message), GAN_OK);
    for (; blend.row < y.n; tile_blend_next(&blend)) {
        for (int64_t column = x.n - 1; column >= 0; column--) {
            tile_cut(image, &y, &x, blend.row, column, bytes);
            for (int64_t i = 0; i < size; i++)
                values[i] = f(bytes[i], blend.row + column);
            tile_blend_add(&blend, column, values);
        }
        int64_t first, n;
        const float *rows = tile_blend_rows(&blend, &first, &n);
        ck_assert_int_eq(n > 0 ? first : expected, expected);
        memcpy(out + expected * row, rows, (size_t)(n * row) * sizeof *out);
        expected += n;
    }
    ck_assert_int_eq(expected, image->height);
    tile_blend_end(&blend);
    free(values);
    free(bytes);
    return out;
}

START_TEST(what_is_done_to_each_pixel_alone_shows_no_tiles)
{
    static const int64_t sizes[][2] = {{1, 1}, {5, 3}, {16, 16}, {17, 90}, {101, 40}, {64, 200}, {333, 7}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            gan_image image = picture(sizes[i][0], sizes[i][1], channels);
            float *out = through_tiles(&image, &rules[_i], inverted);
            for (int64_t j = 0; j < image.width * image.height * channels; j++)
                ck_assert_float_eq_tol(out[j], inverted(image.pixels[j], 0), 1e-5f);
            free(out);
            gan_image_free(&image);
        }
}
END_TEST

/* Tiles in black and white by turns: where one gives way to the next, no step is steeper than the cosine's. */
START_TEST(disagreement_is_spread_over_the_overlap)
{
    const tile_rule rule = {4, 16, 64, 24};
    gan_image image = picture(500, 300, 1);
    float *out = through_tiles(&image, &rule, by_tile), steepest = 0, low = 1, high = -1;
    for (int64_t y = 0; y + 1 < image.height; y++)
        for (int64_t x = 0; x + 1 < image.width; x++) {
            const float *at = out + y * image.width + x;
            steepest = fmaxf(steepest, fmaxf(fabsf(at[1] - at[0]), fabsf(at[image.width] - at[0])));
            low = fminf(low, *at);
            high = fmaxf(high, *at);
        }
    ck_assert_float_eq_tol(low, -1, 1e-5f);
    ck_assert_float_eq_tol(high, 1, 1e-5f);
    ck_assert_float_gt(steepest, 0);
    ck_assert_float_le(steepest, (float)M_PI / 24); /* the derivative of cos(pi x / 24) */
    free(out);
    gan_image_free(&image);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tiles");
    TCase *tests = tcase_create("tiles");
    tcase_add_loop_test(tests, tiles_cover_every_length, 0, RULES);
    tcase_add_loop_test(tests, weights_add_up_to_one, 0, RULES);
    tcase_add_test(tests, plans_by_hand);
    tcase_add_test(tests, padding_reflects);
    tcase_add_loop_test(tests, what_is_done_to_each_pixel_alone_shows_no_tiles, 0, RULES);
    tcase_add_test(tests, disagreement_is_spread_over_the_overlap);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
