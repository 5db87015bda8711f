/* compare.h - results of a case beside others, with the failures said and counted. */
#ifndef TEST_OPS_COMPARE_H
#define TEST_OPS_COMPARE_H

#include "evaluate.h"

enum { VALUE = 0, GRADIENT = 1, SECOND = 2, FINITE = 3, KINDS = 4 };

/* The largest relative errors of a group. */
typedef struct group_worst {
    const char *name;
    int cases;
    double f32[KINDS], bf16[3];
    double fresh_f32[3], fresh_bf16[3], fresh_tf32[3];
    int redrawn; /* fresh inputs that were drawn and not used */
} group_worst;

/* The case that is running, for messages. */
typedef struct run {
    const op_case *c;
    const char *device;
    gan_context *one, *two, *bf16; /* f32 on one and two threads; bf16 */
    group_worst *worst;
    int failures;
} run;

void fail(run *r, const char *what);
/* With the context's sentence, which is cleared. */
void fail_status(run *r, gan_context *ctx, const char *what);

/* What an error may be: factor * tolerance[VALUE, GRADIENT or SECOND]. */
typedef struct limits {
    const double *tolerance;
    double factor;
    /* The error is the norm of the difference in proportion to the norm of what is wanted, instead of the largest
     * difference in proportion to the largest value: many values near kinks, where inexact arithmetic lands on either
     * side, do not show, but one among few does. */
    bool norm;
    double least; /* differences that are no error whatever the values' size */
} limits;

/* Every tensor of `got` against `want`, whose missing h are zeros; h only if `second`. worst[3] (NULL: not wanted)
 * grows to the errors found. */
void compare_results(run *r, const char *what, const op_data *data, const op_result *got, const op_result *want,
                     bool second, limits allowed, double *worst);
/* The same without a word: whether all are within the limits. */
bool results_agree(const op_data *data, const op_result *got, const op_result *want, bool second, limits allowed);

#endif
