/*
 * Wrong calls: each operator refuses what does not fit with a status, a sentence that names the operator and what was
 * wrong, and poison; and every operator passes poison on without changing what was recorded.
 */
#include "../support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static gan_context *ctx;
static gan_tensor *scalar, *vector3, *vector4, *matrix34, *matrix43, *cube, *image, *weight, *labels, *labels_out,
    *bytes;

static void setup(void)
{
    static const int32_t good[4] = {0, 1, 2, 0}, bad[4] = {0, 1, 3, -1};
    static const uint8_t zeros[4] = {0};
    gan_context_options options = {.struct_size = sizeof options, .threads = 1};
    ck_assert_int_eq(gan_context_create(&options, &ctx, NULL), GAN_OK);
    gan_scope_begin(ctx);
    scalar = gan_full(ctx, GAN_SCALAR, 1);
    vector3 = gan_full(ctx, GAN_SHAPE(3), 1);
    vector4 = gan_full(ctx, GAN_SHAPE(4), 1);
    matrix34 = gan_full(ctx, GAN_SHAPE(3, 4), 1);
    matrix43 = gan_full(ctx, GAN_SHAPE(4, 3), 1);
    cube = gan_full(ctx, GAN_SHAPE(2, 3, 4), 1);
    image = gan_full(ctx, GAN_SHAPE(2, 5, 6, 3), 1);
    weight = gan_full(ctx, GAN_SHAPE(7, 3, 3, 3), 1);
    labels = gan_from_i32(ctx, GAN_SHAPE(4), good);
    labels_out = gan_from_i32(ctx, GAN_SHAPE(4), bad);
    bytes = gan_from_u8(ctx, GAN_SHAPE(4), zeros);
    ck_assert_int_eq(gan_status_of(ctx), GAN_OK);
}

static const float zeros25[25] = {0};

static void teardown(void)
{
    gan_scope_end(ctx, NULL);
    gan_context_destroy(ctx);
}

#define LINEAR                           ((gan_activation){GAN_LINEAR, 0.0f})
#define CONV(stride_, pad_, output_pad_) ((gan_conv){.stride = (stride_), .pad = (pad_), .output_pad = (output_pad_)})
#define FIR(...)                         (&(gan_fir){__VA_ARGS__})
#define THETA(n, columns)                gan_zeros(ctx, GAN_SHAPE(n, 2, columns))
#define BATCH_NORM(...)                  (&(gan_batch_norm_args){.eps = 1e-5f, .momentum = 0.1f, __VA_ARGS__})

