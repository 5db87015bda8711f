#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/internal.h"
#include "registry.h"

/* ---- what expressions in registry.def use ---- */

#define CONV(stride_, pad_, output_pad_) ((gan_conv){.stride = (stride_), .pad = (pad_), .output_pad = (output_pad_)})
#define LINEAR                           ((gan_activation){GAN_LINEAR, 0.0f})
#define RELU                             ((gan_activation){GAN_RELU, 0.0f})
#define LEAKY(slope_)                    ((gan_activation){GAN_LEAKY_RELU, (slope_)})
#define TANH                             ((gan_activation){GAN_TANH, 0.0f})
#define SIGMOID                          ((gan_activation){GAN_SIGMOID, 0.0f})
#define FIR(fir_)                        ((const gan_fir[]){fir_})

static gan_tensor *gradient(gan_tensor *y, gan_tensor *x)
{
    gan_tensor *g = x;
    gan_grad(y, &x, 1, &g, GAN_CREATE_GRAPH);
    return g;
}

/* ---- tolerances ----
 * f32: a few units of 2^-24 for each rounding on the way, more where terms cancel. bf16: a few units of 2^-9, as
 * every intermediate result is rounded to bf16; compared to the f32 result on the same rounded inputs. */
/* clang-format off */
#define EXACT {{0, 0, 0}, {0, 0, 0}}
#define TIGHT {{5e-7, 1e-6, 2e-6}, {8e-3, 1.6e-2, 2.5e-2}}
#define USUAL {{2e-6, 4e-6, 8e-6}, {1e-2, 3e-2, 5e-2}}
#define LOOSE {{1e-5, 2e-5, 4e-5}, {2e-2, 4e-2, 8e-2}}
/* Small derivatives left over from cancelling large ones. */
#define COARSE {{1e-5, 1e-4, 2e-4}, {2e-2, 1e-1, 2e-1}}
/* What is left after cancelling is below what bf16 resolves. */
#define F32_ONLY {{1e-5, 2e-5, 4e-5}, {INFINITY, INFINITY, INFINITY}}
/* The value is rounded to bf16 in every precision. */
#define ROUNDED {{4e-3, 8e-3, 1.6e-2}, {8e-3, 1.6e-2, 3.2e-2}}
/* x + 100 keeps 17 bits of x in f32, and none in bf16. */
#define SHIFTED {{1e-4, 2e-4, 4e-4}, {INFINITY, INFINITY, INFINITY}}
/* clang-format on */

/* ---- the table ---- */

#define OP(group_, name_, inputs_, run_, python_, tolerance_, check_)                                                  \
    static gan_tensor *op_##group_##_##name_(gan_context *ctx, gan_tensor *const *in)                                  \
    {                                                                                                                  \
        (void)ctx;                                                                                                     \
        return run_;                                                                                                   \
    }
#include "registry.def"
#undef OP

#define SMOOTH true
#define KINK   false
#define OP(group_, name_, inputs_, run_, python_, tolerance_, check_)                                                  \
    {.group = #group_,                                                                                                 \
     .name = #name_,                                                                                                   \
     .inputs = inputs_,                                                                                                \
     .expression = #run_,                                                                                              \
     .run = op_##group_##_##name_,                                                                                     \
     .tolerance = tolerance_,                                                                                          \
     .golden = sizeof(python_) > 1,                                                                                    \
     .smooth = check_},
const op_case op_cases[] = {
#include "registry.def"
};
const int op_case_count = sizeof op_cases / sizeof *op_cases;

/* ---- inputs ---- */

static bool parse_shape(const char **at, gan_shape *shape)
{
    const char *p = *at;
    *shape = GAN_SCALAR;
    if (*p++ != '[')
        return false;
    while (*p && *p != ']') {
        int used = 0;
        long long dim;
        if (shape->ndim == GAN_MAX_DIMS || sscanf(p, "%lld%n", &dim, &used) != 1)
            return false;
        shape->dim[shape->ndim++] = dim;
        p += used;
        if (*p == ',')
            p++;
    }
    *at = p + 1;
    return *p == ']';
}

static bool skip(const char **at, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(*at, prefix, n) != 0)
        return false;
    *at += n;
    return true;
}

int op_parse_inputs(const char *words, op_input inputs[OP_MAX_INPUTS])
{
    int n = 0;
    for (const char *p = words; *p; n++) {
        if (n == OP_MAX_INPUTS)
            return -1;
        op_input *in = &inputs[n];
        *in = (op_input){.dtype = GAN_F32};
        bool state = skip(&p, "state:"), fixed = skip(&p, "fixed:");
        in->parameter = skip(&p, "param:") || state;
        int used = 0;
        if (sscanf(p, "%15[a-z]%n", in->domain, &used) != 1)
            return -1;
        p += used;
        if (sscanf(p, "%d%n", &in->classes, &used) == 1)
            p += used;
        if (!strcmp(in->domain, "label"))
            in->dtype = GAN_I32;
        else if (!strcmp(in->domain, "byte"))
            in->dtype = GAN_U8;
        in->differentiated = !state && !fixed && in->dtype == GAN_F32;
        if (!parse_shape(&p, &in->shape))
            return -1;
        while (*p == ' ')
            p++;
    }
    return n;
}

static float value_of(const char *domain, const uint32_t word[4])
{
    double u = (word[0] >> 8) * 0x1p-24, v = (word[1] >> 8) * 0x1p-24;
    double normal = sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v);
    double near = 0.1 * ((word[2] >> 8) * 0x1p-24 - 0.5);
    int whole = (int)(word[3] % 5) - 2;
    if (!strcmp(domain, "positive"))
        return (float)(0.5 + 2 * u);
    if (!strcmp(domain, "unit"))
        return (float)(0.05 + 0.9 * u);
    if (!strcmp(domain, "away"))
        return (float)(normal + (normal < 0 ? -0.25 : 0.25));
    if (!strcmp(domain, "wide"))
        return (float)(20 * normal);
    if (!strcmp(domain, "halves"))
        return (float)((int)(word[3] % 6) - 2.5 + near);
    if (!strcmp(domain, "wholes"))
        return (float)(whole + near);
    if (!strcmp(domain, "integer"))
        return (float)whole;
    return (float)normal;
}

void op_draw(const op_input *input, uint64_t seed, void *out)
{
    for (int64_t i = 0, n = gan_shape_count(input->shape); i < n; i++) {
        uint32_t word[4];
        gan_philox(seed, 0, (uint64_t)i, word);
        if (input->dtype == GAN_I32)
            ((int32_t *)out)[i] = (int32_t)(word[0] % (uint32_t)input->classes);
        else if (input->dtype == GAN_U8)
            ((uint8_t *)out)[i] = (uint8_t)(word[0] >> 24);
        else
            ((float *)out)[i] = value_of(input->domain, word);
    }
}
