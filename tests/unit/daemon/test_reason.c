#include "support/host.h"

#include <stdlib.h>

/* -- fixture: what a process says as it fails -- */

enum {
    MIB = 1048576
};

static const char *text;
static lares_verdict answer;

static int reason_setup(void **state)
{
    text = NULL;
    answer = LARES_FAILED;
    return rig_setup(state);
}

#define reason_test(test)                                                      \
    cmocka_unit_test_setup_teardown(test, reason_setup, rig_teardown)

/* -- tools -- */

/* says `text`, and gives `answer` */
static lares_verdict say(lares_call *call, void *instance)
{
    (void)instance;
    check(lares__call_next(call) != NULL);
    lares__call_fail(call, text);
    return answer;
}

/* -- cases -- */

static void fail_with(const char *given)
{
    check_ok(rig_open(say, NULL));
    text = given;
    answer = LARES_FAILED;
    rig_push_text(".");
    rig_cross(UINT32_MAX);
}

/* what `fail` keeps, before it is cut for a report */
static char kept[LARES__TEXT_MAX + 1];

static lares_verdict keep_text(lares_call *call, void *instance)
{
    (void)instance;
    check(lares__call_next(call) != NULL);
    lares__call_fail(call, text);
    lares__call_fail(call, "a second text");
    lares__call_reason(call, kept, sizeof kept);
    return LARES_FAILED;
}

static void check_kept(const char *given, const char *expected)
{
    check_ok(rig_open(keep_text, NULL));
    text = given;
    rig_push_text(".");
    rig_cross(UINT32_MAX);
    check_str(kept, expected);
    rig_close();
}

/* id: V05 (1 MiB; a second is ignored) */
static void test_reason__text_is_cut_to_16_kib(void **state)
{
    char *given = malloc(MIB + 1);

    (void)state;
    memset(given, 'a', MIB);
    given[MIB] = '\0';
    check_ok(rig_open(keep_text, NULL));
    text = given;
    rig_push_text(".");
    rig_cross(UINT32_MAX);
    free(given);
    check_u64(strlen(kept), LARES__TEXT_MAX);
    check_u64(strspn(kept, "a"), LARES__TEXT_MAX);
}

/* A character that the cut divides does not stay as half of one. */
static void test_reason__text_is_cut_between_characters(void **state)
{
    char given[LARES__TEXT_MAX + 8];

    (void)state;
    memset(given, 'a', LARES__TEXT_MAX - 1);
    strcpy(given + LARES__TEXT_MAX - 1, "\xe2\x82\xac!");
    check_ok(rig_open(keep_text, NULL));
    text = given;
    rig_push_text(".");
    rig_cross(UINT32_MAX);
    check(strlen(kept) <= LARES__TEXT_MAX);
    check(strspn(kept, "a?") == strlen(kept));
}

static void test_reason__text_is_valid_utf8(void **state)
{
    (void)state;
    check_kept("gr\xc3\xbcn", "gr\xc3\xbcn");
    check_kept("\xff\xc3(\x80", "?\?(?");
    check_kept("", "");
}

static void test_reason__alone_does_not_fail(void **state)
{
    (void)state;
    check_ok(rig_open(say, NULL));
    text = "only a remark";
    answer = LARES_DONE;
    rig_push_text(".");
    rig_cross(UINT32_MAX);
    check_crossing(1, 0, 0);
}

/* id: V05 (none: the callback's name) */
static void test_reason__without_a_text_the_callback_is_named(void **state)
{
    (void)state;
    fail_with(NULL);
    check_str(rig.reason, "process failed");
}

static void test_reason__text_wins_over_the_refusal(void **state)
{
    (void)state;
    check_ok(rig_open(script, NULL));
    rig_push_text("$!");
    rig_cross(UINT32_MAX);
    check_str(rig.reason, "boom");
    rig_close();
    check_ok(rig_open(script, NULL));
    rig_push_text("$");
    rig_cross(UINT32_MAX);
    check(strstr(rig.reason, "'$x'") != NULL);
}

static void test_reason__text_of_one_crossing_ends_with_it(void **state)
{
    (void)state;
    fail_with("first");
    check_str(rig.reason, "first");
    text = NULL;
    rig_cross(UINT32_MAX);
    check_str(rig.reason, "process failed");
}

static lares_verdict fail_without_memory(lares_call *call, void *instance)
{
    (void)instance;
    check(lares__call_next(call) != NULL);
    lares__alloc_fail(1, 0);
    lares__call_fail(call, "lost");
    lares__call_fail(call, "a second text");
    lares__alloc_fail(-1, 0);
    return LARES_FAILED;
}

static void test_reason__text_without_memory_is_a_static_line(void **state)
{
    (void)state;
    check_ok(rig_open(fail_without_memory, NULL));
    rig_push_text(".");
    rig_cross(UINT32_MAX);
    check_str(rig.reason, "out of memory");
    check_crossing(0, 1, 0);
}

static void test_reason__reason_is_cut_between_characters(void **state)
{
    char reason[6];

    (void)state;
    check_ok(rig_open(script, NULL));
    lares__call_open(&rig.call, &rig.host, LARES__PHASE_PROCESS, NULL, 0, 0);
    lares__call_fail(&rig.call, "abc\xe2\x82\xac");
    lares__call_reason(&rig.call, reason, sizeof reason);
    check_str(reason, "abc");
    lares__call_fini(&rig.call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        reason_test(test_reason__text_is_cut_to_16_kib),
        reason_test(test_reason__text_is_cut_between_characters),
        reason_test(test_reason__text_is_valid_utf8),
        reason_test(test_reason__alone_does_not_fail),
        reason_test(test_reason__without_a_text_the_callback_is_named),
        reason_test(test_reason__text_wins_over_the_refusal),
        reason_test(test_reason__text_of_one_crossing_ends_with_it),
        reason_test(test_reason__text_without_memory_is_a_static_line),
        reason_test(test_reason__reason_is_cut_between_characters),
    };

    return check_run(tests);
}
