#include "support/check.h"

#include "base/status.h"

/* -- cases --------------------------------------------------------------- */

static void test_status__names_every_code(void **state)
{
    (void)state;
#define XX(name, value, text)                                                  \
    check_str(lares__status_name(LARES_##name), #name);                        \
    check_str(lares__status_text(LARES_##name), text);
    LARES_STATUS_MAP(XX)
#undef XX
}

static void test_status__knows_what_is_no_code(void **state)
{
    static const lares_status strangers[] = {1, -1, -9, -1000, INT32_MIN};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        check_str(lares__status_name(strangers[i]), "UNKNOWN");
        check_str(lares__status_text(strangers[i]), "unknown status");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status__names_every_code),
        cmocka_unit_test(test_status__knows_what_is_no_code),
    };

    return check_run(tests);
}
