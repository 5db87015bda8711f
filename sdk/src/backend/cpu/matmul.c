/*
 * Matrix products.
 *
 * oneDNN's matmul primitive applies bias and activation as it goes; its sgemm costs less to call and is no slower
 * where the left matrix is transposed. bf16 weights (b, unless a is transposed: then b is an activation and this is a
 * weight gradient) are kept in the primitive's layout. f32 weights are not: they change before they are used often
 * enough to repay the copy.
 */
#include "onednn.h"

#include <dnnl.h>
#include <omp.h>

/* Up to this m n k the primitive takes longer to call than to compute. */
#define GAN__SMALL_PRODUCT ((int64_t)1 << 18)

/* c = activation(bias), for k == 0. */
static void matmul_of_nothing(gan__cpu *cpu, const gan__matmul_args *a)
{
    int64_t rows = a->batch * a->m;
    memset(a->c.data, 0, (size_t)(rows * a->n) * gan__cpu_dtype_size(a->c.dtype));
    gan__cpu_bias_act(cpu, a->c.dtype, a->c.data, rows, a->n, a->bias, a->activation);
}

static gan_status sgemm(gan__cpu *cpu, bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *a,
                        const float *b, bool accumulate, float *c)
{
    int before = omp_get_max_threads();
    if (before != cpu->base.threads)
        omp_set_num_threads(cpu->base.threads);
    dnnl_status_t status = dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1.0f, a, ta ? m : k, b, tb ? k : n,
                                      accumulate ? 1.0f : 0.0f, c, n);
    if (before != cpu->base.threads)
        omp_set_num_threads(before);
    if (status != dnnl_success)
        return gan__cpu_fail(cpu, status == dnnl_out_of_memory ? GAN_ERROR_MEMORY : GAN_ERROR_DEVICE,
                             "oneDNN's sgemm failed (its status %d)", (int)status);
    return GAN_OK;
}

gan_status gan__cpu_gemm(gan__cpu *cpu, gan_dtype compute, bool ta, bool tb, int64_t m, int64_t n, int64_t k,
                         const void *a, const void *b, bool accumulate, float *c)
{
    if (compute == GAN_F32 && accumulate)
        return sgemm(cpu, ta, tb, m, n, k, a, b, accumulate, c);
    gan__problem p = {.kind = GAN__PROBLEM_MATMUL,
                      .threads = cpu->base.threads,
                      .source = compute,
                      .weights = compute,
                      .result = GAN_F32,
                      .plain = compute,
                      .batch = 1,
                      .m = m,
                      .n = n,
                      .k = k,
                      .transpose_a = ta,
                      .transpose_b = tb};
    return gan__onednn_run(cpu, &p, a, b, NULL, NULL, c);
}

/* The primitive for operands of type `compute`; `a` must have it, b is converted by the reorder. */
static gan_status run_primitive(gan__cpu *cpu, const gan__matmul_args *a, gan_dtype compute, const void *x, void *c,
                                gan_dtype c_dtype)
{
    bool fuse = gan__onednn_fuses(a->activation);
    gan__problem p = {.kind = GAN__PROBLEM_MATMUL,
                      .threads = cpu->base.threads,
                      .source = compute,
                      .weights = compute,
                      .result = c_dtype,
                      .plain = a->b.dtype,
                      .bias = a->bias != NULL,
                      .activation = fuse ? a->activation.kind : GAN_LINEAR,
                      .slope = fuse ? (double)a->activation.slope : 0.0,
                      .batch = a->batch,
                      .m = a->m,
                      .n = a->n,
                      .k = a->k,
                      .transpose_a = a->transpose_a,
                      .transpose_b = a->transpose_b,
                      .stride_a = a->batch > 1 ? a->stride_a : 0,
                      .stride_b = a->batch > 1 ? a->stride_b : 0,
                      .stride_c = a->batch > 1 ? a->stride_c : 0,
                      .packs = compute == GAN_BF16 && a->batch == 1 && !a->transpose_a};
    gan_status status = gan__onednn_run(cpu, &p, x, a->b.data, a->transpose_a ? NULL : a->b.storage, a->bias, c);
    if (status == GAN_OK && !fuse)
        gan__cpu_bias_act(cpu, c_dtype, c, a->batch * a->m, a->n, NULL, a->activation);
    return status;
}

