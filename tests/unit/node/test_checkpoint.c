#include "support/tally.h"

/* When a daemon is saved, and what that may cost. */

/* -- tools ---------------------------------------------------------------- */

enum {
    LARGE = 65536 - 64 /* so that the tail grows by 64 KiB an input */
};

static char large[LARGE];

static void feed(lares_daemon *daemon, int count)
{
    for (int i = 0; i < count; i++)
        check_ok(lares_daemon_deliver(daemon, large, sizeof large, 0, NULL));
}

/* -- the tail ------------------------------------------------------------- */

/* Callbacks of 0 ms: a tail of 1 MiB, and not much more. */
static void test_checkpoint__comes_when_the_tail_is_long(void **state)
{
    lares_daemon *daemon = spawn(node, "counter", NULL);

    (void)state; /* id: B04 */
    feed(daemon, 16);
    check_i64(tally.saved, 0);
    feed(daemon, 1); /* 1 MiB and an input */
    check_i64(tally.saved, 0);
    feed(daemon, 1); /* before its crossing */
    check_i64(tally.saved, 1);
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_i64(tally.replayed, 1);
    check_ask(daemon, "a", "19");
    lares_daemon_free(daemon);
}

/* Four times as long as a state that is large. */
static void test_checkpoint__waits_for_four_states(void **state)
{
    lares_daemon *daemon = spawn(node, "counter", NULL);

    (void)state;
    tally.padding = 1024 * 1024 - 8;
    feed(daemon, 18);
    check_i64(tally.saved, 1);
    feed(daemon, 63); /* and the one after the checkpoint: 4 MiB */
    check_i64(tally.saved, 1);
    feed(daemon, 2);
    check_i64(tally.saved, 2);
    lares_daemon_free(daemon);
}

/* A snapshot that was asked for is one, too. */
static void test_checkpoint__is_every_snapshot(void **state)
{
    lares_daemon *daemon = spawn(node, "counter", NULL);

    (void)state;
    feed(daemon, 10);
    lares_bytes_free(image_of(daemon));
    feed(daemon, 10);
    check_i64(tally.saved, 1);
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_i64(tally.replayed, 10);
    check_i64(tally.restored, 1);
    check_ask(daemon, "a", "21");
    lares_daemon_free(daemon);
}

/* -- failing -------------------------------------------------------------- */

static void test_checkpoint__that_fails_holds_the_daemon_up(void **state)
{
    lares_daemon *daemon = spawn(node, "counter", NULL);

    (void)state; /* id: B05 */
    feed(daemon, 17);
    tally.save_fails = 2;
    check_ok(say(daemon, "x", 0));
    pass_ms(0);
    check_state("BACKOFF");
    check_u64(fact("failures"), 2);
    check_u64(fact("queued"), 1);
    check_u64(fact("arrival"), 17);
    check_str(daemon_text(node, "counter", "error"), "counter: no snapshot");
    check_u64(counter(node, "snapshots_total", "result=\"failed\""), 2);
    pass_ms(50);
    check_state("RUNNING");
    check_u64(fact("failures"), 0);
    check_u64(fact("arrival"), 18);
    check_u64(counter(node, "snapshots_total", "result=\"ok\""), 1);
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_ask(daemon, "a", "19");
    lares_daemon_free(daemon);
}

/* By hand it is rebuilt all the same, from the checkpoint before. */
static void test_checkpoint__that_fails_and_a_restart(void **state)
{
    lares_daemon *daemon = spawn(node, "counter", NULL);

    (void)state;
    feed(daemon, 17);
    tally.save_fails = 2;
    check_ok(say(daemon, "x", 0));
    pass_ms(0);
    check_state("BACKOFF");
    check_ok(lares_daemon_restart(daemon));
    pass_ms(0);
    check_u64(fact("rebuilds"), 1);
    check_state("RUNNING");
    check_ask(daemon, "a", "19");
    lares_daemon_free(daemon);
}

/* Whoever lost its object while saving gets it back. */
static void test_checkpoint__that_loses_the_object(void **state)
{
    lares_daemon *daemon = spawn(node, "counter", NULL);
    lares_bytes *image = NULL;

    (void)state;
    feed(daemon, 3);
    tally.save_fails = 1;
    tally.verdict = LARES_LOST;
    check_status(lares_daemon_snapshot(daemon, 0, &image), LARES_ESNAPSHOT);
    check(image == NULL);
    check_detail("no snapshot");
    pass_ms(0);
    check_u64(fact("rebuilds"), 1);
    check_ask(daemon, "a", "4");
    lares_daemon_free(daemon);
}

/* -- without create ------------------------------------------------------- */

/* Nobody makes its object: it is saved before its first input. */
static void test_checkpoint__of_a_kind_without_create(void **state)
{
    lares_daemon_ops ops = tally_ops;
    struct counted given = {5};
    lares_daemon *daemon;

    (void)state;
    ops.create = NULL;
    ops.destroy = NULL;
    check_ok(lares_node_register(node, "given", NULL, &ops, &given, NULL));
    daemon = spawn(node, "given", NULL);
    check_i64(tally.saved, 0);
    check_ask(daemon, "a", "6");
    check_i64(tally.saved, 1);
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_i64(tally.restored, 1);
    check_u64(given.n, 6);
    check_ask(daemon, "b", "7");
    lares_daemon_free(daemon);
}

/* -- time ----------------------------------------------------------------- */

static int nap; /* ms of each snapshot */

static lares_verdict snapshot_slowly(lares_call *call, void *instance)
{
    nap_ms(nap);
    return tally_snapshot(call, instance);
}

/* In real time: one snapshot of 30 ms is not followed by another before the
 * daemon has run for 300 ms, or its tail is 64 MiB. */
static void test_checkpoint__takes_a_tenth_of_the_time(void **state)
{
    lares_daemon_ops ops = tally_ops;
    lares_node *real = node_open("0");
    lares_daemon *daemon;

    (void)state; /* id: B04 */
    nap = 30;
    ops.snapshot = snapshot_slowly;
    check_ok(lares_node_register(real, "slow", NULL, &ops, NULL, NULL));
    daemon = spawn(real, "slow", NULL);
    feed(daemon, 18);
    check_i64(tally.saved, 1);
    feed(daemon, 500); /* some 31 MiB, in a few ms */
    check_i64(tally.saved, 1);
    feed(daemon, 530); /* above 64 MiB time does not count */
    check_i64(tally.saved, 2);
    lares_daemon_free(daemon);
    node_close(real);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tally_test(test_checkpoint__comes_when_the_tail_is_long),
        tally_test(test_checkpoint__waits_for_four_states),
        tally_test(test_checkpoint__is_every_snapshot),
        tally_test(test_checkpoint__that_fails_holds_the_daemon_up),
        tally_test(test_checkpoint__that_fails_and_a_restart),
        tally_test(test_checkpoint__that_loses_the_object),
        tally_test(test_checkpoint__of_a_kind_without_create),
        tally_test(test_checkpoint__takes_a_tenth_of_the_time),
    };

    return check_run(tests);
}
