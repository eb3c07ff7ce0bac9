#include "node/daemon.h"

#include "base/alloc.h"
#include "base/error.h"
#include "daemon/name.h"
#include "node/directory.h"
#include "node/lane.h"
#include "node/pull.h"
#include "node/repair.h"
#include "node/retire.h"
#include "node/save.h"
#include "node/wait.h"

#include <string.h>

/* Design notes
 * - What foreign code or a publisher may destroy is reached again through the
 *   daemon, never through a pointer kept across a crossing.
 * - A closing daemon waits for what was let in: the level says how much, so
 *   nothing reaches a daemon that has ended.
 * - While it drains, the restart gate counts as open: what fails three times
 *   becomes a letter at once. */

/* -- inside --------------------------------------------------------------- */

int lares__daemon_enter(lares_daemon *daemon)
{
    int free = LARES__FREE;

    return atomic_compare_exchange_strong_explicit(
        &daemon->busy, &free, LARES__INSIDE, memory_order_acquire,
        memory_order_relaxed);
}

int lares__daemon_enter_driven(lares_daemon *daemon)
{
    if (atomic_load_explicit(&daemon->busy, memory_order_acquire) !=
        LARES__FREE)
        return 0;
    atomic_store_explicit(&daemon->busy, LARES__INSIDE, memory_order_relaxed);
    return 1;
}

int lares__daemon_enter_lane(lares_daemon *daemon)
{
    for (;;) {
        int inside = LARES__INSIDE;

        if (lares__daemon_enter(daemon))
            return 1;
        if (atomic_compare_exchange_strong(&daemon->busy, &inside,
                                           LARES__WANTED) ||
            inside == LARES__WANTED)
            return 0;
    }
}

void lares__daemon_leave(lares_daemon *daemon)
{
    if (atomic_exchange_explicit(&daemon->busy, LARES__FREE,
                                 memory_order_release) == LARES__WANTED)
        lares__daemon_poke(daemon);
}

void lares__daemon_leave_lane(lares_daemon *daemon)
{
    atomic_store_explicit(&daemon->busy, LARES__FREE, memory_order_release);
}

void lares__daemon_poke(lares_daemon *daemon)
{
    if (atomic_exchange(&daemon->poked, 1))
        return;
    lares__receiver_retain(&daemon->receiver);
    daemon->poke.flags = LARES__INPUT_POKE;
    daemon->poke.to = daemon;
    lares__queue_push(&lares__daemon_lane(daemon)->queue, &daemon->poke,
                      &daemon->poke);
    if (atomic_load(&daemon->node->state) == LARES__NODE_STOPPED &&
        (daemon->node->lane_count == 0 ||
         atomic_load(&lares__daemon_lane(daemon)->ended)))
        lares__lane_discard(
            lares__daemon_lane(daemon)); /* nobody takes it any more */
}

static void mailbox_append(struct lares__mailbox *box,
                           struct lares__input *input)
{
    input->next = NULL;
    if (box->first == NULL)
        box->first = input;
    else
        box->last->next = input;
    box->last = input;
}

void lares__daemon_append(lares_daemon *daemon, struct lares__input *input)
{
    struct lares__pull *pull = daemon->pull;

    if (pull == NULL) {
        mailbox_append(&daemon->mailbox, input);
        return;
    }
    lares__mutex_lock(&pull->lock);
    mailbox_append(&daemon->mailbox, input);
    atomic_fetch_add(&pull->waiting, 1);
    lares__mutex_unlock(&pull->lock);
    lares__node_notify(daemon->node);
}

void lares__daemon_wake_at(lares_daemon *daemon, uint64_t at)
{
    lares__lane_gate(lares__daemon_lane(daemon), &daemon->gate, at);
}

lares_status lares__daemon_gone(const lares_daemon *daemon)
{
    return lares__error(LARES_ECLOSED, "daemon '%s' has ended",
                        daemon->host.name);
}

/* -- failure -------------------------------------------------------------- */

static void keep_error(lares_daemon *daemon, const char *reason)
{
    char *text = lares__strdup(reason);

    if (text == NULL)
        return; /* the one before stands */
    lares__mutex_lock(&daemon->node->directory.lock);
    lares__free(daemon->error);
    daemon->error = text;
    lares__mutex_unlock(&daemon->node->directory.lock);
}

