/*
 * failing_malloc.h - work is done again and again, and each of its allocations fails in turn. For one test program;
 * REPLACEABLE is 0 under a sanitizer, which has an allocator of its own.
 */
#ifndef TEST_FAILING_MALLOC_H
#define TEST_FAILING_MALLOC_H

#include "support.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPLACEABLE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define REPLACEABLE 0
#endif
#endif
#ifndef REPLACEABLE
#define REPLACEABLE 1
#endif

static gan_message message; /* of the work */

#if REPLACEABLE
/* The C library's allocator, in front of it a counter. Exported, so that libpng and zlib come here too. */
#define EXPORT __attribute__((visibility("default")))
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static _Thread_local int64_t fail_in; /* 0: never; 1: the next one */
static _Thread_local bool failed;
static atomic_int live;

static bool fails(void)
{
    if (fail_in == 0 || --fail_in > 0)
        return false;
    failed = true;
    errno = ENOMEM;
    return true;
}

static void *counted(void *block)
{
    live += block != NULL;
    return block;
}

EXPORT void *malloc(size_t size)
{
    return fails() ? NULL : counted(__libc_malloc(size));
}

EXPORT void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : counted(__libc_calloc(n, size));
}

EXPORT void *realloc(void *old, size_t size)
{
    if (fails())
        return NULL;
    return old ? __libc_realloc(old, size) : counted(__libc_malloc(size));
}

/* These never fail: they are what the OpenMP runtime allocates with, which ends the program when it gets nothing. */
EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return counted(__libc_memalign(alignment, size));
}

void *memalign(size_t alignment, size_t size);
EXPORT void *memalign(size_t alignment, size_t size)
{
    return counted(__libc_memalign(alignment, size));
}

EXPORT void free(void *block)
{
    live -= block != NULL;
    __libc_free(block);
}

/* Do `work` until none of its allocations is left to fail. A failed one must give GAN_ERROR_MEMORY and leave nothing
 * behind, and the next try must succeed. */
static void torture(const char *name, gan_status (*work)(void))
{
    ck_assert_msg(work() == GAN_OK, "%s: %s", name, message.text); /* what libraries allocate once is there now */
    int before = live;
    for (int64_t nth = 1;; nth++) {
        ck_assert_int_lt(nth, 5000);
        failed = false;
        fail_in = nth;
        gan_status status = work();
        fail_in = 0;
        if (!failed) {
            ck_assert_int_eq(status, GAN_OK);
            ck_assert_msg(nth > 1, "%s allocates nothing", name);
            break;
        }
        /* The C library may do without a block (a buffer of stdio): then the work succeeds. */
        ck_assert_msg(status == GAN_ERROR_MEMORY || status == GAN_OK, "%s, allocation %d: %s: %s", name, (int)nth,
                      gan_status_name(status), message.text);
        ck_assert_msg(live == before, "%s, allocation %d: %d blocks are left behind", name, (int)nth, live - before);
    }
    ck_assert_msg(work() == GAN_OK, "%s: %s", name, message.text);
    ck_assert_int_eq(live, before);
}
#endif

#if !REPLACEABLE
static void setup(void) {}

static void teardown(void) {}

START_TEST(every_allocation_may_fail)
{
    printf("every_allocation_may_fail: skipped, a sanitizer has the allocator\n");
    message.text[0] = '\0';
}
END_TEST
#endif

/* The program: one test between its setup and teardown. */
static int memory_test_main(const char *name, SFun before, SFun after, const TTest *test)
{
    Suite *s = suite_create(name);
    TCase *t = tcase_create("memory");
    tcase_add_checked_fixture(t, before, after);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test);
    suite_add_tcase(s, t);
    return test_main(s);
}

#endif
