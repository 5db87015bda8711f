/*
 * cyclegan.c - translation between two kinds of images, learnt from unpaired examples.
 *
 * J.-Y. Zhu, T. Park, P. Isola, A. A. Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
 * Networks", ICCV 2017, arXiv:1703.10593.
 *
 * With a and b images of the domains A and B, G_ab and G_ba the translations and D_a and D_b a discriminator for each
 * domain, for the generators, both at once,
 *
 *     min  E_a (D_b(G_ab(a)) - 1)²  +  lambda_cycle E_a |G_ba(G_ab(a)) - a|  +  lambda_identity E_a |G_ba(a) - a|
 *        + E_b (D_a(G_ba(b)) - 1)²  +  lambda_cycle E_b |G_ab(G_ba(b)) - b|  +  lambda_identity E_b |G_ab(b) - b|
 *
 * and for the discriminators, where a' and b' are generated images, of which a pool shows older ones too,
 *
 *     min  d_weight (E_a (D_a(a) - 1)² + E D_a(a')²)        min  d_weight (E_b (D_b(b) - 1)² + E D_b(b')²)
 *
 * A step of the discriminators comes first, then one of the generators on the same images. Both use the same fakes,
 * those of the generators before their update, as in the authors' code, which updates the generators first: there their
 * gradient comes through the discriminators of the step before, here through those just updated.
 *
 * A discriminator gets real and generated images in one batch, since no sample's result depends on the others. The
 * terms of the generators' loss are differentiated by and by, so that not all of their passes are held at once.
 */
#include <string.h>

#include "networks.h"

/* What belongs to one domain. */
typedef struct domain {
    gan_layer *generator; /* into it */
    gan_layer *discriminator;
    gan_optimizer *d_optim;
    gan_pool *pool;
    gan_tensor *fake; /* of the last d_step, with its recording, until g_step has used it; otherwise NULL */
} domain;

typedef struct cyclegan {
    gan_model base;
    domain a, b;
    gan_optimizer *g_optim;
    float lambda_cycle, lambda_identity, d_weight;
    bool mean; /* of a map of scores, one value per image */
} cyclegan;

/* ---- steps ---- */

static void drop_fake(domain *d)
{
    gan_release(d->fake);
    d->fake = NULL;
}

static void make_fakes(cyclegan *m, const gan_batch *batch)
{
    drop_fake(&m->a);
    drop_fake(&m->b);
    m->b.fake = gan_keep(gan_forward(m->b.generator, batch->images));
    m->a.fake = gan_keep(gan_forward(m->a.generator, batch->images_b));
}

static gan_tensor *scores(const cyclegan *m, const domain *d, gan_tensor *images)
{
    gan_tensor *map = gan_forward(d->discriminator, images);
    return m->mean ? gan_mean_over(map, GAN_AXIS(1) | GAN_AXIS(2) | GAN_AXIS(3), false) : map;
}

/* The pools' decisions, which come before the step that carries them out. */
static uint64_t prepare(gan_model *base, gan_step_kind kind, const gan_batch *batch)
{
    cyclegan *m = (cyclegan *)base;
    if (kind == GAN_STEP_DISCRIMINATOR) {
        gan_pool_draw(m->a.pool, batch->n);
        gan_pool_draw(m->b.pool, batch->n);
    }
    return 0;
}

/* The gradient of one discriminator, and its loss as a metric. */
static void judge(cyclegan *m, domain *d, gan_tensor *real, const char *name, gan_metrics *out)
{
    const int64_t n = gan_dim(real, 0);
    gan_scope_begin(m->base.ctx);
    gan_tensor *shown = gan_pool_exchange(d->pool, gan_detach(d->fake));
    gan_tensor *score = scores(m, d, gan_concat((gan_tensor *[]){real, shown}, 2, 0));
    gan_tensor *loss = gan_loss_d_least_squares(gan_slice(score, 0, 0, n), gan_slice(score, 0, n, n));
    loss = gan_scale(loss, m->d_weight);
    gan_accumulate(d->d_optim, loss);
    gan_metric(out, name, gan_detach(loss));
    gan_scope_end(m->base.ctx, NULL);
}

