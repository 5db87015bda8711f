/* Disturbances of images: their arithmetic in closed form. */
#include "../tests/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "disturbance.h"

#define SIDE 24

/* An image [1, SIDE, SIDE, 1], disturbed. */
static void disturb_values(gan_context *ctx, const float *values, disturbance with, float *out)
{
    gan_scope_begin(ctx);
    gan_tensor *made = disturb(gan_from_f32(ctx, GAN_SHAPE(1, SIDE, SIDE, 1), values), with);
    ck_assert_msg(gan_read_f32(made, out) == GAN_OK, "%s", gan_status_message(ctx));
    gan_scope_end(ctx, NULL);
}

START_TEST(test_bits)
{
    gan_context *ctx = test_context_open(1, 1);
    float in[SIDE * SIDE], out[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++)
        in[i] = -1.02f + 2.04f * (float)i / (SIDE * SIDE - 1); /* a little beyond both ends */
    for (int bits = 1; bits <= 8; bits++) {
        double steps = (1 << bits) - 1;
        disturb_values(ctx, in, (disturbance){DISTURB_BITS, bits}, out);
        for (int i = 0; i < SIDE * SIDE; i++) {
            double at = (fmin(fmax((double)in[i], -1), 1) + 1) / 2 * steps, level = ((double)out[i] + 1) / 2 * steps;
            ck_assert_double_eq_tol(level, round(level), 1e-4);
            ck_assert_double_le(fabs(level - at), 0.5 + 1e-3);
        }
    }
    disturb_values(ctx, in, (disturbance){DISTURB_NOTHING, 0}, out);
    for (int i = 0; i < SIDE * SIDE; i++)
        ck_assert_float_eq(out[i], in[i]);
    test_context_close(ctx);
}
END_TEST

/* Weights of a Gaussian that is cut off at 3 sigma. */
static double weight(double sigma, int distance)
{
    int reach = (int)ceil(3 * sigma);
    double sum = 0;
    for (int i = -reach; i <= reach; i++)
        sum += exp(-i * i / (2 * sigma * sigma));
    return abs(distance) > reach ? 0 : exp(-distance * distance / (2 * sigma * sigma)) / sum;
}

START_TEST(test_blur)
{
    static const double sigmas[] = {0.5, 1, 2};
    gan_context *ctx = test_context_open(1, 1);
    float in[SIDE * SIDE], out[SIDE * SIDE];
    for (int k = 0; k < 3; k++) {
        double sigma = sigmas[k];
        for (int i = 0; i < SIDE * SIDE; i++)
            in[i] = 0.25f;
        disturb_values(ctx, in, (disturbance){DISTURB_BLUR, sigma}, out);
        for (int i = 0; i < SIDE * SIDE; i++)
            ck_assert_double_eq_tol((double)out[i], 0.25, 1e-6);
        /* A point near the left border, whose mirror image lies as far beyond it: the edge is not repeated. */
        for (int i = 0; i < SIDE * SIDE; i++)
            in[i] = i == 12 * SIDE + 1 ? 1.0f : 0.0f;
        disturb_values(ctx, in, (disturbance){DISTURB_BLUR, sigma}, out);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                double expected = weight(sigma, y - 12) * (weight(sigma, x - 1) + weight(sigma, x + 1));
                ck_assert_double_eq_tol((double)out[y * SIDE + x], expected, 1e-6);
            }
    }
    test_context_close(ctx);
}
END_TEST

START_TEST(test_blur_of_a_small_image)
{
    gan_context *ctx = test_context_open(1, 1);
    disturb(gan_zeros(ctx, GAN_SHAPE(1, 6, 6, 1)), (disturbance){DISTURB_BLUR, 2});
    ck_assert_int_ne(gan_status_of(ctx), GAN_OK);
    gan_clear_status(ctx);
    disturb(gan_zeros(ctx, GAN_SHAPE(1, 64, 64, 1)), (disturbance){DISTURB_BLUR, 20});
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_ARGUMENT);
    gan_clear_status(ctx);
    test_context_close(ctx);
}
END_TEST

