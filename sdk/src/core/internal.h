/*
 * internal.h - the structures behind context.h, tensor.h and autograd.h. Internal to the SDK.
 *
 * Ownership. A storage is counted by the tensors that show it. A tensor is counted by its scope, by gan_keep, and by
 * the nodes that saved its value. A node (one recorded operation) is counted by the tensor that it made and by the
 * nodes that have an edge to it. Nothing points forward, so there are no cycles: a node that needs its own result
 * keeps the storage and makes a fresh handle when asked (gan__output).
 */
#ifndef GAN__INTERNAL_H
#define GAN__INTERNAL_H

#include <gan/autograd.h>
#include <gan/ops.h>
#include <gan/random.h>

#include "backend/backend.h"
#include "backend/elementwise.h"

typedef struct gan__block gan__block;
typedef struct gan__node gan__node;

/* ---- memory (core/alloc.c) ---- */

typedef struct gan__pack {
    struct gan__pack *next;
    uint64_t key, epoch;
    gan__storage *copy;
} gan__pack;

/* A workspace that is in use. */
typedef struct gan__loan {
    struct gan__loan *next;
    gan__storage *storage;
} gan__loan;

struct gan__storage {
    gan__block *block; /* NULL for an empty storage */
    void *data;
    int refs;
    gan__pack *packs;
};

enum { GAN__ARENA_EAGER, GAN__ARENA_GRAPHS, GAN__ARENAS };
#define GAN__POOLS 3
#define GAN__BINS  48

typedef struct gan__allocator {
    gan__block
        *bins[GAN__ARENAS][GAN__POOLS][GAN__BINS]; /* free blocks by arena, pool and power of two of their size */
    gan__block *spare;                             /* unused block records */
    void *slabs;                                   /* what records are cut from */
    gan_memory_stats stats;
    size_t limit;
    uint64_t fail_after; /* 0: off */
} gan__allocator;

void gan__allocator_finish(gan_context *ctx);
/* Free blocks to the system; not while capturing. */
void gan__give_back(gan_context *ctx);
gan__storage *gan__storage_new(gan_context *ctx, size_t bytes); /* NULL: the error is recorded */
void gan__storage_retain(gan__storage *s);
void gan__storage_release(gan_context *ctx, gan__storage *s);
/* The value changed: copies in other forms are void. */
void gan__storage_touch(gan_context *ctx, gan__storage *s);
/* Zeroed host memory for records of one size from a free list; returned with gan__record_free. */
void *gan__record_new(gan_context *ctx, void **free_list, size_t size);
void gan__record_free(void **free_list, void *record);

/* Host memory for lists (core/scratch.c); NULL when there is none. gan__workspace gives the device's. */
typedef struct gan__scratch gan__scratch;
void *gan__scratch_new(gan_context *ctx, size_t bytes);
void gan__scratch_free(gan_context *ctx, void *memory);
void gan__scratch_finish(gan_context *ctx);

/* ---- tensors (core/tensor.c) ---- */

struct gan_tensor {
    gan_context *ctx;
    gan__storage *storage;
    gan__node *node; /* that made it, if recorded */
    gan_shape shape;
    gan_dtype dtype;
    int refs;
    int scope; /* depth of the scope that holds it; -1: none */
    size_t live_index;
    bool variable; /* a leaf whose derivative can be asked for */
    bool poison;
    void *slot; /* used by gan_grad for its targets */
};

struct gan_context {
    gan__backend *backend;
    gan_message device_note; /* why it is not the device that "auto" would rather have */
    gan__allocator allocator;
    gan_precision precision;
    gan_status status;
    gan_message message;
    gan_random_state random;

    gan_tensor **live; /* tensors of all open scopes, innermost last */
    size_t live_count, live_capacity;
    size_t *scopes; /* where in `live` each begins */
    int scope_count, scope_capacity, lost_scopes;
    int no_grad; /* depth; recording is off when > 0 */

    uint64_t node_order;
    uint64_t pack_epoch; /* packs of an older one are void; see gan__capture_begin */
    gan__scratch *free_scratch;
    gan__loan *loans;             /* workspaces in use */
    struct gan__capture *capture; /* the step being recorded (core/capture.h) */
    int graphs;                   /* recorded steps that may be replayed */
    gan_tensor *counting;         /* 0, 1, 2, ... for gan_one_hot */
    void *free_tensors, *free_nodes, *free_storages, *free_packs, *free_loans;
    gan_tensor *poison;
};

/* A new uninitialised tensor in the current scope; poison (and the error recorded) if memory is short. */
gan_tensor *gan__tensor_new(gan_context *ctx, gan_shape shape, gan_dtype dtype);
/* Another handle on the same storage, not recorded. */
gan_tensor *gan__tensor_view(gan_tensor *t, gan_shape shape);
gan_tensor *gan__tensor_of_storage(gan_context *ctx, gan__storage *s, gan_shape shape, gan_dtype dtype);
void gan__tensor_retain(gan_tensor *t);
void gan__tensor_release(gan_tensor *t);
/* Put t into the innermost scope's list, which takes over the caller's count. False when memory is short. */
bool gan__hold(gan_tensor *t);
/* Let the scope's hold go early. */
void gan__drop(gan_tensor *t);
gan__array gan__array_of(const gan_tensor *t);
/* The same view repeated to `shape` (the caller has checked that it can be). */
gan__array gan__array_broadcast(const gan_tensor *t, gan_shape shape);

/* ---- devices (core/device.c) ---- */

/* Make the backend of "cpu", "cuda", "cuda:N", "auto", "measure", "measure:BYTES" or NULL (CPU). */
gan_status gan__device_open(gan_context *ctx, const char *device, int threads, gan_message *message);

/* ---- errors ---- */

