/* main.c - ganhost: parse the command line, run the command. */
#include <stdio.h>
#include <stdlib.h>

#include <gan/gan.h>

#include "cli.h"

static int print_version(void)
{
    text out = {0};
    text_add(&out, "ganhost %s (SDK %s, plugin interface %d.%d)\n", GAN_VERSION_STRING, gan_version(), GAN_ABI_MAJOR,
             GAN_ABI_MINOR);
    return cli_print(&out);
}

int main(int argc, char **argv)
{
    arguments args;
    gan_message message;
    if (!cli_parse(argc, argv, &args, &message)) {
        fprintf(stderr, "ganhost: %s\nTry: ganhost --help\n", message.text);
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
