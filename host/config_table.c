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
    {"precision", GAN_OPTION_CHOICE, "f32", 0, 0, "f32|bf16",
     "How convolutions and matrix products compute; parameters and optimizer state are f32 in both."},
    {"threads", GAN_OPTION_INT, "0", 0, 1024, NULL, "CPU threads; 0: all cores that the process may use."},

    {"data.source", GAN_OPTION_STRING, "builtin:digits", 0, 0, NULL,
     "What to learn: builtin:digits, builtin:ring8, builtin:grid25, an IDX images file (plain or gzip), or a folder "
     "that holds train-images-idx3-ubyte[.gz]."},
    {"data.resolution", GAN_OPTION_INT, "0", 0, 4096, NULL,
     "Side of the images in pixels, smaller ones being centred on black; 0: as the source has them."},
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
    {"train.report_kimg", GAN_OPTION_FLOAT, "1", 0.001, 1e6, NULL,
     "Thousands of images between two lines of stats.jsonl."},
    {"train.snapshot_kimg", GAN_OPTION_FLOAT, "50", 0.001, 1e6, NULL,
     "Thousands of images between two sample grids; losses.png is redrawn with each."},
    {"train.checkpoint_kimg", GAN_OPTION_FLOAT, "100", 0.001, 1e6, NULL,
     "Thousands of images between two checkpoints."},
    {"train.keep", GAN_OPTION_INT, "3", 2, 100000, NULL, "Checkpoints that are kept; older ones are deleted."},
    {"train.grid", GAN_OPTION_INT, "64", 1, 4096, NULL,
     "Images in a sample grid; of vectors, the points of a scatter plot, at least 2000."},
    {0},
};

const char *const config_sections[] = {"data", "train", "model", NULL};

const char *config_section_help(const char *section)
{
    if (strcmp(section, "data") == 0)
        return "What is learned.";
    if (strcmp(section, "train") == 0)
        return "The training loop.";
    if (strcmp(section, "model") == 0)
        return "The plugin's own options.";
    return "The run.";
}
