/* tail.h - the inputs that a daemon has committed since its last checkpoint,
 * for a replay.
 *
 * A log of records in chunks, which are used again from one checkpoint to the
 * next. So keeping an input allocates nothing in steady state, and its envelope
 * goes back to the pool at once:
 *
 *   first                  last
 *   | record record … | -> | record …      | -> | spare | -> | spare |
 *
 * Keeping cannot fail. Inputs for which there is no memory wait beside the log;
 * whoever begins a crossing reserves first, so they are of one crossing. */
#ifndef LARES_TAIL_H
#define LARES_TAIL_H

#include "chain/envelope.h"

enum {
    LARES__TAIL_INPUT = 64,    /* what an input costs beside its payload */
    LARES__TAIL_COPIED = 1024, /* a longer payload stays in its envelope */
    LARES__TAIL_CHUNK = 65536  /* bytes of any but the first chunks */
};

struct lares__chunk;

struct lares__tail {
    uint64_t count;
    uint64_t bytes;            /* what it costs: LARES__TAIL_INPUT + payload */
    struct lares__chunk *last; /* in use; NULL: none, all are spare */
    struct lares__chunk *first;
    uint32_t used;             /* chunks down to `last` */
    uint32_t chunks;           /* and with those that are spare */
    struct lares__input *held; /* what records point to, in no order */
    struct lares__input *late; /* behind the log, oldest first */
    struct lares__input **late_end;
};

/* Where in a tail its next input is read: from the oldest on at {0}. */
struct lares__tail_place {
    struct lares__chunk *chunk; /* NULL: before the first */
    size_t at;
};

void lares__tail_init(struct lares__tail *tail);
void lares__tail_fini(struct lares__tail *tail, struct lares__pool_cache *pool);

/* Takes a settled input that was committed. */
void lares__tail_add(struct lares__tail *tail, struct lares__input *input,
                     struct lares__pool_cache *pool);
/* Nothing is late any more, or ENOMEM. */
lares_status lares__tail_reserve(struct lares__tail *tail);

/* The next input, made again, which the caller frees; there is one, and nothing
 * is late. NULL without memory: the place is the same. */
struct lares__input *lares__tail_next(const struct lares__tail *tail,
                                      struct lares__tail_place *place,
                                      struct lares__pool_cache *pool);

/* Empty again. It keeps its chunks, unless this tail used less than half. */
void lares__tail_reset(struct lares__tail *tail,
                       struct lares__pool_cache *pool);

#endif
