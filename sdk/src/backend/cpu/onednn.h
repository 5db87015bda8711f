/*
 * onednn.h - a cache of oneDNN primitives, and how to run one. Internal.
 *
 * A primitive is described by a gan__problem, which is its key in the cache: creating one per call would cost more
 * than a small layer. Activations lie in memory as plain row-major (NHWC) arrays; for weights oneDNN chooses a
 * layout, and gan__onednn_run reorders (and converts) the caller's plain ones, once per value where their storage is
 * known.
 */
#ifndef GAN__CPU_ONEDNN_H
#define GAN__CPU_ONEDNN_H

#include "cpu.h"

typedef enum gan__problem_kind {
    GAN__PROBLEM_MATMUL = 1,
    GAN__PROBLEM_FORWARD = 2,
    GAN__PROBLEM_DATA = 3,
    GAN__PROBLEM_WEIGHT = 4
} gan__problem_kind;

/* All members are 8 bytes wide, so that there is no padding: problems are hashed and compared as bytes. */
typedef struct gan__problem {
    int64_t kind, threads;
    int64_t source, weights, result; /* gan_dtype that oneDNN computes with, in the order of gan__onednn_run */
    int64_t plain;                   /* gan_dtype of the caller's weights */
    int64_t bias, activation;        /* 0 or 1; gan_activation_kind */
    double slope;
    int64_t batch, m, n, k;                             /* matmul */
    int64_t transpose_a, transpose_b;                   /* matmul */
    int64_t stride_a, stride_b, stride_c;               /* matmul */
    int64_t packs;                                      /* matmul: b may be held in oneDNN's layout; batch is 1 */
    int64_t height, width, in, out, kernel_h, kernel_w; /* convolution, of `batch` images */
    int64_t out_height, out_width, stride, pad;
} gan__problem;

/* Run a problem. The operands are
 *     matmul:  source a, weights b, result c
 *     forward: source x, weights w, result y
 *     data:    source y, weights w, result x
 *     weight:  source x, weights y, result w
 * `storage`, if not NULL, is that of the weights of the first three: reordered copies are kept with it.
 * GAN_ERROR_UNSUPPORTED, with no message, says that oneDNN has no such primitive. */
gan_status gan__onednn_run(gan__cpu *cpu, const gan__problem *problem, const void *source, const void *weights,
                           gan__storage *storage, const float *bias, void *result);

/* Whether a problem may have this activation: relu may not, oneDNN's gives 0 for NaN. */
static inline bool gan__onednn_fuses(gan_activation a)
{
    return a.kind != GAN_RELU && (a.kind != GAN_LEAKY_RELU || a.slope > 0.0f);
}

#endif
