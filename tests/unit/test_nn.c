/* Layers: initial values, names, order, fusion, memory, modes, description. */
#include "../support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gan_context *ctx;

static void open_context(void)
{
    ctx = test_context_open(2, 5);
}

static void close_context(void)
{
    test_context_close(ctx);
}

static void check_ok(void)
{
    ck_assert_msg(gan_status_of(ctx) == GAN_OK, "%s", gan_status_message(ctx));
}

/* The values of a tensor, freed by the caller. */
static float *values_of(const gan_tensor *t)
{
    float *values = malloc((size_t)gan_count(t) * sizeof *values);
    ck_assert_int_eq(gan_read_f32(t, values), GAN_OK);
    return values;
}

typedef struct moments {
    double mean, deviation, least, most;
} moments;

static moments moments_of(const gan_tensor *t)
{
    float *v = values_of(t);
    int64_t n = gan_count(t);
    moments m = {0, 0, v[0], v[0]};
    for (int64_t i = 0; i < n; i++) {
        m.mean += v[i] / (double)n;
        m.least = v[i] < m.least ? v[i] : m.least;
        m.most = v[i] > m.most ? v[i] : m.most;
    }
    for (int64_t i = 0; i < n; i++)
        m.deviation += (v[i] - m.mean) * (v[i] - m.mean) / (double)n;
    m.deviation = sqrt(m.deviation);
    free(v);
    return m;
}

/* ---- initial values ---- */

static void check_uniform(const gan_tensor *t, double bound)
{
    moments m = moments_of(t);
    double n = (double)gan_count(t);
    ck_assert_double_le(m.most, bound);
    ck_assert_double_ge(m.least, -bound);
    ck_assert_double_ge(m.most, bound * (1 - 20 / n));
    ck_assert_double_eq_tol(m.mean, 0, 5 * bound / sqrt(3 * n));
    ck_assert_double_eq_tol(m.deviation, bound / sqrt(3), 4 * bound / sqrt(n));
}

static void check_normal(const gan_tensor *t, double mean, double deviation)
{
    moments m = moments_of(t);
    double n = (double)gan_count(t);
    ck_assert_double_eq_tol(m.mean, mean, 5 * deviation / sqrt(n));
    ck_assert_double_eq_tol(m.deviation, deviation, 5 * deviation / sqrt(2 * n));
    ck_assert_double_ge(m.most, mean + 3 * deviation);
}

START_TEST(default_weights_are_those_of_pytorch)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_linear(net, 400, 300, NULL);
    gan_nn_conv2d(net, 48, 100, 4, (gan_conv){2, 1, 0}, NULL);
    gan_nn_conv2d_transpose(net, 100, 48, 4, (gan_conv){2, 1, 0}, NULL);
    gan_nn_embedding(net, 500, 64, NULL);
    check_ok();
    check_uniform(gan_layer_find(net, "0.weight"), 1 / sqrt(400.0));
    check_uniform(gan_layer_find(net, "0.bias"), 1 / sqrt(400.0));
    check_uniform(gan_layer_find(net, "1.weight"), 1 / sqrt(48.0 * 16));
    check_uniform(gan_layer_find(net, "1.bias"), 1 / sqrt(48.0 * 16));
    /* nn.ConvTranspose2d(100, 48, 4): weight [100, 48, 4, 4], fan_in is 48 * 16 */
    check_uniform(gan_layer_find(net, "2.weight"), 1 / sqrt(48.0 * 16));
    check_uniform(gan_layer_find(net, "2.bias"), 1 / sqrt(48.0 * 16));
    check_normal(gan_layer_find(net, "3.weight"), 0, 1);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(initialisers_have_the_documented_distributions)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    const gan_init inits[] = {{GAN_INIT_CONSTANT, 0.25f, 0},     {GAN_INIT_UNIFORM, -3, 3},
                              {GAN_INIT_NORMAL, 1, 0.02f},       {GAN_INIT_XAVIER_UNIFORM, 2, 0},
                              {GAN_INIT_XAVIER_NORMAL, 2, 0},    {GAN_INIT_KAIMING_UNIFORM, 1.5f, 0},
                              {GAN_INIT_KAIMING_NORMAL, 1.5f, 0}};
    for (int i = 0; i < 7; i++)
        gan_nn_conv2d(net, 32, 64, 3, (gan_conv){0}, &(gan_nn_args){.weight = inits[i], .no_bias = true});
    check_ok();
    double fan_in = 32 * 9, fan_out = 64 * 9;
    moments constant = moments_of(gan_layer_find(net, "0.weight"));
    ck_assert_double_eq(constant.least, 0.25);
    ck_assert_double_eq(constant.most, 0.25);
    check_uniform(gan_layer_find(net, "1.weight"), 3);
    check_normal(gan_layer_find(net, "2.weight"), 1, 0.02);
    check_uniform(gan_layer_find(net, "3.weight"), 2 * sqrt(6 / (fan_in + fan_out)));
    check_normal(gan_layer_find(net, "4.weight"), 0, 2 * sqrt(2 / (fan_in + fan_out)));
    check_uniform(gan_layer_find(net, "5.weight"), 1.5 * sqrt(3 / fan_in));
    check_normal(gan_layer_find(net, "6.weight"), 0, 1.5 / sqrt(fan_in));
    ck_assert_ptr_null(gan_layer_find(net, "0.bias"));
    gan_layer_destroy(net);
}
END_TEST

