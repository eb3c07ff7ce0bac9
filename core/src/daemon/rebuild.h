/* rebuild.h - the object of a daemon, made again as it was committed.
 *
 * Step by step, so that a lane runs other daemons in between: create and
 * restore, then the tail in crossings of a batch, each with outputs that are
 * linked onto a scratch head and dropped. */
#ifndef LARES_REBUILD_H
#define LARES_REBUILD_H

#include "daemon/host.h"

enum lares__rebuilt {
    LARES__REBUILD_FAILED, /* the object is gone; `call` has the reason */
    LARES__REBUILD_MORE,
    LARES__REBUILD_DONE,
    LARES__REBUILD_ADOPTED /* done, but it was an image that was restored */
};

/* One step, inside a daemon that is not sound. After FAILED the caller reads
 * the reason, then ends the call by lares__call_fini. */
enum lares__rebuilt lares__host_rebuild(struct lares__host *host,
                                        struct lares_call *call,
                                        lares_daemon *daemon, uint64_t wall);

/* The same for a puller, whose call is the middle of a step: offer, then
 * settle with its verdict. 0: there is no memory, and FAILED is the verdict. */
int lares__host_rebuild_offer(struct lares__host *host, struct lares_call *call,
                              uint64_t wall);
enum lares__rebuilt lares__host_rebuild_settle(struct lares__host *host,
                                               struct lares_call *call,
                                               lares_verdict verdict);

/* Puts the state of the checkpoint into a fresh object. ERESTORE */
lares_status lares__host_restore(struct lares__host *host,
                                 struct lares_call *call, uint64_t wall);

#endif
