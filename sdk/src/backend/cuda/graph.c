/*
 * graph.c - steps that are captured once and replayed.
 *
 * A graph repeats its kernels with the pointers and numbers that they were captured with. What changes from replay to
 * replay (the counters of random numbers, the optimizers' constants, numbers of the caller's) is therefore read from
 * a block in device memory, gan__cuda_dynamics, that belongs to the graph and is written, from pinned memory and in
 * the stream's order, before each launch.
 */
#include "cuda.h"

#include <stdlib.h>
#include <string.h>

enum { RING = 8 }; /* launches that can be under way before the host waits */

struct gan__graph {
    cudaGraphExec_t exec;
    gan__cuda_dynamics *device;
    gan__cuda_dynamics *host; /* [RING], pinned */
    cudaEvent_t launched[RING];
    int next;
    int n_updates, n_numbers; /* that were captured */
};

gan_status gan__cuda_graphs_create(gan__cuda *cu)
{
    GAN__CUDA_TRY(cu, cudaMalloc((void **)&cu->at_once, sizeof *cu->at_once));
    GAN__CUDA_TRY(cu, cudaMemsetAsync(cu->at_once, 0, sizeof *cu->at_once, cu->stream));
    return GAN_OK;
}

void gan__cuda_graphs_destroy(gan__cuda *cu)
{
    cudaFree(cu->at_once);
    cu->at_once = NULL;
}

/* ---- what kernels that are being captured read ---- */

const uint64_t *gan__cuda_random_shift(gan__cuda *cu)
{
    return cu->capturing ? &cu->capturing->device->random_shift : &cu->at_once->random_shift;
}

const gan__cuda_update_values *gan__cuda_update_slot(gan__cuda *cu, gan_status *status)
{
    gan__graph *graph = cu->capturing;
    if (!graph)
        return NULL;
    if (graph->n_updates == GAN__REPLAY_UPDATES) {
        *status = gan__cuda_fail(cu, GAN_ERROR_LIMIT, "a captured step may update parameters %d times at most",
                                 GAN__REPLAY_UPDATES);
        return NULL;
    }
    return &graph->device->update[graph->n_updates++];
}

gan_status gan__cuda_number(gan__backend *be, float value, float *out)
{
    gan__cuda *cu = gan__cuda_of(be);
    gan__graph *graph = cu->capturing;
    if (!graph)
        return gan__cuda_fill(cu, value, out);
    if (graph->n_numbers == GAN__REPLAY_NUMBERS)
        return gan__cuda_fail(cu, GAN_ERROR_LIMIT, "a captured step may contain %d numbers that change at most",
                              GAN__REPLAY_NUMBERS);
    const float *number = &graph->device->number[graph->n_numbers++];
    GAN__CUDA_TRY(cu, cudaMemcpyAsync(out, number, sizeof *out, cudaMemcpyDeviceToDevice, cu->stream));
    return GAN_OK;
}

/* ---- capturing ---- */

/* Waits for the graph's launches only: another one may be being captured. */
static void graph_free(gan__graph *graph)
{
    if (!graph)
        return;
    for (int i = 0; i < RING; i++) {
        if (!graph->launched[i])
            continue;
        cudaEventSynchronize(graph->launched[i]);
        cudaEventDestroy(graph->launched[i]);
    }
    if (graph->exec)
        cudaGraphExecDestroy(graph->exec);
    cudaFreeHost(graph->host);
    cudaFree(graph->device);
    free(graph);
}

/* Memory and events, which are made before the capture begins. */
static gan_status graph_open(gan__cuda *cu, gan__graph *graph)
{
    GAN__CUDA_TRY(cu, cudaMalloc((void **)&graph->device, sizeof *graph->device));
    GAN__CUDA_TRY(cu, cudaHostAlloc((void **)&graph->host, RING * sizeof *graph->host, cudaHostAllocDefault));
    memset(graph->host, 0, RING * sizeof *graph->host);
    for (int i = 0; i < RING; i++)
        GAN__CUDA_TRY(cu, cudaEventCreateWithFlags(&graph->launched[i], cudaEventDisableTiming));
    /* Relaxed: the allocator may ask for memory in the middle, as may other threads. */
    GAN__CUDA_TRY(cu, cudaStreamBeginCapture(cu->stream, cudaStreamCaptureModeRelaxed));
    return GAN_OK;
}

