/* The device that computes nothing and counts memory, and what contexts tell about the memory that there is. */
#include "../support.h"

#include <string.h>

#include <gan/autograd.h>
#include <gan/graph.h>

enum { WIDTH = 64 };

static gan_context *open_device(const char *device, gan_precision precision, size_t limit)
{
    gan_context *ctx = NULL;
    gan_message message = {{0}};
    gan_context_options options = {
        .struct_size = sizeof options, .device = device, .precision = precision, .threads = 1, .memory_limit = limit};
    ck_assert_msg(gan_context_create(&options, &ctx, &message) == GAN_OK, "%s", message.text);
    return ctx;
}

/* A step of a small network on n samples; the memory at its peak. */
static size_t step(gan_context *ctx, int64_t n)
{
    gan_scope_begin(ctx);
    gan_tensor *w = gan_variable(gan_randn(ctx, GAN_SHAPE(WIDTH, WIDTH))), *x = gan_randn(ctx, GAN_SHAPE(n, WIDTH)),
               *grad;
    gan_memory_reset_peak(ctx);
    gan_tensor *y = gan_tanh(gan_matmul(gan_tanh(gan_matmul(x, w, 0)), w, 0));
    gan_grad(gan_mean(gan_square(y)), &w, 1, &grad, 0);
    gan_scope_end(ctx, NULL);
    return gan_memory(ctx).bytes_peak;
}

START_TEST(it_takes_what_the_cpu_takes)
{
    for (int64_t n = 100; n <= 10000; n *= 10) {
        gan_context *cpu = open_device("cpu", GAN_PRECISION_F32, 0);
        gan_context *counted = open_device("measure", GAN_PRECISION_F32, 0);
        double real = (double)step(cpu, n), found = (double)step(counted, n);
        ck_assert_int_eq(gan_status_of(cpu), GAN_OK);
        ck_assert_int_eq(gan_status_of(counted), GAN_OK);
        ck_assert_double_ge(found, 0.9 * real);
        ck_assert_double_le(found, 1.1 * real);
        gan_context_destroy(counted);
        gan_context_destroy(cpu);
    }
}
END_TEST

START_TEST(copies_in_another_type_are_counted)
{
    gan_context *narrow = open_device("measure", GAN_PRECISION_BF16, 0);
    gan_scope_begin(narrow);
    gan_tensor *a = gan_zeros(narrow, GAN_SHAPE(1000, 1000));
    size_t before = gan_memory(narrow).bytes_in_use;
    gan_matmul(a, a, 0);
    ck_assert_uint_ge(gan_memory(narrow).bytes_in_use - before, (size_t)4000000); /* the copy and the result */
    gan_scope_end(narrow, NULL);
    gan_context_destroy(narrow);
}
END_TEST

START_TEST(terabytes_are_nothing)
{
    gan_context *ctx = open_device("measure", GAN_PRECISION_F32, 0);
    float values[3] = {1, 1, 1};
    gan_scope_begin(ctx);
    gan_tensor *x = gan_full(ctx, GAN_SHAPE(1024, 1024, 1024, 1024), 1.0f);
    gan_add(x, x);
    ck_assert_int_eq(gan_status_of(ctx), GAN_OK);
    ck_assert_uint_eq(gan_memory(ctx).bytes_peak, (size_t)8 << 40);
    ck_assert_int_eq(gan_read_f32(gan_full(ctx, GAN_SHAPE(3), 5.0f), values), GAN_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_float_eq(values[i], 0.0f);
    gan_scope_end(ctx, NULL);
    gan_context_destroy(ctx);
}
END_TEST

START_TEST(it_has_as_much_memory_as_its_name_says)
{
    gan_context *ctx = open_device("measure:100000000", GAN_PRECISION_F32, 0);
    ck_assert_uint_eq(gan_memory_available(ctx), 100000000);
    gan_scope_begin(ctx);
    gan_tensor *fits = gan_zeros(ctx, GAN_SHAPE(20000000));
    ck_assert_int_eq(gan_is_poison(fits), 0);
    ck_assert_uint_eq(gan_memory_available(ctx), 100000000);
    ck_assert_int_eq(gan_is_poison(gan_zeros(ctx, GAN_SHAPE(6000000))), 1);
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_MEMORY);
    const char *said = gan_status_message(ctx);
    ck_assert_msg(strstr(said, "no memory for f32 [6000000] (22.9 MiB); 76.3 MiB are in use and ") != NULL, "%s", said);
    ck_assert_msg(strstr(said, " MiB of 95.4 MiB are free on the device") != NULL, "%s", said);
    gan_scope_end(ctx, NULL);
    gan_clear_status(ctx);
    /* What was given back is there again. */
    gan_scope_begin(ctx);
    ck_assert_int_eq(gan_is_poison(gan_zeros(ctx, GAN_SHAPE(24000000))), 0);
    gan_scope_end(ctx, NULL);
    gan_context_destroy(ctx);
}
END_TEST

START_TEST(a_limit_is_what_there_is)
{
    gan_context *ctx = open_device("cpu", GAN_PRECISION_F32, (size_t)1 << 20);
    ck_assert_uint_eq(gan_memory_available(ctx), (size_t)1 << 20);
    gan_scope_begin(ctx);
    gan_zeros(ctx, GAN_SHAPE(1 << 20));
    ck_assert_msg(strstr(gan_status_message(ctx), ", 1.0 MiB are allowed") != NULL, "%s", gan_status_message(ctx));
    gan_scope_end(ctx, NULL);
    gan_context_destroy(ctx);
    ctx = open_device("cpu", GAN_PRECISION_F32, 0);
    ck_assert_uint_gt(gan_memory_available(ctx), (size_t)1 << 20); /* of the machine */
    gan_context_destroy(ctx);
}
END_TEST

START_TEST(names_are_checked)
{
    static const char *const wrong[] = {"measure:",   "measure:0", "measure:-1",
                                        "measure:1x", "measured",  "measure:1000000000000000000"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        gan_context *ctx = NULL;
        gan_context_options options = {.struct_size = sizeof options, .device = wrong[i], .threads = 1};
        ck_assert_int_eq(gan_context_create(&options, &ctx, NULL), GAN_ERROR_ARGUMENT);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("measure");
    TCase *t = tcase_create("memory");
    tcase_add_test(t, it_takes_what_the_cpu_takes);
    tcase_add_test(t, copies_in_another_type_are_counted);
    tcase_add_test(t, terabytes_are_nothing);
    tcase_add_test(t, it_has_as_much_memory_as_its_name_says);
    tcase_add_test(t, a_limit_is_what_there_is);
    tcase_add_test(t, names_are_checked);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
