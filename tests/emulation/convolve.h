/*
 * convolve.h - convolutions by plain loops, for the emulated cuDNN (cudnn.cpp, which alone includes this).
 */
#ifndef GAN_EMULATED_CONVOLVE_H
#define GAN_EMULATED_CONVOLVE_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace
{

struct tensor {
    int64_t id, n, c, h, w;
    bool bf16, is_virtual;
    int64_t alignment;
};

size_t count_of(const tensor &t)
{
    return (size_t)(t.n * t.c * t.h * t.w);
}

size_t bytes_of(const tensor &t)
{
    return count_of(t) * (t.bf16 ? 2 : 4);
}

enum conv_kind { FORWARD, DATA, FILTER };

struct operation {
    conv_kind kind;
    tensor x, w, y;
    int64_t pad[2], stride[2];
    float alpha, beta;
    bool converted; /* the result goes through a conversion of its type */

    const tensor &result() const
    {
        return kind == FORWARD ? y : kind == DATA ? x : w;
    }
};

enum engine { ANY_ORDER, REFUSED, TENSOR_CORE, EXACT };

struct run {
    operation op;
    int engine;
    void *x, *w, *y, *workspace;
    size_t workspace_bytes;
};

float of_bf16(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float out;
    std::memcpy(&out, &bits, sizeof out);
    return out;
}

uint16_t to_bf16(float x)
{
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    if (x != x)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float to_tf32(float x)
{
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7f800000) != 0x7f800000)
        bits = (bits + 0x1000) & ~0x1fffu;
    std::memcpy(&x, &bits, sizeof bits);
    return x;
}

std::vector<float> load(const tensor &t, const void *data, int engine)
{
    std::vector<float> out(count_of(t));
    for (size_t i = 0; i < out.size(); i++) {
        out[i] = t.bf16 ? of_bf16(((const uint16_t *)data)[i]) : ((const float *)data)[i];
        if (!t.bf16 && engine == TENSOR_CORE)
            out[i] = to_tf32(out[i]);
    }
    return out;
}

void store(const operation &op, float scale, const std::vector<double> &sums, void *data)
{
    const tensor &t = op.result();
    for (size_t i = 0; i < sums.size(); i++) {
        float x = scale * op.alpha * (float)sums[i];
        if (op.beta != 0.0f)
            x += op.beta * (t.bf16 ? of_bf16(((uint16_t *)data)[i]) : ((float *)data)[i]);
        if (t.bf16)
            ((uint16_t *)data)[i] = to_bf16(x);
        else
            ((float *)data)[i] = x;
    }
}

void axpy(double *to, float a, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += (double)a * (double)x[i];
}

/* [O, KH, KW, I] to [KH, KW, I, O], so that the loop over output channels is the inner one. */
std::vector<float> transposed(const std::vector<float> &w, size_t out)
{
    std::vector<float> t(w.size());
    size_t rows = w.size() / out;
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < rows; i++)
            t[i * out + o] = w[o * rows + i];
    return t;
}

/* For each position of y and of the kernel that meets x: which rows of channels meet. */
template <typename F> void for_each_meeting(const operation &op, F meet)
{
    int64_t positions = op.y.n * op.y.h * op.y.w;
    for (int64_t at = 0; at < positions; at++) {
        int64_t ow = at % op.y.w, oh = at / op.y.w % op.y.h, n = at / op.y.w / op.y.h;
        for (int64_t kh = 0; kh < op.w.h; kh++) {
            for (int64_t kw = 0; kw < op.w.w; kw++) {
                int64_t h = oh * op.stride[0] + kh - op.pad[0], w = ow * op.stride[1] + kw - op.pad[1];
                if (h >= 0 && h < op.x.h && w >= 0 && w < op.x.w)
                    meet((n * op.x.h + h) * op.x.w + w, kh * op.w.w + kw, at);
            }
        }
    }
}

void convolve(const run &r, float scale)
{
    const operation &op = r.op;
    const int64_t in = op.x.c, out = op.y.c, taps = op.w.h * op.w.w;
    std::vector<double> sums(count_of(op.result()));
    std::vector<float> x, w, y;
    if (op.kind != DATA)
        x = load(op.x, r.x, r.engine);
    if (op.kind != FILTER)
        w = load(op.w, r.w, r.engine);
    if (op.kind != FORWARD)
        y = load(op.y, r.y, r.engine);
    if (op.kind == FORWARD) {
        w = transposed(w, (size_t)out);
        for_each_meeting(op, [&](int64_t at_x, int64_t tap, int64_t at_y) {
            for (int64_t i = 0; i < in; i++)
                axpy(&sums[(size_t)(at_y * out)], x[(size_t)(at_x * in + i)], &w[(size_t)((tap * in + i) * out)], out);
        });
    } else if (op.kind == DATA) {
        for_each_meeting(op, [&](int64_t at_x, int64_t tap, int64_t at_y) {
            for (int64_t o = 0; o < out; o++)
                axpy(&sums[(size_t)(at_x * in)], y[(size_t)(at_y * out + o)], &w[(size_t)((o * taps + tap) * in)], in);
        });
    } else {
        for_each_meeting(op, [&](int64_t at_x, int64_t tap, int64_t at_y) {
            for (int64_t o = 0; o < out; o++)
                axpy(&sums[(size_t)((o * taps + tap) * in)], y[(size_t)(at_y * out + o)], &x[(size_t)(at_x * in)], in);
        });
    }
    store(op, scale, sums, op.kind == FORWARD ? r.y : op.kind == DATA ? r.x : r.w);
}

void run_now(void *argument)
{
    static bool odd = false;
    const run &r = *(const run *)argument;
    if (r.workspace_bytes > 0)
        std::memset(r.workspace, 0xff, r.workspace_bytes);
    odd = !odd;
    convolve(r, r.engine == ANY_ORDER && odd ? 1.01f : 1.0f);
}

} // namespace

#endif
