/* The plugin through its table: networks, spectral norm, labels. Its steps are compared with PyTorch's in
 * tests/steps/test_sngan_golden.c. */
#include "plugin_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static plugin_fixture f;

static void setup(void)
{
    f = fixture_open(8, 5);
    fixture_set(&f, "networks", "dcgan");
    fixture_set(&f, "latent", "6");
    fixture_set(&f, "g_width", "4");
    fixture_set(&f, "d_width", "4");
}

static void teardown(void)
{
    fixture_close(&f);
}

static void use_labels(int64_t classes)
{
    f.data.classes = classes;
    fixture_set(&f, "conditional", "true");
}

/* ---- networks and options ---- */

START_TEST(networks_fit_the_data)
{
    static const struct {
        const char *networks;
        int64_t side, channels, classes;
    } cases[] = {{"dcgan", 8, 1, 0},   {"dcgan", 16, 3, 4},  {"resnet", 32, 1, 0},
                 {"resnet", 32, 3, 4}, {"resnet", 64, 3, 0}, {"resnet", 64, 1, 4}};
    int32_t labels[2] = {3, 1};
    fixture_set(&f, "networks", cases[_i].networks);
    fixture_set(&f, "g_width", "2");
    fixture_set(&f, "d_width", "2");
    f.data.height = f.data.width = cases[_i].side, f.data.channels = cases[_i].channels;
    if (cases[_i].classes)
        use_labels(cases[_i].classes);
    fixture_build(&f);
    ck_assert_int_eq(gan_model_classes(f.model), cases[_i].classes);
    float *images = fixture_noise(&f, 2);
    fixture_train(&f, images, f.data.classes ? labels : NULL, 2, 1, 1);
    fixture_sample(&f, 1, NULL, 2, images);
    for (int64_t i = 0; i < 2 * cases[_i].side * cases[_i].side * cases[_i].channels; i++)
        ck_assert_float_le(fabsf(images[i]), 1); /* tanh */
    free(images);
}
END_TEST

START_TEST(the_widths_of_the_paper_are_the_default)
{
    fixture_set(&f, "networks", "resnet");
    fixture_set(&f, "g_width", "0");
    fixture_set(&f, "d_width", "0");
    f.data.height = f.data.width = 32;
    fixture_build(&f);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "generator.7.weight"), 3), 256);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "discriminator.0.0.0.weight"), 0), 128);
    fixture_set(&f, "networks", "dcgan");
    f.data.height = f.data.width = 8;
    fixture_build(&f);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "generator.4.weight"), 0), 64);
    ck_assert_int_eq(gan_dim(fixture_tensor(&f, "discriminator.0.weight"), 0), 64);
}
END_TEST

START_TEST(data_that_do_not_fit_are_refused)
{
    f.data.height = f.data.width = 28;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "28x28");
    fixture_set(&f, "networks", "resnet");
    f.data.height = f.data.width = 16;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "16x16");
    fixture_set(&f, "conditional", "true");
    fixture_refused(&f, GAN_ERROR_OPTION, "\"test\" has none");
}
END_TEST

/* ---- spectral norm ---- */

/* The largest singular value of a matrix of n rows, by one-sided Jacobi rotations of its rows until they are orthogonal
 * (Golub & Van Loan, Matrix Computations, section 8.6.3); the rows' lengths are then the singular values. */
static double largest_singular_value(double *rows, int64_t n, int64_t m)
{
    bool rotated = true;
    for (int sweep = 0; rotated && sweep < 60; sweep++) {
        rotated = false;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = i + 1; j < n; j++) {
                double *a = rows + i * m, *b = rows + j * m, aa = 0, bb = 0, ab = 0;
                for (int64_t k = 0; k < m; k++)
                    aa += a[k] * a[k], bb += b[k] * b[k], ab += a[k] * b[k];
                if (fabs(ab) <= 1e-12 * sqrt(aa * bb))
                    continue;
                rotated = true;
                double zeta = (bb - aa) / (2 * ab), t = copysign(1, zeta) / (fabs(zeta) + sqrt(1 + zeta * zeta));
                double c = 1 / sqrt(1 + t * t), s = c * t;
                for (int64_t k = 0; k < m; k++) {
                    double was = a[k];
                    a[k] = c * was - s * b[k];
                    b[k] = s * was + c * b[k];
                }
            }
    }
    ck_assert(!rotated);
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        double square = 0;
        for (int64_t k = 0; k < m; k++)
            square += rows[i * m + k] * rows[i * m + k];
        most = fmax(most, sqrt(square));
    }
    return most;
}

static float *values_of(const char *weight, const char *suffix, int64_t *count)
{
    char name[160];
    snprintf(name, sizeof name, "%s%s", weight, suffix);
    gan_tensor *tensor = fixture_tensor(&f, name);
    float *values = malloc((size_t)gan_count(tensor) * sizeof *values);
    ck_assert_int_eq(gan_read_f32(tensor, values), GAN_OK);
    *count = gan_count(tensor);
    return values;
}

