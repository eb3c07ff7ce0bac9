/* The two public structs, as every compiled caller knows them. */
#include "support/check.h"

#include "lares.h"

/* -- cases -------------------------------------------------------------- */

/* id: AB01 */
static void test_layout__event(void **state)
{
    (void)state;
    check_u64(offsetof(lares_event, origin), 0);
    check_u64(offsetof(lares_event, sequence), 8);
    check_u64(offsetof(lares_event, parent), 16);
    check_u64(offsetof(lares_event, horizon), 24);
    check_u64(offsetof(lares_event, hash), 32);
    check_u64(offsetof(lares_event, arrival), 40);
    check_u64(offsetof(lares_event, received_at), 48);
    check_u64(offsetof(lares_event, data), 56);
    check_u64(offsetof(lares_event, len), 64);
    check_u64(offsetof(lares_event, channel), 72);
    check_u64(offsetof(lares_event, kind), 80);
    check_u64(offsetof(lares_event, flags), 84);
    check_u64(sizeof(lares_event), 88);
}

static void test_layout__daemon_ops(void **state)
{
    (void)state;
    check_u64(offsetof(lares_daemon_ops, size), 0);
    check_u64(offsetof(lares_daemon_ops, flags), 4);
    check_u64(offsetof(lares_daemon_ops, create), 8);
    check_u64(offsetof(lares_daemon_ops, destroy), 16);
    check_u64(offsetof(lares_daemon_ops, process), 24);
    check_u64(offsetof(lares_daemon_ops, snapshot), 32);
    check_u64(offsetof(lares_daemon_ops, restore), 40);
    check_u64(sizeof(lares_daemon_ops), 48);
}

/* Every status has its name and its text; no other number has one. */
static void test_layout__status_map(void **state)
{
    (void)state;
#define XX(name, value, text)                                                  \
    check_u64((uint64_t)LARES_##name, (uint64_t)(value));                      \
    check_str(lares_status_name(value), #name);                                \
    check_str(lares_status_text(value), text);
    LARES_STATUS_MAP(XX)
#undef XX
    check_str(lares_status_name(-1), "UNKNOWN");
    check_str(lares_status_text(-1), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout__event),
        cmocka_unit_test(test_layout__daemon_ops),
        cmocka_unit_test(test_layout__status_map),
    };

    return check_run(tests);
}
