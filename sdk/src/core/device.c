/*
 * device.c - from a device's name to its backend.
 *
 * The CUDA backend is a library of its own, which is loaded when a CUDA device is asked for: a program that computes on
 * the CPU needs neither it nor CUDA. Once loaded it stays for the process, as CUDA's own state does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define LIBRARY_OF(major)    "libgansdk_cuda.so." #major
#define LIBRARY_NAMED(major) LIBRARY_OF(major)
#define LIBRARY              LIBRARY_NAMED(GAN_VERSION_MAJOR)

enum { ANY_DEVICE = -1, LIBRARY_PATH = 4096 };

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static const gan__cuda_entry_table *loaded;

/* ---- the library ---- */

/* Where the library lies: what the environment names, else beside this one; "" if it is not there. */
static void find_library(char path[LIBRARY_PATH])
{
    Dl_info here;
    const char *named = secure_getenv("GAN_CUDA_LIBRARY"), *slash;
    path[0] = '\0';
    if (named && *named) {
        snprintf(path, LIBRARY_PATH, "%s", named);
        return;
    }
    if (!dladdr(&loaded, &here) || !here.dli_fname || !(slash = strrchr(here.dli_fname, '/')))
        return;
    int n = snprintf(path, LIBRARY_PATH, "%.*s/%s", (int)(slash - here.dli_fname), here.dli_fname, LIBRARY);
    if (n >= LIBRARY_PATH || access(path, F_OK) != 0)
        path[0] = '\0';
}

static gan_status check_table(const gan__cuda_entry_table *table, const char *path, gan_message *message)
{
    if (!table)
        return gan_fail(message, GAN_ERROR_DEVICE_REFUSED, "%.500s is no CUDA backend: it has no %s", path,
                        GAN__CUDA_ENTRY_NAME);
    if (table->layout != GAN__CUDA_LAYOUT || table->backend_ops_size != sizeof(gan__backend_ops))
        return gan_fail(
            message, GAN_ERROR_DEVICE_REFUSED,
            "%.500s belongs to another build of the SDK: its table has layout %u and %u bytes, but layout %d "
            "and %zu bytes are needed",
            path, table->layout, table->backend_ops_size, GAN__CUDA_LAYOUT, sizeof(gan__backend_ops));
    if (strcmp(table->version, GAN_VERSION_STRING) != 0)
        return gan_fail(message, GAN_ERROR_DEVICE_REFUSED, "%.500s is of version %.40s, but this is %s", path,
                        table->version, GAN_VERSION_STRING);
    return GAN_OK;
}

static gan_status load(const gan__cuda_entry_table **out, gan_message *message)
{
    char path[LIBRARY_PATH];
    find_library(path);
    const char *name = *path ? path : LIBRARY;
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *why = dlerror();
        /* The loader begins with the name of what it lacks, which may be a library that ours needs. */
        if (!*path && strncmp(why, LIBRARY, strlen(LIBRARY)) == 0)
            return gan_fail(message, GAN_ERROR_DEVICE_REFUSED, "this build has no CUDA backend (%s)", LIBRARY);
        return gan_fail(message, GAN_ERROR_DEVICE_REFUSED, "the CUDA backend cannot be loaded: %.900s", why);
    }
    const gan__cuda_entry_table *table = dlsym(handle, GAN__CUDA_ENTRY_NAME);
    gan_status status = check_table(table, name, message);
    if (status != GAN_OK) {
        dlclose(handle);
        return status;
    }
    *out = table;
    return GAN_OK;
}

static gan_status cuda_create(gan_context *ctx, int device, gan_message *message)
{
    gan_status status = GAN_OK;
    pthread_mutex_lock(&loading);
    if (!loaded)
        status = load(&loaded, message);
    const gan__cuda_entry_table *table = loaded;
    pthread_mutex_unlock(&loading);
    return status == GAN_OK ? table->create(ctx, &gan__core_services, device, &ctx->backend, message) : status;
}

/* ---- names ---- */

static gan_status cpu_create(gan_context *ctx, int threads, gan_message *message)
{
    gan_status status = gan__cpu_create(ctx, threads, &ctx->backend, message);
    if (status == GAN_OK)
        ctx->backend->services = &gan__core_services;
    return status;
}

/* measure or measure:BYTES, for whom wants to know what a step would take. */
static bool measure_limit(const char *name, size_t *limit)
{
    if (strncmp(name, "measure", 7) != 0)
        return false;
    *limit = 0;
    if (name[7] == '\0')
        return true;
    size_t digits = strspn(name + 8, "0123456789");
    if (name[7] != ':' || digits == 0 || digits > 18 || name[8 + digits] != '\0')
        return false;
    *limit = strtoull(name + 8, NULL, 10);
    return *limit > 0;
}

/* cuda or cuda:N. */
static bool cuda_number(const char *name, int *number)
{
    if (strncmp(name, "cuda", 4) != 0)
        return false;
    *number = ANY_DEVICE;
    if (name[4] == '\0')
        return true;
    size_t digits = strspn(name + 5, "0123456789");
    if (name[4] != ':' || digits == 0 || digits > 4 || name[5 + digits] != '\0')
        return false;
    *number = atoi(name + 5);
    return true;
}

gan_status gan__device_open(gan_context *ctx, const char *device, int threads, gan_message *message)
{
    gan_message why = {{0}};
    int number;
    size_t limit;
    if (!device || strcmp(device, "cpu") == 0)
        return cpu_create(ctx, threads, message);
    if (strcmp(device, "auto") == 0) {
        if (cuda_create(ctx, ANY_DEVICE, &why) == GAN_OK)
            return GAN_OK;
        gan_fail(&ctx->device_note, GAN_OK, "device auto: the CPU is used, because %.900s", why.text);
        return cpu_create(ctx, threads, message);
    }
    if (measure_limit(device, &limit))
        return gan__measure_create(ctx, limit, &ctx->backend, message);
    if (!cuda_number(device, &number))
        return gan_fail(message, GAN_ERROR_ARGUMENT, "device must be auto, cpu, cuda or cuda:N, but is \"%.100s\"",
                        device);
    gan_status status = cuda_create(ctx, number, &why);
    return status == GAN_OK ? GAN_OK : gan_fail(message, status, "device %s: %.900s", device, why.text);
}

const char *gan_context_device(const gan_context *ctx)
{
    return ctx->backend->description;
}

const char *gan_context_device_note(const gan_context *ctx)
{
    return ctx->device_note.text;
}

void *gan_context_stream(const gan_context *ctx)
{
    return ctx->backend->stream;
}
