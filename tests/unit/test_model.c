/* Models and metrics: registration, names, ownership, reports. */
#include "../support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static gan_context *ctx;

static void open_context(void)
{
    ctx = test_context_open(0, 0);
}

static void close_context(void)
{
    test_context_close(ctx);
}

typedef struct listing {
    char text[2048];
} listing;

static void append(listing *l, const char *name, const char *rest)
{
    size_t used = strlen(l->text);
    snprintf(l->text + used, sizeof l->text - used, "%s%s\n", name, rest);
}

static void list_slot(const char *name, gan_tensor *tensor, gan_slot_kind kind, gan_layout layout, void *user)
{
    (void)tensor;
    (void)layout;
    append(user, name, kind == GAN_SLOT_STATE ? "*" : "");
}

static void list_number(const char *name, double *number, void *user)
{
    char text[32];
    snprintf(text, sizeof text, " = %g", *number);
    append(user, name, text);
    *number += 1;
}

static gan_layer *network(void)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_linear(net, 2, 2, &(gan_nn_args){.no_bias = true});
    return net;
}

START_TEST(a_model_lists_its_parts_under_their_full_names)
{
    gan_model m;
    double mean = 3;
    ck_assert_int_eq(gan_model_init(&m, ctx), GAN_OK);
    gan_layer *g = network(), *d = network();
    gan_optimizer *o = gan_rmsprop(ctx, (gan_rmsprop_args){.lr = 1});
    gan_optimizer_add(o, d);
    gan_model_number(&m, "path_mean", &mean);
    gan_model_optimizer(&m, "d_optim", o);
    gan_model_network(&m, "generator", g, GAN_ROLE_GENERATOR);
    gan_model_network(&m, "discriminator", d, GAN_ROLE_DISCRIMINATOR);
    gan_model_tensor(&m, "pool", gan_keep(gan_zeros(ctx, GAN_SHAPE(5))));
    ck_assert_msg(gan_status_of(ctx) == GAN_OK, "%s", gan_status_message(ctx));

    listing l = {{0}};
    gan_model_visit(&m, list_slot, list_number, &l);
    ck_assert_str_eq(l.text, "generator.0.weight\ndiscriminator.0.weight\nd_optim.square_avg.0.weight*\nd_optim.step*\n"
                             "pool*\npath_mean = 3\n");
    ck_assert_double_eq(mean, 4);
    gan_model_visit(&m, NULL, NULL, NULL);

    const char *name;
    gan_role role;
    ck_assert_int_eq(gan_model_network_count(&m), 2);
    ck_assert_ptr_eq(gan_model_network_at(&m, 1, &name, &role), d);
    ck_assert_str_eq(name, "discriminator");
    ck_assert_int_eq(role, GAN_ROLE_DISCRIMINATOR);
    ck_assert_ptr_null(gan_model_network_at(&m, 2, NULL, NULL));
    ck_assert_ptr_eq(gan_model_find_network(&m, "generator"), g);
    ck_assert_ptr_null(gan_model_find_network(&m, "critic"));
    ck_assert_int_eq(gan_model_optimizer_count(&m), 1);
    ck_assert_ptr_eq(gan_model_optimizer_at(&m, 0, &name), o);
    ck_assert_str_eq(name, "d_optim");
    ck_assert_ptr_null(gan_model_optimizer_at(&m, -1, NULL));
    gan_model_finish(&m); /* ends all of them: close_context finds nothing left */
    gan_model_finish(&m);
}
END_TEST

START_TEST(names_must_differ_and_an_empty_model_is_fine)
{
    gan_model zeroed = {0}, m;
    gan_model_finish(&zeroed);
    gan_model_finish(NULL);
    ck_assert_int_eq(gan_model_init(&m, ctx), GAN_OK);
    gan_model_network(&m, "net", network(), GAN_ROLE_OTHER);
    gan_model_network(&m, "net", network(), GAN_ROLE_OTHER);
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(gan_status_message(ctx), "net"));
    gan_model_optimizer(&m, "optim", NULL); /* one that could not be made */
    ck_assert_int_eq(gan_model_optimizer_count(&m), 0);
    gan_model_finish(&m);
}
END_TEST

/* ---- metrics ---- */

typedef struct reports {
    char names[64][16];
    double values[64];
    int n;
} reports;

static void note(const char *name, double value, void *user)
{
    reports *r = user;
    snprintf(r->names[r->n], sizeof r->names[0], "%s", name);
    r->values[r->n++] = value;
}

START_TEST(metrics_outlive_the_step_but_not_its_graph)
{
    gan_metrics *metrics = gan_metrics_create();
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_linear(net, 1000, 1000, NULL);
    size_t before = gan_memory(ctx).bytes_in_use;
    for (int i = 0; i < 3; i++) {
        gan_scope_begin(ctx);
        gan_tensor *loss = gan_mean(gan_square(gan_forward(net, gan_zeros(ctx, GAN_SHAPE(1000, 1000)))));
        gan_metric(metrics, "loss", loss);
        gan_metric(metrics, "i", gan_full(ctx, GAN_SHAPE(1, 1), (float)i));
        gan_scope_end(ctx, NULL);
    }
    ck_assert_uint_lt(gan_memory(ctx).bytes_in_use - before, 8192);
    reports r = {.n = 0};
    ck_assert_int_eq(gan_metrics_collect(metrics, note, &r), 6);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(r.names[2 * i], "loss");
        ck_assert_double_gt(r.values[2 * i], 0);
        ck_assert_str_eq(r.names[2 * i + 1], "i");
        ck_assert_double_eq(r.values[2 * i + 1], i);
    }
    ck_assert_int_eq(gan_metrics_collect(metrics, note, &r), 0);
    ck_assert_uint_eq(gan_memory(ctx).bytes_in_use, before);
    gan_metric(metrics, "last", gan_zeros(ctx, GAN_SCALAR)); /* not collected */
    gan_metric(NULL, "none", gan_zeros(ctx, GAN_SCALAR));
    gan_metrics_destroy(metrics);
    gan_metrics_destroy(NULL);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(wrong_metrics_are_errors)
{
    gan_metrics *metrics = gan_metrics_create();
    gan_metric(metrics, "vector", gan_zeros(ctx, GAN_SHAPE(2)));
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_SHAPE);
    gan_clear_status(ctx);
    for (int i = 0; i <= GAN_METRICS_MAX; i++) {
        char name[16];
        ck_assert_int_eq(gan_status_of(ctx), GAN_OK);
        snprintf(name, sizeof name, "m%d", i);
        gan_metric(metrics, name, gan_full(ctx, GAN_SCALAR, NAN));
    }
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_LIMIT);
    reports r = {.n = 0};
    ck_assert_int_eq(gan_metrics_collect(metrics, note, &r), GAN_METRICS_MAX);
    ck_assert(isnan(r.values[0]));
    gan_metrics_destroy(metrics);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("model");
    TCase *t = tcase_create("model");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_test(t, a_model_lists_its_parts_under_their_full_names);
    tcase_add_test(t, names_must_differ_and_an_empty_model_is_fine);
    tcase_add_test(t, metrics_outlive_the_step_but_not_its_graph);
    tcase_add_test(t, wrong_metrics_are_errors);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
