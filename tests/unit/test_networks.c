/* Spectral and conditional layers, the families of networks, gradient penalties, clipping. */
#include "../support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gan_context *ctx;

static void open_context(void)
{
    ctx = test_context_open(2, 11);
}

static void close_context(void)
{
    test_context_close(ctx);
}

static void check_ok(void)
{
    ck_assert_msg(gan_status_of(ctx) == GAN_OK, "%s", gan_status_message(ctx));
}

static double item(gan_tensor *t)
{
    float v = NAN;
    ck_assert_int_eq(gan_count(t), 1);
    ck_assert_int_eq(gan_read_f32(t, &v), GAN_OK);
    return (double)v;
}

static void fill(gan_tensor *t, const float *values)
{
    ck_assert_int_eq(gan_assign_f32(t, values), GAN_OK);
}

static gan_tensor *shaped(gan_shape shape)
{
    return gan_randn(ctx, shape);
}

/* The error of the failed operation must say `text`; it is forgotten then. */
static void expect_error(gan_status status, const char *text)
{
    ck_assert_int_eq(gan_status_of(ctx), status);
    ck_assert_msg(strstr(gan_status_message(ctx), text) != NULL, "\"%s\" does not say \"%s\"", gan_status_message(ctx),
                  text);
    gan_clear_status(ctx);
}

/* ---- spectral normalization ---- */

/* diag(3, 2) has the largest singular value 3; after some steps the layer multiplies by diag(1, 2/3). */
START_TEST(spectral_norm_divides_by_the_largest_singular_value)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_layer *linear = gan_nn_spectral_norm(gan_nn_linear(net, 2, 2, &(gan_nn_args){.no_bias = true}));
    fill(gan_layer_find(net, "0.weight"), (const float[]){3, 0, 0, 2});
    for (int i = 0; i < 60; i++)
        gan_spectral_norm_step(net);
    float y[4];
    gan_read_f32(gan_forward(linear, gan_from_f32(ctx, GAN_SHAPE(2, 2), (const float[]){1, 0, 0, 1})), y);
    check_ok();
    const float expected[4] = {1, 0, 0, 2.0f / 3.0f};
    for (int i = 0; i < 4; i++)
        ck_assert_float_eq_tol(y[i], expected[i], 1e-5f);
    float u[2];
    gan_read_f32(gan_layer_find(net, "0.weight_u"), u);
    ck_assert_float_eq_tol(fabsf(u[0]), 1.0f, 1e-5f);
    gan_layer_destroy(net);
}
END_TEST

/* One step, by hand: v = Wᵀu / |Wᵀu|, u = Wv / |Wv|. */
START_TEST(one_power_iteration_is_the_papers)
{
    const float w[6] = {1, -2, 0.5f, 0, 3, 1}, u0[2] = {0.6f, 0.8f};
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_spectral_norm(gan_nn_linear(net, 3, 2, &(gan_nn_args){.no_bias = true}));
    fill(gan_layer_find(net, "0.weight"), w);
    fill(gan_layer_find(net, "0.weight_u"), u0);
    ck_assert_int_eq(gan_spectral_norm_step(net), GAN_OK);
    double v[3], u[2], length = 0;
    for (int j = 0; j < 3; j++)
        length += pow(v[j] = (double)(u0[0] * w[j] + u0[1] * w[3 + j]), 2);
    for (int j = 0; j < 3; j++)
        v[j] /= sqrt(length);
    length = 0;
    for (int i = 0; i < 2; i++) {
        u[i] = 0;
        for (int j = 0; j < 3; j++)
            u[i] += (double)w[3 * i + j] * v[j];
        length += u[i] * u[i];
    }
    float got_u[2], got_v[3];
    gan_read_f32(gan_layer_find(net, "0.weight_u"), got_u);
    gan_read_f32(gan_layer_find(net, "0.weight_v"), got_v);
    for (int i = 0; i < 2; i++)
        ck_assert_float_eq_tol(got_u[i], (float)(u[i] / sqrt(length)), 1e-6f);
    for (int j = 0; j < 3; j++)
        ck_assert_float_eq_tol(got_v[j], (float)v[j], 1e-6f);
    gan_layer_destroy(net);
}
END_TEST

