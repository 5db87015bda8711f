/* Optimizers against sequences computed here in double precision, moving averages, schedules. */
#include "../support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 37, STEPS = 25 };

static gan_context *ctx;

static void open_context(void)
{
    ctx = test_context_open(2, 3);
}

static void close_context(void)
{
    test_context_close(ctx);
}

static gan_tensor *identity(gan_layer *self, gan_tensor *x, void *user)
{
    (void)self;
    (void)user;
    return x;
}

/* A layer of one parameter "w" [N], and its value. */
static gan_layer *one_parameter(double w[N])
{
    float v[N];
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_layer *own = gan_nn_custom(net, "one", identity, NULL, NULL);
    gan_tensor *p = gan_layer_parameter(own, "w", GAN_SHAPE(N), (gan_init){GAN_INIT_NORMAL, 0, 1});
    ck_assert_int_eq(gan_read_f32(p, v), GAN_OK);
    for (int i = 0; i < N; i++)
        w[i] = v[i];
    return net;
}

/* loss = sum(c_k w² / 2) has the derivative c_k w; c_k differs from step to step and from element to element. */
static float slope(int step, int i)
{
    return (float)(0.2 + 0.1 * ((step * 7 + i * 3) % 11));
}

static gan_tensor *loss_at(gan_tensor *w, int step)
{
    float c[N];
    for (int i = 0; i < N; i++)
        c[i] = slope(step, i);
    return gan_scale(gan_sum(gan_mul(gan_from_f32(ctx, GAN_SHAPE(N), c), gan_square(w))), 0.5f);
}

static void check_values(gan_tensor *t, const double want[N], double tolerance)
{
    float v[N];
    ck_assert_int_eq(gan_read_f32(t, v), GAN_OK);
    for (int i = 0; i < N; i++)
        ck_assert_msg(fabs(v[i] - want[i]) <= tolerance * (1 + fabs(want[i])), "element %d is %.8g, not %.8g", i,
                      (double)v[i], want[i]);
}

/* Take STEPS steps, and compare with `reference` after each. */
static void compare(gan_optimizer *optimizer, void (*reference)(int t, double g, double *w, double *m, double *v))
{
    double w[N], m[N] = {0}, v[N] = {0};
    gan_layer *net = one_parameter(w);
    gan_tensor *p = gan_layer_find(net, "0.w");
    gan_optimizer_add(optimizer, net);
    for (int t = 1; t <= STEPS; t++) {
        gan_scope_begin(ctx);
        ck_assert_int_eq(gan_minimize(optimizer, loss_at(p, t)), GAN_OK);
        gan_scope_end(ctx, NULL);
        for (int i = 0; i < N; i++)
            reference(t, slope(t, i) * w[i], &w[i], &m[i], &v[i]);
        check_values(p, w, 3e-6);
    }
    ck_assert_int_eq(gan_optimizer_steps(optimizer), STEPS);
    gan_optimizer_destroy(optimizer);
    gan_layer_destroy(net);
}

/* ---- the formulas of torch.optim ---- */

static void adam_step(int t, double g, double *w, double *m, double *v)
{
    *m = 0.5 * *m + 0.5 * g;
    *v = 0.99 * *v + 0.01 * g * g;
    *w -= 0.01 * (*m / (1 - pow(0.5, t))) / (sqrt(*v / (1 - pow(0.99, t))) + 1e-8);
}

static void rmsprop_step(int t, double g, double *w, double *m, double *v)
{
    (void)t;
    (void)m;
    *v = 0.99 * *v + 0.01 * g * g;
    *w -= 0.01 * g / (sqrt(*v) + 1e-8);
}

static void sgd_step(int t, double g, double *w, double *m, double *v)
{
    (void)t;
    (void)m;
    (void)v;
    *w -= 0.05 * g;
}

static void momentum_step(int t, double g, double *w, double *m, double *v)
{
    (void)t;
    (void)v;
    *m = 0.9 * *m + g;
    *w -= 0.05 * *m;
}

START_TEST(adam)
{
    compare(gan_adam(ctx, (gan_adam_args){.lr = 0.01, .beta1 = 0.5, .beta2 = 0.99}), adam_step);
}
END_TEST

