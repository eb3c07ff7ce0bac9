#include "support/check.h"

#include "daemon/restart.h"

/* -- tools -- */

enum {
    MS = 1000000 /* ns */
};

static struct lares__restart policy(void)
{
    struct lares__restart restart;

    lares__restart_init(&restart, 50 * MS, 10000ull * MS, 3);
    return restart;
}

struct attempt {
    uint64_t ms;
    int letter;
};

/* every attempt is made when its gate opens, and fails */
static const struct attempt attempts[] = {
    {0,     0},
    {0,     0},
    {50,    1},
    {50,    0},
    {250,   0},
    {650,   1},
    {650,   0},
    {2250,  0},
    {5450,  1},
    {5450,  0},
    {15450, 0},
    {25450, 1},
    {25450, 0},
    {35450, 0},
    {45450, 1},
    {45450, 0},
    {55450, 0},
    {65450, 1},
};

enum {
    ATTEMPTS = sizeof attempts / sizeof attempts[0]
};

/* -- cases -- */

/* id: RP01 (golden vector G15) */
static void test_restart__follows_the_vector(void **state)
{
    struct lares__restart restart = policy();
    uint64_t now = 0;
    uint64_t arrival = 1;

    (void)state;
    for (int i = 0; i < ATTEMPTS; i++) {
        int letter;

        check_u64(now, attempts[i].ms * MS);
        check(lares__restart_open(&restart, now));
        letter = lares__restart_failed(&restart, now, arrival);
        check_i64(letter, attempts[i].letter);
        check_u64(restart.n, (uint64_t)i + 1);
        arrival += (uint64_t)letter;
        if (restart.gate > now) {
            check(!lares__restart_open(&restart, restart.gate - 1));
            now = restart.gate;
        }
    }
}

/* part of NS01: looping from 5 450 ms on, but not behind a letter */
static void test_restart__loops_when_the_wait_is_the_longest(void **state)
{
    struct lares__restart restart = policy();
    uint64_t arrival = 1;

    (void)state;
    check(!lares__restart_looping(&restart));
    for (int i = 0; i < ATTEMPTS; i++) {
        int letter =
            lares__restart_failed(&restart, attempts[i].ms * MS, arrival);

        arrival += (uint64_t)letter;
        check_i64(lares__restart_looping(&restart), i >= 9 && !letter);
    }
    lares__restart_success(&restart);
    check(!lares__restart_looping(&restart));
}

/* id: RP01 (a success: the next wait is 0) */
static void test_restart__begins_again_after_a_success(void **state)
{
    struct lares__restart restart = policy();

    (void)state;
    for (int i = 0; i < 5; i++)
        (void)lares__restart_failed(&restart, 0, 0);
    check(!lares__restart_open(&restart, 0));
    lares__restart_success(&restart);
    check_u64(restart.n, 0);
    check(lares__restart_open(&restart, 0));
    (void)lares__restart_failed(&restart, 9, 1);
    check(lares__restart_open(&restart, 9));
    (void)lares__restart_failed(&restart, 9, 1);
    check_u64(restart.gate, 9 + 50 * MS);
}

/* id: RP01 (forced: open at once) */
static void test_restart__opens_when_forced(void **state)
{
    struct lares__restart restart = policy();

    (void)state;
    for (int i = 0; i < 20; i++)
        (void)lares__restart_failed(&restart, 0, 0);
    check(lares__restart_looping(&restart));
    lares__restart_forced(&restart);
    check(lares__restart_open(&restart, 0));
    check(!lares__restart_looping(&restart));
    check_u64(restart.n, 0);
}

static void test_restart__without_a_culprit_gives_nothing_up(void **state)
{
    struct lares__restart restart = policy();

    (void)state;
    check(!lares__restart_failed(&restart, 0, 8));
    check(!lares__restart_failed(&restart, 0, 8));
    for (int i = 0; i < 10; i++)
        check(!lares__restart_failed(&restart, 0, 0));
    check_u64(restart.n, 12);
    check(lares__restart_failed(&restart, 0, 8));
}

static void test_restart__counts_attempts_at_each_input(void **state)
{
    struct lares__restart restart = policy();

    (void)state;
    check(!lares__restart_failed(&restart, 0, 1));
    check(!lares__restart_failed(&restart, 0, 1));
    check(!lares__restart_failed(&restart, 0, 2));
    check(!lares__restart_failed(&restart, 0, 2));
    check(lares__restart_failed(&restart, 0, 2));
    check_u64(restart.n, 5);
}

static void test_restart__gives_up_at_once_with_one_attempt(void **state)
{
    struct lares__restart restart;

    (void)state;
    lares__restart_init(&restart, MS, MS, 1);
    check(lares__restart_failed(&restart, 5, 1));
    check(lares__restart_open(&restart, 0));
    check(lares__restart_failed(&restart, 5, 2));
    check_u64(restart.n, 2);
}

static void test_restart__waits_never_overflow(void **state)
{
    struct lares__restart restart;

    (void)state;
    lares__restart_init(&restart, 3, UINT64_MAX, 3);
    for (int i = 0; i < 200; i++)
        (void)lares__restart_failed(&restart, 1000, 0);
    check_u64(restart.gate, UINT64_MAX);
    lares__restart_init(&restart, 70, 30, 3); /* the first wait is cut, too */
    (void)lares__restart_failed(&restart, 1000, 0);
    (void)lares__restart_failed(&restart, 1000, 0);
    check_u64(restart.gate, 1030);
}

static void test_restart__without_waits_never_loops(void **state)
{
    struct lares__restart restart;

    (void)state;
    lares__restart_init(&restart, 0, 0, 3);
    for (int i = 0; i < 10; i++)
        (void)lares__restart_failed(&restart, 1000, 0);
    check(lares__restart_open(&restart, 1000));
    check(!lares__restart_looping(&restart));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restart__follows_the_vector),
        cmocka_unit_test(test_restart__loops_when_the_wait_is_the_longest),
        cmocka_unit_test(test_restart__begins_again_after_a_success),
        cmocka_unit_test(test_restart__opens_when_forced),
        cmocka_unit_test(test_restart__without_a_culprit_gives_nothing_up),
        cmocka_unit_test(test_restart__counts_attempts_at_each_input),
        cmocka_unit_test(test_restart__gives_up_at_once_with_one_attempt),
        cmocka_unit_test(test_restart__waits_never_overflow),
        cmocka_unit_test(test_restart__without_waits_never_loops),
    };

    return check_run(tests);
}