/* The elements that an operand spans. */
static int64_t span(int64_t batch, int64_t stride, int64_t matrix)
{
    return (batch - 1) * stride + matrix;
}

static gan_status matmul_as(gan__cpu *cpu, const gan__matmul_args *a, gan_dtype compute)
{
    const void *x = a->a.data;
    void *converted = NULL, *result = NULL, *c = a->c.data;
    if (a->a.dtype != compute) {
        int64_t n = span(a->batch, a->stride_a, a->m * a->k);
        size_t bytes = (size_t)n * gan__cpu_dtype_size(compute);
        x = converted = gan__workspace(cpu->base.ctx, bytes);
        if (!converted)
            return gan__cpu_no_memory(cpu, bytes);
        gan__cpu_convert(cpu, a->a.dtype, a->a.data, compute, converted, n);
    }
    gan_dtype c_dtype = compute == GAN_F32 ? GAN_F32 : a->c.dtype;
    int64_t n = span(a->batch, a->stride_c, a->m * a->n);
    if (c_dtype != a->c.dtype) {
        c = result = gan__workspace(cpu->base.ctx, (size_t)n * sizeof(float));
        if (!result) {
            gan__workspace_free(cpu->base.ctx, converted);
            return gan__cpu_no_memory(cpu, (size_t)n * sizeof(float));
        }
    }
    bool small = a->m * a->n * a->k <= GAN__SMALL_PRODUCT;
    bool plain = compute == GAN_F32 && a->b.dtype == GAN_F32 && a->batch == 1 && (a->transpose_a || small);
    gan_status status = plain ? sgemm(cpu, a->transpose_a, a->transpose_b, a->m, a->n, a->k, x, a->b.data, false, c)
                              : run_primitive(cpu, a, compute, x, c, c_dtype);
    if (status == GAN_OK && plain && (a->bias || a->activation.kind != GAN_LINEAR))
        gan__cpu_bias_act(cpu, GAN_F32, c, a->m, a->n, a->bias, a->activation);
    if (status == GAN_OK && result)
        gan__cpu_convert(cpu, GAN_F32, result, a->c.dtype, a->c.data, n);
    gan__workspace_free(cpu->base.ctx, result);
    gan__workspace_free(cpu->base.ctx, converted);
    return status;
}

gan_status gan__cpu_matmul(gan__backend *be, const gan__matmul_args *args)
{
    gan__cpu *cpu = gan__cpu_of(be);
    gan__matmul_args a = *args;
    if (a.batch * a.m * a.n == 0)
        return GAN_OK;
    if (a.k == 0) {
        matmul_of_nothing(cpu, &a);
        return GAN_OK;
    }
    /* A batch of dense rows times one matrix is one taller matrix. */
    if (a.batch > 1 && a.stride_b == 0 && !a.transpose_a && a.stride_a == a.m * a.k && a.stride_c == a.m * a.n) {
        a.m *= a.batch;
        a.batch = 1;
    }
    bool repeated = a.batch > 1 && a.stride_a == 0 && a.stride_b == 0;
    if (repeated)
        a.batch = 1;
    gan_status status = matmul_as(cpu, &a, a.compute);
    if (status == GAN_ERROR_UNSUPPORTED && a.compute == GAN_BF16)
        status = matmul_as(cpu, &a, GAN_F32);
    if (status == GAN_ERROR_UNSUPPORTED)
        return gan__cpu_fail(cpu, status, "oneDNN has no matrix product for these operands on this processor");
    size_t size = gan__cpu_dtype_size(a.c.dtype);
    for (int64_t i = 1; status == GAN_OK && repeated && i < args->batch; i++)
        status =
            be->ops->copy(be, (char *)a.c.data + (size_t)(i * a.stride_c) * size, a.c.data, (size_t)(a.m * a.n) * size);
    return status;
}
