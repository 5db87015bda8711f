/* Convolutions that resize, and the discriminator that grows, beside the layers that they stand for. The plan of a run
 * is tested with plugins/stylegan. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../support.h"

static gan_context *ctx;

static void setup(void)
{
    ctx = test_context_open(2, 17);
}

static void teardown(void)
{
    test_context_close(ctx);
}

static double difference(gan_tensor *a, gan_tensor *b)
{
    ck_assert(gan_shape_equal(gan_shape_of(a), gan_shape_of(b)));
    gan_tensor *most = gan_max_over(gan_reshape(gan_abs(gan_sub(a, b)), GAN_SHAPE(gan_count(a))), GAN_AXIS(0), false);
    ck_assert_msg(gan_status_of(ctx) == GAN_OK, "%s", gan_status_message(ctx));
    return (double)gan_item(most);
}

static gan_tensor *noise(int64_t n, int64_t h, int64_t w, int64_t c)
{
    return gan_randn(ctx, GAN_SHAPE(n, h, w, c));
}

/* ---- layers ---- */

static const gan_nn_args equalized = {
    .weight = {GAN_INIT_EQUALIZED, 1.5f, 0.0f}, .bias = {GAN_INIT_NORMAL, 0.0f, 1.0f}, .lr_multiplier = 0.25f};
static const gan_conv same = {.stride = 1, .pad = 1};

START_TEST(a_convolution_that_reduces_is_one_and_means)
{
    gan_layer *net = gan_sequential(ctx, NULL), *layer = gan_nn_conv2d_down(net, 3, 5, &equalized);
    gan_tensor *x = noise(2, 6, 8, 3), *w = gan_layer_find(layer, "weight"), *bias = gan_layer_find(layer, "bias");
    ck_assert(gan_shape_equal(gan_shape_of(w), GAN_SHAPE(5, 3, 3, 3)));
    float scale = (float)(1.5 * 0.25 / sqrt(27));
    gan_tensor *y = gan_conv2d(x, gan_scale(w, scale), gan_scale(bias, 0.25f), same, (gan_activation){0});
    ck_assert_double_le(difference(gan_forward(net, x), gan_avg_pool2d(y, 2)), 1e-5);
    gan_layer_destroy(net);
}
END_TEST

/* w [in, 3, 3, out] as the weight of a convolution: turned by 180 degrees, channels exchanged. */
static gan_tensor *turned(gan_tensor *w)
{
    gan_tensor *rows[3], *columns[3];
    for (int i = 0; i < 3; i++)
        rows[i] = gan_slice(w, 1, 2 - i, 1);
    gan_tensor *flipped = gan_concat(rows, 3, 1);
    for (int i = 0; i < 3; i++)
        columns[i] = gan_slice(flipped, 2, 2 - i, 1);
    return gan_permute(gan_concat(columns, 3, 2), (int[]){3, 1, 2, 0});
}

