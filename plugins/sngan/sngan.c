/*
 * sngan.c - the GAN with a spectrally normalized discriminator.
 *
 * T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, "Spectral Normalization for Generative Adversarial Networks", ICLR
 * 2018, arXiv:1802.05957. With labels: T. Miyato, M. Koyama, "cGANs with Projection Discriminator", ICLR 2018,
 * arXiv:1802.05637.
 *
 *     W' = W / sigma(W),   sigma(W) = uᵀ W v, the largest singular value of W
 *
 * Every weight of D is used as W', so that no layer stretches its input and D is 1-Lipschitz up to its constants. u and
 * v follow W by one power iteration for each step of D. D is trained on the hinge loss
 * E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))), G on -E D(G(z)); or both on the logistic, non-saturating losses.
 *
 * With labels y, G's batch norms have a scale and a shift for each class, and D adds the inner product of its last
 * features with a vector of y.
 */
#include <gan/gan.h>

typedef struct sngan {
    gan_model base;
    gan_layer *generator, *discriminator;
    gan_optimizer *g_optim, *d_optim;
    gan_tensor *(*d_loss)(gan_tensor *real, gan_tensor *fake);
    gan_tensor *(*g_loss)(gan_tensor *fake);
    int64_t latent, classes, g_batch_factor;
} sngan;

/* y is NULL in networks without labels. */
static gan_tensor *generator(sngan *m, gan_tensor *z, gan_tensor *y)
{
    return gan_forward_given(m->generator, z, y);
}

static gan_tensor *discriminator(sngan *m, gan_tensor *x, gan_tensor *y)
{
    return gan_forward_given(m->discriminator, x, y);
}

/* ---- steps ---- */

enum { MAX_FACTOR = 8 };

/* The batch's labels, `times` times over; NULL in a model without labels. Generated images take the labels of real
 * ones, so that both have the same classes in the same shares. */
static gan_tensor *labels_of(const sngan *m, const gan_batch *batch, int64_t times)
{
    gan_tensor *parts[MAX_FACTOR];
    if (m->classes == 0)
        return NULL;
    for (int64_t i = 0; i < times; i++)
        parts[i] = batch->labels;
    return gan_concat(parts, (int)times, 0);
}

static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    sngan *m = (sngan *)base;
    int64_t n = batch->n;
    gan_tensor *z = gan_randn(base->ctx, GAN_SHAPE(n, m->latent));
    gan_tensor *fake = GAN_NO_GRAD(base->ctx, generator(m, z, labels_of(m, batch, 1)));
    gan_spectral_norm_step(m->discriminator);
    /* Both halves in one pass: nothing in D looks across samples. */
    gan_tensor *x = gan_concat((gan_tensor *[]){batch->images, fake}, 2, 0);
    gan_tensor *score = discriminator(m, x, labels_of(m, batch, 2));
    gan_tensor *real_score = gan_slice(score, 0, 0, n), *fake_score = gan_slice(score, 0, n, n);
    gan_tensor *loss = m->d_loss(real_score, fake_score);
    gan_minimize(m->d_optim, loss);
    gan_metric(out, "d_loss", loss);
    gan_metric(out, "D(x)", gan_mean(gan_detach(real_score)));
    gan_metric(out, "D(G(z))", gan_mean(gan_detach(fake_score)));
    return gan_status_of(base->ctx);
}

static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    sngan *m = (sngan *)base;
    gan_tensor *z = gan_randn(base->ctx, GAN_SHAPE(m->g_batch_factor * batch->n, m->latent));
    gan_tensor *y = labels_of(m, batch, m->g_batch_factor);
    gan_tensor *loss = m->g_loss(discriminator(m, generator(m, z, y), y));
    gan_minimize(m->g_optim, loss);
    gan_metric(out, "g_loss", loss);
    return gan_status_of(base->ctx);
}

static gan_status sample(gan_model *base, const gan_sample_request *request, gan_tensor **images)
{
    sngan *m = (sngan *)base;
    gan_tensor *z = gan_randn_of_seeds(base->ctx, request->seeds, request->n, m->latent);
    gan_tensor *y = m->classes > 0 ? gan_request_labels(base->ctx, request, m->classes) : NULL;
    gan_tensor *fake = generator(m, z, y);
    if (gan_status_of(base->ctx) == GAN_OK)
        *images = fake;
    return gan_status_of(base->ctx);
}

/* ---- building ---- */

/* 0: that of Miyato et al. for CIFAR-10, 32x32, and for larger images. */
static int64_t width(const gan_build *b, const char *option, int64_t at_32)
{
    int64_t configured = gan_options_int(b->options, option);
    bool cifar = gan_options_is(b->options, "networks", "resnet") && b->data->height == 32;
    return configured > 0 ? configured : cifar ? at_32 : 64;
}

static void build_networks(sngan *m, const gan_build *b)
{
    const gan_options *o = b->options;
    bool residual = gan_options_is(o, "networks", "resnet");
    gan_image_network g = {
        .resolution = b->data->height, .channels = b->data->channels, .latent = m->latent, .classes = m->classes};
    gan_image_network d = g;
    g.width = width(b, "g_width", 256);
    d.width = width(b, "d_width", 128);
    d.spectral_norm = true;
    m->generator = residual ? gan_resnet_generator(b->ctx, &g) : gan_dcgan_generator(b->ctx, &g);
    m->discriminator = residual ? gan_resnet_discriminator(b->ctx, &d) : gan_dcgan_discriminator(b->ctx, &d);
}

