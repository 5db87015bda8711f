/* command_interpolate.c - `ganhost interpolate`: from seed to seed through z or w, as frames and as an animation. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "between.h"
#include "frames.h"
#include "interrupt.h"
#include "styles.h"
#include "values.h"

#define KEYS_MAX 1000

typedef struct walk {
    const arguments *args;
    opened o;
    styles st;
    frames out;
    uint64_t *seeds;
    int64_t n_seeds;
    int64_t n_frames;
    double fps;
    bool through_z, loop;
    int32_t label;
    const int32_t *class; /* &label; NULL for a model without classes */
    int64_t size;         /* values of a key: of z or of w */
    float *keys;          /* [n_seeds, size] */
    float *z, *w;         /* of a frame, [latent] and [layers, width] */
    uint8_t *pixels;
} walk;

/* ---- arguments ---- */

static gan_status parse_arguments(walk *p, gan_message *message)
{
    const char *const *value = p->args->value;
    const char *space = value[CLI_SPACE];
    p->n_frames = 60;
    p->fps = 30;
    p->loop = value[CLI_LOOP] != NULL;
    p->through_z = space && strcmp(space, "z") == 0;
    if (space && !p->through_z && strcmp(space, "w") != 0)
        return gan_fail(message, GAN_ERROR_OPTION, "--space is z or w, but not \"%.64s\"", space);
    if (!value[CLI_SEEDS])
        return gan_fail(message, GAN_ERROR_OPTION, "from where to where? Give --seeds, such as --seeds 1,5,9");
    gan_status status = styles_options(&p->st, p->args, message);
    if (!status)
        status = value_seeds("seeds", value[CLI_SEEDS], KEYS_MAX, &p->seeds, &p->n_seeds, message);
    if (!status && p->n_seeds < 2)
        return gan_fail(message, GAN_ERROR_OPTION, "--seeds must name two seeds at least to go from one to another");
    if (!status && value[CLI_FRAMES])
        status = value_int("frames", value[CLI_FRAMES], 2, FRAMES_MAX, &p->n_frames, message);
    if (!status && value[CLI_FPS])
        status = value_float("fps", value[CLI_FPS], 0.1, 1000, &p->fps, message);
    return status;
}

/* ---- frames ---- */

/* Frame i of all. The last one is the last seed; in a loop it is the one before the first comes again. */
static void place(const walk *p, int64_t i, float *out)
{
    int64_t ways = p->loop ? p->n_seeds : p->n_seeds - 1;
    double at = (double)i * (double)ways / (double)(p->loop ? p->n_frames : p->n_frames - 1);
    int64_t from = (int64_t)at;
    if (from >= ways)
        from = ways - 1;
    const float *a = p->keys + from * p->size, *b = p->keys + (from + 1) % p->n_seeds * p->size;
    (p->through_z ? between_spherical : between_linear)(a, b, at - (double)from, p->size, out);
}

static gan_status make_keys(walk *p, gan_message *message)
{
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < p->n_seeds && !status; i++) {
        float *key = p->keys + i * p->size;
        status = styles_latents(&p->st, p->seeds + i, 1, p->through_z ? key : p->z, message);
        if (!status && !p->through_z)
            status = styles_map(&p->st, p->z, 1, p->class, key, message);
    }
    return status;
}

static gan_status prepare(walk *p, gan_message *message)
{
    gan_status status = opened_class(&p->o, &p->label, message);
    if (status)
        return status;
    p->class = session_classes(&p->o.s) > 0 ? &p->label : NULL;
    p->size = p->through_z ? p->st.info.latent : styles_size(&p->st);
    p->keys = calloc((size_t)(p->n_seeds * p->size), sizeof *p->keys);
    p->z = calloc((size_t)p->st.info.latent, sizeof *p->z);
    p->w = calloc((size_t)styles_size(&p->st), sizeof *p->w);
    p->pixels = calloc(1, session_sample_bytes(&p->o.s.info));
    if (!p->keys || !p->z || !p->w || !p->pixels)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for a way between %" PRId64 " seeds", p->n_seeds);
    return make_keys(p, message);
}

/* One by one: rounding depends on how many images are made at once, and a frame at a seed is to be that seed's image,
 * to the last bit, however many others there are. Its files take longer than it does. */
static gan_status make_frame(walk *p, int64_t i, gan_message *message)
{
    const gan_data_info *info = &p->o.s.info;
    gan_image image = {info->width, info->height, (int)info->channels, p->pixels};
    gan_status status = GAN_OK;
    place(p, i, p->through_z ? p->z : p->w);
    if (p->through_z)
        status = styles_map(&p->st, p->z, 1, p->class, p->w, message);
    if (!status)
        status = styles_render(&p->st, p->w, 1, p->pixels, message);
    return status ? status : frames_add(&p->out, &image, message);
}

static gan_status make_frames(walk *p, gan_message *message)
{
    double started = clock_seconds();
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < p->n_frames && !status && !interrupt_requested(); i++) {
        status = make_frame(p, i, message);
        console_progress(&p->o.out, started, p->out.n, p->n_frames, "frames", "");
    }
    if (!status && p->out.n == 0)
        return gan_fail(message, GAN_INTERRUPTED, "interrupted before the first frame");
    return status ? status : frames_finish(&p->out, message);
}

static gan_status interpolate(walk *p, gan_message *message)
{
    char folder[PATH_SIZE];
    gan_status status = parse_arguments(p, message);
    if (!status)
        status = opened_load_generator(&p->o, message);
    if (!status)
        status = styles_begin(&p->st, &p->o, "ganhost interpolate", message);
    if (!status)
        status = prepare(p, message);
    if (!status)
        status = opened_target(&p->o, "interpolation", folder, message);
    if (!status)
        status = frames_open(&p->out, folder, p->fps, message);
    return status ? status : make_frames(p, message);
}

int command_interpolate(const arguments *args)
{
    walk p = {.args = args};
    gan_message message = {{0}};
    opened_begin(&p.o, args);
    interrupt_catch();
    gan_status status = interpolate(&p, &message);
    if (!status)
        console_say(&p.o.out, "%s%" PRId64 " frames of %s: %s, and %s/animation.png",
                    interrupt_requested() ? "interrupted; " : "", p.out.n, p.o.checkpoint, p.out.folder, p.out.folder);
    frames_close(&p.out);
    free(p.seeds);
    free(p.keys);
    free(p.z);
    free(p.w);
    free(p.pixels);
    opened_close(&p.o);
    int failed = status ? cli_fail(status, &message) : EXIT_SUCCESS;
    return (!status || status == GAN_INTERRUPTED) && interrupt_requested() ? EXIT_INTERRUPTED : failed;
}
