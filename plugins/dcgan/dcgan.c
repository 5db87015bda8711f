/*
 * dcgan.c - the deep convolutional generative adversarial network.
 *
 * A. Radford, L. Metz, S. Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
 * Adversarial Networks", ICLR 2016, arXiv:1511.06434.
 *
 *     max_D  E_x log D(x) + E_z log(1 - D(G(z)))        max_G  E_z log D(G(z))
 *
 * G: z - 4x4x8w - 8x8x4w - 16x16x2w - 32x32xw - 64x64, transposed convolutions with batch norm and ReLU, tanh at the
 * end. D: its mirror image, with LeakyReLU 0.2, and no batch norm behind the first convolution. Smaller and larger
 * images have fewer and more layers. D gives logits: the sigmoid and the logarithm are one stable function in the
 * losses.
 *
 * Real and generated images go through D in batches of their own, so that batch norm never mixes them; the two
 * gradients are added up, and D is updated once. The generated batch is used again for G's update.
 */
#include <gan/gan.h>

typedef struct dcgan {
    gan_model base;
    gan_layer *generator, *discriminator;
    gan_optimizer *g_optim, *d_optim;
    int64_t latent;
    gan_tensor *fake; /* of the last d_step, with its recording, until g_step has used it; otherwise NULL */
} dcgan;

static void make_fake(dcgan *m, int64_t n)
{
    gan_tensor *z = gan_randn(m->base.ctx, GAN_SHAPE(n, m->latent));
    m->fake = gan_keep(gan_forward(m->generator, z));
}

static void drop_fake(dcgan *m)
{
    gan_release(m->fake);
    m->fake = NULL;
}

/* The mean probability of being real. */
static gan_tensor *score(dcgan *m, gan_tensor *logit)
{
    return GAN_NO_GRAD(m->base.ctx, gan_mean(gan_sigmoid(logit)));
}

/* One term of D's loss: its gradient is added to the other's. All else is released before the other begins, which
 * halves the memory that the step takes. */
static gan_tensor *accumulate(dcgan *m, gan_tensor *images, float target, const char *name, gan_metrics *out)
{
    gan_scope_begin(m->base.ctx);
    gan_tensor *logit = gan_forward(m->discriminator, images);
    gan_tensor *loss = gan_bce_with_logits(logit, target);
    gan_accumulate(m->d_optim, loss);
    gan_metric(out, name, score(m, logit));
    return gan_scope_end(m->base.ctx, gan_detach(loss));
}

static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    dcgan *m = (dcgan *)base;
    drop_fake(m);
    gan_tensor *real_loss = accumulate(m, batch->images, 1.0f, "D(x)", out);
    make_fake(m, batch->n);
    gan_tensor *fake_loss = accumulate(m, gan_detach(m->fake), 0.0f, "D(G(z)) before", out);
    gan_optimizer_step(m->d_optim);
    gan_metric(out, "d_loss", gan_add(real_loss, fake_loss)); /* -log D(x) - log(1 - D(G(z))) */
    return gan_status_of(base->ctx);
}

static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    dcgan *m = (dcgan *)base;
    if (!m->fake)
        make_fake(m, batch->n);
    gan_tensor *logit = gan_forward(m->discriminator, m->fake);
    gan_tensor *loss = gan_loss_g_nonsaturating(logit); /* -log D(G(z)) */
    gan_minimize(m->g_optim, loss);
    gan_metric(out, "g_loss", loss);
    gan_metric(out, "D(G(z)) after", score(m, logit)); /* after D's update */
    drop_fake(m);
    return gan_status_of(base->ctx);
}

static gan_status sample(gan_model *base, const gan_sample_request *request, gan_tensor **images)
{
    dcgan *m = (dcgan *)base;
    gan_tensor *z = gan_randn_of_seeds(base->ctx, request->seeds, request->n, m->latent);
    gan_tensor *fake = gan_forward(m->generator, z);
    if (gan_status_of(base->ctx) == GAN_OK)
        *images = fake;
    return gan_status_of(base->ctx);
}

