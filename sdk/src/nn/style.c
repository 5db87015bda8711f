/* style.c - styles, and layers that take one (Karras et al. 2019, 2020). */
#include <gan/style.h>

#include <math.h>

#include "layer.h"

/* ---- styles ---- */

/* w [N, L, width], as the operator `name` needs it. */
static bool layered(const char *name, gan_tensor *w, gan_tensor **bad)
{
    if (!gan__floating(name, w, bad))
        return false;
    if (w->shape.ndim == 3)
        return true;
    *bad =
        gan__poison(w->ctx, GAN_ERROR_SHAPE, name, "needs styles (N, layers, width), but got %s", GAN__TEXT(w->shape));
    return false;
}

static bool alike(const char *name, gan_tensor *a, gan_tensor *b, gan_tensor **bad)
{
    if (!layered(name, a, bad) || !layered(name, b, bad))
        return false;
    if (gan_shape_equal(a->shape, b->shape))
        return true;
    *bad = gan__poison(a->ctx, GAN_ERROR_SHAPE, name, "styles of %s and %s do not mix", GAN__TEXT(a->shape),
                       GAN__TEXT(b->shape));
    return false;
}

gan_tensor *gan_style_repeat(gan_tensor *w, int64_t layers)
{
    gan_tensor *bad;
    if (!gan__floating("style_repeat", w, &bad))
        return bad;
    if (w->shape.ndim != 2 || layers < 1)
        return gan__poison(w->ctx, GAN_ERROR_SHAPE, "style_repeat",
                           "needs styles (N, width) and at least one layer, but got %s and %lld", GAN__TEXT(w->shape),
                           (long long)layers);
    gan_context *ctx = w->ctx;
    int64_t n = w->shape.dim[0], width = w->shape.dim[1];
    gan_scope_begin(ctx);
    gan_tensor *one = gan_reshape(w, GAN_SHAPE(n, 1, width));
    return gan_scope_end(ctx, gan_broadcast_to(one, GAN_SHAPE(n, layers, width)));
}

gan_tensor *gan_style_at(gan_tensor *w, int64_t layer)
{
    gan_tensor *bad;
    if (!layered("style_at", w, &bad))
        return bad;
    if (layer < 0 || layer >= w->shape.dim[1])
        return gan__poison(w->ctx, GAN_ERROR_ARGUMENT, "style_at", "styles %s have no layer %lld", GAN__TEXT(w->shape),
                           (long long)layer);
    gan_context *ctx = w->ctx;
    gan_shape one = GAN_SHAPE(w->shape.dim[0], w->shape.dim[2]);
    gan_scope_begin(ctx);
    return gan_scope_end(ctx, gan_reshape(gan_slice(w, 1, layer, 1), one));
}

gan_tensor *gan_style_join(gan_tensor *a, gan_tensor *b, int64_t first, int64_t last)
{
    gan_tensor *bad, *parts[3];
    if (!alike("style_join", a, b, &bad))
        return bad;
    gan_context *ctx = a->ctx;
    int64_t layers = a->shape.dim[1];
    int n = 0;
    if (first < 0 || last >= layers || first > last)
        return gan__poison(ctx, GAN_ERROR_ARGUMENT, "style_join", "styles %s have no layers from %lld to %lld",
                           GAN__TEXT(a->shape), (long long)first, (long long)last);
    gan_scope_begin(ctx);
    if (first > 0)
        parts[n++] = gan_slice(a, 1, 0, first);
    parts[n++] = gan_slice(b, 1, first, last - first + 1);
    if (last < layers - 1)
        parts[n++] = gan_slice(a, 1, last + 1, layers - 1 - last);
    return gan_scope_end(ctx, n == 1 ? parts[0] : gan_concat(parts, n, 1));
}

/* A layer l is b's where l > r, with r uniform in [0, L - 1): then 1, 2, ..., L - 1 are equally likely to be the first.
 * With r from [0, (L - 1) / probability) no layer is b's with 1 - probability. */
gan_tensor *gan_style_mix(gan_tensor *a, gan_tensor *b, float probability)
{
    gan_tensor *bad;
    if (!alike("style_mix", a, b, &bad))
        return bad;
    gan_context *ctx = a->ctx;
    int64_t n = a->shape.dim[0], layers = a->shape.dim[1];
    if (!(probability >= 0.0f && probability <= 1.0f))
        return gan__poison(ctx, GAN_ERROR_ARGUMENT, "style_mix", "%g is no probability", (double)probability);
    float range = (float)(layers - 1) / probability;
    if (layers < 2 || !isfinite(range))
        return a;
    gan_scope_begin(ctx);
    gan_tensor *r = gan_rand(ctx, GAN_SHAPE(n, 1, 1), 0.0f, range);
    gan_tensor *number = gan__counting(ctx, layers);
    if (number->poison)
        return gan_scope_end(ctx, number);
    gan_tensor *of_b = gan_greater(gan__tensor_view(number, GAN_SHAPE(1, layers, 1)), r);
    return gan_scope_end(ctx, gan_select(of_b, b, a));
}

