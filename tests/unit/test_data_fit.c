/* How images come to the resolution that was asked for: Pillow's pixels for every fit, black borders, and loaders that
 * cut and mirror by chance but by position alone. */
#include "picture_files.h"

#include "data/source.h"

#define FIXTURES TEST_SOURCE_DIR "/fixtures/fit/"

enum { SIDE = 16 };

/* ---- against Pillow ---- */

static const struct {
    const char *golden;
    gan_fit fit;
    gan_filter filter;
    double enlarge;
    int channels;
} fits[] = {
    {"crop-lanczos.ppm", GAN_FIT_CROP, GAN_FILTER_LANCZOS, 0, 0},
    {"crop-area.ppm", GAN_FIT_CROP, GAN_FILTER_AREA, 1, 0},
    {"crop-enlarged-bicubic.ppm", GAN_FIT_CROP, GAN_FILTER_BICUBIC, 1.5, 3},
    {"stretch-bilinear.ppm", GAN_FIT_STRETCH, GAN_FILTER_BILINEAR, 0, 0},
    {"crop-grey-lanczos.pgm", GAN_FIT_CROP, GAN_FILTER_LANCZOS, 0, 1},
};

static void put_photo(const char *name)
{
    gan_image photo;
    ck_assert_msg(gan_png_read(FIXTURES "photo.png", &photo, &message) == GAN_OK, "%s", message.text);
    ck_assert_int_eq(gan_png_write(at(name), &photo, &message), GAN_OK);
    gan_image_free(&photo);
}

