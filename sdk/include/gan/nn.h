/*
 * nn.h - layers with named parameters.
 *
 * A layer is a function with parameters, state (running statistics), and children; its parameters are found under
 * dotted names such as "3.weight", the names that the same nn.Sequential would have in PyTorch. A layer made with a
 * parent belongs to it; one made without belongs to the caller, who destroys it (a model destroys its networks).
 *
 *     gan_layer *g = gan_sequential(ctx, NULL);
 *     gan_nn_linear(g, 64, 256, NULL);
 *     gan_nn_relu(g);
 *     gan_nn_linear(g, 256, 784, NULL);
 *     gan_nn_tanh(g);
 *     gan_tensor *images = gan_forward(g, z);
 *
 * Creating a layer never returns NULL: out of memory or wrong arguments are recorded in the context, and the layer
 * then gives poison. Weights are drawn from the context's random numbers at once, in order of creation.
 */
#ifndef GAN_NN_H
#define GAN_NN_H

#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gan_layer gan_layer;

/* ---- initialisers ---- */
typedef enum gan_init_kind {
    /* PyTorch's: uniform in ±1/sqrt(fan_in) for weight and bias of linear and convolution, N(0, 1) for embeddings, ones
     * for norms. fan_in is the weight's size without its first dimension. */
    GAN_INIT_DEFAULT = 0,
    GAN_INIT_CONSTANT = 1,       /* a */
    GAN_INIT_UNIFORM = 2,        /* uniform in [a, b) */
    GAN_INIT_NORMAL = 3,         /* mean a, standard deviation b */
    GAN_INIT_XAVIER_UNIFORM = 4, /* a: gain; ± gain sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010) */
    GAN_INIT_XAVIER_NORMAL = 5,
    GAN_INIT_KAIMING_UNIFORM = 6, /* a: gain; ± gain sqrt(3 / fan_in) (He et al. 2015) */
    GAN_INIT_KAIMING_NORMAL = 7,
    GAN_INIT_EQUALIZED = 8 /* N(0, 1), multiplied at run time by a / sqrt(fan_in) (Karras et al. 2018) */
} gan_init_kind;

typedef struct gan_init {
    gan_init_kind kind;
    float a, b;
} gan_init;

/* How weighted layers are made; NULL for all defaults. */
typedef struct gan_nn_args {
    gan_init weight; /* default: GAN_INIT_DEFAULT */
    gan_init bias;
    bool no_bias;
    float lr_multiplier; /* with GAN_INIT_EQUALIZED: weight and bias are stored divided by this and multiplied by it at
                            run time; 0 is taken as 1 */
} gan_nn_args;

/* ---- making layers. `parent` is a container; the new layer is its next child, named by its index ---- */

/* A container that applies its children in turn. `parent` may be NULL: the caller owns it. */
GAN_API gan_layer *gan_sequential(gan_context *ctx, gan_layer *parent);
/* A container x + f(x), f being its children in turn; (x + f(x)) * scale if scale is not 1. */
GAN_API gan_layer *gan_residual(gan_layer *parent, float scale);

/* A container that adds up what its children give for the same input: a residual block with a shortcut of its own. */
GAN_API gan_layer *gan_nn_sum(gan_layer *parent);

GAN_API gan_layer *gan_nn_linear(gan_layer *parent, int64_t in, int64_t out, const gan_nn_args *args);
GAN_API gan_layer *gan_nn_conv2d(gan_layer *parent, int64_t in, int64_t out, int kernel, gan_conv p,
                                 const gan_nn_args *args);
GAN_API gan_layer *gan_nn_conv2d_transpose(gan_layer *parent, int64_t in, int64_t out, int kernel, gan_conv p,
                                           const gan_nn_args *args);
GAN_API gan_layer *gan_nn_embedding(gan_layer *parent, int64_t entries, int64_t width, const gan_init *weight);
/* gamma's initialiser may be NULL (ones). eps 1e-5 and momentum 0.1, as in PyTorch. */
GAN_API gan_layer *gan_nn_batch_norm(gan_layer *parent, int64_t channels, const gan_init *gamma);
/* Batch norm with a scale and a shift for each class, "weight" (ones) and "bias" (zeros) of [classes, channels] (de
 * Vries et al. 2017). Needs labels: gan_forward_given. */
