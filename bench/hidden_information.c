/*
 * hidden_information.c - how much of what a translated image gives back is written in it where no eye sees it.
 *
 *     hidden_information RUN [--input FOLDER|builtin:NAME] [--direction AtoB|BtoA] [--count N] [--out NAME]
 *
 * A generator that is to undo a translation may find what it needs in the translated image as a faint, high-frequency
 * signal (C. Chu, A. Zhmoginov, M. Sandler, "CycleGAN, a Master of Steganography", 2017, arXiv:1712.02950). Such a
 * signal is lost where nobody would miss it: by rounding, blur, noise or compression. So images are translated there
 * and back, with the translated image disturbed in between, and the error of what is recovered is set beside that of
 * the undisturbed way and beside the size of the disturbance.
 *
 * Images are those that the run holds out, or those of --input. Prints a table in Markdown; NAME.csv holds the same,
 * and NAME.png shows images and the errors.
 */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../host/translations.h"
#include "../host/translator.h"
#include "../host/values.h"
#include "disturbance.h"
#include "hidden_figure.h"

#define COUNT_MAX 65536

typedef struct experiment {
    const char *run, *input, *out;
    int64_t count;
    int domain; /* that is translated; 0: A */
    arguments args;
    opened o;
    gan_dataset *own; /* of --input; NULL: the run's */
    const gan_dataset *data;
    int64_t n; /* images */
    hidden_sum sums[HIDDEN_CASES];
    hidden_pictures pictures;
} experiment;

/* ---- the command line ---- */

#define USAGE                                                                                                          \
    "usage: hidden_information RUN [--input FOLDER|builtin:NAME] [--direction AtoB|BtoA] [--count N] [--out NAME] "    \
    "[--device NAME] [--precision f32|bf16]"

static gan_status parse_option(experiment *x, int option, char **argv, gan_message *message)
{
    switch (option) {
    case 'i':
        x->input = optarg;
        return GAN_OK;
    case 'd':
        x->args.value[CLI_DIRECTION] = optarg;
        return GAN_OK;
    case 'n':
        return value_int("count", optarg, 1, COUNT_MAX, &x->count, message);
    case 'o':
        x->out = optarg;
        return GAN_OK;
    case 'D':
        x->args.value[CLI_DEVICE] = optarg;
        return GAN_OK;
    case 'p':
        x->args.value[CLI_PRECISION] = optarg;
        return GAN_OK;
    default:
        return gan_fail(message, GAN_ERROR_OPTION, "%.64s is no option, or lacks its value; " USAGE, argv[optind - 1]);
    }
}

static gan_status parse(int argc, char **argv, experiment *x, gan_message *message)
{
    static const struct option options[] = {{"input", required_argument, NULL, 'i'},
                                            {"direction", required_argument, NULL, 'd'},
                                            {"count", required_argument, NULL, 'n'},
                                            {"out", required_argument, NULL, 'o'},
                                            {"device", required_argument, NULL, 'D'},
                                            {"precision", required_argument, NULL, 'p'},
                                            {0}};
    gan_status status = GAN_OK;
    opterr = 0; /* said above */
    for (int k; !status && (k = getopt_long(argc, argv, "", options, NULL)) != -1;)
        status = parse_option(x, k, argv, message);
    if (status)
        return status;
    if (argc - optind != 1)
        return gan_fail(message, GAN_ERROR_OPTION, "expected the folder of one run, but %d are given; " USAGE,
                        argc - optind);
    x->run = x->args.value[CLI_RUN] = argv[optind];
    translator t;
    status = translator_options(&t, &x->args, message);
    x->domain = t.direction == GAN_A_TO_B ? 0 : 1;
    return status;
}

/* ---- images ---- */

/* As training shows them, but for what is by chance; built-in ones are others than those of the training. */
static gan_status open_input(experiment *x, gan_message *message)
{
    session *s = &x->o.s;
    gan_data_options options;
    session_data_options(s->config.host, &options);
    options.source = x->input;
    options.labels = false;
    options.seed = session_domain_seed(options.seed, x->domain, true);
    options.builtin_count = x->count;
    options.resolution = s->info.height;
    options.channels = (int)s->info.channels;
    options.enlarge = 1;
    options.random_crop = options.mirror = false;
    gan_status status = session_open_dataset(&options, &x->o.out, &x->own, message);
    if (status)
        return status;
    const gan_data_info *info = gan_dataset_info(x->own);
    if (!info->scaled || info->height != s->info.height || info->width != s->info.width)
        return gan_fail(message, GAN_ERROR_UNSUPPORTED,
                        "%.300s does not hold images of %" PRId64 "x%" PRId64 ", as the run %.300s was trained on",
                        x->input, s->info.width, s->info.height, x->run);
    x->data = x->own;
    return GAN_OK;
}

