#include "group/pass.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/shown.h"
#include "base/utf8.h"

#include <string.h>

/* Design notes
 * - No lock is held while a handler or a release runs. The pass walks the list
 *   as it stands: appending touches only what lies behind its last handler,
 *   and nothing up to that one is unlinked but where it evicts.
 * - The pass says which handler runs, then looks whether that one lives; who
 *   takes a handler away says so, then looks whether it runs: both are
 *   sequentially consistent, so one of the two sees the other. Where both do,
 *   the first to claim its user releases it. That is one read-modify-write for
 *   each handler.
 * - A read of the clock costs more than a handler with nothing to do. In a
 *   registry of more than SAMPLE, one in so many is timed in each pass, by
 *   turns, and those between two of them together. While such a stretch is
 *   short, nobody in it can have overrun. Those of a long one are watched, as
 *   new handlers are: each run is timed for a while. So the overrun of one
 *   that was swift so far may count only from its second on.
 * - It allocates nothing but its result and the texts of failures. */

enum {
    OVERRUN_NS = 10000000,
    LONG_NS = 1000000, /* of a stretch */
    SAMPLE = 16,
    WATCHED = 64,    /* runs */
    SLOTS_MAX = 256, /* that one call may report */
    TEXT_MAX = 4096  /* bytes that are kept of why one failed */
};

enum {
    SLOT_HANDLER,
    SLOT_GROUP,
    SLOT_SLOT,
    SLOT_COLUMNS
};

const struct lares__column lares__pass_columns[] = {
    [SLOT_HANDLER] = {"handler", LARES_ROWS_U64},
    [SLOT_GROUP] = {"group",   LARES_ROWS_ID },
    [SLOT_SLOT] = {"slot",    LARES_ROWS_U64},
    [SLOT_COLUMNS] = {NULL,      0             },
};

/* what one call of a handler reports, as the result will show it */
struct lares__recovered {
    struct lares__handler *handler; /* whose turn it is */
    uint32_t count;
    uint32_t refused;
    uint64_t rows[SLOTS_MAX][SLOT_COLUMNS];
};

struct pass {
    lares_recovery *recovery;
    struct pass *outer; /* in one of whose handlers it runs, or NULL */
    lares_rows *rows;
    uint64_t others; /* SAMPLE - 1; 0: they are few, and each is timed */
    uint64_t time;   /* the clock as it was read last, ns */
    /* the stretch that has run since then; NULL: nobody */
    struct lares__handler *since;
    struct lares__handler *until;
    struct lares_call call;
    struct lares__recovered reported;
};

static _Thread_local struct pass *innermost;

struct lares_call *lares__pass_call(void)
{
    return innermost != NULL ? &innermost->call : NULL;
}

int lares__pass_inside(const lares_recovery *recovery)
{
    const struct pass *pass = innermost;

    while (pass != NULL && pass->recovery != recovery)
        pass = pass->outer;
    return pass != NULL;
}

static uint64_t pass_clock(const struct pass *pass)
{
    const struct lares__clock *clock = &pass->recovery->clock;

    return clock->now(clock->context);
}

/* -- what a handler reports ----------------------------------------------- */

lares_status lares__pass_slot(struct lares_call *call, uint64_t group,
                              uint32_t slot)
{
    struct lares__recovered *reported = call->recovered;
    uint64_t *row;

    if (call->phase != LARES__PHASE_RECOVERY)
        return lares__call_refuse(call, LARES_EPHASE,
                                  "recovered outside a recovery handler");
    if (reported->count == SLOTS_MAX) {
        reported->refused++;
        return lares__error(LARES_ELIMIT,
                            "a recovery handler reports at most %d slots",
                            SLOTS_MAX);
    }
    row = reported->rows[reported->count++];
    row[SLOT_HANDLER] = reported->handler->id;
    row[SLOT_GROUP] = group;
    row[SLOT_SLOT] = slot;
    return LARES_OK;
}

/* The results of one call, which count if it succeeded. */
static void pass_collect(struct pass *pass, struct lares__tally *tally,
                         int succeeded)
{
    struct lares__recovered *reported = &pass->reported;

    lares__shown_add(&tally->refused, reported->refused);
    if (succeeded) {
        lares__shown_add(&tally->recovered, reported->count);
        lares__shown_add(&pass->recovery->recovered, reported->count);
        if (pass->rows != NULL)
            lares__rows_numbers(pass->rows, reported->rows[0],
                                (size_t)reported->count * SLOT_COLUMNS);
    }
    reported->count = 0;
    reported->refused = 0;
}

/* Why it failed, owned; NULL: no text, or no memory for it. */
static char *failure_text(struct lares_call *call)
{
    char *text = call->text;
    size_t len;
    char *cut;

    call->text = NULL;
    if (text == NULL)
        return call->latched < 0 ? lares__strdup(call->refusal) : NULL;
    len = strlen(text);
    if (len <= TEXT_MAX)
        return text;
    len = lares__utf8_cut(text, len, TEXT_MAX);
    text[len] = '\0';
    cut = lares__realloc(text, len + 1);
    return cut != NULL ? cut : text;
}

