#include "values.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

gan_status value_int(const char *option, const char *value, int64_t least, int64_t most, int64_t *out,
                     gan_message *message)
{
    char *end;
    errno = 0;
    long long wanted = strtoll(value, &end, 10);
    if (errno || end == value || *end || wanted < least || wanted > most)
        return gan_fail(message, GAN_ERROR_OPTION, "--%s must be from %" PRId64 " to %" PRId64 ", but is \"%.64s\"",
                        option, least, most, value);
    *out = wanted;
    return GAN_OK;
}

gan_status value_float(const char *option, const char *value, double least, double most, double *out,
                       gan_message *message)
{
    char *end;
    double wanted = strtod(value, &end);
    if (end == value || *end || !(wanted >= least && wanted <= most))
        return gan_fail(message, GAN_ERROR_OPTION, "--%s must be from %g to %g, but is \"%.64s\"", option, least, most,
                        value);
    *out = wanted;
    return GAN_OK;
}

/* Digits alone: no sign, no space. */
static bool parse_number(const char **at, uint64_t *out)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    *out = strtoull(*at, &end, 10);
    *at = end;
    return errno == 0;
}

/* ---- seeds ---- */

/* Into `out`, which has room for `most`; false if the list is not one, or longer. */
static bool parse_seeds(const char *list, int64_t most, uint64_t *out, int64_t *n)
{
    for (const char *at = list;; at++) {
        uint64_t first, last;
        if (!parse_number(&at, &first))
            return false;
        last = first;
        if (*at == '-' && (at++, !parse_number(&at, &last)))
            return false;
        if (last < first || last - first >= (uint64_t)(most - *n))
            return false;
        for (uint64_t i = 0; i <= last - first; i++)
            out[(*n)++] = first + i;
        if (*at == '\0')
            return true;
        if (*at != ',')
            return false;
    }
}

gan_status value_seeds(const char *option, const char *list, int64_t most, uint64_t **out, int64_t *n,
                       gan_message *message)
{
    uint64_t *seeds = calloc((size_t)most, sizeof *seeds);
    int64_t count = 0;
    if (!seeds)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for seeds");
    if (!parse_seeds(list, most, seeds, &count)) {
        free(seeds);
        return gan_fail(message, GAN_ERROR_OPTION,
                        "--%s takes numbers and ranges such as 0-63 or 1,5,9-12, at most %" PRId64
                        ", but is \"%.100s\"",
                        option, most, list);
    }
    *out = seeds;
    *n = count;
    return GAN_OK;
}

/* ---- layers ---- */

static bool parse_range(const char **at, uint64_t layers, layer_range *out)
{
    uint64_t first, last;
    if (!parse_number(at, &first))
        return false;
    last = first;
    if (**at == '-') {
        ++*at;
        last = layers - 1;
        if (**at != ',' && **at != '\0' && !parse_number(at, &last))
            return false;
    }
    if (last < first || last >= layers)
        return false;
    *out = (layer_range){(int64_t)first, (int64_t)last};
    return true;
}

gan_status value_layers(const char *option, const char *list, int64_t layers, layer_range *out, int *n,
                        gan_message *message)
{
    layer_range ranges[VALUE_RANGES_MAX];
    int count = 0;
    const char *at = list;
    while (count < VALUE_RANGES_MAX && parse_range(&at, (uint64_t)layers, &ranges[count])) {
        count++;
        if (*at == '\0') {
            for (int i = 0; i < count; i++)
                out[i] = ranges[i];
            *n = count;
            return GAN_OK;
        }
        if (*at++ != ',')
            break;
    }
    return gan_fail(message, GAN_ERROR_OPTION,
                    "--%s takes ranges of this generator's %" PRId64 " layers, 0 to %" PRId64
                    ", such as 0-1,2-3,4-, at most %d, but is \"%.100s\"",
                    option, layers, layers - 1, VALUE_RANGES_MAX, list);
}
