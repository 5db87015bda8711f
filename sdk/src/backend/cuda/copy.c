/*
 * copy.c - between the host and the device.
 *
 * A copy is asynchronous only from and to pinned memory, so small values, batches and readings go through pinned
 * buffers of ours, each with an event that tells when it may be used again. What is large and rare (weights that are
 * loaded, samples that are read) is copied in one go, and waited for.
 */
#include "cuda.h"

#include <stdlib.h>
#include <string.h>

enum {
    SMALL = 64 << 10,  /* bytes: copy_in takes a staging buffer up to here */
    STAGES = 16,       /* such copies that can be under way */
    BATCHES = 4,       /* uploads that can be under way */
    READING = 4 << 10, /* bytes: the least capacity of a reading */
    GRAIN = 64 << 10   /* bytes: capacities of batches */
};

typedef struct stage {
    void *host;
    cudaEvent_t copied;
} stage;

typedef struct batch {
    void *host, *device; /* pinned; read by kernels */
    size_t capacity;
    cudaEvent_t copied, used; /* the copy's end; that of the kernels that read it */
    bool busy;                /* from upload to upload_done */
} batch;

struct gan__reading {
    void *host;
    size_t capacity;
    cudaEvent_t come;
    gan__reading *next; /* in the list of spare ones */
};

struct gan__transfer {
    stage stages[STAGES];
    batch batches[BATCHES];
    int next_stage, next_batch;
    gan__reading *spare;
};

static void event_destroy(cudaEvent_t event)
{
    if (event)
        cudaEventDestroy(event);
}

/* ---- creation ---- */

gan_status gan__cuda_transfer_create(gan__cuda *cu)
{
    cu->transfer = calloc(1, sizeof *cu->transfer);
    if (!cu->transfer)
        return gan__cuda_fail(cu, GAN_ERROR_MEMORY, "no memory for the copies' buffers");
    GAN__CUDA_TRY(cu, cudaHostAlloc((void **)&cu->bad_index, 3 * sizeof *cu->bad_index, cudaHostAllocMapped));
    memset(cu->bad_index, 0, 3 * sizeof *cu->bad_index);
    for (int i = 0; i < BATCHES; i++) {
        batch *b = &cu->transfer->batches[i];
        GAN__CUDA_TRY(cu, cudaEventCreateWithFlags(&b->copied, cudaEventDisableTiming));
        GAN__CUDA_TRY(cu, cudaEventCreateWithFlags(&b->used, cudaEventDisableTiming));
    }
    return GAN_OK;
}

static void reading_destroy(gan__reading *r)
{
    event_destroy(r->come);
    cudaFreeHost(r->host);
    free(r);
}

void gan__cuda_transfer_destroy(gan__cuda *cu)
{
    gan__transfer *t = cu->transfer;
    if (cu->bad_index)
        cudaFreeHost(cu->bad_index);
    if (!t)
        return;
    cudaStreamSynchronize(cu->copy_stream);
    for (int i = 0; i < STAGES; i++) {
        event_destroy(t->stages[i].copied);
        cudaFreeHost(t->stages[i].host);
    }
    for (int i = 0; i < BATCHES; i++) {
        event_destroy(t->batches[i].copied);
        event_destroy(t->batches[i].used);
        cudaFreeHost(t->batches[i].host);
        cudaFree(t->batches[i].device);
    }
    for (gan__reading *r = t->spare, *next; r; r = next) {
        next = r->next;
        reading_destroy(r);
    }
    free(t);
    cu->transfer = NULL;
}

/* ---- indices ---- */

gan_status gan__cuda_check_index(gan__cuda *cu)
{
    if (!__atomic_load_n(&cu->bad_index[0], __ATOMIC_ACQUIRE))
        return GAN_OK;
    int index = cu->bad_index[1], rows = cu->bad_index[2];
    __atomic_store_n(&cu->bad_index[0], 0, __ATOMIC_RELEASE);
    return gan__cuda_fail(cu, GAN_ERROR_ARGUMENT,
                          "in an earlier gather or scatter of rows, index %d is outside [0, %d)", index, rows);
}

/* ---- single copies ---- */

