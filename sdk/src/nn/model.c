/* model.c - networks, optimizers and state under names; metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan/model.h>

#include "layer.h"

typedef enum part_kind { PART_NETWORK, PART_OPTIMIZER, PART_TENSOR, PART_NUMBER, PART_KINDS } part_kind;

typedef struct part {
    char name[GAN__NAME_MAX];
    gan_role role;
    union {
        gan_layer *network;
        gan_optimizer *optimizer;
        gan_tensor *tensor;
        double *number;
    } is;
} part;

struct gan_model_parts {
    part *at[PART_KINDS];
    int n[PART_KINDS];
    int64_t classes;
};

gan_status gan_model_init(gan_model *model, gan_context *ctx)
{
    memset(model, 0, sizeof *model);
    model->parts = calloc(1, sizeof *model->parts);
    if (!model->parts)
        return gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for a model");
    model->ctx = ctx;
    return GAN_OK;
}

void gan_model_finish(gan_model *model)
{
    gan_model_parts *parts = model ? model->parts : NULL;
    if (!parts)
        return;
    for (int i = 0; i < parts->n[PART_OPTIMIZER]; i++)
        gan_optimizer_destroy(parts->at[PART_OPTIMIZER][i].is.optimizer);
    for (int i = 0; i < parts->n[PART_NETWORK]; i++)
        gan_layer_destroy(parts->at[PART_NETWORK][i].is.network);
    for (int i = 0; i < parts->n[PART_TENSOR]; i++)
        gan_release(parts->at[PART_TENSOR][i].is.tensor);
    for (int kind = 0; kind < PART_KINDS; kind++)
        free(parts->at[kind]);
    free(parts);
    model->parts = NULL;
}

void *gan_model_new(gan_context *ctx, size_t size)
{
    gan_model *model = size >= sizeof *model ? calloc(1, size) : NULL;
    if (!model)
        gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for a model of %zu bytes", size);
    else if (gan_model_init(model, ctx) != GAN_OK) {
        free(model);
        model = NULL;
    }
    return model;
}

void gan_model_free(gan_model *model)
{
    gan_model_finish(model);
    free(model);
}

gan_status gan_model_built(gan_model *model, void (*destroy)(gan_model *model), gan_model **out)
{
    gan_context *ctx = model->ctx;
    if (gan_status_of(ctx) == GAN_OK)
        *out = model;
    else
        destroy(model);
    return gan_status_of(ctx);
}

/* A part that cannot be registered is not ended here: the plugin may go on using it until it looks at the status. */
static void add(gan_model *model, part_kind kind, const char *name, part p)
{
    gan_model_parts *parts = model->parts;
    int n = parts->n[kind];
    part *at = realloc(parts->at[kind], (size_t)(n + 1) * sizeof *at);
    if (!at) {
        gan_raise(model->ctx, GAN_ERROR_MEMORY, "no memory to register \"%.80s\"", name);
        return;
    }
    parts->at[kind] = at;
    if (strlen(name) == 0 || strlen(name) >= sizeof p.name)
        gan_raise(model->ctx, GAN_ERROR_ARGUMENT, "the name \"%.80s\" of a part is empty or longer than %zu bytes",
                  name, sizeof p.name - 1);
    for (int k = 0; k < PART_KINDS; k++)
        for (int i = 0; i < parts->n[k]; i++)
            if (!strcmp(parts->at[k][i].name, name))
                gan_raise(model->ctx, GAN_ERROR_ARGUMENT, "the model has two parts named \"%s\"", name);
    snprintf(p.name, sizeof p.name, "%s", name);
    at[n] = p;
    parts->n[kind]++;
}

void gan_model_network(gan_model *model, const char *name, gan_layer *network, gan_role role)
{
    add(model, PART_NETWORK, name, (part){.role = role, .is.network = network});
}

void gan_model_optimizer(gan_model *model, const char *name, gan_optimizer *optimizer)
{
    if (optimizer) /* NULL: it could not be made, and the context says why */
        add(model, PART_OPTIMIZER, name, (part){.is.optimizer = optimizer});
}

void gan_model_tensor(gan_model *model, const char *name, gan_tensor *tensor)
{
    if (!tensor->poison)
        add(model, PART_TENSOR, name, (part){.is.tensor = tensor});
}

void gan_model_number(gan_model *model, const char *name, double *number)
{
    add(model, PART_NUMBER, name, (part){.is.number = number});
}

void gan_model_conditional(gan_model *model, int64_t classes)
{
    if (classes < 1)
        gan_raise(model->ctx, GAN_ERROR_ARGUMENT, "a conditional model of %lld classes", (long long)classes);
    else
        model->parts->classes = classes;
}

int64_t gan_model_classes(const gan_model *model)
{
    return model->parts->classes;
}

int gan_model_network_count(const gan_model *model)
{
    return model->parts->n[PART_NETWORK];
}

gan_layer *gan_model_network_at(const gan_model *model, int index, const char **name, gan_role *role)
{
    if (index < 0 || index >= model->parts->n[PART_NETWORK])
        return NULL;
    const part *p = &model->parts->at[PART_NETWORK][index];
    if (name)
        *name = p->name;
    if (role)
        *role = p->role;
    return p->is.network;
}

