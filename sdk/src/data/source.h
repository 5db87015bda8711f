/*
 * source.h - what a kind of data source supplies, behind gan_dataset. Internal to data/.
 *
 * To add a source: write its opener, which fills in `info`, `get` (or `read`), `close` and `state`, and name it in
 * dataset.c.
 */
#ifndef GAN_DATA_SOURCE_H
#define GAN_DATA_SOURCE_H

#include <gan/data.h>

#include "data/fit.h"
#include "data/keep.h"

#define GAN__DATA_MAX_COUNT   ((int64_t)1 << 31) /* samples of a source */
#define GAN__DATA_MAX_CLASSES 65536

/* The streams of Philox that data draws from. A context's own draws use small stream numbers under its own seed;
 * these stay apart from them even when a run uses one seed for everything. */
#define GAN__STREAM_DIGITS  UINT64_C(0x6461746100000001)
#define GAN__STREAM_MIXTURE UINT64_C(0x6461746100000002)
#define GAN__STREAM_FACES   UINT64_C(0x6461746100000003)
#define GAN__STREAM_AUGMENT UINT64_C(0x6461746100000004) /* counter: the position in a loader's sequence */
#define GAN__STREAM_SHUFFLE UINT64_C(0x6461746100000100) /* plus the epoch's number */

/* gan_data_check at work. */
typedef struct gan__survey {
    gan_data_summary *out;
    gan_data_problem problem;
    void *user;
} gan__survey;

struct gan_dataset {
    gan_data_info info; /* as samples are given out; as the source has them while it is opened */
    int64_t source_height, source_width, source_channels;
    gan__fit fit;
    gan__keep keep;
    bool mirror;
    int threads;
    uint64_t seed;
    void *state;
    const float *centres; /* of a mixture; NULL for other sources */
    float sigma;
    const gan__survey *survey; /* while a source is opened for gan_data_check; NULL otherwise */

    /* A source supplies one of these two; both are called by several threads at once. */
    /* For samples of one size: write sample `index` (in range) to `pixels`, whose rows are `stride` bytes apart; the
     * label, -1 where there is none. */
    gan_status (*get)(const gan_dataset *dataset, int64_t index, uint8_t *pixels, size_t stride, int32_t *label,
                      gan_message *message);
    /* For images of any size, which are to be fitted; *out is the caller's. */
    gan_status (*read)(const gan_dataset *dataset, int64_t index, gan_image *out, int32_t *label, gan_message *message);
    const char *(*name)(const gan_dataset *dataset, int64_t index); /* of its file; NULL where there are none */
    bool costly;                                                    /* `get` takes so long that what it gave is kept */
    void (*close)(gan_dataset *dataset);                            /* release `state`; may be NULL */
};

/* Sample `index` as the draw at `position` of the sequence of `seed`: cut at a random place and mirrored by chance,
 * where the data set's options say so. */
gan_status gan__dataset_draw(const gan_dataset *dataset, int64_t index, uint64_t seed, uint64_t position, void *pixels,
                             int32_t *label, gan_message *message);
/* gan_dataset_open, with a survey or NULL. */
gan_status gan__dataset_open(const gan_data_options *options, const gan__survey *survey, gan_dataset **out,
                             gan_message *message);
bool gan__dataset_is_plain(const gan_dataset *dataset); /* samples are given out as the source has them */
/* Whether samples have to be decoded or drawn, which several threads should do, or are in memory already. */
bool gan__dataset_decodes(const gan_dataset *dataset);

/* `classes` of no images, named by their numbers. */
gan_status gan__survey_classes(gan_data_summary *out, int64_t classes, gan_message *message);

/* A short name for run folders, from the last part of a path; `extension`: it has one, and ends before its first dot.
 */
void gan__source_name(const char *path, bool extension, char out[64]);

/* Openers fill in a zeroed data set (`fit`, `threads`, `seed` and `survey` apart). `options` is complete
 * (builtin_count resolved) and has passed the checks that do not depend on the source. */
gan_status gan__digits_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__faces_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__sketches_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__ring8_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__grid25_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
bool gan__idx_is_folder(const char *path); /* it holds a file of MNIST's name */
gan_status gan__idx_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__cifar_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__folder_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);
gan_status gan__zip_open(gan_dataset *dataset, const gan_data_options *options, gan_message *message);

#endif
