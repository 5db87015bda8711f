/* stream.cpp - streams, events, capture and graphs. See runtime.h. */
#include "runtime.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

CUstream_st gan_emulated_null_stream;
std::set<CUstream_st *> gan_emulated_streams;
static std::set<CUevent_st *> events;

/* ---- streams ---- */

bool gan_emulated_known(cudaStream_t stream)
{
    return !stream || gan_emulated_streams.count(stream);
}

/* Run a stream's work up to a position. */
void gan_emulated_run_until(CUstream_st *s, unsigned long long position)
{
    while (s->done < position && !s->pending.empty()) {
        gan_emulated_work w = std::move(s->pending.front());
        s->pending.pop_front();
        gan_emulated_work_begins();
        w();
        gan_emulated_work_ends();
        s->done++;
    }
}

void gan_emulated_run_all()
{
    gan_emulated_run_until(&gan_emulated_null_stream, gan_emulated_null_stream.enqueued);
    for (CUstream_st *s : gan_emulated_streams)
        gan_emulated_run_until(s, s->enqueued);
}

void gan_emulated_add(CUstream_st *s, gan_emulated_work w)
{
    if (s->graph) {
        s->graph->nodes.push_back(std::move(w));
        s->joined = false;
        return;
    }
    if (s == &gan_emulated_null_stream || !(s->flags & cudaStreamNonBlocking)) /* these wait for one another */
        for (CUstream_st *other : gan_emulated_streams)
            if (other != s && !(other->flags & cudaStreamNonBlocking))
                gan_emulated_run_until(other, other->enqueued);
    s->pending.push_back(std::move(w));
    s->enqueued++;
    if (s == &gan_emulated_null_stream || gan_emulated_setting("GAN_EMULATED_LAZY", 0) == 0)
        gan_emulated_run_until(s, s->enqueued);
}

void gan_emulated_enqueue(cudaStream_t stream, void (*run)(void *), const void *argument, size_t bytes)
{
    gan_emulated_locked hold(gan_emulated_lock);
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
    gan_emulated_add(gan_emulated_stream_of(stream), [run, copy] { run(copy.get()); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *pStream, unsigned int flags)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!pStream || flags > cudaStreamNonBlocking)
        return gan_emulated_given(cudaErrorInvalidValue);
    cudaError_t error = gan_emulated_check_device(gan_emulated_current_device());
    if (error != cudaSuccess)
        return error;
    *pStream = new CUstream_st();
    (*pStream)->flags = flags;
    gan_emulated_streams.insert(*pStream);
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *pStream)
{
    return cudaStreamCreateWithFlags(pStream, cudaStreamDefault);
}

/* ---- what may not be done while capturing ---- */

cudaError_t gan_emulated_refuse(CUgraph_st *graph, cudaError_t error)
{
    graph->invalid = true;
    return gan_emulated_given(error);
}

/* Waiting for a stream that is being captured. */
static cudaError_t check_wait(cudaStream_t stream)
{
    if (!gan_emulated_known(stream))
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
    return gan_emulated_stream_of(stream)->graph ? gan_emulated_refuse(stream->graph, cudaErrorStreamCaptureUnsupported)
                                                 : cudaSuccess;
}

/* Calls that concern the whole device; `unless` is the mode that lets them through. */
cudaError_t gan_emulated_check_call(int unless)
{
    cudaError_t error = cudaSuccess;
    for (CUstream_st *s : gan_emulated_streams)
        if (s->graph && (int)s->graph->mode != unless)
            error = gan_emulated_refuse(s->graph, cudaErrorStreamCaptureUnsupported);
    return error;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!stream || !gan_emulated_known(stream))
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
    gan_emulated_run_until(stream, stream->enqueued);
    for (CUevent_st *e : events)
        if (e->stream == stream)
            e->stream = nullptr;
    if (stream->graph && stream->graph->origin == stream) {
        CUgraph_st *graph = stream->graph;
        for (CUstream_st *s : gan_emulated_streams)
            if (s->graph == graph)
                s->graph = nullptr;
        delete graph;
    }
    gan_emulated_streams.erase(stream);
    delete stream;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    gan_emulated_locked hold(gan_emulated_lock);
    cudaError_t error = check_wait(stream);
    if (error == cudaSuccess)
        gan_emulated_run_until(gan_emulated_stream_of(stream), gan_emulated_stream_of(stream)->enqueued);
    return error;
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    gan_emulated_locked hold(gan_emulated_lock);
    cudaError_t error = check_wait(stream);
    CUstream_st *s = gan_emulated_stream_of(stream);
    if (error != cudaSuccess || s->done == s->enqueued)
        return error;
    gan_emulated_run_until(s, s->done + 1); /* who asks again and again must come to an end */
    return gan_emulated_given(cudaErrorNotReady);
}

cudaError_t cudaDeviceSynchronize()
{
    gan_emulated_locked hold(gan_emulated_lock);
    cudaError_t error = gan_emulated_check_call(-1);
    if (error == cudaSuccess)
        gan_emulated_run_all();
    return error;
}

