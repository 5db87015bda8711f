#include "dry_run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"
#include "plan.h"

enum { BATCH_MAX = 65536 }; /* of train.batch */
enum { MOMENTS_MAX = 16 };  /* steps that are tried */
enum { LOOKS = 1000 };      /* at the plan, evenly over the run */

/* ---- networks ---- */

static void add_line(const char *name, const char *kind, gan_shape output, int64_t parameters, void *user)
{
    text *out = user;
    char shape[96], count[32];
    gan_shape_text(output, shape, sizeof shape);
    text_add(out, "  %-16s %-18s %-22s %12s\n", name, kind, shape, parameters ? text_grouped(parameters, count) : "-");
}

static void add_slot(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    text *out = user;
    char shape[96], count[32];
    (void)layout;
    gan_shape_text(gan_shape_of(tensor), shape, sizeof shape);
    text_add(out, "  %-35s %-22s %12s\n", name, shape,
             kind == GAN_SLOT_PARAMETER ? text_grouped(gan_count(tensor), count) : "(state)");
}

/* The first weight of a network tells what it takes. */
typedef struct first_weight {
    gan_shape shape;
    gan_layout layout;
    bool found;
} first_weight;

static void find_weight(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    first_weight *first = user;
    (void)name;
    if (first->found || kind != GAN_SLOT_PARAMETER || gan_ndim(tensor) < 2)
        return;
    *first = (first_weight){gan_shape_of(tensor), layout, true};
}

/* The host does not know a network's input, so it tries: the data's shape; latents for a dense first layer
 * [out, in]; latents for a transposed convolution [in, KH, KW, out]. */
static int candidate_inputs(const session *s, gan_layer *network, gan_role role, gan_shape out[4])
{
    const gan_data_info *info = &s->info;
    int64_t batch = config_int(&s->config, "train.batch");
    gan_shape data = GAN_SHAPE(batch, info->height, info->width, info->channels);
    first_weight first = {0};
    int n = 0;
    gan_layer_visit(network, find_weight, &first);
    bool translates = session_two_domains(s); /* then generators take images, too */
    if (role != GAN_ROLE_GENERATOR || translates)
        out[n++] = data;
    if (first.found && first.shape.ndim == 2)
        out[n++] = GAN_SHAPE(batch, first.shape.dim[1]);
    if (first.found && first.shape.ndim == 4) {
        out[n++] = GAN_SHAPE(batch, 1, 1, first.shape.dim[0]);
        out[n++] = GAN_SHAPE(batch, first.shape.dim[0]);
    }
    if (role == GAN_ROLE_GENERATOR && !translates)
        out[n++] = data;
    return n;
}

static void describe_network(session *s, gan_layer *network, const char *name, gan_role role, text *out)
{
    gan_shape inputs[4];
    char total[32], shape[96];
    int n = candidate_inputs(s, network, role, inputs);
    for (int i = 0; i < n; i++) {
        text lines = {0};
        gan_status status = gan_layer_describe(network, inputs[i], add_line, &lines);
        bool good = !status && !gan_status_of(s->ctx);
        gan_clear_status(s->ctx);
        if (good) {
            text_add(out, "%s, input %s\n%s", name, gan_shape_text(inputs[i], shape, sizeof shape),
                     lines.data ? lines.data : "");
            free(lines.data);
            break;
        }
        free(lines.data);
        if (i == n - 1) { /* layers that are not a sequence of their own: the weights, at least */
            text_add(out, "%s\n", name);
            gan_layer_visit(network, add_slot, out);
        }
    }
    text_add(out, "  %-58s %12s parameters\n\n", "", text_grouped(gan_layer_parameter_count(network), total));
}

/* ---- memory ---- */

static void take_value(const char *name, double value, void *user)
{
    text *out = user;
    if (out)
        text_add(out, "%s%s %.4g", out->size ? ", " : "", name, value);
}

/* A moment of the training whose step is tried. */
typedef struct moment {
    double kimg, progress;
    plan plan;
} moment;

