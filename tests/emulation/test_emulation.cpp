/*
 * test_emulation - the emulation itself: what CUDA promises holds, and what CUDA forbids is refused or reported.
 *
 *     test_emulation             the tests
 *     test_emulation MISTAKE     a kernel with a mistake, which has to be reported; see `mistakes`
 */
#include <cuda_runtime.h>

#include <check.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FULL 0xffffffffu

static const dim3 one(1);

template <typename T> static T *device_array(size_t n)
{
    T *p = nullptr;
    ck_assert_int_eq(cudaMalloc(&p, n * sizeof(T)), cudaSuccess);
    return p;
}

static cudaStream_t new_stream()
{
    cudaStream_t stream;
    ck_assert_int_eq(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    return stream;
}

/* ---- kernels ---- */

__global__ void number_threads(unsigned *out)
{
    unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    out[block * blockDim.x * blockDim.y * blockDim.z + thread] = 1000 * block + thread;
}

static __device__ __forceinline__ int warp_sum(int x)
{
    for (int offset = 16; offset > 0; offset /= 2)
        x += __shfl_xor_sync(FULL, x, offset);
    return x;
}

/* Sum of the block's x in every thread; whole warps. */
static __device__ __forceinline__ int block_sum(int x, int *scratch)
{
    x = warp_sum(x);
    __syncthreads();
    if (threadIdx.x % 32 == 0)
        scratch[threadIdx.x / 32] = x;
    __syncthreads();
    return warp_sum(threadIdx.x % 32 < blockDim.x / 32 ? scratch[threadIdx.x % 32] : 0);
}

__global__ void sum_rows(const int *x, int n, int *out)
{
    __shared__ int scratch[32];
    int sum = 0;
    for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x)
        sum += x[blockIdx.x * (unsigned)n + (unsigned)i];
    sum = block_sum(sum, scratch);
    sum = block_sum(sum == 0 ? 0 : 1, scratch) == (int)blockDim.x ? sum : -sum;
    if (threadIdx.x == 0)
        out[blockIdx.x] = sum;
}

/* Each thread takes its left neighbour's number, again and again; some return early. */
__global__ void rotate(int *x, int rounds)
{
    int *row = (int *)gan_emulated_dynamic_shared(), t = (int)threadIdx.x, n = (int)blockDim.x - 7;
    if (t >= n)
        return;
    row[t] = t;
    for (int i = 0; i < rounds; i++) {
        __syncthreads();
        int left = row[(t + n - 1) % n];
        __syncthreads();
        row[t] = left;
    }
    x[t] = row[t];
}

__global__ void shuffles(int *out)
{
    int t = (int)threadIdx.x;
    out[0 * 32 + t] = __shfl_sync(FULL, t, 5);
    out[1 * 32 + t] = __shfl_sync(FULL, t, 3, 8);
    out[2 * 32 + t] = __shfl_up_sync(FULL, t, 2);
    out[3 * 32 + t] = __shfl_down_sync(FULL, t, 2);
    out[4 * 32 + t] = __shfl_down_sync(FULL, t, 1, 4);
    out[5 * 32 + t] = __shfl_xor_sync(FULL, t, 9);
    out[6 * 32 + t] = (int)__ballot_sync(FULL, t % 3 == 0);
    out[7 * 32 + t] = __any_sync(FULL, t == 31) + 2 * __all_sync(FULL, t < 32) + 4 * __all_sync(FULL, t < 31);
    out[8 * 32 + t] = (int)(__shfl_sync(FULL, (unsigned long long)t << 40, 7) >> 40);
    out[9 * 32 + t] = (int)__shfl_sync(FULL, (float)t + 0.5f, 8);
}

__global__ void read_missing_lane(unsigned *out)
{
    out[threadIdx.x] = __shfl_sync(FULL, 1u, 31);
}

__global__ void count(unsigned *counter, int *largest, unsigned long long *wide)
{
    atomicAdd(counter, 1u);
    atomicMax(largest, (int)(blockIdx.x * blockDim.x + threadIdx.x));
    atomicAdd(wide, 1ull << 33);
    atomicCAS(counter + 1, 0u, blockIdx.x + 1);
}

__global__ void read_dynamic(unsigned *out)
{
    unsigned *shared = (unsigned *)gan_emulated_dynamic_shared();
    out[blockIdx.x * blockDim.x + threadIdx.x] = shared[threadIdx.x];
    shared[threadIdx.x] = 7;
}

__global__ void add(int *x, int value)
{
    x[threadIdx.x] += value;
}

