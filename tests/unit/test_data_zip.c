/* Archives of images: the same as a folder of them, from every thread at once, and nothing that is torn, hostile or
 * unreadable is taken. Archives that are packed hold what was packed. */
#include "picture_files.h"

#include <unistd.h>
#include <zip.h>

#include "data/zip_writer.h"

/* ---- making archives, by libzip ---- */

static zip_t *begin(const char *name)
{
    int code;
    zip_t *zip = zip_open(at(name), ZIP_CREATE | ZIP_TRUNCATE, &code);
    ck_assert_ptr_nonnull(zip);
    return zip;
}

static zip_int64_t add(zip_t *zip, const char *name, const void *bytes, size_t size, int method)
{
    void *copy = malloc(size + 1);
    memcpy(copy, bytes, size);
    zip_source_t *source = zip_source_buffer(zip, copy, size, 1);
    zip_int64_t index = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
    ck_assert_msg(index >= 0, "%s: %s", name, zip_strerror(zip));
    ck_assert_int_eq(zip_set_file_compression(zip, (zip_uint64_t)index, method, 9), 0);
    return index;
}

static zip_int64_t add_png(zip_t *zip, const char *name, uint8_t value, int method)
{
    gan_image image = plain_image(16, 16, 3, value);
    void *bytes;
    size_t size;
    ck_assert_msg(gan_png_encode(&image, &bytes, &size, &message) == GAN_OK, "%s", message.text);
    gan_image_free(&image);
    zip_int64_t index = add(zip, name, bytes, size, method);
    free(bytes);
    return index;
}

static void add_text(zip_t *zip, const char *name, const char *text)
{
    add(zip, name, text, strlen(text), ZIP_CM_DEFLATE);
}

static void end(zip_t *zip)
{
    ck_assert_msg(zip_close(zip) == 0, "%s", zip_strerror(zip));
}

static void refused(const char *name, gan_status status, const char *text)
{
    refused_with((gan_data_options){.source = at(name), .labels = true}, status, text);
}

/* ---- what is read ---- */

START_TEST(stored_and_deflated_files)
{
    zip_t *zip = begin("a.set.zip");
    zip_dir_add(zip, "dogs", 0);
    add_png(zip, "dogs/2.png", 22, ZIP_CM_DEFLATE);
    add_png(zip, "cats/1.png", 11, ZIP_CM_STORE);
    add_png(zip, "dogs/1.png", 21, ZIP_CM_STORE);
    add_png(zip, "__MACOSX/dogs/._1.png", 99, ZIP_CM_STORE);
    add_text(zip, "readme.txt", "words");
    end(zip);
    gan_dataset *dataset = open_with((gan_data_options){.source = at("a.set.zip"), .labels = true});
    const gan_data_info *info = gan_dataset_info(dataset);
    static const int values[] = {11, 21, 22}, labels[] = {0, 1, 1};
    ck_assert_int_eq(info->count, 3);
    ck_assert_int_eq(info->classes, 2);
    ck_assert_str_eq(info->name, "a");
    for (int i = 0; i < 3; i++) {
        int32_t label;
        ck_assert_int_eq(first_value(dataset, i, &label), values[i]);
        ck_assert_int_eq(label, labels[i]);
    }
    gan_dataset_close(dataset);
    gan_data_summary found = look_at((gan_data_options){.source = at("a.set.zip"), .labels = true});
    ck_assert_int_eq(found.skipped, 2);
    ck_assert_str_eq(found.classes[0].name, "cats");
    gan_data_summary_free(&found);
}
END_TEST

START_TEST(a_folder_around_everything_is_no_class)
{
    zip_t *zip = begin("a.zip");
    zip_dir_add(zip, "pets", 0);
    add_png(zip, "./pets/dogs/1.png", 21, ZIP_CM_STORE);
    add_png(zip, "pets/cats/1.png", 11, ZIP_CM_STORE);
    add_png(zip, "__MACOSX/pets/1.png", 1, ZIP_CM_STORE);
    end(zip);
    gan_data_summary found = look_at((gan_data_options){.source = at("a.zip"), .labels = true});
    ck_assert_int_eq(found.n_classes, 2);
    ck_assert_str_eq(found.classes[0].name, "cats");
    gan_data_summary_free(&found);
    zip = begin("b.zip");
    add_png(zip, "pets/cats/1.png", 11, ZIP_CM_STORE);
    add_text(zip, "pets/dogs/1.png", "broken");
    add_text(zip, "pets/dataset.json", "{\"labels\": [[\"cats/1.png\", 1], [\"dogs/1.png\", 0]]}");
    end(zip);
    refused("b.zip", GAN_ERROR_FORMAT, "b.zip: pets/dogs/1.png: expected a PNG or JPEG file");
}
END_TEST

