/* domains.h - the data of plugins that learn from two domains. */
#ifndef HOST_DOMAINS_H
#define HOST_DOMAINS_H

#include "session.h"

/* Open both domains of a session, and what is held out: from data.source and data.source_b, or from the folder
 * data.source alone. Images of all are of one size and have as many channels. */
gan_status domains_open(session *s, console *out, gan_message *message);

#endif
