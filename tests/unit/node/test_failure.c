#include "support/house.h"

#include <setjmp.h>

/* What fails, moves nothing: in virtual time, to the millisecond. */

/* -- fixture ------------------------------------------------------------- */

enum {
    LOG_MAX = 64
};

/* What a daemon of the scripted kind did, and what it is to do. */
struct script {
    lares_node *node;
    uint64_t at[LOG_MAX]; /* ms of world time, of each attempt */
    uint64_t arrivals[LOG_MAX];
    int attempts;
    int entered; /* crossings */
    int created, destroyed;
    lares_verdict verdict; /* for inputs that begin with '?' */
    int creates_fail;      /* so many of the next */
    jmp_buf escape;
};

static struct script script;
static lares_world *world;
static lares_node *node;

static lares_verdict script_create(lares_call *call, lares_daemon *daemon,
                                   void **instance_out, void *user)
{
    (void)daemon;
    if (script.creates_fail > 0) {
        script.creates_fail--;
        lares_call_fail(call, "no instance today");
        return LARES_FAILED;
    }
    script.created++;
    *instance_out = user;
    return LARES_DONE;
}

static void script_destroy(void *instance)
{
    (void)instance;
    script.destroyed++;
}

static uint64_t world_ms(void)
{
    lares_rows *rows = NULL;
    uint64_t ms = 0;

    if (lares_node_report(script.node, "node", &rows) == LARES_OK &&
        lares_rows_next(rows) == LARES_OK)
        lares_rows_u64(rows, "uptime_ms", &ms);
    lares_rows_free(rows);
    return ms;
}

static void script_log(const lares_event *event)
{
    if (script.attempts == LOG_MAX)
        return;
    script.at[script.attempts] = world_ms();
    script.arrivals[script.attempts++] = event->arrival;
}

/* Jumps over its own frames, as an exception of some language would. */
static void script_obey(lares_call *call, const lares_event *event)
{
    const char *text = event->data;

    for (size_t i = 0; i < event->len; i++) {
        if (text[i] == '!' || text[i] == '?')
            longjmp(script.escape, text[i]);
        lares_call_emit(call, NULL, text + i, 1);
    }
}

/* Emits each letter of an input; '!' fails it with "boom", '?' as told. */
static lares_verdict script_process(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    script.entered++;
    switch (setjmp(script.escape)) {
    case 0:
        while ((event = lares_call_next(call)) != NULL) {
            script_log(event);
            script_obey(call, event);
        }
        return LARES_DONE;
    case '!':
        lares_call_fail(call, "boom");
        return LARES_FAILED;
    default:
        return script.verdict;
    }
}

static const lares_daemon_ops script_ops = {
    .size = sizeof script_ops,
    .create = script_create,
    .destroy = script_destroy,
    .process = script_process,
};

static int failure_setup(void **state)
{
    int rc = house_setup(state);

    memset(&script, 0, sizeof script);
    check_ok(lares_world_new(7, &world));
    check_ok(lares_world_node(world, "east", NULL, &node));
    script.node = node;
    check_ok(
        lares_node_register(node, "script", NULL, &script_ops, NULL, NULL));
    return rc;
}

static int failure_teardown(void **state)
{
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_world_run(world, 2000));
    check_i64(script.created, script.destroyed);
    lares_node_free(node);
    lares_world_free(world);
    return house_teardown(state);
}

/* -- tools --------------------------------------------------------------- */

static char texts[4096];

static void pass_ms(int64_t ms)
{
    check_ok(lares_world_run(world, ms));
}

static uint64_t fact(const char *column)
{
    return daemon_fact(node, "script", column);
}

static void check_state(const char *name)
{
    check_str(daemon_text(node, "script", "state"), name);
}

static void check_times(const uint64_t *times, int count)
{
    check_i64(script.attempts, count);
    for (int i = 0; i < count; i++)
        check_u64(script.at[i], times[i]);
}

