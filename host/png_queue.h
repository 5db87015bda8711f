/* png_queue.h - PNG files written by threads, while whoever makes the pictures goes on: encoding takes a core, and
 * waiting until a file is on the disk takes longer than a GPU needs for the next picture. */
#ifndef HOST_PNG_QUEUE_H
#define HOST_PNG_QUEUE_H

#include <gan/image.h>

typedef struct png_queue png_queue;

/* Where no thread can be started, png_queue_add writes by itself. NULL: no memory. */
png_queue *png_queue_open(void);
/* Write a picture, as gan_png_write does, some time before png_queue_close returns; the folder must be there. Takes the
 * picture's pixels, even on error. Waits while many pictures, or one large one, are not written yet. An error is the
 * first of any file so far; nothing more is written after it. */
gan_status png_queue_add(png_queue *queue, const char *path, gan_image *image, gan_message *message);
/* Wait until all is written, and end the queue. NULL is allowed. */
gan_status png_queue_close(png_queue *queue, gan_message *message);

#endif
