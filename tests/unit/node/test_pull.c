#include "support/pull.h"

/* Daemons whose author pulls. */

/* -- tools ---------------------------------------------------------------- */

static char texts[4096];

/* -- pulling -------------------------------------------------------------- */

static void check_pulling(const char *lanes)
{
    lares_inbox *inbox;
    lares_call *call;

    pull_open(lanes, "30000",
              options("subscribe", "in", "publish", "out", "argument", "hm"));
    inbox = subscribe(node, "out", NULL);
    check_status(pull_status(0), LARES_ETIMEDOUT);
    check_status(pull_status(20), LARES_ETIMEDOUT);
    check_ok(publish(node, "in", "1", 0));
    check_ok(publish(node, "in", "2", 0));
    call = pull(2000);
    check_str(lares_call_argument(call), "hm");
    check(drain(call) > 0);
    while (fact("inputs") < 2)
        drain(pull(2000));
    check_u64(inbox_read(inbox, 10, texts, sizeof texts), 2);
    check_str(texts, "1 2 ");
    check_u64(fact("sequence"), 2);
    check_u64(fact("queued"), 0);
    check_status(pull_status(0), LARES_ETIMEDOUT);
    lares_inbox_free(inbox);
}

static void test_pull__without_lanes(void **state)
{
    (void)state;
    check_pulling("0");
}

static void test_pull__with_a_lane(void **state)
{
    (void)state;
    check_pulling("1");
}

static void test_pull__one_call_at_a_time(void **state)
{
    lares_call *call;

    (void)state; /* id: V10 */
    pull_open("1", "30000", NULL);
    check_ok(say(daemon, "x", 0));
    check_ok(say(daemon, "y", 0));
    call = pull(2000);
    check_status(pull_status(0), LARES_EBUSY);
    check_status(pull_status(-1), LARES_EBUSY);
    check(lares_call_next(call) != NULL);
    check_ok(lares_call_end(call, LARES_DONE));
    call = pull(2000);
    check_u64(lares_call_next(call)->len, 1);
    check_ok(lares_call_end(call, LARES_DONE));
    check_u64(fact("inputs"), 2);
}

static void test_pull__of_a_kind_with_ops(void **state)
{
    lares_daemon *other;
    lares_call *call = NULL;

    (void)state;
    pull_open("0", "30000", NULL);
    other = spawn(node, "echo", NULL);
    check_status(lares_daemon_pull(other, 0, &call), LARES_EINVAL);
    check_detail("'echo'");
    check(call == NULL);
    check_status(pull_status(-2), LARES_ERANGE);
    lares_daemon_free(other);
}

static void test_pull__what_is_not_taken_stays(void **state)
{
    lares_call *call;

    (void)state;
    pull_open("0", "30000", NULL);
    for (int i = 0; i < 3; i++)
        check_ok(say(daemon, i == 0 ? "a" : i == 1 ? "b" : "c", 0));
    call = pull(0);
    check_mem(lares_call_next(call)->data, "a", 1);
    check_ok(lares_call_end(call, LARES_DONE)); /* finishes "a" alone */
    check_u64(fact("queued"), 2);
    call = pull(0);
    check_mem(lares_call_next(call)->data, "b", 1);
    check_mem(lares_call_next(call)->data, "c", 1);
    check(lares_call_next(call) == NULL);
    check(lares_call_next(call) == NULL);
    check_ok(lares_call_end(call, LARES_DONE));
    check_u64(fact("queued"), 0);
}

