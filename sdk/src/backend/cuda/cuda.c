/* The CUDA backend: creation, errors, memory, the table. */
#include "cuda.h"

#include <cublasLt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAN__MIB ((double)((size_t)1 << 20))

enum { OLDEST_MAJOR = 8 }; /* compute capability: what the library has code for */

/* ---- errors ---- */

gan_status gan__cuda_fail(gan__cuda *cu, gan_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cu->base.error.text, sizeof cu->base.error.text, format, arguments);
    va_end(arguments);
    return status;
}

/* After these CUDA refuses every call of the process. */
static bool is_final(cudaError_t error)
{
    switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable:
        return true;
    default:
        return false;
    }
}

gan_status gan__cuda_no_memory(gan__cuda *cu, size_t bytes)
{
    size_t available = 0, total = 0;
    cudaGetLastError(); /* the failed allocation's: it would be taken for the next kernel's */
    if (cudaMemGetInfo(&available, &total) != cudaSuccess)
        return gan__cuda_fail(cu, GAN_ERROR_MEMORY, "out of memory: asked for %.1f MiB", (double)bytes / GAN__MIB);
    return gan__cuda_fail(cu, GAN_ERROR_MEMORY,
                          "out of memory: asked for %.1f MiB, %.1f MiB of %.1f MiB are free on the device",
                          (double)bytes / GAN__MIB, (double)available / GAN__MIB, (double)total / GAN__MIB);
}

gan_status gan__cuda_error(gan__cuda *cu, cudaError_t error, const char *call)
{
    int name = (int)strcspn(call, "("); /* without the arguments, which are names of our own */
    cudaGetLastError();
    if (error == cudaErrorMemoryAllocation) {
        size_t available = 0, total = 0;
        cudaMemGetInfo(&available, &total);
        return gan__cuda_fail(cu, GAN_ERROR_MEMORY, "%.*s: out of memory, %.1f MiB of %.1f MiB are free on the device",
                              name, call, (double)available / GAN__MIB, (double)total / GAN__MIB);
    }
    return gan__cuda_fail(
        cu, GAN_ERROR_DEVICE, "%.*s failed: %s (%s)%s", name, call, cudaGetErrorString(error), cudaGetErrorName(error),
        is_final(error) ? "; a kernel before it is at fault, and this process cannot use the device again" : "");
}

gan_status gan__cuda_launched(gan__cuda *cu, const char *kernel)
{
    cudaError_t error = cudaGetLastError();
    if (error == cudaSuccess)
        return GAN_OK;
    return gan__cuda_fail(cu, GAN_ERROR_DEVICE, "the kernel %s could not be started: %s (%s)", kernel,
                          cudaGetErrorString(error), cudaGetErrorName(error));
}

gan_status gan__cuda_not_capturing(gan__cuda *cu, const char *what)
{
    if (!cu->capturing)
        return GAN_OK;
    return gan__cuda_fail(cu, GAN_ERROR_STATE, "the step %s, so it cannot be captured", what);
}

/* ---- memory ---- */

static void *cuda_allocate(gan__backend *be, size_t bytes)
{
    gan__cuda *cu = gan__cuda_of(be);
    void *data = NULL;
    if (bytes == 0 || cudaMalloc(&data, bytes) == cudaSuccess)
        return data;
    gan__cuda_no_memory(cu, bytes);
    return NULL;
}

static void cuda_deallocate(gan__backend *be, void *data, size_t bytes)
{
    (void)bytes;
    gan__cuda_of(be);
    if (cudaFree(data) != cudaSuccess)
        cudaGetLastError(); /* of an earlier kernel; whoever asks next is told */
}

static gan_status cuda_memory_free(gan__backend *be, size_t *available, size_t *total)
{
    gan__cuda *cu = gan__cuda_of(be);
    GAN__CUDA_TRY(cu, cudaMemGetInfo(available, total));
    return GAN_OK;
}

