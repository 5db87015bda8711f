/*
 * gan.c - the generative adversarial network.
 *
 * I. Goodfellow, J. Pouget-Abadie, M. Mirza, B. Xu, D. Warde-Farley, S. Ozair, A. Courville, Y. Bengio, "Generative
 * Adversarial Nets", NIPS 2014, arXiv:1406.2661.
 *
 *     min_G max_D  E_x log D(x) + E_z log(1 - D(G(z)))
 *
 * D is trained on both terms. G is trained on E log(1 - D(G(z))) (minimax), or, so that its gradient does not vanish
 * while D is sure, on -E log D(G(z)) (non-saturating, section 3 of the paper). D gives logits: the sigmoid and the
 * logarithm are one stable function in the losses.
 *
 * G and D are multi-layer perceptrons, 64-256-256-784 with ReLU and tanh, and 784-256-256-1 with LeakyReLU.
 */
#include <gan/gan.h>

typedef struct vanilla {
    gan_model base;
    gan_layer *generator, *discriminator;
    gan_optimizer *g_optim, *d_optim;
    gan_tensor *(*g_loss)(gan_tensor *fake_logit);
    int64_t latent, height, width, channels;
} vanilla;

static gan_tensor *generator(vanilla *m, gan_tensor *z)
{
    return gan_forward(m->generator, z);
}

static gan_tensor *discriminator(vanilla *m, gan_tensor *x)
{
    return gan_forward(m->discriminator, x);
}

/* The mean probability of being real. */
static gan_tensor *score(vanilla *m, gan_tensor *logit)
{
    return GAN_NO_GRAD(m->base.ctx, gan_mean(gan_sigmoid(logit)));
}

static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    vanilla *m = (vanilla *)base;
    gan_tensor *z = gan_randn(base->ctx, GAN_SHAPE(batch->n, m->latent));
    gan_tensor *fake = GAN_NO_GRAD(base->ctx, generator(m, z));
    gan_tensor *real_logit = discriminator(m, gan_flatten(batch->images));
    gan_tensor *fake_logit = discriminator(m, fake);
    gan_tensor *loss = gan_loss_d_logistic(real_logit, fake_logit); /* -log D(x) - log(1 - D(G(z))) */
    gan_minimize(m->d_optim, loss);
    gan_metric(out, "d_loss", loss);
    gan_metric(out, "D(x)", score(m, real_logit));
    gan_metric(out, "D(G(z))", score(m, fake_logit));
    return gan_status_of(base->ctx);
}

static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    vanilla *m = (vanilla *)base;
    gan_tensor *z = gan_randn(base->ctx, GAN_SHAPE(batch->n, m->latent));
    gan_tensor *fake_logit = discriminator(m, generator(m, z));
    gan_tensor *loss = m->g_loss(fake_logit);
    gan_minimize(m->g_optim, loss);
    gan_metric(out, "g_loss", loss);
    return gan_status_of(base->ctx);
}

static gan_status sample(gan_model *base, const gan_sample_request *request, gan_tensor **images)
{
    vanilla *m = (vanilla *)base;
    gan_tensor *z = gan_randn_of_seeds(base->ctx, request->seeds, request->n, m->latent);
    gan_tensor *fake = gan_reshape(generator(m, z), GAN_SHAPE(request->n, m->height, m->width, m->channels));
    if (gan_status_of(base->ctx) == GAN_OK)
        *images = fake;
    return gan_status_of(base->ctx);
}

