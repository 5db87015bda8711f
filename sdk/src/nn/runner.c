/* runner.c - runs a model's steps: as they are, or recorded and replayed (graph.h). */
#include <gan/graph.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/capture.h"
#include "metrics.h"
#include "optim/optimizer.h"

/* Iterations before any step is recorded: by then memory, moments and library choices are what they will be. */
#define WARM_UP 3
/* Kinds of steps that are told apart; more, and they are run as they are. Networks that grow from 4x4 to 1024x1024 have
 * 34. */
#define KINDS 64
/* Metrics of one step: its values are gathered in as many readings. */
#define READINGS 4

/* A step of one kind on batches in the same tensors. */
typedef struct variety {
    gan_step_kind kind;
    uint64_t key;
    const struct variety *after; /* of a generator's step: what it finds was left by this one */
    const void *images, *images_b, *labels;
    gan_shape shape;
    bool seen;
    gan__capture *graph; /* NULL: not recorded */
    gan__packed metrics[READINGS];
    int n_metrics;
} variety;

struct gan_runner {
    gan_model *model;
    gan_runner_options options;
    int64_t iterations;
    bool refused;
    gan_message note;
    variety varieties[KINDS];
    int n_varieties;
    const variety *last_d;    /* that ran last */
    int64_t *optimizer_steps; /* before a step is recorded, for when that fails */
};

gan_runner *gan_runner_create(gan_model *model, const gan_runner_options *options)
{
    gan_runner *runner = calloc(1, sizeof *runner);
    int64_t *steps = calloc((size_t)gan_model_optimizer_count(model) + 1, sizeof *steps);
    if (!runner || !steps || !options->d_step || !options->g_step) {
        if (!runner || !steps)
            gan_raise(model->ctx, GAN_ERROR_MEMORY, "no memory for a runner");
        else
            gan_raise(model->ctx, GAN_ERROR_ARGUMENT, "gan_runner_create: d_step and g_step are needed");
        free(runner);
        free(steps);
        return NULL;
    }
    runner->model = model;
    runner->optimizer_steps = steps;
    size_t size = options->struct_size < sizeof runner->options ? options->struct_size : sizeof runner->options;
    memcpy(&runner->options, options, size);
    if (runner->options.no_graphs || !model->ctx->backend->ops->capture_begin)
        runner->refused = true;
    return runner;
}

static void forget(variety *v)
{
    gan__capture_destroy(v->graph);
    for (int i = 0; i < v->n_metrics; i++)
        gan_release(v->metrics[i].values);
    v->graph = NULL;
    v->n_metrics = 0;
}

void gan_runner_destroy(gan_runner *runner)
{
    if (!runner)
        return;
    for (int i = 0; i < runner->n_varieties; i++)
        forget(&runner->varieties[i]);
    free(runner->optimizer_steps);
    free(runner);
}

int gan_runner_graphs(const gan_runner *runner)
{
    int n = 0;
    for (int i = 0; i < runner->n_varieties; i++)
        n += runner->varieties[i].graph != NULL;
    return n;
}

const char *gan_runner_note(const gan_runner *runner)
{
    return runner->note.text;
}

/* ---- varieties ---- */

static const void *place(const gan_tensor *t)
{
    return t && t->storage ? t->storage->data : NULL;
}

/* NULL when there are too many. */
static variety *find_variety(gan_runner *r, gan_step_kind kind, uint64_t key, const gan_batch *batch)
{
    variety wanted = {.kind = kind,
                      .key = key,
                      .after = kind == GAN_STEP_GENERATOR ? r->last_d : NULL,
                      .images = place(batch->images),
                      .images_b = place(batch->images_b),
                      .labels = place(batch->labels),
                      .shape = batch->images ? batch->images->shape : GAN_SCALAR};
    for (int i = 0; i < r->n_varieties; i++) {
        variety *v = &r->varieties[i];
        if (v->kind == kind && v->key == key && v->after == wanted.after && v->images == wanted.images &&
            v->images_b == wanted.images_b && v->labels == wanted.labels && gan_shape_equal(v->shape, wanted.shape))
            return v;
    }
    if (r->n_varieties == KINDS)
        return NULL;
    r->varieties[r->n_varieties] = wanted;
    return &r->varieties[r->n_varieties++];
}

