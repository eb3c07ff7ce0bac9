/* daemon.h - a daemon as its node sees it: a host with a mailbox, on a lane.
 *
 * One thread at a time is inside (`busy`): its lane, a synchronous deliver, or
 * a puller. The lane alone appends to the mailbox; of a pull kind, whose
 * puller takes from it, a lock guards it. */
#ifndef LARES_DAEMON_H
#define LARES_DAEMON_H

#include "node/node.h"
#include "node/records.h"

enum lares__busy {
    LARES__FREE,
    LARES__INSIDE,
    LARES__WANTED /* and the lane is to be told on leaving */
};

struct lares__mailbox {
    struct lares__input *first;
    struct lares__input *last;
};

struct lares__wanted;

enum {
    LARES__PATIENCE = 1000000000 /* ns, beyond the deadline of a stop */
};

struct lares__pull {
    struct lares__mutex lock;
    struct lares__pulled *open; /* guarded by lock: the call being used */
    int stateful;               /* set at open: its puller saves it */
    atomic_uint waiting;        /* inputs in the mailbox */
    _Atomic(uint64_t) thread;   /* that used the open call last, else 0 */
};

struct lares_daemon {
    struct lares__receiver receiver; /* first: a daemon is its receiver */
    lares_node *node;
    atomic_int busy;
    atomic_int stopping; /* nothing is let in any more */
    atomic_uchar closed;
    atomic_uchar poked;      /* `poke` is on its way to the lane */
    atomic_uchar parked;     /* outputs that found no space */
    atomic_uchar restarting; /* an operator asked for a rebuild */
    atomic_uchar known;      /* somebody has its identity, or an image of it */
    uint8_t scheduled;       /* of the lane's thread */
    uint8_t subscribed; /* the bus knows its ledger; guarded as `saves` is */
    uint8_t looped; /* of the thread inside: it was recorded as LOOPING since
                     * its last success */
    atomic_ullong grace; /* of the stop: monotonic ns */
    atomic_uint wanted;  /* snapshots: how many `saves` holds */
    uint32_t vain; /* of the thread inside: failures in a row, while it drains,
                    * that blame no input */
    /* of the lane's thread */
    lares_daemon *run_next;
    struct lares__mailbox mailbox; /* of a pull kind guarded by pull->lock */
    struct lares__heap_node gate;  /* guarded by the lane's gates_lock */
    /* The image it ends with, or NULL. Asked for under the directory's lock,
     * and taken by the thread inside. */
    _Atomic(struct lares__wanted *) last;
    /* of the thread inside */
    struct lares__reply *refused; /* a failed deliver that awaits a rebuild */
    struct lares__waiter waiter;  /* its place in a full receiver's line */
    struct lares__host host;
    /* Seldom written, so they stand last: the daemon behind this one in memory
     * may live on another lane, and must not share a cache line with `host`. */
    struct lares__pull *pull; /* NULL: a kind with ops */
    /* guarded by the directory's lock, down to `error` */
    struct lares__wanted *saves;
    char *error;
    struct lares__input poke;
    char name[]; /* set at open */
};

static inline lares_daemon *lares__daemon_of(void *receiver)
{
    return receiver;
}

/* its queue is its lane's */
static inline struct lares__lane *lares__daemon_lane(const lares_daemon *daemon)
{
    return (struct lares__lane *)daemon->receiver.queue;
}

/* which life of its identity it is; 0: not activated yet */
static inline uint64_t lares__daemon_epoch(const lares_daemon *daemon)
{
    return atomic_load(&daemon->host.epoch);
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
/* A failure that blames no input: the gate closes. Inside. */
void lares__daemon_failed(lares_daemon *daemon, const char *reason);
/* the turn of a deliver that a lane took is over; NULL is fine */
void lares__daemon_answer(lares_daemon *daemon, struct lares__reply *reply);
/* A crossing that began at this wall time is over: how long it took decides
 * how often a checkpoint may be taken. */
static inline void lares__daemon_spent(lares_daemon *daemon, uint64_t began)
{
    uint64_t now;

    if (daemon->host.keep == NULL)
        return;
    now = lares__node_wall(daemon->node);
    daemon->host.keep->spent += now > began ? now - began : 0;
}

/* tells what became of it */
void lares__daemon_record(lares_daemon *daemon, enum lares__record_what what,
                          const char *text);

/* its gate is open and its object sound: it is no longer passed over. Inside. */
void lares__daemon_posture(lares_daemon *daemon);

/* Tries to hand over what is parked; 1: nothing is left. Inside. */
int lares__daemon_hand_over(lares_daemon *daemon, struct lares__runner *runner);

/* has its restart gate opened? */
int lares__daemon_gate_open(const lares_daemon *daemon);
/* EDOWN, and says so: it has not */
lares_status lares__daemon_gate_check(const lares_daemon *daemon);

/* Until when a stop with that deadline is waited for: a callback may take its
 * time to return. */
static inline uint64_t lares__daemon_patience(uint64_t deadline)
{
    return deadline != UINT64_MAX ? deadline + LARES__PATIENCE : UINT64_MAX;
}

/* Begins to stop: closes the intake. The earlier of two graces wins. */
void lares__daemon_begin_stop(lares_daemon *daemon, uint64_t deadline);
/* it is stopping, and its grace is over: what is left becomes letters */
int lares__daemon_overdue(const lares_daemon *daemon);
/* Looks whether a stopping daemon can close, and closes it. Inside; of the
 * lane's thread. 1: it is closed. */
int lares__daemon_drain(lares_daemon *daemon, struct lares__runner *runner);
/* when its lane must look at it again, monotonic ns */
void lares__daemon_wake_at(lares_daemon *daemon, uint64_t at);

/* ECLOSED, and says so */
lares_status lares__daemon_gone(const lares_daemon *daemon);

lares_status lares__daemon_stop(lares_daemon *daemon, int64_t grace_ms);
lares_status lares__daemon_subscribe(lares_daemon *daemon, const char *pattern,
                                     const char *group);
/* The bus learns of all that the ledger of an image holds; on failure of
 * nothing. */
lares_status lares__daemon_resubscribe(lares_daemon *daemon);
lares_status lares__daemon_unsubscribe(lares_daemon *daemon,
                                       const char *pattern, const char *group);

#endif
