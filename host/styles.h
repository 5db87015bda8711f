/* styles.h - a style-based generator ("gan.style/1") for the commands that truncate, mix, interpolate and search. */
#ifndef HOST_STYLES_H
#define HOST_STYLES_H

#include "opened.h"

/* How images are made of styles, from --trunc, --trunc-cutoff and --noise. */
typedef struct styles {
    session *s;
    const gan_style_extension *table;
    gan_style_info info;
    gan_style_noise noise;
    double psi;
    int64_t cutoff; /* negative: all layers */
} styles;

/* The options alone, before a checkpoint is opened. */
gan_status styles_options(styles *st, const arguments *args, gan_message *message);
/* The first of those options that is given, "--trunc"; NULL if none is. */
const char *styles_asked(const arguments *args);
bool styles_offered(const session *s);
/* Take the extension of a loaded model, and make the model ready: moving averages in place, evaluation, random numbers
 * from their beginning. It stays so until the session is closed. `asker` ("--trunc", "ganhost mix") is refused by name
 * where the plugin has no styles. */
gan_status styles_begin(styles *st, opened *o, const char *asker, gan_message *message);

int64_t styles_size(const styles *st); /* values of a sample's styles, layers x width */
/* Images between two looks at the progress and at Ctrl-C. */
int64_t styles_batch(const styles *st);

/* All on the host's side, row-major; n of any size: at most session_sample_batch are made at once, as in
 * session_sample, so that the same seeds give the same bytes in both. */
gan_status styles_latents(styles *st, const uint64_t *seeds, int64_t n, float *z, gan_message *message);
/* z [n, latent] to w [n, layers, width], not truncated. `labels` [n], or NULL for a model without classes. */
gan_status styles_map(styles *st, const float *z, int64_t n, const int32_t *labels, float *w, gan_message *message);
gan_status styles_average(styles *st, float *w, gan_message *message); /* [width] */
/* w [n, layers, width] to bytes [n, H, W, C], truncated as the options say. */
gan_status styles_render(styles *st, const float *w, int64_t n, uint8_t *images, gan_message *message);
/* All of it: one image for each seed. */
gan_status styles_sample(styles *st, const uint64_t *seeds, int64_t n, const int32_t *labels, uint8_t *images,
                         gan_message *message);

/* The synthesis of w, a tensor of [n, layers, width], checked: for commands that differentiate. */
gan_tensor *styles_synthesize(styles *st, gan_tensor *w);

/* Files of styles: "w" [layers, width] or [n, layers, width]; *w is the caller's. */
gan_status styles_read(const styles *st, const char *path, float **w, int64_t *n, gan_message *message);

#endif