/* The scale at run time is that of a sum over 3x3 pixels of the input's channels. */
START_TEST(a_convolution_that_enlarges_repeats_pixels_first)
{
    gan_layer *net = gan_sequential(ctx, NULL), *layer = gan_nn_conv2d_up(net, 3, 5, &equalized);
    gan_tensor *x = noise(2, 4, 3, 3), *w = gan_layer_find(layer, "weight"), *bias = gan_layer_find(layer, "bias");
    ck_assert(gan_shape_equal(gan_shape_of(w), GAN_SHAPE(3, 3, 3, 5)));
    gan_tensor *scaled = gan_scale(turned(w), (float)(1.5 * 0.25 / sqrt(27)));
    gan_tensor *y =
        gan_conv2d(gan_resize_nearest(x, 2), scaled, gan_scale(bias, 0.25f), same, (gan_activation){GAN_RELU, 0});
    gan_nn_relu(net);
    ck_assert_double_le(difference(gan_forward(net, x), y), 1e-5);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(the_blur_spreads_a_pixel)
{
    static const float expected[9] = {1, 2, 1, 2, 4, 2, 1, 2, 1};
    float image[25] = {0}, result[25];
    image[12] = 16;
    gan_layer *net = gan_sequential(ctx, NULL);
    gan_nn_blur(net);
    gan_tensor *y = gan_forward(net, gan_from_f32(ctx, GAN_SHAPE(1, 5, 5, 1), image));
    ck_assert_int_eq(gan_read_f32(y, result), GAN_OK);
    for (int i = 0; i < 25; i++) {
        bool inside = i / 5 >= 1 && i / 5 <= 3 && i % 5 >= 1 && i % 5 <= 3;
        ck_assert_float_eq_tol(result[i], inside ? expected[(i / 5 - 1) * 3 + i % 5 - 1] : 0, 1e-5f);
    }
    gan_layer_destroy(net);
}
END_TEST

/* ---- the discriminator ---- */

static gan_growing_args sizes(bool blur)
{
    return (gan_growing_args){
        .first = 8, .resolution = 32, .channels = 3, .fmap_base = 64, .fmap_max = 12, .group = 2, .blur = blur};
}

static gan_tensor *number(double value)
{
    return gan_full(ctx, GAN_SCALAR, (float)value);
}

START_TEST(features_halve_with_the_resolution)
{
    gan_growing_args args = {.fmap_base = 8192, .fmap_max = 512};
    ck_assert_int_eq(gan_growing_features(&args, 4), 512);
    ck_assert_int_eq(gan_growing_features(&args, 32), 512);
    ck_assert_int_eq(gan_growing_features(&args, 64), 256);
    ck_assert_int_eq(gan_growing_features(&args, 1024), 16);
    args.fmap_base = 1;
    ck_assert_int_eq(gan_growing_features(&args, 64), 1);
}
END_TEST

/* alpha 0: the scores of the reduced images; alpha 1: those of the larger network; between: of features between. */
START_TEST(a_level_is_faded_in)
{
    gan_growing_args args = sizes(_i == 1);
    gan_layer *d = gan_growing_discriminator(ctx, &args);
    for (int64_t side = 16; side <= 32; side *= 2) {
        gan_tensor *x = noise(4, side, side, 3), *stable = gan_growing_scores(d, x, NULL);
        gan_tensor *smaller = gan_growing_scores(d, gan_avg_pool2d(x, 2), NULL);
        ck_assert(gan_shape_equal(gan_shape_of(stable), GAN_SHAPE(4, 1)));
        ck_assert_double_eq(difference(stable, gan_forward(d, x)), 0);
        ck_assert_double_eq(difference(gan_growing_scores(d, x, number(1)), stable), 0);
        ck_assert_double_eq(difference(gan_growing_scores(d, x, number(0)), smaller), 0);
        gan_tensor *between = gan_growing_scores(d, x, number(0.5));
        ck_assert_double_gt(difference(between, stable), 1e-4);
        ck_assert_double_gt(difference(between, smaller), 1e-4);
    }
    gan_layer_destroy(d);
}
END_TEST

/* As a stack of public layers with the same weights. */
START_TEST(blocks_are_those_of_the_papers)
{
    bool blur = _i == 1;
    gan_growing_args args = sizes(blur);
    args.resolution = 8;
    gan_layer *d = gan_growing_discriminator(ctx, &args), *net = gan_sequential(ctx, NULL);
    gan_nn_args gain = {.weight = {GAN_INIT_EQUALIZED, sqrtf(2), 0}, .bias = {GAN_INIT_CONSTANT, 0, 0}}, last = gain;
    last.weight.a = 1;
    gan_nn_conv2d(net, 3, 12, 1, (gan_conv){0}, &gain);
    gan_nn_leaky_relu(net, 0.2f);
    gan_nn_conv2d(net, 12, 12, 3, same, &gain);
    gan_nn_leaky_relu(net, 0.2f);
    if (blur)
        gan_nn_blur(net);
    gan_nn_conv2d(net, 12, 12, 3, same, &gain);
    if (blur)
        gan_nn_avg_pool2d(net, 2);
    gan_nn_leaky_relu(net, 0.2f);
    if (!blur)
        gan_nn_avg_pool2d(net, 2);
    gan_nn_minibatch_stddev(net, 2);
    gan_nn_conv2d(net, 13, 12, 3, same, &gain);
    gan_nn_leaky_relu(net, 0.2f);
    gan_nn_flatten(net);
    gan_nn_linear(net, 16 * 12, 12, &gain);
    gan_nn_leaky_relu(net, 0.2f);
    gan_nn_linear(net, 12, 1, &last);
    const char *ours[] = {"8.from_rgb.0", "8.block.0", blur ? "8.block.3" : "8.block.2",
                          "4.block.1",    "4.block.4", "4.block.6"};
    const char *theirs[] = {"0", "2", blur ? "5" : "4", blur ? "9" : "8", blur ? "12" : "11", blur ? "14" : "13"};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 2; j++) {
            char from[64], to[64];
            snprintf(from, sizeof from, "%s.%s", ours[i], j ? "bias" : "weight");
            snprintf(to, sizeof to, "%s.%s", theirs[i], j ? "bias" : "weight");
            gan_tensor *a = gan_layer_find(d, from), *b = gan_layer_find(net, to);
            ck_assert_msg(a && b, "%s, %s", from, to);
            ck_assert_int_eq(gan_assign(b, a), GAN_OK);
        }
    gan_tensor *x = noise(4, 8, 8, 3);
    ck_assert_double_le(difference(gan_forward(d, x), gan_forward(net, x)), 1e-5);
    gan_layer_destroy(d);
    gan_layer_destroy(net);
}
END_TEST