static gan_status build(const gan_build *b, gan_model **out)
{
    const gan_options *o = b->options;
    vanilla *m = gan_model_new(b->ctx, sizeof *m);
    if (!m)
        return gan_status_of(b->ctx);
    m->latent = gan_options_int(o, "latent");
    m->height = b->data->height;
    m->width = b->data->width;
    m->channels = b->data->channels;
    m->g_loss = gan_options_is(o, "loss", "minimax") ? gan_loss_g_minimax : gan_loss_g_nonsaturating;

    const int64_t *g_widths, *d_widths;
    int g_depth = gan_options_int_list(o, "g_widths", &g_widths);
    int d_depth = gan_options_int_list(o, "d_widths", &d_widths);
    int64_t pixels = m->height * m->width * m->channels;
    gan_activation relu = {GAN_RELU, 0.0f}, leaky = {GAN_LEAKY_RELU, (float)gan_options_float(o, "leaky_slope")};
    m->generator = gan_mlp(b->ctx, m->latent, g_widths, g_depth, pixels, relu, 0.0f);
    if (b->data->scaled) /* images are in [-1, 1]; vectors have no bounds */
        gan_nn_tanh(m->generator);
    m->discriminator = gan_mlp(b->ctx, pixels, d_widths, d_depth, 1, leaky, 0.0f);
    gan_model_network(&m->base, "generator", m->generator, GAN_ROLE_GENERATOR);
    gan_model_network(&m->base, "discriminator", m->discriminator, GAN_ROLE_DISCRIMINATOR);

    gan_adam_args adam = {.beta1 = gan_options_float(o, "beta1"), .beta2 = gan_options_float(o, "beta2")};
    adam.lr = gan_options_float(o, "g_lr");
    gan_optimizer_add(m->g_optim = gan_adam(b->ctx, adam), m->generator);
    adam.lr = gan_options_float(o, "d_lr");
    gan_optimizer_add(m->d_optim = gan_adam(b->ctx, adam), m->discriminator);
    gan_model_optimizer(&m->base, "g_optim", m->g_optim);
    gan_model_optimizer(&m->base, "d_optim", m->d_optim);
    return gan_model_built(&m->base, gan_model_free, out);
}

static const gan_option options[] = {
    {"latent", GAN_OPTION_INT, "64", 1, 65536, NULL, "Width of the latent vector z, drawn from N(0, 1)."},
    {"g_widths", GAN_OPTION_INT_LIST, "[256, 256]", 1, 65536, NULL, "Widths of the generator's hidden layers."},
    {"d_widths", GAN_OPTION_INT_LIST, "[256, 256]", 1, 65536, NULL, "Widths of the discriminator's hidden layers."},
    {"leaky_slope", GAN_OPTION_FLOAT, "0.2", 0, 1, NULL,
     "Slope of the discriminator's LeakyReLU below zero; 0 is ReLU."},
    {"loss", GAN_OPTION_CHOICE, "nonsaturating", 0, 0, "nonsaturating|minimax",
     "The generator's loss: -log D(G(z)), or the saturating log(1 - D(G(z)))."},
    {"g_lr", GAN_OPTION_FLOAT, "0.0002", 0, 10, NULL, "Adam's learning rate for the generator."},
    {"d_lr", GAN_OPTION_FLOAT, "0.0002", 0, 10, NULL, "Adam's learning rate for the discriminator."},
    {"beta1", GAN_OPTION_FLOAT, "0.9", 0, 0.9999, NULL, "Adam's decay of the first moment."},
    {"beta2", GAN_OPTION_FLOAT, "0.999", 0, 0.999999, NULL, "Adam's decay of the second moment."},
    {0},
};

/* 200 epochs of 60,000 images, in batches of 100. */
static const gan_default defaults[] = {{"train.batch", "100"},
                                       {"train.kimg", "12000"},
                                       {"train.snapshot_kimg", "60"},
                                       {"train.checkpoint_kimg", "600"},
                                       {0}};

static const gan_chart charts[] = {
    {"Losses", "loss", {"d_loss", "g_loss"}},
    {"Mean output of the discriminator", "probability", {"D(x)", "D(G(z))"}},
    {0},
};

static const gan_plugin plugin = {
    GAN_PLUGIN_IDENTITY("gan", "1.0.0"),
    .title = "Generative adversarial network",
    .paper = "Goodfellow et al., 2014, arXiv:1406.2661",
    .summary = "Two multi-layer perceptrons: a generator of images from noise, and a discriminator that tells its "
               "images from real ones.",
    .options = options,
    .defaults = defaults,
    .charts = charts,
    .build = build,
    .destroy = gan_model_free,
    .d_step = d_step,
    .g_step = g_step,
    .sample = sample,
};

GAN_PLUGIN_ENTRY(plugin)