static void letter(lares_daemon *daemon, const struct lares__envelope *event,
                   uint32_t reason, const char *text)
{
    struct lares__letter facts = {
        .reason = reason,
        .time = lares__node_wall(daemon->node),
        .channel = lares__envelope_channel(event),
        .receiver = daemon->receiver.origin,
        .name = daemon->host.name,
        .origin = event->link.origin,
        .sequence = event->link.sequence,
        .data = event->data,
        .len = event->len,
        .text = text,
    };

    lares__letters_add(&daemon->node->bus.letters, &facts);
}

void lares__daemon_record(lares_daemon *daemon, enum lares__record_what what,
                          const char *text)
{
    lares__records_add(daemon->node, what, daemon->receiver.origin,
                       daemon->host.name, daemon->host.kind->name, text);
}

static enum lares__posture posture_now(const lares_daemon *daemon)
{
    const struct lares__restart *restart = &daemon->host.restart;

    if (!lares__restart_open(restart, lares__node_now(daemon->node)))
        return lares__restart_looping(restart) ? LARES__SICK : LARES__PAUSED;
    return daemon->host.object == LARES__SOUND ? LARES__RUNNING : LARES__PAUSED;
}

/* the policy has spoken: posture for publishers, and when to look again */
static void follow_policy(lares_daemon *daemon, const char *reason)
{
    enum lares__posture posture = posture_now(daemon);

    atomic_store(&daemon->receiver.posture, posture);
    if (daemon->host.restart.n <= 1)
        daemon->looped = 0; /* the first failure since the last success */
    if (posture == LARES__SICK) {
        if (!daemon->looped)
            lares__daemon_record(daemon, LARES__RECORD_LOOPING, reason);
        daemon->looped = 1;
        lares__bus_dissolve(&daemon->node->bus, &daemon->receiver);
    }
    if (daemon->host.restart.gate != 0)
        lares__daemon_wake_at(daemon, daemon->host.restart.gate);
}

/* A daemon that drains and blames no input would try for ever: it has as many
 * attempts as an input. */
static void count_vain(lares_daemon *daemon, int blameless)
{
    if (!blameless)
        daemon->vain = 0;
    else if (atomic_load(&daemon->stopping))
        daemon->vain++;
}

void lares__daemon_failed(lares_daemon *daemon, const char *reason)
{
    struct lares__host *host = &daemon->host;

    keep_error(daemon, reason);
    count_vain(daemon, 1);
    (void)lares__restart_failed(&host->restart, lares__node_now(daemon->node),
                                0);
    follow_policy(daemon, reason);
}

int lares__daemon_gate_open(const lares_daemon *daemon)
{
    const struct lares__restart *restart = &daemon->host.restart;

    return restart->gate == 0 || atomic_load(&daemon->stopping) ||
           lares__restart_open(restart, lares__node_now(daemon->node));
}

lares_status lares__daemon_gate_check(const lares_daemon *daemon)
{
    if (lares__daemon_gate_open(daemon))
        return LARES_OK;
    return lares__error(LARES_EDOWN, "daemon '%s' waits to try again",
                        daemon->host.name);
}

/* -- after a crossing ----------------------------------------------------- */

static void reply_failed(struct lares__reply *reply, lares_status status,
                         const char *text)
{
    reply->status = status;
    reply->text = lares__strdup(text);
}

/* a chain of the replies whose turns are over, answered last of all */
static void reply_chain(lares_daemon *daemon, struct lares__reply **chain,
                        struct lares__input *input)
{
    struct lares__reply *reply = input->reply;

    if (reply == NULL)
        return;
    input->reply = NULL;
    if (reply->local)
        return;
    if (input->flags & LARES__INPUT_HOLE) {
        lares__reply_release(reply); /* its caller has gone */
        return;
    }
    if (reply == daemon->refused)
        return; /* answered once the daemon is sound again */
    reply->next = *chain;
    *chain = reply;
}

