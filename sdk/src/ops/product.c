/* product.c - matrix products and the linear layer's operator. */
#include "core/internal.h"

/* What a product of two tensors looks like. */
typedef struct plan {
    gan__matmul_args args;
    gan_shape shape;
} plan;

static bool matrix_dims(const gan_tensor *t, bool transpose, int64_t *rows, int64_t *columns)
{
    int n = t->shape.ndim;
    if (n != 2 && n != 3)
        return false;
    *rows = t->shape.dim[n - (transpose ? 1 : 2)];
    *columns = t->shape.dim[n - (transpose ? 2 : 1)];
    return true;
}

static bool make_plan(gan_tensor *a, gan_tensor *b, unsigned transpose, plan *out)
{
    gan__matmul_args *args = &out->args;
    int64_t inner;
    args->transpose_a = transpose & GAN_TRANSPOSE_A;
    args->transpose_b = transpose & GAN_TRANSPOSE_B;
    if (!matrix_dims(a, args->transpose_a, &args->m, &args->k) ||
        !matrix_dims(b, args->transpose_b, &inner, &args->n) || inner != args->k)
        return false;
    int64_t batch_a = a->shape.ndim == 3 ? a->shape.dim[0] : 0, batch_b = b->shape.ndim == 3 ? b->shape.dim[0] : 0;
    if (batch_a && batch_b && batch_a != batch_b)
        return false;
    args->batch = batch_a ? batch_a : batch_b ? batch_b : 1;
    args->stride_a = batch_a ? args->m * args->k : 0;
    args->stride_b = batch_b ? args->k * args->n : 0;
    args->stride_c = args->m * args->n;
    out->shape = batch_a || batch_b ? GAN_SHAPE(args->batch, args->m, args->n) : GAN_SHAPE(args->m, args->n);
    return true;
}

/* The product, not recorded. `bias` NULL or [n] f32. */
static gan_tensor *product(const char *name, gan_tensor *a, gan_tensor *b, gan_tensor *bias, gan_activation activation,
                           plan *p, gan_dtype dtype)
{
    gan_context *ctx = a->ctx;
    gan_tensor *out = gan__tensor_new(ctx, p->shape, dtype);
    if (out->poison || gan_count(out) == 0)
        return out;
    gan__matmul_args *args = &p->args;
    if (args->k == 0)
        return gan__map(name, GAN__MAP_FILL, 0, 0, 0, &a, p->shape, dtype);
    args->compute = gan__compute_dtype(ctx);
    args->a = gan__array_of(a);
    args->b = gan__array_of(b);
    args->c = gan__array_of(out);
    args->bias = bias ? bias->storage->data : NULL;
    args->activation = activation;
    gan_status status = ctx->backend->ops->matmul(ctx->backend, args);
    return status == GAN_OK ? out : gan__poison_backend(ctx, status, name, bias ? 3 : 2, (gan_tensor *[]){a, b, bias});
}

/* Matrix products that go into weight gradients stay f32: their inner dimension is the batch. */
static gan_dtype result_dtype(const gan_tensor *a, const gan_tensor *b)
{
    return gan__compute_dtype(a->ctx) == GAN_BF16 || gan__promote(a, b) == GAN_BF16 ? GAN_BF16 : GAN_F32;
}

static gan_tensor *matmul(gan_tensor *a, gan_tensor *b, unsigned transpose, gan_dtype dtype);

/* A gradient with the shape of an input that was shared by the batch. */
static gan_tensor *fold_batch(gan_tensor *g, gan_shape shape)
{
    return gan_ndim(g) == shape.ndim ? g : gan_sum_over(g, GAN_AXIS(0), false);
}

/* op(a) op(b) = c: d op(a) = dc op(b)ᵀ, d op(b) = op(a)ᵀ dc; transposed as the input was. */
static void matmul_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    bool ta = n->i[0] & GAN_TRANSPOSE_A, tb = n->i[0] & GAN_TRANSPOSE_B;
    gan_tensor *a = gan__input(n, 0), *b = gan__input(n, 1);
    if (gan__wants(n, 0)) {
        gan_tensor *ga = ta ? matmul(b, g, (tb ? GAN_TRANSPOSE_A : 0) | GAN_TRANSPOSE_B, n->in[0].dtype)
                            : matmul(g, b, tb ? 0 : GAN_TRANSPOSE_B, n->in[0].dtype);
        grads[0] = fold_batch(ga, n->in[0].shape);
    }
    if (gan__wants(n, 1)) {
        gan_tensor *gb = tb ? matmul(g, a, GAN_TRANSPOSE_A | (ta ? GAN_TRANSPOSE_B : 0), n->in[1].dtype)
                            : matmul(a, g, ta ? 0 : GAN_TRANSPOSE_A, n->in[1].dtype);
        grads[1] = fold_batch(gb, n->in[1].shape);
    }
}

