/*
 * context.h - the context: device, precision, random state, scopes, and the first error.
 *
 * Everything that computes belongs to one gan_context. A context and its tensors are used by one thread at a time;
 * two contexts are independent.
 *
 * Errors. An operator that fails records the first error in its context, with the operator's name and the shapes,
 * and returns a poison tensor; operators that get a poison tensor pass it on. So a step can be written straight
 * down, and asks once at its end: `return gan_status_of(ctx)`. No operator returns NULL.
 *
 * Scopes. A tensor belongs to the innermost scope that was open when it was made, and is released when that scope
 * ends, unless it is the scope's result or was kept with gan_keep (tensor.h). The host opens a scope around every
 * plugin call; a plugin opens inner ones to lower its peak. Storage goes back to a caching allocator: a training
 * step that has run once makes no system allocation.
 */
#ifndef GAN_CONTEXT_H
#define GAN_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gan_context gan_context;
typedef struct gan_tensor gan_tensor;

/* How convolutions and matrix products compute. Parameters and optimizer state are f32 in all. */
typedef enum gan_precision {
    GAN_PRECISION_F32 = 0,
    GAN_PRECISION_BF16 = 1, /* bf16 operands and results, f32 accumulation */
    GAN_PRECISION_TF32 = 2  /* as f32, but products on CUDA may round their operands to TF32, which has 10 bits behind
                               the point; on the CPU the same as f32 */
} gan_precision;

typedef struct gan_context_options {
    uint32_t struct_size; /* sizeof(gan_context_options) */
    const char *device;   /* "cpu", "cuda", "cuda:N" or "auto"; NULL means "cpu". "measure" and "measure:BYTES":
                             nothing is computed, memory is counted (BYTES at most), every value read is 0 */
    gan_precision precision;
    int threads;   /* CPU threads; 0 means all cores that the process may use. They are OpenMP's, and wait by spinning:
                      on a machine that runs other work too, start the program with GOMP_SPINCOUNT=1000 in its
                      environment, as ganhost does for itself */
    uint64_t seed; /* of the random numbers, see random.h */
    size_t memory_limit; /* bytes that tensors may take in all; 0 means no limit of our own */
} gan_context_options;

/* Make a context. `options` may be NULL (CPU, f32, all cores, seed 0). On success *out is owned by the caller. */
GAN_API gan_status gan_context_create(const gan_context_options *options, gan_context **out, gan_message *message);

/* Release the context and every tensor that is still in one of its scopes. Kept tensors, layers, optimizers and
 * models must have been released before. NULL is allowed. */
GAN_API void gan_context_destroy(gan_context *ctx);

/* The first error since creation or gan_clear_status, GAN_OK if none; its sentence ("" if none). */
GAN_API gan_status gan_status_of(const gan_context *ctx);
GAN_API const char *gan_status_message(const gan_context *ctx);
GAN_API void gan_clear_status(gan_context *ctx);

/* Record an error of the caller's own. Only the first is kept. Returns the status recorded first. */
GAN_API gan_status gan_raise(gan_context *ctx, gan_status status, const char *format, ...) GAN_PRINTF(3, 4);

/* Open a scope; close the innermost one. gan_scope_end hands `result` (may be NULL) to the enclosing scope, or
 * leaves it in the enclosing scope if it is there already, and returns it. */
GAN_API void gan_scope_begin(gan_context *ctx);
GAN_API gan_tensor *gan_scope_end(gan_context *ctx, gan_tensor *result);

/* As above, and nothing inside is recorded for differentiation. */
GAN_API void gan_no_grad_begin(gan_context *ctx);
GAN_API gan_tensor *gan_no_grad_end(gan_context *ctx, gan_tensor *result);

/* Evaluate an expression in a scope of its own; all but its value is released.
 *     gan_tensor *fake = GAN_NO_GRAD(ctx, gan_forward(m->generator, z));                                        */
#define GAN_SCOPED(ctx, expression)  (gan_scope_begin(ctx), gan_scope_end((ctx), (expression)))
#define GAN_NO_GRAD(ctx, expression) (gan_no_grad_begin(ctx), gan_no_grad_end((ctx), (expression)))

GAN_API gan_precision gan_context_precision(const gan_context *ctx);
GAN_API int gan_context_threads(const gan_context *ctx);
/* What computes, for reports, for example "CPU, 2 threads, AVX-512, oneDNN 2.6.3"; owned by the context. */
GAN_API const char *gan_context_device(const gan_context *ctx);
/* What a user should know about the choice of device, for example "device auto: the CPU is used, because ..."; "" if
 * there is nothing to say. Owned by the context. */
GAN_API const char *gan_context_device_note(const gan_context *ctx);
/* The cudaStream_t to which all work of the context goes, in order: for kernels of a plugin's own, together with
 * gan_data_pointer (tensor.h). NULL on the CPU. */
GAN_API void *gan_context_stream(const gan_context *ctx);

typedef struct gan_memory_stats {
    size_t bytes_in_use;         /* held by live tensors */
    size_t bytes_peak;           /* the most bytes_in_use has been since creation or gan_memory_reset_peak */
    size_t bytes_reserved;       /* taken from the system, free blocks of the cache included */
    uint64_t system_allocations; /* times the system was asked for memory since creation */
} gan_memory_stats;

GAN_API gan_memory_stats gan_memory(const gan_context *ctx);
/* Bytes that the context can have in all: what is free on its device and what it has reserved, but no more than its
 * memory_limit. 0 if that is not known. */
GAN_API size_t gan_memory_available(const gan_context *ctx);
GAN_API void gan_memory_reset_peak(gan_context *ctx);
/* Give the cache's free blocks back to the system, with what the context keeps to have it at hand. */
GAN_API void gan_memory_trim(gan_context *ctx);

/* Let an allocation in `nth` allocations from now fail, for tests of what happens then; 0 turns this off. */
GAN_API void gan_memory_fail_after(gan_context *ctx, uint64_t nth);

#ifdef __cplusplus
}
#endif
#endif
