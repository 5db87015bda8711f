#include "projection.h"

#include <math.h>
#include <stdlib.h>

/* The schedule of the paper. */
#define LEARNING_RATE 0.1
#define RAMP_UP       0.05 /* shares of the steps */
#define RAMP_DOWN     0.25
#define NOISE         0.05 /* of the deviation of w, decaying to none ... */
#define NOISE_RAMP    0.75 /* ... after this share of the steps */

#define DEVIATION_SAMPLES 4096
#define DEVIATION_PART    256
/* The pyramid ends before an image has fewer pixels across than this. */
#define LEAST_SIDE 4

/* ---- distance ---- */

/* The mean squared error of the pixels, and of the means of 2x2, of 4x4 ... pixels: where an edge lies a few pixels
 * off, the coarse levels still tell in which direction. Taking means is linear, so the difference alone is reduced. */
static gan_tensor *distance(gan_tensor *images, gan_tensor *target)
{
    gan_tensor *difference = gan_sub(images, target), *sum = gan_mean(gan_square(difference));
    while (!gan_is_poison(difference) && gan_dim(difference, 1) % 2 == 0 && gan_dim(difference, 2) % 2 == 0 &&
           gan_dim(difference, 1) >= 2 * LEAST_SIDE && gan_dim(difference, 2) >= 2 * LEAST_SIDE) {
        difference = gan_avg_pool2d(difference, 2);
        sum = gan_add(sum, gan_mean(gan_square(difference)));
    }
    return sum;
}

/* [1 or layers, width] to [1, layers, width]. */
static gan_tensor *styles_of(const projection *p, gan_tensor *w)
{
    gan_shape shape = GAN_SHAPE(1, p->st->info.layers, p->st->info.width);
    return p->each_layer ? gan_reshape(w, shape) : gan_style_repeat(w, p->st->info.layers);
}

/* ---- opening ---- */

/* sqrt(E |w - average|²), over the first layer's w of many z. */
static gan_status measure(projection *p, const float *average, gan_message *message)
{
    int64_t width = p->st->info.width, size = styles_size(p->st), classes = session_classes(p->st->s);
    float *z = calloc((size_t)(DEVIATION_PART * p->st->info.latent), sizeof *z);
    float *w = calloc((size_t)(DEVIATION_PART * size), sizeof *w);
    gan_status status = z && w ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for styles");
    double sum = 0;
    for (uint64_t first = 0; first < DEVIATION_SAMPLES && !status; first += DEVIATION_PART) {
        uint64_t seeds[DEVIATION_PART];
        int32_t labels[DEVIATION_PART];
        for (uint64_t i = 0; i < DEVIATION_PART; i++) {
            seeds[i] = first + i;
            labels[i] = classes > 0 ? (int32_t)((first + i) % (uint64_t)classes) : 0;
        }
        status = styles_latents(p->st, seeds, DEVIATION_PART, z, message);
        if (!status)
            status = styles_map(p->st, z, DEVIATION_PART, classes > 0 ? labels : NULL, w, message);
        for (int64_t i = 0; i < DEVIATION_PART; i++)
            for (int64_t j = 0; j < width; j++) {
                double off = (double)w[i * size + j] - (double)average[j];
                sum += off * off;
            }
    }
    p->deviation = sqrt(sum / DEVIATION_SAMPLES);
    free(z);
    free(w);
    return status;
}

static gan_status make_tensors(projection *p, const float *average, const gan_image *target)
{
    gan_context *ctx = p->st->s->ctx;
    int64_t rows = p->each_layer ? p->st->info.layers : 1, width = p->st->info.width;
    p->layer = gan_sequential(ctx, NULL);
    p->w = gan_layer_parameter(p->layer, "w", GAN_SHAPE(rows, width), (gan_init){.kind = GAN_INIT_CONSTANT});
    p->optimizer = gan_adam(ctx, (gan_adam_args){.lr = LEARNING_RATE, .beta1 = 0.9, .beta2 = 0.999});
    gan_optimizer_add(p->optimizer, p->layer);
    gan_no_grad_begin(ctx);
    gan_tensor *start = gan_from_f32(ctx, GAN_SHAPE(1, width), average);
    gan_assign(p->w, gan_broadcast_to(start, GAN_SHAPE(rows, width)));
    gan_shape shape = GAN_SHAPE(1, target->height, target->width, target->channels);
    p->target = gan_keep(gan_images_from_u8(gan_from_u8(ctx, shape, target->pixels)));
    gan_no_grad_end(ctx, NULL);
    return gan_status_of(ctx);
}

gan_status projection_open(projection *p, styles *st, const gan_image *target, int64_t steps, bool each_layer,
                           gan_message *message)
{
    *p = (projection){.st = st, .steps = steps, .each_layer = each_layer};
    float *average = calloc((size_t)st->info.width, sizeof *average);
    if (!average)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for styles");
    gan_status status = styles_average(st, average, message);
    if (!status)
        status = measure(p, average, message);
    if (!status && make_tensors(p, average, target))
        status = session_error(st->s, GAN_ERROR_STATE, "cannot begin a projection", message);
    free(average);
    return status;
}

void projection_close(projection *p)
{
    gan_optimizer_destroy(p->optimizer);
    gan_layer_destroy(p->layer);
    gan_release(p->target);
    *p = (projection){0};
}

/* ---- steps ---- */

/* The rate rises linearly and falls along half a cosine. */
static double rate_at(double t)
{
    double down = fmin(1, (1 - t) / RAMP_DOWN), up = fmin(1, t / RAMP_UP);
    return LEARNING_RATE * up * (0.5 - 0.5 * cos(M_PI * down));
}

static double noise_at(const projection *p, double t)
{
    double left = fmax(0, 1 - t / NOISE_RAMP);
    return NOISE * p->deviation * left * left;
}

gan_status projection_step(projection *p, gan_message *message)
{
    gan_context *ctx = p->st->s->ctx;
    double t = ((double)p->step + 0.5) / (double)p->steps;
    gan_scope_begin(ctx);
    gan_tensor *noise = gan_scale(gan_randn(ctx, gan_shape_of(p->w)), (float)noise_at(p, t));
    gan_tensor *images = styles_synthesize(p->st, styles_of(p, gan_add(p->w, noise)));
    gan_optimizer_set_lr(p->optimizer, rate_at(t));
    gan_status status = gan_minimize(p->optimizer, distance(images, p->target));
    gan_scope_end(ctx, NULL);
    p->step++;
    return status ? session_error(p->st->s, status, "cannot take a step", message) : GAN_OK;
}

gan_status projection_read(projection *p, float *w, double *loss, gan_message *message)
{
    gan_context *ctx = p->st->s->ctx;
    gan_no_grad_begin(ctx);
    gan_tensor *w_of_layers = styles_of(p, p->w);
    *loss = (double)gan_item(distance(styles_synthesize(p->st, w_of_layers), p->target));
    gan_status status = gan_status_of(ctx) ? gan_status_of(ctx) : gan_read_f32(w_of_layers, w);
    gan_no_grad_end(ctx, NULL);
    if (!status && !isfinite(*loss))
        return gan_fail(message, GAN_ERROR_NON_FINITE, "the distance from the target is not finite");
    return status ? session_error(p->st->s, status, "cannot generate the image", message) : GAN_OK;
}
