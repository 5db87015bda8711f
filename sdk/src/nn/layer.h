/*
 * layer.h - the structure behind nn.h. Internal to the SDK.
 *
 * Every layer is the same structure with a table of functions, the kind. Tensors that a layer owns are its slots.
 */
#ifndef GAN__LAYER_H
#define GAN__LAYER_H

#include <gan/nn.h>

#include "core/internal.h"

#define GAN__NAME_MAX    64 /* bytes of one part of a dotted name */
#define GAN__LAYER_DEPTH 14 /* levels of nesting, so that a dotted name fits GAN__PATH_MAX */
#define GAN__PATH_MAX    1024

typedef struct gan__layer_kind {
    const char *name;
    /* `activation` is other than linear only for kinds that fuse. */
    gan_tensor *(*forward)(gan_layer *layer, gan_tensor *x, gan_activation activation);
    bool fuses;     /* applies an activation within its own kernel */
    bool container; /* may have children */
    bool spectral;  /* its weight can be spectrally normalized */
    bool labelled;  /* may ask for labels */
} gan__layer_kind;

typedef struct gan__slot {
    char name[GAN__NAME_MAX];
    gan_tensor *tensor;
    gan_slot_kind kind;
    gan_layout layout;
} gan__slot;

/* Who wants to know what each layer gave, during gan_layer_describe. */
typedef struct gan__trace {
    gan_layer_line line;
    void *user;
    gan_layer *root;
} gan__trace;

struct gan_layer {
    const gan__layer_kind *kind;
    gan_context *ctx;
    gan_layer *parent;
    char name[GAN__NAME_MAX];
    gan_layer **children;
    int n_children, child_capacity, depth;
    gan__slot *slots;
    int n_slots, slot_capacity;
    bool training, was_training;
    bool dead; /* could not be made whole: gives poison */
    gan__trace *trace;
    gan_tensor *labels; /* what gan_forward_given gave; NULL outside it */

    /* the kind's own settings */
    gan_tensor *weight, *bias, *mean, *variance; /* slots, by role */
    gan_tensor *u, *v;                           /* of spectral normalization; NULL: not normalized */
    gan_tensor *noise, *noise_strength;          /* of layers that take a style; NULL: without noise */
    float weight_scale, bias_scale;              /* at run time: equalized learning rate */
    gan_conv conv;
    gan_activation activation;
    float value; /* residual's scale, dropout's p, a norm's eps */
    int size;    /* pad, window, factor */
    bool demodulates;
    gan_shape shape;
    char custom_name[GAN__NAME_MAX];
    gan_forward_fn custom;
    void *user;
    void (*destroy)(void *user);
};

/* A new layer, the next child of `parent` (NULL: none). Never NULL. */
gan_layer *gan__layer_new(gan_context *ctx, gan_layer *parent, const gan__layer_kind *kind);
/* Record an error about how a layer was made; the layer gives poison from then on. Returns the layer. */
gan_layer *gan__layer_fail(gan_layer *layer, gan_status status, const char *format, ...) GAN_PRINTF(3, 4);
/* Take over a kept tensor as a slot. On failure the tensor is released, the layer is dead, and poison is returned. */
gan_tensor *gan__layer_slot(gan_layer *layer, const char *name, gan_tensor *tensor, gan_slot_kind kind,
                            gan_layout layout);
/* The number of slots in the layer and all its children. */
int gan__layer_slot_count(const gan_layer *layer);
/* `scale` times t, or t itself when that is the same; *made is what the caller has to drop, NULL if nothing. */
gan_tensor *gan__scaled(gan_tensor *t, float scale, gan_tensor **made);

/* conditional.c: the labels for a batch of x, or NULL with *bad set. */
gan_tensor *gan__labels_for(gan_layer *layer, gan_tensor *x, gan_tensor **bad);
/* norm.c: the state of a batch norm; batch norm with the layer's statistics. */
void gan__running_statistics(gan_layer *layer, int64_t channels);
gan_tensor *gan__batch_norm(gan_layer *layer, gan_tensor *x, gan_tensor *gamma, gan_tensor *beta,
                            gan_activation activation);
/* spectral.c: the weight as it is used, spectrally normalized and scaled; layer->weight itself where that is the same.
 */
gan_tensor *gan__weight(gan_layer *layer);

/* ---- init.c ---- */

typedef struct gan__fan {
    double in, out;
} gan__fan;

/* Of a weight [A, ..., B]: in = everything but A, out = everything but B, as PyTorch counts them. */
gan__fan gan__fan_of(gan_shape shape);
/* A new parameter, filled as `init` says and divided by `divisor`. */
gan_tensor *gan__parameter(gan_layer *layer, const char *name, gan_shape shape, gan_layout layout, gan_init init,
                           gan__fan fan, float divisor);
/* The weight and, unless args say otherwise, the bias of a weighted layer, with their run-time scales. */
void gan__weights(gan_layer *layer, gan_shape weight, gan_layout layout, int64_t bias, const gan_nn_args *args);

extern const gan__layer_kind gan__activation_layer, gan__custom_layer, gan__embedding_layer;

#endif
