/* source_name.c - short names of sources, for run folders. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "data/source.h"

/* Characters that are awkward in file names become '_'. */
void gan__source_name(const char *path, bool extension, char out[64])
{
    char real[PATH_MAX];
    const char *base = realpath(path, real) ? strrchr(real, '/') + 1 : "";
    size_t n = 0;
    for (; base[n] && n < 63; n++) {
        if (base[n] == '.' && n > 0 && extension)
            break;
        bool plain = (base[n] >= 'a' && base[n] <= 'z') || (base[n] >= 'A' && base[n] <= 'Z') ||
                     (base[n] >= '0' && base[n] <= '9') || base[n] == '-' || (base[n] == '.' && n > 0);
        out[n] = plain ? base[n] : '_';
    }
    out[n] = '\0';
    if (n == 0)
        strcpy(out, "data");
}
