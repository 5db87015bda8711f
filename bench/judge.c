/*
 * judge.c - a judge of generated digits: a classifier trained on real ones, and what it says of a folder of images.
 *
 *     bench_judge train --data data/mnist --out mnist.safetensors
 *     bench_judge images --classifier mnist.safetensors --data data/mnist --images FOLDER
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness.h"
#include "judge_images.h"

static const char usage[] =
    "usage: bench_judge train --data FOLDER --out FILE [--epochs N] [--min-accuracy PERCENT] [--seed N]\n"
    "       bench_judge images --classifier FILE [--images FOLDER [--label N] [--scale]] [--data FOLDER]\n"
    "                          [--title TEXT] [--json FILE]\n"
    "\n"
    "train   a classifier of 28x28 grey images in 10 classes, on MNIST's files train-* of FOLDER (or those of a data\n"
    "        set of its form); fails when its accuracy on the files t10k-* is below --min-accuracy (99)\n"
    "images  what the classifier says of all PNG files of a folder, and of FOLDER's t10k-* for comparison\n"
    "\n"
    "  --label N     the class that was asked for; sub-folders named 0 to 9 say it too\n"
    "  --scale       resample images of another size than 28x28; otherwise their centre is cut out\n"
    "  --title TEXT  what to call the images (their folder)\n"
    "  --json FILE   write the numbers there too\n"
    "  --epochs N    of the training images (8)\n"
    "  --threads N   CPU threads (all cores)\n"
    "  --device D    cpu, cuda, cuda:N or auto (cpu)\n";

typedef struct arguments {
    const char *data, *out, *classifier, *images, *title, *json, *device;
    double min_accuracy;
    long epochs, seed, threads, label;
    bool scale;
} arguments;

/* ---- arguments ---- */

static bool parse_number(const char *option, const char *value, long low, long high, long *out)
{
    char *end;
    errno = 0;
    *out = strtol(value, &end, 10);
    if (!errno && end != value && !*end && *out >= low && *out <= high)
        return true;
    fprintf(stderr, "bench_judge: --%s must be from %ld to %ld, but is \"%s\"\n", option, low, high, value);
    return false;
}

static bool parse_percent(const char *option, const char *value, double *out)
{
    char *end;
    *out = strtod(value, &end);
    if (end != value && !*end && *out >= 0.0 && *out <= 100.0)
        return true;
    fprintf(stderr, "bench_judge: --%s must be from 0 to 100, but is \"%s\"\n", option, value);
    return false;
}

static bool parse(int argc, char **argv, arguments *a)
{
    static const struct option options[] = {
        {"data", required_argument, NULL, 'd'},   {"out", required_argument, NULL, 'o'},
        {"epochs", required_argument, NULL, 'e'}, {"min-accuracy", required_argument, NULL, 'a'},
        {"seed", required_argument, NULL, 's'},   {"classifier", required_argument, NULL, 'c'},
        {"images", required_argument, NULL, 'i'}, {"label", required_argument, NULL, 'l'},
        {"scale", no_argument, NULL, 'S'},        {"title", required_argument, NULL, 'T'},
        {"json", required_argument, NULL, 'j'},   {"threads", required_argument, NULL, 't'},
        {"device", required_argument, NULL, 'D'}, {0},
    };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        bool good = true;
        switch (c) {
        case 'd':
            a->data = optarg;
            break;
        case 'o':
            a->out = optarg;
            break;
        case 'e':
            good = parse_number("epochs", optarg, 1, 1000, &a->epochs);
            break;
        case 'a':
            good = parse_percent("min-accuracy", optarg, &a->min_accuracy);
            break;
        case 's':
            good = parse_number("seed", optarg, 0, LONG_MAX, &a->seed);
            break;
        case 'c':
            a->classifier = optarg;
            break;
        case 'i':
            a->images = optarg;
            break;
        case 'l':
            good = parse_number("label", optarg, 0, JUDGE_CLASSES - 1, &a->label);
            break;
        case 'S':
            a->scale = true;
            break;
        case 'T':
            a->title = optarg;
            break;
        case 'j':
            a->json = optarg;
            break;
        case 't':
            good = parse_number("threads", optarg, 0, 1024, &a->threads);
            break;
        case 'D':
            a->device = optarg;
            break;
        default:
            good = false;
        }
        if (!good)
            return false;
    }
    return optind == argc - 1;
}

/* ---- data ---- */

static gan_status open_data(const char *source, gan_dataset **out, gan_message *message)
{
    gan_data_options options = {.struct_size = sizeof options, .source = source, .labels = true};
    gan_status status = gan_dataset_open(&options, out, message);
    if (status)
        return status;
    status = judge_check_data(*out, source, message);
    if (status)
        gan_dataset_close(*out);
    return status;
}

/* The files of the original archive, and those with a dot that some have. */
static gan_status open_test_data(const char *folder, gan_dataset **out, gan_message *message)
{
    static const char *const names[] = {"t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz", "t10k-images.idx3-ubyte",
                                        "t10k-images.idx3-ubyte.gz"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_MAX];
        struct stat info;
        if (snprintf(path, sizeof path, "%s/%s", folder, names[i]) < (int)sizeof path && stat(path, &info) == 0)
            return open_data(path, out, message);
    }
    return gan_fail(message, GAN_ERROR_NOT_FOUND, "%s: expected %s or %s in this folder, found neither", folder,
                    names[0], names[1]);
}

