/*
 * stylegan.c - a generator whose every layer is told its style.
 *
 * T. Karras, S. Laine, T. Aila, "A Style-Based Generator Architecture for Generative Adversarial Networks", CVPR 2019,
 * arXiv:1812.04948.
 *
 *     w = f(z),   AdaIN(x, y) = y_s (x - mean(x)) / deviation(x) + y_b,   (y_s - 1, y_b) = A(w)
 *
 * f, the mapping, is eight dense layers; the synthesis starts from a learned constant, and w reaches it only as the
 * scale and shift of each layer's normalized features. Noise is added before each normalization. Both networks grow as
 * ProGAN's do, with bilinear sampling. D and G are trained on the logistic, non-saturating losses, D with
 * gamma / 2 E |dD(x)/dx|² over the real images (R1, Mescheder et al. 2018, arXiv:1801.04406).
 */
#include <string.h>

#include "networks.h"

typedef struct stylegan {
    gan_model base;
    stylegan_generator generator;
    gan_layer *discriminator;
    gan_optimizer *optimizers[2]; /* D's, G's */
    gan_growth_plan plan;
    int64_t latent, width;
    float gamma, mixing, w_decay;
    /* How far both networks have grown, saved: the side of the newest layers in use, and their share. */
    double resolution, alpha;
} stylegan;

enum { D = 0, G = 1 };

/* ---- growing ---- */

static gan_tensor *alpha_of(const stylegan *m)
{
    return m->alpha < 1 ? gan_number(m->base.ctx, &m->alpha) : NULL;
}

/* The kinds of steps: each level, while it is faded in and when it is stable. */
static uint64_t prepare(gan_model *base, gan_step_kind kind, const gan_batch *batch)
{
    stylegan *m = (stylegan *)base;
    gan_stage stage = gan_growth_stage(&m->plan, batch->kimg, gan_dim(batch->images, 1));
    (void)kind;
    gan_growth_enter(&m->plan, &stage, &m->resolution, m->optimizers, 2);
    m->alpha = stage.alpha;
    return 2 * (uint64_t)stage.level + (stage.alpha < 1);
}

/* ---- networks ---- */

static gan_tensor *mapping(stylegan *m, int64_t n)
{
    return gan_forward(m->generator.mapping, gan_randn(m->base.ctx, GAN_SHAPE(n, m->latent)));
}

/* Images of n random z, of two each for a share of them; w_avg follows the first. */
static gan_tensor *generator(stylegan *m, int64_t n, bool track)
{
    int64_t side = (int64_t)m->resolution, layers = stylegan_layers(side);
    gan_tensor *w = mapping(m, n), *styles = gan_style_repeat(w, layers);
    if (track)
        gan_mapping_track(m->generator.mapping, w, m->w_decay);
    if (m->mixing > 0)
        styles = gan_style_mix(styles, gan_style_repeat(mapping(m, n), layers), m->mixing);
    return stylegan_synthesize(&m->generator, styles, side, alpha_of(m), GAN_NOISE_RANDOM);
}

static gan_tensor *discriminator(stylegan *m, gan_tensor *x)
{
    return gan_growing_scores(m->discriminator, x, alpha_of(m));
}

/* ---- steps ---- */

static void report_stage(const stylegan *m, gan_metrics *out)
{
    gan_metric(out, "resolution", gan_number(m->base.ctx, &m->resolution));
    gan_metric(out, "alpha", gan_number(m->base.ctx, &m->alpha));
}

static void metric(gan_metrics *out, const char *name, gan_tensor *values)
{
    gan_metric(out, name, gan_mean(gan_detach(values)));
}

/* D's share of the loss on real images, and its gradient. */
static gan_tensor *real_loss(stylegan *m, const gan_batch *batch, gan_metrics *out)
{
    gan_tensor *alpha = alpha_of(m);
    gan_tensor *x = gan_variable(alpha ? gan_fade_reals(batch->images, alpha) : batch->images);
    gan_tensor *score = discriminator(m, x), *loss = gan_bce_with_logits(score, 1);
    metric(out, "D(x)", score);
    if (m->gamma > 0) {
        gan_tensor *r1 = gan_r1_penalty(score, x);
        loss = gan_add(loss, gan_scale(r1, m->gamma / 2));
        metric(out, "r1", r1);
    }
    gan_accumulate(m->optimizers[D], loss);
    return gan_detach(loss);
}

