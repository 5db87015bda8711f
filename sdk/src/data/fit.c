#include "data/fit.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MAX_SIDE    4096 /* of what is given out: a batch of them must fit into memory */
#define MAX_ENLARGE 8

static gan_status check_choices(const gan_data_options *options, gan_message *message)
{
    const char *source = options->source;
    if (options->fit < GAN_FIT_CROP || options->fit > GAN_FIT_STRETCH)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: fit is %d, which is no gan_fit", source, (int)options->fit);
    if (options->filter < GAN_FILTER_AREA || options->filter > GAN_FILTER_LANCZOS)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: filter is %d, which is no gan_filter", source,
                        (int)options->filter);
    if (options->channels != 0 && options->channels != 1 && options->channels != 3)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "%s: channels are %d, expected 1, 3, or 0 for what the images have", source, options->channels);
    if (options->resolution < 0 || options->resolution > MAX_SIDE)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: resolution is %" PRId64 ", expected 0 to %d", source,
                        options->resolution, MAX_SIDE);
    if (options->enlarge != 0 && !(options->enlarge >= 1 && options->enlarge <= MAX_ENLARGE))
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: enlarge is %g, expected 1 to %d", source, options->enlarge,
                        MAX_ENLARGE);
    return GAN_OK;
}

gan_status gan__fit_init(gan__fit *fit, const gan_data_options *options, gan_message *message)
{
    gan_status status = check_choices(options, message);
    if (status != GAN_OK)
        return status;
    bool enlarged = options->enlarge > 1, cuts = options->fit == GAN_FIT_CROP && options->resolution > 0;
    if ((enlarged || options->random_crop) && !cuts)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: %s needs a resolution, and fit = crop", options->source,
                        enlarged ? "enlarge" : "random_crop");
    *fit = (gan__fit){
        .how = options->fit,
        .filter = options->filter,
        .side = options->resolution,
        .scaled = enlarged ? llround((double)options->resolution * options->enlarge) : options->resolution,
        .uncut = options->random_crop,
        .grey = options->channels == 1,
    };
    return GAN_OK;
}

/* The size that GAN_FIT_CROP scales to: the shorter side as asked for, the longer one in proportion. */
static void scaled_size(const gan__fit *fit, int64_t width, int64_t height, int64_t *out_width, int64_t *out_height)
{
    int64_t shorter = width < height ? width : height;
    *out_width = (width * fit->scaled + shorter / 2) / shorter;
    *out_height = (height * fit->scaled + shorter / 2) / shorter;
}

gan_status gan__fit_check(const gan__fit *fit, int64_t width, int64_t height, const char *name, gan_message *message)
{
    if (fit->side == 0 || fit->how == GAN_FIT_STRETCH)
        return GAN_OK;
    if (fit->how == GAN_FIT_PAD) {
        if (width <= fit->side && height <= fit->side)
            return GAN_OK;
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "%s: %" PRId64 "x%" PRId64 " is larger than the resolution of %" PRId64
                        " that was asked for; fit = crop scales it",
                        name, width, height, fit->side);
    }
    int64_t w, h;
    scaled_size(fit, width, height, &w, &h);
    if (w <= GAN_IMAGE_MAX_SIDE && h <= GAN_IMAGE_MAX_SIDE && w * h <= GAN_IMAGE_MAX_PIXELS)
        return GAN_OK;
    return gan_fail(message, GAN_ERROR_LIMIT,
                    "%s: %" PRId64 "x%" PRId64 " is too narrow to be cut to %" PRId64 "x%" PRId64
                    ": it would be scaled to %" PRId64 "x%" PRId64,
                    name, width, height, fit->side, fit->side, w, h);
}

static void replace(gan_image *image, gan_image with)
{
    gan_image_free(image);
    *image = with;
}

static gan_status resize(gan_image *image, int64_t width, int64_t height, gan_filter filter, gan_message *message)
{
    if (image->width == width && image->height == height)
        return GAN_OK;
    gan_image out = {0};
    gan_status status = gan_image_resize(image, width, height, filter, &out, message);
    if (status == GAN_OK)
        replace(image, out);
    return status;
}

static gan_status pad(gan_image *image, int64_t side, gan_message *message)
{
    if (image->width == side && image->height == side)
        return GAN_OK;
    gan_image out = {0};
    gan_status status = gan_image_create(&out, side, side, image->channels, message);
    if (status != GAN_OK)
        return status;
    size_t row = (size_t)(image->width * image->channels), out_row = (size_t)(side * image->channels);
    uint8_t *corner = out.pixels + (size_t)((side - image->height) / 2) * out_row +
                      (size_t)((side - image->width) / 2 * image->channels);
    memset(out.pixels, 0, out_row * (size_t)side);
    for (int64_t y = 0; y < image->height; y++)
        memcpy(corner + (size_t)y * out_row, image->pixels + (size_t)y * row, row);
    replace(image, out);
    return GAN_OK;
}

static gan_status crop(const gan__fit *fit, gan_image *image, gan_message *message)
{
    int64_t width, height, side = fit->side;
    scaled_size(fit, image->width, image->height, &width, &height);
    gan_status status = resize(image, width, height, fit->filter, message);
    if (status != GAN_OK || fit->uncut || (width == side && height == side))
        return status;
    gan_image out = {0};
    status = gan_image_crop(image, (width - side) / 2, (height - side) / 2, side, side, &out, message);
    if (status == GAN_OK)
        replace(image, out);
    return status;
}

gan_status gan__fit_apply(const gan__fit *fit, gan_image *image, gan_message *message)
{
    gan_status status = fit->grey && image->channels != 1 ? gan_image_convert(image, 1, message) : GAN_OK;
    if (status != GAN_OK || fit->side == 0)
        return status;
    if (fit->how == GAN_FIT_PAD)
        return pad(image, fit->side, message);
    if (fit->how == GAN_FIT_STRETCH)
        return resize(image, fit->side, fit->side, fit->filter, message);
    return crop(fit, image, message);
}
