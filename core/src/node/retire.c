#include "node/retire.h"

#include "node/pull.h"
#include "node/repair.h"
#include "node/save.h"

#include <stdio.h>

/* Design notes
 * - The intake closes first and the image comes last, as the daemon closes, so
 *   all that was accepted is in it, and nothing that was not.
 * - What could not be handed over is part of the image, and no letter. */

/* stands where a last image was wanted that somebody takes now */
static struct lares__wanted claimed;

static lares_status last_set(lares_daemon *daemon, struct lares__wanted *last)
{
    lares_node *node = daemon->node;
    struct lares__wanted *none = NULL;
    lares_status rc = LARES_OK;

    lares__mutex_lock(&node->directory.lock);
    if (atomic_load(&daemon->closed))
        rc = lares__daemon_gone(daemon);
    else if (!atomic_compare_exchange_strong(&daemon->last, &none, last))
        rc = lares__error(LARES_EBUSY, "daemon '%s' is being retired",
                          daemon->host.name);
    lares__mutex_unlock(&node->directory.lock);
    return rc;
}

/* nobody waits for it any more, so another may ask */
static void last_withdraw(lares_daemon *daemon, struct lares__wanted *last)
{
    struct lares__wanted *mine = last;

    if (atomic_compare_exchange_strong(&daemon->last, &mine, NULL))
        lares__wanted_release(last);
}

int lares__last_wanted(const lares_daemon *daemon)
{
    const struct lares__wanted *last = atomic_load(&daemon->last);

    return last != NULL && last != &claimed;
}

struct lares__wanted *lares__last_claim(lares_daemon *daemon)
{
    struct lares__wanted *last = atomic_load(&daemon->last);

    if (last == NULL || last == &claimed ||
        !atomic_compare_exchange_strong(&daemon->last, &last, &claimed))
        return NULL;
    if (lares__wanted_begin(last))
        return last;
    lares__wanted_release(last);
    return NULL;
}

int lares__last_for_puller(lares_daemon *daemon)
{
    return daemon->pull->stateful && atomic_load(&daemon->stopping) &&
           lares__receiver_level(&daemon->receiver).count == 0 &&
           lares__last_wanted(daemon);
}

int lares__last_pending(const lares_daemon *daemon)
{
    return lares__last_wanted(daemon) && lares__save_must_wait(daemon);
}

static lares_status last_image(lares_daemon *daemon,
                               struct lares__runner *runner, lares_bytes **out)
{
    if (daemon->host.object != LARES__SOUND && daemon->pull == NULL)
        lares__daemon_rebuild_now(daemon, runner); /* its grace was too short */
    if (daemon->host.object != LARES__SOUND)
        return lares__error(LARES_EDOWN, "daemon '%s' could not be rebuilt",
                            daemon->host.name);
    if (daemon->pull != NULL && daemon->host.keep != NULL)
        return lares__error(LARES_EDOWN, "the puller of '%s' did not save it",
                            daemon->host.name);
    return lares__save_take(daemon, runner, out);
}

int lares__last_take(lares_daemon *daemon, struct lares__runner *runner)
{
    struct lares__wanted *last = lares__last_claim(daemon);
    lares_bytes *image = NULL;
    lares_status rc;

    if (last == NULL)
        return 0;
    rc = last_image(daemon, runner, &image);
    lares__wanted_answer(last, rc, image);
    return rc == LARES_OK;
}

static lares_status retire(lares_daemon *daemon, int64_t grace_ms,
                           struct lares__wanted *last, lares_bytes **out)
{
    uint64_t deadline = lares__node_deadline(daemon->node, grace_ms);
    char detail[LARES__ERROR_MAX + 1];
    lares_status rc;

    lares__daemon_begin_stop(daemon, deadline);
    rc = lares__wanted_await(last, lares__daemon_patience(deadline), out);
    if (rc == LARES_ETIMEDOUT) {
        last_withdraw(daemon, last);
        return lares__error(rc, "daemon '%s' is still inside a callback",
                            daemon->host.name);
    }
    (void)snprintf(detail, sizeof detail, "%s", lares__error_detail());
    (void)lares__daemon_stop(daemon, 0); /* it closes: waits until it has */
    return rc == LARES_OK ? LARES_OK : lares__error(rc, "%s", detail);
}

/* a callback may drop the ticket */
lares_status lares__daemon_retire(lares_daemon *daemon, int64_t grace_ms,
                                  lares_bytes **out)
{
    struct lares__wanted *last;
    lares_bytes *image = NULL;
    lares_status rc = lares__pull_wait_check(daemon, "retire", "of");

    if (rc < 0)
        return rc;
    last = lares__wanted_new(daemon->node);
    if (last == NULL)
        return LARES_ENOMEM;
    lares__receiver_retain(&daemon->receiver);
    rc = last_set(daemon, last);
    if (rc < 0)
        lares__wanted_release(last); /* the daemon's: it has none */
    else
        rc = retire(daemon, grace_ms, last, &image);
    if (rc == LARES_OK)
        rc = lares__save_seal(daemon, &image);
    if (rc == LARES_OK)
        *out = image;
    lares__wanted_release(last);
    lares__receiver_release(&daemon->receiver);
    return rc;
}
