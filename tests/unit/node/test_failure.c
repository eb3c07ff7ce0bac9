#include "support/script.h"

/* What fails, moves nothing: in virtual time, to the millisecond. */

/* -- the example of the contract ------------------------------------------ */

/* Six inputs with twenty outputs are behind it. */
static lares_daemon *example_open(void)
{
    lares_daemon *daemon = spawn(node, "script", options("publish", "out"));

    for (int i = 0; i < 5; i++)
        check_ok(ask(daemon, "1234", 0, NULL));
    check_ok(ask(daemon, "", 0, NULL));
    check_u64(fact("arrival"), 6);
    check_u64(fact("sequence"), 20);
    check_ok(say(daemon, "a", 0));
    check_ok(say(daemon, "bc", 0));
    check_ok(say(daemon, "d!", 0));
    check_ok(say(daemon, "e", 0));
    check_ok(say(daemon, "f", 0));
    script.entered = 0;
    script.attempts = 0;
    return daemon;
}

static void check_example(uint64_t arrival, uint64_t sequence,
                          uint64_t failures, uint64_t queued, int entered)
{
    check_u64(fact("arrival"), arrival);
    check_u64(fact("sequence"), sequence);
    check_u64(fact("failures"), failures);
    check_u64(fact("queued"), queued);
    check_i64(script.entered, entered);
}

