/*
 * grad.c - reverse-mode differentiation.
 *
 * From the output's node, find the nodes on paths to the wanted inputs; visit them from the latest to the earliest,
 * handing each its accumulated gradient. Only edges on such paths are computed. With GAN_CREATE_GRAPH the gradient
 * rules are recorded like any other operators.
 */
#include <string.h>

#include "core/internal.h"

enum { UNSEEN = 0, OPEN = 1, NEEDED = 2, NOT_NEEDED = 3 };

/* Where the gradient of a leaf among the targets is collected: leaf->slot points here. */
typedef struct target {
    gan_tensor *grad;
    bool owned;
} target;

/* A list of nodes in memory that grows. */
typedef struct nodes {
    gan_context *ctx;
    gan__node **at;
    size_t count, capacity;
} nodes;

static bool push(nodes *list, gan__node *n)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 1024;
        gan__node **at = gan__scratch_new(list->ctx, capacity * sizeof *at);
        if (!at) {
            gan__poison(list->ctx, GAN_ERROR_MEMORY, "grad", "no memory for the list of %zu operations", capacity);
            return false;
        }
        if (list->count)
            memcpy(at, list->at, list->count * sizeof *at);
        gan__scratch_free(list->ctx, list->at);
        list->at = at;
        list->capacity = capacity;
    }
    list->at[list->count++] = n;
    return true;
}

/* Mark each edge that leads to a target; true if any does, or the node is one. */
static bool mark_edges(gan__node *n)
{
    bool any = n->slot != 0;
    for (int i = 0; i < n->n_in; i++) {
        gan__edge *e = &n->in[i];
        e->wanted = (e->leaf && e->leaf->slot) || (e->node && e->node->state == NEEDED);
        any = any || e->wanted;
    }
    return any;
}

/* Depth first from `root`: afterwards every reachable node is in `seen`, NEEDED or NOT_NEEDED. */
static bool find_needed(gan__node *root, nodes *seen)
{
    nodes stack = {.ctx = seen->ctx};
    bool ok = push(&stack, root);
    while (ok && stack.count > 0) {
        gan__node *n = stack.at[stack.count - 1];
        if (n->state == UNSEEN) {
            n->state = OPEN;
            ok = push(seen, n);
            for (int i = 0; ok && i < n->n_in; i++)
                if (n->in[i].node && n->in[i].node->state == UNSEEN)
                    ok = push(&stack, n->in[i].node);
            continue;
        }
        stack.count--;
        if (n->state == OPEN)
            n->state = mark_edges(n) ? NEEDED : NOT_NEEDED;
    }
    gan__scratch_free(seen->ctx, stack.at);
    return ok;
}

/* *sum += g; both of the same shape. `owned` says that *sum was made here and is nobody else's. */
static void accumulate(gan_tensor **sum, bool *owned, gan_tensor *g)
{
    gan_context *ctx = g->ctx;
    if (!*sum) {
        *sum = gan_keep(g);
        *owned = false;
        return;
    }
    if (*owned && !gan__recording(ctx) && !g->poison && (*sum)->dtype == g->dtype) {
        gan__array out = gan__array_of(*sum), in[2] = {out, gan__array_of(g)};
        const float params[4] = {0};
        gan_status status = ctx->backend->ops->map(ctx->backend, GAN__MAP_ADD, params, 2, in, &out);
        if (status != GAN_OK)
            gan__poison_backend(ctx, status, "grad", 2, (gan_tensor *[]){*sum, g});
        return;
    }
    gan_tensor *total = gan_keep(gan_add(*sum, g));
    gan_release(*sum);
    *sum = total;
    *owned = true;
}

/* Run one node's rule and hand the results on along its wanted edges. False if it has none. */
static bool run_rule(gan__node *n)
{
    gan_context *ctx = n->ctx;
    gan_tensor *grads[GAN__MAX_INPUTS] = {0};
    bool any = false;
    for (int i = 0; i < n->n_in; i++)
        any = any || n->in[i].wanted;
    if (!any)
        return false;
    if (n->consumed) {
        gan__poison(ctx, GAN_ERROR_STATE, n->op->name,
                    "its recording was consumed by an earlier derivative; ask for that one with GAN_RETAIN_GRAPH");
        return true;
    }
    gan_scope_begin(ctx);
    n->op->backward(n, n->grad, grads);
    for (int i = 0; i < n->n_in && ctx->status == GAN_OK; i++) {
        gan__edge *e = &n->in[i];
        gan_tensor *g = grads[i];
        if (!e->wanted || !g)
            continue;
        if (!gan_shape_equal(g->shape, e->shape)) {
            gan__poison(ctx, GAN_ERROR_STATE, n->op->name, "derivative %d is %s, its input %s", i, GAN__TEXT(g->shape),
                        GAN__TEXT(e->shape));
            break;
        }
        if (g->dtype != e->dtype)
            g = gan_cast(g, e->dtype);
        if (e->leaf) {
            target *t = e->leaf->slot;
            accumulate(&t->grad, &t->owned, g);
        } else {
            accumulate(&e->node->grad, &e->node->grad_owned, g);
        }
    }
    gan_scope_end(ctx, NULL);
    return true;
}

/* Heap sort, latest first; qsort may take memory from the system. */
static void sift(gan__node **a, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && a[child + 1]->order < a[child]->order)
            child++;
        if (a[root]->order <= a[child]->order)
            break;
        gan__node *swap = a[root];
        a[root] = a[child];
        a[child] = swap;
    }
}

static void sort_latest_first(gan__node **a, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(a, i, n);
    while (n > 1) {
        gan__node *earliest = a[0];
        a[0] = a[--n];
        a[n] = earliest;
        sift(a, 0, n);
    }
}

