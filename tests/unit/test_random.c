/* Philox against the known answers published with it, and the distributions made from it. */
#include "../support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static gan_context *ctx;

static gan_context *open_context(int threads)
{
    gan_context *made = NULL;
    gan_context_options options = {.struct_size = sizeof options, .threads = threads, .seed = 42};
    ck_assert_int_eq(gan_context_create(&options, &made, NULL), GAN_OK);
    gan_scope_begin(made);
    return made;
}

static void setup(void)
{
    ctx = open_context(2);
}

static void teardown(void)
{
    gan_context_destroy(ctx);
}

static float *values(gan_tensor *t)
{
    float *out = malloc((size_t)gan_count(t) * sizeof *out);
    ck_assert_int_eq(gan_read_f32(t, out), GAN_OK);
    return out;
}

/* kat_vectors of the Random123 library, philox4x32 with 10 rounds. */
START_TEST(philox_gives_the_known_answers)
{
    static const struct {
        uint64_t key, stream, counter;
        uint32_t out[4];
    } known[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        gan_philox(known[i].key, known[i].stream, known[i].counter, out);
        ck_assert_mem_eq(out, known[i].out, sizeof out);
    }
}
END_TEST

START_TEST(a_uniform_draw_is_the_high_bits_of_the_blocks)
{
    gan_random_set(ctx, (gan_random_state){.seed = 7, .counter = 5});
    float *x = values(gan_rand(ctx, GAN_SHAPE(11), -2.0f, 6.0f));
    for (int i = 0; i < 11; i++) {
        uint32_t word[4];
        gan_philox(7, 0, 5 + (uint64_t)i / 4, word);
        ck_assert_float_eq(x[i], -2.0f + 8.0f * ((float)(word[i % 4] >> 8) * 0x1p-24f));
    }
    free(x);
    ck_assert_uint_eq(gan_random_get(ctx).counter, 5 + 3); /* three blocks of four */
    ck_assert_uint_eq(gan_random_get(ctx).seed, 7);
}
END_TEST

START_TEST(the_state_says_everything)
{
    gan_random_state before = gan_random_get(ctx);
    float *a = values(gan_randn(ctx, GAN_SHAPE(33))), *next = values(gan_randn(ctx, GAN_SHAPE(33)));
    gan_random_set(ctx, before);
    float *again = values(gan_randn(ctx, GAN_SHAPE(33)));
    ck_assert_mem_eq(a, again, 33 * sizeof *a);
    ck_assert_mem_ne(a, next, 33 * sizeof *a);
    free(a);
    free(next);
    free(again);
}
END_TEST

START_TEST(threads_do_not_change_a_draw)
{
    enum { N = 100003 };
    gan_context *one = open_context(1);
    for (int kind = 0; kind < 3; kind++) {
        gan_tensor *a, *b;
        if (kind == 2) {
            int32_t *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
            gan_read_i32(gan_randint(ctx, GAN_SHAPE(N), 1000), x);
            gan_read_i32(gan_randint(one, GAN_SHAPE(N), 1000), y);
            ck_assert_mem_eq(x, y, N * sizeof *x);
            free(x);
            free(y);
            continue;
        }
        a = kind ? gan_randn(ctx, GAN_SHAPE(N)) : gan_rand(ctx, GAN_SHAPE(N), 0, 1);
        b = kind ? gan_randn(one, GAN_SHAPE(N)) : gan_rand(one, GAN_SHAPE(N), 0, 1);
        float *x = values(a), *y = values(b);
        ck_assert_mem_eq(x, y, N * sizeof *x);
        free(x);
        free(y);
    }
    gan_context_destroy(one);
}
END_TEST

