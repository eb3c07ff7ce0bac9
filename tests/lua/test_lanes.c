#include "support/node.h"

/* The script host on a node with lanes: daemons are rebuilt, and handlers run,
 * on threads that did not make them. The build says where SCRIPT is. */

/* -- fixture -------------------------------------------------------------- */

enum {
    DAEMONS = 4,
    GOOD = 200,
    BAD = 20
};

static lares_node *node;

static int lanes_setup(void **state)
{
    lares_options *set = options("lanes", "2", "tick.interval", "20");

    (void)state;
    check_ok(lares_node_new("east", set, &node));
    lares_options_free(set);
    check_ok(lares_node_start(node));
    check_ok(lares_node_load(node, "lua", SCRIPT));
    return 0;
}

static int lanes_teardown(void **state)
{
    (void)state;
    node_close(node);
    return 0;
}

/* -- tools ---------------------------------------------------------------- */

/* One counter, the verifier of its chain, and how far it has counted. */
struct counted {
    lares_daemon *daemon;
    lares_chain *chain;
    int count;
};

static void counted_open(struct counted *counted)
{
    counted->daemon =
        spawn(node, "counter",
              options("subscribe", "ticks", "publish", "counts",
                      "restart.initial", "1", "restart.max", "10"));
    check_ok(
        lares_chain_new(lares_daemon_origin(counted->daemon), &counted->chain));
    counted->count = 0;
}

static void counted_close(struct counted *counted)
{
    lares_chain_free(counted->chain);
    lares_daemon_free(counted->daemon);
}

/* The next output of one of them: its next number, linked to the last. */
static void counted_check(struct counted *all, const lares_event *event)
{
    char text[24], expected[24];
    int i = 0;

    while (lares_daemon_origin(all[i].daemon) != event->origin)
        i++;
    event_text(event, text, sizeof text);
    (void)snprintf(expected, sizeof expected, "%d", ++all[i].count);
    check_str(text, expected);
    check_ok(lares_chain_check(all[i].chain, event));
}

static void outputs_check(struct counted *all, lares_inbox *inbox, int count)
{
    const lares_event *event;
    lares_events *events;

    while (count > 0) {
        check_ok(lares_inbox_next(inbox, 8000, &events));
        for (; (event = lares_events_next(events)) != NULL; count--)
            counted_check(all, event);
        lares_events_free(events);
    }
}

/* -- cases ---------------------------------------------------------------- */

static void test_lanes__rebuild_on_a_lane(void **state)
{
    struct counted all[DAEMONS];
    lares_inbox *inbox =
        subscribe(node, "counts", options("mailbox.count", "10000"));

    (void)state;
    for (int i = 0; i < DAEMONS; i++)
        counted_open(&all[i]);
    for (int i = 0; i < GOOD; i++) {
        if (i % (GOOD / BAD) == 0)
            check_ok(publish(node, "ticks", "bad", 8000));
        check_ok(publish(node, "ticks", "good", 8000));
    }
    outputs_check(all, inbox, DAEMONS * GOOD);
    check_u64(rows_count(node, "letters"), DAEMONS * BAD);
    for (int i = 0; i < DAEMONS; i++) {
        check_u64((uint64_t)all[i].count, GOOD);
        counted_close(&all[i]);
    }
    lares_inbox_free(inbox);
}

static void test_lanes__image_from_lane_to_lane(void **state)
{
    struct counted counted;
    lares_daemon *before; /* its ticket holds the secret */
    lares_bytes *image;
    lares_events *events;

    (void)state;
    counted_open(&counted);
    check_ok(ask(counted.daemon, "good", 8000, NULL));
    before = counted.daemon;
    check_ok(lares_daemon_snapshot(before, 8000, &image));
    check_ok(lares_daemon_stop(before, -1));
    check_ok(lares_node_restore(node, lares_bytes_data(image),
                                lares_bytes_len(image), NULL, NULL,
                                &counted.daemon));
    lares_daemon_free(before);
    lares_bytes_free(image);
    check_status(ask(counted.daemon, "bad", 8000, NULL), LARES_ECALLBACK);
    check_detail("bad line");
    check_ok(ask(counted.daemon, "good", 8000, &events));
    check_mem(lares_events_next(events)->data, "2", 1);
    lares_events_free(events);
    counted_close(&counted);
}

static uint64_t handler_fact(const char *name, const char *wanted)
{
    return cell(node, "recovery", "name", name, wanted);
}

static void test_lanes__handlers_on_the_steward(void **state)
{
    (void)state;
    eventually(handler_fact("heal", "runs") >= 3);
    check(handler_fact("heal", "recovered") >= 3);
    check_str(cell_text(node, "recovery", "name", "once", "state"), "evicted");
    check(strstr(cell_text(node, "recovery", "name", "once", "text"),
                 "no more") != NULL);
    check_u64(handler_fact("once", "runs"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lanes__rebuild_on_a_lane,
                                        lanes_setup, lanes_teardown),
        cmocka_unit_test_setup_teardown(test_lanes__image_from_lane_to_lane,
                                        lanes_setup, lanes_teardown),
        cmocka_unit_test_setup_teardown(test_lanes__handlers_on_the_steward,
                                        lanes_setup, lanes_teardown),
    };

    return check_run(tests);
}
