/* The PNG reader on any bytes. */
#include "fuzz_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_decode(data, size, GAN__IMAGE_PNG);
    return 0;
}