static double conv_loss(gan_layer *net, gan_tensor *x)
{
    return item(gan_sum(gan_square(gan_forward(net, x))));
}

/* Against differences: the derivative goes through sigma = uᵀ W v with u and v fixed. */
START_TEST(derivatives_go_through_sigma)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_spectral_norm(gan_nn_conv2d(net, 2, 3, 3, (gan_conv){.pad = 1}, NULL));
    gan_tensor *x = shaped(GAN_SHAPE(2, 4, 4, 2)), *w = gan_layer_find(net, "0.weight"), *g;
    ck_assert_int_eq(gan_grad(gan_sum(gan_square(gan_forward(net, x))), &w, 1, &g, 0), GAN_OK);
    float weight[54], gradient[54];
    gan_read_f32(w, weight);
    gan_read_f32(g, gradient);
    for (int i = 0; i < 54; i += 5) {
        const float step = 1e-2f, before = weight[i];
        weight[i] = before + step;
        fill(w, weight);
        double above = conv_loss(net, x);
        weight[i] = before - step;
        fill(w, weight);
        double below = conv_loss(net, x);
        weight[i] = before;
        ck_assert_double_eq_tol((above - below) / (2 * (double)step), (double)gradient[i],
                                1e-2 * (1 + fabs((double)gradient[i])));
    }
    check_ok();
    gan_layer_destroy(net);
}
END_TEST

START_TEST(spectral_norm_is_refused_where_it_has_no_meaning)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_spectral_norm(gan_nn_conv2d_transpose(net, 2, 3, 4, (gan_conv){0}, NULL));
    expect_error(GAN_ERROR_UNSUPPORTED, "spectral normalization is not for conv2d_transpose layers");
    gan_nn_spectral_norm(gan_nn_spectral_norm(gan_nn_linear(net, 2, 2, NULL)));
    expect_error(GAN_ERROR_ARGUMENT, "normalized already");
    gan_layer_destroy(net);
}
END_TEST

/* In a run of bf16, sigma is still f32: it scales every weight alike. */
START_TEST(sigma_is_f32_in_bf16_runs)
{
    gan_context_options options = {.struct_size = sizeof options, .precision = GAN_PRECISION_BF16, .seed = 3};
    gan_context *bf16;
    gan_message message;
    ck_assert_int_eq(gan_context_create(&options, &bf16, &message), GAN_OK);
    gan_scope_begin(bf16);
    gan_layer *net = gan_sequential(bf16, NULL);
    gan_nn_spectral_norm(gan_nn_linear(net, 64, 64, NULL));
    gan_tensor *w = gan_layer_find(net, "0.weight"), *u = gan_layer_find(net, "0.weight_u");
    gan_tensor *v = gan_layer_find(net, "0.weight_v");
    static float fw[64 * 64], fu[64], fv[64];
    gan_read_f32(w, fw);
    for (int i = 0; i < 20; i++)
        gan_spectral_norm_step(net);
    gan_read_f32(u, fu);
    gan_read_f32(v, fv);
    double length = 0, difference = 0;
    for (int i = 0; i < 64; i++) { /* after the step u = Wv / |Wv|, to f32 rounding */
        double wv = 0;
        for (int j = 0; j < 64; j++)
            wv += (double)fw[64 * i + j] * (double)fv[j];
        length += wv * wv;
        fw[64 * i] = (float)wv;
    }
    for (int i = 0; i < 64; i++)
        difference = fmax(difference, fabs((double)fw[64 * i] / sqrt(length) - (double)fu[i]));
    ck_assert_double_le(difference, 1e-5);
    gan_scope_end(bf16, NULL);
    gan_layer_destroy(net);
    gan_context_destroy(bf16);
}
END_TEST

/* ---- conditional layers ---- */

