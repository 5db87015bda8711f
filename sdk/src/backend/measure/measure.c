/*
 * measure.c - a device that computes nothing: what a step would take of a device's memory is what it asks here.
 *
 * Addresses come from a mapping that is only reserved: pages that nobody writes take no memory. It may be written, so
 * that a plugin with loops of its own does no harm. Steps can be "recorded", because recording makes the allocator ask
 * for more (core/alloc.c). Operands that a product needs in another type are converted as on a CUDA device, in memory
 * only; what libraries take for themselves is not counted.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/backend.h"

/* Half of the addresses that a process has with 47 bits, or as many as are granted. */
#define LARGEST_MAPPING  ((size_t)1 << 46)
#define SMALLEST_MAPPING ((size_t)1 << 34)

/* Packed copies have keys of their own for each backend; here there is one form of each type. */
enum { PACK_KEY = 1 };

/* Batches on their way to a CUDA device lie in as many buffers in turn (cuda/copy.c), which the allocator knows nothing
 * of. */
enum { UPLOADS = 4 };

typedef struct measure {
    gan__backend base;
    char *memory;
    size_t size, next; /* of the mapping; an address is handed out once */
    size_t limit, taken;
    size_t upload[UPLOADS]; /* sizes */
    int next_upload;
} measure;

struct gan__reading {
    char value[GAN__READING_MAX];
};
static struct gan__reading zeros;

struct gan__graph {
    int nothing;
};
static struct gan__graph recorded;

/* ---- memory ---- */

static void measure_destroy(gan__backend *be)
{
    measure *m = (measure *)be;
    munmap(m->memory, m->size);
    free(m);
}

static bool has_room(const measure *m, size_t bytes)
{
    return !m->limit || bytes <= m->limit - m->taken;
}

static void *measure_allocate(gan__backend *be, size_t bytes)
{
    measure *m = (measure *)be;
    if (bytes == 0 || bytes > m->size - m->next - 64 || !has_room(m, bytes))
        return NULL;
    void *data = m->memory + m->next;
    m->next += (bytes + 63) & ~(size_t)63;
    m->taken += bytes;
    return data;
}

static void measure_deallocate(gan__backend *be, void *data, size_t bytes)
{
    measure *m = (measure *)be;
    (void)data;
    m->taken -= bytes;
}

static gan_status measure_memory_free(gan__backend *be, size_t *available, size_t *total)
{
    const measure *m = (const measure *)be;
    *total = m->limit ? m->limit : m->size;
    *available = *total - m->taken;
    return GAN_OK;
}

/* ---- what would be computed ---- */

static gan_status no_memory(gan__backend *be, size_t bytes)
{
    snprintf(be->error.text, sizeof be->error.text, "out of memory: asked for %zu bytes", bytes);
    return GAN_ERROR_MEMORY;
}

/* The operands of a product as `compute`: copies that stay with their storage (`keep`), or as long as the product
 * takes. */
static gan_status convert(gan__backend *be, const gan__array *const operand[2], const bool keep[2], gan_dtype compute)
{
    void *owned[2] = {NULL, NULL};
    gan_status status = GAN_OK;
    for (int i = 0; i < 2 && status == GAN_OK; i++) {
        const gan__array *a = operand[i];
        gan__storage *storage = keep[i] ? a->storage : NULL;
        size_t bytes = gan_dtype_size(compute);
        for (int d = 0; d < a->ndim; d++)
            bytes *= (size_t)a->dim[d];
        if (a->dtype == compute || bytes == 0 || gan__pack_find(be->ctx, storage, PACK_KEY) ||
            gan__pack_add(be->ctx, storage, PACK_KEY, bytes))
            continue;
        owned[i] = gan__workspace(be->ctx, bytes);
        if (!owned[i])
            status = no_memory(be, bytes);
    }
    gan__workspace_free(be->ctx, owned[1]);
    gan__workspace_free(be->ctx, owned[0]);
    return status;
}

static gan_status measure_matmul(gan__backend *be, const gan__matmul_args *args)
{
    const gan__array *const operand[2] = {&args->a, &args->b};
    return convert(be, operand, (const bool[2]){true, true}, args->compute);
}

static gan_status measure_conv_forward(gan__backend *be, const gan__conv_args *args)
{
    const gan__array *const operand[2] = {&args->x, &args->w};
    return convert(be, operand, (const bool[2]){false, true}, args->compute);
}

