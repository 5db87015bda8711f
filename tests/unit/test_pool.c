/*
 * Pools of generated images, against a list in plain C: the same bits, through restored states and recorded steps too.
 *
 * On the device GAN_TEST_DEVICE (the CPU if it is not set, which records nothing).
 */
#include "../support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

enum { HEIGHT = 2, WIDTH = 3, CHANNELS = 2, IMAGE = HEIGHT * WIDTH * CHANNELS, SEED = 7 };

static gan_context *ctx;

static void setup(void)
{
    ctx = test_context_open(1, SEED);
}

static void teardown(void)
{
    test_context_close(ctx);
}

/* ---- the definition ---- */

typedef struct list {
    uint64_t seed, stream;
    int64_t size, count, drawn;
    float image[50][IMAGE];
} list;

static list *list_new(uint64_t seed, const char *name, int64_t size)
{
    list *l = calloc(1, sizeof *l);
    ck_assert(l && size <= 50);
    *l = (list){.seed = seed, .stream = 14695981039346656037u, .size = size};
    for (; *name; name++)
        l->stream = (l->stream ^ (uint8_t)*name) * 1099511628211u;
    l->stream |= 0x8000000000000000u;
    return l;
}

/* `image` becomes what is given for it. */
static void list_exchange(list *l, float *image)
{
    uint32_t word[4];
    float old[IMAGE];
    gan_philox(l->seed, l->stream, (uint64_t)l->drawn++, word);
    if (l->count < l->size)
        memcpy(l->image[l->count++], image, sizeof old);
    else if (l->size > 0 && word[0] >> 31) {
        int64_t slot = (int64_t)((uint64_t)word[1] * (uint64_t)l->size >> 32);
        memcpy(old, l->image[slot], sizeof old);
        memcpy(l->image[slot], image, sizeof old);
        memcpy(image, old, sizeof old);
    }
}

/* ---- pools ---- */

typedef struct pooling {
    gan_model base;
    gan_pool *pool;
} pooling;

static pooling *pooling_new(const char *name, int64_t size, int64_t batch)
{
    pooling *m = gan_model_new(ctx, sizeof *m);
    ck_assert_ptr_nonnull(m);
    m->pool = gan_pool_create(&m->base, name, size, batch, HEIGHT, WIDTH, CHANNELS);
    ck_assert_msg(m->pool != NULL, "%s", gan_status_message(ctx));
    return m;
}

static void pooling_free(pooling *m)
{
    gan_pool_destroy(m->pool);
    gan_model_free(&m->base);
}

/* Images that no others are like, of any bits. */
static void make_images(int64_t first, int64_t n, float *out)
{
    static const float special[] = {-0.0f, 1e-40f, INFINITY, NAN};
    for (int64_t i = 0; i < n * IMAGE; i++)
        out[i] = i % IMAGE == 5 ? special[(first + i) % 4] : (float)(first * IMAGE + i) / 3.0f;
}

static gan_shape shape_of(int64_t n)
{
    return GAN_SHAPE(n, HEIGHT, WIDTH, CHANNELS);
}

static void exchange(pooling *m, int64_t n, float *images)
{
    gan_scope_begin(ctx);
    gan_pool_draw(m->pool, n);
    gan_tensor *given = gan_pool_exchange(m->pool, gan_from_f32(ctx, shape_of(n), images));
    ck_assert_msg(gan_status_of(ctx) == GAN_OK, "%s", gan_status_message(ctx));
    ck_assert(gan_shape_equal(gan_shape_of(given), shape_of(n)));
    ck_assert_int_eq(gan_read_f32(given, images), GAN_OK);
    gan_scope_end(ctx, NULL);
}

/* `steps` batches of 1 to 5 images to a pool and to the list. */
static void compare(pooling *m, list *l, int steps)
{
    for (int step = 0; step < steps; step++) {
        int64_t n = (l->drawn + step) % 5 + 1;
        float got[5 * IMAGE], want[5 * IMAGE] = {0};
        make_images(l->drawn, n, want);
        memcpy(got, want, sizeof got);
        for (int64_t i = 0; i < n; i++)
            list_exchange(l, want + i * IMAGE);
        exchange(m, n, got);
        ck_assert_msg(!memcmp(got, want, (size_t)n * IMAGE * sizeof(float)), "size %d, step %d: other images",
                      (int)l->size, step);
    }
}

START_TEST(exchanges_are_those_of_a_list)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 50};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        pooling *m = pooling_new("fakes_a", sizes[i], 5);
        list *l = list_new(SEED, "fakes_a", sizes[i]);
        compare(m, l, 60);
        free(l);
        pooling_free(m);
    }
}
END_TEST

