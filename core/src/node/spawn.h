/* spawn.h - how a daemon comes to be: all steps, or nothing is left. */
#ifndef LARES_SPAWN_H
#define LARES_SPAWN_H

#include "node/daemon.h"

/* key NULL: a fresh identity; out NULL: no ticket is wanted */
lares_status lares__node_spawn(lares_node *node, const char *kind,
                               lares_key *key, const lares_options *options,
                               lares_daemon **out);

/* The daemon of a signed image. key NULL: its secret is in this process. */
lares_status lares__node_restore(lares_node *node, const void *data, size_t len,
                                 lares_key *key, const lares_options *options,
                                 lares_daemon **out);

/* Reads mailbox.count and mailbox.bytes. */
lares_status lares__mailbox_options(const lares_options *options,
                                    struct lares__receiver *receiver);

#endif
