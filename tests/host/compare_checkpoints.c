/*
 * compare_checkpoints A B: exit 0 if both hold the same tensors, numbers and random state, bit for bit. Times differ
 * between two runs and are left out; so is the config, in which a resumed run may be longer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan/gan.h>

static int same_text(const gan_file *a, const gan_file *b, const char *key)
{
    const char *x = gan_file_text(a, key), *y = gan_file_text(b, key);
    if (x && y && strcmp(x, y) == 0)
        return 1;
    printf("%s: %s against %s\n", key, x ? x : "(none)", y ? y : "(none)");
    return 0;
}

static int same_tensor(const gan_file *a, const gan_file *b, const char *name)
{
    size_t size_a = 0, size_b = 0;
    const void *x = gan_file_data(a, name, &size_a), *y = gan_file_data(b, name, &size_b);
    if (!x || !y || size_a != size_b) {
        printf("%s: in one of the files only, or of another size\n", name);
        return 0;
    }
    for (size_t i = 0; i < size_a; i++) {
        if (((const char *)x)[i] != ((const char *)y)[i]) {
            printf("%s: differs at byte %zu of %zu\n", name, i, size_a);
            return 0;
        }
    }
    return 1;
}

int main(int argc, char **argv)
{
    gan_file *file[2] = {0};
    gan_message message;
    for (int i = 0; i < 2; i++) {
        if (argc != 3 || gan_file_open(argv[i + 1], &file[i], &message)) {
            printf("%s\n", argc == 3 ? message.text : "usage: compare_checkpoints A B");
            return EXIT_FAILURE;
        }
    }
    int same = same_text(file[0], file[1], "ganhost.random") && same_text(file[0], file[1], "ganhost.plugin");
    int counts[2] = {gan_file_count(file[0]), gan_file_count(file[1])};
    if (counts[0] != counts[1] || counts[0] < 10) {
        printf("%d and %d tensors\n", counts[0], counts[1]);
        same = 0;
    }
    for (int i = 0; same && i < counts[0]; i++) {
        const char *name = gan_file_name_at(file[0], i);
        same = strcmp(name, "host.seconds") == 0 || same_tensor(file[0], file[1], name);
    }
    gan_file_close(file[0]);
    gan_file_close(file[1]);
    return same ? EXIT_SUCCESS : EXIT_FAILURE;
}
