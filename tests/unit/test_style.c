/* Styles: the mapping network, what is done with styles, and layers that take one, against loops in double. */
#include "../support.h"

#include <math.h>
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

/* The values of a tensor in double, freed by the caller. */
static double *values_of(const gan_tensor *t)
{
    int64_t n = gan_count(t);
    float *f = malloc((size_t)n * sizeof *f);
    double *values = malloc((size_t)n * sizeof *values);
    ck_assert_int_eq(gan_read_f32(t, f), GAN_OK);
    for (int64_t i = 0; i < n; i++)
        values[i] = f[i];
    free(f);
    return values;
}

static void check_values(const gan_tensor *t, const double *want, double tolerance)
{
    check_ok();
    double *got = values_of(t);
    for (int64_t i = 0; i < gan_count(t); i++)
        ck_assert_msg(fabs(got[i] - want[i]) <= tolerance, "element %lld is %.9g, should be %.9g", (long long)i, got[i],
                      want[i]);
    free(got);
}

static bool same(const gan_tensor *a, const gan_tensor *b)
{
    check_ok();
    ck_assert(gan_shape_equal(gan_shape_of(a), gan_shape_of(b)));
    double *x = values_of(a), *y = values_of(b);
    bool equal = memcmp(x, y, (size_t)gan_count(a) * sizeof *x) == 0;
    free(x);
    free(y);
    return equal;
}

/* Random values for a parameter that begins with constant ones. */
static double *randomize(gan_layer *layer, const char *name)
{
    gan_tensor *t = gan_layer_find(layer, name);
    ck_assert_msg(t != NULL, "there is no \"%s\"", name);
    gan_assign(t, gan_randn(ctx, gan_shape_of(t)));
    return values_of(t);
}

static double *found(gan_layer *layer, const char *name)
{
    gan_tensor *t = gan_layer_find(layer, name);
    ck_assert_msg(t != NULL, "there is no \"%s\"", name);
    return values_of(t);
}

static double leaky(double x)
{
    return sqrt(2) * (x < 0 ? 0.2 * x : x);
}

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

enum { LATENT = 7, WIDTH = 5, SAMPLES = 3, CLASSES = 4 };
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

/* ---- layers ---- */

/* Images in double, [n, h, w, c]. */
typedef struct field {
    int n, h, w, c;
    double *at;
} field;

static field field_new(int n, int h, int w, int c)
{
    return (field){n, h, w, c, calloc((size_t)(n * h * w * c), sizeof(double))};
}

static double *cell(field f, int n, int i, int j, int c)
{
    return &f.at[((n * f.h + i) * f.w + j) * f.c + c];
}

/* A convolution of each sample with its own weights, own[n][o][a][b][i]. Every pixel of x is added to those of the
 * result that it reaches: those `stride` times as far away. */
static field spread(field x, const double *own, int out, int k, int stride, int pad)
{
    field y = field_new(x.n, (x.h - 1) * stride + k - 2 * pad, (x.w - 1) * stride + k - 2 * pad, out);
    for (int n = 0; n < x.n; n++)
        for (int p = 0; p < x.h * x.w; p++)
            for (int t = 0; t < out * k * k * x.c; t++) {
                int c = t % x.c, b = t / x.c % k, a = t / (x.c * k) % k, o = t / (x.c * k * k);
                int i = p / x.w * stride + a - pad, j = p % x.w * stride + b - pad;
                if (i >= 0 && i < y.h && j >= 0 && j < y.w)
                    *cell(y, n, i, j, o) += own[n * out * k * k * x.c + t] * *cell(x, n, p / x.w, p % x.w, c);
            }
    return y;
}

/* The filter [1, 3, 3, 1] / 4 on both axes over y with a border of zeros: `pad` of them. */
static field blur(field y, int pad)
{
    static const double taps[4] = {0.25, 0.75, 0.75, 0.25};
    field out = field_new(y.n, y.h + 2 * pad - 3, y.w + 2 * pad - 3, y.c);
    for (int e = 0; e < out.n * out.h * out.w * out.c; e++) {
        int c = e % out.c, j = e / out.c % out.w, i = e / (out.c * out.w) % out.h, n = e / (out.c * out.w * out.h);
        for (int t = 0; t < 16; t++) {
            int from_i = i + t / 4 - pad, from_j = j + t % 4 - pad;
            if (from_i >= 0 && from_i < y.h && from_j >= 0 && from_j < y.w)
                out.at[e] += taps[t / 4] * taps[t % 4] * *cell(y, n, from_i, from_j, c);
        }
    }
    return out;
}

