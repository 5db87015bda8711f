/* The CPU backend: creation, memory, copies. */
#include "cpu.h"

#include <dnnl.h>
#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Blocks of at least this size start on a huge page, which saves page faults and TLB misses. */
#define GAN__HUGE_PAGE ((size_t)2 << 20)

gan_status gan__cpu_fail(gan__cpu *cpu, gan_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cpu->base.error.text, sizeof cpu->base.error.text, format, arguments);
    va_end(arguments);
    return status;
}

gan_status gan__cpu_no_memory(gan__cpu *cpu, size_t bytes)
{
    return gan__cpu_fail(cpu, GAN_ERROR_MEMORY, "out of memory: a workspace of %zu bytes was wanted", bytes);
}

struct gan__reading {
    gan__reading *next; /* while it is not used */
    max_align_t value[GAN__READING_MAX / sizeof(max_align_t)];
};

static void cpu_destroy(gan__backend *be)
{
    gan__cpu *cpu = gan__cpu_of(be);
    for (gan__reading *reading = cpu->readings, *next; reading; reading = next) {
        next = reading->next;
        free(reading);
    }
    gan__onednn_destroy(cpu->onednn);
    free(cpu);
}

static void *cpu_allocate(gan__backend *be, size_t bytes)
{
    (void)be;
    size_t alignment = bytes >= GAN__HUGE_PAGE ? GAN__HUGE_PAGE : 64;
    if (bytes == 0 || bytes > SIZE_MAX - alignment)
        return NULL;
    void *data = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#ifdef MADV_HUGEPAGE
    if (data && alignment == GAN__HUGE_PAGE)
        madvise(data, bytes, MADV_HUGEPAGE); /* advice only: a refusal changes nothing */
#endif
    return data;
}

static void cpu_deallocate(gan__backend *be, void *data, size_t bytes)
{
    (void)be, (void)bytes;
    free(data);
}

/* What the kernel says that it could give without swapping, see proc_meminfo(5). */
static gan_status cpu_memory_free(gan__backend *be, size_t *available, size_t *total)
{
    char line[128];
    unsigned long long all = 0, rest = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    (void)be;
    if (!file)
        return GAN_ERROR_UNSUPPORTED;
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "MemTotal: %llu kB", &all);
        sscanf(line, "MemAvailable: %llu kB", &rest);
    }
    fclose(file);
    *available = (size_t)rest << 10;
    *total = (size_t)all << 10;
    return all > 0 ? GAN_OK : GAN_ERROR_UNSUPPORTED;
}

static gan_status cpu_copy(gan__backend *be, void *to, const void *from, size_t bytes)
{
    gan__cpu *cpu = gan__cpu_of(be);
    int threads = gan__cpu_threads(cpu, (int64_t)(bytes / sizeof(float)));
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        int64_t begin, end;
        gan__cpu_part((int64_t)bytes, 4096, threads, i, &begin, &end);
        memcpy((char *)to + begin, (const char *)from + begin, (size_t)(end - begin));
    }
    return GAN_OK;
}

static gan_status cpu_copy_in(gan__backend *be, void *device, const void *host, size_t bytes)
{
    return cpu_copy(be, device, host, bytes);
}

static gan_status cpu_copy_out(gan__backend *be, void *host, const void *device, size_t bytes)
{
    return cpu_copy(be, host, device, bytes);
}

static gan_status cpu_synchronize(gan__backend *be)
{
    (void)be;
    return GAN_OK;
}

/* ---- batches in, values out: the memory is the host's already ---- */

static gan_status cpu_upload(gan__backend *be, const void *host, size_t bytes, const void **device)
{
    (void)be, (void)bytes;
    *device = host;
    return GAN_OK;
}

static gan_status cpu_upload_done(gan__backend *be, const void *device)
{
    (void)be, (void)device;
    return GAN_OK;
}

static gan_status cpu_gather_scalars(gan__backend *be, int n, const gan__array *scalars, float *out)
{
    for (int i = 0; i < n; i++)
        gan__cpu_convert(gan__cpu_of(be), scalars[i].dtype, scalars[i].data, GAN_F32, out + i, 1);
    return GAN_OK;
}

