/* evaluate.h - one operator case on one context: value, gradient, second derivative, as host arrays. */
#ifndef TEST_OPS_EVALUATE_H
#define TEST_OPS_EVALUATE_H

#include "registry.h"

/* Inputs and weights of a case. y = f(in); the scalar is sum(y w); the second derivative is that of
 * sum over i of <gradient i, v i>. */
typedef struct op_data {
    int n_in;
    op_input spec[OP_MAX_INPUTS];
    void *in[OP_MAX_INPUTS]; /* float, int32_t or uint8_t, as spec says */
    float *w;                /* of y's shape; NULL when nothing is differentiated */
    float *v[OP_MAX_INPUTS]; /* of the input's shape, when it is differentiated */
} op_data;

typedef struct op_result {
    int64_t n_y;
    gan_dtype dtype; /* of y */
    float *y;
    float *g[OP_MAX_INPUTS]; /* NULL for an input that is not differentiated */
    float *h[OP_MAX_INPUTS]; /* NULL unless asked for */
} op_result;

typedef enum op_order {
    OP_VALUE = 0,
    OP_GRADIENT = 1, /* nothing recorded meanwhile: the fused kernels */
    OP_SECOND = 2    /* GAN_CREATE_GRAPH: the composed form; and the second derivative */
} op_order;

/* Evaluate. `bf16`: inputs other than parameters become bf16 tensors. Every call starts from the same random state.
 * On failure *out is empty and the status the context's. */
gan_status op_evaluate(gan_context *ctx, const op_case *c, const op_data *data, op_order order, bool bf16,
                       op_result *out);
/* Fill the memory that small tensors will be cut from with NaN, so that an element that a kernel does not write is
 * seen. */
void op_dirty_memory(gan_context *ctx);
void op_result_free(op_result *result);

/* Inputs from op_draw and, once y's size is known, weights. False when the case's inputs cannot be read. */
bool op_data_draw(gan_context *ctx, const op_case *c, op_data *data);
/* Others for every seed; op_data_draw's is 0. */
bool op_data_draw_from(gan_context *ctx, const op_case *c, uint64_t seed, op_data *data);
/* The same with every f32 value rounded to bf16, or to TF32's ten bits; cut off to those; replaced by a neighbour. */
bool op_data_round(const op_data *from, int64_t n_y, op_data *to);
bool op_data_round_tf32(const op_data *from, int64_t n_y, op_data *to);
bool op_data_cut_tf32(const op_data *from, int64_t n_y, op_data *to);
bool op_data_nudge(const op_data *from, int64_t n_y, op_data *to);
/* Every value larger or smaller by 2^-8 of it, twice what bf16 does, in OP_SHAKES ways. */
#define OP_SHAKES 3
bool op_data_shake(const op_data *from, int64_t n_y, int which, op_data *to);
void op_data_free(op_data *data);

/* As a GPU, and an optimizer, round: to the nearest, ties to even. */
float op_round_bf16(float x);

#endif
