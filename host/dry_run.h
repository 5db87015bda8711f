/* dry_run.h - what a run would be: its networks, its memory. */
#ifndef HOST_DRY_RUN_H
#define HOST_DRY_RUN_H

#include "session.h"

/* The networks of a session that was built, and the memory of one step, which is made. As text for people. */
gan_status dry_run(session *s, text *out, gan_message *message);

#endif
