#include "node/wait.h"

#include "node/lane.h"
#include "node/stop.h"
#include "node/tick.h"

/* Design notes
 * - A waiter announces itself, then looks; whoever brings something about
 *   does it, then looks for waiters: both with full fences, so one of the two
 *   sees the other.
 * - Without lanes a waiter that finds the node free becomes its driver. When
 *   it leaves, it wakes the others, and one of them goes on. */

void lares__node_notify(lares_node *node)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&node->waiters, memory_order_relaxed) == 0)
        return;
    lares__mutex_lock(&node->lot_lock);
    lares__cond_broadcast(&node->lot);
    lares__mutex_unlock(&node->lot_lock);
    if (node->lane_count == 0)
        node->io->ops->wake(node->io);
}

static lares_status lot_wait(lares_node *node, lares__ready_fn ready,
                             void *context, uint64_t deadline)
{
    lares_status rc = LARES_OK;

    lares__mutex_lock(&node->lot_lock);
    atomic_fetch_add(&node->waiters, 1);
    while (!ready(context) && rc == LARES_OK) {
        if (deadline == UINT64_MAX)
            lares__cond_wait(&node->lot, &node->lot_lock);
        else if (lares__cond_wait_until(&node->lot, &node->lot_lock, deadline))
            rc = ready(context) ? LARES_OK : LARES_ETIMEDOUT;
    }
    atomic_fetch_sub(&node->waiters, 1);
    lares__mutex_unlock(&node->lot_lock);
    return rc;
}

int lares__node_drive(lares_node *node)
{
    return !atomic_exchange(&node->driven, 1);
}

/* Nobody may come again to carry out the stop of a node that was dropped. */
static void drive_out(lares_node *node)
{
    while (!lares__node_is(node, LARES__NODE_STOPPED) && lares__node_step(node))
        ;
}

void lares__node_undrive(lares_node *node)
{
    int dropped = atomic_load(&node->dropped);

    if (dropped)
        drive_out(node);
    atomic_store(&node->driven, 0); /* with a full fence, as notify has */
    if (!dropped && atomic_load(&node->dropped) && lares__node_drive(node)) {
        drive_out(node); /* it was dropped between the two looks */
        atomic_store(&node->driven, 0);
    }
    if (atomic_load(&node->waiters) == 0)
        return;
    lares__mutex_lock(&node->lot_lock);
    lares__cond_broadcast(&node->lot);
    lares__mutex_unlock(&node->lot_lock);
}

int lares__node_step(lares_node *node)
{
    return lares__stop_step(node) || lares__tick_step(node) ||
           lares__lane_turn(&node->lanes[0]);
}

uint64_t lares__node_due(lares_node *node)
{
    uint64_t due = lares__lane_due(&node->lanes[0]);
    uint64_t stop = lares__stop_due(node);
    uint64_t tick = lares__tick_due(node);

    if (stop < due)
        due = stop;
    return tick < due ? tick : due;
}

/* the driver has nothing to do */
static lares_status drive_sleep(lares_node *node, lares__ready_fn ready,
                                void *context, uint64_t deadline)
{
    uint64_t due = lares__node_due(node);
    uint64_t until = due < deadline ? due : deadline;

    if (node->simulated)
        return LARES_ETIMEDOUT; /* only its world lets time pass */
    atomic_fetch_add(&node->waiters, 1);
    if (!ready(context) && lares__lane_idle(&node->lanes[0]))
        (void)node->io->ops->wait(node->io, until);
    atomic_fetch_sub(&node->waiters, 1);
    return LARES_OK;
}

/* Who only tries does all that is ready now; else time may be up though there
 * is always something to do. */
static lares_status drive(lares_node *node, lares__ready_fn ready,
                          void *context, uint64_t deadline)
{
    int tries = deadline == 0 || lares__node_now(node) >= deadline;
    lares_status rc = LARES_OK;

    while (rc == LARES_OK && !ready(context)) {
        int moved = lares__node_step(node);

        if ((moved && tries) || ready(context))
            continue;
        if (tries || lares__node_now(node) >= deadline)
            rc = LARES_ETIMEDOUT;
        else if (!moved)
            rc = drive_sleep(node, ready, context, deadline);
    }
    return rc;
}

struct turn {
    lares_node *node;
    lares__ready_fn ready;
    void *context;
};

/* what it waits for is there, or the node is free to be run */
static int turn_ready(void *context)
{
    const struct turn *turn = context;

    return turn->ready(turn->context) || !atomic_load(&turn->node->driven);
}

static lares_status await_without_lanes(lares_node *node, lares__ready_fn ready,
                                        void *context, uint64_t deadline)
{
    struct turn turn = {node, ready, context};
    lares_status rc = LARES_OK;

    for (;;) {
        if (lares__node_drive(node)) {
            rc = drive(node, ready, context, deadline);
            lares__node_undrive(node);
            return rc;
        }
        rc = lot_wait(node, turn_ready, &turn, deadline);
        if (rc < 0 || ready(context))
            return rc;
    }
}

/* Whoever runs meanwhile may drop the last ticket: the node is held. */
lares_status lares__node_await(lares_node *node, lares__ready_fn ready,
                               void *context, uint64_t deadline)
{
    lares_status rc;

    if (node->lane_count > 0 && ready(context))
        return LARES_OK;
    lares__node_retain(node);
    if (node->lane_count == 0)
        rc = await_without_lanes(node, ready, context, deadline);
    else
        rc = lot_wait(node, ready, context, deadline);
    lares__node_release(node);
    return rc;
}
