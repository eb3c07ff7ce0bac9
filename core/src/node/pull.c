#include "node/pull.h"

#include "base/alloc.h"
#include "base/error.h"
#include "node/lane.h"
#include "node/repair.h"
#include "node/retire.h"
#include "node/save.h"
#include "node/wait.h"

#include <pthread.h>
#include <string.h>

/* Design notes
 * - The puller is inside the daemon as long as its call is open, so it holds
 *   the host. The inputs offered are its own list; what is left of them goes
 *   back to the front of the mailbox when the call ends.
 * - The lease ends a call under its lock, so the puller's thread and the lane
 *   never use it together. The event in hand stays readable until `end`. */

struct lares__pulled {
    struct lares_call call;   /* first */
    struct lares__mutex lock; /* above all that settling takes */
    atomic_uint refs;         /* the puller's, and a lane's that looks */
    lares_daemon *daemon;
    struct lares__runner runner;
    /* guarded by lock */
    int settled;
    int stale;      /* settled, because its lease was over */
    uint64_t lease; /* monotonic ns */
    struct lares__mailbox box;
    struct lares__envelope *kept; /* the last event, as the lease ended */
    lares_bytes *state;           /* of a RESTORE, readable until `end` */
    struct lares__pulled_save save;
};

struct lares__pull *lares__pull_new(int stateful)
{
    struct lares__pull *pull = lares__calloc(1, sizeof *pull);

    if (pull == NULL)
        return NULL;
    lares__mutex_init(&pull->lock, LARES__FLOOR_PULLED);
    pull->stateful = stateful;
    return pull;
}

void lares__pull_free(struct lares__pull *pull)
{
    if (pull != NULL)
        lares__mutex_fini(&pull->lock);
    lares__free(pull);
}

static uint64_t this_thread(void)
{
    return (uint64_t)pthread_self();
}

/* does this thread hold the open call of the daemon? */
static int is_mine(const lares_daemon *daemon)
{
    return daemon->pull != NULL &&
           atomic_load(&daemon->pull->thread) == this_thread();
}

int lares__pull_is_inside(const lares_daemon *daemon)
{
    return lares__call_current() != NULL || is_mine(daemon);
}

lares_status lares__pull_wait_check(lares_daemon *daemon, const char *what,
                                    const char *of)
{
    if (lares__call_current() != NULL)
        return lares__error(LARES_EDEADLK, "%s inside a callback", what);
    if (is_mine(daemon))
        return lares__error(LARES_EDEADLK,
                            "%s %s '%s', whose call this thread holds", what,
                            of, daemon->host.name);
    return LARES_OK;
}

/* -- opening -------------------------------------------------------------- */

static struct lares__pulled *pulled_new(lares_daemon *daemon)
{
    lares_node *node = daemon->node;
    struct lares__pulled *pulled = lares__calloc(1, sizeof *pulled);

    if (pulled == NULL)
        return NULL;
    if (lares__publisher_init(&pulled->runner.publisher, &node->bus,
                              node->lanes_made) < 0) {
        lares__free(pulled);
        return NULL;
    }
    lares__mutex_init(&pulled->lock, LARES__FLOOR_PROGRAM);
    atomic_init(&pulled->refs, 1);
    pulled->daemon = daemon;
    pulled->call.pulled = pulled;
    pulled->call.cut = &daemon->stopping; /* it ends after the input in hand */
    pulled->call.cache = &pulled->runner.publisher.pool;
    lares__receiver_retain(&daemon->receiver);
    return pulled;
}

static void pulled_release(struct lares__pulled *pulled)
{
    if (atomic_fetch_sub(&pulled->refs, 1) != 1)
        return;
    if (pulled->kept != NULL)
        lares__envelope_release(pulled->kept, NULL);
    lares__bytes_free(pulled->state);
    lares__publisher_fini(&pulled->runner.publisher);
    lares__mutex_fini(&pulled->lock);
    lares__receiver_release(&pulled->daemon->receiver);
    lares__free(pulled);
}

