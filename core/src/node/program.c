#include "node/program.h"

#include "base/alloc.h"
#include "base/error.h"
#include "daemon/name.h"
#include "identity/key.h"
#include "node/alarm.h"
#include "node/pull.h"
#include "node/repair.h"
#include "node/wait.h"

#include <string.h>

/* Design notes
 * - The program lock is held from the look through queueing, so the order of
 *   the node chain is the order in each mailbox. It is never held while a
 *   thread waits or foreign code runs.
 * - A large payload is copied before the lock; a small one under it, into a
 *   block of the cache that the lock guards.
 * - deliver enters a free daemon without going through its lane, if nothing
 *   was let in before: under the lock, so nothing can come between. */

enum {
    COPY_UNDER_LOCK = 4096
};

/* one event of a program, on its way */
struct message {
    lares_node *node;
    struct lares__address address;
    const void *data;
    size_t len;
    struct lares__envelope *event; /* a large one, copied already */
    struct lares__reply *reply;    /* of a deliver */
};

lares_status lares__program_init(lares_node *node)
{
    struct lares__program *program = &node->program;
    uint8_t seed[LARES__KEY_LEN];
    lares_status rc;

    rc = node->io->ops->entropy(node->io, seed, sizeof seed);
    if (rc == LARES_OK)
        rc = lares__key_from_seed(seed, &program->key);
    explicit_bzero(seed, sizeof seed);
    if (rc < 0)
        return rc;
    rc = lares__publisher_init(&program->publisher, &node->bus,
                               node->lanes_made);
    if (rc < 0) {
        lares__key_release(program->key);
        program->key = NULL;
        return rc;
    }
    lares__head_genesis(&program->head, lares__key_origin(program->key));
    return LARES_OK;
}

void lares__program_fini(lares_node *node)
{
    struct lares__program *program = &node->program;

    lares__latch_lock(&program->lock); /* somebody may be in a publish yet */
    if (program->key == NULL) {
        lares__latch_unlock(&program->lock);
        return;
    }
    while (program->idle != NULL) {
        struct lares__runner *runner = program->idle;

        program->idle = runner->next;
        lares__publisher_fini(&runner->publisher);
        lares__free(runner);
    }
    lares__publisher_fini(&program->publisher);
    lares__key_release(program->key);
    program->key = NULL;
    lares__latch_unlock(&program->lock);
}

/* -- messages ------------------------------------------------------------- */

static struct lares__envelope *message_copy(const struct message *message,
                                            struct lares__pool_cache *cache)
{
    struct lares__envelope *event =
        lares__envelope_new(cache, message->len, message->address.channel,
                            message->address.channel_len);

    if (event == NULL)
        return NULL;
    if (message->len > 0)
        memcpy(event->data, message->data, message->len);
    event->direct = message->address.to != NULL;
    event->received_at = lares__node_wall(message->node);
    return event;
}

static lares_status message_prepare(struct message *message)
{
    if (message->len <= COPY_UNDER_LOCK || message->event != NULL)
        return LARES_OK; /* a deliver that could not enter has copied it */
    message->event = message_copy(message, NULL);
    return message->event != NULL ? LARES_OK : LARES_ENOMEM;
}

static void message_fini(struct message *message)
{
    if (message->event != NULL)
        lares__envelope_release(message->event, NULL);
    message->event = NULL; /* whoever sent it may end it, too */
}

/* the event in a block of its own, to be linked; the caller holds the lock */
static lares_status message_event_locked(struct message *message,
                                         struct lares__envelope **out)
{
    struct lares__program *program = &message->node->program;
    struct lares__envelope *event = message->event;
    lares_status rc = lares__head_room(&program->head, 1);

    if (rc < 0)
        return rc;
    if (event == NULL)
        event = message_copy(message, &program->publisher.pool);
    if (event == NULL)
        return LARES_ENOMEM;
    message->event = NULL;
    *out = event;
    return LARES_OK;
}

/* hot path: one attempt; EAGAIN, and a reference to who has no space */
static lares_status message_try(struct message *message,
                                struct lares__receiver **full_out)
{
    struct lares__program *program = &message->node->program;
    struct lares__receiver *full = NULL;
    struct lares__envelope *event = NULL;
    lares_status rc;

