/*
 * winograd.h - convolutions with fewer multiplications (Winograd 1980; Lavin & Gray, "Fast Algorithms for
 * Convolutional Neural Networks", 2016). Internal.
 *
 * A tile of m outputs and r taps per dimension is a product of polynomials of degree m - 1 and r - 1, which
 * T = m + r - 1 values determine: T multiplications in place of m r, in two dimensions T² in place of m² r². With the
 * matrices A (T x m), G (T x r) and C (T x T) of isa/winograd.c, and * for the product of matching values,
 *
 *     y  = A^T [ G w * C^T x ]      forward
 *     dx = C   [ G w * A dy ]       data gradient, overlapping windows added
 *     dw = G^T [ A dy * C^T x ]     weight gradient, summed over tiles
 *
 * all three being the same trilinear form. The products, summed over channels or tiles, are T² matrix products, which
 * oneDNN computes. A 4x4 convolution of stride 2 is a 2x2 one of stride 1 over the four phases of its input.
 *
 * In f32 tiles have 4 outputs, and the error is up to ten times that of a direct convolution: 1e-5 of the result's
 * standard deviation. In bf16 tiles have 2: the transforms are then sums of up to four values, whose rounding to bf16
 * adds an error of 0.4 % (root mean square), about that of one bf16 value; with 4 outputs it would be 1.3 %.
 */
#ifndef GAN__CPU_WINOGRAD_H
#define GAN__CPU_WINOGRAD_H

#include "conv.h"

/* Whether the convolution can be done so and is large enough to gain by it. */
bool gan__winograd_fits(gan__direction direction, const gan__conv_args *args);

/* The whole operation, bias and activation included. GAN_ERROR_MEMORY if there is no room for the tiles. */
gan_status gan__winograd(gan__cpu *cpu, gan__direction direction, const gan__conv_args *args);

#endif
