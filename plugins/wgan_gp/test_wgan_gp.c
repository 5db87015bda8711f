/* The plugin through its table: networks, the critic's estimate and penalty, clipping, the plan of its steps. Its steps
 * are compared with PyTorch's in tests/steps/test_wgan_gp_golden.c. */
#include "plugin_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static plugin_fixture f;

static void setup(void)
{
    f = fixture_open(8, 5);
    fixture_set(&f, "latent", "6");
    fixture_set(&f, "g_width", "4");
    fixture_set(&f, "d_width", "4");
    fixture_set(&f, "g_widths", "[16]");
    fixture_set(&f, "d_widths", "[16]");
}

static void teardown(void)
{
    fixture_close(&f);
}

static void use_vectors(void)
{
    f.data.height = f.data.width = 1, f.data.channels = 2, f.data.scaled = false;
    fixture_set(&f, "networks", "mlp");
}

/* ---- networks and options ---- */

START_TEST(networks_fit_the_data)
{
    static const struct {
        const char *networks, *norm;
        int64_t height, width, channels;
    } cases[] = {
        {"mlp", "none", 28, 28, 1},   {"mlp", "none", 5, 4, 3},      {"dcgan", "none", 8, 8, 1},
        {"dcgan", "none", 16, 16, 3}, {"dcgan", "layer", 16, 16, 3}, {"resnet", "none", 32, 32, 3},
    };
    fixture_set(&f, "networks", cases[_i].networks);
    fixture_set(&f, "norm", cases[_i].norm);
    fixture_set(&f, "g_width", "2");
    fixture_set(&f, "d_width", "2");
    f.data.height = cases[_i].height, f.data.width = cases[_i].width, f.data.channels = cases[_i].channels;
    fixture_build(&f);
    float *images = fixture_noise(&f, 2);
    fixture_train(&f, images, NULL, 2, 1, 1);
    fixture_sample(&f, 1, NULL, 2, images);
    for (int64_t i = 0; i < 2 * f.data.height * f.data.width * f.data.channels; i++)
        ck_assert_float_le(fabsf(images[i]), 1); /* tanh */
    free(images);
}
END_TEST

START_TEST(vectors_have_a_linear_output)
{
    float points[2 * 64];
    use_vectors();
    fixture_build(&f);
    gan_assign_f32(fixture_tensor(&f, "generator.2.bias"), (float[]){4, -4});
    fixture_sample(&f, 1, NULL, 64, points);
    double mean[2] = {0, 0};
    for (int i = 0; i < 128; i++)
        mean[i % 2] += points[i] / 64.0;
    ck_assert_double_eq_tol(mean[0], 4, 1);
    ck_assert_double_eq_tol(mean[1], -4, 1);
}
END_TEST

START_TEST(data_that_do_not_fit_are_refused)
{
    f.data.height = f.data.width = 28;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "28x28");
    fixture_set(&f, "networks", "resnet");
    f.data.height = f.data.width = 16;
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "16x16");
    fixture_set(&f, "norm", "layer");
    fixture_refused(&f, GAN_ERROR_OPTION, "not for resnet");
    fixture_set(&f, "norm", "none");
    use_vectors();
    fixture_set(&f, "networks", "dcgan");
    fixture_refused(&f, GAN_ERROR_UNSUPPORTED, "vectors of 2 values; use mlp");
}
END_TEST

START_TEST(the_optimizers_are_those_of_the_papers)
{
    fixture_build(&f);
    for (int i = 0; i < 2; i++)
        ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(f.model, i, NULL)), 1e-4);
    fixture_tensor(&f, "d_optim.exp_avg.0.weight");
    fixture_set(&f, "lipschitz", "clip");
    fixture_build(&f);
    for (int i = 0; i < 2; i++)
        ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(f.model, i, NULL)), 5e-5);
    fixture_tensor(&f, "d_optim.square_avg.0.weight");
    fixture_set(&f, "g_lr", "0.01");
    fixture_set(&f, "d_lr", "0.02");
    fixture_build(&f);
    ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(f.model, 0, NULL)), 0.01);
    ck_assert_double_eq(gan_optimizer_lr(gan_model_optimizer_at(f.model, 1, NULL)), 0.02);
}
END_TEST

/* ---- the critic ---- */

/* D(x) = w x for 2-D data: its gradient is w everywhere. */
static void build_linear_critic(float w0, float w1)
{
    use_vectors();
    fixture_set(&f, "d_widths", "[]");
    fixture_build(&f);
    gan_assign_f32(fixture_tensor(&f, "critic.0.weight"), (float[]){w0, w1});
}

