#include "node/save.h"

#include "base/alloc.h"
#include "base/error.h"
#include "node/program.h"
#include "node/pull.h"
#include "node/wait.h"

#include <stdio.h>

/* Design notes
 * - A daemon that nobody is inside is saved on the thread that asks, any other
 *   by its lane or its puller, between two crossings.
 * - Inside goes only what must: the callback and a copy of the rest. Digests
 *   and the signature are made by the thread that asked. */

enum save_state {
    SAVE_QUEUED,
    SAVE_DONE,
    SAVE_CANCELLED
};

/* A snapshot that is asked for; of two holders: who waits, and the list. */
struct lares__save {
    struct lares__save *next;
    lares_node *node;
    atomic_uint refs;
    atomic_int state;
    /* written before it is done */
    lares_status status;
    lares_bytes *image; /* owned, not sealed yet */
    char detail[LARES__ERROR_MAX + 1];
};

static struct lares__save *save_new(lares_node *node)
{
    struct lares__save *save = lares__calloc(1, sizeof *save);

    if (save == NULL)
        return NULL;
    save->node = node;
    atomic_init(&save->refs, 2);
    return save;
}

static void save_release(struct lares__save *save)
{
    if (atomic_fetch_sub(&save->refs, 1) != 1)
        return;
    lares__bytes_free(save->image);
    lares__free(save);
}

/* the detail of this thread says why, unless it is OK */
static void save_answer(struct lares__save *save, lares_status status,
                        lares_bytes *image)
{
    lares_node *node = save->node;

    save->status = status;
    save->image = image;
    (void)snprintf(save->detail, sizeof save->detail, "%s",
                   lares__error_detail());
    atomic_store(&save->state, SAVE_DONE);
    save_release(save);
    lares__node_notify(node);
}

/* -- the list ------------------------------------------------------------- */

static lares_status save_push(lares_daemon *daemon, struct lares__save *save)
{
    lares_node *node = daemon->node;
    struct lares__save **place = &daemon->saves;
    lares_status rc = LARES_OK;

    lares__mutex_lock(&node->directory.lock);
    while (*place != NULL)
        place = &(*place)->next;
    if (atomic_load(&daemon->closed)) {
        rc = lares__error(LARES_ECLOSED, "daemon '%s' has ended",
                          daemon->host.name);
    } else {
        *place = save;
        atomic_fetch_add(&daemon->wanted, 1);
        lares__daemon_poke(daemon); /* under the lock: its lane lives */
    }
    lares__mutex_unlock(&node->directory.lock);
    return rc;
}

/* the oldest whose caller still waits, or NULL */
static struct lares__save *save_pop(lares_daemon *daemon)
{
    struct lares__save *save = NULL;

    if (atomic_load(&daemon->wanted) == 0)
        return NULL;
    lares__mutex_lock(&daemon->node->directory.lock);
    while (daemon->saves != NULL && save == NULL) {
        save = daemon->saves;
        daemon->saves = save->next;
        atomic_fetch_sub(&daemon->wanted, 1);
        if (atomic_load(&save->state) == SAVE_CANCELLED) {
            save_release(save);
            save = NULL;
        }
    }
    lares__mutex_unlock(&daemon->node->directory.lock);
    return save;
}

void lares__saves_end(lares_daemon *daemon)
{
    struct lares__save *save;

    while ((save = save_pop(daemon)) != NULL)
        save_answer(save,
                    lares__error(LARES_ECLOSED, "daemon '%s' has ended",
                                 daemon->host.name),
                    NULL);
}

/* -- inside --------------------------------------------------------------- */

static uint64_t wall_now(const lares_daemon *daemon)
{
    struct lares__io *io = daemon->node->io;

    return io->ops->wall(io);
}

/* the ledger changes under the directory's lock */
static lares_status portrait_take(lares_daemon *daemon,
                                  struct lares__portrait *portrait)
{
    lares_status rc;

    lares__mutex_lock(&daemon->node->directory.lock);
    rc = lares__portrait_take(portrait, &daemon->host, wall_now(daemon),
                              lares__node_now(daemon->node));
    lares__mutex_unlock(&daemon->node->directory.lock);
    return rc;
}

static lares_status gate_check(lares_daemon *daemon)
{
    if (lares__daemon_gate_open(daemon))
        return LARES_OK;
    return lares__error(LARES_EDOWN, "daemon '%s' waits to try again",
                        daemon->host.name);
}

