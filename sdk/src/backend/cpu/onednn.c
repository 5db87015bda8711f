#include "onednn.h"
#include "onednn_version.h"

#include <omp.h>
#include <stdlib.h>

#define GAN__BUCKETS        256
#define GAN__MAX_PRIMITIVES 512 /* the least recently used one goes when there are more */

enum { SOURCE, WEIGHTS, RESULT, BIAS, SCRATCH, OPERANDS };

/* An argument of a primitive: its memory object is kept, and given the address of the data for each run. */
typedef struct operand {
    int arg;
    dnnl_memory_t memory;
    void *handle;
} operand;

typedef struct primitive {
    struct primitive *next; /* in its bucket */
    gan__problem problem;
    uint64_t hash, used;
    dnnl_primitive_t run; /* NULL: oneDNN has none for this problem */
    operand operand[OPERANDS];
    size_t scratch;
    /* The operand that oneDNN holds in a layout of its own, if any: reordered from (weights) or to (the result of
     * GAN__PROBLEM_WEIGHT) the plain one. */
    int packed; /* WEIGHTS, RESULT or -1 */
    dnnl_primitive_t reorder;
    operand plain, reorder_scratch;
    size_t packed_bytes, reorder_scratch_bytes;
    uint64_t layout; /* hash of both layouts */
} primitive;

struct gan__onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    primitive *bucket[GAN__BUCKETS];
    int count;
    uint64_t clock;
};

/* ---- creation ---- */

gan_status gan__onednn_create(gan__cpu *cpu)
{
    gan__onednn *dnn = calloc(1, sizeof *dnn);
    if (!dnn)
        return gan__cpu_fail(cpu, GAN_ERROR_MEMORY, "out of memory: the CPU backend could not be created");
    if (dnnl_engine_create(&dnn->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&dnn->stream, dnn->engine, dnnl_stream_default_flags) != dnnl_success) {
        gan__onednn_destroy(dnn);
        return gan__cpu_fail(cpu, GAN_ERROR_DEVICE, "oneDNN could not be initialised on this processor");
    }
    cpu->onednn = dnn;
    return GAN_OK;
}

static void primitive_destroy(primitive *p)
{
    for (int i = 0; i < OPERANDS; i++) {
        if (p->operand[i].memory)
            dnnl_memory_destroy(p->operand[i].memory);
    }
    if (p->plain.memory)
        dnnl_memory_destroy(p->plain.memory);
    if (p->reorder_scratch.memory)
        dnnl_memory_destroy(p->reorder_scratch.memory);
    if (p->run)
        dnnl_primitive_destroy(p->run);
    if (p->reorder)
        dnnl_primitive_destroy(p->reorder);
    free(p);
}

void gan__onednn_destroy(gan__onednn *dnn)
{
    if (!dnn)
        return;
    for (int i = 0; i < GAN__BUCKETS; i++) {
        for (primitive *p = dnn->bucket[i], *next; p; p = next) {
            next = p->next;
            primitive_destroy(p);
        }
    }
    if (dnn->stream)
        dnnl_stream_destroy(dnn->stream);
    if (dnn->engine)
        dnnl_engine_destroy(dnn->engine);
    free(dnn);
}

/* ---- layouts ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ (hash >> 32);
}

static uint64_t layout_hash(gan__md_ref md)
{
    int ndim = 0;
    dnnl_data_type_t type = dnnl_data_type_undef;
    const dnnl_dim_t *dims, *strides, *blocks, *indices;
    int n = gan__md_layout(md, &ndim, &type, &dims, &strides, &blocks, &indices);
    uint64_t hash = mix((uint64_t)type, (uint64_t)n);
    for (int i = 0; i < ndim; i++)
        hash = mix(mix(hash, (uint64_t)dims[i]), (uint64_t)strides[i]);
    for (int i = 0; i < n; i++)
        hash = mix(mix(hash, (uint64_t)blocks[i]), (uint64_t)indices[i]);
    return hash;
}

static dnnl_data_type_t type_of(int64_t dtype)
{
    return dtype == GAN_BF16 ? dnnl_bf16 : dnnl_f32;
}

/* The descriptors of a problem: of its operands as oneDNN is to see them, and of the packed one in plain form. */
typedef struct descriptors {
    gan__md operand[4], plain;
    int made; /* how many of operand[], in order, then plain */
} descriptors;