static gan_status open_held_out(experiment *x, gan_message *message)
{
    session *s = &x->o.s;
    gan_status status = session_open_data(s, &x->o.out, message);
    if (!status && !s->held[x->domain])
        return gan_fail(message, GAN_ERROR_OPTION, "the run %.300s holds no images out; give some with --input",
                        x->run);
    x->data = s->held[x->domain];
    return status;
}

static gan_status open_all(experiment *x, gan_message *message)
{
    gan_status status = opened_load(&x->o, message);
    if (!status && !session_two_domains(&x->o.s))
        return gan_fail(message, GAN_ERROR_OPTION,
                        "the run %.300s is of the plugin %s, which does not translate between two domains", x->run,
                        x->o.s.plugin->table.id);
    if (!status)
        status = x->input ? open_input(x, message) : open_held_out(x, message);
    if (status)
        return status;
    int64_t held = gan_dataset_info(x->data)->count;
    x->n = x->count < held ? x->count : held;
    return hidden_pictures_create(&x->pictures, &x->o.s.info, x->n, message);
}

/* ---- measuring ---- */

/* The mean absolute difference of each image. */
static gan_status differences(gan_tensor *a, gan_tensor *b, float *out)
{
    gan_tensor *mean = gan_mean_over(gan_abs(gan_sub(a, b)), GAN_AXIS(1) | GAN_AXIS(2) | GAN_AXIS(3), false);
    gan_status status = gan_status_of(gan_context_of(mean));
    return status ? status : gan_read_f32(mean, out);
}

static gan_status measure_case(experiment *x, int which, gan_tensor *real, gan_tensor *there, int64_t first,
                               float *values)
{
    session *s = &x->o.s;
    hidden_sum *sum = &x->sums[which];
    int64_t n = gan_dim(real, 0);
    gan_tensor *disturbed = disturb(there, hidden_cases[which].with);
    if (gan_status_of(s->ctx))
        return gan_status_of(s->ctx);
    gan_status status = differences(disturbed, there, values);
    for (int64_t i = 0; i < n && !status; i++)
        sum->change += (double)values[i];
    gan_tensor *back = status ? NULL : translations_of(s, 1 - x->domain, disturbed);
    if (!back)
        return status ? status : GAN_ERROR_STATE;
    status = differences(back, real, values);
    for (int64_t i = 0; i < n && !status; i++) {
        sum->error += (double)values[i];
        sum->squares += (double)values[i] * (double)values[i];
    }
    return status ? status : hidden_pictures_take(&x->pictures, hidden_cases[which].row, back, first);
}

static gan_status measure_chunk(experiment *x, const uint8_t *bytes, int64_t first, int64_t n, float *values)
{
    session *s = &x->o.s;
    gan_no_grad_begin(s->ctx);
    gan_shape shape = GAN_SHAPE(n, s->info.height, s->info.width, s->info.channels);
    gan_tensor *real = gan_images_from_u8(gan_from_u8(s->ctx, shape, bytes));
    gan_tensor *there = translations_of(s, x->domain, real);
    if (there)
        there = gan_cast(there, GAN_F32);
    gan_status status = there ? gan_status_of(s->ctx) : GAN_ERROR_STATE;
    if (!status)
        status = hidden_pictures_take(&x->pictures, HIDDEN_REAL, real, first);
    if (!status)
        status = hidden_pictures_take(&x->pictures, HIDDEN_TRANSLATED, there, first);
    for (int i = 0; i < HIDDEN_CASES && !status; i++)
        status = measure_case(x, i, real, there, first, values);
    gan_no_grad_end(s->ctx, NULL);
    return status;
}

static gan_status measure_all(experiment *x, gan_message *message)
{
    session *s = &x->o.s;
    int64_t chunk = session_sample_batch(s);
    double started = clock_seconds();
    uint8_t *bytes = calloc((size_t)chunk, session_sample_bytes(&s->info));
    float *values = calloc((size_t)chunk, sizeof *values);
    gan_status status = bytes && values ? GAN_OK : gan_fail(message, GAN_ERROR_MEMORY, "no memory for images");
    for (int64_t i = 0; i < x->n && !status; i += chunk) {
        int64_t n = x->n - i < chunk ? x->n - i : chunk;
        status = translations_images(x->data, i, n, x->n, bytes, message);
        if (!status && (status = measure_chunk(x, bytes, i, n, values)) != GAN_OK)
            status = session_error(s, status, "cannot translate there and back", message);
        console_progress(&x->o.out, started, i + n, x->n, "images", "");
    }
    free(bytes);
    free(values);
    return status;
}

