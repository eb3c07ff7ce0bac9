#include "support/house.h"

/* Nodes under a virtual clock: the same seed tells the same story. */

/* -- tools ---------------------------------------------------------------- */

static uint64_t uptime(lares_node *node)
{
    return cell(node, "node", "state", "READY", "uptime_ms");
}

struct story {
    uint64_t node, daemon, hash, received_at, sender;
};

static struct story story_of(uint64_t seed)
{
    lares_node *node = NULL;
    lares_world *world = world_open(seed, "east", NULL, &node);
    struct story story = {.node = node_fact(node, "id")};
    const lares_event *event;
    lares_events *events = NULL;
    lares_daemon *daemon;
    lares_inbox *inbox = subscribe(node, ">", NULL);

    kind_add(node, "touchy", touchy, NULL);
    daemon =
        spawn(node, "touchy", options("subscribe", "in", "publish", "out"));
    story.daemon = lares_daemon_origin(daemon);
    check_ok(publish(node, "in", "!", 0));
    check_ok(publish(node, "in", "good", 0));
    check_ok(lares_world_run(world, 1000));
    check_ok(lares_inbox_next(inbox, 0, &events));
    story.sender = lares_events_next(events)->origin;
    check(lares_events_next(events) != NULL);
    event = lares_events_next(events);
    check_u64(event->origin, story.daemon);
    story.hash = event->hash;
    story.received_at = event->received_at;
    lares_events_free(events);
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
    node_close(node);
    lares_world_free(world);
    return story;
}

/* -- cases ---------------------------------------------------------------- */

static void test_world__is_its_seed(void **state)
{
    struct story first = story_of(42);
    struct story again = story_of(42);
    struct story other = story_of(43);

    (void)state;
    check_mem(&first, &again, sizeof first);
    check(first.node != other.node);
    check(first.daemon != other.daemon);
    check(first.sender != other.sender);
}

static void test_world__time_passes_only_by_run(void **state)
{
    lares_events *events = NULL;
    lares_node *node = NULL;
    lares_world *world = world_open(1, "east", NULL, &node);
    lares_inbox *inbox = subscribe(node, "a", NULL);
    uint64_t began = clock_ms();

    (void)state;
    check_u64(uptime(node), 0);
    check_status(lares_inbox_next(inbox, 3600000, &events), LARES_ETIMEDOUT);
    check_status(lares_inbox_next(inbox, -1, &events), LARES_ETIMEDOUT);
    check_status(lares_node_run(node, 3600000), LARES_ETIMEDOUT);
    check_status(lares_node_wait(node, -1), LARES_ETIMEDOUT);
    check_u64(uptime(node), 0);
    check_ok(lares_world_run(world, 0));
    check_u64(uptime(node), 0);
    check_ok(lares_world_run(world, 86400000));
    check_u64(uptime(node), 86400000);
    check(clock_ms() - began < 1000);
    lares_inbox_free(inbox);
    node_close(node);
    lares_world_free(world);
}

/* What would wait for ever answers, and leaves nothing half done. */
static void test_world__nothing_hangs_in_it(void **state)
{
    lares_node *node = NULL;
    lares_world *world = world_open(1, "east", NULL, &node);
    lares_inbox *inbox = subscribe(node, "a", options("mailbox.count", "1"));
    lares_daemon *daemon;
    lares_call *call = NULL;

    (void)state;
    check_ok(lares_node_register(node, "pulled", NULL, NULL, NULL, NULL));
    daemon = spawn(node, "pulled", NULL);
    check_ok(publish(node, "a", "x", 0));
    check_status(publish(node, "a", "x", -1), LARES_ETIMEDOUT);
    check_status(lares_daemon_pull(daemon, -1, &call), LARES_ETIMEDOUT);
    check_status(ask(daemon, "x", -1, NULL), LARES_ETIMEDOUT);
    for (int i = 0; i < 2; i++) {
        check_ok(say(daemon, "y", 0));
        check_ok(lares_daemon_pull(daemon, -1, &call));
        check(lares_call_next(call) != NULL);
        check_ok(lares_call_end(call, LARES_FAILED));
    }
    check_status(lares_daemon_pull(daemon, -1, &call), LARES_ETIMEDOUT);
    check_ok(lares_world_run(world, 50)); /* its gate */
    check_ok(lares_daemon_pull(daemon, -1, &call));
    check_ok(lares_world_run(world, 30000)); /* its lease */
    check_status(lares_call_end(call, LARES_DONE), LARES_ESTALE);
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
    node_close(node);
    lares_world_free(world);
}