static void descriptors_free(descriptors *d)
{
    for (int i = 0; i < d->made; i++)
        gan__md_free(i < 4 ? &d->operand[i] : &d->plain);
}

static dnnl_status_t add_descriptor(descriptors *d, dnnl_status_t status)
{
    d->made += status == dnnl_success;
    return status;
}

/* Logical order N, C, H, W as oneDNN has it; memory order N, H, W, C. */
static dnnl_status_t add_image(descriptors *d, int64_t n, int64_t h, int64_t w, int64_t c, int64_t dtype)
{
    dnnl_dims_t dims = {n, c, h, w}, strides = {h * w * c, 1, w * c, c};
    return add_descriptor(d, gan__md_strided(&d->operand[d->made], 4, dims, type_of(dtype), strides));
}

static dnnl_status_t describe_conv(const gan__problem *p, descriptors *d)
{
    dnnl_dims_t w = {p->out, p->in, p->kernel_h, p->kernel_w}, bias = {p->out}, one = {1};
    dnnl_dims_t w_strides = {p->kernel_h * p->kernel_w * p->in, 1, p->kernel_w * p->in, p->in};
    bool forward = p->kind == GAN__PROBLEM_FORWARD, gradient = p->kind == GAN__PROBLEM_WEIGHT;
    bool source_is_y = p->kind == GAN__PROBLEM_DATA;
    dnnl_status_t status;
    if (source_is_y)
        status = add_image(d, p->batch, p->out_height, p->out_width, p->out, p->source);
    else
        status = add_image(d, p->batch, p->height, p->width, p->in, p->source);
    if (status == dnnl_success && gradient)
        status = add_image(d, p->batch, p->out_height, p->out_width, p->out, p->weights);
    else if (status == dnnl_success)
        status = add_descriptor(d, gan__md_any(&d->operand[WEIGHTS], 4, w, type_of(p->weights)));
    if (status == dnnl_success && gradient)
        status = add_descriptor(d, gan__md_any(&d->operand[RESULT], 4, w, type_of(p->result)));
    else if (status == dnnl_success && forward)
        status = add_image(d, p->batch, p->out_height, p->out_width, p->out, p->result);
    else if (status == dnnl_success)
        status = add_image(d, p->batch, p->height, p->width, p->in, p->result);
    if (status == dnnl_success)
        status = add_descriptor(d, gan__md_strided(&d->operand[BIAS], 1, bias, dnnl_f32, one));
    if (status == dnnl_success)
        status =
            add_descriptor(d, gan__md_strided(&d->plain, 4, w, type_of(gradient ? p->result : p->plain), w_strides));
    return status;
}

static dnnl_status_t describe_matmul(const gan__problem *p, descriptors *d)
{
    bool batched = p->batch > 1;
    int skip = batched ? 0 : 1, ndim = 3 - skip;
    dnnl_dims_t a = {p->stride_a ? p->batch : 1, p->m, p->k}, b = {p->stride_b ? p->batch : 1, p->k, p->n};
    dnnl_dims_t c = {p->batch, p->m, p->n}, bias = {1, 1, p->n}, bias_strides = {p->n, p->n, 1};
    dnnl_dims_t a_strides = {p->stride_a ? p->stride_a : p->m * p->k, p->transpose_a ? 1 : p->k,
                             p->transpose_a ? p->m : 1};
    dnnl_dims_t b_strides = {p->stride_b ? p->stride_b : p->k * p->n, p->transpose_b ? 1 : p->n,
                             p->transpose_b ? p->k : 1};
    dnnl_dims_t c_strides = {p->stride_c ? p->stride_c : p->m * p->n, p->n, 1};
    dnnl_status_t status =
        add_descriptor(d, gan__md_strided(&d->operand[SOURCE], ndim, a + skip, type_of(p->source), a_strides + skip));
    if (status == dnnl_success && !p->packs)
        status = add_descriptor(
            d, gan__md_strided(&d->operand[WEIGHTS], ndim, b + skip, type_of(p->weights), b_strides + skip));
    else if (status == dnnl_success)
        status = add_descriptor(d, gan__md_any(&d->operand[WEIGHTS], ndim, b + skip, type_of(p->weights)));
    if (status == dnnl_success)
        status = add_descriptor(
            d, gan__md_strided(&d->operand[RESULT], ndim, c + skip, type_of(p->result), c_strides + skip));
    if (status == dnnl_success)
        status =
            add_descriptor(d, gan__md_strided(&d->operand[BIAS], ndim, bias + skip, dnnl_f32, bias_strides + skip));
    if (status == dnnl_success)
        status = add_descriptor(d, gan__md_strided(&d->plain, ndim, b + skip, type_of(p->plain), b_strides + skip));
    return status;
}