static gan_status one_step(session *s, const moment *at, text *metrics, gan_message *message)
{
    loaders from = {{NULL}};
    gan_data_info info = plan_info(s, &at->plan);
    gan_metrics *measured = gan_metrics_create();
    gan_feed *feed = gan_feed_create(s->ctx, &info);
    gan_runner_options options = session_runner_options(s);
    options.no_graphs = true;
    gan_runner *runner = gan_runner_create(s->model, &options);
    gan_batch batch;
    gan_status status = measured && feed && runner ? plan_open_loaders(s, &at->plan, 0, &from, message)
                                                   : gan_fail(message, GAN_ERROR_MEMORY, "no memory for a step");
    if (!status) {
        gan_scope_begin(s->ctx);
        status = plan_next_batch(s, &from, feed, &batch, message);
        batch.kimg = at->kimg;
        batch.progress = at->progress;
        for (int i = 0; i < 2 && !status; i++) {
            status =
                gan_runner_step(runner, i == 0 ? GAN_STEP_DISCRIMINATOR : GAN_STEP_GENERATOR, true, &batch, measured);
            if (status || gan_status_of(s->ctx))
                status = session_error(s, status, "a step on the first batch failed", message);
        }
        gan_scope_end(s->ctx, NULL);
        gan_metrics_collect(measured, take_value, metrics);
        status = fit_explain(s, status, at->kimg, at->progress, message);
    }
    gan_runner_destroy(runner);
    gan_metrics_destroy(measured);
    gan_feed_destroy(feed);
    plan_close_loaders(&from);
    return status;
}

static gan_status describe_step(session *s, const moment *at, text *out, text *metrics, gan_message *message)
{
    char peak[32], reserved[32], what[96];
    gan_memory_reset_peak(s->ctx);
    gan_status status = one_step(s, at, metrics, message);
    gan_memory_stats memory = gan_memory(s->ctx);
    text_add(out, "memory   at kimg %g, %s: %s at the peak of a step, %s from the system\n", at->kimg,
             plan_text(s, &at->plan, what), text_bytes((double)memory.bytes_peak, peak),
             text_bytes((double)memory.bytes_reserved, reserved));
    return status;
}

/* On the CPU there is swapping, and other programs: no batch could be promised. */
static void describe_fit(session *s, const moment *at, int n, text *out)
{
    int64_t fits = s->info.count < BATCH_MAX ? s->info.count : BATCH_MAX;
    if (s->data_b && s->count_b < fits)
        fits = s->count_b;
    if (!gan_context_stream(s->ctx))
        return;
    for (int i = 0; i < n && fits > 0; i++)
        fits = fit_batch(s, fits, at[i].kimg, at[i].progress);
    if (fits > 0)
        text_add(out, "fits     batch up to about %" PRId64 "\n", fits);
}

/* The beginning of the training, and where the plugin's plan comes to batches of another kind. */
static gan_status find_moments(const session *s, moment out[MOMENTS_MAX], int *n, gan_message *message)
{
    double kimg = config_float(&s->config, "train.kimg");
    gan_status status = GAN_OK;
    *n = 0;
    for (int i = 0; i <= LOOKS && !status; i++) {
        moment at = {.kimg = kimg * i / LOOKS, .progress = (double)i / LOOKS};
        int seen = 0;
        status = plan_at(s, at.kimg, &at.plan, message);
        while (seen < *n && !plan_equal(&at.plan, &out[seen].plan))
            seen++;
        if (seen == *n && seen < MOMENTS_MAX)
            out[(*n)++] = at;
    }
    return status;
}

gan_status dry_run(session *s, text *out, gan_message *message)
{
    char built[32];
    text metrics = {0};
    moment at[MOMENTS_MAX];
    int n;
    gan_status status = find_moments(s, at, &n, message);
    for (int i = 0; i < gan_model_network_count(s->model) && !status; i++) {
        const char *name;
        gan_role role;
        gan_layer *network = gan_model_network_at(s->model, i, &name, &role);
        describe_network(s, network, name, role, out);
    }
    text_add(out, "device   %s, %s\n", gan_context_device(s->ctx), config_string(&s->config, "precision"));
    text_add(out, "memory   %s for networks\n", text_bytes((double)gan_memory(s->ctx).bytes_in_use, built));
    for (int i = 0; i < n && !status; i++)
        status = describe_step(s, &at[i], out, i == 0 ? &metrics : NULL, message);
    if (!status)
        describe_fit(s, at, n, out);
    text_add(out, "step 1   %s\n", metrics.data ? metrics.data : "");
    free(metrics.data);
    return status;
}
