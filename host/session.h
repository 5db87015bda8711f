/* session.h - a plugin's model with its options, its context and its data. */
#ifndef HOST_SESSION_H
#define HOST_SESSION_H

#include <gan/gan.h>

#include "config.h"
#include "console.h"

#define SESSION_EMA_MAX 8

typedef struct session {
    plugin *plugin;
    config config;
    gan_dataset *data; /* NULL when sampling */
    gan_data_info info;
    gan_context *ctx;
    gan_model *model;
    struct {
        const char *network; /* owned by the model */
        gan_ema *average;
    } ema[SESSION_EMA_MAX];
    int n_ema;
} session;

/* Steps of opening, in this order; each leaves the session as it was on error. session_close undoes all of them and
 * takes a zeroed session, too. */
gan_status session_open_data(session *s, console *out, gan_message *message); /* `out` shows progress; may be NULL */
gan_status session_open_context(session *s, gan_message *message);
gan_status session_build(session *s, gan_message *message); /* uses s->info */
void session_close(session *s);

/* The section "data" of the host's options; its text is theirs. */
void session_data_options(const gan_options *host, gan_data_options *out);

/* A gan_data_progress that draws a bar. */
typedef struct session_progress {
    console *out; /* may be NULL */
    const char *what;
    double started; /* clock_seconds() */
} session_progress;
bool session_show_progress(int64_t done, int64_t total, void *user);

/* The context's error as a status and a sentence that begins with `doing`. */
gan_status session_error(const session *s, gan_status status, const char *doing, gan_message *message);

/* "60,000 images of 28x28x1, 10 classes". */
const char *session_data_text(const gan_data_info *info, char out[128]);
/* Bytes of one sample: pixels, or f32 values. */
size_t session_sample_bytes(const gan_data_info *info);

/* n samples, one for each seed, into [n, H, W, C] bytes or f32 values; with the moving averages where there are
 * some. `labels` may be NULL. Random numbers of the training are not touched, and the same seeds give the same
 * samples whenever this is called. */
gan_status session_sample(session *s, const uint64_t *seeds, int64_t n, const int32_t *labels, void *out,
                          gan_message *message);

/* The same samples, a few at a time: `take` gets them in order and may stop by false, which is no error. */
typedef bool (*session_take)(const void *samples, int64_t n, void *user);
gan_status session_sample_each(session *s, const uint64_t *seeds, int64_t n, const int32_t *labels, session_take take,
                               void *user, gan_message *message);

/* Samples that are made at once. */
int64_t session_sample_batch(const session *s);

/* Classes that --class and sample grids may ask for; 0 for a model that does not use labels. */
int64_t session_classes(const session *s);
/* Each of n seeds once for every class, class by class: seeds and labels, both the caller's. Returns how many there
 * are; 0 when memory is short. */
int64_t session_every_class(int64_t classes, const uint64_t *seeds, int64_t n, uint64_t **out_seeds,
                            int32_t **out_labels);

#endif
