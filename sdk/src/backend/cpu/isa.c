#include "isa.h"

#include <stdlib.h>

enum { GENERIC, AVX2, AVX512 };

/* The best that both the processor and GAN_ISA allow. */
static int level(void)
{
    int best = GENERIC;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        best = AVX2;
    if (best == AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        best = AVX512;
#endif
    const char *wanted = getenv("GAN_ISA");
    if (wanted && strcmp(wanted, "generic") == 0)
        best = GENERIC;
    if (wanted && strcmp(wanted, "avx2") == 0 && best > AVX2)
        best = AVX2;
    return best;
}

#define GAN__FILL(isa, t)                                                                                              \
    (gan__isa_map_##isa(t), gan__isa_reduce_##isa(t), gan__isa_norm_##isa(t), gan__isa_update_##isa(t),                \
     gan__isa_random_##isa(t), gan__isa_move_##isa(t), gan__isa_fir_##isa(t), gan__isa_style_##isa(t),                 \
     gan__isa_winograd_##isa(t))

void gan__isa_select(gan__isa *t)
{
    switch (level()) {
#if defined(__x86_64__)
    case AVX512:
        t->name = "AVX-512";
        GAN__FILL(avx512, t);
        return;
    case AVX2:
        t->name = "AVX2";
        GAN__FILL(avx2, t);
        return;
#endif
    default:
        t->name = "generic";
        GAN__FILL(generic, t);
    }
}
