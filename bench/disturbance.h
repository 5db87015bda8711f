/* disturbance.h - what may befall an image that carries hidden information: rounding, blur, noise, compression. */
#ifndef GAN_BENCH_DISTURBANCE_H
#define GAN_BENCH_DISTURBANCE_H

#include <gan/gan.h>

typedef enum disturbance_kind {
    DISTURB_NOTHING,
    DISTURB_BITS,  /* `amount` bits for each value, 1 to 8: rounded to one of 2^amount levels */
    DISTURB_BLUR,  /* a Gaussian of sigma `amount` pixels, cut off at 3 sigma; images are reflected at their borders */
    DISTURB_NOISE, /* normal, of sigma `amount` grey levels; what leaves [-1, 1] is clamped */
    DISTURB_JPEG   /* written as a JPEG file of quality `amount`, chroma halved, and read again */
} disturbance_kind;

typedef struct disturbance {
    disturbance_kind kind;
    double amount;
} disturbance;

/* f32 images [n, H, W, C] in [-1, 1], C 1 or 3, to such images, in the current scope; errors are in the context. Noise
 * is drawn from the context's random numbers. A blur needs sides of more than 3 sigma. */
gan_tensor *disturb(gan_tensor *images, disturbance with);

/* A JPEG file in memory, which is the caller's (free). */
gan_status disturbance_jpeg_encode(const gan_image *image, int quality, void **bytes, size_t *size,
                                   gan_message *message);

#endif
