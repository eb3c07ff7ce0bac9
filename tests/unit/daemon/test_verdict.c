#include "support/host.h"

/* -- fixture: what a process did, and is told to answer -- */

enum {
    MS = 1000000 /* ns */
};

static uint32_t handed; /* inputs that it got */
static lares_status emitted;
static lares_verdict answer;

static int verdict_setup(void **state)
{
    handed = 0;
    emitted = LARES_OK;
    answer = LARES_DONE;
    return rig_setup(state);
}

#define verdict_test(test)                                                     \
    cmocka_unit_test_setup_teardown(test, verdict_setup, rig_teardown)

/* -- tools -- */

/* drains, and gives `answer` */
static lares_verdict take_all(lares_call *call, void *instance)
{
    (void)instance;
    while (lares__call_next(call) != NULL)
        handed++;
    return answer;
}

static lares_verdict take_none(lares_call *call, void *instance)
{
    (void)call;
    (void)instance;
    return answer;
}

static lares_verdict take_one(lares_call *call, void *instance)
{
    (void)instance;
    handed += lares__call_next(call) != NULL;
    return answer;
}

static void open_script(void)
{
    check_ok(rig_open(script, "publish", "out", NULL));
}

static void check_policy(uint64_t n, uint64_t gate)
{
    check_u64(rig.host.restart.n, n);
    check_u64(rig.host.restart.gate, gate);
}

/* -- cases: what blames no input -- */

static lares_verdict emit_first(lares_call *call, void *instance)
{
    emitted = lares__call_emit(call, NULL, "x", 1);
    return take_all(call, instance);
}

/* A refusal while no input is in hand. */
static void test_verdict__emit_before_next_blames_no_input(void **state)
{
    (void)state;
    check_ok(rig_open(emit_first, NULL));
    rig_push_many(2, ".");
    rig_cross(UINT32_MAX);
    check_status(emitted, LARES_EPHASE);
    check_u64(handed, 0);
    check_crossing(0, 1, 0);
    check_culprit(0);
    check_u64(rig.host.restart.n, 1);
}

static lares_verdict emit_last(lares_call *call, void *instance)
{
    while (lares__call_next(call) != NULL) {
        handed++;
        check_ok(lares__call_emit(call, NULL, "x", 1));
    }
    emitted = lares__call_emit(call, NULL, "late", 4);
    return take_none(call, instance);
}

/* id: V04 (emit after NULL) */
static void test_verdict__emit_after_null_commits_all_and_fails(void **state)
{
    (void)state;
    check_ok(rig_open(emit_last, NULL));
    rig_push_many(3, ".");
    rig_cross(UINT32_MAX);
    check_status(emitted, LARES_EPHASE);
    check_crossing(3, 1, 3);
    check_culprit(0);
    check_u64(rig.host.restart.n, 1);
    check_u64(rig.host.arrival, 3);
}

static void test_verdict__failed_before_next_blames_no_input(void **state)
{
    (void)state;
    check_ok(rig_open(take_none, NULL));
    answer = LARES_FAILED;
    rig_push_many(3, ".");
    for (uint64_t n = 1; n <= 10; n++) {
        rig_cross(UINT32_MAX);
        check_crossing(0, 1, 0);
        check_culprit(0);
        check_u64(rig.host.restart.n, n);
    }
    check_str(rig.reason, "process failed");
}

/* id: V08 (FAILED after NULL) */
static void test_verdict__failed_after_null_commits_all(void **state)
{
    (void)state;
    check_ok(rig_open(take_all, NULL));
    answer = LARES_FAILED;
    rig_push_many(3, ".");
    rig_cross(UINT32_MAX);
    check_crossing(3, 1, 0);
    check_culprit(0);
    check(rig.outcome.given_up == NULL);
    check_u64(rig.host.arrival, 3);
    check_u64(rig.host.restart.n, 1);
}

/* id: V08 (DONE without next) */
static void test_verdict__done_without_next_settles_nothing(void **state)
{
    (void)state;
    check_ok(rig_open(take_none, NULL));
    rig_push_many(3, ".");
    rig_cross(UINT32_MAX);
    check_crossing(0, 1, 0);
    check_culprit(0);
    check_str(rig.reason, "process took no input");
    check_u64(rig.host.restart.n, 1);
    check_u64(rig.host.arrival, 0);
}

/* -- cases: verdicts -- */

static void test_verdict__failed_input_leaves_no_trace(void **state)
{
    struct lares__head head;

    (void)state;
    check_ok(rig_open(script, NULL));
    rig_push_text("ee");
    rig_push_text("eee!");
    rig_push_text("e");
    rig_cross(UINT32_MAX);
    check_crossing(1, 1, 2);
    check_culprit(1);
    check_str(rig.reason, "boom");
    head = rig.host.head;
    rig_cross(UINT32_MAX);
    check_crossing(0, 1, 2);
    check_mem(&rig.host.head, &head, sizeof head);
    rig_take_outputs();
}

/* id: V03 */
static void test_verdict__number_that_is_no_verdict_fails(void **state)
{
    static const struct {
        lares_verdict answer;
        const char *reason;
    } bad[] = {
        {0,         "process failed"                                   },
        {2,         "process lost its instance"                        },
        {-5,        "process answered -5, which is no verdict"         },
        {99,        "process answered 99, which is no verdict"         },
        {INT32_MIN, "process answered -2147483648, which is no verdict"}
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_ok(rig_open(take_one, NULL));
        answer = bad[i].answer;
        rig_push_many(2, ".");
        rig_cross(UINT32_MAX);
        check_crossing(0, 1, 0);
        check_culprit(1);
        check_str(rig.reason, bad[i].reason);
        check_i64(rig.host.object,
                  answer == LARES_LOST ? LARES__GONE : LARES__SOUND);
        rig_close();
    }
}

