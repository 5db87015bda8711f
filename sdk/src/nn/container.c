/* container.c - running layers: sequential and residual containers, fusion of activations, early release. */
#include <stdio.h>

#include "layer.h"

/* Where the list of live tensors stands: what is behind it was made later, in the same scope. */
typedef struct mark {
    int scope;
    size_t live;
} mark;

static mark mark_now(const gan_context *ctx)
{
    return (mark){ctx->scope_count, ctx->live_count};
}

/* Release t if it was made after the mark in this scope: an intermediate result, not something that a layer of the
 * caller's own has kept elsewhere and handed out. */
static void drop_if_made_since(mark m, gan_tensor *t)
{
    if (!t->poison && t->scope == m.scope && t->live_index >= m.live)
        gan__drop(t);
}

static gan_tensor *run(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    if (layer->dead || layer->ctx != x->ctx)
        return gan__poison(x->ctx, GAN_ERROR_STATE, "forward", "layer \"%s\" (%s) %s", layer->name, layer->kind->name,
                           layer->dead ? "could not be made" : "belongs to another context");
    return x->poison ? x : layer->kind->forward(layer, x, activation);
}

static void dotted_name(const gan_layer *layer, const gan_layer *root, char *out, size_t size)
{
    const gan_layer *path[GAN__LAYER_DEPTH + 2];
    int n = 0;
    for (; layer && layer != root; layer = layer->parent)
        path[n++] = layer;
    size_t used = 0;
    out[0] = '\0';
    while (n-- > 0 && used < size)
        used += (size_t)snprintf(out + used, size - used, "%s%s", path[n]->name, n ? "." : "");
}

static const char *kind_name(const gan_layer *layer)
{
    static const char *const activations[] = {"identity", "relu", "leaky_relu", "tanh", "sigmoid"};
    if (layer->kind == &gan__activation_layer && layer->activation.kind <= GAN_SIGMOID)
        return activations[layer->activation.kind];
    return layer->custom ? layer->custom_name : layer->kind->name;
}

static void tell(gan_layer *layer, gan_tensor *y)
{
    gan__trace *trace = layer->trace;
    bool leaf = !layer->kind->container || (layer->custom && layer->n_children == 0);
    int64_t own = 0;
    for (int i = 0; i < layer->n_slots; i++)
        own += layer->slots[i].kind == GAN_SLOT_PARAMETER ? gan_count(layer->slots[i].tensor) : 0;
    if (!leaf && own == 0)
        return;
    char name[GAN__PATH_MAX];
    dotted_name(layer, trace->root, name, sizeof name);
    trace->line(name, kind_name(layer), y->shape, own, trace->user);
}

gan_tensor *gan_forward(gan_layer *layer, gan_tensor *x)
{
    gan_tensor *y = run(layer, x, GAN__NO_ACTIVATION);
    if (layer->trace && !y->poison)
        tell(layer, y);
    return y;
}

/* Child i of a container applied to x, together with the activation layer behind it where one kernel does both.
 * *i moves past what was applied. */
static gan_tensor *run_child(gan_layer *layer, int *i, gan_tensor *x)
{
    gan_layer *child = layer->children[(*i)++];
    gan_layer *next = *i < layer->n_children ? layer->children[*i] : NULL;
    if (!child->kind->fuses || child->trace || !next || next->kind != &gan__activation_layer || next->dead)
        return gan_forward(child, x);
    (*i)++;
    return run(child, x, next->activation);
}

/* Children `first` to `end` - 1 in turn. */
static gan_tensor *run_children(gan_layer *layer, int first, int end, gan_tensor *x)
{
    mark m = mark_now(layer->ctx);
    gan_tensor *y = x;
    for (int i = first; i < end;) {
        gan_tensor *input = y;
        y = run_child(layer, &i, input);
        if (y != input && input != x)
            drop_if_made_since(m, input);
    }
    return y;
}

static gan_tensor *sequential_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    return run_children(layer, 0, layer->n_children, x);
}

static gan_tensor *residual_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    mark m = mark_now(layer->ctx);
    gan_tensor *y = run_children(layer, 0, layer->n_children, x), *sum = gan_add(x, y);
    if (y != x)
        drop_if_made_since(m, y);
    if (layer->value == 1.0f)
        return sum;
    gan_tensor *scaled = gan_scale(sum, layer->value);
    drop_if_made_since(m, sum);
    return scaled;
}

static gan_tensor *sum_forward(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)activation;
    mark m = mark_now(layer->ctx);
    if (layer->n_children == 0)
        return gan__poison(layer->ctx, GAN_ERROR_STATE, "sum", "it has no children");
    gan_tensor *sum = gan_forward(layer->children[0], x);
    for (int i = 1; i < layer->n_children; i++) {
        gan_tensor *before = sum, *y = gan_forward(layer->children[i], x);
        sum = gan_add(before, y);
        if (before != x)
            drop_if_made_since(m, before);
        if (y != x && y != before)
            drop_if_made_since(m, y);
    }
    return sum;
}

static const gan__layer_kind sequential_kind = {.name = "sequential", .forward = sequential_forward, .container = true};
static const gan__layer_kind residual_kind = {.name = "residual", .forward = residual_forward, .container = true};
static const gan__layer_kind sum_kind = {.name = "sum", .forward = sum_forward, .container = true};

/* ---- one input, several sets of labels ---- */

static bool depends_on_labels(const gan_layer *layer)
{
    bool depends = layer->kind->labelled;
    for (int i = 0; i < layer->n_children && layer->kind->container && !depends; i++)
        depends = depends_on_labels(layer->children[i]);
    return depends;
}

/* How many children give the same for x whatever the labels; 0 for all but sequential layers. The activation that is
 * fused with a child is on the child's side of that border, because no activation depends on labels. */
static int shared_children(const gan_layer *layer)
{
    int n = 0;
    if (layer->kind == &sequential_kind)
        while (n < layer->n_children && !depends_on_labels(layer->children[n]))
            n++;
    return n;
}

void gan_forward_given_each(gan_layer *layer, gan_tensor *x, gan_tensor *const *labels, int n, gan_tensor **results)
{
    int shared = shared_children(layer);
    if (shared == 0 || n < 2 || layer->dead) {
        for (int i = 0; i < n; i++)
            results[i] = gan_forward_given(layer, x, labels[i]);
        return;
    }
    mark m = mark_now(layer->ctx);
    gan_tensor *features = run_children(layer, 0, shared, x), *before = layer->labels;
    bool intermediate = true;
    for (int i = 0; i < n; i++) {
        layer->labels = labels[i];
        results[i] = run_children(layer, shared, layer->n_children, features);
        intermediate = intermediate && results[i] != features;
    }
    layer->labels = before;
    if (intermediate)
        drop_if_made_since(m, features);
}

/* ---- making containers ---- */

gan_layer *gan_sequential(gan_context *ctx, gan_layer *parent)
{
    return gan__layer_new(ctx, parent, &sequential_kind);
}

gan_layer *gan_residual(gan_layer *parent, float scale)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &residual_kind);
    layer->value = scale;
    return layer;
}

gan_layer *gan_nn_sum(gan_layer *parent)
{
    return gan__layer_new(parent->ctx, parent, &sum_kind);
}
