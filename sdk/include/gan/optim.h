/*
 * optim.h - optimizers, moving averages of weights, learning-rate schedules.
 *
 * An optimizer trains the parameters of the layers it was given. Its state (moments, step counter) is saved with the
 * model's (model.h).
 *
 * Making one gives NULL when memory is short or a setting is out of range; the error is in the context. Every function
 * takes such a NULL and does nothing, so that a plugin's build may ask for the status once, at its end.
 */
#ifndef GAN_OPTIM_H
#define GAN_OPTIM_H

#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gan_optimizer gan_optimizer;

/* Adam (Kingma & Ba 2015), in PyTorch's form: step lr * mhat / (sqrt(vhat) + eps). */
typedef struct gan_adam_args {
    double lr, beta1, beta2, eps; /* a zero eps is taken as 1e-8; betas and lr are taken as they are */
} gan_adam_args;
GAN_API gan_optimizer *gan_adam(gan_context *ctx, gan_adam_args args);

/* RMSprop in PyTorch's form: v = alpha v + (1 - alpha) g²; step lr * g / (sqrt(v) + eps). */
typedef struct gan_rmsprop_args {
    double lr, alpha, eps; /* zero alpha is taken as 0.99, zero eps as 1e-8 */
} gan_rmsprop_args;
GAN_API gan_optimizer *gan_rmsprop(gan_context *ctx, gan_rmsprop_args args);

/* Stochastic gradient descent: v = momentum v + g; step lr * v. */
typedef struct gan_sgd_args {
    double lr, momentum;
} gan_sgd_args;
GAN_API gan_optimizer *gan_sgd(gan_context *ctx, gan_sgd_args args);

/* Train a layer's parameters too; for a layer that is there already, those that it has got since. The layer must
 * outlive the optimizer's use. */
GAN_API void gan_optimizer_add(gan_optimizer *optimizer, gan_layer *layer);
GAN_API void gan_optimizer_destroy(gan_optimizer *optimizer);

/* One step down the gradient of the scalar `loss`: derivatives with respect to this optimizer's parameters only.
 * Parameters that the loss does not depend on stay as they are; a loss that depends on none is GAN_ERROR_STATE. If the
 * loss or the context is in error, nothing changes. Returns the context's status. */
GAN_API gan_status gan_minimize(gan_optimizer *optimizer, gan_tensor *loss);
/* The two halves: derivatives added to what is accumulated; a step with what is accumulated, which is then
 * dropped. */
GAN_API gan_status gan_accumulate(gan_optimizer *optimizer, gan_tensor *loss);
GAN_API gan_status gan_optimizer_step(gan_optimizer *optimizer);

/* A network that is regularized only in every `interval`-th step, by a term `interval` times as large, takes (interval
 * + 1) gradients where it would take `interval`: these are the settings that make up for it, lr c and beta^c with c =
 * interval / (interval + 1) (Karras et al. 2020, appendix B). An interval of 0 or 1 changes nothing. */
GAN_API gan_adam_args gan_adam_lazy(gan_adam_args args, int64_t interval);

/* Another rate in the place of args.lr; not part of the saved state. */
GAN_API void gan_optimizer_set_lr(gan_optimizer *optimizer, double lr);
/* The learning rate is args.lr * scale. Schedules set the scale; it is not part of the saved state. */
GAN_API void gan_optimizer_scale_lr(gan_optimizer *optimizer, double scale);
GAN_API double gan_optimizer_lr(const gan_optimizer *optimizer); /* args.lr * scale */
GAN_API int64_t gan_optimizer_steps(const gan_optimizer *optimizer);
/* Forget moments and step counter. */
GAN_API void gan_optimizer_reset(gan_optimizer *optimizer);

/* Every tensor of the saved state: "exp_avg.<parameter>" and "exp_avg_sq.<parameter>" of Adam, "square_avg.<parameter>"
 * of RMSprop, "momentum_buffer.<parameter>" of SGD, and the step counter, an I32 scalar "step". A visitor may change
 * them. Parameters of the second layer that was added are "1.<name>", of the third "2.<name>". */
GAN_API void gan_optimizer_visit(gan_optimizer *optimizer, gan_slot_visitor visit, void *user);

/* ---- exponential moving average of a layer's parameters and state ---- */
typedef struct gan_ema gan_ema;
GAN_API gan_ema *gan_ema_create(gan_layer *layer); /* starts as a copy; NULL only when out of memory */
GAN_API void gan_ema_destroy(gan_ema *ema);
/* average = beta average + (1 - beta) current, for parameters; state is copied. */
GAN_API gan_status gan_ema_update(gan_ema *ema, double beta);
/* Exchange the layer's values and the averages: once to sample with the averages, once more to go on training. */
GAN_API void gan_ema_swap(gan_ema *ema);
GAN_API void gan_ema_visit(gan_ema *ema, gan_slot_visitor visit, void *user);
/* The beta at which `images` images per update halve the weight of the past after `halflife` images. */
GAN_API double gan_ema_beta(double images, double halflife);

/* ---- learning-rate schedules: a factor in [0, 1] from progress in [0, 1] ---- */
typedef enum gan_schedule_kind {
    GAN_SCHEDULE_CONSTANT = 0,
    GAN_SCHEDULE_LINEAR = 1, /* 1 until `start`, then linearly to 0 at the end */
    GAN_SCHEDULE_COSINE = 2  /* 1 until `start`, then half a cosine to 0 */
} gan_schedule_kind;
typedef struct gan_schedule {
    gan_schedule_kind kind;
    double start; /* fraction of the run at which decay begins */
} gan_schedule;
GAN_API double gan_schedule_at(gan_schedule schedule, double progress);

#ifdef __cplusplus
}
#endif
#endif
