/*
 * stylegan2.c - StyleGAN2: a generator of styles, regularized lazily.
 *
 * T. Karras, S. Laine, M. Aittala, J. Hellsten, J. Lehtinen, T. Aila, "Analyzing and Improving the Image Quality of
 * StyleGAN", CVPR 2020, arXiv:1912.04958. With augmentation and classes: T. Karras, M. Aittala, J. Hellsten, S. Laine,
 * J. Lehtinen, T. Aila, "Training Generative Adversarial Networks with Limited Data", NeurIPS 2020, arXiv:2006.06676.
 *
 *     D:  E softplus(-D(x)) + E softplus(D(G(z)))        and, lazily,  gamma/2 E |dD(x)/dx|²                     (R1)
 *     G:  E softplus(-D(G(z)))                           and, lazily,  weight E (|Jᵀ y| - a)²,  J = dg(w)/dw
 *
 * G(z) = g(f(z)): the mapping f makes a style w of z, which scales the weights of g's convolutions, layer by layer. y
 * is an image of noise, a the moving average of the path lengths |Jᵀ y|.
 *
 * Lazily: in every k-th step only, as an optimizer step of its own on k times the term; Adam's rate and decays are
 * corrected for the additional steps (gan_adam_lazy). Which step is a k-th one follows from the optimizer's counter, so
 * that a resumed run goes on where it was, and a recorded step needs no counter of its own.
 */
#include <string.h>

#include <gan/augment.h>

#include "networks.h"

typedef struct stylegan2 {
    gan_model base;
    stylegan2_generator generator;
    stylegan2_discriminator discriminator;
    gan_optimizer *g_optim, *d_optim;
    gan_augment *augment; /* NULL: none */
    gan_tensor *path_mean;
    int64_t latent, classes;
    int64_t r1_interval, path_interval; /* 0: off */
    int64_t path_batch_shrink;
    float r1_gamma, path_weight, path_decay;
    float style_mixing, w_decay;
    gan_style_noise noise;
} stylegan2;

/* y is NULL in networks without classes. */
static gan_tensor *mapping(stylegan2 *m, int64_t n, gan_tensor *y)
{
    return gan_forward_given(m->generator.mapping, gan_randn(m->base.ctx, GAN_SHAPE(n, m->latent)), y);
}

/* Styles of n new z, [n, layers, width], some of them mixed with another's. */
static gan_tensor *styles(stylegan2 *m, int64_t n, gan_tensor *y, bool track)
{
    gan_tensor *first = mapping(m, n, y);
    if (track)
        gan_mapping_track(m->generator.mapping, first, m->w_decay);
    gan_tensor *w = gan_style_repeat(first, m->generator.layers);
    if (m->style_mixing == 0.0f)
        return w;
    return gan_style_mix(w, gan_style_repeat(mapping(m, n, y), m->generator.layers), m->style_mixing);
}

static gan_tensor *synthesis(stylegan2 *m, gan_tensor *w)
{
    return stylegan2_synthesize(&m->generator, w, m->noise);
}

static gan_tensor *augmented(stylegan2 *m, gan_tensor *images)
{
    return m->augment ? gan_augmented(m->augment, images) : images;
}

static gan_tensor *discriminator(stylegan2 *m, gan_tensor *x, gan_tensor *y)
{
    return gan_forward_given(m->discriminator.network, augmented(m, x), y);
}

/* ---- what is done in some steps only ---- */

/* Steps of a network that are over: each k-th, from the first one on, has made two steps of its optimizer. Every step
 * is regularized in one step of the optimizer where k is 1. */
static int64_t steps_before(const gan_optimizer *optimizer, int64_t interval)
{
    int64_t made = gan_optimizer_steps(optimizer), cycle = interval + 1;
    if (interval <= 1)
        return made;
    return made / cycle * interval + (made % cycle > 0 ? made % cycle - 1 : 0);
}

static bool is_due(const gan_optimizer *optimizer, int64_t interval)
{
    return interval == 1 || (interval > 1 && gan_optimizer_steps(optimizer) % (interval + 1) == 0);
}

enum { ADJUST_INTERVAL = 4 }; /* of the augmentation's p, in steps of D */

static bool adjusts(const stylegan2 *m)
{
    return m->augment && (steps_before(m->d_optim, m->r1_interval) + 1) % ADJUST_INTERVAL == 0;
}

