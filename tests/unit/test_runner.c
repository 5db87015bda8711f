/*
 * Steps through a runner, and batches through a feed: recorded steps give the bits of steps that are run as they are.
 *
 * On the device GAN_TEST_DEVICE (the CPU if it is not set, which records nothing).
 */
#include "../support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan/autograd.h>

enum { BATCH = 6, WIDTH = 5, CLASSES = 3, ITERATIONS = 14, VALUES = 8 * ITERATIONS };

/* A model that has something of all that a replay must take along. */
typedef struct toy {
    gan_model base;
    gan_layer *d, *g;
    gan_optimizer *d_optim, *g_optim;
    gan_tensor *left; /* by d_step for g_step */
    double noise;     /* of the host's */
    int64_t d_calls;  /* of prepare */
    bool reads;       /* g_step reads a value */
} toy;

static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    toy *m = (toy *)base;
    gan_context *ctx = base->ctx;
    gan_tensor *x = gan_reshape(batch->images, GAN_SHAPE(BATCH, WIDTH));
    gan_tensor *noise = gan_mul(gan_randn(ctx, GAN_SHAPE(BATCH, WIDTH)), gan_number(ctx, &m->noise));
    gan_tensor *score = gan_forward(m->d, gan_add(x, noise));
    gan_tensor *loss = gan_mean(gan_square(gan_sub(score, gan_one_hot(batch->labels, CLASSES))));
    gan_release(m->left);
    m->left = gan_keep(gan_detach(gan_add(gan_forward(m->g, gan_rand(ctx, GAN_SHAPE(BATCH, 2), -1, 1)), noise)));
    if (m->d_calls % 3 == 0) /* as regularization in every third step */
        loss = gan_add(loss, gan_mean(gan_square(gan_forward(m->d, m->left))));
    gan_minimize(m->d_optim, loss);
    gan_metric(out, "d_loss", loss);
    gan_metric(out, "noise", gan_number(ctx, &m->noise));
    return gan_status_of(ctx);
}

static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    toy *m = (toy *)base;
    (void)batch;
    gan_tensor *z = gan_slice(m->left, 1, 0, 2);
    gan_tensor *loss = gan_neg(gan_mean(gan_forward(m->d, gan_forward(m->g, z))));
    if (m->reads && gan_item(loss) > 1e30f)
        loss = gan_neg(loss);
    gan_minimize(m->g_optim, loss);
    gan_metric(out, "g_loss", loss);
    return gan_status_of(base->ctx);
}

static uint64_t prepare(gan_model *base, gan_step_kind kind, const gan_batch *batch)
{
    toy *m = (toy *)base;
    (void)batch;
    if (kind == GAN_STEP_GENERATOR)
        return 0;
    m->noise = 0.1 / (double)++m->d_calls;
    return m->d_calls % 3 == 0;
}

static toy *toy_new(gan_context *ctx)
{
    toy *m = gan_model_new(ctx, sizeof *m);
    m->d = gan_sequential(ctx, NULL);
    gan_nn_linear(m->d, WIDTH, 8, NULL);
    gan_nn_tanh(m->d);
    gan_nn_linear(m->d, 8, 3, NULL);
    m->g = gan_sequential(ctx, NULL);
    gan_nn_linear(m->g, 2, WIDTH, NULL);
    m->d_optim = gan_adam(ctx, (gan_adam_args){.lr = 0.05, .beta1 = 0.5, .beta2 = 0.9});
    m->g_optim = gan_rmsprop(ctx, (gan_rmsprop_args){.lr = 0.01});
    gan_optimizer_add(m->d_optim, m->d);
    gan_optimizer_add(m->g_optim, m->g);
    gan_model_network(&m->base, "d", m->d, GAN_ROLE_DISCRIMINATOR);
    gan_model_network(&m->base, "g", m->g, GAN_ROLE_GENERATOR);
    gan_model_optimizer(&m->base, "d_optim", m->d_optim);
    gan_model_optimizer(&m->base, "g_optim", m->g_optim);
    return m;
}

static void toy_free(toy *m)
{
    gan_release(m->left);
    gan_model_free(&m->base);
}

/* ---- batches ---- */

static const gan_data_info bytes = {
    .count = 100, .height = 1, .width = WIDTH, .channels = 1, .classes = CLASSES, .scaled = true};

/* Different in each step. */
static gan_host_batch host_batch(int step, int64_t n)
{
    static uint8_t pixels[2 * BATCH * WIDTH];
    static int32_t labels[2 * BATCH];
    for (int i = 0; i < n * WIDTH; i++)
        pixels[i] = (uint8_t)(step * 37 + i * 11);
    for (int i = 0; i < n; i++)
        labels[i] = (step + i) % CLASSES;
    return (gan_host_batch){.n = n, .pixels = pixels, .labels = labels};
}

