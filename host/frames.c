#include "frames.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static gan_status frame_path(const frames *f, int64_t index, char path[PATH_SIZE], gan_message *message)
{
    return path_format(path, message, "%s/frame%04" PRId64 ".png", f->folder, index);
}

gan_status frames_open(frames *f, const char *folder, double fps, gan_message *message)
{
    char path[PATH_SIZE];
    gan_apng_options options = {.struct_size = sizeof options, .fps = fps};
    *f = (frames){0};
    gan_status status = path_format(f->folder, message, "%s", folder);
    if (!status)
        status = folder_make(folder, message);
    if (!status)
        status = path_format(path, message, "%s/animation.png", folder);
    return status ? status : gan_apng_create(path, &options, &f->animation, message);
}

gan_status frames_add(frames *f, const gan_image *image, gan_message *message)
{
    char path[PATH_SIZE];
    if (f->n == FRAMES_MAX)
        return gan_fail(message, GAN_ERROR_LIMIT, "more than %d frames", FRAMES_MAX);
    gan_status status = frame_path(f, f->n, path, message);
    if (!status)
        status = gan_png_write(path, image, message);
    if (!status)
        status = gan_apng_add(f->animation, image, message);
    if (!status)
        f->n++;
    return status;
}

gan_status frames_finish(frames *f, gan_message *message)
{
    char path[PATH_SIZE];
    gan_status status = gan_apng_commit(f->animation, message);
    f->animation = NULL;
    for (int64_t i = f->n; i < FRAMES_MAX && !status; i++) {
        status = frame_path(f, i, path, message);
        if (!status && unlink(path) != 0)
            break;
    }
    return status;
}

void frames_close(frames *f)
{
    gan_apng_discard(f->animation);
    f->animation = NULL;
}
