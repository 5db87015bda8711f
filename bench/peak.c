/*
 * peak.c - what the machine can do: the rate of oneDNN's matrix products in f32 and bf16, and the bandwidth of
 * memory. The floors of bench/run are FLOP counts divided by these rates.
 *
 *     peak [--threads N] [--seconds S]
 *
 * prints {"f32_gflops": ..., "bf16_gflops": ..., "copy_gb_s": ..., "round_trip_ns": ...}. The rates are the best of
 * many runs: a peak is what is reached when nothing else disturbs. bf16_gflops is 0 where oneDNN has no bf16 product
 * for the CPU. With --part round-trip only that is measured.
 */
#include <math.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

enum { SIDE = 2048 };

/* The best time of `run` over `seconds`, in seconds; negative if it fails. */
static double best_time(bool (*run)(void *), void *user, double seconds)
{
    double best = INFINITY;
    double end = bench_now() + seconds;
    for (int i = 0; i < 3 || bench_now() < end; i++) {
        double begin = bench_now();
        if (!run(user)) {
            return -1;
        }
        best = fmin(best, bench_now() - begin);
    }
    return best;
}

typedef struct product {
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    dnnl_exec_arg_t args[3];
} product;

static bool run_product(void *user)
{
    product *p = user;
    return dnnl_primitive_execute(p->primitive, p->stream, 3, p->args) == dnnl_success &&
           dnnl_stream_wait(p->stream) == dnnl_success;
}

#if DNNL_VERSION_MAJOR >= 3
static dnnl_status_t make_descriptor(dnnl_memory_desc_t *md, dnnl_data_type_t type)
{
    return dnnl_memory_desc_create_with_tag(md, 2, (dnnl_dims_t){SIDE, SIDE}, type, dnnl_ab);
}

static dnnl_status_t make_primitive(dnnl_primitive_t *out, dnnl_engine_t engine, dnnl_memory_desc_t in,
                                    dnnl_memory_desc_t result)
{
    dnnl_primitive_desc_t pd;
    dnnl_status_t status = dnnl_matmul_primitive_desc_create(&pd, engine, in, in, NULL, result, NULL);
    return status != dnnl_success ? status : dnnl_primitive_create(out, pd);
}
#define DESCRIPTOR(md) (md)
#else
static dnnl_status_t make_descriptor(dnnl_memory_desc_t *md, dnnl_data_type_t type)
{
    return dnnl_memory_desc_init_by_tag(md, 2, (dnnl_dims_t){SIDE, SIDE}, type, dnnl_ab);
}

static dnnl_status_t make_primitive(dnnl_primitive_t *out, dnnl_engine_t engine, dnnl_memory_desc_t in,
                                    dnnl_memory_desc_t result)
{
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;
    dnnl_status_t status = dnnl_matmul_desc_init(&desc, &in, &in, NULL, &result);
    status = status != dnnl_success ? status : dnnl_primitive_desc_create(&pd, &desc, NULL, engine, NULL);
    return status != dnnl_success ? status : dnnl_primitive_create(out, pd);
}
#define DESCRIPTOR(md) (&(md))
#endif

/* GFLOP/s of a SIDE³ product of operands of `type` into f32; 0 if oneDNN has none. The operands' bits are those of
 * ones in bf16 and near to one in f32. */