GAN_API gan_layer *gan_nn_conditional_batch_norm(gan_layer *parent, int64_t channels, int64_t classes);
/* The inner product of x [N, features] with its label's row of "weight" [classes, features], drawn from N(0, 1) or as
 * `weight` says: [N, 1]; the term that a projection discriminator adds to its score (Miyato & Koyama 2018). Needs
 * labels. */
GAN_API gan_layer *gan_nn_projection(gan_layer *parent, int64_t features, int64_t classes, const gan_init *weight);
/* x [N, ...] flattened, and behind it its label's row of "weight" [classes, width], drawn from N(0, 1): [N, rest +
 * width]; how the networks of Mirza & Osindero 2014 are told the class. Needs labels. */
GAN_API gan_layer *gan_nn_join_label(gan_layer *parent, int64_t classes, int64_t width);
GAN_API gan_layer *gan_nn_instance_norm(gan_layer *parent, int64_t channels, bool affine);
GAN_API gan_layer *gan_nn_layer_norm(gan_layer *parent, gan_shape shape); /* x's shape without its first dimension */
GAN_API gan_layer *gan_nn_pixel_norm(gan_layer *parent);
GAN_API gan_layer *gan_nn_activation(gan_layer *parent, gan_activation activation);
GAN_API gan_layer *gan_nn_relu(gan_layer *parent);
GAN_API gan_layer *gan_nn_leaky_relu(gan_layer *parent, float slope);
GAN_API gan_layer *gan_nn_tanh(gan_layer *parent);
GAN_API gan_layer *gan_nn_sigmoid(gan_layer *parent);
GAN_API gan_layer *gan_nn_dropout(gan_layer *parent, float p); /* only in training */
GAN_API gan_layer *gan_nn_flatten(gan_layer *parent);
GAN_API gan_layer *gan_nn_reshape(gan_layer *parent, gan_shape without_batch);
GAN_API gan_layer *gan_nn_reflect_pad2d(gan_layer *parent, int pad);
GAN_API gan_layer *gan_nn_avg_pool2d(gan_layer *parent, int size);
GAN_API gan_layer *gan_nn_resize_nearest(gan_layer *parent, int factor);
GAN_API gan_layer *gan_nn_blur(gan_layer *parent); /* the filter [1, 2, 1] on both axes, of sum 1 */
GAN_API gan_layer *gan_nn_minibatch_stddev(gan_layer *parent, int group); /* one channel more: gan_minibatch_stddev */
/* A 3x3 convolution of the image enlarged by repeating every pixel, with the weight turned by 180 degrees and its
 * channels exchanged, "weight" [in, 3, 3, out], as a transposed convolution has it; and one of which each square of 2x2
 * results is averaged, "weight" [out, 3, 3, in]. Both are computed as one convolution of stride 2. */
GAN_API gan_layer *gan_nn_conv2d_up(gan_layer *parent, int64_t in, int64_t out, const gan_nn_args *args);
GAN_API gan_layer *gan_nn_conv2d_down(gan_layer *parent, int64_t in, int64_t out, const gan_nn_args *args);
GAN_API gan_layer *gan_nn_sum_pool(gan_layer *parent);  /* over the whole image: [N, H, W, C] to [N, C] */
GAN_API gan_layer *gan_nn_mean_pool(gan_layer *parent); /* the same, averaged */

/* Spectral normalization (Miyato et al. 2018): divide a layer's weight, seen as the matrix [out, rest], by its largest
 * singular value sigma = uᵀ W v, where u and v are state ("weight_u" [out], "weight_v" of one row of the weight) that
 * gan_spectral_norm_step follows up; derivatives go through sigma, with u and v constant. For linear, convolution,
 * embedding and projection layers, right after they were made. Returns the layer. */
GAN_API gan_layer *gan_nn_spectral_norm(gan_layer *layer);

/* A layer of the caller's own: `forward` is called with `self` (see gan_layer_parameter for its weights), in a scope of
 * its own: what it wants to find again later, it must keep. It may have children, which `forward` applies.
 * `user` is passed on and freed with `destroy` (may be NULL). */
