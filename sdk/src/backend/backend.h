/*
 * backend.h - the kernels that a device must supply. Internal.
 *
 * The layers above (ops/) have checked shapes and types; a backend computes. Kernels enqueue work in order and may
 * return before it is done, unless said otherwise. A kernel that fails returns a status and leaves a sentence in
 * backend->error; the caller adds the operator's name and shapes.
 */
#ifndef GAN__BACKEND_H
#define GAN__BACKEND_H

#include <gan/ops.h>

typedef struct gan__backend gan__backend;
typedef struct gan__storage gan__storage;

/* A strided view of device memory. Strides are in elements; 0 repeats. */
typedef struct gan__array {
    void *data;
    gan_dtype dtype;
    int ndim;
    int64_t dim[GAN_MAX_DIMS];
    int64_t stride[GAN_MAX_DIMS];
    gan__storage *storage; /* that data lies in, for packed copies; may be NULL */
} gan__array;

/* Element-wise functions: GAN__MAP_<NAME>; see elementwise.h for the list and their formulas. */
typedef int gan__map_op;

typedef enum gan__reduce_op {
    GAN__REDUCE_SUM = 0,   /* sum a */
    GAN__REDUCE_SUMSQ = 1, /* sum a² */
    GAN__REDUCE_DOT = 2,   /* sum a b */
    GAN__REDUCE_MAX = 3    /* max a */
} gan__reduce_op;

/* c[i] = activation(op(a[i]) op(b[i]) + bias), i < batch. Row-major dense matrices; op(a) is [m, k], op(b) [k, n].
 * Operands are converted to `compute` (GAN_F32 or GAN_BF16) as needed; accumulation is in f32. */
typedef struct gan__matmul_args {
    gan_dtype compute;
    bool transpose_a, transpose_b;
    int64_t batch, m, n, k;
    gan__array a, b, c;                   /* data, dtype, storage are used; dims only for messages */
    int64_t stride_a, stride_b, stride_c; /* elements between batch entries; 0: shared */
    const float *bias;                    /* [n] or NULL */
    gan_activation activation;
} gan__matmul_args;

/* The three convolutions. x [N, H, W, I], w [O, KH, KW, I], y [N, OH, OW, O], dense. */
typedef struct gan__conv_args {
    gan_dtype compute;
    int stride, pad;
    gan__array x, w, y;
    const float *bias;         /* [O] for forward, [I] for data; NULL for none */
    gan_activation activation; /* of the result, forward and data only */
} gan__conv_args;

/* Normalization over R of x [G, R, C]: batch norm has G = 1, instance norm G = N, layer norm C = 1.
 * y = activation(gamma (x - mean) rstd + beta); gamma, beta are [C] (f32) or NULL; mean, rstd [G, C] f32. */
typedef struct gan__norm_args {
    int64_t groups, rows, channels;
    float eps;
    bool affine_each; /* gamma, beta and their gradients are [G, C] */
    gan_activation activation;
    const void *x;
    gan_dtype dtype; /* of x, y, dy, dx: F32 or BF16 */
    const float *gamma, *beta;
    float *mean, *rstd;    /* written by norm_forward, read by the others */
    void *y;               /* written by forward and apply; read by backward when there is an activation */
    const void *dy;        /* backward */
    void *dx;              /* backward: written if not NULL */
    float *dgamma, *dbeta; /* backward: [C], summed over groups (unless affine_each), written if not NULL */
} gan__norm_args;

/* y = activation(scale x + strength noise + bias) of x [n, pixels, channels]: scale [n, channels], noise [n, pixels]
 * or, shared, [pixels], strength [channels], bias [channels] or, one for each sample, [n, channels]. f32; NULL: without
 * it.
 */
typedef struct gan__scale_args {
    int64_t n, pixels, channels;
    gan_activation activation;
    gan_dtype dtype; /* of x, y, dy, dx: F32 or BF16 */
    bool noise_shared, bias_each;
    const void *x; /* read by backward for dscale */
    const float *scale, *noise, *strength, *bias;
    void *y;                                    /* written by forward; read by backward when there is an activation */
    const void *dy;                             /* backward */
    void *dx;                                   /* backward: of y's type; like all that follow written if not NULL */
    float *dscale, *dnoise, *dstrength, *dbias; /* of the shapes of scale, ... */
} gan__scale_args;

