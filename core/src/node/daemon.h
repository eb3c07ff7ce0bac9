/* daemon.h - a daemon as its node sees it: a host with a mailbox, on a lane.
 *
 * One thread at a time is inside (`busy`): its lane, a synchronous deliver, or
 * a puller. The lane alone appends to the mailbox; of a pull kind, whose
 * puller takes from it, a lock guards it. */
#ifndef LARES_DAEMON_H
#define LARES_DAEMON_H

#include "node/node.h"

enum lares__busy {
    LARES__FREE,
    LARES__INSIDE,
    LARES__WANTED /* and the lane is to be told on leaving */
};

struct lares__mailbox {
    struct lares__input *first;
    struct lares__input *last;
};

struct lares__pull {
    struct lares__mutex lock;
    struct lares__pulled *open; /* guarded by lock: the call being used */
    atomic_uint waiting;        /* inputs in the mailbox */
    _Atomic(uint64_t) thread;   /* that used the open call last, else 0 */
};

struct lares_daemon {
    struct lares__receiver receiver; /* first: a daemon is its receiver */
    lares_node *node;
    struct lares__lane *lane;
    atomic_int busy;
    atomic_int poked;    /* `poke` is on its way to the lane */
    atomic_int stopping; /* nothing is let in any more */
    atomic_int closed;
    atomic_uint parked;  /* outputs that found no space */
    atomic_ullong grace; /* of the stop: monotonic ns */
    /* of the lane's thread */
    lares_daemon *run_next;
    int scheduled;
    struct lares__mailbox mailbox; /* of a pull kind guarded by pull->lock */
    struct lares__heap_node gate;  /* guarded by the lane's gates_lock */
    /* of the thread inside */
    uint32_t vain; /* failures while it drains that blame no input, in a row */
    struct lares__waiter waiter; /* its place in a full receiver's line */
    struct lares__host host;
    /* Seldom written, so they stand last: the daemon behind this one in memory
     * may live on another lane, and must not share a cache line with `host`. */
    struct lares__pull *pull;   /* NULL: a kind with ops */
    char *error;                /* guarded by the directory's lock */
    struct lares__label *label; /* NULL: none */
    struct lares__input poke;
};

static inline lares_daemon *lares__daemon_of(void *receiver)
{
    return receiver;
}

/* Enters a free daemon; 0: somebody is inside. */
int lares__daemon_enter(lares_daemon *daemon);
/* Without lanes, for whoever drives the node: nobody else can enter. */
int lares__daemon_enter_driven(lares_daemon *daemon);
/* For its lane: 0 as above, and whoever is inside will poke the lane. */
int lares__daemon_enter_lane(lares_daemon *daemon);
void lares__daemon_leave(lares_daemon *daemon);
/* for its lane, which nobody waits for */
void lares__daemon_leave_lane(lares_daemon *daemon);

/* tells the lane to look at the daemon; any thread */
void lares__daemon_poke(lares_daemon *daemon);

/* Appends what came, oldest first; of the lane's thread. */
void lares__daemon_append(lares_daemon *daemon, struct lares__input *input);

/* After a crossing over the inputs of `box`: takes out those that are settled,
 * hands over outputs, answers delivers, keeps the restart policy. Inside. */
void lares__daemon_settle(lares_daemon *daemon, struct lares__runner *runner,
                          struct lares_call *call, struct lares__mailbox *box,
                          const struct lares__outcome *outcome);
/* there was no memory for a crossing: a failure that blames no input */
void lares__daemon_starved(lares_daemon *daemon);

/* its gate has opened: it is no longer passed over. Inside. */
void lares__daemon_posture(lares_daemon *daemon);

/* Tries to hand over what is parked; 1: nothing is left. Inside. */
int lares__daemon_hand_over(lares_daemon *daemon, struct lares__runner *runner);

/* may it cross now? Of the thread inside. */
int lares__daemon_gate_open(const lares_daemon *daemon);
/* Makes a lost instance anew; 0: that failed, and counts as a failure. */
int lares__daemon_renew(lares_daemon *daemon, struct lares__runner *runner);

/* Begins to stop: closes the intake. The earlier of two graces wins. */
void lares__daemon_begin_stop(lares_daemon *daemon, uint64_t deadline);
/* it is stopping, and its grace is over: what is left becomes letters */
int lares__daemon_overdue(const lares_daemon *daemon);
/* Looks whether a stopping daemon can close, and closes it. Inside; of the
 * lane's thread. 1: it is closed. */
int lares__daemon_drain(lares_daemon *daemon, struct lares__runner *runner);
/* when its lane must look at it again, monotonic ns */
void lares__daemon_wake_at(lares_daemon *daemon, uint64_t at);

lares_status lares__daemon_stop(lares_daemon *daemon, int64_t grace_ms);
lares_status lares__daemon_subscribe(lares_daemon *daemon, const char *pattern,
                                     const char *group);
lares_status lares__daemon_unsubscribe(lares_daemon *daemon,
                                       const char *pattern, const char *group);

#endif
