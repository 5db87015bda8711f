/* Styles: the mapping network, and what is done with styles, against loops in double; recorded steps with them. */
#include "style_cases.h"

/* ---- the mapping network ---- */

static void pixel_normed(const double *x, int n, double *out)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] * x[i] / n;
    for (int i = 0; i < n; i++)
        out[i] = x[i] / sqrt(sum + 1e-8);
}

/* out = leaky(multiplier (w x / sqrt(in) + b)), w and b as they are stored. */
static void dense(const double *x, const double *w, const double *b, int in, int out_width, double multiplier,
                  double *out)
{
    for (int o = 0; o < out_width; o++) {
        double sum = 0;
        for (int i = 0; i < in; i++)
            sum += w[o * in + i] * x[i];
        out[o] = leaky(multiplier * (sum / sqrt(in) + b[o]));
    }
}

enum { LATENT = 7, SAMPLES = 3, CLASSES = 4 };
static const char *const DENSE[3] = {"dense.0", "dense.2", "dense.4"};

static void check_mapping(gan_layer *mapping, gan_tensor *z, const int *labels, const gan_tensor *w)
{
    double *latents = values_of(z), *table = labels ? found(mapping, "embed.weight") : NULL, want[SAMPLES][WIDTH];
    for (int n = 0; n < SAMPLES; n++) {
        double x[LATENT + WIDTH], y[WIDTH];
        pixel_normed(latents + n * LATENT, LATENT, x);
        if (labels)
            pixel_normed(table + labels[n] * WIDTH, WIDTH, x + LATENT);
        for (int layer = 0; layer < 3; layer++) {
            char name[32];
            double *weight = found(mapping, strcat(strcpy(name, DENSE[layer]), ".weight"));
            double *bias = found(mapping, strcat(strcpy(name, DENSE[layer]), ".bias"));
            int in = layer > 0 ? WIDTH : labels ? LATENT + WIDTH : LATENT;
            dense(x, weight, bias, in, WIDTH, 0.01, y);
            memcpy(x, y, sizeof y);
            free(weight);
            free(bias);
        }
        memcpy(want[n], y, sizeof y);
    }
    ck_assert(gan_shape_equal(gan_shape_of(w), GAN_SHAPE(SAMPLES, WIDTH)));
    check_values(w, want[0], 1e-5);
    free(latents);
    free(table);
}

static gan_layer *new_mapping(int64_t classes)
{
    gan_layer *mapping = gan_nn_mapping(
        ctx, NULL,
        &(gan_mapping_args){.latent = LATENT, .classes = classes, .width = WIDTH, .layers = 3, .lr_multiplier = 0.01f});
    check_ok();
    for (int i = 0; i < 3; i++) {
        char name[32];
        gan_tensor *bias = gan_layer_find(mapping, strcat(strcpy(name, DENSE[i]), ".bias"));
        gan_assign(bias, gan_scale(gan_randn(ctx, gan_shape_of(bias)), 50));
    }
    return mapping;
}

START_TEST(mapping_is_a_chain_of_dense_layers)
{
    gan_layer *mapping = new_mapping(0);
    gan_tensor *z = gan_randn(ctx, GAN_SHAPE(SAMPLES, LATENT));
    check_mapping(mapping, z, NULL, gan_forward(mapping, z));
    gan_tensor *far = gan_forward(mapping, gan_scale(z, 100)); /* only directions matter */
    double *w = values_of(gan_forward(mapping, z));
    check_values(far, w, 1e-5);
    free(w);
    gan_layer_destroy(mapping);
}
END_TEST

START_TEST(mapping_takes_classes)
{
    static const int32_t labels[SAMPLES] = {2, 0, 3};
    gan_layer *mapping = new_mapping(CLASSES);
    gan_tensor *z = gan_randn(ctx, GAN_SHAPE(SAMPLES, LATENT));
    check_mapping(mapping, z, labels, gan_forward_given(mapping, z, gan_from_i32(ctx, GAN_SHAPE(SAMPLES), labels)));
    ck_assert(gan_is_poison(gan_forward(mapping, z)));
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_STATE);
    gan_clear_status(ctx);
    gan_layer_destroy(mapping);
}
END_TEST

