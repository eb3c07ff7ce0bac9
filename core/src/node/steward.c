#include "node/steward.h"

#include "node/node.h"

void lares__steward_init(struct lares__steward *steward)
{
    lares__mutex_init(&steward->lock, LARES__FLOOR_WAIT);
    lares__cond_init(&steward->cond);
}

void lares__steward_fini(struct lares__steward *steward)
{
    lares__cond_fini(&steward->cond);
    lares__mutex_fini(&steward->lock);
}

/* -- the thread ----------------------------------------------------------- */

/* waits for something to do; 0: it is to quit */
static int steward_take(struct lares__steward *steward)
{
    int taken;

    lares__mutex_lock(&steward->lock);
    steward->busy = 0;
    while (!steward->posted && !steward->quit)
        lares__cond_wait(&steward->cond, &steward->lock);
    taken = !steward->quit;
    steward->busy = taken;
    steward->posted = 0;
    lares__mutex_unlock(&steward->lock);
    return taken;
}

static void steward_run(void *arg)
{
    lares_node *node = arg;

    while (steward_take(&node->steward))
        (void)lares__recovery_run(&node->recovery, NULL); /* or EBUSY */
    atomic_store(&node->steward.ended, 1);
    lares__node_release(node);
}

lares_status lares__steward_start(lares_node *node)
{
    struct lares__steward *steward = &node->steward;
    lares_status rc;

    if (node->lane_count == 0)
        return LARES_OK;
    steward->quit = 0;
    atomic_store(&steward->ended, 0);
    lares__node_retain(node);
    rc = lares__thread_start(&steward->thread, steward_run, node);
    if (rc < 0)
        lares__node_release(node);
    return rc;
}

void lares__steward_post(lares_node *node)
{
    struct lares__steward *steward = &node->steward;

    lares__mutex_lock(&steward->lock);
    if (!steward->busy) {
        steward->posted = 1;
        lares__cond_signal(&steward->cond);
    }
    lares__mutex_unlock(&steward->lock);
}

/* -- the end -------------------------------------------------------------- */

void lares__steward_quit(lares_node *node)
{
    struct lares__steward *steward = &node->steward;

    lares__mutex_lock(&steward->lock);
    steward->quit = 1;
    lares__cond_signal(&steward->cond);
    lares__mutex_unlock(&steward->lock);
}

void lares__steward_undo(lares_node *node)
{
    if (node->lane_count == 0)
        return;
    lares__steward_quit(node);
    lares__thread_join(&node->steward.thread);
}

int lares__steward_ended(lares_node *node)
{
    return node->lane_count == 0 || atomic_load(&node->steward.ended);
}

uint32_t lares__steward_leave(lares_node *node)
{
    int ended = lares__steward_ended(node);

    if (node->lane_count == 0)
        return 0;
    if (ended)
        lares__thread_join(&node->steward.thread);
    else
        lares__thread_detach(&node->steward.thread);
    return !ended;
}