/* ---- primitives ---- */

static dnnl_status_t make_attributes(const gan__problem *p, dnnl_primitive_attr_t *out)
{
    static const dnnl_alg_kind_t algorithm[] = {
        [GAN_LEAKY_RELU] = dnnl_eltwise_relu, [GAN_TANH] = dnnl_eltwise_tanh, [GAN_SIGMOID] = dnnl_eltwise_logistic};
    dnnl_primitive_attr_t attr;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status != dnnl_success)
        return status;
    status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success && p && p->activation != GAN_LINEAR) {
        dnnl_post_ops_t ops = NULL;
        status = dnnl_post_ops_create(&ops);
        if (status == dnnl_success)
            status = gan__append_eltwise(ops, algorithm[p->activation], (float)p->slope);
        if (status == dnnl_success)
            status = dnnl_primitive_attr_set_post_ops(attr, ops);
        if (ops)
            dnnl_post_ops_destroy(ops);
    }
    if (status != dnnl_success) {
        dnnl_primitive_attr_destroy(attr);
        return status;
    }
    *out = attr;
    return dnnl_success;
}

static dnnl_status_t make_conv_pd(dnnl_engine_t engine, const gan__problem *p, const descriptors *d,
                                  dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *pd)
{
    const gan__conv_geometry g = {{p->stride, p->stride}, {0, 0}, {p->pad, p->pad}};
    const gan__md *o = d->operand;
    if (p->kind == GAN__PROBLEM_FORWARD)
        return gan__forward_pd(pd, engine, &o[SOURCE], &o[WEIGHTS], p->bias ? &o[BIAS] : NULL, &o[RESULT], &g, attr);
    bool data = p->kind == GAN__PROBLEM_DATA;
    const gan__md *x = data ? &o[RESULT] : &o[SOURCE], *y = data ? &o[SOURCE] : &o[WEIGHTS];
    const gan__md *w = data ? &o[WEIGHTS] : &o[RESULT];
    /* oneDNN asks for the forward primitive's descriptor; its weights are of the sources' type. */
    gan__md hint_w, hint_x;
    dnnl_dims_t w_dims = {p->out, p->in, p->kernel_h, p->kernel_w}, x_dims = {p->batch, p->in, p->height, p->width};
    dnnl_dims_t x_strides = {p->height * p->width * p->in, 1, p->width * p->in, p->in};
    dnnl_status_t status = gan__md_any(&hint_w, 4, w_dims, type_of(p->source));
    if (status != dnnl_success)
        return status;
    status = gan__md_strided(&hint_x, 4, x_dims, type_of(p->source), x_strides);
    if (status != dnnl_success) {
        gan__md_free(&hint_w);
        return status;
    }
    dnnl_primitive_desc_t hint;
    status = gan__forward_pd(&hint, engine, &hint_x, &hint_w, NULL, y, &g, NULL);
    gan__md_free(&hint_w);
    gan__md_free(&hint_x);
    if (status != dnnl_success)
        return status;
    status =
        data ? gan__data_pd(pd, engine, x, w, y, &g, hint, attr) : gan__weight_pd(pd, engine, x, w, y, &g, hint, attr);
    dnnl_primitive_desc_destroy(hint);
    return status;
}

static dnnl_status_t add_operand(gan__onednn *dnn, operand *o, int arg, gan__md_ref md)
{
    o->arg = arg;
    return dnnl_memory_create(&o->memory, md, dnn->engine, DNNL_MEMORY_NONE);
}

