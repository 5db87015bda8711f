/*
 * Optimizer and moving-average steps. All tensors are taken as one long run that is divided evenly among the
 * threads, so that many small tensors cost one fork.
 */
#include "cpu.h"

static gan__isa_update constants(const gan__update_args *a)
{
    gan__isa_update u = {.b1 = (float)a->b1,
                         .b2 = (float)a->b2,
                         .c1 = (float)(1.0 - a->b1),
                         .c2 = (float)(1.0 - a->b2),
                         .lr = (float)a->lr,
                         .eps = (float)a->eps,
                         .root = 1.0f};
    if (a->kind == GAN__UPDATE_ADAM) {
        u.lr = (float)(a->lr / (1.0 - pow(a->b1, (double)a->step)));
        u.root = (float)(1.0 / sqrt(1.0 - pow(a->b2, (double)a->step)));
    }
    return u;
}

gan_status gan__cpu_update(gan__backend *be, const gan__update_args *args, const gan__update *tensors, int n)
{
    gan__cpu *cpu = gan__cpu_of(be);
    gan__isa_update u = constants(args);
    int64_t total = 0;
    for (int t = 0; t < n; t++)
        total += tensors[t].n;
    int threads = gan__cpu_threads(cpu, total);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int i = 0; i < threads; i++) {
        int64_t begin, end, at = 0;
        gan__cpu_part(total, 16, threads, i, &begin, &end);
        for (int t = 0; t < n && at < end; at += tensors[t++].n) {
            const gan__update *x = &tensors[t];
            int64_t first = begin > at ? begin - at : 0, last = end - at < x->n ? end - at : x->n;
            if (first < last)
                cpu->isa.update[args->kind](&u, x->p + first, x->m ? x->m + first : NULL, x->v ? x->v + first : NULL,
                                            x->g + first, last - first);
        }
    }
    return GAN_OK;
}
