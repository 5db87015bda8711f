#define _GNU_SOURCE
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/philox.h"
#include "data/parallel.h"
#include "data/source.h"

#define DEFAULT_COUNT 60000
#define BUILTIN       "builtin:"

static const struct {
    const char *name;
    gan_status (*open)(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
} builtin[] = {
    {"digits", gan__digits_open}, {"faces", gan__faces_open},   {"sketches", gan__sketches_open},
    {"ring8", gan__ring8_open},   {"grid25", gan__grid25_open},
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

static gan_status check_options(const gan_data_options *options, gan_message *message)
{
    if (!options->source || !options->source[0])
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "no data source was named; expected a file, a folder or a builtin source such as " BUILTIN
                        "digits");
    if (options->builtin_count < 0 || options->builtin_count > GAN__DATA_MAX_COUNT)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: builtin_count is %" PRId64 ", expected 0 to %" PRId64,
                        options->source, options->builtin_count, GAN__DATA_MAX_COUNT);
    if (!(options->keep > 0 && options->keep <= 1))
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: keep is %g, expected more than 0, at most 1", options->source,
                        options->keep);
    if (options->threads < 0)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: threads are %d, expected 0 or more", options->source,
                        options->threads);
    return GAN_OK;
}

/* ---- which source ---- */

static bool is_in_folder(const char *folder, const char *name)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && access(path, F_OK) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), n = strlen(end);
    return length >= n && strcasecmp(text + length - n, end) == 0;
}

static gan_status open_source(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    const char *source = options->source;
    struct stat info;
    if (strncmp(source, BUILTIN, strlen(BUILTIN)) == 0)
        return open_builtin(dataset, options, message);
    if (stat(source, &info) == 0 && S_ISDIR(info.st_mode)) {
        if (gan__idx_is_folder(source))
            return gan__idx_open(dataset, options, message);
        return (is_in_folder(source, "data_batch_1.bin") ? gan__cifar_open : gan__folder_open)(dataset, options,
                                                                                               message);
    }
    if (ends_with(source, ".zip"))
        return gan__zip_open(dataset, options, message);
    return (ends_with(source, ".bin") ? gan__cifar_open : gan__idx_open)(dataset, options, message);
}

/* From what the source has to what is given out. */
static gan_status set_output(gan_dataset *dataset, const gan_data_options *options, gan_message *message)
{
    gan_data_info *info = &dataset->info;
    dataset->source_height = info->height;
    dataset->source_width = info->width;
    dataset->source_channels = info->channels;
    if (!info->scaled)
        return GAN_OK;
    if (options->channels)
        info->channels = options->channels;
    if (options->resolution)
        info->height = info->width = options->resolution;
    if (!dataset->get) /* files were fitted, and kept, when they were checked */
        return GAN_OK;
    gan_status status =
        gan__fit_check(&dataset->fit, dataset->source_width, dataset->source_height, options->source, message);
    if (status == GAN_OK && !gan__dataset_is_plain(dataset))
        status = gan__keep_open(&dataset->keep, info->count, options->keep, options->source, message);
    return status;
}

gan_status gan__dataset_open(const gan_data_options *options, const gan__survey *survey, gan_dataset **out,
                             gan_message *message)
{
    gan_data_options complete = *options;
    if (complete.builtin_count == 0)
        complete.builtin_count = DEFAULT_COUNT;
    if (complete.keep == 0)
        complete.keep = 1;
    gan_status status = check_options(&complete, message);
    if (status != GAN_OK)
        return status;
    gan_dataset *dataset = calloc(1, sizeof *dataset);
    if (!dataset)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory to open it", options->source);
    dataset->info.struct_size = sizeof dataset->info;
    dataset->seed = options->seed;
    dataset->mirror = options->mirror;
    dataset->threads = options->threads ? options->threads : gan__core_count();
    dataset->survey = survey;
    status = gan__fit_init(&dataset->fit, &complete, message);
    if (status == GAN_OK)
        status = open_source(dataset, &complete, message);
    if (status == GAN_OK)
        status = set_output(dataset, &complete, message);
    if (status != GAN_OK) {
        gan_dataset_close(dataset);
        return status;
    }
    *out = dataset;
    return GAN_OK;
}

gan_status gan_dataset_open(const gan_data_options *options, gan_dataset **out, gan_message *message)
{
    if (!options || !out || options->struct_size < sizeof *options)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "gan_dataset_open: no options, no place for the result, or "
                        "struct_size is not set");
    return gan__dataset_open(options, NULL, out, message);
}

void gan_dataset_close(gan_dataset *dataset)
{
    if (!dataset)
        return;
    if (dataset->close)
        dataset->close(dataset);
    gan__keep_close(&dataset->keep);
    free(dataset);
}

const gan_data_info *gan_dataset_info(const gan_dataset *dataset)
{
    return &dataset->info;
}

/* ---- samples ---- */

bool gan__dataset_is_plain(const gan_dataset *dataset)
{
    const gan__fit *fit = &dataset->fit;
    bool fits = fit->side == 0 || (dataset->source_height == fit->side && dataset->source_width == fit->side &&
                                   (fit->how != GAN_FIT_CROP || fit->scaled == fit->side));
    return dataset->get && !dataset->costly && fits && dataset->source_channels == dataset->info.channels;
}