START_TEST(rmsprop)
{
    compare(gan_rmsprop(ctx, (gan_rmsprop_args){.lr = 0.01}), rmsprop_step);
}
END_TEST

START_TEST(sgd)
{
    compare(gan_sgd(ctx, (gan_sgd_args){.lr = 0.05}), sgd_step);
    compare(gan_sgd(ctx, (gan_sgd_args){.lr = 0.05, .momentum = 0.9}), momentum_step);
}
END_TEST

/* Values of torch.optim.Adam (PyTorch 2, float64, w = [1, -2, 0.5], loss = sum(w²)/2 five times, lr 0.1, betas
 * (0.9, 0.999), eps 1e-8): an implementation that is not ours. */
START_TEST(adam_gives_the_values_of_pytorch)
{
    const double want[3] = {0.507963661927221, -1.5029557825929858, 0.02781445653074434};
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_layer *own = gan_nn_custom(net, "one", identity, NULL, NULL);
    gan_tensor *p = gan_layer_parameter(own, "w", GAN_SHAPE(3), (gan_init){GAN_INIT_CONSTANT, 0, 0});
    gan_assign_f32(p, (float[]){1.0f, -2.0f, 0.5f});
    gan_optimizer *o = gan_adam(ctx, (gan_adam_args){.lr = 0.1, .beta1 = 0.9, .beta2 = 0.999});
    gan_optimizer_add(o, net);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(gan_minimize(o, gan_scale(gan_sqnorm(p), 0.5f)), GAN_OK);
    float got[3];
    gan_read_f32(p, got);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq_tol(got[i], want[i], 1e-6);
    gan_optimizer_destroy(o);
    gan_layer_destroy(net);
}
END_TEST

/* ---- what gan_minimize promises ---- */

static gan_layer *two_layers(gan_tensor **first, gan_tensor **second)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_linear(net, 3, 4, &(gan_nn_args){.no_bias = true});
    gan_nn_linear(net, 4, 2, &(gan_nn_args){.no_bias = true});
    *first = gan_layer_find(net, "0.weight");
    *second = gan_layer_find(net, "1.weight");
    return net;
}

