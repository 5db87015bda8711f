/* Augmentation: what each transformation does to images, that it can be differentiated, and how p moves. */
#include "../support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static gan_context *ctx;
static gan_model model;

static void open_context(void)
{
    ctx = test_context_open(1, 5);
    model = (gan_model){0};
    ck_assert_int_eq(gan_model_init(&model, ctx), GAN_OK);
}

static void close_context(void)
{
    gan_model_finish(&model);
    test_context_close(ctx);
}

static float *values_of(gan_tensor *t)
{
    float *values = malloc((size_t)gan_count(t) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ck_assert_msg(gan_read_f32(t, values) == GAN_OK, "%s", gan_status_message(ctx));
    return values;
}

static gan_augment *create(gan_augment_args args)
{
    gan_augment *a = gan_augment_create(&model, "augment", &args);
    ck_assert_msg(a != NULL, "%s", gan_status_message(ctx));
    return a;
}

static void check_equal(gan_tensor *x, gan_tensor *y, const char *what)
{
    float *a = values_of(x), *b = values_of(y);
    ck_assert(gan_shape_equal(gan_shape_of(x), gan_shape_of(y)));
    for (int64_t i = 0; i < gan_count(x); i++)
        ck_assert_msg(a[i] == b[i], "%s: element %lld is %.9g, not %.9g", what, (long long)i, (double)b[i],
                      (double)a[i]);
    free(a);
    free(b);
}

static gan_augment_args everything(double p)
{
    return (gan_augment_args){
        .flip = true, .rotate = true, .translate = true, .geometry = true, .colour = true, .p = p};
}

START_TEST(nothing_happens_at_0)
{
    gan_augment *a = create(everything(0));
    for (int channels = 1; channels <= 3; channels += 2) {
        gan_tensor *x = gan_randn(ctx, GAN_SHAPE(5, 7, 10, channels));
        check_equal(x, gan_augmented(a, x), "p = 0");
        gan_tensor *half = gan_cast(x, GAN_BF16);
        check_equal(half, gan_augmented(a, half), "p = 0, bf16");
    }
    gan_augment_destroy(a);
}
END_TEST

/* The mean square by which image i of y differs from image j of x. */
static double difference(gan_tensor *x, int64_t i, gan_tensor *y, int64_t j)
{
    return (double)gan_item(gan_mean(gan_square(gan_sub(gan_slice(x, 0, i, 1), gan_slice(y, 0, j, 1)))));
}

START_TEST(every_image_changes_in_its_own_way_at_1)
{
    gan_augment *a = create(everything(1));
    gan_tensor *one = gan_randn(ctx, GAN_SHAPE(1, 16, 16, 3));
    gan_tensor *x = gan_broadcast_to(one, GAN_SHAPE(6, 16, 16, 3)), *y = gan_augmented(a, x);
    for (int64_t i = 0; i < 6; i++) {
        ck_assert_double_gt(difference(x, i, y, i), 0.01);
        for (int64_t j = 0; j < i; j++)
            ck_assert_double_gt(difference(y, i, y, j), 0.001);
    }
    check_equal(y, y, "numbers"); /* NaN is not equal to itself */
    gan_augment_destroy(a);
}
END_TEST

/* ---- transformations that only move pixels: each result is one of those that are possible ---- */

#define SIDE 16

/* What may have happened to an image: the source of the pixel in row i and column j. */
typedef void (*source)(int which, int *i, int *j);

static void flipped(int which, int *i, int *j)
{
    (void)i;
    *j = which ? SIDE - 1 - *j : *j;
}

static void quarter_turned(int which, int *i, int *j)
{
    for (int k = 0; k < which; k++) {
        int row = *i;
        *i = SIDE - 1 - *j;
        *j = row;
    }
}

static int reflected(int i)
{
    return i < 0 ? -1 - i : i < SIDE ? i : 2 * SIDE - 1 - i;
}

static void shifted(int which, int *i, int *j)
{
    *i = reflected(*i + which / 5 - 2);
    *j = reflected(*j + which % 5 - 2);
}

static bool is_moved(const float *x, const float *y, source from, int which)
{
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            int row = i, column = j;
            from(which, &row, &column);
            if (y[i * SIDE + j] != x[row * SIDE + column])
                return false;
        }
    }
    return true;
}

