/*
 * cuda.h - what the files of the CUDA backend share. Internal to libgansdk_cuda.
 *
 * C files hold what is said to the libraries (runtime, cuBLASLt, cuDNN), .cu files hold kernels, each with the members
 * of gan__backend_ops that launch them. All work of a context goes to one stream, in order; the copy stream only brings
 * batches. Every call that can fail is checked: GAN__CUDA_TRY for the runtime, gan__cuda_launched after a kernel.
 *
 * The tests compile the same files against headers of their own that emulate the device on the host
 * (tests/emulation); GAN__EMULATED is then defined.
 */
#ifndef GAN__CUDA_H
#define GAN__CUDA_H

#include <cuda_runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "backend/backend.h"
#include "backend/elementwise.h"

typedef struct gan__cublas gan__cublas;     /* products.c */
typedef struct gan__cudnn gan__cudnn;       /* cudnn.c; NULL where there is no cuDNN */
typedef struct gan__transfer gan__transfer; /* copy.c: pinned memory and its events */

/* The constants of one optimizer or moving-average call, as its kernel takes them. */
typedef struct gan__cuda_update_values {
    float step; /* lr, Adam: lr / (1 - b1^t) */
    float root; /* Adam: 1 / sqrt(1 - b2^t) */
    float b1, b2, eps;
    float c1, c2; /* 1 - b1, 1 - b2, rounded once */
} gan__cuda_update_values;

/* What replays read, in device memory; one block for each graph, and one that is all zero for work that is not
 * captured. */
typedef struct gan__cuda_dynamics {
    uint64_t random_shift;
    float number[GAN__REPLAY_NUMBERS];
    gan__cuda_update_values update[GAN__REPLAY_UPDATES];
} gan__cuda_dynamics;

typedef struct gan__cuda {
    gan__backend base;
    int device;
    struct cudaDeviceProp properties;
    cudaStream_t stream, copy_stream;
    gan__transfer *transfer;
    gan__cublas *cublas;
    gan__cudnn *cudnn;
    /* Pinned, written by a kernel that met an index outside its table: [1] the index, [2] the table's rows, then
     * [0] = 1; see gan__cuda_check_index. */
    int *bad_index;

    /* capturing (graph.c) */
    gan__graph *capturing;       /* NULL: work runs at once */
    gan__cuda_dynamics *at_once; /* in device memory, zeros: of work that runs at once */
} gan__cuda;

/* Every member of the table begins with this, so that the calls that follow are about the context's device, whatever
 * device the calling thread used last. */
static inline gan__cuda *gan__cuda_of(gan__backend *be)
{
    gan__cuda *cu = (gan__cuda *)be;
    cudaSetDevice(cu->device); /* a failure shows in the next call */
    return cu;
}

static inline size_t gan__cuda_dtype_size(gan_dtype dtype)
{
    return dtype == GAN_BF16 ? 2 : dtype == GAN_U8 ? 1 : 4;
}

static inline int64_t gan__cuda_count(const gan__array *a)
{
    int64_t n = 1;
    for (int i = 0; i < a->ndim; i++)
        n *= a->dim[i];
    return n;
}

/* ---- errors (cuda.c) ---- */

gan_status gan__cuda_fail(gan__cuda *cu, gan_status status, const char *format, ...) GAN_PRINTF(3, 4);
/* A runtime call failed: its text, CUDA's name for the error, and of memory what was asked and what is free. */
gan_status gan__cuda_error(gan__cuda *cu, cudaError_t error, const char *call);
gan_status gan__cuda_no_memory(gan__cuda *cu, size_t bytes);
/* Refused, with `what` in the sentence, while a step is being captured. */
gan_status gan__cuda_not_capturing(gan__cuda *cu, const char *what);
/* After a launch: whether the kernel could be started. */
gan_status gan__cuda_launched(gan__cuda *cu, const char *kernel);

