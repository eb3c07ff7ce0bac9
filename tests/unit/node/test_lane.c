#include "support/house.h"

/* Which lane a daemon goes to, and that lanes do not hold each other up. */

/* -- tools ---------------------------------------------------------------- */

static void kind_on_lane(lares_node *node, const char *kind, const char *label)
{
    const lares_daemon_ops ops = {.size = sizeof ops, .process = echo};
    lares_options *set = options("lane", label);

    check_ok(lares_node_register(node, kind, set, &ops, NULL, NULL));
    lares_options_free(set);
}

static lares_daemon *named(lares_node *node, const char *kind, const char *name)
{
    return spawn(node, kind, options("name", name));
}

static uint64_t lane_of(lares_node *node, const char *name)
{
    return daemon_fact(node, name, "lane");
}

/* -- cases ---------------------------------------------------------------- */

static void test_lane__labels_and_the_rest(void **state)
{
    static const char *const plain[] = {"d1", "d2", "d3", "d4"};
    static const uint64_t lanes[] = {1, 2, 1, 2};
    lares_node *node = node_open("3");

    (void)state; /* id: NL06 */
    kind_on_lane(node, "labelled", "p");
    kind_add(node, "echo", echo, NULL);
    for (int i = 0; i < 3; i++)
        lares_daemon_free(spawn(node, "labelled", NULL));
    check_u64(lane_of(node, "labelled"), 0);
    check_u64(cell(node, "lanes", "label", "p", "lane"), 0);
    check_u64(cell(node, "lanes", "label", "p", "daemons"), 3);
    for (int i = 0; i < 4; i++) {
        lares_daemon_free(named(node, "echo", plain[i]));
        check_u64(lane_of(node, plain[i]), lanes[i]);
    }
    node_close(node);
}

static void test_lane__is_free_after_its_last(void **state)
{
    lares_node *node = node_open("3");
    lares_daemon *first, *second;

    (void)state; /* id: NL06 */
    kind_on_lane(node, "labelled", "p");
    kind_add(node, "echo", echo, NULL);
    first = spawn(node, "labelled", NULL);
    second = spawn(node, "labelled", NULL);
    check_ok(lares_daemon_stop(first, 0));
    lares_daemon_free(named(node, "echo", "d1"));
    check_u64(lane_of(node, "d1"), 1);
    check_ok(lares_daemon_stop(second, 0));
    check_u64(cell(node, "lanes", "lane", "0", "daemons"), 0);
    check_str(cell_text(node, "lanes", "lane", "0", "label"), "");
    lares_daemon_free(named(node, "echo", "d2"));
    check_u64(lane_of(node, "d2"), 0);
    lares_daemon_free(first);
    lares_daemon_free(second);
    node_close(node);
}

static void test_lane__labels_do_not_share_while_they_need_not(void **state)
{
    lares_node *node = node_open("2");

    (void)state; /* id: NL06 */
    kind_on_lane(node, "p", "p");
    kind_on_lane(node, "q", "q");
    kind_on_lane(node, "r", "r");
    kind_add(node, "echo", echo, NULL);
    lares_daemon_free(spawn(node, "p", NULL));
    lares_daemon_free(spawn(node, "q", NULL));
    check_u64(lane_of(node, "p"), 0);
    check_u64(lane_of(node, "q"), 1);
    lares_daemon_free(spawn(node, "r", NULL)); /* among all: the lightest */
    check_u64(lane_of(node, "r"), 0);
    lares_daemon_free(spawn(node, "echo", NULL));
    check_u64(lane_of(node, "echo"), 1);
    node_close(node);
}

static void test_lane__one_that_stands_holds_no_other_up(void **state)
{
    lares_node *node = node_open("2");
    struct door door = {0};
    struct notes notes = {0};
    lares_daemon *standing, *noting, *behind;

    (void)state;
    kind_add(node, "stand", stand, &door);
    kind_add(node, "note", note, &notes);
    standing = spawn(node, "stand", NULL);
    noting = spawn(node, "note", NULL);
    behind = named(node, "note", "behind"); /* on the lane of the first */
    check_u64(lane_of(node, "behind"), lane_of(node, "stand"));
    check_ok(say(standing, "x", 0));
    eventually(atomic_load(&door.inside) == 1);
    check_ok(say(noting, "x", 0));
    eventually(atomic_load(&notes.count) == 1);
    check_str(cell_text(node, "lanes", "lane", "0", "running"), "stand");
    check_ok(ask(behind, "x", 1000, NULL)); /* by the caller's thread */
    check_ok(say(behind, "x", 0));
    nap_ms(20);
    check_u64(atomic_load(&notes.count), 2);
    atomic_store(&door.open, 1);
    eventually(atomic_load(&notes.count) == 3);
    lares_daemon_free(standing);
    lares_daemon_free(noting);
    lares_daemon_free(behind);
    node_close(node);
}

/* Takes its time over each input, and counts how often it was entered. */
struct slow {
    atomic_uint entered;
    atomic_uint count;
};

static lares_verdict dawdle(lares_call *call, void *instance)
{
    struct slow *slow = instance;

    atomic_fetch_add(&slow->entered, 1);
    while (lares_call_next(call) != NULL) {
        nap_ms(20);
        atomic_fetch_add(&slow->count, 1);
    }
    return LARES_DONE;
}

static void test_lane__a_long_crossing_is_told_to_end(void **state)
{
    lares_node *node = node_open("1");
    struct notes notes = {0};
    struct slow slow = {0};
    lares_daemon *daemon, *other;

    (void)state;
    kind_add(node, "slow", dawdle, &slow);
    kind_add(node, "note", note, &notes);
    daemon = spawn(node, "slow", NULL);
    other = spawn(node, "note", NULL);
    for (int i = 0; i < 50; i++)
        check_ok(say(daemon, "x", 0));
    eventually(atomic_load(&slow.count) > 0);
    check_ok(say(other, "x", 0));
    eventually(atomic_load(&notes.count) == 1);
    check(atomic_load(&slow.count) < 50); /* it got its turn between */
    check_ok(lares_daemon_stop(daemon, 100));
    check(atomic_load(&slow.entered) > 1);
    lares_daemon_free(daemon);
    lares_daemon_free(other);
    node_close(node);
}

/* The lanes are watched while their node stops, too. */
static void test_lane__a_long_crossing_ends_while_the_node_stops(void **state)
{
    lares_node *node = node_open("1");
    struct slow slow = {0};
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "slow", dawdle, &slow);
    daemon = spawn(node, "slow", NULL);
    for (int i = 0; i < 30; i++)
        check_ok(say(daemon, "x", 0));
    eventually(atomic_load(&slow.count) > 0);
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_wait(node, 8000));
    check_u64(atomic_load(&slow.count), 30);
    check(atomic_load(&slow.entered) > 2); /* once at first, and once a look */
    lares_daemon_free(daemon);
    lares_node_free(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_lane__labels_and_the_rest),
        house_test(test_lane__is_free_after_its_last),
        house_test(test_lane__labels_do_not_share_while_they_need_not),
        house_test(test_lane__one_that_stands_holds_no_other_up),
        house_test(test_lane__a_long_crossing_is_told_to_end),
        house_test(test_lane__a_long_crossing_ends_while_the_node_stops),
    };

    return check_run(tests);
}
