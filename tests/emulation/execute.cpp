/*
 * execute.cpp - running a kernel: blocks, threads, barriers, warps. See emulation.h.
 *
 * Never built with -fsanitize=thread itself: what it shares between threads of a block is the emulation's, not theirs.
 */
#include "emulation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mutex>

#include "fiber.h"

#ifdef GAN_EMULATED_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif
#ifdef GAN_EMULATED_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

enum { WARP = GAN_EMULATED_WARP, MAX_THREADS = 1024, MAX_WARPS = MAX_THREADS / WARP };

gan_emulated_indices gan_emulated_now;

typedef struct place {
    const char *file;
    int line;
} place;

/* Where threads meet. */
typedef struct meeting {
    int waiting, live; /* threads that have arrived; that have not returned */
    unsigned round;    /* times that all have arrived */
    gan_emulated_exchange exchange;
    int operand, width;
    place at; /* of the first that arrived */
} meeting;

typedef struct lanes {
    meeting meet;
    uint64_t value[2][WARP]; /* of this round and the one before, which may still be read */
    unsigned present[2];
} lanes;

typedef struct waiter {
    gan_emulated_fiber *fiber;
    uint3 index;
    bool returned, waits;
    const char *what;
    place at;
} waiter;

static struct {
    std::mutex lock; /* one kernel at a time */
    const char *name;
    void (*thread)(void *);
    void *argument;
    dim3 grid, block;
    uint3 block_index;
    size_t shared;
    int threads, next, current; /* of the block; the next to begin, in its order; the one that runs */
    bool reverse;
    meeting barrier;
    lanes warp[MAX_WARPS];
    waiter waiters[MAX_THREADS];
    int ready[MAX_THREADS]; /* a ring */
    int first_ready, n_ready;
    gan_emulated_fiber *idle[MAX_THREADS];
    int n_idle;
} run;

alignas(256) static unsigned char dynamic_shared[227 << 10];

/* What lies behind the shared memory that was asked for is not the kernel's. */
static void bound_dynamic_shared(size_t bytes)
{
#ifdef GAN_EMULATED_ADDRESS_SANITIZER
    ASAN_UNPOISON_MEMORY_REGION(dynamic_shared, sizeof dynamic_shared);
    ASAN_POISON_MEMORY_REGION(dynamic_shared + bytes, sizeof dynamic_shared - bytes);
#else
    (void)bytes;
#endif
}

void *gan_emulated_dynamic_shared()
{
    return dynamic_shared;
}

/* ---- the thread sanitizer ---- */

#ifdef GAN_EMULATED_THREAD_SANITIZER
static struct {
    void *caller, *thread[MAX_THREADS];
    char begin, end, barrier[2], warp[MAX_WARPS][2]; /* addresses that stand for the orders */
} order;

static void to_thread(int t)
{
    __tsan_switch_to_fiber(order.thread[t], __tsan_switch_to_fiber_no_sync);
}

static void to_caller()
{
    __tsan_switch_to_fiber(order.caller, __tsan_switch_to_fiber_no_sync);
}

static void acquire(void *order_address)
{
    __tsan_acquire(order_address);
}

static void release(void *order_address)
{
    __tsan_release(order_address);
}

static void begin_order()
{
    order.caller = __tsan_get_current_fiber();
    for (int t = 0; t < run.threads; t++)
        if (!order.thread[t])
            order.thread[t] = __tsan_create_fiber(0);
}
#define ORDER(address) (&order.address)
#else
static void to_thread(int) {}
static void to_caller() {}
static void acquire(void *) {}
static void release(void *) {}
static void begin_order() {}
#define ORDER(address) nullptr
#endif

/* ---- reports ---- */

static void print_thread(int t)
{
    const waiter *w = &run.waiters[t];
    fprintf(stderr, "    thread (%u, %u, %u) waits in %s at %s:%d\n", w->index.x, w->index.y, w->index.z, w->what,
            w->at.file, w->at.line);
}

[[noreturn]] static void give_up(const char *sentence)
{
    fprintf(stderr, "emulated CUDA: kernel %s, block (%u, %u, %u) of %u x %u x %u threads: %s\n", run.name,
            run.block_index.x, run.block_index.y, run.block_index.z, run.block.x, run.block.y, run.block.z, sentence);
    int shown = 0;
    for (int t = 0; t < run.threads && shown < 8; t++)
        if (run.waiters[t].waits) {
            print_thread(t);
            shown++;
        }
    _exit(EXIT_FAILURE); /* stacks of many threads are open */
}

static void check_place(const meeting *m, const place *at, const char *sentence)
{
    if (m->at.line != at->line || strcmp(m->at.file, at->file) != 0)
        give_up(sentence);
}

/* ---- meeting ---- */

