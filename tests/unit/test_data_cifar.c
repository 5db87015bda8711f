/* CIFAR-10's binary files: planes become pixels, five batches one data set, and nothing of another form is taken. */
#include "picture_files.h"

#include <unistd.h>

enum { RECORD = 3073 };

/* Record i has the label (i + first) % 10; red is its number, green the row, blue the column. */
static void put_batch(const char *name, int records, int first)
{
    uint8_t *bytes = malloc((size_t)records * RECORD);
    for (int i = 0; i < records; i++) {
        uint8_t *r = bytes + i * RECORD;
        *r++ = (uint8_t)((i + first) % 10);
        for (int k = 0; k < 1024; k++) {
            r[k] = (uint8_t)(i + first);
            r[1024 + k] = (uint8_t)(k / 32);
            r[2048 + k] = (uint8_t)(k % 32);
        }
    }
    put(name, bytes, (size_t)records * RECORD);
    free(bytes);
}

static void check_record(const gan_dataset *dataset, int64_t index, int number, bool labels)
{
    uint8_t pixels[32][32][3];
    int32_t label;
    ck_assert_msg(gan_dataset_get(dataset, index, pixels, &label, &message) == GAN_OK, "%s", message.text);
    ck_assert_int_eq(label, labels ? number % 10 : -1);
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 32; x++)
            ck_assert(pixels[y][x][0] == number && pixels[y][x][1] == y && pixels[y][x][2] == x);
}

START_TEST(one_file)
{
    put_batch("test_batch.bin", 13, 40);
    gan_dataset *dataset = open_with((gan_data_options){.source = at("test_batch.bin"), .labels = true});
    const gan_data_info *info = gan_dataset_info(dataset);
    ck_assert_int_eq(info->count, 13);
    ck_assert_int_eq(info->classes, 10);
    ck_assert(info->height == 32 && info->width == 32 && info->channels == 3 && info->scaled);
    ck_assert_str_eq(info->name, "test_batch");
    check_record(dataset, 0, 40, true);
    check_record(dataset, 12, 52, true);
    gan_dataset_close(dataset);
    dataset = open_with((gan_data_options){.source = at("test_batch.bin")});
    ck_assert_int_eq(gan_dataset_info(dataset)->classes, 0);
    check_record(dataset, 5, 45, false);
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(a_folder_of_batches)
{
    for (int i = 5; i >= 1; i--) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        put_batch(name, 7, 10 * i);
    }
    put_batch("test_batch.bin", 3, 100);
    gan_dataset *dataset = open_with((gan_data_options){.labels = true});
    ck_assert_int_eq(gan_dataset_info(dataset)->count, 35);
    check_record(dataset, 0, 10, true);
    check_record(dataset, 7, 20, true);
    check_record(dataset, 34, 56, true);
    gan_dataset_close(dataset);
    gan_data_summary found = look_at((gan_data_options){.labels = true});
    ck_assert_int_eq(found.count, 35);
    ck_assert_int_eq(found.colour, 35);
    ck_assert_int_eq(found.n_classes, 10);
    ck_assert_int_eq(found.classes[0].count, 5);
    ck_assert_int_eq(found.classes[7].count, 0);
    gan_data_summary_free(&found);
    ck_assert_int_eq(unlink(at("data_batch_3.bin")), 0);
    refused_with((gan_data_options){0}, GAN_ERROR_NOT_FOUND, "data_batch_3.bin: cannot be opened: No such file");
}
END_TEST

START_TEST(files_of_another_form)
{
    uint8_t bytes[2 * RECORD + 1] = {0};
    put("empty.bin", bytes, 0);
    refused_with((gan_data_options){.source = at("empty.bin")}, GAN_ERROR_FORMAT, "found 0 bytes");
    put("short.bin", bytes, RECORD - 1);
    refused_with((gan_data_options){.source = at("short.bin")}, GAN_ERROR_FORMAT,
                 "expected CIFAR-10 records of 3073 bytes each, found 3072 bytes");
    put("long.bin", bytes, 2 * RECORD + 1);
    refused_with((gan_data_options){.source = at("long.bin")}, GAN_ERROR_FORMAT, "found 6147 bytes");
    bytes[RECORD] = 10;
    put("label.bin", bytes, 2 * RECORD);
    refused_with((gan_data_options){.source = at("label.bin")}, GAN_ERROR_FORMAT,
                 "image 1 has the label 10, expected 0 to 9");
    refused_with((gan_data_options){.source = at("none.bin")}, GAN_ERROR_NOT_FOUND, "No such file");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("data_cifar");
    TCase *t = tcase_create("cifar");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, one_file);
    tcase_add_test(t, a_folder_of_batches);
    tcase_add_test(t, files_of_another_form);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
