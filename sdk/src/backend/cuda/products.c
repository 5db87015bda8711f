/*
 * Matrix products over cuBLASLt.
 *
 * cuBLASLt's matrices are column-major: our row-major [r, c] is its [c, r]. So c = op(a) op(b) is asked for as
 * cᵀ = op(b)ᵀ op(a)ᵀ, which needs no transposition: b comes first, and the bias of our columns is one of its rows.
 *
 * What cuBLASLt is told of a product, and the algorithm it names for it, are kept as a plan. The algorithm is the first
 * that its heuristic gives for the product's description. Nothing is timed and no sum is taken in place or by atomics,
 * so a run that is resumed computes the same bits.
 */
#include "cuda.h"

#include <cublasLt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

/* Alignment is told up to this: no kernel asks for more, and what else the allocator's state adds to it must not choose
 * the algorithm. The bias of an epilogue needs it, and the heuristic has no way to be told less. */
#define GAN__ALIGNED 16
/* Matrices of one call. A grid has 65535 blocks in its third dimension. */
#define GAN__BATCH_MOST 65535
/* Slots, a power of two, and the plans at which all are dropped: more than the shapes of a few networks. */
#define GAN__PLAN_SLOTS 8192
#define GAN__PLANS_MOST 4096

/* What tells products apart; no padding, compared and hashed as bytes. */
typedef struct plan_key {
    int64_t m, n, k, stride_a, stride_b, stride_c;
    int32_t batch;
    uint16_t epilogue;
    uint8_t compute, c_dtype;
    uint8_t transpose_a, transpose_b, tf32, align_a;
    uint8_t align_b, align_c, reserved[2];
} plan_key;
_Static_assert(sizeof(plan_key) == 64, "a key has no padding");

typedef struct plan {
    plan_key key;
    bool supported; /* else there is no algorithm */
    cublasLtMatmulDescOpaque_t operation;
    cublasLtMatrixLayoutOpaque_t a, b, c; /* ours: cuBLASLt's A is b */
    cublasLtMatmulAlgo_t algorithm;
} plan;

struct gan__cublas {
    cublasLtHandle_t handle;
    void *workspace; /* stays where it is: captured graphs hold its address */
    size_t workspace_bytes;
    plan *slots[GAN__PLAN_SLOTS];
    int plans;
};

/* ---- errors ---- */

static gan_status fail(gan__cuda *cu, const gan__cuda_product *p, cublasStatus_t status, const char *call)
{
    gan_status code = status == CUBLAS_STATUS_ALLOC_FAILED    ? GAN_ERROR_MEMORY
                      : status == CUBLAS_STATUS_NOT_SUPPORTED ? GAN_ERROR_UNSUPPORTED
                                                              : GAN_ERROR_DEVICE;
    return gan__cuda_fail(cu, code,
                          "cuBLASLt's %s failed for %" PRId64 " %s products [%" PRId64 ", %" PRId64 "] x [%" PRId64
                          ", %" PRId64 "]: %s, %s",
                          call, p->batch, p->compute == GAN_BF16 ? "bf16" : "f32", p->m, p->k, p->k, p->n,
                          cublasLtGetStatusName(status), cublasLtGetStatusString(status));
}

/* A product that can be done may be refused with an epilogue, also as invalid; it is then done without. */
static bool refused(cublasStatus_t status, cublasLtEpilogue_t epilogue)
{
    return status == CUBLAS_STATUS_NOT_SUPPORTED ||
           (status == CUBLAS_STATUS_INVALID_VALUE && epilogue != CUBLASLT_EPILOGUE_DEFAULT);
}

static gan_status no_algorithm(gan__cuda *cu, const gan__cuda_product *p)
{
    return fail(cu, p, CUBLAS_STATUS_NOT_SUPPORTED, "cublasLtMatmulAlgoGetHeuristic");
}

/* ---- plans ---- */

static uint8_t alignment(const void *p)
{
    uintptr_t lowest = (uintptr_t)p & (~(uintptr_t)p + 1);
    return lowest == 0 || lowest > GAN__ALIGNED ? GAN__ALIGNED : (uint8_t)lowest;
}