/* Karras et al. 2018: w ~ N(0, 1) / multiplier, used as w * gain * multiplier / sqrt(fan_in); the bias likewise. */
START_TEST(equalized_weights_are_scaled_at_run_time)
{
    gan_nn_args args = {
        .weight = {GAN_INIT_EQUALIZED, 1.5f, 0}, .bias = {GAN_INIT_CONSTANT, 0.5f, 0}, .lr_multiplier = 0.01f};
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_linear(net, 256, 128, &args);
    gan_tensor *w = gan_layer_find(net, "0.weight"), *b = gan_layer_find(net, "0.bias");
    check_normal(w, 0, 100);
    ck_assert_float_eq_tol(gan_item(gan_mean(b)), 50, 1e-4);
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(8, 256));
    gan_tensor *want =
        gan_linear(x, gan_scale(w, (float)(1.5 * 0.01 / 16)), gan_scale(b, 0.01f), (gan_activation){GAN_LINEAR, 0});
    gan_tensor *got = gan_forward(net, x);
    ck_assert_float_le(gan_item(gan_max_over(gan_abs(gan_sub(want, got)), GAN_ALL_AXES, false)), 1e-5f);
    /* The effective weight has standard deviation gain / sqrt(fan_in): the output keeps x's scale times the gain. */
    ck_assert_float_eq_tol(gan_item(gan_mean(gan_square(gan_sub(got, gan_full(ctx, GAN_SCALAR, 0.5f))))), 2.25f, 0.4f);
    /* The gradient reaches the stored weight, through the factor. */
    gan_tensor *grads[2];
    ck_assert_int_eq(gan_grad(gan_sum(got), (gan_tensor *[]){w, b}, 2, grads, 0), GAN_OK);
    ck_assert_float_eq_tol(gan_item(gan_mean(grads[1])), 8 * 0.01f, 1e-6);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(same_seed_same_weights)
{
    float *first = NULL;
    for (int i = 0; i < 2; i++) {
        gan_random_set(ctx, (gan_random_state){9, 0});
        gan_layer *net = gan_sequential(ctx, NULL);
        gan_nn_linear(net, 30, 20, NULL);
        gan_nn_linear(net, 20, 10, NULL);
        float *now = values_of(gan_layer_find(net, "1.weight"));
        if (first)
            ck_assert_mem_eq(first, now, 200 * sizeof *now);
        free(first);
        first = now;
        gan_layer_destroy(net);
    }
    free(first);
}
END_TEST

/* ---- names ---- */

typedef struct listing {
    char text[2048];
    int layouts, states;
} listing;

static void list_slot(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    listing *l = user;
    char shape[80];
    size_t used = strlen(l->text);
    snprintf(l->text + used, sizeof l->text - used, "%s%s %s\n", name, kind == GAN_SLOT_STATE ? "*" : "",
             gan_shape_text(gan_shape_of(tensor), shape, sizeof shape));
    l->layouts += layout == GAN_LAYOUT_CONV_WEIGHT;
    l->states += kind == GAN_SLOT_STATE;
}

