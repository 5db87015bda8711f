/*
 * cyclegan_step.c - CycleGAN at 128x128 with 6 residual blocks, batch 1 (Zhu et al., "Unpaired Image-to-Image
 * Translation using Cycle-Consistent Adversarial Networks", 2017).
 *
 *   cyclegan            a whole training step: two identity, two adversarial (least squares) and two cycle terms for
 *                       both generators, then a step of each discriminator; Adam 2e-4 (0.5, 0.999)
 *   cyclegan-generator  one generator forward and backward of an L1 loss, and no update
 *
 * On a CUDA device an iteration is recorded as a generator step.
 */
#include <stdio.h>
#include <string.h>

#include "program.h"

enum { SIZE = 128, BLOCKS = 6, PAIRS = 4 };

typedef struct model {
    gan_model base;
    gan_runner *runner;
    gan_layer *g_xy, *g_yx, *d_x, *d_y;
    gan_optimizer *g_optim, *dx_optim, *dy_optim;
    gan_batch pair[PAIRS];
    int pairs; /* that take turns: 1 where steps are recorded, which need the same tensors every time */
    int next;
} model;

static void norm_relu(gan_layer *parent, int64_t channels)
{
    gan_nn_instance_norm(parent, channels, false);
    gan_nn_relu(parent);
}

static gan_layer *generator(gan_context *ctx)
{
    const gan_conv keep = {.stride = 1};
    gan_layer *g = gan_sequential(ctx, NULL);
    gan_nn_reflect_pad2d(g, 3);
    gan_nn_conv2d(g, 3, 64, 7, keep, NULL);
    norm_relu(g, 64);
    for (int64_t in = 64; in < 256; in *= 2) {
        gan_nn_conv2d(g, in, 2 * in, 3, (gan_conv){.stride = 2, .pad = 1}, NULL);
        norm_relu(g, 2 * in);
    }
    for (int i = 0; i < BLOCKS; i++) {
        gan_layer *block = gan_residual(g, 1.0f);
        gan_nn_reflect_pad2d(block, 1);
        gan_nn_conv2d(block, 256, 256, 3, keep, NULL);
        norm_relu(block, 256);
        gan_nn_reflect_pad2d(block, 1);
        gan_nn_conv2d(block, 256, 256, 3, keep, NULL);
        gan_nn_instance_norm(block, 256, false);
    }
    for (int64_t in = 256; in > 64; in /= 2) {
        gan_nn_conv2d_transpose(g, in, in / 2, 3, (gan_conv){.stride = 2, .pad = 1, .output_pad = 1}, NULL);
        norm_relu(g, in / 2);
    }
    gan_nn_reflect_pad2d(g, 3);
    gan_nn_conv2d(g, 64, 3, 7, keep, NULL);
    gan_nn_tanh(g);
    return g;
}

static gan_layer *discriminator(gan_context *ctx)
{
    gan_layer *d = gan_sequential(ctx, NULL);
    gan_nn_conv2d(d, 3, 64, 4, (gan_conv){.stride = 2, .pad = 1}, NULL);
    gan_nn_leaky_relu(d, 0.2f);
    for (int64_t in = 64; in < 512; in *= 2) {
        gan_nn_conv2d(d, in, 2 * in, 4, (gan_conv){.stride = in < 256 ? 2 : 1, .pad = 1}, NULL);
        gan_nn_instance_norm(d, 2 * in, false);
        gan_nn_leaky_relu(d, 0.2f);
    }
    gan_nn_conv2d(d, 512, 1, 4, (gan_conv){.stride = 1, .pad = 1}, NULL);
    return d;
}

/* The discriminator's map averaged to one value per image. */
static gan_tensor *judge(gan_layer *d, gan_tensor *images)
{
    return gan_mean_over(gan_forward(d, images), GAN_AXIS(1) | GAN_AXIS(2) | GAN_AXIS(3), false);
}

static gan_layer *register_network(model *m, const char *name, gan_layer *network)
{
    gan_model_network(&m->base, name, network, GAN_ROLE_OTHER);
    return network;
}