static double product_rate(dnnl_data_type_t type, double seconds)
{
    dnnl_engine_t engine;
    dnnl_memory_desc_t in, out;
    product p = {0};
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&p.stream, engine, dnnl_stream_default_flags) != dnnl_success ||
        make_descriptor(&in, type) != dnnl_success || make_descriptor(&out, dnnl_f32) != dnnl_success ||
        make_primitive(&p.primitive, engine, in, out) != dnnl_success) {
        return 0;
    }
    static const int which[3] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    for (int i = 0; i < 3; i++) {
        p.args[i].arg = which[i];
        if (dnnl_memory_create(&p.args[i].memory, i < 2 ? DESCRIPTOR(in) : DESCRIPTOR(out), engine,
                               DNNL_MEMORY_ALLOCATE) != dnnl_success) {
            return 0;
        }
        void *data;
        dnnl_memory_get_data_handle(p.args[i].memory, &data);
        uint16_t *bits = data;
        for (size_t j = 0; j < (size_t)SIDE * SIDE * (type == dnnl_f32 || i == 2 ? 2 : 1); j++) {
            bits[j] = 0x3f80;
        }
    }
    double time = best_time(run_product, &p, seconds);
    return time > 0 ? 2.0 * SIDE * SIDE * SIDE / time * 1e-9 : 0;
}

typedef struct copy {
    char *from, *to;
    size_t bytes;
} copy;

static bool run_copy(void *user)
{
    copy *c = user;
    const size_t part = 1 << 20;
#pragma omp parallel for schedule(static)
    for (size_t at = 0; at < c->bytes; at += part) {
        memcpy(c->to + at, c->from + at, part);
    }
    return true;
}

/* GB/s read and written by a copy that no cache holds. */
static double copy_rate(double seconds)
{
    copy c = {.bytes = (size_t)256 << 20};
    c.from = malloc(c.bytes);
    c.to = malloc(c.bytes);
    double time = -1;
    if (c.from != NULL && c.to != NULL) {
        memset(c.from, 1, c.bytes);
        memset(c.to, 1, c.bytes);
        time = best_time(run_copy, &c, seconds);
    }
    free(c.from);
    free(c.to);
    return time > 0 ? 2.0 * (double)c.bytes / time * 1e-9 : 0;
}

/* The median time of a message from one thread to another and back, in nanoseconds; 0 with one thread. A virtual
 * machine's cores may move apart and together again: small programs then run at two different speeds. */
static double round_trip(void)
{
    enum { MESSAGES = 2000, ROUNDS = 51 };
    static _Alignas(128) atomic_int flag;
    double times[ROUNDS];
    int threads = 0;
#pragma omp parallel num_threads(2)
    {
        int me = omp_get_thread_num();
#pragma omp single
        threads = omp_get_num_threads();
        for (int i = 0; threads == 2 && i < ROUNDS * MESSAGES; i++) {
            if (me == 0 && i % MESSAGES == 0) {
                times[i / MESSAGES] = bench_now();
            }
            while (atomic_load(&flag) != 2 * i + me) {
            }
            atomic_store(&flag, 2 * i + me + 1);
            if (me == 0 && i % MESSAGES == MESSAGES - 1) {
                times[i / MESSAGES] = bench_now() - times[i / MESSAGES];
            }
        }
    }
    return threads == 2 ? bench_median(times, ROUNDS) / MESSAGES * 1e9 : 0;
}

int main(int argc, char **argv)
{
    bench_options options = {.seconds = 2};
    if (!bench_parse(argc, argv, &options)) {
        return 2;
    }
    if (options.part != NULL && strcmp(options.part, "round-trip") == 0) {
        printf("{\"round_trip_ns\": %.0f}\n", round_trip());
        return 0;
    }
    if (options.threads > 0) {
        omp_set_num_threads(options.threads);
    }
    double f32 = product_rate(dnnl_f32, options.seconds);
    double bf16 = product_rate(dnnl_bf16, options.seconds);
    double copied = copy_rate(options.seconds);
    const dnnl_version_t *version = dnnl_version();
    printf("{\"onednn\": \"%d.%d.%d\", \"threads\": %d, \"f32_gflops\": %.1f, \"bf16_gflops\": %.1f, "
           "\"copy_gb_s\": %.1f, \"round_trip_ns\": %.0f}\n",
           version->major, version->minor, version->patch, omp_get_max_threads(), f32, bf16, copied, round_trip());
    return f32 > 0 ? 0 : 1;
}