bool gan__dataset_decodes(const gan_dataset *dataset)
{
    const gan_data_info *info = &dataset->info;
    if (!dataset->get) /* what there was room for has been kept while it was checked */
        return gan__keep_is_full(&dataset->keep);
    return dataset->costly && !gan__keep_has_room(&dataset->keep, info->height * info->width * info->channels);
}

static gan_status read_image(const gan_dataset *dataset, int64_t index, gan_image *out, int32_t *label,
                             gan_message *message)
{
    if (dataset->read)
        return dataset->read(dataset, index, out, label, message);
    gan_image image = {0};
    gan_status status =
        gan_image_create(&image, dataset->source_width, dataset->source_height, (int)dataset->source_channels, message);
    if (status != GAN_OK)
        return status;
    status = dataset->get(dataset, index, image.pixels, (size_t)(image.width * image.channels), label, message);
    if (status == GAN_OK)
        *out = image;
    else
        gan_image_free(&image);
    return status;
}

/* The image before it is cut out. *owned: it must be freed. */
static gan_status fitted_image(const gan_dataset *dataset, int64_t index, gan_image *out, bool *owned, int32_t *label,
                               gan_message *message)
{
    const gan__kept *kept = gan__keep_find(&dataset->keep, index);
    if (kept) {
        *owned = false;
        *out = kept->image;
        *label = kept->label;
        return GAN_OK;
    }
    gan_image image = {0};
    gan_status status = read_image(dataset, index, &image, label, message);
    if (status == GAN_OK)
        status = gan__fit_apply(&dataset->fit, &image, message);
    if (status != GAN_OK) {
        gan_image_free(&image);
        return status;
    }
    *owned = !gan__keep_put((gan__keep *)&dataset->keep, index, &image, *label);
    *out = image;
    return GAN_OK;
}

/* The rectangle of an image that is given out, with its upper left corner at (x, y); grey becomes what is wanted. */
static void give_out(const gan_data_info *info, const gan_image *image, int64_t x, int64_t y, uint8_t *pixels)
{
    size_t row = (size_t)(image->width * image->channels), out_row = (size_t)(info->width * info->channels);
    for (int64_t i = 0; i < info->height; i++) {
        const uint8_t *from = image->pixels + (size_t)(y + i) * row + (size_t)(x * image->channels);
        uint8_t *to = pixels + (size_t)i * out_row;
        if (image->channels == info->channels)
            memcpy(to, from, out_row);
        else
            for (size_t j = 0; j < out_row; j++)
                to[j] = from[j / 3];
    }
}

/* `words` are random; NULL: the centre, not mirrored. */
static gan_status take_sample(const gan_dataset *dataset, int64_t index, const uint32_t *words, void *pixels,
                              int32_t *label, gan_message *message)
{
    const gan_data_info *info = &dataset->info;
    size_t stride = (size_t)(info->width * info->channels) * (info->scaled ? 1 : sizeof(float));
    if (!info->scaled || gan__dataset_is_plain(dataset)) {
        gan_status status = dataset->get(dataset, index, pixels, stride, label, message);
        if (status != GAN_OK)
            return status;
    } else {
        gan_image image;
        bool owned;
        gan_status status = fitted_image(dataset, index, &image, &owned, label, message);
        if (status != GAN_OK)
            return status;
        int64_t x = image.width - info->width, y = image.height - info->height; /* room to move in */
        bool random = words && dataset->fit.uncut;
        x = random ? gan__int_of_word(words[0], (uint32_t)x + 1) : x / 2;
        y = random ? gan__int_of_word(words[1], (uint32_t)y + 1) : y / 2;
        give_out(info, &image, x, y, pixels);
        if (owned)
            gan_image_free(&image);
    }
    if (words && dataset->mirror && (words[2] & 1)) {
        gan_image view = {info->width, info->height, (int)info->channels, pixels};
        gan_image_mirror(&view);
    }
    return GAN_OK;
}

gan_status gan_dataset_get(const gan_dataset *dataset, int64_t index, void *pixels, int32_t *label,
                           gan_message *message)
{
    const gan_data_info *info = &dataset->info;
    if (index < 0 || index >= info->count)
        return gan_fail(message, GAN_ERROR_ARGUMENT, "%s: sample %" PRId64 " was asked for, there are %" PRId64,
                        info->name, index, info->count);
    int32_t ignored;
    return take_sample(dataset, index, NULL, pixels, label ? label : &ignored, message);
}

gan_status gan__dataset_draw(const gan_dataset *dataset, int64_t index, uint64_t seed, uint64_t position, void *pixels,
                             int32_t *label, gan_message *message)
{
    int32_t ignored;
    uint32_t words[4];
    bool random = dataset->mirror || dataset->fit.uncut;
    if (random)
        gan__philox(seed, GAN__STREAM_AUGMENT, position, &words[0], &words[1], &words[2], &words[3]);
    return take_sample(dataset, index, random ? words : NULL, pixels, label ? label : &ignored, message);
}

const char *gan_dataset_name(const gan_dataset *dataset, int64_t index)
{
    bool named = dataset->name && index >= 0 && index < dataset->info.count;
    return named ? dataset->name(dataset, index) : NULL;
}

bool gan_dataset_mixture(const gan_dataset *dataset, const float **centres, float *sigma)
{
    if (!dataset->centres)
        return false;
    *centres = dataset->centres;
    *sigma = dataset->sigma;
    return true;
}