/* The reorder between the plain and the packed form of an operand, if they differ. */
static dnnl_status_t make_reorder(gan__onednn *dnn, primitive *p, int which, gan__md_ref packed, gan__md_ref plain)
{
    p->packed = -1;
    if (dnnl_memory_desc_equal(packed, plain))
        return dnnl_success;
    dnnl_primitive_attr_t attr;
    dnnl_status_t status = make_attributes(NULL, &attr);
    if (status != dnnl_success)
        return status;
    dnnl_primitive_desc_t pd;
    gan__md_ref from = which == WEIGHTS ? plain : packed, to = which == WEIGHTS ? packed : plain;
    status = dnnl_reorder_primitive_desc_create(&pd, from, dnn->engine, to, dnn->engine, attr);
    dnnl_primitive_attr_destroy(attr);
    if (status != dnnl_success)
        return status;
    gan__md_ref scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    p->packed = which;
    p->packed_bytes = dnnl_memory_desc_get_size(packed);
    p->layout = mix(layout_hash(packed), layout_hash(plain)); /* a matrix and its transpose may pack into one layout */
    p->reorder_scratch_bytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    status = add_operand(dnn, &p->plain, which == WEIGHTS ? DNNL_ARG_FROM : DNNL_ARG_TO, plain);
    if (status == dnnl_success && p->reorder_scratch_bytes)
        status = add_operand(dnn, &p->reorder_scratch, DNNL_ARG_SCRATCHPAD, scratch);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&p->reorder, pd);
    dnnl_primitive_desc_destroy(pd);
    return status;
}