/* Stored weights are 1 / multiplier as large, so that an optimizer moves them multiplier as far. */
START_TEST(mapping_weights_are_stored_large)
{
    gan_layer *mapping =
        gan_nn_mapping(ctx, NULL, &(gan_mapping_args){.latent = 64, .width = 64, .layers = 2, .lr_multiplier = 0.01f});
    gan_tensor *weight = gan_layer_find(mapping, "dense.2.weight");
    ck_assert_float_eq_tol(gan_item(gan_sqrt(gan_mean(gan_square(weight)))), 100, 5);
    /* and styles of unit latents have a size near 1: the gain makes up for LeakyReLU */
    gan_tensor *w = gan_forward(mapping, gan_randn(ctx, GAN_SHAPE(256, 64)));
    ck_assert_float_eq_tol(gan_item(gan_mean(gan_square(w))), 1, 0.35f);
    gan_layer_destroy(mapping);
}
END_TEST

START_TEST(the_average_style_follows)
{
    gan_layer *mapping = new_mapping(0);
    double want[WIDTH] = {0};
    check_values(gan_mapping_average(mapping), want, 0);
    for (int step = 0; step < 5; step++) {
        gan_tensor *w = gan_forward(mapping, gan_randn(ctx, GAN_SHAPE(SAMPLES, LATENT)));
        double *values = values_of(w);
        for (int i = 0; i < WIDTH; i++)
            want[i] = 0.9 * want[i] + 0.1 * (values[i] + values[WIDTH + i] + values[2 * WIDTH + i]) / 3;
        gan_mapping_track(mapping, w, 0.9f);
        check_values(gan_mapping_average(mapping), want, 1e-5);
        free(values);
    }
    ck_assert(gan_layer_find(mapping, "w_avg") == gan_mapping_average(mapping));
    ck_assert(!gan_requires_grad(gan_mapping_average(mapping)));
    gan_layer_destroy(mapping);
}
END_TEST

/* ---- styles ---- */

static gan_tensor *styles(int64_t n, int64_t layers)
{
    return gan_randn(ctx, GAN_SHAPE(n, layers, WIDTH));
}

START_TEST(one_style_is_repeated_for_all_layers)
{
    gan_tensor *w = gan_variable(gan_randn(ctx, GAN_SHAPE(SAMPLES, WIDTH))), *all = gan_style_repeat(w, 6), *g;
    ck_assert(gan_shape_equal(gan_shape_of(all), GAN_SHAPE(SAMPLES, 6, WIDTH)));
    for (int i = 0; i < 6; i++)
        ck_assert(same(gan_style_at(all, i), w));
    gan_grad(gan_sum(all), &w, 1, &g, 0);
    ck_assert(same(g, gan_full(ctx, GAN_SHAPE(SAMPLES, WIDTH), 6)));
}
END_TEST

START_TEST(joined_styles_take_layers_of_the_other)
{
    gan_tensor *a = styles(2, 6), *b = styles(2, 6);
    ck_assert(same(gan_style_join(a, b, 0, 5), b));
    static const int ranges[][2] = {{0, 0}, {0, 3}, {2, 3}, {4, 5}, {5, 5}};
    for (int r = 0; r < 5; r++) {
        gan_tensor *joined = gan_style_join(a, b, ranges[r][0], ranges[r][1]);
        for (int i = 0; i < 6; i++)
            ck_assert(same(gan_style_at(joined, i), gan_style_at(i >= ranges[r][0] && i <= ranges[r][1] ? b : a, i)));
    }
}
END_TEST

enum { MANY = 8000, LAYERS = 6 };

/* How often each layer is the first of b's; [0]: none is. Every later one must be b's too. */
static void count_crossovers(float probability, int count[LAYERS])
{
    gan_tensor *a = gan_zeros(ctx, GAN_SHAPE(MANY, LAYERS, 1)), *b = gan_full(ctx, GAN_SHAPE(MANY, LAYERS, 1), 1);
    double *mixed = values_of(gan_style_mix(a, b, probability));
    memset(count, 0, LAYERS * sizeof *count);
    for (int n = 0; n < MANY; n++) {
        int first = 0;
        for (int i = LAYERS - 1; i >= 0 && mixed[n * LAYERS + i] == 1; i--)
            first = i;
        for (int i = 0; i < LAYERS; i++)
            ck_assert(mixed[n * LAYERS + i] == (first > 0 && i >= first));
        count[first]++;
    }
    free(mixed);
}

/* A binomial count is within five standard deviations of what it should be. */
static void check_count(int count, double share)
{
    ck_assert_double_eq_tol(count, share * MANY, 5 * sqrt(MANY * share * (1 - share)) + 1e-9);
}

