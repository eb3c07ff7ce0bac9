#include "support/host.h"

#include <stdlib.h>

/* -- fixture: what a process did, and is told to emit -- */

enum {
    MIB = 1048576,
    QUOTA = 1024 /* outputs of one input */
};

static lares_status statuses[8]; /* of emits */
static uint64_t arrivals[64];
static uint32_t handed; /* inputs that it got */
static const char *channel;
static size_t size;
static unsigned char *large; /* 16 MiB and a byte */

static int call_setup(void **state)
{
    handed = 0;
    channel = NULL;
    size = 0;
    memset(statuses, 0, sizeof statuses);
    return rig_setup(state);
}

#define call_test(test)                                                        \
    cmocka_unit_test_setup_teardown(test, call_setup, rig_teardown)

/* -- tools -- */

/* drains, and notes what comes */
static lares_verdict take_all(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares__call_next(call)) != NULL)
        arrivals[handed++ % 64] = event->arrival;
    return LARES_DONE;
}

/* emits `size` bytes on `channel`, then a letter, then asks for more */
static lares_verdict emit_and_go_on(lares_call *call, void *instance)
{
    (void)instance;
    while (lares__call_next(call) != NULL) {
        handed++;
        statuses[0] = lares__call_emit(call, channel, large, size);
        statuses[1] = lares__call_emit(call, NULL, "x", 1);
    }
    return LARES_DONE;
}

/* as many outputs for each input as its payload has bytes */
static lares_verdict emit_len(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares__call_next(call)) != NULL) {
        handed++;
        for (size_t i = 0; i < event->len; i++)
            statuses[0] = lares__call_emit(call, NULL, "x", 1);
    }
    return LARES_DONE;
}

/* -- cases: next -- */

static void test_call__next_hands_out_in_order(void **state)
{
    (void)state;
    check_ok(rig_open(take_all, NULL));
    rig_push_many(5, ".");
    rig_cross(UINT32_MAX);
    check_u64(handed, 5);
    for (uint64_t i = 0; i < 5; i++)
        check_u64(arrivals[i], i + 1);
    check_crossing(5, 0, 0);
}

static lares_verdict see_event(lares_call *call, void *instance)
{
    const lares_event *event = lares__call_next(call);

    (void)instance;
    check_u64(event->origin, 0xabcd);
    check_u64(event->sequence, 1);
    check_u64(event->received_at, 77);
    check_u64(event->kind, LARES_INPUT_EVENT);
    check_str(event->channel, "in");
    check_u64(event->len, 3);
    check_mem(event->data, "a\0b", 3);
    return LARES_DONE;
}

static void test_call__next_shows_the_whole_event(void **state)
{
    struct source source = source_new(0xabcd);
    struct lares__envelope *event = event_of("a\0b", 3);

    (void)state;
    check_ok(rig_open(see_event, NULL));
    event->received_at = 77;
    lares__envelope_link(event, &source.head, 0);
    rig_push(event);
    rig_cross(UINT32_MAX);
    check_crossing(1, 0, 0);
}

static lares_verdict ask_on(lares_call *call, void *instance)
{
    (void)instance;
    while (lares__call_next(call) != NULL)
        handed++;
    for (int i = 0; i < 3; i++)
        check(lares__call_next(call) == NULL);
    return LARES_DONE;
}

static void test_call__next_stays_null(void **state)
{
    (void)state;
    check_ok(rig_open(ask_on, NULL));
    rig_push_many(2, ".");
    rig_cross(UINT32_MAX);
    check_u64(handed, 2);
    check_crossing(2, 0, 0);
}

static void test_call__a_batch_bounds_a_crossing(void **state)
{
    (void)state;
    check_ok(rig_open(take_all, "batch", "7", NULL));
    rig_push_many(20, ".");
    rig_cross(UINT32_MAX);
    check_crossing(7, 0, 0);
    rig_cross(3); /* fewer were offered */
    check_crossing(3, 0, 0);
    check_u64(rig_waiting(), 10);
    check_u64(rig.host.arrival, 10);
}