static gan_optimizer *adam(model *m, const char *name, gan_layer *layer)
{
    gan_optimizer *optimizer = gan_adam(m->base.ctx, (gan_adam_args){.lr = 2e-4, .beta1 = 0.5, .beta2 = 0.999});
    gan_optimizer_add(optimizer, layer);
    gan_model_optimizer(&m->base, name, optimizer);
    return optimizer;
}

static void make_pairs(model *m, gan_context *ctx)
{
    gan_tensor *images = bench_images(ctx, 2 * PAIRS, SIZE, 3);
    for (int i = 0; i < PAIRS; i++) {
        m->pair[i] = (gan_batch){.struct_size = sizeof(gan_batch), .n = 1};
        m->pair[i].images = gan_keep(gan_slice(images, 0, 2 * i, 1));
        m->pair[i].images_b = gan_keep(gan_slice(images, 0, 2 * i + 1, 1));
    }
    gan_release(images);
    m->pairs = gan_context_stream(ctx) != NULL ? 1 : PAIRS;
}

/* A runner wants steps of both kinds; those of the discriminators are in the one that is run. */
static void make_runner(model *m, const bench_options *options, gan_step_function step)
{
    const gan_runner_options made = {
        .struct_size = sizeof(made), .d_step = step, .g_step = step, .no_graphs = options->no_graphs};
    m->runner = gan_runner_create(&m->base, &made);
}

/* ---- cyclegan ---- */

/* Adds the gradients of one term and returns its value. Terms are differentiated one by one, so that only one
 * generator's or cycle's intermediate results are alive at a time. */
static gan_tensor *term(model *m, gan_tensor *loss)
{
    gan_accumulate(m->g_optim, loss);
    return gan_detach(loss);
}

static gan_tensor *identity(model *m, gan_layer *g, gan_tensor *real)
{
    return term(m, gan_scale(gan_l1(gan_forward(g, real), real), 5.0f));
}

/* The adversarial and the cycle term of real -> fake -> back; *fake gets the fake, kept. */
static gan_tensor *cycle(model *m, gan_layer *there, gan_layer *back, gan_layer *d, gan_tensor *real, gan_tensor **fake)
{
    gan_tensor *made = gan_forward(there, real);
    *fake = gan_keep(gan_detach(made));
    gan_tensor *adversarial = gan_loss_g_least_squares(judge(d, made));
    gan_tensor *returned = gan_scale(gan_l1(gan_forward(back, made), real), 10.0f);
    return term(m, gan_add(adversarial, returned));
}

static void d_step(model *m, gan_layer *d, gan_optimizer *optim, const char *name, gan_tensor *real, gan_tensor *fake,
                   gan_metrics *losses)
{
    gan_scope_begin(m->base.ctx);
    gan_tensor *loss = gan_scale(gan_loss_d_least_squares(judge(d, real), judge(d, fake)), 0.5f);
    gan_metric(losses, name, loss);
    gan_minimize(optim, loss);
    gan_scope_end(m->base.ctx, NULL);
}

static gan_status step(gan_model *self, const gan_batch *batch, gan_metrics *losses)
{
    model *m = (model *)self;
    gan_context *ctx = self->ctx;
    gan_tensor *x = batch->images, *y = batch->images_b, *fake_x, *fake_y;
    gan_tensor *loss = GAN_SCOPED(ctx, identity(m, m->g_xy, y));
    loss = gan_add(loss, GAN_SCOPED(ctx, identity(m, m->g_yx, x)));
    loss = gan_add(loss, GAN_SCOPED(ctx, cycle(m, m->g_xy, m->g_yx, m->d_y, x, &fake_y)));
    loss = gan_add(loss, GAN_SCOPED(ctx, cycle(m, m->g_yx, m->g_xy, m->d_x, y, &fake_x)));
    gan_metric(losses, "g", loss);
    gan_optimizer_step(m->g_optim);
    d_step(m, m->d_x, m->dx_optim, "dx", x, fake_x, losses);
    d_step(m, m->d_y, m->dy_optim, "dy", y, fake_y, losses);
    gan_release(fake_x);
    gan_release(fake_y);
    return gan_status_of(ctx);
}