typedef struct conv_case {
    int in, out, kernel;
    bool up, no_demodulation, no_noise, linear;
} conv_case;

/* Each sample's own weights [n][out][k][k][in]: modulated, scaled by 1 / sqrt(in k²), demodulated. For a transposed
 * convolution the taps are taken as they lie, for the other one from the last to the first, because `spread` adds x to
 * the result's pixels and a correlation gathers it. */
static double *own_weights(const conv_case *c, gan_layer *layer, gan_tensor *styles_w)
{
    int kk = c->kernel * c->kernel, size = c->out * kk * c->in, n = (int)gan_dim(styles_w, 0);
    double *weight = found(layer, "weight"), *affine = found(layer, "affine.weight");
    double *bias = found(layer, "affine.bias"), *w = values_of(styles_w), *own = malloc(sizeof(double[n][size]));
    for (int s = 0; s < n; s++)
        for (int o = 0; o < c->out; o++) {
            double sum = 0;
            double *rows = own + s * size + o * kk * c->in;
            for (int t = 0; t < kk * c->in; t++) {
                int i = t % c->in, tap = t / c->in;
                double style = bias[i];
                for (int d = 0; d < WIDTH; d++)
                    style += affine[i * WIDTH + d] * w[s * WIDTH + d] / sqrt(WIDTH);
                double stored =
                    c->up ? weight[(i * kk + tap) * c->out + o] : weight[(o * kk + kk - 1 - tap) * c->in + i];
                rows[t] = stored * style / sqrt(c->in * kk);
                sum += rows[t] * rows[t];
            }
            for (int t = 0; t < kk * c->in && !c->no_demodulation; t++)
                rows[t] /= sqrt(sum + 1e-8);
        }
    free(weight);
    free(affine);
    free(bias);
    free(w);
    return own;
}

static void check_styled_conv(const conv_case *c)
{
    enum { SIDE = 5 };
    int result = c->up ? 2 * SIDE : SIDE;
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_layer *layer =
        gan_nn_styled_conv(net, &(gan_styled_conv_args){.in = c->in,
                                                        .out = c->out,
                                                        .width = WIDTH,
                                                        .kernel = c->kernel,
                                                        .resolution = result,
                                                        .up = c->up,
                                                        .no_demodulation = c->no_demodulation,
                                                        .no_noise = c->no_noise,
                                                        .activation = {c->linear ? GAN_LINEAR : GAN_LEAKY_RELU, 0.2f}});
    check_ok();
    double *bias = randomize(layer, "bias"), *noise = NULL, *strength = NULL;
    if (!c->no_noise) {
        strength = randomize(layer, "noise_strength");
        noise = found(layer, "noise");
    }
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(2, SIDE, SIDE, c->in)), *w = gan_randn(ctx, GAN_SHAPE(2, WIDTH));
    gan_tensor *y = gan_styled_conv(layer, x, w, GAN_NOISE_CONST);
    check_ok();
    ck_assert(gan_shape_equal(gan_shape_of(y), GAN_SHAPE(2, result, result, c->out)));

    field input = {2, SIDE, SIDE, c->in, values_of(x)};
    double *own = own_weights(c, layer, w);
    field want = spread(input, own, c->out, c->kernel, c->up ? 2 : 1, c->up ? 0 : c->kernel / 2);
    if (c->up) {
        field sharp = want;
        want = blur(sharp, c->kernel == 3 ? 1 : 2);
        free(sharp.at);
    }
    for (int e = 0; e < want.n * result * result * c->out; e++) {
        double v = want.at[e] + bias[e % c->out];
        if (noise)
            v += *strength * noise[e / c->out % (result * result)];
        want.at[e] = c->linear ? v : leaky(v);
    }
    check_values(y, want.at, 2e-5);
    free(input.at);
    free(want.at);
    free(own);
    free(bias);
    free(noise);
    free(strength);
    gan_layer_destroy(net);
}

