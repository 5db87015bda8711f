/*
 * mixture.c - the two mixtures of Gaussians on which mode coverage is measured, with the centres and widths of
 * Lin et al., "PacGAN: The power of two samples in generative adversarial networks", NeurIPS 2018, section 4.1.
 */
#include "core/philox.h"
#include "data/source.h"

#define SQRT_HALF 0.70710678f

static const float ring8_centres[8][2] = {
    {1, 0},  {SQRT_HALF, SQRT_HALF},   {0, 1},  {-SQRT_HALF, SQRT_HALF},
    {-1, 0}, {-SQRT_HALF, -SQRT_HALF}, {0, -1}, {SQRT_HALF, -SQRT_HALF},
};

static const float grid25_centres[25][2] = {
    {-4, -4}, {-2, -4}, {0, -4}, {2, -4}, {4, -4}, {-4, -2}, {-2, -2}, {0, -2}, {2, -2},
    {4, -2},  {-4, 0},  {-2, 0}, {0, 0},  {2, 0},  {4, 0},   {-4, 2},  {-2, 2}, {0, 2},
    {2, 2},   {4, 2},   {-4, 4}, {-2, 4}, {0, 4},  {2, 4},   {4, 4},
};

static gan_status mixture_get(const gan_dataset *dataset, int64_t index, uint8_t *pixels, size_t stride, int32_t *label,
                              gan_message *message)
{
    (void)stride;
    (void)message;
    uint32_t word[4];
    gan__philox(dataset->seed, GAN__STREAM_MIXTURE, (uint64_t)index, &word[0], &word[1], &word[2], &word[3]);
    int32_t mode = gan__int_of_word(word[0], (uint32_t)dataset->info.classes);
    float x, y, *out = (float *)(void *)pixels;
    gan__normal_of_words(word[1], word[2], &x, &y);
    out[0] = dataset->centres[2 * mode] + dataset->sigma * x;
    out[1] = dataset->centres[2 * mode + 1] + dataset->sigma * y;
    *label = mode;
    return GAN_OK;
}

/* A mixture's labels (the mode's number) are always there: whoever counts modes needs `classes`. */
static gan_status mixture_open(gan_dataset *dataset, const gan_data_options *options, int64_t classes,
                               const float *centres, float sigma, gan_message *message)
{
    const char *what = options->resolution            ? "resolution"
                       : options->fit != GAN_FIT_CROP ? "fit"
                       : options->mirror              ? "mirror"
                       : options->channels            ? "channels"
                                                      : NULL;
    if (what)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: its samples are points, it has no %s to set", options->source,
                        what);
    dataset->info.count = options->builtin_count;
    dataset->info.height = dataset->info.width = 1;
    dataset->info.channels = 2;
    dataset->info.classes = classes;
    dataset->info.scaled = false;
    dataset->centres = centres;
    dataset->sigma = sigma;
    dataset->get = mixture_get;
    return GAN_OK;
}

gan_status gan__ring8_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    return mixture_open(dataset, options, 8, &ring8_centres[0][0], 0.01f, message);
}

gan_status gan__grid25_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    return mixture_open(dataset, options, 25, &grid25_centres[0][0], 0.05f, message);
}
