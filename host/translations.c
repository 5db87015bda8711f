#include "translations.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS      4 /* of a domain: real, translated, recovered, identity */
#define PAPER        255
#define INK          0x202020
#define CHUNK_PIXELS (4 * 128 * 128)
/* Of a picture: labels need room above a column, and its size has bounds whatever train.grid is. */
#define SIDE_LEAST  96
#define PIXELS_MOST ((int64_t)1 << 26)
/* The height of capital letters: a part of a column's width, within bounds. */
#define TEXT_PART  14
#define TEXT_LEAST 6
#define TEXT_MOST  20

/* ---- images to translate ---- */

static const gan_dataset *shown_data(const session *s, int domain)
{
    return s->held[domain] ? s->held[domain] : domain == 0 ? s->data : s->data_b;
}

gan_status translations_images(const gan_dataset *data, int64_t first, int64_t n, int64_t of, uint8_t *out,
                               gan_message *message)
{
    int64_t count = gan_dataset_info(data)->count;
    size_t bytes = session_sample_bytes(gan_dataset_info(data));
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < n && !status; i++)
        status = gan_dataset_get(data, (first + i) * count / of, out + (size_t)i * bytes, NULL, message);
    return status;
}

/* ---- translating ---- */

/* Images that are translated at once: with no gradient this takes no more memory than a step of training does. */
static int64_t chunk_of(const session *s)
{
    int64_t batch = config_int(&s->config, "train.batch"), chunk = CHUNK_PIXELS / (s->info.height * s->info.width);
    return chunk > batch ? chunk : batch;
}

static gan_tensor *to_tensor(const session *s, const uint8_t *images, int64_t n)
{
    gan_shape shape = GAN_SHAPE(n, s->info.height, s->info.width, s->info.channels);
    return gan_images_from_u8(gan_from_u8(s->ctx, shape, images));
}

gan_tensor *translations_of(session *s, int domain, gan_tensor *images)
{
    gan_tensor *out = NULL;
    char found[96], wanted[96];
    const gan_translate_extension *translation = session_translation(s);
    gan_status status = translation->translate(s->model, domain == 0 ? GAN_A_TO_B : GAN_B_TO_A, images, &out);
    if (status || gan_status_of(s->ctx))
        return NULL;
    gan_shape expected = gan_shape_of(images);
    if (out && !gan_is_poison(out) && gan_shape_equal(gan_shape_of(out), expected))
        return out;
    if (!out)
        gan_raise(s->ctx, GAN_ERROR_STATE, "the plugin gave no translation");
    else
        gan_raise(s->ctx, GAN_ERROR_SHAPE, "the plugin gave translations of shape %s instead of %s",
                  gan_shape_text(gan_shape_of(out), found, sizeof found),
                  gan_shape_text(expected, wanted, sizeof wanted));
    return NULL;
}

/* ---- pictures ---- */

typedef struct figure {
    const session *s;
    gan_image image;
    int64_t rows;
    int64_t scale;         /* an image's pixel is a square of so many */
    int64_t width, height; /* of an image, enlarged */
    int64_t gap, line;     /* between images; of text above them */
    double text;
} figure;

static gan_status open_figure(const session *s, figure *out, gan_message *message)
{
    const gan_data_info *info = &s->info;
    figure f = {.s = s, .rows = config_int(&s->config, "train.grid") / (2 * COLUMNS)};
    f.scale = (SIDE_LEAST + info->width - 1) / info->width;
    f.width = f.scale * info->width;
    f.height = f.scale * info->height;
    f.gap = f.width / 32;
    f.text = fmin(fmax((double)f.width / TEXT_PART, TEXT_LEAST), TEXT_MOST);
    f.line = (int64_t)ceil(2 * f.text);
    int64_t width = 2 * COLUMNS * (f.width + f.gap) + 3 * f.gap, most = PIXELS_MOST / width;
    most = (most < GAN_IMAGE_MAX_SIDE ? most : GAN_IMAGE_MAX_SIDE) - f.line - f.gap;
    for (int i = 0; i < 2; i++) {
        int64_t count = gan_dataset_info(shown_data(s, i))->count;
        f.rows = f.rows < count ? f.rows : count;
    }
    f.rows = f.rows < most / (f.height + f.gap) ? f.rows : most / (f.height + f.gap);
    f.rows = f.rows > 1 ? f.rows : 1;
    gan_status status =
        gan_image_create(&f.image, width, f.line + f.rows * (f.height + f.gap), (int)info->channels, message);
    if (status)
        return status;
    memset(f.image.pixels, PAPER, (size_t)(f.image.width * f.image.height * f.image.channels));
    *out = f;
    return GAN_OK;
}

