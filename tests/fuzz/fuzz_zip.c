/* Archives of any bytes: what is accepted gives every sample without an error, in the size and with the labels that it
 * says; gan_data_check agrees about the number of images. */
#include "fuzz.h"

#include "data/zip_source.h"

/* The reader on a data set of its own; what gan_dataset_open does around it is tested elsewhere. */
static int open_archive(gan_dataset *dataset, const gan_data_options *options, const uint8_t *data, size_t size)
{
    *dataset = (gan_dataset){.threads = 1};
    return gan__fit_init(&dataset->fit, options, NULL) == GAN_OK &&
           gan__zip_open_memory(dataset, options, data, size, &(gan_message){{0}}) == GAN_OK;
}

static void close_archive(gan_dataset *dataset)
{
    if (dataset->close)
        dataset->close(dataset);
    gan__keep_close(&dataset->keep);
}

static int64_t survey(const gan_data_options *options, const uint8_t *data, size_t size)
{
    gan_data_summary found = {.struct_size = sizeof found};
    gan__survey survey = {.out = &found};
    gan_dataset dataset = {.threads = 1, .survey = &survey};
    int64_t right = -1;
    if (gan__zip_open_memory(&dataset, options, data, size, NULL) == GAN_OK)
        right = found.count;
    gan_data_summary_free(&found);
    close_archive(&dataset);
    return right;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t pixels[8 * 8 * 3];
    gan_data_options options = {.struct_size = sizeof options, .source = "input", .labels = true, .resolution = 8};
    gan_dataset dataset;
    int64_t right = survey(&options, data, size);
    if (!open_archive(&dataset, &options, data, size)) {
        close_archive(&dataset);
        return 0;
    }
    if (right != dataset.info.count)
        fuzz_failed("accepted, but the check says otherwise");
    dataset.info.height = dataset.info.width = 8;
    for (int64_t i = 0; i < dataset.info.count; i++) {
        int32_t label;
        if (gan_dataset_get(&dataset, i, pixels, &label, NULL) != GAN_OK)
            fuzz_failed("an image that was checked cannot be read");
        if (label < -1 || label >= (dataset.info.classes ? dataset.info.classes : 1))
            fuzz_failed("a label out of range");
        for (size_t k = 0; k < sizeof pixels; k++)
            fuzz_use(pixels[k]);
    }
    close_archive(&dataset);
    return 0;
}