static void test_world__checks_its_arguments(void **state)
{
    lares_node *node = NULL, *second = NULL;
    lares_world *world = world_open(1, "east", NULL, &node);
    lares_options *set = options("lanes", "1");

    (void)state;
    check_status(lares_world_node(world, "east", NULL, &second), LARES_EEXIST);
    check_status(lares_world_node(world, "No", NULL, &second), LARES_ENAME);
    check_status(lares_world_node(world, "west", set, &second), LARES_ERANGE);
    check_status(lares_world_run(world, -1), LARES_ERANGE);
    check_status(lares_world_run(world, INT64_MAX), LARES_ERANGE);
    check_ok(lares_world_run(world, 1));
    check(second == NULL);
    lares_options_free(set);
    node_close(node);
    check_ok(lares_world_node(world, "east", NULL, &second)); /* it has gone */
    node_close(second);
    lares_world_free(world);
}

/* Stops in virtual time, with the grace that is left. */
static void test_world__stops_in_its_own_time(void **state)
{
    lares_node *node = NULL;
    lares_world *world = world_open(1, "east", NULL, &node);
    lares_inbox *inbox = subscribe(node, "out", options("mailbox.count", "1"));
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "echo", echo, NULL);
    daemon = spawn(node, "echo", options("publish", "out"));
    for (int i = 0; i < 3; i++)
        check_ok(say(daemon, "x", 0));
    check_ok(lares_node_stop(node, 5000));
    check_ok(lares_world_run(world, 4999));
    check_str(cell_text(node, "node", "name", "east", "state"), "STOPPING");
    check_ok(lares_world_run(world, 12));
    check_str(cell_text(node, "node", "name", "east", "state"), "STOPPED");
    check_u64(rows_count(node, "letters"), 2);
    check_u64(inbox_count(inbox), 1);
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
    lares_node_free(node);
    lares_world_free(world);
}

static void test_world__may_go_before_its_nodes(void **state)
{
    lares_node *node = NULL;
    lares_world *world = world_open(1, "east", NULL, &node);
    struct notes notes = {0};
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "note", note, &notes);
    daemon = spawn(node, "note", NULL);
    lares_world_free(world);
    check_ok(ask(daemon, "x", 0, NULL));
    check_ok(say(daemon, "x", 0));
    check_status(lares_node_run(node, 0), LARES_ETIMEDOUT);
    check_u64(atomic_load(&notes.count), 2);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_world__nodes_may_go_before_it(void **state)
{
    lares_node *node = NULL;
    lares_world *world = world_open(1, "east", NULL, &node);
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "echo", echo, NULL);
    daemon = spawn(node, "echo", NULL);
    lares_node_free(node);
    check_ok(lares_world_run(world, 1000));
    check_status(say(daemon, "x", 0), LARES_ECLOSED);
    lares_daemon_free(daemon);
    lares_world_free(world);
}

static void test_world__runs_all_its_nodes(void **state)
{
    lares_node *nodes[3] = {NULL};
    static const char *const names[] = {"n0", "n1", "n2"};
    struct notes notes[3];
    lares_world *world = NULL;

    (void)state;
    memset(notes, 0, sizeof notes);
    check_ok(lares_world_new(1, &world));
    for (int i = 0; i < 3; i++) {
        check_ok(lares_world_node(world, names[i], NULL, &nodes[i]));
        kind_add(nodes[i], "note", note, &notes[i]);
        lares_daemon_free(spawn(nodes[i], "note", options("subscribe", "a")));
        check_ok(publish(nodes[i], "a", "x", 0));
    }
    check_ok(lares_world_run(world, 0));
    for (int i = 0; i < 3; i++) {
        check_u64(atomic_load(&notes[i].count), 1);
        node_close(nodes[i]);
    }
    lares_world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_world__is_its_seed),
        house_test(test_world__time_passes_only_by_run),
        house_test(test_world__nothing_hangs_in_it),
        house_test(test_world__checks_its_arguments),
        house_test(test_world__stops_in_its_own_time),
        house_test(test_world__may_go_before_its_nodes),
        house_test(test_world__nodes_may_go_before_it),
        house_test(test_world__runs_all_its_nodes),
    };

    return check_run(tests);
}