/* How often each of `n` possibilities came, among `images`. */
static void count_moves(gan_augment_args args, source from, int n, int images, int *count)
{
    gan_augment *a = create(args);
    gan_tensor *t = gan_randn(ctx, GAN_SHAPE(images, SIDE, SIDE, 1));
    float *x = values_of(t), *y = values_of(gan_augmented(a, t));
    memset(count, 0, (size_t)n * sizeof *count);
    for (int image = 0; image < images; image++) {
        int found = -1;
        for (int which = 0; which < n && found < 0; which++)
            if (is_moved(x + image * SIDE * SIDE, y + image * SIDE * SIDE, from, which))
                found = which;
        ck_assert_msg(found >= 0, "image %d became none of %d possible ones", image, n);
        count[found]++;
    }
    free(x);
    free(y);
    gan_augment_destroy(a);
}

START_TEST(flips_are_exact)
{
    int count[2];
    count_moves((gan_augment_args){.flip = true, .p = 1}, flipped, 2, 400, count);
    ck_assert_int_ge(count[1], 150);
    ck_assert_int_ge(count[0], 150);
}
END_TEST

START_TEST(flips_come_with_half_of_p)
{
    int count[2];
    count_moves((gan_augment_args){.flip = true, .p = 0.4}, flipped, 2, 800, count);
    ck_assert_int_ge(count[1], 120);
    ck_assert_int_le(count[1], 200);
}
END_TEST

START_TEST(quarter_turns_are_exact)
{
    int count[4];
    count_moves((gan_augment_args){.rotate = true, .p = 1}, quarter_turned, 4, 400, count);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_ge(count[i], 60);
        ck_assert_int_le(count[i], 140);
    }
}
END_TEST

/* 1/8 of the side in whole pixels: -2 and 2 have half of the others' probability. */
START_TEST(translations_are_exact)
{
    int count[25];
    count_moves((gan_augment_args){.translate = true, .p = 1}, shifted, 25, 800, count);
    for (int i = 0; i < 25; i++) {
        int halves = (i / 5 == 0 || i / 5 == 4) + (i % 5 == 0 || i % 5 == 4);
        int want = 50 >> halves;
        ck_assert_msg(count[i] > want / 4 && count[i] < 2 * want + 8, "shift %d came %d times, expected about %d", i,
                      count[i], want);
    }
}
END_TEST

/* Scaled and turned, an image that goes from dark to bright in a straight line does so still, away from the borders. */
START_TEST(geometry_is_affine)
{
    enum { N = 20, WIDE = 32 };
    static float ramp[N][WIDE][WIDE];
    gan_augment *a = create((gan_augment_args){.geometry = true, .p = 1});
    for (int n = 0; n < N; n++)
        for (int i = 0; i < WIDE; i++)
            for (int j = 0; j < WIDE; j++)
                ramp[n][i][j] = (float)(i + 2 * j);
    float *y = values_of(gan_augmented(a, gan_from_f32(ctx, GAN_SHAPE(N, WIDE, WIDE, 1), &ramp[0][0][0])));
    double steepest = 0, flattest = 100, across = 0;
    int straight = 0;
    for (int n = 0; n < N; n++) {
        const float *at = y + (n * WIDE + WIDE / 2) * WIDE + WIDE / 2;
        double right = (double)(at[1] - at[0]), left = (double)(at[0] - at[-1]), down = (double)(at[WIDE] - at[0]);
        double slope = hypot(right, down) / sqrt(5.0);
        steepest = fmax(steepest, slope);
        flattest = fmin(flattest, slope);
        across += right / hypot(right, down) / N;
        straight += fabs(right - left) < 1e-4;
    }
    ck_assert_int_ge(straight, 3 * N / 4); /* the others were moved to a border */
    ck_assert_double_gt(steepest, 1.1);
    ck_assert_double_lt(flattest, 0.9);
    ck_assert_double_lt(fabs(across), 0.5); /* all directions */
    free(y);
    gan_augment_destroy(a);
}
END_TEST

/* ---- colour ---- */

