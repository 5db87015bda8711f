/*
 * gan_step.c - one training step of a GAN of linear layers on 28x28 images, batch 100 (Goodfellow et al., "Generative
 * Adversarial Nets", 2014): generator 64-256-256-784, discriminator 784-256-256-1, Adam 2e-4 for both.
 */
#include <stdlib.h>

#include "program.h"

enum { BATCH = 100, LATENT = 64, HIDDEN = 256, PIXELS = 784, BATCHES = 8 };

typedef struct model {
    gan_context *ctx;
    gan_layer *g, *d;
    gan_optimizer *g_optim, *d_optim;
    gan_tensor *real[BATCHES];
    int next;
} model;

static void *create(gan_context *ctx)
{
    model *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return NULL;
    }
    m->ctx = ctx;
    m->g = gan_sequential(ctx, NULL);
    gan_nn_linear(m->g, LATENT, HIDDEN, NULL);
    gan_nn_relu(m->g);
    gan_nn_linear(m->g, HIDDEN, HIDDEN, NULL);
    gan_nn_relu(m->g);
    gan_nn_linear(m->g, HIDDEN, PIXELS, NULL);
    gan_nn_tanh(m->g);
    m->d = gan_sequential(ctx, NULL);
    gan_nn_linear(m->d, PIXELS, HIDDEN, NULL);
    gan_nn_leaky_relu(m->d, 0.2f);
    gan_nn_linear(m->d, HIDDEN, HIDDEN, NULL);
    gan_nn_leaky_relu(m->d, 0.2f);
    gan_nn_linear(m->d, HIDDEN, 1, NULL);
    m->g_optim = gan_adam(ctx, (gan_adam_args){.lr = 2e-4, .beta1 = 0.9, .beta2 = 0.999});
    m->d_optim = gan_adam(ctx, (gan_adam_args){.lr = 2e-4, .beta1 = 0.9, .beta2 = 0.999});
    gan_optimizer_add(m->g_optim, m->g);
    gan_optimizer_add(m->d_optim, m->d);
    gan_tensor *images = bench_images(ctx, BATCH * BATCHES, 28, 1);
    gan_tensor *rows = gan_reshape(images, GAN_SHAPE(BATCH * BATCHES, PIXELS));
    for (int i = 0; i < BATCHES; i++) {
        m->real[i] = gan_keep(gan_slice(rows, 0, (int64_t)i * BATCH, BATCH));
    }
    gan_release(images);
    return m;
}

static gan_tensor *generate(model *m)
{
    return gan_forward(m->g, gan_randn(m->ctx, GAN_SHAPE(BATCH, LATENT)));
}

static gan_status step(void *user, gan_metrics *losses)
{
    model *m = user;
    gan_tensor *fake = GAN_NO_GRAD(m->ctx, generate(m));
    /* No layer mixes samples, so one pass over both halves is the same function and twice the rows. */
    gan_tensor *both = gan_concat((gan_tensor *[]){m->real[m->next++ % BATCHES], fake}, 2, 0);
    gan_tensor *logits = gan_forward(m->d, both);
    gan_tensor *d_loss = gan_loss_d_logistic(gan_slice(logits, 0, 0, BATCH), gan_slice(logits, 0, BATCH, BATCH));
    gan_metric(losses, "d", d_loss);
    gan_minimize(m->d_optim, d_loss);

    gan_tensor *g_loss = gan_loss_g_nonsaturating(gan_forward(m->d, generate(m)));
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
    const double g = bench_flops(BATCH, LATENT + HIDDEN, HIDDEN) + bench_flops(BATCH, HIDDEN, PIXELS);
    const double g_first = bench_flops(BATCH, LATENT, HIDDEN);
    const double d = bench_flops(BATCH, PIXELS + HIDDEN + 1, HIDDEN);
    const double d_first = bench_flops(BATCH, PIXELS, HIDDEN);
    const double d_step = g + 2 * (d + d + (d - d_first)); /* forward, weights, data */
    const double g_step = g + g + (g - g_first) + d + d;   /* and through the discriminator and back */
    const bench_program program = {"gan", BATCH, d_step + g_step, create, step, destroy};
    return bench_program_main(argc, argv, &program, 1);
}
