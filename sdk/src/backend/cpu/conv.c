/*
 * Convolution, its data gradient and its weight gradient.
 *
 * oneDNN computes; here operands get the type it is to compute with. Where its convolutions are slow, others step in:
 * a convolution that covers its whole input at once (a "valid" 4x4 on 4x4) is run as the matrix product that it is,
 * and one with few channels on one side by conv_few.c.
 */
#include "conv.h"
#include "onednn.h"
#include "winograd.h"

static const gan__problem_kind kind_of[] = {
    [GAN__FORWARD] = GAN__PROBLEM_FORWARD, [GAN__DATA] = GAN__PROBLEM_DATA, [GAN__WEIGHT] = GAN__PROBLEM_WEIGHT};

/* The operands that oneDNN reads as activations (two for the weight gradient), and the one that is written. */
typedef struct roles {
    const gan__array *source, *weights, *result;
} roles;

static roles roles_of(gan__direction d, const gan__conv_args *a)
{
    switch (d) {
    case GAN__FORWARD:
        return (roles){&a->x, &a->w, &a->y};
    case GAN__DATA:
        return (roles){&a->y, &a->w, &a->x};
    default:
        return (roles){&a->x, &a->y, &a->w};
    }
}

static gan__problem problem_of(const gan__cpu *cpu, gan__direction d, const gan__conv_args *a, gan_dtype compute,
                               gan_dtype result)
{
    bool fuse = d == GAN__FORWARD && gan__onednn_fuses(a->activation);
    return (gan__problem){.kind = kind_of[d],
                          .threads = cpu->base.threads,
                          .source = compute,
                          .weights = compute,
                          .result = result,
                          .plain = a->w.dtype,
                          .bias = d == GAN__FORWARD && a->bias,
                          .activation = fuse ? a->activation.kind : GAN_LINEAR,
                          .slope = fuse ? (double)a->activation.slope : 0.0,
                          .batch = a->x.dim[0],
                          .height = a->x.dim[1],
                          .width = a->x.dim[2],
                          .in = a->x.dim[3],
                          .out = a->y.dim[3],
                          .kernel_h = a->w.dim[1],
                          .kernel_w = a->w.dim[2],
                          .out_height = a->y.dim[1],
                          .out_width = a->y.dim[2],
                          .stride = a->stride,
                          .pad = a->pad};
}

gan_status gan__cpu_with_dtype(gan__cpu *cpu, const gan__array *a, gan_dtype dtype, const void **data, void **converted)
{
    *data = a->data;
    if (a->dtype == dtype)
        return GAN_OK;
    int64_t n = gan__cpu_count(a);
    size_t bytes = (size_t)n * gan__cpu_dtype_size(dtype);
    *data = *converted = gan__workspace(cpu->base.ctx, bytes);
    if (!*converted)
        return gan__cpu_no_memory(cpu, bytes);
    gan__cpu_convert(cpu, a->dtype, a->data, dtype, *converted, n);
    return GAN_OK;
}

/* Bias and activation where oneDNN did not apply them. */
static void finish(gan__cpu *cpu, gan__direction d, const gan__conv_args *a, gan_dtype dtype, void *result)
{
    bool fused = d == GAN__FORWARD && gan__onednn_fuses(a->activation);
    const float *bias = d == GAN__DATA ? a->bias : NULL;
    if (d == GAN__WEIGHT || (!bias && (fused || a->activation.kind == GAN_LINEAR)))
        return;
    const gan__array *to = d == GAN__FORWARD ? &a->y : &a->x;
    int64_t channels = to->dim[3];
    gan__cpu_bias_act(cpu, dtype, result, gan__cpu_count(to) / channels, channels, bias, a->activation);
}

