#define _GNU_SOURCE
#include "train.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "distance.h"
#include "fit.h"
#include "interrupt.h"
#include "pictures.h"
#include "plan.h"

#define BAR_SECONDS 0.2 /* between two drawings of the bar */

typedef struct mark {
    double time;
    int64_t images;
} mark;

typedef struct trainer {
    session *s;
    run *r;
    console *out;
    plan plan; /* that loaders, feed and runner are made for */
    loaders loaders;
    gan_feed *feed;
    gan_runner *runner; /* NULL: not made yet */
    gan_metrics *metrics;
    distance *distance; /* NULL: not measured */
    int recorded;       /* kinds of steps that are */
    bool noted;         /* why none are */
    progress_state at;
    history history;
    int stats;                                                     /* descriptor of stats.jsonl */
    int64_t total, report_every, snapshot_every, checkpoint_every; /* in images */
    double seconds_limit;                                          /* 0: none */
    double started, drawn;
    mark window[2];                  /* the rate is measured from the first on; see measure_rate */
    double report_time, report_rate; /* of the last report */
    int64_t report_images;
    char shown[256];      /* the last averages, as text */
    char last[PATH_SIZE]; /* the newest checkpoint; "" if there is none */
    const char *bad;      /* a metric that was not finite */
    char bad_name[METRIC_NAME_SIZE];
    double bad_value;
} trainer;

static int64_t images_of(const session *s, const char *option)
{
    int64_t images = llround(1000 * config_float(&s->config, option));
    return images > 0 ? images : 1;
}

/* The multiple of `every` that was passed on the way from `before` to `now`, or -1. A function of the two counts
 * alone, so that a resumed run does what it would have done anyway. */
static int64_t passed(int64_t every, int64_t before, int64_t now)
{
    return before / every != now / every ? now / every * every : -1;
}

/* ---- one iteration ---- */

static gan_status step(trainer *t, gan_step_kind kind, bool last, const gan_batch *batch, gan_message *message)
{
    char doing[96];
    gan_status status = gan_runner_step(t->runner, kind, last, batch, t->metrics);
    if (!status)
        return GAN_OK;
    snprintf(doing, sizeof doing, "the %s step %" PRId64 " failed",
             kind == GAN_STEP_DISCRIMINATOR ? "discriminator's" : "generator's", t->at.steps + 1);
    return session_error(t->s, status, doing, message);
}

/* `kimg` and `progress` are those of the iteration: all its batches are of one plan. */
static gan_status one_batch(trainer *t, bool last, double kimg, double progress, gan_message *message)
{
    gan_batch batch;
    gan_scope_begin(t->s->ctx);
    gan_status status = plan_next_batch(t->s, &t->loaders, t->feed, &batch, message);
    if (!status) {
        batch.kimg = kimg;
        batch.progress = progress;
        status = step(t, GAN_STEP_DISCRIMINATOR, last, &batch, message);
    }
    if (!status && last)
        status = step(t, GAN_STEP_GENERATOR, true, &batch, message);
    gan_scope_end(t->s->ctx, NULL);
    if (!status)
        t->at.images += batch.n;
    return fit_explain(t->s, status, kimg, progress, message);
}

static void set_learning_rate(trainer *t)
{
    const gan_options *host = t->s->config.host;
    gan_schedule schedule = {.kind = gan_options_is(host, "train.lr_schedule", "linear")   ? GAN_SCHEDULE_LINEAR
                                     : gan_options_is(host, "train.lr_schedule", "cosine") ? GAN_SCHEDULE_COSINE
                                                                                           : GAN_SCHEDULE_CONSTANT,
                             .start = config_float(&t->s->config, "train.lr_decay_start")};
    double scale = gan_schedule_at(schedule, fmin(1.0, (double)t->at.images / (double)t->total));
    for (int i = 0; i < gan_model_optimizer_count(t->s->model); i++) {
        const char *name;
        gan_optimizer_scale_lr(gan_model_optimizer_at(t->s->model, i, &name), scale);
    }
}

double train_ema_beta(double halflife, double rampup, int64_t before, int64_t now)
{
    if (rampup > 0)
        halflife = fmin(halflife, rampup * (double)before);
    return gan_ema_beta((double)(now - before), halflife);
}

static gan_status update_averages(trainer *t, int64_t before, gan_message *message)
{
    double beta = train_ema_beta(1000 * config_float(&t->s->config, "train.ema_kimg"),
                                 config_float(&t->s->config, "train.ema_rampup"), before, t->at.images);
    for (int i = 0; i < t->s->n_ema; i++)
        gan_ema_update(t->s->ema[i].average, beta);
    return gan_status_of(t->s->ctx) ? session_error(t->s, GAN_OK, "cannot update the moving average", message) : GAN_OK;
}

