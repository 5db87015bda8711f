/* hidden_figure.h - what hidden_information measures, and the figure of it. */
#ifndef GAN_BENCH_HIDDEN_FIGURE_H
#define GAN_BENCH_HIDDEN_FIGURE_H

#include <gan/gan.h>

#include "disturbance.h"

/* Of a value in [-1, 1]. */
#define HIDDEN_GREY_LEVELS 127.5

/* ---- the cases ---- */

/* Rows of the figure's images. */
typedef enum hidden_row {
    HIDDEN_REAL,
    HIDDEN_TRANSLATED,
    HIDDEN_FROM_FLOAT,
    HIDDEN_FROM_BYTES,
    HIDDEN_FROM_BLUR,
    HIDDEN_ROWS,
    HIDDEN_NO_ROW = HIDDEN_ROWS
} hidden_row;

typedef struct hidden_case {
    const char *name; /* of the translated image */
    disturbance with;
    hidden_row row; /* that shows what is recovered */
} hidden_case;

#define HIDDEN_CASES 13
/* In groups of one kind, by the size of the disturbance; the first is of an image that is left as it is. */
extern const hidden_case hidden_cases[HIDDEN_CASES];

/* Over images: of mean absolute differences, and of the squares of the errors. */
typedef struct hidden_sum {
    double change, error, squares;
} hidden_sum;

typedef struct hidden_result {
    double change;         /* of the translated image */
    double error;          /* of the recovered image */
    double standard_error; /* of its mean over the images; 0 for a single one */
} hidden_result;

hidden_result hidden_result_of(const hidden_sum *sum, int64_t n);

/* ---- the figure ---- */

#define HIDDEN_COLUMNS 8

/* Images of each row, as bytes. */
typedef struct hidden_pictures {
    gan_data_info info;
    int64_t of, n;  /* images that are measured, and those of them that are shown */
    uint8_t *bytes; /* [HIDDEN_ROWS, n, H, W, C] */
    uint8_t *chunk; /* of what was measured last */
    size_t chunk_size;
} hidden_pictures;

gan_status hidden_pictures_create(hidden_pictures *p, const gan_data_info *info, int64_t of, gan_message *message);
void hidden_pictures_free(hidden_pictures *p); /* takes a zeroed one, too */
/* Images of a row, the first of which is image `first` of those that are measured: keeps those that are shown. */
gan_status hidden_pictures_take(hidden_pictures *p, hidden_row row, gan_tensor *images, int64_t first);

/* Rows of images over a plot of the errors. `domain` (0: A) is what the images are of. */
gan_status hidden_figure_write(const hidden_pictures *p, const hidden_result results[HIDDEN_CASES], int domain,
                               const char *path, gan_message *message);

#endif