static gan_context *ctx;

static void setup(void)
{
    ctx = test_context_open(1, 7);
}

static void teardown(void)
{
    test_context_close(ctx);
}

START_TEST(a_feed_brings_batches_into_the_same_tensors)
{
    gan_feed *feed = gan_feed_create(ctx, &bytes);
    gan_batch batch;
    const gan_tensor *first = NULL;
    for (int step = 0; step < 12; step++) {
        int64_t n = step < 10 ? BATCH : 2 * BATCH; /* larger ones in the end */
        gan_host_batch host = host_batch(step, n);
        float images[2 * BATCH * WIDTH];
        int32_t labels[2 * BATCH];
        ck_assert_int_eq(gan_feed_batch(feed, &host, &batch), GAN_OK);
        ck_assert_int_eq(batch.n, n);
        first = step == 0 ? batch.images : first;
        ck_assert(step >= 10 || batch.images == first);
        ck_assert_int_eq(gan_read_f32(batch.images, images), GAN_OK);
        ck_assert_int_eq(gan_read_i32(batch.labels, labels), GAN_OK);
        for (int64_t i = 0; i < n * WIDTH; i++)
            ck_assert_float_eq_tol(images[i], (float)((const uint8_t *)host.pixels)[i] / 127.5f - 1.0f, 1e-6f);
        for (int64_t i = 0; i < n; i++)
            ck_assert_int_eq(labels[i], host.labels[i]);
    }
    gan_host_batch none = host_batch(0, 0);
    ck_assert_int_eq(gan_feed_batch(feed, &none, &batch), GAN_ERROR_ARGUMENT);
    gan_feed_destroy(feed);
}
END_TEST

/* Of `step` and another one. */
static void expect_pair(const gan_batch *batch, int step, int other)
{
    float images[2][BATCH * WIDTH];
    int32_t labels[BATCH];
    ck_assert_int_eq(batch->n, BATCH);
    ck_assert_int_eq(gan_read_f32(batch->images, images[0]), GAN_OK);
    ck_assert_int_eq(gan_read_f32(batch->images_b, images[1]), GAN_OK);
    ck_assert_int_eq(gan_read_i32(batch->labels, labels), GAN_OK);
    for (int domain = 0; domain < 2; domain++) {
        gan_host_batch host = host_batch(domain == 0 ? step : other, BATCH);
        for (int i = 0; i < BATCH * WIDTH; i++)
            ck_assert_float_eq_tol(images[domain][i], (float)((const uint8_t *)host.pixels)[i] / 127.5f - 1.0f, 1e-6f);
        for (int i = 0; i < BATCH && domain == 0; i++)
            ck_assert_int_eq(labels[i], host.labels[i]);
    }
}

START_TEST(a_feed_brings_two_domains_into_the_same_tensors)
{
    gan_feed *feed = gan_feed_create(ctx, &bytes);
    gan_batch batch;
    const gan_tensor *first[2] = {NULL, NULL};
    static uint8_t pixels[BATCH * WIDTH];
    gan_host_batch a, b;
    for (int step = 0; step < 6; step++) {
        b = host_batch(100 + step, BATCH); /* whose labels are not looked at */
        memcpy(pixels, b.pixels, sizeof pixels);
        b.pixels = pixels;
        b.labels = step % 2 ? NULL : b.labels;
        a = host_batch(step, BATCH);
        ck_assert_msg(gan_feed_pair(feed, &a, &b, &batch) == GAN_OK, "%s", gan_status_message(ctx));
        if (step == 0)
            first[0] = batch.images, first[1] = batch.images_b;
        ck_assert(batch.images == first[0] && batch.images_b == first[1]);
        expect_pair(&batch, step, 100 + step);
    }
    b.n = BATCH - 1;
    ck_assert_int_eq(gan_feed_pair(feed, &a, &b, &batch), GAN_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(gan_status_message(ctx), "6 samples of the first domain and 5 of the second"));
    gan_clear_status(ctx);
    ck_assert_int_eq(gan_feed_batch(feed, &a, &batch), GAN_OK); /* and of one again */
    ck_assert_ptr_null(batch.images_b);
    b.n = BATCH;
    a = host_batch(5, BATCH);
    ck_assert_int_eq(gan_feed_pair(feed, &a, &b, &batch), GAN_OK);
    expect_pair(&batch, 5, 105);
    gan_feed_destroy(feed);
}
END_TEST

/* ---- steps ---- */

typedef struct record {
    double value[VALUES];
    int n;
    float weight[8 * WIDTH];
    int graphs;
    char note[200];
    size_t peak;
} record;

