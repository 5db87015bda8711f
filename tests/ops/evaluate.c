#include "evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static gan_tensor *make_input(gan_context *ctx, const op_input *spec, const void *value, bool bf16)
{
    if (spec->dtype == GAN_I32)
        return gan_from_i32(ctx, spec->shape, value);
    if (spec->dtype == GAN_U8)
        return gan_from_u8(ctx, spec->shape, value);
    gan_tensor *t = gan_from_f32(ctx, spec->shape, value);
    if (bf16 && !spec->parameter)
        t = gan_cast(t, GAN_BF16);
    return spec->differentiated ? gan_variable(t) : t;
}

static float *read(gan_tensor *t)
{
    int64_t n = gan_count(t);
    float *out = malloc((size_t)n * sizeof *out);
    if (!out || gan_is_poison(t) || gan_dtype_of(t) != GAN_U8) {
        if (out && gan_read_f32(t, out) == GAN_OK)
            return out;
        free(out);
        return NULL;
    }
    uint8_t *bytes = malloc((size_t)n);
    if (bytes && gan_read_u8(t, bytes) == GAN_OK)
        for (int64_t i = 0; i < n; i++)
            out[i] = bytes[i];
    free(bytes);
    return out;
}

/* Gradients of sum(y w) for the differentiated inputs x, and with OP_SECOND those of sum <g, v>. */
static void differentiate(gan_context *ctx, const op_data *data, gan_tensor *y, gan_tensor **x, op_order order,
                          op_result *out)
{
    gan_tensor *inputs[OP_MAX_INPUTS], *g[OP_MAX_INPUTS], *h[OP_MAX_INPUTS], *s = NULL;
    int index[OP_MAX_INPUTS], n = 0;
    for (int i = 0; i < data->n_in; i++)
        if (data->spec[i].differentiated) {
            inputs[n] = x[i];
            index[n++] = i;
        }
    if (n == 0)
        return;
    gan_tensor *w = gan_from_f32(ctx, gan_shape_of(y), data->w);
    if (gan_grad_weighted(y, w, inputs, n, g, order == OP_SECOND ? GAN_CREATE_GRAPH : 0) != GAN_OK)
        return;
    for (int k = 0; k < n; k++)
        out->g[index[k]] = read(g[k]);
    if (order != OP_SECOND)
        return;
    for (int k = 0; k < n; k++) {
        gan_tensor *v = gan_from_f32(ctx, gan_shape_of(inputs[k]), data->v[index[k]]);
        gan_tensor *term = gan_sum(gan_mul(g[k], v));
        s = s ? gan_add(s, term) : term;
    }
    if (gan_grad(s, inputs, n, h, 0) != GAN_OK)
        return;
    for (int k = 0; k < n; k++)
        out->h[index[k]] = read(h[k]);
}

void op_dirty_memory(gan_context *ctx)
{
    enum { BLOCKS = 16, ELEMENTS = 128 * 1024 / 4 }; /* 2 MiB, the allocator's unit for small tensors */
    gan_scope_begin(ctx);
    for (int i = 0; i < BLOCKS; i++)
        gan_full(ctx, GAN_SHAPE(ELEMENTS), NAN);
    gan_scope_end(ctx, NULL);
}

gan_status op_evaluate(gan_context *ctx, const op_case *c, const op_data *data, op_order order, bool bf16,
                       op_result *out)
{
    *out = (op_result){0};
    gan_scope_begin(ctx);
    gan_random_set(ctx, (gan_random_state){.seed = 1});
    gan_tensor *in[OP_MAX_INPUTS];
    for (int i = 0; i < data->n_in; i++)
        in[i] = make_input(ctx, &data->spec[i], data->in[i], bf16);
    gan_tensor *y = c->run(ctx, in);
    out->n_y = gan_count(y);
    out->dtype = gan_dtype_of(y);
    if (gan_status_of(ctx) == GAN_OK)
        out->y = read(y);
    if (gan_status_of(ctx) == GAN_OK && order != OP_VALUE)
        differentiate(ctx, data, y, in, order, out);
    gan_scope_end(ctx, NULL);
    if (gan_status_of(ctx) != GAN_OK)
        op_result_free(out);
    return gan_status_of(ctx);
}

void op_result_free(op_result *result)
{
    free(result->y);
    for (int i = 0; i < OP_MAX_INPUTS; i++) {
        free(result->g[i]);
        free(result->h[i]);
    }
    *result = (op_result){0};
}

static float *draw_normal(int64_t n, uint64_t seed)
{
    op_input spec = {.domain = "normal", .shape = {.ndim = 1, .dim = {n}}};
    float *out = malloc((size_t)n * sizeof *out);
    if (out)
        op_draw(&spec, seed, out);
    return out;
}