static gan_status measure_conv_data(gan__backend *be, const gan__conv_args *args)
{
    const gan__array *const operand[2] = {&args->y, &args->w};
    return convert(be, operand, (const bool[2]){false, true}, args->compute);
}

static gan_status measure_conv_weight(gan__backend *be, const gan__conv_args *args)
{
    const gan__array *const operand[2] = {&args->x, &args->y};
    return convert(be, operand, (const bool[2]){false, false}, args->compute);
}

static gan_status measure_copy_in(gan__backend *be, void *device, const void *host, size_t bytes)
{
    (void)be, (void)device, (void)host, (void)bytes;
    return GAN_OK;
}

static gan_status measure_copy_out(gan__backend *be, void *host, const void *device, size_t bytes)
{
    (void)be, (void)device;
    memset(host, 0, bytes);
    return GAN_OK;
}

static gan_status measure_synchronize(gan__backend *be)
{
    (void)be;
    return GAN_OK;
}

static gan_status measure_upload(gan__backend *be, const void *host, size_t bytes, const void **device)
{
    measure *m = (measure *)be;
    size_t *buffer = &m->upload[m->next_upload];
    m->next_upload = (m->next_upload + 1) % UPLOADS;
    if (bytes > *buffer) {
        if (!has_room(m, bytes - *buffer))
            return no_memory(be, bytes);
        m->taken += bytes - *buffer;
        *buffer = bytes;
    }
    *device = host;
    return GAN_OK;
}

static gan_status measure_upload_done(gan__backend *be, const void *device)
{
    (void)be, (void)device;
    return GAN_OK;
}

static gan_status measure_gather_scalars(gan__backend *be, int n, const gan__array *scalars, float *out)
{
    (void)be, (void)n, (void)scalars, (void)out;
    return GAN_OK;
}

static gan_status measure_read_begin(gan__backend *be, const void *device, size_t bytes, gan__reading **out)
{
    (void)be, (void)device, (void)bytes;
    *out = &zeros;
    return GAN_OK;
}

static gan_status measure_read_value(gan__backend *be, gan__reading *reading, bool wait, const void **value)
{
    (void)be, (void)wait;
    *value = reading->value;
    return GAN_OK;
}

static void measure_read_free(gan__backend *be, gan__reading *reading)
{
    (void)be, (void)reading;
}

static gan_status measure_capture_begin(gan__backend *be)
{
    (void)be;
    return GAN_OK;
}

static gan_status measure_capture_end(gan__backend *be, gan__graph **out)
{
    (void)be;
    if (out)
        *out = &recorded;
    return GAN_OK;
}

static gan_status measure_graph_launch(gan__backend *be, gan__graph *graph, const gan__replay *replay)
{
    (void)be, (void)graph, (void)replay;
    return GAN_OK;
}

static void measure_graph_destroy(gan__backend *be, gan__graph *graph)
{
    (void)be, (void)graph;
}

static gan_status measure_number(gan__backend *be, float value, float *out)
{
    (void)be, (void)value, (void)out;
    return GAN_OK;
}

static gan_status measure_map(gan__backend *be, gan__map_op op, const float params[4], int n_in, const gan__array *in,
                              const gan__array *out)
{
    (void)be, (void)op, (void)params, (void)n_in, (void)in, (void)out;
    return GAN_OK;
}

static gan_status measure_reduce(gan__backend *be, gan__reduce_op op, const gan__array *in, float scale,
                                 const gan__array *out)
{
    (void)be, (void)op, (void)in, (void)scale, (void)out;
    return GAN_OK;
}

static gan_status measure_norm(gan__backend *be, const gan__norm_args *args)
{
    (void)be, (void)args;
    return GAN_OK;
}

static gan_status measure_window(gan__backend *be, const gan__array *from, int k, float scale, const gan__array *to)
{
    (void)be, (void)from, (void)k, (void)scale, (void)to;
    return GAN_OK;
}

static gan_status measure_bilinear(gan__backend *be, const gan__array *from, const gan__array *to)
{
    (void)be, (void)from, (void)to;
    return GAN_OK;
}

static gan_status measure_reflect_pad(gan__backend *be, const gan__array *from, int p, const gan__array *to)
{
    (void)be, (void)from, (void)p, (void)to;
    return GAN_OK;
}