/* Standardized moments of n draws: each of the first four has a standard error of about sqrt(c / n). */
static void check_moments(const float *x, int n, double mean, double variance, double kurtosis)
{
    double m = 0, v = 0, s = 0, k = 0;
    for (int i = 0; i < n; i++)
        m += x[i];
    m /= n;
    for (int i = 0; i < n; i++)
        v += (x[i] - m) * (x[i] - m);
    v /= n;
    for (int i = 0; i < n; i++) {
        double z = (x[i] - m) / sqrt(v);
        s += z * z * z;
        k += z * z * z * z;
    }
    double error = 5 / sqrt(n); /* five standard errors */
    ck_assert_double_le(fabs(m - mean), error * sqrt(variance));
    ck_assert_double_le(fabs(v / variance - 1), error * 1.5);
    ck_assert_double_le(fabs(s / n), error * 2.5);
    ck_assert_double_le(fabs(k / n - kurtosis), error * 5);
}

START_TEST(uniform_numbers_are_uniform)
{
    enum { N = 1 << 20, CELLS = 256 };
    float *x = values(gan_rand(ctx, GAN_SHAPE(N), 0, 1));
    int count[CELLS] = {0};
    double chi = 0, serial = 0;
    for (int i = 0; i < N; i++) {
        ck_assert(x[i] >= 0 && x[i] < 1);
        count[(int)(x[i] * CELLS)]++;
        serial += (x[i] - 0.5) * (x[(i + 1) % N] - 0.5);
    }
    for (int i = 0; i < CELLS; i++)
        chi += pow(count[i] - (double)N / CELLS, 2) / ((double)N / CELLS);
    /* chi squared with 255 degrees: mean 255, deviation 22.6 */
    ck_assert_double_le(fabs(chi - 255), 5 * 22.6);
    ck_assert_double_le(fabs(serial / N * 12), 5 / sqrt(N));
    check_moments(x, N, 0.5, 1.0 / 12, 1.8);
    free(x);
}
END_TEST

START_TEST(normal_numbers_are_normal)
{
    enum { N = 1 << 20 };
    /* Share below each point: the normal distribution function. */
    static const double point[] = {-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3};
    float *x = values(gan_randn(ctx, GAN_SHAPE(N)));
    for (size_t p = 0; p < sizeof point / sizeof *point; p++) {
        double share = 0, expected = 0.5 * erfc(-point[p] / sqrt(2));
        for (int i = 0; i < N; i++)
            share += x[i] < point[p];
        ck_assert_double_le(fabs(share / N - expected), 5 * sqrt(expected * (1 - expected) / N));
    }
    check_moments(x, N, 0, 1, 3);
    /* The two numbers of a Box-Muller pair are independent: neither they nor their squares correlate. */
    double pair = 0, squares = 0;
    for (int i = 0; i < N; i += 2) {
        pair += (double)x[i] * x[i + 1];
        squares += ((double)x[i] * x[i] - 1) * ((double)x[i + 1] * x[i + 1] - 1);
    }
    ck_assert_double_le(fabs(pair / (N / 2)), 5 / sqrt(N / 2));
    ck_assert_double_le(fabs(squares / (N / 2)), 5 * 2 / sqrt(N / 2));
    free(x);
}
END_TEST

START_TEST(integers_cover_their_range)
{
    enum { N = 100000, HIGH = 7 };
    int32_t *x = malloc(N * sizeof *x);
    int count[HIGH] = {0};
    ck_assert_int_eq(gan_read_i32(gan_randint(ctx, GAN_SHAPE(N), HIGH), x), GAN_OK);
    for (int i = 0; i < N; i++) {
        ck_assert(x[i] >= 0 && x[i] < HIGH);
        count[x[i]]++;
    }
    for (int i = 0; i < HIGH; i++)
        ck_assert_double_le(fabs(count[i] - (double)N / HIGH), 5 * sqrt((double)N / HIGH));
    free(x);
}
END_TEST

