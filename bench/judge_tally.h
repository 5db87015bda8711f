/*
 * judge_tally.h - what a classifier's opinions of many images add up to.
 *
 * An image is recognised when the classifier is sure of one class: its probability is above JUDGE_CONFIDENCE. Which
 * class it is for the histogram is the likeliest one, recognised or not.
 */
#ifndef GAN_BENCH_JUDGE_TALLY_H
#define GAN_BENCH_JUDGE_TALLY_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

enum { JUDGE_CLASSES = 10 };
#define JUDGE_CONFIDENCE 0.9

typedef struct judge_class {
    int64_t images;     /* this class is their likeliest */
    int64_t recognised; /* of these */
    int64_t asked;      /* images whose label is this class */
    int64_t right;      /* of these, those whose likeliest class is the label */
} judge_class;

typedef struct judge_tally {
    int64_t images, recognised;
    double confidence; /* sum of the likeliest classes' probabilities */
    judge_class of[JUDGE_CLASSES];
} judge_tally;

/* Count n images: probabilities [n, JUDGE_CLASSES], labels [n] or NULL, a label outside the classes says nothing. An
 * image with a probability that is not finite is no class's image. */
void judge_count(judge_tally *tally, const float *probabilities, const int32_t *labels, int64_t n);

int64_t judge_asked(const judge_tally *tally);
int64_t judge_right(const judge_tally *tally);
/* part / whole, 0 of nothing. */
double judge_share(int64_t part, int64_t whole);

/* Of the histogram over the classes, in nats: its entropy, at most log(JUDGE_CLASSES), and KL(histogram || uniform),
 * which is what is missing to that. Both 0 without images. */
double judge_entropy(const judge_tally *tally);
double judge_kl(const judge_tally *tally);

/* A paragraph and a table; the columns about labels only if there are labels. */
void judge_print(const judge_tally *tally, const char *title, FILE *out);
/* The same as an object, the caller's; NULL when out of memory. */
json_t *judge_json(const judge_tally *tally, const char *title);

#endif
