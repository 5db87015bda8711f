/* survey.c - what is in a source: gan_data_check. */
#include <stdio.h>
#include <stdlib.h>

#include "data/source.h"

gan_status gan__survey_classes(gan_data_summary *out, int64_t classes, gan_message *message)
{
    if (classes == 0)
        return GAN_OK;
    out->classes = calloc((size_t)classes, sizeof *out->classes);
    if (!out->classes)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for a list of classes");
    out->n_classes = classes;
    for (int64_t i = 0; i < classes; i++)
        snprintf(out->classes[i].name, sizeof out->classes[i].name, "%lld", (long long)i);
    return GAN_OK;
}

/* Sources that were read and checked as a whole: what is left is to count the labels. */
static gan_status count_samples(const gan_dataset *dataset, gan_data_summary *out, gan_message *message)
{
    const gan_data_info *info = &dataset->info;
    size_t bytes = (size_t)(info->height * info->width * info->channels) * (info->scaled ? 1 : sizeof(float));
    void *pixels = malloc(bytes);
    if (!pixels)
        return gan_fail(message, GAN_ERROR_MEMORY, "%s: no memory for a sample", info->name);
    gan_status status = gan__survey_classes(out, info->classes, message);
    for (int64_t i = 0; i < info->count && status == GAN_OK && info->classes > 0; i++) {
        int32_t label;
        status = gan_dataset_get(dataset, i, pixels, &label, message);
        if (status == GAN_OK)
            out->classes[label].count++;
    }
    free(pixels);
    out->count = info->count;
    if (info->scaled) {
        out->width_min = out->width_max = dataset->source_width;
        out->height_min = out->height_max = dataset->source_height;
        *(dataset->source_channels == 1 ? &out->grey : &out->colour) = info->count;
    }
    return status;
}

gan_status gan_data_check(const gan_data_options *options, gan_data_problem problem, void *user, gan_data_summary *out,
                          gan_message *message)
{
    if (!options || !out || options->struct_size < sizeof *options || out->struct_size < sizeof *out)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "gan_data_check: no options, no place for the result, or struct_size is not set");
    gan_data_summary found = {.struct_size = out->struct_size};
    gan__survey survey = {.out = &found, .problem = problem, .user = user};
    gan_dataset *dataset = NULL;
    gan_status status = gan__dataset_open(options, &survey, &dataset, message);
    if (status == GAN_OK && dataset->get)
        status = count_samples(dataset, &found, message);
    gan_dataset_close(dataset);
    if (status == GAN_OK)
        *out = found;
    else
        gan_data_summary_free(&found);
    return status;
}

void gan_data_summary_free(gan_data_summary *summary)
{
    free(summary->classes);
    summary->classes = NULL;
    summary->n_classes = 0;
}