static void test_verdict__bad_number_keeps_what_came_before(void **state)
{
    (void)state;
    check_ok(rig_open(script, NULL));
    rig_push_text("e");
    rig_push_text("e9");
    rig_cross(UINT32_MAX);
    check_crossing(1, 1, 1);
    check_culprit(1);
}

static jmp_buf trampoline;

static lares_verdict raise_at_third(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    if (setjmp(trampoline) != 0)
        return LARES_FAILED;
    while ((event = lares__call_next(call)) != NULL) {
        (void)lares__call_emit(call, NULL, "x", 1);
        if (++handed == 3)
            longjmp(trampoline, 1);
    }
    return LARES_DONE;
}

/* No core frame is on the stack, and the core knows the culprit. */
static void test_verdict__may_be_left_by_longjmp(void **state)
{
    (void)state;
    check_ok(rig_open(raise_at_third, NULL));
    rig_push_many(5, ".");
    rig_cross(UINT32_MAX);
    check_crossing(2, 1, 2);
    check_culprit(1);
    check_u64(rig.first->arrival, 3);
    rig_cross(UINT32_MAX);
    check_crossing(3, 0, 5);
    rig_take_outputs();
}

/* -- cases: judge -- */

/* the example of contract 2, 4.5, for a kind that keeps its object */
static void test_verdict__third_of_five_inputs_fails(void **state)
{
    static const char *const texts[] = {"e", "ee", "e!", "e", "e"};

    (void)state;
    open_script();
    rig.host.arrival = 6;
    rig.host.given = 6;
    for (int i = 0; i < 5; i++)
        rig_push_text(texts[i]);
    rig.now = 1000 * (uint64_t)MS;
    rig_cross(UINT32_MAX);
    check_u64(rig.host.arrival, 8);
    check_u64(rig.host.head.link.sequence, 3);
    check_policy(1, rig.now);
    rig_cross(UINT32_MAX);
    check_policy(2, rig.now + 50 * MS);
    check_u64(rig.host.arrival, 8);
    check(rig.outcome.given_up == NULL);
    rig_cross(UINT32_MAX);
    check_policy(3, 0);
    check(rig.outcome.given_up != NULL);
    check_u64(rig.outcome.settled, 1);
    check_str(rig.reason, "boom");
    check_u64(rig.host.arrival, 9);
    check_u64(rig.host.counters.failures, 3);
    rig_cross(UINT32_MAX);
    check_policy(0, 0);
    check_u64(rig.host.arrival, 11);
    check_u64(rig.host.head.link.sequence, 5);
    rig_take_outputs();
}

static void test_verdict__success_before_a_failure_counts_first(void **state)
{
    (void)state;
    open_script();
    rig_push_text("!");
    rig_cross(UINT32_MAX);
    rig_cross(UINT32_MAX);
    check_policy(2, 50 * MS);
    rig_drop_inputs();
    rig_push_text("e");
    rig_push_text("!");
    rig_cross(UINT32_MAX);
    check_policy(1, 0);
}

static void test_verdict__repeat_is_no_success(void **state)
{
    struct source source = source_new(0xabcd);
    struct lares__envelope *event = source_next(&source, ".");

    (void)state;
    open_script();
    rig_push(event);
    rig_push_again(event);
    rig_cross(1);
    rig.host.restart.n = 5;
    rig_cross(UINT32_MAX);
    check_u64(rig.outcome.settled, 1);
    check_u64(rig.host.restart.n, 5);
}

static void test_verdict__given_up_input_leaves_no_trace(void **state)
{
    struct source source = source_new(0xabcd);

    (void)state;
    check_ok(rig_open(script, "restart.attempts", "1", NULL));
    rig_push(source_next(&source, "e!"));
    rig_push(source_next(&source, "e"));
    rig_cross(UINT32_MAX);
    check_u64(rig.outcome.settled, 1);
    check(rig.outcome.given_up != NULL);
    check_u64(rig.host.counters.committed, 0);
    check_u64(rig.host.horizon.count, 0);
    rig_cross(UINT32_MAX);
    check_u64(rig.host.arrival, 2);
    check_u64(rig_output(0)->link.sequence, 1);
    rig_take_outputs();
}

static void test_verdict__clock_is_read_after_failures_alone(void **state)
{
    (void)state;
    open_script();
    for (int i = 0; i < 10; i++)
        rig_push_text("e");
    rig_cross(UINT32_MAX);
    check_u64(rig.clock_reads, 0);
    rig_push_text("!");
    rig_cross(UINT32_MAX);
    check_u64(rig.clock_reads, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        verdict_test(test_verdict__emit_before_next_blames_no_input),
        verdict_test(test_verdict__emit_after_null_commits_all_and_fails),
        verdict_test(test_verdict__failed_before_next_blames_no_input),
        verdict_test(test_verdict__failed_after_null_commits_all),
        verdict_test(test_verdict__done_without_next_settles_nothing),
        verdict_test(test_verdict__failed_input_leaves_no_trace),
        verdict_test(test_verdict__number_that_is_no_verdict_fails),
        verdict_test(test_verdict__bad_number_keeps_what_came_before),
        verdict_test(test_verdict__may_be_left_by_longjmp),
        verdict_test(test_verdict__third_of_five_inputs_fails),
        verdict_test(test_verdict__success_before_a_failure_counts_first),
        verdict_test(test_verdict__repeat_is_no_success),
        verdict_test(test_verdict__given_up_input_leaves_no_trace),
        verdict_test(test_verdict__clock_is_read_after_failures_alone),
    };

    return check_run(tests);
}
