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
