/*
 * model.h - what a plugin's model is to the host: networks, optimizers and state under names; batches; metrics.
 */
#ifndef GAN_MODEL_H
#define GAN_MODEL_H

#include "data.h"
#include "optim.h"
#include "options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the model ---- */

typedef struct gan_model_parts gan_model_parts;

/* The first member of a plugin's own model structure. Set up by gan_model_init; the plugin reads ctx only. */
typedef struct gan_model {
    gan_context *ctx;
    gan_model_parts *parts;
    void *reserved[6];
} gan_model;

/* A zeroed structure of `size` bytes that begins with a gan_model, for a plugin's build, which ends with
 * gan_model_built. NULL when memory is short; the error is in ctx. */
GAN_API void *gan_model_new(gan_context *ctx, size_t size);
/* The end of a plugin's build: *out is the model and GAN_OK the result, or, if anything in ctx has failed since, the
 * model is freed with `destroy`, and its status the result. */
GAN_API gan_status gan_model_built(gan_model *model, void (*destroy)(gan_model *model), gan_model **out);
/* Ends a model that gan_model_new made, with every network and optimizer that was registered: a plugin's destroy, or
 * the last call of it. */
GAN_API void gan_model_free(gan_model *model);

/* The halves of gan_model_new and gan_model_free, for a structure that lives elsewhere: init fills in its gan_model
 * (GAN_ERROR_MEMORY, recorded in ctx too), finish ends what was registered, and is safe on a zeroed structure. */
GAN_API gan_status gan_model_init(gan_model *model, gan_context *ctx);
GAN_API void gan_model_finish(gan_model *model);

typedef enum gan_role {
    GAN_ROLE_OTHER = 0,
    GAN_ROLE_GENERATOR = 1, /* sampled from; the host keeps a moving average of it when `ema` is on */
    GAN_ROLE_DISCRIMINATOR = 2
} gan_role;

/* Register under a name, which is the prefix of its tensors in checkpoints ("generator.0.weight"). The model owns
 * it from then on. Names are copied. */
GAN_API void gan_model_network(gan_model *model, const char *name, gan_layer *network, gan_role role);
GAN_API void gan_model_optimizer(gan_model *model, const char *name, gan_optimizer *optimizer);
/* Further state to be saved, as a kept tensor (ownership passes), or as a number that the plugin owns. */
GAN_API void gan_model_tensor(gan_model *model, const char *name, gan_tensor *tensor);
GAN_API void gan_model_number(gan_model *model, const char *name, double *number);

/* Declare that samples can be asked for by class: labels in [0, classes). Called by build. */
GAN_API void gan_model_conditional(gan_model *model, int64_t classes);
GAN_API int64_t gan_model_classes(const gan_model *model); /* 0 if samples have no class */

GAN_API int gan_model_network_count(const gan_model *model);
GAN_API gan_layer *gan_model_network_at(const gan_model *model, int index, const char **name, gan_role *role);
GAN_API gan_layer *gan_model_find_network(const gan_model *model, const char *name); /* NULL if there is none */
GAN_API int gan_model_optimizer_count(const gan_model *model);
GAN_API gan_optimizer *gan_model_optimizer_at(const gan_model *model, int index, const char **name);

/* Every tensor that a checkpoint must hold, networks then optimizers then state, under its full name; numbers come
 * through `number`. Either may be NULL. */
typedef void (*gan_number_visitor)(const char *name, double *number, void *user);
GAN_API void gan_model_visit(gan_model *model, gan_slot_visitor tensor, gan_number_visitor number, void *user);

/* ---- a batch of real data ---- */

typedef struct gan_batch {
    uint32_t struct_size;
    int64_t n;            /* samples */
    gan_tensor *images;   /* f32 [n, H, W, C], image values in [-1, 1]; vectors are [n, 1, 1, D], unscaled */
    gan_tensor *labels;   /* I32 [n], NULL if the data has none */
    gan_tensor *images_b; /* the second domain, NULL if there is none */
    double kimg;          /* thousands of real images shown before the iteration: the same for all its batches */
    double progress;      /* 0 at the start of the run, 1 at its end; of the iteration, too */
} gan_batch;

/* ---- metrics ---- */

typedef struct gan_metrics gan_metrics;

/* Report a scalar tensor under a name ("d_loss", "D(x)"). It is kept and read later, without holding up the device;
 * the host averages between reports. At most GAN_METRICS_MAX names; names are copied. */
#define GAN_METRICS_MAX 32
GAN_API void gan_metric(gan_metrics *out, const char *name, gan_tensor *value);

/* For the host and for tests. Destroyed before the context that values were reported from. */
GAN_API gan_metrics *gan_metrics_create(void);
GAN_API void gan_metrics_destroy(gan_metrics *metrics);
/* Read every value reported since the last call, in order, and forget them: collect waits for all, poll takes those
 * that have come from the device. Returns how many there were; `visit` may be NULL. A name reported several times comes
 * several times. A value that cannot be read is not a number, and the error is in its context. */
typedef void (*gan_metric_visitor)(const char *name, double value, void *user);
GAN_API int gan_metrics_collect(gan_metrics *metrics, gan_metric_visitor visit, void *user);
GAN_API int gan_metrics_poll(gan_metrics *metrics, gan_metric_visitor visit, void *user);

#ifdef __cplusplus
}
#endif
#endif
