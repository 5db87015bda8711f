/*
 * cgan.c - the conditional generative adversarial network.
 *
 * M. Mirza, S. Osindero, "Conditional Generative Adversarial Nets", 2014, arXiv:1411.1784.
 *
 *     max_D  E log D(x, c) + E log(1 - D(G(z, c'), c')) + E log(1 - D(x, w))        max_G  E log D(G(z, c'), c')
 *
 * x is a real image of class c, c' a class drawn for the fake, and w a class that is not x's: the third term (Reed et
 * al., "Generative Adversarial Text to Image Synthesis", 2016, arXiv:1605.05396, section 4.2) teaches D to look at the
 * class.
 *
 * The discriminator of two stages judges an image first and then its class. E gives the image's embedding, R the
 * probability that it is real, M the probability that embedding and class belong together:
 *
 *     max_{E,R,M}  E log R(E(x)) + E log(1 - R(E(G(z, c')))) + E log M(E(x), c) + E log(1 - M(E(x), w))
 *     max_G        (1 - v) E log R(E(G(z, c'))) + v E log M(E(G(z, c')), c'),   v the match_weight
 */
#include "networks.h"

typedef struct cgan {
    gan_model base;
    gan_layer *generator;
    gan_layer *discriminator;                /* joint; NULL with two stages */
    gan_layer *embedding, *realness, *match; /* two stages; otherwise NULL */
    gan_optimizer *g_optim, *d_optim;
    int64_t latent, classes;
    bool mismatch;
    float match_weight;
} cgan;

static gan_tensor *latents(cgan *m, int64_t n)
{
    return gan_randn(m->base.ctx, GAN_SHAPE(n, m->latent));
}

static gan_tensor *conditions(cgan *m, int64_t n)
{
    return gan_randint(m->base.ctx, GAN_SHAPE(n), (int32_t)m->classes);
}

/* A class for each image that is not its own. */
static gan_tensor *wrong_conditions(cgan *m, const gan_batch *batch)
{
    return gan_randint_other(batch->labels, (int32_t)m->classes);
}

/* The mean probability that a logit stands for. */
static void report(cgan *m, gan_metrics *out, const char *name, gan_tensor *logit)
{
    gan_metric(out, name, GAN_NO_GRAD(m->base.ctx, gan_mean(gan_sigmoid(logit))));
}

/* ---- D(x, c): one discriminator of image and condition ---- */

/* The loss of real and of fake images one after the other, each adding its gradient: what one has made is released
 * before the other begins, and batch norm sees one kind of image at a time. The two terms of the real images share what
 * D makes of an image before it looks at the class. */
static gan_tensor *joint_real_loss(cgan *m, const gan_batch *batch, gan_metrics *out)
{
    gan_scope_begin(m->base.ctx);
    gan_tensor *c[2] = {batch->labels, m->mismatch ? wrong_conditions(m, batch) : NULL}, *logit[2];
    gan_forward_given_each(m->discriminator, batch->images, c, m->mismatch ? 2 : 1, logit);
    gan_tensor *loss = gan_bce_with_logits(logit[0], 1.0f);
    if (m->mismatch)
        loss = gan_add(loss, gan_bce_with_logits(logit[1], 0.0f));
    gan_accumulate(m->d_optim, loss);
    report(m, out, "D(x)", logit[0]);
    if (m->mismatch)
        report(m, out, "D(x, wrong)", logit[1]);
    return gan_scope_end(m->base.ctx, gan_detach(loss));
}

static gan_tensor *joint_fake_loss(cgan *m, gan_tensor *fake, gan_tensor *c, gan_metrics *out)
{
    gan_scope_begin(m->base.ctx);
    gan_tensor *logit = gan_forward_given(m->discriminator, fake, c);
    gan_tensor *loss = gan_bce_with_logits(logit, 0.0f);
    gan_accumulate(m->d_optim, loss);
    report(m, out, "D(G(z))", logit);
    return gan_scope_end(m->base.ctx, gan_detach(loss));
}

static gan_tensor *joint_d_loss(cgan *m, const gan_batch *batch, gan_metrics *out)
{
    gan_tensor *loss = joint_real_loss(m, batch, out);
    gan_tensor *z = latents(m, batch->n), *c = conditions(m, batch->n);
    gan_tensor *fake = GAN_NO_GRAD(m->base.ctx, gan_forward_given(m->generator, z, c));
    return gan_add(loss, joint_fake_loss(m, fake, c, out));
}

/* -log D(G(z, c), c) */
static gan_tensor *joint_g_loss(cgan *m, gan_tensor *fake, gan_tensor *c)
{
    return gan_loss_g_nonsaturating(gan_forward_given(m->discriminator, fake, c));
}

/* ---- R(E(x)) and M(E(x), c): two stages ---- */