/* up to a batch from the front of the mailbox, as a list of its own */
static uint32_t box_take(lares_daemon *daemon, struct lares__mailbox *out)
{
    struct lares__pull *pull = daemon->pull;
    struct lares__input *last;
    uint32_t count = 0;

    lares__mutex_lock(&pull->lock);
    last = daemon->mailbox.first;
    out->first = last;
    if (last != NULL)
        for (count = 1; count < daemon->host.batch && last->next != NULL;
             count++)
            last = last->next;
    if (last != NULL) {
        daemon->mailbox.first = last->next;
        last->next = NULL;
    }
    out->last = last;
    atomic_fetch_sub(&pull->waiting, count);
    lares__mutex_unlock(&pull->lock);
    return count;
}

/* what is left of a call's inputs, to the front again */
static void box_return(lares_daemon *daemon, struct lares__mailbox *box)
{
    struct lares__pull *pull = daemon->pull;
    uint32_t count = 1;

    if (box->first == NULL)
        return;
    lares__mutex_lock(&pull->lock);
    for (struct lares__input *i = box->first; i->next != NULL; i = i->next)
        count++;
    box->last->next = daemon->mailbox.first;
    if (daemon->mailbox.first == NULL)
        daemon->mailbox.last = box->last;
    daemon->mailbox.first = box->first;
    box->first = NULL;
    atomic_fetch_add(&pull->waiting, count);
    lares__mutex_unlock(&pull->lock);
}

static void settle_inputs(struct lares__pulled *pulled, lares_verdict verdict)
{
    lares_daemon *daemon = pulled->daemon;
    struct lares__outcome outcome;

    lares__daemon_spent(daemon, pulled->call.now);
    lares__host_settle(&daemon->host, &pulled->call, verdict,
                       &daemon->node->clock, &outcome);
    if (outcome.settled > 0 || outcome.failed)
        lares__daemon_settle(daemon, &pulled->runner, &pulled->call,
                             &pulled->box, &outcome);
    else
        lares__call_fini(&pulled->call);
    box_return(daemon, &pulled->box);
}

static void settle_rebuild(struct lares__pulled *pulled, lares_verdict verdict)
{
    lares_daemon *daemon = pulled->daemon;
    enum lares__rebuilt step =
        lares__host_rebuild_settle(&daemon->host, &pulled->call, verdict);

    (void)lares__daemon_rebuilt(daemon, &pulled->call, step);
}

/* settles, and leaves the daemon */
static void pulled_settle(struct lares__pulled *pulled, lares_verdict verdict)
{
    lares_daemon *daemon = pulled->daemon;

    pulled->settled = 1;
    switch (pulled->call.phase) {
    case LARES__PHASE_SNAPSHOT:
        lares__pulled_save_settle(daemon, &pulled->call, verdict,
                                  &pulled->save);
        break;
    case LARES__PHASE_RESTORE:
    case LARES__PHASE_REPLAY:
        settle_rebuild(pulled, verdict);
        break;
    default:
        settle_inputs(pulled, verdict);
        break;
    }
    lares__mutex_lock(&daemon->pull->lock);
    daemon->pull->open = NULL;
    lares__mutex_unlock(&daemon->pull->lock);
    atomic_store(&daemon->pull->thread, 0);
    lares__daemon_poke(daemon); /* it may be closing, or have a gate to keep */
    lares__daemon_leave(daemon);
    lares__node_notify(daemon->node);
}

/* 0: no input, or none of them is to be shown. One may have come after the look
 * that found none to save the daemon for: it waits for the next. */
static int offer_inputs(struct lares__pulled *pulled, uint64_t wall)
{
    lares_daemon *daemon = pulled->daemon;
    const struct lares__keep *keep = daemon->host.keep;
    uint32_t count = 0;

    pulled->box = (struct lares__mailbox){NULL, NULL};
    if (keep == NULL || !lares__keep_due(keep))
        count = box_take(daemon, &pulled->box);

    if (lares__host_offer(&daemon->host, &pulled->call, pulled->box.first,
                          count, wall))
        return 1;
    pulled->call.asked = 1;
    pulled_settle(pulled, LARES_DONE);
    return 0;
}

/* 0: no memory for the inputs of a replay */
static int offer_rebuild(struct lares__pulled *pulled, uint64_t wall)
{
    lares_daemon *daemon = pulled->daemon;
    lares_bytes *block = daemon->host.keep->checkpoint.block;

    lares__daemon_rebuild_begins(daemon);
    if (!lares__host_rebuild_offer(&daemon->host, &pulled->call, wall)) {
        pulled_settle(pulled, LARES_FAILED);
        return 0;
    }
    if (pulled->state == NULL)
        pulled->state = lares__bytes_retain(block);
    return 1;
}

