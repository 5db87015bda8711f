/*
 * tiny.c - a GAN with one hidden layer in each network, as a start for a plugin of your own.
 *
 * X. Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017, arXiv:1611.04076:
 *
 *     min_D  E_x (D(x) - 1)² + E_z D(G(z))²        min_G  E_z (D(G(z)) - 1)²
 *
 * Only the public headers are used: <gan/plugin.h> has the contract, the others what a plugin can call.
 */
#include <gan/gan.h>

/* Your model. The host sees the first member only. */
typedef struct tiny {
    gan_model base;
    gan_layer *generator, *discriminator;
    gan_optimizer *g_optim, *d_optim;
    int64_t latent;
    gan_shape image; /* one image, without the batch */
} tiny;

/* One update of the discriminator. Tensors that are made here are released when the step ends. An operator that fails
 * is remembered in the context, so it is enough to ask once, at the end. */
static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    tiny *m = (tiny *)base;
    gan_tensor *z = gan_randn(base->ctx, GAN_SHAPE(batch->n, m->latent));
    gan_tensor *fake = GAN_NO_GRAD(base->ctx, gan_forward(m->generator, z));
    gan_tensor *real_score = gan_forward(m->discriminator, gan_flatten(batch->images));
    gan_tensor *loss = gan_loss_d_least_squares(real_score, gan_forward(m->discriminator, fake));
    gan_minimize(m->d_optim, loss);
    gan_metric(out, "d_loss", loss);
    return gan_status_of(base->ctx);
}

/* One update of the generator: derivatives are computed for the parameters of g_optim alone. */
static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    tiny *m = (tiny *)base;
    gan_tensor *z = gan_randn(base->ctx, GAN_SHAPE(batch->n, m->latent));
    gan_tensor *fake = gan_forward(m->generator, z);
    gan_tensor *loss = gan_loss_g_least_squares(gan_forward(m->discriminator, fake));
    gan_minimize(m->g_optim, loss);
    gan_metric(out, "g_loss", loss);
    return gan_status_of(base->ctx);
}

/* Images from seeds: the same seed gives the same image. */
static gan_status sample(gan_model *base, const gan_sample_request *request, gan_tensor **images)
{
    tiny *m = (tiny *)base;
    gan_tensor *z = gan_randn_of_seeds(base->ctx, request->seeds, request->n, m->latent);
    gan_shape shape = GAN_SHAPE(request->n, m->image.dim[0], m->image.dim[1], m->image.dim[2]);
    gan_tensor *fake = gan_reshape(gan_forward(m->generator, z), shape);
    if (gan_status_of(base->ctx) == GAN_OK)
        *images = fake; /* outputs are untouched on error */
    return gan_status_of(base->ctx);
}

static gan_layer *network(gan_context *ctx, int64_t in, int64_t hidden, int64_t out)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_linear(net, in, hidden, NULL);
    gan_nn_leaky_relu(net, 0.2f);
    gan_nn_linear(net, hidden, out, NULL);
    return net;
}

static gan_status build(const gan_build *b, gan_model **out)
{
    tiny *m = gan_model_new(b->ctx, sizeof *m);
    if (!m)
        return gan_status_of(b->ctx);
    int64_t hidden = gan_options_int(b->options, "hidden");
    m->latent = gan_options_int(b->options, "latent");
    m->image = GAN_SHAPE(b->data->height, b->data->width, b->data->channels);
    int64_t pixels = gan_shape_count(m->image);

    m->generator = network(b->ctx, m->latent, hidden, pixels);
    if (b->data->scaled) /* images are in [-1, 1]; vectors have no bounds */
        gan_nn_tanh(m->generator);
    m->discriminator = network(b->ctx, pixels, hidden, 1);
    gan_model_network(&m->base, "generator", m->generator, GAN_ROLE_GENERATOR);
    gan_model_network(&m->base, "discriminator", m->discriminator, GAN_ROLE_DISCRIMINATOR);

    gan_adam_args adam = {.lr = gan_options_float(b->options, "lr"), .beta1 = 0.5, .beta2 = 0.999};
    m->g_optim = gan_adam(b->ctx, adam);
    m->d_optim = gan_adam(b->ctx, adam);
    gan_optimizer_add(m->g_optim, m->generator);
    gan_optimizer_add(m->d_optim, m->discriminator);
    gan_model_optimizer(&m->base, "g_optim", m->g_optim);
    gan_model_optimizer(&m->base, "d_optim", m->d_optim);
    return gan_model_built(&m->base, gan_model_free, out);
}

/* The `model:` part of the config file. */
static const gan_option options[] = {
    {"latent", GAN_OPTION_INT, "32", 1, 4096, NULL, "Width of the latent vector."},
    {"hidden", GAN_OPTION_INT, "128", 1, 65536, NULL, "Width of the hidden layers."},
    {"lr", GAN_OPTION_FLOAT, "0.0005", 0, 1, NULL, "Adam's learning rate for both networks."},
    {0},
};

static const gan_chart charts[] = {{"Losses", "loss", {"d_loss", "g_loss"}}, {0}};

static const gan_plugin plugin = {
    GAN_PLUGIN_IDENTITY("tiny", "1.0.0"),
    .title = "Least-squares GAN with one hidden layer",
    .paper = "Mao et al., 2017, arXiv:1611.04076",
    .summary = "The smallest useful plugin.",
    .options = options,
    .charts = charts,
    .build = build,
    .destroy = gan_model_free,
    .d_step = d_step,
    .g_step = g_step,
    .sample = sample,
};

GAN_PLUGIN_ENTRY(plugin)