static void take(const char *name, double value, void *user)
{
    record *r = user;
    (void)name;
    ck_assert_int_lt(r->n, VALUES);
    ck_assert(isfinite(value));
    r->value[r->n++] = value;
}

static void run(bool graphs, bool reads, record *r)
{
    *r = (record){0};
    gan_random_set(ctx, (gan_random_state){.seed = 7});
    toy *m = toy_new(ctx);
    m->reads = reads;
    gan_runner_options options = {
        .struct_size = sizeof options, .d_step = d_step, .g_step = g_step, .prepare = prepare, .no_graphs = !graphs};
    gan_runner *runner = gan_runner_create(&m->base, &options);
    gan_feed *feed = gan_feed_create(ctx, &bytes);
    gan_metrics *metrics = gan_metrics_create();
    ck_assert_ptr_nonnull(runner);
    for (int i = 0; i < ITERATIONS; i++) {
        for (int last = 0; last < 2; last++) { /* two steps of the discriminator's each */
            gan_host_batch host = host_batch(2 * i + last, BATCH);
            gan_batch batch;
            ck_assert_int_eq(gan_feed_batch(feed, &host, &batch), GAN_OK);
            gan_optimizer_scale_lr(m->d_optim, 1.0 - 0.05 * i);
            ck_assert_msg(gan_runner_step(runner, GAN_STEP_DISCRIMINATOR, last, &batch, metrics) == GAN_OK, "%s",
                          gan_status_message(ctx));
            if (last)
                ck_assert_msg(gan_runner_step(runner, GAN_STEP_GENERATOR, true, &batch, metrics) == GAN_OK, "%s",
                              gan_status_message(ctx));
        }
        gan_metrics_poll(metrics, take, r);
        gan_scope_begin(ctx); /* other work in between, which must not touch what recorded steps keep */
        gan_tensor *other = gan_full(ctx, GAN_SHAPE(1000), 1e30f);
        ck_assert(!gan_is_poison(gan_forward(m->g, gan_reshape(other, GAN_SHAPE(500, 2)))));
        gan_scope_end(ctx, NULL);
    }
    gan_metrics_collect(metrics, take, r);
    ck_assert_int_eq(gan_optimizer_steps(m->d_optim), 2 * ITERATIONS);
    ck_assert_int_eq(gan_optimizer_steps(m->g_optim), ITERATIONS);
    ck_assert_int_eq(gan_read_f32(gan_layer_find(m->d, "0.weight"), r->weight), GAN_OK);
    r->graphs = gan_runner_graphs(runner);
    snprintf(r->note, sizeof r->note, "%s", gan_runner_note(runner));
    gan_metrics_destroy(metrics);
    gan_runner_destroy(runner);
    gan_feed_destroy(feed);
    toy_free(m);
}

static bool records(void)
{
    return strncmp(gan_context_device(ctx), "CPU", 3) != 0;
}

static void expect_same(const record *a, const record *b)
{
    ck_assert_int_eq(a->n, 5 * ITERATIONS);
    ck_assert_int_eq(a->n, b->n);
    for (int i = 0; i < a->n; i++)
        ck_assert_msg(a->value[i] == b->value[i], "value %d is %.9g and %.9g", i, a->value[i], b->value[i]);
    ck_assert_mem_eq(a->weight, b->weight, sizeof a->weight);
}

START_TEST(recorded_steps_give_the_same_bits)
{
    record plain, recorded;
    run(false, false, &plain);
    run(true, false, &recorded);
    ck_assert_int_eq(plain.graphs, 0);
    ck_assert_str_eq(plain.note, "");
    ck_assert_str_eq(recorded.note, "");
    ck_assert_int_eq(recorded.graphs, records() ? 4 : 0); /* with and without the extra term, d's and g's */
    expect_same(&plain, &recorded);
}
END_TEST

START_TEST(a_step_that_reads_is_run_as_it_is)
{
    record plain, recorded;
    run(false, true, &plain);
    run(true, true, &recorded);
    ck_assert_int_eq(recorded.graphs, 0);
    ck_assert(!records() == !*recorded.note);
    if (records())
        ck_assert_msg(strstr(recorded.note, "reads a value"), "%s", recorded.note);
    ck_assert_int_eq(plain.n, recorded.n);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("runner");
    TCase *t = tcase_create("steps");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_feed_brings_batches_into_the_same_tensors);
    tcase_add_test(t, a_feed_brings_two_domains_into_the_same_tensors);
    tcase_add_test(t, recorded_steps_give_the_same_bits);
    tcase_add_test(t, a_step_that_reads_is_run_as_it_is);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
