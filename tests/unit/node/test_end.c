#include "support/house.h"

/* What would wait for ever, and ends all the same. */

/* Blames no input: it answers before it has taken one. */
static lares_verdict take_nothing(lares_call *call, void *instance)
{
    (void)call;
    (void)instance;
    return LARES_FAILED;
}

/* A stop without a deadline ends, and what was queued becomes letters. */
static void test_end__draining_in_vain(void **state)
{
    lares_node *node = node_open("1");
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "idler", take_nothing, NULL);
    daemon = spawn(node, "idler", NULL);
    check_ok(say(daemon, "x", 0));
    check_ok(lares_daemon_stop(daemon, -1));
    check_str(cell_text(node, "letters", "reason", "CLOSED", "name"), "idler");
    lares_daemon_free(daemon);
    node_close(node);
}

/* Without grace nothing more is processed, with lanes or without. */
static void test_end__no_grace_without_lanes(void **state)
{
    lares_node *node = node_open("0");
    struct notes notes = {0};
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "note", note, &notes);
    daemon = spawn(node, "note", NULL);
    for (int i = 0; i < 100; i++)
        check_ok(say(daemon, "x", 0));
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_wait(node, 5000));
    check_u64(atomic_load(&notes.count), 0);
    check_u64(rows_count(node, "letters"), 100);
    lares_daemon_free(daemon);
    lares_node_free(node);
}

struct waiter {
    lares_node *node;
    lares_status rc;
};

static void wait_in_release(void *user)
{
    struct waiter *waiter = user;

    waiter->rc = lares_node_wait(waiter->node, -1);
}

/* The node's own thread releases its kinds: it cannot wait for itself. */
static void test_end__release_waits_for_its_node(void **state)
{
    lares_daemon_ops ops = {.size = sizeof ops, .process = take_nothing};
    struct waiter waiter = {node_open("1"), LARES_OK};

    (void)state;
    check_ok(lares_node_register(waiter.node, "idler", NULL, &ops, &waiter,
                                 wait_in_release));
    node_close(waiter.node);
    check_status(waiter.rc, LARES_EDEADLK);
}

struct life {
    int made;
    int gone;
};

static lares_verdict life_create(lares_call *call, lares_daemon *daemon,
                                 void **instance_out, void *user)
{
    (void)call;
    (void)daemon;
    ((struct life *)user)->made++;
    *instance_out = user;
    return LARES_DONE;
}

static void life_destroy(void *instance)
{
    ((struct life *)instance)->gone++;
}

static lares_verdict lose(lares_call *call, void *instance)
{
    (void)instance;
    (void)lares_call_next(call);
    return LARES_LOST;
}

/* An instance that a deliver lost is there again as that returns. */
static void test_end__lost_in_a_deliver(void **state)
{
    lares_daemon_ops ops = {.size = sizeof ops,
                            .create = life_create,
                            .destroy = life_destroy,
                            .process = lose};
    lares_node *node = node_open("1");
    struct life life = {0, 0};
    lares_daemon *daemon;

    (void)state;
    check_ok(lares_node_register(node, "loser", NULL, &ops, &life, NULL));
    daemon = spawn(node, "loser", NULL);
    check_status(ask(daemon, "x", 1000, NULL), LARES_ECALLBACK);
    check_i64(life.made, 2);
    check_i64(life.gone, 1);
    check_u64(daemon_fact(node, "loser", "lost"), 1);
    lares_daemon_free(daemon);
    node_close(node);
    check_i64(life.gone, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_end__draining_in_vain),
        house_test(test_end__no_grace_without_lanes),
        house_test(test_end__release_waits_for_its_node),
        house_test(test_end__lost_in_a_deliver),
    };

    return check_run(tests);
}
