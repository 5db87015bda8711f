/*
 * dcgan_step.c - one training step of DCGAN at 64x64, batch 64 (Radford, Metz, Chintala, "Unsupervised Representation
 * Learning with Deep Convolutional Generative Adversarial Networks", 2016): real and generated images in batches of
 * their own, no biases, Adam 2e-4 (0.5, 0.999).
 */
#include <stdlib.h>

#include "program.h"

enum { BATCH = 64, LATENT = 100, WIDTH = 64, SIZE = 64, BATCHES = 4 };

typedef struct model {
    gan_context *ctx;
    gan_layer *g, *d;
    gan_optimizer *g_optim, *d_optim;
    gan_tensor *real[BATCHES];
    int next;
} model;

static const gan_nn_args weights = {.weight = {GAN_INIT_NORMAL, 0.0f, 0.02f}, .no_bias = true};
static const gan_init gamma_init = {GAN_INIT_NORMAL, 1.0f, 0.02f};
static const gan_conv first = {.stride = 1, .pad = 0};
static const gan_conv halves = {.stride = 2, .pad = 1};

static gan_layer *generator(gan_context *ctx)
{
    gan_layer *g = gan_sequential(ctx, NULL);
    int64_t in = LATENT;
    for (int64_t out = 8 * WIDTH; out >= WIDTH; out /= 2) {
        gan_nn_conv2d_transpose(g, in, out, 4, in == LATENT ? first : halves, &weights);
        gan_nn_batch_norm(g, out, &gamma_init);
        gan_nn_relu(g);
        in = out;
    }
    gan_nn_conv2d_transpose(g, in, 3, 4, halves, &weights);
    gan_nn_tanh(g);
    return g;
}

static gan_layer *discriminator(gan_context *ctx)
{
    gan_layer *d = gan_sequential(ctx, NULL);
    gan_nn_conv2d(d, 3, WIDTH, 4, halves, &weights);
    gan_nn_leaky_relu(d, 0.2f);
    for (int64_t in = WIDTH; in < 8 * WIDTH; in *= 2) {
        gan_nn_conv2d(d, in, 2 * in, 4, halves, &weights);
        gan_nn_batch_norm(d, 2 * in, &gamma_init);
        gan_nn_leaky_relu(d, 0.2f);
    }
    gan_nn_conv2d(d, 8 * WIDTH, 1, 4, first, &weights);
    return d;
}

static void *create(gan_context *ctx)
{
    model *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return NULL;
    }
    m->ctx = ctx;
    m->g = generator(ctx);
    m->d = discriminator(ctx);
    m->g_optim = gan_adam(ctx, (gan_adam_args){.lr = 2e-4, .beta1 = 0.5, .beta2 = 0.999});
    m->d_optim = gan_adam(ctx, (gan_adam_args){.lr = 2e-4, .beta1 = 0.5, .beta2 = 0.999});
    gan_optimizer_add(m->g_optim, m->g);
    gan_optimizer_add(m->d_optim, m->d);
    gan_tensor *images = bench_images(ctx, BATCH * BATCHES, SIZE, 3);
    for (int i = 0; i < BATCHES; i++) {
        m->real[i] = gan_keep(gan_slice(images, 0, (int64_t)i * BATCH, BATCH));
    }
    gan_release(images);
    return m;
}

static gan_status step(void *user, gan_metrics *losses)
{
    model *m = user;
    gan_context *ctx = m->ctx;
    /* Gradients of the two halves are added: what only one half needs is released before the other begins. */
    gan_scope_begin(ctx);
    gan_tensor *real_loss = gan_bce_with_logits(gan_forward(m->d, m->real[m->next++ % BATCHES]), 1.0f);
    gan_accumulate(m->d_optim, real_loss);
    real_loss = gan_scope_end(ctx, gan_detach(real_loss));

    gan_tensor *z = gan_randn(ctx, GAN_SHAPE(BATCH, 1, 1, LATENT));
    gan_tensor *fake = gan_forward(m->g, z);
    gan_scope_begin(ctx);
    gan_tensor *fake_loss = gan_bce_with_logits(gan_forward(m->d, gan_detach(fake)), 0.0f);
    gan_accumulate(m->d_optim, fake_loss);
    fake_loss = gan_scope_end(ctx, gan_detach(fake_loss));
    gan_optimizer_step(m->d_optim);
    gan_metric(losses, "d", gan_add(real_loss, fake_loss));

    gan_tensor *g_loss = gan_bce_with_logits(gan_forward(m->d, fake), 1.0f);
    gan_metric(losses, "g", g_loss);
    return gan_minimize(m->g_optim, g_loss);
}

static void destroy(void *user)
{
    model *m = user;
    for (int i = 0; i < BATCHES; i++) {
        gan_release(m->real[i]);
    }
    gan_optimizer_destroy(m->g_optim);
    gan_optimizer_destroy(m->d_optim);
    gan_layer_destroy(m->g);
    gan_layer_destroy(m->d);
    free(m);
}

int main(int argc, char **argv)
{
    /* The middle three layers of both networks take the same: half the positions squared, twice the channels. */
    const double middle = 3 * bench_flops(BATCH * 16 * 16, 4 * 4 * WIDTH, 2 * WIDTH);
    const double image = bench_flops(BATCH * 32 * 32, 4 * 4 * 3, WIDTH); /* the layer at the image's side */
    const double g_first = bench_flops(BATCH, LATENT, 4 * 4 * 8 * WIDTH);
    const double g = g_first + middle + image;
    const double d = image + middle + bench_flops(BATCH, 4 * 4 * 8 * WIDTH, 1);
    const double d_step = 2 * (d + d + (d - image));
    const double g_step = g + g + (g - g_first) + d + d;
    const bench_program program = {"dcgan", BATCH, d_step + g_step, create, step, destroy};
    return bench_program_main(argc, argv, &program, 1);
}