static dnnl_status_t fill(gan__onednn *dnn, primitive *p, dnnl_primitive_desc_t pd, const descriptors *d)
{
    static const struct {
        int arg[3], query[3], index[3];
    } form[] = {[GAN__PROBLEM_MATMUL] = {{DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                                         {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md},
                                         {0}},
                [GAN__PROBLEM_FORWARD] = {{DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                                          {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md},
                                          {0}},
                [GAN__PROBLEM_DATA] = {{DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC},
                                       {dnnl_query_diff_dst_md, dnnl_query_weights_md, dnnl_query_diff_src_md},
                                       {0}},
                [GAN__PROBLEM_WEIGHT] = {{DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS},
                                         {dnnl_query_src_md, dnnl_query_diff_dst_md, dnnl_query_diff_weights_md},
                                         {0}}};
    int64_t kind = p->problem.kind;
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < 3 && status == dnnl_success; i++)
        status = add_operand(dnn, &p->operand[i], form[kind].arg[i],
                             dnnl_primitive_desc_query_md(pd, (dnnl_query_t)form[kind].query[i], 0));
    if (status == dnnl_success && p->problem.bias)
        status = add_operand(dnn, &p->operand[BIAS], DNNL_ARG_BIAS, gan__md_of(&d->operand[BIAS]));
    gan__md_ref scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    p->scratch = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    if (status == dnnl_success && p->scratch)
        status = add_operand(dnn, &p->operand[SCRATCH], DNNL_ARG_SCRATCHPAD, scratch);
    int which = kind == GAN__PROBLEM_WEIGHT ? RESULT : WEIGHTS;
    if (status == dnnl_success)
        status = make_reorder(dnn, p, which, dnnl_primitive_desc_query_md(pd, (dnnl_query_t)form[kind].query[which], 0),
                              gan__md_of(&d->plain));
    if (status == dnnl_success)
        status = dnnl_primitive_create(&p->run, pd);
    return status;
}

static dnnl_status_t build(gan__onednn *dnn, primitive *p)
{
    const gan__problem *problem = &p->problem;
    descriptors d = {.made = 0};
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t pd;
    dnnl_status_t status = make_attributes(problem, &attr);
    if (status != dnnl_success)
        return status;
    status = problem->kind == GAN__PROBLEM_MATMUL ? describe_matmul(problem, &d) : describe_conv(problem, &d);
    if (status == dnnl_success && problem->kind == GAN__PROBLEM_MATMUL)
        status = gan__matmul_pd(&pd, dnn->engine, &d.operand[SOURCE], &d.operand[WEIGHTS],
                                problem->bias ? &d.operand[BIAS] : NULL, &d.operand[RESULT], attr);
    else if (status == dnnl_success)
        status = make_conv_pd(dnn->engine, problem, &d, attr, &pd);
    if (status == dnnl_success) {
        status = fill(dnn, p, pd, &d);
        dnnl_primitive_desc_destroy(pd);
    }
    descriptors_free(&d);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

/* ---- the cache ---- */

static void forget_oldest(gan__onednn *dnn)
{
    primitive **oldest = NULL;
    for (int i = 0; i < GAN__BUCKETS; i++) {
        for (primitive **p = &dnn->bucket[i]; *p; p = &(*p)->next) {
            if (!oldest || (*p)->used < (*oldest)->used)
                oldest = p;
        }
    }
    if (oldest) {
        primitive *gone = *oldest;
        *oldest = gone->next;
        primitive_destroy(gone);
        dnn->count--;
    }
}

static gan_status dnnl_failed(gan__cpu *cpu, dnnl_status_t status, const char *doing)
{
    gan_status code = status == dnnl_out_of_memory ? GAN_ERROR_MEMORY : GAN_ERROR_DEVICE;
    return gan__cpu_fail(cpu, code, "oneDNN failed while %s (its status %d)", doing, (int)status);
}

static gan_status find(gan__cpu *cpu, const gan__problem *problem, primitive **out)
{
    gan__onednn *dnn = cpu->onednn;
    uint64_t words[sizeof *problem / 8], hash = 0;
    memcpy(words, problem, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        hash = mix(hash, words[i]);
    primitive **bucket = &dnn->bucket[hash % GAN__BUCKETS];
    for (primitive *p = *bucket; p; p = p->next) {
        if (p->hash == hash && memcmp(&p->problem, problem, sizeof *problem) == 0) {
            p->used = ++dnn->clock;
            *out = p;
            return GAN_OK;
        }
    }
    if (dnn->count >= GAN__MAX_PRIMITIVES)
        forget_oldest(dnn);
    primitive *p = calloc(1, sizeof *p);
    if (!p)
        return gan__cpu_no_memory(cpu, sizeof *p);
    p->problem = *problem;
    p->hash = hash;
    p->used = ++dnn->clock;
    dnnl_status_t status = build(dnn, p);
    if (status == dnnl_unimplemented && p->run) {
        dnnl_primitive_destroy(p->run);
        p->run = NULL;
    } else if (status != dnnl_success && status != dnnl_unimplemented) {
        primitive_destroy(p);
        return dnnl_failed(cpu, status, "making a primitive");
    }
    p->next = *bucket;
    *bucket = p;
    dnn->count++;
    *out = p;
    return GAN_OK;
}

/* ---- running ---- */

static dnnl_status_t set(operand *o, const void *data)
{
    if (o->handle == data)
        return dnnl_success;
    o->handle = (void *)data;
    return dnnl_memory_set_data_handle(o->memory, (void *)data);
}

static dnnl_status_t execute(gan__onednn *dnn, dnnl_primitive_t run, const dnnl_exec_arg_t *arg, int n)
{
    dnnl_status_t status = dnnl_primitive_execute(run, dnn->stream, n, arg);
    return status == dnnl_success ? dnnl_stream_wait(dnn->stream) : status;
}

/* A workspace of `bytes`, NULL if that is none. */
static gan_status get_scratch(gan__cpu *cpu, size_t bytes, void **out)
{
    *out = bytes ? gan__workspace(cpu->base.ctx, bytes) : NULL;
    return bytes && !*out ? gan__cpu_no_memory(cpu, bytes) : GAN_OK;
}

/* Between `plain` and the packed operand. */
static gan_status run_reorder(gan__cpu *cpu, primitive *p, const void *plain, const void *packed, const void *scratch)
{
    operand *other = &p->operand[p->packed];
    dnnl_exec_arg_t arg[] = {{p->plain.arg, p->plain.memory},
                             {p->packed == WEIGHTS ? DNNL_ARG_TO : DNNL_ARG_FROM, other->memory},
                             {DNNL_ARG_SCRATCHPAD, p->reorder_scratch.memory}};
    dnnl_status_t status = set(&p->plain, plain);
    if (status == dnnl_success)
        status = set(other, packed);
    if (status == dnnl_success && scratch)
        status = set(&p->reorder_scratch, scratch);
    if (status == dnnl_success)
        status = execute(cpu->onednn, p->reorder, arg, scratch ? 3 : 2);
    return status == dnnl_success ? GAN_OK : dnnl_failed(cpu, status, "reordering weights");
}

/* The weights in the layout that `p` wants: kept with their storage, or in *temporary. The scratchpad comes first, so
 * that nothing can fail for want of memory between keeping a copy and filling it. */
static gan_status packed_weights(gan__cpu *cpu, primitive *p, const void *plain, gan__storage *storage,
                                 const void **out, void **temporary)
{
    uint64_t key = mix(p->layout, (uint64_t)(uintptr_t)plain);
    void *scratch, *packed = storage ? gan__pack_find(cpu->base.ctx, storage, key) : NULL;
    *out = packed;
    if (packed)
        return GAN_OK;
    gan_status status = get_scratch(cpu, p->reorder_scratch_bytes, &scratch);
    if (status != GAN_OK)
        return status;
    if (storage)
        packed = gan__pack_add(cpu->base.ctx, storage, key, p->packed_bytes);
    if (!packed)
        packed = *temporary = gan__workspace(cpu->base.ctx, p->packed_bytes);
    *out = packed;
    status = packed ? run_reorder(cpu, p, plain, packed, scratch) : gan__cpu_no_memory(cpu, p->packed_bytes);
    gan__workspace_free(cpu->base.ctx, scratch);
    return status;
}

static gan_status run(gan__cpu *cpu, primitive *p, const void *source, const void *weights, const float *bias,
                      void *result)
{
    void *scratch;
    gan_status no_scratch = get_scratch(cpu, p->scratch, &scratch);
    if (no_scratch != GAN_OK)
        return no_scratch;
    const void *data[OPERANDS] = {source, weights, result, bias, scratch};
    dnnl_exec_arg_t arg[OPERANDS];
    int n = 0;
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < OPERANDS && status == dnnl_success; i++) {
        if (!p->operand[i].memory)
            continue;
        status = set(&p->operand[i], data[i]);
        arg[n].arg = p->operand[i].arg;
        arg[n++].memory = p->operand[i].memory;
    }
    if (status == dnnl_success)
        status = execute(cpu->onednn, p->run, arg, n);
    gan__workspace_free(cpu->base.ctx, scratch);
    return status == dnnl_success ? GAN_OK : dnnl_failed(cpu, status, "running a primitive");
}

/* Run into a temporary, then reorder into the plain result. */
static gan_status run_to_packed(gan__cpu *cpu, primitive *p, const void *source, const void *weights, void *result)
{
    void *packed, *scratch = NULL;
    gan_status status = get_scratch(cpu, p->packed_bytes, &packed);
    if (status == GAN_OK)
        status = get_scratch(cpu, p->reorder_scratch_bytes, &scratch);
    if (status == GAN_OK)
        status = run(cpu, p, source, weights, NULL, packed);
    if (status == GAN_OK)
        status = run_reorder(cpu, p, result, packed, scratch);
    gan__workspace_free(cpu->base.ctx, scratch);
    gan__workspace_free(cpu->base.ctx, packed);
    return status;
}

static gan_status find_and_run(gan__cpu *cpu, const gan__problem *problem, const void *source, const void *weights,
                               gan__storage *storage, const float *bias, void *result)
{
    primitive *p = NULL;
    gan_status status = find(cpu, problem, &p);
    if (status != GAN_OK)
        return status;
    if (!p->run)
        return GAN_ERROR_UNSUPPORTED;
    if (p->packed == RESULT)
        return run_to_packed(cpu, p, source, weights, result);
    const void *packed = weights;
    void *temporary = NULL;
    if (p->packed == WEIGHTS)
        status = packed_weights(cpu, p, weights, storage, &packed, &temporary);
    if (status == GAN_OK)
        status = run(cpu, p, source, packed, bias, result);
    gan__workspace_free(cpu->base.ctx, temporary);
    return status;
}

gan_status gan__onednn_run(gan__cpu *cpu, const gan__problem *problem, const void *source, const void *weights,
                           gan__storage *storage, const float *bias, void *result)
{
    /* oneDNN divides its work by the calling thread's OpenMP setting. */
    int before = omp_get_max_threads();
    if (before != cpu->base.threads)
        omp_set_num_threads(cpu->base.threads);
    gan_status status = find_and_run(cpu, problem, source, weights, storage, bias, result);
    if (before != cpu->base.threads)
        omp_set_num_threads(before);
    return status;
}
