/* Resizing: each filter, up, down and along one axis, gives what Pillow gives. */
#include "../support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN TEST_SOURCE_DIR "/golden/images/resize.safetensors"

static const char *const filters[] = {"area", "bilinear", "bicubic", "lanczos"};
static gan_message message;

/* A view of the file's bytes; not to be freed. */
static gan_image view(const gan_file *file, const char *name)
{
    size_t bytes;
    gan_shape shape;
    const char *dtype;
    ck_assert_msg(gan_file_info(file, name, &shape, &dtype) && shape.ndim == 3 && strcmp(dtype, "U8") == 0, "%s", name);
    return (gan_image){.height = shape.dim[0],
                       .width = shape.dim[1],
                       .channels = (int)shape.dim[2],
                       .pixels = (uint8_t *)gan_file_data(file, name, &bytes)};
}

static gan_filter filter_named(const char *name)
{
    for (int f = 0; f < 4; f++)
        if (strcmp(filters[f], name) == 0)
            return (gan_filter)f;
    ck_abort_msg("no filter %s", name);
    return GAN_FILTER_AREA;
}

/* Every "NAME/FILTER/WxH" of the file is "source/NAME" resized. */
static void check_all(void)
{
    gan_file *golden;
    int cases = 0;
    ck_assert_msg(gan_file_open(GOLDEN, &golden, &message) == GAN_OK, "%s", message.text);
    for (int i = 0; i < gan_file_count(golden); i++) {
        const char *name = gan_file_name_at(golden, i);
        char source[32], filter[16], from[64];
        int width, height;
        if (sscanf(name, "%31[a-z]/%15[a-z]/%dx%d", source, filter, &width, &height) != 4)
            continue;
        snprintf(from, sizeof from, "source/%s", source);
        gan_image in = view(golden, from), want = view(golden, name), have;
        ck_assert_msg(gan_image_resize(&in, width, height, filter_named(filter), &have, &message) == GAN_OK, "%s",
                      message.text);
        ck_assert(have.width == want.width && have.height == want.height && have.channels == want.channels);
        for (int64_t k = 0; k < want.width * want.height * want.channels; k++)
            ck_assert_msg(have.pixels[k] == want.pixels[k], "%s: byte %d is %d, expected %d", name, (int)k,
                          have.pixels[k], want.pixels[k]);
        gan_image_free(&have);
        cases++;
    }
    gan_file_close(golden);
    ck_assert_int_ge(cases, 80);
}

START_TEST(equal_to_pillow)
{
    ck_assert_int_eq(unsetenv("GAN_ISA"), 0);
    check_all();
}
END_TEST

START_TEST(equal_to_pillow_without_avx2)
{
    ck_assert_int_eq(setenv("GAN_ISA", "generic", 1), 0);
    check_all();
}
END_TEST

/* Windows of many thousand weights, whose parts overflow 32 bits on the way. */
START_TEST(one_grey_stays_itself)
{
    static const int64_t sizes[][4] = {{40000, 1, 1, 1}, {1, 40000, 1, 1}, {40000, 3, 3, 3}, {20, 30, 130, 17}};
    static const uint8_t greys[] = {0, 1, 128, 255};
    for (int s = 0; s < 4; s++)
        for (int g = 0; g < 4; g++)
            for (int f = 0; f < 4; f++) {
                gan_image in, out;
                ck_assert_int_eq(gan_image_create(&in, sizes[s][0], sizes[s][1], 1, &message), GAN_OK);
                memset(in.pixels, greys[g], (size_t)(in.width * in.height));
                ck_assert_int_eq(gan_image_resize(&in, sizes[s][2], sizes[s][3], (gan_filter)f, &out, &message),
                                 GAN_OK);
                for (int64_t i = 0; i < out.width * out.height; i++)
                    ck_assert_int_eq(out.pixels[i], greys[g]);
                gan_image_free(&in);
                gan_image_free(&out);
            }
}
END_TEST

START_TEST(the_same_size_is_a_copy)
{
    uint8_t pixels[] = {1, 2, 3, 4, 5, 250, 7, 8, 9, 10, 11, 12};
    gan_image in = {.width = 2, .height = 2, .channels = 3, .pixels = pixels}, out;
    for (int f = 0; f < 4; f++) {
        ck_assert_int_eq(gan_image_resize(&in, 2, 2, (gan_filter)f, &out, &message), GAN_OK);
        ck_assert_mem_eq(out.pixels, pixels, sizeof pixels);
        ck_assert_ptr_ne(out.pixels, pixels);
        gan_image_free(&out);
    }
}
END_TEST

START_TEST(sizes_and_filters_that_are_none)
{
    uint8_t pixel = 9;
    gan_image in = {.width = 1, .height = 1, .channels = 1, .pixels = &pixel}, out = {.width = 77};
    static const int64_t wrong[][2] = {{0, 1}, {1, 0}, {-5, 5}, {65537, 1}, {1, INT64_MAX}, {65536, 65536}};
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(gan_image_resize(&in, wrong[i][0], wrong[i][1], GAN_FILTER_AREA, &out, &message),
                         GAN_ERROR_LIMIT);
    ck_assert_int_eq(gan_image_resize(&in, 2, 2, (gan_filter)4, &out, &message), GAN_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(message.text, "filter 4"));
    ck_assert_int_eq(gan_image_resize(&in, 2, 2, (gan_filter)-1, &out, NULL), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(out.width, 77);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("image_resize");
    TCase *t = tcase_create("resize");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, equal_to_pillow);
    tcase_add_test(t, equal_to_pillow_without_avx2);
    tcase_add_test(t, one_grey_stays_itself);
    tcase_add_test(t, the_same_size_is_a_copy);
    tcase_add_test(t, sizes_and_filters_that_are_none);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
