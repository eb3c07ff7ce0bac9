/* program.h - what programs do: publish, send, deliver, on one node chain. */
#ifndef LARES_PROGRAM_H
#define LARES_PROGRAM_H

#include "node/daemon.h"

lares_status lares__program_init(lares_node *node);
void lares__program_fini(lares_node *node);

/* What a thread needs that enters a free daemon itself; given back before it
 * leaves the daemon. NULL without memory. */
struct lares__runner *lares__runner_take(lares_node *node);
void lares__runner_give(lares_node *node, struct lares__runner *runner);

/* arguments are checked, but for the channel's name */
lares_status lares__node_publish(lares_node *node, const char *channel,
                                 const void *data, size_t len,
                                 int64_t timeout_ms);
lares_status lares__daemon_send(lares_daemon *daemon, const void *data,
                                size_t len, int64_t timeout_ms);
lares_status lares__daemon_deliver(lares_daemon *daemon, const void *data,
                                   size_t len, int64_t timeout_ms,
                                   lares_events **out);

#endif
