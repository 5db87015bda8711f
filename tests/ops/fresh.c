#include "fresh.h"

#include <math.h>

#include "core/internal.h"

enum { DRAWS = 128 };

/* ---- products ---- */

static struct {
    const gan__backend_ops *real;
    int n;
} products;

static gan_status count_matmul(gan__backend *be, const gan__matmul_args *args)
{
    products.n++;
    return products.real->matmul(be, args);
}

#define COUNTED(name)                                                                                                  \
    static gan_status count_##name(gan__backend *be, const gan__conv_args *args)                                       \
    {                                                                                                                  \
        products.n++;                                                                                                  \
        return products.real->name(be, args);                                                                          \
    }
COUNTED(conv_forward)
COUNTED(conv_data)
COUNTED(conv_weight)
#undef COUNTED

/* op_evaluate to the second derivative; *holds becomes whether a product or a convolution was on the way, which are
 * all that tf32 makes different. */
static gan_status evaluate_counting(gan_context *ctx, const op_case *c, const op_data *data, op_result *out,
                                    bool *holds)
{
    gan__backend_ops counting = *ctx->backend->ops;
    products.real = ctx->backend->ops;
    products.n = 0;
    counting.matmul = count_matmul;
    counting.conv_forward = count_conv_forward;
    counting.conv_data = count_conv_data;
    counting.conv_weight = count_conv_weight;
    ctx->backend->ops = &counting;
    gan_status status = op_evaluate(ctx, c, data, OP_SECOND, false, out);
    ctx->backend->ops = products.real;
    *holds = products.n > 0;
    return status;
}

/* One draw, and what the CPU makes of it. */
typedef struct draw {
    op_data data, rounded; /* as drawn; rounded to bf16 */
    op_result want, want_rounded;
    bool product; /* was one, or a convolution, on the way */
    double least;
} draw;

/* ---- limits ---- */

/* What f32 leaves of values as large as the inputs, and of one, such as a probability's distance from it. */
static double least_error(const op_data *data)
{
    double largest = 1;
    for (int i = 0; i < data->n_in; i++)
        for (int64_t k = 0, n = gan_shape_count(data->spec[i].shape); data->spec[i].dtype == GAN_F32 && k < n; k++)
            largest = fmax(largest, fabs(((const float *)data->in[i])[k]));
    return 0x1p-22 * largest;
}

/* Both sides round. */
static limits f32_limits(const op_case *c, const draw *d)
{
    return (limits){.tolerance = c->tolerance.f32, .factor = 2, .least = d->least};
}

/* A bias and steps in between may be rounded on one side only. */
static limits bf16_limits(const op_case *c, const draw *d)
{
    return (limits){.tolerance = c->tolerance.bf16, .factor = 2, .norm = d->product && !c->smooth, .least = d->least};
}

/* Only what has a product differs from f32. Operands have 11 bits in tf32 (10 stored) and 8 in bf16, whose tolerances
 * are for everything on the way rounded so. That would be an eighth; but tensor cores may cut the other bits off, which
 * is twice the error, and does not cancel. Near a kink a sign may change, as in bf16. */
static limits tf32_limits(const op_case *c, const draw *d)
{
    if (!d->product)
        return f32_limits(c, d);
    return (limits){
        .tolerance = c->tolerance.bf16, .factor = c->smooth ? 0.25 : 1, .norm = !c->smooth, .least = d->least};
}

/* ---- inputs ---- */

static void free_draw(draw *d)
{
    op_data_free(&d->data);
    op_data_free(&d->rounded);
    op_result_free(&d->want);
    op_result_free(&d->want_rounded);
}

/* Whether the CPU's result in the given form agrees with `want`; false with an error in ctx when there is none. */
static bool agrees(gan_context *ctx, const op_case *c, const op_data *data, op_order order, bool bf16,
                   const op_result *want, limits allowed)
{
    op_result got;
    bool same = op_evaluate(ctx, c, data, order, bf16, &got) == GAN_OK &&
                results_agree(data, &got, want, order == OP_SECOND, allowed);
    op_result_free(&got);
    return same;
}

/* The CPU's f32 at inputs that are changed a little, against `want`. */
static bool agrees_near(const fresh *f, const op_case *c, const draw *d, limits allowed,
                        bool (*change)(const op_data *, int64_t, op_data *))
{
    op_data near;
    bool same = change(&d->data, d->want.n_y, &near) && agrees(f->cpu, c, &near, OP_SECOND, false, &d->want, allowed);
    op_data_free(&near);
    return same;
}

/* A device may do either. */
static bool agrees_tf32(const fresh *f, const op_case *c, const draw *d)
{
    limits allowed = tf32_limits(c, d);
    if (c->smooth)
        allowed.factor /= 2; /* the device rounds what is on the way, too */
    return agrees_near(f, c, d, allowed, op_data_round_tf32) && agrees_near(f, c, d, allowed, op_data_cut_tf32);
}