template <typename T, int N> __global__ void fill(T *x, T value)
{
    for (int i = 0; i < N; i++)
        x[i] = value;
}

/* ---- execution ---- */

START_TEST(test_indices)
{
    const dim3 grid(3, 2, 2), block(5, 3, 2);
    unsigned n = 12 * 30, *out = device_array<unsigned>(n);
    gan_emulated_launch(number_threads, grid, block, 0, nullptr, out);
    for (unsigned i = 0; i < n; i++)
        ck_assert_uint_eq(out[i], 1000 * (i / 30) + i % 30);
    cudaFree(out);
}
END_TEST

START_TEST(test_block_sums)
{
    const int rows = 5, n = 1000;
    int *x = device_array<int>(rows * n), *out = device_array<int>(rows);
    for (int block = 32; block <= 1024; block *= 2) {
        for (int i = 0; i < rows * n; i++)
            x[i] = i % 91 + 1;
        gan_emulated_launch(sum_rows, rows, block, 0, nullptr, x, n, out);
        for (int r = 0; r < rows; r++) {
            int sum = 0;
            for (int i = 0; i < n; i++)
                sum += x[r * n + i];
            ck_assert_int_eq(out[r], sum);
        }
    }
    cudaFree(x);
    cudaFree(out);
}
END_TEST

START_TEST(test_barriers_and_early_returns)
{
    const int threads = 300, n = threads - 7, rounds = 50;
    int *x = device_array<int>(threads);
    gan_emulated_launch(rotate, one, threads, threads * sizeof(int), nullptr, x, rounds);
    for (int t = 0; t < n; t++)
        ck_assert_int_eq(x[t], (t + 10 * n - rounds) % n);
    ck_assert_int_eq(x[n], -1); /* nobody wrote it */
    cudaFree(x);
}
END_TEST

START_TEST(test_shuffles)
{
    int *out = device_array<int>(10 * 32);
    gan_emulated_launch(shuffles, one, 32, 0, nullptr, out);
    unsigned thirds = 0;
    for (int t = 0; t < 32; t += 3)
        thirds |= 1u << t;
    for (int t = 0; t < 32; t++) {
        const int want[10] = {
            5, t / 8 * 8 + 3, t < 2 ? t : t - 2, t > 29 ? t : t + 2, t % 4 == 3 ? t : t + 1, t ^ 9, (int)thirds, 3, 7,
            8};
        for (int k = 0; k < 10; k++)
            ck_assert_int_eq(out[k * 32 + t], want[k]);
    }
    unsigned *missing = device_array<unsigned>(20);
    gan_emulated_launch(read_missing_lane, one, 20, 0, nullptr, missing);
    ck_assert_uint_eq(missing[3], 0xffffffffu);
    cudaFree(missing);
    cudaFree(out);
}
END_TEST

START_TEST(test_atomics)
{
    unsigned *counter = device_array<unsigned>(2);
    int *largest = device_array<int>(1);
    unsigned long long *wide = device_array<unsigned long long>(1);
    cudaMemset(counter, 0, 8);
    cudaMemset(largest, 0, 4);
    cudaMemset(wide, 0, 8);
    gan_emulated_launch(count, 7, 100, 0, nullptr, counter, largest, wide);
    ck_assert_uint_eq(counter[0], 700);
    ck_assert_uint_ge(counter[1], 1);
    ck_assert_int_eq(*largest, 699);
    ck_assert_uint_eq(*wide, 700ull << 33);
    cudaFree(counter);
    cudaFree(largest);
    cudaFree(wide);
}
END_TEST

START_TEST(test_dynamic_shared_memory_is_fresh)
{
    unsigned *out = device_array<unsigned>(96);
    cudaMemset(out, 0, 96 * sizeof *out);
    gan_emulated_launch(read_dynamic, 3, 32, 128, nullptr, out);
    for (int i = 0; i < 96; i++)
        ck_assert_uint_eq(out[i], 0xffffffffu);
    cudaFree(out);
}
END_TEST

START_TEST(test_bits)
{
    ck_assert_uint_eq(__float_as_uint(1.0f), 0x3f800000u);
    ck_assert_uint_eq(__umulhi(0x80000000u, 6), 3);
    ck_assert_int_eq(__popc(0xf0f0u) + __clz(1) + __clz(0), 8 + 31 + 32);
    ck_assert_int_eq(__ffs(8), 4);
    ck_assert_int_eq(max(3, 4) + min(3, 4), 7);
    ck_assert_int_eq(sizeof(float4) + alignof(float4) + alignof(float2) + alignof(uchar4), 16 + 16 + 8 + 4);
}
END_TEST