/* Inside: a rebuild first, then a snapshot, then inputs; 0: nothing. */
static int pulled_offer(struct lares__pulled *pulled)
{
    lares_daemon *daemon = pulled->daemon;
    uint64_t wall = lares__node_wall(daemon->node);

    pulled->settled = 0; /* an earlier look may have found repeats only */
    if (daemon->host.object != LARES__SOUND)
        return offer_rebuild(pulled, wall);
    return lares__pulled_save_offer(daemon, &pulled->call, &pulled->save) ||
           offer_inputs(pulled, wall);
}

static int pulled_open(struct lares__pulled *pulled)
{
    lares_daemon *daemon = pulled->daemon;
    lares_node *node = daemon->node;
    uint64_t lease_ms = daemon->host.kind->lease_ms;

    if (!pulled_offer(pulled))
        return 0;
    pulled->lease = lares__node_now(node) + lease_ms * 1000000;
    lares__mutex_lock(&daemon->pull->lock);
    daemon->pull->open = pulled;
    lares__mutex_unlock(&daemon->pull->lock);
    atomic_store(&daemon->pull->thread, this_thread());
    lares__daemon_wake_at(daemon, pulled->lease);
    lares__daemon_poke(daemon); /* its lane sleeps no longer than the lease */
    return 1;
}

static int pull_closed(void *context)
{
    const lares_daemon *daemon = context;

    return atomic_load(&daemon->closed) ||
           lares__node_is(daemon->node, LARES__NODE_STOPPED);
}

/* is there an image to be taken that is up to a puller? */
static int save_waits(lares_daemon *daemon)
{
    return (daemon->pull->stateful && atomic_load(&daemon->wanted) > 0) ||
           lares__last_for_puller(daemon);
}

static int pull_ready(void *context)
{
    lares_daemon *daemon = context;

    if (pull_closed(context))
        return 1;
    return (atomic_load(&daemon->pull->waiting) > 0 || save_waits(daemon) ||
            atomic_load(&daemon->host.object) != LARES__SOUND) &&
           atomic_load(&daemon->busy) == LARES__FREE &&
           !atomic_load(&daemon->parked) && !lares__daemon_overdue(daemon);
}

/* Parked outputs go first, and the restart gate holds for pullers too: EAGAIN,
 * and when to look again, 0 for when told. */
static lares_status pull_enter(lares_daemon *daemon, uint64_t *gate_out)
{
    lares_status rc = LARES_EAGAIN;

    *gate_out = 0;
    if (!lares__daemon_enter(daemon))
        return rc;
    if (!lares__daemon_gate_open(daemon))
        *gate_out = daemon->host.restart.gate;
    else if (daemon->host.outbox.first == NULL &&
             !lares__daemon_overdue(daemon)) /* it may have become so */
        rc = lares__host_reserve(&daemon->host, daemon->host.batch);
    if (rc < 0)
        lares__daemon_leave(daemon);
    return rc;
}

/* in time, by a restart, or because the daemon drains */
static int gate_opened(void *context)
{
    return pull_closed(context) || lares__daemon_gate_open(context);
}

/* ETIMEDOUT: the gate has not opened */
static lares_status pull_gated(lares_daemon *daemon, uint64_t gate,
                               uint64_t deadline)
{
    lares_node *node = daemon->node;
    uint64_t until = gate < deadline ? gate : deadline;

    if (lares__node_await(node, gate_opened, daemon, until) == LARES_OK ||
        lares__node_now(node) >= gate)
        return LARES_OK;
    return LARES_ETIMEDOUT;
}

static lares_status pull_wait(lares_daemon *daemon,
                              struct lares__pulled *pulled, uint64_t deadline)
{
    lares_node *node = daemon->node;

    for (;;) {
        uint64_t gate;
        lares_status rc = lares__node_await(node, pull_ready, daemon, deadline);

        if (rc < 0)
            return rc;
        if (pull_closed(daemon))
            return lares__daemon_gone(daemon);
        rc = pull_enter(daemon, &gate);
        if (rc == LARES_OK && pulled_open(pulled))
            return LARES_OK;
        if (rc < 0 && rc != LARES_EAGAIN)
            return rc;
        if (gate != 0 && pull_gated(daemon, gate, deadline) < 0)
            return LARES_ETIMEDOUT;
        if (lares__node_now(node) >= deadline)
            return LARES_ETIMEDOUT;
    }
}

