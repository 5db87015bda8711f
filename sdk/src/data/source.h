/*
 * source.h - what a kind of data source supplies, behind gan_dataset. Internal to data/.
 *
 * To add a source: write its opener, which fills in `info`, `get`, `close` and `state`, and name it in dataset.c.
 */
#ifndef GAN_DATA_SOURCE_H
#define GAN_DATA_SOURCE_H

#include <gan/data.h>

#define GAN__DATA_MAX_COUNT ((int64_t)1 << 31) /* samples of a builtin source */

/* The streams of Philox that data draws from. A context's own draws use small stream numbers under its own seed;
 * these stay apart from them even when a run uses one seed for everything. */
#define GAN__STREAM_DIGITS  UINT64_C(0x6461746100000001)
#define GAN__STREAM_MIXTURE UINT64_C(0x6461746100000002)
#define GAN__STREAM_FACES   UINT64_C(0x6461746100000003)
#define GAN__STREAM_SHUFFLE UINT64_C(0x6461746100000100) /* plus the epoch's number */

struct gan_dataset {
    gan_data_info info;         /* as samples are given out */
    int64_t margin_y, margin_x; /* black rows above and columns beside the source's image */
    int64_t source_height, source_width;
    uint64_t seed;
    void *state;
    const float *centres; /* of a mixture; NULL for other sources */
    float sigma;

    /* Write sample `index` (in range) to `pixels`, whose rows are `stride` bytes apart; the label, -1 where there is
     * none. Called by several threads at once. */
    gan_status (*get)(const gan_dataset *dataset, int64_t index, uint8_t *pixels, size_t stride, int32_t *label,
                      gan_message *message);
    void (*close)(gan_dataset *dataset); /* release `state`; may be NULL */
};

/* Openers fill in a zeroed data set. `options` is complete (builtin_count resolved) and has passed the checks that do
 * not depend on the source. */
gan_status gan__digits_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__faces_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__sketches_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__ring8_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__grid25_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__idx_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);

#endif