static plan_key key_of(const gan__cuda *cu, const gan__cuda_product *p, cublasLtEpilogue_t epilogue)
{
    bool strides = p->batch > 1;
    return (plan_key){.m = p->m,
                      .n = p->n,
                      .k = p->k,
                      .stride_a = strides ? p->stride_a : 0,
                      .stride_b = strides ? p->stride_b : 0,
                      .stride_c = strides ? p->stride_c : 0,
                      .batch = (int32_t)p->batch,
                      .epilogue = (uint16_t)epilogue,
                      .compute = (uint8_t)p->compute,
                      .c_dtype = (uint8_t)p->c_dtype,
                      .transpose_a = p->transpose_a,
                      .transpose_b = p->transpose_b,
                      .tf32 = p->compute == GAN_F32 && gan__cuda_tf32(cu),
                      .align_a = alignment(p->a),
                      .align_b = alignment(p->b),
                      .align_c = alignment(p->c)};
}

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t hash(const plan_key *key)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof *key; i++)
        h = (h ^ ((const unsigned char *)key)[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

static cudaDataType_t type_of(gan_dtype dtype)
{
    return dtype == GAN_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

static cublasStatus_t describe_operation(plan *p)
{
    const plan_key *key = &p->key;
    cublasComputeType_t compute = key->tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    int32_t first = key->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N, second = key->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    uint32_t epilogue = key->epilogue;
    /* The heuristic looks at the alignment of this address only; a call sets its own. */
    const void *bias = (const void *)(uintptr_t)GAN__ALIGNED;
    cublasStatus_t status = cublasLtMatmulDescInit(&p->operation, compute, CUDA_R_32F);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulDescSetAttribute(&p->operation, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulDescSetAttribute(&p->operation, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second);
    if (status == CUBLAS_STATUS_SUCCESS)
        status =
            cublasLtMatmulDescSetAttribute(&p->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
    if (status == CUBLAS_STATUS_SUCCESS && (epilogue & CUBLASLT_EPILOGUE_BIAS))
        status = cublasLtMatmulDescSetAttribute(&p->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias);
    return status;
}

/* Our dense row-major [rows, columns]. */
static cublasStatus_t describe_matrix(cublasLtMatrixLayoutOpaque_t *layout, gan_dtype dtype, int64_t rows,
                                      int64_t columns, int32_t batch, int64_t stride)
{
    cublasStatus_t status =
        cublasLtMatrixLayoutInit(layout, type_of(dtype), (uint64_t)columns, (uint64_t)rows, columns);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
                                                  sizeof stride);
    return status;
}

static cublasStatus_t describe_matrices(plan *p)
{
    const plan_key *key = &p->key;
    gan_dtype compute = (gan_dtype)key->compute;
    int64_t m = key->m, n = key->n, k = key->k;
    bool ta = key->transpose_a, tb = key->transpose_b;
    cublasStatus_t status = describe_matrix(&p->a, compute, ta ? k : m, ta ? m : k, key->batch, key->stride_a);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = describe_matrix(&p->b, compute, tb ? n : k, tb ? k : n, key->batch, key->stride_b);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = describe_matrix(&p->c, (gan_dtype)key->c_dtype, m, n, key->batch, key->stride_c);
    return status;
}

/* Partial sums may be kept in the workspace, in f32: taken in place they would come in any order, and in the result's
 * type they would be rounded to bf16. */
static cublasStatus_t describe_preference(cublasLtMatmulPreferenceOpaque_t *preference, const plan_key *key,
                                          size_t workspace)
{
    uint64_t bytes = workspace;
    uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    const struct {
        cublasLtMatmulPreferenceAttributes_t attribute;
        uint32_t bytes;
    } aligned[4] = {{CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key->align_b},
                    {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key->align_a},
                    {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, key->align_c},
                    {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key->align_c}};
    cublasStatus_t status = cublasLtMatmulPreferenceInit(preference);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes,
                                                      sizeof bytes);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes,
                                                      sizeof schemes);
    for (int i = 0; i < 4 && status == CUBLAS_STATUS_SUCCESS; i++)
        status = cublasLtMatmulPreferenceSetAttribute(preference, aligned[i].attribute, &aligned[i].bytes,
                                                      sizeof aligned[i].bytes);
    return status;
}

static gan_status make_plan(gan__cuda *cu, const gan__cuda_product *product, plan *p)
{
    cublasLtMatmulPreferenceOpaque_t preference;
    cublasLtMatmulHeuristicResult_t found;
    int count = 0;
    cublasStatus_t status = describe_operation(p);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = describe_matrices(p);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = describe_preference(&preference, &p->key, cu->cublas->workspace_bytes);
    if (status != CUBLAS_STATUS_SUCCESS)
        return fail(cu, product, status, "description");
    status = cublasLtMatmulAlgoGetHeuristic(cu->cublas->handle, &p->operation, &p->b, &p->a, &p->c, &p->c, &preference,
                                            1, &found, &count);
    if (status != CUBLAS_STATUS_SUCCESS && !refused(status, (cublasLtEpilogue_t)p->key.epilogue))
        return fail(cu, product, status, "cublasLtMatmulAlgoGetHeuristic");
    p->supported = status == CUBLAS_STATUS_SUCCESS && count > 0 && found.state == CUBLAS_STATUS_SUCCESS;
    if (p->supported)
        p->algorithm = found.algo;
    return GAN_OK;
}

static void drop_plans(gan__cublas *cublas)
{
    for (int i = 0; i < GAN__PLAN_SLOTS; i++) {
        free(cublas->slots[i]);
        cublas->slots[i] = NULL;
    }
    cublas->plans = 0;
}

static gan_status plan_for(gan__cuda *cu, const gan__cuda_product *product, cublasLtEpilogue_t epilogue, plan **out)
{
    gan__cublas *cublas = cu->cublas;
    plan_key key = key_of(cu, product, epilogue);
    if (cublas->plans >= GAN__PLANS_MOST)
        drop_plans(cublas);
    size_t at = (size_t)hash(&key) % GAN__PLAN_SLOTS;
    for (; cublas->slots[at]; at = (at + 1) % GAN__PLAN_SLOTS)
        if (memcmp(&cublas->slots[at]->key, &key, sizeof key) == 0) {
            *out = cublas->slots[at];
            return GAN_OK;
        }
    plan *p = calloc(1, sizeof *p);
    if (!p)
        return gan__cuda_fail(cu, GAN_ERROR_MEMORY, "no memory for the description of a matrix product");
    p->key = key;
    gan_status status = make_plan(cu, product, p);
    if (status != GAN_OK) {
        free(p);
        return status;
    }
    *out = cublas->slots[at] = p;
    cublas->plans++;
    return GAN_OK;
}

/* ---- running ---- */

static gan_status run_once(gan__cuda *cu, const gan__cuda_product *p, cublasLtEpilogue_t epilogue, const float *bias)
{
    const float alpha = 1.0f;
    gan__cublas *cublas = cu->cublas;
    plan *known = NULL;
    gan_status status = plan_for(cu, p, epilogue, &known);
    if (status != GAN_OK)
        return status;
    if (!known->supported)
        return GAN_ERROR_UNSUPPORTED;
    cublasStatus_t result = CUBLAS_STATUS_SUCCESS;
    if (bias)
        result =
            cublasLtMatmulDescSetAttribute(&known->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias);
    if (result == CUBLAS_STATUS_SUCCESS)
        result = cublasLtMatmul(cublas->handle, &known->operation, &alpha, p->b, &known->b, p->a, &known->a, &p->beta,
                                p->c, &known->c, p->c, &known->c, &known->algorithm, cublas->workspace,
                                cublas->workspace_bytes, cu->stream);
    if (result == CUBLAS_STATUS_SUCCESS)
        return GAN_OK;
    if (epilogue == CUBLASLT_EPILOGUE_DEFAULT || !refused(result, epilogue))
        return fail(cu, p, result, "cublasLtMatmul");
    known->supported = false;
    return GAN_ERROR_UNSUPPORTED;
}

static const void *element(const void *data, gan_dtype dtype, int64_t i)
{
    return (const char *)data + i * (int64_t)gan__cuda_dtype_size(dtype);
}

/* GAN_ERROR_UNSUPPORTED without a sentence: cuBLASLt has no algorithm for this product with this epilogue. */
static gan_status run(gan__cuda *cu, const gan__cuda_product *product, cublasLtEpilogue_t epilogue, const float *bias)
{
    gan__cuda_product p = *product;
    /* A batch of dense rows times one matrix is one taller matrix. */
    if (p.batch > 1 && p.stride_b == 0 && !p.transpose_a && p.stride_a == p.m * p.k && p.stride_c == p.m * p.n &&
        p.m <= INT32_MAX / p.batch) {
        p.m *= p.batch;
        p.batch = 1;
    }
    if (p.m > INT32_MAX || p.n > INT32_MAX || p.k > INT32_MAX)
        return gan__cuda_fail(cu, GAN_ERROR_LIMIT,
                              "a matrix product of [%" PRId64 ", %" PRId64 "] x [%" PRId64 ", %" PRId64
                              "] is too large: cuBLASLt takes dimensions up to %d",
                              p.m, p.k, p.k, p.n, INT32_MAX);
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < p.batch && status == GAN_OK; i += GAN__BATCH_MOST) {
        gan__cuda_product part = p;
        part.batch = p.batch - i < GAN__BATCH_MOST ? p.batch - i : GAN__BATCH_MOST;
        part.a = element(p.a, p.compute, i * p.stride_a);
        part.b = element(p.b, p.compute, i * p.stride_b);
        part.c = (void *)element(p.c, p.c_dtype, i * p.stride_c);
        status = run_once(cu, &part, epilogue, bias);
    }
    return status;
}

/* c = beta c, for k == 0. */
static gan_status scale_result(gan__cuda *cu, const gan__cuda_product *p)
{
    const float params[4] = {p->beta};
    gan__array c = {
        .data = p->c, .dtype = p->c_dtype, .ndim = 2, .dim = {p->batch, p->m * p->n}, .stride = {p->stride_c, 1}};
    return p->beta == 0.0f ? gan__cuda_map(&cu->base, GAN__MAP_FILL, params, 0, NULL, &c)
                           : gan__cuda_map(&cu->base, GAN__MAP_AFFINE, params, 1, &c, &c);
}

gan_status gan__cuda_gemm(gan__cuda *cu, const gan__cuda_product *product)
{
    if (product->batch == 0 || product->m == 0 || product->n == 0)
        return GAN_OK;
    if (product->k == 0)
        return scale_result(cu, product);
    gan_status status = run(cu, product, CUBLASLT_EPILOGUE_DEFAULT, NULL);
    return status == GAN_ERROR_UNSUPPORTED ? no_algorithm(cu, product) : status;
}

/* ---- operands ---- */

/* The name of a converted copy. A storage may be looked at in parts. */
static uint64_t pack_key(const gan__array *x, int64_t n, gan_dtype compute)
{
    const uint64_t parts[3] = {(uint64_t)((const char *)x->data - (const char *)x->storage->data), (uint64_t)n,
                               (uint64_t)x->dtype << 8 | (uint64_t)compute};
    uint64_t key = 0x636f6e7665727431u; /* "convert1" */
    for (int i = 0; i < 3; i++)
        key = (key ^ parts[i]) * 0x9e3779b97f4a7c15u, key ^= key >> 29;
    return key;
}

static gan_status operand(gan__cuda *cu, const gan__array *x, int64_t n, gan_dtype compute, void **owned,
                          const void **out)
{
    const gan__services *services = cu->base.services;
    *owned = NULL;
    *out = x->data;
    if (x->dtype == compute)
        return GAN_OK;
    size_t bytes = (size_t)n * gan__cuda_dtype_size(compute);
    uint64_t key = x->storage ? pack_key(x, n, compute) : 0;
    if (x->storage && (*out = services->pack_find(cu->base.ctx, x->storage, key)))
        return GAN_OK;
    void *copy = x->storage ? services->pack_add(cu->base.ctx, x->storage, key, bytes) : NULL;
    if (!copy)
        copy = *owned = gan__cuda_workspace(cu, bytes);
    if (!copy)
        return gan__cuda_no_memory(cu, bytes);
    *out = copy;
    gan_status status = gan__cuda_convert(cu, x->dtype, x->data, compute, copy, n);
    if (status != GAN_OK) {
        gan__cuda_workspace_free(cu, *owned);
        *owned = NULL;
    }
    return status;
}

const void *gan__cuda_operand(gan__cuda *cu, const gan__array *x, int64_t n, gan_dtype compute, void **owned)
{
    const void *out;
    return operand(cu, x, n, compute, owned, &out) == GAN_OK ? out : NULL;
}

bool gan__cuda_tf32(const gan__cuda *cu)
{
    return cu->base.ctx->precision == GAN_PRECISION_TF32;
}

/* ---- the product of the kernel table ---- */

/* The epilogue that does all of bias and activation, or the default one and *rest = true. cuBLASLt's bias has the
 * type of the result, and ours is f32. */
static cublasLtEpilogue_t epilogue_of(const gan__matmul_args *args, gan_dtype c_dtype, bool *rest)
{
    bool relu = args->activation.kind == GAN_RELU;
    bool bias_fits = !args->bias || (c_dtype == GAN_F32 && alignment(args->bias) == GAN__ALIGNED);
    *rest = !bias_fits || !(relu || args->activation.kind == GAN_LINEAR);
    if (*rest)
        return CUBLASLT_EPILOGUE_DEFAULT;
    if (args->bias)
        return relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
    return relu ? CUBLASLT_EPILOGUE_RELU : CUBLASLT_EPILOGUE_DEFAULT;
}

static gan_status bias_act(gan__cuda *cu, const gan__matmul_args *args, const gan__cuda_product *p)
{
    if (p->batch == 1 || p->stride_c == p->m * p->n)
        return gan__cuda_bias_act(cu, p->c_dtype, p->c, p->batch * p->m, p->n, args->bias, args->activation);
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < p->batch && status == GAN_OK; i++)
        status = gan__cuda_bias_act(cu, p->c_dtype, (void *)element(p->c, p->c_dtype, i * p->stride_c), p->m, p->n,
                                    args->bias, args->activation);
    return status;
}