static void test_call__a_batch_is_64_by_default(void **state)
{
    (void)state;
    check_ok(rig_open(take_all, NULL));
    rig_push_many(65, ".");
    rig_cross(UINT32_MAX);
    check_crossing(64, 0, 0);
}

static void test_call__bytes_bound_a_crossing(void **state)
{
    (void)state;
    check_ok(rig_open(take_all, NULL));
    rig_push_zeros(MIB - 1);
    rig_push_zeros(1);
    rig_push_zeros(0); /* what costs nothing always fits */
    rig_push_zeros(1);
    rig_cross(UINT32_MAX);
    check_crossing(3, 0, 0);
    rig_cross(UINT32_MAX);
    check_crossing(1, 0, 0);
}

static void test_call__one_input_always_fits(void **state)
{
    (void)state;
    check_ok(rig_open(take_all, NULL));
    rig_push_zeros(1);
    rig_push_zeros(LARES__PAYLOAD_MAX);
    rig_push_zeros(1);
    for (int i = 0; i < 3; i++) {
        rig_cross(UINT32_MAX);
        check_crossing(1, 0, 0);
    }
    check_u64(handed, 3);
}

static atomic_int cut;

static lares_verdict cut_at_the_second(lares_call *call, void *instance)
{
    (void)instance;
    while (lares__call_next(call) != NULL)
        atomic_store(&cut, ++handed == 2);
    return LARES_DONE;
}

/* The time slice, a stop: what was handed out is finished all the same. */
static void test_call__a_cut_ends_the_crossing(void **state)
{
    (void)state;
    check_ok(rig_open(cut_at_the_second, NULL));
    rig.call.cut = &cut;
    rig_push_many(5, ".");
    rig_cross(UINT32_MAX);
    check_crossing(2, 0, 0);
    atomic_store(&cut, 0);
    rig_cross(UINT32_MAX);
    check_crossing(3, 0, 0);
}

/* -- cases: quota of an input, budget of a crossing -- */

/* id: V06 (1 025th output) */
static void test_call__output_1025_is_over_the_quota(void **state)
{
    (void)state;
    check_ok(rig_open(emit_len, NULL));
    rig_push_zeros(3);
    rig_push_zeros(QUOTA + 1);
    rig_push_zeros(1);
    rig_cross(UINT32_MAX);
    check_status(statuses[0], LARES_EQUOTA);
    check_u64(handed, 2);
    check_crossing(1, 1, 3);
    check_culprit(1);
    check(strstr(rig.reason, "quota") != NULL);
}

static void test_call__the_whole_quota_may_be_used(void **state)
{
    (void)state;
    check_ok(rig_open(emit_len, NULL));
    rig_push_zeros(QUOTA - 1);
    rig_push_zeros(QUOTA);
    rig_push_zeros(1);
    rig_cross(UINT32_MAX); /* the budget is looked at by next alone */
    check_crossing(2, 0, 2 * QUOTA - 1);
    check_u64(rig.host.head.link.sequence, 2 * QUOTA - 1);
    rig_take_outputs();
}

/* id: V06 (byte 16 MiB + 1) */
static void test_call__byte_beyond_16_mib_is_over_the_quota(void **state)
{
    (void)state;
    check_ok(rig_open(emit_and_go_on, NULL));
    size = LARES__PAYLOAD_MAX;
    rig_push_many(2, ".");
    rig_cross(UINT32_MAX);
    check_status(statuses[0], LARES_OK);
    check_status(statuses[1], LARES_EQUOTA);
    check_u64(handed, 1);
    check_crossing(0, 1, 0);
    check_culprit(1);
}

static lares_verdict emit_large_and_empty(lares_call *call, void *instance)
{
    (void)instance;
    while (lares__call_next(call) != NULL) {
        handed++;
        statuses[0] = lares__call_emit(call, NULL, large, size / 2);
        statuses[1] = lares__call_emit(call, NULL, large, size / 2);
        statuses[2] = lares__call_emit(call, NULL, NULL, 0);
    }
    return LARES_DONE;
}

