/* translations.h - what the networks of two domains make of images: pictures for snapshots, and errors. */
#ifndef HOST_TRANSLATIONS_H
#define HOST_TRANSLATIONS_H

#include "session.h"

/* Images [n, H, W, C] of `domain` (0: A) as the other domain's, in the current scope; NULL and the error in the
 * context. The networks are in evaluation mode, see session_evaluate_begin. */
gan_tensor *translations_of(session *s, int domain, gan_tensor *images);

/* n images from `first` on of `of` that are spread evenly over the data. */
gan_status translations_images(const gan_dataset *data, int64_t first, int64_t n, int64_t of, uint8_t *out,
                               gan_message *message);

/* PNG files, of an eighth of train.grid rows. What is trained on: four columns of A, four of B. */
gan_status translations_reals(const session *s, const char *path, gan_message *message);
/* Held-out images, or such as are trained on where none are held out, in labelled columns for each domain: as they are,
 * translated, translated back, and what the generator of the domain makes of them, which should be nothing new. */
gan_status translations_fakes(session *s, const char *path, gan_message *message);

/* Mean absolute differences, of values from -1 to 1, over held-out images; by domain. */
typedef struct translation_errors {
    double cycle[2]; /* of an image of the domain from itself, translated and back */
    double error[2]; /* of a translated one from its true counterpart; where there are counterparts */
    double before;   /* of an image from its counterpart */
    bool counterparts;
} translation_errors;

/* Of up to n images of each domain, which must have held-out images. */
gan_status translations_measure(session *s, int64_t n, translation_errors *out, gan_message *message);

#endif
