/* memory.cpp - memory of the device and pinned memory, copies, and what a launch may ask for. See runtime.h. */
#include "runtime.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <map>

/* Address and size of each allocation. */
static std::map<uintptr_t, size_t> device_memory, pinned_memory;
static size_t device_used;
static int work_depth; /* a stream may wait for another in its own work */

/* ---- memory ---- */

/* With GAN_EMULATED_HIDDEN=1 device memory is whole pages that only work may touch: a host that takes a device's
 * pointer for one of its own ends with a signal, as it would before a real device. */
static bool hidden()
{
    static const bool is = gan_emulated_setting("GAN_EMULATED_HIDDEN", 0) != 0;
    return is;
}

static void *device_allocate(size_t size)
{
    void *data = nullptr;
    if (!hidden())
        return posix_memalign(&data, 256, size) == 0 ? data : nullptr;
    data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return data == MAP_FAILED ? nullptr : data;
}

static void device_free(void *data, size_t size)
{
    if (hidden())
        munmap(data, size);
    else
        free(data);
}

static void protect(int how)
{
    for (const auto &m : device_memory)
        if (mprotect((void *)m.first, m.second, how) != 0)
            abort();
}

void gan_emulated_work_begins()
{
    if (hidden() && work_depth++ == 0)
        protect(PROT_READ | PROT_WRITE);
}

void gan_emulated_work_ends()
{
    if (hidden() && --work_depth == 0)
        protect(PROT_NONE);
}

static bool lies_in(const std::map<uintptr_t, size_t> &memory, const void *data, size_t bytes)
{
    auto next = memory.upper_bound((uintptr_t)data);
    if (next == memory.begin())
        return false;
    --next;
    size_t offset = (uintptr_t)data - next->first;
    return offset <= next->second && bytes <= next->second - offset;
}

int gan_emulated_on_device(const void *data, size_t bytes)
{
    gan_emulated_locked hold(gan_emulated_lock);
    return lies_in(device_memory, data, bytes);
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total)
{
    gan_emulated_locked hold(gan_emulated_lock);
    *total = gan_emulated_memory_total();
    *free = *total > device_used ? *total - device_used : 0;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **devPtr, size_t size)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!devPtr)
        return gan_emulated_given(cudaErrorInvalidValue);
    *devPtr = nullptr;
    cudaError_t error = gan_emulated_check_device(gan_emulated_current_device());
    if (error == cudaSuccess)
        error = gan_emulated_check_call(cudaStreamCaptureModeRelaxed);
    if (error != cudaSuccess || size == 0)
        return error;
    size_t total = gan_emulated_memory_total();
    if (size <= total && device_used <= total - size)
        *devPtr = device_allocate(size);
    if (!*devPtr)
        return gan_emulated_given(cudaErrorMemoryAllocation);
    memset(*devPtr, 0xff, size);
    if (hidden() && mprotect(*devPtr, size, PROT_NONE) != 0)
        abort();
    device_memory[(uintptr_t)*devPtr] = size;
    device_used += size;
    return cudaSuccess;
}

cudaError_t cudaFree(void *devPtr)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!devPtr)
        return cudaSuccess;
    auto found = device_memory.find((uintptr_t)devPtr);
    if (found == device_memory.end())
        return gan_emulated_given(cudaErrorInvalidValue);
    cudaError_t error = gan_emulated_check_call(cudaStreamCaptureModeRelaxed);
    if (error != cudaSuccess)
        return error;
    gan_emulated_run_all();
    device_used -= found->second;
    device_free(devPtr, found->second);
    device_memory.erase(found);
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void **pHost, size_t size, unsigned int flags)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!pHost || flags > 7)
        return gan_emulated_given(cudaErrorInvalidValue);
    *pHost = nullptr;
    cudaError_t error = gan_emulated_check_call(cudaStreamCaptureModeRelaxed);
    if (error != cudaSuccess || size == 0)
        return error;
    if (posix_memalign(pHost, 4096, size) != 0) {
        *pHost = nullptr;
        return gan_emulated_given(cudaErrorMemoryAllocation);
    }
    memset(*pHost, 0xff, size);
    pinned_memory[(uintptr_t)*pHost] = size;
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **ptr, size_t size)
{
    return cudaHostAlloc(ptr, size, cudaHostAllocDefault);
}

cudaError_t cudaFreeHost(void *ptr)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!ptr)
        return cudaSuccess;
    if (!pinned_memory.count((uintptr_t)ptr))
        return gan_emulated_given(cudaErrorInvalidValue);
    gan_emulated_run_all();
    pinned_memory.erase((uintptr_t)ptr);
    free(ptr);
    return cudaSuccess;
}

