#define _GNU_SOURCE
#include "checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX  ".safetensors"
#define DAMAGED SUFFIX ".damaged"

/* ---- one walk over all that is saved, for saving and for loading ---- */

typedef struct walk {
    void *user;
    gan_slot_visitor tensor;
    gan_number_visitor number;
    const char *network; /* of the moving average that is being visited */
} walk;

static void visit_average(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    walk *w = user;
    char full[512];
    snprintf(full, sizeof full, "ema.%s.%s", w->network, name);
    w->tensor(full, tensor, kind, layout, w->user);
}

static void visit_host_number(walk *w, const char *group, const char *name, double *number)
{
    char full[METRIC_NAME_SIZE + 64];
    snprintf(full, sizeof full, "host.%s%s", group, name);
    w->number(full, number, w->user);
}

static void visit_data(walk *w, const session *s)
{
    const gan_data_info *info = &s->info;
    double count = (double)info->count, height = (double)info->height, width = (double)info->width,
           channels = (double)info->channels, classes = (double)info->classes, scaled = info->scaled;
    visit_host_number(w, "data.", "count", &count);
    visit_host_number(w, "data.", "height", &height);
    visit_host_number(w, "data.", "width", &width);
    visit_host_number(w, "data.", "channels", &channels);
    visit_host_number(w, "data.", "classes", &classes);
    visit_host_number(w, "data.", "scaled", &scaled);
    if (s->data_b) {
        double count_b = (double)s->count_b;
        visit_host_number(w, "data.", "count_b", &count_b);
    }
}

static void visit_state(walk *w, const progress_state *state)
{
    double images = (double)state->images, steps = (double)state->steps, seconds = state->seconds,
           position = (double)state->loader_position;
    visit_host_number(w, "", "images", &images);
    visit_host_number(w, "", "steps", &steps);
    visit_host_number(w, "", "seconds", &seconds);
    visit_host_number(w, "", "loader_position", &position);
    for (int i = 0; i < state->pending.n; i++) {
        average a = state->pending.of[i];
        char group[32];
        snprintf(group, sizeof group, "sum.%d.", i); /* numbered: their order is that of the reports */
        visit_host_number(w, group, a.name, &a.sum);
        snprintf(group, sizeof group, "count.%d.", i);
        visit_host_number(w, group, a.name, &a.count);
    }
}

static void visit_model(walk *w, const session *s)
{
    gan_model_visit(s->model, w->tensor, w->number, w->user);
    for (int i = 0; i < s->n_ema; i++) {
        w->network = s->ema[i].network;
        walk *inner = w;
        gan_ema_visit(s->ema[i].average, visit_average, inner);
    }
}

/* ---- saving ---- */

typedef struct saving {
    gan_file_writer *writer;
    float *values; /* for the check; grows */
    int64_t capacity;
    gan_status status;
    gan_message *message;
} saving;

static bool fits(saving *save, int64_t count)
{
    if (count <= save->capacity)
        return true;
    float *values = realloc(save->values, (size_t)count * sizeof *values);
    if (!values)
        return false;
    save->values = values;
    save->capacity = count;
    return true;
}

static gan_status check_finite(saving *save, const char *name, const gan_tensor *tensor)
{
    int64_t count = gan_count(tensor);
    if (gan_dtype_of(tensor) != GAN_F32 && gan_dtype_of(tensor) != GAN_BF16)
        return GAN_OK;
    if (!fits(save, count))
        return gan_fail(save->message, GAN_ERROR_MEMORY, "no memory to check %s before it is saved", name);
    gan_status status = gan_read_f32(tensor, save->values);
    if (status)
        return gan_fail(save->message, status, "cannot read %s to save it: %.800s", name,
                        gan_status_message(gan_context_of(tensor)));
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(save->values[i]))
            return gan_fail(save->message, GAN_ERROR_NON_FINITE,
                            "%s holds values that are not finite, so no checkpoint was saved", name);
    return GAN_OK;
}

