/* runtime.h - what the files that answer the runtime's calls share. Internal to the emulation. */
#ifndef GAN_EMULATED_RUNTIME_H
#define GAN_EMULATED_RUNTIME_H

#include "emulation.h"

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

/* A piece of work is a function and a copy of its argument. A stream runs it at once, or, while it is being captured,
 * keeps it for the graph; under GAN_EMULATED_LAZY it waits in the stream until something waits for it. */
typedef std::function<void()> gan_emulated_work;
typedef std::vector<gan_emulated_work> gan_emulated_work_list;

struct CUgraph_st {
    gan_emulated_work_list nodes;
    cudaStreamCaptureMode mode;
    CUstream_st *origin;
    bool invalid;
};

struct CUgraphExec_st {
    std::shared_ptr<const gan_emulated_work_list> nodes;
};

struct CUstream_st {
    unsigned flags;
    std::deque<gan_emulated_work> pending;
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

enum { GAN_EMULATED_SHARED = 48 << 10, GAN_EMULATED_SHARED_OPTIN = 227 << 10 };

/* One call at a time. Work runs under the lock too. */
typedef std::lock_guard<std::recursive_mutex> gan_emulated_locked;
extern std::recursive_mutex gan_emulated_lock;
extern CUstream_st gan_emulated_null_stream;
extern std::set<CUstream_st *> gan_emulated_streams;

/* `error`, which cudaGetLastError then gives too. */
cudaError_t gan_emulated_given(cudaError_t error);
long gan_emulated_setting(const char *name, long otherwise);
cudaError_t gan_emulated_check_device(int device);
int gan_emulated_current_device();
size_t gan_emulated_memory_total();

static inline CUstream_st *gan_emulated_stream_of(cudaStream_t stream)
{
    return stream ? stream : &gan_emulated_null_stream;
}

/* Around work: it may touch the device's memory. */
void gan_emulated_work_begins();
void gan_emulated_work_ends();

bool gan_emulated_known(cudaStream_t stream);
/* Run a stream's work up to a position; all work. */
void gan_emulated_run_until(CUstream_st *s, unsigned long long position);
void gan_emulated_run_all();
void gan_emulated_add(CUstream_st *s, gan_emulated_work w);
/* A call that may not be made while capturing: it spoils the capture. */
cudaError_t gan_emulated_refuse(CUgraph_st *graph, cudaError_t error);
/* The same for calls that concern the whole device; `unless` is the capture's mode that lets them through, or -1. */
cudaError_t gan_emulated_check_call(int unless);

#endif
