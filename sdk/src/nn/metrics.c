/*
 * metrics.c - values that steps report.
 *
 * They stay on the device until the step ends; then one kernel gathers them, and one copy brings them to the host while
 * the next steps run.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"
#include "metrics.h"

typedef struct reported {
    int name;
    gan_tensor *value;
} reported;

typedef struct sent {
    gan_context *ctx;
    gan__reading *reading; /* NULL: lost */
    int n;
    int name[GAN__GATHER_MAX];
} sent;

struct gan_metrics {
    char names[GAN_METRICS_MAX][GAN__NAME_MAX];
    int n_names;
    reported *values;
    int n, capacity;
    sent *sent; /* oldest first */
    int n_sent, sent_capacity;
};

gan_metrics *gan_metrics_create(void)
{
    return calloc(1, sizeof(gan_metrics));
}

void gan__metrics_drop(gan_metrics *metrics)
{
    for (int i = 0; i < metrics->n; i++)
        gan_release(metrics->values[i].value);
    metrics->n = 0;
}

static void end_reading(const sent *s)
{
    s->ctx->backend->ops->read_free(s->ctx->backend, s->reading);
}

void gan_metrics_destroy(gan_metrics *metrics)
{
    if (!metrics)
        return;
    gan__metrics_drop(metrics);
    for (int i = 0; i < metrics->n_sent; i++)
        end_reading(&metrics->sent[i]);
    free(metrics->sent);
    free(metrics->values);
    free(metrics);
}

/* ---- reporting ---- */

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

/* ---- on the way to the host ---- */

bool gan__metrics_pack(gan_metrics *metrics, gan__packed *out)
{
    *out = (gan__packed){0};
    if (metrics->n == 0)
        return false;
    int n = metrics->n < GAN__GATHER_MAX ? metrics->n : GAN__GATHER_MAX;
    gan_context *ctx = metrics->values[0].value->ctx;
    gan__array scalars[GAN__GATHER_MAX];
    for (int i = 0; i < n; i++) {
        scalars[i] = gan__array_of(metrics->values[i].value);
        out->name[i] = metrics->values[i].name;
    }
    gan_no_grad_begin(ctx);
    gan_tensor *values = gan_keep(gan__tensor_new(ctx, GAN_SHAPE(n), GAN_F32));
    gan_no_grad_end(ctx, NULL);
    gan_status status = values->poison
                            ? ctx->status
                            : ctx->backend->ops->gather_scalars(ctx->backend, n, scalars, values->storage->data);
    for (int i = 0; i < n; i++)
        gan_release(metrics->values[i].value);
    metrics->n -= n;
    memmove(metrics->values, metrics->values + n, (size_t)metrics->n * sizeof *metrics->values);
    if (status != GAN_OK) {
        gan__poison_backend(ctx, status, "metrics", 0, NULL);
        gan_release(values);
        return false;
    }
    out->n = n;
    out->values = values;
    return true;
}

void gan__metrics_send(gan_metrics *metrics, const gan__packed *packed)
{
    gan_context *ctx = packed->values->ctx;
    if (metrics->n_sent == metrics->sent_capacity) {
        int capacity = metrics->sent_capacity ? 2 * metrics->sent_capacity : 16;
        sent *grown = realloc(metrics->sent, (size_t)capacity * sizeof *grown);
        if (!grown) {
            gan_raise(ctx, GAN_ERROR_MEMORY, "no memory for the metrics");
            return;
        }
        metrics->sent = grown;
        metrics->sent_capacity = capacity;
    }
    sent *s = &metrics->sent[metrics->n_sent++];
    *s = (sent){.ctx = ctx, .n = packed->n};
    memcpy(s->name, packed->name, sizeof s->name);
    gan_status status = ctx->backend->ops->read_begin(ctx->backend, packed->values->storage->data,
                                                      (size_t)packed->n * sizeof(float), &s->reading);
    if (status != GAN_OK)
        gan__poison_backend(ctx, status, "metrics", 0, NULL);
}

static void flush(gan_metrics *metrics)
{
    gan__packed packed;
    while (gan__metrics_pack(metrics, &packed)) {
        gan__metrics_send(metrics, &packed);
        gan_release(packed.values);
    }
    gan__metrics_drop(metrics);
}

/* The values of one reading, if they have come. */
static bool visit_sent(gan_metrics *metrics, const sent *s, bool wait, gan_metric_visitor visit, void *user)
{
    const void *values = NULL;
    gan__backend *be = s->ctx->backend;
    gan_status status = s->reading ? be->ops->read_value(be, s->reading, wait, &values) : GAN_OK;
    if (status != GAN_OK)
        gan__poison_backend(s->ctx, status, "metrics", 0, NULL);
    else if (s->reading && !values)
        return false;
    for (int i = 0; visit && i < s->n; i++)
        visit(metrics->names[s->name[i]], values ? (double)((const float *)values)[i] : NAN, user);
    end_reading(s);
    return true;
}

static int deliver(gan_metrics *metrics, bool wait, gan_metric_visitor visit, void *user)
{
    int count = 0, done = 0;
    flush(metrics);
    while (done < metrics->n_sent && visit_sent(metrics, &metrics->sent[done], wait, visit, user))
        count += metrics->sent[done++].n;
    metrics->n_sent -= done;
    if (done > 0)
        memmove(metrics->sent, metrics->sent + done, (size_t)metrics->n_sent * sizeof *metrics->sent);
    return count;
}

int gan_metrics_collect(gan_metrics *metrics, gan_metric_visitor visit, void *user)
{
    return deliver(metrics, true, visit, user);
}

int gan_metrics_poll(gan_metrics *metrics, gan_metric_visitor visit, void *user)
{
    return deliver(metrics, false, visit, user);
}