static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    cyclegan *m = (cyclegan *)base;
    make_fakes(m, batch);
    judge(m, &m->a, batch->images, "d_a", out);
    judge(m, &m->b, batch->images_b, "d_b", out);
    gan_optimizer_step(m->a.d_optim);
    gan_optimizer_step(m->b.d_optim);
    return gan_status_of(base->ctx);
}

/* The names of the terms that begin with images of one domain. */
typedef struct terms {
    const char *adversarial, *cycle, *identity;
} terms;

/* The gradient of the adversarial and the cycle term that begin with images of `from`, and their weighted sum. */
static gan_tensor *translate_back(cyclegan *m, domain *from, domain *to, gan_tensor *real, const terms *names,
                                  gan_metrics *out)
{
    gan_scope_begin(m->base.ctx);
    gan_tensor *adversarial = gan_loss_g_least_squares(scores(m, to, to->fake));
    gan_tensor *cycle = gan_l1(gan_forward(from->generator, to->fake), real);
    gan_tensor *loss = gan_add(adversarial, gan_scale(cycle, m->lambda_cycle));
    gan_accumulate(m->g_optim, loss);
    gan_metric(out, names->adversarial, gan_detach(adversarial));
    gan_metric(out, names->cycle, gan_detach(cycle));
    drop_fake(to);
    return gan_scope_end(m->base.ctx, gan_detach(loss));
}

/* The gradient of the identity term of images of `from`, and its weighted value. */
static gan_tensor *translate_to_same(cyclegan *m, domain *from, gan_tensor *real, const terms *names, gan_metrics *out)
{
    gan_scope_begin(m->base.ctx);
    gan_tensor *same = gan_l1(gan_forward(from->generator, real), real);
    gan_tensor *loss = gan_scale(same, m->lambda_identity);
    gan_accumulate(m->g_optim, loss);
    gan_metric(out, names->identity, gan_detach(same));
    return gan_scope_end(m->base.ctx, gan_detach(loss));
}

static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    static const terms from_a = {"adversarial_b", "cycle_a", "identity_a"};
    static const terms from_b = {"adversarial_a", "cycle_b", "identity_b"};
    cyclegan *m = (cyclegan *)base;
    if (!m->a.fake || !m->b.fake)
        make_fakes(m, batch);
    gan_tensor *loss = translate_back(m, &m->a, &m->b, batch->images, &from_a, out);
    loss = gan_add(loss, translate_back(m, &m->b, &m->a, batch->images_b, &from_b, out));
    if (m->lambda_identity > 0.0f) {
        loss = gan_add(loss, translate_to_same(m, &m->a, batch->images, &from_a, out));
        loss = gan_add(loss, translate_to_same(m, &m->b, batch->images_b, &from_b, out));
    }
    gan_metric(out, "g_loss", loss);
    gan_optimizer_step(m->g_optim);
    return gan_status_of(base->ctx);
}

/* ---- translation ---- */

static gan_status translate(gan_model *base, gan_direction direction, gan_tensor *images, gan_tensor **out)
{
    const cyclegan *m = (const cyclegan *)base;
    gan_tensor *made = gan_forward(direction == GAN_A_TO_B ? m->b.generator : m->a.generator, images);
    if (gan_status_of(base->ctx) == GAN_OK)
        *out = made;
    return gan_status_of(base->ctx);
}

static const void *get_extension(gan_model *base, const char *name)
{
    static const gan_capture_extension capture = {.struct_size = sizeof capture, .prepare = prepare};
    static const gan_translate_extension translation = {.struct_size = sizeof translation,
                                                        .multiple = CYCLEGAN_MULTIPLE,
                                                        .least = CYCLEGAN_LEAST,
                                                        .translate = translate};
    (void)base;
    return strcmp(name, GAN_CAPTURE_EXTENSION) == 0     ? (const void *)&capture
           : strcmp(name, GAN_TRANSLATE_EXTENSION) == 0 ? (const void *)&translation
                                                        : NULL;
}

/* ---- building ---- */

