/*
 * progan.c - the GAN that grows.
 *
 * T. Karras, T. Aila, S. Laine, J. Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability, and
 * Variation", ICLR 2018, arXiv:1710.10196.
 *
 *     D:  E D(G(z)) - E D(x) + lambda / gamma² E (|dD(x')/dx'| - gamma)² + drift E D(x)²        G:  -E D(G(z))
 *
 * the loss of WGAN-GP, x' being random points between real and generated images, and a term that keeps D(x) from
 * drifting away. Training begins with images of 4x4 and the layers that make and judge them. When it is stable, the
 * layers of twice that side are added to both networks and faded in: as alpha grows from 0 to 1,
 *
 *     G:  alpha to_rgb(block(x)) + (1 - alpha) up(to_rgb(x))
 *     D:  alpha block(from_rgb(x)) + (1 - alpha) from_rgb(down(x))
 *
 * with real images blurred alike, and so on up to the data's resolution. Most of a run is thus spent on small, cheap
 * images.
 */
#include <string.h>

#include "networks.h"

typedef struct progan {
    gan_model base;
    progan_generator generator;
    gan_layer *discriminator;
    gan_optimizer *g_optim, *d_optim;
    gan_growth_plan plan;
    double resolution, alpha; /* of the last step: how far the networks have grown; saved */
    float lambda, gamma, drift;
    int64_t latent;
} progan;

/* ---- growth ---- */

/* Of the newest layers in use. What a file says may be anything. */
static int64_t resolution(const progan *m)
{
    int64_t side = m->plan.growth.first;
    while (side < m->plan.growth.last && (double)side < m->resolution)
        side *= 2;
    return side;
}

static bool fading(const progan *m)
{
    return m->alpha < 1.0 && resolution(m) > m->plan.growth.first;
}

/* Of the level that is being faded in; NULL when it is stable. */
static gan_tensor *alpha(const progan *m)
{
    return fading(m) ? gan_number(m->base.ctx, &m->alpha) : NULL;
}

/* The stage of this batch, and Adam's: it forgets at each new resolution what it knew of the one before. */
static void grow(progan *m, const gan_batch *batch)
{
    gan_stage stage = gan_growth_stage(&m->plan, batch->kimg, gan_dim(batch->images, 1));
    gan_growth_enter(&m->plan, &stage, &m->resolution, (gan_optimizer *[]){m->g_optim, m->d_optim}, 2);
    m->alpha = stage.alpha;
}

/* Kinds of steps: of each resolution, stable or being faded in. */
static uint64_t prepare(gan_model *base, gan_step_kind kind, const gan_batch *batch)
{
    progan *m = (progan *)base;
    (void)kind;
    grow(m, batch);
    return 2 * (uint64_t)m->resolution + fading(m);
}

static void batches(gan_model *base, double kimg, int64_t *batch, int64_t *side)
{
    gan_growth_batches(&((const progan *)base)->plan, kimg, batch, side);
}

static gan_tensor *generator(progan *m, gan_tensor *z)
{
    return progan_generate(&m->generator, z, resolution(m), alpha(m));
}

static gan_tensor *discriminator(progan *m, gan_tensor *x)
{
    return gan_growing_scores(m->discriminator, x, alpha(m));
}

/* ---- steps ---- */

/* E (|dD(x')/dx'| / gamma - 1)² */
static gan_tensor *penalty_between(progan *m, gan_tensor *real, gan_tensor *fake)
{
    gan_tensor *x = gan_between(real, fake);
    return gan_gradient_penalty(gan_scale(discriminator(m, x), 1.0f / m->gamma), x, GAN_PENALTY_TWO_SIDED);
}

static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    progan *m = (progan *)base;
    grow(m, batch);
    gan_tensor *real = fading(m) ? gan_fade_reals(batch->images, alpha(m)) : batch->images;
    gan_tensor *z = gan_randn(base->ctx, GAN_SHAPE(batch->n, m->latent));
    gan_tensor *fake = GAN_NO_GRAD(base->ctx, generator(m, z));
    /* Its share of the gradient first, and in a scope of its own: what was recorded for it is gone before the scores
     * are recorded. */
    gan_scope_begin(base->ctx);
    gan_tensor *penalty = penalty_between(m, real, fake);
    gan_accumulate(m->d_optim, gan_scale(penalty, m->lambda));
    gan_scope_end(base->ctx, penalty);
    /* In two passes: minibatch stddev looks across the samples. */
    gan_tensor *real_score = discriminator(m, real), *fake_score = discriminator(m, fake);
    gan_tensor *distance = gan_loss_d_wasserstein(real_score, fake_score); /* E D(G(z)) - E D(x) */
    gan_tensor *loss = gan_add(distance, gan_scale(gan_mean(gan_square(real_score)), m->drift));
    gan_minimize(m->d_optim, loss);
    gan_metric(out, "wasserstein", gan_neg(gan_detach(distance)));
    gan_metric(out, "penalty", penalty);
    gan_metric(out, "d_loss", gan_add(gan_detach(loss), gan_scale(gan_detach(penalty), m->lambda)));
    gan_metric(out, "resolution", gan_number(base->ctx, &m->resolution));
    gan_metric(out, "alpha", gan_number(base->ctx, &m->alpha));
    return gan_status_of(base->ctx);
}

