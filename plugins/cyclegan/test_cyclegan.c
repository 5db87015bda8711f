/* The plugin through its table. Its steps are compared with PyTorch's in tests/steps/test_cyclegan_golden.c. */
#include "plugin_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 24, N = 2 };

static plugin_fixture f;

static void open_small(void)
{
    f = fixture_open(SIDE, 11);
    f.data.channels = 3;
    fixture_set(&f, "blocks", "1");
    fixture_set(&f, "g_width", "3");
    fixture_set(&f, "d_width", "2");
    fixture_set(&f, "init", "default"); /* in so narrow networks weights of 0.02 leave little of an image */
    fixture_set(&f, "pool", "3");
}

static void open_default(void)
{
    f = fixture_open(128, 11);
    f.data.channels = 3;
}

static void close_fixture(void)
{
    fixture_close(&f);
}

static void train(int64_t n, int d_steps, int g_steps)
{
    float *noise = fixture_noise(&f, 2 * n);
    fixture_train(&f, noise, NULL, n, d_steps, g_steps);
    free(noise);
}

static void set_zero(const char *name)
{
    gan_scope_begin(f.ctx);
    gan_tensor *t = fixture_tensor(&f, name);
    gan_assign(t, gan_zeros(f.ctx, gan_shape_of(t)));
    gan_scope_end(f.ctx, NULL);
}

static double sum_of(const char *name)
{
    return (double)gan_item(gan_sum(fixture_tensor(&f, name)));
}

static int64_t steps_of(int optimizer)
{
    return gan_optimizer_steps(gan_model_optimizer_at(f.model, optimizer, NULL));
}

/* ---- networks ---- */

static void check_shape(const char *name, gan_shape shape)
{
    ck_assert_msg(gan_shape_equal(gan_shape_of(fixture_tensor(&f, name)), shape), "%s", name);
}

static int64_t parameters(const char *network)
{
    return gan_layer_parameter_count(gan_model_find_network(f.model, network));
}

START_TEST(networks_are_those_of_the_paper)
{
    static const char *const generators[] = {"generator_ab", "generator_ba"};
    static const char *const discriminators[] = {"discriminator_a", "discriminator_b"};
    fixture_build(&f);
    check_shape("generator_ab.1.weight", GAN_SHAPE(64, 7, 7, 3));
    check_shape("generator_ab.4.weight", GAN_SHAPE(128, 3, 3, 64));
    check_shape("generator_ab.7.weight", GAN_SHAPE(256, 3, 3, 128));
    check_shape("generator_ab.10.1.weight", GAN_SHAPE(256, 3, 3, 256));
    check_shape("generator_ab.15.5.weight", GAN_SHAPE(256, 3, 3, 256)); /* the sixth block */
    check_shape("generator_ab.16.weight", GAN_SHAPE(256, 3, 3, 128));
    check_shape("generator_ab.19.weight", GAN_SHAPE(128, 3, 3, 64));
    check_shape("generator_ab.23.weight", GAN_SHAPE(3, 7, 7, 64));
    check_shape("discriminator_a.0.weight", GAN_SHAPE(64, 4, 4, 3));
    check_shape("discriminator_a.2.weight", GAN_SHAPE(128, 4, 4, 64));
    check_shape("discriminator_a.5.weight", GAN_SHAPE(256, 4, 4, 128));
    check_shape("discriminator_a.8.weight", GAN_SHAPE(512, 4, 4, 256));
    check_shape("discriminator_a.11.weight", GAN_SHAPE(1, 4, 4, 512));
    const int64_t ends = 2 * 49 * 3 * 64 + 3, levels = 2 * 9 * (64 * 128 + 128 * 256), blocks = 6 * 2 * 9 * 256 * 256;
    const int64_t judge = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 64 + 1;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(parameters(generators[i]), ends + levels + blocks);
        ck_assert_int_eq(parameters(discriminators[i]), judge);
    }
    ck_assert_int_eq(gan_model_optimizer_count(f.model), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(f.model, i, NULL)), 0.0002);
}
END_TEST

