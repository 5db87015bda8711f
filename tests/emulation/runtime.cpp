/*
 * runtime.cpp - the runtime's calls, answered on the host. See include/cuda_runtime_api.h and emulation.h.
 *
 * A piece of work is a function and a copy of its argument. A stream runs it at once, or, while it is being captured,
 * keeps it for the graph; under GAN_EMULATED_LAZY it waits in the stream until something waits for it.
 */
#include "emulation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

typedef std::function<void()> work;
typedef std::vector<work> work_list;

struct CUgraph_st {
    work_list nodes;
    cudaStreamCaptureMode mode;
    CUstream_st *origin;
    bool invalid;
};

struct CUgraphExec_st {
    std::shared_ptr<const work_list> nodes;
};

struct CUstream_st {
    unsigned flags;
    std::deque<work> pending;
    unsigned long long enqueued, done; /* pieces of work */
    CUgraph_st *graph;                 /* that it is being captured into */
    bool joined;                       /* a stream that was drawn into another's capture: the other waits for it */
};

struct CUevent_st {
    unsigned flags;
    CUstream_st *stream;
    unsigned long long position;
    CUgraph_st *graph; /* recorded in a capture */
    double milliseconds;
};

/* Everything that calls share. Work runs under the lock too: the host does one thing at a time. */
static std::recursive_mutex lock;
static std::map<uintptr_t, size_t> device_memory, pinned_memory;
static size_t device_used;
static CUstream_st null_stream;
static std::set<CUstream_st *> streams;
static std::set<CUevent_st *> events;
static thread_local cudaError_t last_error;
static thread_local int current_device;

typedef std::lock_guard<std::recursive_mutex> locked;

/* Every call that fails leaves its error. */
static cudaError_t given(cudaError_t error)
{
    if (error != cudaSuccess)
        last_error = error;
    return error;
}

static long setting(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtol(text, nullptr, 10) : otherwise;
}

/* ---- errors ---- */