gan_status gan__cuda_capture_begin(gan__backend *be)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (cu->capturing)
        return gan__cuda_fail(cu, GAN_ERROR_STATE, "a step is being captured already");
    gan__graph *graph = calloc(1, sizeof *graph);
    if (!graph)
        return gan__cuda_fail(cu, GAN_ERROR_MEMORY, "no memory to capture a step");
    gan_status status = graph_open(cu, graph);
    if (status != GAN_OK) {
        graph_free(graph);
        return status;
    }
    cu->capturing = graph;
    return GAN_OK;
}

gan_status gan__cuda_capture_end(gan__backend *be, gan__graph **out)
{
    gan__cuda *cu = gan__cuda_of(be);
    gan__graph *graph = cu->capturing;
    if (!graph)
        return gan__cuda_fail(cu, GAN_ERROR_STATE, "no step is being captured");
    cu->capturing = NULL;
    /* This ends the capture even where something in it failed; the stream can be used again in any case. */
    cudaGraph_t captured = NULL;
    const char *call = "cudaStreamEndCapture";
    cudaError_t error = cudaStreamEndCapture(cu->stream, &captured);
    if (error == cudaSuccess && out) {
        call = "cudaGraphInstantiate";
        error = cudaGraphInstantiate(&graph->exec, captured, 0);
    }
    if (captured)
        cudaGraphDestroy(captured);
    if (error != cudaSuccess || !out) {
        graph_free(graph);
        cudaGetLastError();
        return error != cudaSuccess && out ? gan__cuda_error(cu, error, call) : GAN_OK;
    }
    *out = graph;
    return GAN_OK;
}

/* ---- replaying ---- */

static void fill(gan__cuda_dynamics *host, const gan__replay *replay)
{
    host->random_shift = replay->random_shift;
    for (int i = 0; i < replay->n_numbers; i++)
        host->number[i] = replay->number[i];
    for (int i = 0; i < replay->n_updates; i++)
        host->update[i] = gan__cuda_update_values_of(&replay->update[i]);
}

gan_status gan__cuda_graph_launch(gan__backend *be, gan__graph *graph, const gan__replay *replay)
{
    gan__cuda *cu = gan__cuda_of(be);
    gan_status status = gan__cuda_not_capturing(cu, "replays another");
    if (status != GAN_OK)
        return status;
    if (replay->n_updates != graph->n_updates || replay->n_numbers != graph->n_numbers)
        return gan__cuda_fail(cu, GAN_ERROR_ARGUMENT,
                              "the captured step has %d updates and %d numbers, but %d and %d are given",
                              graph->n_updates, graph->n_numbers, replay->n_updates, replay->n_numbers);
    gan__cuda_dynamics *host = &graph->host[graph->next];
    cudaEvent_t launched = graph->launched[graph->next];
    GAN__CUDA_TRY(cu, cudaEventSynchronize(launched)); /* of RING launches ago */
    graph->next = (graph->next + 1) % RING;
    fill(host, replay);
    GAN__CUDA_TRY(cu, cudaMemcpyAsync(graph->device, host, sizeof *host, cudaMemcpyHostToDevice, cu->stream));
    GAN__CUDA_TRY(cu, cudaGraphLaunch(graph->exec, cu->stream));
    GAN__CUDA_TRY(cu, cudaEventRecord(launched, cu->stream));
    return GAN_OK;
}

void gan__cuda_graph_destroy(gan__backend *be, gan__graph *graph)
{
    gan__cuda_of(be);
    graph_free(graph);
}
