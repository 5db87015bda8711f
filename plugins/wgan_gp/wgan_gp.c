/*
 * wgan_gp.c - the Wasserstein GAN, with a gradient penalty or with clipped weights.
 *
 * M. Arjovsky, S. Chintala, L. Bottou, "Wasserstein Generative Adversarial Networks", ICML 2017, arXiv:1701.07875.
 * I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville, "Improved Training of Wasserstein GANs", NIPS 2017,
 * arXiv:1704.00028.
 *
 *     min_G max_{|D| 1-Lipschitz}  E_x D(x) - E_z D(G(z))
 *
 * D, the critic, gives a score without bounds: no sigmoid. At its maximum the difference is the Wasserstein-1 distance
 * of the two distributions, so it is plotted as an estimate of how far training has come. What keeps D Lipschitz:
 *
 *     penalty  lambda E_x' (|dD(x')/dx'| - 1)² is added to D's loss, or its one-sided form lambda E_x' max(0,
 *              |dD(x')/dx'| - 1), x' being a random point between a real and a generated sample
 *     clip     D's weights are clipped to [-c, c] before each of its steps
 */
#include <string.h>

#include <gan/gan.h>

typedef struct wgan {
    gan_model base;
    gan_layer *generator, *critic;
    gan_optimizer *g_optim, *d_optim;
    bool clipped, warmup;
    gan_penalty sides;
    float lambda, clip;
    int64_t latent;
} wgan;

static gan_tensor *generator(wgan *m, gan_tensor *z)
{
    return gan_forward(m->generator, z);
}

static gan_tensor *critic(wgan *m, gan_tensor *x)
{
    return gan_forward(m->critic, x);
}

/* ---- steps ---- */

static gan_tensor *penalty_between(wgan *m, gan_tensor *real, gan_tensor *fake)
{
    gan_tensor *x = gan_between(real, fake);
    return gan_gradient_penalty(critic(m, x), x, m->sides);
}

static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    wgan *m = (wgan *)base;
    int64_t n = batch->n;
    gan_tensor *z = gan_randn(base->ctx, GAN_SHAPE(n, m->latent));
    gan_tensor *fake = GAN_NO_GRAD(base->ctx, generator(m, z));
    gan_tensor *penalty = NULL;
    if (m->clipped) {
        /* Before the step, as in Arjovsky et al.'s code: what the step adds stays until the next one. */
        gan_clip_parameters(m->critic, m->clip);
    } else {
        /* Its share of the gradient first, and in a scope of its own, so that what was recorded for it is gone before
         * the scores are recorded: the sum's gradient, with the memory of the larger of the two. */
        gan_scope_begin(base->ctx);
        penalty = penalty_between(m, batch->images, fake);
        gan_accumulate(m->d_optim, gan_scale(penalty, m->lambda));
        gan_scope_end(base->ctx, penalty);
    }
    /* Both halves in one pass: nothing in the critic looks across samples. */
    gan_tensor *score = critic(m, gan_concat((gan_tensor *[]){batch->images, fake}, 2, 0));
    gan_tensor *real_score = gan_slice(score, 0, 0, n), *fake_score = gan_slice(score, 0, n, n);
    gan_tensor *loss = gan_loss_d_wasserstein(real_score, fake_score); /* E D(G(z)) - E D(x) */
    gan_minimize(m->d_optim, loss);
    gan_metric(out, "wasserstein", gan_neg(gan_detach(loss)));
    if (penalty) {
        gan_metric(out, "penalty", penalty);
        loss = gan_add(gan_detach(loss), gan_scale(gan_detach(penalty), m->lambda));
    }
    gan_metric(out, "d_loss", loss);
    return gan_status_of(base->ctx);
}

static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    wgan *m = (wgan *)base;
    gan_tensor *z = gan_randn(base->ctx, GAN_SHAPE(batch->n, m->latent));
    gan_tensor *loss = gan_loss_g_wasserstein(critic(m, generator(m, z))); /* -E D(G(z)) */
    gan_minimize(m->g_optim, loss);
    gan_metric(out, "g_loss", loss);
    return gan_status_of(base->ctx);
}

static gan_status sample(gan_model *base, const gan_sample_request *request, gan_tensor **images)
{
    wgan *m = (wgan *)base;
    gan_tensor *fake = generator(m, gan_randn_of_seeds(base->ctx, request->seeds, request->n, m->latent));
    if (gan_status_of(base->ctx) == GAN_OK)
        *images = fake;
    return gan_status_of(base->ctx);
}

/* The loop of Arjovsky et al.'s code: a critic near its optimum at the start, and now and then after that. */
static int64_t d_steps(gan_model *base, int64_t g_steps, int64_t configured)
{
    const wgan *m = (const wgan *)base;
    bool many = m->clipped && m->warmup && (g_steps < 25 || g_steps % 500 == 0);
    return many && configured < 100 ? 100 : configured;
}