/* The deviation of the weights of one of the largest layers, and the sum of the biases. */
START_TEST(weights_start_as_in_the_authors_code)
{
    fixture_set(&f, "affine", "on");
    fixture_build(&f);
    gan_tensor *w = fixture_tensor(&f, "generator_ba.10.1.weight");
    ck_assert_double_eq_tol(sqrt((double)gan_item(gan_mean(gan_square(w)))), 0.02, 2e-4);
    ck_assert_double_eq(sum_of("discriminator_b.0.bias") + sum_of("discriminator_b.11.bias"), 0);
    ck_assert_double_eq(sum_of("generator_ab.10.2.weight"), 256); /* of a norm */
    ck_assert_double_eq(sum_of("generator_ab.10.2.bias"), 0);
    check_shape("discriminator_b.9.weight", GAN_SHAPE(512));
    fixture_set(&f, "init", "default");
    fixture_build(&f);
    w = fixture_tensor(&f, "generator_ba.10.1.weight");
    ck_assert_double_eq_tol(sqrt((double)gan_item(gan_mean(gan_square(w)))), 1 / sqrt(3 * 9 * 256), 2e-4);
    ck_assert_double_ne(sum_of("discriminator_b.0.bias"), 0);
}
END_TEST

START_TEST(larger_images_have_more_blocks)
{
    static const struct {
        int64_t side;
        const char *blocks, *last, *none;
    } cases[] = {{128, "0", "generator_ab.15.1.weight", "16.1.weight"},
                 {132, "0", "generator_ab.18.1.weight", "19.1.weight"},
                 {132, "2", "generator_ab.11.1.weight", "12.1.weight"}};
    f.data.height = f.data.width = cases[_i].side;
    fixture_set(&f, "blocks", cases[_i].blocks);
    fixture_build(&f);
    check_shape(cases[_i].last, GAN_SHAPE(12, 3, 3, 12));
    ck_assert_ptr_null(gan_layer_find(gan_model_find_network(f.model, "generator_ab"), cases[_i].none));
}
END_TEST

START_TEST(every_size_that_fits_is_trained_on)
{
    static const struct {
        int64_t height, width, channels;
    } cases[] = {{24, 24, 1}, {28, 36, 3}, {40, 24, 1}};
    f.data.height = cases[_i].height, f.data.width = cases[_i].width, f.data.channels = cases[_i].channels;
    fixture_build(&f);
    train(3, 1, 1);
    ck_assert_int_eq(steps_of(0), 1);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    f.data.height = f.data.width = 30;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "30x30; set data.resolution");
    f.data.height = f.data.width = 20;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "multiples of 4 from 24 on, but the data has 20x20");
    f.data.height = 32, f.data.width = 34;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "34x32");
    f.data.height = f.data.width = 1, f.data.scaled = false;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "1x1");
}
END_TEST

/* ---- the losses ---- */

/* With last layers of zeros scores are their biases, and all translations grey. */
static void make_constant(float score_a, float score_b)
{
    fixture_set(&f, "lr", "0");
    fixture_build(&f);
    set_zero("discriminator_a.11.weight");
    set_zero("discriminator_b.11.weight");
    gan_assign_f32(fixture_tensor(&f, "discriminator_a.11.bias"), &score_a);
    gan_assign_f32(fixture_tensor(&f, "discriminator_b.11.bias"), &score_b);
    for (int i = 0; i < 2; i++) {
        set_zero(i ? "generator_ab.18.weight" : "generator_ba.18.weight");
        set_zero(i ? "generator_ab.18.bias" : "generator_ba.18.bias");
    }
}

static double mean_brightness(const float *values, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += fabs((double)values[i]);
    return sum / (double)n;
}

START_TEST(constant_networks_have_their_closed_form)
{
    const int64_t count = N * SIDE * SIDE * 3;
    float *noise = fixture_noise(&f, 2 * N);
    for (int64_t i = 0; i < count; i++)
        noise[i] *= 0.5f; /* A is greyer */
    fixture_set(&f, "lambda_cycle", "7");
    fixture_set(&f, "lambda_identity", "3");
    fixture_set(&f, "d_weight", "0.25");
    fixture_set(&f, "patch", _i ? "mean" : "map");
    make_constant(2, -1);
    fixture_train(&f, noise, NULL, N, 1, 1);
    const double a = mean_brightness(noise, count), b = mean_brightness(noise + count, count);
    ck_assert_double_eq_tol(fixture_metric(&f, "d_a"), 0.25 * (1 + 4), 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "d_b"), 0.25 * (4 + 1), 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "adversarial_a"), 1, 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "adversarial_b"), 4, 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "cycle_a"), a, 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "identity_a"), a, 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "cycle_b"), b, 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "identity_b"), b, 1e-6);
    ck_assert_double_eq_tol(fixture_metric(&f, "g_loss"), 5 + 10 * (a + b), 1e-5);
    free(noise);
}
END_TEST