START_TEST(names_order_and_layouts_are_those_of_nn_sequential)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_conv2d(net, 3, 8, 4, (gan_conv){2, 1, 0}, &(gan_nn_args){.no_bias = true});
    gan_nn_batch_norm(net, 8, NULL);
    gan_nn_relu(net);
    gan_layer *block = gan_residual(net, 1);
    gan_nn_reflect_pad2d(block, 1);
    gan_nn_conv2d(block, 8, 8, 3, (gan_conv){0}, NULL);
    gan_nn_instance_norm(block, 8, false);
    gan_layer *inner = gan_sequential(ctx, net);
    gan_layer_rename(inner, "tail");
    gan_nn_conv2d_transpose(inner, 8, 3, 4, (gan_conv){2, 1, 0}, NULL);
    gan_nn_flatten(inner);
    gan_nn_layer_norm(inner, GAN_SHAPE(192));
    gan_nn_linear(inner, 192, 5, NULL);
    check_ok();
    listing l = {0};
    gan_layer_visit(net, list_slot, &l);
    ck_assert_str_eq(l.text, "0.weight [8, 4, 4, 3]\n"
                             "1.weight [8]\n1.bias [8]\n1.running_mean* [8]\n1.running_var* [8]\n"
                             "3.1.weight [8, 3, 3, 8]\n3.1.bias [8]\n"
                             "tail.0.weight [8, 4, 4, 3]\ntail.0.bias [3]\n"
                             "tail.2.weight [192]\ntail.2.bias [192]\n"
                             "tail.3.weight [5, 192]\ntail.3.bias [5]\n");
    ck_assert_int_eq(l.layouts, 3);
    ck_assert_int_eq(l.states, 2);
    ck_assert_int_eq(gan_layer_parameter_count(net), 8 * 48 + 16 + 8 * 72 + 8 + 8 * 48 + 3 + 384 + 960 + 5);
    ck_assert_ptr_null(gan_layer_find(net, "tail.9.weight"));
    gan_layer_rename(block, "tail");
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
    gan_layer_destroy(net);
}
END_TEST

/* ---- forward ---- */

static float largest_difference(gan_tensor *a, gan_tensor *b)
{
    return gan_item(gan_max_over(gan_abs(gan_sub(a, b)), GAN_ALL_AXES, false));
}

/* Each child on its own, so that nothing is fused. */
static gan_tensor *one_by_one(gan_layer *const *children, int n, gan_tensor *x)
{
    for (int i = 0; i < n; i++)
        x = gan_forward(children[i], x);
    return x;
}

START_TEST(fused_and_unfused_give_the_same)
{
    gan_layer *net = gan_sequential(ctx, NULL), *c[12];
    int n = 0;
    c[n++] = gan_nn_conv2d(net, 3, 8, 4, (gan_conv){2, 1, 0}, NULL);
    c[n++] = gan_nn_leaky_relu(net, 0.2f);
    c[n++] = gan_nn_conv2d(net, 8, 8, 3, (gan_conv){1, 1, 0}, &(gan_nn_args){.no_bias = true});
    c[n++] = gan_nn_batch_norm(net, 8, NULL);
    c[n++] = gan_nn_relu(net);
    c[n++] = gan_nn_conv2d_transpose(net, 8, 4, 4, (gan_conv){2, 1, 0}, NULL);
    c[n++] = gan_nn_instance_norm(net, 4, true);
    c[n++] = gan_nn_tanh(net);
    c[n++] = gan_nn_flatten(net);
    c[n++] = gan_nn_linear(net, 256, 10, NULL);
    c[n++] = gan_nn_sigmoid(net);
    c[n++] = gan_nn_leaky_relu(net, 0.1f);
    gan_tensor *x = gan_variable(gan_randn(ctx, GAN_SHAPE(4, 8, 8, 3)));
    gan_tensor *fused = gan_forward(net, x), *plain = one_by_one(c, n, x), *g[2][2];
    check_ok();
    ck_assert_float_le(largest_difference(fused, plain), 1e-5f);
    gan_tensor *inputs[2] = {x, gan_layer_find(net, "0.weight")};
    gan_grad(gan_sqnorm(fused), inputs, 2, g[0], 0);
    gan_grad(gan_sqnorm(plain), inputs, 2, g[1], 0);
    check_ok();
    for (int i = 0; i < 2; i++) {
        ck_assert_float_gt(gan_item(gan_sqnorm(g[0][i])), 0);
        ck_assert_float_le(largest_difference(g[0][i], g[1][i]), 1e-4f);
    }
    gan_layer_destroy(net);
}
END_TEST