/* The whole of it, of operands of type `compute`, into c_dtype. */
static gan_status product_and_rest(gan__cuda *cu, const gan__matmul_args *args, const gan__cuda_product *p)
{
    bool rest;
    cublasLtEpilogue_t epilogue = epilogue_of(args, p->c_dtype, &rest);
    if (p->k > 0 && epilogue != CUBLASLT_EPILOGUE_DEFAULT) {
        gan_status status = run(cu, p, epilogue, args->bias);
        if (status != GAN_ERROR_UNSUPPORTED)
            return status;
    }
    gan_status status = gan__cuda_gemm(cu, p);
    if (status == GAN_OK && (rest || epilogue != CUBLASLT_EPILOGUE_DEFAULT))
        status = bias_act(cu, args, p);
    return status;
}

/* The elements from the first matrix of a batch to the end of its last. */
static int64_t span(int64_t batch, int64_t stride, int64_t matrix)
{
    return batch > 1 ? (batch - 1) * stride + matrix : matrix;
}

/* The dense f32 result as the caller's type. */
static gan_status convert_result(gan__cuda *cu, const gan__matmul_args *args, const gan__cuda_product *p)
{
    bool dense = p->batch == 1 || args->stride_c == p->stride_c;
    int64_t parts = dense ? 1 : p->batch, n = dense ? p->batch * p->stride_c : p->stride_c;
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < parts && status == GAN_OK; i++)
        status = gan__cuda_convert(cu, p->c_dtype, element(p->c, p->c_dtype, i * p->stride_c), args->c.dtype,
                                   (void *)element(args->c.data, args->c.dtype, i * args->stride_c), n);
    return status;
}

