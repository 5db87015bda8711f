/*
 * fit.c - which batch a device's memory has room for.
 *
 * A candidate is tried as a training of its own on the device "measure" (gan/context.h), whose memory is as large as
 * what the real one has: the same allocator gets the same requests, the copies that recorded steps keep to themselves
 * included. What it does not see is what the device's libraries take for their work, hence MARGIN.
 */
#include "fit.h"

#include <inttypes.h>
#include <stdio.h>

#include "plan.h"

/* Iterations that are tried: as many as regularisations that do not come with every step are apart (Karras et al. 2020:
 * 16), and one in which what they left is there. */
#define ITERATIONS 18
/* Of the memory, and further bytes where it is large. */
#define MARGIN_PART  0.05
#define MARGIN_BYTES ((double)(64 << 20))
/* Up to this each batch is a candidate, then multiples of GRAIN. */
#define FINE  16
#define GRAIN 8

typedef enum outcome { FITS, TOO_LARGE, REFUSED } outcome;

/* What is asked of all candidates. */
typedef struct question {
    session *s;
    size_t memory;
    double kimg, progress;
    int64_t planned; /* batches that the plugin's plan makes larger than this are not tried */
    bool recorded;   /* steps are, if training has them recorded */
} question;

typedef struct trial {
    session s; /* with a context and a model of its own; the rest is the real session's */
    gan_feed *feed;
    gan_runner *runner;
    gan_metrics *metrics;
} trial;

/* ---- one candidate ---- */

static gan_status open_context(trial *t, const session *real, size_t memory, gan_message *message)
{
    char device[40];
    snprintf(device, sizeof device, "measure:%zu", memory);
    gan_context_options options = {
        .struct_size = sizeof options, .device = device, .precision = gan_context_precision(real->ctx), .threads = 1};
    return gan_context_create(&options, &t->s.ctx, message);
}

static bool records_steps(const session *real)
{
    return gan_context_stream(real->ctx) && !(real->plugin->table.flags & GAN_PLUGIN_NO_CAPTURE) &&
           gan_options_bool(real->config.host, "cuda.graphs");
}

static gan_status open_runner(trial *t, const plan *p, bool recorded, gan_message *message)
{
    gan_data_info info = plan_info(&t->s, p);
    gan_runner_options options = session_runner_options(&t->s);
    options.no_graphs = !recorded;
    t->metrics = gan_metrics_create();
    t->feed = gan_feed_create(t->s.ctx, &info);
    t->runner = gan_runner_create(t->s.model, &options);
    return t->metrics && t->feed && t->runner ? GAN_OK
                                              : gan_fail(message, GAN_ERROR_STATE, "no memory for a trial on the host");
}

/* Steps that there is no room to record fail here; the runner runs them as they are. */
static gan_status run_steps(trial *t, const question *q, int64_t n)
{
    static const int32_t unread = 0; /* a batch that is not looked at */
    const gan_host_batch host = {.n = n, .pixels = &unread, .labels = t->s.info.classes > 0 ? &unread : NULL};
    gan_status status = GAN_OK;
    for (int i = 0; i < ITERATIONS && !status; i++) {
        gan_batch batch;
        gan_scope_begin(t->s.ctx);
        status = session_two_domains(&t->s) ? gan_feed_pair(t->feed, &host, &host, &batch)
                                            : gan_feed_batch(t->feed, &host, &batch);
        batch.kimg = q->kimg;
        batch.progress = q->progress;
        if (!status)
            status = gan_runner_step(t->runner, GAN_STEP_DISCRIMINATOR, true, &batch, t->metrics);
        if (!status)
            status = gan_runner_step(t->runner, GAN_STEP_GENERATOR, true, &batch, t->metrics);
        gan_scope_end(t->s.ctx, NULL);
        gan_metrics_collect(t->metrics, NULL, NULL);
        if (!status && *gan_runner_note(t->runner))
            status = GAN_ERROR_MEMORY;
    }
    return status;
}

static void close_trial(trial *t)
{
    session *s = &t->s;
    gan_runner_destroy(t->runner);
    gan_feed_destroy(t->feed);
    gan_metrics_destroy(t->metrics);
    for (int i = 0; i < s->n_ema; i++)
        gan_ema_destroy(s->ema[i].average);
    if (s->model)
        s->plugin->table.destroy(s->model);
    gan_context_destroy(s->ctx);
}

/* Options that plugins read are those of the real session, whose batch is the candidate meanwhile. */
static bool set_batch(session *s, int64_t n)
{
    char value[24];
    snprintf(value, sizeof value, "%" PRId64, n);
    return config_set(&s->config, "train.batch", value, NULL) == GAN_OK;
}

