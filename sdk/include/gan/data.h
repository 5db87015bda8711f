/*
 * data.h - data sets and loaders. Nothing here needs a context; loaders run threads of their own.
 */
#ifndef GAN_DATA_H
#define GAN_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a data set's samples look like. Images have scaled == true: bytes, mapped to [-1, 1] for networks. Vectors
 * (builtin:ring8, builtin:grid25) are [1, 1, channels] f32 and not scaled. */
typedef struct gan_data_info {
    uint32_t struct_size;
    int64_t count; /* samples; a builtin source has the count that was asked for */
    int64_t height, width, channels;
    int64_t classes; /* 0 if there are no labels */
    bool scaled;     /* images of bytes; false: vectors of f32 */
    char name[64];   /* short, for run folders: "mnist", "digits" */
} gan_data_info;

typedef struct gan_dataset gan_dataset;

/* How an image comes to the resolution that was asked for. */
typedef enum gan_fit {
    GAN_FIT_CROP = 0,    /* scaled until its shorter side fits, then a square is cut out */
    GAN_FIT_PAD = 1,     /* not scaled; centred on a black square, and refused when larger */
    GAN_FIT_STRETCH = 2, /* scaled to the square, whatever its shape */
} gan_fit;

/* Called now and then while a source is checked, from the calling thread: `done` of `total` images. False stops with
 * GAN_INTERRUPTED. */
typedef bool (*gan_data_progress)(int64_t done, int64_t total, void *user);

typedef struct gan_data_options {
    uint32_t struct_size;
    const char *source;    /* see gan_dataset_open */
    int64_t resolution;    /* side of the square images given out; 0: as the source has them, all of one size */
    bool labels;           /* read labels where there are some */
    uint64_t seed;         /* of builtin sources */
    int64_t builtin_count; /* samples of a builtin source; 0: 60000 */
    gan_fit fit;
    gan_filter filter;          /* for scaling; GAN_FILTER_AREA is 0 */
    double enlarge;             /* GAN_FIT_CROP scales to this times the resolution before it cuts; 0: 1 */
    bool random_crop;           /* a loader cuts at a random place; otherwise, and in gan_dataset_get, at the centre */
    bool mirror;                /* a loader exchanges left and right of every second image, by chance */
    int channels;               /* 1 or 3; 0: 1 if every image is grey, else 3 */
    int threads;                /* that check and decode; 0: as many as there are cores */
    gan_data_progress progress; /* may be NULL */
    void *progress_user;
    double keep; /* decoded images stay in memory up to this part, at most 1, of a gigabyte, or of a quarter of the
                    machine's memory where that is less; 0: 1 */
} gan_data_options;

/* Open a source and check all of it: every header, size, label and checksum that there is, and every image by decoding
 * it. Sources:
 *   builtin:digits   digits 0-9 as jittered strokes, 28x28 grey, 10 classes
 *   builtin:faces    cartoon faces of independent hue, hair, eyes and pose, RGB, at any power of two from 16 to 1024
 *                    (64 when no resolution is asked for)
 *   builtin:sketches the same faces, by seed and index, as grey pencil drawings on white paper, RGB
 *   builtin:ring8    8 Gaussians on a ring of radius 1, sigma 0.01, 2-D, 8 classes
 *   builtin:grid25   25 Gaussians on {-4,-2,0,2,4}², sigma 0.05, 2-D, 25 classes
 *   FILE             IDX images, plain or gzip; labels are looked for beside it (images-idx3 -> labels-idx1)
 *   FOLDER           one that holds train-images-idx3-ubyte[.gz] and train-labels-idx1-ubyte[.gz], or CIFAR-10's
 *                    data_batch_1.bin to data_batch_5.bin, or else PNG and JPEG images in it and in its sub-folders.
 *                    Labels come from a dataset.json, {"labels": [["00/a.png", 3], ...]} (the form of StyleGAN2-ADA's
 *                    data sets), or else are the sub-folders directly below it in the order of their names
 *   FILE.zip         the same images, sub-folders and dataset.json in an archive
 *   FILE.bin         one CIFAR-10 file
 * Errors name the file, what was expected and what was found. On success *out is the caller's. */
GAN_API gan_status gan_dataset_open(const gan_data_options *options, gan_dataset **out, gan_message *message);
GAN_API void gan_dataset_close(gan_dataset *dataset);
GAN_API const gan_data_info *gan_dataset_info(const gan_dataset *dataset);

/* One sample: `pixels` takes height*width*channels bytes (images) or f32 values (vectors), row-major HWC; `label`
 * may be NULL. Thread-safe. */
GAN_API gan_status gan_dataset_get(const gan_dataset *dataset, int64_t index, void *pixels, int32_t *label,
                                   gan_message *message);

/* The name of a sample's file within its folder or archive, "00/a.png"; NULL for sources that are no image files. */
GAN_API const char *gan_dataset_name(const gan_dataset *dataset, int64_t index);

/* The centres of a builtin mixture, [classes, 2], and its sigma; false for other sources. */
GAN_API bool gan_dataset_mixture(const gan_dataset *dataset, const float **centres, float *sigma);

/* How well samples of a mixture cover it, by the protocol of PacGAN (Lin et al. 2018, section 4.1): a sample belongs to
 * its nearest centre; it is of high quality within 3 sigma of it; a mode is found if it has a sample of high quality.
 * reverse_kl is KL(samples' shares of the modes || uniform), in nats. points: [n, 2]. */
