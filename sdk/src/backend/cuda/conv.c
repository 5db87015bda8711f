/*
 * Convolution, its data gradient and its weight gradient.
 *
 * Here operands get the type that is computed with and the result the type that is asked for. A convolution that is a
 * matrix product is run as one; cuDNN does the others, and what it cannot do or where it is missing, columns.cu.
 */
#include "cuda.h"

static const gan__array *result_of(gan__cuda_conv_kind kind, const gan__conv_args *a)
{
    return kind == GAN__CONV_FORWARD ? &a->y : kind == GAN__CONV_DATA ? &a->x : &a->w;
}

static gan__cuda_conv describe(gan__cuda_conv_kind kind, const gan__conv_args *a)
{
    /* f32 products have f32 results, and a weight gradient is stored as f32 */
    bool wide = a->compute == GAN_F32 || kind == GAN__CONV_WEIGHT;
    return (gan__cuda_conv){.kind = kind,
                            .compute = a->compute,
                            .result = wide ? GAN_F32 : result_of(kind, a)->dtype,
                            .n = a->x.dim[0],
                            .h = a->x.dim[1],
                            .w = a->x.dim[2],
                            .in = a->x.dim[3],
                            .out = a->w.dim[0],
                            .kh = a->w.dim[1],
                            .kw = a->w.dim[2],
                            .oh = a->y.dim[1],
                            .ow = a->y.dim[2],
                            .stride = a->stride,
                            .pad = a->pad,
                            .x = a->x.data,
                            .weight = a->w.data,
                            .y = a->y.data};
}

/* Every element of x meets a kernel exactly once: one kernel covers the whole image, or it is a 1x1 convolution. */
static bool is_product(const gan__cuda_conv *c)
{
    bool covers = c->kh == c->h && c->kw == c->w && c->oh == 1 && c->ow == 1;
    bool point = c->kh == 1 && c->kw == 1 && c->stride == 1 && c->oh == c->h && c->ow == c->w;
    return c->pad == 0 && (covers || point) && c->n * c->oh * c->ow <= INT32_MAX; /* cuBLASLt's dimensions */
}

/* The bias and the activation of the result, which has c's type. */
static gan_status finish(gan__cuda *cu, const gan__conv_args *a, const gan__cuda_conv *c)
{
    if (c->kind == GAN__CONV_WEIGHT || (!a->bias && a->activation.kind == GAN_LINEAR))
        return GAN_OK;
    bool forward = c->kind == GAN__CONV_FORWARD;
    int64_t rows = forward ? c->n * c->oh * c->ow : c->n * c->h * c->w;
    return gan__cuda_bias_act(cu, c->result, forward ? c->y : c->x, rows, forward ? c->out : c->in, a->bias,
                              a->activation);
}

/* With the rows of x that y's positions see, of KH KW I elements: y = x wᵀ, x = y w, w = yᵀ x. */
static gan_status conv_product(gan__cuda *cu, const gan__conv_args *a, const gan__cuda_conv *c)
{
    int64_t rows = c->n * c->oh * c->ow, window = c->kh * c->kw * c->in;
    const gan__array x = {.data = c->x, .dtype = c->kind == GAN__CONV_DATA ? c->result : c->compute};
    const gan__array w = {.data = c->weight, .dtype = c->kind == GAN__CONV_WEIGHT ? c->result : c->compute};
    const gan__array y = {.data = c->y, .dtype = c->kind == GAN__CONV_FORWARD ? c->result : c->compute};
    gan__matmul_args p = {.compute = c->compute, .batch = 1};
    if (c->kind == GAN__CONV_FORWARD) {
        p.a = x, p.b = w, p.c = y;
        p.transpose_b = true;
        p.m = rows, p.n = c->out, p.k = window;
    } else if (c->kind == GAN__CONV_DATA) {
        p.a = y, p.b = w, p.c = x;
        p.m = rows, p.n = window, p.k = c->out;
    } else {
        p.a = y, p.b = x, p.c = w;
        p.transpose_a = true;
        p.m = c->out, p.n = window, p.k = rows;
    }
    /* The product's columns are the result's channels: it can add the bias as it goes. */
    bool fused = c->kind == GAN__CONV_FORWARD || (c->kind == GAN__CONV_DATA && window == c->in);
    if (fused) {
        p.bias = a->bias;
        p.activation = a->activation;
    }
    gan_status status = gan__cuda_matmul(&cu->base, &p);
    return status == GAN_OK && !fused ? finish(cu, a, c) : status;
}