static const char *name_of(gan_emulated_exchange exchange)
{
    static const char *const names[] = {"__syncwarp",       "__shfl_sync",     "__shfl_up_sync",
                                        "__shfl_down_sync", "__shfl_xor_sync", "a vote of the warp"};
    return names[exchange];
}

/* Everybody is here: who waited may go on. */
static void open_meeting(meeting *m, int first, int last)
{
    m->waiting = 0;
    m->round++;
    for (int t = first; t < last; t++)
        if (run.waiters[t].waits) {
            run.waiters[t].waits = false;
            run.ready[(run.first_ready + run.n_ready++) % MAX_THREADS] = t;
        }
}

/* Leave the processor to the others until the meeting opens. */
static void wait_here(int t)
{
    uint3 index = gan_emulated_now.thread;
    to_caller();
    gan_emulated_fiber_leave();
    gan_emulated_now.thread = index;
    run.current = t;
}

static void set_waiting(int t, const char *what, const place *at)
{
    waiter *w = &run.waiters[t];
    w->waits = true;
    w->what = what;
    w->at = *at;
}

void gan_emulated_barrier(const char *file, int line)
{
    int t = run.current;
    meeting *m = &run.barrier;
    const place at = {file, line};
    [[maybe_unused]] unsigned round = m->round;
    release(ORDER(barrier[round % 2]));
    set_waiting(t, "__syncthreads", &at);
    if (m->waiting++ == 0)
        m->at = at;
    else
        check_place(m, &at, "its threads wait at different barriers");
    if (m->waiting < m->live) {
        wait_here(t);
    } else {
        run.waiters[t].waits = false;
        open_meeting(m, 0, run.threads);
    }
    acquire(ORDER(barrier[round % 2]));
}

static int lane_count(int warp)
{
    int n = run.threads - warp * WARP;
    return n < WARP ? n : WARP;
}

/* The lane that `lane` reads from; it keeps its own value where the source lies outside its part of the warp. */
static int source_lane(const meeting *m, int lane, int operand)
{
    int first = lane & ~(m->width - 1), last = first + m->width - 1;
    switch (m->exchange) {
    case GAN_EMULATED_INDEX:
        return first + (operand & (m->width - 1));
    case GAN_EMULATED_UP:
        return lane - operand < first ? lane : lane - operand;
    case GAN_EMULATED_DOWN:
        return lane + operand > last ? lane : lane + operand;
    case GAN_EMULATED_XOR:
        return (lane ^ operand) > last ? lane : lane ^ operand;
    default:
        return lane;
    }
}

static uint64_t read_lanes(const lanes *l, const meeting *m, unsigned slot, int lane, int operand, unsigned *present)
{
    if (m->exchange != GAN_EMULATED_BALLOT) {
        int source = source_lane(m, lane, operand);
        return l->present[slot] >> source & 1 ? l->value[slot][source] : ~0ull;
    }
    uint64_t votes = 0;
    for (int i = 0; i < WARP; i++)
        if (l->present[slot] >> i & 1 && l->value[slot][i])
            votes |= 1ull << i;
    if (present)
        *present = l->present[slot];
    return votes;
}

uint64_t gan_emulated_warp(gan_emulated_exchange exchange, unsigned mask, uint64_t value, int operand, int width,
                           unsigned *present, const char *file, int line)
{
    int t = run.current, warp = t / WARP, lane = t % WARP, n = lane_count(warp);
    unsigned all = n < WARP ? (1u << n) - 1 : 0xffffffffu;
    lanes *l = &run.warp[warp];
    meeting *m = &l->meet;
    const place at = {file, line};
    unsigned slot = m->round % 2;
    set_waiting(t, name_of(exchange), &at);
    if ((mask & all) != all)
        give_up("a mask leaves out lanes of the warp");
    if (width < 1 || width > WARP || (width & (width - 1)))
        give_up("the width of a shuffle is not 1, 2, 4, 8, 16 or 32");
    if (exchange == GAN_EMULATED_SYNC)
        release(ORDER(warp[warp][slot]));
    const meeting mine = {0, 0, 0, exchange, operand, width, at};
    if (m->waiting++ == 0) {
        m->exchange = exchange;
        m->at = at;
        l->present[slot] = 0;
    } else {
        if (m->exchange != exchange)
            give_up("lanes of one warp meet in different functions");
        check_place(m, &at, "lanes of one warp meet at different places");
    }
    l->value[slot][lane] = value;
    l->present[slot] |= 1u << lane;
    if (m->waiting < m->live) {
        wait_here(t);
    } else {
        run.waiters[t].waits = false;
        open_meeting(m, warp * WARP, warp * WARP + n);
    }
    if (exchange == GAN_EMULATED_SYNC)
        acquire(ORDER(warp[warp][slot]));
    return read_lanes(l, &mine, slot, lane, operand, present);
}

