/*
 * The CUDA backend's host side: opening a device and what is said when there is none, copies, batches that arrive
 * ahead, values read without waiting, and steps that are captured and replayed. On the emulated device of
 * tests/emulation, unless GAN_CUDA_LIBRARY names another library; its work waits until something waits for it
 * (GAN_EMULATED_LAZY), so that a wait which is missing is seen.
 */
#include "../support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

static bool emulated;
static gan_context *ctx;
static gan__backend *be;
static const gan__backend_ops *ops;

static gan_status open_device(const char *device, gan_message *message)
{
    gan_context_options options = {.struct_size = sizeof options, .device = device, .threads = 1};
    ctx = NULL;
    return gan_context_create(&options, &ctx, message);
}

static void setup(void)
{
    gan_message message;
    setenv("GAN_EMULATED_LAZY", "1", 1);
    ck_assert_msg(open_device("cuda", &message) == GAN_OK, "%s", message.text);
    be = ctx->backend;
    ops = be->ops;
}

static void teardown(void)
{
    gan_context_destroy(ctx);
    unsetenv("GAN_EMULATED_LAZY");
}

static void *allocate(size_t bytes)
{
    void *data = gan__workspace(ctx, bytes);
    ck_assert_ptr_nonnull(data);
    return data;
}

#define ASSERT_OK(call)                                                                                                \
    do {                                                                                                               \
        gan_status status_ = (call);                                                                                   \
        ck_assert_msg(status_ == GAN_OK, "%s: %s", #call, be->error.text);                                             \
    } while (0)

#define ASSERT_FAILS(call, status, part)                                                                               \
    do {                                                                                                               \
        be->error.text[0] = '\0';                                                                                      \
        ck_assert_int_eq(call, status);                                                                                \
        ck_assert_msg(strstr(be->error.text, part), "%s: \"%s\" lacks \"%s\"", #call, be->error.text, part);           \
    } while (0)

/* ---- opening ---- */

static void refused(const char *device, const char *sentence)
{
    gan_message message;
    ck_assert_int_eq(open_device(device, &message), GAN_ERROR_DEVICE_REFUSED);
    ck_assert_str_eq(message.text, sentence);
}

START_TEST(a_device_that_is_not_there_is_refused)
{
    setenv("GAN_EMULATED_DEVICES", "2", 1);
    refused("cuda:2", "device cuda:2: there is no device 2: CUDA shows 2, numbered from 0");
    setenv("GAN_EMULATED_DEVICES", "0", 1);
    refused("cuda", "device cuda: the NVIDIA driver shows no CUDA device");
    setenv("GAN_EMULATED_DRIVER", "0", 1);
    refused("cuda", "device cuda: there is no NVIDIA driver on this machine");
    setenv("GAN_EMULATED_DEVICES", "1", 1);
    setenv("GAN_EMULATED_DRIVER", "12080", 1);
    refused("cuda:0", "device cuda:0: the NVIDIA driver is for CUDA 12.8, but at least that of CUDA 13.0 is needed");
}
END_TEST

START_TEST(a_device_that_is_there_is_described)
{
    gan_message message;
    setenv("GAN_EMULATED_DEVICES", "2", 1);
    static const char *const names[] = {"cuda", "auto", "cuda:0", "cuda:1"};
    for (int i = 0; i < 4; i++) {
        ck_assert_msg(open_device(names[i], &message) == GAN_OK, "%s", message.text);
        ck_assert_ptr_nonnull(strstr(gan_context_device(ctx), "(sm_"));
        ck_assert_ptr_nonnull(strstr(gan_context_device(ctx), ", CUDA 13.0, cuBLASLt "));
        ck_assert_ptr_nonnull(strstr(gan_context_device(ctx), "cuDNN"));
        ck_assert_str_eq(gan_context_device_note(ctx), "");
        ck_assert_ptr_nonnull(gan_context_stream(ctx));
        ck_assert(ctx->backend->is_cuda);
        gan_context_destroy(ctx);
    }
}
END_TEST

/* ---- memory and copies ---- */

START_TEST(memory_that_is_not_there_is_told_in_numbers)
{
    ck_assert_ptr_null(ops->allocate(be, (size_t)1 << 50));
    ck_assert_ptr_nonnull(strstr(be->error.text, "asked for 1073741824.0 MiB, "));
    ck_assert_ptr_nonnull(strstr(be->error.text, " MiB are free on the device"));
    /* The failure is not taken for the next kernel's. */
    float *x = allocate(4), value = 0;
    ASSERT_OK(ops->number(be, 3, x));
    ASSERT_OK(ops->copy_out(be, &value, x, sizeof value));
    ck_assert_float_eq(value, 3);
    gan__workspace_free(ctx, x);
}
END_TEST

START_TEST(what_is_copied_in_is_the_callers_again)
{
    enum { N = 50, LARGE = 100000 };
    int *device = allocate(N * sizeof(int)), value, all[N];
    for (value = 0; value < N; value++)
        ASSERT_OK(ops->copy_in(be, device + value, &value, sizeof value));
    ASSERT_OK(ops->copy_out(be, all, device, sizeof all));
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(all[i], i);

    int *large = malloc(LARGE * sizeof *large), *there = allocate(LARGE * sizeof *large);
    int *again = allocate(LARGE * sizeof *large);
    for (int i = 0; i < LARGE; i++)
        large[i] = 3 * i;
    ASSERT_OK(ops->copy_in(be, there, large, LARGE * sizeof *large));
    memset(large, 0, LARGE * sizeof *large);
    ASSERT_OK(ops->copy(be, again, there, LARGE * sizeof *large));
    ASSERT_OK(ops->copy_out(be, large, again, LARGE * sizeof *large));
    for (int i = 0; i < LARGE; i++)
        ck_assert_int_eq(large[i], 3 * i);
    ASSERT_OK(ops->copy_in(be, there, NULL, 0));
    ASSERT_OK(ops->copy(be, there, NULL, 0));
    free(large);
    gan__workspace_free(ctx, again);
    gan__workspace_free(ctx, there);
    gan__workspace_free(ctx, device);
}
END_TEST

/* ---- batches ---- */

START_TEST(batches_arrive_in_order)
{
    enum { ROUNDS = 40, MOST = 50000 };
    int *results = allocate(ROUNDS * 2 * sizeof(int)), *host = malloc(MOST * sizeof *host), all[ROUNDS][2];
    for (int i = 0; i < ROUNDS; i++) {
        int n = 1 + (i * 7919) % MOST; /* up and down, past every capacity */
        const void *device;
        for (int j = 0; j < n; j++)
            host[j] = i + j;
        ASSERT_OK(ops->upload(be, host, (size_t)n * sizeof *host, &device));
        ASSERT_OK(ops->copy(be, results + 2 * i, device, sizeof *host));
        ASSERT_OK(ops->copy(be, results + 2 * i + 1, (const int *)device + n - 1, sizeof *host));
        ASSERT_OK(ops->upload_done(be, device));
    }
    ASSERT_OK(ops->copy_out(be, all, results, sizeof all));
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(all[i][0], i);
        ck_assert_int_eq(all[i][1], i + (i * 7919) % MOST);
    }
    free(host);
    gan__workspace_free(ctx, results);
}
END_TEST

START_TEST(several_batches_may_be_on_the_device)
{
    const void *device[4], *fifth = NULL;
    int value;
    for (value = 0; value < 4; value++)
        ASSERT_OK(ops->upload(be, &value, sizeof value, &device[value]));
    ASSERT_FAILS(ops->upload(be, &value, sizeof value, &fifth), GAN_ERROR_STATE, "4 batches are on the device");
    ck_assert_ptr_null(fifth);
    for (int i = 3; i >= 0; i--) {
        ASSERT_OK(ops->copy_out(be, &value, device[i], sizeof value));
        ck_assert_int_eq(value, i);
        ASSERT_OK(ops->upload_done(be, device[i]));
        ASSERT_FAILS(ops->upload_done(be, device[i]), GAN_ERROR_ARGUMENT, "no uploaded batch");
    }
    ASSERT_OK(ops->upload(be, NULL, 0, &fifth));
    ck_assert_ptr_nonnull(fifth);
    ASSERT_OK(ops->upload_done(be, fifth));
}
END_TEST

/* ---- readings ---- */

START_TEST(a_reading_is_of_its_moment)
{
    enum { N = 10 };
    float *x = allocate(sizeof *x);
    gan__reading *readings[N];
    const void *value;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            ASSERT_OK(ops->number(be, (float)(round * N + i), x));
            ASSERT_OK(ops->read_begin(be, x, sizeof *x, &readings[i]));
        }
        ASSERT_OK(ops->number(be, -1, x));
        for (int i = N - 1; i >= 0; i--) {
            ASSERT_OK(ops->read_value(be, readings[i], true, &value));
            ck_assert_float_eq(*(const float *)value, (float)(round * N + i));
            ASSERT_OK(ops->read_value(be, readings[i], false, &value));
            ck_assert_ptr_nonnull(value); /* since it has come */
            ops->read_free(be, readings[i]);
        }
    }
    ops->read_free(be, NULL);
    gan__workspace_free(ctx, x);
}
END_TEST

