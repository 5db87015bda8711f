/*
 * runtime.cpp - the runtime's calls about errors and devices, answered on the host. See include/cuda_runtime_api.h;
 * streams are in stream.cpp, memory and launches in memory.cpp.
 */
#include "runtime.h"

#include <stdlib.h>
#include <string.h>

std::recursive_mutex gan_emulated_lock;
static thread_local cudaError_t last_error;
static thread_local int current_device;

cudaError_t gan_emulated_given(cudaError_t error)
{
    if (error != cudaSuccess)
        last_error = error;
    return error;
}

long gan_emulated_setting(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtol(text, nullptr, 10) : otherwise;
}

/* ---- errors ---- */

static const struct {
    cudaError_t error;
    const char *name, *text;
} errors[] = {
#define ENTRY(name, text)                                                                                              \
    {                                                                                                                  \
        name, #name, text                                                                                              \
    }
    ENTRY(cudaSuccess, "no error"),
    ENTRY(cudaErrorInvalidValue, "invalid argument"),
    ENTRY(cudaErrorMemoryAllocation, "out of memory"),
    ENTRY(cudaErrorInitializationError, "initialization error"),
    ENTRY(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    ENTRY(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
    ENTRY(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    ENTRY(cudaErrorInvalidDevice, "invalid device ordinal"),
    ENTRY(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    ENTRY(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    ENTRY(cudaErrorNotReady, "device not ready"),
    ENTRY(cudaErrorNotSupported, "operation not supported"),
    ENTRY(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    ENTRY(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    ENTRY(cudaErrorStreamCaptureMerge, "operation would result in a merge of separate capture sequences"),
    ENTRY(cudaErrorStreamCaptureUnmatched, "capture was not ended in the same stream as it began"),
    ENTRY(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    ENTRY(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream"),
    ENTRY(cudaErrorCapturedEvent, "operation not permitted on an event last recorded in a capturing stream"),
    ENTRY(cudaErrorUnknown, "unknown error"),
#undef ENTRY
};

const char *cudaGetErrorName(cudaError_t error)
{
    for (const auto &e : errors)
        if (e.error == error)
            return e.name;
    return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error)
{
    for (const auto &e : errors)
        if (e.error == error)
            return e.text;
    return "unrecognized error code";
}

cudaError_t cudaGetLastError()
{
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError()
{
    return last_error;
}

/* ---- the device ---- */

size_t gan_emulated_memory_total()
{
    return (size_t)gan_emulated_setting("GAN_EMULATED_MEMORY", 4096) << 20;
}

cudaError_t cudaDriverGetVersion(int *driverVersion)
{
    *driverVersion = (int)gan_emulated_setting("GAN_EMULATED_DRIVER", CUDART_VERSION);
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *runtimeVersion)
{
    *runtimeVersion = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 0;
    if (gan_emulated_setting("GAN_EMULATED_DRIVER", CUDART_VERSION) / 1000 < CUDART_VERSION / 1000)
        return gan_emulated_given(cudaErrorInsufficientDriver);
    *count = (int)gan_emulated_setting("GAN_EMULATED_DEVICES", 1);
    return gan_emulated_given(*count > 0 ? cudaSuccess : cudaErrorNoDevice);
}

cudaError_t gan_emulated_check_device(int device)
{
    int count;
    cudaError_t error = cudaGetDeviceCount(&count);
    return error != cudaSuccess
               ? error
               : gan_emulated_given(device >= 0 && device < count ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *prop, int device)
{
    cudaError_t error = gan_emulated_check_device(device);
    if (error != cudaSuccess)
        return error;
    *prop = {};
    strcpy(prop->name, "emulated");
    prop->totalGlobalMem = gan_emulated_memory_total();
    prop->sharedMemPerBlock = GAN_EMULATED_SHARED;
    prop->sharedMemPerBlockOptin = GAN_EMULATED_SHARED_OPTIN;
    prop->sharedMemPerMultiprocessor = GAN_EMULATED_SHARED_OPTIN + 1024;
    prop->reservedSharedMemPerBlock = 1024;
    prop->regsPerBlock = prop->regsPerMultiprocessor = 65536;
    prop->warpSize = GAN_EMULATED_WARP;
    prop->maxThreadsPerBlock = prop->maxThreadsDim[0] = prop->maxThreadsDim[1] = 1024;
    prop->maxThreadsDim[2] = 64;
    prop->maxGridSize[0] = 0x7fffffff;
    prop->maxGridSize[1] = prop->maxGridSize[2] = 65535;
    prop->totalConstMem = 65536;
    prop->major = 9;
    prop->multiProcessorCount = 4;
    prop->maxThreadsPerMultiProcessor = 2048;
    prop->maxBlocksPerMultiProcessor = 32;
    prop->l2CacheSize = 4 << 20;
    prop->memoryBusWidth = 64;
    prop->canMapHostMemory = prop->concurrentKernels = prop->unifiedAddressing = prop->asyncEngineCount = 1;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attr, int device)
{
    cudaDeviceProp p;
    cudaError_t error = cudaGetDeviceProperties(&p, device);
    if (error != cudaSuccess)
        return error;
    switch (attr) {
    case cudaDevAttrMaxThreadsPerBlock:
        *value = p.maxThreadsPerBlock;
        return cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
        *value = p.multiProcessorCount;
        return cudaSuccess;
    case cudaDevAttrL2CacheSize:
        *value = p.l2CacheSize;
        return cudaSuccess;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
        *value = p.maxThreadsPerMultiProcessor;
        return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
        *value = p.major;
        return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
        *value = p.minor;
        return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = (int)p.sharedMemPerBlockOptin;
        return cudaSuccess;
    }
    return gan_emulated_given(cudaErrorInvalidValue);
}

cudaError_t cudaSetDevice(int device)
{
    cudaError_t error = gan_emulated_check_device(device);
    if (error == cudaSuccess)
        current_device = device;
    return error;
}

cudaError_t cudaGetDevice(int *device)
{
    *device = current_device;
    return cudaSuccess;
}

int gan_emulated_current_device()
{
    return current_device;
}