static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    stylegan *m = (stylegan *)base;
    prepare(base, GAN_STEP_DISCRIMINATOR, batch);
    gan_tensor *fake = GAN_NO_GRAD(base->ctx, generator(m, batch->n, false));
    /* One after the other, because minibatch standard deviation looks across the samples of a pass; what was recorded
     * for the penalty is gone before the second. */
    gan_tensor *on_real = GAN_SCOPED(base->ctx, real_loss(m, batch, out));
    gan_tensor *score = discriminator(m, fake), *loss = gan_bce_with_logits(score, 0);
    gan_minimize(m->optimizers[D], loss);
    metric(out, "D(G(z))", score);
    gan_metric(out, "d_loss", gan_add(gan_detach(loss), on_real));
    report_stage(m, out);
    return gan_status_of(base->ctx);
}

static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    stylegan *m = (stylegan *)base;
    prepare(base, GAN_STEP_GENERATOR, batch);
    gan_tensor *loss = gan_loss_g_nonsaturating(discriminator(m, generator(m, batch->n, true)));
    gan_minimize(m->optimizers[G], loss);
    gan_metric(out, "g_loss", loss);
    return gan_status_of(base->ctx);
}

/* ---- styles ---- */

static void style_info(gan_model *base, gan_style_info *out)
{
    const stylegan *m = (const stylegan *)base;
    out->latent = m->latent, out->width = m->width, out->layers = m->generator.layers;
}

static gan_status map(gan_model *base, gan_tensor *z, gan_tensor *labels, gan_tensor **w)
{
    stylegan *m = (stylegan *)base;
    (void)labels;
    gan_scope_begin(base->ctx);
    gan_tensor *styles = gan_style_repeat(gan_forward(m->generator.mapping, z), m->generator.layers);
    styles = gan_scope_end(base->ctx, styles);
    if (gan_status_of(base->ctx) == GAN_OK)
        *w = styles;
    return gan_status_of(base->ctx);
}

static gan_status average(gan_model *base, gan_tensor **w)
{
    *w = gan_detach(gan_mapping_average(((stylegan *)base)->generator.mapping));
    return gan_status_of(base->ctx);
}

/* As far as the networks have grown, enlarged to the data's resolution. */
static gan_status synthesize(gan_model *base, gan_tensor *w, gan_style_noise noise, gan_tensor **images)
{
    stylegan *m = (stylegan *)base;
    int64_t side = (int64_t)m->resolution, factor = m->generator.resolution / side;
    gan_scope_begin(base->ctx);
    gan_tensor *x = stylegan_synthesize(&m->generator, w, side, alpha_of(m), noise);
    x = gan_scope_end(base->ctx, factor > 1 ? gan_resize_nearest(x, (int)factor) : x);
    if (gan_status_of(base->ctx) == GAN_OK)
        *images = x;
    return gan_status_of(base->ctx);
}

static gan_status sample(gan_model *base, const gan_sample_request *request, gan_tensor **images)
{
    stylegan *m = (stylegan *)base;
    gan_tensor *w = NULL, *z = gan_randn_of_seeds(base->ctx, request->seeds, request->n, m->latent);
    if (map(base, z, request->labels, &w) != GAN_OK)
        return gan_status_of(base->ctx);
    return synthesize(base, w, GAN_NOISE_CONST, images);
}

static void batches(gan_model *base, double kimg, int64_t *batch, int64_t *resolution)
{
    gan_growth_batches(&((const stylegan *)base)->plan, kimg, batch, resolution);
}

static const void *get_extension(gan_model *base, const char *name)
{
    static const gan_schedule_extension schedule = {.struct_size = sizeof schedule, .batches = batches};
    static const gan_capture_extension capture = {.struct_size = sizeof capture, .prepare = prepare};
    static const gan_style_extension style = {
        .struct_size = sizeof style, .info = style_info, .map = map, .average = average, .synthesize = synthesize};
    (void)base;
    if (strcmp(name, GAN_SCHEDULE_EXTENSION) == 0)
        return &schedule;
    if (strcmp(name, GAN_CAPTURE_EXTENSION) == 0)
        return &capture;
    return strcmp(name, GAN_STYLE_EXTENSION) == 0 ? &style : NULL;
}

/* ---- building ---- */

static void build_networks(stylegan *m, const gan_build *b)
{
    const gan_options *o = b->options;
    gan_growing_args sizes = {.first = m->plan.growth.first,
                              .resolution = m->plan.growth.last,
                              .channels = b->data->channels,
                              .fmap_base = gan_options_int(o, "fmap_base"),
                              .fmap_max = gan_options_int(o, "fmap_max"),
                              .group = (int)gan_options_int(o, "stddev_group"),
                              .blur = true};
    gan_mapping_args mapping_args = {.latent = m->latent,
                                     .width = m->width,
                                     .layers = (int)gan_options_int(o, "mapping_layers"),
                                     .lr_multiplier = (float)gan_options_float(o, "mapping_lr")};
    stylegan_generator_make(&m->generator, b->ctx, &sizes, &mapping_args);
    m->discriminator = gan_growing_discriminator(b->ctx, &sizes);
    gan_model_network(&m->base, "generator", m->generator.network, GAN_ROLE_GENERATOR);
    gan_model_network(&m->base, "discriminator", m->discriminator, GAN_ROLE_DISCRIMINATOR);
}