/* As in scripts/golden_random.py. */
START_TEST(a_pool_gives_the_known_images)
{
    static const int known[24] = {0, 1, 2, 3, 4, 1, 6, 5, 8, 2, 10, 11, 3, 9, 13, 15, 14, 12, 17, 7, 20, 21, 22, 23};
    gan_random_set(ctx, (gan_random_state){.seed = UINT64_MAX});
    pooling *m = pooling_new("fakes_b", 5, 24);
    float images[24 * IMAGE];
    for (int i = 0; i < 24 * IMAGE; i++)
        images[i] = (float)(i / IMAGE);
    exchange(m, 24, images); /* all of them in one batch */
    for (int i = 0; i < 24 * IMAGE; i++)
        ck_assert_int_eq((int)images[i], known[i / IMAGE]);
    ck_assert_uint_eq(gan_random_get(ctx).counter, 0); /* other draws do not notice */
    pooling_free(m);
}
END_TEST

START_TEST(half_of_the_images_are_exchanged_and_slots_are_chosen_evenly)
{
    enum { SIZE = 20, IMAGES = 2000 };
    pooling *m = pooling_new("fakes_a", SIZE, IMAGES), *other = pooling_new("fakes_b", SIZE, IMAGES);
    static float images[2][IMAGES * IMAGE];
    for (int i = 0; i < 2 * IMAGES * IMAGE; i++)
        images[i / (IMAGES * IMAGE)][i % (IMAGES * IMAGE)] = (float)(i / IMAGE % IMAGES);
    exchange(m, IMAGES, images[0]);
    exchange(other, IMAGES, images[1]);
    int holds[SIZE], chosen[SIZE] = {0}, exchanged = 0, alike = 0;
    for (int i = 0; i < IMAGES; i++) {
        int given = (int)images[0][i * IMAGE], slot = 0;
        alike += given == (int)images[1][i * IMAGE];
        if (i < SIZE) {
            ck_assert_int_eq(given, i);
            holds[i] = i;
        }
        if (given == i)
            continue;
        while (slot < SIZE && holds[slot] != given)
            slot++;
        ck_assert_msg(slot < SIZE, "image %d was not in the pool", given);
        holds[slot] = i;
        chosen[slot]++;
        exchanged++;
    }
    ck_assert_msg(exchanged > 880 && exchanged < 1100, "%d of 1980 were exchanged", exchanged);
    for (int slot = 0; slot < SIZE; slot++) /* 50 each, give or take 7 */
        ck_assert_msg(chosen[slot] > 15 && chosen[slot] < 90, "slot %d was chosen %d times", slot, chosen[slot]);
    ck_assert_int_lt(alike, IMAGES / 2); /* given back by both: a quarter */
    pooling_free(m);
    pooling_free(other);
}
END_TEST

START_TEST(images_have_no_gradient_and_come_in_f32)
{
    pooling *m = pooling_new("fakes", 1, 1), *none = pooling_new("none", 0, 1);
    gan_tensor *x = gan_variable(gan_full(ctx, shape_of(1), 0.25f));
    gan_tensor *images = gan_scale(x, 2.0f);
    gan_pool_draw(m->pool, 1);
    ck_assert(gan_requires_grad(images));
    ck_assert(!gan_requires_grad(gan_pool_exchange(m->pool, images)));
    ck_assert(!gan_requires_grad(gan_pool_exchange(none->pool, images)));
    gan_pool_draw(m->pool, 1);
    gan_tensor *given = gan_pool_exchange(m->pool, gan_cast(images, GAN_BF16));
    ck_assert_int_eq(gan_dtype_of(given), GAN_F32);
    ck_assert_float_eq(gan_item(gan_mean(given)), 0.5f);
    pooling_free(m);
    pooling_free(none);
}
END_TEST

/* ---- the model's state ---- */

typedef struct state {
    float images[50 * IMAGE];
    double drawn;
    bool restore;
    int slots;
} state;

static void visit_images(const char *name, gan_tensor *t, gan_slot_kind kind, gan_layout layout, void *user)
{
    state *s = user;
    ck_assert_str_eq(name, "fakes_a.images");
    ck_assert(kind == GAN_SLOT_STATE && layout == GAN_LAYOUT_PLAIN);
    ck_assert(gan_shape_equal(gan_shape_of(t), shape_of(s->slots)));
    ck_assert_int_eq(s->restore ? gan_assign_f32(t, s->images) : gan_read_f32(t, s->images), GAN_OK);
}

