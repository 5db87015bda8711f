/* conv.h - what the files of the convolutions share. Internal. */
#ifndef GAN__CPU_CONV_H
#define GAN__CPU_CONV_H

#include "cpu.h"

typedef enum gan__direction { GAN__FORWARD, GAN__DATA, GAN__WEIGHT } gan__direction;

/* `a` as `dtype`: its own data, or a copy in a workspace, *converted, that the caller frees. */
gan_status gan__cpu_with_dtype(gan__cpu *cpu, const gan__array *a, gan_dtype dtype, const void **data,
                               void **converted);

/* conv_few.c: whether it is made for these channels, and the convolution. */
bool gan__conv_few_fits(gan__direction d, const gan__conv_args *a);
gan_status gan__conv_few(gan__cpu *cpu, gan__direction d, const gan__conv_args *a);

/* conv_columns.c: whether it is made for this weight gradient, and the gradient. */
bool gan__conv_columns_fits(const gan__conv_args *a);
gan_status gan__conv_columns(gan__cpu *cpu, const gan__conv_args *a);

#endif