static void destroy(gan_model *base)
{
    cyclegan *m = (cyclegan *)base;
    drop_fake(&m->a);
    drop_fake(&m->b);
    gan_pool_destroy(m->a.pool);
    gan_pool_destroy(m->b.pool);
    gan_model_free(base);
}

static cyclegan_network sizes(const gan_build *b, const char *width)
{
    const gan_options *o = b->options;
    const int64_t side = b->data->height > b->data->width ? b->data->height : b->data->width;
    const int64_t blocks = gan_options_int(o, "blocks");
    return (cyclegan_network){.channels = b->data->channels,
                              .width = gan_options_int(o, width),
                              .blocks = blocks > 0   ? blocks
                                        : side > 128 ? 9
                                                     : 6,
                              .affine = gan_options_bool(o, "affine"),
                              .normal = gan_options_is(o, "init", "normal")};
}

static gan_pool *make_pool(cyclegan *m, const gan_build *b, const char *name)
{
    const gan_data_info *data = b->data;
    return gan_pool_create(&m->base, name, gan_options_int(b->options, "pool"), b->batch, data->height, data->width,
                           data->channels);
}

static gan_optimizer *make_optimizer(cyclegan *m, const gan_build *b, const char *name)
{
    const gan_options *o = b->options;
    gan_optimizer *made = gan_adam(b->ctx, (gan_adam_args){.lr = gan_options_float(o, "lr"),
                                                           .beta1 = gan_options_float(o, "beta1"),
                                                           .beta2 = gan_options_float(o, "beta2")});
    gan_model_optimizer(&m->base, name, made);
    return made;
}

static gan_layer *registered(cyclegan *m, const char *name, gan_layer *network, gan_role role)
{
    gan_model_network(&m->base, name, network, role);
    return network;
}

static gan_status build(const gan_build *b, gan_model **out)
{
    const gan_options *o = b->options;
    if (cyclegan_check(b->ctx, b->data->height, b->data->width) != GAN_OK)
        return gan_status_of(b->ctx);
    cyclegan *m = gan_model_new(b->ctx, sizeof *m);
    if (!m)
        return gan_status_of(b->ctx);
    m->lambda_cycle = (float)gan_options_float(o, "lambda_cycle");
    m->lambda_identity = (float)gan_options_float(o, "lambda_identity");
    m->d_weight = (float)gan_options_float(o, "d_weight");
    m->mean = gan_options_is(o, "patch", "mean");
    const cyclegan_network g = sizes(b, "g_width"), d = sizes(b, "d_width");
    m->b.generator = registered(m, "generator_ab", cyclegan_generator(b->ctx, &g), GAN_ROLE_GENERATOR);
    m->a.generator = registered(m, "generator_ba", cyclegan_generator(b->ctx, &g), GAN_ROLE_GENERATOR);
    m->a.discriminator = registered(m, "discriminator_a", cyclegan_discriminator(b->ctx, &d), GAN_ROLE_DISCRIMINATOR);
    m->b.discriminator = registered(m, "discriminator_b", cyclegan_discriminator(b->ctx, &d), GAN_ROLE_DISCRIMINATOR);
    m->g_optim = make_optimizer(m, b, "g_optim");
    gan_optimizer_add(m->g_optim, m->b.generator);
    gan_optimizer_add(m->g_optim, m->a.generator);
    gan_optimizer_add(m->a.d_optim = make_optimizer(m, b, "da_optim"), m->a.discriminator);
    gan_optimizer_add(m->b.d_optim = make_optimizer(m, b, "db_optim"), m->b.discriminator);
    m->a.pool = make_pool(m, b, "fakes_a");
    m->b.pool = make_pool(m, b, "fakes_b");
    return gan_model_built(&m->base, destroy, out);
}

