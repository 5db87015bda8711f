#include "pictures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "report.h"
#include "translations.h"

#define SCATTER_POINTS 2000 /* fewer do not show where a distribution is */

gan_status pictures_real_samples(const session *s, int64_t n, void **out, gan_message *message)
{
    size_t bytes = session_sample_bytes(&s->info);
    char *samples = calloc((size_t)n, bytes);
    gan_status status = samples ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for real samples");
    for (int64_t i = 0; i < n && !status; i++) /* spread over the data: some sources are sorted by class */
        status = gan_dataset_get(s->data, i * s->info.count / n, samples + (size_t)i * bytes, NULL, message);
    if (status)
        free(samples);
    else
        *out = samples;
    return status;
}

/* Samples for a snapshot. Those of a conditional model are a row per class and a column per seed; *columns is then how
 * many there are, else 0. */
static gan_status fake_samples(session *s, int64_t *count, int64_t *columns, void **out, gan_message *message)
{
    int64_t classes = session_classes(s), n = *count;
    bool by_class = classes > 0 && classes <= n;
    uint64_t *seeds = calloc((size_t)n, sizeof *seeds), *chosen = seeds;
    int32_t *labels = NULL;
    for (int64_t i = 0; i < n && seeds; i++)
        seeds[i] = (uint64_t)i;
    *columns = by_class ? n / classes : 0;
    if (by_class && seeds)
        n = session_every_class(classes, seeds, *columns, &chosen, &labels);
    char *samples = n > 0 ? calloc((size_t)n, session_sample_bytes(&s->info)) : NULL;
    gan_status status = samples && seeds ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for samples");
    if (!status)
        status = session_sample(s, chosen, n, labels, samples, message);
    if (chosen != seeds)
        free(chosen);
    free(seeds);
    free(labels);
    if (status)
        free(samples);
    else {
        *out = samples;
        *count = n;
    }
    return status;
}

static int64_t sample_count(const session *s)
{
    int64_t grid = config_int(&s->config, "train.grid");
    return s->info.scaled || grid > SCATTER_POINTS ? grid : SCATTER_POINTS;
}

gan_status pictures_reals(const session *s, const char *path, gan_message *message)
{
    if (s->data_b)
        return translations_reals(s, path, message);
    void *real;
    int64_t n = sample_count(s) < s->info.count ? sample_count(s) : s->info.count;
    gan_status status = pictures_real_samples(s, n, &real, message);
    if (status)
        return status;
    status = s->info.scaled ? report_grid(&s->info, real, n, 0, path, message)
                            : report_scatter(&s->info, real, n, NULL, 0, "real", path, message);
    free(real);
    return status;
}

/* What is drawn, for the title of a scatter plot: of mixtures, how much of them is covered. */
static void name_scatter(const session *s, console *out, double kimg, const float *fake, int64_t n, char title[128])
{
    const float *centres;
    float sigma;
    int64_t modes = s->info.classes;
    int used = snprintf(title, 128, "kimg %.1f", kimg);
    if (!gan_dataset_mixture(s->data, &centres, &sigma))
        return;
    gan_coverage c = gan_mode_coverage(fake, n, centres, modes, sigma);
    snprintf(title + used, 128 - (size_t)used, ": %" PRId64 " of %" PRId64 " modes, %.1f %% within 3 sigma", c.modes,
             modes, 100 * c.high_quality);
    console_note(out, "%s, reverse KL %.2f", title, c.reverse_kl);
}

gan_status pictures_fakes(session *s, console *out, double kimg, const char *path, gan_message *message)
{
    if (s->data_b)
        return translations_fakes(s, path, message);
    void *fake, *real = NULL;
    char title[128];
    int64_t n = sample_count(s), columns;
    gan_status status = fake_samples(s, &n, &columns, &fake, message);
    if (status)
        return status;
    if (s->info.scaled) {
        status = report_grid(&s->info, fake, n, columns, path, message);
    } else {
        int64_t n_real = n < s->info.count ? n : s->info.count;
        name_scatter(s, out, kimg, fake, n, title);
        status = pictures_real_samples(s, n_real, &real, message);
        if (!status)
            status = report_scatter(&s->info, real, n_real, fake, n, title, path, message);
    }
    free(fake);
    free(real);
    return status;
}
