/*
 * emulation.h - how kernels and library calls run on the host.
 *
 * The blocks of a grid run one after another. A block's threads run one after another too, until one has to wait at a
 * barrier or a shuffle: it then keeps its stack (fiber.h), and the next thread goes on on another. A thread that has
 * returned counts as arrived everywhere. Threads of a block that wait at different barriers, or lanes of a warp in
 * different shuffles, end the program with a sentence that names the kernel.
 *
 * What CUDA leaves undefined is given as ones in all bits, which is NaN in every float type: memory nobody wrote,
 * dynamic shared memory at the beginning of a block, a shuffle from a lane that is not there. With
 * GAN_EMULATED_REVERSE=1 blocks and threads run from the last to the first, which shows a result that depends on their
 * order. With GAN_EMULATED_HIDDEN=1 the device's memory is out of the host's reach. Built with -fsanitize=thread, each
 * thread of a block is one to the sanitizer, ordered by barriers and
 * __syncwarp only.
 */
#ifndef GAN_EMULATED_EMULATION_H
#define GAN_EMULATED_EMULATION_H

#include "include/cuda_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Call run(a copy of argument) when it is the stream's turn: at once, or at each launch of the graph that the stream
 * is being captured into. Library calls enqueue their work with it. */
void gan_emulated_enqueue(cudaStream_t stream, void (*run)(void *), const void *argument, size_t bytes);

/* Whether [data, data + bytes) lies in one allocation of device memory. */
int gan_emulated_on_device(const void *data, size_t bytes);

#ifdef __cplusplus
}

#include <tuple>
#include <type_traits>
#include <utility>

#define GAN_EMULATED_WARP 32

/* ---- what a kernel sees ---- */

struct gan_emulated_indices {
    uint3 thread, block;
    dim3 block_dim, grid_dim;
};
extern gan_emulated_indices gan_emulated_now;
#define threadIdx (gan_emulated_now.thread)
#define blockIdx  (gan_emulated_now.block)
#define blockDim  (gan_emulated_now.block_dim)
#define gridDim   (gan_emulated_now.grid_dim)
constexpr int warpSize = GAN_EMULATED_WARP;

void *gan_emulated_dynamic_shared();

/* The meeting points; file and line are for messages, and to tell two of them apart. */
enum gan_emulated_exchange {
    GAN_EMULATED_SYNC,
    GAN_EMULATED_INDEX,
    GAN_EMULATED_UP,
    GAN_EMULATED_DOWN,
    GAN_EMULATED_XOR,
    GAN_EMULATED_BALLOT
};
void gan_emulated_barrier(const char *file, int line);
/* Gives `value` to the warp and returns the chosen lane's; GAN_EMULATED_BALLOT returns the lanes with a value that is
 * not 0, and sets *lanes to those that take part. */
uint64_t gan_emulated_warp(gan_emulated_exchange exchange, unsigned mask, uint64_t value, int operand, int width,
                           unsigned *lanes, const char *file, int line);

/* ---- launching ---- */

/* False, and the last error set, when CUDA would refuse. */
bool gan_emulated_may_launch(const void *kernel, dim3 grid, dim3 block, size_t shared);
void gan_emulated_run(const char *name, dim3 grid, dim3 block, size_t shared, void (*thread)(void *), void *argument);

template <typename... P> struct gan_emulated_call {
    static_assert((std::is_trivially_copyable<P>::value && ...), "a kernel's parameters are copied as bytes");
    const char *name;
    void (*kernel)(P...);
    dim3 grid, block;
    size_t shared;
    std::tuple<P...> arguments;

    static void thread(void *call)
    {
        std::apply(((gan_emulated_call *)call)->kernel, ((gan_emulated_call *)call)->arguments);
    }
    static void run(void *call)
    {
        gan_emulated_call *c = (gan_emulated_call *)call;
        gan_emulated_run(c->name, c->grid, c->block, c->shared, thread, c);
    }
};

template <typename... P, typename... A>
static inline void gan_emulated_launch_named(const char *name, void (*kernel)(P...), dim3 grid, dim3 block,
                                             size_t shared, cudaStream_t stream, A &&...arguments)
{
    if (!gan_emulated_may_launch((const void *)kernel, grid, block, shared))
        return;
    gan_emulated_call<P...> call = {name, kernel, grid, block, shared, std::tuple<P...>(arguments...)};
    gan_emulated_enqueue(stream, gan_emulated_call<P...>::run, &call, sizeof call);
}

/* kernel<<<grid, block, shared, stream>>>(arguments...) */
#define gan_emulated_launch(kernel, ...) gan_emulated_launch_named(#kernel, kernel, __VA_ARGS__)

#include "intrinsics.h"

#endif
#endif
