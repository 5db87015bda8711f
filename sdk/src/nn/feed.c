/* feed.c - batches on their way from a loader to the device (graph.h). */
#include <gan/graph.h>

#include <stdlib.h>

#include "core/internal.h"

struct gan_feed {
    gan_context *ctx;
    gan_data_info info;
    gan_tensor *images, *images_b, *labels; /* kept; of the last batch's size */
    int64_t n;
};

gan_feed *gan_feed_create(gan_context *ctx, const gan_data_info *info)
{
    gan_feed *feed = calloc(1, sizeof *feed);
    if (!feed) {
        gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for a feed");
        return NULL;
    }
    *feed = (gan_feed){.ctx = ctx, .info = *info};
    return feed;
}

void gan_feed_destroy(gan_feed *feed)
{
    if (!feed)
        return;
    gan_release(feed->images);
    gan_release(feed->images_b);
    gan_release(feed->labels);
    free(feed);
}

static gan_tensor *kept(gan_context *ctx, gan_shape shape, gan_dtype dtype)
{
    gan_no_grad_begin(ctx);
    gan_tensor *t = gan_keep(gan__tensor_new(ctx, shape, dtype));
    gan_no_grad_end(ctx, NULL);
    return t;
}

static gan_status resize(gan_feed *feed, const gan_host_batch *a, const gan_host_batch *b)
{
    const gan_data_info *info = &feed->info;
    gan_shape shape = GAN_SHAPE(a->n, info->height, info->width, info->channels);
    gan_release(feed->images);
    gan_release(feed->images_b);
    gan_release(feed->labels);
    feed->images = kept(feed->ctx, shape, GAN_F32);
    feed->images_b = b ? kept(feed->ctx, shape, GAN_F32) : NULL;
    feed->labels = a->labels ? kept(feed->ctx, GAN_SHAPE(a->n), GAN_I32) : NULL;
    feed->n = feed->ctx->status == GAN_OK ? a->n : 0;
    return feed->ctx->status;
}

/* target = f(host values of type dtype). */
static void bring(gan_context *ctx, const void *host, gan_dtype dtype, gan__map_op f, gan_tensor *target)
{
    gan__backend *be = ctx->backend;
    const float params[4] = {0};
    const void *device;
    size_t bytes = (size_t)gan_count(target) * gan_dtype_size(dtype);
    if (ctx->status != GAN_OK || bytes == 0)
        return;
    gan__storage_touch(ctx, target->storage);
    gan_status status = be->ops->upload(be, host, bytes, &device);
    if (status == GAN_OK) {
        gan__array out = gan__array_of(target), in = out;
        in.data = (void *)device;
        in.dtype = dtype;
        in.storage = NULL;
        status = be->ops->map(be, f, params, 1, &in, &out);
        gan_status done = be->ops->upload_done(be, device);
        status = status == GAN_OK ? done : status;
    }
    if (status != GAN_OK)
        gan__poison_backend(ctx, status, "a batch", 1, &target);
}

static void bring_images(gan_feed *feed, const gan_host_batch *host, gan_tensor *target)
{
    bool bytes = feed->info.scaled;
    bring(feed->ctx, host->pixels, bytes ? GAN_U8 : GAN_F32, bytes ? GAN__MAP_FROM_BYTES : GAN__MAP_COPY, target);
}

/* `b` is NULL where there is one domain. */
static gan_status feed_batches(gan_feed *feed, const gan_host_batch *a, const gan_host_batch *b, gan_batch *out)
{
    gan_context *ctx = feed->ctx;
    if (ctx->status != GAN_OK)
        return ctx->status;
    if (a->n < 1)
        return gan_raise(ctx, GAN_ERROR_ARGUMENT, "a batch needs at least one sample");
    if (b && b->n != a->n)
        return gan_raise(ctx, GAN_ERROR_ARGUMENT, "a batch has %lld samples of the first domain and %lld of the second",
                         (long long)a->n, (long long)b->n);
    bool fits = a->n == feed->n && !a->labels == !feed->labels && !b == !feed->images_b;
    if (!fits && resize(feed, a, b) != GAN_OK)
        return ctx->status;
    bring_images(feed, a, feed->images);
    if (b)
        bring_images(feed, b, feed->images_b);
    if (feed->labels)
        bring(ctx, a->labels, GAN_I32, GAN__MAP_COPY, feed->labels);
    if (ctx->status == GAN_OK)
        *out = (gan_batch){.struct_size = sizeof *out,
                           .n = a->n,
                           .images = feed->images,
                           .images_b = feed->images_b,
                           .labels = feed->labels};
    return ctx->status;
}

gan_status gan_feed_batch(gan_feed *feed, const gan_host_batch *host, gan_batch *out)
{
    return feed_batches(feed, host, NULL, out);
}

gan_status gan_feed_pair(gan_feed *feed, const gan_host_batch *a, const gan_host_batch *b, gan_batch *out)
{
    return feed_batches(feed, a, b, out);
}