void lares__daemon_answer(lares_daemon *daemon, struct lares__reply *reply)
{
    lares_node *node = daemon->node;

    if (reply == NULL)
        return;
    while (reply != NULL) {
        struct lares__reply *next = reply->next;

        atomic_store(&reply->state, LARES__REPLY_DONE);
        lares__reply_release(reply);
        reply = next;
    }
    lares__node_notify(node);
}

/* hot path: takes the settled inputs out of the box, and gives back space */
static struct lares__reply *settle_inputs(lares_daemon *daemon,
                                          struct lares__pool_cache *pool,
                                          struct lares__mailbox *box,
                                          const struct lares__outcome *outcome)
{
    struct lares__reply *replies = NULL;
    struct lares__input *input = box->first;
    uint32_t units = 0;
    uint32_t count = 0;

    while (input != outcome->rest) {
        struct lares__input *next = input->next;

        units += input->cost;
        count += input->cost > 0; /* a deliver in hand needed no space */
        if (input->reply != NULL)
            reply_chain(daemon, &replies, input);
        lares__host_retire(&daemon->host, input, pool);
        input = next;
    }
    box->first = outcome->rest;
    if (count > 0 && lares__receiver_settle(&daemon->receiver, count, units))
        lares__bus_room(&daemon->node->bus, &daemon->receiver);
    return replies;
}

/* Its caller waits until the daemon is rebuilt; of a pull kind that is up to
 * its puller. */
static void refuse(lares_daemon *daemon, struct lares__reply *reply,
                   const char *reason)
{
    reply_failed(reply, LARES_ECALLBACK, reason);
    if (!reply->local && daemon->pull == NULL &&
        daemon->host.object != LARES__SOUND)
        daemon->refused = reply;
}

static void settle_failure(lares_daemon *daemon, struct lares_call *call,
                           const struct lares__outcome *outcome)
{
    char reason[LARES__REASON_MAX];

    lares__call_reason(call, reason, sizeof reason);
    keep_error(daemon, reason);
    count_vain(daemon, call->in_hand == NULL && call->finished == 0);
    lares__daemon_record(daemon, LARES__RECORD_CRASHED, reason);
    if (outcome->refused)
        refuse(daemon, call->in_hand->reply, reason);
    if (outcome->given_up != NULL)
        letter(daemon, outcome->given_up->event, LARES__LETTER_FAILED, reason);
    follow_policy(daemon, reason);
}

void lares__daemon_posture(lares_daemon *daemon)
{
    if (atomic_load_explicit(&daemon->receiver.posture, memory_order_relaxed) !=
            LARES__RUNNING ||
        daemon->host.object != LARES__SOUND)
        atomic_store(&daemon->receiver.posture, posture_now(daemon));
}

void lares__daemon_settle(lares_daemon *daemon, struct lares__runner *runner,
                          struct lares_call *call, struct lares__mailbox *box,
                          const struct lares__outcome *outcome)
{
    struct lares__reply *replies;

    if (outcome->failed)
        settle_failure(daemon, call, outcome);
    else
        lares__daemon_posture(daemon);
    replies = settle_inputs(daemon, &runner->publisher.pool, box, outcome);
    if (daemon->host.outbox.first != NULL)
        (void)lares__daemon_hand_over(daemon, runner);
    lares__call_fini(call);
    lares__daemon_answer(daemon, replies);
}

/* -- outputs -------------------------------------------------------------- */

static void park(lares_daemon *daemon, struct lares__receiver *full)
{
    lares_node *node = daemon->node;

    if (full == NULL) { /* no memory: soon again, and in nobody's way */
        lares__bus_leave(&node->bus, &daemon->waiter);
        lares__daemon_wake_at(daemon, lares__node_now(node) + 1000000);
        return;
    }
    if (daemon->waiter.at != full)
        lares__bus_leave(&node->bus, &daemon->waiter);
    lares__bus_wait(&node->bus, full, &daemon->waiter);
}

/* one attempt; what is left stays in the outbox */
static struct lares__receiver *outbox_flush(lares_daemon *daemon,
                                            struct lares__runner *runner)
{
    struct lares__outbox *outbox = &daemon->host.outbox;
    struct lares__receiver *full = NULL;
    const struct lares__receiver *first_at = NULL;

