/* Cutting out, mirroring, converting: every pixel is where it belongs. */
#include "../support.h"

#include <math.h>
#include <string.h>

static gan_message message;

/* Every byte tells its place. */
static gan_image numbered(int64_t width, int64_t height, int channels)
{
    gan_image image;
    ck_assert_int_eq(gan_image_create(&image, width, height, channels, &message), GAN_OK);
    for (int64_t i = 0; i < width * height * channels; i++)
        image.pixels[i] = (uint8_t)(i * 37 + i / 256);
    return image;
}

static uint8_t at(const gan_image *image, int64_t x, int64_t y, int c)
{
    return image->pixels[(y * image->width + x) * image->channels + c];
}

START_TEST(crops_hold_their_rectangle)
{
    static const int64_t rectangles[][4] = {{0, 0, 9, 7}, {3, 2, 4, 5}, {8, 6, 1, 1}, {0, 6, 9, 1}, {8, 0, 1, 7}};
    for (int channels = 1; channels <= 3; channels += 2)
        for (int r = 0; r < 5; r++) {
            const int64_t *want = rectangles[r];
            gan_image image = numbered(9, 7, channels), part;
            ck_assert_int_eq(gan_image_crop(&image, want[0], want[1], want[2], want[3], &part, &message), GAN_OK);
            ck_assert(part.width == want[2] && part.height == want[3] && part.channels == channels);
            for (int64_t y = 0; y < part.height; y++)
                for (int64_t x = 0; x < part.width; x++)
                    for (int c = 0; c < channels; c++)
                        ck_assert_int_eq(at(&part, x, y, c), at(&image, want[0] + x, want[1] + y, c));
            gan_image_free(&image);
            gan_image_free(&part);
        }
}
END_TEST

START_TEST(crops_that_reach_outside)
{
    static const int64_t wrong[][4] = {{-1, 0, 2, 2}, {0, -1, 2, 2}, {8, 0, 2, 2},         {0, 6, 2, 2},
                                       {0, 0, 10, 1}, {0, 0, 0, 1},  {0, 0, 1, 0},         {0, 0, 1, -3},
                                       {9, 0, 1, 1},  {0, 7, 1, 1},  {INT64_MAX, 0, 2, 2}, {2, 2, INT64_MAX, 2}};
    gan_image image = numbered(9, 7, 3), part = {.width = 77};
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(gan_image_crop(&image, wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3], &part, &message),
                         GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_image_crop(&image, 8, 0, 2, 3, &part, &message), GAN_ERROR_ARGUMENT);
    ck_assert_str_eq(message.text, "a rectangle of 2x3 at (8, 0) was asked for, expected one within 9x7");
    ck_assert_int_eq(part.width, 77);
    gan_image_free(&image);
}
END_TEST

START_TEST(mirrors_exchange_left_and_right)
{
    for (int channels = 1; channels <= 3; channels += 2)
        for (int64_t width = 1; width <= 40; width++) {
            gan_image image = numbered(width, 3, channels), mirrored = numbered(width, 3, channels);
            gan_image_mirror(&mirrored);
            for (int64_t y = 0; y < 3; y++)
                for (int64_t x = 0; x < width; x++)
                    for (int c = 0; c < channels; c++)
                        ck_assert_int_eq(at(&mirrored, x, y, c), at(&image, width - 1 - x, y, c));
            gan_image_free(&image);
            gan_image_free(&mirrored);
        }
}
END_TEST

START_TEST(grey_is_luma)
{
    static const uint8_t values[] = {0, 1, 2, 77, 127, 128, 200, 254, 255};
    enum { N = sizeof values };
    gan_image image;
    ck_assert_int_eq(gan_image_create(&image, N * N, N, 3, &message), GAN_OK);
    for (int i = 0; i < N * N * N; i++) {
        uint8_t *p = image.pixels + 3 * i;
        p[0] = values[i % N], p[1] = values[i / N % N], p[2] = values[i / N / N];
    }
    gan_image grey = image;
    ck_assert_int_eq(gan_image_create(&grey, N * N, N, 3, &message), GAN_OK);
    memcpy(grey.pixels, image.pixels, 3 * N * N * N);
    ck_assert_int_eq(gan_image_convert(&grey, 1, &message), GAN_OK);
    ck_assert(grey.width == N * N && grey.height == N && grey.channels == 1);
    for (int i = 0; i < N * N * N; i++) {
        const uint8_t *p = image.pixels + 3 * i;
        double luma = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
        ck_assert_double_le(fabs(grey.pixels[i] - luma), 0.51);
        if (p[0] == p[1] && p[1] == p[2])
            ck_assert_int_eq(grey.pixels[i], p[0]);
    }
    gan_image_free(&grey);
    gan_image_free(&image);
}
END_TEST

START_TEST(colour_is_grey_three_times)
{
    gan_image image = numbered(9, 7, 1), colour = numbered(9, 7, 1);
    ck_assert_int_eq(gan_image_convert(&colour, 1, &message), GAN_OK);
    ck_assert_mem_eq(colour.pixels, image.pixels, 63);
    ck_assert_int_eq(gan_image_convert(&colour, 3, &message), GAN_OK);
    ck_assert(colour.width == 9 && colour.height == 7 && colour.channels == 3);
    for (int i = 0; i < 63 * 3; i++)
        ck_assert_int_eq(colour.pixels[i], image.pixels[i / 3]);
    ck_assert_int_eq(gan_image_convert(&colour, 4, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_image_convert(&colour, 2, NULL), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(colour.channels, 3);
    gan_image_free(&image);
    gan_image_free(&colour);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("image_geometry");
    TCase *t = tcase_create("geometry");
    tcase_add_test(t, crops_hold_their_rectangle);
    tcase_add_test(t, crops_that_reach_outside);
    tcase_add_test(t, mirrors_exchange_left_and_right);
    tcase_add_test(t, grey_is_luma);
    tcase_add_test(t, colour_is_grey_three_times);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