START_TEST(conditional_batch_norm_scales_by_class)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_conditional_batch_norm(net, 2, 3);
    const float gamma[6] = {1, 2, 3, 4, 5, 6}, beta[6] = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f};
    const int32_t label[4] = {2, 0, 1, 2};
    fill(gan_layer_find(net, "0.weight"), gamma);
    fill(gan_layer_find(net, "0.bias"), beta);
    gan_tensor *x = shaped(GAN_SHAPE(4, 3, 3, 2)), *labels = gan_from_i32(ctx, GAN_SHAPE(4), label);
    gan_tensor *plain = gan_batch_norm(x, &(gan_batch_norm_args){.training = true, .eps = 1e-5f});
    float normal[72], y[72], mean[2];
    gan_read_f32(plain, normal);
    gan_read_f32(gan_forward_given(net, x, labels), y);
    check_ok();
    for (int i = 0; i < 72; i++) {
        int at = 2 * label[i / 18] + i % 2;
        ck_assert_float_eq_tol(y[i], gamma[at] * normal[i] + beta[at], 1e-5f);
    }
    gan_read_f32(gan_layer_find(net, "0.running_mean"), mean);
    ck_assert(mean[0] != 0.0f);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(projection_is_an_inner_product)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_projection(net, 3, 2, NULL);
    fill(gan_layer_find(net, "0.weight"), (const float[]){1, 2, 3, -1, 0, 1});
    gan_tensor *x = gan_from_f32(ctx, GAN_SHAPE(2, 3), (const float[]){1, 1, 1, 2, 5, 4});
    float y[2];
    gan_tensor *out = gan_forward_given(net, x, gan_from_i32(ctx, GAN_SHAPE(2), (const int32_t[]){0, 1}));
    ck_assert(gan_shape_equal(gan_shape_of(out), GAN_SHAPE(2, 1)));
    gan_read_f32(out, y);
    ck_assert_float_eq(y[0], 6);
    ck_assert_float_eq(y[1], 2);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(a_label_is_joined_as_its_vector)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_join_label(net, 3, 2);
    fill(gan_layer_find(net, "0.weight"), (const float[]){1, 2, 3, 4, 5, 6});
    gan_tensor *x = gan_from_f32(ctx, GAN_SHAPE(2, 1, 2, 1), (const float[]){7, 8, 9, 10});
    const float expected[2][4] = {{7, 8, 5, 6}, {9, 10, 1, 2}};
    float y[2][4];
    gan_tensor *out = gan_forward_given(net, x, gan_from_i32(ctx, GAN_SHAPE(2), (const int32_t[]){2, 0}));
    ck_assert(gan_shape_equal(gan_shape_of(out), GAN_SHAPE(2, 4)));
    gan_read_f32(out, y[0]);
    ck_assert_mem_eq(y, expected, sizeof y);
    ck_assert(gan_is_poison(gan_forward(net, x)));
    expect_error(GAN_ERROR_STATE, "needs labels");
    gan_layer_destroy(net);
}
END_TEST

START_TEST(labels_must_be_given_and_fit)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_conditional_batch_norm(net, 2, 3);
    gan_tensor *x = shaped(GAN_SHAPE(4, 3, 3, 2));
    ck_assert(gan_is_poison(gan_forward(net, x)));
    expect_error(GAN_ERROR_STATE, "needs labels");
    ck_assert(gan_is_poison(gan_forward_given(net, x, gan_from_i32(ctx, GAN_SHAPE(1), (const int32_t[]){0}))));
    expect_error(GAN_ERROR_SHAPE, "do not fit");
    const int32_t absurd[4] = {0, 1, 2, 3};
    ck_assert(gan_is_poison(gan_forward_given(net, x, gan_from_i32(ctx, GAN_SHAPE(4), absurd))));
    ck_assert_int_ne(gan_status_of(ctx), GAN_OK);
    gan_clear_status(ctx);
    gan_layer_destroy(net);
}
END_TEST

/* ---- one input, several sets of labels ---- */

enum { SETS = 3, EACH = 4 };

static gan_tensor *labels_of(const int32_t *values)
{
    return gan_from_i32(ctx, GAN_SHAPE(EACH), values);
}

static void make_sets(gan_tensor **sets)
{
    static const int32_t values[SETS][EACH] = {{0, 1, 2, 0}, {2, 2, 0, 1}, {1, 0, 1, 2}};
    for (int i = 0; i < SETS; i++)
        sets[i] = labels_of(values[i]);
}

