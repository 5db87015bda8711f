/*
 * activation.h - element types and activations as macros, for loops that are compiled for each of them. Included by
 * files of isa/ only.
 */
#ifndef GAN__CPU_ISA_ACTIVATION_H
#define GAN__CPU_ISA_ACTIVATION_H

#include "../isa.h"

typedef float f32;
typedef uint16_t bf16;

#define GAN__LOAD_f32(x)   (x)
#define GAN__LOAD_bf16(x)  gan__of_bf16(x)
#define GAN__STORE_f32(v)  (v)
#define GAN__STORE_bf16(v) gan__to_bf16(v)

/* `slope` is that of the leaky one. */
#define GAN__ACT_LINEAR(v)  (v)
#define GAN__ACT_RELU(v)    gan__reluf(v)
#define GAN__ACT_LEAKY(v)   gan__leakyf(v, slope)
#define GAN__ACT_TANH(v)    gan__tanhf(v)
#define GAN__ACT_SIGMOID(v) gan__sigmoidf(v)
/* dy activation'(y), from the result y */
#define GAN__SLOPE_LINEAR(dy, y)  (dy)
#define GAN__SLOPE_RELU(dy, y)    ((y) > 0.0f ? (dy) : 0.0f)
#define GAN__SLOPE_LEAKY(dy, y)   ((y) > 0.0f ? (dy) : (dy)*slope)
#define GAN__SLOPE_TANH(dy, y)    ((dy) * (1.0f - (y) * (y)))
#define GAN__SLOPE_SIGMOID(dy, y) ((dy) * (y) * (1.0f - (y)))

/* In the order of gan_activation_kind. */
#define GAN__ACTIVATIONS(X, T) X(LINEAR, T) X(RELU, T) X(LEAKY, T) X(TANH, T) X(SIGMOID, T)

#endif