typedef enum gan__random_kind { GAN__RANDOM_UNIFORM = 0, GAN__RANDOM_NORMAL = 1, GAN__RANDOM_INT = 2 } gan__random_kind;

typedef enum gan__update_kind {
    GAN__UPDATE_ADAM = 0, /* m = b1 m + (1-b1) g; v = b2 v + (1-b2) g²; p -= lr/(1-b1^t) m / (sqrt(v/(1-b2^t)) + eps) */
    GAN__UPDATE_RMSPROP = 1, /* v = b2 v + (1-b2) g²; p -= lr g / (sqrt(v) + eps) */
    GAN__UPDATE_SGD = 2,     /* m = b1 m + g; p -= lr m; m may be NULL when b1 is 0 */
    GAN__UPDATE_EMA = 3      /* p = b1 p + (1-b1) g */
} gan__update_kind;

typedef struct gan__update {
    float *p, *m, *v;
    const float *g;
    int64_t n;
} gan__update;

typedef struct gan__update_args {
    gan__update_kind kind;
    double lr, b1, b2, eps;
    int64_t step; /* t, from 1 */
} gan__update_args;

/* What the kernels of a captured step read anew at each replay. */
typedef struct gan__replay {
    uint64_t random_shift;          /* added to the counters of the numbers drawn while capturing */
    const gan__update_args *update; /* [n_updates], of the calls of `update` while capturing, in order */
    const float *number;            /* [n_numbers], of the calls of `number` */
    int n_updates, n_numbers;
} gan__replay;

/* Calls of `update` and of `number` that one captured step may contain. */
#define GAN__REPLAY_UPDATES 64
#define GAN__REPLAY_NUMBERS 64
/* Values that one call of gather_scalars takes. */
#define GAN__GATHER_MAX 64
/* Bytes that one reading takes. */
#define GAN__READING_MAX 1024

typedef struct gan__graph gan__graph;
typedef struct gan__reading gan__reading;