gan_tensor *gan_style_truncate(gan_tensor *w, gan_tensor *average, float psi, int64_t cutoff)
{
    gan_tensor *bad;
    if (!layered("style_truncate", w, &bad) || !gan__floating("style_truncate", average, &bad))
        return bad;
    gan_context *ctx = w->ctx;
    int64_t layers = w->shape.dim[1];
    if (!gan_shape_equal(average->shape, GAN_SHAPE(w->shape.dim[2])))
        return gan__poison(ctx, GAN_ERROR_SHAPE, "style_truncate", "an average %s does not fit styles %s",
                           GAN__TEXT(average->shape), GAN__TEXT(w->shape));
    if (psi == 1.0f || cutoff == 0)
        return w;
    gan_scope_begin(ctx);
    if (cutoff < 0 || cutoff >= layers)
        return gan_scope_end(ctx, gan_lerp(average, w, psi));
    gan_tensor *coarse = gan_lerp(average, gan_slice(w, 1, 0, cutoff), psi);
    return gan_scope_end(ctx, gan_concat((gan_tensor *[]){coarse, gan_slice(w, 1, cutoff, layers - cutoff)}, 2, 1));
}

/* ---- what both layers have ---- */

static gan_tensor *no_style(gan_layer *layer, gan_tensor *x, gan_activation activation)
{
    (void)x;
    (void)activation;
    return gan__poison(layer->ctx, GAN_ERROR_STATE, layer->kind->name, "it needs a style beside its input");
}

static const gan__layer_kind styled_kind = {.name = "styled_conv", .forward = no_style, .container = true};
static const gan__layer_kind epilogue_kind = {.name = "style_epilogue", .forward = no_style, .container = true};

static void affine(gan_layer *layer, int64_t width, int64_t out, float bias)
{
    gan_layer *linear = gan_nn_linear(
        layer, width, out,
        &(gan_nn_args){.weight = {GAN_INIT_EQUALIZED, 1.0f, 0.0f}, .bias = {GAN_INIT_CONSTANT, bias, 0.0f}});
    gan_layer_rename(linear, "affine");
    layer->dead = layer->dead || linear->dead;
}

static void with_noise(gan_layer *layer, int64_t resolution, gan_shape strength)
{
    gan_context *ctx = layer->ctx;
    gan_shape shape = GAN_SHAPE(1, resolution, resolution, 1);
    layer->noise_strength =
        gan_layer_parameter(layer, "noise_strength", strength, (gan_init){GAN_INIT_CONSTANT, 0.0f, 0.0f});
    gan_no_grad_begin(ctx);
    gan_tensor *noise = gan_keep(gan_randn(ctx, shape));
    gan_no_grad_end(ctx, NULL);
    layer->noise = gan__layer_slot(layer, "noise", noise, GAN_SLOT_STATE, GAN_LAYOUT_PLAIN);
}

static bool usable(gan_layer *layer, const gan__layer_kind *kind, gan_tensor *x, gan_tensor *w, gan_tensor **bad)
{
    const char *name = kind->name;
    gan_context *ctx = x->ctx;
    if (layer->kind != kind || layer->dead || layer->ctx != ctx || w->ctx != ctx) {
        *bad = gan__poison(ctx, GAN_ERROR_STATE, name, "layer \"%s\" (%s) %s", layer->name, layer->kind->name,
                           layer->dead           ? "could not be made"
                           : layer->kind != kind ? "is of another kind"
                                                 : "or a style belongs to another context");
        return false;
    }
    if (!gan__floating(name, x, bad) || !gan__floating(name, w, bad))
        return false;
    if (x->shape.ndim == 4 && w->shape.ndim == 2 && x->shape.dim[0] == w->shape.dim[0])
        return true;
    *bad = gan__poison(ctx, GAN_ERROR_SHAPE, name, "an input %s (N, H, W, C) does not fit styles %s (N, width)",
                       GAN__TEXT(x->shape), GAN__TEXT(w->shape));
    return false;
}