/* Of a map that is not constant, the mean of squares is more than the square of the mean. */
START_TEST(a_mean_of_scores_is_taken_before_the_loss)
{
    double loss[2];
    f.data.height = f.data.width = 40; /* scores of 3x3 */
    fixture_set(&f, "lr", "0");
    for (int mean = 0; mean < 2; mean++) {
        gan_random_set(f.ctx, (gan_random_state){.seed = 5});
        fixture_set(&f, "patch", mean ? "mean" : "map");
        fixture_build(&f);
        train(N, 0, 1);
        loss[mean] = fixture_metric(&f, "adversarial_a");
    }
    ck_assert_double_gt(loss[0], loss[1] + 1e-4);
}
END_TEST

static bool reported(const char *name)
{
    for (int i = 0; i < f.n_last; i++)
        if (strcmp(f.last[i].name, name) == 0)
            return true;
    return false;
}

START_TEST(without_its_weight_there_is_no_identity_term)
{
    fixture_build(&f);
    train(N, 1, 1);
    ck_assert(reported("identity_a") && reported("identity_b"));
    fixture_set(&f, "lambda_identity", "0");
    fixture_build(&f);
    train(N, 1, 1);
    ck_assert(!reported("identity_a") && !reported("identity_b") && reported("cycle_a"));
    double sum = fixture_metric(&f, "adversarial_a") + fixture_metric(&f, "adversarial_b") +
                 10 * (fixture_metric(&f, "cycle_a") + fixture_metric(&f, "cycle_b"));
    ck_assert_double_eq_tol(fixture_metric(&f, "g_loss"), sum, 1e-5);
}
END_TEST

/* ---- steps ---- */

START_TEST(each_step_updates_its_own_networks)
{
    static const char *const weights[] = {"generator_ab.1.weight", "generator_ba.1.weight", "discriminator_a.0.weight",
                                          "discriminator_b.0.weight"};
    double before[4];
    fixture_build(&f);
    for (int step = 0; step < 2; step++) {
        for (int i = 0; i < 4; i++)
            before[i] = sum_of(weights[i]);
        train(N, step == 0, step == 1);
        for (int i = 0; i < 4; i++)
            ck_assert_msg((sum_of(weights[i]) != before[i]) == ((i < 2) == (step == 1)), "%s, step %d", weights[i],
                          step);
    }
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(steps_of(i), 1);
}
END_TEST

/* The host may call steps in any order. */
START_TEST(a_step_of_the_generators_needs_none_of_the_discriminators)
{
    fixture_build(&f);
    train(N, 0, 2);
    ck_assert_int_eq(steps_of(0), 2);
    ck_assert_int_eq(steps_of(1), 0);
}
END_TEST

/* Fakes that no step of the generators has used are held until the next step, or the end. */
START_TEST(unused_fakes_are_released)
{
    fixture_build(&f);
    train(N, 1, 1);
    size_t without = gan_memory(f.ctx).bytes_in_use;
    train(N, 1, 0);
    size_t with = gan_memory(f.ctx).bytes_in_use;
    ck_assert_uint_gt(with, without);
    train(N, 3, 0);
    ck_assert_uint_eq(gan_memory(f.ctx).bytes_in_use, with);
    train(N, 0, 1);
    ck_assert_uint_eq(gan_memory(f.ctx).bytes_in_use, without);
    train(N, 1, 0); /* the fixture's end finds what is left behind */
}
END_TEST

/* A discriminator that is shown older fakes has another loss. */
START_TEST(older_fakes_are_shown)
{
    double loss[2];
    for (int pool = 0; pool < 2; pool++) {
        gan_random_set(f.ctx, (gan_random_state){.seed = 5});
        fixture_set(&f, "pool", pool ? "1" : "0");
        fixture_set(&f, "lr", "0.01");
        fixture_build(&f);
        loss[pool] = 0;
        for (int i = 0; i < 8; i++) {
            train(1, 1, 1);
            loss[pool] += fixture_metric(&f, "d_a");
        }
    }
    ck_assert_double_ne(loss[0], loss[1]);
}
END_TEST

