/* functions.c - element-wise functions of one tensor, and their derivatives. */
#include "core/internal.h"

static gan_tensor *unary(const gan__op *op, gan__map_op f, float p0, float p1, gan_tensor *x)
{
    gan_tensor *bad;
    if (!gan__floating(op->name, x, &bad))
        return bad;
    gan_tensor *out = gan__map(op->name, f, p0, p1, 1, &x, x->shape, x->dtype);
    gan__node *n = op->backward ? gan__record(op, out, 1, &x) : NULL;
    if (n) {
        n->f[0] = p0;
        n->f[1] = p1;
    }
    return out;
}

/* One unary operator: its name, its map, the bodies of its gradient rule. In the rule, g is the incoming gradient,
 * X the saved input, Y the saved result. */
#define UNARY(name, map, saves_input, saves_output, derivative)                                                        \
    static void name##_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)                                       \
    {                                                                                                                  \
        grads[0] = derivative;                                                                                         \
    }                                                                                                                  \
    gan_tensor *gan_##name(gan_tensor *x)                                                                              \
    {                                                                                                                  \
        static const gan__op op = {#name, name##_backward, saves_input, saves_output};                                 \
        return unary(&op, map, 0, 0, x);                                                                               \
    }
#define X gan__input(n, 0)
#define Y gan__output(n)

UNARY(exp, GAN__MAP_EXP, 0, true, gan_mul(g, Y))
UNARY(log, GAN__MAP_LOG, 1, false, gan_div(g, X))
UNARY(sqrt, GAN__MAP_SQRT, 0, true, gan_scale(gan_div(g, Y), 0.5f))
UNARY(rsqrt, GAN__MAP_RSQRT, 1, true, gan_scale(gan_mul(g, gan_div(Y, X)), -0.5f))
UNARY(square, GAN__MAP_SQUARE, 1, false, gan_scale(gan_mul(g, X), 2.0f))
UNARY(reciprocal, GAN__MAP_RECIPROCAL, 0, true, gan_neg(gan_mul(g, gan_square(Y))))
UNARY(abs, GAN__MAP_ABS, 1, false, gan_mul(g, gan_sign(X)))

static gan_activation activation_of(gan_activation_kind kind, float slope)
{
    return (gan_activation){kind, slope};
}

UNARY(tanh, GAN__MAP_TANH, 0, true, gan__activation_grad(g, Y, activation_of(GAN_TANH, 0)))
UNARY(sigmoid, GAN__MAP_SIGMOID, 0, true, gan__activation_grad(g, Y, activation_of(GAN_SIGMOID, 0)))
UNARY(relu, GAN__MAP_RELU, 0, true, gan__activation_grad(g, Y, activation_of(GAN_RELU, 0)))

gan_tensor *gan_sign(gan_tensor *x)
{
    static const gan__op op = {"sign", NULL, 0, false};
    return unary(&op, GAN__MAP_SIGN, 0, 0, x);
}

static void softplus_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    if (gan__recording(n->ctx))
        grads[0] = gan_mul(g, gan_sigmoid(X));
    else
        grads[0] = gan__map("softplus", GAN__MAP_SOFTPLUS_GRAD, 0, 0, 2, (gan_tensor *[]){g, X}, g->shape, g->dtype);
}

gan_tensor *gan_softplus(gan_tensor *x)
{
    static const gan__op op = {"softplus", softplus_backward, 1, false};
    return unary(&op, GAN__MAP_SOFTPLUS, 0, 0, x);
}

static void pow_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    float e = n->f[0];
    if (e != 0.0f) /* the derivative of a constant is zero, also where x^-1 is not finite */
        grads[0] = gan_scale(gan_mul(g, gan_pow(X, e - 1.0f)), e);
}

gan_tensor *gan_pow(gan_tensor *x, float exponent)
{
    static const gan__op op = {"pow", pow_backward, 1, false};
    return unary(&op, GAN__MAP_POW, exponent, 0, x);
}

static void clamp_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_tensor *x = X;
    grads[0] = gan_mul(g, gan__map("clamp", GAN__MAP_IN_RANGE, n->f[0], n->f[1], 1, &x, x->shape, x->dtype));
}

gan_tensor *gan_clamp(gan_tensor *x, float low, float high)
{
    static const gan__op op = {"clamp", clamp_backward, 1, false};
    if (!(low <= high))
        return gan__poison(x->ctx, GAN_ERROR_ARGUMENT, "clamp", "the lower bound %g is above the upper bound %g",
                           (double)low, (double)high);
    return unary(&op, GAN__MAP_CLAMP, low, high, x);
}

/* ---- activations ---- */

/* dy activation'(y) by kind. */
static const gan__map_op fused[] = {0, GAN__MAP_RELU_GRAD, GAN__MAP_LEAKY_RELU_GRAD, GAN__MAP_TANH_GRAD,
                                    GAN__MAP_SIGMOID_GRAD};

