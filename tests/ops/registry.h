/* registry.h - the operator cases of registry.def as a table, and their inputs. */
#ifndef TEST_OPS_REGISTRY_H
#define TEST_OPS_REGISTRY_H

#include <gan/gan.h>

#define OP_MAX_INPUTS 5

/* The largest difference allowed, relative to the largest magnitude in the tensor, of the value, the gradient and
 * the second derivative. */
typedef struct op_tolerance {
    double f32[3], bf16[3];
} op_tolerance;

typedef struct op_case {
    const char *group, *name, *inputs, *expression;
    gan_tensor *(*run)(gan_context *ctx, gan_tensor *const *in);
    op_tolerance tolerance;
    bool golden, smooth;
} op_case;

extern const op_case op_cases[];
extern const int op_case_count;

/* One input, from its word in registry.def. */
typedef struct op_input {
    char domain[16];
    int32_t classes; /* of label */
    gan_shape shape;
    gan_dtype dtype; /* F32, I32 or U8 */
    bool differentiated;
    bool parameter; /* stays f32 when the case runs in bf16 */
} op_input;

/* The number of inputs; -1 when the words cannot be read. */
int op_parse_inputs(const char *words, op_input inputs[OP_MAX_INPUTS]);

/* Values of the input's domain into `out`, gan_shape_count elements of its type, from a seed. */
void op_draw(const op_input *input, uint64_t seed, void *out);

#endif