START_TEST(the_metrics_of_a_linear_critic_have_their_closed_form)
{
    static const struct {
        const char *sides;
        float w0, w1;
        double penalty;
    } cases[] = {{"two", 3, 4, 16}, {"two", 0.3f, 0.4f, 0.25}, {"one", 3, 4, 4}, {"one", 0.3f, 0.4f, 0}};
    float points[2 * 8], fake[2] = {0.5f, -2};
    fixture_set(&f, "sides", cases[_i].sides);
    fixture_set(&f, "lambda", "7");
    build_linear_critic(cases[_i].w0, cases[_i].w1);
    gan_assign(fixture_tensor(&f, "generator.2.weight"), gan_zeros(f.ctx, GAN_SHAPE(2, 16)));
    gan_assign_f32(fixture_tensor(&f, "generator.2.bias"), fake);
    for (int i = 0; i < 8; i++)
        points[2 * i] = 1, points[2 * i + 1] = 2;
    fixture_train(&f, points, NULL, 8, 1, 0);
    double wasserstein = cases[_i].w0 * (1 - 0.5) + cases[_i].w1 * (2 + 2.0);
    ck_assert_double_eq_tol(fixture_metric(&f, "wasserstein"), wasserstein, 1e-5);
    ck_assert_double_eq_tol(fixture_metric(&f, "penalty"), cases[_i].penalty, 1e-5);
    ck_assert_double_eq_tol(fixture_metric(&f, "d_loss"), 7 * cases[_i].penalty - wasserstein, 1e-4);
}
END_TEST

/* Between two points at a distance of d the best critic has a slope of 1 in the one-sided case. The two-sided penalty
 * lets it be 1 + d / (2 lambda), where d s - lambda (s - 1)² is largest. */
START_TEST(the_estimate_is_the_distance)
{
    float points[2 * 16] = {0}, fake[2] = {1.8f, 2.4f}; /* a distance of 3 */
    use_vectors();
    fixture_set(&f, "sides", _i ? "one" : "two");
    fixture_set(&f, "d_widths", "[32, 32]");
    fixture_set(&f, "d_lr", "0.003");
    fixture_build(&f);
    gan_assign(fixture_tensor(&f, "generator.2.weight"), gan_zeros(f.ctx, GAN_SHAPE(2, 16)));
    gan_assign_f32(fixture_tensor(&f, "generator.2.bias"), fake);
    fixture_train(&f, points, NULL, 16, 400, 0);
    ck_assert_double_eq_tol(fixture_metric(&f, "wasserstein"), _i ? 3 : 3 * (1 + 3.0 / 20), 0.1);
}
END_TEST

/* ---- the penalty's derivative, and with it the second derivatives of every layer, by finite differences ---- */

static double d_loss_at(gan_tensor **weights, int n, gan_tensor **at, const float *images)
{
    for (int i = 0; i < n; i++)
        gan_assign(weights[i], at[i]);
    gan_random_set(f.ctx, (gan_random_state){.seed = 3}); /* the same z and alpha each time */
    fixture_train(&f, images, NULL, 8, 1, 0);
    return fixture_metric(&f, "d_loss");
}

/* `steps` steps along v from the critic's weights w: the difference quotient of d_loss. */
static double slope_along(gan_tensor **weights, int n, gan_tensor **w, gan_tensor **v, float step, const float *images)
{
    gan_tensor *at[32];
    double value[2];
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < n; i++)
            at[i] = gan_add(w[i], gan_scale(v[i], side ? step : -step));
        value[side] = d_loss_at(weights, n, at, images);
    }
    return (value[1] - value[0]) / (2.0 * (double)step);
}

static const char *parameter_name(int i)
{
    static char name[32];
    static const char *const of_dcgan[] = {"0.weight", "0.bias", "2.weight", "3.weight", "3.bias", "5.weight"};
    static const char *const of_mlp[] = {"0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"};
    snprintf(name, sizeof name, "%s", gan_options_is(f.options, "networks", "mlp") ? of_mlp[i] : of_dcgan[i]);
    return name;
}

/* With beta1 0, Adam's first moment is the gradient; a learning rate of 1e-12 leaves the weights where they are. The
 * step is small, as the norm jumps where a ReLU switches on the way. */