/* Record "<op>: <sentence>" and return the poison tensor. */
gan_tensor *gan__poison(gan_context *ctx, gan_status status, const char *op, const char *format, ...) GAN_PRINTF(4, 5);
/* Record a backend's failure, with the shapes of the inputs. */
gan_tensor *gan__poison_backend(gan_context *ctx, gan_status status, const char *op, int n, gan_tensor *const *in);

/* The text of a tensor's shape in a buffer that lives as long as the statement's block. */
#define GAN__TEXT(shape) gan_shape_text((shape), (char[80]){0}, 80)

/* ---- recording (autograd/node.c) ---- */

#define GAN__MAX_INPUTS 8

typedef struct gan__op {
    const char *name;
    /* grads[i] becomes d/d(input i) for each i with gan__wants(n, i), made of operators; called in a scope. `grad` has
     * the shape of the output. Entries that are NULL count as zero. */
    void (*backward)(gan__node *n, gan_tensor *grad, gan_tensor **grads);
    unsigned saves_inputs; /* bit i: backward needs the value of input i */
    bool saves_output;
} gan__op;

typedef struct gan__edge {
    gan__node *node;   /* the node that made the input, or */
    gan_tensor *leaf;  /* the variable itself; both NULL: constant */
    gan_tensor *value; /* if saved */
    gan_shape shape;
    gan_dtype dtype;
    bool wanted; /* by the gan_grad in progress */
} gan__edge;

struct gan__node {
    const gan__op *op;
    gan_context *ctx;
    int refs;
    int n_in;
    gan__edge in[GAN__MAX_INPUTS];
    gan__storage *output; /* if op->saves_output */
    gan_shape shape;
    gan_dtype dtype;
    gan_tensor *saved[2]; /* further values, not differentiated through */
    int64_t i[GAN_MAX_DIMS + 2];
    float f[GAN_FIR_MAX + 1];
    gan_activation activation;
    uint64_t order;
    bool consumed;
    /* during gan_grad */
    gan__node *next; /* work list */
    gan_tensor *grad;
    bool grad_owned; /* made by accumulation, may be added to in place */
    int state;
    int slot;
};

bool gan__recording(const gan_context *ctx);
/* Record that `out` was computed from `in`. Returns the node, whose attributes the caller fills in; NULL when nothing
 * is to be recorded. */
gan__node *gan__record(const gan__op *op, gan_tensor *out, int n, gan_tensor *const *in);
void gan__node_release(gan__node *n);
/* Let go of what backward would need; a later derivative through the node is then an error. */
void gan__node_consume(gan__node *n);
/* gan_grad_weighted (`weight` NULL: ones), but grads[i] stays NULL for an input that `output` does not depend on. */
gan_status gan__grad(gan_tensor *output, gan_tensor *weight, gan_tensor *const *inputs, int n, gan_tensor **grads,
                     unsigned flags);
bool gan__wants(const gan__node *n, int i);
gan_tensor *gan__input(gan__node *n, int i); /* a saved input */
gan_tensor *gan__output(gan__node *n);       /* a handle on the result, connected to this node */

/* ---- what operators share (ops/common.c) ---- */

/* Whether a binary operator's inputs are usable: not poison, floating, same context, shapes broadcast to *shape.
 * False: *bad is what to return. */
bool gan__broadcast(const char *op, gan_tensor *a, gan_tensor *b, gan_shape *shape, gan_tensor **bad);
bool gan__floating(const char *op, gan_tensor *x, gan_tensor **bad);
gan_dtype gan__promote(const gan_tensor *a, const gan_tensor *b);
/* out = map(in...), broadcast to shape; not recorded. */
gan_tensor *gan__map(const char *op, gan__map_op f, float p0, float p1, int n, gan_tensor *const *in, gan_shape shape,
                     gan_dtype dtype);
/* derivative of an activation: grad * activation'(x), from the result y = activation(x). One kernel when nothing is
 * recorded, composed otherwise. */
gan_tensor *gan__activation_grad(gan_tensor *grad, gan_tensor *y, gan_activation activation);
bool gan__activation_valid(gan_context *ctx, gan_activation activation); /* else the error is recorded */
/* out[i] = x[i + start], zero where that is outside x. Slicing, cropping and zero padding. */
gan_tensor *gan__shift(const char *op, gan_tensor *x, const int64_t *start, gan_shape shape);
/* gan_sum_to(a * b, shape), where b broadcasts to a; the product is not stored. */
gan_tensor *gan__sum_product_to(gan_tensor *a, gan_tensor *b, gan_shape shape);
/* 0, 1, ..., n - 1, I32 [n], the context's own: a recorded step must not bring values from the host. */
gan_tensor *gan__counting(gan_context *ctx, int64_t n);
/* activation(scale x + strength noise + bias), one kernel; any but x may be NULL. As gan_scale_bias_act, which checks
 * shapes; strength is [C], bias [C] or [N, C]. */
gan_tensor *gan__scale_bias_act(gan_tensor *x, gan_tensor *scale, gan_tensor *noise, gan_tensor *strength,
                                gan_tensor *bias, gan_activation activation);
/* gan_instance_norm with gamma and beta of each sample's own, f32 [N, C]. */
gan_tensor *gan__instance_norm_each(const char *name, gan_tensor *x, gan_tensor *gamma, gan_tensor *beta, float eps);
/* gan_demodulation; `transposed`: of a transposed convolution's weight, [I, KH, KW, O]. */
gan_tensor *gan__demodulation(gan_tensor *w, gan_tensor *style, bool transposed);
/* The type that products compute in. */
gan_dtype gan__compute_dtype(const gan_context *ctx);

#define GAN__NO_ACTIVATION ((gan_activation){GAN_LINEAR, 0.0f})

#endif
