/* letter.h - dead letters: what could not be handled, and why.
 *
 * A ring bounded in count and bytes; the oldest goes out, and is counted. It
 * has a mutex of its own, so any thread may leave a letter. */
#ifndef LARES_BUS_LETTER_H
#define LARES_BUS_LETTER_H

#include "base/thread.h"
#include "lares.h"

enum {
    LARES__LETTER_FULL = 1,   /* no space, and the receiver is sick */
    LARES__LETTER_FAILED = 4, /* every attempt at one input failed */
    LARES__LETTER_CLOSED = 5, /* queued or parked as the daemon ended */
    LARES__LETTER_REASONS = 6,

    LARES__LETTER_DATA_MAX = 1024 * 1024, /* a larger payload is not kept */
    LARES__LETTER_TEXT_MAX = 1024         /* a longer text is cut */
};

/* The facts of a letter. Those given to lares__letters_add are copied. */
struct lares__letter {
    uint64_t id; /* given when it is added; rises from 1 */
    uint64_t time;
    uint64_t receiver;
    uint64_t origin;
    uint64_t sequence;
    const char *name;    /* of the receiver */
    const char *channel; /* NULL: sent directly */
    const char *text;    /* why; "" for nothing to say */
    const void *data;    /* the payload; NULL: not kept, or 0 bytes */
    size_t len;          /* of the payload, kept or not */
    uint32_t reason;
};

struct lares__letters_tally {
    uint64_t count; /* letters held now */
    uint64_t bytes; /* memory they take */
    uint64_t lost;  /* out of the ring again, or never in it: no memory */
    uint64_t made[LARES__LETTER_REASONS]; /* ever, by reason; lost ones too */
};

struct lares__letter_slip;

struct lares__letters {
    struct lares__mutex lock;
    /* set at open */
    uint64_t count_max;
    uint64_t bytes_max;
    /* guarded by lock */
    struct lares__letter_slip *oldest;
    struct lares__letter_slip *youngest;
    uint64_t last_id;
    struct lares__letters_tally tally;
};

void lares__letters_init(struct lares__letters *letters, uint64_t count_max,
                         uint64_t bytes_max);
void lares__letters_fini(struct lares__letters *letters);

/* Never fails: without memory the letter counts as lost. */
void lares__letters_add(struct lares__letters *letters,
                        const struct lares__letter *facts);

/* Called for each letter, oldest first, under the mutex: it only copies facts.
 * A negative answer ends the walk and is its result. */
typedef lares_status (*lares__letter_fn)(void *context,
                                         const struct lares__letter *letter);
lares_status lares__letters_each(struct lares__letters *letters,
                                 lares__letter_fn fn, void *context);

/* A copy of a payload, and the origin of whom it was for. ENOTFOUND; EMISSING:
 * it was not kept. ENOMEM */
lares_status lares__letters_data(struct lares__letters *letters, uint64_t id,
                                 uint64_t *receiver_out, lares_bytes **out);

/* Drops one letter, or all; neither counts as lost. ENOTFOUND */
lares_status lares__letters_drop(struct lares__letters *letters, uint64_t id);
void lares__letters_clear(struct lares__letters *letters);

void lares__letters_tally(struct lares__letters *letters,
                          struct lares__letters_tally *out);

/* "FULL"; the name under which reports show a reason */
const char *lares__letter_reason(uint32_t reason);

#endif