/* Grey stays grey, and y = along (x + brighter); colours keep their distance from the grey axis up to one factor. */
START_TEST(colours_turn_around_the_grey_axis)
{
    enum { N = 40 };
    gan_augment *a = create((gan_augment_args){.colour = true, .p = 1});
    static const float pixels[4][3] = {{0, 0, 0}, {0.5f, 0.5f, 0.5f}, {1, 0, 0}, {0.1f, -0.6f, 0.3f}};
    gan_tensor *x = gan_from_f32(ctx, GAN_SHAPE(1, 2, 2, 3), pixels[0]);
    float *y = values_of(gan_augmented(a, gan_broadcast_to(x, GAN_SHAPE(N, 2, 2, 3))));
    int inverted = 0;
    for (int n = 0; n < N; n++) {
        double luma[4], chroma[4], was[4];
        for (int k = 0; k < 4; k++) {
            const float *c = y + (n * 4 + k) * 3, *o = pixels[k];
            luma[k] = (double)(c[0] + c[1] + c[2]) / 3;
            chroma[k] =
                sqrt(pow((double)c[0] - luma[k], 2) + pow((double)c[1] - luma[k], 2) + pow((double)c[2] - luma[k], 2));
            double mean = (double)(o[0] + o[1] + o[2]) / 3;
            was[k] = sqrt(pow((double)o[0] - mean, 2) + pow((double)o[1] - mean, 2) + pow((double)o[2] - mean, 2));
        }
        ck_assert_double_eq_tol(chroma[0], 0, 1e-6);
        ck_assert_double_eq_tol(chroma[1], 0, 1e-6);
        ck_assert_double_eq_tol(chroma[2] / was[2], chroma[3] / was[3], 1e-4 * chroma[2] / was[2]);
        double along = 2 * (luma[1] - luma[0]);
        ck_assert_double_eq_tol(luma[2], luma[0] + along / 3, 1e-4 * (1 + fabs(along)));
        inverted += along < 0;
    }
    ck_assert_int_ge(inverted, 8);
    ck_assert_int_le(inverted, 32);
    free(y);
    gan_augment_destroy(a);
}
END_TEST

START_TEST(grey_images_have_brightness_and_contrast)
{
    gan_augment *a = create((gan_augment_args){.colour = true, .p = 1});
    static const float pixels[4] = {0, 0.5f, 1, -1};
    gan_tensor *x = gan_broadcast_to(gan_from_f32(ctx, GAN_SHAPE(1, 2, 2, 1), pixels), GAN_SHAPE(30, 2, 2, 1));
    float *y = values_of(gan_augmented(a, x));
    double spread = 0;
    for (int n = 0; n < 30; n++) {
        const float *v = y + 4 * n;
        double along = (double)(v[2] - v[0]);
        ck_assert_double_eq_tol((double)(v[1] - v[0]), along / 2, 1e-5);
        ck_assert_double_eq_tol((double)(v[0] - v[3]), along, 1e-5);
        spread += pow((double)v[0] / along, 2) / 30; /* of the brightness: 0.2² */
    }
    ck_assert_double_gt(spread, 0.01);
    ck_assert_double_lt(spread, 0.1);
    free(y);
    gan_augment_destroy(a);
}
END_TEST

/* ---- derivatives ---- */

/* A score of augmented images that is not linear in them, by the same chance each time. */
static gan_tensor *score(gan_augment *a, gan_tensor *x)
{
    gan_random_set(ctx, (gan_random_state){.seed = 11});
    return gan_sum(gan_square(gan_augmented(a, x)));
}

static gan_tensor *penalty(gan_augment *a, gan_tensor *x)
{
    gan_tensor *g = x;
    ck_assert_int_eq(gan_grad(score(a, x), &x, 1, &g, GAN_CREATE_GRAPH), GAN_OK);
    return gan_sqnorm(g);
}

static void check_derivative(gan_augment *a, gan_tensor *(*of)(gan_augment *, gan_tensor *), int channels)
{
    const float h = 1e-2f;
    gan_tensor *x = gan_variable(gan_randn(ctx, GAN_SHAPE(3, 6, 6, channels))), *g = x;
    gan_tensor *d = gan_randn(ctx, gan_shape_of(x));
    ck_assert_int_eq(gan_grad(of(a, x), &x, 1, &g, 0), GAN_OK);
    double want = (double)gan_item(gan_sum(gan_mul(g, d)));
    gan_tensor *before = gan_variable(gan_sub(x, gan_scale(d, h))), *behind = gan_variable(gan_add(x, gan_scale(d, h)));
    double got = ((double)gan_item(of(a, behind)) - (double)gan_item(of(a, before))) / (2 * (double)h);
    ck_assert_double_gt(fabs(want), 1);
    ck_assert_double_eq_tol(got, want, 5e-3 * fabs(want));
}

START_TEST(it_can_be_differentiated_twice)
{
    gan_augment *a = create(everything(0.9));
    for (int channels = 1; channels <= 3; channels += 2) {
        check_derivative(a, score, channels);
        check_derivative(a, penalty, channels);
    }
    gan_augment_destroy(a);
}
END_TEST

/* ---- p ---- */

