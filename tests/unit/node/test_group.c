#include "support/three.h"

/* Queue groups: one member gets each event, in turn. */

/* -- tools ---------------------------------------------------------------- */

static char texts[4096];

/* A daemon of a group. */
static lares_daemon *member(const char *kind, const char *name,
                            const char *count)
{
    lares_daemon *daemon =
        spawn(node, kind,
              options("name", name, "mailbox.count", count, "restart.initial",
                      "60000", "restart.max", "60000"));

    check_ok(lares_daemon_subscribe(daemon, "t", "pool"));
    return daemon;
}

/* -- cases ---------------------------------------------------------------- */

static void test_group__takes_turns(void **state)
{
    (void)state; /* id: BC03 */
    lares_daemon_free(member("a", "m1", "1024"));
    lares_daemon_free(member("b", "m2", "1024"));
    lares_daemon_free(member("c", "m3", "1024"));
    for (int i = 0; i < 300; i++)
        check_ok(publish(node, "t", "x", 0));
    run(node);
    for (int i = 0; i < THREE; i++)
        check_u64(seen(i), 100);
}

static void test_group__passes_over_the_unready(void **state)
{
    lares_daemon *failing = member("touchy", "m1", "1024");

    (void)state; /* id: BC03 */
    lares_daemon_free(member("b", "m2", "2"));
    lares_daemon_free(member("c", "m3", "1024"));
    check_ok(say(failing, "!", 0));
    run(node); /* twice: it waits for a minute */
    for (int i = 0; i < 100; i++)
        check_ok(publish(node, "t", "x", 0));
    check_u64(daemon_fact(node, "m1", "queued"), 1);
    check_u64(daemon_fact(node, "m2", "queued"), 2);
    check_u64(daemon_fact(node, "m3", "queued"), 98);
    lares_daemon_free(failing);
}

static void test_group__may_be_full(void **state)
{
    (void)state; /* id: BC03 */
    lares_daemon_free(member("a", "m1", "1"));
    lares_daemon_free(member("b", "m2", "1"));
    check_ok(publish(node, "t", "1", 0));
    check_ok(publish(node, "t", "2", 0));
    check_status(publish(node, "t", "3", 0), LARES_EAGAIN);
    check_detail("'m"); /* whose turn it was */
    check_ok(publish(node, "t", "3", -1));
    run(node);
    check_u64(seen(0) + seen(1), 3);
}

/* One event on each of many channels: not all go to the same member. */
static void test_group__shares_channels_too(void **state)
{
    static const char *const names[] = {"m1", "m2", "m3"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        lares_daemon *daemon = member("a", names[i], "1024");

        check_ok(lares_daemon_subscribe(daemon, "in.*", "wild"));
        lares_daemon_free(daemon);
    }
    for (int i = 0; i < 90; i++) {
        char channel[16];

        (void)snprintf(channel, sizeof channel, "in.%d", i);
        check_ok(publish(node, channel, "x", 0));
    }
    for (int i = 0; i < 3; i++)
        check(daemon_fact(node, names[i], "queued") >= 15);
    run(node);
}

static void test_group__plain_and_group_is_once(void **state)
{
    lares_daemon *both = member("a", "m1", "1024");

    (void)state; /* id: BC02 */
    check_ok(lares_daemon_subscribe(both, "*", NULL));
    check_ok(lares_daemon_subscribe(both, ">", NULL));
    check_ok(lares_daemon_subscribe(both, ">", NULL)); /* stands already */
    lares_daemon_free(member("b", "m2", "1024"));
    for (int i = 0; i < 10; i++)
        check_ok(publish(node, "t", "x", 0));
    run(node);
    check_u64(seen(0), 10);
    check_u64(seen(1), 10); /* the group's only member now */
    check_ok(lares_daemon_unsubscribe(both, "*", NULL));
    check_ok(lares_daemon_unsubscribe(both, ">", NULL));
    check_ok(lares_daemon_unsubscribe(both, ">", NULL));
    for (int i = 0; i < 10; i++)
        check_ok(publish(node, "t", "x", 0));
    run(node);
    check_u64(seen(0), 15);
    check_u64(seen(1), 15);
    lares_daemon_free(both);
}

/* Never one's own outputs; but a daemon may send to itself. */
static void test_group__not_to_oneself(void **state)
{
    lares_inbox *inbox = subscribe(node, "out", NULL);

    (void)state; /* id: BC02 */
    lares_daemon_free(
        spawn(node, "echo", options("subscribe", "> out", "publish", "out")));
    lares_daemon_free(spawn(node, "a", options("subscribe", "*.* o out")));
    check_ok(publish(node, "in", "x", 0));
    check_u64(inbox_read(inbox, 0, texts, sizeof texts), 1);
    check_u64(seen(0), 1);
    lares_inbox_free(inbox);
}

static void test_group__inboxes_share_a_group(void **state)
{
    lares_inbox *first = subscribe(node, "t", options("group", "pool"));
    lares_inbox *second = subscribe(node, "t", options("group", "pool"));

    (void)state;
    for (int i = 0; i < 10; i++)
        check_ok(publish(node, "t", "x", 0));
    check_u64(inbox_count(first), 5);
    lares_inbox_free(first);
    for (int i = 0; i < 10; i++)
        check_ok(publish(node, "t", "x", 0));
    check_u64(inbox_count(second), 15);
    lares_inbox_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        three_test(test_group__takes_turns),
        three_test(test_group__passes_over_the_unready),
        three_test(test_group__may_be_full),
        three_test(test_group__shares_channels_too),
        three_test(test_group__plain_and_group_is_once),
        three_test(test_group__not_to_oneself),
        three_test(test_group__inboxes_share_a_group),
    };

    return check_run(tests);
}
