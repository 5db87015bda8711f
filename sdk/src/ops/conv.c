/*
 * conv.c - convolution, its data gradient and its weight gradient: three operators whose gradients are again those.
 *
 * With y = conv(x, w), X = conv_data(y, w), W = conv_weight(x, y), the trilinear form
 *     <conv(x, w), y> = <x, conv_data(y, w)> = <w, conv_weight(x, y)>
 * gives every rule below.
 */
#include "core/internal.h"

static gan_tensor *conv(gan_tensor *x, gan_tensor *w, gan_tensor *bias, gan_conv p, gan_activation a, gan_dtype dtype);
static gan_tensor *conv_data(gan_tensor *y, gan_tensor *w, gan_tensor *bias, gan_conv p, int64_t height, int64_t width,
                             gan_activation a, gan_dtype dtype);
static gan_tensor *conv_weight(gan_tensor *x, gan_tensor *y, int kh, int kw, gan_conv p);

/* Run one of the three kernels. `in` are the operator's inputs, for messages. */
typedef enum kernel { FORWARD, DATA, WEIGHT } kernel;
static gan_tensor *run(const char *name, kernel which, gan_tensor *x, gan_tensor *w, gan_tensor *y, gan_tensor *bias,
                       gan_conv p, gan_activation activation)
{
    gan_tensor *out = which == FORWARD ? y : which == DATA ? x : w;
    gan_context *ctx = x->ctx;
    if (out->poison || gan_count(out) == 0)
        return out;
    gan__conv_args args = {.compute = gan__compute_dtype(ctx),
                           .stride = p.stride,
                           .pad = p.pad,
                           .x = gan__array_of(x),
                           .w = gan__array_of(w),
                           .y = gan__array_of(y),
                           .bias = bias ? bias->storage->data : NULL,
                           .activation = activation};
    gan__backend *be = ctx->backend;
    gan_status status = which == FORWARD ? be->ops->conv_forward(be, &args)
                        : which == DATA  ? be->ops->conv_data(be, &args)
                                         : be->ops->conv_weight(be, &args);
    return status == GAN_OK ? out : gan__poison_backend(ctx, status, name, 3, (gan_tensor *[]){x, w, y});
}

/* The stored result type of a forward or data convolution. */
static gan_dtype result_dtype(const gan_tensor *a, const gan_tensor *b)
{
    return gan__compute_dtype(a->ctx) == GAN_BF16 || gan__promote(a, b) == GAN_BF16 ? GAN_BF16 : GAN_F32;
}

static bool usable(const char *name, gan_tensor *a, gan_tensor *b, gan_tensor *bias, gan_conv *p, gan_tensor **bad)
{
    if (!gan__floating(name, a, bad) || !gan__floating(name, b, bad) || (bias && !gan__floating(name, bias, bad)))
        return false;
    if (p->stride == 0)
        p->stride = 1;
    if (a->ctx != b->ctx || p->stride < 1 || p->stride > 1024 || p->pad < 0 || p->pad > 1024 || p->output_pad < 0 ||
        p->output_pad >= p->stride) {
        *bad = gan__poison(a->ctx, GAN_ERROR_ARGUMENT, name, "stride %d, pad %d, output pad %d are not usable",
                           p->stride, p->pad, p->output_pad);
        return false;
    }
    if (a->shape.ndim != 4 || b->shape.ndim != 4) {
        *bad = gan__poison(a->ctx, GAN_ERROR_SHAPE, name, "needs tensors of four dimensions, but got %s and %s",
                           GAN__TEXT(a->shape), GAN__TEXT(b->shape));
        return false;
    }
    return true;
}

static bool bias_fits(const char *name, gan_tensor *bias, int64_t channels, gan_tensor **bad)
{
    if (!bias || (bias->shape.ndim == 1 && bias->shape.dim[0] == channels && bias->dtype == GAN_F32))
        return true;
    *bad = gan__poison(bias->ctx, GAN_ERROR_SHAPE, name, "a bias %s %s does not fit %lld channels",
                       gan_dtype_name(bias->dtype), GAN__TEXT(bias->shape), (long long)channels);
    return false;
}

/* ---- y = activation(conv(x, w) + bias) ---- */