/* clang-format off */
/* A wrong call: what the sentence must hold (the operator first), and the status. */
#define WRONG_CALLS(X)                                                                                                \
    X(gan_add(matrix34, matrix43), GAN_ERROR_SHAPE, "add", "[3, 4]", "[4, 3]")                                        \
    X(gan_add(matrix34, labels), GAN_ERROR_DTYPE, "add", "i32", "[4]")                                                \
    X(gan_sub(vector3, vector4), GAN_ERROR_SHAPE, "sub", "[3]", "[4]")                                                \
    X(gan_mul(vector3, vector4), GAN_ERROR_SHAPE, "mul", "[3]", "[4]")                                                \
    X(gan_div(vector3, vector4), GAN_ERROR_SHAPE, "div", "[3]", "[4]")                                                \
    X(gan_maximum(vector3, vector4), GAN_ERROR_SHAPE, "maximum", "[3]", "[4]")                                        \
    X(gan_minimum(vector3, vector4), GAN_ERROR_SHAPE, "minimum", "[3]", "[4]")                                        \
    X(gan_neg(labels), GAN_ERROR_DTYPE, "neg", "i32", "[4]")                                                          \
    X(gan_add_scalar(labels, 1), GAN_ERROR_DTYPE, "add_scalar", "i32", "[4]")                                         \
    X(gan_scale(bytes, 2), GAN_ERROR_DTYPE, "scale", "u8", "[4]")                                                     \
    X(gan_lerp(vector3, vector4, 0.5f), GAN_ERROR_SHAPE, "lerp", "[3]", "[4]")                                        \
    X(gan_greater(vector3, vector4), GAN_ERROR_SHAPE, "greater", "[3]", "[4]")                                        \
    X(gan_greater_equal(vector3, vector4), GAN_ERROR_SHAPE, "greater_equal", "[3]", "[4]")                            \
    X(gan_less(vector3, vector4), GAN_ERROR_SHAPE, "less", "[3]", "[4]")                                              \
    X(gan_less_equal(vector3, vector4), GAN_ERROR_SHAPE, "less_equal", "[3]", "[4]")                                  \
    X(gan_equal(vector3, vector4), GAN_ERROR_SHAPE, "equal", "[3]", "[4]")                                            \
    X(gan_select(vector3, vector3, vector4), GAN_ERROR_SHAPE, "select", "[3]", "[4]")                                 \
    X(gan_select(vector4, vector3, vector3), GAN_ERROR_SHAPE, "select", "[4]", "[3]")                                 \
    X(gan_exp(labels), GAN_ERROR_DTYPE, "exp", "i32", "[4]")                                                          \
    X(gan_log(labels), GAN_ERROR_DTYPE, "log", "i32", "[4]")                                                          \
    X(gan_sqrt(labels), GAN_ERROR_DTYPE, "sqrt", "i32", "[4]")                                                        \
    X(gan_rsqrt(labels), GAN_ERROR_DTYPE, "rsqrt", "i32", "[4]")                                                      \
    X(gan_square(labels), GAN_ERROR_DTYPE, "square", "i32", "[4]")                                                    \
    X(gan_reciprocal(labels), GAN_ERROR_DTYPE, "reciprocal", "i32", "[4]")                                            \
    X(gan_pow(labels, 2), GAN_ERROR_DTYPE, "pow", "i32", "[4]")                                                       \
    X(gan_abs(labels), GAN_ERROR_DTYPE, "abs", "i32", "[4]")                                                          \
    X(gan_sign(labels), GAN_ERROR_DTYPE, "sign", "i32", "[4]")                                                        \
    X(gan_clamp(labels, 0, 1), GAN_ERROR_DTYPE, "clamp", "i32", "[4]")                                                \
    X(gan_clamp(vector3, 1, -1), GAN_ERROR_ARGUMENT, "clamp", "1", "-1")                                              \
    X(gan_tanh(labels), GAN_ERROR_DTYPE, "tanh", "i32", "[4]")                                                        \
    X(gan_sigmoid(labels), GAN_ERROR_DTYPE, "sigmoid", "i32", "[4]")                                                  \
    X(gan_softplus(labels), GAN_ERROR_DTYPE, "softplus", "i32", "[4]")                                                \
    X(gan_relu(labels), GAN_ERROR_DTYPE, "relu", "i32", "[4]")                                                        \
    X(gan_leaky_relu(labels, 0.2f), GAN_ERROR_DTYPE, "leaky_relu", "i32", "[4]")                                      \
    X(gan_activate(vector3, ((gan_activation){(gan_activation_kind)99, 0})), GAN_ERROR_ARGUMENT, "activ", "99", "")   \
    X(gan_leaky_relu(vector3, -0.2f), GAN_ERROR_ARGUMENT, "", "-0.2", "")                                             \
    X(gan_bias_act(matrix34, vector3, LINEAR), GAN_ERROR_SHAPE, "bias_act", "[3]", "[3, 4]")                          \
    X(gan_sum(labels), GAN_ERROR_DTYPE, "sum", "i32", "[4]")                                                          \
    X(gan_mean(labels), GAN_ERROR_DTYPE, "mean", "i32", "[4]")                                                        \
    X(gan_sqnorm(labels), GAN_ERROR_DTYPE, "sqnorm", "i32", "[4]")                                                    \
    X(gan_sum_over(matrix34, GAN_AXIS(2), false), GAN_ERROR_SHAPE, "sum", "[3, 4]", "2")                              \
    X(gan_mean_over(matrix34, GAN_AXIS(5), true), GAN_ERROR_SHAPE, "mean", "[3, 4]", "5")                             \
    X(gan_sqnorm_over(vector3, GAN_AXIS(1), true), GAN_ERROR_SHAPE, "sqnorm", "[3]", "1")                             \
    X(gan_max_over(vector3, GAN_AXIS(1), true), GAN_ERROR_SHAPE, "max", "[3]", "1")                                   \
    X(gan_sum_to(matrix34, GAN_SHAPE(3)), GAN_ERROR_SHAPE, "sum_to", "[3, 4]", "[3]")                                 \
    X(gan_broadcast_to(vector3, GAN_SHAPE(3, 4)), GAN_ERROR_SHAPE, "broadcast_to", "[3]", "[3, 4]")                   \
    X(gan_matmul(matrix34, matrix34, 0), GAN_ERROR_SHAPE, "matmul", "[3, 4]", "")                                     \
    X(gan_matmul(matrix34, matrix43, GAN_TRANSPOSE_A), GAN_ERROR_SHAPE, "matmul", "[3, 4]", "[4, 3]")                 \
    X(gan_matmul(matrix34, vector4, 0), GAN_ERROR_SHAPE, "matmul", "[3, 4]", "[4]")                                   \
    X(gan_matmul(cube, gan_zeros(ctx, GAN_SHAPE(3, 4, 2)), 0), GAN_ERROR_SHAPE, "matmul", "[2, 3, 4]", "[3, 4, 2]")   \
    X(gan_matmul(matrix34, labels, 0), GAN_ERROR_DTYPE, "matmul", "i32", "[4]")                                       \
    X(gan_linear(matrix34, matrix43, NULL, LINEAR), GAN_ERROR_SHAPE, "linear", "[3, 4]", "[4, 3]")                    \
    X(gan_linear(matrix34, matrix34, vector4, LINEAR), GAN_ERROR_SHAPE, "linear", "[4]", "[3, 4]")                    \
    X(gan_conv2d(matrix34, weight, NULL, CONV(1, 0, 0), LINEAR), GAN_ERROR_SHAPE, "conv2d", "[3, 4]", "[7, 3, 3, 3]") \
    X(gan_conv2d(image, gan_zeros(ctx, GAN_SHAPE(7, 3, 3, 4)), NULL, CONV(1, 0, 0), LINEAR), GAN_ERROR_SHAPE,         \
      "conv2d", "[2, 5, 6, 3]", "[7, 3, 3, 4]")                                                                       \
    X(gan_conv2d(image, gan_zeros(ctx, GAN_SHAPE(7, 9, 9, 3)), NULL, CONV(1, 0, 0), LINEAR), GAN_ERROR_SHAPE,         \
      "conv2d", "[2, 5, 6, 3]", "[7, 9, 9, 3]")                                                                       \
    X(gan_conv2d(image, weight, vector3, CONV(1, 0, 0), LINEAR), GAN_ERROR_SHAPE, "conv2d", "[3]", "7")               \
    X(gan_conv2d(image, weight, NULL, CONV(-1, 0, 0), LINEAR), GAN_ERROR_ARGUMENT, "conv2d", "stride", "-1")          \
    X(gan_conv2d(image, weight, NULL, CONV(1, -1, 0), LINEAR), GAN_ERROR_ARGUMENT, "conv2d", "pad", "-1")             \
    X(gan_conv2d_transpose(image, weight, NULL, CONV(1, 0, 0), LINEAR), GAN_ERROR_SHAPE, "conv2d_transpose",          \
      "[2, 5, 6, 3]", "[7, 3, 3, 3]")                                                                                 \
    X(gan_conv2d_transpose(gan_zeros(ctx, GAN_SHAPE(1, 2, 2, 7)), weight, NULL, CONV(2, 0, 2), LINEAR),               \
      GAN_ERROR_ARGUMENT, "conv2d_transpose", "stride 2", "output pad 2")                                             \
    X(gan_conv2d_weight(image, gan_zeros(ctx, GAN_SHAPE(2, 4, 4, 7)), 3, 3, CONV(1, 0, 0)), GAN_ERROR_SHAPE,          \
      "conv2d_weight", "[2, 5, 6, 3]", "[2, 4, 4, 7]")                                                                \
    X(gan_avg_pool2d(matrix34, 2), GAN_ERROR_SHAPE, "avg_pool2d", "[3, 4]", "")                                       \
    X(gan_avg_pool2d(image, 6), GAN_ERROR_SHAPE, "avg_pool2d", "[2, 5, 6, 3]", "6")                                   \
    X(gan_resize_nearest(image, 0), GAN_ERROR_ARGUMENT, "resize_nearest", "0", "")                                    \
    X(gan_resize_nearest(vector3, 2), GAN_ERROR_SHAPE, "resize_nearest", "[3]", "")                                   \
    X(gan_resize_bilinear(image, 0, 3), GAN_ERROR_SHAPE, "resize_bilinear", "[2, 5, 6, 3]", "0")                      \
    X(gan_pad2d(image, -3, -2, 0, 0), GAN_ERROR_SHAPE, "pad2d", "[2, 5, 6, 3]", "-3")                                 \
    X(gan_reflect_pad2d(image, 5), GAN_ERROR_SHAPE, "reflect_pad2d", "[2, 5, 6, 3]", "5")                             \
    X(gan_upfirdn2d(matrix34, FIR(.n = 1)), GAN_ERROR_SHAPE, "upfirdn2d", "[3, 4]", "")                               \
    X(gan_upfirdn2d(labels, FIR(.n = 1)), GAN_ERROR_DTYPE, "upfirdn2d", "i32", "[4]")                                 \
    X(gan_upfirdn2d(image, FIR(.n = 0)), GAN_ERROR_ARGUMENT, "upfirdn2d", "taps", "1 to 24")                          \
    X(gan_upfirdn2d(image, FIR(.n = 25)), GAN_ERROR_ARGUMENT, "upfirdn2d", "taps", "1 to 24")                         \
    X(gan_upfirdn2d(image, FIR(.n = 1, .taps = {NAN})), GAN_ERROR_ARGUMENT, "upfirdn2d", "tap", "finite")             \
    X(gan_upfirdn2d(image, FIR(.n = 1, .gain = INFINITY)), GAN_ERROR_ARGUMENT, "upfirdn2d", "gain", "finite")         \
    X(gan_upfirdn2d(image, FIR(.n = 1, .up = -1)), GAN_ERROR_ARGUMENT, "upfirdn2d", "factor", "1 to 1024")            \
    X(gan_upfirdn2d(image, FIR(.n = 1, .down = 2000)), GAN_ERROR_ARGUMENT, "upfirdn2d", "factor", "1 to 1024")        \
    X(gan_upfirdn2d(image, FIR(.n = 1, .before = INT32_MAX)), GAN_ERROR_ARGUMENT, "upfirdn2d", "padding", "")         \
    X(gan_upfirdn2d(image, FIR(.n = 6)), GAN_ERROR_SHAPE, "upfirdn2d", "[2, 5, 6, 3]", "6 taps")                      \
    X(gan_upfirdn2d(image, FIR(.n = 1, .after = -5)), GAN_ERROR_SHAPE, "upfirdn2d", "[2, 5, 6, 3]", "-5")             \
    X(gan_upfirdn2d(image, (gan_fir[]){gan_fir_up(NULL, 0, 0)}), GAN_ERROR_ARGUMENT, "upfirdn2d", "factor", "")       \
    X(gan_upfirdn2d(image, (gan_fir[]){gan_fir_down(NULL, 0, -2)}), GAN_ERROR_ARGUMENT, "upfirdn2d", "factor", "")    \
    X(gan_upfirdn2d(image, (gan_fir[]){gan_fir_blur(zeros25, 25)}), GAN_ERROR_ARGUMENT, "upfirdn2d", "taps", "")      \
    X(gan_upfirdn2d(image, (gan_fir[]){gan_fir_blur(zeros25, 4)}), GAN_ERROR_ARGUMENT, "upfirdn2d", "tap", "")        \
    X(gan_affine_sample(matrix34, THETA(3, 3), GAN_BORDER_ZERO), GAN_ERROR_SHAPE, "affine_sample", "[3, 4]", "")      \
    X(gan_affine_sample(image, THETA(3, 3), GAN_BORDER_ZERO), GAN_ERROR_SHAPE, "affine_sample", "", "[3, 2, 3]")      \
    X(gan_affine_sample(image, THETA(2, 2), GAN_BORDER_ZERO), GAN_ERROR_SHAPE, "affine_sample", "", "[2, 2, 2]")      \
    X(gan_affine_sample(image, gan_cast(THETA(2, 3), GAN_BF16), GAN_BORDER_ZERO), GAN_ERROR_SHAPE, "affine_sample",   \
      "f32", "bf16 [2, 2, 3]")                                                                                        \
    X(gan_affine_sample(image, THETA(2, 3), (gan_border)7), GAN_ERROR_ARGUMENT, "affine_sample", "7", "")             \
    X(gan_images_from_u8(image), GAN_ERROR_DTYPE, "images_from_u8", "f32", "[2, 5, 6, 3]")                            \
    X(gan_images_to_u8(labels), GAN_ERROR_DTYPE, "images_to_u8", "i32", "[4]")                                        \
    X(gan_reshape(matrix34, GAN_SHAPE(5, 2)), GAN_ERROR_SHAPE, "reshape", "[3, 4]", "[5, 2]")                         \
    X(gan_reshape(matrix34, GAN_SHAPE(5, -1)), GAN_ERROR_SHAPE, "reshape", "[3, 4]", "[5, -1]")                       \
    X(gan_reshape(matrix34, GAN_SHAPE(-1, -1)), GAN_ERROR_SHAPE, "reshape", "[3, 4]", "[-1, -1]")                     \
    X(gan_reshape(matrix34, GAN_SHAPE(-3, -4)), GAN_ERROR_SHAPE, "reshape", "[3, 4]", "[-3, -4]")                     \
    X(gan_reshape(matrix34, GAN_SHAPE(INT64_MAX, 4)), GAN_ERROR_SHAPE, "reshape", "[3, 4]", ", 4]")                   \
    X(gan_reshape(matrix34, GAN_SHAPE(1, 1, 1, 1, 1, 3, 4)), GAN_ERROR_SHAPE, "reshape", "[3, 4]", "[1, 1")           \
    X(gan_broadcast_to(vector3, GAN_SHAPE(1, 1, 1, 1, 1, 1, 3)), GAN_ERROR_SHAPE, "broadcast_to", "[3]", "[1, 1")     \
    X(gan_broadcast_to(vector3, GAN_SHAPE(INT64_MAX, INT64_MAX, 3)), GAN_ERROR_SHAPE, "", "", "3]")                   \
    X(gan_zeros(ctx, GAN_SHAPE(1, 1, 1, 1, 1, 1, 3)), GAN_ERROR_SHAPE, "", "[1, 1", "")                               \
    X(gan_zeros(ctx, GAN_SHAPE(-1)), GAN_ERROR_SHAPE, "", "[-1]", "")                                                 \
    X(gan_resize_bilinear(image, INT64_MAX, 3), GAN_ERROR_SHAPE, "", "9223372036854775807", "")                       \
    X(gan_reflect_pad2d(image, -1), GAN_ERROR_SHAPE, "reflect_pad2d", "[2, 5, 6, 3]", "-1")                           \
    X(gan_slice(matrix34, 0, INT64_MAX, 2), GAN_ERROR_SHAPE, "slice", "[3, 4]", "")                                   \
    X(gan_slice(matrix34, 0, -1, 2), GAN_ERROR_SHAPE, "slice", "[3, 4]", "-1")                                        \
    X(gan_conv2d(image, weight, NULL, CONV(1, INT32_MAX, 0), LINEAR), GAN_ERROR_ARGUMENT, "conv2d", "2147483647", "") \
    X(gan_flatten(scalar), GAN_ERROR_SHAPE, "flatten", "", "")                                                        \
    X(gan_permute(matrix34, ((const int[]){0, 0})), GAN_ERROR_ARGUMENT, "permute", "[3, 4]", "")                      \
    X(gan_permute(matrix34, ((const int[]){0, 2})), GAN_ERROR_ARGUMENT, "permute", "[3, 4]", "")                      \
    X(gan_transpose(cube), GAN_ERROR_SHAPE, "transpose", "[2, 3, 4]", "")                                             \
    X(gan_concat(((gan_tensor *[]){matrix34, matrix43}), 2, 0), GAN_ERROR_SHAPE, "concat", "[3, 4]", "[4, 3]")        \
    X(gan_concat(((gan_tensor *[]){matrix34, matrix34}), 2, 2), GAN_ERROR_SHAPE, "concat", "[3, 4]", "2")             \
    X(gan_slice(matrix34, 0, 2, 2), GAN_ERROR_SHAPE, "slice", "[3, 4]", "2")                                          \
    X(gan_slice(matrix34, 3, 0, 1), GAN_ERROR_SHAPE, "slice", "[3, 4]", "3")                                          \
    X(gan_cast(vector3, GAN_I32), GAN_ERROR_DTYPE, "cast", "i32", "")                                                 \
    X(gan_embedding(matrix34, vector3), GAN_ERROR_DTYPE, "embedding", "f32", "[3]")                                   \
    X(gan_embedding(matrix34, gan_reshape(labels, GAN_SHAPE(2, 2))), GAN_ERROR_DTYPE, "embedding", "[2, 2]", "")      \
    X(gan_embedding(vector3, labels), GAN_ERROR_SHAPE, "embedding", "[3]", "")                                        \
    X(gan_embedding(matrix34, labels_out), GAN_ERROR_ARGUMENT, "embedding", "3", "")                                  \
    X(gan_one_hot(labels, 0), GAN_ERROR_ARGUMENT, "one_hot", "0", "")                                                 \
    X(gan_one_hot(labels, 1), GAN_ERROR_ARGUMENT, "", "index", "[0, 1)")                                                  \
    X(gan_one_hot(vector3, 5), GAN_ERROR_DTYPE, "one_hot", "f32", "[3]")                                              \
    X(gan_dropout(vector3, 1.0f), GAN_ERROR_ARGUMENT, "dropout", "1", "")                                             \
    X(gan_dropout(vector3, -0.5f), GAN_ERROR_ARGUMENT, "dropout", "-0.5", "")                                         \
    X(gan_batch_norm(matrix34, BATCH_NORM(.gamma = vector3, .beta = vector3, .training = true)), GAN_ERROR_SHAPE,     \
      "batch_norm", "[3, 4]", "[4]")                                                                                  \
    X(gan_batch_norm(matrix34, BATCH_NORM(.training = false)), GAN_ERROR_ARGUMENT, "batch_norm", "running", "")       \
    X(gan_batch_norm(matrix34, BATCH_NORM(.running_mean = vector3, .running_var = vector3, .training = true)),        \
      GAN_ERROR_SHAPE, "batch_norm", "[3, 4]", "[3]")                                                                 \
    X(gan_instance_norm(matrix34, NULL, NULL, 1e-5f, LINEAR), GAN_ERROR_SHAPE, "instance_norm", "[3, 4]", "")         \
    X(gan_instance_norm(image, vector4, vector4, 1e-5f, LINEAR), GAN_ERROR_SHAPE, "instance_norm", "[2, 5, 6, 3]",    \
      "[3]")                                                                                                          \
    X(gan_layer_norm(cube, vector4, vector4, 1e-5f), GAN_ERROR_SHAPE, "layer_norm", "[2, 3, 4]", "[3, 4]")            \
    X(gan_pixel_norm(labels, 1e-8f), GAN_ERROR_DTYPE, "pixel_norm", "i32", "[4]")                                     \
    X(gan_scale_bias_act(matrix34, NULL, NULL, NULL, LINEAR), GAN_ERROR_SHAPE, "scale_bias_act", "[3, 4]", "")        \
    X(gan_scale_bias_act(image, matrix34, NULL, NULL, LINEAR), GAN_ERROR_SHAPE, "scale_bias_act", "[3, 4]", "(N, C)") \
    X(gan_scale_bias_act(image, NULL, image, NULL, LINEAR), GAN_ERROR_SHAPE, "scale_bias_act", "[2, 5, 6, 3]", "")    \
    X(gan_scale_bias_act(image, NULL, NULL, vector4, LINEAR), GAN_ERROR_SHAPE, "scale_bias_act", "[4]", "")           \
    X(gan_scale_bias_act(image, labels, NULL, NULL, LINEAR), GAN_ERROR_DTYPE, "scale_bias_act", "i32", "[4]")         \
    X(gan_scale_bias_act(image, NULL, NULL, vector3, ((gan_activation){9, 0})), GAN_ERROR_ARGUMENT, "", "9", "")      \
    X(gan_demodulation(weight, matrix34), GAN_ERROR_SHAPE, "demodulation", "[7, 3, 3, 3]", "[3, 4]")                  \
    X(gan_demodulation(weight, vector3), GAN_ERROR_SHAPE, "demodulation", "[7, 3, 3, 3]", "[3]")                      \
    X(gan_modulated_conv2d(image, weight, matrix34, true, CONV(1, 1, 0)), GAN_ERROR_SHAPE, "", "[3, 4]", "")          \
    X(gan_modulated_conv2d(cube, weight, matrix34, true, CONV(1, 1, 0)), GAN_ERROR_SHAPE, "modulated", "[2, 3, 4]", "")\
    X(gan_adain(image, matrix34, 1e-5f), GAN_ERROR_SHAPE, "adain", "[3, 4]", "(N, 2 C)")                              \
    X(gan_minibatch_stddev(weight, 3, 1), GAN_ERROR_SHAPE, "minibatch_stddev", "groups of 3", "[7, 3, 3, 3]")         \
    X(gan_minibatch_stddev(image, 0, 1), GAN_ERROR_SHAPE, "minibatch_stddev", "groups of 0", "")                      \
    X(gan_minibatch_stddev(image, 2, 2), GAN_ERROR_SHAPE, "minibatch_stddev", "2 features", "[2, 5, 6, 3]")           \
    X(gan_softmax(scalar), GAN_ERROR_SHAPE, "softmax", "[]", "")                                                      \
    X(gan_log_softmax(labels), GAN_ERROR_DTYPE, "log_softmax", "i32", "[4]")                                          \
    X(gan_bce_with_logits(vector3, 1.5f), GAN_ERROR_ARGUMENT, "bce_with_logits", "1.5", "")                           \
    X(gan_bce_with_logits(labels, 1), GAN_ERROR_DTYPE, "bce_with_logits", "i32", "[4]")                               \
    X(gan_loss_d_logistic(vector3, labels), GAN_ERROR_DTYPE, "loss_d_logistic", "i32", "[4]")                         \
    X(gan_loss_g_nonsaturating(labels), GAN_ERROR_DTYPE, "loss_g_nonsaturating", "i32", "[4]")                        \
    X(gan_loss_g_minimax(labels), GAN_ERROR_DTYPE, "loss_g_minimax", "i32", "[4]")                                    \
    X(gan_loss_d_hinge(labels, vector3), GAN_ERROR_DTYPE, "loss_d_hinge", "i32", "[4]")                               \
    X(gan_loss_g_hinge(labels), GAN_ERROR_DTYPE, "loss_g_hinge", "i32", "[4]")                                        \
    X(gan_loss_d_wasserstein(labels, vector3), GAN_ERROR_DTYPE, "loss_d_wasserstein", "i32", "[4]")                   \
    X(gan_loss_g_wasserstein(labels), GAN_ERROR_DTYPE, "loss_g_wasserstein", "i32", "[4]")                            \
    X(gan_loss_d_least_squares(labels, vector3), GAN_ERROR_DTYPE, "loss_d_least_squares", "i32", "[4]")               \
    X(gan_loss_g_least_squares(labels), GAN_ERROR_DTYPE, "loss_g_least_squares", "i32", "[4]")                        \
    X(gan_l1(vector3, vector4), GAN_ERROR_SHAPE, "l1", "[3]", "[4]")                                                  \
    X(gan_mse(matrix34, vector4), GAN_ERROR_SHAPE, "mse", "[3, 4]", "[4]")                                            \
    X(gan_r1_penalty(vector3, image), GAN_ERROR_SHAPE, "r1_penalty", "[3]", "[2, 5, 6, 3]")                           \
    X(gan_gradient_penalty(vector3, image, GAN_PENALTY_TWO_SIDED), GAN_ERROR_SHAPE, "gradient_penalty", "[3]", "")    \
    X(gan_path_lengths(image, matrix34), GAN_ERROR_SHAPE, "path_lengths", "[2, 5, 6, 3]", "[3, 4]")                   \
    X(gan_path_lengths(matrix34, matrix34), GAN_ERROR_SHAPE, "path_lengths", "[3, 4]", "")                            \
    X(gan_cross_entropy(matrix34, labels), GAN_ERROR_SHAPE, "cross_entropy", "[3, 4]", "[4]")                         \
    X(gan_cross_entropy(labels, labels), GAN_ERROR_SHAPE, "cross_entropy", "[4]", "")