START_TEST(images_that_do_not_fit_are_refused)
{
    static const struct {
        int64_t height, width;
        bool fading;
        const char *expected;
    } cases[] = {{4, 4, false, "from 8 to 32"},
                 {8, 8, true, "from 16 to 32"},
                 {64, 64, false, "from 8 to 32"},
                 {16, 32, false, "[2, 16, 32, 3]"},
                 {24, 24, false, "[2, 24, 24, 3]"}};
    gan_growing_args args = sizes(true);
    gan_layer *d = gan_growing_discriminator(ctx, &args);
    gan_tensor *x = noise(2, cases[_i].height, cases[_i].width, 3);
    ck_assert(gan_is_poison(gan_growing_scores(d, x, cases[_i].fading ? number(0.5) : NULL)));
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_SHAPE);
    ck_assert_msg(strstr(gan_status_message(ctx), cases[_i].expected) != NULL, "%s", gan_status_message(ctx));
    gan_clear_status(ctx);
    gan_layer_destroy(d);
}
END_TEST

START_TEST(sizes_that_do_not_do_are_refused)
{
    gan_growing_args args = sizes(true);
    switch (_i) {
    case 0:
        args.first = 12;
        break;
    case 1:
        args.resolution = 2048;
        break;
    case 2:
        args.first = 64;
        break;
    case 3:
        args.fmap_max = 0;
        break;
    default:
        args.channels = 0;
        break;
    }
    gan_layer *d = gan_growing_discriminator(ctx, &args);
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
    ck_assert(gan_is_poison(gan_growing_scores(d, noise(2, 8, 8, 3), NULL)));
    gan_clear_status(ctx);
    gan_layer_destroy(d);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("growing");
    TCase *t = tcase_create("growing");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_convolution_that_reduces_is_one_and_means);
    tcase_add_test(t, a_convolution_that_enlarges_repeats_pixels_first);
    tcase_add_test(t, the_blur_spreads_a_pixel);
    tcase_add_test(t, features_halve_with_the_resolution);
    tcase_add_loop_test(t, a_level_is_faded_in, 0, 2);
    tcase_add_loop_test(t, blocks_are_those_of_the_papers, 0, 2);
    tcase_add_loop_test(t, images_that_do_not_fit_are_refused, 0, 5);
    tcase_add_loop_test(t, sizes_that_do_not_do_are_refused, 0, 5);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