static gan_status stage_open(gan__cuda *cu, stage *s)
{
    if (s->host)
        return GAN_OK;
    if (!s->copied)
        GAN__CUDA_TRY(cu, cudaEventCreateWithFlags(&s->copied, cudaEventDisableTiming));
    GAN__CUDA_TRY(cu, cudaHostAlloc(&s->host, SMALL, cudaHostAllocDefault));
    return GAN_OK;
}

gan_status gan__cuda_copy_in(gan__backend *be, void *device, const void *host, size_t bytes)
{
    gan__cuda *cu = gan__cuda_of(be);
    gan__transfer *t = cu->transfer;
    gan_status status = gan__cuda_not_capturing(cu, "brings values from the host");
    if (status != GAN_OK || bytes == 0)
        return status;
    if (bytes > SMALL) {
        GAN__CUDA_TRY(cu, cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, cu->stream));
        GAN__CUDA_TRY(cu, cudaStreamSynchronize(cu->stream)); /* `host` may be pinned: then nothing else waits for it */
        return GAN_OK;
    }
    stage *s = &t->stages[t->next_stage];
    status = stage_open(cu, s);
    if (status != GAN_OK)
        return status;
    GAN__CUDA_TRY(cu, cudaEventSynchronize(s->copied)); /* at once when it was never recorded */
    t->next_stage = (t->next_stage + 1) % STAGES;
    memcpy(s->host, host, bytes);
    GAN__CUDA_TRY(cu, cudaMemcpyAsync(device, s->host, bytes, cudaMemcpyHostToDevice, cu->stream));
    GAN__CUDA_TRY(cu, cudaEventRecord(s->copied, cu->stream));
    return GAN_OK;
}

gan_status gan__cuda_copy_out(gan__backend *be, void *host, const void *device, size_t bytes)
{
    gan__cuda *cu = gan__cuda_of(be);
    gan_status status = gan__cuda_not_capturing(cu, "reads a value on the host");
    if (status != GAN_OK)
        return status;
    if (bytes > 0)
        GAN__CUDA_TRY(cu, cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, cu->stream));
    GAN__CUDA_TRY(cu, cudaStreamSynchronize(cu->stream));
    return gan__cuda_check_index(cu);
}

gan_status gan__cuda_copy(gan__backend *be, void *to, const void *from, size_t bytes)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (bytes > 0)
        GAN__CUDA_TRY(cu, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, cu->stream));
    return GAN_OK;
}

/* ---- batches ---- */

static gan_status batch_grow(gan__cuda *cu, batch *b, size_t bytes)
{
    if (bytes <= b->capacity && b->device)
        return GAN_OK;
    if (bytes > SIZE_MAX - GRAIN)
        return gan__cuda_no_memory(cu, bytes);
    size_t capacity = (bytes / GRAIN + 1) * GRAIN;
    GAN__CUDA_TRY(cu, cudaEventSynchronize(b->used));
    cudaFreeHost(b->host);
    cudaFree(b->device);
    b->host = b->device = NULL;
    b->capacity = 0;
    GAN__CUDA_TRY(cu, cudaHostAlloc(&b->host, capacity, cudaHostAllocDefault));
    if (cudaMalloc(&b->device, capacity) != cudaSuccess)
        return gan__cuda_no_memory(cu, capacity);
    b->capacity = capacity;
    return GAN_OK;
}

gan_status gan__cuda_upload(gan__backend *be, const void *host, size_t bytes, const void **device)
{
    gan__cuda *cu = gan__cuda_of(be);
    gan__transfer *t = cu->transfer;
    gan_status status = gan__cuda_not_capturing(cu, "brings a batch from the host");
    if (status != GAN_OK)
        return status;
    batch *b = &t->batches[t->next_batch];
    if (b->busy)
        return gan__cuda_fail(cu, GAN_ERROR_STATE, "%d batches are on the device and not yet used", BATCHES);
    GAN__CUDA_TRY(cu, cudaEventSynchronize(b->copied)); /* the pinned buffer; of four uploads ago */
    status = batch_grow(cu, b, bytes);
    if (status != GAN_OK)
        return status;
    if (bytes > 0)
        memcpy(b->host, host, bytes);
    GAN__CUDA_TRY(cu, cudaStreamWaitEvent(cu->copy_stream, b->used, 0));
    if (bytes > 0)
        GAN__CUDA_TRY(cu, cudaMemcpyAsync(b->device, b->host, bytes, cudaMemcpyHostToDevice, cu->copy_stream));
    GAN__CUDA_TRY(cu, cudaEventRecord(b->copied, cu->copy_stream));
    GAN__CUDA_TRY(cu, cudaStreamWaitEvent(cu->stream, b->copied, 0));
    b->busy = true;
    t->next_batch = (t->next_batch + 1) % BATCHES;
    *device = b->device;
    return GAN_OK;
}