START_TEST(styled_convolutions_use_each_samples_own_weights)
{
    static const conv_case cases[] = {
        {.in = 3, .out = 4, .kernel = 3},
        {.in = 3, .out = 4, .kernel = 3, .up = true},
        {.in = 4, .out = 3, .kernel = 1, .no_demodulation = true, .no_noise = true, .linear = true},
        {.in = 4, .out = 2, .kernel = 1, .up = true, .no_noise = true},
        {.in = 2, .out = 5, .kernel = 3, .no_demodulation = true},
        {.in = 2, .out = 5, .kernel = 3, .linear = true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_styled_conv(&cases[i]);
}
END_TEST

START_TEST(styled_convolutions_begin_without_noise_and_with_unit_styles)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_layer *layer = gan_nn_styled_conv(
        net, &(gan_styled_conv_args){.in = 64, .out = 32, .width = WIDTH, .kernel = 3, .resolution = 16});
    ck_assert_float_eq(gan_item(gan_layer_find(layer, "noise_strength")), 0);
    ck_assert(same(gan_layer_find(layer, "affine.bias"), gan_full(ctx, GAN_SHAPE(64), 1)));
    ck_assert(same(gan_layer_find(layer, "bias"), gan_zeros(ctx, GAN_SHAPE(32))));
    ck_assert_float_eq_tol(gan_item(gan_mean(gan_square(gan_layer_find(layer, "weight")))), 1, 0.05f);
    ck_assert_float_eq_tol(gan_item(gan_mean(gan_square(gan_layer_find(layer, "noise")))), 1, 0.4f);
    /* demodulation: features of unit deviation stay so */
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(4, 16, 16, 64)), *w = gan_randn(ctx, GAN_SHAPE(4, WIDTH));
    gan_tensor *inner = gan_pad2d(gan_styled_conv(layer, x, w, GAN_NOISE_RANDOM), -1, -1, -1, -1);
    ck_assert_float_eq_tol(gan_item(gan_mean(gan_square(inner))), 1, 0.15f);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(noise_has_three_modes)
{
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_layer *layer = gan_nn_styled_conv(
        net, &(gan_styled_conv_args){.in = 3, .out = 4, .width = WIDTH, .kernel = 3, .resolution = 6});
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(1, 6, 6, 3)), *w = gan_randn(ctx, GAN_SHAPE(1, WIDTH));
    gan_tensor *two_x = gan_concat((gan_tensor *[]){x, x}, 2, 0), *two_w = gan_concat((gan_tensor *[]){w, w}, 2, 0);
    gan_tensor *without = gan_styled_conv(layer, two_x, two_w, GAN_NOISE_NONE);
    ck_assert(same(gan_styled_conv(layer, two_x, two_w, GAN_NOISE_CONST), without)); /* its strength is 0 */
    gan_assign(gan_layer_find(layer, "noise_strength"), gan_full(ctx, GAN_SCALAR, 1));
    ck_assert(same(gan_styled_conv(layer, two_x, two_w, GAN_NOISE_NONE), without));
    gan_tensor *constant = gan_styled_conv(layer, two_x, two_w, GAN_NOISE_CONST);
    ck_assert(same(gan_styled_conv(layer, two_x, two_w, GAN_NOISE_CONST), constant));
    ck_assert(same(gan_slice(constant, 0, 0, 1), gan_slice(constant, 0, 1, 1)));
    ck_assert(!same(constant, without));
    gan_tensor *random = gan_styled_conv(layer, two_x, two_w, GAN_NOISE_RANDOM);
    ck_assert(!same(gan_slice(random, 0, 0, 1), gan_slice(random, 0, 1, 1)));
    ck_assert(!same(gan_styled_conv(layer, two_x, two_w, GAN_NOISE_RANDOM), random));
    gan_layer_destroy(net);
}
END_TEST