/* in: x, w, bias */
static void conv_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_conv p = {(int)n->i[0], (int)n->i[1], 0};
    gan_shape x = n->in[0].shape, w = n->in[1].shape;
    gan_tensor *gz = n->op->saves_output ? gan__activation_grad(g, gan__output(n), n->activation) : g;
    if (gan__wants(n, 0))
        grads[0] = conv_data(gz, gan__input(n, 1), NULL, p, x.dim[1], x.dim[2], GAN__NO_ACTIVATION, n->in[0].dtype);
    if (gan__wants(n, 1))
        grads[1] = conv_weight(gan__input(n, 0), gz, (int)w.dim[1], (int)w.dim[2], p);
    if (n->n_in > 2 && gan__wants(n, 2))
        grads[2] = gan_sum_over(gz, GAN_AXIS(0) | GAN_AXIS(1) | GAN_AXIS(2), false);
}

static gan_tensor *conv(gan_tensor *x, gan_tensor *w, gan_tensor *bias, gan_conv p, gan_activation activation,
                        gan_dtype dtype)
{
    static const gan__op op = {"conv2d", conv_backward, 3, true}, plain = {"conv2d", conv_backward, 3, false};
    gan_tensor *bad;
    if (!usable("conv2d", x, w, bias, &p, &bad))
        return bad;
    gan_shape xs = x->shape, ws = w->shape;
    int64_t oh = (xs.dim[1] + 2 * p.pad - ws.dim[1]), ow = (xs.dim[2] + 2 * p.pad - ws.dim[2]);
    if (xs.dim[3] != ws.dim[3] || oh < 0 || ow < 0 || gan_count(w) == 0)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "conv2d",
                           "an input %s (N, H, W, I) does not fit a weight %s (O, KH, KW, I) with pad %d",
                           GAN__TEXT(xs), GAN__TEXT(ws), p.pad);
    if (!bias_fits("conv2d", bias, ws.dim[0], &bad))
        return bad;
    if (activation.kind < GAN_LINEAR || activation.kind > GAN_SIGMOID)
        return gan__poison(x->ctx, GAN_ERROR_ARGUMENT, "conv2d", "there is no activation of kind %d",
                           (int)activation.kind);
    gan_shape ys = GAN_SHAPE(xs.dim[0], oh / p.stride + 1, ow / p.stride + 1, ws.dim[0]);
    gan_tensor *in[3] = {x, w, bias};
    gan_tensor *y = run("conv2d", FORWARD, x, w, gan__tensor_new(x->ctx, ys, dtype), bias, p, activation);
    gan__node *n = gan__record(activation.kind == GAN_LINEAR ? &plain : &op, y, bias ? 3 : 2, in);
    if (n) {
        n->i[0] = p.stride;
        n->i[1] = p.pad;
        n->activation = activation;
    }
    return y;
}

gan_tensor *gan_conv2d(gan_tensor *x, gan_tensor *w, gan_tensor *bias, gan_conv p, gan_activation activation)
{
    return conv(x, w, bias, p, activation, result_dtype(x, w));
}

/* ---- x = activation(conv_data(y, w) + bias): the transposed convolution ---- */

/* in: y, w, bias */
static void conv_data_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_conv p = {(int)n->i[0], (int)n->i[1], 0};
    gan_shape w = n->in[1].shape;
    gan_tensor *gz = n->op->saves_output ? gan__activation_grad(g, gan__output(n), n->activation) : g;
    if (gan__wants(n, 0))
        grads[0] = conv(gz, gan__input(n, 1), NULL, p, GAN__NO_ACTIVATION, n->in[0].dtype);
    if (gan__wants(n, 1))
        grads[1] = conv_weight(gz, gan__input(n, 0), (int)w.dim[1], (int)w.dim[2], p);
    if (n->n_in > 2 && gan__wants(n, 2))
        grads[2] = gan_sum_over(gz, GAN_AXIS(0) | GAN_AXIS(1) | GAN_AXIS(2), false);
}

