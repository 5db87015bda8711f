/* values.h - what options of the command line are set to: numbers, lists of seeds, ranges of layers. */
#ifndef HOST_VALUES_H
#define HOST_VALUES_H

#include <gan/status.h>
#include <stdint.h>

/* Errors are GAN_ERROR_OPTION, with a sentence that names the option (without its "--"), what it takes and what it
 * was given. */
gan_status value_int(const char *option, const char *value, int64_t least, int64_t most, int64_t *out,
                     gan_message *message);
gan_status value_float(const char *option, const char *value, double least, double most, double *out,
                       gan_message *message);

/* Numbers and ranges, "0-63" or "1,5,9-12", at most `most` in all. The list is the caller's (free). */
gan_status value_seeds(const char *option, const char *list, int64_t most, uint64_t **out, int64_t *n,
                       gan_message *message);

#define VALUE_RANGES_MAX 64
typedef struct layer_range {
    int64_t first, last; /* inclusive */
} layer_range;
/* "0-3,4-7,8-": a single layer, or from one to another, the last if none is named. At most VALUE_RANGES_MAX. */
gan_status value_layers(const char *option, const char *list, int64_t layers, layer_range *out, int *n,
                        gan_message *message);

#endif
