#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int test_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

const char *test_data(const char *name)
{
    static char path[4096];
    const char *root = getenv("GAN_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", root ? root : TEST_DATA_DIR, name);
    struct stat info;
    return stat(path, &info) == 0 ? path : NULL;
}

const char *test_folder(const char *name)
{
    static char path[4096], command[8300];
    const char *root = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/ganhost-test-%s-%ld", root ? root : "/tmp", name, (long)getpid());
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir -p '%s'", path, path);
    return system(command) == 0 ? path : NULL;
}

const char *test_device(void)
{
    return getenv("GAN_TEST_DEVICE"); /* NULL: the CPU */
}

gan_context *test_context_open(int threads, uint64_t seed)
{
    gan_context *ctx = NULL;
    gan_context_options options = {
        .struct_size = sizeof options, .device = test_device(), .threads = threads, .seed = seed};
    ck_assert_int_eq(gan_context_create(&options, &ctx, NULL), GAN_OK);
    gan_scope_begin(ctx);
    return ctx;
}

void test_context_close(gan_context *ctx)
{
    gan_scope_end(ctx, NULL);
    gan_memory_trim(ctx); /* what the context keeps for itself */
    ck_assert_msg(gan_memory(ctx).bytes_in_use == 0, "%zu bytes are left behind", gan_memory(ctx).bytes_in_use);
    gan_context_destroy(ctx);
}