static gan_tensor *two_stage_real_loss(cgan *m, const gan_batch *batch, gan_metrics *out)
{
    gan_scope_begin(m->base.ctx);
    gan_tensor *e = gan_forward(m->embedding, batch->images);
    gan_tensor *real = gan_forward(m->realness, e);
    gan_tensor *right = gan_forward_given(m->match, e, batch->labels);
    gan_tensor *wrong = gan_forward_given(m->match, e, wrong_conditions(m, batch));
    gan_tensor *match_loss = gan_add(gan_bce_with_logits(right, 1.0f), gan_bce_with_logits(wrong, 0.0f));
    gan_tensor *loss = gan_add(gan_bce_with_logits(real, 1.0f), match_loss);
    gan_accumulate(m->d_optim, loss);
    report(m, out, "D(x)", real);
    report(m, out, "match(x)", right);
    report(m, out, "match(x, wrong)", wrong);
    return gan_scope_end(m->base.ctx, gan_detach(loss));
}

static gan_tensor *two_stage_fake_loss(cgan *m, gan_tensor *fake, gan_metrics *out)
{
    gan_scope_begin(m->base.ctx);
    gan_tensor *real = gan_forward(m->realness, gan_forward(m->embedding, fake));
    gan_tensor *loss = gan_bce_with_logits(real, 0.0f);
    gan_accumulate(m->d_optim, loss);
    report(m, out, "D(G(z))", real);
    return gan_scope_end(m->base.ctx, gan_detach(loss));
}

static gan_tensor *two_stage_d_loss(cgan *m, const gan_batch *batch, gan_metrics *out)
{
    gan_tensor *loss = two_stage_real_loss(m, batch, out);
    gan_tensor *z = latents(m, batch->n), *c = conditions(m, batch->n);
    gan_tensor *fake = GAN_NO_GRAD(m->base.ctx, gan_forward_given(m->generator, z, c));
    return gan_add(loss, two_stage_fake_loss(m, fake, out));
}

static gan_tensor *two_stage_g_loss(cgan *m, gan_tensor *fake, gan_tensor *c)
{
    gan_tensor *e = gan_forward(m->embedding, fake);
    gan_tensor *real_loss = gan_loss_g_nonsaturating(gan_forward(m->realness, e));
    gan_tensor *match_loss = gan_loss_g_nonsaturating(gan_forward_given(m->match, e, c));
    return gan_lerp(real_loss, match_loss, m->match_weight);
}

/* ---- the plugin's functions ---- */

static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    cgan *m = (cgan *)base;
    gan_tensor *loss = m->discriminator ? joint_d_loss(m, batch, out) : two_stage_d_loss(m, batch, out);
    gan_optimizer_step(m->d_optim);
    gan_metric(out, "d_loss", loss);
    return gan_status_of(base->ctx);
}

static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    cgan *m = (cgan *)base;
    gan_tensor *z = latents(m, batch->n), *c = conditions(m, batch->n);
    gan_tensor *fake = gan_forward_given(m->generator, z, c);
    gan_tensor *loss = m->discriminator ? joint_g_loss(m, fake, c) : two_stage_g_loss(m, fake, c);
    gan_minimize(m->g_optim, loss);
    gan_metric(out, "g_loss", loss);
    return gan_status_of(base->ctx);
}

static gan_status sample(gan_model *base, const gan_sample_request *request, gan_tensor **images)
{
    cgan *m = (cgan *)base;
    gan_tensor *z = gan_randn_of_seeds(base->ctx, request->seeds, request->n, m->latent);
    gan_tensor *c = gan_request_labels(base->ctx, request, m->classes);
    gan_tensor *fake = gan_forward_given(m->generator, z, c);
    if (gan_status_of(base->ctx) == GAN_OK)
        *images = fake;
    return gan_status_of(base->ctx);
}

/* Whether data and options fit each other. */
static gan_status check(const gan_build *b)
{
    const gan_options *o = b->options;
    bool conv = gan_options_is(o, "networks", "conv"), two_stage = gan_options_is(o, "discriminator", "two_stage");
    if (b->data->classes < 2)
        return gan_raise(b->ctx, GAN_ERROR_UNSUPPORTED,
                         "cgan needs images of at least two classes, but the data has %lld",
                         (long long)b->data->classes);
    if (conv && two_stage)
        return gan_raise(b->ctx, GAN_ERROR_OPTION,
                         "model.discriminator: two_stage is made of multi-layer perceptrons, so model.networks must be "
                         "mlp, but is conv");
    if (two_stage && !gan_options_bool(o, "mismatch"))
        return gan_raise(
            b->ctx, GAN_ERROR_OPTION,
            "model.discriminator: two_stage learns from wrong pairs what a match is, so model.mismatch must "
            "be true, but is false");
    return conv ? gan_dcgan_check(b->ctx, b->data->height, b->data->width) : GAN_OK;
}

static void make_discriminator(cgan *m, const gan_build *b)
{
    if (!gan_options_is(b->options, "discriminator", "two_stage")) {
        gan_optimizer_add(m->d_optim, m->discriminator = cgan_discriminator(b));
        gan_model_network(&m->base, "discriminator", m->discriminator, GAN_ROLE_DISCRIMINATOR);
        return;
    }
    gan_optimizer_add(m->d_optim, m->embedding = cgan_embedding(b));
    gan_optimizer_add(m->d_optim, m->realness = cgan_realness(b));
    gan_optimizer_add(m->d_optim, m->match = cgan_match(b));
    gan_model_network(&m->base, "embedding", m->embedding, GAN_ROLE_DISCRIMINATOR);
    gan_model_network(&m->base, "realness", m->realness, GAN_ROLE_DISCRIMINATOR);
    gan_model_network(&m->base, "match", m->match, GAN_ROLE_DISCRIMINATOR);
}