    lares__latch_lock(&program->lock);
    rc = lares__node_ready(message->node);
    if (rc == LARES_OK)
        rc = message_event_locked(message, &event);
    if (rc < 0)
        goto out;
    rc = lares__publish_reserve(&program->publisher, &message->address,
                                message->len, &full);
    if (rc < 0) {
        if (full != NULL)
            lares__receiver_retain(full);
        *full_out = full;
        message->event = event; /* for the next attempt */
        goto out;
    }
    if (program->publisher.chosen_count == 0)
        program->none++;
    program->ok++;
    program->bytes += message->len;
    lares__envelope_link(event, &program->head, 0);
    lares__publish_queue(&program->publisher, event, message->reply);
    lares__publish_flush(&program->publisher);
out:
    lares__latch_unlock(&program->lock);
    return rc;
}

/* -- waiting for space ---------------------------------------------------- */

struct space_waiter {
    struct lares__waiter waiter; /* first */
    lares_node *node;
    atomic_int woken;
};

static void space_woken(struct lares__waiter *waiter)
{
    struct space_waiter *space = (struct space_waiter *)waiter;

    atomic_store(&space->woken, 1);
    lares__node_notify(space->node);
}

static int space_ready(void *context)
{
    const struct space_waiter *space = context;

    return atomic_load(&space->woken) ||
           !lares__node_is(space->node, LARES__NODE_READY);
}

static lares_status no_space(lares_node *node,
                             const struct lares__receiver *full,
                             lares_status code)
{
    lares__latch_lock(&node->program.lock);
    if (code == LARES_ETIMEDOUT)
        node->program.timeout++;
    else
        node->program.refused++;
    lares__latch_unlock(&node->program.lock);
    return lares__error(code, "'%s' has no space", full->name);
}

/* in the line of `full`, until it goes through or the time is over */
static lares_status message_wait(struct message *message,
                                 struct lares__receiver *full,
                                 uint64_t deadline)
{
    lares_node *node = message->node;
    struct space_waiter space = {.waiter = {.wake = space_woken}, .node = node};
    lares_status rc;

    for (;;) {
        struct lares__receiver *next = NULL;

        if (space.waiter.at != full) {
            lares__bus_leave(&node->bus, &space.waiter);
            lares__bus_wait(&node->bus, full, &space.waiter);
        }
        atomic_store(&space.woken, 0);
        message->address.first =
            lares__bus_is_first(&node->bus, &space.waiter) ? full : NULL;
        rc = message_try(message, &next);
        if (rc != LARES_EAGAIN)
            break;
        if (next == full)
            rc = lares__node_await(node, space_ready, &space, deadline);
        if (rc == LARES_ETIMEDOUT) {
            (void)no_space(node, full, LARES_ETIMEDOUT);
            lares__receiver_release(next);
            break;
        }
        lares__receiver_release(full);
        full = next;
    }
    lares__bus_leave(&node->bus, &space.waiter);
    lares__receiver_release(full);
    return rc;
}

static lares_status message_send(struct message *message, int64_t timeout_ms)
{
    struct lares__receiver *full = NULL;
    lares_status rc = message_prepare(message);

    if (rc == LARES_OK)
        rc = message_try(message, &full);
    if (rc == LARES_EAGAIN && full != NULL) {
        int inside = lares__call_current() != NULL;

        if (timeout_ms != 0 && !inside)
            rc = message_wait(message, full,
                              lares__node_deadline(message->node, timeout_ms));
        else {
            rc = no_space(message->node, full,
                          timeout_ms == 0 ? LARES_EAGAIN : LARES_EDEADLK);
            lares__receiver_release(full);
        }
    }
    message_fini(message);
    return rc;
}

/* Hot path: to `to`, or to the only receiver of the channel of last time, if it
 * has space. 0: it is not so, and nothing has happened. */