typedef gan_tensor *(*gan_forward_fn)(gan_layer *self, gan_tensor *x, void *user);
GAN_API gan_layer *gan_nn_custom(gan_layer *parent, const char *kind, gan_forward_fn forward, void *user,
                                 void (*destroy)(void *user));
/* The same for a whole network: `parent` may be NULL, the caller then owns it. */
GAN_API gan_layer *gan_custom(gan_context *ctx, gan_layer *parent, const char *kind, gan_forward_fn forward, void *user,
                              void (*destroy)(void *user));

/* Give a layer a further parameter, or state that is saved but not trained. Owned by the layer; the returned tensor
 * may be used as long as it lives. */
GAN_API gan_tensor *gan_layer_parameter(gan_layer *layer, const char *name, gan_shape shape, gan_init init);
GAN_API gan_tensor *gan_layer_state(gan_layer *layer, const char *name, gan_shape shape, float value);

/* ---- using layers ---- */
/* Intermediate results are released as soon as nothing needs them. */
GAN_API gan_tensor *gan_forward(gan_layer *layer, gan_tensor *x);
/* The same, for networks with conditional layers: `labels` I32 [N], in [0, classes). Without labels such a layer gives
 * poison. */
GAN_API gan_tensor *gan_forward_given(gan_layer *layer, gan_tensor *x, gan_tensor *labels);
/* results[i] = gan_forward_given(layer, x, labels[i]) for each of n. Those children of a sequential network in front of
 * the first that depends on labels run once for all: they draw dropout's masks once and count x once in their running
 * statistics. A child depends on labels if it is, or has in it, a conditional or a custom layer. */
GAN_API void gan_forward_given_each(gan_layer *layer, gan_tensor *x, gan_tensor *const *labels, int n,
                                    gan_tensor **results);
/* The labels that the network was given; for gan_nn_custom layers, NULL if there are none. */
GAN_API gan_tensor *gan_layer_labels(const gan_layer *layer);

/* One power iteration, v = Wᵀu / |Wᵀu|, u = Wv / |Wv|, for every spectrally normalized weight of the layer and its
 * children; called once per training step, before the step uses the network. */
GAN_API gan_status gan_spectral_norm_step(gan_layer *layer);
/* Every parameter of the layer and its children into [-limit, limit] (Arjovsky et al. 2017). */
GAN_API gan_status gan_clip_parameters(gan_layer *layer, float limit);

/* Training (the default) or evaluation, for batch norm and dropout; children too. */
GAN_API void gan_layer_train(gan_layer *layer, bool training);
GAN_API bool gan_layer_is_training(const gan_layer *layer);
/* Another name than its index, within its parent; the name is copied. */
GAN_API void gan_layer_rename(gan_layer *layer, const char *name);

GAN_API gan_context *gan_layer_context(const gan_layer *layer);
GAN_API void gan_layer_destroy(gan_layer *layer); /* with all children; only for layers without a parent */

/* ---- looking at layers ---- */
typedef enum gan_slot_kind { GAN_SLOT_PARAMETER = 0, GAN_SLOT_STATE = 1 } gan_slot_kind;
/* How a tensor is laid out in checkpoints. */
typedef enum gan_layout {
    GAN_LAYOUT_PLAIN = 0,
    GAN_LAYOUT_CONV_WEIGHT = 1 /* [A, KH, KW, B] in memory, [A, B, KH, KW] in files, as PyTorch has it */
} gan_layout;

/* Called once for each parameter and state tensor of the layer and its children, depth first, in order of creation.
 * `name` is dotted and relative to `layer`. */
typedef void (*gan_slot_visitor)(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout,
                                 void *user);
GAN_API void gan_layer_visit(gan_layer *layer, gan_slot_visitor visit, void *user);
GAN_API int64_t gan_layer_parameter_count(gan_layer *layer);

/* The tensor of that dotted name, NULL if there is none. */
GAN_API gan_tensor *gan_layer_find(gan_layer *layer, const char *name);

/* One line per leaf layer with its name, kind, output shape and parameters, for an input of that shape. */
typedef void (*gan_layer_line)(const char *name, const char *kind, gan_shape output, int64_t parameters, void *user);
GAN_API gan_status gan_layer_describe(gan_layer *layer, gan_shape input, gan_layer_line line, void *user);

#ifdef __cplusplus
}
#endif
#endif
