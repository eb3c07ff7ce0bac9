#include "support/script.h"

/* Instances that are lost, and daemons that fail to be. */

/* -- tools ---------------------------------------------------------------- */

static char texts[4096];

/* -- losing it ------------------------------------------------------------ */

static void test_instance__a_lost_instance_is_made_anew(void **state)
{
    lares_inbox *inbox = subscribe(node, "out", NULL);
    lares_daemon *daemon = spawn(node, "script", options("publish", "out"));

    (void)state;
    script.verdict = LARES_LOST;
    check_ok(say(daemon, "a", 0));
    check_ok(say(daemon, "b?", 0));
    check_ok(say(daemon, "c", 0));
    pass_ms(1000);
    check_u64(fact("lost"), 3); /* each attempt takes one with it */
    check_i64(script.created, 4);
    check_i64(script.destroyed, 3);
    check_u64(fact("arrival"), 3);
    check_chain(inbox, daemon, 2);
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

static void test_instance__create_may_fail_for_a_while(void **state)
{
    lares_daemon *daemon = spawn(node, "script", NULL);

    (void)state;
    script.verdict = LARES_LOST;
    script.creates_fail = 3; /* the first before deliver returns */
    check_status(ask(daemon, "?", 0, NULL), LARES_ECALLBACK);
    check_i64(script.creates_fail, 2);
    check_ok(say(daemon, "x", 0));
    pass_ms(0);
    check_state("BACKOFF");
    check_str(daemon_text(node, "script", "error"), "no instance today");
    check_u64(fact("queued"), 1);
    pass_ms(1000);
    check_state("RUNNING");
    check_u64(fact("arrival"), 2);
    check_u64(fact("lost"), 1);
    check_u64(rows_count(node, "letters"), 0);
    lares_daemon_free(daemon);
}

/* A wait of 0 is none: create is tried again at once. */
static void test_instance__create_is_tried_again(void **state)
{
    lares_daemon *daemon =
        spawn(node, "script", options("restart.initial", "0"));

    (void)state;
    script.verdict = LARES_LOST;
    script.creates_fail = 5;
    check_status(ask(daemon, "?", 0, NULL), LARES_ECALLBACK);
    check_ok(say(daemon, "x", 0));
    pass_ms(0);
    check_u64(fact("arrival"), 2);
    check_u64(fact("queued"), 0);
    check_u64(fact("lost"), 1);
    lares_daemon_free(daemon);
}

/* While it drains, what is lost is made anew for the rest. */
static void test_instance__a_lost_instance_drains(void **state)
{
    lares_daemon *daemon = spawn(node, "script", options("publish", "out"));
    lares_inbox *inbox = subscribe(node, "out", NULL);

    (void)state;
    script.verdict = LARES_LOST;
    check_ok(say(daemon, "a?", 0));
    check_ok(say(daemon, "b", 0));
    check_ok(lares_daemon_stop(daemon, -1));
    check_u64(inbox_read(inbox, 0, texts, sizeof texts), 1);
    check_str(texts, "b ");
    check_u64(rows_count(node, "letters"), 1);
    check_str(cell_text(node, "letters", "name", "script", "reason"), "FAILED");
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

/* If it cannot be, the daemon ends, and the rest becomes letters. */
static void test_instance__an_instance_lost_for_good_ends(void **state)
{
    lares_daemon *daemon = spawn(node, "script", NULL);

    (void)state;
    script.verdict = LARES_LOST;
    check_ok(say(daemon, "a?", 0));
    check_ok(say(daemon, "b", 0));
    pass_ms(0); /* two attempts; it waits for the third */
    script.creates_fail = 1000;
    check_ok(lares_daemon_stop(daemon, -1));
    check_u64(rows_count(node, "letters"), 2);
    check_str(cell_text(node, "letters", "sequence", "2", "reason"), "CLOSED");
    check(script.creates_fail > 990);
    lares_daemon_free(daemon);
}

/* -- failing to be -------------------------------------------------------- */

/* Emits, then nothing can be allocated any more. */
static lares_verdict starve(lares_call *call, void *instance)
{
    lares_verdict verdict = echo(call, instance);

    lares__alloc_fail(1, 1);
    return verdict;
}

static void *stop_patiently(void *daemon)
{
    return (void *)(intptr_t)lares_daemon_stop(daemon, -1);
}

/* Outputs that found no memory for their way are handed over once there is
 * some: also those of a deliver, and of a daemon that drains. */
static void check_starved_outputs(int drains)
{
    lares_node *laned = node_open("1");
    lares_inbox *inbox = subscribe(laned, "out", NULL);
    lares_events *events = NULL;
    lares_daemon *daemon;
    pthread_t thread;
    void *stopped;

    kind_add(laned, "starve", starve, NULL);
    daemon = spawn(laned, "starve", options("publish", "out"));
    if (drains) {
        check_ok(say(daemon, "x", 0));
        nap_ms(20);
        check(pthread_create(&thread, NULL, stop_patiently, daemon) == 0);
    } else {
        check_ok(ask(daemon, "x", -1, NULL));
    }
    nap_ms(20);
    lares__alloc_fail(-1, 0);
    check_ok(lares_inbox_next(inbox, 5000, &events));
    lares_events_free(events);
    if (drains)
        check(pthread_join(thread, &stopped) == 0 && stopped == NULL);
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
    node_close(laned);
}

static void test_instance__outputs_outlast_a_want_of_memory(void **state)
{
    (void)state;
    check_starved_outputs(0);
    check_starved_outputs(1);
}

static void test_instance__a_failing_create_leaves_nothing(void **state)
{
    static const char seed[32] = "a daemon that comes to life late";
    lares_daemon *daemon = NULL;
    lares_key *key = NULL;

    (void)state; /* id: N02 */
    check_ok(lares_key_new(seed, 32, &key));
    script.creates_fail = 1;
    check_status(lares_node_spawn(node, "script", key, NULL, &daemon),
                 LARES_ECALLBACK);
    check_detail("no instance today");
    check(daemon == NULL);
    check_u64(rows_count(node, "daemons"), 0);
    check_u64(cell(node, "kinds", "name", "script", "instances"), 0);
    check_ok(lares_node_spawn(node, "script", key, NULL, &daemon));
    check_status(lares_node_spawn(node, "script", key, NULL, NULL),
                 LARES_EEXIST);
    lares_daemon_free(daemon);
    lares_key_free(key);
}

static void check_spawn(const char *key, const char *value, lares_status rc)
{
    lares_options *set = options(key, value);
    lares_daemon *daemon = NULL;

    check_status(lares_node_spawn(node, "script", NULL, set, &daemon), rc);
    check(daemon == NULL);
    check_u64(rows_count(node, "daemons"), 0);
    check_u64(rows_count(node, "subscriptions"), 0);
    check_u64(cell(node, "kinds", "name", "script", "instances"), 0);
    lares_options_free(set);
}

static void test_instance__a_refused_spawn_leaves_nothing(void **state)
{
    (void)state;
    check_spawn("name", "No", LARES_ENAME);
    check_spawn("subscribe", "fine a..b", LARES_ENAME);
    check_spawn("publish", "a.*", LARES_ENAME);
    check_spawn("publish", "$own", LARES_EDENIED);
    check_spawn("mailbox.count", "0", LARES_ERANGE);
    check_spawn("mailbox.count", "1048577", LARES_ERANGE);
    check_spawn("mailbox.bytes", "1023", LARES_ERANGE);
    check_spawn("batch", "1025", LARES_ERANGE);
    check_spawn("horizon.count", "0", LARES_ERANGE);
    check_spawn("restart.attempts", "0", LARES_ERANGE);
    check_spawn("restart.max", "-1", LARES_ERANGE);
    check_spawn("mailbox.policy", "evict", LARES_EOPTION);
    check_status(lares_node_spawn(node, "nobody", NULL, NULL, NULL),
                 LARES_EKIND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        script_test(test_instance__a_lost_instance_is_made_anew),
        script_test(test_instance__create_may_fail_for_a_while),
        script_test(test_instance__create_is_tried_again),
        script_test(test_instance__a_lost_instance_drains),
        script_test(test_instance__an_instance_lost_for_good_ends),
        script_test(test_instance__outputs_outlast_a_want_of_memory),
        script_test(test_instance__a_failing_create_leaves_nothing),
        script_test(test_instance__a_refused_spawn_leaves_nothing),
    };

    return check_run(tests);
}
