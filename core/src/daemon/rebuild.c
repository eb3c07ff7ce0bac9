#include "daemon/rebuild.h"

#include "base/error.h"

#include <string.h>

/* Design notes
 * - Links depend on head, horizon, shown inputs and payloads alone. So a
 *   replay from the checkpoint's head ends at the committed head, unless the
 *   daemon answers by something else; then it counts as diverged.
 * - Nothing of the host moves but the object: what fails in a rebuild can be
 *   tried again, and loses nothing. */

/* -- what was committed since the checkpoint ------------------------------ */

static void replay_begin(struct lares__keep *keep)
{
    keep->replay.active = 1;
    keep->replay.left = keep->tail.count;
    keep->replay.place = (struct lares__tail_place){0};
    keep->replay.head = keep->checkpoint.head;
    keep->replay.sketch = keep->checkpoint.sketch;
    keep->replay.timer = keep->checkpoint.timer;
}

static enum lares__rebuilt replay_step(struct lares__host *host)
{
    struct lares__replay *replay = &host->keep->replay;

    if (replay->left > 0)
        return LARES__REBUILD_MORE;
    replay->active = 0;
    host->object = LARES__SOUND;
    if (replay->adopts) {
        replay->adopts = 0;
        return LARES__REBUILD_ADOPTED;
    }
    replay->diverged =
        memcmp(&replay->head, &host->head, sizeof host->head) != 0;
    if (replay->diverged)
        lares__host_count_one(&host->counters.diverged);
    lares__host_count_one(&host->counters.rebuilds);
    return LARES__REBUILD_DONE;
}

/* makes a batch of inputs again, or, without memory, fewer */
static void replay_fill(struct lares__host *host,
                        struct lares__pool_cache *pool)
{
    struct lares__tail *tail = &host->keep->tail;
    struct lares__replay *replay = &host->keep->replay;
    struct lares__input **end = &replay->next;
    uint64_t count = replay->left < host->batch ? replay->left : host->batch;

    if (lares__tail_reserve(tail) < 0)
        return;
    while (count-- > 0 &&
           (*end = lares__tail_next(tail, &replay->place, pool)) != NULL)
        end = &(*end)->next;
}

/* 0: without memory for one of them */
static int replay_offer(struct lares__host *host, struct lares_call *call,
                        uint64_t wall)
{
    struct lares__replay *replay = &host->keep->replay;

    if (replay->next == NULL)
        replay_fill(host, call->cache);
    lares__call_open(call, host, LARES__PHASE_REPLAY, replay->next, host->batch,
                     wall);
    call->head = &replay->head;
    call->timer = replay->timer;
    if (lares__call_seek(call))
        return 1;
    (void)lares__call_refuse(call, LARES_ENOMEM, "out of memory");
    return 0;
}

/* the links that the outputs would have had */
static void replay_link(struct lares__replay *replay,
                        const struct lares_call *call)
{
    struct lares__envelope *output = call->outputs;
    uint64_t seen = 0; /* the origin of the input before; 0 leaves no trace */

    for (const struct lares__input *input = call->first; input != call->cursor;
         input = input->next) {
        uint64_t origin = input->event->link.origin;

        if (origin != 0 && origin != seen)
            replay->sketch |= lares__horizon_mask(origin);
        seen = origin;
        for (uint32_t i = 0; i < input->outputs; i++) {
            lares__envelope_link(output, &replay->head, replay->sketch);
            output = output->next;
        }
    }
}

/* what was half made goes, and nothing of the host has changed */
static enum lares__rebuilt rebuild_failed(struct lares__host *host,
                                          struct lares_call *call)
{
    lares__host_destroy(host, call);
    host->object = LARES__GONE;
    if (host->keep != NULL) {
        host->keep->replay.active = 0;
        lares__keep_drop(host->keep, NULL, call->cache);
    }
    return LARES__REBUILD_FAILED;
}

static enum lares__rebuilt replay_settle(struct lares__host *host,
                                         struct lares_call *call,
                                         lares_verdict verdict)
{
    struct lares__replay *replay = &host->keep->replay;

    lares__call_close(call, verdict);
    if (lares__call_failed(call))
        return rebuild_failed(host, call);
    replay_link(replay, call);
    lares__keep_drop(host->keep, call->cursor, call->cache);
    replay->timer = call->timer;
    lares__call_fini(call);
    return replay_step(host);
}

