/* fir.c - upsampling, filtering and downsampling of images, and the filters of StyleGAN2. */
#include <math.h>
#include <string.h>

#include "core/internal.h"

/* Positions in enlarged and padded images are counted in 32 bits. */
#define LARGEST_FACTOR 1024
#define LARGEST_PAD    (1 << 20)
#define LARGEST_SIDE   (1 << 30)

enum { N, UP, DOWN, BEFORE, FLIP }; /* node->i */

static gan_tensor *filter(gan_tensor *x, const gan_fir *fir, int64_t height, int64_t width);

/* y[o] = sum of w[t] x[(o down + t - before) / up]: x[i] is in y[o] with t = i up + before - o down, so that the
 * derivative is a filter that enlarges by down and reduces by up, with the taps in the other order. */
static void filter_backward(gan__node *n, gan_tensor *g, gan_tensor **grads)
{
    gan_fir fir = {.n = (int)n->i[N],
                   .up = (int)n->i[DOWN],
                   .down = (int)n->i[UP],
                   .before = (int)(n->i[N] - 1 - n->i[BEFORE]),
                   .gain = n->f[GAN_FIR_MAX],
                   .flip = !n->i[FLIP]};
    memcpy(fir.taps, n->f, sizeof fir.taps);
    grads[0] = filter(g, &fir, n->in[0].shape.dim[1], n->in[0].shape.dim[2]);
}

/* To a given size: `after` is what it needs. */
static gan_tensor *filter(gan_tensor *x, const gan_fir *fir, int64_t height, int64_t width)
{
    static const gan__op op = {"upfirdn2d", filter_backward, 0, false};
    gan_context *ctx = x->ctx;
    if (x->poison)
        return x;
    gan_tensor *y = gan__tensor_new(ctx, GAN_SHAPE(x->shape.dim[0], height, width, x->shape.dim[3]), x->dtype);
    if (y->poison || gan_count(y) == 0)
        return y;
    gan__array in = gan__array_of(x), out = gan__array_of(y);
    gan_status status = ctx->backend->ops->upfirdn(ctx->backend, fir, &in, &out);
    if (status != GAN_OK)
        return gan__poison_backend(ctx, status, op.name, 1, &x);
    gan__node *n = gan__record(&op, y, 1, &x);
    if (n) {
        n->i[N] = fir->n;
        n->i[UP] = fir->up;
        n->i[DOWN] = fir->down;
        n->i[BEFORE] = fir->before;
        n->i[FLIP] = fir->flip;
        memcpy(n->f, fir->taps, sizeof fir->taps);
        n->f[GAN_FIR_MAX] = fir->gain;
    }
    return y;
}

/* NULL when the filter can be used, else poison. */
static gan_tensor *refused(gan_context *ctx, const char *name, const gan_fir *fir)
{
    if (fir->n < 1 || fir->n > GAN_FIR_MAX)
        return gan__poison(ctx, GAN_ERROR_ARGUMENT, name, "takes 1 to %d taps, but got %d", GAN_FIR_MAX, fir->n);
    for (int i = 0; i < fir->n; i++)
        if (!isfinite(fir->taps[i]))
            return gan__poison(ctx, GAN_ERROR_ARGUMENT, name, "tap %d must be finite, but is %g", i,
                               (double)fir->taps[i]);
    if (!isfinite(fir->gain))
        return gan__poison(ctx, GAN_ERROR_ARGUMENT, name, "the gain must be finite, but is %g", (double)fir->gain);
    if (fir->up < 1 || fir->up > LARGEST_FACTOR || fir->down < 1 || fir->down > LARGEST_FACTOR)
        return gan__poison(ctx, GAN_ERROR_ARGUMENT, name, "takes factors of 1 to %d, but got up %d and down %d",
                           LARGEST_FACTOR, fir->up, fir->down);
    if (fir->before < -LARGEST_PAD || fir->before > LARGEST_PAD || fir->after < -LARGEST_PAD ||
        fir->after > LARGEST_PAD)
        return gan__poison(ctx, GAN_ERROR_ARGUMENT, name, "takes padding of up to %d, but got %d and %d", LARGEST_PAD,
                           fir->before, fir->after);
    return NULL;
}

gan_tensor *gan_upfirdn2d(gan_tensor *x, const gan_fir *settings)
{
    const char *name = "upfirdn2d";
    gan_tensor *bad;
    gan_fir fir = *settings;
    fir.up = fir.up == 0 ? 1 : fir.up;
    fir.down = fir.down == 0 ? 1 : fir.down;
    fir.gain = fir.gain == 0.0f ? 1.0f : fir.gain;
    if (!gan__floating(name, x, &bad))
        return bad;
    gan_shape s = x->shape;
    if (s.ndim != 4)
        return gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "needs images (N, H, W, C), but got %s", GAN__TEXT(s));
    bad = refused(x->ctx, name, &fir);
    if (bad)
        return bad;
    int64_t size[2];
    for (int i = 0; i < 2; i++) {
        bool large = s.dim[1 + i] > LARGEST_SIDE / fir.up;
        size[i] = large ? 0 : s.dim[1 + i] * fir.up + fir.before + fir.after - fir.n;
        if (large || size[i] < 0)
            return gan__poison(x->ctx, GAN_ERROR_SHAPE, name, "%d taps after padding by %d and %d do not fit %s", fir.n,
                               fir.before, fir.after, GAN__TEXT(s));
    }
    return filter(x, &fir, size[0] / fir.down + 1, size[1] / fir.down + 1);
}

/* ---- the filters of StyleGAN2 ---- */

static gan_fir normalized(const float *taps, int n)
{
    static const float usual[] = {1, 3, 3, 1};
    gan_fir fir = {.n = taps ? n : 4, .up = 1, .down = 1, .gain = 1.0f};
    float sum = 0.0f;
    if (fir.n < 1 || fir.n > GAN_FIR_MAX)
        return fir; /* gan_upfirdn2d tells */
    taps = taps ? taps : usual;
    for (int i = 0; i < fir.n; i++)
        sum += taps[i];
    for (int i = 0; i < fir.n; i++)
        fir.taps[i] = taps[i] / sum;
    return fir;
}

/* Half of n, rounded down. */
static int half(int n)
{
    return (n - (n < 0 ? 1 : 0)) / 2;
}

gan_fir gan_fir_up(const float *taps, int n, int factor)
{
    gan_fir fir = normalized(taps, n);
    if (factor < 1 || factor > LARGEST_FACTOR) {
        fir.up = factor == 0 ? -1 : factor; /* gan_upfirdn2d tells; 0 would be taken as 1 */
        return fir;
    }
    fir.up = factor;
    fir.gain = (float)factor * (float)factor; /* what the zeros between the samples take away */
    fir.before = (fir.n + factor - 1) / 2;
    fir.after = fir.n - 1 - fir.before;
    return fir;
}

gan_fir gan_fir_down(const float *taps, int n, int factor)
{
    gan_fir fir = normalized(taps, n);
    if (factor < 1 || factor > LARGEST_FACTOR) {
        fir.down = factor == 0 ? -1 : factor;
        return fir;
    }
    fir.down = factor;
    fir.before = half(fir.n - factor + 1);
    fir.after = half(fir.n - factor);
    return fir;
}

gan_fir gan_fir_blur(const float *taps, int n)
{
    gan_fir fir = normalized(taps, n);
    fir.before = fir.n / 2;
    fir.after = (fir.n - 1) / 2;
    return fir;
}
