/* regular_file.h - opening files that come from outside. */
#ifndef GAN_DATA_REGULAR_FILE_H
#define GAN_DATA_REGULAR_FILE_H

#include <gan/status.h>
#include <stdint.h>

/* Open a regular file for reading. Folders, pipes, sockets and devices are refused by name: opening never blocks.
 * On success *fd is the caller's to close and *size the file's size in bytes. */
gan_status gan__open_regular(const char *path, int *fd, uint64_t *size, gan_message *message);

#endif
