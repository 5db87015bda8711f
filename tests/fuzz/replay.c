/* Runs a fuzz target on each file of the folders that are named on the command line. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "fuzz.h"

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 0;
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1); /* no byte more, so that sanitizers see reads past the end */
    size_t read = data && size > 0 ? fread(data, 1, (size_t)size, file) : 0;
    fclose(file);
    printf("%s: %zu bytes\n", path, read);
    fflush(stdout); /* if the target crashes, the last line names the file */
    if (data)
        LLVMFuzzerTestOneInput(data, read);
    free(data);
    return data != NULL;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        if (!folder) {
            fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
            return EXIT_FAILURE;
        }
        for (struct dirent *entry; (entry = readdir(folder));) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (entry->d_name[0] != '.' && !replay(path)) {
                closedir(folder);
                return EXIT_FAILURE;
            }
            count += entry->d_name[0] != '.';
        }
        closedir(folder);
    }
    if (count == 0)
        fprintf(stderr, "no inputs\n");
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