static void test_pull__verdicts(void **state)
{
    lares_call *call;

    (void)state;
    pull_open("0", "30000", options("restart.initial", "0"));
    check_ok(say(daemon, "x", 0));
    call = pull(0);
    check(lares_call_next(call) != NULL);
    lares_call_fail(call, "not now");
    check_ok(lares_call_end(call, LARES_FAILED));
    check_u64(fact("crashes"), 1);
    check_str(daemon_text(node, "pulled", "error"), "not now");
    call = pull(0);
    check(lares_call_next(call) != NULL);
    check_status(lares_call_end(call, 7), LARES_EINVAL);
    check_detail("7");
    check_u64(fact("crashes"), 2);
    call = pull(0);
    check_status(lares_call_emit(call, NULL, "x", 1), LARES_EPHASE);
    check_ok(lares_call_end(call, LARES_DONE)); /* took no input: n rises */
    check_u64(fact("crashes"), 3);
    check_u64(fact("queued"), 1);
    call = pull(0);
    check(lares_call_next(call) != NULL);
    check_ok(lares_call_end(call, LARES_FAILED)); /* the third at this one */
    check_str(cell_text(node, "letters", "name", "pulled", "reason"), "FAILED");
    check_u64(fact("queued"), 0);
}

/* The restart gate holds for pullers, too. */
static void test_pull__waits_for_the_gate(void **state)
{
    uint64_t began;
    lares_call *call;

    (void)state;
    pull_open("1", "30000", options("restart.initial", "100"));
    check_ok(say(daemon, "x", 0));
    for (int i = 0; i < 2; i++) {
        call = pull(2000);
        check(lares_call_next(call) != NULL);
        began = clock_ms();
        check_ok(lares_call_end(call, LARES_FAILED));
    }
    check_status(pull_status(0), LARES_ETIMEDOUT);
    check_status(pull_status(20), LARES_ETIMEDOUT);
    call = pull(-1);
    check(clock_ms() - began >= 99);
    check_u64(drain(call), 1);
}

/* what opens the gate of a daemon while its puller waits */
static void *restart_soon(void *arg)
{
    nap_ms(20);
    return (void *)(intptr_t)lares_daemon_restart(arg);
}

static void *stop_soon(void *arg)
{
    nap_ms(20);
    return (void *)(intptr_t)lares_daemon_stop(arg, 60000);
}

static void check_gate_opened(void *(*opener)(void *))
{
    pthread_t thread;
    void *status;

    pull_open("1", "30000", options("restart.initial", "60000"));
    check_ok(say(daemon, "x", 0));
    for (int i = 0; i < 2; i++) {
        lares_call *call = pull(2000);

        check(lares_call_next(call) != NULL);
        check_ok(lares_call_end(call, LARES_FAILED));
    }
    check_status(pull_status(0), LARES_ETIMEDOUT);
    check(pthread_create(&thread, NULL, opener, daemon) == 0);
    check_u64(drain(pull(8000)), 1);
    check(pthread_join(thread, &status) == 0);
    check(status == NULL);
    check_u64(rows_count(node, "letters"), 0);
}

static void test_pull__a_restart_opens_the_gate(void **state)
{
    (void)state;
    check_gate_opened(restart_soon);
}

static void test_pull__draining_opens_the_gate(void **state)
{
    (void)state;
    check_gate_opened(stop_soon);
}

/* -- threads -------------------------------------------------------------- */

static void test_pull__who_holds_a_call_is_no_callback(void **state)
{
    lares_daemon *other;
    lares_call *call;

    (void)state; /* V10, and 2.4 of the contract */
    pull_open("1", "30000", NULL);
    other = spawn(node, "echo", NULL);
    check_ok(say(daemon, "x", 0));
    call = pull(2000);
    check(lares_call_next(call) != NULL);
    check_status(ask(daemon, "y", -1, NULL), LARES_EDEADLK);
    check_ok(ask(other, "y", -1, NULL));
    check_ok(say(daemon, "z", 0));
    check_ok(lares_call_end(call, LARES_DONE));
    drain(pull(2000));
    lares_daemon_free(other);
}

struct puller {
    atomic_int stop;
    unsigned count;
    lares_status rc;
};

