/* keep.h - what a daemon that can snapshot keeps: its last checkpoint, and the
 * inputs it has committed since. The two make its state again. */
#ifndef LARES_KEEP_H
#define LARES_KEEP_H

#include "base/bytes.h"
#include "daemon/tail.h"

enum {
    LARES__TAIL_MIN = 1024 * 1024,      /* bytes that any tail may have */
    LARES__TAIL_MAX = 64 * 1024 * 1024, /* and that none passes for long */
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
    uint64_t left;  /* inputs of the tail that are still to be settled */
    struct lares__tail_place place; /* where those are not made again yet */
    struct lares__input *next;      /* made, owned, oldest first */
    struct lares__head head;        /* where the chain would be by now */
    uint64_t sketch;
    uint64_t timer;
};

struct lares__keep {
    struct lares__checkpoint checkpoint;
    struct lares__tail tail;
    uint64_t spent; /* ns in process, ever */
    uint64_t saved; /* ns in snapshot, ever */
    uint64_t max;   /* bytes of an image */
    int owed;       /* no crossing before a checkpoint has succeeded */
    struct lares__replay replay;
};

/* NULL without memory */
struct lares__keep *lares__keep_new(uint64_t max);
void lares__keep_free(struct lares__keep *keep, struct lares__pool_cache *pool);

/* A new checkpoint, whose block is shared: the tail is empty again. */
void lares__keep_save(struct lares__keep *keep,
                      const struct lares__checkpoint *checkpoint,
                      struct lares__pool_cache *pool);

/* Must a checkpoint be taken before the next crossing? */
int lares__keep_due(const struct lares__keep *keep);

/* Lets go of the inputs that were made for a replay, down to `rest`. */
void lares__keep_drop(struct lares__keep *keep, const struct lares__input *rest,
                      struct lares__pool_cache *pool);

#endif