static void take_metric(const char *name, double value, void *user)
{
    trainer *t = user;
    if (!isfinite(value) && !t->bad) {
        snprintf(t->bad_name, sizeof t->bad_name, "%s", name);
        t->bad_value = value;
        t->bad = t->bad_name;
    }
    averages_add(&t->at.pending, name, value);
}

static gan_status fail_non_finite(trainer *t, gan_message *message)
{
    text kept = {0};
    if (*t->last)
        text_add(&kept, "the last good checkpoint is %s", t->last);
    else
        text_add(&kept, "no checkpoint had been written yet");
    gan_fail(message, GAN_ERROR_NON_FINITE, "%s became %s in step %" PRId64 " (kimg %.3f), so training stopped; %s",
             t->bad, isnan(t->bad_value) ? "not a number" : "infinite", t->at.steps, (double)t->at.images / 1000,
             kept.data ? kept.data : "");
    free(kept.data);
    return GAN_ERROR_NON_FINITE;
}

/* What the steps have reported: all of it, or what has come without waiting for the device. */
static gan_status take_metrics(trainer *t, bool wait, gan_message *message)
{
    (wait ? gan_metrics_collect : gan_metrics_poll)(t->metrics, take_metric, t);
    if (gan_status_of(t->s->ctx))
        return session_error(t->s, GAN_OK, "the metrics cannot be read", message);
    return t->bad ? fail_non_finite(t, message) : GAN_OK;
}

static void say_recorded(trainer *t)
{
    int recorded = gan_runner_graphs(t->runner);
    if (recorded != t->recorded)
        console_note(t->out, "%d kinds of steps are recorded", recorded);
    t->recorded = recorded;
    if (!t->noted && *gan_runner_note(t->runner)) {
        console_say(t->out, "%s", gan_runner_note(t->runner));
        t->noted = true;
    }
}

/* ---- what batches look like ---- */

static gan_status open_runner(trainer *t, gan_message *message)
{
    const session *s = t->s;
    gan_runner_options options = session_runner_options(s);
    options.no_graphs =
        (s->plugin->table.flags & GAN_PLUGIN_NO_CAPTURE) || !gan_options_bool(s->config.host, "cuda.graphs");
    gan_data_info info = plan_info(s, &t->plan);
    t->feed = gan_feed_create(s->ctx, &info);
    t->runner = gan_runner_create(s->model, &options);
    return t->feed && t->runner ? GAN_OK : session_error(s, GAN_ERROR_MEMORY, "cannot run steps", message);
}

static void close_runner(trainer *t)
{
    gan_runner_destroy(t->runner);
    gan_feed_destroy(t->feed);
    plan_close_loaders(&t->loaders);
    t->runner = NULL;
    t->feed = NULL;
    t->recorded = 0;
}

/* When the plan changes, the next sample of the sequence is the first one of another loader, and steps are recorded
 * anew: those that are were recorded for other shapes. */
static gan_status follow_plan(trainer *t, gan_message *message)
{
    char what[96];
    plan now, configured = plan_configured(t->s);
    double kimg = (double)t->at.images / 1000;
    gan_status status = plan_at(t->s, kimg, &now, message);
    if (status || (t->runner && plan_equal(&now, &t->plan)))
        return status;
    bool first = !t->runner;
    if (!first) /* recorded steps are not to end while they run */
        status = take_metrics(t, true, message);
    close_runner(t);
    t->plan = now;
    if (!status)
        status = plan_open_loaders(t->s, &now, t->at.loader_position, &t->loaders, message);
    if (!status)
        status = open_runner(t, message);
    if (!status && !(first && plan_equal(&now, &configured)))
        console_say(t->out, "kimg %.1f: %s", kimg, plan_text(t->s, &now, what));
    return status;
}

/* ---- iterations ---- */

/* Updates of the discriminator, each on its own batch, and one of the generator. */
static gan_status iterate(trainer *t, gan_message *message)
{
    int64_t d_steps = plan_d_steps(t->s, t->at.steps), before = t->at.images;
    double kimg = (double)before / 1000, progress = fmin(1.0, (double)before / (double)t->total);
    gan_status status = follow_plan(t, message);
    set_learning_rate(t);
    for (int64_t i = 0; i < d_steps && !status; i++)
        status = one_batch(t, i == d_steps - 1, kimg, progress, message);
    if (!status)
        status = update_averages(t, before, message);
    if (status)
        return status;
    t->at.steps++;
    t->at.loader_position = plan_position(&t->loaders);
    say_recorded(t);
    return take_metrics(t, false, message);
}