static gan_tensor *matmul(gan_tensor *a, gan_tensor *b, unsigned transpose, gan_dtype dtype)
{
    static const gan__op op = {"matmul", matmul_backward, 3, false};
    gan_tensor *bad;
    plan p;
    if (!gan__floating("matmul", a, &bad) || !gan__floating("matmul", b, &bad))
        return bad;
    if (a->ctx != b->ctx)
        return gan__poison(a->ctx, GAN_ERROR_ARGUMENT, "matmul", "its inputs belong to different contexts");
    if (!make_plan(a, b, transpose, &p))
        return gan__poison(a->ctx, GAN_ERROR_SHAPE, "matmul", "%s%s and %s%s do not multiply", GAN__TEXT(a->shape),
                           transpose & GAN_TRANSPOSE_A ? " transposed" : "", GAN__TEXT(b->shape),
                           transpose & GAN_TRANSPOSE_B ? " transposed" : "");
    gan_tensor *in[2] = {a, b};
    gan_tensor *out = product("matmul", a, b, NULL, GAN__NO_ACTIVATION, &p, dtype);
    gan__node *n = gan__record(&op, out, 2, in);
    if (n)
        n->i[0] = transpose;
    return out;
}

gan_tensor *gan_matmul(gan_tensor *a, gan_tensor *b, unsigned transpose)
{
    return a->poison ? a : b->poison ? b : matmul(a, b, transpose, result_dtype(a, b));
}

/* in: x, w, bias; y = activation(x wᵀ + bias) */
static void linear_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_tensor *gz = n->op->saves_output ? gan__activation_grad(g, gan__output(n), n->activation) : g;
    if (gan__wants(n, 0))
        grads[0] = matmul(gz, gan__input(n, 1), 0, n->in[0].dtype);
    if (gan__wants(n, 1))
        grads[1] = matmul(gz, gan__input(n, 0), GAN_TRANSPOSE_A, n->in[1].dtype);
    if (n->n_in > 2 && gan__wants(n, 2))
        grads[2] = gan_sum_over(gz, GAN_AXIS(0), false);
}

gan_tensor *gan_linear(gan_tensor *x, gan_tensor *w, gan_tensor *bias, gan_activation activation)
{
    static const gan__op op = {"linear", linear_backward, 3, true}, plain = {"linear", linear_backward, 3, false};
    gan_tensor *bad;
    plan p;
    if (!gan__floating("linear", x, &bad) || !gan__floating("linear", w, &bad) ||
        (bias && !gan__floating("linear", bias, &bad)))
        return bad;
    if (x->shape.ndim > 2)
        x = gan_flatten(x);
    if (x->poison)
        return x;
    if (x->shape.ndim != 2 || w->shape.ndim != 2 || !make_plan(x, w, GAN_TRANSPOSE_B, &p))
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "linear", "an input %s does not fit a weight %s",
                           GAN__TEXT(x->shape), GAN__TEXT(w->shape));
    if (bias && (bias->shape.ndim != 1 || bias->shape.dim[0] != w->shape.dim[0] || bias->dtype != GAN_F32))
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "linear", "a bias %s %s does not fit a weight %s",
                           gan_dtype_name(bias->dtype), GAN__TEXT(bias->shape), GAN__TEXT(w->shape));
    if (activation.kind < GAN_LINEAR || activation.kind > GAN_SIGMOID)
        return gan__poison(x->ctx, GAN_ERROR_ARGUMENT, "linear", "there is no activation of kind %d",
                           (int)activation.kind);
    gan_tensor *in[3] = {x, w, bias};
    gan_tensor *out = product("linear", x, w, bias, activation, &p, result_dtype(x, w));
    gan__node *n = gan__record(activation.kind == GAN_LINEAR ? &plain : &op, out, bias ? 3 : 2, in);
    if (n)
        n->activation = activation;
    return out;
}