static gan_status measure_upfirdn(gan__backend *be, const gan_fir *fir, const gan__array *x, const gan__array *y)
{
    (void)be, (void)fir, (void)x, (void)y;
    return GAN_OK;
}

static gan_status measure_affine(gan__backend *be, const float *theta, gan_border border, const gan__array *from,
                                 const gan__array *to)
{
    (void)be, (void)theta, (void)border, (void)from, (void)to;
    return GAN_OK;
}

static gan_status measure_scale(gan__backend *be, const gan__scale_args *args)
{
    (void)be, (void)args;
    return GAN_OK;
}

static gan_status measure_gather_rows(gan__backend *be, const float *table, int64_t table_rows, int64_t width,
                                      const int32_t *index, int64_t n, float *out)
{
    (void)be, (void)table, (void)table_rows, (void)width, (void)index, (void)n, (void)out;
    return GAN_OK;
}

static gan_status measure_scatter_rows(gan__backend *be, const float *rows, const int32_t *index, int64_t n,
                                       int64_t width, int64_t out_rows, float *out)
{
    (void)be, (void)rows, (void)index, (void)n, (void)width, (void)out_rows, (void)out;
    return GAN_OK;
}

static gan_status measure_random(gan__backend *be, gan__random_kind kind, uint64_t seed, uint64_t stream,
                                 uint64_t counter, float a, float b, int64_t n, void *out)
{
    (void)be, (void)kind, (void)seed, (void)stream, (void)counter, (void)a, (void)b, (void)n, (void)out;
    return GAN_OK;
}

static gan_status measure_update(gan__backend *be, const gan__update_args *args, const gan__update *tensors, int n)
{
    (void)be, (void)args, (void)tensors, (void)n;
    return GAN_OK;
}

static const gan__backend_ops measure_ops = {
    .destroy = measure_destroy,
    .allocate = measure_allocate,
    .deallocate = measure_deallocate,
    .copy_in = measure_copy_in,
    .copy_out = measure_copy_out,
    .copy = measure_copy_in,
    .synchronize = measure_synchronize,
    .upload = measure_upload,
    .upload_done = measure_upload_done,
    .gather_scalars = measure_gather_scalars,
    .read_begin = measure_read_begin,
    .read_value = measure_read_value,
    .read_free = measure_read_free,
    .capture_begin = measure_capture_begin,
    .capture_end = measure_capture_end,
    .graph_launch = measure_graph_launch,
    .graph_destroy = measure_graph_destroy,
    .number = measure_number,
    .map = measure_map,
    .reduce = measure_reduce,
    .matmul = measure_matmul,
    .conv_forward = measure_conv_forward,
    .conv_data = measure_conv_data,
    .conv_weight = measure_conv_weight,
    .norm_forward = measure_norm,
    .norm_apply = measure_norm,
    .norm_backward = measure_norm,
    .window_sum = measure_window,
    .window_spread = measure_window,
    .bilinear = measure_bilinear,
    .bilinear_adjoint = measure_bilinear,
    .reflect_pad = measure_reflect_pad,
    .reflect_pad_adjoint = measure_reflect_pad,
    .gather_rows = measure_gather_rows,
    .scatter_rows = measure_scatter_rows,
    .random = measure_random,
    .update = measure_update,
    .memory_free = measure_memory_free,
    .upfirdn = measure_upfirdn,
    .affine_sample = measure_affine,
    .affine_adjoint = measure_affine,
    .scale_forward = measure_scale,
    .scale_backward = measure_scale,
};

gan_status gan__measure_create(gan_context *ctx, size_t limit, gan__backend **out, gan_message *message)
{
    measure *m = calloc(1, sizeof *m);
    if (!m)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory to measure with");
    void *memory = MAP_FAILED;
    for (size_t size = LARGEST_MAPPING; size >= SMALLEST_MAPPING && memory == MAP_FAILED; size /= 2) {
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        m->size = size;
    }
    if (memory == MAP_FAILED) {
        free(m);
        return gan_fail(message, GAN_ERROR_MEMORY, "no addresses to measure with");
    }
    madvise(memory, m->size, MADV_DONTDUMP); /* advice only */
    m->memory = memory;
    m->limit = limit;
    m->base.ops = &measure_ops;
    m->base.ctx = ctx;
    m->base.services = &gan__core_services;
    m->base.threads = 1;
    snprintf(m->base.description, sizeof m->base.description, "memory counter");
    *out = &m->base;
    return GAN_OK;
}