/* ---- threads ---- */

static uint3 index_of(int t)
{
    unsigned x = run.block.x, y = run.block.y, i = (unsigned)t;
    return make_uint3(i % x, i / x % y, i / x / y);
}

/* A thread that has returned is waited for no more. */
static void leave_meetings(int t)
{
    int warp = t / WARP;
    meeting *m = &run.warp[warp].meet;
    run.waiters[t].returned = true;
    if (--m->live == m->waiting && m->waiting)
        open_meeting(m, warp * WARP, warp * WARP + lane_count(warp));
    m = &run.barrier;
    if (--m->live == m->waiting && m->waiting)
        open_meeting(m, 0, run.threads);
}

static void run_thread(int t)
{
    waiter *w = &run.waiters[t];
    w->index = index_of(t);
    gan_emulated_now.thread = w->index;
    run.current = t;
    to_thread(t);
    acquire(ORDER(begin));
    run.thread(run.argument);
    release(ORDER(end));
    to_caller();
    leave_meetings(t);
}

static int next_thread()
{
    int t = run.next++;
    return run.reverse ? run.threads - 1 - t : t;
}

static gan_emulated_fiber *running;

/* The body of every fiber: threads one after another, for as long as none has to wait. To the thread sanitizer a stack
 * that two threads use would be a race, so that there each has its own. */
static void run_threads()
{
    do {
        int t = next_thread();
        run.waiters[t].fiber = running;
        run_thread(t);
#ifdef GAN_EMULATED_THREAD_SANITIZER
        return;
#endif
    } while (run.n_ready == 0 && run.next < run.threads);
}

static gan_emulated_fiber *take_fiber()
{
#ifdef GAN_EMULATED_THREAD_SANITIZER
    static gan_emulated_fiber *fibers[MAX_THREADS];
    int t = run.reverse ? run.threads - 1 - run.next : run.next;
    gan_emulated_fiber *&fiber = fibers[t];
    if (!fiber)
        fiber = gan_emulated_fiber_new(run_threads);
#else
    gan_emulated_fiber *fiber = run.n_idle > 0 ? run.idle[--run.n_idle] : gan_emulated_fiber_new(run_threads);
#endif
    if (!fiber)
        give_up("there is no memory for its threads");
    return fiber;
}

static void enter(gan_emulated_fiber *fiber, int waited)
{
    running = fiber;
    if (waited >= 0)
        to_thread(waited);
    gan_emulated_fiber_enter(fiber);
#ifndef GAN_EMULATED_THREAD_SANITIZER
    if (run.waiters[run.current].returned)
        run.idle[run.n_idle++] = fiber;
#endif
}

static void run_block()
{
    int warps = (run.threads + WARP - 1) / WARP;
    run.next = 0;
    run.barrier = {};
    run.barrier.live = run.threads;
    for (int w = 0; w < warps; w++) {
        run.warp[w].meet = {};
        run.warp[w].meet.live = lane_count(w);
    }
    for (int t = 0; t < run.threads; t++)
        run.waiters[t].returned = run.waiters[t].waits = false;
    memset(dynamic_shared, 0xff, run.shared);
    release(ORDER(begin));
    while (run.barrier.live > 0) {
        if (run.n_ready > 0) {
            int t = run.ready[run.first_ready];
            run.first_ready = (run.first_ready + 1) % MAX_THREADS;
            run.n_ready--;
            enter(run.waiters[t].fiber, t);
        } else if (run.next < run.threads) {
            enter(take_fiber(), -1);
        } else {
            give_up("some of its threads wait for ever");
        }
    }
    acquire(ORDER(end));
}

void gan_emulated_run(const char *name, dim3 grid, dim3 block, size_t shared, void (*thread)(void *), void *argument)
{
    std::lock_guard<std::mutex> one(run.lock);
    run.name = name;
    run.thread = thread;
    run.argument = argument;
    run.grid = grid;
    run.block = block;
    run.shared = shared;
    run.threads = (int)(block.x * block.y * block.z);
    const char *reverse = getenv("GAN_EMULATED_REVERSE");
    run.reverse = reverse && *reverse == '1';
    gan_emulated_now.block_dim = block;
    gan_emulated_now.grid_dim = grid;
    begin_order();
    bound_dynamic_shared(shared);
    unsigned long long count = (unsigned long long)grid.x * grid.y * grid.z;
    for (unsigned long long i = 0; i < count; i++) {
        unsigned long long b = run.reverse ? count - 1 - i : i;
        run.block_index =
            make_uint3((unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y), (unsigned)(b / grid.x / grid.y));
        gan_emulated_now.block = run.block_index;
        run_block();
    }
}
