#include "styles.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"

#define LAYERS_MAX 1024
#define WIDTH_MAX  65536
#define PSI_MAX    100.0
/* Random numbers of --noise random come from here, apart from the training's. */
#define NOISE_SEED 0x7374796c65733031ull
/* Styles that are mapped at once; images that are made between two looks at the progress. */
#define MAP_CHUNK       256
#define BATCH           16
#define FILE_STYLES_MAX 65536

/* ---- options ---- */

static gan_status parse_noise(const char *value, gan_style_noise *out, gan_message *message)
{
    static const char *const names[] = {
        [GAN_NOISE_RANDOM] = "random", [GAN_NOISE_CONST] = "const", [GAN_NOISE_NONE] = "none"};
    for (int i = 0; i < 3; i++)
        if (strcmp(value, names[i]) == 0) {
            *out = (gan_style_noise)i;
            return GAN_OK;
        }
    return gan_fail(message, GAN_ERROR_OPTION, "--noise is const, random or none, but not \"%.64s\"", value);
}

gan_status styles_options(styles *st, const arguments *args, gan_message *message)
{
    const char *psi = args->value[CLI_TRUNC], *cutoff = args->value[CLI_TRUNC_CUTOFF], *noise = args->value[CLI_NOISE];
    *st = (styles){.noise = GAN_NOISE_CONST, .psi = 1, .cutoff = -1};
    gan_status status = psi ? value_float("trunc", psi, -PSI_MAX, PSI_MAX, &st->psi, message) : GAN_OK;
    if (!status && cutoff)
        status = value_int("trunc-cutoff", cutoff, 0, LAYERS_MAX, &st->cutoff, message);
    if (!status && noise)
        status = parse_noise(noise, &st->noise, message);
    return status;
}

const char *styles_asked(const arguments *args)
{
    static const struct {
        cli_option option;
        const char *name;
    } own[] = {{CLI_TRUNC, "--trunc"}, {CLI_TRUNC_CUTOFF, "--trunc-cutoff"}, {CLI_NOISE, "--noise"}, {CLI_W, "--w"}};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (args->value[own[i].option])
            return own[i].name;
    return NULL;
}

/* ---- beginning ---- */

static const gan_style_extension *find_table(const session *s)
{
    const gan_plugin *variant = &s->plugin->table;
    const gan_style_extension *table =
        variant->get_extension ? variant->get_extension(s->model, GAN_STYLE_EXTENSION) : NULL;
    bool whole = table && table->struct_size >= sizeof *table && table->info && table->map && table->average &&
                 table->synthesize;
    return whole && s->info.scaled ? table : NULL;
}

bool styles_offered(const session *s)
{
    return find_table(s) != NULL;
}

static gan_status check_info(const styles *st, gan_message *message)
{
    const gan_style_info *info = &st->info;
    if (info->latent < 1 || info->latent > WIDTH_MAX || info->width < 1 || info->width > WIDTH_MAX ||
        info->layers < 1 || info->layers > LAYERS_MAX)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "the plugin %s says that its styles are %" PRId64 " layers of %" PRId64 " values from %" PRId64
                        ", but up to %d layers and %d values are taken",
                        st->s->plugin->table.id, info->layers, info->width, info->latent, LAYERS_MAX, WIDTH_MAX);
    if (st->cutoff > info->layers)
        return gan_fail(message, GAN_ERROR_OPTION,
                        "--trunc-cutoff is %" PRId64 ", but this generator has %" PRId64 " layers", st->cutoff,
                        info->layers);
    return GAN_OK;
}

gan_status styles_begin(styles *st, opened *o, const char *asker, gan_message *message)
{
    session *s = st->s = &o->s;
    st->table = find_table(s);
    if (!st->table)
        return gan_fail(message, GAN_ERROR_OPTION, "%s is for style-based generators (gan.style/1), which %s has not",
                        asker, s->plugin->table.id);
    st->info = (gan_style_info){.struct_size = sizeof st->info};
    st->table->info(s->model, &st->info);
    gan_status status = check_info(st, message);
    if (status)
        return status;
    for (int i = 0; i < s->n_ema; i++)
        gan_ema_swap(s->ema[i].average);
    for (int i = 0; i < gan_model_network_count(s->model); i++) {
        const char *name;
        gan_role role;
        gan_layer_train(gan_model_network_at(s->model, i, &name, &role), false);
    }
    gan_random_set(s->ctx, (gan_random_state){.seed = NOISE_SEED});
    return GAN_OK;
}