START_TEST(parameters_that_the_loss_does_not_depend_on_stay)
{
    gan_tensor *a, *b;
    gan_layer *net = two_layers(&a, &b);
    gan_optimizer *o = gan_adam(ctx, (gan_adam_args){.lr = 0.1, .beta1 = 0.5, .beta2 = 0.9});
    gan_optimizer_add(o, net);
    float before_a = gan_item(gan_sqnorm(a)), before_b = gan_item(gan_sqnorm(b));
    ck_assert_int_eq(gan_minimize(o, gan_sqnorm(a)), GAN_OK);
    ck_assert_int_eq(gan_minimize(o, gan_sqnorm(b)), GAN_OK);
    ck_assert_float_ne(gan_item(gan_sqnorm(b)), before_b);
    float after_a = gan_item(gan_sqnorm(a));
    ck_assert_float_ne(after_a, before_a);
    /* Adam's momentum would move `a` now, if its derivative were taken as zero instead of absent. */
    ck_assert_int_eq(gan_minimize(o, gan_sqnorm(b)), GAN_OK);
    ck_assert_float_eq(gan_item(gan_sqnorm(a)), after_a);
    gan_optimizer_destroy(o);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(after_an_error_nothing_changes)
{
    gan_tensor *a, *b;
    gan_layer *net = two_layers(&a, &b);
    gan_optimizer *o = gan_sgd(ctx, (gan_sgd_args){.lr = 0.1});
    gan_optimizer_add(o, net);
    float before = gan_item(gan_sqnorm(a));
    gan_tensor *loss = gan_sqnorm(a);
    gan_raise(ctx, GAN_ERROR_ARGUMENT, "something of the caller's");
    ck_assert_int_eq(gan_minimize(o, loss), GAN_ERROR_ARGUMENT);
    gan_clear_status(ctx);
    gan_tensor *poison = gan_add(a, b); /* shapes do not fit */
    ck_assert_int_eq(gan_minimize(o, gan_sum(poison)), GAN_ERROR_SHAPE);
    gan_clear_status(ctx);
    ck_assert_int_eq(gan_minimize(o, poison), GAN_ERROR_STATE);
    gan_clear_status(ctx);
    ck_assert_int_eq(gan_minimize(o, a), GAN_ERROR_SHAPE); /* no scalar */
    gan_clear_status(ctx);
    ck_assert_int_eq(gan_minimize(o, gan_sum(gan_detach(a))), GAN_ERROR_STATE); /* depends on no parameter */
    ck_assert_ptr_nonnull(strstr(gan_status_message(ctx), "depends on none"));
    gan_clear_status(ctx);
    ck_assert_float_eq(gan_item(gan_sqnorm(a)), before);
    ck_assert_int_eq(gan_optimizer_steps(o), 0);
    ck_assert_int_eq(gan_minimize(o, loss), GAN_OK);
    ck_assert_float_eq_tol(gan_item(gan_sqnorm(a)), before * 0.64f, 1e-4f); /* w - 0.1 * 2 w = 0.8 w */
    gan_optimizer_destroy(o);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(accumulated_derivatives_make_one_step)
{
    gan_tensor *a, *b;
    gan_layer *net = two_layers(&a, &b);
    gan_optimizer *o = gan_sgd(ctx, (gan_sgd_args){.lr = 0.1});
    gan_optimizer_add(o, net);
    float before_a = gan_item(gan_sum(a)), before_b = gan_item(gan_sum(b));
    gan_scope_begin(ctx);
    ck_assert_int_eq(gan_accumulate(o, gan_sum(a)), GAN_OK);
    gan_scope_end(ctx, NULL);
    ck_assert_int_eq(gan_accumulate(o, gan_add(gan_sum(a), gan_sum(b))), GAN_OK);
    ck_assert_float_eq(gan_item(gan_sum(a)), before_a);
    ck_assert_int_eq(gan_optimizer_step(o), GAN_OK);
    ck_assert_int_eq(gan_optimizer_steps(o), 1);
    ck_assert_float_eq_tol(gan_item(gan_sum(a)), before_a - 12 * 0.2f, 1e-5f);
    ck_assert_float_eq_tol(gan_item(gan_sum(b)), before_b - 8 * 0.1f, 1e-5f);
    ck_assert_int_eq(gan_optimizer_step(o), GAN_OK); /* nothing is accumulated */
    ck_assert_int_eq(gan_optimizer_steps(o), 1);
    ck_assert_int_eq(gan_accumulate(o, gan_sum(a)), GAN_OK);
    ck_assert_int_eq(gan_minimize(o, gan_sum(b)), GAN_OK); /* with what is accumulated */
    ck_assert_float_eq_tol(gan_item(gan_sum(a)), before_a - 12 * 0.3f, 1e-5f);
    gan_optimizer_destroy(o);
    gan_layer_destroy(net);
}
END_TEST

/* The value of the packed copies of a weight, which the backend keeps between steps, must follow it. */
START_TEST(the_forward_pass_sees_every_step)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_conv2d(net, 8, 16, 4, (gan_conv){2, 1, 0}, &(gan_nn_args){.no_bias = true});
    gan_nn_flatten(net);
    gan_nn_linear(net, 256, 64, &(gan_nn_args){.no_bias = true});
    gan_optimizer *o = gan_sgd(ctx, (gan_sgd_args){.lr = 1});
    gan_optimizer_add(o, net);
    gan_tensor *x = gan_full(ctx, GAN_SHAPE(4, 8, 8, 8), 1);
    gan_tensor *w = gan_layer_find(net, "0.weight"), *v = gan_layer_find(net, "2.weight");
    for (int step = 0; step < 3; step++) {
        gan_tensor *fresh_w = gan_add_scalar(gan_detach(w), 0), *fresh_v = gan_add_scalar(gan_detach(v), 0);
        gan_activation none = {GAN_LINEAR, 0};
        gan_tensor *y = gan_forward(net, x), *h = gan_conv2d(x, fresh_w, NULL, (gan_conv){2, 1, 0}, none);
        gan_tensor *want = gan_linear(gan_flatten(h), fresh_v, NULL, none);
        ck_assert_float_le(gan_item(gan_max_over(gan_abs(gan_sub(y, want)), GAN_ALL_AXES, false)), 1e-5f);
        ck_assert_int_eq(gan_minimize(o, gan_mean(gan_square(y))), GAN_OK);
    }
    gan_optimizer_destroy(o);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(scaled_learning_rates_and_wrong_settings)
{
    double w[N];
    gan_layer *net = one_parameter(w);
    gan_tensor *p = gan_layer_find(net, "0.w");
    gan_optimizer *o = gan_sgd(ctx, (gan_sgd_args){.lr = 0.1});
    gan_optimizer_add(o, net);
    gan_optimizer_add(o, net); /* a second time changes nothing */
    gan_optimizer_scale_lr(o, 0.5);
    ck_assert_double_eq_tol(gan_optimizer_lr(o), 0.05, 1e-12);
    gan_minimize(o, gan_sum(p));
    for (int i = 0; i < N; i++)
        w[i] -= 0.05;
    check_values(p, w, 1e-6);
    gan_optimizer_destroy(o);
    ck_assert_ptr_null(gan_sgd(ctx, (gan_sgd_args){.lr = -1}));
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
    gan_clear_status(ctx);
    ck_assert_ptr_null(gan_adam(ctx, (gan_adam_args){.lr = 1, .beta1 = 1, .beta2 = 0.9}));
    gan_optimizer_add(NULL, net);
    ck_assert_int_eq(gan_minimize(NULL, gan_sum(p)), GAN_ERROR_ARGUMENT);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(the_learning_rate_can_be_replaced)
{
    double w[N];
    gan_layer *net = one_parameter(w);
    gan_tensor *p = gan_layer_find(net, "0.w");
    gan_optimizer *o = gan_sgd(ctx, (gan_sgd_args){.lr = 0.1});
    gan_optimizer_add(o, net);
    gan_optimizer_scale_lr(o, 0.5);
    gan_optimizer_set_lr(o, 0.3);
    ck_assert_double_eq_tol(gan_optimizer_lr(o), 0.15, 1e-12);
    gan_minimize(o, gan_sum(p));
    for (int i = 0; i < N; i++)
        w[i] -= 0.15;
    check_values(p, w, 1e-6);
    gan_optimizer_set_lr(o, -1);
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
    gan_clear_status(ctx);
    gan_optimizer_set_lr(o, NAN);
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
    gan_clear_status(ctx);
    ck_assert_double_eq_tol(gan_optimizer_lr(o), 0.15, 1e-12);
    gan_optimizer_set_lr(NULL, 1);
    gan_optimizer_destroy(o);
    gan_layer_destroy(net);
}
END_TEST

/* Karras et al. 2020, appendix B: config F has lr 0.002, betas 0 and 0.99, intervals of 16 and 4. */
START_TEST(lazy_regularization_corrects_adam)
{
    const gan_adam_args args = {.lr = 0.002, .beta1 = 0.5, .beta2 = 0.99, .eps = 1e-8};
    gan_adam_args d = gan_adam_lazy(args, 16), g = gan_adam_lazy(args, 4), none = gan_adam_lazy(args, 1);
    ck_assert_double_eq_tol(d.lr, 0.0018823529411764706, 1e-15);
    ck_assert_double_eq_tol(d.beta1, 0.52081, 1e-5);
    ck_assert_double_eq_tol(d.beta2, 0.9905855, 1e-7);
    ck_assert_double_eq(d.eps, 1e-8);
    ck_assert_double_eq_tol(g.lr, 0.0016, 1e-15);
    ck_assert_double_eq_tol(g.beta2, 0.9919919, 1e-7);
    ck_assert(none.lr == args.lr && none.beta1 == args.beta1 && none.beta2 == args.beta2);
    ck_assert_double_eq(gan_adam_lazy((gan_adam_args){.lr = 1, .beta2 = 0.99}, 16).beta1, 0);
    ck_assert_double_eq(gan_adam_lazy(args, 0).lr, args.lr);
}
END_TEST

/* ---- saved state ---- */

typedef struct listing {
    char text[2048];
} listing;

static void list_slot(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    listing *l = user;
    char shape[80];
    size_t used = strlen(l->text);
    ck_assert_int_eq(kind, GAN_SLOT_STATE);
    snprintf(l->text + used, sizeof l->text - used, "%s %s%s\n", name,
             gan_shape_text(gan_shape_of(tensor), shape, sizeof shape),
             layout == GAN_LAYOUT_CONV_WEIGHT ? " conv" : "");
}

START_TEST(state_has_the_documented_names_and_layouts)
{
    gan_layer *a = gan_sequential(ctx, NULL), *b = gan_sequential(ctx, NULL);
    gan_nn_conv2d(a, 2, 3, 5, (gan_conv){0}, &(gan_nn_args){.no_bias = true});
    gan_nn_batch_norm(b, 4, NULL);
    gan_optimizer *o = gan_adam(ctx, (gan_adam_args){.lr = 1, .beta1 = 0.5, .beta2 = 0.9});
    gan_optimizer_add(o, a);
    gan_optimizer_add(o, b);
    listing l = {{0}};
    gan_optimizer_visit(o, list_slot, &l);
    ck_assert_str_eq(l.text, "exp_avg.0.weight [3, 5, 5, 2] conv\nexp_avg_sq.0.weight [3, 5, 5, 2] conv\n"
                             "exp_avg.1.0.weight [4]\nexp_avg_sq.1.0.weight [4]\n"
                             "exp_avg.1.0.bias [4]\nexp_avg_sq.1.0.bias [4]\nstep []\n");
    gan_optimizer_destroy(o);
    o = gan_rmsprop(ctx, (gan_rmsprop_args){.lr = 1});
    gan_optimizer_add(o, b);
    memset(&l, 0, sizeof l);
    gan_optimizer_visit(o, list_slot, &l);
    ck_assert_str_eq(l.text, "square_avg.0.weight [4]\nsquare_avg.0.bias [4]\nstep []\n");
    gan_optimizer_destroy(o);
    o = gan_sgd(ctx, (gan_sgd_args){.lr = 1, .momentum = 0.5});
    gan_optimizer_add(o, b);
    memset(&l, 0, sizeof l);
    gan_optimizer_visit(o, list_slot, &l);
    ck_assert_str_eq(l.text, "momentum_buffer.0.weight [4]\nmomentum_buffer.0.bias [4]\nstep []\n");
    gan_optimizer_destroy(o);
    gan_layer_destroy(a);
    gan_layer_destroy(b);
}
END_TEST

/* Copies of the visited tensors, taken from one optimizer and put into another. */
typedef struct copies {
    gan_tensor *at[8];
    int n, next;
} copies;

static void take(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    copies *c = user;
    (void)kind;
    (void)layout;
    if (!strcmp(name, "step")) {
        int32_t step;
        gan_read_i32(tensor, &step);
        c->at[c->n++] = gan_from_i32(ctx, GAN_SCALAR, &step);
    } else {
        c->at[c->n++] = gan_add_scalar(tensor, 0);
    }
}

static void put(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    copies *c = user;
    (void)name;
    (void)kind;
    (void)layout;
    gan_assign(tensor, c->at[c->next++]);
}

START_TEST(state_can_be_saved_and_loaded_through_the_visitor)
{
    gan_adam_args args = {.lr = 0.05, .beta1 = 0.5, .beta2 = 0.9};
    double w[N];
    gan_layer *net = one_parameter(w);
    gan_tensor *p = gan_layer_find(net, "0.w");
    gan_optimizer *first = gan_adam(ctx, args), *second = gan_adam(ctx, args);
    gan_optimizer_add(first, net);
    gan_optimizer_add(second, net);
    for (int t = 1; t <= 4; t++)
        gan_minimize(first, loss_at(p, t));
    gan_tensor *weights = gan_add_scalar(gan_detach(p), 0);
    copies c = {.n = 0};
    gan_optimizer_visit(first, take, &c);
    gan_optimizer_visit(second, put, &c);
    ck_assert_int_eq(gan_optimizer_steps(second), 4);
    gan_minimize(first, loss_at(p, 5));
    float want[N], got[N];
    gan_read_f32(p, want);
    gan_assign(p, weights);
    gan_minimize(second, loss_at(p, 5));
    gan_read_f32(p, got);
    ck_assert_mem_eq(want, got, sizeof want);

    gan_optimizer_reset(second);
    ck_assert_int_eq(gan_optimizer_steps(second), 0);
    gan_assign(p, weights);
    gan_minimize(second, loss_at(p, 5)); /* Adam's first step is lr * sign(g) */
    gan_read_f32(weights, want);
    gan_read_f32(p, got);
    for (int i = 0; i < N; i++)
        ck_assert_float_eq_tol(fabsf(got[i] - want[i]), 0.05f, 1e-5f);
    gan_optimizer_destroy(first);
    gan_optimizer_destroy(second);
    gan_layer_destroy(net);
}
END_TEST

/* ---- moving averages ---- */

START_TEST(a_moving_average_follows_and_changes_places)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_layer *linear = gan_nn_linear(net, 3, 2, NULL);
    gan_tensor *state = gan_layer_state(linear, "count", GAN_SHAPE(2), 1);
    gan_tensor *w = gan_layer_find(net, "0.weight"), *x = gan_full(ctx, GAN_SHAPE(1, 3), 1);
    gan_assign(w, gan_full(ctx, GAN_SHAPE(2, 3), 1));
    gan_assign(gan_layer_find(net, "0.bias"), gan_zeros(ctx, GAN_SHAPE(2)));
    gan_ema *ema = gan_ema_create(net);
    ck_assert_ptr_nonnull(ema);
    ck_assert_float_eq(gan_item(gan_sum(gan_forward(net, x))), 6);
    gan_assign(w, gan_full(ctx, GAN_SHAPE(2, 3), 3));
    gan_assign(state, gan_full(ctx, GAN_SHAPE(2), 5));
    ck_assert_int_eq(gan_ema_update(ema, 0.75), GAN_OK);
    ck_assert_int_eq(gan_ema_update(ema, 0.75), GAN_OK);
    /* 0.75 (0.75 * 1 + 0.25 * 3) + 0.25 * 3 = 1.875 */
    ck_assert_float_eq(gan_item(gan_sum(gan_forward(net, x))), 18);
    gan_ema_swap(ema);
    ck_assert_float_eq_tol(gan_item(gan_sum(gan_forward(net, x))), 6 * 1.875f, 1e-5f);
    ck_assert_float_eq(gan_item(gan_mean(state)), 5);
    ck_assert_int_eq(gan_ema_update(ema, 0.75), GAN_ERROR_STATE);
    gan_clear_status(ctx);
    gan_ema_swap(ema);
    ck_assert_float_eq(gan_item(gan_sum(gan_forward(net, x))), 18);
    ck_assert_ptr_eq(w, gan_layer_find(net, "0.weight"));

    /* A network that has grown. */
    gan_nn_linear(net, 2, 2, NULL);
    ck_assert_int_eq(gan_ema_update(ema, 0.5), GAN_OK);
    listing l = {{0}};
    copies c = {.n = 0};
    gan_ema_visit(ema, take, &c);
    ck_assert_int_eq(c.n, 5);
    ck_assert_float_eq_tol(gan_item(gan_mean(c.at[0])), 2.4375f, 1e-5f);
    ck_assert_float_eq(gan_item(gan_sqnorm(gan_sub(c.at[3], gan_layer_find(net, "1.weight")))), 0);
    ck_assert_int_eq(l.text[0], 0);
    gan_ema_destroy(ema);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(the_beta_of_a_half_life)
{
    ck_assert_double_eq_tol(gan_ema_beta(32, 10000), pow(0.5, 32.0 / 10000), 1e-15);
    ck_assert_double_eq_tol(pow(gan_ema_beta(100, 5000), 50), 0.5, 1e-12);
    ck_assert_double_eq(gan_ema_beta(32, 0), 0);
}
END_TEST

/* ---- schedules ---- */

START_TEST(schedules)
{
    gan_schedule constant = {GAN_SCHEDULE_CONSTANT, 0.5}, linear = {GAN_SCHEDULE_LINEAR, 0.5},
                 cosine = {GAN_SCHEDULE_COSINE, 0}, never = {GAN_SCHEDULE_LINEAR, 1};
    ck_assert_double_eq(gan_schedule_at(constant, 0.9), 1);
    ck_assert_double_eq(gan_schedule_at(linear, 0), 1);
    ck_assert_double_eq(gan_schedule_at(linear, 0.5), 1);
    ck_assert_double_eq_tol(gan_schedule_at(linear, 0.75), 0.5, 1e-12);
    ck_assert_double_eq(gan_schedule_at(linear, 1), 0);
    ck_assert_double_eq(gan_schedule_at(linear, 2), 0);
    ck_assert_double_eq_tol(gan_schedule_at(cosine, 0.25), 0.5 * (1 + sqrt(0.5)), 1e-12);
    ck_assert_double_eq_tol(gan_schedule_at(cosine, 0.5), 0.5, 1e-12);
    ck_assert_double_eq_tol(gan_schedule_at(cosine, 1), 0, 1e-12);
    ck_assert_double_eq(gan_schedule_at(never, 1), 1);
    ck_assert_double_eq(gan_schedule_at(linear, -1), 1);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    double w[N];
    gan_layer *net = one_parameter(w);
    gan_tensor *p = gan_layer_find(net, "0.w");
    int failures = 0, successes = 0;
    for (uint64_t nth = 1; successes < 20; nth++) {
        size_t before = gan_memory(ctx).bytes_in_use;
        ck_assert_uint_lt(nth, 500);
        float values[N], after[N];
        gan_read_f32(p, values);
        gan_memory_fail_after(ctx, nth);
        gan_scope_begin(ctx);
        gan_optimizer *o = gan_adam(ctx, (gan_adam_args){.lr = 0.01, .beta1 = 0.5, .beta2 = 0.9});
        gan_optimizer_add(o, net);
        gan_ema *ema = gan_ema_create(net);
        gan_accumulate(o, gan_sqnorm(p));
        gan_status minimized = gan_minimize(o, gan_sqnorm(p));
        if (ema)
            gan_ema_update(ema, 0.5);
        gan_ema_destroy(ema);
        gan_optimizer_destroy(o);
        gan_scope_end(ctx, NULL);
        gan_memory_fail_after(ctx, 0);
        ck_assert_uint_eq(gan_memory(ctx).bytes_in_use, before);
        gan_status status = gan_status_of(ctx);
        ck_assert_msg(status == GAN_OK || status == GAN_ERROR_MEMORY, "allocation %d: %s", (int)nth,
                      gan_status_message(ctx));
        failures += status != GAN_OK;
        successes = status == GAN_OK ? successes + 1 : 0;
        gan_clear_status(ctx);
        gan_read_f32(p, after);
        ck_assert_int_eq(memcmp(values, after, sizeof after) != 0, minimized == GAN_OK);
    }
    ck_assert_int_gt(failures, 20);
    gan_layer_destroy(net);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("optim");
    TCase *t = tcase_create("optim");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, adam);
    tcase_add_test(t, rmsprop);
    tcase_add_test(t, sgd);
    tcase_add_test(t, adam_gives_the_values_of_pytorch);
    tcase_add_test(t, parameters_that_the_loss_does_not_depend_on_stay);
    tcase_add_test(t, after_an_error_nothing_changes);
    tcase_add_test(t, accumulated_derivatives_make_one_step);
    tcase_add_test(t, the_forward_pass_sees_every_step);
    tcase_add_test(t, scaled_learning_rates_and_wrong_settings);
    tcase_add_test(t, the_learning_rate_can_be_replaced);
    tcase_add_test(t, lazy_regularization_corrects_adam);
    tcase_add_test(t, state_has_the_documented_names_and_layouts);
    tcase_add_test(t, state_can_be_saved_and_loaded_through_the_visitor);
    tcase_add_test(t, a_moving_average_follows_and_changes_places);
    tcase_add_test(t, the_beta_of_a_half_life);
    tcase_add_test(t, schedules);
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
