#include "support/check.h"

#include "base/forked.h"

#include <sys/wait.h>
#include <unistd.h>

/* -- tools --------------------------------------------------------------- */

/* What lares__forked says in a child; in a child of that one if deep. */
static int forked_in_child(int deep)
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(deep ? forked_in_child(0) : lares__forked());
    check(child > 0);
    check(waitpid(child, &status, 0) == child);
    check(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* -- cases --------------------------------------------------------------- */

/* In this order: arming lasts for the life of the process. */
static void test_forked__not_before_it_is_armed(void **state)
{
    (void)state;
    check_u64((uint64_t)lares__forked(), 0);
    check_u64((uint64_t)forked_in_child(0), 0);
}

static void test_forked__in_every_child_once_armed(void **state)
{
    (void)state;
    lares__forked_arm();
    lares__forked_arm();
    check_u64((uint64_t)lares__forked(), 0);
    check_u64((uint64_t)forked_in_child(0), 1);
    check_u64((uint64_t)forked_in_child(1), 1);
    check_u64((uint64_t)lares__forked(), 0);
}

static void test_forked__refuses_with_a_detail(void **state)
{
    (void)state;
    check_status(lares__forked_refuse(), LARES_EFORKED);
    check_detail("fork");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forked__not_before_it_is_armed),
        cmocka_unit_test(test_forked__in_every_child_once_armed),
        cmocka_unit_test(test_forked__refuses_with_a_detail),
    };

    return check_run(tests);
}