static const void *get_extension(gan_model *base, const char *name)
{
    static const gan_schedule_extension schedule = {.struct_size = sizeof schedule, .d_steps = d_steps};
    (void)base;
    return strcmp(name, GAN_SCHEDULE_EXTENSION) == 0 ? &schedule : NULL;
}

/* ---- building ---- */

static void build_mlp(wgan *m, const gan_build *b)
{
    const int64_t *g_widths, *d_widths;
    int g_depth = gan_options_int_list(b->options, "g_widths", &g_widths);
    int d_depth = gan_options_int_list(b->options, "d_widths", &d_widths);
    const gan_data_info *data = b->data;
    int64_t pixels = data->height * data->width * data->channels;
    gan_activation relu = {GAN_RELU, 0.0f};
    m->generator = gan_mlp(b->ctx, m->latent, g_widths, g_depth, pixels, relu, 0.0f);
    if (data->scaled) /* images are in [-1, 1]; vectors have no bounds */
        gan_nn_tanh(m->generator);
    gan_nn_reshape(m->generator, GAN_SHAPE(data->height, data->width, data->channels));
    m->critic = gan_mlp(b->ctx, pixels, d_widths, d_depth, 1, relu, 0.0f);
}

static void build_convolutional(wgan *m, const gan_build *b, bool residual)
{
    const gan_options *o = b->options;
    gan_image_network g = {.resolution = b->data->height, .channels = b->data->channels, .latent = m->latent};
    gan_image_network d = g;
    g.width = gan_options_int(o, "g_width");
    d.width = gan_options_int(o, "d_width");
    d.norm = gan_options_is(o, "norm", "layer") ? GAN_NORM_LAYER : GAN_NORM_NONE;
    d.mean_pool = true;
    m->generator = residual ? gan_resnet_generator(b->ctx, &g) : gan_dcgan_generator(b->ctx, &g);
    m->critic = residual ? gan_resnet_discriminator(b->ctx, &d) : gan_dcgan_discriminator(b->ctx, &d);
}

/* Whether the networks that were asked for can work on the data; the error is in the context. */
static gan_status check(const gan_build *b)
{
    const gan_options *o = b->options;
    const gan_data_info *data = b->data;
    const char *networks = gan_options_string(o, "networks");
    bool mlp = strcmp(networks, "mlp") == 0, dcgan = strcmp(networks, "dcgan") == 0;
    if (!dcgan && !gan_options_is(o, "norm", "none"))
        return gan_raise(b->ctx, GAN_ERROR_OPTION, "model.norm: layer is for model.networks: dcgan, not for %s",
                         networks);
    if (!mlp && !data->scaled)
        return gan_raise(b->ctx, GAN_ERROR_UNSUPPORTED,
                         "model.networks: %s makes images, but the data are vectors of %lld values; use mlp", networks,
                         (long long)data->channels);
    if (mlp)
        return GAN_OK;
    return dcgan ? gan_dcgan_check(b->ctx, data->height, data->width)
                 : gan_resnet_check(b->ctx, data->height, data->width);
}

/* The optimizers of the two papers. */
static gan_optimizer *optimizer(const wgan *m, const gan_build *b, const char *lr_option, gan_layer *network)
{
    double lr = gan_options_float(b->options, lr_option);
    gan_adam_args adam = {.lr = lr > 0 ? lr : 1e-4,
                          .beta1 = gan_options_float(b->options, "beta1"),
                          .beta2 = gan_options_float(b->options, "beta2")};
    gan_rmsprop_args rmsprop = {.lr = lr > 0 ? lr : 5e-5};
    gan_optimizer *made = m->clipped ? gan_rmsprop(b->ctx, rmsprop) : gan_adam(b->ctx, adam);
    gan_optimizer_add(made, network);
    return made;
}

static gan_status build(const gan_build *b, gan_model **out)
{
    const gan_options *o = b->options;
    if (check(b) != GAN_OK)
        return gan_status_of(b->ctx);
    wgan *m = gan_model_new(b->ctx, sizeof *m);
    if (!m)
        return gan_status_of(b->ctx);
    m->latent = gan_options_int(o, "latent");
    m->clipped = gan_options_is(o, "lipschitz", "clip");
    m->clip = (float)gan_options_float(o, "clip");
    m->warmup = gan_options_bool(o, "warmup");
    m->sides = gan_options_is(o, "sides", "one") ? GAN_PENALTY_ONE_SIDED : GAN_PENALTY_TWO_SIDED;
    m->lambda = (float)gan_options_float(o, "lambda");
    if (gan_options_is(o, "networks", "mlp"))
        build_mlp(m, b);
    else
        build_convolutional(m, b, gan_options_is(o, "networks", "resnet"));
    gan_model_network(&m->base, "generator", m->generator, GAN_ROLE_GENERATOR);
    gan_model_network(&m->base, "critic", m->critic, GAN_ROLE_DISCRIMINATOR);
    m->g_optim = optimizer(m, b, "g_lr", m->generator);
    m->d_optim = optimizer(m, b, "d_lr", m->critic);
    gan_model_optimizer(&m->base, "g_optim", m->g_optim);
    gan_model_optimizer(&m->base, "d_optim", m->d_optim);
    return gan_model_built(&m->base, gan_model_free, out);
}