START_TEST(test_noise)
{
    enum { N = 200 };
    gan_context *ctx = test_context_open(1, 5);
    float *out = malloc(sizeof *out * N * N);
    double sum = 0, squares = 0;
    ck_assert_ptr_nonnull(out);
    gan_tensor *noisy = disturb(gan_zeros(ctx, GAN_SHAPE(1, N, N, 1)), (disturbance){DISTURB_NOISE, 4});
    ck_assert_int_eq(gan_read_f32(noisy, out), GAN_OK);
    for (int i = 0; i < N * N; i++) {
        sum += 127.5 * (double)out[i];
        squares += 127.5 * 127.5 * (double)out[i] * (double)out[i];
    }
    ck_assert_double_eq_tol(sum / (N * N), 0, 0.1); /* 5 deviations of the mean */
    ck_assert_double_eq_tol(sqrt(squares / (N * N)), 4, 0.08);
    noisy = disturb(gan_full(ctx, GAN_SHAPE(1, N, N, 1), 1), (disturbance){DISTURB_NOISE, 4});
    ck_assert_int_eq(gan_read_f32(noisy, out), GAN_OK);
    int white = 0;
    for (int i = 0; i < N * N; i++) {
        ck_assert_float_le(out[i], 1);
        white += out[i] == 1;
    }
    ck_assert_int_gt(white, N * N / 2 - 600);
    ck_assert_int_lt(white, N * N / 2 + 600);
    free(out);
    test_context_close(ctx);
}
END_TEST

/* Waves of three colours, two images, of odd sides: near what they were, and no nearer than 8 x 8 blocks let them be.
 */
START_TEST(test_jpeg)
{
    enum { H = 21, W = 37 };
    gan_context *ctx = test_context_open(1, 1);
    for (int channels = 1; channels <= 3; channels += 2) {
        int n = 2 * H * W * channels;
        float *in = malloc(sizeof *in * (size_t)n), *good = malloc(sizeof *in * (size_t)n),
              *bad = malloc(sizeof *in * (size_t)n);
        ck_assert(in && good && bad);
        for (int i = 0; i < n; i++)
            in[i] = 0.8f * sinf(0.02f * (float)(i / channels % W + 3 * (i / channels / W)) + (float)(i % channels));
        gan_tensor *images = gan_from_f32(ctx, GAN_SHAPE(2, H, W, channels), in);
        ck_assert_int_eq(gan_read_f32(disturb(images, (disturbance){DISTURB_JPEG, 90}), good), GAN_OK);
        ck_assert_int_eq(gan_read_f32(disturb(images, (disturbance){DISTURB_JPEG, 10}), bad), GAN_OK);
        double near = 0, far = 0;
        for (int i = 0; i < n; i++) {
            near += fabs((double)(good[i] - in[i])) / n;
            far += fabs((double)(bad[i] - in[i])) / n;
        }
        ck_assert_double_gt(near, 0.001);
        ck_assert_double_lt(near, 0.03);
        ck_assert_double_gt(far, 1.5 * near);
        free(in);
        free(good);
        free(bad);
    }
    test_context_close(ctx);
}
END_TEST

START_TEST(test_jpeg_of_nothing)
{
    gan_image empty = {.channels = 1};
    void *bytes = NULL;
    size_t size = 0;
    gan_message message = {{0}};
    ck_assert_int_eq(disturbance_jpeg_encode(&empty, 90, &bytes, &size, &message), GAN_ERROR_IO);
    ck_assert_ptr_null(bytes);
    ck_assert_ptr_nonnull(strstr(message.text, "cannot write a JPEG file"));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("disturbance");
    TCase *t = tcase_create("disturbance");
    tcase_add_test(t, test_bits);
    tcase_add_test(t, test_blur);
    tcase_add_test(t, test_blur_of_a_small_image);
    tcase_add_test(t, test_noise);
    tcase_add_test(t, test_jpeg);
    tcase_add_test(t, test_jpeg_of_nothing);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