/* Two kinds of images that differ in brightness; D learns to tell them, G to go from one to the other and back. */
START_TEST(training_lowers_the_cycle_error)
{
    const int64_t count = N * SIDE * SIDE * 3;
    float *noise = fixture_noise(&f, 2 * N);
    for (int64_t i = 0; i < 2 * count; i++)
        noise[i] = 0.2f * noise[i] + (i < count ? 0.5f : -0.5f);
    fixture_set(&f, "lr", "0.01");
    fixture_build(&f);
    fixture_train(&f, noise, NULL, N, 1, 1);
    double before = fixture_metric(&f, "cycle_a") + fixture_metric(&f, "cycle_b");
    for (int i = 0; i < 60; i++)
        fixture_train(&f, noise, NULL, N, 1, 1);
    double after = fixture_metric(&f, "cycle_a") + fixture_metric(&f, "cycle_b");
    ck_assert_msg(after < 0.6 * before, "the cycle error went from %g to %g", before, after);
    free(noise);
}
END_TEST

/* ---- translation ---- */

static const gan_translate_extension *translation(void)
{
    const gan_translate_extension *t = f.plugin->get_extension(f.model, GAN_TRANSLATE_EXTENSION);
    ck_assert_ptr_nonnull(t);
    return t;
}

static gan_tensor *translated(gan_direction direction, gan_tensor *images)
{
    gan_tensor *out = NULL;
    ck_assert_msg(translation()->translate(f.model, direction, images, &out) == GAN_OK, "%s",
                  gan_status_message(f.ctx));
    ck_assert(gan_shape_equal(gan_shape_of(out), gan_shape_of(images)));
    return out;
}

static double furthest(gan_tensor *a, gan_tensor *b)
{
    return (double)gan_item(gan_max_over(gan_abs(gan_sub(a, b)), GAN_ALL_AXES, false));
}

START_TEST(images_of_any_such_size_are_translated)
{
    static const int64_t sizes[][2] = {{8, 8}, {8, 20}, {36, 12}, {64, 64}};
    fixture_build(&f);
    ck_assert_int_eq(translation()->multiple, 4);
    ck_assert_int_eq(translation()->least, 8);
    gan_no_grad_begin(f.ctx);
    gan_tensor *images = gan_rand(f.ctx, GAN_SHAPE(3, sizes[_i][0], sizes[_i][1], 3), -1, 1);
    gan_tensor *b = translated(GAN_A_TO_B, images), *a = translated(GAN_B_TO_A, images);
    ck_assert_double_gt(furthest(a, b), 1e-3); /* by other networks */
    ck_assert_double_le((double)gan_item(gan_max_over(gan_abs(b), GAN_ALL_AXES, false)), 1);
    for (int i = 0; i < 3; i++) {
        gan_tensor *alone = translated(GAN_A_TO_B, gan_slice(images, 0, i, 1));
        ck_assert_double_le(furthest(alone, gan_slice(b, 0, i, 1)), 1e-5);
    }
    gan_no_grad_end(f.ctx, NULL);
}
END_TEST

START_TEST(what_is_smaller_is_not_translated)
{
    gan_tensor *out = NULL;
    fixture_build(&f);
    gan_no_grad_begin(f.ctx);
    gan_tensor *images = gan_zeros(f.ctx, GAN_SHAPE(1, 4, 8, 3));
    ck_assert_int_ne(translation()->translate(f.model, GAN_A_TO_B, images, &out), GAN_OK);
    ck_assert_ptr_null(out);
    gan_no_grad_end(f.ctx, NULL);
    gan_clear_status(f.ctx);
    ck_assert_ptr_null(f.plugin->get_extension(f.model, "gan.translate/2"));
}
END_TEST

/* ---- saved and recorded steps ---- */

enum { MOST_SAVED = 256 };

typedef struct saved {
    float *tensors[MOST_SAVED];
    int64_t counts[MOST_SAVED];
    double numbers[MOST_SAVED];
    int n_tensors, n_numbers;
    bool restore;
} saved;

