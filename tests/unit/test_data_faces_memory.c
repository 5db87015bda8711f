/* Memory runs out while a face is opened and drawn: each allocation fails in turn, the answer is GAN_ERROR_MEMORY,
 * nothing is left behind, and the next try succeeds. */
#include "../support.h"

#include "../failing_malloc.h"

#if REPLACEABLE
static void setup(void) {}

static void teardown(void) {}

static gan_status draw_sketch(void)
{
    static uint8_t pixels[32 * 32 * 3];
    gan_dataset *dataset = NULL;
    gan_data_options options = {.struct_size = sizeof options, .source = "builtin:sketches", .resolution = 32};
    gan_status status = gan_dataset_open(&options, &dataset, &message);
    if (status != GAN_OK)
        return status;
    status = gan_dataset_get(dataset, 5, pixels, NULL, &message);
    gan_dataset_close(dataset);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    torture("builtin:sketches", draw_sketch);
}
END_TEST
#endif

int main(void)
{
    return memory_test_main("data_faces_memory", setup, teardown, every_allocation_may_fail);
}