/* clang-format on */

typedef struct wrong_call {
    const char *text;
    gan_status status;
    const char *name, *first, *second;
} wrong_call;

#define WRONG_CASE(call, status_, name_, first_, second_)                                                              \
    case __COUNTER__ - FIRST:                                                                                          \
        *c = (wrong_call){#call, status_, name_, first_, second_};                                                     \
        return call;

enum { FIRST = __COUNTER__ + 1 };

/* Makes the n-th wrong call and says what is to be expected of it. */
static gan_tensor *make_call(int n, wrong_call *c)
{
    switch (n) {
        WRONG_CALLS(WRONG_CASE)
    default:
        return NULL;
    }
}

enum { CALLS = __COUNTER__ - FIRST };

START_TEST(a_wrong_call_is_refused_with_a_sentence)
{
    wrong_call c = {0};
    gan_tensor *result = make_call(_i, &c);
    ck_assert_ptr_nonnull(result);
    const char *message = gan_status_message(ctx);
    ck_assert_msg(gan_is_poison(result), "%s gives no poison", c.text);
    ck_assert_int_eq(gan_ndim(result), 0);
    ck_assert_msg(gan_status_of(ctx) == c.status, "%s gives %s: %s", c.text, gan_status_name(gan_status_of(ctx)),
                  message);
    ck_assert_msg(strncmp(message, c.name, strlen(c.name)) == 0, "%s does not name itself: %s", c.text, message);
    ck_assert_msg(strstr(message, c.first) && strstr(message, c.second), "%s does not say \"%s\" and \"%s\": %s",
                  c.text, c.first, c.second, message);
}
END_TEST

/* clang-format off */
/* Every operator on poison: `p` in each of its places. */
#define CALLS_ON_POISON(X)                                                                                            \
    X(gan_add(p, vector3))                                                                                            \
    X(gan_add(vector3, p))                                                                                            \
    X(gan_sub(p, vector3))                                                                                            \
    X(gan_sub(vector3, p))                                                                                            \
    X(gan_mul(p, vector3))                                                                                            \
    X(gan_mul(vector3, p))                                                                                            \
    X(gan_div(p, vector3))                                                                                            \
    X(gan_div(vector3, p))                                                                                            \
    X(gan_maximum(p, vector3))                                                                                        \
    X(gan_maximum(vector3, p))                                                                                        \
    X(gan_minimum(p, vector3))                                                                                        \
    X(gan_minimum(vector3, p))                                                                                        \
    X(gan_neg(p))                                                                                                     \
    X(gan_add_scalar(p, 1))                                                                                           \
    X(gan_scale(p, 2))                                                                                                \
    X(gan_lerp(p, vector3, 0.5f))                                                                                     \
    X(gan_lerp(vector3, p, 0.5f))                                                                                     \
    X(gan_greater(p, vector3))                                                                                        \
    X(gan_greater(vector3, p))                                                                                        \
    X(gan_greater_equal(p, vector3))                                                                                  \
    X(gan_less(vector3, p))                                                                                           \
    X(gan_less_equal(p, vector3))                                                                                     \
    X(gan_equal(vector3, p))                                                                                          \
    X(gan_select(p, vector3, vector3))                                                                                \
    X(gan_select(vector3, p, vector3))                                                                                \
    X(gan_select(vector3, vector3, p))                                                                                \
    X(gan_exp(p))                                                                                                     \
    X(gan_log(p))                                                                                                     \
    X(gan_sqrt(p))                                                                                                    \
    X(gan_rsqrt(p))                                                                                                   \
    X(gan_square(p))                                                                                                  \
    X(gan_reciprocal(p))                                                                                              \
    X(gan_pow(p, 2))                                                                                                  \
    X(gan_abs(p))                                                                                                     \
    X(gan_sign(p))                                                                                                    \
    X(gan_clamp(p, 0, 1))                                                                                             \
    X(gan_tanh(p))                                                                                                    \
    X(gan_sigmoid(p))                                                                                                 \
    X(gan_softplus(p))                                                                                                \
    X(gan_relu(p))                                                                                                    \
    X(gan_leaky_relu(p, 0.2f))                                                                                        \
    X(gan_activate(p, LINEAR))                                                                                        \
    X(gan_bias_act(p, vector3, LINEAR))                                                                               \
    X(gan_bias_act(vector3, p, LINEAR))                                                                               \
    X(gan_bias_act(p, NULL, LINEAR))                                                                                  \
    X(gan_sum(p))                                                                                                     \
    X(gan_mean(p))                                                                                                    \
    X(gan_sqnorm(p))                                                                                                  \
    X(gan_sum_over(p, GAN_AXIS(0), true))                                                                             \
    X(gan_mean_over(p, GAN_AXIS(0), true))                                                                            \
    X(gan_sqnorm_over(p, GAN_ALL_AXES, false))                                                                        \
    X(gan_max_over(p, GAN_AXIS(1), true))                                                                             \
    X(gan_sum_to(p, GAN_SCALAR))                                                                                      \
    X(gan_broadcast_to(p, GAN_SHAPE(3)))                                                                              \
    X(gan_matmul(p, matrix43, 0))                                                                                     \
    X(gan_matmul(matrix34, p, 0))                                                                                     \
    X(gan_linear(p, matrix43, NULL, LINEAR))                                                                          \
    X(gan_linear(matrix34, p, NULL, LINEAR))                                                                          \
    X(gan_linear(matrix34, matrix34, p, LINEAR))                                                                      \
    X(gan_conv2d(p, weight, NULL, CONV(1, 0, 0), LINEAR))                                                             \
    X(gan_conv2d(image, p, NULL, CONV(1, 0, 0), LINEAR))                                                              \
    X(gan_conv2d(image, weight, p, CONV(1, 0, 0), LINEAR))                                                            \
    X(gan_conv2d_transpose(p, weight, NULL, CONV(1, 0, 0), LINEAR))                                                   \
    X(gan_conv2d_transpose(image, p, NULL, CONV(1, 0, 0), LINEAR))                                                    \
    X(gan_conv2d_weight(p, image, 3, 3, CONV(1, 1, 0)))                                                               \
    X(gan_conv2d_weight(image, p, 3, 3, CONV(1, 1, 0)))                                                               \
    X(gan_avg_pool2d(p, 2))                                                                                           \
    X(gan_resize_nearest(p, 2))                                                                                       \
    X(gan_resize_bilinear(p, 3, 3))                                                                                   \
    X(gan_pad2d(p, 1, 1, 1, 1))                                                                                       \
    X(gan_upfirdn2d(p, FIR(.n = 1)))                                                                                  \
    X(gan_affine_sample(p, cube, GAN_BORDER_ZERO))                                                                    \
    X(gan_affine_sample(image, p, GAN_BORDER_ZERO))                                                                   \
    X(gan_reflect_pad2d(p, 1))                                                                                        \
    X(gan_images_from_u8(p))                                                                                          \
    X(gan_images_to_u8(p))                                                                                            \
    X(gan_reshape(p, GAN_SHAPE(-1)))                                                                                  \
    X(gan_flatten(p))                                                                                                 \
    X(gan_permute(p, ((const int[]){ 1, 0})))                                                                         \
    X(gan_transpose(p))                                                                                               \
    X(gan_concat(((gan_tensor *[]){p, vector3}), 2, 0))                                                               \
    X(gan_concat(((gan_tensor *[]){vector3, p}), 2, 0))                                                               \
    X(gan_slice(p, 0, 0, 1))                                                                                          \
    X(gan_cast(p, GAN_BF16))                                                                                          \
    X(gan_embedding(p, labels))                                                                                       \
    X(gan_embedding(matrix34, p))                                                                                     \
    X(gan_one_hot(p, 3))                                                                                              \
    X(gan_dropout(p, 0.5f))                                                                                           \
    X(gan_dropout(p, 0))                                                                                              \
    X(gan_batch_norm(p, BATCH_NORM(.training = true)))                                                                \
    X(gan_batch_norm(matrix43, BATCH_NORM(.gamma = p, .beta = vector3, .training = true)))                            \
    X(gan_batch_norm(matrix43, BATCH_NORM(.running_mean = vector3, .running_var = p, .training = true)))              \
    X(gan_instance_norm(p, NULL, NULL, 1e-5f, LINEAR))                                                                \
    X(gan_instance_norm(image, vector3, p, 1e-5f, LINEAR))                                                            \
    X(gan_layer_norm(p, NULL, NULL, 1e-5f))                                                                           \
    X(gan_layer_norm(matrix43, p, vector3, 1e-5f))                                                                    \
    X(gan_pixel_norm(p, 1e-8f))                                                                                       \
    X(gan_scale_bias_act(p, NULL, NULL, NULL, LINEAR))                                                                \
    X(gan_scale_bias_act(image, p, NULL, NULL, LINEAR))                                                               \
    X(gan_scale_bias_act(image, NULL, p, NULL, LINEAR))                                                               \
    X(gan_scale_bias_act(image, NULL, NULL, p, LINEAR))                                                               \
    X(gan_demodulation(p, matrix43))                                                                                  \
    X(gan_demodulation(weight, p))                                                                                    \
    X(gan_modulated_conv2d(p, weight, matrix43, true, CONV(1, 1, 0)))                                                 \
    X(gan_modulated_conv2d(image, p, matrix43, true, CONV(1, 1, 0)))                                                  \
    X(gan_modulated_conv2d(image, weight, p, true, CONV(1, 1, 0)))                                                    \
    X(gan_adain(p, matrix43, 1e-5f))                                                                                  \
    X(gan_adain(image, p, 1e-5f))                                                                                     \
    X(gan_minibatch_stddev(p, 2, 1))                                                                                  \
    X(gan_softmax(p))                                                                                                 \
    X(gan_log_softmax(p))                                                                                             \
    X(gan_bce_with_logits(p, 1))                                                                                      \
    X(gan_loss_d_logistic(p, vector3))                                                                                \
    X(gan_loss_d_logistic(vector3, p))                                                                                \
    X(gan_loss_g_nonsaturating(p))                                                                                    \
    X(gan_loss_g_minimax(p))                                                                                          \
    X(gan_loss_d_hinge(p, vector3))                                                                                   \
    X(gan_loss_d_hinge(vector3, p))                                                                                   \
    X(gan_loss_g_hinge(p))                                                                                            \
    X(gan_loss_d_wasserstein(p, vector3))                                                                             \
    X(gan_loss_d_wasserstein(vector3, p))                                                                             \
    X(gan_loss_g_wasserstein(p))                                                                                      \
    X(gan_loss_d_least_squares(p, vector3))                                                                           \
    X(gan_loss_d_least_squares(vector3, p))                                                                           \
    X(gan_loss_g_least_squares(p))                                                                                    \
    X(gan_l1(p, vector3))                                                                                             \
    X(gan_l1(vector3, p))                                                                                             \
    X(gan_mse(p, vector3))                                                                                            \
    X(gan_mse(vector3, p))                                                                                            \
    X(gan_cross_entropy(p, labels))                                                                                   \
    X(gan_cross_entropy(matrix43, p))                                                                                 \
    X(gan_gradient_penalty(p, image, GAN_PENALTY_TWO_SIDED))                                                          \
    X(gan_gradient_penalty(vector3, p, GAN_PENALTY_TWO_SIDED))                                                        \
    X(gan_r1_penalty(p, image))                                                                                       \
    X(gan_r1_penalty(vector3, p))                                                                                     \
    X(gan_path_lengths(p, matrix43))                                                                                  \
    X(gan_path_lengths(image, p))                                                                                     \
    X(gan_detach(p))                                                                                                  \
    X(gan_variable(p))
/* clang-format on */

#define CHECK_PASSES_POISON(call) ck_assert_msg(gan_is_poison(call), "%s", #call);

START_TEST(every_operator_passes_poison_on)
{
    gan_tensor *p = gan_add(matrix34, matrix43);
    char first[1024];
    snprintf(first, sizeof first, "%s", gan_status_message(ctx));
    CALLS_ON_POISON(CHECK_PASSES_POISON)
    ck_assert_int_eq(gan_status_of(ctx), GAN_ERROR_SHAPE);
    ck_assert_str_eq(gan_status_message(ctx), first);
    gan_clear_status(ctx); /* poison stays poison, whatever the status */
    CALLS_ON_POISON(CHECK_PASSES_POISON)
}
END_TEST

START_TEST(derivatives_of_poison_are_poison)
{
    gan_tensor *x = gan_variable(matrix34), *g[2] = {NULL, NULL};
    gan_tensor *y = gan_sum(gan_mul(x, vector3));
    ck_assert_int_eq(gan_grad(y, &x, 1, g, 0), GAN_ERROR_SHAPE);
    ck_assert(gan_is_poison(g[0]));
    ck_assert(isnan(gan_item(y)));
    float value[12];
    ck_assert_int_eq(gan_read_f32(y, value), GAN_ERROR_SHAPE);
    ck_assert_int_eq(gan_assign(matrix34, y), GAN_ERROR_SHAPE);
}
END_TEST

START_TEST(a_derivative_is_asked_for_once_unless_retained)
{
    gan_tensor *x = gan_variable(vector3), *g;
    gan_tensor *y = gan_sum(gan_square(x));
    ck_assert_int_eq(gan_grad(y, &x, 1, &g, GAN_RETAIN_GRAPH), GAN_OK);
    ck_assert_int_eq(gan_grad(y, &x, 1, &g, 0), GAN_OK);
    ck_assert_float_eq(gan_item(gan_mean(g)), 2.0f);
    ck_assert_int_eq(gan_grad(y, &x, 1, &g, 0), GAN_ERROR_STATE);
    ck_assert_ptr_nonnull(strstr(gan_status_message(ctx), "GAN_RETAIN_GRAPH"));
}
END_TEST

START_TEST(a_weight_has_the_shape_of_the_output)
{
    gan_tensor *x = gan_variable(vector3), *g;
    ck_assert_int_eq(gan_grad_weighted(gan_square(x), vector4, &x, 1, &g, 0), GAN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(gan_status_message(ctx), "[4]"));
    ck_assert_ptr_nonnull(strstr(gan_status_message(ctx), "[3]"));
}
END_TEST

START_TEST(an_input_that_does_not_matter_gets_zeros)
{
    gan_tensor *x[2] = {gan_variable(vector3), gan_variable(matrix34)}, *g[2];
    ck_assert_int_eq(gan_grad(gan_square(x[0]), x, 2, g, 0), GAN_OK);
    ck_assert(gan_shape_equal(gan_shape_of(g[1]), GAN_SHAPE(3, 4)));
    ck_assert_float_eq(gan_item(gan_sqnorm(g[1])), 0.0f);
    /* The same through what stops a derivative. */
    gan_tensor *stopped = gan_sum(gan_mul(gan_detach(gan_square(x[0])), gan_greater(x[0], scalar)));
    ck_assert(!gan_requires_grad(stopped));
    ck_assert_int_eq(gan_grad(stopped, x, 1, g, 0), GAN_OK);
    ck_assert_float_eq(gan_item(gan_sqnorm(g[0])), 0.0f);
}
END_TEST

START_TEST(products_have_the_type_of_the_precision)
{
    gan_context *half = NULL;
    gan_context_options options = {.struct_size = sizeof options, .threads = 1, .precision = GAN_PRECISION_BF16};
    ck_assert_int_eq(gan_context_create(&options, &half, NULL), GAN_OK);
    gan_tensor *a = gan_full(half, GAN_SHAPE(2, 3, 4, 5), 1), *w = gan_full(half, GAN_SHAPE(6, 1, 1, 5), 1);
    gan_tensor *m = gan_full(half, GAN_SHAPE(2, 60), 1), *v = gan_full(half, GAN_SHAPE(7, 60), 1);
    ck_assert_int_eq(gan_dtype_of(gan_conv2d(a, w, NULL, CONV(1, 0, 0), LINEAR)), GAN_BF16);
    ck_assert_int_eq(gan_dtype_of(gan_linear(m, v, NULL, LINEAR)), GAN_BF16);
    ck_assert_int_eq(gan_dtype_of(gan_matmul(m, v, GAN_TRANSPOSE_B)), GAN_BF16);
    ck_assert_int_eq(gan_dtype_of(gan_matmul(matrix34, matrix43, 0)), GAN_F32);
    gan_tensor *b = gan_cast(m, GAN_BF16);
    ck_assert_int_eq(gan_dtype_of(gan_add(b, b)), GAN_BF16);
    ck_assert_int_eq(gan_dtype_of(gan_add(b, m)), GAN_F32);
    ck_assert_int_eq(gan_dtype_of(gan_tanh(b)), GAN_BF16);
    ck_assert_int_eq(gan_dtype_of(gan_mean(b)), GAN_F32);
    ck_assert_int_eq(gan_dtype_of(gan_bce_with_logits(b, 1)), GAN_F32);
    ck_assert_int_eq(gan_status_of(half), GAN_OK);
    gan_context_destroy(half);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("operator errors");
    TCase *t = tcase_create("calls");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_wrong_call_is_refused_with_a_sentence, 0, CALLS);
    tcase_add_test(t, every_operator_passes_poison_on);
    tcase_add_test(t, derivatives_of_poison_are_poison);
    tcase_add_test(t, a_derivative_is_asked_for_once_unless_retained);
    tcase_add_test(t, a_weight_has_the_shape_of_the_output);
    tcase_add_test(t, an_input_that_does_not_matter_gets_zeros);
    tcase_add_test(t, products_have_the_type_of_the_precision);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