/* A kind that keeps its object: the rows without a rebuild. */
static void test_failure__five_inputs_the_third_fails(void **state)
{
    static const uint64_t arrivals[] = {7, 8, 9, 9, 9, 10, 11};
    lares_inbox *inbox = subscribe(node, "out", NULL);
    lares_daemon *daemon = example_open();

    (void)state; /* H04, but for its rows with snapshot */
    pass_ms(0);
    check_example(8, 23, 2, 3, 2); /* two attempts at 9, the second at once */
    check_state("BACKOFF");
    check_u64(fact("gate_ms"), 50);
    pass_ms(49);
    check_example(8, 23, 2, 3, 2);
    pass_ms(1);
    check_example(11, 25, 0, 0, 4); /* given up, and the rest */
    check_state("RUNNING");
    check_i64(script.attempts, 7);
    for (int i = 0; i < 7; i++)
        check_u64(script.arrivals[i], arrivals[i]);
    check_u64(rows_count(node, "letters"), 1);
    check_str(cell_text(node, "letters", "name", "script", "reason"), "FAILED");
    check_str(cell_text(node, "letters", "name", "script", "text"), "boom");
    check_i64(script.created, 1);
    check_u64(fact("crashes"), 3);
    check_chain(inbox, daemon, 25);
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

static void test_failure__poison_then_good(void **state)
{
    static const uint64_t times[] = {0, 0, 50, 50};
    lares_inbox *inbox = subscribe(node, "out", NULL);
    lares_daemon *daemon =
        spawn(node, "script", options("publish", "out", "subscribe", "in"));

    (void)state; /* id: NS02 */
    check_ok(publish(node, "in", "poison!", 0));
    check_ok(publish(node, "in", "good", 0));
    pass_ms(1000);
    check_times(times, 4);
    check_u64(rows_count(node, "letters"), 1);
    check_str(cell_text(node, "letters", "reason", "FAILED", "text"), "boom");
    check_u64(cell(node, "letters", "reason", "FAILED", "sequence"), 1);
    check_u64(cell(node, "letters", "reason", "FAILED", "size"), 7);
    check_str(cell_text(node, "letters", "reason", "FAILED", "channel"), "in");
    check_u64(fact("sequence"), 4);
    check_chain(inbox, daemon, 4);
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

/* -- the restart policy, in virtual time ---------------------------------- */

/* each letter opens the gate for the next input */
static const uint64_t all_fail[] = {0,    0,    50,   50,    250,   650,  650,
                                    2250, 5450, 5450, 15450, 25450, 25450};

static void fill(lares_daemon *daemon)
{
    for (int i = 0; i < 10; i++)
        check_ok(say(daemon, "!", 0));
}

static void test_failure__attempts_come_ever_slower(void **state)
{
    static const uint64_t letters[] = {50, 650, 5450, 25450};
    lares_daemon *daemon = spawn(node, "script", NULL);

    (void)state;
    fill(daemon);
    pass_ms(0);
    for (int i = 0; i < 4; i++) {
        uint64_t now = world_ms();

        pass_ms((int64_t)(letters[i] - now - 1));
        check_u64(rows_count(node, "letters"), (uint64_t)i);
        check_state(letters[i] <= 5450 ? "BACKOFF" : "LOOPING");
        pass_ms(1);
        check_u64(rows_count(node, "letters"), (uint64_t)i + 1);
    }
    check_times(all_fail, 13);
    lares_daemon_free(daemon);
}

/* One step of an hour does the same as small ones. */
static void test_failure__steps_of_time_do_not_show(void **state)
{
    lares_daemon *daemon = spawn(node, "script", NULL);

    (void)state;
    fill(daemon);
    pass_ms(25450);
    check_times(all_fail, 13);
    pass_ms(3600000);
    check_u64(fact("queued"), 0);
    check_u64(rows_count(node, "letters"), 10);
    lares_daemon_free(daemon);
}

static void test_failure__a_success_makes_the_next_wait_0(void **state)
{
    static const uint64_t times[] = {0, 0, 50, 50, 50, 50, 100, 100};
    lares_daemon *daemon = spawn(node, "script", NULL);

    (void)state;
    check_ok(say(daemon, "!", 0));
    check_ok(say(daemon, "good", 0));
    check_ok(say(daemon, "!", 0));
    check_ok(say(daemon, "good", 0));
    pass_ms(10000);
    check_times(times, 8);
    check_u64(fact("failures"), 0);
    lares_daemon_free(daemon);
}

static void test_failure__options_of_the_policy(void **state)
{
    static const uint64_t times[] = {0, 0, 7, 17, 27};
    lares_daemon *daemon = spawn(node, "script",
                                 options("restart.initial", "7", "restart.max",
                                         "10", "restart.attempts", "5"));

    (void)state;
    check_ok(say(daemon, "!", 0));
    pass_ms(10000);
    check_times(times, 5);
    check_u64(rows_count(node, "letters"), 1);
    lares_daemon_free(daemon);
}

/* No doubling makes anything of 0. */
static void test_failure__no_wait_at_all(void **state)
{
    lares_daemon *daemon =
        spawn(node, "script",
              options("restart.initial", "0", "restart.attempts", "100"));

    (void)state;
    check_ok(say(daemon, "!", 0));
    pass_ms(0);
    check_i64(script.entered, 100);
    check_u64(rows_count(node, "letters"), 1);
    lares_daemon_free(daemon);
}

/* -- verdicts ------------------------------------------------------------- */

static void check_verdict(lares_verdict verdict, const char *reason)
{
    lares_daemon *daemon = spawn(node, "script", options("name", "script"));

    script.verdict = verdict;
    check_status(ask(daemon, "ab?", 0, NULL), LARES_ECALLBACK);
    check_detail(reason);
    check_u64(fact("sequence"), 0);
    check_ok(ask(daemon, "ab", 0, NULL));
    check_u64(fact("sequence"), 2);
    check_ok(lares_daemon_stop(daemon, 0));
    lares_daemon_free(daemon);
}

static void test_failure__what_is_no_verdict_is_a_failure(void **state)
{
    (void)state; /* AB04, but for evictions; id: V03 */
    check_verdict(0, "process failed");
    check_verdict(7, "process answered 7");
    check_verdict(-1, "process answered -1");
    check_verdict(-5, "process answered -5");
    check_verdict(99, "process answered 99");
    check_verdict(LARES_LOST, "process lost its instance");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        script_test(test_failure__five_inputs_the_third_fails),
        script_test(test_failure__poison_then_good),
        script_test(test_failure__attempts_come_ever_slower),
        script_test(test_failure__steps_of_time_do_not_show),
        script_test(test_failure__a_success_makes_the_next_wait_0),
        script_test(test_failure__options_of_the_policy),
        script_test(test_failure__no_wait_at_all),
        script_test(test_failure__what_is_no_verdict_is_a_failure),
    };

    return check_run(tests);
}
