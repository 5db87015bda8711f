#include "judge_network.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 100, SHIFT = 2, REPORT_STEPS = 100 };
#define LEARNING_RATE 2e-3
#define FILE_KIND     "28x28 grey, 10 classes, 1"

gan_layer *judge_network(gan_context *ctx)
{
    static const gan_conv same = {.stride = 1, .pad = 1}, halves = {.stride = 2, .pad = 1};
    static const gan_nn_args no_bias = {.no_bias = true}; /* the norm behind it has one */
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_conv2d(net, 1, 32, 3, same, &no_bias);
    gan_nn_batch_norm(net, 32, NULL);
    gan_nn_relu(net);
    gan_nn_conv2d(net, 32, 64, 3, halves, &no_bias);
    gan_nn_batch_norm(net, 64, NULL);
    gan_nn_relu(net);
    gan_nn_conv2d(net, 64, 64, 3, halves, &no_bias);
    gan_nn_batch_norm(net, 64, NULL);
    gan_nn_relu(net);
    gan_nn_flatten(net);
    gan_nn_dropout(net, 0.4f);
    gan_nn_linear(net, (int64_t)JUDGE_SIDE / 4 * (JUDGE_SIDE / 4) * 64, JUDGE_CLASSES, NULL);
    return net;
}

static gan_status context_error(gan_layer *network, gan_message *message)
{
    gan_context *ctx = gan_layer_context(network);
    gan_status status = gan_status_of(ctx);
    return status ? gan_fail(message, status, "%s", gan_status_message(ctx)) : GAN_OK;
}

/* ---- training ---- */

void judge_shift(const uint8_t image[JUDGE_PIXELS], uint8_t out[JUDGE_PIXELS], int right, int down)
{
    for (int y = 0; y < JUDGE_SIDE; y++)
        for (int x = 0; x < JUDGE_SIDE; x++) {
            int from_x = x - right, from_y = y - down;
            bool inside = from_x >= 0 && from_x < JUDGE_SIDE && from_y >= 0 && from_y < JUDGE_SIDE;
            out[y * JUDGE_SIDE + x] = inside ? image[from_y * JUDGE_SIDE + from_x] : 0;
        }
}

/* -SHIFT to SHIFT. */
static int draw_shift(uint32_t word)
{
    return (int)(word % (2 * SHIFT + 1)) - SHIFT;
}

static void shift_batch(const uint8_t *images, uint8_t *out, uint64_t seed, uint64_t position)
{
    for (int i = 0; i < BATCH; i++) {
        uint32_t draw[4];
        gan_philox(seed, 1, position + (uint64_t)i, draw);
        judge_shift(images + (size_t)i * JUDGE_PIXELS, out + (size_t)i * JUDGE_PIXELS, draw_shift(draw[0]),
                    draw_shift(draw[1]));
    }
}

static gan_tensor *images_tensor(gan_context *ctx, const uint8_t *images, int64_t n)
{
    return gan_images_from_u8(gan_from_u8(ctx, GAN_SHAPE(n, JUDGE_SIDE, JUDGE_SIDE, 1), images));
}

/* One step; the loss is read only where it is wanted. */
static gan_status train_step(gan_layer *network, gan_optimizer *adam, const uint8_t *images, const int32_t *labels,
                             double *loss)
{
    gan_context *ctx = gan_layer_context(network);
    gan_scope_begin(ctx);
    gan_tensor *logits = gan_forward(network, images_tensor(ctx, images, BATCH));
    gan_tensor *mean = gan_cross_entropy(logits, gan_from_i32(ctx, GAN_SHAPE(BATCH), labels));
    gan_status status = gan_minimize(adam, mean);
    if (loss)
        *loss = (double)gan_item(mean);
    gan_scope_end(ctx, NULL);
    return status;
}

gan_status judge_train(gan_layer *network, const gan_dataset *data, double epochs, uint64_t seed,
                       judge_progress progress, void *user, gan_message *message)
{
    gan_loader *loader = NULL;
    gan_loader_options options = {.struct_size = sizeof options, .batch = BATCH, .seed = seed};
    gan_status status = gan_loader_create(data, &options, &loader, message);
    if (status)
        return status;
    int64_t steps = (int64_t)(epochs * (double)gan_dataset_info(data)->count / BATCH);
    uint8_t *shifted = malloc((size_t)BATCH * JUDGE_PIXELS);
    if (!shifted)
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory for a batch");
    gan_optimizer *adam =
        gan_adam(gan_layer_context(network), (gan_adam_args){.lr = LEARNING_RATE, .beta1 = 0.9, .beta2 = 0.999});
    gan_optimizer_add(adam, network);
    gan_layer_train(network, true);
    for (int64_t step = 0; step < steps && !status; step++) {
        gan_host_batch batch;
        bool report = progress && ((step + 1) % REPORT_STEPS == 0 || step + 1 == steps);
        double loss;
        gan_optimizer_scale_lr(adam,
                               gan_schedule_at((gan_schedule){GAN_SCHEDULE_COSINE, 0.0}, (double)step / (double)steps));
        status = gan_loader_next(loader, &batch, message);
        if (status)
            break;
        shift_batch(batch.pixels, shifted, seed, (uint64_t)step * BATCH);
        if (train_step(network, adam, shifted, batch.labels, report ? &loss : NULL) != GAN_OK)
            status = context_error(network, message);
        else if (report)
            progress(step + 1, steps, loss, user);
    }
    gan_optimizer_destroy(adam);
    free(shifted);
    gan_loader_destroy(loader);
    return status ? status : context_error(network, message);
}

