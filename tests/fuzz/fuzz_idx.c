/* The IDX reader on any bytes, plain and gzip: what it accepts has the size that it says, and as images or labels but
 * never both. */
#include "fuzz.h"

#include "data/idx.h"

static int accepted(const uint8_t *data, size_t size, gan__idx_kind kind)
{
    gan__idx idx;
    if (gan__idx_load_memory(data, size, "input", kind, &idx, &(gan_message){{0}}) != GAN_OK)
        return 0;
    if (idx.count < 1 || idx.height < 1 || idx.width < 1 || idx.height > GAN__IDX_MAX_SIDE ||
        idx.width > GAN__IDX_MAX_SIDE)
        fuzz_failed("accepted with a size out of range");
    unsigned sum = 0;
    for (int64_t i = 0; i < idx.count * idx.height * idx.width; i++)
        sum += idx.data[i];
    fuzz_use(sum);
    gan__idx_free(&idx);
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (accepted(data, size, GAN__IDX_IMAGES) + accepted(data, size, GAN__IDX_LABELS) == 2)
        fuzz_failed("accepted both as images and as labels");
    return 0;
}
