/* node.c - recording operations. */
#include <string.h>

#include "core/internal.h"

bool gan__recording(const gan_context *ctx)
{
    return ctx->no_grad == 0 && ctx->status == GAN_OK;
}

bool gan_requires_grad(const gan_tensor *t)
{
    return t->variable || t->node != NULL;
}

gan__node *gan__record(const gan__op *op, gan_tensor *out, int n, gan_tensor *const *in)
{
    gan_context *ctx = out->ctx;
    if (out->poison || !gan__recording(ctx))
        return NULL;
    bool any = false;
    for (int i = 0; i < n; i++)
        any = any || (in[i] && gan_requires_grad(in[i]));
    if (!any)
        return NULL;
    gan__node *node = gan__record_new(ctx, &ctx->free_nodes, sizeof *node);
    if (!node) {
        gan__poison(ctx, GAN_ERROR_MEMORY, op->name, "no memory to record the operation");
        return NULL;
    }
    node->op = op;
    node->ctx = ctx;
    node->refs = 1;
    node->n_in = n;
    node->shape = out->shape;
    node->dtype = out->dtype;
    node->order = ++ctx->node_order;
    for (int i = 0; i < n; i++) {
        gan__edge *e = &node->in[i];
        if (!in[i])
            continue;
        e->shape = in[i]->shape;
        e->dtype = in[i]->dtype;
        if (in[i]->node) {
            e->node = in[i]->node;
            e->node->refs++;
        } else if (in[i]->variable) {
            e->leaf = in[i];
            gan__tensor_retain(e->leaf);
        }
        if (op->saves_inputs & (1u << i)) {
            e->value = in[i];
            gan__tensor_retain(e->value);
        }
    }
    if (op->saves_output) {
        node->output = out->storage;
        gan__storage_retain(node->output);
    }
    out->node = node;
    return node;
}

/* Let go of everything that backward would need; edges stay until the node itself goes. */
static void drop_values(gan__node *n)
{
    for (int i = 0; i < n->n_in; i++) {
        gan__tensor_release(n->in[i].value);
        n->in[i].value = NULL;
    }
    for (int i = 0; i < 2; i++) {
        gan__tensor_release(n->saved[i]);
        n->saved[i] = NULL;
    }
    gan__storage_release(n->ctx, n->output);
    n->output = NULL;
}

void gan__node_consume(gan__node *n)
{
    drop_values(n);
    n->consumed = true;
}

void gan__node_release(gan__node *n)
{
    if (!n || --n->refs > 0)
        return;
    drop_values(n);
    for (int i = 0; i < n->n_in; i++) {
        gan__tensor_release(n->in[i].leaf);
        gan__node_release(n->in[i].node);
    }
    gan__record_free(&n->ctx->free_nodes, n);
}

bool gan__wants(const gan__node *n, int i)
{
    return n->in[i].wanted;
}

gan_tensor *gan__input(gan__node *n, int i)
{
    return n->in[i].value;
}

gan_tensor *gan__output(gan__node *n)
{
    gan_tensor *t = gan__tensor_of_storage(n->ctx, n->output, n->shape, n->dtype);
    if (!t->poison && gan__recording(n->ctx)) {
        t->node = n;
        n->refs++;
    }
    return t;
}

gan_tensor *gan_detach(gan_tensor *t)
{
    return t->poison ? t : gan__tensor_view(t, t->shape);
}

gan_tensor *gan_variable(gan_tensor *t)
{
    if (t->poison)
        return t;
    if (t->dtype != GAN_F32 && t->dtype != GAN_BF16)
        return gan__poison(t->ctx, GAN_ERROR_DTYPE, "variable", "%s has no derivative", gan_dtype_name(t->dtype));
    gan_tensor *v = gan__tensor_view(t, t->shape);
    if (!v->poison)
        v->variable = true;
    return v;
}