/* Follows the chain of the inbox's events from its genesis. */
static void check_chain(lares_inbox *inbox, lares_daemon *daemon, int count)
{
    lares_chain *chain = NULL;
    lares_events *events = NULL;
    const lares_event *event;

    check_ok(lares_chain_new(lares_daemon_origin(daemon), &chain));
    while (lares_inbox_next(inbox, 0, &events) == LARES_OK) {
        for (; (event = lares_events_next(events)) != NULL; count--)
            check_ok(lares_chain_check(chain, event));
        lares_events_free(events);
    }
    check_i64(count, 0);
    lares_chain_free(chain);
}

/* -- the example of the contract ------------------------------------------------- */

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

/* -- the restart policy, in virtual time ------------------------------------------- */

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

/* -- verdicts -------------------------------------------------------------------- */

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
    (void)state; /* id: AB04, V03 */
    check_verdict(0, "process failed");
    check_verdict(7, "process answered 7");
    check_verdict(-1, "process answered -1");
    check_verdict(-5, "process answered -5");
    check_verdict(99, "process answered 99");
    check_verdict(LARES_LOST, "process lost its instance");
}

static void test_failure__a_lost_instance_is_made_anew(void **state)
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

static void test_failure__create_may_fail_for_a_while(void **state)
{
    lares_daemon *daemon = spawn(node, "script", NULL);

    (void)state;
    script.verdict = LARES_LOST;
    check_status(ask(daemon, "?", 0, NULL), LARES_ECALLBACK);
    script.creates_fail = 3;
    check_ok(say(daemon, "x", 0));
    pass_ms(0);
    check_state("BACKOFF");
    check_str(daemon_text(node, "script", "error"),
              "script: no instance today");
    check_u64(fact("queued"), 1);
    pass_ms(1000);
    check_state("RUNNING");
    check_u64(fact("arrival"), 2);
    check_u64(fact("lost"), 1);
    check_u64(rows_count(node, "letters"), 0);
    lares_daemon_free(daemon);
}

/* A single failure of create, at a wait of 0, is tried again at once. */
static void test_failure__create_is_tried_again(void **state)
{
    lares_daemon *daemon = spawn(node, "script", NULL);

    (void)state;
    script.verdict = LARES_LOST;
    check_status(ask(daemon, "?", 0, NULL), LARES_ECALLBACK);
    script.creates_fail = 1;
    check_ok(say(daemon, "x", 0));
    pass_ms(0);
    check_u64(fact("arrival"), 2);
    check_u64(fact("queued"), 0);
    lares_daemon_free(daemon);
}

/* While it drains, what is lost is made anew for the rest. */
static void test_failure__a_lost_instance_drains(void **state)
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
static void test_failure__an_instance_lost_for_good_ends(void **state)
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

/* -- failing to be ------------------------------------------------------------------ */

static void test_failure__a_failing_create_leaves_nothing(void **state)
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

static void test_failure__a_refused_spawn_leaves_nothing(void **state)
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
#define failure_test(test)                                                     \
    cmocka_unit_test_setup_teardown(test, failure_setup, failure_teardown)
    const struct CMUnitTest tests[] = {
        failure_test(test_failure__five_inputs_the_third_fails),
        failure_test(test_failure__poison_then_good),
        failure_test(test_failure__attempts_come_ever_slower),
        failure_test(test_failure__steps_of_time_do_not_show),
        failure_test(test_failure__a_success_makes_the_next_wait_0),
        failure_test(test_failure__options_of_the_policy),
        failure_test(test_failure__no_wait_at_all),
        failure_test(test_failure__what_is_no_verdict_is_a_failure),
        failure_test(test_failure__a_lost_instance_is_made_anew),
        failure_test(test_failure__create_may_fail_for_a_while),
        failure_test(test_failure__create_is_tried_again),
        failure_test(test_failure__a_lost_instance_drains),
        failure_test(test_failure__an_instance_lost_for_good_ends),
        failure_test(test_failure__a_failing_create_leaves_nothing),
        failure_test(test_failure__a_refused_spawn_leaves_nothing),
    };

    return check_run(tests);
}