static int publish_at_once(lares_node *node, struct lares__receiver *to,
                           const char *channel, const void *data, size_t len)
{
    struct lares__program *program = &node->program;
    struct lares__receiver *receiver = to;
    struct lares__envelope *event;
    size_t channel_len = 0;
    int done = 0;

    if (len > COPY_UNDER_LOCK)
        return 0;
    lares__latch_lock(&program->lock);
    if (!lares__node_is(node, LARES__NODE_READY) ||
        lares__head_room(&program->head, 1) < 0)
        goto out;
    if (receiver == NULL)
        receiver =
            lares__publish_sole(&program->publisher, channel, &channel_len);
    if (receiver == NULL)
        goto out;
    event = lares__envelope_new(&program->publisher.pool, len, channel,
                                channel_len);
    if (event == NULL)
        goto out;
    if (lares__receiver_reserve(receiver, 1, lares__cost(len), 0) !=
        LARES__ROOM) {
        lares__envelope_release(event, &program->publisher.pool);
        goto out;
    }
    if (len > 0)
        memcpy(event->data, data, len);
    event->direct = to != NULL;
    event->received_at = lares__node_wall(node);
    lares__envelope_link(event, &program->head, 0);
    lares__publish_post(receiver, event, NULL);
    program->ok++;
    program->bytes += len;
    done = 1;
out:
    lares__latch_unlock(&program->lock);
    return done;
}

lares_status lares__node_publish(lares_node *node, const char *channel,
                                 const void *data, size_t len,
                                 int64_t timeout_ms)
{
    struct message message;
    lares_status rc;

    if (publish_at_once(node, NULL, channel, data, len))
        return LARES_OK;
    message = (struct message){.node = node,
                               .address = {.channel = channel},
                               .data = data,
                               .len = len};
    rc = lares__channel_check(channel, &message.address.channel_len);
    if (rc < 0)
        return rc;
    if (lares__channel_reserved(channel))
        return lares__error(LARES_EDENIED,
                            "channel '%s' is reserved by its '$'", channel);
    return message_send(&message, timeout_ms);
}

lares_status lares__daemon_send(lares_daemon *daemon, const void *data,
                                size_t len, int64_t timeout_ms)
{
    struct message message;

    if (publish_at_once(daemon->node, &daemon->receiver, NULL, data, len))
        return LARES_OK;
    message = (struct message){.node = daemon->node,
                               .address = {.to = &daemon->receiver},
                               .data = data,
                               .len = len};
    return message_send(&message, timeout_ms);
}

/* -- deliver -------------------------------------------------------------- */

static struct lares__runner *runner_new(lares_node *node)
{
    struct lares__runner *runner = lares__calloc(1, sizeof *runner);

    if (runner == NULL)
        return NULL;
    if (lares__publisher_init(&runner->publisher, &node->bus,
                              node->lanes_made) < 0) {
        lares__free(runner);
        return NULL;
    }
    runner->call.cache = &runner->publisher.pool;
    return runner;
}

/* lanes: an idle runner, or a new one; without: the one lane's, to be driven */
static struct lares__runner *runner_take_locked(lares_node *node)
{
    struct lares__runner *runner = node->program.idle;

    if (node->lane_count == 0)
        return &node->lanes[0].runner;
    if (runner == NULL)
        return runner_new(node);
    node->program.idle = runner->next;
    return runner;
}

struct lares__runner *lares__runner_take(lares_node *node)
{
    struct lares__runner *runner;

    lares__latch_lock(&node->program.lock);
    runner = runner_take_locked(node);
    lares__latch_unlock(&node->program.lock);
    return runner;
}

void lares__runner_give(lares_node *node, struct lares__runner *runner)
{
    if (node->lane_count == 0)
        return;
    lares__latch_lock(&node->program.lock);
    runner->next = node->program.idle;
    node->program.idle = runner;
    lares__latch_unlock(&node->program.lock);
}

static void deliver_leave(lares_daemon *daemon)
{
    if (daemon->node->lane_count == 0)
        lares__daemon_leave_lane(daemon);
    else
        lares__daemon_leave(daemon);
}

/* Nothing is let in or parked, no timer has fired, and nobody is inside: now
 * this thread is. So the event needs no space. */
