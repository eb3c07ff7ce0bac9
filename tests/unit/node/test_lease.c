#include "support/pull.h"

/* A pulled call ends with its lease, whatever its holder does. */

/* -- cases ---------------------------------------------------------------- */

static void test_lease__ends_a_call(void **state)
{
    const lares_event *event;
    lares_call *call;

    (void)state; /* id: V10 */
    pull_open("1", "300", options("publish", "out"));
    check_ok(say(daemon, "first", 0));
    call = pull(2000);
    event = lares_call_next(call);
    check_ok(lares_call_emit(call, NULL, "lost", 4));
    eventually(fact("crashes") == 1);
    check_status(lares_call_emit(call, NULL, "late", 4), LARES_ESTALE);
    check(lares_call_next(call) == NULL);
    lares_call_fail(call, "too late");
    check_u64(event->len, 5);
    check_mem(event->data, "first", 5); /* readable until `end` */
    check_str(lares_call_argument(call), "");
    check_status(lares_call_end(call, LARES_DONE), LARES_ESTALE);
    check_u64(fact("sequence"), 0);
    check_str(daemon_text(node, "pulled", "error"),
              "the lease of the call was over");
    check_u64(drain(pull(2000)), 1);
    check_u64(fact("sequence"), 1);
}

static void *say_later(void *arg)
{
    nap_ms(50);
    return (void *)(intptr_t)say(arg, "x", 0);
}

/* The last event is readable until `end`, though nothing is in hand. */
static void test_lease__ends_a_call_that_was_drained(void **state)
{
    const lares_event *event;
    lares_call *call;

    (void)state; /* id: V10 */
    pull_open("1", "300", NULL);
    check_ok(say(daemon, "first", 0));
    call = pull(2000);
    event = lares_call_next(call);
    check(lares_call_next(call) == NULL);
    eventually(fact("crashes") == 1);
    check_mem(event->data, "first", 5);
    check_status(lares_call_end(call, LARES_DONE), LARES_ESTALE);
    check_u64(fact("inputs"), 1); /* it was finished before */
}

/* The puller found nothing to show first: its lease holds all the same. */
static void test_lease__ends_a_call_that_waited(void **state)
{
    pthread_t thread;
    lares_call *call;
    void *said;

    (void)state;
    pull_open("1", "300", NULL);
    check_status(ask(daemon, "gone", 1, NULL), LARES_ETIMEDOUT);
    check(pthread_create(&thread, NULL, say_later, daemon) == 0);
    call = pull(2000);
    check(pthread_join(thread, &said) == 0);
    check(said == NULL);
    check(lares_call_next(call) != NULL);
    eventually(fact("crashes") == 1);
    check_status(lares_call_end(call, LARES_DONE), LARES_ESTALE);
    check_u64(drain(pull(2000)), 1);
}

static void test_lease__ends_a_call_without_lanes(void **state)
{
    lares_call *call;

    (void)state; /* id: V10 */
    pull_open("0", "200", NULL);
    check_ok(say(daemon, "x", 0));
    call = pull(0);
    check(lares_call_next(call) != NULL);
    check_status(lares_node_run(node, 250), LARES_ETIMEDOUT);
    check_status(lares_call_end(call, LARES_DONE), LARES_ESTALE);
    check_u64(fact("crashes"), 1);
}

/* The daemon is free again while the stale call is still held. */
static void test_lease__next_call_after_a_lease(void **state)
{
    lares_call *stale, *call;

    (void)state;
    pull_open("1", "300", NULL);
    check_ok(say(daemon, "x", 0));
    stale = pull(2000);
    check(lares_call_next(stale) != NULL);
    eventually(fact("crashes") == 1);
    check(lares_call_next(stale) == NULL); /* and its end is over */
    call = pull(2000);
    check(lares_call_next(call) != NULL);
    check_status(lares_call_end(stale, LARES_DONE), LARES_ESTALE);
    check_ok(lares_call_end(call, LARES_DONE));
    check_u64(fact("inputs"), 1);
}

struct ender {
    lares_call *call;
    lares_status rc;
};

static void *end_it(void *arg)
{
    struct ender *ender = arg;

    (void)lares_call_next(ender->call);
    lares_call_emit(ender->call, NULL, "x", 1);
    ender->rc = lares_call_end(ender->call, LARES_DONE);
    return NULL;
}

/* A call ends at the very moment its lease does: by one of the two. */
static void test_lease__races_end(void **state)
{
    int count = rounds(200, 10000);
    unsigned in_time = 0;

    (void)state;
    pull_open("1", "1",
              options("publish", "out", "restart.initial", "0",
                      "restart.attempts", "1"));
    for (int i = 0; i < count; i++) {
        struct ender ender = {0};
        pthread_t thread;

        if (fact("queued") == 0) /* too late even to take the one before? */
            check_ok(say(daemon, "x", 0));
        ender.call = pull(-1);
        check(pthread_create(&thread, NULL, end_it, &ender) == 0);
        check(pthread_join(thread, NULL) == 0);
        check(ender.rc == LARES_OK || ender.rc == LARES_ESTALE);
        in_time += ender.rc == LARES_OK;
    }
    check_u64(fact("sequence"), in_time);
    check_u64(fact("inputs"), in_time);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pull_test(test_lease__ends_a_call),
        pull_test(test_lease__ends_a_call_that_was_drained),
        pull_test(test_lease__ends_a_call_that_waited),
        pull_test(test_lease__ends_a_call_without_lanes),
        pull_test(test_lease__next_call_after_a_lease),
        pull_test(test_lease__races_end),
    };

    return check_run(tests);
}
