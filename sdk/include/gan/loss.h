/*
 * loss.h - adversarial and other losses: scalars, means over all elements of their inputs.
 *
 * `real` and `fake` are the discriminator's logits (the critic's scores) on real and generated images.
 */
#ifndef GAN_LOSS_H
#define GAN_LOSS_H

#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Binary cross-entropy of sigmoid(logits) against the constant `target` in [0, 1]:
 * softplus(x) - target x, without overflow. */
GAN_API gan_tensor *gan_bce_with_logits(gan_tensor *logits, float target);

/* GAN (Goodfellow et al. 2014): the discriminator's loss -log D(x) - log(1 - D(G(z))); the generator's
 * non-saturating loss -log D(G(z)), and its minimax loss log(1 - D(G(z))). */
GAN_API gan_tensor *gan_loss_d_logistic(gan_tensor *real, gan_tensor *fake);
GAN_API gan_tensor *gan_loss_g_nonsaturating(gan_tensor *fake);
GAN_API gan_tensor *gan_loss_g_minimax(gan_tensor *fake);

/* Hinge (Lim & Ye 2017; Miyato et al. 2018): max(0, 1 - real) + max(0, 1 + fake); -fake. */
GAN_API gan_tensor *gan_loss_d_hinge(gan_tensor *real, gan_tensor *fake);
GAN_API gan_tensor *gan_loss_g_hinge(gan_tensor *fake);

/* Wasserstein (Arjovsky et al. 2017): fake - real; -fake. */
GAN_API gan_tensor *gan_loss_d_wasserstein(gan_tensor *real, gan_tensor *fake);
GAN_API gan_tensor *gan_loss_g_wasserstein(gan_tensor *fake);

/* Least squares (Mao et al. 2017), as CycleGAN uses it: (real - 1)² + fake²; (fake - 1)². */
GAN_API gan_tensor *gan_loss_d_least_squares(gan_tensor *real, gan_tensor *fake);
GAN_API gan_tensor *gan_loss_g_least_squares(gan_tensor *fake);

GAN_API gan_tensor *gan_l1(gan_tensor *a, gan_tensor *b);  /* mean |a - b| */
GAN_API gan_tensor *gan_mse(gan_tensor *a, gan_tensor *b); /* mean (a - b)² */

/* ---- gradient penalties (Gulrajani et al. 2017) ---- */

/* A point between each real sample and its fake: alpha real + (1 - alpha) fake, one alpha per sample from U(0, 1); an
 * independent variable. Both [N, ...] of one shape. */
GAN_API gan_tensor *gan_between(gan_tensor *real, gan_tensor *fake);

typedef enum gan_penalty {
    GAN_PENALTY_TWO_SIDED = 0, /* (norm - 1)² */
    GAN_PENALTY_ONE_SIDED = 1  /* max(0, norm - 1) */
} gan_penalty;

/* The mean over the samples of the penalty on norm = |d score / d x|, the Euclidean norm over each sample of x [N,
 * ...], where scores [N, 1] (or [N]) were computed from x, sample by sample. It can be differentiated with respect to
 * the critic's parameters. */
GAN_API gan_tensor *gan_gradient_penalty(gan_tensor *scores, gan_tensor *x, gan_penalty penalty);

/* R1 (Mescheder et al. 2018), without its gamma / 2: the mean over the samples of |d score / d x|², scores and x as
 * above. */
GAN_API gan_tensor *gan_r1_penalty(gan_tensor *scores, gan_tensor *x);

/* Path lengths (Karras et al. 2020, section 3.2): |Jᵀ y| of each sample, where J = d images / d w and y is a random
 * image from N(0, 1) / sqrt(H W); images [N, H, W, C] were computed from w, sample by sample; w [N, L, width]
 * has a style for each layer, over which the squared lengths are averaged, or is [N, width]. Gives [N], which can be
 * differentiated again. */
GAN_API gan_tensor *gan_path_lengths(gan_tensor *images, gan_tensor *w);

/* Mean of -log softmax(logits)[label]: logits [N, K], labels I32 [N]. A label outside [0, K) adds 0. */
GAN_API gan_tensor *gan_cross_entropy(gan_tensor *logits, gan_tensor *labels);

#ifdef __cplusplus
}
#endif
#endif
