/* png_write.c - PNG files, written beside their place, synced, and renamed: a crash leaves the old file or the new. */
#include <gan/image.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct writer {
    const char *path;
    const gan_image *image;
    int fd;
    png_structp png;
    png_infop info;
    int error; /* errno of a failed write */
    char reason[160];
    char temporary[PATH_MAX];
} writer;

static void on_error(png_structp png, png_const_charp text)
{
    writer *w = png_get_error_ptr(png);
    snprintf(w->reason, sizeof w->reason, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

static void on_write(png_structp png, png_bytep data, size_t size)
{
    writer *w = png_get_io_ptr(png);
    while (size > 0) {
        ssize_t put = write(w->fd, data, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            w->error = put < 0 ? errno : ENOSPC;
            png_error(png, "write failed");
        }
        data += put;
        size -= (size_t)put;
    }
}

static void on_flush(png_structp png)
{
    (void)png;
}

static gan_status cannot(const writer *w, const char *what, int error, gan_message *message)
{
    return gan_fail(message, GAN_ERROR_IO, "%s: %s: %s", w->path, what, strerror(error));
}

static gan_status encode(writer *w, gan_message *message)
{
    const gan_image *image = w->image;
    if (setjmp(png_jmpbuf(w->png))) {
        if (w->error)
            return cannot(w, "cannot be written", w->error, message);
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: cannot be encoded: %s", w->path, w->reason);
    }
    png_set_write_fn(w->png, w, on_write, on_flush);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    for (int64_t y = 0; y < image->height; y++)
        png_write_row(w->png, image->pixels + (size_t)(y * image->width * image->channels));
    png_write_end(w->png, w->info);
    return GAN_OK;
}

static gan_status write_temporary(writer *w, gan_message *message)
{
    gan_status status;
    w->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, w, on_error, on_warning);
    w->info = w->png ? png_create_info_struct(w->png) : NULL;
    if (w->info)
        status = encode(w, message);
    else
        status = gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to write it", w->path);
    png_destroy_write_struct(&w->png, &w->info);
    if (status == GAN_OK && fsync(w->fd) != 0)
        status = cannot(w, "cannot be written", errno, message);
    if (close(w->fd) != 0 && status == GAN_OK)
        status = cannot(w, "cannot be written", errno, message);
    return status;
}

/* Make the new name itself last. Some file systems cannot sync a folder; the file is complete all the same. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static gan_status check_image(const char *path, const gan_image *image, gan_message *message)
{
    if (!path || !image || !image->pixels)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "gan_png_write: no path or no image");
    if ((image->channels != 1 && image->channels != 3) || image->width < 1 || image->height < 1 ||
        image->width > GAN_IMAGE_MAX_SIDE || image->height > GAN_IMAGE_MAX_SIDE)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: an image of %" PRId64 "x%" PRId64 " with %d channels", path,
                        image->width, image->height, image->channels);
    return GAN_OK;
}

gan_status gan_png_write(const char *path, const gan_image *image, gan_message *message)
{
    gan_status status = check_image(path, image, message);
    if (status != GAN_OK)
        return status;
    writer w = {.path = path, .image = image};
    if (snprintf(w.temporary, sizeof w.temporary, "%s.%ld.tmp", path, (long)getpid()) >= (int)sizeof w.temporary)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%.100s...: the path is too long", path);
    /* A file of this name can only be what an earlier process of the same number left behind. */
    unlink(w.temporary);
    w.fd = open(w.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (w.fd < 0)
        return cannot(&w, "cannot be created", errno, message);
    status = write_temporary(&w, message);
    if (status == GAN_OK && rename(w.temporary, path) != 0)
        status = cannot(&w, "cannot be put in its place", errno, message);
    if (status != GAN_OK)
        unlink(w.temporary);
    else
        sync_folder(path);
    return status;
}