START_TEST(a_residual_adds_its_input_and_scales)
{
    gan_layer *net = gan_sequential(ctx, NULL), *block = gan_residual(net, 0.5f);
    gan_layer *child = gan_nn_linear(block, 6, 6, NULL);
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(3, 6));
    gan_tensor *want = gan_scale(gan_add(x, gan_forward(child, x)), 0.5f);
    ck_assert_float_le(largest_difference(gan_forward(net, x), want), 1e-6f);
    ck_assert(isfinite(gan_item(gan_sqnorm(x)))); /* x is alive */
    gan_layer *empty = gan_residual(net, 1);
    ck_assert_float_le(largest_difference(gan_forward(empty, x), gan_scale(x, 2)), 0);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(every_shape_layer_does_its_operator)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(2, 4, 4, 3));
    struct {
        gan_layer *layer;
        gan_tensor *want;
    } cases[] = {
        {gan_nn_flatten(net), gan_flatten(x)},
        {gan_nn_reshape(net, GAN_SHAPE(16, 3)), gan_reshape(x, GAN_SHAPE(2, 16, 3))},
        {gan_nn_reflect_pad2d(net, 2), gan_reflect_pad2d(x, 2)},
        {gan_nn_avg_pool2d(net, 2), gan_avg_pool2d(x, 2)},
        {gan_nn_resize_nearest(net, 3), gan_resize_nearest(x, 3)},
        {gan_nn_pixel_norm(net), gan_pixel_norm(x, 1e-8f)},
        {gan_nn_layer_norm(net, GAN_SHAPE(4, 4, 3)), gan_layer_norm(x, NULL, NULL, 1e-5f)},
        {gan_nn_instance_norm(net, 3, false), gan_instance_norm(x, NULL, NULL, 1e-5f, (gan_activation){GAN_LINEAR, 0})},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gan_tensor *y = gan_forward(cases[i].layer, x);
        check_ok();
        ck_assert_msg(gan_shape_equal(gan_shape_of(y), gan_shape_of(cases[i].want)), "case %zu", i);
        ck_assert_float_le(largest_difference(y, cases[i].want), 1e-5f);
    }
    gan_layer *table = gan_nn_embedding(net, 7, 4, NULL);
    gan_tensor *rows = gan_forward(table, gan_from_i32(ctx, GAN_SHAPE(2), (int32_t[]){6, 0}));
    gan_tensor *weight = gan_layer_find(table, "weight");
    ck_assert_float_le(largest_difference(gan_slice(rows, 0, 0, 1), gan_slice(weight, 0, 6, 1)), 0);
    ck_assert_float_le(largest_difference(gan_slice(rows, 0, 1, 1), gan_slice(weight, 0, 0, 1)), 0);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(evaluation_turns_off_dropout_and_uses_running_statistics)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_batch_norm(net, 4, NULL);
    gan_layer *drop = gan_nn_dropout(net, 0.5f);
    gan_tensor *x = gan_add_scalar(gan_randn(ctx, GAN_SHAPE(1000, 4)), 3);
    float zeros = gan_item(gan_mean(gan_equal(gan_forward(net, x), gan_zeros(ctx, GAN_SCALAR))));
    ck_assert_float_eq_tol(zeros, 0.5f, 0.06f);
    /* One step from mean 0, variance 1 towards the batch's with momentum 0.1. */
    ck_assert_float_eq_tol(gan_item(gan_mean(gan_layer_find(net, "0.running_mean"))), 0.3f, 0.01f);
    gan_layer_train(net, false);
    ck_assert(!gan_layer_is_training(drop));
    gan_tensor *y = gan_forward(net, x);
    ck_assert_float_eq_tol(gan_item(gan_mean(y)), 2.7f, 0.1f);
    ck_assert_float_eq_tol(gan_item(gan_mean(gan_layer_find(net, "0.running_mean"))), 0.3f, 0.01f);
    ck_assert_float_le(largest_difference(y, gan_forward(net, x)), 0);
    ck_assert_ptr_eq(gan_forward(drop, x), x);
    gan_layer *later = gan_nn_relu(net);
    ck_assert(!gan_layer_is_training(later));
    gan_layer_destroy(net);
}
END_TEST

