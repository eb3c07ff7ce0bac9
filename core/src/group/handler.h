/* handler.h - a callback of a recovery registry, what became of it, and lists
 * of them. */
#ifndef LARES_HANDLER_H
#define LARES_HANDLER_H

#include "daemon/name.h"
#include "lares.h"

#include <stdatomic.h>

enum {
    LARES__HANDLER_FRESH = 8 /* the first runs, each of which is timed */
};

enum lares__handler_state {
    LARES__HANDLER_LIVING,
    LARES__HANDLER_GONE,    /* not counted and not run any more */
    LARES__HANDLER_RELEASED /* nor is its user to be released */
};

/* Written by the thread of the pass, read by reports at any time. */
struct lares__tally {
    atomic_ullong runs; /* first: every pass writes it */
    atomic_ullong recovered;
    atomic_ullong refused;
    atomic_ullong overruns;
    atomic_ullong longest; /* ns */
};

/* What a pass looks at stands first, side by side. */
struct lares__handler {
    struct lares__handler *next; /* younger */
    /* set at open */
    lares_recovery_fn fn;
    void *user;
    uint64_t id; /* as it is registered; rises along a list */

    atomic_int state;
    uint32_t watch; /* of the pass: so many runs are timed, come what may */
    struct lares__tally tally;
    char *text; /* why it was evicted, owned; NULL: it gave no text */
    /* set at open */
    lares_release_fn release;
    uint32_t load; /* number of the plug-in load it came with; 0: none */
    char name[LARES__HANDLER_NAME + 1];
};

/* in the order of registration; zeroed: empty */
struct lares__handlers {
    struct lares__handler *first;
    struct lares__handler *last;
};

/* name NULL: "handler". ENAME, ENOMEM; user is not taken. */
lares_status lares__handler_new(const char *name, lares_recovery_fn fn,
                                void *user, lares_release_fn release,
                                struct lares__handler **out);
void lares__handler_free(struct lares__handler *handler); /* NULL is fine */
void lares__handlers_free(struct lares__handler *first);  /* by next */

/* A user that is needed no more: foreign code, which may wait for nothing,
 * whichever thread it runs on. No lock is held; release may be NULL. */
void lares__handler_discard(lares_release_fn release, void *user);

static inline int lares__handler_lives(const struct lares__handler *handler)
{
    return atomic_load(&handler->state) == LARES__HANDLER_LIVING;
}

/* Of one that is gone. 1: its user is the caller's to discard. */
int lares__handler_claim(struct lares__handler *handler);

void lares__handlers_append(struct lares__handlers *list,
                            struct lares__handler *handler);
void lares__handlers_unlink(struct lares__handlers *list,
                            struct lares__handler *handler);
/* takes out so many that do not live, all there are; they hang by next */
struct lares__handler *lares__handlers_sweep(struct lares__handlers *list,
                                             uint32_t count);
/* one that lives, or NULL */
struct lares__handler *lares__handlers_find(const struct lares__handlers *list,
                                            uint64_t id);

#endif
