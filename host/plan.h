/* plan.h - what a plugin's plan (gan.schedule/1 in gan/plugin.h) makes of what the config asks for. */
#ifndef HOST_PLAN_H
#define HOST_PLAN_H

#include "session.h"

/* What the batches of an iteration look like. */
typedef struct plan {
    int64_t batch, resolution; /* samples, and their height: of vectors 1 */
} plan;

/* Discriminator steps before the next generator step, when `g_steps` of those have been taken. */
int64_t plan_d_steps(const session *s, int64_t g_steps);

/* The batches of the iteration that begins after `kimg` thousand images. A plan that cannot be followed is an error
 * that names the plugin. */
gan_status plan_at(const session *s, double kimg, plan *out, gan_message *message);
bool plan_equal(const plan *a, const plan *b);
/* The plan of a config without one. */
plan plan_configured(const session *s);
/* "images of 16x16, batches of 64". */
const char *plan_text(const session *s, const plan *p, char out[96]);

/* The data as such batches show it. */
gan_data_info plan_info(const session *s, const plan *p);

/* Where batches come from: of two domains, from one loader for each, both at the same place of their own sequences. An
 * epoch of each is as long as the domain. */
typedef struct loaders {
    gan_loader *of[2]; /* the second NULL where there is one domain */
} loaders;

/* Loaders of such batches; `position` counts samples, of each domain, whatever their resolution. */
gan_status plan_open_loaders(const session *s, const plan *p, uint64_t position, loaders *out, gan_message *message);
void plan_close_loaders(loaders *l); /* and zero it */
uint64_t plan_position(const loaders *l);
/* The next batch of real data as the feed's tensors. */
gan_status plan_next_batch(const session *s, const loaders *l, gan_feed *feed, gan_batch *out, gan_message *message);

#endif