/* ---- memory ---- */

START_TEST(a_deep_network_needs_two_activations)
{
    enum { DEPTH = 40, WIDTH = 512, BATCH = 512 };
    const size_t activation = (size_t)BATCH * WIDTH * sizeof(float);
    gan_layer *net = gan_sequential(ctx, NULL);
    for (int i = 0; i < DEPTH; i++) {
        gan_nn_pixel_norm(net);
        gan_nn_relu(net); /* not fused with what is before it */
    }
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(BATCH, WIDTH));
    gan_no_grad_begin(ctx);
    gan_forward(net, x); /* warm: the allocator's blocks may be larger than what they hold */
    gan_no_grad_end(ctx, NULL);
    size_t before = gan_memory(ctx).bytes_in_use;
    gan_memory_reset_peak(ctx);
    gan_no_grad_begin(ctx);
    gan_tensor *y = gan_no_grad_end(ctx, gan_forward(net, x));
    check_ok();
    size_t peak = gan_memory(ctx).bytes_peak - before;
    ck_assert_msg(peak < 3 * activation + activation / 2, "the peak is %.2f activations",
                  (double)peak / (double)activation);
    ck_assert_uint_ge(peak, activation);
    ck_assert_msg(gan_memory(ctx).bytes_in_use - before < activation * 3 / 2, "%.2f activations stay",
                  (double)(gan_memory(ctx).bytes_in_use - before) / (double)activation);
    ck_assert(isfinite(gan_item(gan_sum(y))) && isfinite(gan_item(gan_sum(x)))); /* neither was released */
    gan_layer_destroy(net);
}
END_TEST

/* ---- layers of the caller's own ---- */

typedef struct keeper {
    gan_tensor *constant, *gain;
    int calls;
} keeper;

static gan_tensor *constant_times_gain(gan_layer *self, gan_tensor *x, void *user)
{
    keeper *k = user;
    (void)x;
    k->calls++;
    ck_assert_ptr_eq(gan_layer_context(self), ctx);
    return k->calls == 1 ? k->constant : gan_mul(gan_add_scalar(k->constant, 0), k->gain);
}

static int destroyed;

static void count_destroyed(void *user)
{
    (void)user;
    destroyed++;
}