START_TEST(as_pillow_does_it)
{
    char path[1024], kind[3] = "";
    uint8_t want[SIDE * SIDE * 3], have[SIDE * SIDE * 3];
    put_photo("photo.png");
    gan_dataset *dataset = open_with((gan_data_options){.resolution = SIDE,
                                                        .fit = fits[_i].fit,
                                                        .filter = fits[_i].filter,
                                                        .enlarge = fits[_i].enlarge,
                                                        .channels = fits[_i].channels});
    int channels = (int)gan_dataset_info(dataset)->channels, width, height;
    ck_assert_int_eq(channels, fits[_i].channels == 1 ? 1 : 3);
    ck_assert_int_eq(gan_dataset_info(dataset)->height, SIDE);
    snprintf(path, sizeof path, FIXTURES "%s", fits[_i].golden);
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%2s %d %d 255%*c", kind, &width, &height), 3);
    size_t size = (size_t)(SIDE * SIDE * channels);
    ck_assert_uint_eq(fread(want, 1, size, f), size);
    fclose(f);
    ck_assert_int_eq(gan_dataset_get(dataset, 0, have, NULL, &message), GAN_OK);
    /* Grey is made before scaling here and after it there, which rounds once more. */
    int tolerance = channels == 1 ? 2 : 1;
    for (size_t i = 0; i < size; i++)
        ck_assert_msg(abs(want[i] - have[i]) <= tolerance, "%s, value %zu: %d, Pillow has %d", fits[_i].golden, i,
                      have[i], want[i]);
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(smaller_images_are_centred_on_black)
{
    put_png("1.png", 3, 6, 3, 200);
    gan_dataset *dataset = open_with((gan_data_options){.resolution = 8, .fit = GAN_FIT_PAD});
    uint8_t pixels[8 * 8 * 3];
    ck_assert_int_eq(gan_dataset_get(dataset, 0, pixels, NULL, &message), GAN_OK);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 24; x++)
            ck_assert_int_eq(pixels[24 * y + x], y >= 1 && y < 7 && x >= 6 && x < 15 ? 200 : 0);
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(too_narrow_to_cut)
{
    put_png("1.png", 65536, 2, 1, 200);
    refused_with((gan_data_options){.resolution = 64}, GAN_ERROR_LIMIT,
                 "1.png: 65536x2 is too narrow to be cut to 64x64: it would be scaled to 2097152x64");
    gan_dataset_close(open_with((gan_data_options){.resolution = 64, .fit = GAN_FIT_STRETCH}));
    refused_with((gan_data_options){0}, GAN_ERROR_LIMIT, "65536x2 is larger than 4096x4096; give a resolution");
}
END_TEST

START_TEST(digits_are_scaled_too)
{
    gan_data_options options = {.source = "builtin:digits", .seed = 3, .builtin_count = 50, .channels = 3};
    options.resolution = 32;
    options.filter = GAN_FILTER_BILINEAR;
    gan_dataset *large = open_with(options);
    options.resolution = options.channels = 0;
    gan_dataset *small = open_with(options);
    ck_assert_int_eq(gan_dataset_info(large)->channels, 3);
    for (int turn = 0; turn < 2; turn++) { /* made, and then kept */
        uint8_t have[32 * 32 * 3];
        gan_image from = plain_image(28, 28, 1, 0), want = {0};
        ck_assert_int_eq(gan_dataset_get(large, 7, have, NULL, &message), GAN_OK);
        ck_assert_int_eq(gan_dataset_get(small, 7, from.pixels, NULL, &message), GAN_OK);
        ck_assert_int_eq(gan_image_resize(&from, 32, 32, GAN_FILTER_BILINEAR, &want, &message), GAN_OK);
        for (int i = 0; i < 32 * 32 * 3; i++)
            ck_assert_int_eq(have[i], want.pixels[i / 3]);
        gan_image_free(&from);
        gan_image_free(&want);
    }
    gan_dataset_close(large);
    gan_dataset_close(small);
}
END_TEST

/* ---- by chance ---- */

enum { BATCH = 8, DRAWN = 40 };

/* Batches `first` to `last` of a loader that begins there. */
static void draw(const gan_dataset *dataset, int first, int last, int threads, bool in_order, uint8_t *out)
{
    gan_loader_options options = {.struct_size = sizeof options,
                                  .batch = BATCH,
                                  .seed = 5,
                                  .position = (uint64_t)first * BATCH,
                                  .threads = threads,
                                  .no_shuffle = in_order};
    gan_loader *loader = NULL;
    ck_assert_msg(gan_loader_create(dataset, &options, &loader, &message) == GAN_OK, "%s", message.text);
    const gan_data_info *info = gan_dataset_info(dataset);
    size_t bytes = (size_t)(BATCH * info->height * info->width * info->channels);
    for (int b = first; b < last; b++) {
        gan_host_batch batch;
        ck_assert_msg(gan_loader_next(loader, &batch, &message) == GAN_OK, "%s", message.text);
        memcpy(out + (size_t)b * bytes, batch.pixels, bytes);
    }
    gan_loader_destroy(loader);
}

/* Images whose values tell their place: 12x20, 10 columns times 20 plus the row. */
static void put_maps(void)
{
    for (int i = 0; i < 11; i++) {
        char name[16];
        gan_image image = plain_image(20, 12, 1, 0);
        for (int y = 0; y < 12; y++)
            for (int x = 0; x < 20; x++)
                image.pixels[20 * y + x] = (uint8_t)(12 * x + y);
        snprintf(name, sizeof name, "%02d.png", i);
        ck_assert_int_eq(gan_png_write(at(name), &image, &message), GAN_OK);
        gan_image_free(&image);
    }
}

START_TEST(draws_depend_on_the_position_alone)
{
    enum { BYTES = BATCH * DRAWN * 64 };
    static uint8_t one[BYTES], many[BYTES], parts[BYTES], decoded[BYTES];
    put_maps();
    gan_data_options options = {.resolution = 8, .random_crop = true, .mirror = true};
    gan_dataset *dataset = open_with(options);
    draw(dataset, 0, DRAWN, 1, false, one);
    draw(dataset, 0, DRAWN, 5, false, many);
    for (int b = 0; b < DRAWN; b += 3)
        draw(dataset, b, b + 3 < DRAWN ? b + 3 : DRAWN, 2, false, parts);
    ck_assert(!gan__dataset_decodes(dataset));
    gan__keep_close(&dataset->keep); /* as if nothing had fitted into memory */
    ck_assert(gan__dataset_decodes(dataset));
    draw(dataset, 0, DRAWN, 0, false, decoded);
    ck_assert_mem_eq(one, many, BYTES);
    ck_assert_mem_eq(one, parts, BYTES);
    ck_assert_mem_eq(one, decoded, BYTES);
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(cuts_and_mirrors_are_spread_evenly)
{
    static uint8_t drawn[BATCH * DRAWN * 10 * 64];
    put_maps();
    gan_data_options options = {.resolution = 8, .enlarge = 1.5, .random_crop = true, .mirror = true};
    gan_dataset *dataset = open_with(options); /* 12 is the shorter side: not scaled */
    draw(dataset, 0, DRAWN * 10, 2, false, drawn);
    int columns[13] = {0}, rows[5] = {0}, mirrored = 0;
    for (int i = 0; i < BATCH * DRAWN * 10; i++) {
        const uint8_t *p = drawn + 64 * i;
        bool turned = p[0] > p[1];
        const uint8_t *corner = turned ? p + 7 : p;
        int x = corner[0] / 12, y = corner[0] % 12;
        ck_assert(x <= 12 && y <= 4);
        columns[x]++, rows[y]++, mirrored += turned;
        for (int k = 0; k < 64; k++)
            ck_assert_int_eq(p[k], 12 * (x + (turned ? 7 - k % 8 : k % 8)) + y + k / 8);
    }
    for (int x = 0; x < 13; x++) /* of 3200: 246 expected, sigma 15 */
        ck_assert_msg(columns[x] > 170 && columns[x] < 322, "column %d: %d", x, columns[x]);
    for (int y = 0; y < 5; y++)
        ck_assert_msg(rows[y] > 525 && rows[y] < 755, "row %d: %d", y, rows[y]);
    ck_assert_msg(mirrored > 1458 && mirrored < 1742, "%d mirrored", mirrored);
    uint8_t centre[64];
    ck_assert_int_eq(gan_dataset_get(dataset, 0, centre, NULL, &message), GAN_OK);
    ck_assert_int_eq(centre[0], 12 * 6 + 2);
    draw(dataset, 0, 1, 1, true, drawn); /* in order: for evaluation */
    for (int i = 0; i < BATCH; i++)
        ck_assert_mem_eq(drawn + 64 * i, centre, 64);
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(plain_sources_are_mirrored_too)
{
    static uint8_t drawn[BATCH * 784];
    gan_data_options options = {.source = "builtin:digits", .seed = 3, .builtin_count = BATCH, .mirror = true};
    gan_dataset *dataset = open_with(options);
    draw(dataset, 0, 1, 1, false, drawn);
    int plain = 0, turned = 0;
    for (int i = 0; i < BATCH; i++)
        for (int j = 0; j < BATCH; j++) {
            uint8_t digit[784];
            ck_assert_int_eq(gan_dataset_get(dataset, j, digit, NULL, &message), GAN_OK);
            gan_image view = {28, 28, 1, digit};
            plain += memcmp(digit, drawn + 784 * i, 784) == 0;
            gan_image_mirror(&view);
            turned += memcmp(digit, drawn + 784 * i, 784) == 0;
        }
    ck_assert_int_eq(plain + turned, BATCH);
    ck_assert_int_gt(plain, 0);
    ck_assert_int_gt(turned, 0);
    gan_dataset_close(dataset);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("data_fit");
    TCase *t = tcase_create("fit");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, as_pillow_does_it, 0, sizeof fits / sizeof fits[0]);
    tcase_add_test(t, smaller_images_are_centred_on_black);
    tcase_add_test(t, too_narrow_to_cut);
    tcase_add_test(t, digits_are_scaled_too);
    tcase_add_test(t, draws_depend_on_the_position_alone);
    tcase_add_test(t, cuts_and_mirrors_are_spread_evenly);
    tcase_add_test(t, plain_sources_are_mirrored_too);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