#define GAN__CUDA_TRY(cu, call)                                                                                        \
    do {                                                                                                               \
        cudaError_t error_ = (call);                                                                                   \
        if (error_ != cudaSuccess)                                                                                     \
            return gan__cuda_error((cu), error_, #call);                                                               \
    } while (0)

/* Workspace in device memory; NULL when there is none. May be freed as soon as its kernels are enqueued. */
static inline void *gan__cuda_workspace(gan__cuda *cu, size_t bytes)
{
    return cu->base.services->workspace(cu->base.ctx, bytes);
}

static inline void gan__cuda_workspace_free(gan__cuda *cu, void *data)
{
    cu->base.services->workspace_free(cu->base.ctx, data);
}

/* ---- graph.c: the dynamics of the work being enqueued ---- */

/* Device memory that random numbers take their shift from: the graph's while capturing, else zeros. */
const uint64_t *gan__cuda_random_shift(gan__cuda *cu);
/* The next update's place: NULL when not capturing (the kernel then takes its values from its parameters). Sets *status
 * when a captured step has more than GAN__REPLAY_UPDATES. */
const gan__cuda_update_values *gan__cuda_update_slot(gan__cuda *cu, gan_status *status);
/* update.cu: from the optimizer's settings, the same way in and out of graphs. */
gan__cuda_update_values gan__cuda_update_values_of(const gan__update_args *args);

gan_status gan__cuda_capture_begin(gan__backend *be);
gan_status gan__cuda_capture_end(gan__backend *be, gan__graph **out);
gan_status gan__cuda_graph_launch(gan__backend *be, gan__graph *graph, const gan__replay *replay);
void gan__cuda_graph_destroy(gan__backend *be, gan__graph *graph);
gan_status gan__cuda_number(gan__backend *be, float value, float *out);
/* number.cu: *out = value, whose kernel has it as a parameter. */
gan_status gan__cuda_fill(gan__cuda *cu, float value, float *out);
gan_status gan__cuda_graphs_create(gan__cuda *cu);
void gan__cuda_graphs_destroy(gan__cuda *cu);

/* ---- copy.c ---- */

gan_status gan__cuda_transfer_create(gan__cuda *cu);
void gan__cuda_transfer_destroy(gan__cuda *cu);
gan_status gan__cuda_copy_in(gan__backend *be, void *device, const void *host, size_t bytes);
gan_status gan__cuda_copy_out(gan__backend *be, void *host, const void *device, size_t bytes);
gan_status gan__cuda_copy(gan__backend *be, void *to, const void *from, size_t bytes);
gan_status gan__cuda_upload(gan__backend *be, const void *host, size_t bytes, const void **device);
gan_status gan__cuda_upload_done(gan__backend *be, const void *device);
gan_status gan__cuda_read_begin(gan__backend *be, const void *device, size_t bytes, gan__reading **out);
gan_status gan__cuda_read_value(gan__backend *be, gan__reading *reading, bool wait, const void **value);
void gan__cuda_read_free(gan__backend *be, gan__reading *reading);
/* Where values come to the host: an error if a kernel met an index outside its table. */
gan_status gan__cuda_check_index(gan__cuda *cu);

/* ---- kernels ---- */

/* map.cu; convert is y = x with another element type, n contiguous elements. */
gan_status gan__cuda_map(gan__backend *be, gan__map_op op, const float params[4], int n_in, const gan__array *in,
                         const gan__array *out);
gan_status gan__cuda_convert(gan__cuda *cu, gan_dtype from, const void *x, gan_dtype to, void *y, int64_t n);
/* map.cu: x = activation(x + bias) in place, in `rows` rows of n; bias [n] f32 or NULL. */
gan_status gan__cuda_bias_act(gan__cuda *cu, gan_dtype dtype, void *x, int64_t rows, int64_t n, const float *bias,
                              gan_activation activation);
/* reduce.cu */
gan_status gan__cuda_reduce(gan__backend *be, gan__reduce_op op, const gan__array *in, float scale,
                            const gan__array *out);
/* norm.cu */
gan_status gan__cuda_norm_forward(gan__backend *be, const gan__norm_args *args);
gan_status gan__cuda_norm_apply(gan__backend *be, const gan__norm_args *args);
gan_status gan__cuda_norm_backward(gan__backend *be, const gan__norm_args *args);
/* image.cu */
gan_status gan__cuda_window_sum(gan__backend *be, const gan__array *x, int k, float scale, const gan__array *y);
gan_status gan__cuda_window_spread(gan__backend *be, const gan__array *y, int k, float scale, const gan__array *x);
gan_status gan__cuda_bilinear(gan__backend *be, const gan__array *x, const gan__array *y);
gan_status gan__cuda_bilinear_adjoint(gan__backend *be, const gan__array *y, const gan__array *x);
gan_status gan__cuda_reflect_pad(gan__backend *be, const gan__array *x, int p, const gan__array *y);
gan_status gan__cuda_reflect_pad_adjoint(gan__backend *be, const gan__array *y, int p, const gan__array *x);
/* fir.cu */
gan_status gan__cuda_upfirdn(gan__backend *be, const gan_fir *fir, const gan__array *x, const gan__array *y);
/* affine.cu */
gan_status gan__cuda_affine_sample(gan__backend *be, const float *theta, gan_border border, const gan__array *x,
                                   const gan__array *y);
gan_status gan__cuda_affine_adjoint(gan__backend *be, const float *theta, gan_border border, const gan__array *y,
                                    const gan__array *x);
/* style.cu */
gan_status gan__cuda_scale_forward(gan__backend *be, const gan__scale_args *args);
gan_status gan__cuda_scale_backward(gan__backend *be, const gan__scale_args *args);
/* rows.cu */
gan_status gan__cuda_gather_rows(gan__backend *be, const float *table, int64_t table_rows, int64_t width,
                                 const int32_t *index, int64_t n, float *out);
gan_status gan__cuda_scatter_rows(gan__backend *be, const float *rows, const int32_t *index, int64_t n, int64_t width,
                                  int64_t out_rows, float *out);
gan_status gan__cuda_gather_scalars(gan__backend *be, int n, const gan__array *scalars, float *out);
/* random.cu */
gan_status gan__cuda_random(gan__backend *be, gan__random_kind kind, uint64_t seed, uint64_t stream, uint64_t counter,
                            float a, float b, int64_t n, void *out);
/* update.cu */
gan_status gan__cuda_update(gan__backend *be, const gan__update_args *args, const gan__update *tensors, int n);

/* ---- products and convolutions ---- */

/* products.c, over cuBLASLt */
gan_status gan__cuda_products_create(gan__cuda *cu);
void gan__cuda_products_destroy(gan__cuda *cu);
gan_status gan__cuda_matmul(gan__backend *be, const gan__matmul_args *args);
/* c[i] = alpha op(a[i]) op(b[i]) + beta c[i], i < batch: dense row-major matrices, a and b of type `compute`, c of
 * c_dtype; strides in elements, 0 repeats. */
typedef struct gan__cuda_product {
    gan_dtype compute, c_dtype;
    bool transpose_a, transpose_b;
    int64_t batch, m, n, k;
    const void *a, *b;
    void *c;
    int64_t stride_a, stride_b, stride_c;
    float beta;
} gan__cuda_product;
gan_status gan__cuda_gemm(gan__cuda *cu, const gan__cuda_product *product);
/* An operand as type `compute`: itself, or a converted copy, which is a pack of its storage (kept until the value
 * changes) where it has one, else a workspace that the caller frees (*owned). NULL when out of memory. */
const void *gan__cuda_operand(gan__cuda *cu, const gan__array *x, int64_t n, gan_dtype compute, void **owned);
/* Whether f32 products may use TF32: the context's precision says so. */
bool gan__cuda_tf32(const gan__cuda *cu);

/* conv.c: cuDNN where it is there and can, else columns */
gan_status gan__cuda_conv_forward(gan__backend *be, const gan__conv_args *args);
gan_status gan__cuda_conv_data(gan__backend *be, const gan__conv_args *args);
gan_status gan__cuda_conv_weight(gan__backend *be, const gan__conv_args *args);

typedef enum gan__cuda_conv_kind { GAN__CONV_FORWARD, GAN__CONV_DATA, GAN__CONV_WEIGHT } gan__cuda_conv_kind;
/* A convolution of operands that have type `compute` already; the result has `result`. No bias, no activation. */
typedef struct gan__cuda_conv {
    gan__cuda_conv_kind kind;
    gan_dtype compute, result;
    int64_t n, h, w, in, out, kh, kw, oh, ow; /* x [n, h, w, in], w [out, kh, kw, in], y [n, oh, ow, out] */
    int stride, pad;
    void *x, *weight, *y;
} gan__cuda_conv;
/* columns.cu: our own, over gan__cuda_gemm */
gan_status gan__cuda_conv_columns(gan__cuda *cu, const gan__cuda_conv *conv);
/* cudnn.c. GAN_ERROR_UNSUPPORTED: this convolution is not cuDNN's to do. */
/* cu->cudnn stays NULL, and this is no error, where cuDNN is not there. */
gan_status gan__cudnn_create(gan__cuda *cu);
/* As cudnnGetVersion tells it, 91002 for 9.10.2; 0 without cuDNN. */
size_t gan__cudnn_version(const gan__cuda *cu);
void gan__cudnn_destroy(gan__cuda *cu);
gan_status gan__cudnn_conv(gan__cuda *cu, const gan__cuda_conv *conv);

#ifdef __cplusplus
}
#endif
#endif