static int deliver_enter(lares_daemon *daemon)
{
    if (daemon->pull != NULL ||
        lares__receiver_level(&daemon->receiver).count > 0 ||
        !(daemon->node->lane_count == 0 ? lares__daemon_enter_driven(daemon)
                                        : lares__daemon_enter(daemon)))
        return 0;
    if (daemon->host.outbox.first == NULL &&
        daemon->host.object == LARES__SOUND &&
        lares__timers_firings(daemon->host.timers) == 0 &&
        (daemon->host.keep == NULL || !lares__keep_due(daemon->host.keep)) &&
        !atomic_load(&daemon->stopping) &&
        lares__host_reserve(&daemon->host, 1) == LARES_OK)
        return 1;
    deliver_leave(daemon);
    return 0;
}

/* Enters the daemon with the event of `message` in hand; EBUSY: not now. */
static lares_status deliver_begin(struct message *message, lares_daemon *daemon,
                                  struct lares__runner **runner_out,
                                  struct lares__envelope **event_out)
{
    lares_node *node = message->node;
    struct lares__program *program = &node->program;
    struct lares__runner *runner = NULL;
    lares_status rc = LARES_EBUSY;

    lares__latch_lock(&program->lock);
    if (!lares__node_is(node, LARES__NODE_READY) || !deliver_enter(daemon))
        goto out;
    runner = runner_take_locked(node);
    if (runner == NULL)
        rc = LARES_ENOMEM;
    else
        rc = message_event_locked(message, event_out);
    if (rc < 0) {
        deliver_leave(daemon);
        if (runner != NULL && node->lane_count > 0) {
            runner->next = program->idle;
            program->idle = runner;
        }
        goto out;
    }
    program->ok++;
    program->bytes += message->len;
    lares__envelope_link(*event_out, &program->head, 0);
    *runner_out = runner;
out:
    lares__latch_unlock(&program->lock);
    return rc;
}

/* the turn, on this thread */
static void deliver_cross(lares_daemon *daemon, struct lares__runner *runner,
                          struct lares__envelope *event,
                          struct lares__reply *reply)
{
    lares_node *node = daemon->node;
    struct lares__input *input = &event->input;
    struct lares__mailbox box = {input, input};
    struct lares__outcome outcome;

    *input =
        (struct lares__input){.event = event, .to = daemon, .reply = reply};
    runner->call.cut = NULL;
    lares__host_cross(&daemon->host, &runner->call, input, 1,
                      event->received_at, &node->clock, &outcome);
    lares__daemon_spent(daemon, event->received_at);
    lares__daemon_settle(daemon, runner, &runner->call, &box, &outcome);
    if (daemon->host.object != LARES__SOUND) /* before the caller goes on */
        lares__daemon_rebuild_now(daemon, runner);
    if (daemon->host.timers != NULL)
        lares__alarm_tell(daemon);
    lares__runner_give(node, runner); /* inside still: a stop waits for both */
    if (atomic_load_explicit(&daemon->parked, memory_order_relaxed) ||
        daemon->host.object != LARES__SOUND)
        lares__daemon_poke(daemon); /* it may have a gate to keep */
    deliver_leave(daemon);
}

static lares_status deliver_now(struct message *message, lares_daemon *daemon,
                                struct lares__reply *reply)
{
    struct lares__runner *runner = NULL;
    struct lares__envelope *event = NULL;
    lares_status rc;

    if (message->node->lane_count == 0 && !lares__node_drive(message->node))
        return LARES_EBUSY;
    rc = deliver_begin(message, daemon, &runner, &event);
    if (rc == LARES_OK)
        deliver_cross(daemon, runner, event, reply);
    if (message->node->lane_count == 0)
        lares__node_undrive(message->node);
    return rc;
}

struct answer {
    lares_node *node;
    struct lares__reply *reply;
};

/* Nobody answers any more once the node has stopped: the thread that was to
 * may have been abandoned. */
static int answer_ready(void *context)
{
    const struct answer *answer = context;

    return atomic_load(&answer->reply->state) == LARES__REPLY_DONE ||
           lares__node_is(answer->node, LARES__NODE_STOPPED);
}