/* ---- launches, memory ---- */

static cudaError_t try_launch(dim3 grid, dim3 block, size_t shared)
{
    unsigned *out = device_array<unsigned>(1);
    void (*kernel)(unsigned *) = [](unsigned *p) { atomicExch(p, 1u); };
    gan_emulated_launch(kernel, grid, block, shared, nullptr, out);
    cudaError_t error = cudaGetLastError();
    ck_assert_uint_eq(*out, error == cudaSuccess ? 1 : 0xffffffffu); /* a refused kernel does not run */
    ck_assert_int_eq(cudaGetLastError(), cudaSuccess);
    cudaFree(out);
    return error;
}

START_TEST(test_launch_limits)
{
    ck_assert_int_eq(try_launch(1, 1024, 48 << 10), cudaSuccess);
    ck_assert_int_eq(try_launch(1, dim3(4, 4, 64), 0), cudaSuccess);
    ck_assert_int_eq(try_launch(1, 1025, 0), cudaErrorInvalidConfiguration);
    ck_assert_int_eq(try_launch(1, dim3(32, 33), 0), cudaErrorInvalidConfiguration);
    ck_assert_int_eq(try_launch(1, dim3(1, 1, 65), 0), cudaErrorInvalidConfiguration);
    ck_assert_int_eq(try_launch(1, 0, 0), cudaErrorInvalidConfiguration);
    ck_assert_int_eq(try_launch(0, 1, 0), cudaErrorInvalidConfiguration);
    ck_assert_int_eq(try_launch(0x80000000u, 1, 0), cudaErrorInvalidConfiguration);
    ck_assert_int_eq(try_launch(dim3(1, 65536), 1, 0), cudaErrorInvalidConfiguration);
    ck_assert_int_eq(try_launch(dim3(1, 1, 65536), 1, 0), cudaErrorInvalidConfiguration);
    ck_assert_int_eq(try_launch(1, 1, (48 << 10) + 1), cudaErrorInvalidValue);
    unsigned *out = device_array<unsigned>(1);
    ck_assert_int_eq(cudaFuncSetAttribute(read_dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, 64 << 10),
                     cudaSuccess);
    gan_emulated_launch(read_dynamic, one, one, 64 << 10, nullptr, out);
    ck_assert_int_eq(cudaGetLastError(), cudaSuccess);
    ck_assert_int_ne(cudaFuncSetAttribute(read_dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, 228 << 10),
                     cudaSuccess);
    cudaGetLastError();
    cudaFree(out);
}
END_TEST

