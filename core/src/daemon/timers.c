#include "daemon/timers.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/little.h"

#include <assert.h>
#include <string.h>

/* Design notes
 * - The table always shows what the turn in hand has made of it. To take that
 *   back, ids from `mark` on are dropped, and what it ended stands marked in
 *   its place until the turn is finished.
 * - So the table holds at most twice LARES__TIMERS_MAX: what lives, and what
 *   the turn in hand has ended. One it both started and ended is gone at once.
 * - It is in the order of ids, and small: a pass over it costs less than the
 *   turn that a firing is for. */

enum {
    NONE = -1,
    ROOM_MIN = 4,
    HEADER_SIZE = 12, /* u64 next id | u32 count */
    ENTRY_SIZE = 26   /* u64 id | u64 left | u64 period | u16 len, data */
};

enum state {
    STARTED, /* `at` is the time left, from the commit on */
    ARMED,
    WAITING, /* its firing is among the inputs */
    SETTLED  /* a period, to be armed at the commit */
};

struct timer {
    uint64_t id;
    uint64_t at;     /* monotonic ns; UINT64_MAX: never */
    uint64_t period; /* ns; 0: once */
    uint8_t *data;   /* owned; NULL: 0 bytes */
    uint16_t len;
    uint8_t state;
    uint8_t ended; /* by the turn in hand */
};

struct lares__timers {
    struct timer *all; /* by id, ascending */
    uint32_t count;
    uint32_t room;
    uint32_t ended;   /* of them, by the turn in hand */
    uint32_t firings; /* among the inputs, holes too */
    int32_t first;    /* the ARMED one that fires next, or NONE */
    int changed;      /* since the last commit */
    uint64_t next;
    uint64_t mark; /* `next` before the turn in hand */
};

static const uint64_t ms = 1000000;

static uint64_t plus(uint64_t at, uint64_t ns)
{
    return ns > UINT64_MAX - at ? UINT64_MAX : at + ns;
}

static uint64_t milliseconds(int64_t count)
{
    return (uint64_t)count > UINT64_MAX / ms ? UINT64_MAX
                                             : (uint64_t)count * ms;
}

/* -- the table ------------------------------------------------------------ */

struct lares__timers *lares__timers_new(void)
{
    struct lares__timers *timers = lares__calloc(1, sizeof *timers);

    if (timers == NULL)
        return NULL;
    timers->first = NONE;
    timers->next = 1;
    timers->mark = 1;
    return timers;
}

void lares__timers_free(struct lares__timers *timers)
{
    if (timers == NULL)
        return;
    for (uint32_t i = 0; i < timers->count; i++)
        lares__free(timers->all[i].data);
    lares__free(timers->all);
    lares__free(timers);
}

/* the place of an id that lives, or count */
static uint32_t timers_place(const struct lares__timers *timers, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = timers->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (timers->all[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < timers->count && timers->all[low].id == id &&
        !timers->all[low].ended)
        return low;
    return timers->count;
}

static lares_status timers_reserve(struct lares__timers *timers)
{
    uint32_t room = timers->room > 0 ? 2 * timers->room : ROOM_MIN;
    struct timer *all;

    if (timers->count < timers->room)
        return LARES_OK;
    all = lares__realloc(timers->all, room * sizeof *all);
    if (all == NULL)
        return LARES_ENOMEM;
    timers->all = all;
    timers->room = room;
    return LARES_OK;
}

/* a timer behind the others, there is room */
static lares_status timers_append(struct lares__timers *timers,
                                  const struct timer *timer, const void *data)
{
    struct timer *last = &timers->all[timers->count];
    uint8_t *copy = NULL;

    if (timer->len > 0) {
        copy = lares__alloc(timer->len);
        if (copy == NULL)
            return LARES_ENOMEM;
        memcpy(copy, data, timer->len);
    }
    *last = *timer;
    last->data = copy;
    timers->count++;
    return LARES_OK;
}

static void timers_remove(struct lares__timers *timers, uint32_t place)
{
    struct timer *timer = &timers->all[place];

    lares__free(timer->data);
    timers->count--;
    memmove(timer, timer + 1, (timers->count - place) * sizeof *timer);
    timers->changed = 1;
}

static void timers_seek(struct lares__timers *timers)
{
    uint64_t at = UINT64_MAX;

    timers->first = NONE;
    for (uint32_t i = 0; i < timers->count; i++)
        if (timers->all[i].state == ARMED && timers->all[i].at < at) {
            timers->first = (int32_t)i;
            at = timers->all[i].at;
        }
}

/* -- the turn in hand ----------------------------------------------------- */

lares_status lares__timer_check(int64_t delay_ms, int64_t period_ms,
                                const void *data, size_t len)
{
    if (delay_ms < 0)
        return lares__error(LARES_ERANGE, "timer with a delay of %lld ms",
                            (long long)delay_ms);
    if (period_ms < 0)
        return lares__error(LARES_ERANGE, "timer with a period of %lld ms",
                            (long long)period_ms);
    if (data == NULL && len > 0)
        return lares__error(LARES_EINVAL, "timer with NULL, %zu bytes", len);
    if (len > LARES__TIMER_DATA_MAX)
        return lares__error(LARES_ETOOBIG, "timer with %zu bytes, at most %d",
                            len, LARES__TIMER_DATA_MAX);
    return LARES_OK;
}

lares_status lares__timers_start(struct lares__timers *timers, int64_t delay_ms,
                                 int64_t period_ms, const void *data,
                                 size_t len, uint64_t *id_out)
{
    struct timer timer = {.id = timers->next,
                          .at = milliseconds(delay_ms),
                          .period = milliseconds(period_ms),
                          .len = (uint16_t)len,
                          .state = STARTED};

    if (timers->count - timers->ended == LARES__TIMERS_MAX)
        return lares__error(LARES_ELIMIT, "a daemon has at most %d timers",
                            LARES__TIMERS_MAX);
    if (timers->next == UINT64_MAX)
        return lares__error(LARES_ELIMIT, "the last timer id is taken");
    if (timers_reserve(timers) < 0 || timers_append(timers, &timer, data) < 0)
        return LARES_ENOMEM;
    timers->next++;
    timers->changed = 1;
    *id_out = timer.id;
    return LARES_OK;
}

void lares__timers_cancel(struct lares__timers *timers, uint64_t id)
{
    uint32_t place = timers_place(timers, id);

    if (place == timers->count)
        return;
    if (id >= timers->mark) {
        timers_remove(timers, place);
        return;
    }
    timers->all[place].ended = 1;
    timers->ended++;
}

static void timers_sweep(struct lares__timers *timers)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < timers->count; i++)
        if (timers->all[i].ended)
            lares__free(timers->all[i].data);
        else
            timers->all[kept++] = timers->all[i];
    timers->count = kept;
    timers->ended = 0;
    timers->changed = 1;
}

