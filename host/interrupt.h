/* interrupt.h - Ctrl-C: the first asks the training to stop after its step, the second stops at once. */
#ifndef HOST_INTERRUPT_H
#define HOST_INTERRUPT_H

#include <stdbool.h>

#define EXIT_INTERRUPTED 130

/* Catch SIGINT, SIGTERM and, unless it is ignored (nohup), SIGHUP. */
void interrupt_catch(void);
bool interrupt_requested(void);

#endif
