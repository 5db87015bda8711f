#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/idx.h"
#include "data/source.h"

#define DEFAULT_COUNT 60000
#define BUILTIN       "builtin:"

static const struct {
    const char *name;
    gan_status (*open)(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
} builtin[] = {
    {"digits", gan__digits_open},
    {"faces", gan__faces_open},
    {"sketches", gan__sketches_open},
    {"ring8", gan__ring8_open},
    {"grid25", gan__grid25_open},
};
#define BUILTINS (sizeof builtin / sizeof builtin[0])

static gan_status open_builtin(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    const char *name = options->source + strlen(BUILTIN);
    for (size_t i = 0; i < BUILTINS; i++)
        if (strcmp(name, builtin[i].name) == 0) {
            snprintf(dataset->info.name, sizeof dataset->info.name, "%s", name);
            return builtin[i].open(dataset, options, message);
        }
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < BUILTINS && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s" BUILTIN "%s", i ? ", " : "", builtin[i].name);
    return gan_fail(message, GAN_ERROR_NOT_FOUND, "%s: there is no such builtin source; there are %s", options->source,
                    list);
}

/* Centre the source's images on black squares of side options->resolution. */
static gan_status set_resolution(gan_dataset *dataset, int64_t resolution, const char *source, gan_message *message)
{
    gan_data_info *info = &dataset->info;
    dataset->source_height = info->height;
    dataset->source_width = info->width;
    if (resolution == 0)
        return GAN_OK;
    if (info->height > resolution || info->width > resolution)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "%s: its images are %" PRId64 "x%" PRId64 ", larger than the resolution of %" PRId64
                        " that was asked for",
                        source, info->height, info->width, resolution);
    dataset->margin_y = (resolution - info->height) / 2;
    dataset->margin_x = (resolution - info->width) / 2;
    info->height = info->width = resolution;
    return GAN_OK;
}

static gan_status check_options(const gan_data_options *options, gan_message *message)
{
    if (!options->source || !options->source[0])
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "no data source was named; expected a file, a folder or a builtin source such as " BUILTIN
                        "digits");
    if (options->resolution < 0 || options->resolution > GAN__IDX_MAX_SIDE)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: resolution is %" PRId64 ", expected 0 to %d", options->source,
                        options->resolution, GAN__IDX_MAX_SIDE);
    if (options->builtin_count < 0 || options->builtin_count > GAN__DATA_MAX_COUNT)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: builtin_count is %" PRId64 ", expected 0 to %" PRId64,
                        options->source, options->builtin_count, GAN__DATA_MAX_COUNT);
    return GAN_OK;
}

gan_status gan_dataset_open(const gan_data_options *options, gan_dataset **out, gan_message *message)
{
    if (!options || !out || options->struct_size < sizeof *options)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "gan_dataset_open: no options, no place for the result, or "
                        "struct_size is not set");
    gan_data_options complete = *options;
    if (complete.builtin_count == 0)
        complete.builtin_count = DEFAULT_COUNT;
    gan_status status = check_options(&complete, message);
    if (status != GAN_OK)
        return status;
    gan_dataset *dataset = calloc(1, sizeof *dataset);
    if (!dataset)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to open it", options->source);
    dataset->info.struct_size = sizeof dataset->info;
    dataset->seed = options->seed;
    if (strncmp(complete.source, BUILTIN, strlen(BUILTIN)) == 0)
        status = open_builtin(dataset, &complete, message);
    else
        status = gan__idx_open(dataset, &complete, message);
    if (status == GAN_OK)
        status = set_resolution(dataset, complete.resolution, complete.source, message);
    if (status != GAN_OK) {
        gan_dataset_close(dataset);
        return status;
    }
    *out = dataset;
    return GAN_OK;
}

void gan_dataset_close(gan_dataset *dataset)
{
    if (!dataset)
        return;
    if (dataset->close)
        dataset->close(dataset);
    free(dataset);
}

const gan_data_info *gan_dataset_info(const gan_dataset *dataset)
{
    return &dataset->info;
}

gan_status gan_dataset_get(const gan_dataset *dataset, int64_t index, void *pixels, int32_t *label,
                           gan_message *message)
{
    const gan_data_info *info = &dataset->info;
    if (index < 0 || index >= info->count)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: sample %" PRId64 " was asked for, there are %" PRId64,
                        info->name, index, info->count);
    size_t stride = (size_t)(info->width * info->channels) * (info->scaled ? 1 : sizeof(float));
    uint8_t *corner = pixels;
    if (info->height != dataset->source_height || info->width != dataset->source_width) {
        memset(pixels, 0, stride * (size_t)info->height);
        corner += (size_t)dataset->margin_y * stride + (size_t)(dataset->margin_x * info->channels);
    }
    int32_t ignored;
    return dataset->get(dataset, index, corner, stride, label ? label : &ignored, message);
}

bool gan_dataset_mixture(const gan_dataset *dataset, const float **centres, float *sigma)
{
    if (!dataset->centres)
        return false;
    *centres = dataset->centres;
    *sigma = dataset->sigma;
    return true;
}
