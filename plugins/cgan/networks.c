#include "networks.h"

static const gan_activation leaky = {GAN_LEAKY_RELU, 0.2f};

static int64_t pixels(const gan_data_info *data)
{
    return data->height * data->width * data->channels;
}

static bool convolutional(const gan_build *b)
{
    return gan_options_is(b->options, "networks", "conv");
}

static gan_image_network conv_network(const gan_build *b)
{
    return (gan_image_network){.resolution = b->data->height,
                               .channels = b->data->channels,
                               .latent = gan_options_int(b->options, "latent"),
                               .classes = b->data->classes,
                               .norm = GAN_NORM_BATCH};
}

gan_layer *cgan_generator(const gan_build *b)
{
    const gan_data_info *data = b->data;
    const int64_t *widths;
    if (convolutional(b)) {
        gan_image_network n = conv_network(b);
        n.width = gan_options_int(b->options, "g_width");
        return gan_dcgan_generator(b->ctx, &n);
    }
    int depth = gan_options_int_list(b->options, "g_widths", &widths);
    int64_t latent = gan_options_int(b->options, "latent"), embedding = gan_options_int(b->options, "embedding");
    gan_layer *net = gan_sequential(b->ctx, NULL);
    gan_nn_join_label(net, data->classes, embedding);
    gan_nn_mlp(net, latent + embedding, widths, depth, pixels(data), leaky, 0.0f);
    if (data->scaled) /* images are in [-1, 1]; vectors have no bounds */
        gan_nn_tanh(net);
    gan_nn_reshape(net, GAN_SHAPE(data->height, data->width, data->channels));
    return net;
}

gan_layer *cgan_discriminator(const gan_build *b)
{
    const int64_t *widths;
    if (convolutional(b)) {
        gan_image_network n = conv_network(b);
        n.width = gan_options_int(b->options, "d_width");
        return gan_dcgan_discriminator(b->ctx, &n);
    }
    int depth = gan_options_int_list(b->options, "d_widths", &widths);
    int64_t embedding = gan_options_int(b->options, "embedding");
    gan_layer *net = gan_sequential(b->ctx, NULL);
    gan_nn_join_label(net, b->data->classes, embedding);
    gan_nn_mlp(net, pixels(b->data) + embedding, widths, depth, 1, leaky,
               (float)gan_options_float(b->options, "dropout"));
    return net;
}

gan_layer *cgan_embedding(const gan_build *b)
{
    const int64_t *widths;
    int depth = gan_options_int_list(b->options, "d_widths", &widths);
    float dropout = (float)gan_options_float(b->options, "dropout");
    gan_layer *net = gan_sequential(b->ctx, NULL);
    gan_nn_flatten(net);
    gan_nn_mlp(net, pixels(b->data), widths, depth - 1, widths[depth - 1], leaky, dropout);
    gan_nn_activation(net, leaky);
    gan_nn_dropout(net, dropout);
    return net;
}

static int64_t embedding_width(const gan_build *b)
{
    const int64_t *widths;
    int depth = gan_options_int_list(b->options, "d_widths", &widths);
    return widths[depth - 1];
}

gan_layer *cgan_realness(const gan_build *b)
{
    return gan_mlp(b->ctx, embedding_width(b), NULL, 0, 1, leaky, 0.0f);
}

gan_layer *cgan_match(const gan_build *b)
{
    int64_t width = embedding_width(b), embedding = gan_options_int(b->options, "embedding");
    gan_layer *net = gan_sequential(b->ctx, NULL);
    gan_nn_join_label(net, b->data->classes, embedding);
    gan_nn_mlp(net, width + embedding, &width, 1, 1, leaky, (float)gan_options_float(b->options, "dropout"));
    return net;
}