/* Visit the needed nodes, latest first. Nodes are held meanwhile: consuming one may end others. */
static void run_backward(nodes *seen, bool retain)
{
    size_t needed = 0;
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->at[i]->state == NEEDED)
            seen->at[needed++] = seen->at[i];
        else
            seen->at[i]->state = UNSEEN;
    }
    sort_latest_first(seen->at, needed);
    for (size_t i = 0; i < needed; i++)
        seen->at[i]->refs++;
    for (size_t i = 0; i < needed; i++) {
        gan__node *n = seen->at[i];
        bool ran = n->grad && n->ctx->status == GAN_OK && run_rule(n);
        if (n->slot == 0) {
            gan_release(n->grad);
            n->grad = NULL;
        }
        if (ran && !retain)
            gan__node_consume(n);
    }
    seen->count = needed;
}

static bool check_inputs(gan_context *ctx, gan_tensor *output, gan_tensor *weight, gan_tensor *const *inputs, int n)
{
    if (ctx->status != GAN_OK)
        return false;
    if (weight && !gan_shape_equal(weight->shape, output->shape)) {
        gan__poison(ctx, GAN_ERROR_SHAPE, "grad", "the weight is %s, the output %s", GAN__TEXT(weight->shape),
                    GAN__TEXT(output->shape));
        return false;
    }
    bool poison = output->poison || (weight && weight->poison);
    for (int i = 0; i < n; i++)
        poison = poison || inputs[i]->poison;
    if (poison)
        gan__poison(ctx, GAN_ERROR_STATE, "grad", "an input is the result of a failed operator");
    return !poison;
}

/* The gradient of the output itself: `weight`, or ones. */
static gan_tensor *seed(gan_tensor *output, gan_tensor *weight)
{
    if (!weight)
        return gan__map("grad", GAN__MAP_FILL, 1, 0, 0, &output, output->shape, output->dtype);
    return weight->dtype == output->dtype ? weight : gan_cast(weight, output->dtype);
}

gan_status gan__grad(gan_tensor *output, gan_tensor *weight, gan_tensor *const *inputs, int n, gan_tensor **grads,
                     unsigned flags)
{
    gan_context *ctx = output->ctx;
    for (int i = 0; i < n; i++)
        grads[i] = NULL;
    if (!check_inputs(ctx, output, weight, inputs, n) || n <= 0)
        return ctx->status;
    target *targets = gan__scratch_new(ctx, (size_t)n * sizeof *targets);
    if (!targets) {
        gan__poison(ctx, GAN_ERROR_MEMORY, "grad", "no memory for %d derivatives", n);
        return ctx->status;
    }
    bool create = flags & GAN_CREATE_GRAPH;
    if (!create)
        ctx->no_grad++;
    for (int i = 0; i < n; i++) {
        targets[i] = (target){0};
        if (inputs[i]->node)
            inputs[i]->node->slot = 1;
        else if (inputs[i]->variable && !inputs[i]->slot)
            inputs[i]->slot = &targets[i];
    }

    nodes seen = {.ctx = ctx};
    if (output->node && find_needed(output->node, &seen) && output->node->state == NEEDED) {
        output->node->grad = gan_keep(seed(output, weight));
        output->node->grad_owned = false;
        run_backward(&seen, create || (flags & GAN_RETAIN_GRAPH));
    } else {
        for (size_t i = 0; i < seen.count; i++) /* not held by run_backward */
            seen.at[i]->refs++;
    }

    /* The results go into the caller's scope. */
    for (int i = 0; i < n; i++) {
        gan_tensor *g = NULL;
        if (inputs[i]->node)
            g = inputs[i]->node->grad;
        else if (inputs[i]->variable)
            g = inputs[i]->slot ? ((target *)inputs[i]->slot)->grad : NULL;
        if (!output->node && output == inputs[i] && output->variable)
            grads[i] = seed(output, weight);
        else if (g && ctx->status == GAN_OK) {
            grads[i] = gan__tensor_view(g, g->shape);
            if (!grads[i]->poison && g->node) {
                grads[i]->node = g->node;
                g->node->refs++;
            }
        }
    }

    for (int i = 0; i < n; i++) {
        gan_release(targets[i].grad);
        inputs[i]->slot = NULL;
        if (inputs[i]->node)
            inputs[i]->node->slot = 0;
    }
    gan__scratch_free(ctx, targets);
    for (size_t i = 0; i < seen.count; i++) {
        gan__node *node = seen.at[i];
        gan_release(node->grad);
        node->grad = NULL;
    }
    for (size_t i = 0; i < seen.count; i++) {
        seen.at[i]->state = UNSEEN;
        gan__node_release(seen.at[i]);
    }
    gan__scratch_free(ctx, seen.at);
    if (!create)
        ctx->no_grad--;
    return ctx->status;
}

gan_status gan_grad_weighted(gan_tensor *output, gan_tensor *weight, gan_tensor *const *inputs, int n,
                             gan_tensor **grads, unsigned flags)
{
    gan_context *ctx = output->ctx;
    gan__grad(output, weight, inputs, n, grads, flags);
    for (int i = 0; i < n; i++) {
        if (ctx->status != GAN_OK)
            grads[i] = ctx->poison;
        else if (!grads[i])
            grads[i] = gan__map("grad", GAN__MAP_FILL, 0, 0, 0, (gan_tensor *[]){inputs[i]}, inputs[i]->shape,
                                inputs[i]->dtype);
    }
    return ctx->status;
}

gan_status gan_grad(gan_tensor *output, gan_tensor *const *inputs, int n, gan_tensor **grads, unsigned flags)
{
    return gan_grad_weighted(output, NULL, inputs, n, grads, flags);
}