static const gan_option options[] = {
    {"lipschitz", GAN_OPTION_CHOICE, "penalty", 0, 0, "penalty|clip",
     "What keeps the critic Lipschitz: the gradient penalty of WGAN-GP, or W-GAN's clipping of its weights."},
    {"sides", GAN_OPTION_CHOICE, "two", 0, 0, "two|one",
     "The penalty on the gradient's norm: (norm - 1)², or max(0, norm - 1), which leaves smaller norms alone."},
    {"lambda", GAN_OPTION_FLOAT, "10", 0, 1e6, NULL, "Weight of the gradient penalty."},
    {"clip", GAN_OPTION_FLOAT, "0.01", 1e-6, 1e6, NULL,
     "With lipschitz: clip, the critic's weights are kept in [-clip, clip]."},
    {"warmup", GAN_OPTION_BOOL, "true", 0, 0, NULL,
     "With lipschitz: clip, 100 critic steps before each of the first 25 generator steps and before every 500th."},
    {"networks", GAN_OPTION_CHOICE, "dcgan", 0, 0, "mlp|dcgan|resnet",
     "mlp, for images of any size and vectors; dcgan (8 to 1024 pixels) or resnet (32 to 256), for powers of two."},
    {"latent", GAN_OPTION_INT, "128", 1, 65536, NULL, "Width of the latent vector z, drawn from N(0, 1)."},
    {"g_width", GAN_OPTION_INT, "64", 1, 4096, NULL,
     "With networks: dcgan or resnet, channels of the generator's layer nearest the image."},
    {"d_width", GAN_OPTION_INT, "64", 1, 4096, NULL,
     "With networks: dcgan or resnet, channels of the critic's layer nearest the image."},
    {"norm", GAN_OPTION_CHOICE, "none", 0, 0, "none|layer",
     "Normalization in the critic of networks: dcgan. No batch norm: the penalty is on each sample's own gradient."},
    {"g_widths", GAN_OPTION_INT_LIST, "[512, 512, 512]", 1, 65536, NULL,
     "With networks: mlp, widths of the generator's hidden layers."},
    {"d_widths", GAN_OPTION_INT_LIST, "[512, 512, 512]", 1, 65536, NULL,
     "With networks: mlp, widths of the critic's hidden layers."},
    {"g_lr", GAN_OPTION_FLOAT, "0", 0, 10, NULL,
     "The generator's learning rate; 0: 0.0001 with the penalty (Adam), 0.00005 with clipping (RMSprop)."},
    {"d_lr", GAN_OPTION_FLOAT, "0", 0, 10, NULL,
     "The critic's learning rate; 0: 0.0001 with the penalty (Adam), 0.00005 with clipping (RMSprop)."},
    {"beta1", GAN_OPTION_FLOAT, "0.5", 0, 0.9999, NULL, "With the penalty, Adam's decay of the first moment."},
    {"beta2", GAN_OPTION_FLOAT, "0.9", 0, 0.999999, NULL, "With the penalty, Adam's decay of the second moment."},
    {0},
};

/* 20,000 generator steps of five critic steps. */
static const gan_default defaults[] = {
    {"train.batch", "64"},         {"train.d_steps", "5"},           {"train.kimg", "6400"},
    {"train.snapshot_kimg", "64"}, {"train.checkpoint_kimg", "320"}, {0}};

static const gan_chart charts[] = {
    {"Wasserstein estimate", "E D(x) - E D(G(z))", {"wasserstein"}},
    {"Losses", "loss", {"d_loss", "g_loss"}},
    {"Gradient penalty", "before lambda", {"penalty"}},
    {0},
};

static const gan_plugin plugin = {
    GAN_PLUGIN_IDENTITY("wgan_gp", "1.0.0"),
    .title = "Wasserstein GAN with gradient penalty or clipping",
    .paper = "Gulrajani et al., 2017, arXiv:1704.00028; Arjovsky et al., 2017, arXiv:1701.07875",
    .summary = "A critic whose scores differ by the Wasserstein distance of real and generated images, kept Lipschitz "
               "by a penalty on its gradient or by clipped weights.",
    .options = options,
    .defaults = defaults,
    .charts = charts,
    .build = build,
    .destroy = gan_model_free,
    .d_step = d_step,
    .g_step = g_step,
    .sample = sample,
    .get_extension = get_extension,
};

GAN_PLUGIN_ENTRY(plugin)
