/* retire.h - a daemon ends, and its last image goes on without it. */
#ifndef LARES_RETIRE_H
#define LARES_RETIRE_H

#include "node/daemon.h"
#include "node/wanted.h"

/* Stops it, and takes its last image. What lares_daemon_retire says. */
lares_status lares__daemon_retire(lares_daemon *daemon, int64_t grace_ms,
                                  lares_bytes **out);

/* Is a last image wanted that nobody takes yet? */
int lares__last_wanted(const lares_daemon *daemon);
/* Inside: is a last image wanted that must wait for a rebuild or a puller? */
int lares__last_pending(const lares_daemon *daemon);
/* Inside, as it closes: takes the last image, if one is wanted. 1: what is
 * parked is in it. */
int lares__last_take(lares_daemon *daemon, struct lares__runner *runner);
/* Is it up to a puller, because its daemon drains and has nothing left? */
int lares__last_for_puller(lares_daemon *daemon);
/* To be answered by whoever gets it; NULL: none is wanted. */
struct lares__wanted *lares__last_claim(lares_daemon *daemon);

#endif