static void save_tensor(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    saved *s = user;
    (void)name, (void)kind, (void)layout;
    ck_assert_int_lt(s->n_tensors, MOST_SAVED);
    s->counts[s->n_tensors] = gan_count(tensor);
    float **values = &s->tensors[s->n_tensors++];
    if (s->restore) {
        if (gan_dtype_of(tensor) == GAN_I32)
            gan_assign(tensor, gan_from_i32(f.ctx, gan_shape_of(tensor), (const int32_t *)*values));
        else
            gan_assign_f32(tensor, *values);
        return;
    }
    *values = malloc((size_t)gan_count(tensor) * sizeof **values);
    ck_assert_int_eq(gan_dtype_of(tensor) == GAN_I32 ? gan_read_i32(tensor, (int32_t *)*values)
                                                     : gan_read_f32(tensor, *values),
                     GAN_OK);
}

static void save_number(const char *name, double *number, void *user)
{
    saved *s = user;
    (void)name;
    ck_assert_int_lt(s->n_numbers, MOST_SAVED);
    if (s->restore)
        *number = s->numbers[s->n_numbers++];
    else
        s->numbers[s->n_numbers++] = *number;
}

static void visit(saved *s, bool restore)
{
    s->n_tensors = s->n_numbers = 0;
    s->restore = restore;
    gan_scope_begin(f.ctx);
    gan_model_visit(f.model, save_tensor, save_number, s);
    gan_scope_end(f.ctx, NULL);
}

static void free_saved(saved *s)
{
    for (int i = 0; i < s->n_tensors; i++)
        free(s->tensors[i]);
}

static uint64_t hash_of_state(void)
{
    saved now = {0};
    uint64_t hash = 0xcbf29ce484222325u;
    visit(&now, false);
    for (int i = 0; i < now.n_tensors; i++)
        for (int64_t j = 0; j < now.counts[i]; j++) {
            uint32_t word;
            memcpy(&word, &now.tensors[i][j], sizeof word);
            hash = (hash ^ word) * 0x100000001b3u;
        }
    free_saved(&now);
    return hash;
}

/* Another model with the saved state, that of the pools with it, goes on as the first would have. */
START_TEST(a_resumed_model_goes_on_to_the_same_bits)
{
    saved state = {0};
    double loss[2];
    uint64_t hash[2];
    fixture_set(&f, "lr", "0.01");
    fixture_build(&f);
    for (int i = 0; i < 5; i++)
        train(N, 1, 1);
    visit(&state, false);
    ck_assert_int_eq(state.n_numbers, 2);
    for (int again = 0; again < 2; again++) {
        if (again) {
            fixture_build(&f);
            visit(&state, true);
        }
        for (int i = 0; i < 4; i++)
            train(N, 1, 1);
        loss[again] = fixture_metric(&f, "d_b");
        hash[again] = hash_of_state();
    }
    ck_assert_double_eq(loss[0], loss[1]);
    ck_assert_uint_eq(hash[0], hash[1]);
    free_saved(&state);
}
END_TEST

typedef struct values {
    double value[400];
    int n;
} values;

static void collect(const char *name, double value, void *user)
{
    values *all = user;
    (void)name;
    ck_assert_int_lt(all->n, 400);
    all->value[all->n++] = value;
}