static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    progan *m = (progan *)base;
    grow(m, batch);
    gan_tensor *z = gan_randn(base->ctx, GAN_SHAPE(batch->n, m->latent));
    gan_tensor *loss = gan_loss_g_wasserstein(discriminator(m, generator(m, z))); /* -E D(G(z)) */
    gan_minimize(m->g_optim, loss);
    gan_metric(out, "g_loss", loss);
    return gan_status_of(base->ctx);
}

/* In the data's size, whatever the networks have grown to. */
static gan_tensor *full_size(const progan *m, gan_tensor *images)
{
    int64_t larger = m->plan.growth.last / gan_dim(images, 1);
    return larger > 1 ? gan_resize_nearest(images, (int)larger) : images;
}

static gan_status sample(gan_model *base, const gan_sample_request *request, gan_tensor **images)
{
    progan *m = (progan *)base;
    gan_tensor *z = gan_randn_of_seeds(base->ctx, request->seeds, request->n, m->latent);
    gan_tensor *fake = full_size(m, generator(m, z));
    if (gan_status_of(base->ctx) == GAN_OK)
        *images = fake;
    return gan_status_of(base->ctx);
}

/* ---- z as a style, of one layer: for commands that go from one image to another ---- */

static void style_info(gan_model *base, gan_style_info *out)
{
    const progan *m = (const progan *)base;
    out->latent = out->width = m->latent;
    out->layers = 1;
}

static gan_status style_map(gan_model *base, gan_tensor *z, gan_tensor *labels, gan_tensor **w)
{
    const progan *m = (const progan *)base;
    (void)labels;
    gan_tensor *same = gan_reshape(z, GAN_SHAPE(gan_dim(z, 0), 1, m->latent));
    if (gan_status_of(base->ctx) == GAN_OK)
        *w = same;
    return gan_status_of(base->ctx);
}

static gan_status style_average(gan_model *base, gan_tensor **w)
{
    const progan *m = (const progan *)base;
    gan_tensor *zeros = gan_zeros(base->ctx, GAN_SHAPE(m->latent));
    if (gan_status_of(base->ctx) == GAN_OK)
        *w = zeros;
    return gan_status_of(base->ctx);
}

static gan_status style_synthesize(gan_model *base, gan_tensor *w, gan_style_noise noise, gan_tensor **images)
{
    progan *m = (progan *)base;
    (void)noise;
    gan_tensor *fake = full_size(m, generator(m, gan_reshape(w, GAN_SHAPE(gan_dim(w, 0), m->latent))));
    if (gan_status_of(base->ctx) == GAN_OK)
        *images = fake;
    return gan_status_of(base->ctx);
}

static const void *get_extension(gan_model *base, const char *name)
{
    static const gan_schedule_extension schedule = {.struct_size = sizeof schedule, .batches = batches};
    static const gan_capture_extension capture = {.struct_size = sizeof capture, .prepare = prepare};
    static const gan_style_extension style = {.struct_size = sizeof style,
                                              .info = style_info,
                                              .map = style_map,
                                              .average = style_average,
                                              .synthesize = style_synthesize};
    (void)base;
    return strcmp(name, GAN_SCHEDULE_EXTENSION) == 0  ? (const void *)&schedule
           : strcmp(name, GAN_CAPTURE_EXTENSION) == 0 ? (const void *)&capture
           : strcmp(name, GAN_STYLE_EXTENSION) == 0   ? (const void *)&style
                                                      : NULL;
}

/* ---- building ---- */

static gan_optimizer *optimizer(const progan *m, const gan_build *b, gan_layer *network)
{
    gan_optimizer *made = gan_adam(b->ctx, (gan_adam_args){.lr = m->plan.lr[0],
                                                           .beta1 = gan_options_float(b->options, "beta1"),
                                                           .beta2 = gan_options_float(b->options, "beta2")});
    gan_optimizer_add(made, network);
    return made;
}