START_TEST(a_custom_layer_has_parameters_children_and_an_end)
{
    keeper k = {.constant = gan_full(ctx, GAN_SHAPE(2, 3), 4)};
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_layer *own = gan_nn_custom(net, "constant", constant_times_gain, &k, count_destroyed);
    k.gain = gan_layer_parameter(own, "gain", GAN_SCALAR, (gan_init){GAN_INIT_CONSTANT, 3, 0});
    gan_layer_state(own, "count", GAN_SHAPE(2), 7);
    gan_nn_linear(own, 3, 3, NULL);
    gan_nn_pixel_norm(net);
    gan_nn_relu(net);
    listing l = {0};
    gan_layer_visit(net, list_slot, &l);
    ck_assert_str_eq(l.text, "0.gain []\n0.count* [2]\n0.0.weight [3, 3]\n0.0.bias [3]\n");
    gan_tensor *x = gan_zeros(ctx, GAN_SHAPE(2, 3));
    gan_forward(net, x);
    /* What the layer handed out was not made in the forward pass, and is still there. */
    ck_assert_float_eq(gan_item(gan_mean(k.constant)), 4);
    gan_tensor *g, *y = gan_forward(own, x);
    ck_assert_float_eq(gan_item(gan_mean(y)), 12);
    ck_assert_int_eq(gan_grad(gan_sum(y), &k.gain, 1, &g, 0), GAN_OK);
    ck_assert_float_eq(gan_item(g), 24);
    destroyed = 0;
    gan_layer_destroy(net);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

/* Its children are its own: (x + 1) through the second, then the first. */
static gan_tensor *second_then_first(gan_layer *self, gan_tensor *x, void *user)
{
    gan_layer *const *child = user;
    (void)self;
    return gan_forward(child[0], gan_forward(child[1], gan_add_scalar(x, 1)));
}

START_TEST(a_network_can_be_a_custom_layer)
{
    gan_layer *child[2];
    gan_layer *net = gan_custom(ctx, NULL, "backwards", second_then_first, child, count_destroyed);
    for (int i = 0; i < 2; i++) {
        child[i] = gan_nn_linear(net, i ? 3 : 2, i ? 2 : 1, NULL);
        gan_layer_rename(child[i], i ? "last" : "first");
    }
    listing l = {0};
    gan_layer_visit(net, list_slot, &l);
    ck_assert_str_eq(l.text, "first.weight [1, 2]\nfirst.bias [1]\nlast.weight [2, 3]\nlast.bias [2]\n");
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(4, 3)), *y = gan_forward(net, x);
    gan_tensor *same = gan_forward(child[0], gan_forward(child[1], gan_add_scalar(x, 1)));
    ck_assert_float_eq(gan_item(gan_mean(y)), gan_item(gan_mean(same)));
    destroyed = 0;
    gan_layer_destroy(net);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

/* ---- description ---- */

static void write_line(const char *name, const char *kind, gan_shape output, int64_t parameters, void *user)
{
    listing *l = user;
    char shape[80];
    size_t used = strlen(l->text);
    snprintf(l->text + used, sizeof l->text - used, "%s %s %s %d\n", name, kind,
             gan_shape_text(output, shape, sizeof shape), (int)parameters);
}

START_TEST(describe_tells_every_leaf_and_changes_nothing)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_linear(net, 8, 32, NULL);
    gan_nn_relu(net);
    gan_nn_reshape(net, GAN_SHAPE(2, 2, 8));
    gan_layer *block = gan_residual(net, 1);
    gan_nn_conv2d(block, 8, 8, 3, (gan_conv){1, 1, 0}, NULL);
    gan_nn_batch_norm(block, 8, NULL);
    gan_layer *drop = gan_nn_dropout(net, 0.5f);
    gan_layer_train(drop, false);
    gan_random_state before = gan_random_get(ctx);
    listing l = {0};
    ck_assert_int_eq(gan_layer_describe(net, GAN_SHAPE(5, 8), write_line, &l), GAN_OK);
    ck_assert_str_eq(l.text, "0 linear [5, 32] 288\n1 relu [5, 32] 0\n2 reshape [5, 2, 2, 8] 0\n"
                             "3.0 conv2d [5, 2, 2, 8] 584\n3.1 batch_norm [5, 2, 2, 8] 16\n4 dropout [5, 2, 2, 8] 0\n");
    ck_assert(gan_layer_is_training(net) && gan_layer_is_training(block) && !gan_layer_is_training(drop));
    ck_assert_uint_eq(gan_random_get(ctx).counter, before.counter);
    ck_assert_float_eq(gan_item(gan_mean(gan_layer_find(net, "3.1.running_var"))), 1);

    gan_layer *labels = gan_sequential(ctx, NULL);
    gan_nn_embedding(labels, 10, 6, NULL);
    memset(&l, 0, sizeof l);
    ck_assert_int_eq(gan_layer_describe(labels, GAN_SHAPE(5), write_line, &l), GAN_OK);
    ck_assert_str_eq(l.text, "0 embedding [5, 6] 60\n");
    gan_layer_destroy(labels);

    ck_assert_int_eq(gan_layer_describe(net, GAN_SHAPE(5, 9), write_line, &l), GAN_ERROR_SHAPE);
    gan_layer_destroy(net);
}
END_TEST

/* ---- errors ---- */