/* Convolutions, fused activations on both sides of the first layer that depends on labels, and a projection. */
static gan_layer *labelled_network(void)
{
    const gan_conv same = {.pad = 1};
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_conv2d(net, 2, 3, 3, same, NULL);
    gan_nn_batch_norm(net, 3, NULL);
    gan_nn_leaky_relu(net, 0.2f);
    gan_nn_conv2d(gan_residual(net, 0.7f), 3, 3, 3, same, NULL);
    gan_nn_conditional_batch_norm(net, 3, 3);
    gan_nn_relu(net);
    gan_nn_sum_pool(net);
    gan_layer *sum = gan_nn_sum(net);
    gan_nn_linear(sum, 3, 1, NULL);
    gan_nn_projection(sum, 3, 3, NULL);
    gan_tensor *gamma = gan_layer_find(net, "4.weight");
    gan_assign(gamma, gan_rand(ctx, gan_shape_of(gamma), 0.5f, 1.5f));
    return net;
}

static void check_close(gan_tensor *a, gan_tensor *b, float tolerance)
{
    float of_a[512], of_b[512];
    check_ok();
    ck_assert(gan_shape_equal(gan_shape_of(a), gan_shape_of(b)) && gan_count(a) <= 512);
    ck_assert_int_eq(gan_read_f32(a, of_a), GAN_OK);
    ck_assert_int_eq(gan_read_f32(b, of_b), GAN_OK);
    for (int i = 0; i < gan_count(a); i++)
        ck_assert_msg(fabsf(of_a[i] - of_b[i]) <= tolerance * (1 + fabsf(of_b[i])), "element %d is %g, should be %g", i,
                      (double)of_a[i], (double)of_b[i]);
}

static void check_same(gan_tensor *a, gan_tensor *b)
{
    check_close(a, b, 1e-6f);
}

/* Results and derivatives are those of separate passes, in training and in evaluation. */
START_TEST(each_set_of_labels_gives_what_its_own_pass_gives)
{
    gan_layer *net = labelled_network();
    gan_layer_train(net, _i == 0);
    static const char *const names[] = {"0.weight", "1.weight", "3.0.bias", "4.weight", "7.0.weight", "7.1.weight"};
    enum { WEIGHTS = sizeof names / sizeof *names };
    gan_tensor *sets[SETS], *results[SETS], *weights[WEIGHTS], *shared[WEIGHTS], *separate[WEIGHTS];
    gan_tensor *x = shaped(GAN_SHAPE(EACH, 4, 4, 2)), *together = gan_zeros(ctx, GAN_SHAPE(1)), *apart = together;
    make_sets(sets);
    for (int i = 0; i < WEIGHTS; i++)
        weights[i] = gan_layer_find(net, names[i]);
    gan_forward_given_each(net, x, sets, SETS, results);
    for (int i = 0; i < SETS; i++) {
        gan_tensor *alone = gan_forward_given(net, x, sets[i]);
        check_same(results[i], alone);
        together = gan_add(together, gan_mean(gan_square(results[i])));
        apart = gan_add(apart, gan_mean(gan_square(alone)));
    }
    ck_assert_int_eq(gan_grad(together, weights, WEIGHTS, shared, 0), GAN_OK);
    ck_assert_int_eq(gan_grad(apart, weights, WEIGHTS, separate, 0), GAN_OK);
    for (int i = 0; i < WEIGHTS; i++)
        check_close(shared[i], separate[i], 1e-4f); /* sums in another order */
    ck_assert(item(gan_sqnorm(shared[0])) > 0);
    ck_assert(isfinite(item(gan_sum(x)))); /* not released */
    gan_layer_destroy(net);
}
END_TEST

/* From zero and with a momentum of 0.1, statistics are 0.1 of the batch's after one update, 0.19 after two. */
START_TEST(layers_in_front_of_labels_run_once)
{
    gan_layer *net = labelled_network();
    gan_tensor *sets[SETS], *results[SETS], *x = shaped(GAN_SHAPE(EACH, 4, 4, 2));
    make_sets(sets);
    gan_forward_given_each(net, x, sets, SETS, results);
    gan_tensor *once = gan_add_scalar(gan_layer_find(net, "1.running_mean"), 0);
    gan_tensor *thrice = gan_add_scalar(gan_layer_find(net, "4.running_mean"), 0);
    gan_forward_given(net, x, sets[0]);
    check_same(gan_layer_find(net, "1.running_mean"), gan_scale(once, 0.19f / 0.1f));
    check_same(gan_layer_find(net, "4.running_mean"), gan_scale(thrice, (1 - 0.6561f) / (1 - 0.729f)));
    ck_assert(item(gan_sqnorm(once)) > 0 && item(gan_sqnorm(thrice)) > 0);
    gan_layer_destroy(net);
}
END_TEST

