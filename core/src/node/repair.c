#include "node/repair.h"

#include "node/records.h"

#include <stdio.h>

/* Design notes
 * - A step is a visit: between two of them the lane runs other daemons.
 * - The caller of a failed deliver is answered after the rebuild, so that its
 *   next deliver meets a sound daemon. */

void lares__daemon_rebuild_begins(lares_daemon *daemon)
{
    struct lares__keep *keep = daemon->host.keep;

    if (keep != NULL && !keep->replay.active)
        keep->replay.began = lares__node_now(daemon->node);
}

static void record_rebuilt(lares_daemon *daemon)
{
    const struct lares__host *host = &daemon->host;
    char text[96];
    uint64_t took;

    if (host->keep == NULL) {
        lares__daemon_record(daemon, LARES__RECORD_LOST,
                             "made anew: its kind cannot snapshot");
        return;
    }
    took = lares__node_now(daemon->node) - host->keep->replay.began;
    (void)snprintf(text, sizeof text,
                   "rebuilt in %.3f ms: a state of %zu bytes, %llu inputs",
                   (double)took / 1e6, host->keep->checkpoint.len,
                   (unsigned long long)host->keep->tail.count);
    lares__daemon_record(daemon, LARES__RECORD_RESTORED, text);
}

static void rebuilt(lares_daemon *daemon)
{
    const struct lares__keep *keep = daemon->host.keep;

    if (keep != NULL && keep->replay.diverged)
        lares__daemon_record(daemon, LARES__RECORD_DIVERGED,
                             "its replay ended at another head");
    record_rebuilt(daemon);
}

static void sound(lares_daemon *daemon)
{
    lares__daemon_posture(daemon);
    lares__daemon_answer_refused(daemon);
}

static void broken(lares_daemon *daemon, struct lares_call *call)
{
    char reason[LARES__REASON_MAX];

    lares__call_reason(call, reason, sizeof reason);
    lares__call_fini(call);
    lares__daemon_record(daemon, LARES__RECORD_BROKEN, reason);
    lares__daemon_failed(daemon, reason);
    if (atomic_load(&daemon->stopping))
        atomic_store(&daemon->grace, 0); /* nobody will process the rest */
    lares__daemon_answer_refused(daemon);
}

int lares__daemon_rebuilt(lares_daemon *daemon, struct lares_call *call,
                          enum lares__rebuilt step)
{
    if (step == LARES__REBUILD_FAILED)
        broken(daemon, call);
    if (step == LARES__REBUILD_DONE)
        rebuilt(daemon);
    if (step >= LARES__REBUILD_DONE)
        sound(daemon);
    return step >= LARES__REBUILD_DONE;
}

int lares__daemon_rebuild(lares_daemon *daemon, struct lares__runner *runner)
{
    enum lares__rebuilt step;

    lares__daemon_rebuild_begins(daemon);
    step = lares__host_rebuild(&daemon->host, &runner->call, daemon,
                               lares__node_wall(daemon->node));
    return lares__daemon_rebuilt(daemon, &runner->call, step);
}

void lares__daemon_rebuild_now(lares_daemon *daemon,
                               struct lares__runner *runner)
{
    const struct lares__keep *keep = daemon->host.keep;

    while (!lares__daemon_rebuild(daemon, runner) && keep != NULL &&
           keep->replay.active)
        ; /* until it is sound, or a step has failed */
}

/* -- what waits for it ---------------------------------------------------- */

void lares__daemon_answer_refused(lares_daemon *daemon)
{
    struct lares__reply *reply = daemon->refused;

    daemon->refused = NULL;
    lares__daemon_answer(daemon, reply);
}

/* -- by hand -------------------------------------------------------------- */

/* A daemon that restarts itself in a turn asks for it again in each replay of
 * that turn: it is being rebuilt already. */
static int is_being_rebuilt(const lares_daemon *daemon)
{
    const struct lares_call *call = lares__call_current();

    return call != NULL && call->host == &daemon->host &&
           (call->phase == LARES__PHASE_REPLAY ||
            call->phase == LARES__PHASE_RESTORE ||
            call->phase == LARES__PHASE_CREATE);
}

lares_status lares__daemon_restart(lares_daemon *daemon)
{
    lares_node *node = daemon->node;
    lares_status rc = LARES_OK;

    if (is_being_rebuilt(daemon))
        return LARES_OK;
    lares__mutex_lock(&node->directory.lock); /* its lane lives */
    if (atomic_load(&daemon->stopping) || atomic_load(&daemon->closed)) {
        rc = lares__daemon_gone(daemon);
    } else {
        atomic_store(&daemon->restarting, 1);
        lares__daemon_poke(daemon);
    }
    lares__mutex_unlock(&node->directory.lock);
    return rc;
}

/* Before its first checkpoint an object that nobody made cannot be made. */
static int can_be_made(const struct lares__host *host)
{
    return host->keep != NULL &&
           (host->keep->checkpoint.block != NULL ||
            (!host->kind->pull && host->kind->ops.create != NULL));
}

void lares__daemon_restarted(lares_daemon *daemon)
{
    struct lares__host *host = &daemon->host;

    if (!atomic_load(&daemon->restarting))
        return;
    atomic_store(&daemon->restarting,
                 0); /* an exchange costs each visit more */
    lares__restart_forced(&host->restart);
    if (host->object == LARES__SOUND && can_be_made(host))
        host->object = LARES__SUSPECT;
    lares__daemon_posture(daemon);
}