/* Noise, bias, LeakyReLU with its gain, instance norm, style. */
START_TEST(epilogue_is_its_definition)
{
    enum { SIDE = 4, CHANNELS = 3, PIXELS = SIDE * SIDE };
    gan_layer *net = gan_sequential(ctx, NULL), *layer = gan_nn_style_epilogue(net, CHANNELS, WIDTH, SIDE);
    double *bias = randomize(layer, "bias"), *strength = randomize(layer, "noise_strength");
    double *affine_bias = randomize(layer, "affine.bias"), *affine = found(layer, "affine.weight");
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(2, SIDE, SIDE, CHANNELS)), *w = gan_randn(ctx, GAN_SHAPE(2, WIDTH));
    double *noise = found(layer, "noise"), *values = values_of(x), *style = values_of(w);
    double want[2 * PIXELS * CHANNELS];
    for (int s = 0; s < 2 * CHANNELS; s++) {
        int n = s / CHANNELS, c = s % CHANNELS;
        double mean = 0, variance = 0, v[PIXELS], a[2];
        for (int p = 0; p < PIXELS; p++) {
            v[p] = leaky(values[(n * PIXELS + p) * CHANNELS + c] + strength[c] * noise[p] + bias[c]);
            mean += v[p] / PIXELS;
        }
        for (int p = 0; p < PIXELS; p++)
            variance += (v[p] - mean) * (v[p] - mean) / PIXELS;
        for (int half = 0; half < 2; half++) {
            int row = half * CHANNELS + c;
            a[half] = affine_bias[row];
            for (int d = 0; d < WIDTH; d++)
                a[half] += affine[row * WIDTH + d] * style[n * WIDTH + d] / sqrt(WIDTH);
        }
        for (int p = 0; p < PIXELS; p++)
            want[(n * PIXELS + p) * CHANNELS + c] = (v[p] - mean) / sqrt(variance + 1e-8) * (a[0] + 1) + a[1];
    }
    check_values(gan_style_epilogue(layer, x, w, GAN_NOISE_CONST), want, 2e-5);
    gan_tensor *random = gan_style_epilogue(layer, x, w, GAN_NOISE_RANDOM);
    ck_assert(!same(random, gan_style_epilogue(layer, x, w, GAN_NOISE_NONE)));
    free(bias);
    free(strength);
    free(affine_bias);
    free(affine);
    free(noise);
    free(values);
    free(style);
    gan_layer_destroy(net);
}
END_TEST

/* Derivatives reach every parameter, and can be differentiated again. */
START_TEST(path_lengths_reach_all_parameters)
{
    static const char *const names[] = {"weight", "affine.weight", "affine.bias", "noise_strength", "bias"};
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_layer *layer = gan_nn_styled_conv(
        net,
        &(gan_styled_conv_args){
            .in = 3, .out = 4, .width = WIDTH, .kernel = 3, .resolution = 8, .up = true, .activation = {GAN_TANH, 0}});
    gan_assign(gan_layer_find(layer, "noise_strength"), gan_full(ctx, GAN_SCALAR, 0.5f));
    gan_tensor *x = gan_randn(ctx, GAN_SHAPE(2, 4, 4, 3)), *w = gan_variable(gan_randn(ctx, GAN_SHAPE(2, WIDTH)));
    gan_tensor *lengths = gan_path_lengths(gan_styled_conv(layer, x, w, GAN_NOISE_CONST), w);
    gan_tensor *inputs[5], *grads[5];
    for (int i = 0; i < 5; i++)
        inputs[i] = gan_layer_find(layer, names[i]);
    gan_grad(gan_mean(lengths), inputs, 5, grads, 0);
    check_ok();
    for (int i = 0; i < 5; i++)
        ck_assert_msg(gan_item(gan_sqnorm(grads[i])) > 0, "%s", names[i]);
    gan_layer_destroy(net);
}
END_TEST

/* ---- wrong arguments ---- */

static void check_refused(gan_status status, const char *word)
{
    ck_assert_int_eq(gan_status_of(ctx), status);
    ck_assert_msg(strstr(gan_status_message(ctx), word) != NULL, "%s", gan_status_message(ctx));
    gan_clear_status(ctx);
}

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