/* The layer's A(w). In f32 whatever the run's precision: it scales whole feature maps. */
static gan_tensor *style_of(gan_layer *layer, gan_tensor *w)
{
    gan_context *ctx = layer->ctx;
    gan_precision before = ctx->precision;
    ctx->precision = GAN_PRECISION_F32;
    gan_tensor *style = gan_forward(layer->children[0], gan_cast(w, GAN_F32));
    ctx->precision = before;
    return style;
}

/* Noise for n images of that height and width, [n or 1, h, w, 1]; NULL for none. */
static gan_tensor *noise_of(gan_layer *layer, gan_style_noise mode, int64_t n, int64_t h, int64_t w)
{
    if (!layer->noise || mode == GAN_NOISE_NONE)
        return NULL;
    if (mode == GAN_NOISE_RANDOM)
        return gan_randn(layer->ctx, GAN_SHAPE(n, h, w, 1));
    gan_shape own = layer->noise->shape;
    if (mode == GAN_NOISE_CONST && own.dim[1] == h && own.dim[2] == w)
        return layer->noise;
    return gan__poison(layer->ctx, GAN_ERROR_ARGUMENT, layer->kind->name,
                       "noise of mode %d and of %s is not possible for images of %lld x %lld", (int)mode,
                       GAN__TEXT(own), (long long)h, (long long)w);
}

/* ---- StyleGAN2's layer ---- */

/* With `up` the weight is that of a transposed convolution, as it lies in memory for one: [in, kernel, kernel, out]. */
gan_layer *gan_nn_styled_conv(gan_layer *parent, const gan_styled_conv_args *args)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &styled_kind);
    gan_init normal = {GAN_INIT_EQUALIZED, 1.0f, 0.0f}, zeros = {GAN_INIT_CONSTANT, 0.0f, 0.0f};
    if (layer->kind != &styled_kind || layer->dead)
        return layer;
    int64_t k = args->kernel, in = args->in, out = args->out;
    if (in < 1 || out < 1 || args->width < 1 || args->resolution < 1 || (k != 1 && k != 3))
        return gan__layer_fail(layer, GAN_ERROR_ARGUMENT,
                               "a styled convolution of %lld x %lld from %lld to %lld channels at %lld, with styles of "
                               "%lld, is not possible; kernels are 1 or 3",
                               (long long)k, (long long)k, (long long)in, (long long)out, (long long)args->resolution,
                               (long long)args->width);
    gan_shape shape = args->up ? GAN_SHAPE(in, k, k, out) : GAN_SHAPE(out, k, k, in);
    gan__fan fan = {(double)(in * k * k), (double)(out * k * k)};
    layer->conv = args->up ? (gan_conv){.stride = 2} : (gan_conv){.stride = 1, .pad = args->kernel / 2};
    layer->activation = args->activation;
    layer->demodulates = !args->no_demodulation;
    layer->weight_scale = (float)(1.0 / sqrt(fan.in));
    layer->weight = gan__parameter(layer, "weight", shape, GAN_LAYOUT_CONV_WEIGHT, normal, fan, 1.0f);
    affine(layer, args->width, in, 1.0f);
    if (!args->no_noise)
        with_noise(layer, args->resolution, GAN_SCALAR);
    layer->bias = gan_layer_parameter(layer, "bias", GAN_SHAPE(out), zeros);
    return layer;
}

/* A transposed convolution makes 2 H + K - 2 rows of H; the filter [1, 3, 3, 1] brings them to 2 H. Its gain makes up
 * for the zeros that the convolution has put between the pixels. */
static gan_tensor *convolve_up(gan_layer *layer, gan_tensor *x)
{
    int kernel = (int)gan_dim(layer->weight, 1);
    gan_fir fir = gan_fir_blur(NULL, 0);
    fir.before = fir.after = 3 + kernel / 2 - kernel;
    fir.gain = 4.0f;
    return gan_upfirdn2d(gan_conv2d_transpose(x, layer->weight, NULL, layer->conv, GAN__NO_ACTIVATION), &fir);
}

/* A 1x1 convolution is a product for each sample, with weights of its own. */
static gan_tensor *convolve_pixels(gan_layer *layer, gan_tensor *x, gan_tensor *style)
{
    int64_t n = gan_dim(x, 0), h = gan_dim(x, 1), w = gan_dim(x, 2), in = gan_dim(x, 3),
            out = gan_dim(layer->weight, 0);
    gan_tensor *own =
        gan_mul(gan_reshape(layer->weight, GAN_SHAPE(1, out, in)), gan_reshape(style, GAN_SHAPE(n, 1, in)));
    gan_tensor *y = gan_matmul(gan_reshape(x, GAN_SHAPE(n, h * w, in)), own, GAN_TRANSPOSE_B);
    return gan_reshape(y, GAN_SHAPE(n, h, w, out));
}

