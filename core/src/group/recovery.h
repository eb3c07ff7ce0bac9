/* recovery.h - handlers that are asked on every tick to repair something, and
 * answer with the slots that they recovered.
 *
 * A registry is a list of them, in the order of registration. It belongs to a
 * node, or stands alone. Pure: its clock is handed in. */
#ifndef LARES_RECOVERY_H
#define LARES_RECOVERY_H

#include "base/rows.h"
#include "base/thread.h"
#include "daemon/host.h"
#include "group/handler.h"

/* Whoever holds the memory of a registry, and is told of evictions. */
struct lares__recovery_owner {
    void (*retain)(void *owner);
    void (*release)(void *owner);
    void (*evicted)(void *owner, const char *name, const char *text);
};

struct lares_recovery {
    /* set at open */
    const struct lares__recovery_owner *ops;
    void *owner;
    struct lares__clock clock; /* monotonic ns */
    int alone;                 /* its one ticket ends it */
    atomic_uint refs;          /* of one that stands alone */
    struct lares__mutex lock;
    /* guarded by lock */
    struct lares__handlers handlers; /* some may have left during the pass */
    struct lares__handlers evicted;
    uint32_t gone; /* how many have left and are still in the list */
    uint64_t last_id;
    uint64_t pass_last; /* id of the last handler of the pass, else 0 */
    int passing;
    int ended;
    /* changed under lock */
    atomic_uint count;
    atomic_ullong evictions;
    /* of the thread of the pass */
    _Atomic(struct lares__handler *) running; /* only ever compared */
    atomic_ullong recovered;
};

/* The registry of a node, embedded in it. */
void lares__recovery_init(lares_recovery *recovery,
                          const struct lares__recovery_owner *ops, void *owner,
                          const struct lares__clock *clock);
void lares__recovery_fini(lares_recovery *recovery);
/* One that stands alone. ENOMEM; out owned, lares__recovery_free */
lares_status lares__recovery_new(const struct lares__clock *clock,
                                 lares_recovery **out);

/* one more ticket; drops one */
lares_recovery *lares__recovery_retain(lares_recovery *recovery);
void lares__recovery_free(lares_recovery *recovery);

/* Nothing is registered or run any more; handlers are released, one that runs
 * when it has finished. No lock is held. */
void lares__recovery_end(lares_recovery *recovery);

/* What lares.h says. name may be NULL; user is taken. load: under which a
 * plug-in registers it, else 0. */
lares_status lares__recovery_register(lares_recovery *recovery,
                                      const char *name, lares_recovery_fn fn,
                                      void *user, lares_release_fn release,
                                      uint32_t load, uint64_t *id_out,
                                      size_t *count_out);
lares_status lares__recovery_remove(lares_recovery *recovery, uint64_t id);
/* removes what a load registered that failed in the end */
void lares__recovery_remove_load(lares_recovery *recovery, uint32_t load);

/* a plain load */
uint32_t lares__recovery_count(const lares_recovery *recovery);

/* One pass. EBUSY, ECLOSED, ENOMEM; out may be NULL. */
lares_status lares__recovery_run(lares_recovery *recovery, lares_rows **out);

/* Of the pass: one failed. text is taken, NULL: it gave none. */
void lares__recovery_evict(lares_recovery *recovery,
                           struct lares__handler *handler, char *text);

extern const struct lares__column lares__recovery_columns[];
void lares__recovery_report(lares_recovery *recovery, lares_rows *rows);

#endif
