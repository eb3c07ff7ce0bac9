/* host.h - one daemon: identity, chain, horizon, object; crosses and commits.
 *
 * Pure: times, memory and entropy come from the caller, and one thread at a
 * time is inside. What it cannot do itself (mailbox, bus, clock) its caller
 * does between crossings. */
#ifndef LARES_HOST_H
#define LARES_HOST_H

#include "chain/horizon.h"
#include "daemon/call.h"
#include "daemon/keep.h"
#include "daemon/kinds.h"
#include "daemon/ledger.h"
#include "daemon/restart.h"
#include "daemon/timers.h"

/* Written by the thread inside, read by reports at any time: relaxed stores
 * and loads, never a read-modify-write. The narrow ones count what is rare. */
struct lares__counters {
    atomic_ullong committed;
    atomic_ullong emitted;
    atomic_ullong failures;
    atomic_ullong duplicates;
    atomic_ullong sequence; /* of the head */
    atomic_uint forks;
    atomic_uint lost;
    atomic_uint rebuilds;
    atomic_uint diverged;
    atomic_uint snapshots;
    atomic_uint unsaved; /* snapshots that failed */
};

/* The state of the instance: as committed, not to be trusted after a failed
 * turn, or no more. One that is not sound is neither entered nor saved. */
enum lares__object {
    LARES__SOUND,
    LARES__SUSPECT,
    LARES__GONE
};

/* outputs that are linked and not yet handed over, oldest first */
struct lares__outbox {
    struct lares__envelope *first;
    struct lares__envelope **tail;
};

struct lares__host {
    /* set at open */
    lares_key *key;
    struct lares__kind *kind;
    const char *name;       /* of whoever has the host */
    lares_options *options; /* of the spawn, as an image holds them, or NULL */
    uint16_t batch;
    uint16_t output_len; /* of the ledger's channel; 0: none */
    /* of the thread inside; reports read the atomic ones, too */
    uint8_t created;     /* destroy is due */
    uint8_t begun;       /* its timers are there: another create starts none */
    atomic_uchar object; /* enum lares__object */
    void *instance;
    struct lares__keep *keep;     /* NULL: a kind that cannot snapshot */
    struct lares__timers *timers; /* NULL: none was ever started */
    atomic_ullong epoch; /* at which it was activated, from 1; 0: not yet */
    struct lares__head head;
    atomic_ullong arrival; /* the last settled input */
    uint64_t given;        /* the last arrival given to an input */
    uint64_t crossing;
    struct lares__horizon horizon;
    struct lares__restart restart;
    struct lares__outbox outbox;
    struct lares__counters counters;
    /* guarded by the directory's lock of the node */
    struct lares__ledger ledger;
};

/* What the caller must do with the inputs after a crossing. */
struct lares__outcome {
    struct lares__input *rest; /* the first input that is not settled */
    uint32_t settled;          /* how many before it are */
    int failed;                /* a callback failed; `call` has the reason */
    int refused;               /* the failure is its deliver's alone */
    struct lares__input *given_up; /* settled as a dead letter, or NULL */
};

/* The name of a host to be: as the options say, or its kind's. ENAME */
lares_status lares__host_name(const struct lares__kind *kind,
                              const lares_options *options, const char **out);
/* how many bytes its images may have: the option snapshot.max */
lares_status lares__host_image_max(const lares_options *options, uint64_t *out);
/* name stays where it is, options are copied, key is shared, kind is the
 * caller's to give back. Reads batch, horizon.count, restart.*, snapshot.max,
 * argument, publish. */
lares_status lares__host_init(struct lares__host *host, const char *name,
                              struct lares__kind *kind, lares_key *key,
                              const lares_options *options, uint64_t seed);
void lares__host_fini(struct lares__host *host,
                      struct lares__pool_cache *cache);

/* Calls create. ECALLBACK with its text in the detail. */
lares_status lares__host_create(struct lares__host *host,
                                struct lares_call *call, lares_daemon *daemon,
                                uint64_t now);
/* The same; 0: it failed, and `call` has the reason. */
int lares__host_make(struct lares__host *host, struct lares_call *call,
                     lares_daemon *daemon, uint64_t now);
/* Calls destroy, once, if create was DONE. It gets no call; `call` only marks
 * the thread as inside a callback. */
void lares__host_destroy(struct lares__host *host, struct lares_call *call);

/* It is this epoch's one instance from now on; `now` is monotonic ns, from
 * which the time of its timers runs, if it has any. */
void lares__host_activate(struct lares__host *host, uint64_t epoch,
                          uint64_t now);

/* what its spawn was given, "" for nothing; lives as long as the host */
const char *lares__host_argument(const struct lares__host *host);
/* where outputs without a channel go, "" for nowhere */
static inline const char *lares__host_output(const struct lares__host *host)
{
    return host->ledger.output != NULL ? host->ledger.output : "";
}

/* adds one to a counter of what is rare; of the thread inside */
void lares__host_count_one(atomic_uint *counter);

/* A settled input goes back to the pool, by way of the tail, where its turn was
 * committed and the daemon keeps one. */
static inline void lares__host_retire(struct lares__host *host,
                                      struct lares__input *input,
                                      struct lares__pool_cache *cache)
{
    if (input->flags & LARES__INPUT_KEPT)
        lares__tail_add(&host->keep->tail, input, cache);
    else
        lares__input_free(input, cache);
}

/* shows the head to reports; of the thread inside */
void lares__host_show(struct lares__host *host);

/* Makes room for a crossing of at most `count` inputs; ENOMEM starts none. */
lares_status lares__host_reserve(struct lares__host *host, uint32_t count);

/* One crossing over the inputs from `first`: enters the language, commits what
 * is finished, judges. `clock` is asked for monotonic ns only after a failure,
 * and where timers have changed. */
struct lares__clock {
    uint64_t (*now)(void *context);
    void *context;
};

void lares__host_cross(struct lares__host *host, struct lares_call *call,
                       struct lares__input *first, uint32_t count,
                       uint64_t wall, const struct lares__clock *clock,
                       struct lares__outcome *out);

/* The two halves of a crossing whose middle belongs to a puller. */
int lares__host_offer(struct lares__host *host, struct lares_call *call,
                      struct lares__input *first, uint32_t count,
                      uint64_t wall);
void lares__host_settle(struct lares__host *host, struct lares_call *call,
                        lares_verdict verdict, const struct lares__clock *clock,
                        struct lares__outcome *out);

#endif