void lares__timers_finish(struct lares__timers *timers)
{
    timers->mark = timers->next;
    if (timers->ended > 0)
        timers_sweep(timers);
}

void lares__timers_undo(struct lares__timers *timers)
{
    timers->next = timers->mark;
    while (timers->count > 0 &&
           timers->all[timers->count - 1].id >= timers->mark)
        timers_remove(timers, timers->count - 1);
    for (uint32_t i = 0; timers->ended > 0; i++) {
        timers->ended -= timers->all[i].ended;
        timers->all[i].ended = 0;
    }
}

/* -- firings -------------------------------------------------------------- */

uint64_t lares__timers_due(const struct lares__timers *timers)
{
    if (timers == NULL || timers->first == NONE ||
        timers->firings == LARES__TIMERS_MAX)
        return UINT64_MAX;
    return timers->all[timers->first].at;
}

int lares__timers_find(const struct lares__timers *timers, uint64_t now,
                       struct lares__firing *out)
{
    const struct timer *timer;
    uint64_t due = lares__timers_due(timers);

    if (due == UINT64_MAX || due > now)
        return 0;
    timer = &timers->all[timers->first];
    *out = (struct lares__firing){timer->id, timer->data, timer->len};
    return 1;
}

void lares__timers_fired(struct lares__timers *timers, uint64_t id)
{
    uint32_t place = timers_place(timers, id);

    assert(place < timers->count && timers->all[place].state == ARMED);
    timers->all[place].state = WAITING;
    timers->firings++;
    timers_seek(timers);
}

uint32_t lares__timers_firings(const struct lares__timers *timers)
{
    return timers == NULL ? 0 : timers->firings;
}

int lares__timers_waits(const struct lares__timers *timers, uint64_t id)
{
    return timers_place(timers, id) < timers->count;
}

void lares__timers_settle(struct lares__timers *timers, uint64_t id)
{
    uint32_t place = timers_place(timers, id);

    assert(timers->firings > 0);
    timers->firings--;
    timers->changed = 1;
    if (place == timers->count)
        return;
    assert(timers->all[place].state == WAITING);
    if (timers->all[place].period == 0)
        timers_remove(timers, place);
    else
        timers->all[place].state = SETTLED;
}

/* the first multiple of its period after now: late firings collapse into one */
static uint64_t multiple_after(const struct timer *timer, uint64_t now)
{
    uint64_t late = now - timer->at;

    return plus(now - late % timer->period, timer->period);
}

int lares__timers_changed(const struct lares__timers *timers)
{
    return timers->changed;
}

void lares__timers_commit(struct lares__timers *timers, uint64_t now)
{
    assert(timers->mark == timers->next && timers->ended == 0);
    timers->changed = 0;
    for (uint32_t i = 0; i < timers->count; i++) {
        struct timer *timer = &timers->all[i];

        if (timer->state == STARTED)
            timer->at = plus(now, timer->at);
        else if (timer->state == SETTLED)
            timer->at = multiple_after(timer, now);
        if (timer->state != WAITING)
            timer->state = ARMED;
    }
    timers_seek(timers);
}

