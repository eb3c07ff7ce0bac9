#include "group/recovery.h"

#include "base/alloc.h"
#include "base/error.h"
#include "group/pass.h"

#include <assert.h>

/* Design notes
 * - While a pass is under way, a handler that is taken away stays in the list
 *   if the pass may still come by; the end of the pass sweeps it out. So a
 *   pass walks the list without the lock (group/pass.c).
 * - What is evicted is kept with its text, a bounded number of times, and
 *   reported behind those that live. */

enum {
    LOCK_FLOOR = 4,
    HANDLERS_MAX = 4096,
    EVICTED_MAX = 64
};

/* -- registering ---------------------------------------------------------- */

static lares_status closed(void)
{
    return lares__error(LARES_ECLOSED, "the recovery registry has ended");
}

static lares_status register_locked(lares_recovery *recovery,
                                    struct lares__handler *handler)
{
    if (recovery->ended)
        return closed();
    if (lares__recovery_count(recovery) == HANDLERS_MAX)
        return lares__error(LARES_ELIMIT,
                            "a recovery registry has at most %d handlers",
                            HANDLERS_MAX);
    handler->id = ++recovery->last_id;
    lares__handlers_append(&recovery->handlers, handler);
    atomic_fetch_add_explicit(&recovery->count, 1, memory_order_relaxed);
    return LARES_OK;
}

lares_status lares__recovery_register(lares_recovery *recovery,
                                      const char *name, lares_recovery_fn fn,
                                      void *user, lares_release_fn release,
                                      uint32_t load, uint64_t *id_out,
                                      size_t *count_out)
{
    struct lares__handler *handler = NULL;
    lares_status rc = lares__handler_new(name, fn, user, release, &handler);

    if (rc < 0)
        goto fail;
    handler->load = load;
    lares__mutex_lock(&recovery->lock);
    rc = register_locked(recovery, handler);
    if (rc == LARES_OK && id_out != NULL)
        *id_out = recovery->last_id;
    if (rc == LARES_OK && count_out != NULL)
        *count_out = lares__recovery_count(recovery);
    /* From here on it may be gone, and `user`, where the outputs may stand. */
    lares__mutex_unlock(&recovery->lock);
    if (rc < 0)
        goto fail_handler;
    return LARES_OK;

fail_handler:
    lares__handler_free(handler);
fail:
    lares__handler_discard(release, user);
    assert(rc < 0);
    return rc;
}

uint32_t lares__recovery_count(const lares_recovery *recovery)
{
    return atomic_load_explicit(&recovery->count, memory_order_relaxed);
}

/* -- taking away ---------------------------------------------------------- */

static void leave_locked(lares_recovery *recovery,
                         struct lares__handler *handler)
{
    atomic_store(&handler->state, LARES__HANDLER_GONE);
    atomic_fetch_sub_explicit(&recovery->count, 1, memory_order_relaxed);
}

/* 1: it is out of the list; else the end of the pass sees to that */
static int unlink_locked(lares_recovery *recovery,
                         struct lares__handler *handler)
{
    if (handler->id <= recovery->pass_last) {
        recovery->gone++;
        return 0;
    }
    lares__handlers_unlink(&recovery->handlers, handler);
    return 1;
}

lares_status lares__recovery_remove(lares_recovery *recovery, uint64_t id)
{
    struct lares__handler *handler;
    lares_release_fn release = NULL;
    void *user;

    lares__mutex_lock(&recovery->lock);
    handler = lares__handlers_find(&recovery->handlers, id);
    if (handler == NULL) {
        lares__mutex_unlock(&recovery->lock);
        return lares__error(LARES_ENOTFOUND, "no recovery handler %llu",
                            (unsigned long long)id);
    }
    leave_locked(recovery, handler);
    user = handler->user;
    if (atomic_load(&recovery->running) != handler &&
        lares__handler_claim(handler))
        release = handler->release;
    if (!unlink_locked(recovery, handler))
        handler = NULL; /* the pass frees it */
    lares__mutex_unlock(&recovery->lock);
    lares__handler_discard(release, user);
    lares__handler_free(handler);
    return LARES_OK;
}

