/* zip_source.h - archives in memory, for tests and fuzzing. Internal to data/. */
#ifndef GAN_DATA_ZIP_SOURCE_H
#define GAN_DATA_ZIP_SOURCE_H

#include "data/source.h"

/* As gan__zip_open, of an archive's bytes, which must outlive the data set; options->source stands for its path. */
gan_status gan__zip_open_memory(gan_dataset *dataset, const gan_data_options *options, const void *bytes, size_t size,
                                gan_message *message);

#endif