static uint64_t prepare(gan_model *base, gan_step_kind kind, const gan_batch *batch)
{
    const stylegan2 *m = (const stylegan2 *)base;
    (void)batch;
    if (kind == GAN_STEP_GENERATOR)
        return is_due(m->g_optim, m->path_interval);
    return (uint64_t)is_due(m->d_optim, m->r1_interval) + 2 * (uint64_t)adjusts(m);
}

/* ---- discriminator ---- */

/* [n, ...] to [group, n / group, ...]: minibatch standard deviation deals sample i into group i mod n / group. */
static gan_tensor *in_groups(const stylegan2 *m, gan_tensor *x)
{
    gan_shape shape = gan_shape_of(x), dealt = {.ndim = shape.ndim + 1};
    if (gan_is_poison(x))
        return x;
    int64_t n = shape.dim[0], group = m->discriminator.stddev_group;
    dealt.dim[0] = group == 0 ? 1 : group < n ? group : n;
    dealt.dim[1] = n / dealt.dim[0];
    memcpy(dealt.dim + 2, shape.dim + 1, (size_t)(shape.ndim - 1) * sizeof *shape.dim);
    return gan_reshape(x, dealt);
}

/* Real and generated images for one pass, such that no group has both. */
static gan_tensor *side_by_side(const stylegan2 *m, gan_tensor *real, gan_tensor *fake)
{
    gan_shape shape = gan_shape_of(real);
    shape.dim[0] *= 2;
    return gan_reshape(gan_concat((gan_tensor *[]){in_groups(m, real), in_groups(m, fake)}, 2, 1), shape);
}

/* `term` has its share in the step that comes where every step is regularized; else it is k steps' share in a step of
 * its own. */
static void regularize(gan_optimizer *optimizer, gan_tensor *term, int64_t interval)
{
    if (interval == 1)
        gan_accumulate(optimizer, term);
    else
        gan_minimize(optimizer, gan_scale(term, (float)interval));
}

/* Each part of a step in a scope of its own, so that what was recorded for it is gone before the next. */
static void r1_part(stylegan2 *m, const gan_batch *batch, gan_tensor *y, gan_metrics *out)
{
    gan_scope_begin(m->base.ctx);
    gan_tensor *x = gan_variable(batch->images);
    gan_tensor *penalty = gan_r1_penalty(discriminator(m, x, y), x);
    regularize(m->d_optim, gan_scale(penalty, m->r1_gamma / 2), m->r1_interval);
    gan_metric(out, "r1", penalty);
    gan_scope_end(m->base.ctx, NULL);
}

static void d_part(stylegan2 *m, const gan_batch *batch, gan_tensor *y, gan_metrics *out)
{
    gan_context *ctx = m->base.ctx;
    gan_scope_begin(ctx);
    gan_tensor *fake = GAN_NO_GRAD(ctx, synthesis(m, styles(m, batch->n, y, false)));
    gan_tensor *x = side_by_side(m, batch->images, fake), *labels = y ? side_by_side(m, y, y) : NULL;
    gan_tensor *score = in_groups(m, discriminator(m, x, labels));
    int64_t half = gan_dim(score, 1) / 2;
    gan_tensor *real_score = gan_slice(score, 1, 0, half), *fake_score = gan_slice(score, 1, half, half);
    gan_tensor *loss = gan_loss_d_logistic(real_score, fake_score);
    gan_minimize(m->d_optim, loss);
    gan_metric(out, "d_loss", loss);
    gan_metric(out, "D(x)", gan_mean(gan_detach(real_score)));
    gan_metric(out, "D(G(z))", gan_mean(gan_detach(fake_score)));
    if (m->augment)
        gan_augment_observe(m->augment, real_score);
    gan_scope_end(ctx, NULL);
}

static gan_tensor *labels_of(const stylegan2 *m, const gan_batch *batch)
{
    return m->classes > 0 ? batch->labels : NULL;
}

static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    stylegan2 *m = (stylegan2 *)base;
    gan_tensor *y = labels_of(m, batch);
    bool due = is_due(m->d_optim, m->r1_interval), adjust = adjusts(m);
    if (due && m->r1_interval == 1)
        r1_part(m, batch, y, out);
    d_part(m, batch, y, out);
    if (due && m->r1_interval > 1)
        r1_part(m, batch, y, out);
    if (adjust)
        gan_augment_adjust(m->augment, (double)(ADJUST_INTERVAL * batch->n));
    if (m->augment) {
        gan_metric(out, "augment_p", gan_augment_p(m->augment));
        gan_metric(out, "augment_sign", gan_augment_sign(m->augment));
    }
    return gan_status_of(base->ctx);
}