/* 16 MiB fill the quota and the budget; what is empty still goes. */
static void test_call__bytes_end_the_crossing_too(void **state)
{
    (void)state;
    check_ok(rig_open(emit_large_and_empty, NULL));
    size = LARES__PAYLOAD_MAX;
    rig_push_many(2, ".");
    rig_cross(UINT32_MAX);
    for (int i = 0; i < 3; i++)
        check_status(statuses[i], LARES_OK);
    check_u64(handed, 1);
    check_crossing(1, 0, 3);
}

/* id: V07 */
static void test_call__outputs_end_the_crossing(void **state)
{
    (void)state;
    check_ok(rig_open(emit_len, NULL));
    for (int i = 0; i < 64; i++)
        rig_push_zeros(17);
    rig_cross(UINT32_MAX);
    check_crossing(61, 0, 61 * 17);
    rig_take_outputs();
    rig_cross(UINT32_MAX);
    check_crossing(3, 0, 3 * 17);
    rig_take_outputs();
    check_u64(rig.host.restart.n, 0);
}

/* The last output that fits is the last of the crossing. */
static void test_call__outputs_end_the_crossing_when_they_reach_it(void **state)
{
    (void)state;
    check_ok(rig_open(emit_len, NULL));
    rig_push_zeros(QUOTA - 1);
    rig_push_zeros(1);
    rig_push_zeros(0);
    rig_cross(UINT32_MAX);
    check_crossing(2, 0, QUOTA);
    rig_cross(UINT32_MAX);
    check_crossing(1, 0, QUOTA);
}

/* id: V07 (DONE before NULL) */
static void test_call__done_early_leaves_the_rest(void **state)
{
    (void)state;
    check_ok(rig_open(script, NULL));
    rig_push_text("e");
    rig_push_text("e;");
    rig_push_many(3, "e");
    rig_cross(UINT32_MAX);
    check_crossing(2, 0, 2);
    check_u64(rig.first->arrival, 0);
    rig_cross(UINT32_MAX);
    check_crossing(3, 0, 5);
}

/* -- cases: emit -- */

static void test_call__emit_goes_to_the_daemons_channel(void **state)
{
    (void)state;
    check_ok(rig_open(script, "publish", "out.x", NULL));
    rig_push_text("en");
    rig_cross(UINT32_MAX);
    check_str(lares__envelope_channel(rig_output(0)), "out.x");
    check_str(lares__envelope_channel(rig_output(1)), "named");
}

static void test_call__emit_without_a_channel_is_linked(void **state)
{
    (void)state;
    check_ok(rig_open(script, NULL));
    rig_push_text("e");
    rig_cross(UINT32_MAX);
    check(lares__envelope_channel(rig_output(0)) == NULL);
    check_u64(rig_output(0)->link.sequence, 1);
    rig_take_outputs();
}

static lares_verdict emit_and_spoil(lares_call *call, void *instance)
{
    char payload[] = "payload";
    char name[] = "named";

    (void)instance;
    check(lares__call_next(call) != NULL);
    check_ok(lares__call_emit(call, name, payload, 7));
    memset(payload, 'x', 7);
    memset(name, 'x', 5);
    return LARES_DONE;
}

static void test_call__emit_copies_name_and_payload(void **state)
{
    (void)state;
    check_ok(rig_open(emit_and_spoil, NULL));
    rig_push_text(".");
    rig_cross(UINT32_MAX);
    check_output(0, "payload");
    check_str(lares__envelope_channel(rig_output(0)), "named");
}

static void test_call__emit_stamps_the_time_of_the_crossing(void **state)
{
    (void)state;
    check_ok(rig_open(script, NULL));
    rig.wall = 1234;
    rig_push_text("e");
    rig_cross(UINT32_MAX);
    check_u64(rig_output(0)->received_at, 1234);
}

