/* pull.h - daemons whose author pulls: one open call, owned by the puller. */
#ifndef LARES_PULL_H
#define LARES_PULL_H

#include "node/daemon.h"

struct lares__pull *lares__pull_new(int stateful);
void lares__pull_free(struct lares__pull *pull);

lares_status lares__daemon_pull(lares_daemon *daemon, int64_t timeout_ms,
                                lares_call **out);

/* Would this thread wait for itself, because it is inside a callback, or holds
 * the open call of the daemon? */
int lares__pull_is_inside(const lares_daemon *daemon);
/* EDEADLK: it would. The detail says it of "deliver", "to" its name. */
lares_status lares__pull_wait_check(lares_daemon *daemon, const char *what,
                                    const char *of);

/* Fails the open call whose lease is over. Of the lane's thread. */
void lares__pull_expire(lares_daemon *daemon);

/* Uses of a call: `begin` says whether it is still to be used, and holds it
 * till `end`; both do nothing for a pushed call. */
int lares__pulled_lock(lares_call *call);
void lares__pulled_unlock(lares_call *call);

static inline int lares__pulled_begin(lares_call *call)
{
    return call->pulled == NULL || lares__pulled_lock(call);
}

static inline void lares__pulled_end(lares_call *call)
{
    if (call->pulled != NULL)
        lares__pulled_unlock(call);
}

/* ends and frees a pulled call: OK, EINVAL, ESTALE */
lares_status lares__pulled_finish(lares_call *call, lares_verdict verdict);

#endif
