/* wanted.h - an image that somebody waits for, and whoever takes it answers. */
#ifndef LARES_WANTED_H
#define LARES_WANTED_H

#include "base/bytes.h"
#include "base/error.h"
#include "node/node.h"

enum lares__wanted_state {
    LARES__WANTED_QUEUED,
    LARES__WANTED_BEGUN, /* whoever waits stays: it comes but once */
    LARES__WANTED_DONE,
    LARES__WANTED_CANCELLED /* nobody waits any more */
};

/* Of two holders: who waits, and who is to answer. */
struct lares__wanted {
    struct lares__wanted *next;
    lares_node *node;
    atomic_uint refs;
    atomic_int state;
    /* written before it is done */
    lares_status status;
    lares_bytes *image; /* owned, not sealed yet */
    char detail[LARES__ERROR_MAX + 1];
};

/* NULL without memory */
struct lares__wanted *lares__wanted_new(lares_node *node);
void lares__wanted_release(struct lares__wanted *wanted);

static inline int lares__wanted_cancelled(struct lares__wanted *wanted)
{
    return atomic_load(&wanted->state) == LARES__WANTED_CANCELLED;
}

/* The detail of this thread says why, unless it is OK; image is taken. */
void lares__wanted_answer(struct lares__wanted *wanted, lares_status status,
                          lares_bytes *image);
/* From now on it is answered to somebody; 0: nobody waits any more. */
static inline int lares__wanted_begin(struct lares__wanted *wanted)
{
    int queued = LARES__WANTED_QUEUED;

    return atomic_compare_exchange_strong(&wanted->state, &queued,
                                          LARES__WANTED_BEGUN);
}

/* What was answered; ETIMEDOUT: nothing, and it is cancelled. ECLOSED: the
 * node has stopped. out owned. */
lares_status lares__wanted_await(struct lares__wanted *wanted,
                                 uint64_t deadline, lares_bytes **out);

#endif
