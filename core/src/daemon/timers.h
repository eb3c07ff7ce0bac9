/* timers.h - inputs that a daemon sends itself, later.
 *
 * A start or a cancel is seen by the turn that made it at once, and taken back
 * if that turn fails; time runs from the commit on. Pure: times are monotonic
 * ns of the caller. In a replay no timer is started, cancelled or settled: ids
 * count on from a number that the caller keeps.
 *
 * A timer that is due fires: its firing waits among the inputs, one at a time,
 * until it is settled or the timer is cancelled. */
#ifndef LARES_TIMERS_H
#define LARES_TIMERS_H

#include "lares.h"

enum {
    LARES__TIMERS_MAX = 1024,    /* of a daemon; and firings that wait */
    LARES__TIMER_DATA_MAX = 4096 /* bytes */
};

struct lares__timers;

/* a timer that is due; data is valid until the next change */
struct lares__firing {
    uint64_t id;
    const void *data;
    size_t len;
};

/* NULL without memory */
struct lares__timers *lares__timers_new(void);
void lares__timers_free(struct lares__timers *timers);

/* -- the turn in hand ----------------------------------------------------- */

/* what the arguments alone say, also in a replay: ERANGE, EINVAL, ETOOBIG */
lares_status lares__timer_check(int64_t delay_ms, int64_t period_ms,
                                const void *data, size_t len);

/* Arguments as checked; period 0 fires once, data is copied. ELIMIT, ENOMEM */
lares_status lares__timers_start(struct lares__timers *timers, int64_t delay_ms,
                                 int64_t period_ms, const void *data,
                                 size_t len, uint64_t *id_out);
/* an id that is gone, or never was, is fine */
void lares__timers_cancel(struct lares__timers *timers, uint64_t id);

/* The end of a turn; of one that did nothing here, they do nothing. */
void lares__timers_finish(struct lares__timers *timers);
void lares__timers_undo(struct lares__timers *timers);

/* -- firings -------------------------------------------------------------- */

/* when to look again, UINT64_MAX: not before the next commit; NULL is fine */
uint64_t lares__timers_due(const struct lares__timers *timers);

/* The one to fire now, by time and then by id; 0: none. It stays the one until
 * its firing is among the inputs. */
int lares__timers_find(const struct lares__timers *timers, uint64_t now,
                       struct lares__firing *out);
void lares__timers_fired(struct lares__timers *timers, uint64_t id);

/* how many wait, holes too; NULL is fine */
uint32_t lares__timers_firings(const struct lares__timers *timers);

/* Is a firing still to be shown? 0: its timer was cancelled. */
int lares__timers_waits(const struct lares__timers *timers, uint64_t id);

/* A firing has left the inputs, shown or not, behind the end of its turn. */
void lares__timers_settle(struct lares__timers *timers, uint64_t id);

/* Is there anything for the commit to do? */
int lares__timers_changed(const struct lares__timers *timers);

/* Time runs for what was started, settled or decoded since. Between turns;
 * cannot fail, allocates nothing. */
void lares__timers_commit(struct lares__timers *timers, uint64_t now);

/* -- what an image keeps -------------------------------------------------- */

/* the next id, 1: none was ever started; NULL is fine */
uint64_t lares__timers_next(const struct lares__timers *timers);

/* Bytes of contract 2, section 8, between crossings, if any was ever started.
 * One that is due has 0 left. */
size_t lares__timers_encoded_len(const struct lares__timers *timers);
void lares__timers_encode(const struct lares__timers *timers, uint64_t now,
                          uint8_t *out);

/* Allocates nothing. EFORMAT */
lares_status lares__timers_check(const void *data, size_t len);
/* Their time stands still until the commit. EFORMAT, before any allocation;
 * ENOMEM */
lares_status lares__timers_decode(const void *data, size_t len,
                                  struct lares__timers **out);

#endif