START_TEST(a_wrong_layer_gives_poison_for_good)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_layer *wrong = gan_nn_linear(net, 4, -1, NULL);
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(gan_status_message(ctx), "weight"));
    gan_clear_status(ctx);
    gan_tensor *x = gan_zeros(ctx, GAN_SHAPE(1, 4));
    ck_assert(gan_is_poison(gan_forward(net, x)));
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_STATE);
    gan_clear_status(ctx);
    gan_layer *child = gan_nn_linear(wrong, 4, 4, NULL); /* a linear layer has no children */
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
    gan_clear_status(ctx);
    ck_assert(gan_is_poison(gan_forward(child, x)));
    gan_clear_status(ctx);
    gan_nn_leaky_relu(net, -1);
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
    gan_clear_status(ctx);
    gan_nn_dropout(net, 1);
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
    gan_clear_status(ctx);
    ck_assert(gan_is_poison(gan_layer_parameter(net,
                                                "a name that is far too long to be the name of a parameter, as "
                                                "names go",
                                                GAN_SHAPE(1), (gan_init){0})));
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
    gan_clear_status(ctx);
    gan_layer_destroy(wrong); /* it is its parent's */
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_STATE);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(too_deep_is_an_error)
{
    gan_layer *net = gan_sequential(ctx, NULL), *at = net;
    for (int i = 0; i < 40; i++)
        at = gan_sequential(ctx, at);
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_LIMIT);
    gan_nn_linear(at, 3, 3, NULL);
    ck_assert_int_eq(gan_layer_parameter_count(net), 12);
    ck_assert_ptr_null(gan_layer_find(net, "weight"));
    gan_layer_destroy(net);
}
END_TEST

static gan_layer *small_network(void)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_linear(net, 6, 8, NULL);
    gan_nn_batch_norm(net, 8, NULL);
    gan_nn_leaky_relu(net, 0.2f);
    gan_nn_linear(gan_residual(net, 0.7f), 8, 8, &(gan_nn_args){.weight = {GAN_INIT_EQUALIZED, 1, 0}});
    return net;
}

START_TEST(every_allocation_may_fail)
{
    /* The allocator gets over some failures by itself, so one success does not mean that all allocations are through.
     */
    int failures = 0, successes = 0;
    for (uint64_t nth = 1; successes < 20; nth++) {
        size_t before = gan_memory(ctx).bytes_in_use;
        ck_assert_uint_lt(nth, 500);
        gan_memory_fail_after(ctx, nth);
        gan_scope_begin(ctx);
        gan_layer *net = small_network();
        gan_forward(net, gan_randn(ctx, GAN_SHAPE(5, 6)));
        gan_layer_destroy(net);
        gan_scope_end(ctx, NULL);
        gan_memory_fail_after(ctx, 0);
        ck_assert_uint_eq(gan_memory(ctx).bytes_in_use, before);
        gan_status status = gan_status_of(ctx);
        ck_assert_msg(status == GAN_OK || status == GAN_ERROR_MEMORY, "allocation %d: %s", (int)nth,
                      gan_status_message(ctx));
        failures += status != GAN_OK;
        successes = status == GAN_OK ? successes + 1 : 0;
        gan_clear_status(ctx);
    }
    ck_assert_int_gt(failures, 50);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("nn");
    TCase *t = tcase_create("nn");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, default_weights_are_those_of_pytorch);
    tcase_add_test(t, initialisers_have_the_documented_distributions);
    tcase_add_test(t, equalized_weights_are_scaled_at_run_time);
    tcase_add_test(t, same_seed_same_weights);
    tcase_add_test(t, names_order_and_layouts_are_those_of_nn_sequential);
    tcase_add_test(t, fused_and_unfused_give_the_same);
    tcase_add_test(t, a_residual_adds_its_input_and_scales);
    tcase_add_test(t, every_shape_layer_does_its_operator);
    tcase_add_test(t, evaluation_turns_off_dropout_and_uses_running_statistics);
    tcase_add_test(t, a_deep_network_needs_two_activations);
    tcase_add_test(t, a_custom_layer_has_parameters_children_and_an_end);
    tcase_add_test(t, a_network_can_be_a_custom_layer);
    tcase_add_test(t, describe_tells_every_leaf_and_changes_nothing);
    tcase_add_test(t, a_wrong_layer_gives_poison_for_good);
    tcase_add_test(t, too_deep_is_an_error);
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