static int64_t column_x(const figure *f, int domain, int64_t column)
{
    return f->gap + (domain * COLUMNS + column) * (f->width + f->gap) + (domain == 1 ? f->gap : 0);
}

/* One pixel of an image as a square. */
static void paste_pixel(figure *f, const uint8_t *pixel, int64_t x, int64_t y)
{
    size_t channels = (size_t)f->image.channels;
    for (int64_t i = 0; i < f->scale; i++)
        for (int64_t j = 0; j < f->scale; j++)
            memcpy(f->image.pixels + (size_t)((y + i) * f->image.width + x + j) * channels, pixel, channels);
}

static void paste(figure *f, const uint8_t *image, int domain, int64_t column, int64_t row)
{
    const gan_data_info *info = &f->s->info;
    int64_t left = column_x(f, domain, column), top = f->line + row * (f->height + f->gap);
    for (int64_t y = 0; y < info->height; y++)
        for (int64_t x = 0; x < info->width; x++)
            paste_pixel(f, image + (size_t)((y * info->width + x) * info->channels), left + x * f->scale,
                        top + y * f->scale);
}

static void label_column(figure *f, int domain, int64_t column, const char *label)
{
    double width = gan_text_width(f->text, label), room = (double)f->width;
    double size = width > room ? f->text * room / width : f->text;
    double x = (double)column_x(f, domain, column) + (room - gan_text_width(size, label)) / 2;
    gan_image_text(&f->image, x, 1.5 * f->text, size, INK, label);
}

static gan_status close_figure(figure *f, gan_status status, const char *path, gan_message *message)
{
    if (!status)
        status = gan_png_write(path, &f->image, message);
    gan_image_free(&f->image);
    return status;
}

/* What is trained on, row by row. */
gan_status translations_reals(const session *s, const char *path, gan_message *message)
{
    const gan_dataset *data[] = {s->data, s->data_b};
    figure f;
    gan_status status = open_figure(s, &f, message);
    if (status)
        return status;
    uint8_t *image = malloc(session_sample_bytes(&s->info));
    if (!image)
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory for an image");
    for (int domain = 0; domain < 2; domain++) {
        label_column(&f, domain, 0, domain == 0 ? "A" : "B");
        int64_t cells = f.rows * COLUMNS, count = gan_dataset_info(data[domain])->count,
                n = cells < count ? cells : count;
        for (int64_t i = 0; i < n && !status; i++) {
            status = translations_images(data[domain], i, 1, n, image, message);
            if (!status)
                paste(&f, image, domain, i % COLUMNS, i / COLUMNS);
        }
    }
    free(image);
    return close_figure(&f, status, path, message);
}

/* The images of one column, of rows from `first` on. */
static gan_status paste_column(figure *f, gan_tensor *images, uint8_t *bytes, int domain, int64_t column, int64_t first)
{
    size_t size = session_sample_bytes(&f->s->info);
    gan_status status = images ? gan_read_u8(gan_images_to_u8(images), bytes) : GAN_ERROR_STATE;
    for (int64_t i = 0; !status && i < gan_shape_of(images).dim[0]; i++)
        paste(f, bytes + (size_t)i * size, domain, column, first + i);
    return status;
}

/* Rows from `first` on of a domain, whose images are in `bytes`. */
static gan_status draw_rows(session *s, figure *f, uint8_t *bytes, int domain, int64_t first, int64_t n)
{
    gan_no_grad_begin(s->ctx);
    gan_tensor *real = to_tensor(s, bytes, n), *there = translations_of(s, domain, real);
    gan_tensor *shown[COLUMNS] = {real, there, there ? translations_of(s, 1 - domain, there) : NULL,
                                  translations_of(s, 1 - domain, real)};
    gan_status status = GAN_OK;
    for (int i = 0; i < COLUMNS && !status; i++)
        status = paste_column(f, shown[i], bytes, domain, i, first);
    gan_no_grad_end(s->ctx, NULL);
    return status;
}

static gan_status draw_all(session *s, figure *f, uint8_t *bytes, gan_message *message)
{
    int64_t chunk = chunk_of(s);
    gan_status status = GAN_OK;
    for (int domain = 0; domain < 2; domain++)
        for (int64_t i = 0; i < f->rows && !status; i += chunk) {
            int64_t n = f->rows - i < chunk ? f->rows - i : chunk;
            status = translations_images(shown_data(s, domain), i, n, f->rows, bytes, message);
            if (!status && draw_rows(s, f, bytes, domain, i, n))
                status = session_error(s, GAN_ERROR_STATE, "cannot translate", message);
        }
    return status;
}