static void visit_drawn(const char *name, double *number, void *user)
{
    state *s = user;
    ck_assert_str_eq(name, "fakes_a.drawn");
    *(s->restore ? number : &s->drawn) = *(s->restore ? &s->drawn : number);
}

START_TEST(a_restored_pool_goes_on_as_the_old_one)
{
    for (int steps = 2; steps < 60; steps += 23) { /* of not yet a full pool's, and of full ones */
        state s = {.slots = 20};
        pooling *m = pooling_new("fakes_a", s.slots, 5);
        list *l = list_new(SEED, "fakes_a", s.slots);
        compare(m, l, steps);
        gan_model_visit(&m->base, visit_images, visit_drawn, &s);
        ck_assert_double_eq(s.drawn, (double)l->drawn);
        ck_assert_mem_eq(s.images, l->image, (size_t)s.slots * IMAGE * sizeof(float));
        pooling_free(m);
        m = pooling_new("fakes_a", s.slots, 7); /* of other batches */
        s.restore = true;
        gan_model_visit(&m->base, visit_images, visit_drawn, &s);
        compare(m, l, 30);
        free(l);
        pooling_free(m);
    }
}
END_TEST

START_TEST(a_wrong_count_is_refused)
{
    static const double wrong[] = {NAN, -1, 0x1p53, INFINITY};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        state s = {.restore = true, .drawn = wrong[i]};
        pooling *m = pooling_new("fakes_a", 3, 5);
        gan_model_visit(&m->base, NULL, visit_drawn, &s);
        gan_pool_draw(m->pool, 1);
        ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_STATE);
        gan_clear_status(ctx);
        pooling_free(m);
    }
}
END_TEST

/* ---- recorded steps ---- */

enum { ITERATIONS = 12, LARGE = 80 };

/* Steps that are recorded; and that are not, since they read a value, or decide what becomes of images. */
typedef enum manner { ENQUEUES, READS, DRAWS } manner;

typedef struct trained {
    gan_model base;
    gan_pool *pool;
    gan_tensor *shown;
    manner manner;
} trained;

static gan_status d_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    trained *m = (trained *)base;
    if (m->manner == DRAWS)
        gan_pool_draw(m->pool, batch->n);
    gan_tensor *images = gan_pool_exchange(m->pool, batch->images);
    gan_assign(m->shown, images);
    if (m->manner == READS && gan_item(gan_sum(images)) > 1e30f)
        return GAN_ERROR_STATE;
    gan_metric(out, "shown", gan_mean(images));
    return gan_status_of(base->ctx);
}

static gan_status g_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    gan_metric(out, "generated", gan_mean(batch->images));
    return gan_status_of(base->ctx);
}

static uint64_t prepare(gan_model *base, gan_step_kind kind, const gan_batch *batch)
{
    trained *m = (trained *)base;
    if (kind == GAN_STEP_DISCRIMINATOR && m->manner != DRAWS)
        gan_pool_draw(m->pool, batch->n);
    return 0;
}

static void add_up(const char *name, double value, void *user)
{
    (void)name;
    *(double *)user += value;
}

/* Train with a runner, each step against the list. Returns the recorded steps. */
static int train(int64_t size, int64_t n, bool graphs, manner how)
{
    trained *m = gan_model_new(ctx, sizeof *m);
    list *l = list_new(SEED, "fakes", size);
    m->pool = gan_pool_create(&m->base, "fakes", size, n, HEIGHT, WIDTH, CHANNELS);
    m->shown = gan_keep(gan_zeros(ctx, shape_of(n)));
    m->manner = how;
    gan_runner_options options = {
        .struct_size = sizeof options, .d_step = d_step, .g_step = g_step, .prepare = prepare, .no_graphs = !graphs};
    gan_runner *runner = gan_runner_create(&m->base, &options);
    const gan_data_info info = {.count = 100, .height = HEIGHT, .width = WIDTH, .channels = CHANNELS};
    gan_feed *feed = gan_feed_create(ctx, &info);
    gan_metrics *metrics = gan_metrics_create();
    for (int i = 0; i < ITERATIONS; i++) {
        static float got[LARGE * IMAGE], want[LARGE * IMAGE];
        gan_batch batch;
        for (int64_t k = 0; k < n * IMAGE; k++)
            want[k] = (float)((l->drawn * IMAGE + k) % 1000);
        gan_host_batch host = {.n = n, .pixels = want};
        ck_assert_int_eq(gan_feed_batch(feed, &host, &batch), GAN_OK);
        for (int64_t k = 0; k < n; k++)
            list_exchange(l, want + k * IMAGE);
        for (int kind = 0; kind < 2; kind++)
            ck_assert_msg(gan_runner_step(runner, kind, true, &batch, metrics) == GAN_OK, "%s",
                          gan_status_message(ctx));
        ck_assert_int_eq(gan_read_f32(m->shown, got), GAN_OK);
        ck_assert_msg(!memcmp(got, want, (size_t)n * IMAGE * sizeof *got), "size %d, step %d: other images", (int)size,
                      i);
    }
    double sum = 0;
    ck_assert_int_eq(gan_metrics_collect(metrics, add_up, &sum), 2 * ITERATIONS);
    ck_assert(isfinite(sum));
    int recorded = gan_runner_graphs(runner);
    gan_metrics_destroy(metrics);
    gan_feed_destroy(feed);
    gan_runner_destroy(runner);
    gan_release(m->shown);
    gan_pool_destroy(m->pool);
    gan_model_free(&m->base);
    free(l);
    return recorded;
}

