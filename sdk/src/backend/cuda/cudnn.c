/*
 * cudnn.c - convolutions by cuDNN 9, through its graph API (the cudnnBackend descriptors).
 *
 * A convolution is described as a graph of one operation; heuristics order the engines that can run it; the first that
 * is deterministic and as precise as the context asks becomes an execution plan, which is remembered by the whole
 * description. The choice is the heuristic's alone, since a resumed run has to repeat its bits; the environment
 * variable GAN_CUDNN_TUNE=on has the first few timed instead.
 *
 * A plan's workspace that there is no memory for is no error: that convolution is columns.cu's, too.
 *
 * The library is opened at run time. Without it, with GAN_CUDNN=off, or where it cannot serve this device, every
 * convolution is GAN_ERROR_UNSUPPORTED here, and so goes to columns.cu.
 *
 * NVIDIA, "cuDNN backend API", https://docs.nvidia.com/deeplearning/cudnn/backend/latest/
 */
#include "cuda.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(GAN__HAVE_CUDNN_HEADER) || defined(GAN__EMULATED)

#include <cudnn.h>
#ifndef GAN__EMULATED
#include <dlfcn.h>
#endif

#define BUCKETS        256
#define MAX_PLANS      4096 /* further descriptions are left to columns.cu: plans may be part of graphs, so none goes */
#define MAX_CONFIGS    64   /* that are looked at in one list of the heuristics */
#define MAX_CANDIDATES 6    /* that are timed */
#define TIMED_RUNS     5
#define MAX_NOTES      32
#define MAX_ALIGNMENT  16 /* no engine asks for more */
#define MAX_WORKSPACE  ((size_t)512 << 20)
/* cuDNN does not say how it wants its workspace aligned; this is what cudaMalloc gives. */
#define WORKSPACE_ALIGNMENT 256

#define FUNCTIONS(X)                                                                                                   \
    X(cudnnGetVersion)                                                                                                 \
    X(cudnnGetErrorString)                                                                                             \
    X(cudnnGetLastErrorString)                                                                                         \
    X(cudnnCreate)                                                                                                     \
    X(cudnnDestroy)                                                                                                    \
    X(cudnnSetStream)                                                                                                  \
    X(cudnnBackendCreateDescriptor)                                                                                    \
    X(cudnnBackendDestroyDescriptor)                                                                                   \
    X(cudnnBackendFinalize)                                                                                            \
    X(cudnnBackendSetAttribute)                                                                                        \
    X(cudnnBackendGetAttribute)                                                                                        \
    X(cudnnBackendExecute)

typedef struct functions {
#define MEMBER(name) __typeof__(name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
} functions;

/* All that a plan depends on; one type throughout, so that there is no padding and bytes can be compared. */
typedef struct problem {
    int64_t kind, compute, result, tf32;
    int64_t n, h, w, in, out, kh, kw, oh, ow, stride, pad;
    int64_t alignment[3]; /* of x, w and y, in bytes */
} problem;

typedef struct plan {
    struct plan *next; /* in its bucket */
    problem problem;
    uint64_t hash;
    cudnnBackendDescriptor_t config, run; /* NULL: cuDNN has no engine for this problem */
    size_t workspace;
    /* There was no memory for the workspace once. The problem is left to columns.cu from then on, and not now and then,
     * so that its results are those of one algorithm. */
    bool no_room;
} plan;

struct gan__cudnn {
    void *library;
    functions api;
    cudnnHandle_t handle;
    size_t version;
    bool tune;
    plan *bucket[BUCKETS];
    int count;
};

/* ---- creation ---- */

#ifdef GAN__EMULATED
static void *open_functions(functions *api)
{
#define MEMBER(name) .name = name,
    *api = (functions){FUNCTIONS(MEMBER)};
#undef MEMBER
    return api;
}

static void close_library(void *library)
{
    (void)library;
}
#else
static void *open_functions(functions *api)
{
    static const char *const paths[] = {"libcudnn.so.9", "/usr/local/cuda/lib64/libcudnn.so.9"};
#define MEMBER(name) {#name, offsetof(functions, name)},
    static const struct {
        const char *name;
        size_t offset;
    } members[] = {FUNCTIONS(MEMBER)};
#undef MEMBER
    void *library = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && !library; i++)
        library = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; i < sizeof members / sizeof *members && library; i++) {
        void *symbol = dlsym(library, members[i].name);
        if (!symbol) {
            dlclose(library);
            return NULL;
        }
        memcpy((char *)api + members[i].offset, &symbol, sizeof symbol);
    }
    return library;
}

