/* harness.h - what every benchmark here needs: options, a clock, threads, and the process's memory. */
#ifndef GAN_BENCH_HARNESS_H
#define GAN_BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bench_options {
    const char *precision; /* "f32", "tf32" or "bf16" */
    const char *device;    /* as gan_context_options takes it; NULL: the CPU */
    const char *part;      /* of programs that have several; NULL: the first */
    int threads;           /* 0: all cores that the process may use */
    int steps;             /* measured; 0: as many as `seconds` allow */
    int warmup;
    double seconds;
    bool no_graphs;    /* on a CUDA device: every step is run as it is */
    bool profile;      /* print what each kernel took */
    bool cpu_time;     /* bench_now counts the calling thread's processor time: for one thread on a busy machine */
    const char *words; /* what the program takes besides, for its usage; NULL: nothing */
    char **word;       /* [n_words] of those that were given */
    int n_words;
} bench_options;

/* --precision f32|tf32|bf16 --device NAME --no-graphs --threads N --steps N --warmup N --seconds S --part NAME
 * --profile --cpu-time, over the defaults that `options` holds; words are moved to the front of argv. False, and a
 * sentence on standard error, if the arguments are not understood. */
bool bench_parse(int argc, char **argv, bench_options *options);

double bench_now(void); /* seconds, monotonic; see cpu_time */

/* Resident memory of this process in bytes: now, and the most it has been. */
size_t bench_rss(void);
size_t bench_rss_peak(void);

/* The median of `n` values, which are sorted in place. */
double bench_median(double *values, size_t n);

#endif
