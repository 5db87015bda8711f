/*
 * cublaslt.cpp - cuBLASLt's products on the host.
 *
 * Sums are taken in double, in the order of k, of operands rounded as the compute type says, and rounded once. What the
 * library's documentation does not allow is refused as there. An algorithm remembers the product that it was named for
 * and the alignment that it was promised, and refuses others.
 */
#include "include/cublasLt.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "include/cuda_runtime.h"

struct cublasLtContext {
    uint64_t mark;
};

namespace
{

const uint64_t HANDLE = 0x68616e646c65, LAYOUT = 0x6c61796f7574, OPERATION = 0x6f7065726174,
               PREFERENCE = 0x707265666572, ALGORITHM = 0x616c676f7269;

struct layout {
    uint64_t mark, rows, columns;
    int64_t ld, stride;
    int32_t type, order, batch, reserved;
};

struct operation {
    uint64_t mark;
    const void *bias;
    int64_t bias_stride;
    int32_t compute, scale, pointer_mode, transpose_a, transpose_b, bias_type;
    uint32_t epilogue, reserved;
};

struct preference {
    uint64_t mark, workspace;
    uint32_t schemes, search, aligned[4];
};

struct algorithm {
    uint64_t mark, product, workspace;
    uint32_t aligned[4], bias_aligned;
};

static_assert(sizeof(layout) <= sizeof(cublasLtMatrixLayoutOpaque_t), "a layout fits");
static_assert(sizeof(operation) <= sizeof(cublasLtMatmulDescOpaque_t), "an operation fits");
static_assert(sizeof(preference) <= sizeof(cublasLtMatmulPreferenceOpaque_t), "a preference fits");
static_assert(sizeof(algorithm) <= sizeof(cublasLtMatmulAlgo_t), "an algorithm fits");

/* An opaque structure's content; false where it has not been initialised. */
template <typename T, typename Opaque> bool content(const Opaque *opaque, uint64_t mark, T *out)
{
    if (!opaque)
        return false;
    memcpy(out, opaque, sizeof *out);
    return out->mark == mark;
}

template <typename T, typename Opaque> cublasStatus_t initialise(Opaque *opaque, size_t size, const T &value)
{
    if (!opaque || size < sizeof *opaque)
        return CUBLAS_STATUS_ALLOC_FAILED;
    memset(opaque, 0, sizeof *opaque);
    memcpy(opaque, &value, sizeof value);
    return CUBLAS_STATUS_SUCCESS;
}

template <typename T> cublasStatus_t set(T *field, const void *value, size_t size)
{
    if (!value || size != sizeof *field)
        return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(field, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

size_t size_of(int32_t type)
{
    return type == CUDA_R_16BF ? 2 : 4;
}

/* ---- checks ---- */

/* Whether the type of a bias is the result's, which is all that this combination of types allows. */
cublasStatus_t check_types(const operation &op, const layout &a, const layout &b, const layout &c, const layout &d)
{
    bool f32 = a.type == CUDA_R_32F && c.type == CUDA_R_32F;
    bool bf16 = a.type == CUDA_R_16BF && (c.type == CUDA_R_32F || c.type == CUDA_R_16BF);
    if (op.scale != CUDA_R_32F || a.type != b.type || c.type != d.type || !(f32 || bf16))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (op.compute != CUBLAS_COMPUTE_32F && !(op.compute == CUBLAS_COMPUTE_32F_FAST_TF32 && f32))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if ((op.epilogue & CUBLASLT_EPILOGUE_BIAS) && op.bias_type != -1 && op.bias_type != d.type)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t check_layout(const layout &l)
{
    if (l.order != CUBLASLT_ORDER_COL && l.order != CUBLASLT_ORDER_ROW)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (l.rows > INT32_MAX || l.columns > INT32_MAX)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    uint64_t line = l.order == CUBLASLT_ORDER_COL ? l.rows : l.columns;
    bool valid = l.rows > 0 && l.columns > 0 && l.ld >= 0 && (uint64_t)l.ld >= line && l.batch > 0 && l.stride >= 0;
    return valid ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t check_shapes(const operation &op, const layout &a, const layout &b, const layout &c, const layout &d)
{
    for (const layout *l : {&a, &b, &c, &d}) {
        cublasStatus_t status = check_layout(*l);
        if (status != CUBLAS_STATUS_SUCCESS)
            return status;
        if (l->batch != d.batch)
            return CUBLAS_STATUS_INVALID_VALUE;
    }
    bool ta = op.transpose_a != CUBLAS_OP_N, tb = op.transpose_b != CUBLAS_OP_N;
    uint64_t m = ta ? a.columns : a.rows, k = ta ? a.rows : a.columns;
    uint64_t kb = tb ? b.columns : b.rows, n = tb ? b.rows : b.columns;
    if (k != kb || m != d.rows || n != d.columns || c.rows != d.rows || c.columns != d.columns)
        return CUBLAS_STATUS_INVALID_VALUE;
    /* Results that overlap, of more than one matrix. */
    uint64_t lines = d.order == CUBLASLT_ORDER_COL ? d.columns : d.rows;
    if (d.batch > 1 && (uint64_t)d.stride < lines)
        return CUBLAS_STATUS_INVALID_VALUE;
    return d.batch > 65535 ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t check_operation(const operation &op)
{
    for (int32_t transpose : {op.transpose_a, op.transpose_b})
        if (transpose != CUBLAS_OP_N && transpose != CUBLAS_OP_T && transpose != CUBLAS_OP_C)
            return CUBLAS_STATUS_INVALID_VALUE;
    if (op.pointer_mode != CUBLASLT_POINTER_MODE_HOST)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (op.epilogue == CUBLASLT_EPILOGUE_DEFAULT)
        return CUBLAS_STATUS_SUCCESS;
    const char *epilogues = getenv("GAN_EMULATED_EPILOGUES");
    if ((epilogues && strcmp(epilogues, "0") == 0) || op.epilogue == 0 || (op.epilogue & ~CUBLASLT_EPILOGUE_RELU_BIAS))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if ((op.epilogue & CUBLASLT_EPILOGUE_BIAS) && !op.bias)
        return CUBLAS_STATUS_INVALID_VALUE;
    return CUBLAS_STATUS_SUCCESS;
}

struct product {
    operation op;
    layout a, b, c, d;
};

cublasStatus_t read_product(const cublasLtMatmulDescOpaque_t *op, const cublasLtMatrixLayoutOpaque_t *a,
                            const cublasLtMatrixLayoutOpaque_t *b, const cublasLtMatrixLayoutOpaque_t *c,
                            const cublasLtMatrixLayoutOpaque_t *d, product *p)
{
    if (!content(op, OPERATION, &p->op) || !content(a, LAYOUT, &p->a) || !content(b, LAYOUT, &p->b) ||
        !content(c, LAYOUT, &p->c) || !content(d, LAYOUT, &p->d))
        return CUBLAS_STATUS_INVALID_VALUE;
    cublasStatus_t status = check_operation(p->op);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = check_shapes(p->op, p->a, p->b, p->c, p->d);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = check_types(p->op, p->a, p->b, p->c, p->d);
    return status;
}

/* All but the bias's address. */
uint64_t hash_of(const product &p)
{
    const operation &op = p.op;
    std::vector<int64_t> words = {op.compute,           op.scale,     op.pointer_mode, op.transpose_a, op.transpose_b,
                                  (int64_t)op.epilogue, op.bias_type, op.bias_stride};
    for (const layout *l : {&p.a, &p.b, &p.c, &p.d})
        words.insert(words.end(),
                     {(int64_t)l->rows, (int64_t)l->columns, l->ld, l->stride, l->type, l->order, l->batch});
    uint64_t h = 0;
    for (int64_t word : words) {
        h = (h ^ (uint64_t)word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    return h;
}

/* ---- arithmetic ---- */

float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* x with its lowest `bits` bits rounded away, to nearest, ties to even. */
float rounded(float x, int bits)
{
    if (!std::isfinite(x))
        return x;
    uint32_t u = bits_of(x), half = (1u << (bits - 1)) - 1, odd = (u >> bits) & 1;
    return of_bits((u + half + odd) & ~((1u << bits) - 1));
}

float load(const void *data, int32_t type, int64_t i)
{
    if (type == CUDA_R_32F)
        return ((const float *)data)[i];
    return of_bits((uint32_t)((const uint16_t *)data)[i] << 16);
}

void store(void *data, int32_t type, int64_t i, float x)
{
    if (type == CUDA_R_32F)
        ((float *)data)[i] = x;
    else
        ((uint16_t *)data)[i] = (uint16_t)(bits_of(std::isnan(x) ? NAN : rounded(x, 16)) >> 16);
}

int64_t offset(const layout &l, int64_t row, int64_t column)
{
    return l.order == CUBLASLT_ORDER_COL ? column * l.ld + row : row * l.ld + column;
}

/* The elements from the first to the last of all matrices. */
int64_t span(const layout &l)
{
    return (l.batch - 1) * l.stride + offset(l, (int64_t)l.rows - 1, (int64_t)l.columns - 1) + 1;
}

struct work {
    product p;
    float alpha, beta;
    const void *a, *b, *c;
    void *d, *workspace;
    size_t workspace_bytes;
};

/* op(matrix) of a batch's entry as f32: element (i, j) is at [i * step_i + j * step_j]. */
void unpack(const work &w, const layout &l, bool transpose, const void *data, int64_t entry, int64_t step_i,
            int64_t step_j, std::vector<float> *out)
{
    bool tf32 = w.p.op.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
    int64_t rows = (int64_t)l.rows, columns = (int64_t)l.columns;
    out->resize((size_t)(rows * columns));
    for (int64_t column = 0; column < columns; column++)
        for (int64_t row = 0; row < rows; row++) {
            float x = load(data, l.type, entry * l.stride + offset(l, row, column));
            int64_t i = transpose ? column : row, j = transpose ? row : column;
            (*out)[(size_t)(i * step_i + j * step_j)] = tf32 ? rounded(x, 13) : x;
        }
}

void finish(const work &w, int64_t entry, int64_t column, const std::vector<double> &sums)
{
    const product &p = w.p;
    for (int64_t row = 0; row < (int64_t)p.d.rows; row++) {
        double x = w.alpha * sums[(size_t)row];
        if (w.beta != 0.0f)
            x += (double)w.beta * load(w.c, p.c.type, entry * p.c.stride + offset(p.c, row, column));
        if (p.op.epilogue & CUBLASLT_EPILOGUE_BIAS)
            x += load(p.op.bias, p.d.type, entry * p.op.bias_stride + row);
        if ((p.op.epilogue & CUBLASLT_EPILOGUE_RELU) && x < 0.0)
            x = 0.0;
        store(w.d, p.d.type, entry * p.d.stride + offset(p.d, row, column), (float)x);
    }
}

void run(void *argument)
{
    const work &w = *(const work *)argument;
    const product &p = w.p;
    bool ta = p.op.transpose_a != CUBLAS_OP_N, tb = p.op.transpose_b != CUBLAS_OP_N;
    int64_t m = (int64_t)p.d.rows, n = (int64_t)p.d.columns, k = (int64_t)(ta ? p.a.rows : p.a.columns);
    memset(w.workspace, 0xff, w.workspace_bytes); /* what was there is lost */
    std::vector<float> a, b;
    std::vector<double> sums((size_t)m);
    for (int64_t entry = 0; entry < p.d.batch; entry++) {
        if (entry == 0 || p.a.stride != 0)
            unpack(w, p.a, ta, w.a, entry, 1, m, &a);
        if (entry == 0 || p.b.stride != 0)
            unpack(w, p.b, tb, w.b, entry, 1, k, &b);
        for (int64_t column = 0; column < n; column++) {
            sums.assign((size_t)m, 0.0);
            for (int64_t i = 0; i < k; i++) {
                const float *of_a = &a[(size_t)(i * m)];
                double of_b = b[(size_t)(column * k + i)];
                for (int64_t row = 0; row < m; row++)
                    sums[(size_t)row] += of_b * of_a[row];
            }
            finish(w, entry, column, sums);
        }
    }
}

bool is_aligned(const void *data, uint32_t alignment)
{
    return (uintptr_t)data % alignment == 0;
}

/* What the algorithm was promised. */
cublasStatus_t check_call(const work &w, const algorithm &algo, size_t workspace_bytes)
{
    const product &p = w.p;
    if (algo.product != hash_of(p) || workspace_bytes < algo.workspace || (algo.workspace && !w.workspace))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (w.c == w.d && (p.c.ld != p.d.ld || p.c.stride != p.d.stride || p.c.order != p.d.order))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (!is_aligned(w.a, algo.aligned[0]) || !is_aligned(w.b, algo.aligned[1]) || !is_aligned(w.c, algo.aligned[2]) ||
        !is_aligned(w.d, algo.aligned[3]) || !is_aligned(w.workspace, 16))
        return CUBLAS_STATUS_INVALID_VALUE;
    bool bias = p.op.epilogue & CUBLASLT_EPILOGUE_BIAS;
    if (bias && !is_aligned(p.op.bias, algo.bias_aligned))
        return CUBLAS_STATUS_INVALID_VALUE;
    bool there = gan_emulated_on_device(w.a, (size_t)span(p.a) * size_of(p.a.type)) &&
                 gan_emulated_on_device(w.b, (size_t)span(p.b) * size_of(p.b.type)) &&
                 gan_emulated_on_device(w.d, (size_t)span(p.d) * size_of(p.d.type)) &&
                 (w.beta == 0.0f || gan_emulated_on_device(w.c, (size_t)span(p.c) * size_of(p.c.type))) &&
                 (!bias || gan_emulated_on_device(p.op.bias, (size_t)p.d.rows * size_of(p.d.type))) &&
                 (workspace_bytes == 0 || gan_emulated_on_device(w.workspace, workspace_bytes));
    return there ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

} // namespace

/* ---- the library ---- */

cublasStatus_t cublasLtCreate(cublasLtHandle_t *lightHandle)
{
    if (!lightHandle)
        return CUBLAS_STATUS_INVALID_VALUE;
    *lightHandle = new cublasLtContext{HANDLE};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t lightHandle)
{
    if (!lightHandle || lightHandle->mark != HANDLE)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    delete lightHandle;
    return CUBLAS_STATUS_SUCCESS;
}

size_t cublasLtGetVersion(void)
{
    return 130000;
}

const char *cublasLtGetStatusName(cublasStatus_t status)
{
    switch (status) {
    case CUBLAS_STATUS_SUCCESS:
        return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
        return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
        return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
        return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
        return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_NOT_SUPPORTED:
        return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
        return "CUBLAS_STATUS_INTERNAL_ERROR";
    }
}

const char *cublasLtGetStatusString(cublasStatus_t status)
{
    switch (status) {
    case CUBLAS_STATUS_SUCCESS:
        return "all is well";
    case CUBLAS_STATUS_NOT_INITIALIZED:
        return "there is no handle (emulated)";
    case CUBLAS_STATUS_ALLOC_FAILED:
        return "no memory (emulated)";
    case CUBLAS_STATUS_INVALID_VALUE:
        return "what is asked for contradicts itself (emulated)";
    case CUBLAS_STATUS_EXECUTION_FAILED:
        return "an operand is not in device memory (emulated)";
    case CUBLAS_STATUS_NOT_SUPPORTED:
        return "there is no such product (emulated)";
    default:
        return "an internal error (emulated)";
    }
}

cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t matLayout, size_t size, cudaDataType type,
                                                 uint64_t rows, uint64_t cols, int64_t ld)
{
    return initialise(matLayout, size, layout{LAYOUT, rows, cols, ld, 0, type, CUBLASLT_ORDER_COL, 1, 0});
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t matLayout, cublasLtMatrixLayoutAttribute_t attr,
                                                const void *buf, size_t sizeInBytes)
{
    layout l;
    if (!content(matLayout, LAYOUT, &l))
        return CUBLAS_STATUS_INVALID_VALUE;
    cublasStatus_t status = attr == CUBLASLT_MATRIX_LAYOUT_TYPE                   ? set(&l.type, buf, sizeInBytes)
                            : attr == CUBLASLT_MATRIX_LAYOUT_ORDER                ? set(&l.order, buf, sizeInBytes)
                            : attr == CUBLASLT_MATRIX_LAYOUT_ROWS                 ? set(&l.rows, buf, sizeInBytes)
                            : attr == CUBLASLT_MATRIX_LAYOUT_COLS                 ? set(&l.columns, buf, sizeInBytes)
                            : attr == CUBLASLT_MATRIX_LAYOUT_LD                   ? set(&l.ld, buf, sizeInBytes)
                            : attr == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT          ? set(&l.batch, buf, sizeInBytes)
                            : attr == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET ? set(&l.stride, buf, sizeInBytes)
                                                                                  : CUBLAS_STATUS_INVALID_VALUE;
    memcpy(matLayout, &l, sizeof l);
    return status;
}

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t matmulDesc, size_t size,
                                               cublasComputeType_t computeType, cudaDataType_t scaleType)
{
    operation op = {};
    op.mark = OPERATION;
    op.compute = computeType;
    op.scale = scaleType;
    op.bias_type = -1;
    op.epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    return initialise(matmulDesc, size, op);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t matmulDesc, cublasLtMatmulDescAttributes_t attr,
                                              const void *buf, size_t sizeInBytes)
{
    operation op;
    if (!content(matmulDesc, OPERATION, &op))
        return CUBLAS_STATUS_INVALID_VALUE;
    cublasStatus_t status = attr == CUBLASLT_MATMUL_DESC_COMPUTE_TYPE        ? set(&op.compute, buf, sizeInBytes)
                            : attr == CUBLASLT_MATMUL_DESC_SCALE_TYPE        ? set(&op.scale, buf, sizeInBytes)
                            : attr == CUBLASLT_MATMUL_DESC_POINTER_MODE      ? set(&op.pointer_mode, buf, sizeInBytes)
                            : attr == CUBLASLT_MATMUL_DESC_TRANSA            ? set(&op.transpose_a, buf, sizeInBytes)
                            : attr == CUBLASLT_MATMUL_DESC_TRANSB            ? set(&op.transpose_b, buf, sizeInBytes)
                            : attr == CUBLASLT_MATMUL_DESC_EPILOGUE          ? set(&op.epilogue, buf, sizeInBytes)
                            : attr == CUBLASLT_MATMUL_DESC_BIAS_POINTER      ? set(&op.bias, buf, sizeInBytes)
                            : attr == CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE ? set(&op.bias_stride, buf, sizeInBytes)
                            : attr == CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE    ? set(&op.bias_type, buf, sizeInBytes)
                                                                             : CUBLAS_STATUS_INVALID_VALUE;
    memcpy(matmulDesc, &op, sizeof op);
    return status;
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t pref, size_t size)
{
    return initialise(pref, size, preference{PREFERENCE, 0, CUBLASLT_REDUCTION_SCHEME_MASK, 0, {256, 256, 256, 256}});
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t pref,
                                                    cublasLtMatmulPreferenceAttributes_t attr, const void *buf,
                                                    size_t sizeInBytes)
{
    preference p;
    if (!content(pref, PREFERENCE, &p))
        return CUBLAS_STATUS_INVALID_VALUE;
    bool aligned =
        attr >= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES && attr <= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES;
    cublasStatus_t status = aligned
                                ? set(&p.aligned[attr - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], buf, sizeInBytes)
                            : attr == CUBLASLT_MATMUL_PREF_SEARCH_MODE           ? set(&p.search, buf, sizeInBytes)
                            : attr == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES   ? set(&p.workspace, buf, sizeInBytes)
                            : attr == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK ? set(&p.schemes, buf, sizeInBytes)
                                                                                 : CUBLAS_STATUS_INVALID_VALUE;
    memcpy(pref, &p, sizeof p);
    return status;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t lightHandle, cublasLtMatmulDesc_t operationDesc,
                                              cublasLtMatrixLayout_t Adesc, cublasLtMatrixLayout_t Bdesc,
                                              cublasLtMatrixLayout_t Cdesc, cublasLtMatrixLayout_t Ddesc,
                                              cublasLtMatmulPreference_t pref, int requestedAlgoCount,
                                              cublasLtMatmulHeuristicResult_t heuristicResultsArray[],
                                              int *returnAlgoCount)
{
    product p;
    preference wish;
    if (!lightHandle || lightHandle->mark != HANDLE)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!content(pref, PREFERENCE, &wish) || requestedAlgoCount <= 0 || !heuristicResultsArray || !returnAlgoCount)
        return CUBLAS_STATUS_INVALID_VALUE;
    *returnAlgoCount = 0;
    cublasStatus_t status = read_product(operationDesc, Adesc, Bdesc, Cdesc, Ddesc, &p);
    if (status != CUBLAS_STATUS_SUCCESS)
        return status;
    algorithm algo = {ALGORITHM, hash_of(p), wish.workspace < 4096 ? wish.workspace : 4096, {}, 16};
    const layout *layouts[4] = {&p.a, &p.b, &p.c, &p.d};
    for (int i = 0; i < 4; i++) {
        if (wish.aligned[i] < size_of(layouts[i]->type) || (wish.aligned[i] & (wish.aligned[i] - 1)))
            return CUBLAS_STATUS_NOT_SUPPORTED;
        algo.aligned[i] = wish.aligned[i] < 16 ? wish.aligned[i] : 16;
    }
    while (!is_aligned(p.op.bias, algo.bias_aligned))
        algo.bias_aligned /= 2;
    cublasLtMatmulHeuristicResult_t result = {};
    memcpy(&result.algo, &algo, sizeof algo);
    result.workspaceSize = algo.workspace;
    result.wavesCount = 1.0f;
    heuristicResultsArray[0] = result;
    *returnAlgoCount = 1;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t lightHandle, cublasLtMatmulDesc_t computeDesc, const void *alpha,
                              const void *A, cublasLtMatrixLayout_t Adesc, const void *B, cublasLtMatrixLayout_t Bdesc,
                              const void *beta, const void *C, cublasLtMatrixLayout_t Cdesc, void *D,
                              cublasLtMatrixLayout_t Ddesc, const cublasLtMatmulAlgo_t *algo, void *workspace,
                              size_t workspaceSizeInBytes, cudaStream_t stream)
{
    work w = {};
    algorithm known;
    if (!lightHandle || lightHandle->mark != HANDLE)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!alpha || !beta || !A || !B || !C || !D || !content(algo, ALGORITHM, &known))
        return CUBLAS_STATUS_INVALID_VALUE;
    cublasStatus_t status = read_product(computeDesc, Adesc, Bdesc, Cdesc, Ddesc, &w.p);
    if (status != CUBLAS_STATUS_SUCCESS)
        return status;
    w.alpha = *(const float *)alpha;
    w.beta = *(const float *)beta;
    w.a = A;
    w.b = B;
    w.c = C;
    w.d = D;
    w.workspace = workspace;
    w.workspace_bytes = known.workspace;
    status = check_call(w, known, workspaceSizeInBytes);
    if (status == CUBLAS_STATUS_SUCCESS)
        gan_emulated_enqueue(stream, run, &w, sizeof w);
    return status;
}