static lares_status save_take(lares_daemon *daemon,
                              struct lares__runner *runner, lares_bytes **out)
{
    struct lares__portrait portrait;
    lares_status rc = portrait_take(daemon, &portrait);

    if (rc == LARES_OK)
        rc = lares__host_snapshot(&daemon->host, &runner->call, &portrait,
                                  wall_now(daemon), &daemon->node->clock, out);
    lares__portrait_fini(&portrait);
    lares__host_show(&daemon->host);
    atomic_store(&daemon->known, 1);
    return rc;
}

void lares__saves_serve(lares_daemon *daemon, struct lares__runner *runner)
{
    struct lares__save *save;

    if (daemon->pull != NULL && daemon->host.keep != NULL)
        return; /* up to its puller */
    while (daemon->host.object == LARES__SOUND &&
           (save = save_pop(daemon)) != NULL) {
        lares_bytes *image = NULL;
        lares_status rc = gate_check(daemon);

        if (rc == LARES_OK)
            rc = save_take(daemon, runner, &image);
        save_answer(save, rc, image);
    }
}

/* no crossing starts until one has succeeded */
static void checkpoint_failed(lares_daemon *daemon)
{
    char reason[LARES__ERROR_MAX + 1];

    (void)snprintf(reason, sizeof reason, "%s", lares__error_detail());
    daemon->host.keep->owed = 1;
    lares__daemon_record(daemon, LARES__RECORD_CRASHED, reason);
    lares__daemon_failed(daemon, reason);
}

int lares__daemon_checkpoint(lares_daemon *daemon, struct lares__runner *runner)
{
    struct lares__host *host = &daemon->host;

    if (host->keep == NULL || !lares__keep_due(host->keep))
        return 1;
    if (lares__host_snapshot(host, &runner->call, NULL, wall_now(daemon),
                             &daemon->node->clock, NULL) == LARES_OK)
        return 1;
    checkpoint_failed(daemon);
    return 0;
}

/* -- pulled --------------------------------------------------------------- */

static int pulled_wants(lares_daemon *daemon, struct lares__pulled_save *pulled)
{
    const struct lares__keep *keep = daemon->host.keep;

    if (keep == NULL)
        return 0; /* its puller has nothing to say: see saves_serve */
    pulled->save = save_pop(daemon);
    return pulled->save != NULL ||
           (lares__keep_due(keep) && atomic_load(&daemon->pull->waiting) > 0);
}

int lares__pulled_save_offer(lares_daemon *daemon, struct lares_call *call,
                             struct lares__pulled_save *pulled)
{
    while (pulled_wants(daemon, pulled)) {
        lares_status rc = pulled->save != NULL
                              ? portrait_take(daemon, &pulled->portrait)
                              : LARES_OK;

        if (rc < 0) {
            save_answer(pulled->save, rc, NULL);
            continue;
        }
        pulled->began = lares__node_now(daemon->node);
        lares__host_snapshot_offer(
            &daemon->host, call,
            pulled->save != NULL ? &pulled->portrait : NULL, wall_now(daemon));
        return 1;
    }
    return 0;
}

void lares__pulled_save_settle(lares_daemon *daemon, struct lares_call *call,
                               lares_verdict verdict,
                               struct lares__pulled_save *pulled)
{
    struct lares__host *host = &daemon->host;
    lares_bytes *image = NULL;
    lares_status rc = lares__host_snapshot_settle(
        host, call, verdict, pulled->save != NULL ? &pulled->portrait : NULL,
        &image);

    host->keep->saved += lares__node_now(daemon->node) - pulled->began;
    lares__host_show(host);
    if (pulled->save != NULL) {
        atomic_store(&daemon->known, 1);
        save_answer(pulled->save, rc, image);
        lares__portrait_fini(&pulled->portrait);
    } else if (rc < 0) {
        checkpoint_failed(daemon);
    }
    pulled->save = NULL;
}

/* -- asking --------------------------------------------------------------- */

static lares_status snapshot_check(lares_daemon *daemon)
{
    lares_status rc = lares__node_ready(daemon->node);

    if (rc < 0)
        return rc;
    if (lares__call_current() != NULL)
        return lares__error(LARES_EDEADLK, "snapshot inside a callback");
    if (daemon->pull != NULL && lares__pull_is_mine(daemon))
        return lares__error(LARES_EDEADLK,
                            "snapshot of '%s', whose call this thread holds",
                            daemon->host.name);
    if (atomic_load(&daemon->stopping))
        return lares__error(LARES_ECLOSED, "daemon '%s' has ended",
                            daemon->host.name);
    return LARES_OK;
}