/* ---- generator ---- */

/* (|Jᵀ y| - a)² on part of a batch. The derivative goes through a too, as in the authors' code: its newest term is made
 * of these lengths. */
static void path_part(stylegan2 *m, const gan_batch *batch, gan_tensor *y, gan_metrics *out)
{
    int64_t n = batch->n < m->path_batch_shrink ? 1 : batch->n / m->path_batch_shrink;
    gan_scope_begin(m->base.ctx);
    gan_tensor *w = styles(m, n, y ? gan_slice(y, 0, 0, n) : NULL, false);
    gan_tensor *lengths = gan_path_lengths(synthesis(m, w), w);
    gan_tensor *mean = gan_lerp(m->path_mean, gan_mean(lengths), m->path_decay);
    gan_tensor *penalty = gan_mean(gan_square(gan_sub(lengths, mean)));
    regularize(m->g_optim, gan_scale(penalty, m->path_weight), m->path_interval);
    gan_assign(m->path_mean, mean);
    gan_metric(out, "path_penalty", penalty);
    gan_metric(out, "path_length", gan_mean(gan_detach(lengths)));
    gan_scope_end(m->base.ctx, NULL);
}

static void g_part(stylegan2 *m, const gan_batch *batch, gan_tensor *y, gan_metrics *out)
{
    gan_scope_begin(m->base.ctx);
    gan_tensor *images = synthesis(m, styles(m, batch->n, y, true));
    gan_tensor *loss = gan_loss_g_nonsaturating(discriminator(m, images, y));
    gan_minimize(m->g_optim, loss);
    gan_metric(out, "g_loss", loss);
    gan_scope_end(m->base.ctx, NULL);
}

static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    stylegan2 *m = (stylegan2 *)base;
    gan_tensor *y = labels_of(m, batch);
    bool due = is_due(m->g_optim, m->path_interval);
    if (due && m->path_interval == 1)
        path_part(m, batch, y, out);
    g_part(m, batch, y, out);
    if (due && m->path_interval > 1)
        path_part(m, batch, y, out);
    return gan_status_of(base->ctx);
}

/* ---- samples and styles ---- */

static gan_status finished(gan_model *base, gan_tensor *result, gan_tensor **out)
{
    if (gan_status_of(base->ctx) == GAN_OK)
        *out = result;
    return gan_status_of(base->ctx);
}

static gan_tensor *styles_of(stylegan2 *m, gan_tensor *z, gan_tensor *labels)
{
    const gan_sample_request request = {.struct_size = sizeof request, .n = gan_dim(z, 0), .labels = labels};
    gan_tensor *y = m->classes > 0 ? gan_request_labels(m->base.ctx, &request, m->classes) : NULL;
    return gan_style_repeat(gan_forward_given(m->generator.mapping, z, y), m->generator.layers);
}

static gan_status map_styles(gan_model *base, gan_tensor *z, gan_tensor *labels, gan_tensor **w)
{
    return finished(base, styles_of((stylegan2 *)base, z, labels), w);
}

static gan_status average_style(gan_model *base, gan_tensor **w)
{
    return finished(base, gan_detach(gan_mapping_average(((stylegan2 *)base)->generator.mapping)), w);
}

static gan_status synthesize(gan_model *base, gan_tensor *w, gan_style_noise noise, gan_tensor **images)
{
    return finished(base, stylegan2_synthesize(&((stylegan2 *)base)->generator, w, noise), images);
}

static gan_status sample(gan_model *base, const gan_sample_request *request, gan_tensor **images)
{
    stylegan2 *m = (stylegan2 *)base;
    gan_tensor *z = gan_randn_of_seeds(base->ctx, request->seeds, request->n, m->latent);
    return synthesize(base, styles_of(m, z, request->labels), GAN_NOISE_CONST, images);
}

static void style_info(gan_model *base, gan_style_info *out)
{
    const stylegan2 *m = (const stylegan2 *)base;
    out->latent = m->latent;
    out->width = gan_dim(gan_mapping_average(m->generator.mapping), 0);
    out->layers = m->generator.layers;
}

