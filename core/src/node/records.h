/* records.h - what became of daemons, in the order in which it happened.
 *
 * A ring of the last 1 024, each in a block of its own. It has a mutex of its
 * own, so any thread may add a record, also under a lock of floor 4 or above:
 * under the one that guards a change, records stand in the order of changes. */
#ifndef LARES_RECORDS_H
#define LARES_RECORDS_H

#include "base/thread.h"
#include "lares.h"

enum lares__record_what {
    LARES__RECORD_REGISTERED = 1,
    LARES__RECORD_STARTED = 2,
    LARES__RECORD_CRASHED = 3,
    LARES__RECORD_BROKEN = 4,   /* a rebuild failed */
    LARES__RECORD_RESTORED = 5, /* rebuilt */
    LARES__RECORD_LOST = 6,     /* the object is gone, with its state */
    LARES__RECORD_DIVERGED = 7, /* a rebuild ended at another head */
    LARES__RECORD_LOOPING = 8,
    LARES__RECORD_UNREGISTERED = 9,
    LARES__RECORD_HANDLER_EVICTED = 10
};

enum {
    LARES__RECORDS_MAX = 1024,
    LARES__RECORD_TEXT_MAX = 1024 /* longer texts and names are cut */
};

struct lares__fact {
    uint64_t n;    /* rises from 1 */
    uint64_t time; /* unix ns */
    uint64_t origin;
    uint64_t lost; /* how many between the one before and this are gone */
    const char *name;
    const char *kind;
    const char *text;
    enum lares__record_what what;
};

struct lares__record_slip;

struct lares__records {
    struct lares__mutex lock;
    /* guarded by lock */
    struct lares__record_slip *oldest;
    struct lares__record_slip *youngest;
    uint32_t count;
    uint64_t last_n;
};

void lares__records_init(struct lares__records *records);
void lares__records_fini(struct lares__records *records);

/* All three texts are copied; text NULL: nothing to say. Never fails: without
 * memory the record counts as lost. */
void lares__records_add(lares_node *node, enum lares__record_what what,
                        uint64_t origin, const char *name, const char *kind,
                        const char *text);

/* Called for each record, oldest first, under the mutex: it only copies facts.
 * A negative answer ends the walk and is its result. */
typedef lares_status (*lares__record_fn)(void *context,
                                         const struct lares__fact *record);
lares_status lares__records_each(struct lares__records *records,
                                 lares__record_fn fn, void *context);

/* "STARTED"; the name under which reports show what happened */
const char *lares__record_what_name(enum lares__record_what what);

#endif
