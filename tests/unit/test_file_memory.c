/* Memory runs out in option tables and safetensors files: each allocation fails in turn, and each time the answer is
 * GAN_ERROR_MEMORY, nothing is left behind, the old file stays, and the next try succeeds. */
#include "../failing_malloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if REPLACEABLE
static char folder[512], path[1024];
static gan_context *ctx;
static gan_tensor *weight;

static void setup(void)
{
    snprintf(folder, sizeof folder, "%s", test_folder("file-memory"));
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
    ck_assert_int_eq(gan_context_create(NULL, &ctx, &message), GAN_OK);
    gan_scope_begin(ctx);
    weight = gan_keep(gan_randn(ctx, GAN_SHAPE(4, 3, 3, 2)));
}

static void teardown(void)
{
    gan_release(weight);
    gan_scope_end(ctx, NULL);
    gan_context_destroy(ctx);
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static gan_status write_file(void)
{
    gan_file_writer *w = gan_file_writer_create();
    if (!w)
        return GAN_ERROR_MEMORY;
    gan_status status = gan_file_add(w, "weight", weight, GAN_LAYOUT_CONV_WEIGHT, &message);
    for (int i = 0; i < 80 && status == GAN_OK; i++) { /* more than fit before the list grows */
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        status = gan_file_add_number(w, name, i, &message);
    }
    if (status == GAN_OK)
        status = gan_file_add_text(w, "note", "text", &message);
    if (status == GAN_OK)
        status = gan_file_commit(w, path, &message);
    gan_file_writer_destroy(w);
    return status;
}

static gan_status read_file(void)
{
    gan_file *f;
    double number;
    gan_status status = gan_file_open(path, &f, &message);
    if (status != GAN_OK)
        return status;
    status = gan_file_read(f, "weight", weight, GAN_LAYOUT_CONV_WEIGHT, &message);
    if (status == GAN_OK)
        status = gan_file_read_number(f, "n79", &number, &message);
    if (status == GAN_OK && number != 79)
        status = GAN_ERROR_FORMAT;
    gan_file_close(f);
    return status;
}

static gan_status set_options(void)
{
    static const gan_option table[] = {{"name", GAN_OPTION_STRING, "a", 0, 0, NULL, ""},
                                       {"loss", GAN_OPTION_CHOICE, "a", 0, 0, "a|b", ""},
                                       {"widths", GAN_OPTION_INT_LIST, "[1, 2]", 0, 0, NULL, ""},
                                       {"lr", GAN_OPTION_FLOAT, "0.1", 0, 0, NULL, ""},
                                       {0}};
    message.text[0] = '\0';
    gan_options *options = gan_options_create(table, &message);
    if (!options)
        return strstr(message.text, "out of memory") ? GAN_ERROR_MEMORY : GAN_ERROR_OPTION;
    gan_status status = gan_options_set(options, "name", "b", &message);
    if (status == GAN_OK)
        status = gan_options_set(options, "widths", "[3]", &message);
    gan_options_destroy(options);
    return status;
}

static int files_in_folder(void)
{
    char command[700];
    snprintf(command, sizeof command, "test \"$(ls '%s')\" = a.safetensors", folder);
    return system(command);
}

START_TEST(every_allocation_may_fail)
{
    torture("writing a file", write_file);
    ck_assert_int_eq(files_in_folder(), 0);
    torture("reading a file", read_file);
    torture("options", set_options);
}
END_TEST
#endif

int main(void)
{
    return memory_test_main("file_memory", setup, teardown, every_allocation_may_fail);
}