static void destroy(gan_model *base)
{
    drop_fake((dcgan *)base);
    gan_model_free(base);
}

static gan_status build(const gan_build *b, gan_model **out)
{
    const gan_options *o = b->options;
    if (gan_dcgan_check(b->ctx, b->data->height, b->data->width) != GAN_OK)
        return gan_status_of(b->ctx);
    dcgan *m = gan_model_new(b->ctx, sizeof *m);
    if (!m)
        return gan_status_of(b->ctx);
    m->latent = gan_options_int(o, "latent");
    gan_image_network g = {.resolution = b->data->height, .channels = b->data->channels, .norm = GAN_NORM_BATCH};
    gan_image_network d = g;
    g.latent = m->latent;
    g.width = gan_options_int(o, "g_width");
    d.width = gan_options_int(o, "d_width");
    m->generator = gan_dcgan_generator(b->ctx, &g);
    m->discriminator = gan_dcgan_discriminator(b->ctx, &d);
    gan_model_network(&m->base, "generator", m->generator, GAN_ROLE_GENERATOR);
    gan_model_network(&m->base, "discriminator", m->discriminator, GAN_ROLE_DISCRIMINATOR);

    gan_adam_args adam = {.beta1 = gan_options_float(o, "beta1"), .beta2 = gan_options_float(o, "beta2")};
    adam.lr = gan_options_float(o, "g_lr");
    gan_optimizer_add(m->g_optim = gan_adam(b->ctx, adam), m->generator);
    adam.lr = gan_options_float(o, "d_lr");
    gan_optimizer_add(m->d_optim = gan_adam(b->ctx, adam), m->discriminator);
    gan_model_optimizer(&m->base, "g_optim", m->g_optim);
    gan_model_optimizer(&m->base, "d_optim", m->d_optim);
    return gan_model_built(&m->base, destroy, out);
}

static const gan_option options[] = {
    {"latent", GAN_OPTION_INT, "100", 1, 65536, NULL, "Width of the latent vector z, drawn from N(0, 1)."},
    {"g_width", GAN_OPTION_INT, "64", 1, 1024, NULL,
     "Channels of the generator's last hidden layer; each layer before it has twice as many as the next."},
    {"d_width", GAN_OPTION_INT, "64", 1, 1024, NULL,
     "Channels of the discriminator's first layer; each layer has twice as many as the one before."},
    {"g_lr", GAN_OPTION_FLOAT, "0.0002", 0, 10, NULL, "Adam's learning rate for the generator."},
    {"d_lr", GAN_OPTION_FLOAT, "0.0002", 0, 10, NULL, "Adam's learning rate for the discriminator."},
    {"beta1", GAN_OPTION_FLOAT, "0.5", 0, 0.9999, NULL, "Adam's decay of the first moment."},
    {"beta2", GAN_OPTION_FLOAT, "0.999", 0, 0.999999, NULL, "Adam's decay of the second moment."},
    {0},
};

static const gan_default defaults[] = {{"train.batch", "64"}, {"data.resolution", "64"}, {0}};

static const gan_chart charts[] = {
    {"Losses", "loss", {"d_loss", "g_loss"}},
    {"Mean output of the discriminator", "probability", {"D(x)", "D(G(z)) before", "D(G(z)) after"}},
    {0},
};

static const gan_plugin plugin = {
    GAN_PLUGIN_IDENTITY("dcgan", "1.0.0"),
    .title = "Deep convolutional GAN",
    .paper = "Radford et al., 2016, arXiv:1511.06434",
    .summary = "A generator of transposed convolutions and a discriminator of strided ones, with batch norm in both.",
    .needs = GAN_NEEDS_IMAGES,
    .options = options,
    .defaults = defaults,
    .charts = charts,
    .build = build,
    .destroy = destroy,
    .d_step = d_step,
    .g_step = g_step,
    .sample = sample,
};

GAN_PLUGIN_ENTRY(plugin)