/* The style is multiplied with the weights where these, of all samples, are smaller than x: colours from features. */
static gan_tensor *convolve(gan_layer *layer, gan_tensor *x, gan_tensor *style)
{
    gan_shape weight = layer->weight->shape;
    bool up = layer->conv.stride == 2;
    if (!up && weight.dim[1] == 1 && weight.dim[3] == gan_dim(x, 3) && weight.dim[0] <= gan_dim(x, 1) * gan_dim(x, 2))
        return convolve_pixels(layer, x, style);
    x = gan_scale_bias_act(x, style, NULL, NULL, GAN__NO_ACTIVATION);
    return up ? convolve_up(layer, x) : gan_conv2d(x, layer->weight, NULL, layer->conv, GAN__NO_ACTIVATION);
}

/* What is constant in a sample is multiplied where it is small: the weight's scale at run time with the style, and the
 * activation's gain g with demodulation, noise and bias, since g LeakyReLU(x) = LeakyReLU(g x). */
gan_tensor *gan_styled_conv(gan_layer *layer, gan_tensor *x, gan_tensor *w, gan_style_noise mode)
{
    gan_tensor *bad;
    if (!usable(layer, &styled_kind, x, w, &bad))
        return bad;
    gan_context *ctx = layer->ctx;
    bool up = layer->conv.stride == 2;
    float gain = layer->activation.kind == GAN_LEAKY_RELU ? sqrtf(2.0f) : 1.0f;
    int64_t h = gan_dim(x, 1) * (up ? 2 : 1), width = gan_dim(x, 2) * (up ? 2 : 1);
    gan_scope_begin(ctx);
    gan_tensor *style = gan_scale(style_of(layer, w), layer->weight_scale * (layer->demodulates ? 1.0f : gain));
    gan_tensor *scale = NULL, *noise = noise_of(layer, mode, gan_dim(x, 0), h, width);
    gan_tensor *y = convolve(layer, x, style);
    if (layer->demodulates)
        scale = gan_scale(gan__demodulation(layer->weight, style, up), gain);
    if (noise)
        noise = gan_mul(noise, gan_scale(layer->noise_strength, gain));
    gan_tensor *bias = gain == 1.0f ? layer->bias : gan_scale(layer->bias, gain);
    return gan_scope_end(ctx, gan_scale_bias_act(y, scale, noise, bias, layer->activation));
}

/* ---- StyleGAN's end of a layer ---- */

static const gan_activation LRELU = {GAN_LEAKY_RELU, 0.2f};

gan_layer *gan_nn_style_epilogue(gan_layer *parent, int64_t channels, int64_t width, int64_t resolution)
{
    gan_layer *layer = gan__layer_new(parent->ctx, parent, &epilogue_kind);
    if (layer->kind != &epilogue_kind || layer->dead)
        return layer;
    if (channels < 1 || width < 1 || resolution < 1)
        return gan__layer_fail(layer, GAN_ERROR_ARGUMENT,
                               "a style for %lld channels at %lld, from %lld numbers, is not possible",
                               (long long)channels, (long long)resolution, (long long)width);
    affine(layer, width, 2 * channels, 0.0f);
    with_noise(layer, resolution, GAN_SHAPE(channels));
    layer->bias = gan_layer_parameter(layer, "bias", GAN_SHAPE(channels), (gan_init){GAN_INIT_CONSTANT, 0.0f, 0.0f});
    return layer;
}

/* The gain of sqrt(2) before the normalization is the same as half its eps. */
gan_tensor *gan_style_epilogue(gan_layer *layer, gan_tensor *x, gan_tensor *w, gan_style_noise mode)
{
    gan_tensor *bad;
    if (!usable(layer, &epilogue_kind, x, w, &bad))
        return bad;
    gan_context *ctx = layer->ctx;
    gan_scope_begin(ctx);
    gan_tensor *noise = noise_of(layer, mode, gan_dim(x, 0), gan_dim(x, 1), gan_dim(x, 2));
    if (noise && noise->poison)
        return gan_scope_end(ctx, noise);
    gan_tensor *y = gan__scale_bias_act(x, NULL, noise, noise ? layer->noise_strength : NULL, layer->bias, LRELU);
    return gan_scope_end(ctx, gan_adain(y, style_of(layer, w), 0.5e-8f));
}