gan_status gan__cuda_matmul(gan__backend *be, const gan__matmul_args *args)
{
    gan__cuda *cu = gan__cuda_of(be);
    gan__cuda_product p = {.compute = args->compute,
                           .c_dtype = args->compute == GAN_F32 ? GAN_F32 : args->c.dtype, /* as cuBLASLt has it */
                           .transpose_a = args->transpose_a,
                           .transpose_b = args->transpose_b,
                           .batch = args->batch,
                           .m = args->m,
                           .n = args->n,
                           .k = args->k,
                           .c = args->c.data,
                           .stride_a = args->stride_a,
                           .stride_b = args->stride_b,
                           .stride_c = args->stride_c};
    if (p.batch == 0 || p.m == 0 || p.n == 0)
        return GAN_OK;
    void *own_a = NULL, *own_b = NULL, *own_c = NULL;
    gan_status status = GAN_OK;
    if (p.k > 0)
        status = operand(cu, &args->a, span(p.batch, p.stride_a, p.m * p.k), p.compute, &own_a, &p.a);
    if (status == GAN_OK && p.k > 0)
        status = operand(cu, &args->b, span(p.batch, p.stride_b, p.k * p.n), p.compute, &own_b, &p.b);
    if (status == GAN_OK && p.c_dtype != args->c.dtype) {
        size_t bytes = (size_t)(p.batch * p.m * p.n) * gan__cuda_dtype_size(p.c_dtype);
        p.c = own_c = gan__cuda_workspace(cu, bytes);
        p.stride_c = p.m * p.n;
        if (!own_c)
            status = gan__cuda_no_memory(cu, bytes);
    }
    if (status == GAN_OK)
        status = product_and_rest(cu, args, &p);
    if (status == GAN_OK && own_c)
        status = convert_result(cu, args, &p);
    gan__cuda_workspace_free(cu, own_c);
    gan__cuda_workspace_free(cu, own_b);
    gan__cuda_workspace_free(cu, own_a);
    return status;
}