/* ---- events ---- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!event || flags > 7)
        return gan_emulated_given(cudaErrorInvalidValue);
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
    gan_emulated_locked hold(gan_emulated_lock);
    if (!events.erase(event))
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
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
    gan_emulated_locked hold(gan_emulated_lock);
    if (!events.count(event) || !gan_emulated_known(stream))
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
    CUstream_st *s = gan_emulated_stream_of(stream);
    event->stream = s;
    event->graph = s->graph;
    if (!s->graph) {
        gan_emulated_add(s, [event] {
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
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
    return event->graph ? gan_emulated_refuse(event->graph, cudaErrorCapturedEvent) : cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    gan_emulated_locked hold(gan_emulated_lock);
    cudaError_t error = check_event(event);
    if (error != cudaSuccess || !pending(event))
        return error;
    gan_emulated_run_until(event->stream, event->stream->done + 1);
    return gan_emulated_given(cudaErrorNotReady);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    gan_emulated_locked hold(gan_emulated_lock);
    cudaError_t error = check_event(event);
    if (error == cudaSuccess && event->stream)
        gan_emulated_run_until(event->stream, event->position);
    return error;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!events.count(start) || !events.count(end) || !start->stream || !end->stream ||
        (start->flags | end->flags) & cudaEventDisableTiming)
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
    if (pending(start) || pending(end))
        return gan_emulated_given(cudaErrorNotReady);
    *ms = (float)(end->milliseconds - start->milliseconds);
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!events.count(event) || !gan_emulated_known(stream))
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
    if (flags > 1)
        return gan_emulated_given(cudaErrorInvalidValue);
    CUstream_st *s = gan_emulated_stream_of(stream), *other = event->stream;
    if (!other || other == s)
        return cudaSuccess;
    if (s->graph && !event->graph)
        return gan_emulated_refuse(s->graph, cudaErrorStreamCaptureIsolation);
    if (s->graph && s->graph != event->graph)
        return gan_emulated_refuse(s->graph, cudaErrorStreamCaptureMerge);
    if (event->graph) {
        s->graph = event->graph;
        other->joined = true;
        return cudaSuccess;
    }
    unsigned long long position = event->position;
    gan_emulated_add(s, [other, position] {
        if (gan_emulated_streams.count(other))
            gan_emulated_run_until(other, position);
    });
    return cudaSuccess;
}

/* ---- capture and graphs ---- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!gan_emulated_known(stream))
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
    if (!stream)
        return gan_emulated_given(cudaErrorStreamCaptureUnsupported);
    if (stream->graph)
        return gan_emulated_given(cudaErrorIllegalState);
    stream->graph = new CUgraph_st();
    stream->graph->mode = mode;
    stream->graph->origin = stream;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *pGraph)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!stream || !gan_emulated_known(stream) || !pGraph)
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
    CUgraph_st *graph = stream->graph;
    *pGraph = nullptr;
    if (!graph)
        return gan_emulated_given(cudaErrorIllegalState);
    if (graph->origin != stream)
        return gan_emulated_refuse(graph, cudaErrorStreamCaptureUnmatched);
    cudaError_t error = graph->invalid ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
    for (CUstream_st *s : gan_emulated_streams) {
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
    return gan_emulated_given(error);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *pCaptureStatus)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!gan_emulated_known(stream))
        return gan_emulated_given(cudaErrorInvalidResourceHandle);
    const CUgraph_st *graph = gan_emulated_stream_of(stream)->graph;
    *pCaptureStatus = !graph           ? cudaStreamCaptureStatusNone
                      : graph->invalid ? cudaStreamCaptureStatusInvalidated
                                       : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *numNodes)
{
    if (!graph || !numNodes || nodes) /* the number only */
        return gan_emulated_given(cudaErrorInvalidValue);
    *numNodes = graph->nodes.size();
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *pGraphExec, cudaGraph_t graph, unsigned long long)
{
    if (!pGraphExec || !graph)
        return gan_emulated_given(cudaErrorInvalidValue);
    *pGraphExec = new CUgraphExec_st{std::make_shared<const gan_emulated_work_list>(graph->nodes)};
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t graphExec, cudaStream_t stream)
{
    gan_emulated_locked hold(gan_emulated_lock);
    return graphExec ? check_wait(stream) : gan_emulated_given(cudaErrorInvalidValue);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graphExec, cudaStream_t stream)
{
    gan_emulated_locked hold(gan_emulated_lock);
    if (!graphExec || !gan_emulated_known(stream))
        return gan_emulated_given(cudaErrorInvalidValue);
    std::shared_ptr<const gan_emulated_work_list> nodes = graphExec->nodes;
    gan_emulated_add(gan_emulated_stream_of(stream), [nodes] {
        for (const gan_emulated_work &w : *nodes)
            w();
    });
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graphExec)
{
    delete graphExec;
    return gan_emulated_given(graphExec ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return gan_emulated_given(graph ? cudaSuccess : cudaErrorInvalidValue);
}