/* What ten whole steps report, on other images each time; returns how many steps were recorded. */
static int run_steps(bool no_graphs, values *all)
{
    const gan_capture_extension *capture = f.plugin->get_extension(f.model, GAN_CAPTURE_EXTENSION);
    gan_runner_options options = {.struct_size = sizeof options,
                                  .d_step = f.plugin->d_step,
                                  .g_step = f.plugin->g_step,
                                  .prepare = capture->prepare,
                                  .no_graphs = no_graphs};
    gan_runner *runner = gan_runner_create(f.model, &options);
    gan_batch batch = {.struct_size = sizeof batch, .n = N};
    batch.images = gan_zeros(f.ctx, GAN_SHAPE(N, SIDE, SIDE, 3));
    batch.images_b = gan_zeros(f.ctx, GAN_SHAPE(N, SIDE, SIDE, 3));
    for (int i = 0; i < 10; i++) {
        gan_scope_begin(f.ctx);
        gan_assign(batch.images, gan_rand(f.ctx, GAN_SHAPE(N, SIDE, SIDE, 3), -1, 1));
        gan_assign(batch.images_b, gan_rand(f.ctx, GAN_SHAPE(N, SIDE, SIDE, 3), -1, 1));
        gan_scope_end(f.ctx, NULL);
        ck_assert_int_eq(gan_runner_step(runner, GAN_STEP_DISCRIMINATOR, i % 3 == 0, &batch, f.metrics), GAN_OK);
        if (i % 3 != 0)
            ck_assert_int_eq(gan_runner_step(runner, GAN_STEP_DISCRIMINATOR, true, &batch, f.metrics), GAN_OK);
        ck_assert_int_eq(gan_runner_step(runner, GAN_STEP_GENERATOR, true, &batch, f.metrics), GAN_OK);
        gan_metrics_collect(f.metrics, collect, all);
    }
    ck_assert_str_eq(gan_runner_note(runner), "");
    int graphs = gan_runner_graphs(runner);
    gan_runner_destroy(runner);
    return graphs;
}

START_TEST(recorded_steps_give_the_same_bits)
{
    values plain = {.n = 0}, recorded = {.n = 0};
    uint64_t hash[2];
    fixture_set(&f, "lr", "0.01");
    for (int graphs = 0; graphs < 2; graphs++) {
        gan_random_set(f.ctx, (gan_random_state){.seed = 5});
        fixture_build(&f);
        bool on_a_gpu = strncmp(gan_context_device(f.ctx), "CPU", 3) != 0;
        gan_scope_begin(f.ctx);
        ck_assert_int_eq(run_steps(!graphs, graphs ? &recorded : &plain), graphs && on_a_gpu ? 2 : 0);
        gan_scope_end(f.ctx, NULL);
        hash[graphs] = hash_of_state();
    }
    ck_assert_int_eq(plain.n, 10 * 9 + 6 * 2);
    ck_assert_int_eq(plain.n, recorded.n);
    ck_assert_mem_eq(plain.value, recorded.value, sizeof *plain.value * (size_t)plain.n);
    ck_assert_uint_eq(hash[0], hash[1]);
}
END_TEST

START_TEST(memory_is_steady)
{
    float *noise = fixture_noise(&f, 2 * N);
    fixture_build(&f);
    check_steady_memory(&f, noise, NULL, N);
    free(noise);
}
END_TEST

START_TEST(build_survives_failed_allocations)
{
    check_build_survives_failed_allocations(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cyclegan");
    TCase *t = tcase_create("default"), *small = tcase_create("small");
    tcase_add_checked_fixture(t, open_default, close_fixture);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, networks_are_those_of_the_paper);
    tcase_add_test(t, weights_start_as_in_the_authors_code);
    tcase_add_checked_fixture(small, open_small, close_fixture);
    tcase_set_timeout(small, 120);
    tcase_add_loop_test(small, larger_images_have_more_blocks, 0, 3);
    tcase_add_loop_test(small, every_size_that_fits_is_trained_on, 0, 3);
    tcase_add_test(small, what_does_not_fit_is_refused);
    tcase_add_loop_test(small, constant_networks_have_their_closed_form, 0, 2);
    tcase_add_test(small, a_mean_of_scores_is_taken_before_the_loss);
    tcase_add_test(small, without_its_weight_there_is_no_identity_term);
    tcase_add_test(small, each_step_updates_its_own_networks);
    tcase_add_test(small, a_step_of_the_generators_needs_none_of_the_discriminators);
    tcase_add_test(small, unused_fakes_are_released);
    tcase_add_test(small, older_fakes_are_shown);
    tcase_add_test(small, training_lowers_the_cycle_error);
    tcase_add_loop_test(small, images_of_any_such_size_are_translated, 0, 4);
    tcase_add_test(small, what_is_smaller_is_not_translated);
    tcase_add_test(small, a_resumed_model_goes_on_to_the_same_bits);
    tcase_add_test(small, recorded_steps_give_the_same_bits);
    tcase_add_test(small, memory_is_steady);
    tcase_add_test(small, build_survives_failed_allocations);
    suite_add_tcase(s, t);
    suite_add_tcase(s, small);
    return s;
}

int main(void)
{
    return test_main(suite());
}