/* Its result depends on the labels; `user` counts the calls. */
static gan_tensor *plus_label(gan_layer *self, gan_tensor *x, void *user)
{
    int32_t labels[EACH] = {0};
    ++*(int *)user;
    gan_read_i32(gan_layer_labels(self), labels);
    return gan_add_scalar(x, (float)labels[0]);
}

/* Dropout draws one mask for all sets in front of labels, one for each behind them. What a custom layer does with
 * labels is not known: it counts as dependent. */
START_TEST(layers_behind_labels_run_for_each_set)
{
    int calls;
    gan_tensor *x = shaped(GAN_SHAPE(EACH, 64)), *results[SETS], *sets[SETS], *same[2];
    make_sets(sets);
    same[0] = same[1] = sets[0];
    for (int behind = 0; behind < 2; behind++) {
        gan_layer *net = gan_sequential(ctx, NULL);
        if (!behind)
            gan_nn_dropout(net, 0.5f);
        gan_nn_custom(net, "plus_label", plus_label, &calls, NULL);
        if (behind)
            gan_nn_dropout(net, 0.5f);
        calls = 0;
        gan_forward_given_each(net, x, same, 2, results);
        ck_assert_int_eq(calls, 2);
        ck_assert((item(gan_sqnorm(gan_sub(results[0], results[1]))) == 0) == !behind);
        gan_layer_train(net, false);
        gan_forward_given_each(net, x, sets, SETS, results);
        for (int i = 0; i < SETS; i++)
            check_same(results[i], gan_forward_given(net, x, sets[i]));
        gan_layer_destroy(net);
    }
}
END_TEST

/* A network that passes its input on, one without conditional layers, one that begins with one, and a single layer. */
START_TEST(any_network_takes_several_sets)
{
    gan_tensor *sets[SETS], *results[SETS], *x = shaped(GAN_SHAPE(EACH, 5));
    make_sets(sets);
    for (int kind = 0; kind < 4; kind++) {
        gan_layer *net = gan_sequential(ctx, NULL), *applied = net;
        if (kind == 2)
            gan_nn_join_label(net, 3, 2);
        if (kind == 1 || kind == 2) {
            gan_nn_linear(net, kind == 2 ? 7 : 5, 6, NULL);
            gan_nn_relu(net);
        }
        if (kind == 3)
            applied = gan_nn_projection(net, 5, 3, NULL);
        for (int n = 0; n <= SETS; n++) {
            gan_tensor *alone[SETS];
            for (int i = 0; i < n; i++)
                alone[i] = gan_forward_given(applied, x, sets[i]);
            gan_forward_given_each(applied, x, sets, n, results);
            for (int i = 0; i < n; i++)
                gan_full(ctx, gan_shape_of(alone[i]), 7.0f); /* where a result would be that was released too early */
            for (int i = 0; i < n; i++)
                check_same(results[i], alone[i]);
        }
        gan_layer_destroy(net);
    }
}
END_TEST

START_TEST(each_set_of_labels_must_be_given_and_fit)
{
    gan_layer *net = labelled_network();
    gan_tensor *x = shaped(GAN_SHAPE(EACH, 4, 4, 2)), *results[2];
    gan_tensor *fits = labels_of((const int32_t[]){0, 1, 2, 0});
    gan_forward_given_each(net, x, (gan_tensor *[]){fits, NULL}, 2, results);
    ck_assert(!gan_is_poison(results[0]) && gan_is_poison(results[1]));
    expect_error(GAN_ERROR_STATE, "needs labels");
    gan_tensor *one = gan_from_i32(ctx, GAN_SHAPE(1), (const int32_t[]){0});
    gan_forward_given_each(net, x, (gan_tensor *[]){fits, one}, 2, results);
    ck_assert(!gan_is_poison(results[0]) && gan_is_poison(results[1]));
    expect_error(GAN_ERROR_SHAPE, "do not fit");
    gan_forward_given_each(net, shaped(GAN_SHAPE(EACH, 4, 4, 5)), (gan_tensor *[]){fits, fits}, 2, results);
    ck_assert(gan_is_poison(results[0]) && gan_is_poison(results[1]));
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_SHAPE);
    gan_clear_status(ctx);
    ck_assert(gan_is_poison(gan_forward(net, x))); /* it has forgotten the labels */
    gan_clear_status(ctx);
    gan_layer_parameter(net, "", GAN_SHAPE(1), (gan_init){0}); /* a network that could not be made */
    gan_clear_status(ctx);
    gan_forward_given_each(net, x, (gan_tensor *[]){fits, fits}, 2, results);
    ck_assert(gan_is_poison(results[0]) && gan_is_poison(results[1]));
    expect_error(GAN_ERROR_STATE, "could not be made");
    gan_layer_destroy(net);
}
END_TEST