/* uᵀ W v against the singular value, for one weight. */
static void check_sigma(const char *weight)
{
    int64_t n, m, count;
    float *w = values_of(weight, "", &count), *u = values_of(weight, "_u", &n), *v = values_of(weight, "_v", &m);
    ck_assert_int_eq(n * m, count);
    double sigma = 0, *rows = malloc((size_t)count * sizeof *rows);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) {
            rows[i * m + j] = w[i * m + j];
            sigma += (double)u[i] * w[i * m + j] * v[j];
        }
    double exact = largest_singular_value(rows, n, m);
    ck_assert_msg(fabs(sigma - exact) <= 0.01 * exact, "sigma of %s is %g, its largest singular value %g", weight,
                  sigma, exact);
    free(rows);
    free(w);
    free(u);
    free(v);
}

typedef struct names {
    char of[64][96];
    int n, parameters;
} names;

static void note_normalized(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    names *list = user;
    size_t length = strlen(name);
    (void)tensor, (void)layout;
    if (strncmp(name, "discriminator.", 14) != 0)
        return;
    list->parameters += kind == GAN_SLOT_PARAMETER && length > 7 && strcmp(name + length - 7, ".weight") == 0;
    if (length < 2 || strcmp(name + length - 2, "_u") != 0)
        return;
    ck_assert_int_lt(list->n, 64);
    snprintf(list->of[list->n++], sizeof list->of[0], "%.*s", (int)length - 2, name);
}

/* After training, where the weights have moved away under u and v. */
START_TEST(sigma_is_the_largest_singular_value)
{
    bool residual = _i == 1;
    int32_t labels[8] = {0, 1, 2, 2, 1, 0, 0, 2};
    fixture_set(&f, "networks", residual ? "resnet" : "dcgan");
    fixture_set(&f, "d_lr", "0.002");
    f.data.height = f.data.width = residual ? 32 : 16;
    use_labels(3);
    fixture_build(&f);
    float *images = fixture_noise(&f, 8);
    fixture_train(&f, images, labels, 4, residual ? 40 : 100, 1);
    names list = {.n = 0};
    gan_model_visit(f.model, note_normalized, NULL, &list);
    ck_assert_int_gt(list.n, 3);
    ck_assert_int_eq(list.n, list.parameters); /* every weight of D is normalized */
    for (int i = 0; i < list.n; i++)
        check_sigma(list.of[i]);
    free(images);
}
END_TEST

START_TEST(u_follows_in_steps_of_the_discriminator)
{
    enum { N = 4 };
    float first[N], second[N], third[N];
    fixture_build(&f);
    gan_tensor *u = fixture_tensor(&f, "discriminator.0.weight_u");
    ck_assert_int_eq(gan_count(u), N);
    float *images = fixture_noise(&f, 4);
    gan_assign(fixture_tensor(&f, "discriminator.0.weight"), gan_randn(f.ctx, GAN_SHAPE(N, 4, 4, 1)));
    gan_read_f32(u, first);
    fixture_train(&f, images, NULL, 4, 0, 1);
    gan_read_f32(u, second);
    fixture_train(&f, images, NULL, 4, 1, 0);
    gan_read_f32(u, third);
    ck_assert_int_eq(memcmp(first, second, sizeof first), 0);
    ck_assert_int_ne(memcmp(second, third, sizeof first), 0);
    free(images);
}
END_TEST

/* The scores do not change when a weight is multiplied. */
START_TEST(the_scale_of_a_weight_does_not_matter)
{
    double score[2];
    fixture_set(&f, "d_lr", "0");
    fixture_build(&f);
    float *images = fixture_noise(&f, 4);
    gan_tensor *weight = fixture_tensor(&f, "discriminator.2.weight");
    for (int i = 0; i < 2; i++) {
        gan_assign(weight, gan_scale(weight, i ? 1000.0f : 1.0f));
        fixture_train(&f, images, NULL, 4, 30, 0);
        score[i] = fixture_metric(&f, "D(x)");
    }
    ck_assert_double_gt(fabs(score[0]), 1e-3);
    ck_assert_double_eq_tol(score[1], score[0], 1e-3 * fabs(score[0]));
    free(images);
}
END_TEST

/* ---- labels ---- */

START_TEST(samples_are_of_the_class_that_was_asked_for)
{
    enum { PIXELS = 64 };
    float in_turn[4 * PIXELS], chosen[PIXELS], other[PIXELS];
    use_labels(3);
    fixture_build(&f);
    gan_tensor *bias = fixture_tensor(&f, "generator.2.bias"); /* of the first conditional batch norm, [3, C] */
    ck_assert_int_eq(gan_dim(bias, 0), 3);
    gan_assign(bias, gan_randn(f.ctx, gan_shape_of(bias)));
    fixture_sample(&f, 1, NULL, 4, in_turn); /* of classes 0, 1, 2, 0 */
    fixture_sample(&f, 3, (int32_t[]){2}, 1, chosen);
    fixture_sample(&f, 3, (int32_t[]){0}, 1, other);
    double difference = 0;
    for (int i = 0; i < PIXELS; i++) {
        ck_assert_float_eq_tol(chosen[i], in_turn[2 * PIXELS + i], 1e-5f);
        difference += fabs((double)chosen[i] - (double)other[i]);
    }
    ck_assert_double_gt(difference, 1e-3);
}
END_TEST

