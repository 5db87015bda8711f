/* The safetensors reader on any bytes: what it accepts must be readable to the last byte. */
#include "fuzz.h"

#include <gan/io.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gan_file *file;
    if (gan_file_open_memory(data, size, "input", &file, &(gan_message){{0}}) != GAN_OK)
        return 0;
    unsigned sum = 0;
    for (int i = 0; i < gan_file_count(file); i++) {
        const char *name = gan_file_name_at(file, i), *dtype;
        gan_shape shape;
        size_t bytes;
        double number;
        if (!gan_file_has(file, name) || !gan_file_info(file, name, &shape, &dtype))
            fuzz_failed("a name that is listed is not found");
        const unsigned char *value = gan_file_data(file, name, &bytes);
        for (size_t k = 0; k < bytes; k++)
            sum += value[k];
        gan_file_read_number(file, name, &number, NULL);
    }
    gan_file_text(file, "format");
    gan_file_close(file);
    fuzz_use(sum);
    return 0;
}