static void observe(gan_augment *a, int positive, int negative)
{
    float scores[64];
    for (int i = 0; i < positive + negative; i++)
        scores[i] = i < positive ? 3.0f : -0.5f;
    gan_augment_observe(a, gan_from_f32(ctx, GAN_SHAPE(positive + negative, 1), scores));
}

START_TEST(p_follows_the_sign)
{
    gan_augment *a = create((gan_augment_args){.flip = true, .target = 0.6, .kimg = 1, .p = 0.5});
    observe(a, 15, 1); /* (14 + 8) / 32 is above 0.6 */
    observe(a, 12, 4);
    gan_augment_adjust(a, 64);
    ck_assert_float_eq_tol(gan_item(gan_augment_sign(a)), 0.6875f, 1e-6f);
    ck_assert_float_eq_tol(gan_item(gan_augment_p(a)), 0.564f, 1e-6f);
    observe(a, 12, 4); /* 0.5: what was counted before is forgotten */
    gan_augment_adjust(a, 32);
    ck_assert_float_eq_tol(gan_item(gan_augment_sign(a)), 0.5f, 1e-6f);
    ck_assert_float_eq_tol(gan_item(gan_augment_p(a)), 0.532f, 1e-6f);
    gan_augment_adjust(a, 32); /* nothing was counted */
    ck_assert_float_eq_tol(gan_item(gan_augment_sign(a)), 0.5f, 1e-6f);
    ck_assert_float_eq_tol(gan_item(gan_augment_p(a)), 0.532f, 1e-6f);
    observe(a, 16, 0);
    gan_augment_adjust(a, 10000);
    ck_assert_float_eq(gan_item(gan_augment_p(a)), 1.0f);
    observe(a, 0, 16);
    gan_augment_adjust(a, 10000);
    ck_assert_float_eq(gan_item(gan_augment_p(a)), 0.0f);
    gan_augment_destroy(a);
}
END_TEST

START_TEST(p_can_be_fixed)
{
    gan_augment *a = create((gan_augment_args){.flip = true, .target = 0.6, .p = 0.25});
    observe(a, 16, 0);
    gan_augment_adjust(a, 64);
    ck_assert_float_eq(gan_item(gan_augment_p(a)), 0.25f);
    ck_assert_float_eq(gan_item(gan_augment_sign(a)), 1.0f);
    gan_augment_destroy(a);
}
END_TEST

/* They count as neither positive nor negative. */
START_TEST(scores_that_are_not_numbers_do_not_spread)
{
    gan_augment *a = create((gan_augment_args){.flip = true, .target = 0.6, .kimg = 1, .p = 0.25});
    const float bad[2] = {NAN, 1.0f};
    gan_augment_observe(a, gan_from_f32(ctx, GAN_SHAPE(2), bad));
    gan_augment_adjust(a, 64);
    ck_assert_float_eq_tol(gan_item(gan_augment_sign(a)), 0.5f, 1e-6f);
    ck_assert_float_eq_tol(gan_item(gan_augment_p(a)), 0.186f, 1e-6f);
    gan_augment_destroy(a);
}
END_TEST

/* ---- what a model keeps, and what is refused ---- */

static void count_name(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    static const char *const known[] = {"augment.p", "augment.signs", "augment.seen", "augment.sign"};
    (void)tensor, (void)kind, (void)layout;
    for (int i = 0; i < 4; i++)
        *(int *)user += !strcmp(name, known[i]) << (4 * i);
}

START_TEST(checkpoints_hold_its_state)
{
    gan_augment *a = create(everything(0.5));
    int names = 0;
    gan_model_visit(&model, count_name, NULL, &names);
    ck_assert_int_eq(names, 0x1111);
    gan_augment_destroy(a);
}
END_TEST

START_TEST(settings_out_of_range_are_refused)
{
    const gan_augment_args wrong[] = {{.p = 1.5}, {.p = -0.1}, {.p = NAN}, {.target = 2}, {.kimg = -1}, {.kimg = NAN}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_ptr_null(gan_augment_create(&model, "augment", &wrong[i]));
        ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
        gan_clear_status(ctx);
    }
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(2, 4, 4, 3));
    ck_assert_ptr_eq(gan_augmented(NULL, x), x);
    gan_augment_observe(NULL, x);
    gan_augment_adjust(NULL, 1);
    gan_augment_destroy(NULL);
    ck_assert_ptr_null(gan_augment_p(NULL));
    ck_assert_ptr_null(gan_augment_sign(NULL));
}
END_TEST