START_TEST(a_reading_does_not_wait)
{
    float *x = allocate(sizeof *x);
    gan__reading *reading, *large;
    const void *value = x;
    ASSERT_OK(ops->number(be, 5, x));
    ASSERT_OK(ops->read_begin(be, x, sizeof *x, &reading));
    ASSERT_OK(ops->read_value(be, reading, false, &value));
    ck_assert_ptr_null(value);
    ops->read_free(be, reading); /* before it has come; the next one takes its place */
    ASSERT_OK(ops->number(be, 6, x));
    ASSERT_OK(ops->read_begin(be, x, sizeof *x, &reading));
    ASSERT_OK(ops->read_value(be, reading, true, &value));
    ck_assert_float_eq(*(const float *)value, 6);
    float *many = allocate(100000);
    ASSERT_OK(ops->read_begin(be, many, 100000, &large));
    ASSERT_OK(ops->read_value(be, large, true, &value));
    ck_assert_ptr_nonnull(value);
    ops->read_free(be, large);
    ops->read_free(be, reading);
    gan__workspace_free(ctx, many);
    gan__workspace_free(ctx, x);
}
END_TEST

START_TEST(a_wrong_index_is_told_once)
{
    float *table = allocate(6 * sizeof *table), *out = allocate(4 * sizeof *out), host[4];
    int32_t *index = allocate(2 * sizeof *index);
    const void *value;
    gan__reading *reading;
    ASSERT_OK(ops->copy_in(be, table, (const float[]){1, 2, 3, 4, 5, 6}, 6 * sizeof *table));
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(ops->copy_in(be, index, (const int32_t[]){1, 7}, 2 * sizeof *index));
        ASSERT_OK(ops->gather_rows(be, table, 3, 2, index, 2, out));
        if (i == 0) {
            ASSERT_FAILS(ops->copy_out(be, host, out, sizeof host), GAN_ERROR_ARGUMENT, "index 7 is outside [0, 3)");
        } else {
            ASSERT_OK(ops->synchronize(be)); /* the allocator's: it must not swallow the error */
            ASSERT_OK(ops->read_begin(be, out, sizeof host, &reading));
            ASSERT_FAILS(ops->read_value(be, reading, true, &value), GAN_ERROR_ARGUMENT, "index 7 is outside [0, 3)");
            ck_assert_ptr_null(value);
            ops->read_free(be, reading);
        }
        ASSERT_OK(ops->copy_in(be, index, (const int32_t[]){2, 0}, 2 * sizeof *index));
        ASSERT_OK(ops->gather_rows(be, table, 3, 2, index, 2, out));
        ASSERT_OK(ops->copy_out(be, host, out, sizeof host));
        ck_assert_mem_eq(host, ((const float[]){5, 6, 1, 2}), sizeof host);
    }
    gan__workspace_free(ctx, index);
    gan__workspace_free(ctx, out);
    gan__workspace_free(ctx, table);
}
END_TEST