int64_t styles_size(const styles *st)
{
    return st->info.layers * st->info.width;
}

int64_t styles_batch(const styles *st)
{
    int64_t most = session_sample_batch(st->s);
    return most < BATCH ? most : BATCH;
}

/* ---- parts ---- */

/* What the plugin gave must be of that shape; poison if it is not. */
static gan_tensor *expect(const styles *st, gan_status status, gan_tensor *found, gan_shape shape, const char *what)
{
    gan_context *ctx = st->s->ctx;
    char is[96], should_be[96];
    if (status || !found)
        gan_raise(ctx, status ? status : GAN_ERROR_STATE, "the plugin gave no %s", what);
    else if (!gan_is_poison(found) && !gan_shape_equal(gan_shape_of(found), shape))
        gan_raise(ctx, GAN_ERROR_SHAPE, "the plugin gave %s of shape %s instead of %s", what,
                  gan_shape_text(gan_shape_of(found), is, sizeof is),
                  gan_shape_text(shape, should_be, sizeof should_be));
    /* Operators that get a tensor of a context in error pass the error on. */
    return found ? found : gan_zeros(ctx, GAN_SCALAR);
}

static gan_tensor *average_of(styles *st)
{
    gan_tensor *average = NULL;
    gan_status status = st->table->average(st->s->model, &average);
    return expect(st, status, average, GAN_SHAPE(st->info.width), "average style");
}

gan_tensor *styles_synthesize(styles *st, gan_tensor *w)
{
    const gan_data_info *data = &st->s->info;
    gan_tensor *images = NULL;
    gan_status status = st->table->synthesize(st->s->model, w, st->noise, &images);
    return expect(st, status, images, GAN_SHAPE(gan_dim(w, 0), data->height, data->width, data->channels), "images");
}

static gan_status map_part(styles *st, const float *z, int64_t n, const int32_t *labels, float *w)
{
    session *s = st->s;
    gan_tensor *made = NULL;
    gan_no_grad_begin(s->ctx);
    gan_tensor *latents = gan_from_f32(s->ctx, GAN_SHAPE(n, st->info.latent), z);
    gan_tensor *classes = labels ? gan_from_i32(s->ctx, GAN_SHAPE(n), labels) : NULL;
    gan_status status = st->table->map(s->model, latents, classes, &made);
    made = expect(st, status, made, GAN_SHAPE(n, st->info.layers, st->info.width), "styles");
    status = gan_status_of(s->ctx) ? gan_status_of(s->ctx) : gan_read_f32(made, w);
    gan_no_grad_end(s->ctx, NULL);
    return status;
}

static gan_status render_part(styles *st, const float *w, int64_t n, uint8_t *images)
{
    session *s = st->s;
    gan_no_grad_begin(s->ctx);
    gan_tensor *tensor = gan_from_f32(s->ctx, GAN_SHAPE(n, st->info.layers, st->info.width), w);
    if (st->psi != 1) /* at 1 the values stay as they are, to the last bit */
        tensor = gan_style_truncate(tensor, average_of(st), (float)st->psi, st->cutoff);
    gan_tensor *made = styles_synthesize(st, tensor);
    gan_status status = gan_status_of(s->ctx) ? gan_status_of(s->ctx) : gan_read_u8(gan_images_to_u8(made), images);
    gan_no_grad_end(s->ctx, NULL);
    return status;
}

static gan_status told(const styles *st, gan_status status, gan_message *message)
{
    return status ? session_error(st->s, status, "cannot generate samples", message) : GAN_OK;
}

gan_status styles_latents(styles *st, const uint64_t *seeds, int64_t n, float *z, gan_message *message)
{
    gan_context *ctx = st->s->ctx;
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < n && !status; i += MAP_CHUNK) {
        int64_t part = n - i < MAP_CHUNK ? n - i : MAP_CHUNK;
        gan_scope_begin(ctx);
        status = gan_read_f32(gan_randn_of_seeds(ctx, seeds + i, part, st->info.latent), z + i * st->info.latent);
        gan_scope_end(ctx, NULL);
    }
    return told(st, status, message);
}

gan_status styles_map(styles *st, const float *z, int64_t n, const int32_t *labels, float *w, gan_message *message)
{
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < n && !status; i += MAP_CHUNK) {
        int64_t part = n - i < MAP_CHUNK ? n - i : MAP_CHUNK;
        status = map_part(st, z + i * st->info.latent, part, labels ? labels + i : NULL, w + i * styles_size(st));
    }
    return told(st, status, message);
}

