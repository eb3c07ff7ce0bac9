#include "node/daemon.h"

#include "abi/check.h"
#include "identity/key.h"
#include "node/program.h"
#include "node/pull.h"
#include "node/repair.h"
#include "node/retire.h"
#include "node/save.h"

uint64_t lares_daemon_origin(const lares_daemon *daemon)
{
    return daemon != NULL ? daemon->receiver.origin : 0;
}

uint64_t lares_daemon_epoch(const lares_daemon *daemon)
{
    return daemon != NULL ? lares__daemon_epoch(daemon) : 0;
}

lares_status lares_daemon_key(const lares_daemon *daemon, lares_key **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (daemon == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "daemon or out is NULL");
    atomic_store(&((lares_daemon *)(uintptr_t)daemon)->known, 1);
    *out = lares__key_retain(daemon->host.key);
    return LARES_OK;
}

lares_status lares_daemon_deliver(lares_daemon *daemon, const void *data,
                                  size_t len, int64_t timeout_ms,
                                  lares_events **out)
{
    lares_status rc = lares__check_payload(data, len, timeout_ms);

    if (rc < 0)
        return rc;
    if (daemon == NULL)
        return lares__error(LARES_EINVAL, "daemon is NULL");
    return lares__daemon_deliver(daemon, data, len, timeout_ms, out);
}

lares_status lares_daemon_send(lares_daemon *daemon, const void *data,
                               size_t len, int64_t timeout_ms)
{
    lares_status rc = lares__check_payload(data, len, timeout_ms);

    if (rc < 0)
        return rc;
    if (daemon == NULL)
        return lares__error(LARES_EINVAL, "daemon is NULL");
    return lares__daemon_send(daemon, data, len, timeout_ms);
}

lares_status lares_daemon_subscribe(lares_daemon *daemon, const char *pattern,
                                    const char *group)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (daemon == NULL || pattern == NULL)
        return lares__error(LARES_EINVAL, "daemon or pattern is NULL");
    return lares__daemon_subscribe(daemon, pattern, group);
}

lares_status lares_daemon_unsubscribe(lares_daemon *daemon, const char *pattern,
                                      const char *group)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (daemon == NULL || pattern == NULL)
        return lares__error(LARES_EINVAL, "daemon or pattern is NULL");
    return lares__daemon_unsubscribe(daemon, pattern, group);
}

/* what has something owned as its answer, and may wait for it */
static lares_status check_asked(const lares_daemon *daemon, int64_t time_ms,
                                const void *out)
{
    lares_status rc = lares__check_timeout(time_ms);

    if (rc < 0)
        return rc;
    if (daemon == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "daemon or out is NULL");
    return LARES_OK;
}

lares_status lares_daemon_snapshot(lares_daemon *daemon, int64_t timeout_ms,
                                   lares_bytes **out)
{
    lares_status rc = check_asked(daemon, timeout_ms, out);

    if (rc < 0)
        return rc;
    return lares__daemon_snapshot(daemon, timeout_ms, out);
}

lares_status lares_daemon_retire(lares_daemon *daemon, int64_t grace_ms,
                                 lares_bytes **out)
{
    lares_status rc = check_asked(daemon, grace_ms, out);

    if (rc < 0)
        return rc;
    return lares__daemon_retire(daemon, grace_ms, out);
}

lares_status lares_daemon_restart(lares_daemon *daemon)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (daemon == NULL)
        return lares__error(LARES_EINVAL, "daemon is NULL");
    return lares__daemon_restart(daemon);
}

lares_status lares_daemon_pull(lares_daemon *daemon, int64_t timeout_ms,
                               lares_call **out)
{
    lares_status rc = check_asked(daemon, timeout_ms, out);

    if (rc < 0)
        return rc;
    return lares__daemon_pull(daemon, timeout_ms, out);
}

lares_status lares_daemon_stop(lares_daemon *daemon, int64_t grace_ms)
{
    lares_status rc = lares__check_timeout(grace_ms);

    if (rc < 0)
        return rc;
    if (daemon == NULL)
        return lares__error(LARES_EINVAL, "daemon is NULL");
    return lares__daemon_stop(daemon, grace_ms);
}

void lares_daemon_free(lares_daemon *daemon)
{
    if (daemon != NULL && !lares__forked())
        lares__receiver_release(&daemon->receiver);
}
