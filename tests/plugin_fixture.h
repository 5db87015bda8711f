/* plugin_fixture.h - one plugin with its options, data and model, for the plugins' own tests. */
#ifndef TEST_PLUGIN_FIXTURE_H
#define TEST_PLUGIN_FIXTURE_H

#include <gan/plugin.h>

#include "support.h"

typedef struct plugin_fixture {
    const gan_plugin *plugin;
    gan_context *ctx;
    gan_options *options;
    gan_model *model; /* NULL until fixture_build */
    gan_data_info data;
    gan_metrics *metrics;
    struct {
        char name[64];
        double value; /* the last one reported */
    } last[GAN_METRICS_MAX];
    int n_last;
} plugin_fixture;

/* The linked plugin with default options on grey images of that side, with an open scope; and its end, where every
 * tensor must have been released. */
plugin_fixture fixture_open(int64_t side, uint64_t seed);
void fixture_close(plugin_fixture *f);

void fixture_set(plugin_fixture *f, const char *option, const char *value);
/* A new model, the one before being destroyed; its status, after which f->model is NULL if it failed. */
gan_status fixture_try_build(plugin_fixture *f);
void fixture_build(plugin_fixture *f);
/* The test fails unless building ends with that status and a sentence that holds `text`. */
void fixture_refused(plugin_fixture *f, gan_status status, const char *text);

/* f32 of a shape without its first dimension, n of them, uniform in [-1, 1); always the same. The caller frees it. */
float *fixture_noise(const plugin_fixture *f, int64_t n);

/* The steps as the host runs them, on n samples (and labels, or NULL): `d_steps` of the discriminator, `g_steps` of the
 * generator. Of a plugin of two domains there are n samples of the second one behind those of the first. Afterwards
 * fixture_metric gives what was reported; the test fails if a name was not. */
void fixture_train(plugin_fixture *f, const float *samples, const int32_t *labels, int64_t n, int d_steps, int g_steps);
double fixture_metric(const plugin_fixture *f, const char *name);

/* n samples of the seeds first, first + 1, ..., in evaluation mode; labels may be NULL. */
void fixture_sample(plugin_fixture *f, uint64_t first, const int32_t *labels, int64_t n, float *out);

/* The tensor of that full name, as in a checkpoint ("generator.0.weight", "d_optim.exp_avg.0.weight"); the test fails
 * if there is none. */
gan_tensor *fixture_tensor(plugin_fixture *f, const char *name);

/* A sample of a seed does not depend on what else is sampled with it. */
void check_samples_depend_on_their_seed_alone(plugin_fixture *f);
/* Training allocates nothing from the system once it runs. */
void check_steady_memory(plugin_fixture *f, const float *samples, const int32_t *labels, int64_t n);
/* A build whose nth allocation fails says so, for every n, and leaves nothing behind. */
void check_build_survives_failed_allocations(plugin_fixture *f);

#endif
