#include "cli.h"

#include <gan/gan.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct option_row {
    const char *name;  /* without its "--" */
    const char *value; /* what it takes, in help; NULL: nothing */
    const char *help;
} option_row;

static const option_row rows[CLI_OPTIONS] = {
    [CLI_PLUGIN] = {"plugin", "NAME|FILE", "the variant: a name that `ganhost list` shows, or a plugin file"},
    [CLI_CONFIG] = {"config", "FILE", "options as YAML; `ganhost init PLUGIN` writes a file to start from"},
    [CLI_SET] = {"set", "NAME=VALUE", "set one option, such as train.batch=32; may be given often"},
    [CLI_DEVICE] = {"device", "DEVICE", "auto, cpu, cuda or cuda:N"},
    [CLI_PRECISION] = {"precision", "f32|tf32|bf16", "of convolutions and matrix products"},
    [CLI_SEED] = {"seed", "N", "seed of all random numbers"},
    [CLI_OUT] = {"out", "PATH", "where to write; train: folder for run folders (default: runs)"},
    [CLI_RESUME] = {"resume", "RUN|latest", "go on with a run from its newest checkpoint"},
    [CLI_DRY_RUN] = {"dry-run", NULL, "check everything, show the networks and their memory, and stop"},
    [CLI_QUIET] = {"quiet", NULL, "show nothing but errors"},
    [CLI_RUN] = {"run", "RUN", "a run's folder; its newest checkpoint is used"},
    [CLI_CHECKPOINT] = {"checkpoint", "FILE", "this checkpoint instead of the newest"},
    [CLI_SEEDS] = {"seeds", "LIST", "of images, such as 0-63 or 1,5,9 (sample's default: 0-63)"},
    [CLI_GRID] = {"grid", "COLUMNSxROWS", "form of the grid, such as 8x8 (default: square)"},
    [CLI_CLASS] = {"class", "N", "all images of this class, for plugins that use labels (mix, interpolate: 0)"},
    [CLI_TRUNC] = {"trunc", "PSI", "truncation: w is drawn to its average; 1 is none (default), 0 the average alone"},
    [CLI_TRUNC_CUTOFF] = {"trunc-cutoff", "N", "truncate the first N layers, the coarse ones (default: all)"},
    [CLI_NOISE] = {"noise", "const|random|none", "noise inputs of the layers (default: const)"},
    [CLI_W] = {"w", "FILE", "the image of a w that `ganhost project` has found, instead of seeds"},
    [CLI_ROWS] = {"rows", "LIST", "seeds of the images down the side, such as 1-5"},
    [CLI_COLS] = {"cols", "LIST", "seeds of the images along the top"},
    [CLI_LAYERS] = {"layers", "RANGES",
                    "layers taken from the column, such as 0-3; each range of 0-3,4-7,8- is a table"},
    [CLI_FRAMES] = {"frames", "N", "images of the animation, in all (default: 60)"},
    [CLI_FPS] = {"fps", "N", "of them per second (default: 30)"},
    [CLI_SPACE] = {"space", "z|w", "on great circles through z, or straight through w (default)"},
    [CLI_LOOP] = {"loop", NULL, "from the last seed back to the first"},
    [CLI_TARGET] = {"target", "FILE|FOLDER",
                    "project: a PNG or JPEG picture; translate: what should come out, by the names of --input"},
    [CLI_STEPS] = {"steps", "N", "of the search (default: 1000)"},
    [CLI_LAYERS_W] = {"layers-w", NULL, "a w for each layer: nearer to the picture, further from what was learned"},
    [CLI_INPUT] = {"input", "FOLDER|FILE", "PNG and JPEG images of any size, or builtin:faces, builtin:sketches"},
    [CLI_DIRECTION] = {"direction", "AtoB|BtoA", "from which domain to which"},
    [CLI_RESIZE] = {"resize", "N", "scale so that the shorter side has N pixels first (default: as the image is)"},
    [CLI_TILE] = {"tile", "N", "larger images go in tiles of this side (default: 512; 0: never)"},
    [CLI_OVERLAP] = {"overlap", "N", "pixels that neighbouring tiles share at least (default: 64)"},
    [CLI_BATCH] = {"batch", "N", "images or tiles at once (default: 16 of 128x128, 4 of 256x256, 1 of 512x512)"},
    [CLI_COUNT] = {"count", "N", "of built-in images, which the run has not seen (default: 64)"},
    [CLI_RECOVER] = {"recover", "FOLDER", "translate back, too, write that here, and print the cycle error"},
    [CLI_METRICS] = {"metrics", "LIST", "metrics to compare, such as swd,d_loss (default: swd, or all in common)"},
    [CLI_MARKDOWN] = {"markdown", NULL, "as Markdown; without PLUGIN, the host's own options"},
    [CLI_RESOLUTION] = {"resolution", "N", "side of the square images; as --set data.resolution=N"},
    [CLI_FIT] = {"fit", "crop|pad|stretch", "how they come to it; as --set data.fit=..."},
    [CLI_FILTER] = {"filter", "FILTER", "area, bilinear, bicubic or lanczos; as --set data.filter=..."},
    [CLI_FORCE] = {"force", NULL, "replace OUT.zip if it is there"},
    [CLI_HELP] = {"help", NULL, "help on a command"},
    [CLI_VERSION] = {"version", NULL, "the program's version"},
};