static lares_status pull_check(lares_daemon *daemon)
{
    struct lares__pull *pull = daemon->pull;
    int open;

    if (pull == NULL)
        return lares__error(LARES_EINVAL, "daemon '%s' is not of a pull kind",
                            daemon->host.name);
    if (lares__call_current() != NULL)
        return lares__error(LARES_EDEADLK, "pull inside a callback");
    lares__mutex_lock(&pull->lock);
    open = pull->open != NULL;
    lares__mutex_unlock(&pull->lock);
    if (open)
        return lares__error(LARES_EBUSY, "a call of daemon '%s' is open",
                            daemon->host.name);
    return LARES_OK;
}

lares_status lares__daemon_pull(lares_daemon *daemon, int64_t timeout_ms,
                                lares_call **out)
{
    struct lares__pulled *pulled;
    lares_status rc = pull_check(daemon);

    if (rc < 0)
        return rc;
    pulled = pulled_new(daemon);
    if (pulled == NULL)
        return LARES_ENOMEM;
    rc = pull_wait(daemon, pulled,
                   lares__node_deadline(daemon->node, timeout_ms));
    if (rc == LARES_OK)
        *out = &pulled->call;
    else
        pulled_release(pulled);
    return rc;
}

/* -- using and ending ----------------------------------------------------- */

int lares__pulled_lock(lares_call *call)
{
    struct lares__pulled *pulled = call->pulled;

    lares__mutex_lock(&pulled->lock);
    if (!pulled->stale) {
        atomic_store(&pulled->daemon->pull->thread, this_thread());
        return 1;
    }
    lares__mutex_unlock(&pulled->lock);
    return 0;
}

void lares__pulled_unlock(lares_call *call)
{
    lares__mutex_unlock(&call->pulled->lock);
}

/* Without lanes, of a node that was dropped while the call was open: nobody
 * else may come to run it. */
static void carry_out_stop(lares_node *node)
{
    if (node->lane_count == 0 && atomic_load(&node->dropped) &&
        lares__node_drive(node))
        lares__node_undrive(node);
}

lares_status lares__pulled_finish(lares_call *call, lares_verdict verdict)
{
    struct lares__pulled *pulled = call->pulled;
    lares_status rc = LARES_OK;

    if (verdict < LARES_FAILED || verdict > LARES_LOST)
        rc = lares__error(LARES_EINVAL, "%d is no verdict", (int)verdict);
    lares__mutex_lock(&pulled->lock);
    if (pulled->stale)
        rc = lares__error(LARES_ESTALE, "the lease of the call was over");
    else
        pulled_settle(pulled, verdict);
    lares__mutex_unlock(&pulled->lock);
    carry_out_stop(pulled->daemon->node);
    pulled_release(pulled);
    return rc;
}

/* also once `next` has answered NULL, and nothing is in hand any more */
static struct lares__envelope *last_shown(const struct lares_call *call)
{
    struct lares__envelope *last = NULL;

    for (struct lares__input *i = call->first; i != call->cursor; i = i->next)
        if (!(i->flags & (LARES__INPUT_HOLE | LARES__INPUT_REPEAT)))
            last = i->event;
    return last;
}

static void expire_locked(struct lares__pulled *pulled)
{
    pulled->kept = last_shown(&pulled->call);
    if (pulled->kept != NULL)
        lares__envelope_retain(pulled->kept, 1);
    lares__call_fail(&pulled->call, "the lease of the call was over");
    pulled->stale = 1;
    pulled_settle(pulled, LARES_FAILED);
}

void lares__pull_expire(lares_daemon *daemon)
{
    struct lares__pulled *pulled;

    lares__mutex_lock(&daemon->pull->lock);
    pulled = daemon->pull->open;
    if (pulled != NULL)
        atomic_fetch_add(&pulled->refs, 1);
    lares__mutex_unlock(&daemon->pull->lock);
    if (pulled == NULL)
        return;
    lares__mutex_lock(&pulled->lock);
    if (!pulled->settled && lares__node_now(daemon->node) >= pulled->lease)
        expire_locked(pulled);
    lares__mutex_unlock(&pulled->lock);
    pulled_release(pulled);
}
