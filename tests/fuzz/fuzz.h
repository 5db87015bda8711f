/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is one file, fuzz_<name>.c, with the function that libFuzzer calls. It is built twice: with libFuzzer
 * (GAN_FUZZ=ON with clang, see scripts/fuzz), and as a plain test that runs it on each file of corpus/<name>/.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The target found a broken promise. */
static inline _Noreturn void fuzz_failed(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

/* Keep the compiler from dropping what led to a value. */
static inline void fuzz_use(unsigned value)
{
    __asm__ volatile("" : : "r"(value));
}

#endif