/* id of one that lives and came with a load, or with any if it is 0; 0: none */
static uint64_t find_living(lares_recovery *recovery, uint32_t load)
{
    const struct lares__handler *handler;
    uint64_t id;

    lares__mutex_lock(&recovery->lock);
    handler = recovery->handlers.first;
    while (handler != NULL && (!lares__handler_lives(handler) ||
                               (load != 0 && handler->load != load)))
        handler = handler->next;
    id = handler != NULL ? handler->id : 0;
    lares__mutex_unlock(&recovery->lock);
    return id;
}

static void remove_all(lares_recovery *recovery, uint32_t load)
{
    uint64_t id;

    while ((id = find_living(recovery, load)) != 0)
        (void)lares__recovery_remove(recovery, id);
}

void lares__recovery_remove_load(lares_recovery *recovery, uint32_t load)
{
    assert(load != 0); /* those that came with none stay */
    remove_all(recovery, load);
}

static const char *text_of(const struct lares__handler *handler)
{
    return handler->text != NULL ? handler->text : "handler failed";
}

/* keeps it; answers the one that has no place any more, or NULL */
static struct lares__handler *evict_locked(lares_recovery *recovery,
                                           struct lares__handler *handler,
                                           char *text)
{
    struct lares__handler *oldest = recovery->evicted.first;
    uint64_t before;

    leave_locked(recovery, handler);
    lares__handlers_unlink(&recovery->handlers, handler);
    handler->text = text;
    lares__handlers_append(&recovery->evicted, handler);
    before = atomic_fetch_add_explicit(&recovery->evictions, 1,
                                       memory_order_relaxed);
    if (before < EVICTED_MAX)
        return NULL;
    lares__handlers_unlink(&recovery->evicted, oldest);
    return oldest;
}

/* One that was taken away while it ran has left already, and is no eviction. */
void lares__recovery_evict(lares_recovery *recovery,
                           struct lares__handler *handler, char *text)
{
    struct lares__handler *oldest = NULL;
    int evicted;

    lares__mutex_lock(&recovery->lock);
    evicted = lares__handler_lives(handler);
    if (evicted)
        oldest = evict_locked(recovery, handler, text);
    lares__mutex_unlock(&recovery->lock);
    lares__handler_free(oldest);
    if (!evicted)
        lares__free(text);
    else if (recovery->ops->evicted != NULL)
        recovery->ops->evicted(recovery->owner, handler->name,
                               text_of(handler));
}

/* -- a pass --------------------------------------------------------------- */

static lares_status pass_begin(lares_recovery *recovery,
                               struct lares__handler **first_out,
                               uint64_t *last_out)
{
    const struct lares__handlers *list = &recovery->handlers;
    lares_status rc = LARES_OK;

    lares__mutex_lock(&recovery->lock);
    if (recovery->ended) {
        rc = closed();
    } else if (recovery->passing) {
        rc = lares__error(LARES_EBUSY, "a recovery pass is under way");
    } else {
        recovery->passing = 1;
        recovery->pass_last = list->last != NULL ? list->last->id : 0;
        *first_out = list->first;
        *last_out = recovery->pass_last;
    }
    lares__mutex_unlock(&recovery->lock);
    return rc;
}

static void pass_end(lares_recovery *recovery)
{
    struct lares__handler *swept;

    lares__mutex_lock(&recovery->lock);
    recovery->passing = 0;
    recovery->pass_last = 0;
    swept = lares__handlers_sweep(&recovery->handlers, recovery->gone);
    recovery->gone = 0;
    lares__mutex_unlock(&recovery->lock);
    lares__handlers_free(swept);
}

/* A handler may drop the last ticket: the registry is held. */
static lares_status recovery_pass(lares_recovery *recovery, lares_rows *rows)
{
    struct lares__handler *first = NULL;
    uint64_t last = 0;
    lares_status rc = pass_begin(recovery, &first, &last);

    if (rc < 0)
        return rc;
    recovery->ops->retain(recovery->owner);
    lares__pass_run(recovery, first, last, rows);
    pass_end(recovery);
    recovery->ops->release(recovery->owner);
    return LARES_OK;
}

lares_status lares__recovery_run(lares_recovery *recovery, lares_rows **out)
{
    lares_rows *rows = NULL;
    lares_status rc = LARES_OK;

    if (out != NULL)
        rc = lares__rows_new(lares__pass_columns, &rows);
    if (rc == LARES_OK)
        rc = recovery_pass(recovery, rows);
    if (rc < 0) {
        lares__rows_free(rows);
        return rc;
    }
    if (out == NULL)
        return LARES_OK;
    rc = lares__rows_done(rows);
    if (rc == LARES_OK)
        *out = rows;
    return rc;
}

