/*
 * elementwise.h - element-wise arithmetic, written once for every backend. Internal.
 *
 * One row per function: name, inputs, formula in a, b, c (inputs, f32) and p[0..3] (constants). A backend expands
 * GAN__MAP_OPS into one loop per row. The formulas have no branches, so that loops over them vectorise.
 */
#ifndef GAN__ELEMENTWISE_H
#define GAN__ELEMENTWISE_H

#include "vecmath.h"

/* clang-format off */
#define GAN__MAP_OPS(X)                                                                                   \
    X(COPY,            1, a)                                                                              \
    X(FILL,            0, p[0])                                                                           \
    X(ADD,             2, a + b)                                                                          \
    X(SUB,             2, a - b)                                                                          \
    X(MUL,             2, a * b)                                                                          \
    X(DIV,             2, a / b)                                                                          \
    X(MAXIMUM,         2, ((a > b) | (a != a)) ? a : b)                                                     \
    X(MINIMUM,         2, ((a < b) | (a != a)) ? a : b)                                                     \
    X(AFFINE,          1, a * p[0] + p[1])                                                                \
    X(LERP,            2, a + p[0] * (b - a))                                                             \
    X(GREATER,         2, a > b ? 1.0f : 0.0f)                                                            \
    X(GREATER_EQUAL,   2, a >= b ? 1.0f : 0.0f)                                                           \
    X(EQUAL,           2, a == b ? 1.0f : 0.0f)                                                           \
    X(SELECT,          3, a != 0.0f ? b : c)                                                              \
    X(EXP,             1, gan__expf(a))                                                                   \
    X(LOG,             1, gan__logf(a))                                                                   \
    X(SQRT,            1, gan__sqrtf(a))                                                                  \
    X(RSQRT,           1, 1.0f / gan__sqrtf(a))                                                           \
    X(SQUARE,          1, a * a)                                                                          \
    X(RECIPROCAL,      1, 1.0f / a)                                                                       \
    X(POW,             1, gan__powf(a, p[0]))                                                             \
    X(ABS,             1, gan__absf(a))                                                                   \
    X(SIGN,            1, a > 0.0f ? 1.0f : (a < 0.0f ? -1.0f : 0.0f))                                    \
    X(CLAMP,           1, a < p[0] ? p[0] : (a > p[1] ? p[1] : a))                                        \
    X(IN_RANGE,        1, ((a >= p[0]) & (a <= p[1])) ? 1.0f : 0.0f)                                        \
    X(TANH,            1, gan__tanhf(a))                                                                  \
    X(SIGMOID,         1, gan__sigmoidf(a))                                                               \
    X(SOFTPLUS,        1, gan__softplusf(a))                                                              \
    X(RELU,            1, gan__reluf(a))                                                                  \
    X(LEAKY_RELU,      1, gan__leakyf(a, p[0]))                                                           \
    /* bias and activation */                                                                             \
    X(ADD_RELU,        2, gan__reluf(a + b))                                                              \
    X(ADD_LEAKY_RELU,  2, gan__leakyf(a + b, p[0]))                                                       \
    X(ADD_TANH,        2, gan__tanhf(a + b))                                                              \
    X(ADD_SIGMOID,     2, gan__sigmoidf(a + b))                                                           \
    /* derivatives: a is the incoming gradient, b the function's result (softplus: its argument) */       \
    X(RELU_GRAD,       2, b > 0.0f ? a : 0.0f)                                                            \
    X(LEAKY_RELU_GRAD, 2, b > 0.0f ? a : a * p[0])                                                        \
    X(TANH_GRAD,       2, a * (1.0f - b * b))                                                             \
    X(SIGMOID_GRAD,    2, a * b * (1.0f - b))                                                             \
    X(SOFTPLUS_GRAD,   2, a * gan__sigmoidf(b))                                                           \
    /* (a - mean b) * rstd c */                                                                           \
    X(NORMALIZE,       3, (a - b) * c)                                                                    \
    X(MUL_ADD,         3, a * b + c)                                                                      \
    /* a >= p[0] kept and scaled by p[1]: the dropout mask of a uniform number */                         \
    X(DROP_MASK,       1, a >= p[0] ? p[1] : 0.0f)                                                        \
    X(FROM_BYTES,      1, a * (1.0f / 127.5f) - 1.0f)                                                     \
    X(TO_BYTES,        1, (a + 1.0f) * 127.5f)
/* clang-format on */

enum {
#define GAN__MAP_ENUM(name, arity, formula) GAN__MAP_##name,
    GAN__MAP_OPS(GAN__MAP_ENUM)
#undef GAN__MAP_ENUM
        GAN__MAP_COUNT
};

#endif