static void *pull_until_closed(void *arg)
{
    struct puller *puller = arg;
    const lares_event *event;
    lares_call *call;

    while ((puller->rc = lares_daemon_pull(daemon, -1, &call)) == LARES_OK) {
        for (; (event = lares_call_next(call)) != NULL; puller->count++)
            lares_call_emit(call, NULL, event->data, event->len);
        puller->rc = lares_call_end(call, LARES_DONE);
        if (puller->rc < 0)
            break;
    }
    return NULL;
}

static void check_delivers(const char *lanes)
{
    struct puller puller = {0};
    lares_events *events = NULL;
    pthread_t thread;

    pull_open(lanes, "30000", options("batch", "1"));
    check(pthread_create(&thread, NULL, pull_until_closed, &puller) == 0);
    for (int i = 0; i < 200; i++) {
        check_ok(ask(daemon, "x", 5000, &events));
        check_u64(lares_events_next(events)->sequence, (uint64_t)i + 1);
        lares_events_free(events);
    }
    check_ok(lares_daemon_stop(daemon, -1));
    check(pthread_join(thread, NULL) == 0);
    check_status(puller.rc, LARES_ECLOSED);
    check_u64(puller.count, 200);
}

static void test_pull__is_delivered_to(void **state)
{
    (void)state;
    check_delivers("1");
}

static void test_pull__is_delivered_to_without_lanes(void **state)
{
    (void)state;
    check_delivers("0");
}

/* A deliver that gave up is a hole: settled, and shown to nobody. */
static void check_given_up(const char *lanes)
{
    pull_open(lanes, "30000", NULL);
    check_status(ask(daemon, "1", 20, NULL), LARES_ETIMEDOUT);
    check_status(ask(daemon, "2", 0, NULL), LARES_EAGAIN);
    check_ok(say(daemon, "3", 0));
    check_u64(drain(pull(2000)), 1);
    check_u64(fact("arrival"), 3);
    check_status(ask(daemon, "4", 20, NULL), LARES_ETIMEDOUT);
    check_status(pull_status(20), LARES_ETIMEDOUT);
    check_u64(fact("arrival"), 4);
    check_u64(fact("queued"), 0);
    check_u64(fact("inputs"), 1);
}

static void test_pull__never_shows_what_was_given_up(void **state)
{
    (void)state;
    check_given_up("1");
}

static void test_pull__never_shows_it_without_lanes(void **state)
{
    (void)state;
    check_given_up("0");
}

struct asking {
    lares_status rc;
    char detail[128];
};

static void *ask_it(void *arg)
{
    struct asking *asking = arg;

    asking->rc = ask(daemon, "x", 5000, NULL);
    (void)snprintf(asking->detail, sizeof asking->detail, "%s",
                   lares_error_detail());
    return NULL;
}

/* The caller of a deliver hears how its call ended. */
static void check_failed_deliver(const char *lease, int end)
{
    struct asking asking = {0};
    pthread_t thread;
    lares_call *call;

    pull_open("1", lease, NULL);
    check(pthread_create(&thread, NULL, ask_it, &asking) == 0);
    call = pull(2000);
    check(lares_call_next(call) != NULL);
    if (end) {
        lares_call_fail(call, "no");
        check_ok(lares_call_end(call, LARES_FAILED));
    }
    check(pthread_join(thread, NULL) == 0);
    if (!end)
        check_status(lares_call_end(call, LARES_DONE), LARES_ESTALE);
    check_status(asking.rc, LARES_ECALLBACK);
    check_str(asking.detail,
              end ? "pulled: no" : "pulled: the lease of the call was over");
    check_u64(fact("failures"), 0);
    check_u64(fact("queued"), 0);
}

static void test_pull__fails_a_deliver(void **state)
{
    (void)state;
    check_failed_deliver("30000", 1);
}

static void test_pull__lease_fails_a_deliver(void **state)
{
    (void)state;
    check_failed_deliver("200", 0);
}

