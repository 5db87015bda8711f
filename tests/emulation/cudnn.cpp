/*
 * cudnn.cpp - convolutions by plain loops behind cuDNN's graph API.
 *
 * A descriptor is a bag of attributes. Its schema says which it takes; setting checks type and count, finalizing checks
 * that all are there and fit each other. What a descriptor holds is shared, so that others can refer to it after its
 * own handle is destroyed, as in cuDNN.
 *
 * Engines differ in what they say in their notes, and do what they say: one is not deterministic (two runs differ far
 * more than they would with cuDNN), one cannot be made a plan of, one rounds f32 operands to TF32, one is exact. A
 * caller that takes the wrong one gets other numbers. bf16 needs an even number of channels on one side, so that
 * callers meet what no engine can do.
 */
#include "convolve.h"
#include "emulation.h"

#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <cudnn.h>

struct cudnnContext {
    cudaStream_t stream;
};

namespace
{

/* ---- errors ---- */

std::string last_error;

cudnnStatus_t fail(cudnnStatus_t status, const std::string &text)
{
    last_error = text;
    return status;
}

/* ---- descriptors ---- */

struct content;
using reference = std::shared_ptr<const content>;

struct value {
    std::vector<unsigned char> bytes;
    std::vector<reference> held; /* of CUDNN_TYPE_BACKEND_DESCRIPTOR */
};

struct content {
    cudnnBackendDescriptorType_t type;
    bool finalized;
    std::map<int, value> values;

    template <typename T> T get(int name, size_t i = 0) const
    {
        T x;
        std::memcpy(&x, values.at(name).bytes.data() + i * sizeof(T), sizeof x);
        return x;
    }
    const content &held(int name) const
    {
        return *values.at(name).held[0];
    }
    template <typename T> void put(int name, const T &x)
    {
        const unsigned char *bytes = (const unsigned char *)&x;
        values[name].bytes.assign(bytes, bytes + sizeof x);
    }
};

struct descriptor {
    std::shared_ptr<content> shared;
};

content &content_of(cudnnBackendDescriptor_t d)
{
    return *((descriptor *)d)->shared;
}

struct attribute {
    int of, name, type;
    int64_t least, most; /* elements */
    int holds;           /* the type of descriptor; -1: any operation */
};

#define OPERATION(kind, x, w, y)                                                                                       \
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR,                                                          \
     CUDNN_ATTR_OPERATION_CONVOLUTION_##x,                                                                             \
     CUDNN_TYPE_BACKEND_DESCRIPTOR,                                                                                    \
     1,                                                                                                                \
     1,                                                                                                                \
     CUDNN_BACKEND_TENSOR_DESCRIPTOR},                                                                                 \
        {CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR,                                                      \
         CUDNN_ATTR_OPERATION_CONVOLUTION_##w,                                                                         \
         CUDNN_TYPE_BACKEND_DESCRIPTOR,                                                                                \
         1,                                                                                                            \
         1,                                                                                                            \
         CUDNN_BACKEND_TENSOR_DESCRIPTOR},                                                                             \
    {                                                                                                                  \
        CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_##y,                 \
            CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, CUDNN_BACKEND_TENSOR_DESCRIPTOR                                       \
    }
#define SETTINGS(kind, name)                                                                                           \
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR,                                                          \
     CUDNN_ATTR_OPERATION_CONVOLUTION_##name##_CONV_DESC,                                                              \
     CUDNN_TYPE_BACKEND_DESCRIPTOR,                                                                                    \
     1,                                                                                                                \
     1,                                                                                                                \
     CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR},                                                                            \
        {CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR,                                                      \
         CUDNN_ATTR_OPERATION_CONVOLUTION_##name##_ALPHA,                                                              \
         CUDNN_TYPE_FLOAT,                                                                                             \
         1,                                                                                                            \
         1,                                                                                                            \
         0},                                                                                                           \
    {                                                                                                                  \
        CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_##name##_BETA,       \
            CUDNN_TYPE_FLOAT, 1, 1, 0                                                                                  \
    }