gan_layer *gan_model_find_network(const gan_model *model, const char *name)
{
    for (int i = 0; i < model->parts->n[PART_NETWORK]; i++)
        if (!strcmp(model->parts->at[PART_NETWORK][i].name, name))
            return model->parts->at[PART_NETWORK][i].is.network;
    return NULL;
}

int gan_model_optimizer_count(const gan_model *model)
{
    return model->parts->n[PART_OPTIMIZER];
}

gan_optimizer *gan_model_optimizer_at(const gan_model *model, int index, const char **name)
{
    if (index < 0 || index >= model->parts->n[PART_OPTIMIZER])
        return NULL;
    const part *p = &model->parts->at[PART_OPTIMIZER][index];
    if (name)
        *name = p->name;
    return p->is.optimizer;
}

/* ---- visiting ---- */

typedef struct prefixed {
    const char *prefix;
    gan_slot_visitor visit;
    void *user;
} prefixed;

static void visit_prefixed(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    const prefixed *p = user;
    char full[GAN__PATH_MAX + 2 * GAN__NAME_MAX];
    snprintf(full, sizeof full, "%s.%s", p->prefix, name);
    p->visit(full, tensor, kind, layout, p->user);
}

void gan_model_visit(gan_model *model, gan_slot_visitor tensor, gan_number_visitor number, void *user)
{
    const gan_model_parts *parts = model->parts;
    for (int i = 0; tensor && i < parts->n[PART_NETWORK]; i++) {
        const part *p = &parts->at[PART_NETWORK][i];
        gan_layer_visit(p->is.network, visit_prefixed, &(prefixed){p->name, tensor, user});
    }
    for (int i = 0; tensor && i < parts->n[PART_OPTIMIZER]; i++) {
        const part *p = &parts->at[PART_OPTIMIZER][i];
        gan_optimizer_visit(p->is.optimizer, visit_prefixed, &(prefixed){p->name, tensor, user});
    }
    for (int i = 0; tensor && i < parts->n[PART_TENSOR]; i++) {
        const part *p = &parts->at[PART_TENSOR][i];
        tensor(p->name, p->is.tensor, GAN_SLOT_STATE, GAN_LAYOUT_PLAIN, user);
    }
    for (int i = 0; number && i < parts->n[PART_NUMBER]; i++)
        number(parts->at[PART_NUMBER][i].name, parts->at[PART_NUMBER][i].is.number, user);
}

/* ---- metrics ---- */

typedef struct reported {
    int name;
    gan_tensor *value;
} reported;

struct gan_metrics {
    char names[GAN_METRICS_MAX][GAN__NAME_MAX];
    int n_names;
    reported *values;
    int n, capacity;
};

gan_metrics *gan_metrics_create(void)
{
    return calloc(1, sizeof(gan_metrics));
}

static void forget(gan_metrics *metrics)
{
    for (int i = 0; i < metrics->n; i++)
        gan_release(metrics->values[i].value);
    metrics->n = 0;
}

void gan_metrics_destroy(gan_metrics *metrics)
{
    if (!metrics)
        return;
    forget(metrics);
    free(metrics->values);
    free(metrics);
}

/* The index of a name, which is taken up when it is new; -1 and an error when there are too many. */
static int name_index(gan_metrics *metrics, const char *name, gan_context *ctx)
{
    for (int i = 0; i < metrics->n_names; i++)
        if (!strcmp(metrics->names[i], name))
            return i;
    if (metrics->n_names == GAN_METRICS_MAX || strlen(name) >= GAN__NAME_MAX) {
        gan_raise(ctx, GAN_ERROR_LIMIT, "metric \"%.80s\": at most %d names of at most %d bytes", name, GAN_METRICS_MAX,
                  GAN__NAME_MAX - 1);
        return -1;
    }
    snprintf(metrics->names[metrics->n_names], GAN__NAME_MAX, "%s", name);
    return metrics->n_names++;
}

void gan_metric(gan_metrics *out, const char *name, gan_tensor *value)
{
    gan_context *ctx = value->ctx;
    if (!out || value->poison)
        return;
    if (gan_count(value) != 1 || (value->dtype != GAN_F32 && value->dtype != GAN_BF16)) {
        gan_raise(ctx, GAN_ERROR_SHAPE, "metric \"%.80s\" must be one f32 value, but is %s %s", name,
                  gan_dtype_name(value->dtype), GAN__TEXT(value->shape));
        return;
    }
    int index = name_index(out, name, ctx);
    if (index < 0)
        return;
    if (out->n == out->capacity) {
        int capacity = out->capacity ? 2 * out->capacity : 64;
        reported *values = realloc(out->values, (size_t)capacity * sizeof *values);
        if (!values) {
            gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for the metric \"%s\"", name);
            return;
        }
        out->values = values;
        out->capacity = capacity;
    }
    /* Detached: what the value was computed from must not wait for the next report. */
    gan_tensor *kept = gan_keep(gan_detach(value));
    if (!kept->poison)
        out->values[out->n++] = (reported){index, kept};
}

int gan_metrics_collect(gan_metrics *metrics, gan_metric_visitor visit, void *user)
{
    int n = metrics->n;
    for (int i = 0; visit && i < n; i++)
        visit(metrics->names[metrics->values[i].name], (double)gan_item(metrics->values[i].value), user);
    forget(metrics);
    return n;
}
