/*
 * Filters with few taps: weighted sums of runs, four taps in one pass.
 *
 * The inline functions take the number of taps, the element type and small counts of channels as constants, so that
 * each call below becomes a loop without branches.
 */
#include "../isa.h"

#define GAN__INLINE static inline __attribute__((always_inline))

GAN__INLINE float value(const void *in, gan_dtype dtype, int64_t i)
{
    return dtype == GAN_BF16 ? gan__of_bf16(((const uint16_t *)in)[i]) : ((const float *)in)[i];
}

/* out[i] (+)= the sum of `taps` <= 4 terms. */
GAN__INLINE void sum_taps(const void *const *in, gan_dtype dtype, const float *w, int taps, bool add, float *out,
                          int64_t count)
{
    const void *a = in[0], *b = in[taps > 1 ? 1 : 0], *c = in[taps > 2 ? 2 : 0], *d = in[taps > 3 ? 3 : 0];
    const float w0 = w[0], w1 = taps > 1 ? w[1] : 0, w2 = taps > 2 ? w[2] : 0, w3 = taps > 3 ? w[3] : 0;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        float sum = w0 * value(a, dtype, i);
        if (taps > 1)
            sum += w1 * value(b, dtype, i);
        if (taps > 2)
            sum += w2 * value(c, dtype, i);
        if (taps > 3)
            sum += w3 * value(d, dtype, i);
        out[i] = add ? out[i] + sum : sum;
    }
}

GAN__INLINE void sum_runs(const void *const *in, gan_dtype dtype, const float *w, int n, float *out, int64_t count)
{
    for (int k = 0; k < n; k += 4) {
        switch (n - k) {
        case 1:
            sum_taps(in + k, dtype, w + k, 1, k > 0, out, count);
            break;
        case 2:
            sum_taps(in + k, dtype, w + k, 2, k > 0, out, count);
            break;
        case 3:
            sum_taps(in + k, dtype, w + k, 3, k > 0, out, count);
            break;
        default:
            sum_taps(in + k, dtype, w + k, 4, k > 0, out, count);
        }
    }
}

static void runs_f32(const void *const *in, const float *w, int n, float *out, int64_t count)
{
    sum_runs(in, GAN_F32, w, n, out, count);
}

static void runs_bf16(const void *const *in, const float *w, int n, float *out, int64_t count)
{
    sum_runs(in, GAN_BF16, w, n, out, count);
}

/* `taps` <= 4 of them from the k-th on. */
GAN__INLINE void pixel_taps(const gan__isa_pixels *p, int k, int taps, int64_t channels)
{
    for (int64_t j = 0; j < p->pixels; j++) {
        const float *in = p->in + j * p->in_step + k * p->tap;
        const void *at[4] = {in, in + p->tap, in + 2 * p->tap, in + 3 * p->tap};
        sum_taps(at, GAN_F32, p->w + k, taps, k > 0, p->out + j * p->out_step, channels);
    }
}

GAN__INLINE void sum_pixels(const gan__isa_pixels *p, int64_t channels)
{
    for (int k = 0; k < p->taps; k += 4) {
        switch (p->taps - k) {
        case 1:
            pixel_taps(p, k, 1, channels);
            break;
        case 2:
            pixel_taps(p, k, 2, channels);
            break;
        case 3:
            pixel_taps(p, k, 3, channels);
            break;
        default:
            pixel_taps(p, k, 4, channels);
        }
    }
}

static void weighted_pixels(const gan__isa_pixels *p)
{
    const int64_t whole = p->channels / 16 * 16;
    if (whole == p->channels)
        sum_pixels(p, whole); /* loops that have no remainders */
    else
        sum_pixels(p, p->channels);
}

static void copy_pixels(const float *in, int64_t in_step, float *out, int64_t out_step, int64_t pixels,
                        int64_t channels)
{
    switch (channels) {
    case 1:
#pragma omp simd
        for (int64_t j = 0; j < pixels; j++)
            out[j * out_step] = in[j * in_step];
        break;
    case 3:
        for (int64_t j = 0; j < pixels; j++)
            memcpy(out + j * out_step, in + j * in_step, 3 * sizeof *out);
        break;
    default:
        for (int64_t j = 0; j < pixels; j++)
            for (int64_t i = 0; i < channels; i++)
                out[j * out_step + i] = in[j * in_step + i];
    }
}

void GAN__ISA_NAME(gan__isa_fir)(gan__isa *t)
{
    t->weighted_runs[GAN_F32] = runs_f32;
    t->weighted_runs[GAN_BF16] = runs_bf16;
    t->weighted_pixels = weighted_pixels;
    t->copy_pixels = copy_pixels;
}
