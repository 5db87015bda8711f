/* arithmetic.c - element-wise operators of two tensors, with broadcasting; comparisons and selection. */
#include "core/internal.h"

/* A recorded binary operator. */
static gan_tensor *binary(const gan__op *op, gan__map_op f, float p0, gan_tensor *a, gan_tensor *b)
{
    gan_shape shape;
    gan_tensor *bad;
    if (!gan__floating(op->name, a, &bad) || !gan__floating(op->name, b, &bad) ||
        !gan__broadcast(op->name, a, b, &shape, &bad))
        return bad;
    gan_tensor *in[2] = {a, b};
    gan_tensor *out = gan__map(op->name, f, p0, 0, 2, in, shape, gan__promote(a, b));
    gan__node *n = gan__record(op, out, 2, in);
    if (n)
        n->f[0] = p0;
    return out;
}

static void add_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    for (int i = 0; i < 2; i++)
        if (gan__wants(n, i))
            grads[i] = gan_sum_to(grad, n->in[i].shape);
}

gan_tensor *gan_add(gan_tensor *a, gan_tensor *b)
{
    static const gan__op op = {"add", add_backward, 0, false};
    return binary(&op, GAN__MAP_ADD, 0, a, b);
}

static void sub_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    if (gan__wants(n, 0))
        grads[0] = gan_sum_to(grad, n->in[0].shape);
    if (gan__wants(n, 1))
        grads[1] = gan_neg(gan_sum_to(grad, n->in[1].shape));
}

gan_tensor *gan_sub(gan_tensor *a, gan_tensor *b)
{
    static const gan__op op = {"sub", sub_backward, 0, false};
    return binary(&op, GAN__MAP_SUB, 0, a, b);
}

static void mul_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    for (int i = 0; i < 2; i++)
        if (gan__wants(n, i))
            grads[i] = gan__sum_product_to(grad, gan__input(n, 1 - i), n->in[i].shape);
}

gan_tensor *gan_mul(gan_tensor *a, gan_tensor *b)
{
    static const gan__op op = {"mul", mul_backward, 3, false};
    return binary(&op, GAN__MAP_MUL, 0, a, b);
}

static void div_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    gan_tensor *over_b = gan_div(grad, gan__input(n, 1));
    if (gan__wants(n, 0))
        grads[0] = gan_sum_to(over_b, n->in[0].shape);
    if (gan__wants(n, 1))
        grads[1] = gan_neg(gan__sum_product_to(over_b, gan__output(n), n->in[1].shape));
}

gan_tensor *gan_div(gan_tensor *a, gan_tensor *b)
{
    static const gan__op op = {"div", div_backward, 2, true};
    return binary(&op, GAN__MAP_DIV, 0, a, b);
}

/* Share of a in max(a, b): 1, 1/2 where equal, 0. */
static gan_tensor *share_of_greater(gan_tensor *a, gan_tensor *b)
{
    return gan_scale(gan_add(gan_greater(a, b), gan_greater_equal(a, b)), 0.5f);
}

static void maximum_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    for (int i = 0; i < 2; i++)
        if (gan__wants(n, i))
            grads[i] =
                gan__sum_product_to(grad, share_of_greater(gan__input(n, i), gan__input(n, 1 - i)), n->in[i].shape);
}

gan_tensor *gan_maximum(gan_tensor *a, gan_tensor *b)
{
    static const gan__op op = {"maximum", maximum_backward, 3, false};
    return binary(&op, GAN__MAP_MAXIMUM, 0, a, b);
}

static void minimum_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    for (int i = 0; i < 2; i++)
        if (gan__wants(n, i))
            grads[i] =
                gan__sum_product_to(grad, share_of_greater(gan__input(n, 1 - i), gan__input(n, i)), n->in[i].shape);
}

gan_tensor *gan_minimum(gan_tensor *a, gan_tensor *b)
{
    static const gan__op op = {"minimum", minimum_backward, 3, false};
    return binary(&op, GAN__MAP_MINIMUM, 0, a, b);
}

static void lerp_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    if (gan__wants(n, 0))
        grads[0] = gan_scale(gan_sum_to(grad, n->in[0].shape), 1.0f - n->f[0]);
    if (gan__wants(n, 1))
        grads[1] = gan_scale(gan_sum_to(grad, n->in[1].shape), n->f[0]);
}