bool op_data_draw(gan_context *ctx, const op_case *c, op_data *data)
{
    return op_data_draw_from(ctx, c, 0, data);
}

bool op_data_draw_from(gan_context *ctx, const op_case *c, uint64_t seed, op_data *data)
{
    seed *= 1000; /* below are numbers of the tensors */
    *data = (op_data){0};
    int n = op_parse_inputs(c->inputs, data->spec);
    if (n < 0)
        return false;
    data->n_in = n;
    bool differentiated = false;
    for (int i = 0; i < n; i++) {
        const op_input *spec = &data->spec[i];
        int64_t count = gan_shape_count(spec->shape);
        data->in[i] = malloc((size_t)count * gan_dtype_size(spec->dtype) + 1);
        if (!data->in[i])
            return false;
        op_draw(spec, seed + 100 + (uint64_t)i, data->in[i]);
        if (spec->differentiated && !(data->v[i] = draw_normal(count, seed + 200 + (uint64_t)i)))
            return false;
        differentiated = differentiated || spec->differentiated;
    }
    op_result value;
    if (op_evaluate(ctx, c, data, OP_VALUE, false, &value) != GAN_OK)
        return false;
    if (differentiated)
        data->w = draw_normal(value.n_y, seed + 300);
    op_result_free(&value);
    return !differentiated || data->w;
}

/* Without the last `n` bits, to the nearest, ties to even. */
static float round_off(float x, int n)
{
    uint32_t bits, half = 1u << (n - 1);
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + half - 1 + ((bits >> n) & 1u)) & ~(2 * half - 1);
    memcpy(&x, &bits, sizeof bits);
    return x;
}

float op_round_bf16(float x)
{
    return round_off(x, 16);
}

static float round_tf32(float x)
{
    return round_off(x, 13);
}

/* As a tensor core takes a float that it is given as TF32: without its last 13 bits. */
static float cut_tf32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= 0xffffe000u;
    memcpy(&x, &bits, sizeof bits);
    return x;
}

/* A coin for each number, and another for each `which`. */
static bool coin(float x, int which)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits * 2654435761u >> (31 - which) & 1u;
}

/* Whole numbers, which may be ties, stay. */
static float nudge(float x)
{
    return x == rintf(x) ? x : nextafterf(x, coin(x, 0) ? INFINITY : -INFINITY);
}

static float shake(float x, int which)
{
    return x == rintf(x) ? x : x * (coin(x, which) ? 1 + 0x1p-8f : 1 - 0x1p-8f);
}

static float shake_1(float x)
{
    return shake(x, 1);
}

static float shake_2(float x)
{
    return shake(x, 2);
}

static float shake_3(float x)
{
    return shake(x, 3);
}

static float *each(float (*function)(float), const float *from, int64_t n)
{
    float *to = malloc((size_t)n * sizeof *to + 1);
    for (int64_t i = 0; to && i < n; i++)
        to[i] = function(from[i]);
    return to;
}

static bool each_value(float (*function)(float), const op_data *from, int64_t n_y, op_data *to)
{
    *to = *from;
    to->w = NULL;
    bool ok = !from->w || (to->w = each(function, from->w, n_y));
    for (int i = 0; i < from->n_in; i++) {
        int64_t n = gan_shape_count(from->spec[i].shape);
        size_t bytes = (size_t)n * gan_dtype_size(from->spec[i].dtype);
        if (from->spec[i].dtype == GAN_F32)
            to->in[i] = each(function, from->in[i], n);
        else if ((to->in[i] = malloc(bytes + 1)))
            memcpy(to->in[i], from->in[i], bytes);
        to->v[i] = from->v[i] ? each(function, from->v[i], n) : NULL;
        ok = ok && to->in[i] && (!from->v[i] || to->v[i]);
    }
    return ok;
}

bool op_data_round(const op_data *from, int64_t n_y, op_data *to)
{
    return each_value(op_round_bf16, from, n_y, to);
}

bool op_data_round_tf32(const op_data *from, int64_t n_y, op_data *to)
{
    return each_value(round_tf32, from, n_y, to);
}

bool op_data_cut_tf32(const op_data *from, int64_t n_y, op_data *to)
{
    return each_value(cut_tf32, from, n_y, to);
}

bool op_data_nudge(const op_data *from, int64_t n_y, op_data *to)
{
    return each_value(nudge, from, n_y, to);
}

bool op_data_shake(const op_data *from, int64_t n_y, int which, op_data *to)
{
    static float (*const functions[OP_SHAKES])(float) = {shake_1, shake_2, shake_3};
    return each_value(functions[which], from, n_y, to);
}

void op_data_free(op_data *data)
{
    free(data->w);
    for (int i = 0; i < data->n_in; i++) {
        free(data->in[i]);
        free(data->v[i]);
    }
    *data = (op_data){0};
}
