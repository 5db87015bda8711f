/* labels.c - embedding and one-hot coding. */
#include <stdlib.h>

#include "core/internal.h"

static bool labels_valid(const char *name, gan_tensor *labels, gan_tensor **bad)
{
    *bad = labels;
    if (labels->poison)
        return false;
    if (labels->dtype == GAN_I32 && labels->shape.ndim == 1)
        return true;
    *bad = gan__poison(labels->ctx, GAN_ERROR_DTYPE, name, "labels are i32 (N), but got %s %s",
                       gan_dtype_name(labels->dtype), GAN__TEXT(labels->shape));
    return false;
}

/* in: rows, labels. The adjoint of the embedding: rows added up by label. */
static void scatter_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    grads[0] = gan_embedding(g, n->saved[0]);
}

static gan_tensor *scatter(gan_tensor *rows, gan_tensor *labels, int64_t entries)
{
    static const gan__op op = {"embedding", scatter_backward, 0, false};
    gan_tensor *bad;
    if (!gan__floating("embedding", rows, &bad))
        return bad;
    rows = gan_cast(rows, GAN_F32);
    gan_context *ctx = labels->ctx;
    int64_t width = gan_dim(rows, 1);
    gan_tensor *out = gan_zeros(ctx, GAN_SHAPE(entries, width));
    if (out->poison || rows->poison)
        return ctx->poison;
    gan__backend *be = ctx->backend;
    gan_status status = be->ops->scatter_rows(be, rows->storage->data, labels->storage->data, gan_count(labels), width,
                                              entries, out->storage->data);
    if (status != GAN_OK)
        return gan__poison_backend(ctx, status, "embedding", 2, (gan_tensor *[]){rows, labels});
    gan__node *n = gan__record(&op, out, 1, &rows);
    if (n)
        n->saved[0] = gan_keep(labels);
    return out;
}

static void embedding_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    grads[0] = scatter(g, n->saved[0], n->in[0].shape.dim[0]);
}

gan_tensor *gan_embedding(gan_tensor *table, gan_tensor *labels)
{
    static const gan__op op = {"embedding", embedding_backward, 0, false};
    gan_tensor *bad;
    if (!gan__floating("embedding", table, &bad) || !labels_valid("embedding", labels, &bad))
        return bad;
    if (table->shape.ndim != 2 || table->ctx != labels->ctx)
        return gan__poison(table->ctx, GAN_ERROR_SHAPE, "embedding", "a table is (entries, width), but got %s",
                           GAN__TEXT(table->shape));
    table = gan_cast(table, GAN_F32);
    gan_context *ctx = table->ctx;
    int64_t n = gan_count(labels), width = gan_dim(table, 1);
    gan_tensor *out = gan__tensor_new(ctx, GAN_SHAPE(n, width), GAN_F32);
    if (out->poison || table->poison || n == 0)
        return table->poison ? table : out;
    gan__backend *be = ctx->backend;
    gan_status status = be->ops->gather_rows(be, table->storage->data, gan_dim(table, 0), width, labels->storage->data,
                                             n, out->storage->data);
    if (status != GAN_OK)
        return gan__poison_backend(ctx, status, "embedding", 2, (gan_tensor *[]){table, labels});
    gan__node *node = gan__record(&op, out, 1, &table);
    if (node)
        node->saved[0] = gan_keep(labels);
    return out;
}

gan_tensor *gan__counting(gan_context *ctx, int64_t n)
{
    if (!ctx->counting || gan_count(ctx->counting) < n) {
        int32_t *host = malloc((size_t)n * sizeof *host);
        if (!host)
            return gan__poison(ctx, GAN_ERROR_MEMORY, "one_hot", "no memory for the numbers to %lld", (long long)n);
        for (int64_t i = 0; i < n; i++)
            host[i] = (int32_t)i;
        gan_tensor *numbers = gan_from_i32(ctx, GAN_SHAPE(n), host);
        free(host);
        if (numbers->poison)
            return numbers;
        gan_release(ctx->counting);
        ctx->counting = gan_keep(numbers);
    }
    return gan__tensor_view(ctx->counting, GAN_SHAPE(n));
}

gan_tensor *gan_one_hot(gan_tensor *labels, int64_t classes)
{
    gan_tensor *bad;
    if (!labels_valid("one_hot", labels, &bad))
        return bad;
    gan_context *ctx = labels->ctx;
    if (classes < 1 || classes > 1 << 20)
        return gan__poison(ctx, GAN_ERROR_ARGUMENT, "one_hot", "%lld is no number of classes", (long long)classes);
    gan_scope_begin(ctx);
    gan_tensor *in_range = gan_embedding(gan_full(ctx, GAN_SHAPE(classes, 1), 1.0f), labels); /* refuses others */
    if (in_range->poison)
        return gan_scope_end(ctx, in_range);
    gan_tensor *numbers = gan__counting(ctx, classes);
    if (numbers->poison)
        return gan_scope_end(ctx, numbers);
    gan_tensor *column = gan_reshape(labels, GAN_SHAPE(gan_count(labels), 1));
    return gan_scope_end(ctx, gan_equal(column, numbers));
}
