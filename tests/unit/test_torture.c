/*
 * Memory runs out: for every operator case, the first allocation fails, then the second, and so on until none does.
 * Each time the status must be GAN_ERROR_MEMORY, nothing may be left behind, and the next run must be right.
 */
#include "../support.h"

#include <stdlib.h>
#include <string.h>

#include "core/internal.h"
#include "evaluate.h"

enum { MOST_ALLOCATIONS = 4000 };

static gan_context *open_context(void)
{
    gan_context *ctx = NULL;
    gan_context_options options = {.struct_size = sizeof options, .threads = 1};
    ck_assert_int_eq(gan_context_create(&options, &ctx, NULL), GAN_OK);
    return ctx;
}

static void check_same(const op_case *c, uint64_t nth, const op_result *got, const op_result *want)
{
    ck_assert_msg(memcmp(got->y, want->y, (size_t)want->n_y * sizeof(float)) == 0,
                  "%s.%s, allocation %llu: another value", c->group, c->name, (unsigned long long)nth);
}

static void fail_each_allocation(gan_context *ctx, const op_case *c, const op_data *data)
{
    op_result want, got;
    ck_assert_int_eq(op_evaluate(ctx, c, data, OP_SECOND, false, &want), GAN_OK);
    size_t in_use = gan_memory(ctx).bytes_in_use;
    uint64_t nth;
    for (nth = 1;; nth++) {
        ck_assert_msg(nth < MOST_ALLOCATIONS, "%s.%s still fails at allocation %llu", c->group, c->name,
                      (unsigned long long)nth);
        gan_memory_fail_after(ctx, nth);
        gan_status status = op_evaluate(ctx, c, data, OP_SECOND, false, &got);
        bool failed = ctx->allocator.fail_after == 0;
        gan_memory_fail_after(ctx, 0);
        if (!failed)
            break;
        if (status == GAN_OK) { /* it could do without, as when a block is not split */
            check_same(c, nth, &got, &want);
            op_result_free(&got);
            continue;
        }
        ck_assert_msg(status == GAN_ERROR_MEMORY, "%s.%s, allocation %llu failed: %s: %s", c->group, c->name,
                      (unsigned long long)nth, gan_status_name(status), gan_status_message(ctx));
        gan_clear_status(ctx);
        ck_assert_msg(gan_memory(ctx).bytes_in_use == in_use,
                      "%s.%s, allocation %llu failed: %zu bytes are left behind", c->group, c->name,
                      (unsigned long long)nth, gan_memory(ctx).bytes_in_use - in_use);
    }
    ck_assert_msg(nth > 1, "%s.%s allocates nothing", c->group, c->name);
    check_same(c, nth, &got, &want);
    op_result_free(&got);
    op_result_free(&want);
}

START_TEST(every_allocation_of_every_operator_may_fail)
{
    gan_context *ctx = open_context();
    for (int i = 0; i < op_case_count; i++) {
        op_data data;
        if (!strcmp(op_cases[i].group, "large"))
            continue; /* the same code as the small cases */
        ck_assert_msg(op_data_draw(ctx, &op_cases[i], &data), "%s.%s: %s", op_cases[i].group, op_cases[i].name,
                      gan_status_message(ctx));
        fail_each_allocation(ctx, &op_cases[i], &data);
        op_data_free(&data);
    }
    gan_context_destroy(ctx);
}
END_TEST

START_TEST(a_memory_limit_is_an_error_and_not_more)
{
    gan_context *ctx = NULL;
    gan_context_options options = {.struct_size = sizeof options, .threads = 1, .memory_limit = (size_t)1 << 20};
    ck_assert_int_eq(gan_context_create(&options, &ctx, NULL), GAN_OK);
    gan_scope_begin(ctx);
    gan_tensor *small = gan_full(ctx, GAN_SHAPE(1000), 2.0f);
    gan_tensor *large = gan_zeros(ctx, GAN_SHAPE(1 << 20));
    ck_assert(gan_is_poison(large));
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_MEMORY);
    ck_assert_ptr_nonnull(strstr(gan_status_message(ctx), "[1048576]"));
    gan_clear_status(ctx);
    ck_assert_float_eq(gan_item(gan_mean(small)), 2.0f);
    gan_scope_end(ctx, NULL);
    ck_assert_uint_le(gan_memory(ctx).bytes_peak, (size_t)1 << 20);
    gan_context_destroy(ctx);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("torture");
    TCase *t = tcase_create("memory");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, every_allocation_of_every_operator_may_fail);
    tcase_add_test(t, a_memory_limit_is_an_error_and_not_more);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
