/*
 * fiber.cpp - switching stacks: a few instructions on x86-64 and AArch64, elsewhere ucontext.
 *
 * The address sanitizer is told of each switch. The thread sanitizer is told by execute.cpp, which gives each thread of
 * a block a context of its own; this file is never built with -fsanitize=thread.
 */
#include "fiber.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef GAN_EMULATED_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
enum { STACK_SIZE = 256 << 10 }; /* red zones around each variable */
#else
enum { STACK_SIZE = 64 << 10 };
#endif

/* ---- the switch ---- */

#if defined(__x86_64__) || defined(__aarch64__)

typedef void *context;

/* Saves what a call must preserve, and the stack pointer in *from; goes on where `to` was saved. */
extern "C" void gan_emulated_switch(context *from, context to);

#ifdef __x86_64__
__asm__(".text\n"
        ".hidden gan_emulated_switch\n"
        ".globl gan_emulated_switch\n"
        ".type gan_emulated_switch, @function\n"
        "gan_emulated_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size gan_emulated_switch, .-gan_emulated_switch\n");
enum { SAVED = 6, RETURN = 6, WORDS = 8 }; /* six registers, the entry as return address, and its own caller: none */
#else
__asm__(".text\n"
        ".hidden gan_emulated_switch\n"
        ".globl gan_emulated_switch\n"
        ".type gan_emulated_switch, %function\n"
        "gan_emulated_switch:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size gan_emulated_switch, .-gan_emulated_switch\n");
enum { SAVED = 20, RETURN = 11, WORDS = 20 };
#endif

static void prepare(context *c, char *stack, void (*entry)())
{
    uintptr_t *top = (uintptr_t *)(stack + STACK_SIZE) - WORDS;
    for (int i = 0; i < WORDS; i++)
        top[i] = 0;
    top[RETURN] = (uintptr_t)entry;
    *c = top;
}

static void switch_context(context *from, context *to)
{
    gan_emulated_switch(from, *to);
}

#else

#include <ucontext.h>
typedef ucontext_t context;

static void prepare(context *c, char *stack, void (*entry)())
{
    getcontext(c);
    c->uc_stack.ss_sp = stack;
    c->uc_stack.ss_size = STACK_SIZE;
    c->uc_link = nullptr;
    makecontext(c, entry, 0);
}

static void switch_context(context *from, context *to)
{
    swapcontext(from, to);
}

#endif

/* ---- fibers ---- */

struct gan_emulated_fiber {
    context self, caller;
    char *stack;
    void (*body)();
    void *fake_stack;
};

static thread_local gan_emulated_fiber *current;
#ifdef GAN_EMULATED_ADDRESS_SANITIZER
static thread_local const void *caller_stack;
static thread_local size_t caller_size;
#endif

/* On the fiber's own stack, from its first entry on. */
static void run_body()
{
#ifdef GAN_EMULATED_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(nullptr, &caller_stack, &caller_size);
#endif
    for (;;) {
        current->body();
        gan_emulated_fiber_leave();
    }
}

gan_emulated_fiber *gan_emulated_fiber_new(void (*body)())
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = STACK_SIZE + page;
    gan_emulated_fiber *fiber = (gan_emulated_fiber *)calloc(1, sizeof *fiber);
    if (!fiber)
        return nullptr;
    char *memory =
        (char *)mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == (char *)MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) {
        free(fiber);
        return nullptr;
    }
    fiber->stack = memory + page; /* below it, the page that an overflow meets */
    fiber->body = body;
    prepare(&fiber->self, fiber->stack, run_body);
    return fiber;
}

void gan_emulated_fiber_enter(gan_emulated_fiber *fiber)
{
    current = fiber;
#ifdef GAN_EMULATED_ADDRESS_SANITIZER
    void *fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, fiber->stack, STACK_SIZE);
#endif
    switch_context(&fiber->caller, &fiber->self);
#ifdef GAN_EMULATED_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

void gan_emulated_fiber_leave()
{
    gan_emulated_fiber *fiber = current;
#ifdef GAN_EMULATED_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(&fiber->fake_stack, caller_stack, caller_size);
#endif
    switch_context(&fiber->self, &fiber->caller);
#ifdef GAN_EMULATED_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(fiber->fake_stack, &caller_stack, &caller_size);
#endif
}
