/* The folders of two domains: both forms, what is held out, and every way in which they are not as expected. */
#include "picture_files.h"

#include <limits.h>
#include <unistd.h>

static gan_data_domains found;

static void make(const char *name)
{
    char below[300];
    snprintf(below, sizeof below, "%s/x", name);
    at(below);
}

static void look(void)
{
    ck_assert_msg(gan_data_find_domains(folder, &found, &message) == GAN_OK, "%s", message.text);
}

static void is_at(const char *path, const char *name)
{
    ck_assert_str_eq(path, at(name));
}

static void fails_on(const char *path, gan_status status, const char *text)
{
    static const gan_data_domains untouched = {.name = "as it was"};
    gan_data_domains out = untouched;
    ck_assert_int_eq(gan_data_find_domains(path, &out, &message), status);
    ck_assert_msg(strstr(message.text, text) != NULL, "expected \"%s\" in: %s", text, message.text);
    ck_assert_mem_eq(&out, &untouched, sizeof out);
}

static void fails_with(gan_status status, const char *text)
{
    fails_on(folder, status, text);
}

START_TEST(domains_lie_below_train)
{
    make("train/A");
    make("train/B");
    look();
    is_at(found.train[0], "train/A");
    is_at(found.train[1], "train/B");
    ck_assert_ptr_null(found.test[0]);
    ck_assert_ptr_null(found.test[1]);
    ck_assert_str_eq(found.name, strrchr(folder, '/') + 1);
    gan_data_domains_free(&found);
    ck_assert_ptr_null(found.train[0]);
    gan_data_domains_free(&found);
    gan_data_domains_free(NULL);
}
END_TEST

START_TEST(or_beside_each_other)
{
    make("trainA");
    make("trainB");
    make("testA");
    make("testB");
    look();
    is_at(found.train[0], "trainA");
    is_at(found.train[1], "trainB");
    is_at(found.test[0], "testA");
    is_at(found.test[1], "testB");
    gan_data_domains_free(&found);
}
END_TEST

START_TEST(links_to_folders_will_do)
{
    make("elsewhere");
    make("trainA");
    ck_assert_int_eq(symlink("elsewhere", at("trainB")), 0);
    look();
    is_at(found.train[1], "trainB");
    gan_data_domains_free(&found);
}
END_TEST

START_TEST(one_of_a_pair_is_not_enough)
{
    make("train/A");
    fails_with(GAN_ERROR_NOT_FOUND, "there is a folder train/A, but train/B was looked for and is not there");
    put_text("train/B", "a file, not a folder");
    fails_with(GAN_ERROR_NOT_FOUND, "train/B was looked for");
    ck_assert_int_eq(unlink(at("train/B")), 0);
    make("train/B");
    make("testB");
    fails_with(GAN_ERROR_NOT_FOUND, "there is a folder testB, but testA was looked for and is not there");
}
END_TEST

START_TEST(two_forms_are_one_too_many)
{
    make("train/A");
    make("train/B");
    make("trainA");
    fails_with(GAN_ERROR_NOT_FOUND, "trainB was looked for");
    make("trainB");
    fails_with(GAN_ERROR_FORMAT, "there are both train/A with train/B and trainA with trainB");
    ck_assert_int_eq(rmdir(at("trainB")), 0);
    ck_assert_int_eq(rmdir(at("trainA")), 0);
    make("test/A");
    make("test/B");
    make("testA");
    make("testB");
    fails_with(GAN_ERROR_FORMAT, "there are both test/A with test/B");
}
END_TEST

START_TEST(what_is_there_instead_is_told)
{
    fails_with(GAN_ERROR_NOT_FOUND,
               "expected folders train/A and train/B, or trainA and trainB, found no folder and 0 files");
    make("b");
    put_text("file", "words");
    make(".hidden");
    fails_with(GAN_ERROR_NOT_FOUND, "found the folders b and 1 files");
    static const char *const names[] = {"h", "a", "g", "c", "f", "d", "e"};
    for (int i = 0; i < 7; i++)
        make(names[i]);
    fails_with(GAN_ERROR_NOT_FOUND, "found the folders a, b, c, d, e, f, ... and 1 files");
}
END_TEST

START_TEST(names_from_outside_are_harmless)
{
    char name[300], path[2 * PATH_MAX];
    memset(name, 'n', 200);
    strcpy(name + 200, "/x");
    at(name);
    make("\033[31m\n");
    fails_with(GAN_ERROR_NOT_FOUND,
               "found the folders ?[31m?, nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn... and 0 files");
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    fails_on(path, GAN_ERROR_LIMIT, "xxx...: the path is too long");
    fails_on("no\nwhere", GAN_ERROR_NOT_FOUND, "no?where: cannot be opened as a folder: No such file or directory");
    put_text("file", "words");
    fails_on(at("file"), GAN_ERROR_NOT_FOUND, "cannot be opened as a folder: Not a directory");
    fails_on("", GAN_ERROR_ARGUMENT, "no folder");
    fails_on(NULL, GAN_ERROR_ARGUMENT, "no folder");
}
END_TEST

START_TEST(samples_have_the_names_of_their_files)
{
    put_png("b/2.png", 4, 4, 3, 30);
    put_png("a.png", 4, 4, 3, 20);
    gan_dataset *dataset = open_with((gan_data_options){.labels = false});
    ck_assert_str_eq(gan_dataset_name(dataset, 0), "a.png");
    ck_assert_str_eq(gan_dataset_name(dataset, 1), "b/2.png");
    ck_assert_ptr_null(gan_dataset_name(dataset, 2));
    ck_assert_ptr_null(gan_dataset_name(dataset, -1));
    gan_dataset_close(dataset);
    dataset = open_with((gan_data_options){.source = "builtin:digits", .builtin_count = 4});
    ck_assert_ptr_null(gan_dataset_name(dataset, 0));
    gan_dataset_close(dataset);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("data_domains");
    TCase *t = tcase_create("domains");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, domains_lie_below_train);
    tcase_add_test(t, or_beside_each_other);
    tcase_add_test(t, links_to_folders_will_do);
    tcase_add_test(t, one_of_a_pair_is_not_enough);
    tcase_add_test(t, two_forms_are_one_too_many);
    tcase_add_test(t, what_is_there_instead_is_told);
    tcase_add_test(t, names_from_outside_are_harmless);
    tcase_add_test(t, samples_have_the_names_of_their_files);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