static void save_tensor(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    saving *save = user;
    (void)kind;
    if (!save->status)
        save->status = check_finite(save, name, tensor);
    if (!save->status)
        save->status = gan_file_add(save->writer, name, tensor, layout, save->message);
}

static void save_number(const char *name, double *number, void *user)
{
    saving *save = user;
    if (!save->status && !isfinite(*number))
        save->status =
            gan_fail(save->message, GAN_ERROR_NON_FINITE, "%s is not finite, so no checkpoint was saved", name);
    if (!save->status)
        save->status = gan_file_add_number(save->writer, name, *number, save->message);
}

static void save_text(saving *save, const char *key, const char *value)
{
    if (!save->status)
        save->status = gan_file_add_text(save->writer, key, value, save->message);
}

static void save_metadata(saving *save, const session *s)
{
    char abi[32], random[64];
    text options = {0};
    gan_random_state state = gan_random_get(s->ctx);
    snprintf(abi, sizeof abi, "%d.%d", GAN_ABI_MAJOR, GAN_ABI_MINOR);
    snprintf(random, sizeof random, "%" PRIu64 " %" PRIu64, state.seed, state.counter);
    config_write(&s->config, false, &options);
    if (options.failed && !save->status)
        save->status = gan_fail(save->message, GAN_ERROR_MEMORY, "no memory for the config in a checkpoint");
    save_text(save, "ganhost.format", CHECKPOINT_FORMAT);
    save_text(save, "ganhost.version", gan_version());
    save_text(save, "ganhost.plugin", s->plugin->table.id);
    save_text(save, "ganhost.plugin_version", s->plugin->table.version);
    save_text(save, "ganhost.abi", abi);
    save_text(save, "ganhost.random", random);
    save_text(save, "ganhost.data", s->info.name);
    save_text(save, "ganhost.config", options.data ? options.data : "");
    free(options.data);
}

static void rotate(const char *folder, int keep)
{
    int64_t *images;
    int count = run_list_stamped(folder, "", SUFFIX, &images);
    for (int i = 0; i < count - keep; i++) {
        char path[PATH_SIZE], stamp[32];
        if (!path_format(path, NULL, "%s/%s" SUFFIX, folder, run_stamp(images[i], stamp)))
            unlink(path);
    }
    free(images);
}

gan_status checkpoint_save(const session *s, const progress_state *state, const run *r, const char *stamp, int keep,
                           char path[PATH_SIZE], gan_message *message)
{
    char folder[PATH_SIZE], file[PATH_SIZE];
    gan_status status = path_format(folder, message, "%s/checkpoints", r->path);
    if (!status)
        status = path_format(file, message, "%s/%s" SUFFIX, folder, stamp);
    if (!status)
        status = folder_make(folder, message);
    if (status)
        return status;
    saving save = {.writer = gan_file_writer_create(), .message = message};
    if (!save.writer)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for a checkpoint");
    walk w = {.user = &save, .tensor = save_tensor, .number = save_number};
    visit_model(&w, s);
    visit_state(&w, state);
    visit_data(&w, s);
    save_metadata(&save, s);
    status = save.status;
    if (!status)
        status = gan_file_commit(save.writer, file, message);
    gan_file_writer_destroy(save.writer);
    free(save.values);
    if (status)
        return status;
    rotate(folder, keep);
    if (path)
        memcpy(path, file, sizeof file);
    return GAN_OK;
}

/* ---- finding ---- */

gan_status checkpoint_check(const gan_file *file, const char *path, gan_message *message)
{
    const char *format = gan_file_text(file, "ganhost.format");
    if (!format)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s is not a checkpoint of ganhost", path);
    if (strcmp(format, CHECKPOINT_FORMAT) != 0)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "%s has checkpoint format %.20s, but this ganhost reads format " CHECKPOINT_FORMAT
                        ": use a newer ganhost",
                        path, format);
    return GAN_OK;
}