typedef struct gan__backend_ops {
    void (*destroy)(gan__backend *be);

    /* Memory of the device, 64-byte aligned; NULL when there is none. The caching allocator (core/alloc.c) is the
     * only caller. */
    void *(*allocate)(gan__backend *be, size_t bytes);
    void (*deallocate)(gan__backend *be, void *data, size_t bytes);
    /* copy_in may wait, and leaves `host` to the caller; like copy_out and synchronize it is refused while capturing.
     */
    gan_status (*copy_in)(gan__backend *be, void *device, const void *host, size_t bytes);
    gan_status (*copy_out)(gan__backend *be, void *host, const void *device, size_t bytes); /* waits */
    gan_status (*copy)(gan__backend *be, void *to, const void *from, size_t bytes);
    gan_status (*synchronize)(gan__backend *be);

    /* A batch on its way to the device: what is at `host` can soon be read by kernels at *device, until upload_done,
     * which follows the kernels that read it. Does not wait for the device (but for what was uploaded several uploads
     * ago), and `host` is the caller's again at upload_done. Not while capturing. */
    gan_status (*upload)(gan__backend *be, const void *host, size_t bytes, const void **device);
    gan_status (*upload_done)(gan__backend *be, const void *device);

    /* out[i] = the one element of scalars[i], f32 or bf16, widened; n <= GAN__GATHER_MAX. */
    gan_status (*gather_scalars)(gan__backend *be, int n, const gan__array *scalars, float *out);
    /* Read `bytes` (at most GAN__READING_MAX) of device memory as they are after the work enqueued so far, without
     * waiting. read_value gives them when they have come, else (if it is not to `wait`) leaves *value NULL; read_free
     * ends it, NULL allowed. */
    gan_status (*read_begin)(gan__backend *be, const void *device, size_t bytes, gan__reading **out);
    gan_status (*read_value)(gan__backend *be, gan__reading *reading, bool wait, const void **value);
    void (*read_free)(gan__backend *be, gan__reading *reading);

    /* Steps that are recorded and replayed. NULL members: the device cannot. Between capture_begin and capture_end
     * kernels are recorded and not run; memory comes from allocations that the graph keeps to itself (core/alloc.c).
     * capture_end with `out` NULL throws the recording away. Launching runs it with what `replay` says. */
    gan_status (*capture_begin)(gan__backend *be);
    gan_status (*capture_end)(gan__backend *be, gan__graph **out);
    gan_status (*graph_launch)(gan__backend *be, gan__graph *graph, const gan__replay *replay);
    void (*graph_destroy)(gan__backend *be, gan__graph *graph);
    /* *out = value; in a captured step it is the replay's number instead. */
    gan_status (*number)(gan__backend *be, float value, float *out);

    /* out = f(in...), broadcasting by strides: every array has out's ndim and dims. Any dtype comes in (widened to
     * f32) and goes out (bf16 rounded to nearest even; u8 rounded and clamped). `out` may be strided and may be one
     * of the inputs if the view is the same. `params` are the op's constants. GAN__MAP_COPY with equal dtypes moves
     * bits and serves copies, slices, concatenation and permutation. */
    gan_status (*map)(gan__backend *be, gan__map_op op, const float params[4], int n_in, const gan__array *in,
                      const gan__array *out);

    /* out = scale * reduction of in[0] (and in[1] for DOT) over the axes where out->dim is 1 and in's is not. out is
     * dense f32 with in's ndim. in[i] are dense or broadcast, f32 or bf16. Accumulates so that the error grows slowly
     * with the count (blocked or pairwise), in an order that depends on shapes and thread count only. */
    gan_status (*reduce)(gan__backend *be, gan__reduce_op op, const gan__array *in, float scale, const gan__array *out);

    gan_status (*matmul)(gan__backend *be, const gan__matmul_args *args);
    gan_status (*conv_forward)(gan__backend *be, const gan__conv_args *args); /* writes y */
    gan_status (*conv_data)(gan__backend *be, const gan__conv_args *args);    /* writes x */
    gan_status (*conv_weight)(gan__backend *be, const gan__conv_args *args);  /* writes w, f32 */

    gan_status (*norm_forward)(gan__backend *be, const gan__norm_args *args);
    gan_status (*norm_apply)(gan__backend *be, const gan__norm_args *args); /* mean and rstd are given */
    gan_status (*norm_backward)(gan__backend *be, const gan__norm_args *args);

    /* y[n,i,j,c] = scale * sum of the k x k window of x; and its adjoint, x[n,i,j,c] = scale * y[n,i/k,j/k,c].
     * Dense NHWC, f32 or bf16, same dtype. */
    gan_status (*window_sum)(gan__backend *be, const gan__array *x, int k, float scale, const gan__array *y);
    gan_status (*window_spread)(gan__backend *be, const gan__array *y, int k, float scale, const gan__array *x);
    /* Bilinear resizing of dense NHWC x to y's size (positions as align_corners=False), and its adjoint from y to x. */
    gan_status (*bilinear)(gan__backend *be, const gan__array *x, const gan__array *y);
    gan_status (*bilinear_adjoint)(gan__backend *be, const gan__array *y, const gan__array *x);
    /* Reflection padding of dense NHWC x by p on each side into y, and its adjoint (sums) from y to x. */
    gan_status (*reflect_pad)(gan__backend *be, const gan__array *x, int p, const gan__array *y);
    gan_status (*reflect_pad_adjoint)(gan__backend *be, const gan__array *y, int p, const gan__array *x);

    /* out[i, :] = table[index[i], :] (f32); out must be zeroed by scatter_rows, then out[index[i], :] += rows[i, :].
     * An index outside [0, table rows) is an error that names it (waits for the check on the CPU only). */
    gan_status (*gather_rows)(gan__backend *be, const float *table, int64_t table_rows, int64_t width,
                              const int32_t *index, int64_t n, float *out);
    gan_status (*scatter_rows)(gan__backend *be, const float *rows, const int32_t *index, int64_t n, int64_t width,
                               int64_t out_rows, float *out);

    /* Element i of out comes from Philox block counter + i / 4, word i % 4 (normal: Box-Muller on words 0,1 and 2,3
     * of the same block gives its four values, core/philox.h). UNIFORM in [a, b): a + (b-a) u, u = (word >> 8) * 2^-24;
     * NORMAL: a + b z; INT: i32 in [0, b): the high 32 bits of word * b. */
    gan_status (*random)(gan__backend *be, gan__random_kind kind, uint64_t seed, uint64_t stream, uint64_t counter,
                         float a, float b, int64_t n, void *out);

    /* One optimizer or moving-average step over many tensors. */
    gan_status (*update)(gan__backend *be, const gan__update_args *args, const gan__update *tensors, int n);

    /* Bytes of the device's memory: those that nobody has taken, and all. GAN_ERROR_UNSUPPORTED: not known. */
    gan_status (*memory_free)(gan__backend *be, size_t *available, size_t *total);

    /* Upsampling, filtering and downsampling (gan_upfirdn2d) of dense NHWC x to y's size, f32 or bf16, same dtype:
     * y[n,i,j,c] = gain * sum over s, t of w[s] w[t] x[n, (i down + s - before) / up, (j down + t - before) / up, c],
     * over whole quotients inside x; w are the taps if `flip`, else the taps from the last to the first. `up`, `down`
     * and `gain` are what they mean, not 0; `after` is not used. */
    gan_status (*upfirdn)(gan__backend *be, const gan_fir *fir, const gan__array *x, const gan__array *y);

    /* gan_affine_sample: dense NHWC x to y of the same shape and dtype, f32 or bf16, by theta [N, 2, 3]; and its
     * adjoint from y to x, whose sums have one order. A theta that affine.h does not take gives zeros in both. */
    gan_status (*affine_sample)(gan__backend *be, const float *theta, gan_border border, const gan__array *x,
                                const gan__array *y);
    gan_status (*affine_adjoint)(gan__backend *be, const float *theta, gan_border border, const gan__array *y,
                                 const gan__array *x);

    gan_status (*scale_forward)(gan__backend *be, const gan__scale_args *args);
    gan_status (*scale_backward)(gan__backend *be, const gan__scale_args *args);
} gan__backend_ops;