#define BIT(option) ((uint64_t)1 << (option))
_Static_assert(CLI_OPTIONS <= 64, "more options than bits");

/* Which model, and on what. */
#define MODEL_OPTIONS                                                                                                  \
    (BIT(CLI_RUN) | BIT(CLI_CHECKPOINT) | BIT(CLI_PLUGIN) | BIT(CLI_OUT) | BIT(CLI_DEVICE) | BIT(CLI_PRECISION) |      \
     BIT(CLI_QUIET))
#define STYLE_OPTIONS (BIT(CLI_TRUNC) | BIT(CLI_TRUNC_CUTOFF) | BIT(CLI_NOISE))

const cli_command cli_commands[] = {
    {"train", "[train] --plugin PLUGIN [--config FILE] [OPTIONS]",
     "Train a GAN. Makes a numbered run folder with the resolved config, a log, statistics, sample grids, a plot of "
     "the losses, and checkpoints. Ctrl-C writes a checkpoint and stops.",
     BIT(CLI_PLUGIN) | BIT(CLI_CONFIG) | BIT(CLI_SET) | BIT(CLI_DEVICE) | BIT(CLI_PRECISION) | BIT(CLI_SEED) |
         BIT(CLI_OUT) | BIT(CLI_RESUME) | BIT(CLI_DRY_RUN) | BIT(CLI_QUIET),
     0, 0, command_train},
    {"sample", "sample --run RUN [OPTIONS]",
     "Draw samples from a trained generator: a grid as one PNG file (default: RUN/samples.png), or a file for each "
     "seed "
     "with --out FOLDER. Of data that is no images, a scatter plot, or the values with --out FILE.csv. Style-based "
     "generators take --trunc, --trunc-cutoff, --noise and --w.",
     MODEL_OPTIONS | STYLE_OPTIONS | BIT(CLI_SEEDS) | BIT(CLI_GRID) | BIT(CLI_CLASS) | BIT(CLI_W), 0, 0,
     command_sample},
    {"mix", "mix --run RUN --rows SEEDS --cols SEEDS --layers RANGES [OPTIONS]",
     "Mix styles: a figure whose images have the styles of their row's seed, but in some layers those of their "
     "column's "
     "seed; one table below another for each range of layers. Writes RUN/mix.png, or --out FILE.png.",
     MODEL_OPTIONS | STYLE_OPTIONS | BIT(CLI_ROWS) | BIT(CLI_COLS) | BIT(CLI_LAYERS) | BIT(CLI_CLASS), 0, 0,
     command_mix},
    {"interpolate", "interpolate --run RUN --seeds A,B,C [OPTIONS]",
     "Go from the image of one seed to the next: numbered PNG files, and animation.png, which browsers "
     "play, in RUN/interpolation or --out FOLDER.",
     MODEL_OPTIONS | STYLE_OPTIONS | BIT(CLI_SEEDS) | BIT(CLI_FRAMES) | BIT(CLI_FPS) | BIT(CLI_SPACE) | BIT(CLI_LOOP) |
         BIT(CLI_CLASS),
     0, 0, command_interpolate},
    {"project", "project --run RUN --target FILE [OPTIONS]",
     "Search the w whose image is nearest to a picture: target.png, projected.png, projected.safetensors for `ganhost "
     "sample --w`, the way there as numbered PNG files, and animation.png, in RUN/projection or --out FOLDER. Ctrl-C "
     "ends with what was found.",
     MODEL_OPTIONS | BIT(CLI_TARGET) | BIT(CLI_STEPS) | BIT(CLI_LAYERS_W) | BIT(CLI_SEED) | BIT(CLI_FRAMES) |
         BIT(CLI_FPS),
     0, 0, command_project},
    {"translate", "translate --run RUN --direction AtoB|BtoA --input FOLDER|FILE [OPTIONS]",
     "Translate images of any size with a run of two domains: PNG files under the names of the inputs, in "
     "RUN/translated-AtoB or --out FOLDER. Large images go in overlapping tiles. Files that cannot be read are named "
     "and left out; the status is then 1. Ctrl-C leaves what was translated so far.",
     MODEL_OPTIONS | BIT(CLI_INPUT) | BIT(CLI_DIRECTION) | BIT(CLI_RESIZE) | BIT(CLI_TILE) | BIT(CLI_OVERLAP) |
         BIT(CLI_BATCH) | BIT(CLI_COUNT) | BIT(CLI_RECOVER) | BIT(CLI_TARGET),
     0, 0, command_translate},
    {"compare", "compare RUN RUN... [OPTIONS]",
     "Draw metrics of several runs in one figure, over time and over images shown, and print their last and lowest "
     "values. Writes compare.png, or --out FILE.png.",
     BIT(CLI_METRICS) | BIT(CLI_OUT), 1, CLI_WORDS_MAX, command_compare},
    {"data", "data check SOURCE | data pack SOURCE OUT.zip [OPTIONS]",
     "Look at a source of images. `check` decodes all of it, lists every file that is wrong, and tells sizes, channels "
     "and classes; its status is 1 if anything is wrong. `pack` writes it as a zip of PNG files with labels, scaled "
     "once and for all. SOURCE is what data.source takes.",
     BIT(CLI_RESOLUTION) | BIT(CLI_FIT) | BIT(CLI_FILTER) | BIT(CLI_SET) | BIT(CLI_FORCE) | BIT(CLI_QUIET), 2, 3,
     command_data},
    {"describe", "describe PLUGIN", "What a plugin is, its options, and the data that it needs.", BIT(CLI_MARKDOWN), 0,
     CLI_WORDS_MAX, command_describe},
    {"init", "init PLUGIN", "Write a commented config file with all options of a plugin to standard output.", 0, 1, 1,
     command_init},
    {"list", "list", "The plugins that can be found, with their versions.", 0, 0, 0, command_list},
    {"help", "help [COMMAND]", "Help on a command.", 0, 0, 1, command_help},
    {0},
};