static void note_damaged(bool set_aside, const char *path, const char *why, checkpoint_note note, void *user)
{
    char aside[PATH_SIZE];
    text sentence = {0};
    text_add(&sentence, "a checkpoint is damaged and will not be used: %s", why);
    if (set_aside && !path_format(aside, NULL, "%.*s" DAMAGED, (int)(strlen(path) - strlen(SUFFIX)), path) &&
        rename(path, aside) == 0)
        text_add(&sentence, "; it is now %s", aside);
    if (note && sentence.data)
        note(user, sentence.data);
    free(sentence.data);
}

gan_status checkpoint_newest(const char *run_path, bool set_aside, checkpoint_note note, void *user, gan_file **out,
                             char path[PATH_SIZE], gan_message *message)
{
    char folder[PATH_SIZE];
    int64_t *images;
    gan_status status = path_format(folder, message, "%s/checkpoints", run_path);
    if (status)
        return status;
    int count = run_list_stamped(folder, "", SUFFIX, &images);
    status = gan_fail(message, GAN_ERROR_NOT_FOUND, "%s holds no checkpoint", run_path);
    bool found = false;
    for (int i = count - 1; i >= 0 && !found; i--) {
        char stamp[32];
        gan_message why = {{0}};
        gan_file *file = NULL;
        gan_status opened = path_format(path, &why, "%s/%s" SUFFIX, folder, run_stamp(images[i], stamp));
        if (!opened)
            opened = gan_file_open(path, &file, &why);
        if (!opened)
            opened = checkpoint_check(file, path, &why);
        found = opened == GAN_OK;
        if (found) {
            *out = file;
            status = GAN_OK;
            break;
        }
        gan_file_close(file);
        if (i == count - 1)
            status = gan_fail(message, opened, "%s", why.text);
        /* Not damaged, but unreadable now, or of a later format: an older one would silently lose training. */
        if (opened != GAN_ERROR_CHECKSUM && opened != GAN_ERROR_FORMAT) {
            status = gan_fail(message, opened, "%s", why.text);
            break;
        }
        /* Set aside only when there is an older one to go on from: the last one is left for its owner to look at. */
        note_damaged(set_aside && i > 0, path, why.text, note, user);
    }
    free(images);
    return status;
}

/* ---- loading ---- */

gan_status checkpoint_check_plugin(const gan_file *file, const plugin *p, const char *path, gan_message *message)
{
    const char *id = gan_file_text(file, "ganhost.plugin");
    if (!id || strcmp(id, p->table.id) != 0)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "%s was made by the plugin %.64s, and cannot be used with the plugin %s", path,
                        id ? id : "(none)", p->table.id);
    return GAN_OK;
}

static gan_status read_count(const gan_file *file, const char *name, double most, int64_t *out, const char *path,
                             gan_message *message)
{
    double value = 0;
    gan_status status = gan_file_read_number(file, name, &value, message);
    if (status)
        return status;
    if (!(value >= 0 && value <= most) || value != floor(value))
        return gan_fail(message, GAN_ERROR_FORMAT, "%s has %g as %s, which is no count", path, value, name);
    *out = (int64_t)value;
    return GAN_OK;
}

gan_status checkpoint_data_info(const gan_file *file, const char *path, gan_data_info *out, gan_message *message)
{
    gan_data_info info = {.struct_size = sizeof info};
    int64_t scaled = 0;
    const struct {
        const char *name;
        double most;
        int64_t *value;
    } rows[] = {
        {"host.data.count", 1e15, &info.count},    {"host.data.height", 65536, &info.height},
        {"host.data.width", 65536, &info.width},   {"host.data.channels", 65536, &info.channels},
        {"host.data.classes", 1e9, &info.classes}, {"host.data.scaled", 1, &scaled},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        gan_status status = read_count(file, rows[i].name, rows[i].most, rows[i].value, path, message);
        if (status)
            return status;
    }
    const char *name = gan_file_text(file, "ganhost.data");
    snprintf(info.name, sizeof info.name, "%s", name ? name : "");
    info.scaled = scaled != 0;
    *out = info;
    return GAN_OK;
}

gan_status checkpoint_count_b(const gan_file *file, const char *path, int64_t *out, gan_message *message)
{
    return read_count(file, "host.data.count_b", 1e15, out, path, message);
}

