#include "group/recovery.h"

#include "abi/check.h"
#include "group/pass.h"
#include "node/node.h"
#include "node/plugin.h"
#include "node/wait.h"

#include <time.h>

/* -- life ----------------------------------------------------------------- */

/* Of registries that stand alone. It tells a call that took too long from one
 * that did not, and need not be finer: 5 ns a call in place of 22. */
static uint64_t clock_now(void *context)
{
    struct timespec time;

    (void)context;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

lares_status lares_recovery_new(lares_recovery **out)
{
    static const struct lares__clock clock = {clock_now, NULL};

    if (lares__refused())
        return lares__forked_refuse();
    if (out == NULL)
        return lares__error(LARES_EINVAL, "out is NULL");
    lares__forked_arm();
    return lares__recovery_new(&clock, out);
}

lares_status lares_node_recovery(lares_node *node, lares_recovery **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (node == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "node or out is NULL");
    *out = lares__recovery_retain(&node->recovery);
    return LARES_OK;
}

void lares_recovery_free(lares_recovery *recovery)
{
    if (recovery != NULL && !lares__forked())
        lares__recovery_free(recovery);
}

/* -- handlers ------------------------------------------------------------- */

lares_status lares_recovery_register(lares_recovery *recovery, const char *name,
                                     lares_recovery_fn fn, void *user,
                                     lares_release_fn release, uint64_t *id_out,
                                     size_t *count_out)
{
    uint32_t load = 0;
    lares_status rc;

    if (lares__refused())
        return lares__forked_refuse(); /* and release does not run */
    if (recovery == NULL || fn == NULL) {
        lares__handler_discard(release, user);
        return lares__error(LARES_EINVAL, "recovery or fn is NULL");
    }
    if (!recovery->alone)
        load = lares__plugin_current(recovery->owner).number;
    rc = lares__recovery_register(recovery, name, fn, user, release, load,
                                  id_out, count_out);
    if (rc == LARES_OK && !recovery->alone)
        lares__node_notify(recovery->owner); /* who runs it has ticks to keep */
    return rc;
}

lares_status lares_recovery_remove(lares_recovery *recovery, uint64_t id)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (recovery == NULL)
        return lares__error(LARES_EINVAL, "recovery is NULL");
    return lares__recovery_remove(recovery, id);
}

lares_status lares_recovery_count(const lares_recovery *recovery, size_t *out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (recovery == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "recovery or out is NULL");
    *out = lares__recovery_count(recovery);
    return LARES_OK;
}

/* A handler may run another registry, but not in the tick of a node without
 * lanes, where it is a callback. In its own it meets the pass that is under
 * way, also there. */
lares_status lares_recovery_run(lares_recovery *recovery, lares_rows **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (recovery == NULL)
        return lares__error(LARES_EINVAL, "recovery is NULL");
    if (lares__call_current() != NULL && !lares__pass_inside(recovery))
        return lares__error(LARES_EDEADLK,
                            "runs recovery handlers inside a callback");
    return lares__recovery_run(recovery, out);
}

lares_status lares_recovery_report(const lares_recovery *recovery,
                                   lares_rows **out)
{
    lares_rows *rows;
    lares_status rc;

    if (lares__refused())
        return lares__forked_refuse();
    if (recovery == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "recovery or out is NULL");
    rc = lares__rows_new(lares__recovery_columns, &rows);
    if (rc < 0)
        return rc;
    lares__recovery_report((lares_recovery *)(uintptr_t)recovery, rows);
    rc = lares__rows_done(rows);
    if (rc == LARES_OK)
        *out = rows;
    return rc;
}
