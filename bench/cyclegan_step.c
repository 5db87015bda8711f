/*
 * cyclegan_step.c - CycleGAN at 128x128 with 6 residual blocks, batch 1 (Zhu et al., "Unpaired Image-to-Image
 * Translation using Cycle-Consistent Adversarial Networks", 2017).
 *
 *   cyclegan            a whole training step: two identity, two adversarial (least squares) and two cycle terms for
 *                       both generators, then a step of each discriminator; Adam 2e-4 (0.5, 0.999)
 *   cyclegan-generator  one generator forward and backward of an L1 loss, and no update
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { SIZE = 128, BLOCKS = 6, PAIRS = 4 };

typedef struct model {
    gan_context *ctx;
    gan_layer *g_xy, *g_yx, *d_x, *d_y;
    gan_optimizer *g_optim, *dx_optim, *dy_optim;
    gan_tensor *x[PAIRS], *y[PAIRS];
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

static gan_optimizer *adam(gan_context *ctx, gan_layer *layer)
{
    gan_optimizer *optimizer = gan_adam(ctx, (gan_adam_args){.lr = 2e-4, .beta1 = 0.5, .beta2 = 0.999});
    gan_optimizer_add(optimizer, layer);
    return optimizer;
}

static model *create_generators(gan_context *ctx)
{
    model *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return NULL;
    }
    m->ctx = ctx;
    m->g_xy = generator(ctx);
    m->g_optim = adam(ctx, m->g_xy);
    gan_tensor *images = bench_images(ctx, 2 * PAIRS, SIZE, 3);
    for (int i = 0; i < PAIRS; i++) {
        m->x[i] = gan_keep(gan_slice(images, 0, 2 * i, 1));
        m->y[i] = gan_keep(gan_slice(images, 0, 2 * i + 1, 1));
    }
    gan_release(images);
    return m;
}

static void *create_generator(gan_context *ctx, const void *setting)
{
    (void)setting;
    return create_generators(ctx);
}

static void *create(gan_context *ctx, const void *setting)
{
    (void)setting;
    model *m = create_generators(ctx);
    if (m != NULL) {
        m->g_yx = generator(ctx);
        gan_optimizer_add(m->g_optim, m->g_yx);
        m->d_x = discriminator(ctx);
        m->d_y = discriminator(ctx);
        m->dx_optim = adam(ctx, m->d_x);
        m->dy_optim = adam(ctx, m->d_y);
    }
    return m;
}

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
    gan_scope_begin(m->ctx);
    gan_tensor *loss = gan_scale(gan_loss_d_least_squares(judge(d, real), judge(d, fake)), 0.5f);
    gan_metric(losses, name, loss);
    gan_minimize(optim, loss);
    gan_scope_end(m->ctx, NULL);
}

static gan_status step(void *user, gan_metrics *losses)
{
    model *m = user;
    gan_context *ctx = m->ctx;
    gan_tensor *x = m->x[m->next % PAIRS], *y = m->y[m->next % PAIRS];
    m->next++;
    gan_tensor *fake_x, *fake_y;
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

static gan_status step_generator(void *user, gan_metrics *losses)
{
    model *m = user;
    gan_tensor *x = m->x[m->next++ % PAIRS];
    parameter_list list = {.n = 0};
    gan_layer_visit(m->g_xy, list_parameter, &list);
    gan_tensor *loss = gan_l1(gan_forward(m->g_xy, x), x);
    gan_metric(losses, "g", loss);
    gan_tensor *grads[MAX_PARAMETERS];
    return gan_grad(loss, list.tensors, list.n, grads, GAN_GRAD_DEFAULT);
}

static void destroy(void *user)
{
    model *m = user;
    for (int i = 0; i < PAIRS; i++) {
        gan_release(m->x[i]);
        gan_release(m->y[i]);
    }
    gan_optimizer_destroy(m->g_optim);
    gan_layer_destroy(m->g_xy);
    if (m->g_yx != NULL) {
        gan_optimizer_destroy(m->dx_optim);
        gan_optimizer_destroy(m->dy_optim);
        gan_layer_destroy(m->g_yx);
        gan_layer_destroy(m->d_x);
        gan_layer_destroy(m->d_y);
    }
    free(m);
}

static const bench_program programs[] = {
    {"cyclegan", 2, NULL, create, destroy, NULL, {{"step", step, 1}}},
    {"cyclegan-generator", 1, NULL, create_generator, destroy, NULL, {{"step", step_generator, 1}}},
};

int main(int argc, char **argv)
{
    bench_options options = {.precision = "f32", .part = programs[0].name, .warmup = 3, .seconds = 10};
    if (!bench_parse(argc, argv, &options)) {
        return 2;
    }
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        if (strcmp(programs[i].name, options.part) == 0) {
            return bench_program_run(&programs[i], &options);
        }
    }
    fprintf(stderr, "%s: no part is named %s\n", argv[0], options.part);
    return 2;
}