START_TEST(wrong_layers_are_refused)
{
    gan_layer *net = gan_sequential(ctx, NULL), *bad;
    gan_tensor *x = gan_zeros(ctx, GAN_SHAPE(2, 8, 8, 3)), *w = gan_zeros(ctx, GAN_SHAPE(2, WIDTH));
    bad = gan_nn_mapping(ctx, net, &(gan_mapping_args){.latent = 8, .width = 8, .layers = 0});
    check_refused(GAN_ERROR_ARGUMENT, "a mapping network of 0 layers");
    ck_assert(gan_is_poison(gan_mapping_average(bad)));
    gan_clear_status(ctx);
    bad = gan_nn_styled_conv(net, &(gan_styled_conv_args){.in = 3, .out = 3, .width = 4, .kernel = 5, .resolution = 8});
    check_refused(GAN_ERROR_ARGUMENT, "kernels are 1 or 3");
    ck_assert(gan_is_poison(gan_styled_conv(bad, x, w, GAN_NOISE_NONE)));
    check_refused(GAN_ERROR_STATE, "could not be made");
    gan_nn_style_epilogue(net, 0, 4, 8);
    check_refused(GAN_ERROR_ARGUMENT, "for 0 channels");

    gan_layer *good = gan_nn_styled_conv(
        net, &(gan_styled_conv_args){.in = 3, .out = 3, .width = WIDTH, .kernel = 3, .resolution = 16});
    gan_layer *mapping = gan_nn_mapping(ctx, net, &(gan_mapping_args){.latent = 4, .width = WIDTH, .layers = 1});
    ck_assert(gan_is_poison(gan_styled_conv(good, x, w, GAN_NOISE_CONST)));
    check_refused(GAN_ERROR_ARGUMENT, "[1, 16, 16, 1]");
    ck_assert(gan_is_poison(gan_styled_conv(good, x, gan_zeros(ctx, GAN_SHAPE(3, WIDTH)), GAN_NOISE_NONE)));
    check_refused(GAN_ERROR_SHAPE, "[3, 5]");
    ck_assert(gan_is_poison(gan_style_epilogue(good, x, w, GAN_NOISE_NONE)));
    check_refused(GAN_ERROR_STATE, "is of another kind");
    ck_assert(gan_is_poison(gan_forward(good, x)));
    check_refused(GAN_ERROR_STATE, "needs a style");
    ck_assert(gan_is_poison(gan_mapping_average(good)));
    check_refused(GAN_ERROR_ARGUMENT, "styled_conv layer has no average style");
    gan_mapping_track(mapping, styles(2, 4), 0.9f);
    check_refused(GAN_ERROR_ARGUMENT, "[2, 4, 5]");
    gan_mapping_track(mapping, w, 2);
    check_refused(GAN_ERROR_ARGUMENT, "a decay of 2");
    gan_layer_destroy(net);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("style");
    TCase *mapping = tcase_create("mapping");
    tcase_add_checked_fixture(mapping, open_context, close_context);
    tcase_add_test(mapping, mapping_is_a_chain_of_dense_layers);
    tcase_add_test(mapping, mapping_takes_classes);
    tcase_add_test(mapping, mapping_weights_are_stored_large);
    tcase_add_test(mapping, the_average_style_follows);
    suite_add_tcase(s, mapping);
    TCase *mixing = tcase_create("styles");
    tcase_add_checked_fixture(mixing, open_context, close_context);
    tcase_add_test(mixing, one_style_is_repeated_for_all_layers);
    tcase_add_test(mixing, joined_styles_take_layers_of_the_other);
    tcase_add_test(mixing, crossovers_are_equally_likely);
    tcase_add_test(mixing, one_layer_cannot_be_mixed);
    tcase_add_test(mixing, truncation_goes_to_the_average);
    suite_add_tcase(s, mixing);
    TCase *layers = tcase_create("layers");
    tcase_add_checked_fixture(layers, open_context, close_context);
    tcase_add_test(layers, styled_convolutions_use_each_samples_own_weights);
    tcase_add_test(layers, styled_convolutions_begin_without_noise_and_with_unit_styles);
    tcase_add_test(layers, noise_has_three_modes);
    tcase_add_test(layers, epilogue_is_its_definition);
    tcase_add_test(layers, path_lengths_reach_all_parameters);
    suite_add_tcase(s, layers);
    TCase *wrong = tcase_create("wrong");
    tcase_add_checked_fixture(wrong, open_context, close_context);
    tcase_add_test(wrong, wrong_styles_are_refused);
    tcase_add_test(wrong, wrong_layers_are_refused);
    suite_add_tcase(s, wrong);
    return s;
}

int main(void)
{
    return test_main(suite());
}