/* Whether the networks that were asked for can work on the data; the error is in the context. */
static gan_status check(const gan_build *b)
{
    const gan_data_info *data = b->data;
    if (gan_options_bool(b->options, "conditional") && data->classes == 0)
        return gan_raise(b->ctx, GAN_ERROR_OPTION, "model.conditional: true needs labels, but \"%s\" has none",
                         data->name);
    return gan_options_is(b->options, "networks", "resnet") ? gan_resnet_check(b->ctx, data->height, data->width)
                                                            : gan_dcgan_check(b->ctx, data->height, data->width);
}

static gan_optimizer *optimizer(const gan_build *b, const char *lr_option, gan_layer *network)
{
    gan_optimizer *made = gan_adam(b->ctx, (gan_adam_args){.lr = gan_options_float(b->options, lr_option),
                                                           .beta1 = gan_options_float(b->options, "beta1"),
                                                           .beta2 = gan_options_float(b->options, "beta2")});
    gan_optimizer_add(made, network);
    return made;
}

static gan_status build(const gan_build *b, gan_model **out)
{
    const gan_options *o = b->options;
    if (check(b) != GAN_OK)
        return gan_status_of(b->ctx);
    sngan *m = gan_model_new(b->ctx, sizeof *m);
    if (!m)
        return gan_status_of(b->ctx);
    bool hinge = gan_options_is(o, "loss", "hinge");
    m->latent = gan_options_int(o, "latent");
    m->classes = gan_options_bool(o, "conditional") ? b->data->classes : 0;
    m->g_batch_factor = gan_options_int(o, "g_batch_factor");
    m->d_loss = hinge ? gan_loss_d_hinge : gan_loss_d_logistic;
    m->g_loss = hinge ? gan_loss_g_hinge : gan_loss_g_nonsaturating;
    build_networks(m, b);
    gan_model_network(&m->base, "generator", m->generator, GAN_ROLE_GENERATOR);
    gan_model_network(&m->base, "discriminator", m->discriminator, GAN_ROLE_DISCRIMINATOR);
    if (m->classes > 0)
        gan_model_conditional(&m->base, m->classes);
    m->g_optim = optimizer(b, "g_lr", m->generator);
    m->d_optim = optimizer(b, "d_lr", m->discriminator);
    gan_model_optimizer(&m->base, "g_optim", m->g_optim);
    gan_model_optimizer(&m->base, "d_optim", m->d_optim);
    return gan_model_built(&m->base, gan_model_free, out);
}

static const gan_option options[] = {
    {"networks", GAN_OPTION_CHOICE, "resnet", 0, 0, "resnet|dcgan",
     "Residual networks (32 to 256 pixels), or those of DCGAN (8 to 1024), both for powers of two."},
    {"latent", GAN_OPTION_INT, "128", 1, 65536, NULL, "Width of the latent vector z, drawn from N(0, 1)."},
    {"g_width", GAN_OPTION_INT, "0", 0, 4096, NULL,
     "Channels of the generator's layer nearest the image; 0: 256 for residual networks at 32 pixels, otherwise 64."},
    {"d_width", GAN_OPTION_INT, "0", 0, 4096, NULL,
     "Channels of the discriminator's layer nearest the image; 0: 128 for residual networks at 32 pixels, otherwise "
     "64."},
    {"conditional", GAN_OPTION_BOOL, "false", 0, 0, NULL,
     "Use the labels: batch norm by class in the generator, a projection discriminator; samples by class."},
    {"loss", GAN_OPTION_CHOICE, "hinge", 0, 0, "hinge|nonsaturating",
     "The hinge loss of scores, or the logistic loss with the non-saturating one for the generator."},
    {"g_batch_factor", GAN_OPTION_INT, "1", 1, MAX_FACTOR, NULL,
     "Images in a generator step, in batches of the discriminator's; the authors' code has 2."},
    {"g_lr", GAN_OPTION_FLOAT, "0.0002", 0, 10, NULL, "Adam's learning rate for the generator."},
    {"d_lr", GAN_OPTION_FLOAT, "0.0002", 0, 10, NULL, "Adam's learning rate for the discriminator."},
    {"beta1", GAN_OPTION_FLOAT, "0", 0, 0.9999, NULL, "Adam's decay of the first moment."},
    {"beta2", GAN_OPTION_FLOAT, "0.9", 0, 0.999999, NULL, "Adam's decay of the second moment."},
    {0},
};

/* 50,000 generator steps of five discriminator steps, the learning rate falling to 0 all the way. */
static const gan_default defaults[] = {{"train.batch", "64"},
                                       {"train.d_steps", "5"},
                                       {"train.kimg", "16000"},
                                       {"train.lr_schedule", "linear"},
                                       {"train.lr_decay_start", "0"},
                                       {"train.snapshot_kimg", "160"},
                                       {"train.checkpoint_kimg", "640"},
                                       {0}};

static const gan_chart charts[] = {
    {"Losses", "loss", {"d_loss", "g_loss"}},
    {"Mean score of the discriminator", "score", {"D(x)", "D(G(z))"}},
    {0},
};

static const gan_plugin plugin = {
    GAN_PLUGIN_IDENTITY("sngan", "1.0.0"),
    .title = "Spectrally normalized GAN",
    .paper = "Miyato et al., 2018, arXiv:1802.05957; Miyato and Koyama, 2018, arXiv:1802.05637",
    .summary = "Residual networks with a discriminator whose every weight is divided by its largest singular value; "
               "with labels, conditional batch norm and a projection discriminator.",
    .needs = GAN_NEEDS_IMAGES,
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