START_TEST(names_lead_nowhere)
{
    zip_t *zip = begin("a.zip");
    add_png(zip, "../../escape.png", 1, ZIP_CM_STORE);
    add_png(zip, "/absolute/a.png", 2, ZIP_CM_STORE);
    add_png(zip, "x/../../y.png", 3, ZIP_CM_STORE);
    end(zip);
    gan_dataset *dataset = open_with((gan_data_options){.source = at("a.zip")});
    ck_assert_int_eq(gan_dataset_info(dataset)->count, 1);
    ck_assert_int_eq(first_value(dataset, 0, NULL), 2);
    gan_dataset_close(dataset);
    ck_assert_int_ne(access(at("../escape.png"), F_OK), 0);
}
END_TEST

enum { MANY = 300 };

START_TEST(threads_read_at_once)
{
    zip_t *zip = begin("a.zip");
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "%03d.png", i);
        add_png(zip, name, (uint8_t)(i % 251), i % 2 ? ZIP_CM_DEFLATE : ZIP_CM_STORE);
    }
    end(zip);
    gan_dataset *dataset = open_with((gan_data_options){.source = at("a.zip"), .threads = 8, .resolution = 8});
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(first_value(dataset, i, NULL), i % 251);
    gan_dataset_close(dataset);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(labels_that_do_not_fit)
{
    zip_t *zip = begin("a.zip");
    add_png(zip, "00/1.png", 11, ZIP_CM_STORE);
    add_text(zip, "dataset.json", "{\"labels\": [[\"00/2.png\", 1]]}");
    end(zip);
    refused("a.zip", GAN_ERROR_FORMAT, "a.zip: dataset.json: entry 0 of \"labels\": there is no image \"00/2.png\"");
}
END_TEST

