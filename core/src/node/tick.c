#include "node/tick.h"

#include "node/node.h"

/* Design notes
 * - Each tick falls due an interval after the last one, so a late one is not
 *   made up for, and a pass that takes longer than an interval leaves time for
 *   other things where there is one thread for all.
 * - The loop only posts: no handler, however slow, delays anything else. */

void lares__tick_start(lares_node *node, uint64_t now)
{
    node->tick.due = now + node->tick.interval;
}

/* Without handlers a tick has nothing to do, and no clock is read for it. */
uint64_t lares__tick_due(const lares_node *node)
{
    return lares__recovery_count(&node->recovery) > 0 &&
                   lares__node_is(node, LARES__NODE_READY)
               ? node->tick.due
               : UINT64_MAX;
}

/* Whoever runs a node without lanes would wait for itself: to the handlers it
 * is a callback, where nothing waits. */
static void pass_here(lares_node *node)
{
    struct lares_call none = {0};
    struct lares_call *before = lares__call_enter(&none);

    (void)lares__recovery_run(&node->recovery, NULL);
    lares__call_leave(before);
}

static void tick_recover(lares_node *node)
{
    if (node->lane_count > 0)
        lares__steward_post(node);
    else
        pass_here(node);
}

int lares__tick_step(lares_node *node)
{
    uint64_t due = lares__tick_due(node);
    uint64_t now;

    if (due == UINT64_MAX || (now = lares__node_now(node)) < due)
        return 0;
    tick_recover(node);
    if (node->lane_count == 0)
        now = lares__node_now(node);
    node->tick.due = now + node->tick.interval;
    return 1;
}