static const void *get_extension(gan_model *base, const char *name)
{
    static const gan_style_extension style = {.struct_size = sizeof style,
                                              .info = style_info,
                                              .map = map_styles,
                                              .average = average_style,
                                              .synthesize = synthesize};
    static const gan_capture_extension capture = {.struct_size = sizeof capture, .prepare = prepare};
    (void)base;
    if (strcmp(name, GAN_CAPTURE_EXTENSION) == 0)
        return &capture;
    return strcmp(name, GAN_STYLE_EXTENSION) == 0 ? &style : NULL;
}

/* ---- building ---- */

static stylegan2_architecture architecture(const gan_build *b, const char *option)
{
    if (gan_options_is(b->options, option, "plain"))
        return STYLEGAN2_PLAIN;
    return gan_options_is(b->options, option, "skip") ? STYLEGAN2_SKIP : STYLEGAN2_RESIDUAL;
}

/* Whether the networks that were asked for can work on the data; the error is in the context. */
static gan_status check(const gan_build *b)
{
    const gan_data_info *data = b->data;
    int64_t side = data->height, group = gan_options_int(b->options, "stddev_group");
    if (gan_options_bool(b->options, "conditional") && data->classes == 0)
        return gan_raise(b->ctx, GAN_ERROR_OPTION, "model.conditional: true needs labels, but \"%s\" has none",
                         data->name);
    if (side != data->width || side < 8 || side > 1024 || (side & (side - 1)) != 0)
        return gan_raise(b->ctx, GAN_ERROR_UNSUPPORTED,
                         "StyleGAN2 makes square images whose side is a power of two from 8 to 1024, but the data is "
                         "%lldx%lld; set data.resolution",
                         (long long)data->width, (long long)side);
    if (b->batch > group && b->batch % group != 0)
        return gan_raise(b->ctx, GAN_ERROR_OPTION,
                         "model.stddev_group: a batch of %lld samples cannot be divided into groups of %lld",
                         (long long)b->batch, (long long)group);
    return GAN_OK;
}

static void build_networks(stylegan2 *m, const gan_build *b)
{
    const gan_options *o = b->options;
    const stylegan2_size size = {.resolution = b->data->height,
                                 .channels = b->data->channels,
                                 .fmap_base = gan_options_int(o, "fmap_base"),
                                 .fmap_max = gan_options_int(o, "fmap_max"),
                                 .classes = m->classes};
    const gan_mapping_args mapping_args = {.latent = m->latent,
                                           .classes = m->classes,
                                           .width = gan_options_int(o, "w_width"),
                                           .layers = (int)gan_options_int(o, "mapping_layers"),
                                           .lr_multiplier = (float)gan_options_float(o, "mapping_lr")};
    /* A smaller batch is one group: real and generated images, which go through D together, do not make up another. */
    int64_t group = gan_options_int(o, "stddev_group");
    m->discriminator.stddev_group = group == 1 ? 0 : (int)(group < b->batch ? group : b->batch);
    stylegan2_generator_make(&m->generator, b->ctx, &size, architecture(b, "g_architecture"), &mapping_args,
                             m->noise != GAN_NOISE_NONE);
    stylegan2_discriminator_make(&m->discriminator, b->ctx, &size, architecture(b, "d_architecture"));
    gan_model_network(&m->base, "generator", m->generator.network, GAN_ROLE_GENERATOR);
    gan_model_network(&m->base, "discriminator", m->discriminator.network, GAN_ROLE_DISCRIMINATOR);
}

static void build_augmentation(stylegan2 *m, const gan_build *b)
{
    const gan_options *o = b->options;
    const char *kinds = gan_options_string(o, "augment_kinds");
    bool adaptive = gan_options_is(o, "augment", "adaptive");
    if (gan_options_is(o, "augment", "off"))
        return;
    m->augment = gan_augment_create(&m->base, "augment",
                                    &(gan_augment_args){.flip = true,
                                                        .rotate = true,
                                                        .translate = true,
                                                        .geometry = strchr(kinds, 'g') != NULL,
                                                        .colour = strchr(kinds, 'c') != NULL,
                                                        .target = gan_options_float(o, "augment_target"),
                                                        .kimg = adaptive ? gan_options_float(o, "augment_kimg") : 0,
                                                        .p = gan_options_float(o, "augment_p")});
}