    if (daemon->waiter.at != NULL &&
        lares__bus_is_first(&daemon->node->bus, &daemon->waiter))
        first_at = daemon->waiter.at;
    outbox->first = lares__publish_outputs(&runner->publisher, outbox->first,
                                           &daemon->receiver, first_at, &full);
    if (outbox->first == NULL)
        outbox->tail = &outbox->first;
    return full;
}

/* Parks in the line first and tries again, so that space made meanwhile is
 * seen; the waker pokes the lane. */
int lares__daemon_hand_over(lares_daemon *daemon, struct lares__runner *runner)
{
    struct lares__outbox *outbox = &daemon->host.outbox;
    struct lares__receiver *full;

    while (outbox->first != NULL) {
        int waits;

        full = outbox_flush(daemon, runner);
        if (outbox->first == NULL)
            break;
        waits = daemon->waiter.at == full && full != NULL;
        park(daemon, full);
        if (waits || full == NULL) {
            atomic_store(&daemon->parked, 1);
            return 0;
        }
    }
    if (daemon->waiter.at != NULL)
        lares__bus_leave(&daemon->node->bus, &daemon->waiter);
    if (atomic_load_explicit(&daemon->parked, memory_order_relaxed)) {
        atomic_store(&daemon->parked, 0);
        lares__node_notify(daemon->node); /* its puller may go on */
    }
    return 1;
}

/* -- subscriptions -------------------------------------------------------- */

static lares_status entry_check(const char *pattern, const char *group)
{
    lares_status rc = lares__pattern_check(pattern);

    if (rc == LARES_OK && group != NULL)
        rc = lares__group_check(group);
    return rc;
}

static int ledger_has(const struct lares__ledger *ledger, const char *pattern,
                      const char *group)
{
    for (uint32_t i = 0; i < lares__ledger_count(ledger); i++) {
        const struct lares__ledger_entry *entry = lares__ledger_at(ledger, i);

        if (strcmp(entry->pattern, pattern) == 0 &&
            strcmp(entry->group, group == NULL ? "" : group) == 0)
            return 1;
    }
    return 0;
}

/* the bus first, the ledger only on success; both under the directory's lock,
 * so that two callers cannot come between each other */
static lares_status subscribe_locked(lares_daemon *daemon, const char *pattern,
                                     const char *group)
{
    struct lares__ledger *ledger = &daemon->host.ledger;
    lares_status rc = LARES_OK;

    if (atomic_load(&daemon->stopping))
        return lares__daemon_gone(daemon);
    if (ledger_has(ledger, pattern, group))
        return LARES_OK;
    if (daemon->subscribed)
        rc = lares__bus_subscribe(&daemon->node->bus, pattern, group,
                                  &daemon->receiver);
    if (rc < 0)
        return rc;
    rc = lares__ledger_add(ledger, pattern, group);
    if (rc < 0 && daemon->subscribed)
        lares__bus_unsubscribe(&daemon->node->bus, pattern, group,
                               &daemon->receiver);
    return rc;
}

lares_status lares__daemon_subscribe(lares_daemon *daemon, const char *pattern,
                                     const char *group)
{
    lares_status rc = entry_check(pattern, group);

    if (rc < 0)
        return rc;
    lares__mutex_lock(&daemon->node->directory.lock);
    rc = subscribe_locked(daemon, pattern, group);
    lares__mutex_unlock(&daemon->node->directory.lock);
    return rc;
}

static const char *entry_group(const struct lares__ledger_entry *entry)
{
    return *entry->group != '\0' ? entry->group : NULL;
}

/* The failing entry is the first that stands in the ledger alone. */
static lares_status resubscribe_locked(lares_daemon *daemon)
{
    const struct lares__ledger *ledger = &daemon->host.ledger;
    lares_status rc = LARES_OK;
    uint32_t count = 0;

    if (atomic_load(&daemon->stopping))
        return lares__daemon_gone(daemon);
    while (rc == LARES_OK && count < lares__ledger_count(ledger)) {
        const struct lares__ledger_entry *entry =
            lares__ledger_at(ledger, count);

        rc = lares__bus_subscribe(&daemon->node->bus, entry->pattern,
                                  entry_group(entry), &daemon->receiver);
        count += rc == LARES_OK;
    }
    while (rc < 0 && count > 0) {
        const struct lares__ledger_entry *entry =
            lares__ledger_at(ledger, --count);

        lares__bus_unsubscribe(&daemon->node->bus, entry->pattern,
                               entry_group(entry), &daemon->receiver);
    }
    return rc;
}