START_TEST(recorded_steps_exchange_the_same_images)
{
    bool records = strncmp(gan_context_device(ctx), "CPU", 3) != 0;
    static const int64_t sizes[] = {0, 2, 30}, batches[] = {1, 4, LARGE};
    for (int i = 0; i < 9; i++) {
        ck_assert_int_eq(train(sizes[i / 3], batches[i % 3], false, ENQUEUES), 0);
        ck_assert_int_eq(train(sizes[i / 3], batches[i % 3], true, ENQUEUES), records ? 2 : 0);
        ck_assert_int_eq(train(sizes[i / 3], batches[i % 3], true, READS), 0);
        if (sizes[i / 3] > 0)
            ck_assert_int_eq(train(sizes[i / 3], batches[i % 3], true, DRAWS), 0);
    }
}
END_TEST

/* ---- what is refused ---- */

START_TEST(an_exchange_needs_a_draw_of_as_many)
{
    pooling *m = pooling_new("fakes", 3, 5);
    gan_tensor *images = gan_zeros(ctx, shape_of(2));
    ck_assert(gan_is_poison(gan_pool_exchange(m->pool, images)));
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_STATE);
    gan_clear_status(ctx);
    gan_pool_draw(m->pool, 3);
    ck_assert(gan_is_poison(gan_pool_exchange(m->pool, images)));
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_STATE);
    ck_assert_msg(strstr(gan_status_message(ctx), "for 3 images, but 2 are given") != NULL, "%s",
                  gan_status_message(ctx));
    gan_clear_status(ctx);
    gan_pool_draw(m->pool, 2);
    ck_assert(!gan_is_poison(gan_pool_exchange(m->pool, images)));
    ck_assert(gan_is_poison(gan_pool_exchange(m->pool, images))); /* a draw is for one */
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_STATE);
    gan_clear_status(ctx);
    pooling_free(m);
}
END_TEST

static void expect_error(gan_status status)
{
    ck_assert_msg(gan_status_of(ctx) == status, "%s: %s", gan_status_name(gan_status_of(ctx)), gan_status_message(ctx));
    gan_clear_status(ctx);
}

START_TEST(other_images_and_batches_are_refused)
{
    pooling *m = pooling_new("fakes", 3, 5);
    const gan_shape wrong[] = {GAN_SHAPE(2, HEIGHT, WIDTH, 1), GAN_SHAPE(2, WIDTH, HEIGHT, CHANNELS),
                               GAN_SHAPE(2, IMAGE), GAN_SCALAR};
    gan_pool_draw(m->pool, 2);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert(gan_is_poison(gan_pool_exchange(m->pool, gan_zeros(ctx, wrong[i]))));
        expect_error(GAN_ERROR_SHAPE);
    }
    ck_assert(gan_is_poison(gan_pool_exchange(m->pool, gan_randint(ctx, shape_of(2), 9))));
    expect_error(GAN_ERROR_DTYPE);
    static const int64_t counts[] = {0, -1, 6, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        gan_pool_draw(m->pool, counts[i]);
        expect_error(GAN_ERROR_ARGUMENT);
    }
    ck_assert(!gan_is_poison(gan_pool_exchange(m->pool, gan_zeros(ctx, shape_of(2))))); /* it still can */
    gan_tensor *none = gan_pool_exchange(NULL, gan_full(ctx, GAN_SCALAR, 3.0f));
    ck_assert_float_eq(gan_item(none), 3.0f);
    gan_pool_draw(NULL, 1);
    gan_pool_destroy(NULL);
    ck_assert_int_eq(gan_status_of(ctx), GAN_OK);
    pooling_free(m);
}
END_TEST

