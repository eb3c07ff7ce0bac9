#include "node/loop.h"

#include "node/lane.h"
#include "node/stop.h"
#include "node/tick.h"

static const uint64_t watch_interval = 100000000; /* ns */

static uint64_t loop_due(lares_node *node, uint64_t due)
{
    uint64_t stop = lares__stop_due(node);
    uint64_t tick = lares__tick_due(node);

    if (stop < due)
        due = stop;
    return tick < due ? tick : due;
}

static void loop_run(void *arg)
{
    lares_node *node = arg;
    uint64_t watch = lares__node_now(node) + watch_interval;

    while (!lares__node_is(node, LARES__NODE_STOPPED)) {
        while (lares__stop_step(node))
            ;
        if (lares__node_is(node, LARES__NODE_STOPPED))
            break;
        (void)node->io->ops->wait(node->io, loop_due(node, watch));
        (void)lares__tick_step(node);
        if (lares__node_now(node) < watch)
            continue;
        for (uint32_t i = 0; i < node->lane_count; i++)
            lares__lane_watch(&node->lanes[i]);
        watch = lares__node_now(node) + watch_interval;
    }
    lares__node_release(node);
}

lares_status lares__loop_start(lares_node *node)
{
    lares_status rc;

    lares__node_retain(node);
    rc = lares__thread_start(&node->loop, loop_run, node);
    if (rc < 0) {
        lares__node_release(node);
        return rc;
    }
    lares__thread_detach(&node->loop);
    return LARES_OK;
}
