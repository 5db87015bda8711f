/* Files written by threads: all of them whole, whatever order they end in, and an error that is told. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "png_queue.h"

static char folder[] = "/tmp/png_queue_XXXXXX";
static gan_message message;

static const char *path_of(int i)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%d.png", folder, i);
    return path;
}

static gan_image picture(int i)
{
    gan_image image;
    ck_assert_int_eq(gan_image_create(&image, 1 + i % 50, 1 + i % 7, i % 2 ? 3 : 1, &message), GAN_OK);
    memset(image.pixels, i, (size_t)(image.width * image.height * image.channels));
    return image;
}

START_TEST(all_are_written)
{
    png_queue *queue = png_queue_open();
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (int i = 0; i < 200; i++) {
        gan_image image = picture(i);
        ck_assert_int_eq(png_queue_add(queue, path_of(i), &image, &message), GAN_OK);
        ck_assert_ptr_null(image.pixels);
    }
    ck_assert_int_eq(png_queue_close(queue, &message), GAN_OK);
    for (int i = 0; i < 200; i++) {
        gan_image expected = picture(i), found;
        ck_assert_int_eq(gan_png_read(path_of(i), &found, &message), GAN_OK);
        ck_assert(found.width == expected.width && found.height == expected.height);
        ck_assert_int_eq(found.channels, expected.channels);
        ck_assert_mem_eq(found.pixels, expected.pixels, (size_t)(found.width * found.height * found.channels));
        gan_image_free(&expected);
        gan_image_free(&found);
        ck_assert_int_eq(unlink(path_of(i)), 0);
    }
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else is left */
}
END_TEST

/* The folder is not there: the first error comes back at once or a little later, and at the end. */
START_TEST(an_error_is_told)
{
    png_queue *queue = png_queue_open();
    gan_status status = GAN_OK;
    for (int i = 0; i < 100; i++) {
        gan_image image = picture(i);
        gan_status now = png_queue_add(queue, "/tmp/png_queue_none/a.png", &image, &message);
        ck_assert(now == status || status == GAN_OK);
        ck_assert_ptr_null(image.pixels);
        status = now;
    }
    ck_assert_int_eq(status, GAN_ERROR_IO); /* more than can wait */
    strcpy(message.text, "");
    ck_assert_int_eq(png_queue_close(queue, &message), GAN_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(message.text, "/tmp/png_queue_none/a.png"));
    ck_assert_int_eq(png_queue_close(NULL, &message), GAN_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("png_queue");
    TCase *tests = tcase_create("png_queue");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, all_are_written);
    tcase_add_test(tests, an_error_is_told);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