/* ---- captured steps ---- */

/* A step: numbers drawn, a number of the host's, an optimizer's step with the numbers as its gradient. */
typedef struct step_memory {
    float *p, *m, *v, *drawn, *number;
} step_memory;

enum { WIDTH = 10 };

static step_memory step_memory_new(void)
{
    float zero[5 * WIDTH] = {0}, *all = allocate(sizeof zero);
    ASSERT_OK(ops->copy_in(be, all, zero, sizeof zero));
    return (step_memory){all, all + WIDTH, all + 2 * WIDTH, all + 3 * WIDTH, all + 4 * WIDTH};
}

static gan__update_args update_args(int t)
{
    return (gan__update_args){GAN__UPDATE_ADAM, 0.1 / t, 0.5, 0.9, 1e-8, t};
}

static void step(const step_memory *s, uint64_t counter, float number, const gan__update_args *args)
{
    gan__update update = {s->p, s->m, s->v, s->drawn, WIDTH};
    ASSERT_OK(ops->random(be, GAN__RANDOM_NORMAL, 1, 2, counter, 0, 1, WIDTH, s->drawn));
    ASSERT_OK(ops->number(be, number, s->number));
    ASSERT_OK(ops->update(be, args, &update, 1));
}

START_TEST(a_replayed_step_is_the_step)
{
    enum { STEPS = 20 };
    step_memory eager = step_memory_new(), captured = step_memory_new();
    float *results = allocate(2 * STEPS * 5 * WIDTH * sizeof *results);
    static float host[2][STEPS][5 * WIDTH];
    gan__graph *graph;
    for (int t = 1; t <= STEPS; t++) {
        gan__update_args args = update_args(t);
        step(&eager, (uint64_t)t * 3, (float)t, &args);
        ASSERT_OK(ops->copy(be, results + (t - 1) * 5 * WIDTH, eager.p, sizeof host[0][0]));
    }
    gan__update_args first = update_args(1);
    ASSERT_OK(ops->capture_begin(be));
    step(&captured, 0, 1, &first);
    ASSERT_OK(ops->capture_end(be, &graph));
    for (int t = 1; t <= STEPS; t++) { /* further than the ring of launches */
        gan__update_args args = update_args(t);
        float number = (float)t;
        gan__replay replay = {
            .random_shift = (uint64_t)t * 3, .update = &args, .number = &number, .n_updates = 1, .n_numbers = 1};
        ASSERT_OK(ops->graph_launch(be, graph, &replay));
        ASSERT_OK(ops->copy(be, results + (STEPS + t - 1) * 5 * WIDTH, captured.p, sizeof host[0][0]));
    }
    ops->graph_destroy(be, graph); /* its launches are finished first */
    ASSERT_OK(ops->copy_out(be, host, results, sizeof host));
    ck_assert_float_eq(host[0][6][4 * WIDTH], 7);
    ck_assert_float_ne(host[0][STEPS - 1][0], 0);
    for (int t = 0; t < STEPS; t++)
        ck_assert_msg(memcmp(host[0][t], host[1][t], sizeof host[0][t]) == 0, "step %d differs", t + 1);
    gan__workspace_free(ctx, results);
    gan__workspace_free(ctx, captured.p);
    gan__workspace_free(ctx, eager.p);
}
END_TEST

