/* Devices by name: which names there are, and what is said when the CUDA backend's library is not there, is not one, or
 * belongs to another build. */
#include "../support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"

#define TEXT_(number) #number
#define TEXT(number)  TEXT_(number)
#define LAYOUT        TEXT(GAN__CUDA_LAYOUT)

static gan_message message;

static void setup(void)
{
    message.text[0] = '\0';
}

/* The library that the next device comes from: one of fixtures/cuda_backend.c, or no file. */
static void use_library(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, TEST_BINARY_DIR "/cuda/%s.so", name);
    ck_assert_int_eq(setenv("GAN_CUDA_LIBRARY", path, 1), 0);
}

static gan_status open_device(const char *device, gan_context **ctx)
{
    gan_context_options options = {.struct_size = sizeof options, .device = device, .threads = 1};
    *ctx = NULL;
    return gan_context_create(&options, ctx, &message);
}

static void refused(const char *device, gan_status status, const char *part)
{
    gan_context *ctx;
    ck_assert_int_eq(open_device(device, &ctx), status);
    ck_assert_ptr_null(ctx);
    ck_assert_msg(strstr(message.text, part), "%s: \"%s\" lacks \"%s\"", device, message.text, part);
    ck_assert_ptr_null(strchr(message.text, '\n'));
}

START_TEST(names_are_checked)
{
    static const char *const wrong[] = {"",      "CPU",    "gpu",      "cuda:",   "cuda:x",     "cuda:-1",   "cuda:1x",
                                        "cuda0", "cuda 0", "cuda:0:1", "autocpu", "cuda:00000", "cuda:99999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused(wrong[i], GAN_ERROR_ARGUMENT, "device must be auto, cpu, cuda or cuda:N, but is \"");
}
END_TEST

START_TEST(the_cpu_needs_no_library)
{
    gan_context *ctx;
    use_library("missing");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(open_device(i ? "cpu" : NULL, &ctx), GAN_OK);
        ck_assert_int_eq(strncmp(gan_context_device(ctx), "CPU, 1 thread", 13), 0);
        ck_assert_str_eq(gan_context_device_note(ctx), "");
        ck_assert_ptr_null(gan_context_stream(ctx));
        gan_context_destroy(ctx);
    }
}
END_TEST

START_TEST(a_library_that_cannot_be_used_is_refused)
{
    static const struct {
        const char *library, *sentence;
    } cases[] = {
        {"missing", "device cuda: the CUDA backend cannot be loaded: "},
        {"missing", "missing.so: cannot open shared object file"},
        {"no_entry", "no_entry.so is no CUDA backend: it has no gan__cuda_entry"},
        {"layout", "layout.so belongs to another build of the SDK: its table has layout 77 and "},
        {"size",
         "size.so belongs to another build of the SDK: its table has layout " LAYOUT " and 8 bytes, but layout "},
        {"version", "version.so is of version 0.0.1, but this is " GAN_VERSION_STRING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        use_library(cases[i].library);
        refused("cuda", GAN_ERROR_DEVICE_REFUSED, cases[i].sentence);
        refused("cuda:0", GAN_ERROR_DEVICE_REFUSED, "device cuda:0: ");
    }
}
END_TEST

START_TEST(the_librarys_own_refusal_is_passed_on)
{
    use_library("asleep");
    refused("cuda:12", GAN_ERROR_DEVICE_REFUSED, "device cuda:12: device 12 is asleep");
    refused("cuda", GAN_ERROR_DEVICE_REFUSED, "device cuda: device -1 is asleep");
}
END_TEST

START_TEST(auto_falls_back_and_says_why)
{
    gan_context *ctx;
    static const char *const libraries[] = {"missing", "layout", "asleep"};
    static const char *const reasons[] = {"cannot be loaded: ", "another build", "asleep"};
    for (int i = 0; i < 3; i++) {
        use_library(libraries[i]);
        ck_assert_int_eq(open_device("auto", &ctx), GAN_OK);
        const char *note = gan_context_device_note(ctx);
        ck_assert_int_eq(strncmp(note, "device auto: the CPU is used, because ", 38), 0);
        ck_assert_msg(strstr(note, reasons[i]), "%s", note);
        ck_assert_int_eq(strncmp(gan_context_device(ctx), "CPU", 3), 0);
        float value = 0;
        gan_read_f32(gan_full(ctx, GAN_SCALAR, 2.5f), &value);
        ck_assert_float_eq(value, 2.5f);
        gan_context_destroy(ctx);
    }
}
END_TEST

START_TEST(tf32_is_a_precision)
{
    gan_context *ctx;
    gan_context_options options = {.struct_size = sizeof options, .precision = GAN_PRECISION_TF32, .threads = 1};
    ck_assert_int_eq(gan_context_create(&options, &ctx, &message), GAN_OK);
    ck_assert_int_eq(gan_context_precision(ctx), GAN_PRECISION_TF32);
    /* 1 + 2^-12 is not a TF32 number: on the CPU it is kept. */
    float one = 1 + 0x1p-12f, value = 0;
    gan_tensor *x = gan_from_f32(ctx, GAN_SHAPE(1, 1), &one);
    gan_read_f32(gan_matmul(x, x, 0), &value);
    ck_assert_float_eq(value, one * one);
    gan_context_destroy(ctx);
    options.precision = (gan_precision)3;
    ck_assert_int_eq(gan_context_create(&options, &ctx, &message), GAN_ERROR_ARGUMENT);
    ck_assert_str_eq(message.text, "precision must be f32, tf32 or bf16");
}
END_TEST

START_TEST(elements_can_be_pointed_to)
{
    gan_context *ctx = test_context_open(1, 1);
    static const float values[] = {1, 2, 3};
    gan_tensor *t = gan_from_f32(ctx, GAN_SHAPE(3), values);
    ck_assert_mem_eq(gan_data_pointer(t), values, sizeof values);
    ck_assert_ptr_null(gan_data_pointer(gan_from_f32(ctx, GAN_SHAPE(0), NULL)));
    ck_assert_ptr_null(gan_data_pointer(gan_matmul(t, t, 0)));
    gan_clear_status(ctx);
    test_context_close(ctx);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("device");
    TCase *t = tcase_create("device");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, names_are_checked);
    tcase_add_test(t, the_cpu_needs_no_library);
    tcase_add_test(t, a_library_that_cannot_be_used_is_refused);
    tcase_add_test(t, the_librarys_own_refusal_is_passed_on);
    tcase_add_test(t, auto_falls_back_and_says_why);
    tcase_add_test(t, tf32_is_a_precision);
    tcase_add_test(t, elements_can_be_pointed_to);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