START_TEST(crossovers_are_equally_likely)
{
    static const float probabilities[] = {1.0f, 0.9f, 0.3f};
    int count[LAYERS];
    for (int p = 0; p < 3; p++) {
        count_crossovers(probabilities[p], count);
        check_count(count[0], 1 - (double)probabilities[p]);
        for (int i = 1; i < LAYERS; i++)
            check_count(count[i], (double)probabilities[p] / (LAYERS - 1));
    }
    count_crossovers(0, count);
    ck_assert_int_eq(count[0], MANY);
}
END_TEST

START_TEST(one_layer_cannot_be_mixed)
{
    gan_tensor *a = styles(3, 1);
    ck_assert(same(gan_style_mix(a, styles(3, 1), 1), a));
}
END_TEST

START_TEST(truncation_goes_to_the_average)
{
    gan_tensor *w = styles(2, 4), *average = gan_randn(ctx, GAN_SHAPE(WIDTH));
    gan_tensor *middle = gan_broadcast_to(average, GAN_SHAPE(2, WIDTH));
    ck_assert(same(gan_style_truncate(w, average, 1, -1), w));
    ck_assert(same(gan_style_truncate(w, average, 0.5f, 0), w));
    gan_tensor *none = gan_style_truncate(w, average, 0, -1);
    for (int i = 0; i < 4; i++)
        ck_assert(same(gan_style_at(none, i), middle));
    double *x = values_of(w), *m = values_of(average);
    for (int cutoff = 1; cutoff <= 5; cutoff++) {
        double want[2 * 4 * WIDTH];
        for (int i = 0; i < 2 * 4 * WIDTH; i++)
            want[i] = i / WIDTH % 4 < cutoff ? m[i % WIDTH] + 0.7 * (x[i] - m[i % WIDTH]) : x[i];
        check_values(gan_style_truncate(w, average, 0.7f, cutoff), want, 1e-6);
    }
    free(x);
    free(m);
}
END_TEST

/* ---- recorded steps ---- */

typedef struct generator {
    gan_model base;
    gan_layer *net, *mapping, *conv;
    gan_optimizer *optimizer;
} generator;

/* Everything of a style-based generator's step that must not touch the host. */
static gan_status generator_step(gan_model *base, const gan_batch *batch, gan_metrics *out)
{
    generator *m = (generator *)base;
    gan_tensor *w[2];
    for (int i = 0; i < 2; i++)
        w[i] = gan_forward(m->mapping, gan_randn(ctx, GAN_SHAPE(batch->n, LATENT)));
    gan_mapping_track(m->mapping, w[0], 0.9f);
    gan_tensor *mixed = gan_style_mix(gan_style_repeat(w[0], 4), gan_style_repeat(w[1], 4), 0.7f);
    mixed = gan_style_truncate(mixed, gan_mapping_average(m->mapping), 0.5f, 2);
    gan_tensor *images = gan_styled_conv(m->conv, batch->images, gan_style_at(mixed, 2), GAN_NOISE_RANDOM);
    gan_tensor *lengths = gan_path_lengths(images, mixed);
    gan_tensor *loss = gan_add(gan_mean(gan_square(images)), gan_mean(lengths));
    gan_minimize(m->optimizer, loss);
    gan_metric(out, "loss", loss);
    return gan_status_of(ctx);
}

static generator *new_generator(void)
{
    generator *m = gan_model_new(ctx, sizeof *m);
    m->net = gan_sequential(ctx, NULL);
    m->mapping = gan_nn_mapping(
        ctx, m->net, &(gan_mapping_args){.latent = LATENT, .width = WIDTH, .layers = 2, .lr_multiplier = 0.1f});
    m->conv = gan_nn_styled_conv(m->net, &(gan_styled_conv_args){.in = 3,
                                                                 .out = 4,
                                                                 .width = WIDTH,
                                                                 .kernel = 3,
                                                                 .resolution = 8,
                                                                 .up = true,
                                                                 .activation = {GAN_LEAKY_RELU, 0.2f}});
    m->optimizer = gan_adam(ctx, (gan_adam_args){.lr = 0.01, .beta2 = 0.99});
    gan_optimizer_add(m->optimizer, m->net);
    gan_model_network(&m->base, "g", m->net, GAN_ROLE_GENERATOR);
    gan_model_optimizer(&m->base, "optimizer", m->optimizer);
    return m;
}

