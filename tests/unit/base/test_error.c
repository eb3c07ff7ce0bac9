#include "support/heap.h"

#include "base/error.h"
#include "base/thread.h"

#include <stdio.h>

/* -- fixture ------------------------------------------------------------- */

static int error_setup(void **state)
{
    lares__error_clear();
    return heap_setup(state);
}

static void other_thread(void *data)
{
    char *seen = data;

    snprintf(seen, 16, "%s", lares__error_detail());
    lares__error(LARES_EIO, "another thread's");
}

/* -- cases --------------------------------------------------------------- */

static void test_error__is_empty_at_first(void **state)
{
    (void)state;
    check_str(lares__error_detail(), "");
}

static void test_error__keeps_the_line_and_answers_the_code(void **state)
{
    (void)state;
    check_status(lares__error(LARES_ERANGE, "%d is over %s", 7, "six"),
                 LARES_ERANGE);
    check_str(lares__error_detail(), "7 is over six");
    lares__error_clear();
    check_str(lares__error_detail(), "");
}

static void test_error__may_quote_the_line_that_stands(void **state)
{
    (void)state;
    lares__error(LARES_EIO, "deep");
    lares__error(LARES_EIO, "outer: %s", lares__error_detail());
    check_str(lares__error_detail(), "outer: deep");
}

static void test_error__cuts_between_characters(void **state)
{
    static const char *const marks[] = {"x", "\xc3\xa9", "\xe2\x82\xac",
                                        "\xf0\x9f\x8f\xa0"};
    char text[600];
    size_t pad, mark, width, whole;

    (void)state;
    for (mark = 0; mark < 4; mark++)
        for (pad = 500; pad < 520; pad++) {
            width = strlen(marks[mark]);
            memset(text, 'a', pad);
            memcpy(text + pad, marks[mark], width);
            memset(text + pad + width, 'b', sizeof text - pad - width);
            text[sizeof text - 1] = '\0';
            lares__error(LARES_EIO, "%s", text);
            whole = pad < 511 && pad + width > 511 ? pad : 511;
            check_u64(strlen(lares__error_detail()), whole);
            check_mem(lares__error_detail(), text, whole);
        }
}

static void test_error__is_valid_utf8(void **state)
{
    (void)state;
    lares__error(LARES_ENAME, "'%s'", "a\xff\xc3z\xed\xa0\x80");
    check_str(lares__error_detail(), "'a?"
                                     "?z?"
                                     "?"
                                     "?'");
}

static void test_error__belongs_to_its_thread(void **state)
{
    struct lares__thread thread;
    char seen[16] = "unset";

    (void)state;
    lares__error(LARES_EIO, "mine");
    check_ok(lares__thread_start(&thread, other_thread, seen));
    lares__thread_join(&thread);
    check_str(seen, "");
    check_str(lares__error_detail(), "mine");
}

static void test_error__allocates_nothing(void **state)
{
    uint64_t calls = lares__alloc_count();

    (void)state;
    lares__error(LARES_ENOMEM, "no memory for %d bytes", 5);
    check_u64(lares__alloc_count(), calls);
}

int main(void)
{
#define error_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, error_setup, heap_teardown)
    const struct CMUnitTest tests[] = {
        error_test(test_error__is_empty_at_first),
        error_test(test_error__keeps_the_line_and_answers_the_code),
        error_test(test_error__may_quote_the_line_that_stands),
        error_test(test_error__cuts_between_characters),
        error_test(test_error__is_valid_utf8),
        error_test(test_error__belongs_to_its_thread),
        error_test(test_error__allocates_nothing),
    };

    return check_run(tests);
}