START_TEST(archives_without_images)
{
    put_text("text.zip", "this is text");
    refused("text.zip", GAN_ERROR_FORMAT, "text.zip: ");
    put("empty.zip", "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    refused("empty.zip", GAN_ERROR_NOT_FOUND, "expected PNG or JPEG images in this archive, found none");
    refused("nothing.zip", GAN_ERROR_NOT_FOUND, "No such file");
    ck_assert_int_eq(mkfifo(at("pipe.zip"), 0666), 0);
    refused("pipe.zip", GAN_ERROR_IO, "found a pipe");
    zip_t *zip = begin("words.zip");
    add_text(zip, "a.txt", "words");
    end(zip);
    refused("words.zip", GAN_ERROR_NOT_FOUND, "found none (1 other file");
}
END_TEST

START_TEST(encrypted_files)
{
    zip_t *zip = begin("a.zip");
    zip_int64_t index = add_png(zip, "1.png", 11, ZIP_CM_STORE);
    ck_assert_int_eq(zip_file_set_encryption(zip, (zip_uint64_t)index, ZIP_EM_AES_256, "secret"), 0);
    end(zip);
    refused("a.zip", GAN_ERROR_UNSUPPORTED, "1.png is encrypted; unpack the archive");
}
END_TEST

START_TEST(other_compression)
{
    if (!zip_compression_method_supported(ZIP_CM_BZIP2, 1)) {
        printf("other_compression: skipped, this libzip has no bzip2\n");
        return;
    }
    zip_t *zip = begin("a.zip");
    add(zip, "1.png", "0000000000000000000000000000000000000000", 40, ZIP_CM_BZIP2);
    end(zip);
    refused("a.zip", GAN_ERROR_UNSUPPORTED, "1.png is compressed by method 12, expected stored or deflated");
}
END_TEST

static size_t read_archive(const char *name, uint8_t *bytes, size_t room)
{
    FILE *f = fopen(at(name), "rb");
    ck_assert_ptr_nonnull(f);
    size_t size = fread(bytes, 1, room, f);
    fclose(f);
    return size;
}

/* The last place of four bytes. */
static uint8_t *last(uint8_t *bytes, size_t size, const char *four)
{
    for (size_t i = size - 4;; i--) {
        if (memcmp(bytes + i, four, 4) == 0)
            return bytes + i;
        ck_assert_uint_gt(i, 0);
    }
}

START_TEST(two_files_of_one_name)
{
    static uint8_t bytes[1 << 14];
    zip_t *zip = begin("a.zip");
    add_png(zip, "1.png", 11, ZIP_CM_STORE);
    add_png(zip, "2.png", 12, ZIP_CM_STORE);
    end(zip);
    size_t size = read_archive("a.zip", bytes, sizeof bytes);
    last(bytes, size, "2.pn")[0] = '1';
    put("b.zip", bytes, size);
    refused("b.zip", GAN_ERROR_FORMAT, "b.zip: 1.png: there are two files of this name");
}
END_TEST

START_TEST(damage_is_seen)
{
    static uint8_t bytes[1 << 14];
    zip_t *zip = begin("a.zip");
    add_png(zip, "1.png", 11, ZIP_CM_STORE);
    end(zip);
    size_t size = read_archive("a.zip", bytes, sizeof bytes);
    uint8_t *data = last(bytes, size, "IDAT");
    data[6] ^= 0x40;
    put("crc.zip", bytes, size);
    refused("crc.zip", GAN_ERROR_CHECKSUM, "crc.zip: 1.png: CRC error; replace it or take it out");
    data[6] ^= 0x40;
    put("cut.zip", bytes, size - 30);
    refused("cut.zip", GAN_ERROR_FORMAT, "cut.zip: ");
}
END_TEST

/* Sizes in the directory: at 20 the compressed one, at 24 the other. */
START_TEST(bombs)
{
    static uint8_t bytes[1 << 21], zeros[1 << 20];
    zip_t *zip = begin("a.zip");
    add(zip, "1.png", zeros, sizeof zeros, ZIP_CM_DEFLATE);
    end(zip);
    refused("a.zip", GAN_ERROR_FORMAT, "1.png: expected a PNG or JPEG file, found something else");
    size_t size = read_archive("a.zip", bytes, sizeof bytes);
    uint8_t *entry = last(bytes, size, "PK\1\2");
    memcpy(entry + 24, "\0\0\0\x10", 4); /* 256 MiB */
    put("lie.zip", bytes, size);
    refused("lie.zip", GAN_ERROR_FORMAT, "1.png: ");
    memcpy(entry + 24, "\0\0\0\xf0", 4);
    put("huge.zip", bytes, size);
    refused("huge.zip", GAN_ERROR_LIMIT, "1.png: it has 4026531840 bytes, at most 536870912 are read");
    memcpy(entry + 24, "\x00\x01\0\0", 4); /* more than the directory says */
    put("more.zip", bytes, size);
    refused("more.zip", GAN_ERROR_FORMAT, "1.png: expected 256 bytes, found more");
}
END_TEST

/* ---- packing ---- */

static void put_gradients(void)
{
    for (int i = 0; i < 5; i++) {
        char name[32];
        gan_image image = plain_image(24, 20, 3, 0);
        for (int k = 0; k < 24 * 20 * 3; k++)
            image.pixels[k] = (uint8_t)(k * (i + 3));
        snprintf(name, sizeof name, "in/%d/%d.png", i % 3, i);
        ck_assert_int_eq(gan_png_write(at(name), &image, &message), GAN_OK);
        gan_image_free(&image);
    }
}

START_TEST(what_is_packed_comes_back)
{
    static uint8_t first[1 << 16], second[1 << 16];
    put_gradients();
    gan_data_options options = {.source = at("in"), .labels = true, .resolution = 16, .filter = GAN_FILTER_LANCZOS};
    gan_dataset *from = open_with(options);
    char path[1024];
    snprintf(path, sizeof path, "%s", at("out.zip"));
    ck_assert_msg(gan_data_pack(from, path, 3, NULL, NULL, &message) == GAN_OK, "%s", message.text);
    gan_dataset *to = open_with((gan_data_options){.source = path, .labels = true});
    ck_assert_int_eq(gan_dataset_info(to)->count, 5);
    ck_assert_int_eq(gan_dataset_info(to)->classes, 3);
    ck_assert_int_eq(gan_dataset_info(to)->width, 16);
    for (int i = 0; i < 5; i++) {
        uint8_t want[768], have[768];
        int32_t want_label, have_label;
        ck_assert_int_eq(gan_dataset_get(from, i, want, &want_label, &message), GAN_OK);
        ck_assert_int_eq(gan_dataset_get(to, i, have, &have_label, &message), GAN_OK);
        ck_assert_mem_eq(want, have, 768);
        ck_assert_int_eq(want_label, have_label);
    }
    size_t size = read_archive("out.zip", first, sizeof first);
    ck_assert_int_eq(gan_data_pack(from, path, 1, NULL, NULL, &message), GAN_OK);
    ck_assert_uint_eq(read_archive("out.zip", second, sizeof second), size);
    ck_assert_mem_eq(first, second, size);
    gan_dataset_close(from);
    gan_dataset_close(to);
    int code;
    zip_t *zip = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
    ck_assert_ptr_nonnull(zip);
    ck_assert_str_eq(zip_get_name(zip, 0, 0), "00000/img00000000.png");
    ck_assert_str_eq(zip_get_name(zip, 5, 0), "dataset.json");
    zip_stat_t info;
    ck_assert_int_eq(zip_stat_index(zip, 0, 0, &info), 0);
    ck_assert_int_eq(info.comp_method, ZIP_CM_STORE);
    zip_discard(zip);
}
END_TEST

static bool stop(int64_t done, int64_t total, void *user)
{
    (void)done, (void)total, (void)user;
    return false;
}

START_TEST(packing_that_fails_leaves_nothing)
{
    put_gradients();
    gan_dataset *from = open_with((gan_data_options){.source = at("in")});
    ck_assert_int_eq(gan_data_pack(from, at("none/out.zip"), 1, NULL, NULL, &message), GAN_OK);
    char path[1024];
    snprintf(path, sizeof path, "%s/no/such/folder/out.zip", folder);
    ck_assert_int_eq(gan_data_pack(from, path, 1, NULL, NULL, &message), GAN_ERROR_IO);
    snprintf(path, sizeof path, "%s", at("stopped/out.zip"));
    ck_assert_int_eq(gan_data_pack(from, path, 1, stop, NULL, &message), GAN_INTERRUPTED);
    ck_assert_int_eq(rmdir(at("stopped")), 0); /* nothing in it */
    gan_dataset_close(from);
    gan_dataset *ring = open_with((gan_data_options){.source = "builtin:ring8"});
    ck_assert_int_eq(gan_data_pack(ring, path, 1, NULL, NULL, &message), GAN_ERROR_ARGUMENT);
    gan_dataset_close(ring);
}
END_TEST

/* Past what 16 and 32 bits hold: the 64-bit records of the format. */
START_TEST(large_archives)
{
    enum { FILES = 66000 };
    const off_t gap = (off_t)5 << 30; /* a hole: it takes no room */
    gan__zip_writer writer;
    char path[1024], name[32];
    snprintf(path, sizeof path, "%s", at("large.zip"));
    ck_assert_int_eq(gan__zip_writer_open(&writer, path, &message), GAN_OK);
    for (int i = 0; i < FILES; i++) {
        if (i == FILES - 1) {
            ck_assert_int_ge(lseek(writer.file.fd, gap, SEEK_CUR), gap);
            writer.offset += (uint64_t)gap;
        }
        snprintf(name, sizeof name, "%d.txt", i);
        ck_assert_int_eq(gan__zip_writer_add(&writer, name, name, strlen(name), &message), GAN_OK);
    }
    ck_assert_msg(gan__zip_writer_commit(&writer, &message) == GAN_OK, "%s", message.text);
    int code;
    zip_t *zip = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
    ck_assert_msg(zip, "libzip: %d", code);
    ck_assert_int_eq(zip_get_num_entries(zip, 0), FILES);
    zip_stat_t info;
    char text[32] = "";
    ck_assert_int_eq(zip_stat_index(zip, FILES - 1, 0, &info), 0);
    zip_file_t *file = zip_fopen_index(zip, FILES - 1, 0);
    ck_assert_int_eq(zip_fread(file, text, sizeof text), (zip_int64_t)strlen(name));
    ck_assert_str_eq(text, name);
    zip_fclose(file);
    zip_discard(zip);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("data_zip");
    TCase *t = tcase_create("zip");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, stored_and_deflated_files);
    tcase_add_test(t, a_folder_around_everything_is_no_class);
    tcase_add_test(t, names_lead_nowhere);
    tcase_add_test(t, threads_read_at_once);
    tcase_add_test(t, labels_that_do_not_fit);
    tcase_add_test(t, archives_without_images);
    tcase_add_test(t, encrypted_files);
    tcase_add_test(t, other_compression);
    tcase_add_test(t, two_files_of_one_name);
    tcase_add_test(t, damage_is_seen);
    tcase_add_test(t, bombs);
    tcase_add_test(t, what_is_packed_comes_back);
    tcase_add_test(t, packing_that_fails_leaves_nothing);
    tcase_add_test(t, large_archives);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
