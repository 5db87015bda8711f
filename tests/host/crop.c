/* crop.c - crop FILE.png X Y SIDE OUT.png: a square of a picture, for scripts that look at parts of a figure. X and Y
 * are of its upper left corner, from the picture's right and lower edge if they are negative. */
#include <stdio.h>
#include <stdlib.h>

#include <gan/image.h>

int main(int argc, char **argv)
{
    gan_image image = {0}, part = {0};
    gan_message message = {"usage: crop FILE.png X Y SIDE OUT.png"};
    gan_status status = argc == 6 ? gan_png_read(argv[1], &image, &message) : GAN_ERROR_ARGUMENT;
    if (!status) {
        long x = atol(argv[2]), y = atol(argv[3]), side = atol(argv[4]);
        status = gan_image_crop(&image, x < 0 ? image.width + x : x, y < 0 ? image.height + y : y, side, side, &part,
                                &message);
    }
    if (!status)
        status = gan_png_write(argv[5], &part, &message);
    if (status)
        fprintf(stderr, "%s\n", message.text);
    gan_image_free(&image);
    gan_image_free(&part);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
