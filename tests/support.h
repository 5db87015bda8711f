/* support.h - what the test programs share. */
#ifndef TEST_SUPPORT_H
#define TEST_SUPPORT_H

#include <check.h>
#include <gan/gan.h>

/* Run one suite; the program's exit status. CK_FORK and CK_RUN_CASE work as in every Check program. */
int test_main(Suite *suite);

/* Path of a data set beside the project, such as "mnist", or NULL when it is not there. GAN_TEST_DATA overrides the
 * folder, ../shared/data from the project's root. The result is static. */
const char *test_data(const char *name);

/* A fresh folder below the build tree for files of one test; static. */
const char *test_folder(const char *name);

/* What computes in tests that do not choose: GAN_TEST_DEVICE, or NULL, which is the CPU. */
const char *test_device(void);

/* A context on that device with a scope open; and its end, where every tensor must have been released. */
gan_context *test_context_open(int threads, uint64_t seed);
void test_context_close(gan_context *ctx);

#endif