/* -- the state of the checkpoint ------------------------------------------ */

static lares_verdict restore_enter(struct lares__host *host,
                                   struct lares_call *call)
{
    const struct lares__checkpoint *checkpoint = &host->keep->checkpoint;
    struct lares_call *before = lares__call_enter(call);
    lares_verdict verdict = host->kind->ops.restore(
        call, checkpoint->version, checkpoint->block->data + checkpoint->at,
        checkpoint->len, host->instance);

    lares__call_leave(before);
    return verdict;
}

/* 0: it failed, and the call has the reason */
static int restore(struct lares__host *host, struct lares_call *call,
                   uint64_t wall)
{
    if (host->keep->checkpoint.block == NULL)
        return 1; /* as created */
    lares__call_open(call, host, LARES__PHASE_RESTORE, NULL, 0, wall);
    lares__call_close(call, restore_enter(host, call));
    if (lares__call_failed(call))
        return 0;
    lares__call_fini(call);
    return 1;
}

lares_status lares__host_restore(struct lares__host *host,
                                 struct lares_call *call, uint64_t wall)
{
    char reason[LARES__REASON_MAX];

    if (restore(host, call, wall))
        return LARES_OK;
    lares__call_reason(call, reason, sizeof reason);
    lares__call_fini(call);
    return lares__error(LARES_ERESTORE, "%s: %s", host->kind->name, reason);
}

/* -- steps ---------------------------------------------------------------- */

/* a kind that cannot snapshot lost its object, and with it what it knew */
static enum lares__rebuilt rebuild_stateless(struct lares__host *host)
{
    host->object = LARES__SOUND;
    lares__host_count_one(&host->counters.lost);
    return LARES__REBUILD_DONE;
}

static lares_verdict process_enter(struct lares__host *host,
                                   struct lares_call *call)
{
    struct lares_call *before = lares__call_enter(call);
    lares_verdict verdict = host->kind->ops.process(call, host->instance);

    lares__call_leave(before);
    return verdict;
}

enum lares__rebuilt lares__host_rebuild(struct lares__host *host,
                                        struct lares_call *call,
                                        lares_daemon *daemon, uint64_t wall)
{
    lares_verdict verdict = LARES_FAILED;

    if (host->keep != NULL && host->keep->replay.active) {
        if (replay_offer(host, call, wall))
            verdict = process_enter(host, call);
        return replay_settle(host, call, verdict);
    }
    lares__host_destroy(host, call);
    if (!lares__host_make(host, call, daemon, wall))
        return rebuild_failed(host, call);
    if (host->keep == NULL)
        return rebuild_stateless(host);
    if (!restore(host, call, wall))
        return rebuild_failed(host, call);
    replay_begin(host->keep);
    return replay_step(host);
}

/* -- the same, pulled ----------------------------------------------------- */

int lares__host_rebuild_offer(struct lares__host *host, struct lares_call *call,
                              uint64_t wall)
{
    const struct lares__checkpoint *checkpoint = &host->keep->checkpoint;
    lares_event event = {.kind = LARES_INPUT_RESTORE,
                         .sequence = checkpoint->version,
                         .received_at = wall,
                         .len = checkpoint->len};

    if (host->keep->replay.active)
        return replay_offer(host, call, wall);
    event.data = checkpoint->block->data + checkpoint->at;
    lares__call_open(call, host, LARES__PHASE_RESTORE, NULL, 0, wall);
    lares__call_show(call, &event);
    return 1;
}

enum lares__rebuilt lares__host_rebuild_settle(struct lares__host *host,
                                               struct lares_call *call,
                                               lares_verdict verdict)
{
    if (host->keep->replay.active)
        return replay_settle(host, call, verdict);
    lares__call_close(call, verdict);
    if (lares__call_failed(call))
        return rebuild_failed(host, call);
    lares__call_fini(call);
    replay_begin(host->keep);
    return replay_step(host);
}
