/* The config reader on any bytes: parsed, applied to the host's and a plugin's options, and, when accepted, written and
 * read again without change. */
#include "fuzz.h"

#include <string.h>

#include "../../host/config.h"

static const gan_option options[] = {
    {"latent", GAN_OPTION_INT, "64", 1, 4096, NULL, "A number."},
    {"widths", GAN_OPTION_INT_LIST, "[256, 256]", 1, 4096, NULL, "A list."},
    {"slope", GAN_OPTION_FLOAT, "0.2", 0, 1, NULL, "A fraction."},
    {"loss", GAN_OPTION_CHOICE, "minimax", 0, 0, "minimax|nonsaturating", "A choice."},
    {"bias", GAN_OPTION_BOOL, "true", 0, 0, NULL, "A truth."},
    {"note", GAN_OPTION_STRING, "", 0, 0, NULL, "A text."},
    {0},
};

static const plugin fuzzed = {.table = {.id = "fuzzed", .options = options}};

/* The resolved text of a config; false if the bytes are refused. */
static int resolve(const char *data, size_t size, text *out)
{
    gan_message message = {{0}};
    yaml_file file = {0};
    config c = {0};
    gan_status status = yaml_file_parse("input", data, size, &file, &message);
    if (!status)
        status = config_create(&fuzzed, &c, &message);
    if (!status)
        status = config_apply(&c, &file, &message);
    if (!status)
        config_write(&c, size % 2 == 0, out);
    else if (!message.text[0])
        fuzz_failed("refused without a sentence");
    config_free(&c);
    yaml_file_free(&file);
    return !status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    text first = {0}, second = {0};
    if (resolve((const char *)data, size, &first)) {
        if (first.size % 2 != size % 2)
            text_add(&first, "\n"); /* the same form again */
        if (!resolve(first.data, first.size, &second))
            fuzz_failed("what was written is refused");
        if (strncmp(first.data, second.data, second.size) != 0)
            fuzz_failed("what was written reads as something else");
    }
    free(first.data);
    free(second.data);
    return 0;
}