/* ---- life ---- */

gan_status gan__cuda_products_create(gan__cuda *cu)
{
    gan__cublas *cublas = calloc(1, sizeof *cublas);
    if (!cublas)
        return gan__cuda_fail(cu, GAN_ERROR_MEMORY, "no memory for the table of matrix products");
    cu->cublas = cublas;
    cublasStatus_t status = cublasLtCreate(&cublas->handle);
    if (status != CUBLAS_STATUS_SUCCESS) {
        cublas->handle = NULL;
        return gan__cuda_fail(cu, GAN_ERROR_DEVICE, "cuBLASLt does not start: cublasLtCreate gave %s, %s",
                              cublasLtGetStatusName(status), cublasLtGetStatusString(status));
    }
    /* What NVIDIA recommends for its kernels: 32 MiB from Hopper on, 4 MiB before. */
    cublas->workspace_bytes = (size_t)(cu->properties.major >= 9 ? 32 : 4) << 20;
    cudaError_t error = cudaMalloc(&cublas->workspace, cublas->workspace_bytes);
    if (error == cudaErrorMemoryAllocation)
        return gan__cuda_no_memory(cu, cublas->workspace_bytes);
    return error == cudaSuccess ? GAN_OK : gan__cuda_error(cu, error, "cudaMalloc");
}

void gan__cuda_products_destroy(gan__cuda *cu)
{
    gan__cublas *cublas = cu->cublas;
    if (!cublas)
        return;
    drop_plans(cublas);
    cudaFree(cublas->workspace);
    if (cublas->handle)
        cublasLtDestroy(cublas->handle);
    free(cublas);
    cu->cublas = NULL;
}
