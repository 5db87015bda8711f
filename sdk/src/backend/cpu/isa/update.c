/* Optimizer steps, one pass over parameters, moments and gradients each. */
#include "../isa.h"

static void adam(const gan__isa_update *u, float *p, float *m, float *v, const float *g, int64_t n)
{
    const gan__isa_update k = *u;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float mi = k.b1 * m[i] + k.c1 * g[i];
        float vi = k.b2 * v[i] + k.c2 * (g[i] * g[i]);
        m[i] = mi;
        v[i] = vi;
        p[i] -= k.lr * mi / (gan__sqrtf(vi) * k.root + k.eps);
    }
}

static void rmsprop(const gan__isa_update *u, float *p, float *m, float *v, const float *g, int64_t n)
{
    (void)m;
    const gan__isa_update k = *u;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float vi = k.b2 * v[i] + k.c2 * (g[i] * g[i]);
        v[i] = vi;
        p[i] -= k.lr * g[i] / (gan__sqrtf(vi) + k.eps);
    }
}

static void sgd(const gan__isa_update *u, float *p, float *m, float *v, const float *g, int64_t n)
{
    (void)v;
    const gan__isa_update k = *u;
    if (!m) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            p[i] -= k.lr * g[i];
        return;
    }
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float mi = k.b1 * m[i] + g[i];
        m[i] = mi;
        p[i] -= k.lr * mi;
    }
}

static void ema(const gan__isa_update *u, float *p, float *m, float *v, const float *g, int64_t n)
{
    (void)m, (void)v;
    const gan__isa_update k = *u;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        p[i] = k.b1 * p[i] + k.c1 * g[i];
}

void GAN__ISA_NAME(gan__isa_update)(gan__isa *t)
{
    t->update[GAN__UPDATE_ADAM] = adam;
    t->update[GAN__UPDATE_RMSPROP] = rmsprop;
    t->update[GAN__UPDATE_SGD] = sgd;
    t->update[GAN__UPDATE_EMA] = ema;
}
