#include "disturbance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of [-1, 1] that is stored as 0 to 255. */
#define GREY_LEVEL (2.0 / 255)

/* Bytes round as image files do; so values are brought to where the levels are the first few bytes, and back. */
static gan_tensor *reduce(gan_tensor *images, int bits)
{
    float steps = (float)((1 << bits) - 1);
    gan_tensor *levels = gan_add_scalar(gan_scale(gan_add_scalar(images, 1), steps / 255), -1);
    levels = gan_images_from_u8(gan_images_to_u8(gan_clamp(levels, -1, 2 * steps / 255 - 1)));
    return gan_add_scalar(gan_scale(gan_add_scalar(levels, 1), 255 / steps), -1);
}

static gan_tensor *blur(gan_tensor *images, double sigma)
{
    gan_context *ctx = gan_context_of(images);
    int reach = (int)ceil(3 * sigma);
    gan_fir fir = {.n = 2 * reach + 1};
    double sum = 0, weight[GAN_FIR_MAX];
    if (!(sigma > 0) || fir.n > GAN_FIR_MAX) {
        gan_raise(ctx, GAN_ERROR_ARGUMENT, "a blur of sigma %g is not possible", sigma);
        return gan_zeros(ctx, GAN_SCALAR);
    }
    for (int i = 0; i < fir.n; i++)
        sum += weight[i] = exp(-0.5 * (i - reach) * (i - reach) / (sigma * sigma));
    for (int i = 0; i < fir.n; i++)
        fir.taps[i] = (float)(weight[i] / sum);
    return gan_upfirdn2d(gan_reflect_pad2d(images, reach), &fir);
}

static gan_tensor *add_noise(gan_tensor *images, double levels)
{
    gan_tensor *noise = gan_randn(gan_context_of(images), gan_shape_of(images));
    return gan_clamp(gan_add(images, gan_scale(noise, (float)(levels * GREY_LEVEL))), -1, 1);
}

/* ---- JPEG ---- */

/* In place. */
static gan_status compress_one(gan_image *image, int quality, gan_message *message)
{
    void *file = NULL;
    size_t size = 0;
    gan_image decoded = {0};
    gan_status status = disturbance_jpeg_encode(image, quality, &file, &size, message);
    if (!status)
        status = gan_image_decode(file, size, "a JPEG file", &decoded, message);
    if (!status)
        status = gan_image_convert(&decoded, image->channels, message);
    if (!status)
        memcpy(image->pixels, decoded.pixels, (size_t)(image->width * image->height * image->channels));
    gan_image_free(&decoded);
    free(file);
    return status;
}

static gan_status compress_all(uint8_t *bytes, gan_shape shape, int quality, gan_message *message)
{
    size_t size = (size_t)(shape.dim[1] * shape.dim[2] * shape.dim[3]);
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < shape.dim[0] && !status; i++) {
        gan_image image = {.width = shape.dim[2],
                           .height = shape.dim[1],
                           .channels = (int)shape.dim[3],
                           .pixels = bytes + (size_t)i * size};
        status = compress_one(&image, quality, message);
    }
    return status;
}

static gan_tensor *compress(gan_tensor *images, int quality)
{
    gan_context *ctx = gan_context_of(images);
    gan_shape shape = gan_shape_of(images);
    gan_message message = {{0}};
    uint8_t *bytes = malloc((size_t)gan_count(images));
    gan_status status = bytes ? gan_read_u8(gan_images_to_u8(images), bytes) : GAN_ERROR_MEMORY;
    if (!status && (status = compress_all(bytes, shape, quality, &message)) != GAN_OK)
        gan_raise(ctx, status, "%s", message.text);
    else if (status)
        gan_raise(ctx, status, "no memory for images");
    gan_tensor *out = status ? gan_zeros(ctx, GAN_SCALAR) : gan_images_from_u8(gan_from_u8(ctx, shape, bytes));
    free(bytes);
    return out;
}

gan_tensor *disturb(gan_tensor *images, disturbance with)
{
    if (gan_is_poison(images))
        return images;
    switch (with.kind) {
    case DISTURB_BITS:
        return reduce(images, (int)with.amount);
    case DISTURB_BLUR:
        return blur(images, with.amount);
    case DISTURB_NOISE:
        return add_noise(images, with.amount);
    case DISTURB_JPEG:
        return compress(images, (int)with.amount);
    case DISTURB_NOTHING:
        break;
    }
    return images;
}
