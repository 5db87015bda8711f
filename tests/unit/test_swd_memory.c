/* Memory runs out in the sliced Wasserstein distance: each allocation fails in turn. */
#include "../support.h"

#include "../failing_malloc.h"

#if REPLACEABLE
enum { N = 3, SIDE = 32 };

static void setup(void) {}

static void teardown(void) {}

static gan_status describe(gan_swd **out)
{
    static uint8_t images[N * SIDE * SIDE];
    gan_swd_options options = {
        .struct_size = sizeof options, .resolution = SIDE, .channels = 1, .count = N, .threads = 1};
    gan_swd *set = NULL;
    gan_status status = gan_swd_create(&options, &set, &message);
    if (!status)
        status = gan_swd_add(set, images, N, &message);
    if (status)
        gan_swd_destroy(set);
    else
        *out = set;
    return status;
}

static gan_status describe_and_forget(void)
{
    gan_swd *set;
    gan_status status = describe(&set);
    if (!status)
        gan_swd_destroy(set);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    enum { OURS = 5 }; /* what comes behind them is oneDNN's, which ends the program when it gets nothing */
    gan_swd *set;
    gan_swd_result result;
    torture("a set", describe_and_forget);
    ck_assert_int_eq(describe(&set), GAN_OK);
    ck_assert_int_eq(gan_swd_compare(set, set, &result, &message), GAN_OK);
    int before = live;
    for (int nth = 1; nth <= OURS; nth++) {
        failed = false;
        fail_in = nth;
        gan_status status = gan_swd_compare(set, set, &result, &message);
        fail_in = 0;
        ck_assert(failed);
        ck_assert_msg(status == GAN_ERROR_MEMORY, "allocation %d: %s", nth, gan_status_name(status));
        ck_assert_msg(live == before, "allocation %d: %d blocks are left behind", nth, live - before);
    }
    ck_assert_int_eq(gan_swd_compare(set, set, &result, &message), GAN_OK);
    gan_swd_destroy(set);
}
END_TEST
#endif

int main(void)
{
    return memory_test_main("swd_memory", setup, teardown, every_allocation_may_fail);
}