/* A wrong index is not told here: the allocator waits, too, and would be the only one to hear of it. */
static gan_status cuda_synchronize(gan__backend *be)
{
    gan__cuda *cu = gan__cuda_of(be);
    gan_status status = gan__cuda_not_capturing(cu, "waits for the device");
    if (status != GAN_OK)
        return status;
    GAN__CUDA_TRY(cu, cudaStreamSynchronize(cu->stream));
    return GAN_OK;
}

/* ---- creation ---- */

static void cuda_destroy(gan__backend *be)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (cu->capturing)
        gan__cuda_capture_end(be, NULL);
    if (cu->stream)
        cudaStreamSynchronize(cu->stream);
    gan__cudnn_destroy(cu);
    gan__cuda_products_destroy(cu);
    gan__cuda_graphs_destroy(cu);
    gan__cuda_transfer_destroy(cu);
    if (cu->copy_stream)
        cudaStreamDestroy(cu->copy_stream);
    if (cu->stream)
        cudaStreamDestroy(cu->stream);
    cudaGetLastError();
    free(cu);
}

static const gan__backend_ops cuda_ops = {
    .destroy = cuda_destroy,
    .allocate = cuda_allocate,
    .deallocate = cuda_deallocate,
    .copy_in = gan__cuda_copy_in,
    .copy_out = gan__cuda_copy_out,
    .copy = gan__cuda_copy,
    .synchronize = cuda_synchronize,
    .upload = gan__cuda_upload,
    .upload_done = gan__cuda_upload_done,
    .gather_scalars = gan__cuda_gather_scalars,
    .read_begin = gan__cuda_read_begin,
    .read_value = gan__cuda_read_value,
    .read_free = gan__cuda_read_free,
    .capture_begin = gan__cuda_capture_begin,
    .capture_end = gan__cuda_capture_end,
    .graph_launch = gan__cuda_graph_launch,
    .graph_destroy = gan__cuda_graph_destroy,
    .number = gan__cuda_number,
    .map = gan__cuda_map,
    .reduce = gan__cuda_reduce,
    .matmul = gan__cuda_matmul,
    .conv_forward = gan__cuda_conv_forward,
    .conv_data = gan__cuda_conv_data,
    .conv_weight = gan__cuda_conv_weight,
    .norm_forward = gan__cuda_norm_forward,
    .norm_apply = gan__cuda_norm_apply,
    .norm_backward = gan__cuda_norm_backward,
    .window_sum = gan__cuda_window_sum,
    .window_spread = gan__cuda_window_spread,
    .bilinear = gan__cuda_bilinear,
    .bilinear_adjoint = gan__cuda_bilinear_adjoint,
    .reflect_pad = gan__cuda_reflect_pad,
    .reflect_pad_adjoint = gan__cuda_reflect_pad_adjoint,
    .gather_rows = gan__cuda_gather_rows,
    .scatter_rows = gan__cuda_scatter_rows,
    .random = gan__cuda_random,
    .update = gan__cuda_update,
    .memory_free = cuda_memory_free,
    .upfirdn = gan__cuda_upfirdn,
    .affine_sample = gan__cuda_affine_sample,
    .affine_adjoint = gan__cuda_affine_adjoint,
    .scale_forward = gan__cuda_scale_forward,
    .scale_backward = gan__cuda_scale_backward,
};

/* 13000 is 13.0. */
static const char *version_text(int version, char out[24])
{
    snprintf(out, 24, "%d.%d", version / 1000, version % 1000 / 10);
    return out;
}

/* Whether there is a driver that this library can talk to, and a device. */
static gan_status check_driver(gan__cuda *cu, int *count)
{
    char has[24], wants[24];
    int driver = 0, runtime = 0;
    cudaError_t error = cudaGetDeviceCount(count);
    cudaGetLastError();
    if (cudaDriverGetVersion(&driver) != cudaSuccess)
        driver = 0;
    cudaRuntimeGetVersion(&runtime);
    if (driver == 0)
        return gan__cuda_fail(cu, GAN_ERROR_DEVICE_REFUSED, "there is no NVIDIA driver on this machine");
    if (error == cudaErrorInsufficientDriver)
        return gan__cuda_fail(cu, GAN_ERROR_DEVICE_REFUSED,
                              "the NVIDIA driver is for CUDA %s, but at least that of CUDA %s is needed",
                              version_text(driver, has), version_text(runtime, wants));
    if (error == cudaErrorNoDevice || (error == cudaSuccess && *count == 0))
        return gan__cuda_fail(cu, GAN_ERROR_DEVICE_REFUSED, "the NVIDIA driver shows no CUDA device");
    if (error != cudaSuccess)
        return gan__cuda_fail(cu, GAN_ERROR_DEVICE_REFUSED, "the NVIDIA driver does not work: %s (%s)",
                              cudaGetErrorString(error), cudaGetErrorName(error));
    return GAN_OK;
}

