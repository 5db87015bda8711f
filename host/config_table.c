/*
 * config_table.c - the host's own options. `ganhost init`, `ganhost describe` and docs/config.md are made from this.
 */
#include "config.h"

#include <string.h>

const gan_option config_host_table[] = {
    {"plugin", GAN_OPTION_STRING, "", 0, 0, NULL,
     "The variant to train: a name that `ganhost list` shows, or the path of a plugin file."},
    {"name", GAN_OPTION_STRING, "", 0, 0, NULL,
     "Name of the run's folder, after its number; empty: plugin and data set, as in 00003-gan-mnist."},
    {"out", GAN_OPTION_STRING, "runs", 0, 0, NULL, "Folder in which run folders are made."},
    {"seed", GAN_OPTION_INT, "1", 0, 4294967295.0, NULL,
     "Seed of all random numbers: initial weights, latents, the order of the data and built-in data."},
    {"device", GAN_OPTION_STRING, "auto", 0, 0, NULL,
     "What computes: auto (a CUDA device where there is one, else the CPU), cpu, cuda or cuda:N."},
    {"precision", GAN_OPTION_CHOICE, "f32", 0, 0, "f32|tf32|bf16",
     "How convolutions and matrix products compute; parameters and optimizer state are f32 in all. tf32 is f32 whose "
     "operands CUDA devices round to TF32, which is faster; on the CPU it is f32."},
    {"threads", GAN_OPTION_INT, "0", 0, 1024, NULL, "CPU threads; 0: all cores that the process may use."},

    {"data.source", GAN_OPTION_STRING, "builtin:digits", 0, 0, NULL,
     "What to learn: builtin:digits, builtin:faces, builtin:sketches, builtin:ring8, builtin:grid25; a folder of PNG "
     "and JPEG images, its sub-folders or dataset.json being the labels; a .zip of the same; an IDX images file (plain "
     "or gzip), or a folder with train-images-idx3-ubyte[.gz]; a CIFAR-10 .bin file, or a folder with "
     "data_batch_1.bin to data_batch_5.bin."},
    {"data.source_b", GAN_OPTION_STRING, "", 0, 0, NULL,
     "The second domain, for plugins that translate: a source like data.source, which then is the first one. Empty: "
     "data.source is a folder with train/A and train/B, or trainA and trainB, and test/A and test/B, or testA and "
     "testB, for images that are held out; or builtin:faces or builtin:sketches, whose second domain is the other of "
     "the two. Of two built-in sources images are held out as well."},
    {"data.resolution", GAN_OPTION_INT, "0", 0, 4096, NULL,
     "Side of the square images in pixels; 0: as the source has them, all of one size."},
    {"data.fit", GAN_OPTION_CHOICE, "crop", 0, 0, "crop|pad|stretch",
     "How images come to data.resolution: crop scales the shorter side and cuts out a square, pad centres smaller "
     "images on black unscaled, stretch scales to the square whatever the shape."},
    {"data.filter", GAN_OPTION_CHOICE, "lanczos", 0, 0, "area|bilinear|bicubic|lanczos",
     "How images are scaled, always with antialiasing."},
    {"data.crop", GAN_OPTION_CHOICE, "centre", 0, 0, "centre|random",
     "Where data.fit: crop cuts: at the centre, or at another place each time an image is shown."},
    {"data.enlarge", GAN_OPTION_FLOAT, "1", 1, 8, NULL,
     "With data.fit: crop, scale to this times data.resolution before cutting, which leaves a random crop more room."},
    {"data.mirror", GAN_OPTION_BOOL, "false", 0, 0, NULL,
     "Exchange left and right of every second image, by chance each time it is shown."},
    {"data.channels", GAN_OPTION_CHOICE, "0", 0, 0, "0|1|3",
     "1 for grey, 3 for colour; 0: grey if every image is, else colour."},
    {"data.labels", GAN_OPTION_BOOL, "true", 0, 0, NULL, "Read class labels where the source has some."},
    {"data.count", GAN_OPTION_INT, "0", 0, 100000000, NULL, "Samples of a built-in source; 0: 60000."},

    {"train.batch", GAN_OPTION_INT, "64", 1, 65536, NULL, "Real images per discriminator step."},
    {"train.kimg", GAN_OPTION_FLOAT, "1000", 0.001, 1e9, NULL, "Length of the run in thousands of real images shown."},
    {"train.minutes", GAN_OPTION_FLOAT, "0", 0, 1e7, NULL,
     "Stop earlier, after this many minutes of training; 0: no limit of time."},
    {"train.d_steps", GAN_OPTION_INT, "1", 1, 1000, NULL, "Discriminator steps per generator step."},
    {"train.lr_schedule", GAN_OPTION_CHOICE, "constant", 0, 0, "constant|linear|cosine",
     "Learning rates over the run: constant, or falling to 0 in a line or half a cosine."},
    {"train.lr_decay_start", GAN_OPTION_FLOAT, "0.5", 0, 1, NULL,
     "Part of the run after which a falling schedule begins to fall."},
    {"train.ema_kimg", GAN_OPTION_FLOAT, "0", 0, 1e6, NULL,
     "Half-life, in thousands of images, of the moving average of the generator that samples are drawn from; 0: none."},
    {"train.ema_rampup", GAN_OPTION_FLOAT, "0", 0, 1, NULL,
     "The half-life of that average is at most this part of the images shown so far, as with StyleGAN2's 0.05; 0: it "
     "is "
     "the same from the beginning."},
    {"train.report_kimg", GAN_OPTION_FLOAT, "1", 0.001, 1e6, NULL,
     "Thousands of images between two lines of stats.jsonl."},
    {"train.snapshot_kimg", GAN_OPTION_FLOAT, "50", 0.001, 1e6, NULL,
     "Thousands of images between two sample grids; losses.png is redrawn with each."},
    {"train.swd", GAN_OPTION_INT, "0", 0, 65536, NULL,
     "At each snapshot, measure the sliced Wasserstein distance between this many samples (of the seeds from 0 on) and "
     "as "
     "many images of the data, of which there must be that many; else between as many as there are. It goes to "
     "stats.jsonl as swd, the mean, and as swd_64 and so on for each level, and is drawn in losses.png. The time that "
     "it "
     "takes does not count as time of training. 0: do not."},
    {"train.test", GAN_OPTION_INT, "64", 0, 65536, NULL,
     "With two domains: at each snapshot, translate up to this many held-out images of each and back. The mean "
     "absolute difference, of values from -1 to 1, goes to stats.jsonl as test_cycle_a and test_cycle_b; where the "
     "true "
     "counterparts of those images are known (files of the same names in both test folders, or built-in faces and "
     "sketches), that of a translated image from its counterpart as test_error_ab and test_error_ba. Nothing of it is "
     "learned from. The time that it takes does not count as time of training. 0: do not."},
    {"train.checkpoint_kimg", GAN_OPTION_FLOAT, "100", 0.001, 1e6, NULL,
     "Thousands of images between two checkpoints."},
    {"train.keep", GAN_OPTION_INT, "3", 2, 100000, NULL, "Checkpoints that are kept; older ones are deleted."},
    {"train.grid", GAN_OPTION_INT, "64", 1, 4096, NULL,
     "Images in a sample grid; of vectors, the points of a scatter plot, at least 2000."},

    {"cuda.graphs", GAN_OPTION_BOOL, "true", 0, 0, NULL,
     "Record the training steps into CUDA graphs and replay them; off, every step is run as it is, for debugging."},
    {0},
};

const char *const config_sections[] = {"data", "train", "cuda", "model", NULL};

const char *config_section_help(const char *section)
{
    if (strcmp(section, "data") == 0)
        return "What is learned.";
    if (strcmp(section, "train") == 0)
        return "The training loop.";
    if (strcmp(section, "cuda") == 0)
        return "How a CUDA device is used.";
    if (strcmp(section, "model") == 0)
        return "The plugin's own options.";
    return "The run.";
}