START_TEST(the_gradient_is_that_of_d_loss)
{
    enum { N = 6 };
    static const char *const networks[] = {"mlp", "dcgan"};
    gan_tensor *weights[N], *w[N], *v[N], *gradient[N];
    double expected = 0;
    fixture_set(&f, "networks", networks[_i]);
    fixture_set(&f, "norm", _i ? "layer" : "none");
    fixture_set(&f, "d_widths", "[12, 12]");
    fixture_set(&f, "sides", "two");
    fixture_set(&f, "beta1", "0");
    fixture_set(&f, "d_lr", "1e-12");
    f.data.height = f.data.width = _i ? 16 : 4;
    fixture_build(&f);
    float *images = fixture_noise(&f, 8);
    gan_random_set(f.ctx, (gan_random_state){.seed = 8});
    for (int i = 0; i < N; i++) {
        char name[64];
        snprintf(name, sizeof name, "critic.%s", parameter_name(i));
        weights[i] = fixture_tensor(&f, name);
        w[i] = gan_add_scalar(weights[i], 0);
        w[i] = gan_add(w[i], gan_scale(gan_randn(f.ctx, gan_shape_of(w[i])), _i ? 0.1f : 0.3f));
        v[i] = gan_randn(f.ctx, gan_shape_of(w[i]));
    }
    double loss = d_loss_at(weights, N, w, images);
    ck_assert_double_gt(10 * fixture_metric(&f, "penalty"), 0.1 * fabs(loss)); /* the penalty is part of it */
    for (int i = 0; i < N; i++) {
        char name[64];
        snprintf(name, sizeof name, "d_optim.exp_avg.%s", parameter_name(i));
        gradient[i] = gan_add_scalar(fixture_tensor(&f, name), 0);
        expected += gan_item(gan_sum(gan_mul(gradient[i], v[i])));
    }
    double found = slope_along(weights, N, w, v, 2e-5f, images);
    ck_assert_msg(fabs(found - expected) < 0.01 * fabs(expected), "d_loss changes by %g, its gradient says %g", found,
                  expected);
    free(images);
}
END_TEST

/* ---- clipping ---- */

static double largest_weight(void)
{
    return gan_item(gan_max_over(gan_abs(fixture_tensor(&f, "critic.0.weight")), GAN_ALL_AXES, false));
}

/* What is above c before a step is c in it; RMSprop's first step, of ten times its learning rate, is not clipped. */
START_TEST(weights_are_clipped_before_the_step)
{
    use_vectors();
    float points[2 * 8] = {1, 2, 3, 4, 5, 6, 7, 8};
    fixture_set(&f, "lipschitz", "clip");
    fixture_set(&f, "clip", "0.5");
    fixture_set(&f, "d_lr", "0.01");
    build_linear_critic(40, -40);
    gan_assign(fixture_tensor(&f, "generator.2.weight"), gan_zeros(f.ctx, GAN_SHAPE(2, 16)));
    gan_assign_f32(fixture_tensor(&f, "generator.2.bias"), (float[]){0, 0});
    fixture_train(&f, points, NULL, 8, 1, 0);
    double mean0 = (1 + 3 + 5 + 7) / 8.0, mean1 = (2 + 4 + 6 + 8) / 8.0;
    ck_assert_double_eq_tol(fixture_metric(&f, "wasserstein"), 0.5 * mean0 - 0.5 * mean1, 1e-5);
    ck_assert_double_eq_tol(largest_weight(), 0.5 + 0.1, 1e-4);
    fixture_train(&f, points, NULL, 8, 0, 1); /* the generator's step leaves them */
    ck_assert_double_eq_tol(largest_weight(), 0.5 + 0.1, 1e-4);
}
END_TEST

START_TEST(clipping_has_no_penalty)
{
    float points[2 * 8] = {0};
    use_vectors();
    fixture_set(&f, "lipschitz", "clip");
    fixture_build(&f);
    fixture_train(&f, points, NULL, 8, 1, 0);
    for (int i = 0; i < f.n_last; i++)
        ck_assert_str_ne(f.last[i].name, "penalty");
    ck_assert_double_eq(fixture_metric(&f, "d_loss"), -fixture_metric(&f, "wasserstein"));
}
END_TEST

