#include "support/host.h"

#include "base/thread.h"

/* -- tools -- */

static void open_script(void)
{
    check_ok(rig_open(script, "publish", "out", NULL));
}

static struct lares__reply *push_deliver(const char *text, int wanted)
{
    struct lares__reply *reply = lares__reply_new(wanted);

    check(reply != NULL);
    rig_push_text(text)->reply = reply;
    return reply;
}

static void reply_drop(struct lares__reply *reply)
{
    lares__reply_release(reply); /* the input's */
    lares__reply_release(reply);
}

/* -- cases -- */

static void test_reply__reply_holds_the_outputs_of_its_turn(void **state)
{
    struct lares__reply *reply;
    const lares_event *event;

    (void)state;
    open_script();
    rig_push_text("e");
    reply = push_deliver("ene", 1);
    rig_push_text("e");
    rig_cross(UINT32_MAX);
    check_u64(rig_outputs(), 5); /* published, too */
    for (uint64_t i = 2; i <= 4; i++) {
        event = lares__events_next(reply->events);
        check_u64(event->sequence, i);
        check_u64(event->hash, rig_output((uint32_t)i - 1)->hash);
        check_str(event->channel, i == 3 ? "named" : "out");
    }
    check(lares__events_next(reply->events) == NULL);
    rig_take_outputs();
    reply_drop(reply);
}

static void test_reply__reply_is_empty_if_unwanted(void **state)
{
    struct lares__reply *reply;

    (void)state;
    open_script();
    reply = push_deliver("ee", 0);
    rig_cross(UINT32_MAX);
    check(reply->events == NULL);
    check_u64(rig_outputs(), 2);
    reply_drop(reply);
}

static void test_reply__failed_deliver_is_its_callers(void **state)
{
    struct lares__reply *reply;

    (void)state;
    open_script();
    rig_push_text("e");
    reply = push_deliver("e!", 1);
    rig_push_text("e");
    rig.host.restart.n = 4;
    rig_cross(UINT32_MAX);
    check_i64(rig.outcome.failed, 1);
    check_i64(rig.outcome.refused, 1);
    check(rig.outcome.given_up == NULL);
    check_u64(rig.outcome.settled, 2);
    check_str(rig.reason, "boom");
    check(reply->events == NULL);
    check_u64(rig_outputs(), 1);
    check_u64(rig.host.restart.n, 0); /* by the success before it */
    check_u64(rig.clock_reads, 0);
    check_u64(rig.host.counters.failures, 1);
    rig_cross(UINT32_MAX);
    check_u64(rig.host.arrival, 3);
    reply_drop(reply);
}

static lares_verdict answer_at_once(lares_call *call, void *instance)
{
    (void)call;
    (void)instance;
    return LARES_DONE;
}

/* Its caller waits, so it is not asked again. */
static void test_reply__deliver_that_is_not_taken_fails(void **state)
{
    struct lares__reply *reply;

    (void)state;
    open_script();
    rig.kind.ops.process = answer_at_once;
    reply = push_deliver("e", 1);
    rig_cross(UINT32_MAX);
    check_i64(rig.outcome.refused, 1);
    check_u64(rig.outcome.settled, 1);
    check_str(rig.reason, "process took no input");
    reply_drop(reply);
}

static void test_reply__cancelled_deliver_is_a_hole(void **state)
{
    struct lares__reply *reply;

    (void)state;
    open_script();
    rig_push_text("e");
    reply = push_deliver("e", 1);
    atomic_store(&reply->state, LARES__REPLY_CANCELLED);
    rig_push_text("e");
    rig_cross(UINT32_MAX);
    check_u64(rig.outcome.settled, 3);
    check_u64(rig_outputs(), 2);
    check_u64(rig.host.arrival, 3);
    check_u64(rig.host.counters.duplicates, 0);
    check_u64(rig.host.counters.committed, 2);
    check_i64(atomic_load(&reply->state), LARES__REPLY_CANCELLED);
    check(reply->events == NULL);
    reply_drop(reply);
}

static void test_reply__deliver_begins_when_it_is_shown(void **state)
{
    struct lares__reply *reply;

    (void)state;
    open_script();
    rig_push_text("!");
    reply = push_deliver("e", 1);
    rig_cross(UINT32_MAX);
    check_i64(atomic_load(&reply->state), LARES__REPLY_QUEUED);
    rig_cross(UINT32_MAX);
    rig_cross(UINT32_MAX); /* now the first is given up */
    rig_cross(UINT32_MAX);
    check_i64(atomic_load(&reply->state), LARES__REPLY_BEGUN);
    check_u64(rig_outputs(), 1);
    reply_drop(reply);
}

static lares_verdict emit_and_run_out(lares_call *call, void *instance)
{
    (void)instance;
    while (lares__call_next(call) != NULL) {
        (void)lares__call_emit(call, NULL, "x", 1);
        lares__alloc_fail(1, 1);
    }
    lares__alloc_fail(-1, 0);
    return LARES_DONE;
}

/* There is no room for the list, so the turn fails as a whole. */
static void test_reply__deliver_without_memory_fails(void **state)
{
    struct lares__reply *reply;

    (void)state;
    open_script();
    rig.kind.ops.process = emit_and_run_out;
    reply = push_deliver(".", 1);
    rig_cross(UINT32_MAX);
    check_i64(rig.outcome.refused, 1);
    check_str(rig.reason, "out of memory");
    check_u64(rig_outputs(), 0);
    check_u64(rig.host.head.link.sequence, 0);
    reply_drop(reply);
}

static void worker_cancel(void *arg)
{
    struct lares__reply *reply = arg;
    int queued = LARES__REPLY_QUEUED;

    atomic_compare_exchange_strong(&reply->state, &queued,
                                   LARES__REPLY_CANCELLED);
    lares__reply_release(reply);
}

/* Either the turn was taken, or it was given up before: never both. */
static void test_reply__deliver_and_its_timeout_race(void **state)
{
    uint32_t taken = 0;

    (void)state;
    open_script();
    for (int i = 0; i < 300; i++) {
        struct lares__reply *reply = push_deliver("e", 0);
        struct lares__thread thread;

        check_ok(lares__thread_start(&thread, worker_cancel, reply));
        rig_cross(UINT32_MAX);
        taken += atomic_load(&reply->state) == LARES__REPLY_BEGUN;
        lares__thread_join(&thread);
        lares__reply_release(reply);
        check_u64(rig.host.head.link.sequence, taken);
    }
    check_u64(rig.host.arrival, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_reply__reply_holds_the_outputs_of_its_turn),
        rig_test(test_reply__reply_is_empty_if_unwanted),
        rig_test(test_reply__failed_deliver_is_its_callers),
        rig_test(test_reply__deliver_that_is_not_taken_fails),
        rig_test(test_reply__cancelled_deliver_is_a_hole),
        rig_test(test_reply__deliver_begins_when_it_is_shown),
        rig_test(test_reply__deliver_without_memory_fails),
        rig_test(test_reply__deliver_and_its_timeout_race),
    };

    return check_run(tests);
}
