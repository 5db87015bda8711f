/*
 * growth.h - progressive growing (Karras et al. 2018): when a network of several resolutions has which of them.
 *
 * Training begins at the resolution `first`, which is stable for stable_kimg; each next one is faded in over fade_kimg
 * and then stable for stable_kimg, the last one to the end of the run. The stage is a function of the images shown, so
 * a resumed run needs no state for it.
 */
#ifndef GAN_GROWTH_H
#define GAN_GROWTH_H

#include "data.h"
#include "optim.h"
#include "options.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gan_growth {
    int64_t first, last;           /* resolutions, powers of two; first == last does not grow */
    double stable_kimg, fade_kimg; /* thousands of images */
} gan_growth;

typedef struct gan_stage {
    int64_t resolution;
    int level;    /* 0 at `first`, 1 at twice that, ... */
    double alpha; /* share of the newest level: from 0 to 1 while it is faded in, then 1 */
} gan_stage;

GAN_API gan_stage gan_growth_at(const gan_growth *growth, double kimg);
/* Thousands of images after which the last resolution is stable. */
GAN_API double gan_growth_kimg(const gan_growth *growth);

/* new_images alpha + old_images (1 - alpha), alpha being a scalar tensor (gan_number): what both networks do with two
 * levels. */
GAN_API gan_tensor *gan_fade(gan_tensor *old_images, gan_tensor *new_images, gan_tensor *alpha);
/* Real images of a level that is being faded in: their reduced form, enlarged again (2x2 means, repeated), gives way to
 * them as alpha grows. */
GAN_API gan_tensor *gan_fade_reals(gan_tensor *images, gan_tensor *alpha);

/* ---- the plan of a run ---- */

#define GAN_GROWTH_LEVELS 9 /* 4x4 to 1024x1024 */

/* What a variant that grows asks its user for: rows for its table of options. */
/* clang-format off */
#define GAN_GROWTH_OPTIONS(lr_at_)                                                                                     \
    {"grow", GAN_OPTION_BOOL, "on", 0, 0, NULL,                                                                        \
     "Grow to the data's resolution; off: train all layers from the start, for comparison."},                          \
    {"stable_kimg", GAN_OPTION_FLOAT, "600", 0.001, 1e6, NULL,                                                         \
     "Thousands of images for which a resolution is trained before the next is added."},                               \
    {"fade_kimg", GAN_OPTION_FLOAT, "600", 0, 1e6, NULL,                                                               \
     "Thousands of images over which the layers of a new resolution are faded in."},                                   \
    {"batches", GAN_OPTION_INT_LIST, "[128, 128, 128, 64, 32, 16, 8, 4, 4]", 1, 65536, NULL,                           \
     "Samples per batch at 4x4, 8x8, and so on, but at most train.batch; []: train.batch."},                           \
    {"lr", GAN_OPTION_FLOAT, "0.001", 1e-9, 10, NULL, "Adam's learning rate for both networks."},                      \
    {"lr_at", GAN_OPTION_STRING, lr_at_, 0, 0, NULL,                                                                   \
     "Learning rates that differ at some resolutions, such as \"512: 0.002, 1024: 0.003\"."}
/* clang-format on */

typedef struct gan_growth_plan {
    gan_growth growth;
    int64_t batch[GAN_GROWTH_LEVELS]; /* by level */
    double lr[GAN_GROWTH_LEVELS];
} gan_growth_plan;

/* The plan that those options make for the data. `start` is the first resolution, `batch` train.batch, and `group` that
 * of minibatch standard deviation, into which every batch must divide. Errors, recorded in ctx, name the option, what
 * was expected and what was found. */
GAN_API gan_status gan_growth_plan_read(gan_context *ctx, const gan_options *options, const gan_data_info *data,
                                        int64_t start, int64_t batch, int64_t group, gan_growth_plan *out);
/* gan_growth_at, for a batch of images of that side: where that is another resolution's, its level when it is
 * stable. */
GAN_API gan_stage gan_growth_stage(const gan_growth_plan *plan, double kimg, int64_t resolution);
/* What the `batches` of gan.schedule/1 (plugin.h) says. */
GAN_API void gan_growth_batches(const gan_growth_plan *plan, double kimg, int64_t *batch, int64_t *resolution);
/* Before every step: the optimizers get the level's learning rate, and forget their moments if those are of another
 * level, whose gradients were others. *resolution is that of the moments, a number that belongs in checkpoints
 * (gan_model_number), so that a resumed run forgets nothing twice; afterwards it is the stage's. */
GAN_API void gan_growth_enter(const gan_growth_plan *plan, const gan_stage *stage, double *resolution,
                              gan_optimizer *const *optimizers, int n);

/* ---- the discriminator that grows ---- */

typedef struct gan_growing_args {
    int64_t first, resolution;   /* powers of two, 4 to 1024: of the images at the first level and at the last */
    int64_t channels;            /* of images */
    int64_t fmap_base, fmap_max; /* gan_growing_features */
    int group;                   /* of minibatch standard deviation */
    bool blur;                   /* StyleGAN's blocks, see below */
} gan_growing_args;

/* Features of a layer whose images have that side: min(2 fmap_base / resolution, fmap_max), at least 1. */
GAN_API int64_t gan_growing_features(const gan_growing_args *args, int64_t resolution);

/* The discriminator of ProGAN, with an equalized learning rate and LeakyReLU 0.2; images [N, R, R, channels] to scores
 * [N, 1]. At each resolution R it has "<R>.from_rgb", a 1x1 convolution by which images of that side enter, and
 * "<R>.block": two 3x3 convolutions, then 2x2 means; with `blur`, the filter [1, 2, 1] stands before the second
 * convolution, whose results are averaged before they are activated. "4.block" is minibatch standard deviation, a 3x3
 * convolution and two dense layers. The caller owns it. */
GAN_API gan_layer *gan_growing_discriminator(gan_context *ctx, const gan_growing_args *args);
/* Scores of images of any level's side. alpha: of the level that is being faded in, whose features give way to those of
 * the reduced image's from_rgb as it falls; NULL: it is stable, as gan_forward has it. */
GAN_API gan_tensor *gan_growing_scores(gan_layer *discriminator, gan_tensor *images, gan_tensor *alpha);

#ifdef __cplusplus
}
#endif
#endif
