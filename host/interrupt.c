#define _GNU_SOURCE
#include "interrupt.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t requested;

static void handle(int signal_number)
{
    (void)signal_number;
    /* Files are replaced by renaming, so stopping at once leaves whole ones. */
    if (requested)
        _exit(EXIT_INTERRUPTED);
    requested = 1;
}

void interrupt_catch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < 3; i++) {
        struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART}, old;
        sigemptyset(&action.sa_mask);
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
    /* A closed terminal or pipe must not end a training. */
    signal(SIGPIPE, SIG_IGN);
}

bool interrupt_requested(void)
{
    return requested != 0;
}
