/*
 * pool.c - pools of generated images (pool.h).
 *
 * Image i of all that a pool is given, counted from 0, is stored in slot i while i < size. What becomes of a later one
 * is said by the Philox block (key: the context's seed; stream: the 64-bit FNV-1a hash of the pool's name, with its
 * highest bit set; counter: i): where its first word is below 2^31, the image is given back; else it is exchanged for
 * the one in slot floor(second word * size / 2^32).
 *
 * The host decides, and resolves what images of one batch do to each other: what remains are copies of rows of one
 * table, the pool's slots with the batch behind them. Which rows is brought to the device by gan_pool_draw, before a
 * step that is recorded begins, so that a replay finds other ones in the same place.
 */
#include <stdio.h>
#include <stdlib.h>

#include <gan/pool.h>

#include "core/internal.h"
#include "core/philox.h"
#include "layer.h"

#define LARGEST (1 << 24) /* images of a pool or a batch */
#define COUNTED 0x1p53    /* images that a double counts */

struct gan_pool {
    gan_context *ctx;
    uint64_t stream;
    int64_t size, batch, height, width, channels;
    int64_t pending;   /* images that were decided on for the next exchange */
    double drawn;      /* images that were decided on in all; the model's state */
    gan_tensor *table; /* [size + batch, height * width * channels] */
    gan_tensor *given; /* I32 [batch]: the row that is given for each image */
    gan_tensor *kept;  /* I32 [size]: the row whose image each slot has afterwards */
    int32_t *given_host, *kept_host;
};

/* ---- making and ending ---- */

/* Fowler, Noll and Vo's FNV-1a of 64 bits. The highest bit keeps clear of the small streams of other purposes. */
static uint64_t stream_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    return hash | (uint64_t)1 << 63;
}

static bool in_range(gan_context *ctx, const char *what, int64_t value, int64_t least)
{
    if (value >= least && value <= LARGEST)
        return true;
    gan_raise(ctx, GAN_ERROR_ARGUMENT, "a pool of images: the %s is %lld, but must be %lld to %d", what,
              (long long)value, (long long)least, LARGEST);
    return false;
}

static void make_table(gan_pool *p)
{
    gan_context *ctx = p->ctx;
    int64_t image = p->height * p->width; /* at most 2^48; the tensor refuses more than 2^46 bytes */
    if (__builtin_mul_overflow(image, p->channels, &image)) {
        gan_raise(ctx, GAN_ERROR_ARGUMENT, "a pool of images: they are too large");
        return;
    }
    p->table = gan_keep(gan_zeros(ctx, GAN_SHAPE(p->size + p->batch, image)));
    p->given = gan_keep(gan__tensor_new(ctx, GAN_SHAPE(p->batch), GAN_I32));
    p->kept = gan_keep(gan__tensor_new(ctx, GAN_SHAPE(p->size), GAN_I32));
    p->given_host = calloc((size_t)p->batch, sizeof *p->given_host);
    p->kept_host = calloc((size_t)p->size, sizeof *p->kept_host);
    if (!p->given_host || !p->kept_host)
        gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for a pool of images");
}

/* The slots, without the batch behind them, and the counter are the model's state. */
static void add_state(gan_pool *p, gan_model *model, const char *name)
{
    char images[GAN__NAME_MAX], drawn[GAN__NAME_MAX];
    if ((size_t)snprintf(images, sizeof images, "%s.images", name) >= sizeof images) {
        gan_raise(p->ctx, GAN_ERROR_LIMIT, "a pool of images: the name \"%.80s\" is too long", name);
        return;
    }
    snprintf(drawn, sizeof drawn, "%s.drawn", name);
    gan_tensor *slots = gan__tensor_view(p->table, GAN_SHAPE(p->size, p->height, p->width, p->channels));
    gan_model_tensor(model, images, gan_keep(slots));
    if (p->ctx->status == GAN_ERROR_MEMORY) /* then it has not become the model's */
        gan_release(slots);
    if (p->ctx->status == GAN_OK)
        gan_model_number(model, drawn, &p->drawn);
}

gan_pool *gan_pool_create(gan_model *model, const char *name, int64_t size, int64_t batch, int64_t height,
                          int64_t width, int64_t channels)
{
    gan_context *ctx = model->ctx;
    if (ctx->status != GAN_OK || !in_range(ctx, "size", size, 0) || !in_range(ctx, "batch", batch, 1) ||
        !in_range(ctx, "height", height, 1) || !in_range(ctx, "width", width, 1) ||
        !in_range(ctx, "number of channels", channels, 1))
        return NULL;
    gan_pool *p = calloc(1, sizeof *p);
    if (!p) {
        gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for a pool of images");
        return NULL;
    }
    *p = (gan_pool){.ctx = ctx,
                    .stream = stream_of(name),
                    .size = size,
                    .batch = batch,
                    .height = height,
                    .width = width,
                    .channels = channels};
    if (size == 0)
        return p;
    gan_no_grad_begin(ctx);
    make_table(p);
    if (ctx->status == GAN_OK)
        add_state(p, model, name);
    gan_no_grad_end(ctx, NULL);
    if (ctx->status == GAN_OK)
        return p;
    gan_pool_destroy(p);
    return NULL;
}

void gan_pool_destroy(gan_pool *p)
{
    if (!p)
        return;
    gan_release(p->table);
    gan_release(p->given);
    gan_release(p->kept);
    free(p->given_host);
    free(p->kept_host);
    free(p);
}

/* ---- deciding ---- */

