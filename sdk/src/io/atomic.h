/*
 * atomic.h - files that are written whole or not at all. Internal.
 *
 * The bytes go into a temporary file in the target's own folder (so that the rename cannot cross a file system),
 * which is synced and renamed over the target; then the folder is synced. A crash or a full disk leaves the old file
 * as it was.
 */
#ifndef GAN__ATOMIC_H
#define GAN__ATOMIC_H

#include <stddef.h>
#include <sys/types.h>

#include <gan/status.h>

typedef struct gan__atomic {
    char *path, *temporary;
    int fd;
} gan__atomic;

/* Make the temporary file. After success end with gan__atomic_commit or gan__atomic_discard. */
gan_status gan__atomic_open(gan__atomic *file, const char *path, gan_message *message);
/* Append bytes. On failure the file is still the caller's to discard. */
gan_status gan__atomic_write(gan__atomic *file, const void *data, size_t size, gan_message *message);
/* Replace bytes that were written before. */
gan_status gan__atomic_patch(gan__atomic *file, off_t offset, const void *data, size_t size, gan_message *message);
/* Sync, rename, sync the folder. Ends the file in any case; on failure the temporary file is removed. */
gan_status gan__atomic_commit(gan__atomic *file, gan_message *message);
/* Remove the temporary file. */
void gan__atomic_discard(gan__atomic *file);

#endif
