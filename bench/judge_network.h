/*
 * judge_network.h - the classifier of small grey images behind bench_judge: its layers, training, file.
 *
 * Errors are in the layer's context, or in the message where there is one.
 */
#ifndef GAN_BENCH_JUDGE_NETWORK_H
#define GAN_BENCH_JUDGE_NETWORK_H

#include <gan/gan.h>

#include "judge_tally.h"

enum { JUDGE_SIDE = 28, JUDGE_PIXELS = JUDGE_SIDE * JUDGE_SIDE };

/* [N, JUDGE_SIDE, JUDGE_SIDE, 1] in [-1, 1] to logits [N, JUDGE_CLASSES]. */
gan_layer *judge_network(gan_context *ctx);

/* The image moved by whole pixels, right and down where positive; what comes in from outside is black. */
void judge_shift(const uint8_t image[JUDGE_PIXELS], uint8_t out[JUDGE_PIXELS], int right, int down);

/* Now and then during training. */
typedef void (*judge_progress)(int64_t step, int64_t steps, double loss, void *user);

/* Adam with cross-entropy on images of the data set, shifted by up to two pixels by chance, its learning rate falling
 * to 0 along a cosine. The data set has grey images of JUDGE_SIDE and labels below JUDGE_CLASSES. */
gan_status judge_train(gan_layer *network, const gan_dataset *data, double epochs, uint64_t seed,
                       judge_progress progress, void *user, gan_message *message);

/* Images on their way to a tally. */
enum { JUDGE_BATCH = 500 };
typedef struct judge_batch {
    int n;
    uint8_t images[JUDGE_BATCH][JUDGE_PIXELS];
    int32_t labels[JUDGE_BATCH];
    float probabilities[JUDGE_BATCH][JUDGE_CLASSES];
} judge_batch;

/* The network in evaluation, then softmax: fills in the probabilities of a batch's n images. */
gan_status judge_classify(gan_layer *network, judge_batch *batch, gan_message *message);
/* Classify and count all images of a data set, with their labels. */
gan_status judge_dataset(gan_layer *network, const gan_dataset *data, judge_tally *tally, gan_message *message);

/* Errors: GAN_ERROR_ARGUMENT; the sentence says what the images should be and what they are. */
gan_status judge_check_data(const gan_dataset *data, const char *source, gan_message *message);

/* A safetensors file with the data's name and the accuracy in percent as metadata. */
gan_status judge_save(gan_layer *network, const char *path, const char *data, double accuracy, gan_message *message);
typedef struct judge_origin {
    char data[64];
    char accuracy[16];
} judge_origin;
gan_status judge_load(gan_layer *network, const char *path, judge_origin *origin, gan_message *message);

#endif