START_TEST(test_memory)
{
    size_t before, left, total;
    void *p, *q;
    setenv("GAN_EMULATED_MEMORY", "3", 1);
    ck_assert_int_eq(cudaMemGetInfo(&before, &total), cudaSuccess);
    ck_assert_uint_eq(total, 3 << 20);
    ck_assert_int_eq(cudaMalloc(&p, 2 << 20), cudaSuccess);
    ck_assert_uint_eq((uintptr_t)p % 256, 0);
    ck_assert_int_eq(cudaMemGetInfo(&left, &total), cudaSuccess);
    ck_assert_uint_eq(left, before - (2 << 20));
    ck_assert_int_eq(cudaMalloc(&q, 2 << 20), cudaErrorMemoryAllocation);
    ck_assert_ptr_null(q);
    ck_assert_int_eq(cudaGetLastError(), cudaErrorMemoryAllocation);
    float x;
    ck_assert_int_eq(cudaMemcpy(&x, p, sizeof x, cudaMemcpyDeviceToHost), cudaSuccess);
    ck_assert(x != x);
    ck_assert_int_eq(cudaMemcpy(&x, p, sizeof x, cudaMemcpyHostToDevice), cudaErrorInvalidValue); /* the wrong way */
    ck_assert_int_eq(cudaMemcpy((char *)p + (2 << 20) - 3, &x, 4, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    ck_assert_int_eq(cudaFree(&x), cudaErrorInvalidValue);
    ck_assert_int_eq(cudaFree(p), cudaSuccess);
    cudaGetLastError();
    unsetenv("GAN_EMULATED_MEMORY");
}
END_TEST

START_TEST(test_devices)
{
    int n, version;
    cudaDeviceProp p;
    ck_assert_int_eq(cudaGetDeviceCount(&n), cudaSuccess);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(cudaGetDeviceProperties(&p, 0), cudaSuccess);
    ck_assert_str_eq(p.name, "emulated");
    ck_assert_int_eq(cudaSetDevice(1), cudaErrorInvalidDevice);
    setenv("GAN_EMULATED_DEVICES", "0", 1);
    ck_assert_int_eq(cudaGetDeviceCount(&n), cudaErrorNoDevice);
    unsetenv("GAN_EMULATED_DEVICES");
    setenv("GAN_EMULATED_DRIVER", "12040", 1);
    ck_assert_int_eq(cudaDriverGetVersion(&version), cudaSuccess);
    ck_assert_int_eq(version, 12040);
    ck_assert_int_eq(cudaGetDeviceCount(&n), cudaErrorInsufficientDriver);
    unsetenv("GAN_EMULATED_DRIVER");
    ck_assert_str_eq(cudaGetErrorName(cudaGetLastError()), "cudaErrorInsufficientDriver");
}
END_TEST

/* ---- streams ---- */

/* With GAN_EMULATED_LAZY, work that nobody waits for has not been done. */
START_TEST(test_order_of_streams)
{
    cudaStream_t a = new_stream(), b = new_stream();
    cudaEvent_t event;
    int *x = device_array<int>(1), *pinned;
    ck_assert_int_eq(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
    ck_assert_int_eq(cudaMallocHost((void **)&pinned, 4), cudaSuccess);
    cudaMemset(x, 0, 4);
    setenv("GAN_EMULATED_LAZY", "1", 1);
    gan_emulated_launch(add, one, one, 0, a, x, 5);
    ck_assert_int_eq(*x, 0);
    ck_assert_int_eq(cudaEventRecord(event, a), cudaSuccess);
    gan_emulated_launch(add, one, one, 0, a, x, 100); /* behind the event */
    ck_assert_int_eq(cudaStreamWaitEvent(b, event, 0), cudaSuccess);
    ck_assert_int_eq(cudaMemcpyAsync(pinned, x, 4, cudaMemcpyDeviceToHost, b), cudaSuccess);
    ck_assert_int_eq(cudaStreamSynchronize(b), cudaSuccess);
    ck_assert_int_eq(*pinned, 5);
    ck_assert_int_eq(cudaEventQuery(event), cudaSuccess);
    ck_assert_int_eq(cudaStreamQuery(a), cudaErrorNotReady);
    ck_assert_int_eq(cudaGetLastError(), cudaErrorNotReady);
    ck_assert_int_eq(cudaDeviceSynchronize(), cudaSuccess);
    ck_assert_int_eq(*x, 105);
    unsetenv("GAN_EMULATED_LAZY");
    ck_assert_int_eq(cudaEventDestroy(event), cudaSuccess);
    ck_assert_int_eq(cudaStreamDestroy(a), cudaSuccess);
    ck_assert_int_eq(cudaStreamDestroy(a), cudaErrorInvalidResourceHandle);
    cudaGetLastError();
    cudaStreamDestroy(b);
    cudaFree(x);
    cudaFreeHost(pinned);
}
END_TEST

/* ---- capture ---- */

static void add_seven(void *argument)
{
    **(int **)argument += 7;
}

START_TEST(test_capture_and_replay)
{
    cudaStream_t stream = new_stream();
    cudaStreamCaptureStatus status;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    size_t nodes;
    int *x = device_array<int>(1), *y = device_array<int>(1), value = 3;
    cudaMemset(x, 0, 4);
    ck_assert_int_eq(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), cudaSuccess);
    ck_assert_int_eq(cudaStreamIsCapturing(stream, &status), cudaSuccess);
    ck_assert_int_eq(status, cudaStreamCaptureStatusActive);
    gan_emulated_launch(add, one, one, 0, stream, x, value);
    value = 1000; /* the launch has its copy */
    gan_emulated_enqueue(stream, add_seven, &x, sizeof x);
    ck_assert_int_eq(cudaMemcpyAsync(y, x, 4, cudaMemcpyDeviceToDevice, stream), cudaSuccess);
    void *during;
    ck_assert_int_eq(cudaMalloc(&during, 4), cudaSuccess);
    ck_assert_int_eq(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    ck_assert_int_eq(*x, 0); /* nothing has run */
    ck_assert_int_eq(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
    ck_assert_uint_eq(nodes, 3);
    ck_assert_int_eq(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
    ck_assert_int_eq(cudaGraphDestroy(graph), cudaSuccess);
    ck_assert_int_eq(cudaGraphUpload(exec, stream), cudaSuccess);
    for (int i = 1; i <= 4; i++) {
        ck_assert_int_eq(cudaGraphLaunch(exec, stream), cudaSuccess);
        ck_assert_int_eq(cudaStreamSynchronize(stream), cudaSuccess);
        ck_assert_int_eq(*y, 10 * i);
    }
    ck_assert_int_eq(cudaGraphExecDestroy(exec), cudaSuccess);
    cudaStreamDestroy(stream);
    cudaFree(during);
    cudaFree(x);
    cudaFree(y);
}
END_TEST

static cudaStream_t capturing;
static cudaEvent_t plain_event;
static int *some_memory;

static cudaError_t forbidden(int which)
{
    int host = 0;
    switch (which) {
    case 0:
        return cudaStreamSynchronize(capturing);
    case 1:
        return cudaDeviceSynchronize();
    case 2:
        return cudaMemcpy(&host, some_memory, 4, cudaMemcpyDeviceToHost);
    case 3:
        return cudaMemcpyAsync(&host, some_memory, 4, cudaMemcpyDeviceToHost, capturing);
    case 4:
        return cudaStreamQuery(capturing);
    case 5:
        return cudaMemset(some_memory, 0, 4);
    case 6:
        cudaEventRecord(plain_event, capturing);
        return cudaEventSynchronize(plain_event);
    case 7:
        cudaEventRecord(plain_event, capturing);
        return cudaEventQuery(plain_event);
    case 8: /* waits for work outside the capture */
        cudaEventRecord(plain_event, nullptr);
        return cudaStreamWaitEvent(capturing, plain_event, 0);
    default:
        return cudaSuccess;
    }
}

START_TEST(test_refused_while_capturing)
{
    static const cudaError_t want[] = {cudaErrorStreamCaptureUnsupported,
                                       cudaErrorStreamCaptureUnsupported,
                                       cudaErrorStreamCaptureUnsupported,
                                       cudaErrorStreamCaptureUnsupported,
                                       cudaErrorStreamCaptureUnsupported,
                                       cudaErrorStreamCaptureUnsupported,
                                       cudaErrorCapturedEvent,
                                       cudaErrorCapturedEvent,
                                       cudaErrorStreamCaptureIsolation};
    cudaGraph_t graph;
    capturing = new_stream();
    some_memory = device_array<int>(1);
    ck_assert_int_eq(cudaEventCreate(&plain_event), cudaSuccess);
    ck_assert_int_eq(cudaStreamBeginCapture(capturing, cudaStreamCaptureModeRelaxed), cudaSuccess);
    ck_assert_int_eq(forbidden(_i), want[_i]);
    ck_assert_int_eq(cudaGetLastError(), want[_i]);
    ck_assert_int_eq(cudaStreamEndCapture(capturing, &graph), cudaErrorStreamCaptureInvalidated);
    ck_assert_ptr_null(graph);
    cudaGetLastError();
    ck_assert_int_eq(forbidden(0), cudaSuccess); /* over */
    cudaEventDestroy(plain_event);
    cudaStreamDestroy(capturing);
    cudaFree(some_memory);
}
END_TEST

/* A second stream that is drawn into a capture has to be waited for. */
START_TEST(test_capture_of_two_streams)
{
    cudaStream_t a = new_stream(), b = new_stream();
    cudaEvent_t fork, join;
    cudaGraph_t graph;
    int *x = device_array<int>(1);
    ck_assert_int_eq(cudaEventCreate(&fork), cudaSuccess);
    ck_assert_int_eq(cudaEventCreate(&join), cudaSuccess);
    for (int joined = 0; joined < 2; joined++) {
        ck_assert_int_eq(cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed), cudaSuccess);
        ck_assert_int_eq(cudaEventRecord(fork, a), cudaSuccess);
        ck_assert_int_eq(cudaStreamWaitEvent(b, fork, 0), cudaSuccess);
        gan_emulated_launch((fill<int, 1>), one, one, 0, b, x, 4);
        ck_assert_int_eq(cudaEventRecord(join, b), cudaSuccess);
        if (joined)
            ck_assert_int_eq(cudaStreamWaitEvent(a, join, 0), cudaSuccess);
        ck_assert_int_eq(cudaStreamEndCapture(a, &graph), joined ? cudaSuccess : cudaErrorStreamCaptureUnjoined);
        ck_assert_int_eq(*x, -1);
        if (joined)
            cudaGraphDestroy(graph);
    }
    cudaGetLastError();
    cudaEventDestroy(fork);
    cudaEventDestroy(join);
    cudaStreamDestroy(a);
    cudaStreamDestroy(b);
    cudaFree(x);
}
END_TEST

/* ---- mistakes, which have to be reported ---- */

/* Under the thread sanitizer. */
__global__ void missing_barrier(int *x)
{
    __shared__ int row[64];
    row[threadIdx.x] = (int)threadIdx.x;
    x[threadIdx.x] = row[63 - threadIdx.x];
}

/* Under the address sanitizer. */
__global__ void past_the_end(int *x)
{
    x[threadIdx.x + 1] = 0;
}

__global__ void past_shared_memory(int *x)
{
    __shared__ int row[63];
    row[threadIdx.x] = 0;
    __syncthreads();
    x[threadIdx.x] = row[threadIdx.x / 2];
}

__global__ void past_dynamic_memory(int *x)
{
    int *row = (int *)gan_emulated_dynamic_shared();
    row[threadIdx.x] = 0;
    x[threadIdx.x] = row[threadIdx.x];
}

__global__ void different_barriers(int *x)
{
    if (threadIdx.x < 32) {
        x[threadIdx.x] = 0;
        __syncthreads();
    } else {
        x[threadIdx.x] = 1;
        __syncthreads();
    }
}

__global__ void shuffle_against_barrier(int *x)
{
    if (threadIdx.x % 2)
        x[threadIdx.x] = __shfl_sync(FULL, 1, 0);
    else
        __syncthreads();
}

__global__ void two_shuffles(int *x)
{
    if (threadIdx.x % 2)
        x[threadIdx.x] = __shfl_sync(FULL, 1, 0);
    else
        x[threadIdx.x] = __shfl_xor_sync(FULL, 1, 1);
}

static const struct {
    const char *name;
    void (*kernel)(int *);
} mistakes[] = {{"missing_barrier", missing_barrier},
                {"past_the_end", past_the_end},
                {"past_shared_memory", past_shared_memory},
                {"past_dynamic_memory", past_dynamic_memory},
                {"different_barriers", different_barriers},
                {"shuffle_against_barrier", shuffle_against_barrier},
                {"two_shuffles", two_shuffles}};

static void end_touched(int)
{
    static const char text[] = "touched_by_the_host: signal\n";
    if (write(STDOUT_FILENO, text, sizeof text - 1) > 0)
        _exit(EXIT_FAILURE);
}

/* A mistake of the host's, with GAN_EMULATED_HIDDEN=1: it writes where only copies and kernels may. */
static int touch()
{
    int *x;
    if (cudaMalloc(&x, 64 * sizeof *x) != cudaSuccess)
        return EXIT_FAILURE;
    signal(SIGSEGV, end_touched);
    *(volatile int *)x = 1;
    printf("touched_by_the_host: not reported\n");
    return EXIT_SUCCESS;
}

static int make_mistake(const char *name)
{
    int *x;
    if (strcmp(name, "touched_by_the_host") == 0)
        return touch();
    for (const auto &m : mistakes) {
        if (strcmp(m.name, name) != 0 || cudaMalloc(&x, 64 * sizeof *x) != cudaSuccess)
            continue;
        gan_emulated_launch_named(m.name, m.kernel, one, 64, 63 * sizeof(int), nullptr, x);
        cudaFree(x);
        printf("%s: not reported\n", name);
        return EXIT_SUCCESS;
    }
    printf("%s: there is no such mistake\n", name);
    return EXIT_FAILURE;
}

static Suite *suite()
{
    Suite *s = suite_create("emulation");
    TCase *t = tcase_create("emulation");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_indices);
    tcase_add_test(t, test_block_sums);
    tcase_add_test(t, test_barriers_and_early_returns);
    tcase_add_test(t, test_shuffles);
    tcase_add_test(t, test_atomics);
    tcase_add_test(t, test_dynamic_shared_memory_is_fresh);
    tcase_add_test(t, test_bits);
    tcase_add_test(t, test_launch_limits);
    tcase_add_test(t, test_memory);
    tcase_add_test(t, test_devices);
    tcase_add_test(t, test_order_of_streams);
    tcase_add_test(t, test_capture_and_replay);
    tcase_add_loop_test(t, test_refused_while_capturing, 0, 9);
    tcase_add_test(t, test_capture_of_two_streams);
    suite_add_tcase(s, t);
    return s;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return make_mistake(argv[1]);
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
