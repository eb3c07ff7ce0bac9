/* save.h - snapshots: images that somebody asked for, and the checkpoints that
 * a daemon takes for itself. */
#ifndef LARES_SAVE_H
#define LARES_SAVE_H

#include "daemon/snapshot.h"
#include "node/daemon.h"
#include "node/wanted.h"

/* A signed image; out owned. What lares_daemon_snapshot says. */
lares_status lares__daemon_snapshot(lares_daemon *daemon, int64_t timeout_ms,
                                    lares_bytes **out);

/* Inside, between two crossings: an image that is not sealed yet. */
lares_status lares__save_take(lares_daemon *daemon,
                              struct lares__runner *runner, lares_bytes **out);
/* Digests and signature, on any thread; without them *inout is freed. */
lares_status lares__save_seal(const lares_daemon *daemon, lares_bytes **inout);

/* Inside: is it up to a rebuild, or to a puller? */
int lares__save_must_wait(const lares_daemon *daemon);
/* Inside, between two crossings: takes the snapshots that were asked for. */
void lares__saves_serve(lares_daemon *daemon, struct lares__runner *runner);
/* the daemon has ended */
void lares__saves_end(lares_daemon *daemon);

/* Inside: takes the checkpoint that is due, if one is. 0: that failed, and
 * counts as a failure. */
int lares__daemon_checkpoint(lares_daemon *daemon,
                             struct lares__runner *runner);

/* One snapshot for a puller: for the one who asked first, or, with save NULL,
 * a checkpoint. Offered inside; settled with the puller's verdict. */
struct lares__pulled_save {
    struct lares__wanted *save;
    struct lares__portrait portrait;
    uint64_t began;
};

/* 0: no snapshot is wanted */
int lares__pulled_save_offer(lares_daemon *daemon, struct lares_call *call,
                             struct lares__pulled_save *pulled);
void lares__pulled_save_settle(lares_daemon *daemon, struct lares_call *call,
                               lares_verdict verdict,
                               struct lares__pulled_save *pulled);

#endif