/* ---- train ---- */

static void show_progress(int64_t step, int64_t steps, double loss, void *user)
{
    double *begin = user;
    double seconds = bench_now() - *begin;
    printf("step %5" PRId64 " of %" PRId64 ", loss %.4f, %.0f s\n", step, steps, loss, seconds);
    fflush(stdout);
}

static gan_status train_and_test(gan_layer *network, const gan_dataset *train, const gan_dataset *test,
                                 const arguments *a, gan_message *message)
{
    double begin = bench_now();
    judge_tally tally = {0};
    gan_status status =
        judge_train(network, train, (double)a->epochs, (uint64_t)a->seed, show_progress, &begin, message);
    if (!status)
        status = judge_dataset(network, test, &tally, message);
    if (status)
        return status;
    double accuracy = 100.0 * judge_share(judge_right(&tally), judge_asked(&tally));
    judge_print(&tally, "test set", stdout);
    printf("\naccuracy %.2f %%, in %.0f s\n", accuracy, bench_now() - begin);
    status = judge_save(network, a->out, gan_dataset_info(train)->name, accuracy, message);
    if (!status && accuracy < a->min_accuracy)
        return gan_fail(message, GAN_ERROR_LIMIT, "the accuracy of %.2f %% is below the %.2f %% that are asked for",
                        accuracy, a->min_accuracy);
    return status;
}

static gan_status train(gan_layer *network, const arguments *a, gan_message *message)
{
    gan_dataset *train_data = NULL, *test_data = NULL;
    gan_status status = open_data(a->data, &train_data, message);
    if (status)
        return status;
    status = open_test_data(a->data, &test_data, message);
    if (!status)
        status = train_and_test(network, train_data, test_data, a, message);
    gan_dataset_close(test_data);
    gan_dataset_close(train_data);
    return status;
}

/* ---- images ---- */

static gan_status report(const judge_tally *tally, const char *title, json_t *sets, gan_message *message)
{
    judge_print(tally, title, stdout);
    printf("\n");
    if (json_array_append_new(sets, judge_json(tally, title)) != 0)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "%s cannot be reported as JSON: its name is not UTF-8, or memory is short", title);
    return GAN_OK;
}

static gan_status judge_test_data(gan_layer *network, const char *folder, json_t *sets, gan_message *message)
{
    gan_dataset *data = NULL;
    judge_tally tally = {0};
    gan_status status = open_test_data(folder, &data, message);
    if (status)
        return status;
    status = judge_dataset(network, data, &tally, message);
    gan_dataset_close(data);
    return status ? status : report(&tally, "real test images", sets, message);
}

static gan_status write_json(const arguments *a, const judge_origin *origin, json_t *sets, gan_message *message)
{
    json_t *root = json_pack("{s:{s:s, s:f}, s:O}", "classifier", "data", origin->data, "accuracy_percent",
                             strtod(origin->accuracy, NULL), "sets", sets);
    int failed = !root || json_dump_file(root, a->json, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0;
    json_decref(root);
    return failed ? gan_fail(message, GAN_ERROR_IO, "%s: cannot be written", a->json) : GAN_OK;
}

static gan_status judge_all(gan_layer *network, const arguments *a, json_t *sets, gan_message *message)
{
    judge_origin origin;
    gan_status status = judge_load(network, a->classifier, &origin, message);
    if (status)
        return status;
    printf("classifier: %s, %s %% right on its test images\n\n", origin.data, origin.accuracy);
    if (a->data)
        status = judge_test_data(network, a->data, sets, message);
    if (!status && a->images) {
        judge_tally tally = {0};
        status = judge_folder(network, a->images, (int32_t)a->label, a->scale, &tally, message);
        if (!status)
            status = report(&tally, a->title ? a->title : a->images, sets, message);
    }
    return status || !a->json ? status : write_json(a, &origin, sets, message);
}

static gan_status images(gan_layer *network, const arguments *a, gan_message *message)
{
    json_t *sets = json_array();
    gan_status status = judge_all(network, a, sets, message);
    json_decref(sets);
    return status;
}

int main(int argc, char **argv)
{
    arguments a = {.device = "cpu", .min_accuracy = 99.0, .epochs = 8, .seed = 1, .label = -1};
    bool good = parse(argc, argv, &a);
    const char *command = good ? argv[optind] : "";
    bool training = strcmp(command, "train") == 0;
    if (!good || (training ? !a.data || !a.out : strcmp(command, "images") != 0) ||
        (!training && (!a.classifier || (!a.images && !a.data)))) {
        fputs(usage, stderr);
        return 2;
    }
    gan_message message;
    gan_context *ctx;
    gan_context_options options = {
        .struct_size = sizeof options, .device = a.device, .threads = (int)a.threads, .seed = (uint64_t)a.seed};
    gan_status status = gan_context_create(&options, &ctx, &message);
    if (!status) {
        gan_layer *network = judge_network(ctx);
        status = training ? train(network, &a, &message) : images(network, &a, &message);
        gan_layer_destroy(network);
        gan_context_destroy(ctx);
    }
    if (status)
        fprintf(stderr, "bench_judge: %s\n", message.text);
    return status ? 1 : 0;
}