static lares_verdict emit_refused(lares_call *call, void *instance)
{
    lares_status again;

    (void)instance;
    while (lares__call_next(call) != NULL) {
        handed++;
        check_ok(lares__call_emit(call, NULL, "before", 6));
        statuses[0] = lares__call_emit(call, channel, large, size);
        again = lares__call_emit(call, NULL, "after", 5);
        check_status(again, statuses[0]);
    }
    return LARES_DONE;
}

/* What emit refuses dooms the input: nothing of it is emitted, `next` finishes
 * nothing and answers NULL, and DONE fails. */
static void check_refused(lares_status code, const char *detail)
{
    handed = 0;
    check_ok(rig_open(emit_refused, NULL));
    rig_push_many(2, ".");
    rig_cross(UINT32_MAX);
    check_status(statuses[0], code);
    check(strstr(rig.reason, detail) != NULL);
    check_u64(handed, 1);
    check_crossing(0, 1, 0);
    check_culprit(1);
    check_u64(rig.host.head.link.sequence, 0);
    rig_close();
}

static void test_call__emit_refuses_bad_names(void **state)
{
    static const char *const bad[] = {"",  ".",   "a..b", "a b",
                                      "*", "a.>", "a.$b", "\xc3\xa4"};

    (void)state;
    size = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        channel = bad[i];
        check_refused(LARES_ENAME, "channel '");
    }
}

static void test_call__emit_refuses_reserved_names(void **state)
{
    (void)state;
    size = 1;
    channel = "$x";
    check_refused(LARES_EDENIED, "'$x'");
}

static void test_call__emit_refuses_what_is_too_big(void **state)
{
    (void)state;
    size = LARES__PAYLOAD_MAX + 1;
    check_refused(LARES_ETOOBIG, "16777217 bytes");
}

static void test_call__emit_refuses_null_with_a_length(void **state)
{
    unsigned char *kept = large;

    (void)state;
    large = NULL;
    size = 4;
    check_refused(LARES_EINVAL, "NULL, 4 bytes");
    large = kept;
}

static lares_verdict emit_without_memory(lares_call *call, void *instance)
{
    (void)instance;
    while (lares__call_next(call) != NULL) {
        handed++;
        check_ok(lares__call_emit(call, NULL, "before", 6));
        lares__alloc_fail(1, 1);
        statuses[0] = lares__call_emit(call, NULL, large, 100000);
        lares__alloc_fail(-1, 0);
        statuses[1] = lares__call_emit(call, NULL, "after", 5);
    }
    return LARES_DONE;
}

static void test_call__emit_without_memory_dooms_the_input(void **state)
{
    (void)state;
    check_ok(rig_open(emit_without_memory, NULL));
    rig_push_many(2, ".");
    rig_cross(UINT32_MAX);
    check_status(statuses[0], LARES_ENOMEM);
    check_status(statuses[1], LARES_ENOMEM);
    check_str(rig.reason, "out of memory");
    check_u64(handed, 1);
    check_crossing(0, 1, 0);
    check_culprit(1);
}

/* -- cases: other calls -- */

static lares_status created_emit;
static const lares_event *created_next;
static lares_status created_end;
static const char *created_argument;

static lares_verdict create_and_answer(lares_call *call, lares_daemon *daemon,
                                       void **instance_out, void *user)
{
    (void)daemon;
    *instance_out = user;
    created_next = lares_call_next(call);
    created_argument = lares_call_argument(call);
    created_end = lares_call_end(call, LARES_DONE);
    created_emit = user != NULL ? lares_call_emit(call, NULL, "x", 1) : 0;
    lares_call_fail(call, "a text");
    return LARES_DONE;
}

/* id: V04 (create) */
static void test_call__create_has_no_inputs(void **state)
{
    (void)state;
    check_ok(rig_open(take_all, "argument", "north", NULL));
    rig.kind.ops.create = create_and_answer;
    check_ok(lares__host_create(&rig.host, &rig.call, NULL, 0));
    check(created_next == NULL);
    check_str(created_argument, "north");
    check_status(created_end, LARES_EPHASE);
}

