/*
 * version.h - the version of the SDK, and what it promises.
 *
 * The SDK follows semantic versioning. Within one major version
 *   - no public symbol of libgansdk.so.1 is removed or changes its meaning;
 *   - public structures that begin with struct_size only grow at their end;
 *   - enumerators keep their numbers.
 * A program built against 1.x therefore runs with every later 1.y. The plugin interface has a version of its
 * own (plugin.h), which moves more slowly.
 */
#ifndef GAN_VERSION_H
#define GAN_VERSION_H

#define GAN_VERSION_MAJOR  1
#define GAN_VERSION_MINOR  0
#define GAN_VERSION_PATCH  0
#define GAN_VERSION_STRING "1.0.0"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GAN_API                                  __attribute__((visibility("default")))
#define GAN_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#define GAN_API
#define GAN_PRINTF(format_index, first_argument)
#endif

/* The version of the library that is loaded, for example "1.0.0"; it may be newer than GAN_VERSION_STRING. */
GAN_API const char *gan_version(void);

#ifdef __cplusplus
}
#endif
#endif