/* ---- reports ---- */

static double elapsed(const trainer *t)
{
    return t->at.seconds + clock_seconds() - t->started;
}

static void show_averages(trainer *t)
{
    size_t used = 0;
    t->shown[0] = '\0';
    for (int i = 0; i < t->at.pending.n && used < sizeof t->shown; i++) {
        const average *a = &t->at.pending.of[i];
        double value = a->count > 0 ? a->sum / a->count : 0;
        bool plain = fabs(value) >= 0.001 && fabs(value) < 1000; /* of one width while they change */
        if (a->count > 0)
            used += (size_t)snprintf(t->shown + used, sizeof t->shown - used, plain ? "%s%s %.3f" : "%s%s %.3g",
                                     used ? "  " : "", a->name, value);
    }
}

static stats_line line_now(const trainer *t)
{
    const char *name;
    gan_model *model = t->s->model;
    return (stats_line){
        .images = t->at.images,
        .step = t->at.steps,
        .seconds = elapsed(t),
        .images_per_second = t->report_rate,
        .lr = gan_model_optimizer_count(model) > 0 ? gan_optimizer_lr(gan_model_optimizer_at(model, 0, &name)) : 0,
        .memory_peak = (double)gan_memory(t->s->ctx).bytes_peak,
    };
}

static gan_status write_line(trainer *t, stats_line *line, gan_message *message)
{
    text json = {0};
    gan_status status = GAN_OK;
    stats_format(line, &json);
    if (json.failed)
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory for a report");
    else if (!write_all(t->stats, json.data, json.size))
        status = gan_fail(message, GAN_ERROR_IO, "cannot write %s/stats.jsonl: %s", t->r->path, strerror(errno));
    else {
        json.data[json.size - 1] = '\0'; /* the line feed */
        stats_parse(json.data, line);    /* the rounded values that a resumed run reads: its plots are the same */
        if (!history_add(&t->history, line))
            status = gan_fail(message, GAN_ERROR_MEMORY, "no memory for a report");
    }
    free(json.data);
    return status;
}

static gan_status report(trainer *t, gan_message *message)
{
    gan_status status = take_metrics(t, true, message);
    if (status)
        return status;
    double now = clock_seconds();
    t->report_rate = (double)(t->at.images - t->report_images) / fmax(now - t->report_time, 1e-9);
    stats_line line = line_now(t);
    for (int i = 0; i < t->at.pending.n; i++) {
        const average *a = &t->at.pending.of[i];
        if (a->count == 0)
            continue;
        memcpy(line.metric[line.n].name, a->name, METRIC_NAME_SIZE);
        line.metric[line.n++].value = a->sum / a->count;
    }
    show_averages(t);
    averages_reset(&t->at.pending);
    t->report_time = now;
    t->report_images = t->at.images;
    return write_line(t, &line, message);
}

/* As if what was done since `begun` had taken no time. */
static void leave_out_time(trainer *t, double begun)
{
    double taken = clock_seconds() - begun;
    t->started += taken;
    t->report_time += taken;
    for (int i = 0; i < 2; i++)
        t->window[i].time += taken;
}

/* A line of its own in stats.jsonl: distances are those of a moment, not averages. */
static gan_status report_distance(trainer *t, gan_message *message)
{
    gan_swd_result found;
    double begun = clock_seconds();
    gan_status status = distance_measure(t->distance, t->s, &found, message);
    leave_out_time(t, begun);
    if (status)
        return status;
    stats_line line = line_now(t);
    stats_add_distance(&line, &found);
    console_note(t->out, "kimg %.1f: sliced Wasserstein distance %.2f", (double)t->at.images / 1000, found.mean);
    return write_line(t, &line, message);
}

/* A line of its own, too. */
static gan_status report_translations(trainer *t, gan_message *message)
{
    translation_errors found;
    double begun = clock_seconds();
    int64_t n = config_int(&t->s->config, "train.test");
    if (n == 0 || !t->s->held[0])
        return GAN_OK;
    gan_status status = translations_measure(t->s, n, &found, message);
    leave_out_time(t, begun);
    if (status)
        return status;
    stats_line line = line_now(t);
    stats_add_translations(&line, &found);
    console_note(t->out, "kimg %.1f: held out, there and back %.4f (A) and %.4f (B)", (double)t->at.images / 1000,
                 found.cycle[0], found.cycle[1]);
    if (found.counterparts)
        console_note(t->out, "kimg %.1f: from the true counterpart %.4f (A to B) and %.4f (B to A), untranslated %.4f",
                     (double)t->at.images / 1000, found.error[0], found.error[1], found.before);
    return write_line(t, &line, message);
}