/* Black images of class 0 and white ones of class 1: what D says of a white image depends on the label. */
START_TEST(the_discriminator_minds_the_label)
{
    enum { N = 16, PIXELS = 64 };
    float images[N * PIXELS];
    int32_t right[N], wrong[N];
    for (int i = 0; i < N; i++) {
        right[i] = i % 2, wrong[i] = 1 - i % 2;
        for (int k = 0; k < PIXELS; k++)
            images[i * PIXELS + k] = i % 2 ? 1.0f : -1.0f;
    }
    use_labels(2);
    fixture_set(&f, "d_lr", "0.002");
    fixture_build(&f);
    for (int i = 0; i < 100; i++)
        fixture_train(&f, images, right, N, 1, 1);
    double matched = fixture_metric(&f, "D(x)");
    fixture_train(&f, images, wrong, N, 1, 0);
    double mismatched = fixture_metric(&f, "D(x)");
    ck_assert_msg(matched > mismatched + 0.1, "D(x) is %g with the right labels, %g with wrong ones", matched,
                  mismatched);
}
END_TEST

/* ---- training ---- */

START_TEST(the_generators_batch_can_be_larger)
{
    uint64_t blocks[2];
    float *images = fixture_noise(&f, 4);
    for (int i = 0; i < 2; i++) {
        fixture_set(&f, "g_batch_factor", i ? "3" : "1");
        fixture_build(&f);
        uint64_t before = gan_random_get(f.ctx).counter;
        fixture_train(&f, images, NULL, 4, 0, 1);
        blocks[i] = gan_random_get(f.ctx).counter - before;
    }
    ck_assert_uint_eq(blocks[0], 4 * 6 / 4); /* 4 latents of 6, four to a block */
    ck_assert_uint_eq(blocks[1], 3 * 4 * 6 / 4);
    free(images);
}
END_TEST

/* Images that are all of one grey: G learns it. */
START_TEST(training_moves_samples_to_the_data)
{
    enum { N = 8, PIXELS = 64 };
    float images[N * PIXELS], samples[N * PIXELS];
    for (int i = 0; i < N * PIXELS; i++)
        images[i] = 0.6f;
    fixture_set(&f, "loss", _i ? "nonsaturating" : "hinge");
    fixture_set(&f, "g_lr", "0.002");
    fixture_set(&f, "d_lr", "0.002");
    fixture_build(&f);
    double before = 0, after = 0;
    fixture_sample(&f, 1, NULL, N, samples);
    for (int i = 0; i < N * PIXELS; i++)
        before += fabs((double)samples[i] - 0.6) / (N * PIXELS);
    for (int i = 0; i < 120; i++)
        fixture_train(&f, images, NULL, N, 2, 1);
    fixture_sample(&f, 1, NULL, N, samples);
    for (int i = 0; i < N * PIXELS; i++)
        after += fabs((double)samples[i] - 0.6) / (N * PIXELS);
    ck_assert_msg(before > 0.5 && after < 0.25, "the samples' distance went from %g to %g", before, after);
}
END_TEST

START_TEST(a_sample_depends_on_its_seed_alone)
{
    if (_i)
        use_labels(3);
    fixture_build(&f);
    check_samples_depend_on_their_seed_alone(&f);
}
END_TEST

START_TEST(a_step_that_has_run_before_takes_no_memory_from_the_system)
{
    int32_t labels[8] = {0, 1, 2, 2, 1, 0, 0, 2};
    use_labels(3);
    fixture_build(&f);
    float *images = fixture_noise(&f, 8);
    check_steady_memory(&f, images, labels, 8);
    free(images);
}
END_TEST

START_TEST(build_survives_every_failed_allocation)
{
    use_labels(3);
    check_build_survives_failed_allocations(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("sngan");
    TCase *t = tcase_create("sngan");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, networks_fit_the_data, 0, 6);
    tcase_add_test(t, the_widths_of_the_paper_are_the_default);
    tcase_add_test(t, data_that_do_not_fit_are_refused);
    tcase_add_loop_test(t, sigma_is_the_largest_singular_value, 0, 2);
    tcase_add_test(t, u_follows_in_steps_of_the_discriminator);
    tcase_add_test(t, the_scale_of_a_weight_does_not_matter);
    tcase_add_test(t, samples_are_of_the_class_that_was_asked_for);
    tcase_add_test(t, the_discriminator_minds_the_label);
    tcase_add_test(t, the_generators_batch_can_be_larger);
    tcase_add_loop_test(t, training_moves_samples_to_the_data, 0, 2);
    tcase_add_loop_test(t, a_sample_depends_on_its_seed_alone, 0, 2);
    tcase_add_test(t, a_step_that_has_run_before_takes_no_memory_from_the_system);
    tcase_add_test(t, build_survives_every_failed_allocation);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
