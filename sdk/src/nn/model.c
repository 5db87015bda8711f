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