START_TEST(the_critic_takes_many_steps_at_the_start_and_now_and_then)
{
    fixture_build(&f);
    const gan_schedule_extension *plan = f.plugin->get_extension(f.model, GAN_SCHEDULE_EXTENSION);
    ck_assert_ptr_nonnull(plan);
    ck_assert_ptr_null(f.plugin->get_extension(f.model, "gan.schedule/2"));
    ck_assert_int_eq(plan->d_steps(f.model, 0, 5), 5); /* with a penalty: as configured */
    fixture_set(&f, "lipschitz", "clip");
    fixture_build(&f);
    static const int64_t many[] = {0, 1, 24, 500, 1000, 123500}, few[] = {25, 26, 499, 501, 999, 1001};
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(plan->d_steps(f.model, many[i], 5), 100);
        ck_assert_int_eq(plan->d_steps(f.model, few[i], 5), 5);
    }
    ck_assert_int_eq(plan->d_steps(f.model, 0, 200), 200);
    fixture_set(&f, "warmup", "false");
    fixture_build(&f);
    ck_assert_int_eq(plan->d_steps(f.model, 0, 5), 5);
}
END_TEST

/* ---- training ---- */

static double distance_from_ring(void)
{
    float points[2 * 256];
    double sum = 0;
    fixture_sample(&f, 1, NULL, 256, points);
    for (int i = 0; i < 256; i++)
        sum += fabs(hypot(points[2 * i], points[2 * i + 1]) - 1) / 256;
    return sum;
}

START_TEST(training_moves_samples_to_the_ring)
{
    gan_message message = {{0}};
    gan_data_options o = {.struct_size = sizeof o, .source = "builtin:ring8", .seed = 4};
    gan_dataset *ring = NULL;
    ck_assert_msg(gan_dataset_open(&o, &ring, &message) == GAN_OK, "%s", message.text);
    use_vectors();
    fixture_set(&f, "latent", "2");
    fixture_set(&f, "g_widths", "[48, 48]");
    fixture_set(&f, "d_widths", "[48, 48]");
    fixture_set(&f, "lipschitz", _i ? "clip" : "penalty");
    fixture_set(&f, "clip", "0.1");
    fixture_set(&f, "lambda", "0.1");
    fixture_set(&f, "g_lr", "0.002");
    fixture_set(&f, "d_lr", "0.002");
    fixture_build(&f);
    double before = distance_from_ring();
    for (int64_t i = 0, k = 0; i < 300; i++) {
        float batch[2 * 32];
        for (int64_t j = 0; j < 32; j++, k++)
            gan_dataset_get(ring, k % f.data.count, &batch[2 * j], NULL, NULL);
        fixture_train(&f, batch, NULL, 32, 2, 1);
    }
    double after = distance_from_ring();
    ck_assert_msg(before > 0.6 && after < 0.35, "the samples' distance from the ring went from %g to %g", before,
                  after);
    gan_dataset_close(ring);
}
END_TEST

START_TEST(a_sample_depends_on_its_seed_alone)
{
    fixture_build(&f);
    check_samples_depend_on_their_seed_alone(&f);
}
END_TEST

START_TEST(a_step_that_has_run_before_takes_no_memory_from_the_system)
{
    fixture_build(&f);
    float *images = fixture_noise(&f, 8);
    check_steady_memory(&f, images, NULL, 8);
    free(images);
}
END_TEST

START_TEST(build_survives_every_failed_allocation)
{
    fixture_set(&f, "norm", "layer");
    f.data.height = f.data.width = 16;
    check_build_survives_failed_allocations(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("wgan_gp");
    TCase *t = tcase_create("wgan_gp");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, networks_fit_the_data, 0, 6);
    tcase_add_test(t, vectors_have_a_linear_output);
    tcase_add_test(t, data_that_do_not_fit_are_refused);
    tcase_add_test(t, the_optimizers_are_those_of_the_papers);
    tcase_add_loop_test(t, the_metrics_of_a_linear_critic_have_their_closed_form, 0, 4);
    tcase_add_loop_test(t, the_estimate_is_the_distance, 0, 2);
    tcase_add_loop_test(t, the_gradient_is_that_of_d_loss, 0, 2);
    tcase_add_test(t, weights_are_clipped_before_the_step);
    tcase_add_test(t, clipping_has_no_penalty);
    tcase_add_test(t, the_critic_takes_many_steps_at_the_start_and_now_and_then);
    tcase_add_loop_test(t, training_moves_samples_to_the_ring, 0, 2);
    tcase_add_test(t, a_sample_depends_on_its_seed_alone);
    tcase_add_test(t, a_step_that_has_run_before_takes_no_memory_from_the_system);
    tcase_add_test(t, build_survives_every_failed_allocation);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
