#include "node/node.h"

#include "base/error.h"
#include "base/forked.h"
#include "group/pass.h"
#include "node/daemon.h"
#include "node/directory.h"
#include "node/inbox.h"
#include "node/plugin.h"
#include "node/program.h"
#include "node/report.h"
#include "node/spawn.h"
#include "node/wait.h"

#include "abi/check.h"

lares_status lares_node_new(const char *name, const lares_options *options,
                            lares_node **out)
{
    struct lares__io *io;
    lares_status rc;

    if (lares__refused())
        return lares__forked_refuse();
    if (name == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "name or out is NULL");
    lares__forked_arm();
    rc = lares__io_uv_new(&io);
    if (rc < 0)
        return rc;
    return lares__node_new(name, options, io, 0, out);
}

lares_status lares_node_start(lares_node *node)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (node == NULL)
        return lares__error(LARES_EINVAL, "node is NULL");
    return lares__node_start(node);
}

lares_status lares_node_stop(lares_node *node, int64_t grace_ms)
{
    lares_status rc = lares__check_timeout(grace_ms);

    if (rc < 0)
        return rc;
    if (node == NULL)
        return lares__error(LARES_EINVAL, "node is NULL");
    lares__node_stop(node, grace_ms);
    return LARES_OK;
}

static int has_stopped(void *context)
{
    return lares__node_is(context, LARES__NODE_STOPPED);
}

static lares_status wait_stopped(lares_node *node, int64_t timeout_ms)
{
    lares_status rc = lares__check_timeout(timeout_ms);

    if (rc < 0)
        return rc;
    if (node == NULL)
        return lares__error(LARES_EINVAL, "node is NULL");
    if (lares__call_current() != NULL || lares__pass_inside(&node->recovery))
        return lares__error(
            LARES_EDEADLK, "waits for node '%s' inside a callback", node->name);
    if (lares__node_is(node, LARES__NODE_NEW))
        return lares__error(LARES_ENOTREADY, "node '%s' is not started",
                            node->name);
    if (timeout_ms == 0)
        return lares__node_await(node, has_stopped, node, 0);
    lares__node_retain(node); /* its ticket may be dropped meanwhile */
    rc = lares__node_await(node, has_stopped, node,
                           lares__node_deadline(node, timeout_ms));
    lares__node_release(node);
    return rc;
}

lares_status lares_node_wait(lares_node *node, int64_t timeout_ms)
{
    return wait_stopped(node, timeout_ms);
}

/* whoever waits for a node without lanes runs it */
lares_status lares_node_run(lares_node *node, int64_t timeout_ms)
{
    return wait_stopped(node, timeout_ms);
}

void lares_node_free(lares_node *node)
{
    if (node != NULL && !lares__forked())
        lares__node_drop(node);
}

lares_status lares_node_register(lares_node *node, const char *kind,
                                 const lares_options *options,
                                 const lares_daemon_ops *ops, void *user,
                                 lares_release_fn release)
{
    struct lares__load load;

    if (lares__refused())
        return lares__forked_refuse(); /* and release does not run */
    if (node == NULL || kind == NULL ||
        atomic_load(&node->state) >= LARES__NODE_STOPPING) {
        if (release != NULL)
            release(user);
        if (node == NULL || kind == NULL)
            return lares__error(LARES_EINVAL, "node or kind is NULL");
        return lares__error(LARES_ECLOSED, "node '%s' has stopped", node->name);
    }
    load = lares__plugin_current(node);
    return lares__kinds_add(&node->kinds, kind, options, ops, user, release,
                            &load);
}

lares_status lares_node_unregister(lares_node *node, const char *kind)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (node == NULL || kind == NULL)
        return lares__error(LARES_EINVAL, "node or kind is NULL");
    return lares__kinds_remove(&node->kinds, kind);
}

lares_status lares_node_load(lares_node *node, const char *path,
                             const char *argument)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (node == NULL || path == NULL)
        return lares__error(LARES_EINVAL, "node or path is NULL");
    return lares__plugin_load(node, path, argument);
}

lares_status lares_node_spawn(lares_node *node, const char *kind,
                              const lares_key *key,
                              const lares_options *options, lares_daemon **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (node == NULL || kind == NULL)
        return lares__error(LARES_EINVAL, "node or kind is NULL");
    return lares__node_spawn(node, kind, (lares_key *)(uintptr_t)key, options,
                             out);
}

lares_status lares_node_restore(lares_node *node, const void *data, size_t len,
                                const lares_key *key,
                                const lares_options *options,
                                lares_daemon **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (node == NULL || data == NULL)
        return lares__error(LARES_EINVAL, "node or data is NULL");
    return lares__node_restore(node, data, len, (lares_key *)(uintptr_t)key,
                               options, out);
}

lares_status lares_node_find(lares_node *node, uint64_t origin,
                             lares_daemon **out)
{
    lares_daemon *daemon;

    if (lares__refused())
        return lares__forked_refuse();
    if (node == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "node or out is NULL");
    daemon = lares__directory_find(node, origin);
    if (daemon == NULL)
        return lares__error(LARES_ENOTFOUND, "no daemon %016llx",
                            (unsigned long long)origin);
    *out = daemon;
    return LARES_OK;
}

lares_status lares_node_publish(lares_node *node, const char *channel,
                                const void *data, size_t len,
                                int64_t timeout_ms)
{
    lares_status rc = lares__check_payload(data, len, timeout_ms);

    if (rc < 0)
        return rc;
    if (node == NULL || channel == NULL)
        return lares__error(LARES_EINVAL, "node or channel is NULL");
    return lares__node_publish(node, channel, data, len, timeout_ms);
}

lares_status lares_node_subscribe(lares_node *node, const char *pattern,
                                  const lares_options *options,
                                  lares_inbox **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (node == NULL || pattern == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "node, pattern or out is NULL");
    return lares__inbox_new(node, pattern, options, out);
}

lares_status lares_node_report(lares_node *node, const char *what,
                               lares_rows **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (node == NULL || what == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "node, what or out is NULL");
    return lares__node_report(node, what, out);
}
