#include "support/heap.h"

/* -- cases --------------------------------------------------------------- */

static void test_options__check_their_arguments(void **state)
{
    lares_options *options = NULL;

    (void)state;
    check_status(lares_options_new(NULL), LARES_EINVAL);
    check_ok(lares_options_new(&options));
    check_status(lares_options_set(NULL, "name", "east"), LARES_EINVAL);
    check_status(lares_options_set(options, NULL, "east"), LARES_EINVAL);
    check_status(lares_options_set(options, "name", NULL), LARES_EINVAL);
    lares_options_free(options);
    lares_options_free(NULL);
}

static void test_options__check_the_form(void **state)
{
    lares_options *options = NULL;
    char value[4098];

    (void)state;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    check_ok(lares_options_new(&options));
    check_ok(lares_options_set(options, "mailbox.count", "16"));
    check_ok(lares_options_set(options, "mailbox.count", "32"));
    check_status(lares_options_set(options, "mailbox_count", "1"), LARES_ENAME);
    check_status(lares_options_set(options, "argument", value), LARES_ETOOBIG);
    lares_options_free(options);
}

static void test_options__report_want_of_memory(void **state)
{
    lares_options *options = NULL;

    (void)state;
    lares__alloc_fail(1, 0);
    check_status(lares_options_new(&options), LARES_ENOMEM);
    check(options == NULL);
    check_ok(lares_options_new(&options));
    lares__alloc_fail(1, 0);
    check_status(lares_options_set(options, "name", "east"), LARES_ENOMEM);
    lares_options_free(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_options__check_their_arguments),
        heap_test(test_options__check_the_form),
        heap_test(test_options__report_want_of_memory),
    };

    return check_run(tests);
}
