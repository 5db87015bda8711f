/*
 * style.h - what style-based generators are made of (Karras et al. 2019, 2020): the mapping network, layers that take a
 * style beside their input, noise, and what is done with styles.
 *
 * Styles w are [N, L, width], one for each of the L layers of a synthesis network, coarse to fine, or [N, width] where
 * one layer's are meant. Layers are made like those of nn.h: they never are NULL, weights are drawn from N(0, 1) and
 * scaled at run time (GAN_INIT_EQUALIZED).
 */
#ifndef GAN_STYLE_H
#define GAN_STYLE_H

#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- mapping ---- */

typedef struct gan_mapping_args {
    int64_t latent;  /* width of z */
    int64_t classes; /* 0: none. Else an embedding of the label [classes, width], drawn from N(0, 1) and normalized like
                        z, stands behind it */
    int64_t width;   /* of w and of the hidden layers */
    int layers;      /* dense layers, each with LeakyReLU 0.2 and a gain of sqrt(2) */
    float lr_multiplier; /* of every layer: 0.01 in both papers */
} gan_mapping_args;

/* z [N, latent], pixel-normed first, to w [N, width]: gan_forward, or gan_forward_given with classes. Parameters
 * "dense.0.weight", "dense.0.bias", "dense.2.weight", ..., and "embed.weight" [classes, width]. Its state "w_avg"
 * [width] is the moving average of w. The caller owns it, or its parent (may be NULL) does. */
GAN_API gan_layer *gan_nn_mapping(gan_context *ctx, gan_layer *parent, const gan_mapping_args *args);
/* w_avg = decay w_avg + (1 - decay) (mean of w over the samples); never recorded. */
GAN_API void gan_mapping_track(gan_layer *mapping, gan_tensor *w, float decay);
GAN_API gan_tensor *gan_mapping_average(gan_layer *mapping); /* w_avg, the layer's own tensor */

/* ---- styles ---- */

/* One w for all layers: [N, width] to [N, layers, width]. */
GAN_API gan_tensor *gan_style_repeat(gan_tensor *w, int64_t layers);
/* The style of one layer: [N, L, width] to [N, width]. */
GAN_API gan_tensor *gan_style_at(gan_tensor *w, int64_t layer);
/* Layers from `first` to `last` (inclusive) of b, the others of a; a and b [N, L, width]. */
GAN_API gan_tensor *gan_style_join(gan_tensor *a, gan_tensor *b, int64_t first, int64_t last);
/* Style mixing as a regularization: with `probability`, a sample's layers from a random one on (1 to L - 1, each
 * equally likely) are b's; else all are a's. */
GAN_API gan_tensor *gan_style_mix(gan_tensor *a, gan_tensor *b, float probability);
/* Truncation: average + psi (w - average) in the layers before `cutoff` (all if it is negative); w [N, L, width],
 * average [width]. */
GAN_API gan_tensor *gan_style_truncate(gan_tensor *w, gan_tensor *average, float psi, int64_t cutoff);

/* ---- layers that take a style ---- */

typedef enum gan_style_noise {
    GAN_NOISE_RANDOM = 0, /* new at each call, for each sample */
    GAN_NOISE_CONST = 1,  /* the layer's own, drawn when it was made, the same for all samples */
    GAN_NOISE_NONE = 2
} gan_style_noise;

typedef struct gan_styled_conv_args {
    int64_t in, out;      /* channels */
    int64_t width;        /* of w */
    int kernel;           /* 1 or 3 */
    int64_t resolution;   /* side of the result, for the constant noise */
    bool up;              /* twice the side: a transposed convolution of stride 2, then the filter [1, 3, 3, 1] */
    bool no_demodulation; /* toRGB */
    bool no_noise;
    gan_activation activation; /* a leaky ReLU has a gain of sqrt(2) */
} gan_styled_conv_args;

/* StyleGAN2's layer: the style A(w) = affine(w) scales the weights of a convolution, which are demodulated; then noise
 * times a learned strength (one number, from 0), bias and activation. Parameters "weight" [out, kernel, kernel, in]
 * (with `up` [in, kernel, kernel, out], as gan_conv2d_transpose takes it), "affine.weight" [in, width], "affine.bias"
 * [in] (ones), "noise_strength" [], "bias" [out]; state "noise" [1, resolution, resolution, 1]. */
GAN_API gan_layer *gan_nn_styled_conv(gan_layer *parent, const gan_styled_conv_args *args);
GAN_API gan_tensor *gan_styled_conv(gan_layer *layer, gan_tensor *x, gan_tensor *w, gan_style_noise noise);

/* StyleGAN's end of a layer: noise times a learned strength for each channel (from 0), bias, LeakyReLU 0.2 with a gain
 * of sqrt(2), instance norm (eps 1e-8), times A(w)'s first half + 1, plus its second half. Parameters "noise_strength"
 * [channels], "bias" [channels], "affine.weight" [2 channels, width], "affine.bias" [2 channels] (zeros); state
 * "noise".
 */
GAN_API gan_layer *gan_nn_style_epilogue(gan_layer *parent, int64_t channels, int64_t width, int64_t resolution);
GAN_API gan_tensor *gan_style_epilogue(gan_layer *layer, gan_tensor *x, gan_tensor *w, gan_style_noise noise);

#ifdef __cplusplus
}
#endif
#endif
