#include "node/wanted.h"

#include "base/alloc.h"
#include "node/wait.h"

#include <stdio.h>

struct lares__wanted *lares__wanted_new(lares_node *node)
{
    struct lares__wanted *wanted = lares__calloc(1, sizeof *wanted);

    if (wanted == NULL)
        return NULL;
    wanted->node = node;
    atomic_init(&wanted->refs, 2);
    return wanted;
}

void lares__wanted_release(struct lares__wanted *wanted)
{
    if (atomic_fetch_sub(&wanted->refs, 1) != 1)
        return;
    lares__bytes_free(wanted->image);
    lares__free(wanted);
}

void lares__wanted_answer(struct lares__wanted *wanted, lares_status status,
                          lares_bytes *image)
{
    lares_node *node = wanted->node;

    wanted->status = status;
    wanted->image = image;
    (void)snprintf(wanted->detail, sizeof wanted->detail, "%s",
                   lares__error_detail());
    atomic_store(&wanted->state, LARES__WANTED_DONE);
    lares__wanted_release(wanted);
    lares__node_notify(node);
}

/* Nobody answers any more once the node has stopped. */
static int wanted_ready(void *context)
{
    const struct lares__wanted *wanted = context;

    return atomic_load(&wanted->state) == LARES__WANTED_DONE ||
           lares__node_is(wanted->node, LARES__NODE_STOPPED);
}

static lares_status wanted_result(struct lares__wanted *wanted,
                                  lares_bytes **out)
{
    if (atomic_load(&wanted->state) != LARES__WANTED_DONE)
        return lares__node_ready(wanted->node);
    if (wanted->status < 0)
        return lares__error(wanted->status, "%s", wanted->detail);
    *out = wanted->image;
    wanted->image = NULL;
    return LARES_OK;
}

lares_status lares__wanted_await(struct lares__wanted *wanted,
                                 uint64_t deadline, lares_bytes **out)
{
    int queued = LARES__WANTED_QUEUED;

    if (lares__node_await(wanted->node, wanted_ready, wanted, deadline) < 0) {
        if (atomic_compare_exchange_strong(&wanted->state, &queued,
                                           LARES__WANTED_CANCELLED))
            return LARES_ETIMEDOUT;
        (void)lares__node_await(wanted->node, wanted_ready, wanted, UINT64_MAX);
    }
    return wanted_result(wanted, out);
}