lares_status lares__daemon_resubscribe(lares_daemon *daemon)
{
    lares_status rc;

    lares__mutex_lock(&daemon->node->directory.lock);
    rc = resubscribe_locked(daemon);
    daemon->subscribed = rc == LARES_OK;
    lares__mutex_unlock(&daemon->node->directory.lock);
    return rc;
}

lares_status lares__daemon_unsubscribe(lares_daemon *daemon,
                                       const char *pattern, const char *group)
{
    lares_status rc = entry_check(pattern, group);

    if (rc < 0)
        return rc;
    lares__mutex_lock(&daemon->node->directory.lock);
    if (atomic_load(&daemon->stopping)) {
        rc = lares__daemon_gone(daemon);
    } else if (ledger_has(&daemon->host.ledger, pattern, group)) {
        if (daemon->subscribed)
            lares__bus_unsubscribe(&daemon->node->bus, pattern, group,
                                   &daemon->receiver);
        lares__ledger_remove(&daemon->host.ledger, pattern, group);
    }
    lares__mutex_unlock(&daemon->node->directory.lock);
    return rc;
}

/* the bus forgets the daemon; its ledger stays as it is */
static void withdraw(lares_daemon *daemon)
{
    const struct lares__ledger *ledger = &daemon->host.ledger;

    for (uint32_t i = 0; daemon->subscribed && i < lares__ledger_count(ledger);
         i++) {
        const struct lares__ledger_entry *entry = lares__ledger_at(ledger, i);

        lares__bus_unsubscribe(&daemon->node->bus, entry->pattern,
                               entry_group(entry), &daemon->receiver);
    }
}

/* -- the end -------------------------------------------------------------- */

void lares__daemon_begin_stop(lares_daemon *daemon, uint64_t deadline)
{
    lares_node *node = daemon->node;
    int first;

    lares__mutex_lock(&node->directory.lock);
    first = !atomic_load(&daemon->stopping);
    if (first) {
        lares__receiver_close(&daemon->receiver);
        atomic_store(&daemon->grace, deadline);
        atomic_store(&daemon->stopping, 1);
        withdraw(daemon);
    } else if (deadline < atomic_load(&daemon->grace)) {
        atomic_store(&daemon->grace, deadline);
    }
    if (!atomic_load(&daemon->closed))
        lares__daemon_poke(daemon); /* under the lock: its lane lives */
    lares__mutex_unlock(&node->directory.lock);
    if (first)
        lares__bus_dissolve(&node->bus, &daemon->receiver);
    lares__lane_cut(lares__daemon_lane(daemon), daemon);
}

static void mailbox_abandon(lares_daemon *daemon, struct lares__runner *runner)
{
    struct lares__outcome all = {0};
    struct lares__reply *replies;

    for (struct lares__input *input = daemon->mailbox.first; input != NULL;
         input = input->next) {
        if (input->reply != NULL)
            reply_failed(input->reply, LARES_ECLOSED,
                         "the daemon ended before the turn");
        else if (!(input->flags & LARES__INPUT_FIRING)) /* it ends with it */
            letter(daemon, input->event, LARES__LETTER_CLOSED,
                   "queued as the daemon ended");
    }
    replies =
        settle_inputs(daemon, &runner->publisher.pool, &daemon->mailbox, &all);
    lares__daemon_answer(daemon, replies);
}

/* saved: they are in an image, and go out from there. So are those of a daemon
 * that was never activated. */
static void outbox_abandon(lares_daemon *daemon, struct lares__runner *runner,
                           int saved)
{
    struct lares__outbox *outbox = &daemon->host.outbox;

    if (daemon->waiter.at != NULL)
        lares__bus_leave(&daemon->node->bus, &daemon->waiter);
    while (outbox->first != NULL) {
        struct lares__envelope *output = outbox->first;

        outbox->first = output->next;
        if (!saved && lares__daemon_epoch(daemon) > 0)
            letter(daemon, output, LARES__LETTER_CLOSED,
                   "parked as the daemon ended");
        lares__envelope_release(output, &runner->publisher.pool);
    }
    outbox->tail = &outbox->first;
}