START_TEST(only_images_are_taken)
{
    gan_augment *a = create(everything(0.5));
    ck_assert(gan_is_poison(gan_augmented(a, gan_randn(ctx, GAN_SHAPE(2, 4, 4, 2)))));
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_SHAPE);
    gan_clear_status(ctx);
    ck_assert(gan_is_poison(gan_augmented(a, gan_randn(ctx, GAN_SHAPE(2, 16)))));
    gan_clear_status(ctx);
    gan_augment_destroy(a);
}
END_TEST

/* ---- in recorded steps ---- */

typedef struct augmenting_model {
    gan_model base;
    gan_augment *augment;
} augmenting_model;

static gan_status step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    augmenting_model *m = (augmenting_model *)base;
    gan_tensor *x = gan_variable(batch->images), *y = gan_augmented(m->augment, x), *g = x;
    gan_grad(gan_sum(gan_square(y)), &x, 1, &g, 0);
    gan_augment_observe(m->augment, gan_mean_over(y, GAN_AXIS(1) | GAN_AXIS(2) | GAN_AXIS(3), false));
    gan_augment_adjust(m->augment, 10);
    gan_metric(out, "p", gan_augment_p(m->augment));
    gan_metric(out, "sign", gan_augment_sign(m->augment));
    gan_metric(out, "gradient", gan_sqnorm(g));
    return gan_status_of(base->ctx);
}

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

/* The metrics of some steps; returns how many steps were recorded. */
static int run_steps(bool no_graphs, values *all)
{
    gan_context *own = test_context_open(1, 3);
    augmenting_model *m = gan_model_new(own, sizeof *m);
    gan_augment_args args = everything(0.5);
    args.kimg = 1;
    m->augment = gan_augment_create(&m->base, "augment", &args);
    gan_batch batch = {.struct_size = sizeof batch, .n = 4, .images = gan_keep(gan_randn(own, GAN_SHAPE(4, 8, 8, 3)))};
    gan_runner_options options = {
        .struct_size = sizeof options, .d_step = step, .g_step = step, .no_graphs = no_graphs};
    gan_runner *runner = gan_runner_create(&m->base, &options);
    gan_metrics *metrics = gan_metrics_create();
    for (int i = 0; i < 16; i++) {
        ck_assert_int_eq(gan_runner_step(runner, GAN_STEP_DISCRIMINATOR, true, &batch, metrics), GAN_OK);
        ck_assert_int_eq(gan_runner_step(runner, GAN_STEP_GENERATOR, true, &batch, metrics), GAN_OK);
    }
    gan_metrics_collect(metrics, collect, all);
    int graphs = gan_runner_graphs(runner);
    gan_runner_destroy(runner);
    gan_metrics_destroy(metrics);
    gan_release(batch.images);
    gan_augment_destroy(m->augment);
    gan_model_free(&m->base);
    test_context_close(own);
    return graphs;
}

START_TEST(recorded_steps_are_the_same)
{
    values direct = {.n = 0}, recorded = {.n = 0};
    run_steps(true, &direct);
    int graphs = run_steps(false, &recorded);
    ck_assert_int_eq(graphs > 0, test_device() && strncmp(test_device(), "cuda", 4) == 0);
    ck_assert_int_eq(direct.n, 96);
    ck_assert_int_eq(recorded.n, 96);
    for (int i = 0; i < 96; i++)
        ck_assert_double_eq(direct.value[i], recorded.value[i]);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("augment");
    TCase *t = tcase_create("augment");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_test(t, nothing_happens_at_0);
    tcase_add_test(t, every_image_changes_in_its_own_way_at_1);
    tcase_add_test(t, flips_are_exact);
    tcase_add_test(t, flips_come_with_half_of_p);
    tcase_add_test(t, quarter_turns_are_exact);
    tcase_add_test(t, translations_are_exact);
    tcase_add_test(t, geometry_is_affine);
    tcase_add_test(t, colours_turn_around_the_grey_axis);
    tcase_add_test(t, grey_images_have_brightness_and_contrast);
    tcase_add_test(t, it_can_be_differentiated_twice);
    tcase_add_test(t, p_follows_the_sign);
    tcase_add_test(t, p_can_be_fixed);
    tcase_add_test(t, scores_that_are_not_numbers_do_not_spread);
    tcase_add_test(t, checkpoints_hold_its_state);
    tcase_add_test(t, settings_out_of_range_are_refused);
    tcase_add_test(t, only_images_are_taken);
    tcase_add_test(t, recorded_steps_are_the_same);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