static gan_status build(const gan_build *b, gan_model **out)
{
    const gan_options *o = b->options;
    const int64_t group = gan_options_int(o, "stddev_group");
    gan_growth_plan plan;
    if (gan_growth_plan_read(b->ctx, o, b->data, 4, b->batch, group, &plan) != GAN_OK)
        return gan_status_of(b->ctx);
    progan *m = gan_model_new(b->ctx, sizeof *m);
    if (!m)
        return gan_status_of(b->ctx);
    m->plan = plan;
    m->resolution = (double)plan.growth.first;
    m->alpha = 1.0;
    m->latent = gan_options_int(o, "latent");
    m->lambda = (float)gan_options_float(o, "lambda");
    m->gamma = (float)gan_options_float(o, "gamma");
    m->drift = (float)gan_options_float(o, "drift");
    const gan_growing_args sizes = {.first = plan.growth.first,
                                    .resolution = plan.growth.last,
                                    .channels = b->data->channels,
                                    .fmap_base = gan_options_int(o, "fmap_base"),
                                    .fmap_max = gan_options_int(o, "fmap_max"),
                                    .group = (int)group};
    progan_generator_make(&m->generator, b->ctx, m->latent, &sizes);
    m->discriminator = gan_growing_discriminator(b->ctx, &sizes);
    gan_model_network(&m->base, "generator", m->generator.network, GAN_ROLE_GENERATOR);
    gan_model_network(&m->base, "discriminator", m->discriminator, GAN_ROLE_DISCRIMINATOR);
    m->g_optim = optimizer(m, b, m->generator.network);
    m->d_optim = optimizer(m, b, m->discriminator);
    gan_model_optimizer(&m->base, "g_optim", m->g_optim);
    gan_model_optimizer(&m->base, "d_optim", m->d_optim);
    gan_model_number(&m->base, "resolution", &m->resolution);
    gan_model_number(&m->base, "alpha", &m->alpha);
    return gan_model_built(&m->base, gan_model_free, out);
}

static const gan_option options[] = {
    GAN_GROWTH_OPTIONS(""),
    {"beta1", GAN_OPTION_FLOAT, "0", 0, 0.9999, NULL, "Adam's decay of the first moment."},
    {"beta2", GAN_OPTION_FLOAT, "0.99", 0, 0.999999, NULL, "Adam's decay of the second moment."},
    {"lambda", GAN_OPTION_FLOAT, "10", 0, 1e6, NULL, "Weight of the gradient penalty."},
    {"gamma", GAN_OPTION_FLOAT, "1", 1e-3, 1e6, NULL, "The norm of the gradient that the penalty asks for."},
    {"drift", GAN_OPTION_FLOAT, "0.001", 0, 1e3, NULL, "Weight of D(x)², which keeps scores near 0."},
    {"latent", GAN_OPTION_INT, "512", 1, 65536, NULL,
     "Width of the latent vector z, drawn from N(0, 1) and normalized to length 1 per component."},
    {"fmap_base", GAN_OPTION_INT, "8192", 2, 65536, NULL,
     "Channels at a resolution R are 2 fmap_base / R, but at most fmap_max."},
    {"fmap_max", GAN_OPTION_INT, "512", 1, 4096, NULL, "The most channels of a layer."},
    {"stddev_group", GAN_OPTION_INT, "4", 2, 65536, NULL,
     "Samples over which minibatch standard deviation is taken; it divides every batch that is larger."},
    {0},
};

/* The authors' 12 million images, which are enough for 1024x1024. */
static const gan_default defaults[] = {{"train.batch", "128"},           {"train.kimg", "12000"},
                                       {"train.ema_kimg", "10"},         {"train.snapshot_kimg", "100"},
                                       {"train.checkpoint_kimg", "300"}, {0}};

static const gan_chart charts[] = {
    {"Wasserstein estimate", "E D(x) - E D(G(z))", {"wasserstein"}},
    {"Losses", "loss", {"d_loss", "g_loss"}},
    {"Gradient penalty", "before lambda", {"penalty"}},
    {"Growth", "side of the images", {"resolution"}},
    {0},
};

static const gan_plugin plugin = {
    GAN_PLUGIN_IDENTITY("progan", "1.0.0"),
    .title = "Progressive growing of GANs",
    .paper = "Karras et al., 2018, arXiv:1710.10196",
    .summary = "Networks that begin with images of 4x4 and double their resolution during training, up to 1024x1024; "
               "trained as WGAN-GP.",
    .needs = GAN_NEEDS_IMAGES,
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
