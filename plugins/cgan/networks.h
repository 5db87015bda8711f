/* networks.h - the networks of cgan, all applied with gan_forward_given to [N, H, W, C] images or [N, latent] latents
 * and the conditions. */
#ifndef CGAN_NETWORKS_H
#define CGAN_NETWORKS_H

#include <gan/gan.h>

/* z and the condition's vector - g_widths - image; or the generator of DCGAN with conditional batch norm. */
gan_layer *cgan_generator(const gan_build *b);

/* Image and the condition's vector - d_widths - score; or the discriminator of DCGAN with a projection. */
gan_layer *cgan_discriminator(const gan_build *b);

/* The two stages: image - d_widths, the last of which is the embedding; embedding - score of its realness; embedding
 * and the condition's vector - as wide as the embedding - score of their match. */
gan_layer *cgan_embedding(const gan_build *b);
gan_layer *cgan_realness(const gan_build *b);
gan_layer *cgan_match(const gan_build *b);

#endif
