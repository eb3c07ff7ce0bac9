/* node.h - one running host, as its own rooms see it.
 *
 *   program threads ──► program (node chain) ──► queue ─┐
 *   deliver ─► runner ─► daemon ─► host                 ▼
 *                                    lane ─► daemon ─► host ─► bus ─► queues
 *   loop: watches lanes, ticks, carries out a stop
 *   steward: runs recovery handlers
 *
 * Lock order, by floor: replay 8 > program or a pulled call 7 > directory 6 >
 * gates 5 > a pull kind's mailbox or recovery 4 > bus, letters, records or an
 * inbox 3 > kinds or claims 2 > vault, lot, admin, a lane's sleep or the
 * steward's 1. */
#ifndef LARES_NODE_H
#define LARES_NODE_H

#include "base/heap.h"
#include "base/latch.h"
#include "base/thread.h"
#include "bus/publish.h"
#include "daemon/host.h"
#include "engine/memory.h"
#include "group/recovery.h"
#include "io/io.h"
#include "node/records.h"
#include "node/steward.h"
#include "node/tick.h"

enum lares__node_state {
    LARES__NODE_NEW = 1,
    LARES__NODE_READY = 2,
    LARES__NODE_STOPPING = 3,
    LARES__NODE_STOPPED = 4
};

enum {
    LARES__FLOOR_REPLAY = 8,
    LARES__FLOOR_PROGRAM = 7,
    LARES__FLOOR_REGISTRY = 6,
    LARES__FLOOR_GATES = 5,
    LARES__FLOOR_PULLED = 4,
    LARES__FLOOR_INBOX = 3,
    LARES__FLOOR_RECORDS = 3,
    LARES__FLOOR_WAIT = 1,

    LARES__LANES_MAX = 256,
    LARES__LINE_PAIR = 128, /* bytes that processors fetch together */
    LARES__DAEMONS_MAX = 65536
};

/* What one thread needs to run daemons. */
struct lares__runner {
    struct lares__publisher publisher;
    struct lares_call call;
    struct lares__runner *next; /* idle ones, guarded by program.lock */
};

struct lares__lane {
    struct lares__queue queue; /* first: a queue is its lane */
    lares_node *node;
    struct lares__runner runner;
    struct lares__thread thread;
    /* of the lane's thread: daemons that have something to do */
    lares_daemon *run_first;
    lares_daemon **run_tail;
    /* when a gate opens, a lease or a grace ends */
    struct lares__mutex gates_lock;
    struct lares__heap gates; /* guarded by gates_lock */
    atomic_uint gated;        /* how many; changed under gates_lock */
    /* asleep only with `sleeping` set */
    struct lares__mutex sleep_lock;
    struct lares__cond sleep_cond;
    int awake; /* guarded by sleep_lock */
    atomic_int sleeping;
    atomic_int quit;
    atomic_int ended;
    /* watched by the loop */
    atomic_ullong crossings;
    _Atomic(lares_daemon *) running; /* only ever compared and shown */
    atomic_int cut;
    unsigned long long watched; /* of the loop */
    uint32_t daemons;           /* guarded by the registry lock */
    /* Lanes stand side by side: what one writes in each crossing must not lie
     * in the cache lines of the next one's queue. */
    char apart[LARES__LINE_PAIR];
};

/* The programs' side: one chain for all threads. */
struct lares__program {
    struct lares__latch lock;
    lares_key *key;                             /* fresh per start */
    struct lares__head head;                    /* guarded by lock */
    struct lares__publisher publisher;          /* guarded by lock */
    struct lares__runner *idle;                 /* guarded by lock */
    uint64_t ok, none, refused, timeout, bytes; /* guarded by lock */
};

/* a lane label, while a daemon of it lives */
struct lares__label {
    struct lares__label *next;
    uint32_t lane;
    uint32_t daemons;
    char name[LARES__NAME_MAX + 1];
};

struct lares__totals {
    uint64_t committed, emitted, failures, duplicates;
    uint64_t rebuilds, snapshots, unsaved;
};

struct lares__directory {
    struct lares__mutex lock;
    /* guarded by lock */
    lares_daemon **slots; /* by origin, open addressing */
    uint32_t room;
    uint32_t count;
    uint32_t spawning; /* threads inside a spawn */
    struct lares__label *labels;
    struct lares_inbox *inboxes;
    struct lares__totals closed; /* of daemons that have ended */
};

/* A stop that is under way; of the thread that carries it out. */
enum lares__stop_phase {
    LARES__STOP_NONE,
    LARES__STOP_SETTLE,
    LARES__STOP_DAEMONS,
    LARES__STOP_LANES
};

struct lares__stopping {
    atomic_ullong deadline; /* monotonic ns; the earliest asked for */
    atomic_int asked;
    enum lares__stop_phase phase;
    unsigned long long crossings; /* at the last look that found no work */
    uint64_t pause;               /* until the next look, ns */
    uint64_t ended_at;
    uint32_t leftover;
    uint32_t abandoned;
};

struct lares_node {
    /* set at open */
    char name[64];
    lares_key *key;
    struct lares__io *io;
    struct lares__clock clock;
    int simulated;
    uint32_t lane_count; /* 0: no threads, one lane that whoever waits runs */
    uint32_t lanes_made;
    struct lares__lane *lanes;
    uint64_t seed;
    atomic_ullong started_at; /* monotonic ns; 0: not yet */
    atomic_uint refs; /* of the memory: ticket, daemons, inboxes, threads */
    atomic_int state;
    struct lares__bus bus;
    struct lares__kinds kinds;
    struct lares__program program;
    struct lares__mutex replay_lock; /* one letter is sent again at a time */
    struct lares__directory directory;
    struct lares__records records;
    struct lares__store store; /* of claimed epochs */
    lares_recovery recovery;
    struct lares__tick tick;
    struct lares__steward steward;
    struct lares__stopping stopping;
    struct lares__admin *admin; /* set at open; NULL: none */
    struct lares__thread loop;
    atomic_ullong serial;  /* numbers receivers */
    atomic_ullong evicted; /* events that inboxes let go */
    /* the plug-in that is being opened */
    pthread_mutex_t load_lock;
    atomic_int loading;
    _Atomic(pthread_t) load_thread; /* changed under load_lock, as are these */
    struct lares__load load;
    uint32_t loads;
    /* where program threads wait */
    struct lares__mutex lot_lock;
    struct lares__cond lot;
    atomic_int driven;  /* lanes 0: somebody runs the node */
    atomic_int dropped; /* lanes 0: the last ticket went, maybe in a callback */
    atomic_int waiters; /* in the lot, or asleep in io */
};

/* io is taken, whatever the result */
lares_status lares__node_new(const char *name, const lares_options *options,
                             struct lares__io *io, int simulated,
                             lares_node **out);
lares_status lares__node_start(lares_node *node);
void lares__node_stop(lares_node *node, int64_t grace_ms);
void lares__node_drop(lares_node *node); /* the ticket */

/* the node has stopped and no daemon is left: kinds and caches go */
void lares__node_emptied(lares_node *node);

void lares__node_retain(lares_node *node);
void lares__node_release(lares_node *node);

/* OK in READY; else ENOTREADY or ECLOSED */
lares_status lares__node_ready(const lares_node *node);
int lares__node_is(const lares_node *node, enum lares__node_state state);

uint64_t lares__node_now(const lares_node *node);
/* unix ns */
static inline uint64_t lares__node_wall(const lares_node *node)
{
    return node->io->ops->wall(node->io);
}
/* ms from now; -1: never */
uint64_t lares__node_deadline(const lares_node *node, int64_t timeout_ms);

#endif