/* -- one handler after the other ------------------------------------------ */

static int is_timed(const struct pass *pass,
                    const struct lares__handler *handler)
{
    uint64_t runs =
        atomic_load_explicit(&handler->tally.runs, memory_order_relaxed);

    return handler->watch > 0 ||
           ((handler->id + runs / WATCHED) & pass->others) == 0;
}

/* ends a stretch */
static void pass_look(struct pass *pass)
{
    struct lares__handler *handler = pass->since;
    uint64_t now;

    if (handler == NULL)
        return;
    now = pass_clock(pass);
    if (now - pass->time >= LONG_NS) {
        for (; handler != pass->until; handler = handler->next)
            handler->watch = WATCHED;
        handler->watch = WATCHED;
    }
    pass->time = now;
    pass->since = NULL;
}

/* One that ran with a fresh look at the clock before it. The end of one is the
 * beginning of the next. */
static void pass_measure(struct pass *pass, struct lares__handler *handler)
{
    struct lares__tally *tally = &handler->tally;
    uint64_t now = pass_clock(pass);
    uint64_t took = now - pass->time;

    pass->time = now;
    if (handler->watch > 0)
        handler->watch--;
    if (took > OVERRUN_NS)
        lares__shown_add(&tally->overruns, 1);
    if (took > atomic_load_explicit(&tally->longest, memory_order_relaxed))
        lares__shown_set(&tally->longest, took);
}

static void pass_stretch(struct pass *pass, struct lares__handler *handler)
{
    if (pass->since == NULL)
        pass->since = handler;
    pass->until = handler;
}

static void pass_open(struct pass *pass)
{
    lares__call_open(&pass->call, NULL, LARES__PHASE_RECOVERY, NULL, 0, 0);
    pass->call.recovered = &pass->reported;
}

/* Whose turn is over, and who has left: its release is nobody's turn, and not
 * the next one's time. */
static void pass_discard(struct pass *pass, struct lares__handler *before)
{
    if (!lares__handler_claim(before))
        return;
    pass_look(pass);
    atomic_store(&pass->recovery->running, NULL);
    lares__handler_discard(before->release, before->user);
    atomic_store(&pass->recovery->running, pass->reported.handler);
    pass->time = pass_clock(pass);
}

/* The next handler's turn, NULL: nobody's. */
static inline void pass_turn(struct pass *pass, struct lares__handler *next)
{
    struct lares__handler *before = pass->reported.handler;

    pass->reported.handler = next;
    atomic_store(&pass->recovery->running, next);
    if (before != NULL && !lares__handler_lives(before))
        pass_discard(pass, before);
}

/* The first half of a turn; an evicted handler is out of the list, so no
 * stretch may reach beyond it. */
static lares_verdict pass_call(struct pass *pass,
                               struct lares__handler *handler)
{
    int timed = is_timed(pass, handler);
    lares_verdict verdict;

    if (timed)
        pass_look(pass);
    verdict = handler->fn(&pass->call, handler->user);
    lares__shown_add(&handler->tally.runs, 1);
    if (timed)
        pass_measure(pass, handler);
    else
        pass_stretch(pass, handler);
    return verdict;
}

/* Hot path: a call that nothing was left in serves the next handler, too. */
static void pass_enter(struct pass *pass, struct lares__handler *handler)
{
    struct lares_call *call = &pass->call;
    int succeeded =
        pass_call(pass, handler) == LARES_DONE && call->latched == LARES_OK;

    if (pass->reported.count > 0) /* none are refused before */
        pass_collect(pass, &handler->tally, succeeded);
    if (!succeeded) {
        pass_look(pass);
        lares__recovery_evict(pass->recovery, handler, failure_text(call));
    }
    if (call->text != NULL || call->text_lost || call->latched < 0) {
        lares__call_fini(call);
        pass_open(pass);
    }
}

static void pass_walk(struct pass *pass, struct lares__handler *first,
                      uint64_t last)
{
    struct lares__handler *next;

    for (struct lares__handler *handler = first; handler != NULL;
         handler = next) {
        next = handler->id == last ? NULL : handler->next;
        pass_turn(pass, handler);
        if (lares__handler_lives(handler))
            pass_enter(pass, handler);
    }
    pass_look(pass);
    pass_turn(pass, NULL);
}

void lares__pass_run(lares_recovery *recovery, struct lares__handler *first,
                     uint64_t last, lares_rows *rows)
{
    struct pass pass;

    pass.recovery = recovery;
    pass.outer = innermost;
    pass.rows = rows;
    pass.reported.handler = NULL;
    pass.reported.count = 0;
    pass.reported.refused = 0;
    pass.since = NULL;
    pass.others = lares__recovery_count(recovery) > SAMPLE ? SAMPLE - 1 : 0;
    pass.time = pass_clock(&pass);
    pass.call = (struct lares_call){0};
    pass_open(&pass);
    innermost = &pass;
    pass_walk(&pass, first, last);
    innermost = pass.outer;
}