static gan_tensor *conv_data(gan_tensor *y, gan_tensor *w, gan_tensor *bias, gan_conv p, int64_t height, int64_t width,
                             gan_activation activation, gan_dtype dtype)
{
    static const gan__op op = {"conv2d_transpose", conv_data_backward, 3, true},
                         plain = {"conv2d_transpose", conv_data_backward, 3, false};
    gan_tensor *bad;
    if (!usable("conv2d_transpose", y, w, bias, &p, &bad))
        return bad;
    gan_shape ys = y->shape, ws = w->shape;
    if (ys.dim[3] != ws.dim[0] || height < 1 || width < 1 || gan_count(w) == 0)
        return gan__poison(y->ctx, GAN_ERROR_SHAPE, "conv2d_transpose",
                           "an input %s (N, H, W, O) does not fit a weight %s (O, KH, KW, I) with pad %d",
                           GAN__TEXT(ys), GAN__TEXT(ws), p.pad);
    if (!bias_fits("conv2d_transpose", bias, ws.dim[3], &bad))
        return bad;
    if (activation.kind < GAN_LINEAR || activation.kind > GAN_SIGMOID)
        return gan__poison(y->ctx, GAN_ERROR_ARGUMENT, "conv2d_transpose", "there is no activation of kind %d",
                           (int)activation.kind);
    gan_shape xs = GAN_SHAPE(ys.dim[0], height, width, ws.dim[3]);
    gan_tensor *in[3] = {y, w, bias};
    gan_tensor *x = run("conv2d_transpose", DATA, gan__tensor_new(y->ctx, xs, dtype), w, y, bias, p, activation);
    gan__node *n = gan__record(activation.kind == GAN_LINEAR ? &plain : &op, x, bias ? 3 : 2, in);
    if (n) {
        n->i[0] = p.stride;
        n->i[1] = p.pad;
        n->activation = activation;
    }
    return x;
}

gan_tensor *gan_conv2d_transpose(gan_tensor *x, gan_tensor *w, gan_tensor *bias, gan_conv p, gan_activation activation)
{
    gan_tensor *bad;
    if (!usable("conv2d_transpose", x, w, bias, &p, &bad))
        return bad;
    int64_t height = (x->shape.dim[1] - 1) * p.stride - 2 * p.pad + w->shape.dim[1] + p.output_pad;
    int64_t width = (x->shape.dim[2] - 1) * p.stride - 2 * p.pad + w->shape.dim[2] + p.output_pad;
    return conv_data(x, w, bias, p, height, width, activation, result_dtype(x, w));
}

/* ---- w = conv_weight(x, y) ---- */

/* in: x, y */
static void conv_weight_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_conv p = {(int)n->i[0], (int)n->i[1], 0};
    gan_shape x = n->in[0].shape;
    if (gan__wants(n, 0))
        grads[0] = conv_data(gan__input(n, 1), g, NULL, p, x.dim[1], x.dim[2], GAN__NO_ACTIVATION, n->in[0].dtype);
    if (gan__wants(n, 1))
        grads[1] = conv(gan__input(n, 0), g, NULL, p, GAN__NO_ACTIVATION, n->in[1].dtype);
}

static gan_tensor *conv_weight(gan_tensor *x, gan_tensor *y, int kh, int kw, gan_conv p)
{
    static const gan__op op = {"conv2d_weight", conv_weight_backward, 3, false};
    gan_tensor *bad;
    if (!usable("conv2d_weight", x, y, NULL, &p, &bad))
        return bad;
    gan_shape xs = x->shape, ys = y->shape;
    bool fits = kh > 0 && kw > 0 && xs.dim[0] == ys.dim[0] && ys.dim[1] > 0 && ys.dim[2] > 0 &&
                (xs.dim[1] + 2 * p.pad - kh) / p.stride + 1 == ys.dim[1] && xs.dim[1] + 2 * p.pad >= kh &&
                (xs.dim[2] + 2 * p.pad - kw) / p.stride + 1 == ys.dim[2] && xs.dim[2] + 2 * p.pad >= kw;
    if (!fits)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, "conv2d_weight",
                           "an input %s and a result %s do not belong to a %dx%d kernel with stride %d and pad %d",
                           GAN__TEXT(xs), GAN__TEXT(ys), kh, kw, p.stride, p.pad);
    gan_shape ws = GAN_SHAPE(ys.dim[3], kh, kw, xs.dim[3]);
    gan_tensor *in[2] = {x, y};
    gan_tensor *w =
        run("conv2d_weight", WEIGHT, x, gan__tensor_new(x->ctx, ws, GAN_F32), y, NULL, p, GAN__NO_ACTIVATION);
    gan__node *n = gan__record(&op, w, 2, in);
    if (n) {
        n->i[0] = p.stride;
        n->i[1] = p.pad;
    }
    return w;
}

gan_tensor *gan_conv2d_weight(gan_tensor *x, gan_tensor *y, int kh, int kw, gan_conv p)
{
    return conv_weight(x, y, kh, kw, p);
}
