/* Memory runs out in pools of images: each allocation fails in turn, and each time the answer is GAN_ERROR_MEMORY,
 * nothing is left behind, and the next try succeeds. */
#include "../failing_malloc.h"

#if REPLACEABLE
static gan_context *ctx;

static void setup(void)
{
    ck_assert_int_eq(
        gan_context_create(&(gan_context_options){.struct_size = sizeof(gan_context_options), .threads = 1}, &ctx,
                           &message),
        GAN_OK);
}

static void teardown(void)
{
    gan_context_destroy(ctx);
}

static gan_status use_pool(void)
{
    gan_clear_status(ctx);
    gan_memory_trim(ctx); /* so that tensors ask the system too */
    gan_scope_begin(ctx);
    gan_model *model = gan_model_new(ctx, sizeof *model);
    if (model) {
        gan_pool *pool = gan_pool_create(model, "fakes", 3, 4, 64, 64, 3);
        for (int i = 0; i < 4; i++) {
            gan_pool_draw(pool, 4);
            gan_pool_exchange(pool, gan_full(ctx, GAN_SHAPE(4, 64, 64, 3), (float)i));
        }
        gan_pool_destroy(pool);
        gan_model_free(model);
    }
    gan_scope_end(ctx, NULL);
    gan_memory_trim(ctx);
    if (gan_memory(ctx).bytes_in_use > 0)
        return gan_fail(&message, GAN_ERROR_STATE, "tensors are left behind");
    return gan_fail(&message, gan_status_of(ctx), "%s", gan_status_message(ctx));
}

START_TEST(every_allocation_may_fail)
{
    torture("a pool of images", use_pool);
}
END_TEST
#endif

int main(void)
{
    return memory_test_main("pool_memory", setup, teardown, every_allocation_may_fail);
}
