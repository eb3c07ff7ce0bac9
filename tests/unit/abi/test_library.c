#include "support/check.h"

/* -- cases --------------------------------------------------------------- */

static void test_library__version_is_the_header_s(void **state)
{
    (void)state;
    check_u64(lares_abi_version(),
              (uint64_t)LARES_ABI_MAJOR << 16 | LARES_ABI_MINOR);
}

static void test_library__tells_statuses(void **state)
{
    (void)state;
    check_str(lares_status_name(LARES_OK), "OK");
    check_str(lares_status_name(LARES_EKIND), "EKIND");
    check_str(lares_status_name(-9), "UNKNOWN");
    check_str(lares_status_text(LARES_EDEADLK), "would wait inside a callback");
    check_str(lares_status_text(1), "unknown status");
}

static void test_library__tells_the_last_error(void **state)
{
    lares_options *options = NULL;

    (void)state;
    check_str(lares_error_detail(), "");
    check_status(lares_options_new(NULL), LARES_EINVAL);
    check_detail("NULL");
    check_ok(lares_options_new(&options));
    check_str(lares_error_detail(), ""); /* that call did not fail */
    lares_options_free(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_library__version_is_the_header_s),
        cmocka_unit_test(test_library__tells_statuses),
        cmocka_unit_test(test_library__tells_the_last_error),
    };

    return check_run(tests);
}