static bool has_pending(const trainer *t)
{
    for (int i = 0; i < t->at.pending.n; i++)
        if (t->at.pending.of[i].count > 0)
            return true;
    return false;
}

/* Over the last few seconds: the first mark is left behind when the second is four seconds old. */
static double measure_rate(trainer *t)
{
    double now = clock_seconds();
    if (now - t->window[1].time > 4) {
        t->window[0] = t->window[1];
        t->window[1] = (mark){now, t->at.images};
    }
    return (double)(t->at.images - t->window[0].images) / fmax(now - t->window[0].time, 1e-9);
}

static void measure(trainer *t, bar *out)
{
    double seconds = elapsed(t), rate = measure_rate(t);
    double left = rate > 0 ? (double)(t->total - t->at.images) / rate : -1;
    double fraction = (double)t->at.images / (double)t->total, total = (double)t->total / 1000;
    if (t->seconds_limit > 0 && seconds / t->seconds_limit > fraction) { /* time will be up first */
        fraction = seconds / t->seconds_limit;
        left = fmax(0, t->seconds_limit - seconds);
        total = 0;
    }
    *out = (bar){.fraction = fraction,
                 .kimg = (double)t->at.images / 1000,
                 .kimg_total = total,
                 .images_per_second = rate,
                 .seconds_left = fmax(left, 0),
                 .metrics = t->shown};
}

static void draw_bar(trainer *t)
{
    bar b;
    if (!t->out->terminal || clock_seconds() - t->drawn < BAR_SECONDS)
        return;
    t->drawn = clock_seconds();
    if (!*t->shown)
        show_averages(t);
    measure(t, &b);
    console_bar(t->out, &b);
}

/* The line that stands for the bar where there is no terminal, and in the log. */
static void say_milestone(trainer *t)
{
    bar b;
    char left[32], taken[32];
    if (!*t->shown)
        show_averages(t);
    measure(t, &b);
    text line = {0};
    text_add(&line, "kimg %.1f", b.kimg);
    if (b.kimg_total > 0)
        text_add(&line, " of %g", b.kimg_total);
    text_add(&line, "  %s, %s left  %.0f images/s  %s", text_duration(elapsed(t), taken),
             text_duration(b.seconds_left, left), b.images_per_second, t->shown);
    if (line.data && t->out->terminal)
        console_note(t->out, "%s", line.data);
    else if (line.data)
        console_say(t->out, "%s", line.data);
    free(line.data);
}

/* ---- snapshots and checkpoints ---- */

static gan_status snapshot(trainer *t, int64_t images, gan_message *message)
{
    char path[PATH_SIZE], stamp[32];
    gan_status status = path_format(path, message, "%s/fakes%s.png", t->r->path, run_stamp(images, stamp));
    if (!status)
        status = pictures_fakes(t->s, t->out, (double)t->at.images / 1000, path, message);
    if (!status && t->distance)
        status = report_distance(t, message);
    if (!status)
        status = report_translations(t, message);
    if (!status)
        status = path_format(path, message, "%s/losses.png", t->r->path);
    if (!status)
        status = report_losses(&t->history, &t->s->plugin->table, path, message);
    if (!status && images > 0)
        say_milestone(t);
    return status;
}

static gan_status save(trainer *t, int64_t images, gan_message *message)
{
    char stamp[32];
    gan_message why = {{0}};
    gan_status status = take_metrics(t, true, message); /* averages in progress are a part of the state */
    if (status)
        return status;
    progress_state at = t->at;
    at.seconds = elapsed(t);
    if (fdatasync(t->stats) != 0) /* no checkpoint may be newer than the statistics that lead to it */
        status = gan_fail(&why, GAN_ERROR_IO, "cannot write %s/stats.jsonl: %s", t->r->path, strerror(errno));
    if (!status)
        status = checkpoint_save(t->s, &at, t->r, run_stamp(images, stamp),
                                 (int)config_int(&t->s->config, "train.keep"), t->last, &why);
    if (!status) {
        console_note(t->out, "checkpoint %s", t->last);
        return GAN_OK;
    }
    if (*t->last)
        return gan_fail(message, status, "%.700s; the last good checkpoint is %.200s", why.text, t->last);
    return gan_fail(message, status, "%s", why.text);
}

/* ---- the loop ---- */