/* Rounded steps may take a network's inner values over a kink on one side only. So none may be so near that bf16's
 * steps could: then a gradient would be another one altogether. */
static bool away_from_kinks(const fresh *f, const op_case *c, const draw *d)
{
    static const double most[3] = {5e-2, 1e-1, 2e-1};
    const limits allowed = {.tolerance = most, .factor = 1, .norm = true, .least = d->least};
    bool same = true;
    for (int i = 0; i < OP_SHAKES && same; i++) {
        op_data shaken;
        same = op_data_shake(&d->rounded, d->want.n_y, i, &shaken) &&
               agrees(f->cpu, c, &shaken, OP_SECOND, false, &d->want_rounded, allowed);
        op_data_free(&shaken);
    }
    return same;
}

static bool well_conditioned(const fresh *f, const op_case *c, const draw *d)
{
    static const double nudged[3] = {2e-6, 4e-6, 8e-6}; /* at least, where the tolerance is that of exact operators */
    limits f32 = f32_limits(c, d), bf16 = bf16_limits(c, d), near = f32;
    f32.factor = bf16.factor = near.factor = 1;
    if (near.tolerance[VALUE] < nudged[VALUE])
        near.tolerance = nudged;
    return agrees(f->cpu, c, &d->data, OP_GRADIENT, false, &d->want, f32) &&
           agrees_near(f, c, d, near, op_data_nudge) && (!d->product || agrees_tf32(f, c, d)) &&
           (!d->product || c->smooth || away_from_kinks(f, c, d)) &&
           agrees(f->cpu_bf16, c, &d->rounded, OP_GRADIENT, true, &d->want_rounded, bf16) &&
           agrees(f->cpu_bf16, c, &d->rounded, OP_SECOND, true, &d->want_rounded, bf16);
}

/* False with the failure said. */
static bool make_draw(run *r, const fresh *f, uint64_t seed, draw *d)
{
    *d = (draw){0};
    if (op_data_draw_from(f->cpu, r->c, seed, &d->data) &&
        evaluate_counting(f->cpu, r->c, &d->data, &d->want, &d->product) == GAN_OK &&
        op_data_round(&d->data, d->want.n_y, &d->rounded) &&
        op_evaluate(f->cpu, r->c, &d->rounded, OP_SECOND, false, &d->want_rounded) == GAN_OK) {
        d->least = least_error(&d->data);
        return true;
    }
    fail_status(r, f->cpu, "fresh inputs on the CPU");
    return false;
}

static bool find_draw(run *r, const fresh *f, draw *d)
{
    for (uint64_t i = 0; i < DRAWS; i++) {
        bool ok = make_draw(r, f, f->seed * DRAWS + i, d);
        if (ok && well_conditioned(f, r->c, d))
            return true;
        free_draw(d);
        if (!ok)
            return false;
        r->worst->redrawn++;
    }
    fail(r, "fresh inputs: the CPU's forms and precisions agree on none of those drawn");
    gan_clear_status(f->cpu);
    gan_clear_status(f->cpu_bf16);
    return false;
}

/* ---- the device ---- */

typedef struct form {
    const char *fused, *composed; /* for messages */
    gan_context *ctx;
    const op_data *data;
    const op_result *want;
    bool bf16;
    limits allowed;
    double *worst;
} form;

static void check_form(run *r, const form *m)
{
    op_result fused, composed;
    op_dirty_memory(m->ctx);
    if (op_evaluate(m->ctx, r->c, m->data, OP_GRADIENT, m->bf16, &fused) != GAN_OK)
        fail_status(r, m->ctx, m->fused);
    else
        compare_results(r, m->fused, m->data, &fused, m->want, false, m->allowed, m->worst);
    if (op_evaluate(m->ctx, r->c, m->data, OP_SECOND, m->bf16, &composed) != GAN_OK)
        fail_status(r, m->ctx, m->composed);
    else
        compare_results(r, m->composed, m->data, &composed, m->want, true, m->allowed, m->worst);
    op_result_free(&fused);
    op_result_free(&composed);
}

void check_fresh(run *r, const fresh *f)
{
    draw d;
    if (!find_draw(r, f, &d))
        return;
    const limits f32 = f32_limits(r->c, &d), tf32 = tf32_limits(r->c, &d), bf16 = bf16_limits(r->c, &d);
    group_worst *worst = r->worst;
    const form forms[] = {
        {"fresh f32 fused", "fresh f32 composed", f->f32, &d.data, &d.want, false, f32, worst->fresh_f32},
        {"fresh tf32 fused", "fresh tf32 composed", f->tf32, &d.data, &d.want, false, tf32, worst->fresh_tf32},
        {"fresh bf16 fused", "fresh bf16 composed", f->bf16, &d.rounded, &d.want_rounded, true, bf16,
         worst->fresh_bf16},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        check_form(r, &forms[i]);
    free_draw(&d);
}