/* -- bytes ---------------------------------------------------------------- */

uint64_t lares__timers_next(const struct lares__timers *timers)
{
    return timers == NULL ? 1 : timers->next;
}

size_t lares__timers_encoded_len(const struct lares__timers *timers)
{
    size_t len = HEADER_SIZE + (size_t)timers->count * ENTRY_SIZE;

    for (uint32_t i = 0; i < timers->count; i++)
        len += timers->all[i].len;
    return len;
}

static uint8_t *timer_encode(const struct timer *timer, uint64_t now,
                             uint8_t *out)
{
    lares__little_set_u64(out, timer->id);
    lares__little_set_u64(out + 8, timer->at > now ? timer->at - now : 0);
    lares__little_set_u64(out + 16, timer->period);
    lares__little_set_u16(out + 24, timer->len);
    if (timer->len > 0)
        memcpy(out + ENTRY_SIZE, timer->data, timer->len);
    return out + ENTRY_SIZE + timer->len;
}

void lares__timers_encode(const struct lares__timers *timers, uint64_t now,
                          uint8_t *out)
{
    assert(timers->next > 1 && !timers->changed);
    lares__little_set_u64(out, timers->next);
    lares__little_set_u32(out + 8, timers->count);
    out += HEADER_SIZE;
    for (uint32_t i = 0; i < timers->count; i++)
        out = timer_encode(&timers->all[i], now, out);
}

/* Reads one entry without its data, and answers where it ends; NULL: behind
 * the bytes that are left. */
static const uint8_t *timer_read(const uint8_t *data, size_t len,
                                 struct timer *out)
{
    if (len < ENTRY_SIZE)
        return NULL;
    out->id = lares__little_u64(data);
    out->at = lares__little_u64(data + 8);
    out->period = lares__little_u64(data + 16);
    out->len = lares__little_u16(data + 24);
    if (out->len > len - ENTRY_SIZE)
        return NULL;
    return data + ENTRY_SIZE + out->len;
}

static lares_status entries_check(const uint8_t *data, size_t len,
                                  uint32_t count, uint64_t next)
{
    const uint8_t *end = data + len;
    uint64_t last = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct timer timer;

        data = timer_read(data, (size_t)(end - data), &timer);
        if (data == NULL)
            return lares__error(LARES_EFORMAT, "timers: %u of %u are there", i,
                                count);
        if (timer.id <= last || timer.id >= next)
            return lares__error(LARES_EFORMAT,
                                "timers: id %llu is out of order",
                                (unsigned long long)timer.id);
        if (timer.len > LARES__TIMER_DATA_MAX)
            return lares__error(LARES_EFORMAT, "timers: data of %u bytes",
                                timer.len);
        last = timer.id;
    }
    if (data < end)
        return lares__error(LARES_EFORMAT, "timers: %zu bytes too many",
                            (size_t)(end - data));
    return LARES_OK;
}

lares_status lares__timers_check(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint64_t next;
    uint32_t count;

    if (len < HEADER_SIZE)
        return lares__error(LARES_EFORMAT, "timers: %zu bytes are no header",
                            len);
    next = lares__little_u64(bytes);
    count = lares__little_u32(bytes + 8);
    if (next <= 1)
        return lares__error(LARES_EFORMAT, "timers: none was ever started");
    if (count > LARES__TIMERS_MAX)
        return lares__error(LARES_EFORMAT, "timers: %u, at most %d", count,
                            LARES__TIMERS_MAX);
    return entries_check(bytes + HEADER_SIZE, len - HEADER_SIZE, count, next);
}

/* of bytes that were checked */
static lares_status timers_read(struct lares__timers *timers,
                                const uint8_t *data, size_t len)
{
    const uint8_t *at = data + HEADER_SIZE;
    const uint8_t *end = data + len;
    uint32_t count = lares__little_u32(data + 8);

    timers->next = lares__little_u64(data);
    timers->mark = timers->next;
    timers->changed = 1;
    while (timers->count < count) {
        struct timer timer = {.state = STARTED};
        const uint8_t *behind = timer_read(at, (size_t)(end - at), &timer);

        if (timers_reserve(timers) < 0 ||
            timers_append(timers, &timer, at + ENTRY_SIZE) < 0)
            return LARES_ENOMEM;
        at = behind;
    }
    return LARES_OK;
}

lares_status lares__timers_decode(const void *data, size_t len,
                                  struct lares__timers **out)
{
    lares_status rc = lares__timers_check(data, len);
    struct lares__timers *timers;

    if (rc < 0)
        return rc;
    timers = lares__timers_new();
    if (timers == NULL)
        return LARES_ENOMEM;
    rc = timers_read(timers, data, len);
    if (rc < 0) {
        lares__timers_free(timers);
        return rc;
    }
    *out = timers;
    return LARES_OK;
}
