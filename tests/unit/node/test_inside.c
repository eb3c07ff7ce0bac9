#include "support/house.h"

/* One thread at a time is inside a daemon; who comes meanwhile is told. */

/* -- fixture -------------------------------------------------------------- */

static lares_node *node; /* with one lane */
static lares_daemon *porter, *other;
static lares_inbox *inbox; /* what the other emits */
static struct door door;   /* of the porter */
static pthread_t thread;
static lares_status rc;

static int inside_setup(void **state)
{
    int failed = house_setup(state);

    memset(&door, 0, sizeof door);
    node = node_open("1");
    kind_add(node, "porter", stand, &door);
    kind_add(node, "echo", echo, NULL);
    porter = spawn(node, "porter", NULL);
    other = spawn(node, "echo", options("publish", "out"));
    inbox = subscribe(node, "out", NULL);
    return failed;
}

static int inside_teardown(void **state)
{
    lares_inbox_free(inbox);
    lares_daemon_free(other);
    lares_daemon_free(porter);
    node_close(node);
    return house_teardown(state);
}

#define inside_test(test)                                                      \
    cmocka_unit_test_setup_teardown(test, inside_setup, inside_teardown)

/* -- tools ---------------------------------------------------------------- */

static void *deliver_one(void *arg)
{
    rc = ask(arg, "x", -1, NULL); /* crosses on this thread */
    return NULL;
}

/* The lane has seen what was sent before. */
static void lane_comes_by(void)
{
    lares_events *events = NULL;

    check_ok(say(other, "x", 0));
    check_ok(lares_inbox_next(inbox, 8000, &events));
    lares_events_free(events);
}

/* -- cases ---------------------------------------------------------------- */

static void test_inside__who_leaves_tells_the_lane(void **state)
{
    (void)state;
    check_i64(pthread_create(&thread, NULL, deliver_one, porter), 0);
    eventually(atomic_load(&door.inside) == 1);
    check_ok(say(porter, "x", 0));
    lane_comes_by(); /* and finds somebody inside */
    atomic_store(&door.open, 1);
    check_i64(pthread_join(thread, NULL), 0);
    check_ok(rc);
    eventually(atomic_load(&door.passed) == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        inside_test(test_inside__who_leaves_tells_the_lane),
    };

    return check_run(tests);
}