static gan_optimizer *optimizer(const gan_build *b, const char *lr_option, gan_layer *network, int64_t interval)
{
    gan_adam_args args = {.lr = gan_options_float(b->options, lr_option),
                          .beta1 = gan_options_float(b->options, "beta1"),
                          .beta2 = gan_options_float(b->options, "beta2")};
    gan_optimizer *made = gan_adam(b->ctx, gan_adam_lazy(args, interval));
    gan_optimizer_add(made, network);
    return made;
}

static void read_options(stylegan2 *m, const gan_build *b)
{
    const gan_options *o = b->options;
    m->latent = gan_options_int(o, "latent");
    m->classes = gan_options_bool(o, "conditional") ? b->data->classes : 0;
    m->r1_gamma = (float)gan_options_float(o, "r1_gamma");
    m->r1_interval = m->r1_gamma > 0 ? gan_options_int(o, "r1_interval") : 0;
    m->path_weight = (float)gan_options_float(o, "path_weight");
    m->path_interval = m->path_weight > 0 ? gan_options_int(o, "path_interval") : 0;
    m->path_decay = (float)gan_options_float(o, "path_decay");
    m->path_batch_shrink = gan_options_int(o, "path_batch_shrink");
    m->style_mixing = (float)gan_options_float(o, "style_mixing");
    m->w_decay = (float)gan_options_float(o, "w_decay");
    m->noise = gan_options_bool(o, "noise") ? GAN_NOISE_RANDOM : GAN_NOISE_NONE;
}

static void destroy(gan_model *base)
{
    gan_augment_destroy(((stylegan2 *)base)->augment);
    gan_model_free(base);
}

static gan_status build(const gan_build *b, gan_model **out)
{
    if (check(b) != GAN_OK)
        return gan_status_of(b->ctx);
    stylegan2 *m = gan_model_new(b->ctx, sizeof *m);
    if (!m)
        return gan_status_of(b->ctx);
    read_options(m, b);
    build_networks(m, b);
    if (m->classes > 0)
        gan_model_conditional(&m->base, m->classes);
    m->g_optim = optimizer(b, "g_lr", m->generator.network, m->path_interval);
    m->d_optim = optimizer(b, "d_lr", m->discriminator.network, m->r1_interval);
    gan_model_optimizer(&m->base, "g_optim", m->g_optim);
    gan_model_optimizer(&m->base, "d_optim", m->d_optim);
    m->path_mean = gan_keep(gan_zeros(b->ctx, GAN_SCALAR));
    gan_model_tensor(&m->base, "path_mean", m->path_mean);
    build_augmentation(m, b);
    return gan_model_built(&m->base, destroy, out);
}