START_TEST(what_waits_is_refused_while_capturing)
{
    float *x = allocate(sizeof *x), value = 2;
    const void *device = NULL;
    gan__reading *reading = NULL;
    gan__graph *graph, *other;
    gan__replay none = {0};
    ASSERT_FAILS(ops->capture_end(be, &graph), GAN_ERROR_STATE, "no step is being captured");
    ASSERT_OK(ops->capture_begin(be));
    ASSERT_OK(ops->copy(be, x, x, 0));
    ASSERT_OK(ops->capture_end(be, &graph));
    ASSERT_OK(ops->capture_begin(be));
    ASSERT_FAILS(ops->capture_begin(be), GAN_ERROR_STATE, "already");
    ASSERT_FAILS(ops->copy_in(be, x, &value, sizeof value), GAN_ERROR_STATE,
                 "the step brings values from the host, so it cannot be captured");
    ASSERT_FAILS(ops->copy_out(be, &value, x, sizeof value), GAN_ERROR_STATE, "reads a value");
    ASSERT_FAILS(ops->read_begin(be, x, sizeof value, &reading), GAN_ERROR_STATE, "reads a value");
    ASSERT_FAILS(ops->synchronize(be), GAN_ERROR_STATE, "waits for the device");
    ASSERT_FAILS(ops->upload(be, &value, sizeof value, &device), GAN_ERROR_STATE, "brings a batch");
    ASSERT_FAILS(ops->graph_launch(be, graph, &none), GAN_ERROR_STATE, "replays another");
    ops->graph_destroy(be, graph); /* of another step: allowed */
    ASSERT_OK(ops->number(be, 9, x));
    ASSERT_OK(ops->capture_end(be, &other)); /* none of this has spoilt it */
    ASSERT_OK(ops->graph_launch(be, other, &(gan__replay){.number = &(float){4}, .n_numbers = 1}));
    ASSERT_OK(ops->copy_out(be, &value, x, sizeof value));
    ck_assert_float_eq(value, 4);
    ASSERT_FAILS(ops->graph_launch(be, other, &none), GAN_ERROR_ARGUMENT,
                 "has 0 updates and 1 numbers, but 0 and 0 are given");
    ops->graph_destroy(be, other);
    gan__workspace_free(ctx, x);
}
END_TEST