/* What can be set; all of it has to be. */
const attribute schema[] = {
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, 1, 0},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, 1, 0},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, 1, 0},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, 1, 0},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 1, 8, 0},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 1, 8, 0},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, 1, 0},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, 1, 0},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, 1, 0},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 1, 6, 0},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 1, 6, 0},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 1, 6, 0},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 1, 6, 0},
    OPERATION(FORWARD, FORWARD_X, FORWARD_W, FORWARD_Y),
    SETTINGS(FORWARD, FORWARD),
    OPERATION(BACKWARD_DATA, BWD_DATA_DX, BWD_DATA_W, BWD_DATA_DY),
    SETTINGS(BACKWARD_DATA, BWD_DATA),
    OPERATION(BACKWARD_FILTER, BWD_FILTER_X, BWD_FILTER_DW, BWD_FILTER_DY),
    SETTINGS(BACKWARD_FILTER, BWD_FILTER),
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, 1, 0},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, 1, 0},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, CUDNN_BACKEND_POINTWISE_DESCRIPTOR},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR,
     1, 1, CUDNN_BACKEND_TENSOR_DESCRIPTOR},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR,
     1, 1, CUDNN_BACKEND_TENSOR_DESCRIPTOR},
    {CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, 1, 0},
    {CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 2, -1},
    {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1,
     CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR},
    {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, 1, 0},
    {CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, 1, 0},
    {CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
     1, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 1, 64, 0},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 1, 64, 0},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, 1, 0}};

bool is_convolution(int type)
{
    return type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR ||
           type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR ||
           type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR;
}

size_t element_size(int type)
{
    bool wide = type == CUDNN_TYPE_INT64 || type == CUDNN_TYPE_HANDLE || type == CUDNN_TYPE_VOID_PTR ||
                type == CUDNN_TYPE_BACKEND_DESCRIPTOR;
    return wide ? 8 : type == CUDNN_TYPE_BOOLEAN ? sizeof(bool) : 4;
}

/* ---- tensors and convolutions ---- */

tensor tensor_of(const content &t)
{
    return {t.get<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID),
            t.get<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS, 0),
            t.get<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS, 1),
            t.get<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS, 2),
            t.get<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS, 3),
            t.get<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE) == CUDNN_DATA_BFLOAT16,
            t.get<bool>(CUDNN_ATTR_TENSOR_IS_VIRTUAL),
            t.get<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT)};
}