/* what it was made of, but for what a ticket still shows */
static void daemon_strip(lares_daemon *daemon, struct lares__runner *runner)
{
    struct lares__host *host = &daemon->host;

    lares__host_destroy(host, &runner->call);
    lares__horizon_fini(&host->horizon); /* a ticket may stay long */
    lares__keep_free(host->keep, &runner->publisher.pool);
    host->keep = NULL;
    lares__timers_free(host->timers);
    host->timers = NULL;
}

static void daemon_close(lares_daemon *daemon, struct lares__runner *runner)
{
    lares_node *node = daemon->node;
    int saved = lares__last_take(daemon, runner);

    mailbox_abandon(daemon, runner);
    outbox_abandon(daemon, runner, saved);
    lares__daemon_answer_refused(daemon);
    lares__daemon_wake_at(daemon, UINT64_MAX);
    lares__lane_unschedule(lares__daemon_lane(daemon), daemon);
    daemon_strip(daemon, runner);
    lares__daemon_record(daemon, LARES__RECORD_UNREGISTERED, "");
    lares__receiver_retain(&daemon->receiver);
    lares__directory_remove(node, daemon); /* its reference was the list's */
    lares__saves_end(daemon); /* now that nobody asks for another */
    lares__node_notify(node);
    lares__receiver_release(&daemon->receiver);
}

int lares__daemon_overdue(const lares_daemon *daemon)
{
    return atomic_load_explicit(&daemon->stopping, memory_order_acquire) &&
           lares__node_now(daemon->node) >= atomic_load(&daemon->grace);
}

int lares__daemon_drain(lares_daemon *daemon, struct lares__runner *runner)
{
    struct lares__level level = lares__receiver_level(&daemon->receiver);
    int empty = level.count == 0 && daemon->mailbox.first == NULL &&
                daemon->host.outbox.first == NULL;
    int over = (empty && !lares__last_pending(daemon)) ||
               daemon->vain >= daemon->host.restart.attempts_max;

    if (!over && !lares__daemon_overdue(daemon)) {
        if (daemon->host.outbox.first == NULL || daemon->waiter.at != NULL)
            lares__daemon_wake_at(daemon, atomic_load(&daemon->grace));
        return 0; /* parked in no line: its gate is nearer */
    }
    for (struct lares__input *i = daemon->mailbox.first; i != NULL; i = i->next)
        level.count -= i->cost > 0; /* a firing was not let in */
    if (level.count > 0) {          /* let in, and not here yet */
        lares__daemon_poke(daemon);
        return 0;
    }
    daemon_close(daemon, runner);
    return 1;
}

/* closed, or abandoned by its node */
static int daemon_ended(void *context)
{
    const lares_daemon *daemon = context;

    return atomic_load(&daemon->closed) ||
           lares__node_is(daemon->node, LARES__NODE_STOPPED);
}

static int daemon_await_end(lares_daemon *daemon, uint64_t deadline)
{
    (void)lares__node_await(daemon->node, daemon_ended, daemon, deadline);
    return atomic_load(&daemon->closed);
}

lares_status lares__daemon_stop(lares_daemon *daemon, int64_t grace_ms)
{
    uint64_t deadline = lares__node_deadline(daemon->node, grace_ms);
    lares_status rc = LARES_OK;

    if (atomic_load(&daemon->closed))
        return LARES_OK;
    lares__receiver_retain(&daemon->receiver); /* the instance's ticket ends */
    lares__daemon_begin_stop(daemon, deadline);
    deadline = lares__daemon_patience(deadline);
    /* its own stop: it ends after the turn under way */
    if (!lares__pull_is_inside(daemon) && !daemon_await_end(daemon, deadline))
        rc = lares__error(LARES_ETIMEDOUT,
                          "daemon '%s' is still inside a callback",
                          daemon->host.name);
    lares__receiver_release(&daemon->receiver);
    return rc;
}