static const gan_option options[] = {
    {"g_architecture", GAN_OPTION_CHOICE, "skip", 0, 0, "skip|residual|plain",
     "The generator's: images of all resolutions added up, residual blocks, or neither."},
    {"d_architecture", GAN_OPTION_CHOICE, "residual", 0, 0, "skip|residual|plain",
     "The discriminator's: the image enters at all resolutions, residual blocks, or neither."},
    {"fmap_base", GAN_OPTION_INT, "4096", 1, 1048576, NULL,
     "Features have min(fmap_base / resolution, fmap_max) channels; 32768 in config F of the paper, 16384 in E."},
    {"fmap_max", GAN_OPTION_INT, "128", 1, 4096, NULL, "The most channels of features; 512 in the paper."},
    {"latent", GAN_OPTION_INT, "128", 1, 65536, NULL, "Width of the latent vector z, drawn from N(0, 1)."},
    {"w_width", GAN_OPTION_INT, "128", 1, 65536, NULL, "Width of the style w and of the mapping's layers."},
    {"mapping_layers", GAN_OPTION_INT, "8", 1, 32, NULL, "Dense layers of the mapping from z to w."},
    {"mapping_lr", GAN_OPTION_FLOAT, "0.01", 1e-6, 1, NULL, "The mapping's learning rate as a part of g_lr."},
    {"noise", GAN_OPTION_BOOL, "true", 0, 0, NULL, "Add noise, times a learned strength, behind every convolution."},
    {"style_mixing", GAN_OPTION_FLOAT, "0.9", 0, 1, NULL,
     "Probability that layers from a random one on take the style of another latent."},
    {"w_decay", GAN_OPTION_FLOAT, "0.995", 0, 1, NULL, "Decay of the average of w, per generator step."},
    {"stddev_group", GAN_OPTION_INT, "4", 1, 1024, NULL,
     "Group of minibatch standard deviation, which divides the batch; 1 turns it off."},
    {"r1_gamma", GAN_OPTION_FLOAT, "10", 0, 1e6, NULL, "Weight of R1, gamma / 2 times the squared gradient; 0: off."},
    {"r1_interval", GAN_OPTION_INT, "16", 0, 1024, NULL,
     "k, where every k-th discriminator step has R1; 1: each step, 0: none."},
    {"path_weight", GAN_OPTION_FLOAT, "2", 0, 1e6, NULL, "Weight of the path-length penalty; 0: off."},
    {"path_interval", GAN_OPTION_INT, "4", 0, 1024, NULL,
     "k, where every k-th generator step has the path-length penalty; 1: each step, 0: none."},
    {"path_decay", GAN_OPTION_FLOAT, "0.01", 0, 1, NULL, "Share of the newest lengths in their moving average."},
    {"path_batch_shrink", GAN_OPTION_INT, "2", 1, 64, NULL,
     "The path-length penalty is computed on this part of a batch: 2 is half of it."},
    {"conditional", GAN_OPTION_BOOL, "false", 0, 0, NULL,
     "Use the labels: styles and scores depend on the class; samples by class."},
    {"augment", GAN_OPTION_CHOICE, "off", 0, 0, "off|adaptive|fixed",
     "Show the discriminator augmented images only, with a probability that adapts itself or stays."},
    {"augment_p", GAN_OPTION_FLOAT, "0", 0, 1, NULL, "The probability of each augmentation at the start."},
    {"augment_target", GAN_OPTION_FLOAT, "0.6", -1, 1, NULL,
     "With augment: adaptive, the mean of sign(D(x)) on training images above which the probability grows."},
    {"augment_kimg", GAN_OPTION_FLOAT, "500", 0.001, 1e6, NULL,
     "With augment: adaptive, thousands of images in which the probability can go from 0 to 1."},
    {"augment_kinds", GAN_OPTION_CHOICE, "bgc", 0, 0, "b|bg|bgc",
     "b: flips, quarter turns, whole pixels; g: scaling, any rotation, fractions of a pixel; c: colour."},
    {"g_lr", GAN_OPTION_FLOAT, "0.002", 0, 10, NULL,
     "The generator's learning rate, before Adam is corrected for steps of regularization."},
    {"d_lr", GAN_OPTION_FLOAT, "0.002", 0, 10, NULL,
     "The discriminator's learning rate, before Adam is corrected for steps of regularization."},
    {"beta1", GAN_OPTION_FLOAT, "0", 0, 0.9999, NULL, "Adam's decay of the first moment."},
    {"beta2", GAN_OPTION_FLOAT, "0.99", 0, 0.999999, NULL, "Adam's decay of the second moment."},
    {0},
};

static const gan_default defaults[] = {{"train.batch", "32"},
                                       {"train.kimg", "25000"},
                                       {"train.ema_kimg", "10"},
                                       {"train.ema_rampup", "0.05"},
                                       {"train.snapshot_kimg", "100"},
                                       {"train.checkpoint_kimg", "500"},
                                       {0}};

static const gan_chart charts[] = {
    {"Losses", "loss", {"d_loss", "g_loss"}},
    {"Mean score of the discriminator", "score", {"D(x)", "D(G(z))"}},
    {"Path length", "length", {"path_length"}},
    {"Penalties", "before their weights", {"r1", "path_penalty"}},
    {"Augmentation", "p, E sign(D(x))", {"augment_p", "augment_sign"}},
    {0},
};

static const gan_plugin plugin = {
    GAN_PLUGIN_IDENTITY("stylegan2", "1.0.0"),
    .title = "StyleGAN2",
    .paper = "Karras et al., 2020, arXiv:1912.04958; with augmentation and classes arXiv:2006.06676",
    .summary = "A generator whose convolutions are scaled by a style, with lazily regularized path lengths, and a "
               "discriminator with a lazy gradient penalty; skip, residual and plain architectures of both.",
    .needs = GAN_NEEDS_IMAGES,
    .options = options,
    .defaults = defaults,
    .charts = charts,
    .build = build,
    .destroy = destroy,
    .d_step = d_step,
    .g_step = g_step,
    .sample = sample,
    .get_extension = get_extension,
};

GAN_PLUGIN_ENTRY(plugin)