/* What a backend in a library of its own calls back; for the others they are the functions below. */
typedef struct gan__services {
    void *(*workspace)(gan_context *ctx, size_t bytes);
    void (*workspace_free)(gan_context *ctx, void *data);
    void *(*pack_find)(gan_context *ctx, gan__storage *storage, uint64_t key);
    void *(*pack_add)(gan_context *ctx, gan__storage *storage, uint64_t key, size_t bytes);
} gan__services;

struct gan__backend {
    const gan__backend_ops *ops;
    gan_context *ctx; /* whose memory workspaces come from */
    const gan__services *services;
    int threads;
    bool is_cuda;
    void *stream; /* the cudaStream_t that all work goes to; NULL on the CPU */
    char description[160];
    gan_message error;
};

/* ---- supplied by core/alloc.c for backends ---- */

extern const gan__services gan__core_services;

/* Workspace from the context's caching allocator; NULL when out of memory. 64-byte aligned. A workspace may be freed as
 * soon as the kernels that use it are enqueued: memory is handed on in the order of the work. */
void *gan__workspace(gan_context *ctx, size_t bytes);
void gan__workspace_free(gan_context *ctx, void *data);

/* Copies of a storage's value in another form (a blocked weight layout, bf16), kept until the value changes or the
 * storage goes. `key` names the form, 64 bits of hash. gan__pack_add returns memory to fill; NULL when out of
 * memory (the caller then uses a workspace). */
void *gan__pack_find(gan_context *ctx, gan__storage *storage, uint64_t key);
void *gan__pack_add(gan_context *ctx, gan__storage *storage, uint64_t key, size_t bytes);

/* ---- backends ---- */
gan_status gan__cpu_create(gan_context *ctx, int threads, gan__backend **out, gan_message *message);
/* Computes nothing and counts: the memory of a device that has `limit` bytes of it (0: as many as there are addresses).
 * All values are 0 for the host. */
gan_status gan__measure_create(gan_context *ctx, size_t limit, gan__backend **out, gan_message *message);

/* The one symbol of libgansdk_cuda.so, a gan__cuda_entry_table; core/device.c loads it. */
#define GAN__CUDA_ENTRY_NAME "gan__cuda_entry"
#define GAN__CUDA_LAYOUT     4 /* of this header; raised when it changes */
typedef struct gan__cuda_entry_table {
    uint32_t layout;
    uint32_t backend_ops_size; /* sizeof(gan__backend_ops) */
    const char *version;       /* GAN_VERSION_STRING */
    /* A device by number; with -1 the one that CUDA names first. */
    gan_status (*create)(gan_context *ctx, const gan__services *services, int device, gan__backend **out,
                         gan_message *message);
} gan__cuda_entry_table;

#endif