START_TEST(other_integers_are_all_but_the_value)
{
    enum { N = 60000, HIGH = 4 };
    int32_t *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
    int count[HIGH][HIGH] = {0};
    for (int i = 0; i < N; i++)
        x[i] = i % HIGH;
    gan_tensor *other = gan_randint_other(gan_from_i32(ctx, GAN_SHAPE(N), x), HIGH);
    ck_assert_int_eq(gan_dtype_of(other), GAN_I32);
    ck_assert_int_eq(gan_read_i32(other, y), GAN_OK);
    for (int i = 0; i < N; i++) {
        ck_assert(y[i] >= 0 && y[i] < HIGH && y[i] != x[i]);
        count[x[i]][y[i]]++;
    }
    const double each = (double)N / HIGH / (HIGH - 1);
    for (int i = 0; i < HIGH * HIGH; i++)
        ck_assert(i / HIGH == i % HIGH || fabs(count[i / HIGH][i % HIGH] - each) < 5 * sqrt(each));
    ck_assert(gan_is_poison(gan_randint_other(other, 1)));
    free(x);
    free(y);
}
END_TEST

START_TEST(a_row_of_seeds_depends_on_its_seed_alone)
{
    const uint64_t seeds[] = {3, 99, 3, 1234567890123}, alone[] = {1234567890123};
    float *all = values(gan_randn_of_seeds(ctx, seeds, 4, 37));
    gan_random_set(ctx, (gan_random_state){.seed = 1000, .counter = 17});
    float *last = values(gan_randn_of_seeds(ctx, alone, 1, 37));
    ck_assert_mem_eq(all, all + 2 * 37, 37 * sizeof *all);
    ck_assert_mem_ne(all, all + 37, 37 * sizeof *all);
    ck_assert_mem_eq(all + 3 * 37, last, 37 * sizeof *all);
    ck_assert_uint_eq(gan_random_get(ctx).counter, 17); /* nothing is taken from the context's */
    free(all);
    free(last);
}
END_TEST

/* Dropout keeps a share 1 - p, scaled by 1/(1 - p); the derivative has the same mask; another call, another mask. */
START_TEST(dropout_drops_its_share_and_differentiates_alike)
{
    enum { N = 200000 };
    const float p = 0.4f;
    gan_tensor *x = gan_variable(gan_full(ctx, GAN_SHAPE(N), 2.0f)), *g;
    gan_tensor *y = gan_dropout(x, p), *z = gan_dropout(x, p);
    ck_assert_int_eq(gan_grad(y, &x, 1, &g, 0), GAN_OK);
    float *first = values(y), *second = values(z), *slope = values(g);
    int kept = 0, both = 0;
    for (int i = 0; i < N; i++) {
        ck_assert(first[i] == 0 || fabsf(first[i] - 2 / (1 - p)) < 1e-5f);
        ck_assert_float_eq_tol(slope[i] * 2, first[i], 1e-5f);
        kept += first[i] != 0;
        both += first[i] != 0 && second[i] != 0;
    }
    ck_assert_double_le(fabs(kept / (double)N - 0.6), 5 * sqrt(0.24 / N));
    ck_assert_double_le(fabs(both / (double)N - 0.36), 5 * sqrt(0.36 * 0.64 / N));
    free(first);
    free(second);
    free(slope);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("random");
    TCase *t = tcase_create("philox");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, philox_gives_the_known_answers);
    tcase_add_test(t, a_uniform_draw_is_the_high_bits_of_the_blocks);
    tcase_add_test(t, the_state_says_everything);
    tcase_add_test(t, threads_do_not_change_a_draw);
    tcase_add_test(t, uniform_numbers_are_uniform);
    tcase_add_test(t, normal_numbers_are_normal);
    tcase_add_test(t, integers_cover_their_range);
    tcase_add_test(t, other_integers_are_all_but_the_value);
    tcase_add_test(t, a_row_of_seeds_depends_on_its_seed_alone);
    tcase_add_test(t, dropout_drops_its_share_and_differentiates_alike);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