START_TEST(a_capture_can_be_thrown_away)
{
    float *x = allocate(sizeof *x), value = 0;
    gan__graph *graph;
    ASSERT_OK(ops->number(be, 1, x));
    ASSERT_OK(ops->capture_begin(be));
    ASSERT_OK(ops->number(be, 2, x)); /* not run */
    ASSERT_OK(ops->capture_end(be, NULL));
    ASSERT_OK(ops->copy_out(be, &value, x, sizeof value));
    ck_assert_float_eq(value, 1);
    ASSERT_OK(ops->capture_begin(be));
    for (int i = 0; i < GAN__REPLAY_NUMBERS; i++)
        ASSERT_OK(ops->number(be, 3, x));
    ASSERT_FAILS(ops->number(be, 3, x), GAN_ERROR_LIMIT, "64 numbers");
    gan__update_args args = update_args(1);
    for (int i = 0; i < GAN__REPLAY_UPDATES; i++)
        ASSERT_OK(ops->update(be, &args, &(gan__update){x, x, x, x, 1}, 1));
    ASSERT_FAILS(ops->update(be, &args, &(gan__update){x, x, x, x, 1}, 1), GAN_ERROR_LIMIT, "64 times");
    ASSERT_OK(ops->capture_end(be, &graph));
    ops->graph_destroy(be, graph);
    ASSERT_OK(ops->capture_begin(be)); /* open when the context goes */
    gan__workspace_free(ctx, x);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda_runtime");
    TCase *opening = tcase_create("opening"), *t = tcase_create("runtime");
    if (emulated) {
        tcase_add_test(opening, a_device_that_is_not_there_is_refused);
        tcase_add_test(opening, a_device_that_is_there_is_described);
        tcase_add_test(t, a_reading_does_not_wait); /* a device may be quicker than we are */
        suite_add_tcase(s, opening);
    }
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, memory_that_is_not_there_is_told_in_numbers);
    tcase_add_test(t, what_is_copied_in_is_the_callers_again);
    tcase_add_test(t, batches_arrive_in_order);
    tcase_add_test(t, several_batches_may_be_on_the_device);
    tcase_add_test(t, a_reading_is_of_its_moment);
    tcase_add_test(t, a_wrong_index_is_told_once);
    tcase_add_test(t, a_replayed_step_is_the_step);
    tcase_add_test(t, what_waits_is_refused_while_capturing);
    tcase_add_test(t, a_capture_can_be_thrown_away);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    emulated = !getenv("GAN_CUDA_LIBRARY");
    setenv("GAN_CUDA_LIBRARY", EMULATED_LIBRARY, 0);
    return test_main(suite());
}