static void label_all(figure *f)
{
    static const char *const labels[2][COLUMNS] = {{"A", "A to B", "back to A", "identity of A"},
                                                   {"B", "B to A", "back to B", "identity of B"}};
    for (int domain = 0; domain < 2; domain++)
        for (int i = 0; i < COLUMNS; i++)
            label_column(f, domain, i, labels[domain][i]);
}

gan_status translations_fakes(session *s, const char *path, gan_message *message)
{
    figure f;
    session_evaluation e;
    uint8_t *bytes = malloc((size_t)chunk_of(s) * session_sample_bytes(&s->info));
    gan_status status =
        bytes ? open_figure(s, &f, message) : gan_fail(message, GAN_ERROR_MEMORY, "no memory for translations");
    if (status) {
        free(bytes);
        return status;
    }
    label_all(&f);
    status = session_evaluate_begin(s, &e, message);
    if (!status) {
        status = draw_all(s, &f, bytes, message);
        session_evaluate_end(s, &e);
    }
    free(bytes);
    return close_figure(&f, status, path, message);
}

/* ---- errors ---- */

typedef struct measuring {
    session *s;
    uint8_t *bytes[2];                 /* images of each domain, of one chunk */
    double cycle[2], error[2], before; /* sums over images */
    int64_t n[2];
} measuring;

/* Added up over images. False: the error is in the context. */
static bool add_difference(gan_tensor *a, gan_tensor *b, double *sum)
{
    float mean;
    if (!a || !b || gan_read_f32(gan_mean(gan_abs(gan_sub(a, b))), &mean))
        return false;
    *sum += (double)mean * (double)gan_shape_of(a).dim[0];
    return true;
}

/* A chunk of n images of a domain; `other` are their counterparts, or NULL. */
static bool measure_chunk(measuring *m, int domain, const uint8_t *other, int64_t n)
{
    session *s = m->s;
    gan_no_grad_begin(s->ctx);
    gan_tensor *real = to_tensor(s, m->bytes[domain], n), *there = translations_of(s, domain, real);
    bool good = there && add_difference(translations_of(s, 1 - domain, there), real, &m->cycle[domain]);
    if (good && other) {
        gan_tensor *counterparts = to_tensor(s, other, n);
        good = add_difference(there, counterparts, &m->error[domain]) &&
               (domain == 1 || add_difference(real, counterparts, &m->before));
    }
    gan_no_grad_end(s->ctx, NULL);
    m->n[domain] += n;
    return good;
}

static gan_status measure_domain(measuring *m, int domain, int64_t n, gan_message *message)
{
    session *s = m->s;
    int64_t chunk = chunk_of(s), count = gan_dataset_info(s->held[domain])->count;
    gan_status status = GAN_OK;
    n = n < count ? n : count;
    for (int64_t i = 0; i < n && !status; i += chunk) {
        int64_t part = n - i < chunk ? n - i : chunk;
        status = translations_images(s->held[domain], i, part, n, m->bytes[domain], message);
        if (!status && s->counterparts)
            status = translations_images(s->held[1 - domain], i, part, n, m->bytes[1 - domain], message);
        if (!status && !measure_chunk(m, domain, s->counterparts ? m->bytes[1 - domain] : NULL, part))
            status = session_error(s, GAN_ERROR_STATE, "cannot translate held-out images", message);
    }
    return status;
}

gan_status translations_measure(session *s, int64_t n, translation_errors *out, gan_message *message)
{
    session_evaluation e;
    measuring m = {.s = s};
    size_t bytes = (size_t)chunk_of(s) * session_sample_bytes(&s->info);
    for (int i = 0; i < 2; i++)
        m.bytes[i] = malloc(bytes);
    gan_status status = m.bytes[0] && m.bytes[1] ? session_evaluate_begin(s, &e, message)
                                                 : gan_fail(message, GAN_ERROR_MEMORY, "no memory for translations");
    if (!status) {
        for (int i = 0; i < 2 && !status; i++)
            status = measure_domain(&m, i, n, message);
        session_evaluate_end(s, &e);
    }
    for (int i = 0; i < 2; i++)
        free(m.bytes[i]);
    if (status)
        return status;
    *out = (translation_errors){.counterparts = s->counterparts, .before = m.before / (double)m.n[0]};
    for (int i = 0; i < 2; i++) {
        out->cycle[i] = m.cycle[i] / (double)m.n[i];
        out->error[i] = m.error[i] / (double)m.n[i];
    }
    return GAN_OK;
}