gan_status styles_average(styles *st, float *w, gan_message *message)
{
    gan_context *ctx = st->s->ctx;
    gan_no_grad_begin(ctx);
    gan_tensor *average = average_of(st);
    gan_status status = gan_status_of(ctx) ? gan_status_of(ctx) : gan_read_f32(average, w);
    gan_no_grad_end(ctx, NULL);
    return told(st, status, message);
}

gan_status styles_render(styles *st, const float *w, int64_t n, uint8_t *images, gan_message *message)
{
    size_t bytes = session_sample_bytes(&st->s->info);
    int64_t chunk = session_sample_batch(st->s);
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < n && !status; i += chunk)
        status = render_part(st, w + i * styles_size(st), n - i < chunk ? n - i : chunk, images + (size_t)i * bytes);
    return told(st, status, message);
}

gan_status styles_sample(styles *st, const uint64_t *seeds, int64_t n, const int32_t *labels, uint8_t *images,
                         gan_message *message)
{
    int64_t chunk = session_sample_batch(st->s);
    size_t bytes = session_sample_bytes(&st->s->info);
    float *z = calloc((size_t)(chunk * st->info.latent), sizeof *z);
    float *w = calloc((size_t)(chunk * styles_size(st)), sizeof *w);
    gan_status status = z && w ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for samples");
    for (int64_t i = 0; i < n && !status; i += chunk) {
        int64_t part = n - i < chunk ? n - i : chunk;
        status = styles_latents(st, seeds + i, part, z, message);
        if (!status)
            status = styles_map(st, z, part, labels ? labels + i : NULL, w, message);
        if (!status)
            status = styles_render(st, w, part, images + (size_t)i * bytes, message);
    }
    free(z);
    free(w);
    return status;
}

/* ---- files ---- */

static gan_status check_file(const styles *st, const gan_file *file, const char *path, int64_t *n, gan_message *message)
{
    gan_shape shape;
    const char *dtype;
    char found[96];
    if (!gan_file_info(file, "w", &shape, &dtype))
        return gan_fail(message, GAN_ERROR_FORMAT, "%s holds no tensor \"w\", as ganhost project writes it", path);
    int ndim = shape.ndim;
    bool fits = (ndim == 2 || ndim == 3) && shape.dim[ndim - 2] == st->info.layers &&
                shape.dim[ndim - 1] == st->info.width && (ndim == 2 || shape.dim[0] >= 1);
    if (!fits)
        return gan_fail(message, GAN_ERROR_SHAPE,
                        "%s: \"w\" is %s, but this generator takes [%" PRId64 ", %" PRId64 "], or several of them",
                        path, gan_shape_text(shape, found, sizeof found), st->info.layers, st->info.width);
    *n = ndim == 2 ? 1 : shape.dim[0];
    if (*n > FILE_STYLES_MAX)
        return gan_fail(message, GAN_ERROR_LIMIT, "%s holds more than %d styles", path, FILE_STYLES_MAX);
    return GAN_OK;
}

static gan_status read_values(const styles *st, const gan_file *file, int64_t n, float *w, const char *path,
                              gan_message *message)
{
    gan_context *ctx = st->s->ctx;
    gan_shape shape;
    const char *dtype;
    gan_file_info(file, "w", &shape, &dtype);
    gan_scope_begin(ctx);
    gan_tensor *tensor = gan_zeros(ctx, shape);
    gan_status status = gan_file_read(file, "w", tensor, GAN_LAYOUT_PLAIN, message);
    if (!status && gan_read_f32(tensor, w))
        status = session_error(st->s, GAN_ERROR_STATE, "cannot read styles", message);
    gan_scope_end(ctx, NULL);
    for (int64_t i = 0; i < n * styles_size(st) && !status; i++)
        if (!isfinite(w[i]))
            status = gan_fail(message, GAN_ERROR_NON_FINITE, "%s: \"w\" holds values that are not finite", path);
    return status;
}

gan_status styles_read(const styles *st, const char *path, float **w, int64_t *n, gan_message *message)
{
    gan_file *file = NULL;
    float *values = NULL;
    int64_t count = 0;
    gan_status status = gan_file_open(path, &file, message);
    if (!status)
        status = check_file(st, file, path, &count, message);
    if (!status && !(values = calloc((size_t)(count * styles_size(st)), sizeof *values)))
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory for what %s holds", path);
    if (!status)
        status = read_values(st, file, count, values, path, message);
    gan_file_close(file);
    if (status) {
        free(values);
        return status;
    }
    *w = values;
    *n = count;
    return GAN_OK;
}