const cli_command *cli_find(const char *name)
{
    for (int i = 0; cli_commands[i].name; i++)
        if (strcmp(cli_commands[i].name, name) == 0)
            return &cli_commands[i];
    return NULL;
}

static bool fail_unknown_command(const char *name, gan_message *message)
{
    const char *names[sizeof cli_commands / sizeof cli_commands[0]] = {0};
    for (int i = 0; cli_commands[i].name; i++)
        names[i] = cli_commands[i].name;
    const char *near = gan_nearest_name(name, names);
    gan_fail(message, GAN_ERROR_OPTION, "there is no command \"%.64s\"%s%s%s", name, near ? "; did you mean \"" : "",
             near ? near : "", near ? "\"?" : "");
    return false;
}

static bool fail_unknown_option(const cli_command *command, const char *name, gan_message *message)
{
    const char *names[CLI_OPTIONS + 1] = {0};
    int n = 0;
    for (int i = 0; i < CLI_OPTIONS; i++)
        if ((command->options & BIT(i)) || i == CLI_HELP || i == CLI_VERSION)
            names[n++] = rows[i].name;
    const char *near = gan_nearest_name(name, names);
    gan_fail(message, GAN_ERROR_OPTION, "ganhost %s has no option --%.64s%s%s%s", command->name, name,
             near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
    return false;
}

/* The row of "name" or "name=value" among the command's options, or CLI_OPTIONS. */
static cli_option find_option(const cli_command *command, const char *name, size_t length)
{
    for (int i = 0; i < CLI_OPTIONS; i++) {
        bool usable = (command->options & BIT(i)) || i == CLI_HELP || i == CLI_VERSION;
        if (usable && strlen(rows[i].name) == length && strncmp(rows[i].name, name, length) == 0)
            return (cli_option)i;
    }
    return CLI_OPTIONS;
}

static bool store(arguments *args, cli_option option, const char *value, gan_message *message)
{
    if (option == CLI_SET) {
        if (args->n_sets == CLI_SETS_MAX) {
            gan_fail(message, GAN_ERROR_LIMIT, "more than %d --set options", CLI_SETS_MAX);
            return false;
        }
        args->sets[args->n_sets++] = value;
    } else if (args->value[option] && rows[option].value) {
        gan_fail(message, GAN_ERROR_OPTION, "--%s is given twice", rows[option].name);
        return false;
    }
    args->value[option] = value;
    return true;
}

/* argv[*at] begins with "--"; *at is left on the last word that was used. */
static bool parse_option(int argc, char **argv, int *at, arguments *args, gan_message *message)
{
    const char *name = argv[*at] + 2;
    size_t length = strcspn(name, "=");
    cli_option option = find_option(args->command, name, length);
    if (option == CLI_OPTIONS) {
        char bare[65];
        snprintf(bare, sizeof bare, "%.*s", (int)(length < 64 ? length : 64), name);
        return fail_unknown_option(args->command, bare, message);
    }
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    if (!rows[option].value) {
        if (value) {
            gan_fail(message, GAN_ERROR_OPTION, "--%s takes no value", rows[option].name);
            return false;
        }
        return store(args, option, "", message);
    }
    if (!value && *at + 1 < argc)
        value = argv[++*at];
    if (!value || !*value) {
        gan_fail(message, GAN_ERROR_OPTION, "--%s needs a value: --%s %s", rows[option].name, rows[option].name,
                 rows[option].value);
        return false;
    }
    return store(args, option, value, message);
}

static bool parse_words(int argc, char **argv, int first, arguments *args, gan_message *message)
{
    for (int i = first; i < argc; i++) {
        if (strcmp(argv[i], "-h") == 0)
            args->value[CLI_HELP] = "";
        else if (strncmp(argv[i], "--", 2) == 0) {
            if (!parse_option(argc, argv, &i, args, message))
                return false;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            gan_fail(message, GAN_ERROR_OPTION, "there is no option %.64s; options begin with --", argv[i]);
            return false;
        } else if (args->n_words < args->command->words_max) {
            args->words[args->n_words++] = argv[i];
        } else {
            gan_fail(message, GAN_ERROR_OPTION, "ganhost %s does not take \"%.64s\"", args->command->name, argv[i]);
            return false;
        }
    }
    if (args->n_words < args->command->words_min && !args->value[CLI_HELP]) {
        gan_fail(message, GAN_ERROR_OPTION, "an argument is missing: ganhost %s", args->command->synopsis);
        return false;
    }
    return true;
}

bool cli_parse(int argc, char **argv, arguments *out, gan_message *message)
{
    arguments args = {.command = cli_find("help")};
    int first = 1;
    if (argc > 1 && argv[1][0] == '-') {
        args.command = cli_find("train");
    } else if (argc > 1) {
        args.command = cli_find(argv[1]);
        if (!args.command)
            return fail_unknown_command(argv[1], message);
        first = 2;
    }
    if (!parse_words(argc, argv, first, &args, message))
        return false;
    *out = args;
    return true;
}

/* ---- help ---- */

static void help_options(uint64_t options, text *out)
{
    for (int i = 0; i < CLI_OPTIONS; i++) {
        char head[64];
        if (!(options & BIT(i)))
            continue;
        snprintf(head, sizeof head, "--%s%s%s", rows[i].name, rows[i].value ? " " : "",
                 rows[i].value ? rows[i].value : "");
        text_add(out, "  %-24s %s\n", head, rows[i].help);
    }
}

void cli_help(const cli_command *command, text *out)
{
    if (command) {
        text_add(out, "ganhost %s\n\n", command->synopsis);
        text_wrap(out, "", 100, command->help);
        if (command->options) {
            text_add(out, "\n");
            help_options(command->options, out);
        }
        return;
    }
    text_add(out, "ganhost trains generative adversarial networks, and draws samples from them.\n\n");
    for (int i = 0; cli_commands[i].name; i++) {
        text_add(out, "  ganhost %s\n", cli_commands[i].synopsis);
        text_wrap(out, "      ", 100, cli_commands[i].help);
    }
    text_add(out, "\nOptions of training:\n\n");
    help_options(cli_commands[0].options | BIT(CLI_HELP) | BIT(CLI_VERSION), out);
    text_add(out, "\nA first run:  ganhost --plugin gan --set train.minutes=2\n"
                  "Exit status:  0 done, 1 failed, 2 wrong command line or config, 130 interrupted\n");
}

int command_help(const arguments *args)
{
    text out = {0};
    const cli_command *command = args->n_words > 0 ? cli_find(args->words[0]) : NULL;
    if (args->n_words > 0 && !command) {
        gan_message message;
        fail_unknown_command(args->words[0], &message);
        return cli_fail(GAN_ERROR_OPTION, &message);
    }
    cli_help(command, &out);
    return cli_print(&out);
}

/* ---- output ---- */

int cli_print(text *t)
{
    gan_message message;
    gan_status status = GAN_OK;
    if (t->data)
        text_plain(t->data, true);
    if (t->failed)
        status = gan_fail(&message, GAN_ERROR_MEMORY, "no memory for the output");
    else if (t->data && !write_all(STDOUT_FILENO, t->data, t->size))
        status = gan_fail(&message, GAN_ERROR_IO, "cannot write to standard output: %s", strerror(errno));
    free(t->data);
    *t = (text){0};
    return status ? cli_fail(status, &message) : EXIT_SUCCESS;
}

int cli_fail(gan_status status, const gan_message *message)
{
    gan_message plain = *message;
    text_plain(plain.text, false);
    fprintf(stderr, "ganhost: %s\n", plain.text);
    return status == GAN_ERROR_OPTION ? EXIT_USAGE : EXIT_RUN;
}