typedef struct loading {
    const gan_file *file;
    const char *path;
    int seen; /* tensors and numbers of the model */
    gan_status status;
    gan_message *message;
} loading;

static void load_tensor(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    loading *load = user;
    gan_message why = {{0}};
    (void)kind;
    if (load->status)
        return;
    gan_status status = gan_file_read(load->file, name, tensor, layout, &why);
    if (status)
        load->status =
            gan_fail(load->message, status, "%s does not fit this run's networks: %.800s", load->path, why.text);
    load->seen++;
}

static void load_number(const char *name, double *number, void *user)
{
    loading *load = user;
    if (!load->status)
        load->status = gan_file_read_number(load->file, name, number, load->message);
    load->seen++;
}

/* Whatever is in the file and was not asked for would be lost: the networks are not those that were saved. */
static gan_status check_all_seen(const loading *load, const session *s)
{
    int count = 0;
    for (int i = 0; i < gan_file_count(load->file); i++) {
        const char *name = gan_file_name_at(load->file, i);
        count += strncmp(name, "host.", 5) != 0;
    }
    if (count != load->seen)
        return gan_fail(load->message, GAN_ERROR_SHAPE,
                        "%s holds %d tensors, but the networks of the plugin %s with this run's options have %d",
                        load->path, count, s->plugin->table.id, load->seen);
    return GAN_OK;
}

static gan_status load_pending(const gan_file *file, averages *out, gan_message *message)
{
    averages pending = {0};
    for (int i = 0; i < gan_file_count(file); i++) {
        const char *name = gan_file_name_at(file, i);
        int index = -1, used = 0;
        if (sscanf(name, "host.sum.%d.%n", &index, &used) != 1 || used == 0 || index < 0 || index >= GAN_METRICS_MAX)
            continue;
        average *a = &pending.of[index];
        char count[METRIC_NAME_SIZE + 64];
        snprintf(a->name, sizeof a->name, "%s", name + used);
        snprintf(count, sizeof count, "host.count.%d.%s", index, name + used);
        gan_status status = gan_file_read_number(file, name, &a->sum, message);
        if (!status)
            status = gan_file_read_number(file, count, &a->count, message);
        if (status)
            return status;
        pending.n = index >= pending.n ? index + 1 : pending.n;
    }
    *out = pending;
    return GAN_OK;
}

static gan_status load_state(const gan_file *file, const char *path, progress_state *out, gan_message *message)
{
    progress_state state = {0};
    int64_t position = 0;
    gan_status status = read_count(file, "host.images", 1e15, &state.images, path, message);
    if (!status)
        status = read_count(file, "host.steps", 1e15, &state.steps, path, message);
    if (!status)
        status = read_count(file, "host.loader_position", 9e15, &position, path, message);
    if (!status)
        status = gan_file_read_number(file, "host.seconds", &state.seconds, message);
    if (!status)
        status = load_pending(file, &state.pending, message);
    state.loader_position = (uint64_t)position;
    if (!status)
        *out = state;
    return status;
}

static gan_status load_random(const gan_file *file, session *s, const char *path, gan_message *message)
{
    const char *words = gan_file_text(file, "ganhost.random");
    gan_random_state state;
    if (!words || sscanf(words, "%" SCNu64 " %" SCNu64, &state.seed, &state.counter) != 2)
        return gan_fail(message, GAN_ERROR_FORMAT, "%s has no random state", path);
    gan_random_set(s->ctx, state);
    return GAN_OK;
}

gan_status checkpoint_load(const gan_file *file, session *s, progress_state *state, const char *path,
                           gan_message *message)
{
    loading load = {.file = file, .path = path, .message = message};
    walk w = {.user = &load, .tensor = load_tensor, .number = load_number};
    visit_model(&w, s);
    gan_status status = load.status;
    if (!status)
        status = check_all_seen(&load, s);
    if (!status && state)
        status = load_state(file, path, state, message);
    if (!status)
        status = load_random(file, s, path, message);
    return status;
}