/* What the sets share is released behind the last of them, and whatever fails leaves nothing behind. */
START_TEST(several_sets_leave_no_memory_behind)
{
    gan_layer *net = labelled_network();
    gan_tensor *sets[SETS], *results[SETS], *x = shaped(GAN_SHAPE(EACH, 32, 32, 2));
    make_sets(sets);
    size_t before = 0, features = sizeof(float) * EACH * 32 * 32 * 3;
    for (int pass = 0; pass < 4; pass++) {
        gan_scope_begin(ctx);
        gan_no_grad_begin(ctx);
        gan_forward_given_each(net, x, sets, SETS, results);
        size_t with_results = gan_memory(ctx).bytes_in_use;
        gan_no_grad_end(ctx, NULL);
        gan_scope_end(ctx, NULL);
        size_t after = gan_memory(ctx).bytes_in_use;
        ck_assert(with_results - after < features);
        ck_assert(pass == 0 || after == before); /* the first pass packs weights, which stays */
        before = after;
    }
    int failures = 0, successes = 0;
    for (uint64_t nth = 1; successes < 20; nth++) {
        gan_memory_fail_after(ctx, nth);
        gan_scope_begin(ctx);
        gan_forward_given_each(net, x, sets, SETS, results);
        gan_scope_end(ctx, NULL);
        gan_memory_fail_after(ctx, 0);
        ck_assert_uint_eq(gan_memory(ctx).bytes_in_use, before);
        bool failed = gan_status_of(ctx) != GAN_OK;
        ck_assert(!failed || gan_status_of(ctx) == GAN_ERROR_MEMORY);
        failures += failed;
        successes = failed ? 0 : successes + 1;
        gan_clear_status(ctx);
    }
    ck_assert_int_gt(failures, 20);
    gan_layer_destroy(net);
}
END_TEST

/* ---- sums, networks ---- */

START_TEST(a_sum_adds_its_children)
{
    gan_layer *net = gan_sequential(ctx, NULL), *sum = gan_nn_sum(net), *same = gan_sequential(ctx, sum);
    (void)same; /* gives its input */
    gan_nn_relu(gan_sequential(ctx, sum));
    float y[2];
    gan_read_f32(gan_forward(net, gan_from_f32(ctx, GAN_SHAPE(1, 2), (const float[]){-1, 2})), y);
    ck_assert_float_eq(y[0], -1);
    ck_assert_float_eq(y[1], 4);
    gan_layer_destroy(net);
}
END_TEST

static void check_shapes(const gan_image_network *g, gan_layer *generator, gan_layer *discriminator, gan_tensor *z)
{
    gan_tensor *labels = g->classes ? gan_from_i32(ctx, GAN_SHAPE(2), (const int32_t[]){0, 1}) : NULL;
    gan_tensor *x = gan_forward_given(generator, z, labels);
    check_ok();
    ck_assert(gan_shape_equal(gan_shape_of(x), GAN_SHAPE(2, g->resolution, g->resolution, g->channels)));
    gan_tensor *score = gan_forward_given(discriminator, x, labels);
    check_ok();
    ck_assert(gan_shape_equal(gan_shape_of(score), GAN_SHAPE(2, 1)));
    gan_layer_destroy(generator);
    gan_layer_destroy(discriminator);
}