static gan_status open_device(gan__cuda *cu, int device)
{
    int count = 0;
    gan_status status = check_driver(cu, &count);
    if (status != GAN_OK)
        return status;
    cu->device = device < 0 ? 0 : device;
    if (cu->device >= count)
        return gan__cuda_fail(cu, GAN_ERROR_DEVICE_REFUSED, "there is no device %d: CUDA shows %d, numbered from 0",
                              cu->device, count);
    GAN__CUDA_TRY(cu, cudaGetDeviceProperties(&cu->properties, cu->device));
    if (cu->properties.major < OLDEST_MAJOR)
        return gan__cuda_fail(cu, GAN_ERROR_DEVICE_REFUSED,
                              "%.100s has compute capability %d.%d, but at least %d.0 is needed", cu->properties.name,
                              cu->properties.major, cu->properties.minor, OLDEST_MAJOR);
    GAN__CUDA_TRY(cu, cudaSetDevice(cu->device));
    GAN__CUDA_TRY(cu, cudaStreamCreateWithFlags(&cu->stream, cudaStreamNonBlocking));
    GAN__CUDA_TRY(cu, cudaStreamCreateWithFlags(&cu->copy_stream, cudaStreamNonBlocking));
    cu->base.stream = cu->stream;
    return GAN_OK;
}

static void describe(gan__cuda *cu)
{
    char runtime[24], cudnn[32] = "no cuDNN";
    int version = 0;
    size_t cublas = cublasLtGetVersion(), dnn = gan__cudnn_version(cu);
    cudaRuntimeGetVersion(&version);
    if (dnn)
        snprintf(cudnn, sizeof cudnn, "cuDNN %zu.%zu.%zu", dnn / 10000, dnn / 100 % 100, dnn % 100);
    snprintf(cu->base.description, sizeof cu->base.description, "%.60s (sm_%d%d), CUDA %s, cuBLASLt %zu.%zu.%zu, %s",
             cu->properties.name, cu->properties.major, cu->properties.minor, version_text(version, runtime),
             cublas / 10000, cublas / 100 % 100, cublas % 100, cudnn);
}

static gan_status cuda_create(gan_context *ctx, const gan__services *services, int device, gan__backend **out,
                              gan_message *message)
{
    gan__cuda *cu = calloc(1, sizeof *cu);
    if (!cu)
        return gan_fail(message, GAN_ERROR_MEMORY, "out of memory: the CUDA backend could not be created");
    cu->base.ops = &cuda_ops;
    cu->base.ctx = ctx;
    cu->base.services = services;
    cu->base.threads = 1;
    cu->base.is_cuda = true;
    gan_status status = open_device(cu, device);
    if (status == GAN_OK)
        status = gan__cuda_transfer_create(cu);
    if (status == GAN_OK)
        status = gan__cuda_graphs_create(cu);
    if (status == GAN_OK)
        status = gan__cuda_products_create(cu);
    if (status == GAN_OK)
        status = gan__cudnn_create(cu);
    if (status != GAN_OK) {
        gan_fail(message, status, "%s", cu->base.error.text);
        cuda_destroy(&cu->base);
        return status;
    }
    describe(cu);
    *out = &cu->base;
    return GAN_OK;
}

extern GAN_API const gan__cuda_entry_table gan__cuda_entry;
const gan__cuda_entry_table gan__cuda_entry = {
    .layout = GAN__CUDA_LAYOUT,
    .backend_ops_size = sizeof(gan__backend_ops),
    .version = GAN_VERSION_STRING,
    .create = cuda_create,
};