/* ---- opinions ---- */

gan_status judge_classify(gan_layer *network, judge_batch *batch, gan_message *message)
{
    gan_context *ctx = gan_layer_context(network);
    gan_layer_train(network, false);
    gan_no_grad_begin(ctx);
    gan_tensor *x = images_tensor(ctx, batch->images[0], batch->n);
    gan_read_f32(gan_softmax(gan_forward(network, x)), batch->probabilities[0]);
    gan_no_grad_end(ctx, NULL);
    return context_error(network, message);
}

gan_status judge_dataset(gan_layer *network, const gan_dataset *data, judge_tally *tally, gan_message *message)
{
    judge_batch *batch = malloc(sizeof *batch);
    gan_status status = batch ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for a batch");
    int64_t count = gan_dataset_info(data)->count;
    for (int64_t done = 0; done < count && !status; done += JUDGE_BATCH) {
        for (batch->n = 0; batch->n < JUDGE_BATCH && done + batch->n < count && !status; batch->n++)
            status = gan_dataset_get(data, done + batch->n, batch->images[batch->n], &batch->labels[batch->n], message);
        if (!status)
            status = judge_classify(network, batch, message);
        if (!status)
            judge_count(tally, batch->probabilities[0], batch->labels, batch->n);
    }
    free(batch);
    return status;
}

gan_status judge_check_data(const gan_dataset *data, const char *source, gan_message *message)
{
    const gan_data_info *info = gan_dataset_info(data);
    if (info->scaled && info->height == JUDGE_SIDE && info->width == JUDGE_SIDE && info->channels == 1 &&
        info->classes > 0 && info->classes <= JUDGE_CLASSES)
        return GAN_OK;
    return gan_fail(message, GAN_ERROR_ARGUMENT,
                    "%s: expected grey images of %dx%d with labels of at most %d classes, found %" PRId64 "x%" PRId64
                    " with %" PRId64 " channels and %" PRId64 " classes",
                    source, JUDGE_SIDE, JUDGE_SIDE, JUDGE_CLASSES, info->width, info->height, info->channels,
                    info->classes);
}

/* ---- files ---- */

typedef struct walk {
    gan_file_writer *writer;
    gan_file *file;
    gan_status status;
    gan_message *message;
} walk;

static void add_slot(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    (void)kind;
    walk *w = user;
    if (!w->status)
        w->status = gan_file_add(w->writer, name, tensor, layout, w->message);
}

static void read_slot(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    (void)kind;
    walk *w = user;
    if (!w->status)
        w->status = gan_file_read(w->file, name, tensor, layout, w->message);
}

gan_status judge_save(gan_layer *network, const char *path, const char *data, double accuracy, gan_message *message)
{
    walk w = {.writer = gan_file_writer_create(), .message = message};
    char percent[16];
    if (!w.writer)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory to write %s", path);
    gan_layer_visit(network, add_slot, &w);
    snprintf(percent, sizeof percent, "%.2f", accuracy);
    if (!w.status)
        w.status = gan_file_add_text(w.writer, "judge.kind", FILE_KIND, message);
    if (!w.status)
        w.status = gan_file_add_text(w.writer, "judge.data", data, message);
    if (!w.status)
        w.status = gan_file_add_text(w.writer, "judge.accuracy", percent, message);
    if (!w.status)
        w.status = gan_file_commit(w.writer, path, message);
    gan_file_writer_destroy(w.writer);
    return w.status;
}

gan_status judge_load(gan_layer *network, const char *path, judge_origin *origin, gan_message *message)
{
    walk w = {.message = message};
    gan_status status = gan_file_open(path, &w.file, message);
    if (status)
        return status;
    const char *kind = gan_file_text(w.file, "judge.kind"), *data = gan_file_text(w.file, "judge.data"),
               *accuracy = gan_file_text(w.file, "judge.accuracy");
    if (!kind || strcmp(kind, FILE_KIND) != 0 || !data || !accuracy) {
        gan_file_close(w.file);
        return gan_fail(message, GAN_ERROR_FORMAT,
                        "%s: expected a classifier of `bench_judge train` (" FILE_KIND "), found judge.kind \"%.64s\"",
                        path, kind ? kind : "");
    }
    gan_layer_visit(network, read_slot, &w);
    snprintf(origin->data, sizeof origin->data, "%s", data);
    snprintf(origin->accuracy, sizeof origin->accuracy, "%s", accuracy);
    gan_file_close(w.file);
    return w.status;
}