static gan_status compute(gan__cuda *cu, const gan__conv_args *a, const gan__cuda_conv *c)
{
    if (is_product(c))
        return conv_product(cu, a, c);
    gan_status status = cu->cudnn ? gan__cudnn_conv(cu, c) : GAN_ERROR_UNSUPPORTED;
    if (status == GAN_ERROR_UNSUPPORTED)
        status = gan__cuda_conv_columns(cu, c);
    return status == GAN_OK ? finish(cu, a, c) : status;
}

/* *data, which is a's, as `dtype`. Weights serve several convolutions before they change, so their conversion is kept
 * (`keep`); activations serve one. */
static gan_status convert_operand(gan__cuda *cu, const gan__array *a, bool keep, gan_dtype dtype, void **data,
                                  void **owned)
{
    if (a->dtype == dtype)
        return GAN_OK;
    gan__array operand = *a;
    if (!keep)
        operand.storage = NULL;
    int64_t n = gan__cuda_count(a);
    *data = (void *)gan__cuda_operand(cu, &operand, n, dtype, owned);
    return *data ? GAN_OK : gan__cuda_no_memory(cu, (size_t)n * gan__cuda_dtype_size(dtype));
}

static gan_status conv_operands(gan__cuda *cu, const gan__conv_args *a, gan__cuda_conv *c)
{
    void *owned[3] = {NULL, NULL, NULL};
    gan_status status = GAN_OK;
    if (c->kind != GAN__CONV_DATA)
        status = convert_operand(cu, &a->x, false, c->compute, &c->x, &owned[0]);
    if (status == GAN_OK && c->kind != GAN__CONV_FORWARD)
        status = convert_operand(cu, &a->y, false, c->compute, &c->y, &owned[1]);
    if (status == GAN_OK && c->kind != GAN__CONV_WEIGHT)
        status = convert_operand(cu, &a->w, true, c->compute, &c->weight, &owned[2]);
    if (status == GAN_OK)
        status = compute(cu, a, c);
    for (int i = 0; i < 3; i++)
        gan__cuda_workspace_free(cu, owned[i]);
    return status;
}

static gan_status conv(gan__backend *be, gan__cuda_conv_kind kind, const gan__conv_args *a)
{
    gan__cuda *cu = gan__cuda_of(be);
    const gan__array *result = result_of(kind, a);
    int64_t n = gan__cuda_count(result);
    if (n == 0)
        return GAN_OK;
    gan__cuda_conv c = describe(kind, a);
    if (gan__cuda_count(&a->x) == 0 || gan__cuda_count(&a->w) == 0 || gan__cuda_count(&a->y) == 0) {
        /* sums over nothing */
        c.result = result->dtype;
        GAN__CUDA_TRY(cu, cudaMemsetAsync(result->data, 0, (size_t)n * gan__cuda_dtype_size(c.result), cu->stream));
        return finish(cu, a, &c);
    }

    void **to = kind == GAN__CONV_FORWARD ? &c.y : kind == GAN__CONV_DATA ? &c.x : &c.weight, *workspace = NULL;
    if (c.result != result->dtype) {
        size_t bytes = (size_t)n * gan__cuda_dtype_size(c.result);
        *to = workspace = gan__cuda_workspace(cu, bytes);
        if (!workspace)
            return gan__cuda_no_memory(cu, bytes);
    }
    gan_status status = conv_operands(cu, a, &c);
    if (status == GAN_OK && workspace)
        status = gan__cuda_convert(cu, c.result, workspace, result->dtype, result->data, n);
    gan__cuda_workspace_free(cu, workspace);
    return status;
}

gan_status gan__cuda_conv_forward(gan__backend *be, const gan__conv_args *args)
{
    return conv(be, GAN__CONV_FORWARD, args);
}

gan_status gan__cuda_conv_data(gan__backend *be, const gan__conv_args *args)
{
    return conv(be, GAN__CONV_DATA, args);
}

gan_status gan__cuda_conv_weight(gan__backend *be, const gan__conv_args *args)
{
    return conv(be, GAN__CONV_WEIGHT, args);
}
