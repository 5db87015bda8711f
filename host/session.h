/* session.h - a plugin's model with its options, its context and its data, which are of one domain or two. */
#ifndef HOST_SESSION_H
#define HOST_SESSION_H

#include <gan/gan.h>

#include "config.h"
#include "console.h"

#define SESSION_EMA_MAX 8

typedef struct session {
    plugin *plugin;
    config config;
    gan_dataset *data;    /* NULL when sampling; of two domains A */
    gan_dataset *data_b;  /* B; NULL: there is one domain */
    gan_dataset *held[2]; /* images of A and of B that are not trained on; NULL: there are none */
    bool counterparts;    /* of these, those of one index show the same, once in each domain */
    gan_data_info info;   /* of two domains: common to both, but the count of A */
    int64_t count_b;      /* 0: one domain, or none when sampling */
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
/* How the steps of a model that was built are run. */
gan_runner_options session_runner_options(const session *s);

/* The section "data" of the host's options; its text is theirs. */
void session_data_options(const gan_options *host, gan_data_options *out);
/* gan_dataset_open; `out` (may be NULL) shows how far it is. */
gan_status session_open_dataset(const gan_data_options *options, console *out, gan_dataset **dataset,
                                gan_message *message);

/* ---- two domains ---- */
bool session_two_domains(const session *s);
/* The seed of a domain (0: A) of a run: of builtin data, and of the order in which it is shown. Training shows the
 * domains unpaired, so theirs differ. Builtin data that is held out has one seed for both: image i of builtin:faces and
 * of builtin:sketches are one face. */
uint64_t session_domain_seed(uint64_t seed, int domain, bool held_out);
/* gan.translate/1 of a model that was built, or NULL. Every model of two domains has it: session_build sees to that. */
const gan_translate_extension *session_translation(const session *s);

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
/* That of all data of a session: "... and 50,000 of the second domain; 64 and 64 are held out". */
#define SESSION_TEXT 320
const char *session_both_text(const session *s, char out[SESSION_TEXT]);
/* Bytes of one sample: pixels, or f32 values. */
size_t session_sample_bytes(const gan_data_info *info);

/* Networks in evaluation mode, the moving averages in place where there are some, random numbers apart from the
 * training's; and all put back. */
typedef struct session_evaluation {
    bool *was;
    gan_random_state random;
} session_evaluation;
gan_status session_evaluate_begin(session *s, session_evaluation *e, gan_message *message);
void session_evaluate_end(session *s, session_evaluation *e);

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