/* inside; EBUSY: its lane must first make it sound */
static lares_status save_inside(lares_daemon *daemon, lares_bytes **out)
{
    lares_node *node = daemon->node;
    struct lares__runner *runner;
    lares_status rc = gate_check(daemon);

    if (rc == LARES_OK &&
        (daemon->host.object != LARES__SOUND || atomic_load(&daemon->stopping)))
        rc = LARES_EBUSY;
    if (rc < 0)
        return rc;
    runner = lares__runner_take(node);
    if (runner == NULL)
        return LARES_ENOMEM;
    runner->call.cut = NULL;
    rc = save_take(daemon, runner, out);
    lares__runner_give(node, runner);
    if (daemon->host.object != LARES__SOUND)
        lares__daemon_poke(daemon); /* its author lost it: made anew */
    return rc;
}

/* on this thread, if nobody is inside; EBUSY: not now */
static lares_status save_now(lares_daemon *daemon, lares_bytes **out)
{
    lares_node *node = daemon->node;
    lares_status rc = LARES_EBUSY;

    if (daemon->pull != NULL && daemon->host.kind->stateful)
        return rc;
    if (node->lane_count == 0 && !lares__node_drive(node))
        return rc;
    if (lares__daemon_enter(daemon)) {
        if (!atomic_load(&daemon->closed))
            rc = save_inside(daemon, out);
        lares__daemon_leave(daemon);
    }
    if (node->lane_count == 0)
        lares__node_undrive(node);
    return rc;
}

/* Nobody answers any more once the node has stopped. */
static int save_ready(void *context)
{
    const struct lares__save *save = context;

    return atomic_load(&save->state) == SAVE_DONE ||
           lares__node_is(save->node, LARES__NODE_STOPPED);
}

static lares_status save_result(struct lares__save *save, lares_bytes **out)
{
    if (atomic_load(&save->state) != SAVE_DONE)
        return lares__node_ready(save->node);
    if (save->status < 0)
        return lares__error(save->status, "%s", save->detail);
    *out = save->image;
    save->image = NULL;
    return LARES_OK;
}

static lares_status save_queued(lares_daemon *daemon, int64_t timeout_ms,
                                lares_bytes **out)
{
    lares_node *node = daemon->node;
    uint64_t deadline = lares__node_deadline(node, timeout_ms);
    struct lares__save *save = save_new(node);
    int queued = SAVE_QUEUED;
    lares_status rc;

    if (save == NULL)
        return LARES_ENOMEM;
    rc = save_push(daemon, save);
    if (rc < 0) {
        save_release(save); /* the list's: there is none */
        save_release(save);
        return rc;
    }
    rc = lares__node_await(node, save_ready, save, deadline);
    if (rc == LARES_OK)
        rc = save_result(save, out);
    else if (atomic_compare_exchange_strong(&save->state, &queued,
                                            SAVE_CANCELLED))
        rc = lares__error(LARES_ETIMEDOUT, "daemon '%s' was busy all the time",
                          daemon->host.name);
    else
        rc = save_result(save, out);
    save_release(save);
    return rc;
}

static lares_status snapshot(lares_daemon *daemon, int64_t timeout_ms,
                             lares_bytes **out)
{
    lares_bytes *image = NULL;
    lares_status rc = snapshot_check(daemon);

    if (rc == LARES_OK)
        rc = save_now(daemon, &image);
    if (rc == LARES_EBUSY)
        rc = save_queued(daemon, timeout_ms, &image);
    if (rc < 0)
        return rc;
    rc = lares__image_seal(image->data, image->len, daemon->host.key);
    if (rc < 0) {
        lares__bytes_free(image);
        return rc;
    }
    *out = image;
    return LARES_OK;
}

/* the callback may drop the ticket, and end the daemon */
lares_status lares__daemon_snapshot(lares_daemon *daemon, int64_t timeout_ms,
                                    lares_bytes **out)
{
    lares_status rc;

    lares__receiver_retain(&daemon->receiver);
    rc = snapshot(daemon, timeout_ms, out);
    lares__receiver_release(&daemon->receiver);
    return rc;
}