/* One by one, everything that waits in the mailbox: no wake-up is lost. */
static void test_pull__takes_a_full_mailbox(void **state)
{
    int count = rounds(2000, 100000);

    (void)state;
    pull_open("1", "30000",
              options("batch", "1", "mailbox.count", "100000", "mailbox.bytes",
                      "1073741824"));
    for (int i = 0; i < count; i++)
        check_ok(say(daemon, "x", 0));
    for (int i = 0; i < count; i++)
        check_u64(drain(pull(3000)), 1);
    check_u64(fact("queued"), 0);
}

/* What was let in before the stop is handed to the puller. */
static void test_pull__drains(void **state)
{
    struct puller puller = {0};
    pthread_t thread;

    (void)state;
    pull_open("1", "30000", options("batch", "2"));
    for (int i = 0; i < 100; i++)
        check_ok(say(daemon, "x", 0));
    check(pthread_create(&thread, NULL, pull_until_closed, &puller) == 0);
    check_ok(lares_daemon_stop(daemon, -1));
    check(pthread_join(thread, NULL) == 0);
    check_status(puller.rc, LARES_ECLOSED);
    check_u64(puller.count, 100);
}

static void *pull_once(void *arg)
{
    *(lares_status *)arg = pull_status(-1);
    return NULL;
}

static void check_freed_by_stop(const char *lanes)
{
    lares_status rc = LARES_OK;
    pthread_t thread;

    pull_open(lanes, "30000", NULL);
    check(pthread_create(&thread, NULL, pull_once, &rc) == 0);
    nap_ms(10);
    check_ok(lares_node_stop(node, -1));
    check(pthread_join(thread, NULL) == 0);
    check_status(rc, LARES_ECLOSED);
}

static void test_pull__a_waiting_puller_is_sent_away(void **state)
{
    (void)state;
    check_freed_by_stop("1");
}

static void test_pull__a_waiting_puller_is_sent_away_without_lanes(void **state)
{
    (void)state;
    check_freed_by_stop("0");
}

/* Its outputs find no space: no further call until they have. */
static void test_pull__parked_outputs_come_first(void **state)
{
    lares_inbox *inbox;

    (void)state;
    pull_open("1", "30000", options("publish", "out", "batch", "1"));
    inbox = subscribe(node, "out", options("mailbox.count", "1"));
    for (int i = 0; i < 3; i++)
        check_ok(say(daemon, "x", 0));
    drain(pull(2000));
    drain(pull(2000));
    check_status(pull_status(30), LARES_ETIMEDOUT);
    check_u64(fact("parked"), 1);
    check_u64(inbox_read(inbox, 100, texts, sizeof texts), 2);
    drain(pull(2000));
    check_u64(inbox_read(inbox, 100, texts, sizeof texts), 1);
    lares_inbox_free(inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pull_test(test_pull__without_lanes),
        pull_test(test_pull__with_a_lane),
        pull_test(test_pull__one_call_at_a_time),
        pull_test(test_pull__of_a_kind_with_ops),
        pull_test(test_pull__what_is_not_taken_stays),
        pull_test(test_pull__verdicts),
        pull_test(test_pull__waits_for_the_gate),
        pull_test(test_pull__a_restart_opens_the_gate),
        pull_test(test_pull__draining_opens_the_gate),
        pull_test(test_pull__who_holds_a_call_is_no_callback),
        pull_test(test_pull__is_delivered_to),
        pull_test(test_pull__is_delivered_to_without_lanes),
        pull_test(test_pull__never_shows_what_was_given_up),
        pull_test(test_pull__never_shows_it_without_lanes),
        pull_test(test_pull__fails_a_deliver),
        pull_test(test_pull__lease_fails_a_deliver),
        pull_test(test_pull__takes_a_full_mailbox),
        pull_test(test_pull__drains),
        pull_test(test_pull__a_waiting_puller_is_sent_away),
        pull_test(test_pull__a_waiting_puller_is_sent_away_without_lanes),
        pull_test(test_pull__parked_outputs_come_first),
    };

    return check_run(tests);
}