cudaError_t cudaHostGetDevicePointer(void **pDevice, void *pHost, unsigned int flags)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!pDevice || flags || !lies_in(pinned_memory, pHost, 1))
        return gan_emulated_given(cudaErrorInvalidValue);
    *pDevice = pHost;
    return cudaSuccess;
}

/* Device memory must be just where `kind` says. */
static bool right_sides(const void *dst, const void *src, size_t count, cudaMemcpyKind kind)
{
    if (count == 0)
        return true;
    bool to = lies_in(device_memory, dst, count), from = lies_in(device_memory, src, count);
    switch (kind) {
    case cudaMemcpyHostToHost:
        return !to && !from;
    case cudaMemcpyHostToDevice:
        return to && !from;
    case cudaMemcpyDeviceToHost:
        return !to && from;
    case cudaMemcpyDeviceToDevice:
        return to && from;
    case cudaMemcpyDefault:
        return true;
    }
    return false;
}

cudaError_t cudaMemcpy(void *dst, const void *src, size_t count, cudaMemcpyKind kind)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!right_sides(dst, src, count, kind))
        return gan_emulated_given(cudaErrorInvalidValue);
    cudaError_t error = gan_emulated_check_call(-1);
    if (error != cudaSuccess || count == 0)
        return error;
    gan_emulated_add(&gan_emulated_null_stream, [=] { memmove(dst, src, count); });
    return cudaSuccess;
}

/* Pageable memory is copied out of, or into, before the call returns; a graph cannot. */
static bool pageable(const void *data, size_t count)
{
    return !lies_in(device_memory, data, count) && !lies_in(pinned_memory, data, count);
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t count, cudaMemcpyKind kind, cudaStream_t stream)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!gan_emulated_known(stream))
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
    if (!right_sides(dst, src, count, kind))
        return gan_emulated_given(cudaErrorInvalidValue);
    CUstream_st *s = gan_emulated_stream_of(stream);
    bool waits = pageable(dst, count) || pageable(src, count);
    if (count == 0)
        return cudaSuccess;
    if (s->graph && waits)
        return gan_emulated_refuse(s->graph, cudaErrorStreamCaptureUnsupported);
    gan_emulated_add(s, [=] { memmove(dst, src, count); });
    if (waits)
        gan_emulated_run_until(s, s->enqueued);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *devPtr, int value, size_t count, cudaStream_t stream)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!gan_emulated_known(stream))
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
    if (count == 0)
        return cudaSuccess;
    if (pageable(devPtr, count))
        return gan_emulated_given(cudaErrorInvalidValue);
    gan_emulated_add(gan_emulated_stream_of(stream), [=] { memset(devPtr, value, count); });
    return cudaSuccess;
}

cudaError_t cudaMemset(void *devPtr, int value, size_t count)
{
    gan_emulated_locked hold(gan_emulated_lock);
    cudaError_t error = gan_emulated_check_call(-1);
    return error == cudaSuccess ? cudaMemsetAsync(devPtr, value, count, nullptr) : error;
}

/* ---- launches ---- */

/* Dynamic shared memory that each kernel was allowed beyond the usual 48 KiB. */
static std::map<const void *, int> shared_limit;

cudaError_t cudaFuncSetAttribute(const void *func, cudaFuncAttribute attr, int value)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!func || value < 0 ||
        (attr == cudaFuncAttributeMaxDynamicSharedMemorySize && value > GAN_EMULATED_SHARED_OPTIN))
        return gan_emulated_given(cudaErrorInvalidValue);
    if (attr == cudaFuncAttributeMaxDynamicSharedMemorySize)
        shared_limit[func] = value;
    return cudaSuccess;
}

bool gan_emulated_may_launch(const void *kernel, dim3 grid, dim3 block, size_t shared)
{
    gan_emulated_locked hold(gan_emulated_lock);
    auto limit = shared_limit.find(kernel);
    size_t most = GAN_EMULATED_SHARED;
    if (limit != shared_limit.end() && limit->second > GAN_EMULATED_SHARED)
        most = (size_t)limit->second;
    bool ok = grid.x >= 1 && grid.x <= 0x7fffffffu && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 &&
              grid.z <= 65535 && block.x >= 1 && block.x <= 1024 && block.y >= 1 && block.y <= 1024 && block.z >= 1 &&
              block.z <= 64 && block.x * block.y * block.z <= 1024;
    if (!ok)
        gan_emulated_given(cudaErrorInvalidConfiguration);
    else if (shared > most)
        gan_emulated_given(cudaErrorInvalidValue);
    return ok && shared <= most;
}
