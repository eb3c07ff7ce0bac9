/* call.h - one crossing as foreign code sees it: a cursor over its inputs, and
 * the place where it answers.
 *
 * The host opens a call, the author drains it, the host commits what is
 * finished (contract: docs/architecture.md, "the way of an event"). */
#ifndef LARES_CALL_H
#define LARES_CALL_H

#include "base/bytes.h"
#include "chain/envelope.h"
#include "chain/events.h"
#include "lares.h"

#include <stdatomic.h>

struct lares__host;
struct lares__pulled;
struct lares__recovered;
struct lares__seen;

enum {
    LARES__BATCH_DEFAULT = 64,
    LARES__BATCH_MAX = 1024,
    LARES__CROSSING_BYTES = 1048576,
    LARES__QUOTA_COUNT = 1024,     /* outputs of one input */
    LARES__QUOTA_BYTES = 16777216, /* and of a crossing, where it ends */
    LARES__TEXT_MAX = 16384,
    LARES__REASON_MAX = 1024 /* of a text as reports and details show it */
};

enum lares__phase {
    LARES__PHASE_CREATE = 1,
    LARES__PHASE_PROCESS = 2,
    LARES__PHASE_REPLAY = 3, /* process, of what was committed before */
    LARES__PHASE_SNAPSHOT = 4,
    LARES__PHASE_RESTORE = 5,
    LARES__PHASE_RECOVERY = 6 /* of no daemon: host is NULL */
};

/* What a deliver waits for. The side that begins the turn and the side that
 * gives up race for `state`. */
enum lares__reply_state {
    LARES__REPLY_QUEUED,
    LARES__REPLY_BEGUN,
    LARES__REPLY_DONE,
    LARES__REPLY_CANCELLED
};

struct lares__reply {
    atomic_int state;
    atomic_uint refs;
    int wanted; /* its caller wants the outputs */
    int local;  /* its caller takes the turn itself: nobody waits */
    lares_status status;
    struct lares_events *events; /* outputs of the turn */
    char *text;                  /* why it failed, owned; NULL: no memory */
    struct lares__reply *next;   /* answered together */
};

/* The whole state of one crossing. One lane uses the same call again and
 * again; `lares__call_open` says which fields matter when. */
struct lares_call {
    struct lares__host *host;
    struct lares__pool_cache *cache;
    const atomic_int *cut;        /* set by the node: end at the next `next` */
    struct lares__pulled *pulled; /* NULL: a pushed call */
    uint64_t now;                 /* unix ns of the crossing */
    enum lares__phase phase;
    int over;  /* `next` answers NULL from now on */
    int asked; /* `next` was called */

    struct lares__input *first;   /* offered, oldest first */
    struct lares__input *cursor;  /* the next one to look at, NULL: none */
    struct lares__input *in_hand; /* NULL: none */
    uint32_t left;                /* inputs that may still be handed out */
    uint32_t shown;
    uint32_t finished;
    uint64_t bytes_left;
    uint32_t fresh;           /* shown, of origins the horizon lacks */
    struct lares__seen *seen; /* of the input shown last, or NULL */

    const struct lares__head *head; /* that the outputs will follow */
    uint64_t timer; /* in a replay the next timer's id; 0: they start */
    struct lares__envelope *outputs; /* of all inputs, in order */
    struct lares__envelope **outputs_tail;
    struct lares__envelope **mark; /* tail before the input in hand */
    uint32_t output_count;         /* of the finished inputs */
    uint32_t hand_count;           /* of the input in hand */
    uint64_t output_bytes;
    uint64_t hand_bytes;

    lares_status latched; /* the refusal that dooms the input in hand */
    char refusal[160];    /* its words */
    lares_verdict verdict;
    char *text;        /* owned; NULL: none was given */
    int text_lost;     /* one was given, and there was no memory */
    lares_event event; /* the one in hand */

    /* SNAPSHOT: the block that the state is written into, from `prefix` on */
    lares_bytes *state; /* owned; NULL: nothing yet */
    size_t prefix;
    size_t room; /* that the block has left; 0 without one */
    uint64_t state_max;
    /* RECOVERY: what the handler reports */
    struct lares__recovered *recovered;
};

/* Makes a call ready: inputs from `first`, at most `count`, NULL for none.
 * host NULL: of a recovery handler. */
void lares__call_open(struct lares_call *call, struct lares__host *host,
                      enum lares__phase phase, struct lares__input *first,
                      uint32_t count, uint64_t now);

/* Looks for the first input to show; 0 when there is none. */
int lares__call_seek(struct lares_call *call);

/* Shows one event that is no input, in a pulled SNAPSHOT or RESTORE. */
void lares__call_show(struct lares_call *call, const lares_event *event);

/* The callback has answered: finishes or dooms the input in hand. Afterwards
 * in_hand is the input that failed, or NULL. */
void lares__call_close(struct lares_call *call, lares_verdict verdict);

/* did the crossing fail, by an input or without a culprit? */
int lares__call_failed(const struct lares_call *call);

/* Writes why it failed, in at most `size` bytes. */
void lares__call_reason(const struct lares_call *call, char *out, size_t size);

/* drops outputs that will not be committed, a state, and the text */
void lares__call_fini(struct lares_call *call);

/* the call whose callback runs on this thread, or NULL */
struct lares_call *lares__call_current(void);
/* returns the one before */
struct lares_call *lares__call_enter(struct lares_call *call);
void lares__call_leave(struct lares_call *before);

/* what lares.h says, on a call that is the caller's to use */
const lares_event *lares__call_next(struct lares_call *call);
lares_status lares__call_emit(struct lares_call *call, const char *channel,
                              const void *data, size_t len);
lares_status lares__call_timer(struct lares_call *call, int64_t delay_ms,
                               int64_t period_ms, const void *data, size_t len,
                               uint64_t *id_out);
lares_status lares__call_cancel(struct lares_call *call, uint64_t id);
lares_status lares__call_state(struct lares_call *call, const void *data,
                               size_t len);
void lares__call_fail(struct lares_call *call, const char *text);
/* a refusal: it latches, and is the answer */
lares_status lares__call_refuse(struct lares_call *call, lares_status code,
                                const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* on the stack of a caller who takes the turn itself */
void lares__reply_init(struct lares__reply *reply, int wanted);
void lares__reply_fini(struct lares__reply *reply);
/* of two holders: whoever waits, and the input */
struct lares__reply *lares__reply_new(int wanted);
void lares__reply_release(struct lares__reply *reply);

#endif
