#include "internal.h"
#include "philox.h"

/* Streams keep the draws of different purposes apart under one seed. */
enum { STREAM_TENSORS = 0, STREAM_LATENTS = 1 };

void gan_philox(uint64_t key, uint64_t stream, uint64_t counter, uint32_t out[4])
{
    gan__philox(key, stream, counter, &out[0], &out[1], &out[2], &out[3]);
}

gan_random_state gan_random_get(const gan_context *ctx)
{
    return ctx->random;
}

void gan_random_set(gan_context *ctx, gan_random_state state)
{
    ctx->random = state;
}

static gan_tensor *draw(const char *name, gan_context *ctx, gan__random_kind kind, gan_shape shape, float a, float b)
{
    gan_tensor *out = gan__tensor_new(ctx, shape, kind == GAN__RANDOM_INT ? GAN_I32 : GAN_F32);
    int64_t n = gan_count(out);
    if (out->poison || n == 0)
        return out;
    gan_status status = ctx->backend->ops->random(ctx->backend, kind, ctx->random.seed, STREAM_TENSORS,
                                                  ctx->random.counter, a, b, n, out->storage->data);
    ctx->random.counter += (uint64_t)(n + 3) / 4;
    return status == GAN_OK ? out : gan__poison_backend(ctx, status, name, 1, &out);
}

gan_tensor *gan_rand(gan_context *ctx, gan_shape shape, float low, float high)
{
    return draw("rand", ctx, GAN__RANDOM_UNIFORM, shape, low, high);
}

gan_tensor *gan_randn(gan_context *ctx, gan_shape shape)
{
    return draw("randn", ctx, GAN__RANDOM_NORMAL, shape, 0.0f, 1.0f);
}

gan_tensor *gan_randint(gan_context *ctx, gan_shape shape, int32_t high)
{
    if (high < 1 || high > 1 << 24) /* the bound travels as f32 */
        return gan__poison(ctx, GAN_ERROR_ARGUMENT, "randint", "the bound must be from 1 to 2^24, but is %d",
                           (int)high);
    return draw("randint", ctx, GAN__RANDOM_INT, shape, 0.0f, (float)high);
}

/* In f32, which is exact up to 2^24. */
gan_tensor *gan_randint_other(gan_tensor *values, int32_t high)
{
    if (values->poison)
        return values;
    gan_context *ctx = values->ctx;
    if (values->dtype != GAN_I32)
        return gan__poison(ctx, GAN_ERROR_DTYPE, "randint_other", "values are i32, but got %s",
                           gan_dtype_name(values->dtype));
    if (high < 2 || high > 1 << 23)
        return gan__poison(ctx, GAN_ERROR_ARGUMENT, "randint_other", "the bound must be from 2 to 2^23, but is %d",
                           (int)high);
    gan_scope_begin(ctx);
    gan_tensor *in[2] = {values, gan_randint(ctx, values->shape, high - 1)};
    gan_tensor *next = gan_add_scalar(gan__map("randint_other", GAN__MAP_ADD, 0, 0, 2, in, values->shape, GAN_F32), 1);
    gan_tensor *past = gan_greater_equal(next, gan_full(ctx, GAN_SCALAR, (float)high));
    gan_tensor *other = gan_sub(next, gan_scale(past, (float)high));
    return gan_scope_end(ctx, gan__map("randint_other", GAN__MAP_COPY, 0, 0, 1, &other, values->shape, GAN_I32));
}

gan_tensor *gan_randn_of_seeds(gan_context *ctx, const uint64_t *seeds, int64_t n, int64_t width)
{
    gan_tensor *out = gan__tensor_new(ctx, GAN_SHAPE(n, width), GAN_F32);
    if (out->poison || gan_count(out) == 0)
        return out;
    for (int64_t i = 0; i < n; i++) {
        gan_status status = ctx->backend->ops->random(ctx->backend, GAN__RANDOM_NORMAL, seeds[i], STREAM_LATENTS, 0,
                                                      0.0f, 1.0f, width, (float *)out->storage->data + i * width);
        if (status != GAN_OK)
            return gan__poison_backend(ctx, status, "randn_of_seeds", 1, &out);
    }
    return out;
}
