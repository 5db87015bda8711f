/* optimizer.h - the structure behind gan_optimizer. Internal to the SDK. */
#ifndef GAN__OPTIMIZER_H
#define GAN__OPTIMIZER_H

#include <gan/optim.h>

#include "nn/layer.h"

/* One trained parameter. */
typedef struct gan__trained {
    char *name;
    gan_layout layout;
    gan_tensor *parameter;      /* its layer's */
    gan_tensor *first, *second; /* moments; NULL where the kind has none */
    gan_tensor *accumulated;    /* derivatives so far, NULL if none */
} gan__trained;

struct gan_optimizer {
    gan_context *ctx;
    gan__update_kind kind;
    double lr, b1, b2, eps, scale;
    int64_t steps;
    const char *first_name, *second_name; /* of the moments, NULL where the kind has none */

    gan_layer **layers;
    int n_layers;
    int adding; /* the layer that gan_optimizer_add is at */
    gan__trained *trained;
    int n_trained, capacity;
    bool dead; /* memory was short while parameters were added */
    gan_tensor *step_tensor;

    /* for one step, so that it takes no memory from the system; `capacity` entries each */
    gan_tensor **inputs, **grads;
    gan__update *updates;
};

#endif