static gan_status open_trainer(trainer *t, gan_message *message)
{
    const session *s = t->s;
    char path[PATH_SIZE];
    t->metrics = gan_metrics_create();
    gan_status status =
        t->metrics ? follow_plan(t, message) : gan_fail(message, GAN_ERROR_MEMORY, "no memory for metrics");
    if (!status)
        status = distance_create(s, &t->distance, message);
    if (!status)
        status = path_format(path, message, "%s/stats.jsonl", t->r->path);
    if (!status && t->at.steps > 0)
        status = history_read(&t->history, path, message);
    if (status)
        return status;
    t->stats = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (t->stats < 0)
        return gan_fail(message, GAN_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    t->total = images_of(s, "train.kimg");
    t->report_every = images_of(s, "train.report_kimg");
    t->snapshot_every = images_of(s, "train.snapshot_kimg");
    t->checkpoint_every = images_of(s, "train.checkpoint_kimg");
    t->seconds_limit = 60 * config_float(&s->config, "train.minutes");
    t->started = t->report_time = clock_seconds();
    t->report_images = t->at.images;
    t->window[0] = t->window[1] = (mark){t->started, t->at.images};
    return GAN_OK;
}

static bool finished(const trainer *t)
{
    return t->at.images >= t->total || (t->seconds_limit > 0 && elapsed(t) >= t->seconds_limit);
}

/* What is due after an iteration that began at `before` images. */
static gan_status after_iteration(trainer *t, int64_t before, gan_message *message)
{
    int64_t now = t->at.images, due;
    gan_status status = GAN_OK;
    /* The last report comes before the last checkpoint, which then is the same whatever the reports were. */
    if (passed(t->report_every, before, now) >= 0 || finished(t))
        status = report(t, message);
    draw_bar(t);
    if (!status && (due = passed(t->snapshot_every, before, now)) >= 0)
        status = snapshot(t, due, message);
    if (!status && (due = passed(t->checkpoint_every, before, now)) >= 0)
        status = save(t, due, message);
    return status;
}

static gan_status stop_interrupted(trainer *t, int64_t before, gan_message *message)
{
    int64_t now = t->at.images;
    bool saved = *t->last && (before == now || passed(t->checkpoint_every, before, now) >= 0);
    gan_status status = saved ? GAN_OK : save(t, t->at.images, message);
    if (status)
        return status;
    console_say(t->out, "interrupted at kimg %.1f; go on with: ganhost --resume %s", (double)t->at.images / 1000,
                t->r->path);
    return GAN_INTERRUPTED;
}

static gan_status finish(trainer *t, int64_t before, gan_message *message)
{
    char taken[32], stamp[32];
    int64_t now = t->at.images, grid = passed(t->snapshot_every, before, now);
    gan_status status = take_metrics(t, true, message);
    if (!status && has_pending(t))
        status = report(t, message);
    if (!status && grid < 0)
        status = snapshot(t, grid = now, message);
    if (!status && passed(t->checkpoint_every, before, now) < 0)
        status = save(t, now, message);
    if (status)
        return status;
    console_say(t->out, "done: %.1f kimg in %s (%" PRId64 " steps)", (double)now / 1000,
                text_duration(elapsed(t), taken), t->at.steps);
    console_say(t->out, "samples     %s/fakes%s.png", t->r->path, run_stamp(grid, stamp));
    if (t->history.rows >= 2)
        console_say(t->out, "losses      %s/losses.png", t->r->path);
    console_say(t->out, "checkpoint  %s", t->last);
    return GAN_OK;
}

static gan_status loop(trainer *t, gan_message *message)
{
    gan_status status = GAN_OK;
    int64_t before = t->at.images;
    if (t->at.steps == 0) {
        char path[PATH_SIZE];
        status = path_format(path, message, "%s/reals.png", t->r->path);
        if (!status)
            status = pictures_reals(t->s, path, message);
        if (!status)
            status = snapshot(t, 0, message);
    }
    while (!status && !finished(t)) {
        if (interrupt_requested())
            return stop_interrupted(t, before, message);
        before = t->at.images;
        status = iterate(t, message);
        if (!status)
            status = after_iteration(t, before, message);
    }
    return status ? status : finish(t, before, message);
}

gan_status train(session *s, run *r, console *out, const progress_state *at, const char *checkpoint,
                 gan_message *message)
{
    trainer t = {.s = s, .r = r, .out = out, .at = *at, .stats = -1};
    snprintf(t.last, sizeof t.last, "%s", checkpoint);
    gan_status status = open_trainer(&t, message);
    if (!status)
        status = loop(&t, message);
    if (t.stats >= 0)
        close(t.stats);
    close_runner(&t);
    gan_metrics_destroy(t.metrics);
    distance_destroy(t.distance);
    history_free(&t.history);
    return status;
}
