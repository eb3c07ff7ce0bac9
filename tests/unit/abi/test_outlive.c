#include "support/house.h"

/* What is handed out owns what it shows, and outlives the node it is from. */

/* -- tools ---------------------------------------------------------------- */

enum {
    MANY = 200
};

static lares_node *node;
static lares_inbox *inbox;
static lares_daemon *daemon;

static int outlive_setup(void **state)
{
    int rc = house_setup(state);

    node = node_open("1");
    kind_add(node, "echo", echo, NULL);
    daemon = spawn(node, "echo",
                   options("subscribe", "in", "publish", "out", "name", "d"));
    inbox = subscribe(node, "out", NULL);
    return rc;
}

/* The node goes, and everything that could keep a part of it. */
static void all_go(void)
{
    lares_daemon_free(daemon);
    lares_inbox_free(inbox);
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_wait(node, 5000));
    lares_node_free(node);
    for (int i = 0; i < 2000 && threads_left() > 0; i++)
        nap_ms(1);
}

/* -- cases ---------------------------------------------------------------- */

static void test_outlive__events(void **state)
{
    static char large[200000];
    lares_events *delivered = NULL, *read = NULL;
    const lares_event *event;
    lares_chain *chain = NULL;
    uint64_t origin = lares_daemon_origin(daemon);

    (void)state; /* id: AB10 */
    memset(large, 'l', sizeof large);
    check_ok(ask(daemon, "small", 1000, &delivered));
    check_ok(lares_daemon_send(daemon, large, sizeof large, 0));
    eventually(daemon_fact(node, "d", "sequence") == 2);
    check_ok(lares_inbox_next(inbox, 1000, &read));
    all_go();
    event = lares_events_next(delivered);
    check_mem(event->data, "small", 5);
    check_str(event->channel, "out");
    check_u64(event->origin, origin);
    check_ok(lares_chain_new(origin, &chain));
    while ((event = lares_events_next(read)) != NULL) {
        check_ok(lares_chain_check(chain, event));
        if (event->len == sizeof large)
            check_mem(event->data, large, sizeof large);
    }
    lares_chain_free(chain);
    lares_events_free(delivered);
    lares_events_free(read);
}

static void test_outlive__many_lists(void **state)
{
    lares_events *lists[MANY] = {NULL};

    (void)state; /* id: AB10 */
    for (int i = 0; i < MANY; i++)
        check_ok(ask(daemon, "x", 1000, &lists[i]));
    all_go();
    for (int i = 0; i < MANY; i++) {
        check_u64(lares_events_next(lists[i])->sequence, (uint64_t)i + 1);
        lares_events_free(lists[i]);
    }
}

static void test_outlive__rows(void **state)
{
    lares_rows *rows = report(node, "daemons");
    const char *text;
    uint64_t value;

    (void)state; /* id: AB10 */
    all_go();
    check_ok(lares_rows_next(rows));
    check_ok(lares_rows_text(rows, "name", &text));
    check_str(text, "d");
    check_ok(lares_rows_u64(rows, "lane", &value));
    check_status(lares_rows_u64(rows, "name", &value), LARES_EINVAL);
    check_status(lares_rows_u64(rows, "nothing", &value), LARES_ENOTFOUND);
    check_status(lares_rows_next(rows), LARES_EDONE);
    lares_rows_free(rows);
}

static void test_outlive__keys_and_bytes(void **state)
{
    lares_key *key = NULL, *again = NULL;
    lares_bytes *bytes = NULL;
    uint64_t origin = lares_daemon_origin(daemon);

    (void)state; /* id: AB10 */
    check_ok(lares_daemon_key(daemon, &key));
    check_ok(lares_key_seed(key, &bytes));
    all_go();
    lares_key_free(key);
    check_u64(lares_bytes_len(bytes), 32);
    check_ok(lares_key_new(lares_bytes_data(bytes), 32, &again));
    check_u64(lares_key_origin(again), origin);
    lares_key_free(again);
    lares_bytes_free(bytes);
}

static void test_outlive__a_key_that_was_shared(void **state)
{
    static const char seed[32] = "shared by a program and a daemon";
    lares_daemon *other = NULL;
    lares_key *key = NULL;

    (void)state; /* id: AB10 */
    check_ok(lares_key_new(seed, 32, &key));
    check_ok(lares_node_spawn(node, "echo", key, NULL, &other));
    lares_key_free(key); /* the daemon keeps its own */
    check_ok(ask(other, "x", 1000, NULL));
    check_ok(lares_daemon_key(other, &key));
    lares_daemon_free(other);
    all_go();
    check(lares_key_origin(key) != 0);
    lares_key_free(key);
}

int main(void)
{
#define outlive_test(test)                                                     \
    cmocka_unit_test_setup_teardown(test, outlive_setup, house_teardown)
    const struct CMUnitTest tests[] = {
        outlive_test(test_outlive__events),
        outlive_test(test_outlive__many_lists),
        outlive_test(test_outlive__rows),
        outlive_test(test_outlive__keys_and_bytes),
        outlive_test(test_outlive__a_key_that_was_shared),
    };

    return check_run(tests);
}
