/*
 * status.h - how errors are told.
 *
 * A function that can fail returns a gan_status: 0 for success, a negative code otherwise. The sentence that goes
 * with it is in a gan_message of the caller's (functions that need no context), or in the context (everything that
 * works on tensors, see context.h). Outputs are untouched on error. Nothing here exits, aborts or prints.
 */
#ifndef GAN_STATUS_H
#define GAN_STATUS_H

#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Every status: name, number, what it says. Numbers never change; new ones are added at the end. */
#define GAN_STATUS_MAP(X)                                                                                              \
    X(OK, 0, "success")                                                                                                \
    X(ERROR_ARGUMENT, -1, "invalid argument")                                                                          \
    X(ERROR_SHAPE, -2, "shapes do not fit")                                                                            \
    X(ERROR_DTYPE, -3, "wrong element type")                                                                           \
    X(ERROR_MEMORY, -4, "out of memory")                                                                               \
    X(ERROR_DEVICE, -5, "device error")                                                                                \
    X(ERROR_IO, -6, "input or output failed")                                                                          \
    X(ERROR_FORMAT, -7, "malformed file")                                                                              \
    X(ERROR_NOT_FOUND, -8, "not found")                                                                                \
    X(ERROR_PLUGIN_LOAD, -9, "plugin cannot be loaded")                                                                \
    X(ERROR_NOT_A_PLUGIN, -10, "not a plugin")                                                                         \
    X(ERROR_ABI, -11, "plugin interface version refused")                                                              \
    X(ERROR_DEVICE_REFUSED, -12, "device refused")                                                                     \
    X(ERROR_OPTION, -13, "wrong option")                                                                               \
    X(ERROR_NON_FINITE, -14, "a value is not finite")                                                                  \
    X(ERROR_LIMIT, -15, "a limit is exceeded")                                                                         \
    X(ERROR_UNSUPPORTED, -16, "not supported")                                                                         \
    X(ERROR_CHECKSUM, -17, "checksum does not match")                                                                  \
    X(INTERRUPTED, -18, "interrupted")                                                                                 \
    X(ERROR_STATE, -19, "called in the wrong state")

typedef enum gan_status {
#define GAN_STATUS_ENUM(name, number, text) GAN_##name = (number),
    GAN_STATUS_MAP(GAN_STATUS_ENUM)
#undef GAN_STATUS_ENUM
} gan_status;

/* The enumerator's name ("GAN_ERROR_SHAPE") and its text ("shapes do not fit"); static strings, never NULL. */
GAN_API const char *gan_status_name(gan_status status);
GAN_API const char *gan_status_text(gan_status status);

/* One sentence about what went wrong. Owned by the caller; longer texts are cut. Any gan_message pointer given to
 * the SDK may be NULL: the sentence is then dropped. */
typedef struct gan_message {
    char text[1024];
} gan_message;

/* Write a sentence and return `status`, so that a function can end with `return gan_fail(message, ...)`. */
GAN_API gan_status gan_fail(gan_message *message, gan_status status, const char *format, ...) GAN_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif
