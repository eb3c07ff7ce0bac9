/* pull.h - a node with one daemon whose author pulls. */
#ifndef TESTS_PULL_H
#define TESTS_PULL_H

#include "support/house.h"

/* -- fixture -------------------------------------------------------------- */

static lares_node *node;
static lares_daemon *daemon;

/* A node with one daemon of a pull kind. */
static inline void pull_open(const char *lanes, const char *lease,
                             lares_options *set)
{
    lares_options *kind = options("lease", lease);

    node = node_open(lanes);
    check_ok(lares_node_register(node, "pulled", kind, NULL, NULL, NULL));
    lares_options_free(kind);
    kind_add(node, "echo", echo, NULL);
    daemon = spawn(node, "pulled", set);
}

static inline int pull_teardown(void **state)
{
    lares_daemon_free(daemon);
    node_close(node);
    return house_teardown(state);
}

/* -- tools ---------------------------------------------------------------- */

static inline lares_call *pull(int64_t timeout_ms)
{
    lares_call *call = NULL;

    check_ok(lares_daemon_pull(daemon, timeout_ms, &call));
    return call;
}

static inline lares_status pull_status(int64_t timeout_ms)
{
    lares_call *call = NULL;
    lares_status rc = lares_daemon_pull(daemon, timeout_ms, &call);

    check((call == NULL) == (rc < 0));
    if (call != NULL)
        check_ok(lares_call_end(call, LARES_FAILED));
    return rc;
}

static inline uint64_t fact(const char *column)
{
    return daemon_fact(node, "pulled", column);
}

/* Echoes a call to its end. */
static inline unsigned drain(lares_call *call)
{
    const lares_event *event;
    unsigned count = 0;

    for (; (event = lares_call_next(call)) != NULL; count++)
        check_ok(lares_call_emit(call, NULL, event->data, event->len));
    check_ok(lares_call_end(call, LARES_DONE));
    return count;
}

#define pull_test(test)                                                        \
    cmocka_unit_test_setup_teardown(test, house_setup, pull_teardown)

#endif
