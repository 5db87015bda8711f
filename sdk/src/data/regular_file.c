#include "data/regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

gan_status gan__open_regular(const char *path, int *fd, uint64_t *size, gan_message *message)
{
    /* O_NONBLOCK: opening a pipe that nobody writes to would wait for ever. It does nothing to regular files. */
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        int error = errno;
        return gan_fail(message, error == ENOENT || error == ENOTDIR ? GAN_ERROR_NOT_FOUND : GAN_ERROR_IO,
                        "%s: cannot be opened: %s", path, strerror(error));
    }
    struct stat info;
    gan_status status = GAN_OK;
    if (fstat(file, &info) != 0)
        status = gan_fail(message, GAN_ERROR_IO, "%s: cannot be examined: %s", path, strerror(errno));
    else if (S_ISDIR(info.st_mode))
        status = gan_fail(message, GAN_ERROR_IO, "%s: expected a file, found a folder", path);
    else if (!S_ISREG(info.st_mode))
        status = gan_fail(message, GAN_ERROR_IO, "%s: expected a regular file, found a %s", path,
                          S_ISFIFO(info.st_mode) ? "pipe" : "device or socket");
    if (status != GAN_OK) {
        close(file);
        return status;
    }
    *fd = file;
    *size = (uint64_t)info.st_size;
    return GAN_OK;
}
