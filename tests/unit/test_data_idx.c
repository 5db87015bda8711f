/* IDX files: MNIST reads with the values that are known of it, and nothing that is torn, lying or another thing is
 * taken, each with a sentence that says what was expected and what was found. */
#include "../support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static gan_message message;
static char folder[512];

static void setup(void)
{
    snprintf(folder, sizeof folder, "%s", test_folder("idx"));
}

static void teardown(void)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static const char *in_folder(const char *name)
{
    static char path[4][1024];
    static int next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static void put(const char *name, const void *bytes, size_t size)
{
    FILE *f = fopen(in_folder(name), "wb");
    ck_assert_msg(f, "%s", strerror(errno));
    ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static size_t put_gzip(const char *name, const void *bytes, size_t size)
{
    gzFile f = gzopen(in_folder(name), "wb9");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(gzwrite(f, bytes, (unsigned)size), (int)size);
    gzclose(f);
    struct stat info;
    ck_assert_int_eq(stat(in_folder(name), &info), 0);
    return (size_t)info.st_size;
}

static void number(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* An images file with `held` bytes after the header, counting up. Static. */
static const uint8_t *images(uint32_t count, uint32_t height, uint32_t width, size_t held, size_t *size)
{
    static uint8_t bytes[1 << 16];
    number(bytes, 0x803), number(bytes + 4, count), number(bytes + 8, height), number(bytes + 12, width);
    for (size_t i = 0; i < held; i++)
        bytes[16 + i] = (uint8_t)i;
    *size = 16 + held;
    return bytes;
}

static const uint8_t *labels(uint32_t count, size_t held, size_t *size)
{
    static uint8_t bytes[1 << 16];
    number(bytes, 0x801), number(bytes + 4, count);
    for (size_t i = 0; i < held; i++)
        bytes[8 + i] = (uint8_t)(i % 3);
    *size = 8 + held;
    return bytes;
}

static gan_status try_open(const char *source, gan_dataset **out)
{
    message.text[0] = '\0';
    return gan_dataset_open(
        &(gan_data_options){.struct_size = sizeof(gan_data_options), .source = source, .labels = true}, out, &message);
}

static gan_dataset *open_or_fail(const char *source)
{
    gan_dataset *dataset = NULL;
    ck_assert_msg(try_open(source, &dataset) == GAN_OK, "%s", message.text);
    return dataset;
}

/* Opening `name` fails with this status, and the sentence begins with its path and holds `text`. */
static void refused(const char *name, gan_status status, const char *text)
{
    gan_dataset *dataset = (gan_dataset *)&message;
    const char *path = in_folder(name);
    gan_status got = try_open(path, &dataset);
    ck_assert_msg(got == status, "%s: %s, expected %s: %s", name, gan_status_name(got), gan_status_name(status),
                  message.text);
    ck_assert_msg(strncmp(message.text, path, strlen(path)) == 0, "the sentence does not begin with the path: %s",
                  message.text);
    ck_assert_msg(strstr(message.text, text) != NULL, "expected \"%s\" in: %s", text, message.text);
    ck_assert_ptr_eq(dataset, (gan_dataset *)&message);
}

static void refused_images(uint32_t count, uint32_t height, uint32_t width, size_t held, gan_status status,
                           const char *text)
{
    size_t size;
    const uint8_t *bytes = images(count, height, width, held, &size);
    put("x-images-idx3-ubyte", bytes, size);
    refused("x-images-idx3-ubyte", status, text);
}

/* ---- what is right ---- */

START_TEST(mnist_has_its_known_values)
{
    const char *path = test_data("mnist");
    if (!path) {
        printf("mnist_has_its_known_values: skipped, no MNIST (see support.h, test_data)\n");
        return;
    }
    gan_dataset *dataset = open_or_fail(path);
    const gan_data_info *info = gan_dataset_info(dataset);
    ck_assert_int_eq(info->count, 60000);
    ck_assert_int_eq(info->height, 28);
    ck_assert_int_eq(info->width, 28);
    ck_assert_int_eq(info->channels, 1);
    ck_assert_int_eq(info->classes, 10);
    ck_assert(info->scaled);
    ck_assert_str_eq(info->name, "mnist");
    /* The first labels and the count of each class, as published with the data. */
    static const int first[10] = {5, 0, 4, 1, 9, 2, 1, 3, 1, 4};
    static const int64_t per_class[10] = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
    int64_t counts[10] = {0}, sum = 0;
    for (int64_t i = 0; i < info->count; i++) {
        uint8_t pixels[784];
        int32_t label;
        ck_assert_int_eq(gan_dataset_get(dataset, i, pixels, &label, &message), GAN_OK);
        if (i < 10)
            ck_assert_int_eq(label, first[i]);
        ck_assert(label >= 0 && label < 10);
        counts[label]++;
        for (int k = 0; k < 784; k++)
            sum += pixels[k];
    }
    for (int k = 0; k < 10; k++)
        ck_assert_int_eq(counts[k], per_class[k]);
    ck_assert_double_eq_tol((double)sum / (60000.0 * 784.0), 0.1306604762738429 * 255, 1e-9);
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(a_single_mnist_file_finds_its_labels)
{
    const char *path = test_data("mnist/t10k-images-idx3-ubyte.gz");
    if (!path) {
        printf("a_single_mnist_file_finds_its_labels: skipped, no MNIST (see support.h, test_data)\n");
        return;
    }
    gan_dataset *dataset = open_or_fail(path);
    ck_assert_int_eq(gan_dataset_info(dataset)->count, 10000);
    ck_assert_int_eq(gan_dataset_info(dataset)->classes, 10);
    ck_assert_str_eq(gan_dataset_info(dataset)->name, "mnist");
    int32_t label;
    uint8_t pixels[784];
    ck_assert_int_eq(gan_dataset_get(dataset, 0, pixels, &label, NULL), GAN_OK);
    ck_assert_int_eq(label, 7);
    gan_dataset_close(dataset);
}
END_TEST

static void check_small(gan_dataset *dataset, int classes)
{
    const gan_data_info *info = gan_dataset_info(dataset);
    ck_assert_int_eq(info->count, 6);
    ck_assert_int_eq(info->height, 3);
    ck_assert_int_eq(info->width, 5);
    ck_assert_int_eq(info->classes, classes);
    uint8_t pixels[15];
    int32_t label;
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(gan_dataset_get(dataset, i, pixels, &label, &message), GAN_OK);
        for (int k = 0; k < 15; k++)
            ck_assert_int_eq(pixels[k], 15 * i + k);
        ck_assert_int_eq(label, classes ? i % 3 : -1);
    }
    ck_assert_int_eq(gan_dataset_get(dataset, 6, pixels, &label, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_dataset_get(dataset, -1, pixels, &label, &message), GAN_ERROR_ARGUMENT);
    gan_dataset_close(dataset);
}

START_TEST(plain_and_gzip_files_in_any_mixture)
{
    size_t size, label_size;
    const uint8_t *bytes = images(6, 3, 5, 90, &size), *label_bytes = labels(6, 6, &label_size);
    put("a-images-idx3-ubyte", bytes, size);
    check_small(open_or_fail(in_folder("a-images-idx3-ubyte")), 0);
    put_gzip("a-labels-idx1-ubyte.gz", label_bytes, label_size);
    check_small(open_or_fail(in_folder("a-images-idx3-ubyte")), 3);
    put_gzip("b.images.idx3.gz", bytes, size);
    put("b.labels.idx1", label_bytes, label_size);
    check_small(open_or_fail(in_folder("b.images.idx3.gz")), 3);
    put("train-images-idx3-ubyte", bytes, size);
    put_gzip("train-labels-idx1-ubyte.gz", label_bytes, label_size);
    check_small(open_or_fail(folder), 3);
}
END_TEST

/* RFC 1952, 2.2: a gzip file may have several members one after another. */
START_TEST(gzip_files_of_several_members)
{
    size_t size;
    const uint8_t *bytes = images(6, 3, 5, 90, &size);
    char command[2300];
    put("1", bytes, 30);
    put("2", bytes + 30, size - 30);
    snprintf(command, sizeof command, "cd '%s' && gzip 1 2 && cat 1.gz 2.gz > two.images.idx3.gz", folder);
    ck_assert_int_eq(system(command), 0);
    check_small(open_or_fail(in_folder("two.images.idx3.gz")), 0);
}
END_TEST

START_TEST(names_for_run_folders)
{
    size_t size;
    const uint8_t *bytes = images(6, 3, 5, 90, &size);
    put("my set (1).idx", bytes, size);
    gan_dataset *dataset = open_or_fail(in_folder("my set (1).idx"));
    ck_assert_str_eq(gan_dataset_info(dataset)->name, "my_set__1_");
    gan_dataset_close(dataset);
    ck_assert_int_eq(mkdir(in_folder("fashion v1.2"), 0777), 0);
    put("fashion v1.2/train-images-idx3-ubyte", bytes, size);
    dataset = open_or_fail(in_folder("fashion v1.2/"));
    ck_assert_str_eq(gan_dataset_info(dataset)->name, "fashion_v1.2");
    gan_dataset_close(dataset);
    dataset = open_or_fail(in_folder("fashion v1.2/train-images-idx3-ubyte"));
    ck_assert_str_eq(gan_dataset_info(dataset)->name, "fashion_v1.2");
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(images_are_centred_on_black)
{
    size_t size;
    const uint8_t *bytes = images(2, 3, 5, 30, &size);
    put("c-images-idx3", bytes, size);
    gan_data_options options = {
        .struct_size = sizeof options, .source = in_folder("c-images-idx3"), .resolution = 8, .fit = GAN_FIT_PAD};
    gan_dataset *dataset = NULL;
    ck_assert_int_eq(gan_dataset_open(&options, &dataset, &message), GAN_OK);
    ck_assert_int_eq(gan_dataset_info(dataset)->height, 8);
    ck_assert_int_eq(gan_dataset_info(dataset)->width, 8);
    uint8_t pixels[64];
    memset(pixels, 77, sizeof pixels);
    ck_assert_int_eq(gan_dataset_get(dataset, 1, pixels, NULL, &message), GAN_OK);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++) {
            bool inside = y >= 2 && y < 5 && x >= 1 && x < 6;
            ck_assert_int_eq(pixels[8 * y + x], inside ? 15 + 5 * (y - 2) + (x - 1) : 0);
        }
    gan_dataset_close(dataset);
    options.resolution = 4;
    ck_assert_int_eq(gan_dataset_open(&options, &dataset, &message), GAN_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(message.text, "5x3"));
    ck_assert_ptr_nonnull(strstr(message.text, "resolution of 4"));
    options.resolution = -1;
    ck_assert_int_eq(gan_dataset_open(&options, &dataset, &message), GAN_ERROR_ARGUMENT);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(headers_that_lie)
{
    refused_images(60000, 28, 28, 1000, GAN_ERROR_FORMAT,
                   ": header says 60000 images of 28x28 (47040000 bytes) but the file holds only 1000 bytes after it");
    refused_images(0xffffffff, 4096, 4096, 100, GAN_ERROR_FORMAT, "only 100 bytes after it");
    refused_images(2, 3, 5, 29, GAN_ERROR_FORMAT, "only 29 bytes");
    refused_images(2, 3, 5, 31, GAN_ERROR_FORMAT, "(30 bytes) but more bytes than that follow");
    refused_images(0, 28, 28, 0, GAN_ERROR_FORMAT, "header says 0 images");
    refused_images(2, 0, 28, 0, GAN_ERROR_FORMAT, "images of 0x28");
    refused_images(1, 4097, 1, 4097, GAN_ERROR_LIMIT, "4097x1, at most 4096x4096");
    refused_images(1, 1, 0xffffffff, 0, GAN_ERROR_LIMIT, "at most 4096x4096");
}
END_TEST

START_TEST(other_kinds_of_files)
{
    size_t size;
    put("empty", "", 0);
    refused("empty", GAN_ERROR_FORMAT, "expected a header of 16 bytes, found 0 bytes");
    const uint8_t *bytes = images(2, 3, 5, 30, &size);
    put("header", bytes, 11);
    refused("header", GAN_ERROR_FORMAT, "expected a header of 16 bytes, found 11 bytes");
    bytes = labels(40, 40, &size);
    put("labels", bytes, size);
    refused("labels", GAN_ERROR_FORMAT, "expected IDX images (magic 0x00000803), found IDX labels (magic 0x00000801)");
    put("floats", "\0\0\x0d\x03xxxxxxxxxxxxxxxx", 20);
    refused("floats", GAN_ERROR_FORMAT, "found IDX data of another type or shape (magic 0x00000d03)");
    put("png", "\x89PNG\r\n\x1a\n0000000000", 18);
    refused("png", GAN_ERROR_FORMAT, "found a PNG file");
    put("zip", "PK\3\4", 4);
    refused("zip", GAN_ERROR_FORMAT, "found a zip archive, whose name must end in .zip");
    put("text", "This is a text file, not data.", 30);
    refused("text", GAN_ERROR_FORMAT, "found no IDX file (magic 0x54686973)");
}
END_TEST

START_TEST(damaged_gzip)
{
    size_t size;
    const uint8_t *bytes = images(600, 3, 5, 9000, &size);
    size_t stored = put_gzip("whole.gz", bytes, size);
    uint8_t *copy = malloc(stored + 10);
    FILE *f = fopen(in_folder("whole.gz"), "rb");
    ck_assert_uint_eq(fread(copy, 1, stored, f), stored);
    fclose(f);

    put("cut.gz", copy, stored / 2);
    refused("cut.gz", GAN_ERROR_FORMAT,
            "header says 600 images of 3x5 (9000 bytes) but the gzip data breaks off after");
    put("cut-header.gz", copy, 12);
    refused("cut-header.gz", GAN_ERROR_FORMAT, "before the gzip data breaks off");
    put("cut-trailer.gz", copy, stored - 3);
    refused("cut-trailer.gz", GAN_ERROR_FORMAT, "breaks off before its checksum");
    copy[stored - 8] ^= 1;
    put("crc.gz", copy, stored);
    refused("crc.gz", GAN_ERROR_CHECKSUM, "damaged (incorrect data check)");
    copy[stored - 8] ^= 1;
    copy[stored - 1] ^= 1;
    put("length.gz", copy, stored);
    refused("length.gz", GAN_ERROR_CHECKSUM, "damaged (incorrect length check)");
    copy[stored - 1] ^= 1;
    memcpy(copy + stored, "more", 4);
    put("after.gz", copy, stored + 4);
    refused("after.gz", GAN_ERROR_FORMAT, "bytes follow the end of the gzip data");
    free(copy);

    bytes = images(600, 3, 5, 9001, &size);
    put_gzip("trailing.gz", bytes, size);
    refused("trailing.gz", GAN_ERROR_FORMAT, "(9000 bytes) but more bytes than that follow");
    bytes = images(601, 3, 5, 9000, &size);
    put_gzip("short.gz", bytes, size);
    refused("short.gz", GAN_ERROR_FORMAT, "holds only 9000 bytes after it");
    bytes = images(0x10000, 4096, 4096, 9000, &size);
    put_gzip("huge.gz", bytes, size);
    refused("huge.gz", GAN_ERROR_LIMIT, "at most 4294967296 are read");
    /* Just below the limit: read until the data ends, without memory for what is only claimed. */
    bytes = images(255, 4096, 4096, 9000, &size);
    put_gzip("large.gz", bytes, size);
    refused("large.gz", GAN_ERROR_FORMAT, "holds only 9000 bytes after it");
}
END_TEST

START_TEST(labels_that_do_not_fit)
{
    size_t size, label_size;
    const uint8_t *bytes = images(6, 3, 5, 90, &size), *label_bytes = labels(5, 5, &label_size);
    gan_dataset *dataset = NULL;
    put("d-images-idx3", bytes, size);
    put("d-labels-idx1", label_bytes, label_size);
    ck_assert_int_eq(try_open(in_folder("d-images-idx3"), &dataset), GAN_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(message.text, "d-labels-idx1: holds 5 labels, expected 6"));
    label_bytes = labels(6, 5, &label_size);
    put("d-labels-idx1", label_bytes, label_size);
    ck_assert_int_eq(try_open(in_folder("d-images-idx3"), &dataset), GAN_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(message.text, "d-labels-idx1: header says 6 labels but the file holds only 5 bytes"));
    put("d-labels-idx1", bytes, size);
    ck_assert_int_eq(try_open(in_folder("d-images-idx3"), &dataset), GAN_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(message.text, "expected IDX labels"));
    /* Not asked for, not read. */
    gan_data_options options = {.struct_size = sizeof options, .source = in_folder("d-images-idx3")};
    ck_assert_int_eq(gan_dataset_open(&options, &dataset, &message), GAN_OK);
    check_small(dataset, 0);
}
END_TEST

START_TEST(things_that_are_not_files)
{
    refused("nothing-here", GAN_ERROR_NOT_FOUND, "No such file");
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0666), 0);
    refused("pipe", GAN_ERROR_IO, "found a pipe");
    ck_assert_int_eq(mkdir(in_folder("sub"), 0777), 0);
    refused("sub", GAN_ERROR_NOT_FOUND,
            "expected PNG or JPEG images in this folder, or train-images-idx3-ubyte[.gz], or data_batch_1.bin");
    ck_assert_int_eq(mkdir(in_folder("sub/train-images-idx3-ubyte"), 0777), 0);
    gan_dataset *dataset;
    ck_assert_int_eq(try_open(in_folder("sub"), &dataset), GAN_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(message.text, "expected a file, found a folder"));
    ck_assert_int_eq(try_open("/dev/null", &dataset), GAN_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(message.text, "expected a regular file"));
    if (geteuid() != 0) { /* root reads everything */
        put("secret", "x", 1);
        ck_assert_int_eq(chmod(in_folder("secret"), 0), 0);
        refused("secret", GAN_ERROR_IO, "Permission denied");
    }
    char *long_path = malloc(10000);
    memset(long_path, 'a', 9999);
    long_path[9999] = '\0';
    ck_assert_int_lt(try_open(long_path, &dataset), 0);
    free(long_path);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("data_idx");
    TCase *t = tcase_create("idx");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, mnist_has_its_known_values);
    tcase_add_test(t, a_single_mnist_file_finds_its_labels);
    tcase_add_test(t, plain_and_gzip_files_in_any_mixture);
    tcase_add_test(t, gzip_files_of_several_members);
    tcase_add_test(t, names_for_run_folders);
    tcase_add_test(t, images_are_centred_on_black);
    tcase_add_test(t, headers_that_lie);
    tcase_add_test(t, other_kinds_of_files);
    tcase_add_test(t, damaged_gzip);
    tcase_add_test(t, labels_that_do_not_fit);
    tcase_add_test(t, things_that_are_not_files);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
