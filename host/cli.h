/* cli.h - the command line. */
#ifndef HOST_CLI_H
#define HOST_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "console.h"

#define EXIT_RUN   1 /* something failed while running */
#define EXIT_USAGE 2 /* the command line, the config file or an option's value is wrong; nothing was started */

typedef enum cli_option {
    CLI_PLUGIN,
    CLI_CONFIG,
    CLI_SET,
    CLI_DEVICE,
    CLI_PRECISION,
    CLI_SEED,
    CLI_OUT,
    CLI_RESUME,
    CLI_DRY_RUN,
    CLI_QUIET,
    CLI_RUN,
    CLI_CHECKPOINT,
    CLI_SEEDS,
    CLI_GRID,
    CLI_CLASS,
    CLI_TRUNC,
    CLI_TRUNC_CUTOFF,
    CLI_NOISE,
    CLI_W,
    CLI_ROWS,
    CLI_COLS,
    CLI_LAYERS,
    CLI_FRAMES,
    CLI_FPS,
    CLI_SPACE,
    CLI_LOOP,
    CLI_TARGET,
    CLI_STEPS,
    CLI_LAYERS_W,
    CLI_INPUT,
    CLI_DIRECTION,
    CLI_RESIZE,
    CLI_TILE,
    CLI_OVERLAP,
    CLI_BATCH,
    CLI_COUNT,
    CLI_RECOVER,
    CLI_METRICS,
    CLI_MARKDOWN,
    CLI_RESOLUTION,
    CLI_FIT,
    CLI_FILTER,
    CLI_FORCE,
    CLI_HELP,
    CLI_VERSION,
    CLI_OPTIONS
} cli_option;

#define CLI_SETS_MAX  256
#define CLI_WORDS_MAX 64

typedef struct cli_command cli_command;

typedef struct arguments {
    const cli_command *command;
    const char *value[CLI_OPTIONS]; /* NULL: not given; "" for options without a value */
    const char *sets[CLI_SETS_MAX]; /* every --set, in order */
    int n_sets;
    const char *words[CLI_WORDS_MAX]; /* what is no option */
    int n_words;
} arguments;

/* A command returns the program's exit status. */
struct cli_command {
    const char *name;
    const char *synopsis; /* after "ganhost " */
    const char *help;
    uint64_t options;         /* bits 1 << cli_option */
    int words_min, words_max; /* of arguments that are no options */
    int (*run)(const arguments *args);
};

extern const cli_command cli_commands[];

/* Parse argv; the bare form, which begins with an option, is `train`. False and a sentence when it is wrong. */
bool cli_parse(int argc, char **argv, arguments *out, gan_message *message);
/* Help on a command (NULL: the program) as text. */
void cli_help(const cli_command *command, text *out);
const cli_command *cli_find(const char *name); /* NULL if there is none */

/* ---- the commands ---- */
int command_train(const arguments *args);
int command_sample(const arguments *args);
int command_mix(const arguments *args);
int command_interpolate(const arguments *args);
int command_project(const arguments *args);
int command_translate(const arguments *args);
int command_compare(const arguments *args);
int command_data(const arguments *args);
int command_describe(const arguments *args);
int command_init(const arguments *args);
int command_list(const arguments *args);
int command_help(const arguments *args);

/* Print text to standard output and free it; an exit status. */
int cli_print(text *t);
/* Print an error to standard error and return the exit status that goes with it. */
int cli_fail(gan_status status, const gan_message *message);

#endif
