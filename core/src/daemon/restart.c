#include "daemon/restart.h"

#include "base/shown.h"

#include <assert.h>

void lares__restart_init(struct lares__restart *restart, uint64_t initial_ns,
                         uint64_t max_ns, uint32_t attempts_max)
{
    assert(attempts_max > 0);
    *restart = (struct lares__restart){.initial_ns = initial_ns,
                                       .max_ns = max_ns,
                                       .attempts_max = attempts_max};
}

void lares__restart_success(struct lares__restart *restart)
{
    lares__shown_set(&restart->n, 0);
    lares__shown_set(&restart->gate, 0);
    restart->input = 0;
    restart->attempts = 0;
}

void lares__restart_forced(struct lares__restart *restart)
{
    lares__restart_success(restart);
}

static uint64_t restart_wait(const struct lares__restart *restart)
{
    uint64_t doublings;

    if (restart->n < 2 || restart->initial_ns == 0)
        return 0;
    doublings = restart->n - 2;
    if (doublings > 63 || restart->initial_ns > restart->max_ns >> doublings)
        return restart->max_ns;
    return restart->initial_ns << doublings;
}

/* counts an attempt at an input; 1: it was the last */
static int restart_blame(struct lares__restart *restart, uint64_t arrival)
{
    if (restart->input != arrival)
        restart->attempts = 0;
    restart->input = arrival;
    restart->attempts++;
    return restart->attempts >= restart->attempts_max;
}

int lares__restart_failed(struct lares__restart *restart, uint64_t now_ns,
                          uint64_t arrival)
{
    uint64_t wait;

    lares__shown_set(&restart->n, restart->n + 1);
    if (arrival != 0 && restart_blame(restart, arrival)) {
        lares__shown_set(&restart->gate, 0);
        restart->attempts = 0;
        return 1;
    }
    wait = restart_wait(restart);
    lares__shown_set(&restart->gate,
                     wait > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + wait);
    return 0;
}

int lares__restart_open(const struct lares__restart *restart, uint64_t now_ns)
{
    return now_ns >= restart->gate;
}

int lares__restart_looping(const struct lares__restart *restart)
{
    uint64_t wait = restart_wait(restart);

    return restart->gate != 0 && wait > 0 && wait == restart->max_ns;
}