static void close_library(void *library)
{
    dlclose(library);
}
#endif

static bool environment_is(const char *name, const char *value)
{
    const char *text = getenv(name);
    return text && strcmp(text, value) == 0;
}

gan_status gan__cudnn_create(gan__cuda *cu)
{
    if (environment_is("GAN_CUDNN", "off"))
        return GAN_OK;
    gan__cudnn *dnn = calloc(1, sizeof *dnn);
    if (!dnn)
        return gan__cuda_fail(cu, GAN_ERROR_MEMORY, "out of memory: the CUDA backend could not be created");
    dnn->library = open_functions(&dnn->api);
    if (!dnn->library) {
        free(dnn);
        return GAN_OK;
    }
    dnn->tune = environment_is("GAN_CUDNN_TUNE", "on");
    dnn->version = dnn->api.cudnnGetVersion();
    cu->cudnn = dnn;
    /* A library that this device or driver is too old for is as good as none. */
    if (dnn->api.cudnnCreate(&dnn->handle) != CUDNN_STATUS_SUCCESS) {
        dnn->handle = NULL;
        gan__cudnn_destroy(cu);
    } else if (dnn->api.cudnnSetStream(dnn->handle, cu->stream) != CUDNN_STATUS_SUCCESS) {
        gan__cudnn_destroy(cu);
    }
    return GAN_OK;
}

static void drop(const gan__cudnn *dnn, cudnnBackendDescriptor_t descriptor)
{
    if (descriptor)
        dnn->api.cudnnBackendDestroyDescriptor(descriptor);
}

void gan__cudnn_destroy(gan__cuda *cu)
{
    gan__cudnn *dnn = cu->cudnn;
    if (!dnn)
        return;
    for (int i = 0; i < BUCKETS; i++) {
        for (plan *p = dnn->bucket[i], *next; p; p = next) {
            next = p->next;
            drop(dnn, p->run);
            drop(dnn, p->config);
            free(p);
        }
    }
    if (dnn->handle)
        dnn->api.cudnnDestroy(dnn->handle);
    close_library(dnn->library);
    free(dnn);
    cu->cudnn = NULL;
}

size_t gan__cudnn_version(const gan__cuda *cu)
{
    return cu->cudnn ? cu->cudnn->version : 0;
}

/* ---- errors ---- */

/* A sequence of calls: after the first that fails the others do nothing, and `step` says which it was. */
typedef struct calls {
    gan__cuda *cu;
    const gan__cudnn *dnn;
    const problem *problem;
    cudnnStatus_t status;
    const char *step;
} calls;

static bool unsupported(cudnnStatus_t status)
{
    /* Sizes beyond what cuDNN indexes are out of its bounds rather than wrong. */
    return CUDNN_STATUS_CATEGORY((int)status) == CUDNN_STATUS_NOT_SUPPORTED ||
           status == CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND;
}

static gan_status fail(const calls *c)
{
    static const char *const kinds[] = {[GAN__CONV_FORWARD] = "convolution",
                                        [GAN__CONV_DATA] = "transposed convolution",
                                        [GAN__CONV_WEIGHT] = "weight gradient of the convolution"};
    char detail[256] = "";
    const problem *p = c->problem;
    c->dnn->api.cudnnGetLastErrorString(detail, sizeof detail);
    detail[sizeof detail - 1] = '\0';
    bool memory = c->status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
                  c->status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
    return gan__cuda_fail(c->cu, memory ? GAN_ERROR_MEMORY : GAN_ERROR_DEVICE,
                          "cuDNN %zu: %s failed for the %s of x [%lld, %lld, %lld, %lld], w [%lld, %lld, %lld, %lld], "
                          "y [%lld, %lld, %lld, %lld], stride %lld, padding %lld: %s%s%s",
                          c->dnn->version, c->step, kinds[p->kind], (long long)p->n, (long long)p->h, (long long)p->w,
                          (long long)p->in, (long long)p->out, (long long)p->kh, (long long)p->kw, (long long)p->in,
                          (long long)p->n, (long long)p->oh, (long long)p->ow, (long long)p->out, (long long)p->stride,
                          (long long)p->pad, c->dnn->api.cudnnGetErrorString(c->status), *detail ? ": " : "", detail);
}

