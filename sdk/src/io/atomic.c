#include "atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS 1000 /* names tried; left-over files of killed processes are in the way of at most a few */

/* "%m" is strerror(errno), in glibc's and musl's printf, and safe with threads. */
static gan_status cannot_write(const char *path, gan_message *message)
{
    return gan_fail(message, GAN_ERROR_IO, "cannot write %.700s: %m", path);
}

static void forget(gan__atomic *file)
{
    free(file->path);
    free(file->temporary);
    *file = (gan__atomic){.fd = -1};
}

/* Open with the permissions that the process's umask gives, under a name that did not exist. */
static int open_temporary(gan__atomic *file, size_t size)
{
    static atomic_uint counter;
    for (int i = 0; i < ATTEMPTS; i++) {
        snprintf(file->temporary, size, "%s.tmp-%ld-%u", file->path, (long)getpid(), atomic_fetch_add(&counter, 1));
        int fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0 || (errno != EEXIST && errno != EINTR))
            return fd;
    }
    return -1;
}

gan_status gan__atomic_open(gan__atomic *file, const char *path, gan_message *message)
{
    *file = (gan__atomic){.fd = -1};
    if (!path || !*path)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "a file to write has no name");
    size_t size = strlen(path) + 64;
    file->path = strdup(path);
    file->temporary = malloc(size);
    if (!file->path || !file->temporary) {
        forget(file);
        return gan_fail(message, GAN_ERROR_MEMORY, "out of memory for writing %.700s", path);
    }
    file->fd = open_temporary(file, size);
    if (file->fd >= 0)
        return GAN_OK;
    gan_status status = cannot_write(path, message);
    forget(file);
    return status;
}

gan_status gan__atomic_write(gan__atomic *file, const void *data, size_t size, gan_message *message)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = write(file->fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return cannot_write(file->path, message);
        }
        at += n;
        size -= (size_t)n;
    }
    return GAN_OK;
}

gan_status gan__atomic_patch(gan__atomic *file, off_t offset, const void *data, size_t size, gan_message *message)
{
    if (lseek(file->fd, offset, SEEK_SET) < 0)
        return cannot_write(file->path, message);
    gan_status status = gan__atomic_write(file, data, size, message);
    if (status == GAN_OK && lseek(file->fd, 0, SEEK_END) < 0)
        return cannot_write(file->path, message);
    return status;
}

/* Make the rename itself lasting. File systems that cannot sync a folder say so with EINVAL; there is nothing more to
 * do for them. */
static gan_status sync_folder(const char *path, gan_message *message)
{
    char *folder = strdup(path);
    if (!folder)
        return gan_fail(message, GAN_ERROR_MEMORY, "out of memory for syncing the folder of %.700s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0) /* a folder that may be written but not read */
        return GAN_OK;
    int result = fsync(fd);
    gan_status status = GAN_OK;
    if (result < 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
        status = gan_fail(message, GAN_ERROR_IO, "cannot sync the folder of %.700s: %m", path);
    close(fd);
    return status;
}

gan_status gan__atomic_commit(gan__atomic *file, gan_message *message)
{
    int result;
    do
        result = fsync(file->fd);
    while (result < 0 && errno == EINTR);
    gan_status status = result < 0 ? cannot_write(file->path, message) : GAN_OK;
    /* Errors of a delayed write can come as late as close (NFS). */
    result = close(file->fd);
    file->fd = -1;
    if (status == GAN_OK && result < 0 && errno != EINTR)
        status = cannot_write(file->path, message);
    if (status == GAN_OK && rename(file->temporary, file->path) < 0)
        status = cannot_write(file->path, message);
    if (status != GAN_OK) {
        gan__atomic_discard(file);
        return status;
    }
    status = sync_folder(file->path, message);
    forget(file);
    return status;
}

void gan__atomic_discard(gan__atomic *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->temporary)
        unlink(file->temporary);
    forget(file);
}
