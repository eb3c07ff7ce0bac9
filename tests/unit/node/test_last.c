#include "support/house.h"

/* The last ticket of a node goes, wherever its holder is just then. */

/* -- cases ---------------------------------------------------------------- */

static void test_last__stops_it(void **state)
{
    lares_node *node = node_open("2");
    lares_daemon *daemon;
    lares_inbox *inbox;
    lares_events *events = NULL;

    (void)state;
    kind_add(node, "echo", echo, NULL);
    daemon = spawn(node, "echo", NULL);
    inbox = subscribe(node, "a", NULL);
    lares_node_free(node);
    check_status(lares_inbox_next(inbox, 8000, &events), LARES_ECLOSED);
    check_status(say(daemon, "x", -1), LARES_ECLOSED);
    lares_daemon_free(daemon);
    lares_inbox_free(inbox);
}

/* Whoever waits for a node keeps it until it has stopped. */
static void check_waiters_stay(const char *lanes)
{
    lares_node *node = node_open(lanes);
    pthread_t threads[4];
    void *rc;

    for (int i = 0; i < 4; i++)
        check(pthread_create(&threads[i], NULL, wait_for_it, node) == 0);
    nap_ms(50);
    lares_node_free(node);
    for (int i = 0; i < 4; i++) {
        check(pthread_join(threads[i], &rc) == 0);
        check((intptr_t)rc == LARES_OK);
    }
}

static void test_last__waiters_outlive_the_last_ticket(void **state)
{
    (void)state;
    check_waiters_stay("1");
    check_waiters_stay("0");
}

/* A daemon that drops a node's last ticket, and the tickets of itself. */
struct dropper {
    lares_node *node;
    lares_daemon *daemon;
    atomic_int dropped;
    atomic_int released;
};

static lares_verdict drop(lares_call *call, void *instance)
{
    struct dropper *dropper = instance;

    while (lares_call_next(call) != NULL) {
        lares_daemon_free(dropper->daemon);
        lares_node_free(dropper->node);
        lares_call_emit(call, NULL, "dropped", 7);
        atomic_store(&dropper->dropped, 1);
    }
    return LARES_DONE;
}

static void dropper_release(void *user)
{
    struct dropper *dropper = user;

    atomic_store(&dropper->released, 1);
}

static void dropper_open(struct dropper *dropper, const char *lanes)
{
    const lares_daemon_ops ops = {.size = sizeof ops, .process = drop};

    *dropper = (struct dropper){.node = node_open(lanes)};
    check_ok(lares_node_register(dropper->node, "drop", NULL, &ops, dropper,
                                 dropper_release));
    dropper->daemon = spawn(dropper->node, "drop", options("subscribe", "a"));
}

static void test_last__dropped_in_a_callback(void **state)
{
    struct dropper dropper;

    (void)state; /* id: NL05 */
    dropper_open(&dropper, "1");
    check_ok(publish(dropper.node, "a", "x", 0));
    eventually(atomic_load(&dropper.released));
    check(atomic_load(&dropper.dropped));
}

/* Without lanes the call that runs the node carries out the stop. */
static void test_last__dropped_inside_run(void **state)
{
    struct dropper dropper;

    (void)state; /* id: NL05 */
    dropper_open(&dropper, "0");
    check_ok(publish(dropper.node, "a", "x", 0));
    check_ok(lares_node_run(dropper.node, -1));
    check(atomic_load(&dropper.dropped));
    check(atomic_load(&dropper.released));
}

static void check_dropped_inside_deliver(const char *lanes)
{
    struct dropper dropper;
    lares_events *events = NULL;

    dropper_open(&dropper, lanes);
    check_ok(ask(dropper.daemon, "x", -1, &events));
    check_u64(lares_events_next(events)->len, 7);
    lares_events_free(events);
    eventually(atomic_load(&dropper.released));
}

static void test_last__dropped_inside_deliver(void **state)
{
    (void)state; /* id: NL05 */
    check_dropped_inside_deliver("2");
    check_dropped_inside_deliver("0");
}

static lares_verdict drop_other(lares_call *call, void *instance)
{
    while (lares_call_next(call) != NULL)
        lares_node_free(instance);
    return LARES_DONE;
}

static void count_release(void *user)
{
    atomic_fetch_add((atomic_int *)user, 1);
}

/* Nobody else runs the node that goes: the callback's thread does. */
static void test_last__dropped_by_another_node(void **state)
{
    const lares_daemon_ops ops = {.size = sizeof ops, .process = echo};
    lares_node *node = node_open("0"), *other = node_open("0");
    atomic_int released = 0;
    lares_daemon *daemon;

    (void)state; /* id: NL05 */
    check_ok(lares_node_register(other, "echo", NULL, &ops, &released,
                                 count_release));
    check_ok(lares_node_spawn(other, "echo", NULL, NULL, NULL));
    kind_add(node, "drop", drop_other, other);
    daemon = spawn(node, "drop", NULL);
    check_ok(ask(daemon, "x", -1, NULL));
    check_i64(atomic_load(&released), 1);
    lares_daemon_free(daemon);
    node_close(node);
}

static lares_verdict drop_in_create(lares_call *call, lares_daemon *daemon,
                                    void **instance_out, void *user)
{
    (void)call;
    (void)daemon;
    *instance_out = NULL;
    lares_node_free(user);
    return LARES_DONE;
}

static void check_dropped_inside_create(const char *lanes)
{
    const lares_daemon_ops ops = {
        .size = sizeof ops, .create = drop_in_create, .process = echo};
    lares_node *node = node_open(lanes);
    lares_daemon *daemon = NULL;

    check_ok(lares_node_register(node, "drop", NULL, &ops, node, NULL));
    check_status(lares_node_spawn(node, "drop", NULL, NULL, &daemon),
                 LARES_ECLOSED);
    check(daemon == NULL);
}

static void test_last__dropped_inside_create(void **state)
{
    (void)state; /* id: NL05 */
    check_dropped_inside_create("0");
    check_dropped_inside_create("1");
}

/* The end of the call lets the daemon go, and with it the node. */
static void check_dropped_with_an_open_call(const char *lanes)
{
    lares_node *node = node_open(lanes);
    lares_daemon *daemon;
    lares_call *call = NULL;

    check_ok(lares_node_register(node, "pulled", NULL, NULL, NULL, NULL));
    daemon = spawn(node, "pulled", NULL);
    check_ok(say(daemon, "x", 0));
    check_ok(lares_daemon_pull(daemon, 2000, &call));
    lares_node_free(node);
    check(lares_call_next(call) != NULL);
    check_ok(lares_call_end(call, LARES_DONE));
    lares_daemon_free(daemon);
}

static void test_last__dropped_with_an_open_call(void **state)
{
    (void)state; /* id: NL05 */
    check_dropped_with_an_open_call("0");
    check_dropped_with_an_open_call("1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_last__stops_it),
        house_test(test_last__waiters_outlive_the_last_ticket),
        house_test(test_last__dropped_in_a_callback),
        house_test(test_last__dropped_inside_run),
        house_test(test_last__dropped_inside_deliver),
        house_test(test_last__dropped_by_another_node),
        house_test(test_last__dropped_inside_create),
        house_test(test_last__dropped_with_an_open_call),
    };

    return check_run(tests);
}