/* -- life ----------------------------------------------------------------- */

void lares__recovery_init(lares_recovery *recovery,
                          const struct lares__recovery_owner *ops, void *owner,
                          const struct lares__clock *clock)
{
    *recovery = (lares_recovery){.ops = ops, .owner = owner, .clock = *clock};
    lares__mutex_init(&recovery->lock, LOCK_FLOOR);
}

void lares__recovery_end(lares_recovery *recovery)
{
    lares__mutex_lock(&recovery->lock);
    recovery->ended = 1;
    lares__mutex_unlock(&recovery->lock);
    remove_all(recovery, 0);
}

void lares__recovery_fini(lares_recovery *recovery)
{
    lares__recovery_end(recovery);
    assert(recovery->handlers.first == NULL); /* a pass would hold it */
    lares__handlers_free(recovery->evicted.first);
    lares__mutex_fini(&recovery->lock);
}

static void alone_retain(void *owner)
{
    lares_recovery *recovery = owner;

    atomic_fetch_add_explicit(&recovery->refs, 1, memory_order_relaxed);
}

static void alone_release(void *owner)
{
    lares_recovery *recovery = owner;
    unsigned before =
        atomic_fetch_sub_explicit(&recovery->refs, 1, memory_order_acq_rel);

    if (before != 1)
        return;
    lares__recovery_fini(recovery);
    lares__free(recovery);
}

lares_status lares__recovery_new(const struct lares__clock *clock,
                                 lares_recovery **out)
{
    static const struct lares__recovery_owner alone = {alone_retain,
                                                       alone_release, NULL};
    lares_recovery *recovery = lares__alloc(sizeof *recovery);

    if (recovery == NULL)
        return lares__error(LARES_ENOMEM, "no memory for a recovery registry");
    lares__recovery_init(recovery, &alone, recovery, clock);
    recovery->alone = 1;
    atomic_init(&recovery->refs, 1);
    *out = recovery;
    return LARES_OK;
}

lares_recovery *lares__recovery_retain(lares_recovery *recovery)
{
    recovery->ops->retain(recovery->owner);
    return recovery;
}

void lares__recovery_free(lares_recovery *recovery)
{
    if (recovery->alone)
        lares__recovery_end(recovery);
    recovery->ops->release(recovery->owner);
}

/* -- report --------------------------------------------------------------- */

const struct lares__column lares__recovery_columns[] = {
    {"id",         LARES_ROWS_U64 },
    {"name",       LARES_ROWS_TEXT},
    {"state",      LARES_ROWS_TEXT},
    {"runs",       LARES_ROWS_U64 },
    {"recovered",  LARES_ROWS_U64 },
    {"refused",    LARES_ROWS_U64 },
    {"overruns",   LARES_ROWS_U64 },
    {"longest_us", LARES_ROWS_U64 },
    {"text",       LARES_ROWS_TEXT},
    {NULL,         0              }
};

static void add_fact(lares_rows *rows, const atomic_ullong *fact)
{
    lares__rows_u64(rows, atomic_load_explicit(fact, memory_order_relaxed));
}

static void handler_row(const struct lares__handler *handler, int evicted,
                        lares_rows *rows)
{
    const struct lares__tally *tally = &handler->tally;
    uint64_t longest =
        atomic_load_explicit(&tally->longest, memory_order_relaxed);

    lares__rows_u64(rows, handler->id);
    lares__rows_text_add(rows, handler->name);
    lares__rows_text_add(rows, evicted ? "evicted" : "living");
    add_fact(rows, &tally->runs);
    add_fact(rows, &tally->recovered);
    add_fact(rows, &tally->refused);
    add_fact(rows, &tally->overruns);
    lares__rows_u64(rows, longest / 1000);
    lares__rows_text_add(rows, evicted ? text_of(handler) : "");
}

void lares__recovery_report(lares_recovery *recovery, lares_rows *rows)
{
    const struct lares__handler *handler;

    lares__mutex_lock(&recovery->lock);
    for (handler = recovery->handlers.first; handler != NULL;
         handler = handler->next)
        if (lares__handler_lives(handler))
            handler_row(handler, 0, rows);
    for (handler = recovery->evicted.first; handler != NULL;
         handler = handler->next)
        handler_row(handler, 1, rows);
    lares__mutex_unlock(&recovery->lock);
}
