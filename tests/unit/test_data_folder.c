/* Folders of images: what is listed and in which order, labels from folders and from dataset.json, and every file that
 * is wrong told by its name before training. */
#include "picture_files.h"

#include <unistd.h>

/* ---- the list ---- */

START_TEST(files_come_in_the_order_of_their_names)
{
    put_png("b/2.png", 4, 4, 3, 30);
    put_png("a-b/x.PNG", 4, 4, 3, 20);
    put_png("a/z.png", 4, 4, 3, 11);
    put_png("a/y/q.png", 4, 4, 3, 10);
    put_png("B/0.png", 4, 4, 3, 5);
    put_png("b/10.png", 4, 4, 3, 29);
    gan_dataset *dataset = open_with((gan_data_options){.labels = true});
    const gan_data_info *info = gan_dataset_info(dataset);
    static const int values[] = {5, 10, 11, 20, 29, 30}, classes[] = {0, 1, 1, 2, 3, 3};
    ck_assert_int_eq(info->count, 6);
    ck_assert_int_eq(info->classes, 4); /* B, a, a-b, b: bytes, folder by folder */
    ck_assert_int_eq(info->channels, 3);
    ck_assert_int_eq(info->height, 4);
    ck_assert(info->scaled);
    for (int i = 0; i < 6; i++) {
        int32_t label;
        ck_assert_int_eq(first_value(dataset, i, &label), values[i]);
        ck_assert_int_eq(label, classes[i]);
    }
    gan_dataset_close(dataset);
    dataset = open_with((gan_data_options){.labels = false});
    int32_t label;
    ck_assert_int_eq(gan_dataset_info(dataset)->classes, 0);
    first_value(dataset, 3, &label);
    ck_assert_int_eq(label, -1);
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(files_are_listed_undecoded)
{
    put_text("b/2.png", "not an image");
    put_png("a/z.PNG", 4, 4, 3, 11);
    put_png("a-b/x.jpeg", 9, 4, 3, 20);
    put_png(".thumbs/1.png", 4, 4, 1, 3);
    put_text("dataset.json", "{");
    put_text("words.txt", "words");
    ck_assert_int_eq(symlink(".", at("a/here")), 0);
    gan_data_files files = {0};
    ck_assert_int_eq(gan_data_list(folder, &files, &message), GAN_OK);
    ck_assert_int_eq(files.count, 3);
    ck_assert_int_eq(files.skipped, 3); /* .thumbs, words.txt, here */
    ck_assert_str_eq(files.name[0], "a/z.PNG");
    ck_assert_str_eq(files.name[1], "a-b/x.jpeg");
    ck_assert_str_eq(files.name[2], "b/2.png");
    gan_data_files_free(&files);
    ck_assert_ptr_null(files.name);
    ck_assert_int_eq(gan_data_list(at(".thumbs"), &files, &message), GAN_OK); /* hidden, but asked for */
    gan_data_files_free(&files);
    put_text("none/words.txt", "words");
    ck_assert_int_eq(gan_data_list(at("none"), &files, &message), GAN_ERROR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(message.text, "expected PNG or JPEG images in this folder, found none (1 other file"));
    ck_assert_ptr_null(files.name);
    ck_assert_int_eq(gan_data_list(NULL, &files, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_data_list("", &files, &message), GAN_ERROR_ARGUMENT);
    ck_assert_int_eq(gan_data_list(folder, NULL, &message), GAN_ERROR_ARGUMENT);
}
END_TEST

START_TEST(what_is_no_image_is_passed_over_and_counted)
{
    put_png("a/1.png", 4, 4, 1, 1);
    put_png("a/.hidden.png", 4, 4, 1, 2);
    put_png(".thumbs/1.png", 4, 4, 1, 3);
    put_png("__MACOSX/1.png", 4, 4, 1, 3);
    put_text("a/readme.txt", "words");
    put_text("noextension", "words");
    put_text("png", "words");
    ck_assert_int_eq(symlink("..", at("a/up")), 0);
    ck_assert_int_eq(symlink(".", at("a/here")), 0);
    gan_data_summary found = look_at((gan_data_options){.labels = true});
    ck_assert_int_eq(found.count, 1);
    ck_assert_int_eq(found.bad, 0);
    ck_assert_int_eq(found.skipped, 8);
    ck_assert_int_eq(found.n_classes, 1);
    ck_assert_str_eq(found.classes[0].name, "a");
    gan_data_summary_free(&found);
    ck_assert_ptr_null(found.classes);
}
END_TEST

START_TEST(links_are_followed)
{
    char target[1024];
    put_png("x/1.png", 4, 4, 1, 7);
    put_png("data/a/0.png", 4, 4, 1, 6);
    snprintf(target, sizeof target, "%s", at("x"));
    ck_assert_int_eq(symlink(target, at("data/b")), 0);
    gan_dataset *dataset = open_with((gan_data_options){.source = at("data"), .labels = true});
    int32_t label;
    ck_assert_int_eq(gan_dataset_info(dataset)->count, 2);
    ck_assert_int_eq(first_value(dataset, 1, &label), 7);
    ck_assert_int_eq(label, 1);
    ck_assert_str_eq(gan_dataset_info(dataset)->name, "data");
    gan_dataset_close(dataset);
}
END_TEST

START_TEST(real_photographs)
{
    const char *path = test_data("cifar10-jpg/test");
    if (!path) {
        printf("real_photographs: skipped, no cifar10-jpg (see support.h, test_data)\n");
        return;
    }
    char source[1024], file[2048];
    snprintf(source, sizeof source, "%s", path);
    gan_dataset *dataset = open_with((gan_data_options){.source = source, .labels = true});
    const gan_data_info *info = gan_dataset_info(dataset);
    ck_assert_int_eq(info->count, 2500);
    ck_assert_int_eq(info->classes, 10);
    ck_assert_int_eq(info->height * info->width * info->channels, 3072);
    static const struct {
        int64_t index;
        const char *name;
        int label;
    } some[] = {{0, "airplane/0000.jpg", 0}, {251, "automobile/0001.jpg", 1}, {2499, "truck/0249.jpg", 9}};
    for (int i = 0; i < 3; i++) {
        uint8_t pixels[3072];
        int32_t label;
        gan_image image;
        snprintf(file, sizeof file, "%s/%s", source, some[i].name);
        ck_assert_msg(gan_image_read(file, &image, &message) == GAN_OK, "%s", message.text);
        ck_assert_int_eq(gan_dataset_get(dataset, some[i].index, pixels, &label, &message), GAN_OK);
        ck_assert_mem_eq(pixels, image.pixels, 3072);
        ck_assert_int_eq(label, some[i].label);
        gan_image_free(&image);
    }
    gan_dataset_close(dataset);
}
END_TEST

/* ---- channels and sizes ---- */

START_TEST(grey_and_colour_together)
{
    put_png("1.png", 4, 4, 1, 50);
    put_png("2.png", 4, 4, 1, 60);
    gan_dataset *dataset = open_with((gan_data_options){0});
    ck_assert_int_eq(gan_dataset_info(dataset)->channels, 1);
    gan_dataset_close(dataset);
    put_png("3.png", 4, 4, 3, 70);
    dataset = open_with((gan_data_options){0});
    ck_assert_int_eq(gan_dataset_info(dataset)->channels, 3);
    uint8_t pixels[48];
    ck_assert_int_eq(gan_dataset_get(dataset, 1, pixels, NULL, &message), GAN_OK);
    for (int i = 0; i < 48; i++)
        ck_assert_int_eq(pixels[i], 60);
    gan_dataset_close(dataset);
    dataset = open_with((gan_data_options){.channels = 1});
    ck_assert_int_eq(gan_dataset_info(dataset)->channels, 1);
    ck_assert_int_eq(first_value(dataset, 2, NULL), 70);
    gan_dataset_close(dataset);
    refused_with((gan_data_options){.channels = 4}, GAN_ERROR_ARGUMENT, "channels are 4");
}
END_TEST

START_TEST(sizes_must_agree_without_a_resolution)
{
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02d.png", i);
        put_png(name, i == 17 || i == 23 ? 5 : 4, 6, 3, (uint8_t)i);
    }
    for (int threads = 1; threads < 9; threads *= 2) /* the first one in order, whoever finds what when */
        refused_with((gan_data_options){.threads = threads}, GAN_ERROR_FORMAT, "/17.png: expected 4x6 as ");
    ck_assert_ptr_nonnull(strstr(message.text, "found 5x6; give a resolution"));
    gan_dataset *dataset = open_with((gan_data_options){.resolution = 4, .threads = 4});
    ck_assert_int_eq(first_value(dataset, 23, NULL), 23);
    gan_dataset_close(dataset);
    refused_with((gan_data_options){.resolution = 5, .fit = GAN_FIT_PAD, .threads = 3}, GAN_ERROR_ARGUMENT,
                 "00.png: 4x6 is larger than the resolution of 5");
    gan_data_summary found = look_at((gan_data_options){0});
    ck_assert_int_eq(found.count, 40);
    ck_assert_int_eq(found.width_min, 4);
    ck_assert_int_eq(found.width_max, 5);
    ck_assert_int_eq(found.height_min, 6);
    ck_assert_int_eq(found.height_max, 6);
    ck_assert_int_eq(found.colour, 40);
    gan_data_summary_free(&found);
}
END_TEST

/* ---- files that are wrong ---- */

START_TEST(every_wrong_file_is_told)
{
    for (int i = 0; i < 60; i++) {
        char name[16];
        snprintf(name, sizeof name, "c/%02d.png", i);
        put_png(name, 8, 8, 3, (uint8_t)i);
    }
    put_text("c/10.png", "this is text");
    put("c/20.png", "", 0);
    ck_assert_int_eq(truncate(at("c/30.png"), 40), 0);
    ck_assert_int_eq(unlink(at("c/40.png")), 0);
    ck_assert_int_eq(symlink("nowhere", at("c/40.png")), 0);
    ck_assert_int_eq(unlink(at("c/50.png")), 0);
    ck_assert_int_eq(mkfifo(at("c/50.png"), 0666), 0);
    put_text("c/9\nname\033[31m.jpg", "an escape");
    for (int threads = 1; threads < 9; threads *= 2)
        refused_with((gan_data_options){.labels = true, .threads = threads}, GAN_ERROR_FORMAT,
                     "c/10.png: expected a PNG or JPEG file, found something else; replace it or take it out");
    gan_data_summary found = look_at((gan_data_options){.labels = true, .threads = 4});
    ck_assert_int_eq(found.count, 55);
    ck_assert_int_eq(found.bad, 6);
    ck_assert_int_eq(found.classes[0].count, 61);
    said("c/10.png: expected a PNG");
    said("c/20.png: expected a PNG or JPEG file, found an empty file");
    said("c/30.png: ");
    said("c/40.png: cannot be opened");
    said("c/50.png: expected a regular file, found a pipe");
    said("c/9?name?[31m.jpg: ");
    ck_assert_ptr_null(strchr(problems, '\033'));
    ck_assert(strstr(problems, "c/10.png") < strstr(problems, "c/20.png"));
    ck_assert(strstr(problems, "c/40.png") < strstr(problems, "c/50.png"));
    gan_data_summary_free(&found);
}
END_TEST

START_TEST(an_image_that_goes_away_later)
{
    put_png("1.png", 4, 4, 3, 9);
    gan_dataset *dataset = open_with((gan_data_options){0});
    ck_assert_int_eq(unlink(at("1.png")), 0);
    ck_assert_int_eq(first_value(dataset, 0, NULL), 9); /* kept in memory */
    gan_dataset_close(dataset);
    refused_with((gan_data_options){.labels = true}, GAN_ERROR_NOT_FOUND, "expected PNG or JPEG images in this folder");
}
END_TEST

static int64_t calls, last_done, last_total;

static bool stop_at_once(int64_t done, int64_t total, void *user)
{
    calls++;
    last_done = done;
    last_total = total;
    return user == NULL;
}

START_TEST(progress_and_interruption)
{
    for (int i = 0; i < 9; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.png", i);
        put_png(name, 4, 4, 3, (uint8_t)i);
    }
    calls = 0;
    gan_dataset_close(open_with((gan_data_options){.progress = stop_at_once, .threads = 2}));
    ck_assert_int_ge(calls, 1);
    ck_assert_int_eq(last_done, 9);
    ck_assert_int_eq(last_total, 9);
    for (int threads = 1; threads < 3; threads++)
        refused_with((gan_data_options){.progress = stop_at_once, .progress_user = &calls, .threads = threads},
                     GAN_INTERRUPTED, "interrupted at 9 of 9");
}
END_TEST

/* ---- dataset.json ---- */

static void put_three(void)
{
    put_png("00/a.png", 4, 4, 3, 1);
    put_png("00/b.png", 4, 4, 3, 2);
    put_png("01/c.png", 4, 4, 3, 3);
}

START_TEST(labels_from_json)
{
    put_three();
    put_text("dataset.json", "{\"labels\": [[\"01/c.png\", 0], [\"00/a.png\", 4], [\"00/b.png\", 2]]}");
    gan_dataset *dataset = open_with((gan_data_options){.labels = true});
    static const int labels[] = {4, 2, 0};
    ck_assert_int_eq(gan_dataset_info(dataset)->classes, 5);
    for (int i = 0; i < 3; i++) {
        int32_t label;
        first_value(dataset, i, &label);
        ck_assert_int_eq(label, labels[i]);
    }
    gan_dataset_close(dataset);
    gan_data_summary found = look_at((gan_data_options){.labels = true});
    ck_assert_int_eq(found.n_classes, 5);
    ck_assert_int_eq(found.classes[1].count, 0);
    ck_assert_int_eq(found.classes[4].count, 1);
    ck_assert_str_eq(found.classes[4].name, "4");
    gan_data_summary_free(&found);
    put_text("dataset.json", "{\"labels\": null}"); /* which says that the folders are none */
    dataset = open_with((gan_data_options){.labels = true});
    ck_assert_int_eq(gan_dataset_info(dataset)->classes, 0);
    gan_dataset_close(dataset);
}
END_TEST

static const struct {
    const char *json;
    gan_status status;
    const char *text;
} wrong_json[] = {
    {"", GAN_ERROR_FORMAT, "dataset.json:1:0: not valid JSON"},
    {"{\"labels\": [}", GAN_ERROR_FORMAT, "dataset.json:1:13: not valid JSON"},
    {"[]", GAN_ERROR_FORMAT, "dataset.json: expected an object with \"labels\", found a list"},
    {"{\"labels\": 3}", GAN_ERROR_FORMAT, "expected a list or null as \"labels\", found a whole number"},
    {"{\"labels\": [], \"labels\": []}", GAN_ERROR_FORMAT, "duplicate"},
    {"{\"labels\": [3]}", GAN_ERROR_FORMAT, "entry 0 of \"labels\": expected [\"path\", number], found a whole number"},
    {"{\"labels\": [[\"00/a.png\"]]}", GAN_ERROR_FORMAT, "entry 0 of \"labels\": expected [\"path\", number]"},
    {"{\"labels\": [[7, \"00/a.png\"]]}", GAN_ERROR_FORMAT, "entry 0 of \"labels\": expected [\"path\", number]"},
    {"{\"labels\": [[\"00/a.png\", 1], [\"00/b.png\", \"x\"]]}", GAN_ERROR_FORMAT,
     "entry 1 of \"labels\", \"00/b.png\": expected a whole number as label, found text"},
    {"{\"labels\": [[\"00/a.png\", 1.5]]}", GAN_ERROR_FORMAT, "expected a whole number as label, found a number"},
    {"{\"labels\": [[\"00/a.png\", [0, 1]]]}", GAN_ERROR_FORMAT, "expected a whole number as label, found a list"},
    {"{\"labels\": [[\"00/a.png\", -1]]}", GAN_ERROR_LIMIT, "\"00/a.png\": the label is -1, expected 0 to 65535"},
    {"{\"labels\": [[\"00/a.png\", 65536]]}", GAN_ERROR_LIMIT, "the label is 65536"},
    {"{\"labels\": [[\"00/a.png\", 99999999999999999999]]}", GAN_ERROR_FORMAT, "not valid JSON"},
    {"{\"labels\": [[\"00/d.png\", 1]]}", GAN_ERROR_FORMAT, "entry 0 of \"labels\": there is no image \"00/d.png\""},
    {"{\"labels\": [[\"00/\\u001b.png\", 1]]}", GAN_ERROR_FORMAT, "there is no image \"00/?.png\""},
    {"{\"labels\": [[\"00/a.png\", 1], [\"00/a.png\", 1]]}", GAN_ERROR_FORMAT,
     "entry 1 of \"labels\": \"00/a.png\" has"},
    {"{\"labels\": [[\"00/a.png\", 1], [\"01/c.png\", 1]]}", GAN_ERROR_FORMAT,
     "00/b.png: it has no entry in \"labels\""},
    {"{\"labels\": []}", GAN_ERROR_FORMAT, "00/a.png: it has no entry in \"labels\" of dataset.json"},
};

START_TEST(wrong_labels)
{
    put_three();
    put_text("dataset.json", wrong_json[_i].json);
    refused_with((gan_data_options){.labels = true}, wrong_json[_i].status, wrong_json[_i].text);
    gan_dataset_close(open_with((gan_data_options){.labels = false})); /* and are not looked at when not asked for */
}
END_TEST

START_TEST(images_beside_the_classes)
{
    put_three();
    put_png("stray.png", 4, 4, 3, 1);
    refused_with((gan_data_options){.labels = true}, GAN_ERROR_FORMAT,
                 "stray.png: it lies beside the 2 folders that are the classes");
    gan_dataset_close(open_with((gan_data_options){.labels = false}));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("data_folder");
    TCase *t = tcase_create("folder");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, files_come_in_the_order_of_their_names);
    tcase_add_test(t, files_are_listed_undecoded);
    tcase_add_test(t, what_is_no_image_is_passed_over_and_counted);
    tcase_add_test(t, links_are_followed);
    tcase_add_test(t, real_photographs);
    tcase_add_test(t, grey_and_colour_together);
    tcase_add_test(t, sizes_must_agree_without_a_resolution);
    tcase_add_test(t, every_wrong_file_is_told);
    tcase_add_test(t, an_image_that_goes_away_later);
    tcase_add_test(t, progress_and_interruption);
    tcase_add_test(t, labels_from_json);
    tcase_add_loop_test(t, wrong_labels, 0, sizeof wrong_json / sizeof wrong_json[0]);
    tcase_add_test(t, images_beside_the_classes);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