static void piecewise_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    grads[0] = gan__activation_grad(g, n->saved[0], n->activation);
}

/* Of ReLU and LeakyReLU, whose slope has no derivative: linear in g, and its own derivative. */
static gan_tensor *piecewise_grad(gan_tensor *g, gan_tensor *y, gan_activation activation)
{
    static const gan__op op = {"activation", piecewise_backward, 0, false};
    gan_tensor *out = gan__map("activation", fused[activation.kind], activation.slope, 0, 2, (gan_tensor *[]){g, y},
                               g->shape, g->dtype);
    gan__node *n = gan__record(&op, out, 1, &g);
    if (n) {
        n->saved[0] = gan_keep(gan_detach(y));
        n->activation = activation;
    }
    return out;
}

gan_tensor *gan__activation_grad(gan_tensor *g, gan_tensor *y, gan_activation activation)
{
    if (activation.kind == GAN_LINEAR || g->poison || y->poison)
        return y->poison ? y : g;
    gan_tensor *gy[2] = {g, y};
    if (!gan__recording(g->ctx))
        return gan__map("activation", fused[activation.kind], activation.slope, 0, 2, gy, g->shape, g->dtype);
    switch (activation.kind) {
    case GAN_TANH:
        return gan_mul(g, gan_add_scalar(gan_neg(gan_square(y)), 1.0f));
    case GAN_SIGMOID:
        return gan_mul(g, gan_sub(y, gan_square(y)));
    default:
        return piecewise_grad(g, y, activation);
    }
}

/* activation(x) and activation(x + bias) */
bool gan__activation_valid(gan_context *ctx, gan_activation a)
{
    if (a.kind >= GAN_LINEAR && a.kind <= GAN_SIGMOID && !(a.kind == GAN_LEAKY_RELU && !(a.slope >= 0.0f)))
        return true;
    gan__poison(ctx, GAN_ERROR_ARGUMENT, "activation", "there is no activation of kind %d with slope %g", (int)a.kind,
                (double)a.slope);
    return false;
}

static void activate_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    grads[0] = gan__activation_grad(g, Y, n->activation);
}

gan_tensor *gan_activate(gan_tensor *x, gan_activation activation)
{
    static const gan__map_op map[] = {0, GAN__MAP_RELU, GAN__MAP_LEAKY_RELU, GAN__MAP_TANH, GAN__MAP_SIGMOID};
    static const gan__op op = {"activation", activate_backward, 0, true};
    if (!gan__activation_valid(x->ctx, activation))
        return x->ctx->poison;
    if (activation.kind == GAN_LINEAR || x->poison)
        return x;
    gan_tensor *bad;
    if (!gan__floating("activation", x, &bad))
        return bad;
    gan_tensor *out = gan__map("activation", map[activation.kind], activation.slope, 0, 1, &x, x->shape, x->dtype);
    gan__node *n = gan__record(&op, out, 1, &x);
    if (n)
        n->activation = activation;
    return out;
}

gan_tensor *gan_leaky_relu(gan_tensor *x, float slope)
{
    gan_tensor *bad;
    if (!gan__floating("leaky_relu", x, &bad))
        return bad;
    return gan_activate(x, activation_of(GAN_LEAKY_RELU, slope));
}

/* in: x, bias */
static void bias_act_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_tensor *gz = n->op->saves_output ? gan__activation_grad(g, Y, n->activation) : g;
    if (gan__wants(n, 0))
        grads[0] = gz;
    if (gan__wants(n, 1))
        grads[1] = gan_sum_to(gz, n->in[1].shape);
}

gan_tensor *gan_bias_act(gan_tensor *x, gan_tensor *bias, gan_activation activation)
{
    static const gan__map_op map[] = {GAN__MAP_ADD, GAN__MAP_ADD_RELU, GAN__MAP_ADD_LEAKY_RELU, GAN__MAP_ADD_TANH,
                                      GAN__MAP_ADD_SIGMOID};
    static const gan__op op = {"bias_act", bias_act_backward, 0, true}, plain = {"bias", bias_act_backward, 0, false};
    gan_tensor *bad;
    if (!bias)
        return gan_activate(x, activation);
    if (!gan__activation_valid(x->ctx, activation))
        return x->ctx->poison;
    if (!gan__floating("bias_act", x, &bad) || !gan__floating("bias_act", bias, &bad))
        return bad;
    if (bias->shape.ndim != 1 || x->shape.ndim < 1 || gan_dim(x, -1) != bias->shape.dim[0])
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "bias_act", "a bias %s does not fit the last dimension of %s",
                           GAN__TEXT(bias->shape), GAN__TEXT(x->shape));
    gan_tensor *in[2] = {x, bias};
    gan_tensor *out = gan__map("bias_act", map[activation.kind], activation.slope, 0, 2, in, x->shape, x->dtype);
    gan__node *n = gan__record(activation.kind == GAN_LINEAR ? &plain : &op, out, 2, in);
    if (n)
        n->activation = activation;
    return out;
}
