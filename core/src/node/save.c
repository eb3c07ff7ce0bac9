#include "node/save.h"

#include "base/error.h"
#include "node/program.h"
#include "node/pull.h"
#include "node/retire.h"
#include "node/wait.h"

#include <stdio.h>

/* Design notes
 * - A daemon that nobody is inside is saved on the thread that asks, any other
 *   by its lane or its puller, between two crossings.
 * - Inside goes only what must: the callback and a copy of the rest. Digests
 *   and the signature are made by the thread that asked. */

/* -- the list ------------------------------------------------------------- */

static lares_status save_push(lares_daemon *daemon, struct lares__wanted *save)
{
    lares_node *node = daemon->node;
    struct lares__wanted **place = &daemon->saves;
    lares_status rc = LARES_OK;

    lares__mutex_lock(&node->directory.lock);
    while (*place != NULL)
        place = &(*place)->next;
    if (atomic_load(&daemon->closed)) {
        rc = lares__daemon_gone(daemon);
    } else {
        *place = save;
        atomic_fetch_add(&daemon->wanted, 1);
        lares__daemon_poke(daemon); /* under the lock: its lane lives */
    }
    lares__mutex_unlock(&node->directory.lock);
    return rc;
}

/* the oldest whose caller still waits, or NULL */
static struct lares__wanted *save_pop(lares_daemon *daemon)
{
    struct lares__wanted *save = NULL;

    if (atomic_load(&daemon->wanted) == 0)
        return NULL;
    lares__mutex_lock(&daemon->node->directory.lock);
    while (daemon->saves != NULL && save == NULL) {
        save = daemon->saves;
        daemon->saves = save->next;
        atomic_fetch_sub(&daemon->wanted, 1);
        if (lares__wanted_cancelled(save)) {
            lares__wanted_release(save);
            save = NULL;
        }
    }
    lares__mutex_unlock(&daemon->node->directory.lock);
    return save;
}

void lares__saves_end(lares_daemon *daemon)
{
    struct lares__wanted *save;

    while ((save = save_pop(daemon)) != NULL ||
           (save = lares__last_claim(daemon)) != NULL)
        lares__wanted_answer(save, lares__daemon_gone(daemon), NULL);
}

/* -- inside --------------------------------------------------------------- */

/* the ledger changes under the directory's lock */
static lares_status portrait_take(lares_daemon *daemon,
                                  struct lares__portrait *portrait)
{
    lares_status rc;

    lares__mutex_lock(&daemon->node->directory.lock);
    rc = lares__portrait_take(portrait, &daemon->host,
                              lares__node_wall(daemon->node),
                              lares__node_now(daemon->node));
    lares__mutex_unlock(&daemon->node->directory.lock);
    return rc;
}

lares_status lares__save_take(lares_daemon *daemon,
                              struct lares__runner *runner, lares_bytes **out)
{
    struct lares__portrait portrait;
    lares_status rc = portrait_take(daemon, &portrait);

    if (rc == LARES_OK)
        rc = lares__host_snapshot(&daemon->host, &runner->call, &portrait,
                                  lares__node_wall(daemon->node),
                                  &daemon->node->clock, out);
    lares__portrait_fini(&portrait);
    atomic_store(&daemon->known, 1);
    return rc;
}

int lares__save_must_wait(const lares_daemon *daemon)
{
    return daemon->host.object != LARES__SOUND ||
           (daemon->pull != NULL && daemon->host.keep != NULL);
}

void lares__saves_serve(lares_daemon *daemon, struct lares__runner *runner)
{
    struct lares__wanted *save;

    for (;;) {
        lares_bytes *image = NULL;
        lares_status rc = lares__daemon_gate_check(daemon);

        if ((rc == LARES_OK && lares__save_must_wait(daemon)) ||
            (save = save_pop(daemon)) == NULL)
            return;
        if (rc == LARES_OK)
            rc = lares__save_take(daemon, runner, &image);
        lares__wanted_answer(save, rc, image);
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
    if (lares__host_snapshot(host, &runner->call, NULL,
                             lares__node_wall(daemon->node),
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
    if (pulled->save == NULL && lares__last_for_puller(daemon)) {
        pulled->save = lares__last_claim(daemon);
        if (pulled->save != NULL)
            atomic_store(&daemon->grace, 0); /* nothing comes behind it */
    }
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
            lares__wanted_answer(pulled->save, rc, NULL);
            continue;
        }
        pulled->began = lares__node_now(daemon->node);
        lares__host_snapshot_offer(&daemon->host, call,
                                   pulled->save != NULL ? &pulled->portrait
                                                        : NULL,
                                   lares__node_wall(daemon->node));
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
    if (pulled->save != NULL) {
        atomic_store(&daemon->known, 1);
        lares__wanted_answer(pulled->save, rc, image);
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

    if (rc == LARES_OK)
        rc = lares__pull_wait_check(daemon, "snapshot", "of");
    if (rc < 0)
        return rc;
    if (atomic_load(&daemon->stopping))
        return lares__daemon_gone(daemon);
    return LARES_OK;
}

/* inside; EBUSY: its lane must first make it sound */
static lares_status save_inside(lares_daemon *daemon, lares_bytes **out)
{
    lares_node *node = daemon->node;
    struct lares__runner *runner;
    lares_status rc = lares__daemon_gate_check(daemon);

    if (rc == LARES_OK &&
        (daemon->host.object != LARES__SOUND || atomic_load(&daemon->stopping)))
        rc = LARES_EBUSY;
    if (rc < 0)
        return rc;
    runner = lares__runner_take(node);
    if (runner == NULL)
        return LARES_ENOMEM;
    runner->call.cut = NULL;
    rc = lares__save_take(daemon, runner, out);
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

/* nobody waits for it any more */
static void save_withdraw(lares_daemon *daemon, struct lares__wanted *save)
{
    struct lares__wanted **place = &daemon->saves;

    lares__mutex_lock(&daemon->node->directory.lock);
    while (*place != NULL && *place != save)
        place = &(*place)->next;
    if (*place == save) {
        *place = save->next;
        atomic_fetch_sub(&daemon->wanted, 1);
        lares__wanted_release(save); /* the list's */
    }
    lares__mutex_unlock(&daemon->node->directory.lock);
}

static lares_status save_queued(lares_daemon *daemon, int64_t timeout_ms,
                                lares_bytes **out)
{
    lares_node *node = daemon->node;
    uint64_t deadline = lares__node_deadline(node, timeout_ms);
    struct lares__wanted *save = lares__wanted_new(node);
    lares_status rc;

    if (save == NULL)
        return LARES_ENOMEM;
    rc = save_push(daemon, save);
    if (rc < 0) {
        lares__wanted_release(save); /* the list's: there is none */
        lares__wanted_release(save);
        return rc;
    }
    rc = lares__wanted_await(save, deadline, out);
    if (rc == LARES_ETIMEDOUT) {
        save_withdraw(daemon, save);
        rc = lares__error(rc, "daemon '%s' was busy all the time",
                          daemon->host.name);
    }
    lares__wanted_release(save);
    return rc;
}

lares_status lares__save_seal(const lares_daemon *daemon, lares_bytes **inout)
{
    lares_bytes *image = *inout;
    lares_status rc =
        lares__image_seal(image->data, image->len, daemon->host.key);

    if (rc == LARES_OK)
        return LARES_OK;
    lares__bytes_free(image);
    *inout = NULL;
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
    if (rc == LARES_OK)
        rc = lares__save_seal(daemon, &image);
    if (rc == LARES_OK)
        *out = image;
    return rc;
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