/* The average style and the layer's weights after some steps; the graphs that there were. */
static int train(bool graphs, double **average, double **weight)
{
    gan_random_set(ctx, (gan_random_state){.seed = 7});
    generator *m = new_generator();
    gan_tensor *images = gan_keep(gan_randn(ctx, GAN_SHAPE(6, 4, 4, 3)));
    gan_batch batch = {.struct_size = sizeof batch, .n = 6, .images = images};
    gan_runner_options options = {
        .struct_size = sizeof options, .d_step = generator_step, .g_step = generator_step, .no_graphs = !graphs};
    gan_runner *runner = gan_runner_create(&m->base, &options);
    gan_metrics *metrics = gan_metrics_create();
    for (int i = 0; i < 9; i++)
        ck_assert_msg(gan_runner_step(runner, GAN_STEP_GENERATOR, true, &batch, metrics) == GAN_OK, "%s",
                      gan_status_message(ctx));
    ck_assert_str_eq(gan_runner_note(runner), "");
    *average = values_of(gan_mapping_average(m->mapping));
    *weight = found(m->conv, "weight");
    int recorded = gan_runner_graphs(runner);
    gan_metrics_destroy(metrics);
    gan_runner_destroy(runner);
    gan_release(images);
    gan_model_free(&m->base);
    return recorded;
}

START_TEST(steps_with_styles_can_be_recorded)
{
    double *average[2], *weight[2];
    bool records = strncmp(gan_context_device(ctx), "CPU", 3) != 0;
    ck_assert_int_eq(train(false, &average[0], &weight[0]), 0);
    ck_assert_int_eq(train(true, &average[1], &weight[1]), records ? 1 : 0);
    ck_assert_mem_eq(average[0], average[1], WIDTH * sizeof(double));
    ck_assert_mem_eq(weight[0], weight[1], 3 * 9 * 4 * sizeof(double));
    ck_assert_double_ne(average[0][0], 0);
    for (int i = 0; i < 2; i++) {
        free(average[i]);
        free(weight[i]);
    }
}
END_TEST

/* ---- wrong arguments ---- */

START_TEST(wrong_styles_are_refused)
{
    gan_tensor *w = styles(2, 4), *flat = gan_zeros(ctx, GAN_SHAPE(2, WIDTH)), *average = gan_zeros(ctx, GAN_SHAPE(3));
    ck_assert(gan_is_poison(gan_style_repeat(w, 4)));
    check_refused(GAN_ERROR_SHAPE, "style_repeat: needs styles (N, width)");
    ck_assert(gan_is_poison(gan_style_repeat(flat, 0)));
    check_refused(GAN_ERROR_SHAPE, "at least one layer");
    ck_assert(gan_is_poison(gan_style_at(w, 4)));
    check_refused(GAN_ERROR_ARGUMENT, "style_at: styles [2, 4, 5] have no layer 4");
    ck_assert(gan_is_poison(gan_style_at(flat, 0)));
    check_refused(GAN_ERROR_SHAPE, "(N, layers, width)");
    ck_assert(gan_is_poison(gan_style_join(w, w, 2, 4)));
    check_refused(GAN_ERROR_ARGUMENT, "from 2 to 4");
    ck_assert(gan_is_poison(gan_style_join(w, styles(2, 3), 0, 0)));
    check_refused(GAN_ERROR_SHAPE, "do not mix");
    ck_assert(gan_is_poison(gan_style_mix(w, w, 1.5f)));
    check_refused(GAN_ERROR_ARGUMENT, "1.5 is no probability");
    ck_assert(gan_is_poison(gan_style_truncate(w, average, 0.5f, -1)));
    check_refused(GAN_ERROR_SHAPE, "an average [3] does not fit");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("style");
    TCase *t = tcase_create("style");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_test(t, mapping_is_a_chain_of_dense_layers);
    tcase_add_test(t, mapping_takes_classes);
    tcase_add_test(t, mapping_weights_are_stored_large);
    tcase_add_test(t, the_average_style_follows);
    tcase_add_test(t, one_style_is_repeated_for_all_layers);
    tcase_add_test(t, joined_styles_take_layers_of_the_other);
    tcase_add_test(t, crossovers_are_equally_likely);
    tcase_add_test(t, one_layer_cannot_be_mixed);
    tcase_add_test(t, truncation_goes_to_the_average);
    tcase_add_test(t, steps_with_styles_can_be_recorded);
    tcase_add_test(t, wrong_styles_are_refused);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
