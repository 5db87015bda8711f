/* main.c - ganhost: parse the command line, run the command. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gan/gan.h>

#include "cli.h"

static int print_version(void)
{
    text out = {0};
    text_add(&out, "ganhost %s (SDK %s, plugin interface %d.%d)\n", GAN_VERSION_STRING, gan_version(), GAN_ABI_MAJOR,
             GAN_ABI_MINOR);
    return cli_print(&out);
}

/* A thread of libgomp waits at a barrier by spinning for milliseconds. While another program wants the processors, it
 * spins away the time that the thread it waits for would need: training was measured 10 to 30 times slower, and 7 %
 * faster on an idle machine, than with a short spin. The library reads the setting when it is loaded, so the program
 * starts itself once more with it; whoever set one of the variables is obeyed. */
static void limit_spinning(char **argv)
{
    if (!getenv("GOMP_SPINCOUNT") && !getenv("OMP_WAIT_POLICY") && setenv("GOMP_SPINCOUNT", "1000", 1) == 0)
        execv("/proc/self/exe", argv); /* where that cannot be had, all goes on as it is */
}

int main(int argc, char **argv)
{
    limit_spinning(argv);
    arguments args;
    gan_message message;
    if (!cli_parse(argc, argv, &args, &message)) {
        cli_fail(GAN_ERROR_OPTION, &message);
        fprintf(stderr, "Try: ganhost --help\n");
        return EXIT_USAGE;
    }
    if (args.value[CLI_VERSION])
        return print_version();
    if (args.value[CLI_HELP] || argc < 2) {
        text out = {0};
        /* The bare `ganhost --help` is about the program, `ganhost train --help` about training. */
        cli_help(argc < 2 || argv[1][0] == '-' ? NULL : args.command, &out);
        int status = cli_print(&out);
        return argc < 2 ? EXIT_USAGE : status;
    }
    return args.command->run(&args);
}