typedef struct gan_coverage {
    int64_t modes;       /* found */
    double high_quality; /* share of the samples, 0 to 1 */
    double reverse_kl;
} gan_coverage;
GAN_API gan_coverage gan_mode_coverage(const float *points, int64_t n, const float *centres, int64_t modes,
                                       float sigma);

/* ---- files of a folder, of any sizes and not decoded ---- */

/* PNG and JPEG files, by their names, in a folder and its sub-folders, as gan_dataset_open lists them: hidden ones are
 * passed over; links are followed, but not back into a folder above. */
typedef struct gan_data_files {
    int64_t count, skipped; /* skipped: other files, and hidden ones */
    const char **name;      /* [count], "00/a.png", below the folder; in the order of gan_dataset_open */
    char *text;             /* that they lie in */
} gan_data_files;

/* GAN_ERROR_NOT_FOUND if there is none. */
GAN_API gan_status gan_data_list(const char *folder, gan_data_files *out, gan_message *message);
GAN_API void gan_data_files_free(gan_data_files *files); /* and zero it */

/* ---- two domains ---- */

/* The sources of the domains A and B in a folder for unpaired translation: its sub-folders train/A and train/B, or
 * trainA and trainB; and test/A and test/B, or testA and testB, if there are any. */
typedef struct gan_data_domains {
    char *train[2];
    char *test[2]; /* both NULL: nothing is held out */
    char name[64]; /* of the folder, short, for run folders */
} gan_data_domains;

/* GAN_ERROR_NOT_FOUND says what was looked for and what is there; GAN_ERROR_FORMAT that both forms are. */
GAN_API gan_status gan_data_find_domains(const char *folder, gan_data_domains *out, gan_message *message);
GAN_API void gan_data_domains_free(gan_data_domains *domains); /* and zero it */

/* ---- checking and packing ---- */

typedef struct gan_data_class {
    char name[64]; /* of its sub-folder, cut where it is longer; else its number */
    int64_t count;
} gan_data_class;

/* What is in a source. */
typedef struct gan_data_summary {
    uint32_t struct_size;
    int64_t count;                                        /* samples that are right */
    int64_t bad;                                          /* files that are not */
    int64_t skipped;                                      /* files that no name makes an image, and hidden ones */
    int64_t width_min, width_max, height_min, height_max; /* of the source's images; 0: none is right */
    int64_t grey, colour;                                 /* images of 1 and of 3 channels */
    int64_t n_classes;
    gan_data_class *classes; /* [n_classes]; owned, see gan_data_summary_free */
} gan_data_summary;

/* Called from the calling thread for each file that is wrong, in the order of their names; the first thousand. */
typedef void (*gan_data_problem)(const char *sentence, void *user);

/* Look at all of a source as gan_dataset_open does, but go on after a file that is wrong. Without a resolution images
 * may be of any sizes. GAN_OK says that all was looked at: out->bad tells how much of it is wrong. An error is one of
 * the source as a whole, such as a damaged archive or labels that do not fit. out->struct_size must be set. */
GAN_API gan_status gan_data_check(const gan_data_options *options, gan_data_problem problem, void *user,
                                  gan_data_summary *out, gan_message *message);
GAN_API void gan_data_summary_free(gan_data_summary *summary);

/* Write a data set of images, as gan_dataset_get gives them, as an archive that can be opened again: PNG files, stored,
 * and dataset.json, in the form of StyleGAN2-ADA's data sets (00000/img00000000.png). The same data set gives the same
 * bytes. Written under a temporary name, synced and renamed; a file of that name is replaced. `threads` encode (0: as
 * many as there are cores); `progress` may be NULL. */
GAN_API gan_status gan_data_pack(const gan_dataset *dataset, const char *path, int threads, gan_data_progress progress,
                                 void *user, gan_message *message);

/* ---- loaders ---- */

/* An endless sequence of batches: epochs one after another, each a permutation of all samples that depends only on
 * the seed and the epoch's number. Sample k of the sequence is thus a function of seed and k, and a loader that
 * starts at position k goes on exactly where another stopped; so are the places of random_crop and mirror. A batch may
 * span two epochs. */
typedef struct gan_loader gan_loader;

typedef struct gan_loader_options {
    uint32_t struct_size;
    int64_t batch;
    uint64_t seed;
    uint64_t position;  /* samples already taken */
    int threads;        /* that decode; 0: one, or the data set's `threads` where samples are not all in memory */
    int prefetch;       /* batches made ahead; 0: 4, or twice the threads if that is more */
    bool no_shuffle;    /* in order, for evaluation: cut at the centre, not mirrored */
    int64_t resolution; /* height of the images given out, a power of two part of the data set's, of which each pixel is
                           the mean of a square, rounded to a byte; 0: as the data set has them */
} gan_loader_options;

typedef struct gan_host_batch {
    int64_t n;
    const void *pixels;    /* [n, H, W, C] bytes, reduced as the loader's options say, or f32 vectors */
    const int32_t *labels; /* NULL if there are none */
} gan_host_batch;

/* Errors: GAN_ERROR_ARGUMENT if the batch is larger than the data set (the sentence names both numbers). The
 * data set must outlive the loader. */
GAN_API gan_status gan_loader_create(const gan_dataset *dataset, const gan_loader_options *options, gan_loader **out,
                                     gan_message *message);
/* The next batch; its memory stays valid until the next call. Waits for the threads. */
GAN_API gan_status gan_loader_next(gan_loader *loader, gan_host_batch *out, gan_message *message);
GAN_API uint64_t gan_loader_position(const gan_loader *loader); /* samples handed out */
GAN_API void gan_loader_destroy(gan_loader *loader);

#ifdef __cplusplus
}
#endif
#endif