static gan_status conv_as(gan__cpu *cpu, gan__direction d, const gan__conv_args *a, gan_dtype compute)
{
    roles r = roles_of(d, a);
    const void *source, *weights = r.weights->data;
    void *source_copy = NULL, *weights_copy = NULL, *result_copy = NULL, *result = r.result->data;
    gan_dtype dtype = compute == GAN_F32 || d == GAN__WEIGHT ? GAN_F32 : r.result->dtype;
    int64_t n = gan__cpu_count(r.result);
    gan_status status = gan__cpu_with_dtype(cpu, r.source, compute, &source, &source_copy);
    if (status == GAN_OK && d == GAN__WEIGHT)
        status = gan__cpu_with_dtype(cpu, r.weights, compute, &weights, &weights_copy);
    if (status == GAN_OK && dtype != r.result->dtype) {
        result = result_copy = gan__workspace(cpu->base.ctx, (size_t)n * sizeof(float));
        if (!result)
            status = gan__cpu_no_memory(cpu, (size_t)n * sizeof(float));
    }
    if (status == GAN_OK) {
        gan__problem p = problem_of(cpu, d, a, compute, dtype);
        status = gan__onednn_run(cpu, &p, source, weights, d == GAN__WEIGHT ? NULL : a->w.storage,
                                 d == GAN__FORWARD ? a->bias : NULL, result);
    }
    if (status == GAN_OK)
        finish(cpu, d, a, dtype, result);
    if (status == GAN_OK && result_copy)
        gan__cpu_convert(cpu, dtype, result, r.result->dtype, r.result->data, n);
    gan__workspace_free(cpu->base.ctx, result_copy);
    gan__workspace_free(cpu->base.ctx, weights_copy);
    gan__workspace_free(cpu->base.ctx, source_copy);
    return status;
}

/* The kernel covers the whole input and y is 1x1: y = x wᵀ, x = y w, w = yᵀ x with rows of KH KW I values. */
static bool is_product(const gan__conv_args *a)
{
    return a->pad == 0 && a->x.dim[1] == a->w.dim[1] && a->x.dim[2] == a->w.dim[2] && a->y.dim[1] == 1 &&
           a->y.dim[2] == 1;
}

static gan_status conv_as_product(gan__cpu *cpu, gan__direction d, const gan__conv_args *a)
{
    int64_t n = a->x.dim[0], in = a->x.dim[1] * a->x.dim[2] * a->x.dim[3], out = a->y.dim[3];
    roles r = roles_of(d, a);
    gan__matmul_args p = {.compute = a->compute, .batch = 1, .a = *r.source, .b = *r.weights, .c = *r.result};
    if (d == GAN__FORWARD) {
        p.transpose_b = true;
        p.m = n, p.n = out, p.k = in;
        p.bias = a->bias;
        p.activation = a->activation;
    } else if (d == GAN__DATA) {
        p.m = n, p.n = in, p.k = out;
    } else {
        p.a = a->y;
        p.b = a->x;
        p.transpose_a = true;
        p.m = out, p.n = in, p.k = n;
    }
    gan_status status = gan__cpu_matmul(&cpu->base, &p);
    if (status == GAN_OK && d == GAN__DATA)
        finish(cpu, d, a, a->x.dtype, a->x.data);
    return status;
}

static gan_status compute(gan__cpu *cpu, gan__direction d, const gan__conv_args *a)
{
    if (is_product(a))
        return conv_as_product(cpu, d, a);
    if (gan__winograd_fits(d, a))
        return gan__winograd(cpu, d, a);
    if (gan__conv_few_fits(d, a))
        return gan__conv_few(cpu, d, a);
    if (d == GAN__WEIGHT && gan__conv_columns_fits(a))
        return gan__conv_columns(cpu, a);
    return conv_as(cpu, d, a, a->compute);
}

static gan_status conv(gan__backend *be, gan__direction d, const gan__conv_args *args)
{
    gan__cpu *cpu = gan__cpu_of(be);
    gan__conv_args a = *args;
    gan_status status = compute(cpu, d, &a);
    if (status == GAN_ERROR_UNSUPPORTED && a.compute == GAN_BF16) { /* an older processor */
        a.compute = GAN_F32;
        status = compute(cpu, d, &a);
    }
    if (status == GAN_ERROR_UNSUPPORTED)
        return gan__cpu_fail(cpu, status, "oneDNN has no such convolution on this processor");
    return status;
}

gan_status gan__cpu_conv_forward(gan__backend *be, const gan__conv_args *args)
{
    return conv(be, GAN__FORWARD, args);
}

gan_status gan__cpu_conv_data(gan__backend *be, const gan__conv_args *args)
{
    return conv(be, GAN__DATA, args);
}

gan_status gan__cpu_conv_weight(gan__backend *be, const gan__conv_args *args)
{
    return conv(be, GAN__WEIGHT, args);
}