/* The next image, the batch's `i`. */
static void decide(gan_pool *p, int64_t i)
{
    int32_t own = (int32_t)(p->size + i);
    int64_t number = (int64_t)p->drawn++;
    p->given_host[i] = own;
    if (number < p->size) {
        p->kept_host[number] = own;
        return;
    }
    uint32_t word[4];
    gan_philox(p->ctx->random.seed, p->stream, (uint64_t)number, word);
    if (word[0] < 0x80000000u)
        return;
    int32_t slot = gan__int_of_word(word[1], (uint32_t)p->size);
    p->given_host[i] = p->kept_host[slot];
    p->kept_host[slot] = own;
}

static void to_device(gan_pool *p, gan_tensor *target, const int32_t *host, int64_t n)
{
    gan__backend *be = p->ctx->backend;
    gan__storage_touch(p->ctx, target->storage);
    gan_status status = be->ops->copy_in(be, target->storage->data, host, (size_t)n * sizeof *host);
    if (status != GAN_OK)
        gan__poison_backend(p->ctx, status, "pool of images", 1, &target);
}

static bool can_draw(gan_pool *p, int64_t n)
{
    gan_context *ctx = p->ctx;
    if (n < 1 || n > p->batch)
        gan_raise(ctx, GAN_ERROR_ARGUMENT, "a pool for batches of 1 to %lld images gets one of %lld",
                  (long long)p->batch, (long long)n);
    else if (ctx->capture) /* a replay would not decide anew; nothing has changed when the step is then run as it is */
        gan_raise(ctx, GAN_ERROR_STATE, "gan_pool_draw is called by prepare, not by a step that is recorded");
    else if (!(p->drawn >= 0 && p->drawn <= COUNTED - (double)n)) /* it may come from a file */
        gan_raise(ctx, GAN_ERROR_STATE, "a pool was given %g images, which is no number of images", p->drawn);
    return ctx->status == GAN_OK;
}

void gan_pool_draw(gan_pool *p, int64_t n)
{
    if (!p || p->size == 0 || p->ctx->status != GAN_OK || !can_draw(p, n))
        return;
    for (int64_t slot = 0; slot < p->size; slot++)
        p->kept_host[slot] = (int32_t)slot;
    for (int64_t i = 0; i < n; i++)
        decide(p, i);
    to_device(p, p->given, p->given_host, n);
    to_device(p, p->kept, p->kept_host, p->size);
    p->pending = n;
}

/* ---- exchanging ---- */

/* The batch's rows of the table become `images`. */
static gan_status bring(gan_pool *p, gan_tensor *images)
{
    gan__backend *be = p->ctx->backend;
    const float params[4] = {0};
    gan__array in = gan__array_of(images), out = in;
    out.data = (float *)p->table->storage->data + p->size * gan_dim(p->table, 1);
    out.dtype = GAN_F32;
    out.storage = p->table->storage;
    gan__storage_touch(p->ctx, p->table->storage);
    return be->ops->map(be, GAN__MAP_COPY, params, 1, &in, &out);
}

/* The slots become what `kept` says. A step that is run as it is copies the images that change; one that is recorded
 * copies all, because others change at each replay. */
static gan_status store(gan_pool *p)
{
    gan__backend *be = p->ctx->backend;
    int64_t width = gan_dim(p->table, 1);
    if (p->ctx->capture)
        return gan_assign(gan__tensor_view(p->table, GAN_SHAPE(p->size, width)), gan_embedding(p->table, p->kept));
    float *rows = p->table->storage->data;
    gan_status status = GAN_OK;
    for (int64_t slot = 0; slot < p->size && status == GAN_OK; slot++)
        if (p->kept_host[slot] != slot)
            status =
                be->ops->copy(be, rows + slot * width, rows + p->kept_host[slot] * width, (size_t)width * sizeof *rows);
    return status;
}

static bool fits(gan_pool *p, gan_tensor *images, gan_tensor **bad)
{
    if (!gan__floating("pool of images", images, bad))
        return false;
    gan_shape s = images->shape;
    if (s.ndim == 4 && s.dim[1] == p->height && s.dim[2] == p->width && s.dim[3] == p->channels) {
        if (s.dim[0] == p->pending)
            return true;
        *bad = gan__poison(p->ctx, GAN_ERROR_STATE, "pool of images",
                           "gan_pool_draw was called for %lld images, but %lld are given", (long long)p->pending,
                           (long long)s.dim[0]);
        return false;
    }
    *bad = gan__poison(p->ctx, GAN_ERROR_SHAPE, "pool of images", "its images are %s, but got %s",
                       GAN__TEXT(GAN_SHAPE(p->pending, p->height, p->width, p->channels)), GAN__TEXT(s));
    return false;
}

gan_tensor *gan_pool_exchange(gan_pool *p, gan_tensor *images)
{
    gan_tensor *bad;
    if (!p || p->size == 0)
        return gan_detach(images);
    if (!fits(p, images, &bad))
        return bad;
    gan_context *ctx = p->ctx;
    gan_no_grad_begin(ctx);
    gan_status status = bring(p, images);
    gan_tensor *out = gan_embedding(p->table, gan__tensor_view(p->given, GAN_SHAPE(p->pending)));
    if (status == GAN_OK && !out->poison)
        status = store(p);
    if (status != GAN_OK)
        out = gan__poison_backend(ctx, status, "pool of images", 1, &images);
    if (!ctx->capture) /* a step that cannot be recorded is run once more, as it is */
        p->pending = 0;
    return gan_no_grad_end(ctx, gan_reshape(out, images->shape));
}