static const struct {
    cudaError_t error;
    const char *name, *text;
} errors[] = {
#define ENTRY(name, text) {name, #name, text}
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

enum { SHARED_STATIC = 48 << 10, SHARED_OPTIN = 227 << 10, L2_BYTES = 4 << 20 };

static size_t memory_total()
{
    return (size_t)setting("GAN_EMULATED_MEMORY", 4096) << 20;
}

cudaError_t cudaDriverGetVersion(int *driverVersion)
{
    *driverVersion = (int)setting("GAN_EMULATED_DRIVER", CUDART_VERSION);
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
    if (setting("GAN_EMULATED_DRIVER", CUDART_VERSION) / 1000 < CUDART_VERSION / 1000)
        return given(cudaErrorInsufficientDriver);
    *count = (int)setting("GAN_EMULATED_DEVICES", 1);
    return given(*count > 0 ? cudaSuccess : cudaErrorNoDevice);
}

static cudaError_t check_device(int device)
{
    int count;
    cudaError_t error = cudaGetDeviceCount(&count);
    return error != cudaSuccess ? error : given(device >= 0 && device < count ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *prop, int device)
{
    cudaError_t error = check_device(device);
    if (error != cudaSuccess)
        return error;
    *prop = {};
    strcpy(prop->name, "emulated");
    prop->totalGlobalMem = memory_total();
    prop->sharedMemPerBlock = SHARED_STATIC;
    prop->sharedMemPerBlockOptin = SHARED_OPTIN;
    prop->sharedMemPerMultiprocessor = SHARED_OPTIN + 1024;
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
    prop->l2CacheSize = L2_BYTES;
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
    return given(cudaErrorInvalidValue);
}

cudaError_t cudaSetDevice(int device)
{
    cudaError_t error = check_device(device);
    if (error == cudaSuccess)
        current_device = device;
    return error;
}

cudaError_t cudaGetDevice(int *device)
{
    *device = current_device;
    return cudaSuccess;
}

/* ---- streams ---- */

static CUstream_st *stream_of(cudaStream_t stream)
{
    return stream ? stream : &null_stream;
}

static bool known(cudaStream_t stream)
{
    return !stream || streams.count(stream);
}

/* Run a stream's work up to a position. */
static void run_until(CUstream_st *s, unsigned long long position)
{
    while (s->done < position && !s->pending.empty()) {
        work w = std::move(s->pending.front());
        s->pending.pop_front();
        w();
        s->done++;
    }
}

static void run_all()
{
    run_until(&null_stream, null_stream.enqueued);
    for (CUstream_st *s : streams)
        run_until(s, s->enqueued);
}

static void enqueue(CUstream_st *s, work w)
{
    if (s->graph) {
        s->graph->nodes.push_back(std::move(w));
        s->joined = false;
        return;
    }
    if (s == &null_stream || !(s->flags & cudaStreamNonBlocking)) /* these wait for one another */
        for (CUstream_st *other : streams)
            if (other != s && !(other->flags & cudaStreamNonBlocking))
                run_until(other, other->enqueued);
    s->pending.push_back(std::move(w));
    s->enqueued++;
    if (s == &null_stream || setting("GAN_EMULATED_LAZY", 0) == 0)
        run_until(s, s->enqueued);
}

void gan_emulated_enqueue(cudaStream_t stream, void (*run)(void *), const void *argument, size_t bytes)
{
    locked hold(lock);
    struct release {
        void operator()(void *p) const
        {
            free(p);
        }
    };
    std::shared_ptr<void> copy(malloc(bytes ? bytes : 1), release());
    if (!copy)
        abort();
    if (bytes)
        memcpy(copy.get(), argument, bytes);
    enqueue(stream_of(stream), [run, copy] { run(copy.get()); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *pStream, unsigned int flags)
{
    locked hold(lock);
    if (!pStream || flags > cudaStreamNonBlocking)
        return given(cudaErrorInvalidValue);
    cudaError_t error = check_device(current_device);
    if (error != cudaSuccess)
        return error;
    *pStream = new CUstream_st();
    (*pStream)->flags = flags;
    streams.insert(*pStream);
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *pStream)
{
    return cudaStreamCreateWithFlags(pStream, cudaStreamDefault);
}

/* ---- what may not be done while capturing ---- */

static cudaError_t refuse(CUgraph_st *graph, cudaError_t error)
{
    graph->invalid = true;
    return given(error);
}

/* Waiting for a stream that is being captured. */
static cudaError_t check_wait(cudaStream_t stream)
{
    if (!known(stream))
        return given(cudaErrorInvalidResourceHandle);
    return stream_of(stream)->graph ? refuse(stream->graph, cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}

/* Calls that concern the whole device; `unless` is the mode that lets them through. */
static cudaError_t check_device_call(int unless)
{
    cudaError_t error = cudaSuccess;
    for (CUstream_st *s : streams)
        if (s->graph && (int)s->graph->mode != unless)
            error = refuse(s->graph, cudaErrorStreamCaptureUnsupported);
    return error;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    locked hold(lock);
    if (!stream || !known(stream))
        return given(cudaErrorInvalidResourceHandle);
    run_until(stream, stream->enqueued);
    for (CUevent_st *e : events)
        if (e->stream == stream)
            e->stream = nullptr;
    if (stream->graph && stream->graph->origin == stream) {
        CUgraph_st *graph = stream->graph;
        for (CUstream_st *s : streams)
            if (s->graph == graph)
                s->graph = nullptr;
        delete graph;
    }
    streams.erase(stream);
    delete stream;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    locked hold(lock);
    cudaError_t error = check_wait(stream);
    if (error == cudaSuccess)
        run_until(stream_of(stream), stream_of(stream)->enqueued);
    return error;
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    locked hold(lock);
    cudaError_t error = check_wait(stream);
    CUstream_st *s = stream_of(stream);
    if (error != cudaSuccess || s->done == s->enqueued)
        return error;
    run_until(s, s->done + 1); /* who asks again and again must come to an end */
    return given(cudaErrorNotReady);
}

cudaError_t cudaDeviceSynchronize()
{
    locked hold(lock);
    cudaError_t error = check_device_call(-1);
    if (error == cudaSuccess)
        run_all();
    return error;
}

/* ---- events ---- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags)
{
    locked hold(lock);
    if (!event || flags > 7)
        return given(cudaErrorInvalidValue);
    *event = new CUevent_st();
    (*event)->flags = flags;
    events.insert(*event);
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    locked hold(lock);
    if (!events.erase(event))
        return given(cudaErrorInvalidResourceHandle);
    delete event;
    return cudaSuccess;
}

static double now_milliseconds()
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    locked hold(lock);
    if (!events.count(event) || !known(stream))
        return given(cudaErrorInvalidResourceHandle);
    CUstream_st *s = stream_of(stream);
    event->stream = s;
    event->graph = s->graph;
    if (!s->graph) {
        enqueue(s, [event] {
            if (events.count(event))
                event->milliseconds = now_milliseconds();
        });
        event->position = s->enqueued;
    }
    return cudaSuccess;
}

static bool pending(const CUevent_st *event)
{
    return event->stream && event->stream->done < event->position;
}

static cudaError_t check_event(cudaEvent_t event)
{
    if (!events.count(event))
        return given(cudaErrorInvalidResourceHandle);
    return event->graph ? refuse(event->graph, cudaErrorCapturedEvent) : cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    locked hold(lock);
    cudaError_t error = check_event(event);
    if (error != cudaSuccess || !pending(event))
        return error;
    run_until(event->stream, event->stream->done + 1);
    return given(cudaErrorNotReady);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    locked hold(lock);
    cudaError_t error = check_event(event);
    if (error == cudaSuccess && event->stream)
        run_until(event->stream, event->position);
    return error;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
    locked hold(lock);
    if (!events.count(start) || !events.count(end) || !start->stream || !end->stream ||
        (start->flags | end->flags) & cudaEventDisableTiming)
        return given(cudaErrorInvalidResourceHandle);
    if (pending(start) || pending(end))
        return given(cudaErrorNotReady);
    *ms = (float)(end->milliseconds - start->milliseconds);
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags)
{
    locked hold(lock);
    if (!events.count(event) || !known(stream))
        return given(cudaErrorInvalidResourceHandle);
    if (flags > 1)
        return given(cudaErrorInvalidValue);
    CUstream_st *s = stream_of(stream), *other = event->stream;
    if (!other || other == s)
        return cudaSuccess;
    if (s->graph && !event->graph)
        return refuse(s->graph, cudaErrorStreamCaptureIsolation);
    if (s->graph && s->graph != event->graph)
        return refuse(s->graph, cudaErrorStreamCaptureMerge);
    if (event->graph) {
        s->graph = event->graph;
        other->joined = true;
        return cudaSuccess;
    }
    unsigned long long position = event->position;
    enqueue(s, [other, position] {
        if (streams.count(other))
            run_until(other, position);
    });
    return cudaSuccess;
}

/* ---- capture and graphs ---- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode)
{
    locked hold(lock);
    if (!known(stream))
        return given(cudaErrorInvalidResourceHandle);
    if (!stream)
        return given(cudaErrorStreamCaptureUnsupported);
    if (stream->graph)
        return given(cudaErrorIllegalState);
    stream->graph = new CUgraph_st();
    stream->graph->mode = mode;
    stream->graph->origin = stream;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *pGraph)
{
    locked hold(lock);
    if (!stream || !known(stream) || !pGraph)
        return given(cudaErrorInvalidResourceHandle);
    CUgraph_st *graph = stream->graph;
    *pGraph = nullptr;
    if (!graph)
        return given(cudaErrorIllegalState);
    if (graph->origin != stream)
        return refuse(graph, cudaErrorStreamCaptureUnmatched);
    cudaError_t error = graph->invalid ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
    for (CUstream_st *s : streams) {
        if (s->graph != graph)
            continue;
        if (s != stream && !s->joined && error == cudaSuccess)
            error = cudaErrorStreamCaptureUnjoined;
        s->graph = nullptr;
    }
    for (CUevent_st *e : events)
        if (e->graph == graph) {
            e->graph = nullptr;
            e->stream = nullptr;
        }
    if (error == cudaSuccess)
        *pGraph = graph;
    else
        delete graph;
    return given(error);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *pCaptureStatus)
{
    locked hold(lock);
    if (!known(stream))
        return given(cudaErrorInvalidResourceHandle);
    const CUgraph_st *graph = stream_of(stream)->graph;
    *pCaptureStatus = !graph           ? cudaStreamCaptureStatusNone
                      : graph->invalid ? cudaStreamCaptureStatusInvalidated
                                       : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *numNodes)
{
    if (!graph || !numNodes || nodes) /* the number only */
        return given(cudaErrorInvalidValue);
    *numNodes = graph->nodes.size();
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *pGraphExec, cudaGraph_t graph, unsigned long long)
{
    if (!pGraphExec || !graph)
        return given(cudaErrorInvalidValue);
    *pGraphExec = new CUgraphExec_st{std::make_shared<const work_list>(graph->nodes)};
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t graphExec, cudaStream_t stream)
{
    locked hold(lock);
    return graphExec ? check_wait(stream) : given(cudaErrorInvalidValue);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graphExec, cudaStream_t stream)
{
    locked hold(lock);
    if (!graphExec || !known(stream))
        return given(cudaErrorInvalidValue);
    std::shared_ptr<const work_list> nodes = graphExec->nodes;
    enqueue(stream_of(stream), [nodes] {
        for (const work &w : *nodes)
            w();
    });
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graphExec)
{
    delete graphExec;
    return given(graphExec ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return given(graph ? cudaSuccess : cudaErrorInvalidValue);
}

/* ---- memory ---- */

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
    locked hold(lock);
    return lies_in(device_memory, data, bytes);
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total)
{
    locked hold(lock);
    *total = memory_total();
    *free = *total > device_used ? *total - device_used : 0;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **devPtr, size_t size)
{
    locked hold(lock);
    if (!devPtr)
        return given(cudaErrorInvalidValue);
    *devPtr = nullptr;
    cudaError_t error = check_device(current_device);
    if (error == cudaSuccess)
        error = check_device_call(cudaStreamCaptureModeRelaxed);
    if (error != cudaSuccess || size == 0)
        return error;
    size_t total = memory_total();
    if (size > total || device_used > total - size || posix_memalign(devPtr, 256, size) != 0) {
        *devPtr = nullptr;
        return given(cudaErrorMemoryAllocation);
    }
    memset(*devPtr, 0xff, size);
    device_memory[(uintptr_t)*devPtr] = size;
    device_used += size;
    return cudaSuccess;
}

cudaError_t cudaFree(void *devPtr)
{
    locked hold(lock);
    if (!devPtr)
        return cudaSuccess;
    auto found = device_memory.find((uintptr_t)devPtr);
    if (found == device_memory.end())
        return given(cudaErrorInvalidValue);
    cudaError_t error = check_device_call(cudaStreamCaptureModeRelaxed);
    if (error != cudaSuccess)
        return error;
    run_all();
    device_used -= found->second;
    device_memory.erase(found);
    free(devPtr);
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void **pHost, size_t size, unsigned int flags)
{
    locked hold(lock);
    if (!pHost || flags > 7)
        return given(cudaErrorInvalidValue);
    *pHost = nullptr;
    cudaError_t error = check_device_call(cudaStreamCaptureModeRelaxed);
    if (error != cudaSuccess || size == 0)
        return error;
    if (posix_memalign(pHost, 4096, size) != 0) {
        *pHost = nullptr;
        return given(cudaErrorMemoryAllocation);
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
    locked hold(lock);
    if (!ptr)
        return cudaSuccess;
    if (!pinned_memory.count((uintptr_t)ptr))
        return given(cudaErrorInvalidValue);
    run_all();
    pinned_memory.erase((uintptr_t)ptr);
    free(ptr);
    return cudaSuccess;
}

cudaError_t cudaHostGetDevicePointer(void **pDevice, void *pHost, unsigned int flags)
{
    locked hold(lock);
    if (!pDevice || flags || !lies_in(pinned_memory, pHost, 1))
        return given(cudaErrorInvalidValue);
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
    locked hold(lock);
    if (!right_sides(dst, src, count, kind))
        return given(cudaErrorInvalidValue);
    cudaError_t error = check_device_call(-1);
    if (error != cudaSuccess || count == 0)
        return error;
    enqueue(&null_stream, [=] { memmove(dst, src, count); });
    return cudaSuccess;
}

/* Pageable memory is copied out of, or into, before the call returns; a graph cannot. */
static bool pageable(const void *data, size_t count)
{
    return !lies_in(device_memory, data, count) && !lies_in(pinned_memory, data, count);
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t count, cudaMemcpyKind kind, cudaStream_t stream)
{
    locked hold(lock);
    if (!known(stream))
        return given(cudaErrorInvalidResourceHandle);
    if (!right_sides(dst, src, count, kind))
        return given(cudaErrorInvalidValue);
    CUstream_st *s = stream_of(stream);
    bool waits = pageable(dst, count) || pageable(src, count);
    if (count == 0)
        return cudaSuccess;
    if (s->graph && waits)
        return refuse(s->graph, cudaErrorStreamCaptureUnsupported);
    enqueue(s, [=] { memmove(dst, src, count); });
    if (waits)
        run_until(s, s->enqueued);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *devPtr, int value, size_t count, cudaStream_t stream)
{
    locked hold(lock);
    if (!known(stream))
        return given(cudaErrorInvalidResourceHandle);
    if (count == 0)
        return cudaSuccess;
    if (pageable(devPtr, count))
        return given(cudaErrorInvalidValue);
    enqueue(stream_of(stream), [=] { memset(devPtr, value, count); });
    return cudaSuccess;
}

cudaError_t cudaMemset(void *devPtr, int value, size_t count)
{
    locked hold(lock);
    cudaError_t error = check_device_call(-1);
    return error == cudaSuccess ? cudaMemsetAsync(devPtr, value, count, nullptr) : error;
}

/* ---- launches ---- */

/* Dynamic shared memory that each kernel was allowed beyond the usual 48 KiB. */
static std::map<const void *, int> shared_limit;

cudaError_t cudaFuncSetAttribute(const void *func, cudaFuncAttribute attr, int value)
{
    locked hold(lock);
    if (!func || value < 0 || (attr == cudaFuncAttributeMaxDynamicSharedMemorySize && value > SHARED_OPTIN))
        return given(cudaErrorInvalidValue);
    if (attr == cudaFuncAttributeMaxDynamicSharedMemorySize)
        shared_limit[func] = value;
    return cudaSuccess;
}

bool gan_emulated_may_launch(const void *kernel, dim3 grid, dim3 block, size_t shared)
{
    locked hold(lock);
    auto limit = shared_limit.find(kernel);
    size_t most = SHARED_STATIC;
    if (limit != shared_limit.end() && limit->second > SHARED_STATIC)
        most = (size_t)limit->second;
    bool ok = grid.x >= 1 && grid.x <= 0x7fffffffu && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 &&
              grid.z <= 65535 && block.x >= 1 && block.x <= 1024 && block.y >= 1 && block.y <= 1024 && block.z >= 1 &&
              block.z <= 64 && block.x * block.y * block.z <= 1024;
    if (!ok)
        given(cudaErrorInvalidConfiguration);
    else if (shared > most)
        given(cudaErrorInvalidValue);
    return ok && shared <= most;
}