START_TEST(networks_fit_their_images)
{
    static const int64_t sides[] = {8, 16, 32, 64, 128};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
        for (int64_t classes = 0; classes <= 3; classes += 3)
            for (int norm = GAN_NORM_NONE; norm <= GAN_NORM_LAYER; norm++) {
                gan_image_network n = {.resolution = sides[i],
                                       .channels = 1 + 2 * (norm == 1),
                                       .width = 2,
                                       .latent = 5,
                                       .classes = classes,
                                       .norm = (gan_norm)norm,
                                       .spectral_norm = norm == 0};
                check_shapes(&n, gan_dcgan_generator(ctx, &n), gan_dcgan_discriminator(ctx, &n),
                             shaped(GAN_SHAPE(2, 1, 1, 5)));
                if (sides[i] >= 32 && norm == 0)
                    check_shapes(&n, gan_resnet_generator(ctx, &n), gan_resnet_discriminator(ctx, &n),
                                 shaped(GAN_SHAPE(2, 5)));
            }
}
END_TEST

/* Counts that PyTorch gives for the same modules: sums over numel() of their parameters. */
START_TEST(networks_have_the_papers_sizes)
{
    gan_image_network n = {.resolution = 64, .channels = 3, .width = 64, .latent = 100, .norm = GAN_NORM_BATCH};
    gan_layer *g = gan_dcgan_generator(ctx, &n), *d = gan_dcgan_discriminator(ctx, &n);
    ck_assert_int_eq(gan_layer_parameter_count(g), 3576704);
    ck_assert_int_eq(gan_layer_parameter_count(d), 2765568);
    gan_layer_destroy(g);
    gan_layer_destroy(d);
    n = (gan_image_network){.resolution = 32, .channels = 3, .width = 256, .latent = 128};
    g = gan_resnet_generator(ctx, &n);
    ck_assert_int_eq(gan_layer_parameter_count(g), 4274435);
    n.width = 128;
    d = gan_resnet_discriminator(ctx, &n);
    ck_assert_int_eq(gan_layer_parameter_count(d), 1053825);
    gan_layer_destroy(g);
    gan_layer_destroy(d);
}
END_TEST

START_TEST(sizes_that_do_not_fit_are_refused)
{
    ck_assert_int_eq(gan_dcgan_check(ctx, 28, 28), GAN_ERROR_UNSUPPORTED);
    expect_error(GAN_ERROR_UNSUPPORTED, "the data is 28x28; set data.resolution");
    ck_assert_int_eq(gan_resnet_check(ctx, 64, 32), GAN_ERROR_UNSUPPORTED);
    gan_clear_status(ctx);
    gan_image_network n = {.resolution = 28, .channels = 3, .width = 64, .latent = 100};
    gan_layer *g = gan_dcgan_generator(ctx, &n);
    expect_error(GAN_ERROR_UNSUPPORTED, "28x28");
    ck_assert(gan_is_poison(gan_forward(g, shaped(GAN_SHAPE(1, 1, 1, 100)))));
    gan_clear_status(ctx);
    gan_layer_destroy(g);
}
END_TEST

/* ---- penalties, clipping ---- */

/* The gradient of w·x is w for every sample, so the penalty is (|w| - 1)² and its derivative 2 (|w| - 1) w / |w|. */
START_TEST(penalty_of_a_linear_critic)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_linear(net, 2, 1, &(gan_nn_args){.no_bias = true});
    gan_tensor *w = gan_layer_find(net, "0.weight"), *g;
    float gradient[2];
    fill(w, (const float[]){3, 4});
    gan_tensor *x = gan_between(shaped(GAN_SHAPE(5, 2)), shaped(GAN_SHAPE(5, 2)));
    gan_tensor *two = gan_gradient_penalty(gan_forward(net, x), x, GAN_PENALTY_TWO_SIDED);
    ck_assert_double_eq_tol(item(two), 16, 1e-4);
    gan_grad(two, &w, 1, &g, 0);
    gan_read_f32(g, gradient);
    ck_assert_float_eq_tol(gradient[0], 8 * 0.6f, 1e-4f);
    ck_assert_float_eq_tol(gradient[1], 8 * 0.8f, 1e-4f);
    gan_tensor *one = gan_gradient_penalty(gan_forward(net, x), x, GAN_PENALTY_ONE_SIDED);
    ck_assert_double_eq_tol(item(one), 4, 1e-4);
    fill(w, (const float[]){0.3f, 0.4f});
    ck_assert_double_eq_tol(item(gan_gradient_penalty(gan_forward(net, x), x, GAN_PENALTY_ONE_SIDED)), 0, 1e-9);
    fill(w, (const float[]){0, 0});
    two = gan_gradient_penalty(gan_forward(net, x), x, GAN_PENALTY_TWO_SIDED);
    gan_grad(two, &w, 1, &g, 0);
    gan_read_f32(g, gradient);
    ck_assert(isfinite(gradient[0]) && isfinite(gradient[1]));
    check_ok();
    gan_layer_destroy(net);
}
END_TEST

