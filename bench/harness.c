#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static clockid_t clock_id = CLOCK_MONOTONIC;

static bool usage(const char *program, const char *words)
{
    fprintf(
        stderr,
        "usage: %s %s[--precision f32|tf32|bf16] [--device NAME] [--no-graphs] [--threads N] [--steps N] [--warmup N] "
        "[--seconds S] [--part NAME] [--profile] [--cpu-time]\n",
        program, words ? words : "");
    return false;
}

static bool parse_count(const char *text, int *out)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < 0 || value > 1000000) {
        return false;
    }
    *out = (int)value;
    return true;
}

static bool parse_seconds(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out > 0 && *out < 1e6;
}

static bool parse_one(bench_options *o, const char *name, const char *value)
{
    if (strcmp(name, "--precision") == 0) {
        o->precision = value;
        return strcmp(value, "f32") == 0 || strcmp(value, "tf32") == 0 || strcmp(value, "bf16") == 0;
    }
    if (strcmp(name, "--device") == 0) {
        o->device = value;
        return true;
    }
    if (strcmp(name, "--part") == 0) {
        o->part = value;
        return true;
    }
    if (strcmp(name, "--seconds") == 0) {
        return parse_seconds(value, &o->seconds);
    }
    return (strcmp(name, "--threads") == 0 && parse_count(value, &o->threads)) ||
           (strcmp(name, "--steps") == 0 && parse_count(value, &o->steps)) ||
           (strcmp(name, "--warmup") == 0 && parse_count(value, &o->warmup));
}

bool bench_parse(int argc, char **argv, bench_options *options)
{
    options->word = argv + 1;
    for (int i = 1; i < argc; i++) {
        if (options->words && strncmp(argv[i], "--", 2) != 0) {
            argv[1 + options->n_words++] = argv[i];
        } else if (strcmp(argv[i], "--profile") == 0) {
            options->profile = true;
        } else if (strcmp(argv[i], "--no-graphs") == 0) {
            options->no_graphs = true;
        } else if (strcmp(argv[i], "--cpu-time") == 0) {
            options->cpu_time = true;
            clock_id = CLOCK_THREAD_CPUTIME_ID;
        } else if (i + 1 == argc || !parse_one(options, argv[i], argv[i + 1])) {
            return usage(argv[0], options->words);
        } else {
            i++;
        }
    }
    return true;
}

double bench_now(void)
{
    struct timespec t;
    clock_gettime(clock_id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

size_t bench_rss(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%*u %lu", &pages) != 1) {
        pages = 0;
    }
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

size_t bench_rss_peak(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss * 1024;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), compare);
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}