static gan_status build(const gan_build *b, gan_model **out)
{
    const gan_options *o = b->options;
    if (check(b) != GAN_OK)
        return gan_status_of(b->ctx);
    cgan *m = gan_model_new(b->ctx, sizeof *m);
    if (!m)
        return gan_status_of(b->ctx);
    m->latent = gan_options_int(o, "latent");
    m->classes = b->data->classes;
    m->mismatch = gan_options_bool(o, "mismatch");
    m->match_weight = (float)gan_options_float(o, "match_weight");
    gan_adam_args adam = {.beta1 = gan_options_float(o, "beta1"), .beta2 = gan_options_float(o, "beta2")};
    adam.lr = gan_options_float(o, "g_lr");
    m->g_optim = gan_adam(b->ctx, adam);
    adam.lr = gan_options_float(o, "d_lr");
    m->d_optim = gan_adam(b->ctx, adam);
    gan_model_optimizer(&m->base, "g_optim", m->g_optim);
    gan_model_optimizer(&m->base, "d_optim", m->d_optim);
    gan_optimizer_add(m->g_optim, m->generator = cgan_generator(b));
    gan_model_network(&m->base, "generator", m->generator, GAN_ROLE_GENERATOR);
    make_discriminator(m, b);
    gan_model_conditional(&m->base, m->classes);
    return gan_model_built(&m->base, gan_model_free, out);
}

static const gan_option options[] = {
    {"networks", GAN_OPTION_CHOICE, "mlp", 0, 0, "mlp|conv",
     "Multi-layer perceptrons, or DCGAN's networks with conditional batch norm and a projection on the class."},
    {"discriminator", GAN_OPTION_CHOICE, "joint", 0, 0, "joint|two_stage",
     "One score for image and class together, or one network for realness and then one for the match (mlp only)."},
    {"mismatch", GAN_OPTION_BOOL, "true", 0, 0, NULL,
     "Train the discriminator on real images with a wrong class too, to be scored low."},
    {"match_weight", GAN_OPTION_FLOAT, "0.5", 0, 1, NULL,
     "Weight of the match in the generator's loss, against realness; with two_stage."},
    {"latent", GAN_OPTION_INT, "100", 1, 65536, NULL, "Width of the latent vector z, drawn from N(0, 1)."},
    {"embedding", GAN_OPTION_INT, "10", 1, 65536, NULL,
     "Width of the learned vector of a class, joined to z and image; mlp."},
    {"g_widths", GAN_OPTION_INT_LIST, "[256, 512, 1024]", 1, 65536, NULL,
     "Widths of the generator's hidden layers; mlp."},
    {"d_widths", GAN_OPTION_INT_LIST, "[1024, 512, 256]", 1, 65536, NULL,
     "Widths of the discriminator's hidden layers; mlp."},
    {"dropout", GAN_OPTION_FLOAT, "0.4", 0, 0.99, NULL,
     "Probability of dropout behind the discriminator's hidden layers; mlp."},
    {"g_width", GAN_OPTION_INT, "64", 1, 1024, NULL, "Channels of the generator's last hidden layer; conv."},
    {"d_width", GAN_OPTION_INT, "64", 1, 1024, NULL, "Channels of the discriminator's first layer; conv."},
    {"g_lr", GAN_OPTION_FLOAT, "0.0001", 0, 10, NULL, "Adam's learning rate for the generator."},
    {"d_lr", GAN_OPTION_FLOAT, "0.0001", 0, 10, NULL, "Adam's learning rate for the discriminator."},
    {"beta1", GAN_OPTION_FLOAT, "0.9", 0, 0.9999, NULL, "Adam's decay of the first moment."},
    {"beta2", GAN_OPTION_FLOAT, "0.999", 0, 0.999999, NULL, "Adam's decay of the second moment."},
    {0},
};

/* A grid of ten samples of each of ten classes. */
static const gan_default defaults[] = {
    {"train.batch", "100"},        {"train.kimg", "3000"},           {"train.grid", "100"},
    {"train.snapshot_kimg", "60"}, {"train.checkpoint_kimg", "300"}, {0}};

static const gan_chart charts[] = {
    {"Losses", "loss", {"d_loss", "g_loss"}},
    {"Mean output of the discriminator",
     "probability",
     {"D(x)", "D(G(z))", "D(x, wrong)", "match(x)", "match(x, wrong)"}},
    {0},
};

static const gan_plugin plugin = {
    GAN_PLUGIN_IDENTITY("cgan", "1.0.0"),
    .title = "Conditional GAN",
    .paper = "Mirza & Osindero, 2014, arXiv:1411.1784",
    .summary =
        "A generator of images of an asked class, and a discriminator that judges whether an image is real and of "
        "that class.",
    .needs = GAN_NEEDS_LABELS,
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