static gan_status measure(experiment *x, gan_message *message)
{
    session_evaluation e;
    gan_status status = session_evaluate_begin(&x->o.s, &e, message);
    if (status)
        return status;
    status = measure_all(x, message);
    session_evaluate_end(&x->o.s, &e);
    for (int i = 0; i < HIDDEN_CASES && !status; i++)
        if (!isfinite(x->sums[i].change) || !isfinite(x->sums[i].squares))
            status = gan_fail(message, GAN_ERROR_NON_FINITE, "an image that was translated is not finite");
    return status;
}

/* ---- output ---- */

/* Of two errors; `none` where there was none to begin with. */
static const char *ratio_text(double error, double undisturbed, const char *none, char out[32])
{
    snprintf(out, 32, "%.4f", error / undisturbed);
    return undisturbed > 0 ? out : none;
}

static gan_status print_table(const experiment *x, const hidden_result *results, gan_message *message)
{
    printf("| translated image | changed by | in grey levels | recovery error | in grey levels | standard error | / "
           "undisturbed |\n|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < HIDDEN_CASES; i++) {
        char ratio[32];
        const hidden_result *r = &results[i];
        printf("| %s | %.5f | %.2f | %.5f | %.2f | %.2f | %s |\n", hidden_cases[i].name, r->change,
               HIDDEN_GREY_LEVELS * r->change, r->error, HIDDEN_GREY_LEVELS * r->error,
               HIDDEN_GREY_LEVELS * r->standard_error, ratio_text(r->error, results[0].error, "-", ratio));
    }
    printf("\nImages: %" PRId64 " of %s, translated %s and back by %s\n", x->n,
           x->input ? x->input : "those that are held out", x->domain == 0 ? "A to B" : "B to A", x->o.checkpoint);
    return fflush(stdout) == 0 ? GAN_OK : gan_fail(message, GAN_ERROR_IO, "cannot write to standard output");
}

static gan_status write_csv(const experiment *x, const hidden_result *results, gan_message *message)
{
    char path[PATH_SIZE];
    text out = {0};
    gan_status status = path_format(path, message, "%s.csv", x->out);
    text_add(&out, "disturbance,change,change_grey,error,error_grey,standard_error_grey,ratio\n");
    for (int i = 0; i < HIDDEN_CASES; i++) {
        char ratio[32];
        const hidden_result *r = &results[i];
        text_add(&out, "%s,%.7g,%.7g,%.7g,%.7g,%.7g,%s\n", hidden_cases[i].name, r->change,
                 HIDDEN_GREY_LEVELS * r->change, r->error, HIDDEN_GREY_LEVELS * r->error,
                 HIDDEN_GREY_LEVELS * r->standard_error, ratio_text(r->error, results[0].error, "", ratio));
    }
    if (!status)
        status = out.failed ? gan_fail(message, GAN_ERROR_MEMORY, "no memory to write %s", path)
                            : file_replace(path, out.data, out.size, message);
    free(out.data);
    return status;
}

static gan_status report(experiment *x, gan_message *message)
{
    char path[PATH_SIZE];
    hidden_result results[HIDDEN_CASES];
    for (int i = 0; i < HIDDEN_CASES; i++)
        results[i] = hidden_result_of(&x->sums[i], x->n);
    gan_status status = print_table(x, results, message);
    if (!status)
        status = write_csv(x, results, message);
    if (!status)
        status = path_format(path, message, "%s.png", x->out);
    return status ? status : hidden_figure_write(&x->pictures, results, x->domain, path, message);
}

int main(int argc, char **argv)
{
    experiment x = {.count = 64, .out = "hidden_information", .args.value[CLI_DIRECTION] = "AtoB"};
    gan_message message = {{0}};
    gan_status status = parse(argc, argv, &x, &message);
    opened_begin(&x.o, &x.args);
    if (!status)
        status = open_all(&x, &message);
    if (!status)
        status = measure(&x, &message);
    if (!status)
        status = report(&x, &message);
    hidden_pictures_free(&x.pictures);
    gan_dataset_close(x.own);
    opened_close(&x.o);
    if (status)
        fprintf(stderr, "hidden_information: %s\n", message.text);
    return status == GAN_ERROR_OPTION ? EXIT_USAGE : status ? EXIT_RUN : EXIT_SUCCESS;
}