static gan_status cpu_read_begin(gan__backend *be, const void *device, size_t bytes, gan__reading **out)
{
    gan__cpu *cpu = gan__cpu_of(be);
    gan__reading *reading = cpu->readings ? cpu->readings : malloc(sizeof *reading);
    *out = NULL;
    if (!reading)
        return gan__cpu_no_memory(cpu, sizeof *reading);
    if (reading == cpu->readings)
        cpu->readings = reading->next;
    memcpy(reading->value, device, bytes);
    *out = reading;
    return GAN_OK;
}

static gan_status cpu_read_value(gan__backend *be, gan__reading *reading, bool wait, const void **value)
{
    (void)be, (void)wait;
    *value = reading->value;
    return GAN_OK;
}

static void cpu_read_free(gan__backend *be, gan__reading *reading)
{
    gan__cpu *cpu = gan__cpu_of(be);
    if (!reading)
        return;
    reading->next = cpu->readings;
    cpu->readings = reading;
}

static gan_status cpu_number(gan__backend *be, float value, float *out)
{
    (void)be;
    *out = value;
    return GAN_OK;
}

static const gan__backend_ops cpu_ops = {
    .destroy = cpu_destroy,
    .allocate = cpu_allocate,
    .deallocate = cpu_deallocate,
    .copy_in = cpu_copy_in,
    .copy_out = cpu_copy_out,
    .copy = cpu_copy,
    .synchronize = cpu_synchronize,
    .upload = cpu_upload,
    .upload_done = cpu_upload_done,
    .gather_scalars = cpu_gather_scalars,
    .read_begin = cpu_read_begin,
    .read_value = cpu_read_value,
    .read_free = cpu_read_free,
    .number = cpu_number,
    .map = gan__cpu_map,
    .reduce = gan__cpu_reduce,
    .matmul = gan__cpu_matmul,
    .conv_forward = gan__cpu_conv_forward,
    .conv_data = gan__cpu_conv_data,
    .conv_weight = gan__cpu_conv_weight,
    .norm_forward = gan__cpu_norm_forward,
    .norm_apply = gan__cpu_norm_apply,
    .norm_backward = gan__cpu_norm_backward,
    .window_sum = gan__cpu_window_sum,
    .window_spread = gan__cpu_window_spread,
    .bilinear = gan__cpu_bilinear,
    .bilinear_adjoint = gan__cpu_bilinear_adjoint,
    .reflect_pad = gan__cpu_reflect_pad,
    .reflect_pad_adjoint = gan__cpu_reflect_pad_adjoint,
    .gather_rows = gan__cpu_gather_rows,
    .scatter_rows = gan__cpu_scatter_rows,
    .random = gan__cpu_random,
    .update = gan__cpu_update,
    .memory_free = cpu_memory_free,
    .upfirdn = gan__cpu_upfirdn,
    .affine_sample = gan__cpu_affine_sample,
    .affine_adjoint = gan__cpu_affine_adjoint,
    .scale_forward = gan__cpu_scale_forward,
    .scale_backward = gan__cpu_scale_backward,
};

gan_status gan__cpu_create(gan_context *ctx, int threads, gan__backend **out, gan_message *message)
{
    gan__cpu *cpu = calloc(1, sizeof *cpu);
    if (!cpu)
        return gan_fail(message, GAN_ERROR_MEMORY, "out of memory: the CPU backend could not be created");
    cpu->base.ops = &cpu_ops;
    cpu->base.ctx = ctx;
    cpu->base.threads = threads > 0 ? threads : omp_get_num_procs();
    gan__isa_select(&cpu->isa);
    gan_status status = gan__onednn_create(cpu);
    if (status != GAN_OK) {
        gan_fail(message, status, "%s", cpu->base.error.text);
        free(cpu);
        return status;
    }
    const dnnl_version_t *version = dnnl_version();
    snprintf(cpu->base.description, sizeof cpu->base.description, "CPU, %d thread%s, %s, oneDNN %d.%d.%d",
             cpu->base.threads, cpu->base.threads == 1 ? "" : "s", cpu->isa.name, version->major, version->minor,
             version->patch);
    *out = &cpu->base;
    return GAN_OK;
}