static const gan_option options[] = {
    {"blocks", GAN_OPTION_INT, "0", 0, 64, NULL,
     "Residual blocks of each generator; 0: 6 for images of up to 128x128, 9 for larger ones."},
    {"g_width", GAN_OPTION_INT, "64", 1, 1024, NULL,
     "Channels of the generators' first layer; the residual blocks have four times as many."},
    {"d_width", GAN_OPTION_INT, "64", 1, 1024, NULL,
     "Channels of the discriminators' first layer; the last hidden one has eight times as many."},
    {"affine", GAN_OPTION_BOOL, "off", 0, 0, NULL,
     "Give instance norm a scale and a shift for each channel, which are learnt."},
    {"init", GAN_OPTION_CHOICE, "normal", 0, 0, "normal|default",
     "Initial weights: from N(0, 0.02), with biases of 0; or PyTorch's defaults, which depend on each layer's size."},
    {"patch", GAN_OPTION_CHOICE, "map", 0, 0, "map|mean",
     "What a discriminator's loss is taken of: each score of its map, one for each patch of 70x70 pixels, or their "
     "mean "
     "over the image."},
    {"pool", GAN_OPTION_INT, "50", 0, 10000, NULL,
     "Generated images of each domain that are kept, to show the discriminator older ones in place of half of the new "
     "ones; 0: only new ones."},
    {"lambda_cycle", GAN_OPTION_FLOAT, "10", 0, 1e6, NULL,
     "Weight of the cycle terms, the mean absolute errors of images translated there and back."},
    {"lambda_identity", GAN_OPTION_FLOAT, "5", 0, 1e6, NULL,
     "Weight of the identity terms, the mean absolute errors of images translated into the domain that they are of; 0: "
     "these translations are left out."},
    {"d_weight", GAN_OPTION_FLOAT, "0.5", 0, 1e6, NULL,
     "Factor on the discriminators' losses, the sums of a term for real and one for generated images."},
    {"lr", GAN_OPTION_FLOAT, "0.0002", 0, 10, NULL, "Adam's learning rate for all networks."},
    {"beta1", GAN_OPTION_FLOAT, "0.5", 0, 0.9999, NULL, "Adam's decay of the first moment."},
    {"beta2", GAN_OPTION_FLOAT, "0.999", 0, 0.999999, NULL, "Adam's decay of the second moment."},
    {0},
};

/* The authors' 100 epochs at a constant rate and 100 of decay, of a thousand images each. */
static const gan_default defaults[] = {{"train.batch", "1"},
                                       {"train.kimg", "200"},
                                       {"train.lr_schedule", "linear"},
                                       {"train.lr_decay_start", "0.5"},
                                       {"train.ema_kimg", "0"},
                                       {"train.report_kimg", "0.1"},
                                       {"train.snapshot_kimg", "1"},
                                       {"train.checkpoint_kimg", "2"},
                                       {"data.source", "builtin:faces"},
                                       {"data.count", "2000"},
                                       {"data.resolution", "128"},
                                       {"data.enlarge", "1.12"},
                                       {"data.crop", "random"},
                                       {"data.filter", "bicubic"},
                                       {"data.mirror", "true"},
                                       {0}};

/* What the host measures on held-out images, where there are some, has charts too. */
static const gan_chart charts[] = {
    {"Discriminators", "least squares", {"d_a", "d_b"}},
    {"Generators: adversarial terms", "least squares", {"adversarial_a", "adversarial_b"}},
    {"Generators: cycle and identity terms", "mean absolute error", {"cycle_a", "cycle_b", "identity_a", "identity_b"}},
    {"Cycle error on held-out images", "mean absolute error", {"test_cycle_a", "test_cycle_b"}},
    {"Held-out images: distance of translations from true counterparts",
     "mean absolute error",
     {"test_error_ab", "test_error_ba"}},
    {0},
};

static const gan_plugin plugin = {
    GAN_PLUGIN_IDENTITY("cyclegan", "1.0.0"),
    .title = "Cycle-consistent adversarial networks",
    .paper = "Zhu et al., 2017, arXiv:1703.10593",
    .summary = "Translates images between two domains, from unpaired examples of each: two generators that undo each "
               "other, and a discriminator for either domain.",
    .needs = GAN_NEEDS_IMAGES | GAN_NEEDS_TWO_DOMAINS,
    .options = options,
    .defaults = defaults,
    .charts = charts,
    .build = build,
    .destroy = destroy,
    .d_step = d_step,
    .g_step = g_step,
    .get_extension = get_extension,
};

GAN_PLUGIN_ENTRY(plugin)