/* id: V04 (latched: DONE fails) */
static void test_call__create_must_not_emit(void **state)
{
    (void)state;
    check_ok(rig_open(take_all, NULL));
    rig.kind.ops.create = create_and_answer;
    rig.kind.user = &rig;
    check_status(lares__host_create(&rig.host, &rig.call, NULL, 0),
                 LARES_ECALLBACK);
    check_status(created_emit, LARES_EPHASE);
    check_detail("worker: a text");
}

static lares_verdict end_in_process(lares_call *call, void *instance)
{
    (void)instance;
    check_str(lares_call_argument(call), "");
    check(lares_call_next(call) != NULL);
    statuses[0] = lares_call_end(call, LARES_FAILED);
    statuses[1] = lares_call_emit(call, NULL, "x", 1);
    lares_call_fail(call, "a text");
    check(lares_call_next(call) == NULL);
    return LARES_DONE;
}

/* id: V04 (process; end belongs to pulled calls, and does not latch) */
static void test_call__process_must_not_end_its_call(void **state)
{
    (void)state;
    check_ok(rig_open(end_in_process, NULL));
    rig_push_text(".");
    rig_cross(UINT32_MAX);
    check_status(statuses[0], LARES_EPHASE);
    check_status(statuses[1], LARES_OK);
    check_crossing(1, 0, 1);
}

static struct lares_call *seen_inside;

static lares_verdict look_inside(lares_call *call, void *instance)
{
    (void)instance;
    check(lares__call_next(call) != NULL);
    seen_inside = lares__call_current();
    return LARES_DONE;
}

static void test_call__this_threads_callback_is_known(void **state)
{
    struct lares_call outer;

    (void)state;
    check_ok(rig_open(look_inside, NULL));
    check(lares__call_current() == NULL);
    check(lares__call_enter(&outer) == NULL);
    rig_push_text(".");
    rig_cross(UINT32_MAX);
    check(seen_inside == &rig.call);
    check(lares__call_current() == &outer);
    lares__call_leave(NULL);
    check(lares__call_current() == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        call_test(test_call__next_hands_out_in_order),
        call_test(test_call__next_shows_the_whole_event),
        call_test(test_call__next_stays_null),
        call_test(test_call__a_batch_bounds_a_crossing),
        call_test(test_call__a_batch_is_64_by_default),
        call_test(test_call__bytes_bound_a_crossing),
        call_test(test_call__one_input_always_fits),
        call_test(test_call__a_cut_ends_the_crossing),
        call_test(test_call__output_1025_is_over_the_quota),
        call_test(test_call__the_whole_quota_may_be_used),
        call_test(test_call__byte_beyond_16_mib_is_over_the_quota),
        call_test(test_call__bytes_end_the_crossing_too),
        call_test(test_call__outputs_end_the_crossing),
        call_test(test_call__outputs_end_the_crossing_when_they_reach_it),
        call_test(test_call__done_early_leaves_the_rest),
        call_test(test_call__emit_goes_to_the_daemons_channel),
        call_test(test_call__emit_without_a_channel_is_linked),
        call_test(test_call__emit_copies_name_and_payload),
        call_test(test_call__emit_stamps_the_time_of_the_crossing),
        call_test(test_call__emit_refuses_bad_names),
        call_test(test_call__emit_refuses_reserved_names),
        call_test(test_call__emit_refuses_what_is_too_big),
        call_test(test_call__emit_refuses_null_with_a_length),
        call_test(test_call__emit_without_memory_dooms_the_input),
        call_test(test_call__create_has_no_inputs),
        call_test(test_call__create_must_not_emit),
        call_test(test_call__process_must_not_end_its_call),
        call_test(test_call__this_threads_callback_is_known),
    };
    int failed;

    large = calloc(1, LARES__PAYLOAD_MAX + 1);
    if (large == NULL)
        return 1;
    failed = check_run(tests);
    free(large);
    return failed;
}