operation operation_of(const content &op)
{
    static const struct {
        int type, x, w, y, conv, alpha, beta;
    } kinds[] = {{CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
                 {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
                 {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA}};
    int kind = 0;
    while (kinds[kind].type != (int)op.type)
        kind++;
    const content &conv = op.held(kinds[kind].conv);
    operation out = {};
    out.kind = (conv_kind)kind;
    out.x = tensor_of(op.held(kinds[kind].x));
    out.w = tensor_of(op.held(kinds[kind].w));
    out.y = tensor_of(op.held(kinds[kind].y));
    for (size_t i = 0; i < 2; i++) {
        out.pad[i] = conv.get<int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, i);
        out.stride[i] = conv.get<int64_t>(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, i);
    }
    out.alpha = op.get<float>(kinds[kind].alpha);
    out.beta = op.get<float>(kinds[kind].beta);
    return out;
}

/* ---- finalizing ---- */

size_t elements(const content &c, int name)
{
    return c.values.at(name).bytes.size() / 8;
}

cudnnStatus_t check_tensor(const content &t)
{
    int64_t dims[4], strides[4];
    if (elements(t, CUDNN_ATTR_TENSOR_DIMENSIONS) != 4 || elements(t, CUDNN_ATTR_TENSOR_STRIDES) != 4)
        return fail(CUDNN_STATUS_BAD_PARAM, "a convolution's tensor has 4 dimensions and 4 strides");
    for (size_t i = 0; i < 4; i++) {
        dims[i] = t.get<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS, i);
        strides[i] = t.get<int64_t>(CUDNN_ATTR_TENSOR_STRIDES, i);
        if (dims[i] <= 0 || strides[i] <= 0)
            return fail(CUDNN_STATUS_BAD_PARAM, "dimensions and strides are positive");
    }
    const int64_t dense[4] = {dims[1] * dims[2] * dims[3], 1, dims[1] * dims[3], dims[1]};
    if (std::memcmp(strides, dense, sizeof dense) != 0)
        return fail(CUDNN_STATUS_NOT_SUPPORTED_LAYOUT, "the strides are not those of dense NHWC");
    int64_t alignment = t.get<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
    auto type = t.get<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE);
    if (type != CUDNN_DATA_FLOAT && type != CUDNN_DATA_BFLOAT16)
        return fail(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "a tensor is f32 or bf16");
    if (alignment < (type == CUDNN_DATA_FLOAT ? 4 : 2) || (alignment & (alignment - 1)) != 0)
        return fail(CUDNN_STATUS_BAD_PARAM, "an alignment is a power of two, and of the element's size at least");
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_convolution(const content &c)
{
    static const int arrays[] = {CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS,
                                 CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES};
    if (c.get<int64_t>(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS) != 2)
        return fail(CUDNN_STATUS_NOT_SUPPORTED, "only convolutions over two dimensions are emulated");
    for (int name : arrays) {
        if (elements(c, name) != 2)
            return fail(CUDNN_STATUS_BAD_PARAM, "paddings, dilations and strides are as many as spatial dimensions");
        for (size_t i = 0; i < 2; i++) {
            int64_t x = c.get<int64_t>(name, i);
            bool padding = name == CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS || name == CUDNN_ATTR_CONVOLUTION_POST_PADDINGS;
            if (x < (padding ? 0 : 1))
                return fail(CUDNN_STATUS_BAD_PARAM, "a padding is negative, or a dilation or stride not positive");
            if (name == CUDNN_ATTR_CONVOLUTION_DILATIONS && x != 1)
                return fail(CUDNN_STATUS_NOT_SUPPORTED, "dilation is not emulated");
        }
    }
    if (c.get<int>(CUDNN_ATTR_CONVOLUTION_COMP_TYPE) != CUDNN_DATA_FLOAT ||
        c.get<int>(CUDNN_ATTR_CONVOLUTION_CONV_MODE) != CUDNN_CROSS_CORRELATION)
        return fail(CUDNN_STATUS_NOT_SUPPORTED, "only cross-correlation that computes in f32 is emulated");
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_operation(const content &c)
{
    operation op = operation_of(c);
    int64_t h = (op.x.h + 2 * op.pad[0] - op.w.h) / op.stride[0] + 1;
    int64_t w = (op.x.w + 2 * op.pad[1] - op.w.w) / op.stride[1] + 1;
    if (op.x.n != op.y.n || op.x.c != op.w.c || op.w.n != op.y.c || op.y.h != h || op.y.w != w)
        return fail(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "x, w and y do not fit each other");
    if (op.x.id == op.w.id || op.x.id == op.y.id || op.w.id == op.y.id)
        return fail(CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES, "two tensors have the same id");
    return CUDNN_STATUS_SUCCESS;
}

/* A graph's convolution, its result in the type that the conversion after it, if any, gives. */
operation operation_in(const content &graph)
{
    const std::vector<reference> &ops = graph.values.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).held;
    operation op = operation_of(*ops[0]);
    op.converted = ops.size() == 2;
    if (op.converted)
        (op.kind == FORWARD ? op.y
         : op.kind == DATA  ? op.x
                            : op.w) = tensor_of(ops[1]->held(CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
    return op;
}

cudnnStatus_t check_pointwise(const content &c)
{
    if (c.held(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR).get<int>(CUDNN_ATTR_POINTWISE_MODE) !=
        CUDNN_POINTWISE_IDENTITY)
        return fail(CUDNN_STATUS_NOT_SUPPORTED, "of pointwise operations only the identity is emulated");
    tensor x = tensor_of(c.held(CUDNN_ATTR_OPERATION_POINTWISE_XDESC));
    tensor y = tensor_of(c.held(CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
    if (x.n != y.n || x.c != y.c || x.h != y.h || x.w != y.w)
        return fail(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "x and y of a pointwise operation have different shapes");
    return CUDNN_STATUS_SUCCESS;
}

/* One convolution, or a convolution whose result is virtual and the pointwise operation that takes it. */
cudnnStatus_t check_graph(const content &graph)
{
    const std::vector<reference> &ops = graph.values.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).held;
    if (!is_convolution(ops[0]->type) || (ops.size() == 2 && is_convolution(ops[1]->type)))
        return fail(CUDNN_STATUS_NOT_SUPPORTED, "this graph is not emulated");
    const tensor sums = operation_of(*ops[0]).result(), result = operation_in(graph).result();
    bool chained = ops.size() == 2;
    if (sums.is_virtual != chained || result.is_virtual)
        return fail(CUDNN_STATUS_BAD_PARAM, "what one operation hands to another is virtual, and nothing else is");
    if (chained && tensor_of(ops[1]->held(CUDNN_ATTR_OPERATION_POINTWISE_XDESC)).id != sums.id)
        return fail(CUDNN_STATUS_BAD_PARAM, "the second operation does not take the first's result");
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_supported(const operation &op)
{
    const tensor &a = op.kind == FORWARD ? op.x : op.y, &b = op.kind == FILTER ? op.x : op.w;
    if (a.bf16 != b.bf16 || (op.result().bf16 != a.bf16 && !op.converted))
        return fail(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "no engine takes these element types together");
    if (a.bf16 && op.x.c % 2 != 0 && op.y.c % 2 != 0)
        return fail(CUDNN_STATUS_NOT_SUPPORTED_LAYOUT, "bf16 needs an even number of channels on one side");
    return CUDNN_STATUS_SUCCESS;
}

std::vector<int> engines_for(const content &heuristics)
{
    auto mode = heuristics.get<cudnnBackendHeurMode_t>(CUDNN_ATTR_ENGINEHEUR_MODE);
    operation op = operation_in(heuristics.held(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH));
    if (mode == CUDNN_HEUR_MODE_FALLBACK)
        return {TENSOR_CORE, EXACT};
    if (op.kind == FILTER)
        return {ANY_ORDER}; /* the caller has to ask for more */
    return {ANY_ORDER, REFUSED, TENSOR_CORE, EXACT};
}

int engine_of(const content &config)
{
    return (int)config.held(CUDNN_ATTR_ENGINECFG_ENGINE).get<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
}

cudnnStatus_t finalize_plan(content &plan)
{
    const content &config = plan.held(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    const content &engine = config.held(CUDNN_ATTR_ENGINECFG_ENGINE);
    if (engine_of(config) == REFUSED)
        return fail(CUDNN_STATUS_NOT_SUPPORTED, "this engine does not run here");
    operation op = operation_in(engine.held(CUDNN_ATTR_ENGINE_OPERATION_GRAPH));
    bool scratch = engine_of(config) == EXACT || op.x.bf16;
    plan.put(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, scratch ? (int64_t)count_of(op.w) * 4 + 1 : (int64_t)0);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_pack(const content &pack)
{
    size_t n = elements(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
    if (elements(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS) != n)
        return fail(CUDNN_STATUS_BAD_PARAM, "there are not as many pointers as ids");
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (pack.get<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, i) ==
                pack.get<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, j))
                return fail(CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES, "an id is given twice");
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check(content &c)
{
    switch (c.type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
        return check_tensor(c);
    case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR:
        return check_convolution(c);
    case CUDNN_BACKEND_POINTWISE_DESCRIPTOR:
        return CUDNN_STATUS_SUCCESS;
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
        return check_pointwise(c);
    case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
        return check_graph(c);
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
        return check_supported(operation_in(c.held(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH)));
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
        return finalize_plan(c);
    case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR:
        return check_pack(c);
    default:
        return is_convolution(c.type) ? check_operation(c)
                                      : fail(CUDNN_STATUS_NOT_SUPPORTED, "this descriptor is only to be read into");
    }
}

/* ---- reading ---- */

void fill_config(content &config, const reference &graph, int engine)
{
    auto made = std::make_shared<content>();
    made->type = CUDNN_BACKEND_ENGINE_DESCRIPTOR;
    made->finalized = true;
    made->put(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, (int64_t)engine);
    made->values[CUDNN_ATTR_ENGINE_OPERATION_GRAPH].held = {graph};
    config.finalized = true;
    config.values[CUDNN_ATTR_ENGINECFG_ENGINE].held = {made};
}

std::vector<cudnnBackendNumericalNote_t> notes_of(int engine)
{
    if (engine == ANY_ORDER)
        return {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC};
    if (engine == TENSOR_CORE)
        return {CUDNN_NUMERICAL_NOTE_TENSOR_CORE};
    return {};
}

cudnnStatus_t read_results(const content &heuristics, int64_t wanted, int64_t *count, cudnnBackendDescriptor_t *out)
{
    std::vector<int> engines = engines_for(heuristics);
    *count = (int64_t)engines.size();
    for (int64_t i = 0; i < wanted && i < *count; i++) {
        if (content_of(out[i]).type != CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)
            return fail(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "results are read into engine configurations");
        fill_config(content_of(out[i]), heuristics.values.at(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH).held[0],
                    engines[(size_t)i]);
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t read_engine(const content &config, cudnnBackendDescriptor_t out)
{
    if (content_of(out).type != CUDNN_BACKEND_ENGINE_DESCRIPTOR)
        return fail(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "an engine is read into an engine descriptor");
    content_of(out) = config.held(CUDNN_ATTR_ENGINECFG_ENGINE);
    return CUDNN_STATUS_SUCCESS;
}

/* ---- running ---- */

cudnnStatus_t find_operand(const content &pack, const tensor &t, void **out)
{
    for (size_t i = 0; i < elements(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS); i++) {
        if (pack.get<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, i) != t.id)
            continue;
        *out = pack.get<void *>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, i);
        if ((uintptr_t)*out % (uintptr_t)t.alignment != 0)
            return fail(CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER, "a tensor is not aligned as it was described");
        if (!gan_emulated_on_device(*out, bytes_of(t)))
            return fail(CUDNN_STATUS_EXECUTION_FAILED, "a tensor is not in device memory");
        return CUDNN_STATUS_SUCCESS;
    }
    return fail(CUDNN_STATUS_BAD_PARAM, "a tensor of the graph has no pointer");
}

} // namespace

/* ---- the API ---- */

size_t cudnnGetVersion(void)
{
    return 91900;
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
    switch (CUDNN_STATUS_CATEGORY((int)status)) {
    case 0:
        return "success";
    case CUDNN_STATUS_BAD_PARAM:
        return "bad parameter";
    case CUDNN_STATUS_NOT_SUPPORTED:
        return "not supported";
    default:
        return "failed";
    }
}

void cudnnGetLastErrorString(char *message, size_t max_size)
{
    std::snprintf(message, max_size, "%s", last_error.c_str());
    last_error.clear();
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    *handle = new cudnnContext{nullptr};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    delete handle;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t streamId)
{
    handle->stream = streamId;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t descriptorType,
                                           cudnnBackendDescriptor_t *descriptor)
{
    auto shared = std::make_shared<content>();
    shared->type = descriptorType;
    shared->finalized = false;
    *descriptor = new ::descriptor{shared};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor)
{
    delete (::descriptor *)descriptor;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor)
{
    content &c = content_of(descriptor);
    for (const attribute &a : schema)
        if (a.of == (int)c.type && c.values.find(a.name) == c.values.end())
            return fail(CUDNN_STATUS_BAD_PARAM, "attribute " + std::to_string(a.name) + " is not set");
    cudnnStatus_t status = check(c);
    c.finalized = status == CUDNN_STATUS_SUCCESS;
    return status;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t attributeName,
                                       cudnnBackendAttributeType_t attributeType, int64_t elementCount,
                                       const void *arrayOfElements)
{
    content &c = content_of(descriptor);
    const attribute *a = nullptr;
    for (const attribute &each : schema)
        if (each.of == (int)c.type && each.name == (int)attributeName)
            a = &each;
    if (!a)
        return fail(CUDNN_STATUS_NOT_SUPPORTED, "the descriptor has no such attribute");
    if (c.finalized)
        return fail(CUDNN_STATUS_BAD_PARAM, "the descriptor is finalized");
    if (a->type != (int)attributeType)
        return fail(CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE, "the attribute has another type");
    if (elementCount < a->least || elementCount > a->most || !arrayOfElements)
        return fail(CUDNN_STATUS_BAD_PARAM, "the attribute has not this many elements");
    value v;
    if (attributeType == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
        for (int64_t i = 0; i < elementCount; i++) {
            const ::descriptor *held = ((::descriptor *const *)arrayOfElements)[i];
            if (!held || !held->shared->finalized)
                return fail(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "a descriptor in an attribute is not finalized");
            const int type = held->shared->type;
            if (a->holds >= 0 ? type != a->holds
                              : !is_convolution(type) && type != CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR)
                return fail(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "a descriptor in an attribute is of another type");
            v.held.push_back(held->shared);
        }
    } else {
        const unsigned char *bytes = (const unsigned char *)arrayOfElements;
        v.bytes.assign(bytes, bytes + (size_t)elementCount * element_size(attributeType));
    }
    c.values[attributeName] = v;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor,
                                       cudnnBackendAttributeName_t attributeName,
                                       cudnnBackendAttributeType_t attributeType, int64_t requestedElementCount,
                                       int64_t *elementCount, void *arrayOfElements)
{
    const content &c = content_of(descriptor);
    if (!c.finalized)
        return fail(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "the descriptor is not finalized");
    if (c.type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR && attributeName == CUDNN_ATTR_ENGINEHEUR_RESULTS &&
        attributeType == CUDNN_TYPE_BACKEND_DESCRIPTOR)
        return read_results(c, requestedElementCount, elementCount, (cudnnBackendDescriptor_t *)arrayOfElements);
    if (c.type == CUDNN_BACKEND_ENGINECFG_DESCRIPTOR && attributeName == CUDNN_ATTR_ENGINECFG_ENGINE &&
        attributeType == CUDNN_TYPE_BACKEND_DESCRIPTOR && requestedElementCount == 1) {
        *elementCount = 1;
        return read_engine(c, *(cudnnBackendDescriptor_t *)arrayOfElements);
    }
    if (c.type == CUDNN_BACKEND_ENGINE_DESCRIPTOR && attributeName == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE &&
        attributeType == CUDNN_TYPE_NUMERICAL_NOTE) {
        auto notes = notes_of((int)c.get<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX));
        *elementCount = (int64_t)notes.size();
        for (int64_t i = 0; i < requestedElementCount && i < *elementCount; i++)
            ((cudnnBackendNumericalNote_t *)arrayOfElements)[i] = notes[(size_t)i];
        return CUDNN_STATUS_SUCCESS;
    }
    if (c.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR &&
        attributeName == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE && attributeType == CUDNN_TYPE_INT64 &&
        requestedElementCount == 1) {
        *elementCount = 1;
        *(int64_t *)arrayOfElements = c.get<int64_t>(attributeName);
        return CUDNN_STATUS_SUCCESS;
    }
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "this attribute cannot be read here, or not so");
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t executionPlan,
                                  cudnnBackendDescriptor_t variantPack)
{
    const content &plan = content_of(executionPlan), &pack = content_of(variantPack);
    if (!plan.finalized || !pack.finalized)
        return fail(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "the plan or the variant pack is not finalized");
    if (plan.type != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR || pack.type != CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR)
        return fail(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "a plan and a variant pack were expected");
    const content &config = plan.held(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    const content &graph = config.held(CUDNN_ATTR_ENGINECFG_ENGINE).held(CUDNN_ATTR_ENGINE_OPERATION_GRAPH);
    run r = {};
    r.op = operation_in(graph);
    r.engine = engine_of(config);
    r.workspace = pack.get<void *>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
    r.workspace_bytes = (size_t)plan.get<int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    const struct {
        const tensor &t;
        void **data;
    } operands[] = {{r.op.x, &r.x}, {r.op.w, &r.w}, {r.op.y, &r.y}};
    for (const auto &each : operands) {
        cudnnStatus_t status = find_operand(pack, each.t, each.data);
        if (status != CUDNN_STATUS_SUCCESS)
            return status;
    }
    if (r.workspace_bytes > 0 && !gan_emulated_on_device(r.workspace, r.workspace_bytes))
        return fail(CUDNN_STATUS_EXECUTION_FAILED, "the workspace is not in device memory, or too small");
    gan_emulated_enqueue(handle->stream, run_now, &r, sizeof r);
    return CUDNN_STATUS_SUCCESS;
}