/* ---- descriptors ---- */

static cudnnBackendDescriptor_t create(calls *c, cudnnBackendDescriptorType_t type, const char *step)
{
    cudnnBackendDescriptor_t descriptor = NULL;
    if (c->status != CUDNN_STATUS_SUCCESS)
        return NULL;
    c->step = step;
    c->status = c->dnn->api.cudnnBackendCreateDescriptor(type, &descriptor);
    return c->status == CUDNN_STATUS_SUCCESS ? descriptor : NULL;
}

static void set(calls *c, cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t count, const void *values)
{
    if (c->status == CUDNN_STATUS_SUCCESS)
        c->status = c->dnn->api.cudnnBackendSetAttribute(descriptor, name, type, count, values);
}

static void set_descriptor(calls *c, cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                           const cudnnBackendDescriptor_t *value)
{
    set(c, descriptor, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, value);
}

static void finalize(calls *c, cudnnBackendDescriptor_t descriptor)
{
    if (c->status == CUDNN_STATUS_SUCCESS)
        c->status = c->dnn->api.cudnnBackendFinalize(descriptor);
}

enum { X = 1, WEIGHT, Y, SUMS, OPERANDS = 3 }; /* unique ids of the graph's tensors */

/* cuDNN names dimensions in the order N, C, H, W whatever the memory's; weights are K, C, R, S. */
static cudnnBackendDescriptor_t tensor(calls *c, int64_t id, gan_dtype dtype, int64_t n, int64_t h, int64_t w,
                                       int64_t channels)
{
    const int64_t dims[4] = {n, channels, h, w}, strides[4] = {h * w * channels, 1, w * channels, channels};
    const cudnnDataType_t type = dtype == GAN_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    const bool is_virtual = id == SUMS;
    const int64_t alignment = is_virtual ? MAX_ALIGNMENT : c->problem->alignment[id - X];
    cudnnBackendDescriptor_t t = create(c, CUDNN_BACKEND_TENSOR_DESCRIPTOR, "describing a tensor");
    set(c, t, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
    set(c, t, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    set(c, t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
    set(c, t, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual);
    set(c, t, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims);
    set(c, t, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
    finalize(c, t);
    return t;
}

static cudnnBackendDescriptor_t convolution(calls *c)
{
    const problem *p = c->problem;
    const cudnnDataType_t compute = CUDNN_DATA_FLOAT; /* of the sums, whatever the operands are */
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    const int64_t spatial = 2, pad[2] = {p->pad, p->pad}, stride[2] = {p->stride, p->stride}, dilation[2] = {1, 1};
    cudnnBackendDescriptor_t d = create(c, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "describing the convolution");
    set(c, d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &compute);
    set(c, d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    set(c, d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &spatial);
    set(c, d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, pad);
    set(c, d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, pad);
    set(c, d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, dilation);
    set(c, d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, stride);
    finalize(c, d);
    return d;
}

static cudnnBackendDescriptor_t operation(calls *c, const cudnnBackendDescriptor_t *conv,
                                          const cudnnBackendDescriptor_t operands[OPERANDS])
{
    static const struct {
        cudnnBackendDescriptorType_t type;
        cudnnBackendAttributeName_t conv, operand[OPERANDS], alpha, beta;
    } kinds[] = {
        [GAN__CONV_FORWARD] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                               {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y},
                               CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
        [GAN__CONV_DATA] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                            {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY},
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
        [GAN__CONV_WEIGHT] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                              {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY},
                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA}};
    const int64_t kind = c->problem->kind;
    const float alpha = 1.0f, beta = 0.0f;
    cudnnBackendDescriptor_t op = create(c, kinds[kind].type, "describing the operation");
    set_descriptor(c, op, kinds[kind].conv, conv);
    for (int i = 0; i < OPERANDS; i++)
        set_descriptor(c, op, kinds[kind].operand[i], &operands[i]);
    set(c, op, kinds[kind].alpha, CUDNN_TYPE_FLOAT, 1, &alpha);
    set(c, op, kinds[kind].beta, CUDNN_TYPE_FLOAT, 1, &beta);
    finalize(c, op);
    return op;
}

/* y = x with another element type. */
static cudnnBackendDescriptor_t conversion(calls *c, const cudnnBackendDescriptor_t *identity,
                                           const cudnnBackendDescriptor_t *x, const cudnnBackendDescriptor_t *y)
{
    cudnnBackendDescriptor_t op = create(c, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "describing a conversion");
    set_descriptor(c, op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, identity);
    set_descriptor(c, op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    set_descriptor(c, op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    finalize(c, op);
    return op;
}

static cudnnBackendDescriptor_t identity(calls *c)
{
    const cudnnPointwiseMode_t mode = CUDNN_POINTWISE_IDENTITY;
    const cudnnDataType_t type = CUDNN_DATA_FLOAT;
    cudnnBackendDescriptor_t d = create(c, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "describing a conversion");
    set(c, d, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    set(c, d, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type);
    finalize(c, d);
    return d;
}

/* What a graph is made of; it has to outlive the search for a plan. */
typedef struct graph {
    cudnnBackendDescriptor_t operand[OPERANDS], sums, conv, identity, op[2], all;
} graph;

static cudnnBackendDescriptor_t operand(calls *c, int i, int64_t id, gan_dtype dtype)
{
    const problem *p = c->problem;
    return i == 0   ? tensor(c, id, dtype, p->n, p->h, p->w, p->in)
           : i == 1 ? tensor(c, id, dtype, p->out, p->kh, p->kw, p->in)
                    : tensor(c, id, dtype, p->n, p->oh, p->ow, p->out);
}

static void describe(calls *c, graph *g)
{
    const problem *p = c->problem;
    const int result = p->kind == GAN__CONV_FORWARD ? 2 : p->kind == GAN__CONV_DATA ? 0 : 1;
    const bool convert = p->result != p->compute;
    cudnnBackendDescriptor_t operands[OPERANDS];
    for (int i = 0; i < OPERANDS; i++)
        operands[i] = g->operand[i] = operand(c, i, X + i, (gan_dtype)(i == result ? p->result : p->compute));
    g->conv = convolution(c);
    /* No engine for one convolution alone has a result of another type than its operands, but those that are compiled
     * for a graph do: the sums stay in registers, as a tensor that is virtual. */
    if (convert)
        operands[result] = g->sums = operand(c, result, SUMS, GAN_F32);
    g->op[0] = operation(c, &g->conv, operands);
    if (convert) {
        g->identity = identity(c);
        g->op[1] = conversion(c, &g->identity, &g->sums, &g->operand[result]);
    }
    g->all = create(c, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "describing the graph");
    set(c, g->all, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &c->dnn->handle);
    set(c, g->all, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, convert ? 2 : 1, g->op);
    finalize(c, g->all);
}

static void drop_graph(const gan__cudnn *dnn, graph *g)
{
    drop(dnn, g->all);
    drop(dnn, g->op[1]);
    drop(dnn, g->op[0]);
    drop(dnn, g->identity);
    drop(dnn, g->conv);
    drop(dnn, g->sums);
    for (int i = 0; i < OPERANDS; i++)
        drop(dnn, g->operand[i]);
}

/* ---- running ---- */

/* The calls of one run; `status` is the context's. GAN_ERROR_UNSUPPORTED: there is no memory for the workspace. */
static gan_status execute(calls *c, const plan *p, void *const operands[OPERANDS])
{
    const int64_t ids[OPERANDS] = {X, WEIGHT, Y};
    void *owned = NULL, *workspace = NULL;
    if (p->workspace > 0) {
        owned = gan__cuda_workspace(c->cu, p->workspace + WORKSPACE_ALIGNMENT);
        if (!owned) {
            cudaGetLastError(); /* the failed allocation's: it would be taken for the next kernel's */
            return GAN_ERROR_UNSUPPORTED;
        }
        workspace =
            (char *)owned + (WORKSPACE_ALIGNMENT - (uintptr_t)owned % WORKSPACE_ALIGNMENT) % WORKSPACE_ALIGNMENT;
    }
    cudnnBackendDescriptor_t pack = create(c, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "binding the operands");
    set(c, pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, OPERANDS, operands);
    set(c, pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, OPERANDS, ids);
    set(c, pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
    finalize(c, pack);
    if (c->status == CUDNN_STATUS_SUCCESS) {
        c->step = "execution";
        c->status = c->dnn->api.cudnnBackendExecute(c->dnn->handle, p->run, pack);
    }
    gan_status status = c->status == CUDNN_STATUS_SUCCESS ? GAN_OK : fail(c);
    drop(c->dnn, pack);
    gan__cuda_workspace_free(c->cu, owned);
    return status;
}

/* ---- choosing an engine ---- */

/* Engines may use other arithmetic than was asked for, and say so in their notes. */
static bool precise_enough(const problem *p, cudnnBackendNumericalNote_t note)
{
    switch (note) {
    case CUDNN_NUMERICAL_NOTE_TENSOR_CORE: /* with f32 operands: TF32 */
        return p->compute == GAN_BF16 || p->tf32;
    case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
    case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
    case CUDNN_NUMERICAL_NOTE_FFT:
    case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
    case CUDNN_NUMERICAL_NOTE_WINOGRAD:
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4:
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13:
        return false;
    default:
        return true;
    }
}

static bool usable(calls *c, cudnnBackendDescriptor_t config)
{
    const functions *api = &c->dnn->api;
    cudnnBackendNumericalNote_t notes[MAX_NOTES];
    int64_t count = 0;
    bool good = false;
    cudnnBackendDescriptor_t engine = create(c, CUDNN_BACKEND_ENGINE_DESCRIPTOR, "asking for an engine");
    if (!engine)
        return false;
    if (api->cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count,
                                      &engine) == CUDNN_STATUS_SUCCESS &&
        api->cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, MAX_NOTES,
                                      &count, notes) == CUDNN_STATUS_SUCCESS) {
        good = count <= MAX_NOTES;
        for (int64_t i = 0; good && i < count; i++)
            good = precise_enough(c->problem, notes[i]);
    }
    drop(c->dnn, engine);
    return good;
}

/* Makes config's plan, and takes config over. A configuration that the heuristics name may still turn out not to run
 * here: false, and the next is tried. */
static bool make_plan(calls *c, cudnnBackendDescriptor_t config, plan *out)
{
    calls attempt = *c;
    int64_t workspace = -1, count = 0;
    cudnnBackendDescriptor_t run = create(&attempt, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "making a plan");
    set(&attempt, run, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &c->dnn->handle);
    set_descriptor(&attempt, run, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, &config);
    finalize(&attempt, run);
    if (attempt.status == CUDNN_STATUS_SUCCESS)
        attempt.status = c->dnn->api.cudnnBackendGetAttribute(run, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                                              CUDNN_TYPE_INT64, 1, &count, &workspace);
    if (attempt.status != CUDNN_STATUS_SUCCESS || workspace < 0 || (uint64_t)workspace > MAX_WORKSPACE) {
        drop(c->dnn, run);
        return false;
    }
    out->config = config;
    out->run = run;
    out->workspace = (size_t)workspace;
    return true;
}

/* The first plans, up to `most`, from the list that the heuristics give in one mode. */
static int search(calls *c, const graph *g, cudnnBackendHeurMode_t mode, plan *found, int most)
{
    cudnnBackendDescriptor_t configs[MAX_CONFIGS] = {NULL};
    int64_t count = 0, asked = 0;
    int n = 0;
    cudnnBackendDescriptor_t heuristics =
        create(c, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "asking the heuristics for engines");
    set_descriptor(c, heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, &g->all);
    set(c, heuristics, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    finalize(c, heuristics);
    if (c->status == CUDNN_STATUS_SUCCESS)
        c->status = c->dnn->api.cudnnBackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                                         CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, NULL);
    const int64_t wanted = count < MAX_CONFIGS ? count : MAX_CONFIGS;
    while (c->status == CUDNN_STATUS_SUCCESS && asked < wanted)
        configs[asked++] = create(c, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "asking the heuristics for engines");
    if (c->status == CUDNN_STATUS_SUCCESS && wanted > 0)
        c->status = c->dnn->api.cudnnBackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                                         CUDNN_TYPE_BACKEND_DESCRIPTOR, wanted, &count, configs);
    for (int64_t i = 0; c->status == CUDNN_STATUS_SUCCESS && i < wanted && i < count && n < most; i++) {
        if (!usable(c, configs[i]) || !make_plan(c, configs[i], &found[n]))
            continue;
        configs[i] = NULL;
        n++;
    }
    for (int64_t i = 0; i < asked; i++)
        drop(c->dnn, configs[i]);
    drop(c->dnn, heuristics);
    return n;
}

/* Milliseconds of one run, after one that warms up. The results are the same as of any other run. */
static gan_status time_plan(calls *c, const plan *p, void *const operands[OPERANDS], cudaEvent_t begin, cudaEvent_t end,
                            float *ms)
{
    gan_status status = execute(c, p, operands);
    if (status != GAN_OK)
        return status;
    GAN__CUDA_TRY(c->cu, cudaEventRecord(begin, c->cu->stream));
    for (int i = 0; i < TIMED_RUNS && status == GAN_OK; i++)
        status = execute(c, p, operands);
    if (status != GAN_OK)
        return status;
    GAN__CUDA_TRY(c->cu, cudaEventRecord(end, c->cu->stream));
    GAN__CUDA_TRY(c->cu, cudaEventSynchronize(end));
    GAN__CUDA_TRY(c->cu, cudaEventElapsedTime(ms, begin, end));
    return GAN_OK;
}

/* Of those whose workspace there is memory for; *best stays as it is when that is none. */
static gan_status fastest(calls *c, const plan *found, int n, void *const operands[OPERANDS], int *best)
{
    cudaEvent_t begin = NULL, end = NULL;
    float least = INFINITY, ms = 0.0f;
    GAN__CUDA_TRY(c->cu, cudaEventCreate(&begin));
    cudaError_t error = cudaEventCreate(&end);
    gan_status status = error == cudaSuccess ? GAN_OK : gan__cuda_error(c->cu, error, "cudaEventCreate(&end)");
    for (int i = 0; i < n && status == GAN_OK; i++) {
        status = time_plan(c, &found[i], operands, begin, end, &ms);
        if (status == GAN_OK && ms < least) {
            least = ms;
            *best = i;
        }
        if (status == GAN_ERROR_UNSUPPORTED)
            status = GAN_OK;
    }
    if (end)
        cudaEventDestroy(end);
    cudaEventDestroy(begin);
    return status;
}

/* Fills in p's plan, or leaves it without one when cuDNN cannot do the problem. */
static gan_status choose(calls *c, plan *p, void *const operands[OPERANDS])
{
    static const cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};
    plan found[MAX_CANDIDATES];
    graph g = {{NULL}, NULL, NULL, NULL, {NULL}, NULL};
    const int most = c->dnn->tune && !c->cu->capturing ? MAX_CANDIDATES : 1;
    int n = 0, best = 0;
    gan_status status = GAN_OK;
    describe(c, &g);
    const bool described = c->status == CUDNN_STATUS_SUCCESS;
    for (size_t i = 0; described && i < sizeof modes / sizeof *modes && n == 0; i++) {
        if (i > 0)
            c->status = CUDNN_STATUS_SUCCESS; /* whatever became of the first list, the other may know an engine */
        n = search(c, &g, modes[i], found, most);
    }
    if (n == 0 && c->status != CUDNN_STATUS_SUCCESS && !unsupported(c->status))
        status = fail(c);
    c->status = CUDNN_STATUS_SUCCESS;
    if (n > 1)
        status = fastest(c, found, n, operands, &best);
    for (int i = 0; i < n; i++) {
        if (i == best && status == GAN_OK) {
            p->config = found[i].config;
            p->run = found[i].run;
            p->workspace = found[i].workspace;
        } else {
            drop(c->dnn, found[i].run);
            drop(c->dnn, found[i].config);
        }
    }
    drop_graph(c->dnn, &g);
    return status;
}

/* ---- plans ---- */

/* Of views too, which begin anywhere. */
static int64_t alignment_of(const void *data)
{
    int64_t alignment = MAX_ALIGNMENT;
    while ((uintptr_t)data % (uintptr_t)alignment != 0)
        alignment /= 2;
    return alignment;
}

static problem problem_of(const gan__cuda *cu, const gan__cuda_conv *conv)
{
    return (problem){.kind = conv->kind,
                     .compute = conv->compute,
                     .result = conv->result,
                     .tf32 = conv->compute == GAN_F32 && gan__cuda_tf32(cu),
                     .n = conv->n,
                     .h = conv->h,
                     .w = conv->w,
                     .in = conv->in,
                     .out = conv->out,
                     .kh = conv->kh,
                     .kw = conv->kw,
                     .oh = conv->oh,
                     .ow = conv->ow,
                     .stride = conv->stride,
                     .pad = conv->pad,
                     .alignment = {alignment_of(conv->x), alignment_of(conv->weight), alignment_of(conv->y)}};
}

static uint64_t hash_of(const problem *p)
{
    int64_t values[sizeof *p / sizeof(int64_t)];
    uint64_t hash = 0;
    memcpy(values, p, sizeof values);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        hash = (hash ^ (uint64_t)values[i]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    return hash;
}

/* The problem's plan, made if this is its first time. NULL with GAN_ERROR_UNSUPPORTED when cuDNN has none. */
static gan_status find_plan(calls *c, gan__cudnn *dnn, void *const operands[OPERANDS], plan **out)
{
    const uint64_t hash = hash_of(c->problem);
    plan **bucket = &dnn->bucket[hash % BUCKETS], *p = *bucket;
    while (p && (p->hash != hash || memcmp(&p->problem, c->problem, sizeof p->problem) != 0))
        p = p->next;
    if (!p) {
        if (dnn->count >= MAX_PLANS)
            return GAN_ERROR_UNSUPPORTED;
        p = calloc(1, sizeof *p);
        if (!p)
            return gan__cuda_fail(c->cu, GAN_ERROR_MEMORY, "out of memory: a convolution could not be prepared");
        p->problem = *c->problem;
        p->hash = hash;
        gan_status status = choose(c, p, operands);
        if (status != GAN_OK) {
            free(p);
            return status;
        }
        p->next = *bucket;
        *bucket = p;
        dnn->count++;
    }
    *out = p;
    return p->run && !p->no_room ? GAN_OK : GAN_ERROR_UNSUPPORTED;
}

/* Whether this is a convolution in cuDNN's sense: nothing empty, and y as large as x, w, stride and padding make it. */
static bool regular(const gan__cuda_conv *v)
{
    return v->n > 0 && v->h > 0 && v->w > 0 && v->in > 0 && v->out > 0 && v->kh > 0 && v->kw > 0 && v->oh > 0 &&
           v->ow > 0 && v->stride > 0 && v->pad >= 0 && v->h + 2 * (int64_t)v->pad >= v->kh &&
           v->w + 2 * (int64_t)v->pad >= v->kw && v->oh == (v->h + 2 * (int64_t)v->pad - v->kh) / v->stride + 1 &&
           v->ow == (v->w + 2 * (int64_t)v->pad - v->kw) / v->stride + 1;
}

gan_status gan__cudnn_conv(gan__cuda *cu, const gan__cuda_conv *conv)
{
    if (!cu->cudnn || !regular(conv))
        return GAN_ERROR_UNSUPPORTED;
    const problem description = problem_of(cu, conv);
    calls c = {cu, cu->cudnn, &description, CUDNN_STATUS_SUCCESS, ""};
    void *const operands[OPERANDS] = {conv->x, conv->weight, conv->y};
    plan *p = NULL;
    gan_status status = find_plan(&c, cu->cudnn, operands, &p);
    if (status == GAN_OK) {
        status = execute(&c, p, operands);
        p->no_room = status == GAN_ERROR_UNSUPPORTED;
    }
    return status;
}

#else /* built without cuDNN's header */

gan_status gan__cudnn_create(gan__cuda *cu)
{
    cu->cudnn = NULL;
    return GAN_OK;
}

void gan__cudnn_destroy(gan__cuda *cu)
{
    cu->cudnn = NULL;
}

size_t gan__cudnn_version(const gan__cuda *cu)
{
    (void)cu;
    return 0;
}

gan_status gan__cudnn_conv(gan__cuda *cu, const gan__cuda_conv *conv)
{
    (void)cu;
    (void)conv;
    return GAN_ERROR_UNSUPPORTED;
}

#endif
