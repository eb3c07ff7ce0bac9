/* keep.h - what a daemon that can snapshot keeps: its last checkpoint, and the
 * inputs it has committed since. The two make its state again.
 *
 * The tail takes the inputs themselves out of the mailbox, so keeping one
 * needs no memory and cannot fail. */
#ifndef LARES_KEEP_H
#define LARES_KEEP_H

#include "base/bytes.h"
#include "chain/envelope.h"

enum {
    LARES__TAIL_MIN = 1024 * 1024,      /* bytes that any tail may have */
    LARES__TAIL_MAX = 64 * 1024 * 1024, /* and that none passes for long */
    LARES__TAIL_INPUT = 64,             /* what one costs beside its payload */
    LARES__SAVE_SHARE = 10              /* a tenth of the run time for saving */
};

/* of an image in bytes: by default, and at most */
#define LARES__IMAGE_MAX ((uint64_t)64 * 1024 * 1024)
#define LARES__IMAGE_LIMIT ((uint64_t)1 << 40)

struct lares__checkpoint {
    lares_bytes *block; /* maybe an image; NULL: as created */
    size_t at;          /* where the state begins in it */
    size_t len;
    uint32_t version;
    struct lares__head head;
    uint64_t sketch;
    uint64_t timer; /* the id of the next one */
};

/* A rebuild under way. */
struct lares__replay {
    int active;
    int adopts;     /* the puller is to take the state of an image first */
    int diverged;   /* the last one ended at another head than the chain's */
    uint64_t began; /* monotonic ns; for who tells how long it took */
    struct lares__input *next; /* of the tail; NULL: all were shown */
    struct lares__head head;   /* where the chain would be by now */
    uint64_t sketch;
    uint64_t timer;
};

struct lares__keep {
    struct lares__checkpoint checkpoint;
    struct lares__input *first; /* the tail, oldest first */
    struct lares__input **last;
    uint64_t count;
    uint64_t bytes; /* what it costs */
    uint64_t spent; /* ns in process, ever */
    uint64_t saved; /* ns in snapshot, ever */
    uint64_t max;   /* bytes of an image */
    int owed;       /* no crossing before a checkpoint has succeeded */
    struct lares__replay replay;
};

/* NULL without memory */
struct lares__keep *lares__keep_new(uint64_t max);
void lares__keep_free(struct lares__keep *keep, struct lares__pool_cache *pool);

/* a committed input joins the tail */
static inline void lares__keep_add(struct lares__keep *keep,
                                   struct lares__input *input)
{
    input->next = NULL;
    *keep->last = input;
    keep->last = &input->next;
    keep->count++;
    keep->bytes += LARES__TAIL_INPUT + input->event->len;
}

/* A new checkpoint, whose block is shared: the tail is empty again. */
void lares__keep_save(struct lares__keep *keep,
                      const struct lares__checkpoint *checkpoint,
                      struct lares__pool_cache *pool);

/* Must a checkpoint be taken before the next crossing? */
int lares__keep_due(const struct lares__keep *keep);

#endif