gan_status gan__cuda_upload_done(gan__backend *be, const void *device)
{
    gan__cuda *cu = gan__cuda_of(be);
    gan_status status = gan__cuda_not_capturing(cu, "gives a batch back");
    if (status != GAN_OK)
        return status;
    for (int i = 0; i < BATCHES; i++) {
        batch *b = &cu->transfer->batches[i];
        if (!b->busy || b->device != device)
            continue;
        b->busy = false;
        GAN__CUDA_TRY(cu, cudaEventRecord(b->used, cu->stream));
        return GAN_OK;
    }
    return gan__cuda_fail(cu, GAN_ERROR_ARGUMENT, "what is given back is no uploaded batch");
}

/* ---- readings ---- */

static gan_status reading_new(gan__cuda *cu, size_t bytes, gan__reading **out)
{
    gan__transfer *t = cu->transfer;
    for (gan__reading **link = &t->spare; *link; link = &(*link)->next) {
        if ((*link)->capacity < bytes)
            continue;
        *out = *link;
        *link = (*out)->next;
        return GAN_OK;
    }
    gan__reading *r = calloc(1, sizeof *r);
    if (!r)
        return gan__cuda_fail(cu, GAN_ERROR_MEMORY, "no memory for a value that is read");
    r->capacity = bytes < READING ? READING : bytes;
    cudaError_t error = cudaHostAlloc(&r->host, r->capacity, cudaHostAllocDefault);
    if (error == cudaSuccess)
        error = cudaEventCreateWithFlags(&r->come, cudaEventDisableTiming);
    if (error != cudaSuccess) {
        reading_destroy(r);
        return gan__cuda_error(cu, error, "cudaHostAlloc");
    }
    *out = r;
    return GAN_OK;
}

static cudaError_t reading_enqueue(gan__cuda *cu, gan__reading *r, const void *device, size_t bytes)
{
    cudaError_t error = cudaSuccess;
    if (bytes > 0)
        error = cudaMemcpyAsync(r->host, device, bytes, cudaMemcpyDeviceToHost, cu->stream);
    return error == cudaSuccess ? cudaEventRecord(r->come, cu->stream) : error;
}

gan_status gan__cuda_read_begin(gan__backend *be, const void *device, size_t bytes, gan__reading **out)
{
    gan__cuda *cu = gan__cuda_of(be);
    gan__reading *r = NULL;
    gan_status status = gan__cuda_not_capturing(cu, "reads a value on the host");
    if (status == GAN_OK)
        status = reading_new(cu, bytes, &r);
    if (status != GAN_OK)
        return status;
    cudaError_t error = reading_enqueue(cu, r, device, bytes);
    if (error != cudaSuccess) {
        gan__cuda_read_free(be, r);
        return gan__cuda_error(cu, error, "cudaMemcpyAsync");
    }
    *out = r;
    return GAN_OK;
}

gan_status gan__cuda_read_value(gan__backend *be, gan__reading *reading, bool wait, const void **value)
{
    gan__cuda *cu = gan__cuda_of(be);
    *value = NULL;
    if (!wait) {
        cudaError_t error = cudaEventQuery(reading->come);
        if (error == cudaErrorNotReady) {
            cudaGetLastError(); /* it would be taken for the next kernel's */
            return GAN_OK;
        }
        if (error != cudaSuccess)
            return gan__cuda_error(cu, error, "cudaEventQuery");
    } else {
        GAN__CUDA_TRY(cu, cudaEventSynchronize(reading->come));
    }
    gan_status status = gan__cuda_check_index(cu);
    if (status == GAN_OK)
        *value = reading->host;
    return status;
}

/* One whose copy is still under way can be taken again: the next copy into it comes later in the same stream. */
void gan__cuda_read_free(gan__backend *be, gan__reading *reading)
{
    gan__cuda *cu = gan__cuda_of(be);
    if (!reading)
        return;
    reading->next = cu->transfer->spare;
    cu->transfer->spare = reading;
}