START_TEST(pools_out_of_range_are_refused)
{
    static const struct {
        int64_t size, batch, height, width, channels;
        gan_status status;
    } wrong[] = {{-1, 1, 1, 1, 1, GAN_ERROR_ARGUMENT},
                 {(1 << 24) + 1, 1, 1, 1, 1, GAN_ERROR_ARGUMENT},
                 {1, 0, 1, 1, 1, GAN_ERROR_ARGUMENT},
                 {1, INT64_MAX, 1, 1, 1, GAN_ERROR_ARGUMENT},
                 {1, 1, 0, 1, 1, GAN_ERROR_ARGUMENT},
                 {1, 1, 1, INT64_MAX, 1, GAN_ERROR_ARGUMENT},
                 {1, 1, 1, 1, -3, GAN_ERROR_ARGUMENT},
                 {1, 1, 1 << 24, 1 << 24, 1 << 24, GAN_ERROR_ARGUMENT},
                 {1 << 24, 1 << 24, 1 << 20, 1 << 20, 3, GAN_ERROR_SHAPE}};
    const char long_name[] = "a_name_that_is_longer_than_any_part_of_a_dotted_name_should_be_in_files";
    gan_model *model = gan_model_new(ctx, sizeof *model);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_ptr_null(gan_pool_create(model, "fakes", wrong[i].size, wrong[i].batch, wrong[i].height,
                                           wrong[i].width, wrong[i].channels));
        expect_error(wrong[i].status);
    }
    ck_assert_ptr_null(gan_pool_create(model, long_name, 1, 1, 1, 1, 1));
    expect_error(GAN_ERROR_LIMIT);
    gan_pool *pool = gan_pool_create(model, "fakes", 1, 1, 1, 1, 1);
    ck_assert_ptr_nonnull(pool);
    ck_assert_ptr_null(gan_pool_create(model, "fakes", 1, 1, 1, 1, 1)); /* the name is taken */
    expect_error(GAN_ERROR_ARGUMENT);
    gan_pool_destroy(pool);
    gan_model_free(model);
}
END_TEST

/* ---- memory ---- */

/* A pool's life, in which the `nth` allocation of a tensor fails. False: there are not as many. */
static bool live_with_failure(uint64_t nth)
{
    gan_scope_begin(ctx);
    gan_model *model = gan_model_new(ctx, sizeof *model);
    gan_tensor *images = gan_full(ctx, shape_of(4), 2.0f);
    gan_memory_fail_after(ctx, nth);
    gan_pool *pool = gan_pool_create(model, "fakes", 3, 4, HEIGHT, WIDTH, CHANNELS);
    gan_pool_draw(pool, 4);
    gan_tensor *given = gan_pool_exchange(pool, images);
    bool failed = ctx->allocator.fail_after == 0;
    gan_memory_fail_after(ctx, 0);
    gan_status status = gan_status_of(ctx);
    ck_assert(status == GAN_OK || (failed && status == GAN_ERROR_MEMORY)); /* it may do without */
    ck_assert(gan_is_poison(given) == (pool && status != GAN_OK));
    gan_clear_status(ctx);
    gan_pool_destroy(pool);
    gan_model_free(model);
    gan_scope_end(ctx, NULL);
    return failed;
}

/* test_pool_memory has the host's. */
START_TEST(tensors_may_find_no_memory)
{
    size_t in_use = gan_memory(ctx).bytes_in_use;
    uint64_t nth = 1;
    while (live_with_failure(nth)) {
        ck_assert_uint_eq(gan_memory(ctx).bytes_in_use, in_use);
        ck_assert_uint_lt(nth++, 100);
    }
    ck_assert_uint_gt(nth, 4); /* three of the pool's, and one that is given */
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("pool");
    TCase *t = tcase_create("images");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, exchanges_are_those_of_a_list);
    tcase_add_test(t, a_pool_gives_the_known_images);
    tcase_add_test(t, half_of_the_images_are_exchanged_and_slots_are_chosen_evenly);
    tcase_add_test(t, images_have_no_gradient_and_come_in_f32);
    tcase_add_test(t, a_restored_pool_goes_on_as_the_old_one);
    tcase_add_test(t, a_wrong_count_is_refused);
    tcase_add_test(t, recorded_steps_exchange_the_same_images);
    tcase_add_test(t, an_exchange_needs_a_draw_of_as_many);
    tcase_add_test(t, other_images_and_batches_are_refused);
    tcase_add_test(t, pools_out_of_range_are_refused);
    tcase_add_test(t, tensors_may_find_no_memory);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
