/*
 * The steady state: a graph that has run a few times runs again without asking the system for memory. This program
 * counts every call of malloc and its relatives, the libraries' included.
 */
#include "../support.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"

static atomic_ulong heap_calls;

/* The sanitizers have a malloc of their own; the allocator's own count is then all that is tested. */
#if !defined(__SANITIZE_ADDRESS__) && defined(__GLIBC__)
#define COUNTS_HEAP_CALLS true
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    atomic_fetch_add(&heap_calls, 1);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    atomic_fetch_add(&heap_calls, 1);
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    atomic_fetch_add(&heap_calls, 1);
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&heap_calls, 1);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    atomic_fetch_add(&heap_calls, 1);
    void *p = __libc_memalign(alignment, size);
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}
#else
#define COUNTS_HEAP_CALLS false
#endif

static gan_context *open_context(gan_precision precision)
{
    gan_context *ctx = NULL;
    gan_context_options options = {.struct_size = sizeof options, .precision = precision, .threads = 2};
    ck_assert_int_eq(gan_context_create(&options, &ctx, NULL), GAN_OK);
    return ctx;
}

/* Value, gradient and second derivative, without reading anything back. */
static void run_once(gan_context *ctx, const op_case *c, const op_data *data)
{
    gan_tensor *in[OP_MAX_INPUTS], *x[OP_MAX_INPUTS], *g[OP_MAX_INPUTS], *h[OP_MAX_INPUTS];
    int n = 0;
    gan_scope_begin(ctx);
    for (int i = 0; i < data->n_in; i++) {
        const op_input *spec = &data->spec[i];
        in[i] = spec->dtype == GAN_I32  ? gan_from_i32(ctx, spec->shape, data->in[i])
                : spec->dtype == GAN_U8 ? gan_from_u8(ctx, spec->shape, data->in[i])
                                        : gan_from_f32(ctx, spec->shape, data->in[i]);
        if (spec->differentiated)
            x[n++] = in[i] = gan_variable(in[i]);
    }
    gan_tensor *y = c->run(ctx, in), *s = NULL;
    if (n > 0 && gan_grad(y, x, n, g, GAN_CREATE_GRAPH) == GAN_OK) {
        for (int i = 0; i < n; i++)
            s = s ? gan_add(s, gan_sqnorm(g[i])) : gan_sqnorm(g[i]);
        gan_grad(s, x, n, h, 0);
    }
    gan_scope_end(ctx, NULL);
}

static void check_steady(gan_precision precision)
{
    enum { WARM_UP = 4, RUNS = 5 };
    gan_context *drawing = open_context(GAN_PRECISION_F32), *ctx = open_context(precision);
    for (int i = 0; i < op_case_count; i++) {
        const op_case *c = &op_cases[i];
        op_data data;
        if (!COUNTS_HEAP_CALLS && !strcmp(c->group, "large"))
            continue; /* the sanitizers are slow, and the small cases show as much */
        ck_assert(op_data_draw(drawing, c, &data));
        for (int run = 0; run < WARM_UP; run++)
            run_once(ctx, c, &data);
        uint64_t system = gan_memory(ctx).system_allocations;
        unsigned long calls = atomic_load(&heap_calls);
        for (int run = 0; run < RUNS; run++)
            run_once(ctx, c, &data);
        calls = atomic_load(&heap_calls) - calls;
        ck_assert_msg(gan_status_of(ctx) == GAN_OK, "%s.%s: %s", c->group, c->name, gan_status_message(ctx));
        ck_assert_msg(gan_memory(ctx).system_allocations == system, "%s.%s: the allocator asked the system %llu times",
                      c->group, c->name, (unsigned long long)(gan_memory(ctx).system_allocations - system));
        if (COUNTS_HEAP_CALLS)
            ck_assert_msg(calls == 0, "%s.%s: %lu heap allocations in %d runs", c->group, c->name, calls, RUNS);
        op_data_free(&data);
    }
    gan_context_destroy(ctx);
    gan_context_destroy(drawing);
}

START_TEST(f32_allocates_nothing)
{
    check_steady(GAN_PRECISION_F32);
}
END_TEST

START_TEST(bf16_allocates_nothing)
{
    check_steady(GAN_PRECISION_BF16);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("steady state");
    TCase *t = tcase_create("repeated graphs");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, f32_allocates_nothing);
    tcase_add_test(t, bf16_allocates_nothing);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
