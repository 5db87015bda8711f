/* fresh.h - the device beside the CPU on inputs that no golden file holds. */
#ifndef TEST_OPS_FRESH_H
#define TEST_OPS_FRESH_H

#include "compare.h"

typedef struct fresh {
    uint64_t seed;
    gan_context *cpu, *cpu_bf16;    /* what is compared with */
    gan_context *f32, *tf32, *bf16; /* the device's */
} fresh;

/* r's case: value, gradient and second derivative on the device in f32, tf32 and bf16, against the CPU's in f32.
 *
 * The same inputs come from the same seed. Those are drawn again at which the CPU itself disagrees: its fused form with
 * its composed one, or either with what it makes of inputs that are a little different (neighbouring numbers, TF32's,
 * bf16's). They lie on a kink, or cancel, or divide by next to nothing, and would show the inputs' condition and not
 * the device's mistakes. */
void check_fresh(run *r, const fresh *f);

#endif
