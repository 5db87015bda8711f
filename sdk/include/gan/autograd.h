/*
 * autograd.h - derivatives.
 *
 * Operators whose inputs depend on a parameter (or on a tensor made by gan_variable) are recorded. A derivative is
 * asked for by name, and only what it needs is computed: a generator step never computes the discriminator's weight
 * gradients. Gradient rules are made of the same operators, so a derivative can be differentiated again.
 */
#ifndef GAN_AUTOGRAD_H
#define GAN_AUTOGRAD_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum gan_grad_flags {
    GAN_GRAD_DEFAULT = 0,
    GAN_CREATE_GRAPH = 1, /* record the derivatives too, for a second differentiation; implies GAN_RETAIN_GRAPH */
    GAN_RETAIN_GRAPH = 2  /* keep what was recorded, for another gan_grad through the same part */
} gan_grad_flags;

/* grads[i] = d(sum of output) / d(inputs[i]), for i < n, each of inputs[i]'s shape, in the current scope.
 * `inputs` are parameters, variables, or results that `output` was computed from; one that it does not depend on
 * gets zeros. Without GAN_CREATE_GRAPH or GAN_RETAIN_GRAPH, the recording between output and inputs is consumed.
 * Errors: GAN_ERROR_STATE if the recording was consumed before. Returns the context's status. */
GAN_API gan_status gan_grad(gan_tensor *output, gan_tensor *const *inputs, int n, gan_tensor **grads, unsigned flags);

/* The same for sum(output * weight): a vector-Jacobian product. `weight` has output's shape. */
GAN_API gan_status gan_grad_weighted(gan_tensor *output, gan_tensor *weight, gan_tensor *const *inputs, int n,
                                     gan_tensor **grads, unsigned flags);

/* The same value, not connected to what it was computed from. Shares storage. */
GAN_API gan_tensor *gan_detach(gan_tensor *t);

/* The same value as an independent variable: derivatives with respect to it can be asked for. Shares storage. */
GAN_API gan_tensor *gan_variable(gan_tensor *t);

/* Whether a derivative through t can be asked for. */
GAN_API bool gan_requires_grad(const gan_tensor *t);

#ifdef __cplusplus
}
#endif
#endif
