/* command_project.c - `ganhost project`: the w whose image is nearest to a picture, with the way there as frames. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "interrupt.h"
#include "projection.h"
#include "values.h"

#define STEPS_MAX 1000000

typedef struct search {
    const arguments *args;
    opened o;
    styles st;
    projection p;
    frames out;
    char folder[PATH_SIZE];
    gan_image target, image;
    float *w; /* [layers, width], of the newest frame */
    double first_loss, loss;
    int64_t steps, n_frames, seed;
    double fps;
} search;

/* ---- arguments ---- */

static gan_status parse_arguments(search *s, gan_message *message)
{
    const char *const *value = s->args->value;
    s->steps = 1000;
    s->n_frames = 60;
    s->fps = 30;
    if (!value[CLI_TARGET])
        return gan_fail(message, GAN_ERROR_OPTION, "which picture? Give --target FILE, a PNG or a JPEG");
    gan_status status = styles_options(&s->st, s->args, message);
    if (!status && value[CLI_STEPS])
        status = value_int("steps", value[CLI_STEPS], 1, STEPS_MAX, &s->steps, message);
    if (!status && value[CLI_FRAMES])
        status = value_int("frames", value[CLI_FRAMES], 2, FRAMES_MAX, &s->n_frames, message);
    if (!status && value[CLI_FPS])
        status = value_float("fps", value[CLI_FPS], 0.1, 1000, &s->fps, message);
    if (!status && value[CLI_SEED])
        status = value_int("seed", value[CLI_SEED], 0, INT64_MAX, &s->seed, message);
    if (s->n_frames > s->steps + 1)
        s->n_frames = s->steps + 1;
    return status;
}

/* ---- the target ---- */

static void replace(gan_image *image, gan_image with)
{
    gan_image_free(image);
    *image = with;
}

/* As data.fit = crop brings images to the size of a run: scaled until they cover it, then cut at the centre. */
static gan_status fit_target(search *s, gan_image *image, gan_message *message)
{
    const gan_data_info *info = &s->o.s.info;
    gan_data_options data;
    session_data_options(s->o.s.config.host, &data);
    bool tall = image->width * info->height < image->height * info->width;
    int64_t from = tall ? image->width : image->height, to = tall ? info->width : info->height;
    int64_t width = (image->width * to + from / 2) / from, height = (image->height * to + from / 2) / from;
    gan_image out = {0};
    gan_status status = gan_image_convert(image, (int)info->channels, message);
    if (!status)
        status = gan_image_resize(image, width, height, data.filter, &out, message);
    if (status)
        return status;
    replace(image, out);
    status = gan_image_crop(image, (width - info->width) / 2, (height - info->height) / 2, info->width, info->height,
                            &out, message);
    if (!status)
        replace(image, out);
    return status;
}

static gan_status read_target(search *s, gan_message *message)
{
    gan_image image = {0};
    gan_status status = gan_image_read(s->args->value[CLI_TARGET], &image, message);
    if (!status)
        status = fit_target(s, &image, message);
    if (status)
        gan_image_free(&image);
    else
        s->target = image;
    return status;
}

/* ---- results ---- */

/* The w so far, its loss, its image as a frame. */
static gan_status add_frame(search *s, gan_message *message)
{
    gan_status status = projection_read(&s->p, s->w, &s->loss, message);
    if (!status)
        status = styles_render(&s->st, s->w, 1, s->image.pixels, message);
    return status ? status : frames_add(&s->out, &s->image, message);
}

static gan_status add_texts(const search *s, gan_file_writer *writer, gan_message *message)
{
    char steps[32], seed[32], loss[32];
    snprintf(steps, sizeof steps, "%" PRId64, s->p.step);
    snprintf(seed, sizeof seed, "%" PRId64, s->seed);
    snprintf(loss, sizeof loss, "%.9g", s->loss);
    const char *const texts[][2] = {{"ganhost.plugin", s->o.s.plugin->table.id},
                                    {"ganhost.checkpoint", s->o.checkpoint},
                                    {"ganhost.target", s->args->value[CLI_TARGET]},
                                    {"ganhost.steps", steps},
                                    {"ganhost.seed", seed},
                                    {"ganhost.loss", loss}};
    gan_status status = GAN_OK;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !status; i++)
        if (text_is_utf8(texts[i][1]))
            status = gan_file_add_text(writer, texts[i][0], texts[i][1], message);
    return status;
}