/* n is what train.batch would be; what it comes to is the plan's matter. */
static outcome try_batch(const question *q, int64_t n)
{
    session *real = q->s;
    trial t = {.s = {.plugin = real->plugin, .config = real->config, .info = real->info}};
    int64_t own = config_int(&real->config, "train.batch");
    gan_status status = GAN_ERROR_STATE;
    if (set_batch(real, n) && open_context(&t, real, q->memory, NULL) == GAN_OK) {
        plan p;
        status = session_build(&t.s, NULL);
        if (!status)
            status = plan_at(&t.s, q->kimg, &p, NULL);
        if (!status && p.batch > q->planned)
            status = GAN_ERROR_MEMORY;
        if (!status)
            status = open_runner(&t, &p, q->recorded && records_steps(real), NULL);
        if (!status)
            status = run_steps(&t, q, p.batch);
    }
    close_trial(&t);
    set_batch(real, own);
    return status == GAN_OK ? FITS : status == GAN_ERROR_MEMORY ? TOO_LARGE : REFUSED;
}

/* ---- the search ---- */

static int64_t candidate(int64_t i)
{
    return i <= FINE ? i : FINE + GRAIN * (i - FINE);
}

/* Candidates up to n. */
static int64_t candidates(int64_t n)
{
    return n <= FINE ? n : FINE + (n - FINE) / GRAIN;
}

/* The last batch that is not too large lies between one that is not and one that is; a plugin may then refuse it, for
 * example because its groups do not divide it. */
static int64_t search(const question *q, int64_t most)
{
    int64_t good = 0, bad = candidates(most) + 1;
    outcome last = TOO_LARGE;
    while (bad - good > 1) {
        int64_t middle = good + (bad - good) / 2;
        outcome found = try_batch(q, candidate(middle));
        if (found == TOO_LARGE) {
            bad = middle;
        } else {
            good = middle;
            last = found;
        }
    }
    for (int tries = 0; good > 0 && last == REFUSED; tries++) {
        if (tries == GRAIN || --good == 0)
            return FIT_UNKNOWN;
        last = try_batch(q, candidate(good));
    }
    return good > 0 ? candidate(good) : 0;
}

/* What a training may count on; 0 if it is not known, or if the plugin's kernels would not know a device that only
 * counts. */
static size_t usable_memory(const session *s)
{
    double available = (double)gan_memory_available(s->ctx);
    if (s->plugin->table.flags & GAN_PLUGIN_NEEDS_CUDA)
        return 0;
    double further = available / 8 < MARGIN_BYTES ? available / 8 : MARGIN_BYTES;
    return (size_t)(available * (1 - MARGIN_PART) - further);
}

/* Recorded steps are faster, so a batch that leaves room for them is better than a larger one. */
static int64_t answer(question *q, int64_t most)
{
    q->recorded = true;
    int64_t fits = search(q, most);
    if (fits != 0)
        return fits;
    q->recorded = false;
    return search(q, most);
}

int64_t fit_batch(session *s, int64_t most, double kimg, double progress)
{
    question q = {.s = s, .memory = usable_memory(s), .kimg = kimg, .progress = progress, .planned = INT64_MAX};
    return q.memory > 0 ? answer(&q, most) : FIT_UNKNOWN;
}

gan_status fit_explain(session *s, gan_status status, double kimg, double progress, gan_message *message)
{
    /* Memory that the host lacks is no matter of the batch. */
    if (status != GAN_ERROR_MEMORY || gan_status_of(s->ctx) != GAN_ERROR_MEMORY)
        return status;
    question q = {.s = s, .memory = usable_memory(s), .kimg = kimg, .progress = progress, .planned = INT64_MAX};
    plan failed;
    if (q.memory == 0 || plan_at(s, kimg, &failed, NULL))
        return status;
    gan_message why = *message;
    int64_t configured = config_int(&s->config, "train.batch"), fits;
    /* Where the libraries took more than is known here, a little less than what failed is too much as well. */
    bool expected = try_batch(&q, configured) == TOO_LARGE;
    q.planned = expected ? failed.batch - 1 : failed.batch - (failed.batch + 7) / 8;
    fits = answer(&q, configured);
    if (fits > 0)
        return gan_fail(message, status, "%.900s; a batch of about %" PRId64 " would fit", why.text, fits);
    if (fits == 0)
        return gan_fail(message, status, "%.900s; even a batch of 1 would not fit", why.text);
    return status;
}