gan_tensor *gan_lerp(gan_tensor *a, gan_tensor *b, float t)
{
    static const gan__op op = {"lerp", lerp_backward, 0, false};
    return binary(&op, GAN__MAP_LERP, t, a, b);
}

/* ---- affine functions of one tensor ---- */

static void affine_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    grads[0] = n->f[0] == 1.0f ? grad : gan_scale(grad, n->f[0]);
}

static gan_tensor *affine(const char *name, gan_tensor *x, float factor, float value)
{
    static const gan__op op = {"affine", affine_backward, 0, false};
    gan_tensor *bad;
    if (!gan__floating(name, x, &bad))
        return bad;
    gan_tensor *out = gan__map(name, GAN__MAP_AFFINE, factor, value, 1, &x, x->shape, x->dtype);
    gan__node *n = gan__record(&op, out, 1, &x);
    if (n)
        n->f[0] = factor;
    return out;
}

gan_tensor *gan_neg(gan_tensor *x)
{
    return affine("neg", x, -1.0f, 0.0f);
}

gan_tensor *gan_add_scalar(gan_tensor *x, float value)
{
    return affine("add_scalar", x, 1.0f, value);
}

gan_tensor *gan_scale(gan_tensor *x, float factor)
{
    return affine("scale", x, factor, 0.0f);
}

/* ---- comparisons ---- */

static gan_tensor *compare(const char *name, gan__map_op f, gan_tensor *a, gan_tensor *b)
{
    gan_shape shape;
    gan_tensor *bad;
    if (!gan__broadcast(name, a, b, &shape, &bad))
        return bad;
    return gan__map(name, f, 0, 0, 2, (gan_tensor *[]){a, b}, shape, gan__promote(a, b));
}

gan_tensor *gan_greater(gan_tensor *a, gan_tensor *b)
{
    return compare("greater", GAN__MAP_GREATER, a, b);
}

gan_tensor *gan_greater_equal(gan_tensor *a, gan_tensor *b)
{
    return compare("greater_equal", GAN__MAP_GREATER_EQUAL, a, b);
}

gan_tensor *gan_less(gan_tensor *a, gan_tensor *b)
{
    return compare("less", GAN__MAP_GREATER, b, a);
}

gan_tensor *gan_less_equal(gan_tensor *a, gan_tensor *b)
{
    return compare("less_equal", GAN__MAP_GREATER_EQUAL, b, a);
}

gan_tensor *gan_equal(gan_tensor *a, gan_tensor *b)
{
    return compare("equal", GAN__MAP_EQUAL, a, b);
}

/* in: condition, a, b */
static void select_backward(gan__node *n, gan_tensor *grad, gan_tensor **grads)
{
    gan_tensor *condition = gan__input(n, 0);
    gan_tensor *zero = gan__map("select", GAN__MAP_FILL, 0, 0, 0, &grad, GAN_SCALAR, grad->dtype);
    if (gan__wants(n, 1))
        grads[1] = gan_sum_to(gan_select(condition, grad, zero), n->in[1].shape);
    if (gan__wants(n, 2))
        grads[2] = gan_sum_to(gan_select(condition, zero, grad), n->in[2].shape);
}

gan_tensor *gan_select(gan_tensor *condition, gan_tensor *a, gan_tensor *b)
{
    static const gan__op op = {"select", select_backward, 1, false};
    gan_shape shape;
    gan_tensor *bad;
    if (!gan__floating("select", a, &bad) || !gan__floating("select", b, &bad) ||
        !gan__broadcast("select", a, b, &shape, &bad))
        return bad;
    gan_tensor like = {.ctx = a->ctx, .shape = shape}; /* a and b together, against the condition */
    if (!gan__broadcast("select", condition, &like, &shape, &bad))
        return bad;
    gan_tensor *in[3] = {condition, a, b};
    gan_tensor *out = gan__map("select", GAN__MAP_SELECT, 0, 0, 3, in, shape, gan__promote(a, b));
    if (gan_requires_grad(a) || gan_requires_grad(b))
        gan__record(&op, out, 3, (gan_tensor *[]){gan_detach(condition), a, b});
    return out;
}
