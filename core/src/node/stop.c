#include "node/stop.h"

#include "node/admin.h"
#include "node/directory.h"
#include "node/inbox.h"
#include "node/lane.h"
#include "node/steward.h"
#include "node/wait.h"

/* Design notes
 * - Settled means: nobody is inside a daemon, nothing is queued, nothing is
 *   parked, seen twice with no crossing between. An output leaves its emitter
 *   before that one counts as outside, so it cannot hide between two looks.
 * - A thread that is still inside a callback a second after the deadline is
 *   abandoned, with its lane and its daemon: a leak beats a hang. */

static const uint64_t pause_min = 200000;         /* ns */
static const uint64_t pause_max = 10000000;       /* ns */
static const uint64_t patience = LARES__PATIENCE; /* beyond the deadline */
static const uint64_t farewell = 100000000; /* of it, for lanes to end in */

static lares_status daemon_settled(void *context, lares_daemon *daemon)
{
    (void)context;
    if (atomic_load(&daemon->receiver.posture) == LARES__SICK)
        return LARES_OK;
    if (atomic_load(&daemon->busy) != LARES__FREE ||
        atomic_load(&daemon->parked) ||
        lares__receiver_level(&daemon->receiver).count > 0)
        return LARES_EBUSY;
    return LARES_OK;
}

static unsigned long long crossings(const lares_node *node)
{
    unsigned long long sum = 0;

    for (uint32_t i = 0; i < node->lanes_made; i++)
        sum += atomic_load(&node->lanes[i].crossings);
    return sum + 1;
}

/* twice without work, and no crossing between the two looks */
static int settled(lares_node *node)
{
    struct lares__stopping *stop = &node->stopping;
    unsigned long long now = crossings(node);

    if (lares__directory_each(node, daemon_settled, NULL) < 0) {
        stop->crossings = 0;
        return 0;
    }
    if (stop->crossings == now)
        return 1;
    stop->crossings = now;
    stop->pause = 0; /* look again at once */
    return 0;
}

enum {
    SLICE = 256
};

struct batch {
    lares_daemon *items[SLICE];
    uint32_t count;
    uint64_t deadline;
};

/* those that do not know of this deadline yet, as many as fit */
static lares_status batch_add(void *context, lares_daemon *daemon)
{
    struct batch *batch = context;

    if (atomic_load(&daemon->stopping) &&
        atomic_load(&daemon->grace) <= batch->deadline)
        return LARES_OK;
    if (batch->count == SLICE)
        return LARES_ELIMIT;
    lares__receiver_retain(&daemon->receiver);
    batch->items[batch->count++] = daemon;
    return LARES_OK;
}

/* A daemon begins to stop under no lock, so they are listed first. */
static void stop_daemons(lares_node *node, uint64_t deadline)
{
    struct batch batch;

    do {
        batch.count = 0;
        batch.deadline = deadline;
        (void)lares__directory_each(node, batch_add, &batch);
        for (uint32_t i = 0; i < batch.count; i++) {
            lares__daemon_begin_stop(batch.items[i], deadline);
            lares__receiver_release(&batch.items[i]->receiver);
        }
    } while (batch.count == SLICE);
}

static int threads_ended(lares_node *node)
{
    for (uint32_t i = 0; i < node->lane_count; i++)
        if (!atomic_load(&node->lanes[i].ended))
            return 0;
    return lares__steward_ended(node);
}

static void threads_leave(lares_node *node)
{
    for (uint32_t i = 0; i < node->lane_count; i++) {
        if (atomic_load(&node->lanes[i].ended)) {
            lares__thread_join(&node->lanes[i].thread);
        } else {
            lares__thread_detach(&node->lanes[i].thread);
            node->stopping.abandoned++;
        }
    }
    node->stopping.abandoned += lares__steward_leave(node);
}

static void stopped(lares_node *node)
{
    threads_leave(node);
    node->stopping.abandoned += lares__admin_left(node);
    node->stopping.leftover = lares__directory_count(node);
    node->stopping.ended_at = lares__node_now(node);
    node->stopping.phase = LARES__STOP_NONE;
    lares__inboxes_end(node);
    if (lares__directory_idle(node))
        lares__node_emptied(node);
    atomic_store(&node->state, LARES__NODE_STOPPED);
    atomic_thread_fence(memory_order_seq_cst); /* a poke pushes, then looks */
    for (uint32_t i = 0; i < node->lanes_made; i++)
        if (node->lane_count == 0 || atomic_load(&node->lanes[i].ended))
            lares__lane_discard(&node->lanes[i]); /* a poke that came late */
    lares__node_notify(node);
}

/* so long after the deadline that nobody is waited for any more */
static int is_late(const lares_node *node, uint64_t deadline, uint64_t wait)
{
    return deadline != UINT64_MAX && lares__node_now(node) >= deadline + wait;
}

static int step_settle(lares_node *node, uint64_t deadline)
{
    if (lares__node_now(node) < deadline && !settled(node))
        return 0;
    stop_daemons(node, deadline);
    node->stopping.phase = LARES__STOP_DAEMONS;
    return 1;
}

static int step_daemons(lares_node *node, uint64_t deadline)
{
    if (!lares__directory_idle(node) &&
        !is_late(node, deadline, patience - farewell)) {
        stop_daemons(node, deadline); /* the grace may be shorter now */
        return 0;
    }
    for (uint32_t i = 0; i < node->lane_count; i++)
        lares__lane_quit(&node->lanes[i]);
    lares__steward_quit(node);
    node->stopping.phase = LARES__STOP_LANES;
    return 1;
}

static int step_lanes(lares_node *node, uint64_t deadline)
{
    int admin = lares__admin_left(node) > 0; /* asked first: it has a clock */

    if ((admin || !threads_ended(node)) && !is_late(node, deadline, patience))
        return 0;
    stopped(node);
    return 1;
}

int lares__stop_step(lares_node *node)
{
    struct lares__stopping *stop = &node->stopping;
    uint64_t deadline = atomic_load(&stop->deadline);
    int moved = 0;

    if (!atomic_load(&stop->asked) || lares__node_is(node, LARES__NODE_STOPPED))
        return 0;
    stop->pause = stop->pause == 0 ? pause_min : stop->pause * 2;
    if (stop->pause > pause_max)
        stop->pause = pause_max;
    switch (stop->phase) {
    case LARES__STOP_NONE:
        lares__admin_close(node);
        /* a publish that found the node ready has queued its event by now */
        lares__latch_lock(&node->program.lock);
        lares__latch_unlock(&node->program.lock);
        stop->phase = LARES__STOP_SETTLE;
        return 1;
    case LARES__STOP_SETTLE:
        moved = step_settle(node, deadline) || stop->pause == 0;
        break;
    case LARES__STOP_DAEMONS:
        moved = step_daemons(node, deadline);
        break;
    case LARES__STOP_LANES:
        moved = step_lanes(node, deadline);
        break;
    }
    if (moved)
        stop->pause = 0;
    return moved;
}

uint64_t lares__stop_due(lares_node *node)
{
    if (!atomic_load(&node->stopping.asked) ||
        lares__node_is(node, LARES__NODE_STOPPED))
        return UINT64_MAX;
    return lares__node_now(node) + node->stopping.pause;
}
