/*
 * cpu.h - what the files of the CPU backend share. Internal.
 *
 * Each file implements some members of gan__backend_ops: it works out strides, blocks and threads, and leaves the
 * arithmetic to the table of isa.h or to oneDNN. Work is divided among threads statically, so results depend on
 * shapes and the number of threads only.
 */
#ifndef GAN__CPU_H
#define GAN__CPU_H

#include "isa.h"

/* Below this many elements (of a cheap loop) a second thread costs more than it gains. */
#define GAN__CPU_GRAIN 16384

typedef struct gan__onednn gan__onednn;

typedef struct gan__cpu {
    gan__backend base;
    gan__isa isa;
    gan__onednn *onednn;
    gan__reading *readings; /* that are not in use */
} gan__cpu;

static inline gan__cpu *gan__cpu_of(gan__backend *be)
{
    return (gan__cpu *)be;
}

/* Threads to use for `work` elements. */
static inline int gan__cpu_threads(const gan__cpu *cpu, int64_t work)
{
    int64_t most = work / GAN__CPU_GRAIN + 1;
    return most < cpu->base.threads ? (int)most : cpu->base.threads;
}

/* Part `index` of `parts` of n things: [*begin, *end), as even as possible in units of `unit`. */
static inline void gan__cpu_part(int64_t n, int64_t unit, int64_t parts, int64_t index, int64_t *begin, int64_t *end)
{
    int64_t units = (n + unit - 1) / unit;
    int64_t first = units * index / parts * unit, last = units * (index + 1) / parts * unit;
    *begin = first < n ? first : n;
    *end = last < n ? last : n;
}

static inline size_t gan__cpu_dtype_size(gan_dtype dtype)
{
    static const size_t size[] = {[GAN_F32] = 4, [GAN_BF16] = 2, [GAN_I32] = 4, [GAN_U8] = 1};
    return size[dtype];
}

static inline int64_t gan__cpu_count(const gan__array *a)
{
    int64_t n = 1;
    for (int i = 0; i < a->ndim; i++)
        n *= a->dim[i];
    return n;
}

static inline const float *gan__cpu_widen(const gan__cpu *cpu, gan_dtype dtype, const void *data, int64_t at, int64_t n,
                                          float *buffer)
{
    if (dtype == GAN_F32)
        return (const float *)data + at;
    cpu->isa.widen[dtype]((const char *)data + at * (int64_t)gan__cpu_dtype_size(dtype), buffer, n);
    return buffer;
}

gan_status gan__cpu_fail(gan__cpu *cpu, gan_status status, const char *format, ...) GAN_PRINTF(3, 4);
gan_status gan__cpu_no_memory(gan__cpu *cpu, size_t bytes);

/* y = x with another element type, n contiguous elements, on all threads. */
void gan__cpu_convert(gan__cpu *cpu, gan_dtype from, const void *x, gan_dtype to, void *y, int64_t n);
/* x = activation(x + bias) in place, in `rows` rows of n. */
void gan__cpu_bias_act(gan__cpu *cpu, gan_dtype dtype, void *x, int64_t rows, int64_t n, const float *bias,
                       gan_activation activation);

gan_status gan__cpu_map(gan__backend *be, gan__map_op op, const float params[4], int n_in, const gan__array *in,
                        const gan__array *out);
gan_status gan__cpu_move(gan__cpu *cpu, const gan__array *in, const gan__array *out); /* equal dtypes */
gan_status gan__cpu_reduce(gan__backend *be, gan__reduce_op op, const gan__array *in, float scale,
                           const gan__array *out);

/* onednn.c and its users */
gan_status gan__onednn_create(gan__cpu *cpu);
void gan__onednn_destroy(gan__onednn *dnn);
gan_status gan__cpu_matmul(gan__backend *be, const gan__matmul_args *args);
/* c = op(a) op(b), or += if `accumulate` (f32 only): dense matrices of type `compute`, c of f32. */
gan_status gan__cpu_gemm(gan__cpu *cpu, gan_dtype compute, bool ta, bool tb, int64_t m, int64_t n, int64_t k,
                         const void *a, const void *b, bool accumulate, float *c);
gan_status gan__cpu_conv_forward(gan__backend *be, const gan__conv_args *args);
gan_status gan__cpu_conv_data(gan__backend *be, const gan__conv_args *args);
gan_status gan__cpu_conv_weight(gan__backend *be, const gan__conv_args *args);

gan_status gan__cpu_norm_forward(gan__backend *be, const gan__norm_args *args);
gan_status gan__cpu_norm_apply(gan__backend *be, const gan__norm_args *args);
gan_status gan__cpu_norm_backward(gan__backend *be, const gan__norm_args *args);

gan_status gan__cpu_window_sum(gan__backend *be, const gan__array *x, int k, float scale, const gan__array *y);
gan_status gan__cpu_window_spread(gan__backend *be, const gan__array *y, int k, float scale, const gan__array *x);
gan_status gan__cpu_bilinear(gan__backend *be, const gan__array *x, const gan__array *y);
gan_status gan__cpu_bilinear_adjoint(gan__backend *be, const gan__array *y, const gan__array *x);
gan_status gan__cpu_reflect_pad(gan__backend *be, const gan__array *x, int p, const gan__array *y);
gan_status gan__cpu_reflect_pad_adjoint(gan__backend *be, const gan__array *y, int p, const gan__array *x);

gan_status gan__cpu_upfirdn(gan__backend *be, const gan_fir *fir, const gan__array *x, const gan__array *y);
gan_status gan__cpu_affine_sample(gan__backend *be, const float *theta, gan_border border, const gan__array *x,
                                  const gan__array *y);
gan_status gan__cpu_affine_adjoint(gan__backend *be, const float *theta, gan_border border, const gan__array *y,
                                   const gan__array *x);

gan_status gan__cpu_scale_forward(gan__backend *be, const gan__scale_args *a);
gan_status gan__cpu_scale_backward(gan__backend *be, const gan__scale_args *a);

gan_status gan__cpu_gather_rows(gan__backend *be, const float *table, int64_t table_rows, int64_t width,
                                const int32_t *index, int64_t n, float *out);
gan_status gan__cpu_scatter_rows(gan__backend *be, const float *rows, const int32_t *index, int64_t n, int64_t width,
                                 int64_t out_rows, float *out);
gan_status gan__cpu_random(gan__backend *be, gan__random_kind kind, uint64_t seed, uint64_t stream, uint64_t counter,
                           float a, float b, int64_t n, void *out);
gan_status gan__cpu_update(gan__backend *be, const gan__update_args *args, const gan__update *tensors, int n);

#endif