/* ---- running ---- */

static gan_status call(gan_runner *r, gan_step_kind kind, const gan_batch *batch, gan_metrics *out)
{
    gan_context *ctx = r->model->ctx;
    gan_scope_begin(ctx);
    gan_status status = (kind == GAN_STEP_DISCRIMINATOR ? r->options.d_step : r->options.g_step)(r->model, batch, out);
    gan_scope_end(ctx, NULL);
    if (status != GAN_OK && ctx->status == GAN_OK)
        gan_raise(ctx, status, "the step failed: %s", gan_status_text(status));
    return ctx->status;
}

static gan_status run_as_is(gan_runner *r, gan_step_kind kind, const gan_batch *batch, gan_metrics *out)
{
    gan__packed packed;
    gan_status status = call(r, kind, batch, out);
    while (status == GAN_OK && out && gan__metrics_pack(out, &packed)) {
        gan__metrics_send(out, &packed);
        gan_release(packed.values);
    }
    return r->model->ctx->status;
}

static gan_status replay(variety *v, gan_metrics *out)
{
    gan_status status = gan__capture_launch(v->graph);
    for (int i = 0; i < v->n_metrics && status == GAN_OK && out; i++)
        gan__metrics_send(out, &v->metrics[i]);
    return status;
}

static gan_optimizer *optimizer(const gan_runner *r, int i)
{
    const char *name;
    return gan_model_optimizer_at(r->model, i, &name);
}

/* Record the step into v. False: nothing has changed but the note, and no step is recorded from now on. */
static bool record(gan_runner *r, variety *v, const gan_batch *batch, gan_metrics *out)
{
    gan_context *ctx = r->model->ctx;
    gan_random_state random = ctx->random;
    int optimizers = gan_model_optimizer_count(r->model);
    for (int i = 0; i < optimizers; i++)
        r->optimizer_steps[i] = optimizer(r, i)->steps;
    gan__give_back(ctx); /* what steps took until now, a recorded one does not share */
    bool good = gan__capture_begin(ctx) == GAN_OK;
    if (good) {
        good = call(r, v->kind, batch, out) == GAN_OK;
        while (good && out && v->n_metrics < READINGS && gan__metrics_pack(out, &v->metrics[v->n_metrics]))
            v->n_metrics++;
        v->graph = gan__capture_end(ctx, good && ctx->status == GAN_OK);
    }
    if (v->graph)
        return true;
    snprintf(r->note.text, sizeof r->note.text, "steps are not recorded into graphs: %.900s",
             *gan_status_message(ctx) ? gan_status_message(ctx) : "recording failed");
    for (int i = 0; i < r->n_varieties; i++) /* a recorded d_step need not leave what a plain g_step looks for */
        forget(&r->varieties[i]);
    if (out)
        gan__metrics_drop(out);
    gan_clear_status(ctx);
    ctx->random = random;
    for (int i = 0; i < optimizers; i++)
        optimizer(r, i)->steps = r->optimizer_steps[i];
    r->refused = true;
    return false;
}

/* A step that has been seen before is recorded, all of them in one iteration, so that what d_step leaves for g_step is
 * left by the recorded step. */
static bool may_record(const gan_runner *r, const variety *v, bool last)
{
    return last && !r->refused && v->seen && r->iterations >= WARM_UP;
}

gan_status gan_runner_step(gan_runner *runner, gan_step_kind kind, bool last, const gan_batch *batch, gan_metrics *out)
{
    gan_runner *r = runner;
    gan_context *ctx = r->model->ctx;
    if (ctx->status != GAN_OK)
        return ctx->status;
    uint64_t key = r->options.prepare ? r->options.prepare(r->model, kind, batch) : 0;
    variety *v = r->refused && r->n_varieties == 0 ? NULL : find_variety(r, kind, key, batch);
    gan_status status;
    if (v && (v->graph || (may_record(r, v, last || kind == GAN_STEP_GENERATOR) && record(r, v, batch, out))))
        status = replay(v, out);
    else
        status = run_as_is(r, kind, batch, out);
    if (v)
        v->seen = true;
    if (kind == GAN_STEP_DISCRIMINATOR)
        r->last_d = v;
    r->iterations += kind == GAN_STEP_GENERATOR;
    return status;
}