static gan_status write_styles(const search *s, gan_message *message)
{
    char path[PATH_SIZE];
    gan_context *ctx = s->o.s.ctx;
    gan_status status = path_format(path, message, "%s/projected.safetensors", s->folder);
    gan_file_writer *writer = gan_file_writer_create();
    if (!status && !writer)
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory to write %s", path);
    gan_scope_begin(ctx);
    gan_tensor *w = gan_from_f32(ctx, GAN_SHAPE(s->st.info.layers, s->st.info.width), s->w);
    if (!status && gan_is_poison(w))
        status = session_error(&s->o.s, GAN_ERROR_MEMORY, "cannot write styles", message);
    if (!status)
        status = gan_file_add(writer, "w", w, GAN_LAYOUT_PLAIN, message);
    if (!status)
        status = add_texts(s, writer, message);
    if (!status)
        status = gan_file_commit(writer, path, message);
    gan_scope_end(ctx, NULL);
    gan_file_writer_destroy(writer);
    return status;
}

static gan_status write_image(const search *s, const char *name, const gan_image *image, gan_message *message)
{
    char path[PATH_SIZE];
    gan_status status = path_format(path, message, "%s/%s", s->folder, name);
    return status ? status : gan_png_write(path, image, message);
}

/* ---- the search ---- */

static gan_status prepare(search *s, gan_message *message)
{
    const gan_data_info *info = &s->o.s.info;
    gan_status status = opened_target(&s->o, "projection", s->folder, message);
    if (!status)
        status = read_target(s, message);
    if (!status)
        status = gan_image_create(&s->image, info->width, info->height, (int)info->channels, message);
    if (!status && !(s->w = calloc((size_t)styles_size(&s->st), sizeof *s->w)))
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory for styles");
    if (!status)
        status = frames_open(&s->out, s->folder, s->fps, message);
    if (!status)
        status = write_image(s, "target.png", &s->target, message);
    if (status)
        return status;
    gan_random_set(s->o.s.ctx, (gan_random_state){.seed = (uint64_t)s->seed});
    return projection_open(&s->p, &s->st, &s->target, s->steps, s->args->value[CLI_LAYERS_W] != NULL, message);
}

/* The steps, with frames spread evenly over them: the first is the average, the last the result. */
static gan_status take_steps(search *s, gan_message *message)
{
    double started = clock_seconds();
    gan_status status = add_frame(s, message);
    s->first_loss = s->loss;
    while (!status && s->p.step < s->steps && !interrupt_requested()) {
        char loss[48];
        status = projection_step(&s->p, message);
        if (!status && s->p.step * (s->n_frames - 1) >= s->out.n * s->steps)
            status = add_frame(s, message);
        snprintf(loss, sizeof loss, "loss %.4g", s->loss);
        console_progress(&s->o.out, started, s->p.step, s->steps, "steps", loss);
    }
    return status ? status : s->p.step < s->steps ? add_frame(s, message) : GAN_OK;
}

static gan_status project(search *s, gan_message *message)
{
    gan_status status = parse_arguments(s, message);
    if (!status)
        status = opened_load_generator(&s->o, message);
    if (!status)
        status = styles_begin(&s->st, &s->o, "ganhost project", message);
    if (!status)
        status = prepare(s, message);
    if (!status)
        status = take_steps(s, message);
    if (!status)
        status = write_image(s, "projected.png", &s->image, message);
    if (!status)
        status = write_styles(s, message);
    return status ? status : frames_finish(&s->out, message);
}

int command_project(const arguments *args)
{
    search s = {.args = args};
    gan_message message = {{0}};
    opened_begin(&s.o, args);
    interrupt_catch();
    gan_status status = project(&s, &message);
    if (!status)
        console_say(&s.o.out, "%sloss %.4g after %" PRId64 " steps (the average image's is %.4g): %s/projected.png",
                    interrupt_requested() ? "interrupted; " : "", s.loss, s.p.step, s.first_loss, s.folder);
    frames_close(&s.out);
    projection_close(&s.p);
    gan_image_free(&s.target);
    gan_image_free(&s.image);
    free(s.w);
    opened_close(&s.o);
    int failed = status ? cli_fail(status, &message) : EXIT_SUCCESS;
    return !status && interrupt_requested() ? EXIT_INTERRUPTED : failed;
}