static gan_optimizer *optimizer(const stylegan *m, const gan_build *b, gan_layer *network)
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
    gan_growth_plan plan;
    if (gan_growth_plan_read(b->ctx, o, b->data, gan_options_int(o, "start"), b->batch,
                             gan_options_int(o, "stddev_group"), &plan) != GAN_OK)
        return gan_status_of(b->ctx);
    stylegan *m = gan_model_new(b->ctx, sizeof *m);
    if (!m)
        return gan_status_of(b->ctx);
    m->plan = plan;
    m->latent = gan_options_int(o, "latent");
    m->width = gan_options_int(o, "w_width");
    m->gamma = (float)gan_options_float(o, "r1_gamma");
    m->mixing = (float)gan_options_float(o, "style_mixing");
    m->w_decay = (float)gan_options_float(o, "w_decay");
    m->resolution = (double)plan.growth.last; /* whole until training begins, for those who want to see the layers */
    m->alpha = 1;
    build_networks(m, b);
    m->optimizers[G] = optimizer(m, b, m->generator.network);
    m->optimizers[D] = optimizer(m, b, m->discriminator);
    gan_model_optimizer(&m->base, "g_optim", m->optimizers[G]);
    gan_model_optimizer(&m->base, "d_optim", m->optimizers[D]);
    gan_model_number(&m->base, "resolution", &m->resolution);
    gan_model_number(&m->base, "alpha", &m->alpha);
    return gan_model_built(&m->base, gan_model_free, out);
}

static const gan_option options[] = {
    {"start", GAN_OPTION_INT, "8", 4, 1024, NULL, "The first resolution, a power of two."},
    GAN_GROWTH_OPTIONS("128: 0.0015, 256: 0.002, 512: 0.003, 1024: 0.003"),
    {"latent", GAN_OPTION_INT, "512", 1, 65536, NULL, "Width of the latent vector z, drawn from N(0, 1)."},
    {"w_width", GAN_OPTION_INT, "512", 1, 65536, NULL, "Width of w and of the mapping's hidden layers."},
    {"mapping_layers", GAN_OPTION_INT, "8", 1, 32, NULL, "Dense layers of the mapping from z to w."},
    {"mapping_lr", GAN_OPTION_FLOAT, "0.01", 1e-6, 1, NULL,
     "Learning rate of the mapping, as a part of the other layers'."},
    {"fmap_base", GAN_OPTION_INT, "8192", 1, 1048576, NULL,
     "Features of a layer at resolution R: 2 fmap_base / R, but no more than fmap_max."},
    {"fmap_max", GAN_OPTION_INT, "512", 1, 4096, NULL, "The most features that a layer has."},
    {"stddev_group", GAN_OPTION_INT, "4", 2, 65536, NULL,
     "Samples in a group of minibatch standard deviation; batches are multiples of it, or smaller."},
    {"r1_gamma", GAN_OPTION_FLOAT, "10", 0, 1e6, NULL, "Weight of the R1 penalty, gamma / 2 E |dD(x)/dx|²."},
    {"style_mixing", GAN_OPTION_FLOAT, "0.9", 0, 1, NULL,
     "Share of the generated images whose layers from a random one on take a second w."},
    {"w_decay", GAN_OPTION_FLOAT, "0.995", 0, 1, NULL,
     "Decay, at each generator step, of the average of w that truncation pulls to."},
    {"beta1", GAN_OPTION_FLOAT, "0", 0, 0.9999, NULL, "Adam's decay of the first moment."},
    {"beta2", GAN_OPTION_FLOAT, "0.99", 0, 0.999999, NULL, "Adam's decay of the second moment."},
    {0},
};

static const gan_default defaults[] = {{"train.batch", "128"},           {"train.kimg", "25000"},
                                       {"train.ema_kimg", "10"},         {"train.snapshot_kimg", "100"},
                                       {"train.checkpoint_kimg", "500"}, {0}};

static const gan_chart charts[] = {
    {"Losses", "loss", {"d_loss", "g_loss"}},
    {"Mean score of the discriminator", "score", {"D(x)", "D(G(z))"}},
    {"Gradient penalty", "before gamma / 2", {"r1"}},
    {"Growth", "side of the images", {"resolution"}},
    {0},
};

static const gan_plugin plugin = {
    GAN_PLUGIN_IDENTITY("stylegan", "1.0.0"),
    .title = "Style-based generator",
    .paper = "Karras et al., 2019, arXiv:1812.04948",
    .summary =
        "A mapping network turns z into styles that scale and shift the normalized features of every layer; both "
        "networks grow, and their images can be mixed and truncated by style.",
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
