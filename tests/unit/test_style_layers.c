/* Layers that take a style, against loops in double. */
#include "style_cases.h"

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
    gan_mapping_track(mapping, gan_zeros(ctx, GAN_SHAPE(2, 4, WIDTH)), 0.9f);
    check_refused(GAN_ERROR_ARGUMENT, "[2, 4, 5]");
    gan_mapping_track(mapping, w, 2);
    check_refused(GAN_ERROR_ARGUMENT, "a decay of 2");
    gan_layer_destroy(net);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("style layers");
    TCase *t = tcase_create("layers");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_test(t, styled_convolutions_use_each_samples_own_weights);
    tcase_add_test(t, styled_convolutions_begin_without_noise_and_with_unit_styles);
    tcase_add_test(t, noise_has_three_modes);
    tcase_add_test(t, epilogue_is_its_definition);
    tcase_add_test(t, path_lengths_reach_all_parameters);
    tcase_add_test(t, wrong_layers_are_refused);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