/* The turn did not begin. If outputs of earlier ones stand before it, whoever
 * has no space for them is to blame. */
static lares_status deliver_late(lares_daemon *daemon, int64_t timeout_ms)
{
    lares_status code = timeout_ms == 0 ? LARES_EAGAIN : LARES_ETIMEDOUT;
    struct lares__bus *bus = &daemon->node->bus;

    lares__mutex_lock(&bus->lock);
    if (daemon->waiter.at != NULL)
        code = lares__error(code, "its outputs wait: '%s' has no space",
                            daemon->waiter.at->name);
    else
        code = lares__error(code, "the turn did not begin");
    lares__mutex_unlock(&bus->lock);
    return code;
}

/* by way of the mailbox: waits for space, then for the turn */
static lares_status deliver_queued(struct message *message,
                                   struct lares__reply *reply,
                                   int64_t timeout_ms)
{
    lares_node *node = message->node;
    uint64_t deadline = lares__node_deadline(node, timeout_ms);
    struct answer answer = {node, reply};
    int queued = LARES__REPLY_QUEUED;
    lares_status rc;

    message->reply = reply;
    rc = message_send(message, timeout_ms);
    if (rc < 0) {
        lares__reply_release(reply); /* the input's: there is none */
        return rc;
    }
    rc = lares__node_await(node, answer_ready, &answer, deadline);
    if (atomic_compare_exchange_strong(&reply->state, &queued,
                                       LARES__REPLY_CANCELLED))
        return rc == LARES_OK
                   ? lares__node_ready(node)
                   : deliver_late(lares__daemon_of(message->address.to),
                                  timeout_ms);
    if (queued == LARES__REPLY_DONE)
        return LARES_OK;
    return lares__error(LARES_EUNKNOWN, "the turn has begun, and not ended");
}

static lares_status deliver_check(lares_daemon *daemon)
{
    lares_status rc = lares__node_ready(daemon->node);

    if (rc == LARES_OK)
        rc = lares__pull_wait_check(daemon, "deliver", "to");
    if (rc < 0)
        return rc;
    if (atomic_load(&daemon->stopping))
        return lares__daemon_gone(daemon);
    return lares__daemon_gate_check(daemon);
}

static lares_status deliver_result(struct lares__reply *reply,
                                   lares_daemon *daemon, lares_events **out)
{
    if (reply->status < 0)
        return lares__error(reply->status, "%s: %s", daemon->host.name,
                            reply->text != NULL ? reply->text
                                                : "out of memory");
    if (out != NULL) {
        *out = reply->events;
        reply->events = NULL;
    }
    return LARES_OK;
}

static lares_status deliver(lares_daemon *daemon, const void *data, size_t len,
                            int64_t timeout_ms, lares_events **out)
{
    struct message message = {.node = daemon->node,
                              .address = {.to = &daemon->receiver},
                              .data = data,
                              .len = len};
    struct lares__reply now; /* mostly: the turn is over as we return */
    struct lares__reply *reply = &now;
    lares_status rc = deliver_check(daemon);

    if (rc == LARES_OK)
        rc = message_prepare(&message);
    if (rc < 0)
        return rc;
    lares__reply_init(&now, out != NULL);
    rc = deliver_now(&message, daemon, reply);
    if (rc == LARES_EBUSY) {
        reply = lares__reply_new(out != NULL);
        rc = reply != NULL ? deliver_queued(&message, reply, timeout_ms)
                           : LARES_ENOMEM;
    }
    message_fini(&message);
    if (rc == LARES_OK)
        rc = deliver_result(reply, daemon, out);
    if (reply == &now)
        lares__reply_fini(&now);
    else if (reply != NULL)
        lares__reply_release(reply);
    return rc;
}

/* the turn may drop the ticket, and end the daemon */
lares_status lares__daemon_deliver(lares_daemon *daemon, const void *data,
                                   size_t len, int64_t timeout_ms,
                                   lares_events **out)
{
    lares_status rc;

    lares__receiver_retain(&daemon->receiver);
    rc = deliver(daemon, data, len, timeout_ms, out);
    lares__receiver_release(&daemon->receiver);
    return rc;
}