static void *create(gan_context *ctx, const void *setting)
{
    model *m = gan_model_new(ctx, sizeof(*m));
    if (m == NULL) {
        return NULL;
    }
    m->g_xy = register_network(m, "g_xy", generator(ctx));
    m->g_yx = register_network(m, "g_yx", generator(ctx));
    m->d_x = register_network(m, "d_x", discriminator(ctx));
    m->d_y = register_network(m, "d_y", discriminator(ctx));
    m->g_optim = adam(m, "g_optim", m->g_xy);
    gan_optimizer_add(m->g_optim, m->g_yx);
    m->dx_optim = adam(m, "dx_optim", m->d_x);
    m->dy_optim = adam(m, "dy_optim", m->d_y);
    make_pairs(m, ctx);
    make_runner(m, setting, step);
    return m;
}

/* ---- cyclegan-generator ---- */

enum { MAX_PARAMETERS = 64 };

typedef struct parameter_list {
    gan_tensor *tensors[MAX_PARAMETERS];
    int n;
} parameter_list;

static void list_parameter(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    (void)name, (void)layout;
    parameter_list *list = user;
    if (kind == GAN_SLOT_PARAMETER && list->n < MAX_PARAMETERS) {
        list->tensors[list->n++] = tensor;
    }
}

static gan_status step_generator(gan_model *self, const gan_batch *batch, gan_metrics *losses)
{
    model *m = (model *)self;
    parameter_list list = {.n = 0};
    gan_layer_visit(m->g_xy, list_parameter, &list);
    gan_tensor *loss = gan_l1(gan_forward(m->g_xy, batch->images), batch->images);
    gan_metric(losses, "g", loss);
    gan_tensor *grads[MAX_PARAMETERS];
    return gan_grad(loss, list.tensors, list.n, grads, GAN_GRAD_DEFAULT);
}

static void *create_generator(gan_context *ctx, const void *setting)
{
    model *m = gan_model_new(ctx, sizeof(*m));
    if (m == NULL) {
        return NULL;
    }
    m->g_xy = register_network(m, "g_xy", generator(ctx));
    make_pairs(m, ctx);
    make_runner(m, setting, step_generator);
    return m;
}

/* ---- both ---- */

static gan_status run(void *user, gan_metrics *losses)
{
    model *m = user;
    const gan_batch *batch = &m->pair[m->next++ % m->pairs];
    return gan_runner_step(m->runner, GAN_STEP_GENERATOR, true, batch, losses);
}

static int graphs(const void *user)
{
    const model *m = user;
    if (*gan_runner_note(m->runner) != '\0') {
        fprintf(stderr, "%s\n", gan_runner_note(m->runner));
    }
    return gan_runner_graphs(m->runner);
}

static void destroy(void *user)
{
    model *m = user;
    gan_runner_destroy(m->runner);
    for (int i = 0; i < PAIRS; i++) {
        gan_release(m->pair[i].images);
        gan_release(m->pair[i].images_b);
    }
    gan_model_free(&m->base);
}

static const bench_program programs[] = {
    {"cyclegan", 2, NULL, create, destroy, graphs, {{"step", run, 1}}},
    {"cyclegan-generator", 1, NULL, create_generator, destroy, graphs, {{"step", run, 1}}},
};

int main(int argc, char **argv)
{
    bench_options options = {.precision = "f32", .part = programs[0].name, .warmup = 3, .seconds = 10};
    if (!bench_parse(argc, argv, &options)) {
        return 2;
    }
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        if (strcmp(programs[i].name, options.part) == 0) {
            bench_program program = programs[i];
            program.setting = &options;
            return bench_program_run(&program, &options);
        }
    }
    fprintf(stderr, "%s: no part is named %s\n", argv[0], options.part);
    return 2;
}