/* Every pixel of a sample has moved by the same share of the way; the shares differ between samples. */
START_TEST(between_draws_one_alpha_per_sample)
{
    gan_tensor *real = gan_full(ctx, GAN_SHAPE(8, 3, 3, 2), 1.0f), *fake = gan_zeros(ctx, GAN_SHAPE(8, 3, 3, 2));
    float x[144];
    gan_read_f32(gan_between(real, fake), x);
    for (int i = 0; i < 144; i++)
        ck_assert_float_eq(x[i], x[i / 18 * 18]);
    for (int i = 1; i < 8; i++)
        ck_assert(x[18 * i] != x[18 * (i - 1)] && x[18 * i] >= 0 && x[18 * i] < 1);
    gan_gradient_penalty(gan_zeros(ctx, GAN_SHAPE(3)), gan_variable(fake), GAN_PENALTY_TWO_SIDED);
    expect_error(GAN_ERROR_SHAPE, "not one score for each sample");
}
END_TEST

START_TEST(clipping_reaches_every_parameter_and_no_state)
{
    gan_layer *net = gan_sequential(ctx, NULL), *inner = gan_sequential(ctx, net);
    gan_nn_linear(net, 4, 4, NULL);
    gan_nn_batch_norm(inner, 4, NULL);
    ck_assert_int_eq(gan_clip_parameters(net, 0.01f), GAN_OK);
    float v[16];
    gan_read_f32(gan_layer_find(net, "1.weight"), v);
    for (int i = 0; i < 16; i++)
        ck_assert(fabsf(v[i]) <= 0.01f);
    gan_read_f32(gan_layer_find(net, "0.0.weight"), v);
    ck_assert_float_eq(v[0], 0.01f);
    gan_read_f32(gan_layer_find(net, "0.0.running_var"), v);
    ck_assert_float_eq(v[0], 1);
    gan_clip_parameters(net, 0);
    expect_error(GAN_ERROR_ARGUMENT, "must be positive");
    gan_layer_destroy(net);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("networks");
    TCase *c = tcase_create("networks");
    tcase_add_checked_fixture(c, open_context, close_context);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, spectral_norm_divides_by_the_largest_singular_value);
    tcase_add_test(c, one_power_iteration_is_the_papers);
    tcase_add_test(c, derivatives_go_through_sigma);
    tcase_add_test(c, spectral_norm_is_refused_where_it_has_no_meaning);
    tcase_add_test(c, sigma_is_f32_in_bf16_runs);
    tcase_add_test(c, conditional_batch_norm_scales_by_class);
    tcase_add_test(c, projection_is_an_inner_product);
    tcase_add_test(c, a_label_is_joined_as_its_vector);
    tcase_add_test(c, labels_must_be_given_and_fit);
    tcase_add_loop_test(c, each_set_of_labels_gives_what_its_own_pass_gives, 0, 2);
    tcase_add_test(c, layers_in_front_of_labels_run_once);
    tcase_add_test(c, layers_behind_labels_run_for_each_set);
    tcase_add_test(c, any_network_takes_several_sets);
    tcase_add_test(c, each_set_of_labels_must_be_given_and_fit);
    tcase_add_test(c, several_sets_leave_no_memory_behind);
    tcase_add_test(c, a_sum_adds_its_children);
    tcase_add_test(c, networks_fit_their_images);
    tcase_add_test(c, networks_have_the_papers_sizes);
    tcase_add_test(c, sizes_that_do_not_fit_are_refused);
    tcase_add_test(c, penalty_of_a_linear_critic);
    tcase_add_test(c, between_draws_one_alpha_per_sample);
    tcase_add_test(c, clipping_reaches_every_parameter_and_no_state);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return test_main(suite());
}
